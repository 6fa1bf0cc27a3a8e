import { chmodSync, copyFileSync, existsSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';
import { AppError } from '../../engine/core/diagnostic.ts';

const BUSY_MS = 5_000;
/** What SQLite says of a file that it cannot read without writing beside it or to it. */
const NEEDS_COPY: ReadonlySet<string> = new Set(['SQLITE_CANTOPEN', 'SQLITE_READONLY_ROLLBACK']);

/** A row as it stands in a file. */
export interface StoredRow {
  readonly seq: number;
  readonly timeNs: bigint;
  readonly kind: string;
  readonly uuid: string;
  readonly body: string;
  readonly hash: Buffer;
}

interface RawRow {
  readonly seq: bigint;
  readonly time_ns: bigint;
  readonly kind: string;
  readonly uuid: string;
  readonly body: string;
  readonly hash: Buffer;
}

export const ROW_COLUMNS = 'seq, time_ns, kind, uuid, body, hash';

/** A row as `SELECT ${ROW_COLUMNS}` gives it with safe integers. */
export function storedRow(raw: unknown): StoredRow {
  const { seq, time_ns, kind, uuid, body, hash } = raw as RawRow;
  return { seq: Number(seq), timeNs: time_ns, kind, uuid, body, hash };
}

/** Opens a file for the writer. Times pass as bigint, sequence numbers are turned into numbers by `storedRow`. */
export function openForWriting(path: string, sync: 'full' | 'normal'): Database {
  refuseLink(path);
  const db = new Sqlite(path, { timeout: BUSY_MS });
  try {
    db.defaultSafeIntegers(true);
    db.pragma('journal_mode = WAL');
    db.pragma(`synchronous = ${sync.toUpperCase()}`);
    db.pragma('trusted_schema = OFF');
    db.pragma('recursive_triggers = ON');
    // Pages are zeroed when SQLite takes them into use anew: no stale copy of a row in bytes that nothing covers.
    db.pragma('secure_delete = FAST');
    db.pragma('journal_size_limit = 8388608');
    // better-sqlite3's own would be 16 MB: rows are appended, and what is read again the system keeps.
    db.pragma('cache_size = -4096');
    return db;
  } catch (cause) {
    db.close();
    throw cause;
  }
}

/**
 * Opens a file for reading only: a live one beside its writer, a finished one, or a copy. SQLite has to make a file for
 * shared memory beside a WAL database, and to undo what a writer was killed in the middle of; on read-only media it
 * cannot do the one, with a file that is not to be changed not the other. A private copy is read instead.
 */
export function openForReading(path: string): Database {
  refuseLink(path);
  try {
    return reader(path);
  } catch (cause) {
    if (!NEEDS_COPY.has(sqliteCode(cause) ?? '') || !existsSync(path)) throw cause;
    return openCopy(path);
  }
}

/** What is open stays readable after its names are gone. */
function openCopy(path: string): Database {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-audit-'));
  try {
    const copy = join(folder, 'copy.db');
    copyFileSync(path, copy);
    for (const suffix of ['-wal', '-journal'])
      if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
    chmodSync(copy, 0o600);
    return reader(copy, false);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function reader(path: string, readonly = true): Database {
  const db = new Sqlite(path, { readonly, fileMustExist: true, timeout: BUSY_MS });
  try {
    db.defaultSafeIntegers(true);
    db.pragma('trusted_schema = OFF');
    db.pragma('query_only = ON');
    // The first statement that reads is where SQLite finds out whether it can, and opens what it needs.
    db.prepare('SELECT count(*) FROM sqlite_schema').get();
    return db;
  } catch (cause) {
    db.close();
    throw cause;
  }
}

/** The last row of a file. */
export function lastRow(db: Database): StoredRow | undefined {
  const raw = db.prepare(`SELECT ${ROW_COLUMNS} FROM entries ORDER BY seq DESC LIMIT 1`).get();
  return raw === undefined ? undefined : storedRow(raw);
}

/** The first row of a file. */
export function firstRow(db: Database): StoredRow | undefined {
  const raw = db.prepare(`SELECT ${ROW_COLUMNS} FROM entries ORDER BY seq LIMIT 1`).get();
  return raw === undefined ? undefined : storedRow(raw);
}

/** SQLite's own word for what went wrong, if it is SQLite's. */
export function sqliteCode(error: unknown): string | undefined {
  return error instanceof Sqlite.SqliteError ? error.code : undefined;
}

function refuseLink(path: string): void {
  for (const name of [path, `${path}-wal`, `${path}-shm`, `${path}-journal`]) {
    if (lstatSync(name, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new AppError('E_AUDIT_FOLDER', `${name} is a symbolic link: not opened`);
    }
  }
}
