// SPDX-License-Identifier: GPL-2.0-only
/*
 * keeper.c - the module's own housekeeping thread
 *
 * Does what may sleep and what nobody else is left to do: creates a worker for
 * a pool whose workers are all asleep, and a trustee for a CPU that went down.
 * Sleeps without a timer while there is no such pool, and none that lacks one.
 */
#include "cmwq_internal.h"

#define RETRY_STARVED	(HZ / 10)

static struct task_struct *keeper;
static bool asked;		/* A: set by anybody, taken by the keeper */

/**
 * cmwq_keeper_ask - have the keeper look around
 *
 * Context: any but NMI.
 * Return: the task that the caller wakes, once it may.
 */
struct task_struct *cmwq_keeper_ask(void)
{
	/* Whoever takes it sees what the caller has left to do. */
	smp_store_release(&asked, true);
	return keeper;
}

/* Return: jiffies until the next look. */
static long feed_starved(void)
{
	long again = MAX_SCHEDULE_TIMEOUT;
	struct cmwq_pool *pool;

	cmwq_for_each_pool(pool) {
		if (!cmwq_trustee_provide(pool))
			again = RETRY_STARVED;
		if (READ_ONCE(pool->flags) & POOL_STARVED)
			cmwq_pool_create_starved(pool);
		if (READ_ONCE(pool->flags) & POOL_STARVED)
			again = RETRY_STARVED;
	}
	return again;
}

static int keeper_fn(void *unused)
{
	while (!kthread_should_stop()) {
		long timeout = feed_starved();

		/*
		 * Whoever asks from here on either is seen, or wakes a task
		 * that is not asleep yet.
		 */
		set_current_state(TASK_IDLE);
		if (!xchg(&asked, false) && !kthread_should_stop())
			schedule_timeout(timeout);
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

/**
 * cmwq_own_thread - make a thread of the module that is no worker
 * @fn:		its function
 * @name:	its name
 *
 * It starts when it is given its place: cmwq_own_threads_place().
 *
 * Return: the thread or an ERR_PTR().
 */
struct task_struct *cmwq_own_thread(int (*fn)(void *data), const char *name)
{
	struct task_struct *task = kthread_create(fn, NULL, "cmwq/%s", name);

	/* Then users cannot change the mask that follows. */
	if (!IS_ERR(task))
		kthread_bind(task, cpumask_any(cpu_online_mask));
	return task;
}

/**
 * cmwq_keeper_place - say where the keeper may run
 * @cpus: the CPUs
 */
void cmwq_keeper_place(const struct cpumask *cpus)
{
	set_cpus_allowed_ptr(keeper, cpus);
	wake_up_process(keeper);	/* the first time: start */
}

int cmwq_keeper_init(void)
{
	int err = cmwq_trustees_init();

	if (err)
		return err;
	keeper = cmwq_own_thread(keeper_fn, "keeper");
	err = PTR_ERR_OR_ZERO(keeper);
	if (err)
		cmwq_trustees_exit();
	return err;
}

void cmwq_keeper_exit(void)
{
	kthread_stop(keeper);
	cmwq_trustees_exit();
}
