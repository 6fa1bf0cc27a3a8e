import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
import { join } from 'node:path';
import { test } from 'node:test';
import { testAlert, testAlerts } from './testing/alerts.ts';
import { FAST, openOutputs, testFolder, until } from './testing/open.ts';

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

test('a file whose writes hang holds up no other output', async () => {
  const folder = testFolder();
  const pipe = join(folder, 'pipe');
  const path = join(folder, 'alerts.json');
  spawnSync('mkfifo', [pipe]);
  // A reader that never reads.
  const reader = openSync(pipe, 'r+');
  const hanging = { type: 'file', path: pipe, ...FAST, send_timeout_ms: 100 };
  const outputs = await openOutputs({ hanging, file: { path, ...FAST } }, '/nonexistent');
  try {
    outputs.emit(testAlerts(500));
    // More attempts than the pool has threads.
    await until('it was tried often', () => (outputs.stats()[0]?.failures ?? 0) > 8);
    outputs.emit(testAlerts(10, 500));
    await until('the other has all', () => outputs.stats()[1]?.sent === 510, 10_000);
  } finally {
    closeSync(reader);
    await outputs.close(100);
  }
});
