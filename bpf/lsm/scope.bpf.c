/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a task belongs, by the path of its cgroup. The forms of container paths are those of
 * src/engine/enrich/container-id.ts; its test asks this program about the same paths.
 */
#include "cgroup.h"
#include "match.h"

#define RF_LEVELS 32	 /* of the cgroup hierarchy */
#define RF_NAME 256	 /* of a cgroup */
#define RF_ID_LEN 64	 /* hexadecimal digits */
#define RF_PATH_END 1024 /* the path ends there; names are read into what lies before RF_NAME */

enum rf_found {
	RF_FOUND_CONTAINER = 1,
	RF_FOUND_HELPER = 2, /* it carries a container's id and is not in it */
};

struct rf_walked {
	struct rf_scratch *s;
};

static __always_inline bool rf_is(const __u8 *text, const char *word, int len)
{
	for (int i = 0; i < len; i++)
		if (text[i] != (__u8)word[i])
			return false;
	return true;
}

#define RF_STARTS(text, word) rf_is(text, word, sizeof(word) - 1)
#define RF_EQUALS(text, word) rf_is(text, word, sizeof(word))

static __always_inline bool rf_ends(struct rf_scratch *s, __u32 len, const char *word, __u32 size)
{
	if (len < size)
		return false;
	for (__u32 i = 0; i < size; i++)
		if (s->buf[(len - size + i) & (RF_NAME - 1)] != (__u8)word[i])
			return false;
	return true;
}

#define RF_ENDS(s, len, word) rf_ends(s, len, word, sizeof(word) - 1)

/* The name is an id, or ends in one after a mark. */
static __always_inline bool rf_ends_in_id(struct rf_scratch *s, __u32 len)
{
	__u8 mark;

	if (RF_ENDS(s, len, ".scope"))
		len -= 6;
	if (len < RF_ID_LEN)
		return false;
	for (__u32 i = 0; i < RF_ID_LEN; i++) {
		__u8 c = s->buf[(len - RF_ID_LEN + i) & (RF_NAME - 1)];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	if (len == RF_ID_LEN)
		return true;
	mark = s->buf[(len - RF_ID_LEN - 1) & (RF_NAME - 1)];
	return len > RF_ID_LEN + 1 && (mark == '-' || mark == ':');
}

/* enum rf_found of one folder; parent: the beginning of the name above it. */
static __always_inline __u32 rf_name_found(struct rf_scratch *s, __u32 len, const __u8 *parent)
{
	const __u8 *name = s->buf;

	if (RF_STARTS(name, "crio-conmon-") || RF_STARTS(name, "libpod-conmon-"))
		return RF_FOUND_HELPER;
	if (rf_ends_in_id(s, len))
		return RF_FOUND_CONTAINER;
	if (RF_STARTS(name, "lxc.") && len > 4)
		return RF_EQUALS(name, "lxc.monitor") || RF_STARTS(name, "lxc.monitor.")
			   ? 0
			   : RF_FOUND_CONTAINER;
	if (RF_EQUALS(parent, "lxc"))
		return RF_EQUALS(name, "monitor") || RF_STARTS(name, "monitor.")
			   ? 0
			   : RF_FOUND_CONTAINER;
	if (RF_STARTS(name, "machine-lxc\\x2d") && RF_ENDS(s, len, ".scope"))
		return RF_FOUND_CONTAINER;
	if (!RF_EQUALS(parent, "machine.slice"))
		return 0;
	return (RF_STARTS(name, "systemd-nspawn@") && RF_ENDS(s, len, ".service")) ||
		       (RF_STARTS(name, "machine-") && RF_ENDS(s, len, ".scope"))
		   ? RF_FOUND_CONTAINER
		   : 0;
}

static long rf_container_step(__u32 i, struct rf_walked *w)
{
	struct rf_scratch *s = w->s;
	struct kernfs_node *kn = (void *)s->root, *parent = rf_kernfs_parent(kn);
	__u8 *above = (__u8 *)s->stack;
	long n;

	if (!parent)
		return 1;
	n = bpf_probe_read_kernel_str(s->buf, RF_NAME, BPF_CORE_READ(kn, name));
	__builtin_memset(above, 0, 16);
	bpf_probe_read_kernel_str(above, 16, BPF_CORE_READ(parent, name));
	if (n > 1 && n <= RF_NAME)
		s->out |= rf_name_found(s, n - 1, above);
	s->root = (__u64)parent;
	return 0;
}

__u32 rf_in_container(__u32 scratch, __u64 node)
{
	struct rf_scratch *s = rf_scratch(scratch);
	struct rf_walked w = {.s = s};

	if (!s)
		return 0;
	s->root = node;
	s->out = 0;
	bpf_loop(RF_LEVELS, rf_container_step, &w, 0);
	return s->out == RF_FOUND_CONTAINER;
}

static long rf_span_step(__u32 i, struct rf_walked *w)
{
	struct rf_scratch *s = w->s;
	struct kernfs_node *kn = (void *)s->root, *parent = rf_kernfs_parent(kn);
	__u32 len, at = s->out;
	long n;

	if (!parent) {
		s->start = 1;
		return 1;
	}
	n = bpf_probe_read_kernel_str(s->buf, RF_NAME, BPF_CORE_READ(kn, name));
	if (n <= 1 || n > RF_NAME)
		return 1;
	len = n - 1;
	if (at < RF_NAME + len + 1 || at > RF_PATH_END)
		return 1;
	at -= len + 1;
	s->buf[at & (RF_PATH_END - 1)] = '/';
	bpf_probe_read_kernel(&s->buf[(at + 1) & (RF_PATH_END - 1)], len & (RF_NAME - 1), s->buf);
	s->out = at;
	s->root = (__u64)parent;
	return 0;
}

__u32 rf_cgroup_span(__u32 scratch)
{
	struct rf_scratch *s = rf_scratch(scratch);
	struct rf_walked w = {.s = s};

	if (!s)
		return 0;
	s->root = (__u64)rf_cgroup_node(bpf_get_current_task_btf());
	s->out = RF_PATH_END;
	s->start = 0;
	bpf_loop(RF_LEVELS, rf_span_step, &w, 0);
	if (!s->start)
		return 0;
	if (s->out == RF_PATH_END) { /* the root itself */
		s->buf[RF_PATH_END - 1] = '/';
		s->out = RF_PATH_END - 1;
	}
	return (s->out & 0xffff) | (RF_PATH_END - s->out) << 16;
}

/* For tests: whether the caller is in a container, through BPF_PROG_TEST_RUN. */
SEC("syscall")
int rf_container_once(void *ctx)
{
	__u32 scratch = rf_scratch_claim(), found;
	struct rf_scratch *s = rf_scratch(scratch);

	if (!s)
		return -1;
	found = rf_in_container(scratch, (__u64)rf_cgroup_node(bpf_get_current_task_btf()));
	rf_scratch_release(s);
	return found;
}
