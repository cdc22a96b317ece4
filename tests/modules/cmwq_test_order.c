// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where and in which order items run: ordered queues, per-CPU affinity, and
 * what an item sees of memory written before it was queued.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

#define PRODUCERS	4

static int items = 400;
module_param(items, int, 0444);
MODULE_PARM_DESC(items, "items of each producer");

/* Order */

struct ticketed {
	struct e_work work;
	int ticket;		/* order of queueing, over all producers */
	int producer;
	int nr;			/* order of queueing by this producer */
};

static struct e_wq *order_wq;
static struct ticketed *tickets;
static DEFINE_SPINLOCK(ticket_lock);
static bool use_ticket_lock;
static int queue_cpu;
static int next_ticket;
static int expected_ticket;
static int expected_nr[PRODUCERS];
static atomic_t ordered_running = ATOMIC_INIT(0);
static atomic_t ordered_runs = ATOMIC_INIT(0);

static void ticketed_fn(struct e_work *work)
{
	struct ticketed *t = container_of(work, struct ticketed, work);

	if (atomic_inc_return(&ordered_running) != 1)
		FAIL("two items of the queue run at once");
	if (use_ticket_lock && t->ticket != expected_ticket)
		FAIL("ticket %d instead of %d", t->ticket, expected_ticket);
	expected_ticket = t->ticket + 1;
	if (t->nr != expected_nr[t->producer])
		FAIL("item %d of producer %d instead of %d", t->nr,
		     t->producer, expected_nr[t->producer]);
	expected_nr[t->producer] = t->nr + 1;
	/* Any sleep is a chance for others to overtake. */
	if (t->nr % 32 == 0)
		usleep_range(100, 300);
	else if (t->nr % 8 == 0)
		schedule_timeout_uninterruptible(0);
	atomic_dec(&ordered_running);
	atomic_inc(&ordered_runs);
}

static void produce(int nr)
{
	struct ticketed *t = tickets + nr * items;
	unsigned long flags;
	int i;

	for (i = 0; i < items; i++, t++) {
		t->producer = nr;
		t->nr = i;
		if (use_ticket_lock) {
			spin_lock_irqsave(&ticket_lock, flags);
			t->ticket = next_ticket++;
			EXPECT(e_queue_work_on(queue_cpu, order_wq, &t->work));
			spin_unlock_irqrestore(&ticket_lock, flags);
		} else {
			EXPECT(e_queue_work_on(queue_cpu, order_wq, &t->work));
		}
		if (i % 16 == nr)
			usleep_range(10, 100);
	}
}

static void check_order(struct e_wq *wq, bool lock, int cpu)
{
	int i, n = PRODUCERS * items;

	order_wq = wq;
	use_ticket_lock = lock;
	queue_cpu = cpu;
	next_ticket = 0;
	expected_ticket = 0;
	memset(expected_nr, 0, sizeof(expected_nr));
	atomic_set(&ordered_runs, 0);
	tickets = kcalloc(n, sizeof(*tickets), GFP_KERNEL);
	if (!EXPECT(wq && tickets))
		return;
	for (i = 0; i < n; i++)
		E_INIT_WORK(&tickets[i].work, ticketed_fn);
	test_run_threads(produce, PRODUCERS);
	WAIT_FOR(atomic_read(&ordered_runs) == n);
	for (i = 0; i < PRODUCERS; i++)
		EXPECT_EQ(expected_nr[i], items);
	test_destroy(wq);
	if (test_may_free())
		kfree(tickets);
}

static void ordered_is_fifo(void)
{
	check_order(e_alloc_ordered_workqueue("t_fifo", 0), true,
		    E_CPU_UNBOUND);
}

static void ordered_highpri_is_fifo(void)
{
	check_order(e_alloc_ordered_workqueue("t_fifo", E_HIGHPRI |
					      E_MEM_RECLAIM), true,
		    E_CPU_UNBOUND);
}

static void ordered_keeps_each_producers_order(void)
{
	check_order(e_alloc_ordered_workqueue("t_fifo", 0), false,
		    E_CPU_UNBOUND);
}

static void singlethread_is_fifo(void)
{
	check_order(e_create_singlethread_workqueue("t_fifo"), true,
		    E_CPU_UNBOUND);
}

/* max_active 1 makes each CPU's part of a queue such a line. */
static void percpu_max_active_1_is_fifo(void)
{
	check_order(e_alloc_workqueue("t_fifo", E_PERCPU, 1), true, 0);
	check_order(e_alloc_workqueue("t_fifo", E_PERCPU, 1), false, 0);
}

static char trace[64];
static int trace_len;

struct letter {
	struct e_work work;
	char name;
	int requeues;
};

static void letter_fn(struct e_work *work)
{
	struct letter *l = container_of(work, struct letter, work);

	if (l->requeues) {
		l->requeues--;
		if (!e_queue_work(order_wq, work))
			FAIL("cannot requeue");
	}
	usleep_range(10, 50);
	trace[trace_len++] = l->name;
}

static struct letter letters[5];

static void letters_reset(void)
{
	int i;

	memset(trace, 0, sizeof(trace));
	trace_len = 0;
	for (i = 0; i < ARRAY_SIZE(letters); i++) {
		E_INIT_WORK(&letters[i].work, letter_fn);
		letters[i].name = 'a' + i;
		letters[i].requeues = 0;
	}
}

static void expect_trace(const char *expected)
{
	atomic_inc(&test_checks);
	if (strcmp(trace, expected))
		FAIL("order %s instead of %s", trace, expected);
}

/* Whoever queues itself goes to the end of the line. */
static void ordered_requeue_goes_last(void)
{
	struct probe *p = probes(1);
	int i;

	order_wq = e_alloc_ordered_workqueue("t_last", 0);
	letters_reset();
	if (!block_on(p, order_wq))
		return;
	letters[0].requeues = 2;
	letters[2].requeues = 1;
	for (i = 0; i < 4; i++)
		EXPECT(e_queue_work(order_wq, &letters[i].work));
	open_gate(p);
	e_drain_workqueue(order_wq);
	expect_trace("abcdaca");
	test_destroy(order_wq);
	probes_free(p);
}

/* Taking items out, or flushing in the middle, does not disturb the others. */
static void ordered_with_cancel(void)
{
	struct probe *p = probes(1);
	int i;

	order_wq = e_alloc_ordered_workqueue("t_gap", 0);
	letters_reset();
	if (!block_on(p, order_wq))
		return;
	for (i = 0; i < 5; i++)
		EXPECT(e_queue_work(order_wq, &letters[i].work));
	EXPECT(e_cancel_work(&letters[1].work));
	EXPECT(e_cancel_work_sync(&letters[0].work));
	EXPECT(e_cancel_work(&letters[4].work));
	EXPECT(e_queue_work(order_wq, &letters[1].work));
	open_gate(p);
	e_flush_work(&letters[2].work);
	EXPECT_EQ(trace[0], 'c');
	e_flush_work(&letters[1].work);
	e_flush_workqueue(order_wq);
	expect_trace("cdb");
	test_destroy(order_wq);
	probes_free(p);
}

/* Affinity */

struct stayer {
	struct e_delayed_work dwork;
	struct completion done;
	int cpu;
};

static void stayer_fn(struct e_work *work)
{
	struct stayer *s = container_of(work, struct stayer, dwork.work);
	int i;

	for (i = 0; i < 4; i++) {
		if (raw_smp_processor_id() != s->cpu)
			FAIL("on CPU %d instead of %d after %d sleeps",
			     raw_smp_processor_id(), s->cpu, i);
		if (i & 1)
			usleep_range(50, 500);
		else
			yield();
	}
	complete(&s->done);
}

static struct e_wq *stay_wq;
static struct stayer *stayers;

/* Runs on CPU @nr: "no CPU" means this one. */
static void queue_here(int nr)
{
	struct stayer *s = stayers + nr * 32;
	int i;

	for (i = 0; i < 32; i++, s++) {
		s->cpu = raw_smp_processor_id();
		if (i & 1)
			EXPECT(e_queue_work(stay_wq, &s->dwork.work));
		else
			EXPECT(e_queue_delayed_work_on(s->cpu, stay_wq,
						       &s->dwork, i % 4));
	}
}

static void check_affinity(unsigned int flags)
{
	int n = 32 * num_online_cpus(), i, cpu = -1;

	stay_wq = e_alloc_workqueue("t_stay", flags, 0);
	stayers = kcalloc(n, sizeof(*stayers), GFP_KERNEL);
	for (i = 0; i < n; i++) {
		E_INIT_DELAYED_WORK(&stayers[i].dwork, stayer_fn);
		init_completion(&stayers[i].done);
	}
	/* from elsewhere */
	for (i = 0; i < n; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		stayers[i].cpu = cpu;
		EXPECT(e_queue_work_on(cpu, stay_wq, &stayers[i].dwork.work));
	}
	for (i = 0; i < n; i++)
		if (!WAIT(&stayers[i].done))
			return;
	e_flush_workqueue(stay_wq);
	/* from there */
	if (!test_run_threads(queue_here, num_online_cpus()))
		return;
	for (i = 0; i < n; i++)
		if (!WAIT(&stayers[i].done))
			return;
	test_destroy(stay_wq);
	kfree(stayers);
}

static void percpu_items_stay(void)
{
	check_affinity(E_PERCPU);
}

static void highpri_items_stay(void)
{
	check_affinity(E_PERCPU | E_HIGHPRI);
}

static void cpu_intensive_items_stay(void)
{
	check_affinity(E_PERCPU | E_CPU_INTENSIVE);
}

/*
 * Memory: what was written before a call that queued, or found it queued, is
 * seen by the next execution.  Several writers, one item; each has its own
 * variable and asks whether the item saw its last value.
 */
#define WRITERS	4

struct reader {
	struct e_work work;
	long var[WRITERS];
	long seen[WRITERS];
};

static struct reader *reader;
static atomic_t queue_said_no = ATOMIC_INIT(0);

static void reader_fn(struct e_work *work)
{
	struct reader *r = container_of(work, struct reader, work);
	int i;

	for (i = 0; i < WRITERS; i++)
		WRITE_ONCE(r->seen[i], READ_ONCE(r->var[i]));
}

static void write_and_queue(int nr)
{
	long value;

	for (value = 1; value <= 12L * items && test_may_free(); value++) {
		WRITE_ONCE(reader->var[nr], value);
		if (!e_queue_work(order_wq, &reader->work))
			atomic_inc(&queue_said_no);
		if (value % 8)
			continue;
		/*
		 * Not by e_flush_work(): whoever has queued it may not be
		 * through with that, then nothing is there to be flushed.
		 */
		WAIT_FOR(READ_ONCE(reader->seen[nr]) >= value);
	}
}

static void check_memory(struct e_wq *wq)
{
	int i;

	order_wq = wq;
	atomic_set(&queue_said_no, 0);
	reader = kzalloc(sizeof(*reader), GFP_KERNEL);
	E_INIT_WORK(&reader->work, reader_fn);
	if (!test_run_threads(write_and_queue, WRITERS))
		return;
	e_flush_workqueue(wq);
	for (i = 0; i < WRITERS; i++)
		EXPECT_EQ(reader->seen[i], 12L * items / 8 * 8);
	/* else nothing was tested */
	EXPECT_OP(atomic_read(&queue_said_no), >, 0);
	test_destroy(wq);
	kfree(reader);
}

static void writes_are_seen(void)
{
	check_memory(e_alloc_workqueue("t_memory", E_PERCPU, 0));
	check_memory(e_alloc_workqueue("t_memory", E_UNBOUND, 0));
	check_memory(e_alloc_ordered_workqueue("t_memory", 0));
}

const struct test_case test_cases[] = {
	CASE(ordered_is_fifo),
	CASE(ordered_highpri_is_fifo),
	CASE(ordered_keeps_each_producers_order),
	CASE(singlethread_is_fifo),
	CASE(percpu_max_active_1_is_fifo),
	CASE(ordered_requeue_goes_last),
	CASE(ordered_with_cancel),
	CASE(percpu_items_stay),
	CASE(highpri_items_stay),
	CASE(cpu_intensive_items_stay),
	CASE(writes_are_seen),
	{}
};
