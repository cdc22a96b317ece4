/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is the outgoing task going to sleep?  Asked under its rq->lock.
 * How long did a task have a CPU?
 *
 * CMWQ_HAVE_* come from Kbuild, which looks into the kernel's own header.
 */
#ifndef _CMWQ_COMPAT_SCHED_H
#define _CMWQ_COMPAT_SCHED_H

#include_next <linux/sched.h>

#ifdef CMWQ_HAVE_TASK___STATE	/* 2f064a59a11f, 5.14 */
#define cmwq_task_state(p)	READ_ONCE((p)->__state)
#else
#define cmwq_task_state(p)	READ_ONCE((p)->state)
#endif

/* In ns; of a running task as of the last tick. */
#define cmwq_task_runtime(p)	((p)->se.sum_exec_runtime)

static inline bool cmwq_task_is_blocking(struct task_struct *p)
{
#ifdef TASK_RTLOCK_WAIT
	/* A contended spinlock_t on PREEMPT_RT is no sleep: parity. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT) &&
	    cmwq_task_state(p) & TASK_RTLOCK_WAIT)
		return false;
#endif
#if defined(CMWQ_HAVE_TASK_IS_BLOCKED)
	return p->is_blocked || !p->on_rq;
#elif defined(CMWQ_HAVE_SCHED_DELAYED)	/* 152e11f6df29, 6.12 */
	return !p->on_rq || p->se.sched_delayed;
#else
	return !p->on_rq;
#endif
}

/*
 * Make @p a real-time task.  Old kernels let a module choose between two
 * priorities only.
 */
#ifdef CMWQ_HAVE_SETATTR_NOCHECK	/* exported in 5.16 */
#include <uapi/linux/sched/types.h>

static inline bool cmwq_realtime_possible(unsigned int policy, int priority)
{
	return true;
}

static inline int cmwq_set_realtime(struct task_struct *p, unsigned int policy,
				    int priority)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = policy,
		.sched_priority = priority,
	};

	return sched_setattr_nocheck(p, &attr);
}
#else
static inline bool cmwq_realtime_possible(unsigned int policy, int priority)
{
	return policy == SCHED_FIFO && (priority == 1 || priority == 50);
}

static inline int cmwq_set_realtime(struct task_struct *p, unsigned int policy,
				    int priority)
{
	if (priority == 1)
		sched_set_fifo_low(p);
	else
		sched_set_fifo(p);
	return 0;
}
#endif

#endif /* _CMWQ_COMPAT_SCHED_H */
