/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The place where a record is judged before it costs anything more.
 *
 * rf_want() is called when the operation, the raw and the resolved path, the object and the
 * caller's identity stand in the slot, and before buffers and working directories are copied.
 */
#ifndef RF_CLASSIFY_H
#define RF_CLASSIFY_H

#include "slot.h"

enum rf_wanted {
	RF_WANT_DROP = 0,
	RF_WANT_EMIT = 1,
	RF_WANT_PRIORITY = 2, /* to the priority ring */
};

/* op: enum rf_op. slot->call (or ->exec) is filled up to path[], fd and addr. */
static __always_inline int rf_want(__u32 op, struct rf_slot *slot)
{
	return RF_WANT_EMIT;
}

#endif
