/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Refusal before the act, at the kernel's security hooks: files, programs, sockets. The object is
 * judged as the kernel has it, so nothing can be rewritten behind our back.
 */
#include "classify.h"
#include "deny.h"
#include "exempt.h"
#include "label.h"
#include "record.h"

#define EPERM 1
#define RF_LABEL_DEPTH 40 /* folders between an object and the root of its file system */
#define RF_COMM_AT 1024	  /* place of a program's name in the scratch buffer */
#define RF_FILE_MAX 512
#define PROT_EXEC 4
#define O_ACCMODE 3
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 0100
#define O_TRUNC 01000
#define O_DIRECTORY 0200000
#define FMODE_EXEC 0x20
#define SOCK_STREAM 1
#define SOCK_RAW 3

#if defined(__TARGET_ARCH_x86)
#define RF_NR_OPENAT 257
#define RF_NR_EXECVE 59
#define RF_NR_CONNECT 42
#define RF_NR_SENDTO 44
#define RF_NR_PTRACE 101
#define RF_NR_MOUNT 165
#define RF_NR_INIT_MODULE 175
#define RF_NR_FINIT_MODULE 313
#define RF_NR_BPF 321
#else
#define RF_NR_OPENAT 56
#define RF_NR_EXECVE 221
#define RF_NR_CONNECT 203
#define RF_NR_SENDTO 206
#define RF_NR_PTRACE 117
#define RF_NR_MOUNT 40
#define RF_NR_INIT_MODULE 105
#define RF_NR_FINIT_MODULE 273
#define RF_NR_BPF 280
#endif

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

static __always_inline void rf_label_or(struct rf_scratch *s, const struct rf_mask *lanes)
{
	for (int i = 0; i < RF_LANES; i++)
		rf_or(&s->label[i], &lanes[i]);
}

/* Gathers the labels of an object and of the folders above it, up to the root of its file system.
 */
static __always_inline void rf_walk_labels(struct rf_scratch *s, struct dentry *d, __u32 op,
					   __u32 generation, bool moved)
{
	struct rf_label_key key = {};

	__builtin_memset(s->label, 0, sizeof(s->label));
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
					rf_label_or(s, l->self);
				if (i == 1 || (moved && i == 0))
					rf_label_or(s, l->child);
				if (i > 0 || moved)
					rf_label_or(s, l->below);
			}
		}
		if (parent == d)
			return;
		d = parent;
	}
}

/* The record of a refusal: to the priority ring, with the path that stands in the scratch. */
static __always_inline void rf_refused(const struct rf_object *o, __u32 decided, __u64 flags)
{
	struct rf_scratch *text = rf_scratch(o->scratch);
	__u32 span = o->op == RF_OP_EXEC ? o->exe : o->path;
	volatile __u64 *address;
	struct rf_slot *s;
	__u32 slot;

	slot = rf_begin(RF_KIND_CALL, 1);
	s = rf_slot(slot);
	if (!s)
		return;
	s->h.nr = o->nr;
	s->h.flags =
	    RF_F_NO_RESULT | (decided & RF_DECIDED_MONITOR ? RF_F_WOULD_DENY : RF_F_DENIED);
	s->h.clause = decided & RF_DECIDED_CLAUSE;
	s->call.args[2] = flags;
	if (text && span) {
		/* By way of memory: what is given to a global function must be a plain number. */
		address = &text->node;
		*address = (__u64)&text->buf[(span & 0xffff) & (RF_BUF - 1)];
		rf_set_str(&s->call.path[0], rf_put_kernel_mem(slot, *address, span >> 16));
	} else if (text) {
		rf_set_str(&s->call.path[0], rf_put_dentry(slot, text->node, text->mnt));
	}
	rf_send(slot);
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
	struct rf_object o = {.op = RF_OP_OPEN, .nr = RF_NR_OPENAT};
	struct rf_scratch *s;
	__u64 flags;
	int err;

	if (ret)
		return ret;
	flags = file->f_flags;
	if (rf_exempt() || !rf_refusing(RF_OP_OPEN) || flags & FMODE_EXEC)
		return 0;
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
	o.exe = rf_file_span(s, &bprm->file->f_path);
	o.comm = rf_name_span(s, bprm->filename);
	err = rf_conclude_deny(&o, 0, bprm->file->f_path.dentry, false);
	rf_scratch_release(s);
	if (err)
		return -EPERM;
	return 0;
}

/* Code that is loaded without being executed: the dynamic loader given a program, and libraries. */
SEC("lsm/mmap_file")
int BPF_PROG(rf_lsm_map, struct file *file, unsigned long reqprot, unsigned long prot,
	     unsigned long flags, int ret)
{
	struct rf_object o = {.op = RF_OP_EXEC, .nr = RF_NR_EXECVE, .bits = RF_BIT_OK};
	struct rf_scratch *s;
	int err;

	if (ret)
		return ret;
	if (!file || !(prot & PROT_EXEC) || rf_exempt() || !rf_refusing(RF_OP_EXEC))
		return 0;
	o.scratch = rf_scratch_claim();
	s = rf_scratch(o.scratch);
	if (!s)
		return 0;
	o.exe = rf_file_span(s, &file->f_path);
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
	/* By identity alone: bpf_d_path is not to be had here before 6.8. */
	s->node = (__u64)path->dentry;
	s->mnt = (__u64)path->mnt;
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
int BPF_PROG(rf_lsm_rename, struct inode *old_dir, struct dentry *old_dentry, struct inode *new_dir,
	     struct dentry *new_dentry, int ret)
{
	if (ret)
		return ret;
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
	return !(decided & RF_DECIDED_MONITOR);
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

/*
 * Messages with a destination. The cgroup programs ask the deny list for all of them but raw
 * packets; the rules are asked here. Of a stream it is a connect by another name (fast open).
 */
SEC("lsm/socket_sendmsg")
int BPF_PROG(rf_lsm_send, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	struct rf_dest d = {.nr = RF_NR_SENDTO};
	struct sock *sk;
	__u32 id, op = RF_OP_SENDMSG;
	void *name;

	if (ret)
		return ret;
	name = msg->msg_name;
	sk = sock->sk;
	d.sock_type = sock->type;
	if (d.sock_type == SOCK_STREAM) {
		d.nr = RF_NR_CONNECT;
		op = RF_OP_CONNECT;
	}
	if (!name || !sk || rf_exempt() || (d.sock_type != SOCK_RAW && !rf_refusing(op)) ||
	    !rf_read_dest(&d, name))
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

/* Operations of which only the process is judged. */
static __always_inline int rf_refuse_process(__u32 op, __u32 nr)
{
	struct rf_object o = {};
	struct rf_scratch *s;
	int err;

	if (rf_exempt() || !rf_refusing(op))
		return 0;
	o.op = op;
	o.nr = nr;
	o.bits = RF_BIT_OK;
	o.scratch = rf_scratch_claim();
	s = rf_scratch(o.scratch);
	if (!s)
		return 0;
	__builtin_memset(s->label, 0, sizeof(s->label));
	s->node = 0;
	s->mnt = 0;
	err = rf_conclude_deny(&o, 0, NULL, false);
	rf_scratch_release(s);
	return err;
}

#define RF_PROCESS_HOOK(name, hook, op, nr)                                                        \
	SEC("lsm/" hook)                                                                           \
	int rf_lsm_##name(__u64 *ctx)                                                              \
	{                                                                                          \
		if (rf_refuse_process(op, nr))                                                     \
			return -EPERM;                                                             \
		return 0;                                                                          \
	}

RF_PROCESS_HOOK(ptrace, "ptrace_access_check", RF_OP_PTRACE, RF_NR_PTRACE)
RF_PROCESS_HOOK(traceme, "ptrace_traceme", RF_OP_PTRACE, RF_NR_PTRACE)
RF_PROCESS_HOOK(bpf, "bpf", RF_OP_BPF, RF_NR_BPF)
RF_PROCESS_HOOK(mount, "sb_mount", RF_OP_MOUNT, RF_NR_MOUNT)

#define RF_READING_MODULE 2 /* enum kernel_read_file_id, and enum kernel_load_data_id */

SEC("lsm/kernel_read_file")
int rf_lsm_module_file(__u64 *ctx)
{
	if (ctx[1] == RF_READING_MODULE && rf_refuse_process(RF_OP_MODULE, RF_NR_FINIT_MODULE))
		return -EPERM;
	return 0;
}

SEC("lsm/kernel_load_data")
int rf_lsm_module_data(__u64 *ctx)
{
	if (ctx[0] == RF_READING_MODULE && rf_refuse_process(RF_OP_MODULE, RF_NR_INIT_MODULE))
		return -EPERM;
	return 0;
}
