import type { EventDef } from '../../sensors/events/event-def.ts';
import { callResult } from '../../sensors/events/event-def.ts';
import { RF_KIND } from '../../sensors/record/layout.gen.ts';
import type { AnyRec, CallRec, ExecRec, ExitRec, ForkRec } from '../../sensors/record/record.gen.ts';
import type { User } from './accounts.ts';
import type { BootClock } from './clock.ts';
import type { ContainerInfo } from './container.ts';
import { EventFd } from './fd.ts';
import type { Image } from './image.ts';
import type { LocalAddresses } from './interfaces.ts';
import type { AddressNames } from './names.ts';
import type { Process, ProcessTable } from './process.ts';
import type { UserDirectory } from './users.ts';

/** What an event asks when a field needs more than its record. */
export interface EventServices {
  readonly table: ProcessTable;
  readonly users: UserDirectory;
  readonly clock: BootClock;
  readonly hostname: string;
  readonly local: LocalAddresses;
  readonly names: AddressNames;
  /** Fields may read what a running process shows of itself: not for recordings. */
  readonly live: boolean;
  /** The kernel mechanism that saw the event. */
  readonly tierOf: (rec: AnyRec) => string | undefined;
}

const UNSET = 0xffffffff;
const { CALL, EXEC, FORK } = RF_KIND;

/**
 * One event as the rules see it: a view over its record, its process and its descriptor. There is a single instance
 * that moves from record to record; whatever must outlive the evaluation is copied out of it.
 */
export class Event {
  readonly services: EventServices;
  readonly fd = new EventFd();
  /** Index in the event table. */
  code = 0;
  def!: EventDef;
  rec!: AnyRec;
  /** The record by kind: exactly one is set. */
  call: CallRec | undefined;
  exec: ExecRec | undefined;
  fork: ForkRec | undefined;
  exit: ExitRec | undefined;
  process!: Process;
  /** The program that the process ran at the time of the event. */
  image!: Image;
  /** Counter of events, the first is 1. */
  num = 0;
  ts = 0;
  /** Time of the first event, and of the one before this. */
  firstTs = 0;
  previousTs = 0;

  #ancestors: Process[] | undefined;
  #parent: Process | undefined;
  #parentDone = false;

  constructor(services: EventServices) {
    this.services = services;
  }

  /** Moves to a record. `image` is given for an event that was held back. */
  bind(rec: AnyRec, code: number, def: EventDef, process: Process, image?: Image): this {
    this.rec = rec;
    this.code = code;
    this.def = def;
    this.process = process;
    this.previousTs = this.ts === 0 ? rec.ts : this.ts;
    this.ts = rec.ts;
    if (this.firstTs === 0) this.firstTs = this.ts;
    this.call = undefined;
    this.exec = undefined;
    this.fork = undefined;
    this.exit = undefined;
    switch (rec.kind) {
      case CALL:
        this.call = rec;
        break;
      case EXEC:
        this.exec = rec;
        break;
      case FORK:
        this.fork = rec;
        break;
      default:
        this.exit = rec;
    }
    this.image = image ?? process.imageAt(this.ts);
    this.fd.bind(def.fd === 'none' ? undefined : this.call, def);
    this.#ancestors = undefined;
    this.#parentDone = false;
    return this;
  }

  get pid(): number {
    return this.rec.pid;
  }

  /** Nanoseconds since the epoch. */
  get epochNs(): bigint {
    return this.services.clock.toEpoch(this.ts);
  }

  /** Return value; undefined for events that have none. */
  get result(): number | undefined {
    if (!this.def.result) return undefined;
    if (this.call !== undefined) return callResult(this.call);
    if (this.exec !== undefined) return 0;
    return this.fork?.childVtid;
  }

  get failed(): boolean {
    const result = this.result;
    return result !== undefined && result < 0;
  }

  get container(): ContainerInfo | undefined {
    return this.process.container;
  }

  /**
   * Metadata that rules may read is still on its way: the runtime's answer about the container, or the names of its
   * users. The engine may hold the event back for a while.
   */
  get pending(): boolean {
    const container = this.process.container;
    if (container === undefined || container.isHost) return false;
    const { users } = this.services;
    return (
      container.state === 'pending' ||
      users.pending(container) ||
      users.awaits(this.rec.uid, container, this.process.pid)
    );
  }

  get parent(): Process | undefined {
    if (!this.#parentDone) {
      this.#parent = this.services.table.parentOf(this.process, this.ts);
      this.#parentDone = true;
    }
    return this.#parent;
  }

  /** 0 is the process itself, 1 its parent. */
  ancestor(distance: number): Process | undefined {
    if (distance === 0) return this.process;
    return distance === 1 ? this.parent : this.services.table.ancestor(this.process, distance, this.ts);
  }

  get ancestors(): readonly Process[] {
    this.#ancestors ??= this.services.table.ancestors(this.process, this.ts);
    return this.#ancestors;
  }

  /** The program of an ancestor at the time of the event. */
  imageOf(process: Process): Image {
    return process === this.process ? this.image : process.imageAt(this.ts);
  }

  /** Working directory with a trailing slash. */
  get cwd(): string | undefined {
    const cwd = this.call?.cwd ?? this.process.cwd;
    return cwd === undefined || cwd.endsWith('/') ? cwd : `${cwd}/`;
  }

  /** Audit login uid, -1 when unset. */
  get loginUid(): number {
    const uid = this.rec.loginuid;
    return uid === UNSET ? -1 : uid;
  }

  user(uid: number): User | undefined {
    return this.services.users.user(uid, this.container, this.pid);
  }

  group(gid: number): string | undefined {
    return this.services.users.group(gid, this.container, this.pid);
  }

  /** What is needed to evaluate the event again later, when its record is gone from the ring. */
  hold(): HeldEvent {
    this.image.holdEnv();
    return {
      bytes: Uint8Array.prototype.slice.call(this.rec.bytes()),
      kind: this.rec.kind,
      code: this.code,
      num: this.num,
      process: this.process,
      image: this.image,
    };
  }
}

/** An event that waits for metadata. */
export interface HeldEvent {
  readonly bytes: Uint8Array;
  readonly kind: AnyRec['kind'];
  readonly code: number;
  readonly num: number;
  readonly process: Process;
  readonly image: Image;
}
