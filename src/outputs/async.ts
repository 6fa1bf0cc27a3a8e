/** Lets loops wait until something has changed. Every waiter is woken; each looks for itself whether it concerns it. */
export class Signal {
  #waiters: (() => void)[] = [];

  notify(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }
}

/** Waits so long, or until `signal` is aborted, or until `until` holds (asked on each wake-up). Never rejects. */
export function delay(ms: number, signal?: AbortSignal, until?: () => boolean, wake?: Signal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted || until?.()) {
      resolve();
      return;
    }
    let settled = false;
    const finish = (): void => {
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener('abort', finish, { once: true });
    const watch = (): void => {
      if (settled) return;
      if (until?.()) finish();
      else void wake?.wait().then(watch);
    };
    if (until && wake) void wake.wait().then(watch);
  });
}

/** Waits for a promise, at most so long; says whether it was settled in time. Rejections pass through. */
export async function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const stop = new AbortController();
  try {
    return await Promise.race([promise.then(() => true), delay(ms, stop.signal).then(() => false)]);
  } finally {
    stop.abort();
  }
}
