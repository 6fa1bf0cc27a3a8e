import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { delay } from '../async.ts';
import { SendError } from '../output.ts';
import { UnixDatagram } from '../unix-datagram.ts';
import type { Transport } from './transport.ts';

/** UDP (RFC 5426): one message a datagram. Nobody confirms anything; a refused port is noticed, a lost packet not. */
export class UdpTransport implements Transport {
  readonly maxBytes: number;
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #failure: Error | undefined;

  constructor(host: string, port: number, maxBytes: number) {
    this.#host = host;
    this.#port = port;
    this.maxBytes = Math.min(maxBytes, 65_000);
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    const socket = await this.#connected();
    for (const message of messages) {
      await new Promise<void>((resolve, reject) => {
        socket.send(message, (error) => (error ? reject(error) : resolve()));
      }).catch((error: Error) => {
        this.#failure ??= error;
      });
      // The next attempt asks for the address again and connects anew.
      if (this.#failure) throw this.#failure;
    }
  }

  async #connected(): Promise<Socket> {
    if (this.#socket && !this.#failure) return this.#socket;
    this.#socket?.close();
    this.#socket = undefined;
    this.#failure = undefined;
    const { address, family } = await lookup(this.#host);
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.on('error', (error) => {
      this.#failure = error;
    });
    this.#socket = socket;
    socket.unref();
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error): void => (error ? reject(error) : resolve());
      // Node hands an error to this callback, which its types do not tell.
      socket.connect(this.#port, address, done as () => void);
    }).catch((error: Error) => {
      this.#failure = error;
      throw error;
    });
    return socket;
  }

  async close(): Promise<void> {
    this.#socket?.close();
  }
}

const FULL_WAIT_MS = 5;

/** The datagram socket of the local syslog daemon. */
export class LocalTransport implements Transport {
  readonly maxBytes: number;
  readonly #path: string;
  #socket: UnixDatagram | undefined;

  constructor(path: string, maxBytes: number) {
    this.#path = path;
    this.maxBytes = maxBytes;
  }

  async send(messages: readonly Buffer[], signal: AbortSignal): Promise<void> {
    let delivered = 0;
    try {
      this.#socket ??= new UnixDatagram(this.#path);
      for (const message of messages) {
        while (!this.#socket.send(message)) {
          await delay(FULL_WAIT_MS, signal);
          if (signal.aborted) throw signal.reason;
        }
        delivered++;
      }
    } catch (error) {
      await this.close();
      // A daemon that reads slowly has taken these: sent again, they would be there twice and the rest never.
      throw new SendError((error as Error).message, { delivered, cause: error });
    }
  }

  async close(): Promise<void> {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
