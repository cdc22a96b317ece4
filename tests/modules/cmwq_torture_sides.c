// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_torture_sides.c - what happens to the machine meanwhile: CPUs go and
 * come, workers cannot be made, memory is short, user space is frozen.  Each in
 * a thread of its own, that knows nothing of the others.
 */
#define pr_fmt(fmt) "cmwq_torture: " fmt

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/path.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "cmwq_torture.h"

static int onoff_interval;
module_param(onoff_interval, int, 0444);
MODULE_PARM_DESC(onoff_interval, "ms between CPUs that go or come, 0: they stay");

static int fail_interval;
module_param(fail_interval, int, 0444);
MODULE_PARM_DESC(fail_interval, "ms between times in which cmwq cannot make workers, 0: it always can");

static int mem_pressure;
module_param(mem_pressure, int, 0444);
MODULE_PARM_DESC(mem_pressure, "ms between times in which memory is short, 0: it never is");

static int mem_spare = 48;
module_param(mem_spare, int, 0444);
MODULE_PARM_DESC(mem_spare, "MB that are left alone then");

static int freezer_interval;
module_param(freezer_interval, int, 0444);
MODULE_PARM_DESC(freezer_interval, "ms between suspends that end when all is frozen, 0: none");

static atomic_t gen = ATOMIC_INIT(0);
static atomic_t onoffs = ATOMIC_INIT(0), onoff_tries = ATOMIC_INIT(0);
static atomic_t fails = ATOMIC_INIT(0);
static atomic_t pressures = ATOMIC_INIT(0);
static atomic_t freezes = ATOMIC_INIT(0), freeze_tries = ATOMIC_INIT(0);
static struct path root;

int torture_gen(void)
{
	return atomic_read_acquire(&gen);
}

/* Files are those of whoever loads the module: kernel threads may see none. */
static int write_file(const char *name, const char *text)
{
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

#ifdef TEST_OPEN_ROOT_TAKES_DENTRY
	file = file_open_root(root.dentry, root.mnt, name, O_WRONLY, 0);
#else
	file = file_open_root(&root, name, O_WRONLY, 0);
#endif
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = kernel_write(file, text, strlen(text), &pos);
	filp_close(file, NULL);
	return ret < 0 ? ret : 0;
}

/* False if it was told to stop meanwhile. */
static bool pause_ms(u32 ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms) + 1;

	while (time_before(jiffies, end) && !kthread_should_stop())
		schedule_timeout_interruptible(min_t(unsigned long, HZ / 5,
						     end - jiffies));
	return !kthread_should_stop();
}

/* CPUs: never the first */

static int some_cpu_is_down(void)
{
	int cpu;

	for_each_present_cpu(cpu)
		if (!cpu_online(cpu))
			return cpu;
	return 0;
}

static void turn(int cpu, bool on)
{
	int err;

	atomic_inc(&onoff_tries);
	if (!(atomic_read(&gen) & 1))
		atomic_inc_return(&gen);
	err = on ? add_cpu(cpu) : remove_cpu(cpu);
	if (!err)
		atomic_inc(&onoffs);
	if (!some_cpu_is_down())
		atomic_inc_return(&gen);
}

static void onoff_step(u32 *rnd)
{
	int cpu = torture_below(rnd, nr_cpu_ids), down = some_cpu_is_down();

	/* Items can check more when all CPUs are up. */
	if (down && torture_random(rnd) & 3)
		turn(down, true);
	else if (cpu != cpumask_first(cpu_possible_mask) && cpu_present(cpu))
		turn(cpu, !cpu_online(cpu));
}

static void onoff_end(void)
{
	int cpu, tries = 100;

	/* Not during a suspend. */
	for (cpu = some_cpu_is_down(); cpu && tries--;
	     cpu = some_cpu_is_down()) {
		turn(cpu, true);
		if (!cpu_online(cpu))
			msleep(20);
	}
}

/* Workers */

static void set_knob(const char *name, const char *value)
{
	char file[64];
	int err;

	snprintf(file, sizeof(file), "/sys/module/cmwq/parameters/%s", name);
	err = write_file(file, value);
	if (err)
		pr_warn("cannot write %s: errno %d\n", file, err);
}

static void fail_step(u32 *rnd)
{
	static const char * const percent[] = { "30", "70", "100", "100" };

	if (torture_random(rnd) & 3)
		set_knob("fail_create_percent", percent[torture_below(rnd, 4)]);
	else
		set_knob("delay_create_ms", "40");
	atomic_inc(&fails);
	pause_ms(50 + torture_below(rnd, 500));
	set_knob("fail_create_percent", "0");
	set_knob("delay_create_ms", "0");
}

/* Memory */

/* Pages that the kernel itself can still get; those for big buffers are not for it. */
static long available(void)
{
	return si_mem_available() -
	       (long)global_zone_page_state(NR_FREE_CMA_PAGES);
}

static void pressure_step(u32 *rnd)
{
	long spare = (long)mem_spare << (20 - PAGE_SHIFT);
	struct page *page, *next;
	LIST_HEAD(pages);
	int n = 0;

	while (available() > spare && !kthread_should_stop()) {
		page = alloc_page(GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
		if (!page)
			break;
		list_add(&page->lru, &pages);
		if (!(++n % 256))
			cond_resched();
	}
	atomic_inc(&pressures);
	pause_ms(20 + torture_below(rnd, 200));
	list_for_each_entry_safe(page, next, &pages, lru) {
		list_del(&page->lru);
		__free_page(page);
	}
}

/* User space, and freezable queues */

static int freezer_begin(void)
{
	write_file("/sys/module/suspend/parameters/pm_test_delay", "0");
	return write_file("/sys/power/pm_test", "freezer");
}

static void freezer_step(u32 *rnd)
{
	atomic_inc(&freeze_tries);
	if (!write_file("/sys/power/state", "mem"))
		atomic_inc(&freezes);
}

static void freezer_end(void)
{
	write_file("/sys/power/pm_test", "none");
}

struct side {
	const char *name;
	const int *interval;
	int (*begin)(void);
	void (*step)(u32 *rnd);
	void (*end)(void);
	u32 rnd;
	struct task_struct *task;
};

static struct side sides[] = {
	{ "onoff", &onoff_interval, NULL, onoff_step, onoff_end },
	{ "fail", &fail_interval, NULL, fail_step, NULL },
	{ "memory", &mem_pressure, NULL, pressure_step, NULL },
	{ "freezer", &freezer_interval, freezer_begin, freezer_step,
	  freezer_end },
};

static int side_thread(void *data)
{
	struct side *me = data;
	int interval = *me->interval;

	if (me->begin && me->begin())
		pr_warn("no %s here\n", me->name);
	else
		while (pause_ms(interval / 2 +
				torture_below(&me->rnd, interval)))
			me->step(&me->rnd);
	if (me->end)
		me->end();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 10);
	return 0;
}

int torture_sides_begin(void)
{
	struct side *me;
	int i, err;

	get_fs_root(current->fs, &root);
	for (i = 0; i < ARRAY_SIZE(sides); i++) {
		me = &sides[i];
		if (*me->interval <= 0)
			continue;
		torture_seed(&me->rnd, 900 + i);
		me->task = kthread_create(side_thread, me, "torture/%s",
					  me->name);
		if (IS_ERR(me->task)) {
			err = PTR_ERR(me->task);
			me->task = NULL;
			torture_sides_end();
			return err;
		}
		wake_up_process(me->task);
	}
	return 0;
}

void torture_sides_end(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sides); i++) {
		if (sides[i].task)
			kthread_stop(sides[i].task);
		sides[i].task = NULL;
	}
	if (root.mnt)
		path_put(&root);
	root.mnt = NULL;
}

void torture_sides_report(char *buf, size_t size)
{
	snprintf(buf, size, "onoff %d/%d fails %d pressure %d freezes %d/%d",
		 atomic_read(&onoffs), atomic_read(&onoff_tries),
		 atomic_read(&fails), atomic_read(&pressures),
		 atomic_read(&freezes), atomic_read(&freeze_tries));
}
