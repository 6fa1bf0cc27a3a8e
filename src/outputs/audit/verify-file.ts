import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import type { Anchor } from './anchor.ts';
import { GENESIS_HASH, rowHash } from './chain.ts';
import { openForReading, ROW_COLUMNS, type StoredRow, storedRow } from './database.ts';
import type { AuditFile } from './folder.ts';
import type { HeadRecord } from './head-file.ts';
import { headSigned, keyId, loadPublicKey } from './keys.ts';
import { fileDigest, openBody, type Previous } from './live-file.ts';
import { APPLICATION_ID, schemaVersion } from './schema.ts';
import { dirtySlack } from './slack.ts';

/** Something that is not as it was written. */
export interface Problem {
  readonly file?: string;
  /** The row from which on it is wrong. */
  readonly seq?: number;
  readonly what: string;
}

/** What the walk over one file found. */
export interface FileFacts {
  readonly file: AuditFile;
  readonly previous?: Previous | undefined;
  readonly gap?: string | undefined;
  readonly host?: string | undefined;
  readonly head?: HeadRecord;
  readonly rows: number;
  readonly signatures: number;
  /** `first_kept` of each retention row. */
  readonly retained: readonly Previous[];
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  /** SHA-256 of the file's bytes. */
  readonly digest: () => string;
}

export interface Expectations {
  /** Published heads by row. */
  readonly wanted: ReadonlyMap<number, readonly Anchor[]>;
  /** Only the newest file may lack its seal. */
  readonly newest: boolean;
  /** Keys that anchors must be signed with; none = the keys that stand in the rows. */
  readonly publicKeys: readonly KeyObject[];
}

/** Rows between two short read transactions, so that a verification of a live file does not hold up checkpoints. */
const PAGE = 2_000;

/** Verifies one file by itself. Undefined if it is gone. */
export function verifyFile(file: AuditFile, expected: Expectations): FileFacts | undefined {
  const digest = (): string => fileDigest(file.path);
  let db: Database;
  try {
    db = openForReading(file.path);
  } catch (cause) {
    if (!existsSync(file.path)) return undefined;
    return unreadable(file, digest, (cause as Error).message);
  }
  const walk = new Walk(file, expected);
  try {
    walk.schema(db);
    walk.rows(db);
    walk.integrity(db);
  } catch (cause) {
    walk.problems.push({
      file: file.name,
      seq: walk.nextSeq,
      what: `cannot be read: ${(cause as Error).message}`,
    });
  } finally {
    db.close();
  }
  return { ...walk.facts(), digest };
}

function unreadable(file: AuditFile, digest: () => string, why: string): FileFacts {
  const problems = [{ file: file.name, what: `cannot be opened: ${why}` }];
  return { file, rows: 0, signatures: 0, retained: [], problems, warnings: [], digest };
}

const OBJECTS = [
  'entries',
  'entries_are_final',
  'entries_are_kept',
  'entries_by_rule',
  'entries_by_time',
  'log',
];

class Walk {
  readonly problems: Problem[] = [];
  readonly #file: AuditFile;
  readonly #expected: Expectations;
  readonly #retained: Previous[] = [];
  readonly #keys = new Map<string, KeyObject>();
  #first: StoredRow | undefined;
  #chain: string | undefined;
  #last: StoredRow | undefined;
  #hash = GENESIS_HASH;
  #rows = 0;
  #signatures = 0;
  #broken = false;

  constructor(file: AuditFile, expected: Expectations) {
    this.#file = file;
    this.#expected = expected;
    for (const key of expected.publicKeys) this.#keys.set(keyId(key), key);
  }

  get nextSeq(): number {
    return (this.#last?.seq ?? 0) + 1;
  }

  schema(db: Database): void {
    if (db.pragma('application_id', { simple: true }) !== BigInt(APPLICATION_ID) || schemaVersion(db) < 1) {
      this.#problem('it is not a file of the audit');
    }
    const names = db.prepare('SELECT name FROM sqlite_schema').pluck().all();
    const missing = OBJECTS.filter((name) => !names.includes(name));
    if (missing.length > 0) this.#problem(`its schema was changed: ${missing.join(', ')} missing`);
  }

  /** Reads by the table alone: an index that was tampered with cannot hide a row. */
  rows(db: Database): void {
    const page = db.prepare(
      `SELECT ${ROW_COLUMNS} FROM entries NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT ${PAGE}`,
    );
    for (;;) {
      const rows = page.all(this.#last?.seq ?? 0).map(storedRow);
      for (const row of rows) this.#row(row);
      if (rows.length < PAGE) break;
    }
    // In one statement, so that both are of the same moment.
    const { highest, end } = db
      .prepare(
        `SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'entries') AS highest,
                (SELECT max(seq) FROM entries NOT INDEXED) AS end`,
      )
      .get() as { highest: bigint | null; end: bigint | null };
    if (highest !== end) {
      this.#problem(`rows up to ${highest} were written, the last is ${end}`, this.nextSeq);
    }
    if (!this.#expected.newest && this.#last?.kind !== 'seal') {
      this.#problem('it does not end with a seal, but is not the newest file', this.nextSeq);
    }
  }

  integrity(db: Database): void {
    const found = db.pragma('integrity_check(5)') as { integrity_check: string }[];
    for (const { integrity_check } of found) {
      if (integrity_check !== 'ok') this.#problem(`SQLite finds damage: ${integrity_check}`);
    }
    const page = this.problems.length === 0 ? dirtySlack(db) : undefined;
    if (page !== undefined) this.#problem(`bytes of page ${page} that hold no row were changed`);
  }

  facts(): Omit<FileFacts, 'digest'> {
    const opening = this.#first ? openBody(this.#first) : {};
    const head = this.#last && {
      chain: opening.chain ?? '',
      ordinal: this.#file.ordinal,
      seq: this.#last.seq,
      hash: this.#last.hash.toString('hex'),
    };
    return {
      file: this.#file,
      previous: opening.previous,
      gap: opening.gap,
      host: opening.host,
      ...(head && { head }),
      rows: this.#rows,
      signatures: this.#signatures,
      retained: this.#retained,
      problems: this.problems,
      warnings: [],
    };
  }

  #row(row: StoredRow): void {
    if (this.#last === undefined) this.#opening(row);
    else if (row.seq !== this.#last.seq + 1) {
      const to = row.seq - 1 === this.nextSeq ? '' : ` to ${row.seq - 1}`;
      this.#problem(`row ${this.nextSeq}${to} is missing`, this.nextSeq);
      this.#broken = true;
    }
    if (!rowHash(this.#hash, row).equals(row.hash)) {
      // After a missing row the next one cannot fit: that was said already.
      if (!this.#broken) this.#problem('the row is not as it was written', row.seq);
    }
    this.#broken = false;
    for (const anchor of this.#expected.wanted.get(row.seq) ?? []) {
      const own = this.#chain === undefined || anchor.chain === this.#chain;
      if (own && anchor.hash !== row.hash.toString('hex')) {
        this.#problem(`the row is not the one an anchor of ${anchor.time} was made for`, row.seq);
      }
    }
    if (row.kind !== 'alert') this.#special(row);
    this.#last = row;
    this.#hash = row.hash;
    this.#rows++;
  }

  #opening(row: StoredRow): void {
    this.#first = row;
    const { previous, ordinal, chain } = openBody(row);
    this.#chain = chain;
    if (!previous || ordinal !== this.#file.ordinal || row.seq !== previous.seq + 1) {
      const seq = row.kind === 'open' ? row.seq : row.seq - 1;
      this.#problem('its first row is not the one it was begun with', seq);
      this.#broken = true;
      return;
    }
    this.#hash = Buffer.from(previous.hash, 'hex');
  }

  #special(row: StoredRow): void {
    let body: Record<string, unknown>;
    try {
      body = JSON.parse(row.body) as Record<string, unknown>;
    } catch {
      return;
    }
    if (typeof body.public_key === 'string') this.#key(row, body.public_key);
    if (row.kind === 'gap')
      this.#problem(`a gap was found at the start of the engine: ${String(body.reason)}`, row.seq);
    if (row.kind === 'retention') this.#retained.push(body.first_kept as Previous);
    if (row.kind === 'anchor') this.#anchor(row, body as Partial<Anchor>);
  }

  #anchor(row: StoredRow, anchor: Partial<Anchor>): void {
    if (anchor.seq !== row.seq - 1 || anchor.hash !== this.#hash.toString('hex')) {
      this.#problem('an anchor in the chain does not name the row before it', row.seq);
      return;
    }
    if (anchor.key === undefined || anchor.signature === undefined) return;
    this.#signatures++;
    const key = this.#keys.get(anchor.key);
    if (!key || !headSigned(key, anchor as Anchor, anchor.signature)) {
      this.#problem(
        key ? 'the signature of an anchor is wrong' : `an anchor is signed by an unknown key ${anchor.key}`,
        row.seq,
      );
    }
  }

  /** A key that stands in a row counts only if no key was given to compare with. */
  #key(row: StoredRow, text: string): void {
    if (this.#expected.publicKeys.length > 0) return;
    try {
      const key = loadPublicKey(text);
      this.#keys.set(keyId(key), key);
    } catch {
      this.#problem('the public key in the row cannot be read', row.seq);
    }
  }

  #problem(what: string, seq?: number): void {
    this.problems.push({ file: this.#file.name, ...(seq !== undefined && { seq }), what });
  }
}
