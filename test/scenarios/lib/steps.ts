import { constants as files } from 'node:fs';
import { syscallNumber } from '../../../src/sensors/events/syscalls.ts';
import { compatCalls } from '../../../src/sensors/events/syscalls-ia32.ts';

/** An argument of a system call. */
export type Argument =
  | number
  | null
  /** `@N`: the result of call N. `O_RDWR|O_CREAT`: numbers by name. Anything else is a text. */
  | string
  /** Address and length: `1.2.3.4:80`, `::1,80`, a path or `@name`. */
  | { readonly inet: string }
  | { readonly inet6: string }
  | { readonly unix: string }
  | { readonly bytes: string }
  | { readonly text: string }
  /** A struct open_how and its size. */
  | { readonly how: readonly [flags: string | number, mode: number, resolve: number] };

/** Goes on in a child that is a copy of the actor. */
export interface Spawn {
  readonly path: string;
  /** Name of the process: it is started through a symbolic link beside `path`. */
  readonly name?: string;
  readonly argv0?: string;
  readonly args?: readonly string[];
  readonly uid?: number;
}

/** A system call by its name, or one of the actor's own verbs. */
export type ActStep =
  | { readonly spawn: Spawn | string }
  | { readonly exec: readonly string[] }
  /** Goes on from memory: name, arguments. */
  | { readonly memfd: readonly string[] }
  | { readonly run: readonly string[] }
  | { readonly sleep: number }
  /** A system call as a 32-bit program makes it. */
  | { readonly compat: Readonly<Record<string, readonly Argument[]>> }
  /** Goes on in a child, made by vfork: path, arguments. */
  | { readonly vfork: readonly string[] }
  /** Opens a file by io_uring. */
  | { readonly uring: string }
  | 'fork'
  | 'orphan'
  | 'thread'
  | Readonly<Record<string, readonly Argument[]>>;

const NAMES: Readonly<Record<string, number>> = {
  ...(files as unknown as Record<string, number>),
  AT_FDCWD: -100,
  AT_EMPTY_PATH: 0x1000,
  AT_REMOVEDIR: 0x200,
  O_CLOEXEC: 0o2000000,
  O_TMPFILE: process.arch === 'arm64' ? 0o20040000 : 0o20200000,
  O_PATH: 0o10000000,
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  AF_PACKET: 17,
  SOCK_STREAM: 1,
  SOCK_DGRAM: 2,
  SOCK_RAW: 3,
  SOCK_NONBLOCK: 0o4000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWNET: 0x40000000,
  PTRACE_TRACEME: 0,
  PTRACE_POKETEXT: 4,
  PTRACE_ATTACH: 16,
  PTRACE_SETREGS: 13,
  PTRACE_CONT: 7,
};

function byName(text: string): number | undefined {
  const parts = text.split('|').map((name) => NAMES[name]);
  return parts.every((part) => part !== undefined) ? parts.reduce((sum, part) => sum | part, 0) : undefined;
}

function words(argument: Argument): string[] {
  if (argument === null) return ['n'];
  if (typeof argument === 'number') return [`i${argument}`];
  if (typeof argument === 'string') {
    if (/^@\d+$/.test(argument)) return [argument];
    const number = byName(argument);
    return [number === undefined ? `s${argument}` : `i${number}`];
  }
  if ('inet' in argument) return [`4${argument.inet}`];
  if ('inet6' in argument) return [`6${argument.inet6}`];
  if ('unix' in argument) return [`u${argument.unix}`];
  if ('bytes' in argument) return [`b${argument.bytes}`];
  if ('text' in argument) return [`s${argument.text}`];
  const [flags, mode, resolve] = argument.how;
  const bytes = Buffer.alloc(24);
  const number = typeof flags === 'number' ? flags : byName(flags);
  bytes.writeBigUInt64LE(BigInt(number ?? 0), 0);
  bytes.writeBigUInt64LE(BigInt(mode), 8);
  bytes.writeBigUInt64LE(BigInt(resolve), 16);
  return [`b${bytes.toString('hex')}`, 'i24'];
}

function spawnLine(spawn: Spawn | string): string[] {
  const { path, name, argv0, args, uid }: Spawn = typeof spawn === 'string' ? { path: spawn } : spawn;
  const link = name === undefined ? '' : path.replace(/[^/]*$/, name);
  const first = argv0 ?? name ?? path.replace(/^.*\//, '');
  return ['spawn', path, link, first, uid === undefined ? '' : String(uid), ...(args ?? [])];
}

/** The line that the actor reads; see act.c. */
function line(step: ActStep): string[] {
  if (typeof step === 'string') return [step];
  const [name, value] = Object.entries(step)[0] as [string, unknown];
  if (name === 'spawn') return spawnLine(value as Spawn | string);
  if (name === 'sleep') return ['sleep', String(value)];
  if (name === 'uring') return ['uring', String(value)];
  if (WITH_WORDS.has(name)) return [name, ...(value as string[])];
  if (name === 'compat') return callLine('call32', value as Readonly<Record<string, readonly Argument[]>>);
  return callLine('call', step as Readonly<Record<string, readonly Argument[]>>);
}

const WITH_WORDS = new Set(['run', 'exec', 'memfd', 'vfork']);

/** The number of the first 32-bit call that does the same as this one of ours. */
function compatNumber(name: string): number | undefined {
  const ours = syscallNumber(name);
  return compatCalls().find(([, nr]) => nr === ours)?.[0];
}

function callLine(verb: 'call' | 'call32', call: Readonly<Record<string, readonly Argument[]>>): string[] {
  const [name = '', args = []] = Object.entries(call)[0] ?? [];
  const nr = verb === 'call' ? syscallNumber(name) : compatNumber(name);
  if (nr === undefined) throw new Error(`no system call ${name} on this architecture`);
  return [verb, String(nr), ...args.flatMap(words)];
}

/** The text for RF_STEPS. `$DIR` is replaced by a folder. */
export function compileSteps(steps: readonly ActStep[], folder: string): string {
  return steps
    .map((step) => line(step).join('\t'))
    .join('\n')
    .replaceAll('$DIR', folder);
}
