import { accessorName } from './accessor-name.ts';
import { Decoder } from './decode.ts';
import { RF_KIND, STRUCTS } from './layout.gen.ts';
import type { Field, StructLayout } from './layout.ts';
import type { AnyRec, CallRec, ExecRec, ExitRec, ForkRec } from './record.gen.ts';
import { RecordMemory, STR_CUT } from './record-base.ts';

type Getters<T> = {
  -readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? never : K]?: T[K];
};

/** A record as a plain object: accessor names to values, arguments as a list. What is left out is 0 or absent. */
export type RecordSpec =
  | (Omit<Getters<CallRec>, 'kind'> & { kind: 'call'; args?: readonly (number | bigint)[] })
  | (Omit<Getters<ExecRec>, 'kind'> & { kind: 'exec' })
  | (Omit<Getters<ForkRec>, 'kind'> & { kind: 'fork' })
  | (Omit<Getters<ExitRec>, 'kind'> & { kind: 'exit' });

const LAYOUTS: Record<RecordSpec['kind'], { layout: StructLayout; kind: number }> = {
  call: { layout: STRUCTS.rf_call, kind: RF_KIND.CALL },
  exec: { layout: STRUCTS.rf_exec, kind: RF_KIND.EXEC },
  fork: { layout: STRUCTS.rf_fork, kind: RF_KIND.FORK },
  exit: { layout: STRUCTS.rf_exit, kind: RF_KIND.EXIT },
};

/** The bytes of a record as the kernel would write them: for tests, fuzzing and recordings made by hand. */
export function buildRecord(spec: RecordSpec): Buffer {
  const { layout, kind } = LAYOUTS[spec.kind];
  const values = spec as unknown as Readonly<Record<string, unknown>>;
  const out = new Tail(layout.size);
  for (const field of layout.fields) {
    if (field.name === 'h.kind') out.fixed.writeUInt8(kind, field.offset);
    else writeField(out, field, accessorName(field.name), values);
  }
  return out.bytes();
}

/** A record to hand to code that takes one: the accessor over bytes of its own. */
export function recordOf(spec: RecordSpec): AnyRec {
  const bytes = buildRecord(spec);
  const rec = new Decoder().at(RecordMemory.copyOf(bytes), 0, bytes.length);
  if (rec === undefined) throw new Error('buildRecord made a record that does not decode');
  return rec;
}

/** The inverse of buildRecord: the record as a plain object, without members that are 0 or absent. */
export function specOf(rec: AnyRec): RecordSpec {
  const [kind, { layout }] = Object.entries(LAYOUTS).find(([, l]) => l.kind === rec.kind)!;
  const values = rec as unknown as Readonly<Record<string, unknown>>;
  const spec: Record<string, unknown> = { kind };
  for (const field of layout.fields) {
    const name = accessorName(field.name);
    if (field.name === 'h.kind' || /(^|\.)pad$/.test(field.name)) continue;
    if (field.count > 1) {
      const call = rec as CallRec;
      spec[name] = Array.from({ length: field.count }, (_, i) => call.arg(i));
    } else if (values[name] !== undefined && values[name] !== 0 && values[name] !== 0n)
      spec[name] = values[name];
    if (field.type === 'str' && values[`${name}Cut`] === true) spec[`${name}Cut`] = true;
  }
  return spec as unknown as RecordSpec;
}

class Tail {
  readonly fixed: Buffer;
  readonly #strings: Buffer[] = [];
  #end: number;

  constructor(size: number) {
    this.fixed = Buffer.alloc(size);
    this.#end = size;
  }

  add(text: string, cut: boolean, at: number): void {
    const padded = Buffer.alloc((text.length + 8) & ~7);
    padded.write(text, 'latin1');
    if (this.#end + padded.length > 0xffff) throw new RangeError('the strings of a record exceed 64 KiB');
    this.fixed.writeUInt16LE(this.#end, at);
    this.fixed.writeUInt16LE(text.length | (cut ? STR_CUT : 0), at + 2);
    this.#strings.push(padded);
    this.#end += padded.length;
  }

  bytes(): Buffer {
    return Buffer.concat([this.fixed, ...this.#strings]);
  }
}

function writeField(out: Tail, field: Field, name: string, values: Readonly<Record<string, unknown>>): void {
  const value = values[name];
  if (value === undefined) return;
  if (field.type === 'str') out.add(String(value), values[`${name}Cut`] === true, field.offset);
  else if (field.type === 'bytes' || field.type === 'ip')
    out.fixed.write(String(value), field.offset, field.size, 'latin1');
  else if (field.count === 1) writeInt(out.fixed, field.offset, field.size, value as number | bigint);
  else {
    const unit = field.size / field.count;
    (value as readonly (number | bigint)[]).forEach((item, i) => {
      if (i < field.count) writeInt(out.fixed, field.offset + i * unit, unit, item);
    });
  }
}

function writeInt(target: Buffer, offset: number, size: number, value: number | bigint): void {
  if (size === 8) target.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), offset);
  else target.writeUIntLE(Number(BigInt.asUintN(size * 8, BigInt(value))), offset, size);
}
