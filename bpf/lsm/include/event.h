/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place where a kernel record is written down.
 *
 * Every record starts with struct rf_hdr. User space reads all offsets from the
 * BTF of the built object (scripts/gen.ts -> src/sensors/record/layout.gen.ts), and the
 * loader compares an ABI hash of these structs before it loads anything.
 *
 * Strings live in a tail behind the struct: struct rf_str {off, len}, off counted
 * from the start of the record; off 0 = absent. They are bytes, not terminated,
 * never validated. RF_STR_CUT in len means the kernel had more.
 *
 * Unknown is absent: a string that could not be read has off 0, an object that could not be
 * looked at has type RF_FD_UNKNOWN.
 *
 * Tags say what TypeScript makes of a 64-bit member: RF_BIG is always a bigint, RF_WIDE a number
 * while it is below 2^53 and a bigint beyond; without a tag it is a number. RF_IP is an address
 * whose length follows from the object's type.
 */
#ifndef RF_EVENT_H
#define RF_EVENT_H

#include <linux/types.h>

#define RF_BIG __attribute__((btf_decl_tag("big")))
#define RF_WIDE __attribute__((btf_decl_tag("wide")))
#define RF_IP __attribute__((btf_decl_tag("ip")))

#define RF_STR_CUT 0x8000u /* len & 0x7fff = bytes present */

struct rf_str {
	__u16 off;
	__u16 len;
};

enum rf_kind {
	RF_KIND_CALL = 1, /* struct rf_call: one finished (or, LSM tier, decided) system call */
	RF_KIND_EXEC = 2, /* struct rf_exec: an execve that succeeded, in the new image */
	RF_KIND_FORK = 3, /* struct rf_fork: a new process or thread, in the parent's context */
	RF_KIND_EXIT = 4, /* struct rf_exit: a thread ended */
};

/* hdr.flags */
enum rf_flag {
	RF_F_COMPAT = 1 << 0,	     /* 32-bit system call */
	RF_F_IO_URING = 1 << 1,	     /* done by io_uring on behalf of the task */
	RF_F_NO_RESULT = 1 << 2,     /* seen before completion: ret is not known on this tier */
	RF_F_DENIED = 1 << 3,	     /* refused by Ringfence */
	RF_F_KILLED = 1 << 4,	     /* the task was sent SIGKILL by Ringfence */
	RF_F_WOULD_DENY = 1 << 5,    /* policy matched, mode is monitor */
	RF_F_PATH_UNSTABLE = 1 << 6, /* a path lacks its beginning */
	RF_F_CANARY = 1 << 7,	     /* the engine asked to see itself: a header and no more */
};

struct rf_hdr {
	__u8 kind;   /* enum rf_kind */
	__u8 ring;   /* 0 = bulk ring, 1 = priority ring (lifecycle, denials) */
	__u16 nr;    /* system call number of the running architecture */
	__u16 flags; /* enum rf_flag */
	__u16 cpu;
	__u64 seq;   /* per ring, taken before the reservation: a gap is a loss */
	__u64 ts;    /* CLOCK_BOOTTIME, ns */
	__u64 start; /* start_boottime of the process (thread group leader), ns: with pid its
			identity */
	__u32 pid;   /* tgid, initial pid namespace */
	__u32 tid;
	__u32 ppid; /* real_parent->tgid */
	__u32 vpid; /* in the innermost pid namespace */
	__u32 vtid;
	__u32 uid;	/* effective */
	__u32 gid;	/* effective */
	__u32 loginuid; /* 0xffffffff = unset */
	__u64 cap_effective RF_BIG;
	__u64 cap_permitted RF_BIG;
	__u64 cap_inheritable RF_BIG;
	__u64 cgroup; /* id of the cgroup v2 directory, 0 where only v1 is in use */
	__u32 pidns;  /* namespace inode numbers: for display, never for scope */
	__u32 mntns;
	__u32 policy; /* generation of the classifier's maps that decided */
	__u32 clause; /* 1 + id of the denying clause or deny-list entry, 0 = none */
	__u8 comm[16];
};

/* What an fd or an opened path refers to. */
enum rf_fd_type {
	RF_FD_UNKNOWN = 0,
	RF_FD_FILE = 1,
	RF_FD_DIR = 2,
	RF_FD_IPV4 = 3,
	RF_FD_IPV6 = 4,
	RF_FD_UNIX = 5,
	RF_FD_PIPE = 6,
	RF_FD_EVENT = 7,
	RF_FD_SIGNAL = 8,
	RF_FD_EVENTPOLL = 9,
	RF_FD_INOTIFY = 10,
	RF_FD_TIMER = 11,
	RF_FD_NETLINK = 12,
	RF_FD_BPF = 13,
	RF_FD_USERFAULT = 14,
	RF_FD_IO_URING = 15,
	RF_FD_MEMFD = 16,
	RF_FD_PIDFD = 17,
	RF_FD_OTHER_SOCKET = 18, /* AF_PACKET ... */
};

struct rf_fd {
	__u8 type;	/* enum rf_fd_type */
	__u8 layer;	/* overlayfs: 1 upper, 2 lower, 0 other */
	__u8 proto;	/* IPPROTO_* of a socket */
	__u8 sock_type; /* SOCK_STREAM ... */
	__u16 family;	/* AF_* of a socket */
	__u16 lport;	/* host byte order */
	__u16 rport;
	__u16 role;    /* 0 none (before connect), 1 client, 2 server (accepted or listening) */
	__u32 mode;    /* inode mode (S_IF...) */
	__u32 f_flags; /* struct file.f_flags */
	__u32 f_mode;  /* struct file.f_mode (FMODE_CREATED and so on) */
	__u64 dev;     /* s_dev in the encoding of stat(2) */
	__u64 ino RF_WIDE;
	__u64 sock RF_BIG; /* kernel address as an opaque number, for unix pairs; peer below */
	__u64 peer RF_BIG;
	__u8 laddr[16] RF_IP; /* network order; IPv4 in the first 4 bytes */
	__u8 raddr[16] RF_IP;
	struct rf_str
	    path; /* as the kernel resolves it (process root); unix: sun_path ('@' for abstract) */
};

/*
 * A system call. Which arguments are paths, fds, addresses or buffers is said by
 * struct rf_capture in a map that user space fills from its event table: the
 * program itself knows no system call by name.
 */
struct rf_call {
	struct rf_hdr h;
	__s64 ret;	       /* see RF_F_NO_RESULT */
	__u64 args[6] RF_WIDE; /* raw registers */
	struct rf_fd fd;       /* object of the fd argument, or of the returned fd */
	struct rf_str path[2]; /* raw path or string arguments, as the caller passed them */
	struct rf_str base[2]; /* resolved cwd or dirfd for each relative path above */
	struct rf_str cwd;
	struct rf_str data; /* first bytes of a buffer argument, or a struct argument (open_how,
			       bpf_attr, cap sets ...) */
	struct rf_str addr; /* raw sockaddr argument */
};

struct rf_exec {
	struct rf_hdr h;
	__u32 sid;  /* in the innermost pid namespace, as the shell would print it */
	__u32 pgid; /* initial namespace */
	__u32 vpgid;
	__u32 tty;	 /* as /proc/PID/stat: new_encode_dev(); 0 = none */
	__u32 exe_flags; /* enum rf_exe_flag */
	__u32 exe_mode;
	__u64 exe_dev;
	__u64 exe_ino RF_WIDE;
	__u64 exe_ctime RF_BIG; /* epoch ns */
	__u64 exe_mtime RF_BIG;
	__u64 pidns_start; /* start_boottime of the pid namespace's init, ns */
	__u32 argc;
	__u32 args_total;	/* bytes of the argument area; more than args.len = cut */
	struct rf_str exe;	/* resolved path of the executable */
	struct rf_str filename; /* as passed to execve */
	struct rf_str interp;	/* interpreter named by a script, resolved by the kernel */
	struct rf_str args;	/* NUL separated, argv[0] first, at most 4096 bytes */
	struct rf_str env;	/* NUL separated, at most 4096 bytes */
	struct rf_str cwd;
	struct rf_str cgroup_path; /* path of the cgroup below its mount, for the container id */
};

enum rf_exe_flag {
	RF_EXE_WRITABLE = 1,
	RF_EXE_UPPER_LAYER = 2,
	RF_EXE_FROM_MEMFD = 4,
	RF_EXE_LOWER_LAYER = 8,
	RF_EXE_UNLINKED = 16, /* nlink == 0 */
	RF_EXE_SETID = 32,    /* credentials changed by the exec */
};

struct rf_fork {
	struct rf_hdr h;   /* of the creating task */
	__u64 clone_flags; /* kernel numbering; 0 where the tier cannot tell */
	__u64 child_start; /* start_boottime of the child's leader, ns */
	__u32 child_pid;
	__u32 child_tid;
	__u32 child_vpid;
	__u32 child_vtid;
	__u32 child_ppid; /* real_parent->tgid: differs with CLONE_PARENT */
	__u32 pad;
	__u64 child_cgroup;
	struct rf_str cgroup_path; /* path, when it differs from the parent's */
};

struct rf_exit {
	struct rf_hdr h;
	__u32 code;   /* as wait(2) packs it */
	__u32 leader; /* 1 = the whole process is gone */
	__u32 reaper; /* tgid that adopts the children */
	__u32 pad;
};

/* Map capture: nr -> what to copy. Index values are argument numbers 0..5, -1 = none. */
struct rf_capture {
	__s8 path[2];
	__s8 dirfd[2]; /* -1 with a path = relative to cwd */
	__s8 fd;       /* fd argument; RF_FD_RET = the returned fd */
	__s8 addr;     /* sockaddr pointer; its length is addr_len, or pointed to by it */
	__s8 addr_len;
	__s8 data;     /* buffer pointer */
	__s8 data_len; /* argument with its length; -1 = data_max bytes; RF_LEN_RET = returned
			  length */
	__u8 flags;    /* enum rf_capture_flag */
	__u16 data_max;
	__u16 op; /* enum rf_op: the classifier's hook for this call */
	__u16 pad;
};

/* Argument numbers with a meaning of their own. */
enum rf_arg {
	RF_ARG_NONE = -1,
	RF_FD_RET = 6,	/* the returned fd */
	RF_LEN_RET = 6, /* the returned length */
};

enum rf_capture_flag {
	RF_CAP_ENABLED = 1 << 0,
	RF_CAP_CWD = 1 << 1,	/* also the working directory */
	RF_CAP_FAILED = 1 << 2, /* also when the call failed */
	RF_CAP_OK = 1 << 3,	/* also when it succeeded */
	RF_CAP_MSGHDR =
	    1 << 4,	       /* data is struct msghdr: addr and first iovec are read through it */
	RF_CAP_ENTER = 1 << 5, /* record at entry: the call does not return (exit_group ...) */
	RF_CAP_ARGV = 1 << 6,  /* data is an array of strings that ends with NULL: joined by NUL */
	RF_CAP_NO_HOOK = 1 << 7, /* unknown to this kernel: it is seen before every call */
};

/* What is being done, whatever hook or call saw it: the classifier's first dimension. */
enum rf_op {
	RF_OP_OTHER = 0,
	RF_OP_EXEC = 1,
	RF_OP_OPEN = 2,
	RF_OP_CONNECT = 3,
	RF_OP_BIND = 4,
	RF_OP_SENDMSG = 5,
	RF_OP_LISTEN = 6,
	RF_OP_ACCEPT = 7,
	RF_OP_SOCKET = 8,
	RF_OP_UNLINK = 9,
	RF_OP_RENAME = 10,
	RF_OP_LINK = 11,
	RF_OP_SYMLINK = 12,
	RF_OP_MKDIR = 13,
	RF_OP_CHMOD = 14,
	RF_OP_MOUNT = 15,
	RF_OP_PTRACE = 16,
	RF_OP_MODULE = 17,
	RF_OP_BPF = 18,
	RF_OP_SETUID = 19,
	RF_OP_KILL = 20,
	RF_OP_TRUNCATE = 21,
	RF_OP_MMAP_EXEC = 22,
	RF_OP_CREATE = 23,
	RF_OP_MAX = 24,
};

/* Kernel-side counters, one slot per CPU each (map stats). The losses come first. */
enum rf_stat {
	RF_STAT_LOST_RING = 0,	   /* no room in the bulk ring */
	RF_STAT_LOST_PRIORITY = 1, /* no room in the priority ring */
	RF_STAT_LOST_SLOT = 2,	   /* no free slot to build the record in */
	RF_STAT_EMITTED = 3,
	RF_STAT_FILTERED = 4, /* rejected by the classifier */
	RF_STAT_SELF = 5,     /* the engine's own */
	RF_STAT_COMPAT = 6,   /* 32-bit system calls that are none of ours */
	RF_STAT_UNJUDGED = 7, /* let through: no place was free to judge it in */
	RF_STAT_MAX = 8,
};

/* One ring's words in the mapped control area, a cache line of its own. */
struct rf_ring_ctl {
	__u64 seq;	   /* sequence number of the next record */
	__u32 need_wakeup; /* set by the reader before it sleeps, cleared by whoever wakes it */
	__u32 pad[13];
};

/* What records of processes go without while no rule asks for it. */
enum rf_spare {
	RF_SPARE_FORKS = 1 << 0, /* forks wake nobody, those of threads are left out */
	RF_SPARE_EXITS = 1 << 1, /* the same for exits */
	RF_SPARE_ENV = 1 << 2,	 /* the environment at exec */
};

/* In .bss, mapped by user space. */
struct rf_control {
	struct rf_ring_ctl ring[2]; /* bulk, priority */
	__u64 ignore_start;	    /* its start_boottime, once known: a number comes again */
	__u32 ignore_tgid;	    /* the engine itself; 0 = ignore nobody */
	__u32 policy;		    /* generation in force, copied to every record */
	__u32 canary;		    /* thread of the engine whose calls are shown; 0 = none */
	__u32 spare;		    /* enum rf_spare: what nobody asks for */
};

#endif
