/* SPDX-License-Identifier: GPL-2.0 */
/* The automaton. */
#include "match.h"

struct rf_policies_map policies SEC(".maps");
struct rf_scratches_map scratches SEC(".maps");

struct rf_claim {
	__u32 found;
};

static long rf_claim_step(__u32 i, struct rf_claim *claim)
{
	struct rf_scratch *s = rf_scratch(i);

	if (!s || __sync_val_compare_and_swap(&s->busy, 0, 1) != 0)
		return 0;
	claim->found = i;
	return 1;
}

__u32 rf_scratch_claim_any(void)
{
	struct rf_claim claim = {.found = RF_NO_SCRATCH};

	bpf_loop(RF_SCRATCHES, rf_claim_step, &claim, 0);
	return claim.found;
}

#define RF_ROW(i) ((i) & (RF_TABLE_WORDS - 1))

static __always_inline void rf_hit(struct rf_scratch *s, __u32 number)
{
	__u32 n = s->count;

	/* A pattern that begins or ends with `*` is met byte after byte. */
	if (s->hits[(n - 1) & (RF_HITS - 1)] == number)
		return;
	s->hits[n & (RF_HITS - 1)] = number;
	s->count = n + 1;
}

/* What the steps of a loop work on: bpf_loop passes on what stands on the stack. */
struct rf_pass {
	const struct rf_policy *p;
	const struct rf_matcher *t;
	struct rf_scratch *s;
};

static long rf_gather_step(__u32 i, struct rf_pass *pass)
{
	struct rf_scratch *s = pass->s;
	const struct rf_output *o;

	o = &pass->p->output[s->hits[i & (RF_HITS - 1)] & (RF_OUTPUTS - 1)];
	rf_or(&s->lane[0], &o->lane[0]);
	rf_or(&s->lane[1], &o->lane[1]);
	rf_or(&s->lane[2], &o->lane[2]);
	rf_or(&s->forbid, &o->forbid);
	s->irregular |= o->irregular;
	return 0;
}

#define RF_CHUNK 8

/* So many bytes at a time: a step for each would cost more than its work, and the verifier follows
 * every turn of an ordinary loop. */
static long rf_scan_step(__u32 chunk, struct rf_pass *pass)
{
	const struct rf_policy *p = pass->p;
	struct rf_scratch *s = pass->s;
	__u32 row = s->row, from = s->from, left = s->left, out;

	for (int i = 0; i < RF_CHUNK; i++) {
		__u8 c;

		if (i >= left)
			break;
		c = s->buf[(from + i) & (RF_BUF - 1)];
		if (c == '/')
			s->folder = row;
		row = p->table[RF_ROW(row) + 2 + pass->t->cls[c]];
		out = p->table[RF_ROW(row)] & 0xffff;
		if (out)
			rf_hit(s, out);
	}
	s->row = row;
	s->from = from + RF_CHUNK;
	s->left = left - RF_CHUNK;
	return 0;
}

int rf_scan(__u32 scratch, __u32 op, __u32 string, __u32 generation, __u32 span)
{
	struct rf_pass pass = {.s = bpf_map_lookup_elem(&scratches, &scratch), .p = rf_policy()};
	__u32 len = span >> 16, out;
	const struct rf_policy *p = pass.p;
	struct rf_scratch *s = pass.s;

	if (!s || !p || p->generation != generation || op >= RF_CLASSES || string >= RF_STRING_MAX)
		return 1;
	pass.t = &rf_class_of(p, op)->string[string];
	if (len > RF_PATH_MAX)
		len = RF_PATH_MAX;
	s->count = 0;
	s->hits[RF_HITS - 1] = 0; /* no output: what came before the first */
	s->folder = 0;
	s->row = pass.t->start;
	s->from = span & 0xffff;
	s->left = len;
	out = p->table[RF_ROW(s->row)] & 0xffff;
	if (out)
		rf_hit(s, out);
	bpf_loop((len + RF_CHUNK - 1) / RF_CHUNK, rf_scan_step, &pass, 0);
	out = p->table[RF_ROW(s->row)] >> 16;
	if (out)
		rf_hit(s, out);
	out = s->folder ? p->table[RF_ROW(s->folder) + 1] : 0;
	if (out)
		rf_hit(s, out);
	if (s->count > RF_HITS)
		return 1;
	__builtin_memset(s->lane, 0, sizeof(s->lane) + sizeof(s->forbid));
	s->irregular = 0;
	bpf_loop(s->count, rf_gather_step, &pass, 0);
	return 0;
}
