import { Decoder } from './decode.ts';
import type { AnyRec } from './record.gen.ts';
import type { Ring } from './ring.ts';

/** A drain handles at most so many records, so that timers and messages get their turn under load. */
const MAX_BATCH = 8192;
/** After a batch of more than this, more is coming: looking again soon is cheaper than being woken. */
const SPARSE = 8;
/** How soon to look again while records keep coming: each look costs more than some records. */
const COALESCE_MS = 4;
/** The same after a large batch, so that the rings never fill. */
const MANY = 1024;
const HURRY_MS = 1;
/** The same while there is nothing but a few records of processes' lives, which come slowly. */
const FEW = 128;
const UNHURRIED_MS = 16;
const QUIET_MS = 5;
/** A wake-up can be missed once in millions: the flag is read without a barrier on the kernel's side. */
const SAFETY_MS = 100;

export interface PumpHandlers {
  /** The record is valid until it returns. */
  record(rec: AnyRec): void;
  /** Bytes in a ring that are no record. */
  undecodable(ring: 'events' | 'priority'): void;
  batchEnd(): void;
  /** An error thrown by one of these; the pump goes on. */
  failed(error: unknown): void;
}

/** What the pump waits on, so that tests need no kernel. */
export interface Waker {
  /** Asks to be called once when a ring has something: sets the flags the kernel looks at, watches the fds. */
  arm(callback: () => void, rings: 'both' | 'bulk'): void;
  disarm(): void;
}

/**
 * Drains both rings in the order of time and sleeps when they are empty.
 *
 * The priority ring's end is read after the bulk ring's: a process writes its exec record before its first open, so
 * that whatever lifecycle record belongs before a bulk record is in sight with it.
 */
export class RingPump {
  readonly #bulk: Ring;
  readonly #priority: Ring;
  readonly #waker: Waker;
  readonly #handlers: PumpHandlers;
  readonly #bulkDecoder = new Decoder();
  readonly #priorityDecoder = new Decoder();
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #safety: NodeJS.Timeout | undefined;
  #armed: 'both' | 'bulk' | undefined;
  /** Records of the bulk ring in the last batch. */
  #bulkTaken = 0;
  #closed = false;
  #lastWake = 0;

  constructor(rings: { bulk: Ring; priority: Ring }, waker: Waker, handlers: PumpHandlers) {
    this.#bulk = rings.bulk;
    this.#priority = rings.priority;
    this.#waker = waker;
    this.#handlers = handlers;
  }

  start(): void {
    this.#safety = setInterval(() => {
      if (this.#armed === 'both' && this.#pending()) this.#woken();
    }, SAFETY_MS);
    this.#tick();
  }

  /** Stops for good. After it returns nothing touches the rings. */
  close(): void {
    this.#closed = true;
    this.#disarm();
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    clearInterval(this.#safety);
  }

  /** Handles what is there, in order, at most `max` records. Returns how many. */
  drain(max = MAX_BATCH): number {
    const bulkHead = this.#bulk.head();
    const priorityHead = this.#priority.head();
    let bulk = this.#take(this.#bulk, this.#bulkDecoder, bulkHead);
    let priority = this.#take(this.#priority, this.#priorityDecoder, priorityHead);
    let count = 0;
    this.#bulkTaken = 0;
    while (count < max && !this.#closed) {
      if (priority !== undefined && (bulk === undefined || priority.ts <= bulk.ts)) {
        this.#handle(priority, this.#priority);
        priority = this.#take(this.#priority, this.#priorityDecoder, priorityHead);
      } else if (bulk !== undefined) {
        this.#handle(bulk, this.#bulk);
        this.#bulkTaken++;
        bulk = this.#take(this.#bulk, this.#bulkDecoder, bulkHead);
      } else break;
      count++;
    }
    if (count > 0 && !this.#closed) {
      this.#bulk.publish();
      this.#priority.publish();
      this.#guarded(() => this.#handlers.batchEnd());
    }
    return count;
  }

  #take(ring: Ring, decoder: Decoder, head: number): AnyRec | undefined {
    while (ring.next(head)) {
      const rec = decoder.at(ring.memory, ring.at, ring.length);
      if (rec !== undefined) return rec;
      ring.release();
      this.#guarded(() => this.#handlers.undecodable(ring === this.#priority ? 'priority' : 'events'));
    }
    return undefined;
  }

  #handle(rec: AnyRec, ring: Ring): void {
    try {
      this.#handlers.record(rec);
    } catch (error) {
      this.#handlers.failed(error);
    }
    ring.release();
  }

  /** An error in the poll callback would stay pending for ever and spin the loop: nothing may escape. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#handlers.failed(error);
    }
  }

  #pending(): boolean {
    return this.#bulk.pending() > 0 || this.#priority.pending() > 0;
  }

  #woken(): void {
    // Both fds may become readable in one turn of the loop; the first call handles both rings.
    if (this.#closed || this.#armed === undefined) return;
    const slept = this.#armed === 'both';
    this.#disarm();
    clearTimeout(this.#timer);
    const now = performance.now();
    const quiet = slept && now - this.#lastWake > QUIET_MS;
    this.#lastWake = now;
    const count = this.drain();
    // A lone event after silence: sleep again at once, and the next one is as quick.
    if (quiet && count <= SPARSE) this.#sleep(count);
    else this.#again(count);
  }

  #tick(): void {
    if (this.#closed) return;
    const count = this.drain();
    if (count > 0) this.#again(count);
    else this.#sleep(count);
  }

  #again(count: number): void {
    if (this.#closed) return;
    if (this.#bulkTaken === 0 && count <= FEW && this.#watchBulk()) {
      this.#timer = setTimeout(() => this.#tick(), UNHURRIED_MS);
      return;
    }
    this.#disarm();
    if (count >= MAX_BATCH) this.#immediate = setImmediate(() => this.#tick());
    else this.#timer = setTimeout(() => this.#tick(), count > MANY ? HURRY_MS : COALESCE_MS);
  }

  /** What fills the bulk ring may come fast: its first record wakes. False if one is there already. */
  #watchBulk(): boolean {
    if (this.#armed === undefined) {
      this.#armed = 'bulk';
      this.#waker.arm(() => this.#woken(), 'bulk');
    }
    return this.#bulk.pending() === 0;
  }

  /** Arm first, then look again: what came in between is seen here, what comes later wakes us. */
  #sleep(count: number): void {
    if (this.#closed) return;
    this.#disarm();
    this.#armed = 'both';
    this.#waker.arm(() => this.#woken(), 'both');
    if (!this.#pending()) return;
    this.#disarm();
    // Pending and yet nothing to take: a record is still being written. Don't spin on it.
    if (count === 0) this.#timer = setTimeout(() => this.#tick(), COALESCE_MS);
    else this.#again(MAX_BATCH);
  }

  #disarm(): void {
    if (this.#armed !== undefined) this.#waker.disarm();
    this.#armed = undefined;
  }
}
