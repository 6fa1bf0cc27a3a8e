/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls, seen at their own functions (fexit, fentry) and at the functions that do the work. No
 * system call pays that is not looked at: a syscall tracepoint puts every call of every process on
 * the slow path.
 */
#include "call.h"

/*
 * A program belongs to one function. So that one body serves all calls, the loader makes a program
 * of six instructions for each (src/sensors/call-functions.ts) that jumps into the body through one
 * of these maps. The kernel lets programs share a map only when their functions have the same
 * prototype, and those of calls have two: with and without a name for the argument.
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

	return compat ? bpf_get_attach_cookie(ctx)
		      : rf_regs_nr((struct pt_regs *)bpf_task_pt_regs(task));
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
