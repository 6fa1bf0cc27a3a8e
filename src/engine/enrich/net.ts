/** Addresses as byte strings of 4 or 16 bytes, and their texts. */

const MAPPED = '\0\0\0\0\0\0\0\0\0\0\xff\xff';
export const ANY_V4 = '\0\0\0\0';

/** An IPv4 address inside IPv6 becomes the IPv4 address. */
export function unmapped(ip: string): string {
  return ip.length === 16 && ip.startsWith(MAPPED) ? ip.slice(12) : ip;
}

export function isUnspecified(ip: string): boolean {
  for (let i = 0; i < ip.length; i++) if (ip.charCodeAt(i) !== 0) return false;
  return true;
}

/** Dotted IPv4, or IPv6 as RFC 5952 writes it. */
export function ipText(ip: string): string {
  return ip.length === 4 ? v4Text(ip, 0) : v6Text(ip);
}

function v4Text(ip: string, at: number): string {
  return `${ip.charCodeAt(at)}.${ip.charCodeAt(at + 1)}.${ip.charCodeAt(at + 2)}.${ip.charCodeAt(at + 3)}`;
}

function v6Text(ip: string): string {
  if (ip.startsWith(MAPPED)) return `::ffff:${v4Text(ip, 12)}`;
  const groups = Array.from({ length: 8 }, (_, i) => (ip.charCodeAt(2 * i) << 8) | ip.charCodeAt(2 * i + 1));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return hex(groups);
  const head = hex(groups.slice(0, zeros.at));
  const tail = hex(groups.slice(zeros.at + zeros.length));
  return `${head}::${tail}`;
}

function hex(groups: readonly number[]): string {
  return groups.map((g) => g.toString(16)).join(':');
}

function longestZeros(groups: readonly number[]): { at: number; length: number } {
  let best = { at: 0, length: 0 };
  let at = 0;
  groups.forEach((group, i) => {
    if (group !== 0) at = i + 1;
    else if (i + 1 - at > best.length) best = { at, length: i + 1 - at };
  });
  return best;
}

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
  if (address.ip !== undefined) return `${ipText(address.ip)}:${address.port}`;
  return address.path;
}
