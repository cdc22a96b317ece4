/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.h - the concurrency policy: when a worker runs an item, and how many
 * workers there are.  Nothing else tests the counters.  pool->lock is held.
 */
#ifndef _CMWQ_POLICY_H
#define _CMWQ_POLICY_H

#include "cmwq_internal.h"

#define IDLE_KEEP		2	/* idle workers that are never retired */
#define IDLE_RATIO		4	/* one idle worker per so many busy ones */

/* Is there an item to run, and room for one more counted worker? */
static inline bool need_more_worker(struct cmwq_pool *pool)
{
	return !list_empty(&pool->worklist) &&
	       atomic_read(&pool->nr_running) < pool->target;
}

/* May the worker in hand run items, i.e. is another one ready to follow it? */
static inline bool may_start_working(struct cmwq_pool *pool)
{
	return pool->nr_idle;
}

/* Shall the worker in hand, which is counted, go on with the next item? */
static inline bool keep_working(struct cmwq_pool *pool)
{
	return !list_empty(&pool->worklist) &&
	       atomic_read(&pool->nr_running) <= pool->target;
}

/* Has it items that only a new worker, or a rescuer, gets going? */
static inline bool lacks_worker(struct cmwq_pool *pool)
{
	return need_more_worker(pool) && !pool->nr_idle;
}

static inline bool too_many_workers(struct cmwq_pool *pool)
{
	int busy = pool->nr_workers - pool->nr_idle;

	return pool->nr_idle > IDLE_KEEP &&
	       (pool->nr_idle - IDLE_KEEP) * IDLE_RATIO >= busy;
}

/* Its CPU is down: is there anything to look after? */
static inline bool needs_trustee(struct cmwq_pool *pool)
{
	return pool->flags & POOL_DISASSOCIATED &&
	       (pool->nr_workers || cmwq_pool_has_work(pool));
}

/* May all workers of a pool whose CPU is down go?  Not one that is woken: R5. */
static inline bool orphans_may_go(struct cmwq_pool *pool)
{
	return pool->flags & POOL_DISASSOCIATED && !pool->waking &&
	       pool->nr_idle && pool->nr_idle == pool->nr_workers &&
	       !cmwq_pool_has_work(pool);
}

static inline bool pool_capped(struct cmwq_pool *pool)
{
	/* The first worker is not a matter of limits. */
	return pool->nr_workers &&
	       (pool->nr_workers >= READ_ONCE(cmwq_pool_max_workers) ||
		atomic_read(&cmwq_nr_workers) >=
		READ_ONCE(cmwq_total_max_workers));
}

static inline bool may_create_worker(struct cmwq_pool *pool)
{
	return !pool->manager && !cmwq_stopping &&
	       time_after_eq(jiffies, pool->create_after);
}

#endif /* _CMWQ_POLICY_H */
