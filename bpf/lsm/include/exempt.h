/* SPDX-License-Identifier: GPL-2.0 */
/* Who is never refused anything, and whether there is anything to refuse. */
#ifndef RF_EXEMPT_H
#define RF_EXEMPT_H

#include "match.h"
#include "record.h"

static __always_inline bool rf_exempt(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	/* Neither the init process nor the engine is ever refused anything. */
	return tgid <= 1 || rf_ignored(tgid);
}

/* Whether any rule refuses this operation: asked first, since it is almost always no. */
static __always_inline bool rf_refusing(__u32 op)
{
	const struct rf_policy *p = rf_policy();

	return p && p->refuses & (1U << op);
}

#endif
