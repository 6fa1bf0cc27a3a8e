import { badUnixPath } from '../engine/core/unix-path.ts';
import { failure, libc } from './libc.ts';

// Node has no AF_UNIX datagram sockets: four calls of the C library make one.
const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 2 | 0x800 | 0x80000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;

/** sockaddr_un; a path that starts with `@` names an abstract socket. */
function address(path: string): Uint8Array {
  const bad = badUnixPath(path);
  if (bad !== undefined) throw new Error(bad);
  const bytes = Buffer.from(path, 'utf8');
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
