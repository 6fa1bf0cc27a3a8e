import type { Alert } from '../engine/core/alert.ts';
import type { ObjectSchema } from '../engine/core/check-schema.ts';
import type { Log } from '../engine/core/log.ts';

/** What an output may use of its surroundings. */
export interface OutputContext {
  /** The output's name in the configuration. */
  readonly name: string;
  readonly hostname: string;
  readonly version: string;
  /** Folder for state that must outlive the process. */
  readonly stateDir: string;
  readonly log: Log;
}

/** One open output. The queue in front of it calls `send` with one batch at a time, in order. */
export interface Output {
  /**
   * Resolves when the whole batch has been taken over by the peer. Throws SendError to say that a part was taken
   * over or that repeating is useless; any other error means: nothing is known to be delivered, try again.
   * Gives up when `signal` is aborted.
   */
  send(batch: readonly Alert[], signal: AbortSignal): Promise<void>;
  /** SIGHUP: opens files anew, reads secrets anew. */
  reopen?(): Promise<void>;
  /** Releases everything. Called once, after the last `send` has ended or was aborted. */
  close(): Promise<void>;
}

/** Defaults of the queue that fit the output. */
export interface QueueDefaults {
  readonly batch: number;
  readonly policy: 'drop_oldest' | 'drop_newest' | 'spill';
  /** Every alert goes to disk before it is sent. */
  readonly writeAhead?: boolean;
}

/** A kind of output: one line in the registry. */
export interface OutputType {
  readonly type: string;
  /** One sentence for the docs. */
  readonly title: string;
  /** Options beside those which every output has. */
  readonly schema: ObjectSchema;
  readonly queue: QueueDefaults;
  /** `config` has been checked against the schema and carries the defaults. Must not wait for a peer. */
  open(config: never, context: OutputContext): Promise<Output>;
}

/** Says how far a batch got and whether the rest is worth another try. */
export class SendError extends Error {
  /** So many alerts from the front of the batch were delivered. */
  readonly delivered: number;
  /** False: the peer refuses the alert after these; it is dropped and counted, the rest is tried again. */
  readonly retryable: boolean;
  /** The peer asked to wait so long. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: {
      delivered?: number;
      retryable?: boolean;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SendError';
    this.delivered = options.delivered ?? 0;
    this.retryable = options.retryable ?? true;
    this.retryAfterMs = options.retryAfterMs;
  }
}
