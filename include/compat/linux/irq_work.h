/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An irq_work that runs in hard interrupt context, on PREEMPT_RT as well.
 */
#ifndef _CMWQ_COMPAT_IRQ_WORK_H
#define _CMWQ_COMPAT_IRQ_WORK_H

#include_next <linux/irq_work.h>

static inline void cmwq_init_hard_irq_work(struct irq_work *work,
					   void (*fn)(struct irq_work *))
{
#ifdef IRQ_WORK_INIT_HARD	/* 7a9f50a05843, 5.11 */
	*work = IRQ_WORK_INIT_HARD(fn);
#else
	init_irq_work(work, fn);
	atomic_or(IRQ_WORK_HARD_IRQ, &work->flags);
#endif
}

#endif /* _CMWQ_COMPAT_IRQ_WORK_H */
