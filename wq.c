// SPDX-License-Identifier: GPL-2.0-only
/*
 * wq.c - creating and destroying queues, and the system queues
 */
#include "cmwq_internal.h"

#include <linux/rcupdate.h>

#define ALL_FLAGS	(CMWQ_UNBOUND | CMWQ_FREEZABLE | CMWQ_MEM_RECLAIM |   \
			 CMWQ_HIGHPRI | CMWQ_CPU_INTENSIVE | CMWQ_SYSFS |     \
			 CMWQ_POWER_EFFICIENT | CMWQ_PERCPU | __CMWQ_ORDERED | \
			 __CMWQ_SYSTEM)

/*
 * Destroyed queues are kept for a while, so that using one is a log line and
 * not a crash.
 */
#define QUARANTINE	32

/* M: all queues, the quarantine, and being taken off the list. */
DEFINE_MUTEX(cmwq_wq_mutex);
LIST_HEAD(cmwq_workqueues);

static struct cmwq_workqueue *quarantine[QUARANTINE];	/* M */
static unsigned int quarantined;			/* M */

struct cmwq_workqueue *cmwq_system_wq;
EXPORT_SYMBOL_GPL(cmwq_system_wq);
struct cmwq_workqueue *cmwq_system_percpu_wq;
EXPORT_SYMBOL_GPL(cmwq_system_percpu_wq);
struct cmwq_workqueue *cmwq_system_highpri_wq;
EXPORT_SYMBOL_GPL(cmwq_system_highpri_wq);
struct cmwq_workqueue *cmwq_system_long_wq;
EXPORT_SYMBOL_GPL(cmwq_system_long_wq);
struct cmwq_workqueue *cmwq_system_unbound_wq;
EXPORT_SYMBOL_GPL(cmwq_system_unbound_wq);
struct cmwq_workqueue *cmwq_system_dfl_wq;
EXPORT_SYMBOL_GPL(cmwq_system_dfl_wq);
struct cmwq_workqueue *cmwq_system_dfl_long_wq;
EXPORT_SYMBOL_GPL(cmwq_system_dfl_long_wq);
struct cmwq_workqueue *cmwq_system_freezable_wq;
EXPORT_SYMBOL_GPL(cmwq_system_freezable_wq);
struct cmwq_workqueue *cmwq_system_power_efficient_wq;
EXPORT_SYMBOL_GPL(cmwq_system_power_efficient_wq);
struct cmwq_workqueue *cmwq_system_freezable_power_efficient_wq;
EXPORT_SYMBOL_GPL(cmwq_system_freezable_power_efficient_wq);

static const struct {
	struct cmwq_workqueue **wq, **alias;
	const char *name;
	unsigned int flags;
} system_queues[] = {
	{ &cmwq_system_percpu_wq, &cmwq_system_wq, "events", CMWQ_PERCPU },
	{ &cmwq_system_highpri_wq, NULL, "events_highpri",
	  CMWQ_PERCPU | CMWQ_HIGHPRI },
	{ &cmwq_system_long_wq, NULL, "events_long", CMWQ_PERCPU },
	{ &cmwq_system_dfl_wq, &cmwq_system_unbound_wq, "events_unbound",
	  CMWQ_UNBOUND },
	{ &cmwq_system_dfl_long_wq, NULL, "events_dfl_long", CMWQ_UNBOUND },
	{ &cmwq_system_freezable_wq, NULL, "events_freezable",
	  CMWQ_PERCPU | CMWQ_FREEZABLE },
	{ &cmwq_system_power_efficient_wq, NULL, "events_power_efficient",
	  CMWQ_PERCPU | CMWQ_POWER_EFFICIENT },
	{ &cmwq_system_freezable_power_efficient_wq, NULL,
	  "events_freezable_pwr_efficient",
	  CMWQ_PERCPU | CMWQ_FREEZABLE | CMWQ_POWER_EFFICIENT },
};

/**
 * cmwq_next_pwq - iterator of cmwq_for_each_pwq()
 * @wq:		the queue
 * @cpu:	-1 to start with
 *
 * Return: the next pwq, NULL after the last.
 */
struct cmwq_pwq *cmwq_next_pwq(struct cmwq_workqueue *wq, int *cpu)
{
	if (!wq->cpu_pwq)
		return (*cpu)++ < 0 ? wq->unbound_pwq : NULL;
	*cpu = cpumask_next(*cpu, cpu_possible_mask);
	return *cpu < nr_cpu_ids ? per_cpu_ptr(wq->cpu_pwq, *cpu) : NULL;
}

/* Creating */

static void init_pwq(struct cmwq_workqueue *wq, struct cmwq_pwq *pwq,
		     struct cmwq_pool *pools)
{
	memset(pwq, 0, sizeof(*pwq));
	pwq->pool = pools + !!(wq->flags & CMWQ_HIGHPRI);
	pwq->wq = wq;
	pwq->max_active = wq->max_active;
	INIT_LIST_HEAD(&pwq->inactive);
}

static int alloc_pwqs(struct cmwq_workqueue *wq)
{
	/* A power of two, for which kmalloc() aligns. */
	const size_t size = roundup_pow_of_two(sizeof(struct cmwq_pwq));
	int cpu;

	if (wq->flags & CMWQ_UNBOUND) {
		wq->unbound_pwq = kmalloc(size, GFP_KERNEL);
		if (!wq->unbound_pwq)
			return -ENOMEM;
		WARN_ON(!IS_ALIGNED((unsigned long)wq->unbound_pwq,
				    WORK_PWQ_ALIGN));
		init_pwq(wq, wq->unbound_pwq, cmwq_unbound_pools);
		return 0;
	}

	wq->cpu_pwq = alloc_percpu(struct cmwq_pwq);
	if (!wq->cpu_pwq)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		init_pwq(wq, per_cpu_ptr(wq->cpu_pwq, cpu),
			 per_cpu_ptr(cmwq_cpu_pools, cpu));
	return 0;
}

static void free_pwqs(struct cmwq_workqueue *wq)
{
	kfree(wq->unbound_pwq);
	free_percpu(wq->cpu_pwq);
}

static int clamp_max_active(int max_active, const char *name)
{
	int clamped = clamp(max_active, 1, (int)CMWQ_MAX_ACTIVE);

	if (!max_active)
		return CMWQ_DFL_ACTIVE;
	if (clamped != max_active)
		pr_warn("queue %s: max_active %d is out of range 1..%d (0 for the default): using %d\n",
			name, max_active, CMWQ_MAX_ACTIVE, clamped);
	return clamped;
}

static __printf(4, 0)
struct cmwq_workqueue *alloc_queue(struct module *owner, unsigned int flags,
				   int max_active, const char *fmt,
				   va_list args)
{
	struct cmwq_workqueue *wq;
	int err = -ENOMEM;

	wq = kzalloc(sizeof(*wq), GFP_KERNEL);
	if (!wq)
		goto fail;
	if (vsnprintf(wq->name, sizeof(wq->name), fmt, args) >=
	    sizeof(wq->name))
		pr_warn("queue name cut to \"%s\": %d characters at most\n",
			wq->name, CMWQ_NAME_LEN - 1);

	if ((flags & CMWQ_PERCPU) && (flags & CMWQ_UNBOUND)) {
		pr_warn_once("queue %s of %s has CMWQ_PERCPU and CMWQ_UNBOUND: it is unbound; give one of them\n",
			     wq->name, cmwq_owner_name(owner));
		flags &= ~CMWQ_PERCPU;
	} else if (!(flags & (CMWQ_PERCPU | CMWQ_UNBOUND))) {
		pr_warn_once("queue %s of %s has neither CMWQ_PERCPU nor CMWQ_UNBOUND: it is per-CPU; give one of them\n",
			     wq->name, cmwq_owner_name(owner));
		flags |= CMWQ_PERCPU;
	}

	wq->flags = flags;
	wq->owner = owner;
	wq->max_active = clamp_max_active(max_active, wq->name);
	mutex_init(&wq->mutex);
	sema_init(&wq->colours, WORK_COLOURS - 1);
	raw_spin_lock_init(&wq->flush_lock);
	INIT_LIST_HEAD(&wq->flushers);
	if (alloc_pwqs(wq))
		goto fail;

	__module_get(THIS_MODULE);
	wq->intake = CMWQ_OPEN;
	mutex_lock(&cmwq_wq_mutex);
	list_add_tail(&wq->node, &cmwq_workqueues);
	mutex_unlock(&cmwq_wq_mutex);
	return wq;

fail:
	pr_err("no queue for %s: errno %d, out of memory\n",
	       cmwq_owner_name(owner), err);
	kfree(wq);
	return NULL;
}

struct cmwq_workqueue *__cmwq_alloc_workqueue(struct module *owner,
					      unsigned int flags,
					      int max_active,
					      const char *fmt, ...)
{
	void *caller = __builtin_return_address(0);
	struct cmwq_workqueue *wq;
	va_list args;

	might_sleep();
	if (!fmt || !*fmt) {
		cmwq_report("cmwq_alloc_workqueue", caller, -EINVAL,
			    "a queue needs a name");
		return NULL;
	}
	if (flags & ~(ALL_FLAGS & ~__CMWQ_SYSTEM)) {
		cmwq_report("cmwq_alloc_workqueue", caller, -EINVAL,
			    "unknown flags %#x",
			    flags & ~(ALL_FLAGS & ~__CMWQ_SYSTEM));
		return NULL;
	}
	if (flags & __CMWQ_ORDERED &&
	    flags & (CMWQ_PERCPU | CMWQ_CPU_INTENSIVE)) {
		cmwq_report("cmwq_alloc_workqueue", caller, -EINVAL,
			    "an ordered queue takes neither CMWQ_PERCPU nor CMWQ_CPU_INTENSIVE: ignored");
		flags &= ~(CMWQ_PERCPU | CMWQ_CPU_INTENSIVE);
	}
	va_start(args, fmt);
	wq = alloc_queue(owner, flags, max_active, fmt, args);
	va_end(args);
	return wq;
}
EXPORT_SYMBOL_GPL(__cmwq_alloc_workqueue);

void cmwq_workqueue_set_max_active(struct cmwq_workqueue *wq, int max_active)
{
	static const char what[] = "cmwq_workqueue_set_max_active";
	void *caller = __builtin_return_address(0);
	struct cmwq_pwq *pwq;
	unsigned long flags;
	int cpu;

	might_sleep();
	if (!cmwq_wq_alive(wq, what, caller))
		return;
	if (wq->flags & __CMWQ_ORDERED) {
		cmwq_report(what, caller, -EINVAL,
			    "an ordered queue runs one item at a time");
		return;
	}
	max_active = clamp_max_active(max_active, wq->name);

	mutex_lock(&wq->mutex);
	if (!cmwq_wq_alive(wq, what, caller))	/* D2 */
		goto out;
	WRITE_ONCE(wq->max_active, max_active);
	cmwq_for_each_pwq(pwq, cpu, wq) {
		raw_spin_lock_irqsave(&pwq->pool->lock, flags);
		pwq->max_active = max_active;
		cmwq_pwq_activate(pwq);
		cmwq_pool_unlock_kick(pwq->pool, flags, true);
	}
out:
	mutex_unlock(&wq->mutex);
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_set_max_active);

bool cmwq_workqueue_congested(int cpu, struct cmwq_workqueue *wq)
{
	static const char what[] = "cmwq_workqueue_congested";
	void *caller = __builtin_return_address(0);
	struct cmwq_pwq *pwq;
	unsigned long flags;
	bool congested, linked;

	local_irq_save(flags);					/* D2 */
	if (!cmwq_wq_alive(wq, what, caller) ||
	    !cmwq_cpu_valid(cpu, what, caller)) {
		local_irq_restore(flags);
		return false;
	}
	if (!wq->cpu_pwq)
		pwq = wq->unbound_pwq;
	else if (cpu == CMWQ_WORK_CPU_UNBOUND)
		pwq = raw_cpu_ptr(wq->cpu_pwq);
	else
		pwq = per_cpu_ptr(wq->cpu_pwq, cpu);
	raw_spin_lock(&pwq->pool->lock);
	linked = cmwq_pool_splice(pwq->pool);
	congested = !list_empty(&pwq->inactive);
	cmwq_pool_unlock_kick(pwq->pool, flags, linked);
	return congested;
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_congested);

/* Destroying */

/*
 * D1: destruction against a producer that found the queue open.
 *	producer (interrupts off)	destroyer
 *	1. intake is OPEN		1. intake = DESTROYING
 *	2. claim, push			2. synchronize_rcu()
 *					3. drain
 *    The producer's interrupts-off section ends before step 3: its item is
 *    drained like the others.
 *
 * D2: the pwqs against somebody who looks at a state word of an item that was
 *    just finished, or at a queue that he found alive:
 *	somebody			destroyer
 *	1. interrupts off		1. intake = DEAD, with wq->mutex
 *	2. reads the word, the intake	2. synchronize_rcu()
 *	3. follows the pointer		3. frees the pwqs
 *    Whoever sleeps meanwhile looks at the intake with wq->mutex held instead:
 *    the pwqs are there until he drops it.  The queue itself is quarantined.
 */

/**
 * cmwq_begin_destroying - close a queue for good
 * @wq: the queue
 *
 * Return: false if somebody else destroys it already.
 */
bool cmwq_begin_destroying(struct cmwq_workqueue *wq)
{
	bool first;

	mutex_lock(&wq->mutex);
	first = wq->intake == CMWQ_OPEN || wq->intake == CMWQ_DRAINING;
	if (first)
		WRITE_ONCE(wq->intake, CMWQ_DESTROYING);
	mutex_unlock(&wq->mutex);
	return first;
}

/**
 * cmwq_destroy_queue - drain and free a queue
 * @wq: the queue, after cmwq_begin_destroying()
 */
void cmwq_destroy_queue(struct cmwq_workqueue *wq)
{
	struct cmwq_workqueue *old;

	synchronize_rcu();					/* D1 */
	cmwq_drain(wq);

	mutex_lock(&wq->mutex);
	WRITE_ONCE(wq->intake, CMWQ_DEAD);
	mutex_unlock(&wq->mutex);

	mutex_lock(&cmwq_wq_mutex);
	list_del(&wq->node);
	mutex_unlock(&cmwq_wq_mutex);

	synchronize_rcu();					/* D2 */
	free_pwqs(wq);

	mutex_lock(&cmwq_wq_mutex);
	old = quarantine[quarantined % QUARANTINE];
	quarantine[quarantined++ % QUARANTINE] = wq;
	mutex_unlock(&cmwq_wq_mutex);
	kfree(old);
	module_put(THIS_MODULE);
}

void cmwq_destroy_workqueue(struct cmwq_workqueue *wq)
{
	void *caller = __builtin_return_address(0);

	might_sleep();
	if (!cmwq_wq_usable(wq, "cmwq_destroy_workqueue", caller))
		return;
	if (wq->flags & __CMWQ_SYSTEM) {
		cmwq_report("cmwq_destroy_workqueue", caller, -EPERM,
			    "%s is a system queue and stays", wq->name);
		return;
	}
	if (!cmwq_begin_destroying(wq)) {
		cmwq_report("cmwq_destroy_workqueue", caller, -EALREADY,
			    "queue %s is being destroyed already", wq->name);
		return;
	}
	cmwq_destroy_queue(wq);
}
EXPORT_SYMBOL_GPL(cmwq_destroy_workqueue);

/* The system queues */

static void destroy_system_queues(int nr)
{
	while (nr--) {
		struct cmwq_workqueue *wq = *system_queues[nr].wq;

		/* Balance the reference that must not keep the module. */
		__module_get(THIS_MODULE);
		cmwq_begin_destroying(wq);
		cmwq_destroy_queue(wq);
	}
}

static __printf(2, 3)
struct cmwq_workqueue *alloc_system_queue(unsigned int flags,
					  const char *fmt, ...)
{
	struct cmwq_workqueue *wq;
	va_list args;

	va_start(args, fmt);
	wq = alloc_queue(THIS_MODULE, flags | __CMWQ_SYSTEM, 0, fmt, args);
	va_end(args);
	if (wq)
		module_put(THIS_MODULE);
	return wq;
}

int cmwq_queues_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(system_queues); i++) {
		struct cmwq_workqueue *wq =
			alloc_system_queue(system_queues[i].flags, "%s",
					   system_queues[i].name);

		if (!wq) {
			destroy_system_queues(i);
			return -ENOMEM;
		}
		*system_queues[i].wq = wq;
		if (system_queues[i].alias)
			*system_queues[i].alias = wq;
	}
	return 0;
}

void cmwq_queues_exit(void)
{
	int i;

	destroy_system_queues(ARRAY_SIZE(system_queues));
	for (i = 0; i < QUARANTINE; i++)
		kfree(quarantine[i]);
}
