import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { testAlert, testAlerts } from './testing/alerts.ts';
import { spawnBound } from './testing/bound.ts';
import { FAST, openOutputs, testFolder, until } from './testing/open.ts';

const NO_SOCAT = spawnSync('socat', ['-V']).error ? 'needs socat' : false;
const TESTING = new URL('./testing', import.meta.url).href;
const SUFFIX = extname(import.meta.url);

const numbers = (path: string): number[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map(
          (line) =>
            (JSON.parse(line) as { output_fields: Record<string, number> }).output_fields['test.number'] ??
            -1,
        )
    : [];

test('a new file is for its owner only, in a folder that is made', async () => {
  const path = join(testFolder(), 'deep', 'er', 'alerts.json');
  const outputs = await openOutputs({ file: { path, ...FAST } }, '/nonexistent');
  outputs.emit(testAlerts(3));
  await outputs.close(1000);
  assert.deepEqual(numbers(path), [0, 1, 2]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('an existing file is continued and keeps its permissions', async () => {
  const path = join(testFolder(), 'alerts.json');
  writeFileSync(path, '');
  chmodSync(path, 0o640);
  for (const n of [1, 2]) {
    const outputs = await openOutputs({ file: { path, ...FAST } }, '/nonexistent');
    outputs.emit(testAlert(n));
    await outputs.close(1000);
  }
  assert.deepEqual(numbers(path), [1, 2]);
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

test('after a rotation alerts go to the new file: at once on SIGHUP, within a second without', async () => {
  const path = join(testFolder(), 'alerts.json');
  const outputs = await openOutputs({ file: { path, ...FAST } }, '/nonexistent');
  outputs.emit(testAlert(1));
  await until('the first is written', () => numbers(path).length === 1);
  renameSync(path, `${path}.1`);
  await outputs.reopen();
  outputs.emit(testAlert(2));
  await until('the second is written', () => numbers(path).length === 1);
  renameSync(path, `${path}.2`);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  outputs.emit(testAlert(3));
  await until('the third is written', () => numbers(path).length === 1);
  await outputs.close(1000);
  assert.deepEqual([numbers(`${path}.1`), numbers(`${path}.2`), numbers(path)], [[1], [2], [3]]);
});

test('a folder that cannot be written is an error at the start that names output and path', async () => {
  const opened = openOutputs({ file: { path: '/proc/nothing/alerts.json' } }, '/nonexistent');
  await assert.rejects(opened, /output file cannot be opened:.*\/proc\/nothing/);
});

test('a pipe that nobody reads is an error at the start, not a start that never ends', async () => {
  const path = join(testFolder(), 'pipe');
  spawnSync('mkfifo', [path]);
  await assert.rejects(openOutputs({ file: { path, ...FAST } }, '/nonexistent'), {
    code: 'E_OUTPUT_OPEN',
    message: /output file cannot be opened: ENXIO/,
  });
});

test('a pipe whose reader was waiting is opened, and its reader may come anew', async () => {
  const folder = testFolder();
  const path = join(folder, 'pipe');
  spawnSync('mkfifo', [path]);
  const read = (out: string) => spawn('sh', ['-c', `exec cat ${path} >> ${out}`], { stdio: 'ignore' });
  const first = read(join(folder, 'first'));
  // A reader in open(2) is not there yet: the start says so, and is tried again by who started it.
  let outputs: Awaited<ReturnType<typeof openOutputs>> | undefined;
  await until('it is open', async () => {
    outputs = await openOutputs({ file: { path, ...FAST } }, '/nonexistent').catch(() => undefined);
    return outputs !== undefined;
  });
  assert.ok(outputs);
  outputs.emit(testAlert(1));
  await until('the first read it', () => numbers(join(folder, 'first')).length === 1);
  const gone = once(first, 'exit');
  first.kill('SIGKILL');
  await gone;
  outputs.emit(testAlert(2));
  await until('it failed', () => (outputs?.stats()[0]?.failures ?? 0) > 0);
  const second = read(join(folder, 'second'));
  await until('the second read it', () => numbers(join(folder, 'second')).length === 1);
  await outputs.close(1000);
  await once(second, 'exit');
  assert.deepEqual([numbers(join(folder, 'first')), numbers(join(folder, 'second'))], [[1], [2]]);
});

test('a pipe whose reader sleeps does not keep the process from ending', () => {
  const folder = testFolder();
  const path = join(folder, 'pipe');
  spawnSync('mkfifo', [path]);
  const script = `
    import { openOutputs, until } from '${TESTING}/open${SUFFIX}';
    import { testAlerts } from '${TESTING}/alerts${SUFFIX}';
    const outputs = await openOutputs({ file: { path: '${path}', send_timeout_ms: 100 } }, '/nonexistent');
    outputs.emit(testAlerts(700));
    await until('it hangs', () => outputs.stats()[0].failures > 0);
    await outputs.close(100);`;
  const reader = openSync(path, 'r+');
  try {
    const args = ['--input-type=module', '-e', script];
    const { status, stderr } = spawnSync(process.execPath, args, { timeout: 30_000, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  } finally {
    closeSync(reader);
  }
});

test('a new file has the mode that was asked for, whatever the umask', async () => {
  const path = join(testFolder(), 'alerts.json');
  const before = process.umask(0o077);
  try {
    const outputs = await openOutputs({ file: { path, mode: '0640', ...FAST } }, '/nonexistent');
    await outputs.close(1000);
  } finally {
    process.umask(before);
  }
  assert.equal(statSync(path).mode & 0o777, 0o640);
});

// A terminal that nobody reads is written in the thread pool, as a file on a disk that hangs.
test('a file whose writes hang holds up no other output', { skip: NO_SOCAT }, async () => {
  const folder = testFolder();
  const terminal = join(folder, 'terminal');
  const path = join(folder, 'alerts.json');
  const reader = spawnBound('socat', ['-u', `PTY,link=${terminal},rawer`, 'OPEN:/dev/null']);
  await until('the terminal is there', () => existsSync(terminal));
  reader.kill('SIGSTOP');
  const hanging = { type: 'file', path: terminal, ...FAST, send_timeout_ms: 100 };
  const outputs = await openOutputs({ hanging, file: { path, ...FAST } }, '/nonexistent');
  try {
    outputs.emit(testAlerts(500));
    // More attempts than the pool has threads.
    await until('it was tried often', () => (outputs.stats()[0]?.failures ?? 0) > 8);
    outputs.emit(testAlerts(10, 500));
    await until('the other has all', () => outputs.stats()[1]?.sent === 510, 10_000);
  } finally {
    reader.kill('SIGKILL');
    await outputs.close(100);
  }
});
