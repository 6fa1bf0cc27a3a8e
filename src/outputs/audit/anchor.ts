import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { AppError } from '../../engine/core/diagnostic.ts';
import { parseAnchor } from './anchor-lines.ts';
import { type Head, type SigningKey, signHead } from './keys.ts';

/** A published head: whoever keeps one can later tell that everything up to it is as it was. */
export interface Anchor extends Head {
  readonly v: 1;
  readonly host: string;
  /** RFC 3339. */
  readonly time: string;
  readonly key?: string;
  /** Ed25519 over chain, seq and hash; base64. */
  readonly signature?: string;
}

/** Makes the anchor of a head. */
export function makeAnchor(
  head: Head,
  at: { readonly host: string; readonly time: string },
  key?: SigningKey,
): Anchor {
  const { chain, seq, hash } = head;
  const signed = key && { key: key.id, signature: signHead(key, head) };
  return { v: 1, host: at.host, time: at.time, chain, seq, hash, ...signed };
}

/** Appends an anchor to a file as a line and syncs it. */
export function appendAnchor(path: string, anchor: Anchor): void {
  const fd = openSync(path, 'a', 0o600);
  try {
    const { size } = fstatSync(fd);
    try {
      writeFileSync(fd, `${JSON.stringify(anchor)}\n`);
    } catch (cause) {
      // Half a line would spoil the next one.
      ftruncateSync(fd, size);
      throw cause;
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Reads anchors, one a line; lines that hold none are passed over. */
export function readAnchors(path: string): Anchor[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new AppError('E_AUDIT_ANCHORS', `cannot read anchors from ${path}: ${code}`, { cause });
  }
  return text.split('\n').flatMap((line) => {
    const anchor = parseAnchor(line);
    return anchor ? [anchor] : [];
  });
}
