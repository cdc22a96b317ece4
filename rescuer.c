// SPDX-License-Identifier: GPL-2.0-only
/*
 * rescuer.c - progress without memory
 *
 * Creating a worker needs memory, which may have to be freed by an item that
 * waits for a worker.  So a CMWQ_MEM_RECLAIM queue has a thread of its own, made
 * with the queue.  When a pool has been in need of a worker for a while, its
 * mayday timer hands the pwqs of such queues that have items on the worklist to
 * their rescuers.  A rescuer goes to the pool, runs items of its queue there,
 * one by one, until the pool has a worker again, and hands it back.  Nothing on
 * this path allocates.  A rescuer does not take part in concurrency management:
 * it is never counted.
 *
 * One by one: an item that has been taken may wait for the next one of its
 * queue, which any worker that is made meanwhile must be able to run.
 *
 * M1: a pool that gets into need against the timer.  Whoever finds no idle
 *    worker to wake (cmwq_pool_pick()), or goes to make one, arms the timer with
 *    the pool's lock held, under which the timer looks.  While it finds need it
 *    arms itself.
 *
 * M2: a mayday against its answer.  pwq->mayday says that the rescuer has the
 *    pwq, and is cleared by it with the pool's lock held, after a last look:
 *	timer, pool->lock		rescuer, pool->lock
 *	1. items wait			1. no item, or no need
 *	2. mayday is set: nothing	2. clears mayday
 *    In this order the timer is armed still and comes again.
 *
 * M3: a pwq that is freed against its rescuer.  A retired pwq is not freed while
 *    mayday is set (route.c).  The rescuer then raises the irq_work that looks
 *    for it once more, with the lock held under which it cleared mayday.
 *
 * M4: destruction.  The queue is empty and gets no items any more: nobody sends
 *    maydays.  The rescuer answers those under way before it stops.
 */
#include "cmwq_internal.h"
#include "policy.h"

#include <linux/cpu.h>
#include <trace/events/cmwq.h>

#define MAYDAY_FIRST	max(HZ / 100, 2)
#define MAYDAY_AGAIN	(HZ / 10)
#define VISIT_ITEMS	32	/* then other pools of the queue have a turn */

struct cmwq_rescuer {
	struct cmwq_worker	worker;		/* pool: NULL at rest */
	unsigned int		policy;		/* T: as the queue's attributes */
	int			priority;	/* T */
	raw_spinlock_t		lock;
	struct list_head	pwqs;		/* Y: by ->rescue_node */
	bool			away;		/* A: is not where it rests */
};

/* Test knob: the control of tests that need a rescuer. */
static bool ignore_mayday;
module_param(ignore_mayday, bool, 0644);
MODULE_PARM_DESC(ignore_mayday, "test knob: rescuers are not called (default N)");

/* Calling */

static void mayday(struct cmwq_pwq *pwq)
{
	struct cmwq_rescuer *rescuer = pwq->wq->rescuer;

	pwq->mayday = true;
	pwq->maydays++;
	trace_cmwq_mayday(pwq->wq->name, pwq->pool->id);
	raw_spin_lock(&rescuer->lock);
	list_add_tail(&pwq->rescue_node, &rescuer->pwqs);
	raw_spin_unlock(&rescuer->lock);
	wake_up_process(rescuer->worker.task);
}

/**
 * cmwq_mayday_timer_fn - call the rescuers of what waits in a pool
 * @t: its mayday timer
 */
void cmwq_mayday_timer_fn(struct timer_list *t)
{
	struct cmwq_pool *pool = container_of(t, struct cmwq_pool,
					      mayday_timer);
	struct cmwq_pwq *pwq, *last = NULL;
	struct task_struct *task;
	struct cmwq_work *work;
	unsigned long flags;

	raw_spin_lock_irqsave(&pool->lock, flags);
	task = cmwq_pool_pick(pool);
	if (lacks_worker(pool)) {
		list_for_each_entry(work, &pool->worklist, entry) {
			pwq = cmwq_data_pwq(atomic_long_read(&work->data));
			if (pwq == last)
				continue;
			last = pwq;
			if (pwq->wq->rescuer && !pwq->mayday &&
			    !READ_ONCE(ignore_mayday))
				mayday(pwq);
		}
		mod_timer(&pool->mayday_timer, jiffies + MAYDAY_AGAIN);
	}
	raw_spin_unlock(&pool->lock);
	if (task)
		wake_up_process(task);
	local_irq_restore(flags);
}

/**
 * cmwq_pool_in_need - a pool has items and no worker to wake
 * @pool: the pool; its lock is held.  M1
 */
void cmwq_pool_in_need(struct cmwq_pool *pool)
{
	unsigned long when = jiffies + MAYDAY_FIRST;

	/* No worker for the last item, and hardly one for this. */
	if (pool->flags & POOL_STARVED)
		when = jiffies + 1;
	if (!timer_pending(&pool->mayday_timer) ||
	    time_after(pool->mayday_timer.expires, when))
		mod_timer(&pool->mayday_timer, when);
}

/* Answering */

/* Where the pool's workers run. */
static void go_to(struct cmwq_pool *pool)
{
	const struct cmwq_pool_key *key = &pool->key;

	if (key->cpu < 0 && cpumask_intersects(key->allowed, cpu_active_mask))
		set_cpus_allowed_ptr(current, key->allowed);
	else if (key->cpu >= 0 &&
		 (cmwq_cpu_stays(key->cpu) || cmwq_cpu_is_up(key->cpu)))
		set_cpus_allowed_ptr(current, cpumask_of(key->cpu));
}

static struct cmwq_work *item_of(struct cmwq_pwq *pwq)
{
	struct cmwq_work *work;

	cmwq_pool_splice(pwq->pool);
	list_for_each_entry(work, &pwq->pool->worklist, entry)
		if (cmwq_data_pwq(atomic_long_read(&work->data)) == pwq)
			return work;
	return NULL;
}

/*
 * Run items until the pool has a worker.  pool->lock is held.
 * Return: true if there are more, and others shall have their turn.
 */
static bool run_items(struct cmwq_rescuer *rescuer, struct cmwq_pwq *pwq)
	__must_hold(&pwq->pool->lock)
{
	struct cmwq_worker *worker = &rescuer->worker;
	struct cmwq_pool *pool = pwq->pool;
	struct cmwq_work *work;
	int n;

	for (n = 0; lacks_worker(pool); n++) {
		work = item_of(pwq);
		if (!work)
			return false;
		if (n == VISIT_ITEMS || (n && cmwq_off_its_cpu(pool)))
			return true;
		pwq->rescued++;
		pool->rescued++;
		trace_cmwq_rescue(pwq->wq->name, pool->id, work->func);
		list_move_tail(&work->entry, &worker->scheduled);
		cmwq_run_scheduled(worker);
	}
	return false;
}

static void rescue(struct cmwq_rescuer *rescuer, struct cmwq_pwq *pwq)
{
	struct cmwq_worker *worker = &rescuer->worker;
	struct cmwq_pool *pool = pwq->pool;
	struct task_struct *task;
	bool more;

	raw_spin_lock_irq(&pool->lock);
	worker->pool = pool;
	list_add_tail(&worker->node, &pool->workers);
	raw_spin_unlock_irq(&pool->lock);
	go_to(pool);			/* or who brings its CPU up: P4 */
	raw_spin_lock_irq(&pool->lock);
	more = run_items(rescuer, pwq);
	list_del(&worker->node);
	worker->pool = NULL;
	if (more) {
		raw_spin_lock(&rescuer->lock);
		list_add_tail(&pwq->rescue_node, &rescuer->pwqs);
		raw_spin_unlock(&rescuer->lock);
	} else {
		pwq->mayday = false;				/* M2 */
		if (pwq->watched & PWQ_RETIRED)
			irq_work_queue(&pwq->wq->succeed);	/* M3 */
	}
	task = cmwq_pool_pick(pool);				/* hand it back */
	raw_spin_unlock(&pool->lock);
	if (task)
		wake_up_process(task);
	local_irq_enable();
	while (unlikely(smp_load_acquire(&worker->binding)))	/* P5 */
		schedule_timeout_uninterruptible(1);
}

static struct cmwq_pwq *next_pwq(struct cmwq_rescuer *rescuer)
{
	struct cmwq_pwq *pwq;

	raw_spin_lock_irq(&rescuer->lock);
	pwq = list_first_entry_or_null(&rescuer->pwqs, struct cmwq_pwq,
				       rescue_node);
	if (pwq)
		list_del(&pwq->rescue_node);
	raw_spin_unlock_irq(&rescuer->lock);
	return pwq;
}

/**
 * cmwq_rescuer_thread - the thread function of all rescuers
 * @data: the struct cmwq_worker in a struct cmwq_rescuer
 *
 * Return: 0, when the queue is destroyed.
 */
int cmwq_rescuer_thread(void *data)
{
	struct cmwq_rescuer *rescuer = container_of(data, struct cmwq_rescuer,
						    worker);
	struct cmwq_pwq *pwq;
	bool stop;

	do {
		stop = kthread_should_stop();			/* M4 */
		while ((pwq = next_pwq(rescuer))) {
			WRITE_ONCE(rescuer->away, true);
			rescue(rescuer, pwq);
		}
		if (xchg(&rescuer->away, false))
			cmwq_go_where_unbound();
		set_current_state(TASK_IDLE);
		if (!stop && !kthread_should_stop() &&
		    list_empty(&rescuer->pwqs) && !READ_ONCE(rescuer->away))
			schedule();
		__set_current_state(TASK_RUNNING);
	} while (!stop);
	return 0;
}

/* Making and stopping */

/**
 * cmwq_rescuer_resettle - where unbound items may run has changed
 * @wq: the queue; it stays
 */
void cmwq_rescuer_resettle(struct cmwq_workqueue *wq)
{
	if (!wq->rescuer)
		return;
	smp_store_release(&wq->rescuer->away, true);	/* after the mask */
	wake_up_process(wq->rescuer->worker.task);
}

/**
 * cmwq_rescuer_dress - the queue has new attributes
 * @wq: the queue
 *
 * Not when it is called to a pool: setting a policy may wait for somebody who
 * waits for memory.
 *
 * Context: cmwq_attrs_mutex is held.
 */
void cmwq_rescuer_dress(struct cmwq_workqueue *wq)
{
	struct cmwq_rescuer *rescuer = wq->rescuer;
	const struct cmwq_attrs *attrs = wq->attrs;

	if (!rescuer || (rescuer->policy == attrs->policy &&
			 rescuer->priority == attrs->priority))
		return;
	rescuer->policy = attrs->policy;
	rescuer->priority = attrs->priority;
	if (attrs->policy == SCHED_NORMAL)
		sched_set_normal(rescuer->worker.task, MIN_NICE);
	else
		cmwq_set_realtime(rescuer->worker.task, attrs->policy,
				  attrs->priority);
}

/**
 * cmwq_rescuer_create - give a new queue its rescuer, if it shall have one
 * @wq: the queue; it has its name and flags
 *
 * Context: process context, may sleep and reclaim memory.
 * Return: 0, -ENOMEM or -EINTR.
 */
int cmwq_rescuer_create(struct cmwq_workqueue *wq)
{
	struct cmwq_rescuer *rescuer;
	struct task_struct *task;

	if (!(wq->flags & CMWQ_MEM_RECLAIM))
		return 0;
	rescuer = kzalloc(sizeof(*rescuer), GFP_KERNEL);
	if (!rescuer)
		return -ENOMEM;
	raw_spin_lock_init(&rescuer->lock);
	INIT_LIST_HEAD(&rescuer->pwqs);
	rescuer->policy = SCHED_NORMAL;
	rescuer->away = true;
	cmwq_worker_setup(&rescuer->worker, NULL);
	task = kthread_create(cmwq_rescuer_thread, &rescuer->worker,
			      "cmwq/R-%s", wq->name);
	if (IS_ERR(task)) {
		pr_err("queue %s gets no rescuer (errno %ld)\n", wq->name,
		       PTR_ERR(task));
		kfree(rescuer);
		return PTR_ERR(task);
	}
	/* The views may look at it even if an item crashes the thread. */
	rescuer->worker.task = get_task_struct(task);
	set_user_nice(task, MIN_NICE);
	/* Bound first: then nobody else changes the mask that follows. */
	kthread_bind(task, cpumask_any(cpu_online_mask));
	wq->rescuer = rescuer;
	wake_up_process(task);
	return 0;
}

/**
 * cmwq_rescuer_stop - the queue is empty for good
 * @wq: the queue
 */
void cmwq_rescuer_stop(struct cmwq_workqueue *wq)
{
	struct cmwq_rescuer *rescuer = wq->rescuer;

	if (!rescuer)
		return;
	kthread_stop(rescuer->worker.task);
	put_task_struct(rescuer->worker.task);
	wq->rescuer = NULL;
	kfree(rescuer);
}

/**
 * cmwq_rescuer_pid - for the views
 * @wq: the queue; it stays
 *
 * Return: the pid of its rescuer, 0 if it has none.
 */
pid_t cmwq_rescuer_pid(struct cmwq_workqueue *wq)
{
	return wq->rescuer ? task_pid_nr(wq->rescuer->worker.task) : 0;
}

bool cmwq_current_is_workqueue_rescuer(void)
{
	struct cmwq_worker *worker = cmwq_current_worker();

	return worker && worker->flags & WORKER_RESCUER;
}
EXPORT_SYMBOL_GPL(cmwq_current_is_workqueue_rescuer);
