/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of the classifier: masks, automata, intervals. See policy.h. */
#ifndef RF_MATCH_H
#define RF_MATCH_H

#include "kernel.h"
#include "policy.h"

#define RF_BUF 4096
#define RF_JOIN 2048   /* the raw path stands behind it, what it is relative to before it */
#define RF_NORMAL 3072 /* the path in its normal form */
#define RF_PROCESS 0   /* what is matched of a process */
#define RF_RAW_MAX 512
#define RF_PATH_MAX 768 /* longer ones go to user space unjudged */
#define RF_FILE_MAX 512 /* what may be refused by its name; longer ones by their labels */
#define RF_DEPTH 64
#define RF_HITS 64 /* outputs met in one pass */
#define RF_SCRATCHES 128
#define RF_NO_SCRATCH 0xffffffffU

/* Where one judgement works: claimed by compare-and-swap, like the slots of records. */
struct rf_scratch {
	__u32 busy;
	__u32 irregular;
	__u32 folder;	      /* row at the last slash */
	volatile __u32 count; /* of hits; more than fit = nothing is concluded */
	__u32 hits[RF_HITS];
	struct rf_mask lane[RF_LANES];
	struct rf_mask forbid;
	struct rf_mask label[RF_LANES]; /* requirements that the object meets by its identity */
	struct rf_mask other[RF_LANES]; /* and those that the second one meets */
	struct rf_mask mask;		/* clauses that are left */
	/* State of the walk and of the normalisation: here, because the verifier follows every
	 * value that stands on the stack through every turn of a loop. */
	__u64 node;
	__u64 mnt;
	__u64 root;
	__u64 root_mnt;
	__u32 pos;
	__u32 done;
	__u32 row;
	__u32 left;
	__u32 from;
	__u32 len;
	__u32 out;
	__u32 start; /* of the component */
	__u32 depth;
	__u32 failed;
	__u16 stack[RF_DEPTH];
	__u8 buf[RF_BUF];
	__u8 slack[256];
};

struct rf_policy_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size,
	       sizeof(struct rf_policy)); /* clang leaves the type of an inner value out */
};

struct rf_policies_map {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct rf_policy_map);
};

struct rf_scratches_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RF_SCRATCHES);
	__type(key, __u32);
	__type(value, struct rf_scratch);
};

extern struct rf_policies_map policies SEC(".maps");
extern struct rf_scratches_map scratches SEC(".maps");

/*
 * One pass over buf[span & 0xffff ..] of span >> 16 bytes with an automaton of the policy of that
 * generation. What it says stands in the scratch's lanes. 0 = done. A global function: the verifier
 * checks it once.
 */
extern int rf_scan(__u32 scratch, __u32 op, __u32 string, __u32 generation, __u32 span);

#define RF_SCRATCH_TRIES 4

static __always_inline struct rf_scratch *rf_scratch(__u32 i)
{
	return bpf_map_lookup_elem(&scratches, &i);
}

/* Any that is free, wherever it stands: tasks that were preempted while they were judged hold
 * theirs, and nobody may get past a rule by having many of them. */
extern __u32 rf_scratch_claim_any(void);

static __always_inline __u32 rf_scratch_claim(void)
{
	__u32 first = bpf_get_smp_processor_id() * RF_SCRATCH_TRIES;

	for (__u32 n = 0; n < RF_SCRATCH_TRIES; n++) {
		__u32 i = (first + n) & (RF_SCRATCHES - 1);
		struct rf_scratch *s = rf_scratch(i);

		if (s && __sync_val_compare_and_swap(&s->busy, 0, 1) == 0)
			return i;
	}
	return rf_scratch_claim_any();
}

static __always_inline void rf_scratch_release(struct rf_scratch *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

static __always_inline struct rf_policy *rf_policy(void)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&policies, &zero);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

/* The bound stays where the verifier sees it: the compiler would find it superfluous. */
static __always_inline const struct rf_class *rf_class_of(const struct rf_policy *p, __u32 op)
{
	asm volatile("" : "+r"(op));
	return &p->cls[op & (RF_CLASSES - 1)];
}

static __always_inline const struct rf_mask *rf_call_mask(const struct rf_policy *p, __u32 nr)
{
	asm volatile("" : "+r"(nr));
	return &p->nr[nr & (RF_POLICY_CALLS - 1)];
}

static __always_inline void rf_and(struct rf_mask *m, const struct rf_mask *other)
{
	m->w[0] &= other->w[0];
	m->w[1] &= other->w[1];
	m->w[2] &= other->w[2];
	m->w[3] &= other->w[3];
}

static __always_inline void rf_or(struct rf_mask *m, const struct rf_mask *other)
{
	m->w[0] |= other->w[0];
	m->w[1] |= other->w[1];
	m->w[2] |= other->w[2];
	m->w[3] |= other->w[3];
	/* Sums stay in memory: kept in registers they would fill the small stack. */
	asm volatile("" ::: "memory");
}

static __always_inline bool rf_any(const struct rf_mask *m)
{
	return m->w[0] | m->w[1] | m->w[2] | m->w[3];
}

static __always_inline bool rf_meets(const struct rf_mask *a, const struct rf_mask *b)
{
	return (a->w[0] & b->w[0]) | (a->w[1] & b->w[1]) | (a->w[2] & b->w[2]) |
	       (a->w[3] & b->w[3]);
}

/* Lane by lane: no requirement, or a met one; and nothing forbidden. */
static __always_inline void rf_conclude(const struct rf_matcher *t, struct rf_scratch *s,
					struct rf_mask *m)
{
	for (int i = 0; i < RF_WORDS; i++)
		m->w[i] &= (t->base[0].w[i] | s->lane[0].w[i]) &
			   (t->base[1].w[i] | s->lane[1].w[i]) &
			   (t->base[2].w[i] | s->lane[2].w[i]) & ~s->forbid.w[i];
}

static __always_inline void rf_number(const struct rf_policy *p, const struct rf_intervals *t,
				      bool present, __u32 value, struct rf_mask *m)
{
	__u32 low = 0, half, n = t->count;

	if (!n)
		return;
	if (!present) {
		rf_and(m, &t->absent);
		return;
	}
	/* The difference's sign instead of a comparison: the verifier would follow both outcomes.
	 */
	for (int i = 0; i < 15 && n > 1; i++) {
		__u64 at;

		half = n >> 1;
		at = p->brk[(t->first + low + half) & (RF_BREAKS - 1)];
		low += half & ((__u32)((value - at) >> 63) - 1);
		n -= half;
	}
	rf_and(m, &p->brk_mask[(t->first + low) & (RF_BREAKS - 1)]);
}

#endif
