// SPDX-License-Identifier: GPL-2.0-only
/*
 * trustee.c - who looks after the pools of a CPU that is down
 *
 * Taking a CPU down waits for no item: its pools are marked, and their workers,
 * which the scheduler moves to other CPUs, finish what is there.  Each pool goes
 * on to have one runner at a time, or as many as it had before.
 *
 * Managing such orphaned pools is up to a thread of its own, cmwq/T<cpu>, on
 * whatever CPU.  Instead of creating a worker, a worker asks it.  When a pool
 * has no items the trustee sends its workers away; when none of the CPU's pools
 * has workers or items, or when the CPU is back, the trustee goes itself.  Items
 * that come later (from the dying CPU, or following one that is running there)
 * get a new one.
 *
 * The keeper makes it.  Until it has, and while it cannot, workers manage their
 * pool as always.
 *
 * O1: a trustee that goes against somebody who needs it.
 *	trustee				worker or producer, pool->lock held
 *	1. sees nothing to do		1. leaves something to do [mb]
 *	2. task = NULL			2. sees task: asks it
 *	3. has the keeper look [mb]
 *    The keeper looks at the mark, and locks the pool, after step 2 on the left.  If
 *    it finds no mark, task is NULL on the right and the keeper asked again.
 *
 * O2: a CPU that comes back against its trustee.  The mark is dropped under
 *    pool->lock, and the trustee retires a worker under that lock only while it
 *    sees the mark.  So the workers that cpu_up_fn() finds afterwards stay.  A
 *    worker that the trustee is just creating becomes one of theirs; that the
 *    trustee is the manager until then keeps nobody from running items.  An item
 *    for which a worker was asked of the trustee, and none made before the mark was
 *    dropped, waits for the mayday timer (M1), which asks again.
 *
 * O3: a CPU that comes back, and perhaps goes again, while the trustee is being
 *    made or about to go.  It looks at the marks and at nothing else: it goes at
 *    once, or stays.  If it went just before the CPU did: O1.
 *
 * O4: a pool that is dropped against the trustee, which holds a reference to
 *    the pool that it looks at, also while it creates a worker there.  Putting
 *    the last one makes P1 follow, which retires that worker.
 *
 * O5: the end of the module against the keeper.
 *	exit				keeper
 *	1. stopping = true		1. locks making
 *	2. locks making, unlocks it	2. not stopping: makes a trustee
 *	3. asks all trustees, waits
 *    A trustee made before step 2 on the left is asked, none is made after it.
 *    The keeper itself is there until all are gone.
 */
#include "policy.h"

struct trustee {
	struct task_struct	*task;	/* A: O1; the keeper sets it */
	bool			asked;	/* A: set by anybody, it takes it */
};

static struct trustee *trustees;		/* I: by CPU */
static DEFINE_MUTEX(making);
static unsigned long nr_made;			/* making */
static DECLARE_COMPLETION(trustee_gone);	/* A: once for each of them */

/**
 * cmwq_trustee_ask - have the trustee of a pool look at it
 * @pool: a pool of a CPU; its lock is held
 *
 * Return: the task that the caller wakes before interrupts are enabled; NULL if
 * there is no trustee.
 */
struct task_struct *cmwq_trustee_ask(struct cmwq_pool *pool)
{
	struct trustee *t = &trustees[pool->key.cpu];

	lockdep_assert_held(&pool->lock);
	smp_store_mb(t->asked, true);		/* as in cmwq_keeper_ask() */
	return READ_ONCE(t->task);				/* O1 */
}

/**
 * cmwq_orphan_changed - a pool was marked, or its last item may have run
 * @pool: a pool of a CPU; its lock is held
 */
void cmwq_orphan_changed(struct cmwq_pool *pool)
{
	struct task_struct *task = cmwq_trustee_ask(pool);

	wake_up_process(task ?: cmwq_keeper_ask());
}

/**
 * cmwq_trustee_pid - who looks after a CPU's pools, for the views
 * @cpu: a possible CPU
 *
 * Return: its pid; 0 if there is no trustee.
 */
pid_t cmwq_trustee_pid(unsigned int cpu)
{
	struct task_struct *task;
	pid_t pid;

	rcu_read_lock();
	task = READ_ONCE(trustees[cpu].task);
	pid = task ? task_pid_nr(task) : 0;
	rcu_read_unlock();
	return pid;
}

/* Return: is anything left to do? */
static bool look_after(unsigned int cpu)
{
	struct cmwq_pool *pool;
	bool left = false;

	cmwq_for_each_pool(pool)
		if (pool->key.cpu == cpu && !pool->key.bh)
			left |= cmwq_pool_look_after(pool);
	return left;
}

static int trustee_fn(void *data)
{
	struct trustee *t = data;

	while (look_after(t - trustees) && !READ_ONCE(cmwq_stopping)) {
		/* As in keeper_fn() */
		set_current_state(TASK_IDLE);
		if (!xchg(&t->asked, false))
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	WRITE_ONCE(t->task, NULL);				/* O1 */
	wake_up_process(cmwq_keeper_ask());
	/* The completion comes from kernel text: the module may go then. */
	kthread_complete_and_exit(&trustee_gone, 0);
	return 0;
}

/* Return: false if it has to be tried again. */
static bool make(unsigned int cpu)
{
	struct trustee *t = &trustees[cpu];
	struct task_struct *task;

	if (cmwq_creation_shall_fail())
		task = ERR_PTR(-ENOMEM);
	else
		task = kthread_create(trustee_fn, t, "cmwq/T%u", cpu);
	if (IS_ERR(task)) {
		pr_warn_ratelimited("no trustee for CPU %u, which is down (errno %ld): its workers manage themselves; trying again\n",
				    cpu, PTR_ERR(task));
		return false;
	}
	nr_made++;
	/* Whoever sees it may wake it first, and it be gone. */
	rcu_read_lock();
	WRITE_ONCE(t->task, task);
	wake_up_process(task);
	rcu_read_unlock();
	return true;
}

/**
 * cmwq_trustee_provide - the keeper's part: make a trustee where it is missing
 * @pool: the pool
 *
 * Return: false if it could not be made.
 */
bool cmwq_trustee_provide(struct cmwq_pool *pool)
{
	struct task_struct *task = NULL;
	bool made = true;
	bool orphan;

	if (!(READ_ONCE(pool->flags) & POOL_DISASSOCIATED) || pool->key.bh)
		return true;
	raw_spin_lock_irq(&pool->lock);
	orphan = needs_trustee(pool);
	if (orphan)
		task = cmwq_trustee_ask(pool);
	if (task)
		wake_up_process(task);
	raw_spin_unlock_irq(&pool->lock);
	if (!orphan || task)
		return true;

	mutex_lock(&making);
	if (!READ_ONCE(cmwq_stopping))				/* O5 */
		made = make(pool->key.cpu);
	mutex_unlock(&making);
	return made;
}

int cmwq_trustees_init(void)
{
	trustees = kcalloc(nr_cpu_ids, sizeof(*trustees), GFP_KERNEL);
	return trustees ? 0 : -ENOMEM;
}

/**
 * cmwq_trustees_stop - have all trustees go; cmwq_stopping is set
 */
void cmwq_trustees_stop(void)
{
	struct cmwq_pool *pool;
	struct task_struct *task;

	mutex_lock(&making);					/* O5 */
	mutex_unlock(&making);
	cmwq_for_each_pool(pool) {
		if (pool->key.cpu < 0 || pool->key.bh)
			continue;
		raw_spin_lock_irq(&pool->lock);
		task = cmwq_trustee_ask(pool);
		if (task)
			wake_up_process(task);
		raw_spin_unlock_irq(&pool->lock);
	}
	for (; nr_made; nr_made--)
		wait_for_completion(&trustee_gone);
}

/* The keeper is gone, which may have looked for a trustee to the end. */
void cmwq_trustees_exit(void)
{
	kfree(trustees);
}
