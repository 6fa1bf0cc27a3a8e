/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers of the system calls that the programs know by name. */
#ifndef RF_CALLS_H
#define RF_CALLS_H

/* No such call; also what a task's registers say that is in none. */
#define RF_NR_NONE 0xffffffffU
#define RF_NR_IO_URING_ENTER 426
#define RF_NR_MOVE_MOUNT 429
#define RF_NR_CLONE3 435
#define RF_NR_OPENAT2 437

#if defined(__TARGET_ARCH_x86)
#define RF_NR_OPEN 2
#define RF_NR_SOCKET 41
#define RF_NR_CONNECT 42
#define RF_NR_SENDTO 44
#define RF_NR_SENDMSG 46
#define RF_NR_BIND 49
#define RF_NR_CLONE 56
#define RF_NR_FORK 57
#define RF_NR_VFORK 58
#define RF_NR_EXECVE 59
#define RF_NR_KILL 62
#define RF_NR_RENAME 82
#define RF_NR_MKDIR 83
#define RF_NR_RMDIR 84
#define RF_NR_CREAT 85
#define RF_NR_LINK 86
#define RF_NR_UNLINK 87
#define RF_NR_SYMLINK 88
#define RF_NR_PTRACE 101
#define RF_NR_SETUID 105
#define RF_NR_SETGID 106
#define RF_NR_SETREUID 113
#define RF_NR_SETREGID 114
#define RF_NR_SETRESUID 117
#define RF_NR_SETRESGID 119
#define RF_NR_MKNOD 133
#define RF_NR_MOUNT 165
#define RF_NR_UMOUNT2 166
#define RF_NR_INIT_MODULE 175
#define RF_NR_SCHED_SETAFFINITY 203
#define RF_NR_OPENAT 257
#define RF_NR_MKDIRAT 258
#define RF_NR_MKNODAT 259
#define RF_NR_UNLINKAT 263
#define RF_NR_RENAMEAT 264
#define RF_NR_LINKAT 265
#define RF_NR_SYMLINKAT 266
#define RF_NR_ACCEPT4 288
#define RF_NR_PRLIMIT64 302
#define RF_NR_SENDMMSG 307
#define RF_NR_PROCESS_VM_READV 310
#define RF_NR_PROCESS_VM_WRITEV 311
#define RF_NR_FINIT_MODULE 313
#define RF_NR_RENAMEAT2 316
#define RF_NR_BPF 321
#else
#define RF_NR_OPEN RF_NR_NONE
#define RF_NR_FORK RF_NR_NONE
#define RF_NR_VFORK RF_NR_NONE
#define RF_NR_RENAME RF_NR_NONE
#define RF_NR_MKDIR RF_NR_NONE
#define RF_NR_RMDIR RF_NR_NONE
#define RF_NR_CREAT RF_NR_NONE
#define RF_NR_LINK RF_NR_NONE
#define RF_NR_UNLINK RF_NR_NONE
#define RF_NR_SYMLINK RF_NR_NONE
#define RF_NR_MKNOD RF_NR_NONE
#define RF_NR_MKNODAT 33
#define RF_NR_MKDIRAT 34
#define RF_NR_UNLINKAT 35
#define RF_NR_SYMLINKAT 36
#define RF_NR_LINKAT 37
#define RF_NR_RENAMEAT 38
#define RF_NR_UMOUNT2 39
#define RF_NR_MOUNT 40
#define RF_NR_OPENAT 56
#define RF_NR_INIT_MODULE 105
#define RF_NR_PTRACE 117
#define RF_NR_SCHED_SETAFFINITY 122
#define RF_NR_KILL 129
#define RF_NR_SETREGID 143
#define RF_NR_SETGID 144
#define RF_NR_SETREUID 145
#define RF_NR_SETUID 146
#define RF_NR_SETRESUID 147
#define RF_NR_SETRESGID 149
#define RF_NR_SOCKET 198
#define RF_NR_BIND 200
#define RF_NR_CONNECT 203
#define RF_NR_SENDTO 206
#define RF_NR_SENDMSG 211
#define RF_NR_CLONE 220
#define RF_NR_EXECVE 221
#define RF_NR_ACCEPT4 242
#define RF_NR_PRLIMIT64 261
#define RF_NR_SENDMMSG 269
#define RF_NR_PROCESS_VM_READV 270
#define RF_NR_PROCESS_VM_WRITEV 271
#define RF_NR_FINIT_MODULE 273
#define RF_NR_RENAMEAT2 276
#define RF_NR_BPF 280
#endif

#endif
