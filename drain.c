// SPDX-License-Identifier: GPL-2.0-only
/*
 * drain.c - waiting for a whole queue: flush, drain
 *
 * Each pwq counts its linked items by colour.  A flusher closes the current
 * colour on all pwqs (splicing their inboxes first, so everything queued before
 * the call is counted), gives new items the next one, and waits
 * until its colour and all older ones are at zero.  Flushers are completed in
 * the order of their calls, so the colours in use are always neighbours in the
 * ring; a semaphore keeps one of them free.  Later items have a later colour:
 * nobody waits for them.
 *
 * F1: the last item of a colour against the flusher.  flush_left[colour] starts
 *    at 1, which the flusher itself drops when it has been to all pwqs:
 *	flusher				worker, pool A
 *	1. pool A: left = 2, marked
 *	2. visits pool B ...		3. A's count is 0: left = 1, no wake
 *	4. drops its own: left = 0, wake
 */
#include "lockdep.h"

#define DRAIN_PATIENCE	(5 * HZ)	/* then it says what it waits for */

struct cmwq_flusher {
	struct list_head	node;		/* F */
	unsigned int		colour;		/* I */
	struct completion	done;		/* A */
};

/*
 * One pwq less to wait for: the colour is at zero there.  Interrupts are off;
 * pool locks may be held.  Return: true if somebody was woken.
 */
static bool flush_put(struct cmwq_workqueue *wq, unsigned int colour)
{
	struct cmwq_flusher *f, *next;
	bool woke = false;

	if (!atomic_dec_and_test(&wq->flush_left[colour]))
		return false;
	raw_spin_lock(&wq->flush_lock);
	list_for_each_entry_safe(f, next, &wq->flushers, node) {
		if (atomic_read(&wq->flush_left[f->colour]))
			break;		/* an older one is not done yet */
		list_del(&f->node);
		complete(&f->done);	/* @f is gone from here on */
		woke = true;
	}
	raw_spin_unlock(&wq->flush_lock);
	return woke;
}

/**
 * cmwq_pwq_colour_done - a colour that somebody watches is at zero
 * @pwq:	the pwq; its pool's lock is held
 * @colour:	the colour
 *
 * Return: true if somebody who flushes the queue was woken.
 */
bool cmwq_pwq_colour_done(struct cmwq_pwq *pwq, unsigned int colour)
{
	if (pwq->watched & PWQ_RETIRED && cmwq_pwq_idle(pwq))
		irq_work_queue(&pwq->wq->succeed);
	if (!(pwq->watched & BIT(colour)))
		return false;
	pwq->watched &= ~BIT(colour);
	return flush_put(pwq->wq, colour);
}

/**
 * cmwq_running_func - what of a queue is running, and has been for longest
 * @wq:	the queue; its mutex is held
 * @ms:	is set to for how long, milliseconds
 *
 * Return: the function, NULL if none is running.
 */
cmwq_func_t cmwq_running_func(struct cmwq_workqueue *wq, unsigned int *ms)
{
	unsigned long since = jiffies;
	struct cmwq_worker *worker;
	cmwq_func_t func = NULL;
	struct cmwq_pwq *pwq;

	lockdep_assert_held(&wq->mutex);
	cmwq_for_each_pwq(pwq, wq) {
		raw_spin_lock_irq(&pwq->pool->lock);
		list_for_each_entry(worker, &pwq->pool->workers, node) {
			if (worker->current_pwq != pwq ||
			    (func && !time_before(worker->since, since)))
				continue;
			func = worker->current_func;
			since = worker->since;
		}
		raw_spin_unlock_irq(&pwq->pool->lock);
	}
	*ms = jiffies_to_msecs(jiffies - since);
	return func;
}

/* Whoever drains is told what is in the way, less and less often. */
static void wait_patiently(struct cmwq_workqueue *wq, struct completion *done)
{
	unsigned long since = jiffies, patience = DRAIN_PATIENCE;
	cmwq_func_t func;
	unsigned int ms;
	bool frozen;

	while (!wait_for_completion_timeout(done, patience)) {
		patience = min(2 * patience, 60UL * HZ);
		mutex_lock(&wq->mutex);
		func = wq->intake == CMWQ_DEAD ? NULL :
		       cmwq_running_func(wq, &ms);
		frozen = wq->frozen;
		mutex_unlock(&wq->mutex);
		if (func)
			pr_warn("queue %s of %s is not empty after %lu s: waiting for %ps\n",
				wq->name, cmwq_owner_name(wq->owner),
				(jiffies - since) / HZ, func);
		else
			pr_warn("queue %s of %s is not empty after %lu s: its items wait for %s\n",
				wq->name, cmwq_owner_name(wq->owner),
				(jiffies - since) / HZ,
				frozen ? "the end of a suspend" :
					 "a worker, see the pools view");
	}
}

/* @drain: is the caller going to repeat it until the queue is empty? */
static void flush_queue(struct cmwq_workqueue *wq, bool drain)
{
	struct cmwq_flusher f;
	struct cmwq_pwq *pwq;
	unsigned int next;
	unsigned long flags;
	bool linked;

	init_completion(&f.done);
	down(&wq->colours);
	mutex_lock(&wq->mutex);
	if (wq->intake == CMWQ_DEAD) {		/* meanwhile: D2 */
		mutex_unlock(&wq->mutex);
		up(&wq->colours);
		return;
	}

	f.colour = wq->colour;
	next = (wq->colour + 1) % WORK_COLOURS;
	wq->colour = next;
	atomic_set(&wq->flush_left[f.colour], 1);
	raw_spin_lock_irqsave(&wq->flush_lock, flags);
	list_add_tail(&f.node, &wq->flushers);
	raw_spin_unlock_irqrestore(&wq->flush_lock, flags);

	cmwq_for_each_pwq(pwq, wq) {
		raw_spin_lock_irqsave(&pwq->pool->lock, flags);
		linked = cmwq_pool_splice(pwq->pool);
		if (pwq->in_flight[f.colour]) {
			pwq->watched |= BIT(f.colour);
			atomic_inc(&wq->flush_left[f.colour]);
		}
		pwq->colour = next;
		cmwq_pool_unlock_kick(pwq->pool, flags, linked);
	}
	mutex_unlock(&wq->mutex);

	local_irq_save(flags);
	flush_put(wq, f.colour);				/* F1 */
	local_irq_restore(flags);
	if (drain)
		wait_patiently(wq, &f.done);
	else
		wait_for_completion(&f.done);
	up(&wq->colours);
}

/**
 * cmwq_wq_alive - check a queue that somebody wants to look at or change
 * @wq:		the queue
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * Return: false, with a log line, if it is none.  The answer holds until
 * interrupts are enabled or wq->mutex, taken before the call, is dropped (D2).
 */
bool cmwq_wq_alive(struct cmwq_workqueue *wq, const char *what, void *caller)
{
	if (!wq) {
		cmwq_report(what, caller, -EINVAL, "the queue is NULL");
		return false;
	}
	switch (READ_ONCE(wq->intake)) {
	case CMWQ_OPEN:
	case CMWQ_DRAINING:
	case CMWQ_DESTROYING:
		return true;
	case CMWQ_DEAD:
		cmwq_report(what, caller, -ENODEV,
			    "the queue has been destroyed already");
		return false;
	default:
		cmwq_report(what, caller, -EINVAL,
			    "not a workqueue (never allocated, or freed)");
		return false;
	}
}

/**
 * cmwq_wq_usable - check a queue that somebody wants to wait for
 * @wq:		the queue
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * Return: false, with a log line, if it is none, or if the calling task runs
 * an item of it.
 */
bool cmwq_wq_usable(struct cmwq_workqueue *wq, const char *what, void *caller)
{
	struct cmwq_worker *self = cmwq_current_worker();

	if (!cmwq_wq_alive(wq, what, caller))
		return false;
	if (self && !self->task) {
		cmwq_report(what, caller, -EWOULDBLOCK,
			    "a BH item cannot wait for a queue: not waiting");
		return false;
	}
	if (self && self->current_pwq && self->current_pwq->wq == wq) {
		cmwq_report(what, caller, -EDEADLK,
			    "an item of queue %s cannot wait for its own queue: not waiting",
			    wq->name);
		return false;
	}
	return true;
}

void cmwq_flush_workqueue(struct cmwq_workqueue *wq)
{
	might_sleep();
	if (!cmwq_wq_usable(wq, "cmwq_flush_workqueue",
			    __builtin_return_address(0)))
		return;
	cmwq_touch_wq(wq);
	cmwq_check_dependency(wq, "cmwq_flush_workqueue",
			      __builtin_return_address(0));
	flush_queue(wq, false);
}
EXPORT_SYMBOL_GPL(cmwq_flush_workqueue);

/* How many items have been linked so far: in flight, run, or taken off. */
static u64 nr_linked(struct cmwq_workqueue *wq)
{
	struct cmwq_pwq *pwq;
	unsigned long flags;
	bool linked;
	u64 n = 0;
	int i;

	mutex_lock(&wq->mutex);
	if (wq->intake == CMWQ_DEAD)		/* meanwhile: D2 */
		goto out;
	n = wq->gone_executed + wq->gone_cancelled;
	cmwq_for_each_pwq(pwq, wq) {
		raw_spin_lock_irqsave(&pwq->pool->lock, flags);
		linked = cmwq_pool_splice(pwq->pool);
		n += pwq->executed + pwq->cancelled;
		for (i = 0; i < WORK_COLOURS; i++)
			n += pwq->in_flight[i];
		cmwq_pool_unlock_kick(pwq->pool, flags, linked);
	}
out:
	mutex_unlock(&wq->mutex);
	return n;
}

/**
 * cmwq_drain - flush until nothing is left
 * @wq: the queue, which takes in only its own items
 *
 * F3: items that queue each other, against somebody who looks for the last one.
 *	items of the queue		looking
 *					1. CPU 0: none in flight
 *	2. X on CPU 1 queues Y on CPU 0
 *	3. X returns
 *					4. CPU 1: none in flight
 *    So nobody looks for items: nothing has been linked anywhere, from before
 *    a flush until after it.  At its end everything linked before has finished,
 *    so nothing is in flight, and nobody is left to queue more.
 */
void cmwq_drain(struct cmwq_workqueue *wq)
{
	unsigned int rounds = 0;
	u64 before, after;

	after = nr_linked(wq);
	for (;;) {
		before = after;
		flush_queue(wq, true);
		after = nr_linked(wq);
		if (after == before)
			return;
		if (++rounds == 10 || rounds % 100 == 0)
			pr_warn("queue %s is not empty after %u flushes: its items queued %llu more during the last, do they requeue themselves for ever?\n",
				wq->name, rounds, after - before);
	}
}

void cmwq_drain_workqueue(struct cmwq_workqueue *wq)
{
	might_sleep();
	if (!cmwq_wq_usable(wq, "cmwq_drain_workqueue",
			    __builtin_return_address(0)))
		return;
	cmwq_touch_wq(wq);

	mutex_lock(&wq->mutex);
	if (!wq->nr_drainers++ && wq->intake == CMWQ_OPEN)
		WRITE_ONCE(wq->intake, CMWQ_DRAINING);
	mutex_unlock(&wq->mutex);

	cmwq_drain(wq);

	mutex_lock(&wq->mutex);
	if (!--wq->nr_drainers && wq->intake == CMWQ_DRAINING)
		WRITE_ONCE(wq->intake, CMWQ_OPEN);
	mutex_unlock(&wq->mutex);
}
EXPORT_SYMBOL_GPL(cmwq_drain_workqueue);
