/**
 * What the generated record classes stand on: views over the memory that holds records, and a flyweight that is
 * moved from record to record. Nothing is copied until a string is asked for.
 */

/** Node's Buffer method that its types leave out: the fastest way from bytes to a latin1 string. */
interface ByteBuffer extends Uint8Array {
  latin1Slice(start: number, end: number): string;
}

/** Views over one memory. Records start at multiples of 8 in it. */
export class RecordMemory {
  readonly bytes: ByteBuffer;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly u64: BigUint64Array;

  constructor(memory: ArrayBuffer) {
    this.bytes = Buffer.from(memory) as unknown as ByteBuffer;
    this.u16 = new Uint16Array(memory);
    this.u32 = new Uint32Array(memory);
    this.i32 = new Int32Array(memory);
    this.u64 = new BigUint64Array(memory, 0, memory.byteLength >>> 3);
  }

  /** Records that do not live in the ring (recordings, tests): copied to aligned memory of their own. */
  static copyOf(record: Uint8Array): RecordMemory {
    const memory = new ArrayBuffer((record.length + 7) & ~7);
    new Uint8Array(memory).set(record);
    return new RecordMemory(memory);
  }

  get size(): number {
    return this.bytes.length;
  }
}

export const NO_MEMORY = new RecordMemory(new ArrayBuffer(8));

/** len & 0x7fff are the bytes present; this bit says that the kernel had more. */
export const STR_CUT = 0x8000;

const TWO32 = 4294967296;
const SAFE_HIGH = 0x200000;

/**
 * A flyweight over one record. Valid only while the memory holds the record: in a ring, until the batch ends.
 * The record's struct lies within the memory (checked by `decode`); strings are checked one by one.
 */
export abstract class RecordView {
  protected mem: RecordMemory = NO_MEMORY;
  /** Byte offset of the record in the memory. */
  protected at = 0;
  protected length = 0;

  /** Moves to a record. The caller has checked that `length` covers the struct and lies in the memory. */
  moveTo(mem: RecordMemory, at: number, length: number): void {
    this.mem = mem;
    this.at = at;
    this.length = length;
  }

  /** The record's bytes, in the memory: copy them to keep them. */
  bytes(): Uint8Array {
    return this.mem.bytes.subarray(this.at, this.at + this.length);
  }

  protected readU8(offset: number): number {
    return this.mem.bytes[this.at + offset]!;
  }

  protected readU16(offset: number): number {
    return this.mem.u16[(this.at + offset) >>> 1]!;
  }

  protected readU32(offset: number): number {
    return this.mem.u32[(this.at + offset) >>> 2]!;
  }

  protected readI32(offset: number): number {
    return this.mem.i32[(this.at + offset) >>> 2]!;
  }

  /** For members that stay below 2^53 by nature. */
  protected readU64(offset: number): number {
    const index = (this.at + offset) >>> 2;
    return this.mem.u32[index + 1]! * TWO32 + this.mem.u32[index]!;
  }

  protected readI64(offset: number): number {
    const index = (this.at + offset) >>> 2;
    return this.mem.i32[index + 1]! * TWO32 + this.mem.u32[index]!;
  }

  protected readBig(offset: number): bigint {
    return this.mem.u64[(this.at + offset) >>> 3]!;
  }

  protected readWide(offset: number): number | bigint {
    return this.mem.u32[((this.at + offset) >>> 2) + 1]! < SAFE_HIGH
      ? this.readU64(offset)
      : this.readBig(offset);
  }

  /** A string of the tail; undefined when absent or when it does not lie within the record. */
  protected readStr(offset: number): string | undefined {
    const index = (this.at + offset) >>> 1;
    const start = this.mem.u16[index]!;
    if (start === 0) return undefined;
    const end = start + (this.mem.u16[index + 1]! & 0x7fff);
    if (end > this.length) return undefined;
    if (end - start >= LONG) return longText(this.mem.bytes, this.at + start, this.at + end);
    return this.mem.bytes.latin1Slice(this.at + start, this.at + end);
  }

  protected readCut(offset: number): boolean {
    return (this.mem.u16[((this.at + offset) >>> 1) + 1]! & STR_CUT) !== 0;
  }

  /** A fixed field of text, up to its NUL. */
  protected readText(offset: number, size: number): string {
    const from = this.at + offset;
    let end = from;
    while (end < from + size && this.mem.bytes[end] !== 0) end++;
    return this.mem.bytes.latin1Slice(from, end);
  }

  /** An address, 4 bytes for IPv4 and 16 for IPv6; undefined for an object that has none. */
  protected readIp(offset: number, size: number): string | undefined {
    if (size === 0) return undefined;
    return this.mem.bytes.latin1Slice(this.at + offset, this.at + offset + size);
  }

  /** Task names: few and asked for often, so that equal ones share one string object. */
  protected readComm(offset: number): string {
    const u32 = this.mem.u32;
    const i = (this.at + offset) >>> 2;
    const a = u32[i]!;
    const b = u32[i + 1]!;
    const c = u32[i + 2]!;
    const d = u32[i + 3]!;
    const slot =
      (Math.imul(a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b) ^ d, 0xc2b2ae35) >>> 20) & COMM_MASK;
    const k = slot * 4;
    if (COMM_KEYS[k] === a && COMM_KEYS[k + 1] === b && COMM_KEYS[k + 2] === c && COMM_KEYS[k + 3] === d) {
      const known = COMM_TEXT[slot];
      if (known !== undefined) return known;
    }
    const text = this.readText(offset, 16);
    COMM_KEYS[k] = a;
    COMM_KEYS[k + 1] = b;
    COMM_KEYS[k + 2] = c;
    COMM_KEYS[k + 3] = d;
    COMM_TEXT[slot] = text;
    return text;
  }
}

const COMM_MASK = 4095;
const COMM_KEYS = new Uint32Array((COMM_MASK + 1) * 4);
const COMM_TEXT: (string | undefined)[] = new Array(COMM_MASK + 1).fill(undefined);

/** From here on it is cheaper to see that a text came before than to make it again. */
const LONG = 256;
const LONG_MASK = 7;
const LONG_BYTES: Buffer[] = Array.from({ length: LONG_MASK + 1 }, () => Buffer.alloc(0));
const LONG_TEXT: string[] = new Array(LONG_MASK + 1).fill('');

/** Long texts are mostly environments, the same from exec to exec: equal ones share one string object. */
function longText(bytes: ByteBuffer, start: number, end: number): string {
  const slot = (end - start) & LONG_MASK;
  const known = LONG_BYTES[slot]!;
  const length = LONG_TEXT[slot]!.length;
  if (length === end - start && known.compare(bytes, start, end, 0, length) === 0) return LONG_TEXT[slot]!;
  const text = bytes.latin1Slice(start, end);
  const room = known.length < end - start ? Buffer.alloc((end - start) * 2) : known;
  room.set(bytes.subarray(start, end));
  LONG_BYTES[slot] = room;
  LONG_TEXT[slot] = text;
  return text;
}
