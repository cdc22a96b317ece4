// SPDX-License-Identifier: GPL-2.0-only
/*
 * clients.c - modules that go away and leave something behind
 *
 * When a module's exit has returned, its functions are about to be freed.  The
 * notifier here comes in between.  A queue that the module still owns is a bug
 * of the module: its items are run, then it is destroyed.  An item on somebody
 * else's queue (a system queue, say) whose function lies in the module is one,
 * too: it is reported, and the module stays until it has run.  A timer of a
 * delayed item cannot be found.
 *
 * X1: a module that goes against its RCU items, seen by nobody in their grace period.
 *	goes				callback
 *	1. is put on the list		1. looks at the list, notes the item
 *	2. rcu_barrier(), twice		2. queues it
 *	3. looks for items
 *	4. rcu_barrier()
 *	5. looks for items, and whether
 *	   one was noted; if any: 3
 *    A callback that saw no list is over after step 2: its item is pending then and
 *    seen by step 3, or has been run, and what that queued is.  An RCU item that was
 *    queued before step 3 is noted in step 4; if later, then by an item that was seen
 *    in step 3, or by one that was noted.
 */
#include "cmwq_internal.h"

#include <linux/delay.h>
#include <linux/rcupdate.h>

/**
 * cmwq_owner_name - the name of a queue's owner, for messages
 * @owner: the module, may be NULL
 *
 * Return: a string that lives as long as the module.
 */
const char *cmwq_owner_name(struct module *owner)
{
	return owner ? owner->name : "(no module)";
}

/* A module that goes, while it is waited for.  L: leaving_lock */
struct leaving {
	struct list_head	node;	/* L */
	struct module		*mod;	/* I */
	cmwq_func_t		came;	/* L: out of a grace period; or NULL */
};

static DEFINE_RAW_SPINLOCK(leaving_lock);
static LIST_HEAD(all_leaving);			/* L */

/**
 * cmwq_clients_rcu_item - an RCU item comes out of its grace period
 * @func: its function
 *
 * Context: interrupts are off; the item is about to be queued.  X1
 */
void cmwq_clients_rcu_item(cmwq_func_t func)
{
	struct leaving *l;

	if (likely(list_empty_careful(&all_leaving)))
		return;
	raw_spin_lock(&leaving_lock);
	list_for_each_entry(l, &all_leaving, node)
		if (within_module((unsigned long)func, l->mod))
			l->came = func;
	raw_spin_unlock(&leaving_lock);
}

/* Return: the function of one that came since we asked last, or NULL. */
static cmwq_func_t rcu_item_came(struct leaving *l)
{
	cmwq_func_t came;

	raw_spin_lock_irq(&leaving_lock);
	came = l->came;
	l->came = NULL;
	raw_spin_unlock_irq(&leaving_lock);
	return came;
}

static void say_waiting(struct module *mod, cmwq_func_t func)
{
	pr_err("module %s goes away while its item %ps is queued or running (errno %d): waiting for it; cancel or flush it in its exit\n",
	       cmwq_owner_name(mod), func, -EBUSY);
}

static struct cmwq_workqueue *queue_left_by(struct module *mod)
{
	struct cmwq_workqueue *wq, *found = NULL;

	mutex_lock(&cmwq_wq_mutex);
	list_for_each_entry(wq, &cmwq_workqueues, node) {
		if (wq->owner == mod && cmwq_begin_destroying(wq)) {
			found = wq;
			break;
		}
	}
	mutex_unlock(&cmwq_wq_mutex);
	return found;
}

static cmwq_func_t func_in_list(struct list_head *items, struct module *mod)
{
	struct cmwq_work *work;

	list_for_each_entry(work, items, entry)
		if (within_module((unsigned long)work->func, mod))
			return work->func;
	return NULL;
}

/* A function of @mod that a worker of @pool runs or has to run. */
static cmwq_func_t func_in_pool(struct cmwq_pool *pool, struct module *mod)
{
	struct cmwq_worker *worker;
	cmwq_func_t func;
	unsigned long flags;
	bool linked;

	raw_spin_lock_irqsave(&pool->lock, flags);
	linked = cmwq_pool_splice(pool);
	func = func_in_list(&pool->worklist, mod);
	list_for_each_entry(worker, &pool->workers, node) {
		if (func)
			break;
		if (worker->current_func &&
		    within_module((unsigned long)worker->current_func, mod))
			func = worker->current_func;
		else
			func = func_in_list(&worker->scheduled, mod);
	}
	cmwq_pool_unlock_kick(pool, flags, linked);
	return func;
}

static cmwq_func_t func_left_by(struct module *mod)
{
	struct cmwq_workqueue *wq;
	struct cmwq_pool *pool;
	struct cmwq_pwq *pwq;
	cmwq_func_t func = NULL;
	unsigned long flags;
	bool linked;

	/* In the order in which items move on; and none is moved meanwhile: W4 */
	mutex_lock(&cmwq_wq_mutex);
	list_for_each_entry(wq, &cmwq_workqueues, node) {
		mutex_lock(&wq->mutex);
		cmwq_for_each_pwq(pwq, wq) {
			if (func)
				break;
			raw_spin_lock_irqsave(&pwq->pool->lock, flags);
			linked = cmwq_pool_splice(pwq->pool);
			func = func_in_list(&pwq->inactive, mod);
			cmwq_pool_unlock_kick(pwq->pool, flags, linked);
		}
		mutex_unlock(&wq->mutex);
	}
	if (func)
		goto out;
	cmwq_for_each_pool(pool) {
		func = func_in_pool(pool, mod);
		if (func) {
			cmwq_pool_put(pool);
			break;
		}
	}
out:
	mutex_unlock(&cmwq_wq_mutex);
	return func;
}

/*
 * An item that goes to a pool as it is looked at the next is seen in neither.  So
 * one look is not enough; and of a module that does leave items many are wanted.
 * Return: whether there was one.
 */
static bool wait_for_funcs(struct module *mod)
{
	unsigned int waits = 0, looks = 0;
	cmwq_func_t func;

	while (looks++ < (waits ? 50 : 3)) {
		func = func_left_by(mod);
		if (!func) {
			if (waits)
				usleep_range(500, 1000);
			continue;
		}
		if (waits++ % 500 == 0)
			say_waiting(mod, func);
		msleep(20);
		looks = 0;
	}
	return waits;
}

static int module_event(struct notifier_block *nb, unsigned long event,
			void *data)
{
	struct cmwq_workqueue *wq;
	struct module *mod = data;
	struct leaving l = { .mod = mod };
	unsigned int rounds = 0;
	cmwq_func_t came;
	bool found;

	if (event != MODULE_STATE_GOING || mod == THIS_MODULE)
		return NOTIFY_DONE;

	raw_spin_lock_irq(&leaving_lock);
	list_add(&l.node, &all_leaving);
	raw_spin_unlock_irq(&leaving_lock);
	/* Items in their grace period, the second one perhaps, get on a queue. */
	rcu_barrier();
	rcu_barrier();
	do {							/* X1 */
		found = false;
		while ((wq = queue_left_by(mod))) {
			pr_err("module %s goes away without destroying its queue %s (errno %d): running its items and destroying it now; call cmwq_destroy_workqueue() in its exit\n",
			       cmwq_owner_name(mod), wq->name, -EBUSY);
			cmwq_destroy_queue(wq);
			found = true;
		}
		found |= wait_for_funcs(mod);
		rcu_barrier();
		found |= wait_for_funcs(mod);
		came = rcu_item_came(&l);
		if (came && rounds++ % 500 == 0)
			say_waiting(mod, came);
	} while (found || came);	/* what has run may have queued more */
	raw_spin_lock_irq(&leaving_lock);
	list_del(&l.node);
	raw_spin_unlock_irq(&leaving_lock);
	cmwq_hogs_forget(mod);
	return NOTIFY_OK;
}

static struct notifier_block module_nb = {
	.notifier_call = module_event,
};

int cmwq_clients_init(void)
{
	return register_module_notifier(&module_nb);
}

void cmwq_clients_exit(void)
{
	unregister_module_notifier(&module_nb);
}
