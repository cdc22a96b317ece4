// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of the API, function by function: queueing, creating and
 * destroying queues, max_active, looking.  Waiting and taking back are for
 * cmwq_test_wait.c, what functions do to each other at once for
 * cmwq_test_race.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hrtimer.h>
#include <linux/timer.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

/* Queueing */

static void queue_runs_once(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_queue", E_PERCPU, 0);
	struct probe *p = probes(1);

	EXPECT(!e_work_pending(&p->work));
	EXPECT(e_queue_work(wq, &p->work));
	if (WAIT(&p->done)) {
		msleep(20);
		EXPECT_EQ(RUNS(p), 1);
		EXPECT(p->current_work == &p->work);
		EXPECT(!e_work_pending(&p->work));
		EXPECT(!e_current_work());
	}
	test_destroy(wq);
	probes_free(p);
}

static void queue_pending_returns_false(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_pending", E_PERCPU, 1);
	struct probe *p = probes(2);
	int cpu;

	if (block_on(&p[0], wq)) {
		EXPECT(e_queue_work_on(0, wq, &p[1].work));
		EXPECT(e_work_pending(&p[1].work));
		EXPECT(!e_queue_work(wq, &p[1].work));
		for_each_online_cpu(cpu)
			EXPECT(!e_queue_work_on(cpu, wq, &p[1].work));
		EXPECT_EQ(RUNS(&p[1]), 0);
		open_gate(&p[0]);
		WAIT(&p[1].done);
		e_flush_workqueue(wq);
		EXPECT_EQ(RUNS(&p[1]), 1);
	}
	test_destroy(wq);
	probes_free(p);
}

static void queue_running_runs_again(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_again", E_PERCPU, 0);
	struct probe *p = probes(1);

	if (block_on(p, wq)) {
		EXPECT(!e_work_pending(&p->work));
		EXPECT(e_queue_work(wq, &p->work));
		EXPECT(e_work_pending(&p->work));
		EXPECT(!e_queue_work(wq, &p->work));
		open_gate(p);
		if (WAIT(&p->done) && WAIT(&p->started)) {
			open_gate(p);
			WAIT(&p->done);
		}
		EXPECT_EQ(RUNS(p), 2);
	}
	test_destroy(wq);
	probes_free(p);
}

static void queue_on_each_cpu(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_on", E_PERCPU, 0);
	struct probe *p = probes(1);
	int cpu, round;

	for (round = 0; round < 3; round++) {
		for_each_online_cpu(cpu) {
			EXPECT(e_queue_work_on(cpu, wq, &p->work));
			if (!WAIT(&p->done))
				goto out;
			EXPECT_EQ(p->cpu, cpu);
			/* Still running, it would stay where it runs. */
			e_flush_work(&p->work);
		}
	}
out:
	test_destroy(wq);
	probes_free(p);
}

static struct e_wq *irq_wq;
static struct probe *irq_probe;
static bool irq_ret;

static enum hrtimer_restart irq_queue_fn(struct hrtimer *t)
{
	irq_ret = e_queue_work(irq_wq, &irq_probe->work);
	return HRTIMER_NORESTART;
}

static void softirq_queue_fn(struct timer_list *t)
{
	irq_ret = e_queue_work(irq_wq, &irq_probe->work);
}

static void queue_from_interrupts(void)
{
	static struct hrtimer hrtimer;
	static struct timer_list timer;
	int i;

	irq_wq = e_alloc_workqueue("t_irq", E_PERCPU, 0);
	irq_probe = probes(1);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(&hrtimer, irq_queue_fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_HARD);
#else
	hrtimer_init(&hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer.function = irq_queue_fn;
#endif
	timer_setup(&timer, softirq_queue_fn, 0);
	for (i = 0; i < 20; i++) {
		irq_ret = false;
		if (i & 1)
			mod_timer(&timer, jiffies + 1);
		else
			hrtimer_start(&hrtimer, ns_to_ktime(100000),
				      HRTIMER_MODE_REL_HARD);
		if (!WAIT(&irq_probe->done))
			return;
		EXPECT(irq_ret);
	}
	hrtimer_cancel(&hrtimer);
	EXPECT(!timer_pending(&timer));
	test_destroy(irq_wq);
	probes_free(irq_probe);
}

static void requeue_itself(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_self", E_PERCPU, 0);
	struct probe *p = probes(1);

	p->requeues = 500;
	p->wq = wq;
	EXPECT(e_queue_work(wq, &p->work));
	if (WAIT_FOR(RUNS(p) == 501)) {
		e_flush_workqueue(wq);
		EXPECT_EQ(RUNS(p), 501);
		EXPECT_EQ(atomic_read(&most_in_flight), 1);
	}
	test_destroy(wq);
	probes_free(p);
}

static atomic_t freed = ATOMIC_INIT(0);

static void free_fn(struct e_work *work)
{
	memset(work, 0x6b, sizeof(*work));
	kfree(work);
	atomic_inc(&freed);
}

static void free_inside(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_free", E_PERCPU, 0);
	struct e_work *work;
	int i;

	atomic_set(&freed, 0);
	for (i = 0; i < 2000; i++) {
		work = kmalloc(sizeof(*work), GFP_KERNEL);
		E_INIT_WORK(work, free_fn);
		EXPECT(e_queue_work(wq, work));
		if (!(i % 64))
			cond_resched();
	}
	WAIT_FOR(atomic_read(&freed) == i);
	test_destroy(wq);
}

static DECLARE_COMPLETION(static_done);

static void static_fn(struct e_work *work)
{
	complete(&static_done);
}

static void static_delayed_fn(struct e_work *work);
static E_DECLARE_DELAYED_WORK(static_dwork, static_delayed_fn);
static E_DECLARE_WORK(static_work, static_fn);

static void static_delayed_fn(struct e_work *work)
{
	if (e_to_delayed_work(work) == &static_dwork)
		complete(&static_done);
}

static void declared_items(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_static", E_PERCPU, 0);

	EXPECT(!e_work_pending(&static_work));
	EXPECT(!e_delayed_work_pending(&static_dwork));
	EXPECT(e_queue_work(wq, &static_work));
	WAIT(&static_done);
	EXPECT(e_queue_delayed_work(wq, &static_dwork, 1));
	WAIT(&static_done);
	test_destroy(wq);
}

struct onstack {
	struct e_work work;
	struct e_delayed_work dwork;
	struct completion done;
};

static void onstack_fn(struct e_work *work)
{
	complete(&container_of(work, struct onstack, work)->done);
}

static void onstack_delayed_fn(struct e_work *work)
{
	complete(&container_of(e_to_delayed_work(work), struct onstack,
			       dwork)->done);
}

static void on_stack_items(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_stack", E_PERCPU, 0);
	struct onstack s;
	int i;

	for (i = 0; i < 50; i++) {
		E_INIT_WORK_ONSTACK(&s.work, onstack_fn);
		E_INIT_DELAYED_WORK_ONSTACK(&s.dwork, onstack_delayed_fn);
		init_completion(&s.done);
		EXPECT(e_queue_work(wq, &s.work));
		e_flush_work(&s.work);
		EXPECT(completion_done(&s.done));
		reinit_completion(&s.done);
		EXPECT(e_queue_delayed_work(wq, &s.dwork, i & 1));
		e_flush_delayed_work(&s.dwork);
		EXPECT(completion_done(&s.done));
		e_destroy_work_on_stack(&s.work);
		e_destroy_delayed_work_on_stack(&s.dwork);
	}
	test_destroy(wq);
}

/* One item at a time, each alone: nothing but its own kick wakes a worker. */
static void ping_pong(void)
{
	struct e_wq *percpu = e_alloc_workqueue("t_ping", E_PERCPU, 0);
	struct e_wq *unbound = e_alloc_workqueue("t_pong", E_UNBOUND, 0);
	struct probe *p = probes(2);
	int i, cpu = cpumask_first(cpu_online_mask);

	for (i = 0; i < 6000; i++) {
		EXPECT(e_queue_work_on(cpu, percpu, &p[0].work));
		if (!WAIT(&p[0].done))
			break;
		if (!(i % 64))
			cpu = cpumask_any_but(cpu_online_mask, cpu) < nr_cpu_ids
			      ? cpumask_any_but(cpu_online_mask, cpu) : cpu;
		if (i % 4)
			continue;
		EXPECT(e_queue_work(unbound, &p[1].work));
		if (!WAIT(&p[1].done))
			break;
	}
	test_destroy(percpu);
	test_destroy(unbound);
	probes_free(p);
}

/* Queues */

static void system_queues(void)
{
	static const struct {
		struct e_wq **wq;
		int nice;
	} q[] = {
		{ &e_system_wq, 0 },
		{ &e_system_percpu_wq, 0 },
		{ &e_system_highpri_wq, MIN_NICE },
		{ &e_system_long_wq, 0 },
		{ &e_system_unbound_wq, 0 },
		{ &e_system_dfl_wq, 0 },
		{ &e_system_dfl_long_wq, 0 },
		{ &e_system_freezable_wq, 0 },
		{ &e_system_power_efficient_wq, 0 },
		{ &e_system_freezable_power_efficient_wq, 0 },
	};
	struct probe *p = probes(1);
	int i;

	for (i = 0; i < ARRAY_SIZE(q); i++) {
		if (!EXPECT(*q[i].wq))
			continue;
		EXPECT(e_queue_work(*q[i].wq, &p->work));
		if (!WAIT(&p->done))
			break;
		e_flush_work(&p->work);
		EXPECT_EQ(p->nice, q[i].nice);
		EXPECT_EQ(RUNS(p), i + 1);
	}
	/* 7.3 keeps two of each, to complain about the old one. */
	EXPECT(!ENGINE_IS_CMWQ || e_system_wq == e_system_percpu_wq);
	EXPECT(!ENGINE_IS_CMWQ || e_system_unbound_wq == e_system_dfl_wq);
	probes_free(p);
}

static void schedule_shorthands(void)
{
	struct probe *p = probes(1);
	int cpu;

	EXPECT(e_schedule_work(&p->work));
	WAIT(&p->done);
	EXPECT(e_schedule_delayed_work(&p->dwork, 3600 * HZ));
	EXPECT(!e_schedule_delayed_work(&p->dwork, 1));
	EXPECT(e_mod_delayed_work(e_system_wq, &p->dwork, 0));
	WAIT(&p->done);
	for_each_online_cpu(cpu) {
		e_flush_work(&p->work);
		EXPECT(e_schedule_work_on(cpu, &p->work));
		if (!WAIT(&p->done))
			return;
		e_flush_work(&p->work);
		EXPECT_EQ(p->cpu, cpu);
		p->cpu = -1;
		EXPECT(e_schedule_delayed_work_on(cpu, &p->dwork, 1));
		if (!WAIT(&p->done))
			return;
		EXPECT_EQ(p->cpu, cpu);
	}
	EXPECT_EQ(RUNS(p), 2 + 2 * num_online_cpus());
	e_flush_work(&p->work);
	probes_free(p);
}

/* Every way to make a queue gives one that works. */
static void ways_to_create(void)
{
	struct e_wq *q[] = {
		e_alloc_workqueue("t_plain", E_PERCPU, 0),
		e_alloc_workqueue("t_%s_%d", E_PERCPU, 3, "fmt", 42),
		e_alloc_workqueue("t_long_name_that_does_not_fit_into_it",
				  E_PERCPU, 0),
		e_alloc_workqueue("t_max", E_PERCPU, E_MAX_ACTIVE),
		e_alloc_workqueue("t_umax", E_UNBOUND, E_MAX_ACTIVE),
		e_alloc_workqueue("t_flags", E_PERCPU | E_HIGHPRI |
				  E_CPU_INTENSIVE | E_MEM_RECLAIM, 1),
		e_alloc_workqueue("t_freeze", E_PERCPU | E_FREEZABLE, 1),
		e_alloc_workqueue("t_power", E_PERCPU | E_POWER_EFFICIENT, 1),
		e_alloc_workqueue("t_uhigh", E_UNBOUND | E_HIGHPRI, 0),
		e_alloc_ordered_workqueue("t_ordered", 0),
		e_alloc_ordered_workqueue("t_ordered_%d", E_MEM_RECLAIM |
					  E_FREEZABLE, 1),
		e_alloc_ordered_workqueue("t_ordered_high", E_HIGHPRI),
		e_create_workqueue("t_create"),
		e_create_freezable_workqueue("t_create_freezable"),
		e_create_singlethread_workqueue("t_single"),
	};
	struct probe *p = probes(ARRAY_SIZE(q));
	int i;

	for (i = 0; i < ARRAY_SIZE(q); i++)
		if (EXPECT(q[i]))
			EXPECT(e_queue_work(q[i], &p[i].work));
	for (i = 0; i < ARRAY_SIZE(q); i++)
		if (q[i])
			WAIT(&p[i].done);
	EXPECT_EQ(p[5].nice, MIN_NICE);
	EXPECT_EQ(p[8].nice, MIN_NICE);
	EXPECT_EQ(p[11].nice, MIN_NICE);
	EXPECT_EQ(p[0].nice, 0);
	EXPECT_EQ(p[9].nice, 0);
	for (i = 0; i < ARRAY_SIZE(q); i++)
		test_destroy(q[i]);
	probes_free(p);
}

static void destroy_drains(void)
{
	enum { N = 40, GENERATIONS = 5 };
	struct probe *p = probes(N + 1);
	struct e_wq *wq;
	int round, i, sum;

	for (round = 0; round < 4; round++) {
		wq = e_alloc_workqueue("t_destroy",
				       round & 1 ? E_UNBOUND : E_PERCPU,
				       round & 2 ? 1 : 0);
		for (i = 0; i < N; i++) {
			probe_reset(&p[i]);
			p[i].wq = wq;
			p[i].requeues = GENERATIONS;
			EXPECT(e_queue_work(wq, &p[i].work));
		}
		e_destroy_workqueue(wq);
		for (i = 0, sum = 0; i < N; i++)
			sum += RUNS(&p[i]);
		EXPECT_EQ(sum, N * (GENERATIONS + 1));
	}
	probes_free(p);
}

static void destroy_fn(int nr)
{
	e_destroy_workqueue(irq_wq);
}

static void destroy_waits_for_running(void)
{
	struct probe *p = probes(1);
	struct test_thread *t;

	irq_wq = e_alloc_workqueue("t_busy", E_PERCPU, 0);
	if (block_on(p, irq_wq)) {
		t = test_thread_start(destroy_fn, 0, -1);
		test_thread_sleeps(t);
		msleep(20);
		EXPECT(!completion_done(&t->done));
		EXPECT_EQ(RUNS(p), 0);
		open_gate(p);
		test_threads_join();
		EXPECT_EQ(RUNS(p), 1);
	}
	probes_free(p);
}

/* Up to max_active items are in execution at once, and then no more. */
static void check_max_active(unsigned int flags, int max_active, int n)
{
	struct e_wq *wq = e_alloc_workqueue("t_max", flags, max_active);
	struct probe *p = probes(n);
	int i;

	for (i = 0; i < n; i++) {
		p[i].gated = true;
		EXPECT(e_queue_work_on(flags & E_UNBOUND ? E_CPU_UNBOUND : 0,
				       wq, &p[i].work));
	}
	WAIT_FOR(atomic_read(&in_flight) >= max_active);
	msleep(50);
	EXPECT_EQ(atomic_read(&most_in_flight), max_active);
	for (i = 0; i < n; i++) {
		open_gate(&p[i]);
		if (!WAIT(&p[i].done))
			return;
	}
	EXPECT_EQ(atomic_read(&most_in_flight), max_active);
	test_destroy(wq);
	probes_free(p);
}

static void max_active_is_kept(void)
{
	check_max_active(E_PERCPU, 1, 10);
	check_max_active(E_PERCPU, 2, 20);
	check_max_active(E_PERCPU, 17, 60);
	check_max_active(E_PERCPU | E_HIGHPRI, 3, 20);
	check_max_active(E_PERCPU | E_CPU_INTENSIVE, 3, 20);
	check_max_active(E_UNBOUND, 1, 10);
	check_max_active(E_UNBOUND, 5, 20);
	/* Beyond the least of each node it depends on how many there are. */
	if (num_online_nodes() == 1)
		check_max_active(E_UNBOUND, 17, 60);
}

/* For per-CPU queues max_active is a limit of each CPU. */
static void max_active_counts_per_cpu(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_percpu", E_PERCPU, 2);
	int ncpus = num_online_cpus(), i = 0, cpu, k;
	struct probe *p = probes(ncpus * 4);

	for_each_online_cpu(cpu) {
		for (k = 0; k < 4; k++, i++) {
			p[i].gated = true;
			e_queue_work_on(cpu, wq, &p[i].work);
		}
	}
	WAIT_FOR(atomic_read(&in_flight) >= 2 * ncpus);
	msleep(50);
	EXPECT_EQ(atomic_read(&most_in_flight), 2 * ncpus);
	for (k = 0; k < i; k++)
		open_gate(&p[k]);
	for (k = 0; k < i; k++)
		if (!WAIT(&p[k].done))
			return;
	EXPECT_EQ(atomic_read(&most_in_flight), 2 * ncpus);
	test_destroy(wq);
	probes_free(p);
}

static void check_set_max_active(unsigned int flags)
{
	int cpu = flags & E_UNBOUND ? E_CPU_UNBOUND : 0;
	struct e_wq *wq = e_alloc_workqueue("t_set", flags, 1);
	struct probe *p = probes(12);
	int i;

	for (i = 0; i < 12; i++) {
		p[i].gated = true;
		EXPECT(e_queue_work_on(cpu, wq, &p[i].work));
	}
	WAIT(&p[0].started);
	msleep(30);
	EXPECT_EQ(atomic_read(&most_in_flight), 1);
	/* Raised: waiting ones start, although nothing else happens. */
	e_set_max_active(wq, 4);
	WAIT_FOR(atomic_read(&in_flight) >= 4);
	msleep(30);
	EXPECT_EQ(atomic_read(&most_in_flight), 4);
	/* Lowered: those in execution go on, no new one until there is room. */
	e_set_max_active(wq, 2);
	msleep(30);
	EXPECT_EQ(atomic_read(&in_flight), 4);
	open_gate(&p[0]);
	open_gate(&p[1]);
	if (!WAIT(&p[0].done) || !WAIT(&p[1].done))
		return;
	msleep(30);
	EXPECT_EQ(atomic_read(&in_flight), 2);
	EXPECT(e_work_pending(&p[4].work));
	atomic_set(&most_in_flight, 0);
	for (i = 2; i < 12; i++) {
		open_gate(&p[i]);
		if (!WAIT(&p[i].done))
			return;
	}
	EXPECT_EQ(atomic_read(&most_in_flight), 2);
	test_destroy(wq);
	probes_free(p);
}

static void set_max_active_percpu(void)
{
	check_set_max_active(E_PERCPU);
}

static void set_max_active_unbound(void)
{
	if (ENGINE_ONE_IS_ORDERED) {
		test_skip("such a queue is ordered, as drivers of this kernel expect");
		return;
	}
	check_set_max_active(E_UNBOUND);
}

static void congested_when_full(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_congested", E_PERCPU, 1);
	struct probe *p = probes(2);

	EXPECT(!e_congested(0, wq));
	p[0].gated = true;
	EXPECT(e_queue_work_on(0, wq, &p[0].work));
	if (WAIT(&p[0].started)) {
		EXPECT(!e_congested(0, wq));
		EXPECT(e_queue_work_on(0, wq, &p[1].work));
		EXPECT(e_congested(0, wq));
		if (cpu_online(1))
			EXPECT(!e_congested(1, wq));
		open_gate(&p[0]);
		WAIT(&p[1].done);
		EXPECT(WAIT_FOR(!e_congested(0, wq)));
	}
	test_destroy(wq);
	probes_free(p);
}

static void work_busy_tells(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_busy", E_PERCPU, 1);
	struct probe *p = probes(2);

	EXPECT_EQ(e_work_busy(&p[0].work), 0);
	if (block_on(&p[0], wq)) {
		EXPECT_EQ(e_work_busy(&p[0].work), E_BUSY_RUNNING);
		EXPECT(e_queue_work_on(0, wq, &p[1].work));
		EXPECT_EQ(e_work_busy(&p[1].work), E_BUSY_PENDING);
		EXPECT(e_queue_work(wq, &p[0].work));
		EXPECT_EQ(e_work_busy(&p[0].work),
			  E_BUSY_RUNNING | E_BUSY_PENDING);
		complete_all(&p[0].gate);
		e_flush_workqueue(wq);
		EXPECT_EQ(e_work_busy(&p[0].work), 0);
		EXPECT_EQ(RUNS(&p[0]), 2);
	}
	EXPECT(e_queue_delayed_work(wq, &p[1].dwork, 3600 * HZ));
	EXPECT_EQ(e_work_busy(&p[1].work), E_BUSY_PENDING);
	EXPECT(e_cancel_delayed_work(&p[1].dwork));
	EXPECT_EQ(e_work_busy(&p[1].work), 0);
	test_destroy(wq);
	probes_free(p);
}

static void desc_fn(struct e_work *work)
{
	e_set_worker_desc("%s-%d", "described", 7);
	e_set_worker_desc("one that is much longer than %s", "what is kept");
	complete(&static_done);
}

/* What it looks like is for test-api.sh; here, that it may be called. */
static void set_worker_desc_anywhere(void)
{
	struct probe *p = probes(1);

	E_INIT_WORK(&p->work, desc_fn);
	EXPECT(e_schedule_work(&p->work));
	WAIT(&static_done);
	e_flush_work(&p->work);
	e_set_worker_desc("not in an item");
	probes_free(p);
}

const struct test_case test_cases[] = {
	CASE(queue_runs_once),
	CASE(queue_pending_returns_false),
	CASE(queue_running_runs_again),
	CASE(queue_on_each_cpu),
	CASE(queue_from_interrupts),
	CASE(requeue_itself),
	CASE(free_inside),
	CASE(declared_items),
	CASE(on_stack_items),
	CASE(ping_pong),
	CASE(system_queues),
	CASE(schedule_shorthands),
	CASE(ways_to_create),
	CASE(destroy_drains),
	CASE(destroy_waits_for_running),
	CASE(max_active_is_kept),
	CASE(max_active_counts_per_cpu),
	CASE(set_max_active_percpu),
	CASE(set_max_active_unbound),
	CASE(congested_when_full),
	CASE(work_busy_tells),
	CASE(set_worker_desc_anywhere),
	{}
};
