// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools that make no progress, and some that do.  The cases are run on their
 * own, by a script that looks into the log: those that are stuck stay so until
 * it writes 1 to "release", the others end by themselves.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched/types.h>

#include "engine.h"
#include "cmwq_test.h"

#define LIMIT		(40 * HZ)	/* how long it may be held */
#define SHORT_LIMIT	(9 * HZ)	/* before the kernel complains */
#define QUIET		(5 * HZ)	/* several thresholds */

static int held_cpu = 1;
module_param(held_cpu, int, 0444);
MODULE_PARM_DESC(held_cpu, "the CPU that is held");

static int waiting_cpu = -1;
module_param(waiting_cpu, int, 0444);
MODULE_PARM_DESC(waiting_cpu, "the CPU that waits for that one");

static bool spins;
module_param(spins, bool, 0444);
MODULE_PARM_DESC(spins, "it waits with its interrupts off");

static bool release;
module_param(release, bool, 0600);
MODULE_PARM_DESC(release, "write 1: let go");

struct item {
	struct e_work work;
	atomic_t runs;
	atomic_t inside;
	int cpu;			/* where it ran last */
};

static atomic_t started = ATOMIC_INIT(0);

static struct item *items(int n, void (*fn)(struct e_work *work))
{
	struct item *it = kcalloc(n, sizeof(*it), GFP_KERNEL);
	int i;

	for (i = 0; i < n; i++)
		E_INIT_WORK(&it[i].work, fn);
	atomic_set(&started, 0);
	return it;
}

static void items_free(struct item *it)
{
	if (test_may_free())
		kfree(it);
}

static int total_runs(struct item *it, int n)
{
	int i, runs = 0;

	for (i = 0; i < n; i++)
		runs += atomic_read(&it[i].runs);
	return runs;
}

static bool may_end(unsigned long end)
{
	return READ_ONCE(release) || time_after(jiffies, end);
}

/* Until then @count must not change. */
static void wait_for_release(atomic_t *count)
{
	unsigned long end = jiffies + LIMIT;
	int before = atomic_read(count), now;

	while (!may_end(end)) {
		msleep(20);
		now = atomic_read(count);
		if (!READ_ONCE(release))	/* it was not then, either */
			EXPECT_EQ(now, before);
	}
	EXPECT(READ_ONCE(release));
}

/* Items */

static noinline void plain_fn(struct e_work *work)
{
	struct item *it = container_of(work, struct item, work);

	atomic_inc(&started);
	EXPECT_EQ(atomic_inc_return(&it->inside), 1);
	it->cpu = raw_smp_processor_id();
	atomic_inc(&it->runs);
	atomic_dec(&it->inside);
}

static noinline void sleeping_fn(struct e_work *work)
{
	struct item *it = container_of(work, struct item, work);
	unsigned long end = jiffies + LIMIT;

	atomic_inc(&started);
	while (!may_end(end))
		msleep(20);
	atomic_inc(&it->runs);
}

static noinline void napping_fn(struct e_work *work)
{
	struct item *it = container_of(work, struct item, work);

	atomic_inc(&started);
	schedule_timeout_uninterruptible(QUIET);
	atomic_inc(&it->runs);
}

static struct e_wq *busy_wq;
static unsigned long busy_until;

static noinline void busy_fn(struct e_work *work)
{
	struct item *it = container_of(work, struct item, work);

	test_burn_us(200);
	atomic_inc(&it->runs);
	if (time_before(jiffies, busy_until))
		e_queue_work(busy_wq, work);
}

/* Who holds the CPU */

static atomic_t held = ATOMIC_INIT(0);
static void (*at_first)(void);		/* queues from there */

static noinline void hold_the_cpu(int nr)
{
	unsigned long end = jiffies + LIMIT;

	sched_set_fifo(current);
	if (at_first)
		at_first();
	atomic_set(&held, 1);
	while (!may_end(end)) {
		cpu_relax();
		cond_resched();
	}
	sched_set_normal(current, 0);
	atomic_set(&held, 0);
}

static noinline void hold_the_softirqs(int nr)
{
	unsigned long end = jiffies + SHORT_LIMIT;

	local_bh_disable();
	atomic_set(&held, 1);
	while (!may_end(end))
		cpu_relax();
	atomic_set(&held, 0);
	local_bh_enable();
}

static noinline void hold_the_interrupts(int nr)
{
	unsigned long end = jiffies + SHORT_LIMIT;

	local_irq_disable();
	atomic_set(&held, 1);
	while (!may_end(end))
		cpu_relax();
	atomic_set(&held, 0);
	local_irq_enable();
}

static void nothing(void *unused)
{
}

static atomic_t waiting = ATOMIC_INIT(0);

/* As whoever changes page tables does: nobody else gets this CPU meanwhile. */
static noinline void wait_for_the_held(int nr)
{
	if (!WAIT_FOR(atomic_read(&held)))
		return;
	preempt_disable();
	atomic_set(&waiting, 1);
	EXPECT(!smp_call_function_single(held_cpu, nothing, NULL, true));
	EXPECT(!atomic_read(&held));
	preempt_enable();
}

/* As whoever wants a spinlock that is held there. */
static noinline void spin_for_the_held(int nr)
{
	if (!WAIT_FOR(atomic_read(&held)))
		return;
	local_irq_disable();
	atomic_set(&waiting, 1);
	while (atomic_read(&held))
		cpu_relax();
	local_irq_enable();
}

static bool hold(void (*holder)(int nr))
{
	cpumask_t others;

	/* Not there, where no timer would wake us up. */
	cpumask_andnot(&others, cpu_online_mask, cpumask_of(held_cpu));
	if (waiting_cpu >= 0)
		cpumask_clear_cpu(waiting_cpu, &others);
	EXPECT(!set_cpus_allowed_ptr(current, &others));
	/* First of all: to make a thread takes others, which may be on a held CPU. */
	if (waiting_cpu >= 0 &&
	    !test_thread_start(spins ? spin_for_the_held : wait_for_the_held, 1,
			       waiting_cpu))
		return false;
	return test_thread_start(holder, 0, held_cpu) &&
	       WAIT_FOR(atomic_read(&held)) &&
	       (waiting_cpu < 0 || WAIT_FOR(atomic_read(&waiting)));
}

/* Stuck, and to be named */

static void check_held(void (*holder)(int nr), unsigned int flags)
{
	enum { N = 3 };
	struct e_wq *wq = e_alloc_workqueue("t_held", flags, 0);
	struct item *it = items(N, plain_fn);
	int i;

	if (!hold(holder))
		return;
	for (i = 0; i < N; i++)
		EXPECT(e_queue_work_on(held_cpu, wq, &it[i].work));
	wait_for_release(&started);
	if (!test_threads_join())
		return;
	e_flush_workqueue(wq);
	EXPECT_EQ(total_runs(it, N), N);
	test_destroy(wq);
	items_free(it);
}

static void cpu_is_held(void)
{
	check_held(hold_the_cpu, E_PERCPU);
}

static void softirqs_are_held(void)
{
	check_held(hold_the_softirqs, E_PERCPU | E_BH);
}

static void interrupts_are_held(void)
{
	check_held(hold_the_interrupts, E_PERCPU);
}

/* The script has set pool_max_workers to 4. */
static void check_cap(unsigned int flags)
{
	enum { CAP = 4, N = 7 };
	struct e_wq *wq = e_alloc_workqueue("t_capped", flags, 0);
	struct item *it = items(N, sleeping_fn);
	int i;

	for (i = 0; i < N; i++)
		EXPECT(e_queue_work_on(flags & E_UNBOUND ? E_CPU_UNBOUND : 0,
				       wq, &it[i].work));
	if (!WAIT_FOR(atomic_read(&started) == CAP))
		return;
	wait_for_release(&started);
	e_flush_workqueue(wq);
	EXPECT_EQ(total_runs(it, N), N);
	test_destroy(wq);
	items_free(it);
}

static void all_asleep_at_the_cap(void)
{
	check_cap(E_PERCPU);
}

static void unbound_at_the_cap(void)
{
	check_cap(E_UNBOUND);
}

/* Not stuck, and not to be named */

static void nothing_to_do(void)
{
	schedule_timeout_uninterruptible(QUIET);
	EXPECT(true);
}

static void busy_but_goes_on(void)
{
	enum { N = 12 };
	struct item *it = items(N, busy_fn);
	int cpu, i = 0;

	busy_wq = e_alloc_workqueue("t_busy", E_PERCPU, 0);
	busy_until = jiffies + QUIET;
	while (i < N)
		for_each_online_cpu(cpu)
			if (i < N)
				EXPECT(e_queue_work_on(cpu, busy_wq,
						       &it[i++].work));
	schedule_timeout_uninterruptible(QUIET);
	e_drain_workqueue(busy_wq);
	EXPECT_OP(total_runs(it, N), >, N);
	test_destroy(busy_wq);
	items_free(it);
}

/* @n items of a queue with room for one: the rest does not wait for the pool. */
static void check_long_sleep(int n)
{
	struct e_wq *wq = e_alloc_workqueue("t_sleeps", E_PERCPU, 1);
	struct item *it = items(n, plain_fn);
	int i;

	E_INIT_WORK(&it[0].work, napping_fn);
	for (i = 0; i < n; i++)
		EXPECT(e_queue_work_on(0, wq, &it[i].work));
	e_flush_workqueue(wq);
	EXPECT_EQ(total_runs(it, n), n);
	test_destroy(wq);
	items_free(it);
}

static void one_sleeps_long(void)
{
	check_long_sleep(1);
}

static void others_wait_for_max_active(void)
{
	check_long_sleep(5);
}

/* Evacuation */

enum { LOOSE = 200, STRICT = 5, ONE = 20 };

static struct e_wq *loose_wq, *mixed_wq, *one_wq;
static struct item *loose, *mixed, *strict, *one, *cancelled;
static atomic_t flushed_loose, flushed_mixed, flushed_item;

static void queue_from_held_cpu(void)
{
	int i;

	for (i = 0; i < LOOSE; i++)
		EXPECT(e_queue_work(loose_wq, &loose[i].work));
	for (i = 0; i < STRICT; i++) {
		EXPECT(e_queue_work_on(held_cpu, mixed_wq, &strict[i].work));
		EXPECT(e_queue_work(mixed_wq, &mixed[i].work));
	}
	for (i = 0; i < ONE; i++)
		EXPECT(e_queue_work(one_wq, &one[i].work));
	EXPECT(e_queue_work(loose_wq, &cancelled->work));
}

static void flush_loose(int nr)
{
	e_flush_workqueue(loose_wq);
	EXPECT_EQ(total_runs(loose, LOOSE), LOOSE);
	atomic_set(&flushed_loose, 1);
}

static void flush_mixed(int nr)
{
	e_flush_workqueue(mixed_wq);
	EXPECT_EQ(total_runs(mixed, STRICT), STRICT);
	EXPECT_EQ(total_runs(strict, STRICT), STRICT);
	atomic_set(&flushed_mixed, 1);
}

static void flush_item(int nr)
{
	EXPECT(e_flush_work(&loose[LOOSE / 2].work));
	EXPECT_EQ(atomic_read(&loose[LOOSE / 2].runs), 1);
	atomic_set(&flushed_item, 1);
}

static void ran_elsewhere(struct item *it, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		EXPECT_EQ(atomic_read(&it[i].runs), 1);
		EXPECT_OP(it[i].cpu, !=, held_cpu);
	}
}

/* The script has switched it on. */
static void moved_to_other_cpus(void)
{
	int strict_ran;

	loose_wq = e_alloc_workqueue("t_loose", E_PERCPU, 0);
	mixed_wq = e_alloc_workqueue("t_mixed", E_PERCPU, 0);
	one_wq = e_alloc_workqueue("t_one", E_PERCPU, 1);
	loose = items(LOOSE, plain_fn);
	mixed = items(STRICT, plain_fn);
	strict = items(STRICT, plain_fn);
	one = items(ONE, plain_fn);
	cancelled = items(1, plain_fn);
	at_first = queue_from_held_cpu;
	if (!hold(hold_the_cpu))
		return;
	EXPECT(e_cancel_work_sync(&cancelled->work));
	EXPECT_EQ(total_runs(loose, LOOSE), 0);
	test_thread_start(flush_loose, 1, 0);
	test_thread_start(flush_mixed, 2, 0);
	test_thread_start(flush_item, 3, 0);

	WAIT_FOR(total_runs(loose, LOOSE) == LOOSE &&
		 total_runs(mixed, STRICT) == STRICT &&
		 total_runs(one, ONE) == ONE);
	WAIT_FOR(atomic_read(&flushed_loose) && atomic_read(&flushed_item));
	ran_elsewhere(loose, LOOSE);
	ran_elsewhere(mixed, STRICT);
	ran_elsewhere(one, ONE);
	/* And some looks more. */
	schedule_timeout_uninterruptible(2 * HZ);
	strict_ran = total_runs(strict, STRICT);
	EXPECT_EQ(strict_ran, 0);
	EXPECT_EQ(atomic_read(&flushed_mixed), 0);
	EXPECT(atomic_read(&held));

	release = true;
	if (!test_threads_join())
		return;
	EXPECT(atomic_read(&flushed_mixed));
	EXPECT_EQ(total_runs(strict, STRICT), STRICT);
	EXPECT_EQ(total_runs(loose, LOOSE), LOOSE);
	EXPECT_EQ(total_runs(cancelled, 1), 0);
	test_destroy(loose_wq);
	test_destroy(mixed_wq);
	test_destroy(one_wq);
	items_free(loose);
	items_free(mixed);
	items_free(strict);
	items_free(one);
	items_free(cancelled);
}

/* Moved while they are queued, flushed and cancelled all the time */

enum { STORM = 64 };

static struct item *storm;
static struct e_wq *storm_wq;
static atomic_t storm_queued, storm_cancelled, storm_flushes, storm_changed;
static unsigned long storm_until;

static void storm_holds(int nr)
{
	u32 random = 4711;

	sched_set_fifo(current);
	while (time_before(jiffies, storm_until)) {
		if (e_queue_work(storm_wq,
				 &storm[test_random(&random) % STORM].work))
			atomic_inc(&storm_queued);
		udelay(20);
		cond_resched();
	}
	sched_set_normal(current, 0);
}

static void storm_flushes_all(int nr)
{
	while (time_before(jiffies, storm_until)) {
		e_flush_workqueue(storm_wq);
		atomic_inc(&storm_flushes);
		usleep_range(500, 1000);
	}
}

static void storm_cancels(int nr)
{
	u32 random = 815 + nr;

	while (time_before(jiffies, storm_until)) {
		struct item *it = &storm[test_random(&random) % STORM];

		if (nr & 1 && e_cancel_work_sync(&it->work))
			atomic_inc(&storm_cancelled);
		else
			e_flush_work(&it->work);
		usleep_range(5000, 10000);
	}
}

/* The route changes meanwhile: W3. */
static void storm_changes(int nr)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();

	while (time_before(jiffies, storm_until)) {
		attrs->nice = (atomic_read(&storm_changed) + 1) % 3;
		EXPECT_EQ(cmwq_apply_workqueue_attrs(storm_wq, attrs), 0);
		atomic_inc(&storm_changed);
		usleep_range(20000, 40000);
	}
	cmwq_free_workqueue_attrs(attrs);
}

static void storm_while_moving(void)
{
	int i;

	storm_wq = e_alloc_workqueue("t_storm", E_PERCPU, 3);
	storm = items(STORM, plain_fn);
	storm_until = jiffies + 10 * HZ;
	test_thread_start(storm_holds, 0, held_cpu);
	for (i = 1; i <= 4; i++)
		test_thread_start(storm_cancels, i, -1);
	for (; i <= 7; i++)
		test_thread_start(storm_flushes_all, i, -1);
	test_thread_start(storm_changes, i, -1);
	if (!test_threads_join())
		return;
	e_flush_workqueue(storm_wq);
	test_print("# %d queued, %d run, %d cancelled, %d flushes, %d changes\n",
		   atomic_read(&storm_queued), total_runs(storm, STORM),
		   atomic_read(&storm_cancelled), atomic_read(&storm_flushes),
		   atomic_read(&storm_changed));
	/* Each waits for a grace period, and that perhaps for the held CPU. */
	EXPECT_OP(atomic_read(&storm_changed), >, 0);
	EXPECT_EQ(total_runs(storm, STORM) + atomic_read(&storm_cancelled),
		  atomic_read(&storm_queued));
	test_destroy(storm_wq);
	items_free(storm);
}

const struct test_case test_cases[] = {
	CASE(cpu_is_held),
	CASE(softirqs_are_held),
	CASE(interrupts_are_held),
	CASE(all_asleep_at_the_cap),
	CASE(unbound_at_the_cap),
	CASE(nothing_to_do),
	CASE(busy_but_goes_on),
	CASE(one_sleeps_long),
	CASE(others_wait_for_max_active),
	CASE(moved_to_other_cpus),
	CASE(storm_while_moving),
	{}
};
