// SPDX-License-Identifier: GPL-2.0-only
/*
 * evacuate.c - items of a CPU that is held by somebody else run on another one
 *
 * The watchdog asks for it when a per-CPU pool makes no progress.  What is moved
 * waits on the worklist and was queued for no certain CPU (ANY_CPU).  It is
 * taken off as if it were cancelled and linked to the same queue's pwq of
 * another CPU.  Items beyond max_active stay until it lets them in.  BH items
 * stay: they may rely on their CPU's softirqs.
 *
 * W1: an item that moves against those who want it.  From the first pool to the
 *    second it is claimed, PENDING and OFFQ, with interrupts off: who queues it
 *    again finds it pending, who flushes or cancels it tries again (F2 in
 *    flush.c).  Who waits for it already is told to look once more.
 *
 * W2: a move against flushing the queue.
 *	moves from A to B		flusher of the colour
 *	1. off A's list			1. for each pwq: in_flight, closed?
 *	2. B: counted and linked
 *	3. A: counted no more
 *    Between steps 1 and 3 A's count stands, so the colour is not done.  The
 *    item keeps its colour.  wq->mutex is held from 1 to 3: the flusher is
 *    either past all pwqs or at none.  If past, A's count is one of those it
 *    waits for, and step 2 makes B's another; else it will find B's.  nr_linked()
 *    of a drainer holds the mutex, too, and finds each item once.
 *
 * W3: a move against a change of the route.  A new route is published with the
 *    mutex held: B belongs to the present one, and gets the item before it may
 *    be marked as retired (S1 in route.c).  A may be retired: step 3 is its last.
 *
 * W4: a move against a module that leaves and looks for its items, pool by pool.
 *    It would miss one that moves from a pool to come to one it has been to.
 *    Both hold cmwq_wq_mutex.
 *
 * W5: not twice at once.  An item that still runs for this queue is pending in
 *    the pool where it runs, as it follows there (Q1 in queue.c).  It stays.
 */
#include "cmwq_internal.h"

#define BATCH		32	/* items with interrupts off */
#define BATCHES		128	/* of one queue at most, each time */

#ifdef CMWQ_BUSTED
#define HAS_TO_STAY(data)	0	/* the deliberately broken variant */
#else
#define HAS_TO_STAY(data)	(!((data) & WORK_ANY_CPU))
#endif

struct batch {
	struct cmwq_work *items[BATCH];
	unsigned long colours[BATCH];	/* as in the state word */
	int nr;
};

/* Step 1 of W2.  Interrupts are off. */
static void take(struct cmwq_pwq *from, struct batch *b)
{
	struct cmwq_pool *pool = from->pool;
	struct cmwq_work *work, *next;
	struct task_struct *task = NULL;
	unsigned long data;

	b->nr = 0;
	raw_spin_lock(&pool->lock);
	cmwq_pool_splice(pool);
	list_for_each_entry_safe(work, next, &pool->worklist, entry) {
		data = atomic_long_read(&work->data);
		if (cmwq_data_pwq(data) != from || HAS_TO_STAY(data) ||
		    cmwq_find_busy(pool, work))			/* W5 */
			continue;
		cmwq_item_del(work);
		atomic_long_set(&work->data, pool->offq_idle | WORK_PENDING);
		if (data & WORK_WAITED)
			cmwq_wake_waiters(&pool->waiters, work, true);
		b->items[b->nr] = work;
		b->colours[b->nr] = data & WORK_COLOUR_MASK;
		if (++b->nr == BATCH)
			break;
	}
	if (!b->nr)			/* else settle() does */
		task = cmwq_pool_pick(pool);			/* R3 */
	raw_spin_unlock(&pool->lock);
	if (task)
		wake_up_process(task);
}

/* Step 2.  Interrupts are off, wq->mutex is held. */
static void give(struct cmwq_pwq *to, struct batch *b)
{
	struct cmwq_workqueue *wq = to->wq;
	struct task_struct *task;
	unsigned int colour;
	int i;

	raw_spin_lock(&to->pool->lock);
	cmwq_pool_splice(to->pool);
	for (i = 0; i < b->nr; i++) {
		colour = cmwq_data_colour(b->colours[i]);
		if (colour != wq->colour && !(to->watched & BIT(colour))) {
			to->watched |= BIT(colour);
			atomic_inc(&wq->flush_left[colour]);
		}
		cmwq_pwq_link(to, b->items[i],
			      (unsigned long)to | b->colours[i]);
	}
	task = cmwq_pool_pick(to->pool);
	raw_spin_unlock(&to->pool->lock);
	if (task)
		wake_up_process(task);
}

/* Step 3.  Interrupts are off. */
static void settle(struct cmwq_pwq *from, struct batch *b)
{
	struct task_struct *task;
	int i;

	raw_spin_lock(&from->pool->lock);
	for (i = 0; i < b->nr; i++)
		cmwq_pwq_finish(from, cmwq_data_colour(b->colours[i]));
	from->pool->evacuated += b->nr;
	task = cmwq_pool_pick(from->pool);			/* R3 */
	raw_spin_unlock(&from->pool->lock);
	if (task)
		wake_up_process(task);
}

/* Where the next batch goes: each in turn of those that have no trouble. */
static struct cmwq_pwq *choose(struct cmwq_workqueue *wq, int not_cpu)
{
	static unsigned int cpu;	/* K */
	struct cmwq_pwq *to;
	unsigned int i;

	for (i = 0; i < nr_cpu_ids; i++) {
		cpu = (cpu + 1) % nr_cpu_ids;
		if (cpu == not_cpu || !cpu_possible(cpu) ||
		    !cmwq_cpu_stays(cpu) || cmwq_cpu_isolated(cpu))
			continue;
		to = *per_cpu_ptr(wq->route, cpu);
		if (!to->pool->reports)
			return to;
	}
	return NULL;
}

/* wq->mutex is held.  Return: how many items. */
static unsigned int move_from(struct cmwq_pwq *from)
{
	int cpu = from->pool->key.cpu;
	unsigned int moved = 0;
	struct cmwq_pwq *to;
	struct batch b;
	int i;

	for (i = 0; i < BATCHES; i++) {
		to = choose(from->wq, cpu);
		if (!to)
			break;
		local_irq_disable();
		take(from, &b);
		if (b.nr) {
			give(to, &b);
			settle(from, &b);	/* may let more in */
		}
		local_irq_enable();
		moved += b.nr;
		if (!b.nr)
			break;
	}
	return moved;
}

/**
 * cmwq_evacuate - have the waiting items of a pool run elsewhere
 * @pool: a pool that makes no progress
 *
 * Does what it can without waiting for anybody; may be called again.
 *
 * Context: the watchdog thread.
 * Return: how many items were moved.
 */
unsigned int cmwq_evacuate(struct cmwq_pool *pool)
{
	struct cmwq_workqueue *wq;
	struct cmwq_pwq *pwq;
	unsigned int moved = 0;

	if (pool->key.cpu < 0 || pool->key.bh ||
	    !mutex_trylock(&cmwq_wq_mutex))
		return 0;
	list_for_each_entry(wq, &cmwq_workqueues, node) {
		if (wq->flags & (CMWQ_UNBOUND | CMWQ_BH) ||
		    !mutex_trylock(&wq->mutex))
			continue;
		cmwq_for_each_pwq(pwq, wq)
			if (pwq->pool == pool)
				moved += move_from(pwq);
		mutex_unlock(&wq->mutex);
	}
	mutex_unlock(&cmwq_wq_mutex);
	return moved;
}
