/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The network wall: programs at the root of cgroup2 that see every connect and every datagram with
 * a destination, before it happens, with the address as the kernel uses it. They consult the deny
 * list first and the rules after it.
 */
#include "calls.h"
#include "classify.h"
#include "deny.h"
#include "exempt.h"
#include "match.h"
#include "record.h"

#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define RF_DENY_TRIES 32 /* entries that cover one address and do not apply */
#define RF_COMBO_BITS 2
#define RF_LEVELS 16 /* of the cgroup hierarchy */

struct rf_deny4_map deny4 SEC(".maps");
struct rf_deny6_map deny6 SEC(".maps");
struct rf_host4_map host4 SEC(".maps");
struct rf_host6_map host6 SEC(".maps");
struct rf_deny_scope_map deny_scopes SEC(".maps");
struct rf_deny_control_map deny_control SEC(".maps");

static __always_inline struct rf_deny_control *rf_deny_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&deny_control, &zero);
}

/* The id of an entry that still holds, which is counted. */
static __always_inline __u32 rf_deny_hit(struct rf_deny_entry *e, __u64 *now)
{
	/* The clock is read where there is something to compare with. */
	if (!*now)
		*now = bpf_ktime_get_boot_ns();
	if (e->expires && e->expires <= *now)
		return 0;
	__sync_fetch_and_add(&e->hits, 1);
	e->last = *now;
	return e->id;
}

/* The entry that applies, longest prefix first; those that have expired are passed over. key:
 * struct rf_deny_key4 or rf_deny_key6. */
static __always_inline __u32 rf_deny_find(void *hosts, void *nets, void *key, __u32 places)
{
	__u32 *prefix = key, id;
	struct rf_deny_entry *e = NULL;
	__u64 now = 0;

	if (places & RF_DENY_HOSTS)
		e = bpf_map_lookup_elem(hosts, key);
	if (e) {
		id = rf_deny_hit(e, &now);
		if (id)
			return id;
	}
	if (!(places & RF_DENY_NETS))
		return 0;
	for (int i = 0; i < RF_DENY_TRIES; i++) {
		e = bpf_map_lookup_elem(nets, key);
		if (!e)
			return 0;
		id = rf_deny_hit(e, &now);
		if (id)
			return id;
		if (e->prefix <= RF_DENY_FIXED_BITS)
			return 0;
		*prefix = e->prefix - 1;
	}
	return 0;
}

/* One combination of port and protocol; the places stand above it. Global, so that it is verified
 * once and not for each of its calls. */
__u32 rf_deny_combo(const struct rf_dest *d, __u32 scope, __u32 combo)
{
	__u32 places = combo >> RF_COMBO_BITS;

	if (!d)
		return 0;
	if (d->family == AF_INET) {
		struct rf_deny_key4 key = {.prefix = RF_DENY_FIXED_BITS + 32,
					   .scope = scope,
					   .port = combo & 1 ? d->port : 0,
					   .proto = combo & 2 ? d->proto : 0};

		__builtin_memcpy(key.addr, d->addr, 4);
		return rf_deny_find(&host4, &deny4, &key, places);
	} else {
		struct rf_deny_key6 key = {.prefix = RF_DENY_FIXED_BITS + 128,
					   .scope = scope,
					   .port = combo & 1 ? d->port : 0,
					   .proto = combo & 2 ? d->proto : 0};

		__builtin_memcpy(key.addr, d->addr, 16);
		return rf_deny_find(&host6, &deny6, &key, places);
	}
}

/* One destination in one scope; the combinations of port and protocol that entries use. */
static __always_inline __u32 rf_deny_in(const struct rf_deny_control *c, const struct rf_dest *d,
					__u32 scope)
{
	__u32 id = 0;

	for (__u32 combo = 0; combo < 4 && !id; combo++)
		if (c->combos & (1U << combo))
			id = rf_deny_combo(d, scope, combo | c->places << RF_COMBO_BITS);
	return id;
}

/* The id of the entry that refuses this destination to the current task, 0 = none. */
static __always_inline __u32 rf_deny_dest(const struct rf_dest *d)
{
	struct rf_deny_control *c = rf_deny_settings();
	struct rf_deny_scope key = {};
	__u32 id, *scope;

	if (!c || !d || !c->places)
		return 0;
	id = rf_deny_in(c, d, 0);
	if (id)
		return id;
	if (c->scopes & RF_SCOPE_USER) {
		key.kind = RF_SCOPE_USER;
		key.value = bpf_get_current_uid_gid() & 0xffffffff;
		scope = bpf_map_lookup_elem(&deny_scopes, &key);
		if (scope)
			id = rf_deny_in(c, d, *scope);
	}
	if (!id && c->scopes & RF_SCOPE_CGROUP) {
		key.kind = RF_SCOPE_CGROUP;
		for (int level = 0; level < RF_LEVELS && !id; level++) {
			key.value = bpf_get_current_ancestor_cgroup_id(level);
			if (!key.value)
				break;
			scope = bpf_map_lookup_elem(&deny_scopes, &key);
			if (scope)
				id = rf_deny_in(c, d, *scope);
		}
	}
	return id;
}

/* The record of a refusal, to the priority ring. An entry is of no policy. */
static __always_inline void rf_deny_record(const struct rf_dest *d, __u32 entry, __u64 decided,
					   bool watched)
{
	__u32 slot = rf_begin(RF_KIND_CALL, 1);
	struct rf_slot *s = rf_slot(slot);

	if (!s)
		return;
	s->h.nr = d->nr;
	s->h.flags = (watched ? RF_F_WOULD_DENY : RF_F_DENIED) | RF_F_NO_RESULT;
	if (entry)
		s->h.clause = RF_CLAUSE_ENTRY | entry;
	else
		rf_tell_decided(&s->h, decided);
	s->call.args[0] = ~0ULL; /* which descriptor is not told here */
	s->call.fd.family = d->family;
	s->call.fd.type = d->family == AF_INET ? RF_FD_IPV4 : RF_FD_IPV6;
	s->call.fd.proto = d->proto;
	s->call.fd.sock_type = d->sock_type;
	if (d->nr == RF_NR_BIND) {
		s->call.fd.role = 2;
		s->call.fd.lport = d->port;
		__builtin_memcpy(s->call.fd.laddr, d->addr, 16);
	} else {
		s->call.fd.role = 1;
		s->call.fd.rport = d->port;
		__builtin_memcpy(s->call.fd.raddr, d->addr, 16);
	}
	rf_send(slot);
}

int rf_wall_told(const struct rf_dest *d, __u64 decided)
{
	if (d)
		rf_deny_record(d, 0, decided, decided & RF_DECIDED_MONITOR);
	return 0;
}

int rf_deny_listed(const struct rf_dest *d)
{
	struct rf_deny_control *c = rf_deny_settings();
	__u32 id;

	if (!c || !d)
		return RF_LISTED_NOT;
	id = rf_deny_dest(d);
	if (!id)
		return RF_LISTED_NOT;
	rf_deny_record(d, id, 0, c->monitor);
	return c->monitor ? RF_LISTED_WATCHED : RF_LISTED_REFUSED;
}

/* What the rules say of it. */
__u64 rf_wall_rules(const struct rf_dest *d)
{
	struct rf_object o = {.bits = RF_BIT_OK};
	struct rf_scratch *s;
	__u64 decided;

	if (!d)
		return 0;
	o.op = d->nr == RF_NR_CONNECT ? RF_OP_CONNECT
	       : d->nr == RF_NR_BIND  ? RF_OP_BIND
				      : RF_OP_SENDMSG;
	if (!rf_refusing(o.op))
		return 0;
	o.nr = d->nr;
	o.family = d->family;
	o.port = d->port;
	o.proto = d->proto;
	__builtin_memcpy(o.addr, d->addr, sizeof(o.addr));
	if (!rf_may_refuse(&o))
		return 0;
	s = rf_scratch_for(&o);
	if (!s)
		return 0;
	decided = rf_judge_deny(&o);
	rf_scratch_release(s);
	return decided;
}

/* 1 = goes through, 0 = EPERM. */
static __always_inline int rf_wall(struct rf_dest *d, bool rules)
{
	__u64 decided;
	__u32 listed;

	if (rf_exempt())
		return 1;
	/* Entries name destinations. */
	listed = d->nr == RF_NR_BIND ? RF_LISTED_NOT : rf_deny_listed(d);
	if (listed)
		return listed == RF_LISTED_WATCHED;
	if (!rules)
		return 1;
	decided = rf_wall_rules(d);
	if (!decided)
		return 1;
	rf_wall_told(d, decided);
	return !!(decided & RF_DECIDED_MONITOR);
}

/* A bind to no address is one to all of them. */
static __always_inline void rf_dest_here(struct rf_dest *d, struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;

	if (sk && d->nr != RF_NR_BIND)
		rf_dest_none(d, sk->src_ip4,
			     rf_mapped_words(sk->src_ip6[0], sk->src_ip6[1], sk->src_ip6[2]));
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
	rf_dest_here(d, ctx);
}

static __always_inline void rf_dest6(struct rf_dest *d, struct bpf_sock_addr *ctx, __u32 nr)
{
	__u32 w[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};

	d->nr = nr;
	d->proto = ctx->protocol;
	d->sock_type = ctx->type;
	d->port = bpf_ntohs((__u16)ctx->user_port);
	rf_dest_addr6(d, w);
	rf_dest_here(d, ctx);
}

/*
 * Each in two forms: with the rules, where the kernel gives these programs the storage of tasks,
 * and with the deny list alone, where the rules are asked at the security hooks.
 */
#define RF_WALL(name, section, family, nr)                                                         \
	SEC(section)                                                                               \
	int rf_##name(struct bpf_sock_addr *ctx)                                                   \
	{                                                                                          \
		struct rf_dest d = {};                                                             \
                                                                                                   \
		rf_dest##family(&d, ctx, nr);                                                      \
		return rf_wall(&d, true);                                                          \
	}                                                                                          \
	SEC(section)                                                                               \
	int rf_list_##name(struct bpf_sock_addr *ctx)                                              \
	{                                                                                          \
		struct rf_dest d = {};                                                             \
                                                                                                   \
		rf_dest##family(&d, ctx, nr);                                                      \
		return rf_wall(&d, false);                                                         \
	}

RF_WALL(connect4, "cgroup/connect4", 4, RF_NR_CONNECT)
RF_WALL(connect6, "cgroup/connect6", 6, RF_NR_CONNECT)
RF_WALL(sendmsg4, "cgroup/sendmsg4", 4, RF_NR_SENDTO)
RF_WALL(sendmsg6, "cgroup/sendmsg6", 6, RF_NR_SENDTO)

/* A socket's own address: the deny list does not speak of it. */
#define RF_WALL_BIND(name, section, family)                                                        \
	SEC(section)                                                                               \
	int rf_##name(struct bpf_sock_addr *ctx)                                                   \
	{                                                                                          \
		struct rf_dest d = {};                                                             \
                                                                                                   \
		rf_dest##family(&d, ctx, RF_NR_BIND);                                              \
		return rf_wall(&d, true);                                                          \
	}

RF_WALL_BIND(bind4, "cgroup/bind4", 4)
RF_WALL_BIND(bind6, "cgroup/bind6", 6)

#define RF_IP4_PROTO 9
#define RF_IP4_DST 16
#define RF_IP6_PROTO 6
#define RF_IP6_DST 24
#define RF_IP6_SIZE 40

/* The destination of a packet; false if it is none of IP. */
static __always_inline bool rf_packet_dest(struct __sk_buff *skb, struct rf_dest *d)
{
	__u8 first = 0, proto = 0;
	__u32 head = RF_IP6_SIZE;
	__be16 port = 0;

	if (bpf_skb_load_bytes(skb, 0, &first, 1))
		return false;
	if (first >> 4 == 4) {
		head = (first & 15) * 4;
		d->family = AF_INET;
		if (bpf_skb_load_bytes(skb, RF_IP4_DST, d->addr, 4) ||
		    bpf_skb_load_bytes(skb, RF_IP4_PROTO, &proto, 1))
			return false;
	} else if (first >> 4 == 6) {
		d->family = AF_INET6;
		if (bpf_skb_load_bytes(skb, RF_IP6_DST, d->addr, 16) ||
		    bpf_skb_load_bytes(skb, RF_IP6_PROTO, &proto, 1))
			return false;
	} else {
		return false;
	}
	d->proto = proto;
	if ((proto == IPPROTO_TCP || proto == IPPROTO_UDP) &&
	    !bpf_skb_load_bytes(skb, head + 2, &port, 2))
		d->port = bpf_ntohs(port);
	return true;
}

/*
 * The last wall: packets of raw sockets, and of connections that are older than an entry. Only
 * counted, since a record for each packet would be a flood.
 */
SEC("cgroup_skb/egress")
int rf_egress(struct __sk_buff *skb)
{
	struct rf_deny_control *c = rf_deny_settings();
	struct rf_deny_scope key = {.kind = RF_SCOPE_CGROUP};
	struct rf_dest d = {};
	__u32 id, *scope;

	if (!c || !c->places || c->monitor || !rf_packet_dest(skb, &d))
		return 1;
	id = rf_deny_in(c, &d, 0);
	if (!id && c->scopes & RF_SCOPE_CGROUP) {
		for (int level = 0; level < RF_LEVELS && !id; level++) {
			key.value = bpf_skb_ancestor_cgroup_id(skb, level);
			if (!key.value)
				break;
			scope = bpf_map_lookup_elem(&deny_scopes, &key);
			if (scope)
				id = rf_deny_in(c, &d, *scope);
		}
	}
	return id ? 0 : 1;
}
