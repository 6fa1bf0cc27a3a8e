import type { Capture, EventDef } from '../events/event-def.ts';
import { EVENT_NAMES, EVENTS } from '../events/events.ts';
import { type Arch, hostArch, syscallNumber } from '../events/syscalls.ts';
import { RF_CAPTURE_FLAG, RF_OP, RF_SPARE } from '../record/layout.gen.ts';
import { CAPTURE_RET, type CaptureRow } from './capture.ts';

/**
 * What the kernel copies, or watches, for those alone who read it: the working directory; sessions and process groups,
 * which calls change between two execs; the bytes of messages; the environment of the process, that of its ancestors,
 * and the one that is a parameter of an exec.
 */
export const ON_DEMAND = ['cwd', 'session', 'buffer', 'env', 'ancestorEnv', 'execEnv'] as const;
export type OnDemand = (typeof ON_DEMAND)[number];

/** What one consumer (a rule, a live view) wants of the kernel. */
export interface CaptureNeed {
  /** Event names, or names of system calls. */
  readonly events: Iterable<string>;
  /** What fields read on these events, in conditions and outputs. */
  readonly reads: Iterable<OnDemand>;
  /** Whether calls that succeeded, and calls that failed, can matter; both when left out. */
  readonly ok?: boolean;
  readonly failed?: boolean;
}

/** What to attach and to copy. */
export interface CapturePlan {
  /** Rows of the capture map, by system call number. */
  readonly capture: ReadonlyMap<number, CaptureRow>;
  /** Names of these system calls. */
  readonly tracepoints: readonly string[];
  /** For the enricher. */
  readonly wants: {
    /** Forks, and exits, are events that somebody wants. */
    readonly forkEvents: boolean;
    readonly exitEvents: boolean;
    /** Somebody reads environments; also of a program that began before the event. */
    readonly environments: boolean;
    readonly laterEnvironments: boolean;
  };
  /** What records of processes can go without: bits of RF_SPARE. */
  readonly spare: number;
  /** Events that no system call of this architecture raises. */
  readonly unavailable: readonly string[];
}

interface Wanted {
  ok: boolean;
  failed: boolean;
  readonly reads: Set<OnDemand>;
}

const FORKS = new Set(['clone', 'clone3', 'fork', 'vfork']);
/** Success comes from the lifecycle records: only what failed is captured as a call. */
const EXECS = new Set(['execve', 'execveat']);

/** Works out what to attach and copy so that every need is met, and nothing beyond. */
export function planCapture(needs: readonly CaptureNeed[], arch: Arch = hostArch()): CapturePlan {
  const wanted = merge(needs);
  keepState(wanted);
  const capture = new Map<number, CaptureRow>();
  const tracepoints: string[] = [];
  const unavailable: string[] = [];
  for (const [code, want] of wanted) {
    const def = EVENTS[code]!;
    if (FORKS.has(def.name) || def.name === 'procexit') continue;
    if (EXECS.has(def.name) && !want.failed) continue;
    const calls = def.syscalls.filter((call) => syscallNumber(call, arch) !== undefined);
    if (calls.length === 0) unavailable.push(def.name);
    for (const call of calls) {
      capture.set(syscallNumber(call, arch)!, rowOf(def, want));
      tracepoints.push(call);
    }
  }
  const forkEvents = [...FORKS].some((name) => wanted.has(EVENT_NAMES.code(name)!));
  const exitEvents = wanted.has(EVENT_NAMES.code('procexit')!);
  const environments = isRead(wanted, 'env') || isRead(wanted, 'ancestorEnv');
  const spare =
    (forkEvents ? 0 : RF_SPARE.FORKS) |
    (exitEvents ? 0 : RF_SPARE.EXITS) |
    (environments || isRead(wanted, 'execEnv') ? 0 : RF_SPARE.ENV);
  const laterEnvironments = needs.some(readsLater);
  const wants = { forkEvents, exitEvents, environments, laterEnvironments };
  return { capture, tracepoints, unavailable, wants, spare };
}

/** An exec that failed is an event of the program before it. */
function readsLater({ events, reads, failed = true }: CaptureNeed): boolean {
  const later = failed || [...events].some((name) => !EXECS.has(name));
  return [...reads].some((part) => part === 'ancestorEnv' || (later && part === 'env'));
}

function merge(needs: readonly CaptureNeed[]): Map<number, Wanted> {
  const wanted = new Map<number, Wanted>();
  for (const need of needs) {
    const reads = [...need.reads];
    if (need.ok === false && need.failed === false) continue;
    for (const name of need.events) {
      const code = EVENT_NAMES.code(name);
      if (code === undefined) continue;
      const want = wanted.get(code) ?? { ok: false, failed: false, reads: new Set() };
      want.ok ||= need.ok ?? true;
      want.failed ||= need.failed ?? true;
      for (const part of reads) want.reads.add(part);
      wanted.set(code, want);
    }
  }
  return wanted;
}

function isRead(wanted: ReadonlyMap<number, Wanted>, part: OnDemand): boolean {
  return [...wanted.values()].some(({ reads }) => reads.has(part));
}

/** Adds the calls that change what fields show between two execs. */
function keepState(wanted: Map<number, Wanted>): void {
  if (!isRead(wanted, 'session')) return;
  const setsid = EVENT_NAMES.code('setsid')!;
  const want = wanted.get(setsid);
  if (want === undefined) wanted.set(setsid, { ok: true, failed: false, reads: new Set() });
  else want.ok = true;
}

function rowOf(def: EventDef, want: Wanted): CaptureRow {
  const { capture } = def;
  const flags =
    (want.ok && !EXECS.has(def.name) ? RF_CAPTURE_FLAG.OK : 0) |
    (want.failed ? RF_CAPTURE_FLAG.FAILED : 0) |
    (want.reads.has('cwd') ? RF_CAPTURE_FLAG.CWD : 0) |
    (capture.msghdr === true ? RF_CAPTURE_FLAG.MSGHDR : 0) |
    (capture.argv === true ? RF_CAPTURE_FLAG.ARGV : 0) |
    (capture.enter === true ? RF_CAPTURE_FLAG.ENTER : 0);
  return {
    ...argumentsOf(capture),
    ...(capture.data !== undefined && wantsData(def, want) ? dataOf(capture) : {}),
    flags,
    op: RF_OP[def.op],
  };
}

function argumentsOf(capture: Capture): Partial<CaptureRow> {
  return {
    ...(capture.path === undefined ? {} : { path: capture.path }),
    ...(capture.dirfd === undefined ? {} : { dirfd: capture.dirfd }),
    ...(capture.fd === undefined ? {} : { fd: capture.fd === 'ret' ? CAPTURE_RET : capture.fd }),
    ...(capture.addr === undefined ? {} : { addr: capture.addr }),
    ...(capture.addrLen === undefined ? {} : { addrLen: capture.addrLen }),
  };
}

function dataOf(capture: Capture): Partial<CaptureRow> {
  return {
    ...(capture.data === undefined ? {} : { data: capture.data }),
    ...(capture.dataLen === undefined
      ? {}
      : { dataLen: capture.dataLen === 'ret' ? CAPTURE_RET : capture.dataLen }),
    ...(capture.dataMax === undefined ? {} : { dataMax: capture.dataMax }),
  };
}

/** Bytes of messages are copied only for rules that read them; a struct argument always. */
function wantsData(def: EventDef, { reads }: Wanted): boolean {
  return def.io === undefined || def.capture.msghdr === true || reads.has('buffer');
}
