import type { Database } from 'better-sqlite3';
import { AppError } from '../../engine/core/diagnostic.ts';
import { PRIORITIES, type Priority } from '../../engine/core/priority.ts';
import { type Column, columnSql } from './columns.ts';
import { openForReading, ROW_COLUMNS, type StoredRow, sqliteCode, storedRow } from './database.ts';
import { requireFiles } from './folder.ts';

/** Which rows are wanted; what is absent matches all. `rule`, `process` and `container` may hold `*` and `?`. */
export interface Filter {
  readonly sinceNs?: bigint | undefined;
  /** Not included. */
  readonly untilNs?: bigint | undefined;
  readonly rule?: string | undefined;
  /** This priority and more severe ones. */
  readonly priority?: Priority | undefined;
  readonly user?: string | undefined;
  readonly process?: string | undefined;
  readonly container?: string | undefined;
  /** Anywhere in the row; ASCII letters match in both cases. */
  readonly text?: string | undefined;
  readonly kinds?: readonly string[] | undefined;
  /** An id, or its beginning. */
  readonly uuid?: string | undefined;
  /** The newest so many. */
  readonly limit?: number | undefined;
}

type Parameters = Record<string, string | number | bigint>;

interface Where {
  readonly sql: string;
  readonly parameters: Parameters;
}

/** Rows between two read transactions: a reader that lingers keeps the writer's WAL from being emptied. */
const PAGE = 1_000;

/** The rows that match, in the order in which they were written. Files are read one after the other. */
export function* query(folder: string, filter: Filter = {}): Generator<StoredRow> {
  try {
    yield* matching(folder, filter);
  } catch (cause) {
    if (sqliteCode(cause) === undefined) throw cause;
    throw new AppError(
      'E_AUDIT_DAMAGED',
      `the audit in ${folder} cannot be read: ${(cause as Error).message}`,
      {
        help: 'ringfence audit verify says what is wrong and where',
        cause,
      },
    );
  }
}

function* matching(folder: string, filter: Filter): Generator<StoredRow> {
  const files = requireFiles(folder);
  const where = conditions(filter);
  if (filter.limit === undefined) {
    for (const { path } of files) yield* fileRows(path, where);
    return;
  }
  const pages: StoredRow[][] = [];
  let room = filter.limit;
  for (const { path } of files.reverse()) {
    if (room <= 0) break;
    const rows = newest(path, where, room);
    room -= rows.length;
    pages.unshift(rows);
  }
  for (const page of pages) yield* page;
}

function* fileRows(path: string, where: Where): Generator<StoredRow> {
  const db = openForReading(path);
  try {
    const page = db.prepare(
      `SELECT ${ROW_COLUMNS} FROM entries WHERE seq > @after AND ${where.sql} ORDER BY seq LIMIT ${PAGE}`,
    );
    let after = 0;
    for (;;) {
      const rows = page.all({ ...where.parameters, after }).map(storedRow);
      yield* rows;
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.seq;
    }
  } finally {
    db.close();
  }
}

function newest(path: string, where: Where, limit: number): StoredRow[] {
  const db: Database = openForReading(path);
  try {
    const sql = `SELECT ${ROW_COLUMNS} FROM entries WHERE ${where.sql} ORDER BY seq DESC LIMIT @limit`;
    return db
      .prepare(sql)
      .all({ ...where.parameters, limit })
      .map(storedRow)
      .reverse();
  } finally {
    db.close();
  }
}

function conditions(filter: Filter): Where {
  const terms: string[] = [];
  const parameters: Parameters = {};
  const add = (sql: string, name: string, value: string | number | bigint): void => {
    terms.push(sql);
    parameters[name] = value;
  };
  if (filter.sinceNs !== undefined) add('time_ns >= @since', 'since', filter.sinceNs);
  if (filter.untilNs !== undefined) add('time_ns < @until', 'until', filter.untilNs);
  if (filter.uuid !== undefined) {
    // As a range, so that the index serves; ids have no character behind z.
    add("uuid >= @uuid AND uuid < @uuid || '{'", 'uuid', filter.uuid);
  }
  if (filter.rule !== undefined) {
    const { operator, value } = pattern(filter.rule);
    add(`rule ${operator} @rule`, 'rule', value);
  }
  for (const column of ['user', 'process', 'container'] as const) {
    const wanted = filter[column];
    if (wanted === undefined) continue;
    const { operator, value } = pattern(wanted);
    add(anyOf(column, operator), column, value);
  }
  if (filter.priority !== undefined) {
    const names = PRIORITIES.slice(0, filter.priority + 1).map((name) => `'${name}'`);
    terms.push(`body ->> '$.priority' IN (${names.join(', ')})`);
  }
  if (filter.text !== undefined) {
    // As it stands in the JSON text, without the quotes around it.
    add('instr(lower(body), lower(@text)) > 0', 'text', JSON.stringify(filter.text).slice(1, -1));
  }
  if (filter.kinds !== undefined && filter.kinds.length > 0) {
    terms.push(`kind IN (${filter.kinds.map((_, i) => `@kind${i}`).join(', ')})`);
    if (!filter.kinds.includes('alert')) terms.push(`kind <> 'alert'`);
    for (const [i, kind] of filter.kinds.entries()) parameters[`kind${i}`] = kind;
  }
  return { sql: terms.length > 0 ? terms.join(' AND ') : 'TRUE', parameters };
}

/** A short container id names the container whose long id begins with it, and the other way round. */
function anyOf(column: 'user' | 'process' | 'container', operator: '=' | 'GLOB'): string {
  const places = columnSql(column satisfies Column).map((place) => `${place} ${operator} @${column}`);
  if (column !== 'container' || operator === 'GLOB') return `(${places.join(' OR ')})`;
  const id = `coalesce(body ->> '$.output_fields."container.id"', body ->> '$.event."container.id"')`;
  places.push(`(length(${id}) >= 12 AND substr(@container, 1, length(${id})) = ${id})`);
  places.push(`(length(@container) >= 6 AND substr(${id}, 1, length(@container)) = @container)`);
  return `(${places.join(' OR ')})`;
}

/** `*` and `?` as in a shell; a bracket stands for itself. */
function pattern(text: string): { operator: '=' | 'GLOB'; value: string } {
  if (!/[*?]/.test(text)) return { operator: '=', value: text };
  return { operator: 'GLOB', value: text.replaceAll('[', '[[]') };
}
