/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stacks of a kernel that keeps none for later.
 */
#ifndef _CMWQ_COMPAT_STACKTRACE_H
#define _CMWQ_COMPAT_STACKTRACE_H

#include_next <linux/stacktrace.h>

#ifndef CONFIG_STACKTRACE
#define stack_trace_save(store, size, skip)	0
#define stack_trace_print(entries, nr, spaces)	do { } while (0)
#endif

#endif /* _CMWQ_COMPAT_STACKTRACE_H */
