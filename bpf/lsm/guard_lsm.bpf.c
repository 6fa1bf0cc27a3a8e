/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The engine guards itself at the kernel's security hooks: its process, its files, its BPF objects.
 * Attached as long as the engine lives; process 1, the engine and who maintains it are let through.
 */
#include "calls.h"
#include "exempt.h"
#include "guard.h"
#include "open.h"
#include "record.h"

#define ENOENT 2
#define EPERM 1
#define RF_GUARD_DEPTH 40 /* folders between an object and the root of its file system */
#define FMODE_WRITE 2
#define PTRACE_MODE_ATTACH 2
#define PROC_SUPER_MAGIC 0x9fa0
#define FS_IOC_SETFLAGS 0x40086602
#define FS_IOC32_SETFLAGS 0x40046602
#define FS_IOC_FSSETXATTR 0x401c5820
#define SIGHUP 1
#define SIGCHLD 17
#define SIGCONT 18
#define SIGURG 23
#define SIGWINCH 28

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rf_guard);
} guard SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rf_guard_file);
	__type(value, enum rf_guard_label);
} guard_files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rf_guard_object);
	__type(value, __u32);
} guard_objects SEC(".maps");

static __always_inline __u32 rf_guard_label_of(struct inode *inode)
{
	struct rf_guard_file key = {};
	enum rf_guard_label *label;

	key.ino = BPF_CORE_READ(inode, i_ino);
	key.dev = BPF_CORE_READ(inode, i_sb, s_dev);
	label = bpf_map_lookup_elem(&guard_files, &key);
	return label ? *label : 0;
}

/* Programs that look after the engine's files: package managers and the like, by identity. */
static __always_inline bool rf_guard_maintainer(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return rf_guard_label_of(BPF_CORE_READ(task, mm, exe_file, f_inode)) & RF_GUARD_MAINTAINER;
}

/* What is guarded, NULL if nothing is, or not against the current task. */
static __always_inline struct rf_guard *rf_guard_on(void)
{
	__u32 zero = 0;
	struct rf_guard *g = bpf_map_lookup_elem(&guard, &zero);

	return g && g->on && !rf_exempt() ? g : NULL;
}

/* The record of a refusal: the call as it was made where it is known, else one like it. */
static __always_inline void rf_guard_tell(struct rf_guard *g, enum rf_guarded what, __u32 nr,
					  struct dentry *dentry, struct vfsmount *mnt)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u32 slot = rf_begin(RF_KIND_CALL, 1), made = rf_regs_nr(regs), at;
	struct rf_slot *s = rf_slot(slot);
	volatile __u64 *node, *mount;
	__u64 args[6];

	g->last = what;
	__sync_fetch_and_add(&g->refused, 1);
	if (!s)
		return;
	s->h.nr = nr;
	at = made / 8;
	rf_opaque(at);
	at &= RF_GUARD_CALLS / 8 - 1;
	if (!(task->flags & PF_IO_WORKER) && !rf_is_compat(task) && made < RF_GUARD_CALLS &&
	    g->calls[at] >> (made & 7) & 1)
		s->h.nr = made;
	rf_regs_args(regs, args);
	__builtin_memcpy(s->call.args, args, sizeof(args));
	s->h.flags = RF_F_NO_RESULT | RF_F_DENIED;
	s->h.clause = RF_CLAUSE_GUARD | what;
	if (dentry) {
		/* By way of memory: what is given to a global function must be a plain number. */
		node = &s->walk.node;
		mount = &s->walk.mnt;
		*node = (__u64)dentry;
		*mount = (__u64)mnt;
		rf_set_str(&s->call.path[0], rf_put_dentry(slot, *node, *mount));
	}
	rf_send(slot);
}

/* Signals that stop, end or open the engine. The one who started it may send them: a supervisor. */
SEC("lsm/task_kill")
int rf_guard_signal(__u64 *ctx)
{
	struct task_struct *target = (void *)ctx[0];
	struct rf_guard *g = rf_guard_on();
	__u32 sig = ctx[2];

	if (!g || (__u32)target->tgid != g->tgid)
		return 0;
	if (!sig || sig == SIGHUP || sig == SIGCHLD || sig == SIGCONT || sig == SIGURG ||
	    sig == SIGWINCH)
		return 0;
	if (BPF_CORE_READ(target, group_leader, real_parent, tgid) ==
	    (int)(bpf_get_current_pid_tgid() >> 32))
		return 0;
	if (rf_guard_maintainer())
		return 0;
	rf_guard_tell(g, RF_GUARDED_SIGNAL, RF_NR_KILL, NULL, NULL);
	return -EPERM;
}

/* Attaching, writing memory, taking descriptors. Looking (ps, lsof) is not refused. */
SEC("lsm/ptrace_access_check")
int rf_guard_trace(__u64 *ctx)
{
	struct task_struct *target = (void *)ctx[0];
	struct rf_guard *g = rf_guard_on();
	__u32 mode = ctx[1];

	if (!g || (__u32)target->tgid != g->tgid || !(mode & PTRACE_MODE_ATTACH))
		return 0;
	rf_guard_tell(g, RF_GUARDED_TRACE, RF_NR_PTRACE, NULL, NULL);
	return -EPERM;
}

/* A limit set from outside can end a process as well as a signal can, and one that is never given a
 * processor sees nothing. */
static __always_inline bool rf_guard_limits(const struct task_struct *target, __u32 nr)
{
	struct rf_guard *g = rf_guard_on();

	if (!g || (__u32)target->tgid != g->tgid)
		return false;
	rf_guard_tell(g, RF_GUARDED_LIMIT, nr, NULL, NULL);
	return true;
}

#define RF_GUARD_TASK(name, hook, nr)                                                              \
	SEC("lsm/" hook)                                                                           \
	int rf_guard_##name(__u64 *ctx)                                                            \
	{                                                                                          \
		if (rf_guard_limits((void *)ctx[0], nr))                                           \
			return -EPERM;                                                             \
		return 0;                                                                          \
	}

RF_GUARD_TASK(limit, "task_setrlimit", RF_NR_PRLIMIT64)
RF_GUARD_TASK(scheduler, "task_setscheduler", RF_NR_SCHED_SETAFFINITY)
RF_GUARD_TASK(nice, "task_setnice", RF_NR_SCHED_SETAFFINITY)
RF_GUARD_TASK(ioprio, "task_setioprio", RF_NR_SCHED_SETAFFINITY)

/* Whether an object, or a folder that it lies in, is guarded. */
static __noinline bool rf_guard_labelled(struct dentry *d)
{
	for (int i = 0; i < RF_GUARD_DEPTH; i++) {
		struct dentry *parent = BPF_CORE_READ(d, d_parent);
		struct inode *inode = BPF_CORE_READ(d, d_inode);
		__u32 label = inode ? rf_guard_label_of(inode) : 0;

		if (label & (i == 0 ? RF_GUARD_SELF | RF_GUARD_BELOW : RF_GUARD_BELOW))
			return true;
		if (parent == d)
			return false;
		d = parent;
	}
	return false;
}

/* mnt: where the object is reached, NULL where the hook does not know: then its path is told from
 * the root of its file system. */
static __always_inline bool rf_guard_refuses(struct dentry *d, struct vfsmount *mnt)
{
	struct rf_guard *g = rf_guard_on();

	if (!g || !rf_guard_labelled(d) || rf_guard_maintainer())
		return false;
	rf_guard_tell(g, RF_GUARDED_FILE, RF_NR_OPENAT, d, mnt);
	return true;
}

/* kernel.ftrace_enabled: without it the kernel calls no program at a function or security hook. */
static __always_inline bool rf_guard_switch(struct dentry *d)
{
	__u64 name[2] = {};

	if (d->d_name.len != sizeof("ftrace_enabled") - 1)
		return false;
	bpf_probe_read_kernel(name, sizeof("ftrace_enabled") - 1, d->d_name.name);
	return name[0] == 0x655f656361727466ULL && name[1] == 0x64656c62616eULL;
}

/* Files of /proc by which a process is changed: oom_score_adj, mem, and so on. */
static __always_inline bool rf_guard_proc(struct file *file)
{
	struct dentry *dentry = file->f_path.dentry;
	struct inode *inode = file->f_inode;
	struct rf_guard *g;
	struct proc_inode *proc;
	struct hlist_node *node;
	struct task_struct *task;

	if (inode->i_sb->s_magic != PROC_SUPER_MAGIC)
		return false;
	g = rf_guard_on();
	if (!g)
		return false;
	if (rf_guard_switch(dentry)) {
		rf_guard_tell(g, RF_GUARDED_HOOKS, RF_NR_OPENAT, dentry, file->f_path.mnt);
		return true;
	}
	proc = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	node = BPF_CORE_READ(proc, pid, tasks[0].first);
	if (!node)
		return false;
	task = (void *)node - bpf_core_field_offset(struct task_struct, pid_links);
	if ((__u32)BPF_CORE_READ(task, tgid) != g->tgid || rf_guard_maintainer())
		return false;
	rf_guard_tell(g, RF_GUARDED_PROC, RF_NR_OPENAT, dentry, file->f_path.mnt);
	return true;
}

SEC("lsm/file_open")
int rf_guard_open(__u64 *ctx)
{
	struct file *file = (void *)ctx[0];

	if (!(file->f_mode & FMODE_WRITE) && !(file->f_flags & O_TRUNC))
		return 0;
	if (rf_guard_proc(file))
		return -EPERM;
	if (rf_guard_refuses(file->f_path.dentry, file->f_path.mnt))
		return -EPERM;
	return 0;
}

/* What makes a file unchangeable for the engine as well. */
SEC("lsm/file_ioctl")
int rf_guard_ioctl(__u64 *ctx)
{
	struct file *file = (void *)ctx[0];
	__u32 cmd = ctx[1];

	if (cmd != FS_IOC_SETFLAGS && cmd != FS_IOC32_SETFLAGS && cmd != FS_IOC_FSSETXATTR)
		return 0;
	if (rf_guard_refuses(file->f_path.dentry, file->f_path.mnt))
		return -EPERM;
	return 0;
}

/* Hooks whose argument `n` is the path or the dentry that is changed. A new name is a dentry
 * without an object: its folder is asked. */
#define RF_GUARD_PATH(name, hook)                                                                  \
	SEC("lsm/" hook)                                                                           \
	int rf_guard_##name(__u64 *ctx)                                                            \
	{                                                                                          \
		struct path *path = (void *)ctx[0];                                                \
                                                                                                   \
		if (rf_guard_refuses(path->dentry, path->mnt))                                     \
			return -EPERM;                                                             \
		return 0;                                                                          \
	}
#define RF_GUARD_DENTRY(name, hook, n)                                                             \
	SEC("lsm/" hook)                                                                           \
	int rf_guard_##name(__u64 *ctx)                                                            \
	{                                                                                          \
		if (rf_guard_refuses((void *)ctx[n], NULL))                                        \
			return -EPERM;                                                             \
		return 0;                                                                          \
	}

RF_GUARD_PATH(truncate, "path_truncate")
RF_GUARD_PATH(chmod, "path_chmod")
RF_GUARD_PATH(chown, "path_chown")
RF_GUARD_DENTRY(create, "inode_create", 1)
RF_GUARD_DENTRY(mkdir, "inode_mkdir", 1)
RF_GUARD_DENTRY(mknod, "inode_mknod", 1)
RF_GUARD_DENTRY(symlink, "inode_symlink", 1)
RF_GUARD_DENTRY(unlink, "inode_unlink", 1)
RF_GUARD_DENTRY(rmdir, "inode_rmdir", 1)
RF_GUARD_DENTRY(setxattr, "inode_setxattr", 1)
RF_GUARD_DENTRY(removexattr, "inode_removexattr", 1)
/* Access control lists since 6.2, and chattr by a call of its own since 6.17. */
RF_GUARD_DENTRY(set_acl, "inode_set_acl", 1)
RF_GUARD_DENTRY(remove_acl, "inode_remove_acl", 1)
RF_GUARD_DENTRY(set_attr, "inode_file_setattr", 0)

SEC("lsm/inode_link")
int rf_guard_link(__u64 *ctx)
{
	if (rf_guard_refuses((void *)ctx[0], NULL) || rf_guard_refuses((void *)ctx[2], NULL))
		return -EPERM;
	return 0;
}

SEC("lsm/inode_rename")
int rf_guard_rename(__u64 *ctx)
{
	if (rf_guard_refuses((void *)ctx[1], NULL) || rf_guard_refuses((void *)ctx[3], NULL))
		return -EPERM;
	return 0;
}

static __always_inline bool rf_guard_owns(enum rf_guard_kind kind, __u32 id)
{
	struct rf_guard_object key = {.kind = kind, .id = id};

	return bpf_map_lookup_elem(&guard_objects, &key);
}

/* A mount that guarded files are reached through, in the engine's namespace or process 1's. */
static __always_inline bool rf_guard_holds(struct vfsmount *mnt, bool shared)
{
	struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	__u32 group = BPF_CORE_READ(mount, mnt_group_id);

	if (rf_guard_owns(RF_GUARD_MOUNT, BPF_CORE_READ(mount, mnt_id)))
		return true;
	return shared && group && rf_guard_owns(RF_GUARD_GROUP, group);
}

static __always_inline bool rf_guard_mounts(struct path *path)
{
	struct rf_guard *g = rf_guard_on();
	struct dentry *d = path->dentry;
	struct inode *inode;

	if (!g || !rf_guard_holds(path->mnt, true))
		return false;
	inode = d->d_inode;
	if (!(rf_guard_label_of(inode) & RF_GUARD_ABOVE) && !rf_guard_labelled(d))
		return false;
	if (rf_guard_maintainer())
		return false;
	rf_guard_tell(g, RF_GUARDED_MOUNT, RF_NR_MOUNT, d, path->mnt);
	return true;
}

/* Over what is guarded, or over the way to it: what is looked up next is another file. */
SEC("lsm/sb_mount")
int rf_guard_mount(__u64 *ctx)
{
	if (rf_guard_mounts((void *)ctx[1]))
		return -EPERM;
	return 0;
}

SEC("lsm/move_mount")
int rf_guard_move_mount(__u64 *ctx)
{
	if (rf_guard_mounts((void *)ctx[0]) || rf_guard_mounts((void *)ctx[1]))
		return -EPERM;
	return 0;
}

/* With the last mount of the BPF file system its pins go. */
SEC("lsm/sb_umount")
int rf_guard_umount(__u64 *ctx)
{
	struct vfsmount *mnt = (void *)ctx[0];
	struct rf_guard *g = rf_guard_on();
	bool pins;

	if (!g)
		return 0;
	pins = g->pins_dev && BPF_CORE_READ(mnt, mnt_sb, s_dev) == g->pins_dev;
	if (!pins && (!rf_guard_holds(mnt, false) || rf_guard_maintainer()))
		return 0;
	rf_guard_tell(g, RF_GUARDED_MOUNT, RF_NR_UMOUNT2, NULL, NULL);
	return -EPERM;
}

/* Lists of objects open each: who makes one is told of once. */
static __always_inline void rf_guard_opened(struct rf_guard *g)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (g->map_tgid == tgid)
		return;
	g->map_tgid = tgid;
	rf_guard_tell(g, RF_GUARDED_MAP, RF_NR_BPF, NULL, NULL);
}

/* They open by number, and go on after what is gone meanwhile: to them it is as if it were. */
static __always_inline bool rf_guard_listing(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u64 args[6];

	if (rf_is_compat(task))
		return false;
	rf_regs_args(regs, args);
	return rf_regs_nr(regs) == RF_NR_BPF && (__u32)args[0] == BPF_MAP_GET_FD_BY_ID;
}

/* A descriptor for a map, however it is come by. For reading it is given. */
SEC("lsm/bpf_map")
int rf_guard_map(__u64 *ctx)
{
	struct bpf_map *map = (void *)ctx[0];
	struct rf_guard *g = rf_guard_on();
	__u32 mode = ctx[1];

	if (!g || !(mode & FMODE_WRITE) || !rf_guard_owns(RF_GUARD_MAP, map->id))
		return 0;
	rf_guard_opened(g);
	if (rf_guard_listing())
		return -ENOENT;
	return -EPERM;
}

/* A link that is opened by its number, which the kernel has copied; and the object behind a
 * descriptor of the caller: a link that is cut or replaced, a program that another one shall stand
 * in for. */
SEC("lsm/bpf")
int rf_guard_bpf(__u64 *ctx)
{
	struct rf_guard *g = rf_guard_on();
	__u32 cmd = ctx[0], fd = 0, id;
	union bpf_attr *attr = (void *)ctx[1];
	struct bpf_link *link;
	struct bpf_prog *prog;
	struct file *file;
	bool ours;

	if (!g || (cmd != BPF_LINK_DETACH && cmd != BPF_LINK_UPDATE && cmd != BPF_PROG_LOAD &&
		   cmd != BPF_LINK_GET_FD_BY_ID))
		return 0;
	bpf_probe_read_kernel(
	    &fd, sizeof(fd),
	    (void *)attr +
		(cmd == BPF_PROG_LOAD ? __builtin_offsetof(union bpf_attr, attach_prog_fd) : 0));
	if (cmd == BPF_LINK_GET_FD_BY_ID) {
		if (!rf_guard_owns(RF_GUARD_LINK, fd))
			return 0;
		rf_guard_opened(g);
		return -ENOENT;
	}
	if (cmd == BPF_PROG_LOAD && !fd)
		return 0;
	file = (void *)rf_file_of(fd);
	if (!file)
		return 0;
	if (cmd == BPF_PROG_LOAD) {
		prog = BPF_CORE_READ(file, private_data);
		id = BPF_CORE_READ(prog, aux, id);
		ours = rf_guard_owns(RF_GUARD_PROG, id);
	} else {
		link = BPF_CORE_READ(file, private_data);
		id = BPF_CORE_READ(link, id);
		ours = rf_guard_owns(RF_GUARD_LINK, id);
	}
	if (!ours)
		return 0;
	rf_guard_tell(g, RF_GUARDED_BPF, RF_NR_BPF, NULL, NULL);
	return -EPERM;
}
