/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernels cmwq was tried on.  Kbuild reads the file KERNELS, compares, and
 * says here what came out.
 *
 *	CMWQ_NEWEST_TESTED	the newest series, a string
 *	CMWQ_UNTESTED_KERNEL	set if this one is newer
 */
#ifndef _CMWQ_COMPAT_TESTED_H
#define _CMWQ_COMPAT_TESTED_H

#include <linux/types.h>

static inline bool cmwq_kernel_untested(void)
{
#ifdef CMWQ_UNTESTED_KERNEL
	return true;
#else
	return false;
#endif
}

#endif /* _CMWQ_COMPAT_TESTED_H */
