import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { AppError } from '../../engine/core/diagnostic.ts';
import { GENESIS_HASH } from './chain.ts';
import { sqliteCode } from './database.ts';
import { type AuditFile, listFiles } from './folder.ts';
import { type HeadRecord, readHead } from './head-file.ts';
import { LiveFile, type OpenBody, type Previous } from './live-file.ts';

export interface RecoverOptions {
  readonly folder: string;
  readonly sync: 'full' | 'normal';
  /** The month that a new file is named after. */
  readonly month: string;
  /** What the first row of a new file says about this host and program. */
  readonly open: OpenBody;
}

/** What was found wrong at opening. It becomes a `gap` row, so that it stays on record. */
export interface Gap {
  readonly reason: string;
  readonly file?: string;
  readonly expected?: HeadRecord;
  readonly found?: HeadRecord;
}

export interface Recovered {
  readonly live: LiveFile;
  readonly gap?: Gap;
  /** There was no head file, so rows cut off at the end would not have been noticed. */
  readonly headMissing: boolean;
}

/** Above this size the file is not checked as a whole at opening: `audit verify` does that. */
const CHECK_BYTES = 128 * 1024 * 1024;

/** Errors that say that a file is not what it should be, unlike a full disk or a lock. */
const DAMAGE = /^SQLITE_(CORRUPT|NOTADB|CANTOPEN|ERROR|IOERR_(SHORT_READ|DATA|CORRUPTFS))/;

/**
 * Finds the file to go on with. A file that is damaged, shorter than the recorded head, or not the one that was there
 * before is left untouched, and a new one takes up the chain where the recorded head says it ended: the break stays
 * visible to `audit verify` for ever, and the engine has an audit that can be written.
 * `known` is the head that this process wrote last, if it wrote one: it holds against whatever was done to the folder.
 */
export function recover(options: RecoverOptions, known?: HeadRecord): Recovered {
  const newest = listFiles(options.folder).at(-1);
  const recorded = readHead(options.folder);
  const head = known && known.seq >= (recorded?.seq ?? 0) ? known : recorded;
  const headMissing = newest !== undefined && recorded === undefined;
  if (!newest && !head) return { live: begin(options), headMissing };
  const { live, reason } = newest
    ? inspect(newest, head, options.sync)
    : { live: undefined, reason: 'all files are gone' };
  if (live && reason === undefined) {
    return { live: live.lastKind === 'seal' ? rotate(live, options) : live, headMissing };
  }
  const found = live?.head;
  live?.close();
  const gap: Gap = {
    reason: reason ?? 'cannot be read',
    ...(newest && { file: newest.name }),
    ...(head && { expected: head }),
    ...(found && { found }),
  };
  const ordinal = Math.max(newest?.ordinal ?? 0, head?.ordinal ?? 0) + 1;
  return { live: resume(options, ordinal, head ?? found, gap.reason), gap, headMissing };
}

/** Finishes a sealed file and makes the one after it. */
export function rotate(sealed: LiveFile, options: RecoverOptions): LiveFile {
  const { chain, ordinal, seq, hash } = sealed.head;
  const sha256 = sealed.finish();
  const previous: Previous = { ordinal, seq, hash, file: sealed.file.name, sha256 };
  const month = [options.month, sealed.file.month].sort().at(-1)!;
  return LiveFile.create(
    options.folder,
    { ordinal: ordinal + 1, month, chain, previous },
    options.open,
    options.sync,
  );
}

function begin(options: RecoverOptions): LiveFile {
  const previous: Previous = { ordinal: 0, seq: 0, hash: GENESIS_HASH.toString('hex') };
  const chain = randomBytes(16).toString('hex');
  const place = { ordinal: 1, month: options.month, chain, previous };
  return LiveFile.create(options.folder, place, options.open, options.sync);
}

function resume(
  options: RecoverOptions,
  ordinal: number,
  head: HeadRecord | undefined,
  gap: string,
): LiveFile {
  const chain = head?.chain ?? randomBytes(16).toString('hex');
  const previous: Previous = {
    ordinal: head?.ordinal ?? 0,
    seq: head?.seq ?? 0,
    hash: head?.hash ?? GENESIS_HASH.toString('hex'),
  };
  const place = { ordinal, month: options.month, chain, previous };
  return LiveFile.create(options.folder, place, { ...options.open, gap }, options.sync);
}

function inspect(
  file: AuditFile,
  head: HeadRecord | undefined,
  sync: 'full' | 'normal',
): { live?: LiveFile; reason?: string } {
  let live: LiveFile | undefined;
  try {
    live = open(file, sync);
    const damage = live.bytes <= CHECK_BYTES ? live.damage() : undefined;
    const reason = damage ?? (head && compare(live, head));
    return reason === undefined ? { live } : { live, reason };
  } catch (cause) {
    live?.close();
    const code = cause instanceof AppError ? cause.code : (sqliteCode(cause) ?? '');
    if (code !== 'E_AUDIT_DAMAGED' && !DAMAGE.test(code)) throw cause;
    return { reason: (cause as Error).message };
  }
}

function open(file: AuditFile, sync: 'full' | 'normal'): LiveFile {
  // A kill between finishing a sealed file and making the next one leaves the newest read-only.
  chmodSync(file.path, 0o600);
  return LiveFile.open(file, sync);
}

function compare(live: LiveFile, head: HeadRecord): string | undefined {
  const found = live.head;
  if (head.chain !== found.chain) return 'it belongs to another chain';
  if (head.ordinal > found.ordinal) return 'a newer file is gone';
  if (head.seq > found.seq) return `it ends at row ${found.seq}, but row ${head.seq} was written`;
  if (head.ordinal === found.ordinal && live.hashAt(head.seq) !== head.hash) {
    return `row ${head.seq} is not the one that was written`;
  }
  return undefined;
}
