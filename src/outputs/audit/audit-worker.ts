import { parentPort, workerData } from 'node:worker_threads';
import { AppError } from '../../engine/core/diagnostic.ts';
import { sqliteCode } from './database.ts';
import type { Entry } from './entry.ts';
import { AuditWriter, type WriterOptions } from './writer.ts';

/** What the store asks of its thread. The first is always `open`. */
export type Request =
  | { readonly op: 'open' }
  | { readonly op: 'append'; readonly entries: readonly Entry[] }
  | { readonly op: 'anchor' }
  | { readonly op: 'close' };

/** An answer to the oldest request that has none yet. */
export type Reply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: Failure };

export interface Failure {
  readonly code: string;
  readonly message: string;
  /** Set if it is something the user has to mend. */
  readonly exitCode?: number;
  readonly help?: string | undefined;
}

let writer: AuditWriter | undefined;

function handle(request: Request): unknown {
  if (request.op === 'close') {
    writer?.close();
    writer = undefined;
    return undefined;
  }
  writer ??= new AuditWriter(workerData as WriterOptions);
  if (request.op === 'append') return writer.append(request.entries);
  if (request.op === 'anchor') return writer.anchor();
  return writer.head;
}

function failure(cause: unknown): Failure {
  if (cause instanceof AppError) {
    return { code: cause.code, message: cause.message, exitCode: cause.exitCode, help: cause.help };
  }
  const { code = 'E_AUDIT', message } = cause as Error & { code?: string };
  return { code: sqliteCode(cause) ?? code, message };
}

parentPort?.on('message', (request: Request) => {
  let reply: Reply;
  try {
    reply = { ok: true, value: handle(request) };
  } catch (cause) {
    reply = { ok: false, error: failure(cause) };
  }
  parentPort?.postMessage(reply);
});
