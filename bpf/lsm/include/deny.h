/* SPDX-License-Identifier: GPL-2.0 */
/* Deny lists: entries outside any rule, each with an id, an expiry and a count. */
#ifndef RF_DENY_H
#define RF_DENY_H

#include "kernel.h"

/* What stands before the address in a key: scope, port and protocol are matched exactly, 0 = any.
 */
#define RF_DENY_FIXED_BITS 64

struct rf_deny_key4 {
	__u32 prefix; /* bits that count, the fixed ones included */
	__u32 scope;
	__u16 port;
	__u8 proto;
	__u8 pad;
	__u8 addr[4];
};

struct rf_deny_key6 {
	__u32 prefix;
	__u32 scope;
	__u16 port;
	__u8 proto;
	__u8 pad;
	__u8 addr[16];
};

struct rf_deny_entry {
	__u64 expires; /* CLOCK_BOOTTIME, ns; 0 = never */
	__u64 hits;
	__u64 last; /* when it was last hit */
	__u32 id;
	__u32 prefix; /* as in the key */
};

/* For whom an entry holds: a user, or a cgroup and everything below it. */
enum rf_scope_kind {
	RF_SCOPE_USER = 1,
	RF_SCOPE_CGROUP = 2,
};

struct rf_deny_scope {
	__u64 kind;
	__u64 value; /* uid or cgroup id */
};

/* Where entries are: single addresses are found in one step, however many there are. */
enum rf_deny_place {
	RF_DENY_HOSTS = 1,
	RF_DENY_NETS = 2,
};

struct rf_deny_control {
	__u32 places;  /* bits of enum rf_deny_place that hold entries; 0 = nothing to look up */
	__u32 combos;  /* bits: 0 any port and protocol, 1 by port, 2 by protocol, 3 by both */
	__u32 scopes;  /* bits of enum rf_scope_kind that entries use */
	__u32 monitor; /* report, and let it through */
};

struct rf_deny4_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1 << 20);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rf_deny_key4);
	__type(value, struct rf_deny_entry);
};

struct rf_deny6_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1 << 20);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rf_deny_key6);
	__type(value, struct rf_deny_entry);
};

/* Entries on single addresses; what does not fit is kept with the networks. */
struct rf_host4_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 18);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rf_deny_key4);
	__type(value, struct rf_deny_entry);
};

struct rf_host6_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct rf_deny_key6);
	__type(value, struct rf_deny_entry);
};

struct rf_deny_scope_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct rf_deny_scope);
	__type(value, __u32);
};

struct rf_deny_control_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rf_deny_control);
};

/* A destination, IPv4-mapped addresses as IPv4. */
struct rf_dest {
	__u32 nr; /* the system call it is reported as */
	__u16 family;
	__u16 port; /* host byte order */
	__u8 proto;
	__u8 sock_type;
	__u8 pad[6];
	__u8 addr[16];
};

static __always_inline bool rf_mapped_words(__u32 a, __u32 b, __u32 c)
{
	return !a && !b && c == bpf_htonl(0xffff);
}

/* An IPv4-mapped address is an IPv4 address. */
static __always_inline void rf_dest_addr6(struct rf_dest *d, const void *address)
{
	__u32 w[4];

	__builtin_memcpy(w, address, 16);
	if (rf_mapped_words(w[0], w[1], w[2])) {
		d->family = AF_INET;
		__builtin_memset(d->addr, 0, sizeof(d->addr));
		__builtin_memcpy(d->addr, &w[3], 4);
		return;
	}
	d->family = AF_INET6;
	__builtin_memcpy(d->addr, w, 16);
}

#define RF_LOOPBACK bpf_htonl(0x7f000001)

/* What is sent to no address at all the kernel sends to this host: to the address that the socket
 * has (0 = none), of IPv6 to ::1, unless the socket's own address is IPv4-mapped. */
static __always_inline void rf_dest_none(struct rf_dest *d, __u32 own, bool own_mapped)
{
	__u32 w[4];

	__builtin_memcpy(w, d->addr, 16);
	if (w[0] | w[1] | w[2] | w[3])
		return;
	if (d->family == AF_INET6 && !own_mapped) {
		d->addr[15] = 1;
		return;
	}
	if (d->family == AF_INET6 || !own)
		own = RF_LOOPBACK;
	d->family = AF_INET;
	__builtin_memcpy(d->addr, &own, 4);
}

/* hdr.clause of a deny-list entry: this bit and its id. */
#define RF_CLAUSE_ENTRY 0x80000000U

enum rf_listed {
	RF_LISTED_NOT = 0,
	RF_LISTED_REFUSED = 1,
	RF_LISTED_WATCHED = 2, /* told, and goes through */
};

/* What the deny list says of a destination, which is told of: enum rf_listed. */
extern int rf_deny_listed(const struct rf_dest *d);
/* What the rules say of it: as rf_judge_deny. */
extern __u64 rf_wall_rules(const struct rf_dest *d);
/* Tells what they said. */
extern int rf_wall_told(const struct rf_dest *d, __u64 decided);

#endif
