/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What denying rules speak of, as two sets that may say yes wrongly and never no: names of files
 * and folders (and addresses), and labelled objects. What is in neither, in folders that are in
 * neither, is refused by no rule that names a path: no path is written for it, no label looked up,
 * no function called. src/enforce/tables/name-filter.ts is the other half.
 */
#ifndef RF_FILTER_H
#define RF_FILTER_H

#include "label.h"
#include "match.h"

#define RF_FILTER_OF_FILES 1 /* the name must be the file's own */
#define RF_FILTER_OF_FOLDERS 2
#define RF_FILTER_ENDS_FILES 3 /* what the file's name must end with */
#define RF_FILTER_ENDS_FOLDERS 4
#define RF_FILTER_OF_ADDRESSES 5
#define RF_FILTER_ALONE 1 /* stands for the folder of a file that is known by its name alone */
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

/* An IPv4 address, host byte order. */
static __always_inline __u64 rf_address_listed(const struct rf_bits *bits, __u32 address)
{
	return rf_among(bits, rf_mix(RF_FILTER_OF_ADDRESSES, address));
}

/* A name is known by its length and its first bytes; what stands behind it is left over from
 * others.
 */
static __always_inline __u64 rf_name_hash(__u64 a, __u64 b, __u32 len, __u32 kind)
{
	/* All ones where it is shorter: the verifier would follow the outcomes of comparisons. */
	__u64 short8 = ((__s64)len - 8) >> 63, short16 = ((__s64)len - 16) >> 63;
	__u64 cut = (1ULL << (8 * len & 63)) - 1;

	asm volatile("" : "+r"(short8), "+r"(short16));
	a &= cut | ~short8;
	b &= (cut | ~short16) & ~short8;
	return rf_mix(rf_mix(len << 3 | kind, a), b);
}

/* By its last bytes, of which the last one stands highest: as many as each byte of `ends` says.
 * Where there are more in `tail` than the name has, they are others' and nothing is missed. */
static __always_inline __u64 rf_end_listed(const struct rf_bits *bits, __u64 tail, __u32 ends,
					   __u32 kind)
{
	__u64 listed = 0;

	for (int i = 0; i < 4; i++) {
		__u32 len = ends >> 8 * i & 15;

		listed |= rf_among(bits, rf_mix(len << 3 | kind, tail >> (64 - 8 * len & 63)));
	}
	return listed;
}

/* The same of a name in the kernel's memory: what stands before a short one is its dentry's. */
static __always_inline __u64 rf_dentry_ends(const struct rf_bits *bits, const void *text, __u32 len,
					    __u32 ends, __u32 kind)
{
	__u64 tail;

	bpf_probe_read_kernel(&tail, sizeof(tail), text + len - sizeof(tail));
	return rf_end_listed(bits, tail, ends, kind);
}

/* The same for the folders that a mount lies in. A global function: the verifier checks it once. */
extern __u32 rf_mount_listed(__u64 vfsmount, __u32 generation, __u32 op);

#endif
