import type { EventDef } from '../../sensors/events/event-def.ts';
import { callResult, madeFd, recordOpenFlags, word32 } from '../../sensors/events/event-def.ts';
import { O, openFlags } from '../../sensors/events/flags.ts';
import { EINPROGRESS } from '../../sensors/events/names.ts';
import { RF_FD_TYPE } from '../../sensors/record/layout.gen.ts';
import type { CallRec } from '../../sensors/record/record.gen.ts';
import { ANY_V4, formatAddress, unmapped } from '../core/address.ts';
import { parseSockaddr } from './net.ts';
import { absolute, directoryOf, fileName, squeeze, withoutDeleted } from './paths.ts';
import { SOCK_STREAM, type SocketView, socketEnds, tupleText } from './socket-ends.ts';

const T = RF_FD_TYPE;
export const AT_FDCWD = -100;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;

/** fd.type and fd.typechar by enum rf_fd_type. */
const TYPES: readonly (readonly [name: string, char: string])[] = [
  ['<NA>', 'o'],
  ['file', 'f'],
  ['directory', 'd'],
  ['ipv4', '4'],
  ['ipv6', '6'],
  ['unix', 'u'],
  ['pipe', 'p'],
  ['event', 'e'],
  ['signalfd', 's'],
  ['eventpoll', 'l'],
  ['inotify', 'i'],
  ['timerfd', 't'],
  ['netlink', 'n'],
  ['bpf', 'b'],
  ['userfaultfd', 'u'],
  ['io_uring', 'r'],
  ['memfd', 'm'],
  ['pidfd', 'P'],
  ['<NA>', 'o'],
];

const L4_CHAR: Readonly<Record<string, string>> = { tcp: 't', udp: 'u', icmp: 'i', raw: 'r' };

/** What a type is called when the event's descriptor is not known. */
const TYPECHAR_WITHOUT_FD: Readonly<Record<string, string>> = {
  openat: 'f',
  openat2: 'f',
  creat: 'f',
  socket: '4',
  accept: '4',
  accept4: '4',
  pipe: 'p',
  pipe2: 'p',
};

/**
 * The descriptor of an event: what fd.* shows. One instance, moved from record to record; everything is computed when
 * it is asked for and kept for that record.
 */
export class EventFd {
  #rec: CallRec | undefined;
  #def: EventDef | undefined;
  #name: string | undefined;
  #nameDone = false;
  #socket: SocketView | undefined;
  #socketDone = false;
  #flags: number | undefined;
  #flagsDone = false;
  #type: number | undefined;
  #typeDone = false;

  /** Moves to a record of an event with a descriptor, or away from any. */
  bind(rec: CallRec | undefined, def: EventDef | undefined): void {
    this.#rec = rec;
    this.#def = def;
    this.#nameDone = false;
    this.#socketDone = false;
    this.#flagsDone = false;
    this.#typeDone = false;
  }

  /** The event has fd.* fields at all. */
  get present(): boolean {
    return this.#rec !== undefined;
  }

  get num(): number | undefined {
    const rec = this.#rec;
    if (rec === undefined) return undefined;
    const def = this.#def!;
    if (def.fd === 'create') {
      const result = callResult(rec);
      if (result < 0) return -1;
      // Of a pair it is the second.
      return def.fdType !== undefined && def.capture.fd === undefined ? madeFd(rec, 4) : result;
    }
    return numberArgument(def, rec);
  }

  /** enum rf_fd_type as Falco sees it; undefined when the descriptor is not known. */
  get type(): number | undefined {
    if (!this.#typeDone) {
      this.#typeDone = true;
      this.#type = this.#known ? this.#computeType(this.#rec!, this.#def!) : undefined;
    }
    return this.#type;
  }

  #computeType(rec: CallRec, def: EventDef): number | undefined {
    if (def.op === 'OPEN') return ((this.openFlags ?? 0) & O.DIRECTORY) !== 0 ? T.DIR : T.FILE;
    const type = rec.fdType;
    if (type === T.UNKNOWN) return def.fdType;
    if (type === T.DIR) return (openFlags(rec.fdFFlags) & O.DIRECTORY) !== 0 ? T.DIR : T.FILE;
    if (type === T.IPV6 && this.socket?.serverIp.length === 4 && this.socket.role !== 'none') return T.IPV4;
    return type;
  }

  get typeName(): string | undefined {
    const type = this.type;
    return type === undefined ? undefined : TYPES[type]?.[0];
  }

  get typeChar(): string | undefined {
    if (this.#rec === undefined) return undefined;
    const type = this.type;
    return type === undefined ? (TYPECHAR_WITHOUT_FD[this.#def!.name] ?? 'o') : TYPES[type]?.[1];
  }

  /** Portable open flags of an open event. */
  get openFlags(): number | undefined {
    if (!this.#flagsDone) {
      this.#flagsDone = true;
      this.#flags = this.#rec === undefined ? undefined : eventOpenFlags(this.#rec, this.#def!.name);
    }
    return this.#flags;
  }

  get name(): string | undefined {
    if (!this.#nameDone) {
      this.#name = this.#rec === undefined ? undefined : this.#computeName(this.#rec, this.#def!);
      this.#nameDone = true;
    }
    return this.#name;
  }

  /** The path as passed, doubled slashes removed. */
  get nameRaw(): string | undefined {
    const rec = this.#rec;
    if (rec === undefined) return undefined;
    const raw = this.#def!.op === 'OPEN' ? rec.path0 : undefined;
    return raw === undefined ? this.name : squeeze(raw);
  }

  get directory(): string | undefined {
    const type = this.type;
    const name = this.name;
    if (name === undefined || name === '') return undefined;
    if (type === T.DIR) return name;
    const known = type === T.FILE || (type === undefined && this.#def?.op === 'OPEN');
    return known ? directoryOf(name) : undefined;
  }

  get fileName(): string | undefined {
    const name = this.name;
    return this.type === T.FILE && name !== undefined ? fileName(name) : undefined;
  }

  /** The path as the kernel resolved it. */
  get realPath(): string | undefined {
    const path = this.#rec?.fdType === T.UNIX ? undefined : this.#rec?.fdPath;
    return path === undefined ? undefined : withoutDeleted(path);
  }

  get isInet(): boolean {
    const type = this.#rec?.fdType;
    return (type === T.IPV4 || type === T.IPV6) && this.#known;
  }

  /** The ends of an IP socket; undefined for anything else. */
  get socket(): SocketView | undefined {
    if (!this.#socketDone) {
      this.#socketDone = true;
      this.#socket = this.isInet ? socketEnds(this.#rec!, this.#def!) : undefined;
    }
    return this.#socket;
  }

  /** tcp, udp, icmp or raw; the text `<NA>` for every other descriptor. */
  get l4proto(): string | undefined {
    if (!this.#known) return undefined;
    if (!this.isInet) return '<NA>';
    const rec = this.#rec!;
    switch (rec.fdSockType) {
      case SOCK_STREAM:
        return 'tcp';
      case SOCK_DGRAM:
        return rec.fdProto === IPPROTO_ICMP || rec.fdProto === IPPROTO_ICMPV6 ? 'icmp' : 'udp';
      case SOCK_RAW:
        return 'raw';
      default:
        return '<NA>';
    }
  }

  /** t, u, i or r; "" for what is no IP socket. */
  get l4char(): string {
    return this.isInet ? (L4_CHAR[this.l4proto ?? ''] ?? '') : '';
  }

  get family(): 'ip' | 'unix' | undefined {
    if (this.isInet) return 'ip';
    return this.#known && this.#rec!.fdType === T.UNIX ? 'unix' : undefined;
  }

  /** The descriptor's object is known. */
  get known(): boolean {
    return this.#rec !== undefined && this.#known;
  }

  get #known(): boolean {
    const rec = this.#rec;
    if (rec === undefined) return false;
    const def = this.#def!;
    if (def.fd === 'create' && callResult(rec) < 0) return false;
    return def.op === 'OPEN' || rec.fdType !== T.UNKNOWN || def.fdType !== undefined;
  }

  /** Text of a socket parameter: the tuple, also for a connection that failed. */
  get tuple(): string | undefined {
    const rec = this.#rec;
    if (rec === undefined) return undefined;
    const socket = this.socket;
    if (socket !== undefined && socket.role !== 'none') return this.name;
    const peer = parseSockaddr(rec.addr);
    if (peer?.ip !== undefined && this.isInet) {
      return `${formatAddress(unmapped(rec.fdLaddr ?? ANY_V4))}:${rec.fdLport}->${formatAddress(peer.ip)}:${peer.port}`;
    }
    return this.name === '' ? undefined : this.name;
  }

  #computeName(rec: CallRec, def: EventDef): string | undefined {
    if (def.op === 'OPEN' && rec.path0 !== undefined) return absolute(rec.path0, rec.base0);
    if (def.fd === 'create' && callResult(rec) < 0) return undefined;
    if (def.fd === 'use' && numberArgument(def, rec) === AT_FDCWD) return '';
    if (def.name === 'memfd_create') return rec.path0;
    switch (rec.fdType) {
      case T.UNKNOWN:
        return def.fdType === undefined ? undefined : '';
      case T.FILE:
      case T.DIR:
        return rec.fdPath === undefined ? undefined : withoutDeleted(rec.fdPath);
      case T.MEMFD:
        return rec.fdPath === undefined ? '' : withoutDeleted(rec.fdPath).replace(/^\/?(?:memfd:)?/, '');
      case T.IPV4:
      case T.IPV6:
        return tupleText(this.socket!, this.l4proto);
      case T.UNIX:
        return unixText(rec, def);
      default:
        return '';
    }
  }
}

function eventOpenFlags(rec: CallRec, name: string): number | undefined {
  switch (name) {
    case 'open':
      return recordOpenFlags(rec, rec.argU32(1));
    case 'openat':
    case 'open_by_handle_at':
      return recordOpenFlags(rec, rec.argU32(2));
    case 'openat2': {
      const native = word32(rec.data, 0);
      return native === undefined ? undefined : recordOpenFlags(rec, native);
    }
    default:
      return undefined;
  }
}

/** The fd number of an event that uses one. */
function numberArgument(def: EventDef, rec: CallRec): number | undefined {
  const arg = def.capture.fd;
  return typeof arg === 'number' ? rec.argI32(arg) : undefined;
}

function unixText(rec: CallRec, def: EventDef): string {
  const path = rec.fdPath ?? parseSockaddr(rec.addr)?.path ?? '';
  if (def.name === 'bind') return path;
  if (def.name === 'connect' && callResult(rec) < 0 && callResult(rec) !== -EINPROGRESS) return '';
  // Without a peer a socket is called what it is bound to, unless the event itself has another end.
  const ends = def.params.some((param) => param.type === 'tuple');
  if (rec.fdPeer === 0n && (!ends || rec.fdSock === 0n || path === '')) return path;
  return `${rec.fdSock.toString(16)}->${rec.fdPeer.toString(16)} ${path}`;
}
