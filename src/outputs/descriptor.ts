import { fstatSync, write } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { delay } from './async.ts';

/**
 * Opens an inherited descriptor. `process.stdout` will not do: to files and terminals it writes synchronously, so a
 * full disk or Ctrl-S would stop the engine. Pipes and sockets are polled; files and terminals are written in the thread
 * pool (for a pipe that would not do either: a thread that hangs in a write keeps the process from ending).
 */
export function openSink(fd: number): Sink {
  const stat = fstatSync(fd);
  if (!stat.isFIFO() && !stat.isSocket()) return new Sink(isatty(fd), (bytes) => writeInPool(fd, bytes));
  const socket = new Socket({ fd, readable: false });
  let broken: Error | undefined;
  // Also keeps the event from ending the process; the next write reports it.
  socket.on('error', (error) => {
    broken = error;
  });
  socket.unref();
  return new Sink(
    false,
    (bytes) => (broken ? Promise.reject(broken) : writeStream(socket, bytes)),
    () => socket.destroy(),
  );
}

/**
 * Somewhere that text can be written without ever blocking the thread. A write that outlasts the patience of the queue goes on; when the queue sends the same text again it gets the
 * outcome of that write, so that a reader that slept finds nothing twice.
 */
export class Sink {
  readonly isTTY: boolean;
  readonly #write: (bytes: Buffer) => Promise<void>;
  readonly #giveUp: () => void;
  #pending: { readonly text: string; readonly done: Promise<void> } | undefined;

  constructor(isTTY: boolean, write: (bytes: Buffer) => Promise<void>, giveUp: () => void = () => {}) {
    this.isTTY = isTTY;
    this.#write = write;
    this.#giveUp = giveUp;
  }

  async write(text: string, signal: AbortSignal): Promise<void> {
    if (this.#pending && this.#pending.text !== text) await this.#pending.done.catch(() => {});
    if (this.#pending?.text !== text) this.#pending = { text, done: this.#write(Buffer.from(text)) };
    try {
      await this.#pending.done;
    } finally {
      // An attempt that nobody waits for any more leaves the outcome to the next.
      if (!signal.aborted) this.#pending = undefined;
    }
  }

  /** The descriptor is not ours and stays open, unless a write hangs in it: that would keep the process from ending. */
  async close(): Promise<void> {
    if (this.#pending) this.#giveUp();
  }
}

/** Resolves when the kernel has taken everything. */
export function writeStream(stream: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

async function writeInPool(fd: number, bytes: Buffer): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    const written = await writeSome(fd, rest);
    rest = rest.subarray(written);
    if (written === 0) await delay(10);
  }
}

/** 0 if a descriptor that somebody made non-blocking is full. */
function writeSome(fd: number, bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(fd, bytes, (error, written) => {
      if (!error) resolve(written);
      else if (error.code === 'EAGAIN') resolve(0);
      else reject(error);
    });
  });
}
