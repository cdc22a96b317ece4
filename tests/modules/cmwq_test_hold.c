// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keeps all workers of the pools that most queues share asleep until it is told
 * to let go: per-CPU, normal and highpri, and unbound.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/slab.h>

#include <cmwq.h>

#define EACH	8	/* items per CPU and queue */

static DECLARE_COMPLETION(gate);
static struct cmwq_workqueue *wq[3];
static struct cmwq_work *items;
static atomic_t nr_asleep = ATOMIC_INIT(0);
static int nr_items;

static int asleep_get(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%d of %d\n", atomic_read(&nr_asleep), nr_items);
}

static const struct kernel_param_ops asleep_ops = { .get = asleep_get };
module_param_cb(asleep, &asleep_ops, NULL, 0444);
MODULE_PARM_DESC(asleep, "items that hold a worker");

static void hold_fn(struct cmwq_work *work)
{
	atomic_inc(&nr_asleep);
	/* Not a hung task, of which the kernel names only ten. */
	while (wait_for_completion_interruptible(&gate))
		;
}

static void drop(void)
{
	int i;

	complete_all(&gate);
	for (i = 0; i < ARRAY_SIZE(wq); i++)
		if (wq[i])
			cmwq_destroy_workqueue(wq[i]);
	kfree(items);
}

static int __init hold_init(void)
{
	static const unsigned int flags[] = {
		CMWQ_PERCPU, CMWQ_PERCPU | CMWQ_HIGHPRI, CMWQ_UNBOUND,
	};
	int i, j, cpu, n = 0;

	nr_items = ARRAY_SIZE(wq) * EACH * num_possible_cpus();
	items = kcalloc(nr_items, sizeof(*items), GFP_KERNEL);
	for (i = 0; items && i < ARRAY_SIZE(wq); i++)
		wq[i] = cmwq_alloc_workqueue("hold%d", flags[i],
					     CMWQ_MAX_ACTIVE, i);
	if (!items || !wq[0] || !wq[1] || !wq[2]) {
		drop();
		return -ENOMEM;
	}
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		for (i = 0; i < ARRAY_SIZE(wq); i++) {
			for (j = 0; j < EACH; j++) {
				CMWQ_INIT_WORK(&items[n], hold_fn);
				cmwq_queue_work_on(cpu, wq[i], &items[n++]);
			}
		}
	}
	cpus_read_unlock();
	return 0;
}

static void __exit hold_exit(void)
{
	drop();
}

module_init(hold_init);
module_exit(hold_exit);

MODULE_DESCRIPTION("Keeps workers asleep");
MODULE_LICENSE("GPL");
