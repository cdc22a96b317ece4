// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_demo.c - the documented cmwq example, on cmwq and on the kernel's own
 * workqueue, with a time stamp at each step
 *
 * Loading the module runs every scenario on both engines; the result is text
 * in debugfs:
 *
 *	cmwq_demo/timeline	run ENGINE SCENARIO MAX_ACTIVE
 *				at ENGINE SCENARIO ITEM PHASE NS
 *				gap ENGINE SCENARIO ITEM FROM_NS TO_NS
 *
 * NS counts from the moment the items were queued; a gap is a time in which a
 * burning item was ready to go on but another task had the CPU.
 *
 *	cmwq_demo/sleepers	write N: queue N items on cmwq that burn 1 ms and
 *				sleep 300 ms, all on CPU 0
 *				read: sleepers US LEFT MAX, the time since the
 *				write, items not done yet, and how many items
 *				were burning at once at most
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <cmwq.h>

#define DEMO_CPU	0
#define BURN_NS		(5 * NSEC_PER_MSEC)
#define SLEEP_US	(10 * USEC_PER_MSEC)
#define SLACK_US	200
#define TICK_US		(TICK_NSEC / NSEC_PER_USEC)
#define GAP_NS		(100 * NSEC_PER_USEC)	/* shorter ones are interrupts */

#define NR_ITEMS	3
#define NR_GAPS		8

#define MAX_SLEEPERS	1000
#define SLEEPER_BURN_NS	(1 * NSEC_PER_MSEC)
#define SLEEPER_US	(300 * USEC_PER_MSEC)

enum demo_phase {
	DEMO_START,
	DEMO_SLEEP,
	DEMO_WAKE,
	DEMO_DONE,
	DEMO_NR_PHASES,
};

static const char * const demo_phase_name[] = {
	[DEMO_START]	= "start",
	[DEMO_SLEEP]	= "sleep",
	[DEMO_WAKE]	= "wake",
	[DEMO_DONE]	= "done",
};

struct demo_gap {
	u64 from, to;
};

struct demo_item {
	struct work_struct stock_work;	/* one of the two is used */
	struct cmwq_work cmwq_work;
	bool burns_again;		/* after its sleep */
	u64 at[DEMO_NR_PHASES];
	unsigned int nr_gaps;
	struct demo_gap gap[NR_GAPS];
};

/* What differs between the two engines. */
struct demo_engine {
	const char *name;
	void *(*alloc)(bool cpu_intensive, int max_active);
	void (*queue)(void *wq, struct demo_item *item);
	void (*destroy)(void *wq);
};

struct demo_scenario {
	const char *name;
	int max_active;
	bool intensive;			/* w1, w2 on a CPU-intensive queue */
};

static const struct demo_scenario demo_scenarios[] = {
	{ "one", 1, false },
	{ "two", 2, false },
	{ "many", 3, false },
	{ "intensive", 3, true },
};

struct demo_run {
	u64 t0;
	struct demo_item item[NR_ITEMS];
};

/*
 * Use the CPU for @ns.  Time in which another task had it does not count, and
 * is noted in @item if there is one.
 */
static void demo_burn(struct demo_item *item, u64 ns)
{
	u64 last = ktime_get_ns();
	u64 burnt = 0;

	while (burnt < ns) {
		u64 now;

		cond_resched();
		cpu_relax();
		now = ktime_get_ns();
		if (now - last < GAP_NS) {
			burnt += now - last;
		} else if (item && item->nr_gaps < NR_GAPS) {
			item->gap[item->nr_gaps].from = last;
			item->gap[item->nr_gaps].to = now;
			item->nr_gaps++;
		}
		last = now;
	}
}

/* The example's work function: burn, sleep, and for w0 burn again. */
static void demo_item_run(struct demo_item *item)
{
	item->at[DEMO_START] = ktime_get_ns();
	demo_burn(item, BURN_NS);
	item->at[DEMO_SLEEP] = ktime_get_ns();
	usleep_range(SLEEP_US, SLEEP_US + SLACK_US);
	item->at[DEMO_WAKE] = ktime_get_ns();
	if (item->burns_again)
		demo_burn(item, BURN_NS);
	item->at[DEMO_DONE] = ktime_get_ns();
}

/* Engine 1: cmwq */

static void demo_cmwq_fn(struct cmwq_work *work)
{
	demo_item_run(container_of(work, struct demo_item, cmwq_work));
}

static void *demo_cmwq_alloc(bool cpu_intensive, int max_active)
{
	unsigned int flags = CMWQ_PERCPU;

	if (cpu_intensive)
		flags |= CMWQ_CPU_INTENSIVE;
	return cmwq_alloc_workqueue("demo", flags, max_active);
}

static void demo_cmwq_queue(void *wq, struct demo_item *item)
{
	CMWQ_INIT_WORK(&item->cmwq_work, demo_cmwq_fn);
	cmwq_queue_work_on(DEMO_CPU, wq, &item->cmwq_work);
}

static void demo_cmwq_destroy(void *wq)
{
	cmwq_destroy_workqueue(wq);
}

/* Engine 2: the kernel's own */

static void demo_stock_fn(struct work_struct *work)
{
	demo_item_run(container_of(work, struct demo_item, stock_work));
}

static void *demo_stock_alloc(bool cpu_intensive, int max_active)
{
	return alloc_workqueue("demo", cpu_intensive ? WQ_CPU_INTENSIVE : 0,
			       max_active);
}

static void demo_stock_queue(void *wq, struct demo_item *item)
{
	INIT_WORK(&item->stock_work, demo_stock_fn);
	queue_work_on(DEMO_CPU, wq, &item->stock_work);
}

static void demo_stock_destroy(void *wq)
{
	destroy_workqueue(wq);
}

static const struct demo_engine demo_engines[] = {
	{
		.name		= "cmwq",
		.alloc		= demo_cmwq_alloc,
		.queue		= demo_cmwq_queue,
		.destroy	= demo_cmwq_destroy,
	}, {
		.name		= "kernel",
		.alloc		= demo_stock_alloc,
		.queue		= demo_stock_queue,
		.destroy	= demo_stock_destroy,
	},
};

static struct demo_run
demo_runs[ARRAY_SIZE(demo_engines)][ARRAY_SIZE(demo_scenarios)];

static int demo_run_one(const struct demo_engine *engine,
			const struct demo_scenario *scenario,
			struct demo_run *run)
{
	void *q0, *q1;
	int i;

	q0 = engine->alloc(false, scenario->max_active);
	if (!q0)
		return -ENOMEM;
	q1 = q0;
	if (scenario->intensive) {
		q1 = engine->alloc(true, scenario->max_active);
		if (!q1) {
			engine->destroy(q0);
			return -ENOMEM;
		}
	}

	run->item[0].burns_again = true;

	/*
	 * The same conditions for every run: begin three quarters into a tick,
	 * so that the scheduler's tick finds w1 burning when w1 and w2 have to
	 * share the CPU.
	 */
	schedule_timeout_uninterruptible(1);
	usleep_range(TICK_US * 3 / 4, TICK_US * 3 / 4 + 1);

	/* No item may begin before all of them are queued. */
	preempt_disable();
	run->t0 = ktime_get_ns();
	for (i = 0; i < NR_ITEMS; i++)
		engine->queue(i ? q1 : q0, &run->item[i]);
	preempt_enable();

	/* Destroying a queue waits for its items. */
	if (q1 != q0)
		engine->destroy(q1);
	engine->destroy(q0);
	return 0;
}

static void demo_show_run(struct seq_file *m, const char *engine,
			  const struct demo_scenario *scenario,
			  const struct demo_run *run)
{
	unsigned int i, phase, gap;

	seq_printf(m, "run %s %s %d\n", engine, scenario->name,
		   scenario->max_active);

	for (i = 0; i < NR_ITEMS; i++) {
		const struct demo_item *item = &run->item[i];

		for (phase = 0; phase < DEMO_NR_PHASES; phase++)
			seq_printf(m, "at %s %s w%u %s %lld\n", engine,
				   scenario->name, i, demo_phase_name[phase],
				   (s64)(item->at[phase] - run->t0));
		for (gap = 0; gap < item->nr_gaps; gap++)
			seq_printf(m, "gap %s %s w%u %lld %lld\n", engine,
				   scenario->name, i,
				   (s64)(item->gap[gap].from - run->t0),
				   (s64)(item->gap[gap].to - run->t0));
	}
}

static int timeline_show(struct seq_file *m, void *unused)
{
	unsigned int e, s;

	for (s = 0; s < ARRAY_SIZE(demo_scenarios); s++)
		for (e = 0; e < ARRAY_SIZE(demo_engines); e++)
			demo_show_run(m, demo_engines[e].name,
				      &demo_scenarios[s], &demo_runs[e][s]);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(timeline);

/* The sleepers: many items that sleep at once on one CPU */

static DEFINE_MUTEX(sleepers_lock);	/* one crowd at a time */
static struct cmwq_workqueue *sleepers_wq;
static struct cmwq_work *sleepers;
static u64 sleepers_t0;
static atomic_t sleepers_left;
static atomic_t sleepers_burning;
static atomic_t sleepers_max;

static void sleeper_fn(struct cmwq_work *work)
{
	int burning = atomic_inc_return(&sleepers_burning);
	int max = atomic_read(&sleepers_max);

	while (burning > max && !atomic_try_cmpxchg(&sleepers_max, &max,
						    burning))
		;
	demo_burn(NULL, SLEEPER_BURN_NS);
	atomic_dec(&sleepers_burning);

	usleep_range(SLEEPER_US, SLEEPER_US + SLACK_US);
	atomic_dec(&sleepers_left);
}

static int sleepers_queue(unsigned int nr)
{
	struct cmwq_work *works;
	unsigned int i;

	if (!nr || nr > MAX_SLEEPERS)
		return -EINVAL;
	if (atomic_read(&sleepers_left))
		return -EBUSY;
	cmwq_flush_workqueue(sleepers_wq);

	works = kcalloc(nr, sizeof(*works), GFP_KERNEL);
	if (!works)
		return -ENOMEM;
	kfree(sleepers);
	sleepers = works;

	atomic_set(&sleepers_max, 0);
	atomic_set(&sleepers_left, nr);
	sleepers_t0 = ktime_get_ns();
	for (i = 0; i < nr; i++) {
		CMWQ_INIT_WORK(&works[i], sleeper_fn);
		cmwq_queue_work_on(DEMO_CPU, sleepers_wq, &works[i]);
	}
	return 0;
}

static ssize_t sleepers_write(struct file *file, const char __user *buf,
			      size_t count, loff_t *ppos)
{
	unsigned int nr;
	int err;

	err = kstrtouint_from_user(buf, count, 0, &nr);
	if (err)
		return err;

	err = mutex_lock_interruptible(&sleepers_lock);
	if (err)
		return err;
	err = sleepers_queue(nr);
	mutex_unlock(&sleepers_lock);

	return err ?: count;
}

static int sleepers_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "sleepers %llu %d %d\n",
		   (ktime_get_ns() - sleepers_t0) / NSEC_PER_USEC,
		   atomic_read(&sleepers_left), atomic_read(&sleepers_max));
	return 0;
}

static int sleepers_open(struct inode *inode, struct file *file)
{
	return single_open(file, sleepers_show, NULL);
}

static const struct file_operations sleepers_fops = {
	.owner		= THIS_MODULE,
	.open		= sleepers_open,
	.read		= seq_read,
	.write		= sleepers_write,
	.llseek		= seq_lseek,
	.release	= single_release,
};

static struct dentry *demo_dir;

static int __init demo_init(void)
{
	unsigned int e, s;
	int err;

	for (s = 0; s < ARRAY_SIZE(demo_scenarios); s++) {
		for (e = 0; e < ARRAY_SIZE(demo_engines); e++) {
			err = demo_run_one(&demo_engines[e],
					   &demo_scenarios[s],
					   &demo_runs[e][s]);
			if (err)
				return err;
		}
	}

	sleepers_wq = cmwq_alloc_workqueue("sleepers", CMWQ_PERCPU, 0);
	if (!sleepers_wq)
		return -ENOMEM;

	demo_dir = debugfs_create_dir("cmwq_demo", NULL);
	debugfs_create_file("timeline", 0400, demo_dir, NULL, &timeline_fops);
	debugfs_create_file("sleepers", 0600, demo_dir, NULL, &sleepers_fops);
	return 0;
}

static void __exit demo_exit(void)
{
	debugfs_remove(demo_dir);
	cmwq_destroy_workqueue(sleepers_wq);
	kfree(sleepers);
}

module_init(demo_init);
module_exit(demo_exit);
MODULE_DESCRIPTION("The documented cmwq example on cmwq and on the kernel's own workqueue");
MODULE_LICENSE("GPL");
