// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of a queue: nice, policies, credentials, as the items see them;
 * what is refused, and to whom.  Where items run: cmwq_test_where.c.  What
 * happens to those on their way: cmwq_test_change.c.
 *
 * The log lines are checked by tests/test-attrs.sh.
 */
#include <linux/cred.h>
#include <linux/user_namespace.h>
#include <uapi/linux/sched/types.h>

#include "engine.h"
#include "cmwq_test.h"
#include "cmwq_test_probe.h"

static bool power_efficient;
module_param(power_efficient, bool, 0444);
MODULE_PARM_DESC(power_efficient, "what cmwq was loaded with");

/* The attributes of @wq, to be changed; a failure is reported. */
static struct cmwq_attrs *attrs_of(struct cmwq_workqueue *wq)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();

	if (!EXPECT(attrs))
		return NULL;
	EXPECT_EQ(cmwq_get_workqueue_attrs(wq, attrs), 0);
	return attrs;
}

/* Give @wq these; for all else see attrs_of(). */
static int set_sched(struct cmwq_workqueue *wq, int nice, unsigned int policy,
		     int priority)
{
	struct cmwq_attrs *attrs = attrs_of(wq);
	int err;

	if (!attrs)
		return -ENOMEM;
	attrs->nice = nice;
	attrs->policy = policy;
	attrs->priority = priority;
	err = cmwq_apply_workqueue_attrs(wq, attrs);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

static int set_nice(struct cmwq_workqueue *wq, int nice)
{
	return set_sched(wq, nice, SCHED_NORMAL, 0);
}

static int set_cred(struct cmwq_workqueue *wq, const struct cred *cred)
{
	struct cmwq_attrs *attrs = attrs_of(wq);
	int err;

	if (!attrs)
		return -ENOMEM;
	attrs->cred = cred;
	err = cmwq_apply_workqueue_attrs(wq, attrs);
	cmwq_free_workqueue_attrs(attrs);
	return err;
}

/* Run @p once on @cpu and wait until it is over. */
static bool run_on(int cpu, struct cmwq_workqueue *wq, struct probe *p)
{
	if (!EXPECT(cmwq_queue_work_on(cpu, wq, &p->work)) || !WAIT(&p->done))
		return false;
	cmwq_flush_work(&p->work);
	return true;
}

static void defaults(void)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	struct cmwq_workqueue *wq;

	if (!EXPECT(attrs))
		return;
	EXPECT_EQ(attrs->nice, 0);
	EXPECT_EQ(attrs->policy, SCHED_NORMAL);
	EXPECT_EQ(attrs->priority, 0);
	EXPECT(cpumask_equal(attrs->cpumask, cpu_possible_mask));
	EXPECT_EQ(attrs->affn_scope, CMWQ_AFFN_DFL);
	EXPECT(!attrs->affn_strict);
	EXPECT(!attrs->ordered);
	EXPECT(!attrs->cred);

	/* They are those of a new unbound queue, and may be applied to it. */
	wq = cmwq_alloc_workqueue("t_dfl", CMWQ_UNBOUND, 0);
	EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, attrs), 0);
	attrs->nice = 3;
	attrs->ordered = true;
	cpumask_clear(attrs->cpumask);
	EXPECT_EQ(cmwq_get_workqueue_attrs(wq, attrs), 0);
	EXPECT_EQ(attrs->nice, 0);
	EXPECT(cpumask_equal(attrs->cpumask, cpu_possible_mask));
	EXPECT_EQ(attrs->affn_scope, CMWQ_AFFN_DFL);
	EXPECT(!attrs->ordered);
	test_destroy(wq);

	wq = cmwq_alloc_ordered_workqueue("t_ordered", 0);
	EXPECT_EQ(cmwq_get_workqueue_attrs(wq, attrs), 0);
	EXPECT(attrs->ordered);
	test_destroy(wq);

	wq = cmwq_alloc_workqueue("t_high", CMWQ_PERCPU | CMWQ_HIGHPRI, 0);
	EXPECT_EQ(cmwq_get_workqueue_attrs(wq, attrs), 0);
	EXPECT_EQ(attrs->nice, MIN_NICE);
	EXPECT(!attrs->ordered);
	test_destroy(wq);

	cmwq_free_workqueue_attrs(attrs);
	cmwq_free_workqueue_attrs(NULL);
}

/* The attributes are copied: what becomes of the caller's does not matter. */
static void attrs_are_copied(void)
{
	struct cmwq_workqueue *wq =
		cmwq_alloc_workqueue("t_copied", CMWQ_UNBOUND, 0);
	struct cmwq_attrs *attrs = attrs_of(wq);
	struct probe *p = probes(1);

	attrs->nice = 7;
	cpumask_copy(attrs->cpumask, cpumask_of(0));
	EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, attrs), 0);
	attrs->nice = 11;
	cpumask_clear(attrs->cpumask);
	cmwq_free_workqueue_attrs(attrs);
	if (!run_on(num_online_cpus() - 1, wq, p))
		return;
	EXPECT_EQ(p->nice, 7);
	EXPECT_EQ(p->cpu, 0);
	attrs = attrs_of(wq);
	EXPECT_EQ(attrs->nice, 7);
	EXPECT(cpumask_equal(attrs->cpumask, cpumask_of(0)));
	cmwq_free_workqueue_attrs(attrs);
	test_destroy(wq);
	probes_free(p);
}

/* nice */

static void check_nice(unsigned int flags)
{
	static const int nices[] = { 5, MIN_NICE, -1, 1, MAX_NICE, 0 };
	struct cmwq_workqueue *wq = flags & __CMWQ_ORDERED ?
		cmwq_alloc_ordered_workqueue("t_nice", 0) :
		cmwq_alloc_workqueue("t_nice", flags, 0);
	struct probe *p = probes(1);
	struct cmwq_attrs *attrs;
	int cpu, i;

	for (i = 0; i < ARRAY_SIZE(nices); i++) {
		EXPECT_EQ(set_nice(wq, nices[i]), 0);
		attrs = attrs_of(wq);
		EXPECT_EQ(attrs->nice, nices[i]);
		cmwq_free_workqueue_attrs(attrs);
		for_each_online_cpu(cpu) {
			if (!run_on(cpu, wq, p))
				return;
			EXPECT_EQ(p->nice, nices[i]);
			EXPECT_EQ(p->policy, SCHED_NORMAL);
			if (flags & CMWQ_PERCPU)
				EXPECT_EQ(p->cpu, cpu);
		}
	}
	test_destroy(wq);
	probes_free(p);
}

static void nice_percpu(void)
{
	check_nice(CMWQ_PERCPU);
}

static void nice_percpu_highpri(void)
{
	check_nice(CMWQ_PERCPU | CMWQ_HIGHPRI);
}

static void nice_unbound(void)
{
	check_nice(CMWQ_UNBOUND);
}

static void nice_ordered(void)
{
	check_nice(CMWQ_UNBOUND | __CMWQ_ORDERED);
}

/*
 * An item that burns until it is told to block.  While it burns it holds back
 * all others of a per-CPU pool.
 */
static struct burner {
	struct cmwq_work work;
	int cpu;
	atomic_t stop;
	bool gave_up;
	struct completion started, gate, done;
} *burner;

static void burner_fn(struct cmwq_work *work)
{
	unsigned long end = jiffies + test_timeout() / 2;

	burner->cpu = raw_smp_processor_id();
	complete(&burner->started);
	while (!atomic_read(&burner->stop) && !burner->gave_up) {
		cpu_relax();
		cond_resched();
		burner->gave_up = time_after(jiffies, end);
	}
	test_gate(&burner->gate);
	complete(&burner->done);
}

static bool burner_start(int cpu, struct cmwq_workqueue *wq)
{
	burner = kzalloc(sizeof(*burner), GFP_KERNEL);
	CMWQ_INIT_WORK(&burner->work, burner_fn);
	init_completion(&burner->started);
	init_completion(&burner->gate);
	init_completion(&burner->done);
	return EXPECT(cmwq_queue_work_on(cpu, wq, &burner->work)) &&
	       WAIT(&burner->started);
}

static bool burner_end(void)
{
	atomic_set(&burner->stop, 1);
	complete(&burner->gate);
	if (!WAIT(&burner->done))
		return false;
	cmwq_flush_work(&burner->work);
	EXPECT(!burner->gave_up);
	kfree(burner);
	return true;
}

/* The last CPU is the one that is kept busy: the case runs on the first. */
static int busy_cpu(void)
{
	set_cpus_allowed_ptr(current, cpumask_of(cpumask_first(cpu_online_mask)));
	return cpumask_last(cpu_online_mask);
}

static void busy_cpu_end(void)
{
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/*
 * @held, queued behind a burning item of @wq, starts when that blocks and not
 * before; @free (if any) does not wait for it.
 */
static bool check_managed(struct cmwq_workqueue *wq,
			  struct cmwq_workqueue *held,
			  struct cmwq_workqueue *free)
{
	struct probe *p = probes(2);
	int cpu = busy_cpu();
	bool ok = false;

	if (!burner_start(cpu, wq))
		goto out;
	EXPECT_EQ(burner->cpu, cpu);
	EXPECT(cmwq_queue_work_on(cpu, held, &p[0].work));
	if (free) {
		EXPECT(cmwq_queue_work_on(cpu, free, &p[1].work));
		if (!WAIT(&p[1].done))
			goto out;
		EXPECT_EQ(p[1].cpu, cpu);
	} else {
		msleep(100);
	}
	EXPECT_EQ(RUNS(&p[0]), 0);
	EXPECT(!completion_done(&burner->done));
	atomic_set(&burner->stop, 1);
	if (!WAIT(&p[0].done))
		goto out;
	EXPECT_EQ(p[0].cpu, cpu);
	EXPECT(!completion_done(&burner->done));
	cmwq_flush_work(&p[0].work);
	cmwq_flush_work(&p[1].work);
	ok = burner_end();
	probes_free(p);
out:
	busy_cpu_end();
	return ok;
}

/* Per-CPU with another nice: still one at a time, in a pool of its own. */
static void nice_is_managed(void)
{
	struct cmwq_workqueue *wq[3];
	int i;

	for (i = 0; i < 3; i++)
		wq[i] = cmwq_alloc_workqueue("t_managed%d", CMWQ_PERCPU, 0, i);
	EXPECT_EQ(set_nice(wq[0], 5), 0);
	EXPECT_EQ(set_nice(wq[1], 5), 0);
	if (!check_managed(wq[0], wq[0], NULL) ||
	    !check_managed(wq[0], wq[1], wq[2]))	/* equal ones share */
		return;
	EXPECT_EQ(set_nice(wq[1], 0), 0);
	if (!check_managed(wq[2], wq[1], wq[0]))
		return;
	for (i = 0; i < 3; i++)
		test_destroy(wq[i]);
}

/* Have @wq's pool on @cpu make workers: later it may find no time for that. */
static bool warm(int cpu, struct cmwq_workqueue *wq)
{
	enum { N = 3 };
	struct probe *p = probes(N);
	int i;

	for (i = 0; i < N; i++) {
		p[i].gated = true;
		EXPECT(cmwq_queue_work_on(cpu, wq, &p[i].work));
	}
	if (!WAIT_FOR(atomic_read(&in_flight) == N))
		return false;
	for (i = 0; i < N; i++)
		open_gate(&p[i]);
	cmwq_flush_workqueue(wq);
	probes_free(p);
	return true;
}

/* Real-time policies */

static const struct rt {
	unsigned int policy;
	int priority;
	bool any_kernel;
} rts[] = {
	{ SCHED_FIFO, 1, true },
	{ SCHED_FIFO, MAX_RT_PRIO / 2, true },
	{ SCHED_FIFO, 2 },
	{ SCHED_FIFO, 99 },
	{ SCHED_RR, 1 },
	{ SCHED_RR, 99 },
};

static bool rt_refused(const struct rt *rt, int err)
{
	return LINUX_VERSION_CODE < KERNEL_VERSION(5, 16, 0) &&
	       !rt->any_kernel && EXPECT_EQ(err, -EOPNOTSUPP);
}

static void check_rt(unsigned int flags)
{
	struct cmwq_workqueue *wq = cmwq_alloc_workqueue("t_rt", flags, 0);
	struct probe *p = probes(1);
	struct cmwq_attrs *attrs;
	int i, cpu, err;

	for (i = 0; i < ARRAY_SIZE(rts); i++) {
		err = set_sched(wq, 0, rts[i].policy, rts[i].priority);
		if (rt_refused(&rts[i], err))
			continue;
		EXPECT_EQ(err, 0);
		attrs = attrs_of(wq);
		EXPECT_EQ(attrs->policy, rts[i].policy);
		EXPECT_EQ(attrs->priority, rts[i].priority);
		cmwq_free_workqueue_attrs(attrs);
		for_each_online_cpu(cpu) {
			if (!run_on(cpu, wq, p))
				return;
			EXPECT_EQ(p->policy, rts[i].policy);
			EXPECT_EQ(p->rt_priority, rts[i].priority);
			if (flags & CMWQ_PERCPU)
				EXPECT_EQ(p->cpu, cpu);
		}
	}
	EXPECT_EQ(set_nice(wq, 4), 0);
	if (!run_on(0, wq, p))
		return;
	EXPECT_EQ(p->policy, SCHED_NORMAL);
	EXPECT_EQ(p->rt_priority, 0);
	EXPECT_EQ(p->nice, 4);
	test_destroy(wq);
	probes_free(p);
}

static void realtime_percpu(void)
{
	check_rt(CMWQ_PERCPU);
}

static void realtime_unbound(void)
{
	check_rt(CMWQ_UNBOUND);
}

static void realtime_is_managed(void)
{
	struct cmwq_workqueue *wq[2];
	int i;

	for (i = 0; i < 2; i++) {
		wq[i] = cmwq_alloc_workqueue("t_rt%d", CMWQ_PERCPU, 0, i);
		EXPECT_EQ(set_sched(wq[i], 0, SCHED_FIFO, 1), 0);
	}
	if (!check_managed(wq[0], wq[0], NULL) ||
	    !check_managed(wq[0], wq[1], NULL))
		return;
	/* A higher priority is a pool of its own, which does not wait. */
	EXPECT_EQ(set_sched(wq[1], 0, SCHED_FIFO, MAX_RT_PRIO / 2), 0);
	if (!warm(cpumask_last(cpu_online_mask), wq[1]) ||
	    !check_managed(wq[0], wq[0], wq[1]))
		return;
	for (i = 0; i < 2; i++)
		test_destroy(wq[i]);
}

/* Many sleep at once: the pools of odd attributes make workers as others do. */
static void check_all_asleep(unsigned int flags, int nice, unsigned int policy,
			     int priority)
{
	enum { N = 40 };
	struct cmwq_workqueue *wq = cmwq_alloc_workqueue("t_asleep", flags, 0);
	struct probe *p = probes(N);
	int i;

	EXPECT_EQ(set_sched(wq, nice, policy, priority), 0);
	for (i = 0; i < N; i++) {
		p[i].gated = true;
		EXPECT(cmwq_queue_work_on(0, wq, &p[i].work));
	}
	if (!WAIT_FOR(atomic_read(&in_flight) == N))
		return;
	for (i = 0; i < N; i++) {
		EXPECT_EQ(p[i].policy, policy);
		if (policy == SCHED_NORMAL)
			EXPECT_EQ(p[i].nice, nice);
		else
			EXPECT_EQ(p[i].rt_priority, priority);
		if (flags & CMWQ_PERCPU)
			EXPECT_EQ(p[i].cpu, 0);
		open_gate(&p[i]);
	}
	for (i = 0; i < N; i++)
		if (!WAIT(&p[i].done))
			return;
	cmwq_flush_workqueue(wq);
	test_destroy(wq);
	probes_free(p);
}

static void forty_asleep(void)
{
	check_all_asleep(CMWQ_PERCPU, 10, SCHED_NORMAL, 0);
	check_all_asleep(CMWQ_PERCPU, 0, SCHED_FIFO, 1);
	check_all_asleep(CMWQ_UNBOUND, -10, SCHED_NORMAL, 0);
	check_all_asleep(CMWQ_UNBOUND, 0, SCHED_FIFO, 1);
}

/* Credentials */

struct cred_probe {
	struct cmwq_work work;
	struct completion done;
	const struct cred *cred, *workers;	/* in use, the worker's own */
	uid_t fsuid;
	pid_t pid;
	const struct cred *leak;	/* override with it, and forget that */
};

static void cred_fn(struct cmwq_work *work)
{
	struct cred_probe *c = container_of(work, struct cred_probe, work);

	c->cred = current_cred();
	c->workers = current_real_cred();
	c->fsuid = from_kuid(&init_user_ns, current_fsuid());
	c->pid = current->pid;
	if (c->leak)
		override_creds(c->leak);
	complete(&c->done);
}

static struct cred_probe *cred_probes(int n)
{
	struct cred_probe *c = kcalloc(n, sizeof(*c), GFP_KERNEL);
	int i;

	for (i = 0; c && i < n; i++) {
		CMWQ_INIT_WORK(&c[i].work, cred_fn);
		init_completion(&c[i].done);
	}
	return c;
}

static bool cred_run(struct cmwq_workqueue *wq, struct cred_probe *c)
{
	if (!EXPECT(cmwq_queue_work_on(0, wq, &c->work)) || !WAIT(&c->done))
		return false;
	cmwq_flush_work(&c->work);
	return true;
}

static long cred_refs(const struct cred *cred)
{
	return atomic_long_read(&cred->usage);
}

static struct cred *other_cred(uid_t fsuid)
{
	struct cred *cred = prepare_creds();

	if (EXPECT(cred))
		cred->fsuid = make_kuid(&init_user_ns, fsuid);
	return cred;
}

static void check_creds(unsigned int flags)
{
	struct cmwq_workqueue *with = cmwq_alloc_workqueue("t_cred", flags, 0);
	struct cmwq_workqueue *without =
		cmwq_alloc_workqueue("t_no_cred", flags, 0);
	struct cred *cred = other_cred(4321), *second = other_cred(1234);
	const long before = cred_refs(cred);
	struct cred_probe *c = cred_probes(2);
	struct cmwq_attrs *attrs;
	int i, same = 0;

	if (!cred_run(without, &c[1]))
		return;
	EXPECT_EQ(c[1].fsuid, 0);

	EXPECT_EQ(set_cred(with, cred), 0);
	EXPECT_OP(cred_refs(cred), >, before);
	attrs = attrs_of(with);
	EXPECT(attrs->cred == cred);
	cmwq_free_workqueue_attrs(attrs);
	/* They share a pool, and now and then a worker. */
	for (i = 0; i < 50; i++) {
		if (!cred_run(with, &c[0]) || !cred_run(without, &c[1]))
			return;
		EXPECT_EQ(c[0].fsuid, 4321);
		EXPECT(c[0].cred == cred);
		EXPECT_EQ(c[1].fsuid, 0);
		EXPECT(c[1].cred == c[1].workers);
		same += c[0].pid == c[1].pid;
	}
	EXPECT_OP(same, >, 0);

	/* Others instead, and the caller's own reference gone. */
	EXPECT_EQ(set_cred(with, second), 0);
	put_cred(second);
	if (!cred_run(with, &c[0]))
		return;
	EXPECT_EQ(c[0].fsuid, 1234);
	WAIT_FOR(cred_refs(cred) == before);

	/* None instead. */
	EXPECT_EQ(set_cred(with, cred), 0);
	EXPECT_EQ(set_cred(with, NULL), 0);
	if (!cred_run(with, &c[0]))
		return;
	EXPECT_EQ(c[0].fsuid, 0);
	EXPECT(c[0].cred == c[0].workers);
	WAIT_FOR(cred_refs(cred) == before);

	EXPECT_EQ(set_cred(with, cred), 0);
	test_destroy(with);
	test_destroy(without);
	WAIT_FOR(cred_refs(cred) == before);
	put_cred(cred);
	if (test_may_free())
		kfree(c);
}

static void credentials_percpu(void)
{
	check_creds(CMWQ_PERCPU);
}

static void credentials_unbound(void)
{
	check_creds(CMWQ_UNBOUND);
}

/* An item that changes its credentials and forgets it; with and without. */
static void credentials_leaked(void)
{
	struct cmwq_workqueue *with =
		cmwq_alloc_workqueue("t_leak_with", CMWQ_PERCPU, 0);
	struct cmwq_workqueue *without =
		cmwq_alloc_workqueue("t_leak", CMWQ_PERCPU, 0);
	struct cred *cred = other_cred(4321), *leak = other_cred(666);
	const long before = cred_refs(cred), leak_before = cred_refs(leak);
	struct cred_probe *c = cred_probes(3);
	int i, same = 0;

	EXPECT_EQ(set_cred(with, cred), 0);
	c[0].leak = leak;
	for (i = 0; i < 20; i++) {
		if (!cred_run(i & 1 ? with : without, &c[0]) ||
		    !cred_run(without, &c[1]) || !cred_run(with, &c[2]))
			return;
		EXPECT_EQ(c[1].fsuid, 0);
		EXPECT_EQ(c[2].fsuid, 4321);
		same += c[0].pid == c[1].pid;
	}
	EXPECT_OP(same, >, 0);
	test_destroy(with);
	test_destroy(without);
	WAIT_FOR(cred_refs(cred) == before);
	WAIT_FOR(cred_refs(leak) == leak_before);
	put_cred(cred);
	put_cred(leak);
	if (test_may_free())
		kfree(c);
}

/* What is refused */

static struct cmwq_workqueue *ref_wq;
static struct probe *ref_probe;

/* Of a refused change nothing remains: @ref_wq is as it was, at nice 2. */
static void still_as_before(int line)
{
	struct cmwq_attrs *attrs = attrs_of(ref_wq);
	struct cmwq_attrs *dfl = cmwq_alloc_workqueue_attrs();

	if (attrs->nice != 2 || attrs->policy != SCHED_NORMAL ||
	    attrs->priority || attrs->cred || attrs->affn_strict ||
	    attrs->affn_scope != CMWQ_AFFN_DFL ||
	    !cpumask_equal(attrs->cpumask, dfl->cpumask))
		FAIL("the refused change of line %d has changed something",
		     line);
	if (run_on(0, ref_wq, ref_probe) && ref_probe->nice != 2)
		FAIL("after that of line %d an item has nice %d", line,
		     ref_probe->nice);
	cmwq_free_workqueue_attrs(attrs);
	cmwq_free_workqueue_attrs(dfl);
}

/* Apply the attributes of @ref_wq after @change; expect @err. */
#define REFUSED(err, change)						\
do {									\
	struct cmwq_attrs *a = attrs_of(ref_wq);			\
									\
	change;								\
	EXPECT_EQ(cmwq_apply_workqueue_attrs(ref_wq, a), err);		\
	cmwq_free_workqueue_attrs(a);					\
	still_as_before(__LINE__);					\
} while (0)

static void ref_begin(unsigned int flags)
{
	ref_wq = flags & __CMWQ_ORDERED ?
		cmwq_alloc_ordered_workqueue("t_refuse", 0) :
		cmwq_alloc_workqueue("t_refuse", flags, 0);
	ref_probe = probes(1);
	EXPECT_EQ(set_nice(ref_wq, 2), 0);
}

static void ref_end(void)
{
	test_destroy(ref_wq);
	probes_free(ref_probe);
}

/* What no queue can have. */
static void refuse_always(void)
{
	REFUSED(-EINVAL, a->nice = MIN_NICE - 1);
	REFUSED(-EINVAL, a->nice = MAX_NICE + 1);
	REFUSED(-EINVAL, a->policy = 7);
	REFUSED(-EINVAL, a->policy = SCHED_BATCH);
	REFUSED(-EINVAL, a->policy = SCHED_IDLE);
	REFUSED(-EINVAL, a->policy = SCHED_DEADLINE);
	REFUSED(-EINVAL, a->policy = UINT_MAX);
	REFUSED(-EINVAL, a->priority = 1);
	REFUSED(-EINVAL, a->nice = 0; a->policy = SCHED_FIFO);
	REFUSED(-EINVAL, a->nice = 0; a->policy = SCHED_FIFO; a->priority = -1);
	REFUSED(-EINVAL, a->nice = 0; a->policy = SCHED_FIFO; a->priority = 100);
	REFUSED(-EINVAL, a->nice = 0; a->policy = SCHED_RR; a->priority = 0);
	REFUSED(-EINVAL, a->nice = 0; a->policy = SCHED_RR; a->priority = 100);
	/* nice is 2 */
	REFUSED(-EINVAL, a->policy = SCHED_FIFO; a->priority = 1);
	REFUSED(-EINVAL, a->nice = -2; a->policy = SCHED_RR; a->priority = 1);
	REFUSED(-EINVAL, a->ordered = !a->ordered);
	REFUSED(-EINVAL, cpumask_clear(a->cpumask));
	REFUSED(-EINVAL, a->affn_scope = CMWQ_AFFN_NR_TYPES);
	REFUSED(-EINVAL, a->affn_scope = -1);
}

static void refused_unbound(void)
{
	ref_begin(CMWQ_UNBOUND);
	refuse_always();
	ref_end();
}

static void refused_ordered(void)
{
	ref_begin(CMWQ_UNBOUND | __CMWQ_ORDERED);
	refuse_always();
	ref_end();
}

/* A per-CPU queue has a place already. */
static void refused_percpu(void)
{
	ref_begin(CMWQ_PERCPU);
	refuse_always();
	REFUSED(-EINVAL, cpumask_copy(a->cpumask, cpumask_of(0)));
	REFUSED(-EINVAL, a->affn_scope = CMWQ_AFFN_CPU);
	REFUSED(-EINVAL, a->affn_scope = CMWQ_AFFN_SYSTEM);
	REFUSED(-EINVAL, a->affn_strict = true);
	ref_end();
}

static void refused_queues(void)
{
	struct cmwq_attrs *attrs = cmwq_alloc_workqueue_attrs();
	struct cmwq_workqueue *wq =
		cmwq_alloc_workqueue("t_refuse_null", CMWQ_UNBOUND, 0);

	EXPECT_EQ(cmwq_apply_workqueue_attrs(NULL, attrs), -EINVAL);
	EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, NULL), -EINVAL);
	EXPECT_EQ(cmwq_apply_workqueue_attrs(NULL, NULL), -EINVAL);
	EXPECT_EQ(cmwq_get_workqueue_attrs(NULL, attrs), -EINVAL);
	EXPECT_EQ(cmwq_get_workqueue_attrs(wq, NULL), -EINVAL);
	EXPECT_EQ(cmwq_workqueue_set_unbound_cpumask(NULL), -EINVAL);
	EXPECT_EQ(cmwq_workqueue_unbound_exclude_cpumask(NULL), -EINVAL);
	EXPECT_EQ(cmwq_workqueue_unbound_housekeeping_update(NULL), -EINVAL);
	EXPECT_EQ(cmwq_workqueue_set_unbound_cpumask(cpu_none_mask), -EINVAL);
	cmwq_workqueue_set_min_active(NULL, 1);
	test_destroy(wq);
	EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, attrs), -EINVAL);
	EXPECT_EQ(cmwq_get_workqueue_attrs(wq, attrs), -EINVAL);
	cmwq_workqueue_set_min_active(wq, 1);

	wq = cmwq_alloc_workqueue("t_refuse_bh", CMWQ_BH | CMWQ_PERCPU, 0);
	EXPECT_EQ(cmwq_apply_workqueue_attrs(wq, attrs), -EINVAL);
	test_destroy(wq);
	wq = cmwq_alloc_workqueue("t_refuse_percpu", CMWQ_PERCPU, 0);
	cmwq_workqueue_set_min_active(wq, 1);
	test_destroy(wq);
	wq = cmwq_alloc_ordered_workqueue("t_refuse_ordered", 0);
	cmwq_workqueue_set_min_active(wq, 1);
	test_destroy(wq);
	wq = cmwq_alloc_workqueue("t_min", CMWQ_UNBOUND, 5);
	cmwq_workqueue_set_min_active(wq, 0);
	cmwq_workqueue_set_min_active(wq, -1);
	cmwq_workqueue_set_min_active(wq, 6);
	cmwq_workqueue_set_min_active(wq, 5);
	test_destroy(wq);
	cmwq_free_workqueue_attrs(attrs);
}

/*
 * Who may not.  In the task that loads the module, which has all capabilities
 * until they are taken away here; a kernel thread may do everything.
 */
static const struct cred *lose_caps(struct cred **mine, int keep, int keep_too)
{
	*mine = prepare_creds();
	cap_clear((*mine)->cap_effective);
	if (keep >= 0)
		cap_raise((*mine)->cap_effective, keep);
	if (keep_too >= 0)
		cap_raise((*mine)->cap_effective, keep_too);
	return override_creds(*mine);
}

static void regain_caps(const struct cred *old, struct cred *mine)
{
	revert_creds(old);
	put_cred(mine);
}

static void unprivileged(void)
{
	struct cred *mine, *other = other_cred(4321);
	const struct cred *old;

	EXPECT(!(current->flags & PF_KTHREAD));
	ref_begin(CMWQ_UNBOUND);

	old = lose_caps(&mine, -1, -1);
	REFUSED(-EPERM, a->nice = -1);
	REFUSED(-EPERM, a->nice = MIN_NICE);
	REFUSED(-EPERM, a->nice = 0; a->policy = SCHED_FIFO; a->priority = 1);
	REFUSED(-EPERM, a->nice = 0; a->policy = SCHED_RR; a->priority = 1);
	REFUSED(-EPERM, a->cred = other);
	/* A bad value stays one. */
	REFUSED(-EINVAL, a->nice = MAX_NICE + 1);
	/* Allowed to everybody. */
	EXPECT_EQ(set_nice(ref_wq, 5), 0);
	EXPECT_EQ(set_cred(ref_wq, current_cred()), 0);
	EXPECT_EQ(set_nice(ref_wq, 2), 0);
	regain_caps(old, mine);
	EXPECT_EQ(set_cred(ref_wq, NULL), 0);

	old = lose_caps(&mine, CAP_SYS_NICE, -1);
	REFUSED(-EPERM, a->cred = other);
	EXPECT_EQ(set_nice(ref_wq, -5), 0);
	EXPECT_EQ(set_sched(ref_wq, 0, SCHED_FIFO, 1), 0);
	EXPECT_EQ(set_nice(ref_wq, 2), 0);
	regain_caps(old, mine);

	old = lose_caps(&mine, CAP_SETUID, -1);
	REFUSED(-EPERM, a->cred = other);
	regain_caps(old, mine);
	old = lose_caps(&mine, CAP_SETGID, -1);
	REFUSED(-EPERM, a->cred = other);
	regain_caps(old, mine);
	old = lose_caps(&mine, CAP_SETUID, CAP_SETGID);
	REFUSED(-EPERM, a->nice = -1);
	EXPECT_EQ(set_cred(ref_wq, other), 0);
	EXPECT_EQ(set_cred(ref_wq, NULL), 0);
	regain_caps(old, mine);

	ref_end();
	put_cred(other);
}

/* CMWQ_POWER_EFFICIENT */

static void check_power_efficient(struct cmwq_workqueue *wq, bool unbound)
{
	struct probe *p = probes(1);
	int cpu = busy_cpu();

	if (!burner_start(cpu, wq))
		goto out;
	EXPECT(cmwq_queue_work_on(cpu, wq, &p->work));
	if (unbound) {
		/* It does not wait for the other one. */
		if (!WAIT(&p->done))
			goto out;
	} else {
		msleep(100);
		EXPECT_EQ(RUNS(p), 0);
		EXPECT_EQ(burner->cpu, cpu);
		atomic_set(&burner->stop, 1);
		if (!WAIT(&p->done))
			goto out;
		EXPECT_EQ(p->cpu, cpu);
	}
	EXPECT(!completion_done(&burner->done));
	cmwq_flush_work(&p->work);
	burner_end();
	probes_free(p);
out:
	busy_cpu_end();
}

static void power_efficient_queues(void)
{
	static const unsigned int flags[] = {
		CMWQ_PERCPU | CMWQ_POWER_EFFICIENT, CMWQ_POWER_EFFICIENT,
	};
	struct cmwq_workqueue *wq;
	int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		wq = cmwq_alloc_workqueue("t_power%d", flags[i], 0, i);
		check_power_efficient(wq, power_efficient);
		test_destroy(wq);
	}
	check_power_efficient(cmwq_system_power_efficient_wq, power_efficient);
	check_power_efficient(cmwq_system_freezable_power_efficient_wq,
			      power_efficient);
	check_power_efficient(cmwq_system_percpu_wq, false);
	check_power_efficient(cmwq_system_dfl_wq, true);
}

const struct test_case test_cases[] = {
	CASE_IN_INSMOD(unprivileged),
	CASE(defaults),
	CASE(attrs_are_copied),
	CASE(nice_percpu),
	CASE(nice_percpu_highpri),
	CASE(nice_unbound),
	CASE(nice_ordered),
	CASE(nice_is_managed),
	CASE(realtime_percpu),
	CASE(realtime_unbound),
	CASE(realtime_is_managed),
	CASE(forty_asleep),
	CASE(credentials_percpu),
	CASE(credentials_unbound),
	CASE(credentials_leaked),
	CASE(refused_unbound),
	CASE(refused_ordered),
	CASE(refused_percpu),
	CASE(refused_queues),
	CASE(power_efficient_queues),
	{}
};
