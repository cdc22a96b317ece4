// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freezable queues and suspend.  The module has a device whose prepare callback
 * runs between the freezer and the suspend of the devices: that is where a case
 * looks at queues that are frozen, for as long as it needs.
 *
 * It goes through /sys/power, with pm_test: the machine does not really sleep
 * unless real=1 is given.
 */
#include <linux/fs.h>
#include <linux/freezer.h>
#include <linux/kmod.h>
#include <linux/platform_device.h>
#include <linux/suspend.h>
#include <linux/timer.h>

#include "engine.h"
#define TEST_OPENS_FILES
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

static bool real;
module_param(real, bool, 0444);
MODULE_PARM_DESC(real, "let the machine sleep, its clock wakes it up");

static bool image;
module_param(image, bool, 0444);
MODULE_PARM_DESC(image, "hibernate into the swap space, and back");

static int cycles = 12;
module_param(cycles, int, 0444);
MODULE_PARM_DESC(cycles, "suspends under load");

/* Sleeping */

static void (*while_frozen)(void);
static void (*before_sleep)(void);
static int nr_frozen;			/* times that all was frozen */
static int frozen_err;			/* goes no further */
static bool to_disk;

static int all_is_frozen(void)
{
	nr_frozen++;
	if (while_frozen)
		while_frozen();
	return frozen_err;
}

static int fz_prepare(struct device *dev)
{
	return to_disk ? 0 : all_is_frozen();
}

/* Hibernation of newer kernels prepares devices before threads freeze. */
static int fz_freeze(struct device *dev)
{
	return all_is_frozen();
}

static int fz_noirq(struct device *dev)
{
	if (before_sleep)
		before_sleep();
	return 0;
}

static const struct dev_pm_ops fz_pm = {
	.prepare = fz_prepare,
	.freeze = fz_freeze,
	.suspend_noirq = fz_noirq,
};

static struct platform_driver fz_driver = {
	.driver = { .name = KBUILD_MODNAME, .pm = &fz_pm },
};

static struct platform_device *fz_device;

static int fz_begin(void)
{
	int err = platform_driver_register(&fz_driver);

	if (err)
		return err;
	fz_device = platform_device_register_simple(KBUILD_MODNAME, -1, NULL,
						    0);
	if (IS_ERR(fz_device)) {
		platform_driver_unregister(&fz_driver);
		return PTR_ERR(fz_device);
	}
	return 0;
}

static void fz_end(void)
{
	platform_device_unregister(fz_device);
	platform_driver_unregister(&fz_driver);
}

static void wake_the_machine(struct timer_list *unused)
{
	pm_system_wakeup();
}

static DEFINE_TIMER(alarm, wake_the_machine);

/* Timers run while the CPUs are only idle. */
static void set_alarm(void)
{
	mod_timer(&alarm, jiffies + 2 * HZ);
}

/*
 * A kernel without CONFIG_PM_DEBUG cannot rehearse: it really sleeps, and is woken.
 *
 * Return: what the write to /sys/power/state comes to.
 */
static int go_to_sleep(const char *level, const char *state, void (*fn)(void))
{
	bool wake;
	int err;

	test_write_file("/sys/module/suspend/parameters/pm_test_delay", "0");
	err = test_write_file("/sys/power/pm_test", level);
	if (err && err != -ENOENT) {
		FAIL("no pm_test: errno %d", err);
		return err;
	}
	wake = err && !strcmp(state, "freeze") && !before_sleep;
	err = fz_begin();
	if (err) {
		FAIL("no device: errno %d", err);
		return err;
	}
	nr_frozen = 0;
	while_frozen = fn;
	if (wake)
		before_sleep = set_alarm;
	err = test_write_file("/sys/power/state", state);
	while_frozen = NULL;
	if (wake) {
		before_sleep = NULL;
		timer_delete_sync(&alarm);
	}
	fz_end();
	test_write_file("/sys/power/pm_test", "none");
	return err;
}

/* Suspend as far as the devices, and run @fn when all is frozen. */
static bool freeze_and(void (*fn)(void))
{
	int err = go_to_sleep("devices", "freeze", fn);

	return EXPECT_EQ(err, 0) && EXPECT_EQ(nr_frozen, 1);
}

/* Let frozen items show themselves if they can. */
static void give_time(void)
{
	msleep(100);
}

/* The queues */

enum { PERCPU, UNBOUND, ORDERED, LEGACY, NR_QUEUES, N = 8 };

static struct e_wq *wqs[NR_QUEUES + 2];
static struct probe *items[NR_QUEUES + 2];
static struct e_wq *awake;		/* is not freezable */

static bool queues_make(void)
{
	int i;

	wqs[PERCPU] = e_alloc_workqueue("t_percpu", E_PERCPU | E_FREEZABLE, 0);
	wqs[UNBOUND] = e_alloc_workqueue("t_unbound",
					 E_UNBOUND | E_FREEZABLE, 0);
	wqs[ORDERED] = e_alloc_ordered_workqueue("t_ordered", E_FREEZABLE);
	wqs[LEGACY] = e_create_freezable_workqueue("t_legacy");
	wqs[NR_QUEUES] = e_system_freezable_wq;
	wqs[NR_QUEUES + 1] = e_system_freezable_power_efficient_wq;
	awake = e_alloc_workqueue("t_awake", E_PERCPU, 0);
	for (i = 0; i < ARRAY_SIZE(wqs); i++) {
		items[i] = probes(N);
		if (!EXPECT(wqs[i] && items[i]))
			return false;
	}
	return EXPECT(awake);
}

static void queues_end(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(wqs); i++) {
		if (i < NR_QUEUES)
			test_destroy(wqs[i]);
		probes_free(items[i]);
	}
	test_destroy(awake);
}

/* All have run, once. */
static bool all_ran(struct probe *p, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!WAIT(&p[i].done))
			return false;
	for (i = 0; i < n; i++)
		EXPECT_EQ(RUNS(&p[i]), 1);
	return true;
}

static void none_ran(struct probe *p, int n)
{
	int i, ran_while_frozen = 0;

	for (i = 0; i < n; i++)
		ran_while_frozen += completion_done(&p[i].started);
	EXPECT_EQ(ran_while_frozen, 0);
}

/* Is anything alive?  A queue that is not freezable, and its timers. */
static void others_go_on(void)
{
	struct probe *p = probes(2);

	EXPECT(e_queue_work(awake, &p[0].work));
	EXPECT(e_queue_delayed_work(awake, &p[1].dwork, 2));
	if (!all_ran(p, 2))
		return;
	e_flush_workqueue(awake);
	probes_free(p);
}

/* Half of them from a timer. */
static void queue_all(void)
{
	int i, k, cpu = -1;

	for (k = 0; k < N; k++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
		for (i = 0; i < ARRAY_SIZE(wqs); i++) {
			if (k & 1)
				e_queue_delayed_work_on(cpu, wqs[i],
							&items[i][k].dwork, 1);
			else
				e_queue_work_on(cpu, wqs[i], &items[i][k].work);
		}
	}
}

static void queue_while_frozen(void)
{
	int i;

	queue_all();
	give_time();
	others_go_on();
	for (i = 0; i < ARRAY_SIZE(wqs); i++)
		none_ran(items[i], N);
}

static void all_queues_ran(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(wqs); i++)
		if (!all_ran(items[i], N))
			return;
	queues_end();
}

static void items_wait(void)
{
	if (queues_make() && freeze_and(queue_while_frozen))
		all_queues_ran();
}

/* Without the device: the freezer alone. */
static void freezer_level(void)
{
	if (!queues_make())
		return;
	queue_all();
	EXPECT_EQ(go_to_sleep("freezer", "freeze", NULL), 0);
	all_queues_ran();
}

/* Given up when all is frozen: its pm_test would spin for 5 s. */
static void hibernation(void)
{
	int err;

	if (!queues_make())
		return;
	frozen_err = -ECANCELED;
	to_disk = true;
	err = go_to_sleep("devices", "disk", queue_while_frozen);
	to_disk = false;
	frozen_err = 0;
	if (err == -EPERM || err == -ENODEV) {
		test_skip("it cannot hibernate");
		queues_end();
		return;
	}
	EXPECT_EQ(err, -ECANCELED);
	if (EXPECT_EQ(nr_frozen, 1))
		all_queues_ran();
}

/* Really asleep */

static bool can_sleep(void)
{
	if (!real)
		test_skip("only with real=1");
	return real;
}

static void suspend_to_idle(void)
{
	if (!can_sleep() || !queues_make())
		return;
	before_sleep = set_alarm;
	EXPECT_EQ(go_to_sleep("none", "freeze", queue_while_frozen), 0);
	before_sleep = NULL;
	timer_delete_sync(&alarm);
	if (EXPECT_EQ(nr_frozen, 1))
		all_queues_ran();
}

static void suspend_to_ram(void)
{
	if (!can_sleep() || !queues_make())
		return;
	if (test_write_file("/sys/power/mem_sleep", "deep") ||
	    test_write_file("/sys/class/rtc/rtc0/wakealarm", "0") ||
	    test_write_file("/sys/class/rtc/rtc0/wakealarm", "+20")) {
		test_skip("no deep sleep, or no clock to end it");
		queues_end();
		return;
	}
	EXPECT_EQ(go_to_sleep("none", "mem", queue_while_frozen), 0);
	if (EXPECT_EQ(nr_frozen, 1))
		all_queues_ran();
}

/*
 * The memory's image is written, read back and put in place of what ran
 * meanwhile, without a boot between.  What the queues do until then is undone.
 */
static void hibernation_with_image(void)
{
	if (!image) {
		test_skip("only with image=1");
		return;
	}
	if (!queues_make())
		return;
	EXPECT_EQ(test_write_file("/sys/power/disk", "test_resume"), 0);
	to_disk = true;
	EXPECT_EQ(go_to_sleep("none", "disk", queue_while_frozen), 0);
	to_disk = false;
	if (EXPECT_EQ(nr_frozen, 1))
		all_queues_ran();
}

/* In order */

static int in_order[64], nr_in_order;
static DEFINE_SPINLOCK(order_lock);

struct step {
	struct e_work work;
	int nr;
};

static struct step steps[ARRAY_SIZE(in_order)];
static int nr_queued;

static void step_fn(struct e_work *work)
{
	spin_lock(&order_lock);
	if (nr_in_order < ARRAY_SIZE(in_order))
		in_order[nr_in_order] = container_of(work, struct step,
						     work)->nr;
	nr_in_order++;
	spin_unlock(&order_lock);
}

static void steps_init(void)
{
	int i;

	nr_queued = 0;
	nr_in_order = 0;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		E_INIT_WORK(&steps[i].work, step_fn);
		steps[i].nr = i;
	}
}

/* @n more, from all CPUs in turn. */
static void more_steps(struct e_wq *wq, int n)
{
	int cpu = cpumask_first(cpu_online_mask);

	while (n--) {
		EXPECT(e_queue_work_on(cpu, wq, &steps[nr_queued++].work));
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
}

static bool steps_in_order(void)
{
	int i;

	if (!WAIT_FOR(READ_ONCE(nr_in_order) >= nr_queued))
		return false;
	EXPECT_EQ(nr_in_order, nr_queued);
	for (i = 0; i < nr_queued; i++)
		if (!EXPECT_EQ(in_order[i], i))
			break;
	return true;
}

static struct e_wq *wq;

static void steps_while_frozen(void)
{
	int ran = READ_ONCE(nr_in_order);

	more_steps(wq, 20);
	give_time();
	EXPECT_EQ(nr_in_order, ran);
}

static void order_is_kept(void)
{
	int i;

	wq = e_alloc_ordered_workqueue("t_order", E_FREEZABLE);
	steps_init();
	for (i = 0; i < 3; i++) {
		more_steps(wq, 1);
		if (!freeze_and(steps_while_frozen))
			return;
	}
	if (!steps_in_order())
		return;
	e_flush_workqueue(wq);
	test_destroy(wq);
}

/* When kernel threads are asked to freeze */

static struct completion asked;

/* A thread that is asked, too, and tells. */
static void freezable_thread(int nr)
{
	set_freezable();
	while (!freezing(current))
		schedule_timeout_interruptible(1);
	complete_all(&asked);
	try_to_freeze();
}

/* For this one nobody waits. */
static void let_go_late(int nr)
{
	if (!WAIT(&asked))
		return;
	msleep(300);
	complete_all(&items[0][0].gate);
}

static void spin_at_gate(struct e_work *work)
{
	struct probe *p = container_of(work, struct probe, work);

	complete(&p->started);
	while (!completion_done(&p->gate)) {
		cpu_relax();
		cond_resched();
	}
	atomic_inc(&p->runs);
	complete(&p->done);
}

/* The one that ran and those that were to run next have; none that waited. */
static void finished_before(void)
{
	EXPECT_EQ(RUNS(&items[0][0]), 1);
	EXPECT_EQ(RUNS(&items[0][1]), 1);
	EXPECT_EQ(RUNS(&items[0][2]), 0);
}

static void items_finish_first(void)
{
	int cpu = cpumask_first(cpu_online_mask);

	wq = e_alloc_workqueue("t_finish", E_PERCPU | E_FREEZABLE, 2);
	items[0] = probes(3);
	E_INIT_WORK(&items[0][0].work, spin_at_gate);
	init_completion(&asked);
	EXPECT(e_queue_work_on(cpu, wq, &items[0][0].work));
	if (!WAIT(&items[0][0].started))
		return;
	EXPECT(e_queue_work_on(cpu, wq, &items[0][1].work));
	EXPECT(e_queue_work_on(cpu, wq, &items[0][2].work));
	test_thread_start(freezable_thread, 0, -1);
	test_thread_start(let_go_late, 1, -1);
	freeze_and(finished_before);
	complete_all(&items[0][0].gate);
	if (!test_threads_join() || !all_ran(items[0], 3))
		return;
	e_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(items[0]);
}

/* Suspends that fail */

static int sleep_with_busy(void)
{
	int err;

	items[0] = probes(2);
	wq = e_alloc_workqueue("t_busy", E_UNBOUND | E_FREEZABLE, 1);
	items[0][0].gated = true;
	EXPECT(e_queue_work(wq, &items[0][0].work));
	if (!WAIT(&items[0][0].started))
		return -EIO;
	EXPECT(e_queue_work(wq, &items[0][1].work));
	err = go_to_sleep("devices", "freeze", NULL);
	EXPECT_EQ(nr_frozen, 0);
	EXPECT_EQ(RUNS(&items[0][0]), 0);
	return err;
}

/* All goes on as if nothing had been. */
static void after_busy(void)
{
	struct probe *p;
	int i;

	if (!queues_make())
		return;
	queue_all();
	for (i = 1; i < ARRAY_SIZE(wqs); i++)
		if (!all_ran(items[i], N))
			return;
	p = items[0];
	if (all_ran(p, N))
		queues_end();
}

static void busy_item_aborts(void)
{
	struct probe *p;

	test_write_file("/sys/power/pm_freeze_timeout", "8000");
	EXPECT_EQ(sleep_with_busy(), -EBUSY);
	p = items[0];
	after_busy();
	open_gate(&p[0]);
	if (!all_ran(p, 2))
		return;
	e_flush_workqueue(wq);
	/* And the next one does not fail. */
	freeze_and(NULL);
	test_write_file("/sys/power/pm_freeze_timeout", "20000");
	test_destroy(wq);
	probes_free(p);
}

static void wake_when_asked(int nr)
{
	if (WAIT(&asked))
		pm_system_wakeup();
}

/* Somebody wakes the machine while an item is still waited for. */
static void wakeup_aborts(void)
{
	struct probe *p;
	int i;

	for (i = 0; i < 3; i++) {
		init_completion(&asked);
		test_thread_start(freezable_thread, 0, -1);
		test_thread_start(wake_when_asked, 1, -1);
		EXPECT_EQ(sleep_with_busy(), -EBUSY);
		p = items[0];
		if (!test_threads_join())
			return;
		if (!i)
			after_busy();
		open_gate(&p[0]);
		if (!all_ran(p, 2))
			return;
		e_flush_workqueue(wq);
		test_destroy(wq);
		probes_free(p);
	}
}

/* A user's process that waits for an item: that comes first. */

static struct e_work *flush_this;
static struct completion flushing, flushed, preparing;

static int set_flush(const char *val, const struct kernel_param *kp)
{
	if (!flush_this)
		return -EINVAL;
	complete(&flushing);
	e_flush_work(flush_this);
	complete(&flushed);
	return 0;
}

static const struct kernel_param_ops flush_ops = { .set = set_flush };
module_param_cb(flush, &flush_ops, NULL, 0200);
MODULE_PARM_DESC(flush, "for the test itself");

static int fz_notify(struct notifier_block *nb, unsigned long event, void *data)
{
	if (event == PM_SUSPEND_PREPARE)
		complete(&preparing);
	return NOTIFY_OK;
}

static struct notifier_block fz_notifier = { .notifier_call = fz_notify };

static void open_late(int nr)
{
	if (!WAIT(&preparing))
		return;
	msleep(500);
	open_gate(&items[0][0]);
}

static void flushed_before(void)
{
	EXPECT(completion_done(&flushed));
	EXPECT_EQ(RUNS(&items[0][1]), 1);
}

static void process_in_flush(void)
{
	static const char flush[] =
		"echo 1 >/sys/module/" KBUILD_MODNAME "/parameters/flush";
	char *sh[4] = { "/bin/sh", "-c", (char *)flush };
	char *env[2] = { "PATH=/bin:/usr/bin" };

	init_completion(&flushing);
	init_completion(&flushed);
	init_completion(&preparing);
	items[0] = probes(2);
	wq = e_alloc_workqueue("t_flushed", E_UNBOUND | E_FREEZABLE, 1);
	items[0][0].gated = true;
	EXPECT(e_queue_work(wq, &items[0][0].work));
	if (!WAIT(&items[0][0].started))
		return;
	EXPECT(e_queue_work(wq, &items[0][1].work));
	flush_this = &items[0][1].work;
	EXPECT_EQ(call_usermodehelper(sh[0], sh, env, UMH_WAIT_EXEC), 0);
	if (!WAIT(&flushing))
		return;
	give_time();
	EXPECT(!completion_done(&flushed));
	EXPECT_EQ(register_pm_notifier(&fz_notifier), 0);
	test_thread_start(open_late, 0, -1);
	freeze_and(flushed_before);
	unregister_pm_notifier(&fz_notifier);
	if (!test_threads_join() || !all_ran(items[0], 2) || !WAIT(&flushed))
		return;
	flush_this = NULL;
	e_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(items[0]);
}

/* Changes while frozen */

static void change_limits(void)
{
	int i;

	for (i = 0; i < 12; i++) {
		EXPECT(e_queue_work_on(0, wqs[0], &items[0][i].work));
		EXPECT(e_queue_work_on(0, wqs[1], &items[1][i].work));
		if (i == 5) {
			e_set_max_active(wqs[0], 8);
			e_set_max_active(wqs[1], 8);
		}
	}
	e_set_max_active(wqs[0], 3);
	e_set_max_active(wqs[1], 3);
	give_time();
	none_ran(items[0], 12);
	none_ran(items[1], 12);
}

static int nr_started(struct probe *p, int n)
{
	int i, started = 0;

	for (i = 0; i < n; i++)
		started += completion_done(&p[i].started);
	return started;
}

static void max_active_meanwhile(void)
{
	int i, k;

	wqs[0] = e_alloc_workqueue("t_limit", E_PERCPU | E_FREEZABLE, 1);
	wqs[1] = e_alloc_workqueue("t_limit_u", E_UNBOUND | E_FREEZABLE, 6);
	for (k = 0; k < 2; k++) {
		items[k] = probes(12);
		for (i = 0; i < 12; i++)
			items[k][i].gated = true;
	}
	if (!freeze_and(change_limits))
		return;
	for (k = 0; k < 2; k++)
		if (!WAIT_FOR(nr_started(items[k], 12) == 3))
			return;
	give_time();
	for (k = 0; k < 2; k++) {
		EXPECT_EQ(nr_started(items[k], 12), 3);
		for (i = 0; i < 12; i++)
			open_gate(&items[k][i]);
	}
	for (k = 0; k < 2; k++) {
		if (!all_ran(items[k], 12))
			return;
		e_flush_workqueue(wqs[k]);
		test_destroy(wqs[k]);
		probes_free(items[k]);
	}
}

static bool gone;

static void destroyer(int nr)
{
	e_destroy_workqueue(wqs[2]);
	WRITE_ONCE(gone, true);
}

static void drainer(int nr)
{
	e_drain_workqueue(wqs[3]);
	EXPECT_EQ(RUNS(&items[3][0]), 1);
}

static void flusher(int nr)
{
	e_flush_work(&items[1][0].work);
	EXPECT_EQ(RUNS(&items[1][0]), 1);
}

static struct test_thread *waiters[3];

static void live_and_die(void)
{
	struct e_wq *none;
	int i;

	/* Nothing is on it: it goes. */
	none = e_alloc_workqueue("t_none", E_UNBOUND | E_FREEZABLE, 0);
	if (EXPECT(none))
		e_destroy_workqueue(none);
	wqs[0] = e_alloc_workqueue("t_born", E_PERCPU | E_FREEZABLE, 0);
	wqs[1] = e_alloc_ordered_workqueue("t_born_o", E_FREEZABLE);
	wqs[2] = e_alloc_workqueue("t_die", E_UNBOUND | E_FREEZABLE, 0);
	for (i = 0; i < 4; i++)
		EXPECT(e_queue_work(wqs[i], &items[i][0].work));
	EXPECT(e_queue_work(wqs[0], &items[0][1].work));
	EXPECT(e_cancel_work_sync(&items[0][1].work));
	EXPECT(e_queue_work(wqs[0], &items[0][1].work));
	waiters[0] = test_thread_start(destroyer, 0, -1);
	waiters[1] = test_thread_start(drainer, 1, -1);
	waiters[2] = test_thread_start(flusher, 2, -1);
	for (i = 0; i < 3; i++)
		test_thread_sleeps(waiters[i]);
	give_time();
	for (i = 0; i < 3; i++)
		EXPECT(!completion_done(&waiters[i]->done));
	for (i = 0; i < 4; i++)
		none_ran(items[i], 2);
}

static void queues_come_and_go(void)
{
	int i;

	gone = false;
	for (i = 0; i < 4; i++)
		items[i] = probes(2);
	wqs[3] = e_alloc_workqueue("t_drain", E_PERCPU | E_FREEZABLE, 0);
	if (!freeze_and(live_and_die) || !test_threads_join())
		return;
	EXPECT(READ_ONCE(gone));
	if (!all_ran(items[0], 2))
		return;
	for (i = 1; i < 4; i++)
		if (!all_ran(items[i], 1))
			return;
	for (i = 0; i < 4; i++) {
		if (i != 2)
			test_destroy(wqs[i]);
		probes_free(items[i]);
	}
}

#ifdef ENGINE_STOCK

static void attributes_meanwhile(void)
{
	test_skip("not for modules");
}

static void attributes_before(void)
{
	test_skip("not for modules");
}

#else

static void set_nice(struct e_wq *q, int nice)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();

	EXPECT_EQ(cmwq_get_workqueue_attrs(q, attrs), 0);
	attrs->nice = nice;
	EXPECT_EQ(cmwq_apply_workqueue_attrs(q, attrs), 0);
	cmwq_free_workqueue_attrs(attrs);
}

/* Changes pile up, and each takes items. */
static void change_attributes(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		more_steps(wq, 5);
		EXPECT(e_queue_work(wqs[UNBOUND], &items[UNBOUND][i].work));
		set_nice(wq, i - 5);
		set_nice(wqs[UNBOUND], i - 5);
		more_steps(wq, 2);
	}
	EXPECT(e_queue_work(wqs[UNBOUND], &items[UNBOUND][i].work));
	give_time();
	EXPECT_EQ(nr_in_order, 0);
	none_ran(items[UNBOUND], 4);
}

static void attributes_meanwhile(void)
{
	wq = e_alloc_ordered_workqueue("t_attrs_o", E_FREEZABLE);
	wqs[UNBOUND] = e_alloc_workqueue("t_attrs", E_UNBOUND | E_FREEZABLE,
					 0);
	items[UNBOUND] = probes(4);
	steps_init();
	if (!freeze_and(change_attributes) || !steps_in_order() ||
	    !all_ran(items[UNBOUND], 4))
		return;
	EXPECT_EQ(items[UNBOUND][3].nice, -3);
	e_flush_workqueue(wq);
	e_flush_workqueue(wqs[UNBOUND]);
	test_destroy(wq);
	test_destroy(wqs[UNBOUND]);
	probes_free(items[UNBOUND]);
}

/* An item of the old pwq ends when all is frozen; it may be the last one. */
static void plugged_and_frozen(void)
{
	EXPECT_EQ(RUNS(&items[0][0]), 1);
	steps_while_frozen();
	EXPECT_EQ(nr_in_order, 0);
}

static void check_before(int waiting)
{
	wq = e_alloc_ordered_workqueue("t_plug", E_FREEZABLE);
	items[0] = probes(1);
	init_completion(&asked);
	steps_init();
	if (!block_on(&items[0][0], wq))
		return;
	more_steps(wq, waiting);
	set_nice(wq, -5);
	more_steps(wq, 5);
	test_thread_start(freezable_thread, 0, -1);
	test_thread_start(let_go_late, 1, -1);
	freeze_and(plugged_and_frozen);
	complete_all(&items[0][0].gate);
	if (!test_threads_join() || !steps_in_order() || !all_ran(items[0], 1))
		return;
	e_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(items[0]);
}

static void attributes_before(void)
{
	check_before(0);
	if (test_may_free())
		check_before(3);
}

#endif

/* Again and again, under load */

struct hop {
	struct e_work work;
	struct e_wq *wq;
	atomic_t queued, ran;
	int flip;
};

static struct hop *hops;
static int nr_hops;
static bool hops_stop;
static atomic_t hops_moved;

static void hop_fn(struct e_work *work)
{
	struct hop *h = container_of(work, struct hop, work);

	atomic_inc(&h->ran);
	atomic_inc(&hops_moved);
	if (++h->flip & 1)
		usleep_range(10, 50);
	else
		test_burn_us(20);
	if (!READ_ONCE(hops_stop) && e_queue_work(h->wq, work))
		atomic_inc(&h->queued);
}

static void hop_producer(int nr)
{
	u32 random = nr + 1;
	struct hop *h;

	while (!READ_ONCE(hops_stop)) {
		h = &hops[test_random(&random) % nr_hops];
		if (e_queue_work(h->wq, &h->work))
			atomic_inc(&h->queued);
		if (!(random & 0xf00))
			usleep_range(200, 1000);
	}
}

static void hops_stand_still(void)
{
	int was = atomic_read(&hops_moved);

	give_time();
	EXPECT_EQ(atomic_read(&hops_moved), was);
	atomic_inc(&test_checks);
}

static void again_and_again(void)
{
	const int each = 4;
	int i, was, lost = 0;

	if (!queues_make())
		return;
	nr_hops = NR_QUEUES * each;
	hops = kcalloc(nr_hops, sizeof(*hops), GFP_KERNEL);
	hops_stop = false;
	atomic_set(&hops_moved, 0);
	for (i = 0; i < nr_hops; i++) {
		E_INIT_WORK(&hops[i].work, hop_fn);
		hops[i].wq = wqs[i / each];
	}
	for (i = 0; i < 2; i++)
		test_thread_start(hop_producer, i, -1);
	for (i = 0; i < cycles; i++) {
		was = atomic_read(&hops_moved);
		if (!WAIT_FOR(atomic_read(&hops_moved) > was + 4 * nr_hops) ||
		    !freeze_and(hops_stand_still))
			break;
	}
	WRITE_ONCE(hops_stop, true);
	if (!test_threads_join() || !test_may_free())
		return;
	for (i = 0; i < NR_QUEUES; i++)
		e_flush_workqueue(wqs[i]);
	for (i = 0; i < nr_hops; i++) {
		lost += atomic_read(&hops[i].queued) -
			atomic_read(&hops[i].ran);
		EXPECT_OP(atomic_read(&hops[i].ran), >, 0);
	}
	EXPECT_EQ(lost, 0);
	kfree(hops);
	queues_end();
}

const struct test_case test_cases[] = {
	CASE(items_wait),
	CASE(order_is_kept),
	CASE(items_finish_first),
	CASE(process_in_flush),
	CASE(max_active_meanwhile),
	CASE(queues_come_and_go),
	CASE(attributes_meanwhile),
	CASE(attributes_before),
	CASE(wakeup_aborts),
	CASE(again_and_again),
	CASE(freezer_level),
	CASE(hibernation),
	CASE(busy_item_aborts),
	CASE(suspend_to_idle),
	CASE(suspend_to_ram),
	CASE(hibernation_with_image),
	{}
};
