import fs from 'node:fs';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const MAGIC = 0xeb9f;
const HEADER = 12;

/** Kinds of types that are looked for (include/uapi/linux/btf.h). */
export const BTF_KIND = { typedef: 8, func: 12 } as const;

/** Bytes behind the header of a type, by kind: fixed, and for each of its `vlen` members. */
const EXTRA: readonly (readonly [number, number])[] = [
  [0, 0],
  [4, 0], // int
  [0, 0], // ptr
  [12, 0], // array
  [0, 12], // struct
  [0, 12], // union
  [0, 8], // enum
  [0, 0], // fwd
  [0, 0], // typedef
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // func
  [0, 8], // func_proto
  [4, 0], // var
  [0, 12], // datasec
  [0, 0], // float
  [4, 0], // decl_tag
  [0, 0], // type_tag
  [0, 12], // enum64
];

/** A function that programs can be attached to. */
export interface KernelFunction {
  /** BTF type id. */
  readonly id: number;
  /** Type id of its prototype: equal for functions with equal parameters. */
  readonly prototype: number;
}

/**
 * The functions of the running kernel whose names pass, from its BTF. One pass over the bytes: the kernel has a
 * hundred thousand types, of which a few hundred are wanted.
 */
export function kernelFunctions(
  wanted: (name: string) => boolean,
  btf: Buffer = fs.readFileSync(VMLINUX),
): Map<string, KernelFunction> {
  const found = new Map<string, KernelFunction>();
  if (btf.readUInt16LE(0) !== MAGIC) throw new Error('not BTF');
  const start = btf.readUInt32LE(4);
  let at = start + btf.readUInt32LE(8);
  const end = at + btf.readUInt32LE(12);
  const strings = start + btf.readUInt32LE(16);
  for (let id = 1; at < end; id++) {
    const info = btf.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 31;
    const extra = EXTRA[kind];
    if (extra === undefined) throw new Error(`BTF kind ${kind} is not known`);
    if (kind === BTF_KIND.func) {
      const from = strings + btf.readUInt32LE(at);
      const name = btf.toString('latin1', from, btf.indexOf(0, from));
      if (wanted(name) && !found.has(name)) found.set(name, { id, prototype: btf.readUInt32LE(at + 8) });
    }
    at += HEADER + extra[0] + extra[1] * (info & 0xffff);
  }
  return found;
}
