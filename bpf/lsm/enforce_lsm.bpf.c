/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Refusal before the act, at the kernel's security hooks: files, programs, sockets. The object is
 * judged as the kernel has it, so nothing can be rewritten behind our back.
 */
#include "calls.h"
#include "deny.h"
#include "filter.h"
#include "open.h"
#include "record.h"
#include "refuse.h"

#define RF_COMM_AT 1024 /* place of a program's name in the scratch buffer */
#define PROT_EXEC 4
#define FMODE_EXEC 0x20
#define AF_UNSPEC 0
#define RENAME_EXCHANGE 2
#define SOCK_STREAM 1
#define SOCK_RAW 3

struct rf_labels_map labels SEC(".maps");
struct rf_label_bits_map label_bits SEC(".maps");

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

static __always_inline void rf_label_or(struct rf_mask *sum, const struct rf_mask *lanes)
{
	for (int i = 0; i < RF_LANES; i++)
		rf_or(&sum[i], &lanes[i]);
}

int rf_gather_labels(__u32 scratch, __u64 dentry, __u32 op, __u32 generation, __u32 how)
{
	struct rf_label_key key = {.generation = generation, .op = op};
	const struct rf_bits *labelled = rf_label_bits();
	struct rf_scratch *s = rf_scratch(scratch);
	struct dentry *d = (void *)dentry;
	struct rf_mask *sum;

	if (!s || !labelled)
		return 0;
	sum = op & RF_LABEL_OTHER ? s->other : s->label;
	__builtin_memset(sum, 0, sizeof(s->label));
	if (!d)
		return 0;
	key.dev = BPF_CORE_READ(d, d_sb, s_dev);
	for (int i = 0; i < RF_LABEL_DEPTH; i++) {
		struct inode *inode = BPF_CORE_READ(d, d_inode);
		struct dentry *parent = BPF_CORE_READ(d, d_parent);
		bool moved = i == 0 && how & RF_LABELS_MOVED;
		struct rf_label *l = NULL;

		key.ino = BPF_CORE_READ(inode, i_ino);
		if (inode && (moved || rf_label_listed(labelled, key.ino, key.dev)))
			l = bpf_map_lookup_elem(&labels, &key);
		if (l && i == 0)
			rf_label_or(sum, l->self);
		if (l && (i == 1 || moved))
			rf_label_or(sum, l->child);
		if (l && (i > 0 || moved))
			rf_label_or(sum, l->below);
		if (l && moved)
			rf_label_or(sum, l->above);
		if (how & RF_LABELS_ALONE || parent == d)
			break;
		d = parent;
	}
	return 0;
}

/* A path of the scratch, into the record. By way of memory: what is given to a global function must
 * be a plain number. */
static __always_inline __u32 rf_put_span(__u32 slot, struct rf_scratch *text, __u32 span)
{
	volatile __u64 *address = &text->node;

	*address = (__u64)&text->buf[(span & 0xffff) & (RF_BUF - 1)];
	return rf_put_kernel_mem(slot, *address, span >> 16);
}

/* Tells of a refusal. */
static __always_inline void rf_refused(const struct rf_object *o, __u64 decided)
{
	struct rf_scratch *text = rf_scratch(o->scratch);
	__u32 slot = rf_begin(RF_KIND_CALL, 1), span;
	struct rf_slot *s = rf_slot(slot);

	if (!s)
		return;
	s->h.nr = o->nr;
	s->h.flags =
	    RF_F_NO_RESULT | (decided & RF_DECIDED_MONITOR ? RF_F_WOULD_DENY : RF_F_DENIED);
	rf_tell_decided(&s->h, decided);
	s->call.args[2] = o->flags;
	if (o->has_id)
		s->call.args[0] = o->id;
	span = o->op == RF_OP_EXEC ? o->exe : o->path;
	if (text && o->other)
		rf_set_str(&s->call.path[1], rf_put_span(slot, text, o->other));
	if (text && span)
		rf_set_str(&s->call.path[0], rf_put_span(slot, text, span));
	else if (text)
		rf_set_str(&s->call.path[0], rf_put_dentry(slot, text->node, text->mnt));
	rf_send(slot);
}

static __always_inline int rf_carry_out(const struct rf_object *o, __u64 decided)
{
	rf_refused(o, decided);
	if (decided & RF_DECIDED_MONITOR)
		return 0;
	if (decided & RF_DECIDED_KILL)
		bpf_send_signal(9);
	return -EPERM;
}

int rf_refuse(const struct rf_object *o)
{
	__u64 decided = rf_judge_deny(o);

	return o && decided ? rf_carry_out(o, decided) : 0;
}

/* An address of the kernel's as a plain number. */
static __always_inline __u64 rf_plain(const void *where)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), where);
	return value;
}

/* Where an object is, for the record of what has a path too long to be matched. A walk over its
 * path ends elsewhere. */
static __always_inline void rf_stands_at(struct rf_scratch *s, __u64 dentry, __u64 mnt)
{
	s->node = dentry;
	s->mnt = mnt;
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
	if (!rf_by_return)
		return rf_file_span(s, &file->f_path);
	return rf_walk_span(scratch, rf_plain(&file->f_path.dentry), rf_plain(&file->f_path.mnt));
}

/* Of a name that stands in a dentry. Without a call where it is short. */
static __always_inline __u64 rf_dentry_hash(struct dentry *d, __u32 kind)
{
	struct dentry___words *new = (void *)d;
	const void *text = d->d_name.name;
	__u64 head[2];

	if (bpf_core_field_exists(new->d_shortname)) {
		head[0] = new->d_shortname.words[0];
		head[1] = new->d_shortname.words[1];
		if (text != (void *)new->d_shortname.words)
			bpf_probe_read_kernel(head, sizeof(head), text);
	} else {
		head[0] = *(__u64 *)&d->d_iname[0];
		head[1] = *(__u64 *)&d->d_iname[8];
		if (text != (void *)d->d_iname)
			bpf_probe_read_kernel(head, sizeof(head), text);
	}
	return rf_name_hash(head[0], head[1], d->d_name.len, kind);
}

/* Whether a file has a name that rules speak of, or such an end: with the name of its folder where
 * they name that as well. What lies in a mount's root has the folder that the mount stands in. */
static __always_inline __u64 rf_file_listed(const struct rf_policy *p, const struct rf_first *first,
					    struct dentry *d, struct dentry *top)
{
	__u64 name = rf_dentry_hash(d, RF_FILTER_OF_FILES), listed = 0;
	struct dentry *folder = d->d_parent;

	if (first->file_ends)
		listed = rf_dentry_ends(&p->names, d->d_name.name, d->d_name.len, first->file_ends,
					RF_FILTER_ENDS_FILES);
	if (rf_among(&p->names, name)) {
		listed |= folder == top;
		listed |= rf_among(&p->names, rf_mix(name, RF_FILTER_ALONE));
		name = rf_mix(name, rf_dentry_hash(folder, RF_FILTER_OF_FOLDERS));
		listed |= rf_among(&p->names, name);
	}
	asm volatile("" : "+r"(listed));
	return listed;
}

/*
 * Whether neither the file nor a folder above it is what a rule names: the end for almost all
 * files. Of what has another path than its folders say (files without a name, mounts of files) it
 * is not known.
 */
static __always_inline bool rf_unlisted(const struct rf_policy *p, const struct rf_first *first,
					struct path *path, __u32 op)
{
	struct dentry *d = path->dentry, *top = path->mnt->mnt_root;
	const struct rf_bits *labelled = rf_label_bits();
	struct task_struct *task;
	__u32 dev = d->d_sb->s_dev, ends = first->folder_ends;
	struct inode *file = d->d_inode;
	__u64 listed;
	int i;

	if (d == top || d == d->d_parent || !labelled)
		return false;
	listed = rf_label_listed(labelled, file->i_ino, dev) | rf_file_listed(p, first, d, top);
	if (listed || !first->folders)
		return !listed;
	d = d->d_parent;
	/* What is found is summed up: the verifier would follow each way out of the loop. */
	for (i = 0; i < RF_LABEL_DEPTH && d != top; i++) {
		struct inode *inode = d->d_inode;

		listed |= rf_label_listed(labelled, inode->i_ino, dev);
		listed |= rf_among(&p->names, rf_dentry_hash(d, RF_FILTER_OF_FOLDERS));
		if (ends)
			listed |= rf_dentry_ends(&p->names, d->d_name.name, d->d_name.len, ends,
						 RF_FILTER_ENDS_FOLDERS);
		asm volatile("" : "+r"(listed));
		d = d->d_parent;
	}
	if (listed || d != top)
		return false;
	/* What is above the mount's root has labels, and no part in the path. */
	for (i = 0; i < RF_LABEL_DEPTH; i++) {
		struct dentry *parent = d->d_parent;
		struct inode *inode = d->d_inode;

		listed |= rf_label_listed(labelled, inode->i_ino, dev);
		asm volatile("" : "+r"(listed));
		if (parent == d)
			break;
		d = parent;
	}
	if (listed || i == RF_LABEL_DEPTH)
		return false;
	/* Paths begin at the task's root. */
	task = bpf_get_current_task_btf();
	if (task->fs->root.dentry == top && task->fs->root.mnt == path->mnt)
		return true;
	return !rf_mount_listed(rf_plain(&path->mnt), p->generation, op);
}

/* Whether no rule on this operation can hold for a file, by what is found in it and its folders. A
 * frame of its own, which is gone when the file is judged. */
static __noinline bool rf_passes(__u32 op, __u32 bits, struct path *path)
{
	const struct rf_policy *p = rf_policy(), *after;
	const struct rf_first *first;
	__u64 state = 1ULL << (bits & (RF_BIT_STATES - 1));

	if (!p || !(p->refuses & 1U << op))
		return true;
	first = &p->first[op];
	if (!(first->refused & state))
		return true;
	if (first->unnamed & state || !rf_unlisted(p, first, path, op))
		return false;
	/* Labels of a policy are there for as long as it is in force. */
	after = rf_policy();
	return after && after->generation == p->generation;
}

static __always_inline int rf_check_open(struct file *file)
{
	struct rf_object o = {.op = RF_OP_OPEN};
	__u64 flags = file->f_flags;
	struct rf_scratch *s;
	int err;

	o.bits = RF_BIT_OK | rf_open_bits(flags);
	if (flags & FMODE_EXEC || rf_passes(RF_OP_OPEN, o.bits, &file->f_path) || rf_exempt())
		return 0;
	o.nr = rf_nr_among(RF_NR_OPENAT, RF_NR_OPEN, RF_NR_CREAT, RF_NR_OPENAT2);
	if (!rf_may_refuse(&o))
		return 0;
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	o.path = rf_file_span(s, &file->f_path);
	o.node = rf_plain(&file->f_path.dentry);
	o.flags = flags;
	rf_stands_at(s, o.node, rf_plain(&file->f_path.mnt));
	err = rf_refuse(&o);
	rf_scratch_release(s);
	return err;
}

SEC("lsm/file_open")
int BPF_PROG(rf_lsm_open, struct file *file, int ret)
{
	if (ret)
		return ret;
	if (rf_check_open(file))
		return -EPERM;
	return 0;
}

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
} __attribute__((preserve_access_index));

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

/* For tests and the bench, where the hooks cannot be loaded: the reader's open files are judged as
 * if it opened them now; what is refused is read from the iterator. */
SEC("iter/task_file")
int rf_open_once(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	__u32 fd;

	if (!file || (file->f_inode->i_mode & S_IFMT) != S_IFREG)
		return 0;
	if (!rf_check_open(file))
		return 0;
	fd = ctx->fd;
	bpf_seq_write(ctx->meta->seq, &fd, sizeof(fd));
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
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	o.exe = rf_code_span(o.scratch, s, bprm->file);
	o.comm = rf_name_span(s, bprm->filename);
	o.node = rf_plain(&bprm->file->f_path.dentry);
	rf_stands_at(s, o.node, rf_plain(&bprm->file->f_path.mnt));
	err = rf_refuse(&o);
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
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	o.exe = rf_code_span(o.scratch, s, file);
	o.node = rf_plain(&file->f_path.dentry);
	rf_stands_at(s, o.node, rf_plain(&file->f_path.mnt));
	err = rf_refuse(&o);
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
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	o.node = rf_plain(&path->dentry);
	o.flags = O_WRONLY | O_TRUNC;
	/* bpf_d_path is not to be had before 6.8 */
	o.path = rf_walk_span(o.scratch, o.node, rf_plain(&path->mnt));
	rf_stands_at(s, o.node, rf_plain(&path->mnt));
	err = rf_refuse(&o);
	rf_scratch_release(s);
	if (err)
		return -EPERM;
	return 0;
}

/* How a file that is being made will be opened, by the call; mknod is a way to make an empty one. 0
 * = it is another call. */
static __always_inline __u64 rf_making_flags(bool *opens)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u32 nr = rf_regs_nr(regs);
	__u64 args[6], flags = 0;

	if (task->flags & PF_IO_WORKER || rf_is_compat(task) || nr == RF_NR_NONE)
		return 0;
	*opens = true;
	rf_regs_args(regs, args);
	if (nr == RF_NR_OPENAT)
		return args[2];
	if (nr == RF_NR_OPEN)
		return args[1];
	if (nr == RF_NR_CREAT)
		return O_CREAT | O_WRONLY | O_TRUNC;
	if (nr == RF_NR_OPENAT2) {
		bpf_probe_read_user(&flags, sizeof(flags), (void *)args[2]);
		return flags;
	}
	*opens = false;
	return nr == RF_NR_MKNOD || nr == RF_NR_MKNODAT ? O_CREAT | O_WRONLY : 0;
}

/* A file is made before it is opened: what the open will be refused for is refused here, so that
 * none is left. Rules that only watch speak at the open. */
SEC("lsm/path_mknod")
int rf_lsm_mknod(__u64 *ctx)
{
	struct rf_object o = {.op = RF_OP_OPEN};
	__u64 flags, mnt, decided;
	__u32 type = ctx[2] & S_IFMT;
	struct rf_scratch *s;
	bool opens = false;
	int err = 0;

	if ((type && type != S_IFREG) || rf_exempt() || !rf_refusing(RF_OP_OPEN))
		return 0;
	flags = rf_making_flags(&opens);
	o.bits = RF_BIT_OK | rf_open_bits(flags);
	o.nr = rf_nr_among(RF_NR_OPENAT, RF_NR_OPEN, RF_NR_CREAT, RF_NR_OPENAT2);
	if (!flags || !rf_may_refuse(&o))
		return 0;
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	mnt = (__u64)BPF_CORE_READ((struct path *)rf_plain(ctx), mnt);
	o.node = rf_plain(ctx + 1);
	o.flags = flags;
	o.path = rf_walk_span(o.scratch, o.node, mnt);
	rf_stands_at(s, o.node, mnt);
	decided = rf_judge_deny(&o);
	if (decided && !(opens && decided & RF_DECIDED_MONITOR))
		err = rf_carry_out(&o, decided);
	rf_scratch_release(s);
	if (err)
		return -EPERM;
	return 0;
}

/*
 * Guards: another name for a labelled file, or a labelled file or folder under another name, would
 * be the way around a rule on a path. Whoever may not open it may not rename or link it either.
 */
static __always_inline int rf_guard(__u64 dentry)
{
	struct rf_object o = {.op = RF_OP_OPEN, .nr = RF_NR_OPENAT, .guard = 1};
	struct rf_scratch *s;
	int err;

	if (rf_exempt() || !rf_refusing(RF_OP_OPEN))
		return 0;
	o.bits = RF_BIT_OK | RF_BIT_READ | RF_BIT_WRITE | RF_BIT_TRUNCATE;
	o.how = RF_LABELS_MOVED;
	o.node = dentry;
	o.flags = O_RDWR;
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	rf_stands_at(s, dentry, 0);
	err = rf_refuse(&o);
	rf_scratch_release(s);
	return err;
}

/* The file that gets another name: the first argument of one, the second of the other. Of an
 * exchange the hook is called for both files, the function once. */
SEC("lsm/inode_link")
int rf_lsm_link(__u64 *ctx)
{
	if (rf_guard(rf_plain(ctx)))
		return -EPERM;
	return 0;
}

SEC("lsm/inode_rename")
int rf_lsm_rename(__u64 *ctx)
{
	if (rf_guard(rf_plain(ctx + 1)))
		return -EPERM;
	if (rf_by_return && ctx[4] & RENAME_EXCHANGE && rf_guard(rf_plain(ctx + 3)))
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

static __always_inline void rf_dest_here(struct rf_dest *d, struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;
	__u32 own6[4];

	BPF_CORE_READ_INTO(&own6, c, skc_v6_rcv_saddr);
	rf_dest_none(d, BPF_CORE_READ(c, skc_rcv_saddr),
		     rf_mapped_words(own6[0], own6[1], own6[2]));
}

static __always_inline int rf_refuse_dest(struct rf_dest *d)
{
	__u64 decided = rf_wall_rules(d);

	if (!decided)
		return 0;
	rf_wall_told(d, decided);
	if (decided & RF_DECIDED_MONITOR)
		return 0;
	if (decided & RF_DECIDED_KILL)
		bpf_send_signal(9);
	return 1;
}

/* The deny list for raw sockets, which the programs at the cgroup are not asked about. */
static __always_inline bool rf_deny_raw(struct rf_dest *d)
{
	if (d->sock_type != SOCK_RAW)
		return false;
	d->port = 0;
	return rf_deny_listed(d) == RF_LISTED_REFUSED;
}

/* The rules on connections; the deny list is asked at the cgroup, which sees fast open as well, but
 * of raw sockets nothing. */
SEC("lsm/socket_connect")
int BPF_PROG(rf_lsm_connect, struct socket *sock, struct sockaddr *address, int addrlen, int ret)
{
	struct rf_dest d = {.nr = RF_NR_CONNECT};
	struct sock *sk;

	if (ret)
		return ret;
	sk = sock->sk;
	d.sock_type = sock->type;
	if (!sk || rf_exempt() || (d.sock_type != SOCK_RAW && !rf_refusing(RF_OP_CONNECT)) ||
	    !rf_read_dest(&d, address))
		return 0;
	d.proto = sk->sk_protocol;
	rf_dest_here(&d, sk);
	if (rf_deny_raw(&d) || rf_refuse_dest(&d))
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
	__u32 op = RF_OP_SENDMSG;
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
	rf_dest_here(&d, sk);
	if (rf_deny_raw(&d) || rf_refuse_dest(&d))
		return -EPERM;
	return 0;
}
