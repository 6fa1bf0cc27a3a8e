/* SPDX-License-Identifier: GPL-2.0 */
/* The classifier of system calls: which of them user space has to see. */
#include "call.h"
#include "calls.h"
#include "cgroup.h"
#include "classify.h"
#include "exempt.h"
#include "filter.h"
#include "label.h"
#include "match.h"
#include "open.h"
#include "record.h"

#define RF_BASE_MAX 320 /* folders and mounts of a path: as many as RF_FILE_MAX has room for */
#define RF_EXE_MAX 256
#define RF_EXE_UNKNOWN 0xffffffffU

#define EINPROGRESS 115
#define SIGKILL 9

/* 1 = there are no security hooks: who breaks a rule is killed instead. Set by the loader. */
const volatile __u32 rf_signal_tier;

/* 1 = there is no cgroup hierarchy of version 1, so that whoever is on the host by its cgroup here
 * is so in user space. Set by the loader. */
const volatile __u32 rf_sure_of_host;

/* What is known of a process: its name and executable as of its last exec, and its masks. */
struct rf_identity {
	__u32 comm_known;
	__u32 exe_len;	  /* RF_EXE_UNKNOWN where it did not fit */
	__u32 generation; /* of the masks */
	__u32 have;	  /* which masks are filled */
	__u64 cgroup;	  /* node of the cgroup that container was found for; 0 = never asked */
	__u32
	    container; /* 1 for good: neither it nor its children leave by changing their cgroup */
	__u32 by_root; /* root executed it on the host: it may be a protected one */
	char comm[16];
	struct rf_mask mask[RF_PROCESS_CLASSES];
	__u8 exe[RF_EXE_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct rf_identity);
} identities SEC(".maps");

/* A string of 16 bytes into the scratch: its span. */
static __always_inline __u32 rf_put_comm(struct rf_scratch *s, const char *comm)
{
	long n = bpf_probe_read_kernel_str(s->buf, 16, comm);

	return RF_PROCESS | (n > 0 ? n - 1 : 0) << 16;
}

/* The exemption of protected executables: a name alone is no proof, since users and containers have
 * what names they like. */
static __always_inline void rf_protected(struct rf_scratch *s, __u32 scratch, __u32 op,
					 __u32 generation, const struct rf_identity *id,
					 struct rf_mask *m)
{
	__u32 len = id->exe_len;

	if (!id->by_root || len > RF_EXE_MAX)
		return;
	s->buf[0] = RF_PROTECTED_MARK;
	bpf_probe_read_kernel(&s->buf[1], RF_EXE_MAX, id->exe);
	if (rf_scan(scratch, op, RF_STRING_EXE, generation, RF_PROCESS | (len + 1) << 16))
		return;
	for (int i = 0; i < RF_WORDS; i++)
		m->w[i] &= ~s->forbid.w[i];
}

/* Computes the masks of the process for one operation. */
int rf_judge_process(__u32 op, __u32 generation)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct rf_policy *p = rf_policy();
	const struct rf_class *c;
	struct rf_identity *id;
	struct rf_scratch *s;
	struct rf_mask mine;
	__u32 i, len, scratch;

	if (!p || p->generation != generation || op >= RF_CLASSES)
		return 0;
	c = rf_class_of(p, op);
	i = c->process & (RF_PROCESS_CLASSES - 1);
	id = bpf_task_storage_get(&identities, task, NULL, 0);
	if (!id)
		return 0;
	scratch = rf_scratch_claim();
	s = rf_scratch(scratch);
	if (!s)
		return 0;
	if (id->generation != generation) {
		id->generation = generation;
		id->have = 0;
	}
	__builtin_memset(&mine, 0xff, sizeof(mine));
	if (id->comm_known && c->string[RF_STRING_COMM].start) {
		len = rf_put_comm(s, id->comm);
		if (!rf_scan(scratch, op, RF_STRING_COMM, generation, len))
			rf_conclude(&c->string[RF_STRING_COMM], s, &mine);
	}
	len = id->exe_len;
	if (len <= RF_EXE_MAX && c->string[RF_STRING_EXE].start) {
		bpf_probe_read_kernel(s->buf, RF_EXE_MAX, id->exe);
		if (!rf_scan(scratch, op, RF_STRING_EXE, generation, RF_PROCESS | len << 16))
			rf_conclude(&c->string[RF_STRING_EXE], s, &mine);
		rf_protected(s, scratch, op, generation, id, &mine);
	}
	rf_scratch_release(s);
	id->mask[i] = mine;
	id->have |= 1U << i;
	return 0;
}

/* What a string says that cannot be read: it meets the requirements of the clauses that fail closed
 * and no other, and proves no exemption. */
static __always_inline void rf_unread(const struct rf_policy *p, __u32 op, struct rf_scratch *s)
{
	const struct rf_mask *closed = &rf_class_of(p, op)->closed;

	__builtin_memset(&s->forbid, 0, sizeof(s->forbid));
	for (int i = 0; i < RF_LANES; i++)
		s->lane[i] = *closed;
}

/* One string of something that may be refused. */
static __always_inline int rf_strict(const struct rf_policy *p, struct rf_scratch *s, __u32 scratch,
				     __u32 op, __u32 string, __u32 span, struct rf_mask *m)
{
	const struct rf_matcher *t;

	if (op >= RF_CLASSES || string >= RF_STRING_MAX)
		return 0;
	t = &rf_class_of(p, op)->string[string];
	if (!t->start || !rf_meets(m, &t->care))
		return 0;
	if (!span || rf_scan(scratch, op, string, p->generation, span))
		rf_unread(p, op, s);
	rf_conclude(t, s, m);
	return 0;
}

/* The clauses that this process allows: from task storage, computed once in a generation. */
static __always_inline void rf_process(const struct rf_policy *p, const struct rf_class *c,
				       __u32 op, struct rf_mask *m)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 i = c->process & (RF_PROCESS_CLASSES - 1);
	struct rf_identity *id;

	if (c->process == RF_NO_PROCESS)
		return;
	id = bpf_task_storage_get(&identities, task, NULL, 0);
	if (!id)
		return;
	if (id->generation != p->generation || !(id->have & (1U << i)))
		rf_judge_process(op, p->generation);
	if (id->generation == p->generation && id->have & (1U << i))
		rf_and(m, &id->mask[i]);
}

/* Whether the current task is in a container, or was when it was first asked about. */
static __always_inline __u32 rf_container_of(struct rf_identity *id, __u32 scratch)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct kernfs_node *kn = rf_cgroup_node(task);
	__u64 node = BPF_CORE_READ(kn, id);

	if (!id)
		return rf_in_container(scratch, (__u64)kn);
	if (id->container || id->cgroup == node)
		return id->container;
	id->container = rf_in_container(scratch, (__u64)kn);
	id->cgroup = node;
	return id->container;
}

#define RF_NUMBERS_OF_USER (1 << RF_NUMBER_UID | 1 << RF_NUMBER_LOGINUID)
#define RF_NUMBERS_OF_OBJECT                                                                       \
	(1 << RF_NUMBER_DADDR4 | 1 << RF_NUMBER_DPORT | 1 << RF_NUMBER_PROTO | 1 << RF_NUMBER_ID)

/* The clauses that hold for where the task belongs. Asked late: it is the dearest question. */
static __always_inline void rf_scope(const struct rf_policy *p, const struct rf_class *c,
				     const struct rf_object *o, struct rf_scratch *s,
				     struct rf_mask *m)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct rf_intervals *t = &c->number[RF_NUMBER_SCOPE];
	struct rf_identity *id;
	__u32 span = 0;

	if (t->count && rf_meets(m, &t->care)) {
		id = bpf_task_storage_get(&identities, task, NULL, 0);
		rf_number(p, t, true, rf_container_of(id, o->scratch), m);
	}
	if (c->string[RF_STRING_CGROUP].start && rf_meets(m, &c->string[RF_STRING_CGROUP].care)) {
		span = rf_cgroup_span(o->scratch);
		rf_strict(p, s, o->scratch, o->op, RF_STRING_CGROUP, span, m);
	}
}

static __always_inline void rf_credentials(const struct rf_policy *p, const struct rf_class *c,
					   struct rf_mask *m)
{
	struct task_struct *task;

	if (!(c->numbers & RF_NUMBERS_OF_USER))
		return;
	task = bpf_get_current_task_btf();
	rf_number(p, &c->number[RF_NUMBER_UID], true, task->cred->euid.val, m);
	rf_number(p, &c->number[RF_NUMBER_LOGINUID], true, rf_loginuid(task), m);
}

/* bpf_loop passes on what stands on the stack. */
struct rf_loop {
	struct rf_scratch *s;
};

/* One step towards the root, in front of the raw path. */
static long rf_base_step(__u32 i, struct rf_loop *loop)
{
	struct rf_scratch *s = loop->s;
	struct dentry *dentry = (void *)s->node;
	struct vfsmount *mnt = (void *)s->mnt;
	struct dentry *parent;
	__u32 len, pos;

	if (s->node == s->root && s->mnt == s->root_mnt) {
		s->done = 1;
		return 1;
	}
	if (dentry == BPF_CORE_READ(mnt, mnt_root)) {
		struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *up = BPF_CORE_READ(mount, mnt_parent);

		if (up == mount) {
			s->done = 1;
			return 1;
		}
		s->node = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
		s->mnt = (__u64)up + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry)
		return 1;
	len = BPF_CORE_READ(dentry, d_name.len) & 0xff;
	pos = s->pos;
	if (pos < len + 1 || pos > RF_JOIN)
		return 1;
	pos = (pos - len - 1) & (RF_JOIN - 1);
	s->buf[pos] = '/';
	bpf_probe_read_kernel(&s->buf[pos + 1], len, BPF_CORE_READ(dentry, d_name.name));
	s->pos = pos;
	s->node = (__u64)parent;
	return 0;
}

/* Where the path begins that a relative one stands for; 0 = not known. */
static __always_inline __u32 rf_base(struct rf_scratch *s, __s32 dirfd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fs_struct *fs = task->fs;
	struct rf_loop loop = {.s = s};

	s->root = (__u64)fs->root.dentry;
	s->root_mnt = (__u64)fs->root.mnt;
	s->pos = RF_JOIN;
	s->done = 0;
	if (dirfd == AT_FDCWD) {
		s->node = (__u64)fs->pwd.dentry;
		s->mnt = (__u64)fs->pwd.mnt;
	} else {
		struct file *file = (void *)rf_file_of(dirfd);

		if (!file)
			return 0;
		s->node = (__u64)BPF_CORE_READ(file, f_path.dentry);
		s->mnt = (__u64)BPF_CORE_READ(file, f_path.mnt);
	}
	bpf_loop(RF_BASE_MAX, rf_base_step, &loop, 0);
	return s->done ? s->pos : 0;
}

__u32 rf_walk_span(__u32 scratch, __u64 dentry, __u64 mnt)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_scratch *s = rf_scratch(scratch);
	struct rf_loop loop = {.s = s};
	__u32 len;

	if (!s || !task->fs)
		return 0;
	s->root = (__u64)task->fs->root.dentry;
	s->root_mnt = (__u64)task->fs->root.mnt;
	s->node = dentry;
	s->mnt = mnt;
	s->pos = RF_JOIN;
	s->done = 0;
	bpf_loop(RF_BASE_MAX, rf_base_step, &loop, 0);
	len = RF_JOIN - s->pos;
	return s->done && len && len <= RF_FILE_MAX ? s->pos | len << 16 : 0;
}

#define RF_NORM(i) (RF_NORMAL + ((i)&1023))

static long rf_norm_step(__u32 i, struct rf_loop *loop)
{
	struct rf_scratch *s = loop->s;
	__u32 out = s->out, start = s->start, depth = s->depth;
	__u8 c = '/';

	if (i < s->len)
		c = s->buf[(s->from + i) & (RF_BUF - 1)];
	if (c != '/') {
		s->buf[RF_NORM(out)] = c;
		s->out = out + 1;
		return 0;
	}
	/* A component ended: the text start .. out. */
	if (out == 0) {
		s->buf[RF_NORMAL] = '/';
		s->out = s->start = 1;
	} else if (out - start == 1 && s->buf[RF_NORM(start)] == '.') {
		s->out = start;
	} else if (out - start == 2 && s->buf[RF_NORM(start)] == '.' &&
		   s->buf[RF_NORM(start + 1)] == '.') {
		if (depth) {
			depth--;
			start = s->stack[depth & (RF_DEPTH - 1)];
			s->depth = depth;
		}
		s->out = s->start = start;
	} else if (out > start) {
		if (depth >= RF_DEPTH) {
			s->failed = 1;
			return 1;
		}
		s->stack[depth & (RF_DEPTH - 1)] = start;
		s->depth = depth + 1;
		s->buf[RF_NORM(out)] = '/';
		s->out = s->start = out + 1;
	}
	return 0;
}

/* Takes out `.`, `..` and empty components of buf[from .. from + len): the length of what stands at
 * RF_NORMAL, 0 = failed. */
static __always_inline __u32 rf_normalise(struct rf_scratch *s, __u32 from, __u32 len)
{
	struct rf_loop loop = {.s = s};

	s->from = from;
	s->len = len;
	s->out = s->start = s->depth = s->failed = 0;
	bpf_loop(len + 1, rf_norm_step, &loop, 0);
	if (s->failed)
		return 0;
	return s->out > 1 ? s->out - 1 : s->out;
}

/* Puts the path where it can be matched: from | length << 16, 0 where it cannot be had. */
static __always_inline __u32 rf_read_path(struct rf_scratch *s, const struct rf_query *q,
					  __u32 *raw)
{
	__u32 from = RF_JOIN + 1, len;
	long n;

	if (q->kernel)
		n = bpf_probe_read_kernel_str(&s->buf[RF_JOIN + 1], RF_RAW_MAX, (void *)q->path);
	else
		n = bpf_probe_read_user_str(&s->buf[RF_JOIN + 1], RF_RAW_MAX, (void *)q->path);
	if (n <= 1 || n >= RF_RAW_MAX)
		return 0;
	len = n - 1;
	*raw = from | len << 16;
	if (s->buf[RF_JOIN + 1] == '/')
		return *raw;
	s->buf[RF_JOIN] = '/';
	from = rf_base(s, q->dirfd);
	if (!from)
		return 0;
	len += RF_JOIN + 1 - from;
	return len > RF_PATH_MAX ? 0 : from | len << 16;
}

/* The clauses that the path allows. */
static __always_inline void rf_path(const struct rf_policy *p, const struct rf_class *c,
				    const struct rf_query *q, struct rf_mask *m)
{
	const struct rf_matcher *t = &c->string[RF_STRING_PATH];
	const struct rf_matcher *bare = &c->string[RF_STRING_RAW];
	__u32 i = rf_scratch_claim(), generation = p->generation, raw = 0, span, len;
	struct rf_scratch *s = rf_scratch(i);

	if (!s)
		return;
	span = rf_read_path(s, q, &raw);
	if (span && t->start && !rf_scan(i, q->op, RF_STRING_PATH, generation, span)) {
		len = 1;
		if (s->irregular) {
			len = rf_normalise(s, span & 0xffff, span >> 16);
			if (len > RF_PATH_MAX ||
			    rf_scan(i, q->op, RF_STRING_PATH, generation, RF_NORMAL | len << 16))
				len = 0;
		}
		if (len)
			rf_conclude(t, s, m);
	}
	if (raw && bare->start && rf_meets(m, &bare->care) &&
	    !rf_scan(i, q->op, RF_STRING_RAW, generation, raw) && !s->irregular)
		rf_conclude(bare, s, m);
	rf_scratch_release(s);
}

__u64 rf_deny_by(const struct rf_object *o, __u32 generation);

#define RF_JUDGE_TRIES 3

/* Inline where the chain of frames is long. */
static __always_inline __u64 rf_judge_here(const struct rf_object *o)
{
	__u32 generation, op, labelled, how;
	__u64 decided = 0;

	for (int i = 0; o && i < RF_JUDGE_TRIES && !decided; i++) {
		const struct rf_policy *p = rf_policy(), *after;

		op = o->op;
		if (!p || op >= RF_CLASSES)
			return 0;
		generation = p->generation;
		labelled = rf_class_of(p, op)->labels;
		if (labelled) {
			how = labelled == RF_LABELLED_OBJECTS ? RF_LABELS_ALONE : 0;
			rf_gather_labels(o->scratch, o->node, op, generation, o->how | how);
			if (op == RF_OP_RENAME || op == RF_OP_LINK)
				rf_gather_labels(o->scratch, o->other_node, op | RF_LABEL_OTHER,
						 generation, how);
		}
		decided = rf_deny_by(o, generation);
		/* A pass over a string ends where the policy is switched under it. */
		after = rf_policy();
		if (after && after->generation == generation)
			break;
	}
	return decided;
}

/* Of these nothing may be concluded from how things stand after the call: where it went, or who the
 * process was before it. */
#define RF_NOT_KILLED                                                                              \
	(1U << RF_OP_CONNECT | 1U << RF_OP_SENDMSG | 1U << RF_OP_BIND | 1U << RF_OP_SETUID)

/* Behind the raw path: where the first path is put aside while the second one is read. */
#define RF_ASIDE (RF_JOIN + RF_RAW_MAX + 8)
#define RF_ASIDE_MAX (RF_NORMAL - RF_ASIDE)

/* The path in its normal form: its span, 0 where it cannot be had. */
static __always_inline __u32 rf_exact_span(struct rf_scratch *s, const struct rf_query *q)
{
	__u32 raw = 0, span = q->path ? rf_read_path(s, q, &raw) : 0, len;

	len = span ? rf_normalise(s, span & 0xffff, span >> 16) : 0;
	return len && len <= RF_PATH_MAX ? RF_NORMAL | len << 16 : 0;
}

/* Asks about the second path of the call that the current task makes. */
static __always_inline void rf_ask_second(struct rf_scratch *s, struct rf_query *q)
{
	bool compat = rf_is_compat(bpf_get_current_task_btf());
	const struct rf_capture *c = rf_capture_of(q->nr);
	__u64 *args = (void *)s->buf; /* frames are small */

	q->path = 0;
	q->dirfd = AT_FDCWD;
	if (!c || c->path[1] < 0)
		return;
	rf_call_args(compat, args);
	q->path = args[c->path[1] & 7];
	if (c->dirfd[1] >= 0)
		q->dirfd = (__s32)args[c->dirfd[1] & 7];
}

/* Both paths of an operation that has two. The text of a symbolic link is none. */
static __always_inline void rf_exact_spans(struct rf_object *o, struct rf_scratch *s,
					   struct rf_query *q)
{
	if (o->op == RF_OP_SYMLINK)
		rf_ask_second(s, q);
	o->path = rf_exact_span(s, q);
	if (o->op != RF_OP_RENAME && o->op != RF_OP_LINK)
		return;
	bpf_probe_read_kernel(&s->buf[RF_ASIDE], RF_ASIDE_MAX, &s->buf[RF_NORMAL]);
	o->path = o->path >> 16 > RF_ASIDE_MAX ? 0 : o->path;
	if (o->path)
		o->path += RF_ASIDE - RF_NORMAL;
	rf_ask_second(s, q);
	o->other = rf_exact_span(s, q);
}

/* Asked exactly, once a killing clause is possible. */
__u64 rf_judge_kill(struct rf_query *q)
{
	struct rf_object o = {};
	struct rf_scratch *s;
	__u64 decided;

	if (!q)
		return 0;
	o.op = q->op;
	o.nr = q->nr;
	o.bits = q->bits;
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	rf_exact_spans(&o, s, q);
	decided = rf_judge_here(&o);
	rf_scratch_release(s);
	if (!(decided & RF_DECIDED_KILL))
		return 0;
	bpf_send_signal(SIGKILL);
	return decided;
}

/* The clauses that the destination allows, and the protocol. */
static __always_inline void rf_destination(const struct rf_policy *p, const struct rf_class *c,
					   const struct rf_query *q, struct rf_mask *m)
{
	const struct rf_matcher *v6 = &c->string[RF_STRING_ADDR6];
	struct rf_peer peer = {};
	struct rf_scratch *s;
	__u32 i, v4;

	if (q->fd < 0 || !(c->number[RF_NUMBER_DADDR4].count | c->number[RF_NUMBER_DPORT].count |
			   c->number[RF_NUMBER_PROTO].count | v6->start))
		return;
	rf_peer_of(q, &peer);
	if (!(peer.known & RF_PEER_SOCKET))
		return;
	rf_number(p, &c->number[RF_NUMBER_PROTO], peer.proto != 0, peer.proto, m);
	if (!(peer.known & RF_PEER_DEST))
		return;
	__builtin_memcpy(&v4, peer.addr, 4);
	rf_number(p, &c->number[RF_NUMBER_DADDR4], peer.family == AF_INET, bpf_ntohl(v4), m);
	rf_number(p, &c->number[RF_NUMBER_DPORT], peer.family != 0, peer.port, m);
	if (!v6->start || !rf_meets(m, &v6->care))
		return;
	if (peer.family != AF_INET6) {
		/* There is no such address: only clauses without a requirement on it are left. */
		for (int n = 0; n < RF_WORDS; n++)
			m->w[n] &= v6->base[0].w[n] & v6->base[1].w[n] & v6->base[2].w[n];
		return;
	}
	i = rf_scratch_claim();
	s = rf_scratch(i);
	if (!s)
		return;
	bpf_probe_read_kernel(s->buf, 16, peer.addr);
	if (!rf_scan(i, q->op, RF_STRING_ADDR6, p->generation, RF_PROCESS | 16 << 16))
		rf_conclude(v6, s, m);
	rf_scratch_release(s);
}

#define RF_SCOPE_UNKNOWN 2

/* Beside hierarchies of version 1: a task that runtimes have put nowhere, neither in the unified
 * hierarchy nor in a PID namespace, is on the host in user space as well. */
static __always_inline bool rf_at_home(struct task_struct *task)
{
	return !task->thread_pid->level &&
	       !rf_kernfs_parent(BPF_CORE_READ(task, cgroups, dfl_cgrp, kn));
}

/* Where the current task belongs, for detection: 1 = in a container, 0 = not. */
int rf_judge_scope(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_identity *id;
	struct rf_scratch *s;
	__u32 scratch, found;

	if (!rf_sure_of_host && !rf_at_home(task))
		return RF_SCOPE_UNKNOWN;
	id = bpf_task_storage_get(&identities, task, NULL, 0);
	scratch = rf_scratch_claim();
	s = rf_scratch(scratch);
	if (!s)
		return RF_SCOPE_UNKNOWN;
	found = rf_container_of(id, scratch);
	rf_scratch_release(s);
	return found;
}

/* The clauses that hold for where the task belongs. */
static __always_inline void rf_where(const struct rf_policy *p, const struct rf_class *c,
				     struct rf_mask *m)
{
	const struct rf_intervals *t = &c->number[RF_NUMBER_SCOPE];
	int scope;

	if (!t->count || !rf_meets(m, &t->care))
		return;
	scope = rf_judge_scope();
	rf_number(p, t, scope != RF_SCOPE_UNKNOWN, scope, m);
}

int rf_judge(struct rf_query *q)
{
	const struct rf_policy *p;
	const struct rf_class *c;
	struct rf_mask m, rest;
	__u32 nr, op;

	if (!q)
		return RF_WANT_EMIT;
	p = rf_policy();
	nr = q->nr & (RF_POLICY_CALLS - 1);
	op = q->op;
	if (!p || op >= RF_CLASSES || q->nr >= RF_POLICY_CALLS)
		return RF_WANT_EMIT;
	c = rf_class_of(p, op);
	if (!c->active)
		return RF_WANT_EMIT;
	q->bits = q->ret >= 0 ? RF_BIT_OK : 0;
	if (op == RF_OP_OPEN && q->nr != RF_NR_CREAT)
		q->bits |= rf_open_bits(q->flags);
	else if (q->ret == -EINPROGRESS)
		q->bits |= RF_BIT_EXTRA;
	m = *rf_call_mask(p, nr);
	rf_and(&m, &c->bits[q->bits & (RF_BIT_STATES - 1)]);
	/* Refusals are compiled for calls that succeed. */
	if (rf_signal_tier && q->ret >= 0 && !(RF_NOT_KILLED >> op & 1) && rf_meets(&m, &c->kill))
		q->clause = 1;
	rf_and(&m, &c->emit);
	if (op == RF_OP_SOCKET)
		rf_number(p, &c->number[RF_NUMBER_ID], true, q->flags, &m);
	if (rf_any(&m))
		rf_destination(p, c, q, &m);
	if (rf_meets(&m, &c->care)) {
		rf_process(p, c, op, &m);
		rf_credentials(p, c, &m);
	}
	if (!rf_any(&m))
		return RF_WANT_DROP;
	/* Those that look at no path. Where the task belongs is asked last: it is dear. */
	rest = m;
	for (int i = 0; q->path && i < RF_WORDS; i++)
		rest.w[i] &=
		    ~(c->string[RF_STRING_PATH].care.w[i] | c->string[RF_STRING_RAW].care.w[i]);
	if (rf_any(&rest)) {
		rf_where(p, c, &m);
		if (rf_meets(&rest, &m))
			return RF_WANT_EMIT;
	}
	if (!q->path || !rf_any(&m))
		return RF_WANT_DROP;
	rf_path(p, c, q, &m);
	if (rf_any(&m))
		rf_where(p, c, &m);
	return rf_any(&m) ? RF_WANT_EMIT : RF_WANT_DROP;
}

/* The executable of a task that runs already. */
static __always_inline void rf_seed_exe(struct task_struct *task, struct rf_identity *id)
{
	__u32 i = rf_scratch_claim(), pos;
	struct rf_scratch *s = rf_scratch(i);
	struct rf_loop loop = {.s = s};
	struct file *file;

	if (!s)
		return;
	file = BPF_CORE_READ(task, mm, exe_file);
	s->root = (__u64)BPF_CORE_READ(task, fs, root.dentry);
	s->root_mnt = (__u64)BPF_CORE_READ(task, fs, root.mnt);
	s->node = (__u64)BPF_CORE_READ(file, f_path.dentry);
	s->mnt = (__u64)BPF_CORE_READ(file, f_path.mnt);
	s->pos = RF_JOIN;
	s->done = 0;
	if (file)
		bpf_loop(RF_BASE_MAX, rf_base_step, &loop, 0);
	pos = s->pos;
	if (s->done && pos > RF_JOIN - RF_EXE_MAX && pos < RF_JOIN) {
		bpf_probe_read_kernel(id->exe, RF_EXE_MAX, &s->buf[pos & (RF_JOIN - 1)]);
		id->exe_len = RF_JOIN - pos;
	}
	rf_scratch_release(s);
}

/* Whether root runs it on the host: of a task that runs already. */
static __always_inline void rf_seed_root(struct task_struct *task, struct rf_identity *id)
{
	__u32 i = rf_scratch_claim();
	struct rf_scratch *s = rf_scratch(i);

	if (!s)
		return;
	id->by_root = !BPF_CORE_READ(task, cred, euid.val) &&
		      !rf_in_container(i, (__u64)rf_cgroup_node(task));
	rf_scratch_release(s);
}

/* Whoever is in a container when it executes something is known to be: asked while rules ask, and
 * of root. */
static __always_inline void rf_settle(struct rf_identity *id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct rf_policy *p = rf_policy();
	bool root = !task->cred->euid.val;
	struct rf_scratch *s;
	__u32 scratch;

	id->by_root = 0;
	if (id->container || !(root || (p && p->flags & RF_POLICY_SCOPES)))
		return;
	scratch = rf_scratch_claim();
	s = rf_scratch(scratch);
	if (!s)
		return;
	id->by_root = !rf_container_of(id, scratch) && root;
	rf_scratch_release(s);
}

int rf_judge_exec(__u32 slot)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_slot *s = rf_slot(slot);
	struct rf_identity *id;
	__u32 off, len;

	id = bpf_task_storage_get(&identities, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!id)
		return 0;
	id->generation = 0;
	id->have = 0;
	__builtin_memset(id->comm, 0, sizeof(id->comm));
	bpf_get_current_comm(id->comm, sizeof(id->comm));
	id->comm_known = 1;
	id->exe_len = RF_EXE_UNKNOWN;
	rf_settle(id);
	if (!s) {
		rf_seed_exe(task, id);
		return 0;
	}
	off = s->exec.exe.off;
	len = s->exec.exe.len;
	if (!off || off > RF_TAIL_MAX || len > RF_EXE_MAX - 1)
		return 0;
	bpf_probe_read_kernel(id->exe, len, &s->rec[off]);
	id->exe_len = len;
	return 0;
}

/*
 * Where the exec itself cannot be refused: the new image is killed before its first instruction.
 * What was decided, as rf_judge_deny says it.
 */
__u64 rf_judge_image(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_object o = {.op = RF_OP_EXEC, .nr = RF_NR_EXECVE, .bits = RF_BIT_OK};
	struct rf_identity *id;
	struct rf_scratch *s;
	__u64 decided;

	if (!rf_signal_tier || rf_exempt() || !rf_refusing(RF_OP_EXEC))
		return 0;
	id = bpf_task_storage_get(&identities, task, NULL, 0);
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	if (id && id->exe_len <= RF_EXE_MAX) {
		bpf_probe_read_kernel(&s->buf[RF_JOIN], RF_EXE_MAX, id->exe);
		o.exe = RF_JOIN | id->exe_len << 16;
		o.comm = RF_NORMAL | rf_put_comm(s, id->comm);
		bpf_probe_read_kernel(&s->buf[RF_NORMAL], 16, id->comm);
	}
	decided = rf_judge_here(&o);
	rf_scratch_release(s);
	if (decided && !(decided & RF_DECIDED_MONITOR))
		bpf_send_signal(SIGKILL);
	return decided;
}

/* Keeps what is known of processes right while the engine is away: with pinned enforcement only. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(rf_judge_exec_alone, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	return rf_judge_exec(RF_NO_SLOT);
}

/* A child is what its parent was when it was cloned. io_uring's threads are told of here, and not
 * as forks. */
SEC("tp_btf/task_newtask")
int BPF_PROG(rf_judge_fork, struct task_struct *child, unsigned long clone_flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_identity *mine, *id;

	mine = bpf_task_storage_get(&identities, task, NULL, 0);
	if (!mine)
		return 0;
	id = bpf_task_storage_get(&identities, child, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!id)
		return 0;
	__builtin_memcpy(id, mine, sizeof(*id));
	/* A name set by prctl is the child's first name, and not what the parent is known by. */
	for (int i = 0; i < 16; i++)
		if (task->comm[i] != mine->comm[i]) {
			id->comm_known = 0;
			break;
		} else if (!mine->comm[i])
			break;
	if (!id->comm_known)
		id->have = 0;
	return 0;
}

/* How many bits are set: without branches, of which the verifier would follow every combination. */
static __always_inline __u32 rf_ones(__u64 w)
{
	w -= (w >> 1) & 0x5555555555555555ULL;
	w = (w & 0x3333333333333333ULL) + ((w >> 2) & 0x3333333333333333ULL);
	w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (w * 0x0101010101010101ULL) >> 56;
}

static __always_inline __u32 rf_lowest(const struct rf_mask *m)
{
	__u32 at = 0;
	__u64 w = m->w[0];

	if (!w) {
		w = m->w[1];
		at = 64;
	}
	if (!w) {
		w = m->w[2];
		at = 128;
	}
	if (!w) {
		w = m->w[3];
		at = 192;
	}
	return at + rf_ones((w & -w) - 1);
}

/* The strings of the process: those of the new image, or what is known of the task. */
static __always_inline void rf_strict_process(const struct rf_policy *p, const struct rf_object *o,
					      struct rf_scratch *s, struct rf_mask *m)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_identity *id;
	__u32 span = 0;

	if (o->op == RF_OP_EXEC) {
		rf_strict(p, s, o->scratch, o->op, RF_STRING_COMM, o->comm, m);
	} else {
		id = bpf_task_storage_get(&identities, task, NULL, 0);
		if (id && id->comm_known)
			span = rf_put_comm(s, id->comm);
		rf_strict(p, s, o->scratch, o->op, RF_STRING_COMM, span, m);
		span = 0;
		if (id && id->exe_len <= RF_EXE_MAX) {
			bpf_probe_read_kernel(s->buf, RF_EXE_MAX, id->exe);
			span = RF_PROCESS | id->exe_len << 16;
		}
		rf_strict(p, s, o->scratch, o->op, RF_STRING_EXE, span, m);
		if (id && o->op < RF_CLASSES &&
		    rf_meets(m, &rf_class_of(p, o->op)->string[RF_STRING_EXE].care))
			rf_protected(s, o->scratch, o->op, p->generation, id, m);
	}
	span = rf_put_comm(s, BPF_CORE_READ(task, real_parent, comm));
	rf_strict(p, s, o->scratch, o->op, RF_STRING_PCOMM, span, m);
}

/* A path of the object: a requirement is met by the name or by a label. */
static __always_inline void rf_strict_path(const struct rf_policy *p, const struct rf_object *o,
					   struct rf_scratch *s, __u32 string, __u32 span,
					   const struct rf_mask *label, struct rf_mask *m)
{
	const struct rf_matcher *t = &rf_class_of(p, o->op)->string[string];

	if (!t->start || !rf_meets(m, &t->care)) {
		if (o->guard) /* a rule that names no object guards none */
			__builtin_memset(m, 0, sizeof(*m));
		return;
	}
	if (o->guard)
		rf_and(m, &t->care);
	if (o->guard)
		__builtin_memset(s->lane, 0, sizeof(s->lane) + sizeof(s->forbid));
	else if (!span || rf_scan(o->scratch, o->op, string, p->generation, span))
		rf_unread(p, o->op, s);
	if (rf_class_of(p, o->op)->labels)
		for (int i = 0; i < RF_LANES; i++)
			rf_or(&s->lane[i], &label[i]);
	rf_conclude(t, s, m);
}

static __always_inline void rf_strict_object(const struct rf_policy *p, const struct rf_object *o,
					     struct rf_scratch *s, struct rf_mask *m)
{
	if (o->op == RF_OP_EXEC) {
		rf_strict_path(p, o, s, RF_STRING_EXE, o->exe, s->label, m);
		return;
	}
	rf_strict_path(p, o, s, RF_STRING_PATH, o->path, s->label, m);
	if (o->op == RF_OP_RENAME || o->op == RF_OP_LINK)
		rf_strict_path(p, o, s, RF_STRING_OTHER, o->other, s->other, m);
}

static __always_inline void rf_strict_numbers(const struct rf_policy *p, const struct rf_object *o,
					      const struct rf_class *c, struct rf_mask *m)
{
	__u32 v4;

	if (!(c->numbers & RF_NUMBERS_OF_OBJECT))
		return;
	__builtin_memcpy(&v4, o->addr, 4);
	rf_number(p, &c->number[RF_NUMBER_DADDR4], o->family == AF_INET, bpf_ntohl(v4), m);
	rf_number(p, &c->number[RF_NUMBER_DPORT], o->family != 0, o->port, m);
	rf_number(p, &c->number[RF_NUMBER_PROTO], o->family != 0, o->proto, m);
	rf_number(p, &c->number[RF_NUMBER_ID], o->has_id, o->id, m);
}

/* The refusing clauses that the call's numbers allow. */
static __always_inline bool rf_deny_numbers(const struct rf_policy *p, const struct rf_object *o,
					    struct rf_mask *m)
{
	const struct rf_class *c;
	__u32 op = o->op;

	if (op >= RF_CLASSES || o->nr >= RF_POLICY_CALLS)
		return false;
	c = rf_class_of(p, op);
	*m = c->deny;
	rf_or(m, &c->kill);
	if (!rf_any(m))
		return false;
	if (!o->guard) {
		rf_and(m, rf_call_mask(p, o->nr));
		rf_and(m, &c->bits[o->bits & (RF_BIT_STATES - 1)]);
	}
	rf_strict_numbers(p, o, c, m);
	if (!rf_any(m))
		return false;
	rf_credentials(p, c, m);
	return rf_any(m);
}

/* Whether no refusing clause is about such calls, or such an address. */
static __always_inline bool rf_unnamed_address(const struct rf_policy *p, const struct rf_object *o)
{
	const struct rf_first *first = &p->first[o->op & (RF_CLASSES - 1)];
	__u64 state = 1ULL << (o->bits & (RF_BIT_STATES - 1));
	__u32 v4;

	if (!(first->refused & state))
		return true;
	if (!o->family || first->unnamed & state)
		return false;
	__builtin_memcpy(&v4, o->addr, 4);
	return o->family != AF_INET || !rf_address_listed(&p->names, bpf_ntohl(v4));
}

int rf_may_refuse(const struct rf_object *o)
{
	const struct rf_policy *p = rf_policy();
	struct rf_mask m;

	if (!o || !p || rf_unnamed_address(p, o) || !rf_deny_numbers(p, o, &m))
		return 0;
	/* What is kept of the process rules out no clause that it may be about. An exec is judged
	 * by what the process becomes. */
	if (o->op < RF_CLASSES && o->op != RF_OP_EXEC)
		rf_process(p, rf_class_of(p, o->op), o->op, &m);
	return rf_any(&m);
}

__u64 rf_deny_by(const struct rf_object *o, __u32 generation)
{
	const struct rf_policy *p = rf_policy();
	const struct rf_class *c;
	struct rf_scratch *s;
	struct rf_mask *m, *now; /* in the scratch: frames are small */
	__u64 by = (__u64)generation << RF_DECIDED_GENERATION, decided;
	__u32 op;

	if (!o || !p || p->generation != generation)
		return 0;
	op = o->op;
	s = rf_scratch(o->scratch);
	if (!s)
		return 0;
	m = &s->mask;
	if (!rf_deny_numbers(p, o, m))
		return 0;
	c = rf_class_of(p, op);
	rf_strict_object(p, o, s, m);
	if (rf_any(m))
		rf_strict_process(p, o, s, m);
	if (rf_any(m) && o->family == AF_INET6)
		bpf_probe_read_kernel(s->buf, 16, o->addr);
	if (c->string[RF_STRING_ADDR6].start && o->family == AF_INET) {
		/* There is no such address: only clauses without a requirement on it are left. */
		__builtin_memset(s->lane, 0, sizeof(s->lane) + sizeof(s->forbid));
		rf_conclude(&c->string[RF_STRING_ADDR6], s, m);
	} else {
		rf_strict(p, s, o->scratch, op, RF_STRING_ADDR6, RF_PROCESS | 16 << 16, m);
	}
	if (rf_any(m))
		rf_scope(p, c, o, s, m);
	if (!rf_any(m))
		return 0;
	now = &s->lane[0];
	*now = *m;
	for (int i = 0; i < RF_WORDS; i++)
		now->w[i] &= ~c->monitor.w[i];
	if (rf_any(now)) {
		decided = by | (rf_lowest(now) + 1);
		rf_and(now, &c->kill);
		return decided | (rf_any(now) ? RF_DECIDED_KILL : 0);
	}
	return by | (rf_lowest(m) + 1) | RF_DECIDED_MONITOR;
}

__u64 rf_judge_deny(const struct rf_object *o)
{
	return rf_judge_here(o);
}

struct bpf_iter_meta;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

/* Run once over all tasks after the hooks are attached: those that are older than the engine have
 * the name that /proc shows for them. */
SEC("iter/task")
int rf_judge_seed(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *leader;
	struct rf_identity *id;

	if (!task)
		return 0;
	leader = task->group_leader;
	if (task->tgid == rf_control.ignore_tgid)
		rf_control.ignore_start = leader->start_boottime;
	if (bpf_task_storage_get(&identities, task, NULL, 0))
		return 0;
	id = bpf_task_storage_get(&identities, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!id)
		return 0;
	bpf_probe_read_kernel(id->comm, sizeof(id->comm), leader->comm);
	id->comm_known = 1;
	id->exe_len = RF_EXE_UNKNOWN;
	rf_seed_exe(task, id);
	rf_seed_root(task, id);
	return 0;
}

/* For tests: one judgement on behalf of the caller, through BPF_PROG_TEST_RUN. */
SEC("syscall")
int rf_judge_once(struct rf_query *q)
{
	struct rf_query copy = *q;
	int want = rf_judge(&copy);

	q->bits = copy.bits;
	return want;
}

struct rf_deny_test {
	struct rf_object o;
	__u32 len;
	__u32 other_len;
	__u8 path[RF_RAW_MAX];
	__u8 other[RF_RAW_MAX];
};

/* For tests: whether the rules refuse an operation to the caller. */
SEC("syscall")
int rf_deny_once(struct rf_deny_test *t)
{
	struct rf_object o = {};
	struct rf_scratch *s;
	int decided;

	o.op = t->o.op;
	o.nr = t->o.nr;
	o.bits = t->o.bits;
	o.family = t->o.family;
	o.port = t->o.port;
	o.proto = t->o.proto;
	__builtin_memcpy(o.addr, t->o.addr, sizeof(o.addr));
	o.has_id = t->o.has_id;
	o.id = t->o.id;
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	bpf_probe_read_kernel(&s->buf[RF_JOIN], RF_RAW_MAX, t->path);
	bpf_probe_read_kernel(&s->buf[RF_NORMAL], RF_RAW_MAX, t->other);
	o.path = t->len ? RF_JOIN | t->len << 16 : 0;
	o.other = t->other_len ? RF_NORMAL | t->other_len << 16 : 0;
	decided = rf_may_refuse(&o) ? rf_judge_deny(&o) : 0;
	rf_scratch_release(s);
	return decided;
}
