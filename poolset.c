// SPDX-License-Identifier: GPL-2.0-only
/*
 * poolset.c - which pools there are: found, made, dropped
 *
 * Each possible CPU has two pools for as long as the module is loaded (normal,
 * nice -20).  The others are made when the attributes of a queue ask for them,
 * are shared by all queues that ask for the same, and go with the last of these.
 *
 * P1: a pool that goes against somebody who looks it up by the id in an item.
 *	looks (interrupts off)		drops
 *	1. reads cmwq_pools[id]		1. cmwq_pools[id] = NULL
 *	2. locks the pool, finds	2. workers retire
 *	   nothing of his		3. synchronize_rcu(), free
 *
 * P2: a pool that goes against its last threads.  A thread counts in nr_threads
 *    until its scheduler hooks are off; what it does after that is no longer
 *    about its pool.
 *
 * P3: a new pool of a CPU against the CPU that comes up, or goes down.
 *	makes				CPU, cpu_up_fn(), cpu_down_fn()
 *	1. into the table [mb]		1. is up, or is not [mb]
 *	2. with pool->lock: mark, or	2. in the table: mark, or none
 *	   none, by whether it is up	   with pool->lock
 *	3. no mark: worker		3. no mark: worker
 *    One of them sees the other's step 1, and if both do the last one to get
 *    the lock is right.  There may be two workers.
 */
#include "cmwq_internal.h"

#include <linux/mm.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

struct cmwq_pool **cmwq_pools;
int cmwq_max_pools;
struct cmwq_pool __percpu *cmwq_cpu_pools;
static int nr_cpu_pools;			/* I: ids 1.. are theirs */

/*
 * T: making pools, and changing what queues make of them.  It is held while workers
 * are created, which may take as long as memory takes.
 */
DEFINE_MUTEX(cmwq_attrs_mutex);

static void reap_dead(struct work_struct *work);
static DECLARE_WORK(reap_work, reap_dead);
static LLIST_HEAD(dead_pools);

/* Looking */

/**
 * cmwq_next_pool - iterator of cmwq_for_each_pool()
 * @pool: the pool to go on from, NULL to start with
 *
 * Return: the next pool, held; NULL after the last.  @pool is put.
 */
struct cmwq_pool *cmwq_next_pool(struct cmwq_pool *pool)
{
	int id = pool ? pool->id : 0;
	struct cmwq_pool *next = NULL;

	while (!next && ++id < cmwq_max_pools) {
		rcu_read_lock();
		next = READ_ONCE(cmwq_pools[id]);
		if (next && !refcount_inc_not_zero(&next->refs))
			next = NULL;
		rcu_read_unlock();
	}
	if (pool)
		cmwq_pool_put(pool);
	return next;
}

static bool same_mask(const struct cpumask *a, const struct cpumask *b)
{
	return a && b ? cpumask_equal(a, b) : a == b;
}

static struct cmwq_pool *find_pool(const struct cmwq_pool_key *key)
{
	struct cmwq_pool *pool;

	cmwq_for_each_pool(pool)
		if (!pool->key.bh &&
		    pool->key.cpu == key->cpu && pool->key.nice == key->nice &&
		    pool->key.policy == key->policy &&
		    pool->key.priority == key->priority &&
		    same_mask(pool->key.allowed, key->allowed) &&
		    same_mask(pool->key.pod, key->pod))
			return pool;
	return NULL;
}

/* Making */

/**
 * cmwq_pool_setup - fill in a pool
 * @pool:	the pool, zeroed
 * @id:		its id
 * @key:	its attributes; the masks stay the caller's
 */
void cmwq_pool_setup(struct cmwq_pool *pool, int id,
		     const struct cmwq_pool_key *key)
{
	int i;

	pool->id = id;
	pool->key = *key;
	refcount_set(&pool->refs, 1);
	init_llist_head(&pool->inbox);
	pool->target = cmwq_concurrency;
	pool->offq_idle = __CMWQ_WORK_MAGIC |
			  (unsigned long)pool->id << WORK_POOL_SHIFT;
	raw_spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->worklist);
	INIT_LIST_HEAD(&pool->idle);
	INIT_LIST_HEAD(&pool->waiters);
	INIT_LIST_HEAD(&pool->workers);
	pool->create_after = jiffies;
	cmwq_init_hard_irq_work(&pool->kick_work, cmwq_kick_irq_work);
	timer_setup(&pool->idle_timer, cmwq_idle_timer_fn, 0);
	timer_setup(&pool->hog_timer, cmwq_hog_timer_fn,
		    TIMER_DEFERRABLE | TIMER_PINNED);
	timer_setup(&pool->mayday_timer, cmwq_mayday_timer_fn, 0);
	pool->watched = key->cpu < 0 || key->bh;	/* not managed: never */
	for (i = 0; i < ARRAY_SIZE(pool->busy); i++)
		INIT_HLIST_HEAD(&pool->busy[i]);
	pool->node = key->cpu < 0 ? NUMA_NO_NODE : cpu_to_node(key->cpu);
	if (key->cpu >= 0 && !cmwq_cpu_is_up(key->cpu))
		pool->flags = POOL_DISASSOCIATED;
}

/* The node of all CPUs in @mask; NUMA_NO_NODE if there are several. */
static int node_of(const struct cpumask *mask)
{
	int node = cpu_to_node(cpumask_first(mask));
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (cpu_to_node(cpu) != node)
			return NUMA_NO_NODE;
	return node;
}

static int copy_masks(struct cmwq_pool *pool, const struct cmwq_pool_key *key)
{
	if (key->cpu >= 0)
		return 0;
	if (!alloc_cpumask_var(&pool->allowed, GFP_KERNEL))
		return -ENOMEM;
	cpumask_copy(pool->allowed, key->allowed);
	pool->key.allowed = pool->allowed;
	pool->node = node_of(key->pod ?: key->allowed);
	if (!key->pod)
		return 0;
	if (!alloc_cpumask_var(&pool->pod, GFP_KERNEL))
		return -ENOMEM;
	cpumask_copy(pool->pod, key->pod);
	pool->key.pod = pool->pod;
	return 0;
}

static void free_pool(struct cmwq_pool *pool)
{
	free_cpumask_var(pool->pod);
	free_cpumask_var(pool->allowed);
	kfree(pool);
}

static int free_id(void)
{
	int id, tries;

	for (tries = 0; tries < 2; tries++) {
		for (id = 1; id < cmwq_max_pools; id++)
			if (!READ_ONCE(cmwq_pools[id]))
				return id;
		/* Those that nobody uses any more have theirs until then. */
		queue_work(system_long_wq, &reap_work);
		flush_work(&reap_work);
	}
	return -ENOSPC;
}

static struct cmwq_pool *make_pool(const struct cmwq_pool_key *key)
{
	int id = free_id(), err = -ENOMEM;
	struct cmwq_pool *pool;
	bool up;

	if (id < 0) {
		pr_err("no more than %d pools (errno %d): use the same attributes for more queues\n",
		       cmwq_max_pools - 1, id);
		return ERR_PTR(id);
	}
	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return ERR_PTR(err);
	cmwq_pool_setup(pool, id, key);
	if (copy_masks(pool, key))
		goto fail;

	smp_store_release(&cmwq_pools[id], pool);	/* filled in before */
	smp_mb();					/* P3 */
	err = 0;
	if (key->cpu < 0) {
		err = cmwq_pool_first_worker(pool);
	} else {
		raw_spin_lock_irq(&pool->lock);
		up = cmwq_cpu_is_up(key->cpu);
		WRITE_ONCE(pool->flags, up ? 0 : POOL_DISASSOCIATED);
		raw_spin_unlock_irq(&pool->lock);
		if (up)
			err = cmwq_pool_first_worker(pool);
	}
	if (!err)
		return pool;
	cmwq_pool_put(pool);
	return ERR_PTR(err);

fail:
	free_pool(pool);
	return ERR_PTR(err);
}

/**
 * cmwq_pool_get - the pool with certain attributes, made if need be
 * @key: the attributes
 *
 * Context: cmwq_attrs_mutex is held.
 * Return: the pool, to be put; or an ERR_PTR().
 */
struct cmwq_pool *cmwq_pool_get(const struct cmwq_pool_key *key)
{
	struct cmwq_pool *pool;

	lockdep_assert_held(&cmwq_attrs_mutex);
	if (key->bh) {
		pool = cmwq_bh_pool(key->cpu, key->nice);
		refcount_inc(&pool->refs);
		return pool;
	}
	if (key->cpu >= 0 && key->policy == SCHED_NORMAL &&
	    (!key->nice || key->nice == MIN_NICE)) {
		pool = per_cpu_ptr(cmwq_cpu_pools, key->cpu) + !!key->nice;
		refcount_inc(&pool->refs);
		return pool;
	}
	pool = find_pool(key);
	return pool ?: make_pool(key);
}

/* Dropping */

/**
 * cmwq_pool_put - one user less
 * @pool: the pool
 *
 * Context: any but NMI.
 */
void cmwq_pool_put(struct cmwq_pool *pool)
{
	if (!refcount_dec_and_test(&pool->refs))
		return;
	llist_add(&pool->dead_node, &dead_pools);
	queue_work(system_long_wq, &reap_work);
}

/* Free the pools that nobody uses any more. */
static void reap_dead(struct work_struct *work)
{
	struct llist_node *dead = llist_del_all(&dead_pools);
	struct cmwq_pool *pool, *next;

	llist_for_each_entry(pool, dead, dead_node)
		WRITE_ONCE(cmwq_pools[pool->id], NULL);		/* P1 */
	llist_for_each_entry(pool, dead, dead_node) {
		cmwq_retire_workers(pool);
		while (atomic_read_acquire(&pool->nr_threads))	/* P2 */
			schedule_timeout_uninterruptible(1);
	}
	if (dead)
		synchronize_rcu();
	llist_for_each_entry_safe(pool, next, dead, dead_node) {
		irq_work_sync(&pool->kick_work);
		free_pool(pool);
	}
}

/**
 * cmwq_pools_settle - wait until only the pools of the CPUs are left
 *
 * Context: process context, sleeps.  No queue is left.
 */
void cmwq_pools_settle(void)
{
	int id;

	for (id = nr_cpu_pools + 1; id < cmwq_max_pools; id++)
		while (READ_ONCE(cmwq_pools[id]))
			schedule_timeout_uninterruptible(1);
	flush_work(&reap_work);
}

/* Setting up and tearing down */

int cmwq_pools_init(void)
{
	struct cmwq_pool_key key = { .policy = SCHED_NORMAL };
	int cpu, i, id = 0;

	/* What attributes may ask for, beyond those of the CPUs. */
	cmwq_max_pools = 1 + 16 * nr_cpu_ids + 512;
	cmwq_pools = kvcalloc(cmwq_max_pools, sizeof(*cmwq_pools), GFP_KERNEL);
	cmwq_cpu_pools = __alloc_percpu(2 * sizeof(struct cmwq_pool),
					SMP_CACHE_BYTES);
	if (!cmwq_pools || !cmwq_cpu_pools) {
		free_percpu(cmwq_cpu_pools);
		kvfree(cmwq_pools);
		return -ENOMEM;
	}

	for_each_possible_cpu(cpu) {
		for (i = 0; i < 2; i++) {
			key.cpu = cpu;
			key.nice = i ? MIN_NICE : 0;
			cmwq_pools[++id] = per_cpu_ptr(cmwq_cpu_pools, cpu) + i;
			cmwq_pool_setup(cmwq_pools[id], id, &key);
		}
	}
	nr_cpu_pools = cmwq_bh_init(id);
	if (nr_cpu_pools > 0)
		return 0;
	free_percpu(cmwq_cpu_pools);
	kvfree(cmwq_pools);
	return -ENOMEM;
}

void cmwq_pools_exit(void)
{
	struct cmwq_pool *pool;
	bool busy = false;
	int id;

	flush_work(&reap_work);	/* for who had put a pool, and not yet queued it */
	cmwq_bh_exit();
	for (id = 1; id <= nr_cpu_pools; id++) {
		pool = cmwq_pools[id];
		irq_work_sync(&pool->kick_work);
		if (WARN_ON(cmwq_pool_has_work(pool) || pool->nr_workers ||
			    atomic_read(&pool->nr_running) ||
			    refcount_read(&pool->refs) != 1))
			busy = true;
	}
	if (busy)
		return;		/* leaked rather than freed under somebody */
	cmwq_free_spare_workers();
	cmwq_bh_free();
	free_percpu(cmwq_cpu_pools);
	kvfree(cmwq_pools);
}
