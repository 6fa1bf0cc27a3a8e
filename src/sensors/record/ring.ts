import { type Mapping, mapMemory, PROT_READ, PROT_WRITE, pageSize } from '../bpf/libbpf.ts';
import { RecordMemory } from './record-base.ts';

const BUSY = 0x80000000 | 0;
const DISCARD = 0x40000000;
const LENGTH = 0x3fffffff;
const HEADER = 8;
/** Positions are published after so many bytes: per record would cost more than the record. */
const PUBLISH_BYTES = 64 * 1024;
const TWO32 = 4294967296;

/** The three parts of a BPF ring buffer as memory; in tests made by hand. */
export interface RingParts {
  readonly size: number;
  /** The reader's position, in the first 8 bytes. */
  readonly consumer: ArrayBuffer;
  /** The writers' position, in the first 8 bytes. Read only. */
  readonly producer: ArrayBuffer;
  /** The data, and behind it its beginning once more, so that no record is split. Read only. */
  readonly data: ArrayBuffer;
}

/**
 * The reading end of one BPF ring buffer. There must be only one.
 *
 * Positions are 64 bits wide and only grow; the low halves are enough to compare them, since a ring is far below
 * 4 GiB. The current record is at `at`, `length` of `memory` until `release`.
 */
export class Ring {
  readonly memory: RecordMemory;
  at = 0;
  length = 0;
  readonly #mask: number;
  readonly #cons32: Int32Array;
  readonly #cons64: BigUint64Array;
  readonly #prod32: Int32Array;
  readonly #words: Int32Array;
  #position: number;
  #published: number;

  constructor(parts: RingParts) {
    this.#mask = parts.size - 1;
    this.#cons32 = new Int32Array(parts.consumer, 0, 2);
    this.#cons64 = new BigUint64Array(parts.consumer, 0, 1);
    this.#prod32 = new Int32Array(parts.producer, 0, 2);
    this.memory = new RecordMemory(parts.data);
    this.#words = this.memory.i32;
    this.#position = Number(Atomics.load(this.#cons64, 0));
    this.#published = this.#position;
  }

  /** The writers' position now, for `next`. */
  head(): number {
    return Atomics.load(this.#prod32, 0);
  }

  /** Bytes that wait, whether committed or not. */
  pending(): number {
    return (this.head() - (this.#position | 0)) | 0;
  }

  /**
   * Moves to the next committed record before `head`. False at the end, or at a record that is still being
   * written: what stands behind it has to wait.
   */
  next(head: number): boolean {
    while (((head - (this.#position | 0)) | 0) > 0) {
      const offset = (this.#position | 0) & this.#mask;
      const header = Atomics.load(this.#words, offset >>> 2);
      if ((header & BUSY) !== 0) return false;
      if ((header & DISCARD) === 0) {
        this.at = offset + HEADER;
        this.length = header & LENGTH;
        return true;
      }
      this.#advance(header & LENGTH);
    }
    return false;
  }

  /** Done with the current record. */
  release(): void {
    this.#advance(this.length);
    if (this.#position - this.#published >= PUBLISH_BYTES) this.publish();
  }

  /** Gives the room of released records back to the writers. */
  publish(): void {
    const high = Math.floor(this.#position / TWO32);
    // Two 32-bit stores would show the kernel a torn position when the high word changes.
    if (high === Math.floor(this.#published / TWO32)) Atomics.store(this.#cons32, 0, this.#position | 0);
    else Atomics.store(this.#cons64, 0, BigInt(this.#position));
    this.#published = this.#position;
  }

  #advance(length: number): void {
    this.#position += (length + HEADER + 7) & ~7;
  }
}

/** Longer than any record. The kernel would map the data twice, and mapped pages count as ours. */
const OVERLAP = 64 * 1024;

/** Maps a ring buffer map. Unmap only when nothing can touch the ring any more. */
export function mapRing(fd: number, size: number): { ring: Ring; unmap: () => void } {
  const page = pageSize();
  const length = size + Math.min(size, OVERLAP);
  const mappings: Mapping[] = [];
  try {
    const consumer = mapMemory(fd, page, PROT_READ | PROT_WRITE, 0);
    mappings.push(consumer);
    const rest = mapMemory(fd, page + length, PROT_READ, page);
    mappings.push(rest);
    const data = rest.part(page, length);
    const ring = new Ring({ size, consumer: consumer.memory, producer: rest.part(0, page), data });
    return {
      ring,
      unmap: () => {
        for (const m of mappings) m.unmap();
      },
    };
  } catch (error) {
    for (const m of mappings) m.unmap();
    throw error;
  }
}
