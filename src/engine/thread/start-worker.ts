import { Worker } from 'node:worker_threads';

/**
 * Starts the engine thread, which loads its code and waits for its spec. Imports nothing, so that the thread loads
 * while the main thread does; the process does not wait for it before `ref`.
 */
export function startEngineWorker(): Worker {
  const worker = new Worker(new URL('./engine-worker.js', import.meta.url), {
    name: 'engine',
    // libbpf opens and closes descriptors that Node does not know of.
    trackUnmanagedFds: false,
  });
  worker.unref();
  return worker;
}
