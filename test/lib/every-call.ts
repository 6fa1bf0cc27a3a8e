import type { ActStep, Argument } from '../scenarios/lib/steps.ts';

const IN4 = { inet: '127.0.0.1:17791' };
const IN6 = { inet6: '::1,17792' };
const SOCKET = { unix: '$DIR/socket' };
const ROOM = { text: '0123456789abcdef0123456789abcdef' };
const FLAGS = 'O_RDWR|O_CREAT';

/** What a test does with sockets; a number after @ is that of a line. */
const sockets: readonly ActStep[] = [
  { socket: ['AF_INET', 'SOCK_STREAM', 0] },
  { bind: ['@0', IN4] },
  { listen: ['@0', 4] },
  { socket: ['AF_INET', 'SOCK_STREAM|O_CLOEXEC', 0] },
  { connect: ['@3', IN4] },
  { accept4: ['@0', null, null, 'O_CLOEXEC'] },
  { sendto: ['@3', { text: 'hello' }, 5, 0, null, 0] },
  { recvfrom: ['@5', ROOM, 8, 0, null, null] },
  { socket: ['AF_INET', 'SOCK_STREAM|SOCK_NONBLOCK', 0] },
  { connect: ['@8', IN4] },
  { accept: ['@0', null, null] },
  { dup2: ['@8', 90] },
  { shutdown: ['@8', 2] },
  { socket: ['AF_INET6', 'SOCK_DGRAM', 0] },
  { bind: ['@13', IN6] },
  { socket: ['AF_INET6', 'SOCK_DGRAM', 0] },
  { sendto: ['@15', { text: 'dgram' }, 5, 0, IN6] },
  { recvfrom: ['@13', ROOM, 8, 0, ROOM, { bytes: '1c000000' }] },
  { socket: ['AF_UNIX', 'SOCK_STREAM', 0] },
  { bind: ['@18', SOCKET] },
  { listen: ['@18', 1] },
  { socket: ['AF_UNIX', 'SOCK_STREAM', 0] },
  { connect: ['@21', SOCKET] },
  { accept4: ['@18', null, null, 0] },
  { socketpair: ['AF_UNIX', 'SOCK_DGRAM', 0, ROOM] },
  { connect: ['@0', { inet: '127.0.0.1:1' }] },
  { close: ['@0'] },
];

const files: readonly ActStep[] = [
  { openat: ['AT_FDCWD', '$DIR/file', FLAGS, 0o640] }, // @27
  { openat: ['AT_FDCWD', '$DIR', 'O_RDONLY|O_DIRECTORY', 0] }, // @28
  { open: ['$DIR/../$DIR//file', 'O_RDONLY', 0] },
  { open: ['/etc/none', 'O_RDONLY', 0] },
  { openat: ['@28', 'file', 'O_RDONLY|O_CLOEXEC', 0] },
  { openat: ['@28', 'file/x', 'O_RDONLY', 0] },
  { openat2: ['@28', './file', { how: ['O_RDONLY', 0, 0] }] },
  { creat: ['$DIR/made', 0o755] },
  { openat: ['AT_FDCWD', '$DIR', 'O_RDWR|O_TMPFILE', 0o600] },
  { pwrite64: ['@27', { text: 'content' }, 7, 0] },
  { pread64: ['@27', ROOM, 7, 0] },
  { write: ['@27', { text: 'more' }, 4] },
  { read: ['@27', ROOM, 4] },
  { dup: ['@27'] },
  { dup3: ['@27', 91, 'O_CLOEXEC'] },
  { fcntl: ['@27', 0, 92] },
  { pipe: [ROOM] },
  { pipe2: [ROOM, 'O_CLOEXEC'] },
  { memfd_create: ['memory', 1] },
  { fchmod: ['@27', 0o600] },
  { fchown: ['@27', 1, 1] },
  { chmod: ['$DIR/file', 0o4755] },
  { fchmodat: ['@28', 'file', 0o644] },
  { chown: ['$DIR/file', 0, 0] },
  { lchown: ['$DIR/file', 1, -1] },
  { fchownat: ['@28', 'file', 0, 0, 0] },
  { truncate: ['$DIR/file', 3] },
  { mkdir: ['$DIR/folder', 0o700] },
  { mkdirat: ['@28', 'folder2', 0o700] },
  { rename: ['$DIR/made', '$DIR/moved'] },
  { renameat: ['@28', 'moved', '@28', 'again'] },
  { renameat2: ['@28', 'again', 'AT_FDCWD', '$DIR/last', 1] },
  { link: ['$DIR/last', '$DIR/hard'] },
  { linkat: ['@28', 'last', '@28', 'hard2', 0] },
  { symlink: ['../target', '$DIR/soft'] },
  { symlinkat: ['target', '@28', 'soft2'] },
  { unlink: ['$DIR/hard'] },
  { unlink: ['$DIR/none'] },
  { unlinkat: ['@28', 'folder2', 'AT_REMOVEDIR'] },
  { rmdir: ['$DIR/folder'] },
  { mknod: ['$DIR/fifo', 0o10644, 0] },
  { mknodat: ['@28', 'fifo2', 0o10644, 0] },
  { chdir: ['$DIR'] },
  { openat: ['AT_FDCWD', '../none', 'O_RDONLY', 0] },
  { fchdir: ['@28'] },
  { chroot: ['/'] },
  { unshare: ['CLONE_NEWNS'] },
  { mount: ['none', '/', null, 0x44000, null] },
  { mount: ['tmpfs', '$DIR', 'tmpfs', 0, null] },
  { umount2: ['$DIR', 2] },
];

/** Calls that need nothing, or that fail for want of sense; no argument is anything that could do harm. */
const others: readonly ActStep[] = [
  { kill: [0, 0] },
  { tkill: [0x400000, 0] },
  { tgkill: [0x400000, 0x400000, 0] },
  { ptrace: ['PTRACE_CONT', 0x400000, null, null] },
  { process_vm_readv: [0x400000, null, 0, null, 0, 0] },
  { process_vm_writev: [0x400000, null, 0, null, 0, 0] },
  { setns: ['@28', 0] },
  { setsid: [] },
  { setpgid: [0, 0] },
  { prctl: [15, 'renamed'] },
  { prctl: [3, 0] },
  { seccomp: [99, 0, null] },
  { pidfd_open: [1, 0] },
  { pidfd_getfd: [-1, 0, 0] },
  { mmap: [null, 4096, 5, 2, '@27', 0] },
  { mprotect: [null, 4096, 1] },
  { userfaultfd: ['O_CLOEXEC'] },
  { bpf: [99, null, 0] },
  { init_module: [{ bytes: '7f454c46' }, 4, { text: 'a=1' }] },
  { finit_module: ['@27', { text: 'b=2' }, 0] },
  { delete_module: [{ text: 'no_such' }, 0] },
  { io_uring_setup: [4, { bytes: '00'.repeat(120) }] },
  { eventfd: [0] },
  { eventfd2: [0, 0] },
  { signalfd: [-1, ROOM, 8] },
  { signalfd4: [-1, ROOM, 8, 0] },
  { inotify_init: [] },
  { inotify_init1: [0] },
  { epoll_create: [1] },
  { epoll_create1: [0] },
  { timerfd_create: [1, 0] },
  { quotactl: [0, null, 0, null] },
  { open_by_handle_at: ['@28', null, 0] },
  { sendmsg: ['@15', null, 0] },
  { recvmsg: ['@15', null, 0] },
  { sendmmsg: ['@15', null, 1, 0] },
  { recvmmsg: ['@15', null, 1, 0x40, null] },
  { execve: ['$DIR/none', null, null] },
  { execveat: ['@28', 'none', null, null, 0] },
  { capset: [{ bytes: '2205082000000000' }, { bytes: `${'01000000'.repeat(2)}${'00'.repeat(16)}` }] },
  { setgid: [1] },
  { setregid: [-1, 1] },
  { setresgid: [1, 1, 1] },
  { setuid: [0] },
  { setreuid: [-1, 0] },
  { setresuid: [0, 0, 54321] },
];

/** One act at least of every event of the table that a call raises. */
export const EVERY_CALL: readonly ActStep[] = [...sockets, ...files, ...others];

/** The calls that it makes. */
export function callsOf(steps: readonly ActStep[]): Set<string> {
  const calls = steps.filter(
    (step): step is Readonly<Record<string, readonly Argument[]>> => typeof step === 'object',
  );
  return new Set(calls.map((step) => Object.keys(step)[0]!));
}
