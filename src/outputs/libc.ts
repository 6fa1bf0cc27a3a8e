import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');
type Call = (...args: (number | Uint8Array)[]) => number;

/** The calls of the C library that outputs need and Node has no name for. */
export interface Libc {
  readonly socket: Call;
  readonly connect: Call;
  readonly send: Call;
  readonly close: Call;
  readonly ioctl: Call;
  readonly getsockopt: Call;
}

const koffi = (): Koffi => createRequire(import.meta.url)('koffi') as Koffi;

let loaded: Libc | undefined;

/** Loaded on first use: most configurations need none of it. */
export function libc(): Libc {
  if (!loaded) {
    const lib = koffi().load('libc.so.6');
    loaded = {
      socket: lib.func('int socket(int, int, int)') as Call,
      connect: lib.func('int connect(int, const uint8_t *, uint32_t)') as Call,
      send: lib.func('int64_t send(int, const uint8_t *, uint64_t, int)') as Call,
      close: lib.func('int close(int)') as Call,
      ioctl: lib.func('int ioctl(int, uint64_t, void *)') as Call,
      getsockopt: lib.func('int getsockopt(int, int, int, void *, void *)') as Call,
    };
  }
  return loaded;
}

/** The failure of the last call, with the name of its code. */
export function failure(call: string): NodeJS.ErrnoException {
  const { errno: last, os } = koffi();
  const errno = last();
  const code = Object.entries(os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  return Object.assign(new Error(`${call}: ${code}`), { code, errno });
}

const SIOCOUTQ = 0x5411;
const SOL_SOCKET = 1;
const SO_ERROR = 4;

/**
 * Whether the other end of a unix stream socket has read everything that was written; throws if it was closed with
 * something unread. (The kernel sets the error before it throws the unread bytes away, hence this order.)
 */
export function allRead(fd: number): boolean {
  const amount = Buffer.alloc(4);
  if (libc().ioctl(fd, SIOCOUTQ, amount) < 0) throw failure('ioctl');
  const error = Buffer.alloc(4);
  const length = Buffer.from(Uint32Array.of(4).buffer);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, error, length) < 0) throw failure('getsockopt');
  if (error.readInt32LE(0) !== 0) throw new Error('the reader ended before it had read everything');
  return amount.readInt32LE(0) === 0;
}
