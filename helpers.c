// SPDX-License-Identifier: GPL-2.0-only
/*
 * helpers.c - conveniences made of queueing and waiting: a node's CPUs, a
 * function called on a CPU or on all of them, queues that go with a device
 */
#include "cmwq_internal.h"

#include <linux/cpu.h>
#include <linux/device.h>
#include <linux/nodemask.h>
#include <linux/topology.h>

/* Interrupts are off. */
static int cpu_of_node(int node)
{
	int cpu = raw_smp_processor_id();

	if (node == NUMA_NO_NODE || !node_online(node))
		return CMWQ_WORK_CPU_UNBOUND;
	if (cpu_to_node(cpu) == node)
		return cpu;
	cpu = cpumask_any_and(cpumask_of_node(node), cpu_online_mask);
	return cpu < nr_cpu_ids ? cpu : CMWQ_WORK_CPU_UNBOUND;
}

bool cmwq_queue_work_node(int node, struct cmwq_workqueue *wq,
			  struct cmwq_work *work)
{
	static const char what[] = "cmwq_queue_work_node";
	void *caller = __builtin_return_address(0);
	unsigned long flags;
	bool ret = false;

	local_irq_save(flags);
	if (!cmwq_wq_accepts(CMWQ_WORK_CPU_UNBOUND, wq, work, what, caller))
		goto out;
	if (!(wq->flags & CMWQ_UNBOUND))
		cmwq_report(what, caller, -EINVAL,
			    "queue %s is per-CPU: use cmwq_queue_work_on()",
			    wq->name);
	if (node != NUMA_NO_NODE && (node < 0 || node >= MAX_NUMNODES)) {
		cmwq_report(what, caller, -EINVAL,
			    "there is no node %d: queueing without one; use NUMA_NO_NODE",
			    node);
		node = NUMA_NO_NODE;
	}
	ret = cmwq_claim(work, what, caller) &&
	      cmwq_queue_claimed(cpu_of_node(node), wq, work);
out:
	local_irq_restore(flags);
	return ret;
}
EXPORT_SYMBOL_GPL(cmwq_queue_work_node);

void cmwq_flush_scheduled_work(void)
{
	cmwq_report("cmwq_flush_scheduled_work", __builtin_return_address(0),
		    -EDEADLK,
		    "waits for everybody's items, some of which may wait for the caller: flush your own, or use a queue of your own");
	cmwq_flush_workqueue(cmwq_system_percpu_wq);
}
EXPORT_SYMBOL_GPL(cmwq_flush_scheduled_work);

/* Functions that are called elsewhere */

int cmwq_execute_in_process_context(cmwq_func_t fn,
				    struct cmwq_execute_work *ew)
{
	if (!fn || !ew) {
		cmwq_report("cmwq_execute_in_process_context",
			    __builtin_return_address(0), -EINVAL,
			    fn ? "the item is NULL" : "the function is NULL");
		return -EINVAL;
	}
	if (!in_interrupt()) {
		fn(&ew->work);
		return 0;
	}
	CMWQ_INIT_WORK(&ew->work, fn);
	cmwq_schedule_work(&ew->work);
	return 1;
}
EXPORT_SYMBOL_GPL(cmwq_execute_in_process_context);

struct call {
	struct cmwq_work work;
	long (*fn)(void *arg);
	void *arg;
	long ret;
};

static void call_fn(struct cmwq_work *work)
{
	struct call *call = container_of(work, struct call, work);

	call->ret = call->fn(call->arg);
}

static long call_on_cpu(int cpu, long (*fn)(void *arg), void *arg,
			struct lock_class_key *key)
{
	struct call call = { .fn = fn, .arg = arg, .ret = -EBUSY };

	CMWQ_INIT_WORK_ONSTACK_KEY(&call.work, call_fn, key);
	cmwq_schedule_work_on(cpu, &call.work);
	cmwq_flush_work(&call.work);
	cmwq_destroy_work_on_stack(&call.work);
	return call.ret;
}

static bool call_sane(int cpu, long (*fn)(void *arg), const char *what,
		      void *caller)
{
	if (!fn) {
		cmwq_report(what, caller, -EINVAL, "the function is NULL");
		return false;
	}
	if (cpu == CMWQ_WORK_CPU_UNBOUND) {
		cmwq_report(what, caller, -EINVAL, "it takes a certain CPU");
		return false;
	}
	return cmwq_cpu_valid(cpu, what, caller);
}

long cmwq_work_on_cpu_key(int cpu, long (*fn)(void *arg), void *arg,
			  struct lock_class_key *key)
{
	might_sleep();
	if (!call_sane(cpu, fn, "cmwq_work_on_cpu",
		       __builtin_return_address(0)))
		return -EINVAL;
	return call_on_cpu(cpu, fn, arg, key);
}
EXPORT_SYMBOL_GPL(cmwq_work_on_cpu_key);

long cmwq_work_on_cpu_safe_key(int cpu, long (*fn)(void *arg), void *arg,
			       struct lock_class_key *key)
{
	long ret = -ENODEV;

	might_sleep();
	if (!call_sane(cpu, fn, "cmwq_work_on_cpu_safe",
		       __builtin_return_address(0)))
		return -EINVAL;
	cpus_read_lock();
	if (cpu_online(cpu))
		ret = call_on_cpu(cpu, fn, arg, key);
	cpus_read_unlock();
	return ret;
}
EXPORT_SYMBOL_GPL(cmwq_work_on_cpu_safe_key);

int cmwq_schedule_on_each_cpu(cmwq_func_t func)
{
	struct cmwq_work __percpu *works;
	int cpu;

	might_sleep();
	if (!func) {
		cmwq_report("cmwq_schedule_on_each_cpu",
			    __builtin_return_address(0), -EINVAL,
			    "the function is NULL");
		return -EINVAL;
	}
	works = alloc_percpu(struct cmwq_work);
	if (!works)
		return -ENOMEM;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		struct cmwq_work *work = per_cpu_ptr(works, cpu);

		CMWQ_INIT_WORK(work, func);
		cmwq_schedule_work_on(cpu, work);
	}
	for_each_online_cpu(cpu) {
		cmwq_flush_work(per_cpu_ptr(works, cpu));
		cmwq_object_end(per_cpu_ptr(works, cpu));
	}
	cpus_read_unlock();

	free_percpu(works);
	return 0;
}
EXPORT_SYMBOL_GPL(cmwq_schedule_on_each_cpu);

/* Queues that go with a device */

static void destroy_with_device(void *wq)
{
	cmwq_destroy_workqueue(wq);
}

struct cmwq_workqueue *__cmwq_devm_alloc_workqueue(struct module *owner,
						   struct device *dev,
						   unsigned int flags,
						   int max_active,
						   const char *fmt, ...)
{
	static const char what[] = "cmwq_devm_alloc_workqueue";
	void *caller = __builtin_return_address(0);
	struct cmwq_workqueue *wq;
	va_list args;
	int err;

	if (!dev) {
		cmwq_report(what, caller, -EINVAL,
			    "the device is NULL: use cmwq_alloc_workqueue()");
		return NULL;
	}
	va_start(args, fmt);
	wq = cmwq_valloc_workqueue(owner, flags, max_active, NULL, caller, fmt,
				   args);
	va_end(args);
	if (!wq)
		return NULL;
	err = devm_add_action_or_reset(dev, destroy_with_device, wq);
	if (!err)
		return wq;
	cmwq_report(what, caller, err, "out of memory");
	return NULL;
}
EXPORT_SYMBOL_GPL(__cmwq_devm_alloc_workqueue);
