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

/** More holes at a time are not told apart: the oldest are given up first. */
const MAX_HOLES = 1024;

/**
 * Finds lost records by their sequence numbers. A number is taken before the place in the ring, so that a writer
 * that was interrupted in between shows up late: a hole counts as lost only after a while.
 */
export class SeqTracker {
  readonly #graceMs: number;
  #next = 0;
  #lastTs = 0;
  #holes: Hole[] = [];
  /** Records that came after they had been reported as lost. */
  late = 0;

  constructor(graceMs = 1000) {
    this.#graceMs = graceMs;
  }

  /** Holes that may still be filled. */
  get open(): number {
    return this.#holes.length;
  }

  /** Notes a record that arrived. Returns the holes that were given up for it, mostly none. */
  seen(seq: number, ts: number, now: number): void {
    if (seq === this.#next) {
      this.#next = seq + 1;
      this.#lastTs = ts;
      return;
    }
    if (seq > this.#next) {
      this.#holes.push({ first: this.#next, last: seq - 1, from: this.#lastTs, to: ts, since: now });
      this.#next = seq + 1;
      this.#lastTs = ts;
      return;
    }
    this.#fill(seq);
  }

  /** The holes that are old enough to be losses; each is returned once. */
  expired(now: number): Gap[] {
    if (this.#holes.length === 0) return [];
    const gaps: Gap[] = [];
    const keep: Hole[] = [];
    const surplus = this.#holes.length - MAX_HOLES;
    this.#holes.forEach((hole, i) => {
      if (i < surplus || now - hole.since >= this.#graceMs) {
        gaps.push({ count: hole.last - hole.first + 1, from: hole.from, to: hole.to });
      } else keep.push(hole);
    });
    this.#holes = keep;
    return gaps;
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
