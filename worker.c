// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker.c - the lives of workers: created, idle, retired, recycled
 *
 * The last worker of a pool at leisure makes another one before it starts an
 * item; it is the pool's manager meanwhile.  What is too much after a burst goes
 * when it has been idle for a while, the longest idle one first.
 */
#include "policy.h"

#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/random.h>

#define CREATE_BACKOFF		(HZ / 10)
#define RETIRE_BATCH		16	/* at most, each jiffy */

atomic_t cmwq_nr_workers = ATOMIC_INIT(0);
bool cmwq_stopping;				/* A: set at exit */

/*
 * Worker structures are recycled and freed at unload only: a thread that is on
 * its way out may still be seen by the tracepoint hook, which follows
 * kthread_data() and then compares worker->task.
 */
static DEFINE_SPINLOCK(spare_lock);
static LIST_HEAD(spare_workers);		/* spare_lock, by ->node */
static unsigned long nr_threads_started;	/* spare_lock */
DECLARE_COMPLETION(cmwq_thread_gone);

/* Idling */

/**
 * cmwq_enter_idle - a worker has nothing to do
 * @worker: the worker; its pool's lock is held
 */
void cmwq_enter_idle(struct cmwq_worker *worker)
{
	struct cmwq_pool *pool = worker->pool;
	unsigned long when = jiffies +
		msecs_to_jiffies(READ_ONCE(cmwq_idle_timeout_ms));

	worker->flags |= WORKER_IDLE;
	worker->since = jiffies;
	pool->nr_idle++;
	list_add(&worker->idle_node, &pool->idle);
	if (too_many_workers(pool) &&
	    (!timer_pending(&pool->idle_timer) ||
	     time_after(pool->idle_timer.expires, when)))
		mod_timer(&pool->idle_timer, when);
}

/* Take an idle worker out of the pool; it goes when it is woken. */
static void retire(struct cmwq_worker *worker)
{
	cmwq_leave_idle(worker);
	worker->flags |= WORKER_DIE;
	list_del(&worker->node);
	WRITE_ONCE(worker->pool->nr_workers, worker->pool->nr_workers - 1);
	worker->pool->retired++;
	atomic_dec(&cmwq_nr_workers);
}

/**
 * cmwq_idle_timer_fn - send surplus workers of a pool away
 * @t: its idle timer
 */
void cmwq_idle_timer_fn(struct timer_list *t)
{
	struct cmwq_pool *pool = container_of(t, struct cmwq_pool, idle_timer);
	unsigned long timeout =
		msecs_to_jiffies(READ_ONCE(cmwq_idle_timeout_ms));
	struct cmwq_worker *worker;
	int left = RETIRE_BATCH;
	unsigned long flags;

	raw_spin_lock_irqsave(&pool->lock, flags);
	while (too_many_workers(pool)) {
		worker = list_last_entry(&pool->idle, struct cmwq_worker,
					 idle_node);
		if (worker == pool->waking)
			break;
		if (time_before(jiffies, worker->since + timeout)) {
			mod_timer(&pool->idle_timer, worker->since + timeout);
			break;
		}
		if (!left--) {		/* not all with interrupts off */
			mod_timer(&pool->idle_timer, jiffies + 1);
			break;
		}
		retire(worker);
		wake_up_process(worker->task);
	}
	raw_spin_unlock_irqrestore(&pool->lock, flags);
}

/* Creating workers */

/**
 * cmwq_creation_shall_fail - the test knob
 *
 * Return: true if the thread that is about to be created shall not be.
 */
bool cmwq_creation_shall_fail(void)
{
	unsigned int percent = READ_ONCE(cmwq_fail_create_percent);
	int n;

	if (unlikely(percent) && get_random_u32() % 100 < percent)
		return true;
	if (likely(!READ_ONCE(cmwq_fail_create)))
		return false;
	spin_lock(&spare_lock);
	n = READ_ONCE(cmwq_fail_create);
	if (n > 0)
		WRITE_ONCE(cmwq_fail_create, n - 1);
	spin_unlock(&spare_lock);
	return n < 0 || n == 1;
}

/**
 * cmwq_worker_setup - fill in a worker
 * @worker:	the worker
 * @pool:	its pool; NULL for a rescuer
 */
void cmwq_worker_setup(struct cmwq_worker *worker, struct cmwq_pool *pool)
{
	memset(worker, 0, sizeof(*worker));
	INIT_LIST_HEAD(&worker->scheduled);
	INIT_LIST_HEAD(&worker->waiters);
	worker->pool = pool;
	worker->flags = WORKER_PREP | (!pool ? WORKER_RESCUER :
				       pool->key.cpu < 0 ? WORKER_UNBOUND : 0);
}

static struct cmwq_worker *get_worker(struct cmwq_pool *pool)
{
	struct cmwq_worker *worker;

	if (unlikely(cmwq_creation_shall_fail()))
		return NULL;
	spin_lock(&spare_lock);
	worker = list_first_entry_or_null(&spare_workers, struct cmwq_worker,
					  node);
	if (worker)
		list_del(&worker->node);
	spin_unlock(&spare_lock);
	if (!worker) {
		worker = kmalloc_node(sizeof(*worker), GFP_KERNEL, pool->node);
		if (!worker)
			return NULL;
	}

	cmwq_worker_setup(worker, pool);
	return worker;
}

static void put_worker(struct cmwq_worker *worker)
{
	spin_lock(&spare_lock);
	list_add(&worker->node, &spare_workers);
	spin_unlock(&spare_lock);
}

/* Count a worker before it is made: managers cannot overshoot together. */
static bool reserve_worker(struct cmwq_pool *pool)
{
	bool first = !READ_ONCE(pool->nr_workers);
	int n = atomic_read(&cmwq_nr_workers);

	if (READ_ONCE(pool->nr_workers) >= READ_ONCE(cmwq_pool_max_workers))
		return false;
	do {
		if (!first && n >= READ_ONCE(cmwq_total_max_workers))
			return false;
	} while (!atomic_try_cmpxchg(&cmwq_nr_workers, &n, n + 1));
	return true;
}

/* What the pool's attributes say; before the first wake-up. */
static int dress(struct task_struct *task, const struct cmwq_pool_key *key)
{
	int err = 0;

	if (key->policy != SCHED_NORMAL)
		err = cmwq_set_realtime(task, key->policy, key->priority);
	else
		set_user_nice(task, key->nice);
	if (key->cpu >= 0) {
		kthread_bind(task, key->cpu);
		return err;
	}
	/* Bound first: then nobody else changes the mask that follows. */
	kthread_bind(task, cpumask_first(key->allowed));
	if (cpumask_intersects(key->allowed, cpu_active_mask))
		set_cpus_allowed_ptr(task, key->allowed);
	return err;
}

/**
 * cmwq_create_worker - add an idle worker to a pool
 * @pool: the pool; its lock is not held
 *
 * Context: process context, may sleep and reclaim memory.
 * Return: 0, -EAGAIN if a cap is reached, -ENOMEM or -EINTR.
 */
int cmwq_create_worker(struct cmwq_pool *pool)
{
	const char *high = pool->key.policy != SCHED_NORMAL ? "R" :
			   pool->key.nice < 0 ? "H" : "";
	struct cmwq_worker *worker;
	struct task_struct *task;
	int err = -ENOMEM;
	bool say;
	int id;

	if (!reserve_worker(pool))
		return -EAGAIN;

	if (unlikely(READ_ONCE(cmwq_delay_create_ms)))
		msleep(READ_ONCE(cmwq_delay_create_ms));
	worker = get_worker(pool);
	if (!worker)
		goto fail;

	raw_spin_lock_irq(&pool->lock);
	id = pool->next_worker++;
	raw_spin_unlock_irq(&pool->lock);

	worker->id = id;
	if (pool->key.cpu >= 0)
		task = kthread_create_on_node(cmwq_worker_thread, worker,
					      pool->node, "cmwq/%d:%d%s",
					      pool->key.cpu, id, high);
	else
		task = kthread_create_on_node(cmwq_worker_thread, worker,
					      pool->node, "cmwq/u%d:%d%s",
					      pool->id, id, high);
	if (IS_ERR(task)) {
		err = PTR_ERR(task);
		goto fail;
	}
	/* The views may look at it even if an item crashes the thread. */
	WRITE_ONCE(worker->task, get_task_struct(task));
	err = dress(task, &pool->key);
	if (err)
		pr_warn_ratelimited("pool %d: a worker without its real-time policy (errno %d)\n",
				    pool->id, err);
	atomic_inc(&pool->nr_threads);
	spin_lock(&spare_lock);
	nr_threads_started++;
	spin_unlock(&spare_lock);

	raw_spin_lock_irq(&pool->lock);
	pool->created++;
	pool->failures = 0;
	WRITE_ONCE(pool->nr_workers, pool->nr_workers + 1);
	list_add_tail(&worker->node, &pool->workers);
	cmwq_enter_idle(worker);
	/*
	 * It looks for items by itself as soon as it is up.  Woken before the
	 * idle timer may send it away and its task be gone.
	 */
	wake_up_process(task);
	raw_spin_unlock_irq(&pool->lock);
	return 0;

fail:
	atomic_dec(&cmwq_nr_workers);
	if (worker)
		put_worker(worker);
	raw_spin_lock_irq(&pool->lock);
	pool->create_failed++;
	say = is_power_of_2(++pool->failures);
	pool->create_after = jiffies + CREATE_BACKOFF;
	WRITE_ONCE(pool->flags, pool->flags | POOL_STARVED);
	raw_spin_unlock_irq(&pool->lock);
	if (say)
		pr_warn_ratelimited("pool %d: no new worker (errno %d): items wait for the %d it has; trying again\n",
				    pool->id, err, READ_ONCE(pool->nr_workers));
	wake_up_process(cmwq_keeper_ask());
	return err;
}

/* Create one as the pool's only manager.  Called and left with the lock. */
static int create_as_manager(struct cmwq_pool *pool)
	__must_hold(&pool->lock)
{
	int err;

	pool->manager = current;
	if (lacks_worker(pool))
		cmwq_pool_in_need(pool);			/* M1 */
	raw_spin_unlock_irq(&pool->lock);
	err = cmwq_create_worker(pool);
	raw_spin_lock_irq(&pool->lock);
	pool->manager = NULL;
	return err;
}

/* Nobody can create one just now; the lock is held. */
static void leave_to_keeper(struct cmwq_pool *pool)
{
	WRITE_ONCE(pool->flags, pool->flags | POOL_STARVED);
	wake_up_process(cmwq_keeper_ask());
}

/**
 * cmwq_manage_workers - make another worker before the last idle one works
 * @pool: the pool; its lock is held
 *
 * Else nobody is left to take over when the item sleeps.
 *
 * Return: true if the lock was dropped meanwhile.
 */
bool cmwq_manage_workers(struct cmwq_pool *pool)
	__must_hold(&pool->lock)
{
	struct task_struct *trustee;

	if (pool_capped(pool)) {
		pool->capped++;
		return false;
	}
	if (!may_create_worker(pool)) {
		if (!pool->manager)
			leave_to_keeper(pool);
		return false;
	}
	if (unlikely(pool->flags & POOL_DISASSOCIATED)) {
		trustee = cmwq_trustee_ask(pool);
		if (trustee) {
			wake_up_process(trustee);
			return false;
		}
	}
	create_as_manager(pool);
	return true;
}

/**
 * cmwq_pool_create_starved - the keeper's part: create where nobody else can
 * @pool: the pool
 */
void cmwq_pool_create_starved(struct cmwq_pool *pool)
{
	raw_spin_lock_irq(&pool->lock);
	if (pool->flags & POOL_STARVED && may_create_worker(pool)) {
		WRITE_ONCE(pool->flags, pool->flags & ~POOL_STARVED);
		if (!pool->nr_idle && !pool_capped(pool))
			create_as_manager(pool);
		if (!pool->nr_idle && cmwq_pool_has_work(pool))
			WRITE_ONCE(pool->flags, pool->flags | POOL_STARVED);
	}
	raw_spin_unlock_irq(&pool->lock);
}

/* Send all idle workers of an orphaned pool away, some at a time. */
static void retire_orphans(struct cmwq_pool *pool)
	__must_hold(&pool->lock)
{
	struct cmwq_worker *worker;
	int left = RETIRE_BATCH;

	while (orphans_may_go(pool)) {
		worker = list_last_entry(&pool->idle, struct cmwq_worker,
					 idle_node);
		retire(worker);
		wake_up_process(worker->task);
		if (--left)
			continue;
		left = RETIRE_BATCH;
		raw_spin_unlock_irq(&pool->lock);
		cond_resched();
		raw_spin_lock_irq(&pool->lock);
	}
	if (!pool->nr_workers && !cmwq_pool_has_work(pool))
		WRITE_ONCE(pool->flags, pool->flags & ~POOL_STARVED);
}

/**
 * cmwq_pool_look_after - the trustee's part: manage a pool whose CPU is down
 * @pool: a pool of the CPU
 *
 * Return: false if nothing is left to do there, or the CPU is up.
 */
bool cmwq_pool_look_after(struct cmwq_pool *pool)
{
	bool left;

	raw_spin_lock_irq(&pool->lock);
	if (orphans_may_go(pool)) {
		retire_orphans(pool);
	} else if (needs_trustee(pool) && !pool->nr_idle &&
		   cmwq_pool_has_work(pool) && !pool->manager) {
		/* STARVED: the keeper tries it, and asks us each time. */
		if ((!may_create_worker(pool) || pool_capped(pool) ||
		     create_as_manager(pool)) &&
		    !(pool->flags & POOL_STARVED))
			leave_to_keeper(pool);
	}
	left = needs_trustee(pool);
	raw_spin_unlock_irq(&pool->lock);
	return left;
}

/* The first ones and the last ones */

/**
 * cmwq_pool_first_worker - give a pool without workers its first one
 * @pool: the pool
 *
 * Return: 0 or the errno of cmwq_create_worker().
 */
int cmwq_pool_first_worker(struct cmwq_pool *pool)
{
	int err = 0;

	if (READ_ONCE(pool->nr_workers))
		return 0;
	err = cmwq_create_worker(pool);
	if (err)
		pr_err("pool %d gets no first worker (errno %d)\n",
		       pool->id, err);
	return err;
}

int cmwq_workers_init(void)
{
	int err = cmwq_hotplug_init();

	if (err)
		cmwq_workers_exit();
	return err;
}

/**
 * cmwq_worker_exit - a retired worker's thread gives the structure back
 * @worker: the calling worker
 *
 * What is left to the thread is to complete cmwq_thread_gone.
 */
void cmwq_worker_exit(struct cmwq_worker *worker)
{
	cmwq_hook_worker_exit(worker);
	atomic_dec_return_release(&worker->pool->nr_threads);	/* P2 */
	put_worker(worker);
	put_task_struct(current);
}

/**
 * cmwq_free_spare_workers - free the structures; no thread is left
 */
void cmwq_free_spare_workers(void)
{
	struct cmwq_worker *worker, *next;

	list_for_each_entry_safe(worker, next, &spare_workers, node)
		kfree(worker);
}

/* Send the idle ones away; the others are on their way to become idle. */
static bool retire_all(struct cmwq_pool *pool)
{
	struct cmwq_worker *worker, *next;
	bool empty;

	raw_spin_lock_irq(&pool->lock);
	list_for_each_entry_safe(worker, next, &pool->idle, idle_node) {
		if (worker == pool->waking)
			continue;
		retire(worker);
		wake_up_process(worker->task);
	}
	empty = !pool->nr_workers && !pool->manager;
	raw_spin_unlock_irq(&pool->lock);
	return empty;
}

/**
 * cmwq_retire_workers - the end of a pool: no items, no producers any more
 * @pool: the pool
 *
 * Context: process context, sleeps.
 */
void cmwq_retire_workers(struct cmwq_pool *pool)
{
	while (!retire_all(pool))
		schedule_timeout_uninterruptible(1);
	timer_delete_sync(&pool->idle_timer);
	timer_delete_sync(&pool->hog_timer);
	timer_delete_sync(&pool->mayday_timer);
}

void cmwq_workers_exit(void)
{
	struct cmwq_pool *pool;

	cmwq_hotplug_exit();
	cmwq_pools_settle();
	WRITE_ONCE(cmwq_stopping, true);
	cmwq_trustees_stop();
	cmwq_for_each_pool(pool)
		if (!pool->key.bh)
			cmwq_retire_workers(pool);
	for (; nr_threads_started; nr_threads_started--)
		wait_for_completion(&cmwq_thread_gone);
}
