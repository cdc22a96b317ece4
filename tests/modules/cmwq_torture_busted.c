// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_torture_busted.c - types that are wrong on purpose
 *
 * Each does one thing wrong, now and then, on top of cmwq, and must end as a
 * failure: the proof that the torture notices.  tests/test-torture.sh knows
 * what each of them has to be found out by.
 */
#include <linux/cpumask.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>

#include "cmwq_torture.h"

static uint busted_every = 16;
module_param(busted_every, uint, 0444);
MODULE_PARM_DESC(busted_every, "one call in so many of a busted type goes wrong");

static atomic_t calls = ATOMIC_INIT(0);

static bool goes_wrong(void)
{
	return !(atomic_inc_return(&calls) % max(busted_every, 1U));
}

/* That of a type of cmwq: all its types have the same. */
static const struct torture_ops *right(void)
{
	return torture_cmwq_types[0].ops;
}

static int b_open(struct torture_queue *q)
{
	return right()->open(q);
}

static void b_close(struct torture_queue *q)
{
	right()->close(q);
}

static void b_init(struct torture_item *it)
{
	right()->init(it);
}

static bool b_queue(struct torture_item *it, int cpu, unsigned long delay)
{
	return right()->queue(it, cpu, delay);
}

static void b_flush(struct torture_item *it)
{
	right()->flush(it);
}

static void b_flush_queue(struct torture_queue *q)
{
	right()->flush_queue(q);
}

static bool b_cancel(struct torture_item *it)
{
	return right()->cancel(it);
}

static bool b_cancel_sync(struct torture_item *it)
{
	return right()->cancel_sync(it);
}

static bool b_disable(struct torture_item *it)
{
	return right()->disable(it);
}

static bool b_disable_sync(struct torture_item *it)
{
	return right()->disable_sync(it);
}

static void b_enable(struct torture_item *it)
{
	right()->enable(it);
}

static bool b_busy(struct torture_item *it)
{
	return right()->busy(it);
}

static bool b_foreign(void)
{
	return right()->foreign();
}

static int b_change(struct torture_queue *q, u32 random)
{
	return right()->change(q, random);
}

#define RIGHT								\
	.open = b_open,							\
	.close = b_close,						\
	.init = b_init,							\
	.flush_queue = b_flush_queue,					\
	.cancel = b_cancel,						\
	.disable = b_disable,						\
	.enable = b_enable,						\
	.busy = b_busy,							\
	.foreign = b_foreign,						\
	.change = b_change

#define RIGHT_BUT_QUEUE							\
	RIGHT,								\
	.flush = b_flush,						\
	.cancel_sync = b_cancel_sync,					\
	.disable_sync = b_disable_sync

/* What goes wrong */

static bool drop_queue(struct torture_item *it, int cpu, unsigned long delay)
{
	return goes_wrong() || b_queue(it, cpu, delay);
}

static bool twice_queue(struct torture_item *it, int cpu, unsigned long delay)
{
	if (in_task() && goes_wrong())
		torture_run(it);
	return b_queue(it, cpu, delay);
}

static void other_fn(struct cmwq_work *work)
{
	torture_run(torture_item_of(work));
}

/* An item with another function is another item: it may run beside itself. */
static bool overlap_queue(struct torture_item *it, int cpu,
			  unsigned long delay)
{
	if (goes_wrong())
		it->work.cmwq.work.func = other_fn;
	return b_queue(it, cpu, delay);
}

static bool cpu_queue(struct torture_item *it, int cpu, unsigned long delay)
{
	if (cpu != TORTURE_ANY_CPU && goes_wrong()) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
	return b_queue(it, cpu, delay);
}

static void early_flush(struct torture_item *it)
{
	if (!goes_wrong())
		b_flush(it);
}

static bool no_cancel_sync(struct torture_item *it)
{
	return goes_wrong() ? b_cancel(it) : b_cancel_sync(it);
}

static bool no_disable_sync(struct torture_item *it)
{
	return goes_wrong() ? b_disable(it) : b_disable_sync(it);
}

static bool no_grace_queue(struct torture_item *it, int cpu,
			   unsigned long delay)
{
	if (goes_wrong())
		return cmwq_queue_work(it->q->wq, &it->work.cmwq_rcu.work);
	return b_queue(it, cpu, delay);
}

static const struct torture_ops drop_ops = {
	RIGHT_BUT_QUEUE,
	.queue = drop_queue,
};

static const struct torture_ops twice_ops = {
	RIGHT_BUT_QUEUE,
	.queue = twice_queue,
};

static const struct torture_ops overlap_ops = {
	RIGHT_BUT_QUEUE,
	.queue = overlap_queue,
};

static const struct torture_ops cpu_ops = {
	RIGHT_BUT_QUEUE,
	.queue = cpu_queue,
};

static const struct torture_ops no_grace_ops = {
	RIGHT_BUT_QUEUE,
	.queue = no_grace_queue,
};

static const struct torture_ops early_ops = {
	RIGHT,
	.queue = b_queue,
	.flush = early_flush,
	.cancel_sync = b_cancel_sync,
	.disable_sync = b_disable_sync,
};

static const struct torture_ops cancel_ops = {
	RIGHT,
	.queue = b_queue,
	.flush = b_flush,
	.cancel_sync = no_cancel_sync,
	.disable_sync = b_disable_sync,
};

static const struct torture_ops disable_ops = {
	RIGHT,
	.queue = b_queue,
	.flush = b_flush,
	.cancel_sync = b_cancel_sync,
	.disable_sync = no_disable_sync,
};

/* What is wrong is not in the calls, but in what the type says it is. */
static int disorder_open(struct torture_queue *q)
{
	q->wq = cmwq_alloc_workqueue("torture/disorder", CMWQ_UNBOUND, 0);
	return q->wq ? 0 : -ENOMEM;
}

static int many_open(struct torture_queue *q)
{
	q->wq = cmwq_alloc_workqueue("torture/many", CMWQ_PERCPU, 0);
	return q->wq ? 0 : -ENOMEM;
}

static int unmanaged_open(struct torture_queue *q)
{
	q->wq = cmwq_alloc_workqueue("torture/unmanaged",
				     CMWQ_PERCPU | CMWQ_CPU_INTENSIVE, 0);
	return q->wq ? 0 : -ENOMEM;
}

#define RIGHT_BUT_OPEN							\
	.close = b_close,						\
	.init = b_init,							\
	.queue = b_queue,						\
	.flush = b_flush,						\
	.flush_queue = b_flush_queue,					\
	.cancel = b_cancel,						\
	.cancel_sync = b_cancel_sync,					\
	.disable = b_disable,						\
	.disable_sync = b_disable_sync,					\
	.enable = b_enable,						\
	.busy = b_busy,							\
	.foreign = b_foreign,						\
	.change = b_change

static const struct torture_ops disorder_ops = {
	RIGHT_BUT_OPEN,
	.open = disorder_open,
};

static const struct torture_ops many_ops = {
	RIGHT_BUT_OPEN,
	.open = many_open,
};

static const struct torture_ops unmanaged_ops = {
	RIGHT_BUT_OPEN,
	.open = unmanaged_open,
};

#define CAN_ALL	(TORTURE_CANCEL | TORTURE_CANCEL_SYNC | TORTURE_DISABLE)
#define BOUND	(CAN_ALL | TORTURE_BOUND | TORTURE_ON_CPU)

const struct torture_type torture_busted_types[] = {
	{ "busted-drop", &drop_ops, CMWQ_PERCPU, BOUND | TORTURE_DROPS },
	{ "busted-twice", &twice_ops, CMWQ_PERCPU, BOUND },
	{ "busted-overlap", &overlap_ops, CMWQ_UNBOUND, CAN_ALL },
	{ "busted-order", &disorder_ops, CMWQ_UNBOUND,
	  CAN_ALL | TORTURE_ORDERED },
	{ "busted-flush", &early_ops, CMWQ_UNBOUND, CAN_ALL },
	{ "busted-cancel", &cancel_ops, CMWQ_UNBOUND, CAN_ALL },
	{ "busted-disable", &disable_ops, CMWQ_UNBOUND, CAN_ALL },
	{ "busted-cpu", &cpu_ops, CMWQ_PERCPU, BOUND },
	{ "busted-limit", &many_ops, CMWQ_PERCPU, BOUND, 2, 2 },
	{ "busted-managed", &unmanaged_ops, CMWQ_PERCPU,
	  BOUND | TORTURE_MANAGED },
	{ "busted-rcu", &no_grace_ops, CMWQ_PERCPU,
	  TORTURE_BOUND | TORTURE_RCU },
	{}
};
