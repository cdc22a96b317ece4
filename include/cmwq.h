/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq.h - concurrency-managed workqueues as a loadable module: the public API
 *
 * Tutorial
 * --------
 *	#include <cmwq.h>
 *
 *	struct my_dev {
 *		struct cmwq_workqueue *wq;
 *		struct cmwq_work work;
 *	};
 *
 *	static void my_fn(struct cmwq_work *work)
 *	{
 *		struct my_dev *d = container_of(work, struct my_dev, work);
 *		...				// process context, may sleep
 *	}
 *
 *	d->wq = cmwq_alloc_workqueue("my_dev", CMWQ_PERCPU, 0);
 *	if (!d->wq)
 *		return -ENOMEM;			// the log names the reason
 *	CMWQ_INIT_WORK(&d->work, my_fn);
 *	cmwq_queue_work(d->wq, &d->work);	// any context but NMI
 *	cmwq_flush_work(&d->work);		// my_fn has returned
 *	cmwq_destroy_workqueue(d->wq);
 *
 * Names, arguments, return values and guarantees are those of the kernel's own
 * workqueue API (as of Linux 7.3) with the prefix cmwq_, on every kernel.
 *
 * Who may call what where
 * -----------------------
 *	                                    task   softirq  hardirq  NMI
 *	queue, queue_on, queue_node,
 *	queue_delayed, mod_delayed,
 *	queue_rcu, schedule                  yes     yes      yes     no
 *	cancel_work, cancel_delayed_work     yes     yes      yes     no
 *	disable_work, enable_work,
 *	enable_and_queue                     yes     yes      yes     no
 *	execute_in_process_context           yes     yes      yes     no
 *	work_pending, work_busy, congested   yes     yes      yes     no
 *	show_*, print_worker_info,
 *	wq_worker_comm                       yes     yes      yes     no
 *	flush*, drain, *_sync                yes      no       no     no
 *	alloc*, devm_alloc*, destroy,
 *	set_*_active, attrs                  yes      no       no     no
 *	work_on_cpu*, schedule_on_each_cpu   yes      no       no     no
 *	current_work, current_is_*,
 *	set_worker_desc                      yes      no       no     no
 *
 * Guarantees
 * ----------
 * - Queueing a pending item returns false and leaves it where it is.
 * - Memory written before queueing (even when it returned false) is visible to
 *   the next execution of the item.
 * - An item never runs on two workers at once, as long as it keeps its function
 *   and is queued on one workqueue only.
 * - Per-CPU queues run an item on the CPU it was queued on while that is up.
 * - Ordered queues run one item at a time, in queueing order, machine-wide.
 * - An item may free itself, requeue itself, and queue others.
 *
 * Not guaranteed, by any function
 * -------------------------------
 * - When an item runs, or that max_active items run at once: workers are
 *   limited by module parameters and by memory.
 * - Any order of items, but on ordered queues.
 * - That a deadlock is noticed, except an item's wait for itself or for its own
 *   queue: hold no lock that an item takes while waiting for that item.
 * - That each misuse gets its own log line: a caller in a loop is rate limited.
 */
#ifndef _CMWQ_H
#define _CMWQ_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cpumask.h>
#include <linux/llist.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/threads.h>
#include <linux/timer.h>
#include <linux/types.h>

struct cmwq_workqueue;
struct cmwq_work;
struct cred;
struct device;
struct task_struct;

/**
 * typedef cmwq_func_t - a work function
 * @work: the item; still valid until the function frees it
 *
 * Runs in process context in a shared worker thread, may sleep, may free or
 * requeue @work.  It must return with no lock held and preemption enabled.
 */
typedef void (*cmwq_func_t)(struct cmwq_work *work);

/**
 * struct cmwq_work - a work item (32 bytes without lockdep)
 * @data:	state word; private
 * @entry:	link in the pool's list of waiting items; private
 * @inbox:	link in the pool's inbox; private
 * @func:	the function to call
 * @lockdep_map: with CONFIG_LOCKDEP only; private
 *
 * Embed it, initialise it with CMWQ_INIT_WORK() and keep it alive until it is
 * neither pending nor running.
 */
struct cmwq_work {
	atomic_long_t data;
	union {
		struct list_head entry;
		struct llist_node inbox;
	};
	cmwq_func_t func;
#ifdef CONFIG_LOCKDEP
	struct lockdep_map lockdep_map;
#endif
};

#ifndef CONFIG_LOCKDEP
static_assert(sizeof(struct cmwq_work) <= 32);
#endif

/**
 * struct cmwq_delayed_work - a work item that is queued after a delay
 * @work:	the item
 * @timer:	the delay; private
 * @wq:		where to queue it when @timer expires; private
 * @cpu:	CPU to queue it on; private
 */
struct cmwq_delayed_work {
	struct cmwq_work work;
	struct timer_list timer;
	struct cmwq_workqueue *wq;
	int cpu;
};

/**
 * struct cmwq_rcu_work - a work item that is queued after an RCU grace period
 * @work:	the item
 * @rcu:	for call_rcu(); private
 * @wq:		where to queue it then; private
 * @cpu:	CPU to queue it on; private
 *
 * Keep it alive until a _sync function or cmwq_flush_rcu_work() has returned,
 * or the function runs.  cmwq_cancel_work() alone is not enough: RCU holds on
 * to the structure until the grace period is over.
 */
struct cmwq_rcu_work {
	struct cmwq_work work;
	struct rcu_head rcu;
	struct cmwq_workqueue *wq;
	int cpu;
};

/**
 * struct cmwq_execute_work - for cmwq_execute_in_process_context()
 * @work: the item; private
 */
struct cmwq_execute_work {
	struct cmwq_work work;
};

/*
 * Layout of cmwq_work.data, private to the implementation and only here
 * because the static initialisers need the first value.  Off queue: a magic
 * byte, the pool that ran the item last, the disable depth.
 */
#define __CMWQ_WORK_MAGIC	(0x5cUL << 56)
#define __CMWQ_WORK_DATA_INIT	__CMWQ_WORK_MAGIC

/**
 * CMWQ_WORK_CPU_UNBOUND - "no particular CPU" for the _on() functions
 *
 * On a per-CPU queue: the caller's CPU.
 */
#define CMWQ_WORK_CPU_UNBOUND	NR_CPUS

/**
 * enum cmwq_wq_flags - flags for cmwq_alloc_workqueue()
 * @CMWQ_BH:		items run in softirq context on the CPU they were queued
 *			on, and must not sleep.  Goes with CMWQ_HIGHPRI and
 *			CMWQ_PERCPU only, and with a max_active of 0
 * @CMWQ_UNBOUND:	items are not bound to a CPU and not concurrency-managed
 * @CMWQ_FREEZABLE:	stops for suspend and hibernation, when user space has
 *			stopped: items that have been started are finished
 *			before, others wait until after, and so does whoever
 *			flushes or drains the queue.  An item that does not end
 *			makes the suspend fail.  Without CONFIG_FREEZER the flag
 *			has no effect
 * @CMWQ_MEM_RECLAIM:	memory reclaim may wait for items: the queue gets a
 *			rescuer thread, which runs them if no worker can be made
 *			for 10 ms.  Such items must not wait for queues without
 * @CMWQ_HIGHPRI:	items run on workers with nice -20
 * @CMWQ_CPU_INTENSIVE:	running items do not hold back others of the pool
 * @CMWQ_SYSFS:		the queue appears as /sys/bus/cmwq/devices/NAME/; see
 *			cmwq_workqueue_sysfs_register()
 * @CMWQ_POWER_EFFICIENT: CMWQ_UNBOUND if the module parameter power_efficient is
 *			set
 * @CMWQ_PERCPU:	items run on the CPU they were queued on
 * @__CMWQ_ORDERED:	internal
 * @__CMWQ_SYSTEM:	internal
 * @__CMWQ_LEGACY:	internal
 *
 * Exactly one of CMWQ_PERCPU and CMWQ_UNBOUND should be given.  With neither
 * the queue is per-CPU, with both it is unbound; either is logged once.
 */
enum cmwq_wq_flags {
	CMWQ_BH			= 1 << 0,
	CMWQ_UNBOUND		= 1 << 1,
	CMWQ_FREEZABLE		= 1 << 2,
	CMWQ_MEM_RECLAIM	= 1 << 3,
	CMWQ_HIGHPRI		= 1 << 4,
	CMWQ_CPU_INTENSIVE	= 1 << 5,
	CMWQ_SYSFS		= 1 << 6,
	CMWQ_POWER_EFFICIENT	= 1 << 7,
	CMWQ_PERCPU		= 1 << 8,

	__CMWQ_ORDERED		= 1 << 17,	/* internal */
	__CMWQ_SYSTEM		= 1 << 18,	/* internal */
	__CMWQ_LEGACY		= 1 << 19,	/* internal: cmwq_create_*() */
};

/**
 * enum cmwq_wq_consts - limits and return values
 * @CMWQ_MAX_ACTIVE:	highest max_active
 * @CMWQ_UNBOUND_MAX_ACTIVE: the same for CMWQ_UNBOUND queues
 * @CMWQ_DFL_ACTIVE:	what a max_active of 0 stands for
 * @CMWQ_DFL_MIN_ACTIVE: see cmwq_workqueue_set_min_active()
 * @CMWQ_NAME_LEN:	bytes of a queue's name, with the final 0
 * @CMWQ_WORKER_DESC_LEN: bytes of a description, with the final 0;
 *			see cmwq_set_worker_desc()
 * @CMWQ_WORK_BUSY_PENDING: the item waits for its timer or for a worker
 * @CMWQ_WORK_BUSY_RUNNING: a worker runs the item; see cmwq_work_busy()
 */
enum cmwq_wq_consts {
	CMWQ_MAX_ACTIVE		= 2048,
	CMWQ_UNBOUND_MAX_ACTIVE	= CMWQ_MAX_ACTIVE,
	CMWQ_DFL_ACTIVE		= CMWQ_MAX_ACTIVE / 2,
	CMWQ_DFL_MIN_ACTIVE	= 8,
	CMWQ_NAME_LEN		= 32,
	CMWQ_WORKER_DESC_LEN	= 32,

	/* cmwq_work_busy() */
	CMWQ_WORK_BUSY_PENDING	= 1 << 0,
	CMWQ_WORK_BUSY_RUNNING	= 1 << 1,
};

/*
 * Initialising items.  An item must be initialised before its first use and
 * must not be initialised again while it is pending or disabled.
 */
#ifdef CONFIG_LOCKDEP
#define __CMWQ_WORK_MAP_INITIALIZER(n)					\
	.lockdep_map = STATIC_LOCKDEP_MAP_INIT("(cmwq item)" #n, &(n)),
#else
#define __CMWQ_WORK_MAP_INITIALIZER(n)
#endif

#define __CMWQ_WORK_INITIALIZER(n, f) {					\
	.data = ATOMIC_LONG_INIT(__CMWQ_WORK_DATA_INIT),		\
	.entry = { &(n).entry, &(n).entry },				\
	.func = (f),							\
	__CMWQ_WORK_MAP_INITIALIZER(n)					\
}

#define __CMWQ_DELAYED_WORK_INITIALIZER(n, f, tflags) {			\
	.work = __CMWQ_WORK_INITIALIZER((n).work, (f)),			\
	.timer = __TIMER_INITIALIZER(cmwq_delayed_work_timer_fn,	\
				     (tflags) | TIMER_IRQSAFE),		\
}

/**
 * CMWQ_DECLARE_WORK - define and initialise a work item
 * @n:	name of the struct cmwq_work; may follow "static"
 * @f:	cmwq_func_t
 *
 * Not for items on the stack: those take CMWQ_INIT_WORK_ONSTACK().
 */
#define CMWQ_DECLARE_WORK(n, f)						\
	struct cmwq_work n = __CMWQ_WORK_INITIALIZER(n, f)

/**
 * CMWQ_DECLARE_DELAYED_WORK - define and initialise a delayed work item
 * @n:	name of the struct cmwq_delayed_work; may follow "static"
 * @f:	cmwq_func_t; reach the item with cmwq_to_delayed_work()
 *
 * Not for items on the stack: those take CMWQ_INIT_DELAYED_WORK_ONSTACK().
 */
#define CMWQ_DECLARE_DELAYED_WORK(n, f)					\
	struct cmwq_delayed_work n = __CMWQ_DELAYED_WORK_INITIALIZER(n, f, 0)

/**
 * CMWQ_DECLARE_DEFERRABLE_WORK - the same with a timer that wakes no idle CPU
 * @n:	name of the struct cmwq_delayed_work; may follow "static"
 * @f:	cmwq_func_t; reach the item with cmwq_to_delayed_work()
 *
 * Not guaranteed: any delay; on an idle CPU the timer waits until something
 * else wakes it.
 */
#define CMWQ_DECLARE_DEFERRABLE_WORK(n, f)				\
	struct cmwq_delayed_work n =					\
		__CMWQ_DELAYED_WORK_INITIALIZER(n, f, TIMER_DEFERRABLE)

/* Kernels that follow the lives of objects hear of items. */
#ifdef CONFIG_DEBUG_OBJECTS_WORK
/**
 * __cmwq_object_init - for CMWQ_INIT_WORK() and its like, on debug kernels
 * @work:	the item, about to be initialised
 * @onstack:	it is on the caller's stack
 *
 * Reports an item that is queued, and takes it back.
 *
 * Context: any.
 */
void __cmwq_object_init(struct cmwq_work *work, bool onstack);
#else
static inline void __cmwq_object_init(struct cmwq_work *work, bool onstack)
{
}
#endif

static inline void __cmwq_init_work(struct cmwq_work *work, cmwq_func_t func,
				    bool onstack, const char *name,
				    struct lock_class_key *key)
{
	__cmwq_object_init(work, onstack);
	atomic_long_set(&work->data, __CMWQ_WORK_DATA_INIT);
	INIT_LIST_HEAD(&work->entry);
	work->func = func;
#ifdef CONFIG_LOCKDEP
	lockdep_init_map(&work->lockdep_map, name, key, 0);
#endif
}

/* Each place that initialises items has a lockdep class for them. */
#define __CMWQ_INIT_WORK(_work, _func, _onstack)			\
	do {								\
		static __maybe_unused struct lock_class_key __key;	\
									\
		__cmwq_init_work((_work), (_func), (_onstack),		\
				 "(cmwq item)" #_work, &__key);		\
	} while (0)

#define __CMWQ_INIT_DELAYED_WORK(_dwork, _func, _flags)			\
	do {								\
		__CMWQ_INIT_WORK(&(_dwork)->work, _func, false);	\
		timer_setup(&(_dwork)->timer,				\
			    cmwq_delayed_work_timer_fn,			\
			    (_flags) | TIMER_IRQSAFE);			\
	} while (0)

#define __CMWQ_INIT_DELAYED_WORK_ONSTACK(_dwork, _func, _flags)		\
	do {								\
		__CMWQ_INIT_WORK(&(_dwork)->work, _func, true);		\
		timer_setup_on_stack(&(_dwork)->timer,			\
				     cmwq_delayed_work_timer_fn,	\
				     (_flags) | TIMER_IRQSAFE);		\
	} while (0)

/**
 * CMWQ_INIT_WORK - initialise a work item at run time
 * @_work:	struct cmwq_work *
 * @_func:	cmwq_func_t
 *
 * Context: any.  The item must be idle and enabled, which is not checked (but by
 * kernels with CONFIG_DEBUG_OBJECTS_WORK).
 */
#define CMWQ_INIT_WORK(_work, _func)					\
	__CMWQ_INIT_WORK(_work, _func, false)

/**
 * CMWQ_INIT_WORK_ONSTACK - the same for an item on the stack
 * @_work:	struct cmwq_work *
 * @_func:	cmwq_func_t
 *
 * Pair it with cmwq_destroy_work_on_stack().
 *
 * Context: any.
 */
#define CMWQ_INIT_WORK_ONSTACK(_work, _func)				\
	__CMWQ_INIT_WORK(_work, _func, true)

/**
 * CMWQ_INIT_WORK_ONSTACK_KEY - the same with a lockdep class from elsewhere
 * @_work:	struct cmwq_work *
 * @_func:	cmwq_func_t
 * @_key:	struct lock_class_key *, static; for functions whose callers
 *		shall not be taken for one by lockdep
 *
 * Pair it with cmwq_destroy_work_on_stack().
 *
 * Context: any.
 */
#define CMWQ_INIT_WORK_ONSTACK_KEY(_work, _func, _key)			\
	__cmwq_init_work((_work), (_func), true, "(cmwq item)" #_work, (_key))

/**
 * CMWQ_INIT_DELAYED_WORK - initialise a delayed work item at run time
 * @_dwork:	struct cmwq_delayed_work *
 * @_func:	cmwq_func_t; reach the item with cmwq_to_delayed_work()
 *
 * Context: any.  The item must be idle and enabled, which is not checked (but by
 * kernels with CONFIG_DEBUG_OBJECTS_WORK).
 */
#define CMWQ_INIT_DELAYED_WORK(_dwork, _func)				\
	__CMWQ_INIT_DELAYED_WORK(_dwork, _func, 0)

/**
 * CMWQ_INIT_DELAYED_WORK_ONSTACK - the same for an item on the stack
 * @_dwork:	struct cmwq_delayed_work *
 * @_func:	cmwq_func_t
 *
 * Pair it with cmwq_destroy_delayed_work_on_stack().
 *
 * Context: any.
 */
#define CMWQ_INIT_DELAYED_WORK_ONSTACK(_dwork, _func)			\
	__CMWQ_INIT_DELAYED_WORK_ONSTACK(_dwork, _func, 0)

/**
 * CMWQ_INIT_DEFERRABLE_WORK - a delayed item whose timer wakes no idle CPU
 * @_dwork:	struct cmwq_delayed_work *
 * @_func:	cmwq_func_t; reach the item with cmwq_to_delayed_work()
 *
 * Not guaranteed: as CMWQ_DECLARE_DEFERRABLE_WORK().
 *
 * Context: any.  The item must be idle and enabled, which is not checked (but by
 * kernels with CONFIG_DEBUG_OBJECTS_WORK).
 */
#define CMWQ_INIT_DEFERRABLE_WORK(_dwork, _func)			\
	__CMWQ_INIT_DELAYED_WORK(_dwork, _func, TIMER_DEFERRABLE)

/**
 * CMWQ_INIT_DEFERRABLE_WORK_ONSTACK - the same for an item on the stack
 * @_dwork:	struct cmwq_delayed_work *
 * @_func:	cmwq_func_t
 *
 * Pair it with cmwq_destroy_delayed_work_on_stack().
 *
 * Not guaranteed: as CMWQ_DECLARE_DEFERRABLE_WORK().
 *
 * Context: any.
 */
#define CMWQ_INIT_DEFERRABLE_WORK_ONSTACK(_dwork, _func)		\
	__CMWQ_INIT_DELAYED_WORK_ONSTACK(_dwork, _func, TIMER_DEFERRABLE)

/**
 * CMWQ_INIT_RCU_WORK - initialise an item for cmwq_queue_rcu_work()
 * @_rwork:	struct cmwq_rcu_work *
 * @_func:	cmwq_func_t; reach the item with cmwq_to_rcu_work()
 *
 * Context: any.  The item must be idle and enabled, and its last grace period
 * over (see struct cmwq_rcu_work), which is not checked.
 */
#define CMWQ_INIT_RCU_WORK(_rwork, _func)				\
	__CMWQ_INIT_WORK(&(_rwork)->work, _func, false)

/**
 * CMWQ_INIT_RCU_WORK_ONSTACK - the same for an item on the stack
 * @_rwork:	struct cmwq_rcu_work *
 * @_func:	cmwq_func_t
 *
 * Pair it with cmwq_destroy_work_on_stack() on its @work.
 *
 * Context: any.
 */
#define CMWQ_INIT_RCU_WORK_ONSTACK(_rwork, _func)			\
	__CMWQ_INIT_WORK(&(_rwork)->work, _func, true)

/**
 * cmwq_destroy_work_on_stack - end the life of an on-stack item
 * @work: the item; warns if it is still pending, or cancelled in its grace
 *	period
 *
 * Not guaranteed: that it is idle; a running item is not noticed.  Flush or
 * cancel it (_sync) before.
 *
 * Context: any.
 */
void cmwq_destroy_work_on_stack(struct cmwq_work *work);

/**
 * cmwq_destroy_delayed_work_on_stack - end the life of an on-stack item
 * @dwork: the item; warns if it is still pending
 *
 * Not guaranteed: as cmwq_destroy_work_on_stack().
 *
 * Context: any.
 */
void cmwq_destroy_delayed_work_on_stack(struct cmwq_delayed_work *dwork);

/**
 * cmwq_from_work - the structure that embeds an item
 * @_var:	a pointer to that structure, only for its type
 * @_work:	the item
 * @_field:	the structure's member that is the item
 *
 * Context: any.
 * Return: the structure.  That @_work lies in one is not checked.
 */
#define cmwq_from_work(_var, _work, _field)				\
	container_of(_work, typeof(*(_var)), _field)

/**
 * cmwq_to_delayed_work - the delayed work item around an item
 * @work: the item, as the work function gets it
 *
 * Context: any.
 * Return: the delayed item.  That @work belongs to one is not checked.
 */
static inline struct cmwq_delayed_work *
cmwq_to_delayed_work(struct cmwq_work *work)
{
	return container_of(work, struct cmwq_delayed_work, work);
}

/**
 * cmwq_to_rcu_work - the RCU work item around an item
 * @work: the item, as the work function gets it
 *
 * Context: any.
 * Return: the RCU item.  That @work belongs to one is not checked.
 */
static inline struct cmwq_rcu_work *cmwq_to_rcu_work(struct cmwq_work *work)
{
	return container_of(work, struct cmwq_rcu_work, work);
}

/**
 * cmwq_work_data_bits - the state word of an item
 * @work: the item, not NULL; not checked
 *
 * Its layout is private, but for bit 0: the item is pending.
 *
 * Context: any.
 * Return: unsigned long *.
 */
#define cmwq_work_data_bits(work)	((unsigned long *)(&(work)->data))

/**
 * cmwq_delayed_work_timer_fn - only for the initialisers above
 * @t: the timer of a delayed item
 *
 * Context: the timer's expiry, interrupts off.
 */
void cmwq_delayed_work_timer_fn(struct timer_list *t);

/* Creating and destroying queues */

/**
 * __cmwq_alloc_workqueue - only for cmwq_alloc_workqueue()
 * @owner:	the module that the queue belongs to
 * @flags:	as there, and __CMWQ_ORDERED
 * @max_active:	as there
 * @fmt:	as there
 * @...:	arguments of @fmt
 *
 * Context: process context, may sleep.
 * Return: as there.
 */
__printf(4, 5)
struct cmwq_workqueue *__cmwq_alloc_workqueue(struct module *owner,
					      unsigned int flags,
					      int max_active,
					      const char *fmt, ...);

/**
 * cmwq_alloc_workqueue - create a workqueue
 * @fmt:	printf format of its name; CMWQ_NAME_LEN - 1 characters are kept
 * @flags:	CMWQ_* flags
 * @max_active:	how many items may be in execution at once, per CPU, or for
 *		CMWQ_UNBOUND divided among the NUMA nodes as
 *		cmwq_workqueue_set_min_active() says: 1..CMWQ_MAX_ACTIVE; 0 for
 *		CMWQ_DFL_ACTIVE; out-of-range values are clamped and logged
 * @...:	arguments of @fmt
 *
 * The queue belongs to the calling module, which must destroy it before it
 * goes away; cmwq.ko cannot be unloaded until then.
 *
 * Not guaranteed: workers of its own, or a unique name.  All queues share the
 * pools' workers; without memory for new ones items wait for those there are.
 *
 * Context: process context, may sleep.
 * Return: the queue; NULL with a log line that names the errno if a flag is
 * unknown or does not go with CMWQ_BH (-EINVAL), @fmt is missing (-EINVAL), memory
 * is short (-ENOMEM), there are too many pools (-ENOSPC) or the task is being killed
 * (-EINTR).
 */
#define cmwq_alloc_workqueue(fmt, flags, max_active, ...)		\
	__cmwq_alloc_workqueue(THIS_MODULE, (flags), (max_active),	\
			       fmt, ##__VA_ARGS__)

/**
 * cmwq_alloc_ordered_workqueue - create a queue that runs one item at a time
 * @fmt:	printf format of its name; CMWQ_NAME_LEN - 1 characters are kept
 * @flags:	CMWQ_FREEZABLE, CMWQ_MEM_RECLAIM, CMWQ_HIGHPRI, or 0
 * @...:	arguments of @fmt
 *
 * Items run in queueing order, never two at once, machine-wide.
 *
 * Not guaranteed: that they run on one CPU or in one thread.
 *
 * Context: process context, may sleep.
 * Return: as cmwq_alloc_workqueue().  CMWQ_PERCPU and CMWQ_CPU_INTENSIVE are
 * ignored, with a log line.
 */
#define cmwq_alloc_ordered_workqueue(fmt, flags, ...)			\
	cmwq_alloc_workqueue(fmt, CMWQ_UNBOUND | __CMWQ_ORDERED |	\
			     (flags), 1, ##__VA_ARGS__)

#ifdef CONFIG_LOCKDEP
/**
 * __cmwq_alloc_workqueue_lockdep_map - only for the macros below
 * @owner:	the module that the queue belongs to
 * @flags:	as cmwq_alloc_workqueue(), and __CMWQ_ORDERED
 * @max_active:	as there
 * @map:	as below
 * @fmt:	as there
 * @...:	arguments of @fmt
 *
 * Context: process context, may sleep.
 * Return: as there.
 */
__printf(5, 6)
struct cmwq_workqueue *
__cmwq_alloc_workqueue_lockdep_map(struct module *owner, unsigned int flags,
				   int max_active, struct lockdep_map *map,
				   const char *fmt, ...);

/**
 * cmwq_alloc_workqueue_lockdep_map - cmwq_alloc_workqueue() with a lockdep map
 * @fmt:	as there
 * @flags:	as there
 * @max_active:	as there
 * @map:	struct lockdep_map *, which outlives the queue; for queues that
 *		come and go and are of one kind
 * @...:	arguments of @fmt
 *
 * Only with CONFIG_LOCKDEP.
 *
 * Not guaranteed: as cmwq_alloc_workqueue().  @map is used until 32 more queues
 * have been destroyed or cmwq.ko is gone: make it static.
 *
 * Context: process context, may sleep.
 * Return: as cmwq_alloc_workqueue(); -EINVAL also stands for a NULL @map.
 */
#define cmwq_alloc_workqueue_lockdep_map(fmt, flags, max_active, map, ...) \
	__cmwq_alloc_workqueue_lockdep_map(THIS_MODULE, (flags),	\
					   (max_active), (map), fmt,	\
					   ##__VA_ARGS__)

/**
 * cmwq_alloc_ordered_workqueue_lockdep_map - the same, one item at a time
 * @fmt:	as cmwq_alloc_ordered_workqueue()
 * @flags:	as there
 * @map:	as cmwq_alloc_workqueue_lockdep_map()
 * @...:	arguments of @fmt
 *
 * Only with CONFIG_LOCKDEP.
 *
 * Not guaranteed: as both.
 *
 * Context: process context, may sleep.
 * Return: as both.
 */
#define cmwq_alloc_ordered_workqueue_lockdep_map(fmt, flags, map, ...)	\
	cmwq_alloc_workqueue_lockdep_map(fmt, CMWQ_UNBOUND |		\
					 __CMWQ_ORDERED | (flags), 1,	\
					 (map), ##__VA_ARGS__)
#endif /* CONFIG_LOCKDEP */

/**
 * __cmwq_devm_alloc_workqueue - only for the macros below
 * @owner:	the module that the queue belongs to
 * @dev:	as below
 * @flags:	as cmwq_alloc_workqueue(), and __CMWQ_ORDERED
 * @max_active:	as there
 * @fmt:	as there
 * @...:	arguments of @fmt
 *
 * Context: process context, may sleep.
 * Return: as below.
 */
__printf(5, 6)
struct cmwq_workqueue *__cmwq_devm_alloc_workqueue(struct module *owner,
						   struct device *dev,
						   unsigned int flags,
						   int max_active,
						   const char *fmt, ...);

/**
 * cmwq_devm_alloc_workqueue - create a queue that goes with a device
 * @dev:	the device; when its driver lets go of it the queue is drained
 *		and destroyed
 * @fmt:	as cmwq_alloc_workqueue()
 * @flags:	as there
 * @max_active:	as there
 * @...:	arguments of @fmt
 *
 * Do not destroy it by hand.
 *
 * Not guaranteed: as cmwq_alloc_workqueue().  Resources of @dev taken later go
 * first: an item must not use them.
 *
 * Context: process context, may sleep.
 * Return: as cmwq_alloc_workqueue(); -EINVAL also stands for a NULL @dev.
 */
#define cmwq_devm_alloc_workqueue(dev, fmt, flags, max_active, ...)	\
	__cmwq_devm_alloc_workqueue(THIS_MODULE, (dev), (flags),	\
				    (max_active), fmt, ##__VA_ARGS__)

/**
 * cmwq_devm_alloc_ordered_workqueue - the same, one item at a time
 * @dev:	as cmwq_devm_alloc_workqueue()
 * @fmt:	as cmwq_alloc_ordered_workqueue()
 * @flags:	as there
 * @...:	arguments of @fmt
 *
 * Not guaranteed: as both.
 *
 * Context: process context, may sleep.
 * Return: as both.
 */
#define cmwq_devm_alloc_ordered_workqueue(dev, fmt, flags, ...)		\
	cmwq_devm_alloc_workqueue(dev, fmt, CMWQ_UNBOUND |		\
				  __CMWQ_ORDERED | (flags), 1, ##__VA_ARGS__)

/**
 * cmwq_create_workqueue - old name: per-CPU, one item at a time on each CPU
 * @name: its name, a string
 *
 * New code calls cmwq_alloc_workqueue(), which also says what is not
 * guaranteed.
 *
 * Context: process context, may sleep.
 * Return: as cmwq_alloc_workqueue().
 */
#define cmwq_create_workqueue(name)					\
	cmwq_alloc_workqueue("%s", __CMWQ_LEGACY | CMWQ_MEM_RECLAIM |	\
			     CMWQ_PERCPU, 1, (name))

/**
 * cmwq_create_freezable_workqueue - old name: unbound, with a max_active of 1
 * @name: its name, a string
 *
 * Not guaranteed: order, or one item at a time on more than one NUMA node: see
 * cmwq_workqueue_set_min_active().
 *
 * Context: process context, may sleep.
 * Return: as cmwq_alloc_workqueue().
 */
#define cmwq_create_freezable_workqueue(name)				\
	cmwq_alloc_workqueue("%s", __CMWQ_LEGACY | CMWQ_FREEZABLE |	\
			     CMWQ_UNBOUND | CMWQ_MEM_RECLAIM, 1, (name))

/**
 * cmwq_create_singlethread_workqueue - old name: an ordered queue
 * @name: its name, a string
 *
 * New code calls cmwq_alloc_ordered_workqueue().
 *
 * Not guaranteed: a thread of its own, in spite of the name.
 *
 * Context: process context, may sleep.
 * Return: as cmwq_alloc_workqueue().
 */
#define cmwq_create_singlethread_workqueue(name)			\
	cmwq_alloc_ordered_workqueue("%s", __CMWQ_LEGACY |		\
				     CMWQ_MEM_RECLAIM, (name))

/**
 * cmwq_destroy_workqueue - drain a queue and free it
 * @wq: the queue; NULL and a queue already destroyed are reported, not followed
 *
 * Items still pending run first.  Delayed items whose timer is running and RCU
 * items in their grace period are not waited for: cancel them before.  Refused
 * with a log line from inside an item of @wq, and for the system queues.
 *
 * Not guaranteed: that later use of @wq is noticed; the last 32 queues
 * destroyed are remembered.  That it returns, if items requeue themselves for
 * ever (logged).
 *
 * Context: process context, may sleep.
 */
void cmwq_destroy_workqueue(struct cmwq_workqueue *wq);

/**
 * cmwq_workqueue_set_max_active - change how many items may run at once
 * @wq:		the queue; NULL, destroyed and ordered ones are reported
 * @max_active:	as in cmwq_alloc_workqueue()
 *
 * Raised, items that wait for it start at once.
 *
 * Not guaranteed: that a lower limit holds on return; items already in
 * execution are not stopped.
 *
 * Context: process context, may sleep.
 */
void cmwq_workqueue_set_max_active(struct cmwq_workqueue *wq, int max_active);

/**
 * cmwq_workqueue_set_min_active - change how many items may run at once anywhere
 * @wq:		the queue: CMWQ_UNBOUND, not ordered; others are reported
 * @min_active:	1..max_active; out-of-range values are clamped and logged
 *
 * The max_active of an unbound queue is divided: each NUMA node has a share by how
 * many of the queue's CPUs are up there, rounded up, but no less than @min_active
 * (by default CMWQ_DFL_MIN_ACTIVE, or max_active if that is less): items that
 * wait for each other need that many.  Pools with CPUs of several nodes share all
 * of max_active, apart from the nodes: those of CMWQ_AFFN_SYSTEM, and those for
 * items queued on a CPU of whose pod no CPU is in the queue's mask.
 *
 * Not guaranteed: as cmwq_workqueue_set_max_active().  That no more than max_active
 * items are in execution in all: with several nodes there may be, also if it is 1.
 * Ordered queues run one.
 *
 * Context: process context, may sleep.
 */
void cmwq_workqueue_set_min_active(struct cmwq_workqueue *wq, int min_active);

/* Attributes: what the workers of a queue are, and where they run */

/**
 * enum cmwq_affn_scope - which CPUs share a pool of an unbound queue
 * @CMWQ_AFFN_DFL:	the module parameter default_affinity_scope
 * @CMWQ_AFFN_CPU:	each CPU has its own
 * @CMWQ_AFFN_SMT:	the hardware threads of a core
 * @CMWQ_AFFN_CACHE:	the CPUs of a last-level cache; where the kernel does not
 *			tell a module which these are, those of a package
 * @CMWQ_AFFN_CACHE_SHARD: a few cores of it: see the module parameter
 *			cache_shard_size
 * @CMWQ_AFFN_NUMA:	the CPUs of a NUMA node
 * @CMWQ_AFFN_SYSTEM:	all CPUs
 * @CMWQ_AFFN_NR_TYPES:	the number of scopes
 */
enum cmwq_affn_scope {
	CMWQ_AFFN_DFL,
	CMWQ_AFFN_CPU,
	CMWQ_AFFN_SMT,
	CMWQ_AFFN_CACHE,
	CMWQ_AFFN_CACHE_SHARD,
	CMWQ_AFFN_NUMA,
	CMWQ_AFFN_SYSTEM,
	CMWQ_AFFN_NR_TYPES,
};

/**
 * struct cmwq_attrs - what the workers of a queue are, and where they run
 * @nice:	MIN_NICE..MAX_NICE; 0 with a real-time @policy
 * @policy:	SCHED_NORMAL, SCHED_FIFO or SCHED_RR
 * @priority:	1..99 with SCHED_FIFO and SCHED_RR, else 0.  Kernels before 5.16
 *		let a module have SCHED_FIFO with 1 or 50 only: -EOPNOTSUPP.
 * @cpumask:	unbound: the CPUs that items may run on
 * @affn_scope:	unbound: which CPUs share a pool.  An item is run near the CPU
 *		that it was queued on, in this sense
 * @affn_strict: unbound: if not set, @affn_scope says where a worker starts, and
 *		the scheduler may move it within @cpumask.  If set, it may not.
 * @ordered:	unbound: one item at a time, in queueing order; as the queue was
 *		allocated, not to be changed
 * @cred:	items run with these credentials; NULL for those of the kernel.
 *		The caller keeps its reference.
 *
 * Queues with equal @nice, @policy, @priority and CPUs share pools and workers.
 * From cmwq_alloc_workqueue_attrs() only: more members may come.
 */
struct cmwq_attrs {
	int nice;
	unsigned int policy;
	int priority;
	cpumask_var_t cpumask;
	enum cmwq_affn_scope affn_scope;
	bool affn_strict;
	bool ordered;
	const struct cred *cred;
};

/**
 * cmwq_alloc_workqueue_attrs - allocate attributes
 *
 * Context: process context, may sleep.
 * Return: the attributes, set to what a CMWQ_UNBOUND queue has: nice 0,
 * SCHED_NORMAL, all possible CPUs, CMWQ_AFFN_DFL, not strict, no credentials.
 * NULL without memory.
 */
struct cmwq_attrs *cmwq_alloc_workqueue_attrs(void);

/**
 * cmwq_free_workqueue_attrs - free attributes
 * @attrs: from cmwq_alloc_workqueue_attrs(), or NULL
 *
 * Context: process context, may sleep.
 */
void cmwq_free_workqueue_attrs(struct cmwq_attrs *attrs);

/**
 * cmwq_apply_workqueue_attrs - change the attributes of a queue
 * @wq:		the queue; not CMWQ_BH
 * @attrs:	the new attributes; copied.  A per-CPU queue takes @nice,
 *		@policy, @priority and @cred; the others as allocated
 *
 * May be called at any time.  Items queued before the call finish with the old
 * attributes, later ones have the new ones; none is lost, and ordered queues
 * stay ordered.  An item that is queued again while it runs with the old ones may
 * run once more with them.  CPUs outside the unbound cpumask are left out of
 * @cpumask; if none is left, the unbound cpumask is used.
 *
 * A negative @nice and real-time policies take CAP_SYS_NICE, @cred other than
 * the caller's takes CAP_SETUID and CAP_SETGID; kernel threads may do both.
 *
 * Not guaranteed: that an item which requeues itself without end ever changes
 * to the new attributes.  A real-time item that does not sleep starves others.
 * The max_active of a per-CPU queue counts for items with the old attributes and for
 * those with the new ones by itself.
 *
 * Context: process context, may sleep.  Not from a CPU hotplug callback.
 * Return: 0; otherwise nothing has changed and the log names the reason:
 * -EINVAL for a bad queue or combination, -EPERM, -EOPNOTSUPP, -ENOMEM, -ENOSPC
 * if there are too many pools, -EINTR for a task that is being killed, -ENODEV if
 * the queue is destroyed meanwhile.
 */
int cmwq_apply_workqueue_attrs(struct cmwq_workqueue *wq,
			       const struct cmwq_attrs *attrs);

/**
 * cmwq_get_workqueue_attrs - copy the attributes of a queue
 * @wq:		the queue
 * @attrs:	where to; from cmwq_alloc_workqueue_attrs()
 *
 * For changing some of them.  Not guaranteed: that @attrs->cred is still there
 * when somebody else changes the queue's attributes.
 *
 * Context: process context, may sleep.
 * Return: 0, -EINVAL for a bad queue or @attrs (logged).
 */
int cmwq_get_workqueue_attrs(struct cmwq_workqueue *wq,
			     struct cmwq_attrs *attrs);

/**
 * cmwq_workqueue_set_unbound_cpumask - where items of unbound queues may run
 * @cpumask: the CPUs
 *
 * At load: those of the module parameter unbound_cpus, without isolated and
 * nohz_full CPUs.  All unbound queues change over as in
 * cmwq_apply_workqueue_attrs().  Only real-time and per-CPU queues' items and
 * bound kernel work keep running elsewhere.
 *
 * Not guaranteed: as cmwq_apply_workqueue_attrs().
 *
 * Context: process context, may sleep.  Not from a CPU hotplug callback.
 * Return: 0; -EINVAL if no possible CPU is in @cpumask; -ENOMEM, -ENOSPC or, for
 * a task that is being killed, -EINTR if a queue could not be changed: then none
 * is.
 */
int cmwq_workqueue_set_unbound_cpumask(const struct cpumask *cpumask);

/**
 * cmwq_workqueue_unbound_exclude_cpumask - keep unbound items off CPUs
 * @exclude: the CPUs; replaces those excluded before, may be empty
 *
 * As cmwq_workqueue_set_unbound_cpumask() with the mask requested last without
 * @exclude; if nothing is left, with the mask requested last.
 *
 * Not guaranteed: as there.
 *
 * Context: as there.
 * Return: as there.
 */
int cmwq_workqueue_unbound_exclude_cpumask(const struct cpumask *exclude);

/**
 * cmwq_workqueue_unbound_housekeeping_update - tell which CPUs are not isolated
 * @hk: the housekeeping CPUs
 *
 * A module cannot know of CPUs that are isolated at run time: somebody has to
 * tell it.  As cmwq_workqueue_unbound_exclude_cpumask() with all CPUs not in @hk.
 *
 * Not guaranteed: as there.
 *
 * Context: as there.
 * Return: as there.
 */
int cmwq_workqueue_unbound_housekeeping_update(const struct cpumask *hk);

/**
 * cmwq_workqueue_sysfs_register - show a queue in sysfs
 * @wq: the queue; neither ordered nor CMWQ_BH
 *
 * /sys/bus/cmwq/devices/NAME/ lets user space read and change max_active and
 * the attributes.  The flag CMWQ_SYSFS does the same at once; this is for whoever
 * sets attributes first, lest user space comes in between.  It goes with @wq.
 *
 * In NAME a '/' becomes '!', and what is no printable ASCII character '_'.  If
 * there is a NAME already, @wq works all the same and is not shown.
 *
 * Not guaranteed: that user space leaves @wq as its owner wants it.  Nor that
 * destroying @wq in a CPU hotplug callback returns: it waits for a write in
 * progress, which may wait for hotplug to end.
 *
 * Context: process context, may sleep.
 * Return: 0; otherwise @wq is not shown and the log names the reason: -EINVAL
 * for no queue or one of the wrong kind, -EALREADY, -EEXIST if NAME is taken,
 * -ENODEV if @wq is being destroyed, -ENOMEM.
 */
int cmwq_workqueue_sysfs_register(struct cmwq_workqueue *wq);

/* Queueing */

/**
 * cmwq_queue_work_on - queue an item on a CPU
 * @cpu:	a possible CPU or CMWQ_WORK_CPU_UNBOUND; a CPU that is down has
 *		the item run on the caller's CPU, and counted as displaced; no
 *		matter for CMWQ_UNBOUND
 * @wq:		the queue
 * @work:	the item
 *
 * Not guaranteed: @cpu, if it goes down before the item runs, or if the item
 * still runs on another one for @wq: then it follows there.  With
 * CMWQ_WORK_CPU_UNBOUND, the caller's CPU: see the parameter watchdog_evacuate.
 *
 * Context: any but NMI.
 * Return: true if it was queued, false if it is pending already, disabled, or
 * refused with a log line (bad CPU, no or no initialised item, no queue, or one
 * being drained or destroyed).
 */
bool cmwq_queue_work_on(int cpu, struct cmwq_workqueue *wq,
			struct cmwq_work *work);

/**
 * cmwq_queue_work_node - queue an item near a NUMA node
 * @node:	the node, or NUMA_NO_NODE
 * @wq:		the queue, a CMWQ_UNBOUND one; a per-CPU queue is reported, and
 *		takes the item all the same
 * @work:	the item
 *
 * Queued from the caller's CPU if that is on @node, else from an online CPU
 * there.  Without such a CPU, or with a number that is no node's (reported), it
 * is cmwq_queue_work().
 *
 * Not guaranteed: that it runs on @node.
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
bool cmwq_queue_work_node(int node, struct cmwq_workqueue *wq,
			  struct cmwq_work *work);

/**
 * cmwq_queue_rcu_work - queue an item after an RCU grace period
 * @wq:		the queue; a per-CPU one runs it where the callback is called
 * @rwork:	the item
 *
 * The item is pending from now on, and queued when all RCU readers of now are
 * done.  Cancelled and queued again it waits for a full grace period again.
 *
 * Not guaranteed: a grace period after a false return.  That it is queued: if
 * @wq is being drained or destroyed when the grace period ends, the item is
 * idle again, with a log line.  Queued by cmwq_queue_work() right after it was
 * cancelled, that it does not wait for what is left of the grace period.
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
bool cmwq_queue_rcu_work(struct cmwq_workqueue *wq,
			 struct cmwq_rcu_work *rwork);

/**
 * cmwq_queue_delayed_work_on - queue an item on a CPU after a delay
 * @cpu:	as cmwq_queue_work_on()
 * @wq:		the queue
 * @dwork:	the item
 * @delay:	jiffies, 0..MAX_JIFFY_OFFSET; 0 queues at once
 *
 * The item is pending from now on, and queued when @delay is over.
 *
 * Not guaranteed: punctuality; a kernel timer is late by up to an eighth of
 * @delay, and early beyond the span of its wheel (12 days with HZ=1000).  That
 * it is queued: if @wq is being drained or destroyed when the timer expires,
 * the item is idle again, with a log line.  Without @cpu, that it is the
 * caller's CPU: a per-CPU queue runs it where the timer expired, which is never
 * a CPU that is isolated from timers (nohz_full=).
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
bool cmwq_queue_delayed_work_on(int cpu, struct cmwq_workqueue *wq,
				struct cmwq_delayed_work *dwork,
				unsigned long delay);

/**
 * cmwq_mod_delayed_work_on - queue a delayed item, or change its delay
 * @cpu:	as cmwq_queue_work_on()
 * @wq:		the queue
 * @dwork:	the item
 * @delay:	jiffies from now, 0..MAX_JIFFY_OFFSET; 0 queues at once
 *
 * Whether @dwork was idle, waiting for its timer or waiting to run: it is
 * queued on @wq in @delay.
 *
 * Not guaranteed: as cmwq_queue_delayed_work_on().  Nor, if it is refused
 * (reasons and log line as there), that it stays pending: @wq may be closed
 * when the item has been taken off already.
 *
 * Context: any but NMI.
 * Return: true if it was pending; false if it was idle (and is queued now), is
 * disabled, or refused.
 */
bool cmwq_mod_delayed_work_on(int cpu, struct cmwq_workqueue *wq,
			      struct cmwq_delayed_work *dwork,
			      unsigned long delay);

/**
 * cmwq_queue_work - queue an item
 * @wq:		the queue; a per-CPU one runs it on the caller's CPU
 * @work:	the item
 *
 * Not guaranteed: as cmwq_queue_work_on().
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
static inline bool cmwq_queue_work(struct cmwq_workqueue *wq,
				   struct cmwq_work *work)
{
	return cmwq_queue_work_on(CMWQ_WORK_CPU_UNBOUND, wq, work);
}

/**
 * cmwq_queue_delayed_work - queue an item after a delay
 * @wq:		the queue
 * @dwork:	the item
 * @delay:	jiffies, 0..MAX_JIFFY_OFFSET; 0 queues at once
 *
 * Not guaranteed: as cmwq_queue_delayed_work_on().
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
static inline bool cmwq_queue_delayed_work(struct cmwq_workqueue *wq,
					   struct cmwq_delayed_work *dwork,
					   unsigned long delay)
{
	return cmwq_queue_delayed_work_on(CMWQ_WORK_CPU_UNBOUND, wq, dwork,
					  delay);
}

/**
 * cmwq_mod_delayed_work - queue a delayed item, or change its delay
 * @wq:		the queue
 * @dwork:	the item
 * @delay:	jiffies from now, 0..MAX_JIFFY_OFFSET; 0 queues at once
 *
 * Not guaranteed: as cmwq_mod_delayed_work_on().
 *
 * Context: any but NMI.
 * Return: as cmwq_mod_delayed_work_on().
 */
static inline bool cmwq_mod_delayed_work(struct cmwq_workqueue *wq,
					 struct cmwq_delayed_work *dwork,
					 unsigned long delay)
{
	return cmwq_mod_delayed_work_on(CMWQ_WORK_CPU_UNBOUND, wq, dwork,
					delay);
}

/* Waiting */

/**
 * cmwq_flush_workqueue - wait for all items queued so far
 * @wq: the queue
 *
 * Returns when every item queued before the call has finished.  Not waited for:
 * later items, delayed items whose timer has not expired, RCU items in their grace
 * period.  From inside an item of @wq it is reported and returns at once, as with
 * no queue or a destroyed one.
 *
 * Not guaranteed: that @wq is empty on return.  That later items are not waited
 * for, if 15 others flush @wq already.
 *
 * Context: process context, may sleep.
 */
void cmwq_flush_workqueue(struct cmwq_workqueue *wq);

/**
 * cmwq_drain_workqueue - wait until a queue is empty
 * @wq: the queue
 *
 * Meanwhile only items of @wq itself may queue on @wq; others are refused with
 * a log line, delayed items whose timer expires meanwhile, too.  Repeats until
 * nothing is left, and says so when it takes long.  Otherwise as
 * cmwq_flush_workqueue().
 *
 * Not guaranteed: that it stays empty; on return @wq is open again, and timers
 * of delayed items run on.  That it returns, if items requeue themselves for
 * ever.
 *
 * Context: process context, may sleep.
 */
void cmwq_drain_workqueue(struct cmwq_workqueue *wq);

/**
 * cmwq_flush_work - wait for the last queueing of an item to finish
 * @work: the item
 *
 * Pending, it is waited for until it has run or was cancelled; otherwise until
 * a running one has returned.  From inside the item itself it is reported and
 * returns at once.
 *
 * Not guaranteed: that the item is idle on return, if anybody queues it
 * meanwhile.  The timer of a delayed item is not waited for, nor the grace
 * period of an RCU item.
 *
 * Context: process context, may sleep.
 * Return: true if it waited, false if the item was idle or is none (logged).
 */
bool cmwq_flush_work(struct cmwq_work *work);

/**
 * cmwq_flush_delayed_work - queue a delayed item now and wait for it
 * @dwork: the item
 *
 * A running timer is stopped and the item queued where it would have been.
 * Otherwise as cmwq_flush_work().
 *
 * Not guaranteed: as cmwq_flush_work().  That it runs: a queue being drained or
 * destroyed refuses it, with a log line.
 *
 * Context: process context, may sleep.
 * Return: as cmwq_flush_work().
 */
bool cmwq_flush_delayed_work(struct cmwq_delayed_work *dwork);

/**
 * cmwq_flush_rcu_work - wait for the grace period and the run of an RCU item
 * @rwork: the item
 *
 * Of an item that was cancelled: until RCU has let go of it.  Otherwise as
 * cmwq_flush_work().
 *
 * Not guaranteed: as cmwq_flush_work().
 *
 * Context: process context, may sleep.
 * Return: as cmwq_flush_work(); false if it waited for RCU alone.
 */
bool cmwq_flush_rcu_work(struct cmwq_rcu_work *rwork);

/**
 * cmwq_flush_scheduled_work - wait for everybody's items on the system queue
 *
 * Description: Old and dangerous, and logged: somebody's item may need a lock
 * that the caller holds.  Flush your own items instead.  Not guaranteed: as
 * cmwq_flush_workqueue().
 *
 * Context: process context, may sleep.
 */
void cmwq_flush_scheduled_work(void);

/* Cancelling and disabling */

/**
 * cmwq_cancel_work - take an item off its queue
 * @work: the item
 *
 * An RCU item in its grace period is cancelled at once, but its memory is in
 * use until that is over; the _sync functions wait for it.
 *
 * Not guaranteed: that it is idle on return.  A running item is not waited for,
 * and it or others may queue it again.
 *
 * Context: any but NMI.
 * Return: true if it was pending; false if not, or if it is no item (logged).
 */
bool cmwq_cancel_work(struct cmwq_work *work);

/**
 * cmwq_cancel_work_sync - take an item off its queue and wait for it
 * @work: the item
 *
 * On return it is neither pending nor running, even if it requeues itself or
 * other CPUs queue it meanwhile: those attempts return false.  From inside the
 * item itself the wait is reported and left out.
 *
 * Not guaranteed: that it stays idle; queueing it works again once the wait is
 * over, or at once if nothing ran.  cmwq_disable_work_sync() prevents that.  That
 * a run on one queue is waited for if the item was queued on another meanwhile.
 *
 * Context: process context, may sleep.
 * Of an item whose last queue was a BH queue: in any context but hardirq and
 * NMI, with interrupts on; not of an RCU item.  On PREEMPT_RT with preemption on,
 * too.
 *
 * Return: as cmwq_cancel_work().
 */
bool cmwq_cancel_work_sync(struct cmwq_work *work);

/*
 * The variants for delayed items.  The plain functions on &dwork->work do the
 * same.
 */

/**
 * cmwq_cancel_delayed_work - stop an item's timer or take it off its queue
 * @dwork: the item
 *
 * Not guaranteed: as cmwq_cancel_work().
 *
 * Context: any but NMI.
 * Return: as cmwq_cancel_work().
 */
bool cmwq_cancel_delayed_work(struct cmwq_delayed_work *dwork);

/**
 * cmwq_cancel_delayed_work_sync - stop a delayed item and wait for it
 * @dwork: the item
 *
 * On return its timer is stopped, too.  Otherwise as cmwq_cancel_work_sync().
 *
 * Not guaranteed: as cmwq_cancel_work_sync().
 *
 * Context: process context, may sleep.
 * Return: as cmwq_cancel_work().
 */
bool cmwq_cancel_delayed_work_sync(struct cmwq_delayed_work *dwork);

/**
 * cmwq_disable_work - cancel an item and refuse its queueing from now on
 * @work: the item
 *
 * Nests: as many cmwq_enable_work() undo it, 65535 deep at most (one more is
 * reported and not counted).
 *
 * Not guaranteed: that it is idle on return; a running item is not waited for.
 *
 * Context: any but NMI.
 * Return: as cmwq_cancel_work().
 */
bool cmwq_disable_work(struct cmwq_work *work);

/**
 * cmwq_disable_work_sync - cmwq_disable_work() and wait for a running item
 * @work: the item
 *
 * On return it is idle and stays so until enabled.  From inside the item itself
 * the wait is reported and left out.
 *
 * Not guaranteed: that it stays so if others enable it more often than they
 * disabled it.  That a run on one queue is waited for if the item was queued on
 * another meanwhile.
 *
 * Context: process context, may sleep.
 * Of an item whose last queue was a BH queue: in any context but hardirq and
 * NMI, with interrupts on; not of an RCU item.  On PREEMPT_RT with preemption on,
 * too.
 *
 * Return: as cmwq_cancel_work().
 */
bool cmwq_disable_work_sync(struct cmwq_work *work);

/**
 * cmwq_enable_work - undo one cmwq_disable_work()
 * @work: the item; one that is not disabled is reported
 *
 * Not guaranteed: that it runs; what was refused meanwhile is not made up for.
 *
 * Context: any but NMI.
 * Return: true if the item can be queued again, false if it is still disabled
 * or no item (logged).
 */
bool cmwq_enable_work(struct cmwq_work *work);

/**
 * cmwq_enable_and_queue_work - enable an item and queue it if it can be
 * @wq:		the queue
 * @work:	the item; one that is not disabled is reported, and queued
 *
 * For who disabled an item and does not know whether it was pending then.
 *
 * Not guaranteed: that it runs, if others queue, cancel or disable it.
 *
 * Context: any but NMI.
 * Return: as cmwq_enable_work().
 */
static inline bool cmwq_enable_and_queue_work(struct cmwq_workqueue *wq,
					      struct cmwq_work *work)
{
	if (!cmwq_enable_work(work))
		return false;
	cmwq_queue_work(wq, work);
	return true;
}

/**
 * cmwq_disable_delayed_work - cmwq_disable_work() for a delayed item
 * @dwork: the item; its timer is stopped
 *
 * Not guaranteed: as cmwq_disable_work().
 *
 * Context: any but NMI.
 * Return: as cmwq_cancel_work().
 */
bool cmwq_disable_delayed_work(struct cmwq_delayed_work *dwork);

/**
 * cmwq_disable_delayed_work_sync - cmwq_disable_work_sync() for one
 * @dwork: the item; its timer is stopped
 *
 * Not guaranteed: as cmwq_disable_work_sync().
 *
 * Context: process context, may sleep.
 * Return: as cmwq_cancel_work().
 */
bool cmwq_disable_delayed_work_sync(struct cmwq_delayed_work *dwork);

/**
 * cmwq_enable_delayed_work - undo one cmwq_disable_delayed_work()
 * @dwork: the item; one that is not disabled is reported
 *
 * Not guaranteed: as cmwq_enable_work(); a timer that was stopped stays so.
 *
 * Context: any but NMI.
 * Return: as cmwq_enable_work().
 */
bool cmwq_enable_delayed_work(struct cmwq_delayed_work *dwork);

/* Looking */

/**
 * cmwq_work_pending - is the item waiting (for its timer or for a worker)?
 * @work: the item, not NULL; not checked
 *
 * Advisory: the answer may be stale when it arrives.  A running item is not
 * pending, unless it was queued again.
 *
 * Context: any but NMI.
 * Return: not 0 if it is pending.
 */
#define cmwq_work_pending(work)						\
	(atomic_long_read(&(work)->data) & 1)

/**
 * cmwq_delayed_work_pending - the same for a delayed item
 * @w: the delayed item, not NULL; not checked
 *
 * Advisory.
 *
 * Context: any but NMI.
 * Return: not 0 if it is pending.
 */
#define cmwq_delayed_work_pending(w)	cmwq_work_pending(&(w)->work)

/**
 * cmwq_work_busy - what an item is doing just now
 * @work: the item
 *
 * Advisory: the answer may be stale when it arrives.
 *
 * Context: any but NMI.
 * Return: OR of CMWQ_WORK_BUSY_PENDING and CMWQ_WORK_BUSY_RUNNING; 0 if it is
 * idle or no item (logged).
 */
unsigned int cmwq_work_busy(struct cmwq_work *work);

/**
 * cmwq_workqueue_congested - has a queue reached its max_active?
 * @cpu:	a possible CPU, or CMWQ_WORK_CPU_UNBOUND for the caller's; no
 *		matter for CMWQ_UNBOUND
 * @wq:		the queue
 *
 * Advisory: the answer may be stale when it arrives.
 *
 * Context: any but NMI.
 * Return: true if items of @wq wait for others of @wq to finish; false if not,
 * or if there is no such CPU or queue (logged).
 */
bool cmwq_workqueue_congested(int cpu, struct cmwq_workqueue *wq);

/**
 * cmwq_current_work - the item that the calling task is running
 *
 * Context: task.
 * Return: the item; NULL if the caller is not a worker of cmwq.  Not
 * guaranteed: that the item still exists; its function may have freed it.
 */
struct cmwq_work *cmwq_current_work(void);

/**
 * cmwq_current_is_workqueue_mem_reclaim - does memory reclaim wait for us?
 *
 * Description: For code that must then not wait for a queue without
 * CMWQ_MEM_RECLAIM.
 *
 * Context: task.
 * Return: true if the calling task runs an item of a CMWQ_MEM_RECLAIM queue,
 * unless the queue is from a cmwq_create_*() function, where the flag says
 * nothing.  False does not exclude PF_MEMALLOC.
 */
bool cmwq_current_is_workqueue_mem_reclaim(void);

/**
 * cmwq_current_is_workqueue_rescuer - is the calling task a rescuer?
 *
 * Context: task.
 * Return: true if it is one, and in an item.
 */
bool cmwq_current_is_workqueue_rescuer(void);

/**
 * cmwq_show_one_workqueue - print what a queue is doing
 * @wq: the queue; nothing is printed if it has no items
 *
 * Not guaranteed: that all of it is of one instant; more than the first 8 items
 * of a kind in a pool by name.
 *
 * Context: any but NMI.
 */
void cmwq_show_one_workqueue(struct cmwq_workqueue *wq);

/**
 * cmwq_show_all_workqueues - print what all queues and pools are doing
 *
 * Description: Not guaranteed: as cmwq_show_one_workqueue().
 *
 * Context: any but NMI.
 */
void cmwq_show_all_workqueues(void);

/**
 * cmwq_show_freezable_workqueues - print what CMWQ_FREEZABLE queues are doing
 *
 * Description: Not guaranteed: as cmwq_show_one_workqueue().
 *
 * Context: any but NMI.
 */
void cmwq_show_freezable_workqueues(void);

/**
 * cmwq_print_worker_info - print which item a task runs
 * @log_lvl:	KERN_* or ""
 * @task:	any task that does not go away
 *
 * One line with the queue, the function and its description; none if @task runs
 * no item of cmwq.
 *
 * Not guaranteed: that they belong together; nothing is locked.
 *
 * Context: any but NMI.
 */
void cmwq_print_worker_info(const char *log_lvl, struct task_struct *task);

/**
 * cmwq_wq_worker_comm - name of a task and of what it runs
 * @buf:	where to put it, with a final 0
 * @size:	bytes there
 * @task:	any task that does not go away
 *
 * "name", or "name+description" if @task runs an item of cmwq (the queue, if it
 * has no description).
 *
 * Not guaranteed: as cmwq_print_worker_info().
 *
 * Context: any but NMI.
 */
void cmwq_wq_worker_comm(char *buf, size_t size, struct task_struct *task);

/* Calling functions elsewhere */

/**
 * cmwq_execute_in_process_context - call a function that may sleep
 * @fn:	the function; it gets &@ew->work
 * @ew:	keeps the call until it is made; not in use
 *
 * Not guaranteed: that @ew is not in use; that is not checked.
 *
 * Context: any but NMI.
 * Return: 0 if @fn was called, 1 if it was queued on cmwq_system_percpu_wq
 * because the caller is an interrupt, -EINVAL without a call if something is
 * NULL (logged).
 */
int cmwq_execute_in_process_context(cmwq_func_t fn,
				    struct cmwq_execute_work *ew);

/**
 * cmwq_work_on_cpu_key - only for cmwq_work_on_cpu()
 * @cpu:	as there
 * @fn:		as there
 * @arg:	as there
 * @key:	lockdep class of the call
 *
 * Context: process context, may sleep.
 * Return: as there.
 */
long cmwq_work_on_cpu_key(int cpu, long (*fn)(void *arg), void *arg,
			  struct lock_class_key *key);

/**
 * cmwq_work_on_cpu - call a function on a CPU and wait for its result
 * @_cpu:	a possible CPU, which the caller keeps from going down
 * @_fn:	long (*)(void *)
 * @_arg:	its argument
 *
 * Not guaranteed: that it is @_cpu, if that is down.  The caller must hold no
 * lock that @_fn takes.
 *
 * Context: process context, may sleep.
 * Return: what @_fn returned; -EINVAL without a call if there is no such CPU or
 * function (logged).
 */
#define cmwq_work_on_cpu(_cpu, _fn, _arg)				\
({									\
	static struct lock_class_key __key;				\
									\
	cmwq_work_on_cpu_key((_cpu), (_fn), (_arg), &__key);		\
})

/**
 * cmwq_work_on_cpu_safe_key - only for cmwq_work_on_cpu_safe()
 * @cpu:	as there
 * @fn:		as there
 * @arg:	as there
 * @key:	lockdep class of the call
 *
 * Context: process context, may sleep.
 * Return: as there.
 */
long cmwq_work_on_cpu_safe_key(int cpu, long (*fn)(void *arg), void *arg,
			       struct lock_class_key *key);

/**
 * cmwq_work_on_cpu_safe - the same, and CPUs stay up or down meanwhile
 * @_cpu:	a possible CPU
 * @_fn:	long (*)(void *); must not take cpus_read_lock()
 * @_arg:	its argument
 *
 * Context: process context, may sleep; not with cpus_read_lock() held.
 * Return: what @_fn returned; without a call -ENODEV if @_cpu is down, -EINVAL
 * if there is no such CPU or function (logged).
 */
#define cmwq_work_on_cpu_safe(_cpu, _fn, _arg)				\
({									\
	static struct lock_class_key __key;				\
									\
	cmwq_work_on_cpu_safe_key((_cpu), (_fn), (_arg), &__key);	\
})

/**
 * cmwq_schedule_on_each_cpu - run a function on each online CPU and wait
 * @func: cmwq_func_t; all of them at the same time
 *
 * Context: process context, may sleep; not with cpus_read_lock() held, which
 * @func must not take either.
 * Return: 0, -ENOMEM, or -EINVAL if there is no function (logged).
 */
int cmwq_schedule_on_each_cpu(cmwq_func_t func);

/**
 * cmwq_set_worker_desc - describe the running item in the views
 * @fmt:	printf format (CMWQ_WORKER_DESC_LEN - 1 characters are kept)
 * @...:	arguments of @fmt
 *
 * Shown in debugfs until the item ends.  Does nothing outside a work function.
 *
 * Not guaranteed: that a reader sees it; a short item may be over before.
 *
 * Context: task.
 */
__printf(1, 2)
void cmwq_set_worker_desc(const char *fmt, ...);

/**
 * DOC: The system queues
 *
 * Shared by everybody, with a max_active of CMWQ_DFL_ACTIVE; they exist as long
 * as cmwq.ko is loaded.  Never flush or drain them: others' items are on them.
 * A module cancels or flushes its own items there before it goes away.
 *
 * =========================  ==================================================
 * cmwq_system_..._wq         for
 * =========================  ==================================================
 * percpu                     short items; the one of cmwq_schedule_work()
 * (cmwq_system_wq)           the same queue, old name
 * highpri                    short items that are urgent: workers at nice -20
 * long                       items that take long, so that "percpu" has none
 * bh                         softirq context: must not sleep
 * bh_highpri                 the same, before other softirqs' items
 * dfl                        unbound: items that may run on any CPU
 * unbound                    the same queue, old name
 * dfl_long                   as dfl, for items that take long
 * freezable                  as percpu; stops for suspend: CMWQ_FREEZABLE
 * power_efficient            as percpu; as dfl with power_efficient=1
 * freezable_power_efficient  as percpu; both of the above
 * =========================  ==================================================
 *
 * Not guaranteed: how soon an item starts; others' items may go first.
 */
extern struct cmwq_workqueue *cmwq_system_wq;		/* = percpu */
extern struct cmwq_workqueue *cmwq_system_percpu_wq;
extern struct cmwq_workqueue *cmwq_system_highpri_wq;
extern struct cmwq_workqueue *cmwq_system_long_wq;
extern struct cmwq_workqueue *cmwq_system_unbound_wq;	/* = dfl */
extern struct cmwq_workqueue *cmwq_system_dfl_wq;
extern struct cmwq_workqueue *cmwq_system_dfl_long_wq;
extern struct cmwq_workqueue *cmwq_system_bh_wq;
extern struct cmwq_workqueue *cmwq_system_bh_highpri_wq;
extern struct cmwq_workqueue *cmwq_system_freezable_wq;
extern struct cmwq_workqueue *cmwq_system_power_efficient_wq;
extern struct cmwq_workqueue *cmwq_system_freezable_power_efficient_wq;

/**
 * cmwq_schedule_work_on - cmwq_queue_work_on() on cmwq_system_percpu_wq
 * @cpu:	as cmwq_queue_work_on()
 * @work:	the item
 *
 * Not guaranteed: as cmwq_queue_work_on().
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
static inline bool cmwq_schedule_work_on(int cpu, struct cmwq_work *work)
{
	return cmwq_queue_work_on(cpu, cmwq_system_percpu_wq, work);
}

/**
 * cmwq_schedule_work - cmwq_queue_work() on cmwq_system_percpu_wq
 * @work: the item
 *
 * Not guaranteed: as cmwq_queue_work_on().
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
static inline bool cmwq_schedule_work(struct cmwq_work *work)
{
	return cmwq_queue_work(cmwq_system_percpu_wq, work);
}

/**
 * cmwq_schedule_delayed_work_on - delayed, on cmwq_system_percpu_wq
 * @cpu:	as cmwq_queue_work_on()
 * @dwork:	the item
 * @delay:	jiffies, 0..MAX_JIFFY_OFFSET; 0 queues at once
 *
 * Not guaranteed: as cmwq_queue_delayed_work_on().
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
static inline bool
cmwq_schedule_delayed_work_on(int cpu, struct cmwq_delayed_work *dwork,
			      unsigned long delay)
{
	return cmwq_queue_delayed_work_on(cpu, cmwq_system_percpu_wq, dwork,
					  delay);
}

/**
 * cmwq_schedule_delayed_work - delayed, on cmwq_system_percpu_wq
 * @dwork:	the item
 * @delay:	jiffies, 0..MAX_JIFFY_OFFSET; 0 queues at once
 *
 * Not guaranteed: as cmwq_queue_delayed_work_on().
 *
 * Context: any but NMI.
 * Return: as cmwq_queue_work_on().
 */
static inline bool
cmwq_schedule_delayed_work(struct cmwq_delayed_work *dwork,
			   unsigned long delay)
{
	return cmwq_queue_delayed_work(cmwq_system_percpu_wq, dwork, delay);
}

#endif /* _CMWQ_H */
