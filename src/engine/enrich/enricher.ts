import { hostname } from 'node:os';
import type { CapturePlan } from '../../sensors/calls/capture-plan.ts';
import { usesCgroupV1 } from '../../sensors/cgroups.ts';
import { codesByNumber, EVENT_NAMES, EVENTS, eventDef } from '../../sensors/events/events.ts';
import { CLONE_THREAD } from '../../sensors/events/flags.ts';
import type { Arch } from '../../sensors/events/syscalls.ts';
import { RF_EXE_FLAG, RF_KIND } from '../../sensors/record/layout.gen.ts';
import { type AnyRec, CallRec, ExecRec, ExitRec, ForkRec } from '../../sensors/record/record.gen.ts';
import { RecordMemory } from '../../sensors/record/record-base.ts';
import { BootClock } from './clock.ts';
import type { ContainerInfo } from './container.ts';
import { containerOfCgroupFile, containerOfPath } from './container-id.ts';
import { ContainerRegistry } from './containers.ts';
import { Event, type HeldEvent } from './event.ts';
import { Image } from './image.ts';
import { LocalAddresses } from './interfaces.ts';
import { AddressNames } from './names.ts';
import { withoutDeleted } from './paths.ts';
import { listPids, type ProcEntry, readCgroup, readProcess, TICK_NS } from './proc-fs.ts';
import { Process, ProcessTable } from './process.ts';
import { UserDirectory } from './users.ts';

/** What the rules ask for. Absent is not asked for; of `laterEnvironments`: it may be. */
export type Wants = Partial<CapturePlan['wants']>;

export interface EnricherOptions extends Wants {
  readonly table?: ProcessTable;
  /** Entries of the table when none is given. */
  readonly maxProcesses?: number;
  readonly users?: UserDirectory;
  readonly clock?: BootClock;
  readonly containers?: ContainerRegistry;
  readonly hostname?: string;
  readonly local?: LocalAddresses;
  readonly names?: AddressNames;
  readonly tierOf?: (rec: AnyRec) => string | undefined;
  readonly arch?: Arch;
  /** Where /proc is; undefined = nothing is read from the system (recordings). */
  readonly proc?: string | undefined;
}

const { CALL, EXEC, FORK, EXIT } = RF_KIND;
const { WRITABLE, UPPER_LAYER, FROM_MEMFD, LOWER_LAYER } = RF_EXE_FLAG;
/** Those that are flags of execve; the others are our own. */
const EXE_FLAGS = WRITABLE | UPPER_LAYER | FROM_MEMFD | LOWER_LAYER;
const CGROUPS_MAX = 8_192;
const HEALS_PER_SECOND = 1_000;

const EXECVE = codeOf('execve');
const CLONE = codeOf('clone');
const PROCEXIT = codeOf('procexit');
const SETSID = codeOf('setsid');

const RECORD = {
  [CALL]: CallRec,
  [EXEC]: ExecRec,
  [FORK]: ForkRec,
  [EXIT]: ExitRec,
} as const;

function codeOf(name: string): number {
  return EVENT_NAMES.code(name)!;
}

/** Turns records into events and keeps the state that fields need. */
export class Enricher {
  readonly table: ProcessTable;
  readonly containers: ContainerRegistry;
  readonly users: UserDirectory;
  /** Addresses' names, from the names that rules compare with: hand those to `watch`. */
  readonly names: AddressNames;
  readonly event: Event;
  readonly #codes: Int32Array;
  #wants: Wants;
  /** The program of the exec before, whose environment nobody will ask for any more. */
  #execed: Image | undefined;
  readonly #proc: string | undefined;
  /** The host uses version 1 cgroups: the id in a record does not tell containers apart. */
  readonly #v1: boolean;
  readonly #byCgroup = new Map<number, ContainerInfo>();
  readonly #namespaces = new Map<string, number>();
  #num = 0;
  #healWindow = 0;
  #heals = 0;
  /** Called when nothing of what events of a container wait for is on its way any more. */
  onSettled: ((container: ContainerInfo) => void) | undefined;
  /** Processes that no record told of and that were found in /proc. */
  healed = 0;
  /** Processes of which nothing but the record's header is known. */
  unknown = 0;

  constructor(options: EnricherOptions = {}) {
    this.#proc = 'proc' in options ? options.proc : '/proc';
    this.table =
      options.table ??
      new ProcessTable({
        heal: (pid) => this.#fromProc(pid),
        ...(options.maxProcesses === undefined ? {} : { limit: options.maxProcesses }),
      });
    this.users = options.users ?? new UserDirectory('/etc', this.#proc);
    this.containers = options.containers ?? new ContainerRegistry([]);
    this.names = options.names ?? new AddressNames();
    const settled = (container: ContainerInfo): void => {
      if (container.state !== 'pending' && !this.users.pending(container)) this.onSettled?.(container);
    };
    this.containers.onSettled = settled;
    this.users.onSettled = settled;
    this.#codes = codesByNumber(options.arch);
    this.#wants = options;
    this.#v1 = this.#proc !== undefined && usesCgroupV1(this.#proc);
    this.event = new Event({
      table: this.table,
      users: this.users,
      clock: options.clock ?? new BootClock(),
      hostname: options.hostname ?? process.env.FALCO_HOSTNAME ?? hostname(),
      local: options.local ?? new LocalAddresses(),
      names: this.names,
      live: this.#proc !== undefined,
      tierOf: options.tierOf ?? (() => undefined),
    });
  }

  /** Other rules are in force. */
  want(wants: Wants): void {
    this.#wants = wants;
  }

  /** Reads the processes that run already. Call it once the sensors are attached, before records are applied. */
  warmStart(): number {
    if (this.#proc === undefined) return 0;
    const inNamespaces: [Process, string][] = [];
    for (const pid of listPids(this.#proc)) {
      const entry = this.#read(pid);
      if (entry === undefined) continue;
      const found = this.#fromEntry(entry);
      this.table.add(found);
      if (entry.pidns !== undefined) inNamespaces.push([found, entry.pidns]);
    }
    // Numbers wrap: the first process of a namespace may come after the others.
    for (const [process, name] of inNamespaces) process.pidnsStart = this.#namespaces.get(name);
    return this.table.size;
  }

  /**
   * Takes a record into the state and returns the event to evaluate: the same object every time, good until the next
   * call. Undefined for records that are no event.
   */
  apply(rec: AnyRec): Event | undefined {
    this.event.num = ++this.#num;
    if (this.#execed !== undefined) this.#execed.forgetEnv();
    this.#execed = undefined;
    switch (rec.kind) {
      case CALL:
        return this.#applyCall(rec);
      case EXEC:
        return this.#applyExec(rec);
      case FORK:
        return this.#applyFork(rec);
      default:
        return this.#applyExit(rec);
    }
  }

  /** Brings back an event that was held; state is not touched. */
  resume(held: HeldEvent): Event {
    const rec = new RECORD[held.kind]();
    rec.moveTo(RecordMemory.copyOf(held.bytes), 0, held.bytes.length);
    this.event.num = held.num;
    return this.event.bind(rec, held.code, EVENTS[held.code]!, held.process, held.image);
  }

  #applyCall(rec: CallRec): Event | undefined {
    const code = this.#codes[rec.nr] ?? -1;
    if (code < 0) return undefined;
    const process = this.#processOf(rec);
    if (rec.cwd !== undefined) process.cwd = rec.cwd;
    if (code === SETSID && rec.ret > 0) this.#startSession(process, rec.ret);
    return this.event.bind(rec, code, EVENTS[code]!, process);
  }

  #applyExec(rec: ExecRec): Event {
    const image = new Image({
      comm: rec.comm,
      argv: rec.args,
      env: rec.env,
      envCut: rec.envCut,
      exepath: executablePath(rec),
      exeFlags: rec.exeFlags & EXE_FLAGS,
      exeIno: rec.exeIno,
      exeCtime: rec.exeCtime,
      exeMtime: rec.exeMtime,
      cwd: rec.cwd,
      since: rec.ts,
    });
    // Now, not when an alert asks: the process may have ended by then.
    if (rec.envCut && this.#wants.environments === true && this.#proc !== undefined) image.env(rec.pid, true);
    if (this.#wants.laterEnvironments === false) this.#execed = image;
    const process = this.#execedProcess(rec, image);
    process.sid = rec.sid;
    process.pgid = rec.pgid;
    process.vpgid = rec.vpgid;
    process.tty = rec.tty;
    process.cwd = rec.cwd ?? process.cwd;
    if (rec.pidnsStart !== 0) process.pidnsStart = rec.pidnsStart;
    this.#place(process, rec.cgroup, rec.cgroupPath);
    return this.event.bind(rec, EXECVE, EVENTS[EXECVE]!, process);
  }

  /** The process of an exec, with its new program. One that was not known needs no look at /proc: the record has all. */
  #execedProcess(rec: ExecRec, image: Image): Process {
    const known = this.table.find(rec.pid, rec.start);
    const process = known ?? new Process(rec.pid, rec.start, true, image);
    if (known === undefined) this.table.add(process);
    else known.exec(image);
    if (process.ppid !== rec.ppid) {
      process.ppid = rec.ppid;
      process.parent = undefined;
    }
    process.vpid = rec.vpid;
    return process;
  }

  #applyFork(rec: ForkRec): Event | undefined {
    const parent = this.#processOf(rec);
    if (rec.childPid !== rec.pid && (rec.cloneFlags & CLONE_THREAD) === 0) this.#addChild(rec, parent);
    if (this.#wants.forkEvents !== true) return undefined;
    const code = this.#codes[rec.nr] ?? -1;
    const family = code >= 0 && EVENTS[code]!.params === eventDef('clone').params ? code : CLONE;
    return this.event.bind(rec, family, EVENTS[family]!, parent);
  }

  #addChild(rec: ForkRec, parent: Process): void {
    const image = parent.imageAt(rec.ts).withComm(rec.comm, rec.childStart);
    const known = this.table.find(rec.childPid, rec.childStart);
    // A record of the child may have come first: what it said is newer than what it was born with.
    if (known !== undefined && known.image.since > rec.childStart) {
      if (known.image.previous === undefined) known.image.previous = image;
    } else {
      const child = known ?? new Process(rec.childPid, rec.childStart, true, image);
      child.inherit(parent, image);
      if (known === undefined) this.table.add(child);
    }
    const child = this.table.byPid(rec.childPid)!;
    child.vpid = rec.childVpid;
    // The first process of a pid namespace: the namespace starts with it.
    if (rec.childVpid === 1 && rec.childPid !== 1) child.pidnsStart = rec.childStart;
    child.ppid = rec.childPpid;
    child.parent = rec.childPpid === parent.pid ? parent : undefined;
    if (rec.childCgroup !== parent.cgroupId || rec.cgroupPath !== undefined) {
      this.#place(child, rec.childCgroup, rec.cgroupPath);
    }
  }

  #applyExit(rec: ExitRec): Event | undefined {
    const process = this.#processOf(rec);
    if (rec.leader === 1) this.table.end(process, rec.ts, rec.reaper);
    this.table.expire(rec.ts);
    if (this.#wants.exitEvents !== true) return undefined;
    return this.event.bind(rec, PROCEXIT, EVENTS[PROCEXIT]!, process);
  }

  /** The process of a record, brought up to date with what every record says. */
  #processOf(rec: AnyRec): Process {
    const pid = rec.pid;
    const process = this.table.find(pid, rec.start) ?? this.#learn(rec);
    if (process.ppid !== rec.ppid) {
      process.ppid = rec.ppid;
      process.parent = undefined;
    }
    process.vpid = rec.vpid;
    if (process.cgroupId !== rec.cgroup) this.#place(process, rec.cgroup, undefined);
    return process;
  }

  #learn(rec: AnyRec): Process {
    const process = this.#heal(rec) ?? this.#bare(rec);
    const newest = this.table.byPid(rec.pid);
    // A late record of a process whose number was taken over does not push out the new one.
    if (newest === undefined || newest.start <= process.start) this.table.add(process);
    return process;
  }

  #heal(rec: AnyRec): Process | undefined {
    const found = this.#fromProc(rec.pid);
    if (found === undefined || Math.abs(found.start - rec.start) > 2 * TICK_NS) return undefined;
    found.start = rec.start;
    found.exact = true;
    this.healed++;
    return found;
  }

  #bare(rec: AnyRec): Process {
    this.unknown++;
    const image = new Image({
      comm: rec.comm,
      argv: undefined,
      env: undefined,
      exepath: undefined,
      since: rec.start,
    });
    return new Process(rec.pid, rec.start, true, image);
  }

  #fromProc(pid: number): Process | undefined {
    const entry = this.#read(pid);
    return entry === undefined ? undefined : this.#fromEntry(entry);
  }

  /** Reads a process from /proc, at most so many a second: a storm of short lives must not cost the pipeline. */
  #read(pid: number): ProcEntry | undefined {
    if (this.#proc === undefined) return undefined;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#healWindow) {
      this.#healWindow = second;
      this.#heals = 0;
    }
    if (this.#num > 0 && ++this.#heals > HEALS_PER_SECOND) return undefined;
    return readProcess(pid, this.#proc);
  }

  #fromEntry(entry: ProcEntry): Process {
    const start = entry.startTicks * TICK_NS;
    const image = new Image({
      comm: entry.comm,
      argv: entry.argv,
      env: undefined,
      exepath: entry.exepath?.startsWith('/memfd:') ? entry.exepath.slice(1) : entry.exepath,
      exeIno: entry.exeFile === undefined ? undefined : Number(entry.exeFile.ino),
      exeCtime: entry.exeFile?.ctimeNs,
      exeMtime: entry.exeFile?.mtimeNs,
      since: start,
    });
    const process = new Process(entry.pid, start, false, image);
    process.ppid = entry.ppid;
    process.vpid = entry.vpid;
    process.pgid = entry.pgid;
    process.sid = entry.sid;
    process.vpgid = entry.vpgid;
    process.tty = entry.tty;
    process.cwd = entry.cwd;
    if (entry.pidns !== undefined) {
      if (entry.vpid === 1) this.#rememberNamespace(entry.pidns, start);
      process.pidnsStart = this.#namespaces.get(entry.pidns);
    }
    if (entry.cgroup !== undefined)
      process.container = this.#containerOf(containerOfCgroupFile(entry.cgroup), entry.pid);
    return process;
  }

  /** Finds the container of a process whose cgroup is new or changed. */
  #place(process: Process, cgroupId: number, path: string | undefined): void {
    const byId = this.#v1 || cgroupId === 0 ? undefined : cgroupId;
    process.cgroupId = cgroupId;
    if (path !== undefined) process.cgroup = path;
    const named = path === undefined ? undefined : containerOfPath(path);
    let found: ContainerInfo | undefined;
    if (named !== undefined || (path !== undefined && (path !== '/' || this.#tellsHost(process))))
      found = this.#containerOf(named, process.pid);
    else
      found = (byId === undefined ? undefined : this.#byCgroup.get(byId)) ?? this.#containerFromProc(process);
    if (found === undefined) return;
    process.container = found;
    if (byId !== undefined) this.#rememberCgroup(byId, found);
  }

  /**
   * Whether the root of a hierarchy means the host. With version 1 the record has the path of those that runtimes use;
   * a container that is in none of them has at least a PID namespace of its own.
   */
  #tellsHost(process: Process): boolean {
    return !this.#v1 || process.vpid === process.pid;
  }

  #containerFromProc(process: Process): ContainerInfo | undefined {
    if (this.#proc === undefined) return undefined;
    const text = readCgroup(process.pid, this.#proc);
    return text === undefined ? undefined : this.#containerOf(containerOfCgroupFile(text), process.pid);
  }

  #containerOf(named: ReturnType<typeof containerOfPath>, pid: number): ContainerInfo {
    const container = this.containers.of(named);
    if (!container.isHost) this.users.prepare(container, pid);
    return container;
  }

  /** Starts of PID namespaces, for what is found in /proc. */
  #rememberNamespace(name: string, start: number): void {
    if (this.#namespaces.size >= CGROUPS_MAX) this.#namespaces.clear();
    this.#namespaces.set(name, start);
  }

  #rememberCgroup(id: number, container: ContainerInfo): void {
    if (this.#byCgroup.size >= CGROUPS_MAX) this.#byCgroup.clear();
    this.#byCgroup.set(id, container);
  }

  #startSession(process: Process, sid: number): void {
    process.sid = sid;
    process.vpgid = sid;
    process.pgid = process.pid;
    process.tty = 0;
  }
}

function executablePath(rec: ExecRec): string | undefined {
  const { exe } = rec;
  if (exe === undefined) return undefined;
  const path = withoutDeleted(exe);
  return (rec.exeFlags & FROM_MEMFD) !== 0 ? path.replace(/^\//, '') : path;
}
