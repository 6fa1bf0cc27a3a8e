/* SPDX-License-Identifier: GPL-2.0 */
/* The rarer parts of the filter. */
#include "filter.h"

#define RF_MOUNT_STEPS 32 /* folders and mounts above a mount */

__u32 rf_mount_listed(__u64 vfsmount, __u32 generation, __u32 op)
{
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt), *up;
	const struct rf_policy *p = rf_policy();
	struct dentry *d = NULL, *parent;
	const void *name;
	__u32 len, ends;
	__u64 text[2];

	if (!p || p->generation != generation || op >= RF_CLASSES)
		return 1;
	ends = p->first[op].folder_ends;
	for (int i = 0; i < RF_MOUNT_STEPS; i++) {
		if (!d || d == BPF_CORE_READ(mount, mnt.mnt_root)) {
			up = BPF_CORE_READ(mount, mnt_parent);
			if (up == mount)
				return 0;
			d = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = up;
			continue;
		}
		parent = BPF_CORE_READ(d, d_parent);
		name = BPF_CORE_READ(d, d_name.name);
		len = BPF_CORE_READ(d, d_name.len);
		if (parent == d || bpf_probe_read_kernel(text, sizeof(text), name) ||
		    rf_among(&p->names, rf_name_hash(text[0], text[1], len, RF_FILTER_OF_FOLDERS)))
			return 1;
		if (ends && rf_dentry_ends(&p->names, name, len, ends, RF_FILTER_ENDS_FOLDERS))
			return 1;
		d = parent;
	}
	return 1;
}
