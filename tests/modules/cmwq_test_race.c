// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of the API against each other: several threads on all CPUs do
 * different things to the same few items, which sleep, burn and requeue
 * themselves.
 *
 * An item that runs twice at once says so.  Where the return values allow it
 * the books are checked: calls that said "queued" == executions + calls that
 * said "taken off".
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>

#include "engine.h"
#include "cmwq_test.h"

#define ITEMS	6
#define THREADS	8

static int loops = 1500;
module_param(loops, int, 0444);
MODULE_PARM_DESC(loops, "operations of each thread in each case");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "start of the pseudo-random numbers");

static unsigned int everything = 0xff;
module_param(everything, uint, 0444);
MODULE_PARM_DESC(everything, "operations of everything_at_once, a mask of OP_*");

struct racer {
	struct e_delayed_work dwork;
	struct e_wq *wq;
	atomic_t running;
	atomic_t runs;
	atomic_t queued;
	atomic_t taken;
	u32 random;
	bool requeues;
};

static struct racer *racers;
static struct e_wq *race_wq[2];

static int any_cpu(u32 random)
{
	unsigned int n = random % num_online_cpus();
	int cpu;

	for_each_online_cpu(cpu)
		if (!n--)
			return cpu;
	return 0;
}

static void racer_fn(struct e_work *work)
{
	struct racer *r = container_of(work, struct racer, dwork.work);
	u32 random;

	if (atomic_inc_return(&r->running) != 1)
		FAIL("item %td runs twice at once", r - racers);
	random = test_random(&r->random);
	if (random & 0x100)
		usleep_range(20, 200);
	else if (random & 0x200)
		test_burn_us(random & 0x7f);
	if (r->requeues && (random & 0x3000) == 0x3000) {
		if (random & 0x4000 ?
		    e_queue_work_on(any_cpu(random >> 16), r->wq, work) :
		    e_queue_delayed_work(r->wq, &r->dwork, random >> 31))
			atomic_inc(&r->queued);
	}
	atomic_inc(&r->runs);
	atomic_dec(&r->running);
}

/* May an unbound queue be full while its items are flushed and cancelled? */
static bool may_fill(struct e_wq *wq)
{
	return ENGINE_WAKES_CANCELLED_INACTIVE || wq != race_wq[1];
}

static void racers_make(int max_active, bool requeues)
{
	int i;

	racers = kcalloc(ITEMS, sizeof(*racers), GFP_KERNEL);
	race_wq[0] = e_alloc_workqueue("t_race0", E_PERCPU, max_active);
	race_wq[1] = e_alloc_workqueue("t_race1", E_UNBOUND,
				       ENGINE_WAKES_CANCELLED_INACTIVE ?
				       max_active : 0);
	for (i = 0; i < ITEMS; i++) {
		E_INIT_DELAYED_WORK(&racers[i].dwork, racer_fn);
		racers[i].wq = race_wq[i & 1];
		racers[i].random = seed + i + 1;
		racers[i].requeues = requeues;
	}
}

/* All threads are gone: stop everything, and close the books. */
static void racers_end(bool exact)
{
	struct racer *r;

	if (!test_may_free())
		return;
	for (r = racers; r < racers + ITEMS; r++) {
		if (e_cancel_delayed_work_sync(&r->dwork))
			atomic_inc(&r->taken);
		EXPECT_EQ(e_work_busy(&r->dwork.work), 0);
		EXPECT_EQ(atomic_read(&r->running), 0);
		EXPECT_OP(atomic_read(&r->runs), >, 0);
		if (exact)
			EXPECT_EQ(atomic_read(&r->queued),
				  atomic_read(&r->runs) +
				  atomic_read(&r->taken));
		/* It is as good as new. */
		r->requeues = false;
		atomic_set(&r->runs, 0);
		EXPECT(e_queue_delayed_work(r->wq, &r->dwork, 0));
		WAIT_FOR(atomic_read(&r->runs) == 1);
	}
	test_destroy(race_wq[0]);
	test_destroy(race_wq[1]);
	if (test_may_free())
		kfree(racers);
}

enum {
	OP_QUEUE	= 0x01,
	OP_CANCEL	= 0x02,
	OP_CANCEL_SYNC	= 0x04,
	OP_FLUSH	= 0x08,
	OP_FLUSH_QUEUE	= 0x10,
	OP_MOD		= 0x20,
	OP_DISABLE	= 0x40,
	OP_MAX_ACTIVE	= 0x80,
	OPS		= 8
};

static unsigned int ops;

static void count_queued(struct racer *r, bool did)
{
	if (did)
		atomic_inc(&r->queued);
}

static void count_taken(struct racer *r, bool did)
{
	if (did)
		atomic_inc(&r->taken);
}

/*
 * The control's functions for plain items spin until a delayed item's timer is
 * over.  That may be up to ksoftirqd, which cannot run then if the kernel does
 * not preempt: a lockup, seen once on 6.1.
 */
#define MUST_KNOW_DELAYED	(!ENGINE_IS_CMWQ)

static void disable_a_while(struct racer *r, u32 random)
{
	struct e_work *work = &r->dwork.work;
	bool sync = random & 1;

	if (!ENGINE_HAS_DISABLE)
		return;
	if (MUST_KNOW_DELAYED || random & 2)
		count_taken(r, sync ? e_disable_delayed_work_sync(&r->dwork)
				    : e_disable_delayed_work(&r->dwork));
	else
		count_taken(r, sync ? e_disable_work_sync(work)
				    : e_disable_work(work));
	/* Whoever else enables it, ours is still in force. */
	if (sync)
		EXPECT_EQ(atomic_read(&r->running), 0);
	EXPECT(!e_queue_work(r->wq, work));
	EXPECT(!e_queue_delayed_work(r->wq, &r->dwork, 1));
	if (random & 4)
		usleep_range(10, 100);
	if (sync)
		EXPECT_EQ(atomic_read(&r->running), 0);
	e_enable_work(work);
}

static void one_op(unsigned int op, struct racer *r, u32 random)
{
	struct e_work *work = &r->dwork.work;
	int cpu = any_cpu(random);
	bool mod;

	switch (op) {
	case OP_QUEUE:
		if (random & 0x100)
			count_queued(r, e_queue_work(r->wq, work));
		else if (random & 0x200)
			count_queued(r, e_queue_work_on(cpu, r->wq, work));
		else
			count_queued(r,
				     e_queue_delayed_work_on(cpu, r->wq,
							     &r->dwork,
							     random >> 30));
		break;
	case OP_CANCEL:
		count_taken(r, !MUST_KNOW_DELAYED && random & 0x100 ?
			    e_cancel_work(work) :
			    e_cancel_delayed_work(&r->dwork));
		break;
	case OP_CANCEL_SYNC:
		count_taken(r, e_cancel_delayed_work_sync(&r->dwork));
		break;
	case OP_FLUSH:
		if (random & 0x100)
			e_flush_work(work);
		else
			e_flush_delayed_work(&r->dwork);
		break;
	case OP_FLUSH_QUEUE:
		e_flush_workqueue(r->wq);
		break;
	case OP_MOD:
		mod = e_mod_delayed_work_on(cpu, r->wq, &r->dwork,
					    random >> 30);
		count_queued(r, !mod);
		break;
	case OP_DISABLE:
		disable_a_while(r, random >> 8);
		break;
	case OP_MAX_ACTIVE:
		if (may_fill(r->wq))
			e_set_max_active(r->wq, 1 + random % 8);
		break;
	}
}

/* cancel_work() on a delayed item leaves a running timer alone. */
static void race_thread(int nr)
{
	u32 random = seed * 1000 + nr + 1;
	unsigned int op;
	int i;

	for (i = 0; i < loops && test_may_free(); i++) {
		test_random(&random);
		op = BIT((random >> 4) % OPS);
		/* Half of all operations queue, so that there is work. */
		if (!(op & ops) || random & 0x8000000)
			op = OP_QUEUE;
		one_op(op, &racers[random % ITEMS], random);
		atomic_inc(&test_checks);
		if (!(random & 0x1f0))
			usleep_range(50, 100);
		else
			cond_resched();
	}
}

static void race(unsigned int which, bool requeues, bool exact)
{
	ops = which;
	racers_make(which & OP_MAX_ACTIVE ? 2 : 0, requeues);
	test_run_threads(race_thread, THREADS);
	racers_end(exact);
}

static void queue_from_everywhere(void)
{
	race(OP_QUEUE, false, true);
}

static void queue_and_requeue(void)
{
	race(OP_QUEUE, true, true);
}

static void queue_against_cancel(void)
{
	race(OP_QUEUE | OP_CANCEL, true, true);
}

static void queue_against_cancel_sync(void)
{
	race(OP_QUEUE | OP_CANCEL | OP_CANCEL_SYNC, true, true);
}

static void queue_against_flush(void)
{
	race(OP_QUEUE | OP_FLUSH | OP_FLUSH_QUEUE, true, true);
}

static void queue_against_mod(void)
{
	race(OP_QUEUE | OP_CANCEL | OP_MOD, true, true);
}

static void queue_against_disable(void)
{
	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		return;
	}
	race(OP_QUEUE | OP_CANCEL | OP_CANCEL_SYNC | OP_FLUSH | OP_DISABLE,
	     true, true);
}

static void queue_against_set_max_active(void)
{
	race(OP_QUEUE | OP_CANCEL | OP_FLUSH | OP_MAX_ACTIVE, true, true);
}

/* mod_delayed_work() on an item being cancelled leaves open what it did. */
static void everything_at_once(void)
{
	race(everything, true, false);
}

/*
 * mod_delayed_work() finds the item idle, then pending, then idle again.  At the
 * entry of its claim a probe waits until somebody else has queued the item,
 * behind another one; at the exit, until it has run.  The delay is set all the
 * same.  Probes run where one can only look and wait.
 */
static struct task_struct *mod_task;
static atomic_t mod_go = ATOMIC_INIT(0);	/* queue it */
static atomic_t mod_queued = ATOMIC_INIT(0);
static atomic_t mod_gate = ATOMIC_INIT(0);	/* let it run */
static atomic_t mod_blocked = ATOMIC_INIT(0);
static struct e_work mod_blocker;

static void mod_spin_until(atomic_t *flag)
{
	unsigned int n = 0;

	while (!atomic_read(flag) && n++ < 1000 * 1000) {
		udelay(1);
		cpu_relax();
	}
}

static int claim_entered(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	if (current != mod_task || atomic_read(&mod_go))
		return 1;
	atomic_set(&mod_go, 1);
	mod_spin_until(&mod_queued);
	return 0;
}

static int claim_left(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	atomic_set(&mod_gate, 1);
	mod_spin_until(&racers->runs);
	return 0;
}

static struct kretprobe claim_probe = {
	.kp.symbol_name = "cmwq_claim",
	.entry_handler = claim_entered,
	.handler = claim_left,
	.maxactive = 16,
};

static void mod_poll_until(atomic_t *flag)
{
	unsigned long end = jiffies + test_timeout();

	while (!atomic_read(flag) && time_before(jiffies, end))
		usleep_range(100, 200);
}

static void mod_blocker_fn(struct e_work *work)
{
	atomic_set(&mod_blocked, 1);
	mod_poll_until(&mod_gate);
}

static void mod_queuer(int nr)
{
	mod_poll_until(&mod_go);
	if (e_queue_work_on(cpumask_last(cpu_online_mask), race_wq[0],
			    &racers->dwork.work))
		atomic_set(&mod_queued, 1);
}

static void mod_finds_idle_then_pending(void)
{
	int cpu = cpumask_last(cpu_online_mask);

	if (!ENGINE_IS_CMWQ || num_online_cpus() < 2 ||
	    register_kretprobe(&claim_probe)) {
		test_skip("needs cmwq, two CPUs and kretprobes");
		return;
	}
	racers_make(1, false);
	atomic_set(&mod_go, 0);
	atomic_set(&mod_queued, 0);
	atomic_set(&mod_gate, 0);
	atomic_set(&mod_blocked, 0);
	E_INIT_WORK(&mod_blocker, mod_blocker_fn);
	EXPECT(e_queue_work_on(cpu, race_wq[0], &mod_blocker));
	mod_poll_until(&mod_blocked);
	test_thread_start(mod_queuer, 0, cpu);
	set_cpus_allowed_ptr(current, cpumask_of(0));
	mod_task = current;
	EXPECT(!e_mod_delayed_work_on(0, race_wq[0], &racers->dwork,
				      3600 * HZ));
	mod_task = NULL;
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	unregister_kretprobe(&claim_probe);
	if (!test_threads_join())
		return;
	EXPECT(atomic_read(&mod_queued));
	EXPECT_EQ(atomic_read(&racers->runs), 1);
	EXPECT(e_delayed_work_pending(&racers->dwork));
	e_cancel_delayed_work_sync(&racers->dwork);
	test_destroy(race_wq[0]);
	test_destroy(race_wq[1]);
	kfree(racers);
}

/* One item, queued by each CPU for itself while it runs on another one. */
static atomic_t pull_queued = ATOMIC_INIT(0);

static void pull_thread(int nr)
{
	int i;

	for (i = 0; i < loops && test_may_free(); i++) {
		if (e_queue_work_on(any_cpu(nr), racers->wq,
				    &racers->dwork.work))
			atomic_inc(&pull_queued);
		atomic_inc(&test_checks);
		if (!(i % 16))
			usleep_range(20, 50);
	}
}

static void pulled_between_cpus(void)
{
	atomic_set(&pull_queued, 0);
	racers_make(0, false);
	test_run_threads(pull_thread, 4);
	if (test_may_free()) {
		e_flush_work(&racers->dwork.work);
		EXPECT_EQ(atomic_read(&racers->runs),
			  atomic_read(&pull_queued));
		EXPECT_OP(atomic_read(&pull_queued), >=, 8);
		e_destroy_workqueue(race_wq[0]);
		e_destroy_workqueue(race_wq[1]);
		kfree(racers);
	}
}

/* Many cancel the same item at once: at most one of them took it. */
static atomic_t took = ATOMIC_INIT(0);

static void cancel_thread(int nr)
{
	if (e_cancel_work_sync(&racers->dwork.work))
		atomic_inc(&took);
	if (atomic_read(&racers->running))
		FAIL("it runs after cancel_work_sync");
}

static void many_cancellers(void)
{
	int i, queued = 0, taken = 0;

	racers_make(0, false);
	for (i = 0; i < 40; i++) {
		atomic_set(&took, 0);
		queued += e_queue_work(race_wq[0], &racers->dwork.work);
		if (i & 1) {
			usleep_range(10, 100);
			queued += e_queue_work(race_wq[0],
					       &racers->dwork.work);
		}
		if (!test_run_threads(cancel_thread, 4))
			return;
		EXPECT_OP(atomic_read(&took), <=, 1);
		EXPECT_EQ(e_work_busy(&racers->dwork.work), 0);
		taken += atomic_read(&took);
		EXPECT_EQ(queued, taken + atomic_read(&racers->runs));
	}
	test_destroy(race_wq[0]);
	test_destroy(race_wq[1]);
	kfree(racers);
}

/* Flushing a queue: the caller's own item is done, whoever else flushes. */
static void own_item_fn(struct e_work *work)
{
	struct racer *r = container_of(work, struct racer, dwork.work);

	if (atomic_read(&r->runs) & 1)
		usleep_range(10, 50);
	atomic_inc(&r->runs);
}

static void flusher_thread(int nr)
{
	struct racer *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int i;

	E_INIT_DELAYED_WORK(&r->dwork, own_item_fn);
	for (i = 1; i <= loops / 8; i++) {
		EXPECT(e_queue_work(race_wq[nr & 1], &r->dwork.work));
		e_flush_workqueue(race_wq[nr & 1]);
		EXPECT_EQ(atomic_read(&r->runs), i);
	}
	kfree(r);
}

static void flushers_with_own_items(void)
{
	racers_make(0, false);
	test_run_threads(flusher_thread, 20);
	test_destroy(race_wq[0]);
	test_destroy(race_wq[1]);
	if (test_may_free())
		kfree(racers);
}

/* Queues made and destroyed by all, items cancelled while they are drained. */
static atomic_t destroy_taken = ATOMIC_INIT(0);

static void destroy_thread(int nr)
{
	struct racer *r = kcalloc(8, sizeof(*r), GFP_KERNEL);
	struct e_wq *wq;
	int round, i, runs, taken;

	for (round = 0; round < loops / 60 && test_may_free(); round++) {
		wq = e_alloc_workqueue("t_destroy%d", nr & 1 ? E_UNBOUND :
				       E_PERCPU, round & 3, nr);
		if (!EXPECT(wq))
			return;
		taken = 0;
		for (i = 0; i < 8; i++) {
			memset(&r[i], 0, sizeof(r[i]));
			E_INIT_DELAYED_WORK(&r[i].dwork, racer_fn);
			r[i].random = seed + round + i + 1;
			EXPECT(e_queue_work_on(any_cpu(i), wq,
					       &r[i].dwork.work));
		}
		for (i = 0; i < 8; i += 3)
			taken += e_cancel_work(&r[i].dwork.work);
		if (round & 4)
			e_drain_workqueue(wq);
		e_destroy_workqueue(wq);
		for (i = 0, runs = 0; i < 8; i++) {
			EXPECT_EQ(e_work_busy(&r[i].dwork.work), 0);
			runs += atomic_read(&r[i].runs);
		}
		EXPECT_EQ(runs + taken, 8);
	}
	kfree(r);
}

static void queues_come_and_go(void)
{
	test_run_threads(destroy_thread, THREADS);
}

static struct racer *cancelled_items;

static void cancel_items_thread(int nr)
{
	int i;

	if (nr == 0) {
		e_destroy_workqueue(race_wq[0]);
		return;
	}
	for (i = nr; i < 64; i += 2)
		if (e_cancel_work_sync(&cancelled_items[i].dwork.work))
			atomic_inc(&destroy_taken);
}

static void cancel_against_destroy(void)
{
	struct e_work *work;
	int round, i, runs;

	cancelled_items = kcalloc(64, sizeof(*cancelled_items), GFP_KERNEL);
	for (round = 0; round < 25; round++) {
		race_wq[0] = e_alloc_workqueue("t_dying", E_PERCPU, 2);
		atomic_set(&destroy_taken, 0);
		for (i = 0; i < 64; i++) {
			memset(&cancelled_items[i], 0, sizeof(struct racer));
			E_INIT_DELAYED_WORK(&cancelled_items[i].dwork,
					    racer_fn);
			cancelled_items[i].random = seed + round + i + 1;
			work = &cancelled_items[i].dwork.work;
			EXPECT(e_queue_work_on(any_cpu(i / 8), race_wq[0],
					       work));
		}
		if (!test_run_threads(cancel_items_thread, 3))
			return;
		for (i = 0, runs = 0; i < 64; i++)
			runs += atomic_read(&cancelled_items[i].runs);
		EXPECT_EQ(runs + atomic_read(&destroy_taken), 64);
	}
	kfree(cancelled_items);
}

/*
 * D1, D2: a queue goes while others use it in every way.  They are refused from
 * some point on, and what was accepted runs.  A bug of the caller that must do
 * no harm; the kernel's own workqueue promises nothing of that.
 */
static bool victims_exact;
static int victims_round;

static void victim_op(struct racer *r, u32 random)
{
	struct e_work *work = &r->dwork.work;

	switch (random % 12) {
	case 0:
		e_flush_workqueue(r->wq);
		break;
	case 1:
		e_drain_workqueue(r->wq);
		break;
	case 2:
		e_set_max_active(r->wq, 1 + random / 16 % 8);
		break;
	case 3:
		e_congested(any_cpu(random / 16), r->wq);
		break;
	case 4:
		e_flush_work(work);
		break;
	case 5:
		count_taken(r, e_cancel_work_sync(work));
		break;
	case 6:
		count_taken(r, e_disable_work_sync(work));
		e_enable_work(work);
		break;
	case 7:
		if (!victims_exact)
			e_mod_delayed_work(r->wq, &r->dwork, random / 16 % 2);
		break;
	case 8:
		if (!victims_exact)
			e_queue_delayed_work(r->wq, &r->dwork, 1);
		break;
	default:
		count_queued(r, e_queue_work_on(any_cpu(random / 16), r->wq,
						work));
	}
}

static void victim_thread(int nr)
{
	u32 random = (seed + victims_round) * 1000 + nr + 1;
	int i;

	if (nr == 0) {
		usleep_range(10, 10 + test_random(&random) % 3000);
		e_destroy_workqueue(race_wq[0]);
		return;
	}
	for (i = 0; i < 40; i++) {
		test_random(&random);
		victim_op(&racers[random / 256 % ITEMS], random);
		atomic_inc(&test_checks);
	}
}

static void destroy_against_everything(void)
{
	struct racer *r;

	if (!ENGINE_IS_CMWQ) {
		test_skip("the kernel's own may crash");
		return;
	}
	racers = kcalloc(ITEMS, sizeof(*racers), GFP_KERNEL);
	for (r = racers; r < racers + ITEMS; r++)
		E_INIT_DELAYED_WORK(&r->dwork, racer_fn);
	for (victims_round = 0; victims_round < 40; victims_round++) {
		victims_exact = victims_round & 1;
		race_wq[0] = e_alloc_workqueue("t_victim", victims_round & 2 ?
					       E_UNBOUND : E_PERCPU, 2);
		for (r = racers; r < racers + ITEMS; r++) {
			r->wq = race_wq[0];
			r->random = seed + victims_round + 1;
			atomic_set(&r->queued, 0);
			atomic_set(&r->runs, 0);
			atomic_set(&r->taken, 0);
		}
		if (!test_run_threads(victim_thread, 6))
			return;
		for (r = racers; r < racers + ITEMS; r++) {
			/* A timer may have outlived the queue. */
			e_cancel_delayed_work_sync(&r->dwork);
			EXPECT_EQ(e_work_busy(&r->dwork.work), 0);
			if (victims_exact)
				EXPECT_EQ(atomic_read(&r->queued),
					  atomic_read(&r->runs) +
					  atomic_read(&r->taken));
		}
	}
	kfree(racers);
}

/* Items on the stacks of all: gone the moment flush or cancel returns. */
struct stacked {
	struct e_work work;
	u32 random;
	int runs;
};

static void stacked_fn(struct e_work *work)
{
	struct stacked *s = container_of(work, struct stacked, work);

	if (s->random & 0x100)
		usleep_range(10, 50);
	s->runs++;
}

static void stack_thread(int nr)
{
	u32 random = seed + nr + 1;
	int i, taken;

	for (i = 0; i < loops / 4; i++) {
		struct stacked s = { .random = test_random(&random) };

		E_INIT_WORK_ONSTACK(&s.work, stacked_fn);
		EXPECT(e_queue_work_on(any_cpu(random), race_wq[nr & 1],
				       &s.work));
		taken = 0;
		if (random & 0x200)
			taken = e_cancel_work_sync(&s.work);
		else
			e_flush_work(&s.work);
		EXPECT_EQ(s.runs + taken, 1);
		e_destroy_work_on_stack(&s.work);
	}
}

static void items_on_many_stacks(void)
{
	racers_make(0, false);
	test_run_threads(stack_thread, THREADS);
	test_destroy(race_wq[0]);
	test_destroy(race_wq[1]);
	if (test_may_free())
		kfree(racers);
}

const struct test_case test_cases[] = {
	CASE(queue_from_everywhere),
	CASE(queue_and_requeue),
	CASE(queue_against_cancel),
	CASE(queue_against_cancel_sync),
	CASE(queue_against_flush),
	CASE(queue_against_mod),
	CASE(queue_against_disable),
	CASE(queue_against_set_max_active),
	CASE(everything_at_once),
	CASE(mod_finds_idle_then_pending),
	CASE(pulled_between_cpus),
	CASE(many_cancellers),
	CASE(flushers_with_own_items),
	CASE(queues_come_and_go),
	CASE(cancel_against_destroy),
	CASE(destroy_against_everything),
	CASE(items_on_many_stacks),
	{}
};
