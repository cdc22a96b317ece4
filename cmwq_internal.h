/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq_internal.h - private structures, their locks, and the lock order
 *
 * Lock letters.  Every field of a shared structure carries one:
 *
 *   I   set at initialisation, read-only afterwards
 *   P   pool->lock
 *   W   wq->mutex
 *   M   cmwq_wq_mutex
 *   T   cmwq_attrs_mutex
 *   F   wq->flush_lock
 *   U   wq->succeed_lock
 *   N   share->lock
 *   Y   rescuer->lock
 *   A   atomic, or lock-free with its own protocol (the comment says which)
 *   S   written by the owning worker only, in its own context, with interrupts
 *       off; its scheduler hooks run in that context too and may read it.  The
 *       hog timer writes it when the worker cannot run (G1 in hog.c)
 *   PR  written under P, read by anyone with READ_ONCE()
 *   K   the watchdog thread's own; others may read it with READ_ONCE()
 *
 * Lock order, outermost first:
 *
 *   cpus_read_lock -> cmwq_attrs_mutex -> cmwq_wq_mutex -> wq->mutex
 *      -> wq->succeed_lock (raw) -> pool->lock (raw)
 *      -> wq->flush_lock, share->lock, rescuer->lock (raw) -> completions
 *      -> pi_lock -> rq->lock
 *   cmwq_hogs_mutex, and pool->lock -> hogs_lock (raw)
 *
 * Of two pools' locks never both are held.
 *
 * Under rq->lock (the accounting hooks) nothing of ours is locked, nothing is
 * woken and nothing is printed: atomics and irq_work_queue() only.  Wakeups on
 * the hot path are issued after pool->lock is dropped, but with interrupts
 * still off: that is the RCU read-side section which keeps the picked task and
 * the pwq behind a pending item from being freed.
 */
#ifndef _CMWQ_INTERNAL_H
#define _CMWQ_INTERNAL_H

#define pr_fmt(fmt) "cmwq: " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/semaphore.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <cmwq.h>

#include "objects.h"

#ifndef CONFIG_64BIT
#error "cmwq needs a 64-bit kernel: the state word of an item holds a pointer and flags"
#endif

/*
 * The state word, cmwq_work.data.
 *
 *   bit 0       PENDING: somebody owns the item until it starts or is taken
 *   bits 1-2    where it is: OFFQ, UNLINKED (claimed, in the pool's inbox or
 *               about to be), ACTIVE (worklist or a worker's scheduled list),
 *               INACTIVE (waits for its queue's max_active)
 *
 *   on a queue  bit 3 WAITED (somebody flushes it), bits 4-7 flush colour, bits
 *               8-63 the pwq, but for bit 63 ANY_CPU, which all addresses have
 *               set: clear if it was queued for a certain CPU
 *   off queue   bit 3 DELAYED (claimed by its running timer), bits 4-6 HEAD,
 *               WAIT, AGAIN (see rcu.c), bit 7 zero, bits 8-23 disable depth,
 *               bits 24-54 id of the pool that had it last, bit 55 zero,
 *               bits 56-63 magic
 *
 * Who writes it: without PENDING anybody, by compare-and-exchange.  With
 * PENDING and OFFQ or UNLINKED its claimer; UNLINKED items found in an inbox,
 * ACTIVE and INACTIVE ones the holder of that pool's lock.  With WAIT anybody
 * again.  A claim is short: its owner keeps interrupts off until the item is in
 * an inbox, its timer is armed, WAIT is set or the claim is given up.
 *
 * The magic and the unused combinations let a zeroed, poisoned (0x6b, 0x5a) or
 * never initialised item be told from a valid one.
 */
#define WORK_PENDING		BIT(0)
#define WORK_WHERE		6UL
#define WORK_OFFQ		0UL
#define WORK_UNLINKED		2UL
#define WORK_ACTIVE		4UL
#define WORK_INACTIVE		6UL
#define WORK_WAITED		BIT(3)
#define WORK_DELAYED		BIT(3)
#define WORK_RCU_HEAD		BIT(4)
#define WORK_RCU_WAIT		BIT(5)
#define WORK_RCU_AGAIN		BIT(6)
#define WORK_COLOUR_SHIFT	4
#define WORK_COLOURS		16
#define WORK_COLOUR_MASK	((WORK_COLOURS - 1UL) << WORK_COLOUR_SHIFT)
#define WORK_PWQ_ALIGN		256
#define WORK_PWQ_MASK		(~(WORK_PWQ_ALIGN - 1UL))
#define WORK_ANY_CPU		BIT(63)

#define WORK_DEPTH_SHIFT	8
#define WORK_DEPTH_ONE		BIT(WORK_DEPTH_SHIFT)
#define WORK_DEPTH_MASK		(0xffffUL << WORK_DEPTH_SHIFT)
#define WORK_POOL_SHIFT		24
#define WORK_POOL_MASK		(0x7fffffffUL << WORK_POOL_SHIFT)
#define WORK_OFFQ_FIXED		((0xffUL << 56) | BIT(55) | 0x86UL)

/* workers */
#define WORKER_PREP		BIT(0)	/* between items: not counted */
#define WORKER_IDLE		BIT(1)	/* on pool->idle */
#define WORKER_CPU_INTENSIVE	BIT(2)	/* runs such an item: not counted */
#define WORKER_UNBOUND		BIT(3)	/* never counted */
#define WORKER_DIE		BIT(4)	/* retired, on its way out */
#define WORKER_RESCUER		BIT(5)	/* PREP as well, for ever */
#define WORKER_NOT_RUNNING	(WORKER_PREP | WORKER_IDLE | \
				 WORKER_CPU_INTENSIVE | WORKER_UNBOUND)

/* Do workers go back to their CPU?  Not in the variant for tests that must fail. */
#ifdef CMWQ_BUSTED
#define CMWQ_HEALS		0
#else
#define CMWQ_HEALS		1
#endif

/* pools */
#define POOL_DISASSOCIATED	BIT(0)	/* its CPU is down */
#define POOL_STARVED		BIT(1)	/* the keeper looks after it */

#define CMWQ_BUSY_BITS		6
#define CMWQ_HOGS		64	/* functions in the table */

struct cmwq_pwq;

/* What the workers of a pool are.  Queues that want the same share the pool. */
struct cmwq_pool_key {
	int			cpu;		/* -1 if unbound */
	bool			bh;		/* softirq, no thread */
	int			nice;
	unsigned int		policy;		/* SCHED_NORMAL, _FIFO, _RR */
	int			priority;	/* real-time; else 0 */
	const struct cpumask	*allowed;	/* unbound: may run there */
	const struct cpumask	*pod;		/* unbound: start there */
};

struct cmwq_pool {
	struct llist_head	inbox;		/* A: producers push, P takes */
	atomic_t		nr_running;	/* A: counted workers */
	int			target;		/* I: concurrency */
	unsigned long		offq_idle;	/* I: data of idle items */
	struct cmwq_worker	*waking;	/* PR: woken, not yet up */
	int			watched;	/* P: looks to come, hog.c */

	raw_spinlock_t		lock ____cacheline_aligned_in_smp;
	unsigned int		flags;		/* PR: POOL_* */
	struct list_head	worklist;	/* PR: active items, in order */
	struct list_head	idle;		/* P: most recent first */
	int			nr_workers;	/* PR */
	int			nr_idle;	/* P */
	struct task_struct	*manager;	/* P: creating a worker */
	unsigned long		create_after;	/* P: jiffies; back-off */
	unsigned int		failures;	/* P: since the last creation */
	struct list_head	waiters;	/* P: of pending items */
	struct list_head	workers;	/* P: all of them */
	struct irq_work		kick_work;	/* A: the guarantee */
	struct timer_list	idle_timer;	/* A: retires workers */
	struct timer_list	hog_timer;	/* A: looks for hogs */
	struct timer_list	mayday_timer;	/* A: calls rescuers */

	int			id;		/* I: 1.. */
	int			node;		/* I */
	struct cmwq_pool_key	key;		/* I */
	cpumask_var_t		allowed;	/* I: of key; unbound only */
	cpumask_var_t		pod;		/* I: of key; unbound only */
	refcount_t		refs;		/* A: pwqs, lookers */
	atomic_t		nr_threads;	/* A: not yet off the hooks */
	struct llist_node	dead_node;	/* A: no refs any more */
	int			next_worker;	/* P: for names */

	u64			created;	/* P: workers, since load */
	u64			retired;	/* P */
	u64			handovers;	/* PR: wakes by the guarantee */
	u64			prewakes;	/* PR: wakes by the accelerator */
	u64			create_failed;	/* P */
	u64			capped;		/* P: creations not tried */
	u64			rescued;	/* P: items, by rescuers */
	u64			repatriated;	/* P: wakes into the pod */
	u64			strays;		/* P: woke where none may run */
	u64			evacuated;	/* P: items moved elsewhere */

	u64			seen_progress;	/* K: at the last look */
	bool			had_work;	/* K: there, too */
	unsigned long		stuck_since;	/* K: jiffies */
	unsigned int		reports;	/* K: of this stall */
	u64			stalls;		/* K: reported ones */

	struct hlist_head	busy[1 << CMWQ_BUSY_BITS]; /* P: by item */
};

/*
 * The part of an unbound queue's max_active that belongs to a NUMA node: for
 * all of its pwqs there.  active.c.
 */
struct cmwq_share {
	atomic_t		nr;		/* A: items in execution */
	int			max;		/* PR by W */
	raw_spinlock_t		lock;
	struct list_head	waiting;	/* N: pwqs, longest first */
	struct irq_work		next;		/* A: serves them */
};

/* The meeting of a queue and a pool. */
struct cmwq_pwq {
	struct cmwq_pool	*pool;		/* I */
	struct cmwq_workqueue	*wq;		/* I */
	int			nr_active;	/* P */
	int			max_active;	/* P: cmwq_pwq_set_limit() */
	struct cmwq_share	*share;		/* I: NULL if per-CPU */
	unsigned int		colour;		/* P: of newly linked items */
	unsigned int		watched;	/* P: colours, PWQ_* */
	struct list_head	inactive;	/* P: beyond max_active */
	u64			executed;	/* P */
	u64			cancelled;	/* P */
	unsigned int		in_flight[WORK_COLOURS]; /* P: linked items */

	bool			mayday;		/* P: its rescuer has it */
	u64			maydays;	/* P */
	u64			rescued;	/* P: items */
	struct list_head	rescue_node;	/* Y */

	const struct cred	*cred;		/* I */
	struct list_head	waiting;	/* N: in share->waiting */
	struct list_head	node;		/* W, or RCU to read: wq->pwqs */
	struct cmwq_pwq		*successor;	/* U: ordered: the next one */
	struct rcu_head		rcu;		/* A */
} __aligned(WORK_PWQ_ALIGN);

#define PWQ_RETIRED		BIT(WORK_COLOURS) /* gets no new items */
#define PWQ_PLUGGED		BIT(WORK_COLOURS + 1) /* S2 in route.c */

/* What a queue takes in; the first value doubles as the "is a queue" magic. */
enum cmwq_intake {
	CMWQ_OPEN	= 0x636d7771,
	CMWQ_DRAINING	= 0x636d7764,
	CMWQ_DESTROYING	= 0x636d7778,
	CMWQ_DEAD	= 0x636d7700,
};

struct cmwq_workqueue {
	u32			intake;		/* A: W writes */
	unsigned int		flags;		/* I: CMWQ_* */
	struct cmwq_pwq * __percpu *route;	/* A: by CPU; W, T write */

	struct mutex		mutex;		/* W: what it stands for */
	struct list_head	pwqs;		/* W: oldest first */
	struct cmwq_attrs	*attrs;		/* W, T */
	cpumask_var_t		cpus;		/* W: unbound: effective */
	int			max_active;	/* PR by W */
	int			min_active;	/* PR by W */
	bool			frozen;		/* PR by W: E1 in freeze.c */
	u64			gone_executed;	/* W: by pwqs now freed */
	u64			gone_cancelled;	/* W */
	u64			gone_maydays;	/* W */
	u64			gone_rescued;	/* W */
	unsigned int		colour;		/* W */
	int			nr_drainers;	/* W */
	struct semaphore	colours;	/* A: colours that are free */

	raw_spinlock_t		flush_lock;
	struct list_head	flushers;	/* F: in order of their call */
	atomic_t		flush_left[WORK_COLOURS]; /* A: pwqs to go */

	struct cmwq_share	*shares;	/* I: by node; NULL if per-CPU */
	raw_spinlock_t		succeed_lock;
	struct cmwq_pwq		*oldest;	/* U: ordered; may run items */
	int			ran_on;		/* A: ordered: id of a pool */
	struct irq_work		succeed;	/* A: a pwq has retired */

	struct cmwq_rescuer	*rescuer;	/* I: if CMWQ_MEM_RECLAIM */
	atomic_long_t		displaced;	/* A: queued for CPUs down */

	struct list_head	node;		/* M: cmwq_workqueues */
	struct module		*owner;		/* I */
	struct cmwq_device	*device;	/* W writes; V2 in sysfs.c */
	char			name[CMWQ_NAME_LEN];	/* I */
#ifdef CONFIG_LOCKDEP
	struct lockdep_map	*lockdep_map;	/* I: own_map or its creator's */
	struct lockdep_map	own_map;	/* A: lockdep's */
	struct lock_class_key	lock_key;	/* A: lockdep's */
	char			lock_name[CMWQ_NAME_LEN + 8];	/* I */
#endif
};

struct cmwq_worker {
	unsigned int		flags;		/* S, and P: WORKER_* */
	bool			counted;	/* S: is in pool->nr_running */
	bool			binding;	/* A: P5; P to set it */
	struct cmwq_pool	*pool;		/* I; a rescuer's: P, or NULL */
	struct task_struct	*task;		/* I, then A: H2 in sched_hook.c */
	struct preempt_notifier	notifier;	/* S */

	struct hlist_node	busy_node;	/* P */
	struct cmwq_work	*current_work;	/* P */
	cmwq_func_t		current_func;	/* P */
	struct cmwq_pwq		*current_pwq;	/* P */
	unsigned long		since;		/* P: jiffies of last change */
	unsigned int		items;		/* P: started so far */
	struct list_head	scheduled;	/* P: must run here */
	struct list_head	waiters;	/* P: of the running item */
	struct list_head	idle_node;	/* P */
	struct list_head	node;		/* P: pool->workers */
	const struct cred	*saved_cred;	/* S: while overridden */
	int			id;		/* I */
	char			desc[CMWQ_WORKER_DESC_LEN]; /* P */

	/* The run that the hog timer saw last, and the state at its start. */
	unsigned int		seen_items;	/* P: items */
	unsigned long		seen_sleeps;	/* P: sleeps of the task */
	u64			seen_runtime;	/* P: ns of CPU time */
	u64			hog_ran;	/* P: ns booked; 0: is no hog */
};

/* A function that held its CPU for long.  hogs_lock in hog.c */
struct cmwq_hog {
	cmwq_func_t		func;
	u64			hits;
	u64			longest;	/* ns */
	u64			total;		/* ns */
};

/* Somebody who waits for one item; on the waiter's stack. */
struct cmwq_waiter {
	struct list_head	node;		/* P */
	struct cmwq_work	*work;		/* I */
	bool			again;		/* P: look once more */
	struct cmwq_pool	*bh;		/* P: where it waits, if BH */
	struct completion	done;		/* A */
};

/* data word helpers */

static inline struct cmwq_pwq *cmwq_data_pwq(unsigned long data)
{
	return (struct cmwq_pwq *)((data & WORK_PWQ_MASK) | WORK_ANY_CPU);
}

static inline bool cmwq_data_offq_valid(unsigned long data)
{
	return (data & WORK_OFFQ_FIXED) == __CMWQ_WORK_MAGIC;
}

static inline bool cmwq_data_delayed(unsigned long data)
{
	return (data & (WORK_WHERE | WORK_DELAYED)) == WORK_DELAYED;
}

/* In the hands of somebody who is about to queue it, or to give it up. */
static inline bool cmwq_data_claimed(unsigned long data)
{
	return (data & (WORK_PENDING | WORK_WHERE | WORK_DELAYED |
			WORK_RCU_WAIT)) == WORK_PENDING;
}

/* Pending, and to be queued by the RCU callback. */
static inline bool cmwq_data_rcu_waits(unsigned long data)
{
	return (data & (WORK_WHERE | WORK_RCU_WAIT)) == WORK_RCU_WAIT;
}

/* Idle, but its rcu_head is still with RCU. */
static inline bool cmwq_data_rcu_left(unsigned long data)
{
	return (data & (WORK_PENDING | WORK_WHERE | WORK_RCU_HEAD)) ==
	       WORK_RCU_HEAD;
}

static inline bool cmwq_data_disabled(unsigned long data)
{
	return !(data & (WORK_PENDING | WORK_WHERE)) &&
	       data & WORK_DEPTH_MASK;
}

static inline unsigned int cmwq_data_colour(unsigned long data)
{
	return (data >> WORK_COLOUR_SHIFT) & (WORK_COLOURS - 1);
}

/*
 * List operations for worklist and idle list: without the checks of
 * CONFIG_DEBUG_LIST, which stock kernels enable and which cost a tenth of a
 * short item, except on debug kernels.  The lists are private and under
 * pool->lock.
 */
static inline void cmwq_item_add_tail(struct cmwq_work *work,
				      struct list_head *list)
{
	struct list_head *item = &work->entry, *prev = list->prev;

	if (IS_ENABLED(CONFIG_PROVE_LOCKING)) {
		list_add_tail(item, list);
		return;
	}
	item->next = list;
	item->prev = prev;
	WRITE_ONCE(prev->next, item);
	list->prev = item;
}

static inline void cmwq_list_del(struct list_head *entry)
{
	if (IS_ENABLED(CONFIG_PROVE_LOCKING))
		list_del(entry);
	else
		__list_del(entry->prev, entry->next);
}

static inline void cmwq_item_del(struct cmwq_work *work)
{
	cmwq_list_del(&work->entry);
}

/* cmwq_mod.c */
extern unsigned int cmwq_pool_max_workers;
extern unsigned int cmwq_total_max_workers;
extern unsigned int cmwq_idle_timeout_ms;
extern unsigned int cmwq_concurrency;
extern unsigned int cmwq_cpu_intensive_thresh_us;
extern unsigned int cmwq_cpu_intensive_warning_thresh;
extern unsigned int cmwq_watchdog_thresh;
extern bool cmwq_watchdog_evacuate;
extern int cmwq_fail_create;
extern unsigned int cmwq_fail_create_percent;
extern unsigned int cmwq_delay_create_ms;
extern char *cmwq_hooks;

/* poolset.c */
extern struct cmwq_pool **cmwq_pools;		/* A: by id; RCU */
extern int cmwq_max_pools;			/* I */
extern struct cmwq_pool __percpu *cmwq_cpu_pools; /* I: [normal, high] */
extern struct mutex cmwq_attrs_mutex;

int cmwq_pools_init(void);
void cmwq_pools_exit(void);
void cmwq_pools_settle(void);
void cmwq_pool_setup(struct cmwq_pool *pool, int id,
		     const struct cmwq_pool_key *key);
struct cmwq_pool *cmwq_pool_get(const struct cmwq_pool_key *key);
void cmwq_pool_put(struct cmwq_pool *pool);
struct cmwq_pool *cmwq_next_pool(struct cmwq_pool *pool);

/* Whoever leaves the loop early puts the pool. */
#define cmwq_for_each_pool(pool)					\
	for ((pool) = cmwq_next_pool(NULL); (pool);			\
	     (pool) = cmwq_next_pool(pool))

/* pool.c */
int cmwq_worker_thread(void *data);
void cmwq_bh_work_for_a_while(struct cmwq_worker *worker);
struct cmwq_worker *cmwq_current_worker(void);
struct cmwq_worker *cmwq_find_busy(struct cmwq_pool *pool,
				   struct cmwq_work *work);
struct task_struct *cmwq_pool_pick(struct cmwq_pool *pool);
void cmwq_worker_let_pass(struct cmwq_worker *worker);
void cmwq_pool_kick(struct cmwq_pool *pool);
void cmwq_run_scheduled(struct cmwq_worker *worker);
bool cmwq_off_its_cpu(struct cmwq_pool *pool);
void __cmwq_pool_splice(struct cmwq_pool *pool);
void cmwq_pwq_link(struct cmwq_pwq *pwq, struct cmwq_work *work,
		   unsigned long data);
void cmwq_adopt_waiters(struct cmwq_worker *worker, struct cmwq_work *work);
void cmwq_wake_waiters(struct list_head *waiters, struct cmwq_work *work,
		       bool again);

/* worker.c */
extern atomic_t cmwq_nr_workers;		/* A */
extern bool cmwq_stopping;			/* A */
extern struct completion cmwq_thread_gone;	/* A: once per thread */

int cmwq_workers_init(void);
void cmwq_workers_exit(void);
int cmwq_create_worker(struct cmwq_pool *pool);
void cmwq_retire_workers(struct cmwq_pool *pool);
int cmwq_pool_first_worker(struct cmwq_pool *pool);
void cmwq_pool_create_starved(struct cmwq_pool *pool);
bool cmwq_pool_look_after(struct cmwq_pool *pool);
bool cmwq_creation_shall_fail(void);
bool cmwq_manage_workers(struct cmwq_pool *pool);
void cmwq_worker_setup(struct cmwq_worker *worker, struct cmwq_pool *pool);
void cmwq_enter_idle(struct cmwq_worker *worker);
void cmwq_idle_timer_fn(struct timer_list *t);
void cmwq_worker_exit(struct cmwq_worker *worker);
void cmwq_free_spare_workers(void);

/**
 * cmwq_leave_idle - a worker is up, or on its way out
 * @worker: the worker; its pool's lock is held
 */
static inline void cmwq_leave_idle(struct cmwq_worker *worker)
{
	worker->flags &= ~WORKER_IDLE;
	worker->pool->nr_idle--;
	cmwq_list_del(&worker->idle_node);
}

/**
 * cmwq_pool_unlock_kick - drop the lock, after linking items maybe
 * @pool:	the pool
 * @flags:	saved interrupt state
 * @linked:	has the caller put anything on the worklist?
 */
static inline void cmwq_pool_unlock_kick(struct cmwq_pool *pool,
					 unsigned long flags, bool linked)
	__releases(&pool->lock)
{
	struct task_struct *task = linked ? cmwq_pool_pick(pool) : NULL;

	raw_spin_unlock(&pool->lock);
	if (task)
		wake_up_process(task);
	local_irq_restore(flags);
}

/*
 * The pool that has an item, or had it last.  Interrupts are off: that is what
 * keeps the pool and the pwq.  An id may have passed to another pool, which
 * knows nothing of the item: right, too, as the old one is gone.
 */
static inline struct cmwq_pool *cmwq_pool_of_id(unsigned long id)
{
	return id < cmwq_max_pools ? READ_ONCE(cmwq_pools[id]) : NULL;
}

static inline struct cmwq_pool *cmwq_data_pool(unsigned long data)
{
	if (data & WORK_WHERE)
		return cmwq_data_pwq(data)->pool;
	return cmwq_pool_of_id((data & WORK_POOL_MASK) >> WORK_POOL_SHIFT);
}

static inline bool cmwq_pool_has_work(struct cmwq_pool *pool)
{
	return !list_empty(&pool->worklist) || !llist_empty(&pool->inbox);
}

/**
 * cmwq_pool_splice - take what producers pushed, in queueing order
 * @pool: the pool; its lock is held
 *
 * Return: true if there was something.
 */
static inline bool cmwq_pool_splice(struct cmwq_pool *pool)
{
	lockdep_assert_held(&pool->lock);
	if (llist_empty(&pool->inbox))
		return false;
	__cmwq_pool_splice(pool);
	return true;
}

/* rescuer.c */
int cmwq_rescuer_thread(void *data);
int cmwq_rescuer_create(struct cmwq_workqueue *wq);
void cmwq_rescuer_stop(struct cmwq_workqueue *wq);
void cmwq_rescuer_resettle(struct cmwq_workqueue *wq);
void cmwq_rescuer_dress(struct cmwq_workqueue *wq);
pid_t cmwq_rescuer_pid(struct cmwq_workqueue *wq);
void cmwq_pool_in_need(struct cmwq_pool *pool);
void cmwq_mayday_timer_fn(struct timer_list *t);

/* bh.c: items in softirq context */
int cmwq_bh_init(int id);
void cmwq_bh_exit(void);
void cmwq_bh_free(void);
struct cmwq_pool *cmwq_bh_pool(unsigned int cpu, bool high);
struct cmwq_worker *cmwq_bh_current(void);
void cmwq_bh_raise(struct cmwq_worker *worker);
void cmwq_bh_lend(struct cmwq_pool *pool);
void cmwq_bh_item_done(struct cmwq_worker *worker, cmwq_func_t func,
		       struct cmwq_pwq *pwq);

/* keeper.c: the module's own housekeeping thread */
int cmwq_keeper_init(void);
void cmwq_keeper_exit(void);
struct task_struct *cmwq_keeper_ask(void);
void cmwq_keeper_place(const struct cpumask *cpus);
struct task_struct *cmwq_own_thread(int (*fn)(void *data), const char *name);

/* trustee.c: the pools of CPUs that are down */
int cmwq_trustees_init(void);
void cmwq_trustees_stop(void);
void cmwq_trustees_exit(void);
struct task_struct *cmwq_trustee_ask(struct cmwq_pool *pool);
void cmwq_orphan_changed(struct cmwq_pool *pool);
bool cmwq_trustee_provide(struct cmwq_pool *pool);
pid_t cmwq_trustee_pid(unsigned int cpu);

/* queue.c */
bool cmwq_queue_claimed(int cpu, struct cmwq_workqueue *wq,
			struct cmwq_work *work);
bool cmwq_claim(struct cmwq_work *work, const char *what, void *caller);
bool cmwq_cpu_valid(int cpu, const char *what, void *caller);
bool cmwq_wq_accepts(int cpu, struct cmwq_workqueue *wq,
		     struct cmwq_work *work, const char *what, void *caller);
bool cmwq_item_sane(struct cmwq_work *work, unsigned long data);
__printf(4, 5)
void cmwq_report(const char *what, void *caller, int err, const char *fmt, ...);

/* rcu.c */
void cmwq_rcu_queue_behind(int cpu, struct cmwq_workqueue *wq,
			   struct cmwq_work *work);
void cmwq_rcu_settle(struct cmwq_work *work);

/* flush.c */
bool cmwq_steal(struct cmwq_work *work, unsigned long *flags);
bool cmwq_item_usable(struct cmwq_work *work, const char *what, void *caller);
bool cmwq_flush_item(struct cmwq_work *work, const char *what, void *caller);
void cmwq_check_dependency(struct cmwq_workqueue *wq, const char *what,
			   void *caller);

/* drain.c: flushing and draining whole queues */
cmwq_func_t cmwq_running_func(struct cmwq_workqueue *wq, unsigned int *ms);
bool cmwq_pwq_colour_done(struct cmwq_pwq *pwq, unsigned int colour);
void cmwq_drain(struct cmwq_workqueue *wq);
bool cmwq_wq_alive(struct cmwq_workqueue *wq, const char *what, void *caller);
bool cmwq_wq_usable(struct cmwq_workqueue *wq, const char *what, void *caller);

/* active.c: who may be in execution at once */
bool __cmwq_share_get(struct cmwq_share *share);
bool __cmwq_share_put(struct cmwq_pwq *pwq);
void cmwq_pwq_activate(struct cmwq_pwq *pwq);
struct cmwq_share *cmwq_share_of(struct cmwq_workqueue *wq, int node);
int cmwq_shares_alloc(struct cmwq_workqueue *wq);
void cmwq_shares_free(struct cmwq_workqueue *wq);
void cmwq_shares_update(struct cmwq_workqueue *wq);
void cmwq_pwq_set_limit(struct cmwq_pwq *pwq);
void cmwq_limits_update(struct cmwq_workqueue *wq);
void cmwq_pwq_stop_waiting(struct cmwq_pwq *pwq);
int cmwq_clamp_max_active(int max_active, const char *name);

/* Take a place in execution; the pool's lock is held. */
static inline bool cmwq_pwq_admit(struct cmwq_pwq *pwq)
{
	if (unlikely(pwq->nr_active >= pwq->max_active))
		return false;
	if (pwq->share && unlikely(!__cmwq_share_get(pwq->share)))
		return false;
	pwq->nr_active++;
	return true;
}

/**
 * cmwq_pwq_uncount - an item is no longer the pool's
 * @pwq:	its pwq; the pool's lock is held
 * @colour:	its flush colour
 *
 * Return: true if somebody who flushes the queue was woken.
 */
static inline bool cmwq_pwq_uncount(struct cmwq_pwq *pwq, unsigned int colour)
{
	if (--pwq->in_flight[colour] ||
	    likely(!(pwq->watched & (BIT(colour) | PWQ_RETIRED))))
		return false;
	return cmwq_pwq_colour_done(pwq, colour);
}

/**
 * cmwq_pwq_finish - an active item has run or was taken off
 * @pwq:	its pwq; the pool's lock is held
 * @colour:	its flush colour
 *
 * Return: as cmwq_pwq_uncount().
 */
static inline bool cmwq_pwq_finish(struct cmwq_pwq *pwq, unsigned int colour)
{
	bool ours = true;

	pwq->nr_active--;
	if (pwq->share)
		ours = __cmwq_share_put(pwq);
	if (unlikely(!list_empty(&pwq->inactive)) && ours)
		cmwq_pwq_activate(pwq);
	return cmwq_pwq_uncount(pwq, colour);
}

/* attrs.c: what a queue's workers are, and where they run */
int cmwq_attrs_init(void);
void cmwq_attrs_exit(void);
int cmwq_attrs_of_new(struct cmwq_workqueue *wq);
int cmwq_attrs_apply(struct cmwq_workqueue *wq, const struct cmwq_attrs *attrs,
		     const char *what, void *caller);
void cmwq_unbound_cpumask_get(struct cpumask *effective,
			      struct cpumask *requested,
			      struct cpumask *isolated);
void cmwq_cpus_changed(void);
void cmwq_go_where_unbound(void);
void cmwq_own_threads_cpus(struct cpumask *cpus);
void cmwq_own_threads_place(void);
bool cmwq_cpu_isolated(unsigned int cpu);
bool cmwq_cpu_off_limits(unsigned int cpu);

/* route.c: from a queue to its pools, and how that is changed */
int cmwq_route_prepare(struct cmwq_workqueue *wq, struct cmwq_attrs *attrs,
		       const struct cpumask *unbound_mask,
		       struct list_head *changes);
int cmwq_routes_change(struct list_head *changes);
void cmwq_routes_abandon(struct list_head *changes);
void cmwq_route_init(struct cmwq_workqueue *wq);
void cmwq_route_drop(struct cmwq_workqueue *wq);
void cmwq_routes_exit(void);
bool cmwq_pwq_idle(struct cmwq_pwq *pwq);

/* affinity.c: which CPUs belong together */
extern enum cmwq_affn_scope cmwq_default_scope;	/* T */
extern unsigned int cmwq_cache_shard_size;	/* I */
int cmwq_affinity_init(void);
void cmwq_affinity_exit(void);
bool cmwq_affinity_update(void);
void cmwq_pod_of(enum cmwq_affn_scope scope, unsigned int cpu,
		 struct cpumask *pod);
const char *cmwq_scope_name(enum cmwq_affn_scope scope);
int cmwq_scope_by_name(const char *name);

/* wq.c */
extern struct mutex cmwq_wq_mutex;
extern struct list_head cmwq_workqueues;	/* M, or RCU to read */
int cmwq_queues_init(void);
void cmwq_queues_exit(void);
bool cmwq_begin_destroying(struct cmwq_workqueue *wq);
void cmwq_destroy_queue(struct cmwq_workqueue *wq);
__printf(6, 0)
struct cmwq_workqueue *cmwq_valloc_workqueue(struct module *owner,
					     unsigned int flags, int max_active,
					     struct lockdep_map *map,
					     void *caller, const char *fmt,
					     va_list args);

/* wq->mutex is held. */
#define cmwq_for_each_pwq(pwq, wq)					\
	list_for_each_entry(pwq, &(wq)->pwqs, node)

/* clients.c */
const char *cmwq_owner_name(struct module *owner);
int cmwq_clients_init(void);
void cmwq_clients_rcu_item(cmwq_func_t func);
void cmwq_clients_exit(void);

/* sysfs.c */
int cmwq_sysfs_init(void);
void cmwq_sysfs_exit(void);
int cmwq_sysfs_add(struct cmwq_workqueue *wq, const char *what, void *caller);
void cmwq_sysfs_remove(struct cmwq_workqueue *wq);

/* sched_hook.c */
int cmwq_hooks_init(void);
void cmwq_hooks_exit(void);
void cmwq_hook_worker_start(struct cmwq_worker *worker);
void cmwq_hook_worker_exit(struct cmwq_worker *worker);
void cmwq_kick_irq_work(struct irq_work *work);
struct cmwq_worker *cmwq_worker_here(void);

struct seq_file;
const char *cmwq_hook_of_pool(struct cmwq_pool *pool);
const char *cmwq_hooks_describe(void);
void cmwq_hooks_show(struct seq_file *m);

/* hog.c */
#define CMWQ_THRESH_UNSET	UINT_MAX
extern struct mutex cmwq_hogs_mutex;

void cmwq_hog_watch(struct cmwq_pool *pool);
void cmwq_hog_end(struct cmwq_worker *worker);
void cmwq_hog_timer_fn(struct timer_list *t);
void cmwq_hog_defaults(void);
void cmwq_hogs_forget(struct module *mod);
void cmwq_hogs_copy(struct cmwq_hog *to);

/* hotplug.c */
bool cmwq_cpu_is_up(unsigned int cpu);
int cmwq_hotplug_init(void);
void cmwq_hotplug_exit(void);

/* evacuate.c */
unsigned int cmwq_evacuate(struct cmwq_pool *pool);

/* observe/watchdog.c */
int cmwq_watchdog_init(void);
void cmwq_watchdog_exit(void);
void cmwq_watchdog_place(void);
void cmwq_watchdog_set_thresh(unsigned int thresh);

/* freeze.c: CMWQ_FREEZABLE queues and suspend */
#ifdef CONFIG_FREEZER
int cmwq_freezer_init(void);
void cmwq_freezer_exit(void);
void cmwq_freeze_new(struct cmwq_workqueue *wq);
#else
static inline int cmwq_freezer_init(void)
{
	return 0;
}

static inline void cmwq_freezer_exit(void)
{
}

static inline void cmwq_freeze_new(struct cmwq_workqueue *wq)
{
}
#endif

/* observe/debugfs.c */
int cmwq_debugfs_init(void);
void cmwq_debugfs_exit(void);

#endif /* _CMWQ_INTERNAL_H */
