import type { EventDef } from './event-def.ts';
import { FILE_EVENTS } from './file.ts';
import { IO_EVENTS } from './io.ts';
import { NET_EVENTS } from './net.ts';
import { PROCESS_EVENTS } from './process.ts';
import { RESOURCE_EVENTS } from './resources.ts';
import type { Arch } from './syscalls.ts';
import { allSyscallNames, hostArch, syscallNumber } from './syscalls.ts';

/**
 * The event table: one row an event. A row says what the kernel copies for the call and how the record's members
 * become the event's parameters; a new event is a new row.
 *
 * Every other system call of either architecture has a generic event: a name, and nothing else.
 */
const SPECIFIC: readonly EventDef[] = [
  ...FILE_EVENTS,
  ...NET_EVENTS,
  ...PROCESS_EVENTS,
  ...IO_EVENTS,
  ...RESOURCE_EVENTS,
];

/**
 * Names that rules may use and that no sensor raises: Falco's own events, and calls that neither architecture has by
 * that name. A 32-bit program's `setuid32` is the event `setuid`, its `send` the event `sendto`.
 */
const NEVER_RAISED = `
  container container_removed signaldeliver switch page_fault drop asyncevent pluginevent procinfo cpu_hotplug
  useradded userdeleted groupadded groupdeleted notification infra k8s mesos scapevent syscall
  send recv stat64 lstat64 fstat64 llseek mmap2
  _llseek _newselect bdflush break chown32 fadvise64_64 fchown32 fcntl64 fstatat64 fstatfs64 ftime ftruncate64
  getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32 gtty idle lchown32 lock mpx nice oldfstat
  oldlstat oldolduname oldstat olduname prof profil readdir recvmmsg_time64 sendfile64 setfsgid32 setfsuid32 setgid32
  setgroups32 setregid32 setresgid32 setresuid32 setreuid32 setuid32 sgetmask sigaction signal sigpending sigprocmask
  sigreturn sigsuspend socketcall ssetmask statfs64 stime stty sync_file_range2 truncate64 ugetrlimit ulimit vm86
  vm86old waitpid
`
  .trim()
  .split(/\s+/);

function generic(name: string, syscalls: readonly string[]): EventDef {
  return {
    name,
    category: 'other',
    doc: syscalls.length === 0 ? 'Known by name only; never raised.' : 'The bare system call.',
    syscalls,
    fd: 'none',
    capture: {},
    op: 'OTHER',
    params: [],
    result: false,
    specific: false,
  };
}

function buildTable(): readonly EventDef[] {
  const taken = new Set(SPECIFIC.flatMap((def) => [def.name, ...def.syscalls]));
  return [
    ...SPECIFIC,
    ...allSyscallNames()
      .filter((name) => !taken.has(name))
      .map((name) => generic(name, [name])),
    ...NEVER_RAISED.map((name) => generic(name, [])),
  ];
}

/** All events; the index is the event's code. */
export const EVENTS: readonly EventDef[] = buildTable();

const CODES: ReadonlyMap<string, number> = new Map([
  ...EVENTS.flatMap((def, code) => def.syscalls.map((call) => [call, code] as const)),
  ...EVENTS.map((def, code) => [def.name, code] as const),
]);

/** Names and codes for evt.type and for dispatch by event. */
export const EVENT_NAMES = {
  names: EVENTS.map((def) => def.name),
  /** Code of an event name, or of the system call that raises it. */
  code: (name: string): number | undefined => CODES.get(name),
} as const;

/** The row with this name; throws for a name that is not in the table (a mistake in our own code). */
export function eventDef(name: string): EventDef {
  const code = CODES.get(name);
  if (code === undefined) throw new Error(`no event named ${name}`);
  return EVENTS[code]!;
}

/** Event codes by system call number. */
export function codesByNumber(arch: Arch = hostArch()): Int32Array {
  const codes = new Int32Array(1024).fill(-1);
  EVENTS.forEach((def, code) => {
    for (const call of def.syscalls) {
      const nr = syscallNumber(call, arch);
      if (nr !== undefined) codes[nr] = code;
    }
  });
  return codes;
}

/** Parameters of Falco's events that no event here has: rules may name them, and they are always missing. */
const NEVER_SHOWN = `
  ID nativeID event_type event_data plugin_id next ratio spid dpid cpu_usr cpu_sys cpu action ip error json desc
  description source scope tags id image
  initval mask clockid maxevents fds timeout sigmask pgoffset res_or_fd quota_fmt quota_fmt_out quotafilepath
  dqb_bhardlimit dqb_bsoftlimit dqb_curspace dqb_ihardlimit dqb_isoftlimit dqb_btime dqb_itime dqi_bgrace dqi_igrace
  dqi_flags sem_num_0 sem_op_0 sem_flg_0 sem_num_1 sem_op_1 sem_flg_1
`
  .trim()
  .split(/\s+/);

/** All parameter names of all events: what may follow `evt.arg.`. */
export const PARAM_NAMES: ReadonlySet<string> = new Set([
  ...EVENTS.flatMap((def) => def.params.map((p) => p.name)),
  ...NEVER_SHOWN,
]);
