/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading several members of a kernel structure at once: one copy of the bytes around them, and
 * then plain loads. A helper call per member is what most of a record would cost otherwise.
 *
 * The offsets are constants once the object is loaded. Where a kernel has a member outside of the
 * window, RF_PICK reads it alone.
 */
#ifndef RF_WINDOW_H
#define RF_WINDOW_H

#include "core.h"

/* Copies size bytes of *ptr from member `first` on. */
#define RF_WINDOW(win, type, first, ptr)                                                           \
	bpf_probe_read_kernel(win, sizeof(win), (void *)(ptr) + bpf_core_field_offset(type, first))

/* The member of *ptr, out of the window that begins at member `first`. */
#define RF_PICK(win, type, first, member, ptr)                                                     \
	({                                                                                         \
		__typeof__(((type *)0)->member) value = 0;                                         \
		__u32 at =                                                                         \
		    bpf_core_field_offset(type, member) - bpf_core_field_offset(type, first);      \
		if (at <= sizeof(win) - sizeof(value))                                             \
			value = *(__typeof__(value) *)((__u8 *)(win) + at);                        \
		else                                                                               \
			bpf_probe_read_kernel(&value, sizeof(value),                               \
					      (void *)(ptr) +                                      \
						  bpf_core_field_offset(type, member));            \
		value;                                                                             \
	})

/* The same for a window that begins with the structure. */
#define RF_PICK_AT(win, type, member, ptr)                                                         \
	({                                                                                         \
		__typeof__(((type *)0)->member) value = 0;                                         \
		__u32 at = bpf_core_field_offset(type, member);                                    \
		if (at <= sizeof(win) - sizeof(value))                                             \
			value = *(__typeof__(value) *)((__u8 *)(win) + at);                        \
		else                                                                               \
			bpf_probe_read_kernel(&value, sizeof(value), (void *)(ptr) + at);          \
		value;                                                                             \
	})

/* Capability sets: one word from 6.3, two before. */
struct cred___word {
	struct {
		__u64 val;
	} cap_inheritable, cap_permitted, cap_effective;
} __attribute__((preserve_access_index));

struct cred___pair {
	struct {
		__u32 cap[2];
	} cap_inheritable, cap_permitted, cap_effective;
} __attribute__((preserve_access_index));

#define RF_CAPS(cred, set)                                                                         \
	({                                                                                         \
		const struct cred___word *word = (const void *)(cred);                             \
		const struct cred___pair *pair = (const void *)(cred);                             \
		__u64 caps;                                                                        \
		if (bpf_core_field_exists(word->set.val))                                          \
			caps = word->set.val;                                                      \
		else                                                                               \
			caps = pair->set.cap[0] | (__u64)pair->set.cap[1] << 32;                   \
		caps;                                                                              \
	})

#endif
