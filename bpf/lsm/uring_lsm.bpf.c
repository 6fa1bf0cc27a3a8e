/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What io_uring does for a task: no system call is made for it, so it is seen at the functions that
 * do the work, and reported as the call that does the same. Paths and addresses are the kernel's
 * copies.
 *
 * Descriptors of io_uring may stand in a table of its own, so a call that returns one has no
 * result.
 */
#include "call.h"
#include "calls.h"

#define AT_REMOVEDIR 0x200
#define EAGAIN 11
#define RF_OPEN_FLAGS 0x7fffff /* those of open(2): the kernel adds some of its own above */

struct msghdr {
	void *msg_name;
	int msg_namelen;
} __attribute__((preserve_access_index));

/* What was done. Addresses of the kernel are kept as numbers. */
struct rf_act {
	__u32 nr;
	__u32 addr_len;
	__s64 ret;
	__u64 args[5];
	__u64 name[2]; /* struct filename */
	__u64 file;
	__u64 addr;
	bool done; /* ret is the result */
};

/* 1 = the task does io_uring's work on its way back to user space, from whatever call or interrupt.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} uring_work SEC(".maps");

static __always_inline int rf_uring_works(__u32 works)
{
	__u32 *now = bpf_task_storage_get(&uring_work, bpf_get_current_task_btf(), NULL,
					  works ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);

	if (now)
		*now = works;
	return 0;
}

SEC("fentry/tctx_task_work")
int rf_uring_begins(__u64 *ctx)
{
	return rf_uring_works(1);
}

SEC("fexit/tctx_task_work")
int rf_uring_ends(__u64 *ctx)
{
	return rf_uring_works(0);
}

/* The current task does io_uring's work: in the call that submits it, as one of its threads, or on
 * its way back to user space. */
static __always_inline bool rf_in_uring(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 *works;

	if (task->flags & PF_IO_WORKER)
		return true;
	if (rf_regs_nr((struct pt_regs *)bpf_task_pt_regs(task)) == RF_NR_IO_URING_ENTER)
		return true;
	works = bpf_task_storage_get(&uring_work, task, NULL, 0);
	return works && *works;
}

static __always_inline __u64 rf_name_of(__u64 filename)
{
	struct filename *name = (void *)filename;

	return filename ? (__u64)BPF_CORE_READ(name, name) : 0;
}

static __always_inline __u64 rf_user_name(__u64 filename)
{
	struct filename *name = (void *)filename;

	return filename ? (__u64)BPF_CORE_READ(name, uptr) : 0;
}

static __always_inline int rf_uring_record(const struct rf_act *act)
{
	struct rf_slot *s;
	__u32 slot;

	/* A first try that must not wait: it comes again from a thread that may. */
	if (act->ret == -EAGAIN || !rf_is_wanted(rf_capture_of(act->nr), act->ret))
		return 0;
	slot = rf_begin(RF_KIND_CALL, 0);
	s = rf_slot(slot);
	if (!s)
		return 0;
	s->h.nr = act->nr;
	s->h.flags = RF_F_IO_URING | (act->done ? 0 : RF_F_NO_RESULT);
	s->call.ret = act->ret;
	__builtin_memcpy(s->call.args, act->args, sizeof(act->args));
	s->from.name[0] = rf_name_of(act->name[0]);
	s->from.name[1] = rf_name_of(act->name[1]);
	s->from.file = act->file;
	s->from.addr = act->addr;
	s->from.addr_len = act->addr_len;
	rf_call_object(slot, act->nr);
	rf_call_rest(slot, act->nr);
	rf_send(slot);
	return 0;
}

/* A function that returns a struct file or an error. */
static __always_inline void rf_returns_file(struct rf_act *act, __u64 ret)
{
	if (rf_failed(ret)) {
		act->ret = ret;
		act->done = true;
	} else {
		act->file = ret;
	}
}

SEC("fexit/do_filp_open")
int rf_uring_open(__u64 *ctx)
{
	struct open_flags *how = (void *)ctx[2];
	struct rf_act act = {.nr = RF_NR_OPENAT, .name = {ctx[1]}};

	if (!rf_in_uring())
		return 0;
	act.args[0] = (__s64)(__s32)ctx[0];
	act.args[1] = rf_user_name(ctx[1]);
	act.args[2] = BPF_CORE_READ(how, open_flag) & RF_OPEN_FLAGS;
	act.args[3] = BPF_CORE_READ(how, mode) & 07777;
	rf_returns_file(&act, ctx[3]);
	return rf_uring_record(&act);
}

SEC("fexit/__sys_socket_file")
int rf_uring_socket(__u64 *ctx)
{
	struct rf_act act = {.nr = RF_NR_SOCKET,
			     .args = {(__u32)ctx[0], (__u32)ctx[1], (__u32)ctx[2]}};

	if (!rf_in_uring())
		return 0;
	rf_returns_file(&act, ctx[3]);
	return rf_uring_record(&act);
}

SEC("fexit/__sys_connect_file")
int rf_uring_connect(__u64 *ctx)
{
	struct rf_act act = {
	    .nr = RF_NR_CONNECT, .file = ctx[0], .addr = ctx[1], .addr_len = ctx[2]};

	if (!rf_in_uring())
		return 0;
	act.args[0] = (__u64)-1; /* the descriptor is not known here */
	act.args[2] = (__u32)ctx[2];
	act.ret = (__s64)(__s32)ctx[4];
	act.done = true;
	return rf_uring_record(&act);
}

SEC("fexit/do_accept")
int rf_uring_accept(__u64 *ctx)
{
	struct rf_act act = {.nr = RF_NR_ACCEPT4};

	if (!rf_in_uring())
		return 0;
	act.args[0] = (__u64)-1;
	act.args[3] = (__u32)ctx[4];
	rf_returns_file(&act, ctx[5]);
	return rf_uring_record(&act);
}

SEC("fentry/security_socket_sendmsg")
int rf_uring_send(__u64 *ctx)
{
	struct socket *sock = (void *)ctx[0];
	struct msghdr *msg = (void *)ctx[1];
	struct rf_act act = {.nr = RF_NR_SENDMSG};

	if (!rf_in_uring())
		return 0;
	act.args[0] = (__u64)-1;
	act.file = (__u64)BPF_CORE_READ(sock, file);
	act.addr = (__u64)BPF_CORE_READ(msg, msg_name);
	act.addr_len = act.addr ? BPF_CORE_READ(msg, msg_namelen) : 0;
	return rf_uring_record(&act);
}

/* The names are gone when these return: they are recorded before. */
SEC("fentry/do_unlinkat")
int rf_uring_unlink(__u64 *ctx)
{
	struct rf_act act = {
	    .nr = RF_NR_UNLINKAT, .args = {(__s64)(__s32)ctx[0]}, .name = {ctx[1]}};

	return rf_in_uring() ? rf_uring_record(&act) : 0;
}

SEC("fentry/do_rmdir")
int rf_uring_rmdir(__u64 *ctx)
{
	struct rf_act act = {.nr = RF_NR_UNLINKAT,
			     .args = {(__s64)(__s32)ctx[0], 0, AT_REMOVEDIR},
			     .name = {ctx[1]}};

	return rf_in_uring() ? rf_uring_record(&act) : 0;
}

SEC("fentry/do_mkdirat")
int rf_uring_mkdir(__u64 *ctx)
{
	struct rf_act act = {.nr = RF_NR_MKDIRAT,
			     .args = {(__s64)(__s32)ctx[0], 0, ctx[2] & 07777},
			     .name = {ctx[1]}};

	return rf_in_uring() ? rf_uring_record(&act) : 0;
}

SEC("fentry/do_symlinkat")
int rf_uring_symlink(__u64 *ctx)
{
	struct rf_act act = {
	    .nr = RF_NR_SYMLINKAT, .args = {0, (__s64)(__s32)ctx[1]}, .name = {ctx[0], ctx[2]}};

	return rf_in_uring() ? rf_uring_record(&act) : 0;
}

SEC("fentry/do_linkat")
int rf_uring_link(__u64 *ctx)
{
	struct rf_act act = {
	    .nr = RF_NR_LINKAT,
	    .args = {(__s64)(__s32)ctx[0], 0, (__s64)(__s32)ctx[2], 0, (__u32)ctx[4]},
	    .name = {ctx[1], ctx[3]},
	};

	return rf_in_uring() ? rf_uring_record(&act) : 0;
}

SEC("fentry/do_renameat2")
int rf_uring_rename(__u64 *ctx)
{
	struct rf_act act = {
	    .nr = RF_NR_RENAMEAT2,
	    .args = {(__s64)(__s32)ctx[0], 0, (__s64)(__s32)ctx[2], 0, (__u32)ctx[4]},
	    .name = {ctx[1], ctx[3]},
	};

	return rf_in_uring() ? rf_uring_record(&act) : 0;
}
