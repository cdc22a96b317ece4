/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracepoints that sched_hook.c listens to: their names and arguments.
 *
 * CMWQ_ENTRY_TP fires in __schedule() before rq->lock is taken, CMWQ_ENTRY_FIRES
 * times in each.  Newest kernels have one that is made for it, older ones
 * one of RCU's, whose first call there is told by its string.
 */
#include_next <linux/tracepoint.h>	/* which wants to be read each time */

#ifndef _CMWQ_COMPAT_TRACEPOINT_H
#define _CMWQ_COMPAT_TRACEPOINT_H

#include <linux/string.h>

#ifdef CMWQ_HAVE_SCHED_ENTRY_TP
#define CMWQ_ENTRY_TP		"sched_entry_tp"
#define CMWQ_ENTRY_FIRES	1
#define CMWQ_ENTRY_ARG	bool arg

static inline bool cmwq_entry_may_block(bool preempt)
{
	return !preempt;
}
#else
#define CMWQ_ENTRY_TP		"rcu_utilization"
#define CMWQ_ENTRY_FIRES	2
#define CMWQ_ENTRY_ARG	const char *arg

/* The string is one and the same in each call; its pointer is learnt once. */
static inline bool cmwq_entry_may_block(const char *s)
{
	static const char *start;

	if (likely(s == READ_ONCE(start)))
		return true;
	if (READ_ONCE(start) || strcmp(s, "Start context switch"))
		return false;
	WRITE_ONCE(start, s);
	return true;
}
#endif

#ifdef CMWQ_HAVE_SWITCH_PREV_STATE	/* fa2c3254d7cf, 5.18 */
#define CMWQ_SWITCH_ARGS	bool preempt, struct task_struct *prev, \
				struct task_struct *next, unsigned int prev_state
#else
#define CMWQ_SWITCH_ARGS	bool preempt, struct task_struct *prev, \
				struct task_struct *next
#endif

#endif /* _CMWQ_COMPAT_TRACEPOINT_H */
