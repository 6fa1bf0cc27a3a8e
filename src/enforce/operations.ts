/**
 * The kinds of operation that the classifier tells apart, with the number of `enum rf_op` in event.h and the events
 * that user space calls by these names.
 */
export interface Operation {
  readonly name: string;
  readonly op: number;
  readonly events: readonly string[];
}

export const OPERATIONS = [
  { name: 'exec', op: 1, events: ['execve', 'execveat'] },
  { name: 'open', op: 2, events: ['open', 'openat', 'openat2', 'creat', 'open_by_handle_at'] },
  { name: 'connect', op: 3, events: ['connect'] },
  { name: 'bind', op: 4, events: ['bind'] },
  { name: 'send', op: 5, events: ['sendto', 'sendmsg', 'sendmmsg'] },
  { name: 'listen', op: 6, events: ['listen'] },
  { name: 'accept', op: 7, events: ['accept', 'accept4'] },
  { name: 'socket', op: 8, events: ['socket'] },
  { name: 'unlink', op: 9, events: ['unlink', 'unlinkat', 'rmdir'] },
  { name: 'rename', op: 10, events: ['rename', 'renameat', 'renameat2'] },
  { name: 'link', op: 11, events: ['link', 'linkat'] },
  { name: 'symlink', op: 12, events: ['symlink', 'symlinkat'] },
  { name: 'mkdir', op: 13, events: ['mkdir', 'mkdirat'] },
  { name: 'chmod', op: 14, events: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'] },
  { name: 'mount', op: 15, events: ['mount', 'umount', 'umount2', 'move_mount'] },
  { name: 'ptrace', op: 16, events: ['ptrace'] },
  { name: 'module', op: 17, events: ['init_module', 'finit_module', 'delete_module'] },
  { name: 'bpf', op: 18, events: ['bpf'] },
  { name: 'setuid', op: 19, events: ['setuid', 'setreuid', 'setresuid'] },
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
