// SPDX-License-Identifier: GPL-2.0-only
/*
 * pool.c - how the workers of a pool run items
 *
 * A pool is a list of items and the threads that run them.  poolset.c says which
 * pools there are.
 *
 * Race stories.  "dec" and "inc" stand for changes of pool->nr_running by a
 * value-returning atomic, which is a full barrier; [mb] is smp_mb().
 *
 * R1: push against sleep.  Is there always someone to notice an item?
 *	producer			last counted worker
 *	1. push to inbox (full barrier)	1. dec nr_running
 *	2. read nr_running		2. read inbox, worklist
 *    Whatever the order, one of them sees the other's step 1: the producer
 *    kicks, or the worker (going idle: looks again; going to sleep: irq_work).
 *
 * R2: push against a wakeup that is under way.
 *	producer			woken worker
 *	1. push to inbox		1. pool->waking = NULL [mb]
 *	2. waking set: no kick		2. splice the inbox
 *    If the producer saw waking, the worker's step 2 comes after the push.
 *
 * R3: splice against sleep.  A lock holder may have moved an item out of the
 *    inbox and not yet into the worklist when the worker of R1 looks.
 *	lock holder			last counted worker
 *	1. link to worklist [mb]	1. dec nr_running
 *	2. read nr_running		2. read inbox, worklist: nothing
 *    Hence the rule: who links items and is not a worker on its way to run
 *    them calls cmwq_pool_pick() before unlocking.  A worker that links them
 *    and then finds enough others running is such a lock holder, too: the
 *    barrier is in the splice.
 *
 * R4: two pushes.  Only the push that finds the inbox empty looks for a kick:
 *    a later one relies on it, and whoever acts on the first takes both.
 *
 * R5: a stale wakeup.  waking names a worker that is still on the idle list and
 *    clears it itself; the idle timer passes it over, so it cannot be retired
 *    between being picked and being woken.
 */
#include "lockdep.h"
#include "policy.h"

#include <linux/cred.h>
#include <linux/debug_locks.h>
#include <trace/events/cmwq.h>

#ifdef CMWQ_BUSTED
/* The deliberately broken variant, for tests that must fail. */
static bool lose_kick(void)
{
	static atomic_t n;

	return atomic_inc_return(&n) % 1000 == 0;
}
#else
static bool lose_kick(void)
{
	return false;
}
#endif

/* From the inbox into the pool's lists */

/* No room among the active ones: wait, and get in line if it is the first. */
static noinline void link_inactive(struct cmwq_pwq *pwq, struct cmwq_work *work,
				   unsigned long data)
{
	bool first = list_empty(&pwq->inactive);

	cmwq_item_add_tail(work, &pwq->inactive);
	atomic_long_set(&work->data, data | WORK_INACTIVE);
	if (first && pwq->share)
		cmwq_pwq_activate(pwq);
}

static __always_inline void link_item(struct cmwq_pwq *pwq,
				      struct cmwq_work *work,
				      unsigned long data)
{
	data |= WORK_PENDING;
	pwq->in_flight[cmwq_data_colour(data)]++;
	if (unlikely(!list_empty(&pwq->inactive) || !cmwq_pwq_admit(pwq))) {
		link_inactive(pwq, work, data);
		return;
	}
	trace_cmwq_activate_work(work);
	cmwq_item_add_tail(work, &pwq->pool->worklist);
	atomic_long_set(&work->data, data | WORK_ACTIVE);
}

/**
 * cmwq_pwq_link - put an item on the pool's lists
 * @pwq:	the pwq; its pool's lock is held
 * @work:	the item: PENDING, in nobody's hands
 * @data:	of the state word: pwq, with ANY_CPU or not, and colour
 */
void cmwq_pwq_link(struct cmwq_pwq *pwq, struct cmwq_work *work,
		   unsigned long data)
{
	link_item(pwq, work, data);
}

/* The part of cmwq_pool_splice() for an inbox that is not empty. */
void __cmwq_pool_splice(struct cmwq_pool *pool)
{
	struct cmwq_work *work, *next;
	struct llist_node *items;
	struct cmwq_pwq *pwq;
	unsigned long data;

	items = llist_reverse_order(llist_del_all(&pool->inbox));
	llist_for_each_entry_safe(work, next, items, inbox) {
		data = atomic_long_read(&work->data);
		pwq = cmwq_data_pwq(data);
		link_item(pwq, work, (data & WORK_PWQ_MASK) |
				     pwq->colour << WORK_COLOUR_SHIFT);
	}
	smp_mb();	/* R3 */
}

/* Waking */

/* A worker that the scheduler has moved out of the pod starts in it again. */
static void repatriate(struct cmwq_pool *pool, struct task_struct *task)
{
	unsigned int cpu;

	if (cpumask_test_cpu(task_cpu(task), pool->pod))
		return;
	cpu = cpumask_any_and_distribute(pool->pod, cpu_online_mask);
	if (cpu >= nr_cpu_ids)
		return;
	task->wake_cpu = cpu;
	pool->repatriated++;
}

/**
 * cmwq_pool_pick - who has to be woken for the pool's sake?
 * @pool: the pool; its lock is held, interrupts are off
 *
 * Return: a task to wake once the lock is dropped, before interrupts are
 * enabled; or NULL.
 */
struct task_struct *cmwq_pool_pick(struct cmwq_pool *pool)
{
	struct cmwq_worker *worker;
	struct task_struct *task;

	cmwq_pool_splice(pool);
	smp_mb();	/* R3 */
	if (pool->waking || !need_more_worker(pool))
		return NULL;

	worker = list_first_entry_or_null(&pool->idle, struct cmwq_worker,
					  idle_node);
	if (worker) {
		WRITE_ONCE(pool->waking, worker);
		if (unlikely(pool->key.pod))
			repatriate(pool, worker->task);
		if (lose_kick())
			return NULL;
		if (unlikely(!worker->task))
			cmwq_bh_raise(worker);
		return worker->task;
	}
	/*
	 * Everybody is asleep in an item and the spare could not be made, or
	 * may not, as of now: the keeper looks until that has changed.
	 */
	cmwq_pool_in_need(pool);				/* M1 */
	if (pool->manager || pool->flags & POOL_STARVED)
		return NULL;
	task = pool->flags & POOL_DISASSOCIATED ? cmwq_trustee_ask(pool) : NULL;
	if (task)
		return task;
	WRITE_ONCE(pool->flags, pool->flags | POOL_STARVED);
	return cmwq_keeper_ask();
}

/**
 * cmwq_pool_kick - see to it that the pool's items get going
 * @pool: the pool; interrupts are off
 */
void cmwq_pool_kick(struct cmwq_pool *pool)
{
	struct task_struct *task;

	raw_spin_lock(&pool->lock);
	task = cmwq_pool_pick(pool);
	raw_spin_unlock(&pool->lock);
	if (task)
		wake_up_process(task);
}

/**
 * cmwq_wake_waiters - an item's execution is over
 * @waiters:	list to look through; the pool's lock is held
 * @work:	wake those of this item; NULL for all
 * @again:	they shall look once more
 */
void cmwq_wake_waiters(struct list_head *waiters, struct cmwq_work *work,
		       bool again)
{
	struct cmwq_waiter *w, *next;

	list_for_each_entry_safe(w, next, waiters, node) {
		if (work && w->work != work)
			continue;
		list_del(&w->node);
		w->again = again;
		complete(&w->done);	/* @w is gone from here on */
	}
}

/* Counting */

static void worker_count(struct cmwq_worker *worker, unsigned int clear)
{
	worker->flags &= ~clear;
	if (!(worker->flags & WORKER_NOT_RUNNING)) {
		WRITE_ONCE(worker->counted, true);
		atomic_inc(&worker->pool->nr_running);
	}
}

static void worker_uncount(struct cmwq_worker *worker, unsigned int set)
{
	worker->flags |= set;
	if (worker->counted) {
		WRITE_ONCE(worker->counted, false);
		atomic_dec_return(&worker->pool->nr_running);	/* R1 */
	}
}

/**
 * cmwq_worker_let_pass - let other items run beside a worker's present one
 * @worker: runs an item and is counted; its pool's lock is held.  G1 in hog.c
 *
 * The caller goes on with cmwq_pool_pick().
 */
void cmwq_worker_let_pass(struct cmwq_worker *worker)
{
	worker_uncount(worker, WORKER_CPU_INTENSIVE);
}

/* Running items */

static struct hlist_head *busy_bucket(struct cmwq_pool *pool,
				      struct cmwq_work *work)
{
	return &pool->busy[hash_ptr(work, CMWQ_BUSY_BITS)];
}

static struct cmwq_worker *bucket_find(struct hlist_head *bucket,
				       struct cmwq_work *work)
{
	struct cmwq_worker *worker;

	/* An item freed by its function may have become another one. */
	hlist_for_each_entry(worker, bucket, busy_node)
		if (worker->current_work == work &&
		    worker->current_func == work->func)
			return worker;
	return NULL;
}

/**
 * cmwq_find_busy - which worker of the pool runs an item?
 * @pool:	the pool; its lock is held
 * @work:	the item
 *
 * Return: the worker, NULL if none does.
 */
struct cmwq_worker *cmwq_find_busy(struct cmwq_pool *pool,
				   struct cmwq_work *work)
{
	lockdep_assert_held(&pool->lock);
	return bucket_find(busy_bucket(pool, work), work);
}

/**
 * cmwq_adopt_waiters - let a worker complete those who wait for an item
 * @worker:	it runs the item or is about to; its pool's lock is held
 * @work:	the item
 */
void cmwq_adopt_waiters(struct cmwq_worker *worker, struct cmwq_work *work)
{
	struct cmwq_waiter *w, *next;

	list_for_each_entry_safe(w, next, &worker->pool->waiters, node)
		if (w->work == work)
			list_move_tail(&w->node, &worker->waiters);
}

/* The item was in softirq context, or it has returned in atomic context. */
static noinline void look_after_item(struct cmwq_worker *worker,
				     cmwq_func_t func, struct cmwq_pwq *pwq)
{
	if (!worker->task) {
		cmwq_bh_item_done(worker, func, pwq);
		return;
	}
	pr_err("%ps on queue %s returned in atomic context or with a lock held (preempt_count %x): it leaked a lock or a preempt_disable()\n",
	       func, pwq->wq->name, preempt_count());
	debug_show_held_locks(current);
	dump_stack();
}

/* Credentials */

static noinline void report_cred_leak(cmwq_func_t func, struct cmwq_pwq *pwq)
{
	pr_err("%ps on queue %s returned with other credentials than it got: it leaked an override_creds(), which is undone\n",
	       func, pwq->wq->name);
}

/* Called if the worker has other credentials than its own. */
static noinline void restore_creds(struct cmwq_worker *worker,
				   cmwq_func_t func, struct cmwq_pwq *pwq)
{
	if (!worker->task)
		return;		/* a BH worker: those of whom it interrupts */
	if (current_cred() != (pwq->cred ?: current_real_cred())) {
		report_cred_leak(func, pwq);
		revert_creds(pwq->cred ?: current_real_cred());
	}
	if (worker->saved_cred)
		revert_creds(worker->saved_cred);
	worker->saved_cred = NULL;
}

#ifdef CONFIG_LIVEPATCH
#define RESCHED_FLAGS	(_TIF_NEED_RESCHED | _TIF_PATCH_PENDING)
#else
#define RESCHED_FLAGS	_TIF_NEED_RESCHED
#endif

/*
 * Without the call.  Where RCU does not count its readers it hears of a worker by
 * it, and kernels that look for mistakes look there.
 */
static __always_inline bool cond_resched_is_due(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RCU) ||
	       IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) ||
	       READ_ONCE(current_thread_info()->flags) & RESCHED_FLAGS;
}

/*
 * Run one item, @bh: in softirq context.  Called and left with pool->lock held.
 * Return: true if somebody who waits for it was woken.
 *
 * R6: start against flush, cancel and queueing.  They find the item either by
 * PENDING or in the busy hash: it is hashed before PENDING is cleared.
 *
 * R7: queueing that returns false against start.
 *	producer			worker
 *	1. write data			1. clear PENDING (full barrier)
 *	2. [mb] see PENDING: false	2. the function reads data
 *    If the producer still saw PENDING, the function sees its data.
 */
static __always_inline bool run_item(struct cmwq_worker *worker,
				     struct cmwq_work *work, bool bh)
	__must_hold(&worker->pool->lock)
{
	struct cmwq_pool *pool = worker->pool;
	struct hlist_head *bucket = busy_bucket(pool, work);
	unsigned long data = atomic_long_read(&work->data);
	struct cmwq_pwq *pwq = cmwq_data_pwq(data);
	unsigned int colour = cmwq_data_colour(data);
	struct task_struct *wake = NULL;
	struct cmwq_worker *runs_it;
	cmwq_func_t func = work->func;
	struct cmwq_map map;
	bool woke = false;

	runs_it = bucket_find(bucket, work);
	if (unlikely(runs_it)) {
		/* Not twice at once: it follows where it runs now. */
		list_move_tail(&work->entry, &runs_it->scheduled);
		return false;
	}

	cmwq_item_del(work);
	cmwq_object_deactivate(work);
	cmwq_map_copy(&map, work);
	hlist_add_head(&worker->busy_node, bucket);
	worker->current_work = work;
	worker->current_func = func;
	worker->current_pwq = pwq;
	worker->since = jiffies;
	worker->items++;
	if (unlikely(data & WORK_WAITED))
		cmwq_adopt_waiters(worker, work);
	if (unlikely(pwq->wq->flags & (CMWQ_CPU_INTENSIVE | __CMWQ_ORDERED))) {
		if (pwq->wq->flags & __CMWQ_ORDERED)
			WRITE_ONCE(pwq->wq->ran_on, pool->id);	/* S3 */
		else
			worker_uncount(worker, WORKER_CPU_INTENSIVE);
	}
	if (unlikely(atomic_read(&pool->nr_running) < pool->target))
		wake = cmwq_pool_pick(pool);

	atomic_long_xchg(&work->data, pool->offq_idle);		/* R6, R7 */

	raw_spin_unlock(&pool->lock);
	if (unlikely(wake))
		wake_up_process(wake);
	local_irq_enable();

	if (unlikely(pwq->cred))
		worker->saved_cred = override_creds(pwq->cred);
	cmwq_map_enter(pwq->wq, &map);
	trace_cmwq_execute_start(work, func);
	func(work);
	/* @work may be gone */
	trace_cmwq_execute_end(work, func);
	cmwq_map_leave(pwq->wq, &map);

	if (unlikely(current_cred() != current_real_cred() ||
		     worker->saved_cred))
		restore_creds(worker, func, pwq);
	if (bh || unlikely(in_atomic() || lockdep_depth(current)))
		look_after_item(worker, func, pwq);
	else if (unlikely(cond_resched_is_due()))
		cond_resched();

	raw_spin_lock_irq(&pool->lock);
	if (unlikely(worker->flags & WORKER_CPU_INTENSIVE)) {
		cmwq_hog_end(worker);
		worker_count(worker, WORKER_CPU_INTENSIVE);
	}
	__hlist_del(&worker->busy_node);
	worker->current_work = NULL;
	worker->current_func = NULL;
	worker->current_pwq = NULL;
	worker->desc[0] = '\0';
	if (unlikely(!list_empty(&worker->waiters))) {
		cmwq_wake_waiters(&worker->waiters, NULL, false);
		woke = true;
	}
	pwq->executed++;
	return cmwq_pwq_finish(pwq, colour) || woke;
}

/* What the worker in hand has to run next. */
static struct cmwq_work *next_item(struct cmwq_worker *worker)
{
	struct list_head *list = &worker->pool->worklist;

	if (unlikely(!list_empty(&worker->scheduled)))
		list = &worker->scheduled;
	return list_first_entry(list, struct cmwq_work, entry);
}

static noinline bool run_next(struct cmwq_worker *worker)
	__must_hold(&worker->pool->lock)
{
	return run_item(worker, next_item(worker), !worker->task);
}

/**
 * cmwq_run_scheduled - run what only the worker in hand may run
 * @worker: the worker; its pool's lock is held, and dropped meanwhile
 */
void cmwq_run_scheduled(struct cmwq_worker *worker)
{
	while (!list_empty(&worker->scheduled))
		run_next(worker);
}

/* The worker thread */

/**
 * cmwq_current_worker - the worker that is the calling task
 *
 * Return: the BH worker in its softirq; NULL for any other task, and in
 * interrupts.
 */
struct cmwq_worker *cmwq_current_worker(void)
{
	if (in_serving_softirq() && !hardirq_count())
		return cmwq_bh_current();
	if (!in_task() || !(current->flags & PF_KTHREAD) ||
	    (kthread_func(current) != cmwq_worker_thread &&
	     kthread_func(current) != cmwq_rescuer_thread))
		return NULL;
	return kthread_data(current);
}

/**
 * cmwq_off_its_cpu - is the calling worker where its pool's items must not run?
 * @pool: its pool
 *
 * By chance it may be on its CPU even if it is no longer bound to it.
 *
 * Return: true if so, and if its CPU is up.
 */
bool cmwq_off_its_cpu(struct cmwq_pool *pool)
{
	return CMWQ_HEALS && pool->key.cpu >= 0 &&
	       (raw_smp_processor_id() != pool->key.cpu ||
		current->nr_cpus_allowed != 1) &&
	       !(READ_ONCE(pool->flags) & POOL_DISASSOCIATED);
}

/* Where no worker of an unbound pool may be: led away by an item, or pushed. */
static bool strayed(struct cmwq_pool *pool)
{
	unsigned int cpu = raw_smp_processor_id();

	return !cpumask_test_cpu(cpu, pool->allowed) ||
	       cmwq_cpu_off_limits(cpu);
}

/*
 * Threads lose their CPUs in hotplug (also in one that is rolled back before
 * our callback) and, on older kernels, to cpuset partitions.
 */
static void heal_affinity(struct cmwq_pool *pool)
{
	if (pool->key.cpu < 0) {
		if (unlikely(strayed(pool))) {
			raw_spin_lock_irq(&pool->lock);
			pool->strays++;
			raw_spin_unlock_irq(&pool->lock);
		}
		if (unlikely(!cpumask_equal(current->cpus_ptr,
					    pool->allowed)) &&
		    cpumask_intersects(pool->allowed, cpu_active_mask))
			set_cpus_allowed_ptr(current, pool->allowed);
		return;
	}
	if (unlikely(cmwq_off_its_cpu(pool)) && cmwq_cpu_stays(pool->key.cpu))
		set_cpus_allowed_ptr(current, cpumask_of(pool->key.cpu));
}

/* Run items as long as there is reason to.  pool->lock is held. */
static void work_for_a_while(struct cmwq_worker *worker)
	__must_hold(&worker->pool->lock)
{
	struct cmwq_pool *pool = worker->pool;

	for (;;) {
		cmwq_pool_splice(pool);
		if (!need_more_worker(pool))
			return;
		if (!may_start_working(pool) && cmwq_manage_workers(pool))
			continue;

		worker_count(worker, WORKER_PREP);
		if (unlikely(!pool->watched))
			cmwq_hog_watch(pool);
		do {
			if (unlikely(run_item(worker, next_item(worker),
					      false))) {
				/* Let the flusher go on at once. */
				raw_spin_unlock_irq(&pool->lock);
				cond_resched();
				raw_spin_lock_irq(&pool->lock);
			}
			cmwq_pool_splice(pool);
		} while ((keep_working(pool) && likely(!cmwq_off_its_cpu(pool))) ||
			 unlikely(!list_empty(&worker->scheduled)));
		worker_uncount(worker, WORKER_PREP);

		/*
		 * R1, and items left to an overlapping worker that went to
		 * sleep meanwhile.  If a wakeup is under way that one looks.
		 */
		if (pool->waking)
			return;
		if (cmwq_off_its_cpu(pool)) {
			raw_spin_unlock_irq(&pool->lock);
			heal_affinity(pool);
			raw_spin_lock_irq(&pool->lock);
		}
	}
}

/*
 * B2: the tasklet was scheduled here while its CPU was down, and that is up
 * again: its items have to run there.
 */
static bool bh_off_its_cpu(struct cmwq_pool *pool)
{
	return CMWQ_HEALS && raw_smp_processor_id() != pool->key.cpu &&
	       !(pool->flags & POOL_DISASSOCIATED);
}

#define BH_ITEMS	1024	/* at most in one go */

/**
 * cmwq_bh_work_for_a_while - run the items of a BH pool
 * @worker: its worker
 *
 * Context: softirq.  After 2 ms it lets others have the CPU.
 */
void cmwq_bh_work_for_a_while(struct cmwq_worker *worker)
{
	unsigned long end = jiffies + msecs_to_jiffies(2);
	struct cmwq_pool *pool = worker->pool;
	int left = BH_ITEMS;

	raw_spin_lock_irq(&pool->lock);
	cmwq_leave_idle(worker);
	WRITE_ONCE(pool->waking, NULL);
	smp_mb();						/* R2 */
	worker_count(worker, WORKER_PREP);
	for (cmwq_pool_splice(pool); !list_empty(&pool->worklist) && left--;
	     cmwq_pool_splice(pool)) {
		if (unlikely(bh_off_its_cpu(pool)))
			break;
		run_next(worker);
		if (time_after(jiffies, end))
			break;
	}
	worker_uncount(worker, WORKER_PREP);
	cmwq_enter_idle(worker);
	cmwq_pool_pick(pool);					/* R1 */
	raw_spin_unlock_irq(&pool->lock);
}

/**
 * cmwq_worker_thread - the thread function of all workers
 * @data: struct cmwq_worker
 *
 * Return: never.
 */
int cmwq_worker_thread(void *data)
{
	struct cmwq_worker *worker = data;
	struct cmwq_pool *pool = worker->pool;

	cmwq_hook_worker_start(worker);
	for (;;) {
		heal_affinity(pool);
		raw_spin_lock_irq(&pool->lock);
		if (worker->flags & WORKER_DIE)
			break;
		cmwq_leave_idle(worker);
		if (pool->waking == worker) {
			WRITE_ONCE(pool->waking, NULL);
			smp_mb();	/* R2 */
		}
		work_for_a_while(worker);
		cmwq_enter_idle(worker);
		if (unlikely(orphans_may_go(pool)))
			cmwq_orphan_changed(pool);
		__set_current_state(TASK_IDLE);
		raw_spin_unlock_irq(&pool->lock);
		schedule();
	}
	raw_spin_unlock_irq(&pool->lock);

	cmwq_worker_exit(worker);
	/* The completion comes from kernel text: the module may go then. */
	kthread_complete_and_exit(&cmwq_thread_gone, 0);
	return 0;
}
