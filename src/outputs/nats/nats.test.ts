import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createLog } from '../../engine/core/log.ts';
import { hostileAlert, silentLog, testAlert, testAlerts } from '../testing/alerts.ts';
import { makeCertificates, NO_OPENSSL } from '../testing/certificates.ts';
import { NO_NATS, TestNatsServer } from '../testing/nats-server.ts';
import { FAST, openOutputs, testFolder, until } from '../testing/open.ts';
import { MODULE_EXTENSION, runModule } from '../testing/run-module.ts';
import { NatsClient } from './client.ts';
import { followCommands, publishCommand } from './control.ts';
import { followAlerts } from './follow.ts';
import { ALERT_SUBJECTS } from './subject.ts';

const TLS_OFF = { verify: true, enabled: false };

/** Reads so many alerts of the stream from its beginning; fails if there are more. */
async function readStream(url: string, count: number): Promise<string[]> {
  const stop = new AbortController();
  const uuids: string[] = [];
  const options = { url, tls: TLS_OFF, host: '*', from: 'all' as const };
  const timer = setTimeout(() => stop.abort(), 20_000);
  for await (const alert of followAlerts(options, silentLog, stop.signal)) {
    uuids.push(alert.uuid);
    // A little longer than needed: a duplicate would come right behind.
    if (uuids.length === count) setTimeout(() => stop.abort(), 300);
  }
  clearTimeout(timer);
  return uuids;
}

test('10,000 alerts reach the stream exactly once and in order while the server is killed three times', {
  skip: NO_NATS,
  timeout: 90_000,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const outputs = await openOutputs({ nats: { url: server.url, create_stream: {}, ...FAST } }, folder);
  const alerts = testAlerts(10_000);
  for (let at = 0; at < alerts.length; at += 100) {
    outputs.emit(alerts.slice(at, at + 100));
    await new Promise((resolve) => setTimeout(resolve, 10));
    if (at === 1000 || at === 4000 || at === 7000) {
      await server.kill();
      setTimeout(() => void server.start(), 300);
    }
  }
  await until('all were sent', () => outputs.stats()[0]?.sent === alerts.length, 60_000);
  assert.deepEqual(outputs.stats()[0]?.dropped, {});
  assert.ok((outputs.stats()[0]?.failures ?? 0) > 0, 'the kills were noticed');
  await outputs.close(2000);
  const stored = await readStream(server.url, alerts.length);
  assert.deepEqual(
    stored,
    alerts.map(({ uuid }) => uuid),
  );
});

test('an emitter killed with -9 while the server is away loses nothing that it had taken over', {
  skip: NO_NATS,
  timeout: 60_000,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  await makeStream(server.url);
  const module = new URL(`./nats-emitter${MODULE_EXTENSION}`, import.meta.url);
  const child = runModule(module, [folder, server.url]);
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1');
  });
  const last = (): { accepted: number; queued: number; sent: number } =>
    JSON.parse(
      said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1) || '{"accepted":0,"queued":0,"sent":0}',
    );
  await until('some were sent', () => last().sent > 100);
  await server.kill();
  const before = last().accepted;
  await until('more were taken over', () => last().accepted > before + 1000);
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await gone;
  const { accepted, queued } = last();
  await server.start();

  const heir = await openOutputs({ nats: { url: server.url, ...FAST } }, folder);
  await until('everything left was sent', () => heir.stats()[0]?.spooled === 0);
  await heir.close(2000);
  const stored = await readStream(server.url, accepted - queued);
  const numbers = new Map(testAlerts(accepted + 1000).map(({ uuid }, i) => [uuid, i]));
  assert.ok(stored.length >= accepted - queued, `${stored.length} of ${accepted} - ${queued}`);
  assert.deepEqual(
    stored.map((uuid) => numbers.get(uuid)),
    stored.map((_, i) => i),
    'without gap, in order, each once',
  );
});

/** Makes the stream as an operator would. */
async function makeStream(url: string): Promise<void> {
  const client = new NatsClient({ url, tls: TLS_OFF }, 'operator', silentLog);
  await client.ready(AbortSignal.timeout(5000));
  await client.ensureStream({
    name: 'RINGFENCE_ALERTS',
    subjects: [ALERT_SUBJECTS],
    replicas: 1,
    maxAgeMs: 86_400_000,
    maxBytes: -1,
    duplicateWindowMs: 120_000,
  });
  await client.close();
}

test('a stored alert has the subject, the headers and the document that consumers count on', {
  skip: NO_NATS,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const outputs = await openOutputs({ nats: { url: server.url, create_stream: {}, ...FAST } }, folder);
  const alert = testAlert(1, { hostname: 'Node.7 *', rule: 'Write > /etc' });
  outputs.emit([alert, hostileAlert(2)]);
  await until('both were sent', () => outputs.stats()[0]?.sent === 2);
  await outputs.close(1000);
  const { connect } = await import('nats');
  const connection = await connect({ servers: server.url });
  t.after(() => connection.close());
  const manager = await connection.jetstreamManager();
  const stored = await manager.streams.getMessage('RINGFENCE_ALERTS', { seq: 1 });
  assert.equal(stored.subject, 'ringfence.v1.alert.node_7.warning.write_etc');
  assert.equal(stored.header.get('Nats-Msg-Id'), alert.uuid);
  assert.equal(stored.header.get('Nats-Expected-Stream'), 'RINGFENCE_ALERTS');
  assert.equal(stored.header.get('ce-id'), alert.uuid);
  assert.equal(stored.header.get('ce-type'), 'io.ringfence.alert.v1');
  assert.equal(stored.header.get('ce-subject'), 'Write%20>%20/etc');
  assert.equal((stored.json() as { rule: string }).rule, 'Write > /etc');
  const info = await manager.streams.info('RINGFENCE_ALERTS');
  assert.deepEqual(info.config.subjects, ['ringfence.v1.alert.>']);
});

test('without a stream the error says so, and nothing is lost until there is one', {
  skip: NO_NATS,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const outputs = await openOutputs({ nats: { url: server.url, ...FAST } }, folder);
  outputs.emit(testAlerts(10));
  await until('it was tried', () => (outputs.stats()[0]?.failures ?? 0) > 0);
  assert.match(outputs.stats()[0]?.lastError ?? '', /no stream takes this subject/);
  await makeStream(server.url);
  await until('all were sent', () => outputs.stats()[0]?.sent === 10);
  await outputs.close(1000);
  assert.equal((await readStream(server.url, 10)).length, 10);
});

test('an alert above the server limit is dropped alone', { skip: NO_NATS }, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder, 'max_payload: 8192\n');
  const outputs = await openOutputs({ nats: { url: server.url, create_stream: {}, ...FAST } }, folder);
  outputs.emit([testAlert(1), testAlert(2, { message: 'x'.repeat(9000) }), testAlert(3)]);
  await until('the others were sent', () => outputs.stats()[0]?.sent === 2);
  assert.deepEqual(outputs.stats()[0]?.dropped, { rejected: 1 });
  await outputs.close(1000);
});

test('an alert that fits only without its headers is dropped alone as well', { skip: NO_NATS }, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder, 'max_payload: 8192\n');
  for (const mode of ['jetstream', 'core']) {
    const config = { url: server.url, mode, create_stream: {}, ...FAST };
    const outputs = await openOutputs({ nats: config }, `${folder}/${mode}`);
    // From far below the limit to just above it: somewhere between the payload fits, and the headers do not.
    for (let length = 6000; length < 8192; length += 20)
      outputs.emit(testAlert(length, { message: 'x'.repeat(length) }));
    outputs.emit(testAlert(1));
    const settled = (): number => {
      const { sent = 0, dropped } = outputs.stats()[0] ?? {};
      return sent + (dropped?.rejected ?? 0);
    };
    await until('each was sent or dropped', () => settled() === 111);
    const { sent = 0, dropped } = outputs.stats()[0] ?? {};
    assert.ok(sent > 10 && (dropped?.rejected ?? 0) > 10, JSON.stringify(outputs.stats()));
    await outputs.close(1000);
  }
});

test('an alert that the stream never takes does not hold up those behind it', {
  skip: NO_NATS,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const { connect } = await import('nats');
  const connection = await connect({ servers: server.url });
  t.after(() => connection.close());
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'RINGFENCE_ALERTS', subjects: [ALERT_SUBJECTS], max_msg_size: 4096 });
  const outputs = await openOutputs({ nats: { url: server.url, ...FAST } }, folder);
  outputs.emit([testAlert(1), testAlert(2, { message: 'x'.repeat(5000) }), testAlert(3)]);
  await until('the others were sent', () => outputs.stats()[0]?.sent === 2);
  assert.deepEqual(outputs.stats()[0]?.dropped, { rejected: 1 });
  await outputs.close(1000);
  assert.deepEqual(await readStream(server.url, 2), [testAlert(1).uuid, testAlert(3).uuid]);
});

test('core mode reaches those who listen', { skip: NO_NATS }, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const { connect } = await import('nats');
  const listener = await connect({ servers: server.url });
  t.after(() => listener.close());
  const heard: string[] = [];
  listener.subscribe('ringfence.v1.alert.node-7.>', { callback: (_, { subject }) => heard.push(subject) });
  await listener.flush();
  const outputs = await openOutputs({ nats: { url: server.url, mode: 'core', ...FAST } }, folder);
  outputs.emit(testAlerts(300));
  await until('all were heard', () => heard.length === 300);
  await outputs.close(1000);
});

test('a durable reader goes on where it stopped, and sees only the hosts it asked for', {
  skip: NO_NATS,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const outputs = await openOutputs({ nats: { url: server.url, create_stream: {}, ...FAST } }, folder);
  for (let n = 0; n < 40; n++) outputs.emit(testAlert(n, { hostname: n % 2 === 0 ? 'web-1' : 'db-1' }));
  await until('all were sent', () => outputs.stats()[0]?.sent === 40);
  await outputs.close(1000);
  const take = async (host: string, count: number): Promise<number[]> => {
    const stop = new AbortController();
    const numbers: number[] = [];
    const options = { url: server.url, tls: TLS_OFF, host, durable: `reader-${host}`, from: 'all' } as const;
    for await (const { document } of followAlerts(options, silentLog, stop.signal)) {
      numbers.push((document.output_fields as Record<string, number>)['test.number'] as number);
      if (numbers.length === count) break;
    }
    return numbers;
  };
  assert.deepEqual(await take('web-1', 5), [0, 2, 4, 6, 8]);
  // What the first had fetched beyond the five comes again, in any order; the five do not.
  assert.deepEqual(
    (await take('web-1', 15)).sort((a, b) => a - b),
    Array.from({ length: 15 }, (_, i) => 10 + 2 * i),
  );
  assert.deepEqual(await take('db-1', 2), [1, 3]);
});

test('a reader of a stream that does not exist is told so', { skip: NO_NATS }, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const options = { url: server.url, tls: TLS_OFF, host: '*' };
  const reader = followAlerts(options, silentLog, AbortSignal.timeout(10_000));
  await assert.rejects(reader.next(), /stream not found/);
});

test('a token, a password and an nkey from files let us in, and nothing else does', {
  skip: NO_NATS,
}, async (t) => {
  const { nkeys } = await import('nats');
  const pair = nkeys.createUser();
  for (const [extra, options, secret] of [
    ['authorization { token: "s3cret" }', { token_file: 'secret' }, 's3cret\n'],
    ['authorization { user: "u", password: "p4ss" }', { user: 'u', password_file: 'secret' }, 'p4ss\n'],
    [
      `authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`,
      { nkey_file: 'secret' },
      `${Buffer.from(pair.getSeed()).toString('latin1')}\n`,
    ],
  ] as const) {
    const folder = testFolder();
    const server = await TestNatsServer.during(t, folder, `${extra}\n`);
    const path = `${folder}/secret`;
    const files = Object.fromEntries(
      Object.entries(options).map(([key, value]) => [key, value === 'secret' ? path : value]),
    );
    writeFileSync(path, 'wrong\n');
    const config = { url: server.url, create_stream: {}, ...files, ...FAST };
    const outputs = await openOutputs({ nats: config }, folder);
    outputs.emit(testAlerts(3));
    await until('we were refused', () => (outputs.stats()[0]?.failures ?? 0) > 0);
    assert.equal(outputs.stats()[0]?.sent, 0);
    // The secret is put right while we run: no restart is needed.
    writeFileSync(path, secret);
    await until('all were sent', () => outputs.stats()[0]?.sent === 3);
    await outputs.close(1000);
    await server.kill();
  }
});

test('over TLS only a server of our authority gets anything, and it asks for our certificate', {
  skip: NO_NATS || NO_OPENSSL,
}, async (t) => {
  const folder = testFolder();
  const { ca, cert, key, clientCert, clientKey } = makeCertificates(folder);
  const tls = `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true }\n`;
  const server = await TestNatsServer.during(t, folder, tls);
  const sent = async (name: string, options: Readonly<Record<string, unknown>>): Promise<number> => {
    const config = { url: server.url, create_stream: {}, tls: { enabled: true, ...options }, ...FAST };
    const outputs = await openOutputs({ nats: config }, `${folder}/${name}`);
    outputs.emit(testAlert(1));
    await until('it was tried', () => {
      const { sent: n = 0, failures = 0 } = outputs.stats()[0] ?? {};
      return n + failures > 0;
    });
    await outputs.close(0);
    return outputs.stats()[0]?.sent ?? -1;
  };
  assert.equal(await sent('stranger', {}), 0);
  assert.equal(await sent('nameless', { ca_file: ca }), 0);
  assert.equal(await sent('known', { ca_file: ca, cert_file: clientCert, key_file: clientKey }), 1);
});

test('a signed command reaches the host it is for, once; an unsigned one reaches nobody', {
  skip: NO_NATS,
}, async (t) => {
  const folder = testFolder();
  const server = await TestNatsServer.during(t, folder);
  const secret = 'a shared secret';
  const connection = { url: server.url, tls: TLS_OFF };
  const stop = new AbortController();
  const taken: string[] = [];
  const stream = new PassThrough({ encoding: 'utf8' });
  let logged = '';
  stream.on('data', (text: string) => {
    logged += text;
  });
  const log = createLog({ format: 'json', stream });
  const listeners = ['web-1', 'db-1'].map((hostname) =>
    followCommands(
      { ...connection, hostname, verb: 'deny', trust: { secret, nkeys: [] } },
      ({ id }) => void taken.push(`${hostname} ${id}`),
      log,
      stop.signal,
    ),
  );
  t.after(async () => {
    stop.abort();
    await Promise.all(listeners);
  });
  const publish = (id: string, host: string, by: string, expires = 60_000): Promise<void> => {
    const command = {
      id,
      host,
      verb: 'deny',
      issuedAt: new Date(),
      expiresAt: new Date(Date.now() + expires),
      body: { ip: '203.0.113.10' },
    };
    return publishCommand(connection, command, { secret: by }, silentLog, AbortSignal.timeout(5000));
  };
  let n = 0;
  await until('both listen', async () => {
    await publish(`probe-${n++}`, '*', secret);
    return new Set(taken.map((text) => text.split(' ')[0])).size === 2;
  });
  // Everything published before has arrived when a later command has.
  await publish('settle', '*', secret);
  await until('it settled', () => taken.filter((text) => text.endsWith('settle')).length === 2);
  taken.length = 0;
  await publish('one', 'web-1', secret);
  await publish('one', 'web-1', secret);
  await publish('forged', 'web-1', 'wrong');
  await publish('late', 'web-1', secret, -1);
  await publish('all', '*', secret);
  await until('the last arrived', () => taken.filter((text) => text.endsWith('all')).length === 2);
  assert.deepEqual(taken.toSorted(), ['db-1 all', 'web-1 all', 'web-1 one']);
  // The first refusal; those that follow within ten seconds are counted.
  assert.match(logged, /"reason":"it came before","msg":"command refused"/);
});
