import { syscallNumber } from './syscalls.ts';

/**
 * System calls of 32-bit programs on x86-64, by the name of ours that does the same; `-` for what has none. Also made
 * by 64-bit programs, with `int 0x80`.
 */
const IA32 = `
0: restart_syscall exit fork read write open close wait4 creat link unlink execve chdir time mknod chmod
  lchown - - lseek getpid mount umount2 setuid getuid - ptrace alarm - pause utime - - access - - sync kill
  rename mkdir rmdir dup pipe times - brk setgid getgid - geteuid getegid acct umount2 - ioctl fcntl -
  setpgid - - umask chroot ustat dup2 getppid getpgrp setsid
70: setreuid setregid - - sethostname setrlimit getrlimit getrusage gettimeofday settimeofday getgroups
  setgroups select symlink - readlink uselib swapon reboot - - munmap truncate ftruncate fchmod fchown
  getpriority setpriority - statfs fstatfs ioperm - syslog setitimer getitimer stat lstat fstat - iopl
  vhangup - - wait4 swapoff sysinfo - fsync - clone setdomainname uname modify_ldt adjtimex mprotect -
  create_module init_module delete_module get_kernel_syms quotactl getpgid fchdir - sysfs personality
  afs_syscall setfsuid setfsgid - getdents select flock msync readv writev getsid fdatasync _sysctl mlock
  munlock mlockall munlockall sched_setparam sched_getparam sched_setscheduler sched_getscheduler
  sched_yield sched_get_priority_max sched_get_priority_min sched_rr_get_interval nanosleep mremap setresuid
  getresuid - query_module poll nfsservctl setresgid getresgid prctl rt_sigreturn rt_sigaction
  rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend pread64 pwrite64 chown getcwd
  capget capset sigaltstack sendfile getpmsg putpmsg vfork - mmap truncate ftruncate stat lstat fstat lchown
  getuid getgid geteuid getegid setreuid setregid - setgroups fchown setresuid - setresgid - chown setuid
  setgid setfsuid setfsgid pivot_root mincore madvise getdents64 fcntl - - gettid readahead setxattr
  lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr
  fremovexattr tkill sendfile futex sched_setaffinity sched_getaffinity set_thread_area get_thread_area
  io_setup io_destroy io_getevents io_submit io_cancel fadvise64 - exit_group lookup_dcookie epoll_create
  epoll_ctl epoll_wait remap_file_pages set_tid_address timer_create timer_settime timer_gettime
  timer_getoverrun timer_delete clock_settime clock_gettime clock_getres clock_nanosleep statfs fstatfs
  tgkill utimes - vserver mbind get_mempolicy set_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive
  mq_notify mq_getsetattr kexec_load waitid - add_key request_key keyctl ioprio_set ioprio_get inotify_init
  inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat newfstatat
  unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list
  get_robust_list splice sync_file_range tee vmsplice move_pages getcpu epoll_pwait utimensat signalfd
  timerfd_create eventfd fallocate timerfd_settime timerfd_gettime signalfd4 eventfd2 epoll_create1 dup3
  pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark
  prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns process_vm_readv
  process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create
  bpf execveat socket socketpair bind connect listen accept4 getsockopt setsockopt getsockname getpeername
  sendto sendmsg recvfrom recvmsg shutdown userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2
  pkey_mprotect pkey_alloc pkey_free statx arch_prctl io_pgetevents rseq
393: semget semctl shmget shmctl shmat shmdt msgget msgsnd msgrcv msgctl
417: recvmmsg
424: pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig
  fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2
  mount_setattr quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret
  process_mrelease futex_waitv set_mempolicy_home_node
`;

/** Calls within socketcall, from 1 on. */
export const SOCKETCALLS: readonly string[] =
  'socket bind connect listen accept getsockname getpeername socketpair sendto recvfrom sendto recvfrom shutdown setsockopt getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg'.split(
    ' ',
  );

/** Where the kernel's table has those within socketcall. */
const SOCKETS = 512;

/** Rows of the map `compat_calls`: the 32-bit number, and the number of ours. */
export function compatCalls(): [theirs: number, ours: number][] {
  const rows: [number, number][] = [];
  const add = (theirs: number, name: string): void => {
    const ours = syscallNumber(name, 'x64');
    if (ours !== undefined) rows.push([theirs, ours]);
  };
  let next = 0;
  for (const word of IA32.split(/\s+/)) {
    if (word.endsWith(':')) next = Number(word.slice(0, -1));
    else if (word !== '') add(next++, word);
  }
  SOCKETCALLS.forEach((name, i) => {
    add(SOCKETS + 1 + i, name);
  });
  return rows;
}
