import { escapeForTerminal } from '../../outputs/formats/text.ts';
import { EVENTS } from '../../sensors/events/events.ts';
import { EXIT } from '../core/diagnostic.ts';
import { watchEvents } from '../tools/live-events.ts';
import { TOPS, TopCounts } from '../tools/top-counts.ts';
import { act, type CommandSpec } from './command.ts';
import { eventCodes } from './event-codes.ts';
import { usage, waitingTime } from './options.ts';
import { note, paint, print, printJson } from './output.ts';
import { untilStopped } from './stopped.ts';

interface TopOptions {
  readonly rows: string;
  readonly interval: string;
  readonly duration?: string;
  readonly type?: readonly string[];
  readonly json?: boolean;
}

/** Calls whose number would drown the others, unless they are asked for. */
const LOUD = /^(close|read|write|fcntl|mmap|mprotect|recvfrom|recvmsg|sendto|sendmsg|futex)$/;

export const command: CommandSpec = {
  examples: [
    ['ringfence top', 'busiest processes, files, peers and calls, every two seconds'],
    ['ringfence top --duration 10s --json', 'count for ten seconds, then one document'],
    ['ringfence top --type connect accept4', 'only these events'],
  ],
  configure(command) {
    command
      .option('-n, --rows <count>', 'rows per table', '8')
      .option('--interval <time>', 'time between two tables', '2s')
      .option('--duration <time>', 'count for this time, print once, and end')
      .option('-t, --type <names...>', 'only these events')
      .option('--json', 'with --duration: one JSON document')
      .action(act(top));
  },
};

async function top(options: TopOptions): Promise<number> {
  const interval = waitingTime('--interval', options.interval);
  const limit = waitingTime('--duration', options.duration);
  const rows = Number(options.rows);
  if (!(rows > 0)) throw usage(`--rows needs a number, not "${options.rows}"`);
  const counts = new TopCounts();
  let lost = 0;
  const watch = watchEvents({
    codes: new Set(codesOf(options.type)),
    reads: [],
    onEvent: (event) => counts.add(event),
    onLoss: (count) => {
      lost += count;
    },
    onError: (error) => note(`error: ${(error as Error).message}`),
  });
  const timer = limit
    ? undefined
    : setInterval(() => {
        show(counts, rows, interval, lost);
        counts.clear();
      }, interval);
  await untilStopped(limit);
  clearInterval(timer);
  watch.stop();
  if (limit && options.json) {
    const tables = Object.fromEntries(TOPS.map((name) => [name, counts.busiest(name, rows)]));
    printJson({ schema: 'ringfence.top.v1', events: counts.events, lost, ...tables });
  } else if (limit) show(counts, rows, limit, lost);
  return EXIT.ok;
}

function show(counts: TopCounts, rows: number, milliseconds: number, lost: number): void {
  const rate = (count: number): string => ((count * 1000) / milliseconds).toFixed(1).padStart(10);
  if (process.stdout.isTTY) process.stdout.write('\u001b[H\u001b[2J');
  print(`${rate(counts.events).trim()} events/s, ${lost} lost`);
  for (const name of TOPS) {
    print(paint('bold', `\n   PER SEC  ${name.toUpperCase()}`));
    for (const row of counts.busiest(name, rows))
      print(`${rate(row.count)}  ${escapeForTerminal(row.key).slice(0, 120)}`);
  }
}

function codesOf(names: readonly string[] | undefined): number[] {
  if (names === undefined) {
    return [...EVENTS.keys()].filter(
      (code) => EVENTS[code]!.params.length > 0 && !LOUD.test(EVENTS[code]!.name),
    );
  }
  return [...eventCodes(names)];
}
