import { escapeForTerminal } from '../../outputs/formats/text.ts';
import { compileCondition, compileOutputFormat, type OutputFormat } from '../../rules/index.ts';
import type { OnDemand } from '../../sensors/calls/capture-plan.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { toJson } from '../core/json.ts';
import type { Event } from '../enrich/event.ts';
import { LANGUAGE } from '../ruleset.ts';
import { watchEvents } from '../tools/live-events.ts';
import { choice } from './choice.ts';
import { act, type CommandSpec } from './command.ts';
import { eventCodes } from './event-codes.ts';
import { usage, waitingTime } from './options.ts';
import { note, noteDiagnostics, print } from './output.ts';
import { untilStopped } from './stopped.ts';

interface Options {
  readonly output: string;
  readonly number?: string;
  readonly type?: readonly string[];
  readonly format?: string;
  readonly duration?: string;
}

/** Bytes that may wait for whoever reads what is printed. */
const UNREAD_MAX = 64 << 20;
const COMPACT = '%evt.time %proc.name %thread.tid %user.name %evt.type %evt.res';
/** Events that are about a program: its command line says more than their forty parameters. */
const ABOUT_PROGRAMS = new Set(['execve', 'execveat', 'clone', 'clone3', 'fork', 'vfork']);
const JSON_FIELDS =
  '%evt.rawtime %evt.type %evt.category %evt.res %evt.rawres %proc.name %proc.pid %thread.tid %proc.ppid %proc.pname %proc.exepath %proc.cmdline %proc.cwd %user.uid %user.name %user.loginuid %container.id %fd.name %fd.type %fd.num %evt.args';

/** What one looks at when one does not say: programs, files, connections. */
const USUAL = [
  'execve',
  'execveat',
  'open',
  'openat',
  'openat2',
  'creat',
  'connect',
  'accept',
  'accept4',
  'unlink',
  'unlinkat',
  'rename',
  'renameat',
  'renameat2',
];

export const command: CommandSpec = {
  examples: [
    ['ringfence events', 'programs, files and connections as they happen'],
    ["ringfence events 'evt.type=openat and proc.name=cat'", 'every open of cat'],
    ['ringfence events --type connect -o json -n 10', 'ten connections as JSON lines'],
    ["ringfence events evt.type=execve --format '%proc.pname -> %proc.cmdline'", 'your own line'],
  ],
  configure(command) {
    command
      .argument('[filter...]', 'a condition of the rule language')
      .addOption(choice('-o, --output <form>', 'form of a line', ['compact', 'json']).default('compact'))
      .option('-n, --number <count>', 'stop after so many')
      .option('-t, --type <names...>', 'only these events')
      .option('--format <format>', 'a line of your own, with %fields')
      .option('--duration <time>', 'stop after this time')
      .action(act(events));
  },
};

async function events(filter: readonly string[], options: Options): Promise<number> {
  const text = filter.join(' ');
  const { test, eventCodes: meant, reads: tested } = condition(text);
  const codes = options.type ? eventCodes(options.type) : (meant ?? eventCodes(USUAL));
  const { render, reads: shown } = renderer(options);
  let left = options.number === undefined ? Number.POSITIVE_INFINITY : Number(options.number);
  if (!(left > 0)) throw usage(`-n needs a number, not "${options.number}"`);
  const limit = waitingTime('--duration', options.duration);
  let lost = 0;
  let seen = 0;
  const enough = new AbortController();
  const watch = watchEvents({
    codes,
    reads: [...tested, ...shown],
    onEvent: (event) => {
      if (left <= 0 || !test(event)) return;
      // What waits for a reader that does not read is bounded.
      if (process.stdout.writableLength > UNREAD_MAX) {
        lost++;
        return;
      }
      left--;
      seen++;
      print(render(event));
      if (left <= 0) enough.abort();
    },
    onLoss: (count) => {
      lost += count;
    },
    onError: (error) => note(`error: ${(error as Error).message}`),
  });
  await untilStopped(limit, enough.signal);
  watch.stop();
  if (lost > 0) note(`${lost} events were lost`);
  if (process.stderr.isTTY) note(`${seen} events`);
  return EXIT.ok;
}

function condition(text: string): {
  readonly test: (event: Event) => boolean;
  readonly eventCodes: ReadonlySet<number> | undefined;
  readonly reads: Iterable<OnDemand>;
} {
  if (text.trim() === '') return { test: () => true, eventCodes: undefined, reads: [] };
  const result = compileCondition(text, LANGUAGE);
  if (result.ok) return result;
  noteDiagnostics(result.diagnostics);
  throw new AppError('E_CONDITION', 'the filter is not valid', { exitCode: EXIT.invalid });
}

interface Renderer {
  readonly render: (event: Event) => string;
  readonly reads: Iterable<OnDemand>;
}

function renderer({ output, format }: Options): Renderer {
  if (format === undefined && output === 'compact') {
    const program = compiled(`${COMPACT} %proc.cmdline`);
    const other = compiled(`${COMPACT} %evt.args`);
    return {
      render: (event) => line(ABOUT_PROGRAMS.has(event.def.name) ? program : other, event),
      reads: [...program.reads, ...other.reads],
    };
  }
  const own = compiled(format ?? JSON_FIELDS);
  const render = (event: Event): string =>
    output === 'json' ? toJson(own.render(event)?.fields) : line(own, event);
  return { render, reads: own.reads };
}

const line = (format: OutputFormat<Event>, event: Event): string =>
  escapeForTerminal(format.render(event)?.message ?? '');

function compiled(text: string): OutputFormat<Event> {
  const result = compileOutputFormat(text, { ...LANGUAGE, lenient: true });
  if (result.ok) return result.format;
  noteDiagnostics(result.diagnostics);
  throw new AppError('E_FORMAT', 'the format is not valid', { exitCode: EXIT.invalid });
}
