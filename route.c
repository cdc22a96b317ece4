// SPDX-License-Identifier: GPL-2.0-only
/*
 * route.c - from a queue to its pools, and how that is changed while items flow
 *
 * wq->route names, for each CPU, the pwq that takes the items queued there.  New
 * attributes make a new route, published with one pointer.  Old pwqs retire:
 * they get no new items, finish those they have, and are freed.
 *
 * S1: a change against a producer.
 *	producer (interrupts off)	changer
 *	1. reads the old route		1. publishes the new one
 *	2. pushes to an old pwq		2. synchronize_rcu()
 *					3. old pwq: splices, marks it retired
 *    One grace period does for all queues that change at once.  Nothing is
 *    pushed to an old pwq after step 3.  An item that follows one that is
 *    running there is linked under the pool's lock, while that one still counts
 *    (follow() in queue.c).
 *
 * S2: a change of an ordered queue.  The new pwq is plugged, its limit 0, until
 *    the old one has retired and has no items.  Producers that saw the old route
 *    were not after those that saw the new one: order is kept.  No item of an
 *    ordered queue follows: it would overtake, and one at a time says enough.
 *
 * S3: an item that runs in the old pwq of an ordered queue, is queued again in
 *    the new one and cancelled there.  Its state word must lead to the pool
 *    where it runs, or nobody waits for it.  Only one item of the queue runs at
 *    a time, and it started after ran_on was set to its pool: if this item
 *    runs, it runs there.  cmwq_work_busy() looks there, too.
 *
 * S4: the last item of the old pwq against the unplugging of the next.  The
 *    worker holds the old pool's lock and must not take the new one's: an
 *    irq_work does.  It is raised by whoever makes a retired pwq idle, and by
 *    the changer when he has marked it: one of them comes last.
 *
 * S5: a pwq of an ordered queue that has retired without ever having had its
 *    turn, against the unplugging.  The pwq before it still names it as its
 *    successor: nothing from the oldest on is freed.
 */
#include "cmwq_internal.h"

#include <linux/cred.h>
#include <linux/rculist.h>
#include <linux/kasan.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

static void reap_queue(struct cmwq_workqueue *wq);
static void reap_retired(struct work_struct *work);
static DECLARE_WORK(reap_work, reap_retired);

/* pwqs */

/**
 * cmwq_pwq_idle - has a pwq no items?
 * @pwq: the pwq; its pool's lock is held
 *
 * Return: true if it has none.
 */
bool cmwq_pwq_idle(struct cmwq_pwq *pwq)
{
	int i;

	for (i = 0; i < WORK_COLOURS; i++)
		if (pwq->in_flight[i])
			return false;
	return true;
}

/* Takes over the caller's reference to @pool. */
static struct cmwq_pwq *make_pwq(struct cmwq_workqueue *wq,
				 struct cmwq_pool *pool,
				 const struct cmwq_attrs *attrs)
{
	/* A power of two, for which kmalloc() aligns. */
	const size_t size = roundup_pow_of_two(sizeof(struct cmwq_pwq));
	struct cmwq_pwq *pwq;

	pwq = kzalloc_node(size, GFP_KERNEL, pool->node);
	if (!pwq)
		return NULL;
	pwq = kasan_reset_tag(pwq);	/* its address goes into items: WORK_ANY_CPU */
	WARN_ON(!IS_ALIGNED((unsigned long)pwq, WORK_PWQ_ALIGN));
	pwq->pool = pool;
	pwq->wq = wq;
	INIT_LIST_HEAD(&pwq->inactive);
	INIT_LIST_HEAD(&pwq->waiting);
	if (wq->flags & CMWQ_UNBOUND)
		pwq->share = cmwq_share_of(wq, pool->node);
	if (attrs->cred)
		pwq->cred = get_cred(attrs->cred);
	return pwq;
}

/* It has no items, and nobody finds it any more who has not found it yet. */
static void free_pwq(struct cmwq_pwq *pwq)
{
	cmwq_pwq_stop_waiting(pwq);
	cmwq_pool_put(pwq->pool);
	if (pwq->cred)
		put_cred(pwq->cred);
	kfree_rcu(pwq, rcu);
}

static void free_pwqs(struct list_head *pwqs)
{
	struct cmwq_pwq *pwq, *next;

	list_for_each_entry_safe(pwq, next, pwqs, node)
		free_pwq(pwq);
}

/* Making a route */

/* For items of @cpu that may run on @cpus. */
static struct cmwq_pool *pool_for(struct cmwq_workqueue *wq, unsigned int cpu,
				  const struct cmwq_attrs *attrs,
				  struct cpumask *cpus)
{
	static struct cpumask pod;		/* T */
	struct cmwq_pool_key key = {
		.cpu = cpu, .bh = wq->flags & CMWQ_BH, .nice = attrs->nice,
		.policy = attrs->policy, .priority = attrs->priority,
	};

	if (!(wq->flags & CMWQ_UNBOUND))
		return cmwq_pool_get(&key);

	key.cpu = -1;
	key.allowed = cpus;
	if (!attrs->ordered) {
		cmwq_pod_of(attrs->affn_scope, cpu, &pod);
		if (cpumask_and(&pod, &pod, cpus) &&
		    !cpumask_equal(&pod, cpus)) {
			if (attrs->affn_strict)
				key.allowed = &pod;
			else
				key.pod = &pod;
		}
	}
	return cmwq_pool_get(&key);
}

struct change {
	struct list_head node;
	struct cmwq_workqueue *wq;
	struct cmwq_attrs *attrs;		/* new, then old */
	struct cmwq_pwq * __percpu *route;	/* the same; NULL: none, or it stays */
	struct list_head pwqs;			/* of the new route, if it is not in use */
	struct cmwq_pwq *first_new;		/* if older ones are to retire */
	struct cpumask cpus;
};

static int make_route(struct change *change)
{
	struct cmwq_workqueue *wq = change->wq;
	struct cmwq_pwq *pwq, *found;
	struct cmwq_pool *pool;
	unsigned int cpu;

	change->route = alloc_percpu(struct cmwq_pwq *);
	if (!change->route)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		pool = pool_for(wq, cpu, change->attrs, &change->cpus);
		if (IS_ERR(pool))
			return PTR_ERR(pool);
		found = NULL;
		if (wq->flags & CMWQ_UNBOUND)
			list_for_each_entry(pwq, &change->pwqs, node)
				if (pwq->pool == pool)
					found = pwq;
		if (found) {
			cmwq_pool_put(pool);
		} else {
			found = make_pwq(wq, pool, change->attrs);
			if (!found) {
				cmwq_pool_put(pool);
				return -ENOMEM;
			}
			list_add_tail(&found->node, &change->pwqs);
		}
		*per_cpu_ptr(change->route, cpu) = found;
	}
	return 0;
}

static bool same_route(struct cmwq_pwq * __percpu *a,
		       struct cmwq_pwq * __percpu *b)
{
	unsigned int cpu;

	if (!a)
		return false;
	for_each_possible_cpu(cpu)
		if ((*per_cpu_ptr(a, cpu))->pool != (*per_cpu_ptr(b, cpu))->pool ||
		    (*per_cpu_ptr(a, cpu))->cred != (*per_cpu_ptr(b, cpu))->cred)
			return false;
	return true;
}

/* Changing to it */

/* The new pwq of an ordered queue waits for the old one: S2. */
static void plug(struct cmwq_workqueue *wq, struct cmwq_pwq *pwq)
{
	struct cmwq_pwq *last;

	if (list_empty(&wq->pwqs)) {
		wq->oldest = pwq;
		return;
	}
	last = list_last_entry(&wq->pwqs, struct cmwq_pwq, node);
	pwq->watched |= PWQ_PLUGGED;
	raw_spin_lock_irq(&wq->succeed_lock);
	last->successor = pwq;
	raw_spin_unlock_irq(&wq->succeed_lock);
}

/* S1: the pwqs before @first_new get no more items. */
static void retire_before(struct cmwq_workqueue *wq,
			  struct cmwq_pwq *first_new)
{
	struct cmwq_pwq *pwq;
	unsigned long flags;
	bool linked;

	cmwq_for_each_pwq(pwq, wq) {
		if (pwq == first_new)
			break;
		raw_spin_lock_irqsave(&pwq->pool->lock, flags);
		linked = cmwq_pool_splice(pwq->pool);
		pwq->watched |= PWQ_RETIRED;
		cmwq_pool_unlock_kick(pwq->pool, flags, linked);
	}
	irq_work_queue(&wq->succeed);				/* S4 */
}

static void drop_route(struct change *change)
{
	free_percpu(change->route);
	change->route = NULL;
	free_pwqs(&change->pwqs);
	INIT_LIST_HEAD(&change->pwqs);
}

static void free_change(struct change *change)
{
	drop_route(change);
	cmwq_free_workqueue_attrs(change->attrs);
	kfree(change);
}

static void free_changes(struct list_head *changes)
{
	struct change *change, *next;

	list_for_each_entry_safe(change, next, changes, node)
		free_change(change);
	INIT_LIST_HEAD(changes);
}

/**
 * cmwq_route_prepare - get all that a queue needs to change to other attributes
 * @wq:		the queue; a new one has no route yet
 * @attrs:	the attributes, or NULL if there was no memory for them; taken
 *		over, also if this fails
 * @unbound_mask: where unbound items may run
 * @changes:	the change is added to these
 *
 * Context: cmwq_attrs_mutex is held, until the changes are made or abandoned:
 * so long the queue stays, and its route.
 * Return: 0, -ENOMEM, -ENOSPC, -EINTR, or -ENODEV if the queue is gone.
 */
int cmwq_route_prepare(struct cmwq_workqueue *wq, struct cmwq_attrs *attrs,
		       const struct cpumask *unbound_mask,
		       struct list_head *changes)
{
	struct change *change;
	int err = -ENODEV;

	lockdep_assert_held(&cmwq_attrs_mutex);
	change = kzalloc(sizeof(*change), GFP_KERNEL);
	if (!change || !attrs) {
		kfree(change);
		cmwq_free_workqueue_attrs(attrs);
		return -ENOMEM;
	}
	change->wq = wq;
	change->attrs = attrs;
	INIT_LIST_HEAD(&change->pwqs);
	if (!cpumask_and(&change->cpus, attrs->cpumask, unbound_mask))
		cpumask_copy(&change->cpus, unbound_mask);
	/* Its shares may be gone; they stay while the mutex is held. */
	if (READ_ONCE(wq->intake) != CMWQ_DEAD)
		err = make_route(change);
	if (err) {
		free_change(change);
		return err;
	}
	if (same_route(wq->route, change->route))
		drop_route(change);
	list_add_tail(&change->node, changes);
	return 0;
}

static int make_change(struct change *change)
{
	struct cmwq_workqueue *wq = change->wq;
	struct cmwq_pwq * __percpu *old;
	struct cmwq_pwq *pwq, *first;

	mutex_lock(&wq->mutex);
	if (wq->intake == CMWQ_DEAD) {
		mutex_unlock(&wq->mutex);
		return -ENODEV;
	}
	swap(wq->attrs, change->attrs);
	cmwq_rescuer_dress(wq);
	if (!change->route) {
		mutex_unlock(&wq->mutex);
		return 0;
	}
	old = wq->route;
	first = list_first_entry(&change->pwqs, struct cmwq_pwq, node);
	if (old)
		change->first_new = first;
	if (wq->flags & __CMWQ_ORDERED)
		plug(wq, first);
	while (!list_empty(&change->pwqs)) {
		pwq = list_first_entry(&change->pwqs, struct cmwq_pwq, node);
		pwq->colour = wq->colour;
		cmwq_pwq_set_limit(pwq);
		list_del(&pwq->node);
		list_add_tail_rcu(&pwq->node, &wq->pwqs);
	}
	smp_store_release(&wq->route, change->route);	/* S1: filled in before */
	change->route = old;
	cpumask_copy(wq->cpus, &change->cpus);
	if (wq->flags & CMWQ_UNBOUND)
		cmwq_shares_update(wq);
	mutex_unlock(&wq->mutex);
	return 0;
}

/**
 * cmwq_routes_change - send the items of queues to pools with other attributes
 * @changes: what was prepared; empty afterwards
 *
 * Context: cmwq_attrs_mutex is held.
 * Return: 0, or -ENODEV if a queue is gone; the others are changed.
 */
int cmwq_routes_change(struct list_head *changes)
{
	struct change *change;
	bool retire = false;
	int err = 0;

	lockdep_assert_held(&cmwq_attrs_mutex);
	list_for_each_entry(change, changes, node) {
		err = make_change(change) ?: err;
		retire = retire || change->first_new;
	}
	if (retire)
		synchronize_rcu();				/* S1 */
	list_for_each_entry(change, changes, node)
		if (change->first_new) {
			retire_before(change->wq, change->first_new);
			reap_queue(change->wq);
		}
	free_changes(changes);
	return err;
}

/**
 * cmwq_routes_abandon - let the queues stay as they are
 * @changes: what was prepared; empty afterwards
 *
 * Context: cmwq_attrs_mutex is held.
 */
void cmwq_routes_abandon(struct list_head *changes)
{
	free_changes(changes);
}

/* After a change */

static bool retired_and_idle(struct cmwq_pwq *pwq)
{
	bool yes;

	raw_spin_lock(&pwq->pool->lock);
	yes = pwq->watched & PWQ_RETIRED && cmwq_pwq_idle(pwq) &&
	      !pwq->mayday;					/* M3 */
	raw_spin_unlock(&pwq->pool->lock);
	return yes;
}

/* In hard interrupt context: S4. */
static void succeed(struct irq_work *irq_work)
{
	struct cmwq_workqueue *wq = container_of(irq_work,
						 struct cmwq_workqueue,
						 succeed);
	struct task_struct *task;
	struct cmwq_pwq *next;

	raw_spin_lock(&wq->succeed_lock);
	while (wq->oldest && wq->oldest->successor &&
	       retired_and_idle(wq->oldest)) {
		next = wq->oldest->successor;
		wq->oldest = next;
		raw_spin_lock(&next->pool->lock);
		next->watched &= ~PWQ_PLUGGED;
		cmwq_pwq_set_limit(next);
		cmwq_pwq_activate(next);
		task = cmwq_pool_pick(next->pool);
		raw_spin_unlock(&next->pool->lock);
		if (task)
			wake_up_process(task);
	}
	raw_spin_unlock(&wq->succeed_lock);
	queue_work(system_long_wq, &reap_work);
}

static void reap_queue(struct cmwq_workqueue *wq)
{
	struct cmwq_pwq *pwq, *next, *oldest;

	mutex_lock(&wq->mutex);
	raw_spin_lock_irq(&wq->succeed_lock);
	oldest = wq->oldest;
	raw_spin_unlock_irq(&wq->succeed_lock);
	list_for_each_entry_safe(pwq, next, &wq->pwqs, node) {
		bool gone;

		if (pwq == oldest)
			break;					/* S5 */
		local_irq_disable();
		gone = retired_and_idle(pwq);
		local_irq_enable();
		if (!gone)
			continue;
		list_del_rcu(&pwq->node);
		wq->gone_executed += pwq->executed;
		wq->gone_cancelled += pwq->cancelled;
		wq->gone_maydays += pwq->maydays;
		wq->gone_rescued += pwq->rescued;
		free_pwq(pwq);
	}
	mutex_unlock(&wq->mutex);
}

static void reap_retired(struct work_struct *work)
{
	struct cmwq_workqueue *wq;

	mutex_lock(&cmwq_attrs_mutex);
	mutex_lock(&cmwq_wq_mutex);
	list_for_each_entry(wq, &cmwq_workqueues, node)
		reap_queue(wq);
	mutex_unlock(&cmwq_wq_mutex);
	mutex_unlock(&cmwq_attrs_mutex);
}

/**
 * cmwq_route_init - prepare a new queue
 * @wq: the queue
 */
void cmwq_route_init(struct cmwq_workqueue *wq)
{
	INIT_LIST_HEAD(&wq->pwqs);
	raw_spin_lock_init(&wq->succeed_lock);
	cmwq_init_hard_irq_work(&wq->succeed, succeed);
}

/**
 * cmwq_route_drop - the queue is dead and empty, and nobody looks at it
 * @wq: the queue
 */
void cmwq_route_drop(struct cmwq_workqueue *wq)
{
	mutex_lock(&cmwq_attrs_mutex);
	irq_work_sync(&wq->succeed);
	free_pwqs(&wq->pwqs);
	free_percpu(wq->route);
	cmwq_shares_free(wq);
	cmwq_free_workqueue_attrs(wq->attrs);
	free_cpumask_var(wq->cpus);
	mutex_unlock(&cmwq_attrs_mutex);
}

void cmwq_routes_exit(void)
{
	flush_work(&reap_work);
}
