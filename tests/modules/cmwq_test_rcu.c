// SPDX-License-Identifier: GPL-2.0-only
/*
 * Items with an RCU grace period before them: queueing, waiting and taking back
 * before, during and after it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/rcupdate.h>

#include "engine.h"
#include "cmwq_test.h"

/* Readers, which hold a grace period up as long as the test likes */

#define NREADERS	2

static struct reader {
	bool reading, end;
} readers[NREADERS];

static void reader_fn(int nr)
{
	struct reader *r = &readers[nr];
	unsigned long limit = jiffies + 8 * HZ;

	rcu_read_lock();
	WRITE_ONCE(r->reading, true);
	while (!READ_ONCE(r->end) && time_before(jiffies, limit))
		cpu_relax();
	if (!READ_ONCE(r->end))
		FAIL("a reader was left alone");
	rcu_read_unlock();
}

static bool start_reader(int nr)
{
	struct reader *r = &readers[nr];
	int cpu = num_online_cpus() - 1 - nr;

	if (cpu < 1) {
		test_skip("too few CPUs");
		return false;
	}
	WRITE_ONCE(r->reading, false);
	WRITE_ONCE(r->end, false);
	return test_thread_start(reader_fn, nr, cpu) &&
	       WAIT_FOR(READ_ONCE(r->reading));
}

static void end_reader(int nr)
{
	WRITE_ONCE(readers[nr].end, true);
}

/* The item */

struct item {
	struct e_rcu_work rwork;
	struct completion started, gate, done;
	struct e_wq *wq;
	bool gated;
	int requeues, cpu;
	atomic_t runs, running;
};

static void item_fn(struct e_work *work)
{
	struct item *i = container_of(e_to_rcu_work(work), struct item, rwork);

	if (atomic_inc_return(&i->running) != 1)
		FAIL("runs twice at once");
	i->cpu = raw_smp_processor_id();
	if (i->requeues) {
		i->requeues--;
		EXPECT(e_queue_rcu_work(i->wq, &i->rwork));
	}
	complete(&i->started);
	if (i->gated)
		test_gate(&i->gate);
	atomic_dec(&i->running);
	atomic_inc(&i->runs);
	complete(&i->done);
}

static struct item *new_item(struct e_wq *wq)
{
	struct item *i = kzalloc(sizeof(*i), GFP_KERNEL);

	E_INIT_RCU_WORK(&i->rwork, item_fn);
	init_completion(&i->started);
	init_completion(&i->gate);
	init_completion(&i->done);
	i->wq = wq;
	return i;
}

/* Poisoned: a callback that comes later would crash. */
static void free_item(struct item *i)
{
	if (!test_may_free())
		return;
	memset(i, 0x6b, sizeof(*i));
	kfree(i);
}

#define RUNS(i)	atomic_read(&(i)->runs)
#define PENDING(i)	(!!e_work_pending(&(i)->rwork.work))

static void rcu_waits_for_readers(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_rcu", E_PERCPU, 0);
	struct item *i = new_item(wq);

	if (!start_reader(0))
		return;
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	EXPECT(!e_queue_rcu_work(wq, &i->rwork));
	EXPECT(!e_queue_work(wq, &i->rwork.work));
	msleep(100);
	EXPECT(PENDING(i));
	EXPECT_EQ(e_work_busy(&i->rwork.work), E_BUSY_PENDING);
	/* Neither the item nor the queue waits for the grace period. */
	EXPECT(!e_flush_work(&i->rwork.work));
	e_flush_workqueue(wq);
	EXPECT_EQ(RUNS(i), 0);
	end_reader(0);
	if (!WAIT(&i->done))
		return;
	e_flush_work(&i->rwork.work);
	EXPECT_EQ(RUNS(i), 1);
	EXPECT(!PENDING(i));
	test_threads_join();
	test_destroy(wq);
	free_item(i);
}

static struct item *flushed;

static void flush_fn(int nr)
{
	EXPECT(e_flush_rcu_work(&flushed->rwork));
	EXPECT_EQ(RUNS(flushed), 1);
}

static void rcu_flush_states(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_flush", E_PERCPU, 0);
	struct item *i = new_item(wq);
	struct test_thread *t;
	int round;

	flushed = i;
	EXPECT(!e_flush_rcu_work(&i->rwork));
	for (round = 1; round <= 10; round++) {
		EXPECT(e_queue_rcu_work(wq, &i->rwork));
		EXPECT(e_flush_rcu_work(&i->rwork));
		EXPECT_EQ(RUNS(i), round);
	}
	EXPECT(!e_flush_rcu_work(&i->rwork));

	/* While it runs, and while it waits. */
	atomic_set(&i->runs, 0);
	init_completion(&i->started);
	i->gated = true;
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	if (!WAIT(&i->started))
		return;
	t = test_thread_start(flush_fn, 0, -1);
	test_thread_sleeps(t);
	EXPECT(!completion_done(&t->done));
	complete(&i->gate);
	test_threads_join();
	test_destroy(wq);
	free_item(i);
}

static void rcu_requeues_itself(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_again", E_UNBOUND, 0);
	struct item *i = new_item(wq);

	i->requeues = 10;
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	if (WAIT_FOR(RUNS(i) == 11)) {
		EXPECT(!PENDING(i));
		e_flush_rcu_work(&i->rwork);
		EXPECT_EQ(RUNS(i), 11);
	}
	test_destroy(wq);
	free_item(i);
}

static void stack_fn(struct e_work *work)
{
}

static void rcu_on_stack(void)
{
	struct e_rcu_work rwork;

	if (IS_ENABLED(CONFIG_DEBUG_OBJECTS_RCU_HEAD)) {
		test_skip("this kernel wants every rcu_head announced");
		return;
	}
	E_INIT_RCU_WORK_ONSTACK(&rwork, stack_fn);
	EXPECT(e_to_rcu_work(&rwork.work) == &rwork);
	EXPECT(e_queue_rcu_work(e_system_wq, &rwork));
	EXPECT(e_flush_rcu_work(&rwork));
	EXPECT(!e_cancel_work_sync(&rwork.work));
	e_destroy_work_on_stack(&rwork.work);
}

/*
 * Taking back: the kernel's own cannot, by its own word.  It spins for the
 * grace period, which then does not end if it is not preempted.
 */
static bool no_cancel(void)
{
	if (!ENGINE_IS_CMWQ)
		test_skip("the kernel's own cannot take an rcu_work back");
	return !ENGINE_IS_CMWQ;
}

static void rcu_cancel_sync_and_free(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_cancel", E_PERCPU, 0);
	struct item *i;
	int round;
	bool was;

	if (no_cancel())
		goto out;
	for (round = 0; round < 40; round++) {
		i = new_item(wq);
		EXPECT(e_queue_rcu_work(wq, &i->rwork));
		if (round & 3)
			usleep_range(1000 * (round & 3), 8000);
		was = e_cancel_work_sync(&i->rwork.work);
		EXPECT_EQ(RUNS(i), !was);
		EXPECT(!PENDING(i));
		free_item(i);
	}
out:
	test_destroy(wq);
}

static void rcu_disable(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_disable", E_PERCPU, 0);
	struct item *i = new_item(wq);
	bool was;

	if (no_cancel())
		goto out;
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	was = e_disable_work_sync(&i->rwork.work);
	EXPECT_EQ(RUNS(i), !was);
	EXPECT(!PENDING(i));
	EXPECT(!e_queue_rcu_work(wq, &i->rwork));
	EXPECT(!e_queue_work(wq, &i->rwork.work));
	EXPECT(e_enable_work(&i->rwork.work));
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	EXPECT(e_flush_rcu_work(&i->rwork));
	EXPECT_EQ(RUNS(i), 1 + !was);
out:
	test_destroy(wq);
	free_item(i);
}

static void rcu_cancel_in_grace_period(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_early", E_PERCPU, 0);
	struct item *i = new_item(wq);
	unsigned long flags;
	int round;

	if (no_cancel())
		goto out;
	if (!start_reader(0))
		return;
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	for (round = 0; round < 10; round++) {
		/* Nobody could end the grace period meanwhile. */
		local_irq_save(flags);
		EXPECT(e_cancel_work(&i->rwork.work));
		EXPECT(!e_cancel_work(&i->rwork.work));
		EXPECT(!PENDING(i));
		EXPECT_EQ(e_work_busy(&i->rwork.work), 0);
		EXPECT(e_queue_rcu_work(wq, &i->rwork));
		EXPECT(!e_queue_rcu_work(wq, &i->rwork));
		EXPECT(PENDING(i));
		local_irq_restore(flags);
	}
	EXPECT(e_disable_work(&i->rwork.work));
	EXPECT(!e_queue_rcu_work(wq, &i->rwork));
	EXPECT(!e_disable_work(&i->rwork.work));
	EXPECT(!e_enable_work(&i->rwork.work));
	EXPECT(e_enable_work(&i->rwork.work));
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	EXPECT_EQ(RUNS(i), 0);
	end_reader(0);
	EXPECT(e_flush_rcu_work(&i->rwork));
	EXPECT_EQ(RUNS(i), 1);
	test_threads_join();
out:
	test_destroy(wq);
	free_item(i);
}

/* Queued again it waits for the readers of then. */
static void rcu_full_grace_period_again(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_full", E_PERCPU, 0);
	struct item *i = new_item(wq);

	if (no_cancel())
		goto out;
	if (!start_reader(0))
		return;
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	EXPECT(e_cancel_work(&i->rwork.work));
	/* The grace period that has begun does not wait for this one. */
	msleep(50);
	if (!start_reader(1)) {
		end_reader(0);
		return;
	}
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	end_reader(0);
	msleep(200);
	EXPECT(PENDING(i));
	EXPECT_EQ(RUNS(i), 0);
	end_reader(1);
	if (!WAIT(&i->done))
		return;
	e_flush_rcu_work(&i->rwork);
	EXPECT_EQ(RUNS(i), 1);
	EXPECT(!PENDING(i));
	test_threads_join();
out:
	test_destroy(wq);
	free_item(i);
}

static struct item *cancelled;

static void wait_for_head_fn(int nr)
{
	switch (nr) {
	case 0:
		EXPECT(!e_cancel_work_sync(&cancelled->rwork.work));
		break;
	case 1:
		EXPECT(!e_flush_rcu_work(&cancelled->rwork));
		break;
	case 2:
		EXPECT(!e_disable_work_sync(&cancelled->rwork.work));
		break;
	}
}

/* What was cancelled before is not let go of before RCU has. */
static void rcu_waits_for_the_head(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_head", E_PERCPU, 0);
	struct item *i = new_item(wq);
	struct test_thread *t[3];
	int n;

	if (no_cancel())
		goto out;
	cancelled = i;
	if (!start_reader(0))
		return;
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	EXPECT(e_cancel_work(&i->rwork.work));
	for (n = 0; n < 3; n++) {
		t[n] = test_thread_start(wait_for_head_fn, n, -1);
		test_thread_sleeps(t[n]);
	}
	msleep(50);
	for (n = 0; n < 3; n++)
		EXPECT(!completion_done(&t[n]->done));
	end_reader(0);
	if (!test_threads_join())
		return;
	EXPECT_EQ(RUNS(i), 0);
out:
	test_destroy(wq);
	free_item(i);
}

/* Queued in the plain way while RCU has its head: once, and where it shall. */
static void rcu_plain_queueing(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_plain", E_PERCPU, 0);
	struct item *i = new_item(wq);

	EXPECT(e_queue_work(wq, &i->rwork.work));
	WAIT(&i->done);
	e_flush_work(&i->rwork.work);
	EXPECT_EQ(RUNS(i), 1);
	if (!ENGINE_IS_CMWQ)
		goto out;	/* see no_cancel() */
	if (!start_reader(0))
		return;
	EXPECT(e_queue_rcu_work(wq, &i->rwork));
	EXPECT(e_cancel_work(&i->rwork.work));
	EXPECT(e_queue_work_on(1, wq, &i->rwork.work));
	EXPECT(!e_queue_work(wq, &i->rwork.work));
	EXPECT(PENDING(i));
	EXPECT(e_cancel_work(&i->rwork.work));
	EXPECT(e_queue_work_on(1, wq, &i->rwork.work));
	end_reader(0);
	if (!WAIT(&i->done))
		return;
	e_flush_work(&i->rwork.work);
	EXPECT_EQ(RUNS(i), 2);
	EXPECT_EQ(i->cpu, 1);
	test_threads_join();
out:
	test_destroy(wq);
	free_item(i);
}

/* Everything at once: what was queued has run or was taken off. */

#define NITEMS	3

static struct item *raced[NITEMS];
static atomic_t queued, taken;

static void race_fn(int nr)
{
	u32 seed = 4711 + nr;
	struct e_work *work;
	struct item *i;
	int round;

	for (round = 0; round < 400; round++) {
		i = raced[test_random(&seed) % NITEMS];
		work = &i->rwork.work;
		switch (test_random(&seed) % (ENGINE_IS_CMWQ ? 8 : 5)) {
		case 0:
		case 1:
		case 2:
			if (e_queue_rcu_work(i->wq, &i->rwork))
				atomic_inc(&queued);
			break;
		case 3:
			if (e_queue_work(i->wq, work))
				atomic_inc(&queued);
			break;
		case 4:
			if (!(round % 4))
				e_flush_rcu_work(&i->rwork);
			break;
		/* see no_cancel() */
		case 5:
			if (e_cancel_work_sync(work))
				atomic_inc(&taken);
			break;
		case 6:
			if (!ENGINE_HAS_DISABLE)
				break;	/* for the linker */
			if (e_disable_work(work))
				atomic_inc(&taken);
			e_enable_work(work);
			break;
		case 7:
			if (e_cancel_work(work))
				atomic_inc(&taken);
			break;
		}
		if (!(round % 8))
			EXPECT(test_may_free());	/* progress */
	}
}

static void rcu_everything_at_once(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_race", E_PERCPU, 0);
	int n, runs = 0;

	atomic_set(&queued, 0);
	atomic_set(&taken, 0);
	for (n = 0; n < NITEMS; n++)
		raced[n] = new_item(wq);
	if (!test_run_threads(race_fn, num_online_cpus() + 1))
		return;
	for (n = 0; n < NITEMS; n++) {
		e_flush_rcu_work(&raced[n]->rwork);
		EXPECT(!e_cancel_work_sync(&raced[n]->rwork.work));
		runs += RUNS(raced[n]);
	}
	EXPECT_EQ(atomic_read(&queued), runs + atomic_read(&taken));
	EXPECT_OP(runs, >, 0);
	EXPECT(!ENGINE_IS_CMWQ || atomic_read(&taken) > 0);
	test_destroy(wq);
	for (n = 0; n < NITEMS; n++)
		free_item(raced[n]);
}

const struct test_case test_cases[] = {
	CASE(rcu_waits_for_readers),
	CASE(rcu_flush_states),
	CASE(rcu_requeues_itself),
	CASE(rcu_on_stack),
	CASE(rcu_cancel_sync_and_free),
	CASE(rcu_disable),
	CASE(rcu_cancel_in_grace_period),
	CASE(rcu_full_grace_period_again),
	CASE(rcu_waits_for_the_head),
	CASE(rcu_plain_queueing),
	CASE(rcu_everything_at_once),
	{}
};
