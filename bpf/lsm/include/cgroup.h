/* SPDX-License-Identifier: GPL-2.0 */
/* The cgroup of a task, and what it says of the task. */
#ifndef RF_CGROUP_H
#define RF_CGROUP_H

#include "core.h"

static __always_inline struct kernfs_node *rf_v1_node(struct css_set *set, int subsys)
{
	struct cgroup_subsys_state *css = NULL;

	bpf_probe_read_kernel(&css, sizeof(css), (void *)&set->subsys + subsys * sizeof(css));
	return css ? BPF_CORE_READ(css, cgroup, kn) : NULL;
}

#define RF_V1_NODE(set, node, subsys)                                                              \
	do {                                                                                       \
		if (!rf_kernfs_parent(node) &&                                                     \
		    bpf_core_enum_value_exists(enum cgroup_subsys_id, subsys##_cgrp_id)) {         \
			struct kernfs_node *other = rf_v1_node(                                    \
			    set, bpf_core_enum_value(enum cgroup_subsys_id, subsys##_cgrp_id));    \
			if (other)                                                                 \
				node = other;                                                      \
		}                                                                                  \
	} while (0)

/* The task's folder in the unified hierarchy, or where it stands at the root of that one, in
 * those of version 1 that container runtimes use. */
static __always_inline struct kernfs_node *rf_cgroup_node(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct kernfs_node *node = BPF_CORE_READ(set, dfl_cgrp, kn);

	RF_V1_NODE(set, node, memory);
	RF_V1_NODE(set, node, pids);
	RF_V1_NODE(set, node, cpuset);
	return node;
}

/* 1 = the path of a cgroup is that of a container. Works in a scratch. */
extern __u32 rf_in_container(__u32 scratch, __u64 node);

/* Writes that path into the scratch: its span, 0 = not known. */
extern __u32 rf_cgroup_span(__u32 scratch);

#endif
