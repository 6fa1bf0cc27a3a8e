/* SPDX-License-Identifier: GPL-2.0 */
/* The life of processes: fork, exec, exit. They go to the priority ring. */
#include "calls.h"
#include "cgroup.h"
#include "classify.h"
#include "record.h"

#define RF_ENV_MAX 4096
#define RF_REAPER_MAX 16

static __always_inline __u32 rf_tty(struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);
	__u32 major, minor;

	if (!tty)
		return 0;
	major = BPF_CORE_READ(tty, driver, major);
	minor = BPF_CORE_READ(tty, driver, minor_start) + BPF_CORE_READ(tty, index);
	return rf_stat_dev(major << 20 | minor);
}

/* A session or group id, as seen in its innermost or in the initial pid namespace. */
static __always_inline __u32 rf_pid_nr(struct task_struct *task, enum pid_type type, bool inner)
{
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid *pid = BPF_CORE_READ(signal, pids[type]);
	struct upid upid = {};
	__u32 level;

	if (!pid)
		return 0;
	level = inner ? BPF_CORE_READ(pid, level) : 0;
	bpf_probe_read_kernel(&upid, sizeof(upid), (void *)&pid->numbers + level * sizeof(upid));
	return upid.nr;
}

/* Whether the caller may write the file: by owner, group, others, or by capability. */
static __always_inline bool rf_writable(struct inode *inode)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cred *cred = task->cred;
	__u32 mode = BPF_CORE_READ(inode, i_mode);
	__u64 cap = 0;

	bpf_probe_read_kernel(&cap, sizeof(cap), &cred->cap_effective);
	if (cap & (1ULL << CAP_DAC_OVERRIDE))
		return true;
	if (BPF_CORE_READ(inode, i_uid.val) == cred->fsuid.val)
		return mode & 0200;
	if (BPF_CORE_READ(inode, i_gid.val) == cred->fsgid.val)
		return mode & 0020;
	return mode & 0002;
}

static __always_inline __u32 rf_exe_flags(struct inode *inode, struct linux_binprm *bprm)
{
	__u8 layer = rf_overlay_layer(inode);
	__u32 flags = 0;

	if (rf_writable(inode))
		flags |= RF_EXE_WRITABLE;
	if (layer == 1)
		flags |= RF_EXE_UPPER_LAYER;
	if (layer == 2)
		flags |= RF_EXE_LOWER_LAYER;
	if (BPF_CORE_READ(inode, i_nlink) == 0)
		flags |= RF_EXE_UNLINKED;
	if (BPF_CORE_READ_BITFIELD_PROBED(bprm, secureexec))
		flags |= RF_EXE_SETID;
	return flags;
}

static __always_inline void rf_exec_inode(struct rf_exec *e, struct linux_binprm *bprm, __u64 file)
{
	struct file *f = (void *)file;
	struct inode *inode = BPF_CORE_READ(f, f_inode);
	struct dentry *dentry = BPF_CORE_READ(f, f_path.dentry);

	e->exe_flags = rf_exe_flags(inode, bprm);
	if (rf_is_memfd(dentry))
		e->exe_flags |= RF_EXE_FROM_MEMFD;
	e->exe_mode = BPF_CORE_READ(inode, i_mode);
	e->exe_dev = rf_stat_dev(BPF_CORE_READ(inode, i_sb, s_dev));
	e->exe_ino = BPF_CORE_READ(inode, i_ino);
	e->exe_ctime = rf_inode_ctime(inode);
	e->exe_mtime = rf_inode_mtime(inode);
}

/* Arguments and environment, as the kernel put them on the new stack: nobody can change them yet.
 */
static __always_inline void rf_exec_args(__u32 slot, struct rf_exec *e)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 arg = BPF_CORE_READ(task, mm, arg_start), arg_end = BPF_CORE_READ(task, mm, arg_end);
	__u64 env = BPF_CORE_READ(task, mm, env_start), env_end = BPF_CORE_READ(task, mm, env_end);

	e->args_total = arg_end - arg;
	rf_set_str(&e->args, rf_put_user_mem(slot, arg, arg_end - arg, RF_STR_MAX));
	if (!(rf_control.spare & RF_SPARE_ENV))
		rf_set_str(&e->env, rf_put_user_mem(slot, env, env_end - env, RF_ENV_MAX));
}

static __always_inline void rf_exec_ids(struct rf_exec *e)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pid_namespace *ns = rf_inner_upid(BPF_CORE_READ(task, thread_pid)).ns;

	e->sid = rf_pid_nr(task, PIDTYPE_SID, true);
	e->pgid = rf_pid_nr(task, PIDTYPE_PGID, false);
	e->vpgid = rf_pid_nr(task, PIDTYPE_PGID, true);
	e->tty = rf_tty(task);
	e->pidns_start = BPF_CORE_READ(ns, child_reaper, start_boottime);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(rf_exec, struct task_struct *p, int old_pid, struct linux_binprm *bprm)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fs_struct *fs = task->fs;
	struct rf_slot *s;
	__u64 file, name, decided;
	__u32 slot;

	slot = rf_begin(RF_KIND_EXEC, 1);
	s = rf_slot(slot);
	if (!s) {
		/* Lost to user space, and not to what refuses. */
		rf_judge_exec(RF_NO_SLOT);
		rf_judge_image();
		return 0;
	}
	file = (__u64)BPF_CORE_READ(bprm, file);
	rf_exec_inode(&s->exec, bprm, file);
	rf_exec_ids(&s->exec);
	s->exec.argc = bprm->argc;
	rf_set_str(&s->exec.exe, rf_put_path(slot, rf_file_path(file)));
	name = (__u64)BPF_CORE_READ(bprm, filename);
	rf_set_str(&s->exec.filename, rf_put_kernel_str(slot, name));
	rf_judge_exec(slot);
	decided = rf_judge_image();
	if (decided) {
		rf_tell_decided(&s->h, decided);
		s->h.flags |= decided & RF_DECIDED_MONITOR ? RF_F_WOULD_DENY : RF_F_KILLED;
	}
	if ((__u64)BPF_CORE_READ(bprm, interp) != name)
		rf_set_str(&s->exec.interp,
			   rf_put_kernel_str(slot, (__u64)BPF_CORE_READ(bprm, interp)));
	rf_exec_args(slot, &s->exec);
	rf_set_str(&s->exec.cwd, rf_put_path(slot, (__u64)BPF_CORE_READ(task, fs) +
						       bpf_core_field_offset(fs->pwd)));
	rf_set_str(&s->exec.cgroup_path, rf_put_cgroup(slot, (__u64)rf_cgroup_node(task)));
	rf_send(slot);
	return 0;
}

/* The call that forks; its flags come from its registers, or from the struct that clone3 is given.
 */
static __always_inline void rf_clone_call(struct rf_slot *s)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u64 args[6], flags = 0;
	__u32 nr;

	s->h.nr = 0;
	s->fork.clone_flags = 0;
	if (task->flags & PF_KTHREAD || rf_is_compat(task))
		return;
	nr = rf_regs_nr(regs);
	if (nr == RF_NR_NONE)
		return;
	rf_regs_args(regs, args);
	if (nr == RF_NR_CLONE)
		flags = args[0] & 0xffffffff;
	else if (nr == RF_NR_CLONE3)
		bpf_probe_read_user(&flags, sizeof(flags), (void *)args[0]);
	else if (nr == RF_NR_VFORK)
		flags = CLONE_VFORK | CLONE_VM;
	else if (nr != RF_NR_FORK)
		return;
	s->h.nr = nr;
	s->fork.clone_flags = flags;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(rf_fork, struct task_struct *parent, struct task_struct *child)
{
	struct kernfs_node *node, *own;
	struct rf_slot *s;
	__u32 slot;
	__u64 addr;

	if (rf_control.spare & RF_SPARE_FORKS && child->tgid == parent->tgid)
		return 0;
	slot = rf_begin(RF_KIND_FORK, 1);
	s = rf_slot(slot);
	if (!s)
		return 0;
	rf_clone_call(s);
	s->fork.child_start = child->group_leader->start_boottime;
	s->fork.child_pid = child->tgid;
	s->fork.child_tid = child->pid;
	s->fork.child_ppid = child->real_parent->tgid;
	s->fork.child_vtid = rf_inner_upid(child->thread_pid).nr;
	s->fork.child_vpid = rf_inner_upid(child->group_leader->thread_pid).nr;
	s->fork.child_cgroup = child->cgroups->dfl_cgrp->kn->id;
	node = rf_cgroup_node(child);
	own = rf_cgroup_node(parent);
	addr = (__u64)node;
	if (node != own)
		rf_set_str(&s->fork.cgroup_path, rf_put_cgroup(slot, addr));
	rf_send(slot);
	return 0;
}

/* Who adopts the children of a process that ends: a subreaper above it, or the namespace's init. */
static __always_inline __u32 rf_reaper(struct task_struct *task)
{
	struct task_struct *up = BPF_CORE_READ(task, real_parent);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	struct pid_namespace *ns;

	if (BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper)) {
		for (int i = 0; i < RF_REAPER_MAX; i++) {
			signal = BPF_CORE_READ(up, signal);
			if (BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper))
				return BPF_CORE_READ(up, tgid);
			if (BPF_CORE_READ(up, pid) <= 1)
				break;
			up = BPF_CORE_READ(up, real_parent);
		}
	}
	ns = rf_inner_upid(BPF_CORE_READ(task, thread_pid)).ns;
	return BPF_CORE_READ(ns, child_reaper, tgid);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(rf_exit, struct task_struct *task)
{
	bool leader = task->signal->live.counter == 0;
	struct rf_slot *s;
	__u32 slot;

	if (rf_control.spare & RF_SPARE_EXITS && !leader)
		return 0;
	slot = rf_begin(RF_KIND_EXIT, 1);
	s = rf_slot(slot);
	if (!s)
		return 0;
	s->exit.code = task->exit_code;
	s->exit.leader = leader;
	if (s->exit.leader)
		s->exit.reaper = rf_reaper(bpf_get_current_task_btf());
	rf_send(slot);
	return 0;
}
