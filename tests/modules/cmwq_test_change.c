// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes that change while items are on their way: none is lost, none runs
 * twice or in two places, ordered queues stay ordered.
 */
#include <linux/cpumask.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

static int rounds = 200;
module_param(rounds, int, 0444);
MODULE_PARM_DESC(rounds, "of each item under load");

static struct cmwq_workqueue *wq;

/* Changing */

static int change_to(struct cmwq_workqueue *q, int nice, int cpu,
		     enum cmwq_affn_scope scope, bool strict)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	int err = cmwq_get_workqueue_attrs(q, attrs);

	attrs->nice = nice;
	attrs->policy = SCHED_NORMAL;
	attrs->priority = 0;
	attrs->affn_scope = scope;
	attrs->affn_strict = strict;
	if (cpu >= 0)
		cpumask_copy(attrs->cpumask, cpumask_of(cpu));
	else
		cpumask_copy(attrs->cpumask, cpu_possible_mask);
	if (!err)
		err = cmwq_apply_workqueue_attrs(q, attrs);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

/* nice alone, which any queue takes */
static int change_nice(struct cmwq_workqueue *q, int nice)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	int err = cmwq_get_workqueue_attrs(q, attrs);

	attrs->nice = nice;
	attrs->policy = SCHED_NORMAL;
	attrs->priority = 0;
	if (!err)
		err = cmwq_apply_workqueue_attrs(q, attrs);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

static u32 change_random;

/* To anything that a queue with @flags can be. */
static int change_somehow(unsigned int flags)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	u32 random = test_random(&change_random);
	int cpu, err;

	err = cmwq_get_workqueue_attrs(wq, attrs);
	attrs->nice = 0;
	attrs->policy = SCHED_NORMAL;
	attrs->priority = 0;
	switch (random & 3) {
	case 0:
		attrs->policy = SCHED_FIFO;
		attrs->priority = 1;
		break;
	case 1:
		attrs->nice = -(int)(random >> 8 & 7);
		break;
	}
	if (flags & CMWQ_UNBOUND) {
		attrs->affn_scope = (random >> 12) % CMWQ_AFFN_NR_TYPES;
		attrs->affn_strict = random >> 16 & 1;
		cpumask_copy(attrs->cpumask, cpu_possible_mask);
		for_each_online_cpu(cpu)
			if (random >> 17 & 1 && random >> (18 + cpu % 8) & 1 &&
			    cpumask_weight(attrs->cpumask) > 1)
				cpumask_clear_cpu(cpu, attrs->cpumask);
	}
	if (!err)
		err = cmwq_apply_workqueue_attrs(wq, attrs);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

static unsigned int changer_flags;
static bool changer_stop;
static int changes;

/* A load goes on until there were that many. */
enum { CHANGES = 25 };

static void changer(int nr)
{
	while (!READ_ONCE(changer_stop)) {
		EXPECT_EQ(change_somehow(changer_flags), 0);
		WRITE_ONCE(changes, changes + 1);
		usleep_range(200, 2000);
	}
}

static void changer_start(unsigned int flags)
{
	changer_flags = flags;
	changer_stop = false;
	changes = 0;
	change_random = 4711;
	test_thread_start(changer, 0, -1);
}

/* All threads must have ended by themselves, but the changer. */
static bool changer_end(void)
{
	WRITE_ONCE(changer_stop, true);
	if (!test_threads_join())
		return false;
	EXPECT_OP(changes, >=, CHANGES);
	return test_may_free();
}

/* Numbered items: each is queued when it is idle and runs once then. */

enum { PRODUCERS = 4, MINE = 8 };

struct numbered {
	struct cmwq_work work;
	atomic_t inside;
	int cpu;		/* where it must run, or -1 */
	unsigned int queued;	/* by its producer */
	unsigned int ran;
	struct completion done;
};

static struct numbered *numbered;
static atomic_t numbered_runs = ATOMIC_INIT(0);
static atomic_t producers_left = ATOMIC_INIT(0);

static void numbered_fn(struct cmwq_work *work)
{
	struct numbered *n = container_of(work, struct numbered, work);

	if (atomic_inc_return(&n->inside) != 1)
		FAIL("runs twice at once");
	if (n->cpu >= 0 && n->cpu != raw_smp_processor_id())
		FAIL("on CPU %d instead of %d", raw_smp_processor_id(), n->cpu);
	if ((n->queued & 7) == 7)
		usleep_range(50, 300);
	n->ran++;
	if (n->ran != n->queued)
		FAIL("run %u of %u", n->ran, n->queued);
	atomic_dec(&n->inside);
	atomic_inc(&numbered_runs);
	complete(&n->done);
}

static void producer(int nr)
{
	struct numbered *mine = numbered + nr * MINE;
	int i, round;

	for (round = 0; round < rounds || READ_ONCE(changes) < CHANGES;
	     round++) {
		for (i = 0; i < MINE; i++) {
			mine[i].queued++;
			if (!EXPECT(cmwq_queue_work_on(mine[i].cpu < 0 ?
					CMWQ_WORK_CPU_UNBOUND : mine[i].cpu, wq,
					&mine[i].work)))
				return;
		}
		for (i = 0; i < MINE; i++)
			if (!WAIT(&mine[i].done))
				return;
	}
	atomic_dec(&producers_left);
}

/* Items that all producers hammer: the last call must have been heard. */
static struct hammered {
	struct cmwq_work work;
	atomic_t inside;
	atomic_t wanted;
	int seen;
} *hammered;

static void hammered_fn(struct cmwq_work *work)
{
	struct hammered *h = container_of(work, struct hammered, work);

	if (atomic_inc_return(&h->inside) != 1)
		FAIL("runs twice at once");
	h->seen = atomic_read(&h->wanted);
	if (!(h->seen & 15))
		usleep_range(20, 200);
	atomic_dec(&h->inside);
}

static void hammer(int nr)
{
	u32 random = nr + 1;
	int i;

	for (i = 0; i < rounds * MINE; i++) {
		struct hammered *h = &hammered[test_random(&random) % 4];

		atomic_inc(&h->wanted);
		cmwq_queue_work(wq, &h->work);
		if (!(random & 0x1f0))
			usleep_range(20, 100);
		atomic_inc(&test_checks);
	}
}

/* One more thread that flushes the queue or an item now and then. */
static bool flusher_stop;

static void flusher(int nr)
{
	int i = 0;

	while (!READ_ONCE(flusher_stop)) {
		if (i & 1)
			cmwq_flush_workqueue(wq);
		else
			cmwq_flush_work(&numbered[i % MINE].work);
		atomic_inc(&test_checks);
		usleep_range(500, 1000);
		i++;
	}
}

static void check_load(unsigned int flags)
{
	int i, all = PRODUCERS * MINE, cpu = -1;

	wq = cmwq_alloc_workqueue("t_load", flags, 0);
	numbered = kcalloc(all, sizeof(*numbered), GFP_KERNEL);
	hammered = kcalloc(4, sizeof(*hammered), GFP_KERNEL);
	atomic_set(&numbered_runs, 0);
	atomic_set(&producers_left, PRODUCERS);
	for (i = 0; i < all; i++) {
		CMWQ_INIT_WORK(&numbered[i].work, numbered_fn);
		init_completion(&numbered[i].done);
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		numbered[i].cpu = flags & CMWQ_PERCPU ? cpu : -1;
	}
	for (i = 0; i < 4; i++)
		CMWQ_INIT_WORK(&hammered[i].work, hammered_fn);
	flusher_stop = false;
	changer_start(flags);
	test_thread_start(flusher, 0, -1);
	cpu = -1;
	for (i = 0; i < PRODUCERS; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		test_thread_start(producer, i, cpu);
		test_thread_start(hammer, i, cpu);
	}
	WAIT_WHILE_MOVING(!atomic_read(&producers_left), &numbered_runs);
	WRITE_ONCE(flusher_stop, true);
	if (!changer_end())
		return;
	cmwq_flush_workqueue(wq);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(hammered[i].seen, atomic_read(&hammered[i].wanted));
	test_destroy(wq);
	kfree(numbered);
	kfree(hammered);
}

static void load_unbound(void)
{
	check_load(CMWQ_UNBOUND);
}

static void load_percpu(void)
{
	check_load(CMWQ_PERCPU);
}

/* Ordered: the order of queueing, one at a time, whatever else happens */

enum { LINE = 64 };

static struct in_line {
	struct cmwq_work work;
	unsigned int number;
	bool idle;
} *line;

static DEFINE_SPINLOCK(line_lock);
static unsigned int line_next, line_expected;
static atomic_t line_inside = ATOMIC_INIT(0), line_runs = ATOMIC_INIT(0);

static void one_at_a_time(void)
{
	if (atomic_inc_return(&line_inside) != 1)
		FAIL("two items of an ordered queue at once");
}

static void line_fn(struct cmwq_work *work)
{
	struct in_line *l = container_of(work, struct in_line, work);

	one_at_a_time();
	if (l->number != line_expected)
		FAIL("number %u where %u is due", l->number, line_expected);
	line_expected = l->number + 1;
	if (!(l->number & 15))
		usleep_range(50, 200);
	atomic_dec(&line_inside);
	atomic_inc(&line_runs);
	smp_store_release(&l->idle, true);	/* it may be taken again */
}

static bool line_idle(struct in_line *l)
{
	return smp_load_acquire(&l->idle);	/* by line_fn() */
}

static bool line_up(struct in_line *l)
{
	bool queued;

	spin_lock(&line_lock);
	l->idle = false;
	l->number = line_next++;
	queued = cmwq_queue_work(wq, &l->work);
	spin_unlock(&line_lock);
	return EXPECT(queued);
}

static void line_producer(int nr)
{
	int i, round, each = LINE / PRODUCERS;

	for (round = 0; round < rounds || READ_ONCE(changes) < CHANGES;
	     round++)
		for (i = nr * each; i < (nr + 1) * each; i++)
			if (!WAIT_FOR(line_idle(&line[i])) || !line_up(&line[i]))
				return;
	atomic_dec(&producers_left);
}

/* An item that queues itself again: no other order is due for it. */
static struct cmwq_work loop_work;
static int loop_left;
static struct completion loop_done;

static void loop_fn(struct cmwq_work *work)
{
	one_at_a_time();
	atomic_dec(&line_inside);
	if (!loop_left)
		complete(&loop_done);
	else if (loop_left-- && !cmwq_queue_work(wq, work))
		FAIL("cannot requeue");
}

/* One that is queued and cancelled all the time. */
static struct victim {
	struct cmwq_work work;
	int ran, queued, cancelled;
} *victim;

static void victim_fn(struct cmwq_work *work)
{
	one_at_a_time();
	victim->ran++;
	atomic_dec(&line_inside);
}

static void canceller(int nr)
{
	while (!READ_ONCE(flusher_stop)) {
		victim->queued += cmwq_queue_work(wq, &victim->work);
		if (victim->queued % 3 == 0)
			usleep_range(50, 500);
		if (victim->queued % 5 == 0)
			cmwq_flush_work(&victim->work);
		else if (cmwq_cancel_work_sync(&victim->work))
			victim->cancelled++;
		EXPECT(!cmwq_work_busy(&victim->work));
		EXPECT_EQ(victim->queued, victim->ran + victim->cancelled);
		if (victim->queued % 7 == 0)
			cmwq_flush_workqueue(wq);
		usleep_range(100, 500);
	}
}

static void line_begin(void)
{
	int i;

	wq = cmwq_alloc_ordered_workqueue("t_line", 0);
	line = kcalloc(LINE, sizeof(*line), GFP_KERNEL);
	for (i = 0; i < LINE; i++) {
		CMWQ_INIT_WORK(&line[i].work, line_fn);
		line[i].idle = true;
	}
	line_next = 0;
	line_expected = 0;
	atomic_set(&line_inside, 0);
	atomic_set(&line_runs, 0);
}

static void line_end(void)
{
	test_destroy(wq);
	if (test_may_free())
		kfree(line);
}

static void load_ordered(void)
{
	int i, cpu = -1;

	line_begin();
	victim = kzalloc(sizeof(*victim), GFP_KERNEL);
	CMWQ_INIT_WORK(&victim->work, victim_fn);
	CMWQ_INIT_WORK(&loop_work, loop_fn);
	init_completion(&loop_done);
	loop_left = 5 * rounds;
	atomic_set(&producers_left, PRODUCERS);
	flusher_stop = false;
	changer_start(CMWQ_UNBOUND);
	test_thread_start(canceller, 0, -1);
	EXPECT(cmwq_queue_work(wq, &loop_work));
	for (i = 0; i < PRODUCERS; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		test_thread_start(line_producer, i, cpu);
	}
	WAIT_WHILE_MOVING(!atomic_read(&producers_left), &line_runs);
	if (test_may_free())
		WAIT(&loop_done);
	WRITE_ONCE(flusher_stop, true);
	if (!changer_end())
		return;
	EXPECT_OP(victim->ran, >, 0);
	EXPECT_OP(victim->cancelled, >, 0);
	cmwq_flush_workqueue(wq);
	EXPECT_EQ(line_expected, line_next);
	line_end();
	kfree(victim);
}

/* Drained during a change; all that was queued before has run then. */
static void drained_while_changing(void)
{
	int i, round;

	line_begin();
	changer_start(CMWQ_UNBOUND);
	for (round = 0; round < 60 || READ_ONCE(changes) < CHANGES; round++) {
		for (i = 0; i < LINE; i++)
			line_up(&line[i]);
		if (round & 1)
			cmwq_drain_workqueue(wq);
		else
			cmwq_flush_workqueue(wq);
		EXPECT_EQ(atomic_read(&line_runs), (round + 1) * LINE);
	}
	if (changer_end())
		line_end();
}

/* Destroyed at once after a change. */
static void destroyed_after_a_change(void)
{
	int i, round;

	for (round = 0; round < 40; round++) {
		line_begin();
		for (i = 0; i < LINE; i++) {
			line_up(&line[i]);
			if (i == LINE / 2)
				EXPECT_EQ(change_to(wq, round % 10, -1,
						    CMWQ_AFFN_CPU, true), 0);
		}
		EXPECT_EQ(change_to(wq, 0, round % num_online_cpus(),
				    CMWQ_AFFN_SYSTEM, false), 0);
		cmwq_destroy_workqueue(wq);
		EXPECT_EQ(atomic_read(&line_runs), LINE);
		kfree(line);
		atomic_inc(&test_checks);
	}
}

static void destroyed_after_a_change_percpu(void)
{
	struct probe *p;
	int i, round;

	for (round = 0; round < 40; round++) {
		p = probes(16);
		wq = cmwq_alloc_workqueue("t_gone", CMWQ_PERCPU, round % 3);
		for (i = 0; i < 16; i++) {
			EXPECT(cmwq_queue_work_on(i % num_online_cpus(), wq,
						  &p[i].work));
			if (i == 8)
				EXPECT_EQ(change_nice(wq, round % 10), 0);
		}
		EXPECT_EQ(change_nice(wq, 0), 0);
		cmwq_destroy_workqueue(wq);
		for (i = 0; i < 16; i++)
			EXPECT_EQ(RUNS(&p[i]), 1);
		kfree(p);
		atomic_inc(&test_checks);
	}
}

/* An item queued after the call has what the call said. */
static void later_items_have_them(void)
{
	struct cmwq_workqueue *q[3];
	struct probe *p = probes(1);
	int i, k, cpu, nice;

	q[0] = cmwq_alloc_workqueue("t_later_unbound", CMWQ_UNBOUND, 0);
	q[1] = cmwq_alloc_ordered_workqueue("t_later_ordered", 0);
	q[2] = cmwq_alloc_workqueue("t_later_percpu", CMWQ_PERCPU, 0);
	for (i = 0; i < 90; i++) {
		k = i % 3;
		nice = i % 40 - 20;
		cpu = i / 3 % num_online_cpus();
		if (k < 2)
			EXPECT_EQ(change_to(q[k], nice, cpu, CMWQ_AFFN_CACHE,
					    i & 1), 0);
		else
			EXPECT_EQ(change_nice(q[k], nice), 0);
		EXPECT(cmwq_queue_work_on(k < 2 ? CMWQ_WORK_CPU_UNBOUND : cpu,
					  q[k], &p->work));
		if (!WAIT(&p->done))
			return;
		EXPECT_EQ(p->nice, nice);
		EXPECT_EQ(p->cpu, cpu);
		cmwq_flush_work(&p->work);
	}
	for (k = 0; k < 3; k++)
		test_destroy(q[k]);
	probes_free(p);
}

/*
 * Old and new side by side: an item that was there before the change runs on;
 * a new one does not wait for it, if the queue is not ordered; whoever flushes
 * the queue waits for both.
 */
static struct completion flushed;

static void side_flusher(int nr)
{
	cmwq_flush_workqueue(wq);
	complete(&flushed);
}

static void check_side_by_side(unsigned int flags)
{
	bool ordered = flags & __CMWQ_ORDERED;
	struct probe *p = probes(3);
	struct test_thread *t;

	init_completion(&flushed);
	wq = ordered ? cmwq_alloc_ordered_workqueue("t_side", 0) :
		cmwq_alloc_workqueue("t_side", flags, 0);
	if (!block_on(&p[0], wq))
		return;
	EXPECT(cmwq_queue_work_on(0, wq, &p[1].work));
	if (!ordered && !WAIT(&p[1].done))
		return;
	EXPECT_EQ(change_nice(wq, 7), 0);
	EXPECT(cmwq_queue_work_on(0, wq, &p[2].work));
	/* It is running: queued again it follows, and does not overlap. */
	p[0].gated = false;
	EXPECT(cmwq_queue_work_on(0, wq, &p[0].work));
	EXPECT_EQ(cmwq_work_busy(&p[0].work),
		  CMWQ_WORK_BUSY_PENDING | CMWQ_WORK_BUSY_RUNNING);
	t = test_thread_start(side_flusher, 0, -1);
	if (!t || !test_thread_sleeps(t))
		return;
	if (!ordered) {
		if (!WAIT(&p[2].done))
			return;
		EXPECT_EQ(p[2].nice, 7);
		EXPECT_EQ(p[1].nice, 0);
	}
	msleep(100);
	EXPECT_EQ(RUNS(&p[0]), 0);
	EXPECT_EQ(RUNS(&p[1]), !ordered);
	EXPECT_EQ(RUNS(&p[2]), !ordered);
	EXPECT(!completion_done(&flushed));
	EXPECT_EQ(p[0].nice, 0);
	open_gate(&p[0]);
	if (!WAIT(&flushed))
		return;
	EXPECT_EQ(RUNS(&p[0]), 2);
	EXPECT_EQ(RUNS(&p[1]), 1);
	EXPECT_EQ(RUNS(&p[2]), 1);
	EXPECT_EQ(p[2].nice, 7);
	if (ordered) {
		EXPECT_EQ(atomic_read(&most_in_flight), 1);
		EXPECT_EQ(p[1].nice, 0);
	}
	test_threads_join();
	test_destroy(wq);
	probes_free(p);
}

static void side_by_side_unbound(void)
{
	check_side_by_side(CMWQ_UNBOUND);
}

static void side_by_side_percpu(void)
{
	check_side_by_side(CMWQ_PERCPU);
}

static void side_by_side_ordered(void)
{
	check_side_by_side(CMWQ_UNBOUND | __CMWQ_ORDERED);
}

/* Several changes behind an item that does not end; then all goes on. */
static void changes_pile_up(void)
{
	enum { N = 12 };
	struct probe *p = probes(N + 1);
	int i;

	wq = cmwq_alloc_ordered_workqueue("t_pile", 0);
	if (!block_on(&p[N], wq))
		return;
	for (i = 0; i < N; i++) {
		EXPECT_EQ(change_to(wq, i, i & 1 ? -1 : 0,
				    i % CMWQ_AFFN_NR_TYPES, i & 2), 0);
		EXPECT(cmwq_queue_work(wq, &p[i].work));
	}
	/* What waits in the middle can be taken off. */
	EXPECT(cmwq_cancel_work_sync(&p[5].work));
	EXPECT(cmwq_cancel_work_sync(&p[6].work));
	EXPECT(cmwq_cancel_work_sync(&p[0].work));
	msleep(50);
	for (i = 0; i < N; i++)
		EXPECT_EQ(RUNS(&p[i]), 0);
	open_gate(&p[N]);
	for (i = 0; i < N; i++) {
		if (i == 0 || i == 5 || i == 6)
			continue;
		if (!WAIT(&p[i].done))
			return;
		EXPECT_EQ(p[i].nice, i);
	}
	cmwq_flush_workqueue(wq);
	EXPECT_EQ(atomic_read(&most_in_flight), 1);
	EXPECT_EQ(RUNS(&p[5]), 0);
	test_destroy(wq);
	probes_free(p);
}

/* max_active counts old and new together. */
static void limit_spans_a_change(void)
{
	struct probe *p = probes(6);
	int i;

	wq = cmwq_alloc_workqueue("t_span", CMWQ_UNBOUND, 2);
	for (i = 0; i < 6; i++)
		p[i].gated = true;
	EXPECT(cmwq_queue_work_on(0, wq, &p[0].work));
	EXPECT(cmwq_queue_work_on(0, wq, &p[1].work));
	EXPECT(cmwq_queue_work_on(0, wq, &p[2].work));
	if (!WAIT_FOR(atomic_read(&in_flight) == 2))
		return;
	EXPECT_EQ(change_nice(wq, 3), 0);
	for (i = 3; i < 6; i++)
		EXPECT(cmwq_queue_work_on(0, wq, &p[i].work));
	msleep(100);
	EXPECT_EQ(atomic_read(&in_flight), 2);
	for (i = 0; i < 6; i++)
		open_gate(&p[i]);
	for (i = 0; i < 6; i++)
		if (!WAIT(&p[i].done))
			return;
	EXPECT_EQ(atomic_read(&most_in_flight), 2);
	EXPECT_EQ(p[5].nice, 3);
	test_destroy(wq);
	probes_free(p);
}

/* Delayed items: the attributes when their timer expires are theirs. */
static void delayed_items(void)
{
	struct probe *p = probes(8);
	int i;

	wq = cmwq_alloc_workqueue("t_delayed", CMWQ_UNBOUND, 0);
	for (i = 0; i < 8; i++)
		EXPECT(cmwq_queue_delayed_work(wq, &p[i].dwork, HZ + i));
	EXPECT_EQ(change_nice(wq, 9), 0);
	for (i = 0; i < 8; i++) {
		if (!WAIT(&p[i].done))
			return;
		EXPECT_EQ(p[i].nice, 9);
	}
	cmwq_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(p);
}

/* Many queues change at the same time, in many threads. */
static void many_changers_fn(int nr)
{
	struct cmwq_workqueue *q;
	struct probe p;
	int i;

	q = cmwq_alloc_workqueue("t_many%d", nr & 1 ? CMWQ_UNBOUND :
				 CMWQ_PERCPU, 0, nr);
	CMWQ_INIT_DELAYED_WORK_ONSTACK(&p.dwork, probe_fn);
	probe_reset(&p);
	for (i = 0; i < rounds / 10; i++) {
		EXPECT_EQ(change_nice(q, (i + nr) % 8), 0);
		EXPECT(cmwq_queue_work(q, &p.work));
		cmwq_flush_work(&p.work);
		EXPECT_EQ(RUNS(&p), i + 1);
		EXPECT_EQ(p.nice, (i + nr) % 8);
	}
	cmwq_destroy_workqueue(q);
	cmwq_destroy_delayed_work_on_stack(&p.dwork);
}

static void many_changers(void)
{
	test_run_threads(many_changers_fn, 8);
}

/*
 * Ever new pools, which takes ever more numbers, until those that nobody uses any
 * more give back theirs.
 */
#define CHURNERS	16
#define NEW_ATTRS	234

static int change_to_number(struct cmwq_workqueue *q, int nr)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	int err;

	if (nr < 38) {
		attrs->nice = nr < 19 ? nr - 19 : nr - 18;
	} else {
		attrs->policy = nr & 1 ? SCHED_FIFO : SCHED_RR;
		attrs->priority = (nr - 38) / 2 + 1;
	}
	err = cmwq_apply_workqueue_attrs(q, attrs);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

static void churn_fn(int nr)
{
	struct cmwq_workqueue *q;
	int i;

	q = cmwq_alloc_workqueue("t_churn%d", CMWQ_PERCPU, 0, nr);
	for (i = 0; i < 40; i++)
		EXPECT_EQ(change_to_number(q, (nr + i * CHURNERS) % NEW_ATTRS), 0);
	cmwq_destroy_workqueue(q);
}

static void ever_new_pools(void)
{
	test_run_threads(churn_fn, CHURNERS);
}

const struct test_case test_cases[] = {
	CASE(later_items_have_them),
	CASE(side_by_side_unbound),
	CASE(side_by_side_percpu),
	CASE(side_by_side_ordered),
	CASE(changes_pile_up),
	CASE(limit_spans_a_change),
	CASE(delayed_items),
	CASE(load_unbound),
	CASE(load_percpu),
	CASE(load_ordered),
	CASE(drained_while_changing),
	CASE(destroyed_after_a_change),
	CASE(destroyed_after_a_change_percpu),
	CASE(many_changers),
	CASE(ever_new_pools),
	{}
};
