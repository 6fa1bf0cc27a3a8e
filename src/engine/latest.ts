/**
 * Makes work that never runs twice at a time. Whoever asks while it runs gets the next run, one for all who ask
 * meanwhile: the run under way may have looked already at what has changed since.
 */
export function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  return () => {
    next ??= running.then(() => {
      next = undefined;
      const run = work();
      running = run.catch(() => {});
      return run;
    });
    return next;
  };
}
