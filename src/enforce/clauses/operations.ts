import { RF_OP } from '../../sensors/record/layout.gen.ts';

/** The kinds of operation that the classifier tells apart, each with the events that user space knows. */
export interface Operation {
  readonly name: string;
  readonly op: number;
  readonly events: readonly string[];
}

const SETUID = ['setuid', 'setreuid', 'setresuid'] as const;
const SETGID = ['setgid', 'setregid', 'setresgid'] as const;
const CHOWN = ['chown', 'lchown', 'fchown', 'fchownat'] as const;

export const OPERATIONS = [
  { name: 'exec', op: RF_OP.EXEC, events: ['execve', 'execveat'] },
  { name: 'open', op: RF_OP.OPEN, events: ['open', 'openat', 'openat2', 'creat', 'open_by_handle_at'] },
  { name: 'connect', op: RF_OP.CONNECT, events: ['connect'] },
  { name: 'bind', op: RF_OP.BIND, events: ['bind'] },
  { name: 'send', op: RF_OP.SENDMSG, events: ['sendto', 'sendmsg', 'sendmmsg'] },
  { name: 'listen', op: RF_OP.LISTEN, events: ['listen'] },
  { name: 'accept', op: RF_OP.ACCEPT, events: ['accept', 'accept4'] },
  { name: 'socket', op: RF_OP.SOCKET, events: ['socket', 'socketpair'] },
  { name: 'unlink', op: RF_OP.UNLINK, events: ['unlink', 'unlinkat', 'rmdir'] },
  { name: 'rename', op: RF_OP.RENAME, events: ['rename', 'renameat', 'renameat2'] },
  { name: 'link', op: RF_OP.LINK, events: ['link', 'linkat'] },
  { name: 'symlink', op: RF_OP.SYMLINK, events: ['symlink', 'symlinkat'] },
  { name: 'mkdir', op: RF_OP.MKDIR, events: ['mkdir', 'mkdirat'] },
  { name: 'chmod', op: RF_OP.CHMOD, events: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2', ...CHOWN] },
  { name: 'mount', op: RF_OP.MOUNT, events: ['mount', 'umount', 'umount2', 'move_mount'] },
  { name: 'ptrace', op: RF_OP.PTRACE, events: ['ptrace', 'process_vm_readv', 'process_vm_writev'] },
  { name: 'module', op: RF_OP.MODULE, events: ['init_module', 'finit_module', 'delete_module'] },
  { name: 'bpf', op: RF_OP.BPF, events: ['bpf'] },
  { name: 'setuid', op: RF_OP.SETUID, events: [...SETUID, ...SETGID] },
  { name: 'kill', op: RF_OP.KILL, events: ['kill', 'tkill', 'tgkill'] },
  { name: 'truncate', op: RF_OP.TRUNCATE, events: ['truncate', 'ftruncate'] },
] as const satisfies readonly Operation[];

export type OperationName = (typeof OPERATIONS)[number]['name'];

const BY_NAME = new Map<string, Operation>(OPERATIONS.map((o) => [o.name, o]));

export function operation(name: OperationName): Operation {
  const found = BY_NAME.get(name);
  if (found === undefined) throw new Error(`no such operation: ${name}`);
  return found;
}

/**
 * Operations that a rule may refuse, each with the calls that do the same: a rule that names one of them refuses them
 * all, since another would be the way around it. The first word of a row stands for the rest, not the other way round.
 */
const DENIABLE: Readonly<Partial<Record<OperationName, readonly (readonly [string, ...string[]])[]>>> = {
  exec: together('execve', 'execveat'),
  open: together('open', 'openat', 'openat2', 'creat', 'open_by_handle_at'),
  connect: together('connect'),
  bind: together('bind'),
  send: together('sendto', 'sendmsg', 'sendmmsg'),
  unlink: [['unlink', 'unlinkat', 'rmdir'], ['unlinkat', 'unlink', 'rmdir'], ['rmdir']],
  rename: together('rename', 'renameat', 'renameat2'),
  link: together('link', 'linkat'),
  symlink: together('symlink', 'symlinkat'),
  mkdir: together('mkdir', 'mkdirat'),
  mount: [...together('mount', 'move_mount'), ...together('umount', 'umount2')],
  ptrace: [['ptrace', 'process_vm_readv', 'process_vm_writev'], ['process_vm_readv'], ['process_vm_writev']],
  module: together('init_module', 'finit_module'),
  bpf: together('bpf'),
  setuid: [...together(...SETUID), ...together(...SETGID)],
};

function together(...calls: [string, ...string[]]): [string, ...string[]][] {
  return calls.map((call) => [call, ...calls]);
}

/** Whether anything can refuse an operation on some tier. */
export function isDeniable(name: OperationName): boolean {
  return DENIABLE[name] !== undefined;
}

/** The calls that a denying rule on `event` refuses; none where the kernel asks nobody about it. */
export function refusedWith(name: OperationName, event: string): readonly string[] {
  return DENIABLE[name]?.find(([call]) => call === event) ?? [];
}
