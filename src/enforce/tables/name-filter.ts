import { DELETED } from '../../engine/enrich/paths.ts';
import { RF_LIMIT, STRUCTS } from '../../sensors/record/layout.gen.ts';
import { offsetsOf } from '../../sensors/record/layout.ts';
import type { Intervals } from '../clauses/sets.ts';
import type { Pattern } from '../clauses/term.ts';
import type { ClassTable, Mask, Policy } from './tables.ts';

const BITS = offsetsOf(STRUCTS.rf_bits);
const WORDS = RF_LIMIT.FILTER_WORDS;
const LABEL_WORDS = 4096;

/** RF_FILTER_OF_FILES, RF_FILTER_OF_FOLDERS: whose name it must be; or, RF_FILTER_ENDS_*, how its name must end. */
const KINDS = { file: 1, folder: 2, fileEnd: 3, folderEnd: 4 } as const;
/** RF_FILTER_OF_ADDRESSES. */
const ADDRESS = 5n;
/** So many addresses of an operation are named one by one; networks and longer lists are looked up. */
const ADDRESSES_MAX = 16_384;
/** RF_FILTER_ALONE. */
const ALONE = 1n;
/** Last bytes of a name that are looked at, and how many lengths of them. */
const END_MAX = 8;
const END_LENGTHS = 4;

/** A name, or the end of one, that the object of a refusal, or a folder above it, must have. */
export interface NeededName {
  readonly of: keyof typeof KINDS;
  readonly name: string;
  /** Of a file: the name of the folder that it must lie in. */
  readonly folder?: string;
}

/** The name that a path must have in it for a pattern to hold; undefined where there is none. */
export function neededName({ at, text }: Pattern): NeededName | undefined {
  const parts = text.split('/');
  const last = parts.at(-1) ?? '';
  const rooted = text.startsWith('/');
  const file = (): NeededName | undefined => {
    if (last === '' || last.endsWith(DELETED)) return undefined;
    const folder = parts.length > 2 ? parts.at(-2) : undefined;
    return { of: 'file', name: last, ...(folder ? { folder } : {}) };
  };
  const folder = (name: string | undefined): NeededName | undefined =>
    name ? { of: 'folder', name } : undefined;
  switch (at) {
    case 'exact':
      return rooted ? file() : undefined;
    case 'suffix':
      if (parts.length > 1) return file();
      return text === '' || text.endsWith(DELETED) || DELETED.endsWith(text)
        ? undefined
        : { of: 'fileEnd', name: text };
    case 'dir':
      return rooted ? folder(last) : undefined;
    case 'prefix':
      return rooted ? folder(parts.at(-2)) : undefined;
    case 'contains': {
      const whole = folder(parts.slice(1, -1).find((part) => part !== ''));
      if (whole !== undefined || parts.length < 2 || parts[0] === '') return whole;
      return { of: 'folderEnd', name: parts[0] as string };
    }
  }
}

export interface NamedClauses {
  /** Denying clauses that hold for nothing but objects with such names, or with labels. */
  readonly clauses: Mask;
  readonly names: readonly NeededName[];
  /** IPv4 addresses of which such an operation must have one. */
  readonly addresses: readonly number[];
  /** Folders are to be looked at, not only the object. */
  readonly folders: boolean;
  /** How many last bytes of names are looked at, as the kernel has it: a length in each byte. */
  readonly fileEnds: number;
  readonly folderEnds: number;
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
  const { bits, addresses } = namedAddresses(table);
  return {
    clauses: clauses | bits,
    names,
    addresses,
    folders: names.some(({ of }) => of === 'folder' || of === 'folderEnd'),
    fileEnds: packLengths(endLengths(names, 'fileEnd')),
    folderEnds: packLengths(endLengths(names, 'folderEnd')),
  };
}

/** The clauses that need one of a few addresses, shorter lists first. */
function namedAddresses(table: ClassTable): { bits: Mask; addresses: readonly number[] } {
  const size = (set: Intervals): number => set.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const open = [...table.addressed].filter(([clause]) => ((table.closed >> BigInt(clause)) & 1n) === 0n);
  let bits: Mask = 0n;
  const addresses: number[] = [];
  for (const [clause, set] of open.sort((a, b) => size(a[1]) - size(b[1]))) {
    if (addresses.length + size(set) > ADDRESSES_MAX) break;
    bits |= 1n << BigInt(clause);
    for (const [from, to] of set) for (let address = from; address <= to; address++) addresses.push(address);
  }
  return { bits, addresses };
}

/** Lengths of ends, longest first: each end has one of them at most as long as itself. */
function endLengths(names: readonly NeededName[], of: 'fileEnd' | 'folderEnd'): number[] {
  const all = new Set(names.filter((n) => n.of === of).map(({ name }) => Math.min(name.length, END_MAX)));
  return [...all]
    .sort((a, b) => a - b)
    .slice(0, END_LENGTHS)
    .reverse();
}

/** All bytes are used: the kernel looks at each. */
function packLengths(lengths: readonly number[]): number {
  const bytes = Array.from({ length: END_LENGTHS }, (_, i) => lengths[i] ?? lengths[0] ?? 0);
  return bytes.reduce((word, length, i) => word + length * 2 ** (8 * i), 0);
}

/** The set of all names that a policy's denying rules need. */
export function nameFilter(policy: Policy): Buffer {
  return filterOf(
    policy.classes.flatMap((table) => {
      const { names, addresses } = namedClauses(table);
      const lengths = { fileEnd: endLengths(names, 'fileEnd'), folderEnd: endLengths(names, 'folderEnd') };
      const ofNames = names.flatMap(({ of, name, folder }): bigint[] => {
        if (of === 'folder') return [nameHash('folder', name)];
        if (of === 'file') {
          const own = nameHash('file', name);
          return [own, mix(own, folder === undefined ? ALONE : nameHash('folder', folder))];
        }
        const length = lengths[of].find((n) => n <= name.length) as number; // the shortest is always there
        return [endHash(of, name.slice(-length))];
      });
      return [...ofNames, ...addresses.map((address) => mix(ADDRESS, BigInt(address)))];
    }),
  );
}

function nameHash(kind: 'file' | 'folder', name: string): bigint {
  const head = Buffer.alloc(16);
  head.write(name, 'latin1');
  const start = BigInt((name.length << 3) | KINDS[kind]);
  return mix(mix(start, head.readBigUInt64LE(0)), head.readBigUInt64LE(8));
}

function endHash(kind: 'fileEnd' | 'folderEnd', end: string): bigint {
  const word = Buffer.alloc(8);
  word.write(end, 'latin1');
  return mix(BigInt((end.length << 3) | KINDS[kind]), word.readBigUInt64LE(0));
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
  const bytes = Buffer.alloc(STRUCTS.rf_bits.size);
  bytes.writeBigUInt64LE(shift, BITS.shift);
  for (const hash of hashes) {
    const at = BITS.w + 8 * Number(hash >> shift);
    const member = (1n << (hash & 63n)) | (1n << ((hash >> 6n) & 63n));
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at) | member, at);
  }
  return bytes;
}
