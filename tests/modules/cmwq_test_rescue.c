// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rescuers: items of CMWQ_MEM_RECLAIM queues go on while no worker can be made.
 *
 * Each case has the creation of workers fail and then keeps all workers of the
 * pool in question asleep, in items of a queue without a rescuer.
 */
#include <linux/cpu.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/kprobes.h>
#include <uapi/linux/sched/types.h>

#include "engine.h"
#define TEST_OPENS_FILES
#include "cmwq_test.h"

enum {
	HELD = 24,	/* items; more than a pool has workers */
	N = 60,
};

struct item {
	struct cmwq_work work;
	struct completion started, gate, done;
	bool gated;
	struct cmwq_workqueue *wq;	/* queues itself there */
	int requeues;
	atomic_t runs, inside;
	int cpu;
	bool rescued;
	unsigned int policy;
	const struct cred *cred;
	struct task_struct *task;
	int when, left_cpu;
};

static struct item *held;		/* HELD of them */
static struct item *items;		/* N of them */
static struct cmwq_workqueue *holders;
static atomic_t order = ATOMIC_INIT(0);

static void item_fn(struct cmwq_work *work)
{
	struct item *it = container_of(work, struct item, work);

	if (atomic_inc_return(&it->inside) != 1)
		FAIL("twice at once");
	it->cpu = raw_smp_processor_id();
	it->rescued = cmwq_current_is_workqueue_rescuer();
	it->policy = current->policy;
	it->cred = current_cred();
	it->task = current;
	it->when = atomic_inc_return(&order);
	complete(&it->started);
	if (it->requeues) {
		it->requeues--;
		cmwq_queue_work_on(it->cpu, it->wq, work);
	}
	if (it->gated)
		test_gate(&it->gate);
	cond_resched();
	it->left_cpu = raw_smp_processor_id();
	atomic_dec(&it->inside);
	atomic_inc(&it->runs);
	complete(&it->done);
}

static struct item *make_items(int n)
{
	struct item *it = kcalloc(n, sizeof(*it), GFP_KERNEL);
	int i;

	for (i = 0; it && i < n; i++) {
		CMWQ_INIT_WORK(&it[i].work, item_fn);
		init_completion(&it[i].started);
		init_completion(&it[i].gate);
		init_completion(&it[i].done);
	}
	return it;
}

/* Parameters of cmwq.ko. */
static void set_knob(const char *name, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/module/cmwq/parameters/%s", name);
	EXPECT_EQ(test_write_file(path, value), 0);
}

static int nr_started(void)
{
	int i, n = 0;

	for (i = 0; i < HELD; i++)
		n += completion_done(&held[i].started);
	return n;
}

/* Has the number of those who stand at their gates been the same for 300 ms? */
static bool all_asleep(void)
{
	static unsigned long since;
	static int was;
	int n = nr_started();

	if (n != was) {
		was = n;
		since = jiffies;
	}
	return n && n < HELD && time_after(jiffies, since + HZ * 3 / 10);
}

/* From here on nobody is left to run what is queued like @holders' items. */
static bool hold_workers(unsigned int flags, int cpu)
{
	int i;

	atomic_set(&order, 0);
	items = make_items(N);
	held = make_items(HELD);
	holders = cmwq_alloc_workqueue("t_holders", flags, 0);
	if (!EXPECT(items && held && holders))
		return false;
	set_knob("fail_create", "-1");
	for (i = 0; i < HELD; i++) {
		held[i].gated = true;
		EXPECT(cmwq_queue_work_on(cpu, holders, &held[i].work));
	}
	return WAIT_FOR(all_asleep());
}

static void let_go(void)
{
	int i;

	set_knob("fail_create", "0");
	for (i = 0; i < HELD; i++)
		complete_all(&held[i].gate);
	for (i = 0; i < HELD; i++)
		if (!WAIT(&held[i].done))
			return;
	test_destroy(holders);
	if (!test_may_free())
		return;
	kfree(held);
	kfree(items);
}

static bool wait_for_runs(int from, int to)
{
	int i;

	for (i = from; i < to; i++)
		if (!WAIT(&items[i].done))
			return false;
	return true;
}

/* On the CPU where they were queued, in order, by a rescuer. */
static void on_each_cpu_in_turn(void)
{
	struct cmwq_workqueue *wq;
	unsigned int high;
	int cpu, i, n;

	for_each_online_cpu(cpu) {
		high = cpu & 1 ? CMWQ_HIGHPRI : 0;
		wq = cmwq_alloc_workqueue("t_reclaim", CMWQ_PERCPU | high |
					  CMWQ_MEM_RECLAIM, 0);
		if (!EXPECT(wq) || !hold_workers(CMWQ_PERCPU | high, cpu))
			return;
		n = 8;
		for (i = 0; i < n; i++)
			EXPECT(cmwq_queue_work_on(cpu, wq, &items[i].work));
		if (!wait_for_runs(0, n))
			return;
		for (i = 0; i < n; i++) {
			EXPECT_EQ(items[i].cpu, cpu);
			EXPECT(items[i].rescued);
			EXPECT_EQ(items[i].when, nr_started() + i + 1);
		}
		/* The others wait on. */
		EXPECT(nr_started() < HELD);
		let_go();
		test_destroy(wq);
	}
}

static void unbound_ones(void)
{
	struct cmwq_workqueue *wq[2];
	int i;

	wq[0] = cmwq_alloc_workqueue("t_reclaim", CMWQ_UNBOUND |
				     CMWQ_MEM_RECLAIM, 0);
	wq[1] = cmwq_alloc_ordered_workqueue("t_ordered", CMWQ_MEM_RECLAIM);
	if (!EXPECT(wq[0] && wq[1]))
		return;
	if (!hold_workers(CMWQ_UNBOUND, cpumask_first(cpu_online_mask)))
		return;
	for (i = 0; i < 10; i++)
		EXPECT(cmwq_queue_work_on(cpumask_first(cpu_online_mask),
					  wq[0], &items[i].work));
	for (; i < 20; i++)
		EXPECT(cmwq_queue_work(wq[1], &items[i].work));
	if (!wait_for_runs(0, 20))
		return;
	for (i = 0; i < 10; i++)
		EXPECT(items[i].rescued);
	for (i = 11; i < 20; i++)
		EXPECT_OP(items[i - 1].when, <, items[i].when);
	let_go();
	test_destroy(wq[0]);
	test_destroy(wq[1]);
}

/* Only one at a time is let in; whoever is done lets the next one in. */
static void chain_of_inactive_items(void)
{
	int cpu = cpumask_first(cpu_online_mask), i;
	struct cmwq_workqueue *wq;

	wq = cmwq_alloc_workqueue("t_reclaim", CMWQ_PERCPU | CMWQ_MEM_RECLAIM,
				  1);
	if (!EXPECT(wq) || !hold_workers(CMWQ_PERCPU, cpu))
		return;
	for (i = 0; i < N; i++)
		EXPECT(cmwq_queue_work_on(cpu, wq, &items[i].work));
	if (!wait_for_runs(0, N))
		return;
	for (i = 1; i < N; i++)
		EXPECT_OP(items[i - 1].when, <, items[i].when);
	let_go();
	test_destroy(wq);
}

/* What the rescuer has not started yet, a worker can run. */
static void next_one_is_not_taken(void)
{
	int cpu = cpumask_first(cpu_online_mask), i;
	struct cmwq_workqueue *wq;

	wq = cmwq_alloc_workqueue("t_reclaim", CMWQ_PERCPU | CMWQ_MEM_RECLAIM,
				  0);
	if (!EXPECT(wq) || !hold_workers(CMWQ_PERCPU, cpu))
		return;
	items[0].gated = true;
	EXPECT(cmwq_queue_work_on(cpu, wq, &items[0].work));
	EXPECT(cmwq_queue_work_on(cpu, wq, &items[1].work));
	if (!WAIT(&items[0].started))
		return;
	EXPECT(items[0].rescued);
	msleep(300);		/* longer than a mayday takes */
	EXPECT_EQ(atomic_read(&items[1].runs), 0);
	/* All held ones: what is left of them is before it on the list. */
	for (i = 0; i < HELD; i++)
		complete_all(&held[i].gate);
	if (!WAIT(&items[1].done))
		return;
	EXPECT(!items[1].rescued);
	complete(&items[0].gate);
	if (!WAIT(&items[0].done))
		return;
	let_go();
	test_destroy(wq);
}

/* An item that never ends to come back must not keep the rescuer. */
static void other_pools_have_their_turn(void)
{
	int a = cpumask_first(cpu_online_mask), b = cpumask_last(cpu_online_mask);
	struct cmwq_workqueue *wq;

	if (a == b) {
		test_skip("needs two CPUs");
		return;
	}
	wq = cmwq_alloc_workqueue("t_reclaim", CMWQ_PERCPU | CMWQ_HIGHPRI |
				  CMWQ_MEM_RECLAIM, 0);
	if (!EXPECT(wq) || !hold_workers(CMWQ_PERCPU | CMWQ_HIGHPRI, a))
		return;
	items[0].wq = wq;
	items[0].requeues = INT_MAX;
	EXPECT(cmwq_queue_work_on(a, wq, &items[0].work));
	if (!WAIT_FOR(atomic_read(&items[0].runs) > 100))
		return;
	EXPECT(items[0].rescued);

	/* A second holder, of another CPU's workers. */
	{
		struct cmwq_workqueue *first = holders;
		struct item *first_held = held, *first_items = items;

		if (!hold_workers(CMWQ_PERCPU | CMWQ_HIGHPRI, b))
			return;
		EXPECT(cmwq_queue_work_on(b, wq, &items[1].work));
		if (!WAIT(&items[1].done))
			return;
		EXPECT(items[1].rescued);
		EXPECT_EQ(items[1].cpu, b);
		let_go();
		set_knob("fail_create", "-1");
		holders = first;
		held = first_held;
		items = first_items;
	}
	items[0].requeues = 0;
	cmwq_cancel_work_sync(&items[0].work);
	let_go();
	test_destroy(wq);
}

/*
 * P5: a rescuer is done in the pool of a CPU that comes up, just as it is about to
 * be bound there, and another pool wants it.
 */
static atomic_t times_bound;

static int stretch_binding(struct kprobe *kp, struct pt_regs *regs)
{
	struct task_struct *task = (void *)regs_get_kernel_argument(regs, 0);
	int ms;

	if (task != items[0].task || task == current)
		return 0;
	atomic_inc(&times_bound);
	complete(&items[0].gate);
	for (ms = 0; ms < 300 && !completion_done(&items[1].started); ms++)
		mdelay(1);
	return 0;
}

static struct kprobe binding_probe = {
	.symbol_name = "set_cpus_allowed_ptr",
	.pre_handler = stretch_binding,
};

static void leaves_as_it_is_bound(void)
{
	int a = cpumask_first(cpu_online_mask), b = cpumask_last(cpu_online_mask);
	struct item *held_of_b, *spare;
	struct cmwq_workqueue *wq, *holders_of_b;

	if (a == b) {
		test_skip("needs two CPUs");
		return;
	}
	wq = cmwq_alloc_workqueue("t_reclaim", CMWQ_PERCPU | CMWQ_MEM_RECLAIM, 0);
	if (!EXPECT(wq) || !hold_workers(CMWQ_PERCPU, b))
		return;
	holders_of_b = holders;
	held_of_b = held;
	spare = items;
	if (!hold_workers(CMWQ_PERCPU, a))
		return;
	items[0].gated = true;
	items[1].gated = true;
	EXPECT(cmwq_queue_work_on(b, wq, &items[0].work));
	if (!WAIT(&items[0].started))
		return;
	EXPECT(items[0].rescued);
	EXPECT(cmwq_queue_work_on(a, wq, &items[1].work));
	atomic_set(&times_bound, 0);
	if (!EXPECT_EQ(register_kprobe(&binding_probe), 0))
		return;
	EXPECT_EQ(remove_cpu(b), 0);
	EXPECT_EQ(atomic_read(&times_bound), 0);
	EXPECT_EQ(add_cpu(b), 0);
	unregister_kprobe(&binding_probe);
	EXPECT_EQ(atomic_read(&times_bound), 1);
	if (!WAIT(&items[1].started))
		return;
	EXPECT(items[1].rescued);
	EXPECT_EQ(items[1].cpu, a);
	complete(&items[1].gate);
	if (!wait_for_runs(0, 2))
		return;
	EXPECT_EQ(items[1].left_cpu, a);
	let_go();
	holders = holders_of_b;
	held = held_of_b;
	items = spare;
	let_go();
	test_destroy(wq);
}

/* The classes of waiting: each must see what a rescuer has. */
static struct cmwq_workqueue *waited_wq;
static atomic_t waiters_done;

static void wait_somehow(int nr)
{
	switch (nr) {
	case 0:
		cmwq_flush_work(&items[0].work);
		EXPECT_EQ(atomic_read(&items[0].runs), 1);
		break;
	case 1:
		EXPECT(!cmwq_cancel_work_sync(&items[1].work));
		EXPECT_EQ(atomic_read(&items[1].runs), 1);
		break;
	case 2:
		cmwq_flush_workqueue(waited_wq);
		break;
	default:
		EXPECT(!cmwq_disable_work_sync(&items[2].work));
		break;
	}
	atomic_inc(&waiters_done);
}

static void waiting_for_it(void)
{
	int cpu = cpumask_first(cpu_online_mask), i;

	waited_wq = cmwq_alloc_workqueue("t_reclaim", CMWQ_UNBOUND |
					 CMWQ_MEM_RECLAIM, 0);
	if (!EXPECT(waited_wq) || !hold_workers(CMWQ_UNBOUND, cpu))
		return;
	atomic_set(&waiters_done, 0);
	for (i = 0; i < 3; i++) {
		items[i].gated = true;
		EXPECT(cmwq_queue_work_on(cpu, waited_wq, &items[i].work));
	}
	if (!WAIT(&items[0].started))
		return;
	/* 1 and 2 are on the list: one is found running, later. */
	test_thread_start(wait_somehow, 0, -1);
	test_thread_start(wait_somehow, 2, -1);
	msleep(50);
	EXPECT_EQ(atomic_read(&waiters_done), 0);
	complete(&items[0].gate);
	if (!WAIT(&items[1].started))
		return;
	test_thread_start(wait_somehow, 1, -1);
	msleep(50);
	complete(&items[1].gate);
	if (!WAIT(&items[2].started))
		return;
	test_thread_start(wait_somehow, 3, -1);
	msleep(50);
	EXPECT_OP(atomic_read(&waiters_done), <, 4);
	complete(&items[2].gate);
	if (!test_threads_join())
		return;
	EXPECT_EQ(atomic_read(&waiters_done), 4);
	/* Destruction drains; the rescuer has to do it. */
	for (i = 3; i < 20; i++)
		EXPECT(cmwq_queue_work_on(cpu, waited_wq, &items[i].work));
	test_destroy(waited_wq);
	for (i = 3; i < 20; i++)
		EXPECT_EQ(atomic_read(&items[i].runs), 1);
	let_go();
}

/* With what the attributes say: policy, credentials; and while they change. */
static void with_attributes(void)
{
	int cpu = cpumask_first(cpu_online_mask), i;
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	struct cred *cred = prepare_kernel_cred(&init_task);
	struct cmwq_workqueue *wq;

	wq = cmwq_alloc_workqueue("t_reclaim", CMWQ_PERCPU | CMWQ_MEM_RECLAIM,
				  0);
	if (!EXPECT(wq && attrs && cred) || !hold_workers(CMWQ_PERCPU, cpu))
		return;
	EXPECT_EQ(cmwq_get_workqueue_attrs(wq, attrs), 0);
	attrs->cred = cred;
	/* Same pools, other pwqs: these wait in the old ones, for the rescuer. */
	for (i = 0; i < 20; i++) {
		EXPECT(cmwq_queue_work_on(cpu, wq, &items[i].work));
		if (i == 9)
			EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, attrs), 0);
	}
	if (!wait_for_runs(0, 20))
		return;
	for (i = 0; i < 20; i++) {
		EXPECT(items[i].rescued);
		EXPECT((items[i].cred == cred) == (i > 9));
		EXPECT_EQ(items[i].policy, SCHED_NORMAL);
	}
	let_go();

	/* The real-time pool has its first workers; then they are held, too. */
	attrs->policy = SCHED_FIFO;
	attrs->priority = 1;
	EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, attrs), 0);
	if (!hold_workers(CMWQ_PERCPU, cpu))
		return;
	for (i = 0; i < N; i++) {
		items[i].gated = i < 10;
		EXPECT(cmwq_queue_work_on(cpu, wq, &items[i].work));
	}
	/* The rescuer stands at a gate as well. */
	for (i = 0; i < 10; i++) {
		if (!WAIT(&items[i].started))
			return;
		EXPECT_EQ(items[i].policy, SCHED_FIFO);
		complete(&items[i].gate);
	}
	if (!wait_for_runs(0, N))
		return;
	let_go();
	test_destroy(wq);
	cmwq_free_workqueue_attrs(attrs);
	put_cred(cred);
}

static atomic_t flood_stop;
static struct cmwq_workqueue *flood_wq;

static void flood(int nr)
{
	int cpu = cpumask_first(cpu_online_mask);
	int i;

	while (!atomic_read(&flood_stop)) {
		for (i = nr * 10; i < nr * 10 + 10; i++)
			cmwq_queue_work_on(cpu, flood_wq, &items[i].work);
		for (i = nr * 10; i < nr * 10 + 10; i++)
			cmwq_flush_work(&items[i].work);
		atomic_inc(&test_checks);
	}
}

/* M3: pwqs that retire and go while the rescuer has them. */
static void pwqs_that_go(void)
{
	int cpu = cpumask_first(cpu_online_mask), i;
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	struct cred *cred = prepare_kernel_cred(&init_task);

	flood_wq = cmwq_alloc_workqueue("t_reclaim",
					CMWQ_PERCPU | CMWQ_MEM_RECLAIM, 0);
	if (!EXPECT(flood_wq && attrs && cred) ||
	    !hold_workers(CMWQ_PERCPU, cpu))
		return;
	EXPECT_EQ(cmwq_get_workqueue_attrs(flood_wq, attrs), 0);
	atomic_set(&flood_stop, 0);
	for (i = 0; i < 3; i++)
		test_thread_start(flood, i, -1);
	for (i = 0; i < 40; i++) {
		attrs->cred = i & 1 ? NULL : cred;
		EXPECT_EQ(cmwq_apply_workqueue_attrs(flood_wq, attrs), 0);
		msleep(20);
	}
	atomic_set(&flood_stop, 1);
	if (!test_threads_join())
		return;
	let_go();
	test_destroy(flood_wq);
	cmwq_free_workqueue_attrs(attrs);
	put_cred(cred);
}

/* Many queues in need at once, each with its own rescuer. */
static void many_rescuers(void)
{
	struct cmwq_workqueue *wq[20];
	int cpu = cpumask_first(cpu_online_mask), i;

	for (i = 0; i < ARRAY_SIZE(wq); i++)
		wq[i] = cmwq_alloc_workqueue("t_many%d", CMWQ_PERCPU |
					     CMWQ_MEM_RECLAIM, 0, i);
	if (!hold_workers(CMWQ_PERCPU, cpu))
		return;
	for (i = 0; i < N; i++) {
		items[i].gated = i < ARRAY_SIZE(wq);
		EXPECT(cmwq_queue_work_on(cpu, wq[i % ARRAY_SIZE(wq)],
					  &items[i].work));
	}
	/* All at the same time: one asleep does not stop another. */
	for (i = 0; i < ARRAY_SIZE(wq); i++)
		if (!WAIT(&items[i].started))
			return;
	for (i = 0; i < ARRAY_SIZE(wq); i++)
		complete(&items[i].gate);
	if (!wait_for_runs(0, N))
		return;
	let_go();
	for (i = 0; i < ARRAY_SIZE(wq); i++)
		test_destroy(wq[i]);
}

/* With enough workers nobody is called: counted by the script. */
static void not_called_in_vain(void)
{
	struct cmwq_workqueue *wq = cmwq_alloc_workqueue("t_idle",
			CMWQ_PERCPU | CMWQ_MEM_RECLAIM, 0);
	int cpu, i, n;

	items = make_items(N);
	if (!EXPECT(items && wq))
		return;
	for (n = 0; n < 10; n++) {
		for_each_online_cpu(cpu) {
			for (i = 0; i < N; i++)
				EXPECT(cmwq_queue_work_on(cpu, wq,
							  &items[i].work));
			cmwq_flush_workqueue(wq);
		}
	}
	for (i = 0; i < N; i++)
		EXPECT(!items[i].rescued);
	EXPECT(!cmwq_current_is_workqueue_rescuer());
	test_destroy(wq);
	if (test_may_free())
		kfree(items);
}

/* The cap is as good as no memory: all workers wait for one more item. */
static void at_the_cap(void)
{
	int cpu = cpumask_first(cpu_online_mask), i, rescued = 0;
	struct cmwq_workqueue *wq;

	wq = cmwq_alloc_workqueue("t_cap", CMWQ_PERCPU | CMWQ_MEM_RECLAIM, 0);
	items = make_items(N);
	if (!EXPECT(wq && items))
		return;
	set_knob("pool_max_workers", "6");
	for (i = 0; i < 20; i++) {
		items[i].gated = true;
		EXPECT(cmwq_queue_work_on(cpu, wq, &items[i].work));
	}
	/* Six by the workers, one by the rescuer. */
	if (!WAIT_FOR(completion_done(&items[6].started)))
		return;
	for (i = 0; i < 7; i++)
		rescued += items[i].rescued;
	EXPECT_EQ(rescued, 1);
	EXPECT(!completion_done(&items[7].started));
	for (i = 0; i < 20; i++)
		complete(&items[i].gate);
	if (!wait_for_runs(0, 20))
		return;
	set_knob("pool_max_workers", "2048");
	test_destroy(wq);
	if (test_may_free())
		kfree(items);
}

/* Who waits for a queue without a rescuer is told. */
static struct cmwq_workqueue *plain_wq;
static struct cmwq_work plain_work;
static bool plain_flushes_queue;

static void nothing_fn(struct cmwq_work *work)
{
	msleep(20);
}

static void waits_for_plain_fn(struct cmwq_work *work)
{
	cmwq_queue_work(plain_wq, &plain_work);
	if (plain_flushes_queue)
		cmwq_flush_workqueue(plain_wq);
	else
		cmwq_flush_work(&plain_work);
}

static void wrong_dependency(void)
{
	struct cmwq_workqueue *wq;
	struct cmwq_work work;

	wq = cmwq_alloc_workqueue("t_reclaim", CMWQ_PERCPU | CMWQ_MEM_RECLAIM,
				  0);
	plain_wq = cmwq_alloc_workqueue("t_plain", CMWQ_PERCPU, 0);
	if (!EXPECT(wq && plain_wq))
		return;
	CMWQ_INIT_WORK(&plain_work, nothing_fn);
	CMWQ_INIT_WORK_ONSTACK(&work, waits_for_plain_fn);
	cmwq_queue_work(wq, &work);
	cmwq_flush_work(&work);
	plain_flushes_queue = true;
	cmwq_queue_work(wq, &work);
	cmwq_flush_work(&work);
	cmwq_destroy_work_on_stack(&work);
	test_destroy(wq);
	test_destroy(plain_wq);
}

const struct test_case test_cases[] = {
	CASE(not_called_in_vain),
	CASE(on_each_cpu_in_turn),
	CASE(unbound_ones),
	CASE(chain_of_inactive_items),
	CASE(next_one_is_not_taken),
	CASE(other_pools_have_their_turn),
	CASE(leaves_as_it_is_bound),
	CASE(waiting_for_it),
	CASE(with_attributes),
	CASE(pwqs_that_go),
	CASE(many_rescuers),
	CASE(at_the_cap),
	CASE(wrong_dependency),
	{}
};

MODULE_DESCRIPTION("Tests of rescuers");
MODULE_LICENSE("GPL");
