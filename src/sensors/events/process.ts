import { RF_FD_TYPE } from '../record/layout.gen.ts';
import type { EventDef, ParamDef } from './event-def.ts';
import {
  constant,
  data,
  fd,
  flags,
  i32,
  ofProcess,
  ret,
  row,
  text,
  u32,
  u64,
  value,
  word32,
} from './event-def.ts';
import {
  CLONE_FLAGS,
  cloneFlags,
  DELETE_MODULE_FLAGS,
  descriptorFlags,
  EXECVE_FLAGS,
  FILE_FLAGS,
  FINIT_FLAGS,
  IO_URING_SETUP_FLAGS,
  MMAP_FLAGS,
  PIDFD_FLAGS,
  PROT_FLAGS,
} from './flags.ts';
import { BPF_COMMANDS, PR_SET_NAME, PRCTL_OPTIONS, PTRACE_REQUESTS, ptraceRequest } from './names.ts';

const res = ret('res');
const create = { fd: 'create' } as const;

/** Resource figures: kept for the numbering of parameters, not measured. */
const usage = (...names: string[]): ParamDef[] => names.map((name) => ({ name, type: 'int' }));

/** What execve and the clone family show of a process, up to its cgroups. */
const IMAGE: readonly ParamDef[] = [
  ofProcess('exe', 'string'),
  ofProcess('args', 'bytes'),
  ofProcess('tid', 'pid'),
  ofProcess('pid', 'pid'),
  ofProcess('ptid', 'pid'),
  ofProcess('cwd', 'string'),
  ...usage('fdlimit', 'pgft_maj', 'pgft_min', 'vm_size', 'vm_rss', 'vm_swap'),
  ofProcess('comm', 'string'),
  ofProcess('cgroups', 'bytes'),
];

const EXEC: readonly ParamDef[] = [
  { ...res, process: 'res' },
  ...IMAGE,
  ofProcess('env', 'bytes'),
  ofProcess('tty', 'int'),
  ofProcess('vpgid', 'pid'),
  ofProcess('loginuid', 'uid'),
  ofProcess('flags', 'flags', 'exeFlags', EXECVE_FLAGS),
  ofProcess('cap_inheritable', 'hex', 'capInheritable'),
  ofProcess('cap_permitted', 'hex', 'capPermitted'),
  ofProcess('cap_effective', 'hex', 'capEffective'),
  ofProcess('exe_ino', 'int', 'exeIno'),
  ofProcess('exe_ino_ctime', 'time', 'exeCtime'),
  ofProcess('exe_ino_mtime', 'time', 'exeMtime'),
  ofProcess('uid', 'uid'),
  ofProcess('trusted_exepath', 'path', 'exepath'),
  ofProcess('pgid', 'pid'),
  ofProcess('gid', 'gid'),
];

const CLONE: readonly ParamDef[] = [
  ofProcess('res', 'pid', 'child'),
  ...IMAGE,
  ofProcess('flags', 'flags', 'cloneFlags', CLONE_FLAGS),
  ofProcess('uid', 'int'),
  ofProcess('gid', 'int'),
  ofProcess('vtid', 'pid'),
  ofProcess('vpid', 'pid'),
  ofProcess('pidns_init_start_ts', 'int', 'pidnsStart'),
];

const lifecycle: readonly EventDef[] = [
  row(
    'execve',
    'process',
    'A program was started, or the attempt failed.',
    { path: [0], dirfd: [-1], data: 1, dataMax: 4096, argv: true },
    [...EXEC, { ...ofProcess('filename', 'path'), path: 0 }],
    { op: 'EXEC' },
  ),
  row(
    'execveat',
    'process',
    'The attempt to start a program through a directory failed.',
    { path: [1], dirfd: [0], data: 2, dataMax: 4096, argv: true },
    EXEC,
    { op: 'EXEC' },
  ),
  ...['clone', 'clone3', 'fork', 'vfork'].map((name) =>
    row(name, 'process', 'A process or thread was made.', {}, CLONE),
  ),
  row(
    'procexit',
    'process',
    'A process or thread ended.',
    {},
    [
      ofProcess('status', 'int', 'exitStatus'),
      ofProcess('ret', 'int', 'exitCode'),
      ofProcess('sig', 'signal', 'exitSignal'),
      ofProcess('core', 'int', 'exitCore'),
      ofProcess('reaper_tid', 'pid', 'reaper'),
    ],
    { syscalls: [], result: false },
  ),
];

const control: readonly EventDef[] = [
  row(
    'kill',
    'signal',
    'A signal was sent to a process.',
    {},
    [res, i32('pid', 'pid', 0), i32('sig', 'signal', 1)],
    {
      op: 'KILL',
    },
  ),
  row(
    'tkill',
    'signal',
    'A signal was sent to a thread.',
    {},
    [res, i32('tid', 'pid', 0), i32('sig', 'signal', 1)],
    {
      op: 'KILL',
    },
  ),
  row(
    'tgkill',
    'signal',
    'A signal was sent to a thread of a process.',
    {},
    [res, i32('pid', 'pid', 0), i32('tid', 'pid', 1), i32('sig', 'signal', 2)],
    { op: 'KILL' },
  ),
  row(
    'ptrace',
    'process',
    'A process was traced or controlled.',
    {},
    [
      res,
      u64('addr', 'dyn', 2),
      u64('data', 'dyn', 3),
      constant('request', PTRACE_REQUESTS, 0, ptraceRequest),
      i32('pid', 'pid', 1),
    ],
    { op: 'PTRACE' },
  ),
  row(
    'process_vm_readv',
    'IPC',
    'The memory of another process was read.',
    {},
    [ret('res', 'int'), i32('pid', 'pid', 0), { name: 'data', type: 'bytes' }],
    { op: 'PTRACE', io: 'read' },
  ),
  row(
    'process_vm_writev',
    'IPC',
    'The memory of another process was written.',
    {},
    [ret('res', 'int'), i32('pid', 'pid', 0), { name: 'data', type: 'bytes' }],
    { op: 'PTRACE', io: 'write' },
  ),
  row(
    'setns',
    'process',
    'The task entered a namespace.',
    { fd: 0 },
    [res, fd('fd', 0), flags('nstype', CLONE_FLAGS, 1, cloneFlags)],
    { fd: 'use' },
  ),
  row('unshare', 'process', 'The task left shared namespaces or resources.', {}, [
    res,
    flags('flags', CLONE_FLAGS, 0, cloneFlags),
  ]),
  row('setsid', 'process', 'A session was started.', {}, [ret('res', 'pid')]),
  row('setpgid', 'process', 'A process group was set.', {}, [
    res,
    i32('pid', 'pid', 0),
    i32('pgid', 'pid', 1),
  ]),
  row('prctl', 'process', 'Attributes of a process were read or changed.', { path: [1] }, [
    res,
    constant('option', PRCTL_OPTIONS, 0),
    value('arg2_str', 'string', (rec) => (rec.argU32(0) === PR_SET_NAME ? rec.path0 : undefined)),
    value('arg2_int', 'int', (rec) => (rec.argU32(0) === PR_SET_NAME ? 0 : rec.arg(1))),
  ]),
  row('seccomp', 'other', 'A system call filter was installed.', {}, [
    res,
    u64('op', 'int', 0),
    u64('flags', 'hex', 1),
  ]),
  row(
    'pidfd_open',
    'process',
    'A descriptor for a process was made.',
    { fd: 'ret' },
    [ret('fd', 'fd'), i32('pid', 'pid', 0), flags('flags', PIDFD_FLAGS, 1)],
    create,
  ),
  row(
    'pidfd_getfd',
    'process',
    'A descriptor was taken from another process.',
    { fd: 'ret' },
    [ret('fd', 'fd'), fd('pid_fd', 0), fd('target_fd', 1), u32('flags', 'hex', 2)],
    create,
  ),
];

const setId = (name: string, kind: 'uid' | 'gid', ...params: string[]): EventDef =>
  row(
    name,
    'user',
    `The ${kind === 'uid' ? 'user' : 'group'} of the process was changed.`,
    {},
    [res, ...params.map((param, i) => u32(param, kind, i))],
    { op: 'SETUID' },
  );

const credentials: readonly EventDef[] = [
  setId('setuid', 'uid', 'uid'),
  setId('setreuid', 'uid', 'ruid', 'euid'),
  setId('setresuid', 'uid', 'ruid', 'euid', 'suid'),
  setId('setgid', 'gid', 'gid'),
  setId('setregid', 'gid', 'rgid', 'egid'),
  setId('setresgid', 'gid', 'rgid', 'egid', 'sgid'),
  row('capset', 'process', 'The capabilities of a thread were set.', { data: 1, dataMax: 24 }, [
    res,
    value('cap_inheritable', 'hex', (rec) => capabilities(rec.data, 8)),
    value('cap_permitted', 'hex', (rec) => capabilities(rec.data, 4)),
    value('cap_effective', 'hex', (rec) => capabilities(rec.data, 0)),
  ]),
];

/** A set of user_cap_data_struct: low words in the first, high words in the second. */
function capabilities(bytes: string | undefined, offset: number): bigint | undefined {
  const low = word32(bytes, offset);
  if (low === undefined) return undefined;
  return (BigInt(word32(bytes, offset + 12) ?? 0) << 32n) | BigInt(low);
}

const memory: readonly EventDef[] = [
  row(
    'mmap',
    'memory',
    'Memory was mapped.',
    { fd: 4 },
    [
      ret('res', 'hex'),
      ...usage('vm_size', 'vm_rss', 'vm_swap'),
      u64('addr', 'hex', 0),
      u64('length', 'int', 1),
      flags('prot', PROT_FLAGS, 2),
      flags('flags', MMAP_FLAGS, 3),
      fd('fd', 4),
      u64('offset', 'int', 5),
    ],
    { fd: 'use', op: 'MMAP_EXEC' },
  ),
  row(
    'mprotect',
    'memory',
    'The protection of memory was changed.',
    {},
    [res, u64('addr', 'hex', 0), u64('length', 'int', 1), flags('prot', PROT_FLAGS, 2)],
    { op: 'MMAP_EXEC' },
  ),
  row(
    'userfaultfd',
    'file',
    'A descriptor for page faults was made.',
    { fd: 'ret' },
    [res, flags('flags', FILE_FLAGS, 0, descriptorFlags)],
    create,
  ),
];

const kernel: readonly EventDef[] = [
  row(
    'bpf',
    'other',
    'A BPF command was issued.',
    { fd: 'ret' },
    [ret('fd', 'fd'), constant('cmd', BPF_COMMANDS, 0)],
    {
      fd: 'create',
      fdType: RF_FD_TYPE.BPF,
      op: 'BPF',
    },
  ),
  row(
    'init_module',
    'other',
    'A kernel module was loaded from memory.',
    {
      path: [2],
      data: 0,
      dataLen: 1,
      dataMax: 80,
    },
    [res, data('img'), u64('length', 'int', 1), text('uargs', 'string')],
    { op: 'MODULE' },
  ),
  row(
    'finit_module',
    'other',
    'A kernel module was loaded from a file.',
    { path: [1], fd: 0 },
    [res, fd('fd', 0), text('uargs', 'string'), flags('flags', FINIT_FLAGS, 2)],
    { fd: 'use', op: 'MODULE' },
  ),
  row(
    'delete_module',
    'other',
    'A kernel module was unloaded.',
    { path: [0] },
    [res, text('name', 'string'), flags('flags', DELETE_MODULE_FLAGS, 1)],
    { op: 'MODULE' },
  ),
  row(
    'io_uring_setup',
    'other',
    'An io_uring was made.',
    { fd: 'ret', data: 1, dataMax: 24 },
    [
      ret('res', 'fd'),
      u32('entries', 'int', 0),
      value('sq_entries', 'int', (rec) => word32(rec.data, 0)),
      value('cq_entries', 'int', (rec) => word32(rec.data, 4)),
      value('flags', 'flags', (rec) => word32(rec.data, 8), IO_URING_SETUP_FLAGS),
      value('sq_thread_cpu', 'int', (rec) => word32(rec.data, 12)),
      value('sq_thread_idle', 'int', (rec) => word32(rec.data, 16)),
      value('features', 'hex', (rec) => word32(rec.data, 20)),
    ],
    create,
  ),
];

/** Calls that make a descriptor and show nothing else. */
const makers: readonly EventDef[] = (
  [
    ['eventfd', 'IPC'],
    ['eventfd2', 'IPC'],
    ['signalfd', 'signal'],
    ['signalfd4', 'signal'],
    ['inotify_init', 'IPC'],
    ['inotify_init1', 'IPC'],
    ['epoll_create', 'wait'],
    ['epoll_create1', 'wait'],
    ['timerfd_create', 'time'],
  ] as const
).map(([name, category]) =>
  row(name, category, 'A descriptor was made.', { fd: 'ret' }, [ret('res', 'fd')], create),
);

export const PROCESS_EVENTS: readonly EventDef[] = [
  ...lifecycle,
  ...control,
  ...credentials,
  ...memory,
  ...kernel,
  ...makers,
];
