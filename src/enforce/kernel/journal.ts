import fs from 'node:fs';
import path from 'node:path';
import type { BpfObject } from '../../sensors/bpf/bpf.ts';
import { lastErrno, native } from '../../sensors/bpf/libbpf.ts';
import { Decoder } from '../../sensors/record/decode.ts';
import { ABI_HASH } from '../../sensors/record/layout.gen.ts';
import type { AnyRec } from '../../sensors/record/record.gen.ts';
import { mapRing } from '../../sensors/record/ring.ts';
import { isJournal, JOURNAL_PREFIX, PIN_DIR, pinFailed } from './pins.ts';

/** Its name says which build can read it. */
const FILE = `${JOURNAL_PREFIX}${ABI_HASH}`;
/** struct bpf_map_info: type, id, key_size, value_size, max_entries. */
const INFO_BYTES = 20;
const MAX_ENTRIES_AT = 16;

/** What an engine before left to be told. */
export interface JournalReport {
  /** Refusals that happened while there was no engine. */
  readonly told: number;
  /** They filled the ring: later ones are not told. */
  readonly full: boolean;
  /** Another build wrote it: nobody can read it. */
  readonly unreadable: boolean;
}

/**
 * The priority ring of pinned programs. They go on writing their refusals into it when the engine is gone; the next
 * engine reads them. The ring holds the oldest when it is full: the refusals go on, untold.
 */
export class Journal {
  readonly #fd: number;
  readonly #foreign: boolean;

  private constructor(fd: number, foreign: boolean) {
    this.#fd = fd;
    this.#foreign = foreign;
  }

  /** Takes hold of what an engine before left. To be read once its programs are gone. */
  static adopt(dir: string = PIN_DIR): Journal {
    const names = fs.existsSync(dir) ? fs.readdirSync(dir).filter(isJournal) : [];
    const fd = names.includes(FILE) ? native().objGet(path.join(dir, FILE)) : -1;
    return new Journal(fd, names.length > 0 && fd < 0);
  }

  /** Hands over each refusal that was left, and gives the ring up. */
  read(take: (rec: AnyRec) => void): JournalReport {
    if (this.#fd < 0) return { told: 0, full: false, unreadable: this.#foreign };
    const bytes = ringBytes(this.#fd);
    const { ring, unmap } = mapRing(this.#fd, bytes);
    const decoder = new Decoder();
    let told = 0;
    try {
      const head = ring.head();
      const full = ring.pending() > bytes - bytes / 8;
      while (ring.next(head)) {
        const rec = decoder.at(ring.memory, ring.at, ring.length);
        if (rec !== undefined && rec.clause !== 0) {
          take(rec);
          told++;
        }
        ring.release();
      }
      ring.publish();
      return { told, full, unreadable: false };
    } finally {
      unmap();
      native().close(this.#fd);
    }
  }
}

/** Pins the ring of this engine's programs for the next one. */
export function leaveJournal(object: BpfObject, dir: string = PIN_DIR): void {
  const file = path.join(dir, FILE);
  for (const name of fs.readdirSync(dir)) if (isJournal(name)) fs.rmSync(path.join(dir, name));
  if (native().objPin(object.map('priority').fd, file) !== 0) throw pinFailed(file, lastErrno());
}

function ringBytes(fd: number): number {
  const info = Buffer.alloc(INFO_BYTES);
  native().objInfo(fd, info, new Uint32Array([INFO_BYTES]));
  return info.readUInt32LE(MAX_ENTRIES_AT);
}
