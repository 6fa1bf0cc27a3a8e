import fs from 'node:fs';
import { kernelTypeId } from './kernel-types.ts';
import { errnoName, lastErrno, native } from './libbpf.ts';
import { openTracepoint } from './perf-event.ts';
import { ATTACH, loadMark, PROG } from './probe-program.ts';
import { openTracefs } from './tracefs.ts';

/** `unknown`: it could not be found out, mostly for want of privilege; that is no answer about the kernel. */
export type Answer = 'yes' | 'no' | 'unknown';

export interface ProbeResult {
  readonly answer: Answer;
  /** Why not, or why it is not known. */
  readonly why?: string;
}

const HELPER_SEND_SIGNAL = 109;
const MAP_TASK_STORAGE = 29;
const MAP_RINGBUF = 27;
const EPERM = 1;
const EACCES = 13;
const HOOK = 'security_file_open';

/** Does what every hook here sees. */
function provoke(): void {
  fs.closeSync(fs.openSync('/dev/null', 'r'));
}

function refused(what: string, errno: number): ProbeResult {
  return { answer: 'no', why: `${what} refused by the kernel (${errnoName(errno)})` };
}

/** Loads, attaches and provokes: nothing less shows that a hook works. */
function fires(
  program: { type: number; attach: number; target: string; prefix?: number },
  attach: (fd: number) => number,
): ProbeResult {
  const id = program.prefix === undefined ? 0 : kernelTypeId(program.target, program.prefix);
  if (id < 0) return { answer: 'no', why: `the kernel has no ${program.target} to attach to` };
  const mark = loadMark(program.type, program.attach, id);
  if ('errno' in mark) return refused('loading', mark.errno);
  try {
    const link = attach(mark.fd);
    if (link < 0) return refused('attaching', lastErrno());
    provoke();
    native().close(link);
    return mark.fired() ? { answer: 'yes' } : { answer: 'no', why: 'it loads and attaches, but never runs' };
  } finally {
    mark.close();
  }
}

const open =
  (name: string | null) =>
  (fd: number): number =>
    native().rawTracepointOpen(name, fd);

function tracepoint(): ProbeResult {
  const tracefs = openTracefs();
  if (tracefs === undefined) return { answer: 'no', why: 'tracefs is neither mounted nor can it be' };
  const id = tracefs.id('syscalls', 'sys_enter_openat');
  tracefs.close();
  if (id === undefined)
    return { answer: 'no', why: 'the kernel has no syscall tracepoints (CONFIG_FTRACE_SYSCALLS)' };
  const perf = openTracepoint(id);
  try {
    return fires({ type: PROG.tracepoint, attach: 0, target: 'sys_enter_openat' }, (fd) =>
      native().linkCreate(fd, perf, ATTACH.perfEvent, null),
    );
  } finally {
    native().close(perf);
  }
}

function lsm(): ProbeResult {
  const result = fires(
    { type: PROG.lsm, attach: ATTACH.lsm, target: 'file_open', prefix: ATTACH.lsm },
    open(null),
  );
  if (result.why?.includes('never runs') !== true) return result;
  return { answer: 'no', why: 'BPF is not among the active security modules: boot with lsm=...,bpf' };
}

function cgroupSockAddr(): ProbeResult {
  const mark = loadMark(PROG.cgroupSockAddr, ATTACH.cgroupConnect4, 0, 1);
  if ('errno' in mark) return refused('loading', mark.errno);
  mark.close();
  if (cgroup2Mount() === undefined) return { answer: 'no', why: 'no cgroup v2 hierarchy is mounted' };
  return { answer: 'yes' };
}

function iterators(): ProbeResult {
  const id = kernelTypeId('task', ATTACH.iter);
  if (id < 0) return { answer: 'no', why: 'the kernel has no task iterator' };
  const mark = loadMark(PROG.tracing, ATTACH.iter, id);
  if ('errno' in mark) return refused('loading', mark.errno);
  try {
    const link = native().linkCreate(mark.fd, 0, ATTACH.iter, null);
    if (link < 0) return refused('attaching', lastErrno());
    native().close(link);
    return { answer: 'yes' };
  } finally {
    mark.close();
  }
}

function fromLibbpf(rc: number, what: string): ProbeResult {
  if (rc > 0) return { answer: 'yes' };
  if (rc === 0) return { answer: 'no', why: `this kernel has no ${what}` };
  return { answer: 'unknown', why: `libbpf could not tell (${errnoName(rc)})` };
}

function btf(): ProbeResult {
  return fs.existsSync('/sys/kernel/btf/vmlinux')
    ? { answer: 'yes' }
    : { answer: 'no', why: 'the kernel was built without CONFIG_DEBUG_INFO_BTF' };
}

/** Every probe: what it is for, and how it is made. */
const PROBES = {
  btf,
  ringbuf: () => fromLibbpf(native().probeMapType(MAP_RINGBUF, null), 'BPF ring buffer'),
  task_storage: () => fromLibbpf(native().probeMapType(MAP_TASK_STORAGE, null), 'task storage'),
  tracepoint,
  raw_tp: () => fires({ type: PROG.rawTracepoint, attach: 0, target: 'sys_enter' }, open('sys_enter')),
  tp_btf: () =>
    fires(
      { type: PROG.tracing, attach: ATTACH.traceRawTp, target: 'sys_enter', prefix: ATTACH.traceRawTp },
      open(null),
    ),
  fentry: () =>
    fires({ type: PROG.tracing, attach: ATTACH.fentry, target: HOOK, prefix: ATTACH.fentry }, open(null)),
  fmod_ret: () =>
    fires(
      { type: PROG.tracing, attach: ATTACH.modifyReturn, target: HOOK, prefix: ATTACH.modifyReturn },
      open(null),
    ),
  lsm,
  cgroup_sock_addr: cgroupSockAddr,
  signal: () =>
    fromLibbpf(native().probeHelper(PROG.tracepoint, HELPER_SEND_SIGNAL, null), 'bpf_send_signal'),
  iterators,
} as const satisfies Record<string, () => ProbeResult>;

export type Feature = keyof typeof PROBES;
export const FEATURES = Object.keys(PROBES) as readonly Feature[];

/** Whether bpf(2) is open to us at all: without it a refusal says nothing about the kernel. */
function privileged(): boolean {
  const mark = loadMark(PROG.rawTracepoint, 0, 0);
  if (!('errno' in mark)) {
    mark.close();
    return true;
  }
  return mark.errno !== EPERM && mark.errno !== EACCES;
}

/** Tries one mechanism on this kernel. Never throws, and leaves nothing behind. */
export function probe(feature: Feature): ProbeResult {
  try {
    if (feature !== 'btf' && !privileged()) {
      return { answer: 'unknown', why: 'not permitted to load BPF programs: run as root' };
    }
    return PROBES[feature]();
  } catch (error) {
    return { answer: 'unknown', why: (error as Error).message };
  }
}

/** All probes. Takes some milliseconds. */
export function probeAll(): Record<Feature, ProbeResult> {
  return Object.fromEntries(FEATURES.map((feature) => [feature, probe(feature)])) as Record<
    Feature,
    ProbeResult
  >;
}

/** Where cgroup v2 is mounted, in unified or hybrid layout. */
export function cgroup2Mount(mounts = fs.readFileSync('/proc/self/mounts', 'latin1')): string | undefined {
  const line = mounts.split('\n').find((l) => l.split(' ')[2] === 'cgroup2');
  return line?.split(' ')[1]?.replace(/\\040/g, ' ');
}
