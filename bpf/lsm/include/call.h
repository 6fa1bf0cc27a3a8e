/* SPDX-License-Identifier: GPL-2.0 */
/* A call, as the hook describes it that has seen it. */
#ifndef RF_CALL_H
#define RF_CALL_H

#include "classify.h"
#include "open.h"
#include "record.h"

/* Fill a record: what the classifier needs, and what only rules in user space read. */
extern int rf_call_object(__u32 slot, __u32 nr);
extern int rf_call_rest(__u32 slot, __u32 nr);

static __always_inline struct rf_capture *rf_capture_of(__u32 nr)
{
	return bpf_map_lookup_elem(&capture, &nr);
}

/* The number of ours that a 32-bit call has: those have numbers of their own. */
static __always_inline __u32 rf_compat_nr(struct pt_regs *regs)
{
	__u32 socket = rf_socketcall(regs), nr = rf_regs_nr(regs), *ours;

	if (socket)
		nr = RF_COMPAT_SOCKETS + socket;
	else if (nr >= RF_COMPAT_SOCKETS)
		return ~0U;
	ours = bpf_map_lookup_elem(&compat_calls, &nr);
	return ours ? *ours - 1 : ~0U;
}

static __always_inline bool rf_failed(__s64 ret)
{
	return ret < 0 && ret >= -4095;
}

/* Whether records of this call are wanted at all, of this task and with this result. */
static __always_inline bool rf_is_wanted(const struct rf_capture *c, __s64 ret)
{
	if (!c || !(c->flags & (rf_failed(ret) ? RF_CAP_FAILED : RF_CAP_OK)))
		return false;
	if (!rf_ignored(bpf_get_current_pid_tgid() >> 32))
		return true;
	rf_count(RF_STAT_SELF);
	return false;
}

/* Operations that have a destination: the socket is looked at once the call is over. */
static __always_inline bool rf_has_peer(__u32 op)
{
	return op == RF_OP_CONNECT || op == RF_OP_SENDMSG;
}

/* What the classifier is asked before anything is copied. name: the kernel's copy of the path, 0 =
 * none. enum rf_wanted, or what the task was killed for, as rf_judge_kill says it. */
static __always_inline __u64 rf_ask(const struct rf_capture *c, const __u64 *args, __u64 name,
				    __u32 nr, __s64 ret, __u32 flags)
{
	struct rf_query q = {.op = c->op, .nr = nr, .ret = ret, .dirfd = AT_FDCWD, .fd = -1};
	__u64 killed = 0;
	int want;

	if (c->op == RF_OP_OTHER)
		return RF_WANT_EMIT;
	q.path = c->path[0] == 0 ? args[0] : c->path[0] == 1 ? args[1] : 0;
	if (name) {
		q.path = name;
		q.kernel = 1;
	}
	if (c->dirfd[0] == 0)
		q.dirfd = (__s32)args[0];
	if (c->op == RF_OP_OPEN) {
		q.flags = c->path[0] == 0 ? args[1] : args[2];
		if (c->data >= 0) /* openat2: the flags stand in a struct */
			bpf_probe_read_user(&q.flags, sizeof(q.flags), (void *)args[2]);
	}
	if (c->op == RF_OP_SOCKET)
		q.flags = args[0];
	if (rf_has_peer(c->op) && c->fd == 0 && !(flags & RF_F_NO_RESULT)) {
		q.fd = (__s32)args[0];
		q.addr = c->flags & RF_CAP_MSGHDR ? RF_ADDR_UNKNOWN : c->addr == 4 ? args[4] : 0;
	}
	want = rf_judge(&q);
	if (q.clause)
		killed = rf_judge_kill(&q);
	return killed ? killed : want;
}

static __always_inline void rf_call_args(bool compat, __u64 *args)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (compat)
		rf_compat_args(regs, args);
	else
		rf_regs_args(regs, args);
}

/* The engine's proof that its sensors see: one thread asks for its own calls to be shown. */
static __always_inline bool rf_is_canary(void)
{
	__u32 tid = rf_control.canary;

	return tid && tid == (__u32)bpf_get_current_pid_tgid();
}

static __always_inline int rf_send_canary(__u32 nr)
{
	__u32 slot = rf_begin(RF_KIND_CALL, 0);
	struct rf_slot *s = rf_slot(slot);

	if (!s)
		return 0;
	s->h.nr = nr;
	s->h.flags = RF_F_CANARY;
	rf_send(slot);
	return 0;
}

/*
 * Judges, records and sends the call that the current task makes, if it is wanted. Inline, and the
 * registers are read twice: the stack is short.
 */
static __always_inline int rf_task_call(__u32 nr, __s64 ret, __u32 flags, __u64 name, __u64 file)
{
	const struct rf_capture *c = rf_capture_of(nr);
	__u64 args[6], want;
	struct rf_slot *s;
	__u32 slot;

	if (c && c->flags && rf_is_canary())
		return rf_send_canary(nr);
	if (!rf_is_wanted(c, ret))
		return 0;
	rf_call_args(flags & RF_F_COMPAT, args);
	want = rf_ask(c, args, name, nr, ret, flags);
	if (want == RF_WANT_DROP) {
		rf_count(RF_STAT_FILTERED);
		return 0;
	}
	slot = rf_begin(RF_KIND_CALL, 0);
	s = rf_slot(slot);
	if (!s)
		return 0;
	s->h.nr = nr;
	s->h.flags = flags;
	s->call.ret = ret;
	rf_call_args(flags & RF_F_COMPAT, s->call.args);
	s->from.name[0] = name;
	s->from.file = file;
	rf_call_object(slot, nr);
	rf_call_rest(slot, nr);
	if (want > RF_WANT_EMIT) {
		s->h.ring = 1;
		s->h.flags |= RF_F_KILLED;
		rf_tell_decided(&s->h, want);
	}
	rf_send(slot);
	return 0;
}

/* At the end of the call. */
static __always_inline int rf_call_returns(__u32 nr, __s64 ret, __u32 flags)
{
	const struct rf_capture *c = rf_capture_of(nr);

	if (!c || c->flags & RF_CAP_ENTER)
		return 0;
	return rf_task_call(nr, ret, flags, 0, 0);
}

/* Before it has run. */
static __always_inline int rf_call_enters(__u32 nr, __u32 flags)
{
	const struct rf_capture *c = rf_capture_of(nr);

	if (!c || !(c->flags & RF_CAP_ENTER))
		return 0;
	return rf_task_call(nr, 0, flags | RF_F_NO_RESULT, 0, 0);
}

#endif
