// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs go and come back, and items do not mind.  The victim is the last CPU.
 * cmwq_test_flap.c does it under load.
 *
 * For scripts: writing "CPU N" to the parameter hold queues N items on CPU that
 * sleep until "0 0" is written; it reads how many are asleep.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/wait.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_veto.h"

#define ASLEEP	200
#define WAITING	5000		/* twice */

struct unit {
	union {
		struct e_work work;
		struct e_delayed_work dwork;	/* whose first field it is */
	};
	atomic_t runs;
	int nr;
};

static int victim;
static bool gate_open, burn_stop;
static DECLARE_WAIT_QUEUE_HEAD(gate);
static atomic_t asleep = ATOMIC_INIT(0);
static atomic_t ran = ATOMIC_INIT(0);
static atomic_t foreign = ATOMIC_INIT(0);
static atomic_t on_victim = ATOMIC_INIT(0);
static atomic_t inside = ATOMIC_INIT(0);
static atomic_t most_inside = ATOMIC_INIT(0);

/* Items */

/* A worker of the victim's pool is bound to it, when all is well. */
static void note_place(void)
{
	if (raw_smp_processor_id() == victim)
		atomic_inc(&on_victim);
	if (raw_smp_processor_id() != victim || current->nr_cpus_allowed != 1)
		atomic_inc(&foreign);
}

static void count_run(struct e_work *work)
{
	atomic_inc(&container_of(work, struct unit, work)->runs);
	atomic_inc(&ran);
}

static void sleep_fn(struct e_work *work)
{
	note_place();
	atomic_inc(&asleep);
	wait_event_timeout(gate, READ_ONCE(gate_open),
			   2 * msecs_to_jiffies(wait_ms));
	atomic_dec(&asleep);
	count_run(work);
}

static void quick_fn(struct e_work *work)
{
	note_place();
	count_run(work);
}

static void burn_fn(struct e_work *work)
{
	note_place();
	test_raise(&most_inside, atomic_inc_return(&inside));
	test_burn_us(300);
	atomic_dec(&inside);
	count_run(work);
}

static void burn_on_fn(struct e_work *work)
{
	unsigned long end = jiffies + 2 * msecs_to_jiffies(wait_ms);

	atomic_inc(&inside);
	while (!READ_ONCE(burn_stop) && time_before(jiffies, end))
		test_burn_us(100);
	atomic_dec(&inside);
	count_run(work);
}

/* Sleeps shortly, and once more, as long as the gate is shut. */
static struct e_wq *flow_wq;

static void flow_fn(struct e_work *work)
{
	usleep_range(100, 500);
	if (!READ_ONCE(gate_open))
		e_queue_work_on(victim, flow_wq, work);
	atomic_inc(&ran);
}

static struct unit *units(int n, void (*fn)(struct e_work *work))
{
	struct unit *u = kvcalloc(n, sizeof(*u), GFP_KERNEL);
	int i;

	for (i = 0; u && i < n; i++)
		E_INIT_DELAYED_WORK(&u[i].dwork, fn);
	return u;
}

static void units_free(struct unit *u)
{
	if (test_may_free())
		kvfree(u);
}

static void reset(void)
{
	WRITE_ONCE(gate_open, false);
	WRITE_ONCE(burn_stop, false);
	atomic_set(&ran, 0);
	atomic_set(&foreign, 0);
	atomic_set(&on_victim, 0);
	atomic_set(&inside, 0);
	atomic_set(&most_inside, 0);
	victim = cpumask_last(cpu_online_mask);
}

static void open_gate(void)
{
	WRITE_ONCE(gate_open, true);
	wake_up_all(&gate);
}

static void queue_all(struct e_wq *wq, struct unit *u, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		EXPECT(e_queue_work_on(victim, wq, &u[i].work));
		if (!(i % 64))
			cond_resched();
	}
}

static void each_ran_once(struct unit *u, int n)
{
	int i;

	for (i = 0; i < n; i++)
		EXPECT_EQ(atomic_read(&u[i].runs), 1);
}

/* CPUs */

static bool cpu_goes(void)
{
	return EXPECT_EQ(remove_cpu(victim), 0);
}

static bool cpu_comes(void)
{
	return EXPECT_EQ(add_cpu(victim), 0);
}

/* The victim's workers, many of them, are on it and let one run at a time. */
static bool bound_and_managed(struct e_wq *wq)
{
	struct unit *u = units(40, sleep_fn), *b = units(60, burn_fn);
	bool ok;

	reset();
	queue_all(wq, u, 40);
	ok = WAIT_FOR(atomic_read(&asleep) == 40);
	open_gate();
	ok = ok && WAIT_FOR(atomic_read(&ran) == 40);
	if (ok)
		e_flush_workqueue(wq);
	EXPECT_EQ(atomic_read(&foreign), 0);
	queue_all(wq, b, 60);
	ok = ok && WAIT_FOR(atomic_read(&ran) == 100);
	EXPECT_EQ(atomic_read(&foreign), 0);
	EXPECT_EQ(atomic_read(&most_inside), 1);
	if (ok)
		e_flush_workqueue(wq);
	units_free(u);
	units_free(b);
	return ok;
}

/* Cases */

static void bound_now(void)
{
	struct e_wq *wq = e_alloc_workqueue("hp_now", E_PERCPU, 0);

	bound_and_managed(wq);
	test_destroy(wq);
}

static void bound_again(void)
{
	struct e_wq *wq = e_alloc_workqueue("hp_bound", E_PERCPU, 0);
	struct e_wq *high = e_alloc_workqueue("hp_high",
					      E_PERCPU | E_HIGHPRI, 0);
	struct unit *u = units(40, sleep_fn);

	reset();
	queue_all(wq, u, 20);
	queue_all(high, u + 20, 20);
	WAIT_FOR(atomic_read(&asleep) == 40);
	if (cpu_goes() && cpu_comes()) {
		EXPECT_EQ(atomic_read(&ran), 0);
		open_gate();
		WAIT_FOR(atomic_read(&ran) == 40);
		each_ran_once(u, 40);
		bound_and_managed(wq);
		bound_and_managed(high);
	}
	/* Once more, with nothing there. */
	if (cpu_goes() && cpu_comes())
		bound_and_managed(wq);
	test_destroy(wq);
	test_destroy(high);
	units_free(u);
}

static s64 timed_down(void)
{
	ktime_t begun = ktime_get();

	return cpu_goes() ? ktime_us_delta(ktime_get(), begun) : -1;
}

/* The waiting ones wait for one that sleeps; with @burn half of them for the CPU. */
static s64 down_with_items(struct e_wq *wq, struct e_wq *one, bool burn)
{
	struct unit *s = units(ASLEEP + 1, sleep_fn);
	struct unit *w = units(2 * WAITING, quick_fn);
	struct unit *b = units(1, burn_on_fn);
	int i, early = 0;
	s64 took;

	reset();
	queue_all(wq, s, ASLEEP);
	queue_all(one, s + ASLEEP, 1);
	WAIT_FOR(atomic_read(&asleep) == ASLEEP + 1);
	queue_all(one, w, WAITING);
	if (burn) {
		queue_all(wq, b, 1);
		WAIT_FOR(atomic_read(&inside));
	}
	queue_all(burn ? wq : one, w + WAITING, WAITING);

	took = timed_down();
	/* Nobody has been waited for. */
	EXPECT_EQ(atomic_read(&asleep), ASLEEP + 1);
	EXPECT_EQ(atomic_read(&inside), burn);
	for (i = 0; i < (burn ? WAITING : 2 * WAITING); i++)
		early += atomic_read(&w[i].runs);
	EXPECT_EQ(early, 0);

	WRITE_ONCE(burn_stop, true);
	open_gate();
	/* All of them elsewhere. */
	if (WAIT_WHILE_MOVING(atomic_read(&ran) ==
			      ASLEEP + 1 + burn + 2 * WAITING, &ran)) {
		e_flush_workqueue(wq);
		e_flush_workqueue(one);
	}
	each_ran_once(s, ASLEEP + 1);
	each_ran_once(w, 2 * WAITING);
	each_ran_once(b, burn);
	units_free(s);
	units_free(w);
	units_free(b);
	return took;
}

static void offline_waits_for_no_item(void)
{
	struct e_wq *wq = e_alloc_workqueue("hp_many", E_PERCPU, 0);
	struct e_wq *one = e_alloc_workqueue("hp_one", E_PERCPU, 1);
	s64 none = S64_MAX, many = S64_MAX, busy = S64_MAX;
	int round;

	reset();
	for (round = 0; round < 4 && test_may_free(); round++) {
		none = min(none, timed_down());
		cpu_comes();
		many = min(many, down_with_items(wq, one, false));
		cpu_comes();
		busy = min(busy, down_with_items(wq, one, true));
		cpu_comes();
	}
	test_print("# offline takes %lld us without items\n", none);
	test_print("# %lld us with %d asleep and %d waiting, %lld us if one runs\n",
		   many, ASLEEP, 2 * WAITING, busy);
	/* The items slept until it was over, or 40 s. */
	EXPECT_OP(many, <, none + USEC_PER_SEC);
	EXPECT_OP(busy, <, none + 2 * USEC_PER_SEC);
	if (test_may_free())
		bound_and_managed(wq);
	test_destroy(wq);
	test_destroy(one);
}

static void queued_while_down(void)
{
	struct e_wq *wq = e_alloc_workqueue("hp_down", E_PERCPU, 0);
	struct unit *u = units(300, quick_fn), *f = units(1, flow_fn);
	int i;

	reset();
	flow_wq = wq;
	/* It follows itself in the pool of the CPU that is down. */
	e_queue_work_on(victim, wq, &f->work);
	if (!WAIT_FOR(atomic_read(&ran)) || !cpu_goes())
		return;
	for (i = 0; i < 300; i++) {
		/* The control leaves the timers of a CPU that is down alone. */
		if (i & 1 || !ENGINE_IS_CMWQ)
			EXPECT(e_queue_work_on(victim, wq, &u[i].work));
		else
			EXPECT(e_queue_delayed_work_on(victim, wq, &u[i].dwork,
						       i % 4));
	}
	for (i = 0; i < 300; i++)
		WAIT_FOR(atomic_read(&u[i].runs) == 1);
	EXPECT_EQ(atomic_read(&on_victim), 0);
	i = atomic_read(&ran);
	WAIT_FOR(atomic_read(&ran) > i + 20);
	cpu_comes();
	i = atomic_read(&ran);
	WAIT_FOR(atomic_read(&ran) > i + 20);
	open_gate();
	e_flush_workqueue(wq);
	each_ran_once(u, 300);
	bound_and_managed(wq);
	test_destroy(wq);
	units_free(u);
	units_free(f);
}

/* Timers that were started for a CPU before it went */
static void delayed_across(void)
{
	struct e_wq *wq = e_alloc_workqueue("hp_delayed", E_PERCPU, 0);
	struct unit *u = units(90, quick_fn);
	int i;

	reset();
	for (i = 0; i < 90; i++)
		EXPECT(e_queue_delayed_work_on(victim, wq, &u[i].dwork,
					       i < 30 ? 3600 * HZ :
					       HZ / 2 + i));
	if (!cpu_goes())
		return;
	for (i = 0; i < 15; i++)
		EXPECT(e_cancel_delayed_work_sync(&u[i].dwork));
	for (; i < 29; i++)
		EXPECT(e_mod_delayed_work_on(ENGINE_IS_CMWQ ? victim : 0, wq,
					     &u[i].dwork, 1));
	e_flush_delayed_work(&u[29].dwork);
	EXPECT_EQ(atomic_read(&u[29].runs), 1);
	if (WAIT_FOR(atomic_read(&ran) == 75))
		each_ran_once(u + 15, 75);
	cpu_comes();
	for (i = 0; i < 15; i++)
		EXPECT_EQ(atomic_read(&u[i].runs), 0);
	e_flush_workqueue(wq);
	bound_and_managed(wq);
	test_destroy(wq);
	units_free(u);
}

static struct e_wq *waited_wq;
static struct unit *waited;
static atomic_t waits_over = ATOMIC_INIT(0);

static void waiter(int nr)
{
	if (nr == 0)
		e_flush_workqueue(waited_wq);
	else if (nr == 1)
		e_flush_work(&waited[0].work);
	else
		e_cancel_work_sync(&waited[1].work);
	atomic_inc(&waits_over);
}

/* Flushing and cancelling, begun before the CPU goes, ended after it went */
static void waiting_across(void)
{
	struct e_wq *wq = e_alloc_workqueue("hp_wait", E_PERCPU, 2);
	struct e_wq *many = e_alloc_workqueue("hp_many", E_PERCPU, 0);
	struct unit *s = units(2, sleep_fn), *w = units(40, quick_fn);
	int i, round;

	waited_wq = wq;
	waited = s;
	for (round = 0; round < 2; round++) {
		reset();
		atomic_set(&waits_over, 0);
		queue_all(wq, s, 2);
		WAIT_FOR(atomic_read(&asleep) == 2);
		queue_all(wq, w, 40);
		for (i = 0; i < 3; i++)
			test_thread_sleeps(test_thread_start(waiter, i, 0));
		if (!cpu_goes())
			return;
		EXPECT_EQ(atomic_read(&waits_over), 0);
		for (i = 0; i < 10; i++)
			EXPECT(e_cancel_work(&w[i].work));
		if (round)
			cpu_comes();
		for (; i < 20; i++)
			EXPECT(e_cancel_work_sync(&w[i].work));
		open_gate();
		test_threads_join();
		EXPECT_EQ(atomic_read(&ran), 22);
		for (i = 0; i < 40; i++)
			EXPECT_EQ(atomic_read(&w[i].runs),
				  i < 20 ? 0 : round + 1);
		if (!round)
			cpu_comes();
	}
	bound_and_managed(many);
	test_destroy(wq);
	test_destroy(many);
	units_free(s);
	units_free(w);
}

/* Vetos */

static bool late_veto;
static atomic_t late_calls = ATOMIC_INIT(0);

static int late_going_down(unsigned int cpu)
{
	atomic_inc(&late_calls);
	msleep(30);		/* the workers are pushed away by now */
	return READ_ONCE(late_veto) ? -EPERM : 0;
}

static void offline_vetoed(bool *veto)
{
	struct e_wq *wq = e_alloc_workqueue("hp_veto", E_PERCPU, 0);
	struct unit *s = units(20, sleep_fn), *f = units(20, flow_fn);
	int state, calls, round;

	/* Its callback runs before that of anybody who was there before. */
	state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN,
					  "cmwq_test:late", NULL,
					  late_going_down);
	if (!EXPECT_OP(state, >, 0))
		return;
	for (round = 0; round < 4; round++) {
		reset();
		flow_wq = wq;
		queue_all(wq, s, 20);
		WAIT_FOR(atomic_read(&asleep) == 20);
		queue_all(wq, f, 20);
		calls = atomic_read(&late_calls);
		WRITE_ONCE(*veto, true);
		EXPECT_EQ(remove_cpu(victim), -EPERM);
		WRITE_ONCE(*veto, false);
		EXPECT_EQ(atomic_read(&late_calls), calls + 1);
		EXPECT(cpu_online(victim));
		calls = atomic_read(&ran);
		WAIT_FOR(atomic_read(&ran) > calls + 40);
		open_gate();
		WAIT_FOR(!atomic_read(&asleep));
		e_flush_workqueue(wq);
		if (!bound_and_managed(wq))
			break;
	}
	cpuhp_remove_state_nocalls(state);
	test_destroy(wq);
	units_free(s);
	units_free(f);
}

static void vetoed_before_we_are_asked(void)
{
	offline_vetoed(&late_veto);
}

static void vetoed_after_we_were_asked(void)
{
	offline_vetoed(&cmwq_test_veto);
}

const struct test_case test_cases[] = {
	CASE(bound_now),
	CASE(vetoed_before_we_are_asked),
	CASE(vetoed_after_we_were_asked),
	CASE(bound_again),
	CASE(queued_while_down),
	CASE(delayed_across),
	CASE(waiting_across),
	CASE(offline_waits_for_no_item),
	{}
};

/* For scripts */

static struct unit *held;
static struct e_wq *held_wq;
static int nr_held;

static int hold_set(const char *val, const struct kernel_param *kp)
{
	int i, cpu, n;

	if (sscanf(val, "%d %d", &cpu, &n) != 2 || n < 0 || n > 1000)
		return -EINVAL;
	if (!n) {
		open_gate();
		for (i = 0; i < nr_held; i++)
			e_flush_work(&held[i].work);
		if (nr_held)
			e_destroy_workqueue(held_wq);
		kvfree(held);
		held = NULL;
		nr_held = 0;
		return 0;
	}
	if (nr_held)
		return -EBUSY;
	reset();
	held = units(n, sleep_fn);
	held_wq = e_alloc_workqueue("hp_hold", E_PERCPU, 0);
	if (!held || !held_wq)
		return -ENOMEM;
	nr_held = n;
	for (i = 0; i < n; i++)
		e_queue_work_on(cpu, held_wq, &held[i].work);
	return 0;
}

static int hold_get(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%d\n", atomic_read(&asleep));
}

static const struct kernel_param_ops hold_ops = {
	.set = hold_set,
	.get = hold_get,
};
module_param_cb(hold, &hold_ops, NULL, 0600);
