// SPDX-License-Identifier: GPL-2.0-only
/*
 * delayed.c - work items with a timer before them
 *
 * While the timer runs the item is claimed: PENDING, OFFQ and DELAYED.  Whoever
 * deletes the timer owns the claim.  The timer is TIMER_IRQSAFE: from its expiry
 * to the end of its function interrupts stay off, so a claim whose timer cannot
 * be deleted is about to be pushed, and stealers may spin for it.
 *
 * L1: flushing an item against its timer.
 *	flusher				timer, on another CPU
 *					1. expires: no longer to be deleted
 *	2. DELAYED, but not deleted
 *	3. tries again			3. pushes the item
 *	4. not DELAYED: waits for it like for any other
 *    Giving up at step 2 would miss the item: it is not in an inbox yet.
 */
#include "cmwq_internal.h"

#include <linux/sched/isolation.h>

/*
 * The queue does not take an item that is claimed: it is idle again.  Whoever
 * claims it next sees its timer detached.
 */
static void give_up(struct cmwq_work *work)
{
	atomic_long_fetch_andnot_release(WORK_PENDING | WORK_DELAYED,
					 &work->data);
}

void cmwq_delayed_work_timer_fn(struct timer_list *t)
{
	struct cmwq_delayed_work *dwork =
		container_of(t, struct cmwq_delayed_work, timer);
	struct cmwq_work *work = &dwork->work;
	int cpu = dwork->cpu;

	if (likely(cmwq_wq_accepts(cpu, dwork->wq, work,
				   "cmwq_queue_delayed_work, timer",
				   work->func)))
		cmwq_queue_claimed(cpu, dwork->wq, work);
	else
		give_up(work);
}
EXPORT_SYMBOL_GPL(cmwq_delayed_work_timer_fn);

/*
 * CPUs that are isolated from the kernel's timers get none: the item is queued
 * from a housekeeping CPU, and still runs where it shall.
 */
static void start_timer(struct timer_list *timer, int cpu)
{
	if (housekeeping_enabled(CMWQ_HK_TIMER)) {
		cpu = raw_smp_processor_id();
		if (!housekeeping_test_cpu(cpu, CMWQ_HK_TIMER))
			cpu = housekeeping_any_cpu(CMWQ_HK_TIMER);
		add_timer_on(timer, cpu);
	} else if (cpu == CMWQ_WORK_CPU_UNBOUND || !cpu_online(cpu)) {
		add_timer_global(timer);
	} else {
		add_timer_on(timer, cpu);
	}
}

/* @dwork is claimed, interrupts are off. */
static void start_delay(int cpu, struct cmwq_workqueue *wq,
			struct cmwq_delayed_work *dwork, unsigned long delay)
{
	struct timer_list *timer = &dwork->timer;

	if (!delay) {
		cmwq_queue_claimed(cpu, wq, &dwork->work);
		return;
	}
	atomic_long_or(WORK_DELAYED, &dwork->work.data);
	dwork->wq = wq;
	dwork->cpu = cpu;
	timer->expires = jiffies + delay;
	start_timer(timer, cpu);
}

static bool dwork_sane(struct cmwq_delayed_work *dwork, const char *what,
		       void *caller)
{
	if (likely(!dwork ||
		   dwork->timer.function == cmwq_delayed_work_timer_fn))
		return true;
	cmwq_report(what, caller, -EINVAL,
		    "not an initialised delayed item: use CMWQ_INIT_DELAYED_WORK()");
	return false;
}

bool cmwq_queue_delayed_work_on(int cpu, struct cmwq_workqueue *wq,
				struct cmwq_delayed_work *dwork,
				unsigned long delay)
{
	void *caller = __builtin_return_address(0);
	unsigned long flags;
	bool ret = false;

	local_irq_save(flags);
	if (dwork_sane(dwork, "cmwq_queue_delayed_work", caller) &&
	    cmwq_wq_accepts(cpu, wq, dwork ? &dwork->work : NULL,
			    "cmwq_queue_delayed_work", caller) &&
	    cmwq_claim(&dwork->work, "cmwq_queue_delayed_work", caller)) {
		start_delay(cpu, wq, dwork, delay);
		ret = true;
	}
	local_irq_restore(flags);
	return ret;
}
EXPORT_SYMBOL_GPL(cmwq_queue_delayed_work_on);

bool cmwq_mod_delayed_work_on(int cpu, struct cmwq_workqueue *wq,
			      struct cmwq_delayed_work *dwork,
			      unsigned long delay)
{
	static const char what[] = "cmwq_mod_delayed_work";
	void *caller = __builtin_return_address(0);
	unsigned long flags;
	bool pending, accepted;

	if (!dwork_sane(dwork, what, caller) ||
	    !cmwq_item_usable(dwork ? &dwork->work : NULL, what, caller))
		return false;
	local_irq_save(flags);
	accepted = cmwq_wq_accepts(cpu, wq, &dwork->work, what, caller);
	local_irq_restore(flags);
	if (!accepted)
		return false;

	for (;;) {
		pending = cmwq_steal(&dwork->work, &flags);
		if (pending || cmwq_claim(&dwork->work, what, caller)) {
			/* Once more, within the section of D1. */
			if (cmwq_wq_accepts(cpu, wq, &dwork->work, what,
					    caller))
				start_delay(cpu, wq, dwork, delay);
			else
				give_up(&dwork->work);
			break;
		}
		/* Disabled?  Else it was queued meanwhile: once more. */
		if (cmwq_data_disabled(atomic_long_read(&dwork->work.data)))
			break;
		local_irq_restore(flags);
	}
	local_irq_restore(flags);
	return pending;
}
EXPORT_SYMBOL_GPL(cmwq_mod_delayed_work_on);

bool cmwq_flush_delayed_work(struct cmwq_delayed_work *dwork)
{
	void *caller = __builtin_return_address(0);
	unsigned long flags, data;

	if (!dwork) {
		cmwq_report("cmwq_flush_delayed_work", caller, -EINVAL,
			    "the item is NULL");
		return false;
	}
	/* L1: a timer that cannot be deleted is about to push the item. */
	for (;;) {
		local_irq_save(flags);
		data = atomic_long_read(&dwork->work.data);
		if (!cmwq_data_delayed(data) || !cmwq_data_offq_valid(data))
			break;
		if (timer_delete(&dwork->timer)) {
			cmwq_delayed_work_timer_fn(&dwork->timer);
			break;
		}
		local_irq_restore(flags);
		cpu_relax();
	}
	local_irq_restore(flags);
	return cmwq_flush_item(&dwork->work, "cmwq_flush_delayed_work",
			       caller);
}
EXPORT_SYMBOL_GPL(cmwq_flush_delayed_work);
