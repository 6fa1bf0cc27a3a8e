/* SPDX-License-Identifier: GPL-2.0 */
/* The flags of open(2), and what the rules ask of them. */
#ifndef RF_OPEN_H
#define RF_OPEN_H

#include "policy.h"

#define AT_FDCWD (-100)
#define O_ACCMODE 3
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 0100
#define O_TRUNC 01000
#if defined(__TARGET_ARCH_x86)
#define O_DIRECTORY 0200000
#else
#define O_DIRECTORY 040000
#endif

/* Bits by enum rf_bit. */
static __always_inline __u32 rf_open_bits(__u64 flags)
{
	__u32 access = flags & O_ACCMODE, bits = 0;

	if (access != O_WRONLY) /* 3, for ioctl only, counts as reading, as it does in user space */
		bits |= RF_BIT_READ;
	if (access == O_WRONLY || access == O_RDWR)
		bits |= RF_BIT_WRITE;
	if (flags & O_CREAT)
		bits |= RF_BIT_CREATE;
	if (flags & O_TRUNC)
		bits |= RF_BIT_TRUNCATE;
	if (flags & O_DIRECTORY)
		bits |= RF_BIT_EXTRA;
	return bits;
}

#endif
