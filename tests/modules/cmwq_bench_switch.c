// SPDX-License-Identifier: GPL-2.0-only
/*
 * cmwq_bench_switch.c - what an unrelated context switch costs
 *
 * Two SCHED_FIFO threads of one CPU hand a token to each other; neither they
 * nor this module knows any workqueue, so it also loads where cmwq is not.
 * Reading /sys/kernel/debug/cmwq_bench_switch/switch measures and prints the
 * ticks per hop: one wakeup, one sleep, one context switch.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>

#include "cmwq_bench.h"

#define SWITCH_REPS	41
#define SWITCH_ROUNDS	128	/* two hops each */

static DEFINE_MUTEX(switch_mutex);	/* one measurement at a time */
static struct dentry *switch_dir;
static struct completion ping, pong;
static u64 ticks[SWITCH_REPS];

static void switch_ping(void *unused)
{
	unsigned int rep, i;
	u64 t;

	for (rep = 0; rep <= SWITCH_REPS; rep++) {
		bench_settle();
		t = get_cycles();
		for (i = 0; i < SWITCH_ROUNDS; i++) {
			complete(&ping);
			wait_for_completion(&pong);
		}
		t = get_cycles() - t;
		if (rep)
			ticks[rep - 1] = t;
	}
}

static void switch_pong(void *unused)
{
	unsigned int i;

	for (i = 0; i < (SWITCH_REPS + 1) * SWITCH_ROUNDS; i++) {
		wait_for_completion(&ping);
		complete(&pong);
	}
}

static int switch_show(struct seq_file *m, void *unused)
{
	struct bench_thread a, b;
	u32 rem;
	u64 t;
	int ret;

	mutex_lock(&switch_mutex);
	init_completion(&ping);
	init_completion(&pong);
	ret = bench_thread_start(&b, "cmwq_bench_pong", switch_pong, NULL);
	if (ret)
		goto out;
	ret = bench_thread_start(&a, "cmwq_bench_ping", switch_ping, NULL);
	if (ret) {
		/* Let the other one run through. */
		complete_all(&ping);
		bench_thread_wait(&b);
		goto out;
	}
	bench_thread_wait(&a);
	bench_thread_wait(&b);

	t = bench_median(ticks, SWITCH_REPS) * 100;
	t = div_u64_rem(div_u64(t, 2 * SWITCH_ROUNDS), 100, &rem);
	seq_printf(m, "switch %llu.%02u\n", t, rem);
out:
	mutex_unlock(&switch_mutex);
	return ret;
}
DEFINE_SHOW_ATTRIBUTE(switch);

static int __init switch_init(void)
{
	switch_dir = debugfs_create_dir("cmwq_bench_switch", NULL);
	debugfs_create_file("switch", 0400, switch_dir, NULL, &switch_fops);
	return 0;
}
module_init(switch_init);

static void __exit switch_exit(void)
{
	debugfs_remove_recursive(switch_dir);
}
module_exit(switch_exit);

MODULE_DESCRIPTION("what an unrelated context switch costs");
MODULE_LICENSE("GPL");
