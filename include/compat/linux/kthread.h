/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a thread says that it is gone, in code that stays.
 */
#ifndef _CMWQ_COMPAT_KTHREAD_H
#define _CMWQ_COMPAT_KTHREAD_H

#include_next <linux/kthread.h>

#ifndef CMWQ_HAVE_KTHREAD_COMPLETE	/* cead18552660, 5.17 */
#include <linux/kernel.h>
#define kthread_complete_and_exit(comp, code)	complete_and_exit(comp, code)
#endif

#endif /* _CMWQ_COMPAT_KTHREAD_H */
