import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AppError } from '../core/diagnostic.ts';
import { createLog } from '../core/log.ts';
import { ask } from './client.ts';
import { type ControlCommand, ControlServer } from './server.ts';

const folder = mkdtempSync(join(tmpdir(), 'rf-control-'));
const path = join(folder, 'run', 'control.sock');
const log = createLog({ level: 'silent' });
const commands: readonly ControlCommand[] = [
  { name: 'echo', summary: 'gives back', run: (args, caller) => ({ args, uid: caller.uid, big: 2n ** 60n }) },
  {
    name: 'fail',
    summary: 'fails',
    run: () => {
      throw new AppError('E_X', 'no', { help: 'try', exitCode: 3 });
    },
  },
];
let server: ControlServer;

before(async () => {
  server = await ControlServer.listen(path, commands, log);
});
after(async () => {
  // A client that stays must not hold up the end.
  const idle = connect(path);
  await once(idle, 'connect');
  await Promise.all([once(idle, 'close'), server.close()]);
  assert.equal(existsSync(path), false);
  rmSync(folder, { recursive: true });
});

test('a request is answered, the caller is known from the kernel, numbers keep their digits', async () => {
  const answer = (await ask(path, 'echo', { a: [1, 'x'] })) as Record<string, unknown>;
  assert.deepEqual(answer.args, { a: [1, 'x'] });
  assert.equal(answer.uid, process.geteuid?.());
  assert.equal(answer.big, 2 ** 60);
});

test('the socket is for its owner only', () => {
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
});

test('a failure arrives with code, help and exit code', async () => {
  await assert.rejects(ask(path, 'fail'), { code: 'E_X', message: 'no', help: 'try', exitCode: 3 });
  await assert.rejects(ask(path, 'ecko'), { code: 'E_USAGE', message: /did you mean "echo"/ });
  await assert.rejects(ask(join(folder, 'none'), 'echo'), { code: 'E_NOT_RUNNING' });
});

test('a path that does not fit is refused, and leaves nothing behind', async () => {
  const long = join(folder, 'x'.repeat(107));
  await assert.rejects(ControlServer.listen(long, commands, log), { code: 'E_CONTROL', exitCode: 3 });
  assert.deepEqual(readdirSync(folder), ['run']);
});

test('a second engine is refused, a socket left behind is replaced', async () => {
  await assert.rejects(ControlServer.listen(path, commands, log), { code: 'E_ALREADY_RUNNING' });
  const stale = join(folder, 'stale.sock');
  // A socket stays behind when the process ends without a word.
  const script = `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(statSync(stale).isSocket());
  const second = await ControlServer.listen(stale, commands, log);
  assert.equal(((await ask(stale, 'echo')) as { uid: number }).uid, process.geteuid?.());
  await second.close();
});

test('what is no socket is never removed to make place for one', async () => {
  const file = join(folder, 'precious');
  writeFileSync(file, 'kept');
  await assert.rejects(ControlServer.listen(file, commands, log), { code: 'E_CONTROL', exitCode: 3 });
  assert.equal(readFileSync(file, 'utf8'), 'kept');
});

test('a stranger on the socket is told apart from an engine, whatever it says', async () => {
  const other = join(folder, 'other.sock');
  for (const said of ['HTTP/1.1 400 Bad Request\r\n', '{"id":1\n', '{"ok":false}\n', 'no end '.repeat(9)]) {
    const stranger = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .write(said),
    ).listen(other);
    await once(stranger, 'listening');
    await assert.rejects(ask(other, 'status'), { code: 'E_CONTROL', message: /not an engine/ });
    stranger.close();
    await once(stranger, 'close');
  }
});

test('an endless line ends the connection instead of filling memory', async () => {
  const socket = connect(path);
  socket.on('error', () => {});
  socket.write('x'.repeat(3 * 1024 * 1024));
  await new Promise((resolve) => socket.once('close', resolve));
  assert.equal(((await ask(path, 'echo')) as { uid: number }).uid, process.geteuid?.());
});
