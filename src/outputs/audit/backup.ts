import { chmodSync, copyFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';
import { makeFolder } from '../../engine/core/folder.ts';
import { firstRow, lastRow, openForReading } from './database.ts';
import { requireFiles } from './folder.ts';
import { HeadFile } from './head-file.ts';
import { closedDigest, openBody } from './live-file.ts';

export interface BackupReport {
  readonly files: number;
  readonly seq: number;
  readonly hash: string;
}

/**
 * Copies a live audit into a new folder. Finished files are copied byte for byte; of the live one a consistent state
 * is taken in one read transaction, whatever is being written meanwhile. The copy verifies by itself.
 */
export function backup(folder: string, target: string): BackupReport {
  const files = requireFiles(folder);
  makeFolder(target);
  if (readdirSync(target).length > 0) {
    throw new AppError('E_AUDIT_BACKUP', `${target} is not empty`, {
      exitCode: EXIT.usage,
      help: 'give a new folder for each backup',
    });
  }
  const live = files.at(-1)!;
  for (const file of files.slice(0, -1)) copyFinished(file.path, join(target, file.name));
  const copy = join(target, live.name);
  const db = openForReading(live.path);
  try {
    const part = `${copy}.part`;
    // The source stays read-only by how it was opened; this would also keep SQLite from writing the copy.
    db.pragma('query_only = OFF');
    db.pragma('secure_delete = FAST');
    db.prepare('VACUUM INTO ?').run(part);
    chmodSync(part, 0o600);
    renameSync(part, copy);
  } finally {
    db.close();
  }
  return { files: files.length, ...writeHead(target, copy, live.ordinal) };
}

/** A file that a reader kept from being finished still has a WAL. */
function copyFinished(path: string, target: string): void {
  for (const suffix of ['', '-wal']) {
    try {
      copyFileSync(`${path}${suffix}`, `${target}${suffix}`);
    } catch (cause) {
      if (suffix === '' || (cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    }
  }
  chmodSync(target, 0o400);
}

function writeHead(target: string, path: string, ordinal: number): { seq: number; hash: string } {
  const db = openForReading(path);
  try {
    const first = firstRow(db);
    const last = lastRow(db);
    if (!first || !last) throw new AppError('E_AUDIT_DAMAGED', `${path} has no rows`);
    const head = { seq: last.seq, hash: last.hash.toString('hex') };
    const file = new HeadFile(target);
    file.write({ chain: openBody(first).chain ?? '', ordinal, ...head, sha256: closedDigest(path) });
    file.close();
    return head;
  } finally {
    db.close();
    for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  }
}
