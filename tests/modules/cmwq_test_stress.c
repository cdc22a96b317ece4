// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stress: many producers, many kinds of items, many kinds of queues, and the
 * books must balance.
 *
 * Loading the module starts the run.  When the parameter "done" reads 1,
 * "result" tells how it went ("pass", "fail: ...") and "report" the figures.  Unloading it stops
 * a run in progress and leaves nothing queued.
 *
 * A fixed set of items ("slots") is shared by all producers: threads, hrtimers
 * (hardirq), timers (softirq) and the items themselves, which queue each other
 * and requeue themselves.  Each slot belongs to one queue for life.  Whoever
 * wants to queue something draws a ticket first, and the conductor deals the
 * tickets out in rounds: a round is over when every ticket is spent and every
 * queued item has run.  Between rounds nothing is queued, so an item that was
 * left behind by a lost wakeup stays behind, and the conductor notices.
 *
 * Checked, per slot and in total: calls that said they queued == executions +
 * cancellations that said they took the item off.  In the items themselves:
 * never two executions of one slot at once, never more items of one queue than
 * its max_active, one CPU for the whole of an item on a per-CPU queue.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/timer.h>
#include <linux/wait.h>

#include "engine.h"

#ifndef in_hardirq	/* 5.11 */
#define in_hardirq()	in_irq()
#endif

#ifndef TEST_HAVE_HRTIMER_SETUP	/* 6.13 */
static void hrtimer_setup(struct hrtimer *timer,
			  enum hrtimer_restart (*fn)(struct hrtimer *),
			  clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

static int items = 100000;
module_param(items, int, 0444);
MODULE_PARM_DESC(items, "how many queueings in all");

static int producers = 4;
module_param(producers, int, 0444);
MODULE_PARM_DESC(producers, "producer threads (every other one on one CPU)");

static int hardirq = 2;
module_param(hardirq, int, 0444);
MODULE_PARM_DESC(hardirq, "producing hrtimers");

static int softirq = 2;
module_param(softirq, int, 0444);
MODULE_PARM_DESC(softirq, "producing timers");

static uint seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "seed of the random choices");

static int round_max = 1024;
module_param(round_max, int, 0444);
MODULE_PARM_DESC(round_max, "longest round, in queueings");

static int outstanding = 192;
module_param(outstanding, int, 0444);
MODULE_PARM_DESC(outstanding, "threads pause above this many queued items");

static int slots_per_queue = 24;
module_param(slots_per_queue, int, 0444);
MODULE_PARM_DESC(slots_per_queue, "items per queue");

static uint queues = 0xfff;
module_param(queues, uint, 0444);
MODULE_PARM_DESC(queues, "mask of the queue kinds to use");

static int stall = 10;
module_param(stall, int, 0444);
MODULE_PARM_DESC(stall, "seconds without progress that are a failure");

static int limit = 900;
module_param(limit, int, 0444);
MODULE_PARM_DESC(limit, "seconds for the whole run");

static int cancels = 10;
module_param(cancels, int, 0444);
MODULE_PARM_DESC(cancels, "cancellations per thousand queueings");

/* What an item does, and how many in a hundred do it. */
enum deed {
	DEED_NOTHING,
	DEED_BURN,
	DEED_SLEEP,
	DEED_MUTEX,
	DEED_YIELD,
	DEED_REQUEUE,
	NR_DEEDS
};

static int mix[NR_DEEDS] = { 26, 20, 16, 12, 12, 14 };
module_param_array(mix, int, NULL, 0444);
MODULE_PARM_DESC(mix, "shares of nothing,burn,sleep,mutex,yield,requeue");

static int done;
module_param(done, int, 0444);
MODULE_PARM_DESC(done, "1 when the run is over (read only)");

static char result[256] = "running";
module_param_string(result, result, sizeof(result), 0444);
MODULE_PARM_DESC(result, "running, pass, or fail: reason (read only)");

static char report[256] = "-";
module_param_string(report, report, sizeof(report), 0444);
MODULE_PARM_DESC(report, "figures of the run (read only)");

#define NR_TIMERS_MAX	16

struct stress_queue {
	const char *name;
	unsigned int flags;
	int max_active;		/* 0: the default */
	bool ordered;
	struct e_wq *wq;
	atomic_t *running;	/* per CPU; [0] alone for an unbound queue */
};

static struct stress_queue stress_queues[] = {
	{ "percpu",	    E_PERCPU,				    0 },
	{ "percpu-1",	    E_PERCPU,				    1 },
	{ "percpu-3",	    E_PERCPU,				    3 },
	{ "highpri",	    E_PERCPU | E_HIGHPRI,		    0 },
	{ "highpri-2",	    E_PERCPU | E_HIGHPRI,		    2 },
	{ "intensive",	    E_PERCPU | E_CPU_INTENSIVE,		    0 },
	{ "intensive-hi-4", E_PERCPU | E_CPU_INTENSIVE | E_HIGHPRI, 4 },
	{ "unbound",	    E_UNBOUND,				    0 },
	{ "unbound-2",	    E_UNBOUND,				    2 },
	{ "ordered",	    0,					    1, true },
	{ "ordered-hi",	    E_HIGHPRI,				    1, true },
	{ "reclaim",	    E_PERCPU | E_MEM_RECLAIM,		    0 },
};

struct slot {
	struct e_delayed_work dw;
	struct stress_queue *q;
	bool delayed;
	u32 rnd;		/* its own: executions never overlap */
	atomic_t running;
	atomic_t queued;
	atomic_t executed;
	atomic_t cancelled;
};

struct producer {
	u32 rnd;
	int cpu;
	bool armed;
	struct task_struct *task;
	struct hrtimer hrtimer;
	struct timer_list timer;
};

static struct slot *slots;
static int nr_slots;
static struct producer *threads;
static struct producer hrtimers[NR_TIMERS_MAX], timers[NR_TIMERS_MAX];
static struct task_struct *conductor;

/* Tickets of this round, and who is between drawing one and using it. */
static atomic_t tickets = ATOMIC_INIT(0);
static atomic_t drawing = ATOMIC_INIT(0);
static bool stopping;

static atomic_t queued = ATOMIC_INIT(0);
static atomic_t executed = ATOMIC_INIT(0);
static atomic_t cancelled = ATOMIC_INIT(0);
static atomic_t refused = ATOMIC_INIT(0);
static atomic_t requeued = ATOMIC_INIT(0);
static atomic_t from_hardirq = ATOMIC_INIT(0);
static atomic_t from_softirq = ATOMIC_INIT(0);
static atomic_t deeds[NR_DEEDS];

static DECLARE_WAIT_QUEUE_HEAD(round_start);	/* producer threads */
static DECLARE_WAIT_QUEUE_HEAD(round_end);	/* the conductor */
static DECLARE_WAIT_QUEUE_HEAD(event);		/* items */
static atomic_t events = ATOMIC_INIT(0);
static struct mutex mutexes[4];

/* The first thing that went wrong; later ones only reach the log. */
static DEFINE_SPINLOCK(result_lock);
static atomic_t failures = ATOMIC_INIT(0);

static __printf(1, 2) void fail(const char *fmt, ...)
{
	char text[200];
	unsigned long flags;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (atomic_inc_return(&failures) <= 20)
		pr_err("FAIL %s\n", text);
	spin_lock_irqsave(&result_lock, flags);
	if (strncmp(result, "fail", 4))
		snprintf(result, sizeof(result), "fail: %s", text);
	spin_unlock_irqrestore(&result_lock, flags);
}

static u32 rnd(u32 *state)
{
	u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

static u32 rnd_below(u32 *state, u32 n)
{
	return ((u64)rnd(state) * n) >> 32;
}

static void rnd_init(u32 *state, u32 who)
{
	*state = (seed + 1) * 2654435761U ^ (who + 1) * 40503U;
	if (!*state)
		*state = 1;
	rnd(state);
	rnd(state);
}

static int balance(void)
{
	/* Executions first: they never exceed what was queued before. */
	int gone = atomic_read_acquire(&executed) +
		   atomic_read_acquire(&cancelled);

	return atomic_read(&queued) - gone;
}

static bool round_over(void)
{
	int left = balance();

	return !left && !atomic_read(&drawing) && atomic_read(&tickets) <= 0;
}

/* Not from hard interrupts, where RT forbids it: waiters look again anyway. */
static void wake_waiters(struct wait_queue_head *waiters)
{
	if (!in_hardirq())
		wake_up_all(waiters);
}

static void check_round_end(void)
{
	if (atomic_read(&tickets) <= 0 && round_over())
		wake_waiters(&round_end);
}

static int random_cpu(u32 *r)
{
	int cpu = rnd_below(r, 2 * nr_cpu_ids);

	/* Half of the time "wherever I am". */
	return cpu < nr_cpu_ids && cpu_online(cpu) ? cpu : E_CPU_UNBOUND;
}

/* Count a queueing before it can be executed; take it back if it was none. */
static bool queue_slot(struct slot *s, u32 *r)
{
	int cpu = random_cpu(r);
	bool taken;

	atomic_inc(&s->queued);
	atomic_inc(&queued);
	if (!s->delayed) {
		taken = e_queue_work_on(cpu, s->q->wq, &s->dw.work);
	} else {
		unsigned long delay = rnd_below(r, 4);

		/* mod_delayed tells whether it was pending: then no new one. */
		if (rnd(r) & 3)
			taken = e_queue_delayed_work_on(cpu, s->q->wq, &s->dw,
							delay);
		else
			taken = !e_mod_delayed_work_on(cpu, s->q->wq, &s->dw,
						       delay);
	}
	if (!taken) {
		atomic_dec(&s->queued);
		atomic_dec(&queued);
		atomic_inc(&refused);
	}
	return taken;
}

static void cancel_slot(struct slot *s)
{
	bool was_pending;

	if (s->delayed)
		was_pending = e_cancel_delayed_work(&s->dw);
	else
		was_pending = e_cancel_work(&s->dw.work);
	if (was_pending) {
		atomic_inc(&s->cancelled);
		atomic_inc(&cancelled);
	}
}

/* Draw a ticket and queue @s, or, if it is NULL, a random slot that is idle. */
static bool produce(struct slot *s, u32 *r)
{
	bool taken = false;
	int tries;

	atomic_inc_return(&drawing);
	if (!READ_ONCE(stopping) && atomic_dec_if_positive(&tickets) >= 0) {
		for (tries = s ? 1 : 6; tries && !taken; tries--)
			taken = queue_slot(s ?: &slots[rnd_below(r, nr_slots)],
					   r);
		if (!taken)
			atomic_inc(&tickets);
		else if (rnd_below(r, 1000) < cancels)
			cancel_slot(&slots[rnd_below(r, nr_slots)]);
		if (!(rnd(r) & 31)) {
			atomic_inc(&events);
			wake_waiters(&event);
		}
	}
	atomic_dec_return(&drawing);
	return taken;
}

/* Items */

static bool wait_for_event(unsigned int state, long timeout)
{
	int seen = atomic_read(&events);

	if (state == TASK_INTERRUPTIBLE)
		return wait_event_interruptible_timeout(event,
				atomic_read(&events) != seen, timeout) > 0;
	return wait_event_timeout(event, atomic_read(&events) != seen,
				  timeout) > 0;
}

static void item_sleep(u32 *r)
{
	switch (rnd_below(r, 8)) {
	case 0:
		schedule_timeout_uninterruptible(1);
		break;
	case 1:
		wait_for_event(TASK_INTERRUPTIBLE, 2);
		break;
	case 2:
		wait_for_event(TASK_UNINTERRUPTIBLE, 2);
		break;
	default:
		usleep_range(20, 20 + rnd_below(r, 300));
	}
}

static void item_burn(u32 *r)
{
	udelay(1 + rnd_below(r, 20));
}

static void item_mutex(u32 *r)
{
	struct mutex *m = &mutexes[rnd_below(r, ARRAY_SIZE(mutexes))];

	mutex_lock(m);
	switch (rnd_below(r, 4)) {
	case 0:
		usleep_range(20, 100);
		break;
	case 1:
		item_burn(r);
		break;
	}
	mutex_unlock(m);
}

static void item_yield(u32 *r)
{
	switch (rnd_below(r, 4)) {
	case 0:
		cond_resched();
		break;
	case 1:
		schedule();
		break;
	case 2:
		/* About to sleep, perhaps preempted, then not sleeping. */
		set_current_state(TASK_UNINTERRUPTIBLE);
		item_burn(r);
		__set_current_state(TASK_RUNNING);
		break;
	default:
		/* The same, through the scheduler: woken before it slept. */
		set_current_state(TASK_INTERRUPTIBLE);
		wake_up_process(current);
		schedule();
		__set_current_state(TASK_RUNNING);
	}
}

static enum deed pick_deed(u32 *r)
{
	int n = rnd_below(r, 100);
	enum deed d;

	for (d = DEED_NOTHING; d < NR_DEEDS - 1; d++) {
		n -= mix[d];
		if (n < 0)
			break;
	}
	return d;
}

static void item_fn(struct e_work *work)
{
	struct slot *s = container_of(work, struct slot, dw.work);
	struct stress_queue *q = s->q;
	bool bound = !(q->flags & E_UNBOUND) && !q->ordered;
	int cpu = bound ? raw_smp_processor_id() : 0;
	enum deed deed;
	int n;

	n = atomic_inc_return(&s->running);
	if (n != 1)
		fail("slot %d of %s runs %d times at once", (int)(s - slots),
		     q->name, n);
	n = atomic_inc_return(&q->running[cpu]);
	if (q->max_active && n > q->max_active &&
	    (ENGINE_HAS_GLOBAL_MAX_ACTIVE || !(q->flags & E_UNBOUND)))
		fail("queue %s runs %d items at once, max_active %d", q->name,
		     n, q->max_active);

	deed = pick_deed(&s->rnd);
	atomic_inc(&deeds[deed]);
	switch (deed) {
	case DEED_NOTHING:
	case NR_DEEDS:
		break;
	case DEED_BURN:
		item_burn(&s->rnd);
		break;
	case DEED_SLEEP:
		item_sleep(&s->rnd);
		break;
	case DEED_MUTEX:
		item_mutex(&s->rnd);
		break;
	case DEED_YIELD:
		item_yield(&s->rnd);
		break;
	case DEED_REQUEUE:
		/* Itself, perhaps on another CPU, or somebody else. */
		if (rnd(&s->rnd) & 1)
			n = produce(s, &s->rnd);
		else
			n = produce(NULL, &s->rnd);
		atomic_add(n, &requeued);
		break;
	}

	if (bound && cpu != raw_smp_processor_id())
		fail("an item of %s moved from CPU %d to %d", q->name, cpu,
		     raw_smp_processor_id());
	atomic_dec(&q->running[cpu]);
	atomic_dec(&s->running);
	atomic_inc(&s->executed);
	atomic_inc_return(&executed);

	/* Ordered by the line above; producers also look every HZ / 4. */
	if (waitqueue_active(&round_start) && balance() < outstanding / 2)
		wake_up(&round_start);
	check_round_end();
}

/* Producers */

static bool may_produce(void)
{
	return kthread_should_stop() ||
	       (atomic_read(&tickets) > 0 && balance() < outstanding);
}

static int producer_thread(void *data)
{
	struct producer *p = data;
	int idle = 0;

	while (!kthread_should_stop()) {
		wait_event_interruptible_timeout(round_start,
						 may_produce(), HZ / 4);
		if (produce(NULL, &p->rnd)) {
			idle = 0;
		} else if (++idle > 4) {
			check_round_end();
			usleep_range(50, 200);
		}
		if (!(rnd(&p->rnd) & 255))
			usleep_range(10, 100);
		cond_resched();
	}
	return 0;
}

static ktime_t hrtimer_pause(struct producer *p)
{
	return ns_to_ktime(300 * 1000 + rnd_below(&p->rnd, 2000 * 1000));
}

static enum hrtimer_restart producer_hrtimer(struct hrtimer *t)
{
	struct producer *p = container_of(t, struct producer, hrtimer);
	int n;

	if (READ_ONCE(stopping))
		return HRTIMER_NORESTART;
	if (balance() < 2 * outstanding)
		for (n = rnd_below(&p->rnd, 4); n; n--)
			if (produce(NULL, &p->rnd))
				atomic_inc(&from_hardirq);
	check_round_end();
	hrtimer_forward_now(t, hrtimer_pause(p));
	return HRTIMER_RESTART;
}

static void producer_timer(struct timer_list *t)
{
	struct producer *p = container_of(t, struct producer, timer);
	int n;

	if (READ_ONCE(stopping))
		return;
	if (balance() < 2 * outstanding)
		for (n = rnd_below(&p->rnd, 12); n; n--)
			if (produce(NULL, &p->rnd))
				atomic_inc(&from_softirq);
	check_round_end();
	p->timer.expires = jiffies + 1;
	add_timer_on(&p->timer, p->cpu);
}

static void start_hrtimer(void *data)
{
	struct producer *p = data;

	hrtimer_setup(&p->hrtimer, producer_hrtimer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&p->hrtimer, hrtimer_pause(p),
		      HRTIMER_MODE_REL_PINNED_HARD);
	p->armed = true;
}

static int nth_online_cpu(int n)
{
	int cpu;

	n %= num_online_cpus();
	for_each_online_cpu(cpu)
		if (!n--)
			return cpu;
	return cpumask_first(cpu_online_mask);
}

static void stop_producers(void)
{
	int i;

	WRITE_ONCE(stopping, true);
	atomic_set(&tickets, 0);
	for (i = 0; i < producers; i++) {
		if (threads[i].task)
			kthread_stop(threads[i].task);
		threads[i].task = NULL;
	}
	for (i = 0; i < hardirq; i++)
		if (hrtimers[i].armed)
			hrtimer_cancel(&hrtimers[i].hrtimer);
	/* A timer that runs now may arm itself once more: look twice. */
	for (i = 0; i < softirq; i++)
		if (timers[i].armed) {
			timer_delete_sync(&timers[i].timer);
			timer_delete_sync(&timers[i].timer);
		}
}

static int start_producers(void)
{
	struct producer *p;
	int i;

	for (i = 0; i < producers; i++) {
		p = &threads[i];
		rnd_init(&p->rnd, i);
		p->cpu = nth_online_cpu(i);
		p->task = kthread_create(producer_thread, p, "stress/%d", i);
		if (IS_ERR(p->task)) {
			int err = PTR_ERR(p->task);

			p->task = NULL;
			return err;
		}
		if (i & 1)
			set_cpus_allowed_ptr(p->task, cpumask_of(p->cpu));
		wake_up_process(p->task);
	}
	for (i = 0; i < hardirq; i++) {
		p = &hrtimers[i];
		rnd_init(&p->rnd, 100 + i);
		p->cpu = nth_online_cpu(i + 1);
		smp_call_function_single(p->cpu, start_hrtimer, p, 1);
	}
	for (i = 0; i < softirq; i++) {
		p = &timers[i];
		rnd_init(&p->rnd, 200 + i);
		p->cpu = nth_online_cpu(i + 2);
		timer_setup(&p->timer, producer_timer, 0);
		p->timer.expires = jiffies + 1;
		p->armed = true;
		add_timer_on(&p->timer, p->cpu);
	}
	return 0;
}

/* The conductor */

static int left_behind(struct slot *s)
{
	return atomic_read(&s->queued) - atomic_read(&s->executed) -
	       atomic_read(&s->cancelled);
}

static void print_state(void)
{
	int i, shown = 0;

	pr_err("state: queued %d executed %d cancelled %d tickets %d drawing %d\n",
	       atomic_read(&queued), atomic_read(&executed),
	       atomic_read(&cancelled), atomic_read(&tickets),
	       atomic_read(&drawing));
	for (i = 0; i < nr_slots && shown < 12; i++) {
		struct slot *s = &slots[i];

		if (!left_behind(s))
			continue;
		shown++;
		pr_err("state: slot %d of %s%s: queued %d executed %d cancelled %d, %s%s\n",
		       i, s->q->name, s->delayed ? " (delayed)" : "",
		       atomic_read(&s->queued), atomic_read(&s->executed),
		       atomic_read(&s->cancelled),
		       e_work_pending(&s->dw.work) ? "pending" : "not pending",
		       atomic_read(&s->running) ? ", running" : "");
	}
}

/* Unloading ends a round early, but not the wait for the last items. */
static bool told_to_stop(bool final)
{
	return !final && kthread_should_stop();
}

static bool stalled;			/* the conductor's */

/*
 * Wait for the end of the round.  A stall is @stall seconds, and at least 20
 * looks of ours, in which nothing was queued or executed although there is
 * something to do: a machine that was stopped for a while is no stall.
 */
static bool wait_for_round_end(unsigned long deadline, bool final)
{
	unsigned long since = jiffies;
	int last = -1, looks = 0, now;

	for (;;) {
		wait_event_interruptible_timeout(round_end,
						 round_over() ||
						 told_to_stop(final), HZ / 10);
		if (round_over() || told_to_stop(final))
			return true;
		now = atomic_read(&executed) + atomic_read(&queued) +
		      atomic_read(&cancelled);
		if (now != last) {
			last = now;
			since = jiffies;
			looks = 0;
		} else if (++looks > 20 &&
			   time_after(jiffies, since + stall * HZ)) {
			stalled = true;
			fail("stall: no progress for %d s, %d queued, %d outstanding",
			     stall, atomic_read(&queued), balance());
			return false;
		}
		if (time_after(jiffies, deadline)) {
			fail("took longer than %d s: %d of %d queued, %d outstanding",
			     limit, atomic_read(&queued), items, balance());
			return false;
		}
	}
}

/*
 * Queue a fresh item for each queue and CPU.  A stall that this ends was a
 * wakeup lost; one that stays was something else.
 */
static void nudge_fn(struct e_work *work)
{
}

static bool nudge(void)
{
	int nr = ARRAY_SIZE(stress_queues) * nr_cpu_ids, i, cpu;
	struct e_work *works = kcalloc(nr, sizeof(*works), GFP_KERNEL);
	unsigned long until = jiffies + stall * HZ;
	bool idle;

	if (!works)
		return false;
	for (i = 0; i < nr; i++)
		E_INIT_WORK(&works[i], nudge_fn);
	for_each_online_cpu(cpu)
		for (i = 0; i < ARRAY_SIZE(stress_queues); i++)
			if (stress_queues[i].wq)
				e_queue_work_on(cpu, stress_queues[i].wq,
						&works[i * nr_cpu_ids + cpu]);
	do {
		msleep(50);
		idle = !balance();
		for (i = 0; i < nr; i++)
			if (e_work_busy(&works[i]))
				idle = false;
	} while (!idle && time_before(jiffies, until));
	if (idle)
		kfree(works);	/* else they are still in somebody's list */
	return idle;
}

static void check_books(void)
{
	int i;

	if (balance())
		fail("queued %d, executed %d, cancelled %d",
		     atomic_read(&queued), atomic_read(&executed),
		     atomic_read(&cancelled));
	for (i = 0; i < nr_slots; i++)
		if (left_behind(&slots[i]))
			fail("slot %d of %s: queued %d, executed %d, cancelled %d",
			     i, slots[i].q->name,
			     atomic_read(&slots[i].queued),
			     atomic_read(&slots[i].executed),
			     atomic_read(&slots[i].cancelled));
	for (i = 0; i < NR_DEEDS; i++)
		if (mix[i] >= 5 && items >= 10000 && !atomic_read(&deeds[i]) &&
		    atomic_read(&queued) >= items)
			fail("deed %d was never done", i);
}

static int conduct(void *unused)
{
	unsigned long deadline = jiffies + limit * HZ;
	ktime_t start = ktime_get();
	int rounds = 0, err, left;
	bool idle = true;
	u32 r;

	rnd_init(&r, 300);
	err = start_producers();
	if (err)
		fail("cannot start producers: %d", err);

	while (!err && !kthread_should_stop()) {
		/* Lengths from 8 up, short ones as often as long ones. */
		int len = 8 << rnd_below(&r, 10);

		left = items - atomic_read(&queued);
		if (left <= 0)
			break;
		len = min3(len, round_max, left);
		rounds++;
		atomic_set(&tickets, len);
		wake_up_all(&round_start);
		idle = wait_for_round_end(deadline, false);
		if (!idle)
			break;
		cond_resched();
	}
	if (!idle)
		print_state();
	stop_producers();
	if (!stalled)
		idle = wait_for_round_end(jiffies + limit * HZ, true);
	if (!idle) {
		idle = nudge();
		pr_err("after a nudge: %s\n", idle ?
		       "the rest ran, so a wakeup was lost" : "still stuck");
		if (!idle)
			print_state();
	}
	if (idle)
		check_books();

	snprintf(report, sizeof(report),
		 "queued=%d executed=%d cancelled=%d refused=%d requeued=%d hardirq=%d softirq=%d rounds=%d ms=%lld",
		 atomic_read(&queued), atomic_read(&executed),
		 atomic_read(&cancelled), atomic_read(&refused),
		 atomic_read(&requeued), atomic_read(&from_hardirq),
		 atomic_read(&from_softirq), rounds,
		 ktime_ms_delta(ktime_get(), start));
	pr_info("%s\n", report);
	if (!atomic_read(&failures))
		strscpy(result, "pass", sizeof(result));
	pr_info("%s\n", result);
	/* After the two texts. */
	smp_store_release(&done, 1);

	/* Stay until the module goes: kthread_stop() wants us alive. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 4);
	return 0;
}

/* Set up and tear down */

static void destroy_queues(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(stress_queues); i++) {
		struct stress_queue *q = &stress_queues[i];

		if (q->wq)
			e_destroy_workqueue(q->wq);
		q->wq = NULL;
		kfree(q->running);
		q->running = NULL;
	}
}

static int create_queues(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(stress_queues); i++) {
		struct stress_queue *q = &stress_queues[i];

		if (!(queues & BIT(i)))
			continue;
		q->running = kcalloc(nr_cpu_ids, sizeof(*q->running),
				     GFP_KERNEL);
		if (!q->running)
			return -ENOMEM;
		if (q->ordered)
			q->wq = e_alloc_ordered_workqueue("stress-%s", q->flags,
							  q->name);
		else
			q->wq = e_alloc_workqueue("stress-%s", q->flags,
						  q->max_active, q->name);
		if (!q->wq)
			return -ENOMEM;
	}
	return 0;
}

static int create_slots(void)
{
	int i, j;

	slots = kvcalloc(ARRAY_SIZE(stress_queues) * slots_per_queue,
			 sizeof(*slots), GFP_KERNEL);
	if (!slots)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(stress_queues); i++) {
		if (!stress_queues[i].wq)
			continue;
		for (j = 0; j < slots_per_queue; j++) {
			struct slot *s = &slots[nr_slots];

			s->q = &stress_queues[i];
			s->delayed = j % 4 == 3;
			rnd_init(&s->rnd, 1000 + nr_slots);
			E_INIT_DELAYED_WORK(&s->dw, item_fn);
			nr_slots++;
		}
	}
	return 0;
}

static int __init stress_init(void)
{
	int err, i;

	if (items < 1 || producers < 0 || producers > 64 || hardirq < 0 ||
	    hardirq > NR_TIMERS_MAX || softirq < 0 ||
	    softirq > NR_TIMERS_MAX || producers + hardirq + softirq < 1 ||
	    round_max < 1 || outstanding < 2 || slots_per_queue < 1 ||
	    stall < 1 || limit < 1 ||
	    !(queues & (BIT(ARRAY_SIZE(stress_queues)) - 1))) {
		pr_err("a parameter is out of range\n");
		return -EINVAL;
	}
	/* What a caller of insmod wrote there is none of our results. */
	done = 0;
	strscpy(result, "running", sizeof(result));
	strscpy(report, "-", sizeof(report));
	for (i = 0; i < ARRAY_SIZE(mutexes); i++)
		mutex_init(&mutexes[i]);

	threads = kcalloc(producers + 1, sizeof(*threads), GFP_KERNEL);
	if (!threads)
		return -ENOMEM;
	err = create_queues();
	if (err)
		goto out;
	err = create_slots();
	if (err)
		goto out;
	conductor = kthread_run(conduct, NULL, "stress/conduct");
	if (IS_ERR(conductor)) {
		err = PTR_ERR(conductor);
		goto out;
	}
	return 0;
out:
	destroy_queues();
	kvfree(slots);
	kfree(threads);
	return err;
}

static void __exit stress_exit(void)
{
	int i;

	kthread_stop(conductor);
	/* Only after a failure is there anything to cancel. */
	for (i = 0; i < nr_slots; i++)
		e_cancel_delayed_work_sync(&slots[i].dw);
	destroy_queues();
	kvfree(slots);
	kfree(threads);
}

module_init(stress_init);
module_exit(stress_exit);
MODULE_DESCRIPTION("Stress test of workqueues");
MODULE_LICENSE("GPL");
