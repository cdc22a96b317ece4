// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_bench_main.c - cmwq against the kernel's own workqueue, in one boot
 *
 * Reading /sys/kernel/debug/cmwq_bench/<case> runs that case and prints a line
 * per value: name, ticks on the stock workqueue, ticks on cmwq.  The two take
 * turns, the first repetition (which creates workers) is discarded, medians are
 * printed.  self/<case> does the same with the stock workqueue in both places:
 * whatever differs there is the harness's error.
 *
 * Writing N to .../drive runs N chains on cmwq alone, to have it see hand-overs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "cmwq_bench.h"

#define BENCH_MAX_REPS	201

static const struct bench_case {
	const char *name;
	unsigned int reps;
	struct {
		const char *name;
		unsigned int div;	/* what one run's ticks are divided by */
	} val[BENCH_MAX_VALS];
} cases[BENCH_NR_CASES] = {
	[BENCH_NOOP256]	= { "noop256", 41, {
		{ "noop_b256", 256 }, { "noop_b256_fresh", 256 } } },
	[BENCH_NOOP16] = { "noop16", 101, {
		{ "noop_b16", 16 }, { "noop_b16_fresh", 16 } } },
	[BENCH_ROUNDTRIP] = { "roundtrip", 201, {
		{ "queue_start", 1 }, { "queue_done", 1 } } },
	[BENCH_ASLEEP] = { "asleep", 41, {
		{ "queue_start_asleep", 1 }, { "queue_done_asleep", 1 } } },
	[BENCH_CHAIN] = { "chain", 41, {
		{ "block_next", BENCH_CHAIN_LEN - 1 }, { "block_chain32", 1 } } },
	[BENCH_FLUSH_IDLE] = { "flush_idle", 41, {
		{ "flush_work_idle", BENCH_INNER } } },
	[BENCH_CANCEL_IDLE] = { "cancel_idle", 41, {
		{ "cancel_work_sync_idle", BENCH_INNER } } },
	[BENCH_QUEUE_CANCEL] = { "queue_cancel", 41, {
		{ "queue_cancel", BENCH_INNER } } },
	[BENCH_QUEUE_FLUSH] = { "queue_flush", 201, {
		{ "queue_flush_work", 1 } } },
	[BENCH_QUEUE_FLUSH_WQ] = { "queue_flush_wq", 201, {
		{ "queue_flush_workqueue", 1 } } },
};

struct bench_run {
	const struct bench_engine *engine[2];
	unsigned int id;
	u64 ticks[2][BENCH_MAX_VALS][BENCH_MAX_REPS];
};

static DEFINE_MUTEX(bench_mutex);	/* one measurement at a time */
static struct dentry *bench_dir;

static void bench_measure(void *arg)
{
	struct bench_run *run = arg;
	unsigned int rep, e, v;

	for (rep = 0; rep <= cases[run->id].reps; rep++) {
		for (e = 0; e < 2; e++) {
			u64 val[BENCH_MAX_VALS] = {};

			bench_settle();
			/* Twice: the first one leaves a warm engine behind. */
			run->engine[e]->run[run->id](val);
			run->engine[e]->run[run->id](val);
			if (!rep)
				continue;
			for (v = 0; v < BENCH_MAX_VALS; v++)
				run->ticks[e][v][rep - 1] = val[v];
		}
	}
}

static void bench_print(struct seq_file *m, struct bench_run *run)
{
	const struct bench_case *c = &cases[run->id];
	unsigned int v, e;

	for (v = 0; v < BENCH_MAX_VALS && c->val[v].name; v++) {
		seq_printf(m, "%s", c->val[v].name);
		for (e = 0; e < 2; e++) {
			u64 t = bench_median(run->ticks[e][v], c->reps);
			u32 rem;

			t = div_u64_rem(div_u64(t * 100, c->val[v].div), 100,
					&rem);
			seq_printf(m, " %llu.%02u", t, rem);
		}
		seq_putc(m, '\n');
	}
}

static int bench_show(struct seq_file *m, const struct bench_engine *other)
{
	const struct bench_case *c = m->private;
	struct bench_thread thread;
	struct bench_run *run;
	int ret;

	run = kvzalloc(sizeof(*run), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	run->engine[0] = &bench_stock;
	run->engine[1] = other;
	run->id = c - cases;

	mutex_lock(&bench_mutex);
	ret = bench_thread_start(&thread, "cmwq_bench", bench_measure, run);
	if (!ret)
		bench_thread_wait(&thread);
	mutex_unlock(&bench_mutex);
	if (!ret)
		bench_print(m, run);
	kvfree(run);
	return ret;
}

static int bench_pair_show(struct seq_file *m, void *unused)
{
	return bench_show(m, &bench_cmwq);
}
DEFINE_SHOW_ATTRIBUTE(bench_pair);

static int bench_self_show(struct seq_file *m, void *unused)
{
	return bench_show(m, &bench_stock);
}
DEFINE_SHOW_ATTRIBUTE(bench_self);

static void bench_drive(void *arg)
{
	unsigned int n = *(unsigned int *)arg;
	u64 val[BENCH_MAX_VALS];

	while (n--)
		bench_cmwq.run[BENCH_CHAIN](val);
}

static ssize_t drive_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *ppos)
{
	struct bench_thread thread;
	unsigned int n;
	int ret;

	ret = kstrtouint_from_user(buf, count, 10, &n);
	if (ret)
		return ret;

	mutex_lock(&bench_mutex);
	ret = bench_thread_start(&thread, "cmwq_bench", bench_drive, &n);
	if (!ret)
		bench_thread_wait(&thread);
	mutex_unlock(&bench_mutex);
	return ret ?: count;
}

static const struct file_operations drive_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = drive_write,
	.llseek = noop_llseek,
};

static int __init bench_init(void)
{
	struct dentry *self;
	unsigned int i;
	int ret;

	ret = bench_stock.init();
	if (ret)
		return ret;
	ret = bench_cmwq.init();
	if (ret) {
		bench_stock.exit();
		return ret;
	}

	bench_dir = debugfs_create_dir("cmwq_bench", NULL);
	self = debugfs_create_dir("self", bench_dir);
	for (i = 0; i < BENCH_NR_CASES; i++) {
		void *c = (void *)&cases[i];

		debugfs_create_file(cases[i].name, 0400, bench_dir, c,
				    &bench_pair_fops);
		debugfs_create_file(cases[i].name, 0400, self, c,
				    &bench_self_fops);
	}
	debugfs_create_file("drive", 0200, bench_dir, NULL, &drive_fops);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	debugfs_remove_recursive(bench_dir);
	bench_cmwq.exit();
	bench_stock.exit();
}
module_exit(bench_exit);

MODULE_DESCRIPTION("cmwq against the kernel's own workqueue, in one boot");
MODULE_LICENSE("GPL");
