// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_mod.c - parameters, the init ladder and its mirror, the load line
 */
#include "cmwq_internal.h"

#include <linux/init.h>
#include <linux/utsname.h>

#include <cmwq/tested.h>

char *cmwq_hooks = "auto";
module_param_named(hooks, cmwq_hooks, charp, 0444);
MODULE_PARM_DESC(hooks, "how sleeping workers are noticed: auto (default), notifier, entry, tracepoint");

unsigned int cmwq_concurrency = 1;
module_param_named(concurrency, cmwq_concurrency, uint, 0444);
MODULE_PARM_DESC(concurrency, "workers of a per-CPU pool that may be runnable at once, 1..64 (default 1)");

static int set_limit(const char *val, const struct kernel_param *kp);

static const struct kernel_param_ops limit_ops = {
	.set = set_limit,
	.get = param_get_uint,
};

unsigned int cmwq_pool_max_workers = CMWQ_MAX_ACTIVE;
module_param_cb(pool_max_workers, &limit_ops, &cmwq_pool_max_workers, 0644);
MODULE_PARM_DESC(pool_max_workers, "workers of one pool at most, 2.. (default 2048)");

unsigned int cmwq_total_max_workers = 8 * CMWQ_MAX_ACTIVE;
module_param_cb(total_max_workers, &limit_ops, &cmwq_total_max_workers, 0644);
MODULE_PARM_DESC(total_max_workers, "workers of all pools at most, 2.. (default 16384)");

unsigned int cmwq_idle_timeout_ms = 300 * 1000;
module_param_cb(idle_timeout_ms, &limit_ops, &cmwq_idle_timeout_ms, 0644);
MODULE_PARM_DESC(idle_timeout_ms, "ms after which surplus idle workers are retired, 2.. (default 300000)");

static int set_thresh(const char *val, const struct kernel_param *kp);
static int set_warning_thresh(const char *val, const struct kernel_param *kp);

static const struct kernel_param_ops thresh_ops = {
	.set = set_thresh,
	.get = param_get_uint,
};

static const struct kernel_param_ops warning_thresh_ops = {
	.set = set_warning_thresh,
	.get = param_get_uint,
};

unsigned int cmwq_cpu_intensive_thresh_us = CMWQ_THRESH_UNSET;
module_param_cb(cpu_intensive_thresh_us, &thresh_ops,
		&cmwq_cpu_intensive_thresh_us, 0644);
MODULE_PARM_DESC(cpu_intensive_thresh_us, "us that an item may run without sleeping before others pass it, ..1000000, 0: any time (default 10000, more on slow CPUs)");

unsigned int cmwq_cpu_intensive_warning_thresh = 4;
module_param_cb(cpu_intensive_warning_thresh, &warning_thresh_ops,
		&cmwq_cpu_intensive_warning_thresh, 0644);
MODULE_PARM_DESC(cpu_intensive_warning_thresh, "how often a function may exceed that before the log says so, 0: never does (default 4)");

static int set_watchdog_thresh(const char *val, const struct kernel_param *kp);

static const struct kernel_param_ops watchdog_thresh_ops = {
	.set = set_watchdog_thresh,
	.get = param_get_uint,
};

unsigned int cmwq_watchdog_thresh = 30;
module_param_cb(watchdog_thresh, &watchdog_thresh_ops, &cmwq_watchdog_thresh,
		0644);
MODULE_PARM_DESC(watchdog_thresh, "s that a pool's items may wait without progress before the log tells why, ..86400, 0: any time (default 30)");

bool cmwq_watchdog_evacuate;
module_param_named(watchdog_evacuate, cmwq_watchdog_evacuate, bool, 0644);
MODULE_PARM_DESC(watchdog_evacuate, "move what then waits, and was queued for no certain CPU, to other CPUs (default N)");

static int set_fail_create(const char *val, const struct kernel_param *kp);

static const struct kernel_param_ops fail_create_ops = {
	.set = set_fail_create,
	.get = param_get_int,
};

int cmwq_fail_create;
module_param_cb(fail_create, &fail_create_ops, &cmwq_fail_create, 0644);
MODULE_PARM_DESC(fail_create, "test knob: the n-th creation of a worker or trustee from now on shall fail; -1: each until 0 is written");

static int set_percent(const char *val, const struct kernel_param *kp);
static int set_delay(const char *val, const struct kernel_param *kp);

static const struct kernel_param_ops percent_ops = {
	.set = set_percent,
	.get = param_get_uint,
};

static const struct kernel_param_ops delay_ops = {
	.set = set_delay,
	.get = param_get_uint,
};

unsigned int cmwq_fail_create_percent;
module_param_cb(fail_create_percent, &percent_ops, &cmwq_fail_create_percent,
		0644);
MODULE_PARM_DESC(fail_create_percent, "test knob: so many of 100 creations of workers shall fail, at random");

unsigned int cmwq_delay_create_ms;
module_param_cb(delay_create_ms, &delay_ops, &cmwq_delay_create_ms, 0644);
MODULE_PARM_DESC(delay_create_ms, "test knob: each creation of a worker shall take so long, ..60000");

static bool allow_untested;
module_param(allow_untested, bool, 0444);
MODULE_PARM_DESC(allow_untested, "load on kernels newer than "
		 CMWQ_NEWEST_TESTED ", the newest that was tested (default N)");

static char *fail_init;
module_param(fail_init, charp, 0);
MODULE_PARM_DESC(fail_init, "test knob: name of the init step that shall fail");

static int get_range(const char *val, const struct kernel_param *kp,
		     unsigned int min, unsigned int max, unsigned int *n)
{
	int err = kstrtouint(val, 0, n);

	if (err || *n < min || *n > max) {
		pr_err("%s=%s is out of range (errno %d): give a number from %u to %u\n",
		       kp->name, val, -EINVAL, min, max);
		return -EINVAL;
	}
	return 0;
}

static int set_range(const char *val, const struct kernel_param *kp,
		     unsigned int min, unsigned int max)
{
	unsigned int n;
	int err = get_range(val, kp, min, max, &n);

	if (!err)
		WRITE_ONCE(*(unsigned int *)kp->arg, n);
	return err;
}

static int set_limit(const char *val, const struct kernel_param *kp)
{
	return set_range(val, kp, 2, INT_MAX);
}

static int set_thresh(const char *val, const struct kernel_param *kp)
{
	return set_range(val, kp, 0, USEC_PER_SEC);
}

static int set_warning_thresh(const char *val, const struct kernel_param *kp)
{
	return set_range(val, kp, 0, INT_MAX);
}

static int set_percent(const char *val, const struct kernel_param *kp)
{
	return set_range(val, kp, 0, 100);
}

static int set_delay(const char *val, const struct kernel_param *kp)
{
	return set_range(val, kp, 0, 60000);
}

static int set_watchdog_thresh(const char *val, const struct kernel_param *kp)
{
	unsigned int n;
	int err = get_range(val, kp, 0, 24 * 3600, &n);

	if (!err)
		cmwq_watchdog_set_thresh(n);
	return err;
}

static int set_fail_create(const char *val, const struct kernel_param *kp)
{
	int n, err = kstrtoint(val, 0, &n);

	if (err || n < -1) {
		pr_err("%s=%s is out of range (errno %d): give the number of a creation, 0 for none, -1 for all\n",
		       kp->name, val, -EINVAL);
		return -EINVAL;
	}
	WRITE_ONCE(*(int *)kp->arg, n);
	return 0;
}

static int check_kernel(void)
{
	if (!cmwq_kernel_untested())
		return 0;
	if (!allow_untested) {
		pr_err("kernel %s is newer than %s, the newest that was tested (errno %d): allow_untested=1 tries it\n",
		       init_utsname()->release, CMWQ_NEWEST_TESTED,
		       -EOPNOTSUPP);
		return -EOPNOTSUPP;
	}
	pr_warn("kernel %s is newer than %s, the newest that was tested: tried because of allow_untested=1\n",
		init_utsname()->release, CMWQ_NEWEST_TESTED);
	return 0;
}

static int check_params(void)
{
	cmwq_hog_defaults();
	if (cmwq_concurrency >= 1 && cmwq_concurrency <= 64)
		return 0;
	pr_err("concurrency=%u is out of range (errno %d): give a number from 1 to 64\n",
	       cmwq_concurrency, -EINVAL);
	return -EINVAL;
}

static void nothing(void)
{
}

/*
 * Each step may rely on those above it; its exit, on nobody below it being
 * left.  docs/design.md says why the order is what it is.
 */
static const struct {
	const char *name;
	int (*init)(void);
	void (*exit)(void);
} steps[] = {
	{ "kernel",	check_kernel,		nothing },
	{ "params",	check_params,		nothing },
	{ "pools",	cmwq_pools_init,	cmwq_pools_exit },
	{ "hooks",	cmwq_hooks_init,	cmwq_hooks_exit },
	{ "keeper",	cmwq_keeper_init,	cmwq_keeper_exit },
	{ "attrs",	cmwq_attrs_init,	cmwq_attrs_exit },
	{ "workers",	cmwq_workers_init,	cmwq_workers_exit },
	{ "watchdog",	cmwq_watchdog_init,	cmwq_watchdog_exit },
	{ "debugfs",	cmwq_debugfs_init,	cmwq_debugfs_exit },
	{ "sysfs",	cmwq_sysfs_init,	cmwq_sysfs_exit },
	{ "queues",	cmwq_queues_init,	cmwq_queues_exit },
	{ "freezer",	cmwq_freezer_init,	cmwq_freezer_exit },
	{ "clients",	cmwq_clients_init,	cmwq_clients_exit },
};

static void undo(int nr)
{
	while (nr--)
		steps[nr].exit();
}

static int check_fail_init(void)
{
	char names[128] = "";
	int i;

	if (!fail_init)
		return 0;
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (!strcmp(fail_init, steps[i].name))
			return 0;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		strlcat(names, " ", sizeof(names));
		strlcat(names, steps[i].name, sizeof(names));
	}
	pr_err("fail_init=%s is no step (errno %d); the steps are:%s\n",
	       fail_init, -EINVAL, names);
	return -EINVAL;
}

static int __init cmwq_init(void)
{
	int i, err = check_fail_init();

	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		err = fail_init && !strcmp(fail_init, steps[i].name) ?
			-ENOMEM : steps[i].init();
		if (err) {
			pr_err("not loaded: step %s failed with errno %d\n",
			       steps[i].name, err);
			undo(i);
			return err;
		}
	}
	pr_info("%s loaded on %s, hooks: %s\n", CMWQ_VERSION,
		init_utsname()->release, cmwq_hooks_describe());
	return 0;
}

static void __exit cmwq_exit(void)
{
	undo(ARRAY_SIZE(steps));
	pr_info("unloaded\n");
}

module_init(cmwq_init);
module_exit(cmwq_exit);

MODULE_DESCRIPTION("Concurrency-managed workqueues as a loadable module");
MODULE_AUTHOR("The cmwq authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(CMWQ_VERSION);
