/* SPDX-License-Identifier: GPL-2.0 */
/* The automaton. */
#include "match.h"

struct rf_policies_map policies SEC(".maps");
struct rf_scratches_map scratches SEC(".maps");

#define RF_ROW(i) ((i) & (RF_TABLE_WORDS - 1))

static __always_inline void rf_hit(struct rf_scratch *s, __u32 number)
{
	__u32 n = s->count;

	s->hits[n & (RF_HITS - 1)] = number;
	s->count = n + 1;
}

/* Gathers what the outputs of a pass say. */
static __always_inline void rf_gather(const struct rf_policy *p, struct rf_scratch *s)
{
	__u32 count = s->count;

	__builtin_memset(s->lane, 0, sizeof(s->lane) + sizeof(s->forbid));
	s->irregular = 0;
	for (__u32 i = 0; i < RF_HITS; i++) {
		const struct rf_output *o;

		if (i >= count)
			break;
		o = &p->output[s->hits[i] & (RF_OUTPUTS - 1)];
		rf_or(&s->lane[0], &o->lane[0]);
		rf_or(&s->lane[1], &o->lane[1]);
		rf_or(&s->lane[2], &o->lane[2]);
		rf_or(&s->forbid, &o->forbid);
		s->irregular |= o->irregular;
	}
}

int rf_scan(__u32 scratch, __u32 op, __u32 string, __u32 generation, __u32 span)
{
	struct rf_scratch *s = bpf_map_lookup_elem(&scratches, &scratch);
	const struct rf_policy *p = rf_policy();
	__u32 from = span & 0xffff, len = span >> 16, row, folder, out;
	const struct rf_matcher *t;

	if (!s || !p || p->generation != generation || op >= RF_CLASSES || string >= RF_STRINGS)
		return 1;
	t = &rf_class_of(p, op)->string[string];
	s->count = 0;
	folder = s->zero; /* from memory, so that the verifier takes it for any number */
	row = t->start;
	out = p->table[RF_ROW(row)] & 0xffff;
	if (out)
		rf_hit(s, out);
	for (__u32 i = 0; i < RF_PATH_MAX; i++) {
		__u8 c;

		if (i >= len)
			break;
		c = s->buf[(from + i) & (RF_BUF - 1)];
		if (c == '/')
			folder = row;
		row = p->table[RF_ROW(row) + 2 + t->cls[c]];
		out = p->table[RF_ROW(row)] & 0xffff;
		if (out)
			rf_hit(s, out);
	}
	out = p->table[RF_ROW(row)] >> 16;
	if (out)
		rf_hit(s, out);
	out = p->table[RF_ROW(folder) + 1];
	if (folder && out)
		rf_hit(s, out);
	if (s->count > RF_HITS)
		return 1;
	rf_gather(p, s);
	return 0;
}
