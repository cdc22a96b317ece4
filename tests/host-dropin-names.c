// SPDX-License-Identifier: GPL-2.0-only
/*
 * host-dropin-names.c - every name of the API, for tests/host-dropin.sh
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/workqueue.h>
#include <cmwq/dropin.h>

static struct workqueue_struct *wq;
static struct delayed_work dwork;
static struct rcu_work rwork;
static struct execute_work ework;

static void fn(struct work_struct *work)
{
	queue_rcu_work(wq, to_rcu_work(work));
}

static DECLARE_WORK(work, fn);
static DECLARE_DEFERRABLE_WORK(deferrable, fn);

static long on_cpu(void *arg)
{
	return 0;
}

static void items(struct lock_class_key *key)
{
	struct delayed_work donstack;
	struct work_struct onstack;

	INIT_WORK_ONSTACK(&onstack, fn);
	INIT_WORK_ONSTACK_KEY(&onstack, fn, key);
	destroy_work_on_stack(&onstack);
	INIT_DELAYED_WORK_ONSTACK(&donstack, fn);
	INIT_DEFERRABLE_WORK_ONSTACK(&donstack, fn);
	destroy_delayed_work_on_stack(&donstack);
	INIT_DEFERRABLE_WORK(&deferrable, fn);
	INIT_RCU_WORK(&rwork, fn);
	INIT_RCU_WORK_ONSTACK(&rwork, fn);
}

static void attributes(void)
{
	struct workqueue_attrs *attrs = alloc_workqueue_attrs();

	attrs->nice = 1;
	attrs->affn_scope = WQ_AFFN_CACHE;
	attrs->affn_strict = true;
	apply_workqueue_attrs(wq, attrs);
	free_workqueue_attrs(attrs);
	workqueue_set_min_active(wq, 4);
	workqueue_set_max_active(wq, WQ_DFL_ACTIVE);
}

static void queues(struct device *dev)
{
	wq = devm_alloc_workqueue(dev, "%s", WQ_UNBOUND, 0, "one");
	wq = devm_alloc_ordered_workqueue(dev, "%s", 0, "two");
	wq = alloc_workqueue("three", WQ_BH | WQ_PERCPU, 0);
	wq = create_workqueue("four");
	wq = create_freezable_workqueue("five");
	drain_workqueue(wq);
	queue_work(system_bh_wq, &work);
	queue_work(system_bh_highpri_wq, &work);
	queue_work(system_dfl_wq, &work);
	queue_work(system_dfl_long_wq, &work);
	queue_work(system_percpu_wq, &work);
	queue_work(system_power_efficient_wq, &work);
}

static int __init names_init(void)
{
	items(NULL);
	attributes();
	queues(NULL);
	queue_work_node(0, wq, &work);
	enable_and_queue_work(wq, &work);
	disable_delayed_work_sync(&dwork);
	enable_delayed_work(&dwork);
	flush_rcu_work(&rwork);
	flush_scheduled_work();
	execute_in_process_context(fn, &ework);
	schedule_on_each_cpu(fn);
	set_worker_desc("%d", 1);
	if (*work_data_bits(&work) || delayed_work_pending(&dwork))
		return 1;
	return work_on_cpu(0, on_cpu, NULL) + work_on_cpu_safe(0, on_cpu, NULL) +
	       current_is_workqueue_mem_reclaim() +
	       current_is_workqueue_rescuer() + (current_work() == &work) +
	       workqueue_congested(WORK_CPU_UNBOUND, wq);
}
module_init(names_init);

MODULE_DESCRIPTION("every name");
MODULE_LICENSE("GPL");
