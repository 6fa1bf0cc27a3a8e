import { existsSync } from 'node:fs';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { connect as connectSocket } from 'node:net';

const ANSWER_MAX = 8 * 1024 * 1024;
const IDLE_MS = 30_000;
export const GRPC_NOT_FOUND = 5;

/** A call that the server refused. */
export class GrpcError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(`gRPC status ${status}: ${message}`);
    this.name = 'GrpcError';
    this.status = status;
  }
}

/** Unary gRPC calls over a unix socket. The connection is made when needed and let go when idle. */
export class GrpcClient {
  readonly #path: string;
  #session: ClientHttp2Session | undefined;

  constructor(socketPath: string) {
    this.#path = socketPath;
  }

  get available(): boolean {
    return existsSync(this.#path);
  }

  call(
    method: string,
    message: Buffer,
    signal: AbortSignal,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.#connected().request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: method,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...metadata,
      });
      const chunks: Buffer[] = [];
      let size = 0;
      let status: unknown;
      let reason: unknown;
      const seen = (headers: Record<string, unknown>): void => {
        status = headers['grpc-status'] ?? status;
        reason = headers['grpc-message'] ?? reason;
      };
      const abort = (): void => stream.close(constants.NGHTTP2_CANCEL);
      signal.addEventListener('abort', abort, { once: true });
      stream.on('response', seen);
      stream.on('trailers', seen);
      stream.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > ANSWER_MAX) abort();
        else chunks.push(chunk);
      });
      stream.on('error', reject);
      stream.on('close', () => {
        signal.removeEventListener('abort', abort);
        if (Number(status ?? -1) !== 0)
          reject(new GrpcError(Number(status ?? -1), String(reason ?? 'no answer')));
        else resolve(Buffer.concat(chunks).subarray(5));
      });
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      stream.end(Buffer.concat([prefix, message]));
    });
  }

  close(): void {
    this.#session?.destroy();
    this.#session = undefined;
  }

  #connected(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed)
      return this.#session;
    const session = connect('http://localhost', { createConnection: () => connectSocket(this.#path) });
    session.on('error', () => session.destroy());
    session.setTimeout(IDLE_MS, () => session.close());
    session.unref();
    this.#session = session;
    return session;
  }
}
