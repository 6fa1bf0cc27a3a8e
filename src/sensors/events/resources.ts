import type { EventDef, ParamDef } from './event-def.ts';
import { constant, fd, flags, i32, ret, row, u32, u64, value, word32 } from './event-def.ts';
import { type FlagTable, FUTEX_OPERATIONS, futexOperation, MLOCK_FLAGS, MLOCKALL_FLAGS } from './flags.ts';
import { RESOURCES, SOCKET_LEVELS, SOCKET_OPTIONS, TCP_OPTIONS } from './names.ts';

const SOL_SOCKET = 1;
const IPPROTO_TCP = 6;

const res = ret('res');
const usage: readonly ParamDef[] = ['vm_size', 'vm_rss', 'vm_swap'].map((name) => ({ name, type: 'int' }));
const addr = u64('addr', 'hex', 0);

const memory: readonly EventDef[] = [
  row('brk', 'memory', 'The end of the heap was moved.', {}, [ret('res', 'hex'), ...usage, addr]),
  row('munmap', 'memory', 'Memory was unmapped.', {}, [res, ...usage, addr, u64('length', 'int', 1)]),
  ...['mlock', 'munlock'].map((name) =>
    row(name, 'memory', `Memory was ${name === 'mlock' ? 'locked' : 'unlocked'}.`, {}, [
      res,
      addr,
      u64('len', 'int', 1),
    ]),
  ),
  row('mlock2', 'memory', 'Memory was locked, with flags.', {}, [
    res,
    addr,
    u64('len', 'int', 1),
    flags('flags', MLOCK_FLAGS, 2),
  ]),
  row('mlockall', 'memory', 'All memory of the process was locked.', {}, [
    res,
    flags('flags', MLOCKALL_FLAGS, 0),
  ]),
  row('munlockall', 'memory', 'All memory of the process was unlocked.', {}, [res]),
];

/** A signed 64-bit word of captured bytes. */
function word64(bytes: string | undefined, offset: number): bigint | undefined {
  const low = word32(bytes, offset);
  const high = word32(bytes, offset + 4);
  return low === undefined || high === undefined
    ? undefined
    : BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
}

const limit = (name: string, offset: number): ParamDef =>
  value(name, 'int', (rec) => word64(rec.data, offset));

const limits: readonly EventDef[] = [
  ...['getrlimit', 'setrlimit'].map((name) =>
    row(
      name,
      'process',
      `A limit of the process was ${name === 'getrlimit' ? 'asked' : 'set'}.`,
      { data: 1, dataMax: 16 },
      [res, limit('cur', 0), limit('max', 8), constant('resource', RESOURCES, 0)],
    ),
  ),
  row(
    'prlimit',
    'process',
    'A limit of a process was asked or set.',
    { data: 2, dataMax: 16 },
    [
      res,
      limit('newcur', 0),
      limit('newmax', 8),
      { name: 'oldcur', type: 'int' },
      { name: 'oldmax', type: 'int' },
      i32('pid', 'pid', 0),
      constant('resource', RESOURCES, 1),
    ],
    { syscalls: ['prlimit64'] },
  ),
];

const synchronization: readonly EventDef[] = [
  row('futex', 'IPC', 'A lock of the process was waited for or given up.', {}, [
    res,
    addr,
    flags('op', FUTEX_OPERATIONS, 1, futexOperation),
    u64('val', 'int', 2),
  ]),
  row('nanosleep', 'sleep', 'The thread slept.', { data: 0, dataMax: 16 }, [
    res,
    value('interval', 'reltime', (rec) => {
      const seconds = word64(rec.data, 0);
      const rest = word64(rec.data, 8);
      return seconds === undefined || rest === undefined ? undefined : seconds * 1_000_000_000n + rest;
    }),
  ]),
  row('semget', 'process', 'A set of semaphores was looked up or made.', {}, [
    res,
    i32('key', 'hex', 0),
    i32('nsems', 'int', 1),
    i32('semflg', 'hex', 2),
  ]),
  row('semctl', 'process', 'A set of semaphores was controlled.', {}, [
    res,
    i32('semid', 'int', 0),
    i32('semnum', 'int', 1),
    i32('cmd', 'int', 2),
    i32('val', 'int', 3),
  ]),
  row('semop', 'process', 'Semaphores were changed or waited for.', {}, [
    res,
    u32('nsops', 'int', 2),
    i32('semid', 'int', 0),
  ]),
];

/** Numbers of options mean something else at each level. */
function optionNames(level: number): FlagTable | undefined {
  if (level === SOL_SOCKET) return SOCKET_OPTIONS;
  return level === IPPROTO_TCP ? TCP_OPTIONS : undefined;
}

const options: readonly EventDef[] = ['setsockopt', 'getsockopt'].map((name) =>
  row(
    name,
    'net',
    `An option of a socket was ${name === 'setsockopt' ? 'set' : 'asked'}.`,
    { fd: 0, data: 3, dataMax: 4 },
    [
      res,
      fd('fd', 0),
      constant('level', SOCKET_LEVELS, 1),
      {
        ...u32('optname', 'enum', 2),
        tableOf: (rec) => optionNames(rec.argU32(1)),
      },
      value('val', 'dyn', (rec) => word32(rec.data, 0)),
      ...(name === 'setsockopt' ? [u32('optlen', 'int', 4)] : [{ name: 'optlen', type: 'int' } as const]),
    ],
    { fd: 'use' },
  ),
);

export const RESOURCE_EVENTS: readonly EventDef[] = [...memory, ...limits, ...synchronization, ...options];
