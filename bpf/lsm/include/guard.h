/* SPDX-License-Identifier: GPL-2.0 */
/* What of the engine's own is guarded against everybody else: process, files, BPF objects. */
#ifndef RF_GUARD_H
#define RF_GUARD_H

#include "kernel.h"

/* What was refused; in hdr.clause behind RF_CLAUSE_GUARD. */
enum rf_guarded {
	RF_GUARDED_SIGNAL = 1,
	RF_GUARDED_TRACE = 2,
	RF_GUARDED_FILE = 3,
	RF_GUARDED_BPF = 4,
	RF_GUARDED_LIMIT = 5,
	RF_GUARDED_MOUNT = 6,
	RF_GUARDED_MAP = 7,
	RF_GUARDED_PROC = 8,
	RF_GUARDED_HOOKS = 9,
};

#define RF_GUARD_CALLS 512

struct rf_guard {
	__u32 on;
	__u32 tgid; /* the engine */
	__u32
	    pins_dev; /* file system of the pins, as in struct super_block; 0 = nothing is pinned */
	enum rf_guarded last; /* what was refused last */
	__u64 refused;
	__u32 map_tgid; /* who was told of last for opening an object: lists open each */
	__u32 pad;
	__u8 calls[RF_GUARD_CALLS / 8]; /* bits of system calls that user space knows as events */
};

#define RF_CLAUSE_GUARD 0x40000000U

struct rf_guard_file {
	__u64 ino;
	__u32 dev; /* as in struct super_block */
	__u32 pad;
};

/* What is said of a file or folder. */
enum rf_guard_label {
	RF_GUARD_SELF = 1,	 /* it is not changed */
	RF_GUARD_BELOW = 2,	 /* nor anything below it */
	RF_GUARD_MAINTAINER = 4, /* who runs this program may change what is guarded */
	RF_GUARD_ABOVE = 8,	 /* a folder on the way to it: nothing is mounted there */
};

enum rf_guard_kind {
	RF_GUARD_MAP = 1,
	RF_GUARD_PROG = 2,
	RF_GUARD_LINK = 3,
	RF_GUARD_MOUNT = 4, /* a mount that guarded files are reached through */
	RF_GUARD_GROUP = 5, /* a group of mounts that share what is mounted there with such a one */
};

struct rf_guard_object {
	enum rf_guard_kind kind;
	__u32 id;
};

#endif
