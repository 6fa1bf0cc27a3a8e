import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { AppError } from '../../engine/core/diagnostic.ts';
import { sqliteCode } from './database.ts';

/**
 * Makes sure that one writer uses the folder. The lock is SQLite's on an empty database: the kernel lets go of it when
 * the process ends, however it ends. Returns what releases it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'audit.lock');
  closeSync(openSync(path, 'a', 0o600));
  const db = new Sqlite(path, { timeout: 0 });
  try {
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    if (sqliteCode(cause) !== 'SQLITE_BUSY') throw cause;
    throw new AppError('E_AUDIT_BUSY', `another process writes the audit in ${folder}`, {
      help: 'is another ringfence running? Give each its own outputs.audit.path',
    });
  }
  return () => db.close();
}
