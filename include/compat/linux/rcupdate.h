/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A grace period that does not wait for others to make it worth while.
 */
#ifndef _CMWQ_COMPAT_RCUPDATE_H
#define _CMWQ_COMPAT_RCUPDATE_H

#include_next <linux/rcupdate.h>

#ifndef CMWQ_HAVE_CALL_RCU_HURRY	/* 3cb278e73be5, 6.2 */
#define call_rcu_hurry(head, func)	call_rcu(head, func)
#endif

#endif /* _CMWQ_COMPAT_RCUPDATE_H */
