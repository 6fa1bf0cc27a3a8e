import { open as openFd, type Stats } from 'node:fs';
import { constants, open, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Alert } from '../engine/core/alert.ts';
import { makeFolder } from '../engine/core/folder.ts';
import { Sink, writeStream } from './descriptor.ts';
import { type Formatter, makeFormatter } from './formats/formats.ts';
import { type FormatOptions, formatSchema } from './options.ts';
import type { Output, OutputContext, OutputType } from './output.ts';

interface Config extends FormatOptions {
  readonly path: string;
  readonly mode: string;
}

/** A file with one alert a line. */
export const fileOutput = {
  type: 'file',
  title: 'Appends alerts to a file, one a line; opens it anew on SIGHUP and when it was moved away.',
  queue: { batch: 256, policy: 'drop_newest' },
  schema: {
    type: 'object',
    required: ['path'],
    properties: {
      ...formatSchema('falco_json'),
      path: { type: 'string', minLength: 1, description: 'The file; its folder is made if missing.' },
      mode: {
        type: 'string',
        pattern: '^0?[0-7]{3}$',
        default: '0600',
        description: 'Permissions of a new file.',
      },
    },
  },
  async open(config: Config, context: OutputContext) {
    const output = new FileOutput(config, makeFormatter(config.format, config, context));
    await output.reopen();
    return output;
  },
} as const satisfies OutputType;

const LOOK_AGAIN_MS = 1000;

/** What the path led to when it was opened. */
interface Target {
  readonly stat: Stats;
  append(bytes: Buffer): Promise<void>;
  close(): Promise<void>;
}

class FileOutput implements Output {
  readonly #config: Config;
  readonly #format: Formatter;
  /** One write at a time: a file system that hangs costs one thread of the pool, not all of them and with them all outputs. */
  readonly #sink = new Sink(false, (bytes) => this.#append(bytes));
  #target: Target | undefined;
  #opening: Promise<void> | undefined;
  #looked = 0;

  constructor(config: Config, format: Formatter) {
    this.#config = config;
    this.#format = format;
  }

  send(batch: readonly Alert[], signal: AbortSignal): Promise<void> {
    return this.#sink.write(batch.map((alert) => `${this.#format(alert)}\n`).join(''), signal);
  }

  async #append(bytes: Buffer): Promise<void> {
    if (performance.now() - this.#looked > LOOK_AGAIN_MS && (await this.#moved())) await this.reopen();
    if (!this.#target) throw new Error('the file is not open');
    await this.#target.append(bytes);
  }

  /** Somebody rotated the file without telling us. */
  async #moved(): Promise<boolean> {
    this.#looked = performance.now();
    return !sameFile(await stat(this.#config.path).catch(() => undefined), this.#target?.stat);
  }

  /** One at a time: on a file system that hangs each would hold a thread of the pool. */
  reopen(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { path, mode } = this.#config;
    const before = this.#target;
    // Making a folder waits where the file system is frozen, also for one that is there, and nothing else would run.
    if (!(await stat(dirname(path)).catch(() => undefined))) makeFolder(dirname(path));
    const there = await stat(path).catch(() => undefined);
    if (there?.isFIFO() && sameFile(there, before?.stat)) return;
    this.#target = there?.isFIFO()
      ? await openPipe(path, there, () => {
          this.#target = undefined;
        })
      : await openFile(path, there ? undefined : Number.parseInt(mode, 8));
    await before?.close();
  }

  async close(): Promise<void> {
    const target = this.#target;
    this.#target = undefined;
    await target?.close();
  }
}

const sameFile = (a: Stats | undefined, b: Stats | undefined): boolean =>
  a?.ino === b?.ino && a?.dev === b?.dev;

/** `mode` is that of a file that is made, whatever the umask. */
async function openFile(path: string, mode?: number): Promise<Target> {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOCTTY } = constants;
  const file = await open(path, O_APPEND | O_CREAT | O_WRONLY | O_NOCTTY, mode);
  if (mode !== undefined) await file.chmod(mode);
  return {
    stat: await file.stat(),
    async append(bytes) {
      const before = await file.stat();
      try {
        await file.appendFile(bytes);
      } catch (error) {
        // A full disk leaves half a line; the batch will be written again as a whole.
        if (before.isFile()) await file.truncate(before.size).catch(() => {});
        throw error;
      }
    },
    close: () => file.close(),
  };
}

/**
 * A named pipe is polled, not written in the thread pool: a thread that waits for a reader keeps the process from
 * ending. One that nobody reads is an error (ENXIO); `gone` is called when its reader has left.
 */
async function openPipe(path: string, stat: Stats, gone: () => void): Promise<Target> {
  const { O_WRONLY, O_NONBLOCK } = constants;
  const fd = await promisify(openFd)(path, O_WRONLY | O_NONBLOCK);
  const socket = new Socket({ fd, readable: false });
  socket.unref();
  socket.on('error', () => {});
  socket.once('close', gone);
  return {
    stat,
    append: (bytes) => writeStream(socket, bytes),
    async close() {
      socket.off('close', gone);
      socket.destroy();
    },
  };
}
