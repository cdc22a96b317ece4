// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_sample.c - how a driver uses cmwq.ko
 *
 * Needs nothing but <cmwq.h> and the symbols that cmwq.ko exports.  Loading it
 * queues four kinds of work; watch them run in the kernel log:
 *
 *	a per-CPU item		runs on the CPU it was queued on
 *	a high-priority item	runs on a worker with nice -20
 *	three ordered items	run one at a time, in queueing order
 *	a delayed item		is queued when its timer expires
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include <cmwq.h>

#define SAMPLE_DELAY_MS	100
#define SAMPLE_STEPS	3

/*
 * Work items live inside the structure they work for: here a step of a job
 * that has to be done in order.
 */
struct sample_step {
	struct cmwq_work work;
	int number;
};

static struct cmwq_workqueue *percpu_wq;
static struct cmwq_workqueue *highpri_wq;
static struct cmwq_workqueue *ordered_wq;

static struct cmwq_work percpu_work;
static struct cmwq_work highpri_work;
static struct cmwq_delayed_work delayed_work;
static struct sample_step steps[SAMPLE_STEPS];

static unsigned long delayed_from;	/* jiffies when it was queued */

/* A work function runs in process context: it may sleep. */
static void percpu_fn(struct cmwq_work *work)
{
	msleep(20);
	pr_info("per-CPU item: on CPU %d, by %s\n", raw_smp_processor_id(),
		current->comm);
}

static void highpri_fn(struct cmwq_work *work)
{
	pr_info("high-priority item: nice %d, by %s\n", task_nice(current),
		current->comm);
}

/* container_of() leads from the item to what it works for. */
static void step_fn(struct cmwq_work *work)
{
	struct sample_step *step = container_of(work, struct sample_step, work);

	pr_info("ordered item: step %d begins\n", step->number);
	msleep(20);
	pr_info("ordered item: step %d ends\n", step->number);
}

static void delayed_fn(struct cmwq_work *work)
{
	pr_info("delayed item: %u ms later, by %s\n",
		jiffies_to_msecs(jiffies - delayed_from), current->comm);
}

static void sample_destroy_queues(void)
{
	if (ordered_wq)
		cmwq_destroy_workqueue(ordered_wq);
	if (highpri_wq)
		cmwq_destroy_workqueue(highpri_wq);
	if (percpu_wq)
		cmwq_destroy_workqueue(percpu_wq);
}

static int __init sample_init(void)
{
	int i;

	/* The queues.  The log tells why one could not be made. */
	percpu_wq = cmwq_alloc_workqueue("sample_percpu", CMWQ_PERCPU, 0);
	highpri_wq = cmwq_alloc_workqueue("sample_highpri",
					  CMWQ_PERCPU | CMWQ_HIGHPRI, 0);
	ordered_wq = cmwq_alloc_ordered_workqueue("sample_ordered", 0);
	if (!percpu_wq || !highpri_wq || !ordered_wq) {
		sample_destroy_queues();
		return -ENOMEM;
	}

	/* The items: initialise each once, then queue it as often as needed. */
	CMWQ_INIT_WORK(&percpu_work, percpu_fn);
	CMWQ_INIT_WORK(&highpri_work, highpri_fn);
	CMWQ_INIT_DELAYED_WORK(&delayed_work, delayed_fn);
	for (i = 0; i < SAMPLE_STEPS; i++) {
		CMWQ_INIT_WORK(&steps[i].work, step_fn);
		steps[i].number = i + 1;
	}

	pr_info("queueing\n");

	cmwq_queue_work(percpu_wq, &percpu_work);
	cmwq_queue_work(highpri_wq, &highpri_work);
	for (i = 0; i < SAMPLE_STEPS; i++)
		cmwq_queue_work(ordered_wq, &steps[i].work);

	delayed_from = jiffies;
	cmwq_queue_delayed_work(percpu_wq, &delayed_work,
				msecs_to_jiffies(SAMPLE_DELAY_MS));

	/* An item that is pending already is not queued a second time. */
	if (!cmwq_queue_delayed_work(percpu_wq, &delayed_work, 0))
		pr_info("the delayed item is pending\n");

	return 0;
}

static void __exit sample_exit(void)
{
	/*
	 * A delayed item whose timer still runs is not on its queue yet, so
	 * it is cancelled first.  Destroying a queue then runs what is left.
	 */
	cmwq_cancel_delayed_work_sync(&delayed_work);
	sample_destroy_queues();
	pr_info("all items are done\n");
}

module_init(sample_init);
module_exit(sample_exit);
MODULE_DESCRIPTION("A sample client of cmwq.ko");
MODULE_LICENSE("GPL");
