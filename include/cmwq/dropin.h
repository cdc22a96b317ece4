/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq/dropin.h - the names of <linux/workqueue.h>, meaning cmwq
 *
 * A driver's source file adds, after its last #include,
 *
 *	#include <cmwq/dropin.h>
 *
 * and is rebuilt: its struct work_struct, INIT_WORK(), alloc_workqueue(),
 * queue_work(), system_wq... are cmwq's from that line on.  docs/porting.md
 * tells what else to know; a driver whose own headers hold work items takes the
 * header that tools/cmwq-prelude prints.
 *
 * What is the kernel's own stays the kernel's: an item or a queue that lies in
 * a kernel structure keeps its type, and the functions below choose by the type
 * of their argument (_Generic).  To keep an item of the driver's own on the
 * kernel's workqueue, declare it as cmwq_stock_work instead of struct
 * work_struct (cmwq_stock_delayed_work, cmwq_stock_rcu_work), its function as
 * taking a cmwq_stock_work *, and its queue as a cmwq_stock_workqueue *.
 *
 * Names that can be functions are replaced in two steps: "flush_work" becomes
 * "cmwq_flush_work", which is a macro when it is called and cmwq's function when
 * it is not.  So a pointer to such a function is one to cmwq's, and members and
 * variables of the driver that have such a name are renamed as a whole.
 *
 * Included again in the same file it does nothing: the names are there already.
 */
#ifndef _CMWQ_DROPIN_H
#define _CMWQ_DROPIN_H

#ifdef __cplusplus
#error "cmwq/dropin.h is for C only: it tells the kernel's items from cmwq's with _Generic"
#endif
#if !defined(__KERNEL__) || !defined(MODULE)
#error "cmwq/dropin.h is for modules only: code that is built into the kernel runs before cmwq.ko"
#endif
#ifndef _LINUX_WORKQUEUE_H
#error "cmwq/dropin.h has to come after the last #include: <linux/workqueue.h> has not been read yet"
#endif
/*
 * A header read after this one would get cmwq's types into kernel structures.
 * So the types are good in the source file itself only, which is level 0; the
 * prelude has read all headers before and says so.
 */
#ifdef CMWQ_DROPIN_PRELUDE
#define __CMWQ_HERE
#else
#if __INCLUDE_LEVEL__ != 1
#error "cmwq/dropin.h has to be included by the source file itself, not by a header: for a driver with headers of its own see tools/cmwq-prelude"
#endif
#define __CMWQ_HERE		__CMWQ_HERE_AT(__INCLUDE_LEVEL__)
#define __CMWQ_HERE_AT(level)	__CMWQ_HERE_CAT(__CMWQ_LEVEL_, level)
#define __CMWQ_HERE_CAT(a, b)	__CMWQ_HERE_2ND(a##b, __CMWQ_LATE, )
#define __CMWQ_HERE_2ND(...)	__CMWQ_HERE_PICK(__VA_ARGS__)
#define __CMWQ_HERE_PICK(a, b, ...)	b
#define __CMWQ_LEVEL_0		, /* the 2nd argument is empty */
#define __CMWQ_LATE							\
	_Pragma("GCC error \"cmwq/dropin.h has to come after the last #include: this header, which uses workqueue types, is read after it\"")
#endif

#include <cmwq.h>

/* The kernel's types, while they have their names. */

typedef struct work_struct cmwq_stock_work;
typedef struct delayed_work cmwq_stock_delayed_work;
typedef struct rcu_work cmwq_stock_rcu_work;
typedef struct execute_work cmwq_stock_execute_work;
typedef struct workqueue_struct cmwq_stock_workqueue;
typedef work_func_t cmwq_stock_func_t;

/* And its functions, many of which are macros on one kernel or another. */

#define __CMWQ_STOCK(type, name, args, ...)				\
	static inline type cmwq_stock_##name(__VA_ARGS__)		\
	{								\
		return name args;					\
	}

__CMWQ_STOCK(cmwq_stock_delayed_work *, to_delayed_work, (w),
	     cmwq_stock_work *w)
__CMWQ_STOCK(cmwq_stock_rcu_work *, to_rcu_work, (w), cmwq_stock_work *w)
__CMWQ_STOCK(void, destroy_work_on_stack, (w), cmwq_stock_work *w)
__CMWQ_STOCK(void, destroy_delayed_work_on_stack, (w),
	     cmwq_stock_delayed_work *w)
__CMWQ_STOCK(bool, work_pending, (w), const cmwq_stock_work *w)
__CMWQ_STOCK(bool, delayed_work_pending, (w), const cmwq_stock_delayed_work *w)
__CMWQ_STOCK(unsigned int, work_busy, (w), cmwq_stock_work *w)

__CMWQ_STOCK(bool, queue_work, (wq, w),
	     cmwq_stock_workqueue *wq, cmwq_stock_work *w)
__CMWQ_STOCK(bool, queue_work_on, (cpu, wq, w),
	     int cpu, cmwq_stock_workqueue *wq, cmwq_stock_work *w)
__CMWQ_STOCK(bool, queue_work_node, (node, wq, w),
	     int node, cmwq_stock_workqueue *wq, cmwq_stock_work *w)
__CMWQ_STOCK(bool, queue_delayed_work, (wq, w, delay),
	     cmwq_stock_workqueue *wq, cmwq_stock_delayed_work *w,
	     unsigned long delay)
__CMWQ_STOCK(bool, queue_delayed_work_on, (cpu, wq, w, delay),
	     int cpu, cmwq_stock_workqueue *wq, cmwq_stock_delayed_work *w,
	     unsigned long delay)
__CMWQ_STOCK(bool, mod_delayed_work, (wq, w, delay),
	     cmwq_stock_workqueue *wq, cmwq_stock_delayed_work *w,
	     unsigned long delay)
__CMWQ_STOCK(bool, mod_delayed_work_on, (cpu, wq, w, delay),
	     int cpu, cmwq_stock_workqueue *wq, cmwq_stock_delayed_work *w,
	     unsigned long delay)
__CMWQ_STOCK(bool, queue_rcu_work, (wq, w),
	     cmwq_stock_workqueue *wq, cmwq_stock_rcu_work *w)
__CMWQ_STOCK(bool, schedule_work, (w), cmwq_stock_work *w)
__CMWQ_STOCK(bool, schedule_work_on, (cpu, w), int cpu, cmwq_stock_work *w)
__CMWQ_STOCK(bool, schedule_delayed_work, (w, delay),
	     cmwq_stock_delayed_work *w, unsigned long delay)
__CMWQ_STOCK(bool, schedule_delayed_work_on, (cpu, w, delay),
	     int cpu, cmwq_stock_delayed_work *w, unsigned long delay)
__CMWQ_STOCK(int, execute_in_process_context, (fn, w),
	     cmwq_stock_func_t fn, cmwq_stock_execute_work *w)

__CMWQ_STOCK(bool, flush_work, (w), cmwq_stock_work *w)
__CMWQ_STOCK(bool, flush_delayed_work, (w), cmwq_stock_delayed_work *w)
__CMWQ_STOCK(bool, flush_rcu_work, (w), cmwq_stock_rcu_work *w)
__CMWQ_STOCK(bool, cancel_work, (w), cmwq_stock_work *w)
__CMWQ_STOCK(bool, cancel_work_sync, (w), cmwq_stock_work *w)
__CMWQ_STOCK(bool, cancel_delayed_work, (w), cmwq_stock_delayed_work *w)
__CMWQ_STOCK(bool, cancel_delayed_work_sync, (w), cmwq_stock_delayed_work *w)

__CMWQ_STOCK(void, flush_workqueue, (wq), cmwq_stock_workqueue *wq)
__CMWQ_STOCK(void, drain_workqueue, (wq), cmwq_stock_workqueue *wq)
__CMWQ_STOCK(void, destroy_workqueue, (wq), cmwq_stock_workqueue *wq)
__CMWQ_STOCK(void, workqueue_set_max_active, (wq, max_active),
	     cmwq_stock_workqueue *wq, int max_active)
__CMWQ_STOCK(bool, workqueue_congested, (cpu, wq),
	     int cpu, cmwq_stock_workqueue *wq)

/* Kernels that can disable items have this mask. */
#ifdef WORK_OFFQ_DISABLE_MASK
__CMWQ_STOCK(bool, disable_work, (w), cmwq_stock_work *w)
__CMWQ_STOCK(bool, disable_work_sync, (w), cmwq_stock_work *w)
__CMWQ_STOCK(bool, enable_work, (w), cmwq_stock_work *w)
__CMWQ_STOCK(bool, disable_delayed_work, (w), cmwq_stock_delayed_work *w)
__CMWQ_STOCK(bool, disable_delayed_work_sync, (w), cmwq_stock_delayed_work *w)
__CMWQ_STOCK(bool, enable_delayed_work, (w), cmwq_stock_delayed_work *w)
__CMWQ_STOCK(bool, enable_and_queue_work, (wq, w),
	     cmwq_stock_workqueue *wq, cmwq_stock_work *w)
#else
#define __CMWQ_STOCK_CANNOT(name, ...)					\
	bool cmwq_stock_##name(__VA_ARGS__) __compiletime_error(	\
		"cmwq/dropin.h: this kernel cannot disable an item of its own")

__CMWQ_STOCK_CANNOT(disable_work, cmwq_stock_work *w);
__CMWQ_STOCK_CANNOT(disable_work_sync, cmwq_stock_work *w);
__CMWQ_STOCK_CANNOT(enable_work, cmwq_stock_work *w);
__CMWQ_STOCK_CANNOT(disable_delayed_work, cmwq_stock_delayed_work *w);
__CMWQ_STOCK_CANNOT(disable_delayed_work_sync, cmwq_stock_delayed_work *w);
__CMWQ_STOCK_CANNOT(enable_delayed_work, cmwq_stock_delayed_work *w);
__CMWQ_STOCK_CANNOT(enable_and_queue_work, cmwq_stock_workqueue *wq,
		    cmwq_stock_work *w);
#endif

/* With the lockdep class of the call site, where the kernel takes one. */
static inline void cmwq_stock_init_work(cmwq_stock_work *w, cmwq_stock_func_t f,
					int onstack, struct lock_class_key *key)
{
#ifdef __INIT_WORK_KEY
	__INIT_WORK_KEY(w, f, onstack, key);
#else
	__INIT_WORK(w, f, onstack);
#endif
}

static inline void cmwq_stock_init_delayed(cmwq_stock_delayed_work *w,
					   cmwq_stock_func_t f, u32 tflags,
					   int onstack,
					   struct lock_class_key *key)
{
	cmwq_stock_init_work(&w->work, f, onstack, key);
	if (onstack)
		timer_setup_on_stack(&w->timer, delayed_work_timer_fn,
				     tflags | TIMER_IRQSAFE);
	else
		timer_setup(&w->timer, delayed_work_timer_fn,
			    tflags | TIMER_IRQSAFE);
}

static inline void cmwq_stock_init_rcu(cmwq_stock_rcu_work *w,
				       cmwq_stock_func_t f, int onstack,
				       struct lock_class_key *key)
{
	cmwq_stock_init_work(&w->work, f, onstack, key);
}

static inline void cmwq_stock_timer_fn(struct timer_list *t)
{
	delayed_work_timer_fn(t);
}

/* What static initialisers of the kernel's items start with. */
#define __CMWQ_STOCK_DATA						\
	((unsigned long)(WORK_STRUCT_NO_POOL | WORK_STRUCT_STATIC))

/* Macros of cmwq.h that have to be functions here. */

static inline bool __cmwq_work_pending(const struct cmwq_work *w)
{
	return cmwq_work_pending(w);
}

static inline bool __cmwq_delayed_work_pending(const struct cmwq_delayed_work *w)
{
	return cmwq_delayed_work_pending(w);
}

/* Telling the kernel's objects from cmwq's */

#define __cmwq_is_stock(x)						\
	_Generic((x),							\
		 cmwq_stock_work *: 1,					\
		 const cmwq_stock_work *: 1,				\
		 cmwq_stock_delayed_work *: 1,				\
		 const cmwq_stock_delayed_work *: 1,			\
		 cmwq_stock_rcu_work *: 1,				\
		 cmwq_stock_execute_work *: 1,				\
		 cmwq_stock_workqueue *: 1,				\
		 default: 0)

#define __cmwq_pick(x, stock, own)					\
	__builtin_choose_expr(__cmwq_is_stock(x), stock, own)

#define __cmwq_call(x, name)						\
	__cmwq_pick(x, cmwq_stock_##name, cmwq_##name)

#define __cmwq_unmixed(wq, item)					\
	static_assert(!__cmwq_is_stock(item) || __cmwq_is_stock(wq),	\
		      "cmwq/dropin.h: an item of the kernel on a queue of cmwq; use schedule_work() or a queue of the kernel"); \
	static_assert(__cmwq_is_stock(item) || !__cmwq_is_stock(wq),	\
		      "cmwq/dropin.h: an item of cmwq on a queue of the kernel; declare the item as cmwq_stock_work")

/* Types */

#define work_struct		cmwq_work __CMWQ_HERE
#define delayed_work		cmwq_delayed_work __CMWQ_HERE
#define rcu_work		cmwq_rcu_work __CMWQ_HERE
#define execute_work		cmwq_execute_work __CMWQ_HERE
#define workqueue_struct	cmwq_workqueue __CMWQ_HERE
#define workqueue_attrs		cmwq_attrs __CMWQ_HERE
#define wq_affn_scope		cmwq_affn_scope __CMWQ_HERE
#define work_func_t		cmwq_func_t

/*
 * Initialisers.  Macros of the kernel, such as DEFINE_SRCU(), use some of these
 * for the kernel's items.
 */

#undef __WORK_INITIALIZER
#define __WORK_INITIALIZER(n, f) {					\
	.data = ATOMIC_LONG_INIT(__cmwq_pick(&(n), __CMWQ_STOCK_DATA,	\
					     __CMWQ_WORK_DATA_INIT)),	\
	.entry = { &(n).entry, &(n).entry },				\
	.func = (f),							\
	__CMWQ_WORK_MAP_INITIALIZER(n)					\
}

#undef __DELAYED_WORK_INITIALIZER
#define __DELAYED_WORK_INITIALIZER(n, f, tflags) {			\
	.work = __WORK_INITIALIZER((n).work, (f)),			\
	.timer = __TIMER_INITIALIZER(					\
		__cmwq_pick(&(n), cmwq_stock_timer_fn,			\
			    cmwq_delayed_work_timer_fn),		\
		(tflags) | TIMER_IRQSAFE),				\
}

#undef DECLARE_WORK
#define DECLARE_WORK			CMWQ_DECLARE_WORK
#undef DECLARE_DELAYED_WORK
#define DECLARE_DELAYED_WORK		CMWQ_DECLARE_DELAYED_WORK
#undef DECLARE_DEFERRABLE_WORK
#define DECLARE_DEFERRABLE_WORK		CMWQ_DECLARE_DEFERRABLE_WORK

/*
 * @own(item, function), or cmwq_stock_init_@kind(item, function, @..., class).
 * Both are compiled, hence the null pointers for the one that is not meant.
 */
#define __cmwq_init(own, kind, type, w, f, ...)				\
do {									\
	static struct lock_class_key __key __maybe_unused;		\
									\
	if (__cmwq_is_stock(w))						\
		cmwq_stock_init_##kind(					\
			__cmwq_pick(w, (w), (cmwq_stock_##type *)NULL),	\
			__cmwq_pick(w, (f), (cmwq_stock_func_t)NULL),	\
			__VA_ARGS__, &__key);				\
	else								\
		own(__cmwq_pick(w, (struct cmwq_##type *)NULL, (w)),	\
		    __cmwq_pick(w, (cmwq_func_t)NULL, (f)));		\
} while (0)

#undef INIT_WORK
#define INIT_WORK(w, f)							\
	__cmwq_init(CMWQ_INIT_WORK, work, work, w, f, 0)
#undef INIT_WORK_ONSTACK
#define INIT_WORK_ONSTACK(w, f)						\
	__cmwq_init(CMWQ_INIT_WORK_ONSTACK, work, work, w, f, 1)
#undef INIT_WORK_ONSTACK_KEY
#define INIT_WORK_ONSTACK_KEY		CMWQ_INIT_WORK_ONSTACK_KEY
#undef INIT_DELAYED_WORK
#define INIT_DELAYED_WORK(w, f)						\
	__cmwq_init(CMWQ_INIT_DELAYED_WORK, delayed, delayed_work, w, f, 0, 0)
#undef INIT_DELAYED_WORK_ONSTACK
#define INIT_DELAYED_WORK_ONSTACK(w, f)					\
	__cmwq_init(CMWQ_INIT_DELAYED_WORK_ONSTACK, delayed,		\
		    delayed_work, w, f, 0, 1)
#undef INIT_DEFERRABLE_WORK
#define INIT_DEFERRABLE_WORK(w, f)					\
	__cmwq_init(CMWQ_INIT_DEFERRABLE_WORK, delayed, delayed_work,	\
		    w, f, TIMER_DEFERRABLE, 0)
#undef INIT_DEFERRABLE_WORK_ONSTACK
#define INIT_DEFERRABLE_WORK_ONSTACK(w, f)				\
	__cmwq_init(CMWQ_INIT_DEFERRABLE_WORK_ONSTACK, delayed,		\
		    delayed_work, w, f, TIMER_DEFERRABLE, 1)
#undef INIT_RCU_WORK
#define INIT_RCU_WORK(w, f)						\
	__cmwq_init(CMWQ_INIT_RCU_WORK, rcu, rcu_work, w, f, 0)
#undef INIT_RCU_WORK_ONSTACK
#define INIT_RCU_WORK_ONSTACK(w, f)					\
	__cmwq_init(CMWQ_INIT_RCU_WORK_ONSTACK, rcu, rcu_work, w, f, 1)

#define delayed_work_timer_fn		cmwq_delayed_work_timer_fn

#define destroy_work_on_stack		cmwq_destroy_work_on_stack
#define cmwq_destroy_work_on_stack(w)					\
	__cmwq_call(w, destroy_work_on_stack)(w)
#define destroy_delayed_work_on_stack	cmwq_destroy_delayed_work_on_stack
#define cmwq_destroy_delayed_work_on_stack(w)				\
	__cmwq_call(w, destroy_delayed_work_on_stack)(w)

#undef from_work
#define from_work			cmwq_from_work
#define to_delayed_work			cmwq_to_delayed_work
#define cmwq_to_delayed_work(w)		__cmwq_call(w, to_delayed_work)(w)
#define to_rcu_work			cmwq_to_rcu_work
#define cmwq_to_rcu_work(w)		__cmwq_call(w, to_rcu_work)(w)

/* Queues */

#define WQ_UNBOUND			CMWQ_UNBOUND
#define WQ_FREEZABLE			CMWQ_FREEZABLE
#define WQ_MEM_RECLAIM			CMWQ_MEM_RECLAIM
#define WQ_HIGHPRI			CMWQ_HIGHPRI
#define WQ_CPU_INTENSIVE		CMWQ_CPU_INTENSIVE
#define WQ_SYSFS			CMWQ_SYSFS
#define WQ_POWER_EFFICIENT		CMWQ_POWER_EFFICIENT
#define WQ_PERCPU			CMWQ_PERCPU
#define WQ_BH				CMWQ_BH
#define __WQ_ORDERED			__CMWQ_ORDERED
#define __WQ_ORDERED_EXPLICIT		0
#define __WQ_LEGACY			__CMWQ_LEGACY
#define __WQ_DEPRECATED			0

#undef WQ_UNBOUND_MAX_ACTIVE
#define WQ_UNBOUND_MAX_ACTIVE		CMWQ_UNBOUND_MAX_ACTIVE
#define WQ_MAX_ACTIVE			CMWQ_MAX_ACTIVE
#define WQ_DFL_ACTIVE			CMWQ_DFL_ACTIVE
#define WORK_CPU_UNBOUND		CMWQ_WORK_CPU_UNBOUND
#define WORK_BUSY_PENDING		CMWQ_WORK_BUSY_PENDING
#define WORK_BUSY_RUNNING		CMWQ_WORK_BUSY_RUNNING
#define WORKER_DESC_LEN			CMWQ_WORKER_DESC_LEN

/*
 * Kernels that cannot disable items take an unbound queue with a max_active of
 * 1 for an ordered one, and their drivers rely on that.
 */
static inline unsigned int __cmwq_dropin_flags(unsigned int flags,
					       int max_active)
{
#ifndef WORK_OFFQ_DISABLE_MASK
	if ((flags & CMWQ_UNBOUND) && max_active == 1) {
		flags &= ~(CMWQ_CPU_INTENSIVE | CMWQ_PERCPU);
		flags |= __CMWQ_ORDERED;
	}
#endif
	return flags;
}

#undef alloc_workqueue
#define alloc_workqueue(fmt, flags, max_active, ...)			\
({									\
	int __active = (max_active);					\
									\
	cmwq_alloc_workqueue(fmt,					\
			     __cmwq_dropin_flags((flags), __active),	\
			     __active, ##__VA_ARGS__);			\
})
#undef alloc_ordered_workqueue
#define alloc_ordered_workqueue		cmwq_alloc_ordered_workqueue
#undef create_workqueue
#define create_workqueue		cmwq_create_workqueue
#undef create_freezable_workqueue
#define create_freezable_workqueue(name)				\
	alloc_workqueue("%s", __CMWQ_LEGACY | CMWQ_FREEZABLE |		\
			CMWQ_UNBOUND | CMWQ_MEM_RECLAIM, 1, (name))
#undef create_singlethread_workqueue
#define create_singlethread_workqueue	cmwq_create_singlethread_workqueue
#undef alloc_workqueue_lockdep_map
#define alloc_workqueue_lockdep_map	cmwq_alloc_workqueue_lockdep_map
#undef alloc_ordered_workqueue_lockdep_map
#define alloc_ordered_workqueue_lockdep_map				\
	cmwq_alloc_ordered_workqueue_lockdep_map
#undef devm_alloc_workqueue
#define devm_alloc_workqueue		cmwq_devm_alloc_workqueue
#undef devm_alloc_ordered_workqueue
#define devm_alloc_ordered_workqueue	cmwq_devm_alloc_ordered_workqueue

#undef alloc_workqueue_attrs
#define alloc_workqueue_attrs		cmwq_alloc_workqueue_attrs
#define free_workqueue_attrs		cmwq_free_workqueue_attrs
#define apply_workqueue_attrs		cmwq_apply_workqueue_attrs
#define workqueue_set_min_active	cmwq_workqueue_set_min_active
#define WQ_AFFN_DFL			CMWQ_AFFN_DFL
#define WQ_AFFN_CPU			CMWQ_AFFN_CPU
#define WQ_AFFN_SMT			CMWQ_AFFN_SMT
#define WQ_AFFN_CACHE			CMWQ_AFFN_CACHE
#define WQ_AFFN_CACHE_SHARD		CMWQ_AFFN_CACHE_SHARD
#define WQ_AFFN_NUMA			CMWQ_AFFN_NUMA
#define WQ_AFFN_SYSTEM			CMWQ_AFFN_SYSTEM

#define destroy_workqueue		cmwq_destroy_workqueue
#define cmwq_destroy_workqueue(wq)	__cmwq_call(wq, destroy_workqueue)(wq)
#undef flush_workqueue
#define flush_workqueue			cmwq_flush_workqueue
#define cmwq_flush_workqueue(wq)	__cmwq_call(wq, flush_workqueue)(wq)
#define drain_workqueue			cmwq_drain_workqueue
#define cmwq_drain_workqueue(wq)	__cmwq_call(wq, drain_workqueue)(wq)
#define workqueue_set_max_active	cmwq_workqueue_set_max_active
#define cmwq_workqueue_set_max_active(wq, max_active)			\
	__cmwq_call(wq, workqueue_set_max_active)(wq, max_active)
#define workqueue_congested		cmwq_workqueue_congested
#define cmwq_workqueue_congested(cpu, wq)				\
	__cmwq_call(wq, workqueue_congested)(cpu, wq)

#define system_wq			cmwq_system_wq
#define system_percpu_wq		cmwq_system_percpu_wq
#define system_highpri_wq		cmwq_system_highpri_wq
#define system_long_wq			cmwq_system_long_wq
#define system_unbound_wq		cmwq_system_unbound_wq
#define system_dfl_wq			cmwq_system_dfl_wq
#define system_dfl_long_wq		cmwq_system_dfl_long_wq
#define system_freezable_wq		cmwq_system_freezable_wq
#define system_power_efficient_wq	cmwq_system_power_efficient_wq
#define system_freezable_power_efficient_wq				\
	cmwq_system_freezable_power_efficient_wq
#define system_bh_wq			cmwq_system_bh_wq
#define system_bh_highpri_wq		cmwq_system_bh_highpri_wq

/* Queueing */

#define queue_work			cmwq_queue_work
#define cmwq_queue_work(wq, w)						\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, queue_work)(wq, w);				\
})
#define queue_work_on			cmwq_queue_work_on
#define cmwq_queue_work_on(cpu, wq, w)					\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, queue_work_on)(cpu, wq, w);			\
})
#define queue_work_node			cmwq_queue_work_node
#define cmwq_queue_work_node(node, wq, w)				\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, queue_work_node)(node, wq, w);			\
})
#define queue_delayed_work		cmwq_queue_delayed_work
#define cmwq_queue_delayed_work(wq, w, delay)				\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, queue_delayed_work)(wq, w, delay);		\
})
#define queue_delayed_work_on		cmwq_queue_delayed_work_on
#define cmwq_queue_delayed_work_on(cpu, wq, w, delay)			\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, queue_delayed_work_on)(cpu, wq, w, delay);	\
})
#define mod_delayed_work		cmwq_mod_delayed_work
#define cmwq_mod_delayed_work(wq, w, delay)				\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, mod_delayed_work)(wq, w, delay);			\
})
#define mod_delayed_work_on		cmwq_mod_delayed_work_on
#define cmwq_mod_delayed_work_on(cpu, wq, w, delay)			\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, mod_delayed_work_on)(cpu, wq, w, delay);		\
})
#define queue_rcu_work			cmwq_queue_rcu_work
#define cmwq_queue_rcu_work(wq, w)					\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, queue_rcu_work)(wq, w);				\
})
#define enable_and_queue_work		cmwq_enable_and_queue_work
#define cmwq_enable_and_queue_work(wq, w)				\
({									\
	__cmwq_unmixed(wq, w);						\
	__cmwq_call(w, enable_and_queue_work)(wq, w);			\
})

#define schedule_work			cmwq_schedule_work
#define cmwq_schedule_work(w)		__cmwq_call(w, schedule_work)(w)
#define schedule_work_on		cmwq_schedule_work_on
#define cmwq_schedule_work_on(cpu, w)					\
	__cmwq_call(w, schedule_work_on)(cpu, w)
#define schedule_delayed_work		cmwq_schedule_delayed_work
#define cmwq_schedule_delayed_work(w, delay)				\
	__cmwq_call(w, schedule_delayed_work)(w, delay)
#define schedule_delayed_work_on	cmwq_schedule_delayed_work_on
#define cmwq_schedule_delayed_work_on(cpu, w, delay)			\
	__cmwq_call(w, schedule_delayed_work_on)(cpu, w, delay)

#define schedule_on_each_cpu		cmwq_schedule_on_each_cpu
#define execute_in_process_context	cmwq_execute_in_process_context
#define cmwq_execute_in_process_context(fn, w)				\
	__cmwq_call(w, execute_in_process_context)(fn, w)
#undef work_on_cpu
#define work_on_cpu			cmwq_work_on_cpu
#undef work_on_cpu_safe
#define work_on_cpu_safe		cmwq_work_on_cpu_safe

/* Waiting, cancelling, disabling */

#undef flush_scheduled_work
#define flush_scheduled_work		cmwq_flush_scheduled_work
#define flush_work			cmwq_flush_work
#define cmwq_flush_work(w)		__cmwq_call(w, flush_work)(w)
#define flush_delayed_work		cmwq_flush_delayed_work
#define cmwq_flush_delayed_work(w)	__cmwq_call(w, flush_delayed_work)(w)
#define flush_rcu_work			cmwq_flush_rcu_work
#define cmwq_flush_rcu_work(w)		__cmwq_call(w, flush_rcu_work)(w)

#define cancel_work			cmwq_cancel_work
#define cmwq_cancel_work(w)		__cmwq_call(w, cancel_work)(w)
#define cancel_work_sync		cmwq_cancel_work_sync
#define cmwq_cancel_work_sync(w)	__cmwq_call(w, cancel_work_sync)(w)
#define cancel_delayed_work		cmwq_cancel_delayed_work
#define cmwq_cancel_delayed_work(w)	__cmwq_call(w, cancel_delayed_work)(w)
#define cancel_delayed_work_sync	cmwq_cancel_delayed_work_sync
#define cmwq_cancel_delayed_work_sync(w)				\
	__cmwq_call(w, cancel_delayed_work_sync)(w)

#define disable_work			cmwq_disable_work
#define cmwq_disable_work(w)		__cmwq_call(w, disable_work)(w)
#define disable_work_sync		cmwq_disable_work_sync
#define cmwq_disable_work_sync(w)	__cmwq_call(w, disable_work_sync)(w)
#define enable_work			cmwq_enable_work
#define cmwq_enable_work(w)		__cmwq_call(w, enable_work)(w)
#define disable_delayed_work		cmwq_disable_delayed_work
#define cmwq_disable_delayed_work(w)	__cmwq_call(w, disable_delayed_work)(w)
#define disable_delayed_work_sync	cmwq_disable_delayed_work_sync
#define cmwq_disable_delayed_work_sync(w)				\
	__cmwq_call(w, disable_delayed_work_sync)(w)
#define enable_delayed_work		cmwq_enable_delayed_work
#define cmwq_enable_delayed_work(w)	__cmwq_call(w, enable_delayed_work)(w)

/* Looking.  work_data_bits() is good for both as it is. */

#undef work_pending
#define work_pending(w)							\
	__cmwq_pick(w, cmwq_stock_work_pending, __cmwq_work_pending)(w)
#undef delayed_work_pending
#define delayed_work_pending(w)						\
	__cmwq_pick(w, cmwq_stock_delayed_work_pending,			\
		    __cmwq_delayed_work_pending)(w)
#define work_busy			cmwq_work_busy
#define cmwq_work_busy(w)		__cmwq_call(w, work_busy)(w)
#define current_work			cmwq_current_work
#define set_worker_desc			cmwq_set_worker_desc
#define current_is_workqueue_rescuer	cmwq_current_is_workqueue_rescuer
#define current_is_workqueue_mem_reclaim				\
	cmwq_current_is_workqueue_mem_reclaim

#endif /* _CMWQ_DROPIN_H */
