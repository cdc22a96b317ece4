// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that runs out in the middle of things: the first allocation of each
 * operation fails, then the second, and so on until there is none left to fail.
 * What failed says so, leaves nothing behind and does not disturb others; what did
 * not works.  test-fault.sh prepares the kernel's fault injection.
 */
#include <linux/slab.h>
#include <linux/fault-inject.h>	/* which names its types, but does not get them */

#include "engine.h"
#include "cmwq_test.h"

#if defined(CONFIG_FAILSLAB) && defined(CONFIG_FAULT_INJECTION_DEBUG_FS)

static atomic_t runs;

static void count_fn(struct cmwq_work *work)
{
	atomic_inc(&runs);
}

/* A queue that works runs an item.  Items of BH queues are others to lockdep. */
static void use(struct cmwq_workqueue *wq, bool bh)
{
	static struct lock_class_key key, bh_key;
	int before = atomic_read(&runs);
	struct cmwq_work work;

	CMWQ_INIT_WORK_ONSTACK_KEY(&work, count_fn, bh ? &bh_key : &key);
	EXPECT(cmwq_queue_work(wq, &work));
	cmwq_flush_work(&work);
	EXPECT_EQ(atomic_read(&runs), before + 1);
	cmwq_destroy_work_on_stack(&work);
}

/*
 * Call @op with its 1st, 2nd, ... allocation failing; it says whether it succeeded.
 * Some do without what they did not get, but none may fail for no reason.
 */
static void fail_each(bool (*op)(void *arg), void *arg)
{
	unsigned int nth, failures = 0;
	bool done, fired;

	for (nth = 1; nth < 1000; nth++) {
		WRITE_ONCE(current->fail_nth, nth);
		done = op(arg);
		fired = !READ_ONCE(current->fail_nth);
		WRITE_ONCE(current->fail_nth, 0);
		failures += !done;
		atomic_inc(&test_checks);
		if (!EXPECT(done || fired) || !fired)
			break;
	}
	EXPECT_OP(nth, <, 1000);
	test_print("# %s: %u allocations, %u of them it cannot do without\n",
		   test_name, nth - 1, failures);
	/* Else nothing was injected. */
	EXPECT(failures);
}

static unsigned int fail_stop(void)
{
	unsigned int nth = READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	return nth;
}

struct kind {
	unsigned int flags;
	int max_active;
	bool ordered;
};

/* Allocate, use, destroy.  Destroying has to work without memory, too. */
static bool alloc_op(void *arg)
{
	struct cmwq_workqueue *wq;
	struct kind *kind = arg;
	unsigned int left;

	if (kind->ordered)
		wq = cmwq_alloc_ordered_workqueue("t_fault", kind->flags);
	else
		wq = cmwq_alloc_workqueue("t_fault", kind->flags,
					  kind->max_active);
	if (!wq)
		return false;
	left = fail_stop();
	use(wq, kind->flags & CMWQ_BH);
	WRITE_ONCE(current->fail_nth, 1);
	cmwq_destroy_workqueue(wq);
	WRITE_ONCE(current->fail_nth, left);
	return true;
}

static void alloc_percpu_queue(void)
{
	fail_each(alloc_op, &(struct kind){ .flags = CMWQ_PERCPU });
}

static void alloc_unbound_queue(void)
{
	fail_each(alloc_op, &(struct kind){ .flags = CMWQ_UNBOUND });
}

static void alloc_ordered_queue(void)
{
	fail_each(alloc_op, &(struct kind){ .ordered = true });
}

static void alloc_queue_with_rescuer(void)
{
	fail_each(alloc_op, &(struct kind){
			.flags = CMWQ_UNBOUND | CMWQ_MEM_RECLAIM });
}

static void alloc_queue_in_sysfs(void)
{
	fail_each(alloc_op, &(struct kind){
			.flags = CMWQ_UNBOUND | CMWQ_SYSFS });
}

static void alloc_bh_queue(void)
{
	fail_each(alloc_op, &(struct kind){ .flags = CMWQ_BH });
}

static int next_nice;

/* Each time new attributes, hence new pools. */
static bool attrs_op(void *arg)
{
	struct cmwq_attrs *attrs;
	unsigned int left;
	int err = -ENOMEM;

	attrs = cmwq_alloc_workqueue_attrs();
	if (attrs) {
		left = fail_stop();
		cmwq_get_workqueue_attrs(arg, attrs);
		attrs->nice = next_nice;
		next_nice = (next_nice + 1) % 20;
		WRITE_ONCE(current->fail_nth, left);
		err = cmwq_apply_workqueue_attrs(arg, attrs);
		EXPECT(!err || err == -ENOMEM);
		cmwq_free_workqueue_attrs(attrs);
	}
	left = fail_stop();
	/* As before, or as wanted. */
	use(arg, false);
	WRITE_ONCE(current->fail_nth, left);
	return !err;
}

static void apply_attrs(void)
{
	struct cmwq_workqueue *wq = cmwq_alloc_workqueue("t_fault",
							 CMWQ_UNBOUND, 0);

	if (!EXPECT(wq))
		return;
	fail_each(attrs_op, wq);
	test_destroy(wq);
}

static bool each_cpu_op(void *arg)
{
	int before = atomic_read(&runs);
	int err = cmwq_schedule_on_each_cpu(count_fn);

	EXPECT_EQ(atomic_read(&runs) - before, err ? 0 : num_online_cpus());
	return !err;
}

/* Memory for all CPUs comes from a reserve: it need not allocate. */
static void on_each_cpu_without_memory(void)
{
	WRITE_ONCE(current->fail_nth, 1);
	each_cpu_op(NULL);
	fail_stop();
}

static bool sysfs_op(void *arg)
{
	struct cmwq_workqueue *wq;
	unsigned int left = fail_stop();
	int err;

	wq = cmwq_alloc_workqueue("t_fault", CMWQ_UNBOUND, 0);
	if (!EXPECT(wq))
		return true;
	WRITE_ONCE(current->fail_nth, left);
	err = cmwq_workqueue_sysfs_register(wq);
	EXPECT(!err || err == -ENOMEM);
	left = fail_stop();
	use(wq, false);
	cmwq_destroy_workqueue(wq);
	WRITE_ONCE(current->fail_nth, left);
	return !err;
}

static void register_in_sysfs(void)
{
	fail_each(sysfs_op, NULL);
}

const struct test_case test_cases[] = {
	CASE(alloc_percpu_queue),
	CASE(alloc_unbound_queue),
	CASE(alloc_ordered_queue),
	CASE(alloc_queue_with_rescuer),
	CASE(alloc_queue_in_sysfs),
	CASE(alloc_bh_queue),
	CASE(apply_attrs),
	CASE(on_each_cpu_without_memory),
	CASE(register_in_sysfs),
	{}
};

#else

static void fault_injection(void)
{
	test_skip("this kernel has no CONFIG_FAILSLAB");
}

const struct test_case test_cases[] = {
	CASE(fault_injection),
	{}
};

#endif
