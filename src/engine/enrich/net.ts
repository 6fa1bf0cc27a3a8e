/** Socket addresses, as the kernel has them. */
import { formatAddress, unmapped } from '../core/address.ts';

export interface SocketAddress {
  readonly family: number;
  /** Byte string; undefined for other families. */
  readonly ip?: string;
  readonly port?: number;
  /** sun_path, `@` first for the abstract kind. */
  readonly path?: string;
}

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;

/** A raw sockaddr; undefined when it is too short to say anything. */
export function parseSockaddr(bytes: string | undefined): SocketAddress | undefined {
  if (bytes === undefined || bytes.length < 2) return undefined;
  const family = bytes.charCodeAt(0) | (bytes.charCodeAt(1) << 8);
  if (family === AF_INET && bytes.length >= 8) return { family, port: port(bytes), ip: bytes.slice(4, 8) };
  if (family === AF_INET6 && bytes.length >= 24) {
    return { family, port: port(bytes), ip: unmapped(bytes.slice(8, 24)) };
  }
  if (family === AF_UNIX) return { family, path: unixPath(bytes.slice(2)) };
  return { family };
}

function port(bytes: string): number {
  return (bytes.charCodeAt(2) << 8) | bytes.charCodeAt(3);
}

function unixPath(path: string): string {
  if (path.startsWith('\0')) return path.length === 1 ? '' : `@${path.slice(1).split('\0', 1)[0]}`;
  return path.split('\0', 1)[0]!;
}

/** `1.2.3.4:80`, or the path of a unix socket. */
export function sockaddrText(address: SocketAddress): string | undefined {
  if (address.ip !== undefined) return `${formatAddress(address.ip)}:${address.port}`;
  return address.path;
}
