/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel differences, each decided once: by the presence of a member, never by version. */
#ifndef RF_CORE_H
#define RF_CORE_H

#include "kernel.h"

static __always_inline struct kernfs_node *rf_kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___new *new = (void *)kn;

	if (bpf_core_field_exists(new->__parent))
		return BPF_CORE_READ(new, __parent);
	return BPF_CORE_READ(kn, parent);
}

static __always_inline __u64 rf_epoch_ns(__s64 sec, __s64 nsec)
{
	return (__u64)sec * 1000000000ULL + (__u64)nsec;
}

static __always_inline __u64 rf_inode_ctime(struct inode *inode)
{
	struct inode___sec *sec = (void *)inode;
	struct inode___mid *mid = (void *)inode;
	struct inode___old *old = (void *)inode;

	if (bpf_core_field_exists(sec->i_ctime_sec))
		/* The top bit says that somebody asked for the time since it was set. */
		return rf_epoch_ns(BPF_CORE_READ(sec, i_ctime_sec),
				   BPF_CORE_READ(sec, i_ctime_nsec) & 0x7fffffff);
	if (bpf_core_field_exists(mid->__i_ctime))
		return rf_epoch_ns(BPF_CORE_READ(mid, __i_ctime.tv_sec),
				   BPF_CORE_READ(mid, __i_ctime.tv_nsec));
	return rf_epoch_ns(BPF_CORE_READ(old, i_ctime.tv_sec), BPF_CORE_READ(old, i_ctime.tv_nsec));
}

static __always_inline __u64 rf_inode_mtime(struct inode *inode)
{
	struct inode___sec *sec = (void *)inode;
	struct inode___mid *mid = (void *)inode;
	struct inode___old *old = (void *)inode;

	if (bpf_core_field_exists(sec->i_mtime_sec))
		return rf_epoch_ns(BPF_CORE_READ(sec, i_mtime_sec),
				   BPF_CORE_READ(sec, i_mtime_nsec));
	if (bpf_core_field_exists(mid->__i_mtime))
		return rf_epoch_ns(BPF_CORE_READ(mid, __i_mtime.tv_sec),
				   BPF_CORE_READ(mid, __i_mtime.tv_nsec));
	return rf_epoch_ns(BPF_CORE_READ(old, i_mtime.tv_sec), BPF_CORE_READ(old, i_mtime.tv_nsec));
}

/* 0xffffffff where the kernel keeps no login uid, as for a task that never logged in. */
static __always_inline __u32 rf_loginuid(struct task_struct *task)
{
	if (bpf_core_field_exists(task->loginuid))
		return task->loginuid.val;
	return ~0U;
}

/* s_dev in the encoding that stat(2) shows. */
static __always_inline __u64 rf_stat_dev(__u32 dev)
{
	__u32 major = dev >> 20, minor = dev & 0xfffff;

	return (minor & 0xff) | (major << 8) | ((minor & ~0xffU) << 12);
}

/* overlayfs: 1 upper, 2 lower, 0 for files of other filesystems. The dentry of the upper copy
 * stands right behind the inode in overlayfs's own inode structure. */
static __always_inline __u8 rf_overlay_layer(struct inode *inode)
{
	struct dentry *upper = NULL;

	if (BPF_CORE_READ(inode, i_sb, s_magic) != OVERLAYFS_MAGIC)
		return 0;
	bpf_probe_read_kernel(&upper, sizeof(upper),
			      (void *)inode + bpf_core_type_size(struct inode));
	return upper && BPF_CORE_READ(upper, d_inode, i_ino) ? 1 : 2;
}

/* First bytes of a name, as a little-endian word. */
#define RF_NAME8(a, b, c, d, e, f, g, h)                                                           \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/* A file made by memfd_create: it has its name from there, and no folder. */
static __always_inline bool rf_is_memfd(struct dentry *dentry)
{
	__u64 name = 0;

	bpf_probe_read_kernel(&name, 6, BPF_CORE_READ(dentry, d_name.name));
	return name == RF_NAME8('m', 'e', 'm', 'f', 'd', ':', 0, 0) &&
	       BPF_CORE_READ(dentry, d_parent) == dentry;
}

/* The number of a pid in its innermost namespace. */
static __always_inline struct upid rf_inner_upid(struct pid *pid)
{
	struct upid upid = {};

	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)&pid->numbers + BPF_CORE_READ(pid, level) * sizeof(upid));
	return upid;
}

#if defined(__TARGET_ARCH_x86)
static __always_inline __u32 rf_regs_nr(struct pt_regs *regs)
{
	return (__u32)regs->orig_ax;
}

/* At exit the argument registers still hold what the caller passed. */
static __always_inline void rf_regs_args(struct pt_regs *regs, __u64 *args)
{
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->r10;
	args[4] = regs->r8;
	args[5] = regs->r9;
}

/* Many calls in one: which one, and where its arguments are. */
#define RF_COMPAT_SOCKETCALL 102
/* How many arguments each has, three bits a call, from the first on. */
#define RF_SOCKETCALL_ARGS 045433552664443332333ULL

/* Which call within socketcall it is, from 1 on; 0 = none. */
static __always_inline __u32 rf_socketcall(struct pt_regs *regs)
{
	__u32 call = (__u32)regs->bx;

	return (__u32)regs->orig_ax == RF_COMPAT_SOCKETCALL && call <= 20 ? call : 0;
}

/* One argument. By value: arguments in memory would make the stacks of callers too large. */
static __noinline __attribute__((unused)) __u32 rf_socketcall_arg(struct pt_regs *regs, __u32 i)
{
	__u32 n = (RF_SOCKETCALL_ARGS >> (3 * (rf_socketcall(regs) - 1))) & 7, word = 0;

	if (i < n)
		bpf_probe_read_user(&word, sizeof(word),
				    (void *)((__u64)(__u32)regs->cx + i * sizeof(word)));
	return word;
}

/* Those of a 32-bit call. */
static __always_inline void rf_compat_args(struct pt_regs *regs, __u64 *args)
{
	if (rf_socketcall(regs)) {
		for (int i = 0; i < 6; i++)
			args[i] = rf_socketcall_arg(regs, i);
		return;
	}
	args[0] = (__u32)regs->bx;
	args[1] = (__u32)regs->cx;
	args[2] = (__u32)regs->dx;
	args[3] = (__u32)regs->si;
	args[4] = (__u32)regs->di;
	args[5] = (__u32)regs->bp;
}

static __always_inline bool rf_is_compat(struct task_struct *task)
{
	struct task_struct___x86 *x86 = (void *)task;

	return x86->thread_info.status & 2; /* TS_COMPAT */
}
#else
static __always_inline __u32 rf_regs_nr(struct pt_regs *regs)
{
	return (__u32)regs->syscallno;
}

static __always_inline void rf_regs_args(struct pt_regs *regs, __u64 *args)
{
	args[0] = regs->orig_x0; /* x0 holds the result by now */
	args[1] = regs->regs[1];
	args[2] = regs->regs[2];
	args[3] = regs->regs[3];
	args[4] = regs->regs[4];
	args[5] = regs->regs[5];
}

static __always_inline __u32 rf_socketcall(struct pt_regs *regs)
{
	return 0;
}

static __always_inline void rf_compat_args(struct pt_regs *regs, __u64 *args)
{
	rf_regs_args(regs, args);
}

static __always_inline bool rf_is_compat(struct task_struct *task)
{
	struct task_struct___arm64 *arm = (void *)task;

	return arm->thread_info.flags & (1UL << 22); /* TIF_32BIT */
}
#endif

#endif
