import type { EventDef, ParamDef } from './event-def.ts';
import { constant, dirfd, fd, flags, i32, ret, row, text, u32, u64, value } from './event-def.ts';
import {
  ACCESS_FLAGS,
  FLOCK_FLAGS,
  IO_URING_ENTER_FLAGS,
  NEWFSTATAT_FLAGS,
  SEEK_FROM,
  SPLICE_FLAGS,
} from './flags.ts';
import { FSCONFIG_COMMANDS, IO_URING_REGISTER_OPCODES } from './names.ts';

const res = ret('res');
const use = { fd: 'use' } as const;

/** Parameters that have a place and a name in Falco and that no sensor measures. */
const unmeasured = (...params: readonly (readonly [name: string, type: ParamDef['type']])[]): ParamDef[] =>
  params.map(([name, type]) => ({ name, type }));

const lookups: readonly EventDef[] = [
  ...['stat', 'lstat'].map((name) =>
    row(name, 'file', 'What a file is was asked by its path.', { path: [0], dirfd: [-1] }, [
      res,
      text('path', 'path'),
    ]),
  ),
  row('fstat', 'file', 'What an open file is was asked.', { fd: 0 }, [res, fd('fd', 0)], use),
  row(
    'newfstatat',
    'file',
    'What a file is was asked by its path, relative to a directory.',
    { path: [1], dirfd: [0], fd: 0 },
    [res, dirfd('dirfd', 0), text('path', 'relpath'), flags('flags', NEWFSTATAT_FLAGS, 3)],
    use,
  ),
  row('access', 'file', 'Permissions for a file were asked by its path.', { path: [0], dirfd: [-1] }, [
    res,
    text('name', 'path'),
    flags('mode', ACCESS_FLAGS, 1),
  ]),
  row('getcwd', 'file', 'The working directory was asked.', { data: 0, dataLen: 'ret', dataMax: 1024 }, [
    ret('res', 'int'),
    value('path', 'string', (rec) => rec.data?.split('\0', 1)[0]),
  ]),
  ...['getdents', 'getdents64'].map((name) =>
    row(name, 'file', 'Entries of a directory were read.', { fd: 0 }, [res, fd('fd', 0)], use),
  ),
];

const descriptors: readonly EventDef[] = [
  row(
    'ioctl',
    'I/O',
    'A device or an open file was controlled.',
    { fd: 0 },
    [res, fd('fd', 0), u64('request', 'hex', 1), u64('argument', 'hex', 2)],
    use,
  ),
  row(
    'lseek',
    'file',
    'The position in an open file was set.',
    { fd: 0 },
    [ret('res', 'int'), fd('fd', 0), u64('offset', 'int', 1), constant('whence', SEEK_FROM, 2)],
    use,
  ),
  row(
    'flock',
    'file',
    'An open file was locked or unlocked.',
    { fd: 0 },
    [res, fd('fd', 0), flags('operation', FLOCK_FLAGS, 1)],
    use,
  ),
  ...(
    [
      ['readv', 'read', false],
      ['preadv', 'read', true],
      ['writev', 'write', false],
      ['pwritev', 'write', true],
    ] as const
  ).map(([name, io, positioned]) =>
    row(
      name,
      'I/O',
      `Bytes were ${io === 'read' ? 'read from' : 'written to'} a descriptor (scattered).`,
      { fd: 0 },
      [
        res,
        ...(io === 'read'
          ? [...unmeasured(['size', 'int'], ['data', 'bytes']), fd('fd', 0)]
          : [...unmeasured(['data', 'bytes']), fd('fd', 0), ...unmeasured(['size', 'int'])]),
        ...(positioned ? [u64('pos', 'int', 3)] : []),
      ],
      { ...use, io },
    ),
  ),
  row(
    'sendfile',
    'I/O',
    'Bytes went from one descriptor to another.',
    { fd: 0 },
    [res, ...unmeasured(['offset', 'int']), fd('out_fd', 0), fd('in_fd', 1), u64('size', 'int', 3)],
    { ...use, io: 'write' },
  ),
  row(
    'splice',
    'I/O',
    'Bytes went through a pipe without being copied.',
    { fd: 0 },
    [res, fd('fd_in', 0), fd('fd_out', 2), u64('size', 'int', 4), flags('flags', SPLICE_FLAGS, 5)],
    use,
  ),
  row(
    'copy_file_range',
    'file',
    'Bytes were copied from one file to another.',
    { fd: 0 },
    [
      res,
      fd('fdout', 2),
      ...unmeasured(['offout', 'int']),
      fd('fdin', 0),
      ...unmeasured(['offin', 'int']),
      u64('len', 'int', 4),
    ],
    use,
  ),
];

const systems: readonly EventDef[] = [
  row(
    'fsconfig',
    'other',
    'A file system that is to be mounted was configured.',
    { fd: 0, path: [2, 3] },
    [
      res,
      fd('fd', 0),
      constant('cmd', FSCONFIG_COMMANDS, 1),
      text('key', 'string'),
      ...unmeasured(['value_bytebuf', 'bytes']),
      text('value_charbuf', 'string', 1),
      i32('aux', 'int', 4),
    ],
    use,
  ),
  row(
    'io_uring_enter',
    'I/O',
    'Operations of an io_uring were begun or waited for.',
    { fd: 0 },
    [
      res,
      fd('fd', 0),
      u32('to_submit', 'int', 1),
      u32('min_complete', 'int', 2),
      flags('flags', IO_URING_ENTER_FLAGS, 3),
      ...unmeasured(['sig', 'int']),
    ],
    use,
  ),
  row(
    'io_uring_register',
    'other',
    'Files, buffers or restrictions were put into an io_uring.',
    { fd: 0 },
    [
      res,
      fd('fd', 0),
      constant('opcode', IO_URING_REGISTER_OPCODES, 1),
      u64('arg', 'hex', 2),
      u32('nr_args', 'int', 3),
    ],
    use,
  ),
];

export const IO_EVENTS: readonly EventDef[] = [...lookups, ...descriptors, ...systems];
