/* SPDX-License-Identifier: GPL-2.0 */
/* The rarer parts of the filter. */
#include "filter.h"

#define RF_MOUNT_STEPS 32 /* folders and mounts above a mount */

__u32 rf_mount_listed(__u64 vfsmount, __u32 generation)
{
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt), *up;
	const struct rf_policy *p = rf_policy();
	struct dentry *d = NULL, *parent;
	__u64 text[2];

	if (!p || p->generation != generation)
		return 1;
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
		if (parent == d ||
		    bpf_probe_read_kernel(text, sizeof(text), BPF_CORE_READ(d, d_name.name)) ||
		    rf_name_listed(&p->names, text[0], text[1], BPF_CORE_READ(d, d_name.len),
				   RF_FILTER_OF_FOLDERS))
			return 1;
		d = parent;
	}
	return 1;
}
