/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Labels: the files and folders that denying rules name, by device and inode, so that another name
 * for one of them (hard link, bind mount, rename, chroot) is no way around a rule.
 */
#ifndef RF_LABEL_H
#define RF_LABEL_H

#include "match.h"

struct rf_label_key {
	__u64 ino;
	__u32 dev; /* as in struct super_block */
	__u32 generation;
	__u32 op; /* enum rf_op, and RF_LABEL_OTHER for what the second path of it names */
	__u32 pad;
};

#define RF_LABEL_OTHER 0x100

/* Requirements that are met, lane by lane: by the object itself, by what lies directly in it, by
 * everything below it, and, where it is moved, by what it leads to. */
struct rf_label {
	struct rf_mask self[RF_LANES];
	struct rf_mask child[RF_LANES];
	struct rf_mask below[RF_LANES];
	struct rf_mask above[RF_LANES]; /* such a label is in no filter: only moves ask for it */
};

struct rf_labels_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64 * 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rf_label_key);
	__type(value, struct rf_label);
};

extern struct rf_labels_map labels SEC(".maps");

/*
 * The labels of an object and of the folders above it, up to the root of its file system, into the
 * scratch. how: enum rf_labels_how. op with RF_LABEL_OTHER: as those of the second path.
 */
extern int rf_gather_labels(__u32 scratch, __u64 dentry, __u32 op, __u32 generation, __u32 how);

#endif
