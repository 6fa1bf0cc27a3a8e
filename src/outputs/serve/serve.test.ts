import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MetricsRegistry } from '../../engine/core/metrics-registry.ts';
import { silentLog } from '../testing/alerts.ts';
import { testFolder } from '../testing/open.ts';
import type { Health, ServeSources } from './app.ts';
import { hostAllowed } from './guard.ts';
import type { ServeConfig } from './options.ts';
import { StatusServer } from './server.ts';

const DEFAULTS: ServeConfig = { enabled: true, listen: '127.0.0.1:0', allowed_hosts: [] };

async function open(t: TestContext, config: Partial<ServeConfig> = {}, ready = true): Promise<StatusServer> {
  const registry = new MetricsRegistry();
  registry.set('rulesLoaded', [], 42);
  const health: Health = { ok: ready, checks: { rules: { ok: ready, detail: '42 rules' } } };
  const sources: ServeSources = {
    metrics: () => registry.text(),
    live: () => ({ ok: true, checks: {} }),
    ready: () => health,
    version: { version: '0.1.0' },
  };
  const server = await StatusServer.open({ ...DEFAULTS, ...config }, sources, silentLog);
  t.after(() => server.close());
  return server;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function get(
  server: StatusServer,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const [host = '', port] = server.address.split(':');
  const target = server.address.startsWith('/') ? { socketPath: server.address } : { host, port };
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...target, path, ...options }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('utf8');
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('metrics, health and version are served', async (t) => {
  const server = await open(t);
  const metrics = await get(server, '/metrics');
  assert.equal(metrics.status, 200);
  assert.match(metrics.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(metrics.body, /^ringfence_rules_loaded 42$/m);
  for (const path of ['/livez', '/readyz', '/healthz']) assert.equal((await get(server, path)).status, 200);
  assert.deepEqual(JSON.parse((await get(server, '/version')).body), { version: '0.1.0' });
  assert.equal((await get(server, '/')).status, 404);
});

test('an engine that is not ready answers 503 and says what is wrong', async (t) => {
  const server = await open(t, {}, false);
  const reply = await get(server, '/readyz');
  assert.equal(reply.status, 503);
  assert.deepEqual(JSON.parse(reply.body).checks, { rules: { ok: false, detail: '42 rules' } });
  assert.equal((await get(server, '/livez')).status, 200);
});

test('nothing can be changed over HTTP', async (t) => {
  const server = await open(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    assert.equal((await get(server, '/metrics', { method })).status, 405, method);
  }
  assert.equal((await get(server, '/metrics', { method: 'HEAD' })).status, 200);
});

test('a page that has turned its name to our address is refused', async (t) => {
  const server = await open(t, { allowed_hosts: ['node-7.example'] });
  const status = async (host: string): Promise<number> =>
    (await get(server, '/metrics', { headers: { host } })).status;
  assert.equal(await status('evil.example'), 421);
  assert.equal(await status('evil.example:8765'), 421);
  assert.equal(await status('localhost:8765'), 200);
  assert.equal(await status('127.0.0.1:8765'), 200);
  assert.equal(await status('Node-7.example:8765'), 200);
  assert.ok(hostAllowed('[::1]:8765', []));
  assert.ok(!hostAllowed(undefined, []));
  assert.ok(!hostAllowed('localhost.evil.example', ['localhost']));
});

test('with a token, metrics and version ask for it and probes do not', async (t) => {
  const path = join(testFolder(), 'token');
  writeFileSync(path, 's3cret\n');
  const server = await open(t, { token_file: path });
  const status = async (url: string, authorization?: string): Promise<number> =>
    (await get(server, url, authorization ? { headers: { authorization } } : {})).status;
  assert.equal(await status('/metrics'), 401);
  assert.equal(await status('/version'), 401);
  assert.equal(await status('/metrics', 'Bearer s3cre'), 401);
  assert.equal(await status('/metrics', 'Basic s3cret'), 401);
  assert.equal(await status('/metrics', 'Bearer s3cret'), 200);
  assert.equal(await status('/readyz'), 200);
});

test('a unix socket takes the place of a dead one, not of a living one, and is removed at the end', async (t) => {
  const socket = join(testFolder(), 'http.sock');
  await leaveDeadSocket(socket);
  const server = await open(t, { socket });
  assert.equal((await get(server, '/livez', { headers: { host: 'anything' } })).status, 200);
  assert.equal(statSync(socket).mode & 0o777, 0o660);
  await assert.rejects(open(t, { socket }), /E_SERVE_LISTEN|cannot listen/);
  await server.close();
  assert.ok(!existsSync(socket));
});

/** A socket file with nobody behind it: the way a killed process leaves it. */
async function leaveDeadSocket(path: string): Promise<void> {
  const { spawnSync } = await import('node:child_process');
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(existsSync(path));
}

test('a port that is taken is an error that names the address', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  await assert.rejects(
    open(t, { listen: `127.0.0.1:${port}` }),
    new RegExp(`cannot listen on 127.0.0.1:${port}`),
  );
});

test('connections that ask for nothing keep nobody out', async (t) => {
  const server = await open(t);
  const [host = '', port] = server.address.split(':');
  const idle = Array.from({ length: 200 }, () => connect(Number(port), host).on('error', () => {}));
  t.after(() => {
    for (const socket of idle) socket.destroy();
  });
  await Promise.all(idle.map((socket) => once(socket, 'connect')));
  for (let i = 0; i < 5; i++) assert.equal((await get(server, '/livez')).status, 200);
});

test('an empty token is no token: nothing is served', async (t) => {
  const path = join(testFolder(), 'token');
  writeFileSync(path, '\n', { mode: 0o600 });
  await assert.rejects(open(t, { token_file: path }), { code: 'E_SERVE_LISTEN', message: /token is empty/ });
});

test('a socket path that does not fit is refused', async (t) => {
  const socket = join(testFolder(), 'x'.repeat(107));
  await assert.rejects(open(t, { socket }), { code: 'E_SERVE_LISTEN', message: /longer than 107 bytes/ });
});
