/**
 * Flag words: from the kernel's numbering to Falco's portable one, and to text.
 *
 * The order of a table is the order of the printed names.
 */
export type FlagTable = readonly (readonly [name: string, value: number])[];

/**
 * Names of the set bits joined with `|`, in table order. The bits of a matched entry are consumed, so O_RDWR
 * hides O_RDONLY and O_WRONLY; unknown bits are ignored; an entry of value 0 stands only for the value 0.
 */
export function flagNames(table: FlagTable, value: number): string {
  let rest = value;
  let text = '';
  for (const [name, bits] of table) {
    const hit = bits === 0 ? value === 0 : rest !== 0 && hasAll(rest, bits);
    if (!hit) continue;
    text = text === '' ? name : `${text}|${name}`;
    rest = (rest & ~bits) >>> 0;
  }
  return text;
}

/** All names whose value equals the number, joined with `|`. */
export function enumNames(table: FlagTable, value: number): string {
  let text = '';
  for (const [name, number] of table) {
    if (number === value) text = text === '' ? name : `${text}|${name}`;
  }
  return text;
}

function hasAll(value: number, bits: number): boolean {
  return (value & bits) >>> 0 === bits >>> 0;
}

/** A table of single bits: `names[i]` is bit `first + i`. */
function bits(prefix: string, names: string, first = 0): FlagTable {
  return names.split(' ').map((name, i) => [prefix + name, 2 ** (first + i)] as const);
}

/** `NAME value NAME value …`: values decimal or 0x hexadecimal. */
function pairs(prefix: string, text: string): FlagTable {
  const words = text.trim().split(/\s+/);
  const table: [string, number][] = [];
  for (let i = 0; i + 1 < words.length; i += 2) table.push([prefix + words[i], Number(words[i + 1])]);
  return table;
}

// ── open ──────────────────────────────────────────────────────────────────────────────────────────────────

export const O = {
  RDONLY: 1 << 0,
  WRONLY: 1 << 1,
  RDWR: 3,
  CREAT: 1 << 2,
  APPEND: 1 << 3,
  DSYNC: 1 << 4,
  EXCL: 1 << 5,
  NONBLOCK: 1 << 6,
  SYNC: 1 << 7,
  TRUNC: 1 << 8,
  DIRECT: 1 << 9,
  DIRECTORY: 1 << 10,
  LARGEFILE: 1 << 11,
  CLOEXEC: 1 << 12,
  TMPFILE: 1 << 13,
  F_CREATED: 1 << 14,
  UPPER_LAYER: 1 << 15,
  LOWER_LAYER: 1 << 16,
} as const;

export const FILE_FLAGS: FlagTable = [
  ['O_LARGEFILE', O.LARGEFILE],
  ['O_DIRECTORY', O.DIRECTORY],
  ['O_DIRECT', O.DIRECT],
  ['O_TRUNC', O.TRUNC],
  ['O_SYNC', O.SYNC],
  ['O_NONBLOCK', O.NONBLOCK],
  ['O_EXCL', O.EXCL],
  ['O_DSYNC', O.DSYNC],
  ['O_APPEND', O.APPEND],
  ['O_CREAT', O.CREAT],
  ['O_RDWR', O.RDWR],
  ['O_WRONLY', O.WRONLY],
  ['O_RDONLY', O.RDONLY],
  ['O_CLOEXEC', O.CLOEXEC],
  ['O_NONE', 0],
  ['O_TMPFILE', O.TMPFILE],
  ['O_F_CREATED', O.F_CREATED],
  ['FD_UPPER_LAYER', O.UPPER_LAYER],
  ['FD_LOWER_LAYER', O.LOWER_LAYER],
];

/** The kernel's flag bits that differ between architectures. */
const NATIVE = {
  x64: { direct: 0o40000, largefile: 0o100000, directory: 0o200000 },
  arm64: { direct: 0o200000, largefile: 0o400000, directory: 0o40000 },
} as const;

/** process.arch is a getter that costs more than the rest. */
const HOST = process.arch === 'arm64' ? 'arm64' : 'x64';

const N_CREAT = 0o100;
const N_EXCL = 0o200;
const N_TRUNC = 0o1000;
const N_APPEND = 0o2000;
const N_NONBLOCK = 0o4000;
const N_DSYNC = 0o10000;
const N_CLOEXEC = 0o2000000;
const N_SYNC = 0o4010000;
const N_TMPFILE_BIT = 0o20000000;

/** Open flags as passed to the system call, in the portable encoding. */
export function openFlags(native: number, arch: 'x64' | 'arm64' = HOST): number {
  const { direct, largefile, directory } = NATIVE[arch];
  const access = native & 3;
  let out: number = access === 1 ? O.WRONLY : access === 2 ? O.RDWR : O.RDONLY;
  if (native & N_CREAT) out |= O.CREAT;
  if (native & N_TMPFILE_BIT && native & directory) out |= O.TMPFILE;
  if (native & N_APPEND) out |= O.APPEND;
  if (native & N_DSYNC) out |= O.DSYNC;
  if (native & N_EXCL) out |= O.EXCL;
  if (native & N_NONBLOCK) out |= O.NONBLOCK;
  if ((native & N_SYNC) === N_SYNC) out |= O.SYNC;
  if (native & N_TRUNC) out |= O.TRUNC;
  if (native & direct) out |= O.DIRECT;
  if (native & directory) out |= O.DIRECTORY;
  if (native & largefile) out |= O.LARGEFILE;
  if (native & N_CLOEXEC) out |= O.CLOEXEC;
  return out;
}

/**
 * The descriptor flags among the bits of socket(2), accept4(2), pipe2(2), dup3(2)…: only O_CLOEXEC and
 * O_NONBLOCK can be there, and an access mode is not implied.
 */
export function descriptorFlags(native: number): number {
  return (native & N_NONBLOCK ? O.NONBLOCK : 0) | (native & N_CLOEXEC ? O.CLOEXEC : 0);
}

/** FMODE_CREATED of struct file: the open made the file. */
const FMODE_CREATED = 0x100000;

/** What the kernel adds to the flags of an open that succeeded. */
export function openedFlags(fMode: number, layer: number): number {
  let out = fMode & FMODE_CREATED ? O.F_CREATED : 0;
  if (layer === 1) out |= O.UPPER_LAYER;
  else if (layer === 2) out |= O.LOWER_LAYER;
  return out;
}

export const CREAT_FLAGS: FlagTable = bits('', 'FD_UPPER_LAYER_CREAT FD_LOWER_LAYER_CREAT');
export const EXECVE_FLAGS: FlagTable = bits('EXE_', 'WRITABLE UPPER_LAYER FROM_MEMFD LOWER_LAYER');

// ── clone ─────────────────────────────────────────────────────────────────────────────────────────────────

/** The kernel's value. */
export const CLONE_THREAD = 0x10000;

/** Portable bit, and the kernel's value. */
const CLONE: readonly (readonly [name: string, bit: number, native: number])[] = [
  ['CLONE_FILES', 0, 0x400],
  ['CLONE_FS', 1, 0x200],
  ['CLONE_IO', 2, 0x80000000],
  ['CLONE_NEWIPC', 3, 0x8000000],
  ['CLONE_NEWNET', 4, 0x40000000],
  ['CLONE_NEWNS', 5, 0x20000],
  ['CLONE_NEWPID', 6, 0x20000000],
  ['CLONE_NEWUTS', 7, 0x4000000],
  ['CLONE_PARENT', 8, 0x8000],
  ['CLONE_PARENT_SETTID', 9, 0x100000],
  ['CLONE_PTRACE', 10, 0x2000],
  ['CLONE_SIGHAND', 11, 0x800],
  ['CLONE_SYSVSEM', 12, 0x40000],
  ['CLONE_THREAD', 13, CLONE_THREAD],
  ['CLONE_UNTRACED', 14, 0x800000],
  ['CLONE_VM', 15, 0x100],
  ['CLONE_INVERTED', 16, 0],
  ['NAME_CHANGED', 17, 0],
  ['CLOSED', 18, 0],
  ['CLONE_NEWUSER', 20, 0x10000000],
  ['CLONE_CHILD_CLEARTID', 23, 0x200000],
  ['CLONE_CHILD_SETTID', 24, 0x1000000],
  ['CLONE_SETTLS', 25, 0x80000],
  ['CLONE_STOPPED', 26, 0],
  ['CLONE_VFORK', 27, 0x4000],
  ['CLONE_NEWCGROUP', 28, 0x2000000],
  ['CLONE_CHILD_IN_PIDNS', 29, 0],
];

export const CLONE_FLAGS: FlagTable = CLONE.map(([name, bit]) => [name, 2 ** bit] as const);

/** Flags of clone, unshare and setns in the portable encoding. */
export function cloneFlags(native: number): number {
  let out = 0;
  for (const [, bit, value] of CLONE) {
    if (value !== 0 && hasAll(native, value)) out += 2 ** bit;
  }
  return out;
}

// ── files and mounts ──────────────────────────────────────────────────────────────────────────────────────

export const MODE_FLAGS: FlagTable = bits(
  'S_I',
  'XOTH WOTH ROTH XGRP WGRP RGRP XUSR WUSR RUSR SVTX SGID SUID',
);

const FILE_TYPES: FlagTable = [
  ['S_IFREG', 0o100000],
  ['S_IFCHR', 0o020000],
  ['S_IFBLK', 0o060000],
  ['S_IFIFO', 0o010000],
  ['S_IFSOCK', 0o140000],
];

/** Permission bits and, for mknod, the kind of the node. */
export function modeNames(mode: number): string {
  const permissions = flagNames(MODE_FLAGS, mode & 0o7777);
  const kind = enumNames(FILE_TYPES, mode & 0o170000);
  return kind === '' ? permissions : permissions === '' ? kind : `${permissions}|${kind}`;
}

export const MOUNT_FLAGS: FlagTable = [
  ...bits('', 'RDONLY NOSUID NODEV NOEXEC SYNCHRONOUS REMOUNT MANDLOCK DIRSYNC'),
  ...bits(
    '',
    'NOATIME NODIRATIME BIND MOVE REC SILENT POSIXACL UNBINDABLE PRIVATE SLAVE SHARED RELATIME KERNMOUNT I_VERSION STRICTATIME LAZYTIME',
    10,
  ),
  ...bits('', 'NOSEC BORN ACTIVE NOUSER', 28),
];

/** Mount flags without the magic number that old programs put into the upper half. */
export function mountFlags(native: number): number {
  return (native & 0xffff0000) >>> 0 === 0xc0ed0000 ? native & 0xffff : native;
}

export const UMOUNT_FLAGS: FlagTable = bits('', 'FORCE DETACH EXPIRE NOFOLLOW');
export const RENAME_FLAGS: FlagTable = bits('RENAME_', 'NOREPLACE EXCHANGE WHITEOUT');
export const UNLINK_FLAGS: FlagTable = pairs('AT_', 'REMOVEDIR 0x200');
export const LINK_FLAGS: FlagTable = pairs('AT_', 'SYMLINK_FOLLOW 0x400 EMPTY_PATH 0x1000');
export const CHOWN_FLAGS: FlagTable = pairs('AT_', 'SYMLINK_NOFOLLOW 0x100 EMPTY_PATH 0x1000');
export const RESOLVE_FLAGS: FlagTable = [
  ...pairs('RESOLVE_', 'BENEATH 8 IN_ROOT 16 NO_MAGICLINKS 2 NO_SYMLINKS 4 NO_XDEV 1 CACHED 32'),
];
export const MEMFD_FLAGS: FlagTable = bits('MFD_', 'CLOEXEC ALLOW_SEALING HUGETLB NOEXEC_SEAL EXEC');
export const PIDFD_FLAGS: FlagTable = pairs('PIDFD_', 'NONBLOCK 0x800');
export const FINIT_FLAGS: FlagTable = bits(
  'MODULE_INIT_',
  'IGNORE_MODVERSIONS IGNORE_VERMAGIC COMPRESSED_FILE',
);
export const DELETE_MODULE_FLAGS: FlagTable = pairs('O_', 'NONBLOCK 0x800 TRUNC 0x200');
export const ACCESS_FLAGS: FlagTable = [['F_OK', 0], ...pairs('', 'R_OK 4 W_OK 2 X_OK 1')];
export const NEWFSTATAT_FLAGS: FlagTable = pairs(
  'AT_',
  'EMPTY_PATH 0x1000 NO_AUTOMOUNT 0x800 SYMLINK_NOFOLLOW 0x100',
);
export const FLOCK_FLAGS: FlagTable = bits('LOCK_', 'SH EX NB UN');
export const SEEK_FROM: FlagTable = pairs('SEEK_', 'SET 0 CUR 1 END 2 DATA 3 HOLE 4');
export const SPLICE_FLAGS: FlagTable = bits('SPLICE_F_', 'MOVE NONBLOCK MORE GIFT');
export const SHUTDOWN_HOW: FlagTable = pairs('SHUT_', 'RD 0 WR 1 RDWR 2');

// ── memory, io_uring ──────────────────────────────────────────────────────────────────────────────────────

export const PROT_FLAGS: FlagTable = [
  ...bits('PROT_', 'READ WRITE EXEC SEM'),
  ...pairs('PROT_', 'GROWSDOWN 0x1000000 GROWSUP 0x2000000 NONE 0'),
];
export const MMAP_FLAGS: FlagTable = pairs(
  'MAP_',
  'SHARED 1 PRIVATE 2 FIXED 0x10 ANONYMOUS 0x20 32BIT 0x40 GROWSDOWN 0x100 DENYWRITE 0x800 EXECUTABLE 0x1000 LOCKED 0x2000 NORESERVE 0x4000 POPULATE 0x8000 NONBLOCK 0x10000 STACK 0x20000 HUGETLB 0x40000',
);
export const MLOCK_FLAGS: FlagTable = bits('MLOCK_', 'ONFAULT');
export const MLOCKALL_FLAGS: FlagTable = bits('MCL_', 'CURRENT FUTURE ONFAULT');
export const IO_URING_ENTER_FLAGS: FlagTable = bits(
  'IORING_ENTER_',
  'GETEVENTS SQ_WAKEUP SQ_WAIT EXT_ARG REGISTERED_RING',
);

/** The kernel numbers these; two bits above say how. */
const FUTEX_NAMES =
  'WAIT WAKE FD REQUEUE CMP_REQUEUE WAKE_OP LOCK_PI UNLOCK_PI TRYLOCK_PI WAIT_BITSET WAKE_BITSET WAIT_REQUEUE_PI CMP_REQUEUE_PI'.split(
    ' ',
  );
const FUTEX_HOW: FlagTable = pairs('FUTEX_', 'CLOCK_REALTIME 0x100 PRIVATE_FLAG 0x80');
export const FUTEX_OPERATIONS: FlagTable = [
  ...FUTEX_HOW,
  ...FUTEX_NAMES.map((name, i) => [`FUTEX_${name}`, 2 ** (16 + i)] as const),
];

/** An operation as one bit beside those that say how. */
export function futexOperation(native: number): number {
  const operation = native & 0x7f;
  return (native & 0x180) + (operation < FUTEX_NAMES.length ? 2 ** (16 + operation) : 0);
}
export const IO_URING_SETUP_FLAGS: FlagTable = bits(
  'IORING_SETUP_',
  'IOPOLL SQPOLL SQ_AFF CQSIZE CLAMP ATTACH_WQ R_DISABLED SUBMIT_ALL COOP_TASKRUN TASKRUN_FLAG SQE128 CQE32 SINGLE_ISSUER DEFER_TASKRUN',
);
