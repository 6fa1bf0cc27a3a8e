/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a record is built: a pool of slots, claimed by compare-and-swap.
 *
 * Not a per-CPU scratch: programs run preemptible, and the next task on this CPU would write
 * over a half-built record. A slot belongs to the program that claimed it until it lets go.
 */
#ifndef RF_SLOT_H
#define RF_SLOT_H

#include "event.h"
#include "policy.h"

#define RF_STR_MAX 4096	  /* one string, and the longest path */
#define RF_TAIL_MAX 24575 /* a string may start no later than this */
/* Twice a string's length: what a masked length could be, for the verifier. */
#define RF_REC_MAX (RF_TAIL_MAX + 1 + 2 * RF_STR_MAX + 8)
#define RF_NAME_MAX 256

/* In the union for their BTF only: the generator reads them from the object. */
struct rf_abi {
	enum rf_kind kind;
	enum rf_flag flag;
	enum rf_fd_type fd_type;
	enum rf_exe_flag exe_flag;
	enum rf_capture_flag capture_flag;
	enum rf_op op;
	enum rf_arg arg;
	enum rf_stat stat;
	enum rf_spare spare;
	enum rf_limit limit;
	enum rf_string string;
	enum rf_number number;
	enum rf_bit bit;
	enum rf_labelled labelled;
	enum rf_policy_flag policy_flag;
	struct rf_policy policy[0];
};

/* Where the parts of a call come from when not from the caller's memory: kernel addresses, 0 = the
 * caller's. */
struct rf_source {
	__u64 name[2]; /* the kernel's copies of the path arguments */
	__u64 file;    /* struct file that the call is about */
	__u64 addr;    /* the kernel's copy of the socket address */
	__u32 addr_len;
	__u32 pad;
};

/* A walk towards the root. Kernel pointers are kept as numbers: CO-RE would relocate this struct.
 */
struct rf_walk {
	__u64 node;
	__u64 mnt;	 /* struct vfsmount */
	__u64 mnt_root;	 /* what the mount shows of its filesystem */
	__u64 mnt_point; /* where it stands */
	__u64 mnt_up;	 /* and in which mount */
	__u64 root;
	__u64 root_mnt;
	__u32 pos; /* start of the path in the buffer, which it fills from the end */
	__u32 done;
};

struct rf_slot {
	__u32 busy;
	__u32 len; /* bytes of the record so far, a multiple of 8 */
	struct rf_source from;
	union {
		struct rf_hdr h;
		struct rf_call call;
		struct rf_exec exec;
		struct rf_fork fork;
		struct rf_exit exit;
		struct rf_abi abi;
		__u8 rec[RF_REC_MAX];
	};
	/* Working memory, here because a chain of programs has 512 bytes of stack in all. */
	struct rf_walk walk;
	__u64 window[14];
	__u8 path[RF_STR_MAX + RF_NAME_MAX]; /* grows from its end to the front */
};

#endif
