import { RF_FD_TYPE } from '../record/layout.gen.ts';
import type { EventDef, ParamDef } from './event-def.ts';
import { constant, data, fd, flags, i32, madeFd, ret, row, u32, value } from './event-def.ts';
import { descriptorFlags, FILE_FLAGS, SHUTDOWN_HOW } from './flags.ts';
import { SOCKET_FAMILIES } from './names.ts';

const SOCK_TYPE_MASK = 0xf;

const res = ret('res');
const use = { fd: 'use' } as const;
/** Rendered from the socket that the record describes. */
const tuple: ParamDef = { name: 'tuple', type: 'tuple' };
const addr: ParamDef = { name: 'addr', type: 'sockaddr', get: (rec) => rec.addr };
/** Depth of the accept queue: the record does not carry it. */
const queue: readonly ParamDef[] = ['queuepct', 'queuelen', 'queuemax'].map((name) => ({
  name,
  type: 'int',
}));

const socketType = (arg: number): ParamDef => value('type', 'int', (rec) => rec.argU32(arg) & SOCK_TYPE_MASK);

export const NET_EVENTS: readonly EventDef[] = [
  row(
    'socket',
    'net',
    'A socket was made.',
    { fd: 'ret' },
    [
      ret('fd', 'fd'),
      constant('domain', SOCKET_FAMILIES, 0),
      socketType(1),
      u32('proto', 'int', 2),
      flags('flags', FILE_FLAGS, 1, descriptorFlags),
    ],
    { fd: 'create', op: 'SOCKET' },
  ),
  row(
    'bind',
    'net',
    'A socket was given its local address.',
    { fd: 0, addr: 1, addrLen: 2 },
    [res, addr, fd('fd', 0)],
    { ...use, op: 'BIND' },
  ),
  row(
    'connect',
    'net',
    'A connection was opened.',
    { fd: 0, addr: 1, addrLen: 2 },
    [res, tuple, fd('fd', 0), addr],
    { ...use, op: 'CONNECT' },
  ),
  row('listen', 'net', 'A socket began to listen.', { fd: 0 }, [res, fd('fd', 0), i32('backlog', 'int', 1)], {
    ...use,
    op: 'LISTEN',
  }),
  row('accept', 'net', 'A connection was accepted.', { fd: 'ret' }, [ret('fd', 'fd'), tuple, ...queue], {
    fd: 'create',
    op: 'ACCEPT',
  }),
  row(
    'accept4',
    'net',
    'A connection was accepted, with flags.',
    { fd: 'ret' },
    [ret('fd', 'fd'), tuple, ...queue, i32('flags', 'hex', 3)],
    { fd: 'create', op: 'ACCEPT' },
  ),
  row(
    'sendto',
    'I/O',
    'A message was sent.',
    { fd: 0, addr: 4, addrLen: 5, data: 1, dataLen: 'ret', dataMax: 80 },
    [res, data(), fd('fd', 0), u32('size', 'int', 2), tuple],
    { ...use, op: 'SENDMSG', io: 'write' },
  ),
  row(
    'sendmsg',
    'I/O',
    'A message was sent (scattered).',
    { fd: 0, data: 1, dataLen: 'ret', dataMax: 80, msghdr: true },
    [res, data(), fd('fd', 0), ret('size', 'int'), tuple],
    { ...use, op: 'SENDMSG', io: 'write' },
  ),
  row(
    'sendmmsg',
    'I/O',
    'Several messages were sent; the first is shown.',
    {
      fd: 0,
      data: 1,
      dataMax: 80,
      msghdr: true,
    },
    [res, data(), fd('fd', 0), value('size', 'int', () => undefined), tuple],
    {
      ...use,
      op: 'SENDMSG',
      io: 'write',
    },
  ),
  row(
    'recvfrom',
    'I/O',
    'A message was received.',
    { fd: 0, addr: 4, addrLen: 5, data: 1, dataLen: 'ret', dataMax: 80 },
    [res, data(), tuple, fd('fd', 0), u32('size', 'int', 2)],
    { ...use, io: 'read' },
  ),
  row(
    'recvmsg',
    'I/O',
    'A message was received (scattered).',
    {
      fd: 0,
      data: 1,
      dataLen: 'ret',
      dataMax: 80,
      msghdr: true,
    },
    [res, ret('size', 'int'), data(), tuple, { name: 'msgcontrol', type: 'bytes' }, fd('fd', 0)],
    {
      ...use,
      io: 'read',
    },
  ),
  row(
    'recvmmsg',
    'I/O',
    'Several messages were received; the first is shown.',
    {
      fd: 0,
      data: 1,
      dataMax: 80,
      msghdr: true,
    },
    [
      res,
      value('size', 'int', () => undefined),
      data(),
      tuple,
      { name: 'msgcontrol', type: 'bytes' },
      fd('fd', 0),
    ],
    {
      ...use,
      io: 'read',
    },
  ),
  row(
    'shutdown',
    'net',
    'A connection was shut down.',
    { fd: 0 },
    [res, fd('fd', 0), constant('how', SHUTDOWN_HOW, 1)],
    use,
  ),
  row(
    'socketpair',
    'IPC',
    'A pair of connected sockets was made.',
    { data: 3, dataMax: 8 },
    [
      res,
      value('fd1', 'fd', (rec) => madeFd(rec, 0)),
      value('fd2', 'fd', (rec) => madeFd(rec, 4)),
      { name: 'source', type: 'hex' },
      { name: 'peer', type: 'hex' },
      constant('domain', SOCKET_FAMILIES, 0),
      socketType(1),
      u32('proto', 'int', 2),
    ],
    { fd: 'create', fdType: RF_FD_TYPE.UNIX, op: 'SOCKET' },
  ),
];
