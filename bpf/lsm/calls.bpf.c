/* SPDX-License-Identifier: GPL-2.0 */
/*
 * System calls, seen when they return. One body, three ways to attach it; which calls and what
 * to copy of each is said by the capture map.
 */
#include "call.h"

#define RF_ADDR_MAX 128

struct rf_msghdr {
	__u64 name;
	__u32 namelen;
	__u32 pad;
	__u64 iov;
	__u64 iovlen;
};

struct rf_iovec {
	__u64 base;
	__u64 len;
};

/* The same of a 32-bit caller. */
struct rf_msghdr32 {
	__u32 name;
	__u32 namelen;
	__u32 iov;
	__u32 iovlen;
};

struct rf_iovec32 {
	__u32 base;
	__u32 len;
};

/* Context of a syscalls/sys_exit_NAME tracepoint; at entry only nr is the same. */
struct rf_tp_call {
	__u64 common;
	__s32 nr;
	__s64 ret;
};

static __always_inline __u64 rf_arg(struct rf_slot *s, __s8 index)
{
	switch (index) {
	case 0:
		return s->call.args[0];
	case 1:
		return s->call.args[1];
	case 2:
		return s->call.args[2];
	case 3:
		return s->call.args[3];
	case 4:
		return s->call.args[4];
	case 5:
		return s->call.args[5];
	}
	return 0;
}

static __always_inline __u32 rf_user_u32(__u64 ptr)
{
	__u32 value = 0;

	bpf_probe_read_user(&value, sizeof(value), (void *)ptr);
	return value;
}

/* A path argument, and what it is relative to. */
static __always_inline void rf_put_paths(__u32 slot, struct rf_slot *s, struct rf_capture *c, int i)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_str *str = &s->call.path[i];
	__s32 dirfd = AT_FDCWD;
	__u64 base;
	__u32 word;

	if (c->path[i] < 0)
		return;
	if (s->from.name[i])
		word = rf_put_kernel_str(slot, s->from.name[i]);
	else
		word = rf_put_user_str(slot, rf_arg(s, c->path[i]));
	if (!word)
		return;
	rf_set_str(str, word);
	if (str->off > RF_TAIL_MAX || s->rec[str->off] == '/')
		return;
	if (c->dirfd[i] >= 0)
		dirfd = (__s32)rf_arg(s, c->dirfd[i]);
	if (dirfd == AT_FDCWD) {
		struct fs_struct *fs = task->fs;

		base = (__u64)BPF_CORE_READ(task, fs) + bpf_core_field_offset(fs->pwd);
	} else {
		base = rf_file_of(dirfd);
		if (!base)
			return;
		base = rf_file_path(base);
	}
	rf_set_str(&s->call.base[i], rf_put_path(slot, base));
}

/* Fills the record up to what the classifier needs. */
int rf_call_object(__u32 slot, __u32 nr)
{
	struct rf_capture *c = rf_capture_of(nr);
	struct rf_slot *s = rf_slot(slot);
	__u32 len;
	__u64 ptr;

	if (!s || !c)
		return 0;
	if (c->fd >= 0) {
		__s64 fd = c->fd == RF_FD_RET ? s->call.ret : (__s32)rf_arg(s, c->fd);

		if (s->from.file)
			rf_put_file(slot, s->from.file);
		else if (fd >= 0)
			rf_put_file(slot, rf_file_of(fd));
	}
	rf_put_paths(slot, s, c, 0);
	rf_put_paths(slot, s, c, 1);
	if (s->from.addr) {
		len = s->from.addr_len;
		rf_set_str(&s->call.addr, rf_put_kernel_mem(slot, s->from.addr,
							    len > RF_ADDR_MAX ? RF_ADDR_MAX : len));
	} else if (c->addr >= 0) {
		ptr = rf_arg(s, c->addr_len);
		len = ptr;
		if (ptr > 4096) /* a pointer to the length: accept, recvfrom, once they are over */
			len = s->h.flags & RF_F_NO_RESULT ? 0 : rf_user_u32(ptr);
		rf_set_str(&s->call.addr,
			   rf_put_user_mem(slot, rf_arg(s, c->addr), len, RF_ADDR_MAX));
	}
	return 0;
}

static __always_inline bool rf_read_msghdr(struct rf_slot *s, __u64 ptr, struct rf_msghdr *msg)
{
	struct rf_msghdr32 msg32;

	if (!(s->h.flags & RF_F_COMPAT))
		return !bpf_probe_read_user(msg, sizeof(*msg), (void *)ptr);
	if (bpf_probe_read_user(&msg32, sizeof(msg32), (void *)ptr))
		return false;
	msg->name = msg32.name;
	msg->namelen = msg32.namelen;
	msg->iov = msg32.iov;
	msg->iovlen = msg32.iovlen;
	return true;
}

static __always_inline bool rf_read_iovec(struct rf_slot *s, __u64 ptr, struct rf_iovec *iov)
{
	struct rf_iovec32 iov32;

	if (!(s->h.flags & RF_F_COMPAT))
		return !bpf_probe_read_user(iov, sizeof(*iov), (void *)ptr);
	if (bpf_probe_read_user(&iov32, sizeof(iov32), (void *)ptr))
		return false;
	iov->base = iov32.base;
	iov->len = iov32.len;
	return true;
}

static __always_inline void rf_put_msghdr(__u32 slot, struct rf_slot *s, struct rf_capture *c)
{
	struct rf_msghdr msg = {};
	struct rf_iovec iov = {};

	if (!rf_read_msghdr(s, rf_arg(s, c->data), &msg))
		return;
	/* Who sent a message is written there by the call. */
	if (msg.name && (c->op == RF_OP_SENDMSG || !(s->h.flags & RF_F_NO_RESULT)))
		rf_set_str(&s->call.addr,
			   rf_put_user_mem(slot, msg.name, msg.namelen, RF_ADDR_MAX));
	if (msg.iovlen && rf_read_iovec(s, msg.iov, &iov))
		rf_set_str(&s->call.data, rf_put_user_mem(slot, iov.base, iov.len, c->data_max));
}

static __always_inline __u32 rf_data_len(struct rf_slot *s, struct rf_capture *c)
{
	__u64 len = c->data_max;

	if (c->data_len == RF_LEN_RET)
		len = s->call.ret > 0 ? s->call.ret : 0;
	else if (c->data_len >= 0)
		len = rf_arg(s, c->data_len);
	return len > 0x7fffffff ? 0x7fffffff : len;
}

/* What only rules in user space read. */
int rf_call_rest(__u32 slot, __u32 nr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_capture *c = rf_capture_of(nr);
	struct rf_slot *s = rf_slot(slot);

	if (!s || !c)
		return 0;
	/* A vector of 32-bit callers has another layout; io_uring's data are not in memory as
	 * arguments. */
	if (c->data >= 0 &&
	    !(s->h.flags & RF_F_IO_URING || (s->h.flags & RF_F_COMPAT && c->flags & RF_CAP_ARGV))) {
		__u64 ptr = rf_arg(s, c->data);

		if (c->flags & RF_CAP_MSGHDR)
			rf_put_msghdr(slot, s, c);
		else if (c->flags & RF_CAP_ARGV)
			rf_set_str(&s->call.data, rf_put_user_argv(slot, ptr));
		else
			rf_set_str(&s->call.data,
				   rf_put_user_mem(slot, ptr, rf_data_len(s, c), c->data_max));
	}
	if (c->flags & RF_CAP_CWD) {
		struct fs_struct *fs = task->fs;

		rf_set_str(&s->call.cwd, rf_put_path(slot, (__u64)BPF_CORE_READ(task, fs) +
							       bpf_core_field_offset(fs->pwd)));
	}
	return 0;
}

/*
 * On each wanted syscalls/sys_exit_NAME, or for calls that destroy what they are about, on
 * sys_enter_NAME: calls that are not wanted pay little. A call is seen on one side only, so that
 * one program, verified once, serves both.
 */
SEC("tracepoint")
int rf_sys_tp(struct rf_tp_call *ctx)
{
	const struct rf_capture *c = rf_capture_of(ctx->nr);
	bool entry;

	if (!c)
		return 0;
	entry = c->flags & RF_CAP_ENTER;
	return rf_task_call(ctx->nr, entry ? 0 : ctx->ret, entry ? RF_F_NO_RESULT : 0, 0, 0);
}

/* The number of the call that runs. */
static __always_inline __u32 rf_current_nr(bool compat)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u32 nr = compat ? rf_compat_nr(regs) : rf_regs_nr(regs);

	if (nr == ~0U)
		rf_count(RF_STAT_COMPAT);
	return nr;
}

/* On every call: where tracefs can't be had. */
SEC("tp_btf/sys_exit")
int rf_sys_exit_btf(__u64 *ctx)
{
	bool compat = rf_is_compat(bpf_get_current_task_btf());

	return rf_call_returns(rf_current_nr(compat), ctx[1], compat ? RF_F_COMPAT : 0);
}

#define ENOSYS 38

/*
 * On every call: for those that have no tracepoint. This kernel does not know them: then their
 * result is known before they run. Or they are a 32-bit caller's: those are reported without a
 * result. At entry, where it is alone: a second program on sys_exit, where those of the others are,
 * would cost every call twice as much.
 */
SEC("tp_btf/sys_enter")
int rf_sys_others(__u64 *ctx)
{
	const struct rf_capture *c;
	__u32 nr = ctx[1], flags = 0;
	__s64 ret = -ENOSYS;

	if (rf_is_compat(bpf_get_current_task_btf())) {
		nr = rf_current_nr(true);
		flags = RF_F_COMPAT | RF_F_NO_RESULT;
		ret = 0;
	} else {
		c = rf_capture_of(nr);
		if (!c || !(c->flags & RF_CAP_NO_HOOK))
			return 0;
	}
	return rf_task_call(nr, ret, flags, 0, 0);
}

SEC("tp_btf/sys_enter")
int rf_sys_enter_btf(__u64 *ctx)
{
	bool compat = rf_is_compat(bpf_get_current_task_btf());

	return rf_call_enters(rf_current_nr(compat), compat ? RF_F_COMPAT : 0);
}
