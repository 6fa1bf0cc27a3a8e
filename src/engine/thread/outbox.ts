import type { Alert } from '../core/alert.ts';

/** Alerts that may be on their way to the main thread at a time. */
const MOST = 10_000;

/**
 * Alerts on their way from the engine thread to the main thread, which may be the slower one: a rule that matches
 * everything must not fill the memory. When too many wait, those of rules that have sent most are left out and
 * counted; of all rules when twice as many wait.
 */
export class Outbox {
  readonly #post: (alerts: readonly Alert[]) => void;
  /** How many the main thread has taken, written by it. */
  readonly #taken: Int32Array;
  readonly #most: number;
  /** By rule, since there was room. */
  readonly #counts = new Map<string, number>();
  #sent = 0;
  #dropped = 0;

  constructor(taken: Int32Array, post: (alerts: readonly Alert[]) => void, most = MOST) {
    this.#taken = taken;
    this.#post = post;
    this.#most = most;
  }

  /** Sends what there is room for. */
  send(alerts: readonly Alert[]): void {
    // Both wrap around at 32 bits.
    let waiting = (this.#sent - Atomics.load(this.#taken, 0)) | 0;
    if (waiting < this.#most / 2) this.#counts.clear();
    const passing = alerts.filter(({ rule }) => {
      const count = this.#counts.get(rule) ?? 0;
      const full = waiting >= 2 * this.#most || (waiting >= this.#most && count >= this.#most / 10);
      if (full) return false;
      this.#counts.set(rule, count + 1);
      waiting++;
      return true;
    });
    this.#dropped += alerts.length - passing.length;
    this.#sent = (this.#sent + passing.length) | 0;
    if (passing.length > 0) this.#post(passing);
  }

  /** How many were left out since this was asked last. */
  takeDropped(): number {
    const count = this.#dropped;
    this.#dropped = 0;
    return count;
  }
}
