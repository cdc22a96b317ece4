// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of the API, second part: delays, flushing, draining, cancelling,
 * one at a time and from each state that an item can be in.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

#define LONG_DELAY	(3600 * HZ)

static struct e_wq *the_wq;
static struct probe *the_probe;

/* Delays */

static void delay_is_kept(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_delay", E_PERCPU, 0);
	struct probe *p = probes(1);
	unsigned long before, delay;
	bool pending;

	for (delay = 0; delay <= 8; delay += 2) {
		before = jiffies;
		EXPECT(e_queue_delayed_work(wq, &p->dwork, delay));
		pending = e_delayed_work_pending(&p->dwork);
		/* unless this took so long that the delay may be over */
		if (time_before(jiffies, before + delay))
			EXPECT(pending);
		if (!WAIT(&p->done))
			break;
		EXPECT_OP((long)(p->when - before), >=, delay);
		e_flush_work(&p->work);
	}
	test_destroy(wq);
	probes_free(p);
}

static void delayed_is_pending(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_delay", E_PERCPU, 0);
	struct probe *p = probes(1);

	EXPECT(e_queue_delayed_work(wq, &p->dwork, LONG_DELAY));
	EXPECT(e_delayed_work_pending(&p->dwork));
	EXPECT(e_work_pending(&p->work));
	EXPECT(!e_queue_delayed_work(wq, &p->dwork, 0));
	EXPECT(!e_queue_work(wq, &p->work));
	/* A queue is flushed, drained regardless of running timers. */
	e_flush_workqueue(wq);
	e_drain_workqueue(wq);
	EXPECT_EQ(RUNS(p), 0);
	EXPECT(e_cancel_delayed_work_sync(&p->dwork));
	test_destroy(wq);
	probes_free(p);
}

static void delayed_on_each_cpu(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_delay", E_PERCPU, 0);
	struct probe *p = probes(1);
	unsigned long delay;
	int cpu;

	for (delay = 0; delay < 3; delay++) {
		for_each_online_cpu(cpu) {
			EXPECT(e_queue_delayed_work_on(cpu, wq, &p->dwork,
						       delay));
			if (!WAIT(&p->done))
				goto out;
			EXPECT_EQ(p->cpu, cpu);
			e_flush_work(&p->work);
			EXPECT(!e_mod_delayed_work_on(cpu, wq, &p->dwork,
						      delay));
			if (!WAIT(&p->done))
				goto out;
			EXPECT_EQ(p->cpu, cpu);
			e_flush_work(&p->work);
		}
	}
out:
	test_destroy(wq);
	probes_free(p);
}

static void mod_delayed_states(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_mod", E_PERCPU, 1);
	struct probe *p = probes(2);
	unsigned long before;

	/* idle */
	EXPECT(!e_mod_delayed_work(wq, &p->dwork, 1));
	WAIT(&p->done);
	EXPECT(!e_mod_delayed_work(wq, &p->dwork, 0));
	WAIT(&p->done);
	EXPECT_EQ(RUNS(p), 2);

	/* timer running: sooner, at once, later */
	EXPECT(!e_mod_delayed_work(wq, &p->dwork, LONG_DELAY));
	EXPECT(e_delayed_work_pending(&p->dwork));
	EXPECT(e_mod_delayed_work(wq, &p->dwork, 2));
	WAIT(&p->done);
	EXPECT(!e_mod_delayed_work(wq, &p->dwork, LONG_DELAY));
	EXPECT(e_mod_delayed_work(wq, &p->dwork, 0));
	WAIT(&p->done);
	before = jiffies;
	EXPECT(!e_mod_delayed_work(wq, &p->dwork, LONG_DELAY));
	EXPECT(e_mod_delayed_work(wq, &p->dwork, HZ / 5));
	WAIT(&p->done);
	EXPECT_OP((long)(p->when - before), >=, HZ / 5);
	EXPECT_EQ(RUNS(p), 5);
	e_flush_work(&p->work);

	/* waiting to run: back to its timer, then to the end of the queue */
	if (!block_on(&p[1], wq))
		return;
	EXPECT(e_queue_work_on(0, wq, &p->work));
	EXPECT(e_mod_delayed_work_on(0, wq, &p->dwork, LONG_DELAY));
	open_gate(&p[1]);
	WAIT(&p[1].done);
	e_flush_workqueue(wq);
	EXPECT_EQ(RUNS(p), 5);
	EXPECT(e_delayed_work_pending(&p->dwork));
	if (!block_on(&p[1], wq))
		return;
	EXPECT(e_mod_delayed_work_on(0, wq, &p->dwork, 0));
	EXPECT(e_mod_delayed_work_on(0, wq, &p->dwork, 0));
	EXPECT_EQ(RUNS(p), 5);
	open_gate(&p[1]);
	WAIT(&p->done);
	e_flush_workqueue(wq);
	EXPECT_EQ(RUNS(p), 6);

	/* running */
	reinit_completion(&p->started);
	if (block_on(p, wq)) {
		EXPECT(!e_mod_delayed_work(wq, &p->dwork, 1));
		EXPECT(e_delayed_work_pending(&p->dwork));
		complete_all(&p->gate);
		WAIT_FOR(RUNS(p) == 8);
	}
	e_flush_work(&p->work);
	test_destroy(wq);
	probes_free(p);
}

/* Flushing one item */

static bool the_ret;

static void flush_the_probe(int nr)
{
	WRITE_ONCE(the_ret, e_flush_work(&the_probe->work));
}

static void flush_work_states(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_flush", E_PERCPU, 1);
	struct probe *p = probes(2);
	struct test_thread *t;

	/* never queued; pending; idle again */
	EXPECT(!e_flush_work(&p->work));
	EXPECT(e_queue_work(wq, &p->work));
	e_flush_work(&p->work);
	EXPECT_EQ(RUNS(p), 1);
	EXPECT(!e_flush_work(&p->work));

	/* running */
	the_probe = p;
	reinit_completion(&p->started);
	if (!block_on(p, wq))
		return;
	t = test_thread_start(flush_the_probe, 0, -1);
	test_thread_sleeps(t);
	EXPECT(!completion_done(&t->done));
	open_gate(p);
	if (!test_threads_join())
		return;
	EXPECT(the_ret);
	EXPECT_EQ(RUNS(p), 2);
	e_flush_workqueue(wq);

	/* waiting behind another one */
	p->gated = false;
	if (!block_on(&p[1], wq))
		return;
	EXPECT(e_queue_work_on(0, wq, &p->work));
	t = test_thread_start(flush_the_probe, 0, -1);
	test_thread_sleeps(t);
	EXPECT(!completion_done(&t->done));
	open_gate(&p[1]);
	if (!test_threads_join())
		return;
	EXPECT(the_ret);
	EXPECT_EQ(RUNS(p), 3);
	e_flush_workqueue(wq);

	/* running and queued again: the second run is waited for */
	reinit_completion(&p->started);
	reinit_completion(&p->done);
	if (!block_on(p, wq))
		return;
	EXPECT(e_queue_work_on(0, wq, &p->work));
	t = test_thread_start(flush_the_probe, 0, -1);
	test_thread_sleeps(t);
	open_gate(p);
	WAIT(&p->done);
	WAIT(&p->started);
	EXPECT(!completion_done(&t->done));
	open_gate(p);
	if (!test_threads_join())
		return;
	EXPECT(the_ret);
	EXPECT_EQ(RUNS(p), 5);
	test_destroy(wq);
	probes_free(p);
}

/*
 * The item that is flushed waits for its queue's max_active, and for that alone:
 * nobody else on its CPU has anything to do when it is taken off.
 */
static void flush_of_cancelled_inactive(void)
{
	struct e_wq *wq = e_alloc_ordered_workqueue("t_flush", 0);
	struct probe *p = probes(2);
	int cpu;

	if (!ENGINE_WAKES_CANCELLED_INACTIVE) {
		test_skip("this kernel loses that wakeup, see engine.h");
		test_destroy(wq);
		probes_free(p);
		return;
	}
	the_probe = &p[1];
	for_each_online_cpu(cpu) {
		if (!block_on(p, wq))
			return;
		EXPECT(e_queue_work_on(cpu, wq, &p[1].work));
		test_thread_sleeps(test_thread_start(flush_the_probe, 0, -1));
		EXPECT(e_cancel_work(&p[1].work));
		if (!test_threads_join())
			return;
		open_gate(p);
		e_flush_work(&p->work);
		reinit_completion(&p->started);
		EXPECT_EQ(RUNS(&p[1]), 0);
	}
	test_destroy(wq);
	probes_free(p);
}

/*
 * Who cancels the item that another one flushes may free it: the flusher, who is
 * late, does not look at it again.
 */
static void check_flushed_and_freed(struct e_wq *wq)
{
	struct probe *p = probes(1), *freed = probes(1);

	the_probe = freed;
	if (!block_on(p, wq))
		return;
	EXPECT(e_queue_work_on(0, wq, &freed->work));
	test_thread_sleeps(test_thread_start(flush_the_probe, 0, 0));
	set_cpus_allowed_ptr(current, cpumask_of(0));
	sched_set_fifo(current);
	EXPECT(e_cancel_work_sync(&freed->work));
	memset(freed, 0x6b, sizeof(*freed));
	sched_set_normal(current, 0);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	if (!test_threads_join())
		return;
	EXPECT(the_ret);
	open_gate(p);
	e_flush_work(&p->work);
	test_destroy(wq);
	probes_free(p);
	kfree(freed);
}

static void flushed_and_freed(void)
{
	if (!ENGINE_WAKES_CANCELLED_INACTIVE) {
		test_skip("this kernel loses that wakeup, see engine.h");
		return;
	}
	check_flushed_and_freed(e_alloc_workqueue("t_freed", E_PERCPU, 1));
	check_flushed_and_freed(e_alloc_ordered_workqueue("t_freed", 0));
}

/*
 * The queueing that is flushed is taken off while an older execution goes on:
 * that is waited for.  The kernel's own workqueue lets go of the flusher.
 */
static void flush_of_cancelled_running(void)
{
	struct e_wq *wq;
	struct probe *p;
	struct test_thread *t;

	if (!ENGINE_IS_CMWQ) {
		test_skip("the kernel's own does not wait there");
		return;
	}
	wq = e_alloc_workqueue("t_flush", E_PERCPU, 0);
	p = probes(1);
	the_probe = p;
	if (!block_on(p, wq))
		return;
	EXPECT(e_queue_work_on(0, wq, &p->work));
	t = test_thread_start(flush_the_probe, 0, -1);
	test_thread_sleeps(t);
	EXPECT(e_cancel_work(&p->work));
	msleep(50);
	EXPECT(!completion_done(&t->done));
	open_gate(p);
	if (!test_threads_join())
		return;
	EXPECT(the_ret);
	EXPECT_EQ(RUNS(p), 1);
	test_destroy(wq);
	probes_free(p);
}

/*
 * F3: two items queue each other on two CPUs, so that wherever one looks there
 * may be nothing.  All hops are done when the queue is drained.
 */
static struct e_work hop_work[2];
static atomic_t hops_left = ATOMIC_INIT(0);
static struct e_wq *hop_wq;

static void hop_fn(struct e_work *work)
{
	int other = work == &hop_work[0];

	if (atomic_dec_return(&hops_left) > 0)
		e_queue_work_on(other ? cpumask_last(cpu_online_mask) : 0,
				hop_wq, &hop_work[other]);
}

static void drain_of_hopping_items(void)
{
	int i;

	if (!ENGINE_IS_CMWQ) {
		test_skip("the kernel's own promises no such thing");
		return;
	}
	for (i = 0; i < 2; i++)
		E_INIT_WORK(&hop_work[i], hop_fn);
	for (i = 0; i < 60; i++) {
		hop_wq = e_alloc_workqueue("t_hop", E_PERCPU, 0);
		atomic_set(&hops_left, 50 + i);
		EXPECT(e_queue_work_on(0, hop_wq, &hop_work[0]));
		if (i & 1)
			e_drain_workqueue(hop_wq);
		else
			e_destroy_workqueue(hop_wq);
		EXPECT_EQ(atomic_read(&hops_left), 0);
		e_flush_work(&hop_work[0]);
		e_flush_work(&hop_work[1]);
		if (i & 1)
			e_destroy_workqueue(hop_wq);
	}
}

/*
 * L1: flushing an item while its timer's function is on its way on another CPU,
 * which takes a while, as a probe at its entry burns some.  The item has run
 * when flush_delayed_work() returns, whoever of the two queued it.
 */
static atomic_t timer_fn_entered = ATOMIC_INIT(0);

static int stretch_timer_fn(struct kprobe *kp, struct pt_regs *regs)
{
	atomic_inc(&timer_fn_entered);
	udelay(500);
	return 0;
}

static struct kprobe timer_fn_probe = {
	.symbol_name = E_TIMER_FN_NAME,
	.pre_handler = stretch_timer_fn,
};

static void flush_delayed_against_timer(void)
{
	int i, entered, cpu = cpumask_last(cpu_online_mask);
	struct e_wq *wq;
	struct probe *p;

	if (num_online_cpus() < 2 || register_kprobe(&timer_fn_probe)) {
		test_skip("needs two CPUs and kprobes");
		return;
	}
	wq = e_alloc_workqueue("t_flush", E_PERCPU, 0);
	p = probes(1);
	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	for (i = 0; i < 30; i++) {
		entered = atomic_read(&timer_fn_entered);
		EXPECT(e_queue_delayed_work_on(cpu, wq, &p->dwork, 1));
		while (atomic_read(&timer_fn_entered) == entered)
			cpu_relax();
		e_flush_delayed_work(&p->dwork);
		if (!EXPECT_EQ(RUNS(p), i + 1))
			break;
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	e_cancel_delayed_work_sync(&p->dwork);
	unregister_kprobe(&timer_fn_probe);
	test_destroy(wq);
	probes_free(p);
}

static void flush_delayed_the_probe(int nr)
{
	WRITE_ONCE(the_ret, e_flush_delayed_work(&the_probe->dwork));
}

static void flush_delayed_states(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_flush", E_PERCPU, 0);
	struct probe *p = probes(1);
	struct test_thread *t;

	EXPECT(!e_flush_delayed_work(&p->dwork));
	/* What it returns for an item that is done at once is open. */
	EXPECT(e_queue_delayed_work(wq, &p->dwork, LONG_DELAY));
	e_flush_delayed_work(&p->dwork);
	EXPECT_EQ(RUNS(p), 1);
	EXPECT(!e_delayed_work_pending(&p->dwork));
	EXPECT(!e_flush_delayed_work(&p->dwork));
	/* timer running, then running */
	the_probe = p;
	p->gated = true;
	reinit_completion(&p->started);
	EXPECT(e_queue_delayed_work(wq, &p->dwork, LONG_DELAY));
	t = test_thread_start(flush_delayed_the_probe, 0, -1);
	WAIT(&p->started);
	test_thread_sleeps(t);
	EXPECT(!completion_done(&t->done));
	open_gate(p);
	if (!test_threads_join())
		return;
	EXPECT(the_ret);
	EXPECT_EQ(RUNS(p), 2);
	/* flush_work() does not fire the timer */
	EXPECT(e_queue_delayed_work(wq, &p->dwork, LONG_DELAY));
	e_flush_work(&p->work);
	EXPECT_EQ(RUNS(p), 2);
	EXPECT(e_cancel_delayed_work(&p->dwork));
	test_destroy(wq);
	probes_free(p);
}

/* Flushing a queue */

static void flush_the_wq(int nr)
{
	e_flush_workqueue(the_wq);
}

static void check_flush_earlier_only(unsigned int flags)
{
	struct probe *p = probes(3);
	struct test_thread *t;

	the_wq = e_alloc_workqueue("t_flushq", flags, 0);
	e_flush_workqueue(the_wq);
	if (!block_on(&p[0], the_wq) || !block_on(&p[1], the_wq))
		return;
	t = test_thread_start(flush_the_wq, 0, -1);
	test_thread_sleeps(t);
	if (!block_on(&p[2], the_wq))
		return;
	open_gate(&p[0]);
	WAIT(&p[0].done);
	msleep(20);
	EXPECT(!completion_done(&t->done));
	open_gate(&p[1]);
	test_threads_join();
	EXPECT_EQ(RUNS(&p[1]), 1);
	EXPECT_EQ(RUNS(&p[2]), 0);
	open_gate(&p[2]);
	WAIT(&p[2].done);
	test_destroy(the_wq);
	probes_free(p);
}

static void flush_waits_for_earlier_only(void)
{
	check_flush_earlier_only(E_PERCPU);
	check_flush_earlier_only(E_UNBOUND);
}

/* An item that waits for max_active has been queued, too. */
static void flush_waits_for_inactive(void)
{
	struct probe *p = probes(4);
	struct test_thread *t;
	int i;

	the_wq = e_alloc_workqueue("t_flushq", E_PERCPU, 1);
	if (!block_on(&p[0], the_wq))
		return;
	for (i = 1; i < 4; i++)
		EXPECT(e_queue_work_on(0, the_wq, &p[i].work));
	t = test_thread_start(flush_the_wq, 0, -1);
	test_thread_sleeps(t);
	EXPECT(!completion_done(&t->done));
	open_gate(&p[0]);
	test_threads_join();
	for (i = 1; i < 4; i++)
		EXPECT_EQ(RUNS(&p[i]), 1);
	test_destroy(the_wq);
	probes_free(p);
}

/* Each flusher waits for the items queued before it and for no other. */
static void staggered_flushers(void)
{
	enum { N = 12 };
	struct test_thread *t[N];
	struct probe *p = probes(N);
	int i;

	the_wq = e_alloc_workqueue("t_stagger", E_PERCPU, 0);
	for (i = 0; i < N; i++) {
		if (!block_on(&p[i], the_wq))
			return;
		t[i] = test_thread_start(flush_the_wq, i, -1);
		if (!t[i] || !test_thread_sleeps(t[i]))
			return;
	}
	for (i = 0; i < N; i++) {
		EXPECT(!completion_done(&t[i]->done));
		open_gate(&p[i]);
		if (!WAIT_FOR(completion_done(&t[i]->done)))
			return;
	}
	test_threads_join();
	test_destroy(the_wq);
	probes_free(p);
}

/* More flushers than any number of colours: none comes back too early. */
static void many_flushers(void)
{
	enum { N = 30 };
	struct test_thread *t[N];
	struct probe *p = probes(N);
	int i, k;

	the_wq = e_alloc_workqueue("t_many", E_PERCPU, 0);
	for (i = 0; i < N; i++) {
		if (!block_on(&p[i], the_wq))
			return;
		t[i] = test_thread_start(flush_the_wq, i, -1);
		if (!t[i] || !test_thread_sleeps(t[i]))
			return;
	}
	/* From the last to the first: nobody may go before that one. */
	for (i = N - 1; i > 0; i--) {
		open_gate(&p[i]);
		WAIT(&p[i].done);
	}
	msleep(20);
	for (k = 0; k < N; k++)
		EXPECT(!completion_done(&t[k]->done));
	open_gate(&p[0]);
	test_threads_join();
	test_destroy(the_wq);
	probes_free(p);
}

/* Draining */

static void drain_lets_chains_end(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_drain", E_PERCPU, 2);
	struct probe *p = probes(5);
	int i, round, sum = 0;

	for (round = 1; round <= 3; round++) {
		for (i = 0; i < 5; i++) {
			p[i].wq = wq;
			p[i].requeues = 30;
			EXPECT(e_queue_work(wq, &p[i].work));
		}
		e_drain_workqueue(wq);
		for (i = 0, sum = 0; i < 5; i++) {
			sum += RUNS(&p[i]);
			EXPECT_EQ(e_work_busy(&p[i].work), 0);
		}
		EXPECT_EQ(sum, round * 5 * 31);
	}
	/* and is usable afterwards */
	EXPECT(e_queue_work(wq, &p[0].work));
	e_flush_work(&p[0].work);
	EXPECT_EQ(RUNS(&p[0]), round * 31 - 31 + 1);
	test_destroy(wq);
	probes_free(p);
}

static void drain_the_wq(int nr)
{
	e_drain_workqueue(the_wq);
	if (RUNS(the_probe) != 1 + nr / 2)
		FAIL("drained before the item has run");
}

/* The queue is closed until the last drainer is through, and then open. */
static void two_drainers(void)
{
	struct probe *p = probes(2);
	struct test_thread *t[2];
	int i, round;

	the_wq = e_alloc_workqueue("t_drain", E_PERCPU, 1);
	the_probe = p;
	for (round = 0; round < 3; round++) {
		if (!block_on(p, the_wq))
			return;
		for (i = 0; i < 2; i++) {
			t[i] = test_thread_start(drain_the_wq, round * 2 + i,
						 -1);
			if (!t[i] || !test_thread_sleeps(t[i]))
				return;
		}
		for (i = 0; i < 2; i++)
			EXPECT(!completion_done(&t[i]->done));
		open_gate(p);
		if (!test_threads_join())
			return;
		EXPECT(e_queue_work(the_wq, &p[1].work));
		if (!WAIT(&p[1].done))
			return;
		e_flush_workqueue(the_wq);
		EXPECT_EQ(RUNS(&p[1]), round + 1);
	}
	test_destroy(the_wq);
	probes_free(p);
}

/* Cancelling */

static void cancel_states(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_cancel", E_PERCPU, 1);
	struct probe *p = probes(2);

	/* idle */
	EXPECT(!e_cancel_work(&p->work));
	EXPECT(!e_cancel_work_sync(&p->work));
	/* waiting */
	if (!block_on(&p[1], wq))
		return;
	EXPECT(e_queue_work_on(0, wq, &p->work));
	EXPECT(e_cancel_work(&p->work));
	EXPECT(!e_work_pending(&p->work));
	EXPECT(!e_cancel_work(&p->work));
	EXPECT(e_queue_work_on(0, wq, &p->work));
	EXPECT(e_cancel_work_sync(&p->work));
	EXPECT(!e_work_pending(&p->work));
	EXPECT(e_queue_work_on(0, wq, &p->work));
	open_gate(&p[1]);
	WAIT(&p->done);
	e_flush_workqueue(wq);
	EXPECT_EQ(RUNS(p), 1);
	/* running: not waited for, not called pending */
	reinit_completion(&p->started);
	if (!block_on(p, wq))
		return;
	EXPECT(!e_cancel_work(&p->work));
	EXPECT_EQ(RUNS(p), 1);
	/* running and waiting */
	EXPECT(e_queue_work(wq, &p->work));
	EXPECT(e_cancel_work(&p->work));
	EXPECT_EQ(RUNS(p), 1);
	open_gate(p);
	WAIT(&p->done);
	e_flush_workqueue(wq);
	EXPECT_EQ(RUNS(p), 2);
	test_destroy(wq);
	probes_free(p);
}

static void cancel_sync_the_probe(int nr)
{
	WRITE_ONCE(the_ret, e_cancel_work_sync(&the_probe->work));
	if (atomic_read(&in_flight))
		FAIL("cancel_work_sync returned before the item did");
}

/* Running, and running with a second run waiting. */
static void cancel_sync_waits(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_cancel", E_PERCPU, 1);
	struct probe *p = probes(1);
	struct test_thread *t;
	int again;

	the_probe = p;
	for (again = 0; again < 2; again++) {
		probe_reset(p);
		if (!block_on(p, wq))
			return;
		if (again)
			EXPECT(e_queue_work_on(0, wq, &p->work));
		t = test_thread_start(cancel_sync_the_probe, 0, -1);
		test_thread_sleeps(t);
		EXPECT(!completion_done(&t->done));
		/* Nobody can queue it while it is being cancelled. */
		EXPECT(!e_queue_work_on(0, wq, &p->work));
		EXPECT(!e_queue_work(wq, &p->work));
		open_gate(p);
		if (!test_threads_join())
			return;
		EXPECT_EQ(the_ret, again);
		e_flush_workqueue(wq);
		EXPECT_EQ(RUNS(p), 1);
		EXPECT_EQ(e_work_busy(&p->work), 0);
	}
	test_destroy(wq);
	probes_free(p);
}

static atomic_t forever_runs = ATOMIC_INIT(0);

static void forever_fn(struct e_work *work)
{
	atomic_inc(&forever_runs);
	e_queue_work(the_wq, work);
}

static void forever_delayed_fn(struct e_work *work)
{
	atomic_inc(&forever_runs);
	e_queue_delayed_work(the_wq, e_to_delayed_work(work),
			     atomic_read(&forever_runs) & 1);
}

static void cancel_sync_stops_self_requeueing(void)
{
	struct probe *p = probes(1);
	int round, runs;

	the_wq = e_alloc_workqueue("t_forever", E_PERCPU, 0);
	for (round = 0; round < 60; round++) {
		bool delayed = round & 1;

		E_INIT_DELAYED_WORK(&p->dwork, delayed ? forever_delayed_fn
						       : forever_fn);
		atomic_set(&forever_runs, 0);
		EXPECT(e_queue_work(the_wq, &p->work));
		if (!WAIT_FOR(atomic_read(&forever_runs) > round % 5))
			return;
		if (delayed)
			e_cancel_delayed_work_sync(&p->dwork);
		else
			e_cancel_work_sync(&p->work);
		EXPECT_EQ(e_work_busy(&p->work), 0);
		runs = atomic_read(&forever_runs);
		usleep_range(1000, 2000);
		EXPECT_EQ(atomic_read(&forever_runs), runs);
	}
	test_destroy(the_wq);
	probes_free(p);
}

static void cancel_delayed_states(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_cancel", E_PERCPU, 1);
	struct probe *p = probes(2);
	int sync;

	for (sync = 0; sync < 2; sync++) {
		bool (*cancel)(struct e_delayed_work *dwork) =
			sync ? e_cancel_delayed_work_sync
			     : e_cancel_delayed_work;

		EXPECT(!cancel(&p->dwork));
		EXPECT(e_queue_delayed_work(wq, &p->dwork, LONG_DELAY));
		EXPECT(cancel(&p->dwork));
		EXPECT(!e_delayed_work_pending(&p->dwork));
		EXPECT(!cancel(&p->dwork));
		/* its timer is stopped for good */
		EXPECT(e_queue_delayed_work(wq, &p->dwork, 2 * HZ));
		EXPECT(cancel(&p->dwork));
		msleep(2200);
		EXPECT_EQ(RUNS(p), 0);
		/* waiting to run */
		probe_reset(&p[1]);
		if (!block_on(&p[1], wq))
			return;
		EXPECT(e_queue_delayed_work_on(0, wq, &p->dwork, 0));
		EXPECT(cancel(&p->dwork));
		open_gate(&p[1]);
		WAIT(&p[1].done);
		e_flush_workqueue(wq);
		EXPECT_EQ(RUNS(p), 0);
	}
	test_destroy(wq);
	probes_free(p);
}

const struct test_case test_cases[] = {
	CASE(delay_is_kept),
	CASE(delayed_is_pending),
	CASE(delayed_on_each_cpu),
	CASE(mod_delayed_states),
	CASE(flush_work_states),
	CASE(flush_of_cancelled_inactive),
	CASE(flush_of_cancelled_running),
	CASE(flushed_and_freed),
	CASE(drain_of_hopping_items),
	CASE(flush_delayed_states),
	CASE(flush_delayed_against_timer),
	CASE(flush_waits_for_earlier_only),
	CASE(flush_waits_for_inactive),
	CASE(staggered_flushers),
	CASE(many_flushers),
	CASE(drain_lets_chains_end),
	CASE(two_drainers),
	CASE(cancel_states),
	CASE(cancel_sync_waits),
	CASE(cancel_sync_stops_self_requeueing),
	CASE(cancel_delayed_states),
	{}
};
