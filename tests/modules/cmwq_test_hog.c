// SPDX-License-Identifier: GPL-2.0-only
/*
 * Items that run long without sleeping.
 *
 * "found=1": the threshold is low, and an item that is queued behind a hog on
 * its CPU runs beside it.  "found=0": the threshold is off, and the item waits
 * until the hog has ended.  The last two cases are run on their own, by a script
 * that looks into the table of hogs afterwards.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/sched/types.h>

#include "engine.h"
#include "cmwq_test.h"

static int found = 1;
module_param(found, int, 0444);
MODULE_PARM_DESC(found, "1: hogs are found; 0: they are not");

static int burn_ms = 2500;
module_param(burn_ms, int, 0444);
MODULE_PARM_DESC(burn_ms, "CPU time of the near misses");

struct hog {
	struct e_work work;
	struct e_work follower;
	struct completion started;
	struct completion done;
	struct completion followed;
	int naps;			/* before it spins */
	bool nap_later;			/* once it has been passed */
	bool passed;			/* written by the follower */
	bool seen;			/* it was, while the hog ran */
	int cpu;
};

/*
 * Spin until the follower has run; if it must not, for half a second.
 */
static void spin(struct hog *h)
{
	unsigned long end = jiffies + (found ? test_timeout() / 2 : HZ / 2);

	while (!READ_ONCE(h->passed) && time_before(jiffies, end)) {
		cpu_relax();
		cond_resched();
	}
	h->seen = READ_ONCE(h->passed);
}

static noinline void hog_fn(struct e_work *work)
{
	struct hog *h = container_of(work, struct hog, work);
	int i;

	h->cpu = raw_smp_processor_id();
	for (i = 0; i < h->naps; i++)
		msleep(50);
	complete(&h->started);
	spin(h);
	if (h->nap_later)
		msleep(20);
	complete(&h->done);
}

static void follower_fn(struct e_work *work)
{
	struct hog *h = container_of(work, struct hog, follower);

	WRITE_ONCE(h->passed, true);
	complete(&h->followed);
}

static struct hog *hog_make(void)
{
	struct hog *h = kzalloc(sizeof(*h), GFP_KERNEL);

	E_INIT_WORK(&h->work, hog_fn);
	E_INIT_WORK(&h->follower, follower_fn);
	init_completion(&h->started);
	init_completion(&h->done);
	init_completion(&h->followed);
	return h;
}

static void hog_free(struct hog *h)
{
	if (test_may_free())
		kfree(h);
}

/* One hog and its follower on @cpu. */
static bool hog_run(struct e_wq *wq, struct hog *h, int cpu)
{
	h->passed = false;
	EXPECT(e_queue_work_on(cpu, wq, &h->work));
	if (!WAIT(&h->started))
		return false;
	EXPECT(e_queue_work_on(cpu, wq, &h->follower));
	if (!WAIT(&h->done) || !WAIT(&h->followed))
		return false;
	EXPECT_EQ(h->cpu, cpu);
	EXPECT_EQ(h->seen, found);
	return true;
}

static void check_on_each_cpu(unsigned int flags, int naps, bool nap_later)
{
	struct e_wq *wq = e_alloc_workqueue("t_hog", flags, 0);
	struct hog *h = hog_make();
	int cpu;

	h->naps = naps;
	h->nap_later = nap_later;
	for_each_online_cpu(cpu) {
		if (!hog_run(wq, h, cpu))
			return;
		e_flush_workqueue(wq);
	}
	test_destroy(wq);
	hog_free(h);
}

static void hog_on_each_cpu(void)
{
	check_on_each_cpu(E_PERCPU, 0, false);
}

static void high_priority_hog(void)
{
	check_on_each_cpu(E_PERCPU | E_HIGHPRI, 0, false);
}

/* It has slept, so long that nobody else of the pool was awake. */
static void hog_after_naps(void)
{
	check_on_each_cpu(E_PERCPU, 3, false);
}

/* What slept while it was not counted must not be counted when it wakes up. */
static void hog_that_sleeps_later(void)
{
	check_on_each_cpu(E_PERCPU, 0, true);
	check_on_each_cpu(E_PERCPU, 0, false);
}

/* Several at once: each is let pass, then all are, and nobody is left over. */
static void hog_behind_hog(void)
{
	enum { N = 4 };
	struct e_wq *wq = e_alloc_workqueue("t_hogs", E_PERCPU, 0);
	struct hog *h[N];
	int i;

	if (!found) {
		test_skip("they would wait for each other");
		goto out;
	}
	for (i = 0; i < N; i++) {
		h[i] = hog_make();
		EXPECT(e_queue_work_on(0, wq, &h[i]->work));
	}
	for (i = 0; i < N; i++)
		if (!WAIT(&h[i]->started))
			return;
	for (i = 0; i < N; i++)
		EXPECT(e_queue_work_on(0, wq, &h[i]->follower));
	for (i = 0; i < N; i++) {
		if (!WAIT(&h[i]->done) || !WAIT(&h[i]->followed))
			return;
		EXPECT(h[i]->seen);
	}
	e_flush_workqueue(wq);
	for (i = 0; i < N; i++)
		hog_free(h[i]);
out:
	test_destroy(wq);
}

/* Near misses: much CPU time, or much time, but nobody to blame */

struct miss {
	struct e_work work;
	struct completion done;
};

static u64 cpu_time(void)
{
	return READ_ONCE(current->se.sum_exec_runtime);
}

/* CPU time, not time: what others had of it does not count. */
static void burn(unsigned int ms)
{
	u64 end = cpu_time() + (u64)ms * NSEC_PER_MSEC;

	while (cpu_time() < end) {
		cpu_relax();
		cond_resched();
	}
}

/* As long as all the naps of napper_fn(): a hog, to see that it would show. */
static noinline void burner_fn(struct e_work *work)
{
	struct miss *m = container_of(work, struct miss, work);

	burn(burn_ms);
	complete(&m->done);
}

static noinline void napper_fn(struct e_work *work)
{
	struct miss *m = container_of(work, struct miss, work);
	int i;

	for (i = 0; i < 15; i++) {
		burn(burn_ms / 15);
		msleep(1);
	}
	complete(&m->done);
}

static noinline void intensive_fn(struct e_work *work)
{
	burner_fn(work);
}

static noinline void unbound_fn(struct e_work *work)
{
	burner_fn(work);
}

static unsigned long pushed_until;

static noinline void pushed_fn(struct e_work *work)
{
	struct miss *m = container_of(work, struct miss, work);

	while (time_before(jiffies, READ_ONCE(pushed_until))) {
		cpu_relax();
		cond_resched();
	}
	complete(&m->done);
}

/* Has the CPU nearly all the time until then. */
static void pusher(int nr)
{
	sched_set_fifo(current);
	while (time_before(jiffies, READ_ONCE(pushed_until)))
		cpu_relax();
	sched_set_normal(current, 0);
}

static void check_miss(void (*fn)(struct e_work *work), unsigned int flags)
{
	struct e_wq *wq = e_alloc_workqueue("t_miss", flags, 0);
	struct miss *m = kzalloc(sizeof(*m), GFP_KERNEL);

	E_INIT_WORK(&m->work, fn);
	init_completion(&m->done);
	EXPECT(e_queue_work_on(flags & E_UNBOUND ? E_CPU_UNBOUND : 0, wq,
			       &m->work));
	if (!WAIT(&m->done))
		return;
	e_flush_workqueue(wq);
	test_destroy(wq);
	if (test_may_free())
		kfree(m);
}

static void near_misses(void)
{
	if (!only) {
		test_skip("on its own only");
		return;
	}
	check_miss(burner_fn, E_PERCPU);
	check_miss(napper_fn, E_PERCPU);
	check_miss(intensive_fn, E_PERCPU | E_CPU_INTENSIVE);
	check_miss(unbound_fn, E_UNBOUND);

	pushed_until = jiffies + 2 * msecs_to_jiffies(burn_ms);
	test_thread_start(pusher, 0, 0);
	check_miss(pushed_fn, E_PERCPU);
	test_threads_join();
}

/* More functions than the table of hogs has room for */

#define MANY(n)								\
static noinline void many_##n(struct e_work *work)			\
{									\
	hog_fn(work);							\
	barrier();	/* no tail call, and no alias */		\
}

MANY(00) MANY(01) MANY(02) MANY(03) MANY(04)
MANY(05) MANY(06) MANY(07) MANY(08) MANY(09)
MANY(10) MANY(11) MANY(12) MANY(13) MANY(14)
MANY(15) MANY(16) MANY(17) MANY(18) MANY(19)
MANY(20) MANY(21) MANY(22) MANY(23) MANY(24)
MANY(25) MANY(26) MANY(27) MANY(28) MANY(29)
MANY(30) MANY(31) MANY(32) MANY(33) MANY(34)
MANY(35) MANY(36) MANY(37) MANY(38) MANY(39)
MANY(40) MANY(41) MANY(42) MANY(43) MANY(44)
MANY(45) MANY(46) MANY(47) MANY(48) MANY(49)
MANY(50) MANY(51) MANY(52) MANY(53) MANY(54)
MANY(55) MANY(56) MANY(57) MANY(58) MANY(59)
MANY(60) MANY(61) MANY(62) MANY(63) MANY(64)
MANY(65) MANY(66) MANY(67) MANY(68) MANY(69)

static void (* const many[])(struct e_work *work) = {
	many_00, many_01, many_02, many_03, many_04, many_05, many_06,
	many_07, many_08, many_09, many_10, many_11, many_12, many_13,
	many_14, many_15, many_16, many_17, many_18, many_19, many_20,
	many_21, many_22, many_23, many_24, many_25, many_26, many_27,
	many_28, many_29, many_30, many_31, many_32, many_33, many_34,
	many_35, many_36, many_37, many_38, many_39, many_40, many_41,
	many_42, many_43, many_44, many_45, many_46, many_47, many_48,
	many_49, many_50, many_51, many_52, many_53, many_54, many_55,
	many_56, many_57, many_58, many_59, many_60, many_61, many_62,
	many_63, many_64, many_65, many_66, many_67, many_68, many_69,
};

static void many_functions(void)
{
	struct e_wq *wq;
	struct hog *h;
	int i;

	if (!only) {
		test_skip("on its own only");
		return;
	}
	wq = e_alloc_workqueue("t_many", E_PERCPU, 0);
	h = hog_make();
	for (i = 0; i < ARRAY_SIZE(many); i++) {
		E_INIT_WORK(&h->work, many[i]);
		if (!hog_run(wq, h, 0))
			return;
		e_flush_workqueue(wq);
	}
	test_destroy(wq);
	hog_free(h);
}

const struct test_case test_cases[] = {
	CASE(hog_on_each_cpu),
	CASE(high_priority_hog),
	CASE(hog_after_naps),
	CASE(hog_that_sleeps_later),
	CASE(hog_behind_hog),
	CASE(near_misses),
	CASE(many_functions),
	{}
};
