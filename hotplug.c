// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug.c - CPUs come and go
 *
 * Going: the pools are marked, and their workers, which the scheduler moves to
 * other CPUs, carry on there, still concurrency-managed, until the trustee
 * (trustee.c) sends them away.  Coming: the mark is dropped and all workers are
 * bound to their CPU.  A pool that has none then gets its first one.  What moves a
 * worker at other times is undone before its next item (heal_affinity() in
 * pool.c).  Items queued for a CPU that is down run where they were queued from.
 *
 * P4: an item that starts against its CPU that comes up.
 *	worker				callback
 *	1. CPU is down: takes the item
 *					2. drops the mark, under pool->lock
 *					3. binds the workers, one by one
 *	4. runs the item
 *    However long it takes from 1 to 4: when the CPU is up for everybody, the
 *    item is on it, or moves there.  A worker that is made meanwhile is added to
 *    pool->workers and woken under the lock: after 3 its CPU takes it at once.
 *    The CPU waits for an item that has migration disabled just then.
 *
 * P5: a rescuer that leaves the pool against step 3.
 *	callback			rescuer
 *	1. finds it, says so, both
 *	   under pool->lock
 *					2. leaves the pool, waits
 *	3. binds it, takes back 1
 *					4. goes to another pool
 *    Otherwise it would be bound to this CPU while it runs items of the other.
 *    Workers stay with their pool; one that ends meanwhile needs no CPU.
 */
#include "cmwq_internal.h"

#include <linux/cpuhotplug.h>

static int cpuhp_state;
static bool loading;		/* by init only */
static struct cpumask cpus_up;	/* A: the callbacks write it */

/**
 * cmwq_cpu_is_up - does a CPU have its pools?
 * @cpu: a possible CPU
 *
 * Return: false from the CPU's way down to its way up.
 */
bool cmwq_cpu_is_up(unsigned int cpu)
{
	return cpumask_test_cpu(cpu, &cpus_up);
}

static void mark(struct cmwq_pool *pool, bool down)
{
	raw_spin_lock_irq(&pool->lock);
	WRITE_ONCE(pool->flags, down ? pool->flags | POOL_DISASSOCIATED :
				pool->flags & ~POOL_DISASSOCIATED);
	if (!pool->key.bh)
		cmwq_orphan_changed(pool);
	raw_spin_unlock_irq(&pool->lock);
}

static unsigned int count_workers(struct cmwq_pool *pool)
{
	struct cmwq_worker *worker;
	unsigned int n = 0;

	raw_spin_lock_irq(&pool->lock);
	list_for_each_entry(worker, &pool->workers, node)
		n++;
	raw_spin_unlock_irq(&pool->lock);
	return n;
}

/*
 * P4, P5.  Each is looked at once, the first of the list, which is the last then:
 * who comes meanwhile is behind all of them.
 */
static void bind_workers(struct cmwq_pool *pool)
{
	struct cmwq_worker *worker, *rescuer;
	unsigned int n = CMWQ_HEALS ? count_workers(pool) : 0;
	struct task_struct *task;

	while (n--) {
		raw_spin_lock_irq(&pool->lock);
		worker = list_first_entry_or_null(&pool->workers,
						  struct cmwq_worker, node);
		if (!worker) {
			raw_spin_unlock_irq(&pool->lock);
			return;
		}
		list_move_tail(&worker->node, &pool->workers);
		task = get_task_struct(worker->task);
		rescuer = worker->flags & WORKER_RESCUER ? worker : NULL;
		if (rescuer)
			WRITE_ONCE(rescuer->binding, true);	/* P5 */
		raw_spin_unlock_irq(&pool->lock);
		/* One that an item crashed may keep migration disabled. */
		if (!(task->flags & PF_EXITING))
			set_cpus_allowed_ptr(task, cpumask_of(pool->key.cpu));
		put_task_struct(task);
		if (rescuer)
			smp_store_release(&rescuer->binding, false); /* P5 */
	}
}

static int cpu_up_fn(unsigned int cpu)
{
	struct cmwq_pool *pool;
	int err = 0, ret;

	cpumask_set_cpu(cpu, &cpus_up);
	smp_mb();	/* P3 */
	cmwq_for_each_pool(pool) {
		if (pool->key.cpu != cpu)
			continue;
		mark(pool, false);
		if (pool->key.bh)
			continue;
		bind_workers(pool);
		ret = cmwq_pool_first_worker(pool);
		err = err ?: ret;
	}
	if (loading)
		return err;
	cmwq_cpus_changed();
	/* No reason to keep a CPU down: the keeper creates it when needed. */
	return 0;
}

static int cpu_down_fn(unsigned int cpu)
{
	struct cmwq_pool *pool;

	cpumask_clear_cpu(cpu, &cpus_up);
	smp_mb();	/* P3 */
	cmwq_for_each_pool(pool)
		if (pool->key.cpu == cpu)
			mark(pool, true);
	cmwq_cpus_changed();
	return 0;
}

int cmwq_hotplug_init(void)
{
	int ret;

	loading = true;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "cmwq:online", cpu_up_fn,
				cpu_down_fn);
	loading = false;
	if (ret < 0)
		return ret;
	cpuhp_state = ret;
	cmwq_cpus_changed();	/* since they were asked for their places */
	return 0;
}

void cmwq_hotplug_exit(void)
{
	if (cpuhp_state)
		cpuhp_remove_state_nocalls(cpuhp_state);
	cpuhp_state = 0;
}
