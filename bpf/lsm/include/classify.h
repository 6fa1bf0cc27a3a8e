/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The place where an operation is judged before it costs anything more.
 *
 * rf_judge() runs before a record is begun: it reads the path itself, at most once, into scratch
 * memory. What it cannot decide goes to user space.
 */
#ifndef RF_CLASSIFY_H
#define RF_CLASSIFY_H

#include "match.h"
#include "record.h"
#include "slot.h"

enum rf_wanted {
	RF_WANT_DROP = 0,
	RF_WANT_EMIT = 1,
};

/* What is judged. Members that an operation has not are 0. */
struct rf_query {
	__u32 op; /* enum rf_op */
	__u32 nr; /* system call */
	__s64 ret;
	__u64 path;   /* address of a path, 0 = none */
	__u64 flags;  /* open flags; socket: the family */
	__s32 dirfd;  /* what a relative path is relative to */
	__u32 bits;   /* out: the operation's bits */
	__u32 clause; /* out: not 0 = rf_judge_kill() is to be asked as well */
	__u32 kernel; /* the path stands in kernel memory */
	__s32 fd;     /* of the socket of a call that has returned, -1 = not to be looked at */
	__u64 addr;   /* where a message goes: a user's address, RF_ADDR_UNKNOWN, 0 = to the peer */
};

#define RF_ADDR_UNKNOWN (~0ULL)

/* What user space will know of a call's socket, as far as the kernel can tell. */
struct rf_peer {
	__u32 known;  /* enum rf_peer_known */
	__u32 family; /* of the destination, IPv4-mapped as IPv4; 0 = it is no internet socket */
	__u32 port;
	__u32 proto; /* IPPROTO_* by the socket's type, as fd.l4proto tells it */
	__u8 addr[16];
};

enum rf_peer_known {
	RF_PEER_SOCKET = 1,
	RF_PEER_DEST = 2, /* known, or known to be none */
};

extern int rf_peer_of(const struct rf_query *q, struct rf_peer *peer);

/* enum rf_wanted */
extern int rf_judge(struct rf_query *q);

/* What the task was killed for, as rf_judge_deny says it; 0 = it was not. */
extern __u64 rf_judge_kill(struct rf_query *q);

/* What the classifier keeps of a process: to be called in the new image, with its exe in the slot,
 * or with no slot. */
extern int rf_judge_exec(__u32 slot);

/* Something that may be refused, before it happens. Short: it stands on stacks that are full. */
struct rf_object {
	__u32 op;     /* enum rf_op */
	__u32 nr;     /* system call that it is reported as; chooses among the operation's events */
	__u32 bits;   /* enum rf_bit */
	__u16 family; /* of the destination; 0 = none */
	__u16 port;
	__u8 proto;
	__u8 guard; /* judged by labels alone, for whatever way of opening */
	__u8 how;   /* enum rf_labels_how */
	__u8 has_id;
	__u8 addr[16];
	__u32 scratch; /* where the strings stand, RF_NO_SCRATCH = there are none */
	__u32 path;    /* offset | length << 16 in its buffer, 0 = none */
	__u32 exe;     /* exec: the new image's path and name, instead of the task's own */
	__u32 comm;
	__u32 other;	  /* the second path, as path */
	__u32 id;	  /* setuid: who the process becomes, if has_id */
	__u32 flags;	  /* those of the call, for the record */
	__u64 node;	  /* the object's dentry, by which its labels are found; 0 = it has none */
	__u64 other_node; /* that of the second path */
};

enum rf_labels_how {
	RF_LABELS_MOVED = 1, /* also of what lies below the object itself */
	RF_LABELS_ALONE = 2, /* nothing of the folders above it */
};

/* What is decided: 0 = nothing, else 1 + clause, these, and in the upper half the generation of the
 * policy that decided: another one may be in force when it is told. */
#define RF_DECIDED_CLAUSE 0xffffU
#define RF_DECIDED_KILL (1U << 16)
#define RF_DECIDED_MONITOR (1U << 17)
#define RF_DECIDED_GENERATION 32

static __always_inline void rf_tell_decided(struct rf_hdr *h, __u64 decided)
{
	h->clause = decided & RF_DECIDED_CLAUSE;
	h->policy = decided >> RF_DECIDED_GENERATION;
}

/* By one policy and its labels, also where it is switched meanwhile. */
extern __u64 rf_judge_deny(const struct rf_object *o);
/* Whether any rule is left to be asked by the numbers and the process alone: cheap, and almost
 * always the end. */
extern int rf_may_refuse(const struct rf_object *o);

/* A place to judge it in. Where there is none it goes through, and is counted. */
static __always_inline struct rf_scratch *rf_scratch_for(struct rf_object *o)
{
	struct rf_scratch *s;

	o->scratch = rf_scratch_claim();
	s = rf_scratch(o->scratch);
	if (!s)
		rf_count(RF_STAT_UNJUDGED);
	return s;
}

/* Writes a path as the task sees it into a scratch: its span, 0 = not known, or too long to be
 * matched. */
extern __u32 rf_walk_span(__u32 scratch, __u64 dentry, __u64 vfsmount);

/* In the new image: what the rules say of it; it has been killed unless they only watch. */
extern __u64 rf_judge_image(void);

#endif
