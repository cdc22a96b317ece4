/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Preempt notifiers, or the want of them: kernels without KVM have none.
 */
#ifndef _CMWQ_COMPAT_PREEMPT_H
#define _CMWQ_COMPAT_PREEMPT_H

#include_next <linux/preempt.h>

#if defined(CONFIG_PREEMPT_NOTIFIERS) && !defined(CMWQ_NO_NOTIFIERS)
#define CMWQ_HAVE_NOTIFIERS	1
#else
#define CMWQ_HAVE_NOTIFIERS	0
#endif

#ifndef CONFIG_PREEMPT_NOTIFIERS
struct task_struct;
struct preempt_notifier;

struct preempt_ops {
	void (*sched_in)(struct preempt_notifier *notifier, int cpu);
	void (*sched_out)(struct preempt_notifier *notifier,
			  struct task_struct *next);
};

struct preempt_notifier {
	struct preempt_ops *ops;
};

#define preempt_notifier_init(notifier, what)	((notifier)->ops = (what))
#define preempt_notifier_register(notifier)	do { } while (0)
#define preempt_notifier_unregister(notifier)	do { } while (0)
#define preempt_notifier_inc()			do { } while (0)
#define preempt_notifier_dec()			do { } while (0)
#endif

#endif /* _CMWQ_COMPAT_PREEMPT_H */
