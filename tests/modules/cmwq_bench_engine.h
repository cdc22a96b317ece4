/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmwq_bench_engine.h - the measured code, the same text for both engines
 *
 * Included once per engine by a file that includes engine.h and defines
 * BENCH_ENGINE, the name of the struct bench_engine.  Each engine has its own
 * copy so that calls into it are direct, as those of a client are.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/errno.h>
#include <linux/slab.h>

#include "cmwq_bench.h"

#define BENCH_BATCH	256

struct chain_item {
	struct e_work work;
	u64 first;		/* first instruction */
	u64 block;		/* just before it sleeps */
};

static struct e_wq *wq;
static struct e_work *batch;
static struct e_work last_work, stamp_work;
static struct chain_item *chain;
static struct e_work chain_end_work;
static struct completion done, blocked, gate;
static atomic_t chain_left;
static u64 stamp;

static void noop_fn(struct e_work *work)
{
}

static void last_fn(struct e_work *work)
{
	complete(&done);
}

static void stamp_fn(struct e_work *work)
{
	stamp = get_cycles();
	complete(&done);
}

static void chain_finish(void)
{
	if (atomic_dec_and_test(&chain_left))
		complete(&done);
}

static void chain_fn(struct e_work *work)
{
	struct chain_item *item = container_of(work, struct chain_item, work);

	item->first = get_cycles();
	item->block = get_cycles();
	wait_for_completion(&gate);
	chain_finish();
}

static void chain_end_fn(struct e_work *work)
{
	complete(&blocked);
	chain_finish();
}

/*
 * Queue @n items, the last of which tells that it ran; ticks for all.  @fresh
 * items have never run: an item that has run remembers where, which costs its
 * next queueing a look.
 */
static u64 run_noop(unsigned int n, bool fresh)
{
	unsigned int i;
	u64 t;

	if (fresh) {
		for (i = 0; i < n - 1; i++)
			E_INIT_WORK(&batch[i], noop_fn);
		E_INIT_WORK(&last_work, last_fn);
	}
	reinit_completion(&done);
	t = get_cycles();
	for (i = 0; i < n - 1; i++)
		e_queue_work(wq, &batch[i]);
	e_queue_work(wq, &last_work);
	wait_for_completion(&done);
	t = get_cycles() - t;
	e_flush_workqueue(wq);
	return t;
}

static void run_noop256(u64 *val)
{
	val[0] = run_noop(256, false);
	val[1] = run_noop(256, true);
}

static void run_noop16(u64 *val)
{
	val[0] = run_noop(16, false);
	val[1] = run_noop(16, true);
}

static void run_roundtrip(u64 *val)
{
	u64 t;

	reinit_completion(&done);
	t = get_cycles();
	e_queue_work(wq, &stamp_work);
	wait_for_completion(&done);
	val[1] = get_cycles() - t;
	val[0] = stamp - t;
}

/* The same when the worker sleeps, not just about to. */
static void run_asleep(u64 *val)
{
	bench_settle();
	run_roundtrip(val);
}

static void run_chain(u64 *val)
{
	unsigned int i;
	u64 t;

	reinit_completion(&done);
	reinit_completion(&blocked);
	reinit_completion(&gate);
	atomic_set(&chain_left, BENCH_CHAIN_LEN + 1);

	t = get_cycles();
	for (i = 0; i < BENCH_CHAIN_LEN; i++)
		e_queue_work(wq, &chain[i].work);
	e_queue_work(wq, &chain_end_work);
	wait_for_completion(&blocked);
	complete_all(&gate);
	wait_for_completion(&done);
	val[1] = get_cycles() - t;

	e_flush_workqueue(wq);
	val[0] = 0;
	for (i = 0; i < BENCH_CHAIN_LEN - 1; i++)
		val[0] += chain[i + 1].first - chain[i].block;
}

static void run_flush_idle(u64 *val)
{
	unsigned int i;
	u64 t = get_cycles();

	for (i = 0; i < BENCH_INNER; i++)
		e_flush_work(&stamp_work);
	val[0] = get_cycles() - t;
}

static void run_cancel_idle(u64 *val)
{
	unsigned int i;
	u64 t = get_cycles();

	for (i = 0; i < BENCH_INNER; i++)
		e_cancel_work_sync(&stamp_work);
	val[0] = get_cycles() - t;
}

/* The producer never sleeps here: the item is always taken back in time. */
static void run_queue_cancel(u64 *val)
{
	unsigned int i;
	u64 t = get_cycles();

	for (i = 0; i < BENCH_INNER; i++) {
		e_queue_work(wq, &batch[0]);
		e_cancel_work_sync(&batch[0]);
	}
	val[0] = get_cycles() - t;
}

static void run_queue_flush(u64 *val)
{
	u64 t = get_cycles();

	e_queue_work(wq, &batch[0]);
	e_flush_work(&batch[0]);
	val[0] = get_cycles() - t;
}

static void run_queue_flush_wq(u64 *val)
{
	u64 t = get_cycles();

	e_queue_work(wq, &batch[0]);
	e_flush_workqueue(wq);
	val[0] = get_cycles() - t;
}

static int engine_init(void)
{
	unsigned int i;

	init_completion(&done);
	init_completion(&blocked);
	init_completion(&gate);

	batch = kcalloc(BENCH_BATCH, sizeof(*batch), GFP_KERNEL);
	chain = kcalloc(BENCH_CHAIN_LEN, sizeof(*chain), GFP_KERNEL);
	wq = e_alloc_workqueue("bench", E_PERCPU, 0);
	if (!batch || !chain || !wq) {
		if (wq)
			e_destroy_workqueue(wq);
		kfree(chain);
		kfree(batch);
		return -ENOMEM;
	}

	for (i = 0; i < BENCH_BATCH; i++)
		E_INIT_WORK(&batch[i], noop_fn);
	for (i = 0; i < BENCH_CHAIN_LEN; i++)
		E_INIT_WORK(&chain[i].work, chain_fn);
	E_INIT_WORK(&last_work, last_fn);
	E_INIT_WORK(&stamp_work, stamp_fn);
	E_INIT_WORK(&chain_end_work, chain_end_fn);
	return 0;
}

static void engine_exit(void)
{
	e_destroy_workqueue(wq);
	kfree(chain);
	kfree(batch);
}

const struct bench_engine BENCH_ENGINE = {
	.init = engine_init,
	.exit = engine_exit,
	.run = {
		[BENCH_NOOP256]		= run_noop256,
		[BENCH_NOOP16]		= run_noop16,
		[BENCH_ROUNDTRIP]	= run_roundtrip,
		[BENCH_ASLEEP]		= run_asleep,
		[BENCH_CHAIN]		= run_chain,
		[BENCH_FLUSH_IDLE]	= run_flush_idle,
		[BENCH_CANCEL_IDLE]	= run_cancel_idle,
		[BENCH_QUEUE_CANCEL]	= run_queue_cancel,
		[BENCH_QUEUE_FLUSH]	= run_queue_flush,
		[BENCH_QUEUE_FLUSH_WQ]	= run_queue_flush_wq,
	},
};
