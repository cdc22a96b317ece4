// SPDX-License-Identifier: GPL-2.0-only
/*
 * rcu.c - work items with an RCU grace period before them
 *
 * The rcu_head is RCU's from call_rcu() to its callback: it can be neither
 * taken back nor handed over twice, and its memory must stay.  So the state
 * word of an item that is off queue says where the head is:
 *
 *	HEAD			with RCU, but the item is idle: cancelled
 *	PENDING HEAD WAIT	with RCU, the callback queues the item
 *	PENDING HEAD WAIT AGAIN	the same, after one more grace period
 *	PENDING HEAD		somebody has claimed the item, for a moment
 *
 * An item does not go on a queue with HEAD set: queued in the plain way then,
 * it waits for the callback, too.
 *
 * Nobody spins for a grace period.  WAIT is no claim as DELAYED is none: who
 * takes the item off clears it, by compare-and-exchange from all the bits.
 *
 * C1: taking off against the end of the grace period.
 *	canceller			callback
 *	1. sees WAIT			1. sees WAIT
 *	2. cmpxchg: PENDING HEAD	2. cmpxchg: PENDING
 *    One of them wins.  If it is the callback, the canceller finds a claimed
 *    item, then one in an inbox, like any other.  If it is the canceller, the
 *    callback waits until he has given up his claim, with interrupts off, then
 *    clears HEAD and leaves the item alone.
 *
 * C2: queueing again while the head is still with RCU.
 *	producer			callback of the first queueing
 *	1. cancels: HEAD
 *	2. queues: claims the item	3. finds a claimed item: waits
 *	4. WAIT AGAIN			5. call_rcu() once more
 *    The grace period of step 5 starts after step 2: it is a full one for the
 *    second queueing.  Had the callback been before step 2, HEAD would be clear
 *    and the producer would call call_rcu() itself.
 *
 * C3: waiting for a head that is with RCU.  WAIT is set after call_rcu(): who
 *    sees it and calls rcu_barrier() waits for the callback.  The callback sets
 *    WAIT again (AGAIN) after its call_rcu() and before it returns: a second
 *    rcu_barrier() waits for that.
 *
 * C4: freeing.  The _sync functions and cmwq_flush_rcu_work() return when HEAD is
 *    clear, and what the callback does then to an item that nobody queued is
 *    nothing.
 */
#include "cmwq_internal.h"

#include <linux/rcupdate.h>

static void end_of_grace_period(struct rcu_head *rcu);

/* @rwork is claimed, interrupts are off. */
static void wait_for_callback(int cpu, struct cmwq_workqueue *wq,
			      struct cmwq_rcu_work *rwork, unsigned long state)
{
	long data = atomic_long_read(&rwork->work.data);

	rwork->wq = wq;
	rwork->cpu = cpu;
	atomic_long_set_release(&rwork->work.data, data | state); /* C3 */
}

/**
 * cmwq_rcu_queue_behind - queue a claimed item whose rcu_head is with RCU
 * @cpu:	CPU or CMWQ_WORK_CPU_UNBOUND
 * @wq:		the queue
 * @work:	the item, of a struct cmwq_rcu_work
 *
 * Context: interrupts are off.
 */
void cmwq_rcu_queue_behind(int cpu, struct cmwq_workqueue *wq,
			   struct cmwq_work *work)
{
	wait_for_callback(cpu, wq, cmwq_to_rcu_work(work), WORK_RCU_WAIT);
}

static void queue_at_last(struct cmwq_rcu_work *rwork)
{
	struct cmwq_work *work = &rwork->work;

	if (likely(cmwq_wq_accepts(rwork->cpu, rwork->wq, work,
				   "cmwq_queue_rcu_work, callback",
				   work->func)))
		cmwq_queue_claimed(rwork->cpu, rwork->wq, work);
	else
		atomic_long_fetch_andnot_release(WORK_PENDING, &work->data);
}

static void end_of_grace_period(struct rcu_head *rcu)
{
	struct cmwq_rcu_work *rwork =
		container_of(rcu, struct cmwq_rcu_work, rcu);
	struct cmwq_work *work = &rwork->work;
	unsigned long flags;
	long data, next;

	for (;;) {
		local_irq_save(flags);
		data = atomic_long_read(&work->data);
		next = data & ~(WORK_RCU_HEAD | WORK_RCU_WAIT | WORK_RCU_AGAIN);
		if (data & WORK_RCU_AGAIN)
			next |= WORK_RCU_HEAD;
		if (!cmwq_data_claimed(data) &&			/* C1, C2 */
		    atomic_long_try_cmpxchg(&work->data, &data, next))
			break;
		local_irq_restore(flags);
		cpu_relax();
	}
	if (data & WORK_RCU_WAIT)
		cmwq_clients_rcu_item(work->func);
	if (data & WORK_RCU_AGAIN) {
		call_rcu_hurry(rcu, end_of_grace_period);
		atomic_long_set_release(&work->data,		/* C3 */
					data & ~WORK_RCU_AGAIN);
	} else if (data & WORK_RCU_WAIT) {
		queue_at_last(rwork);
	}
	/* @rwork may be gone: C4 */
	local_irq_restore(flags);
}

/* @rwork is claimed, interrupts are off. */
static void start_grace_period(struct cmwq_workqueue *wq,
			       struct cmwq_rcu_work *rwork)
{
	unsigned long state = WORK_RCU_HEAD | WORK_RCU_WAIT;

	if (atomic_long_read(&rwork->work.data) & WORK_RCU_HEAD)
		state |= WORK_RCU_AGAIN;			/* C2 */
	else
		call_rcu_hurry(&rwork->rcu, end_of_grace_period);
	wait_for_callback(CMWQ_WORK_CPU_UNBOUND, wq, rwork, state);
}

#ifdef CMWQ_BUSTED
/* The deliberately broken variant, for tests that must fail. */
static bool skip_grace_period(void)
{
	return true;
}
#else
static bool skip_grace_period(void)
{
	return false;
}
#endif

bool cmwq_queue_rcu_work(struct cmwq_workqueue *wq,
			 struct cmwq_rcu_work *rwork)
{
	static const char what[] = "cmwq_queue_rcu_work";
	void *caller = __builtin_return_address(0);
	unsigned long flags;
	bool ret = false;

	local_irq_save(flags);
	if (cmwq_wq_accepts(CMWQ_WORK_CPU_UNBOUND, wq,
			    rwork ? &rwork->work : NULL, what, caller) &&
	    cmwq_claim(&rwork->work, what, caller)) {
		if (skip_grace_period())
			cmwq_queue_claimed(CMWQ_WORK_CPU_UNBOUND, wq,
					   &rwork->work);
		else
			start_grace_period(wq, rwork);
		ret = true;
	}
	local_irq_restore(flags);
	return ret;
}
EXPORT_SYMBOL_GPL(cmwq_queue_rcu_work);

bool cmwq_flush_rcu_work(struct cmwq_rcu_work *rwork)
{
	static const char what[] = "cmwq_flush_rcu_work";
	void *caller = __builtin_return_address(0);
	struct cmwq_work *work = rwork ? &rwork->work : NULL;
	bool waited;
	long data;

	might_sleep();
	if (!cmwq_item_usable(work, what, caller))
		return false;
	if (unlikely(cmwq_current_work() == work))
		return cmwq_flush_item(work, what, caller);	/* says that */
	/* The callback may hold the claim, about to set WAIT again: C3. */
	while (cmwq_data_claimed(data = atomic_long_read_acquire(&work->data)))
		cpu_relax();
	waited = cmwq_data_rcu_waits(data);
	if (waited)
		rcu_barrier();
	if (waited && data & WORK_RCU_AGAIN)
		rcu_barrier();
	cmwq_rcu_settle(work);
	return cmwq_flush_item(work, what, caller) || waited;
}
EXPORT_SYMBOL_GPL(cmwq_flush_rcu_work);

/**
 * cmwq_rcu_settle - wait until RCU has let go of an item that is not pending
 * @work: the item, of whatever kind
 *
 * Context: process context, may sleep.
 */
void cmwq_rcu_settle(struct cmwq_work *work)
{
	while (cmwq_data_rcu_left(atomic_long_read(&work->data)))
		rcu_barrier();					/* C4 */
}
