import fs from 'node:fs';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';
import type { Btf } from './btf.ts';
import {
  allocate,
  errnoName,
  lastErrno,
  linkOptions,
  native,
  openOptions,
  type Ptr,
  viewAt,
  withMessages,
} from './libbpf.ts';
import { ATTACH, PROG } from './probe-program.ts';
import { verifierSummary } from './verifier-log.ts';

/** Threads that load what an engine waits for. Each reads the kernel's types again: 0.1 s of CPU and 10 MB for a while. */
export const VERIFIERS = 2;

const BPF_MAP_TYPE_PERCPU = new Set([5, 6, 10, 21]);
const ENOENT = 2;
const EPERM = 1;

/** A map with buffers of the right size: koffi cannot know how much the kernel reads or writes. */
export class BpfMap {
  readonly name: string;
  readonly fd: number;
  readonly type: number;
  readonly keySize: number;
  /** Bytes of one value as lookup returns it: for per-CPU maps those of all CPUs. */
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly perCpu: boolean;

  constructor(
    name: string,
    fd: number,
    shape: { type: number; keySize: number; valueSize: number; maxEntries: number },
  ) {
    this.name = name;
    this.fd = fd;
    this.type = shape.type;
    this.keySize = shape.keySize;
    this.perCpu = BPF_MAP_TYPE_PERCPU.has(shape.type);
    this.valueSize = this.perCpu ? ((shape.valueSize + 7) & ~7) * native().possibleCpus() : shape.valueSize;
    this.maxEntries = shape.maxEntries;
  }

  /** The value, or undefined when there is none. */
  lookup(key: Uint8Array): Buffer | undefined {
    this.#check('key', key, this.keySize);
    const value = Buffer.alloc(this.valueSize);
    const rc = native().lookup(this.fd, key, value);
    if (rc === 0) return value;
    const errno = lastErrno();
    if (errno === ENOENT) return undefined;
    throw this.#failed('look up in', errno);
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    this.#check('key', key, this.keySize);
    this.#check('value', value, this.valueSize);
    if (native().update(this.fd, key, value, flags) !== 0) throw this.#failed('write to', lastErrno());
  }

  /** Writes many entries with few calls; keys and values stand one behind the other. */
  updateBatch(keys: Uint8Array, values: Uint8Array): void {
    const count = keys.length / this.keySize;
    if (!Number.isInteger(count) || values.length !== count * this.valueSize) {
      throw new RangeError(`map ${this.name}: keys and values of a batch do not fit each other`);
    }
    if (count === 0) return;
    if (native().updateBatch(this.fd, keys, values, Uint32Array.of(count), null) !== 0) {
      throw this.#failed('write to', lastErrno());
    }
  }

  /** False when there was no such key. */
  delete(key: Uint8Array): boolean {
    this.#check('key', key, this.keySize);
    if (native().remove(this.fd, key) === 0) return true;
    const errno = lastErrno();
    if (errno === ENOENT) return false;
    throw this.#failed('delete from', errno);
  }

  /** All keys, as far as they can be walked while others write. */
  *keys(): Generator<Buffer> {
    let key: Buffer | null = null;
    for (;;) {
      const next = Buffer.alloc(this.keySize);
      if (native().nextKey(this.fd, key, next) !== 0) return;
      yield next;
      key = next;
    }
  }

  #check(what: string, bytes: Uint8Array, size: number): void {
    if (bytes.length !== size) {
      throw new RangeError(`map ${this.name}: a ${what} has ${size} bytes, not ${bytes.length}`);
    }
  }

  #failed(verb: string, errno: number): AppError {
    return new AppError('sensor/map', `cannot ${verb} BPF map ${this.name}: ${errnoName(errno)}`);
  }
}

/** An attached program. It detaches when destroyed, or when the process ends. */
export class BpfLink {
  #ptr: Ptr;

  constructor(ptr: Ptr) {
    this.#ptr = ptr;
  }

  get fd(): number {
    return native().linkFd(this.#ptr);
  }

  /** Keeps the program attached beyond the life of this process; unlinking the file detaches it. */
  pin(path: string): void {
    // Not by libbpf's link, which can be pinned once only: a removed pin is made again.
    const rc = native().objPin(this.fd, path);
    if (rc !== 0) throw new AppError('sensor/pin', `cannot pin a link at ${path}: ${errnoName(rc)}`);
  }

  destroy(): void {
    if (this.#ptr !== null) native().linkDestroy(this.#ptr);
    this.#ptr = null;
  }

  /**
   * `destroy` beside this thread. The kernel waits, 50 ms and more, until a program that it lets go of runs nowhere:
   * for many links at once it does so in the same time.
   */
  destroyLater(): Promise<void> {
    const ptr = this.#ptr;
    this.#ptr = null;
    return ptr === null
      ? Promise.resolve()
      : new Promise((resolve) => native().linkDestroyLater(ptr, () => resolve()));
  }
}

/**
 * A CO-RE object: open, configure, load, attach, close. After a failed load it must be closed. What is loaded later is
 * an object of the same file over the same maps, which this one speaks for.
 */
export class BpfObject {
  readonly #btf: Btf;
  readonly #elf: Uint8Array;
  readonly #programs = new Map<string, Ptr>();
  readonly #maps = new Map<string, Ptr>();
  /** Programs that were turned to kernel functions, and to which. */
  readonly #modifying = new Map<string, string>();
  /** Where the programs are that were loaded later. */
  readonly #later = new Map<string, BpfObject>();
  /** Loads that run beside this thread. */
  readonly #loading = new Set<Promise<number>>();
  #ptr: Ptr;

  private constructor(ptr: Ptr, elf: Uint8Array, btf: Btf) {
    this.#ptr = ptr;
    this.#elf = elf;
    this.#btf = btf;
    const lib = native();
    for (let p = lib.nextProgram(ptr, null); p !== null; p = lib.nextProgram(ptr, p)) {
      this.#programs.set(lib.programName(p), p);
    }
    for (let m = lib.nextMap(ptr, null); m !== null; m = lib.nextMap(ptr, m))
      this.#maps.set(lib.mapName(m), m);
  }

  static open(elf: Uint8Array, name: string, btf: Btf): BpfObject {
    const result = native().objectOpen(elf, elf.length, openOptions(name));
    if (result === null) {
      throw new AppError('sensor/object', `cannot open the BPF object: ${errnoName(lastErrno())}`);
    }
    return new BpfObject(result, elf, btf);
  }

  /** Loads more programs over the maps of this object. */
  add(programs: readonly string[]): void {
    const more = this.#again(programs);
    try {
      more.load();
    } catch (error) {
      more.close();
      throw error;
    }
    this.#keep(more, programs);
  }

  /**
   * The same beside this thread, in several others: the verifier takes up to 0.2 s for a program. Until then this
   * object may be used and more added in the same way, but it must not be closed.
   */
  async addLater(wanted: readonly string[], threads = 1): Promise<void> {
    const begun = dealt(wanted, threads).map((programs) => {
      const more = this.#again(programs);
      const load = more.#loadLater().finally(() => this.#loading.delete(load));
      this.#loading.add(load);
      return { programs, more, load };
    });
    const refused: (readonly string[])[] = [];
    for (const { programs, more, load } of begun) {
      if ((await load) === 0) this.#keep(more, programs);
      else {
        more.close();
        refused.push(programs);
      }
    }
    // Once more in this thread, where the verifier's reasons can be heard.
    if (refused.length > 0) await Promise.all(this.#loading);
    for (const programs of refused) this.add(programs);
  }

  #again(programs: readonly string[]): BpfObject {
    const more = BpfObject.open(this.#elf, 'ringfence', this.#btf);
    more.select(new Set(programs));
    for (const [program, target] of this.#modifying)
      if (programs.includes(program)) more.modifyReturn(program, target);
    for (const name of more.#maps.keys()) more.reuseMap(name, this.map(name).fd);
    return more;
  }

  #keep(more: BpfObject, programs: readonly string[]): void {
    for (const program of programs) this.#later.set(program, more);
  }

  /** Chooses what is loaded. Always for all programs: one that the kernel refuses fails the whole object. */
  select(wanted: ReadonlySet<string>): void {
    for (const [name, ptr] of this.#programs) native().programAutoload(ptr, wanted.has(name));
  }

  setMaxEntries(map: string, count: number): void {
    native().mapSetMaxEntries(this.#mapPtr(map), count);
  }

  /** Makes a program for a security hook one that changes what a kernel function returns. Before load only. */
  modifyReturn(program: string, kernelFunction: string): void {
    const ptr = this.#programPtr(program);
    const lib = native();
    const rc =
      lib.programType(ptr, PROG.tracing) ||
      lib.programAttachType(ptr, ATTACH.modifyReturn) ||
      lib.programTarget(ptr, 0, kernelFunction);
    if (rc !== 0)
      throw new AppError('sensor/attach', `cannot turn ${program} to ${kernelFunction}: ${errnoName(rc)}`);
    this.#modifying.set(program, kernelFunction);
  }

  /** Lets an existing (pinned) map stand for one of the object. */
  reuseMap(map: string, fd: number): void {
    const rc = native().mapReuseFd(this.#mapPtr(map), fd);
    if (rc !== 0) throw new AppError('sensor/map', `cannot reuse map ${map}: ${errnoName(rc)}`);
  }

  /** Sets a `const volatile` variable: a constant for the verifier. Before load only. */
  setConstant(name: string, value: number): void {
    const where = this.#btf.section('.rodata').find((v) => v.name === name);
    const section = [...this.#maps].find(([map]) => map.endsWith('.rodata'))?.[1];
    if (where === undefined || section === undefined)
      throw new Error(`the BPF object has no constant ${name}`);
    const length = [0 as number | bigint];
    const memory = native().mapInitial(section, length);
    if (memory === null) throw new Error('the BPF object has no initial .rodata');
    new DataView(viewAt(memory, Number(length[0]))).setUint32(where.offset, value, true);
  }

  /** The place of a global variable in .bss, for mapping it. */
  variable(name: string): { readonly map: BpfMap; readonly offset: number; readonly size: number } {
    const where = this.#btf.section('.bss').find((v) => v.name === name);
    const section = [...this.#maps.keys()].find((map) => map.endsWith('.bss'));
    if (where === undefined || section === undefined)
      throw new Error(`the BPF object has no variable ${name}`);
    return { map: this.map(section), offset: where.offset, size: where.size };
  }

  load(): void {
    const { result, lines } = withMessages((lib) => lib.objectLoad(this.#ptr));
    if (result === 0) return;
    if (-result === EPERM && !lines.some((line) => line.includes('PROG LOAD LOG'))) throw notPermitted();
    throw new AppError(
      'sensor/load',
      `the kernel refused a BPF program (${errnoName(result)})\n${verifierSummary(lines)}`,
      {
        help: 'run `ringfence doctor` to see what this kernel supports',
      },
    );
  }

  /** `load` in a thread of libuv's pool: 0, or the negative errno, without the verifier's reasons. */
  #loadLater(): Promise<number> {
    return new Promise((resolve, reject) => {
      native().objectLoadLater(this.#ptr, (error, result) => (error ? reject(error) : resolve(result)));
    });
  }

  map(name: string): BpfMap {
    const ptr = this.#mapPtr(name);
    const lib = native();
    return new BpfMap(name, lib.mapFd(ptr), {
      type: lib.mapType(ptr),
      keySize: lib.mapKeySize(ptr),
      valueSize: lib.mapValueSize(ptr),
      maxEntries: lib.mapMaxEntries(ptr),
    });
  }

  programFd(name: string): number {
    return native().programFd(this.#programPtr(name));
  }

  /** Attaches by the program's section name. */
  attach(program: string): BpfLink {
    const modifies = this.#modifying.has(program);
    return this.#link(program, (ptr) =>
      modifies ? native().programAttachTrace(ptr) : native().programAttach(ptr),
    );
  }

  /** Attaches to a perf event, which then belongs to the link. */
  attachPerfEvent(program: string, fd: number): BpfLink {
    return this.#link(program, (ptr) => native().attachPerfEvent(ptr, fd));
  }

  attachCgroup(program: string, cgroupFd: number): BpfLink {
    return this.#link(program, (ptr) => native().attachCgroup(ptr, cgroupFd));
  }

  /** Runs an iterator's program once: see `runIterator`. */
  iterate(program: string, pid?: number): Buffer {
    return runIterator(this.programFd(program), pid);
  }

  close(): void {
    for (const more of new Set(this.#later.values())) more.close();
    this.#later.clear();
    if (this.#ptr !== null) native().objectClose(this.#ptr);
    this.#ptr = null;
  }

  #link(program: string, attach: (ptr: Ptr) => Ptr): BpfLink {
    if (this.programFd(program) < 0) throw new Error(`${program} is attached before it is loaded`);
    const link = attach(this.#programPtr(program));
    const errno = lastErrno();
    if (link === null) throw new AppError('sensor/attach', `cannot attach ${program}: ${errnoName(errno)}`);
    return new BpfLink(link);
  }

  #programPtr(name: string): Ptr {
    const ptr = (this.#later.get(name) ?? this).#programs.get(name);
    if (ptr === undefined) throw new Error(`the BPF object has no program ${name}`);
    return ptr;
  }

  #mapPtr(name: string): Ptr {
    const ptr = this.#maps.get(name);
    if (ptr === undefined) throw new Error(`the BPF object has no map ${name}`);
    return ptr;
  }
}

/** In turn to so many, as far as there is one for each. */
function dealt(items: readonly string[], hands: number): string[][] {
  const groups = Array.from({ length: hands }, (_, hand) => items.filter((_, i) => i % hands === hand));
  return groups.filter((group) => group.length > 0);
}

/** union bpf_iter_link_info: its size, and where the process stands. */
const ITER = { bytes: 16, pid: 4 } as const;

/** Runs an iterator's program once over all that it goes over, or what is of one process of it: what it wrote. */
export function runIterator(program: number, pid?: number): Buffer {
  const lib = native();
  const info = allocate(ITER.bytes);
  Buffer.from(info.memory).writeUInt32LE(pid ?? 0, ITER.pid);
  const options = linkOptions({ iter_info: info.address, iter_info_len: ITER.bytes });
  const link = lib.linkCreateWith(program, 0, ATTACH.iter, options);
  const fd = link < 0 ? link : lib.iterCreate(link);
  const errno = lastErrno();
  if (link >= 0) lib.close(link);
  if (fd < 0) throw new AppError('sensor/attach', `cannot run an iterator: ${errnoName(errno)}`);
  const chunk = Buffer.alloc(4096);
  const written: Buffer[] = [];
  for (let n = fs.readSync(fd, chunk); n > 0; n = fs.readSync(fd, chunk))
    written.push(Buffer.from(chunk.subarray(0, n)));
  lib.close(fd);
  return Buffer.concat(written);
}

/** What to say when the kernel does not let us load BPF programs at all. */
export function notPermitted(): AppError {
  return new AppError('sensor/not-permitted', 'not permitted to load BPF programs', {
    exitCode: EXIT.notPermitted,
    help: 'run as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; in a container, with these added and no seccomp filter on bpf(2)',
  });
}
