import type { Command } from 'commander';
import { KINDS } from '../../outputs/audit/entry.ts';
import type { Filter } from '../../outputs/audit/query.ts';
import { nearest } from '../core/nearest.ts';
import { PRIORITIES, parsePriority } from '../core/priority.ts';
import { parseDuration } from '../core/units.ts';
import { collect, usage } from './options.ts';

/** The options that choose rows, as they were typed. */
export interface FilterFlags {
  readonly since?: string;
  readonly until?: string;
  readonly rule?: string;
  readonly priority?: string;
  readonly user?: string;
  readonly process?: string;
  readonly container?: string;
  readonly text?: string;
  readonly kind?: string[];
  readonly uuid?: string;
  readonly limit?: string;
}

/** Adds the options that choose rows. */
export function addFilters(command: Command): Command {
  return command
    .option('--since <time>', 'from this time on: 2026-10-01, 2026-10-01T08:00:00Z, or 2h, 7d ago')
    .option('--until <time>', 'before this time; a day includes its end')
    .option('--rule <name>', 'alerts of this rule; * and ? stand for any text')
    .option('--priority <name>', 'this priority and more severe ones')
    .option('--user <name>', 'user name or id')
    .option('--process <name>', 'process name, path or pid')
    .option('--container <id>', 'container name, id or image')
    .option('--text <text>', 'anywhere in the row')
    .option('--kind <kind>', `kind of row; may be repeated (${Object.keys(KINDS).join(', ')})`, collect, [])
    .option('--uuid <id>', 'the row with this id, or whose id begins so')
    .option('--limit <n>', 'the newest so many');
}

/** What was typed as a filter; throws a usage error for what makes no sense. */
export function toFilter(flags: FilterFlags, nowMs = Date.now()): Filter {
  return {
    sinceNs: flags.since === undefined ? undefined : parseTime('--since', flags.since, nowMs),
    untilNs: flags.until === undefined ? undefined : parseEnd('--until', flags.until, nowMs),
    rule: flags.rule,
    priority: flags.priority === undefined ? undefined : priority(flags.priority),
    user: flags.user,
    process: flags.process,
    container: flags.container,
    text: flags.text,
    kinds: flags.kind?.map(kind),
    uuid: flags.uuid,
    limit: flags.limit === undefined ? undefined : count(flags.limit),
  };
}

/** An ISO 8601 time (UTC if it has no zone) or a duration before now, in ns since the epoch. */
export function parseTime(option: string, text: string, nowMs = Date.now()): bigint {
  const ago = parseDuration(text.replace(/ ago$/, ''));
  const ms = text === 'now' ? nowMs : ago === undefined ? isoMs(text) : nowMs - ago;
  if (Number.isFinite(ms)) return BigInt(Math.round(ms)) * 1_000_000n;
  throw usage(
    `${option} ${JSON.stringify(text)} is not a time`,
    'write 2026-10-01, 2026-10-01T08:00:00Z, 30m or 7d',
  );
}

/** As `parseTime`, but a day stands for its end. */
export function parseEnd(option: string, text: string, nowMs = Date.now()): bigint {
  const time = parseTime(option, text, nowMs);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) ? time + 86_400_000_000_000n : time;
}

function isoMs(text: string): number {
  const match = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.exec(
    text,
  );
  if (!match) return Number.NaN;
  return Date.parse(match[1] === undefined && text.length > 10 ? `${text.replace(' ', 'T')}Z` : text);
}

function priority(text: string): NonNullable<Filter['priority']> {
  const parsed = parsePriority(text);
  if (parsed !== undefined) return parsed;
  throw usage(`--priority ${JSON.stringify(text)} is not a priority`, `one of ${PRIORITIES.join(', ')}`);
}

function kind(text: string): string {
  const name = text.replaceAll('-', '_');
  if (Object.hasOwn(KINDS, name)) return name;
  const close = nearest(name, Object.keys(KINDS));
  throw usage(
    `--kind ${JSON.stringify(text)} is not a kind of row`,
    close ? `did you mean "${close}"?` : `one of ${Object.keys(KINDS).join(', ')}`,
  );
}

function count(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw usage(`--limit ${JSON.stringify(text)} is not a number`, 'write the number of rows');
}
