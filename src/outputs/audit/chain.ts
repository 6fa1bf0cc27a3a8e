import { createHash } from 'node:crypto';

/** Separates these hashes from any other use of SHA-256; the number changes with the row's layout. */
const ROW_TAG = 'ringfence.audit.row.v1\0';

/** What stands before the first row of all. */
export const GENESIS_HASH: Buffer = Buffer.alloc(32);

/** The part of a row that its hash covers. */
export interface ChainedRow {
  readonly seq: number;
  readonly timeNs: bigint;
  readonly kind: string;
  readonly uuid: string;
  /** Canonical JSON, exactly as stored. */
  readonly body: string;
}

/**
 * SHA-256 over the previous row's hash, the domain tag and the row: the four short columns a line each, then the body.
 * None of the four can contain a newline (the table's CHECKs see to that), so no two rows have the same text.
 */
export function rowHash(previous: Buffer, row: ChainedRow): Buffer {
  return createHash('sha256')
    .update(previous)
    .update(`${ROW_TAG}${row.seq}\n${row.timeNs}\n${row.kind}\n${row.uuid}\n${row.body}`)
    .digest();
}
