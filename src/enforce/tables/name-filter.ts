import type { Pattern } from '../clauses/term.ts';
import type { ClassTable, Mask, Policy } from './tables.ts';

/** RF_FILTER_WORDS. */
const WORDS = 4096;
const LABEL_WORDS = 1024;
/** Bytes of struct rf_bits. */
export const FILTER_BYTES = 8 + 8 * WORDS;

/** RF_FILTER_OF_FILES, RF_FILTER_OF_FOLDERS: whose name it must be. */
const KINDS = { file: 1, folder: 2 } as const;

/** A name that the object of a refusal, or a folder above it, must have. */
export interface NeededName {
  readonly of: keyof typeof KINDS;
  readonly name: string;
}

/**
 * The name that a path must have in it for a pattern to hold; undefined where there is none. The kernel's names of
 * files that have been removed end in another way.
 */
export function neededName({ at, text }: Pattern): NeededName | undefined {
  const parts = text.split('/');
  const last = parts.at(-1) ?? '';
  const rooted = text.startsWith('/');
  const file = (): NeededName | undefined =>
    last === '' || last.endsWith(' (deleted)') ? undefined : { of: 'file', name: last };
  const folder = (name: string | undefined): NeededName | undefined =>
    name ? { of: 'folder', name } : undefined;
  switch (at) {
    case 'exact':
      return rooted ? file() : undefined;
    case 'suffix':
      return parts.length > 1 ? file() : undefined;
    case 'dir':
      return rooted ? folder(last) : undefined;
    case 'prefix':
      return rooted ? folder(parts.at(-2)) : undefined;
    case 'contains':
      return folder(parts.slice(1, -1).find((part) => part !== ''));
  }
}

export interface NamedClauses {
  /** Denying clauses that hold for nothing but objects with such names, or with labels. */
  readonly clauses: Mask;
  readonly names: readonly NeededName[];
  /** Folders are to be looked at, not only the object. */
  readonly folders: boolean;
}

/** What the denying clauses of an operation need by name. A clause that fails closed needs none. */
export function namedClauses(table: ClassTable): NamedClauses {
  const lanes = new Map<string, { clause: number; names: (NeededName | undefined)[] }>();
  for (const { clause, lane, pattern, other } of table.named) {
    if (other || ((table.closed >> BigInt(clause)) & 1n) !== 0n) continue;
    const key = `${clause} ${lane}`;
    const found = lanes.get(key) ?? { clause, names: [] };
    lanes.set(key, found);
    found.names.push(neededName(pattern));
  }
  let clauses: Mask = 0n;
  const names: NeededName[] = [];
  for (const { clause, names: needed } of lanes.values()) {
    const known = needed.filter((name) => name !== undefined);
    const bit = 1n << BigInt(clause);
    if (known.length < needed.length || (clauses & bit) !== 0n) continue;
    clauses |= bit;
    names.push(...known);
  }
  return { clauses, names, folders: names.some((name) => name.of === 'folder') };
}

/** The set of all names that a policy's denying rules need. */
export function nameFilter(policy: Policy): Buffer {
  const names = policy.classes.flatMap((table) => namedClauses(table).names);
  return filterOf(
    names.map(({ of, name }) => {
      const bytes = Buffer.from(name, 'latin1');
      const head = Buffer.alloc(16);
      bytes.copy(head);
      const start = BigInt((bytes.length << 2) | KINDS[of]);
      return mix(mix(start, head.readBigUInt64LE(0)), head.readBigUInt64LE(8));
    }),
  );
}

/** The set of all labelled objects. Always of the same size: it changes while it is read, by whole words. */
export function labelFilter(objects: readonly { readonly dev: number; readonly ino: bigint }[]): Buffer {
  return filterOf(
    objects.map(({ dev, ino }) => mix(BigInt(dev) << 40n, ino)),
    LABEL_WORDS,
  );
}

const WORD = 0xffff_ffff_ffff_ffffn;
const MIX = 0x9e37_79b9_7f4a_7c15n;

function mix(hash: bigint, word: bigint): bigint {
  const product = ((hash ^ word) * MIX) & WORD;
  return product ^ (product >> 29n);
}

/** One member a word, or what there is room for: a small set stays in the processor's cache. */
function filterOf(
  hashes: readonly bigint[],
  words = 2 ** Math.ceil(Math.log2(Math.min(Math.max(hashes.length, 8), WORDS))),
): Buffer {
  const shift = BigInt(64 - Math.log2(words));
  const bytes = Buffer.alloc(FILTER_BYTES);
  bytes.writeBigUInt64LE(shift, 0);
  for (const hash of hashes) {
    const at = 8 + 8 * Number(hash >> shift);
    const member = (1n << (hash & 63n)) | (1n << ((hash >> 6n) & 63n));
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at) | member, at);
  }
  return bytes;
}
