// SPDX-License-Identifier: GPL-2.0-only
/*
 * observe/watchdog.c - names the pool that makes no progress, and what holds it
 *
 * A thread looks at all pools four times in watchdog_thresh.  A pool that has
 * items waiting at one look and at the next, and whose workers have started none
 * in between, is stuck; nothing is measured where items are queued and run.
 * Items beyond max_active do not wait for the pool.  The thread counts the time
 * that it was asleep as it should: what it overslept (a virtual machine was
 * stopped, or the thread had no CPU) is nobody's fault.
 *
 * It is a real-time thread, so that it finds a CPU when others have lost theirs,
 * and it allocates and waits for nothing.  If the CPU where it sleeps is the one
 * that is held, with interrupts or preemption off, it would not wake up: then an
 * item of the kernel's own workqueue on another CPU takes it away from there.
 * To learn who has a pool's CPU it interrupts that; a CPU that does not answer
 * has its interrupts off.
 *
 * W6: the question against the end of the module.  The answer may come late: its
 *    memory is static, exit waits for the completion, and the grace period at
 *    the end of cmwq_hooks_exit() for the rest of the handler.
 */
#include "observe.h"

#include <linux/hrtimer.h>
#include <linux/nmi.h>
#include <linux/sched/debug.h>
#include <linux/smp.h>
#include <linux/stacktrace.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#define LOOKS		4		/* in the time of the threshold */
#define MAX_DOUBLINGS	10
#define ANSWER_TIME	HZ		/* then its interrupts are off */
#define RESCUE_AFTER	(HZ / 2)	/* it should have been awake */
#define SHOWN		8		/* items by name, each kind */
#define FRAMES		32

/* T, or the rescue to read: so that nobody wakes a thread that has ended. */
static struct task_struct *watchdog;

/* Who has a CPU? */

static struct {
	call_single_data_t csd;		/* A: W6 */
	struct completion answered;	/* A */
	bool asked;			/* K: an answer is due */
	int cpu;			/* K */

	/* The answer, the thread's once it is there. */
	char comm[TASK_COMM_LEN];
	pid_t pid;
	unsigned int policy;
	int prio;			/* real-time priority, or nice */
	bool idle, worker, softirq;
	unsigned int nr_frames;
	unsigned long frames[FRAMES];
} holder;

/* In hard interrupt context, on the CPU in question. */
static void answer(void *unused)
{
	struct task_struct *task = current;

	strscpy(holder.comm, task->comm, sizeof(holder.comm));
	holder.pid = task_pid_nr(task);
	holder.policy = task->policy;
	holder.prio = task->rt_priority ? task->rt_priority : task_nice(task);
	holder.idle = is_idle_task(task);
	holder.worker = task->flags & PF_KTHREAD &&
			kthread_func(task) == cmwq_worker_thread;
	holder.softirq = in_serving_softirq();
	holder.nr_frames = stack_trace_save(holder.frames, FRAMES, 0);
	complete(&holder.answered);
}

/* Return: false if there is none yet. */
static bool answer_came(unsigned long timeout)
{
	if (holder.asked && wait_for_completion_timeout(&holder.answered,
							timeout))
		holder.asked = false;
	return !holder.asked;
}

static const char *policy_name(unsigned int policy)
{
	switch (policy) {
	case SCHED_FIFO:
		return "fifo";
	case SCHED_RR:
		return "rr";
	case SCHED_DEADLINE:
		return "deadline";
	default:
		return "nice";
	}
}

static void print_holder(void)
{
	if (holder.idle && !holder.softirq) {
		pr_warn("  CPU %d is idle\n", holder.cpu);
		return;
	}
	pr_warn("  CPU %d is held by %s%s in pid %d, %s %d%s\n", holder.cpu,
		holder.worker ? "worker " : "", holder.comm, holder.pid,
		policy_name(holder.policy), holder.prio,
		holder.softirq ? ", interrupted by a softirq" : "");
	stack_trace_print(holder.frames, holder.nr_frames, 4);
}

static void ask_who_has(int cpu)
{
	bool here, up;

	if (cpu < 0)
		return;
	if (!answer_came(0)) {
		pr_warn("  CPU %d still does not take interrupts\n",
			holder.cpu);
		return;
	}
	preempt_disable();
	here = smp_processor_id() == cpu;
	up = here || cpu_online(cpu);
	if (!here && up) {
		reinit_completion(&holder.answered);
		holder.cpu = cpu;
		holder.asked = !smp_call_function_single_async(cpu,
							       &holder.csd);
	}
	preempt_enable();
	if (!up)
		return;
	if (here)
		pr_warn("  CPU %d is free: it runs the watchdog\n", cpu);
	else if (!answer_came(ANSWER_TIME))
		pr_warn("  CPU %d takes no interrupts: somebody has them off\n",
			cpu);
	else
		print_holder();
}

/* What a pool looks like; copied under its lock, printed without it */

struct shown {
	cmwq_func_t func;
	char queue[CMWQ_NAME_LEN];
	struct task_struct *task;	/* a reference, or NULL */
	unsigned int ms;
};

static struct {
	unsigned int flags, nr_running, nr_waiting;
	int workers, idle, counted;
	int cpu;		/* that matters; -1: none */
	bool capped;
	struct task_struct *waking, *manager;	/* references, or NULL */
	struct shown running[SHOWN], waiting[SHOWN];
} shown;	/* K */

static struct task_struct *get_task(struct task_struct *task)
{
	return task ? get_task_struct(task) : NULL;
}

static void put_task(struct task_struct *task)
{
	if (task)
		put_task_struct(task);
}

static void note_waiting(struct cmwq_work *work)
{
	struct cmwq_pwq *pwq = cmwq_data_pwq(atomic_long_read(&work->data));
	struct shown *s;

	if (shown.nr_waiting++ >= SHOWN)
		return;
	s = &shown.waiting[shown.nr_waiting - 1];
	s->func = work->func;
	strscpy(s->queue, pwq->wq->name, sizeof(s->queue));
}

static void note_worker(struct cmwq_worker *worker)
{
	struct shown *s;

	if (!worker->current_pwq || shown.nr_running++ >= SHOWN)
		return;
	s = &shown.running[shown.nr_running - 1];
	s->func = worker->current_func;
	strscpy(s->queue, worker->current_pwq->wq->name, sizeof(s->queue));
	s->task = get_task(worker->task);
	s->ms = jiffies_to_msecs(jiffies - worker->since);
}

/* The pool's lock is held. */
static void note_pool(struct cmwq_pool *pool)
{
	struct cmwq_worker *worker;
	struct cmwq_work *work;

	memset(&shown, 0, sizeof(shown));
	shown.flags = pool->flags;
	shown.workers = pool->nr_workers;
	shown.idle = pool->nr_idle;
	shown.counted = atomic_read(&pool->nr_running);
	shown.cpu = pool->key.cpu;
	shown.capped = !pool->key.bh && pool->nr_workers &&
		       (pool->nr_workers >= READ_ONCE(cmwq_pool_max_workers) ||
			atomic_read(&cmwq_nr_workers) >=
			READ_ONCE(cmwq_total_max_workers));
	if (pool->waking && pool->waking->task) {
		shown.waking = get_task(pool->waking->task);
		shown.cpu = task_cpu(shown.waking);
	} else if (!shown.counted && !pool->key.bh) {
		shown.cpu = -1;		/* nobody of it wants the CPU */
	}
	shown.manager = get_task(pool->manager);
	list_for_each_entry(worker, &pool->workers, node)
		note_worker(worker);
	list_for_each_entry(work, &pool->worklist, entry)
		note_waiting(work);
	llist_for_each_entry(work, READ_ONCE(pool->inbox.first), inbox)
		note_waiting(work);
}

static void print_why(struct cmwq_pool *pool)
{
	if (shown.waking)
		pr_warn("  worker %s, pid %d, has been woken and gets no CPU\n",
			shown.waking->comm, task_pid_nr(shown.waking));
	else if (pool->key.bh && !shown.nr_running)
		pr_warn("  its softirq does not run\n");
	if (shown.manager)
		pr_warn("  pid %d is making a worker\n",
			task_pid_nr(shown.manager));
	if (!shown.idle && shown.capped)
		pr_warn("  all %d workers are in items, and there may be no more: pool_max_workers %u, total_max_workers %u\n",
			shown.workers, READ_ONCE(cmwq_pool_max_workers),
			READ_ONCE(cmwq_total_max_workers));
}

static void print_items(void)
{
	struct shown *s;

	for (s = shown.running;
	     s < shown.running + min_t(unsigned int, shown.nr_running, SHOWN);
	     s++)
		pr_warn("  runs: %ps of queue %s in pid %d for %u ms\n",
			s->func, s->queue, s->task ? task_pid_nr(s->task) : 0,
			s->ms);
	for (s = shown.waiting;
	     s < shown.waiting + min_t(unsigned int, shown.nr_waiting, SHOWN);
	     s++)
		pr_warn("  waits: %ps of queue %s\n", s->func, s->queue);
	if (shown.nr_running > SHOWN || shown.nr_waiting > SHOWN)
		pr_warn("  %u run and %u wait in all\n", shown.nr_running,
			shown.nr_waiting);
}

static void print_stacks(void)
{
	struct shown *s;

	for (s = shown.running; s < shown.running + SHOWN; s++) {
		if (!s->task)
			continue;
		sched_show_task(s->task);
		touch_nmi_watchdog();		/* a console may be slow */
	}
	if (shown.manager)
		sched_show_task(shown.manager);
}

static void report(struct cmwq_pool *pool, unsigned long since)
{
	struct shown *s;

	pr_warn("pool %d cpu %d nice %d%s%s%s makes no progress for %lu s: %u items wait, %d workers, %d idle, %d counted\n",
		pool->id, pool->key.cpu, pool->key.nice,
		pool->key.bh ? " bh" : "",
		shown.flags & POOL_DISASSOCIATED ? " disassociated" : "",
		shown.flags & POOL_STARVED ? " starved" : "",
		(jiffies - since) / HZ, shown.nr_waiting, shown.workers,
		shown.idle, shown.counted);
	print_why(pool);
	print_items();
	ask_who_has(shown.cpu);
	print_stacks();

	for (s = shown.running; s < shown.running + SHOWN; s++)
		put_task(s->task);
	put_task(shown.waking);
	put_task(shown.manager);
}

/* Looking */

/* Changes whenever an item starts.  The pool's lock is held. */
static u64 progress_of(struct cmwq_pool *pool)
{
	u64 n = pool->created + pool->retired + pool->rescued;
	struct cmwq_worker *worker;

	/* A rescuer comes and goes, and takes its count along. */
	list_for_each_entry(worker, &pool->workers, node)
		if (!(worker->flags & WORKER_RESCUER))
			n += worker->items;
	return n;
}

/* Return: false if the pool is not stuck, or has not been for long enough. */
static bool look_at(struct cmwq_pool *pool, unsigned long thresh,
		    unsigned long overslept, bool *due)
{
	bool has_work, moves = true;
	unsigned long since, flags;
	u64 progress = 0;

	*due = false;
	raw_spin_lock_irqsave(&pool->lock, flags);
	has_work = cmwq_pool_has_work(pool);
	if (has_work || pool->had_work) {
		progress = progress_of(pool);
		moves = progress != pool->seen_progress;
	}
	since = pool->stuck_since + overslept;
	if (has_work && pool->had_work && !moves)
		*due = time_after_eq(jiffies, since +
				     (thresh << pool->reports));
	if (*due)
		note_pool(pool);
	raw_spin_unlock_irqrestore(&pool->lock, flags);

	if (has_work && pool->had_work && !moves) {
		pool->stuck_since = since;
		return *due || pool->reports;
	}
	if (pool->reports)
		pr_info("pool %d %s after %lu s\n", pool->id,
			moves ? "goes on" : "has nothing to do any more",
			(jiffies - pool->stuck_since) / HZ);
	pool->had_work = has_work;
	pool->seen_progress = progress;
	pool->stuck_since = jiffies;
	WRITE_ONCE(pool->reports, 0);
	return false;
}

static void look(unsigned long thresh, unsigned long overslept)
{
	struct cmwq_pool *pool;
	unsigned int moved;
	bool due;

	cmwq_for_each_pool(pool) {
		if (!look_at(pool, thresh, overslept, &due))
			continue;
		if (due) {
			report(pool, pool->stuck_since);
			if (!pool->reports)
				WRITE_ONCE(pool->stalls, pool->stalls + 1);
			if (pool->reports < MAX_DOUBLINGS)
				WRITE_ONCE(pool->reports, pool->reports + 1);
		}
		moved = READ_ONCE(cmwq_watchdog_evacuate) ?
			cmwq_evacuate(pool) : 0;
		if (moved)
			pr_warn_ratelimited("pool %d: %u items go to other CPUs\n",
					    pool->id, moved);
	}
}

static void forget(void)
{
	struct cmwq_pool *pool;

	cmwq_for_each_pool(pool) {
		pool->had_work = false;
		WRITE_ONCE(pool->reports, 0);
	}
}

/* The thread does not wake up where it is. */
static void take_away(struct work_struct *work)
{
	struct task_struct *task = READ_ONCE(watchdog);
	cpumask_var_t cpus;

	if (!task || !alloc_cpumask_var(&cpus, GFP_KERNEL))
		return;
	cmwq_own_threads_cpus(cpus);
	cpumask_clear_cpu(task_cpu(task), cpus);
	set_cpus_allowed_ptr(task, cpus);
	wake_up_process(task);
	free_cpumask_var(cpus);
}

static DECLARE_WORK(rescue, take_away);

static void rescue_timer_fn(struct timer_list *t)
{
	queue_work_on(raw_smp_processor_id(), system_highpri_wq, &rescue);
}

static DEFINE_TIMER(rescue_timer, rescue_timer_fn);

/* On another CPU, in case the thread is not awake in time. */
static void arm_rescue(unsigned long period)
{
	int here = raw_smp_processor_id(), cpu;

	for_each_online_cpu(cpu) {
		if (cpu == here || cmwq_cpu_isolated(cpu))
			continue;
		rescue_timer.expires = jiffies + period + RESCUE_AFTER;
		add_timer_on(&rescue_timer, cpu);
		return;
	}
}

/* Return: how many jiffies too long it took. */
static unsigned long sleep_until_next(unsigned int thresh)
{
	unsigned long begun = jiffies, period = thresh * HZ / LOOKS;
	ktime_t time = ms_to_ktime(jiffies_to_msecs(period));

	if (thresh)
		arm_rescue(period);
	set_current_state(TASK_IDLE);
	if (READ_ONCE(cmwq_watchdog_thresh) != thresh || kthread_should_stop())
		__set_current_state(TASK_RUNNING);
	else if (thresh)
		schedule_hrtimeout(&time, HRTIMER_MODE_REL);
	else
		schedule();
	timer_delete_sync(&rescue_timer);
	return time_after(jiffies, begun + period) ?
	       jiffies - begun - period : 0;
}

static int watchdog_fn(void *unused)
{
	unsigned long overslept = 0;

	while (!kthread_should_stop()) {
		unsigned int thresh = READ_ONCE(cmwq_watchdog_thresh);

		if (thresh)
			look(thresh * HZ, overslept);
		else
			forget();
		overslept = sleep_until_next(thresh);
	}
	return 0;
}

/**
 * cmwq_watchdog_set_thresh - say when a pool is stuck
 * @thresh: s; 0: never
 */
void cmwq_watchdog_set_thresh(unsigned int thresh)
{
	mutex_lock(&cmwq_attrs_mutex);
	WRITE_ONCE(cmwq_watchdog_thresh, thresh);
	if (watchdog)
		wake_up_process(watchdog);
	mutex_unlock(&cmwq_attrs_mutex);
}

/**
 * cmwq_watchdog_place - say where the watchdog may run
 * @cpus: the CPUs
 *
 * Context: cmwq_attrs_mutex is held.
 */
void cmwq_watchdog_place(const struct cpumask *cpus)
{
	if (!watchdog)
		return;
	set_cpus_allowed_ptr(watchdog, cpus);
	wake_up_process(watchdog);	/* the first time: start */
}

int cmwq_watchdog_init(void)
{
	struct task_struct *task = cmwq_own_thread(watchdog_fn, "watchdog");

	if (IS_ERR(task))
		return PTR_ERR(task);
	get_task_struct(task);		/* for take_away() */
	sched_set_fifo_low(task);
	holder.csd.func = answer;
	init_completion(&holder.answered);
	mutex_lock(&cmwq_attrs_mutex);
	watchdog = task;
	cmwq_own_threads_place();
	mutex_unlock(&cmwq_attrs_mutex);
	return 0;
}

void cmwq_watchdog_exit(void)
{
	struct task_struct *task = watchdog;

	mutex_lock(&cmwq_attrs_mutex);
	watchdog = NULL;
	mutex_unlock(&cmwq_attrs_mutex);
	kthread_stop(task);
	cancel_work_sync(&rescue);
	put_task_struct(task);
	while (!answer_came(HZ))				/* W6 */
		;
}
