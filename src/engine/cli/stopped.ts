/** How long what is printed may wait for its reader once somebody asked for the end. */
const PATIENCE_MS = 1000;

/**
 * Resolves at SIGINT or SIGTERM, after `duration` milliseconds, or when `done` aborts. These signals end the process also
 * later, when all that is left is to wait for whoever reads what was printed.
 */
export async function untilStopped(duration: number | undefined, done?: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        resolve();
        leaveSoon();
      });
    if (duration !== undefined) timer = setTimeout(resolve, duration);
    done?.addEventListener('abort', () => resolve());
    if (done?.aborted) resolve();
  });
  clearTimeout(timer);
}

/** Lets the process end though nobody reads what is printed. */
export function leaveSoon(): void {
  setTimeout(() => process.exit(), PATIENCE_MS).unref();
}
