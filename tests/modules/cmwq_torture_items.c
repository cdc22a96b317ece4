// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_torture_items.c - what items do and check, and the calls that keep their
 * books (cmwq_torture.h tells how).
 */
#define pr_fmt(fmt) "cmwq_torture: " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "cmwq_torture.h"

static char *io_file = "/tmp/cmwq_torture";
module_param(io_file, charp, 0444);
MODULE_PARM_DESC(io_file, "what items read and write; empty: nothing");

#define IO_PAGES	64

/* What items wait for */

static DEFINE_MUTEX(some_mutex);
static DECLARE_RWSEM(some_rwsem);
static DECLARE_COMPLETION(some_completion);
static DECLARE_WAIT_QUEUE_HEAD(some_queue);
static atomic_t events = ATOMIC_INIT(0);
static struct file *some_file;

/* In their first phase, before they slept: items of each lane, by CPU. */
static struct torture_places lanes[2 * TORTURE_LANES];

static void happens(void)
{
	atomic_inc(&events);
	wake_up_all(&some_queue);
	complete(&some_completion);
}

/* Preemptible under every model. */
static void burn_us(u32 us)
{
	ktime_t end = ktime_add_us(ktime_get(), us);

	while (ktime_before(ktime_get(), end)) {
		cpu_relax();
		if (!in_softirq())
			cond_resched();
	}
}

static void wait_on_queue(u32 *rnd)
{
	int seen = atomic_read(&events);

	if (torture_random(rnd) & 1)
		wait_event_timeout(some_queue, atomic_read(&events) != seen, 3);
	else
		wait_event_interruptible_timeout(some_queue,
						 atomic_read(&events) != seen,
						 3);
}

static void under_rwsem(u32 *rnd)
{
	if (torture_random(rnd) & 3) {
		down_read(&some_rwsem);
		if (torture_random(rnd) & 1)
			usleep_range(20, 200);
		up_read(&some_rwsem);
	} else {
		down_write(&some_rwsem);
		usleep_range(20, 100);
		up_write(&some_rwsem);
	}
}

static void under_mutex(u32 *rnd)
{
	mutex_lock(&some_mutex);
	if (torture_random(rnd) & 1)
		usleep_range(20, 100);
	else
		burn_us(10);
	mutex_unlock(&some_mutex);
}

/* The file's lock is a sleeping one, and writing may want memory. */
static void input_output(u32 *rnd)
{
	loff_t pos = torture_below(rnd, IO_PAGES) * PAGE_SIZE;
	void *buf = (void *)__get_free_page(GFP_KERNEL);

	if (buf && some_file) {
		if (torture_random(rnd) & 1) {
			memset(buf, *rnd & 0xff, PAGE_SIZE);
			kernel_write(some_file, buf, PAGE_SIZE, &pos);
		} else {
			kernel_read(some_file, buf, PAGE_SIZE, &pos);
		}
	}
	free_page((unsigned long)buf);
}

/* May go to reclaim. */
static void use_memory(u32 *rnd)
{
	unsigned long pages[16];
	int i, n = 1 + torture_below(rnd, ARRAY_SIZE(pages));
	void *big = kvmalloc(64 * 1024, GFP_KERNEL | __GFP_NOWARN);

	for (i = 0; i < n; i++)
		pages[i] = __get_free_page(GFP_KERNEL | __GFP_NOWARN);
	if (big)
		memset(big, 0x5a, 64 * 1024);
	while (i--)
		free_page(pages[i]);
	kvfree(big);
}

/* Woken before it has slept, with and without asking the scheduler. */
static void sleeps_nearly(u32 *rnd)
{
	set_current_state(TASK_INTERRUPTIBLE);
	if (torture_random(rnd) & 1) {
		wake_up_process(current);
		schedule();
	} else {
		burn_us(10);
	}
	__set_current_state(TASK_RUNNING);
}

static void sleep_somehow(u32 *rnd)
{
	switch (torture_below(rnd, 32)) {
	case 0 ... 3:
		under_mutex(rnd);
		break;
	case 4 ... 7:
		under_rwsem(rnd);
		break;
	case 8 ... 9:
		wait_for_completion_timeout(&some_completion, 3);
		break;
	case 10 ... 12:
		wait_on_queue(rnd);
		break;
	case 13 ... 14:
		msleep(1 + torture_below(rnd, 8));
		break;
	case 15 ... 18:
		usleep_range(20, 500);
		break;
	case 19:
		if (!(torture_random(rnd) & 3))
			synchronize_rcu();
		break;
	case 20 ... 22:
		input_output(rnd);
		break;
	case 23 ... 24:
		use_memory(rnd);
		break;
	case 25 ... 26:
		cond_resched();
		break;
	case 27:
		schedule();
		break;
	case 28 ... 29:
		sleeps_nearly(rnd);
		break;
	default:
		happens();
	}
}

/*
 * Places: who is where.  Items of a CPU that is down may be anywhere, and as
 * long as they run, so those of another hotplug generation do not count.
 */

static int places_new(struct torture_places *p)
{
	p->n = kcalloc(nr_cpu_ids, sizeof(*p->n), GFP_KERNEL);
	return p->n ? 0 : -ENOMEM;
}

static int places_enter(struct torture_places *p, int cpu, int gen)
{
	return atomic_inc_return(&p->n[cpu][(gen >> 1) % TORTURE_GENS]);
}

static void places_leave(struct torture_places *p, int cpu, int gen)
{
	atomic_dec(&p->n[cpu][(gen >> 1) % TORTURE_GENS]);
}

static bool settled(int gen)
{
	return !(gen & 1);
}

/* All CPUs up from then to now? */
static bool settled_since(int gen)
{
	return settled(gen) && torture_gen() == gen;
}

/* Tickets: the order in which items were queued; q->lock is held. */

static void draw_ticket(struct torture_item *it)
{
	if (it->nr_tickets == ARRAY_SIZE(it->ticket)) {
		torture_fail(it->q->t, it, "queued while it was pending");
		return;
	}
	it->ticket[it->nr_tickets++] = ++it->q->tickets;
}

static void return_ticket(struct torture_item *it)
{
	if (it->nr_tickets)
		it->nr_tickets--;
	else
		torture_fail(it->q->t, it, "cancelled, but was not queued");
}

static void show_ticket(struct torture_item *it)
{
	struct torture_queue *q = it->q;
	u32 ticket = 0, last;

	spin_lock(&q->lock);
	last = q->last;
	if (it->nr_tickets) {
		ticket = it->ticket[0];
		it->ticket[0] = it->ticket[1];
		it->nr_tickets--;
		q->last = ticket;
	}
	spin_unlock(&q->lock);
	if (!ticket)
		torture_fail(q->t, it, "runs out of order: not queued");
	else if ((s32)(ticket - last) <= 0)
		torture_fail(q->t, it,
			     "runs out of order: queued as number %u, after %u",
			     ticket, last);
}

static bool is_ordered(struct torture_item *it)
{
	return it->q->t->type->traits & TORTURE_ORDERED;
}

/* Checks inside a run */

static void check_books_of_run(struct torture_item *it)
{
	int gone = atomic_read(&it->ran) + atomic_read(&it->taken);
	int queued;

	smp_rmb();	/* gone first: it grows behind queued */
	queued = atomic_read(&it->queued);
	if (gone >= queued)
		torture_fail(it->q->t, it,
			     "runs although it was queued %d times, ran or was cancelled %d times",
			     queued, gone);
}

static void check_context(struct torture_item *it)
{
	bool softirq = it->q->t->type->traits & TORTURE_SOFTIRQ;

	if (softirq != !!in_serving_softirq())
		torture_fail(it->q->t, it, "runs in %s context",
			     softirq ? "task" : "softirq");
}

/* Queued exactly there, when it was idle. */
static void check_place(struct torture_item *it, int cpu)
{
	int want = it->want_cpu;

	it->want_cpu = TORTURE_ANY_CPU;
	if (want == TORTURE_ANY_CPU)
		return;
	if (want != cpu && settled_since(it->want_gen))
		torture_fail(it->q->t, it, "is on the wrong CPU, queued on %d",
			     want);
	atomic_inc(&it->q->t->stats.placed);
}

/*
 * With the full state: the short one knows one count for expedited grace periods
 * and others, and misses an other that one of those overlaps.
 */
static void check_period(struct torture_item *it)
{
	if (!it->has_cookie)
		return;
	it->has_cookie = false;
#ifdef TEST_HAVE_POLL_RCU
	if (!poll_state_synchronize_rcu_full(&it->cookie))
		torture_fail(it->q->t, it, "runs before its grace period is over");
	atomic_inc(&it->q->t->stats.periods);
#endif
}

/*
 * An item that was queued again while it ran follows itself on its worker at
 * once, whoever else is runnable: known by the worker, which has not slept.
 */
static bool follows_itself(struct torture_item *it)
{
	return it->last_task == current && it->last_sleeps == current->nvcsw;
}

/*
 * The control's workers that come back to their CPU are not counted before they
 * have run all that waits.
 */
static bool may_overlap(struct torture_item *it, int gen)
{
	return it->q->t->type->lane >= TORTURE_LANES && gen;
}

/* Nobody else of the pool may start as long as this one has not slept. */
static void first_phase(struct torture_item *it, int cpu, int gen)
{
	const struct torture_type *type = it->q->t->type;
	struct torture_places *lane = &lanes[type->lane];
	int n = places_enter(lane, cpu, gen);

	if (n != 1 && settled_since(gen))
		torture_fail(it->q->t, it,
			     "runs while %d others of its pool are runnable",
			     n - 1);
	burn_us(torture_below(&it->rnd, type->traits & TORTURE_SOFTIRQ ?
			      60 : 150));
	places_leave(lane, cpu, gen);
	atomic_inc(&it->q->t->stats.fresh);
}

static struct torture_item *any_item(struct torture_queue *q, u32 *rnd)
{
	return &q->items[torture_below(rnd, q->nr_items)];
}

static void queue_others(struct torture_item *it)
{
	struct torture_item *other = any_item(it->q, &it->rnd);

	if (torture_random(&it->rnd) & 3)
		return;
	if (other->class != TORTURE_OWNED)
		torture_queue(other, &it->rnd);
}

/**
 * torture_run - one run of an item
 * @it: the item
 */
void torture_run(struct torture_item *it)
{
	struct torture_queue *q = it->q;
	struct torture *t = q->t;
	unsigned int traits = t->type->traits;
	bool bound = traits & TORTURE_BOUND;
	int gen = torture_gen(), cpu = raw_smp_processor_id();
	int place = bound ? cpu : 0;
	int limit = t->type->limit, n;

	n = atomic_inc_return(&it->inside);
	if (n != 1)
		torture_fail(t, it, "runs %d times at once", n);
	check_books_of_run(it);
	check_context(it);
	if (traits & TORTURE_ORDERED)
		show_ticket(it);
	if (!bound && num_online_nodes() > 1 && !(traits & TORTURE_ORDERED))
		limit = 0;
	n = places_enter(&q->inside, place, bound ? gen : 0);
	if (limit && n > limit && (!bound || settled_since(gen)))
		torture_fail(t, it, "runs as number %d of its queue at once, limit %d",
			     n, limit);
	if (it->class == TORTURE_OWNED) {
		check_place(it, cpu);
		check_period(it);
	}
	if (traits & TORTURE_MANAGED && settled(gen) &&
	    !t->type->ops->foreign() && !follows_itself(it) &&
	    !may_overlap(it, gen))
		first_phase(it, cpu, gen);

	if (traits & TORTURE_SOFTIRQ)
		burn_us(torture_below(&it->rnd, 30));
	else
		for (n = torture_below(&it->rnd, 4); n; n--)
			sleep_somehow(&it->rnd);

	if (!torture_paused() && !READ_ONCE(q->closing)) {
		if (it->class == TORTURE_AGAIN &&
		    !(torture_random(&it->rnd) & 7))
			torture_queue(it, &it->rnd);
		queue_others(it);
	}

	n = raw_smp_processor_id();
	if (bound && n != cpu && settled_since(gen))
		torture_fail(t, it, "is on the wrong CPU, began on %d", cpu);
	places_leave(&q->inside, place, bound ? gen : 0);
	it->last_task = current;
	it->last_sleeps = current->nvcsw;
	atomic_inc(&t->stats.ran);
	torture_progress();
	atomic_dec(&it->inside);
	atomic_inc_return(&it->ran);	/* after all the rest */
}

/* Calls that keep the books */

bool torture_own(struct torture_item *it)
{
	return it->class != TORTURE_OWNED ||
	       !atomic_cmpxchg_acquire(&it->owner, 0, 1);
}

void torture_disown(struct torture_item *it)
{
	if (it->class == TORTURE_OWNED)
		atomic_set_release(&it->owner, 0);
}

static int some_cpu(struct torture_item *it, u32 *rnd)
{
	u32 n = torture_below(rnd, 2 * nr_cpu_ids);

	/* Half of the time wherever it is; CPUs that are down as well. */
	return it->q->t->type->traits & TORTURE_ON_CPU && n < nr_cpu_ids &&
	       cpu_possible(n) ? n : TORTURE_ANY_CPU;
}

static bool queue_counted(struct torture_item *it, int cpu,
			  unsigned long delay)
{
	atomic_inc(&it->queued);
	if (it->q->t->type->ops->queue(it, cpu, delay)) {
		atomic_inc(&it->confirmed);
		return true;
	}
	atomic_dec(&it->queued);
	return false;
}

static bool queue_on(struct torture_item *it, int cpu, unsigned long delay)
{
	struct torture_stats *s = &it->q->t->stats;
	bool yes;

	if (is_ordered(it)) {
		spin_lock(&it->q->lock);
		yes = queue_counted(it, cpu, delay);
		if (yes)
			draw_ticket(it);
		spin_unlock(&it->q->lock);
	} else {
		yes = queue_counted(it, cpu, delay);
	}
	atomic_inc(yes ? &s->queued : &s->refused);
	return yes;
}

/* The caller owns the item, if it is one to be owned. */
bool torture_queue(struct torture_item *it, u32 *rnd)
{
	struct torture *t = it->q->t;
	unsigned long delay = torture_below(rnd, 4);
	int cpu = some_cpu(it, rnd);

	if (it->class != TORTURE_MODIFIED || torture_random(rnd) & 1 ||
	    !(t->type->traits & TORTURE_DELAYED))
		return queue_on(it, cpu, delay);
	/* Nobody disables these: if it was not pending, it is now. */
	atomic_inc(&it->queued);
	if (t->type->ops->modify(it, cpu, delay)) {
		atomic_dec(&it->queued);
		atomic_inc(&t->stats.modified);
		return false;
	}
	atomic_inc(&it->confirmed);
	atomic_inc(&t->stats.queued);
	return true;
}

/* The caller owns the item, which is idle: now it is known where it has to run. */
bool torture_queue_exactly(struct torture_item *it, u32 *rnd)
{
	unsigned int traits = it->q->t->type->traits;
	int gen = torture_gen();
	int cpu = traits & TORTURE_ON_CPU && traits & TORTURE_BOUND ?
		  torture_below(rnd, nr_cpu_ids) : TORTURE_ANY_CPU;

	if (cpu != TORTURE_ANY_CPU && !cpu_online(cpu))
		cpu = TORTURE_ANY_CPU;
	it->want_cpu = cpu;
	it->want_gen = gen;
#ifdef TEST_HAVE_POLL_RCU
	if (traits & TORTURE_RCU) {
		get_state_synchronize_rcu_full(&it->cookie);
		it->has_cookie = true;
	}
#endif
	return queue_on(it, cpu, torture_below(rnd, 4));
}

static bool take_counted(struct torture_item *it,
			 bool (*fn)(struct torture_item *it))
{
	atomic_inc(&it->taking);
	if (fn(it)) {
		atomic_inc(&it->taken);
		return true;
	}
	atomic_dec(&it->taking);
	return false;
}

static bool take(struct torture_item *it, bool (*fn)(struct torture_item *it))
{
	bool yes;

	if (!is_ordered(it))
		return take_counted(it, fn);
	spin_lock(&it->q->lock);
	yes = take_counted(it, fn);
	if (yes)
		return_ticket(it);
	spin_unlock(&it->q->lock);
	return yes;
}

/* What sleeps is not one step with the ticket, which must be the last one. */
static bool take_sync(struct torture_item *it,
		      bool (*fn)(struct torture_item *it))
{
	bool yes = take_counted(it, fn);

	if (yes && is_ordered(it)) {
		spin_lock(&it->q->lock);
		return_ticket(it);
		spin_unlock(&it->q->lock);
	}
	return yes;
}

bool torture_cancel(struct torture_item *it)
{
	bool yes = take(it, it->q->t->type->ops->cancel);

	if (yes)
		atomic_inc(&it->q->t->stats.cancelled);
	return yes;
}

/* Ordered items: by their owner, so that nobody draws a ticket meanwhile. */
bool torture_cancel_sync(struct torture_item *it)
{
	bool yes = take_sync(it, it->q->t->type->ops->cancel_sync);

	if (yes)
		atomic_inc(&it->q->t->stats.cancelled);
	return yes;
}

bool torture_disable(struct torture_item *it)
{
	atomic_inc(&it->q->t->stats.disabled);
	return take(it, it->q->t->type->ops->disable);
}

/* The same. */
bool torture_disable_sync(struct torture_item *it)
{
	atomic_inc(&it->q->t->stats.disabled);
	return take_sync(it, it->q->t->type->ops->disable_sync);
}

void torture_enable(struct torture_item *it)
{
	it->q->t->type->ops->enable(it);
}

static void check_waited(struct torture_item *it, int confirmed,
			 const char *after)
{
	int gone = atomic_read(&it->ran) + atomic_read(&it->taking);

	/* One whose delay is changed meanwhile is not waited for. */
	if (gone < confirmed && it->class != TORTURE_MODIFIED)
		torture_fail(it->q->t, it,
			     "was not waited for by %s: queued %d times, ran or was cancelled %d times",
			     after, confirmed, gone);
}

void torture_flush(struct torture_item *it)
{
	int confirmed = atomic_read(&it->confirmed);

	smp_mb();	/* what is counted is queued */
	it->q->t->type->ops->flush(it);
	smp_mb();	/* what was waited for is seen */
	check_waited(it, confirmed, "a flush");
	atomic_inc(&it->q->t->stats.flushed);
}

void torture_flush_queue(struct torture_queue *q)
{
	unsigned int traits = q->t->type->traits;
	bool check = !(traits & (TORTURE_DELAYED | TORTURE_RCU));
	int *confirmed = kcalloc(q->nr_items, sizeof(*confirmed), GFP_KERNEL);
	int i;

	for (i = 0; confirmed && i < q->nr_items; i++)
		confirmed[i] = atomic_read(&q->items[i].confirmed);
	smp_mb();	/* as there */
	q->t->type->ops->flush_queue(q);
	smp_mb();	/* as there */
	for (i = 0; check && confirmed && i < q->nr_items; i++)
		check_waited(&q->items[i], confirmed[i],
			     "a flush of the queue");
	kfree(confirmed);
	atomic_inc(&q->t->stats.queues_flushed);
}

/*
 * The item does not run and cannot be queued: its owner has cancelled it, or it
 * is disabled.
 */
void torture_is_idle(struct torture_item *it, const char *after)
{
	if (atomic_read(&it->inside) || it->q->t->type->ops->busy(it))
		torture_fail(it->q->t, it, "runs after %s", after);
	check_waited(it, atomic_read(&it->confirmed), after);
	if (it->class == TORTURE_OWNED) {
		it->want_cpu = TORTURE_ANY_CPU;
		it->has_cookie = false;
	}
}

/* Nobody touches it: all that was queued has run, or was taken off. */
bool torture_item_at_rest(struct torture_item *it)
{
	int ran = atomic_read(&it->ran), taken = atomic_read(&it->taken);

	return !atomic_read(&it->inside) &&
	       atomic_read(&it->queued) == ran + taken &&
	       atomic_read(&it->confirmed) == ran + taken &&
	       atomic_read(&it->taking) == taken;
}

/* Name the items that are not; how many may still be queued or run. */
int torture_lost(struct torture_queue *q)
{
	struct torture_item *it;
	int i, queued, gone, n = 0;

	for (i = 0; i < q->nr_items; i++) {
		it = &q->items[i];
		if (torture_item_at_rest(it))
			continue;
		queued = atomic_read(&it->queued);
		gone = atomic_read(&it->ran) + atomic_read(&it->taken);
		n += !(q->t->type->traits & TORTURE_DROPS) &&
		     (gone < queued || atomic_read(&it->inside));
		torture_fail(q->t, it, "%s: queued %d times, ran %d times, cancelled %d times%s%s",
			     gone > queued ? "ran too often" : "is lost",
			     queued, atomic_read(&it->ran),
			     atomic_read(&it->taken),
			     atomic_read(&it->inside) ? ", is inside" : "",
			     q->t->type->ops->busy(it) ? ", is run" : "");
	}
	return n;
}

struct torture_queue *torture_queue_new(struct torture *t, int nr_items,
					u32 who)
{
	struct torture_queue *q = kzalloc(sizeof(*q), GFP_KERNEL);
	struct torture_item *it;
	int i;

	if (!q)
		return NULL;
	q->t = t;
	spin_lock_init(&q->lock);
	q->nr_items = nr_items;
	q->items = kcalloc(nr_items, sizeof(*q->items), GFP_KERNEL);
	if (!q->items || places_new(&q->inside) || t->type->ops->open(q)) {
		torture_queue_free(q);
		return NULL;
	}
	for (i = 0; i < nr_items; i++) {
		it = &q->items[i];
		it->q = q;
		it->nr = i;
		it->class = i % TORTURE_CLASSES;
		it->want_cpu = TORTURE_ANY_CPU;
		torture_seed(&it->rnd, who + i);
		t->type->ops->init(it);
	}
	return q;
}

/* The engine's queue is gone, or was never there. */
void torture_queue_free(struct torture_queue *q)
{
	kfree(q->inside.n);
	kfree(q->items);
	kfree(q);
}

/* Files are those of whoever loads the module: kernel threads may see none. */
static void open_file(void)
{
	struct file *file;

	if (!*io_file)
		return;
	file = filp_open(io_file, O_RDWR | O_CREAT | O_LARGEFILE, 0600);
	if (IS_ERR(file))
		pr_warn("no %s (errno %ld): no input and output\n", io_file,
			PTR_ERR(file));
	else
		some_file = file;
}

int torture_items_begin(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lanes); i++) {
		if (places_new(&lanes[i])) {
			torture_items_end();
			return -ENOMEM;
		}
	}
	open_file();
	return 0;
}

void torture_items_end(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lanes); i++)
		kfree(lanes[i].n);
	if (some_file)
		filp_close(some_file, NULL);
}
