import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { extname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hostileAlert, testAlert, testAlerts } from '../testing/alerts.ts';
import { spawnBound } from '../testing/bound.ts';
import { makeCertificates, NO_OPENSSL } from '../testing/certificates.ts';
import { freePort } from '../testing/nats-server.ts';
import { FAST, openOutputs, testFolder, until } from '../testing/open.ts';
import { UnixDatagram } from '../unix-datagram.ts';

const missing = (command: string): string | false =>
  spawnSync(command, ['-v']).error || spawnSync(command, ['-V']).error ? `needs ${command}` : false;
const NO_RSYSLOG = missing('rsyslogd');
const NO_SOCAT = missing('socat');
const NO_NAMESPACE =
  spawnSync('unshare', ['-n', 'ip', 'link']).status !== 0 && 'needs a network namespace and ip';
const TESTING = new URL('../testing', import.meta.url).href;
const SUFFIX = extname(import.meta.url);

/** What rsyslog understood of a message. */
interface Message {
  readonly msg: string;
  readonly hostname: string;
  readonly programname: string;
  readonly severity: string;
  readonly facility: string;
  readonly msgid: string;
  readonly sd: string;
}

/** A real rsyslogd that listens on all transports of ours it has and writes down what it understood, as JSON. */
async function startRsyslog(t: TestContext, folder: string) {
  const port = await freePort();
  const socket = join(folder, 'log.sock');
  const out = join(folder, 'messages');
  const config = join(folder, 'rsyslog.conf');
  const property = (name: string, of: string): string =>
    `property(outname="${name}" name="${of}" format="jsonf")`;
  const names: readonly (readonly [string, string])[] = [
    ['msg', 'msg'],
    ['hostname', 'hostname'],
    ['programname', 'programname'],
    ['severity', 'syslogseverity'],
    ['facility', 'syslogfacility-text'],
    ['msgid', 'msgid'],
    ['sd', 'structured-data'],
  ];
  const fields = names.map(([name, of]) => property(name, of)).join(' constant(value=",") ');
  writeFileSync(
    config,
    `global(workDirectory="${folder}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off")
module(load="imudp")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
input(type="imudp" address="127.0.0.1" port="${port}" rcvbufSize="4m")
input(type="imtcp" address="127.0.0.1" port="${port}")
input(type="imuxsock" Socket="${socket}")
template(name="json" type="list") { constant(value="{") ${fields} constant(value="}\\n") }
*.* action(type="omfile" file="${out}" template="json")
`,
  );
  const child = spawnBound('rsyslogd', ['-n', '-f', config, '-i', join(folder, 'pid')]);
  stopAfter(t, child);
  await until('rsyslogd listens', () => existsSync(socket));
  const received = (): Message[] =>
    existsSync(out)
      ? readFileSync(out, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Message)
      : [];
  return { port, socket, received };
}

function stopAfter(t: TestContext, child: ChildProcess): void {
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  });
}

for (const transport of ['udp', 'tcp', 'local'] as const) {
  test(`rsyslog understands every part of a message over ${transport}`, { skip: NO_RSYSLOG }, async (t) => {
    const folder = testFolder();
    const server = await startRsyslog(t, folder);
    const target = transport === 'local' ? { path: server.socket } : { host: '127.0.0.1', port: server.port };
    const outputs = await openOutputs(
      { syslog: { transport, facility: 'local3', format: 'cef', ...target, ...FAST } },
      folder,
    );
    outputs.emit([testAlert(1), hostileAlert(2), ...testAlerts(100, 10)]);
    await until('all were sent', () => outputs.stats()[0]?.sent === 102);
    await outputs.close(2000);
    await until('all arrived', () => server.received().length >= 102);
    assert.equal(server.received().length, 102);
    const [first, second, third] = server.received();
    assert.ok(first && second && third);
    assert.equal(first.severity, '4');
    assert.equal(first.facility, 'local3');
    assert.equal(first.programname, 'ringfence');
    assert.match(first.msg, /^ ?CEF:0\|Ringfence\|.*number\\=1\)$/);
    assert.match(second.msg, /^ ?CEF:0\|.*\\u001b\[31mred/);
    assert.match(third.msg, /number\\=10\)$/);
    if (transport !== 'local') {
      assert.equal(first.hostname, 'node-7');
      assert.equal(first.msgid, 'Demo_sensitive_read');
      assert.match(first.sd, /^\[ringfence@32473 uuid="[0-9a-f-]{36}" rule="Demo sensitive read"/);
    }
  });
}

test('TLS presents our certificate and checks that of the receiver', {
  skip: NO_SOCAT || NO_OPENSSL,
}, async (t) => {
  const folder = testFolder();
  const { ca, cert, key, clientCert, clientKey } = makeCertificates(folder);
  const port = await freePort();
  const out = join(folder, 'received');
  const listen = `OPENSSL-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,cert=${cert},key=${key},cafile=${ca},verify=1`;
  const socat = spawnBound('socat', ['-u', listen, `OPEN:${out},creat,append`]);
  stopAfter(t, socat);
  const open = (tls: Readonly<Record<string, unknown>>) =>
    openOutputs({ syslog: { transport: 'tls', host: '127.0.0.1', port, tls, ...FAST } }, folder);

  const stranger = await open({});
  stranger.emit(testAlert(1));
  await until('the certificate was refused', () => (stranger.stats()[0]?.failures ?? 0) > 0);
  assert.match(stranger.stats()[0]?.lastError ?? '', /certificate|ECONNREFUSED/);
  await stranger.close(0);

  const nameless = await open({ ca_file: ca });
  nameless.emit(testAlert(2));
  await until('we were refused', () => (nameless.stats()[0]?.failures ?? 0) > 0);
  await nameless.close(0);

  const known = await open({ ca_file: ca, cert_file: clientCert, key_file: clientKey });
  known.emit(testAlert(3));
  await until('it was sent', () => known.stats()[0]?.sent === 1);
  await known.close(2000);
  const text = (): string => (existsSync(out) ? readFileSync(out, 'utf8') : '');
  await until('it arrived', () => text().includes('number=3)'));
  assert.match(text(), /^\d+ <12>1 /, 'octet counting');
  assert.doesNotMatch(text(), /number=[12]\)/);
});

test('a message longer than max_bytes is cut at a character', { skip: NO_RSYSLOG }, async (t) => {
  const folder = testFolder();
  const server = await startRsyslog(t, folder);
  const config = { transport: 'tcp', host: '127.0.0.1', port: server.port, max_bytes: 1001, ...FAST };
  const outputs = await openOutputs({ syslog: config }, folder);
  outputs.emit([testAlert(1, { message: 'é漢'.repeat(1000) }), testAlert(2)]);
  await until('both arrived', () => server.received().length === 2);
  await outputs.close(1000);
  const [first, second] = server.received();
  assert.match(first?.msg ?? '', /(é漢)+é?$/);
  assert.match(second?.msg ?? '', /number=2\)$/, 'the frame after it is intact');
});

test('a receiver that closes each connection at once is a failure, not a delivery', async (t) => {
  const folder = testFolder();
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const outputs = await openOutputs({ syslog: { transport: 'tcp', port, ...FAST } }, folder);
  outputs.emit(testAlert(1));
  await until('the failure was noticed', () => (outputs.stats()[0]?.failures ?? 0) > 1);
  assert.equal(outputs.stats()[0]?.sent, 0);
  await outputs.close(0);
});

test('a missing /dev/log is a failure that passes', { skip: NO_SOCAT }, async (t) => {
  const folder = testFolder();
  const path = join(folder, 'log.sock');
  const out = join(folder, 'received');
  const outputs = await openOutputs({ syslog: { transport: 'local', path, ...FAST } }, folder);
  outputs.emit(testAlert(1));
  await until('the failure was noticed', () => (outputs.stats()[0]?.failures ?? 0) > 0);
  assert.match(outputs.stats()[0]?.lastError ?? '', /ENOENT/);
  stopAfter(t, spawnBound('socat', ['-u', `UNIX-RECV:${path}`, `OPEN:${out},creat,append`]));
  await until('it was sent', () => outputs.stats()[0]?.sent === 1);
  await outputs.close(1000);
  await until('it arrived', () => existsSync(out) && readFileSync(out, 'utf8').includes('number=1)'));
});

test('a local daemon that reads slowly gets each alert once', { skip: NO_SOCAT }, async (t) => {
  const folder = testFolder();
  const path = join(folder, 'log.sock');
  const out = join(folder, 'received');
  const daemon = spawnBound('socat', ['-u', `UNIX-RECV:${path}`, `OPEN:${out},creat,append`]);
  stopAfter(t, daemon);
  await until('it listens', () => existsSync(path));
  const options = { transport: 'local', path, batch: { max_alerts: 5000 }, ...FAST, send_timeout_ms: 100 };
  const outputs = await openOutputs({ syslog: options }, folder);
  daemon.kill('SIGSTOP');
  outputs.emit(testAlerts(5000));
  await until('its queue was full', () => (outputs.stats()[0]?.failures ?? 0) > 1);
  assert.equal(outputs.stats()[0]?.dropped.deadline, undefined);
  daemon.kill('SIGCONT');
  await until('all were sent', () => outputs.stats()[0]?.sent === 5000);
  await outputs.close(1000);
  const received = (): string[] => readFileSync(out, 'utf8').match(/number=\d+\)/g) ?? [];
  await until('all arrived', () => received().length >= 5000);
  assert.equal(received().length, 5000);
  assert.equal(new Set(received()).size, 5000);
});

// In a network namespace of its own, where nothing can be reached until `lo` is up.
test('UDP goes on once there is a route', { skip: NO_NAMESPACE }, () => {
  const script = `
    import { createSocket } from 'node:dgram';
    import { spawnSync } from 'node:child_process';
    import { openOutputs, until, FAST } from '${TESTING}/open${SUFFIX}';
    import { testAlerts } from '${TESTING}/alerts${SUFFIX}';
    const to = { host: '10.99.0.1', port: 5514 };
    const outputs = await openOutputs({ syslog: { transport: 'udp', ...to, ...FAST } }, '/nonexistent');
    outputs.emit(testAlerts(1));
    await until('it failed', () => outputs.stats()[0].failures > 2);
    for (const args of ['link set lo up', 'address add 10.99.0.1/32 dev lo'])
      if (spawnSync('ip', args.split(' '), { stdio: 'inherit' }).status !== 0) process.exit(2);
    let received = 0;
    const server = createSocket('udp4').on('message', () => { received++; });
    await new Promise((resolve) => server.bind(to.port, to.host, resolve));
    outputs.emit(testAlerts(9, 1));
    await until('all arrived', () => received === 10, 20_000);
    await outputs.close(1000);
    server.close();`;
  const run = spawnSync('unshare', ['-n', process.execPath, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
});

test('a socket path that does not fit is refused with its length', () => {
  assert.throws(() => new UnixDatagram(`/${'x'.repeat(107)}`), /longer than 107 bytes/);
});
