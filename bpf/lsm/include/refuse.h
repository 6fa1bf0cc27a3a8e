/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs at the security hooks share. */
#ifndef RF_REFUSE_H
#define RF_REFUSE_H

#include "calls.h"
#include "classify.h"
#include "exempt.h"
#include "label.h"

#define EPERM 1
#define RF_LABEL_DEPTH 40 /* folders between an object and the root of its file system */

/* Judges an object, tells of a refusal (to the priority ring, with the paths that stand in the
 * scratch) and kills where a rule says so: -EPERM, 0 = goes on. */
extern int rf_refuse(const struct rf_object *o);

/* An operation on a path, or on two of one mount: -EPERM, 0 = goes on. Kernel addresses, other 0 =
 * there is no second one. */
extern int rf_refuse_named(__u32 op, __u32 nr, __u64 dentry, __u64 other, __u64 mnt);

/* An operation of which only the process is judged; and the user whom it becomes, if has_id. */
extern int rf_refuse_process(__u32 op, __u32 nr, __u32 has_id, __u32 id);

/* The call that the current task makes, if it is one of these; usual where it is another one that
 * does the same (io_uring), a 32-bit one, or none: io_uring's work is also done on the way back
 * from an interrupt. */
static __always_inline __u32 rf_nr_among(__u32 usual, __u32 a, __u32 b, __u32 c)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 nr;

	if (task->flags & PF_IO_WORKER || rf_is_compat(task))
		return usual;
	nr = rf_regs_nr((struct pt_regs *)bpf_task_pt_regs(task));
	return nr != RF_NR_NONE && (nr == a || nr == b || nr == c) ? nr : usual;
}

#endif
