import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createLog } from '../engine/core/log.ts';
import { MetricBuffer } from '../engine/core/metrics.ts';
import type { OutputDeps, OutputManager } from './manager.ts';
import { SendError } from './output.ts';
import type { OutputStats } from './stats.ts';
import { testAlert, testAlerts } from './testing/alerts.ts';
import { FakeOutput } from './testing/fake-output.ts';
import { FAST, openOutputs, testFolder, until } from './testing/open.ts';

const upTo = (count: number, from = 0): number[] => Array.from({ length: count - from }, (_, i) => from + i);

interface Setup {
  readonly fake: FakeOutput;
  readonly outputs: OutputManager;
  readonly stats: () => OutputStats;
}

async function setup(
  options: Readonly<Record<string, unknown>> = {},
  deps: Partial<OutputDeps> = {},
  folder = testFolder(),
): Promise<Setup> {
  const fake = new FakeOutput();
  const outputs = await openOutputs({ fake: { ...FAST, ...options } }, folder, {
    types: [fake.kind()],
    ...deps,
  });
  return { fake, outputs, stats: () => outputs.stats()[0] as OutputStats };
}

const refuse = (): never => {
  throw new Error('refused');
};

test('what is emitted in one turn becomes full batches, in order', async () => {
  const { fake, outputs } = await setup();
  for (const alert of testAlerts(25)) outputs.emit(alert);
  await outputs.close(1000);
  assert.deepEqual(
    fake.batches.map((batch) => batch.length),
    [10, 10, 5],
  );
  assert.deepEqual(fake.delivered, upTo(25));
  assert.equal(fake.closed, 1);
});

test('an incomplete batch waits for more as long as it was told to, and no longer', async () => {
  const { fake, outputs } = await setup({ batch: { max_alerts: 10, max_wait_ms: 150 } });
  outputs.emit(testAlert(0));
  await new Promise((resolve) => setTimeout(resolve, 30));
  outputs.emit(testAlerts(3, 1));
  await until('it was sent', () => fake.batches.length === 1);
  assert.deepEqual(fake.delivered, upTo(4));
  await outputs.close(1000);
});

test('a full batch does not wait', async () => {
  const { fake, outputs } = await setup({ batch: { max_alerts: 10, max_wait_ms: 3_600_000 } });
  outputs.emit(testAlerts(10));
  await until('it was sent', () => fake.batches.length === 1);
  await outputs.close(1000);
});

test('drop_newest keeps the oldest, drop_oldest the newest, and both count', async () => {
  for (const policy of ['drop_newest', 'drop_oldest'] as const) {
    const { fake, outputs, stats } = await setup({ queue: { capacity: 20, policy } });
    let release = (): void => {};
    fake.behave = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    outputs.emit(testAlert(0));
    await until('the first is under way', () => fake.attempts === 1);
    outputs.emit(testAlerts(50, 1));
    assert.equal(stats().queued, 20);
    assert.deepEqual(stats().dropped, { queue_full: 30 });
    fake.behave = undefined;
    release();
    await outputs.close(1000);
    assert.deepEqual(fake.delivered, [0, ...(policy === 'drop_newest' ? upTo(21, 1) : upTo(51, 31))]);
  }
});

test('a failed batch is sent again, and only the part that was not delivered', async () => {
  const { fake, outputs, stats } = await setup();
  fake.behave = (_, attempt) => {
    if (attempt === 1) throw new SendError('half', { delivered: 4 });
    if (attempt < 4) refuse();
  };
  outputs.emit(testAlerts(10));
  await outputs.close(5000);
  assert.deepEqual(fake.delivered, upTo(10));
  assert.equal(stats().sent, 10);
  assert.equal(stats().failures, 3);
  assert.deepEqual(stats().dropped, {});
});

test('each of two outputs that fail is heard, under a code that can be looked up', async () => {
  const stream = new PassThrough();
  const fake = new FakeOutput();
  fake.behave = refuse;
  const entry = { ...FAST, type: 'fake' };
  const outputs = await openOutputs({ one: entry, two: entry }, testFolder(), {
    types: [fake.kind()],
    log: createLog({ format: 'json', stream }),
  });
  outputs.emit(testAlert(0));
  await until('both were tried again', () => outputs.stats().every(({ failures }) => failures > 1));
  await outputs.close(0);
  const lines = String(stream.read()).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => {
      const { code, output } = JSON.parse(line) as Record<string, string>;
      return `${code} ${output}`;
    }),
    ['E_OUTPUT_SEND one', 'E_OUTPUT_SEND two'],
  );
});

test('an alert that the peer will never take is dropped alone', async () => {
  const { fake, outputs, stats } = await setup();
  fake.behave = (batch) => {
    const bad = batch.findIndex((alert) => alert.fields['test.number'] === 5);
    if (bad >= 0) throw new SendError('too large', { delivered: bad, retryable: false });
  };
  outputs.emit(testAlerts(10));
  await outputs.close(5000);
  assert.deepEqual(
    fake.delivered,
    upTo(10).filter((n) => n !== 5),
  );
  assert.deepEqual(stats().dropped, { rejected: 1 });
});

test('a batch is given up after the deadline, counted, and the next has its own', async () => {
  const retry = { initial_ms: 10, max_ms: 20, deadline_ms: 100 };
  const { fake, outputs, stats } = await setup({ retry });
  fake.behave = refuse;
  outputs.emit(testAlerts(10));
  await until('it was given up', () => stats().dropped.deadline === 10);
  fake.behave = undefined;
  outputs.emit(testAlerts(5, 10));
  await outputs.close(1000);
  assert.deepEqual(fake.delivered, upTo(15, 10));
});

test('an output that heeds no signal is timed out all the same', async () => {
  const { fake, outputs, stats } = await setup({ send_timeout_ms: 50 });
  fake.behave = (_, attempt) => (attempt === 1 ? new Promise<void>(() => {}) : undefined);
  outputs.emit(testAlerts(3));
  await until('it was sent', () => stats().sent === 3);
  assert.match(stats().lastError ?? '', /no answer within 50 ms/);
  await outputs.close(1000);
});

test('an attempt that runs out of time counts what it had delivered', async () => {
  const { fake, outputs, stats } = await setup({ send_timeout_ms: 50 });
  fake.behave = (batch, _, signal) =>
    new Promise<void>((resolve, reject) => {
      if (batch.length <= 2) resolve();
      signal.addEventListener('abort', () => reject(new SendError('cut off', { delivered: 2 })));
    });
  outputs.emit(testAlerts(10));
  await until('all were sent', () => stats().sent === 10);
  assert.deepEqual(fake.delivered, upTo(10));
  assert.equal(stats().failures, 4);
  assert.match(stats().lastError ?? '', /no answer within 50 ms/);
  await outputs.close(1000);
});

test('an output that hangs for ever cannot keep another from its alerts, nor shutdown', async () => {
  const [slow, fast] = [new FakeOutput(), new FakeOutput()];
  slow.behave = () => new Promise<void>(() => {});
  const types = [
    { ...slow.kind(), type: 'slow' },
    { ...fast.kind(), type: 'fast' },
  ];
  const outputs = await openOutputs({ slow: FAST, fast: FAST }, testFolder(), { types });
  outputs.emit(testAlerts(1000));
  await until('the fast one has all', () => fast.delivered.length === 1000, 3000);
  await outputs.close(200);
  assert.equal(outputs.stats().find(({ name }) => name === 'slow')?.dropped.shutdown, 1000);
});

test('a closed output counts what still comes', async () => {
  const { outputs, stats } = await setup();
  await outputs.close(100);
  outputs.emit(testAlerts(3));
  assert.deepEqual(stats().dropped, { closed: 3 });
});

test('spill keeps everything on disk while the peer is away and hands it over in order', async () => {
  const { fake, outputs, stats } = await setup({ queue: { capacity: 50, policy: 'spill' } });
  fake.behave = refuse;
  for (let at = 0; at < 2000; at += 20) {
    outputs.emit(testAlerts(20, at));
    await until('there is room in memory', () => stats().queued <= 30);
  }
  await until('all are on disk', () => stats().spooled === 2000);
  assert.deepEqual(stats().dropped, {});
  fake.behave = undefined;
  await until('all were sent', () => stats().sent === 2000);
  assert.deepEqual(fake.delivered, upTo(2000));
  outputs.emit(testAlerts(5, 2000));
  await outputs.close(1000);
  assert.deepEqual(fake.delivered, upTo(2005));
});

test('spill keeps the order while the peer fails now and then', async () => {
  for (const write_ahead of [false, true]) {
    const options = { queue: { capacity: 40, policy: 'spill' }, spool: { write_ahead } };
    const { fake, outputs, stats } = await setup(options);
    fake.behave = (batch, attempt) => {
      if (attempt % 3 === 0) refuse();
      if (attempt % 4 === 0) throw new SendError('part', { delivered: Math.floor(batch.length / 2) });
    };
    for (let at = 0; at < 600; at += 10) {
      outputs.emit(testAlerts(10, at));
      await until('there is room in memory', () => stats().queued <= 30);
    }
    await until('all were sent', () => stats().sent === 600);
    assert.deepEqual(fake.delivered, upTo(600));
    await outputs.close(1000);
  }
});

test('with a disk that takes nothing alerts are sent all the same', async () => {
  const folder = testFolder();
  const spool = { write_ahead: true, path: join(folder, 'spool'), segment_bytes: 4096 };
  const { fake, outputs, stats } = await setup({ queue: { policy: 'spill' }, spool });
  outputs.emit(testAlerts(5));
  await until('the first were sent', () => stats().sent === 5);
  // The next segment cannot be made: its name is taken by a folder that is not empty.
  for (let id = 1; id < 20; id++)
    mkdirSync(join(folder, 'spool', `${String(id + 1).padStart(12, '0')}.spool`));
  outputs.emit(testAlerts(40, 5));
  await until('more were sent', () => stats().sent === 45);
  outputs.emit(testAlerts(40, 45));
  await until('all were sent', () => stats().sent === 85);
  assert.deepEqual(fake.delivered, upTo(85));
  assert.deepEqual(stats().dropped, {});
  await outputs.close(1000);
});

test('with a disk and a peer that take nothing it waits between attempts', async () => {
  const folder = testFolder();
  const retry = { initial_ms: 200, max_ms: 200 };
  const { fake, outputs, stats } = await setup({ queue: { policy: 'spill' }, retry }, {}, folder);
  for (let id = 0; id < 20; id++)
    mkdirSync(join(folder, 'spool', 'fake', `${String(id + 1).padStart(12, '0')}.spool`), {
      recursive: true,
    });
  fake.behave = refuse;
  outputs.emit(testAlerts(5));
  await until('it was tried', () => stats().failures > 4);
  const before = fake.attempts;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  // Without a pause it would be thousands.
  assert.ok(fake.attempts - before < 40, `${fake.attempts - before} attempts`);
  assert.equal(stats().spooled, 0);
  await outputs.close(100);
});

test('what waits at shutdown is sent by the next process', async () => {
  const folder = testFolder();
  const options = { queue: { capacity: 100, policy: 'spill' } };
  const first = await setup(options, {}, folder);
  first.fake.behave = refuse;
  first.outputs.emit(testAlerts(70));
  await until('the failure was noticed', () => first.stats().failures > 0);
  await first.outputs.close(10_000);
  assert.equal(first.stats().spooled, 70);
  assert.deepEqual(first.stats().dropped, {});

  const second = await setup(options, {}, folder);
  second.outputs.emit(testAlerts(5, 70));
  await until('all were sent', () => second.stats().sent === 75);
  assert.deepEqual(second.fake.delivered, upTo(75));
  await second.outputs.close(1000);
});

test('an output gets only what passes its filter', async () => {
  const condition = 'not alert.message contains "number=1)"';
  const filter = { minimum_priority: 'warning', tags: ['network', 'host'], condition };
  const { fake, outputs, stats } = await setup({ filter });
  outputs.emit([
    testAlert(0),
    testAlert(1),
    testAlert(2, { priority: 5 }),
    testAlert(4, { tags: ['filesystem'] }),
    testAlert(6, { priority: 0, tags: ['network'] }),
  ]);
  await outputs.close(1000);
  assert.deepEqual(fake.delivered, [0, 6]);
  assert.equal(stats().filtered, 3);
});

test('the rate limit holds for each rule by itself, and a summary says what was suppressed', async () => {
  const rate_limit = { alerts_per_second: 0.001, burst: 3, summary_ms: 100 };
  const { fake, outputs, stats } = await setup({ rate_limit });
  for (let n = 0; n < 20; n++) outputs.emit(testAlert(n, { rule: 'noisy' }));
  outputs.emit(testAlert(100, { rule: 'quiet' }));
  await until('the summary came', () => fake.batches.flat().length === 5);
  const summary = fake.batches.flat().at(-1);
  assert.equal(summary?.source, 'internal');
  assert.deepEqual(summary?.fields, { output: 'fake', suppressed: 17, rules: ['noisy: 17'] });
  assert.deepEqual(fake.delivered.slice(0, 4), [0, 1, 2, 100]);
  assert.equal(stats().suppressed, 17);
  outputs.emit(testAlert(50, { rule: 'noisy' }));
  await outputs.close(1000);
  assert.match(fake.batches.flat().at(-1)?.message ?? '', /suppressed 1 alerts/, 'also at the end');
});

test('every alert is counted once by what became of it', async () => {
  const metrics = new MetricBuffer();
  const { fake, outputs } = await setup(
    { queue: { capacity: 10 }, filter: { minimum_priority: 'warning' } },
    { metrics },
  );
  fake.behave = (_, attempt) => (attempt === 1 ? refuse() : undefined);
  outputs.emit([...testAlerts(15), testAlert(20, { priority: 7 })]);
  await outputs.close(1000);
  outputs.publish();
  const counted = new Map(metrics.take().add.map(([key, labels, n]) => [`${key} ${labels.join(' ')}`, n]));
  assert.deepEqual(
    counted,
    new Map([
      ['outputAlerts fake sent', 10],
      ['outputAlerts fake filtered', 1],
      ['outputAlerts fake dropped', 5],
      ['outputDrops fake queue_full', 5],
    ]),
  );
});

test('reopen reaches every output, and one that fails keeps none from it', async () => {
  const [bad, good] = [new FakeOutput(), new FakeOutput()];
  bad.reopen = () => Promise.reject(new Error('no'));
  const types = [
    { ...bad.kind(), type: 'bad' },
    { ...good.kind(), type: 'good' },
  ];
  const outputs = await openOutputs({ bad: {}, good: {} }, testFolder(), { types });
  await outputs.reopen();
  assert.equal(good.reopened, 1);
  await outputs.close(100);
});
