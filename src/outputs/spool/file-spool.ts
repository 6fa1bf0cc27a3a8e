import { constants, type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Alert } from '../../engine/core/alert.ts';
import { makeFolder } from '../../engine/core/folder.ts';
import type { Log } from '../../engine/core/log.ts';
import { decodeAlert, encodeAlert } from './codec.ts';
import { Cursor, type Position } from './cursor.ts';
import { encodeRecord, parseRecord } from './record.ts';
import type { Spool } from './spool.ts';

export interface SpoolOptions {
  readonly max_bytes: number;
  readonly segment_bytes: number;
  readonly fsync: 'always' | 'interval' | 'never';
}

/** An alert in memory that stands on disk too; `end` is the position behind its record. */
interface Ahead {
  readonly alert: Alert;
  readonly end: Position;
}

const AHEAD_MAX = 4096;
const CHUNK = 256 * 1024;
const FSYNC_MS = 1000;
const SUFFIX = '.spool';

/**
 * Segment files with checksummed records, a cursor file, and in memory what will be read next. A segment is never
 * changed after the process that wrote it has ended, so a torn tail needs no repair: reading stops there and goes on in
 * the next segment. After a crash the cursor may be older than what was delivered: a few alerts come twice, with the
 * same uuid.
 */
export class FileSpool implements Spool {
  readonly #folder: string;
  readonly #options: SpoolOptions;
  readonly #log: Log;
  readonly #cursor: Cursor;
  /** Id to the size of what is valid in it; ids ascend. */
  readonly #segments = new Map<number, number>();
  readonly #ahead: Ahead[] = [];
  /** Where the next record behind `#ahead` begins. */
  #fill: Position = { segment: 0, offset: 0 };
  #length = 0;
  #bytes = 0;
  #file: FileHandle | undefined;
  #segment = 0;
  #dirty = false;
  readonly #timer: NodeJS.Timeout | undefined;

  private constructor(folder: string, options: SpoolOptions, log: Log, cursor: Cursor) {
    this.#folder = folder;
    this.#options = { ...options, segment_bytes: Math.min(options.segment_bytes, options.max_bytes / 4) };
    this.#log = log;
    this.#cursor = cursor;
    if (options.fsync === 'interval') this.#timer = setInterval(() => void this.#sync(), FSYNC_MS).unref();
  }

  /** Opens the folder, making it if missing, and counts what an earlier process left. */
  static async open(folder: string, options: SpoolOptions, log: Log): Promise<FileSpool> {
    makeFolder(folder);
    const cursor = await Cursor.open(join(folder, 'cursor'));
    const spool = new FileSpool(folder, options, log, cursor);
    await spool.#recover();
    return spool;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async #recover(): Promise<void> {
    const names = (await readdir(this.#folder)).filter((name) => name.endsWith(SUFFIX)).sort();
    const { segment, offset } = this.#cursor.position;
    for (const name of names) {
      const id = Number.parseInt(name, 10);
      this.#segment = Math.max(this.#segment, id);
      if (id < segment) await rm(join(this.#folder, name), { force: true });
      else await this.#count(id, id === segment ? offset : 0);
    }
    this.#segment = Math.max(this.#segment, segment);
    const first = this.#segments.keys().next().value;
    this.#fill =
      first === undefined || first === segment ? { segment, offset } : { segment: first, offset: 0 };
    if (this.#length > 0) this.#log.info({ alerts: this.#length }, 'alerts of an earlier run wait on disk');
  }

  async #count(id: number, from: number): Promise<void> {
    const bytes = await readFile(this.#path(id));
    let offset = Math.min(from, bytes.length);
    let damaged = 0;
    for (;;) {
      const parsed = parseRecord(bytes, offset);
      if (parsed.kind !== 'record') break;
      if (parsed.payload === undefined) damaged++;
      else this.#length++;
      offset += parsed.size;
    }
    this.#segments.set(id, offset);
    this.#bytes += offset;
    if (damaged > 0 || offset < bytes.length) {
      this.#log.warn(
        { code: 'E_SPOOL_DAMAGED', file: this.#path(id), damaged, torn: bytes.length - offset },
        'a spool file has damaged records or a torn end; what is intact is sent',
      );
    }
  }

  async append(alerts: readonly Alert[]): Promise<number> {
    const records: Buffer[] = [];
    let size = 0;
    for (const alert of alerts) {
      const record = encodeRecord(encodeAlert(alert));
      if (this.#bytes + size + record.length > this.#options.max_bytes) break;
      records.push(record);
      size += record.length;
    }
    if (records.length === 0) return 0;
    const file = await this.#writable();
    const start = this.#segments.get(this.#segment) ?? 0;
    try {
      await writeAll(file, Buffer.concat(records, size), start);
    } catch (error) {
      await file.truncate(start).catch(() => {});
      throw error;
    }
    this.#dirty = true;
    if (this.#options.fsync === 'always') await this.#sync();
    this.#appended(alerts, records, start);
    return records.length;
  }

  #appended(alerts: readonly Alert[], records: readonly Buffer[], start: number): void {
    const caughtUp = this.#atEnd(this.#fill) && this.#ahead.length < AHEAD_MAX;
    let offset = start;
    for (const [i, record] of records.entries()) {
      offset += record.length;
      const end = { segment: this.#segment, offset };
      if (caughtUp) this.#ahead.push({ alert: alerts[i] as Alert, end });
    }
    if (caughtUp) this.#fill = { segment: this.#segment, offset };
    this.#segments.set(this.#segment, offset);
    this.#bytes += offset - start;
    this.#length += records.length;
  }

  /** Whether nothing stands behind a position. */
  #atEnd({ segment, offset }: Position): boolean {
    for (const [id, size] of this.#segments) {
      if (id > segment && size > 0) return false;
      if (id === segment && size > offset) return false;
    }
    return true;
  }

  async #writable(): Promise<FileHandle> {
    if (this.#file && (this.#segments.get(this.#segment) ?? 0) < this.#options.segment_bytes) {
      return this.#file;
    }
    await this.#sync();
    await this.#file?.close();
    this.#file = undefined;
    const id = this.#segment + 1;
    const { O_CREAT, O_EXCL, O_WRONLY } = constants;
    this.#file = await open(this.#path(id), O_CREAT | O_EXCL | O_WRONLY, 0o600);
    this.#segment = id;
    this.#segments.set(id, 0);
    return this.#file;
  }

  async peek(max: number): Promise<readonly Alert[]> {
    while (this.#ahead.length < max && !this.#atEnd(this.#fill)) await this.#readMore();
    // Everything that is left has been read: what was counted and is not there was damaged.
    if (this.#atEnd(this.#fill)) this.#length = this.#ahead.length;
    return this.#ahead.slice(0, max).map(({ alert }) => alert);
  }

  async #readMore(): Promise<void> {
    const { segment, offset } = this.#fill;
    const size = this.#segments.get(segment) ?? 0;
    if (offset >= size) {
      const next = [...this.#segments.keys()].find((id) => id > segment);
      if (next !== undefined) this.#fill = { segment: next, offset: 0 };
      return;
    }
    let want = Math.min(CHUNK, size - offset);
    for (;;) {
      const bytes = await this.#read(segment, offset, want).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return Buffer.alloc(0);
        throw error;
      });
      const used = this.#parse(bytes, segment, offset);
      if (used > 0) {
        this.#fill = { segment, offset: offset + used };
        return;
      }
      const parsed = parseRecord(bytes, 0);
      const more = parsed.kind === 'partial' && parsed.need > want && parsed.need <= size - offset;
      if (more && bytes.length === want) want = parsed.need;
      else {
        // Somebody changed or removed the file under us: what follows in it cannot be found.
        this.#log.error({ code: 'E_SPOOL_DAMAGED', file: this.#path(segment) }, 'a spool file was changed');
        this.#segments.set(segment, offset);
        return;
      }
    }
  }

  #parse(bytes: Buffer, segment: number, base: number): number {
    let offset = 0;
    for (;;) {
      const parsed = parseRecord(bytes, offset);
      if (parsed.kind !== 'record') return offset;
      offset += parsed.size;
      const alert = parsed.payload === undefined ? undefined : tryDecode(parsed.payload);
      if (alert) this.#ahead.push({ alert, end: { segment, offset: base + offset } });
    }
  }

  async #read(segment: number, offset: number, want: number): Promise<Buffer> {
    const file = await open(this.#path(segment), 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(want), 0, want, offset);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async advance(count: number): Promise<void> {
    const last = this.#ahead.splice(0, count).at(-1);
    if (!last) return;
    this.#length = Math.max(0, this.#length - count);
    // Delivered is delivered, also when a full disk does not take the note of it.
    const unnoted = (err: unknown): void =>
      this.#log.error(
        { code: 'E_SPOOL_CURSOR', err },
        'cannot note what was sent: it is sent again after a restart',
      );
    await this.#cursor.set(last.end).catch(unnoted);
    for (const [id, size] of [...this.#segments]) {
      if (id >= last.end.segment) break;
      this.#segments.delete(id);
      this.#bytes -= size;
      await rm(this.#path(id), { force: true }).catch(unnoted);
    }
  }

  async #sync(): Promise<void> {
    if (!this.#dirty || this.#options.fsync === 'never') return;
    this.#dirty = false;
    await this.#file?.datasync().catch((error: unknown) => {
      this.#log.error({ code: 'E_SPOOL_SYNC', err: error }, 'the spool could not be forced to the disk');
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sync();
    await this.#file?.close();
    this.#file = undefined;
    await this.#cursor.close();
  }

  #path(id: number): string {
    return join(this.#folder, `${String(id).padStart(12, '0')}${SUFFIX}`);
  }
}

/** Undefined for a record that another version wrote in a form we do not know. */
function tryDecode(payload: string): Alert | undefined {
  try {
    return decodeAlert(payload);
  } catch {
    return undefined;
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
