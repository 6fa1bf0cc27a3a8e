/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Refusal before the act, at the kernel's security hooks: files, programs, sockets. The object is
 * judged as the kernel has it, so nothing can be rewritten behind our back.
 */
#include "calls.h"
#include "deny.h"
#include "record.h"
#include "refuse.h"

#define RF_COMM_AT 1024 /* place of a program's name in the scratch buffer */
#define PROT_EXEC 4
#define O_ACCMODE 3
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_DIRECTORY 0200000
#define FMODE_EXEC 0x20
#define AF_UNSPEC 0
#define SOCK_STREAM 1
#define SOCK_RAW 3

struct rf_labels_map labels SEC(".maps");

struct sockaddr {
	__u16 sa_family;
};

struct sockaddr_in {
	__u16 sin_family;
	__be16 sin_port;
	__be32 sin_addr;
};

struct sockaddr_in6 {
	__u16 sin6_family;
	__be16 sin6_port;
	__be32 sin6_flowinfo;
	__u8 sin6_addr[16];
};

struct msghdr {
	void *msg_name;
} __attribute__((preserve_access_index));

/* Gathers the labels of an object and of the folders above it, up to the root of its file system.
 */
static __always_inline void rf_walk_labels(struct rf_scratch *s, struct dentry *d, __u32 op,
					   __u32 generation, bool moved)
{
	struct rf_label_key key = {};

	__builtin_memset(s->label, 0, sizeof(s->label) + sizeof(s->other));
	if (!d)
		return;
	key.generation = generation;
	key.op = op;
	for (int i = 0; i < RF_LABEL_DEPTH; i++) {
		struct inode *inode = d->d_inode;
		struct dentry *parent = d->d_parent;
		struct rf_label *l;

		if (inode) {
			key.ino = inode->i_ino;
			key.dev = inode->i_sb->s_dev;
			l = bpf_map_lookup_elem(&labels, &key);
			if (l) {
				if (i == 0)
					rf_label_or(s->label, l->self);
				if (i == 1 || (moved && i == 0))
					rf_label_or(s->label, l->child);
				if (i > 0 || moved)
					rf_label_or(s->label, l->below);
			}
		}
		if (parent == d)
			return;
		d = parent;
	}
}

/* A path of the scratch, into the record. By way of memory: what is given to a global function must
 * be a plain number. */
static __always_inline __u32 rf_put_span(__u32 slot, struct rf_scratch *text, __u32 span)
{
	volatile __u64 *address = &text->node;

	*address = (__u64)&text->buf[(span & 0xffff) & (RF_BUF - 1)];
	return rf_put_kernel_mem(slot, *address, span >> 16);
}

int rf_refused(const struct rf_object *o, __u32 decided, __u64 flags)
{
	struct rf_scratch *text;
	struct rf_slot *s;
	__u32 slot, span;

	if (!o)
		return 0;
	text = rf_scratch(o->scratch);
	slot = rf_begin(RF_KIND_CALL, 1);
	s = rf_slot(slot);
	if (!s)
		return 0;
	s->h.nr = o->nr;
	s->h.flags =
	    RF_F_NO_RESULT | (decided & RF_DECIDED_MONITOR ? RF_F_WOULD_DENY : RF_F_DENIED);
	s->h.clause = decided & RF_DECIDED_CLAUSE;
	s->call.args[2] = flags;
	if (o->has_id)
		s->call.args[0] = o->id;
	span = o->op == RF_OP_EXEC ? o->exe : o->path;
	if (text && o->other)
		rf_set_str(&s->call.path[1], rf_put_span(slot, text, o->other));
	if (text && span)
		rf_set_str(&s->call.path[0], rf_put_span(slot, text, span));
	else if (text)
		rf_set_str(&s->call.path[0], rf_put_dentry(slot, text->node, text->mnt));
	return rf_send(slot);
}

/* What is decided of an object, its labels and the policy being of one generation. */
static __always_inline __u32 rf_decide(struct rf_object *o, struct dentry *dentry, bool moved)
{
	__u32 decided = 0;

	for (int i = 0; i < RF_DECIDE_TRIES; i++) {
		const struct rf_policy *p = rf_policy();
		struct rf_scratch *s = rf_scratch(o->scratch);

		if (!p || !s)
			return 0;
		o->generation = p->generation;
		rf_walk_labels(s, dentry, o->op, o->generation, moved);
		decided = rf_judge_deny(o);
		if (decided != RF_DECIDED_AGAIN)
			break;
	}
	return decided & ~RF_DECIDED_AGAIN;
}

/* 0 = goes on. */
static __always_inline int rf_conclude_deny(struct rf_object *o, __u64 flags, struct dentry *dentry,
					    bool moved)
{
	__u32 decided = rf_decide(o, dentry, moved);

	if (!decided)
		return 0;
	rf_refused(o, decided, flags);
	if (decided & RF_DECIDED_MONITOR)
		return 0;
	if (decided & RF_DECIDED_KILL)
		bpf_send_signal(9);
	return -EPERM;
}

/* The path of a file behind RF_JOIN: its span, 0 if it cannot be had. */
static __always_inline __u32 rf_file_span(struct rf_scratch *s, struct path *path)
{
	long n = bpf_d_path(path, (char *)&s->buf[RF_JOIN], RF_FILE_MAX);

	return n > 1 && n <= RF_FILE_MAX ? RF_JOIN | (__u32)(n - 1) << 16 : 0;
}

/*
 * 1 = these programs change what the kernel's security functions return, instead of being called by
 * them. The functions' arguments are those of the hooks, but where it is said below; bpf_d_path is
 * to be had for opens only. Set by the loader.
 */
const volatile __u32 rf_by_return;

/* The path of a program, or of what is mapped as code. */
static __always_inline __u32 rf_code_span(__u32 scratch, struct rf_scratch *s, struct file *file)
{
	volatile __u64 *node = &s->node, *mnt = &s->mnt;

	if (!rf_by_return)
		return rf_file_span(s, &file->f_path);
	/* By way of memory: what is given to a global function must be a plain number. */
	*node = (__u64)file->f_path.dentry;
	*mnt = (__u64)file->f_path.mnt;
	return rf_walk_span(scratch, *node, *mnt);
}

static __always_inline __u32 rf_file_bits(__u64 flags)
{
	__u32 access = flags & O_ACCMODE, bits = RF_BIT_OK;

	if (access != O_WRONLY)
		bits |= RF_BIT_READ;
	if (access == O_WRONLY || access == O_RDWR)
		bits |= RF_BIT_WRITE;
	if (flags & O_CREAT)
		bits |= RF_BIT_CREATE;
	if (flags & O_TRUNC)
		bits |= RF_BIT_TRUNCATE;
	if (flags & O_DIRECTORY)
		bits |= RF_BIT_EXTRA;
	return bits;
}

SEC("lsm/file_open")
int BPF_PROG(rf_lsm_open, struct file *file, int ret)
{
	struct rf_object o = {.op = RF_OP_OPEN};
	struct rf_scratch *s;
	__u64 flags;
	int err;

	if (ret)
		return ret;
	flags = file->f_flags;
	if (rf_exempt() || !rf_refusing(RF_OP_OPEN) || flags & FMODE_EXEC)
		return 0;
	o.nr = rf_nr_among(RF_NR_OPENAT, RF_NR_OPEN, RF_NR_CREAT, RF_NR_OPENAT2);
	o.bits = rf_file_bits(flags);
	o.scratch = rf_scratch_claim();
	s = rf_scratch(o.scratch);
	if (!s)
		return 0;
	o.path = rf_file_span(s, &file->f_path);
	err = rf_conclude_deny(&o, flags, file->f_path.dentry, false);
	rf_scratch_release(s);
	if (err)
		return -EPERM;
	return 0;
}

/* The last component of a name, as the kernel makes a task's name of it. */
static __always_inline __u32 rf_name_span(struct rf_scratch *s, const char *name)
{
	long n = bpf_probe_read_kernel_str(&s->buf[RF_COMM_AT], RF_FILE_MAX, name);
	__u32 start = 0, len;

	if (n <= 1 || n >= RF_FILE_MAX)
		return 0;
	for (__u32 i = 0; i < RF_FILE_MAX; i++) {
		if (i >= n - 1)
			break;
		if (s->buf[RF_COMM_AT + i] == '/')
			start = i + 1;
	}
	len = n - 1 - start;
	if (len > 15)
		len = 15;
	return (RF_COMM_AT + start) | len << 16;
}

SEC("lsm/bprm_check_security")
int BPF_PROG(rf_lsm_exec, struct linux_binprm *bprm, int ret)
{
	struct rf_object o = {.op = RF_OP_EXEC, .nr = RF_NR_EXECVE, .bits = RF_BIT_OK};
	struct rf_scratch *s;
	int err;

	if (ret)
		return ret;
	if (rf_exempt() || !rf_refusing(RF_OP_EXEC))
		return 0;
	o.scratch = rf_scratch_claim();
	s = rf_scratch(o.scratch);
	if (!s)
		return 0;
	o.exe = rf_code_span(o.scratch, s, bprm->file);
	o.comm = rf_name_span(s, bprm->filename);
	err = rf_conclude_deny(&o, 0, bprm->file->f_path.dentry, false);
	rf_scratch_release(s);
	if (err)
		return -EPERM;
	return 0;
}

#define READ_IMPLIES_EXEC 0x400000
#define PROT_READ 1

/* Whether a mapping becomes code. The hook is told what it becomes, the function what was asked. */
static __always_inline bool rf_maps_code(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!rf_by_return)
		return ctx[2] & PROT_EXEC;
	return ctx[1] & PROT_EXEC || (ctx[1] & PROT_READ && task->personality & READ_IMPLIES_EXEC);
}

/* Code that is loaded without being executed: the dynamic loader given a program, and libraries. */
SEC("lsm/mmap_file")
int rf_lsm_map(__u64 *ctx)
{
	struct rf_object o = {.op = RF_OP_EXEC, .nr = RF_NR_EXECVE, .bits = RF_BIT_OK};
	struct file *file = (void *)ctx[0];
	struct rf_scratch *s;
	int err;

	if (!file || !rf_maps_code(ctx) || rf_exempt() || !rf_refusing(RF_OP_EXEC))
		return 0;
	o.scratch = rf_scratch_claim();
	s = rf_scratch(o.scratch);
	if (!s)
		return 0;
	o.exe = rf_code_span(o.scratch, s, file);
	err = rf_conclude_deny(&o, 0, file->f_path.dentry, false);
	rf_scratch_release(s);
	if (err)
		return -EPERM;
	return 0;
}

/* Truncation by path is a write that never opens the file. */
SEC("lsm/path_truncate")
int BPF_PROG(rf_lsm_truncate, struct path *path, int ret)
{
	struct rf_object o = {.op = RF_OP_OPEN, .nr = RF_NR_OPENAT};
	volatile __u64 *node, *mnt;
	struct rf_scratch *s;
	int err;

	if (ret)
		return ret;
	if (rf_exempt() || !rf_refusing(RF_OP_OPEN))
		return 0;
	o.bits = RF_BIT_OK | RF_BIT_WRITE | RF_BIT_TRUNCATE;
	o.scratch = rf_scratch_claim();
	s = rf_scratch(o.scratch);
	if (!s)
		return 0;
	/* By way of memory: what is given to a global function must be a plain number. */
	s->node = (__u64)path->dentry;
	s->mnt = (__u64)path->mnt;
	node = &s->node;
	mnt = &s->mnt;
	o.path = rf_walk_span(o.scratch, *node, *mnt); /* bpf_d_path is not to be had before 6.8 */
	err = rf_conclude_deny(&o, O_WRONLY | O_TRUNC, path->dentry, false);
	rf_scratch_release(s);
	if (err)
		return -EPERM;
	return 0;
}

/*
 * Guards: another name for a labelled file, or a labelled file or folder under another name, would
 * be the way around a rule on a path. Whoever may not open it may not rename or link it either.
 */
static __always_inline int rf_guard(struct dentry *dentry)
{
	struct rf_object o = {.op = RF_OP_OPEN, .nr = RF_NR_OPENAT, .guard = 1};
	struct rf_scratch *s;
	int err;

	if (rf_exempt() || !rf_refusing(RF_OP_OPEN))
		return 0;
	o.bits = RF_BIT_OK | RF_BIT_READ | RF_BIT_WRITE | RF_BIT_TRUNCATE;
	o.scratch = rf_scratch_claim();
	s = rf_scratch(o.scratch);
	if (!s)
		return 0;
	s->node = (__u64)dentry;
	s->mnt = 0;
	err = rf_conclude_deny(&o, O_RDWR, dentry, true);
	rf_scratch_release(s);
	return err;
}

SEC("lsm/inode_link")
int BPF_PROG(rf_lsm_link, struct dentry *old_dentry, struct inode *dir, struct dentry *new_dentry,
	     int ret)
{
	if (ret)
		return ret;
	if (rf_guard(old_dentry))
		return -EPERM;
	return 0;
}

SEC("lsm/inode_rename")
int BPF_PROG(rf_lsm_rename, struct inode *old_dir, struct dentry *old_dentry)
{
	if (rf_guard(old_dentry))
		return -EPERM;
	return 0;
}

static __always_inline bool rf_read_dest(struct rf_dest *d, void *address)
{
	struct sockaddr_in6 in = {};

	if (bpf_probe_read_kernel(&in, sizeof(struct sockaddr_in), address))
		return false;
	d->family = in.sin6_family;
	d->port = bpf_ntohs(in.sin6_port);
	if (in.sin6_family == AF_INET) {
		__builtin_memcpy(d->addr, &in.sin6_flowinfo, 4);
		return true;
	}
	if (in.sin6_family != AF_INET6 || bpf_probe_read_kernel(&in, sizeof(in), address))
		return false;
	rf_dest_addr6(d, in.sin6_addr);
	return true;
}

static __always_inline int rf_refuse_dest(struct rf_dest *d)
{
	__u32 decided = rf_wall_rules(d);

	if (!decided)
		return 0;
	rf_deny_record(d, decided & RF_DECIDED_CLAUSE,
		       decided & RF_DECIDED_MONITOR ? RF_F_WOULD_DENY : RF_F_DENIED);
	if (decided & RF_DECIDED_MONITOR)
		return 0;
	if (decided & RF_DECIDED_KILL)
		bpf_send_signal(9);
	return 1;
}

/* The rules on connections; the deny list is asked at the cgroup, which sees fast open as well. */
SEC("lsm/socket_connect")
int BPF_PROG(rf_lsm_connect, struct socket *sock, struct sockaddr *address, int addrlen, int ret)
{
	struct rf_dest d = {.nr = RF_NR_CONNECT};
	struct sock *sk;

	if (ret)
		return ret;
	sk = sock->sk;
	if (!sk || rf_exempt() || !rf_refusing(RF_OP_CONNECT) || !rf_read_dest(&d, address))
		return 0;
	d.sock_type = sock->type;
	d.proto = sk->sk_protocol;
	if (rf_refuse_dest(&d))
		return -EPERM;
	return 0;
}

/* Of an IPv4 socket an address without a family is an IPv4 address, but for connect. */
static __always_inline bool rf_read_own(struct rf_dest *d, void *address, struct sock *sk)
{
	__u16 family = 0;

	if (rf_read_dest(d, address))
		return true;
	bpf_probe_read_kernel(&family, sizeof(family), address);
	if (family != AF_UNSPEC || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_INET)
		return false;
	d->family = AF_INET;
	return !bpf_probe_read_kernel(d->addr, 4, address + 4);
}

/* The rules on the address that a socket is given. */
SEC("lsm/socket_bind")
int BPF_PROG(rf_lsm_bind, struct socket *sock, struct sockaddr *address, int addrlen, int ret)
{
	struct rf_dest d = {.nr = RF_NR_BIND};
	struct sock *sk;

	if (ret)
		return ret;
	sk = sock->sk;
	if (!sk || rf_exempt() || !rf_refusing(RF_OP_BIND) || !rf_read_own(&d, address, sk))
		return 0;
	d.sock_type = sock->type;
	d.proto = sk->sk_protocol;
	if (rf_refuse_dest(&d))
		return -EPERM;
	return 0;
}

/*
 * Messages with a destination. The cgroup programs ask the deny list for all of them but raw
 * packets; the rules are asked here. Of a stream it is a connect by another name (fast open).
 */
SEC("lsm/socket_sendmsg")
int BPF_PROG(rf_lsm_send, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	struct rf_dest d = {};
	struct sock *sk;
	__u32 id, op = RF_OP_SENDMSG;
	void *name;

	if (ret)
		return ret;
	name = msg->msg_name;
	sk = sock->sk;
	d.sock_type = sock->type;
	d.nr = rf_nr_among(RF_NR_SENDTO, RF_NR_SENDMSG, RF_NR_SENDMMSG, RF_NR_NONE);
	if (d.sock_type == SOCK_STREAM) {
		d.nr = RF_NR_CONNECT;
		op = RF_OP_CONNECT;
	}
	if (!name || !sk || rf_exempt() || (d.sock_type != SOCK_RAW && !rf_refusing(op)) ||
	    !(d.sock_type == SOCK_STREAM ? rf_read_dest(&d, name) : rf_read_own(&d, name, sk)))
		return 0;
	d.proto = sk->sk_protocol;
	if (d.sock_type == SOCK_RAW) {
		d.port = 0;
		id = rf_deny_dest(&d);
		if (id) {
			rf_deny_record(&d, RF_CLAUSE_ENTRY | id, RF_F_DENIED);
			return -EPERM;
		}
	}
	if (rf_refuse_dest(&d))
		return -EPERM;
	return 0;
}
