/** Waits that double from `initial` to `max`, each spread over its upper half so that many hosts do not knock at once. */
export class Backoff {
  readonly #initial: number;
  readonly #max: number;
  #next: number;

  constructor(initialMs: number, maxMs: number) {
    this.#initial = initialMs;
    this.#max = Math.max(initialMs, maxMs);
    this.#next = initialMs;
  }

  /** The next wait in milliseconds. */
  next(): number {
    const full = this.#next;
    this.#next = Math.min(this.#max, full * 2);
    return full / 2 + (Math.random() * full) / 2;
  }

  reset(): void {
    this.#next = this.#initial;
  }
}
