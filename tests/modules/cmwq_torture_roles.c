// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_torture_roles.c - threads that use the queues
 *
 * Each makes a step, then pauses if the conductor wants all to.  Which type and
 * which item a step is about is drawn at random.
 */
#define pr_fmt(fmt) "cmwq_torture: " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "cmwq_torture.h"

static int nproducers = 4;
module_param(nproducers, int, 0444);
MODULE_PARM_DESC(nproducers, "threads that queue");

static int ninterrupts = 2;
module_param(ninterrupts, int, 0444);
MODULE_PARM_DESC(ninterrupts, "timers that queue and cancel in hard interrupts");

static int nflushers = 2;
module_param(nflushers, int, 0444);
MODULE_PARM_DESC(nflushers, "threads that flush items and queues");

static int ncancellers = 2;
module_param(ncancellers, int, 0444);
MODULE_PARM_DESC(ncancellers, "threads that cancel");

static int ndisablers = 2;
module_param(ndisablers, int, 0444);
MODULE_PARM_DESC(ndisablers, "threads that disable and enable");

static int ndestroyers = 2;
module_param(ndestroyers, int, 0444);
MODULE_PARM_DESC(ndestroyers, "threads that make and destroy queues");

static int nattrs = 1;
module_param(nattrs, int, 0444);
MODULE_PARM_DESC(nattrs, "threads that change attributes and max_active");

static bool shuffle = true;
module_param(shuffle, bool, 0444);
MODULE_PARM_DESC(shuffle, "move these threads from CPU to CPU");

#define NR_PRIVATE	8	/* items of a queue that is destroyed */

struct role {
	const char *name;
	void (*step)(struct torture *t, u32 *rnd);
	const int *n;
	unsigned int wants;	/* of the type: any of these traits, or 0 */
};

struct role_thread {
	const struct role *role;
	int nr;
	u32 rnd;
	const char *at;		/* the type of this step, NULL between steps */
	struct task_struct *task;
};

static struct role_thread *threads;
static int nr_threads;

static struct torture_item *any_item(struct torture *t, u32 *rnd)
{
	return &t->main->items[torture_below(rnd, t->main->nr_items)];
}

static bool can(struct torture *t, unsigned int trait)
{
	return t->type->traits & trait;
}

static void nap(u32 *rnd)
{
	usleep_range(20, 50 + torture_below(rnd, 400));
}

/* Roles */

static void produce(struct torture *t, u32 *rnd)
{
	int n = 1 + torture_below(rnd, 12);

	while (n--) {
		struct torture_item *it = any_item(t, rnd);

		if (torture_own(it)) {
			torture_queue(it, rnd);
			torture_disown(it);
		}
	}
}

static void flush(struct torture *t, u32 *rnd)
{
	struct torture_item *it = any_item(t, rnd);

	if (!torture_below(rnd, 4)) {
		torture_flush_queue(t->main);
		return;
	}
	if (torture_random(rnd) & 1 && torture_own(it)) {
		torture_queue(it, rnd);
		torture_disown(it);
	}
	torture_flush(it);
}

/*
 * The owner of an item cancels it and knows then that it is idle; he queues it
 * where it must run.
 */
static void cancel_exactly(struct torture_item *it, u32 *rnd)
{
	unsigned int traits = it->q->t->type->traits;

	if (!torture_own(it))
		return;
	if (torture_random(rnd) & 1)
		torture_queue(it, rnd);
	if (torture_random(rnd) & 1)
		nap(rnd);
	if (traits & TORTURE_CANCEL_SYNC)
		torture_cancel_sync(it);
	else
		torture_flush(it);	/* nobody else queues it */
	torture_is_idle(it, "cancel_sync");
	if (!torture_item_at_rest(it))
		torture_fail(it->q->t, it,
			     "after cancel_sync: queued %d times, ran %d times, cancelled %d times",
			     atomic_read(&it->queued), atomic_read(&it->ran),
			     atomic_read(&it->taken));
	if (torture_random(rnd) & 3)
		torture_queue_exactly(it, rnd);
	torture_disown(it);
}

static void cancel(struct torture *t, u32 *rnd)
{
	struct torture_item *it = any_item(t, rnd);

	if (it->class == TORTURE_OWNED) {
		cancel_exactly(it, rnd);
		return;
	}
	/* Those whose delay changes are not told whether they are pending. */
	if (can(t, TORTURE_CANCEL_SYNC) && !can(t, TORTURE_ORDERED) &&
	    it->class != TORTURE_MODIFIED && torture_random(rnd) & 1)
		torture_cancel_sync(it);
	else if (can(t, TORTURE_CANCEL))
		torture_cancel(it);
}

static void disable(struct torture *t, u32 *rnd)
{
	struct torture_item *it = any_item(t, rnd);
	int ran, n = 1;

	if (it->class == TORTURE_MODIFIED || !torture_own(it))
		return;
	if (can(t, TORTURE_ORDERED) || torture_random(rnd) & 1) {
		torture_disable(it);
		n++;
		if (torture_disable_sync(it))
			torture_fail(t, it, "was pending although disabled");
	} else {
		torture_disable_sync(it);
	}
	torture_is_idle(it, "disable_sync");
	ran = atomic_read(&it->ran);
	nap(rnd);
	if (it->class == TORTURE_OWNED)
		torture_queue(it, rnd);
	torture_is_idle(it, "disable_sync");
	if (atomic_read(&it->ran) != ran)
		torture_fail(t, it, "ran while it was disabled");
	while (n--)
		torture_enable(it);
	if (torture_random(rnd) & 1)
		torture_queue(it, rnd);
	torture_disown(it);
}

static void destroy(struct torture *t, u32 *rnd)
{
	struct torture_queue *q = torture_queue_new(t, NR_PRIVATE,
						    torture_random(rnd));
	int i, n;

	if (!q)
		return;		/* memory is short on purpose */
	for (n = torture_below(rnd, 3 * NR_PRIVATE); n; n--) {
		torture_queue(&q->items[torture_below(rnd, NR_PRIVATE)], rnd);
		if (!torture_below(rnd, 8))
			nap(rnd);
	}
	for (i = 0; i < NR_PRIVATE; i++) {
		/* Items run and may queue each other meanwhile. */
		switch (torture_below(rnd, 6)) {
		case 0:
			torture_flush(&q->items[i]);
			break;
		case 1:
			if (can(t, TORTURE_CANCEL))
				torture_cancel(&q->items[i]);
			break;
		}
	}
	/*
	 * What has a timer or a grace period before it is refused if that ends
	 * too late, so such items must be idle: once for those that run and
	 * have not seen that the queue closes, once for what they queued.
	 */
	if (can(t, TORTURE_DELAYED | TORTURE_RCU | TORTURE_NO_DRAIN)) {
		WRITE_ONCE(q->closing, true);
		for (i = 0; i < 2 * NR_PRIVATE; i++)
			torture_flush(&q->items[i % NR_PRIVATE]);
	}
	t->type->ops->close(q);
	torture_lost(q);
	torture_queue_free(q);
	atomic_inc(&t->stats.destroyed);
}

static void change(struct torture *t, u32 *rnd)
{
	if (t->type->ops->change(t->main, torture_random(rnd)))
		atomic_inc(&t->stats.not_changed);
	else
		atomic_inc(&t->stats.changed);
	usleep_range(500, 5000);
}

static const struct role roles[] = {
	{ "producer", produce, &nproducers },
	{ "flusher", flush, &nflushers },
	{ "canceller", cancel, &ncancellers },
	{ "disabler", disable, &ndisablers, TORTURE_DISABLE },
	{ "destroyer", destroy, &ndestroyers },
	{ "changer", change, &nattrs, TORTURE_ATTRS },
};

/* Interrupts */

struct interrupt {
	struct hrtimer timer;
	u32 rnd;
};

static struct interrupt *interrupts;
static int nr_interrupts;
static atomic_t in_interrupts = ATOMIC_INIT(0);

#ifndef TEST_HAVE_HRTIMER_SETUP	/* 6.13 */
static void hrtimer_setup(struct hrtimer *timer,
			  enum hrtimer_restart (*fn)(struct hrtimer *),
			  clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

static void interrupt_step(struct torture *t, u32 *rnd)
{
	struct torture_item *it = any_item(t, rnd);

	/* The lock that keeps their order is not for interrupts. */
	if (can(t, TORTURE_ORDERED) || !torture_own(it))
		return;
	/* An owner who cancels has to wait: its item is idle then. */
	if (can(t, TORTURE_CANCEL) && it->class != TORTURE_OWNED &&
	    !torture_below(rnd, 8))
		torture_cancel(it);
	else
		torture_queue(it, rnd);
	torture_disown(it);
}

static enum hrtimer_restart interrupt_fn(struct hrtimer *timer)
{
	struct interrupt *me = container_of(timer, struct interrupt, timer);
	int n = torture_below(&me->rnd, 4);

	/* Before looking: who pauses the threads looks the other way round. */
	atomic_inc_return(&in_interrupts);
	while (n-- && !torture_paused())
		interrupt_step(&tortures[torture_below(&me->rnd, nr_tortures)],
			       &me->rnd);
	atomic_dec_return(&in_interrupts);
	hrtimer_forward_now(timer, ns_to_ktime((500ULL +
						torture_below(&me->rnd, 4000)) *
					       NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static int interrupts_begin(void)
{
	struct interrupt *me;

	interrupts = kcalloc(max(ninterrupts, 1), sizeof(*interrupts),
			     GFP_KERNEL);
	if (!interrupts)
		return -ENOMEM;
	while (nr_interrupts < ninterrupts) {
		me = &interrupts[nr_interrupts];
		torture_seed(&me->rnd, 800 + nr_interrupts);
		hrtimer_setup(&me->timer, interrupt_fn, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_HARD);
		hrtimer_start(&me->timer, ns_to_ktime(NSEC_PER_MSEC),
			      HRTIMER_MODE_REL_HARD);
		nr_interrupts++;
	}
	return 0;
}

static void interrupts_end(void)
{
	while (nr_interrupts)
		hrtimer_cancel(&interrupts[--nr_interrupts].timer);
	kfree(interrupts);
	interrupts = NULL;
}

/* Threads */

static void move_somewhere(u32 *rnd)
{
	int cpu = torture_below(rnd, nr_cpu_ids);

	/* If it is down, the thread stays where it was. */
	if (torture_random(rnd) & 1 && cpu_online(cpu))
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
	else
		set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static int role_thread(void *data)
{
	struct role_thread *me = data;
	const struct role *role = me->role;

	while (torture_go_on()) {
		struct torture *t = &tortures[torture_below(&me->rnd,
							    nr_tortures)];

		if (!role->wants || can(t, role->wants)) {
			WRITE_ONCE(me->at, t->type->name);
			role->step(t, &me->rnd);
			WRITE_ONCE(me->at, NULL);
		}
		if (shuffle && !torture_below(&me->rnd, 64))
			move_somewhere(&me->rnd);
		if (torture_random(&me->rnd) & 1)
			nap(&me->rnd);
		cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

int torture_roles(void)
{
	smp_mb();	/* paused before in_interrupts */
	return nr_threads + atomic_read(&in_interrupts);
}

/* Who hangs, and in what. */
void torture_roles_show(void)
{
	int i;

	for (i = 0; i < nr_threads; i++) {
		const char *at = READ_ONCE(threads[i].at);

		if (at)
			pr_err("state: %s %d (pid %d) is at work on %s\n",
			       threads[i].role->name, threads[i].nr,
			       threads[i].task->pid, at);
	}
}

int torture_roles_begin(void)
{
	int i, n, err, most = 0;

	for (i = 0; i < ARRAY_SIZE(roles); i++)
		most += max(*roles[i].n, 0);
	threads = kcalloc(max(most, 1), sizeof(*threads), GFP_KERNEL);
	if (!threads)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(roles); i++) {
		for (n = 0; n < *roles[i].n; n++) {
			struct role_thread *me = &threads[nr_threads];

			me->role = &roles[i];
			me->nr = n;
			torture_seed(&me->rnd, 1000 * (i + 1) + n);
			me->task = kthread_create(role_thread, me, "torture/%.4s%d",
						  roles[i].name, n);
			if (IS_ERR(me->task)) {
				err = PTR_ERR(me->task);
				torture_roles_end();
				return err;
			}
			nr_threads++;
		}
	}
	err = interrupts_begin();
	if (err) {
		torture_roles_end();
		return err;
	}
	for (i = 0; i < nr_threads; i++)
		wake_up_process(threads[i].task);
	return 0;
}

void torture_roles_end(void)
{
	interrupts_end();
	while (nr_threads)
		kthread_stop(threads[--nr_threads].task);
	kfree(threads);
	threads = NULL;
}
