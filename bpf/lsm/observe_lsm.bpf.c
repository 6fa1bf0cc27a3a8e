/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls, seen at their own functions (fexit, fentry) and at the functions that do the work. No
 * system call pays that is not looked at: a syscall tracepoint puts every call of every process on
 * the slow path.
 */
#include "call.h"
#include "calls.h"

/*
 * A program belongs to one function. So that one body serves all calls, the loader makes a program
 * of six instructions for each (src/sensors/calls/call-functions.ts) that jumps into the body
 * through one of these maps. The kernel lets programs share a map only when their functions have
 * the same prototype, and those of calls have two: with and without a name for the argument.
 */
struct rf_body {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};

struct rf_body body_exit SEC(".maps");
struct rf_body body_exit_bare SEC(".maps");
struct rf_body body_enter SEC(".maps");

/* 32-bit calls have numbers of their own: the loader tells ours in the cookie. */
static __always_inline __u32 rf_function_nr(void *ctx, bool compat)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (!compat)
		return rf_regs_nr(regs);
	return rf_socketcall(regs) ? rf_compat_nr(regs) : bpf_get_attach_cookie(ctx);
}

static __always_inline int rf_function_returns(__u64 *ctx)
{
	bool compat = rf_is_compat(bpf_get_current_task_btf());

	return rf_call_returns(rf_function_nr(ctx, compat), ctx[1], compat ? RF_F_COMPAT : 0);
}

#if defined(__TARGET_ARCH_x86)
#define RF_CALL_FUNCTION(name) "__x64_sys_" name
#else
#define RF_CALL_FUNCTION(name) "__arm64_sys_" name
#endif

SEC("fexit/" RF_CALL_FUNCTION("openat"))
int rf_call_exit(__u64 *ctx)
{
	return rf_function_returns(ctx);
}

SEC("fexit/__do_sys_setsid")
int rf_call_exit_bare(__u64 *ctx)
{
	return rf_function_returns(ctx);
}

SEC("fentry/" RF_CALL_FUNCTION("close"))
int rf_call_enter(__u64 *ctx)
{
	bool compat = rf_is_compat(bpf_get_current_task_btf());

	return rf_call_enters(rf_function_nr(ctx, compat), compat ? RF_F_COMPAT : 0);
}

/*
 * Opens, with the kernel's own copy of the path: the caller's may have been rewritten when the call
 * returns. An open that succeeds is recorded where it gets its descriptor, the copy is still there.
 */
struct rf_opening {
	__u64 file;
	__u64 name;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct rf_opening);
} openings SEC(".maps");

/* The call that opens files which the current task makes, if it makes one. */
static __always_inline __u32 rf_open_nr(bool compat)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 nr = rf_regs_nr((struct pt_regs *)bpf_task_pt_regs(task));

	if (task->flags & PF_IO_WORKER)
		return RF_NR_NONE;
	if (nr == RF_NR_OPENAT2)
		return nr;
#if defined(__TARGET_ARCH_x86)
	if (compat)
		return nr == 5	   ? RF_NR_OPEN
		       : nr == 8   ? RF_NR_CREAT
		       : nr == 295 ? RF_NR_OPENAT
				   : RF_NR_NONE;
	if (nr == RF_NR_OPEN || nr == RF_NR_CREAT)
		return nr;
#else
	if (compat)
		return nr == 322 ? RF_NR_OPENAT : RF_NR_NONE;
#endif
	return nr == RF_NR_OPENAT ? nr : RF_NR_NONE;
}

SEC("fexit/do_filp_open")
int rf_open_returns(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct filename *filename = (void *)ctx[1];
	bool compat = rf_is_compat(task);
	__u32 nr = rf_open_nr(compat);
	const struct rf_capture *c;
	__u32 flags = compat ? RF_F_COMPAT : 0;
	struct rf_opening *open;
	__u64 args[6], name;
	bool failed;

	c = rf_capture_of(nr);
	if (!c)
		return 0;
	/* The kernel opens files of its own on behalf of a call. */
	rf_call_args(compat, args);
	if ((__u64)BPF_CORE_READ(filename, uptr) != (c->path[0] == 0 ? args[0] : args[1]))
		return 0;
	name = (__u64)BPF_CORE_READ(filename, name);
	failed = rf_failed(ctx[3]);
	if (!failed) {
		if (!(c->flags & RF_CAP_OK))
			return 0;
		open = bpf_task_storage_get(&openings, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (open) {
			open->file = ctx[3];
			open->name = name;
			return 0;
		}
		flags |= RF_F_NO_RESULT; /* no room to wait for the descriptor */
	}
	return rf_task_call(nr, failed ? ctx[3] : 0, flags, name, failed ? 0 : ctx[3]);
}

SEC("fentry/fd_install")
int rf_open_installs(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_opening *open = bpf_task_storage_get(&openings, task, NULL, 0);
	bool compat = rf_is_compat(task);

	if (!open || open->file != ctx[1])
		return 0;
	open->file = 0;
	return rf_task_call(rf_open_nr(compat), (__u32)ctx[0], compat ? RF_F_COMPAT : 0, open->name,
			    ctx[1]);
}
