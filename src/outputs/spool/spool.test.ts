import assert from 'node:assert/strict';
import {
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Alert } from '../../engine/core/alert.ts';
import { SAMPLES } from '../formats/samples.ts';
import { silentLog, testAlert, testAlerts } from '../testing/alerts.ts';
import { testFolder, until } from '../testing/open.ts';
import { MODULE_EXTENSION, runModule } from '../testing/run-module.ts';
import { decodeAlert, encodeAlert } from './codec.ts';
import { FileSpool, type SpoolOptions } from './file-spool.ts';
import { encodeRecord } from './record.ts';

const OPTIONS: SpoolOptions = { max_bytes: 1024 * 1024, segment_bytes: 8192, fsync: 'never' };

const open = (folder: string, options: Partial<SpoolOptions> = {}): Promise<FileSpool> =>
  FileSpool.open(folder, { ...OPTIONS, ...options }, silentLog);

const numberOf = (alert: Alert): number => Number(alert.fields['test.number']);
const segments = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.spool'))
    .sort()
    .map((name) => join(folder, name));

/** Reads and removes everything. */
async function drain(spool: FileSpool, step = 7): Promise<number[]> {
  const numbers: number[] = [];
  for (;;) {
    const batch = await spool.peek(step);
    if (batch.length === 0) return numbers;
    numbers.push(...batch.map(numberOf));
    await spool.advance(batch.length);
  }
}

const upTo = (count: number, from = 0): number[] => Array.from({ length: count - from }, (_, i) => from + i);

test('an alert comes back from the spool as it went in', () => {
  const wellFormed = Object.values(SAMPLES).filter(({ message }) => !message.includes('\ud800'));
  assert.ok(wellFormed.length >= 4);
  for (const alert of wellFormed) {
    // JSON has no NaN: it comes back as null, which is what every format prints for it.
    const fields = { ...alert.fields };
    for (const [key, value] of Object.entries(fields)) if (Number.isNaN(value)) fields[key] = null;
    assert.deepEqual(decodeAlert(encodeAlert(alert)), { ...alert, fields });
  }
});

test('alerts come out in order, over segments and restarts, and files are removed behind the reader', async () => {
  const folder = testFolder();
  const first = await open(folder);
  for (let at = 0; at < 200; at += 20) assert.equal(await first.append(testAlerts(20, at)), 20);
  assert.ok(segments(folder).length > 3);
  assert.equal(first.length, 200);
  assert.deepEqual((await first.peek(50)).map(numberOf), upTo(50));
  await first.advance(50);
  await first.close();

  const second = await open(folder);
  assert.equal(second.length, 150);
  await second.append(testAlerts(10, 200));
  assert.deepEqual(await drain(second), upTo(210, 50));
  assert.equal(second.length, 0);
  assert.equal(segments(folder).length, 1);
  assert.equal(statSync(segments(folder)[0] as string).mode & 0o777, 0o600);
  await second.close();
  assert.equal((await open(folder)).length, 0);
});

test('a tail torn at any byte loses only the record that was torn', async () => {
  const size = encodeRecord(encodeAlert(testAlert(0))).length;
  for (const cut of [1, 4, 8, 9, size - 1]) {
    const folder = testFolder();
    const spool = await open(folder, { segment_bytes: 1024 * 1024 });
    await spool.append(testAlerts(5));
    await spool.close();
    const [file = ''] = segments(folder);
    truncateSync(file, statSync(file).size - cut);
    const again = await open(folder);
    assert.equal(again.length, 4);
    await again.append(testAlerts(2, 10));
    assert.deepEqual(await drain(again), [0, 1, 2, 3, 10, 11]);
    await again.close();
  }
});

test('a flipped byte loses one record, not those behind it', async () => {
  const folder = testFolder();
  const spool = await open(folder, { segment_bytes: 1024 * 1024 });
  await spool.append(testAlerts(5));
  await spool.close();
  const [file = ''] = segments(folder);
  const bytes = readFileSync(file);
  const second = encodeRecord(encodeAlert(testAlert(0))).length;
  bytes[second + 100] = (bytes[second + 100] ?? 0) ^ 1;
  writeFileSync(file, bytes);
  const again = await open(folder);
  assert.equal(again.length, 4);
  assert.deepEqual(await drain(again), [0, 2, 3, 4]);
  await again.close();
});

test('a damaged cursor means from the beginning: alerts come twice rather than never', async () => {
  const folder = testFolder();
  const spool = await open(folder, { segment_bytes: 1024 * 1024 });
  await spool.append(testAlerts(5));
  await spool.peek(3);
  await spool.advance(3);
  await spool.close();
  writeFileSync(join(folder, 'cursor'), Buffer.alloc(20, 7));
  const again = await open(folder);
  assert.deepEqual(await drain(again), upTo(5));
  await again.close();
});

test('a segment that is removed or cut under the reader loses what was in it, and reading goes on', async () => {
  for (const harm of [(path: string) => rmSync(path), (path: string) => truncateSync(path, 10)]) {
    const folder = testFolder();
    const spool = await open(folder);
    for (let at = 0; at < 100; at += 10) await spool.append(testAlerts(10, at));
    await spool.close();
    const again = await open(folder);
    const [, second = ''] = segments(folder);
    harm(second);
    await again.append(testAlerts(1, 100));
    const numbers = await drain(again);
    assert.ok(numbers.length > 50 && numbers.length < 101);
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    assert.equal(numbers.at(-1), 100);
    assert.equal(again.length, 0);
    await again.close();
  }
});

test('a full spool takes nothing more, and takes again when there is room', async () => {
  const folder = testFolder();
  const spool = await open(folder, { max_bytes: 65_536, segment_bytes: 8192 });
  let taken = 0;
  for (;;) {
    const n = await spool.append(testAlerts(20, taken));
    taken += n;
    if (n < 20) break;
  }
  assert.ok(spool.bytes <= 65_536);
  assert.equal(await spool.append([testAlert(taken)]), 0);
  assert.equal(spool.length, taken);
  const half = await spool.peek(Math.floor(taken / 2));
  await spool.advance(half.length);
  assert.equal(await spool.append([testAlert(taken)]), 1);
  assert.deepEqual(await drain(spool), upTo(taken + 1, half.length));
  await spool.close();
});

test('any sequence of writes, reads and restarts keeps order and loses nothing', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('append' as const), n: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constant('read' as const), n: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ do: fc.constant('restart' as const), n: fc.constant(0) }),
  );
  const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    const folder = testFolder();
    let spool = await open(folder, { max_bytes: 16 * 1024 * 1024 });
    let written = 0;
    let read = 0;
    for (const { do: what, n } of steps) {
      if (what === 'append') written += await spool.append(testAlerts(n, written));
      else if (what === 'restart') {
        await spool.close();
        spool = await open(folder, { max_bytes: 16 * 1024 * 1024 });
      } else {
        const batch = await spool.peek(n);
        assert.deepEqual(batch.map(numberOf), upTo(Math.min(read + n, written), read));
        await spool.advance(batch.length);
        read += batch.length;
      }
      assert.equal(spool.length, written - read);
    }
    assert.deepEqual(await drain(spool), upTo(written, read));
    await spool.close();
  });
  await fc.assert(property, { numRuns: 40 });
});

test('a disk that is too full to note what was sent holds nothing up: it comes again after a restart', async () => {
  const folder = testFolder();
  // Every write to it fails for want of room.
  symlinkSync('/dev/full', join(folder, 'cursor'));
  const first = await open(folder);
  await first.append(testAlerts(200));
  await first.advance((await first.peek(100)).length);
  assert.deepEqual(await drain(first), upTo(200, 100));
  assert.equal(segments(folder).length, 1, 'what was sent makes room');
  await first.close();
  const second = await open(folder);
  const again = await drain(second);
  assert.deepEqual(again, upTo(200, again[0]));
  await second.close();
});

/** Lets a writer run for a while, kills it, and gives what it last said. */
async function killWriter(t: TestContext, folder: string, from: number, ms: number): Promise<number> {
  const child = runModule(new URL(`./spool-writer${MODULE_EXTENSION}`, import.meta.url), [
    folder,
    String(from),
  ]);
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString('latin1');
  });
  await until('it writes', () => said.includes('\n'));
  await new Promise((resolve) => setTimeout(resolve, ms));
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await gone;
  return Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
}

test('kill -9 at any moment loses no acknowledged alert', async (t) => {
  const folder = testFolder();
  let written = 0;
  for (const ms of [5, 40, 90]) {
    const acknowledged = await killWriter(t, folder, written, ms);
    const spool = await open(folder, { max_bytes: 64 * 1024 * 1024 });
    assert.ok(spool.length >= acknowledged, `${spool.length} of ${acknowledged}`);
    written = spool.length;
    await spool.close();
  }
  const spool = await open(folder, { max_bytes: 64 * 1024 * 1024 });
  assert.deepEqual(await drain(spool, 500), upTo(written));
  await spool.close();
});
