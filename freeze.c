// SPDX-License-Identifier: GPL-2.0-only
/*
 * freeze.c - CMWQ_FREEZABLE queues stop for suspend and hibernation
 *
 * A freezable thread stands for the queues.  It is asked to freeze after user
 * space, with the other kernel threads: it sets the limits of the queues to 0,
 * so that no item starts any more, and goes into the refrigerator when those in
 * execution have finished.  The suspend waits for that, and gives up after a
 * time (/sys/power/pm_freeze_timeout).  When the thread is let out, or the
 * suspend was given up, the limits are what they were.
 *
 * E1: frozen against everybody else who sets a limit: cmwq_pwq_set_limit().
 *	freezer				setter, pool->lock held
 *	1. wq->frozen = true		1. reads wq->frozen
 *	2. each pwq: lock, limit = 0	2. sets the limit
 *    A setter that read false was there before step 2, which corrects it.  A
 *    pwq made meanwhile either is on wq->pwqs in step 2, or was put there later
 *    and has looked after step 1: both hold wq->mutex.  The same for a new
 *    queue and its list, with cmwq_wq_mutex.  And the same for thawing.
 *
 * E2: items that start, against "none is in execution".  One that starts does so
 *    under its pool's lock with a limit that is not 0; the look takes that lock
 *    after the limit was set to 0.  From then on nr_active only falls.
 *
 * E3: the end of a suspend.  In the refrigerator the thread is woken.  If it is
 *    given up before, nobody wakes it: it looks from time to time.  A suspend
 *    that follows within that time is either not noticed to be another one, or
 *    has the thread begin anew.
 *
 * E4: loading against a suspend that begins.  Until the thread is freezable the
 *    suspend would not wait for it; but it waits for the process that loads the
 *    module, and that waits for the thread.
 */
#include "cmwq_internal.h"

#include <linux/freezer.h>

#define FREEZE_POLL	msecs_to_jiffies(10)
#define FREEZE_PATIENCE	(5 * HZ)	/* then it says what it waits for */

static struct task_struct *freezer;
static bool queues_frozen;		/* M */

#ifdef CMWQ_BUSTED
/* The deliberately broken variant, for tests that must fail. */
static bool forget(struct cmwq_workqueue *wq)
{
	return wq->flags & CMWQ_UNBOUND;
}
#else
static bool forget(struct cmwq_workqueue *wq)
{
	return false;
}
#endif

static void set_frozen(struct cmwq_workqueue *wq, bool frozen)
{
	if (!(wq->flags & CMWQ_FREEZABLE) || forget(wq))
		return;
	mutex_lock(&wq->mutex);
	WRITE_ONCE(wq->frozen, frozen);				/* E1 */
	cmwq_limits_update(wq);
	mutex_unlock(&wq->mutex);
}

static void set_all_frozen(bool frozen)
{
	struct cmwq_workqueue *wq;

	mutex_lock(&cmwq_wq_mutex);
	queues_frozen = frozen;
	list_for_each_entry(wq, &cmwq_workqueues, node)
		set_frozen(wq, frozen);
	mutex_unlock(&cmwq_wq_mutex);
}

/**
 * cmwq_freeze_new - a queue that may have been created during a suspend
 * @wq: the queue, just put on the list; cmwq_wq_mutex is held
 */
void cmwq_freeze_new(struct cmwq_workqueue *wq)
{
	lockdep_assert_held(&cmwq_wq_mutex);
	if (queues_frozen)
		set_frozen(wq, true);				/* E1 */
}

static int in_execution(struct cmwq_workqueue *wq)
{
	struct cmwq_pwq *pwq;
	int n = 0;

	cmwq_for_each_pwq(pwq, wq) {
		raw_spin_lock_irq(&pwq->pool->lock);
		n += pwq->nr_active;				/* E2 */
		raw_spin_unlock_irq(&pwq->pool->lock);
	}
	return n;
}

static void say_busy(struct cmwq_workqueue *wq, int items, const char *what)
{
	unsigned int ms;
	cmwq_func_t func = cmwq_running_func(wq, &ms);

	if (func)
		pr_warn("queue %s of %s %s: %d items in execution, %ps for %u ms\n",
			wq->name, cmwq_owner_name(wq->owner), what, items, func,
			ms);
	else
		pr_warn("queue %s of %s %s: %d items that wait for a worker\n",
			wq->name, cmwq_owner_name(wq->owner), what, items);
}

/* Is an item in execution?  With @what the log is told of each queue. */
static bool queues_busy(const char *what)
{
	struct cmwq_workqueue *wq;
	bool busy = false;
	int items;

	mutex_lock(&cmwq_wq_mutex);
	list_for_each_entry(wq, &cmwq_workqueues, node) {
		if (!(wq->flags & CMWQ_FREEZABLE))
			continue;
		mutex_lock(&wq->mutex);
		items = in_execution(wq);
		if (items && what)
			say_busy(wq, items, what);
		mutex_unlock(&wq->mutex);
		busy |= items;
	}
	mutex_unlock(&cmwq_wq_mutex);
	return busy;
}

/* Return: false if the suspend was given up before. */
static bool wait_for_items(void)
{
	unsigned long patience = jiffies + FREEZE_PATIENCE;
	bool said = false;

	while (queues_busy(NULL)) {
		if (!freezing(current)) {			/* E3 */
			queues_busy("was busy when the suspend was given up");
			return false;
		}
		if (!said && time_after(jiffies, patience)) {
			queues_busy("holds up the suspend");
			said = true;
		}
		schedule_timeout_interruptible(FREEZE_POLL);
	}
	return true;
}

static int freezer_fn(void *ready)
{
	set_freezable();
	complete(ready);					/* E4 */
	while (!kthread_should_stop()) {
		/* Not TASK_FREEZABLE: it would be frozen where it sleeps. */
		set_current_state(TASK_INTERRUPTIBLE);
		if (!freezing(current) && !kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
		if (!freezing(current))
			continue;
		set_all_frozen(true);
		if (wait_for_items())
			try_to_freeze();
		set_all_frozen(false);
	}
	return 0;
}

int cmwq_freezer_init(void)
{
	DECLARE_COMPLETION_ONSTACK(ready);

	freezer = kthread_run(freezer_fn, &ready, "cmwq/freezer");
	if (IS_ERR(freezer))
		return PTR_ERR(freezer);
	wait_for_completion(&ready);
	return 0;
}

void cmwq_freezer_exit(void)
{
	kthread_stop(freezer);
}
