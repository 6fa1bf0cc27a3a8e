/* SPDX-License-Identifier: GPL-2.0 */
/* Maps, and what all programs use to build and send a record. */
#include "record.h"
#include "window.h"

struct rf_slots_map slots SEC(".maps");
struct rf_capture_map capture SEC(".maps");
struct rf_compat_map compat_calls SEC(".maps");
struct rf_stats_map stats SEC(".maps");
struct rf_ring_map events SEC(".maps");
struct rf_ring_map priority SEC(".maps");
volatile struct rf_control rf_control;
const volatile __u32 rf_slot_mask = 15;

char LICENSE[] SEC("license") = "GPL";

#define RF_CLAIM_TRIES 8
#define RF_WALK_MAX 1024 /* folders and mounts on the way to the root */
#define RF_ARGV_MAX 256

static __always_inline __u32 rf_claim(void)
{
	__u32 first = bpf_get_smp_processor_id();

	for (__u32 n = 0; n < RF_CLAIM_TRIES; n++) {
		__u32 i = (first + n) & rf_slot_mask;
		struct rf_slot *s = rf_slot(i);

		if (s && __sync_val_compare_and_swap(&s->busy, 0, 1) == 0)
			return i;
	}
	return RF_NO_SLOT;
}

#define RF_INIT_PIDNS 0xeffffffcU /* inode number of the initial pid namespace */

static __always_inline void rf_fill_pid(struct rf_hdr *h, struct task_struct *task)
{
	struct pid *pid = task->thread_pid;
	struct pid_namespace *ns;
	struct upid upid;

	h->vtid = h->tid;
	h->vpid = h->pid;
	h->pidns = RF_INIT_PIDNS;
	if (!pid->level)
		return;
	upid = rf_inner_upid(pid);
	ns = upid.ns;
	h->vtid = upid.nr;
	h->pidns = BPF_CORE_READ(ns, ns.inum);
	h->vpid = rf_inner_upid(task->group_leader->thread_pid).nr;
}

static __always_inline void rf_fill_header(struct rf_hdr *h, __u32 kind, __u32 ring)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cred *cred = task->cred;

	h->kind = kind;
	h->ring = ring;
	h->nr = 0;
	h->flags = 0;
	h->cpu = bpf_get_smp_processor_id();
	h->ts = bpf_ktime_get_boot_ns();
	h->start = task->group_leader->start_boottime;
	h->pid = task->tgid;
	h->tid = task->pid;
	h->ppid = task->real_parent->tgid;
	rf_fill_pid(h, task);
	h->uid = cred->euid.val;
	h->gid = cred->egid.val;
	h->loginuid = rf_loginuid(task);
	h->cap_effective = RF_CAPS(cred, cap_effective);
	h->cap_permitted = RF_CAPS(cred, cap_permitted);
	h->cap_inheritable = RF_CAPS(cred, cap_inheritable);
	h->cgroup = bpf_get_current_cgroup_id();
	h->mntns = task->nsproxy->mnt_ns->ns.inum;
	h->policy = rf_control.policy;
	h->clause = 0;
	__builtin_memset(h->comm, 0, sizeof(h->comm));
	bpf_get_current_comm(h->comm, sizeof(h->comm));
}

static __always_inline __u32 rf_struct_size(__u32 kind)
{
	switch (kind) {
	case RF_KIND_CALL:
		return sizeof(struct rf_call);
	case RF_KIND_EXEC:
		return sizeof(struct rf_exec);
	case RF_KIND_FORK:
		return sizeof(struct rf_fork);
	default:
		return sizeof(struct rf_exit);
	}
}

__u32 rf_begin(__u32 kind, __u32 ring)
{
	__u32 i = rf_claim();
	struct rf_slot *s = rf_slot(i);

	ring &= 1;
	if (!s) {
		/* The number is spent all the same: a gap tells user space. */
		__sync_fetch_and_add(&rf_control.ring[ring].seq, 1);
		rf_count(RF_STAT_LOST_SLOT);
		return RF_NO_SLOT;
	}
	s->len = rf_struct_size(kind);
	__builtin_memset(&s->from, 0, sizeof(s->from));
	__builtin_memset(s->rec, 0, sizeof(struct rf_call));
	rf_fill_header(&s->h, kind, ring);
	return i;
}

/* A wake-up costs more than all else of a record: what only keeps the table of processes right
 * waits for the next one. */
static __always_inline bool rf_can_wait(__u32 kind)
{
	return (kind == RF_KIND_FORK && rf_control.spare & RF_SPARE_FORKS) ||
	       (kind == RF_KIND_EXIT && rf_control.spare & RF_SPARE_EXITS);
}

static __always_inline __u64 rf_wake_flags(__u32 ring, __u32 kind)
{
	if (!rf_control.ring[ring].need_wakeup || rf_can_wait(kind))
		return BPF_RB_NO_WAKEUP;
	rf_control.ring[ring].need_wakeup = 0;
	return BPF_RB_FORCE_WAKEUP;
}

int rf_send(__u32 slot)
{
	struct rf_slot *s = rf_slot(slot);
	__u32 len, ring;
	long err;

	if (!s)
		return -1;
	len = s->len;
	ring = s->h.ring & 1;
	if (len > RF_REC_MAX)
		len = RF_REC_MAX;
	s->h.seq = __sync_fetch_and_add(&rf_control.ring[ring].seq, 1);
	if (ring)
		err = bpf_ringbuf_output(&priority, s->rec, len, rf_wake_flags(1, s->h.kind));
	else
		err = bpf_ringbuf_output(&events, s->rec, len, rf_wake_flags(0, s->h.kind));
	rf_count(!err ? RF_STAT_EMITTED : ring ? RF_STAT_LOST_PRIORITY : RF_STAT_LOST_RING);
	rf_drop(slot);
	return err;
}

/* Ends a string of n bytes at off: NUL padding to 8, so that user space may hash by words. */
static __always_inline __u32 rf_close_str(struct rf_slot *s, __u32 off, __u32 n, bool cut)
{
	__u32 end;

	rf_opaque(n);
	n &= 2 * RF_STR_MAX - 1;
	end = off + n;
	for (int i = 0; i < 8; i++)
		s->rec[end + i] = 0;
	s->len = (end + 8) & ~7U;
	return off | (n | (cut ? RF_STR_CUT : 0)) << 16;
}

static __always_inline __u32 rf_put_text(__u32 slot, __u64 ptr, bool kernel)
{
	struct rf_slot *s = rf_slot(slot);
	__u32 off, len;
	long n;

	if (!s || !ptr)
		return 0;
	off = s->len;
	if (off > RF_TAIL_MAX)
		return 0;
	n = kernel ? bpf_probe_read_kernel_str(&s->rec[off], RF_STR_MAX, (void *)ptr)
		   : bpf_probe_read_user_str(&s->rec[off], RF_STR_MAX, (void *)ptr);
	if (n <= 0 || n > RF_STR_MAX)
		return 0;
	len = n - 1;
	rf_opaque(len);
	if (len >= RF_STR_MAX)
		return 0;
	return rf_close_str(s, off, len, len == RF_STR_MAX - 1);
}

__u32 rf_put_user_str(__u32 slot, __u64 ptr)
{
	return rf_put_text(slot, ptr, false);
}

__u32 rf_put_kernel_str(__u32 slot, __u64 ptr)
{
	return rf_put_text(slot, ptr, true);
}

__u32 rf_put_user_mem(__u32 slot, __u64 ptr, __u32 len, __u32 max)
{
	struct rf_slot *s = rf_slot(slot);
	bool cut = len > max;
	__u32 off;

	if (!s || !ptr)
		return 0;
	off = s->len;
	if (off > RF_TAIL_MAX)
		return 0;
	if (cut)
		len = max;
	if (len > RF_STR_MAX) {
		len = RF_STR_MAX;
		cut = true;
	}
	rf_opaque(len);
	if (len > RF_STR_MAX || bpf_probe_read_user(&s->rec[off], len, (void *)ptr))
		return 0;
	return rf_close_str(s, off, len, cut);
}

__u32 rf_put_kernel_mem(__u32 slot, __u64 ptr, __u32 len)
{
	struct rf_slot *s = rf_slot(slot);
	__u32 off;

	if (!s || !ptr)
		return 0;
	off = s->len;
	if (off > RF_TAIL_MAX)
		return 0;
	rf_opaque(len);
	if (len > RF_STR_MAX || bpf_probe_read_kernel(&s->rec[off], len, (void *)ptr))
		return 0;
	return rf_close_str(s, off, len, false);
}

struct rf_argv {
	__u64 next;
	__u32 slot;
	__u32 used;
};

static long rf_argv_step(__u32 i, struct rf_argv *a)
{
	struct rf_slot *s = rf_slot(a->slot);
	__u32 at, used = a->used;
	__u64 arg = 0;
	long n;

	if (!s || used >= RF_STR_MAX)
		return 1;
	at = s->len;
	if (at > RF_TAIL_MAX)
		return 1;
	if (bpf_probe_read_user(&arg, sizeof(arg), (void *)a->next) || !arg)
		return 1;
	n = bpf_probe_read_user_str(&s->rec[at + (used & (RF_STR_MAX - 1))], RF_STR_MAX - used,
				    (void *)arg);
	if (n <= 0)
		return 1;
	a->used = used + n;
	a->next += sizeof(arg);
	return 0;
}

__u32 rf_put_user_argv(__u32 slot, __u64 argv)
{
	struct rf_argv a = {.next = argv, .slot = slot};
	struct rf_slot *s = rf_slot(slot);
	__u32 off, len;

	if (!s || !argv)
		return 0;
	off = s->len;
	if (off > RF_TAIL_MAX)
		return 0;
	bpf_loop(RF_ARGV_MAX, rf_argv_step, &a, 0);
	len = a.used;
	rf_opaque(len);
	if (len > RF_STR_MAX)
		len = RF_STR_MAX;
	return rf_close_str(s, off, len, len == RF_STR_MAX);
}

static __always_inline void rf_enter_mount(struct rf_walk *w, __u64 mnt)
{
	struct mount *mount = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	__u64 win[3];

	RF_WINDOW(win, struct mount, mnt_parent, mount);
	w->mnt = mnt;
	w->mnt_root = (__u64)RF_PICK(win, struct mount, mnt_parent, mnt.mnt_root, mount);
	w->mnt_point = (__u64)RF_PICK(win, struct mount, mnt_parent, mnt_mountpoint, mount);
	w->mnt_up = (__u64)RF_PICK(win, struct mount, mnt_parent, mnt_parent, mount) +
		    bpf_core_field_offset(struct mount, mnt);
}

/* Puts "/name" in front. False when the buffer is full. */
static __always_inline bool rf_prepend(struct rf_slot *s, const void *name, __u32 len, bool slash)
{
	__u32 pos = s->walk.pos;

	if (len > RF_NAME_MAX - 1)
		len = RF_NAME_MAX - 1;
	if (pos < len + slash)
		return false;
	pos = (pos - len - slash) & (RF_STR_MAX - 1);
	rf_opaque(len);
	len &= RF_NAME_MAX - 1;
	if (slash)
		s->path[pos] = '/';
	bpf_probe_read_kernel(&s->path[pos + slash], len, name);
	s->walk.pos = pos;
	return true;
}

static long rf_path_step(__u32 i, __u32 *slot)
{
	struct rf_slot *s = rf_slot(*slot);
	const unsigned char *name;
	struct dentry *dentry;
	__u64 win[3], parent;
	struct rf_walk *w;
	bool own_root;
	__u32 len;

	if (!s)
		return 1;
	w = &s->walk;
	dentry = (void *)w->node;
	if (w->node == w->root && w->mnt == w->root_mnt) {
		w->done = 1;
		return 1;
	}
	if (w->node == w->mnt_root) {
		if (w->mnt_up == w->mnt) {
			w->done = 1;
			return 1;
		}
		w->node = w->mnt_point;
		rf_enter_mount(w, w->mnt_up);
		return 0;
	}
	RF_WINDOW(win, struct dentry, d_parent, dentry);
	parent = (__u64)RF_PICK(win, struct dentry, d_parent, d_parent, dentry);
	len = RF_PICK(win, struct dentry, d_parent, d_name.len, dentry);
	name = RF_PICK(win, struct dentry, d_parent, d_name.name, dentry);
	own_root = parent == w->node; /* memfd and the like: no folder, the name stands alone */
	if (!rf_prepend(s, name, len, !own_root))
		return 1;
	w->node = parent;
	w->done = own_root;
	return own_root;
}

static long rf_cgroup_step(__u32 i, __u32 *slot)
{
	struct rf_slot *s = rf_slot(*slot);
	struct kernfs_node *kn, *parent;
	const char *name;
	long n;

	if (!s)
		return 1;
	kn = (void *)s->walk.node;
	parent = rf_kernfs_parent(kn);
	if (!parent) {
		s->walk.done = 1;
		return 1;
	}
	name = BPF_CORE_READ(kn, name);
	/* The end of the buffer holds the name for its length: the path grows below it. */
	n = bpf_probe_read_kernel_str(&s->path[RF_STR_MAX], RF_NAME_MAX, name);
	if (n <= 0 || !rf_prepend(s, name, n - 1, true))
		return 1;
	s->walk.node = (__u64)parent;
	return 0;
}

/* Copies what was walked to the record. */
static __always_inline __u32 rf_put_walked(struct rf_slot *s)
{
	__u32 off, len, pos = s->walk.pos;

	off = s->len;
	if (off > RF_TAIL_MAX || pos > RF_STR_MAX)
		return 0;
	len = RF_STR_MAX - pos;
	if (len == 0) {
		s->rec[off] = '/';
		return rf_close_str(s, off, 1, false);
	}
	rf_opaque(len);
	if (len > RF_STR_MAX)
		return 0;
	bpf_probe_read_kernel(&s->rec[off], len, &s->path[pos & (RF_STR_MAX - 1)]);
	if (!s->walk.done)
		s->h.flags |= RF_F_PATH_UNSTABLE;
	return rf_close_str(s, off, len, !s->walk.done);
}

static __always_inline void rf_walk_from(struct rf_walk *w, __u64 node)
{
	__builtin_memset(w, 0, sizeof(*w));
	w->node = node;
	w->pos = RF_STR_MAX;
}

__u32 rf_put_dentry(__u32 slot, __u64 dentry, __u64 mnt)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct rf_slot *s = rf_slot(slot);
	struct fs_struct *fs = task->fs;
	__u64 win[2];

	if (!s || !dentry || !fs)
		return 0;
	rf_walk_from(&s->walk, dentry);
	RF_WINDOW(win, struct fs_struct, root, fs);
	s->walk.root = (__u64)RF_PICK(win, struct fs_struct, root, root.dentry, fs);
	s->walk.root_mnt = (__u64)RF_PICK(win, struct fs_struct, root, root.mnt, fs);
	rf_enter_mount(&s->walk, mnt);
	bpf_loop(RF_WALK_MAX, rf_path_step, &slot, 0);
	return rf_put_walked(s);
}

__u32 rf_put_path(__u32 slot, __u64 ptr)
{
	struct path *path = (void *)ptr;

	return rf_put_dentry(slot, (__u64)BPF_CORE_READ(path, dentry),
			     (__u64)BPF_CORE_READ(path, mnt));
}

__u32 rf_put_cgroup(__u32 slot, __u64 ptr)
{
	struct rf_slot *s = rf_slot(slot);

	if (!s || !ptr)
		return 0;
	rf_walk_from(&s->walk, ptr);
	bpf_loop(RF_WALK_MAX, rf_cgroup_step, &slot, 0);
	return rf_put_walked(s);
}
