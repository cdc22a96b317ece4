// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_test_sysfs.c - queues for tests/test-sysfs.sh, which does what it wants
 * by writing to the parameters:
 *
 *   probe=NAME		run an item on that queue; "ran" says as what: nice value,
 *			policy, real-time priority, the CPUs it may run on;
 *			"ran_uid" with whose credentials
 *   peak=NAME		queue many sleeping items; "most" says how many of them
 *			were in execution at once
 *   destroy=NAME	"left" says that a write in progress was over then
 *   register=NAME	cmwq_workqueue_sysfs_register(); "registered": its result
 *   race=N		the same and destroying at once, N times or until each has
 *			been first once; "raced" of "raced_of": how often
 *			it was shown
 *   stretch=1		a write to max_active takes a while; "inside" says that one
 *			is in progress
 *   stretch_change=1	the next write that changes attributes takes a while between
 *			reading and applying them; "inside" as above
 *   own=NAME		change nice and credentials of that queue as its owner would;
 *			"met" says that such a write was in progress
 *   churn=1		a thread creates, uses and destroys a queue "t_churn"
 *
 * The queue "t_late" is not shown at first.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "engine.h"

#define LOST		(20 * HZ)
#define NR_SLEEPERS	24
#define STRETCH_MS	400
#define OWNER_NICE	7
#define OWNER_UID	4321

static struct queue {
	const char *name;
	unsigned int flags;
	int max_active;
	bool cmwq_only;
	struct e_wq *wq;
} queues[] = {
	{ "t_percpu", E_PERCPU | E_SYSFS, 5 },
	{ "t_unbound", E_UNBOUND | E_SYSFS, 7 },
	{ "t_odd/name", E_PERCPU | E_SYSFS, 3 },
	{ "t_high", E_PERCPU | E_HIGHPRI | E_SYSFS, 0 },
	{ "t_late", E_UNBOUND, 4, true },
	/* What sysfs does not like. */
	{ ".t odd\nname\xff", E_PERCPU | E_SYSFS, 1, true },
	{ "", E_PERCPU | E_SYSFS, 2, true },
	{ "cpumask", E_PERCPU | E_SYSFS, 6, true },
	{ "t_percpu", E_PERCPU | E_SYSFS, 9, true },
};

static struct queue ordered = { "t_ordered" };

static struct queue *find_queue(const char *name)
{
	int i;

	if (sysfs_streq(name, ordered.name))
		return ordered.wq ? &ordered : NULL;
	/* Of two with a name, the second one. */
	for (i = ARRAY_SIZE(queues) - 1; i >= 0; i--)
		if (queues[i].wq && sysfs_streq(name, queues[i].name))
			return &queues[i];
	return NULL;
}

/* Items */

static char ran[64] = "nothing\n";
static uint ran_uid;
static DECLARE_COMPLETION(probe_done);

static void probe_fn(struct e_work *work)
{
	snprintf(ran, sizeof(ran), "%d %u %u %*pbl\n", task_nice(current),
		 current->policy, current->rt_priority,
		 cpumask_pr_args(current->cpus_ptr));
	ran_uid = from_kuid(&init_user_ns, current_fsuid());
	complete(&probe_done);
}

static E_DECLARE_WORK(probe_work, probe_fn);

static int probe(struct queue *q)
{
	snprintf(ran, sizeof(ran), "nothing\n");
	reinit_completion(&probe_done);
	if (!e_queue_work(q->wq, &probe_work))
		return -EBUSY;
	if (!wait_for_completion_timeout(&probe_done, LOST))
		return -ETIMEDOUT;
	e_flush_work(&probe_work);
	return 0;
}

static struct e_work sleepers[NR_SLEEPERS];
static atomic_t asleep = ATOMIC_INIT(0);
static DECLARE_COMPLETION(wake_up_call);
static int most;

static void sleeper_fn(struct e_work *work)
{
	atomic_inc(&asleep);
	wait_for_completion_timeout(&wake_up_call, LOST);
}

/* As long as more of them come, they are waited for. */
static int peak(struct queue *q)
{
	int i, was, still = 0;

	atomic_set(&asleep, 0);
	reinit_completion(&wake_up_call);
	for (i = 0; i < NR_SLEEPERS; i++) {
		E_INIT_WORK(&sleepers[i], sleeper_fn);
		e_queue_work_on(0, q->wq, &sleepers[i]);
	}
	while (still < 10) {
		was = atomic_read(&asleep);
		msleep(50);
		still = was == atomic_read(&asleep) ? still + 1 : 0;
	}
	most = atomic_read(&asleep);
	complete_all(&wake_up_call);
	for (i = 0; i < NR_SLEEPERS; i++)
		e_flush_work(&sleepers[i]);
	return 0;
}

/* A write that takes a while, against the end of its queue */

static atomic_t inside = ATOMIC_INIT(0);
static int left = -1;
static bool stretching, destroying;

/* Until its queue is destroyed, and a while more; it cannot sleep here. */
static int setter_entered(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	ktime_t end = ktime_add_ms(ktime_get(), 5000);

	atomic_inc(&inside);
	while (!READ_ONCE(destroying) && ktime_before(ktime_get(), end))
		cpu_relax();
	mdelay(STRETCH_MS);
	return 0;
}

static int setter_left(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	atomic_dec(&inside);
	return 0;
}

static struct kretprobe setter_probe = {
	.kp.symbol_name = ENGINE_IS_CMWQ ? "cmwq_workqueue_set_max_active" :
					   "workqueue_set_max_active",
	.entry_handler = setter_entered,
	.handler = setter_left,
	.maxactive = 16,
};

static int stretch(void)
{
	int err = stretching ? 0 : register_kretprobe(&setter_probe);

	stretching = !err;
	destroying = false;
	return err;
}

static int destroy(struct queue *q)
{
	left = -1;
	WRITE_ONCE(destroying, true);
	e_destroy_workqueue(q->wq);
	left = !atomic_read(&inside);
	q->wq = NULL;
	return 0;
}

#if ENGINE_IS_CMWQ

/* A write that takes a while, against a change by the owner of the queue */

static bool stretching_change, stretch_next, owning, met;

/* The attributes are read.  Until the owner comes, and a while more. */
static int getter_left(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	ktime_t end = ktime_add_ms(ktime_get(), 5000);

	if (!xchg(&stretch_next, false))
		return 0;
	atomic_inc(&inside);
	while (!READ_ONCE(owning) && ktime_before(ktime_get(), end))
		cpu_relax();
	mdelay(STRETCH_MS);
	atomic_dec(&inside);
	return 0;
}

static struct kretprobe getter_probe = {
	.kp.symbol_name = "cmwq_get_workqueue_attrs",
	.handler = getter_left,
	.maxactive = 16,
};

static int stretch_change(void)
{
	int err = stretching_change ? 0 : register_kretprobe(&getter_probe);

	stretching_change = !err;
	WRITE_ONCE(owning, false);
	WRITE_ONCE(stretch_next, !err);
	return err;
}

static int own(struct queue *q)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	struct cred *cred = prepare_creds();
	int err = -ENOMEM;

	if (attrs && cred) {
		cred->fsuid = make_kuid(&init_user_ns, OWNER_UID);
		attrs->nice = OWNER_NICE;
		attrs->cred = cred;
		WRITE_ONCE(owning, true);
		met = atomic_read(&inside);
		err = cmwq_apply_workqueue_attrs(q->wq, attrs);
	}
	if (cred)
		put_cred(cred);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

/* Devices that come late */

static int registered;

static int show_late(struct queue *q)
{
	registered = cmwq_workqueue_sysfs_register(q->wq);
	return 0;
}

static int register_misuse(void)
{
	struct e_wq *wq = e_alloc_workqueue("t_gone", E_PERCPU, 0);

	if (cmwq_workqueue_sysfs_register(NULL) != -EINVAL)
		return -EUCLEAN;
	if (!wq)
		return -ENOMEM;
	e_destroy_workqueue(wq);
	return cmwq_workqueue_sysfs_register(wq) == -EINVAL ? 0 : -EUCLEAN;
}

/* Registered by one thread while another one destroys it. */
static struct e_wq *race_wq;
static int raced, raced_of;

static int race_thread(void *unused)
{
	raced += !cmwq_workqueue_sysfs_register(race_wq);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

static int race(unsigned int rounds)
{
	struct task_struct *task;
	unsigned int i;

	raced = 0;
	/* Go on until each has won once: which one does is up to the machine. */
	for (i = 0; i < rounds ||
	     (i < 20 * rounds && (!raced || raced == i)); i++) {
		race_wq = e_alloc_workqueue("t_race", E_PERCPU, 0);
		if (!race_wq)
			return -ENOMEM;
		task = kthread_run(race_thread, NULL, "cmwq_test/late");
		/* An emulated CPU may need this one to be idle to get on. */
		if (!IS_ERR(task) && i % 2)
			usleep_range(i % 50 * 50, i % 50 * 50 + 50);
		else if (!IS_ERR(task))
			udelay(i % 50 * 10);
		e_destroy_workqueue(race_wq);
		if (IS_ERR(task))
			return PTR_ERR(task);
		kthread_stop(task);
	}
	raced_of = i;
	return 0;
}
#endif

/* The parameters */

static int do_it(const char *val, const struct kernel_param *kp)
{
	int (*fn)(struct queue *q) = kp->arg;
	struct queue *q = find_queue(val);

	return q ? fn(q) : -ENOENT;
}

static const struct kernel_param_ops do_ops = {
	.set = do_it,
};
module_param_cb(probe, &do_ops, probe, 0200);
module_param_cb(peak, &do_ops, peak, 0200);
module_param_cb(destroy, &do_ops, destroy, 0200);
module_param_string(ran, ran, sizeof(ran), 0444);
module_param(ran_uid, uint, 0444);
module_param(most, int, 0444);
module_param(left, int, 0444);

static int stretch_set(const char *val, const struct kernel_param *kp)
{
	return stretch();
}

static const struct kernel_param_ops stretch_ops = {
	.set = stretch_set,
};
module_param_cb(stretch, &stretch_ops, NULL, 0200);

static int counter_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", atomic_read((atomic_t *)kp->arg));
}

static const struct kernel_param_ops counter_ops = {
	.get = counter_get,
};
module_param_cb(inside, &counter_ops, &inside, 0444);

#if ENGINE_IS_CMWQ
static int stretch_change_set(const char *val, const struct kernel_param *kp)
{
	return stretch_change();
}

static const struct kernel_param_ops stretch_change_ops = {
	.set = stretch_change_set,
};
module_param_cb(stretch_change, &stretch_change_ops, NULL, 0200);
module_param_cb(own, &do_ops, own, 0200);
module_param(met, bool, 0444);

module_param_cb(register, &do_ops, show_late, 0200);
module_param(registered, int, 0444);

static int misuse_set(const char *val, const struct kernel_param *kp)
{
	return register_misuse();
}

static const struct kernel_param_ops misuse_ops = {
	.set = misuse_set,
};
module_param_cb(misuse, &misuse_ops, NULL, 0200);

static int race_set(const char *val, const struct kernel_param *kp)
{
	unsigned int rounds;
	int err = kstrtouint(val, 0, &rounds);

	return err ?: race(rounds);
}

static const struct kernel_param_ops race_ops = {
	.set = race_set,
};
module_param_cb(race, &race_ops, NULL, 0200);
module_param(raced, int, 0444);
module_param(raced_of, int, 0444);
#endif

/* Queues that come and go */

static bool churn;
module_param(churn, bool, 0444);

static atomic_t churned = ATOMIC_INIT(0);
module_param_cb(churned, &counter_ops, &churned, 0444);

static struct task_struct *churner;

static void churn_fn(struct e_work *work)
{
	usleep_range(50, 200);
}

static int churn_thread(void *unused)
{
	static const unsigned int flags[] = { E_PERCPU, E_UNBOUND };
	struct e_work work;
	struct e_wq *wq;
	unsigned int n;

	E_INIT_WORK_ONSTACK(&work, churn_fn);
	for (n = 0; !kthread_should_stop(); n++) {
		wq = e_alloc_workqueue("t_churn", flags[n % 2] | E_SYSFS, 0);
		if (!wq) {
			pr_err("FAIL: no queue\n");
			msleep(100);
			continue;
		}
		e_queue_work(wq, &work);
		usleep_range(1000, 3000);
		e_destroy_workqueue(wq);
		atomic_inc(&churned);
	}
	e_destroy_work_on_stack(&work);
	return 0;
}

static void test_stop(void)
{
	int i;

	if (churner)
		kthread_stop(churner);
	for (i = 0; i < ARRAY_SIZE(queues); i++)
		if (queues[i].wq)
			e_destroy_workqueue(queues[i].wq);
	if (ordered.wq)
		e_destroy_workqueue(ordered.wq);
	if (stretching)
		unregister_kretprobe(&setter_probe);
#if ENGINE_IS_CMWQ
	if (stretching_change)
		unregister_kretprobe(&getter_probe);
#endif
}

static int __init test_init(void)
{
	struct queue *q;

	for (q = queues; q < queues + ARRAY_SIZE(queues); q++) {
		if (q->cmwq_only && !ENGINE_IS_CMWQ)
			continue;
		q->wq = e_alloc_workqueue("%s", q->flags, q->max_active,
					  q->name);
		if (!q->wq)
			goto fail;
	}
	if (ENGINE_IS_CMWQ) {
		ordered.wq = e_alloc_ordered_workqueue("%s", E_SYSFS,
						       ordered.name);
		if (!ordered.wq)
			goto fail;
	}
	if (churn) {
		churner = kthread_run(churn_thread, NULL, "cmwq_test/churn");
		if (IS_ERR(churner)) {
			churner = NULL;
			goto fail;
		}
	}
	return 0;

fail:
	test_stop();
	return -ENOMEM;
}

static void __exit test_exit(void)
{
	test_stop();
}

module_init(test_init);
module_exit(test_exit);
MODULE_DESCRIPTION("Queues for the tests of cmwq's sysfs");
MODULE_LICENSE("GPL");
