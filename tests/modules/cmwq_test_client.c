// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client of cmwq that does what its parameters say until it is unloaded; for
 * the tests of loading, unloading, hooks and views.
 *
 *   (always)	links cmwq, and so keeps it loaded
 *   queue=1	has a queue "client"
 *   busy=N	N items per CPU burn, sleep briefly and requeue themselves
 *   sleepers=N	N items on CPU "cpu" (or unbound, with unbound=1) sleep: until
 *		1 is written to "release", or, if sleep_ms is set, that long
 *   churn=1	a thread creates, uses and destroys queues
 *   leak=1	its queue is left behind when the module goes
 *   leak=2	the queue with items to run, one on a system queue, one in its
 *		grace period, one that is in it last, and two that hop
 *
 * Unless leak is set, unloading releases and waits for everything.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <cmwq.h>

static int queue = 1;
module_param(queue, int, 0444);
MODULE_PARM_DESC(queue, "0: link cmwq but have no queue");

static int busy;
module_param(busy, int, 0444);
MODULE_PARM_DESC(busy, "busy items per CPU");

static int busy_us = 100;
module_param(busy_us, int, 0444);
MODULE_PARM_DESC(busy_us, "microseconds that a busy item sleeps");

static int sleepers;
module_param(sleepers, int, 0444);
MODULE_PARM_DESC(sleepers, "sleeping items");

static int sleep_ms;
module_param(sleep_ms, int, 0444);
MODULE_PARM_DESC(sleep_ms, "how long they sleep; 0: until released");

static int cpu;
module_param(cpu, int, 0444);
MODULE_PARM_DESC(cpu, "CPU of the sleepers");

static int unbound;
module_param(unbound, int, 0444);
MODULE_PARM_DESC(unbound, "1: the queue is unbound");

static int reclaim;
module_param(reclaim, int, 0444);
MODULE_PARM_DESC(reclaim, "1: the queue has a rescuer");

static int churn;
module_param(churn, int, 0444);
MODULE_PARM_DESC(churn, "1: create and destroy queues all the time");

static int leak;
module_param(leak, int, 0444);
MODULE_PARM_DESC(leak, "leave behind when unloaded: 1: the queue, 2: items, too");

static bool released;
static DECLARE_WAIT_QUEUE_HEAD(release_wait);

static int release_set(const char *val, const struct kernel_param *kp)
{
	int err = param_set_bool(val, kp);

	if (!err)
		wake_up_all(&release_wait);
	return err;
}

static const struct kernel_param_ops release_ops = {
	.set = release_set,
	.get = param_get_bool,
};
module_param_cb(release, &release_ops, &released, 0644);
MODULE_PARM_DESC(release, "write 1: the sleepers may go on");

/* What happened so far, for the scripts. */
static int counter_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read((atomic_t *)kp->arg));
}

static const struct kernel_param_ops counter_ops = {
	.get = counter_get,
};

static atomic_t asleep = ATOMIC_INIT(0);
module_param_cb(asleep, &counter_ops, &asleep, 0444);
static atomic_t woken = ATOMIC_INIT(0);
module_param_cb(woken, &counter_ops, &woken, 0444);
static atomic_t rounds = ATOMIC_INIT(0);
module_param_cb(rounds, &counter_ops, &rounds, 0444);
static atomic_t churned = ATOMIC_INIT(0);
module_param_cb(churned, &counter_ops, &churned, 0444);

static struct cmwq_workqueue *wq;
static struct cmwq_work *sleeper_works, *busy_works;
static struct task_struct *churner;
static int nr_busy;
static bool stopping;

static void sleeper_fn(struct cmwq_work *work)
{
	cmwq_set_worker_desc("sleeper %d", (int)(work - sleeper_works));
	atomic_inc(&asleep);
	if (sleep_ms)
		msleep(sleep_ms);
	else
		wait_event(release_wait,
			   READ_ONCE(released) || READ_ONCE(stopping));
	atomic_dec(&asleep);
	atomic_inc(&woken);
}

static void busy_fn(struct cmwq_work *work)
{
	udelay(9);
	usleep_range(busy_us, busy_us + 50);
	atomic_inc(&rounds);
	if (!READ_ONCE(stopping))
		cmwq_queue_work(wq, work);
}

static void churn_fn(struct cmwq_work *work)
{
	usleep_range(50, 200);
}

static int churn_thread(void *unused)
{
	static const unsigned int flags[] = {
		CMWQ_PERCPU, CMWQ_PERCPU | CMWQ_HIGHPRI, CMWQ_UNBOUND,
		CMWQ_PERCPU | CMWQ_MEM_RECLAIM,
	};
	struct cmwq_workqueue *q;
	struct cmwq_work work;
	unsigned int n = 0;

	CMWQ_INIT_WORK_ONSTACK(&work, churn_fn);
	while (!kthread_should_stop()) {
		q = cmwq_alloc_workqueue("churn-%u", flags[n % 4], n % 3, n);
		if (!q) {
			msleep(100);
			continue;
		}
		if (!cmwq_queue_work(q, &work))
			pr_err("FAIL: an idle item was refused\n");
		if (n % 2)
			cmwq_flush_workqueue(q);
		cmwq_destroy_workqueue(q);
		n++;
		atomic_inc(&churned);
	}
	cmwq_destroy_work_on_stack(&work);
	return 0;
}

/*
 * What is left behind: items one after another on our queue, the last of which
 * queues one on a system queue, that it is there when our queue is gone.
 */
#define NR_LEFT	3

static void left_fn(struct cmwq_work *work);
static void left_system_fn(struct cmwq_work *work);

static struct cmwq_work left_works[NR_LEFT];
static CMWQ_DECLARE_WORK(left_system_work, left_system_fn);

static void left_fn(struct cmwq_work *work)
{
	msleep(300);
	pr_info("left item %d has run\n", (int)(work - left_works));
	if (work == &left_works[NR_LEFT - 1] &&
	    !cmwq_queue_work(cmwq_system_wq, &left_system_work))
		pr_err("FAIL: an idle item was refused\n");
}

/* They queue each other, from CPU to CPU. */
static int left_hops = 1000;
static struct cmwq_work left_hoppers[2];

static void left_hop_fn(struct cmwq_work *work)
{
	int next = work == &left_hoppers[0];

	if (!--left_hops)
		pr_info("left items have hopped\n");
	else if (!cmwq_queue_work_on(cpu_online(next) ? next : 0, cmwq_system_wq,
				     &left_hoppers[next]))
		pr_err("FAIL: an idle item was refused\n");
}

static struct cmwq_rcu_work left_last_work;
static int left_periods = 10;

static void left_last_fn(struct cmwq_work *work)
{
	if (!--left_periods)
		pr_info("left last item has run\n");
	else if (!cmwq_queue_rcu_work(cmwq_system_wq, &left_last_work))
		pr_err("FAIL: an idle item was refused\n");
}

/* When it has run, there is nothing but an item in a grace period, again and again. */
static void left_system_fn(struct cmwq_work *work)
{
	msleep(1000);
	pr_info("left system item has run\n");
	CMWQ_INIT_RCU_WORK(&left_last_work, left_last_fn);
	if (!cmwq_queue_rcu_work(cmwq_system_wq, &left_last_work))
		pr_err("FAIL: an idle item was refused\n");
}

static void left_rcu_fn(struct cmwq_work *work)
{
	msleep(300);
	pr_info("left RCU item has run\n");
}

static struct cmwq_rcu_work left_rcu_work;

static void leave_items(void)
{
	int i;

	for (i = 0; i < 2; i++)
		CMWQ_INIT_WORK(&left_hoppers[i], left_hop_fn);
	if (!cmwq_queue_work_on(0, cmwq_system_wq, &left_hoppers[0]))
		pr_err("FAIL: an idle item was refused\n");
	CMWQ_INIT_RCU_WORK(&left_rcu_work, left_rcu_fn);
	if (!cmwq_queue_rcu_work(cmwq_system_wq, &left_rcu_work))
		pr_err("FAIL: an idle RCU item was refused\n");

	cmwq_workqueue_set_max_active(wq, 1);
	for (i = 0; i < NR_LEFT; i++) {
		CMWQ_INIT_WORK(&left_works[i], left_fn);
		if (!cmwq_queue_work_on(0, wq, &left_works[i]))
			pr_err("FAIL: an idle item was refused\n");
	}
}

static void client_stop(void)
{
	int i;

	if (churner)
		kthread_stop(churner);
	WRITE_ONCE(stopping, true);
	wake_up_all(&release_wait);
	for (i = 0; i < nr_busy; i++)
		cmwq_cancel_work_sync(&busy_works[i]);
	if (wq)
		cmwq_flush_workqueue(wq);
	if (wq && !leak)
		cmwq_destroy_workqueue(wq);
	kvfree(busy_works);
	kvfree(sleeper_works);
}

static int start_sleepers(void)
{
	int i;

	sleeper_works = kvcalloc(sleepers, sizeof(*sleeper_works), GFP_KERNEL);
	if (!sleeper_works)
		return -ENOMEM;
	for (i = 0; i < sleepers; i++) {
		CMWQ_INIT_WORK(&sleeper_works[i], sleeper_fn);
		cmwq_queue_work_on(unbound ? CMWQ_WORK_CPU_UNBOUND : cpu, wq,
				   &sleeper_works[i]);
	}
	return 0;
}

static int start_busy(void)
{
	int c, i;

	busy_works = kvcalloc(busy * nr_cpu_ids, sizeof(*busy_works),
			      GFP_KERNEL);
	if (!busy_works)
		return -ENOMEM;
	for_each_online_cpu(c)
		for (i = 0; i < busy; i++) {
			struct cmwq_work *work = &busy_works[nr_busy++];

			CMWQ_INIT_WORK(work, busy_fn);
			cmwq_queue_work_on(c, wq, work);
		}
	return 0;
}

static int __init client_init(void)
{
	int err = 0;

	if (busy < 0 || sleepers < 0 || cpu < 0 || cpu >= nr_cpu_ids ||
	    busy_us < 1 || ((busy || sleepers || leak) && !queue))
		return -EINVAL;
	if (queue) {
		wq = cmwq_alloc_workqueue("client",
					  (unbound ? CMWQ_UNBOUND :
					   CMWQ_PERCPU) |
					  (reclaim ? CMWQ_MEM_RECLAIM : 0),
					  CMWQ_MAX_ACTIVE);
		if (!wq)
			return -ENOMEM;
	}
	if (sleepers)
		err = start_sleepers();
	if (!err && busy)
		err = start_busy();
	if (!err && churn) {
		churner = kthread_run(churn_thread, NULL, "client/churn");
		if (IS_ERR(churner)) {
			err = PTR_ERR(churner);
			churner = NULL;
		}
	}
	if (err) {
		leak = 0;
		client_stop();
	}
	return err;
}

static void __exit client_exit(void)
{
	client_stop();
	if (leak > 1)
		leave_items();
}

module_init(client_init);
module_exit(client_exit);
MODULE_DESCRIPTION("Client of cmwq for its tests");
MODULE_LICENSE("GPL");
