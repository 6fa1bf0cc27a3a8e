import type { Event } from '../../engine/enrich/event.ts';
import type { Image } from '../../engine/enrich/image.ts';
import type { Process } from '../../engine/enrich/process.ts';
import { groupLeader, sessionLeader, virtualGroupLeader } from '../../engine/enrich/session.ts';
import { RF_EXE_FLAG } from '../../sensors/record/layout.gen.ts';
import { type Arg, bool, type Field, field, int, path, str, uint, whole } from './define.ts';

const exeFlag =
  (bit: number) =>
  (e: Event): boolean | undefined =>
    e.image.exeFlags === undefined ? undefined : (e.image.exeFlags & bit) !== 0;

const parentImage = (e: Event): Image | undefined => {
  const parent = e.parent;
  return parent === undefined ? undefined : e.imageOf(parent);
};

/** Of sessions and process groups. */
const SESSION = { reads: ['session'] } as const;

/** Program name, path of a group's leader. */
function leader(prefix: string, name: string, doc: string, of: (e: Event) => Process | undefined): Field[] {
  const image = (e: Event): Image | undefined => {
    const process = of(e);
    return process === undefined ? undefined : e.imageOf(process);
  };
  return [
    str(name, `Name of ${doc}.`, (e) => image(e)?.comm ?? '', SESSION),
    str(`${prefix}.exe`, `First argument of ${doc}.`, (e) => image(e)?.exe ?? '', SESSION),
    path(`${prefix}.exepath`, `Executable of ${doc}.`, (e) => image(e)?.exepath ?? '', SESSION),
  ];
}

/** One variable of an environment without blanks around it; "" when it is not set. */
export function variable(env: readonly string[] | undefined, name: string): string | undefined {
  if (env === undefined) return undefined;
  const prefix = `${name}=`;
  const entry = env.find((text) => text.length > prefix.length && text.startsWith(prefix)) ?? prefix;
  let from = prefix.length;
  let to = entry.length;
  while (from < to && entry[from] === ' ') from++;
  while (to > from && entry[to - 1] === ' ') to--;
  return entry.slice(from, to);
}

function environment(e: Event, arg: Arg): string | undefined {
  const { pid, alive } = e.process;
  return arg === undefined ? e.image.envText(pid, alive) : variable(e.image.env(pid, alive), String(arg));
}

function exeline(image: Image | undefined): string | undefined {
  if (image?.exe === undefined) return undefined;
  return image.args === '' ? image.exe : `${image.exe} ${image.args}`;
}

const startOf = (e: Event, process: Process): bigint => e.services.clock.toEpoch(process.start);

const positive = (value: bigint | undefined): bigint | undefined =>
  value === undefined || value === 0n ? undefined : value;

function sinceExeChange(e: Event): number | bigint | undefined {
  const changed = positive(e.image.exeCtime);
  return changed === undefined ? undefined : whole(BigInt.asUintN(64, startOf(e, e.process) - changed));
}

function exeChangeInNamespace(e: Event): number | bigint | undefined {
  const changed = positive(e.image.exeCtime);
  const started = e.process.pidnsStart;
  if (changed === undefined || started === undefined) return undefined;
  const span = changed - e.services.clock.toEpoch(started);
  return span > 0n ? whole(span) : undefined;
}

const identity: readonly Field[] = [
  str(
    'proc.name',
    'Name of the program: the task name at the last exec or clone, at most 15 bytes.',
    (e) => e.image.comm,
  ),
  str('proc.exe', 'First argument (argv[0]) as given: the caller chooses it.', (e) => e.image.exe),
  path('proc.exepath', 'Path of the executable, as the kernel resolved it.', (e) => e.image.exepath),
  str(
    'proc.args',
    'The arguments after the first, blank-separated; [N] one of them.',
    (e, arg) =>
      arg === undefined
        ? e.image.args
        : e.image.argv === undefined
          ? undefined
          : (e.image.argv[Number(arg) + 1] ?? ''),
    { arg: 'index' },
  ),
  str('proc.cmdline', 'Name and arguments.', (e) => e.image.cmdline),
  str('proc.exeline', 'First argument and the others.', (e) => exeline(e.image)),
  uint('proc.cmdnargs', 'Number of arguments.', (e) =>
    e.image.argv === undefined ? undefined : Math.max(0, e.image.argv.length - 1),
  ),
  uint('proc.cmdlenargs', 'Length of all arguments.', (e) =>
    e.image.argv?.slice(1).reduce((sum, arg) => sum + arg.length, 0),
  ),
  str('proc.env', 'Environment at exec, blank-separated; [NAME] one variable.', environment, {
    arg: 'key',
    dear: true,
    reads: ['env'],
  }),
  path('proc.cwd', 'Working directory, with a trailing slash.', (e) => e.cwd, { reads: ['cwd'] }),
  int('proc.pid', 'Number of the process.', (e) => e.rec.pid),
  int('proc.vpid', 'Number of the process in its own pid namespace.', (e) =>
    e.rec.vpid === 0 ? undefined : e.rec.vpid,
  ),
  int('proc.ppid', 'Number of the parent.', (e) => e.parent?.pid),
  int('proc.pvpid', 'Number of the parent in its own pid namespace.', (e) => e.parent?.vpid),
  str('proc.pname', 'Name of the parent.', (e) => parentImage(e)?.comm),
  str('proc.pexe', 'First argument of the parent.', (e) => parentImage(e)?.exe),
  path('proc.pexepath', 'Executable of the parent.', (e) => parentImage(e)?.exepath),
  str('proc.pcmdline', 'Name and arguments of the parent.', (e) => parentImage(e)?.cmdline),
  str('proc.pexeline', 'First argument of the parent and the others. Not a field of Falco.', (e) =>
    exeline(parentImage(e)),
  ),
];

const groups: readonly Field[] = [
  int('proc.sid', 'Session, as the pid namespace numbers it.', (e) => e.process.sid, SESSION),
  ...leader('proc.sid', 'proc.sname', 'the session leader', sessionLeader),
  int('proc.pgid', 'Process group.', (e) => e.process.pgid, SESSION),
  ...leader('proc.pgid', 'proc.pgid.name', 'the leader of the process group', groupLeader),
  int('proc.vpgid', 'Process group, as the pid namespace numbers it.', (e) => e.process.vpgid, SESSION),
  ...leader('proc.vpgid', 'proc.vpgid.name', 'the leader of the process group', virtualGroupLeader),
  bool(
    'proc.is_sid_leader',
    'The process leads its session.',
    (e) => (e.process.sid === undefined ? undefined : e.process.sid === e.rec.vpid),
    SESSION,
  ),
  bool(
    'proc.is_pgid_leader',
    'The process leads its group.',
    (e) => (e.process.pgid === undefined ? undefined : e.process.pgid === e.rec.pid),
    SESSION,
  ),
  bool(
    'proc.is_vpgid_leader',
    'The process leads its group, by the numbers of its namespace.',
    (e) => (e.process.vpgid === undefined ? undefined : e.process.vpgid === e.rec.vpid),
    SESSION,
  ),
  uint('proc.tty', 'Controlling terminal as a device number, 0 for none.', (e) => e.process.tty),
  int(
    'proc.loginshellid',
    'The oldest of the process and its ancestors whose name ends in `sh`.',
    (e) =>
      [...e.ancestors]
        .reverse()
        .concat(e.process)
        .find((p) => e.imageOf(p).comm.endsWith('sh'))?.pid,
  ),
];

const times: readonly Field[] = [
  field('proc.duration', 'reltime', 'Age of the process: time since it was forked.', (e) =>
    Math.max(0, e.ts - e.process.start),
  ),
  field('proc.ppid.duration', 'reltime', 'Age of the parent.', (e) =>
    e.parent === undefined ? undefined : Math.max(0, e.ts - e.parent.start),
  ),
  field('proc.pid.ts', 'time', 'When the process was forked, in nanoseconds since the epoch.', (e) =>
    startOf(e, e.process),
  ),
  field('proc.ppid.ts', 'time', 'When the parent was forked.', (e) =>
    e.parent === undefined ? undefined : startOf(e, e.parent),
  ),
  field('proc.pidns_init_start_ts', 'time', 'Start of the first process of the pid namespace.', (e) =>
    e.process.pidnsStart === undefined ? undefined : e.services.clock.toEpoch(e.process.pidnsStart),
  ),
];

const executable: readonly Field[] = [
  bool(
    'proc.is_exe_writable',
    'The user of the process may write to its executable.',
    exeFlag(RF_EXE_FLAG.WRITABLE),
  ),
  bool(
    'proc.is_exe_upper_layer',
    'The executable is in the upper layer of an overlay file system.',
    exeFlag(RF_EXE_FLAG.UPPER_LAYER),
  ),
  bool(
    'proc.is_exe_lower_layer',
    'The executable is in a lower layer of an overlay file system.',
    exeFlag(RF_EXE_FLAG.LOWER_LAYER),
  ),
  bool(
    'proc.is_exe_from_memfd',
    'The executable is an anonymous file in memory.',
    exeFlag(RF_EXE_FLAG.FROM_MEMFD),
  ),
  int('proc.exe_ino', 'Inode of the executable.', (e) => (e.image.exeIno === 0 ? undefined : e.image.exeIno)),
  field('proc.exe_ino.ctime', 'time', 'Last change of the inode of the executable.', (e) =>
    positive(e.image.exeCtime),
  ),
  field('proc.exe_ino.mtime', 'time', 'Last change of the content of the executable.', (e) =>
    positive(e.image.exeMtime),
  ),
  field(
    'proc.exe_ino.ctime_duration_proc_start',
    'reltime',
    'From the last change of the inode of the executable to the start of the process.',
    sinceExeChange,
  ),
  field(
    'proc.exe_ino.ctime_duration_pidns_start',
    'reltime',
    'From the start of the pid namespace to the last change of the executable, if it changed after.',
    exeChangeInNamespace,
  ),
];

const deprecated: readonly Field[] = ['healthcheck', 'liveness_probe', 'readiness_probe'].map((name) =>
  bool(`proc.is_container_${name}`, 'Always false.', () => false, { deprecated: true }),
);

export const PROC_FIELDS: readonly Field[] = [...identity, ...groups, ...times, ...executable, ...deprecated];
