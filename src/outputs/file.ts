import type { Stats } from 'node:fs';
import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Alert } from '../engine/core/alert.ts';
import { makeFolder } from '../engine/core/folder.ts';
import { Sink } from './descriptor.ts';
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

class FileOutput implements Output {
  readonly #config: Config;
  readonly #format: Formatter;
  /** One write at a time: a file system that hangs costs one thread of the pool, not all of them and with them all outputs. */
  readonly #sink = new Sink(false, (bytes) => this.#append(bytes));
  #file: FileHandle | undefined;
  #opened: Stats | undefined;
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
    const file = this.#file;
    if (!file) throw new Error('the file is not open');
    const before = await file.stat();
    try {
      await file.appendFile(bytes);
    } catch (error) {
      // A full disk leaves half a line; the batch will be written again as a whole.
      if (before.isFile()) await file.truncate(before.size).catch(() => {});
      throw error;
    }
  }

  /** Somebody rotated the file without telling us. */
  async #moved(): Promise<boolean> {
    this.#looked = performance.now();
    const now = await stat(this.#config.path).catch(() => undefined);
    return now?.ino !== this.#opened?.ino || now?.dev !== this.#opened?.dev;
  }

  async reopen(): Promise<void> {
    const { path, mode } = this.#config;
    makeFolder(dirname(path));
    const { O_APPEND, O_CREAT, O_WRONLY, O_NOCTTY, O_NONBLOCK } = constants;
    // A pipe that nobody reads would hold up whoever opens it, for ever: this fails instead.
    const there = await stat(path).catch(() => undefined);
    if (there?.isFIFO()) await (await open(path, O_WRONLY | O_NONBLOCK)).close();
    const file = await open(path, O_APPEND | O_CREAT | O_WRONLY | O_NOCTTY, Number.parseInt(mode, 8));
    const before = this.#file;
    this.#file = file;
    this.#opened = await file.stat();
    await before?.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
