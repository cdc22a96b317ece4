// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_torture: everything at once, in the manner of rcutorture and locktorture
 *
 * Loading it starts the run.  It lasts duration_s seconds, or until somebody
 * writes 1 to "stop"; when "done" reads 1, "result" tells how it went.  The log
 * then has one line for each type,
 *
 *	cmwq_torture: TYPE: queued N ran N ... : SUCCESS
 *	cmwq_torture: TYPE: queued N ran N ... : FAILURE: WHY
 *
 * Threads use the queues of all types that torture_type names (cmwq_torture.h
 * says which files do what).  Every stutter ms the conductor has all of them
 * pause and waits until nothing is queued: an item that is left lying is found
 * then, when nobody comes by any more who would get it going by chance.
 */
#define pr_fmt(fmt) "cmwq_torture: " fmt

#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "cmwq_torture.h"

static char *torture_type = "per-cpu";
module_param(torture_type, charp, 0444);
MODULE_PARM_DESC(torture_type, "which, with commas between them; all: those of cmwq; stock: those of the control");

uint seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of all random choices");

static int nitems = 24;
module_param(nitems, int, 0444);
MODULE_PARM_DESC(nitems, "items of each type");

static int duration_s = 30;
module_param(duration_s, int, 0444);
MODULE_PARM_DESC(duration_s, "how long, in seconds; 0: until stop is written");

static int stutter = 2000;
module_param(stutter, int, 0444);
MODULE_PARM_DESC(stutter, "ms between pauses in which all must come to rest");

static int stat_interval = 60;
module_param(stat_interval, int, 0444);
MODULE_PARM_DESC(stat_interval, "seconds between lines of statistics, 0: none");

static int stall_s = 60;
module_param(stall_s, int, 0444);
MODULE_PARM_DESC(stall_s, "seconds without any progress that are a failure");

static bool stop;
module_param(stop, bool, 0644);
MODULE_PARM_DESC(stop, "write 1: end the run");

static int done;
module_param(done, int, 0444);
MODULE_PARM_DESC(done, "1 when the run is over (read only)");

static char result[256] = "running";
module_param_string(result, result, sizeof(result), 0444);
MODULE_PARM_DESC(result, "running, SUCCESS, or FAILURE: why (read only)");

static atomic_t moved = ATOMIC_INIT(0);
module_param_named(progress, moved.counter, int, 0444);
MODULE_PARM_DESC(progress, "moves as long as anything does (read only)");

struct torture *tortures;
int nr_tortures;
bool torture_stopping;

static bool paused;
static bool stuck;			/* nothing may be freed any more */
static atomic_t parked = ATOMIC_INIT(0);
static atomic_t failures = ATOMIC_INIT(0);
static atomic_t pauses = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(gate);
static DEFINE_SPINLOCK(why_lock);
static struct task_struct *conductor;

/* Failures: all are counted, the first ones named, the first kept. */

void torture_fail(struct torture *t, struct torture_item *it, const char *fmt,
		  ...)
{
	int n = atomic_inc_return(&failures);
	unsigned long flags;
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n <= 20)
		pr_err("%s: item %d%s, CPU %d: %s (seed %u)\n", t->type->name,
		       it->nr, it->q == t->main ? "" : " of a queue to be destroyed",
		       raw_smp_processor_id(), text, seed);
	spin_lock_irqsave(&why_lock, flags);
	if (!*t->why)
		snprintf(t->why, sizeof(t->why), "item %d, CPU %d: %s (seed %u)",
			 it->nr, raw_smp_processor_id(), text, seed);
	spin_unlock_irqrestore(&why_lock, flags);
}

/* Pausing */

bool torture_paused(void)
{
	return READ_ONCE(paused);
}

void torture_progress(void)
{
	atomic_inc(&moved);
}

bool torture_go_on(void)
{
	torture_progress();
	if (torture_paused()) {
		atomic_inc(&parked);
		wait_event_idle(gate, !torture_paused() ||
				READ_ONCE(torture_stopping));
		atomic_dec(&parked);
	}
	return !READ_ONCE(torture_stopping);
}

static bool all_parked(void)
{
	return atomic_read(&parked) == torture_roles();
}

static bool all_at_rest(void)
{
	int i, n;

	for (i = 0; i < nr_tortures; i++)
		for (n = 0; n < tortures[i].main->nr_items; n++)
			if (!torture_item_at_rest(&tortures[i].main->items[n]))
				return false;
	return true;
}

/*
 * Wait as long as anything moves: a slow machine is no failure, and one that
 * was stopped for a while has not seen @stall_s seconds of looks.
 */
static bool wait_while_moving(bool (*cond)(void))
{
	int last = atomic_read(&moved), now, looks = 0;
	int most = stall_s * 20;

	while (!cond()) {
		msleep(looks < 20 ? 2 : 50);
		now = atomic_read(&moved);
		if (now != last)
			looks = 0;
		last = now;
		if (++looks > most)
			return cond();
	}
	return true;
}

/* True if all stand still and nothing is left. */
static bool come_to_rest(void)
{
	int i;

	atomic_inc(&pauses);
	WRITE_ONCE(paused, true);
	if (!wait_while_moving(all_parked)) {
		torture_fail(&tortures[0], &tortures[0].main->items[0],
			     "a thread is stuck, see its state in the log");
		torture_roles_show();
		stuck = true;
	}
	if (wait_while_moving(all_at_rest) && !stuck)
		return true;
	/* An item that ran too often is not in anybody's hands. */
	for (i = 0; i < nr_tortures; i++)
		if (torture_lost(tortures[i].main))
			stuck = true;
	return false;
}

static void resume(void)
{
	WRITE_ONCE(paused, false);
	wake_up_all(&gate);
}

/* Reports */

static void report(struct torture *t, bool end)
{
	struct torture_stats *s = &t->stats;
	char side[100];

	torture_sides_report(side, sizeof(side));
	pr_info("%s: queued %d refused %d modified %d ran %d flushed %d+%d cancelled %d disabled %d destroyed %d attrs %d/%d placed %d alone %d periods %d %s pauses %d seed %u%s%s%s\n",
		t->type->name, atomic_read(&s->queued),
		atomic_read(&s->refused), atomic_read(&s->modified),
		atomic_read(&s->ran), atomic_read(&s->flushed),
		atomic_read(&s->queues_flushed), atomic_read(&s->cancelled),
		atomic_read(&s->disabled), atomic_read(&s->destroyed),
		atomic_read(&s->changed),
		atomic_read(&s->changed) + atomic_read(&s->not_changed),
		atomic_read(&s->placed), atomic_read(&s->fresh),
		atomic_read(&s->periods), side, atomic_read(&pauses), seed,
		!end ? "" : *t->why ? ": FAILURE: " : ": SUCCESS",
		end ? t->why : "", "");
}

static void report_all(bool end)
{
	int i;

	for (i = 0; i < nr_tortures; i++)
		report(&tortures[i], end);
}

/* A type that nothing was done to has not been tortured. */
static void check_coverage(struct torture *t)
{
	struct torture_stats *s = &t->stats;
	unsigned int traits = t->type->traits;
	struct torture_item *it = &t->main->items[0];

	if (!atomic_read(&s->queued) || !atomic_read(&s->ran))
		torture_fail(t, it, "nothing was queued");
	if (traits & TORTURE_MANAGED && !torture_gen() &&
	    !atomic_read(&s->fresh))
		torture_fail(t, it, "nothing was seen to run alone");
}

static void judge(void)
{
	int i;

	for (i = 0; i < nr_tortures; i++)
		check_coverage(&tortures[i]);
	report_all(true);
	snprintf(result, sizeof(result), "SUCCESS");
	for (i = nr_tortures - 1; i >= 0; i--)
		if (*tortures[i].why)
			snprintf(result, sizeof(result), "FAILURE: %s: %s",
				 tortures[i].type->name, tortures[i].why);
}

/* The conductor */

static bool over(unsigned long end)
{
	return READ_ONCE(stop) || kthread_should_stop() ||
	       atomic_read(&failures) ||
	       (duration_s && time_after(jiffies, end));
}

static int conduct(void *unused)
{
	unsigned long end = jiffies + duration_s * HZ, stat = jiffies, step;

	while (!over(end)) {
		step = jiffies + msecs_to_jiffies(stutter);
		while (time_before(jiffies, step) && !over(end))
			msleep(20);
		if (!come_to_rest())
			break;
		if (stat_interval &&
		    time_after(jiffies, stat + stat_interval * HZ)) {
			report_all(false);
			stat = jiffies;
		}
		resume();
	}
	if (!stuck)
		come_to_rest();
	/* What does not end by itself is left alone, with all that it uses. */
	if (!stuck) {
		torture_sides_end();
		WRITE_ONCE(torture_stopping, true);
		wake_up_all(&gate);
		torture_roles_end();
	}
	judge();
	/* Pairs with the reader, who then reads the result. */
	smp_store_release(&done, 1);
	if (!stuck)
		module_put(THIS_MODULE);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 5);
	return 0;
}

/* Types */

static const struct torture_type * const tables[] = {
	torture_cmwq_types, torture_stock_types, torture_kthread_types,
	torture_busted_types,
};

static bool one_of(const char *name, const char *list)
{
	size_t n = strlen(name);

	while (list) {
		if (!strncmp(list, name, n) && (!list[n] || list[n] == ','))
			return true;
		list = strchr(list, ',');
		if (list)
			list++;
	}
	return false;
}

static bool wanted(const struct torture_type *type, int table)
{
	return one_of(type->name, torture_type) ||
	       (table == 0 && one_of("all", torture_type)) ||
	       (table == 1 && one_of("stock", torture_type));
}

static void tortures_free(void)
{
	int i;

	for (i = 0; i < nr_tortures; i++) {
		tortures[i].type->ops->close(tortures[i].main);
		torture_queue_free(tortures[i].main);
	}
	kfree(tortures);
}

static int tortures_make(void)
{
	const struct torture_type *type;
	int i, most = 0;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		for (type = tables[i]; type->name; type++)
			most += wanted(type, i);
	if (!most) {
		pr_err("torture_type=%s: no such type\n", torture_type);
		return -EINVAL;
	}
	tortures = kcalloc(most, sizeof(*tortures), GFP_KERNEL);
	if (!tortures)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		for (type = tables[i]; type->name; type++) {
			struct torture *t = &tortures[nr_tortures];

			if (!wanted(type, i))
				continue;
			t->type = type;
			t->main = torture_queue_new(t, nitems,
						    10000 * (nr_tortures + 1));
			if (!t->main)
				return -ENOMEM;
			nr_tortures++;
		}
	}
	return 0;
}

static int __init torture_init(void)
{
	int err = torture_items_begin();

	if (err)
		return err;
	err = nitems < TORTURE_CLASSES || stutter < 10 || stall_s < 1 ?
	      -EINVAL : tortures_make();
	if (err)
		goto out_tortures;
	conductor = kthread_create(conduct, NULL, "torture/conduct");
	if (IS_ERR(conductor)) {
		err = PTR_ERR(conductor);
		goto out_tortures;
	}
	err = torture_roles_begin();
	if (err)
		goto out_conductor;
	err = torture_sides_begin();
	if (err)
		goto out_roles;
	pr_info("%s, seed %u\n", torture_type, seed);
	__module_get(THIS_MODULE);
	wake_up_process(conductor);
	return 0;

out_roles:
	WRITE_ONCE(torture_stopping, true);
	torture_roles_end();
out_conductor:
	kthread_stop(conductor);
out_tortures:
	tortures_free();
	torture_items_end();
	return err;
}
module_init(torture_init);

static void __exit torture_exit(void)
{
	kthread_stop(conductor);
	tortures_free();
	torture_items_end();
}
module_exit(torture_exit);

MODULE_DESCRIPTION("cmwq: torture test");
MODULE_LICENSE("GPL");
