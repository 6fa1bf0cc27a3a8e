import { toJson } from '../../engine/core/json.ts';
import { escapeForTerminal } from '../formats/text.ts';
import { rfc3339Nano } from '../formats/time.ts';
import { columnOf } from './columns.ts';
import type { StoredRow } from './database.ts';

/** The columns of a table and of CSV. */
export const HEADER = [
  'time',
  'seq',
  'kind',
  'priority',
  'rule',
  'user',
  'process',
  'container',
  'text',
] as const;

/** A row's columns; what it does not have is empty. */
export function cells(row: StoredRow): string[] {
  const body = parseBody(row);
  return [
    rfc3339Nano(row.timeNs),
    String(row.seq),
    row.kind,
    columnOf(body, 'priority') ?? '',
    typeof body.rule === 'string' ? body.rule : '',
    columnOf(body, 'user') ?? '',
    columnOf(body, 'process') ?? '',
    columnOf(body, 'container') ?? '',
    columnOf(body, 'text') ?? summary(body),
  ];
}

/** A row for a terminal: nothing in it that a terminal acts on. */
export function terminalCells(row: StoredRow): string[] {
  return cells(row).map(escapeForTerminal);
}

/**
 * A row as a line of CSV (RFC 4180). Every cell is quoted; one that a spreadsheet would take for a formula gets an
 * apostrophe in front, the form that spreadsheets hide. Control characters are escaped, since a terminal shows CSV too.
 */
export function csvLine(values: readonly string[]): string {
  const quoted = values.map((value) => {
    const safe = /^\0*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return `"${escapeForTerminal(safe).replaceAll('"', '""')}"`;
  });
  return `${quoted.join(',')}\r\n`;
}

/**
 * A row as a line of JSON: its columns, its place in the chain and the body, which is put in as stored, so that no
 * number loses digits.
 */
export function jsonLine(row: StoredRow): string {
  const body = parseBody(row);
  const columns = JSON.stringify({
    seq: row.seq,
    time: rfc3339Nano(row.timeNs),
    kind: row.kind,
    uuid: row.uuid,
    rule: typeof body.rule === 'string' ? body.rule : undefined,
    priority: columnOf(body, 'priority'),
    user: columnOf(body, 'user'),
    process: columnOf(body, 'process'),
    container: columnOf(body, 'container'),
    text: columnOf(body, 'text') ?? summary(body),
    hash: row.hash.toString('hex'),
  });
  return escapeForTerminal(`${columns.slice(0, -1)},"body":${row.body}}`);
}

/** A row with everything that its hash covers, for somebody who wants to check the chain with their own tools. */
export function exportLine(row: StoredRow): string {
  const { seq, timeNs, kind, uuid, body, hash } = row;
  return toJson({ seq, time_ns: timeNs, kind, uuid, body, hash: hash.toString('hex') });
}

/** The body as an object; empty if it is not one (in a file that somebody tampered with). */
export function parseBody(row: Pick<StoredRow, 'body'>): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(row.body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function summary(body: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(body).filter(([key]) => !SKIPPED.has(key));
  return parts
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

const SKIPPED: ReadonlySet<string> = new Set(['actor', 'public_key', 'signature', 'chain', 'v']);
