import { statfsSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { epochNs } from '../../engine/core/clock.ts';
import { rfc3339Nano } from '../formats/time.ts';
import { type Anchor, appendAnchor, makeAnchor } from './anchor.ts';
import { ClockWatch } from './clock-watch.ts';
import { openForReading, sqliteCode } from './database.ts';
import { type Entry, entry } from './entry.ts';
import { listFiles, monthOf, prepareFolder } from './folder.ts';
import { HeadFile, type HeadRecord } from './head-file.ts';
import { type Head, loadSigningKey, type SigningKey } from './keys.ts';
import { closedDigest, type LiveFile, type OpenBody } from './live-file.ts';
import { lockFolder } from './lock.ts';
import { type RecoverOptions, recover, rotate } from './recover.ts';
import { type RetentionOptions, retire } from './retention.ts';

export interface WriterOptions extends RetentionOptions {
  readonly folder: string;
  readonly hostname: string;
  readonly bootId: string;
  readonly version: string;
  /** `full` survives a power failure; `normal` only the death of the process. */
  readonly sync: 'full' | 'normal';
  /** A finished file is begun anew at this size, or with the month. */
  readonly maxFileBytes: number;
  /** Ed25519 private key that signs the anchors. */
  readonly keyFile?: string | undefined;
  /** Anchors are appended here, beside the other places they go to. */
  readonly anchorFile?: string | undefined;
}

/** What became of a batch. */
export interface AppendReport {
  /** Rows written, by kind; entries that were there already are not in it. */
  readonly written: Readonly<Record<string, number>>;
  readonly duplicates: number;
  readonly head: Head;
  readonly freeBytes: number;
  /** Things somebody should read in the log. */
  readonly notices: readonly Notice[];
}

export interface Notice {
  readonly code: 'E_AUDIT_GAP' | 'W_AUDIT_HEAD' | 'E_AUDIT_RETENTION' | 'E_AUDIT_ANCHOR_FILE';
  readonly message: string;
}

/** A larger file is not read as a whole when the engine stops. */
const DIGEST_BYTES = 256 * 1024 * 1024;

const RETIRE_EVERY_NS = 3_600_000_000_000n;
/** A clock that leapt so far may be wrong: what retention takes away on its word does not come back. */
const LEAP_NS = 86_400_000_000_000n;
/** So long after a leap, or after an audit that was not written for so long, nothing is taken away. */
const DOUBT_NS = 7n * LEAP_NS;

/**
 * Writes the audit of one host: finds the place to go on, adds batches, begins a new file with the month, publishes
 * anchors. Synchronous, so it belongs in a thread of its own. After an error nothing of the batch is written, and the
 * same batch can be given again.
 */
export class AuditWriter {
  readonly #options: WriterOptions;
  readonly #now: () => bigint;
  readonly #key: SigningKey | undefined;
  readonly #unlock: () => void;
  readonly #headFile: HeadFile;
  readonly #clock: ClockWatch;
  #live: LiveFile | undefined;
  #written: HeadRecord | undefined;
  #before: Database | undefined;
  #retired = 0n;
  /** On the monotonic clock; until then the wall clock is in doubt. */
  #doubtedUntil: bigint | undefined;
  readonly #monotonic: () => bigint;
  #notices: Notice[] = [];

  constructor(
    options: WriterOptions,
    now: () => bigint = epochNs,
    monotonic: () => bigint = process.hrtime.bigint,
  ) {
    this.#options = options;
    this.#now = now;
    this.#monotonic = monotonic;
    this.#clock = new ClockWatch(now, monotonic);
    this.#key = options.keyFile === undefined ? undefined : loadSigningKey(options.keyFile);
    prepareFolder(options.folder);
    this.#unlock = lockFolder(options.folder);
    let headFile: HeadFile | undefined;
    try {
      // A record that is there is read by recovery first: opening it here does not change it.
      this.#headFile = headFile = new HeadFile(options.folder);
      this.#reopen();
    } catch (cause) {
      // Whoever has a full disk tries again, and again.
      this.#live?.close();
      headFile?.close();
      this.#unlock();
      throw cause;
    }
  }

  get head(): Head {
    return this.#ready().head;
  }

  /** Writes the entries in one transaction; they are on the disk when this returns. */
  append(entries: readonly Entry[]): AppendReport {
    if (this.#clock.ahead() > LEAP_NS) this.#doubt();
    const clock = this.#clock.step();
    const all = clock ? [clock, ...entries] : entries;
    const added = this.#guarded(() => this.#add(all));
    const written: Record<string, number> = {};
    for (const { kind } of added) written[kind] = (written[kind] ?? 0) + 1;
    const notices = this.#notices;
    this.#notices = [];
    const { bavail, bsize } = statfsSync(this.#options.folder);
    const freeBytes = bavail * bsize;
    return { written, duplicates: all.length - added.length, head: this.head, freeBytes, notices };
  }

  /** Records and returns the head, signed if there is a key; undefined if nothing was added since the last time. */
  anchor(): Anchor | undefined {
    const live = this.#guarded(() => this.#ready());
    if (live.lastKind === 'anchor') return undefined;
    const timeNs = this.#now();
    const anchor = makeAnchor(
      live.head,
      { host: this.#options.hostname, time: rfc3339Nano(timeNs) },
      this.#key,
    );
    this.#guarded(() => this.#add([entry('anchor', { ...anchor }, { timeNs })]));
    this.#keep(anchor);
    return anchor;
  }

  /** A file that does not take an anchor keeps it from no other place. */
  #keep(anchor: Anchor): void {
    const { anchorFile } = this.#options;
    if (anchorFile === undefined) return;
    try {
      appendAnchor(anchorFile, anchor);
    } catch (cause) {
      this.#notices.push({
        code: 'E_AUDIT_ANCHOR_FILE',
        message: `an anchor is not in ${anchorFile}: ${(cause as Error).message}`,
      });
    }
  }

  /** Closes the files. What the newest consists of is recorded, so that no byte of it can change unseen until it is opened again. */
  close(): void {
    this.#before?.close();
    const live = this.#live;
    if (live) {
      const { head, bytes } = live;
      live.close();
      if (bytes <= DIGEST_BYTES) this.#headFile.write({ ...head, sha256: closedDigest(live.file.path) });
    }
    this.#headFile.close();
    this.#unlock();
  }

  #add(entries: readonly Entry[]): Entry[] {
    const live = this.#ready();
    const added = live.append(entries.filter((e) => !this.#wasBefore(e)));
    this.#publish(live);
    return added;
  }

  #publish(live: LiveFile): void {
    this.#written = live.head;
    this.#headFile.write(live.head);
  }

  /** The file to write to, after what is due: opening again, the next file, retention. */
  #ready(): LiveFile {
    const live = this.#live ?? this.#reopen();
    const month = monthOf(this.#now());
    const due =
      month > live.file.month ? 'month' : live.bytes >= this.#options.maxFileBytes ? 'size' : undefined;
    if (due !== undefined) return this.#rotate(live, due);
    if (this.#now() - this.#retired > RETIRE_EVERY_NS) this.#retire(live);
    return live;
  }

  #rotate(live: LiveFile, reason: string): LiveFile {
    live.append([entry('seal', { reason, file: live.file.name }, { timeNs: this.#now() })]);
    this.#publish(live);
    // Should it fail from here on, opening again finds the seal and goes on from there.
    this.#live = undefined;
    this.#live = rotate(live, this.#recoverOptions());
    this.#publish(this.#live);
    this.#lookBack();
    this.#retire(this.#live);
    return this.#live;
  }

  #reopen(): LiveFile {
    this.#live?.close();
    this.#live = undefined;
    prepareFolder(this.#options.folder);
    const { live, gap, headMissing } = recover(this.#recoverOptions(), this.#written);
    const timeNs = this.#now();
    if (timeNs - live.lastTimeNs > DOUBT_NS) this.#doubt();
    const first: Entry[] = [];
    if (gap) {
      this.#notices.push({
        code: 'E_AUDIT_GAP',
        message: `the audit does not go on where it ended: ${gap.reason}`,
      });
      first.push(
        entry(
          'gap',
          { ...gap, expected: gap.expected && { ...gap.expected }, found: gap.found && { ...gap.found } },
          { timeNs },
        ),
      );
    }
    if (headMissing)
      this.#notices.push({
        code: 'W_AUDIT_HEAD',
        message: 'audit.head is missing: rows cut off at the end would not be noticed',
      });
    if (live.keyId !== this.#key?.id) {
      const key = { key: this.#key?.id ?? null, public_key: this.#key?.publicKey, previous_key: live.keyId };
      first.push(entry('key', key, { timeNs }));
    }
    if (first.length > 0) {
      try {
        live.append(first);
      } catch (cause) {
        live.close();
        throw cause;
      }
    }
    this.#live = live;
    this.#publish(live);
    this.#lookBack();
    return live;
  }

  #retire(live: LiveFile): void {
    this.#retired = this.#now();
    if (this.#clock.ahead() > LEAP_NS) this.#doubt();
    if (this.#doubtedUntil !== undefined && this.#monotonic() < this.#doubtedUntil) return;
    try {
      const record = (row: Entry): void => {
        live.append([row]);
        this.#publish(live);
      };
      retire(this.#options, { timeNs: this.#retired, live: live.file, record });
    } catch (cause) {
      this.#notices.push({
        code: 'E_AUDIT_RETENTION',
        message: `audit retention failed: ${(cause as Error).message}`,
      });
    }
  }

  #doubt(): void {
    this.#doubtedUntil = this.#monotonic() + DOUBT_NS;
  }

  /** The file before the live one is kept open, so that an alert retried over the turn of the month is not doubled. */
  #lookBack(): void {
    this.#before?.close();
    this.#before = undefined;
    const file = listFiles(this.#options.folder).at(-2);
    if (!file) return;
    try {
      this.#before = openForReading(file.path);
    } catch {
      // A damaged file is on record as a gap already.
    }
  }

  #wasBefore(row: Entry): boolean {
    if (!this.#before || (row.kind !== 'alert' && row.kind !== 'denial')) return false;
    try {
      return this.#before.prepare('SELECT 1 FROM entries WHERE uuid = ?').get(row.uuid) !== undefined;
    } catch {
      return false;
    }
  }

  /** After an error that is not just "no room" or "locked", the next call opens the folder anew. */
  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      if (!/^SQLITE_(FULL|BUSY)/.test(sqliteCode(cause) ?? '')) {
        this.#live?.close();
        this.#live = undefined;
      }
      throw cause;
    }
  }

  #recoverOptions(): RecoverOptions {
    const { folder, sync, hostname, bootId, version } = this.#options;
    const open: OpenBody = {
      host: hostname,
      boot_id: bootId,
      version,
      key: this.#key?.id,
      public_key: this.#key?.publicKey,
    };
    return { folder, sync, month: monthOf(this.#now()), open };
  }
}
