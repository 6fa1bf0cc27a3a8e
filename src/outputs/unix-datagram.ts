import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');

// Node has no AF_UNIX datagram sockets: four calls of the C library make one.
const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0x800 | 0x80000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const PATH_MAX = 107;

type Call = (...args: (number | Uint8Array)[]) => number;
interface Libc {
  readonly socket: Call;
  readonly connect: Call;
  readonly send: Call;
  readonly close: Call;
}

const koffi = (): Koffi => createRequire(import.meta.url)('koffi') as Koffi;

let loaded: Libc | undefined;

/** Loaded on first use: most configurations need none of it. */
function libc(): Libc {
  if (!loaded) {
    const lib = koffi().load('libc.so.6');
    loaded = {
      socket: lib.func('int socket(int, int, int)') as Call,
      connect: lib.func('int connect(int, const uint8_t *, uint32_t)') as Call,
      send: lib.func('int64_t send(int, const uint8_t *, uint64_t, int)') as Call,
      close: lib.func('int close(int)') as Call,
    };
  }
  return loaded;
}

function failure(call: string): NodeJS.ErrnoException {
  const { errno: last, os } = koffi();
  const errno = last();
  const code = Object.entries(os.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
  return Object.assign(new Error(`${call}: ${code}`), { code, errno });
}

/** sockaddr_un; a path that starts with `@` names an abstract socket. */
function address(path: string): Uint8Array {
  const bytes = Buffer.from(path, 'utf8');
  if (bytes.length > PATH_MAX) throw new Error(`socket path longer than ${PATH_MAX} bytes: ${path}`);
  const abstract = path.startsWith('@');
  if (abstract) bytes[0] = 0;
  const family = Buffer.alloc(2);
  family.writeUInt16LE(AF_UNIX);
  return Buffer.concat(abstract ? [family, bytes] : [family, bytes, Buffer.of(0)]);
}

/** A connected AF_UNIX datagram socket (/dev/log, sd_notify). Never blocks. */
export class UnixDatagram {
  readonly #fd: number;

  constructor(path: string) {
    const to = address(path);
    const fd = libc().socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0);
    if (fd < 0) throw failure('socket');
    if (libc().connect(fd, to, to.length) < 0) {
      const error = failure(`connect to ${path}`);
      libc().close(fd);
      throw error;
    }
    this.#fd = fd;
  }

  /** False if the receiver's queue is full; throws for anything else. */
  send(bytes: Uint8Array): boolean {
    if (libc().send(this.#fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL) >= 0) return true;
    const error = failure('send');
    if (error.code === 'EAGAIN') return false;
    throw error;
  }

  close(): void {
    libc().close(this.#fd);
  }
}
