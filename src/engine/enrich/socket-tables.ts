import { endianness } from 'node:os';
import { formatAddress, isUnspecified, unmapped } from '../core/address.ts';
import type { LiveFd } from './live.ts';

/** The tables of sockets below /proc/PID/net, in the order in which they are looked through. */
export const SOCKET_TABLES = ['tcp', 'udp', 'tcp6', 'udp6', 'unix', 'netlink'] as const;

export type SocketTable = (typeof SOCKET_TABLES)[number];

/** The socket with this inode, by the text of a table; undefined when it is not there. */
export function findSocket(table: SocketTable, text: string, inode: string): LiveFd | undefined {
  const lines = text.split('\n');
  if (table === 'unix') return findUnix(lines, inode);
  const columns = lines.map((line) => line.trim().split(/\s+/)).find((row) => row[9] === inode);
  if (columns === undefined) return undefined;
  if (table === 'netlink') return { type: 'netlink', name: '' };
  return describe(table.startsWith('tcp'), endOf(columns[1]!), endOf(columns[2]!));
}

/** A path may have blanks in it: it is the rest of the line. */
function findUnix(lines: readonly string[], inode: string): LiveFd | undefined {
  for (const line of lines) {
    const [, found, path = ''] = /^(?:\S+\s+){6}(\d+)(?: (.*))?$/.exec(line) ?? [];
    if (found === inode) return { type: 'unix', name: path };
  }
  return undefined;
}

interface End {
  readonly ip: string;
  readonly port: number;
}

/** `0100007F:1F90`: words of 32 bits as the machine has them, and the port as a number. */
function endOf(column: string): End {
  const [address = '', port = ''] = column.split(':');
  const words = Buffer.from(address, 'hex');
  if (endianness() === 'LE') words.swap32();
  return { ip: unmapped(words.toString('latin1')), port: Number.parseInt(port, 16) };
}

/** A table does not tell who opened a connection: of a stream the end with the lower port is the server's. */
function describe(stream: boolean, local: End, remote: End): LiveFd {
  if (remote.port === 0 && isUnspecified(remote.ip)) return { type: typeOf(local), name: endText(local) };
  const server = stream && local.port < remote.port;
  const [from, to] = server ? [remote, local] : [local, remote];
  return { type: typeOf(local), name: `${endText(from)}->${endText(to)}` };
}

const typeOf = (end: End): string => (end.ip.length === 4 ? 'ipv4' : 'ipv6');

const endText = (end: End): string => `${formatAddress(end.ip)}:${end.port}`;
