import type { BpfObject } from '../bpf/bpf.ts';
import { type KernelFunction, kernelFunctions } from '../bpf/kernel-functions.ts';
import { errnoName, lastErrno, linkOptions, native, progOptions } from '../bpf/libbpf.ts';
import { ATTACH, insn, PROG } from '../bpf/probe-program.ts';
import { hostArch } from '../events/syscalls.ts';
import { SOCKETCALLS } from '../events/syscalls-ia32.ts';

/**
 * System calls seen at their own functions. Each function needs a program of its own: six instructions that jump
 * into a body of observe_lsm.bpf.c. A program map takes programs for functions of one prototype only.
 */
export type CallSide = 'enter' | 'exit';

interface Body {
  readonly side: CallSide;
  readonly program: string;
  readonly map: string;
  /** The function that the body itself belongs to: its prototype is the map's. */
  readonly of: string;
}

const X64 = hostArch() === 'x64';
const NATIVE = X64 ? '__x64_sys_' : '__arm64_sys_';
const BARE = '__do_sys_';
const COMPAT = X64 ? ['__ia32_compat_sys_', '__ia32_sys_'] : ['__arm64_compat_sys_'];
/** In the kernel since attached programs have cookies. */
const COOKIE = 'bpf_get_attach_cookie_tracing';

const BODIES: readonly Body[] = [
  { side: 'exit', program: 'rf_call_exit', map: 'body_exit', of: `${NATIVE}openat` },
  { side: 'exit', program: 'rf_call_exit_bare', map: 'body_exit_bare', of: `${BARE}setsid` },
  { side: 'enter', program: 'rf_call_enter', map: 'body_enter', of: `${NATIVE}close` },
];
export const BODY_PROGRAMS: readonly string[] = BODIES.map((body) => body.program);

/** Functions of 32-bit calls that go by another name than the call they are. */
const COMPAT_ALIASES: Readonly<Record<string, readonly string[]>> = {
  setuid: ['setuid16'],
  setgid: ['setgid16'],
  setreuid: ['setreuid16'],
  setresuid: ['setresuid16'],
  chown: ['chown16'],
  lchown: ['lchown16'],
  fchown: ['fchown16'],
};

/** Where 32-bit programs make all calls about sockets, if they like. */
const SOCKETCALL = X64 ? '__ia32_compat_sys_socketcall' : undefined;

/** Calls that open files are seen where the work is done, with the kernel's own copy of the path. */
const OPENS: readonly { readonly program: string; readonly at: string }[] = [
  { program: 'rf_open_returns', at: 'do_filp_open' },
  { program: 'rf_open_installs', at: 'fd_install' },
];
const OPEN_CALLS = new Set(['open', 'creat', 'openat', 'openat2']);

/** What io_uring does without a call, by the call that does the same: uring_lsm.bpf.c, and where it is attached. */
const URING: readonly { readonly call: string; readonly program: string; readonly at: string }[] = [
  { call: 'openat', program: 'rf_uring_open', at: 'do_filp_open' },
  { call: 'socket', program: 'rf_uring_socket', at: '__sys_socket_file' },
  { call: 'connect', program: 'rf_uring_connect', at: '__sys_connect_file' },
  { call: 'accept4', program: 'rf_uring_accept', at: 'do_accept' },
  { call: 'sendmsg', program: 'rf_uring_send', at: 'security_socket_sendmsg' },
  { call: 'unlinkat', program: 'rf_uring_unlink', at: 'do_unlinkat' },
  { call: 'unlinkat', program: 'rf_uring_rmdir', at: 'do_rmdir' },
  { call: 'mkdirat', program: 'rf_uring_mkdir', at: 'do_mkdirat' },
  { call: 'symlinkat', program: 'rf_uring_symlink', at: 'do_symlinkat' },
  { call: 'linkat', program: 'rf_uring_link', at: 'do_linkat' },
  { call: 'renameat2', program: 'rf_uring_rename', at: 'do_renameat2' },
];
/** Where a task does io_uring's work on its way back to user space, and the programs that know by it. */
const URING_WORK = { at: 'tctx_task_work', programs: ['rf_uring_begins', 'rf_uring_ends'] } as const;

export interface CallTarget {
  readonly name: string;
  readonly body: Body;
  readonly id: number;
  /** For callers of 32 bits. */
  readonly compat: boolean;
}

export interface Detachable {
  destroy(): void;
  /** The same beside this thread, where it takes long. */
  destroyLater?(): Promise<void>;
}

/** struct bpf_prog_info up to `recursion_misses`, and where that stands. */
const INFO_BYTES = 216;
const INFO_MISSES = 208;

/**
 * How often a loaded program was passed over because it was already running on that CPU: on kernels that preempt
 * inside the kernel that happens to different tasks, and what they did is lost.
 */
export function programMisses(fd: number): number {
  const info = Buffer.alloc(INFO_BYTES);
  if (native().objInfo(fd, info, Uint32Array.of(INFO_BYTES)) !== 0) return 0;
  return Number(info.readBigUInt64LE(INFO_MISSES));
}

/** The functions of the running kernel's system calls. */
export class CallFunctions {
  readonly #functions: Map<string, KernelFunction>;

  private constructor(functions: Map<string, KernelFunction>) {
    this.#functions = functions;
  }

  /** Undefined where this kernel's functions can't be used so. */
  static open(btf?: Buffer): CallFunctions | undefined {
    const prefixes = [NATIVE, BARE, ...COMPAT];
    const others = new Set([
      COOKIE,
      URING_WORK.at,
      ...URING.map((way) => way.at),
      ...OPENS.map((way) => way.at),
    ]);
    const functions = kernelFunctions(
      (name) =>
        others.has(name) || (name.startsWith('__') && prefixes.some((prefix) => name.startsWith(prefix))),
      btf,
    );
    const needed = [COOKIE, ...BODIES.map((body) => body.of)];
    return needed.every((name) => functions.has(name)) ? new CallFunctions(functions) : undefined;
  }

  /**
   * Where programs go for a call (as the kernel's source names it): its own function, and those of the same call
   * made by 32-bit programs. Empty when the call itself can't be seen so.
   */
  targets(call: string, side: CallSide): CallTarget[] {
    const own = this.#target(NATIVE + call, side) ?? this.#target(BARE + call, side);
    if (own === undefined) return [];
    const names = [call, ...(COMPAT_ALIASES[call] ?? [])];
    const compat = COMPAT.flatMap((prefix) => names.map((name) => prefix + name));
    if (SOCKETCALL !== undefined && SOCKETCALLS.includes(call)) compat.push(SOCKETCALL);
    const found = compat.map((name) => this.#target(name, side));
    return [own, ...found.filter((target) => target !== undefined)];
  }

  /** Programs that see this call, whoever makes it, better than its function does; none for most calls. */
  openPrograms(call: string): string[] {
    if (!OPEN_CALLS.has(call) || OPENS.some((way) => !this.#functions.has(way.at))) return [];
    return OPENS.map((way) => way.program);
  }

  /** Programs that see io_uring do what this call does, as far as this kernel has their functions. */
  uringPrograms(call: string): string[] {
    const ways = URING.filter((way) => way.call === call && this.#functions.has(way.at));
    const work = ways.length > 0 && this.#functions.has(URING_WORK.at) ? URING_WORK.programs : [];
    return [...work, ...ways.map((way) => way.program)];
  }

  #target(name: string, side: CallSide): CallTarget | undefined {
    const found = this.#functions.get(name);
    const body = BODIES.find(
      ({ side: its, of }) => its === side && this.#functions.get(of)?.prototype === found?.prototype,
    );
    return found === undefined || body === undefined
      ? undefined
      : { name, body, id: found.id, compat: !name.startsWith(NATIVE) && !name.startsWith(BARE) };
  }
}

/** Puts the loaded bodies where the programs of `attachCall` jump to. */
export function connectBodies(object: BpfObject): void {
  for (const { program, map } of BODIES) {
    const fd = Buffer.alloc(4);
    fd.writeUInt32LE(object.programFd(program));
    object.map(map).update(Buffer.alloc(4), fd);
  }
}

const TAIL_CALL = 12;
const PSEUDO_MAP_FD = 1;

/** Attaches to one function; `nr` is the system call that it is reported as. Returns the errno when refused. */
export function attachCall(
  object: BpfObject,
  target: CallTarget,
  nr: number,
): (Detachable & { readonly program: number }) | string {
  const lib = native();
  const { map, side } = target.body;
  const code = Buffer.concat([
    insn(0x18, 2, PSEUDO_MAP_FD, 0, object.map(map).fd), // r2 = map; r1 = context, as it came
    insn(0),
    insn(0xb7, 3), // r3 = 0
    insn(0x85, 0, 0, 0, TAIL_CALL),
    insn(0xb7), // only where the body is gone: r0 = 0
    insn(0x95),
  ]);
  const type = side === 'exit' ? ATTACH.fexit : ATTACH.fentry;
  const options = progOptions({ expected_attach_type: type, attach_btf_id: target.id });
  const program = lib.progLoad(PROG.tracing, 'rf_call', 'GPL', code, code.length / 8, options);
  if (program < 0) return errnoName(lastErrno());
  const link = lib.linkCreateWith(program, 0, type, linkOptions({ cookie: BigInt(nr) }));
  if (link < 0) {
    const errno = lastErrno();
    lib.close(program);
    return errnoName(errno);
  }
  return {
    program,
    destroy() {
      lib.close(link);
      lib.close(program);
    },
  };
}
