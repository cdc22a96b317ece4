// SPDX-License-Identifier: GPL-2.0-only
/*
 * sched_hook.c - how the module learns that a worker sleeps or runs again
 *
 * Three jobs, kept apart:
 *
 *   accounting	  exact, always on: a preempt notifier on each worker (or the
 *		  sched_switch tracepoint) keeps pool->nr_running.  Runs under
 *		  rq->lock: atomics only, no lock, no wakeup, no printk.
 *   guarantee	  always on: when the count falls below the target with work
 *		  waiting and nobody woken yet, a hard irq_work wakes the next.
 *   accelerator  a hint, registered on demand: a probe at the entry of
 *		  __schedule(), before rq->lock, wakes the next worker directly,
 *		  which saves the interrupt and the trip through idle.  A wrong
 *		  guess costs a spurious wakeup.
 *
 * The accelerator taxes every context switch of the machine.  In mode auto it
 * is registered when hand-overs become frequent, counts the machine's switches
 * while it is on, and is dropped when hand-overs are too small a share of them;
 * each fruitless trial doubles the wait for the next.  That is done by an item
 * of the kernel's own workqueue: it takes cpus_read_lock(), so it may wait for a
 * CPU that goes down, and nobody of ours must wait for it then.
 */
#include "cmwq_internal.h"

#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>

#define TRIAL_HANDOVERS		64	/* that many in a second: try it */
#define REVIEW_PERIOD		(HZ / 4)
#define KEEP_PERCENT		3	/* of all switches, else drop it */
#define DROP_AFTER		4	/* reviews below that */
#define MAX_BACKOFF		(64 * HZ)

enum hook_mode {
	HOOKS_AUTO, HOOKS_NOTIFIER, HOOKS_ENTRY, HOOKS_TRACEPOINT,
};

static const char * const mode_names[] = {
	[HOOKS_AUTO] = "auto", [HOOKS_NOTIFIER] = "notifier",
	[HOOKS_ENTRY] = "entry", [HOOKS_TRACEPOINT] = "tracepoint",
};

static enum hook_mode mode;			/* I */
static bool by_tracepoint;			/* I: the accounting */
static struct tracepoint *tp_switch, *tp_entry;	/* I */

/* The worker on this CPU, NULL while something else runs. */
static DEFINE_PER_CPU(struct cmwq_worker *, this_worker);
/* The counted worker that was preempted last on this CPU; may be long gone. */
static DEFINE_PER_CPU(struct cmwq_worker *, preempted);
/* Entry probe calls on this CPU, CMWQ_ENTRY_FIRES per context switch. */
static DEFINE_PER_CPU(unsigned int, entries);

/* Accounting */

/*
 * H1: @worker is about to be switched out; rq->lock is held.  See R1 in pool.c
 * for why its work is not left lying.
 */
static void account_out(struct cmwq_worker *worker, struct task_struct *task)
{
	struct cmwq_pool *pool = worker->pool;

	if (!worker->counted)
		return;
	if (!cmwq_task_is_blocking(task)) {
		__this_cpu_write(preempted, worker);
		return;
	}
	WRITE_ONCE(worker->counted, false);
	if (atomic_dec_return(&pool->nr_running) < pool->target &&
	    !READ_ONCE(pool->waking) && cmwq_pool_has_work(pool))
		irq_work_queue(&pool->kick_work);
}

static void account_in(struct cmwq_worker *worker)
{
	if (worker->counted || worker->flags & WORKER_NOT_RUNNING)
		return;
	WRITE_ONCE(worker->counted, true);
	atomic_inc(&worker->pool->nr_running);
}

static void notifier_out(struct preempt_notifier *notifier,
			 struct task_struct *next)
{
	struct cmwq_worker *worker =
		container_of(notifier, struct cmwq_worker, notifier);

	__this_cpu_write(this_worker, NULL);
	account_out(worker, current);
}

static void notifier_in(struct preempt_notifier *notifier, int cpu)
{
	struct cmwq_worker *worker =
		container_of(notifier, struct cmwq_worker, notifier);

	__this_cpu_write(this_worker, worker);
	account_in(worker);
}

static struct preempt_ops notifier_ops = {
	.sched_in = notifier_in,
	.sched_out = notifier_out,
};

/* Without notifiers: from the tracepoint, for every switch of the machine. */
static void probe_switch(void *data, CMWQ_SWITCH_ARGS)
{
	struct cmwq_worker *worker = __this_cpu_read(this_worker);

	if (worker) {
		__this_cpu_write(this_worker, NULL);
		account_out(worker, prev);
	}
	if (!(next->flags & PF_KTHREAD) ||
	    kthread_func(next) != cmwq_worker_thread)
		return;
	worker = kthread_data(next);
	/* A thread on its way out no longer owns the structure: H2. */
	if (READ_ONCE(worker->task) != next)
		return;
	__this_cpu_write(this_worker, worker);
	account_in(worker);
}

/**
 * cmwq_hook_worker_start - watch the calling worker
 * @worker: the calling worker
 */
void cmwq_hook_worker_start(struct cmwq_worker *worker)
{
	preempt_disable();
	if (!by_tracepoint) {
		preempt_notifier_init(&worker->notifier, &notifier_ops);
		preempt_notifier_register(&worker->notifier);
	}
	__this_cpu_write(this_worker, worker);
	preempt_enable();
}

/**
 * cmwq_hook_worker_exit - stop watching the calling worker
 * @worker: the calling worker; its flags hold WORKER_DIE
 *
 * H2: a structure that is recycled against its last thread, on its way out.
 *	old thread			whoever creates a worker
 *	1. worker->task = NULL
 *	2. gives the structure back	3. takes it, sets it up anew
 *	4. is switched in: task is another's, or NULL: passed over
 *    The thread itself wrote step 1, so it is seen in step 4 on any CPU.
 */
void cmwq_hook_worker_exit(struct cmwq_worker *worker)
{
	preempt_disable();
	WRITE_ONCE(worker->task, NULL);
	if (!by_tracepoint)
		preempt_notifier_unregister(&worker->notifier);
	__this_cpu_write(this_worker, NULL);
	preempt_enable();
}

/**
 * cmwq_worker_here - which counted worker runs items on this CPU?
 *
 * Context: interrupts are off.
 * Return: the one that the caller interrupted; if there is none the one that
 * was preempted last, which may have gone elsewhere, or for good; or NULL.  A
 * worker's structure is never freed.
 */
struct cmwq_worker *cmwq_worker_here(void)
{
	struct cmwq_worker *worker = __this_cpu_read(this_worker);

	return worker && READ_ONCE(worker->counted) ? worker :
	       __this_cpu_read(preempted);
}

/* Guarantee */

static atomic_t handovers_seen = ATOMIC_INIT(0);	/* since a review */

static void accelerator_review(struct work_struct *work);
static DECLARE_DELAYED_WORK(review_work, accelerator_review);

static void review_in(unsigned long delay)
{
	queue_delayed_work(system_long_wq, &review_work, delay);
}

/* Runs in hard interrupt context on every kernel. */
void cmwq_kick_irq_work(struct irq_work *work)
{
	struct cmwq_pool *pool = container_of(work, struct cmwq_pool,
					      kick_work);
	struct task_struct *task;

	raw_spin_lock(&pool->lock);
	task = cmwq_pool_pick(pool);
	if (task)
		WRITE_ONCE(pool->handovers, pool->handovers + 1);
	raw_spin_unlock(&pool->lock);
	if (!task)
		return;
	wake_up_process(task);
	if (mode == HOOKS_AUTO &&
	    atomic_inc_return(&handovers_seen) % TRIAL_HANDOVERS == 0)
		review_in(0);
}

/* Accelerator */

/* Written by the review, or by init and exit while there is none. */
static bool accelerating;		/* A */
static unsigned int accel_switches;	/* A: how often it changed */

static noinline void entry_of_worker(struct cmwq_worker *worker,
				     CMWQ_ENTRY_ARG)
{
	struct cmwq_pool *pool = worker->pool;
	struct task_struct *task;
	unsigned long flags;

	if (!cmwq_entry_may_block(arg))
		return;
	/* A hint: state may be set and the task be preempted all the same. */
	if (!worker->counted || cmwq_task_state(current) == TASK_RUNNING ||
	    atomic_read(&pool->nr_running) > pool->target ||
	    READ_ONCE(pool->waking) || !cmwq_pool_has_work(pool))
		return;

	raw_spin_lock_irqsave(&pool->lock, flags);
	/* Pick as if this worker were asleep already. */
	atomic_dec(&pool->nr_running);
	task = cmwq_pool_pick(pool);
	atomic_inc(&pool->nr_running);
	if (task)
		WRITE_ONCE(pool->prewakes, pool->prewakes + 1);
	raw_spin_unlock(&pool->lock);
	if (task)
		wake_up_process(task);
	local_irq_restore(flags);
}

/* In every context switch of the machine: not even a tracer's hook. */
static notrace void probe_entry(void *data, CMWQ_ENTRY_ARG)
{
	struct cmwq_worker *worker = __this_cpu_read(this_worker);

	__this_cpu_inc(entries);
	if (unlikely(worker))
		entry_of_worker(worker, arg);
}

static int accelerator_on(void)
{
	int err = tracepoint_probe_register(tp_entry, probe_entry, NULL);

	if (!err) {
		WRITE_ONCE(accelerating, true);
		WRITE_ONCE(accel_switches, accel_switches + 1);
	}
	return err;
}

static void accelerator_off(void)
{
	tracepoint_probe_unregister(tp_entry, probe_entry, NULL);
	WRITE_ONCE(accelerating, false);
	WRITE_ONCE(accel_switches, accel_switches + 1);
}

static u64 sum_handovers(void)
{
	struct cmwq_pool *pool;
	u64 sum = 0;

	cmwq_for_each_pool(pool)
		sum += READ_ONCE(pool->handovers) + READ_ONCE(pool->prewakes);
	return sum;
}

static unsigned int sum_switches(void)
{
	unsigned int sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(entries, cpu));
	return sum / CMWQ_ENTRY_FIRES;
}

/* Switch the accelerator on or off. */
static void accelerator_review(struct work_struct *work)
{
	static unsigned long last, on_since, backoff, not_before;
	static unsigned int last_switches, poor;
	static u64 last_handovers;
	unsigned int switches;
	u64 handovers;
	bool frequent;

	if (!tp_entry)
		return;
	if (accelerating && time_before(jiffies, last + REVIEW_PERIOD)) {
		review_in(last + REVIEW_PERIOD - jiffies);
		return;
	}

	handovers = sum_handovers();
	if (!accelerating) {
		frequent = atomic_read(&handovers_seen) >= TRIAL_HANDOVERS &&
			   time_before(jiffies, last + HZ);
		/* The last look was long ago: measure the rate from now on. */
		atomic_set(&handovers_seen, 0);
		last = jiffies;
		last_handovers = handovers;
		if (!frequent || time_before(jiffies, not_before) ||
		    accelerator_on())
			return;
		on_since = jiffies;
		last_switches = sum_switches();
		poor = 0;
		review_in(REVIEW_PERIOD);
		return;
	}

	switches = sum_switches();
	if ((handovers - last_handovers) * 100 <
	    (u64)(switches - last_switches) * KEEP_PERCENT ||
	    handovers <= last_handovers)	/* pools go, with theirs */
		poor++;
	else
		poor = 0;
	last = jiffies;
	last_handovers = handovers;
	last_switches = switches;
	if (poor < DROP_AFTER) {
		review_in(REVIEW_PERIOD);
		return;
	}

	accelerator_off();
	atomic_set(&handovers_seen, 0);
	if (time_before(jiffies, on_since + 8 * DROP_AFTER * REVIEW_PERIOD))
		backoff = clamp(2 * backoff, (unsigned long)HZ, MAX_BACKOFF);
	else
		backoff = 0;
	not_before = jiffies + backoff;
}

/* Setting up and tearing down */

static void find_tracepoint(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "sched_switch"))
		tp_switch = tp;
	else if (!strcmp(tp->name, CMWQ_ENTRY_TP))
		tp_entry = tp;
}

/**
 * cmwq_hooks_show - what is in force, for the config view and the load line
 * @m: seq_file
 */
void cmwq_hooks_show(struct seq_file *m)
{
	seq_printf(m, "hooks_requested %s\n", mode_names[mode]);
	seq_printf(m, "accounting %s\n",
		   by_tracepoint ? "tracepoint" : "notifier");
	seq_puts(m, "guarantee irq_work\n");
	seq_printf(m, "accelerator %s\n",
		   READ_ONCE(accelerating) ? tp_entry->name : "off");
	seq_printf(m, "accelerator_mode %s\n",
		   mode == HOOKS_ENTRY ? "always" :
		   mode == HOOKS_AUTO && tp_entry ? "on-demand" : "never");
	seq_printf(m, "accelerator_switches %u\n", READ_ONCE(accel_switches));
}

/**
 * cmwq_hook_of_pool - how sleeping workers of a pool are noticed just now
 * @pool: the pool
 *
 * Return: one word for the pools view.
 */
const char *cmwq_hook_of_pool(struct cmwq_pool *pool)
{
	if (pool->key.cpu < 0 || pool->key.bh)
		return "-";	/* its workers are not counted */
	if (by_tracepoint)
		return READ_ONCE(accelerating) ? "tracepoint+entry" :
						 "tracepoint";
	return READ_ONCE(accelerating) ? "notifier+entry" : "notifier";
}

/**
 * cmwq_hooks_describe - the same in a few words
 *
 * Return: a string that stays.
 */
const char *cmwq_hooks_describe(void)
{
	static char text[80];

	snprintf(text, sizeof(text), "%s + irq_work%s",
		 by_tracepoint ? "sched_switch" : "preempt notifiers",
		 mode == HOOKS_ENTRY ? " + " CMWQ_ENTRY_TP :
		 mode == HOOKS_AUTO && tp_entry ?
		 " (+ " CMWQ_ENTRY_TP " on demand)" : "");
	return text;
}

static int accounting_on(void)
{
	if (by_tracepoint)
		return tracepoint_probe_register(tp_switch, probe_switch, NULL);
	preempt_notifier_inc();
	return 0;
}

static void accounting_off(void)
{
	if (by_tracepoint)
		tracepoint_probe_unregister(tp_switch, probe_switch, NULL);
	else
		preempt_notifier_dec();
	tracepoint_synchronize_unregister();
}

int cmwq_hooks_init(void)
{
	int err;

	mode = match_string(mode_names, ARRAY_SIZE(mode_names), cmwq_hooks);
	if ((int)mode < 0) {
		pr_err("hooks=%s is unknown (errno %d): use auto, notifier, entry or tracepoint\n",
		       cmwq_hooks, -EINVAL);
		return -EINVAL;
	}
	if (mode == HOOKS_NOTIFIER && !CMWQ_HAVE_NOTIFIERS) {
		pr_err("hooks=%s needs preempt notifiers, which this kernel lacks (errno %d): use hooks=auto\n",
		       cmwq_hooks, -EOPNOTSUPP);
		return -EOPNOTSUPP;
	}
	for_each_kernel_tracepoint(find_tracepoint, NULL);
	by_tracepoint = mode == HOOKS_TRACEPOINT || !CMWQ_HAVE_NOTIFIERS;
	if ((by_tracepoint && !tp_switch) ||
	    (mode == HOOKS_ENTRY && !tp_entry)) {
		pr_err("hooks=%s needs a tracepoint that this kernel lacks (errno %d): use hooks=auto\n",
		       cmwq_hooks, -EOPNOTSUPP);
		return -EOPNOTSUPP;
	}

	err = accounting_on();
	if (err || mode != HOOKS_ENTRY)
		return err;
	err = accelerator_on();
	if (err)
		accounting_off();
	return err;
}

/* The workers and the keeper are gone. */
void cmwq_hooks_exit(void)
{
	struct cmwq_pool *pool;

	/* A last irq_work could ask for a review. */
	cmwq_for_each_pool(pool)
		irq_work_sync(&pool->kick_work);
	cancel_delayed_work_sync(&review_work);
	if (accelerating)
		accelerator_off();
	accounting_off();
}
