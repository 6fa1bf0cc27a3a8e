/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One generation of rules as the kernel reads it: a single map value, so that a policy is switched
 * by one update of the outer map. src/enforce/tables/encode.ts writes it,
 * src/enforce/tables/model.ts is the same algorithm in TypeScript.
 *
 * A clause is a conjunction; an operation has up to 256 of them, one bit each in a struct rf_mask.
 * Every dimension yields the set of clauses that its value allows; the verdict is their
 * intersection.
 */
#ifndef RF_POLICY_H
#define RF_POLICY_H

#include <linux/types.h>

/* An enumeration, so that user space reads them from the BTF. */
enum rf_limit {
	RF_WORDS = 4,
	RF_LANES = 3,	 /* requirements on one string in one clause */
	RF_CLASSES = 32, /* by enum rf_op; a power of two, for the verifier */
	RF_OUTPUTS = 4096,
	RF_TABLE_WORDS = 512 * 1024,
	RF_BREAKS = 32 * 1024,
	RF_POLICY_CALLS = 512,
	RF_BIT_STATES = 64,
	RF_PROCESS_CLASSES = 8, /* operations whose process masks are kept in task storage */
	RF_FILTER_WORDS = 16384,
};

#define RF_NO_PROCESS 0xffffffffU
#define RF_PROTECTED_MARK 1 /* stands before the names of protected executables */

enum rf_string {
	RF_STRING_PATH = 0, /* absolute, without `.`, `..` and doubled slashes */
	RF_STRING_RAW = 1,  /* as the caller passed it */
	RF_STRING_COMM = 2, /* from here: properties of the process */
	RF_STRING_EXE = 3,
	RF_STRING_PCOMM = 4,
	RF_STRING_ADDR6 = 5, /* 16 bytes, network order */
	RF_STRING_OTHER = 6, /* the second path of an operation that has two */
	RF_STRING_CGROUP = 7,
	RF_STRING_MAX = 8,
};

enum rf_number {
	RF_NUMBER_UID = 0,
	RF_NUMBER_LOGINUID = 1,
	RF_NUMBER_SCOPE = 2,  /* 0 the host, 1 a container */
	RF_NUMBER_DADDR4 = 3, /* host byte order */
	RF_NUMBER_DPORT = 4,
	RF_NUMBER_PROTO = 5,
	RF_NUMBER_ID = 6, /* the user that a process becomes; the family of a new socket */
	RF_NUMBER_MAX = 7,
};

enum rf_bit {
	RF_BIT_OK = 1,
	RF_BIT_READ = 2,
	RF_BIT_WRITE = 4,
	RF_BIT_CREATE = 8,
	RF_BIT_TRUNCATE = 16,
	RF_BIT_EXTRA = 32, /* open: O_DIRECTORY; connect: in progress */
};

struct rf_mask {
	__u64 w[RF_WORDS];
};

/* A set by hashes: see filter.h. Small sets take the first words only. */
struct rf_bits {
	__u64 shift; /* of a hash: what is left of it is a word's index */
	__u64 w[RF_FILTER_WORDS];
};

/* What becomes known when patterns hold. */
struct rf_output {
	struct rf_mask lane[RF_LANES]; /* clauses whose requirement is met */
	struct rf_mask forbid;	       /* clauses that are out */
	__u32 irregular;	       /* the string is not in its normal form */
	__u32 pad;
};

/*
 * An automaton. A row of the table is: hit | end << 16, dir, and the next row for each byte class;
 * rows are known by their first word's index.
 */
struct rf_matcher {
	struct rf_mask base[RF_LANES]; /* clauses without a requirement there */
	struct rf_mask care;	       /* clauses that look at this string */
	__u32 start;		       /* row; 0 = no clause looks at this string */
	__u32 pad;
	__u8 cls[256];
};

/* Intervals of a number: breaks[first .. first + count) and their masks. */
struct rf_intervals {
	__u32 first;
	__u32 count; /* 0 = no clause looks at this number */
	struct rf_mask absent;
	struct rf_mask care;
};

/* What denying clauses name, and may thus be labelled. */
enum rf_labelled {
	RF_LABELLED_NOTHING = 0,
	RF_LABELLED_OBJECTS = 1,
	RF_LABELLED_FOLDERS = 2, /* also for what lies in them */
};

struct rf_class {
	__u32 active;
	__u32 process; /* index of its masks in task storage */
	__u32 numbers; /* bits by enum rf_number: which of them clauses look at */
	__u32 labels;  /* enum rf_labelled */
	struct rf_mask emit;
	struct rf_mask deny;
	struct rf_mask kill;
	struct rf_mask monitor; /* denying clauses that only report */
	struct rf_mask care;	/* clauses that look at the process */
	struct rf_mask closed;	/* denying clauses that hold where a string cannot be read */
	struct rf_mask bits[RF_BIT_STATES];
	struct rf_matcher string[RF_STRING_MAX];
	struct rf_intervals number[RF_NUMBER_MAX];
};

/* What is asked of an operation before anything else; together, for the processor's cache. */
struct rf_first {
	__u64 refused; /* by the operation's bits: whether any denying clause is about it */
	__u64 unnamed; /* the same, of those that hold for more than what `names` speaks of */
	__u32 folders; /* 1 = some of what `names` speaks of are folders */
	/* How many of a name's last bytes `names` knows, a length in each byte; 0 = none. */
	__u32 file_ends;
	__u32 folder_ends;
	__u32 pad;
};

/* rf_policy.flags */
enum rf_policy_flag {
	RF_POLICY_SCOPES = 1, /* some rule asks whether a task is in a container */
};

struct rf_policy {
	__u32 generation;
	__u32 flags;   /* enum rf_policy_flag */
	__u32 refuses; /* bits by enum rf_op: operations with denying clauses */
	__u32 pad;
	struct rf_first first[RF_CLASSES];
	struct rf_bits names;		    /* of files, folders and addresses of denying clauses */
	struct rf_mask nr[RF_POLICY_CALLS]; /* by system call: which clauses it can be */
	struct rf_class cls[RF_CLASSES];
	struct rf_output output[RF_OUTPUTS];
	__u32 brk[RF_BREAKS];
	struct rf_mask brk_mask[RF_BREAKS];
	__u32 table[RF_TABLE_WORDS];
	__u32 slack[320]; /* a row may begin at the last word */
};

#endif
