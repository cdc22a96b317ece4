// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many items of an unbound queue are in execution at once: max_active is
 * for the machine, each node has a share, and what waits in one pod goes on
 * when something ends in another.
 *
 * On a machine with one node the share of the node is all.
 */
#include <linux/nodemask.h>
#include <linux/topology.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

static int rounds = 300;
module_param(rounds, int, 0444);
MODULE_PARM_DESC(rounds, "of each item under load");

enum { N = 40 };			/* items per node or CPU */

static struct e_wq *wq;

/* The nodes that have CPUs: one CPU of each, their number, N items for each. */
static int node_cpu[MAX_NUMNODES];
static struct probe *per_node[MAX_NUMNODES];
static int nodes;
static bool even_nodes;

/* By cpu_to_node(): the masks of fake nodes, on debug kernels, overlap. */
static void find_nodes(void)
{
	int node, cpu, cpus, weight = 0;

	nodes = 0;
	even_nodes = true;
	for_each_online_node(node) {
		cpus = 0;
		for_each_online_cpu(cpu) {
			if (cpu_to_node(cpu) != node)
				continue;
			node_cpu[nodes] = cpu;
			cpus++;
		}
		if (!cpus)
			continue;
		if (nodes && weight != cpus)
			even_nodes = false;
		weight = cpus;
		nodes++;
	}
}

static void queue_here(void *item)
{
	if (!e_queue_work(wq, item))
		FAIL("cannot queue");
}

/* Queue it from @cpu, whose node and pod it belongs to then. */
static void queue_from(int cpu, struct e_work *item)
{
	EXPECT_EQ(smp_call_function_single(cpu, queue_here, item, 1), 0);
}

/* N gated items from each node. */
static bool crowd(unsigned int flags, int max_active)
{
	int n, i;

	wq = e_alloc_workqueue("t_crowd", flags, max_active);
	if (!EXPECT(wq))
		return false;
	for (n = 0; n < nodes; n++) {
		per_node[n] = probes(N);
		for (i = 0; i < N; i++)
			per_node[n][i].gated = true;
	}
	return true;
}

static void crowd_in(void)
{
	int n, i;

	for (i = 0; i < N; i++)
		for (n = 0; n < nodes; n++)
			queue_from(node_cpu[n], &per_node[n][i].work);
}

static int started_on(int n)
{
	int i, started = 0;

	for (i = 0; i < N; i++)
		started += completion_done(&per_node[n][i].started);
	return started;
}

/* So many are in execution, of each node, and it stays so. */
static bool check_share(int share)
{
	int n;

	if (!WAIT_FOR(atomic_read(&in_flight) >= share * nodes))
		return false;
	msleep(100);
	EXPECT_EQ(atomic_read(&in_flight), share * nodes);
	for (n = 0; n < nodes; n++)
		EXPECT_EQ(started_on(n), share);
	return true;
}

static void crowd_out(void)
{
	int n, i;

	for (n = 0; n < nodes; n++)
		for (i = 0; i < N; i++)
			open_gate(&per_node[n][i]);
	for (n = 0; n < nodes; n++)
		for (i = 0; i < N; i++)
			if (!WAIT(&per_node[n][i].done))
				return;
	e_flush_workqueue(wq);
	test_destroy(wq);
	for (n = 0; n < nodes; n++)
		probes_free(per_node[n]);
}

static bool can_share(void)
{
	find_nodes();
	if (!ENGINE_HAS_GLOBAL_MAX_ACTIVE)
		test_skip("max_active is per node here");
	else if (!even_nodes)
		test_skip("nodes of different size");
	else
		return true;
	return false;
}

/* Of max_active each node has a share: 8 at least, if max_active allows. */
static int share_of(int max_active)
{
	return max(DIV_ROUND_UP(max_active, nodes), min(max_active, 8));
}

static void shares_of_nodes(void)
{
	static const int limits[] = { 1, 4, 8, 10, 16, 24, 32 };
	int i;

	if (!can_share())
		return;
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		if (!crowd(E_UNBOUND, limits[i]))
			return;
		crowd_in();
		if (!check_share(share_of(limits[i])))
			return;
		crowd_out();
	}
}

/* A new limit holds at once: the items that it lets in start by themselves. */
static void max_active_at_run_time(void)
{
	if (!can_share())
		return;
	if (!crowd(E_UNBOUND, 10))
		return;
	crowd_in();
	if (!check_share(share_of(10)))
		return;
	e_set_max_active(wq, 20);
	if (!check_share(share_of(20)))
		return;
	e_set_max_active(wq, 4);		/* nobody is stopped */
	if (!check_share(share_of(20)))
		return;
	e_set_max_active(wq, 10 * N);	/* all */
	if (!check_share(N))
		return;
	crowd_out();
}

/* Lowered, nothing starts until enough have ended. */
static void max_active_lowered(void)
{
	struct probe *p;
	int i;

	wq = e_alloc_workqueue("t_lowered", E_UNBOUND, 6);
	p = probes(12);
	for (i = 0; i < 12; i++) {
		p[i].gated = true;
		queue_from(0, &p[i].work);
	}
	if (!WAIT_FOR(atomic_read(&in_flight) == 6))
		return;
	e_set_max_active(wq, 2);
	for (i = 0; i < 4; i++) {
		open_gate(&p[i]);
		if (!WAIT(&p[i].done))
			return;
	}
	msleep(100);
	EXPECT_EQ(atomic_read(&in_flight), 2);
	EXPECT(!completion_done(&p[6].started));
	open_gate(&p[4]);
	if (!WAIT(&p[6].started))
		return;
	EXPECT_EQ(atomic_read(&in_flight), 2);
	for (i = 5; i < 12; i++)
		open_gate(&p[i]);
	for (i = 4; i < 12; i++)
		if (!WAIT(&p[i].done))
			return;
	e_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(p);
}

#ifdef ENGINE_STOCK

static void min_active(void)
{
	test_skip("not for modules");
}

/* The default is what there is. */
enum { CMWQ_AFFN_CPU, CMWQ_AFFN_CACHE, CMWQ_AFFN_SYSTEM };

static void use_scope(int scope)
{
}

#else

static void min_active(void)
{
	int share;

	if (!can_share())
		return;
	if (!crowd(E_UNBOUND, 12))
		return;
	share = DIV_ROUND_UP(12, nodes);
	cmwq_workqueue_set_min_active(wq, 1);
	crowd_in();
	if (!check_share(share))
		return;
	cmwq_workqueue_set_min_active(wq, share);
	if (!check_share(share))
		return;
	/* Raised, those that wait for it start at once. */
	cmwq_workqueue_set_min_active(wq, 10);
	if (!check_share(max(share, 10)))
		return;
	cmwq_workqueue_set_min_active(wq, 12);
	if (!check_share(12))
		return;
	/* It is kept when max_active changes. */
	e_set_max_active(wq, 14);
	if (!check_share(max(DIV_ROUND_UP(14, nodes), 12)))
		return;
	crowd_out();
}

static void use_scope(int scope)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();

	attrs->affn_scope = scope;
	attrs->affn_strict = true;
	EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, attrs), 0);
	cmwq_free_workqueue_attrs(attrs);
}

#endif

/* The last CPU of the node of the first one, and a pod of its own. */
static bool two_pods(int *first, int *last)
{
	int cpu;

	*first = cpumask_first(cpu_online_mask);
	for_each_cpu_and(cpu, cpumask_of_node(cpu_to_node(*first)),
			 cpu_online_mask) {
		*last = cpu;
	}
	if (*first == *last)
		test_skip("one CPU is one pod");
	return *first != *last;
}

/* Any item that is in execution, with its gate shut. */
static struct probe *held(struct probe *p, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (p[i].gated && completion_done(&p[i].started))
			return &p[i];
	return NULL;
}

/* The first pod takes all there is; what waits in the other one is not lost. */
static void slot_goes_to_another_pod(void)
{
	struct probe *p, *one;
	int first, last, i;

	if (!two_pods(&first, &last))
		return;
	wq = e_alloc_workqueue("t_slot", E_UNBOUND, 2);
	use_scope(CMWQ_AFFN_CPU);
	p = probes(10);
	for (i = 0; i < 10; i++) {
		p[i].gated = true;
		queue_from(i < 6 ? first : last, &p[i].work);
	}
	for (i = 0; i < 10; i++) {
		if (!WAIT_FOR(atomic_read(&in_flight) == min(10 - i, 2)))
			return;
		if (!ENGINE_HAS_GLOBAL_MAX_ACTIVE)
			break;
		usleep_range(5000, 10000);
		EXPECT_EQ(atomic_read(&in_flight), min(10 - i, 2));
		one = held(p, 10);
		one->gated = false;
		open_gate(one);
		if (!WAIT(&one->done))
			return;
	}
	for (i = 0; i < 10; i++)
		open_gate(&p[i]);
	e_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(p);
}

/* The one in front waits in another pod, and is taken off there. */
static void cancelled_while_it_waits(void)
{
	int first, last, i;
	struct probe *p;

	if (!two_pods(&first, &last))
		return;
	wq = e_alloc_workqueue("t_cancelled", E_UNBOUND, 1);
	use_scope(CMWQ_AFFN_CPU);
	for (i = 0; i < 50; i++) {
		p = probes(3);
		p[0].gated = true;
		queue_from(first, &p[0].work);
		if (!WAIT(&p[0].started))
			return;
		queue_from(last, &p[1].work);
		queue_from(first, &p[2].work);
		EXPECT(e_cancel_work_sync(&p[1].work));
		open_gate(&p[0]);
		if (!WAIT(&p[0].done) || !WAIT(&p[2].done))
			return;
		EXPECT_EQ(RUNS(&p[1]), 0);
		e_flush_workqueue(wq);
		probes_free(p);
	}
	test_destroy(wq);
}

/* The queue is congested, whatever CPU is asked about. */
static void congested_for_all(void)
{
	int cpus[3] = { [2] = E_CPU_UNBOUND }, i;
	struct probe *p;

	if (!ENGINE_IS_CMWQ) {
		test_skip("each pod answers for itself here");
		return;
	}
	if (!two_pods(&cpus[0], &cpus[1]))
		return;
	wq = e_alloc_workqueue("t_congested", E_UNBOUND, 1);
	use_scope(CMWQ_AFFN_CPU);
	p = probes(2);
	p[0].gated = true;
	queue_from(cpus[0], &p[0].work);
	if (!WAIT(&p[0].started))
		return;
	for (i = 0; i < ARRAY_SIZE(cpus); i++)
		EXPECT(!e_congested(cpus[i], wq));
	queue_from(cpus[1], &p[1].work);
	for (i = 0; i < ARRAY_SIZE(cpus); i++)
		EXPECT(e_congested(cpus[i], wq));
	open_gate(&p[0]);
	if (!WAIT(&p[1].done))
		return;
	for (i = 0; i < ARRAY_SIZE(cpus); i++)
		EXPECT(!e_congested(cpus[i], wq));
	e_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(p);
}

/*
 * Under load: items in all pods, few slots, short.  A wakeup that is lost
 * leaves items lying with nothing in execution.
 */
struct hopper {
	struct e_work work;
	int cpu;
	int left;
	u32 random;
};

static struct hopper *hoppers;

static atomic_t hopped = ATOMIC_INIT(0);

static void hopper_fn(struct e_work *work)
{
	struct hopper *h = container_of(work, struct hopper, work);
	u32 random = test_random(&h->random);

	test_raise(&most_in_flight, atomic_inc_return(&in_flight));
	if (random & 1)
		test_burn_us(random >> 4 & 0x7f);
	if (!(random & 0xe))
		usleep_range(10, 100);
	atomic_dec(&in_flight);
	h->cpu = cpumask_next(h->cpu, cpu_online_mask);
	if (h->cpu >= nr_cpu_ids)
		h->cpu = cpumask_first(cpu_online_mask);
	if (--h->left && !e_queue_work_on(h->cpu, wq, work))
		FAIL("cannot requeue");
	atomic_inc(&hopped);
}

static void check_hoppers(int max_active, int scope)
{
	const int n = 4 * num_online_cpus();
	int i, cpu = -1;

	find_nodes();
	wq = e_alloc_workqueue("t_hop", E_UNBOUND, max_active);
	use_scope(scope);
	hoppers = kcalloc(n, sizeof(*hoppers), GFP_KERNEL);
	atomic_set(&hopped, 0);
	atomic_set(&in_flight, 0);
	atomic_set(&most_in_flight, 0);
	for (i = 0; i < n; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		E_INIT_WORK(&hoppers[i].work, hopper_fn);
		hoppers[i].cpu = cpu;
		hoppers[i].left = rounds;
		hoppers[i].random = i + 1;
		queue_from(cpu, &hoppers[i].work);
	}
	if (!WAIT_WHILE_MOVING(atomic_read(&hopped) == n * rounds, &hopped))
		return;
	e_flush_workqueue(wq);
	if (ENGINE_HAS_GLOBAL_MAX_ACTIVE)
		EXPECT_OP(atomic_read(&most_in_flight), <=,
			  nodes * share_of(max_active));
	EXPECT_OP(atomic_read(&most_in_flight), >, max_active > 1);
	test_destroy(wq);
	if (test_may_free())
		kfree(hoppers);
}

/* With a single slot each hand-over to another pod is missed at once. */
static void hop_one_at_a_time(void)
{
	check_hoppers(1, CMWQ_AFFN_CPU);
}

static void hop_among_cpus(void)
{
	check_hoppers(2, CMWQ_AFFN_CPU);
	check_hoppers(3, CMWQ_AFFN_CPU);
}

static void hop_among_caches(void)
{
	check_hoppers(2, CMWQ_AFFN_CACHE);
}

static void hop_in_one_pod(void)
{
	check_hoppers(4, CMWQ_AFFN_SYSTEM);
}

/* The same, while the limit changes all the time. */
static bool changer_stop;

static void changer(int nr)
{
	u32 random = 99;

	while (!READ_ONCE(changer_stop)) {
		e_set_max_active(wq, 1 + test_random(&random) % 8);
		usleep_range(500, 2000);
		atomic_inc(&test_checks);
	}
}

static void hop_while_the_limit_changes(void)
{
	const int n = 4 * num_online_cpus();
	int i;

	wq = e_alloc_workqueue("t_hop", E_UNBOUND, 2);
	use_scope(CMWQ_AFFN_CPU);
	hoppers = kcalloc(n, sizeof(*hoppers), GFP_KERNEL);
	atomic_set(&hopped, 0);
	changer_stop = false;
	test_thread_start(changer, 0, -1);
	for (i = 0; i < n; i++) {
		E_INIT_WORK(&hoppers[i].work, hopper_fn);
		hoppers[i].cpu = 0;
		hoppers[i].left = rounds;
		hoppers[i].random = i + 1;
		queue_from(0, &hoppers[i].work);
	}
	WAIT_WHILE_MOVING(atomic_read(&hopped) == n * rounds, &hopped);
	WRITE_ONCE(changer_stop, true);
	if (!test_threads_join() || !test_may_free())
		return;
	e_flush_workqueue(wq);
	test_destroy(wq);
	kfree(hoppers);
}

const struct test_case test_cases[] = {
	CASE(shares_of_nodes),
	CASE(max_active_at_run_time),
	CASE(max_active_lowered),
	CASE(min_active),
	CASE(slot_goes_to_another_pod),
	CASE(cancelled_while_it_waits),
	CASE(congested_for_all),
	CASE(hop_one_at_a_time),
	CASE(hop_among_cpus),
	CASE(hop_among_caches),
	CASE(hop_in_one_pod),
	CASE(hop_while_the_limit_changes),
	{}
};
