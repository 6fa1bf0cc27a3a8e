import type { ContainerInfo } from './container.ts';
import type { Image } from './image.ts';
import { TICK_NS } from './proc-fs.ts';

/** One process (thread group). Identity is pid and start time; numbers are of the initial namespaces. */
export class Process {
  readonly pid: number;
  /** start_boottime in ns; for a process read from /proc rounded down to a tick until a record says more. */
  start: number;
  /** The start is known to the nanosecond. */
  exact: boolean;
  vpid: number;
  /** Parent by number, as last seen. */
  ppid: number;
  /** The parent's entry, once looked up. */
  parent: Process | undefined;
  image: Image;
  sid: number | undefined;
  pgid: number | undefined;
  vpgid: number | undefined;
  tty: number | undefined;
  cwd: string | undefined;
  pidnsStart: number | undefined;
  /** Id of the cgroup v2 directory for which `container` was found out. */
  cgroupId: number;
  cgroup: string | undefined;
  container: ContainerInfo | undefined;
  exitedAt: number;
  reaper: number;

  constructor(pid: number, start: number, exact: boolean, image: Image) {
    this.pid = pid;
    this.start = start;
    this.exact = exact;
    this.vpid = pid;
    this.ppid = 0;
    this.parent = undefined;
    this.image = image;
    this.sid = undefined;
    this.pgid = undefined;
    this.vpgid = undefined;
    this.tty = undefined;
    this.cwd = undefined;
    this.pidnsStart = undefined;
    this.cgroupId = -1;
    this.cgroup = undefined;
    this.container = undefined;
    this.exitedAt = Number.POSITIVE_INFINITY;
    this.reaper = 0;
  }

  get alive(): boolean {
    return this.exitedAt === Number.POSITIVE_INFINITY;
  }

  /** What the process ran at a time: records of two rings can arrive in the other order. */
  imageAt(ts: number): Image {
    const image = this.image;
    return image.since <= ts || image.previous === undefined ? image : image.previous;
  }

  /** Replaces the program; what an older exec that comes late replaced is the one before. */
  exec(image: Image): void {
    if (image.since < this.image.since) {
      this.image.previous = image;
      return;
    }
    this.image.previous = undefined;
    image.previous = this.image;
    this.image = image;
  }

  /** Takes over what a fork copies. */
  inherit(parent: Process, image: Image): void {
    this.image = image;
    this.sid = parent.sid;
    this.pgid = parent.pgid;
    this.vpgid = parent.vpgid;
    this.tty = parent.tty;
    this.cwd = parent.cwd;
    this.pidnsStart = parent.pidnsStart;
    this.cgroupId = parent.cgroupId;
    this.cgroup = parent.cgroup;
    this.container = parent.container;
  }
}

export interface ProcessTableOptions {
  /** Live processes are checked against the system, and ended ones dropped, above this number. */
  readonly limit?: number;
  /** How long (event time, ns) an ended process is kept for late records. */
  readonly retention?: number;
  /** Whether a process still exists; only asked above the limit. */
  readonly exists?: (pid: number) => boolean;
  /** Finds out about a process that no record told of. */
  readonly heal?: (pid: number) => Process | undefined;
}

const LIMIT = 65_536;
/** Longer than the reader of the bulk ring can lag behind that of the priority ring. */
const RETENTION = 3_000_000_000;
const SWEEP = 64;
const MAX_DEPTH = 128;

/**
 * All processes by number. Bounded: ended processes go after a while or when room is needed, live ones only when
 * twice the limit is reached.
 */
export class ProcessTable {
  readonly #byPid = new Map<number, Process>();
  /** Ended processes in the order of their ends. */
  #ended: Process[] = [];
  #endedFrom = 0;
  readonly #limit: number;
  readonly #retention: number;
  readonly #exists: (pid: number) => boolean;
  readonly #heal: (pid: number) => Process | undefined;
  /** Live entries given up for want of room. */
  evicted = 0;

  constructor(options: ProcessTableOptions = {}) {
    this.#limit = options.limit ?? LIMIT;
    this.#retention = options.retention ?? RETENTION;
    this.#exists = options.exists ?? processExists;
    this.#heal = options.heal ?? (() => undefined);
  }

  get size(): number {
    return this.#byPid.size;
  }

  /** The entry with this number that is the newest. */
  byPid(pid: number): Process | undefined {
    return this.#byPid.get(pid);
  }

  /** All entries, ended ones of the retention time included. */
  all(): IterableIterator<Process> {
    return this.#byPid.values();
  }

  /** The process with this identity; undefined when it is not known, or when the number was taken over. */
  find(pid: number, start: number): Process | undefined {
    const found = this.#byPid.get(pid);
    if (found === undefined || found.start === start) return found;
    if (!found.exact && Math.abs(found.start - start) < 2 * TICK_NS) {
      found.start = start;
      found.exact = true;
      return found;
    }
    return undefined;
  }

  /** The entry with this number, read from the system when no record told of it. */
  findOrHeal(pid: number): Process | undefined {
    const found = this.#byPid.get(pid);
    if (found !== undefined) return found;
    const healed = this.#heal(pid);
    if (healed !== undefined) this.add(healed);
    return healed;
  }

  /** Puts an entry in place of whatever had its number. */
  add(process: Process): void {
    this.#byPid.delete(process.pid);
    this.#byPid.set(process.pid, process);
    if (this.#byPid.size > this.#limit) this.#makeRoom();
  }

  /** Marks the end; the entry stays for late records. */
  end(process: Process, ts: number, reaper: number): void {
    if (!process.alive) return;
    process.exitedAt = ts;
    process.reaper = reaper;
    this.#ended.push(process);
  }

  /** Drops ended processes whose time is over. */
  expire(now: number): void {
    while (this.#endedFrom < this.#ended.length) {
      const oldest = this.#ended[this.#endedFrom]!;
      if (oldest.exitedAt + this.#retention > now) break;
      this.#dropOldestEnded();
    }
  }

  /**
   * The parent at a time. Children of an ended process belong to the one that adopted them; an entry that is younger
   * than the child is another process with a reused number.
   */
  parentOf(process: Process, ts: number): Process | undefined {
    let parent = process.parent;
    for (let hops = 0; hops < MAX_DEPTH; hops++) {
      if (parent === undefined || parent.pid !== process.ppid) {
        parent = process.ppid === 0 ? undefined : this.findOrHeal(process.ppid);
        if (parent !== undefined && (parent.start > process.start + 2 * TICK_NS || parent === process))
          parent = undefined;
      }
      if (parent === undefined || parent.exitedAt > ts || !process.alive) break;
      if (parent.reaper === parent.pid) break;
      process.ppid = parent.reaper;
      parent = undefined;
    }
    process.parent = parent;
    return parent;
  }

  /** The ancestor `distance` steps up: 0 is the process itself. */
  ancestor(process: Process, distance: number, ts: number): Process | undefined {
    let at: Process | undefined = process;
    for (let i = 0; i < distance && at !== undefined; i++) at = this.parentOf(at, ts);
    return at;
  }

  /** Parent, grandparent and so on; ends at a gap or a loop. */
  ancestors(process: Process, ts: number): Process[] {
    const out: Process[] = [];
    let at = this.parentOf(process, ts);
    while (at !== undefined && out.length < MAX_DEPTH && at !== process && !out.includes(at)) {
      out.push(at);
      at = this.parentOf(at, ts);
    }
    return out;
  }

  #dropOldestEnded(): void {
    const oldest = this.#ended[this.#endedFrom++]!;
    if (this.#byPid.get(oldest.pid) === oldest) this.#byPid.delete(oldest.pid);
    oldest.parent = undefined;
    if (this.#endedFrom > 1024 && this.#endedFrom * 2 > this.#ended.length) {
      this.#ended = this.#ended.slice(this.#endedFrom);
      this.#endedFrom = 0;
    }
  }

  #makeRoom(): void {
    while (this.#byPid.size > this.#limit && this.#endedFrom < this.#ended.length) this.#dropOldestEnded();
    if (this.#byPid.size <= this.#limit) return;
    let checked = 0;
    for (const process of this.#byPid.values()) {
      if (checked++ >= SWEEP) break;
      // To the back of the order, so that the next sweep looks at others.
      this.#byPid.delete(process.pid);
      if (this.#exists(process.pid)) this.#byPid.set(process.pid, process);
    }
    for (const process of this.#byPid.values()) {
      if (this.#byPid.size <= 2 * this.#limit) break;
      this.#byPid.delete(process.pid);
      this.evicted++;
    }
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
