/** Something that waits for metadata of `on`, until a time. */
interface Waiting<T, K> {
  readonly item: T;
  readonly on: K;
  readonly until: number;
}

export type Outcome = 'settled' | 'timeout' | 'full';

/**
 * Where events wait for late metadata, apart from those that need none. Bounded in number and time; what comes out is
 * evaluated with what is known then. All wait equally long, so the order of arrival is the order of the deadlines.
 */
export class WaitingRoom<T, K> {
  readonly #capacity: number;
  readonly #waitMs: number;
  readonly #release: (item: T, outcome: Outcome) => void;
  readonly #now: () => number;
  #waiting: Waiting<T, K>[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    options: { readonly capacity: number; readonly waitMs: number; readonly now?: () => number },
    release: (item: T, outcome: Outcome) => void,
  ) {
    this.#capacity = options.capacity;
    this.#waitMs = options.waitMs;
    this.#now = options.now ?? (() => performance.now());
    this.#release = release;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Lets something wait. In a full room the one that waits longest goes on without. */
  enter(item: T, on: K): void {
    if (this.#capacity === 0) {
      this.#release(item, 'full');
      return;
    }
    if (this.#waiting.length >= this.#capacity) {
      const oldest = this.#waiting.shift();
      if (oldest) this.#release(oldest.item, 'full');
    }
    this.#waiting.push({ item, on, until: this.#now() + this.#waitMs });
    this.#schedule();
  }

  /** The metadata of `on` has come, or is known not to come. */
  settled(on: K): void {
    const ready = this.#waiting.filter((entry) => entry.on === on);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((entry) => entry.on !== on);
    if (this.#waiting.length === 0) this.#stopTimer();
    for (const entry of ready) this.#release(entry.item, 'settled');
  }

  /** Lets those go whose time is over. */
  expire(): void {
    const now = this.#now();
    let count = 0;
    while (count < this.#waiting.length && this.#waiting[count]!.until <= now) count++;
    for (const entry of this.#waiting.splice(0, count)) this.#release(entry.item, 'timeout');
    this.#schedule();
  }

  /** Lets all go: the engine stops. */
  flush(): void {
    this.#stopTimer();
    for (const entry of this.#waiting.splice(0)) this.#release(entry.item, 'timeout');
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(): void {
    const first = this.#waiting[0];
    if (!first || this.#timer) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.expire();
      },
      Math.max(1, first.until - this.#now()),
    );
  }
}
