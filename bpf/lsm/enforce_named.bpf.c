/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Refusal of what changes names (unlink, rename, link ...), and of what only the process decides
 * (tracing, modules, other users). A rule on one call holds for all that do the same: which those
 * are is said in src/enforce/clauses/operations.ts.
 */
#include "calls.h"
#include "record.h"
#include "refuse.h"

#define LSM_SETID_ID 1
#define LSM_SETID_RE 2
#define LSM_SETID_FS 8
#define PTRACE_MODE_ATTACH 2
#define RF_READING_MODULE 2 /* enum kernel_read_file_id, and enum kernel_load_data_id */

/* Writes both paths into the scratch: the second one is put aside while the first is walked. */
static __always_inline void rf_named_spans(struct rf_object *o, struct rf_scratch *s, __u64 mnt)
{
	__u32 span;

	if (o->other_node) {
		span = rf_walk_span(o->scratch, o->other_node, mnt);
		if (span) {
			bpf_probe_read_kernel(&s->buf[RF_NORMAL], RF_FILE_MAX,
					      &s->buf[span & (RF_JOIN - 1)]);
			o->other = RF_NORMAL | (span & 0xffff0000);
		}
	}
	o->path = rf_walk_span(o->scratch, o->node, mnt);
}

/* What stands in `o` is judged where a scratch is to be had. A guard is judged without its path. */
static __always_inline int rf_refuse_here(struct rf_object *o, __u64 mnt)
{
	struct rf_scratch *s;
	int err;

	if (rf_exempt() || !rf_refusing(o->op))
		return 0;
	o->bits = RF_BIT_OK;
	s = rf_scratch_for(o);
	if (!s)
		return 0;
	if (o->node && !o->guard)
		rf_named_spans(o, s, mnt);
	s->node = o->node;
	s->mnt = mnt;
	err = rf_refuse(o);
	rf_scratch_release(s);
	return err;
}

int rf_refuse_named(__u32 op, __u32 nr, __u64 dentry, __u64 other, __u64 mnt)
{
	struct rf_object o = {.op = op, .nr = nr, .node = dentry, .other_node = other};

	return rf_refuse_here(&o, mnt);
}

int rf_refuse_process(__u32 op, __u32 nr, __u32 has_id, __u32 id)
{
	struct rf_object o = {.op = op, .nr = nr, .has_id = has_id, .id = id};

	return rf_refuse_here(&o, 0);
}

/* Moving a file away is a way to remove it: whoever may not unlink it may not rename it out of its
 * folder, nor what the rule names at all. */
int rf_guard_removal(__u64 dentry, __u64 mnt, __u32 same_folder)
{
	struct rf_object o = {.op = RF_OP_UNLINK, .nr = RF_NR_UNLINKAT, .guard = 1, .node = dentry};

	o.how = RF_LABELS_MOVED | (same_folder ? RF_LABELS_ALONE : 0);
	return rf_refuse_here(&o, mnt);
}

/* An argument of the hook as a plain number: a global function takes no pointer for one. */
static __always_inline __u64 rf_arg(__u64 *ctx, int i)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), ctx + i);
	return value;
}

static __always_inline __u64 rf_path_mnt(__u64 path)
{
	return (__u64)BPF_CORE_READ((struct path *)path, mnt);
}

#define RF_HOOK(name, hook, call)                                                                  \
	SEC("lsm/" hook)                                                                           \
	int rf_lsm_##name(__u64 *ctx)                                                              \
	{                                                                                          \
		if (call)                                                                          \
			return -EPERM;                                                             \
		return 0;                                                                          \
	}

#define RF_NR_OR(usual, old) rf_nr_among(usual, old, RF_NR_NONE, RF_NR_NONE)

RF_HOOK(unlink, "path_unlink",
	rf_refuse_named(RF_OP_UNLINK, RF_NR_OR(RF_NR_UNLINKAT, RF_NR_UNLINK), rf_arg(ctx, 1), 0,
			rf_path_mnt(rf_arg(ctx, 0))))
RF_HOOK(rmdir, "path_rmdir",
	rf_refuse_named(RF_OP_UNLINK, RF_NR_RMDIR == RF_NR_NONE ? RF_NR_UNLINKAT : RF_NR_RMDIR,
			rf_arg(ctx, 1), 0, rf_path_mnt(rf_arg(ctx, 0))))
RF_HOOK(mkdir, "path_mkdir",
	rf_refuse_named(RF_OP_MKDIR, RF_NR_OR(RF_NR_MKDIRAT, RF_NR_MKDIR), rf_arg(ctx, 1), 0,
			rf_path_mnt(rf_arg(ctx, 0))))
RF_HOOK(symlink, "path_symlink",
	rf_refuse_named(RF_OP_SYMLINK, RF_NR_OR(RF_NR_SYMLINKAT, RF_NR_SYMLINK), rf_arg(ctx, 1), 0,
			rf_path_mnt(rf_arg(ctx, 0))))
RF_HOOK(path_link, "path_link",
	rf_refuse_named(RF_OP_LINK, RF_NR_OR(RF_NR_LINKAT, RF_NR_LINK), rf_arg(ctx, 0),
			rf_arg(ctx, 2), rf_path_mnt(rf_arg(ctx, 1))))

#define RENAME_EXCHANGE 2

static __always_inline struct inode *rf_inode_of(__u64 dentry)
{
	return BPF_CORE_READ((struct dentry *)dentry, d_inode);
}

/* The call that would remove it. */
static __always_inline __u32 rf_removal_nr(struct inode *inode)
{
	if ((BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFDIR || RF_NR_RMDIR == RF_NR_NONE)
		return RF_NR_UNLINKAT;
	return RF_NR_RMDIR;
}

SEC("lsm/path_rename")
int rf_lsm_path_rename(__u64 *ctx)
{
	__u32 nr = rf_nr_among(RF_NR_RENAMEAT2, RF_NR_RENAME, RF_NR_RENAMEAT, RF_NR_NONE);
	__u64 old = rf_arg(ctx, 1), new = rf_arg(ctx, 3), mnt = rf_path_mnt(rf_arg(ctx, 0));
	struct path *from = (void *)rf_arg(ctx, 0), *to = (void *)rf_arg(ctx, 2);
	struct inode *replaced;
	bool same = BPF_CORE_READ(from, dentry) == BPF_CORE_READ(to, dentry);

	if (rf_refuse_named(RF_OP_RENAME, nr, old, new, mnt) || rf_guard_removal(old, mnt, same))
		return -EPERM;
	/* Exchanging two files renames both; else what has the new name already is removed. */
	if (rf_arg(ctx, 4) & RENAME_EXCHANGE) {
		if (rf_refuse_named(RF_OP_RENAME, nr, new, old, mnt) ||
		    rf_guard_removal(new, mnt, same))
			return -EPERM;
		return 0;
	}
	replaced = rf_inode_of(new);
	if (replaced && replaced != rf_inode_of(old) &&
	    rf_refuse_named(RF_OP_UNLINK, rf_removal_nr(replaced), new, 0, mnt))
		return -EPERM;
	return 0;
}

/* Reading about a process is not tracing it. */
RF_HOOK(ptrace, "ptrace_access_check",
	(ctx[1] & PTRACE_MODE_ATTACH) &&
	    rf_refuse_process(RF_OP_PTRACE,
			      rf_nr_among(RF_NR_PTRACE, RF_NR_PROCESS_VM_READV,
					  RF_NR_PROCESS_VM_WRITEV, RF_NR_NONE),
			      0, 0))
RF_HOOK(traceme, "ptrace_traceme", rf_refuse_process(RF_OP_PTRACE, RF_NR_PTRACE, 0, 0))
RF_HOOK(bpf, "bpf", rf_refuse_process(RF_OP_BPF, RF_NR_BPF, 0, 0))
RF_HOOK(mount, "sb_mount", rf_refuse_process(RF_OP_MOUNT, RF_NR_MOUNT, 0, 0))
RF_HOOK(move_mount, "move_mount", rf_refuse_process(RF_OP_MOUNT, RF_NR_MOVE_MOUNT, 0, 0))
RF_HOOK(umount, "sb_umount", rf_refuse_process(RF_OP_MOUNT, RF_NR_UMOUNT2, 0, 0))
RF_HOOK(module_file, "kernel_read_file",
	ctx[1] == RF_READING_MODULE && rf_refuse_process(RF_OP_MODULE, RF_NR_FINIT_MODULE, 0, 0))
RF_HOOK(module_data, "kernel_load_data",
	ctx[0] == RF_READING_MODULE && rf_refuse_process(RF_OP_MODULE, RF_NR_INIT_MODULE, 0, 0))

/* Whom the task becomes: it is judged by that, as the first namespace numbers it. Who it is to file
 * systems alone (setfsuid) is none of it. */
static __always_inline __u32 rf_setid_nr(__u64 how, __u32 plain, __u32 re, __u32 res)
{
	return how == LSM_SETID_ID ? plain : how == LSM_SETID_RE ? re : res;
}

SEC("lsm/task_fix_setuid")
int rf_lsm_setuid(__u64 *ctx)
{
	struct cred *new = (void *)rf_arg(ctx, 0);
	__u32 nr = rf_setid_nr(ctx[2], RF_NR_SETUID, RF_NR_SETREUID, RF_NR_SETRESUID);

	if (ctx[2] != LSM_SETID_FS &&
	    rf_refuse_process(RF_OP_SETUID, nr, 1, BPF_CORE_READ(new, euid.val)))
		return -EPERM;
	return 0;
}

SEC("lsm/task_fix_setgid")
int rf_lsm_setgid(__u64 *ctx)
{
	__u32 nr = rf_setid_nr(ctx[2], RF_NR_SETGID, RF_NR_SETREGID, RF_NR_SETRESGID);

	if (ctx[2] != LSM_SETID_FS && rf_refuse_process(RF_OP_SETUID, nr, 0, 0))
		return -EPERM;
	return 0;
}
