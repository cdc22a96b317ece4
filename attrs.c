// SPDX-License-Identifier: GPL-2.0-only
/*
 * attrs.c - what the workers of a queue are, and where they run
 *
 * Checks what users ask for and has route.c change over.  Also where unbound
 * items may run at all, as a whole, and what happens when CPUs come and go.
 */
#include "cmwq_internal.h"

#include <linux/capability.h>
#include <linux/cpu.h>
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/sched/isolation.h>
#include <linux/workqueue.h>

#define MAX_SHARD_SIZE	8192	/* cores */

static cpumask_var_t requested;		/* T: asked for last */
static cpumask_var_t excluded;		/* T, A to read: isolated, or excluded */
static cpumask_var_t effective;		/* T, A to read: where unbound items may run */
static struct cpumask settled;		/* T, A to read: the same, never empty */

static char *unbound_cpus;
module_param(unbound_cpus, charp, 0444);
MODULE_PARM_DESC(unbound_cpus, "CPUs for items of unbound queues, a list like 0-3,8 (default: all that are not isolated)");

/* Attributes as such */

struct cmwq_attrs *cmwq_alloc_workqueue_attrs(void)
{
	struct cmwq_attrs *attrs = kzalloc(sizeof(*attrs), GFP_KERNEL);

	if (!attrs)
		return NULL;
	if (!alloc_cpumask_var(&attrs->cpumask, GFP_KERNEL)) {
		kfree(attrs);
		return NULL;
	}
	cpumask_copy(attrs->cpumask, cpu_possible_mask);
	return attrs;
}
EXPORT_SYMBOL_GPL(cmwq_alloc_workqueue_attrs);

void cmwq_free_workqueue_attrs(struct cmwq_attrs *attrs)
{
	if (!attrs)
		return;
	free_cpumask_var(attrs->cpumask);
	kfree(attrs);
}
EXPORT_SYMBOL_GPL(cmwq_free_workqueue_attrs);

/* All but the reference to the credentials, which stay with the pwqs. */
static void copy_attrs(struct cmwq_attrs *to, const struct cmwq_attrs *from)
{
	to->nice = from->nice;
	to->policy = from->policy;
	to->priority = from->priority;
	cpumask_copy(to->cpumask, from->cpumask);
	to->affn_scope = from->affn_scope;
	to->affn_strict = from->affn_strict;
	to->ordered = from->ordered;
	to->cred = from->cred;
}

static struct cmwq_attrs *dup_attrs(const struct cmwq_attrs *attrs)
{
	struct cmwq_attrs *copy = cmwq_alloc_workqueue_attrs();

	if (copy)
		copy_attrs(copy, attrs);
	return copy;
}

/* Checking them */

static bool may(int cap)
{
	return current->flags & PF_KTHREAD || capable(cap);
}

static const char *bad_schedule(const struct cmwq_attrs *attrs)
{
	if (attrs->policy == SCHED_NORMAL) {
		if (attrs->priority)
			return "priority goes with SCHED_FIFO and SCHED_RR: set it to 0";
		if (attrs->nice < MIN_NICE || attrs->nice > MAX_NICE)
			return "nice is out of range: give -20..19";
		return NULL;
	}
	if (attrs->policy != SCHED_FIFO && attrs->policy != SCHED_RR)
		return "policy is none of SCHED_NORMAL, SCHED_FIFO and SCHED_RR";
	if (attrs->priority < 1 || attrs->priority > MAX_RT_PRIO - 1)
		return "priority is out of range: give 1..99";
	if (attrs->nice)
		return "nice goes with SCHED_NORMAL: set it to 0";
	return NULL;
}

static const char *bad_place(struct cmwq_workqueue *wq,
			     const struct cmwq_attrs *attrs)
{
	bool plain = attrs->affn_scope == CMWQ_AFFN_DFL &&
		     !attrs->affn_strict && !attrs->ordered &&
		     cpumask_equal(attrs->cpumask, cpu_possible_mask);

	if (wq->flags & CMWQ_BH)
		return "a BH queue has no workers whose attributes could be changed";
	if ((unsigned int)attrs->affn_scope >= CMWQ_AFFN_NR_TYPES)
		return "there is no such affn_scope";
	if (!(wq->flags & CMWQ_UNBOUND) && !plain)
		return "a per-CPU queue takes no cpumask, affn_scope, affn_strict and ordered";
	if (attrs->ordered != !!(wq->flags & __CMWQ_ORDERED) &&
	    wq->flags & CMWQ_UNBOUND)
		return "ordered is a matter of allocation: leave it as it is";
	if (!cpumask_intersects(attrs->cpumask, cpu_possible_mask))
		return "no possible CPU is in cpumask";
	return NULL;
}

static int check_attrs(struct cmwq_workqueue *wq,
		       const struct cmwq_attrs *attrs, const char *what,
		       void *caller)
{
	const char *bad = bad_place(wq, attrs) ?: bad_schedule(attrs);

	if (bad) {
		cmwq_report(what, caller, -EINVAL, "queue %s: %s", wq->name,
			    bad);
		return -EINVAL;
	}
	if ((attrs->nice < 0 || attrs->policy != SCHED_NORMAL) &&
	    !may(CAP_SYS_NICE)) {
		cmwq_report(what, caller, -EPERM,
			    "queue %s: negative nice and real-time policies take CAP_SYS_NICE",
			    wq->name);
		return -EPERM;
	}
	if (attrs->policy != SCHED_NORMAL &&
	    !cmwq_realtime_possible(attrs->policy, attrs->priority)) {
		cmwq_report(what, caller, -EOPNOTSUPP,
			    "queue %s: this kernel lets modules use SCHED_FIFO with priority 1 or 50 only",
			    wq->name);
		return -EOPNOTSUPP;
	}
	if (attrs->cred && attrs->cred != current_cred() &&
	    !(may(CAP_SETUID) && may(CAP_SETGID))) {
		cmwq_report(what, caller, -EPERM,
			    "queue %s: other credentials take CAP_SETUID and CAP_SETGID",
			    wq->name);
		return -EPERM;
	}
	return 0;
}

/* Applying them */

/* Takes @attrs.  cmwq_attrs_mutex is held. */
static int apply(struct cmwq_workqueue *wq, struct cmwq_attrs *attrs)
{
	LIST_HEAD(changes);
	int err = cmwq_route_prepare(wq, attrs, effective, &changes);

	return err ?: cmwq_routes_change(&changes);
}

/**
 * cmwq_attrs_of_new - give a new queue the attributes that its flags say
 * @wq: the queue
 *
 * Context: cmwq_attrs_mutex is held.
 * Return: 0, -ENOMEM, -ENOSPC or -EINTR.
 */
int cmwq_attrs_of_new(struct cmwq_workqueue *wq)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();

	if (attrs) {
		if (wq->flags & CMWQ_HIGHPRI)
			attrs->nice = MIN_NICE;
		attrs->ordered = wq->flags & __CMWQ_ORDERED;
	}
	return apply(wq, attrs);
}

/**
 * cmwq_attrs_apply - check attributes and change a queue to them
 * @wq:		the queue
 * @attrs:	the attributes
 * @what:	function, for the log
 * @caller:	its caller, for the log
 *
 * Context: cmwq_attrs_mutex is held.  Whoever took it before he read what the
 * queue has knows that nobody else has changed it since.
 * Return: as cmwq_apply_workqueue_attrs().
 */
int cmwq_attrs_apply(struct cmwq_workqueue *wq, const struct cmwq_attrs *attrs,
		     const char *what, void *caller)
{
	int err = check_attrs(wq, attrs, what, caller);

	if (err)
		return err;
	err = apply(wq, dup_attrs(attrs));
	if (err)
		cmwq_report(what, caller, err,
			    "queue %s keeps the attributes it has", wq->name);
	return err;
}

int cmwq_apply_workqueue_attrs(struct cmwq_workqueue *wq,
			       const struct cmwq_attrs *attrs)
{
	static const char what[] = "cmwq_apply_workqueue_attrs";
	void *caller = __builtin_return_address(0);
	int err;

	might_sleep();
	if (!cmwq_wq_alive(wq, what, caller))
		return -EINVAL;
	if (!attrs) {
		cmwq_report(what, caller, -EINVAL, "the attributes are NULL");
		return -EINVAL;
	}
	mutex_lock(&cmwq_attrs_mutex);
	err = cmwq_attrs_apply(wq, attrs, what, caller);
	mutex_unlock(&cmwq_attrs_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(cmwq_apply_workqueue_attrs);

int cmwq_get_workqueue_attrs(struct cmwq_workqueue *wq,
			     struct cmwq_attrs *attrs)
{
	static const char what[] = "cmwq_get_workqueue_attrs";
	void *caller = __builtin_return_address(0);
	int err = 0;

	might_sleep();
	if (!cmwq_wq_alive(wq, what, caller))
		return -EINVAL;
	if (!attrs) {
		cmwq_report(what, caller, -EINVAL, "the attributes are NULL");
		return -EINVAL;
	}
	mutex_lock(&wq->mutex);
	if (cmwq_wq_alive(wq, what, caller))	/* D2 */
		copy_attrs(attrs, wq->attrs);
	else
		err = -EINVAL;
	mutex_unlock(&wq->mutex);
	return err;
}
EXPORT_SYMBOL_GPL(cmwq_get_workqueue_attrs);

/* Where unbound items may run */

/**
 * cmwq_cpu_isolated - is a CPU isolated, or excluded?
 * @cpu: the CPU
 *
 * Context: any.  As of now.
 * Return: true if it is.
 */
bool cmwq_cpu_isolated(unsigned int cpu)
{
	return cpumask_test_cpu(cpu, excluded);
}

/**
 * cmwq_cpu_off_limits - is it so, and has nobody asked for it all the same?
 * @cpu: the CPU
 *
 * Context: any.  As of now.
 * Return: true if no unbound item may run there.
 */
bool cmwq_cpu_off_limits(unsigned int cpu)
{
	return cmwq_cpu_isolated(cpu) && !cpumask_test_cpu(cpu, effective);
}

/**
 * cmwq_own_threads_cpus - where the module's own threads may run
 * @cpus: where to put it
 *
 * Context: any.  As of now.
 */
void cmwq_own_threads_cpus(struct cpumask *cpus)
{
	if (!cpumask_andnot(cpus, cpu_possible_mask, excluded))
		cpumask_copy(cpus, cpu_possible_mask);
}

/**
 * cmwq_own_threads_place - keep the module's own threads off isolated CPUs
 *
 * Context: cmwq_attrs_mutex is held.
 */
void cmwq_own_threads_place(void)
{
	static struct cpumask cpus;		/* T */

	lockdep_assert_held(&cmwq_attrs_mutex);
	cmwq_own_threads_cpus(&cpus);
	cmwq_keeper_place(&cpus);
	cmwq_watchdog_place();
}

/*
 * All unbound queues go to the pools that are theirs if unbound items may run on
 * @cpus.  If one of them cannot, none does; with @most, the others do all the same.
 * Both mutexes are held.
 */
static int prepare_all(const struct cpumask *cpus, bool most,
		       struct list_head *changes)
{
	struct cmwq_workqueue *wq;
	int err;

	list_for_each_entry(wq, &cmwq_workqueues, node) {
		if (!(wq->flags & CMWQ_UNBOUND))
			continue;
		err = cmwq_route_prepare(wq, dup_attrs(wq->attrs), cpus,
					 changes);
		if (!err || err == -ENODEV)
			continue;
		pr_err("queue %s keeps its pools%s (errno %d): %s\n", wq->name,
		       most ? "" : ", and so do all", err, most ?
		       "apply its attributes again" : "try that again");
		if (most)
			continue;
		cmwq_routes_abandon(changes);
		return err;
	}
	return 0;
}

/* Which CPUs belong together has changed.  cmwq_attrs_mutex is held. */
static int regroup(bool most)
{
	LIST_HEAD(changes);
	int err;

	mutex_lock(&cmwq_wq_mutex);
	err = prepare_all(effective, most, &changes);
	if (!err)
		cmwq_routes_change(&changes);
	mutex_unlock(&cmwq_wq_mutex);
	return err;
}

/* @requested without @not_these; or, if that is nothing, with them. */
static void get_effective(struct cpumask *cpus, const struct cpumask *not_these)
{
	if (!cpumask_andnot(cpus, requested, not_these))
		cpumask_copy(cpus, requested);
}

/* Unbound items may run on @cpus from now on, or nothing is changed. */
static int set_effective(const struct cpumask *cpus)
{
	struct cmwq_workqueue *wq;
	LIST_HEAD(changes);
	int err;

	lockdep_assert_held(&cmwq_attrs_mutex);
	mutex_lock(&cmwq_wq_mutex);
	cpumask_or(effective, effective, cpus);	/* workers of new pools look */
	err = prepare_all(cpus, false, &changes);
	cpumask_copy(effective, err ? &settled : cpus);
	if (!err) {
		cpumask_copy(&settled, cpus);
		cmwq_routes_change(&changes);
		list_for_each_entry(wq, &cmwq_workqueues, node)
			cmwq_rescuer_resettle(wq);
	}
	mutex_unlock(&cmwq_wq_mutex);
	return err;
}

int cmwq_workqueue_set_unbound_cpumask(const struct cpumask *cpumask)
{
	static struct cpumask cpus;		/* T */
	int err;

	might_sleep();
	if (!cpumask || !cpumask_intersects(cpumask, cpu_possible_mask)) {
		cmwq_report("cmwq_workqueue_set_unbound_cpumask",
			    __builtin_return_address(0), -EINVAL,
			    "no possible CPU is in the mask");
		return -EINVAL;
	}
	mutex_lock(&cmwq_attrs_mutex);
	cpumask_and(&cpus, cpumask, cpu_possible_mask);
	err = set_effective(&cpus);
	if (!err)
		cpumask_copy(requested, &cpus);
	mutex_unlock(&cmwq_attrs_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_set_unbound_cpumask);

/* The CPUs of @mask, or all but those, are out of bounds from now on. */
static int exclude_cpus(const struct cpumask *mask, bool all_but)
{
	static struct cpumask out, cpus;	/* T */
	int err;

	mutex_lock(&cmwq_attrs_mutex);
	if (all_but)
		cpumask_andnot(&out, cpu_possible_mask, mask);
	else
		cpumask_and(&out, cpu_possible_mask, mask);
	get_effective(&cpus, &out);
	err = set_effective(&cpus);
	if (!err) {
		cpumask_copy(excluded, &out);
		cmwq_own_threads_place();
	}
	mutex_unlock(&cmwq_attrs_mutex);
	return err;
}

int cmwq_workqueue_unbound_exclude_cpumask(const struct cpumask *exclude)
{
	might_sleep();
	if (!exclude) {
		cmwq_report("cmwq_workqueue_unbound_exclude_cpumask",
			    __builtin_return_address(0), -EINVAL,
			    "the mask is NULL");
		return -EINVAL;
	}
	return exclude_cpus(exclude, false);
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_unbound_exclude_cpumask);

int cmwq_workqueue_unbound_housekeeping_update(const struct cpumask *hk)
{
	might_sleep();
	if (!hk || !cpumask_intersects(hk, cpu_possible_mask)) {
		cmwq_report("cmwq_workqueue_unbound_housekeeping_update",
			    __builtin_return_address(0), -EINVAL,
			    "no possible CPU is in the mask");
		return -EINVAL;
	}
	return exclude_cpus(hk, true);
}
EXPORT_SYMBOL_GPL(cmwq_workqueue_unbound_housekeeping_update);

/**
 * cmwq_go_where_unbound - let the calling thread run where unbound items may
 *
 * Context: process context, sleeps; no lock is needed.  Whoever changes the
 * mask has those threads that stay there do it once more.
 */
void cmwq_go_where_unbound(void)
{
	if (!cpumask_equal(current->cpus_ptr, &settled) &&
	    cpumask_intersects(&settled, cpu_active_mask))
		set_cpus_allowed_ptr(current, &settled);
}

/**
 * cmwq_unbound_cpumask_get - the masks, for the views
 * @effective_cpus:	where unbound items may run; NULL if of no interest
 * @requested_cpus:	asked for last; or NULL
 * @isolated_cpus:	excluded; or NULL
 */
void cmwq_unbound_cpumask_get(struct cpumask *effective_cpus,
			      struct cpumask *requested_cpus,
			      struct cpumask *isolated_cpus)
{
	mutex_lock(&cmwq_attrs_mutex);
	if (effective_cpus)
		cpumask_copy(effective_cpus, effective);
	if (requested_cpus)
		cpumask_copy(requested_cpus, requested);
	if (isolated_cpus)
		cpumask_copy(isolated_cpus, excluded);
	mutex_unlock(&cmwq_attrs_mutex);
}

/* CPUs come and go */

static void rescan(struct work_struct *work)
{
	struct cmwq_workqueue *wq;

	cpus_read_lock();
	mutex_lock(&cmwq_attrs_mutex);
	cmwq_own_threads_place();
	if (cmwq_affinity_update())
		regroup(true);
	mutex_lock(&cmwq_wq_mutex);
	list_for_each_entry(wq, &cmwq_workqueues, node) {
		cmwq_rescuer_resettle(wq);	/* perhaps it can go home now */
		if (!(wq->flags & CMWQ_UNBOUND))
			continue;
		mutex_lock(&wq->mutex);
		cmwq_shares_update(wq);
		mutex_unlock(&wq->mutex);
	}
	mutex_unlock(&cmwq_wq_mutex);
	mutex_unlock(&cmwq_attrs_mutex);
	cpus_read_unlock();
}

static DECLARE_WORK(rescan_work, rescan);

/**
 * cmwq_cpus_changed - a CPU has come up or is going down
 *
 * Context: any but NMI.  The shares of max_active follow later, and the pods of
 * a new CPU.
 */
void cmwq_cpus_changed(void)
{
	queue_work(system_long_wq, &rescan_work);
}

static int set_default_scope(const char *val, const struct kernel_param *kp)
{
	int scope = cmwq_scope_by_name(val), was, err;

	if (scope <= CMWQ_AFFN_DFL) {
		pr_err("%s=%s is unknown (errno %d): use cpu, smt, cache, cache_shard, numa or system\n",
		       kp->name, val, -EINVAL);
		return -EINVAL;
	}
	mutex_lock(&cmwq_attrs_mutex);
	was = cmwq_default_scope;
	WRITE_ONCE(cmwq_default_scope, scope);
	err = regroup(false);		/* none yet while the module loads */
	if (err)
		WRITE_ONCE(cmwq_default_scope, was);
	mutex_unlock(&cmwq_attrs_mutex);
	return err;
}

static int get_default_scope(char *buffer, const struct kernel_param *kp)
{
	return sprintf(buffer, "%s\n", cmwq_scope_name(cmwq_default_scope));
}

static const struct kernel_param_ops default_scope_ops = {
	.set = set_default_scope,
	.get = get_default_scope,
};

module_param_cb(default_affinity_scope, &default_scope_ops, NULL, 0644);
MODULE_PARM_DESC(default_affinity_scope, "which CPUs share a pool of an unbound queue: cpu, smt, cache, cache_shard (default), numa, system");

module_param_named(cache_shard_size, cmwq_cache_shard_size, uint, 0444);
MODULE_PARM_DESC(cache_shard_size, "cores of a cache_shard pod at most, 1.. (default 8)");

static int first_masks(void)
{
	if (unbound_cpus && (cpulist_parse(unbound_cpus, requested) ||
			     !cpumask_and(requested, requested,
					  cpu_possible_mask))) {
		pr_err("unbound_cpus=%s is no list of possible CPUs (errno %d): give one like 0-3,8\n",
		       unbound_cpus, -EINVAL);
		return -EINVAL;
	}
	if (!unbound_cpus)
		cpumask_copy(requested, cpu_possible_mask);
	cmwq_housekeeping_cpus(effective);
	cpumask_andnot(excluded, cpu_possible_mask, effective);
	get_effective(effective, excluded);
	cpumask_copy(&settled, effective);
	return 0;
}

int cmwq_attrs_init(void)
{
	int err = -ENOMEM;

	if (!cmwq_cache_shard_size || cmwq_cache_shard_size > MAX_SHARD_SIZE) {
		pr_err("cache_shard_size=%u is out of range (errno %d): give a number from 1 to %d\n",
		       cmwq_cache_shard_size, -EINVAL, MAX_SHARD_SIZE);
		return -EINVAL;
	}
	if (!alloc_cpumask_var(&requested, GFP_KERNEL))
		return err;
	if (!alloc_cpumask_var(&excluded, GFP_KERNEL))
		goto free_requested;
	if (!alloc_cpumask_var(&effective, GFP_KERNEL))
		goto free_excluded;
	err = first_masks();
	if (!err)
		err = cmwq_affinity_init();
	if (!err) {
		mutex_lock(&cmwq_attrs_mutex);
		cmwq_own_threads_place();
		mutex_unlock(&cmwq_attrs_mutex);
		return 0;
	}

	free_cpumask_var(effective);
free_excluded:
	free_cpumask_var(excluded);
free_requested:
	free_cpumask_var(requested);
	return err;
}

/* No queues, no hotplug callbacks any more. */
void cmwq_attrs_exit(void)
{
	cancel_work_sync(&rescan_work);
	cmwq_affinity_exit();
	free_cpumask_var(effective);
	free_cpumask_var(excluded);
	free_cpumask_var(requested);
}
