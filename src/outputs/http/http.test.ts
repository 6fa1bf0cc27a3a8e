import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ajv } from 'ajv';
import type { OutputStats } from '../stats.ts';
import { silentLog, testAlert, testAlerts } from '../testing/alerts.ts';
import { makeCertificates, NO_OPENSSL } from '../testing/certificates.ts';
import { FAST, openOutputs, testFolder, until } from '../testing/open.ts';
import { FALCO_SCHEMA } from '../testing/schemas.ts';

interface Seen {
  readonly request: IncomingMessage;
  readonly body: string;
}

type Answer = (seen: Seen, response: ServerResponse, n: number) => void;

/** A receiver that answers as a test likes. */
async function receiver(t: TestContext, answer: Answer, server: Server = createServer()) {
  const seen: Seen[] = [];
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { request, body: Buffer.concat(chunks).toString('utf8') };
      seen.push(one);
      answer(one, response, seen.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, seen };
}

const accept: Answer = (_, response) => response.end('ok');

test('each alert is one POST with the document that falcosidekick takes', async (t) => {
  const { port, seen } = await receiver(t, accept);
  const outputs = await openOutputs(
    { http: { url: `http://127.0.0.1:${port}/x?y=1`, ...FAST } },
    testFolder(),
  );
  outputs.emit(testAlerts(5));
  await outputs.close(2000);
  assert.equal(seen.length, 5);
  const validate = new Ajv({ strict: false }).compile(FALCO_SCHEMA);
  for (const { request, body } of seen) {
    assert.equal(request.method, 'POST');
    assert.equal(request.url, '/x?y=1');
    assert.equal(request.headers['content-type'], 'application/json');
    assert.equal(request.headers['user-agent'], 'ringfence/0.1.0');
    assert.ok(validate(JSON.parse(body)), JSON.stringify(validate.errors));
  }
  assert.equal(new Set(seen.map(({ request }) => request.socket.remotePort)).size, 1, 'one connection');
});

test('a batch goes as a JSON array or as lines', async (t) => {
  for (const [body, type] of [
    ['array', 'application/json'],
    ['lines', 'application/x-ndjson'],
  ] as const) {
    const { port, seen } = await receiver(t, accept);
    const outputs = await openOutputs(
      { http: { url: `http://127.0.0.1:${port}`, body, ...FAST } },
      testFolder(),
    );
    outputs.emit(testAlerts(5));
    await outputs.close(2000);
    assert.equal(seen.length, 1);
    assert.equal(seen[0]?.request.headers['content-type'], type);
    const text = seen[0]?.body ?? '';
    const documents = body === 'array' ? JSON.parse(text) : text.split('\n').map((line) => JSON.parse(line));
    assert.equal(documents.length, 5);
  }
});

test('an alert that is refused is dropped; the others of its batch are delivered', async (t) => {
  for (const body of ['single', 'array']) {
    const { port, seen } = await receiver(t, (one, response) => {
      response.writeHead(one.body.includes('number=2)') ? 400 : 200).end();
    });
    const outputs = await openOutputs(
      { http: { url: `http://127.0.0.1:${port}`, body, ...FAST } },
      testFolder(),
    );
    outputs.emit(testAlerts(5));
    await until('all are settled', () => outputs.stats()[0]?.sent === 4);
    assert.deepEqual(outputs.stats()[0]?.dropped, { rejected: 1 });
    await outputs.close(1000);
    assert.ok(seen.length <= 7);
  }
});

test('errors, resets and silence are tried again; what was answered is not sent twice', async (t) => {
  const { port, seen } = await receiver(t, ({ request }, response, n) => {
    if (n === 2) response.writeHead(500).end();
    else if (n === 4) request.socket.destroy();
    else if (n === 6) return;
    else if (n === 8) response.writeHead(401).end();
    else response.end();
  });
  const config = { url: `http://127.0.0.1:${port}`, ...FAST, send_timeout_ms: 300 };
  const outputs = await openOutputs({ http: config }, testFolder());
  outputs.emit(testAlerts(10));
  await until('all were sent', () => outputs.stats()[0]?.sent === 10);
  await outputs.close(1000);
  const failed = [2, 4, 6, 8];
  const taken = seen
    .filter((_, i) => !failed.includes(i + 1))
    .map(({ body }) => /number=(\d+)\)/.exec(body)?.[1]);
  assert.deepEqual(taken.slice(-1), ['9']);
  assert.deepEqual([...new Set(taken)].length, 10);
  assert.ok(taken.length <= 12, 'only the attempt that ran out of time repeats something');
});

test('Retry-After is heeded', async (t) => {
  const times: number[] = [];
  const { port } = await receiver(t, (_, response, n) => {
    times.push(performance.now());
    if (n === 1) response.writeHead(429, { 'retry-after': '1' }).end();
    else response.end();
  });
  const outputs = await openOutputs({ http: { url: `http://127.0.0.1:${port}`, ...FAST } }, testFolder());
  outputs.emit(testAlert(1));
  await until('it was sent', () => outputs.stats()[0]?.sent === 1);
  await outputs.close(1000);
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 990);
});

test('secrets come from files and are read again on reopen', async (t) => {
  const folder = testFolder();
  const [token, value] = [join(folder, 'token'), join(folder, 'value')];
  writeFileSync(token, 'first\n');
  writeFileSync(value, 'key-1');
  const { port, seen } = await receiver(t, accept);
  const config = {
    url: `http://127.0.0.1:${port}`,
    bearer_token_file: token,
    secret_header: { name: 'x-api-key', value_file: value },
    headers: { 'x-site': 'here' },
  };
  const outputs = await openOutputs({ http: config }, folder);
  outputs.emit(testAlert(1));
  await until('the first arrived', () => seen.length === 1);
  writeFileSync(token, 'second\n');
  await outputs.reopen();
  outputs.emit(testAlert(2));
  await outputs.close(1000);
  assert.deepEqual(
    seen.map(({ request }) => request.headers.authorization),
    ['Bearer first', 'Bearer second'],
  );
  assert.equal(seen[0]?.request.headers['x-api-key'], 'key-1');
  assert.equal(seen[0]?.request.headers['x-site'], 'here');
});

test('a password in the address and a missing secret file are refused at the start', async () => {
  const folder = testFolder();
  await assert.rejects(
    openOutputs({ http: { url: 'http://user:pass@127.0.0.1/' } }, folder),
    /must not hold a password/,
  );
  const missing = { url: 'http://127.0.0.1/', bearer_token_file: join(folder, 'none') };
  await assert.rejects(openOutputs({ http: missing }, folder), /ENOENT/);
});

test('mutual TLS: only who shows the certificate and trusts the authority delivers', {
  skip: NO_OPENSSL,
}, async (t) => {
  const folder = testFolder();
  const { ca, cert, key, clientCert, clientKey } = makeCertificates(folder);
  const server = createHttpsServer({
    cert: readFileSync(cert),
    key: readFileSync(key),
    ca: readFileSync(ca),
    requestCert: true,
    rejectUnauthorized: true,
  });
  const { port, seen } = await receiver(t, accept, server as unknown as Server);
  const attempt = async (tls: Readonly<Record<string, unknown>>): Promise<OutputStats> => {
    const outputs = await openOutputs({ http: { url: `https://127.0.0.1:${port}`, tls, ...FAST } }, folder, {
      log: silentLog,
    });
    outputs.emit(testAlert(1));
    const stats = (): OutputStats => outputs.stats()[0] as OutputStats;
    await until('it was tried', () => stats().sent + stats().failures > 0);
    await outputs.close(0);
    return stats();
  };
  assert.equal((await attempt({})).sent, 0);
  assert.equal((await attempt({ ca_file: ca })).sent, 0);
  assert.equal(seen.length, 0);
  assert.equal((await attempt({ ca_file: ca, cert_file: clientCert, key_file: clientKey })).sent, 1);
  assert.equal((await attempt({ verify: false, cert_file: clientCert, key_file: clientKey })).sent, 1);
});

test('a secret that no header can carry is an error at the start, and is not taken up later', async (t) => {
  const { port, seen } = await receiver(t, accept);
  const folder = testFolder();
  const file = join(folder, 'token');
  const config = { url: `http://127.0.0.1:${port}/`, bearer_token_file: file, ...FAST };
  writeFileSync(file, 'first\nsecond\n');
  await assert.rejects(openOutputs({ http: config }, folder), {
    code: 'E_OUTPUT_OPEN',
    message: /Invalid character in header content \["authorization"\]$/,
  });
  writeFileSync(file, 'good\n');
  const outputs = await openOutputs({ http: config }, folder);
  writeFileSync(file, 'first\nsecond\n');
  await outputs.reopen();
  outputs.emit(testAlert(1));
  await until('it was sent', () => seen.length === 1);
  assert.equal(seen[0]?.request.headers.authorization, 'Bearer good');
  await outputs.close(1000);
});
