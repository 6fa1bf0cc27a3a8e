import { closeSync, copyFileSync, fsyncSync, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../engine/core/folder.ts';
import { firstRow, lastRow, openForReading } from './database.ts';
import { type Entry, entry } from './entry.ts';
import { type AuditFile, listFiles } from './folder.ts';
import { openBody } from './live-file.ts';

export interface RetentionOptions {
  readonly folder: string;
  /** Finished files whose last row is older are removed as a whole; absent = all are kept. */
  readonly retentionDays?: number | undefined;
  /** Old files are moved here instead of removed. */
  readonly archive?: string | undefined;
}

const DAY_NS = 86_400_000_000_000n;
const SUFFIXES = ['', '-wal', '-shm'] as const;

/**
 * Removes or moves away finished files that are older than the retention. A row that names them, their last hashes
 * and the first file that stays is written before, so that the chain is seen to begin where it should.
 */
export function retire(
  options: RetentionOptions,
  at: { readonly timeNs: bigint; readonly live: AuditFile; readonly record: (row: Entry) => void },
): AuditFile[] {
  if (options.retentionDays === undefined) return [];
  const cutoff = at.timeNs - BigInt(options.retentionDays) * DAY_NS;
  const files = listFiles(options.folder);
  const kept = files.findIndex((file) => file.ordinal >= at.live.ordinal || describe(file).endNs > cutoff);
  if (kept <= 0) return [];
  const old = files.slice(0, kept);
  const removed = old.map((file) => ({ file: file.name, ordinal: file.ordinal, ...describe(file).body }));
  const body = { removed, archived_to: options.archive, first_kept: beginning(files[kept]!) };
  at.record(entry('retention', body, { timeNs: at.timeNs }));
  for (const file of old) dispose(file, options.archive);
  return old;
}

/** Where a file's rows begin: what the file before it must have ended with. */
function beginning(file: AuditFile): { ordinal: number; seq?: number; hash?: string } {
  const db = openForReading(file.path);
  try {
    const first = firstRow(db);
    const previous = first && openBody(first).previous;
    return { ordinal: file.ordinal, ...(previous && { seq: previous.seq, hash: previous.hash }) };
  } finally {
    db.close();
  }
}

interface Description {
  readonly endNs: bigint;
  readonly body: { readonly bytes: number; readonly last_seq?: number; readonly last_hash?: string };
}

function describe(file: AuditFile): Description {
  const { size, mtimeMs } = statSync(file.path);
  try {
    const db = openForReading(file.path);
    try {
      const last = lastRow(db);
      if (last) {
        const body = { bytes: size, last_seq: last.seq, last_hash: last.hash.toString('hex') };
        return { endNs: last.timeNs, body };
      }
    } finally {
      db.close();
    }
  } catch {
    // A damaged file ages by its modification time.
  }
  return { endNs: BigInt(Math.trunc(mtimeMs)) * 1_000_000n, body: { bytes: size } };
}

function dispose(file: AuditFile, archive: string | undefined): void {
  for (const suffix of SUFFIXES) {
    const path = `${file.path}${suffix}`;
    if (!statSync(path, { throwIfNoEntry: false })) continue;
    if (archive !== undefined) {
      makeFolder(archive);
      // Copy and remove: the archive is likely to be another file system.
      const target = join(archive, `${file.name}${suffix}`);
      copyFileSync(path, target);
      syncFile(target);
    }
    rmSync(path, { force: true });
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
