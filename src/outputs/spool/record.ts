import { crc32 } from 'node:zlib';

/** A record: length and CRC-32 of the payload (little endian, 4 bytes each), then the payload. */
const HEADER = 8;
const MAX_PAYLOAD = 16 * 1024 * 1024;

/** The bytes of one record. */
export function encodeRecord(payload: string): Buffer {
  const size = Buffer.byteLength(payload);
  const record = Buffer.allocUnsafe(HEADER + size);
  record.write(payload, HEADER);
  record.writeUInt32LE(size, 0);
  record.writeUInt32LE(crc32(record.subarray(HEADER)), 4);
  return record;
}

export type Parsed =
  /** `payload` is undefined if its checksum is wrong: the record is skipped. */
  | { readonly kind: 'record'; readonly payload: string | undefined; readonly size: number }
  /** The bytes end within a record; it needs so many. */
  | { readonly kind: 'partial'; readonly need: number }
  /** The length cannot be true: nothing after it can be found. */
  | { readonly kind: 'lost' };

/** Reads the record at an offset. */
export function parseRecord(bytes: Buffer, offset: number): Parsed {
  if (bytes.length - offset < HEADER) return { kind: 'partial', need: HEADER };
  const length = bytes.readUInt32LE(offset);
  if (length === 0 || length > MAX_PAYLOAD) return { kind: 'lost' };
  const size = HEADER + length;
  if (bytes.length - offset < size) return { kind: 'partial', need: size };
  const payload = bytes.subarray(offset + HEADER, offset + size);
  const intact = crc32(payload) === bytes.readUInt32LE(offset + 4);
  return { kind: 'record', payload: intact ? payload.toString('utf8') : undefined, size };
}
