import { styleText } from 'node:util';
import { type DestinationStream, type Logger, pino } from 'pino';
import { isJournal } from './journal.ts';
import { ACTIVE, escapeActive, escapeUnit, hasColour } from './terminal.ts';

/** The log of the tool itself. Alerts never go through it: logs may be thinned out, alerts may not. */
export type Log = Logger;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  readonly level?: LogLevel;
  /** `text` for people, `json` for machines; absent = text on a terminal. */
  readonly format?: 'text' | 'json' | undefined;
  readonly stream?: NodeJS.WritableStream & { isTTY?: boolean };
  /** Told of the code of each error and warning, also of those that are held back. */
  readonly onCode?: (code: string) => void;
  /** Whether lines begin with their severity as the journal reads it; absent = if stderr is the journal. */
  readonly journal?: boolean;
}

const REPEAT_MS = 10_000;
const WARN = pino.levels.values.warn ?? 0;

/**
 * A logger to stderr. The same message with a `code`, of one component about one output or rule, is written at most
 * once in ten seconds, with its number.
 */
export function createLog(options: LogOptions = {}): Log {
  const stream = options.stream ?? process.stderr;
  const text = options.format === undefined ? stream.isTTY === true : options.format === 'text';
  const limit = new RepeatLimit(REPEAT_MS);
  const journal = options.journal ?? (options.stream === undefined && isJournal(2));
  const destination: DestinationStream = {
    write: (line) =>
      void stream.write(
        `${journal ? severityOf(line) : ''}${text ? render(line, stream) : escapeActive(line)}`,
      ),
  };
  return pino(
    {
      level: options.level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(args, method, level) {
          const [first, message] = args as readonly unknown[];
          if (isCoded(first)) {
            const { code, output, rule } = first;
            if (level >= WARN) options.onCode?.(code);
            const { component } = this.bindings();
            const suppressed = limit.take([code, component, output, rule, message].join('\0'));
            if (suppressed < 0) return;
            if (suppressed > 0) args[0] = { ...first, repeated: suppressed } as never;
          }
          method.apply(this, args);
        },
      },
    },
    destination,
  );
}

/** A message that may repeat itself as long as something is wrong, and what it is about. */
interface Coded {
  readonly code: string;
  readonly output?: string;
  readonly rule?: string;
}

const isCoded = (fields: unknown): fields is Coded =>
  typeof fields === 'object' && fields !== null && 'code' in fields && typeof fields.code === 'string';

const SEVERITIES: Readonly<Record<string, string>> = { debug: '<7>', info: '<6>', warn: '<4>', error: '<3>' };

const severityOf = (line: string): string => SEVERITIES[/^\{"level":"(\w+)"/.exec(line)?.[1] ?? ''] ?? '<2>';

/** Counts what is repeated under a key within a window. */
export class RepeatLimit {
  readonly #ms: number;
  readonly #seen = new Map<string, { since: number; suppressed: number }>();

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** -1 = suppress; otherwise the number suppressed since the last that was let through. */
  take(key: string, now: number = performance.now()): number {
    const entry = this.#seen.get(key);
    if (entry && now - entry.since < this.#ms) {
      entry.suppressed++;
      return -1;
    }
    this.#seen.set(key, { since: now, suppressed: 0 });
    return entry?.suppressed ?? 0;
  }
}

/** What a terminal could act on; texts from elsewhere (paths, server errors) may stand in a message. */
const UNSAFE = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f${ACTIVE}]`, 'g');

const COLOURS = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red', fatal: 'red' } as const;

function render(line: string, stream: { readonly isTTY?: boolean }): string {
  const { time, level, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const word = String(level) as keyof typeof COLOURS;
  const name = word.padEnd(5);
  const label = hasColour(stream) ? styleText(COLOURS[word] ?? 'dim', name, { validateStream: false }) : name;
  const extra = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const cause = err && typeof err === 'object' && 'message' in err ? [`error=${String(err.message)}`] : [];
  const body = [String(msg ?? ''), ...extra, ...cause].join('  ');
  return `${String(time).slice(11, 23)} ${label} ${body.replace(UNSAFE, escapeUnit)}\n`;
}
