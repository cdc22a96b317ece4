// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mistakes on purpose, one for each thing that a debug kernel looks for.  It has to
 * report them all; test-planted.sh looks whether it did.
 */
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/timer.h>

#include "engine.h"
#include "cmwq_test.h"

struct thing {
	struct e_work work;
	struct timer_list timer;
	int n;
};

static struct completion gate, started, done;

static struct thing *new_thing(void (*fn)(struct e_work *work))
{
	struct thing *t = kzalloc(sizeof(*t), GFP_KERNEL);

	init_completion(&gate);
	init_completion(&started);
	init_completion(&done);
	if (EXPECT(t))
		E_INIT_WORK(&t->work, fn);
	return t;
}

static int seen;
static void *where;

/* The compiler must not know what has been freed. */
static noinline void look_at(struct thing *t)
{
	WRITE_ONCE(seen, READ_ONCE(t->n));
}

static void free_and_look_fn(struct e_work *work)
{
	struct thing *t = container_of(work, struct thing, work);

	kfree(t);
	OPTIMIZER_HIDE_VAR(t);
	look_at(t);
	complete(&done);
}

static void use_after_free(void)
{
	struct thing *t = new_thing(free_and_look_fn);

	if (t && EXPECT(e_schedule_work(&t->work)))
		WAIT(&done);
}

/* What is allocated ends within the field. */
static void out_of_bounds(void)
{
	struct thing *t = kzalloc(offsetof(struct thing, n) + 1, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(t);
	if (EXPECT(t))
		look_at(t);
	kfree(t);
}

/* Two locks, in both orders. */

static DEFINE_MUTEX(one);
static DEFINE_MUTEX(other);

static void one_other_fn(struct e_work *work)
{
	mutex_lock(&one);
	mutex_lock(&other);
	mutex_unlock(&other);
	mutex_unlock(&one);
}

static void lock_order(void)
{
	struct thing *t = new_thing(one_other_fn);

	if (!t)
		return;
	e_schedule_work(&t->work);
	e_flush_work(&t->work);
	mutex_lock(&other);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&other);
	kfree(t);
}

static void sleepless_fn(struct e_work *work)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

static void sleep_in_atomic(void)
{
	struct thing *t = new_thing(sleepless_fn);

	if (!t)
		return;
	e_schedule_work(&t->work);
	e_flush_work(&t->work);
	kfree(t);
}

static void rcu_without_lock(void)
{
	static int __rcu *pointer;

	WRITE_ONCE(seen, !rcu_dereference(pointer));
}

static int times;

static void shift_too_far(void)
{
	WRITE_ONCE(times, 40);
	WRITE_ONCE(seen, 1 << READ_ONCE(times));
}

/* Lives of objects: items of cmwq, and the kernel's own timers. */

static void gate_fn(struct e_work *work)
{
	complete(&started);
	test_gate(&gate);
}

static void nothing_fn(struct e_work *work)
{
}

/* An item that waits behind another one. */
static struct thing *waiting_thing(struct e_wq *wq, struct thing **first)
{
	struct thing *t;

	*first = new_thing(gate_fn);
	t = new_thing(nothing_fn);
	if (!*first || !t)
		return NULL;
	EXPECT(e_queue_work(wq, &(*first)->work));
	WAIT(&started);
	EXPECT(e_queue_work(wq, &t->work));
	return t;
}

static void free_active_item(void)
{
	struct e_wq *wq = e_alloc_ordered_workqueue("t_planted", 0);
	struct thing *first, *t = waiting_thing(wq, &first);

	kfree(t);
	complete(&gate);
	test_destroy(wq);
	kfree(first);
}

static void init_active_item(void)
{
	struct e_wq *wq = e_alloc_ordered_workqueue("t_planted", 0);
	struct thing *first, *t = waiting_thing(wq, &first);

	E_INIT_WORK(&t->work, nothing_fn);
	complete(&gate);
	test_destroy(wq);
	kfree(first);
	kfree(t);
}

static void unannounced_on_stack(void)
{
	struct e_work work;

	E_INIT_WORK(&work, nothing_fn);
	WRITE_ONCE(where, &work);
	e_schedule_work(&work);
	e_flush_work(&work);
	e_destroy_work_on_stack(&work);
}

static void nothing_timer_fn(struct timer_list *t)
{
}

static void free_active_timer(void)
{
	struct thing *t = new_thing(nothing_fn);

	if (!t)
		return;
	timer_setup(&t->timer, nothing_timer_fn, 0);
	mod_timer(&t->timer, jiffies + 1000 * HZ);
	kfree(t);
}

/* Two CPUs and a variable that says nothing of them. */

static int racy;

static noinline void race(int n)
{
	racy += n;
}

static void race_fn(int nr)
{
	int i;

	for (i = 0; i < 200000; i++) {
		race(nr);
		if (i % 1000)
			continue;
		atomic_inc(&test_checks);
		cond_resched();
	}
}

static void race_of_two(void)
{
	EXPECT(test_run_threads(race_fn, 2));
}

static void leak(void)
{
	int i;

	/* One of them may be found by chance, in a register or on a stack. */
	for (i = 0; i < 8; i++)
		WRITE_ONCE(where, kmalloc(sizeof(struct thing), GFP_KERNEL));
	WRITE_ONCE(where, NULL);
}

static void sleeper_fn(struct e_work *work)
{
	wait_for_completion(&gate);
}

/* Until test-planted.sh has seen it, or for so long. */
static void stuck_task(void)
{
	struct thing *t = new_thing(sleeper_fn);
	int i;

	if (!t)
		return;
	EXPECT(e_schedule_work(&t->work));
	for (i = 0; i < 60; i++) {
		msleep(500);
		atomic_inc(&test_checks);
	}
	complete(&gate);
	e_flush_work(&t->work);
	kfree(t);
}

const struct test_case test_cases[] = {
	CASE(use_after_free),
	CASE(out_of_bounds),
	CASE(lock_order),
	CASE(sleep_in_atomic),
	CASE(rcu_without_lock),
	CASE(shift_too_far),
	CASE(free_active_item),
	CASE(init_active_item),
	CASE(unannounced_on_stack),
	CASE(free_active_timer),
	CASE(race_of_two),
	CASE(leak),
	CASE(stuck_task),
	{}
};
