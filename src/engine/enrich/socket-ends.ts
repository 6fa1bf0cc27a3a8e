import { callResult, type EventDef } from '../../sensors/events/event-def.ts';
import { EINPROGRESS } from '../../sensors/events/names.ts';
import { RF_FLAG } from '../../sensors/record/layout.gen.ts';
import type { CallRec } from '../../sensors/record/record.gen.ts';
import { ANY_V4, formatAddress, unmapped } from '../core/address.ts';
import { parseSockaddr, type SocketAddress } from './net.ts';

const { NO_RESULT, DENIED } = RF_FLAG;
const EISCONN = 106;
const EALREADY = 114;
const ROLE_SERVER = 2;
export const SOCK_STREAM = 1;

/** Which end of a connection a socket is; `listen`: it has only its own address. */
type SocketRole = 'none' | 'client' | 'server' | 'listen';

/** The two ends of an IP socket. */
export interface SocketView {
  readonly role: SocketRole;
  /** Client and server end; for `listen` the server end is the own address. */
  readonly clientIp: string;
  readonly clientPort: number;
  readonly serverIp: string;
  readonly serverPort: number;
  /** This event gave an unconnected socket a (new) peer. */
  readonly nameChanged: boolean;
  readonly connected: boolean;
}

function view(
  role: SocketRole,
  client: readonly [string, number],
  server: readonly [string, number],
  nameChanged: boolean,
  connected: boolean,
): SocketView {
  return {
    role,
    clientIp: client[0],
    clientPort: client[1],
    serverIp: server[0],
    serverPort: server[1],
    nameChanged,
    connected,
  };
}

const NOWHERE = [ANY_V4, 0] as const;

/** Ends and role of an IP socket after the event. */
export function socketEnds(rec: CallRec, def: EventDef): SocketView {
  const local = [unmapped(rec.fdLaddr ?? ANY_V4), rec.fdLport] as const;
  const remote = [unmapped(rec.fdRaddr ?? ANY_V4), rec.fdRport] as const;
  const argument = parseSockaddr(rec.addr);
  if (def.name === 'connect') return connecting(rec, local, remote, argument);
  if (def.name === 'bind' && rec.fdRole === 0) {
    if (callResult(rec) < 0) return view('none', NOWHERE, NOWHERE, false, false);
    const own = rec.fdLport !== 0 ? local : (endOf(argument) ?? local);
    return view('listen', NOWHERE, own, false, false);
  }
  const message = rec.fdSockType !== SOCK_STREAM && def.io !== undefined ? endOf(argument) : undefined;
  const done = callResult(rec) >= 0;
  if (message !== undefined && done) {
    return def.io === 'write'
      ? view('client', local, message, rec.fdRole === 0, true)
      : view('server', message, local, rec.fdRole === 0, false);
  }
  if (rec.fdRport !== 0) {
    return isServer(rec, def)
      ? view('server', remote, local, false, true)
      : view('client', local, remote, false, true);
  }
  if (rec.fdRole === ROLE_SERVER || rec.fdLport !== 0) return view('listen', NOWHERE, local, false, false);
  return view('none', NOWHERE, NOWHERE, false, false);
}

/**
 * Whether our end of a connection is the server's. The kernel forgets who opened it: where neither the record nor the
 * event says, the end with the lower port is the server.
 */
function isServer(rec: CallRec, def: EventDef): boolean {
  if (rec.fdRole !== 0) return rec.fdRole === ROLE_SERVER;
  if (def.op === 'ACCEPT') return true;
  return rec.fdSockType === SOCK_STREAM && rec.fdLport < rec.fdRport;
}

function connecting(
  rec: CallRec,
  local: readonly [string, number],
  remote: readonly [string, number],
  argument: SocketAddress | undefined,
): SocketView {
  const result = callResult(rec);
  const begun = result >= 0 || result === -EINPROGRESS;
  const before = result === -EISCONN || result === -EALREADY;
  const refused = (rec.flags & DENIED) !== 0; // it was to be the peer
  if (!begun && !before && !refused) return view('none', NOWHERE, NOWHERE, false, false);
  // Seen before it is done, the socket has no peer yet: the argument is where it goes.
  const early = (rec.flags & NO_RESULT) !== 0 || rec.fdRport === 0;
  const peer = (early ? endOf(argument) : undefined) ?? remote;
  return view('client', local, peer, begun, true);
}

function endOf(address: SocketAddress | undefined): readonly [string, number] | undefined {
  return address?.ip === undefined ? undefined : [address.ip, address.port ?? 0];
}

/** The ends as fd.name shows them. */
export function tupleText(socket: SocketView, proto: string | undefined): string {
  if (socket.role === 'none') return '';
  if (socket.role === 'listen') return `${formatAddress(socket.serverIp)}:${socket.serverPort}`;
  const client = formatAddress(socket.clientIp);
  const server = formatAddress(socket.serverIp);
  if (proto === 'icmp' || proto === 'raw') return `${client}->${server}`;
  return `${client}:${socket.clientPort}->${server}:${socket.serverPort}`;
}
