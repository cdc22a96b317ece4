// SPDX-License-Identifier: GPL-2.0-only
/*
 * hog.c - items that run long without sleeping: found, counted, let pass
 *
 * While an item of a per-CPU pool runs, the others wait.  One that runs longer
 * than cpu_intensive_thresh_us without sleeping is treated from then on as if
 * it were of a CPU-intensive queue: it is no longer counted, and another worker
 * goes on with the rest.
 *
 * A timer looks at the worker on its CPU, every tick or so, as long as the pool
 * has a worker that is not idle, and some times more: then it need not be
 * started for each item.  It is deferrable: a CPU on which nothing runs is not
 * woken for it, and a tickless one that is busy is not looked at.
 *
 * Nothing is measured when an item starts, sleeps or ends: the first look at a
 * run notes how much CPU time the worker has had, a later one compares.  So an
 * item is found up to two looks late, but never early.  A run is known by two
 * counters, of the items that the worker has started and of the sleeps of its
 * task.  (On PREEMPT_RT a wait for a contended spinlock_t is one of these, so
 * it starts the measurement anew.)
 *
 * G1: a look against the worker.  The timer writes what else the worker writes
 *    alone, with interrupts off: flags and counted.  It may, because the worker
 *    cannot run meanwhile:
 *    - The timer interrupted it: it goes on when the timer is done.
 *    - It was preempted on this CPU, by somebody else or by the timer (which
 *      runs in a thread on PREEMPT_RT, and in ksoftirqd): interrupts are off,
 *      so nothing is switched in here, and it may run on no other CPU.  That
 *      stays so as long as its pi_lock is held, under which its affinity is
 *      changed and it is moved.  Taking the CPU down needs this CPU to stop
 *      first.
 *    In any other case it is passed over this time.
 *
 * G2: a look against the scheduler hooks.  They run with interrupts off, except
 *    account_in() when a notifier calls it.  If the timer interrupts that
 *	1. before counted is set: the worker is passed over;
 *	2. between counted and nr_running: it has just slept, so this look is
 *	   the first one at a new run.
 *
 * G3: the last look against a worker that starts.  Both hold pool->lock: either
 *    the timer sees that worker, which is on the idle list no more, or the
 *    worker sees that the timer is off and starts it.
 *
 * G4: the end of the timer.  After a CPU went down its timer is elsewhere, and
 *    goes back by its own function when the CPU is up.  timer_delete_sync() may
 *    miss the rest of that function, the grace period at the end of
 *    cmwq_hooks_exit() does not.
 */
#include "cmwq_internal.h"

#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/sort.h>

#define DEFAULT_THRESH_US	10000
#define MAX_DEFAULT_THRESH_US	USEC_PER_SEC
#define FAST_BOGOMIPS		4000	/* slower CPUs get a higher default */
#define LOOKS			4	/* in the time of the threshold */
#define IDLE_LOOKS		100	/* at an idle pool, then no more */

#ifdef CMWQ_BUSTED
#define LET_PASS		0	/* found, but still counted */
#else
#define LET_PASS		1
#endif

/* Entries are in no order; the last one is for what finds no room. */
static struct cmwq_hog hogs[CMWQ_HOGS + 1];	/* hogs_lock */
static DEFINE_RAW_SPINLOCK(hogs_lock);		/* inside pool->lock */

/* Functions in the table stay in memory as long as it is held. */
DEFINE_MUTEX(cmwq_hogs_mutex);

/* The table */

static struct cmwq_hog *find_hog(cmwq_func_t func)
{
	struct cmwq_hog *hog;

	for (hog = hogs; hog < hogs + CMWQ_HOGS; hog++)
		if (!hog->func || hog->func == func)
			break;
	return hog;
}

/*
 * Book what the running item of @worker has run so far; it may have run longer
 * when it is booked again.  Return: the hits of its function, 0 if unknown.
 */
static u64 book(struct cmwq_worker *worker, u64 ran)
{
	struct cmwq_hog *hog;
	unsigned long flags;
	u64 hits = 0;

	raw_spin_lock_irqsave(&hogs_lock, flags);
	hog = find_hog(worker->current_func);
	if (!worker->hog_ran)
		hog->hits++;
	if (hog < hogs + CMWQ_HOGS) {
		hog->func = worker->current_func;
		hits = hog->hits;
	}
	hog->longest = max(hog->longest, ran);
	hog->total += ran - worker->hog_ran;
	raw_spin_unlock_irqrestore(&hogs_lock, flags);
	worker->hog_ran = ran;
	return hits;
}

/**
 * cmwq_hog_end - an item that may have been a hog has run
 * @worker: the calling worker; its pool's lock is held
 */
void cmwq_hog_end(struct cmwq_worker *worker)
{
	if (!worker->hog_ran)
		return;		/* of a CPU-intensive queue */
	book(worker, cmwq_task_runtime(current) - worker->seen_runtime);
	worker->hog_ran = 0;
}

/**
 * cmwq_hogs_forget - a module goes away, and none of its items is left
 * @mod: the module
 */
void cmwq_hogs_forget(struct module *mod)
{
	struct cmwq_hog *hog, *last;

	mutex_lock(&cmwq_hogs_mutex);
	raw_spin_lock_irq(&hogs_lock);
	last = find_hog(NULL);
	for (hog = hogs; hog < last; ) {
		if (within_module((unsigned long)hog->func, mod)) {
			*hog = *--last;
			memset(last, 0, sizeof(*last));
		} else {
			hog++;
		}
	}
	raw_spin_unlock_irq(&hogs_lock);
	mutex_unlock(&cmwq_hogs_mutex);
}

static int more_hits(const void *a, const void *b)
{
	const struct cmwq_hog *x = a, *y = b;

	return x->hits < y->hits ? 1 : x->hits > y->hits ? -1 : 0;
}

/**
 * cmwq_hogs_copy - the table, most hits first
 * @to:	where to, CMWQ_HOGS + 1 entries; the last one stands for all functions
 *	that are not listed, unused ones have no hits
 */
void cmwq_hogs_copy(struct cmwq_hog *to)
{
	lockdep_assert_held(&cmwq_hogs_mutex);
	raw_spin_lock_irq(&hogs_lock);
	memcpy(to, hogs, sizeof(hogs));
	raw_spin_unlock_irq(&hogs_lock);
	sort(to, CMWQ_HOGS, sizeof(*to), more_hits, NULL);
}

/* Looking */

static bool shall_report(u64 hits)
{
	unsigned int thresh = READ_ONCE(cmwq_cpu_intensive_warning_thresh);

	return thresh && hits >= thresh && is_power_of_2(hits - thresh + 1);
}

/* G1; pi_lock of its task is held. */
static bool cannot_run(struct task_struct *task)
{
	return task == current ||
	       (task->nr_cpus_allowed == 1 &&
		task_cpu(task) == smp_processor_id());
}

/* How long has it run, as far as we know?  It cannot run meanwhile. */
static u64 time_run(struct cmwq_worker *worker)
{
	u64 runtime = cmwq_task_runtime(worker->task);

	if (!worker->counted || !worker->current_work)
		return 0;
	if (worker->seen_items != worker->items ||
	    worker->seen_sleeps != worker->task->nvcsw) {
		worker->seen_items = worker->items;
		worker->seen_sleeps = worker->task->nvcsw;
		worker->seen_runtime = runtime;
	}
	return runtime - worker->seen_runtime;
}

/* Is the worker on this CPU one of the pool's, and has it run long? */
static struct cmwq_worker *find_running_hog(struct cmwq_pool *pool,
					    unsigned int thresh, u64 *ran)
{
	struct cmwq_worker *worker;
	struct task_struct *task;
	bool found;

	worker = cmwq_worker_here();
	/* It may have been recycled, but is never freed. */
	if (!worker || smp_load_acquire(&worker->pool) != pool)
		return NULL;
	/*
	 * Once it is counted its thread cannot end without pool->lock.  It
	 * counts for this pool if it was one of it before and after it was seen
	 * counted: recycled into another one between, it is not.
	 */
	if (!smp_load_acquire(&worker->counted) ||
	    READ_ONCE(worker->pool) != pool)
		return NULL;

	task = worker->task;
	raw_spin_lock(&task->pi_lock);
	*ran = cannot_run(task) ? time_run(worker) : 0;
	found = *ran >= (u64)thresh * NSEC_PER_USEC;
	if (found && LET_PASS)
		cmwq_worker_let_pass(worker);
	raw_spin_unlock(&task->pi_lock);
	return found ? worker : NULL;
}

static void start_timer(struct cmwq_pool *pool)
{
	unsigned int thresh = READ_ONCE(cmwq_cpu_intensive_thresh_us);
	unsigned long period = HZ;	/* that may be set again */

	if (thresh)
		period = max(usecs_to_jiffies(thresh) / LOOKS, 1UL);
	pool->hog_timer.expires = jiffies + period;
	/* Interrupts are off: the CPU stays as it is. */
	if (cpu_online(pool->key.cpu))
		add_timer_on(&pool->hog_timer, pool->key.cpu);
	else
		add_timer(&pool->hog_timer);
}

/**
 * cmwq_hog_watch - a worker of an unwatched pool starts to work
 * @pool: the pool; its lock is held
 */
void cmwq_hog_watch(struct cmwq_pool *pool)
{
	pool->watched = IDLE_LOOKS;
	start_timer(pool);
}

/**
 * cmwq_hog_timer_fn - have a look at a pool
 * @t: its hog timer
 */
void cmwq_hog_timer_fn(struct timer_list *t)
{
	struct cmwq_pool *pool = container_of(t, struct cmwq_pool, hog_timer);
	unsigned int thresh = READ_ONCE(cmwq_cpu_intensive_thresh_us);
	struct task_struct *task = NULL;
	struct cmwq_worker *worker;
	unsigned long flags;
	bool report = false;
	u64 hits, ran;
	char name[64];

	raw_spin_lock_irqsave(&pool->lock, flags);
	worker = thresh ? find_running_hog(pool, thresh, &ran) : NULL;
	if (worker) {
		hits = book(worker, ran);
		report = shall_report(hits);
		/* Once the lock is dropped the function may go away. */
		if (report)
			snprintf(name, sizeof(name), "%ps",
				 worker->current_func);
		task = cmwq_pool_pick(pool);
	}
	if (pool->nr_idle != pool->nr_workers)
		pool->watched = IDLE_LOOKS;
	else
		pool->watched--;
	if (pool->watched)					/* G3 */
		start_timer(pool);
	raw_spin_unlock(&pool->lock);
	if (task)
		wake_up_process(task);
	local_irq_restore(flags);

	if (report)
		pr_warn("%s ran for more than %u us without sleeping, %llu times by now: it holds up the other items of its CPU; let it sleep now and then, or queue it on a CMWQ_UNBOUND queue\n",
			name, thresh, hits);
}

/**
 * cmwq_hog_defaults - what is a long time on this machine?
 *
 * Sets the threshold if it was not given.
 */
void cmwq_hog_defaults(void)
{
	unsigned long bogomips = loops_per_jiffy / (500000 / HZ);
	unsigned long us = DEFAULT_THRESH_US;

	if (cmwq_cpu_intensive_thresh_us != CMWQ_THRESH_UNSET)
		return;
	bogomips = max(bogomips, 1UL);
	if (bogomips < FAST_BOGOMIPS)
		us = min(us * FAST_BOGOMIPS / bogomips,
			 MAX_DEFAULT_THRESH_US);
	cmwq_cpu_intensive_thresh_us = us;
}
