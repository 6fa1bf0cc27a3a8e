import { Worker } from 'node:worker_threads';
import { AppError } from '../../engine/core/diagnostic.ts';
import { settledWithin } from '../async.ts';
import type { Failure, Reply, Request } from './audit-worker.ts';
import type { WriterOptions } from './writer.ts';

/** An error that the writer's thread reported, or the end of that thread. */
export class WriterError extends Error {
  readonly code: string;
  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'WriterError';
    this.code = failure.code;
  }
}

const END_MS = 1000;

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: Error) => void;
}

/** The writer's thread, as a function: requests are answered in order. A thread that dies is replaced at the next. */
export class Channel {
  readonly #options: WriterOptions;
  #worker: Worker | undefined;
  #pending: Pending[] = [];

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  request<T>(request: Request): Promise<T> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ resolve: (value) => resolve(value as T), reject });
      // The process stays alive for an answer, but not for an idle writer.
      worker.ref();
      worker.postMessage(request);
    });
  }

  async end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    // A thread that waits for a disk that hangs cannot be ended; the process does not wait with it.
    if (worker) await settledWithin(worker.terminate(), END_MS);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./audit-worker.js', import.meta.url), { workerData: this.#options });
    worker.unref();
    worker.on('message', (reply: Reply) => {
      const waiting = this.#pending.shift();
      if (this.#pending.length === 0) worker.unref();
      if (reply.ok) waiting?.resolve(reply.value);
      else waiting?.reject(toError(reply.error));
    });
    worker.on('error', (cause) => this.#died(worker, cause.message));
    worker.on('exit', (code) => this.#died(worker, `it ended with code ${code}`));
    return worker;
  }

  #died(worker: Worker, why: string): void {
    if (worker === this.#worker) this.#worker = undefined;
    const waiting = this.#pending;
    this.#pending = [];
    for (const { reject } of waiting) {
      reject(new WriterError({ code: 'E_AUDIT_THREAD', message: `the audit's thread died: ${why}` }));
    }
  }
}

function toError(failure: Failure): Error {
  if (failure.exitCode === undefined) return new WriterError(failure);
  const { exitCode, help } = failure;
  return new AppError(failure.code, failure.message, { exitCode, ...(help !== undefined && { help }) });
}
