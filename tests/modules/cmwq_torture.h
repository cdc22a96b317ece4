/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq_torture.h - what the parts of the torture module share
 *
 *   main     parameters, the conductor: starts, pauses, judges, reports
 *   items    what an item does and checks, and calls on items that keep books
 *   roles    threads that queue, flush, cancel, disable, destroy, change
 *   sides    what happens to the machine meanwhile: CPUs, memory, suspend
 *   cmwq, stock, kthread	who runs the items: tables of types (engine.h)
 *   busted   types that do one thing wrong, each of which must be noticed
 *
 * Books.  An item is queued only by torture_queue(), taken off only by the
 * torture_cancel*() and torture_disable*() functions.  Each count that others
 * compare with exists twice, as "may have" (counted before the call, taken back
 * if it did nothing) and "has" (counted after it): what is compared with what
 * is chosen so that a check holds at any moment, however far the others are.
 *
 *   torture_item.queued >= queueings >= .confirmed
 *   torture_item.taking >= cancellations >= .taken
 *
 * When all threads pause, the two of a pair must be equal, and
 * queued == ran + taken: nothing is lost, nothing ran too often.
 */
#ifndef _CMWQ_TORTURE_H
#define _CMWQ_TORTURE_H

#include <cmwq.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct torture_item;
struct torture_queue;

/* What a type of queue promises, so what its items may check. */
#define TORTURE_BOUND		0x0001	/* runs where it was queued */
#define TORTURE_MANAGED		0x0002	/* one runnable item per CPU */
#define TORTURE_ORDERED		0x0004	/* one at a time, in order */
#define TORTURE_SOFTIRQ		0x0008	/* must not sleep */
#define TORTURE_DELAYED		0x0010	/* items have a timer */
#define TORTURE_RCU		0x0020	/* items have a grace period */
/* What may be done to its items. */
#define TORTURE_CANCEL		0x0100
#define TORTURE_CANCEL_SYNC	0x0200
#define TORTURE_DISABLE		0x0400
#define TORTURE_ATTRS		0x0800
#define TORTURE_ON_CPU		0x1000	/* queued on a CPU that is named */
/* Destroying it does not wait for what items queue meanwhile. */
#define TORTURE_NO_DRAIN	0x2000
/* Busted: what is lost was never queued. */
#define TORTURE_DROPS		0x4000

/* No CPU in particular. */
#define TORTURE_ANY_CPU		(-1)

/**
 * struct torture_ops - an engine, as the torture sees it
 * @open:	make the queue; 0 or -errno
 * @close:	destroy it; nothing waits for a timer or a grace period
 * @init:	initialise the item
 * @queue:	queue it, on @cpu, in @delay jiffies
 * @modify:	the same, or change its delay; false if it was idle
 * @flush:	wait for the item
 * @flush_queue: wait for all
 * @cancel, @cancel_sync, @disable, @disable_sync: true if it was pending
 * @enable:	undo one @disable
 * @busy:	does somebody run it?
 * @foreign:	is the caller, an item, run by a thread that does not count?
 * @change:	other attributes, by the random number; 0 or -errno
 */
struct torture_ops {
	int (*open)(struct torture_queue *q);
	void (*close)(struct torture_queue *q);
	void (*init)(struct torture_item *it);
	bool (*queue)(struct torture_item *it, int cpu, unsigned long delay);
	bool (*modify)(struct torture_item *it, int cpu, unsigned long delay);
	void (*flush)(struct torture_item *it);
	void (*flush_queue)(struct torture_queue *q);
	bool (*cancel)(struct torture_item *it);
	bool (*cancel_sync)(struct torture_item *it);
	bool (*disable)(struct torture_item *it);
	bool (*disable_sync)(struct torture_item *it);
	void (*enable)(struct torture_item *it);
	bool (*busy)(struct torture_item *it);
	bool (*foreign)(void);
	int (*change)(struct torture_queue *q, u32 random);
};

/* Pools that count their runnable workers apart: normal, high, BH, high BH. */
#define TORTURE_LANES		4

/**
 * struct torture_type - a kind of queue
 * @name:	for torture_type=
 * @ops:	whose it is
 * @flags:	of the engine
 * @traits:	TORTURE_*
 * @max_active:	what it is opened with, 0: the engine's default
 * @limit:	most items that run at once, per CPU if BOUND; 0: not checked
 * @lane:	of its pools, plus TORTURE_LANES if not cmwq's
 */
struct torture_type {
	const char *name;
	const struct torture_ops *ops;
	unsigned int flags;
	unsigned int traits;
	int max_active;
	int limit;
	int lane;
};

extern const struct torture_type torture_cmwq_types[];
extern const struct torture_type torture_stock_types[];
extern const struct torture_type torture_kthread_types[];
extern const struct torture_type torture_busted_types[];

/* Counts of those in some place, by CPU and by hotplug generation. */
#define TORTURE_GENS		64
struct torture_places {
	atomic_t (*n)[TORTURE_GENS];
};

struct torture_stats {
	atomic_t queued, refused, modified, ran, flushed, queues_flushed;
	atomic_t cancelled, disabled, destroyed, changed, not_changed;
	atomic_t placed, periods, fresh;
};

/**
 * struct torture - one type under torture
 * @type:	what it is
 * @main:	its queue, which is there all the time
 * @stats:	what was done to it
 * @why:	the first thing that was wrong, "" if nothing
 */
struct torture {
	const struct torture_type *type;
	struct torture_queue *main;
	struct torture_stats stats;
	char why[200];
};

/**
 * struct torture_queue - a queue and its items
 * @t:		what it belongs to
 * @wq:		the engine's queue
 * @lock:	ORDERED: queueing, cancelling and drawing tickets are one step
 * @tickets:	the last one given out
 * @last:	the last one that ran
 * @inside:	items that run
 * @closing:	its items queue no others any more
 * @nr_items:	of @items
 */
struct torture_queue {
	struct torture *t;
	void *wq;
	spinlock_t lock;	/* see above */
	u32 tickets, last;
	struct torture_places inside;
	bool closing;
	int nr_items;
	struct torture_item *items;
};

/* The structure first, the item in it first: all begin at the same address. */
union torture_work {
	struct cmwq_delayed_work cmwq;
	struct cmwq_rcu_work cmwq_rcu;
	struct delayed_work stock;
	struct rcu_work stock_rcu;
	struct kthread_work kthread;
};

/* What is done with an item, by its number. */
enum torture_class {
	TORTURE_FREE,		/* anything, by anybody */
	TORTURE_AGAIN,		/* the same, and it queues itself */
	TORTURE_OWNED,		/* only by who owns it: exact checks */
	TORTURE_MODIFIED,	/* its delay is changed */
	TORTURE_CLASSES
};

/**
 * struct torture_item - an item and its books
 * @work:	the engine's
 * @q:		its queue, for life
 * @nr:		its number there
 * @class:	what is done with it
 * @rnd:	for what it does: runs never overlap
 * @inside:	runs in progress
 * @owner:	OWNED: somebody has it
 * @want_cpu:	where it has to run, TORTURE_ANY_CPU: not told
 * @want_gen:	if that is still the hotplug generation
 * @cookie:	RCU: state of the grace periods when it was queued
 * @has_cookie:	RCU: if it is there
 * @ticket:	ORDERED: of the run that is due, and of the one after it
 * @nr_tickets:	of @ticket
 * @last_task:	who ran it last
 * @last_sleeps: how often that had slept
 */
struct torture_item {
	union torture_work work;
	struct torture_queue *q;
	int nr;
	enum torture_class class;
	u32 rnd;
	atomic_t inside;
	atomic_t owner;
	atomic_t queued, confirmed, taking, taken, ran;
	int want_cpu;
	int want_gen;
#ifdef TEST_HAVE_POLL_RCU
	struct rcu_gp_oldstate cookie;
#endif
	bool has_cookie;
	u32 ticket[2];
	int nr_tickets;
	struct task_struct *last_task;
	unsigned long last_sleeps;
};

/* main */
extern struct torture *tortures;
extern int nr_tortures;
extern uint seed;
extern bool torture_stopping;

__printf(3, 4) void torture_fail(struct torture *t, struct torture_item *it,
				 const char *fmt, ...);
bool torture_paused(void);
/* Between two steps of a thread: pause if told; false: end. */
bool torture_go_on(void);
void torture_progress(void);

static inline struct torture_item *torture_item_of(void *work)
{
	return container_of(work, struct torture_item, work);
}

/* Random numbers: every choice comes from the seed. */
static inline u32 torture_random(u32 *state)
{
	u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

static inline u32 torture_below(u32 *state, u32 n)
{
	return ((u64)torture_random(state) * n) >> 32;
}

static inline void torture_seed(u32 *state, u32 who)
{
	*state = ((seed + 1) * 2654435761U) ^ ((who + 1) * 40503U);
	if (!*state)
		*state = 1;
	torture_random(state);
	torture_random(state);
}

/* items */
int torture_items_begin(void);
void torture_items_end(void);
void torture_run(struct torture_item *it);
struct torture_queue *torture_queue_new(struct torture *t, int nr_items,
					u32 who);
void torture_queue_free(struct torture_queue *q);
bool torture_own(struct torture_item *it);
void torture_disown(struct torture_item *it);
bool torture_queue(struct torture_item *it, u32 *rnd);
bool torture_queue_exactly(struct torture_item *it, u32 *rnd);
bool torture_cancel(struct torture_item *it);
bool torture_cancel_sync(struct torture_item *it);
bool torture_disable(struct torture_item *it);
bool torture_disable_sync(struct torture_item *it);
void torture_enable(struct torture_item *it);
void torture_flush(struct torture_item *it);
void torture_flush_queue(struct torture_queue *q);
void torture_is_idle(struct torture_item *it, const char *after);
bool torture_item_at_rest(struct torture_item *it);
int torture_lost(struct torture_queue *q);

/* roles */
int torture_roles_begin(void);
void torture_roles_end(void);
/* How many have to pause: all threads, and who is in an interrupt and cannot. */
int torture_roles(void);
void torture_roles_show(void);

/* sides */
int torture_sides_begin(void);
void torture_sides_end(void);
void torture_sides_report(char *buf, size_t size);
/* Even while all CPUs are up, and another even one after each that was not. */
int torture_gen(void);

#endif /* _CMWQ_TORTURE_H */
