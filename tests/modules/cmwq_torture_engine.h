/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq_torture_engine.h - the types of one engine, the same text for both
 *
 * Included by a file that includes engine.h and defines TORTURE_TYPES, the name
 * of the table; TORTURE_PREFIX of the types' names; TORTURE_LANE, the first of
 * its lanes; TORTURE_WORK and TORTURE_RCU_WORK, the members of the union.
 */
#include <linux/cpumask.h>
#include <linux/nodemask.h>

#include "cmwq_torture.h"

static struct e_delayed_work *dwork_of(struct torture_item *it)
{
	return &it->work.TORTURE_WORK;
}

static struct e_work *work_of(struct torture_item *it)
{
	return &it->work.TORTURE_WORK.work;
}

static struct e_rcu_work *rwork_of(struct torture_item *it)
{
	return &it->work.TORTURE_RCU_WORK;
}

static unsigned int traits_of(struct torture_item *it)
{
	return it->q->t->type->traits;
}

static void engine_fn(struct e_work *work)
{
	torture_run(torture_item_of(work));
}

static int engine_open(struct torture_queue *q)
{
	const struct torture_type *type = q->t->type;

	if (type->traits & TORTURE_ORDERED)
		q->wq = e_alloc_ordered_workqueue("torture/%s", type->flags,
						  type->name);
	else
		q->wq = e_alloc_workqueue("torture/%s", type->flags,
					  type->max_active, type->name);
	return q->wq ? 0 : -ENOMEM;
}

static void engine_close(struct torture_queue *q)
{
	e_destroy_workqueue(q->wq);
}

/* Items of softirqs are others to lockdep: what initialises them is a class. */
static void engine_init(struct torture_item *it)
{
	if (traits_of(it) & TORTURE_RCU)
		E_INIT_RCU_WORK(rwork_of(it), engine_fn);
	else if (traits_of(it) & TORTURE_SOFTIRQ)
		E_INIT_DELAYED_WORK(dwork_of(it), engine_fn);
	else
		E_INIT_DELAYED_WORK(dwork_of(it), engine_fn);
}

static bool engine_queue(struct torture_item *it, int cpu, unsigned long delay)
{
	if (cpu == TORTURE_ANY_CPU)
		cpu = E_CPU_UNBOUND;
	if (traits_of(it) & TORTURE_RCU)
		return e_queue_rcu_work(it->q->wq, rwork_of(it));
	if (traits_of(it) & TORTURE_DELAYED)
		return e_queue_delayed_work_on(cpu, it->q->wq, dwork_of(it),
					       delay);
	return e_queue_work_on(cpu, it->q->wq, work_of(it));
}

static bool engine_modify(struct torture_item *it, int cpu,
			  unsigned long delay)
{
	if (cpu == TORTURE_ANY_CPU)
		cpu = E_CPU_UNBOUND;
	return e_mod_delayed_work_on(cpu, it->q->wq, dwork_of(it), delay);
}

static void engine_flush(struct torture_item *it)
{
	if (traits_of(it) & TORTURE_RCU)
		e_flush_rcu_work(rwork_of(it));
	else if (traits_of(it) & TORTURE_DELAYED)
		e_flush_delayed_work(dwork_of(it));
	else
		e_flush_work(work_of(it));
}

static void engine_flush_queue(struct torture_queue *q)
{
	e_flush_workqueue(q->wq);
}

static bool engine_cancel(struct torture_item *it)
{
	if (traits_of(it) & TORTURE_DELAYED)
		return e_cancel_delayed_work(dwork_of(it));
	return e_cancel_work(work_of(it));
}

static bool engine_cancel_sync(struct torture_item *it)
{
	if (traits_of(it) & TORTURE_DELAYED)
		return e_cancel_delayed_work_sync(dwork_of(it));
	return e_cancel_work_sync(work_of(it));
}

static bool engine_disable(struct torture_item *it)
{
	if (!ENGINE_HAS_DISABLE)
		return false;
	if (traits_of(it) & TORTURE_DELAYED)
		return e_disable_delayed_work(dwork_of(it));
	return e_disable_work(work_of(it));
}

static bool engine_disable_sync(struct torture_item *it)
{
	if (!ENGINE_HAS_DISABLE)
		return false;
	if (traits_of(it) & TORTURE_DELAYED)
		return e_disable_delayed_work_sync(dwork_of(it));
	return e_disable_work_sync(work_of(it));
}

static void engine_enable(struct torture_item *it)
{
	if (!ENGINE_HAS_DISABLE)
		return;
	if (traits_of(it) & TORTURE_DELAYED)
		e_enable_delayed_work(dwork_of(it));
	else
		e_enable_work(work_of(it));
}

static bool engine_busy(struct torture_item *it)
{
	return e_work_busy(work_of(it)) & E_BUSY_RUNNING;
}

#if ENGINE_IS_CMWQ

static bool engine_foreign(void)
{
	return cmwq_current_is_workqueue_rescuer();
}

static int change_attrs(struct torture_queue *q, u32 random)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	int cpu, err;

	if (!attrs)
		return -ENOMEM;
	err = cmwq_get_workqueue_attrs(q->wq, attrs);
	attrs->nice = random & 1 ? 0 : -(int)(random >> 1 & 7);
	if (q->t->type->flags & CMWQ_UNBOUND) {
		attrs->affn_scope = (random >> 4) % CMWQ_AFFN_NR_TYPES;
		attrs->affn_strict = random >> 8 & 1;
		cpumask_copy(attrs->cpumask, cpu_possible_mask);
		for_each_online_cpu(cpu)
			if (random >> 9 & 1 && random >> (10 + cpu % 16) & 1 &&
			    cpumask_weight(attrs->cpumask) > 1)
				cpumask_clear_cpu(cpu, attrs->cpumask);
	}
	if (!err)
		err = cmwq_apply_workqueue_attrs(q->wq, attrs);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

/* Managed pools are compared with each other, so their nice value stays. */
static int engine_change(struct torture_queue *q, u32 random)
{
	const struct torture_type *type = q->t->type;

	if (!(type->traits & TORTURE_ORDERED) && (random >> 28 & 1 ||
						  type->traits & TORTURE_MANAGED)) {
		int most = type->limit ?: 20;

		cmwq_workqueue_set_max_active(q->wq, 1 + random % most);
		return 0;
	}
	return change_attrs(q, random);
}

#define CAN_CHANGE	TORTURE_ATTRS
/* The control's delayed items stay with the timers of a CPU that is down. */
#define TIMER_CPU	TORTURE_ON_CPU
/*
 * It complains of BH items for one, and takes what they queue while their queue
 * is drained for somebody else's: lost, in spite of a true return.
 */
#define BH_MORE		TORTURE_ON_CPU
/* The control spins for a grace period when it is to cancel an RCU item. */
#define RCU_CANCEL	CAN_ALL

#else

static bool engine_foreign(void)
{
	return false;
}

static int engine_change(struct torture_queue *q, u32 random)
{
	return -EOPNOTSUPP;
}

#define CAN_CHANGE	0
#define TIMER_CPU	0
#define BH_MORE		TORTURE_NO_DRAIN
#define RCU_CANCEL	0

#endif

static const struct torture_ops engine_ops = {
	.open = engine_open,
	.close = engine_close,
	.init = engine_init,
	.queue = engine_queue,
	.modify = engine_modify,
	.flush = engine_flush,
	.flush_queue = engine_flush_queue,
	.cancel = engine_cancel,
	.cancel_sync = engine_cancel_sync,
	.disable = engine_disable,
	.disable_sync = engine_disable_sync,
	.enable = engine_enable,
	.busy = engine_busy,
	.foreign = engine_foreign,
	.change = engine_change,
};

#define CAN_ALL	(TORTURE_CANCEL | TORTURE_CANCEL_SYNC | \
		 (ENGINE_HAS_DISABLE ? TORTURE_DISABLE : 0))
#define ON_CPU	(TORTURE_BOUND | TORTURE_ON_CPU | CAN_ALL)
#define IN_BH	(TORTURE_BOUND | BH_MORE | CAN_ALL | TORTURE_MANAGED | \
		 TORTURE_SOFTIRQ)

const struct torture_type TORTURE_TYPES[] = {
	{ TORTURE_PREFIX "per-cpu", &engine_ops, E_PERCPU,
	  ON_CPU | TORTURE_MANAGED | CAN_CHANGE, 0, 0, TORTURE_LANE },
	{ TORTURE_PREFIX "few", &engine_ops, E_PERCPU,
	  ON_CPU | TORTURE_MANAGED | CAN_CHANGE, 2, 2, TORTURE_LANE },
	{ TORTURE_PREFIX "highpri", &engine_ops, E_PERCPU | E_HIGHPRI,
	  ON_CPU | TORTURE_MANAGED | CAN_CHANGE, 0, 0, TORTURE_LANE + 1 },
	{ TORTURE_PREFIX "intensive", &engine_ops, E_PERCPU | E_CPU_INTENSIVE,
	  ON_CPU | CAN_CHANGE, 0, 0 },
	{ TORTURE_PREFIX "unbound", &engine_ops, E_UNBOUND,
	  CAN_ALL | CAN_CHANGE, 0, 0 },
	/*
	 * A full unbound queue.  Not of the control: from 6.9 on it loses the
	 * wakeup of who flushes an item that is held back and cancelled
	 * (ENGINE_WAKES_CANCELLED_INACTIVE), and its max_active is per node
	 * before.
	 */
#if ENGINE_IS_CMWQ
	{ TORTURE_PREFIX "unbound-few", &engine_ops, E_UNBOUND,
	  CAN_ALL | CAN_CHANGE, 3, 3 },
#endif
	{ TORTURE_PREFIX "ordered", &engine_ops, E_UNBOUND,
	  CAN_ALL | CAN_CHANGE | TORTURE_ORDERED, 1, 1 },
#if ENGINE_HAS_BH
	{ TORTURE_PREFIX "bh", &engine_ops, E_BH,
	  IN_BH, 0, 0, TORTURE_LANE + 2 },
	{ TORTURE_PREFIX "bh-highpri", &engine_ops, E_BH | E_HIGHPRI,
	  IN_BH, 0, 0, TORTURE_LANE + 3 },
#endif
	{ TORTURE_PREFIX "delayed", &engine_ops, E_PERCPU,
	  TORTURE_BOUND | TIMER_CPU | CAN_ALL | TORTURE_MANAGED |
	  TORTURE_DELAYED | CAN_CHANGE, 0, 0, TORTURE_LANE },
	{ TORTURE_PREFIX "delayed-unbound", &engine_ops, E_UNBOUND,
	  CAN_ALL | TORTURE_DELAYED | CAN_CHANGE, 0, 0 },
	{ TORTURE_PREFIX "rcu", &engine_ops, E_PERCPU,
	  TORTURE_BOUND | TORTURE_MANAGED | TORTURE_RCU | RCU_CANCEL |
	  CAN_CHANGE, 0, 0, TORTURE_LANE },
	{ TORTURE_PREFIX "mem-reclaim", &engine_ops, E_PERCPU | E_MEM_RECLAIM,
	  ON_CPU | CAN_CHANGE, 0, 0 },
	{ TORTURE_PREFIX "mem-reclaim-unbound", &engine_ops,
	  E_UNBOUND | E_MEM_RECLAIM, CAN_ALL | CAN_CHANGE, 0, 0 },
	{ TORTURE_PREFIX "freezable", &engine_ops, E_PERCPU | E_FREEZABLE,
	  ON_CPU | TORTURE_MANAGED | CAN_CHANGE, 0, 0, TORTURE_LANE },
	{}
};
