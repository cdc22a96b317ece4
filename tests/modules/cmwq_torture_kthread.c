// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_torture_kthread.c - the type of the kernel's kthread_worker: a control
 *
 * One thread for a queue: ordered, and unable to do most of the rest.
 */
#include <linux/err.h>

#include "cmwq_torture.h"

static void kthread_fn(struct kthread_work *work)
{
	torture_run(torture_item_of(work));
}

static int kt_open(struct torture_queue *q)
{
#ifdef TEST_HAVE_KTHREAD_RUN_WORKER
	q->wq = kthread_run_worker(0, "torture/kthread");
#else
	q->wq = kthread_create_worker(0, "torture/kthread");
#endif
	return IS_ERR(q->wq) ? PTR_ERR(q->wq) : 0;
}

static void kt_close(struct torture_queue *q)
{
	kthread_destroy_worker(q->wq);
}

static void kt_init(struct torture_item *it)
{
	kthread_init_work(&it->work.kthread, kthread_fn);
}

static bool kt_queue(struct torture_item *it, int cpu, unsigned long delay)
{
	return kthread_queue_work(it->q->wq, &it->work.kthread);
}

static void kt_flush(struct torture_item *it)
{
	kthread_flush_work(&it->work.kthread);
}

static void kt_flush_queue(struct torture_queue *q)
{
	kthread_flush_worker(q->wq);
}

static bool kt_cancel_sync(struct torture_item *it)
{
	return kthread_cancel_work_sync(&it->work.kthread);
}

/* Nobody tells. */
static bool kt_busy(struct torture_item *it)
{
	return false;
}

static bool kt_foreign(void)
{
	return false;
}

static const struct torture_ops kthread_ops = {
	.open = kt_open,
	.close = kt_close,
	.init = kt_init,
	.queue = kt_queue,
	.flush = kt_flush,
	.flush_queue = kt_flush_queue,
	.cancel_sync = kt_cancel_sync,
	.busy = kt_busy,
	.foreign = kt_foreign,
};

const struct torture_type torture_kthread_types[] = {
	{ "kthread_worker", &kthread_ops, 0,
	  TORTURE_ORDERED | TORTURE_CANCEL_SYNC | TORTURE_NO_DRAIN, 1, 1 },
	{}
};
