/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The network wall: programs at the root of cgroup2 that see every connect and every datagram with
 * a destination, before it happens, with the address as the kernel uses it. They consult the deny
 * list first and the rules after it.
 */
#include "classify.h"
#include "deny.h"
#include "match.h"
#include "record.h"

#define EPERM 1
#define RF_DENY_TRIES 32 /* entries that cover one address and do not apply */
#define RF_LEVELS 16	 /* of the cgroup hierarchy */

struct rf_deny4_map deny4 SEC(".maps");
struct rf_deny6_map deny6 SEC(".maps");
struct rf_deny_scope_map deny_scopes SEC(".maps");
struct rf_deny_control_map deny_control SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define RF_NR_CONNECT 42
#define RF_NR_SENDTO 44
#else
#define RF_NR_CONNECT 203
#define RF_NR_SENDTO 206
#endif

static __always_inline struct rf_deny_control *rf_deny_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&deny_control, &zero);
}

/* The entry that applies, longest prefix first; those that have expired are passed over. */
static __always_inline __u32 rf_deny_find4(struct rf_deny_key4 *key, __u64 now)
{
	for (int i = 0; i < RF_DENY_TRIES; i++) {
		struct rf_deny_entry *e = bpf_map_lookup_elem(&deny4, key);

		if (!e)
			return 0;
		if (!e->expires || e->expires > now) {
			__sync_fetch_and_add(&e->hits, 1);
			e->last = now;
			return e->id;
		}
		if (e->prefix <= RF_DENY_FIXED_BITS)
			return 0;
		key->prefix = e->prefix - 1;
	}
	return 0;
}

static __always_inline __u32 rf_deny_find6(struct rf_deny_key6 *key, __u64 now)
{
	for (int i = 0; i < RF_DENY_TRIES; i++) {
		struct rf_deny_entry *e = bpf_map_lookup_elem(&deny6, key);

		if (!e)
			return 0;
		if (!e->expires || e->expires > now) {
			__sync_fetch_and_add(&e->hits, 1);
			e->last = now;
			return e->id;
		}
		if (e->prefix <= RF_DENY_FIXED_BITS)
			return 0;
		key->prefix = e->prefix - 1;
	}
	return 0;
}

/* One destination in one scope; the combinations of port and protocol that entries use. */
static __always_inline __u32 rf_deny_in(const struct rf_deny_control *c, const struct rf_dest *d,
					__u32 scope, __u64 now)
{
	__u32 id = 0;

	for (__u32 combo = 0; combo < 4 && !id; combo++) {
		__u16 port = combo & 1 ? d->port : 0;
		__u8 proto = combo & 2 ? d->proto : 0;

		if (!(c->combos & (1U << combo)))
			continue;
		if (d->family == AF_INET) {
			struct rf_deny_key4 key = {.prefix = RF_DENY_FIXED_BITS + 32,
						   .scope = scope,
						   .port = port,
						   .proto = proto};

			__builtin_memcpy(key.addr, d->addr, 4);
			id = rf_deny_find4(&key, now);
		} else {
			struct rf_deny_key6 key = {.prefix = RF_DENY_FIXED_BITS + 128,
						   .scope = scope,
						   .port = port,
						   .proto = proto};

			__builtin_memcpy(key.addr, d->addr, 16);
			id = rf_deny_find6(&key, now);
		}
	}
	return id;
}

/* The id of the entry that refuses this destination to the current task, 0 = none. */
int rf_deny_dest(const struct rf_dest *d)
{
	struct rf_deny_control *c = rf_deny_settings();
	struct rf_deny_scope key = {};
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 id, *scope;

	if (!c || !d || !c->entries)
		return 0;
	id = rf_deny_in(c, d, 0, now);
	if (id)
		return id;
	if (c->scopes & RF_SCOPE_USER) {
		key.kind = RF_SCOPE_USER;
		key.value = bpf_get_current_uid_gid() & 0xffffffff;
		scope = bpf_map_lookup_elem(&deny_scopes, &key);
		if (scope)
			id = rf_deny_in(c, d, *scope, now);
	}
	if (!id && c->scopes & RF_SCOPE_CGROUP) {
		key.kind = RF_SCOPE_CGROUP;
		for (int level = 1; level < RF_LEVELS && !id; level++) {
			key.value = bpf_get_current_ancestor_cgroup_id(level);
			if (!key.value)
				break;
			scope = bpf_map_lookup_elem(&deny_scopes, &key);
			if (scope)
				id = rf_deny_in(c, d, *scope, now);
		}
	}
	return id;
}

/* The record of a refusal, to the priority ring. */
int rf_deny_record(const struct rf_dest *d, __u32 clause, __u32 flags)
{
	struct rf_slot *s;
	__u32 slot;

	if (!d)
		return 0;
	slot = rf_begin(RF_KIND_CALL, 1);
	s = rf_slot(slot);
	if (!s)
		return 0;
	s->h.nr = d->nr;
	s->h.flags = flags | RF_F_NO_RESULT;
	s->h.clause = clause;
	s->call.args[0] = ~0ULL; /* which descriptor is not told here */
	s->call.fd.family = d->family;
	s->call.fd.type = d->family == AF_INET ? RF_FD_IPV4 : RF_FD_IPV6;
	s->call.fd.proto = d->proto;
	s->call.fd.sock_type = d->sock_type;
	s->call.fd.role = 1;
	s->call.fd.rport = d->port;
	__builtin_memcpy(s->call.fd.raddr, d->addr, 16);
	return rf_send(slot);
}

/* What the rules say of it. */
static __always_inline __u32 rf_wall_rules(const struct rf_dest *d)
{
	struct rf_object o = {
	    .op = d->nr == RF_NR_CONNECT ? RF_OP_CONNECT : RF_OP_SENDMSG,
	    .nr = d->nr,
	    .bits = RF_BIT_OK,
	    .family = d->family,
	    .port = d->port,
	    .proto = d->proto,
	};
	struct rf_scratch *s;
	__u32 decided;

	__builtin_memcpy(o.addr, d->addr, sizeof(o.addr));
	o.scratch = rf_scratch_claim();
	s = rf_scratch(o.scratch);
	if (!s)
		return 0;
	decided = rf_judge_deny(&o);
	rf_scratch_release(s);
	return decided;
}

/* 1 = goes through, 0 = EPERM. */
static __always_inline int rf_wall(struct rf_dest *d)
{
	struct rf_deny_control *c = rf_deny_settings();
	__u32 id, tgid = bpf_get_current_pid_tgid() >> 32;

	/* Neither the init process nor the engine is ever refused anything. */
	if (!c || tgid <= 1 || rf_ignored(tgid))
		return 1;
	id = rf_deny_dest(d);
	if (!id) {
		__u32 decided = rf_wall_rules(d);

		if (!decided)
			return 1;
		rf_deny_record(d, decided & RF_DECIDED_CLAUSE,
			       decided & RF_DECIDED_MONITOR ? RF_F_WOULD_DENY : RF_F_DENIED);
		return !!(decided & RF_DECIDED_MONITOR);
	}
	if (c->monitor) {
		rf_deny_record(d, RF_CLAUSE_ENTRY | id, RF_F_WOULD_DENY);
		return 1;
	}
	rf_deny_record(d, RF_CLAUSE_ENTRY | id, RF_F_DENIED);
	return 0;
}

static __always_inline void rf_dest4(struct rf_dest *d, struct bpf_sock_addr *ctx, __u32 nr)
{
	__u32 addr = ctx->user_ip4;

	d->nr = nr;
	d->family = AF_INET;
	d->proto = ctx->protocol;
	d->sock_type = ctx->type;
	d->port = bpf_ntohs((__u16)ctx->user_port);
	__builtin_memcpy(d->addr, &addr, 4);
}

/* An IPv4-mapped address is an IPv4 address. */
static __always_inline void rf_dest6(struct rf_dest *d, struct bpf_sock_addr *ctx, __u32 nr)
{
	__u32 w0 = ctx->user_ip6[0], w1 = ctx->user_ip6[1], w2 = ctx->user_ip6[2],
	      w3 = ctx->user_ip6[3];

	d->nr = nr;
	d->proto = ctx->protocol;
	d->sock_type = ctx->type;
	d->port = bpf_ntohs((__u16)ctx->user_port);
	if (!w0 && !w1 && w2 == bpf_htonl(0xffff)) {
		d->family = AF_INET;
		__builtin_memcpy(d->addr, &w3, 4);
		return;
	}
	d->family = AF_INET6;
	__builtin_memcpy(d->addr, &w0, 4);
	__builtin_memcpy(d->addr + 4, &w1, 4);
	__builtin_memcpy(d->addr + 8, &w2, 4);
	__builtin_memcpy(d->addr + 12, &w3, 4);
}

SEC("cgroup/connect4")
int rf_connect4(struct bpf_sock_addr *ctx)
{
	struct rf_dest d = {};

	rf_dest4(&d, ctx, RF_NR_CONNECT);
	return rf_wall(&d);
}

SEC("cgroup/connect6")
int rf_connect6(struct bpf_sock_addr *ctx)
{
	struct rf_dest d = {};

	rf_dest6(&d, ctx, RF_NR_CONNECT);
	return rf_wall(&d);
}

SEC("cgroup/sendmsg4")
int rf_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct rf_dest d = {};

	rf_dest4(&d, ctx, RF_NR_SENDTO);
	return rf_wall(&d);
}

SEC("cgroup/sendmsg6")
int rf_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct rf_dest d = {};

	rf_dest6(&d, ctx, RF_NR_SENDTO);
	return rf_wall(&d);
}
