import { CAPTURE_RET, type CaptureRow } from '../sensors/capture.ts';
import type { EventDef } from '../sensors/event-def.ts';
import { EVENT_NAMES, EVENTS } from '../sensors/events.ts';
import { RF_CAPTURE_FLAG, RF_OP } from '../sensors/layout.gen.ts';
import { hostArch, syscallNumber } from '../sensors/syscalls.ts';

/** What the sensors are asked for. */
export interface CapturePlan {
  readonly capture: ReadonlyMap<number, CaptureRow>;
  /** Names of the system calls in `capture`. */
  readonly tracepoints: readonly string[];
  /** Events of the clone family reach the rules. */
  readonly forkEvents: boolean;
  readonly exitEvents: boolean;
}

const { OK, FAILED, CWD, MSGHDR, ENTER, ARGV } = RF_CAPTURE_FLAG;

/** Their success is told by the process lifecycle: the calls themselves are only of interest when they fail. */
const LIFECYCLE = new Set(['execve', 'execveat', 'clone', 'clone3', 'fork', 'vfork']);

/** The argument that holds argv, for a failed attempt to start a program. */
const ARGUMENTS: Readonly<Record<string, number>> = { execve: 1, execveat: 2 };

/** Keep the process table right, whatever the rules ask for; all of them are rare. */
const STATE = ['chdir', 'fchdir', 'setsid'];

/** Turns the events that rules need into what the kernel copies of which system call. */
export function planCapture(needed: ReadonlySet<number> | 'all'): CapturePlan {
  const capture = new Map<number, CaptureRow>();
  const tracepoints: string[] = [];
  const arch = hostArch();
  const wanted = EVENTS.filter(
    (def, code) => needed === 'all' || needed.has(code) || STATE.includes(def.name),
  );
  for (const def of wanted) {
    for (const call of def.syscalls) {
      const nr = syscallNumber(call, arch);
      if (nr === undefined) continue;
      capture.set(nr, rowOf(def, call));
      tracepoints.push(call);
    }
  }
  const wants = (name: string): boolean => needed === 'all' || needed.has(EVENT_NAMES.code(name) ?? -1);
  return {
    capture,
    tracepoints,
    forkEvents: ['clone', 'clone3', 'fork', 'vfork'].some(wants),
    exitEvents: wants('procexit'),
  };
}

function rowOf(def: EventDef, call: string): CaptureRow {
  const { capture } = def;
  const argv = ARGUMENTS[call];
  let flags: number = LIFECYCLE.has(call) ? FAILED : OK | FAILED;
  if (STATE.includes(def.name)) flags |= CWD;
  if (capture.msghdr) flags |= MSGHDR;
  if (capture.enter) flags |= ENTER;
  if (argv !== undefined) flags |= ARGV;
  const value = (arg: number | 'ret' | undefined): number | undefined => (arg === 'ret' ? CAPTURE_RET : arg);
  return defined({
    path: capture.path,
    dirfd: capture.dirfd,
    fd: value(capture.fd),
    addr: capture.addr,
    addrLen: capture.addrLen,
    data: argv ?? capture.data,
    dataLen: value(capture.dataLen),
    dataMax: capture.dataMax,
    flags,
    op: RF_OP[def.op],
  });
}

type Loose<T> = { readonly [K in keyof T]: T[K] | undefined };

/** Leaves out what is undefined. */
function defined(row: Loose<CaptureRow> & { readonly flags: number }): CaptureRow {
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value !== undefined),
  ) as unknown as CaptureRow;
}
