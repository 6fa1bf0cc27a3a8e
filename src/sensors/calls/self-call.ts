import { native } from '../bpf/libbpf.ts';
import { syscallNumber } from '../events/syscalls.ts';

type Argument = bigint | Uint8Array;

const NONE = 0xffff_ffff_ffff_ffffn;
/** No folder, so nothing is below it. A bad pointer would not do: opens are seen where a path is walked. */
const PATH = Buffer.from('/dev/null/ringfence-canary\0');
/** struct open_how: flags, mode, resolve. */
const HOW = Buffer.alloc(24);

/** Calls that with these arguments (all others are -1) do nothing but fail, the ones that rules watch most first. */
const HARMLESS = new Map<string, readonly Argument[]>([
  ['openat', [NONE, PATH, 0n, 0n]],
  ['open', [PATH, 0n, 0n]],
  ['openat2', [NONE, PATH, HOW, BigInt(HOW.length)]],
  ['connect', []],
  ['execve', []],
  ['unlinkat', []],
  ['renameat2', []],
  ['unlink', []],
  ['rename', []],
  ['bind', []],
  ['sendto', []],
  ['close', []],
  ['ptrace', []],
]);

/** The calls that this machine has. */
export const harmlessCalls = (): string[] =>
  [...HARMLESS.keys()].filter((name) => syscallNumber(name) !== undefined);

/** A call of those watched that is safe to make with nonsense; undefined if there is none. */
export function harmlessCall(watched: Iterable<string>): string | undefined {
  const names = new Set(watched);
  return harmlessCalls().find((name) => names.has(name));
}

/** Makes it, in this thread. It fails, and has no effect. */
export function makeHarmlessCall(name: string): void {
  const nr = syscallNumber(name);
  const given = HARMLESS.get(name);
  if (nr === undefined || given === undefined) throw new Error(`${name} is not a harmless call`);
  const [a = NONE, b = NONE, c = NONE, d = NONE, e = NONE] = given;
  native().syscall(nr, a, b, c, d, e);
}

/** The number of this thread, as the kernel has it. */
export function threadId(): number {
  return native().syscall(syscallNumber('gettid') ?? 0, null, null, null, null, null);
}
