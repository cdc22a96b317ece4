// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_test_fuzz.c - random sequences of calls, against a model that foretells
 * what each returns
 *
 * A sequence is "ops" operations from one seed.  One thread runs it; after each
 * operation it waits until nothing moves that need not stand still, so the same
 * seed gives the same results.  Items stand still where they wait for their gate,
 * which the sequence opens; where max_active items of their queue do; or behind a
 * timer, which is far away.  From then on the state is known, and with it the
 * result of the next call.  What a call must wait for is released when its task
 * sleeps.  "burst" alone lets calls race: then only the books are kept.
 *
 * The books of an item: "want" is how often it was queued and not taken back.
 * In the end it has been run that often.
 *
 * Operations that make no sense in the state at hand are left out.  So any part
 * of a sequence is one, too: the part that still fails is found by leaving out
 * half of it, a quarter, ..., one operation.
 *
 * A sequence spends most of its time waiting, so there may be several at a time, with
 * items and queues of their own, in "lanes".  What fails in one is shrunk alone.
 *
 * With guided=1 sequences are not from their number alone.  Those that took a way
 * through cmwq.ko that none had taken are kept, and half of the others are made by
 * changing one of them.  What fails is printed, to be given back with replay=.
 *
 * Illegal operations (cmwq promises to refuse them) are left out with legal=1
 * and on the kernel's own workqueue.  With the same seed both engines print the
 * same "digest" lines then.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>

#include "engine.h"
#include "cmwq_test.h"

#define ITEMS		8
#define FIRST_RCU	6	/* the last ones are RCU items */
#define SLOTS		4
#define MAX_OPS		200
#define MAX_RERUNS	300
#define MANY		64	/* a max_active that is never reached */
#define FAR		(3600UL * HZ)
#define REMEMBERED	30	/* queues destroyed; cmwq remembers two more */
#define ANY		(-1)

static unsigned int sequences = 200;
module_param(sequences, uint, 0444);
MODULE_PARM_DESC(sequences, "how many");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of the first one; the others count up");

static unsigned int ops = 60;
module_param(ops, uint, 0444);
MODULE_PARM_DESC(ops, "operations of each, 1..200");

static unsigned int lanes = 1;
module_param(lanes, uint, 0444);
MODULE_PARM_DESC(lanes, "so many sequences at a time, 1..32");

static bool legal;
module_param(legal, bool, 0444);
MODULE_PARM_DESC(legal, "only what both engines are good for");

static bool disable = true;
module_param(disable, bool, 0444);
MODULE_PARM_DESC(disable, "disable and enable items");

static bool bh = true;
module_param(bh, bool, 0444);
MODULE_PARM_DESC(bh, "use BH queues");

static bool guided;
module_param(guided, bool, 0444);
MODULE_PARM_DESC(guided, "half of the sequences are made of earlier ones that took new ways (needs a cmwq.ko that notes them)");

static char *replay;
module_param(replay, charp, 0444);
MODULE_PARM_DESC(replay, "the one sequence that a failure has printed");

static unsigned int busted;
module_param(busted, uint, 0444);
MODULE_PARM_DESC(busted, "wrong on purpose: 1 the model of a disabled item, 2 a cancel that does nothing, 3 a delayed queueing that does nothing");

/* What items do, bits */
enum { REQUEUES = 1, GATED = 2, HELPED = 4, KINDS = 8 };

struct run;

struct item {
	union {
		struct e_work work;
		struct e_delayed_work dwork;	/* whose first fields it is */
		struct e_rcu_work rwork;
	};
	struct e_work helper;
	struct run *run;
	unsigned int kind;
	bool rcu;

	/* The sequence's: what is to be so. */
	unsigned int slot;
	int cpu;		/* of its per-CPU queue */
	bool timer;		/* waits for a timer that is far away */
	bool stale;		/* whose queue has been destroyed */
	bool fuzzy;		/* took part in a race */
	bool cancelling;
	unsigned int depth;	/* disabled that often */
	u32 stamp;		/* of the last queueing */

	/* For the next run; the item stands still meanwhile. */
	bool armed;		/* it may requeue itself */
	int refused;		/* and is that refused? ANY */

	/* The item's: what is so. */
	atomic_t want, starts, ends;
	u32 run_stamp;
	bool at_gate;
	struct completion gate;
};

enum slot_state { NONE, OPEN, DEAD };

struct slot {
	struct e_wq *wq;
	enum slot_state state;
	bool bh, unbound, ordered;
	bool over[2];		/* max_active was lowered, for each of the CPUs */
	int max_active;
	bool open;				/* all its gates are */
	u32 dead_since;				/* destroys_ended before that */
};

struct op {
	u8 type, item, slot, value;
	bool off;		/* left out by the search */
	bool done;		/* not left out for the state */
	int got;
};

/* One run of a sequence; not freed if something is lost. */
struct run {
	struct item items[ITEMS];
	struct slot slots[SLOTS];
	int cpus[2];
	struct op *ops;
	unsigned int nr;		/* the operation at hand */
	struct list_head stale_node;
	u32 stale_since;		/* destroys_ended before that */
	atomic_t stamp;
	u32 digest;
	atomic_t overlaps, bad_requeues, helpless;
	bool lost;
	char why[120];

	/* A thread for the calls that wait. */
	struct task_struct *caller;
	struct completion go, done;
	bool (*call)(struct run *r);
	struct item *it;
	struct slot *sl;
	bool started, got;
};

static unsigned int patience;	/* ms */
static struct e_wq *helpers;	/* of all sequences */

static __printf(2, 3) void broken(struct run *r, const char *fmt, ...)
{
	va_list args;

	if (r->why[0])
		return;		/* the first reason is the best */
	va_start(args, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, args);
	va_end(args);
}

static int item_nr(struct item *it)
{
	return it - it->run->items;
}

/* The items */

static void helper_fn(struct e_work *work)
{
	struct item *it = container_of(work, struct item, helper);

	atomic_dec(&it->run->helpless);
}

static void get_help(struct item *it)
{
	int before = atomic_inc_return(&it->run->helpless);

	if (before < 1 || !e_queue_work(helpers, &it->helper))
		atomic_inc(&it->run->bad_requeues);
	e_flush_work(&it->helper);
}

static void item_fn(struct e_work *work)
{
	struct item *it = container_of(work, struct item, work);
	struct run *r = it->run;
	struct slot *sl = &r->slots[it->slot];
	int refused = it->refused;
	bool queued;
	u32 stamp;

	it->run_stamp = it->stamp;
	if (atomic_inc_return(&it->starts) != atomic_read(&it->ends) + 1)
		atomic_inc(&r->overlaps);
	if (it->kind & HELPED && !sl->bh)
		get_help(it);
	if (it->kind & GATED && !sl->bh && !READ_ONCE(sl->open)) {
		smp_store_release(&it->at_gate, true);	/* for settled() */
		wait_for_completion(&it->gate);
		refused = it->refused;
	}
	if (it->kind & REQUEUES && it->armed) {
		it->armed = false;
		stamp = it->stamp;
		it->stamp = atomic_inc_return(&r->stamp);
		atomic_inc(&it->want);
		queued = e_queue_work(sl->wq, work);
		if (!queued) {	/* by this, but perhaps before */
			atomic_dec(&it->want);
			it->stamp = stamp;
		}
		if (refused != ANY && queued == refused)
			atomic_inc(&r->bad_requeues);
	}
	/* Pairs with settled(): all of the above is seen before. */
	smp_mb__before_atomic();
	atomic_inc(&it->ends);
}

/* The model */

static bool lacks_limit(struct slot *sl)
{
	return sl->max_active >= MANY;
}

static bool same_group(struct item *a, struct item *b)
{
	return a->slot == b->slot &&
	       (a->run->slots[a->slot].unbound || a->cpu == b->cpu);
}

/* Whether more may run where @it does, as max_active was lowered meanwhile. */
static bool *over(struct item *it)
{
	struct slot *sl = &it->run->slots[it->slot];

	return &sl->over[!sl->unbound && it->cpu == it->run->cpus[1]];
}

/* How many stand at a gate where @it does, or would. */
static int at_gates(struct item *it)
{
	struct run *r = it->run;
	int i, n = 0;

	for (i = 0; i < ITEMS; i++)
		n += READ_ONCE(r->items[i].at_gate) &&
		     same_group(it, &r->items[i]);
	return n;
}

static bool queued(struct item *it)
{
	return atomic_read(&it->want) >
	       atomic_read(&it->starts);
}

static bool pending(struct item *it)
{
	return it->timer || queued(it);
}

static bool full(struct item *it)
{
	return at_gates(it) >= it->run->slots[it->slot].max_active;
}

static void release(struct item *it)
{
	it->refused = it->depth || pending(it) || it->cancelling;
	if (it->fuzzy)
		it->refused = ANY;
	WRITE_ONCE(it->at_gate, false);
	complete(&it->gate);
}

static void release_open(struct run *r)
{
	int i;

	for (i = 0; i < ITEMS; i++)
		if (smp_load_acquire(&r->items[i].at_gate) && /* by item_fn() */
		    r->slots[r->items[i].slot].open)
			release(&r->items[i]);
}

static bool item_settled(struct item *it)
{
	bool at_gate = smp_load_acquire(&it->at_gate);	/* by item_fn() */
	int ends = atomic_read(&it->ends);
	int starts, want;
	unsigned int busy = 0;

	smp_rmb();	/* ends before the rest: see item_fn() */
	starts = atomic_read(&it->starts);
	want = atomic_read(&it->want);
	if (starts > want)
		broken(it->run, "item %d was run %d times, queued %d times",
		       item_nr(it), starts, want);
	if (at_gate) {
		busy = E_BUSY_RUNNING;
		if (starts != ends + 1 || want > starts + 1)
			return false;
	} else if (starts != ends || want > starts + 1 ||
		   (want > starts && !full(it))) {
		return false;
	}
	if (want > starts || it->timer)
		busy |= E_BUSY_PENDING;
	return e_work_busy(&it->work) == busy;
}

static bool settled(struct run *r)
{
	int i;

	release_open(r);
	for (i = 0; i < ITEMS; i++)
		if (!item_settled(&r->items[i]))
			return false;
	return true;
}

/* What must hold whenever nothing moves. */
static void check_limits(struct run *r)
{
	struct item *it, *other;
	struct slot *sl;
	int i, j;

	for (i = 0; i < ITEMS; i++) {
		it = &r->items[i];
		sl = &r->slots[it->slot];
		if (!it->at_gate)
			continue;
		if (!full(it) || at_gates(it) == sl->max_active)
			*over(it) = false;
		else if (!*over(it))
			broken(r, "%d items of queue %d run, max_active is %d",
			       at_gates(it), it->slot, sl->max_active);
		for (j = 0; sl->ordered && j < ITEMS; j++) {
			other = &r->items[j];
			if (other->slot == it->slot && queued(other) &&
			    (s32)(other->stamp - it->run_stamp) < 0)
				broken(r, "item %d overtook item %d", i, j);
		}
	}
	if (atomic_read(&r->overlaps))
		broken(r, "an item ran beside itself");
	if (atomic_read(&r->bad_requeues))
		broken(r, "a queueing from inside an item returned the wrong value");
	if (atomic_read(&r->helpless))
		broken(r, "a flush from inside an item did not wait");
}

static void describe_loss(struct run *r)
{
	struct item *it;
	int i;

	for (i = 0; i < ITEMS; i++) {
		it = &r->items[i];
		if (item_settled(it))
			continue;
		broken(r, "item %d: queued %d times, started %d, ended %d, %s, busy %u%s",
		       i, atomic_read(&it->want), atomic_read(&it->starts),
		       atomic_read(&it->ends),
		       it->at_gate ? "at its gate" : "not at its gate",
		       e_work_busy(&it->work), it->timer ? ", timer" : "");
	}
	broken(r, "does not come to rest");
}

static void settle(struct run *r)
{
	unsigned long end = jiffies + msecs_to_jiffies(patience);
	unsigned int tries = 0;

	while (!settled(r)) {
		if (r->why[0] || time_after(jiffies, end)) {
			describe_loss(r);
			return;
		}
		if (tries++ < 20)
			cond_resched();
		else
			usleep_range(200, 500);
	}
	atomic_inc(&test_checks);
	check_limits(r);
}

/* Calls that wait */

static int caller_main(void *data)
{
	struct run *r = data;

	for (;;) {
		if (wait_for_completion_interruptible(&r->go))
			continue;
		if (!r->call)
			break;
		WRITE_ONCE(r->started, true);
		r->got = r->call(r);
		complete(&r->done);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

/* Before 6.0, kthread_stop() alone does not end its wait. */
static void stop_caller(struct run *r)
{
	r->call = NULL;
	complete(&r->go);
	kthread_stop(r->caller);
}

static bool caller_sleeps(struct run *r)
{
	int seen = 0;

	while (seen < 8) {
		if (completion_done(&r->done))
			return false;
		usleep_range(300, 600);
		seen = READ_ONCE(r->started) &&
		       READ_ONCE(r->caller->TEST_TASK_STATE) &
		       TASK_UNINTERRUPTIBLE ? seen + 1 : 0;
	}
	return true;
}

static void begin_call(struct run *r, bool (*call)(struct run *r),
		       struct item *it, struct slot *sl)
{
	r->call = call;
	r->it = it;
	r->sl = sl;
	WRITE_ONCE(r->started, false);
	complete(&r->go);
}

/* The call returns, once the gates of @open are. */
static int end_call(struct run *r, struct slot *open)
{
	unsigned long end = jiffies + 60 * HZ;	/* no patience: all is lost then */

	if (open)
		WRITE_ONCE(open->open, true);
	do {
		release_open(r);
		if (wait_for_completion_timeout(&r->done, 1))
			goto returned;
	} while (time_before(jiffies, end));
	broken(r, "the call does not return");
	r->lost = true;
	return ANY;

returned:
	if (open) {
		settle(r);
		WRITE_ONCE(open->open, false);
	}
	return r->got;
}

/* @open: what the call has to wait for, if it has to. */
static int do_call(struct run *r, bool (*fn)(struct run *r), struct item *it,
		   struct slot *sl, struct slot *open)
{
	begin_call(r, fn, it, sl);
	if (open && !caller_sleeps(r))
		broken(r, "the call did not wait");
	return end_call(r, open);
}

static bool call_flush(struct run *r)
{
	return e_flush_work(&r->it->work);
}

static bool call_flush_delayed(struct run *r)
{
	return e_flush_delayed_work(&r->it->dwork);
}

static bool call_flush_rcu(struct run *r)
{
	return e_flush_rcu_work(&r->it->rwork);
}

static bool call_cancel_sync(struct run *r)
{
	return e_cancel_work_sync(&r->it->work);
}

static bool call_cancel_delayed_sync(struct run *r)
{
	return e_cancel_delayed_work_sync(&r->it->dwork);
}

static bool call_disable_sync(struct run *r)
{
	return ENGINE_HAS_DISABLE && e_disable_work_sync(&r->it->work);
}

static bool call_disable_delayed_sync(struct run *r)
{
	return ENGINE_HAS_DISABLE && e_disable_delayed_work_sync(&r->it->dwork);
}

static bool call_flush_queue(struct run *r)
{
	e_flush_workqueue(r->sl->wq);
	return false;
}

static bool call_drain(struct run *r)
{
	e_drain_workqueue(r->sl->wq);
	return false;
}

static bool call_destroy(struct run *r)
{
	e_destroy_workqueue(r->sl->wq);
	return false;
}

/* Operations.  False: it makes no sense as things are. */

static void expect(struct run *r, int got, int want)
{
	r->ops[r->nr].got = got;
	if (want == ANY)
		return;
	if (got != want)
		broken(r, "returned %d, not %d", got, want);
	r->digest = hash_32(r->digest ^ got, 32) + r->ops[r->nr].type;
}

static struct item *item_of(struct run *r, struct op *op)
{
	return &r->items[op->item % ITEMS];
}

static struct slot *slot_of(struct run *r, struct op *op)
{
	return &r->slots[op->slot % SLOTS];
}

/*
 * The plain functions will do for delayed items, too; the kernel's own spin until
 * the timer has expired.
 */
static bool plain(struct item *it, struct op *op)
{
	return it->rcu || (op->value & 1 && !legal && ENGINE_IS_CMWQ);
}

/* May @it be queued on @sl, and does the model know what happens then? */
static bool may_queue(struct item *it, struct slot *sl)
{
	if (sl->state != OPEN || it->stale)
		return false;
	if (!it->at_gate)
		return true;
	/* Queued beside its own run it counts for max_active, or not. */
	return &it->run->slots[it->slot] == sl &&
	       (sl->max_active == 1 || lacks_limit(sl));
}

/* @it is about to be queued. */
static void note_queueing(struct item *it, struct slot *sl, int cpu)
{
	if (!it->at_gate) {
		it->slot = sl - it->run->slots;
		it->cpu = cpu;
		it->refused = 0;
	}
	it->stamp = atomic_inc_return(&it->run->stamp);
	it->armed = true;
}

static bool op_alloc(struct run *r, struct op *op)
{
	static const struct {
		unsigned int flags;
		bool ordered, bh;
	} kinds[] = {
		{ E_PERCPU },
		{ E_UNBOUND },
		{ E_UNBOUND | E_MEM_RECLAIM, true },
		{ E_PERCPU | E_HIGHPRI },
		{ E_PERCPU | E_MEM_RECLAIM },
		{ E_PERCPU | E_CPU_INTENSIVE },
		{ E_UNBOUND | E_HIGHPRI },
		{ E_UNBOUND | E_FREEZABLE },
		{ 0, true },
#if ENGINE_HAS_BH
		{ E_BH, false, true },
		{ E_BH | E_HIGHPRI, false, true },
#else
		{ E_PERCPU }, { E_PERCPU },
#endif
	};
	static const int limits[] = { 1, 2, 3, MANY };
	int kind = op->value % ARRAY_SIZE(kinds);
	int max_active = limits[op->value / ARRAY_SIZE(kinds) % 4];
	struct slot *sl = slot_of(r, op);

	if (sl->state == OPEN || (kind >= ARRAY_SIZE(kinds) - 2 && !bh))
		return false;
	memset(sl, 0, sizeof(*sl));
	sl->ordered = kinds[kind].ordered;
	sl->bh = kinds[kind].bh;
	sl->unbound = sl->ordered || kinds[kind].flags & E_UNBOUND;
	if (sl->ordered)
		sl->wq = e_alloc_ordered_workqueue("fuzz%d",
						   kinds[kind].flags &
						   ~E_UNBOUND,
						   op->slot % SLOTS);
	else
		sl->wq = e_alloc_workqueue("fuzz%d", kinds[kind].flags,
					   sl->bh ? 0 : max_active,
					   op->slot % SLOTS);
	sl->max_active = sl->ordered ? 1 : sl->bh ? MANY : max_active;
	if (sl->wq)
		sl->state = OPEN;
	expect(r, !!sl->wq, 1);
	return true;
}

static bool slot_at_gate(struct run *r, struct slot *sl)
{
	int i;

	for (i = 0; i < ITEMS; i++)
		if (r->items[i].at_gate &&
		    &r->slots[r->items[i].slot] == sl)
			return true;
	return false;
}

/* Does an item of @sl wait beside its own run? */
static bool slot_doubled(struct run *r, struct slot *sl)
{
	int i;

	for (i = 0; i < ITEMS; i++)
		if (r->items[i].at_gate && queued(&r->items[i]) &&
		    &r->slots[r->items[i].slot] == sl)
			return true;
	return false;
}

static bool slot_has_timers(struct run *r, struct slot *sl)
{
	int i;

	for (i = 0; i < ITEMS; i++)
		if (r->items[i].timer && &r->slots[r->items[i].slot] == sl)
			return true;
	return false;
}

/*
 * A queue that has been destroyed is refused as long as cmwq remembers it; then its
 * memory may become another one.  So a sequence leaves it alone when others have
 * been destroyed since.  And while a timer is to queue an item on it, they are not:
 * sequences leave that out, or wait for it in the end, without such items.
 */
static DEFINE_MUTEX(dead_mutex);
static LIST_HEAD(stale_runs);		/* that have such items; the oldest first */
static u32 destroys_begun, destroys_ended;

static bool may_destroy(struct run *r, bool stale)
{
	struct run *oldest;
	bool may;

	mutex_lock(&dead_mutex);
	oldest = list_first_entry_or_null(&stale_runs, struct run, stale_node);
	may = !oldest || destroys_begun - oldest->stale_since < REMEMBERED;
	if (may && stale && list_empty(&r->stale_node)) {
		r->stale_since = destroys_ended;
		list_add_tail(&r->stale_node, &stale_runs);
	}
	destroys_begun += may;
	mutex_unlock(&dead_mutex);
	return may;
}

static void has_destroyed(struct slot *sl)
{
	mutex_lock(&dead_mutex);
	if (sl)
		sl->dead_since = destroys_ended;
	destroys_ended++;
	mutex_unlock(&dead_mutex);
}

static void forget_stale(struct run *r)
{
	mutex_lock(&dead_mutex);
	list_del_init(&r->stale_node);
	mutex_unlock(&dead_mutex);
}

static void wait_to_destroy(struct run *r)
{
	forget_stale(r);
	while (!may_destroy(r, false))
		msleep(20);
}

static bool op_destroy(struct run *r, struct op *op)
{
	struct slot *sl = slot_of(r, op);
	struct item *it;

	if (sl->state != OPEN || (legal && slot_has_timers(r, sl)) ||
	    !may_destroy(r, slot_has_timers(r, sl)))
		return false;
	do_call(r, call_destroy, NULL, sl, slot_at_gate(r, sl) ? sl : NULL);
	has_destroyed(sl);
	sl->state = DEAD;
	for (it = r->items; it < r->items + ITEMS; it++)
		if (it->timer && &r->slots[it->slot] == sl)
			it->stale = true;
	return true;
}

static bool op_flush_queue(struct run *r, struct op *op)
{
	struct slot *sl = slot_of(r, op);

	if (sl->state != OPEN)
		return false;
	do_call(r, call_flush_queue, NULL, sl, slot_at_gate(r, sl) ? sl : NULL);
	return true;
}

static bool op_drain(struct run *r, struct op *op)
{
	struct slot *sl = slot_of(r, op);

	if (sl->state != OPEN)
		return false;
	do_call(r, call_drain, NULL, sl, slot_at_gate(r, sl) ? sl : NULL);
	return true;
}

static bool op_set_max_active(struct run *r, struct op *op)
{
	static const int limits[] = { 1, 2, 3, MANY };
	int max_active = limits[op->value % 4];
	struct slot *sl = slot_of(r, op);

	if (sl->state != OPEN || sl->bh || sl->ordered ||
	    (slot_doubled(r, sl) && max_active != MANY))
		return false;
	if (max_active < sl->max_active)
		memset(sl->over, true, sizeof(sl->over));
	/* Before: items that start now must not seem too many. */
	sl->max_active = max_active;
	e_set_max_active(sl->wq, max_active);
	return true;
}

static bool op_congested(struct run *r, struct op *op)
{
	struct slot *sl = slot_of(r, op);
	int cpu = r->cpus[op->value % 2], want = 0, i;

	if (sl->state != OPEN)
		return false;
	for (i = 0; i < ITEMS; i++)
		if (queued(&r->items[i]) &&
		    &r->slots[r->items[i].slot] == sl &&
		    (sl->unbound || r->items[i].cpu == cpu) &&
		    !lacks_limit(sl))
			want = sl->unbound ? ANY : 1;
	/* Items that were active when max_active was lowered may be queued. */
	if (want && (sl->over[0] || sl->over[1]))
		want = ANY;
	expect(r, e_congested(cpu, sl->wq), want);
	return true;
}

static bool op_queue(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	struct slot *sl = slot_of(r, op);
	bool want = !pending(it) && !it->depth;
	int cpu = r->cpus[op->value % 2];

	if (!may_queue(it, sl) || (it->rcu && op->value & 2))
		return false;
	if (busted == 1 && !pending(it))
		want = true;
	if (want) {
		note_queueing(it, sl, cpu);
		atomic_inc(&it->want);
	}
	/* This thread keeps to the first CPU. */
	expect(r, op->value & 4 && cpu == r->cpus[0] ?
		  e_queue_work(sl->wq, &it->work) :
		  e_queue_work_on(cpu, sl->wq, &it->work), want);
	return true;
}

/* In which state an item is left by a delayed queueing that works. */
static void note_delayed(struct item *it, struct slot *sl, int cpu,
			 unsigned long delay)
{
	note_queueing(it, sl, cpu);
	it->timer = delay == FAR;
	if (!it->timer)
		atomic_inc(&it->want);
}

static unsigned long delay_of(struct op *op)
{
	static const unsigned long delays[] = { 0, 1, FAR, FAR };

	return delays[op->value / 2 % 4];
}

/* A timer that is near: until it is over, and its function has returned. */
static void pass_delay(struct item *it)
{
	if (it->timer)
		return;
	while (timer_pending(&it->dwork.timer))
		usleep_range(200, 500);
	synchronize_rcu();		/* that runs with interrupts off */
}

static bool op_queue_delayed(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	struct slot *sl = slot_of(r, op);
	bool want = !pending(it) && !it->depth;
	int cpu = r->cpus[op->value % 2];

	if (!may_queue(it, sl) || it->rcu)
		return false;
	if (want)
		note_delayed(it, sl, cpu, delay_of(op));
	if (want && busted == 3 && !delay_of(op)) {
		expect(r, 1, 1);
		return true;
	}
	expect(r, e_queue_delayed_work_on(cpu, sl->wq, &it->dwork,
					  delay_of(op)), want);
	if (want)
		pass_delay(it);
	return true;
}

/* A pending item is taken back. */
static void note_taken(struct item *it)
{
	if (it->timer)
		it->timer = false;
	else if (queued(it))
		atomic_dec(&it->want);
	it->stale = false;
}

static bool op_mod_delayed(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	struct slot *sl = slot_of(r, op);
	int cpu = r->cpus[op->value % 2];
	bool was = pending(it), stale = it->stale;

	it->stale = false;
	if (!may_queue(it, sl) || it->rcu) {
		it->stale = stale;
		return false;
	}
	if (!it->depth) {
		note_taken(it);
		note_delayed(it, sl, cpu, delay_of(op));
	}
	expect(r, e_mod_delayed_work_on(cpu, sl->wq, &it->dwork,
					delay_of(op)), was);
	if (!it->depth)
		pass_delay(it);
	return true;
}

static bool op_cancel(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	bool was = pending(it);

	if (busted == 2 && queued(it)) {
		note_taken(it);
		expect(r, was, was);
		return true;
	}
	note_taken(it);
	expect(r, plain(it, op) ? e_cancel_work(&it->work) :
		  e_cancel_delayed_work(&it->dwork), was);
	return true;
}

static void take_and_wait(struct run *r, struct item *it,
			  bool (*fn)(struct run *r))
{
	bool was = pending(it);

	note_taken(it);
	it->cancelling = true;
	expect(r, do_call(r, fn, it, NULL,
			  it->at_gate ? &r->slots[it->slot] : NULL), was);
	it->cancelling = false;
}

static bool op_cancel_sync(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);

	take_and_wait(r, it, plain(it, op) ? call_cancel_sync :
		      call_cancel_delayed_sync);
	return true;
}

static bool op_disable(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	bool was = pending(it);

	if (!ENGINE_HAS_DISABLE || !disable || it->depth == 3)
		return false;
	note_taken(it);
	it->depth++;
	expect(r, plain(it, op) ? e_disable_work(&it->work) :
		  e_disable_delayed_work(&it->dwork), was);
	return true;
}

static bool op_disable_sync(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);

	if (!ENGINE_HAS_DISABLE || !disable || it->depth == 3)
		return false;
	take_and_wait(r, it, plain(it, op) ? call_disable_sync :
		      call_disable_delayed_sync);
	it->depth++;
	return true;
}

static bool op_enable(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);

	if (!ENGINE_HAS_DISABLE || !it->depth)
		return false;
	it->depth--;
	expect(r, plain(it, op) ? e_enable_work(&it->work) :
		  e_enable_delayed_work(&it->dwork), !it->depth);
	return true;
}

static bool op_flush(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	bool waits = it->at_gate || queued(it);

	expect(r, do_call(r, it->rcu ? call_flush_rcu : call_flush, it, NULL,
			  waits ? &r->slots[it->slot] : NULL), waits);
	return true;
}

static bool op_flush_delayed(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	struct slot *sl = &r->slots[it->slot];
	bool waits = it->at_gate || queued(it);
	int want = waits;

	if (it->rcu)
		return false;
	if (it->timer && it->stale) {
		note_taken(it);
	} else if (it->timer) {
		it->timer = false;
		atomic_inc(&it->want);
		it->stamp = atomic_inc_return(&r->stamp);
		waits = it->at_gate || full(it) ||
			(it->kind & GATED && !sl->bh);
		want = waits ? 1 : ANY;
	}
	expect(r, do_call(r, call_flush_delayed, it, NULL, waits ? sl : NULL),
	       want);
	return true;
}

static bool op_queue_rcu(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	struct slot *sl = slot_of(r, op);
	bool want = !pending(it) && !it->depth;

	/*
	 * Which CPU's queue it gets to is up to RCU.  The kernel refuses a
	 * disabled one, too, and warns.
	 */
	if (!it->rcu || !may_queue(it, sl) || (legal && it->depth) ||
	    (!sl->unbound && !lacks_limit(sl)))
		return false;
	if (want) {
		note_queueing(it, sl, r->cpus[0]);
		atomic_inc(&it->want);
	}
	expect(r, e_queue_rcu_work(sl->wq, &it->rwork), want);
	if (want)
		rcu_barrier();
	return true;
}

static bool op_open_gate(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);

	if (!it->at_gate)
		return false;
	release(it);
	return true;
}

static void init_item(struct item *it, unsigned int kind)
{
	/* Where it is queued is not known enough. */
	it->kind = it->rcu ? kind & ~GATED : kind;
	if (it->rcu)
		E_INIT_RCU_WORK(&it->rwork, item_fn);
	else
		E_INIT_DELAYED_WORK(&it->dwork, item_fn);
}

static bool op_init(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);

	if (pending(it) || it->at_gate || it->depth)
		return false;
	init_item(it, op->value % KINDS);
	return true;
}

static bool op_busy(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	unsigned int busy = 0;

	if (pending(it))
		busy |= E_BUSY_PENDING;
	if (it->at_gate)
		busy |= E_BUSY_RUNNING;
	expect(r, e_work_busy(&it->work), busy);
	expect(r, e_work_pending(&it->work), pending(it));
	return true;
}

/* Calls as fast as they go on an item that runs meanwhile. */
static bool op_burst(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	struct slot *sl = slot_of(r, op);
	int cpu = r->cpus[op->value & 1], i;

	if (it->kind & GATED || !may_queue(it, sl) || pending(it) ||
	    it->depth || slot_at_gate(r, sl) || (it->rcu && legal))
		return false;
	it->fuzzy = true;
	note_queueing(it, sl, cpu);
	it->refused = ANY;
	for (i = 0; i < 4; i++) {
		atomic_inc(&it->want);
		if (it->rcu && op->value & 2) {
			if (!e_queue_rcu_work(sl->wq, &it->rwork))
				atomic_dec(&it->want);
		} else if (!e_queue_work_on(r->cpus[(op->value + i) % 2], sl->wq,
					    &it->work)) {
			atomic_dec(&it->want);
		}
		switch (op->value >> (i + 2) & 3) {
		case 0:
			if (e_cancel_work(&it->work))
				atomic_dec(&it->want);
			break;
		case 1:
			if (e_cancel_work_sync(&it->work))
				atomic_dec(&it->want);
			break;
		case 2:
			e_flush_work(&it->work);
			break;
		}
	}
	rcu_barrier();
	return true;
}

/* What cmwq alone can do */

#if ENGINE_IS_CMWQ
static bool op_attrs(struct run *r, struct op *op)
{
	struct slot *sl = slot_of(r, op);
	struct cmwq_attrs *attrs;
	int err;

	/* A per-CPU queue counts for itself what is left of the old ones. */
	if (sl->state != OPEN || sl->bh ||
	    (!sl->unbound && slot_at_gate(r, sl)) || slot_doubled(r, sl))
		return false;
	attrs = cmwq_alloc_workqueue_attrs();
	if (!attrs)
		return false;
	attrs->nice = op->value % 5 - 2;
	attrs->ordered = sl->ordered;
	if (sl->unbound) {
		attrs->affn_scope = op->value / 5 % 2 ? CMWQ_AFFN_CPU :
						       CMWQ_AFFN_SYSTEM;
		if (op->value & 0x80)
			cpumask_copy(attrs->cpumask, cpumask_of(r->cpus[0]));
	}
	err = cmwq_apply_workqueue_attrs(sl->wq, attrs);
	cmwq_free_workqueue_attrs(attrs);
	expect(r, err, 0);
	return true;
}

static bool bad_attrs(struct run *r, struct op *op)
{
	struct slot *sl = slot_of(r, op);
	struct cmwq_attrs *attrs;

	if (sl->state == NONE)
		return false;
	attrs = cmwq_alloc_workqueue_attrs();
	if (!attrs)
		return false;
	attrs->ordered = sl->ordered;
	attrs->nice = op->value & 1 ? 20 : -21;
	expect(r, cmwq_apply_workqueue_attrs(sl->wq, attrs), -EINVAL);
	expect(r, cmwq_apply_workqueue_attrs(sl->wq, NULL), -EINVAL);
	cmwq_free_workqueue_attrs(attrs);
	return true;
}

static bool on_bad_queue(struct run *r, struct op *op)
{
	static const int bad[] = { -1, INT_MIN, INT_MAX, 100000 };
	struct item *it = item_of(r, op);
	struct slot *sl = slot_of(r, op);
	struct e_wq *wq = sl->state == DEAD ? sl->wq : NULL;
	int cpu = r->cpus[0];
	bool got;

	if (sl->state == OPEN) {
		wq = sl->wq;
		cpu = bad[op->value / 8 % 4];
	}
	/* queue_rcu_work() takes no CPU. */
	if (it->rcu && op->value & 1 && sl->state != OPEN)
		got = e_queue_rcu_work(wq, &it->rwork);
	else if (it->rcu || op->value % 4 < 2)
		got = e_queue_work_on(cpu, wq, &it->work);
	else if (op->value % 4 == 2)
		got = e_queue_delayed_work_on(cpu, wq, &it->dwork, 1);
	else
		got = e_mod_delayed_work_on(cpu, wq, &it->dwork, 1);
	expect(r, got, 0);
	expect(r, e_work_pending(&it->work), pending(it));
	return true;
}

/* @fn with the queue of @op, if it is not one that cmwq may have forgotten. */
static bool unless_forgotten(struct run *r, struct op *op,
			     bool (*fn)(struct run *r, struct op *op))
{
	struct slot *sl = slot_of(r, op);
	bool done;

	if (sl->state != DEAD)
		return fn(r, op);
	mutex_lock(&dead_mutex);	/* nothing more is destroyed */
	done = destroys_begun - sl->dead_since < REMEMBERED && fn(r, op);
	mutex_unlock(&dead_mutex);
	return done;
}

static bool op_bad_queue(struct run *r, struct op *op)
{
	return unless_forgotten(r, op, on_bad_queue);
}

static bool bad_item(struct run *r, struct op *op)
{
	static const u8 patterns[] = { 0, 0x6b, 0xcc };
	struct slot *sl = slot_of(r, op);
	struct e_delayed_work *dwork;

	if (sl->state == NONE)
		return false;
	dwork = kmalloc(sizeof(*dwork), GFP_KERNEL);
	if (!dwork)
		return false;
	memset(dwork, patterns[op->value % 3], sizeof(*dwork));
	expect(r, e_queue_work(sl->wq, &dwork->work), 0);
	expect(r, e_queue_delayed_work(sl->wq, dwork, 1), 0);
	expect(r, e_mod_delayed_work(sl->wq, dwork, 1), 0);
	expect(r, e_flush_work(&dwork->work), 0);
	expect(r, e_cancel_work_sync(&dwork->work), 0);
	expect(r, e_disable_work(&dwork->work), 0);
	expect(r, e_enable_work(&dwork->work), 0);
	expect(r, e_work_busy(&dwork->work), 0);
	kfree(dwork);
	return true;
}

static bool op_bad_item(struct run *r, struct op *op)
{
	return unless_forgotten(r, op, bad_item);
}

static bool op_null(struct run *r, struct op *op)
{
	expect(r, e_queue_work(slot_of(r, op)->wq, NULL), 0);
	expect(r, e_flush_work(NULL), 0);
	expect(r, e_cancel_work_sync(NULL), 0);
	expect(r, e_disable_delayed_work(NULL), 0);
	expect(r, e_work_busy(NULL), 0);
	e_flush_workqueue(NULL);
	e_drain_workqueue(NULL);
	e_destroy_workqueue(NULL);
	e_set_max_active(NULL, 1);
	return true;
}

static bool op_bad_attrs(struct run *r, struct op *op)
{
	return unless_forgotten(r, op, bad_attrs);
}

static bool on_dead(struct run *r, struct op *op)
{
	struct slot *sl = slot_of(r, op);

	if (sl->state != DEAD)
		return false;
	e_flush_workqueue(sl->wq);
	e_drain_workqueue(sl->wq);
	e_set_max_active(sl->wq, 2);
	expect(r, e_congested(r->cpus[0], sl->wq), 0);
	e_destroy_workqueue(sl->wq);
	return true;
}

static bool op_dead(struct run *r, struct op *op)
{
	return unless_forgotten(r, op, on_dead);
}

static bool op_bad_alloc(struct run *r, struct op *op)
{
	static const struct {
		unsigned int flags;
		int max_active;
	} bad[] = {
		{ E_BH, 1 }, { E_BH | E_UNBOUND, 0 }, { E_BH | E_FREEZABLE, 0 },
		{ E_BH | E_MEM_RECLAIM, 0 }, { 1 << 30, 0 },
		{ E_PERCPU | 1 << 15, 0 },
	};
	int i = op->value % ARRAY_SIZE(bad);
	struct e_wq *wq = e_alloc_workqueue("fuzz", bad[i].flags,
					    bad[i].max_active);

	expect(r, !!wq, 0);
	if (wq)
		e_destroy_workqueue(wq);
	return true;
}

static bool op_bad_max_active(struct run *r, struct op *op)
{
	struct slot *sl = slot_of(r, op);

	if (sl->state != OPEN || !(sl->bh || sl->ordered))
		return false;
	e_set_max_active(sl->wq, op->value);
	return true;
}

static bool op_bad_enable(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);

	if (it->depth)
		return false;
	expect(r, e_enable_work(&it->work), 1);
	return true;
}

/* Somebody else's item on a queue that is being drained. */
static bool op_queue_draining(struct run *r, struct op *op)
{
	struct item *it = item_of(r, op);
	struct slot *sl = slot_of(r, op);

	if (sl->state != OPEN || !slot_at_gate(r, sl))
		return false;
	begin_call(r, call_drain, NULL, sl);
	if (!caller_sleeps(r))
		broken(r, "the call did not wait");
	expect(r, e_queue_work(sl->wq, &it->work), 0);
	if (!it->rcu)
		expect(r, e_queue_delayed_work(sl->wq, &it->dwork, 1), 0);
	end_call(r, sl);
	return true;
}
#else
static bool op_none(struct run *r, struct op *op)
{
	return false;
}

#define op_attrs		op_none
#define op_bad_attrs		op_none
#define op_bad_queue		op_none
#define op_bad_item		op_none
#define op_null			op_none
#define op_dead			op_none
#define op_bad_alloc		op_none
#define op_bad_max_active	op_none
#define op_bad_enable		op_none
#define op_queue_draining	op_none
#endif

static const struct {
	const char *name;
	bool (*run)(struct run *r, struct op *op);
	unsigned int weight;
	bool cmwq_only;
} types[] = {
	{ "alloc", op_alloc, 8 },
	{ "queue", op_queue, 20 },
	{ "queue_delayed", op_queue_delayed, 8 },
	{ "mod_delayed", op_mod_delayed, 8 },
	{ "queue_rcu", op_queue_rcu, 4 },
	{ "open_gate", op_open_gate, 8 },
	{ "flush", op_flush, 3 },
	{ "flush_delayed", op_flush_delayed, 3 },
	{ "cancel", op_cancel, 5 },
	{ "cancel_sync", op_cancel_sync, 3 },
	{ "disable", op_disable, 3 },
	{ "disable_sync", op_disable_sync, 1 },
	{ "enable", op_enable, 4 },
	{ "flush_queue", op_flush_queue, 2 },
	{ "drain", op_drain, 1 },
	{ "destroy", op_destroy, 2 },
	{ "set_max_active", op_set_max_active, 4 },
	{ "congested", op_congested, 4 },
	{ "busy", op_busy, 3 },
	{ "init", op_init, 3 },
	{ "burst", op_burst, 4 },
	{ "attrs", op_attrs, 3, true },
	{ "bad_attrs", op_bad_attrs, 1, true },
	{ "bad_queue", op_bad_queue, 3, true },
	{ "bad_item", op_bad_item, 1, true },
	{ "null", op_null, 1, true },
	{ "dead", op_dead, 1, true },
	{ "bad_alloc", op_bad_alloc, 1, true },
	{ "bad_max_active", op_bad_max_active, 1, true },
	{ "bad_enable", op_bad_enable, 1, true },
	{ "queue_draining", op_queue_draining, 2, true },
};

static atomic_t type_done[ARRAY_SIZE(types)];

/* Sequences */

static struct op any_op(u32 *state)
{
	unsigned int type, all = 0;
	u32 pick;

	for (type = 0; type < ARRAY_SIZE(types); type++)
		all += types[type].weight;
	pick = test_random(state) % all;
	for (type = 0; pick >= types[type].weight; type++)
		pick -= types[type].weight;
	return (struct op) {
		.type = type,
		.item = test_random(state) >> 8,
		.slot = test_random(state) >> 8,
		.value = test_random(state) >> 8,
	};
}

/* One of the threads that run a sequence each. */
struct lane {
	struct task_struct *task;
	struct op *seq;
	int cpus[2];		/* the second is the first of the next lane */
	u32 kinds;		/* what the items are */
	u32 random;		/* not zero */
	char why[sizeof_field(struct run, why)];
	u32 which;		/* the one at hand; if it fails, that one */
	unsigned int last;
	bool ended;
};

static void make_ops(struct lane *lane)
{
	unsigned int i;

	lane->kinds = hash_32(lane->which, 32);
	lane->random = lane->kinds ?: 1;
	for (i = 0; i < 8; i++)
		test_random(&lane->random);
	for (i = 0; i < ops; i++)
		lane->seq[i] = any_op(&lane->random);
	/* Nothing can be done without a queue. */
	for (i = 0; i < 2 && i < ops; i++)
		lane->seq[i].type = 0;
}

/* Guidance */

#define KEPT	1024

static struct kept {
	u32 kinds;
	struct op ops[MAX_OPS];
} *kept;				/* [KEPT] */
static unsigned int nr_kept, ways;	/* under kept_lock, as what is kept */
static DEFINE_MUTEX(kept_lock);
static unsigned long *cover_map;	/* of cmwq.ko, or NULL */

#if ENGINE_IS_CMWQ
#include "observe/cover.h"

static unsigned int count_ways(void)
{
	return bitmap_weight(cover_map, CMWQ_COVER_BITS);
}

static bool find_cover_map(void)
{
	cover_map = (unsigned long *)symbol_get(cmwq_cover_map);
	if (!cover_map)
		return !guided;
	kept = kvcalloc(KEPT, sizeof(*kept), GFP_KERNEL);
	if (!kept)
		symbol_put(cmwq_cover_map);
	return kept;
}

static void put_cover_map(void)
{
	if (!cover_map)
		return;
	test_print("# %u ways through cmwq.ko, %u sequences kept\n",
		   count_ways(), nr_kept);
	symbol_put(cmwq_cover_map);
	kvfree(kept);
}
#else
static unsigned int count_ways(void)
{
	return 0;
}

static bool find_cover_map(void)
{
	return !guided;
}

static void put_cover_map(void)
{
}
#endif

/*
 * Keep the sequence if ways have been taken for the first time.  With several lanes
 * it may be another's doing: one too many is kept, then.
 */
static void keep_if_new(struct lane *lane)
{
	unsigned int now, i;

	mutex_lock(&kept_lock);
	now = count_ways();
	if (now > ways) {
		ways = now;
		i = nr_kept < KEPT ? nr_kept++ :
				     test_random(&lane->random) % KEPT;
		kept[i].kinds = lane->kinds;
		memcpy(kept[i].ops, lane->seq, ops * sizeof(*lane->seq));
	}
	mutex_unlock(&kept_lock);
}

static void copy_kept(struct lane *lane, struct kept *from)
{
	unsigned int i;

	lane->kinds = from->kinds;
	memcpy(lane->seq, from->ops, ops * sizeof(*lane->seq));
	for (i = 0; i < ops; i++)
		lane->seq[i].off = false;
}

/* In place of the new sequence take one that was kept, with some changes. */
static void vary_one_kept(struct lane *lane)
{
	struct op *seq = lane->seq;
	unsigned int which, changes, to, len;
	struct kept *from;
	u32 *state = &lane->random;

	mutex_lock(&kept_lock);
	if (nr_kept && test_random(state) % 2) {
		/* One of the last ones, rather. */
		which = test_random(state) % nr_kept;
		if (test_random(state) % 2)
			which = nr_kept - 1 - which % min(nr_kept, 16U);
		copy_kept(lane, &kept[which]);
		for (changes = 1 + test_random(state) % 16; changes; changes--) {
			to = test_random(state) % ops;
			len = 1 + test_random(state) % (ops - to);
			switch (test_random(state) % 5) {
			case 0:
				seq[to] = any_op(state);
				break;
			case 1:
				seq[to].value = test_random(state) >> 8;
				break;
			case 2:
				seq[to].item = test_random(state) >> 8;
				seq[to].slot = test_random(state) >> 8;
				break;
			case 3:		/* a part of another */
				from = &kept[test_random(state) % nr_kept];
				memcpy(&seq[to], &from->ops[to],
				       len * sizeof(*seq));
				break;
			default:	/* one more */
				memmove(&seq[to + 1], &seq[to],
					(ops - to - 1) * sizeof(*seq));
				seq[to] = any_op(state);
			}
		}
	}
	mutex_unlock(&kept_lock);
}

/* The sequence as text: what the items are, then each operation. */
static void print_replay(struct lane *lane)
{
	struct op *op = lane->seq;
	unsigned int n = 0, i;

	for (i = 0; i < ops; i++)
		n += op[i].done && !op[i].off;
	if (n > 120) {
		test_print("# too long for REPLAY=: insmod takes no more than 120\n");
		return;
	}
	test_print("# again with REPLAY=%08x", lane->kinds);
	for (i = 0; i < ops; i++, op++)
		if (op->done && !op->off)
			test_print("%02x%02x%02x%02x", op->type, op->item,
				   op->slot, op->value);
	test_print("\n");
}

static struct kept replayed;

/* Such text, from the parameter. */
static bool read_replay(void)
{
	unsigned int len = strlen(replay), i;
	struct op *op = replayed.ops;

	if (len % 8 || len < 16 || len > 8 * (MAX_OPS + 1) ||
	    sscanf(replay, "%8x", &replayed.kinds) != 1)
		return false;
	for (i = 8; i < len; i += 8, op++)
		if (sscanf(replay + i, "%2hhx%2hhx%2hhx%2hhx", &op->type,
			   &op->item, &op->slot, &op->value) != 4 ||
		    op->type >= ARRAY_SIZE(types))
			return false;
	ops = op - replayed.ops;
	sequences = 1;
	return true;
}

static struct run *start(struct lane *lane)
{
	struct run *r = kzalloc(sizeof(*r), GFP_KERNEL);
	struct item *it;
	int i;

	if (!r)
		return NULL;
	r->ops = lane->seq;
	memcpy(r->cpus, lane->cpus, sizeof(r->cpus));
	INIT_LIST_HEAD(&r->stale_node);
	init_completion(&r->go);
	init_completion(&r->done);
	r->caller = kthread_create(caller_main, r, "cmwq_fuzz");
	if (IS_ERR(r->caller)) {
		kfree(r);
		return NULL;
	}
	wake_up_process(r->caller);
	for (i = 0; i < ITEMS; i++) {
		it = &r->items[i];
		it->run = r;
		it->rcu = i >= FIRST_RCU;
		it->cpu = r->cpus[0];
		init_completion(&it->gate);
		E_INIT_WORK(&it->helper, helper_fn);
		init_item(it, (lane->kinds >> i) % KINDS);
	}
	return r;
}

/* All items have run, all queues go. */
static void finish(struct run *r)
{
	struct item *it;
	int i;

	r->nr = ops;		/* for no operation */
	for (i = 0; i < SLOTS; i++)
		WRITE_ONCE(r->slots[i].open, true);
	for (i = 0; i < ITEMS; i++)
		r->items[i].fuzzy = true;
	release_open(r);
	/* Timers first: what waits for them does not come to rest. */
	for (i = 0; i < ITEMS && !r->lost; i++) {
		it = &r->items[i];
		if (it->timer || r->why[0]) {
			note_taken(it);
			do_call(r, it->rcu ? call_cancel_sync :
			     call_cancel_delayed_sync, it, NULL, NULL);
		}
	}
	if (!r->why[0] && !r->lost)
		settle(r);
	for (i = 0; i < SLOTS && !r->lost; i++) {
		if (r->slots[i].state != OPEN)
			continue;
		wait_to_destroy(r);
		do_call(r, call_destroy, NULL, &r->slots[i], NULL);
		has_destroyed(NULL);
	}
	for (i = 0; i < ITEMS && !r->lost; i++) {
		it = &r->items[i];
		if (atomic_read(&it->starts) != atomic_read(&it->want) ||
		    atomic_read(&it->ends) != atomic_read(&it->want))
			broken(r, "in the end item %d: queued %d times, started %d, ended %d",
			       i, atomic_read(&it->want),
			       atomic_read(&it->starts),
			       atomic_read(&it->ends));
		/* It may come back for what is freed. */
		if (atomic_read(&it->starts) != atomic_read(&it->ends) ||
		    e_work_busy(&it->work))
			r->lost = true;
	}
}

/* Run it.  Return: why it failed, in the lane's buffer; else "". */
static const char *run_sequence(struct lane *lane, u32 *digest,
				unsigned int *last)
{
	struct op *seq = lane->seq;
	char *why = lane->why;
	bool fuzzy[ITEMS];
	struct run *r = start(lane);
	struct op *op;
	int i;

	if (!r)
		return "no memory";
	for (r->nr = 0; r->nr < ops && !r->why[0]; r->nr++) {
		op = &seq[r->nr];
		op->done = false;
		op->got = ANY;
		if (op->off || (types[op->type].cmwq_only && legal))
			continue;
		op->done = types[op->type].run(r, op);
		if (!op->done)
			continue;
		atomic_inc(&type_done[op->type]);
		if (!r->why[0])
			settle(r);
		if (r->why[0])
			break;
	}
	*last = r->nr;
	for (i = 0; i < ITEMS; i++)
		fuzzy[i] = r->items[i].fuzzy;
	finish(r);
	for (i = 0; i < ITEMS; i++)
		if (!fuzzy[i])
			r->digest = hash_32(r->digest ^
					    atomic_read(&r->items[i].starts),
					    32) + i;
	*digest = r->digest;
	strscpy(why, r->why, sizeof(lane->why));
	if (r->lost) {
		forget_stale(r);	/* or others wait for it */
		WRITE_ONCE(test_lost_here, true);
		test_losses++;
		return why;	/* with all there is */
	}
	stop_caller(r);
	forget_stale(r);
	rcu_barrier();
	kfree(r);
	return why;
}

static void print_sequence(struct op *seq)
{
	unsigned int i, n = 0;

	for (i = 0; i < ops; i++) {
		if (seq[i].off || !seq[i].done)
			continue;
		test_print("#   %u. %s item %u, queue %u, value %u: %d\n", ++n,
			   types[seq[i].type].name, seq[i].item % ITEMS,
			   seq[i].slot % SLOTS, seq[i].value, seq[i].got);
	}
}

/* Leave out what it fails without. */
static void shrink(struct lane *lane)
{
	struct op *seq = lane->seq;
	unsigned int size, i, j, last, reruns = 0;
	struct op *was;
	bool smaller = true;
	u32 digest;

	was = kmalloc_array(MAX_OPS, sizeof(*was), GFP_KERNEL);
	if (!was)
		return;
	patience = min(patience, 3000U);
	for (size = ops / 2 ?: 1; size && reruns < MAX_RERUNS;
	     size = size > 1 ? size / 2 : smaller) {
		smaller = false;
		for (i = 0; i < ops && reruns < MAX_RERUNS; i += size) {
			bool any = false;

			memcpy(was, seq, MAX_OPS * sizeof(*was));
			for (j = i; j < i + size && j < ops; j++) {
				any = any || !seq[j].off;
				seq[j].off = true;
			}
			if (!any)
				continue;
			reruns++;
			if (run_sequence(lane, &digest, &last)[0]) {
				for (j = last + 1; j < ops; j++)
					seq[j].off = true;
				smaller = true;
			} else {
				memcpy(seq, was, MAX_OPS * sizeof(*was));
			}
		}
	}
	/* Once more, for the results. */
	test_print("# shrunk in %u reruns: %s\n", reruns,
		   run_sequence(lane, &digest, &last));
	print_sequence(seq);
	print_replay(lane);
	kfree(was);
}

static atomic_t sequences_begun, sequences_run, digest_of_all;
static struct lane *failed_lane;

/* The order in which sequences end is not known: their digests are added up. */
static int lane_main(void *data)
{
	struct lane *lane = data;
	u32 i, digest;

	set_cpus_allowed_ptr(current, cpumask_of(lane->cpus[0]));
	while (!READ_ONCE(failed_lane)) {
		i = atomic_inc_return(&sequences_begun) - 1;
		if (i >= sequences)
			break;
		lane->which = seed + i;
		make_ops(lane);
		if (replay)
			copy_kept(lane, &replayed);
		else if (guided)
			vary_one_kept(lane);
		run_sequence(lane, &digest, &lane->last);
		if (lane->why[0]) {
			cmpxchg(&failed_lane, NULL, lane);
			break;
		}
		if (cover_map)
			keep_if_new(lane);
		atomic_add(hash_32(digest ^ lane->which, 32), &digest_of_all);
		if (atomic_inc_return(&sequences_run) % 1000 == 0)
			pr_info("%u sequences\n", seed + i);
		atomic_inc(&test_checks);	/* it goes on */
	}
	smp_store_release(&lane->ended, true);	/* all of it, for run_lanes() */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int next_cpu(int cpu)
{
	cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu < nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

static void run_lanes(struct lane *lane)
{
	unsigned int i, n;
	int cpu = -1;

	for (n = 0; n < lanes; n++) {
		cpu = next_cpu(cpu);
		lane[n].cpus[0] = cpu;
		lane[n].cpus[1] = next_cpu(cpu);
		lane[n].seq = kcalloc(MAX_OPS, sizeof(*lane->seq), GFP_KERNEL);
		lane[n].task = kthread_create(lane_main, &lane[n], "cmwq_fuzz/%u",
					      n);
		if (!lane[n].seq || IS_ERR(lane[n].task)) {
			FAIL("no memory for lane %u", n);
			if (!IS_ERR(lane[n].task))
				kthread_stop(lane[n].task);
			kfree(lane[n].seq);
			break;
		}
		wake_up_process(lane[n].task);
	}
	for (i = 0; i < n; i++) {
		while (!smp_load_acquire(&lane[i].ended))	/* lane_main() */
			msleep(20);
		kthread_stop(lane[i].task);
	}
	lanes = n;
}

static void show_failure(struct lane *lane)
{
	unsigned int j;

	set_cpus_allowed_ptr(current, cpumask_of(lane->cpus[0]));
	FAIL("sequence %u: %s", lane->which, lane->why);
	test_print("# at operation %u, %s; again with SEED=%u SEQUENCES=1 if not guided\n",
		   lane->last + 1, lane->last < ops ?
		   types[lane->seq[lane->last].type].name : "the end",
		   lane->which);
	for (j = lane->last + 1; j < ops; j++)
		lane->seq[j].off = true;
	print_sequence(lane->seq);
	shrink(lane);
}

static void fuzz(void)
{
	struct lane *lane;
	unsigned int j, n = 0;

	if (!ops || ops > MAX_OPS || !lanes || lanes > 32 ||
	    num_online_cpus() < 2) {
		FAIL("1 to %d operations, 1 to 32 lanes, two CPUs", MAX_OPS);
		return;
	}
	if (replay && !read_replay()) {
		FAIL("replay=%s: not what a failure prints", replay);
		return;
	}
	lane = kcalloc(lanes, sizeof(*lane), GFP_KERNEL);
	if (!lane)
		return;
	if (!find_cover_map()) {
		FAIL("no memory, or this cmwq.ko does not note the ways taken");
		kfree(lane);
		return;
	}
	patience = wait_ms;
	helpers = e_alloc_workqueue("fuzz_helper", E_UNBOUND | E_MEM_RECLAIM, 0);
	if (helpers)
		run_lanes(lane);
	else
		FAIL("no queue");
	if (failed_lane)
		show_failure(failed_lane);
	for (j = 0; j < ARRAY_SIZE(types); j++) {
		n += atomic_read(&type_done[j]);
		if (!atomic_read(&type_done[j]) && sequences >= 50 &&
		    !(legal && types[j].cmwq_only) && !test_losses &&
		    (ENGINE_HAS_DISABLE && disable) && ENGINE_IS_CMWQ &&
		    !failed_lane)
			FAIL("%s never made sense", types[j].name);
	}
	test_print("# digest %08x\n", atomic_read(&digest_of_all));
	test_print("# %d sequences, %u operations\n",
		   atomic_read(&sequences_run), n);
	test_destroy(helpers);
	put_cover_map();
	for (j = 0; j < lanes; j++)
		kfree(lane[j].seq);
	kfree(lane);
}

const struct test_case test_cases[] = {
	CASE(fuzz),
	{}
};
