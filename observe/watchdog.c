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
 * It is a real-time thread, and it allocates nothing and waits for nobody.  It is bound
 * to one CPU: if it were not, the scheduler would send it where no real-time task runs,
 * and be it to a CPU that is held with interrupts or preemption off, by a normal one.
 * If its own CPU is held, or waits for the held one to take an interrupt, or is a
 * real-time task's, then items of the kernel's own workqueue on other CPUs, one after
 * the other until one of them runs, bring it to theirs.  Timers on the next two CPUs
 * see to that, in case that one of these is held, too.  It says nothing while all
 * three take no timers: with PREEMPT_RT a real-time task is enough for that.
 * To learn who has a pool's CPU it interrupts that; a CPU that does not answer
 * has its interrupts off.
 *
 * W6: the question against the end of the module.  The answer may come late: its
 *    memory is static, exit waits for the completion, and the grace period at
 *    the end of cmwq_hooks_exit() for the rest of the handler.
 *
 * W7: an item that brings it to its CPU against an exclusion of that CPU.  The mask
 *    of excluded CPUs changes first, then the watchdog is bound elsewhere; the item
 *    binds it, and then looks at that mask.  Whichever binds last has seen it.
 *
 * W8: a new threshold against the thread that goes to sleep, without a timer if it is 0.
 *	who sets it			the thread
 *	1. the threshold [mb]		1. says when it is overdue
 *	2. it is overdue now		2. will sleep [mb of set_current_state()]
 *	3. items that bring it		3. looks at the threshold
 *    Either it sees the new one, or it is overdue when the items run.
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
#define LOOK_TIME	(2 * HZ)	/* should do for all pools */
#define RESCUE_AFTER	(HZ / 2)	/* it should have been heard of */
#define SHOWN		8		/* items by name, each kind */
#define FRAMES		32

/* T, or the rescue to read: so that nobody wakes a thread that has ended. */
static struct task_struct *watchdog;

/* To another CPU if it does not get its own */

static struct rescue {
	struct timer_list timer;	/* K: arming and disarming */
	int cpu;			/* the next to try: the timer's if armed, else K */
} rescues[2];
static DEFINE_PER_CPU(struct work_struct, rescue_work);
static struct cpumask own_cpus;		/* K: where it may be; the timers read it */
static unsigned long overdue;		/* K T: when it should have been heard of */

static void bring_to(struct task_struct *task, int cpu)
{
	set_cpus_allowed_ptr(task, cpumask_of(cpu));
	wake_up_process(task);
}

/* Return: a CPU for the watchdog, @here if it may be there, or nowhere. */
static int place_near(int here)
{
	int cpu;

	if (cpu_active(here) && !cmwq_cpu_isolated(here))
		return here;
	for_each_cpu(cpu, cpu_active_mask)
		if (!cmwq_cpu_isolated(cpu))
			return cpu;
	return cpu_active(here) ? here : (int)cpumask_first(cpu_active_mask);
}

static void bring_near(struct task_struct *task, int here)
{
	int cpu;

	do {
		cpu = place_near(here);
		bring_to(task, cpu);
		smp_mb();		/* W7: bound, then look again */
	} while (place_near(here) != cpu);
}

static void bring_here(struct work_struct *work)
{
	struct task_struct *task = READ_ONCE(watchdog);

	/* Unless this CPU was held itself, and is late. */
	if (task && time_after_eq(jiffies, READ_ONCE(overdue)))
		bring_near(task, raw_smp_processor_id());
}

/* Return: nr_cpu_ids or more if there is none. */
static int next_cpu(int cpu)
{
	cpu = cpumask_next_and(cpu, &own_cpus, cpu_active_mask);
	return cpu < nr_cpu_ids ? cpu :
	       cpumask_next_and(-1, &own_cpus, cpu_active_mask);
}

static void rescue_timer_fn(struct timer_list *t)
{
	struct rescue *r = container_of(t, struct rescue, timer);

	queue_work_on(r->cpu, system_highpri_wq,
		      per_cpu_ptr(&rescue_work, r->cpu));
	r->cpu = next_cpu(r->cpu);
	if (r->cpu < nr_cpu_ids)
		mod_timer(t, jiffies + RESCUE_AFTER);
}

static void expect_nothing(void)
{
	struct rescue *r;

	for (r = rescues; r < rescues + ARRAY_SIZE(rescues); r++)
		timer_delete_sync(&r->timer);
	WRITE_ONCE(overdue, jiffies + LONG_MAX / 2);
}

/* The thread will be heard of within @time, or does not get its CPU. */
static void expect_within(unsigned long time)
{
	unsigned long latest = jiffies + time + RESCUE_AFTER;
	int here, cpu;
	struct rescue *r;

	/* Whose CPU goes down, or is in a cpuset that is changed, is bound no more. */
	if (current->nr_cpus_allowed > 1)
		bring_near(current, raw_smp_processor_id());
	expect_nothing();
	cmwq_own_threads_cpus(&own_cpus);
	if (!cpumask_intersects(&own_cpus, cpu_active_mask))
		cpumask_copy(&own_cpus, cpu_possible_mask);
	WRITE_ONCE(overdue, latest);
	here = raw_smp_processor_id();
	cpu = here;
	for (r = rescues; r < rescues + ARRAY_SIZE(rescues); r++) {
		cpu = next_cpu(cpu);
		if (cpu == here || cpu >= nr_cpu_ids)
			return;
		r->cpu = cpu;
		r->timer.expires = latest;
		add_timer_on(&r->timer, cpu);
	}
}

static void rescues_init(void)
{
	struct rescue *r;
	int cpu;

	for_each_possible_cpu(cpu)
		INIT_WORK(per_cpu_ptr(&rescue_work, cpu), bring_here);
	for (r = rescues; r < rescues + ARRAY_SIZE(rescues); r++)
		timer_setup(&r->timer, rescue_timer_fn, 0);
}

/* The thread has ended, the timers with it. */
static void rescues_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cancel_work_sync(per_cpu_ptr(&rescue_work, cpu));
}

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

/*
 * It looks again and again, and nobody wakes it from another CPU: that would leave it
 * on its way if its own one were held, and nobody could send it elsewhere.
 * Return: false if there is none yet.
 */
static bool answer_came(unsigned long timeout)
{
	unsigned long end = jiffies + timeout;
	ktime_t nap = ms_to_ktime(10);

	while (holder.asked && !try_wait_for_completion(&holder.answered)) {
		if (time_after_eq(jiffies, end))
			return false;
		set_current_state(TASK_IDLE);
		schedule_hrtimeout(&nap, HRTIMER_MODE_REL_PINNED);
	}
	holder.asked = false;
	return true;
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
	bool here, up, came;

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
	if (here) {
		pr_warn("  CPU %d is free: it runs the watchdog\n", cpu);
		return;
	}
	expect_within(ANSWER_TIME);
	came = answer_came(ANSWER_TIME);
	expect_within(LOOK_TIME);
	if (came)
		print_holder();
	else
		pr_warn("  CPU %d takes no interrupts: somebody has them off\n",
			cpu);
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

/* Return: how many jiffies too long it took. */
static unsigned long sleep_until_next(unsigned int thresh)
{
	unsigned long begun = jiffies, period = thresh * HZ / LOOKS;
	ktime_t time = ms_to_ktime(jiffies_to_msecs(period));

	if (thresh)
		expect_within(period);
	else
		expect_nothing();
	set_current_state(TASK_IDLE);			/* W8 */
	if (READ_ONCE(cmwq_watchdog_thresh) != thresh || kthread_should_stop())
		__set_current_state(TASK_RUNNING);
	else if (thresh)
		schedule_hrtimeout(&time, HRTIMER_MODE_REL_PINNED);
	else
		schedule();
	expect_within(LOOK_TIME);
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
	expect_nothing();
	return 0;
}

/**
 * cmwq_watchdog_set_thresh - say when a pool is stuck
 * @thresh: s; 0: never
 */
void cmwq_watchdog_set_thresh(unsigned int thresh)
{
	int cpu;

	mutex_lock(&cmwq_attrs_mutex);
	WRITE_ONCE(cmwq_watchdog_thresh, thresh);
	if (watchdog) {
		smp_mb();	/* W8: pairs with set_current_state() */
		WRITE_ONCE(overdue, jiffies);
		/* Its CPU may be held, or any other, and no timer be armed. */
		for_each_cpu(cpu, cpu_active_mask)
			if (place_near(cpu) == cpu)
				queue_work_on(cpu, system_highpri_wq,
					      per_cpu_ptr(&rescue_work, cpu));
	}
	mutex_unlock(&cmwq_attrs_mutex);
}

/**
 * cmwq_watchdog_place - bring the watchdog to where it may run
 *
 * Context: cmwq_attrs_mutex is held.
 */
void cmwq_watchdog_place(void)
{
	if (watchdog)		/* the first time: start */
		bring_to(watchdog, place_near(raw_smp_processor_id()));
}

int cmwq_watchdog_init(void)
{
	struct task_struct *task = cmwq_own_thread(watchdog_fn, "watchdog");

	if (IS_ERR(task))
		return PTR_ERR(task);
	rescues_init();
	get_task_struct(task);		/* for bring_here() */
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
	rescues_exit();
	put_task_struct(task);
	while (!answer_came(HZ))				/* W6 */
		;
}
