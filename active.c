// SPDX-License-Identifier: GPL-2.0-only
/*
 * active.c - max_active: how many items of a queue are in execution at once
 *
 * The limit of a per-CPU queue holds on each CPU: pwq->max_active.  That of an
 * unbound queue is divided among the NUMA nodes by their CPUs, with min_active
 * as the least, and all pwqs of a node draw on its share; those of pools with
 * CPUs of several nodes draw on another one, as large as the limit.  A pwq that
 * finds no room waits in line; a place that is given back goes to the first in
 * line.  If that is in another pool an irq_work does it, because two pools' locks
 * are never held at once.
 *
 * A1: no room against a place given back.
 *	linking, pool A			finishing, pool B
 *	1. no place: A in line [mb]	1. gives the place back (full barrier)
 *	2. tries once more		2. is somebody in line?
 *    One of them sees the other's step 1.
 *
 * A2: a place for the first in line that somebody else takes before the
 *    irq_work runs.  The irq_work finds no place and leaves the line as it is:
 *    whoever took the place will give it back and look at the line then.
 */
#include "cmwq_internal.h"

#include <linux/nodemask.h>
#include <linux/topology.h>
#include <trace/events/cmwq.h>

/* Places of a share */

bool __cmwq_share_get(struct cmwq_share *share)
{
	int nr = atomic_read(&share->nr);

	do {
		if (nr >= READ_ONCE(share->max))
			return false;
	} while (!atomic_try_cmpxchg(&share->nr, &nr, nr + 1));
	return true;
}

static struct cmwq_pwq *first_in_line(struct cmwq_share *share)
{
	struct cmwq_pwq *pwq;

	raw_spin_lock(&share->lock);
	pwq = list_first_entry_or_null(&share->waiting, struct cmwq_pwq,
				       waiting);
	raw_spin_unlock(&share->lock);
	return pwq;
}

/* Return: true if an inactive item of @pwq may have the place. */
bool __cmwq_share_put(struct cmwq_pwq *pwq)
{
	struct cmwq_share *share = pwq->share;
	struct cmwq_pwq *first;

	atomic_dec_return(&share->nr);				/* A1 */
	if (list_empty(&share->waiting))
		return true;
	first = first_in_line(share);
	if (!first || first == pwq)
		return true;
	irq_work_queue(&share->next);
	return false;
}

/*
 * Get in line, or leave it.  Being in line changes with the pool's lock held.
 * Return: true if there is a place after all.
 */
static bool stand_in_line(struct cmwq_pwq *pwq, bool served)
{
	struct cmwq_share *share = pwq->share;
	bool waits = !list_empty(&pwq->inactive) && pwq->max_active;

	if (!waits && list_empty(&pwq->waiting))
		return false;
	raw_spin_lock(&share->lock);
	if (!waits)
		list_del_init(&pwq->waiting);
	else if (served || list_empty(&pwq->waiting))
		list_move_tail(&pwq->waiting, &share->waiting);
	raw_spin_unlock(&share->lock);
	if (!waits)
		return false;
	smp_mb();						/* A1 */
	return atomic_read(&share->nr) < READ_ONCE(share->max);
}

/**
 * cmwq_pwq_activate - let inactive items in, as far as max_active allows
 * @pwq: the pwq; its pool's lock is held
 *
 * The caller picks a worker for the pool before it drops the lock (R3).
 */
void cmwq_pwq_activate(struct cmwq_pwq *pwq)
{
	struct cmwq_work *work;
	bool served = false;

	do {
		while (!list_empty(&pwq->inactive) && cmwq_pwq_admit(pwq)) {
			work = list_first_entry(&pwq->inactive,
						struct cmwq_work, entry);
			trace_cmwq_activate_work(work);
			list_move_tail(&work->entry, &pwq->pool->worklist);
			/* INACTIVE is ACTIVE with one more bit */
			atomic_long_andnot(WORK_INACTIVE & ~WORK_ACTIVE,
					   &work->data);
			served = true;
		}
	} while (pwq->share && stand_in_line(pwq, served));
}

/* In hard interrupt context.  Places for pwqs of other pools. */
static void serve_line(struct irq_work *irq_work)
{
	struct cmwq_share *share = container_of(irq_work, struct cmwq_share,
						next);
	struct task_struct *task;
	struct cmwq_pwq *pwq;

	/* A pwq stays while interrupts are off: it is freed by RCU. */
	while (atomic_read(&share->nr) < READ_ONCE(share->max)) {
		pwq = first_in_line(share);
		if (!pwq)
			return;
		raw_spin_lock(&pwq->pool->lock);
		cmwq_pwq_activate(pwq);
		task = cmwq_pool_pick(pwq->pool);
		raw_spin_unlock(&pwq->pool->lock);
		if (task)
			wake_up_process(task);
	}
}

/**
 * cmwq_pwq_stop_waiting - a pwq without items is about to be freed
 * @pwq: the pwq
 */
void cmwq_pwq_stop_waiting(struct cmwq_pwq *pwq)
{
	unsigned long flags;

	if (!pwq->share)
		return;
	raw_spin_lock_irqsave(&pwq->share->lock, flags);
	list_del_init(&pwq->waiting);
	raw_spin_unlock_irqrestore(&pwq->share->lock, flags);
}

/* Shares of a queue */

/**
 * cmwq_share_of - the share that a pool's items draw on
 * @wq:		the queue, unbound
 * @node:	the pool's node, or NUMA_NO_NODE if its CPUs are of several
 *
 * Return: the share.
 */
struct cmwq_share *cmwq_share_of(struct cmwq_workqueue *wq, int node)
{
	return &wq->shares[node == NUMA_NO_NODE ? nr_node_ids : node];
}

/**
 * cmwq_shares_alloc - give an unbound queue its shares
 * @wq: the queue
 *
 * Return: 0 or -ENOMEM.
 */
int cmwq_shares_alloc(struct cmwq_workqueue *wq)
{
	int i;

	wq->shares = kcalloc(nr_node_ids + 1, sizeof(*wq->shares), GFP_KERNEL);
	if (!wq->shares)
		return -ENOMEM;
	for (i = 0; i <= nr_node_ids; i++) {
		raw_spin_lock_init(&wq->shares[i].lock);
		INIT_LIST_HEAD(&wq->shares[i].waiting);
		cmwq_init_hard_irq_work(&wq->shares[i].next, serve_line);
	}
	return 0;
}

/**
 * cmwq_shares_free - the queue has no pwqs any more
 * @wq: the queue
 */
void cmwq_shares_free(struct cmwq_workqueue *wq)
{
	int i;

	if (!wq->shares)
		return;
	for (i = 0; i <= nr_node_ids; i++)
		irq_work_sync(&wq->shares[i].next);
	kfree(wq->shares);
	wq->shares = NULL;
}

static unsigned int nr_cpus_of(struct cmwq_workqueue *wq, int node)
{
	unsigned int cpu, n = 0;

	for_each_cpu_and(cpu, wq->cpus, cpu_online_mask)
		n += node == NUMA_NO_NODE || cpu_to_node(cpu) == node;
	return n;
}

/**
 * cmwq_shares_update - divide max_active anew, and let in whom it lets in
 * @wq: the queue; its mutex is held
 */
void cmwq_shares_update(struct cmwq_workqueue *wq)
{
	unsigned int total = max(nr_cpus_of(wq, NUMA_NO_NODE), 1U);
	int max_active = wq->max_active;
	int min_active = min(wq->min_active, max_active);
	int node;

	for_each_node(node) {
		int share = DIV_ROUND_UP(max_active * nr_cpus_of(wq, node),
					 total);

		WRITE_ONCE(cmwq_share_of(wq, node)->max,
			   clamp(share, min_active, max_active));
	}
	WRITE_ONCE(cmwq_share_of(wq, NUMA_NO_NODE)->max, max_active);
	cmwq_limits_update(wq);
}

/* Limits */

/**
 * cmwq_pwq_set_limit - set what cmwq_pwq_admit() compares with
 * @pwq: the pwq; its pool's lock is held, or nobody knows it yet
 *
 * The only place that does.  0 keeps all items back.
 */
void cmwq_pwq_set_limit(struct cmwq_pwq *pwq)
{
	if (pwq->watched & PWQ_PLUGGED || READ_ONCE(pwq->wq->frozen)) /* E1 */
		pwq->max_active = 0;
	else if (pwq->share)
		pwq->max_active = INT_MAX;
	else
		pwq->max_active = READ_ONCE(pwq->wq->max_active);
}

/**
 * cmwq_limits_update - apply what a queue's limits have become
 * @wq: the queue; its mutex is held
 *
 * What was queued before is looked at with the limit that was valid then.
 */
void cmwq_limits_update(struct cmwq_workqueue *wq)
{
	struct cmwq_pwq *pwq;
	unsigned long flags;

	cmwq_for_each_pwq(pwq, wq) {
		raw_spin_lock_irqsave(&pwq->pool->lock, flags);
		cmwq_pool_splice(pwq->pool);
		cmwq_pwq_set_limit(pwq);
		cmwq_pwq_activate(pwq);
		cmwq_pool_unlock_kick(pwq->pool, flags, true);
	}
}

static int clamp_active(int active, int limit, const char *what,
			const char *name)
{
	int clamped = clamp(active, 1, limit);

	if (clamped != active)
		pr_warn("queue %s: %s %d is out of range 1..%d: using %d\n",
			name, what, active, limit, clamped);
	return clamped;
}

/**
 * cmwq_clamp_max_active - bring a max_active into range
 * @max_active:	as given; 0 for the default
 * @name:	the queue's name, for the log
 *
 * Return: a valid max_active.
 */
int cmwq_clamp_max_active(int max_active, const char *name)
{
	if (!max_active)
		return CMWQ_DFL_ACTIVE;
	return clamp_active(max_active, CMWQ_MAX_ACTIVE, "max_active", name);
}

void cmwq_workqueue_set_max_active(struct cmwq_workqueue *wq, int max_active)
{
	static const char what[] = "cmwq_workqueue_set_max_active";
	void *caller = __builtin_return_address(0);

	might_sleep();
	if (!cmwq_wq_alive(wq, what, caller))
		return;
	if (wq->flags & (__CMWQ_ORDERED | CMWQ_BH)) {
		cmwq_report(what, caller, -EINVAL, wq->flags & CMWQ_BH ?
			    "a BH queue has no max_active" :
			    "an ordered queue runs one item at a time");
		return;
	}
	max_active = cmwq_clamp_max_active(max_active, wq->name);

	mutex_lock(&wq->mutex);
	if (!cmwq_wq_alive(wq, what, caller))	/* D2 */
		goto out;
	WRITE_ONCE(wq->max_active, max_active);
	if (wq->flags & CMWQ_UNBOUND)
		cmwq_shares_update(wq);
	else
		cmwq_limits_update(wq);
out:
	mutex_unlock(&wq->mutex);
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_set_max_active);

void cmwq_workqueue_set_min_active(struct cmwq_workqueue *wq, int min_active)
{
	static const char what[] = "cmwq_workqueue_set_min_active";
	void *caller = __builtin_return_address(0);

	might_sleep();
	if (!cmwq_wq_alive(wq, what, caller))
		return;
	if ((wq->flags & (CMWQ_UNBOUND | __CMWQ_ORDERED)) != CMWQ_UNBOUND) {
		cmwq_report(what, caller, -EINVAL,
			    "queue %s is not unbound, or it is ordered: it has no min_active",
			    wq->name);
		return;
	}

	mutex_lock(&wq->mutex);
	if (cmwq_wq_alive(wq, what, caller)) {	/* D2 */
		WRITE_ONCE(wq->min_active,
			   clamp_active(min_active, wq->max_active,
					"min_active", wq->name));
		cmwq_shares_update(wq);
	}
	mutex_unlock(&wq->mutex);
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_set_min_active);

static bool has_inactive(struct cmwq_pwq *pwq)
{
	unsigned long flags;
	bool has, linked;

	raw_spin_lock_irqsave(&pwq->pool->lock, flags);
	linked = cmwq_pool_splice(pwq->pool);
	has = !list_empty(&pwq->inactive);
	cmwq_pool_unlock_kick(pwq->pool, flags, linked);
	return has;
}

/* In an RCU read-side section. */
static bool any_inactive(struct cmwq_workqueue *wq, int cpu)
{
	struct cmwq_pwq *pwq;

	if (!(wq->flags & CMWQ_UNBOUND)) {
		if (cpu == CMWQ_WORK_CPU_UNBOUND)
			return has_inactive(*raw_cpu_ptr(READ_ONCE(wq->route)));
		return has_inactive(*per_cpu_ptr(READ_ONCE(wq->route), cpu));
	}
	/* What ends in one pod lets in what waits in another. */
	list_for_each_entry_rcu(pwq, &wq->pwqs, node)
		if (has_inactive(pwq))
			return true;
	return false;
}

bool cmwq_workqueue_congested(int cpu, struct cmwq_workqueue *wq)
{
	static const char what[] = "cmwq_workqueue_congested";
	void *caller = __builtin_return_address(0);
	bool congested;

	rcu_read_lock();					/* D2 */
	congested = cmwq_wq_alive(wq, what, caller) &&
		    cmwq_cpu_valid(cpu, what, caller) && any_inactive(wq, cpu);
	rcu_read_unlock();
	return congested;
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_congested);
