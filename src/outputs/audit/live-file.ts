import { createHash } from 'node:crypto';
import { chmodSync, closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database, Statement } from 'better-sqlite3';
import { AppError } from '../../engine/core/diagnostic.ts';
import { type ChainedRow, rowHash } from './chain.ts';
import { firstRow, lastRow, openForWriting, type StoredRow } from './database.ts';
import { type Entry, entry } from './entry.ts';
import { type AuditFile, fileName } from './folder.ts';
import type { HeadRecord } from './head-file.ts';
import { migrate } from './schema.ts';

/** Where a file takes up the chain: the end of the one before it. Zeros and seq 0 before the first. */
export interface Previous {
  readonly ordinal: number;
  readonly seq: number;
  readonly hash: string;
  readonly file?: string | undefined;
  /** Of the finished file, byte for byte; absent where a reader kept it from being closed. */
  readonly sha256?: string | undefined;
}

/** What the first row of a file says beside its place in the chain. */
export type OpenBody = Readonly<Record<string, string | number | undefined>>;

/** The first row's body, as far as it is needed again; members are missing where the row is not what it should be. */
export interface Opening {
  readonly chain?: string;
  readonly host?: string;
  readonly ordinal?: number;
  readonly previous?: Previous;
  readonly key?: string;
  readonly public_key?: string;
  readonly gap?: string;
}

/** Reads the first row of a file. */
export function openBody(row: Pick<StoredRow, 'kind' | 'body'>): Opening {
  try {
    return row.kind === 'open' ? (JSON.parse(row.body) as Opening) : {};
  } catch {
    return {};
  }
}

type Sync = 'full' | 'normal';

/** The database file that rows are being added to. */
export class LiveFile {
  readonly file: AuditFile;
  /** Time of the last row that was there when it was opened. */
  readonly lastTimeNs: bigint;
  readonly #db: Database;
  readonly #insert: Statement;
  readonly #last: Statement;
  readonly #chain: string;
  readonly #inode: number;
  #seq: number;
  #hash: Buffer;
  #lastKind: string;

  private constructor(file: AuditFile, db: Database) {
    const first = firstRow(db);
    const last = lastRow(db);
    const chain = first && openBody(first).chain;
    if (!last || !chain) throw new AppError('E_AUDIT_DAMAGED', `${file.name} does not begin as it should`);
    this.file = file;
    this.lastTimeNs = last.timeNs;
    this.#db = db;
    this.#insert = db.prepare(
      `INSERT INTO entries (seq, time_ns, kind, uuid, body, hash) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (uuid) DO NOTHING`,
    );
    this.#last = db.prepare('SELECT hash FROM entries ORDER BY seq DESC LIMIT 1').pluck();
    this.#chain = chain;
    this.#inode = statSync(file.path).ino;
    this.#seq = last.seq;
    this.#hash = last.hash;
    this.#lastKind = last.kind;
  }

  /** Opens an existing file; SQLite rolls back what a kill left half written. */
  static open(file: AuditFile, sync: Sync): LiveFile {
    const db = openForWriting(file.path, sync);
    try {
      migrate(db);
      return new LiveFile(file, db);
    } catch (cause) {
      db.close();
      throw cause;
    }
  }

  /** Makes the next file. It appears under its name only when its first row is on the disk. */
  static create(
    folder: string,
    place: {
      readonly ordinal: number;
      readonly month: string;
      readonly chain: string;
      readonly previous: Previous;
    },
    body: OpenBody,
    sync: Sync,
  ): LiveFile {
    const fresh = join(folder, '.audit-new.db');
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${fresh}${suffix}`, { force: true });
    closeSync(openSync(fresh, 'wx', 0o600));
    const { ordinal, month, chain, previous } = place;
    const row = entry('open', { ...body, chain, ordinal, previous: { ...previous } });
    const db = openForWriting(fresh, sync);
    try {
      migrate(db);
      const chained: ChainedRow = { ...row, seq: previous.seq + 1 };
      const hash = rowHash(Buffer.from(previous.hash, 'hex'), chained);
      db.prepare('INSERT INTO entries (seq, time_ns, kind, uuid, body, hash) VALUES (?, ?, ?, ?, ?, ?)').run(
        chained.seq,
        row.timeNs,
        row.kind,
        row.uuid,
        row.body,
        hash,
      );
      // Back into one file, so that the rename moves all of it.
      db.pragma('journal_mode = DELETE');
    } finally {
      db.close();
    }
    const name = fileName(ordinal, month);
    const path = join(folder, name);
    syncPath(fresh);
    renameSync(fresh, path);
    syncPath(folder);
    return LiveFile.open({ name, path, ordinal, month }, sync);
  }

  get head(): HeadRecord {
    return {
      chain: this.#chain,
      ordinal: this.file.ordinal,
      seq: this.#seq,
      hash: this.#hash.toString('hex'),
    };
  }

  get lastKind(): string {
    return this.#lastKind;
  }

  /** The size, with what is still in the WAL. */
  get bytes(): number {
    const pages = this.#db.pragma('page_count', { simple: true });
    const size = this.#db.pragma('page_size', { simple: true });
    return Number(pages) * Number(size);
  }

  /** The hash of the row with this number, in hex. */
  hashAt(seq: number): string | undefined {
    const hash = this.#db.prepare('SELECT hash FROM entries WHERE seq = ?').pluck().get(seq);
    return Buffer.isBuffer(hash) ? hash.toString('hex') : undefined;
  }

  /** The id of the signing key that is in force according to the rows. */
  get keyId(): string | undefined {
    const id = this.#db
      .prepare(
        `SELECT body ->> '$.key' FROM entries
         WHERE kind <> 'alert' AND kind IN ('open', 'key') ORDER BY seq DESC LIMIT 1`,
      )
      .pluck()
      .get();
    return typeof id === 'string' ? id : undefined;
  }

  /** SQLite's own check of the file; undefined if it is sound. */
  damage(): string | undefined {
    const found = String(this.#db.pragma('quick_check(1)', { simple: true }));
    return found === 'ok' ? undefined : found;
  }

  /**
   * Adds the entries in one transaction and returns those that were new. All of them are on the disk, or none is.
   * Refuses if somebody else has written to the file or put another in its place.
   */
  append(entries: readonly Entry[]): Entry[] {
    if (statSync(this.file.path, { throwIfNoEntry: false })?.ino !== this.#inode) {
      throw new AppError('E_AUDIT_REPLACED', `${this.file.name} was removed or replaced`);
    }
    let seq = this.#seq;
    let hash = this.#hash;
    const added: Entry[] = [];
    this.#db
      .transaction(() => {
        const stored = this.#last.get();
        if (!Buffer.isBuffer(stored) || !stored.equals(hash)) {
          throw new AppError('E_AUDIT_REPLACED', `${this.file.name} was changed by somebody else`);
        }
        for (const row of entries) {
          const next = rowHash(hash, { ...row, seq: seq + 1 });
          if (this.#insert.run(seq + 1, row.timeNs, row.kind, row.uuid, row.body, next).changes === 0)
            continue;
          seq++;
          hash = next;
          added.push(row);
        }
      })
      .immediate();
    this.#seq = seq;
    this.#hash = hash;
    this.#lastKind = added.at(-1)?.kind ?? this.#lastKind;
    return added;
  }

  /**
   * Brings a sealed file into its final form: one file without a WAL, readable from read-only media, mode 0400.
   * Returns its digest; undefined if a reader holds it open, and then it stays as it is.
   */
  finish(): string | undefined {
    let single = false;
    try {
      this.#db.pragma('busy_timeout = 100');
      single = this.#db.pragma('journal_mode = DELETE', { simple: true }) === 'delete';
    } catch {
      // A reader is in the file. The chain covers its rows; only the digest of the whole file is missing.
    }
    this.#db.close();
    if (!single) return undefined;
    chmodSync(this.file.path, 0o400);
    return fileDigest(this.file.path);
  }

  close(): void {
    this.#db.close();
  }
}

/** SHA-256 of a file, in hex. */
export function fileDigest(path: string): string {
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafe(1 << 20);
  const fd = openSync(path, 'r');
  try {
    for (let n = readSync(fd, block); n > 0; n = readSync(fd, block)) hash.update(block.subarray(0, n));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

/** The digest of a file that nobody has open; undefined while a WAL belongs to it. */
export function closedDigest(path: string): string | undefined {
  const wal = statSync(`${path}-wal`, { throwIfNoEntry: false });
  return wal === undefined || wal.size === 0 ? fileDigest(path) : undefined;
}

function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
