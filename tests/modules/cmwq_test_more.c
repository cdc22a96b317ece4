// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract of the API, third part: the less common initialisers, where
 * timers and items go, functions called elsewhere, queues of a device, and what
 * a worker and the log tell.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/device.h>
#include <linux/nodemask.h>
#include <linux/sched/isolation.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

#define LONG_DELAY	(3600 * HZ)

/* Initialisers */

static DECLARE_COMPLETION(static_done);

static void static_fn(struct e_work *work)
{
	complete(&static_done);
}

static E_DECLARE_DEFERRABLE_WORK(static_deferrable, static_fn);

/* Polls, so that the CPU that has the timer is not idle for ever. */
static bool deferrable_runs(struct e_delayed_work *dwork, struct e_wq *wq)
{
	EXPECT(dwork->timer.flags & TIMER_DEFERRABLE);
	EXPECT(dwork->timer.flags & TIMER_IRQSAFE);
	EXPECT(e_queue_delayed_work(wq, dwork, 1));
	if (!WAIT_FOR(try_wait_for_completion(&static_done)))
		return false;
	e_flush_work(&dwork->work);
	return true;
}

static void deferrable_items(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_deferrable", E_PERCPU, 0);
	struct e_delayed_work *heap = kmalloc(sizeof(*heap), GFP_KERNEL);
	struct e_delayed_work stack;

	E_INIT_DEFERRABLE_WORK(heap, static_fn);
	E_INIT_DEFERRABLE_WORK_ONSTACK(&stack, static_fn);
	if (!deferrable_runs(&static_deferrable, wq) ||
	    !deferrable_runs(heap, wq))
		return;
	EXPECT(e_queue_delayed_work(wq, &stack, LONG_DELAY));
	EXPECT(e_cancel_delayed_work_sync(&stack));
	e_destroy_delayed_work_on_stack(&stack);
	test_destroy(wq);
	kfree(heap);
}

static void on_stack_with_key(void)
{
	static __maybe_unused struct lock_class_key key;
	struct e_work work;

	E_INIT_WORK_ONSTACK_KEY(&work, static_fn, &key);
	EXPECT(e_schedule_work(&work));
	e_flush_work(&work);
	EXPECT(try_wait_for_completion(&static_done));
	e_destroy_work_on_stack(&work);
}

static void data_bits(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_bits", E_PERCPU, 1);
	struct probe *p = probes(2);

	EXPECT(!(*e_work_data_bits(&p[1].work) & 1));
	if (block_on(&p[0], wq)) {
		EXPECT(e_queue_work_on(0, wq, &p[1].work));
		EXPECT(*e_work_data_bits(&p[1].work) & 1);
		open_gate(&p[0]);
		WAIT(&p[1].done);
		e_flush_work(&p[1].work);
		EXPECT(!(*e_work_data_bits(&p[1].work) & 1));
	}
	test_destroy(wq);
	probes_free(p);
}

struct holder {
	int before;
	struct e_work inner;
	struct completion done;
};

static void holder_fn(struct e_work *work)
{
	struct holder *h = e_from_work(h, work, inner);

	complete(&h->done);
}

static void from_inner_work(void)
{
	struct holder h;

	init_completion(&h.done);
	E_INIT_WORK_ONSTACK(&h.inner, holder_fn);
	EXPECT(e_schedule_work(&h.inner));
	e_flush_work(&h.inner);
	EXPECT(completion_done(&h.done));
	e_destroy_work_on_stack(&h.inner);
}

/* Queueing */

static void enable_and_queue(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_enable", E_PERCPU, 0);
	struct probe *p = probes(1);

	if (!ENGINE_HAS_DISABLE) {
		test_skip("this kernel has no disable_work()");
		goto out;
	}
	EXPECT(!e_disable_work(&p->work));
	EXPECT(!e_disable_work(&p->work));
	EXPECT(!e_enable_and_queue_work(wq, &p->work));
	EXPECT(!e_work_pending(&p->work));
	EXPECT(e_enable_and_queue_work(wq, &p->work));
	WAIT(&p->done);
	e_flush_work(&p->work);
	EXPECT_EQ(RUNS(p), 1);
out:
	test_destroy(wq);
	probes_free(p);
}

/* Items start on their node and stay there. */
static bool keep_to_nodes(struct e_wq *wq)
{
#if !defined(ENGINE_STOCK) && !defined(ENGINE_DROPIN)
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();

	if (!attrs)
		return false;
	attrs->affn_scope = CMWQ_AFFN_NUMA;
	attrs->affn_strict = true;
	EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, attrs), 0);
	cmwq_free_workqueue_attrs(attrs);
	return true;
#else
	return num_online_nodes() == 1;
#endif
}

static void queue_on_nodes(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_node", E_UNBOUND, 0);
	struct probe *p = probes(1);
	bool strict = keep_to_nodes(wq);
	int node, n = 0;

	for_each_online_node(node) {
		EXPECT(e_queue_work_node(node, wq, &p->work));
		if (!WAIT(&p->done))
			return;
		e_flush_work(&p->work);
		if (strict)
			EXPECT(cpumask_test_cpu(p->cpu,
						cpumask_of_node(node)));
		n++;
	}
	/* None, and one that is not there. */
	for (node = NUMA_NO_NODE; node < MAX_NUMNODES; node++) {
		if (node >= 0 && node_online(node))
			continue;
		EXPECT(e_queue_work_node(node, wq, &p->work));
		if (!WAIT(&p->done))
			return;
		e_flush_work(&p->work);
		n++;
		if (node > 2)
			break;
	}
	EXPECT_EQ(RUNS(p), n);
	/* Pending. */
	p->gated = true;
	init_completion(&p->started);
	EXPECT(e_queue_work_node(NUMA_NO_NODE, wq, &p->work));
	WAIT(&p->started);
	EXPECT(e_queue_work_node(0, wq, &p->work));
	EXPECT(!e_queue_work_node(0, wq, &p->work));
	complete_all(&p->gate);
	e_flush_work(&p->work);
	EXPECT_EQ(RUNS(p), n + 2);
	test_destroy(wq);
	probes_free(p);
}

static struct e_wq *isolated_wq;
static struct probe *isolated_probe;

static int timer_cpu(struct probe *p)
{
	return READ_ONCE(p->dwork.timer.flags) & TIMER_CPUMASK;
}

static bool spared(int cpu)
{
	return !housekeeping_test_cpu(cpu, HK_TYPE_TIMER);
}

/* On a CPU that is to be spared. */
static void isolated_fn(int nr)
{
	struct probe *p = isolated_probe;
	int here = raw_smp_processor_id();

	EXPECT(e_queue_delayed_work(isolated_wq, &p->dwork, LONG_DELAY));
	EXPECT(!spared(timer_cpu(p)));
	EXPECT(e_cancel_delayed_work_sync(&p->dwork));
	EXPECT(e_queue_delayed_work(isolated_wq, &p->dwork, 2));
	if (!WAIT(&p->done))
		return;
	e_flush_work(&p->work);
	EXPECT(!spared(p->cpu));
	/* A CPU that was asked for runs the item, but not the timer. */
	EXPECT(e_queue_delayed_work_on(here, isolated_wq, &p->dwork, LONG_DELAY));
	EXPECT(!spared(timer_cpu(p)));
	EXPECT(e_mod_delayed_work_on(here, isolated_wq, &p->dwork, 2));
	if (!WAIT(&p->done))
		return;
	e_flush_work(&p->work);
	EXPECT_EQ(p->cpu, here);
}

static void timers_spare_isolated_cpus(void)
{
	int cpu, n = 0;

	if (!housekeeping_enabled(HK_TYPE_TIMER) || !ENGINE_HAS_HOUSEKEEPING) {
		test_skip(ENGINE_HAS_HOUSEKEEPING ?
			  "no CPU is isolated from timers (nohz_full=)" :
			  "this kernel's own puts timers anywhere");
		return;
	}
	isolated_wq = e_alloc_workqueue("t_isolated", E_PERCPU, 0);
	isolated_probe = probes(1);
	for_each_online_cpu(cpu) {
		if (!spared(cpu))
			continue;
		n++;
		test_thread_start(isolated_fn, 0, cpu);
		if (!test_threads_join() || !test_may_free())
			return;
	}
	EXPECT_OP(n, >, 0);
	EXPECT_EQ(RUNS(isolated_probe), 2 * n);
	test_destroy(isolated_wq);
	probes_free(isolated_probe);
}

/* Functions called elsewhere */

static struct task_struct *executed_in;
static struct e_work *executed_work;
static int executed_ret;

static void executed_fn(struct e_work *work)
{
	executed_in = current;
	executed_work = work;
	complete(&static_done);
}

static struct e_execute_work execute_work;

static void execute_timer_fn(struct timer_list *t)
{
	executed_ret = e_execute_in_process_context(executed_fn, &execute_work);
}

static void execute_somewhere(void)
{
	static struct timer_list timer;

	EXPECT_EQ(e_execute_in_process_context(executed_fn, &execute_work), 0);
	EXPECT(try_wait_for_completion(&static_done));
	EXPECT(executed_in == current);
	EXPECT(executed_work == &execute_work.work);

	executed_in = NULL;
	timer_setup(&timer, execute_timer_fn, 0);
	mod_timer(&timer, jiffies + 1);
	if (!WAIT(&static_done))
		return;
	EXPECT(!timer_pending(&timer));
	e_flush_work(&execute_work.work);
	EXPECT_EQ(executed_ret, 1);
	EXPECT(executed_in && executed_in != current &&
	       executed_in->flags & PF_KTHREAD);
	EXPECT(executed_work == &execute_work.work);
}

static long where_fn(void *arg)
{
	*(struct task_struct **)arg = current;
	msleep(2);
	return raw_smp_processor_id() - 1000L;
}

static void work_on_each_cpu(void)
{
	struct task_struct *task;
	int cpu;

	for_each_online_cpu(cpu) {
		task = NULL;
		EXPECT_EQ(e_work_on_cpu(cpu, where_fn, &task), cpu - 1000L);
		EXPECT(task && task != current);
		task = NULL;
		EXPECT_EQ(e_work_on_cpu_safe(cpu, where_fn, &task),
			  cpu - 1000L);
		EXPECT(task && task != current);
	}
}

/* test-more.sh takes one down. */
static void work_on_dead_cpu(void)
{
	struct task_struct *task = NULL;
	int cpu;

	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			break;
	if (cpu >= nr_cpu_ids) {
		test_skip("all CPUs are up");
		return;
	}
	EXPECT_EQ(e_work_on_cpu_safe(cpu, where_fn, &task), -ENODEV);
	EXPECT(!task);
}

/* What the kernel keeps for itself, or has since 7.1 */

static bool cmwq_only(void)
{
	if (!ENGINE_IS_CMWQ)
		test_skip("modules of this kernel cannot call it");
	return ENGINE_IS_CMWQ;
}

#ifdef ENGINE_STOCK

static void run_on_each_cpu(void)
{
	cmwq_only();
}

static void queue_of_a_device(void)
{
	cmwq_only();
}

static void who_is_current(void)
{
	cmwq_only();
}

static void dumps(void)
{
	cmwq_only();
}

#else

static struct cpumask seen_cpus;
static atomic_t seen_runs = ATOMIC_INIT(0);

static void each_cpu_fn(struct cmwq_work *work)
{
	cpumask_set_cpu(raw_smp_processor_id(), &seen_cpus);
	msleep(2);
	atomic_inc(&seen_runs);
}

static void run_on_each_cpu(void)
{
	cpumask_clear(&seen_cpus);
	if (!cmwq_only())
		return;
	EXPECT_EQ(cmwq_schedule_on_each_cpu(each_cpu_fn), 0);
	EXPECT_EQ(atomic_read(&seen_runs), num_online_cpus());
	EXPECT(cpumask_equal(&seen_cpus, cpu_online_mask));
}

static void queue_of_a_device(void)
{
	struct device *dev = root_device_register("t_cmwq_device");
	struct cmwq_workqueue *wq, *ordered;
	struct probe *p = probes(4);
	int i;

	if (!EXPECT(!IS_ERR(dev)))
		return;
	wq = cmwq_devm_alloc_workqueue(dev, "t_devm_%d", CMWQ_PERCPU, 2, 7);
	ordered = cmwq_devm_alloc_ordered_workqueue(dev, "%s", 0, "t_devm_ord");
	if (!EXPECT(wq && ordered))
		return;
	p[0].gated = true;
	EXPECT(cmwq_queue_work(wq, &p[0].work));
	WAIT(&p[0].started);
	cmwq_show_one_workqueue(wq);		/* its name and owner */
	open_gate(&p[0]);
	for (i = 1; i < 4; i++) {
		p[i].requeues = 3;
		p[i].wq = i & 1 ? wq : ordered;
		EXPECT(cmwq_queue_work(p[i].wq, &p[i].work));
	}
	root_device_unregister(dev);
	for (i = 1; i < 4; i++)
		EXPECT_EQ(RUNS(&p[i]), 4);
	/* They are gone. */
	EXPECT(!cmwq_queue_work(wq, &p[0].work));
	EXPECT(!cmwq_queue_work(ordered, &p[0].work));
	probes_free(p);
}

static bool is_reclaim, is_rescuer;

static void current_fn(struct cmwq_work *work)
{
	is_reclaim = cmwq_current_is_workqueue_mem_reclaim();
	is_rescuer = cmwq_current_is_workqueue_rescuer();
}

static void who_is_current(void)
{
	const struct {
		struct cmwq_workqueue *wq;
		bool reclaim;
	} q[] = {
		{ cmwq_alloc_workqueue("t_no", CMWQ_PERCPU, 0), false },
		{ cmwq_alloc_workqueue("t_re", CMWQ_PERCPU | CMWQ_MEM_RECLAIM,
				       0), true },
		{ cmwq_alloc_ordered_workqueue("t_ore", CMWQ_MEM_RECLAIM),
		  true },
		{ cmwq_alloc_workqueue("t_uno", CMWQ_UNBOUND, 0), false },
		{ cmwq_create_workqueue("t_old"), false },
		{ cmwq_create_singlethread_workqueue("t_olds"), false },
		{ cmwq_create_freezable_workqueue("t_oldf"), false },
	};
	struct cmwq_work work;
	int i;

	CMWQ_INIT_WORK_ONSTACK(&work, current_fn);
	for (i = 0; i < ARRAY_SIZE(q); i++) {
		is_reclaim = !q[i].reclaim;
		is_rescuer = true;
		EXPECT(cmwq_queue_work(q[i].wq, &work));
		cmwq_flush_work(&work);
		EXPECT_EQ(is_reclaim, q[i].reclaim);
		/* Making a worker may take long enough for a rescuer. */
		EXPECT(!is_rescuer || is_reclaim);
		test_destroy(q[i].wq);
	}
	cmwq_destroy_work_on_stack(&work);
	EXPECT(!cmwq_current_is_workqueue_mem_reclaim());
	EXPECT(!cmwq_current_is_workqueue_rescuer());
}

static struct task_struct *dumped_task;
static struct completion dump_started, dump_described, dump_gate, dump_desc;

static void dumped_fn(struct cmwq_work *work)
{
	dumped_task = current;
	complete(&dump_started);
	test_gate(&dump_desc);
	cmwq_set_worker_desc("a-%s", "description");
	complete(&dump_described);
	test_gate(&dump_gate);
}

static void dumping_fn(struct cmwq_work *work)
{
	cmwq_show_all_workqueues();
}

/* The lines are for test-more.sh. */
static void dumps(void)
{
	struct cmwq_workqueue *wq, *idle;
	struct probe *p = probes(1);
	struct cmwq_work work;
	unsigned long flags;
	char buf[64], small[4];

	init_completion(&dump_started);
	init_completion(&dump_described);
	init_completion(&dump_gate);
	init_completion(&dump_desc);
	idle = cmwq_alloc_workqueue("t_dump_idle", CMWQ_PERCPU, 0);
	wq = cmwq_alloc_workqueue("t_dump", CMWQ_UNBOUND | CMWQ_FREEZABLE, 1);
	CMWQ_INIT_WORK_ONSTACK(&work, dumped_fn);
	EXPECT(cmwq_queue_work(wq, &work));
	if (!WAIT(&dump_started))
		return;
	EXPECT(cmwq_queue_work(wq, &p->work));

	cmwq_wq_worker_comm(buf, sizeof(buf), dumped_task);
	EXPECT(!strncmp(buf, "cmwq/u", 6) && strstr(buf, "+t_dump"));
	cmwq_wq_worker_comm(small, sizeof(small), dumped_task);
	EXPECT(!strcmp(small, "cmw"));
	cmwq_wq_worker_comm(buf, sizeof(buf), current);
	EXPECT(!strcmp(buf, current->comm));
	cmwq_print_worker_info(KERN_INFO, dumped_task);
	cmwq_print_worker_info(KERN_INFO, current);
	complete(&dump_desc);
	if (!WAIT(&dump_described))
		return;
	cmwq_wq_worker_comm(buf, sizeof(buf), dumped_task);
	EXPECT(strstr(buf, "+a-description"));
	cmwq_print_worker_info(KERN_INFO, dumped_task);

	cmwq_show_one_workqueue(idle);
	local_irq_save(flags);
	cmwq_show_all_workqueues();
	cmwq_show_freezable_workqueues();
	local_irq_restore(flags);

	complete(&dump_gate);
	WAIT(&p->done);
	cmwq_flush_work(&work);
	cmwq_destroy_work_on_stack(&work);

	CMWQ_INIT_WORK_ONSTACK(&work, dumping_fn);
	EXPECT(cmwq_queue_work(cmwq_system_bh_highpri_wq, &work));
	cmwq_flush_work(&work);
	cmwq_destroy_work_on_stack(&work);
	test_destroy(wq);
	test_destroy(idle);
	probes_free(p);
}

#endif /* ENGINE_STOCK */

const struct test_case test_cases[] = {
	CASE(deferrable_items),
	CASE(on_stack_with_key),
	CASE(data_bits),
	CASE(from_inner_work),
	CASE(enable_and_queue),
	CASE(queue_on_nodes),
	CASE(timers_spare_isolated_cpus),
	CASE(execute_somewhere),
	CASE(work_on_each_cpu),
	CASE(work_on_dead_cpu),
	CASE(run_on_each_cpu),
	CASE(queue_of_a_device),
	CASE(who_is_current),
	CASE(dumps),
	{}
};
