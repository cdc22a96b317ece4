// SPDX-License-Identifier: GPL-2.0-only
/*
 * sysfs.c - queues as devices: what user space sees of them and may change
 *
 * /sys/bus/cmwq/devices/NAME/ has these files; what the kernel's own workqueues
 * have, too, has their names and formats:
 *
 *	per_cpu		0 or 1, to be read
 *	max_active	1..CMWQ_MAX_ACTIVE
 *	nice		-20..19
 *	policy		"normal", "fifo N" or "rr N" with a priority of 1..99;
 *			real-time takes nice back to 0
 *
 * and, if the queue is unbound,
 *
 *	cpumask		hexadecimal, at least one possible CPU
 *	affinity_scope	a name; "default (NAME)" if the queue has none of its own
 *	affinity_strict	0 or 1
 *	min_active	1..max_active
 *
 * /sys/devices/virtual/cmwq/ has the mask of all unbound queues: cpumask and, to
 * be read, cpumask_requested and cpumask_isolated.
 *
 * V1: a file in use against the end of its queue.
 *	reader or writer		destroyer
 *	1. enters a function below	1. intake = DESTROYING
 *	2. waits for cmwq_attrs_mutex,	2. device_del(): lets nobody in any more,
 *	   for locks of the queue	   waits until all have left
 *	3. leaves			3. drains, frees
 *    At step 2 the destroyer holds none of the locks that the other may wait
 *    for, and the pwqs are still there.  A file may stay open, even if cmwq.ko
 *    goes: whoever uses it later gets -ENODEV from the kernel.
 *
 * V2: a queue that gets its device late against its end.
 *	registering (sysfs_mutex)	destroyer
 *	1. wq->mutex: intake is open?	1. wq->mutex: intake = DESTROYING
 *	   sets wq->device		2. is wq->device set?
 *	2. device_add()			3. sysfs_mutex: takes wq->device away
 *					4. device_del()
 *    The steps 1 exclude each other.  If registering comes first, the destroyer
 *    sees the device and does not touch it before it has been added.
 */
#include "cmwq_internal.h"

#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/ratelimit.h>
#include <linux/sched/prio.h>
#include <linux/string.h>
#include <linux/sysfs.h>

struct cmwq_device {
	struct device		dev;
	struct cmwq_workqueue	*wq;		/* I */
	struct completion	released;	/* A */
};

/* One device is added after another; wq->device. */
static DEFINE_MUTEX(sysfs_mutex);

static struct cmwq_device *to_cmwq_device(struct device *dev)
{
	return container_of(dev, struct cmwq_device, dev);
}

static struct cmwq_workqueue *to_wq(struct device *dev)
{
	return to_cmwq_device(dev)->wq;
}

/* What is written */

static int refuse(struct device *dev, struct device_attribute *attr,
		  const char *buf, size_t count, const char *remedy)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 30);
	size_t len = count;

	if (len && buf[len - 1] == '\n')
		len--;
	if (__ratelimit(&limit))
		pr_err("\"%*pE\" is refused by %s/%s in sysfs (errno %d): write %s\n",
		       (int)min_t(size_t, len, 32), buf, dev_name(dev),
		       attr->attr.name, -EINVAL, remedy);
	return -EINVAL;
}

#ifdef CMWQ_BUSTED
/* The deliberately broken variant, for tests that must fail. */
static bool within(int n, int least, int most)
{
	return true;
}
#else
static bool within(int n, int least, int most)
{
	return n >= least && n <= most;
}
#endif

/* A decimal number and nothing else but a newline. */
static bool parse_number(const char *buf, int least, int most, int *n)
{
	return !kstrtoint(buf, 10, n) && within(*n, least, most);
}

static bool parse_mask(const char *buf, struct cpumask *mask)
{
	size_t len = strspn(buf, "0123456789abcdefABCDEF,");

	if (strcmp(buf + len, "") && strcmp(buf + len, "\n"))
		return false;
	return !cpumask_parse(buf, mask) &&
	       cpumask_and(mask, mask, cpu_possible_mask);
}

/* Write without 0 bytes in it: the functions above see all of it. */
static bool is_string(const char *buf, size_t count)
{
	return strlen(buf) == count;
}

static ssize_t change(struct device *dev, struct device_attribute *attr,
		      const char *buf, size_t count,
		      bool (*parse)(const char *buf, struct cmwq_attrs *attrs),
		      const char *remedy)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	struct cmwq_workqueue *wq = to_wq(dev);
	int err;

	if (!attrs)
		return -ENOMEM;
	/* Nobody changes the others meanwhile, not even the queue's owner. */
	mutex_lock(&cmwq_attrs_mutex);
	err = cmwq_get_workqueue_attrs(wq, attrs);
	if (!err && (!is_string(buf, count) || !parse(buf, attrs)))
		err = refuse(dev, attr, buf, count, remedy);
	if (!err)
		err = cmwq_attrs_apply(wq, attrs, attr->attr.name,
				       __builtin_return_address(0));
	mutex_unlock(&cmwq_attrs_mutex);
	cmwq_free_workqueue_attrs(attrs);
	return err ?: count;
}

/* Files of every queue */

static ssize_t per_cpu_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%d\n", !(to_wq(dev)->flags & CMWQ_UNBOUND));
}
static DEVICE_ATTR_RO(per_cpu);

static ssize_t max_active_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(to_wq(dev)->max_active));
}

static_assert(CMWQ_MAX_ACTIVE == 2048);	/* says the message */

static ssize_t max_active_store(struct device *dev,
				struct device_attribute *attr,
				const char *buf, size_t count)
{
	int n;

	if (!is_string(buf, count) ||
	    !parse_number(buf, 1, CMWQ_MAX_ACTIVE, &n))
		return refuse(dev, attr, buf, count,
			      "a number from 1 to 2048");
	cmwq_workqueue_set_max_active(to_wq(dev), n);
	return count;
}
static DEVICE_ATTR_RW(max_active);

static ssize_t nice_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct cmwq_workqueue *wq = to_wq(dev);
	int nice;

	mutex_lock(&wq->mutex);
	nice = wq->attrs->nice;
	mutex_unlock(&wq->mutex);
	return sysfs_emit(buf, "%d\n", nice);
}

static bool parse_nice(const char *buf, struct cmwq_attrs *attrs)
{
	return parse_number(buf, MIN_NICE, MAX_NICE, &attrs->nice);
}

static ssize_t nice_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t count)
{
	return change(dev, attr, buf, count, parse_nice,
		      "a number from -20 to 19");
}
static DEVICE_ATTR_RW(nice);

static ssize_t policy_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct cmwq_workqueue *wq = to_wq(dev);
	unsigned int policy;
	int priority;

	mutex_lock(&wq->mutex);
	policy = wq->attrs->policy;
	priority = wq->attrs->priority;
	mutex_unlock(&wq->mutex);
	if (policy == SCHED_NORMAL)
		return sysfs_emit(buf, "normal\n");
	return sysfs_emit(buf, "%s %d\n", policy == SCHED_FIFO ? "fifo" : "rr",
			  priority);
}

static bool parse_policy(const char *buf, struct cmwq_attrs *attrs)
{
	if (sysfs_streq(buf, "normal")) {
		attrs->policy = SCHED_NORMAL;
		attrs->priority = 0;
		return true;
	}
	if (str_has_prefix(buf, "fifo "))
		attrs->policy = SCHED_FIFO;
	else if (str_has_prefix(buf, "rr "))
		attrs->policy = SCHED_RR;
	else
		return false;
	attrs->nice = 0;
	return parse_number(strchr(buf, ' ') + 1, 1, MAX_RT_PRIO - 1,
			    &attrs->priority);
}

static ssize_t policy_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	return change(dev, attr, buf, count, parse_policy,
		      "\"normal\", \"fifo N\" or \"rr N\" with N from 1 to 99");
}
static DEVICE_ATTR_RW(policy);

/* Files of unbound queues */

static ssize_t cpumask_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct cmwq_workqueue *wq = to_wq(dev);
	int len;

	mutex_lock(&wq->mutex);
	len = sysfs_emit(buf, "%*pb\n", cpumask_pr_args(wq->attrs->cpumask));
	mutex_unlock(&wq->mutex);
	return len;
}

static bool parse_cpumask(const char *buf, struct cmwq_attrs *attrs)
{
	return parse_mask(buf, attrs->cpumask);
}

#define MASK_REMEDY	"a hexadecimal mask with a possible CPU in it"

static ssize_t cpumask_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	return change(dev, attr, buf, count, parse_cpumask, MASK_REMEDY);
}
static DEVICE_ATTR_RW(cpumask);

static ssize_t affinity_scope_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	struct cmwq_workqueue *wq = to_wq(dev);
	enum cmwq_affn_scope scope;

	mutex_lock(&wq->mutex);
	scope = wq->attrs->affn_scope;
	mutex_unlock(&wq->mutex);
	if (scope == CMWQ_AFFN_DFL)
		return sysfs_emit(buf, "%s (%s)\n", cmwq_scope_name(scope),
				  cmwq_scope_name(READ_ONCE(cmwq_default_scope)));
	return sysfs_emit(buf, "%s\n", cmwq_scope_name(scope));
}

static bool parse_scope(const char *buf, struct cmwq_attrs *attrs)
{
	int scope = cmwq_scope_by_name(buf);

	if (scope < 0)
		return false;
	attrs->affn_scope = scope;
	return true;
}

static ssize_t affinity_scope_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t count)
{
	return change(dev, attr, buf, count, parse_scope,
		      "default, cpu, smt, cache, cache_shard, numa or system");
}
static DEVICE_ATTR_RW(affinity_scope);

static ssize_t affinity_strict_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	struct cmwq_workqueue *wq = to_wq(dev);
	bool strict;

	mutex_lock(&wq->mutex);
	strict = wq->attrs->affn_strict;
	mutex_unlock(&wq->mutex);
	return sysfs_emit(buf, "%d\n", strict);
}

static bool parse_strict(const char *buf, struct cmwq_attrs *attrs)
{
	int strict;

	if (!parse_number(buf, 0, 1, &strict))
		return false;
	attrs->affn_strict = strict;
	return true;
}

static ssize_t affinity_strict_store(struct device *dev,
				     struct device_attribute *attr,
				     const char *buf, size_t count)
{
	return change(dev, attr, buf, count, parse_strict, "0 or 1");
}
static DEVICE_ATTR_RW(affinity_strict);

static ssize_t min_active_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct cmwq_workqueue *wq = to_wq(dev);

	/* Set or not, it is no more than max_active. */
	return sysfs_emit(buf, "%d\n", min(READ_ONCE(wq->min_active),
					   READ_ONCE(wq->max_active)));
}

static ssize_t min_active_store(struct device *dev,
				struct device_attribute *attr,
				const char *buf, size_t count)
{
	struct cmwq_workqueue *wq = to_wq(dev);
	int n;

	if (!is_string(buf, count) ||
	    !parse_number(buf, 1, READ_ONCE(wq->max_active), &n))
		return refuse(dev, attr, buf, count,
			      "a number from 1 to that in max_active");
	cmwq_workqueue_set_min_active(wq, n);
	return count;
}
static DEVICE_ATTR_RW(min_active);

static struct attribute *queue_attrs[] = {
	&dev_attr_per_cpu.attr,
	&dev_attr_max_active.attr,
	&dev_attr_nice.attr,
	&dev_attr_policy.attr,
	NULL
};

static struct attribute *unbound_attrs[] = {
	&dev_attr_cpumask.attr,
	&dev_attr_affinity_scope.attr,
	&dev_attr_affinity_strict.attr,
	&dev_attr_min_active.attr,
	NULL
};

static umode_t unbound_is_visible(struct kobject *kobj, struct attribute *attr,
				  int n)
{
	return to_wq(kobj_to_dev(kobj))->flags & CMWQ_UNBOUND ? attr->mode : 0;
}

static const struct attribute_group queue_group = {
	.attrs = queue_attrs,
};

static const struct attribute_group unbound_group = {
	.attrs = unbound_attrs,
	.is_visible = unbound_is_visible,
};

static const struct attribute_group *queue_groups[] = {
	&queue_group,
	&unbound_group,
	NULL
};

/* Files of all unbound queues together */

enum mask { EFFECTIVE, REQUESTED, ISOLATED, NR_MASKS };

static ssize_t show_mask(char *buf, enum mask which)
{
	struct cpumask *wanted[NR_MASKS] = { NULL };
	cpumask_var_t mask;
	int len;

	if (!alloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	wanted[which] = mask;
	cmwq_unbound_cpumask_get(wanted[EFFECTIVE], wanted[REQUESTED],
				 wanted[ISOLATED]);
	len = sysfs_emit(buf, "%*pb\n", cpumask_pr_args(mask));
	free_cpumask_var(mask);
	return len;
}

static ssize_t root_cpumask_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return show_mask(buf, EFFECTIVE);
}

static ssize_t root_cpumask_store(struct device *dev,
				  struct device_attribute *attr,
				  const char *buf, size_t count)
{
	cpumask_var_t mask;
	int err;

	if (!alloc_cpumask_var(&mask, GFP_KERNEL))
		return -ENOMEM;
	if (is_string(buf, count) && parse_mask(buf, mask))
		err = cmwq_workqueue_set_unbound_cpumask(mask);
	else
		err = refuse(dev, attr, buf, count, MASK_REMEDY);
	free_cpumask_var(mask);
	return err ?: count;
}

static ssize_t cpumask_requested_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	return show_mask(buf, REQUESTED);
}
static DEVICE_ATTR_RO(cpumask_requested);

static ssize_t cpumask_isolated_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	return show_mask(buf, ISOLATED);
}
static DEVICE_ATTR_RO(cpumask_isolated);

static struct device_attribute root_cpumask =
	__ATTR(cpumask, 0644, root_cpumask_show, root_cpumask_store);

static struct attribute *root_attrs[] = {
	&root_cpumask.attr,
	&dev_attr_cpumask_requested.attr,
	&dev_attr_cpumask_isolated.attr,
	NULL
};
ATTRIBUTE_GROUPS(root);

static struct bus_type cmwq_bus = {
	.name = "cmwq",
	.dev_groups = queue_groups,
};

/* Devices come and go with their queues */

static void release_device(struct device *dev)
{
	complete(&to_cmwq_device(dev)->released);
}

/* Nobody uses the files.  Somebody who walks the bus may hold the device. */
static void free_device(struct cmwq_device *device)
{
	put_device(&device->dev);
	wait_for_completion(&device->released);
	kfree(device);
}

/* '/' cannot be in a name, others are a trap for those who type it. */
static void file_name(struct cmwq_workqueue *wq, char *name)
{
	int i;

	strscpy(name, *wq->name ? wq->name : "-", CMWQ_NAME_LEN);
	for (i = 0; name[i]; i++) {
		if (name[i] == '/')
			name[i] = '!';
		else if (!isascii(name[i]) || !isgraph(name[i]) ||
			 (!i && name[i] == '.'))
			name[i] = '_';
	}
}

/* By another queue, or by a file of all queues. */
static bool name_is_taken(const char *name)
{
	struct device *root = cmwq_bus_root(&cmwq_bus);
	struct kernfs_node *kn = sysfs_get_dirent(root->kobj.sd, name);

	sysfs_put(kn);
	put_device(root);
	return kn;
}

/* Make @device that of @wq, unless it is too late. */
static int claim(struct cmwq_workqueue *wq, struct cmwq_device *device)
{
	int err = 0;

	mutex_lock(&wq->mutex);					/* V2 */
	if (wq->device)
		err = -EALREADY;
	else if (wq->intake != CMWQ_OPEN && wq->intake != CMWQ_DRAINING)
		err = -ENODEV;
	else
		WRITE_ONCE(wq->device, device);
	mutex_unlock(&wq->mutex);
	return err;
}

static int add_device(struct cmwq_workqueue *wq, struct cmwq_device *device)
{
	char name[CMWQ_NAME_LEN];
	int err;

	lockdep_assert_held(&sysfs_mutex);
	err = claim(wq, device);
	if (err)
		return err;
	file_name(wq, name);
	if (name_is_taken(name))
		err = -EEXIST;
	if (!err)
		err = dev_set_name(&device->dev, "%s", name);
	if (!err)
		err = device_add(&device->dev);
	if (err)
		WRITE_ONCE(wq->device, NULL);
	return err;
}

static const char *reason(int err)
{
	switch (err) {
	case -EALREADY:
		return "it is there already";
	case -EEXIST:
		return "the name is taken there, give it another one";
	case -ENODEV:
		return "it is being destroyed";
	default:
		return "try again when there is memory";
	}
}

/**
 * cmwq_sysfs_add - show a queue in sysfs
 * @wq:		the queue
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * Return: as cmwq_workqueue_sysfs_register().
 */
int cmwq_sysfs_add(struct cmwq_workqueue *wq, const char *what, void *caller)
{
	struct cmwq_device *device;
	int err = -ENOMEM;

	if (!cmwq_wq_alive(wq, what, caller))
		return -EINVAL;
	if (wq->flags & (__CMWQ_ORDERED | CMWQ_BH)) {
		cmwq_report(what, caller, -EINVAL,
			    "queue %s is not shown in sysfs: an ordered or BH queue has nothing to be changed",
			    wq->name);
		return -EINVAL;
	}

	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		goto out;
	device->wq = wq;
	init_completion(&device->released);
	device_initialize(&device->dev);
	device->dev.bus = &cmwq_bus;
	device->dev.release = release_device;

	mutex_lock(&sysfs_mutex);
	err = add_device(wq, device);
	mutex_unlock(&sysfs_mutex);
	if (err)
		free_device(device);
out:
	if (err)
		cmwq_report(what, caller, err,
			    "queue %s is not shown in sysfs: %s", wq->name,
			    reason(err));
	return err;
}

int cmwq_workqueue_sysfs_register(struct cmwq_workqueue *wq)
{
	might_sleep();
	return cmwq_sysfs_add(wq, "cmwq_workqueue_sysfs_register",
			      __builtin_return_address(0));
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_sysfs_register);

/**
 * cmwq_sysfs_remove - a queue is about to go
 * @wq: the queue, after cmwq_begin_destroying()
 *
 * Context: no lock of ours is held (V1).
 */
void cmwq_sysfs_remove(struct cmwq_workqueue *wq)
{
	struct cmwq_device *device;

	if (!READ_ONCE(wq->device))				/* V2 */
		return;
	mutex_lock(&sysfs_mutex);
	device = wq->device;
	WRITE_ONCE(wq->device, NULL);
	mutex_unlock(&sysfs_mutex);
	if (!device)
		return;
	device_del(&device->dev);				/* V1 */
	free_device(device);
}

int cmwq_sysfs_init(void)
{
	return subsys_virtual_register(&cmwq_bus, root_groups);
}

void cmwq_sysfs_exit(void)
{
	bus_unregister(&cmwq_bus);
}
