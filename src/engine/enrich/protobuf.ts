/** As much of protobuf's wire format as the answers of container runtimes need. */

export type WireValue = bigint | Buffer;

/** Fields of one message by number, in the order of their coming. */
export type Message = ReadonlyMap<number, readonly WireValue[]>;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Takes a message apart. Throws a RangeError for bytes that are not one. */
export function decodeMessage(data: Buffer): Message {
  const fields = new Map<number, WireValue[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = data[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a number of the message does not end');
  };
  const take = (length: number): Buffer => {
    if (length < 0 || at + length > data.length) throw new RangeError('the message is cut');
    at += length;
    return data.subarray(at - length, at);
  };
  while (at < data.length) {
    const key = Number(varint() & 0xffffffffn);
    const value = readValue(key & 7, varint, take);
    const list = fields.get(key >>> 3);
    if (list === undefined) fields.set(key >>> 3, [value]);
    else list.push(value);
  }
  return fields;
}

function readValue(wire: number, varint: () => bigint, take: (length: number) => Buffer): WireValue {
  switch (wire) {
    case VARINT:
      return varint();
    case FIXED64:
      return take(8).readBigUInt64LE();
    case BYTES:
      return take(Number(varint()));
    case FIXED32:
      return BigInt(take(4).readUInt32LE());
    default:
      throw new RangeError(`wire type ${wire} is not known`);
  }
}

/** The last value of a field as a message; an empty one when it is not there. */
export function subMessage(message: Message, field: number): Message {
  const value = message.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? decodeMessage(value) : new Map();
}

export function subMessages(message: Message, field: number): Message[] {
  return (message.get(field) ?? [])
    .filter((value) => Buffer.isBuffer(value))
    .map((value) => decodeMessage(value));
}

/** The last value of a field as a byte string; "" when it is not there. */
export function text(message: Message, field: number): string {
  const value = message.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? value.toString('latin1') : '';
}

export function number(message: Message, field: number): number {
  const value = message.get(field)?.at(-1);
  return typeof value === 'bigint' ? Number(value) : 0;
}

/** A map<string, string>. */
export function stringMap(message: Message, field: number): Map<string, string> {
  return new Map(subMessages(message, field).map((entry) => [text(entry, 1), text(entry, 2)]));
}

function varintBytes(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    out.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
  return Buffer.from(out);
}

/** A field of text or of a nested message. */
export function bytesField(field: number, value: string | Buffer): Buffer {
  const data = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
  return Buffer.concat([varintBytes(field * 8 + BYTES), varintBytes(data.length), data]);
}

/** A field with a number or a truth value. */
export function numberField(field: number, value: number): Buffer {
  return Buffer.concat([varintBytes(field * 8 + VARINT), varintBytes(value)]);
}
