import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { OutputType } from './output.ts';
import type { OutputStats } from './stats.ts';
import { hostileAlert, testAlert, testAlerts } from './testing/alerts.ts';
import { FAST, openOutputs, testFolder, until } from './testing/open.ts';

/** What an output sends to, under the control of a test. */
export interface Peer {
  /** The output's configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The output's kind, if the registry's must be replaced. */
  readonly kind?: OutputType;
  /** Everything that arrived, one text per alert, in order. */
  received(): Promise<readonly string[]> | readonly string[];
  /** Refuses what comes. */
  down?(): Promise<void> | void;
  /** Takes what comes, and does nothing with it. */
  hang?(): Promise<void> | void;
  up?(): Promise<void> | void;
}

export interface Conformance {
  readonly name: string;
  readonly type: string;
  readonly skip?: string | false;
  /** Starts a peer that is up; the test context ends it. */
  readonly start: (context: TestContext, folder: string) => Promise<Peer>;
  /** The transport itself may lose messages without anyone knowing (UDP). */
  readonly lossy?: boolean;
  /** The peer drops repeated alerts by their uuid. */
  readonly deduplicates?: boolean;
}

const NUMBER = /number=(\d+)\)/;
const numbers = (texts: readonly string[]): number[] =>
  texts.map((text) => Number(NUMBER.exec(text)?.[1] ?? -1));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Every alert that was taken in must be somewhere. */
function assertAccounted(stats: OutputStats | undefined): void {
  assert.ok(stats);
  const dropped = Object.values(stats.dropped).reduce((sum, n) => sum + n, 0);
  assert.equal(stats.accepted, stats.sent + dropped + stats.spooled + stats.queued, JSON.stringify(stats));
}

/** What every output has to pass; registers the tests. */
export function conform(subject: Conformance): void {
  const setup = async (t: TestContext, options: Readonly<Record<string, unknown>> = {}) => {
    const folder = testFolder();
    const peer = await subject.start(t, folder);
    const entry = { type: subject.type, ...peer.config, ...FAST, ...options };
    const outputs = await openOutputs({ subject: entry }, folder, peer.kind ? { types: [peer.kind] } : {});
    let closed = false;
    const close = async (ms: number): Promise<void> => {
      if (!closed) await outputs.close(ms);
      closed = true;
    };
    t.after(() => close(0));
    const stats = (): OutputStats => outputs.stats()[0] as OutputStats;
    return { peer, outputs, stats, close };
  };
  const check = (title: string, body: (t: TestContext) => Promise<void>): void => {
    test(`${subject.name}: ${title}`, { skip: subject.skip ?? false, timeout: 60_000 }, body);
  };

  check('a thousand alerts arrive in order, each once', async (t) => {
    const { peer, outputs, stats, close } = await setup(t);
    for (let at = 0; at < 1000; at += 50) {
      outputs.emit(testAlerts(50, at));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await until('all were sent', () => stats().sent === 1000);
    await until('all arrived', async () => (await peer.received()).length >= 1000);
    assert.deepEqual(numbers(await peer.received()), upTo(1000));
    await close(2000);
    assertAccounted(stats());
  });

  check('shutdown waits for what was emitted just before', async (t) => {
    const { peer, outputs, close } = await setup(t);
    outputs.emit(testAlerts(200));
    await close(10_000);
    await until('all arrived', async () => (await peer.received()).length >= 200);
    assert.deepEqual(numbers(await peer.received()), upTo(200));
  });

  check('hostile text stays within its own alert', async (t) => {
    const { peer, outputs, stats, close } = await setup(t);
    outputs.emit([hostileAlert(0), testAlert(1), hostileAlert(2), testAlert(3)]);
    await until('all were sent', () => stats().sent === 4);
    await until('all arrived', async () => (await peer.received()).length >= 4);
    const received = await peer.received();
    assert.equal(received.length, 4);
    assert.deepEqual(numbers(received), [-1, 1, -1, 3]);
    for (const text of received) assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u202e\u2066]/);
    await close(2000);
  });

  check('a repeated alert keeps its identity', async (t) => {
    const { peer, outputs, stats, close } = await setup(t);
    outputs.emit(testAlerts(3));
    await until('the first were sent', () => stats().sent === 3);
    outputs.emit(testAlerts(3));
    outputs.emit(testAlert(3));
    await until('all were sent', () => stats().sent === 7);
    const expected = subject.deduplicates ? [0, 1, 2, 3] : [0, 1, 2, 0, 1, 2, 3];
    await until('all arrived', async () => (await peer.received()).length >= expected.length);
    assert.deepEqual(numbers(await peer.received()), expected);
    await close(2000);
  });

  if (!subject.lossy) {
    check('a peer that refuses gets everything once it is back', async (t) => {
      const { peer, outputs, stats, close } = await setup(t);
      outputs.emit(testAlerts(20));
      await until('the first were sent', () => stats().sent === 20);
      await peer.down?.();
      for (let at = 20; at < 200; at += 20) {
        outputs.emit(testAlerts(20, at));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await until('the failure was noticed', () => stats().failures > 0);
      assert.equal(stats().state, 'failing');
      await peer.up?.();
      const arrived = async (): Promise<Set<number>> => new Set(numbers(await peer.received()));
      await until(
        'the last was sent',
        () => stats().queued + stats().spooled === 0 && stats().state === 'ok',
      );
      await until('all arrived', async () => (await arrived()).size >= 200 - lost(subject));
      const once = [...(await arrived())];
      assert.deepEqual(
        once,
        once.toSorted((a, b) => a - b),
      );
      await close(2000);
      assertAccounted(stats());
    });
  }

  check(
    'a peer that hangs delays neither the caller nor another output, and shutdown keeps its deadline',
    async (t) => {
      const { peer, outputs, stats, close } = await setup(t, {
        queue: { capacity: 100, policy: 'drop_oldest' },
      });
      await peer.hang?.();
      let longest = 0;
      for (let at = 0; at < 5000; at += 50) {
        const alerts = testAlerts(50, at);
        const started = performance.now();
        outputs.emit(alerts);
        longest = Math.max(longest, performance.now() - started);
        await new Promise(setImmediate);
      }
      // The machine may take the processor away from us; the peer hangs for ever.
      assert.ok(longest < 200, `emit took ${longest} ms`);
      const started = performance.now();
      await close(300);
      assert.ok(performance.now() - started < 5000, 'close kept its deadline');
      assertAccounted(stats());
      await peer.up?.();
    },
  );
}

/** A stream without acknowledgements cannot know what the dead peer had not read: at most what was in flight. */
function lost(subject: Conformance): number {
  return subject.type === 'syslog' ? 40 : 0;
}
