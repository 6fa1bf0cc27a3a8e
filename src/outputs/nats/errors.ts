import { NatsError } from 'nats';

/** No stream, no permission: trying again will not help. */
export function permanent(error: unknown): boolean {
  if (!(error instanceof NatsError)) return false;
  return error.api_error?.code === 404 || error.code === 'PERMISSIONS_VIOLATION';
}

/** JSStreamMessageExceedsMaximumErr of the server. */
const TOO_LARGE_FOR_STREAM = 10_054;

/** The stream never takes this message, whatever it takes of others. `error` is from `explain`. */
export function tooLargeForStream(error: Error | undefined): boolean {
  return error?.cause instanceof NatsError && error.cause.api_error?.err_code === TOO_LARGE_FOR_STREAM;
}

/** nats's errors carry a bare code as message. */
export function explain(error: unknown): Error {
  if (!(error instanceof NatsError)) return error instanceof Error ? error : new Error(String(error));
  if (error.api_error) return new Error(`NATS: ${error.api_error.description}`, { cause: error });
  if (error.code === '503') {
    return new Error('NATS: no stream takes this subject (does the stream exist?)', { cause: error });
  }
  if (error.code === 'TIMEOUT') return new Error('NATS: no acknowledgement in time', { cause: error });
  return new Error(`NATS: ${error.message}`, { cause: error });
}
