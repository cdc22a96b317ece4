// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deadlocks that do not happen here, but that lockdep has to foresee: each case
 * makes it complain, so there is one case for each boot (test-lockdep.sh).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/lockdep.h>
#include <linux/mutex.h>

#include "engine.h"
#include "cmwq_test.h"

#ifdef CONFIG_LOCKDEP

static DEFINE_MUTEX(m);

static void locking_fn(struct e_work *work)
{
	mutex_lock(&m);
	mutex_unlock(&m);
}

static E_DECLARE_WORK(locking, locking_fn);
static struct e_work other;

static struct e_wq *run_locking(struct e_wq *wq)
{
	EXPECT(e_queue_work(wq, &locking));
	e_flush_work(&locking);
	EXPECT(lockdep_is_held(&m) == LOCK_STATE_NOT_HELD || !debug_locks);
	return wq;
}

static struct e_wq *wq_that_locked(void)
{
	return run_locking(e_alloc_workqueue("t_lockdep", E_PERCPU, 0));
}

static void flush_work_under_lock(void)
{
	struct e_wq *wq = wq_that_locked();

	mutex_lock(&m);
	e_flush_work(&locking);
	mutex_unlock(&m);
	test_destroy(wq);
}

static void cancel_sync_under_lock(void)
{
	struct e_wq *wq = wq_that_locked();

	mutex_lock(&m);
	e_cancel_work_sync(&locking);
	mutex_unlock(&m);
	test_destroy(wq);
}

static void flush_queue_under_lock(void)
{
	struct e_wq *wq = wq_that_locked();

	mutex_lock(&m);
	e_flush_workqueue(wq);
	mutex_unlock(&m);
	test_destroy(wq);
}

static void drain_under_lock(void)
{
	struct e_wq *wq = wq_that_locked();

	mutex_lock(&m);
	e_drain_workqueue(wq);
	mutex_unlock(&m);
	test_destroy(wq);
}

static void destroy_under_lock(void)
{
	struct e_wq *wq = wq_that_locked();

	mutex_lock(&m);
	e_destroy_workqueue(wq);
	mutex_unlock(&m);
}

/* Behind another one on a queue that runs one at a time. */

static struct completion gate, started;

static void gated_fn(struct e_work *work)
{
	locking_fn(work);
	complete(&started);
	test_gate(&gate);
}

static void nothing_fn(struct e_work *work)
{
}

static E_DECLARE_WORK(gated, gated_fn);

static void opener_fn(int nr)
{
	msleep(300);
	complete(&gate);
}

static void flush_on_single_under_lock(void)
{
	struct e_wq *wq = e_alloc_ordered_workqueue("t_single", 0);

	init_completion(&gate);
	init_completion(&started);
	E_INIT_WORK(&other, nothing_fn);
	EXPECT(e_queue_work(wq, &gated));
	WAIT(&started);
	EXPECT(e_queue_work(wq, &other));
	test_thread_start(opener_fn, 0, -1);
	mutex_lock(&m);
	e_flush_work(&other);
	mutex_unlock(&m);
	test_threads_join();
	test_destroy(wq);
}

/* Two items that wait for each other, if they run at the same time. */

static struct e_work first, second;

static void first_fn(struct e_work *work)
{
	e_flush_work(&second);
}

static void second_fn(struct e_work *work)
{
	e_flush_work(&first);
}

static void items_that_flush_each_other(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_each_other", E_PERCPU, 0);

	E_INIT_WORK(&first, first_fn);
	E_INIT_WORK(&second, second_fn);
	EXPECT(e_queue_work(wq, &first));
	e_flush_workqueue(wq);
	EXPECT(e_queue_work(wq, &second));
	e_flush_workqueue(wq);
	test_destroy(wq);
}

/* A map that the caller brings along. */

#if ENGINE_IS_CMWQ
#define e_alloc_lockdep_map		cmwq_alloc_workqueue_lockdep_map
#define e_alloc_ordered_lockdep_map	cmwq_alloc_ordered_workqueue_lockdep_map
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define e_alloc_lockdep_map		alloc_workqueue_lockdep_map
#define e_alloc_ordered_lockdep_map	alloc_ordered_workqueue_lockdep_map
#endif

#ifdef e_alloc_lockdep_map
static struct lock_class_key the_key;
static struct lockdep_map the_map =
	STATIC_LOCKDEP_MAP_INIT("(the map of the test)", &the_key);

static void lockdep_map_of_two_queues(void)
{
	struct e_wq *a = e_alloc_lockdep_map("t_map_%d", E_PERCPU, 0, &the_map,
					     1);
	struct e_wq *b = e_alloc_ordered_lockdep_map("t_map_%d", 0, &the_map,
						     2);

	if (!EXPECT(a && b))
		return;
	run_locking(a);
	/* They are one to lockdep. */
	mutex_lock(&m);
	e_flush_workqueue(b);
	mutex_unlock(&m);
	test_destroy(a);
	test_destroy(b);
}
#else
static void lockdep_map_of_two_queues(void)
{
	test_skip("this kernel has no alloc_workqueue_lockdep_map()");
}
#endif

const struct test_case test_cases[] = {
	CASE(flush_work_under_lock),
	CASE(cancel_sync_under_lock),
	CASE(flush_queue_under_lock),
	CASE(drain_under_lock),
	CASE(destroy_under_lock),
	CASE(flush_on_single_under_lock),
	CASE(items_that_flush_each_other),
	CASE(lockdep_map_of_two_queues),
	{}
};

#else

const struct test_case test_cases[] = {
	{}
};

#endif /* CONFIG_LOCKDEP */
