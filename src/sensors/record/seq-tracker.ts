/** A run of records that never came. Times are those of the records around it, boot clock in ns. */
export interface Gap {
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

interface Hole {
  first: number;
  last: number;
  from: number;
  to: number;
  /** When it was noticed, on the caller's clock. */
  since: number;
}

/** More holes at a time are not kept open: the oldest is given up first. */
const MAX_HOLES = 1024;
/** More losses between two reports are told as one. */
const MAX_GAPS = 1024;

/**
 * Finds lost records by their sequence numbers. A number is taken before the place in the ring, so that a writer
 * that was interrupted in between shows up late: a hole counts as lost only after a while.
 */
export class SeqTracker {
  readonly #graceMs: number;
  #next = 0;
  #lastTs = 0;
  #holes: Hole[] = [];
  #lost: Gap[] = [];
  /** Records that came after they had been reported as lost. */
  late = 0;
  /** The time now, kept by the caller: asking for it per record would cost more than the record. */
  clock = 0;

  constructor(graceMs = 1000) {
    this.#graceMs = graceMs;
  }

  /** Holes that may still be filled. */
  get open(): number {
    return this.#holes.length;
  }

  /** Notes a record that arrived. */
  seen(seq: number, ts: number, now = this.clock): void {
    if (seq === this.#next) {
      this.#next = seq + 1;
      this.#lastTs = ts;
      return;
    }
    if (seq > this.#next) {
      this.#holes.push({ first: this.#next, last: seq - 1, from: this.#lastTs, to: ts, since: now });
      this.#next = seq + 1;
      this.#lastTs = ts;
      if (this.#holes.length > MAX_HOLES) this.#giveUp(this.#holes.shift()!);
      return;
    }
    this.#fill(seq);
  }

  /**
   * Notes that all numbers below `next` were given out while nothing waits to be read: what did not come is a hole,
   * though no record behind it shows it.
   */
  expect(next: number, now: number): void {
    if (next <= this.#next) return;
    this.#holes.push({ first: this.#next, last: next - 1, from: this.#lastTs, to: this.#lastTs, since: now });
    this.#next = next;
    if (this.#holes.length > MAX_HOLES) this.#giveUp(this.#holes.shift()!);
  }

  /** The holes that are old enough to be losses; each is returned once. */
  expired(now: number): Gap[] {
    const old = this.#holes.findIndex((hole) => now - hole.since < this.#graceMs);
    for (const hole of this.#holes.splice(0, old < 0 ? this.#holes.length : old)) this.#giveUp(hole);
    return this.#lost.splice(0);
  }

  #giveUp(hole: Hole): void {
    const gap = { count: hole.last - hole.first + 1, from: hole.from, to: hole.to };
    const last = this.#lost.at(-1);
    if (last === undefined || this.#lost.length < MAX_GAPS) this.#lost.push(gap);
    else this.#lost[MAX_GAPS - 1] = { count: last.count + gap.count, from: last.from, to: gap.to };
  }

  #fill(seq: number): void {
    const index = this.#holes.findIndex((hole) => seq >= hole.first && seq <= hole.last);
    const hole = this.#holes[index];
    if (hole === undefined) {
      this.late++;
      return;
    }
    const parts: Hole[] = [];
    if (seq > hole.first) parts.push({ ...hole, last: seq - 1 });
    if (seq < hole.last) parts.push({ ...hole, first: seq + 1 });
    this.#holes.splice(index, 1, ...parts);
  }
}
