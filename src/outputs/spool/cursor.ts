import { constants, type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** A place in the spool: segment number and byte. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

const SIZE = 20;

/** The place up to which everything was delivered: 20 bytes with a checksum, overwritten in place. */
export class Cursor {
  readonly #file: FileHandle;
  #position: Position;

  private constructor(file: FileHandle, position: Position) {
    this.#file = file;
    this.#position = position;
  }

  static async open(path: string): Promise<Cursor> {
    const file = await open(path, constants.O_CREAT | constants.O_RDWR, 0o600);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(SIZE), 0, SIZE, 0);
    return new Cursor(file, bytesRead === SIZE ? decode(buffer) : { segment: 0, offset: 0 });
  }

  get position(): Position {
    return this.#position;
  }

  async set(position: Position): Promise<void> {
    this.#position = position;
    const bytes = Buffer.alloc(SIZE);
    bytes.writeBigUInt64LE(BigInt(position.segment), 0);
    bytes.writeBigUInt64LE(BigInt(position.offset), 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
    await this.#file.write(bytes, 0, SIZE, 0);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** A cursor that cannot be read means: from the oldest file on. Alerts may come twice, none is lost. */
function decode(bytes: Buffer): Position {
  const intact = crc32(bytes.subarray(0, 16)) === bytes.readUInt32LE(16);
  if (!intact) return { segment: 0, offset: 0 };
  return { segment: Number(bytes.readBigUInt64LE(0)), offset: Number(bytes.readBigUInt64LE(8)) };
}
