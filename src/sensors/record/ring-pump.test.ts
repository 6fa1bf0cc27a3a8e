import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { buildRecord } from './build-record.ts';
import { Ring } from './ring.ts';
import { RingPump, type Waker } from './ring-pump.ts';

const SIZE = 1 << 16;

/** A ring that the test writes to. */
class FakeRing {
  readonly producer = new ArrayBuffer(8);
  readonly data = new ArrayBuffer(2 * SIZE);
  readonly ring = new Ring({
    size: SIZE,
    consumer: new ArrayBuffer(8),
    producer: this.producer,
    data: this.data,
  });
  readonly #bytes = Buffer.from(this.data);
  #at = 0;

  write(record: Uint8Array): void {
    this.#bytes.writeUInt32LE(record.length, this.#at);
    this.#bytes.set(record, this.#at + 8);
    this.#at += (record.length + 15) & ~7;
    new BigUint64Array(this.producer)[0] = BigInt(this.#at);
  }

  exit(pid: number, ts: number): void {
    this.write(buildRecord({ kind: 'exit', pid, ts }));
  }
}

class FakeWaker implements Waker {
  callback: (() => void) | undefined;
  rings: 'both' | 'bulk' | undefined;
  armed = 0;
  /** Called inside arm, as something that happens between the flag and the sleep. */
  meanwhile: (() => void) | undefined;

  arm(callback: () => void, rings: 'both' | 'bulk'): void {
    this.armed++;
    this.callback = callback;
    this.rings = rings;
    this.meanwhile?.();
    this.meanwhile = undefined;
  }

  disarm(): void {
    this.callback = undefined;
    this.rings = undefined;
  }
}

function setUp(onRecord?: (pid: number) => void) {
  const bulk = new FakeRing();
  const priority = new FakeRing();
  const waker = new FakeWaker();
  const seen: number[] = [];
  const log = { undecodable: [] as string[], batches: 0, errors: [] as unknown[] };
  const pump = new RingPump({ bulk: bulk.ring, priority: priority.ring }, waker, {
    record: (rec) => {
      seen.push(rec.pid);
      onRecord?.(rec.pid);
    },
    undecodable: (ring) => log.undecodable.push(ring),
    batchEnd: () => {
      log.batches++;
    },
    failed: (error) => log.errors.push(error),
  });
  return { bulk, priority, waker, seen, log, pump };
}

/** Waits as long as it takes: how soon is not what is tested. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(2);
}

describe('RingPump', () => {
  it('merges both rings by time, the priority ring first where times are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(50)), { maxLength: 150 }), (writes) => {
        const { bulk, priority, seen, pump } = setUp();
        const sorted = [...writes].sort((a, b) => a[1] - b[1]);
        for (const [i, [first, ts]] of sorted.entries()) (first ? priority : bulk).exit(i, ts);
        assert.equal(pump.drain(), writes.length);
        const expected = sorted
          .map(([first, ts], i) => ({ first, ts, i }))
          .sort((a, b) => a.ts - b.ts || Number(b.first) - Number(a.first) || a.i - b.i);
        assert.deepEqual(
          seen,
          expected.map((w) => w.i),
        );
      }),
    );
  });

  it('takes no more than it is told, and the rest next time', () => {
    const { bulk, seen, log, pump } = setUp();
    for (let i = 0; i < 10; i++) bulk.exit(i, i);
    assert.equal(pump.drain(4), 4);
    assert.deepEqual(seen, [0, 1, 2, 3]);
    assert.equal(pump.drain(), 6);
    assert.deepEqual(seen.slice(4), [4, 5, 6, 7, 8, 9]);
    assert.equal(log.batches, 2);
    assert.equal(pump.drain(), 0);
    assert.equal(log.batches, 2);
  });

  it('steps over bytes that are no record, and says so', () => {
    const { bulk, seen, log, pump } = setUp();
    bulk.write(new Uint8Array(24).fill(0xff));
    bulk.exit(7, 1);
    pump.drain();
    assert.deepEqual(seen, [7]);
    assert.deepEqual(log.undecodable, ['events']);
  });

  it('goes on after a handler threw', () => {
    const { bulk, seen, log, pump } = setUp((pid) => {
      if (pid === 1) throw new Error('bad');
    });
    for (const pid of [1, 2]) bulk.exit(pid, pid);
    pump.drain();
    assert.deepEqual(seen, [1, 2]);
    assert.equal(log.errors.length, 1);
  });

  it('does not sleep over a record that came while it armed', async () => {
    const { bulk, waker, seen, pump } = setUp();
    waker.meanwhile = () => bulk.exit(5, 1);
    pump.start();
    await until(() => seen.length === 1 && waker.callback !== undefined);
    assert.deepEqual(seen, [5]);
    pump.close();
    assert.equal(waker.callback, undefined);
  });

  it('finds a record without a wake-up within a moment', async () => {
    const { bulk, seen, pump } = setUp();
    pump.start();
    await sleep(5);
    bulk.exit(9, 1);
    await sleep(250);
    assert.deepEqual(seen, [9]);
    pump.close();
  });

  it('a wake-up handles what is there and sleeps again', async () => {
    const { priority, waker, seen, pump } = setUp();
    pump.start();
    await sleep(5);
    priority.exit(3, 1);
    waker.callback?.();
    assert.deepEqual(seen, [3]);
    assert.ok(waker.callback !== undefined);
    pump.close();
  });

  it('two wake-ups in one turn are one', async () => {
    const { bulk, waker, seen, log, pump } = setUp();
    pump.start();
    await sleep(10);
    const wake = waker.callback!;
    for (let i = 0; i < 20; i++) bulk.exit(i, i);
    wake();
    bulk.exit(99, 99);
    wake();
    assert.equal(seen.length, 20, 'the second call came after the first had handled everything');
    assert.equal(log.batches, 1);
    await until(() => seen.length === 21);
    pump.close();
  });

  it('while only lives are told, a record of the bulk ring wakes it', async () => {
    const { bulk, priority, waker, seen, pump } = setUp();
    for (let i = 0; i < 20; i++) priority.exit(i, i);
    pump.start();
    assert.equal(seen.length, 20);
    assert.equal(waker.rings, 'bulk');
    bulk.exit(99, 99);
    waker.callback?.();
    assert.equal(seen.at(-1), 99);
    assert.equal(waker.callback, undefined, 'more may come: it looks by itself');
    await until(() => waker.rings === 'both');
    pump.close();
  });

  it('does not wait for a wake-up by a bulk record that came while it armed', async () => {
    const { bulk, priority, waker, seen, pump } = setUp();
    priority.exit(1, 1);
    waker.meanwhile = () => bulk.exit(2, 2);
    pump.start();
    assert.equal(waker.callback, undefined);
    await until(() => seen.length === 2 && waker.rings === 'both');
    pump.close();
  });

  it('touches nothing after close, even from within a handler', async () => {
    const { bulk, seen, pump } = setUp(() => pump.close());
    for (let i = 0; i < 5; i++) bulk.exit(i, i);
    pump.start();
    await sleep(150);
    assert.deepEqual(seen, [0]);
  });
});
