import os from 'node:os';
import koffi from 'koffi';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';

/**
 * libbpf and the few C library calls beside it, typed; no policy. The only file that touches koffi.
 *
 * Pointers are bigints (never dereferenced outside this file), buffers are passed as they are. koffi cannot know
 * how much memory a call reads or writes: callers go through the classes of bpf.ts, which size their buffers.
 */
export type Ptr = bigint | null;

const P = 'void *';
const OPEN_OPTS = koffi.struct('rf_bpf_object_open_opts', {
  sz: 'size_t',
  object_name: 'str',
  relaxed_maps: 'bool',
  pin_root_path: 'str',
  reserved: 'uint32',
  kconfig: 'str',
  btf_custom_path: 'str',
  kernel_log_buf: P,
  kernel_log_size: 'size_t',
  kernel_log_level: 'uint32',
});
const PROG_OPTS = koffi.struct('rf_bpf_prog_load_opts', {
  sz: 'size_t',
  attempts: 'int',
  expected_attach_type: 'int',
  prog_btf_fd: 'uint32',
  prog_flags: 'uint32',
  prog_ifindex: 'uint32',
  kern_version: 'uint32',
  attach_btf_id: 'uint32',
  attach_prog_fd: 'uint32',
  attach_btf_obj_fd: 'uint32',
  fd_array: P,
  func_info: P,
  func_info_cnt: 'uint32',
  func_info_rec_size: 'uint32',
  line_info: P,
  line_info_cnt: 'uint32',
  line_info_rec_size: 'uint32',
  log_level: 'uint32',
  log_size: 'uint32',
  log_buf: P,
});
const LINK_OPTS = koffi.struct('rf_bpf_link_create_opts', {
  sz: 'size_t',
  flags: 'uint32',
  iter_info: P,
  iter_info_len: 'uint32',
  target_btf_id: 'uint32',
  cookie: 'uint64',
  /** The rest of a union whose largest member is not used here. */
  rest: koffi.array('uint64', 3),
});
const PRINT = koffi.proto('int rf_print_fn(int level, void *fmt, void *ap)');

/** Loads the libraries; a missing libbpf is told with what to install. */
function open(): { lb: ReturnType<typeof koffi.load>; libc: ReturnType<typeof koffi.load> } {
  try {
    return { lb: koffi.load('libbpf.so.1'), libc: koffi.load('libc.so.6') };
  } catch (cause) {
    throw new AppError('sensor/no-libbpf', 'libbpf.so.1 is not installed', {
      exitCode: EXIT.failure,
      help: 'install libbpf 1.x: apt-get install libbpf1 (Debian, Ubuntu), dnf install libbpf (Fedora)',
      cause,
    });
  }
}

/** All functions in use. The casts state the C signatures once. */
function declare() {
  const { lb, libc } = open();
  type Bytes = Uint8Array;
  type Spec = Parameters<typeof koffi.sizeof>[0];
  type Fn<A extends unknown[], R> = (...args: A) => R;
  type Later<A extends unknown[], R> = (...args: [...A, (error: Error | null, result: R) => void]) => void;
  const f = <A extends unknown[], R>(name: string, result: string, args: Spec[]) =>
    lb.func(name, result, args) as unknown as Fn<A, R>;
  const c = <A extends unknown[], R>(name: string, result: string, args: Spec[]) =>
    libc.func(name, result, args) as unknown as Fn<A, R>;
  return {
    setPrint: f<[Ptr], Ptr>('libbpf_set_print', P, [koffi.pointer(PRINT)]),
    objectOpen: f<[Bytes, number, object], Ptr>('bpf_object__open_mem', P, [
      P,
      'size_t',
      koffi.pointer(OPEN_OPTS),
    ]),
    objectLoad: f<[Ptr], number>('bpf_object__load', 'int', [P]),
    /** The same in a thread of libuv's pool. Not beside `withMessages`, whose callback belongs to one thread. */
    objectLoadLater: lb.func('bpf_object__load', 'int', [P]).async as unknown as Later<[Ptr], number>,
    objectClose: f<[Ptr], void>('bpf_object__close', 'void', [P]),
    nextProgram: f<[Ptr, Ptr], Ptr>('bpf_object__next_program', P, [P, P]),
    nextMap: f<[Ptr, Ptr], Ptr>('bpf_object__next_map', P, [P, P]),
    programName: f<[Ptr], string>('bpf_program__name', 'str', [P]),
    programFd: f<[Ptr], number>('bpf_program__fd', 'int', [P]),
    programAutoload: f<[Ptr, boolean], number>('bpf_program__set_autoload', 'int', [P, 'bool']),
    programType: f<[Ptr, number], number>('bpf_program__set_type', 'int', [P, 'int']),
    programAttachType: f<[Ptr, number], number>('bpf_program__set_expected_attach_type', 'int', [P, 'int']),
    programTarget: f<[Ptr, number, string], number>('bpf_program__set_attach_target', 'int', [
      P,
      'int',
      'str',
    ]),
    programAttachTrace: f<[Ptr], Ptr>('bpf_program__attach_trace', P, [P]),
    programAttach: f<[Ptr], Ptr>('bpf_program__attach', P, [P]),
    attachPerfEvent: f<[Ptr, number], Ptr>('bpf_program__attach_perf_event', P, [P, 'int']),
    attachCgroup: f<[Ptr, number], Ptr>('bpf_program__attach_cgroup', P, [P, 'int']),
    iterCreate: f<[number], number>('bpf_iter_create', 'int', ['int']),
    linkFd: f<[Ptr], number>('bpf_link__fd', 'int', [P]),
    linkDestroy: f<[Ptr], number>('bpf_link__destroy', 'int', [P]),
    linkDestroyLater: lb.func('bpf_link__destroy', 'int', [P]).async as unknown as Later<[Ptr], number>,
    mapName: f<[Ptr], string>('bpf_map__name', 'str', [P]),
    mapFd: f<[Ptr], number>('bpf_map__fd', 'int', [P]),
    mapType: f<[Ptr], number>('bpf_map__type', 'int', [P]),
    mapKeySize: f<[Ptr], number>('bpf_map__key_size', 'uint32', [P]),
    mapValueSize: f<[Ptr], number>('bpf_map__value_size', 'uint32', [P]),
    mapMaxEntries: f<[Ptr], number>('bpf_map__max_entries', 'uint32', [P]),
    mapSetMaxEntries: f<[Ptr, number], number>('bpf_map__set_max_entries', 'int', [P, 'uint32']),
    mapReuseFd: f<[Ptr, number], number>('bpf_map__reuse_fd', 'int', [P, 'int']),
    mapInitial: f<[Ptr, (number | bigint)[]], Ptr>('bpf_map__initial_value', P, [
      P,
      koffi.out(koffi.pointer('size_t')),
    ]),
    mapCreate: f<[number, string, number, number, number, Ptr], number>('bpf_map_create', 'int', [
      'int',
      'str',
      'uint32',
      'uint32',
      'uint32',
      P,
    ]),
    lookup: f<[number, Bytes, Bytes], number>('bpf_map_lookup_elem', 'int', ['int', P, P]),
    update: f<[number, Bytes, Bytes, number], number>('bpf_map_update_elem', 'int', ['int', P, P, 'uint64']),
    remove: f<[number, Bytes], number>('bpf_map_delete_elem', 'int', ['int', P]),
    nextKey: f<[number, Bytes | null, Bytes], number>('bpf_map_get_next_key', 'int', ['int', P, P]),
    updateBatch: f<[number, Bytes, Bytes, Uint32Array, Ptr], number>('bpf_map_update_batch', 'int', [
      'int',
      P,
      P,
      P,
      P,
    ]),
    programTestRun: f<[number, bigint], number>('bpf_prog_test_run_opts', 'int', ['int', P]),
    objInfo: f<[number, Bytes, Uint32Array], number>('bpf_obj_get_info_by_fd', 'int', ['int', P, P]),
    objGet: f<[string], number>('bpf_obj_get', 'int', ['str']),
    objPin: f<[number, string], number>('bpf_obj_pin', 'int', ['int', 'str']),
    progLoad: f<[number, string, string, Bytes, number, object], number>('bpf_prog_load', 'int', [
      'int',
      'str',
      'str',
      P,
      'size_t',
      koffi.pointer(PROG_OPTS),
    ]),
    linkCreate: f<[number, number, number, Ptr], number>('bpf_link_create', 'int', ['int', 'int', 'int', P]),
    linkCreateWith: f<[number, number, number, object], number>('bpf_link_create', 'int', [
      'int',
      'int',
      'int',
      koffi.pointer(LINK_OPTS),
    ]),
    rawTracepointOpen: f<[string | null, number], number>('bpf_raw_tracepoint_open', 'int', ['str', 'int']),
    btfOfKernel: f<[], Ptr>('btf__load_vmlinux_btf', P, []),
    btfFind: f<[Ptr, string, number], number>('btf__find_by_name_kind', 'int32', [P, 'str', 'uint32']),
    btfFree: f<[Ptr], void>('btf__free', 'void', [P]),
    probeMapType: f<[number, Ptr], number>('libbpf_probe_bpf_map_type', 'int', ['int', P]),
    probeHelper: f<[number, number, Ptr], number>('libbpf_probe_bpf_helper', 'int', ['int', 'int', P]),
    possibleCpus: f<[], number>('libbpf_num_possible_cpus', 'int', []),
    version: f<[], string>('libbpf_version_string', 'str', []),
    mmap: c<[null, number, number, number, number, number], bigint>('mmap', P, [
      P,
      'size_t',
      'int',
      'int',
      'int',
      'int64',
    ]),
    munmap: c<[bigint, number], number>('munmap', 'int', [P, 'size_t']),
    sysconf: c<[number], number>('sysconf', 'long', ['int']),
    syscall: c<[number, ...(number | bigint | Uint8Array | null)[]], number>('syscall', 'long', [
      'long',
      P,
      P,
      P,
      P,
      P,
    ]),
    vsnprintf: c<[Uint8Array, number, Ptr, Ptr], number>('vsnprintf', 'int', [P, 'size_t', P, P]),
    close: c<[number], number>('close', 'int', ['int']),
  };
}

export type Native = ReturnType<typeof declare>;
let loaded: Native | undefined;

/** The library, loaded on first use. Throws `sensor/no-libbpf` where it is missing. */
export function native(): Native {
  if (loaded === undefined) {
    loaded = declare();
    loaded.setPrint(null);
  }
  return loaded;
}

/** errno of the call just made, as number. */
export function lastErrno(): number {
  return koffi.errno();
}

const ERRNO_NAMES = new Map(Object.entries(os.constants.errno).map(([name, value]) => [value, name]));

/** `EPERM` for 1 or -1. */
export function errnoName(errno: number): string {
  return ERRNO_NAMES.get(Math.abs(errno)) ?? `errno ${Math.abs(errno)}`;
}

/** Memory at a pointer as an ArrayBuffer. It must not be touched after the memory is unmapped. */
export function viewAt(pointer: bigint, length: number): ArrayBuffer {
  return koffi.view(pointer, length);
}

/** Zeroed memory outside of JavaScript's, whose address can be given to the kernel. It is never freed. */
export function allocate(bytes: number): { readonly address: bigint; readonly memory: ArrayBuffer } {
  const address = koffi.alloc('uint8_t', bytes) as unknown as bigint;
  const memory = viewAt(address, bytes);
  new Uint8Array(memory).fill(0);
  return { address, memory };
}

/** The options of bpf_object__open_mem. */
export function openOptions(name: string): object {
  return { sz: koffi.sizeof(OPEN_OPTS), object_name: name };
}

/** The options of bpf_prog_load; what is left out is 0. */
export function progOptions(opts: {
  expected_attach_type?: number;
  attach_btf_id?: number;
  prog_flags?: number;
  log_buf?: Uint8Array;
}): object {
  const log = opts.log_buf === undefined ? {} : { log_level: 1, log_size: opts.log_buf.length };
  return { sz: koffi.sizeof(PROG_OPTS), ...opts, ...log };
}

/** The options of bpf_link_create; the cookie is for the program to read, iter_info what an iterator goes over. */
export function linkOptions(opts: { cookie: bigint } | { iter_info: bigint; iter_info_len: number }): object {
  return { sz: koffi.sizeof(LINK_OPTS), ...opts };
}

/** libbpf's levels: 0 warning, 1 info, 2 debug. */
const PRINT_INFO = 1;

/**
 * Runs `work` with libbpf's messages collected. libbpf has one print function per process: it is set for the call
 * and taken back, and stays silent otherwise. Nothing may throw inside the callback: koffi would let the outer
 * call throw and its result be lost.
 */
export function withMessages<T>(work: (lib: Native) => T): { result: T; lines: string[] } {
  const lib = native();
  const lines: string[] = [];
  const text = Buffer.alloc(1 << 20);
  const callback = koffi.register((level: number, format: bigint, args: bigint) => {
    if (level > PRINT_INFO) return 0;
    try {
      const length = lib.vsnprintf(text, text.length, format, args);
      lines.push(...text.toString('utf8', 0, Math.min(length, text.length - 1)).split('\n'));
    } catch {
      // A message that can't be formatted is not worth losing the object for.
    }
    return 0;
  }, koffi.pointer(PRINT));
  lib.setPrint(callback);
  try {
    return { result: work(lib), lines };
  } finally {
    lib.setPrint(null);
    koffi.unregister(callback);
  }
}

/** A mapping of a BPF map's memory. */
export interface Mapping {
  readonly memory: ArrayBuffer;
  /** A part of it as a buffer of its own. */
  part(offset: number, length: number): ArrayBuffer;
  /** Ends it. All views must have been dropped: a late access kills the process. */
  unmap(): void;
}

export const PROT_READ = 1;
export const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_FAILED = 0xffffffffffffffffn;

/** Maps `length` bytes of `fd`; throws an AppError with the errno. */
export function mapMemory(fd: number, length: number, prot: number, offset: number): Mapping {
  const lib = native();
  const address = lib.mmap(null, length, prot, MAP_SHARED, fd, offset);
  const errno = lastErrno();
  if (address === null || address === MAP_FAILED) {
    throw new AppError('sensor/mmap', `cannot map BPF memory: ${errnoName(errno)}`);
  }
  let mapped = true;
  return {
    memory: viewAt(address, length),
    part: (from, size) => viewAt(address + BigInt(from), size),
    unmap() {
      if (mapped) lib.munmap(address, length);
      mapped = false;
    },
  };
}

export function pageSize(): number {
  return Number(native().sysconf(30));
}

/** A watch on an fd's readability in this thread's event loop. Keep a reference: a collected one stops silently. */
export interface Poll {
  start(callback: () => void): void;
  stop(): void;
  close(): void;
}

/** One per fd and thread: a second poll on an fd aborts the process. The callback must not throw. */
export function pollReadable(fd: number): Poll {
  const handle = koffi.node.poll(fd, { readable: true }, () => {});
  handle.stop();
  return {
    start: (callback) => handle.start({ readable: true }, callback),
    stop: () => handle.stop(),
    close: () => handle.close(),
  };
}
