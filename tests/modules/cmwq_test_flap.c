// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs go and come back under load: threads queue, flush, cancel and delay
 * items, make and destroy queues, change attributes.  Each keeps books.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/mm.h>

#include "engine.h"
#include "cmwq_test.h"

static unsigned int rounds = 6;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "how often CPUs go and come");

#define UNITS	64

struct unit {
	union {
		struct e_work work;
		struct e_delayed_work dwork;	/* whose first field it is */
	};
	atomic_t inside;
	atomic_t runs;
	int queued;			/* less what was cancelled */
	int nr;
};

static struct e_wq *percpu, *high, *few, *unbound, *ordered;
static bool stop;
static atomic_t ran = ATOMIC_INIT(0);
static atomic_t overlaps = ATOMIC_INIT(0);
static atomic_t laps = ATOMIC_INIT(0);

/* Items */

static void unit_fn(struct e_work *work)
{
	struct unit *u = container_of(work, struct unit, work);

	if (atomic_inc_return(&u->inside) != 1)
		atomic_inc(&overlaps);
	switch (u->nr % 8) {
	case 0:
		usleep_range(100, 2000);
		break;
	case 1:
		test_burn_us(200);
		break;
	case 2:
		msleep(30);
		break;
	}
	atomic_dec(&u->inside);
	atomic_inc(&u->runs);
	atomic_inc(&ran);
}

static struct unit *units(void)
{
	struct unit *u = kvcalloc(UNITS, sizeof(*u), GFP_KERNEL);
	int i;

	for (i = 0; u && i < UNITS; i++) {
		E_INIT_DELAYED_WORK(&u[i].dwork, unit_fn);
		u[i].nr = i;
	}
	return u;
}

static void units_end(struct unit *u)
{
	int i;

	for (i = 0; i < UNITS; i++) {
		e_flush_delayed_work(&u[i].dwork);
		e_flush_work(&u[i].work);
		if (atomic_read(&u[i].runs) != u[i].queued)
			FAIL("unit %d: queued %d times, ran %d times", i,
			     u[i].queued, atomic_read(&u[i].runs));
		atomic_inc(&test_checks);
	}
	kvfree(u);
}

static int some_cpu(u32 *seed)
{
	u32 r = test_random(seed) % (nr_cpu_ids + 1);

	return r < nr_cpu_ids && cpu_possible(r) ? r : E_CPU_UNBOUND;
}

/* Newer kernels warn of a timer that is for a CPU that is down. */
static int some_timer_cpu(u32 *seed)
{
	int cpu = some_cpu(seed);

	return ENGINE_TIMERS_GO_OFFLINE || cpu == E_CPU_UNBOUND ? cpu : 0;
}

static struct e_wq *some_wq(u32 r)
{
	struct e_wq *wqs[] = { percpu, high, few, unbound, percpu };

	return wqs[r % ARRAY_SIZE(wqs)];
}

/* One step of a thread: the machine has other things to do, too. */
static bool go_on(void)
{
	atomic_inc(&test_checks);
	atomic_inc(&laps);
	usleep_range(50, 200);
	return !READ_ONCE(stop);
}

/* Threads */

static void produce(int nr)
{
	struct unit *u = units();
	u32 seed = nr + 1;
	int i, n;

	do {
		n = test_random(&seed) % 16;
		while (n--) {
			i = test_random(&seed) % UNITS;
			u[i].queued += e_queue_work_on(some_cpu(&seed),
						       some_wq(i), &u[i].work);
		}
	} while (go_on());
	units_end(u);
}

static void flush_and_cancel(int nr)
{
	struct unit *u = units();
	u32 seed = nr + 1;
	int i;

	do {
		i = test_random(&seed) % UNITS;
		u[i].queued += e_queue_work_on(some_cpu(&seed), some_wq(i),
					       &u[i].work);
		switch (test_random(&seed) % 6) {
		case 0:
			e_flush_work(&u[i].work);
			if (atomic_read(&u[i].runs) != u[i].queued)
				FAIL("flushed: queued %d times, ran %d times",
				     u[i].queued, atomic_read(&u[i].runs));
			break;
		case 1:
			u[i].queued -= e_cancel_work_sync(&u[i].work);
			break;
		case 2:
			u[i].queued -= e_cancel_work(&u[i].work);
			break;
		case 3:
			e_flush_workqueue(some_wq(i));
			if (atomic_read(&u[i].runs) != u[i].queued)
				FAIL("queue flushed: queued %d times, ran %d times",
				     u[i].queued, atomic_read(&u[i].runs));
			break;
		}
	} while (go_on());
	units_end(u);
}

static void delay(int nr)
{
	struct unit *u = units();
	u32 seed = nr + 1;
	unsigned long when;
	int i, cpu;

	do {
		i = test_random(&seed) % UNITS;
		cpu = some_timer_cpu(&seed);
		when = test_random(&seed) % 8;
		switch (test_random(&seed) % 6) {
		case 0:
			u[i].queued -= e_cancel_delayed_work_sync(&u[i].dwork);
			break;
		case 1:
			e_flush_delayed_work(&u[i].dwork);
			break;
		case 2:
			u[i].queued += !e_mod_delayed_work_on(cpu, some_wq(i),
							      &u[i].dwork,
							      when);
			break;
		default:
			u[i].queued += e_queue_delayed_work_on(cpu, some_wq(i),
							       &u[i].dwork,
							       when);
		}
	} while (go_on());
	units_end(u);
}

static int last_in_order;
static atomic_t out_of_order = ATOMIC_INIT(0);

static void order_fn(struct e_work *work)
{
	struct unit *u = container_of(work, struct unit, work);

	if (u->nr != last_in_order + 1)
		atomic_inc(&out_of_order);
	last_in_order = u->nr;
	unit_fn(work);
}

static void keep_order(int nr)
{
	struct unit *u = units();
	u32 seed = nr + 1;
	int i;

	for (i = 0; i < UNITS; i++)
		E_INIT_WORK(&u[i].work, order_fn);
	do {
		last_in_order = -1;
		for (i = 0; i < UNITS; i++) {
			u[i].queued += e_queue_work_on(some_cpu(&seed),
						       ordered, &u[i].work);
			if (!(i % 8))
				go_on();
		}
		e_flush_workqueue(ordered);
		EXPECT_EQ(last_in_order, UNITS - 1);
	} while (go_on());
	units_end(u);
}

static void make_queues(int nr)
{
	struct unit *u;
	struct e_wq *wq;
	u32 seed = nr + 1;
	int i;

	do {
		u = units();
		wq = e_alloc_workqueue("hp_short", test_random(&seed) & 1 ?
				       E_UNBOUND : E_PERCPU, 0);
		if (!EXPECT(wq))
			break;
		for (i = 0; i < 16; i++)
			u[i].queued += e_queue_work_on(some_cpu(&seed), wq,
						       &u[i].work);
		e_destroy_workqueue(wq);
		units_end(u);
	} while (go_on());
}

/* Pools of the CPUs come and go with the attributes. */
static void change_attrs(int nr)
{
#ifndef ENGINE_STOCK
	static const int nices[] = { 0, 5, MIN_NICE, -3 };
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	struct unit *u = units();
	u32 seed = nr + 1;
	int i, lap = 0;

	do {
		cmwq_get_workqueue_attrs(few, attrs);
		attrs->nice = nices[lap++ % ARRAY_SIZE(nices)];
		EXPECT_EQ(cmwq_apply_workqueue_attrs(few, attrs), 0);
		for (i = 0; i < UNITS; i++)
			u[i].queued += cmwq_queue_work_on(some_cpu(&seed), few,
							  &u[i].work);
	} while (go_on());
	cmwq_free_workqueue_attrs(attrs);
	units_end(u);
#endif
}

/* CPUs */

static bool moving(void)
{
	int before = atomic_read(&ran), laps_before = atomic_read(&laps);

	return WAIT_FOR(atomic_read(&ran) > before + 20 &&
			atomic_read(&laps) > laps_before + 10);
}

static void flap_last(void)
{
	int cpu = cpumask_last(cpu_online_mask);
	unsigned int i;

	for (i = 0; i < 2 * rounds; i++) {
		EXPECT_EQ(remove_cpu(cpu), 0);
		/* Often it comes back before anybody has noticed. */
		if (i % 3 && !moving())
			return;
		EXPECT_EQ(add_cpu(cpu), 0);
		if (i % 2 && !moving())
			return;
	}
}

/* CPU 0 stays: many machines cannot do without. */
static void flap_all_but_one(void)
{
	unsigned int i;
	int cpu;

	for (i = 0; i < rounds; i++) {
		for_each_possible_cpu(cpu)
			if (cpu)
				EXPECT_EQ(remove_cpu(cpu), 0);
		if (!moving())
			return;
		for_each_possible_cpu(cpu)
			if (cpu)
				EXPECT_EQ(add_cpu(cpu), 0);
		if (i % 2 && !moving())
			return;
	}
}

static void under_load(void (*flap)(void))
{
	percpu = e_alloc_workqueue("hp_percpu", E_PERCPU, 0);
	high = e_alloc_workqueue("hp_high", E_PERCPU | E_HIGHPRI, 0);
	few = e_alloc_workqueue("hp_few", E_PERCPU, 2);
	unbound = e_alloc_workqueue("hp_unbound", E_UNBOUND, 0);
	ordered = e_alloc_ordered_workqueue("hp_ordered", 0);
	WRITE_ONCE(stop, false);
	atomic_set(&overlaps, 0);
	atomic_set(&out_of_order, 0);

	test_thread_start(produce, 0, -1);
	test_thread_start(produce, 1, -1);
	test_thread_start(flush_and_cancel, 2, -1);
	test_thread_start(flush_and_cancel, 3, -1);
	test_thread_start(delay, 4, -1);
	test_thread_start(keep_order, 5, -1);
	test_thread_start(make_queues, 6, -1);
	test_thread_start(change_attrs, 7, -1);
	if (moving())
		flap();
	WRITE_ONCE(stop, true);
	if (test_threads_join()) {
		EXPECT_EQ(atomic_read(&overlaps), 0);
		EXPECT_EQ(atomic_read(&out_of_order), 0);
	}
	test_destroy(percpu);
	test_destroy(high);
	test_destroy(few);
	test_destroy(unbound);
	test_destroy(ordered);
}

static void one_cpu_goes_and_comes(void)
{
	under_load(flap_last);
}

static void all_cpus_but_one_go_and_come(void)
{
	under_load(flap_all_but_one);
}

const struct test_case test_cases[] = {
	CASE(one_cpu_goes_and_comes),
	CASE(all_cpus_but_one_go_and_come),
	{}
};
