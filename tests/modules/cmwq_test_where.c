// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the items of an unbound queue run: a queue whose attributes scripts
 * change, and ask for what comes of it.
 *
 *   attrs	write "SCOPE STRICT [CPUS]", e.g. "cache 1 0-3"; the stock queue has
 *		sysfs for that
 *   global	write "set CPUS", "exclude CPUS" or "housekeeping CPUS"
 *   where	write "queue" (from each online CPU), or "on" (for each, from
 *		another one); with "all" after it the items run until they were
 *		on all CPUs that they may use.  Read a line per CPU:
 *			CPU may LIST ran LIST
 *		"may" is what the workers are allowed, "ran" where they were
 *   away	write "CPU OTHER": an item queued on CPU takes its worker to OTHER
 *		and leaves it there, then another item is queued on CPU; that 40
 *		times.  With "bind" after it the worker is left bound to OTHER.
 *		Read "CPU TIMES" for each CPU where the other items started
 *   flow	write N: so many items queue themselves on the next CPU all the
 *		time, until 0 is written; read "N LEAST-ROUNDS OVERLAPS"
 *
 * kind=unbound, ordered, or dfl: the system queue.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "engine.h"

#define LIMIT	(20 * HZ)

static char *kind = "unbound";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "unbound, ordered or dfl");

static struct e_wq *wq;

/* What was lost may come back and use our code and data: never unload. */
static int lost(void)
{
	__module_get(THIS_MODULE);
	return -ETIMEDOUT;
}

/* Items that look where they are; one set of them per CPU they are queued on */

struct place {
	bool used;
	cpumask_t may, ran;
};

struct look {
	struct e_work work;
	struct completion done;
};

static struct place *places;
static struct look *looks;
static int nr_looks;
static DEFINE_SPINLOCK(place_lock);
static struct place *place;		/* of the current round */
static bool cover;
static int target_cpu;

/* Note where the caller is; true when all places have been seen. */
static bool look_around(void)
{
	unsigned long flags;
	bool all = true;
	int cpu;

	spin_lock_irqsave(&place_lock, flags);
	cpumask_or(&place->may, &place->may, current->cpus_ptr);
	cpumask_set_cpu(raw_smp_processor_id(), &place->ran);
	for_each_cpu_and(cpu, &place->may, cpu_online_mask)
		all = all && cpumask_test_cpu(cpu, &place->ran);
	spin_unlock_irqrestore(&place_lock, flags);
	return all;
}

static void look_fn(struct e_work *work)
{
	unsigned long end = jiffies + LIMIT;
	ktime_t until;

	while (!look_around() && cover && time_before(jiffies, end)) {
		for (until = ktime_add_ms(ktime_get(), 3);
		     ktime_before(ktime_get(), until); cond_resched())
			cpu_relax();
		usleep_range(100, 1000);
	}
	complete(&container_of(work, struct look, work)->done);
}

static void queue_looks(void *unused)
{
	int i;

	for (i = 0; i < nr_looks; i++)
		e_queue_work_on(target_cpu, wq, &looks[i].work);
}

/* Half the machine away */
static int far_from(int cpu)
{
	int i;

	for (i = 0; i < num_online_cpus() / 2; i++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		if (cpu >= nr_cpu_ids)
			cpu = cpumask_first(cpu_online_mask);
	}
	return cpu;
}

static int where_set(const char *val, const struct kernel_param *kp)
{
	bool on = !strncmp(val, "on", 2);
	int cpu, from, i;

	cover = strstr(val, "all");
	for_each_possible_cpu(cpu)
		places[cpu].used = false;
	for_each_online_cpu(cpu) {
		place = &places[cpu];
		place->used = true;
		cpumask_clear(&place->may);
		cpumask_clear(&place->ran);
		from = on ? far_from(cpu) : cpu;
		target_cpu = on ? cpu : E_CPU_UNBOUND;
		if (smp_call_function_single(from, queue_looks, NULL, 1))
			return -EIO;
		for (i = 0; i < nr_looks; i++)
			if (!wait_for_completion_timeout(&looks[i].done,
							 2 * LIMIT))
				return lost();
		for (i = 0; i < nr_looks; i++)
			e_flush_work(&looks[i].work);
	}
	return 0;
}

static int where_get(char *buffer, const struct kernel_param *kp)
{
	int cpu, len = 0;

	for_each_possible_cpu(cpu)
		if (places[cpu].used)
			len += scnprintf(buffer + len, PAGE_SIZE - len,
					 "%d may %*pbl ran %*pbl\n", cpu,
					 cpumask_pr_args(&places[cpu].may),
					 cpumask_pr_args(&places[cpu].ran));
	return len;
}

static const struct kernel_param_ops where_ops = {
	.set = where_set,
	.get = where_get,
};
module_param_cb(where, &where_ops, NULL, 0600);

/* Workers that were led away */

static struct e_work move_work, start_work;
static struct completion moved, started;
static int move_to;
static bool move_bind;
static int *starts;
static cpumask_t move_back;

static void move_fn(struct e_work *work)
{
	cpumask_copy(&move_back, current->cpus_ptr);
	set_cpus_allowed_ptr(current, cpumask_of(move_to));
	if (!move_bind)
		set_cpus_allowed_ptr(current, &move_back);
	complete(&moved);
}

static void start_fn(struct e_work *work)
{
	starts[raw_smp_processor_id()]++;
	complete(&started);
}

static void queue_one(void *work)
{
	e_queue_work(wq, work);
}

static bool run_from(int cpu, struct e_work *work, struct completion *done)
{
	if (smp_call_function_single(cpu, queue_one, work, 1) ||
	    !wait_for_completion_timeout(done, LIMIT))
		return false;
	e_flush_work(work);
	return true;
}

static int away_set(const char *val, const struct kernel_param *kp)
{
	int cpu, i;

	if (sscanf(val, "%d %d", &cpu, &move_to) != 2)
		return -EINVAL;
	move_bind = strstr(val, "bind");
	memset(starts, 0, nr_cpu_ids * sizeof(*starts));
	for (i = 0; i < 40; i++) {
		if (!run_from(cpu, &move_work, &moved))
			return lost();
		msleep(20);		/* let the worker go idle */
		if (!run_from(cpu, &start_work, &started))
			return lost();
	}
	return 0;
}

static int away_get(char *buffer, const struct kernel_param *kp)
{
	int cpu, len = 0;

	for_each_possible_cpu(cpu)
		if (starts[cpu])
			len += scnprintf(buffer + len, PAGE_SIZE - len,
					 "%d %d\n", cpu, starts[cpu]);
	return len;
}

static const struct kernel_param_ops away_ops = {
	.set = away_set,
	.get = away_get,
};
module_param_cb(away, &away_ops, NULL, 0600);

/* A steady flow, for changes that happen meanwhile */

struct drop {
	struct e_work work;
	atomic_t inside;
	unsigned int rounds;
	unsigned int seen;
};

static struct drop *drops;
static int nr_drops;
static bool flow_stop;
static atomic_t overlaps = ATOMIC_INIT(0);

static void drop_fn(struct e_work *work)
{
	struct drop *d = container_of(work, struct drop, work);
	int cpu = cpumask_next(raw_smp_processor_id(), cpu_possible_mask);

	if (atomic_inc_return(&d->inside) != 1)
		atomic_inc(&overlaps);
	usleep_range(200, 400);
	WRITE_ONCE(d->rounds, d->rounds + 1);
	atomic_dec(&d->inside);
	if (cpu >= nr_cpu_ids)
		cpu = cpumask_first(cpu_possible_mask);
	if (!READ_ONCE(flow_stop))
		e_queue_work_on(cpu, wq, work);
}

static int flow_end(void)
{
	unsigned long end = jiffies + LIMIT;
	int i;

	flow_stop = true;
	for (i = 0; i < nr_drops; i++) {
		while (e_work_busy(&drops[i].work)) {
			if (time_after(jiffies, end))
				return lost();
			msleep(20);
		}
		e_flush_work(&drops[i].work);
	}
	kfree(drops);
	nr_drops = 0;
	return 0;
}

static int flow_set(const char *val, const struct kernel_param *kp)
{
	int i, n, err;

	err = kstrtoint(val, 0, &n);
	if (err || n < 0)
		return -EINVAL;
	if (nr_drops)
		return n ? -EBUSY : flow_end();
	drops = kcalloc(n, sizeof(*drops), GFP_KERNEL);
	if (!drops)
		return -ENOMEM;
	flow_stop = false;
	atomic_set(&overlaps, 0);
	for (i = 0; i < n; i++) {
		E_INIT_WORK(&drops[i].work, drop_fn);
		e_queue_work(wq, &drops[i].work);
	}
	nr_drops = n;
	return 0;
}

/* How far the slowest has come since the last time. */
static int flow_get(char *buffer, const struct kernel_param *kp)
{
	unsigned int rounds, least = UINT_MAX;
	int i;

	for (i = 0; i < nr_drops; i++) {
		rounds = READ_ONCE(drops[i].rounds);
		least = min(least, rounds - drops[i].seen);
		drops[i].seen = rounds;
	}
	return scnprintf(buffer, PAGE_SIZE, "%d %u %d\n", nr_drops,
			 nr_drops ? least : 0, atomic_read(&overlaps));
}

static const struct kernel_param_ops flow_ops = {
	.set = flow_set,
	.get = flow_get,
};
module_param_cb(flow, &flow_ops, NULL, 0600);

/* Changing */

#ifndef ENGINE_STOCK

static const char * const scopes[CMWQ_AFFN_NR_TYPES] = {
	[CMWQ_AFFN_DFL] = "dfl",
	[CMWQ_AFFN_CPU] = "cpu",
	[CMWQ_AFFN_SMT] = "smt",
	[CMWQ_AFFN_CACHE] = "cache",
	[CMWQ_AFFN_CACHE_SHARD] = "cache_shard",
	[CMWQ_AFFN_NUMA] = "numa",
	[CMWQ_AFFN_SYSTEM] = "system",
};

static int attrs_set(const char *val, const struct kernel_param *kp)
{
	struct cmwq_attrs *attrs;
	char name[16], cpus[64];
	int i, n, strict, err;

	n = sscanf(val, "%15s %d %63s", name, &strict, cpus);
	if (n < 2)
		return -EINVAL;
	i = match_string(scopes, CMWQ_AFFN_NR_TYPES, name);
	if (i < 0)
		return i;
	attrs = cmwq_alloc_workqueue_attrs();
	if (!attrs)
		return -ENOMEM;
	err = cmwq_get_workqueue_attrs(wq, attrs);
	attrs->affn_scope = i;
	attrs->affn_strict = strict;
	cpumask_copy(attrs->cpumask, cpu_possible_mask);
	if (!err && n == 3)
		err = cpulist_parse(cpus, attrs->cpumask);
	if (!err)
		err = cmwq_apply_workqueue_attrs(wq, attrs);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

static const struct kernel_param_ops attrs_ops = {
	.set = attrs_set,
};
module_param_cb(attrs, &attrs_ops, NULL, 0200);

static int global_set(const char *val, const struct kernel_param *kp)
{
	char what[16], cpus[64] = "";
	cpumask_var_t mask;
	int err;

	if (sscanf(val, "%15s %63s", what, cpus) < 1)
		return -EINVAL;
	if (!zalloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	err = cpulist_parse(cpus, mask);
	if (err)
		;
	else if (!strcmp(what, "set"))
		err = cmwq_workqueue_set_unbound_cpumask(mask);
	else if (!strcmp(what, "exclude"))
		err = cmwq_workqueue_unbound_exclude_cpumask(mask);
	else if (!strcmp(what, "housekeeping"))
		err = cmwq_workqueue_unbound_housekeeping_update(mask);
	else
		err = -EINVAL;
	free_cpumask_var(mask);
	return err;
}

static const struct kernel_param_ops global_ops = {
	.set = global_set,
};
module_param_cb(global, &global_ops, NULL, 0200);

#endif

static int __init where_init(void)
{
	bool ordered = !strcmp(kind, "ordered");
	int i;

	nr_looks = ordered ? 1 : num_online_cpus() + 2;
	places = kcalloc(nr_cpu_ids, sizeof(*places), GFP_KERNEL);
	starts = kcalloc(nr_cpu_ids, sizeof(*starts), GFP_KERNEL);
	looks = kcalloc(nr_looks, sizeof(*looks), GFP_KERNEL);
	if (!places || !starts || !looks)
		goto nomem;
	if (!strcmp(kind, "dfl"))
		wq = e_system_dfl_wq;
	else if (ordered)
		wq = e_alloc_ordered_workqueue("where", 0);
	else
		wq = e_alloc_workqueue("where", E_UNBOUND | E_SYSFS, 0);
	if (!wq)
		goto nomem;
	for (i = 0; i < nr_looks; i++) {
		E_INIT_WORK(&looks[i].work, look_fn);
		init_completion(&looks[i].done);
	}
	E_INIT_WORK(&move_work, move_fn);
	E_INIT_WORK(&start_work, start_fn);
	init_completion(&moved);
	init_completion(&started);
	return 0;
nomem:
	kfree(places);
	kfree(starts);
	kfree(looks);
	return -ENOMEM;
}
module_init(where_init);

static void __exit where_exit(void)
{
	if (nr_drops)
		flow_end();
	if (wq != e_system_dfl_wq)
		e_destroy_workqueue(wq);
	kfree(places);
	kfree(starts);
	kfree(looks);
}
module_exit(where_exit);

MODULE_DESCRIPTION("cmwq tests: where items run");
MODULE_LICENSE("GPL");
