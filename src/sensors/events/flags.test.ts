import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLONE_FLAGS,
  cloneFlags,
  descriptorFlags,
  EXECVE_FLAGS,
  enumNames,
  FILE_FLAGS,
  flagNames,
  MOUNT_FLAGS,
  modeNames,
  mountFlags,
  openedFlags,
  openFlags,
} from './flags.ts';
import {
  BPF_COMMANDS,
  CAPABILITIES,
  capabilityNames,
  errnoName,
  PTRACE_REQUESTS,
  ptraceRequest,
  SOCKET_FAMILIES,
  signalName,
} from './names.ts';
import { syscallName, syscallNumber } from './syscalls.ts';

const FMODE_CREATED = 0x100000;

test('open flags are printed in table order, from the kernel numbering of each architecture', () => {
  const cases: [native: number, text: string][] = [
    [0, 'O_RDONLY'],
    [1, 'O_WRONLY'],
    [2, 'O_RDWR'],
    [0o2000000, 'O_RDONLY|O_CLOEXEC'],
    [0o1101, 'O_TRUNC|O_CREAT|O_WRONLY'],
    [0o2102, 'O_APPEND|O_CREAT|O_RDWR'],
    [0o4301, 'O_NONBLOCK|O_EXCL|O_CREAT|O_WRONLY'],
    [0o4010000, 'O_SYNC|O_DSYNC|O_RDONLY'],
    [0o10000, 'O_DSYNC|O_RDONLY'],
    [0o200000, 'O_DIRECTORY|O_RDONLY'],
    [0o20200002, 'O_DIRECTORY|O_RDWR|O_TMPFILE'],
    [0o100000, 'O_LARGEFILE|O_RDONLY'],
    [0o40000, 'O_DIRECT|O_RDONLY'],
  ];
  for (const [native, text] of cases)
    assert.equal(flagNames(FILE_FLAGS, openFlags(native, 'x64')), text, native.toString(8));
  assert.equal(flagNames(FILE_FLAGS, openFlags(0o40000, 'arm64')), 'O_DIRECTORY|O_RDONLY');
  assert.equal(flagNames(FILE_FLAGS, openFlags(0o600000, 'arm64')), 'O_LARGEFILE|O_DIRECT|O_RDONLY');
});

test('what the kernel says of an opened file follows the flags that were asked for', () => {
  const created = openFlags(0o1101, 'x64') | openedFlags(FMODE_CREATED, 0);
  assert.equal(flagNames(FILE_FLAGS, created), 'O_TRUNC|O_CREAT|O_WRONLY|O_F_CREATED');
  assert.equal(flagNames(FILE_FLAGS, openFlags(0, 'x64') | openedFlags(0, 1)), 'O_RDONLY|FD_UPPER_LAYER');
  assert.equal(flagNames(FILE_FLAGS, openFlags(0, 'x64') | openedFlags(0, 2)), 'O_RDONLY|FD_LOWER_LAYER');
  assert.equal(flagNames(FILE_FLAGS, descriptorFlags(0)), 'O_NONE');
  assert.equal(flagNames(FILE_FLAGS, descriptorFlags(0o2004000)), 'O_NONBLOCK|O_CLOEXEC');
});

test('a zero that no entry stands for has no names', () => {
  assert.equal(flagNames(EXECVE_FLAGS, 0), '');
  assert.equal(flagNames(EXECVE_FLAGS, 3), 'EXE_WRITABLE|EXE_UPPER_LAYER');
  assert.equal(flagNames(EXECVE_FLAGS, 0xf), 'EXE_WRITABLE|EXE_UPPER_LAYER|EXE_FROM_MEMFD|EXE_LOWER_LAYER');
});

test('clone flags have portable bits and names', () => {
  assert.equal(flagNames(CLONE_FLAGS, cloneFlags(0x10000000)), 'CLONE_NEWUSER');
  assert.equal(flagNames(CLONE_FLAGS, cloneFlags(0x20000 | 0x20000000)), 'CLONE_NEWNS|CLONE_NEWPID');
  assert.equal(cloneFlags(0x400), 1);
  assert.equal(flagNames(CLONE_FLAGS, cloneFlags(0x80000000)), 'CLONE_IO');
  assert.equal(
    flagNames(CLONE_FLAGS, cloneFlags(0x3d0f00)),
    'CLONE_FILES|CLONE_FS|CLONE_PARENT_SETTID|CLONE_SIGHAND|CLONE_SYSVSEM|CLONE_THREAD|CLONE_VM|CLONE_CHILD_CLEARTID|CLONE_SETTLS',
  );
});

test('modes are names, with the kind of a node', () => {
  assert.equal(modeNames(0o4755), 'S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID');
  assert.equal(modeNames(0o2000), 'S_ISGID');
  assert.equal(modeNames(0o140600), 'S_IWUSR|S_IRUSR|S_IFSOCK');
  assert.equal(modeNames(0), '');
});

test('mount flags lose the magic number of old programs', () => {
  assert.equal(flagNames(MOUNT_FLAGS, mountFlags(0xc0ed0001)), 'RDONLY');
  assert.equal(flagNames(MOUNT_FLAGS, mountFlags(0x5000)), 'BIND|REC');
  assert.equal(flagNames(MOUNT_FLAGS, mountFlags(1 << 18)), 'PRIVATE');
});

test('enumerations show all names of a value', () => {
  assert.equal(enumNames(SOCKET_FAMILIES, 1), 'AF_LOCAL|AF_UNIX');
  assert.equal(enumNames(SOCKET_FAMILIES, 16), 'AF_ROUTE|AF_NETLINK');
  assert.equal(enumNames(SOCKET_FAMILIES, 17), 'AF_PACKET');
  assert.equal(enumNames(SOCKET_FAMILIES, 10), 'AF_INET6');
  assert.equal(enumNames(SOCKET_FAMILIES, 40), 'AF_VSOCK');
  assert.equal(enumNames(BPF_COMMANDS, 5), 'BPF_PROG_LOAD');
  assert.equal(enumNames(BPF_COMMANDS, 10), 'BPF_PROG_TEST_RUN|BPF_PROG_RUN');
  assert.equal(enumNames(BPF_COMMANDS, 35), 'BPF_PROG_BIND_MAP');
});

test('ptrace requests are numbered portably', () => {
  const name = (native: number): string => enumNames(PTRACE_REQUESTS, ptraceRequest(native));
  assert.equal(name(0), 'PTRACE_TRACEME');
  assert.equal(name(16), 'PTRACE_ATTACH');
  assert.equal(name(13), 'PTRACE_SETREGS');
  assert.equal(name(0x4205), 'PTRACE_SETREGSET');
  assert.equal(name(0x4206), 'PTRACE_SEIZE');
  assert.equal(name(5), 'PTRACE_POKEDATA');
  assert.equal(name(9999), 'PTRACE_UNKNOWN');
  assert.equal(ptraceRequest(0x4206), 20);
  assert.equal(ptraceRequest(33), 38);
});

test('errors, signals and capabilities have the names of Linux', () => {
  const errors: [number, string][] = [
    [1, 'EPERM'],
    [2, 'ENOENT'],
    [13, 'EACCES'],
    [35, 'EDEADLK'],
    [40, 'ELOOP'],
    [42, 'ENOMSG'],
    [61, 'ENODATA'],
    [95, 'EOPNOTSUPP'],
    [98, 'EADDRINUSE'],
    [111, 'ECONNREFUSED'],
    [115, 'EINPROGRESS'],
    [133, 'EHWPOISON'],
  ];
  for (const [number, name] of errors) assert.equal(errnoName(number), name);
  assert.equal(errnoName(41), undefined);
  assert.equal(errnoName(4096), undefined);
  assert.equal(signalName(9), 'SIGKILL');
  assert.equal(signalName(15), 'SIGTERM');
  assert.equal(signalName(31), 'SIGSYS');
  assert.equal(signalName(34), undefined);
  assert.equal(CAPABILITIES.length, 41);
  assert.equal(capabilityNames(0n), '');
  assert.equal(
    capabilityNames((1n << 0n) | (1n << 21n) | (1n << 40n)),
    'CAP_CHOWN CAP_SYS_ADMIN CAP_CHECKPOINT_RESTORE',
  );
});

test('system call numbers differ by architecture', () => {
  assert.equal(syscallName(257, 'x64'), 'openat');
  assert.equal(syscallName(56, 'arm64'), 'openat');
  assert.equal(syscallNumber('execve', 'x64'), 59);
  assert.equal(syscallNumber('execve', 'arm64'), 221);
  assert.equal(syscallNumber('open', 'arm64'), undefined);
  assert.equal(syscallNumber('fchmodat2', 'x64'), 452);
  assert.equal(syscallNumber('openat2', 'arm64'), 437);
  assert.equal(syscallName(9999), undefined);
});
