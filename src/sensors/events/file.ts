import { RF_FD_TYPE } from '../record/layout.gen.ts';
import type { EventDef, ParamDef } from './event-def.ts';
import {
  data,
  dirfd,
  FILE_ID,
  fd,
  flags,
  i32,
  madeFd,
  recordOpenFlags,
  ret,
  row,
  text,
  u32,
  u64,
  value,
  word32,
} from './event-def.ts';
import {
  CHOWN_FLAGS,
  CREAT_FLAGS,
  descriptorFlags,
  FILE_FLAGS,
  LINK_FLAGS,
  MEMFD_FLAGS,
  MOUNT_FLAGS,
  mountFlags,
  RENAME_FLAGS,
  RESOLVE_FLAGS,
  UMOUNT_FLAGS,
  UNLINK_FLAGS,
} from './flags.ts';
import { FCNTL_COMMANDS, QUOTACTL_COMMANDS } from './names.ts';

const res = ret('res');
const newFd = ret('fd', 'fd');

const openFlagsAt = (arg: number): ParamDef =>
  value('flags', 'flags', (rec) => recordOpenFlags(rec, rec.argU32(arg)), FILE_FLAGS);

const opens: readonly EventDef[] = [
  row(
    'open',
    'file',
    'A file was opened.',
    { path: [0], dirfd: [-1], fd: 'ret' },
    [newFd, text('name', 'path'), openFlagsAt(1), u32('mode', 'oct', 2), ...FILE_ID],
    { fd: 'create', op: 'OPEN', fs: { name: 'name' } },
  ),
  row(
    'openat',
    'file',
    'A file was opened, relative to a directory.',
    { path: [1], dirfd: [0], fd: 'ret' },
    [newFd, dirfd('dirfd', 0), text('name', 'relpath'), openFlagsAt(2), u32('mode', 'oct', 3), ...FILE_ID],
    { fd: 'create', op: 'OPEN', fs: { name: 'name' } },
  ),
  row(
    'openat2',
    'file',
    'A file was opened, with restrictions on how its path is resolved.',
    { path: [1], dirfd: [0], fd: 'ret', data: 2, dataLen: 3, dataMax: 24 },
    [
      newFd,
      dirfd('dirfd', 0),
      text('name', 'relpath'),
      value('flags', 'flags', (rec) => opt(word32(rec.data, 0), (n) => recordOpenFlags(rec, n)), FILE_FLAGS),
      value('mode', 'oct', (rec) => word32(rec.data, 8)),
      value('resolve', 'flags', (rec) => word32(rec.data, 16), RESOLVE_FLAGS),
      ...FILE_ID,
    ],
    { fd: 'create', op: 'OPEN', fs: { name: 'name' } },
  ),
  row(
    'creat',
    'file',
    'A file was created or truncated for writing.',
    { path: [0], dirfd: [-1], fd: 'ret' },
    [
      newFd,
      text('name', 'path'),
      u32('mode', 'oct', 1),
      ...FILE_ID,
      value('creat_flags', 'flags', (rec) => (rec.ret >= 0 ? rec.fdLayer : 0), CREAT_FLAGS),
    ],
    { fd: 'create', op: 'OPEN', fs: { name: 'name' } },
  ),
  row(
    'open_by_handle_at',
    'file',
    'A file was opened by its handle.',
    { fd: 'ret' },
    [newFd, fd('mountfd', 0), openFlagsAt(2), value('path', 'path', (rec) => rec.fdPath), ...FILE_ID],
    { fd: 'create', op: 'OPEN', fs: { name: 'path' } },
  ),
];

const descriptors: readonly EventDef[] = [
  row(
    'close',
    'I/O',
    'A descriptor was closed (seen before it is done).',
    { fd: 0, enter: true },
    [res, fd('fd', 0)],
    { fd: 'use' },
  ),
  row('dup', 'I/O', 'A descriptor was duplicated.', { fd: 'ret' }, [ret('res', 'fd'), fd('oldfd', 0)], {
    fd: 'create',
  }),
  row(
    'dup2',
    'I/O',
    'A descriptor was duplicated onto another.',
    { fd: 'ret' },
    [ret('res', 'fd'), fd('oldfd', 0), fd('newfd', 1)],
    { fd: 'create' },
  ),
  row(
    'dup3',
    'I/O',
    'A descriptor was duplicated onto another, with flags.',
    { fd: 'ret' },
    [ret('res', 'fd'), fd('oldfd', 0), fd('newfd', 1), flags('flags', FILE_FLAGS, 2, descriptorFlags)],
    { fd: 'create' },
  ),
  row(
    'fcntl',
    'I/O',
    'A descriptor was manipulated.',
    { fd: 0 },
    [
      ret('res', 'fd'),
      fd('fd', 0),
      { ...u32('cmd', 'enum', 1), table: FCNTL_COMMANDS },
      u64('arg', 'hex', 2),
    ],
    { fd: 'use' },
  ),
  ...['pipe', 'pipe2'].map((name) =>
    row(
      name,
      'IPC',
      'A pipe was made.',
      { data: 0, dataMax: 8 },
      [
        res,
        value('fd1', 'fd', (rec) => madeFd(rec, 0)),
        value('fd2', 'fd', (rec) => madeFd(rec, 4)),
        value('ino', 'int', () => undefined),
        ...(name === 'pipe2' ? [flags('flags', FILE_FLAGS, 1, descriptorFlags)] : []),
      ],
      { fd: 'create', fdType: RF_FD_TYPE.PIPE },
    ),
  ),
  row(
    'memfd_create',
    'memory',
    'An anonymous file in memory was made.',
    { path: [0], fd: 'ret' },
    [newFd, text('name', 'string'), flags('flags', MEMFD_FLAGS, 1)],
    { fd: 'create', op: 'CREATE' },
  ),
  ...(
    [
      ['read', 'read', 'read'],
      ['write', 'write', 'write'],
      ['pread', 'pread64', 'read'],
      ['pwrite', 'pwrite64', 'write'],
    ] as const
  ).map(([name, call, io]) =>
    row(
      name,
      'I/O',
      `Bytes were ${io === 'read' ? 'read from' : 'written to'} a descriptor.`,
      { fd: 0, data: 1, dataLen: 'ret', dataMax: 80 },
      [
        res,
        data(),
        fd('fd', 0),
        u32('size', 'int', 2),
        ...(name.startsWith('p') ? [u64('pos', 'int', 3)] : []),
      ],
      { syscalls: [call], fd: 'use', io },
    ),
  ),
];

const PAIR = { source: 'oldpath', target: 'newpath' } as const;

const names: readonly EventDef[] = [
  row(
    'rename',
    'file',
    'A file was renamed.',
    { path: [0, 1], dirfd: [-1, -1] },
    [res, text('oldpath', 'path'), text('newpath', 'path', 1)],
    { op: 'RENAME', fs: PAIR },
  ),
  ...['renameat', 'renameat2'].map((name) =>
    row(
      name,
      'file',
      'A file was renamed, relative to directories.',
      { path: [1, 3], dirfd: [0, 2] },
      [
        res,
        dirfd('olddirfd', 0),
        text('oldpath', 'relpath'),
        dirfd('newdirfd', 2),
        text('newpath', 'relpath', 1),
        ...(name === 'renameat2' ? [flags('flags', RENAME_FLAGS, 4)] : []),
      ],
      { op: 'RENAME', fs: PAIR },
    ),
  ),
  row('unlink', 'file', 'A file was deleted.', { path: [0], dirfd: [-1] }, [res, text('path', 'path')], {
    op: 'UNLINK',
    fs: { name: 'path' },
  }),
  row(
    'unlinkat',
    'file',
    'A file or directory was deleted, relative to a directory.',
    {
      path: [1],
      dirfd: [0],
      fd: 0,
    },
    [res, dirfd('dirfd', 0), text('name', 'relpath'), flags('flags', UNLINK_FLAGS, 2)],
    {
      fd: 'use',
      op: 'UNLINK',
      fs: { name: 'name' },
    },
  ),
  row('rmdir', 'file', 'A directory was deleted.', { path: [0], dirfd: [-1] }, [res, text('path', 'path')], {
    op: 'UNLINK',
    fs: { name: 'path' },
  }),
  row(
    'mkdir',
    'file',
    'A directory was made.',
    { path: [0], dirfd: [-1] },
    [res, text('path', 'path'), u32('mode', 'hex', 1)],
    { op: 'MKDIR', fs: { name: 'path' } },
  ),
  row(
    'mkdirat',
    'file',
    'A directory was made, relative to a directory.',
    { path: [1], dirfd: [0], fd: 0 },
    [res, dirfd('dirfd', 0), text('path', 'relpath'), u32('mode', 'hex', 2)],
    { fd: 'use', op: 'MKDIR', fs: { name: 'path' } },
  ),
  row(
    'symlink',
    'file',
    'A symbolic link was made.',
    { path: [0, 1], dirfd: [-1, -1] },
    [res, text('target', 'string'), text('linkpath', 'path', 1)],
    { op: 'SYMLINK', fs: { source: 'linkpath', target: 'target' } },
  ),
  row(
    'symlinkat',
    'file',
    'A symbolic link was made, relative to a directory.',
    {
      path: [0, 2],
      dirfd: [-1, 1],
      fd: 1,
    },
    [res, text('target', 'string'), dirfd('linkdirfd', 1), text('linkpath', 'relpath', 1)],
    {
      fd: 'use',
      op: 'SYMLINK',
      fs: { source: 'linkpath', target: 'target' },
    },
  ),
  row(
    'link',
    'file',
    'A hard link was made.',
    { path: [0, 1], dirfd: [-1, -1] },
    [res, text('oldpath', 'path'), text('newpath', 'path', 1)],
    { op: 'LINK', fs: { source: 'newpath', target: 'oldpath' } },
  ),
  row(
    'linkat',
    'file',
    'A hard link was made, relative to directories.',
    { path: [1, 3], dirfd: [0, 2] },
    [
      res,
      dirfd('olddir', 0),
      text('oldpath', 'relpath'),
      dirfd('newdir', 2),
      text('newpath', 'relpath', 1),
      flags('flags', LINK_FLAGS, 4),
    ],
    { op: 'LINK', fs: { source: 'newpath', target: 'oldpath' } },
  ),
];

const attributes: readonly EventDef[] = [
  row(
    'chmod',
    'file',
    'The permissions of a file were changed.',
    { path: [0], dirfd: [-1] },
    [res, text('filename', 'path'), u32('mode', 'mode', 1)],
    { op: 'CHMOD', fs: { name: 'filename' } },
  ),
  row(
    'fchmod',
    'file',
    'The permissions of an open file were changed.',
    { fd: 0 },
    [res, fd('fd', 0), u32('mode', 'mode', 1)],
    { fd: 'use', op: 'CHMOD', fs: { name: 'fd' } },
  ),
  row(
    'fchmodat',
    'file',
    'The permissions of a file were changed, relative to a directory.',
    {
      path: [1],
      dirfd: [0],
      fd: 0,
    },
    [res, dirfd('dirfd', 0), text('filename', 'relpath'), u32('mode', 'mode', 2)],
    {
      fd: 'use',
      op: 'CHMOD',
      fs: { name: 'filename' },
    },
  ),
  ...['chown', 'lchown'].map((name) =>
    row(
      name,
      'file',
      'The owner of a file was changed.',
      { path: [0], dirfd: [-1] },
      [res, text('path', 'path'), u32('uid', 'int', 1), u32('gid', 'int', 2)],
      { op: 'CHMOD', fs: { name: 'path' } },
    ),
  ),
  row(
    'fchown',
    'file',
    'The owner of an open file was changed.',
    { fd: 0 },
    [res, fd('fd', 0), u32('uid', 'int', 1), u32('gid', 'int', 2)],
    { fd: 'use', op: 'CHMOD', fs: { name: 'fd' } },
  ),
  row(
    'fchownat',
    'file',
    'The owner of a file was changed, relative to a directory.',
    {
      path: [1],
      dirfd: [0],
      fd: 0,
    },
    [
      res,
      dirfd('dirfd', 0),
      text('pathname', 'relpath'),
      u32('uid', 'int', 2),
      u32('gid', 'int', 3),
      flags('flags', CHOWN_FLAGS, 4),
    ],
    { fd: 'use', op: 'CHMOD', fs: { name: 'pathname' } },
  ),
  row(
    'mknod',
    'file',
    'A special file was made.',
    { path: [0], dirfd: [-1] },
    [res, text('path', 'path'), u32('mode', 'mode', 1), u32('dev', 'int', 2)],
    { op: 'CREATE' },
  ),
  row(
    'mknodat',
    'file',
    'A special file was made, relative to a directory.',
    { path: [1], dirfd: [0], fd: 0 },
    [res, dirfd('dirfd', 0), text('path', 'relpath'), u32('mode', 'mode', 2), u32('dev', 'int', 3)],
    { fd: 'use', op: 'CREATE' },
  ),
  row(
    'truncate',
    'file',
    'A file was cut or extended by its path.',
    { path: [0], dirfd: [-1] },
    [res, text('path', 'path'), u64('length', 'int', 1)],
    { op: 'TRUNCATE', fs: { name: 'path' } },
  ),
];

const trees: readonly EventDef[] = [
  row(
    'mount',
    'file',
    'A file system was mounted.',
    { path: [0, 1], dirfd: [-1, -1], data: 2, dataMax: 64 },
    [
      res,
      text('dev', 'string'),
      text('dir', 'path', 1),
      value('type', 'string', (rec) => opt(rec.data, (s) => s.split('\0', 1)[0])),
      flags('flags', MOUNT_FLAGS, 3, mountFlags),
    ],
    { op: 'MOUNT', fs: { source: 'dev', target: 'dir' } },
  ),
  row(
    'umount',
    'file',
    'A file system was unmounted (old call).',
    { path: [0], dirfd: [-1] },
    [res, text('name', 'path')],
    { op: 'MOUNT', fs: { name: 'name' } },
  ),
  row(
    'umount2',
    'file',
    'A file system was unmounted.',
    { path: [0], dirfd: [-1] },
    [res, text('name', 'path'), flags('flags', UMOUNT_FLAGS, 1)],
    { op: 'MOUNT', fs: { name: 'name' } },
  ),
  row('chdir', 'file', 'The working directory was changed.', { path: [0], dirfd: [-1] }, [
    res,
    text('path', 'string'),
  ]),
  row('fchdir', 'file', 'The working directory was changed to an open one.', { fd: 0 }, [res, fd('fd', 0)], {
    fd: 'use',
  }),
  row('chroot', 'process', 'The root directory was changed.', { path: [0], dirfd: [-1] }, [
    res,
    text('path', 'path'),
  ]),
  row(
    'quotactl',
    'user',
    'Disk quotas were manipulated.',
    { path: [1], dirfd: [-1] },
    [
      res,
      text('special', 'string'),
      value('cmd', 'flags', (rec) => rec.argU32(0) >>> 8, QUOTACTL_COMMANDS),
      value('type', 'int', (rec) => rec.argU32(0) & 0xff),
      i32('id', 'int', 2),
    ],
    { fs: { name: 'special' } },
  ),
];

function opt<T, R>(input: T | undefined, map: (input: T) => R): R | undefined {
  return input === undefined ? undefined : map(input);
}

export const FILE_EVENTS: readonly EventDef[] = [...opens, ...descriptors, ...names, ...attributes, ...trees];
