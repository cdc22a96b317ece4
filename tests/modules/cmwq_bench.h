/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq_bench.h - what the benchmark modules share
 *
 * Times are differences of get_cycles().  On x86 under an emulator that counts
 * instructions one tick is one instruction; see docs/bench.md.
 */
#ifndef _CMWQ_BENCH_H
#define _CMWQ_BENCH_H

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/timex.h>
#include <linux/types.h>

/* The CPU that everything is measured on. */
#define BENCH_CPU	0

/* Values that one run of a case yields at most. */
#define BENCH_MAX_VALS	2

enum bench_case_id {
	BENCH_NOOP256,
	BENCH_NOOP16,
	BENCH_ROUNDTRIP,
	BENCH_ASLEEP,
	BENCH_CHAIN,
	BENCH_FLUSH_IDLE,
	BENCH_CANCEL_IDLE,
	BENCH_QUEUE_CANCEL,
	BENCH_QUEUE_FLUSH,
	BENCH_QUEUE_FLUSH_WQ,
	BENCH_NR_CASES,
};

/* Blocking items in a chain, and repetitions inside a run of a cheap case. */
#define BENCH_CHAIN_LEN	32
#define BENCH_INNER	64

/* One run of a case, by the SCHED_FIFO producer; stores ticks to @val. */
typedef void (*bench_run_t)(u64 *val);

/**
 * struct bench_engine - one implementation of workqueues
 * @init:	make the queue and the items; 0 or -errno
 * @exit:	undo @init
 * @run:	the cases
 */
struct bench_engine {
	int (*init)(void);
	void (*exit)(void);
	bench_run_t run[BENCH_NR_CASES];
};

extern const struct bench_engine bench_stock;
extern const struct bench_engine bench_cmwq;

static inline int bench_cmp_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Sorts @v. */
static inline u64 bench_median(u64 *v, unsigned int n)
{
	sort(v, n, sizeof(*v), bench_cmp_u64, NULL);
	return v[n / 2];
}

/*
 * Have everything else on this CPU finish what it does and go to sleep: one
 * more runnable thread changes the path through the scheduler.
 */
static inline void bench_settle(void)
{
	schedule_timeout_uninterruptible(2);
}

struct bench_thread {
	void (*fn)(void *arg);
	void *arg;
	struct completion done;
	struct task_struct *task;
};

static inline int bench_threadfn(void *data)
{
	struct bench_thread *t = data;

	t->fn(t->arg);
	complete(&t->done);
	/* Stay until reaped: the code may be unloaded after that. */
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

/*
 * Start @fn(@arg) as a SCHED_FIFO thread on the measured CPU.  A fair-class
 * producer would bring the phase of its virtual run time into the figures.
 */
static inline int bench_thread_start(struct bench_thread *t, const char *name,
				     void (*fn)(void *arg), void *arg)
{
	t->fn = fn;
	t->arg = arg;
	init_completion(&t->done);
	t->task = kthread_create(bench_threadfn, t, "%s", name);
	if (IS_ERR(t->task))
		return PTR_ERR(t->task);
	kthread_bind(t->task, BENCH_CPU);
	sched_set_fifo_low(t->task);
	wake_up_process(t->task);
	return 0;
}

static inline void bench_thread_wait(struct bench_thread *t)
{
	wait_for_completion(&t->done);
	kthread_stop(t->task);
}

#endif /* _CMWQ_BENCH_H */
