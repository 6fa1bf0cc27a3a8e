/**
 * The kinds of operation that the classifier tells apart, with the number of `enum rf_op` in event.h and the events
 * that user space calls by these names.
 */
export interface Operation {
  readonly name: string;
  readonly op: number;
  readonly events: readonly string[];
}

const SETUID = ['setuid', 'setreuid', 'setresuid'] as const;
const SETGID = ['setgid', 'setregid', 'setresgid'] as const;
const CHOWN = ['chown', 'lchown', 'fchown', 'fchownat'] as const;

export const OPERATIONS = [
  { name: 'exec', op: 1, events: ['execve', 'execveat'] },
  { name: 'open', op: 2, events: ['open', 'openat', 'openat2', 'creat', 'open_by_handle_at'] },
  { name: 'connect', op: 3, events: ['connect'] },
  { name: 'bind', op: 4, events: ['bind'] },
  { name: 'send', op: 5, events: ['sendto', 'sendmsg', 'sendmmsg'] },
  { name: 'listen', op: 6, events: ['listen'] },
  { name: 'accept', op: 7, events: ['accept', 'accept4'] },
  { name: 'socket', op: 8, events: ['socket', 'socketpair'] },
  { name: 'unlink', op: 9, events: ['unlink', 'unlinkat', 'rmdir'] },
  { name: 'rename', op: 10, events: ['rename', 'renameat', 'renameat2'] },
  { name: 'link', op: 11, events: ['link', 'linkat'] },
  { name: 'symlink', op: 12, events: ['symlink', 'symlinkat'] },
  { name: 'mkdir', op: 13, events: ['mkdir', 'mkdirat'] },
  { name: 'chmod', op: 14, events: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2', ...CHOWN] },
  { name: 'mount', op: 15, events: ['mount', 'umount', 'umount2', 'move_mount'] },
  { name: 'ptrace', op: 16, events: ['ptrace', 'process_vm_readv', 'process_vm_writev'] },
  { name: 'module', op: 17, events: ['init_module', 'finit_module', 'delete_module'] },
  { name: 'bpf', op: 18, events: ['bpf'] },
  { name: 'setuid', op: 19, events: [...SETUID, ...SETGID] },
  { name: 'kill', op: 20, events: ['kill', 'tkill', 'tgkill'] },
  { name: 'truncate', op: 21, events: ['truncate', 'ftruncate'] },
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
