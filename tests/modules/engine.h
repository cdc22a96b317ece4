/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine.h - one test source, two engines
 *
 * A test is written with the neutral names below.  Built as is, it exercises
 * cmwq; built with -DENGINE_STOCK, the kernel's own workqueues: the control.
 * A test that fails on the control is a wrong test.  Built with -DENGINE_DROPIN
 * and cmwq_test_prelude.h before anything else, it is written for the kernel's
 * workqueues and exercises cmwq.
 *
 * Where the engines differ in what they can do, ENGINE_IS_* and
 * ENGINE_HAS_* say so: 1 or 0 in either case, for use in plain if ().
 */
#ifndef _CMWQ_TEST_ENGINE_H
#define _CMWQ_TEST_ENGINE_H

#include <linux/version.h>

#if !defined(ENGINE_STOCK) && !defined(ENGINE_DROPIN)

#include <cmwq.h>

#define ENGINE_NAME			"cmwq"
#define ENGINE_IS_CMWQ			1
#define ENGINE_HAS_DISABLE		1
#define ENGINE_HAS_BH			1
/* an unbound queue with a max_active of 1 is ordered, and stays so */
#define ENGINE_ONE_IS_ORDERED		0
/* timers of delayed items keep off isolated CPUs */
#define ENGINE_HAS_HOUSEKEEPING		1
/* max_active of an unbound queue counts machine-wide, not per NUMA node */
#define ENGINE_HAS_GLOBAL_MAX_ACTIVE	1
/* an item off a full unbound queue lets go of those who flush it */
#define ENGINE_WAKES_CANCELLED_INACTIVE	1

/* These stand for tags of types too: struct e_work. */
#define e_work				cmwq_work
#define e_delayed_work			cmwq_delayed_work
#define e_wq				cmwq_workqueue
#define e_rcu_work			cmwq_rcu_work
#define e_execute_work			cmwq_execute_work

#define E_BH				CMWQ_BH
#define E_UNBOUND			CMWQ_UNBOUND
#define E_FREEZABLE			CMWQ_FREEZABLE
#define E_MEM_RECLAIM			CMWQ_MEM_RECLAIM
#define E_HIGHPRI			CMWQ_HIGHPRI
#define E_CPU_INTENSIVE			CMWQ_CPU_INTENSIVE
#define E_SYSFS				CMWQ_SYSFS
#define E_POWER_EFFICIENT		CMWQ_POWER_EFFICIENT
#define E_PERCPU			CMWQ_PERCPU
#define E_MAX_ACTIVE			CMWQ_MAX_ACTIVE
#define E_DFL_ACTIVE			CMWQ_DFL_ACTIVE
#define E_CPU_UNBOUND			CMWQ_WORK_CPU_UNBOUND
#define E_TIMER_FN_NAME			"cmwq_delayed_work_timer_fn"
#define E_BUSY_PENDING			CMWQ_WORK_BUSY_PENDING
#define E_BUSY_RUNNING			CMWQ_WORK_BUSY_RUNNING

#define E_DECLARE_WORK			CMWQ_DECLARE_WORK
#define E_DECLARE_DELAYED_WORK		CMWQ_DECLARE_DELAYED_WORK
#define E_INIT_WORK			CMWQ_INIT_WORK
#define E_INIT_WORK_ONSTACK		CMWQ_INIT_WORK_ONSTACK
#define E_INIT_DELAYED_WORK		CMWQ_INIT_DELAYED_WORK
#define E_INIT_DELAYED_WORK_ONSTACK	CMWQ_INIT_DELAYED_WORK_ONSTACK
#define E_DECLARE_DEFERRABLE_WORK	CMWQ_DECLARE_DEFERRABLE_WORK
#define E_INIT_DEFERRABLE_WORK		CMWQ_INIT_DEFERRABLE_WORK
#define E_INIT_DEFERRABLE_WORK_ONSTACK	CMWQ_INIT_DEFERRABLE_WORK_ONSTACK
#define E_INIT_WORK_ONSTACK_KEY		CMWQ_INIT_WORK_ONSTACK_KEY
#define E_INIT_RCU_WORK			CMWQ_INIT_RCU_WORK
#define E_INIT_RCU_WORK_ONSTACK		CMWQ_INIT_RCU_WORK_ONSTACK
#define e_destroy_work_on_stack		cmwq_destroy_work_on_stack
#define e_destroy_delayed_work_on_stack	cmwq_destroy_delayed_work_on_stack
#define e_to_delayed_work		cmwq_to_delayed_work
#define e_from_work			cmwq_from_work
#define e_to_rcu_work			cmwq_to_rcu_work
#define e_work_data_bits		cmwq_work_data_bits

#define e_queue_rcu_work		cmwq_queue_rcu_work
#define e_flush_rcu_work		cmwq_flush_rcu_work
#define e_queue_work_node		cmwq_queue_work_node
#define e_enable_and_queue_work		cmwq_enable_and_queue_work
#define e_execute_in_process_context	cmwq_execute_in_process_context
#define e_work_on_cpu			cmwq_work_on_cpu
#define e_work_on_cpu_safe		cmwq_work_on_cpu_safe

#define e_alloc_workqueue		cmwq_alloc_workqueue
#define e_alloc_ordered_workqueue	cmwq_alloc_ordered_workqueue
#define e_create_workqueue		cmwq_create_workqueue
#define e_create_freezable_workqueue	cmwq_create_freezable_workqueue
#define e_create_singlethread_workqueue	cmwq_create_singlethread_workqueue
#define e_destroy_workqueue		cmwq_destroy_workqueue
#define e_set_max_active		cmwq_workqueue_set_max_active

#define e_queue_work			cmwq_queue_work
#define e_queue_work_on			cmwq_queue_work_on
#define e_queue_delayed_work		cmwq_queue_delayed_work
#define e_queue_delayed_work_on		cmwq_queue_delayed_work_on
#define e_mod_delayed_work		cmwq_mod_delayed_work
#define e_mod_delayed_work_on		cmwq_mod_delayed_work_on
#define e_schedule_work			cmwq_schedule_work
#define e_schedule_work_on		cmwq_schedule_work_on
#define e_schedule_delayed_work		cmwq_schedule_delayed_work
#define e_schedule_delayed_work_on	cmwq_schedule_delayed_work_on

#define e_flush_workqueue		cmwq_flush_workqueue
#define e_drain_workqueue		cmwq_drain_workqueue
#define e_flush_work			cmwq_flush_work
#define e_flush_delayed_work		cmwq_flush_delayed_work
#define e_cancel_work			cmwq_cancel_work
#define e_cancel_work_sync		cmwq_cancel_work_sync
#define e_cancel_delayed_work		cmwq_cancel_delayed_work
#define e_cancel_delayed_work_sync	cmwq_cancel_delayed_work_sync

#define e_disable_work			cmwq_disable_work
#define e_disable_work_sync		cmwq_disable_work_sync
#define e_enable_work			cmwq_enable_work
#define e_disable_delayed_work		cmwq_disable_delayed_work
#define e_disable_delayed_work_sync	cmwq_disable_delayed_work_sync
#define e_enable_delayed_work		cmwq_enable_delayed_work

#define e_work_pending			cmwq_work_pending
#define e_delayed_work_pending		cmwq_delayed_work_pending
#define e_work_busy			cmwq_work_busy
#define e_congested			cmwq_workqueue_congested
#define e_current_work			cmwq_current_work
#define e_set_worker_desc		cmwq_set_worker_desc

#define e_system_wq			cmwq_system_wq
#define e_system_percpu_wq		cmwq_system_percpu_wq
#define e_system_highpri_wq		cmwq_system_highpri_wq
#define e_system_long_wq		cmwq_system_long_wq
#define e_system_unbound_wq		cmwq_system_unbound_wq
#define e_system_dfl_wq			cmwq_system_dfl_wq
#define e_system_dfl_long_wq		cmwq_system_dfl_long_wq
#define e_system_bh_wq			cmwq_system_bh_wq
#define e_system_bh_highpri_wq		cmwq_system_bh_highpri_wq
#define e_system_freezable_wq		cmwq_system_freezable_wq
#define e_system_power_efficient_wq	cmwq_system_power_efficient_wq
#define e_system_freezable_power_efficient_wq \
	cmwq_system_freezable_power_efficient_wq

#else /* the kernel's names */

#include <linux/workqueue.h>

#ifdef ENGINE_DROPIN
#define ENGINE_NAME			"dropin"
#define ENGINE_IS_CMWQ			1
#define ENGINE_HAS_DISABLE		1
#define ENGINE_HAS_BH			1
#ifdef WORK_OFFQ_DISABLE_MASK
#define ENGINE_ONE_IS_ORDERED		0
#else
#define ENGINE_ONE_IS_ORDERED		1
#endif
#define ENGINE_HAS_GLOBAL_MAX_ACTIVE	1
#define ENGINE_WAKES_CANCELLED_INACTIVE	1
#define E_TIMER_FN_NAME			"cmwq_delayed_work_timer_fn"
#define ENGINE_HAS_NEW_NAMES		1
#else
#define ENGINE_NAME			"stock"
#define ENGINE_IS_CMWQ			0
#define ENGINE_HAS_DISABLE	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0))
#define ENGINE_ONE_IS_ORDERED	0
#define ENGINE_HAS_BH		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0))
#define ENGINE_HAS_HOUSEKEEPING	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0))
#define ENGINE_HAS_GLOBAL_MAX_ACTIVE \
	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0))
/*
 * With the machine-wide max_active the pool of an item that is held back may
 * have nothing else to do.  try_to_grab_pending() then moves the barrier of
 * whoever flushes the item to that pool's worklist and wakes nobody: the
 * flusher sleeps until something else is queued there.  Seen on 6.12.117 once
 * in about 30 runs of everything_at_once, by reading in 6.12 and later.  5.10
 * does the same in flush_of_cancelled_inactive, each time.
 */
#define ENGINE_WAKES_CANCELLED_INACTIVE	\
	(!ENGINE_HAS_GLOBAL_MAX_ACTIVE && \
	 LINUX_VERSION_CODE >= KERNEL_VERSION(5, 16, 0))
#define E_TIMER_FN_NAME			"delayed_work_timer_fn"
#define ENGINE_HAS_NEW_NAMES	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0))
#endif

#define e_work				work_struct
#define e_delayed_work			delayed_work
#define e_wq				workqueue_struct
#define e_rcu_work			rcu_work
#define e_execute_work			execute_work

#if ENGINE_HAS_NEW_NAMES	/* wants one of the two, always */
#define E_BH				(WQ_BH | WQ_PERCPU)
#else
#define E_BH				WQ_BH
#endif
#define E_UNBOUND			WQ_UNBOUND
#define E_FREEZABLE			WQ_FREEZABLE
#define E_MEM_RECLAIM			WQ_MEM_RECLAIM
#define E_HIGHPRI			WQ_HIGHPRI
#define E_CPU_INTENSIVE			WQ_CPU_INTENSIVE
#define E_SYSFS				WQ_SYSFS
#define E_POWER_EFFICIENT		WQ_POWER_EFFICIENT
#define E_MAX_ACTIVE			WQ_MAX_ACTIVE
#define E_DFL_ACTIVE			WQ_DFL_ACTIVE
#define E_CPU_UNBOUND			WORK_CPU_UNBOUND
#define E_BUSY_PENDING			WORK_BUSY_PENDING
#define E_BUSY_RUNNING			WORK_BUSY_RUNNING
/* Per-CPU is what a queue is without WQ_UNBOUND until 6.17 wants it said. */
#if ENGINE_HAS_NEW_NAMES
#define E_PERCPU			WQ_PERCPU
#else
#define E_PERCPU			0
#endif

#define E_DECLARE_WORK			DECLARE_WORK
#define E_DECLARE_DELAYED_WORK		DECLARE_DELAYED_WORK
#define E_INIT_WORK			INIT_WORK
#define E_INIT_WORK_ONSTACK		INIT_WORK_ONSTACK
#define E_INIT_DELAYED_WORK		INIT_DELAYED_WORK
#define E_INIT_DELAYED_WORK_ONSTACK	INIT_DELAYED_WORK_ONSTACK
#define E_DECLARE_DEFERRABLE_WORK	DECLARE_DEFERRABLE_WORK
#define E_INIT_DEFERRABLE_WORK		INIT_DEFERRABLE_WORK
#define E_INIT_DEFERRABLE_WORK_ONSTACK	INIT_DEFERRABLE_WORK_ONSTACK
#ifdef INIT_WORK_ONSTACK_KEY	/* 6.0 */
#define E_INIT_WORK_ONSTACK_KEY		INIT_WORK_ONSTACK_KEY
#else
#define E_INIT_WORK_ONSTACK_KEY(_work, _func, _key) \
	INIT_WORK_ONSTACK(_work, _func)
#endif
#define E_INIT_RCU_WORK			INIT_RCU_WORK
#define E_INIT_RCU_WORK_ONSTACK		INIT_RCU_WORK_ONSTACK
#define e_destroy_work_on_stack		destroy_work_on_stack
#define e_destroy_delayed_work_on_stack	destroy_delayed_work_on_stack
#define e_to_delayed_work		to_delayed_work
#define e_from_work(_var, _work, _field) \
	container_of(_work, typeof(*(_var)), _field)
#define e_to_rcu_work			to_rcu_work
#define e_work_data_bits		work_data_bits

#define e_queue_rcu_work		queue_rcu_work
#define e_flush_rcu_work		flush_rcu_work
#define e_queue_work_node		queue_work_node
#define e_execute_in_process_context	execute_in_process_context
#define e_work_on_cpu			work_on_cpu
#ifdef TEST_HAVE_WORK_ON_CPU_SAFE	/* until 7.2 or so */
#define e_work_on_cpu_safe		work_on_cpu_safe
#else
static inline long e_work_on_cpu_safe(int cpu, long (*fn)(void *), void *arg)
{
	return cpu_online(cpu) ? work_on_cpu(cpu, fn, arg) : -ENODEV;
}
#endif

#define e_alloc_workqueue		alloc_workqueue
#define e_alloc_ordered_workqueue	alloc_ordered_workqueue
#define e_create_workqueue		create_workqueue
#define e_create_freezable_workqueue	create_freezable_workqueue
#define e_create_singlethread_workqueue	create_singlethread_workqueue
#define e_destroy_workqueue		destroy_workqueue
#define e_set_max_active		workqueue_set_max_active

#define e_queue_work			queue_work
#define e_queue_work_on			queue_work_on
#define e_queue_delayed_work		queue_delayed_work
#define e_queue_delayed_work_on		queue_delayed_work_on
#define e_mod_delayed_work		mod_delayed_work
#define e_mod_delayed_work_on		mod_delayed_work_on
#define e_schedule_work			schedule_work
#define e_schedule_work_on		schedule_work_on
#define e_schedule_delayed_work		schedule_delayed_work
#define e_schedule_delayed_work_on	schedule_delayed_work_on

#define e_flush_workqueue		flush_workqueue
#define e_drain_workqueue		drain_workqueue
#define e_flush_work			flush_work
#define e_flush_delayed_work		flush_delayed_work
#define e_cancel_work			cancel_work
#define e_cancel_work_sync		cancel_work_sync
#define e_cancel_delayed_work		cancel_delayed_work
#define e_cancel_delayed_work_sync	cancel_delayed_work_sync

#if ENGINE_HAS_DISABLE
#define e_disable_work			disable_work
#define e_disable_work_sync		disable_work_sync
#define e_enable_work			enable_work
#define e_disable_delayed_work		disable_delayed_work
#define e_disable_delayed_work_sync	disable_delayed_work_sync
#define e_enable_delayed_work		enable_delayed_work
#define e_enable_and_queue_work		enable_and_queue_work
#else
/* Never called: tests ask ENGINE_HAS_DISABLE first.  A call does not link. */
bool e_disable_work(struct work_struct *work);
bool e_disable_work_sync(struct work_struct *work);
bool e_enable_work(struct work_struct *work);
bool e_disable_delayed_work(struct delayed_work *dwork);
bool e_disable_delayed_work_sync(struct delayed_work *dwork);
bool e_enable_delayed_work(struct delayed_work *dwork);
bool e_enable_and_queue_work(struct workqueue_struct *wq,
			     struct work_struct *work);
#endif

#define e_work_pending			work_pending
#define e_delayed_work_pending		delayed_work_pending
#define e_work_busy			work_busy
#define e_congested			workqueue_congested
#define e_current_work			current_work
#define e_set_worker_desc		set_worker_desc

#define e_system_wq			system_wq
#define e_system_highpri_wq		system_highpri_wq
#define e_system_long_wq		system_long_wq
#define e_system_unbound_wq		system_unbound_wq
#define e_system_bh_wq			system_bh_wq
#define e_system_bh_highpri_wq		system_bh_highpri_wq
#define e_system_freezable_wq		system_freezable_wq
#define e_system_power_efficient_wq	system_power_efficient_wq
#define e_system_freezable_power_efficient_wq \
	system_freezable_power_efficient_wq
#if ENGINE_HAS_NEW_NAMES
#define e_system_percpu_wq		system_percpu_wq
#define e_system_dfl_wq			system_dfl_wq
#else
#define e_system_percpu_wq		system_wq
#define e_system_dfl_wq			system_unbound_wq
#endif
#ifdef ENGINE_DROPIN
#define e_system_dfl_long_wq		system_dfl_long_wq
#else
#define e_system_dfl_long_wq		system_unbound_wq
#endif

#endif

/* A timer for a CPU that is down: newer kernels warn of it. */
#define ENGINE_TIMERS_GO_OFFLINE \
	(ENGINE_IS_CMWQ || LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0))

#endif /* _CMWQ_TEST_ENGINE_H */
