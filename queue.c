// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c - submission: own the item, choose the pool, push, kick if needed
 *
 * The hot path takes no lock: one compare-and-exchange owns the item, another
 * pushes it to its pool's inbox, and only the push that finds the inbox empty
 * looks whether the pool needs a kick (R1 to R4 in pool.c).  Interrupts are off
 * from looking at the queue's state to the kick, for three reasons: a claim
 * stays short, destruction can wait for producers by RCU, and a picked task
 * stays valid until it is woken.
 *
 * Q1: an item that last ran elsewhere.  It may still be running there, and
 *    must then follow.  The claim comes before the look:
 *	this producer			another producer, pool A
 *	1. data says A: claim		1. claim fails: pending
 *	2. lock A: is it running?
 *    Looking first and claiming afterwards would let the other one queue and
 *    start the item on A in between, with the same state word at the end.
 */
#include "cmwq_internal.h"

#include <linux/ratelimit.h>
#include <trace/events/cmwq.h>

/*
 * A caller in a loop must not drown the log: so many lines in 5 s, and not at
 * the expense of others.
 */
#define REPORT_BITS	6
static struct ratelimit_state report_limits[1 << REPORT_BITS] = {
	[0 ... (1 << REPORT_BITS) - 1] =
		RATELIMIT_STATE_INIT(report_limits, 5 * HZ, 30),
};

/**
 * cmwq_report - one log line about a misuse
 * @what:	the function misused
 * @caller:	who called it
 * @err:	errno
 * @fmt:	printf format: what is wrong and what to do
 */
void cmwq_report(const char *what, void *caller, int err, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (!__ratelimit(&report_limits[hash_ptr(caller, REPORT_BITS)]))
		return;
	va_start(args, fmt);
	vaf.va = &args;
	pr_err("%s, called from %pS: errno %d; %pV\n", what, caller, err,
	       &vaf);
	va_end(args);
}

/* Is the calling task running an item of @wq? */
static bool chained(struct cmwq_workqueue *wq)
{
	struct cmwq_worker *worker = cmwq_current_worker();

	return worker && worker->current_pwq && worker->current_pwq->wq == wq;
}

static noinline bool accepts_slow(struct cmwq_workqueue *wq, const char *what,
				  void *caller)
{
	switch (READ_ONCE(wq->intake)) {
	case CMWQ_OPEN:
		return true;
	case CMWQ_DRAINING:
	case CMWQ_DESTROYING:
		if (chained(wq))
			return true;
		cmwq_report(what, caller, -EBUSY,
			    "queue %s is being drained and takes only items queued by its own: stop queueing first",
			    wq->name);
		return false;
	case CMWQ_DEAD:
		cmwq_report(what, caller, -ENODEV,
			    "queue %s has been destroyed: stop queueing, cancel its timers first",
			    wq->name);
		return false;
	default:
		cmwq_report(what, caller, -EINVAL,
			    "not a workqueue (never allocated, or freed)");
		return false;
	}
}

/**
 * cmwq_item_sane - tell an item from an uninitialised, zeroed or freed one
 * @work:	the item
 * @data:	its state word
 *
 * Return: false if it cannot be one.  No proof that it is.
 */
bool cmwq_item_sane(struct cmwq_work *work, unsigned long data)
{
	unsigned long where = data & WORK_WHERE;

	if (!work->func)
		return false;
	if (where == WORK_OFFQ)
		return cmwq_data_offq_valid(data);
	if (!(data & WORK_PENDING))
		return false;
	if (where == WORK_UNLINKED && data & ~(WORK_PWQ_MASK | WORK_PENDING |
					       WORK_UNLINKED))
		return false;
	/* Kernel addresses, also with five-level page tables. */
	return (data | WORK_ANY_CPU) >> 56 == 0xff;
}

/**
 * cmwq_cpu_valid - check a CPU number
 * @cpu:	the CPU
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * Return: false, with a log line, if it is no possible one.
 */
bool cmwq_cpu_valid(int cpu, const char *what, void *caller)
{
	if (cpu == CMWQ_WORK_CPU_UNBOUND ||
	    ((unsigned int)cpu < nr_cpu_ids && cpu_possible(cpu)))
		return true;
	cmwq_report(what, caller, -EINVAL,
		    "there is no CPU %d: use a possible one or CMWQ_WORK_CPU_UNBOUND",
		    cpu);
	return false;
}

/**
 * cmwq_wq_accepts - check the arguments of a queueing function
 * @cpu:	the CPU
 * @wq:		the queue
 * @work:	the item
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * Context: interrupts are off.
 * Return: false, with a log line, if the item must not be queued.
 */
bool cmwq_wq_accepts(int cpu, struct cmwq_workqueue *wq,
		     struct cmwq_work *work, const char *what, void *caller)
{
	if (unlikely(!wq || !work)) {
		cmwq_report(what, caller, -EINVAL,
			    wq ? "the item is NULL" : "the queue is NULL");
		return false;
	}
	if (unlikely(READ_ONCE(wq->intake) != CMWQ_OPEN) &&
	    !accepts_slow(wq, what, caller))
		return false;
	return cmwq_cpu_valid(cpu, what, caller);
}

/**
 * cmwq_claim - become the owner of an idle item
 * @work:	the item
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * On success data is PENDING and OFFQ, and interrupts must stay off until the
 * item is pushed, its timer armed, or the claim given up.
 *
 * Return: false if it is pending, disabled or no item at all (logged).
 */
bool cmwq_claim(struct cmwq_work *work, const char *what, void *caller)
{
	unsigned long data = atomic_long_read(&work->data);

	for (;;) {
		if (unlikely(!cmwq_item_sane(work, data))) {
			cmwq_report(what, caller, -EINVAL,
				    "not an initialised item (or freed): CMWQ_INIT_WORK() it and keep it until it has run");
			return false;
		}
		if (data & WORK_PENDING) {
			smp_mb();	/* R7: see PENDING after our writes */
			data = atomic_long_read(&work->data);
			if (data & WORK_PENDING)
				return false;
			continue;
		}
		if (data & WORK_DEPTH_MASK)
			return false;
		if (atomic_long_try_cmpxchg(&work->data, (long *)&data,
					    data | WORK_PENDING))
			return true;
	}
}

static __always_inline struct cmwq_pwq *choose_pwq(int cpu,
						   struct cmwq_workqueue *wq)
{
	struct cmwq_pwq * __percpu *route = READ_ONCE(wq->route);	/* S1 */

	/* Only the caller's CPU is sure to be up. */
	if (likely(cpu == CMWQ_WORK_CPU_UNBOUND) || unlikely(!cpu_online(cpu)))
		return *raw_cpu_ptr(route);
	return *per_cpu_ptr(route, cpu);
}

static __always_inline unsigned long pwq_data(struct cmwq_pwq *pwq, int cpu)
{
	return likely(cpu == CMWQ_WORK_CPU_UNBOUND) ? (unsigned long)pwq :
	       (unsigned long)pwq & ~WORK_ANY_CPU;
}

static __always_inline void push(struct cmwq_pool *pool,
				 struct cmwq_work *work)
{
	struct llist_node *first = READ_ONCE(pool->inbox.first);

	/* llist_add(), inline */
	do {
		work->inbox.next = first;
	} while (!try_cmpxchg(&pool->inbox.first, &first, &work->inbox));

	if (first)
		return;						/* R4 */
	if (atomic_read(&pool->nr_running) < pool->target &&	/* R1 */
	    !READ_ONCE(pool->waking))				/* R2 */
		cmwq_pool_kick(pool);
}

/*
 * Queue an item where it is running just now, for the same queue.  Linked at
 * once: the pwq may have retired and must not see its last item go before.
 */
static bool follow(int cpu, struct cmwq_pool *pool, struct cmwq_workqueue *wq,
		   struct cmwq_work *work)
{
	struct cmwq_pwq *pwq;
	struct task_struct *task = NULL;
	struct cmwq_worker *worker;

	raw_spin_lock(&pool->lock);
	worker = cmwq_find_busy(pool, work);
	if (worker && worker->current_pwq->wq != wq)
		worker = NULL;
	if (worker) {
		trace_cmwq_queue_work(work, wq->name, pool->id);
		cmwq_object_activate(work);
		cmwq_pool_splice(pool);
		pwq = worker->current_pwq;
		cmwq_pwq_link(pwq, work, pwq_data(pwq, cpu) |
					 pwq->colour << WORK_COLOUR_SHIFT);
		task = cmwq_pool_pick(pool);			/* R3 */
	}
	raw_spin_unlock(&pool->lock);
	if (task)
		wake_up_process(task);
	return worker;
}

/**
 * cmwq_queue_claimed - queue an item that the caller has claimed
 * @cpu:	CPU or CMWQ_WORK_CPU_UNBOUND
 * @wq:		the queue
 * @work:	the item: PENDING and OFFQ
 *
 * Context: interrupts are off.
 * Return: true.
 */
bool cmwq_queue_claimed(int cpu, struct cmwq_workqueue *wq,
			struct cmwq_work *work)
{
	struct cmwq_pwq *pwq = choose_pwq(cpu, wq);
	unsigned long data = atomic_long_read(&work->data);
	struct cmwq_pool *last = cmwq_data_pool(data);

	if (unlikely(data & WORK_RCU_HEAD)) {
		cmwq_rcu_queue_behind(cpu, wq, work);
		return true;
	}
	if (unlikely(cpu != CMWQ_WORK_CPU_UNBOUND && !cpu_online(cpu)) &&
	    !(wq->flags & CMWQ_UNBOUND))
		atomic_long_inc(&wq->displaced);
	if (last && last != pwq->pool &&
	    !(wq->flags & __CMWQ_ORDERED) &&			/* S2 */
	    follow(cpu, last, wq, work))				/* Q1 */
		return true;
	atomic_long_set(&work->data, pwq_data(pwq, cpu) | WORK_PENDING |
				     WORK_UNLINKED);
	cmwq_object_activate(work);
	trace_cmwq_queue_work(work, wq->name, pwq->pool->id);
	push(pwq->pool, work);
	return true;
}

static noinline bool queue_slow(int cpu, struct cmwq_workqueue *wq,
				struct cmwq_work *work, void *caller)
{
	return cmwq_claim(work, "cmwq_queue_work", caller) &&
	       cmwq_queue_claimed(cpu, wq, work);
}

bool cmwq_queue_work_on(int cpu, struct cmwq_workqueue *wq,
			struct cmwq_work *work)
{
	unsigned long flags;
	struct cmwq_pwq *pwq;
	bool ret = false;
	long data;

	local_irq_save(flags);
	if (unlikely(!wq || !work || READ_ONCE(wq->intake) != CMWQ_OPEN ||
		     cpu != CMWQ_WORK_CPU_UNBOUND)) {
		if (!cmwq_wq_accepts(cpu, wq, work, "cmwq_queue_work",
				     __builtin_return_address(0)))
			goto out;
		/* Counted there.  No CPU goes down with interrupts off here. */
		if (cpu != CMWQ_WORK_CPU_UNBOUND && !cpu_online(cpu)) {
			ret = queue_slow(cpu, wq, work,
					 __builtin_return_address(0));
			goto out;
		}
	}

	pwq = choose_pwq(cpu, wq);
	data = atomic_long_read(&work->data);
	/* Never queued, or idle since it last ran on this pool. */
	if (likely((data == pwq->pool->offq_idle ||
		    data == __CMWQ_WORK_DATA_INIT) && work->func &&
		   atomic_long_try_cmpxchg(&work->data, &data,
					   pwq_data(pwq, cpu) | WORK_PENDING |
					   WORK_UNLINKED))) {
		cmwq_object_activate(work);
		trace_cmwq_queue_work(work, wq->name, pwq->pool->id);
		push(pwq->pool, work);
		ret = true;
	} else {
		ret = queue_slow(cpu, wq, work, __builtin_return_address(0));
	}
out:
	local_irq_restore(flags);
	return ret;
}
EXPORT_SYMBOL_GPL(cmwq_queue_work_on);
