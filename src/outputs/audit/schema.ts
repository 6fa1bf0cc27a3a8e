import type { Database } from 'better-sqlite3';
import { AppError } from '../../engine/core/diagnostic.ts';

/** "RFAU": tells `file` and ourselves whose database this is. */
export const APPLICATION_ID = 0x52464155;

/**
 * Numbered schema changes; `user_version` says how many a file has had. A released one is never edited: finished
 * files keep the layout they were sealed with.
 *
 * The triggers keep our own code and a slip at the sqlite3 prompt from changing a row. They prove nothing: the chain
 * does. `rule` and the view are computed from `body`, so they cannot contradict what the hash covers.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE entries (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ns INTEGER NOT NULL,
    kind    TEXT NOT NULL CHECK (kind <> '' AND kind NOT GLOB '*[^a-z_]*'),
    uuid    TEXT NOT NULL UNIQUE CHECK (uuid <> '' AND uuid NOT GLOB '*[^0-9A-Za-z-]*'),
    body    TEXT NOT NULL CHECK (json_valid(body)),
    hash    BLOB NOT NULL CHECK (length(hash) = 32),
    rule    TEXT GENERATED ALWAYS AS (CAST(body ->> '$.rule' AS TEXT)) VIRTUAL
  ) STRICT;
  CREATE INDEX entries_by_time ON entries (time_ns);
  CREATE INDEX entries_by_rule ON entries (rule) WHERE rule IS NOT NULL;
  CREATE INDEX entries_notable ON entries (kind) WHERE kind <> 'alert';
  CREATE TRIGGER entries_are_final BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
  CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
  CREATE VIEW log AS SELECT
    seq,
    strftime('%Y-%m-%dT%H:%M:%SZ', time_ns / 1000000000, 'unixepoch') AS time,
    kind,
    rule,
    body ->> '$.priority' AS priority,
    coalesce(body ->> '$.output_fields."user.name"', body ->> '$.event."user.name"', body ->> '$.actor.user') AS user,
    coalesce(body ->> '$.output_fields."proc.name"', body ->> '$.event."proc.name"', body ->> '$.actor.exe') AS process,
    coalesce(body ->> '$.output_fields."container.id"', body ->> '$.event."container.id"') AS container,
    coalesce(body ->> '$.output', body ->> '$.summary') AS text
  FROM entries;
  `,
];

/** Brings a file to the newest schema; refuses one that a later version of the program has written. */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): void {
  const version = schemaVersion(db);
  if (version > migrations.length) {
    throw new AppError(
      'E_AUDIT_SCHEMA',
      `${db.name} has audit schema ${version}, this program knows ${migrations.length}`,
      { help: 'run the version that wrote it, or give another folder in outputs.audit.path' },
    );
  }
  db.transaction(() => {
    for (const sql of migrations.slice(version)) db.exec(sql);
    if (version === 0) db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${migrations.length}`);
  }).immediate();
}

/** How many migrations the file has had. */
export function schemaVersion(db: Database): number {
  return Number(db.pragma('user_version', { simple: true }));
}
