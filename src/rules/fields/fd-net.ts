import { ANY_V4, isUnspecified, parseAddress } from '../../engine/core/address.ts';
import type { Event } from '../../engine/enrich/event.ts';
import type { SocketView } from '../../engine/enrich/socket-ends.ts';
import { ANY_EVERY, ANY_SOME, bool, type Field, field, str } from './define.ts';

interface End {
  readonly ip: string;
  readonly port: number;
}

const NONE: readonly never[] = [];
const NOWHERE: End = { ip: ANY_V4, port: 0 };

function client(e: Event): End | undefined {
  const s = e.fd.socket;
  return s === undefined || s.role === 'none' || s.role === 'listen'
    ? undefined
    : { ip: s.clientIp, port: s.clientPort };
}

function server(e: Event): End | undefined {
  const s = e.fd.socket;
  return s === undefined || s.role === 'none' ? undefined : { ip: s.serverIp, port: s.serverPort };
}

/** Which of the two ends is ours: the one whose address this host, or the container, has. */
function local(e: Event): End | undefined {
  const from = client(e);
  return from !== undefined && clientIsLocal(e, from) ? from : server(e);
}

function remote(e: Event): End | undefined {
  const from = client(e);
  if (from === undefined) return undefined;
  return clientIsLocal(e, from) ? server(e) : from;
}

/**
 * In another network namespace no address may be known as ours: then the end that the process has is. So it is for a
 * connection that was refused, or seen, before it got an address of its own.
 */
function clientIsLocal(e: Event, from: End): boolean {
  if (isLocal(e, from.ip)) return true;
  if (e.fd.socket?.role === 'client' && isUnspecified(from.ip)) return true;
  return e.fd.socket?.role === 'client' && !isLocal(e, server(e)?.ip ?? ANY_V4);
}

function isLocal(e: Event, ip: string): boolean {
  if (e.services.local.has(ip)) return true;
  const own = e.container?.metadata?.ip;
  return own !== undefined && parseAddress(own) === ip;
}

/** Both ends, for fields that look at either; a socket without a role has two ends at 0.0.0.0. */
function ends(e: Event): readonly End[] | undefined {
  if (!e.fd.known) return undefined;
  const s: SocketView | undefined = e.fd.socket;
  if (s === undefined) return NONE;
  if (s.role === 'none') return [NOWHERE, NOWHERE];
  const own = { ip: s.serverIp, port: s.serverPort };
  return s.role === 'listen' ? [own] : [{ ip: s.clientIp, port: s.clientPort }, own];
}

type Side = 'c' | 's' | 'l' | 'r';
const SIDES: readonly (readonly [Side, string, (e: Event) => End | undefined])[] = [
  ['c', 'client', client],
  ['s', 'server', server],
  ['l', 'local', local],
  ['r', 'remote', remote],
];

function sides(): Field[] {
  return SIDES.flatMap(([side, word, end]) => [
    field(`fd.${side}ip`, 'ip', `Address of the ${word} end.`, (e) => end(e)?.ip),
    field(`fd.${side}port`, 'port', `Port of the ${word} end.`, (e) => end(e)?.port),
    str(`fd.${side}proto`, `Port of the ${word} end, as a text.`, (e) => end(e)?.port.toString()),
    field(`fd.${side}net`, 'net', `The network that holds the ${word} end.`, (e) => end(e)?.ip, {
      filterOnly: true,
      noRhs: true,
    }),
    field(
      `fd.${side}ip.name`,
      'string',
      `Domain name of the ${word} end: one that a rule compares with and that resolves to its address.`,
      (e) => {
        const ip = end(e)?.ip;
        return ip === undefined ? undefined : e.services.names.of(ip);
      },
      {
        ...ANY_SOME,
        print: (e) => {
          const ip = end(e)?.ip;
          return ip === undefined ? undefined : e.services.names.of(ip)[0];
        },
      },
    ),
  ]);
}

export const FD_NET_FIELDS: readonly Field[] = [
  field('fd.ip', 'ip', 'Address of either end.', (e) => ends(e)?.map((end) => end.ip), ANY_EVERY),
  field('fd.port', 'port', 'Port of either end.', (e) => ends(e)?.map((end) => end.port), ANY_EVERY),
  field(
    'fd.net',
    'net',
    'The network that holds either end.',
    (e) => ends(e)?.map((end) => end.ip),
    ANY_EVERY,
  ),
  field('fd.proto', 'port', 'As fd.port.', (e) => ends(e)?.map((end) => end.port), ANY_EVERY),
  ...sides(),
  str('fd.l4proto', 'tcp, udp, icmp or raw; `<NA>` for what is no IP socket.', (e) => e.fd.l4proto),
  str('fd.sockfamily', '`ip` or `unix`.', (e) => e.fd.family),
  bool('fd.is_server', 'The process is the server end; false for what is no IP socket.', (e) => {
    const role = e.fd.socket?.role;
    return e.fd.known ? role === 'server' || role === 'listen' : undefined;
  }),
  bool('fd.connected', 'The socket is connected, or is about to be; false for what is no socket.', (e) => {
    if (!e.fd.known) return undefined;
    return e.fd.socket?.connected ?? (e.fd.family === 'unix' && e.call?.fdPeer !== 0n);
  }),
  bool('fd.name_changed', 'The event gave the socket another peer.', (e) =>
    e.fd.known ? (e.fd.socket?.nameChanged ?? false) : undefined,
  ),
];
