import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');

/** The few calls of the C library that Node has no name for. Loaded on first use. */
interface Libc {
  getsockopt(fd: number, level: number, name: number, value: Buffer, length: Uint32Array): number;
  flock(fd: number, operation: number): number;
  mallocTrim(pad: number): number;
  madvise(start: bigint, length: number, advice: number): number;
}

let loaded: Libc | undefined;

function libc(): Libc {
  if (loaded) return loaded;
  const koffi = createRequire(import.meta.url)('koffi') as Koffi;
  const lib = koffi.load('libc.so.6');
  loaded = {
    getsockopt: lib.func('int getsockopt(int, int, int, void *, void *)') as Libc['getsockopt'],
    flock: lib.func('int flock(int, int)') as Libc['flock'],
    mallocTrim: lib.func('int malloc_trim(size_t)') as Libc['mallocTrim'],
    madvise: lib.func('int madvise(uint64_t, size_t, int)') as Libc['madvise'],
  };
  return loaded;
}

export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;

/** Who is at the other end of a connected unix socket; undefined if the kernel does not say. */
export function peerCredentials(fd: number): Credentials | undefined {
  const value = Buffer.alloc(12);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, Uint32Array.of(value.length)) !== 0)
    return undefined;
  return { pid: value.readInt32LE(0), uid: value.readUInt32LE(4), gid: value.readUInt32LE(8) };
}

const LOCK_EX_NB = 2 | 4;

/** Takes the lock of an open file, until it is closed or the process ends, however it ends; false if another has it. */
export function lockFile(fd: number): boolean {
  return libc().flock(fd, LOCK_EX_NB) === 0;
}

const MADV_DONTNEED = 4;

/**
 * Gives back what was needed only once: memory that the C library keeps after it was freed, of all threads, and pages
 * of program files that were mapped on the way. Those are read again, from the page cache, where they are needed.
 */
export function trimMemory(): void {
  try {
    const { mallocTrim, madvise } = libc();
    mallocTrim(0);
    for (const { start, length } of unchangedFiles(readFileSync('/proc/self/smaps', 'latin1')))
      madvise(start, length, MADV_DONTNEED);
  } catch {
    // Another C library is not this one; without /proc nothing is known of mappings.
  }
}

/** Read-only mappings of files without a page of our own (a relocation, a breakpoint), from /proc/PID/smaps. */
export function unchangedFiles(smaps: string): { readonly start: bigint; readonly length: number }[] {
  return smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).flatMap((entry) => {
    const found = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ [1-9]\d* +\//.exec(entry);
    if (found === null || !/^Anonymous: +0 kB$/m.test(entry) || !/^Private_Dirty: +0 kB$/m.test(entry))
      return [];
    const [start, end] = [BigInt(`0x${found[1]}`), BigInt(`0x${found[2]}`)];
    return [{ start, length: Number(end - start) }];
  });
}
