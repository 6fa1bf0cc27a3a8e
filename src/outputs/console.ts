import type { Alert } from '../engine/core/alert.ts';
import { isJournal } from '../engine/core/journal.ts';
import { PRIORITIES } from '../engine/core/priority.ts';
import { hasColour } from '../engine/core/terminal.ts';
import { openSink } from './descriptor.ts';
import { makeFormatter } from './formats/formats.ts';
import { escapeForTerminal } from './formats/text.ts';
import { prefixTime } from './formats/time.ts';
import { type FormatOptions, formatSchema } from './options.ts';
import type { Output, OutputContext, OutputType } from './output.ts';

export interface ConsoleConfig extends Omit<FormatOptions, 'format'> {
  readonly format: FormatOptions['format'] | 'human';
  readonly color: 'auto' | 'always' | 'never';
  readonly stream: 'stdout' | 'stderr';
}

const shared = formatSchema('falco_text');

/** The console. What is printed may come from an attacker: nothing reaches the terminal unescaped. */
export const consoleOutput = {
  type: 'console',
  title: 'Prints alerts to standard output: for people on a terminal, one line per alert elsewhere.',
  queue: { batch: 256, policy: 'drop_newest' },
  schema: {
    type: 'object',
    properties: {
      ...shared,
      format: {
        type: 'string',
        enum: ['human', ...(shared.format?.enum ?? [])],
        default: 'human',
        description: 'Form of an alert; `human` is for terminals and becomes falco_text elsewhere.',
      },
      color: {
        type: 'string',
        enum: ['auto', 'always', 'never'],
        default: 'auto',
        description: 'Colours of `human`; auto heeds NO_COLOR, FORCE_COLOR and TERM=dumb.',
      },
      stream: { type: 'string', enum: ['stdout', 'stderr'], default: 'stdout', description: 'Where to.' },
    },
  },
  async open(config: ConsoleConfig, context: OutputContext) {
    return openConsole(config, config.stream === 'stdout' ? 1 : 2, context.version);
  },
} as const satisfies OutputType;

/** The console on any descriptor. The journal gets each alert's priority, which is also a severity of syslog. */
export function openConsole(
  config: ConsoleConfig,
  fd: number,
  version: string,
  journal = isJournal(fd),
): Output {
  const sink = openSink(fd);
  const format = makeLine(config, sink.isTTY, version);
  const line = (alert: Alert): string => `${journal ? `<${alert.priority}>` : ''}${format(alert)}\n`;
  return {
    send: (batch, signal) => sink.write(batch.map(line).join(''), signal),
    close: () => sink.close(),
  };
}

function makeLine(config: ConsoleConfig, isTTY: boolean, version: string): (alert: Alert) => string {
  if (config.format !== 'human') return makeFormatter(config.format, config, { version });
  const color = config.color === 'auto' ? hasColour({ isTTY }) : config.color === 'always';
  if (!isTTY && !color) return makeFormatter('falco_text', config, { version });
  return (alert) => humanLine(alert, color, config.time_format_iso_8601 ?? false);
}

const COLOURS = ['1;37;41', '1;31', '1;31', '31', '33', '36', '32', '2'] as const;
const paint = (code: string, text: string): string => `\u001b[${code}m${text}\u001b[0m`;

/** A line for people: time, priority, what the kernel did, rule and message, which often begins with the rule's name. */
export function humanLine(alert: Alert, color: boolean, iso8601: boolean): string {
  const time = prefixTime(alert.timeNs, iso8601).slice(0, iso8601 ? -11 : -6);
  const priority = (PRIORITIES[alert.priority] ?? '').padEnd(8);
  const verdict = alert.guarantee === 'observed' ? '' : `[${alert.guarantee.replace('_', ' ')}] `;
  const rule = escapeForTerminal(alert.rule);
  const message = escapeForTerminal(alert.message);
  const rest = message.startsWith(rule) ? message.slice(rule.length) : `: ${message}`;
  if (!color) return `${time} ${priority} ${verdict}${rule}${rest}`;
  const code = COLOURS[alert.priority];
  const shownVerdict = verdict === '' ? '' : `${paint('1', verdict.trim())} `;
  return `${paint('2', time)} ${paint(code, priority)} ${shownVerdict}${paint('1', rule)}${rest}`;
}
