// SPDX-License-Identifier: GPL-2.0-only
/*
 * BH queues: the contract of the API in softirq context.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "engine.h"
#include "cmwq_test.h"

#include <linux/interrupt.h>

#if ENGINE_HAS_BH

#define MANY	2000

#define HOLD_MS	100

/* An item that notes where it ran, and holds its CPU for a while. */
struct bh_item {
	struct e_delayed_work dwork;
	struct e_wq *wq;
	atomic_t runs, inside, most_inside;
	int cpu, in_softirq, requeues, seq;
	unsigned int hold;		/* ms */
	atomic_t held;
	struct e_work *current_work;
	struct e_work *cancels;		/* from inside */
	bool cancelled;
};

static struct bh_item items[MANY];
static atomic_t sequence;

static void bh_fn(struct e_work *work)
{
	struct bh_item *it = container_of(work, struct bh_item, dwork.work);
	ktime_t end;

	test_raise(&it->most_inside, atomic_inc_return(&it->inside));
	it->cpu = raw_smp_processor_id();
	it->in_softirq = in_serving_softirq() != 0;
	it->current_work = e_current_work();
	it->seq = atomic_inc_return(&sequence);
	if (it->requeues) {
		it->requeues--;
		e_queue_work(it->wq, work);
	}
	if (it->cancels)
		it->cancelled = e_cancel_work_sync(it->cancels);
	atomic_set(&it->held, 1);
	/* Not by mdelay(), which is much too short on an emulated CPU. */
	end = ktime_add_ms(ktime_get(), it->hold);
	while (ktime_before(ktime_get(), end))
		cpu_relax();
	atomic_dec(&it->inside);
	atomic_inc(&it->runs);
}

static struct bh_item *bh_items(int n)
{
	int i;

	memset(items, 0, sizeof(items));
	atomic_set(&sequence, 0);
	for (i = 0; i < n; i++)
		E_INIT_DELAYED_WORK(&items[i].dwork, bh_fn);
	return items;
}

#define BH_RUNS(it)	atomic_read(&(it)->runs)

static void softirq_on_its_cpu(void)
{
	struct bh_item *it = bh_items(1);
	struct e_wq *wq;
	int cpu, high;

	for (high = 0; high < 2; high++) {
		wq = e_alloc_workqueue("t_bh", E_BH |
				       (high ? E_HIGHPRI : 0), 0);
		if (!EXPECT(wq))
			return;
		for_each_online_cpu(cpu) {
			EXPECT(e_queue_work_on(cpu, wq, &it->dwork.work));
			e_flush_work(&it->dwork.work);
			EXPECT_EQ(it->cpu, cpu);
			EXPECT_EQ(it->in_softirq, 1);
			if (ENGINE_IS_CMWQ)
				EXPECT(it->current_work == &it->dwork.work);
		}
		test_destroy(wq);
	}
	EXPECT_EQ(BH_RUNS(it), 2 * num_online_cpus());
}

static void system_queues(void)
{
	struct bh_item *it = bh_items(2);

	EXPECT(e_queue_work(e_system_bh_wq, &it[0].dwork.work));
	EXPECT(e_queue_work(e_system_bh_highpri_wq, &it[1].dwork.work));
	e_flush_work(&it[0].dwork.work);
	e_flush_work(&it[1].dwork.work);
	EXPECT_EQ(BH_RUNS(&it[0]), 1);
	EXPECT_EQ(BH_RUNS(&it[1]), 1);
}

static void none_lost_in_order(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bh", E_BH, 0);
	struct bh_item *it = bh_items(MANY);
	int i, round;

	for (round = 1; round <= 10; round++) {
		int before = atomic_read(&sequence);

		for (i = 0; i < MANY; i++)
			EXPECT(e_queue_work_on(0, wq, &it[i].dwork.work));
		e_flush_workqueue(wq);
		for (i = 0; i < MANY; i++) {
			EXPECT_EQ(BH_RUNS(&it[i]), round);
			EXPECT_EQ(it[i].seq, before + i + 1);
		}
	}
	test_destroy(wq);
}

static void each_gets_its_kick(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bh", E_BH, 0);
	struct bh_item *it = bh_items(1);
	int i;

	for (i = 1; i <= 3000; i++) {
		e_queue_work_on(i % 2, wq, &it->dwork.work);
		if (!WAIT_FOR(BH_RUNS(it) == i))
			return;
	}
	test_destroy(wq);
}

static void from_all_cpus_fn(int nr)
{
	struct bh_item *it = &items[nr];
	int i;

	for (i = 0; i < 3000; i++) {
		e_queue_work_on(i % nr_cpu_ids, it->wq, &it->dwork.work);
		if (i % 16 == 0)
			e_flush_work(&it->dwork.work);
		if (i % 64 == 0)
			atomic_inc(&test_checks);
	}
}

static void hopping_never_twice_at_once(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bh", E_BH, 0);
	struct bh_item *it = bh_items(8);
	int i;

	for (i = 0; i < 8; i++) {
		it[i].wq = wq;
		test_thread_start(from_all_cpus_fn, i, i % nr_cpu_ids);
	}
	test_threads_join();
	e_flush_workqueue(wq);
	for (i = 0; i < 8; i++) {
		EXPECT_EQ(atomic_read(&it[i].most_inside), 1);
		EXPECT_OP(BH_RUNS(&it[i]), >, 0);
		EXPECT(!e_work_busy(&it[i].dwork.work));
	}
	test_destroy(wq);
}

static void delayed_and_cancelled(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bh", E_BH, 0);
	struct bh_item *it = bh_items(2);

	EXPECT(e_queue_delayed_work(wq, &it[0].dwork, 2));
	WAIT_FOR(BH_RUNS(&it[0]) == 1);
	EXPECT(e_queue_delayed_work(wq, &it[1].dwork, 3600 * HZ));
	EXPECT(e_cancel_delayed_work_sync(&it[1].dwork));
	EXPECT_EQ(BH_RUNS(&it[1]), 0);
	EXPECT(e_mod_delayed_work(wq, &it[1].dwork, 0) == false);
	e_flush_delayed_work(&it[1].dwork);
	EXPECT_EQ(BH_RUNS(&it[1]), 1);
	test_destroy(wq);
}

static void requeues_and_drains(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bh", E_BH, 0);
	struct bh_item *it = bh_items(1);

	if (!ENGINE_IS_CMWQ) {
		test_skip("a BH item is not known to be of the queue there");
		test_destroy(wq);
		return;
	}
	it->wq = wq;
	it->requeues = 100;
	EXPECT(e_queue_work(wq, &it->dwork.work));
	e_drain_workqueue(wq);
	EXPECT_EQ(BH_RUNS(it), 101);
	test_destroy(wq);
}

/* Cancelling waits for the item on another CPU, softirqs off or a reader here. */
static void cancel_sync_in_atomic_context(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bh", E_BH, 0);
	struct bh_item *it = bh_items(1);
	int cpu;

	if (num_online_cpus() < 3) {
		test_skip("needs three CPUs");
		test_destroy(wq);
		return;
	}
	/* Not on the CPU that the item holds. */
	set_cpus_allowed_ptr(current, cpumask_of(0));
	for (cpu = 1; cpu <= 2; cpu++) {
		atomic_set(&it->held, 0);
		it->hold = HOLD_MS;
		EXPECT(e_queue_work_on(cpu, wq, &it->dwork.work));
		if (!WAIT_FOR(atomic_read(&it->held)))
			return;
		if (cpu == 1)
			local_bh_disable();
		else
			rcu_read_lock();
		e_cancel_work_sync(&it->dwork.work);
		if (cpu == 1)
			local_bh_enable();
		else
			rcu_read_unlock();
		EXPECT_EQ(BH_RUNS(it), cpu);
	}
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	test_destroy(wq);
}

/* One item cancels another, which is held on another CPU. */
static void cancel_sync_from_an_item(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bh", E_BH, 0);
	struct bh_item *it = bh_items(2);

	/* Of its own class: lockdep takes items of one for each other. */
	E_INIT_DELAYED_WORK(&it[1].dwork, bh_fn);
	if (num_online_cpus() < 3) {
		test_skip("needs three CPUs");
		test_destroy(wq);
		return;
	}
	it[0].hold = HOLD_MS;
	EXPECT(e_queue_work_on(1, wq, &it[0].dwork.work));
	if (!WAIT_FOR(atomic_read(&it[0].held)))
		return;
	it[1].cancels = &it[0].dwork.work;
	EXPECT(e_queue_work_on(2, wq, &it[1].dwork.work));
	e_flush_work(&it[1].dwork.work);
	EXPECT_EQ(BH_RUNS(&it[0]), 1);
	EXPECT(!it[1].cancelled);	/* it was running, not pending */
	test_destroy(wq);
}

/* Its worker is no thread, which the log and the views must know. */
static void dumped_while_it_runs(void)
{
#if !defined(ENGINE_STOCK) && !defined(ENGINE_DROPIN)
	struct e_wq *wq = e_alloc_workqueue("t_bh_dump", E_BH, 0);
	struct bh_item *it = bh_items(1);

	set_cpus_allowed_ptr(current, cpumask_of(0));
	it->hold = 10 * HOLD_MS;
	EXPECT(e_queue_work_on(1, wq, &it->dwork.work));
	if (WAIT_FOR(atomic_read(&it->held)))
		cmwq_show_one_workqueue(wq);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	test_destroy(wq);
	EXPECT_EQ(BH_RUNS(it), 1);
#else
	test_skip("this engine does not let modules dump queues");
#endif
}

static void disabled_stays_off(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bh", E_BH, 0);
	struct bh_item *it = bh_items(1);

	EXPECT(!e_disable_work_sync(&it->dwork.work));
	EXPECT(!e_queue_work(wq, &it->dwork.work));
	EXPECT(e_enable_work(&it->dwork.work));
	EXPECT(e_queue_work(wq, &it->dwork.work));
	e_flush_work(&it->dwork.work);
	EXPECT_EQ(BH_RUNS(it), 1);
	test_destroy(wq);
}

static bool misbehave;
module_param(misbehave, bool, 0444);
MODULE_PARM_DESC(misbehave, "let items do what they must not");

static void leaking_fn(struct e_work *work)
{
	preempt_disable();
}

static void sleeping_fn(struct e_work *work)
{
	schedule_timeout_uninterruptible(2);
}

static struct e_work bad_work;

/* In the softirq that this task runs itself, not in that of an idle CPU. */
static void run_bad(void (*fn)(struct e_work *work))
{
	struct e_wq *wq;

	if (!misbehave || !ENGINE_IS_CMWQ) {
		test_skip("only when asked for");
		return;
	}
	wq = e_alloc_workqueue("t_bad", E_BH, 0);
	E_INIT_WORK(&bad_work, fn);
	local_bh_disable();
	EXPECT(e_queue_work(wq, &bad_work));
	local_bh_enable();
	WAIT_FOR(!e_work_busy(&bad_work));
	test_destroy(wq);
}

/*
 * PREEMPT_RT: a real-time task pushes the thread that runs the item off the CPU,
 * and then waits for it as a reader: it has to lend its priority.
 */
static struct e_work pushed_work;
static struct task_struct *pushed_task;
static bool pushed_off;

static void pushed_fn(struct e_work *work)
{
	WRITE_ONCE(pushed_task, current);
	while (!READ_ONCE(pushed_off))
		cpu_relax();
	mdelay(20);
}

static void push_off(int nr)
{
	bool normal;

	sched_set_fifo(current);
	while (!READ_ONCE(pushed_task))
		usleep_range(200, 500);
	/* Nothing else shall help it: no share of the CPU for other classes. */
	normal = pushed_task->policy == SCHED_NORMAL;
	if (normal)
		sched_set_fifo_low(pushed_task);
	rcu_read_lock();
	WRITE_ONCE(pushed_off, true);
	EXPECT(!e_cancel_work_sync(&pushed_work));
	rcu_read_unlock();
	if (normal)
		sched_set_normal(pushed_task, 0);
	sched_set_normal(current, 0);
}

static void cancel_sync_lends_priority(void)
{
	struct e_wq *wq;

	if (!IS_ENABLED(CONFIG_PREEMPT_RT)) {
		test_skip("softirqs are not preempted here");
		return;
	}
	wq = e_alloc_workqueue("t_bh", E_BH, 0);
	E_INIT_WORK(&pushed_work, pushed_fn);
	test_thread_start(push_off, 0, 1);
	EXPECT(e_queue_work_on(1, wq, &pushed_work));
	if (!test_threads_join())
		return;
	EXPECT(READ_ONCE(pushed_off));
	test_destroy(wq);
}

static void item_that_leaks(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT)) {
		test_skip("this kernel does not count");
		return;
	}
	run_bad(leaking_fn);
}

static void item_that_sleeps(void)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		test_skip("softirqs are preempted here, which looks alike");
		return;
	}
	if (!IS_ENABLED(CONFIG_X86)) {
		/* There the next interrupt uses the stack that it sleeps on. */
		test_skip("only x86 survives it");
		return;
	}
	/* Its timer is on the interrupt stack, which others use meanwhile. */
	if (IS_ENABLED(CONFIG_PROVE_LOCKING) || IS_ENABLED(CONFIG_KCSAN)) {
		test_skip("a debug kernel dies of it");
		return;
	}
	run_bad(sleeping_fn);
}

const struct test_case test_cases[] = {
	CASE(softirq_on_its_cpu),
	CASE(system_queues),
	CASE(none_lost_in_order),
	CASE(each_gets_its_kick),
	CASE(hopping_never_twice_at_once),
	CASE(delayed_and_cancelled),
	CASE(requeues_and_drains),
	CASE(cancel_sync_in_atomic_context),
	CASE(cancel_sync_from_an_item),
	CASE(cancel_sync_lends_priority),
	CASE(dumped_while_it_runs),
	CASE(disabled_stays_off),
	CASE(item_that_leaks),
	CASE(item_that_sleeps),
	{}
};

#else /* ENGINE_HAS_BH */

static void no_bh_queues(void)
{
	test_skip("this kernel has no BH queues");
}

const struct test_case test_cases[] = {
	CASE(no_bh_queues),
	{}
};

#endif

MODULE_DESCRIPTION("Tests of BH queues");
MODULE_LICENSE("GPL");
