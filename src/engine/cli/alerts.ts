import { escapeForTerminal } from '../../outputs/formats/text.ts';
import type { FollowedAlert, FollowOptions } from '../../outputs/nats/follow.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { createLog } from '../core/log.ts';
import { act, type CommandSpec } from './command.ts';
import { type NatsFlags, natsOptions, withNats } from './nats-options.ts';
import { usage } from './options.ts';
import { note, paint, print } from './output.ts';
import { leaveSoon } from './stopped.ts';

interface AlertsOptions extends NatsFlags {
  readonly host: string;
  readonly priority: string;
  readonly rule: string;
  readonly stream: string;
  readonly durable?: string;
  readonly from: string;
  readonly count?: string;
  readonly json?: boolean;
}

export const command: CommandSpec = {
  examples: [
    ["ringfence alerts --nats nats://hub:4222 --host '*'", 'alerts of the whole fleet, from now on'],
    ['ringfence alerts --nats nats://hub:4222 --host web-1 --from all', 'everything kept of one host'],
    ['ringfence alerts --nats nats://hub:4222 --durable soc --json', 'go on where the reader soc stopped'],
  ],
  configure(command) {
    withNats(command)
      .option('--host <name>', "alerts of this host; '*' = of all", '*')
      .option('--priority <name>', "alerts of this priority; '*' = of all", '*')
      .option('--rule <name>', "alerts of this rule; '*' = of all", '*')
      .option('--stream <name>', 'the stream', 'RINGFENCE_ALERTS')
      .option('--durable <name>', 'reader whose place the server keeps; the next call goes on there')
      .option('--from <where>', 'where to begin: new, all, or a time such as 2026-07-31T10:00:00Z', 'new')
      .option('-n, --count <number>', 'end after so many')
      .option('--json', 'the alerts as they were sent, one a line')
      .action(act(alerts));
  },
};

async function alerts(options: AlertsOptions): Promise<number> {
  const follow = followOptions(options);
  const count = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
  if (!(count > 0)) throw usage('--count needs a number above 0');
  const { followAlerts } = await import('../../outputs/nats/follow.ts');
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  let shown = 0;
  try {
    for await (const alert of followAlerts(follow, createLog({ level: 'warn' }), stop.signal)) {
      print(options.json ? alert.json : line(alert));
      if (++shown >= count) break;
    }
  } catch (error) {
    // A signal ends the wait for a connection with an error: that is what was asked for.
    if (!stop.signal.aborted) throw new AppError('E_ALERTS', (error as Error).message, { cause: error });
  }
  if (!options.json) note(`${shown} alerts`);
  if (stop.signal.aborted) leaveSoon();
  return EXIT.ok;
}

function followOptions(options: AlertsOptions): FollowOptions {
  return {
    ...natsOptions(options),
    host: options.host,
    priority: options.priority,
    rule: options.rule,
    stream: options.stream,
    from: start(options.from),
    ...(options.durable ? { durable: options.durable } : {}),
  };
}

function start(text: string): 'new' | 'all' | Date {
  if (text === 'new' || text === 'all') return text;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw usage(`--from: ${text} is neither new, all nor a time`);
  return date;
}

const STYLES = {
  Emergency: 'red',
  Alert: 'red',
  Critical: 'red',
  Error: 'red',
  Warning: 'yellow',
  Notice: 'cyan',
} as const;

/** Time, host, priority, rule and text. What a stream holds may come from anybody: nothing is printed unescaped. */
function line({ document, json }: FollowedAlert): string {
  const { time, hostname, priority, rule, output } = document;
  if (typeof rule !== 'string' || typeof output !== 'string') return json;
  const word = String(priority);
  const style = STYLES[word as keyof typeof STYLES] ?? 'dim';
  const message = output.replace(/^\S+: \S+ /, '');
  const shown = [time, hostname, rule].map((part) => escapeForTerminal(String(part)));
  const label = paint(style, escapeForTerminal(word.padEnd(8)));
  const rest = message.startsWith(rule) ? message.slice(rule.length) : `: ${message}`;
  return `${shown[0]} ${shown[1]} ${label} ${paint('bold', shown[2] ?? '')}${escapeForTerminal(rest)}`;
}
