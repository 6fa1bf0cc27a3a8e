import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { loadTls, type TlsOptions } from '../tls.ts';
import type { Transport } from './transport.ts';

interface Target {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsOptions | undefined;
}

/**
 * Nothing confirms a syslog message. But who accepts a connection only to close it (a balancer without a receiver, a
 * TLS server that dislikes our certificate) does so at once: the first batch counts as delivered after this time.
 */
const PROBATION_MS = 100;

/** TCP or TLS with octet counting (RFC 6587, RFC 5425). */
export class StreamTransport implements Transport {
  readonly maxBytes: number;
  readonly #target: Target;
  #socket: Socket | undefined;

  constructor(target: Target, maxBytes: number) {
    this.#target = target;
    this.maxBytes = maxBytes;
  }

  async send(messages: readonly Buffer[], signal: AbortSignal): Promise<void> {
    const known = this.#usable();
    const socket = known ?? (await this.#connect(signal));
    const frames = Buffer.concat(messages.flatMap((message) => [Buffer.from(`${message.length} `), message]));
    try {
      await settled(socket, signal, (resolve) => socket.write(frames, (error) => error ?? resolve()));
      if (!known) await settled(socket, signal, (resolve) => setTimeout(resolve, PROBATION_MS));
    } catch (error) {
      // Nobody knows how much of a frame went out: only a new connection starts at the beginning of one.
      socket.destroy();
      throw error;
    }
  }

  /** A receiver that has closed its side would swallow what we write: then a new connection is due. */
  #usable(): Socket | undefined {
    const socket = this.#socket;
    return socket && !socket.destroyed && !socket.readableEnded && socket.writable ? socket : undefined;
  }

  async #connect(signal: AbortSignal): Promise<Socket> {
    this.#socket?.destroy();
    const { host, port, tls } = this.#target;
    const ready = tls ? 'secureConnect' : 'connect';
    const socket = tls
      ? connectTls({ host, port, ...(await loadTls(tls)) })
      : connectTcp({ host, port, keepAlive: true, noDelay: true });
    // A listener for as long as the socket lives: an unheard 'error' would end the process.
    socket.on('error', () => {});
    socket.resume();
    try {
      await settled(socket, signal, (resolve) => socket.once(ready, resolve));
    } catch (error) {
      socket.destroy();
      throw error;
    }
    this.#socket = socket;
    return socket;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (!socket || socket.destroyed) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.end(() => socket.destroy());
    });
  }
}

/** Waits for what `start` announces, or rejects when the socket fails or the signal comes first. */
function settled(socket: Socket, signal: AbortSignal, start: (resolve: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      socket.off('error', onError);
      socket.off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onError = (error: Error): void => finish(() => reject(error));
    const onClose = (): void => finish(() => reject(new Error('the receiver closed the connection')));
    const onAbort = (): void => finish(() => reject(signal.reason));
    socket.once('error', onError);
    socket.once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    start(() => finish(resolve));
  });
}
