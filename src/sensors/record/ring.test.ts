import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Ring } from './ring.ts';

const SIZE = 4096;
const BUSY = 0x80000000;
const DISCARD = 0x40000000;

/** The writing end as the kernel has it, on plain memory. */
class Writer {
  readonly consumer = new ArrayBuffer(8);
  readonly producer = new ArrayBuffer(8);
  readonly data = new ArrayBuffer(2 * SIZE);
  readonly #cons = new BigUint64Array(this.consumer);
  readonly #prod = new BigUint64Array(this.producer);
  readonly #bytes = new Uint8Array(this.data);
  readonly #view = new DataView(this.data);

  /** Both positions start here, to cross 2^31 and 2^32. */
  constructor(start: bigint) {
    this.#cons[0] = start;
    this.#prod[0] = start;
  }

  get consumed(): bigint {
    return this.#cons[0]!;
  }

  /** Reserves; undefined when there is no room. Returns the place of the header. */
  reserve(length: number): number | undefined {
    const total = BigInt((length + 8 + 7) & ~7);
    if (this.#prod[0]! + total - this.#cons[0]! > BigInt(SIZE - 1)) return undefined;
    const at = Number(this.#prod[0]! % BigInt(SIZE));
    this.#put32(at, BUSY + length);
    this.#prod[0] = this.#prod[0]! + total;
    return at;
  }

  commit(at: number, payload: Uint8Array, discard: boolean): void {
    payload.forEach((byte, i) => {
      const pos = (at + 8 + i) % SIZE;
      this.#bytes[pos] = byte;
      this.#bytes[pos + SIZE] = byte;
    });
    this.#put32(at, payload.length + (discard ? DISCARD : 0));
  }

  #put32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
    this.#view.setUint32((at + SIZE) % (2 * SIZE), value, true);
  }

  ring(): Ring {
    return new Ring({ size: SIZE, consumer: this.consumer, producer: this.producer, data: this.data });
  }
}

function take(ring: Ring): number[][] {
  const out: number[][] = [];
  const head = ring.head();
  while (ring.next(head)) {
    out.push([...ring.memory.bytes.subarray(ring.at, ring.at + ring.length)]);
    ring.release();
  }
  return out;
}

type Step =
  | { do: 'write'; payload: Uint8Array; discard: boolean }
  | { do: 'reserve'; payload: Uint8Array }
  | { do: 'commit' }
  | { do: 'read'; publish: boolean };

const payload = fc.uint8Array({ minLength: 1, maxLength: 700 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), payload, discard: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reserve' as const), payload }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), publish: fc.boolean() }) },
);

describe('Ring', () => {
  it('yields what was written, in order, like a queue', () => {
    const starts = fc.constantFrom(0n, 4088n, 2n ** 31n - 512n, 2n ** 32n - 1024n, 2n ** 40n - 256n);
    fc.assert(
      fc.property(starts, fc.array(step, { minLength: 5, maxLength: 120 }), (start, steps) => {
        const writer = new Writer(start);
        const ring = writer.ring();
        const expected: number[][] = [];
        const got: number[][] = [];
        let open: { at: number; payload: Uint8Array } | undefined;
        const blocked: number[][] = [];
        for (const s of steps) {
          if (s.do === 'write') {
            const at = writer.reserve(s.payload.length);
            if (at === undefined) continue;
            writer.commit(at, s.payload, s.discard);
            if (!s.discard) (open === undefined ? expected : blocked).push([...s.payload]);
          } else if (s.do === 'reserve' && open === undefined) {
            const at = writer.reserve(s.payload.length);
            if (at !== undefined) open = { at, payload: s.payload };
          } else if (s.do === 'commit' && open !== undefined) {
            writer.commit(open.at, open.payload, false);
            expected.push([...open.payload], ...blocked.splice(0));
            open = undefined;
          } else if (s.do === 'read') {
            got.push(...take(ring));
            if (s.publish) ring.publish();
            assert.deepEqual(got, expected);
          }
        }
        got.push(...take(ring));
        assert.deepEqual(got, expected);
        ring.publish();
        if (open === undefined) assert.equal(ring.pending(), 0);
        assert.ok(writer.consumed >= start);
      }),
      { numRuns: 200 },
    );
  });

  it('waits at a record that is being written', () => {
    const writer = new Writer(0n);
    const ring = writer.ring();
    const at = writer.reserve(8)!;
    assert.deepEqual(take(ring), []);
    assert.ok(ring.pending() > 0);
    writer.commit(at, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), false);
    assert.deepEqual(take(ring), [[1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  it('publishes a position beyond 4 GiB in one piece', () => {
    const writer = new Writer(2n ** 32n - 16n);
    const ring = writer.ring();
    writer.commit(writer.reserve(24)!, new Uint8Array(24), false);
    take(ring);
    ring.publish();
    assert.equal(writer.consumed, 2n ** 32n + 16n);
  });
});
