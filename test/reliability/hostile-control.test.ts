import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { ask } from '../../src/engine/control/client.ts';
import { MAX_LINE } from '../../src/engine/control/protocol.ts';
import { ControlServer } from '../../src/engine/control/server.ts';
import { createLog } from '../../src/engine/core/log.ts';
import { until } from '../../src/outputs/testing/open.ts';
import { evidence, rounds } from './evidence.ts';

const RUNS = rounds('RINGFENCE_FUZZ_RUNS', 200);
const folder = mkdtempSync(join(tmpdir(), 'rf-hostile-'));
const path = join(folder, 'run', 'control.sock');
let server: ControlServer;
let runs = 0;

before(async () => {
  const run = (args: object): object => {
    runs++;
    return args;
  };
  const log = createLog({ level: 'silent' });
  server = await ControlServer.listen(path, [{ name: 'echo', summary: 'gives back', run }], log);
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const opened = (): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket)).once('error', reject);
  });
const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.once('close', resolve).on('error', () => {}));
const alive = async (): Promise<void> => {
  assert.deepEqual(await ask(path, 'echo', { n: 1 }), { n: 1 });
};
const answers = (): Promise<boolean> =>
  alive().then(
    () => true,
    () => false,
  );

test('garbage of any kind is answered line by line as refused, and the next request works', async () => {
  const line = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.record({ id: fc.anything(), command: fc.anything(), args: fc.anything() }).map((v) => safeJson(v)),
    fc.constantFrom('{"id":1,"command":"__proto__"}', '{"id":1,"command":"constructor","args":{}}', '[[[['),
  );
  const socket = await opened();
  let answers = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answers += chunk;
  });
  const before = runs;
  let sent = 0;
  for (const text of fc.sample(line, RUNS)) {
    const one = text.replaceAll('\n', ' ');
    if (one === '' || one.includes('"echo"')) continue;
    socket.write(`${one}\n`);
    sent++;
  }
  const end = performance.now() + 5000;
  while (answers.split('\n').length - 1 < sent && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const lines = answers.trimEnd().split('\n');
  assert.equal(lines.length, sent);
  for (const answer of lines) assert.equal((JSON.parse(answer) as { ok: boolean }).ok, false);
  assert.equal(runs, before, 'nothing was done');
  socket.destroy();
  await alive();
});

test('a line without an end is cut off at a bound', async () => {
  const socket = await opened();
  const end = closed(socket);
  const block = 'x'.repeat(64 * 1024);
  for (let n = 0; n <= MAX_LINE / block.length + 1 && !socket.destroyed; n++) socket.write(block);
  await end;
  await alive();
});

test('clients that connect and say nothing are bounded, and leave room when they go', async () => {
  const many = await Promise.all(Array.from({ length: 100 }, () => opened().catch(() => undefined)));
  const sockets = many.filter((socket) => socket !== undefined);
  const held = (): number =>
    sockets.filter((socket) => !socket.destroyed && socket.readyState === 'open').length;
  await until('no more than 32 are held', () => held() <= 32);
  for (const socket of sockets) socket.destroy();
  await until('there is room again', () => answers());
});

test('another user is refused even where the file system would let him in', {
  skip: process.geteuid?.() === 0 ? false : 'needs root',
}, async () => {
  chmodSync(folder, 0o755);
  chmodSync(join(folder, 'run'), 0o755);
  chmodSync(path, 0o666);
  const script = `
    const s = require('net').connect(${JSON.stringify(path)});
    s.on('data', () => { console.log('answered'); process.exit(0); });
    s.on('close', () => { console.log('refused'); process.exit(0); }).on('error', (e) => console.log(e.code));
    s.write('{"id":1,"command":"echo"}\\n');`;
  const before = runs;
  const result = await new Promise<string>((resolve) => {
    let out = '';
    const child = spawn(process.execPath, ['-e', script], { uid: 65_534, gid: 65_534, cwd: '/' });
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.once('close', () => resolve(out));
  });
  assert.match(result, /refused|EPIPE|ECONNRESET/);
  assert.doesNotMatch(result, /answered/);
  assert.equal(runs, before);
  await alive();
  evidence({
    fault: 'control socket: garbage, endless line, 100 silent clients, another user',
    expected: 'nothing done, bounded, the next request works',
    result: 'as expected',
  });
});

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return '{"id":1n}';
  }
}
