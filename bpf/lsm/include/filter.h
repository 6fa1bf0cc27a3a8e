/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What denying rules speak of, as two sets that may say yes wrongly and never no: names of files
 * and folders, and labelled objects. What is in neither, in folders that are in neither, is refused
 * by no rule that names a path: no path is written for it, no label looked up, no function called.
 * src/enforce/tables/name-filter.ts is the other half.
 */
#ifndef RF_FILTER_H
#define RF_FILTER_H

#include "label.h"
#include "match.h"

#define RF_FILTER_OF_FILES 1 /* the name must be the file's own */
#define RF_FILTER_OF_FOLDERS 2
#define RF_FILTER_MIX 0x9e3779b97f4a7c15ULL

struct rf_label_bits_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rf_bits);
};

extern struct rf_label_bits_map label_bits SEC(".maps");

/* Two bits of one word stand for a member. */
static __always_inline __u64 rf_among(const struct rf_bits *bits, __u64 hash)
{
	__u64 member = 1ULL << (hash & 63) | 1ULL << (hash >> 6 & 63);

	__u64 missing = ~bits->w[(hash >> (bits->shift & 63)) & (RF_FILTER_WORDS - 1)] & member;

	/* No comparison, of which the verifier would follow both outcomes. */
	asm volatile("" : "+r"(missing));
	return ~(missing | -missing) >> 63;
}

static __always_inline __u64 rf_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * RF_FILTER_MIX;
	return hash ^ hash >> 29;
}

static __always_inline const struct rf_bits *rf_label_bits(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&label_bits, &zero);
}

static __always_inline __u64 rf_label_listed(const struct rf_bits *bits, __u64 ino, __u32 dev)
{
	return rf_among(bits, rf_mix((__u64)dev << 40, ino));
}

/* A name is known by its length and its first bytes; what stands behind it is left over from
 * others.
 */
static __always_inline __u64 rf_name_listed(const struct rf_bits *bits, __u64 a, __u64 b, __u32 len,
					    __u32 kind)
{
	/* All ones where it is shorter: the verifier would follow the outcomes of comparisons. */
	__u64 short8 = ((__s64)len - 8) >> 63, short16 = ((__s64)len - 16) >> 63;
	__u64 cut = (1ULL << (8 * len & 63)) - 1;

	asm volatile("" : "+r"(short8), "+r"(short16));
	a &= cut | ~short8;
	b &= (cut | ~short16) & ~short8;
	return rf_among(bits, rf_mix(rf_mix(len << 2 | kind, a), b));
}

/* The same for the folders that a mount lies in. A global function: the verifier checks it once. */
extern __u32 rf_mount_listed(__u64 vfsmount, __u32 generation);

#endif
