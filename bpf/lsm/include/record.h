/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Building and sending records: the maps, and the functions of record.bpf.c.
 *
 * Functions that append to a record return a struct rf_str as one word (0 = absent). They are
 * global functions on purpose: the verifier checks each once, and not once per way to reach it.
 * They take the number of a slot, since a global function can't be given a map value of this size.
 */
#ifndef RF_RECORD_H
#define RF_RECORD_H

#include "core.h"
#include "slot.h"

struct rf_slots_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16); /* set by the loader: a power of two, by number of CPUs */
	__type(key, __u32);
	__type(value, struct rf_slot);
};

struct rf_capture_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, struct rf_capture);
};

/* Which of our calls a 32-bit call is, plus one. Those within socketcall come last. */
#define RF_COMPAT_SOCKETS 512
struct rf_compat_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RF_COMPAT_SOCKETS + 32);
	__type(key, __u32);
	__type(value, __u32);
};

struct rf_stats_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RF_STAT_MAX);
	__type(key, __u32);
	__type(value, __u64);
};

struct rf_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* set by the loader */
};

extern struct rf_slots_map slots SEC(".maps");
extern struct rf_capture_map capture SEC(".maps");
extern struct rf_compat_map compat_calls SEC(".maps");
extern struct rf_stats_map stats SEC(".maps");
extern struct rf_ring_map events SEC(".maps");
extern struct rf_ring_map priority SEC(".maps");
extern volatile struct rf_control rf_control;
extern const volatile __u32 rf_slot_mask;

/* Keeps the compiler from merging away a bound that the verifier needs to see. */
#define rf_opaque(x) asm volatile("" : "+r"(x))

#define RF_NO_SLOT 0xffffffffU

/* Claims a slot and writes the header of the current task; RF_NO_SLOT (counted) if none is free. */
extern __u32 rf_begin(__u32 kind, __u32 ring);
/* Sends the record and lets the slot go. */
extern int rf_send(__u32 slot);

extern __u32 rf_put_user_str(__u32 slot, __u64 ptr);
extern __u32 rf_put_user_mem(__u32 slot, __u64 ptr, __u32 len, __u32 max);
extern __u32 rf_put_user_argv(__u32 slot, __u64 argv);
extern __u32 rf_put_kernel_str(__u32 slot, __u64 ptr);
extern __u32 rf_put_kernel_mem(__u32 slot, __u64 ptr, __u32 len);
/* ptr: a kernel struct path. As the task sees it: up to its root. */
extern __u32 rf_put_path(__u32 slot, __u64 ptr);
extern __u32 rf_put_dentry(__u32 slot, __u64 dentry, __u64 vfsmount);
/* ptr: a kernel struct kernfs_node of a cgroup. */
extern __u32 rf_put_cgroup(__u32 slot, __u64 ptr);
/* Describes a kernel struct file in call.fd. */
extern int rf_put_file(__u32 slot, __u64 file);

static __always_inline struct rf_slot *rf_slot(__u32 i)
{
	return bpf_map_lookup_elem(&slots, &i);
}

static __always_inline void rf_set_str(struct rf_str *str, __u32 word)
{
	str->off = (__u16)word;
	str->len = (__u16)(word >> 16);
}

static __always_inline void rf_count(__u32 what)
{
	__u64 *n = bpf_map_lookup_elem(&stats, &what);

	if (n)
		__sync_fetch_and_add(n, 1);
}

static __always_inline void rf_drop(__u32 slot)
{
	struct rf_slot *s = rf_slot(slot);

	if (s)
		__sync_lock_test_and_set(&s->busy, 0);
}

/* The engine itself, tgid being the current one; and not who got its number after its death. */
static __always_inline bool rf_ignored(__u32 tgid)
{
	struct task_struct *task;
	__u64 start;

	if (tgid != rf_control.ignore_tgid)
		return false;
	start = rf_control.ignore_start;
	task = bpf_get_current_task_btf();
	return !start || task->group_leader->start_boottime == start;
}

/* The struct file behind an fd of the current task, 0 if there is none. */
static __always_inline __u64 rf_file_of(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *fdt = task->files->fdt;
	struct file **array = fdt->fd;
	__u64 file = 0;

	if (fd < fdt->max_fds)
		bpf_probe_read_kernel(&file, sizeof(file), array + fd);
	return file;
}

static __always_inline __u64 rf_file_path(__u64 file)
{
	return file + bpf_core_field_offset(struct file, f_path);
}

#endif
