import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { publishCommand } from '../outputs/nats/control.ts';
import { silentLog } from '../outputs/testing/alerts.ts';
import { NO_NATS, TestNatsServer } from '../outputs/testing/nats-server.ts';
import { testFolder, until } from '../outputs/testing/open.ts';
import { pushDeny } from './cli/deny-push.ts';
import { AppError } from './core/diagnostic.ts';
import { DENY_VERB, FleetControl, type FleetDeps } from './fleet.ts';

const CONNECTION = { tls: { enabled: false, verify: true } };

test('an entry that is pushed to the fleet is put to the deny list and on record, and nothing else can be asked for', {
  skip: NO_NATS,
  timeout: 30_000,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, 'fleet secret\n');
  const asked: [string, Readonly<Record<string, unknown>>][] = [];
  const rows: unknown[] = [];
  const deps: FleetDeps = {
    hostname: 'web-1',
    log: silentLog,
    ask: async (question, args) => {
      asked.push([question, args]);
      return { id: 7 };
    },
    record: async (row) => void rows.push(row),
  };
  const config = {
    ...CONNECTION,
    enabled: true,
    url: server.url,
    secret_file: secretFile,
    trusted_nkeys: [],
  };
  const fleet = await FleetControl.start(config, deps);
  t.after(() => fleet.close());
  const flags = { nats: server.url, host: 'web-1', secretFile, valid: '5m' };
  await until('it listens', async () => {
    await pushDeny('198.51.100.1', flags, {});
    return asked.length > 0;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  asked.length = 0;
  rows.length = 0;

  const forbidden = {
    id: 'x',
    host: 'web-1',
    verb: DENY_VERB,
    issuedAt: new Date(),
    expiresAt: new Date(Date.now() + 9e4),
  };
  for (const body of [{ question: 'policy.monitor', args: {} }, { question: 'deny.add' }, null, 'deny.add']) {
    const command = { ...forbidden, id: JSON.stringify(body), body };
    const connection = { ...CONNECTION, url: server.url };
    await publishCommand(
      connection,
      command,
      { secret: 'fleet secret' },
      silentLog,
      AbortSignal.timeout(5000),
    );
  }
  const id = await pushDeny('203.0.113.0/24', { ...flags, host: '*' }, { ttl: 600_000, reason: 'botnet' });
  await pushDeny('203.0.113.0/24', { ...flags, remove: true }, {});
  await until('both arrived', () => asked.length >= 2 && rows.length >= 2);
  assert.deepEqual(asked[0], [
    'deny.add',
    { target: '203.0.113.0/24', ttl: 600_000, reason: 'botnet', source: `fleet ${id}` },
  ]);
  assert.equal(asked[1]?.[0], 'deny.remove');
  assert.equal(asked[1]?.[1].what, '203.0.113.0/24');
  assert.equal(asked.length, 2);
});

test('a host that trusts nobody does not start to listen', async () => {
  const config = { ...CONNECTION, enabled: true, url: 'nats://127.0.0.1:1', trusted_nkeys: [] };
  const deps = { hostname: 'h', log: silentLog, ask: async () => {}, record: async () => {} };
  await assert.rejects(FleetControl.start(config, deps), AppError);
});
