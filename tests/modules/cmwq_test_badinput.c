// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_test_badinput.c - what a driver gets wrong: refused with a log line,
 * and the machine goes on
 *
 * The log lines are checked by tests/test-badinput.sh.
 */
#include <linux/nodemask.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

/* After each misuse: a proper item still runs. */
static void still_works(void)
{
	struct probe *p = probes(1);

	EXPECT(cmwq_queue_work(cmwq_system_percpu_wq, &p->work));
	WAIT(&p->done);
	cmwq_flush_work(&p->work);
	probes_free(p);
}

/* Items that are none: what a forgotten or a freed one looks like. */
static void no_items(void)
{
	static const u8 patterns[] = { 0, 0x6b, 0x5a, 0xcc, 0x58 };
	struct cmwq_delayed_work *dwork = kzalloc(sizeof(*dwork), GFP_KERNEL);
	struct cmwq_work *work = &dwork->work;
	int i;

	for (i = 0; i < ARRAY_SIZE(patterns); i++) {
		memset(dwork, patterns[i], sizeof(*dwork));
		EXPECT(!cmwq_queue_work(cmwq_system_percpu_wq, work));
		EXPECT(!cmwq_queue_delayed_work(cmwq_system_percpu_wq, dwork,
						0));
		EXPECT(!cmwq_mod_delayed_work(cmwq_system_percpu_wq, dwork, 0));
		EXPECT(!cmwq_cancel_work(work));
		EXPECT(!cmwq_cancel_work_sync(work));
		EXPECT(!cmwq_disable_work(work));
		EXPECT(!cmwq_flush_work(work));
		EXPECT(!cmwq_flush_delayed_work(dwork));
		EXPECT(!cmwq_disable_delayed_work_sync(dwork));
		EXPECT_EQ(cmwq_work_busy(work), 0);
		EXPECT(((u8 *)work)[0] == patterns[i]);
	}
	kfree(dwork);
	still_works();
}

/* As often as it can be disabled, and once more. */
static void disabled_too_often(void)
{
	struct probe *p = probes(1);
	int i;

	for (i = 0; i < 65536; i++)
		cmwq_disable_work(&p->work);
	for (i = 0; i < 65535; i++) {
		if (cmwq_enable_work(&p->work))
			break;
		cond_resched();
	}
	EXPECT_EQ(i, 65534);
	EXPECT(cmwq_queue_work(cmwq_system_percpu_wq, &p->work));
	WAIT(&p->done);
	cmwq_flush_work(&p->work);
	probes_free(p);
}

/* Whoever drains a queue is told what it waits for. */
static struct cmwq_workqueue *stuck_wq;

static void drain_stuck(int nr)
{
	cmwq_drain_workqueue(stuck_wq);
}

static void drain_names_what_it_waits_for(void)
{
	struct cmwq_workqueue *wq;
	struct probe *p = probes(1);

	wq = cmwq_alloc_workqueue("t_stuck", CMWQ_PERCPU, 0);
	if (block_on(p, wq)) {
		stuck_wq = wq;
		test_thread_start(drain_stuck, 0, -1);
		msleep(6500);
		open_gate(p);
	}
	test_threads_join();
	test_destroy(wq);
	probes_free(p);
}

static void null_function(void)
{
	static struct cmwq_work work;

	CMWQ_INIT_WORK(&work, NULL);
	EXPECT(!cmwq_queue_work(cmwq_system_percpu_wq, &work));
	EXPECT(!cmwq_work_pending(&work));
	still_works();
}

static void null_arguments(void)
{
	struct probe *p = probes(1);

	EXPECT(!cmwq_queue_work(NULL, &p->work));
	EXPECT(!cmwq_work_pending(&p->work));
	EXPECT(!cmwq_queue_work(cmwq_system_percpu_wq, NULL));
	EXPECT(!cmwq_queue_delayed_work(cmwq_system_percpu_wq, NULL, 1));
	EXPECT(!cmwq_mod_delayed_work(NULL, &p->dwork, 1));
	EXPECT(!cmwq_flush_work(NULL));
	EXPECT(!cmwq_flush_delayed_work(NULL));
	EXPECT(!cmwq_cancel_work_sync(NULL));
	EXPECT(!cmwq_cancel_delayed_work_sync(NULL));
	EXPECT(!cmwq_disable_delayed_work(NULL));
	cmwq_flush_workqueue(NULL);
	cmwq_drain_workqueue(NULL);
	cmwq_destroy_workqueue(NULL);
	cmwq_workqueue_set_max_active(NULL, 1);
	EXPECT(!cmwq_workqueue_congested(0, NULL));
	EXPECT(!cmwq_queue_delayed_work(NULL, &p->dwork, 1));
	EXPECT(!cmwq_mod_delayed_work(cmwq_system_percpu_wq, NULL, 1));
	EXPECT(!cmwq_cancel_work(NULL));
	EXPECT(!cmwq_cancel_delayed_work(NULL));
	EXPECT(!cmwq_disable_work(NULL));
	EXPECT(!cmwq_disable_work_sync(NULL));
	EXPECT(!cmwq_disable_delayed_work_sync(NULL));
	EXPECT(!cmwq_enable_work(NULL));
	EXPECT(!cmwq_enable_delayed_work(NULL));
	EXPECT_EQ(cmwq_work_busy(NULL), 0);
	cmwq_destroy_work_on_stack(NULL);
	cmwq_destroy_delayed_work_on_stack(NULL);
	cmwq_set_worker_desc("%s", "not in an item");
	EXPECT(!cmwq_work_pending(&p->work));
	EXPECT(cmwq_queue_work(cmwq_system_percpu_wq, &p->work));
	WAIT(&p->done);
	cmwq_flush_work(&p->work);
	probes_free(p);
}

static void null_arguments_of_helpers(void)
{
	struct cmwq_execute_work ew;
	static struct cmwq_rcu_work rwork;
	static struct cmwq_work work;
	long (*nobody)(void *arg) = NULL;
	char buf[8] = "old";

	CMWQ_INIT_RCU_WORK(&rwork, probe_fn);
	EXPECT(!cmwq_queue_rcu_work(NULL, &rwork));
	EXPECT(!cmwq_queue_rcu_work(cmwq_system_percpu_wq, NULL));
	EXPECT(!cmwq_flush_rcu_work(NULL));
	EXPECT(!cmwq_work_pending(&rwork.work));
	CMWQ_INIT_WORK(&work, probe_fn);
	EXPECT(!cmwq_queue_work_node(0, NULL, &work));
	EXPECT(!cmwq_queue_work_node(0, cmwq_system_dfl_wq, NULL));
	EXPECT(!cmwq_enable_and_queue_work(cmwq_system_dfl_wq, NULL));
	EXPECT_EQ(cmwq_execute_in_process_context(NULL, &ew), -EINVAL);
	EXPECT_EQ(cmwq_execute_in_process_context(probe_fn, NULL), -EINVAL);
	EXPECT_EQ(cmwq_work_on_cpu(0, nobody, NULL), -EINVAL);
	EXPECT_EQ(cmwq_work_on_cpu_safe(0, nobody, NULL), -EINVAL);
	EXPECT_EQ(cmwq_schedule_on_each_cpu(NULL), -EINVAL);
	EXPECT(!cmwq_devm_alloc_workqueue(NULL, "t_nodev", CMWQ_PERCPU, 0));
	cmwq_show_one_workqueue(NULL);
	cmwq_print_worker_info(NULL, current);
	cmwq_print_worker_info(KERN_INFO, NULL);
	cmwq_wq_worker_comm(NULL, 8, current);
	cmwq_wq_worker_comm(buf, 0, current);
	cmwq_wq_worker_comm(buf, sizeof(buf), NULL);
	EXPECT(!strcmp(buf, "old"));
	still_works();
}

static long never_fn(void *arg)
{
	FAIL("called for a CPU that does not exist");
	return 0;
}

static void bad_places(void)
{
	static const int cpus[] = { -1, INT_MAX, CMWQ_WORK_CPU_UNBOUND };
	static const int nodes[] = { -2, INT_MIN, MAX_NUMNODES, INT_MAX };
	struct probe *p = probes(1);
	int i;

	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		EXPECT_EQ(cmwq_work_on_cpu(cpus[i], never_fn, NULL), -EINVAL);
		EXPECT_EQ(cmwq_work_on_cpu_safe(cpus[i], never_fn, NULL),
			  -EINVAL);
	}
	/* Queued all the same. */
	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		EXPECT(cmwq_queue_work_node(nodes[i], cmwq_system_dfl_wq,
					    &p->work));
		WAIT(&p->done);
		cmwq_flush_work(&p->work);
	}
	EXPECT(cmwq_queue_work_node(0, cmwq_system_percpu_wq, &p->work));
	WAIT(&p->done);
	cmwq_flush_work(&p->work);
	probes_free(p);
}

static void flush_of_everybodys_items(void)
{
	struct probe *p = probes(1);

	EXPECT(cmwq_schedule_work(&p->work));
	cmwq_flush_scheduled_work();
	EXPECT_EQ(RUNS(p), 1);
	probes_free(p);
}

static void enable_and_queue_what_is_enabled(void)
{
	struct probe *p = probes(1);

	EXPECT(cmwq_enable_and_queue_work(cmwq_system_percpu_wq, &p->work));
	WAIT(&p->done);
	cmwq_flush_work(&p->work);
	probes_free(p);
}

static void plain_item_as_delayed(void)
{
	struct cmwq_delayed_work *dwork = kzalloc(sizeof(*dwork), GFP_KERNEL);

	CMWQ_INIT_WORK(&dwork->work, probe_fn);
	EXPECT(!cmwq_queue_delayed_work(cmwq_system_percpu_wq, dwork, 1));
	EXPECT(!cmwq_work_pending(&dwork->work));
	kfree(dwork);
	still_works();
}

static void bad_cpus(void)
{
	static const int cpus[] = { -1, INT_MIN, INT_MAX, 100000 };
	struct probe *p = probes(1);
	int i;

	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		EXPECT(!cmwq_queue_work_on(cpus[i], cmwq_system_percpu_wq,
					   &p->work));
		EXPECT(!cmwq_queue_delayed_work_on(cpus[i],
						   cmwq_system_percpu_wq,
						   &p->dwork, 1));
		EXPECT(!cmwq_workqueue_congested(cpus[i],
						 cmwq_system_percpu_wq));
	}
	EXPECT(!cmwq_queue_work_on(nr_cpu_ids, cmwq_system_percpu_wq,
				   &p->work));
	EXPECT(!cmwq_work_pending(&p->work));
	probes_free(p);
	still_works();
}

static void bad_queues(void)
{
	const char *none = test_may_free() ? NULL : "";
	struct cmwq_workqueue *wq;

	EXPECT(!cmwq_alloc_workqueue("t_flags", CMWQ_PERCPU | 1 << 30, 0));
	EXPECT(!cmwq_alloc_workqueue("t_system", CMWQ_PERCPU | __CMWQ_SYSTEM,
				     0));
	EXPECT(!cmwq_alloc_workqueue("t_bh", CMWQ_BH, 1));
	wq = cmwq_alloc_ordered_workqueue("t_both", CMWQ_PERCPU);
	EXPECT(wq);
	test_destroy(wq);
	wq = cmwq_alloc_ordered_workqueue("t_hog", CMWQ_CPU_INTENSIVE);
	EXPECT(wq);
	test_destroy(wq);
	EXPECT(!__cmwq_alloc_workqueue(THIS_MODULE, CMWQ_PERCPU, 0, none));

	wq = cmwq_alloc_workqueue("t_two_kinds", CMWQ_PERCPU | CMWQ_UNBOUND, 0);
	EXPECT(wq);
	cmwq_destroy_workqueue(wq);
	wq = cmwq_alloc_workqueue("t_no_kind", 0, 0);
	EXPECT(wq);
	cmwq_destroy_workqueue(wq);
	wq = cmwq_alloc_workqueue("t_%040d", CMWQ_PERCPU, 0, 7);
	EXPECT(wq);
	cmwq_destroy_workqueue(wq);
	still_works();
}

static void bad_max_active(void)
{
	struct cmwq_workqueue *wq =
		cmwq_alloc_workqueue("t_max_neg", CMWQ_PERCPU, -5);
	struct probe *p = probes(2);

	/* -5 became 1: the second waits for the first. */
	p[0].gated = true;
	EXPECT(cmwq_queue_work_on(0, wq, &p[0].work));
	WAIT(&p[0].started);
	EXPECT(cmwq_queue_work_on(0, wq, &p[1].work));
	EXPECT(cmwq_workqueue_congested(0, wq));
	cmwq_workqueue_set_max_active(wq, INT_MAX);	/* 2048 */
	WAIT(&p[1].done);
	complete(&p[0].gate);
	WAIT(&p[0].done);
	test_destroy(wq);

	wq = cmwq_alloc_ordered_workqueue("t_max_ordered", 0);
	cmwq_workqueue_set_max_active(wq, 5);
	test_destroy(wq);
	probes_free(p);
}

static void enable_what_is_enabled(void)
{
	struct probe *p = probes(1);

	EXPECT(cmwq_enable_work(&p->work));
	EXPECT(cmwq_queue_work(cmwq_system_percpu_wq, &p->work));
	WAIT(&p->done);
	cmwq_flush_work(&p->work);
	EXPECT(!cmwq_disable_work(&p->work));
	EXPECT(cmwq_enable_work(&p->work));
	EXPECT(cmwq_enable_work(&p->work));
	probes_free(p);
}

static struct cmwq_workqueue *self_wq;
static struct completion self_done;

/* All of these would wait for this very item. */
static void self_fn(struct cmwq_work *work)
{
	EXPECT(!cmwq_flush_work(work));
	EXPECT(!cmwq_cancel_work_sync(work));
	cmwq_flush_workqueue(self_wq);
	cmwq_drain_workqueue(self_wq);
	cmwq_destroy_workqueue(self_wq);
	complete(&self_done);
}

static void waiting_for_oneself(void)
{
	static struct cmwq_work work;

	init_completion(&self_done);
	self_wq = cmwq_alloc_workqueue("t_self", CMWQ_PERCPU, 0);
	CMWQ_INIT_WORK(&work, self_fn);
	EXPECT(cmwq_queue_work(self_wq, &work));
	WAIT(&self_done);
	/* The queue is as usable as before. */
	EXPECT(cmwq_queue_work(self_wq, &work));
	WAIT(&self_done);
	test_destroy(self_wq);
}

static void destroyed_queue(void)
{
	struct cmwq_workqueue *wq =
		cmwq_alloc_workqueue("t_gone", CMWQ_PERCPU, 0);
	struct probe *p = probes(1);

	cmwq_destroy_workqueue(wq);
	EXPECT(!cmwq_queue_work(wq, &p->work));
	EXPECT(!cmwq_queue_delayed_work(wq, &p->dwork, 1));
	EXPECT(!cmwq_work_pending(&p->work));
	cmwq_flush_workqueue(wq);
	cmwq_drain_workqueue(wq);
	cmwq_workqueue_set_max_active(wq, 3);
	cmwq_destroy_workqueue(wq);
	probes_free(p);
	still_works();
}

/* Memory that was never a queue. */
static void no_queues(void)
{
	struct cmwq_workqueue *wq = kzalloc(PAGE_SIZE, GFP_KERNEL);
	struct probe *p = probes(1);

	EXPECT(!cmwq_queue_work(wq, &p->work));
	EXPECT(!cmwq_work_pending(&p->work));
	cmwq_flush_workqueue(wq);
	cmwq_destroy_workqueue(wq);
	probes_free(p);
	kfree(wq);
	still_works();
}

/* Who reclaims memory may not wait for items that need some. */
static void waiting_while_reclaiming(void)
{
	struct cmwq_workqueue *wq =
		cmwq_alloc_workqueue("t_no_rescuer", CMWQ_PERCPU, 0);
	unsigned int flags = memalloc_noreclaim_save();

	cmwq_flush_workqueue(wq);
	memalloc_noreclaim_restore(flags);
	test_destroy(wq);
}

static struct probe *bh_waits_for;

static void bh_waits_fn(struct cmwq_work *work)
{
	cmwq_flush_workqueue(cmwq_system_percpu_wq);
	EXPECT(!cmwq_flush_work(&bh_waits_for->work));
	complete(&self_done);
}

/* A kernel that looks for sleeping in the wrong place is louder than cmwq. */
static void waiting_in_softirq(void)
{
	static struct cmwq_work work;

	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) ||
	    IS_ENABLED(CONFIG_PREEMPT_RT)) {
		test_skip("this kernel itself complains");
		return;
	}
	init_completion(&self_done);
	bh_waits_for = probes(1);
	if (block_on(bh_waits_for, cmwq_system_percpu_wq)) {
		CMWQ_INIT_WORK(&work, bh_waits_fn);
		EXPECT(cmwq_queue_work(cmwq_system_bh_wq, &work));
		WAIT(&self_done);
		cmwq_flush_work(&work);
		open_gate(bh_waits_for);
		cmwq_flush_work(&bh_waits_for->work);
	}
	probes_free(bh_waits_for);
}

/* A timer that was forgotten when its queue was destroyed. */
static void timer_of_a_destroyed_queue(void)
{
	struct cmwq_workqueue *wq =
		cmwq_alloc_workqueue("t_gone_timer", CMWQ_PERCPU, 0);
	struct probe *p = probes(1);

	EXPECT(cmwq_queue_delayed_work(wq, &p->dwork, 3 * HZ));
	cmwq_destroy_workqueue(wq);
	msleep(3000);
	WAIT_FOR(!cmwq_work_pending(&p->work));
	EXPECT_EQ(atomic_read(&p->runs), 0);
	/* The item itself is unharmed. */
	EXPECT(cmwq_queue_work(cmwq_system_percpu_wq, &p->work));
	WAIT(&p->done);
	cmwq_flush_work(&p->work);
	probes_free(p);
}

/* A grace period that ends when the item's queue is closed. */
static struct cmwq_workqueue *rcu_wq;
static bool rcu_reading, rcu_end;

static void rcu_thread(int nr)
{
	unsigned long limit = jiffies + 8 * HZ;

	if (nr) {
		cmwq_destroy_workqueue(rcu_wq);
		return;
	}
	rcu_read_lock();
	WRITE_ONCE(rcu_reading, true);
	while (!READ_ONCE(rcu_end) && time_before(jiffies, limit))
		cpu_relax();
	rcu_read_unlock();
}

static void grace_period_of_a_destroyed_queue(void)
{
	struct cmwq_rcu_work *rwork = kzalloc(sizeof(*rwork), GFP_KERNEL);

	rcu_wq = cmwq_alloc_workqueue("t_gone_rcu", CMWQ_PERCPU, 0);
	CMWQ_INIT_RCU_WORK(rwork, probe_fn);
	test_thread_start(rcu_thread, 0, 1);
	WAIT_FOR(READ_ONCE(rcu_reading));
	EXPECT(cmwq_queue_rcu_work(rcu_wq, rwork));
	/* It waits for the reader, too. */
	test_thread_sleeps(test_thread_start(rcu_thread, 1, 0));
	EXPECT(cmwq_work_pending(&rwork->work));
	WRITE_ONCE(rcu_end, true);
	test_threads_join();
	EXPECT(!cmwq_cancel_work_sync(&rwork->work));
	EXPECT(!cmwq_work_pending(&rwork->work));
	kfree(rwork);
	still_works();
}

static void system_queue_stays(void)
{
	cmwq_destroy_workqueue(cmwq_system_percpu_wq);
	cmwq_destroy_workqueue(cmwq_system_dfl_wq);
	still_works();
}

static struct cmwq_workqueue *drained_wq;
static struct completion drained;

static void drain_thread(int nr)
{
	cmwq_drain_workqueue(drained_wq);
	complete(&drained);
}

static void queueing_while_drained(void)
{
	struct probe *p = probes(3);
	struct test_thread *t;

	init_completion(&drained);
	drained_wq = cmwq_alloc_workqueue("t_drained", CMWQ_PERCPU, 0);
	/* The first blocks the drain and may requeue itself; nobody else may. */
	p[0].gated = true;
	p[0].wq = drained_wq;
	EXPECT(cmwq_queue_work(drained_wq, &p[0].work));
	WAIT(&p[0].started);
	EXPECT(cmwq_queue_delayed_work(drained_wq, &p[2].dwork, 3 * HZ));
	t = test_thread_start(drain_thread, 0, -1);
	if (!t || !test_thread_sleeps(t))
		return;
	EXPECT(!cmwq_queue_work(drained_wq, &p[1].work));
	msleep(3000);
	WAIT_FOR(!cmwq_work_pending(&p[2].work));
	EXPECT_EQ(atomic_read(&p[2].runs), 0);
	EXPECT(!try_wait_for_completion(&drained));
	complete(&p[0].gate);
	WAIT(&drained);
	/* Open again. */
	EXPECT(cmwq_queue_work(drained_wq, &p[1].work));
	WAIT(&p[1].done);
	test_threads_join();
	test_destroy(drained_wq);
	probes_free(p);
}

/* An item that waits for its gate and then queues another one. */
static struct probe *chained;

static void chaining_fn(struct cmwq_work *work)
{
	complete(&chained[0].started);
	test_gate(&chained[0].gate);
	EXPECT(cmwq_queue_work(drained_wq, &chained[1].work));
	atomic_inc(&chained[0].runs);
}

static void destroy_thread(int nr)
{
	cmwq_destroy_workqueue(drained_wq);
	if (atomic_read(&chained[1].runs) != 1)
		FAIL("destroyed before the item that an item queued has run");
}

static void queueing_while_destroyed(void)
{
	struct probe *p = probes(3);
	struct test_thread *t;

	chained = p;
	drained_wq = cmwq_alloc_workqueue("t_destroyed", CMWQ_PERCPU, 0);
	CMWQ_INIT_WORK(&p[0].work, chaining_fn);
	EXPECT(cmwq_queue_work(drained_wq, &p[0].work));
	if (!WAIT(&p[0].started))
		return;
	t = test_thread_start(destroy_thread, 0, -1);
	if (!t || !test_thread_sleeps(t))
		return;
	EXPECT(!cmwq_queue_work(drained_wq, &p[2].work));
	EXPECT(!cmwq_work_pending(&p[2].work));
	EXPECT(!completion_done(&t->done));
	complete(&p[0].gate);
	if (!test_threads_join())
		return;
	EXPECT_EQ(atomic_read(&p[0].runs), 1);
	EXPECT_EQ(atomic_read(&p[1].runs), 1);
	EXPECT_EQ(atomic_read(&p[2].runs), 0);
	probes_free(p);
	still_works();
}

static void busy_queue_is_drained(void)
{
	struct cmwq_workqueue *wq =
		cmwq_alloc_workqueue("t_busy", CMWQ_PERCPU, 2);
	struct probe *p = probes(20);
	int i;

	for (i = 0; i < 20; i++) {
		p[i].wq = wq;
		p[i].requeues = i % 3;
		EXPECT(cmwq_queue_work(wq, &p[i].work));
	}
	cmwq_destroy_workqueue(wq);
	for (i = 0; i < 20; i++)
		EXPECT_EQ(atomic_read(&p[i].runs), 1 + i % 3);
	probes_free(p);
}

const struct test_case test_cases[] = {
	CASE(no_items),
	CASE(null_function),
	CASE(disabled_too_often),
	CASE(drain_names_what_it_waits_for),
	CASE(null_arguments),
	CASE(null_arguments_of_helpers),
	CASE(bad_places),
	CASE(flush_of_everybodys_items),
	CASE(enable_and_queue_what_is_enabled),
	CASE(plain_item_as_delayed),
	CASE(bad_cpus),
	CASE(bad_queues),
	CASE(bad_max_active),
	CASE(enable_what_is_enabled),
	CASE(waiting_for_oneself),
	CASE(destroyed_queue),
	CASE(no_queues),
	CASE(waiting_while_reclaiming),
	CASE(waiting_in_softirq),
	CASE(timer_of_a_destroyed_queue),
	CASE(grace_period_of_a_destroyed_queue),
	CASE(system_queue_stays),
	CASE(queueing_while_drained),
	CASE(queueing_while_destroyed),
	CASE(busy_queue_is_drained),
	{}
};
