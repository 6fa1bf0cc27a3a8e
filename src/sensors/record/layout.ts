import { createHash } from 'node:crypto';
import type { Btf, BtfMember } from '../bpf/btf.ts';

/**
 * How a member is read: an integer by width and sign, `wide` and `big` for 64 bits (see event.h), `str` for a
 * struct rf_str, `bytes` for a fixed array of bytes, `ip` for an address, `struct` for a long array of structs.
 */
export type MemberType =
  | 'u8'
  | 'i8'
  | 'u16'
  | 'i16'
  | 'u32'
  | 'i32'
  | 'u64'
  | 'i64'
  | 'wide'
  | 'big'
  | 'str'
  | 'bytes'
  | 'ip'
  | 'struct';

/** One member, nested structs flattened: `fd.path`, `h.pid`, `path[0]`. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly type: MemberType;
  /** Number of elements for arrays of integers; 1 otherwise. */
  readonly count: number;
}

export interface StructLayout {
  readonly size: number;
  readonly fields: readonly Field[];
}

export interface Layout {
  readonly structs: Readonly<Record<string, StructLayout>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What kernel and user space share; other structs are the kernel side's own business. */
const SHARED_STRUCTS = new Set([
  'rf_call',
  'rf_bits',
  'rf_capture',
  'rf_class',
  'rf_control',
  'rf_exec',
  'rf_exit',
  'rf_fd',
  'rf_first',
  'rf_fork',
  'rf_guard',
  'rf_hdr',
  'rf_intervals',
  'rf_mask',
  'rf_matcher',
  'rf_output',
  'rf_policy',
  'rf_ring_ctl',
  'rf_str',
]);
const OUR_ENUMS = /^rf_/;
/** Longer arrays of structs are one member. */
const MAX_FLAT = 4;

/** The layout of all our structs and enums in an object's BTF. */
export function readLayout(btf: Btf): Layout {
  const structs: Record<string, StructLayout> = {};
  const enums: Record<string, Record<string, number>> = {};
  for (const type of btf.types) {
    if (type.kind === 'enum' && OUR_ENUMS.test(type.name)) enums[type.name] = Object.fromEntries(type.values);
    if (type.kind !== 'struct' || !SHARED_STRUCTS.has(type.name)) continue;
    structs[type.name] = { size: type.size, fields: type.members.flatMap((m) => flatten(btf, m, '', 0)) };
  }
  return { structs: sorted(structs), enums: sorted(enums) };
}

/** A short hash over everything in the layout: equal hashes mean that records are read right. */
export function abiHash(layout: Layout): string {
  return createHash('sha256').update(JSON.stringify(layout)).digest('hex').slice(0, 16);
}

/** Where each member of a struct stands: a name that it has not does not compile. */
export function offsetsOf<F extends Field>(struct: {
  readonly fields: readonly F[];
}): Readonly<Record<F['name'], number>> {
  return Object.fromEntries(struct.fields.map(({ name, offset }) => [name, offset])) as Record<
    F['name'],
    number
  >;
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function flatten(btf: Btf, member: BtfMember, prefix: string, base: number): Field[] {
  const name = prefix + member.name;
  const offset = base + member.offset;
  const type = btf.resolve(member.type);
  if (type.kind === 'struct') {
    if (type.name === 'rf_str') return [{ name, offset, size: 4, type: 'str', count: 1 }];
    return type.members.flatMap((m) => flatten(btf, m, `${name}.`, offset));
  }
  if (type.kind !== 'array') return [{ name, offset, ...scalar(btf, member.type, member.tags), count: 1 }];
  const elem = btf.resolve(type.elem);
  if (elem.kind === 'struct' && type.count > MAX_FLAT) {
    return [{ name, offset, size: btf.sizeOf(member.type), type: 'struct', count: type.count }];
  }
  if (elem.kind === 'struct') {
    const size = btf.sizeOf(type.elem);
    return Array.from({ length: type.count }, (_, i) => i).flatMap((i) =>
      flatten(
        btf,
        { name: `${member.name}[${i}]`, type: type.elem, offset: member.offset + i * size, tags: [] },
        prefix,
        base,
      ),
    );
  }
  const unit = scalar(btf, type.elem, member.tags);
  if (member.tags.includes('ip')) return [{ name, offset, size: type.count, type: 'ip', count: 1 }];
  if (unit.type === 'u8') return [{ name, offset, size: type.count, type: 'bytes', count: 1 }];
  return [{ name, offset, size: unit.size * type.count, type: unit.type, count: type.count }];
}

function scalar(btf: Btf, id: number, tags: readonly string[]): { size: number; type: MemberType } {
  const type = btf.resolve(id);
  if (type.kind === 'enum') return { size: type.size, type: type.size === 4 ? 'u32' : 'u8' };
  if (type.kind !== 'int') throw new Error(`member of unsupported type (${type.kind})`);
  if (type.size === 8 && tags.includes('big')) return { size: 8, type: 'big' };
  if (type.size === 8 && tags.includes('wide')) return { size: 8, type: 'wide' };
  return { size: type.size, type: `${type.signed ? 'i' : 'u'}${type.size * 8}` as MemberType };
}
