// SPDX-License-Identifier: GPL-2.0-only
/*
 * bh.c - items in softirq context
 *
 * The pools of CMWQ_BH queues, two per CPU (normal, high), have one worker each,
 * which is no thread but a tasklet, and not among the workers that are counted
 * and limited.  It follows the protocol of pool.c like any other: idle, picked
 * (waking), up, managed while it runs items.  To wake it means to raise the
 * tasklet on its CPU.
 *
 * B1: raising against the tasklet.  The call to the other CPU is in use from
 *    the raising until the tasklet is scheduled there, and pool->waking is set
 *    from before the first until the tasklet runs.  Nobody raises while it is.
 *
 * B2: a CPU that goes down.  What was scheduled there moves on to another CPU
 *    with the kernel's other tasklets, and what comes later is raised on the
 *    caller's.  So a tasklet may run on a CPU that is not its pool's; it never
 *    runs twice at once.  It may run there late, when its own CPU is up again
 *    and takes items: then it leaves them and has itself raised on its own.
 *
 * B3: raising on PREEMPT_RT.  A call that wakes an idle CPU runs in the idle
 *    task there, which must not be left with a softirq to run: the kernel warns.
 *    The call hands over to an irq_work that is not a hard one, which such a
 *    kernel runs in a thread.  It is in use like the call (B1).  On a CPU that
 *    goes down that thread is parked after our callback has marked the pool: from
 *    the mark on, which is set under pool->lock, nobody calls there.
 *    One gap is the kernel's: irq_work_sync() there may return when the thread
 *    has run our function and has yet to look for who waits in the irq_work.
 *    Nothing else can be waited for; the exit of the pools comes between that
 *    and the end of the memory.
 *
 * B4: waiting for an item in atomic context on PREEMPT_RT, where softirqs run in
 *    threads.  The waiter may have pushed that thread off its CPU, and spins: it
 *    lends its priority by a lock that is held while items run.  Disabling softirqs
 *    would do so only where that takes a lock, which newer kernels do without.
 */
#include "cmwq_internal.h"

#include <linux/interrupt.h>
#include <linux/smp.h>

struct cmwq_bh {
	struct cmwq_pool	pool;		/* as its fields say */
	struct cmwq_worker	worker;		/* as its fields say */
	struct tasklet_struct	tasklet;	/* A */
	call_single_data_t	csd;		/* A: B1 */
	struct irq_work		in_thread;	/* A: B3 */
	bool			high;		/* I */
	spinlock_t		running;	/* A: B4 */
	struct task_struct	*task;		/* S: whom it interrupts */
	int			count;		/* S: preempt_count() */
	unsigned long		switches;	/* S: of the task below */
};

static struct cmwq_bh __percpu *bhs;	/* I: [normal, high] */

/* The worker whose items run on this CPU. */
static DEFINE_PER_CPU(struct cmwq_worker *, bh_worker);

/* Waking the worker */

static void schedule_here(struct cmwq_bh *bh)
{
	if (bh->high)
		tasklet_hi_schedule(&bh->tasklet);
	else
		tasklet_schedule(&bh->tasklet);
}

static void schedule_in_thread(struct irq_work *work)
{
	schedule_here(container_of(work, struct cmwq_bh, in_thread));
}

/* The call to another CPU. */
static void called(void *data)
{
	struct cmwq_bh *bh = data;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		irq_work_queue(&bh->in_thread);		/* B3 */
	else
		schedule_here(bh);
}

/**
 * cmwq_bh_raise - wake the worker of a BH pool
 * @worker: the worker; its pool's lock is held, interrupts are off
 */
void cmwq_bh_raise(struct cmwq_worker *worker)
{
	struct cmwq_bh *bh = container_of(worker, struct cmwq_bh, worker);
	int cpu = bh->pool.key.cpu;

	if (cpu == smp_processor_id() || !cpu_online(cpu) ||	/* B2 */
	    bh->pool.flags & POOL_DISASSOCIATED ||		/* B3 */
	    smp_call_function_single_async(cpu, &bh->csd))
		schedule_here(bh);
}

/* Running items */

/**
 * cmwq_bh_current - the BH worker whose items run on this CPU
 *
 * Context: softirq.
 * Return: the worker; NULL while none is up.
 */
struct cmwq_worker *cmwq_bh_current(void)
{
	struct cmwq_worker *worker = __this_cpu_read(bh_worker);

	/* On RT kernels another task may be in softirq context meanwhile. */
	if (!worker ||
	    container_of(worker, struct cmwq_bh, worker)->task != current)
		return NULL;
	return worker;
}

static unsigned long switches_of_current(void)
{
	return current->nvcsw + current->nivcsw;
}

/**
 * cmwq_bh_item_done - has an item left things as it found them?
 * @worker:	the worker that ran it
 * @func:	its function
 * @pwq:	its pwq
 *
 * A softirq is not switched out unless it sleeps (on RT kernels it may be).
 */
void cmwq_bh_item_done(struct cmwq_worker *worker, cmwq_func_t func,
		       struct cmwq_pwq *pwq)
{
	struct cmwq_bh *bh = container_of(worker, struct cmwq_bh, worker);

	if (!IS_ENABLED(CONFIG_PREEMPT_RT) &&
	    switches_of_current() != bh->switches)
		pr_err("%ps on BH queue %s has slept (errno %d): a BH item must not; use a queue without CMWQ_BH\n",
		       func, pwq->wq->name, -EWOULDBLOCK);
	else if (preempt_count() != bh->count)
		pr_err("%ps on BH queue %s returned with preempt_count %x, not %x: it leaked a lock or a preempt_disable()\n",
		       func, pwq->wq->name, preempt_count(), bh->count);
	else
		return;
	bh->count = preempt_count();
	bh->switches = switches_of_current();
}

static void bh_run(struct tasklet_struct *t)
{
	struct cmwq_bh *bh = container_of(t, struct cmwq_bh, tasklet);
	struct cmwq_worker *before = __this_cpu_read(bh_worker);

	bh->task = current;
	bh->count = preempt_count();
	bh->switches = switches_of_current();
	__this_cpu_write(bh_worker, &bh->worker);
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		spin_lock(&bh->running);			/* B4 */
		cmwq_bh_work_for_a_while(&bh->worker);
		spin_unlock(&bh->running);
	} else {
		cmwq_bh_work_for_a_while(&bh->worker);
	}
	__this_cpu_write(bh_worker, before);
	bh->task = NULL;
}

/**
 * cmwq_bh_lend - lend the caller's priority to whoever runs the items of a BH pool
 * @pool: the pool
 *
 * Context: PREEMPT_RT, preemptible.  Within an item, another one's pool.  B4
 */
void cmwq_bh_lend(struct cmwq_pool *pool)
{
	struct cmwq_bh *bh = container_of(pool, struct cmwq_bh, pool);

	spin_lock_nested(&bh->running, SINGLE_DEPTH_NESTING);
	spin_unlock(&bh->running);
}

/* Setting up and tearing down */

/**
 * cmwq_bh_pool - the pool of BH items of a CPU
 * @cpu:	a possible CPU
 * @high:	that of CMWQ_HIGHPRI queues
 *
 * Return: the pool.
 */
struct cmwq_pool *cmwq_bh_pool(unsigned int cpu, bool high)
{
	return &(per_cpu_ptr(bhs, cpu) + high)->pool;
}

static void init_bh(struct cmwq_bh *bh, int id, unsigned int cpu, bool high)
{
	struct cmwq_pool_key key = {
		.cpu = cpu, .bh = true, .nice = high ? MIN_NICE : 0,
		.policy = SCHED_NORMAL,
	};

	bh->high = high;
	spin_lock_init(&bh->running);
	tasklet_setup(&bh->tasklet, bh_run);
	init_irq_work(&bh->in_thread, schedule_in_thread);
	bh->csd.func = called;
	bh->csd.info = bh;
	cmwq_pool_setup(&bh->pool, id, &key);
	bh->pool.target = 1;
	cmwq_worker_setup(&bh->worker, &bh->pool);
	raw_spin_lock_irq(&bh->pool.lock);
	list_add(&bh->worker.node, &bh->pool.workers);
	cmwq_enter_idle(&bh->worker);
	raw_spin_unlock_irq(&bh->pool.lock);
}

/**
 * cmwq_bh_init - make the BH pools
 * @id: the highest pool id in use
 *
 * Return: the highest one afterwards, or -ENOMEM.
 */
int cmwq_bh_init(int id)
{
	unsigned int cpu;
	int i;

	bhs = __alloc_percpu(2 * sizeof(struct cmwq_bh), SMP_CACHE_BYTES);
	if (!bhs)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		for (i = 0; i < 2; i++) {
			init_bh(per_cpu_ptr(bhs, cpu) + i, ++id, cpu, i);
			cmwq_pools[id] = cmwq_bh_pool(cpu, i);
		}
	}
	return id;
}

/* No items and no producers any more. */
void cmwq_bh_exit(void)
{
	struct cmwq_bh *bh;
	unsigned int cpu;
	int i;

	/*
	 * An item that was cancelled leaves its call behind.  Of the calls that a
	 * CPU takes at once it answers those of this kind first: hence two.
	 */
	kick_all_cpus_sync();
	kick_all_cpus_sync();
	for_each_possible_cpu(cpu) {
		for (i = 0; i < 2; i++) {
			bh = per_cpu_ptr(bhs, cpu) + i;
			irq_work_sync(&bh->in_thread);
			tasklet_kill(&bh->tasklet);
		}
	}
}

void cmwq_bh_free(void)
{
	free_percpu(bhs);
}
