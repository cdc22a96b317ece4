// SPDX-License-Identifier: GPL-2.0-only
/*
 * lockdep.c - the lockdep maps of queues; only with CONFIG_LOCKDEP
 */
#include "lockdep.h"

/**
 * cmwq_wq_map_init - give a queue its map
 * @wq:		the queue, which has its name
 * @map:	the map of its creator, or NULL for one of its own
 */
void cmwq_wq_map_init(struct cmwq_workqueue *wq, struct lockdep_map *map)
{
	wq->lockdep_map = map;
	if (map)
		return;
	snprintf(wq->lock_name, sizeof(wq->lock_name), "(cmwq)%s", wq->name);
	lockdep_register_key(&wq->lock_key);
	lockdep_init_map(&wq->own_map, wq->lock_name, &wq->lock_key, 0);
	wq->lockdep_map = &wq->own_map;
}

/**
 * cmwq_wq_map_exit - the opposite, before the queue is freed
 * @wq: the queue
 *
 * Context: process context, may sleep.
 */
void cmwq_wq_map_exit(struct cmwq_workqueue *wq)
{
	if (wq->lockdep_map == &wq->own_map)
		lockdep_unregister_key(&wq->lock_key);
}

/* Maps of BH queues are held in softirqs: they are not for those to interrupt. */
static void touch_map(struct lockdep_map *map, bool bh)
{
	if (bh)
		local_bh_disable();
	lock_map_acquire(map);
	lock_map_release(map);
	if (bh)
		local_bh_enable();
}

/**
 * cmwq_touch_work - somebody is about to wait for an execution of an item
 * @work: the item; one that was never queued is of no interest yet
 */
void cmwq_touch_work(struct cmwq_work *work)
{
	struct cmwq_pool *pool;
	unsigned long flags;
	bool bh;

	local_irq_save(flags);
	pool = cmwq_data_pool(atomic_long_read(&work->data));
	bh = pool && pool->key.bh;
	local_irq_restore(flags);
	if (pool)
		touch_map(&work->lockdep_map, bh);
}

/**
 * cmwq_touch_wq - somebody is about to wait for a queue
 * @wq: the queue
 */
void cmwq_touch_wq(struct cmwq_workqueue *wq)
{
	touch_map(wq->lockdep_map, wq->flags & CMWQ_BH);
}

/**
 * cmwq_touch_flushed - somebody is about to wait for an item
 * @work: the item
 *
 * If its queue runs one item at a time he waits for all others there, too.
 */
void cmwq_touch_flushed(struct cmwq_work *work)
{
	struct cmwq_workqueue *wq = NULL;
	unsigned long flags, data;

	local_irq_save(flags);					/* D2 */
	data = atomic_long_read(&work->data);
	if (data & WORK_WHERE)
		wq = cmwq_data_pwq(data)->wq;
	local_irq_restore(flags);

	cmwq_touch_work(work);
	if (wq && READ_ONCE(wq->max_active) == 1)
		cmwq_touch_wq(wq);
}

struct cmwq_workqueue *
__cmwq_alloc_workqueue_lockdep_map(struct module *owner, unsigned int flags,
				   int max_active, struct lockdep_map *map,
				   const char *fmt, ...)
{
	void *caller = __builtin_return_address(0);
	struct cmwq_workqueue *wq;
	va_list args;

	if (!map) {
		cmwq_report("cmwq_alloc_workqueue_lockdep_map", caller,
			    -EINVAL,
			    "the map is NULL: use cmwq_alloc_workqueue()");
		return NULL;
	}
	va_start(args, fmt);
	wq = cmwq_valloc_workqueue(owner, flags, max_active, map, caller, fmt,
				   args);
	va_end(args);
	return wq;
}
EXPORT_SYMBOL_GPL(__cmwq_alloc_workqueue_lockdep_map);
