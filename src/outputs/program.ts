import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Alert } from '../engine/core/alert.ts';
import { delay } from './async.ts';
import { Backoff } from './backoff.ts';
import { Sink, writeStream } from './descriptor.ts';
import { type Formatter, makeFormatter } from './formats/formats.ts';
import { allRead } from './libc.ts';
import { type FormatOptions, formatSchema } from './options.ts';
import type { Output, OutputContext, OutputType } from './output.ts';

interface Config extends FormatOptions {
  readonly command: readonly string[];
  readonly working_directory: string;
}

/** A program that reads alerts from its standard input. */
export const programOutput = {
  type: 'program',
  title: 'Writes alerts, one a line, to the standard input of a program that stays; no shell is involved.',
  queue: { batch: 128, policy: 'drop_newest' },
  schema: {
    type: 'object',
    required: ['command'],
    properties: {
      ...formatSchema('falco_json'),
      command: {
        type: 'array',
        minItems: 1,
        items: { type: 'string' },
        description: 'The program (absolute path, or looked up in PATH) and its arguments.',
      },
      working_directory: { type: 'string', default: '/', description: 'Where it runs.' },
    },
  },
  async open(config: Config, context: OutputContext) {
    return new ProgramOutput(config, context, makeFormatter(config.format, config, context));
  },
} as const satisfies OutputType;

const STOP_MS = 2000;
/** A program that lived so long did not fail at its start. */
const HEALTHY_MS = 10_000;

class ProgramOutput implements Output {
  readonly #config: Config;
  readonly #context: OutputContext;
  readonly #format: Formatter;
  readonly #backoff = new Backoff(200, 30_000);
  #child: ChildProcess | undefined;
  #input: Sink | undefined;
  #startAfter = 0;
  #started = 0;

  constructor(config: Config, context: OutputContext, format: Formatter) {
    this.#config = config;
    this.#context = context;
    this.#format = format;
  }

  async send(batch: readonly Alert[], signal: AbortSignal): Promise<void> {
    if (!this.#child) await this.#start(signal);
    // A program that is slow is not killed: the write goes on, and the next attempt waits for its outcome.
    await this.#input?.write(batch.map((alert) => `${this.#format(alert)}\n`).join(''), signal);
  }

  async #start(signal: AbortSignal): Promise<void> {
    await delay(this.#startAfter - performance.now(), signal);
    if (signal.aborted) throw signal.reason;
    const [program = '', ...args] = this.#config.command;
    const child = spawn(program, args, {
      shell: false,
      cwd: this.#config.working_directory,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    this.#started = performance.now();
    const gone = (reason: string): void => this.#gone(child, reason);
    child.on('error', (error) => gone(error.message));
    child.on('exit', (code, by) => gone(by ? `was ended by ${by}` : `ended with ${code ?? 'no'} status`));
    child.stdin?.on('error', () => {});
    if (child.stderr) {
      eachLine(child.stderr, SHOWN, (line) =>
        this.#context.log.warn({ code: 'E_PROGRAM_STDERR', line }, 'the program says'),
      );
    }
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    const input = child.stdin as Writable;
    this.#child = child;
    this.#input = new Sink(false, async (bytes) => {
      await writeStream(input, bytes);
      await untilRead(child, input);
    });
  }

  #gone(child: ChildProcess, reason: string): void {
    if (performance.now() - this.#started > HEALTHY_MS) this.#backoff.reset();
    this.#startAfter = performance.now() + this.#backoff.next();
    if (this.#child !== child) return;
    this.#child = undefined;
    child.stdin?.destroy();
    this.#context.log.warn({ code: 'E_PROGRAM_EXIT', reason }, 'the program of the output has ended');
  }

  /** Closes its input and gives it a moment to finish. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin?.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
    // Its children may hold the other end, for as long as they live.
    child.stderr?.destroy();
  }
}

/** So much of a line that a program says is logged. */
const SHOWN = 500;

/** The beginnings of lines; what is longer is not kept, or a program that never ends its line would fill the memory. */
function eachLine(stream: Readable, most: number, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = (lines.pop() ?? '').slice(0, most);
    for (const line of lines) take(line.slice(0, most));
  });
  stream.once('end', () => {
    if (rest !== '') take(rest);
  });
}

const LOOK_MS = 2;

/**
 * What the kernel has taken is gone if the program ends without reading it; so a batch counts as delivered once it was
 * read. Node gives the program a unix socket, and its descriptor only in this way.
 */
async function untilRead(child: ChildProcess, input: Writable): Promise<void> {
  const { _handle } = input as Writable & { readonly _handle?: { readonly fd?: number } };
  const fd = _handle?.fd;
  if (fd === undefined || fd < 0) throw new Error('the program has ended');
  while (!allRead(fd)) {
    await delay(LOOK_MS);
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('the program has ended');
    if (input.destroyed) throw new Error('the program has ended');
  }
}
