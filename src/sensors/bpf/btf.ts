/**
 * A reader for BTF, the type information of BPF objects and of the kernel: as much of it as the record layout
 * needs (integers, arrays, structs, unions, enums, typedefs, declaration tags, variables in sections).
 */

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** In bytes; bit fields are not used in records. */
  readonly offset: number;
  readonly tags: string[];
}

export type BtfType =
  | { readonly kind: 'int'; readonly name: string; readonly size: number; readonly signed: boolean }
  | { readonly kind: 'array'; readonly elem: number; readonly count: number }
  | { readonly kind: 'struct'; readonly name: string; readonly size: number; readonly members: BtfMember[] }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly size: number;
      readonly values: [string, number][];
    }
  | { readonly kind: 'alias'; readonly name: string; readonly type: number }
  | { readonly kind: 'section'; readonly name: string; readonly vars: BtfVar[] }
  | { readonly kind: 'other'; readonly name: string };

/** A global variable's place in its section. */
export interface BtfVar {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

const KIND = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  funcProto: 13,
  var: 14,
  section: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

const MAGIC = 0xeb9f;

/** The content of one section of a little-endian 64-bit ELF file; undefined if there is none of this name. */
export function elfSection(elf: Buffer, name: string): Buffer | undefined {
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1) {
    throw new Error('not a 64-bit little-endian ELF file');
  }
  const table = Number(elf.readBigUInt64LE(0x28));
  const count = elf.readUInt16LE(0x3c);
  const names = elf.readUInt16LE(0x3e);
  const header = (index: number): { name: number; offset: number; size: number } => {
    const at = table + index * 64;
    return {
      name: elf.readUInt32LE(at),
      offset: Number(elf.readBigUInt64LE(at + 0x18)),
      size: Number(elf.readBigUInt64LE(at + 0x20)),
    };
  };
  const strings = header(names);
  for (let i = 0; i < count; i++) {
    const section = header(i);
    const start = strings.offset + section.name;
    if (elf.toString('latin1', start, elf.indexOf(0, start)) === name) {
      return elf.subarray(section.offset, section.offset + section.size);
    }
  }
  return undefined;
}

/** BTF decoded once; types are numbered from 1 as in the file. */
export class Btf {
  readonly types: readonly BtfType[];

  constructor(data: Buffer) {
    if (data.length < 24 || data.readUInt16LE(0) !== MAGIC) throw new Error('not BTF data');
    const header = data.readUInt32LE(4);
    const types = data.subarray(header + data.readUInt32LE(8)).subarray(0, data.readUInt32LE(12));
    const strings = data.subarray(header + data.readUInt32LE(16));
    this.types = readTypes(types, (at) => strings.toString('latin1', at, strings.indexOf(0, at)));
  }

  /** Reads the BTF of a compiled object. */
  static ofObject(elf: Buffer): Btf {
    const section = elfSection(elf, '.BTF');
    if (section === undefined) throw new Error('the object has no .BTF section');
    return new Btf(section);
  }

  /** The type behind typedefs and qualifiers. */
  resolve(id: number): BtfType {
    let type = this.types[id];
    while (type?.kind === 'alias') type = this.types[type.type];
    return type ?? { kind: 'other', name: 'void' };
  }

  sizeOf(id: number): number {
    const type = this.resolve(id);
    if (type.kind === 'array') return type.count * this.sizeOf(type.elem);
    return 'size' in type ? type.size : 8;
  }

  /** Variables of a section such as `.bss` or `.rodata`. */
  section(name: string): readonly BtfVar[] {
    for (const type of this.types) if (type.kind === 'section' && type.name === name) return type.vars;
    return [];
  }
}

/** Bytes that follow the 12-byte header, by kind. */
function extraSize(kind: number, vlen: number): number {
  switch (kind) {
    case KIND.int:
    case KIND.var:
    case KIND.declTag:
      return 4;
    case KIND.array:
      return 12;
    case KIND.struct:
    case KIND.union:
    case KIND.section:
    case KIND.enum64:
      return vlen * 12;
    case KIND.enum:
    case KIND.funcProto:
      return vlen * 8;
    default:
      return 0;
  }
}

function readTypes(data: Buffer, text: (offset: number) => string): BtfType[] {
  const types: BtfType[] = [{ kind: 'other', name: 'void' }];
  const vars = new Map<number, string>();
  const tags: { tag: string; type: number; member: number }[] = [];
  for (let at = 0; at + 12 <= data.length; ) {
    const name = text(data.readUInt32LE(at));
    const info = data.readUInt32LE(at + 4);
    const size = data.readUInt32LE(at + 8);
    const kind = (info >>> 24) & 0x1f;
    const vlen = info & 0xffff;
    const body = at + 12;
    if (kind === KIND.var) vars.set(types.length, name);
    if (kind === KIND.declTag) tags.push({ tag: name, type: size, member: data.readInt32LE(body) });
    types.push(readType(data, { kind, name, size, vlen, body, bits: info >>> 31 === 0 }, text, vars));
    at = body + extraSize(kind, vlen);
  }
  for (const { tag, type, member } of tags) {
    const owner = types[type];
    if (owner?.kind === 'struct') owner.members[member]?.tags.push(tag);
  }
  return types;
}

interface TypeHead {
  readonly kind: number;
  readonly name: string;
  /** Size or referenced type, depending on the kind. */
  readonly size: number;
  readonly vlen: number;
  readonly body: number;
  /** Member offsets are plain bit offsets (kind_flag clear). */
  readonly bits: boolean;
}

function readType(
  data: Buffer,
  head: TypeHead,
  text: (offset: number) => string,
  vars: ReadonlyMap<number, string>,
): BtfType {
  const { kind, name, size, vlen, body } = head;
  switch (kind) {
    case KIND.int:
      return { kind: 'int', name, size, signed: ((data.readUInt32LE(body) >>> 24) & 1) === 1 };
    case KIND.array:
      return { kind: 'array', elem: data.readUInt32LE(body), count: data.readUInt32LE(body + 8) };
    case KIND.struct:
    case KIND.union: {
      const members = Array.from({ length: vlen }, (_, i): BtfMember => {
        const at = body + i * 12;
        const bits = data.readUInt32LE(at + 8);
        return {
          name: text(data.readUInt32LE(at)),
          type: data.readUInt32LE(at + 4),
          offset: (head.bits ? bits : bits & 0xffffff) >>> 3,
          tags: [],
        };
      });
      return { kind: 'struct', name, size, members };
    }
    case KIND.enum:
      return {
        kind: 'enum',
        name,
        size,
        values: Array.from({ length: vlen }, (_, i) => [
          text(data.readUInt32LE(body + i * 8)),
          data.readInt32LE(body + i * 8 + 4),
        ]),
      };
    case KIND.section:
      return {
        kind: 'section',
        name,
        vars: Array.from({ length: vlen }, (_, i) => {
          const at = body + i * 12;
          const type = data.readUInt32LE(at);
          return {
            name: vars.get(type) ?? '',
            type,
            offset: data.readUInt32LE(at + 4),
            size: data.readUInt32LE(at + 8),
          };
        }),
      };
    case KIND.typedef:
    case KIND.volatile:
    case KIND.const:
    case KIND.restrict:
    case KIND.typeTag:
    case KIND.var:
      return { kind: 'alias', name, type: size };
    default:
      return { kind: 'other', name };
  }
}
