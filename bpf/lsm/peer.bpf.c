/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The destination of a call that has returned, as user space will see it: what the classifier
 * compares before a record is begun. What is in doubt is left unknown, so that nothing is hidden.
 */
#include "classify.h"
#include "record.h"
#include "window.h"

#define EINPROGRESS 115
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58
#define IPPROTO_RAW 255
#define RF_PROTO_OTHER 256 /* an internet socket of another kind; 0 = none at all */

/* As fd.l4proto tells it. */
static __always_inline __u32 rf_proto_of(__u32 type, __u32 proto)
{
	switch (type) {
	case SOCK_STREAM:
		return IPPROTO_TCP;
	case SOCK_DGRAM:
		return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP
									: IPPROTO_UDP;
	case SOCK_RAW:
		return IPPROTO_RAW;
	}
	return RF_PROTO_OTHER;
}

static __always_inline bool rf_mapped(const __u32 *w)
{
	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff);
}

static __always_inline void rf_peer_v6(struct rf_peer *peer, const __u32 *w)
{
	if (rf_mapped(w)) {
		peer->family = AF_INET;
		__builtin_memcpy(peer->addr, w + 3, 4);
	} else {
		peer->family = AF_INET6;
		__builtin_memcpy(peer->addr, w, 16);
	}
}

/* The address that a message was sent to. */
static __always_inline void rf_peer_argument(struct rf_peer *peer, __u64 user)
{
	__u32 w[7] = {}; /* the longer one, struct sockaddr_in6 */
	__u16 family;

	if (bpf_probe_read_user(w, 8, (void *)user))
		return;
	family = w[0];
	if (family == AF_INET) {
		peer->family = AF_INET;
		__builtin_memcpy(peer->addr, &w[1], 4);
	} else if (family == AF_INET6 && !bpf_probe_read_user(&w[2], 16, (void *)user + 8)) {
		rf_peer_v6(peer, &w[2]);
	} else {
		return;
	}
	peer->port = bpf_ntohs((__u16)(w[0] >> 16));
	peer->known |= RF_PEER_DEST;
}

/* The address that an IPv6 socket is connected to. */
static __always_inline void rf_peer_connected6(struct rf_peer *peer, struct sock_common *c)
{
	__u32 raddr[4], laddr[4];

	BPF_CORE_READ_INTO(&raddr, c, skc_v6_daddr);
	BPF_CORE_READ_INTO(&laddr, c, skc_v6_rcv_saddr);
	if (rf_mapped(laddr) && !rf_mapped(raddr))
		return;
	rf_peer_v6(peer, raddr);
	peer->known |= RF_PEER_DEST;
}

int rf_peer_of(const struct rf_query *q, struct rf_peer *peer)
{
	struct file *file;
	struct socket *socket;
	__u64 win[6], common[3];
	struct sock_common *c;
	bool message;
	__u32 type, daddr;
	struct sock *sk;
	__u16 family;
	__be16 port;

	if (!q || !peer)
		return 0;
	file = (void *)rf_file_of(q->fd);
	socket = file ? BPF_CORE_READ(file, private_data) : NULL;
	if (!socket)
		return 0;
	bpf_probe_read_kernel(win, sizeof(win), socket);
	/* The descriptor may be another file's by now. */
	if (RF_PICK_AT(win, struct socket, file, socket) != file)
		return 0;
	sk = RF_PICK_AT(win, struct socket, sk, socket);
	type = RF_PICK_AT(win, struct socket, type, socket);
	if (!sk)
		return 0;
	c = &sk->__sk_common;
	bpf_probe_read_kernel(common, sizeof(common), c);
	family = RF_PICK_AT(common, struct sock_common, skc_family, c);
	peer->known = RF_PEER_SOCKET;
	if (family != AF_INET && family != AF_INET6) {
		peer->known |= RF_PEER_DEST;
		return 0;
	}
	peer->proto = rf_proto_of(type, BPF_CORE_READ(sk, sk_protocol));
	message = q->op != RF_OP_CONNECT;
	if (message && (type == SOCK_STREAM || q->addr == RF_ADDR_UNKNOWN))
		return 0;
	if (q->ret < 0 && (message || q->ret != -EINPROGRESS))
		return 0;
	if (message && q->addr) {
		rf_peer_argument(peer, q->addr);
		return 0;
	}
	port = RF_PICK_AT(common, struct sock_common, skc_dport, c);
	if (!port)
		return 0;
	peer->port = bpf_ntohs(port);
	if (family == AF_INET6) {
		rf_peer_connected6(peer, c);
		return 0;
	}
	daddr = RF_PICK_AT(common, struct sock_common, skc_daddr, c);
	peer->family = AF_INET;
	__builtin_memcpy(peer->addr, &daddr, 4);
	peer->known |= RF_PEER_DEST;
	return 0;
}
