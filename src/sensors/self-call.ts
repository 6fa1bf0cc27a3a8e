import { native } from './libbpf.ts';
import { syscallNumber } from './syscalls.ts';

/** Calls that do nothing but fail when every argument is -1, the ones that rules watch most first. */
const HARMLESS = [
  'openat',
  'open',
  'openat2',
  'connect',
  'execve',
  'unlinkat',
  'renameat2',
  'unlink',
  'rename',
  'bind',
  'sendto',
  'close',
  'ptrace',
];

const MINUS_ONE = 0xffff_ffff_ffff_ffffn;

/** A call of those watched that is safe to make with nonsense; undefined if there is none. */
export function harmlessCall(watched: Iterable<string>): string | undefined {
  const names = new Set(watched);
  return HARMLESS.find((name) => names.has(name) && syscallNumber(name) !== undefined);
}

/** Makes it, in this thread. It fails, and has no effect. */
export function makeHarmlessCall(name: string): void {
  const nr = syscallNumber(name);
  if (nr === undefined || !HARMLESS.includes(name)) throw new Error(`${name} is not a harmless call`);
  native().syscall(nr, MINUS_ONE, MINUS_ONE, MINUS_ONE, MINUS_ONE, MINUS_ONE);
}

/** The number of this thread, as the kernel has it. */
export function threadId(): number {
  return native().syscall(syscallNumber('gettid') ?? 0, null, null, null, null, null);
}
