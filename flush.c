// SPDX-License-Identifier: GPL-2.0-only
/*
 * flush.c - waiting for an item and taking it back: flush, cancel, disable
 *
 * A waiter on the caller's stack is put on the pool's list if the item is
 * pending there (and the item marked WAITED), or on the list of the worker that
 * runs it.  The worker that starts a WAITED item takes its waiters along and
 * completes them when the function has returned; taking the item off its queue
 * completes them, too.
 *
 * F2: stealing a pending item against a claim.  UNLINKED items may be on their
 *    way into the inbox on another CPU, OFFQ ones in the hands of somebody who
 *    keeps interrupts off: both states are short, so the stealer tries again.
 *    Timers and grace periods are long: DELAYED items are taken with their
 *    timer (L1), those with WAIT from the callback's hands (C1).
 */
#include "lockdep.h"

/* Taking items off their queue */

/* @work is linked in its pool, whose lock is held. */
static void unlink_item(struct cmwq_pool *pool, struct cmwq_work *work)
{
	unsigned long data = atomic_long_read(&work->data);
	struct cmwq_pwq *pwq = cmwq_data_pwq(data);
	unsigned long offq = pool->offq_idle, ran_on;
	struct cmwq_worker *worker;
	bool elsewhere = false;

	list_del(&work->entry);
	cmwq_object_deactivate(work);
	/* An older execution may still go on: that is the last now. */
	worker = cmwq_find_busy(pool, work);
	if (!worker && pwq->wq->flags & __CMWQ_ORDERED) {
		ran_on = READ_ONCE(pwq->wq->ran_on);		/* S3 */
		offq = __CMWQ_WORK_MAGIC | ran_on << WORK_POOL_SHIFT;
		elsewhere = ran_on && ran_on != pool->id;
	}
	/* Who flushes must not look once more: the item may go now. */
	if (data & WORK_WAITED) {
		if (worker)
			cmwq_adopt_waiters(worker, work);
		else
			cmwq_wake_waiters(&pool->waiters, work, elsewhere);
	}
	atomic_long_set(&work->data, offq | WORK_PENDING);
	pwq->cancelled++;
	if ((data & WORK_WHERE) == WORK_INACTIVE) {
		cmwq_pwq_activate(pwq);		/* or leave the line */
		cmwq_pwq_uncount(pwq, cmwq_data_colour(data));
	} else {
		cmwq_pwq_finish(pwq, cmwq_data_colour(data));
	}
}

/* One try.  Return: true if the item is ours now. */
static bool try_steal(struct cmwq_work *work, unsigned long data, bool *runs)
{
	struct cmwq_pool *pool;
	struct task_struct *wake = NULL;
	bool stolen = false;

	*runs = true;			/* for all we know */
	if (cmwq_data_delayed(data) &&
	    timer_delete(&cmwq_to_delayed_work(work)->timer)) {
		atomic_long_andnot(WORK_DELAYED, &work->data);
		return true;
	}
	if (cmwq_data_rcu_waits(data))
		return atomic_long_try_cmpxchg(&work->data,	/* C1 */
					       (long *)&data,
					       data & ~(WORK_RCU_WAIT |
							WORK_RCU_AGAIN));
	if ((data & WORK_WHERE) == WORK_OFFQ)
		return false;					/* F2 */

	/* The pwq stays: interrupts are off, it is freed by RCU. */
	pool = cmwq_data_pool(data);
	raw_spin_lock(&pool->lock);
	cmwq_pool_splice(pool);
	data = atomic_long_read(&work->data);
	if ((data & WORK_WHERE) >= WORK_ACTIVE &&
	    cmwq_data_pool(data) == pool) {
		unlink_item(pool, work);
		*runs = cmwq_find_busy(pool, work) ||
			cmwq_data_pwq(data)->wq->flags & __CMWQ_ORDERED;
		stolen = true;
	}
	wake = cmwq_pool_pick(pool);				/* R3 */
	raw_spin_unlock(&pool->lock);
	if (wake)
		wake_up_process(wake);
	return stolen;
}

static bool steal(struct cmwq_work *work, unsigned long *flags, bool *runs)
{
	unsigned long data;

	for (;;) {
		local_irq_save(*flags);
		data = atomic_long_read(&work->data);
		if (!(data & WORK_PENDING))
			return false;
		if (try_steal(work, data, runs))
			return true;
		local_irq_restore(*flags);
		cpu_relax();
	}
}

/**
 * cmwq_steal - take a pending item from its queue or timer
 * @work:	the item
 * @flags:	where to save the interrupt state; interrupts are off on return
 *
 * Return: true if it was pending: the caller has claimed it now (PENDING and
 * OFFQ).  False if it is idle.
 */
bool cmwq_steal(struct cmwq_work *work, unsigned long *flags)
{
	bool runs;

	return steal(work, flags, &runs);
}

/* Interrupts are off.  Is an item that is not pending certainly idle? */
static bool certainly_idle(struct cmwq_work *work)
{
	unsigned long data = atomic_long_read(&work->data);
	struct cmwq_pool *pool = cmwq_data_pool(data);
	bool idle;

	if (data & WORK_PENDING || cmwq_data_rcu_left(data))
		return false;
	if (!pool)
		return true;
	raw_spin_lock(&pool->lock);
	idle = !cmwq_find_busy(pool, work) &&
	       (unsigned long)atomic_long_read(&work->data) == data;
	raw_spin_unlock(&pool->lock);
	return idle;
}

/**
 * cmwq_item_usable - check an item that is to be waited for or changed
 * @work:	the item
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * Return: false, with a log line, if it is NULL or cannot be one.
 */
bool cmwq_item_usable(struct cmwq_work *work, const char *what, void *caller)
{
	if (unlikely(!work)) {
		cmwq_report(what, caller, -EINVAL, "the item is NULL");
		return false;
	}
	if (likely(cmwq_item_sane(work, atomic_long_read(&work->data))))
		return true;
	cmwq_report(what, caller, -EINVAL,
		    "not an initialised item (or freed): CMWQ_INIT_WORK() it first");
	return false;
}

/* Waiting for one item */

/* Does the calling task run this very item? */
static bool runs_itself(struct cmwq_work *work)
{
	struct cmwq_worker *self = cmwq_current_worker();

	return self && self->current_work == work &&
	       self->current_func == work->func;
}

/**
 * cmwq_check_dependency - memory reclaim must not wait for memory
 * @wq:		the queue that the calling task is about to wait for
 * @what:	function, for the log
 * @caller:	its caller, for the log
 */
void cmwq_check_dependency(struct cmwq_workqueue *wq, const char *what,
			   void *caller)
{
	struct cmwq_worker *self;

	if (wq->flags & CMWQ_MEM_RECLAIM)
		return;
	if (current->flags & PF_MEMALLOC) {
		cmwq_report(what, caller, -EDEADLK,
			    "%s, which reclaims memory, waits for queue %s, which has no rescuer: give it CMWQ_MEM_RECLAIM",
			    current->comm, wq->name);
	} else if (cmwq_current_is_workqueue_mem_reclaim()) {
		self = cmwq_current_worker();
		cmwq_report(what, caller, -EDEADLK,
			    "%ps on the CMWQ_MEM_RECLAIM queue %s waits for queue %s, which has no rescuer: give it CMWQ_MEM_RECLAIM",
			    self->current_func, self->current_pwq->wq->name,
			    wq->name);
	}
}

static void check_item_dependency(struct cmwq_work *work, const char *what,
				  void *caller)
{
	struct cmwq_workqueue *wq = NULL;
	struct cmwq_worker *worker;
	unsigned long flags, data;
	struct cmwq_pool *pool;

	if (!(current->flags & PF_MEMALLOC) &&
	    !cmwq_current_is_workqueue_mem_reclaim())
		return;
	local_irq_save(flags);					/* D2 */
	data = atomic_long_read(&work->data);
	pool = cmwq_data_pool(data);
	if (data & WORK_WHERE) {
		wq = cmwq_data_pwq(data)->wq;
	} else if (pool) {
		raw_spin_lock(&pool->lock);
		worker = cmwq_find_busy(pool, work);
		if (worker)
			wq = worker->current_pwq->wq;
		raw_spin_unlock(&pool->lock);
	}
	if (wq)
		cmwq_check_dependency(wq, what, caller);
	local_irq_restore(flags);
}

/* Put @w where the end of the item's execution is noticed; false: it is idle. */
static bool add_waiter(struct cmwq_work *work, struct cmwq_waiter *w)
{
	struct cmwq_worker *worker;
	struct cmwq_pool *pool;
	unsigned long data, flags;
	bool again, wait, linked;

	do {
		local_irq_save(flags);
		data = atomic_long_read(&work->data);
		if (cmwq_data_claimed(data)) {			/* F2 */
			local_irq_restore(flags);
			cpu_relax();
			again = true;
			continue;
		}
		pool = cmwq_data_pool(data);
		if (!pool) {
			local_irq_restore(flags);
			return false;
		}
		raw_spin_lock(&pool->lock);
		linked = cmwq_pool_splice(pool);
		data = atomic_long_read(&work->data);
		again = cmwq_data_pool(data) != pool ||
			(data & WORK_WHERE) == WORK_UNLINKED ||	/* F2 */
			cmwq_data_claimed(data);
		wait = false;
		w->bh = pool->key.bh ? pool : NULL;
		if (!again && (data & WORK_WHERE) >= WORK_ACTIVE) {
			list_add_tail(&w->node, &pool->waiters);
			atomic_long_or(WORK_WAITED, &work->data);
			wait = true;
		} else if (!again) {
			worker = cmwq_find_busy(pool, work);
			if (worker) {
				list_add_tail(&w->node, &worker->waiters);
				wait = true;
			}
		}
		cmwq_pool_unlock_kick(pool, flags, linked);
		if (again)
			cpu_relax();
	} while (again);
	return wait;
}

/* Is an item's queue, or was its last one, a BH queue? */
static bool on_bh(struct cmwq_work *work)
{
	struct cmwq_pool *pool;
	unsigned long flags;
	bool bh;

	local_irq_save(flags);
	pool = cmwq_data_pool(atomic_long_read(&work->data));
	bh = pool && pool->key.bh;
	local_irq_restore(flags);
	return bh;
}

/* Whoever waits for a BH item may do it in atomic context, too. */
static void may_wait(struct cmwq_work *work)
{
	if ((preemptible() && !rcu_preempt_depth()) || !on_bh(work) ||
	    cmwq_data_rcu_left(atomic_long_read(&work->data)))
		might_sleep();
}

/* Kernels that do not count preemption cannot tell: whoever cancels polls. */
static bool can_sleep(bool cancels)
{
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		return preemptible() && !rcu_preempt_depth();
	return !cancels && !in_interrupt() && !irqs_disabled();
}

static void wait_for_item(struct cmwq_waiter *w, bool cancels)
{
	if (can_sleep(cancels) || !w->bh) {
		wait_for_completion(&w->done);
		return;
	}
	while (!try_wait_for_completion(&w->done)) {
		/* A reader, or a lock is held. */
		if (IS_ENABLED(CONFIG_PREEMPT_RT) && preemptible())
			cmwq_bh_lend(w->bh);			/* B4 */
		cpu_relax();
	}
}

static bool wait_until_idle(struct cmwq_work *work, bool cancels,
			    const char *what, void *caller)
{
	struct cmwq_worker *self = cmwq_current_worker();
	struct cmwq_waiter w = { .work = work };
	bool waited = false;

	if (!cmwq_item_usable(work, what, caller))
		return false;
	may_wait(work);
	if (unlikely(self && !self->task && !on_bh(work))) {
		cmwq_report(what, caller, -EWOULDBLOCK,
			    "a BH item cannot wait for an item of a queue without CMWQ_BH: not waiting");
		return false;
	}
	if (unlikely(self && runs_itself(work))) {
		cmwq_report(what, caller, -EDEADLK,
			    "an item cannot wait for itself: not waiting");
		return false;
	}
	cmwq_touch_flushed(work);
	if (!cancels)
		check_item_dependency(work, what, caller);
	/*
	 * Who flushes does not touch the item any more when it is over: it may be
	 * gone.  Who cancels has to, as another canceller may still hold it (F2).
	 */
	do {
		w.again = false;
		init_completion(&w.done);
		if (!add_waiter(work, &w))
			return waited;
		wait_for_item(&w, cancels);
		waited = true;
	} while (w.again || cancels);
	return true;
}

/**
 * cmwq_flush_item - wait until an item has neither a queueing nor an execution
 * @work:	the item
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * Return: true if it waited.
 */
bool cmwq_flush_item(struct cmwq_work *work, const char *what, void *caller)
{
	return wait_until_idle(work, false, what, caller);
}

bool cmwq_flush_work(struct cmwq_work *work)
{
	might_sleep();
	return cmwq_flush_item(work, "cmwq_flush_work",
			       __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_flush_work);

/* Cancelling and disabling */

/* @work is claimed, and not disabled: else it would not have been pending. */
static void give_up_claim(struct cmwq_work *work, unsigned long depth)
{
	unsigned long data = atomic_long_read(&work->data) & ~WORK_PENDING;

	atomic_long_set_release(&work->data, data + depth);
}

/*
 * Take the item off, and disable it if @disable is set, which is cleared if it
 * could not be disabled once more.
 */
static bool take_off(struct cmwq_work *work, bool *disable, const char *what,
		     void *caller)
{
	unsigned long flags;
	bool pending;
	long data;

	if (!cmwq_item_usable(work, what, caller))
		return false;
	for (;;) {
		pending = cmwq_steal(work, &flags);
		if (pending) {
			give_up_claim(work, *disable ? WORK_DEPTH_ONE : 0);
			break;
		}
		if (!*disable)
			break;
		data = atomic_long_read(&work->data);
		if (data & WORK_PENDING) {	/* queued meanwhile */
			local_irq_restore(flags);
			continue;
		}
		if ((data & WORK_DEPTH_MASK) == WORK_DEPTH_MASK) {
			cmwq_report(what, caller, -EOVERFLOW,
				    "disabled 65535 times: enable it as often as it is disabled");
			*disable = false;
			break;
		}
		if (atomic_long_try_cmpxchg(&work->data, &data,
					    data + WORK_DEPTH_ONE))
			break;
		local_irq_restore(flags);
	}
	local_irq_restore(flags);
	return pending;
}

static bool cancel(struct cmwq_work *work, const char *what, void *caller)
{
	bool disable = false;

	return take_off(work, &disable, what, caller);
}

static bool disable(struct cmwq_work *work, const char *what, void *caller)
{
	bool disable = true;

	return take_off(work, &disable, what, caller);
}

static bool enable(struct cmwq_work *work, const char *what, void *caller)
{
	long data;

	if (!cmwq_item_usable(work, what, caller))
		return false;
	data = atomic_long_read(&work->data);
	do {
		if (data & WORK_WHERE || !(data & WORK_DEPTH_MASK)) {
			cmwq_report(what, caller, -EINVAL,
				    "the item is not disabled");
			return true;
		}
	} while (!atomic_long_try_cmpxchg(&work->data, &data,
					  data - WORK_DEPTH_ONE));
	return !((data - WORK_DEPTH_ONE) & WORK_DEPTH_MASK);
}

static bool disable_sync(struct cmwq_work *work, const char *what,
			 void *caller)
{
	bool pending;

	if (!cmwq_item_usable(work, what, caller))
		return false;
	pending = disable(work, what, caller);
	wait_until_idle(work, true, what, caller);
	cmwq_rcu_settle(work);
	return pending;
}

/*
 * An item found neither pending nor running, at one instant under its pool's
 * lock, is cancelled.  Else it is disabled while it is waited for: a function
 * that requeues itself, or another CPU, cannot bring it back before the end.
 */
static bool cancel_sync(struct cmwq_work *work, const char *what, void *caller)
{
	bool pending, runs, disabled = true;
	unsigned long flags;

	if (!cmwq_item_usable(work, what, caller))
		return false;
	if (!runs_itself(work))
		cmwq_touch_work(work);

	may_wait(work);
	pending = steal(work, &flags, &runs);
	if (pending && !runs)
		give_up_claim(work, 0);
	else if (pending)
		give_up_claim(work, WORK_DEPTH_ONE);
	else
		runs = !certainly_idle(work);
	local_irq_restore(flags);
	if (!runs)
		return pending;

	if (!pending)
		pending = take_off(work, &disabled, what, caller);
	wait_until_idle(work, true, what, caller);
	cmwq_rcu_settle(work);
	if (disabled)
		enable(work, what, caller);
	return pending;
}

bool cmwq_cancel_work(struct cmwq_work *work)
{
	return cancel(work, "cmwq_cancel_work",
		      __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_cancel_work);

bool cmwq_cancel_work_sync(struct cmwq_work *work)
{
	return cancel_sync(work, "cmwq_cancel_work_sync",
			   __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_cancel_work_sync);

bool cmwq_disable_work(struct cmwq_work *work)
{
	return disable(work, "cmwq_disable_work",
		      __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_disable_work);

bool cmwq_disable_work_sync(struct cmwq_work *work)
{
	return disable_sync(work, "cmwq_disable_work_sync",
			    __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_disable_work_sync);

bool cmwq_enable_work(struct cmwq_work *work)
{
	return enable(work, "cmwq_enable_work", __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_enable_work);

/*
 * The same for delayed items.  The state word tells whether a timer has to be
 * stopped, so these differ in their names only.
 */
static struct cmwq_work *work_of(struct cmwq_delayed_work *dwork)
{
	return dwork ? &dwork->work : NULL;
}

bool cmwq_cancel_delayed_work(struct cmwq_delayed_work *dwork)
{
	return cancel(work_of(dwork), "cmwq_cancel_delayed_work",
		      __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_cancel_delayed_work);

bool cmwq_cancel_delayed_work_sync(struct cmwq_delayed_work *dwork)
{
	return cancel_sync(work_of(dwork), "cmwq_cancel_delayed_work_sync",
			   __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_cancel_delayed_work_sync);

bool cmwq_disable_delayed_work(struct cmwq_delayed_work *dwork)
{
	return disable(work_of(dwork), "cmwq_disable_delayed_work",
		      __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_disable_delayed_work);

bool cmwq_disable_delayed_work_sync(struct cmwq_delayed_work *dwork)
{
	return disable_sync(work_of(dwork), "cmwq_disable_delayed_work_sync",
			    __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_disable_delayed_work_sync);

bool cmwq_enable_delayed_work(struct cmwq_delayed_work *dwork)
{
	return enable(work_of(dwork), "cmwq_enable_delayed_work",
		      __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_enable_delayed_work);

void cmwq_destroy_work_on_stack(struct cmwq_work *work)
{
	WARN(work && (cmwq_work_pending(work) ||
		      cmwq_data_rcu_left(atomic_long_read(&work->data))),
	     "cmwq: the on-stack item of %ps is still pending: cancel or flush it first\n",
	     work->func);
	if (work)
		cmwq_object_end(work);
}
EXPORT_SYMBOL_GPL(cmwq_destroy_work_on_stack);

void cmwq_destroy_delayed_work_on_stack(struct cmwq_delayed_work *dwork)
{
	if (!dwork)
		return;
	cmwq_destroy_work_on_stack(&dwork->work);
	timer_destroy_on_stack(&dwork->timer);
}
EXPORT_SYMBOL_GPL(cmwq_destroy_delayed_work_on_stack);

/* Looking */

/* Interrupts are off: the pool stays. */
static bool runs_in(struct cmwq_pool *pool, struct cmwq_work *work)
{
	bool runs;

	if (!pool)
		return false;
	raw_spin_lock(&pool->lock);
	runs = cmwq_find_busy(pool, work);
	raw_spin_unlock(&pool->lock);
	return runs;
}

/* @data: of @work, which is queued, and may run in an older pool of its queue: S3 */
static bool runs_before(unsigned long data, struct cmwq_work *work)
{
	struct cmwq_workqueue *wq;

	if (!(data & WORK_WHERE))
		return false;
	wq = cmwq_data_pwq(data)->wq;
	return wq->flags & __CMWQ_ORDERED &&
		runs_in(cmwq_pool_of_id(READ_ONCE(wq->ran_on)), work);
}

unsigned int cmwq_work_busy(struct cmwq_work *work)
{
	unsigned int busy = 0;
	unsigned long flags, data;

	if (!cmwq_item_usable(work, "cmwq_work_busy",
			      __builtin_return_address(0)))
		return 0;
	if (cmwq_work_pending(work))
		busy |= CMWQ_WORK_BUSY_PENDING;
	local_irq_save(flags);
	data = atomic_long_read(&work->data);
	if (runs_in(cmwq_data_pool(data), work) || runs_before(data, work))
		busy |= CMWQ_WORK_BUSY_RUNNING;
	local_irq_restore(flags);
	return busy;
}
EXPORT_SYMBOL_GPL(cmwq_work_busy);

struct cmwq_work *cmwq_current_work(void)
{
	struct cmwq_worker *worker = cmwq_current_worker();

	return worker ? worker->current_work : NULL;
}
EXPORT_SYMBOL_GPL(cmwq_current_work);

bool cmwq_current_is_workqueue_mem_reclaim(void)
{
	const unsigned int flags = CMWQ_MEM_RECLAIM | __CMWQ_LEGACY;
	struct cmwq_worker *worker = cmwq_current_worker();

	return worker && worker->current_pwq &&
	       (worker->current_pwq->wq->flags & flags) == CMWQ_MEM_RECLAIM;
}
EXPORT_SYMBOL_GPL(cmwq_current_is_workqueue_mem_reclaim);

void cmwq_set_worker_desc(const char *fmt, ...)
{
	struct cmwq_worker *worker = cmwq_current_worker();
	char desc[CMWQ_WORKER_DESC_LEN];
	unsigned long flags;
	va_list args;

	if (!fmt || !worker || !worker->current_work)
		return;
	va_start(args, fmt);
	vsnprintf(desc, sizeof(desc), fmt, args);
	va_end(args);
	raw_spin_lock_irqsave(&worker->pool->lock, flags);
	strscpy(worker->desc, desc, sizeof(worker->desc));
	raw_spin_unlock_irqrestore(&worker->pool->lock, flags);
}
EXPORT_SYMBOL_GPL(cmwq_set_worker_desc);
