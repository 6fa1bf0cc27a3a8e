import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Head } from './keys.ts';

/** Where the chain ends, kept beside the databases. */
export interface HeadRecord extends Head {
  readonly ordinal: number;
  /** SHA-256 of the newest file; only after an orderly end, until it is opened again. */
  readonly sha256?: string | undefined;
}

const NAME = 'audit.head';
const SIZE = 512;

/**
 * A small file that follows the head of the chain. A database that is cut off at its end (or loses its WAL) is still
 * a perfect shorter chain: only something outside it can tell. It is written after each commit and not synced, so it
 * can lag behind the database after a power failure but never run ahead of it.
 */
export class HeadFile {
  readonly #path: string;
  #fd: number;

  constructor(folder: string) {
    this.#path = join(folder, NAME);
    this.#fd = openSync(this.#path, 'a+', 0o600);
    closeSync(this.#fd);
    this.#fd = openSync(this.#path, 'r+');
  }

  /** Replaces the record with one write, so that a kill leaves the old or the new one. */
  write(record: HeadRecord): void {
    if (fstatSync(this.#fd).nlink === 0) {
      closeSync(this.#fd);
      this.#fd = openSync(this.#path, 'w', 0o600);
    }
    writeSync(this.#fd, encode(record), 0, SIZE, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** The record in a folder; undefined if there is none or it is damaged. */
export function readHead(folder: string): HeadRecord | undefined {
  try {
    const [text = '', check] = readFileSync(join(folder, NAME), 'utf8').trimEnd().split(' ');
    return check === digest(text) ? (JSON.parse(text) as HeadRecord) : undefined;
  } catch {
    return undefined;
  }
}

function encode(record: HeadRecord): Buffer {
  const { chain, ordinal, seq, hash, sha256 } = record;
  const text = JSON.stringify({ chain, ordinal, seq, hash, sha256 });
  return Buffer.from(`${`${text} ${digest(text)}`.padEnd(SIZE - 1)}\n`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
