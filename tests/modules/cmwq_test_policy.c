// SPDX-License-Identifier: GPL-2.0-only
/*
 * The concurrency policy, as the items themselves see it.
 *
 * On a per-CPU pool an item may only start when no other worker of the pool is
 * runnable.  Items that wake up again may overlap with others, so what counts
 * is the first phase of each: from its start until its first sleep.  At most
 * "target" items of a pool are in theirs at any time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mutex.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

static int items = 1000;
module_param(items, int, 0444);
MODULE_PARM_DESC(items, "items of the mixed load");

static int target = 1;
module_param(target, int, 0444);
MODULE_PARM_DESC(target, "the target concurrency that cmwq was loaded with");

/* First phases in progress, and the most at once: normal and high priority. */
static atomic_t (*first_phase)[2];
static atomic_t (*most_first)[2];

static void phase_enter(int cpu, bool highpri)
{
	test_raise(&most_first[cpu][highpri],
		   atomic_inc_return(&first_phase[cpu][highpri]));
}

static void phase_leave(int cpu, bool highpri)
{
	atomic_dec(&first_phase[cpu][highpri]);
}

static void phases_make(void)
{
	first_phase = kcalloc(nr_cpu_ids, sizeof(*first_phase), GFP_KERNEL);
	most_first = kcalloc(nr_cpu_ids, sizeof(*most_first), GFP_KERNEL);
}

static void phases_free(void)
{
	if (!test_may_free())
		return;
	kfree(first_phase);
	kfree(most_first);
}

/* A mixed load */

struct mixed {
	struct e_work work;
	int cpu;
	bool highpri;
	u32 random;
};

static DEFINE_MUTEX(mixed_mutex);
static DECLARE_COMPLETION(mixed_token);
static atomic_t mixed_runs = ATOMIC_INIT(0);
static atomic_t mixed_never_slept = ATOMIC_INIT(0);

static void mixed_sleep(u32 random)
{
	switch (random % 5) {
	case 0:
		usleep_range(50, 200);
		break;
	case 1:
		msleep(1 + random / 8 % 8);
		break;
	case 2:
		schedule_timeout_uninterruptible(1 + random / 8 % 4);
		break;
	case 3:
		wait_for_completion_timeout(&mixed_token, 1 + random / 8 % 4);
		break;
	case 4:
		msleep(1);
		mutex_lock(&mixed_mutex);
		usleep_range(10, 50);
		mutex_unlock(&mixed_mutex);
		break;
	}
}

static void mixed_fn(struct e_work *work)
{
	struct mixed *m = container_of(work, struct mixed, work);
	u32 random = test_random(&m->random);
	int n;

	if (raw_smp_processor_id() != m->cpu)
		FAIL("on CPU %d instead of %d", raw_smp_processor_id(), m->cpu);
	phase_enter(m->cpu, m->highpri);
	test_burn_us(random & 0xff);
	if (random & 0x100)
		yield();			/* runnable all the time */
	test_burn_us(random >> 24);
	phase_leave(m->cpu, m->highpri);
	if (!(random & 0x600)) {
		atomic_inc(&mixed_never_slept);
		goto out;
	}
	for (n = 1 + random / 0x1000 % 3; n; n--) {
		random = test_random(&m->random);
		mixed_sleep(random);
		test_burn_us(random >> 24);
		complete(&mixed_token);
	}
out:
	atomic_inc(&mixed_runs);
}

/* @items of them, on the first @cpus CPUs, every fourth one of high priority */
static void check_mixed(int cpus)
{
	struct e_wq *wq = e_alloc_workqueue("t_mixed", E_PERCPU, 0);
	struct e_wq *high = e_alloc_workqueue("t_high", E_PERCPU | E_HIGHPRI,
					      0);
	struct mixed *m = kcalloc(items, sizeof(*m), GFP_KERNEL);
	int i, k, most = 0, cpu = -1;

	phases_make();
	atomic_set(&mixed_runs, 0);
	atomic_set(&mixed_never_slept, 0);
	for (i = 0; i < items; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids || i % cpus == 0)
			cpu = cpumask_first(cpu_online_mask);
		E_INIT_WORK(&m[i].work, mixed_fn);
		m[i].cpu = cpu;
		m[i].highpri = i / cpus % 4 == 3;
		m[i].random = i + 1;
		EXPECT(e_queue_work_on(cpu, m[i].highpri ? high : wq,
				       &m[i].work));
		if (i % 50 == 49)
			msleep(1);
	}
	if (!WAIT_WHILE_MOVING(atomic_read(&mixed_runs) == items,
			       &mixed_runs))
		return;
	for_each_online_cpu(cpu) {
		for (k = 0; k < 2; k++) {
			EXPECT_OP(atomic_read(&most_first[cpu][k]), <=, target);
			EXPECT_EQ(atomic_read(&first_phase[cpu][k]), 0);
			most = max(most, atomic_read(&most_first[cpu][k]));
		}
	}
	/* The target is reached, and the load was what it should be. */
	EXPECT_EQ(most, target);
	EXPECT_OP(atomic_read(&mixed_never_slept), >, items / 20);
	test_destroy(wq);
	test_destroy(high);
	phases_free();
	kfree(m);
}

static void mixed_on_one_cpu(void)
{
	check_mixed(1);
}

static void mixed_on_all_cpus(void)
{
	check_mixed(num_online_cpus());
}

/*
 * The same measure, where overlap is what is promised: it tells that the test
 * can see it.
 */
static struct completion burners_done;
static atomic_t burners_left = ATOMIC_INIT(0);

static void burner_fn(struct e_work *work)
{
	unsigned long end = jiffies + test_timeout() / 4;

	phase_enter(0, 0);
	/* until two overlap, or for ever, nearly */
	while (atomic_read(&most_first[0][0]) <= target &&
	       time_before(jiffies, end)) {
		cpu_relax();
		cond_resched();
	}
	phase_leave(0, 0);
	if (atomic_dec_and_test(&burners_left))
		complete(&burners_done);
}

static void check_overlap(unsigned int flags)
{
	struct e_wq *wq = e_alloc_workqueue("t_overlap", flags, 0);
	struct e_work *work;
	int i, n = target + 3;

	work = kcalloc(n, sizeof(*work), GFP_KERNEL);
	phases_make();
	init_completion(&burners_done);
	atomic_set(&burners_left, n);
	for (i = 0; i < n; i++) {
		E_INIT_WORK(&work[i], burner_fn);
		EXPECT(e_queue_work_on(flags & E_UNBOUND ? E_CPU_UNBOUND : 0,
				       wq, &work[i]));
	}
	if (!WAIT(&burners_done))
		return;
	EXPECT_OP(atomic_read(&most_first[0][0]), >, target);
	test_destroy(wq);
	phases_free();
	kfree(work);
}

static void cpu_intensive_overlap(void)
{
	check_overlap(E_PERCPU | E_CPU_INTENSIVE);
}

static void unbound_overlap(void)
{
	check_overlap(E_UNBOUND);
}

/* The moment one item blocks the next one starts: all sleep together. */
static void check_all_asleep(unsigned int flags, int cpu)
{
	enum { N = 100 };
	struct e_wq *wq = e_alloc_workqueue("t_asleep", flags, 0);
	struct probe *p = probes(N);
	int i;

	for (i = 0; i < N; i++) {
		p[i].gated = true;
		EXPECT(e_queue_work_on(cpu, wq, &p[i].work));
	}
	if (!WAIT_FOR(atomic_read(&in_flight) == N))
		return;
	for (i = 0; i < N; i++) {
		EXPECT_EQ(RUNS(&p[i]), 0);
		EXPECT_EQ(p[i].cpu, cpu);
		open_gate(&p[i]);
	}
	for (i = 0; i < N; i++)
		if (!WAIT(&p[i].done))
			return;
	e_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(p);
}

static void hundred_asleep_on_one_cpu(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		check_all_asleep(E_PERCPU, cpu);
	check_all_asleep(E_PERCPU | E_HIGHPRI, 0);
	check_all_asleep(E_PERCPU | E_CPU_INTENSIVE, 0);
}

/* Of many idle workers the one that was busy last is taken: its cache is hot. */
static void last_idle_first(void)
{
	enum { WORKERS = 10, N = 20 };
	struct probe *p;
	struct e_wq *wq;
	int i, changes = 0;
	pid_t pid = 0;

	if (target > 1) {
		test_skip("another worker may start before one is idle");
		return;
	}
	wq = e_alloc_workqueue("t_idle", E_PERCPU, 0);
	p = probes(WORKERS);
	for (i = 0; i < WORKERS; i++) {
		p[i].gated = true;
		EXPECT(e_queue_work_on(0, wq, &p[i].work));
	}
	if (!WAIT_FOR(atomic_read(&in_flight) == WORKERS))
		return;
	for (i = 0; i < WORKERS; i++)
		open_gate(&p[i]);
	for (i = 0; i < WORKERS; i++)
		if (!WAIT(&p[i].done))
			return;
	e_flush_workqueue(wq);
	msleep(100);
	p->gated = false;
	for (i = 0; i < N; i++) {
		EXPECT(e_queue_work_on(0, wq, &p->work));
		if (!WAIT(&p->done))
			return;
		e_flush_work(&p->work);
		changes += i && p->pid != pid;
		pid = p->pid;
	}
	/* The kernel's own items share the pools of the control. */
	EXPECT_OP(changes, <=, ENGINE_IS_CMWQ ? 0 : 4);
	test_destroy(wq);
	probes_free(p);
}

/* A worker that woke up again is runnable, too: nothing starts beside it. */
static struct completion waker_wake, waker_awake;
static atomic_t waker_stop = ATOMIC_INIT(0);

static void waker_fn(struct e_work *work)
{
	unsigned long end;

	test_gate(&waker_wake);
	complete(&waker_awake);
	end = jiffies + test_timeout();
	while (!atomic_read(&waker_stop) && time_before(jiffies, end)) {
		cpu_relax();
		cond_resched();
	}
}

static void awake_again_counts(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_awake", E_PERCPU, 0);
	struct probe *p = probes(1);
	struct e_work *work;
	int i;

	work = kcalloc(target, sizeof(*work), GFP_KERNEL);
	init_completion(&waker_wake);
	init_completion(&waker_awake);
	atomic_set(&waker_stop, 0);
	for (i = 0; i < target; i++) {
		E_INIT_WORK(&work[i], waker_fn);
		EXPECT(e_queue_work_on(0, wq, &work[i]));
	}
	for (i = 0; i < target; i++)
		complete(&waker_wake);
	for (i = 0; i < target; i++)
		WAIT(&waker_awake);
	EXPECT(e_queue_work_on(0, wq, &p->work));
	msleep(100);
	EXPECT_EQ(RUNS(p), 0);
	EXPECT(e_work_pending(&p->work));
	atomic_set(&waker_stop, 1);
	WAIT(&p->done);
	e_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(p);
	if (test_may_free())
		kfree(work);
}

/*
 * The example of the kernel's workqueue documentation: w0 burns, sleeps and
 * burns again; w1 and w2 burn and sleep; all on one CPU.  The sleeps end when
 * the case says so, in the order of the documentation, so that what happens in
 * which order does not depend on how fast the machine is.
 */
static char events[64];		/* pairs: s start, z asleep, e end; number */
static int nr_events;
static DEFINE_SPINLOCK(events_lock);

struct actor {
	struct e_work work;
	int nr;
	bool until_next_starts;	/* burn until then */
	struct completion alarm;
	struct completion asleep;
	struct completion done;
};

static struct actor *actors;

static void event(char what, int nr)
{
	unsigned long flags;

	spin_lock_irqsave(&events_lock, flags);
	if (nr_events < sizeof(events) / 3) {
		events[nr_events * 3] = what;
		events[nr_events * 3 + 1] = '0' + nr;
		events[nr_events * 3 + 2] = ' ';
		nr_events++;
	}
	spin_unlock_irqrestore(&events_lock, flags);
}

static int event_at(const char *which)
{
	const char *at = strnstr(events, which, sizeof(events));

	return at ? at - events : -1;
}

static void actor_fn(struct e_work *work)
{
	struct actor *a = container_of(work, struct actor, work);
	unsigned long end = jiffies + test_timeout() / 4;

	event('s', a->nr);
	test_burn_us(50000);
	while (a->until_next_starts && event_at("s2") < 0 &&
	       time_before(jiffies, end)) {
		cpu_relax();
		cond_resched();
	}
	event('z', a->nr);
	complete(&a->asleep);
	test_gate(&a->alarm);
	if (a->nr == 0)
		test_burn_us(50000);
	event('e', a->nr);
	complete(&a->done);
}

static void example_begin(struct e_wq *wq0, struct e_wq *wq12)
{
	int i;

	memset(events, 0, sizeof(events));
	nr_events = 0;
	actors = kcalloc(3, sizeof(*actors), GFP_KERNEL);
	for (i = 0; i < 3; i++) {
		E_INIT_WORK(&actors[i].work, actor_fn);
		actors[i].nr = i;
		init_completion(&actors[i].alarm);
		init_completion(&actors[i].asleep);
		init_completion(&actors[i].done);
	}
	/* What is missing between w1 and w2 is seen only if w1 waits for it. */
	actors[1].until_next_starts = wq0 != wq12;
	for (i = 0; i < 3; i++)
		EXPECT(e_queue_work_on(0, i ? wq12 : wq0, &actors[i].work));
}

/* What is awaited of item @i: asleep, or after an alarm its end. */
static bool asleep(int i)
{
	return WAIT(&actors[i].asleep);
}

static bool wake(int i)
{
	complete(&actors[i].alarm);
	return WAIT(&actors[i].done);
}

static void example_end(const char *expected, struct e_wq *wq0,
			struct e_wq *wq12)
{
	atomic_inc(&test_checks);
	if (expected && strcmp(events, expected))
		FAIL("%sinstead of %s", events, expected);
	test_destroy(wq0);
	if (wq12 != wq0)
		test_destroy(wq12);
	if (test_may_free())
		kfree(actors);
}

static void example_max_active_3(void)
{
	struct e_wq *wq;

	if (target > 1) {
		test_skip("the example is about a target of one");
		return;
	}
	wq = e_alloc_workqueue("t_example", E_PERCPU, 3);
	example_begin(wq, wq);
	if (asleep(0) && asleep(1) && asleep(2))
		if (wake(0) && wake(1))
			wake(2);
	example_end("s0 z0 s1 z1 s2 z2 e0 e1 e2 ", wq, wq);
}

static void example_max_active_2(void)
{
	struct e_wq *wq;

	if (target > 1) {
		test_skip("the example is about a target of one");
		return;
	}
	wq = e_alloc_workqueue("t_example", E_PERCPU, 2);
	example_begin(wq, wq);
	if (asleep(0) && asleep(1)) {
		msleep(50);
		EXPECT(event_at("s2") < 0);
		if (wake(0) && asleep(2) && wake(1))
			wake(2);
	}
	example_end("s0 z0 s1 z1 e0 s2 z2 e1 e2 ", wq, wq);
}

static void example_max_active_1(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_example", E_PERCPU, 1);

	example_begin(wq, wq);
	if (asleep(0)) {
		msleep(50);
		EXPECT(event_at("s1") < 0);
		if (wake(0) && asleep(1) && wake(1) && asleep(2))
			wake(2);
	}
	example_end("s0 z0 e0 s1 z1 e1 s2 z2 e2 ", wq, wq);
}

/* w1 and w2 on a queue of their own: they do not hold back each other. */
static void example_cpu_intensive(void)
{
	struct e_wq *wq0, *wq12;

	if (target > 1) {
		test_skip("the example is about a target of one");
		return;
	}
	wq0 = e_alloc_workqueue("t_example0", E_PERCPU, 0);
	wq12 = e_alloc_workqueue("t_example12", E_PERCPU | E_CPU_INTENSIVE, 0);
	example_begin(wq0, wq12);
	if (asleep(0) && asleep(1) && asleep(2))
		if (wake(0) && wake(1))
			wake(2);
	EXPECT_EQ(event_at("s0 z0 s1 s2 "), 0);
	EXPECT_EQ(event_at("e0 e1 e2"), 6 * 3);
	example_end(NULL, wq0, wq12);
}

/* Priorities */

static void priorities(void)
{
	struct e_wq *high = e_alloc_workqueue("t_high", E_PERCPU | E_HIGHPRI,
					      0);
	struct e_wq *normal = e_alloc_workqueue("t_normal", E_PERCPU, 0);
	struct probe *p = probes(2);
	int cpu;

	for_each_online_cpu(cpu) {
		EXPECT(e_queue_work_on(cpu, high, &p[0].work));
		EXPECT(e_queue_work_on(cpu, normal, &p[1].work));
		if (!WAIT(&p[0].done) || !WAIT(&p[1].done))
			return;
		EXPECT_EQ(p[0].nice, MIN_NICE);
		EXPECT_EQ(p[1].nice, 0);
		e_flush_work(&p[0].work);
		e_flush_work(&p[1].work);
	}
	test_destroy(high);
	test_destroy(normal);
	probes_free(p);
}

const struct test_case test_cases[] = {
	CASE(mixed_on_one_cpu),
	CASE(mixed_on_all_cpus),
	CASE(cpu_intensive_overlap),
	CASE(unbound_overlap),
	CASE(hundred_asleep_on_one_cpu),
	CASE(last_idle_first),
	CASE(awake_again_counts),
	CASE(example_max_active_3),
	CASE(example_max_active_2),
	CASE(example_max_active_1),
	CASE(example_cpu_intensive),
	CASE(priorities),
	{}
};
