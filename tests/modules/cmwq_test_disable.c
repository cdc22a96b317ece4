// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of the API, third part: disabling and enabling items.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

#define LONG_DELAY	(3600 * HZ)

static struct probe *the_probe;

/* Nothing queues @p; nothing is lost by trying. */
static void expect_disabled(struct e_wq *wq, struct probe *p)
{
	int runs = RUNS(p);

	EXPECT(!e_queue_work(wq, &p->work));
	EXPECT(!e_queue_work_on(0, wq, &p->work));
	EXPECT(!e_schedule_work(&p->work));
	EXPECT(!e_queue_delayed_work(wq, &p->dwork, 0));
	EXPECT(!e_queue_delayed_work(wq, &p->dwork, 1));
	EXPECT(!e_mod_delayed_work(wq, &p->dwork, 0));
	EXPECT(!e_mod_delayed_work(wq, &p->dwork, 1));
	EXPECT(!e_work_pending(&p->work));
	EXPECT(!(e_work_busy(&p->work) & E_BUSY_PENDING));
	EXPECT(!e_cancel_work(&p->work));
	EXPECT(!e_cancel_delayed_work(&p->dwork));
	e_flush_workqueue(wq);
	EXPECT_EQ(RUNS(p), runs);
}

static void expect_enabled(struct e_wq *wq, struct probe *p)
{
	int runs = RUNS(p);

	p->gated = false;
	EXPECT(e_queue_work(wq, &p->work));
	EXPECT(e_flush_work(&p->work) || RUNS(p) > runs);
	EXPECT_EQ(RUNS(p), runs + 1);
}

static void disable_idle(void)
{
	struct e_wq *wq;
	struct probe *p;

	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		return;
	}
	wq = e_alloc_workqueue("t_disable", E_PERCPU, 0);
	p = probes(1);
	EXPECT(!e_disable_work(&p->work));
	expect_disabled(wq, p);
	EXPECT(!e_flush_work(&p->work));
	EXPECT(e_enable_work(&p->work));
	expect_enabled(wq, p);
	EXPECT(!e_disable_work_sync(&p->work));
	expect_disabled(wq, p);
	EXPECT(!e_cancel_work_sync(&p->work));
	expect_disabled(wq, p);
	EXPECT(e_enable_work(&p->work));
	expect_enabled(wq, p);
	test_destroy(wq);
	probes_free(p);
}

static void disable_nests(void)
{
	enum { DEPTH = 300 };
	struct e_wq *wq;
	struct probe *p;
	int i;

	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		return;
	}
	wq = e_alloc_workqueue("t_nest", E_PERCPU, 0);
	p = probes(1);
	for (i = 0; i < DEPTH; i++) {
		if (i % 3 == 0)
			EXPECT(!e_disable_work(&p->work));
		else if (i % 3 == 1)
			EXPECT(!e_disable_work_sync(&p->work));
		else
			EXPECT(!e_disable_delayed_work(&p->dwork));
	}
	for (i = 1; i < DEPTH; i++) {
		EXPECT(!e_enable_work(&p->work));
		EXPECT(!e_queue_work(wq, &p->work));
	}
	expect_disabled(wq, p);
	EXPECT(e_enable_delayed_work(&p->dwork));
	expect_enabled(wq, p);
	test_destroy(wq);
	probes_free(p);
}

static void disable_pending(void)
{
	struct e_wq *wq;
	struct probe *p;
	int sync;

	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		return;
	}
	wq = e_alloc_workqueue("t_pending", E_PERCPU, 1);
	p = probes(2);
	for (sync = 0; sync < 2; sync++) {
		if (!block_on(&p[1], wq))
			return;
		EXPECT(e_queue_work_on(0, wq, &p->work));
		EXPECT(sync ? e_disable_work_sync(&p->work)
			    : e_disable_work(&p->work));
		EXPECT(!e_queue_work_on(0, wq, &p->work));
		open_gate(&p[1]);
		WAIT(&p[1].done);
		expect_disabled(wq, p);
		EXPECT_EQ(RUNS(p), sync);
		EXPECT(e_enable_work(&p->work));
		expect_enabled(wq, p);
	}
	test_destroy(wq);
	probes_free(p);
}

static void disable_timer_pending(void)
{
	struct e_wq *wq;
	struct probe *p;

	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		return;
	}
	wq = e_alloc_workqueue("t_timer", E_PERCPU, 0);
	p = probes(1);
	EXPECT(e_queue_delayed_work(wq, &p->dwork, 2 * HZ));
	EXPECT(e_disable_delayed_work(&p->dwork));
	msleep(2200);
	EXPECT_EQ(RUNS(p), 0);
	expect_disabled(wq, p);
	EXPECT(!e_flush_delayed_work(&p->dwork));
	EXPECT(e_enable_delayed_work(&p->dwork));
	EXPECT(e_queue_delayed_work(wq, &p->dwork, LONG_DELAY));
	EXPECT(e_disable_delayed_work_sync(&p->dwork));
	EXPECT(!e_disable_delayed_work_sync(&p->dwork));
	expect_disabled(wq, p);
	EXPECT(!e_enable_delayed_work(&p->dwork));
	EXPECT(e_enable_delayed_work(&p->dwork));
	expect_enabled(wq, p);
	test_destroy(wq);
	probes_free(p);
}

static void disable_sync_the_probe(int nr)
{
	if (e_disable_work_sync(&the_probe->work))
		FAIL("a running item is not pending");
	if (atomic_read(&in_flight))
		FAIL("disable_work_sync returned before the item did");
}

static void disable_running(void)
{
	struct test_thread *t;
	struct e_wq *wq;
	struct probe *p;

	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		return;
	}
	wq = e_alloc_workqueue("t_running", E_PERCPU, 0);
	p = probes(1);
	the_probe = p;
	/* not waited for */
	if (!block_on(p, wq))
		return;
	EXPECT(!e_disable_work(&p->work));
	EXPECT_EQ(e_work_busy(&p->work), E_BUSY_RUNNING);
	EXPECT(!e_queue_work(wq, &p->work));
	/* waited for; the depth is two now */
	t = test_thread_start(disable_sync_the_probe, 0, -1);
	test_thread_sleeps(t);
	EXPECT(!completion_done(&t->done));
	open_gate(p);
	if (!test_threads_join())
		return;
	EXPECT_EQ(RUNS(p), 1);
	expect_disabled(wq, p);
	EXPECT(!e_enable_work(&p->work));
	EXPECT(e_enable_work(&p->work));
	expect_enabled(wq, p);
	/* enabled while it runs: may run again */
	reinit_completion(&p->started);
	if (!block_on(p, wq))
		return;
	EXPECT(!e_disable_work(&p->work));
	EXPECT(e_enable_work(&p->work));
	EXPECT(e_queue_work(wq, &p->work));
	complete_all(&p->gate);
	e_flush_work(&p->work);
	EXPECT_EQ(RUNS(p), 4);
	test_destroy(wq);
	probes_free(p);
}

static struct e_wq *forever_wq;
static atomic_t forever_runs = ATOMIC_INIT(0);

static void forever_fn(struct e_work *work)
{
	atomic_inc(&forever_runs);
	e_queue_work(forever_wq, work);
}

static void disable_self_requeueing(void)
{
	struct e_work *work;
	int round, runs;

	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		return;
	}
	forever_wq = e_alloc_workqueue("t_forever", E_PERCPU, 0);
	work = kmalloc(sizeof(*work), GFP_KERNEL);
	E_INIT_WORK(work, forever_fn);
	for (round = 0; round < 40; round++) {
		atomic_set(&forever_runs, 0);
		EXPECT(e_queue_work(forever_wq, work));
		if (!WAIT_FOR(atomic_read(&forever_runs) > round % 5))
			return;
		if (round & 1) {
			e_disable_work_sync(work);
		} else {
			e_disable_work(work);
			e_flush_work(work);
		}
		EXPECT_EQ(e_work_busy(work), 0);
		runs = atomic_read(&forever_runs);
		usleep_range(1000, 2000);
		EXPECT(!e_queue_work(forever_wq, work));
		EXPECT_EQ(atomic_read(&forever_runs), runs);
		EXPECT(e_enable_work(work));
	}
	test_destroy(forever_wq);
	if (test_may_free())
		kfree(work);
}

/* An item that a flush or a drain waits for may be disabled meanwhile. */
static struct e_wq *flushed_wq;

static void flush_fn(int nr)
{
	if (nr)
		e_flush_work(&the_probe->work);
	else
		e_flush_workqueue(flushed_wq);
}

static void disable_under_flush(void)
{
	struct test_thread *t[2];
	struct probe *p;

	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		return;
	}
	flushed_wq = e_alloc_workqueue("t_flushed", E_PERCPU, 1);
	p = probes(2);
	the_probe = p;
	if (!block_on(&p[1], flushed_wq))
		return;
	EXPECT(e_queue_work_on(0, flushed_wq, &p->work));
	t[0] = test_thread_start(flush_fn, 0, -1);
	t[1] = test_thread_start(flush_fn, 1, -1);
	test_thread_sleeps(t[0]);
	test_thread_sleeps(t[1]);
	EXPECT(!completion_done(&t[1]->done));
	EXPECT(e_disable_work(&p->work));
	WAIT_FOR(completion_done(&t[1]->done));
	EXPECT(!completion_done(&t[0]->done));
	open_gate(&p[1]);
	test_threads_join();
	EXPECT_EQ(RUNS(p), 0);
	EXPECT(e_enable_work(&p->work));
	expect_enabled(flushed_wq, p);
	test_destroy(flushed_wq);
	probes_free(p);
}

const struct test_case test_cases[] = {
	CASE(disable_idle),
	CASE(disable_nests),
	CASE(disable_pending),
	CASE(disable_timer_pending),
	CASE(disable_running),
	CASE(disable_self_requeueing),
	CASE(disable_under_flush),
	{}
};
