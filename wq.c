// SPDX-License-Identifier: GPL-2.0-only
/*
 * wq.c - creating and destroying queues, and the system queues
 */
#include "lockdep.h"

#include <linux/moduleparam.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>

#define ALL_FLAGS	(CMWQ_BH | CMWQ_UNBOUND | CMWQ_FREEZABLE | CMWQ_MEM_RECLAIM |   \
			 CMWQ_HIGHPRI | CMWQ_CPU_INTENSIVE | CMWQ_SYSFS |     \
			 CMWQ_POWER_EFFICIENT | CMWQ_PERCPU | __CMWQ_ORDERED | \
			 __CMWQ_SYSTEM | __CMWQ_LEGACY)

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
struct cmwq_workqueue *cmwq_system_bh_wq;
EXPORT_SYMBOL_GPL(cmwq_system_bh_wq);
struct cmwq_workqueue *cmwq_system_bh_highpri_wq;
EXPORT_SYMBOL_GPL(cmwq_system_bh_highpri_wq);
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
	{ &cmwq_system_bh_wq, NULL, "events_bh", CMWQ_PERCPU | CMWQ_BH },
	{ &cmwq_system_bh_highpri_wq, NULL, "events_bh_highpri",
	  CMWQ_PERCPU | CMWQ_BH | CMWQ_HIGHPRI },
	{ &cmwq_system_freezable_wq, NULL, "events_freezable",
	  CMWQ_PERCPU | CMWQ_FREEZABLE },
	{ &cmwq_system_power_efficient_wq, NULL, "events_power_efficient",
	  CMWQ_PERCPU | CMWQ_POWER_EFFICIENT },
	{ &cmwq_system_freezable_power_efficient_wq, NULL,
	  "events_freezable_pwr_efficient",
	  CMWQ_PERCPU | CMWQ_FREEZABLE | CMWQ_POWER_EFFICIENT },
};

static bool power_efficient;
module_param(power_efficient, bool, 0444);
MODULE_PARM_DESC(power_efficient, "make CMWQ_POWER_EFFICIENT queues unbound (default N)");

/* Creating */

static void free_queue(struct cmwq_workqueue *wq)
{
	if (wq)
		cmwq_wq_map_exit(wq);
	kfree(wq);
}

static __printf(5, 0)
struct cmwq_workqueue *alloc_queue(struct module *owner, unsigned int flags,
				   int max_active, struct lockdep_map *map,
				   const char *fmt, va_list args)
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
	cmwq_wq_map_init(wq, map);

	if (flags & CMWQ_POWER_EFFICIENT && power_efficient)
		flags = (flags & ~CMWQ_PERCPU) | CMWQ_UNBOUND;
	if ((flags & CMWQ_PERCPU) && (flags & CMWQ_UNBOUND)) {
		pr_warn_once("queue %s of %s has CMWQ_PERCPU and CMWQ_UNBOUND: it is unbound; give one of them\n",
			     wq->name, cmwq_owner_name(owner));
		flags &= ~CMWQ_PERCPU;
	} else if (flags & CMWQ_BH) {
		flags |= CMWQ_PERCPU;
	} else if (!(flags & (CMWQ_PERCPU | CMWQ_UNBOUND))) {
		pr_warn_once("queue %s of %s has neither CMWQ_PERCPU nor CMWQ_UNBOUND: it is per-CPU; give one of them\n",
			     wq->name, cmwq_owner_name(owner));
		flags |= CMWQ_PERCPU;
	}

	wq->flags = flags;
	wq->owner = owner;
	wq->max_active = flags & CMWQ_BH ? INT_MAX :
			 cmwq_clamp_max_active(max_active, wq->name);
	wq->min_active = CMWQ_DFL_MIN_ACTIVE;
	mutex_init(&wq->mutex);
	sema_init(&wq->colours, WORK_COLOURS - 1);
	raw_spin_lock_init(&wq->flush_lock);
	INIT_LIST_HEAD(&wq->flushers);
	cmwq_route_init(wq);
	if (!zalloc_cpumask_var(&wq->cpus, GFP_KERNEL) ||
	    (flags & CMWQ_UNBOUND && cmwq_shares_alloc(wq)))
		goto fail;
	err = cmwq_rescuer_create(wq);
	if (err)
		goto fail;

	/* On the list before the next change of where unbound items may run. */
	mutex_lock(&cmwq_attrs_mutex);
	err = cmwq_attrs_of_new(wq);
	if (!err) {
		__module_get(THIS_MODULE);
		wq->intake = CMWQ_OPEN;
		mutex_lock(&cmwq_wq_mutex);
		list_add_tail_rcu(&wq->node, &cmwq_workqueues);
		cmwq_freeze_new(wq);
		mutex_unlock(&cmwq_wq_mutex);
		cmwq_rescuer_resettle(wq);
	}
	mutex_unlock(&cmwq_attrs_mutex);
	if (!err)
		return wq;

fail:
	pr_err("no queue for %s: errno %d, %s\n", cmwq_owner_name(owner), err,
	       err == -ENOMEM ? "out of memory" : "see above");
	if (wq) {
		cmwq_rescuer_stop(wq);
		cmwq_shares_free(wq);
		free_cpumask_var(wq->cpus);
	}
	free_queue(wq);
	return NULL;
}

/**
 * cmwq_valloc_workqueue - check the arguments and create a queue
 * @owner:	as __cmwq_alloc_workqueue()
 * @flags:	as there
 * @max_active:	as there
 * @map:	the lockdep map of its items, or NULL for one of its own
 * @caller:	for the log
 * @fmt:	as there
 * @args:	arguments of @fmt
 *
 * Return: as there.
 */
struct cmwq_workqueue *cmwq_valloc_workqueue(struct module *owner,
					     unsigned int flags, int max_active,
					     struct lockdep_map *map,
					     void *caller, const char *fmt,
					     va_list args)
{
	struct cmwq_workqueue *wq;

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
	if (flags & CMWQ_BH &&
	    (max_active ||
	     flags & ~(CMWQ_BH | CMWQ_HIGHPRI | CMWQ_PERCPU))) {
		cmwq_report("cmwq_alloc_workqueue", caller, -EINVAL,
			    "a BH queue takes only CMWQ_HIGHPRI and CMWQ_PERCPU, and a max_active of 0");
		return NULL;
	}
	if (flags & __CMWQ_ORDERED &&
	    flags & (CMWQ_PERCPU | CMWQ_CPU_INTENSIVE)) {
		cmwq_report("cmwq_alloc_workqueue", caller, -EINVAL,
			    "an ordered queue takes neither CMWQ_PERCPU nor CMWQ_CPU_INTENSIVE: ignored");
		flags &= ~(CMWQ_PERCPU | CMWQ_CPU_INTENSIVE);
	}
	wq = alloc_queue(owner, flags, max_active, map, fmt, args);
	/* A queue that cannot be shown is a queue all the same. */
	if (wq && flags & CMWQ_SYSFS)
		cmwq_sysfs_add(wq, "cmwq_alloc_workqueue", caller);
	return wq;
}

struct cmwq_workqueue *__cmwq_alloc_workqueue(struct module *owner,
					      unsigned int flags,
					      int max_active,
					      const char *fmt, ...)
{
	struct cmwq_workqueue *wq;
	va_list args;

	va_start(args, fmt);
	wq = cmwq_valloc_workqueue(owner, flags, max_active, NULL,
				   __builtin_return_address(0), fmt, args);
	va_end(args);
	return wq;
}
EXPORT_SYMBOL_GPL(__cmwq_alloc_workqueue);

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

	cmwq_sysfs_remove(wq);					/* V1 */
	synchronize_rcu();					/* D1 */
	cmwq_drain(wq);

	mutex_lock(&wq->mutex);
	WRITE_ONCE(wq->intake, CMWQ_DEAD);
	mutex_unlock(&wq->mutex);

	mutex_lock(&cmwq_wq_mutex);
	list_del_rcu(&wq->node);
	mutex_unlock(&cmwq_wq_mutex);

	synchronize_rcu();					/* D2 */
	cmwq_rescuer_stop(wq);					/* M4 */
	cmwq_route_drop(wq);

	mutex_lock(&cmwq_wq_mutex);
	old = quarantine[quarantined % QUARANTINE];
	quarantine[quarantined++ % QUARANTINE] = wq;
	mutex_unlock(&cmwq_wq_mutex);
	free_queue(old);
	module_put(THIS_MODULE);
}

void cmwq_destroy_workqueue(struct cmwq_workqueue *wq)
{
	void *caller = __builtin_return_address(0);

	might_sleep();
	if (!cmwq_wq_usable(wq, "cmwq_destroy_workqueue", caller))
		return;
	cmwq_touch_wq(wq);
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

/* The first @nr; afterwards there is no queue, and nothing of one. */
static void destroy_system_queues(int nr)
{
	int i;

	while (nr--) {
		struct cmwq_workqueue *wq = *system_queues[nr].wq;

		/* Balance the reference that must not keep the module. */
		__module_get(THIS_MODULE);
		cmwq_begin_destroying(wq);
		cmwq_destroy_queue(wq);
	}
	rcu_barrier();		/* the callbacks of items that were drained */
	cmwq_routes_exit();
	for (i = 0; i < QUARANTINE; i++)
		free_queue(quarantine[i]);
}

static __printf(2, 3)
struct cmwq_workqueue *alloc_system_queue(unsigned int flags,
					  const char *fmt, ...)
{
	struct cmwq_workqueue *wq;
	va_list args;

	va_start(args, fmt);
	wq = alloc_queue(THIS_MODULE, flags | __CMWQ_SYSTEM, 0, NULL, fmt,
			 args);
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
	rcu_barrier();		/* the callbacks in rcu.c; here they can queue */
	destroy_system_queues(ARRAY_SIZE(system_queues));
}
