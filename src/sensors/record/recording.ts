/**
 * Recordings: the kernel's records as they came, with what must be known to understand them.
 *
 * A file starts with the 8 bytes `RINGFREC`, a u32 format version and a u32 of zero. Chunks follow, each on a multiple
 * of 8 bytes: u32 kind, u32 length, then that many bytes, padded with zeros to a multiple of 8. All numbers are little
 * endian. Kinds:
 *
 *   1 header   JSON, first chunk: host, boot, clock, ABI hash of the records, account names
 *   2 process  a record of kind EXEC that describes a process that ran when the recording began
 *   3 record   a record of the sensors
 *   4 loss     JSON: records that the sensors lost at this point
 *   5 end      empty: the recording was closed
 *
 * A reader passes over kinds that it does not know. A file without its end was cut off: all whole chunks count.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';
import { Decoder } from './decode.ts';
import { ABI_HASH } from './layout.gen.ts';
import type { AnyRec } from './record.gen.ts';
import { RecordMemory } from './record-base.ts';

const MAGIC = Buffer.from('RINGFREC');
const VERSION = 1;
const CHUNK = { header: 1, process: 2, record: 3, loss: 4, end: 5 } as const;
const BLOCK = 4 << 20;
/** No chunk is longer: a length beyond this is damage, not data. */
const CHUNK_MAX = 1 << 20;

export interface RecordingHeader {
  readonly abi: string;
  readonly arch: string;
  readonly hostname: string;
  readonly bootId: string;
  readonly kernel: string;
  /** Epoch nanoseconds minus boot nanoseconds, as decimal text. */
  readonly clockOffset: string;
  /** Text of /etc/passwd and /etc/group, without passwords. */
  readonly accounts: { readonly passwd: string; readonly group: string };
}

/** Writes a recording. Appending does not wait for the disk; `close` does not return before all is handed over. */
export class RecordingWriter {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(BLOCK);
  #used = 0;
  records = 0;
  bytes = 0;

  /** Creates the file, readable by its owner only; refuses to replace one. */
  constructor(path: string, header: Omit<RecordingHeader, 'abi'>) {
    this.#fd = openSync(path, 'wx', 0o600);
    const preamble = Buffer.alloc(16);
    MAGIC.copy(preamble);
    preamble.writeUInt32LE(VERSION, 8);
    this.#write(preamble);
    this.#chunk(CHUNK.header, Buffer.from(JSON.stringify({ abi: ABI_HASH, ...header })));
  }

  process(record: Uint8Array): void {
    this.#chunk(CHUNK.process, record);
  }

  record(rec: AnyRec): void {
    this.#chunk(CHUNK.record, rec.bytes());
    this.records++;
  }

  loss(loss: object): void {
    this.#chunk(CHUNK.loss, Buffer.from(JSON.stringify(loss)));
  }

  /** Hands over what is buffered. */
  flush(): void {
    let at = 0;
    while (at < this.#used) at += writeSync(this.#fd, this.#buffer, at, this.#used - at);
    this.#used = 0;
  }

  close(): void {
    this.#chunk(CHUNK.end, new Uint8Array());
    this.flush();
    closeSync(this.#fd);
  }

  #chunk(kind: number, payload: Uint8Array): void {
    const size = 8 + ((payload.length + 7) & ~7);
    if (this.#used + size > BLOCK) this.flush();
    const at = this.#used;
    this.#buffer.writeUInt32LE(kind, at);
    this.#buffer.writeUInt32LE(payload.length, at + 4);
    this.#buffer.set(payload, at + 8);
    this.#buffer.fill(0, at + 8 + payload.length, at + size);
    this.#used += size;
    this.bytes += size;
  }

  #write(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
    this.bytes += bytes.length;
  }
}

export interface RecordingHandlers {
  header(header: RecordingHeader): void;
  /** A process that ran at the start. Valid until it returns, like all records. */
  process(rec: AnyRec): void;
  record(rec: AnyRec): void;
  loss(loss: unknown): void;
}

export interface RecordingEnd {
  readonly records: number;
  /** Chunks that are not what they say. */
  readonly damaged: number;
  /** The file ends without its end mark. */
  readonly truncated: boolean;
}

/** Whether a file begins as recordings do. */
export function isRecording(start: Uint8Array): boolean {
  return MAGIC.equals(start.subarray(0, MAGIC.length));
}

/**
 * Reads a recording from the start to the end or to where it is cut off.
 * Throws an AppError if the file is no recording, or one of another format or record layout.
 */
export function readRecording(path: string, handlers: RecordingHandlers): RecordingEnd {
  const fd = openSync(path, 'r');
  try {
    return new Reader(fd, path, handlers).run();
  } finally {
    closeSync(fd);
  }
}

class Reader {
  readonly #fd: number;
  readonly #path: string;
  readonly #handlers: RecordingHandlers;
  readonly #memory = new RecordMemory(new ArrayBuffer(BLOCK));
  readonly #decoder = new Decoder();
  #records = 0;
  #damaged = 0;

  constructor(fd: number, path: string, handlers: RecordingHandlers) {
    this.#fd = fd;
    this.#path = path;
    this.#handlers = handlers;
  }

  run(): RecordingEnd {
    const { bytes } = this.#memory;
    let filled = this.#fill(0);
    this.#checkPreamble(bytes.subarray(0, filled));
    let at = 16;
    let ended = false;
    for (let first = true; !ended; first = false) {
      if (filled - at < 8 || filled - at < 8 + padded(this.#lengthAt(at))) {
        bytes.copyWithin(0, at, filled);
        const kept = filled - at;
        filled = this.#fill(kept);
        at = 0;
        if (filled < 8 || filled === kept || filled < 8 + padded(this.#lengthAt(0))) break;
      }
      const kind = this.#memory.u32[at >>> 2]!;
      const length = this.#lengthAt(at);
      if (length > CHUNK_MAX || (first && kind !== CHUNK.header)) {
        this.#damaged++;
        break;
      }
      ended = kind === CHUNK.end;
      this.#chunk(kind, at + 8, length);
      at += 8 + padded(length);
    }
    return { records: this.#records, damaged: this.#damaged, truncated: !ended };
  }

  #chunk(kind: number, at: number, length: number): void {
    switch (kind) {
      case CHUNK.header:
        this.#header(this.#json(at, length));
        break;
      case CHUNK.loss:
        this.#handlers.loss(this.#json(at, length));
        break;
      case CHUNK.process:
      case CHUNK.record: {
        const rec = this.#decoder.at(this.#memory, at, length);
        if (rec === undefined) this.#damaged++;
        else if (kind === CHUNK.process) this.#handlers.process(rec);
        else {
          this.#records++;
          this.#handlers.record(rec);
        }
      }
    }
  }

  #header(value: unknown): void {
    const header = value as RecordingHeader | undefined;
    if (header?.abi !== ABI_HASH) {
      throw new AppError(
        'E_RECORDING',
        `${this.#path}: its records have the layout ${header?.abi ?? '?'}, this version reads ${ABI_HASH}`,
        { exitCode: EXIT.invalid, help: 'replay it with the version of Ringfence that recorded it' },
      );
    }
    this.#handlers.header(header);
  }

  #json(at: number, length: number): unknown {
    try {
      return JSON.parse(Buffer.from(this.#memory.bytes.subarray(at, at + length)).toString('utf8'));
    } catch {
      this.#damaged++;
      return undefined;
    }
  }

  #checkPreamble(bytes: Uint8Array): void {
    if (bytes.length < 16 || !isRecording(bytes)) {
      throw new AppError('E_RECORDING', `${this.#path} is not a recording`, { exitCode: EXIT.invalid });
    }
    const version = this.#memory.u32[2]!;
    if (version !== VERSION) {
      throw new AppError(
        'E_RECORDING',
        `${this.#path} has format version ${version}, this version reads ${VERSION}`,
        {
          exitCode: EXIT.invalid,
        },
      );
    }
  }

  #lengthAt(at: number): number {
    return Math.min(this.#memory.u32[(at >>> 2) + 1]!, CHUNK_MAX + 1);
  }

  /** Reads on behind what is there; returns how much is there then. */
  #fill(from: number): number {
    let filled = from;
    while (filled < BLOCK) {
      const read = readSync(this.#fd, this.#memory.bytes, filled, BLOCK - filled, null);
      if (read === 0) break;
      filled += read;
    }
    return filled;
  }
}

function padded(length: number): number {
  return (length + 7) & ~7;
}
