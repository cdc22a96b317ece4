/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq_test_probe.h - an item that tells what happens to it, and stops where
 * the test wants it to
 */
#ifndef _CMWQ_TEST_PROBE_H
#define _CMWQ_TEST_PROBE_H

#include "cmwq_test.h"

struct probe {
	union {
		struct e_work work;
		struct e_delayed_work dwork;	/* whose first field it is */
	};
	struct completion gate;		/* waits for it if @gated */
	struct completion started;
	struct completion done;
	bool gated;
	int requeues;			/* queues itself that often */
	struct e_wq *wq;		/* where */
	atomic_t runs;
	int cpu;			/* where it ran last */
	pid_t pid;			/* in whom */
	unsigned long when;		/* and when, jiffies */
	int nice;
	unsigned int policy;
	unsigned int rt_priority;
	struct e_work *current_work;
};

static atomic_t in_flight = ATOMIC_INIT(0);
static atomic_t most_in_flight = ATOMIC_INIT(0);

static void probe_fn(struct e_work *work)
{
	struct probe *p = container_of(work, struct probe, work);

	test_raise(&most_in_flight, atomic_inc_return(&in_flight));
	p->cpu = raw_smp_processor_id();
	p->pid = current->pid;
	p->when = jiffies;
	p->nice = task_nice(current);
	p->policy = current->policy;
	p->rt_priority = current->rt_priority;
	p->current_work = e_current_work();
	if (p->requeues) {
		p->requeues--;
		if (!e_queue_work(p->wq, &p->work))
			FAIL("cannot requeue from inside");
	}
	complete(&p->started);
	if (p->gated)
		test_gate(&p->gate);
	atomic_dec(&in_flight);
	atomic_inc(&p->runs);
	complete(&p->done);
}

static void probe_reset(struct probe *p)
{
	init_completion(&p->gate);
	init_completion(&p->started);
	init_completion(&p->done);
	p->gated = false;
	p->requeues = 0;
	atomic_set(&p->runs, 0);
	p->cpu = -1;
	p->current_work = NULL;
}

/* @n probes on the heap: they outlive the case if it loses one. */
static struct probe *probes(int n)
{
	struct probe *p = kcalloc(n, sizeof(*p), GFP_KERNEL);
	int i;

	for (i = 0; p && i < n; i++) {
		E_INIT_DELAYED_WORK(&p[i].dwork, probe_fn);
		probe_reset(&p[i]);
	}
	atomic_set(&in_flight, 0);
	atomic_set(&most_in_flight, 0);
	return p;
}

static void probes_free(struct probe *p)
{
	if (test_may_free())
		kfree(p);
}

#define RUNS(p)	atomic_read(&(p)->runs)

/* Queue @p on CPU 0 with its gate shut and wait until it stands there. */
static __maybe_unused bool block_on(struct probe *p, struct e_wq *wq)
{
	p->gated = true;
	return EXPECT(e_queue_work_on(0, wq, &p->work)) && WAIT(&p->started);
}

static __maybe_unused void open_gate(struct probe *p)
{
	complete(&p->gate);
}

#endif /* _CMWQ_TEST_PROBE_H */
