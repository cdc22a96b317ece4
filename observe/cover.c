// SPDX-License-Identifier: GPL-2.0-only
/*
 * cover.c - which ways through this module have been taken, for a fuzzer
 *
 * Built with CMWQ_COVER=1 alone.  The compiler then calls the function below at
 * the start of every basic block.  A bit of cmwq_cover_map stands for a pair of
 * blocks that ran one after the other in one context.  Two pairs may share a bit;
 * what a preempted task or an interrupt mixes up costs a wrong bit at worst.
 */
#include <linux/hash.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "observe/cover.h"

unsigned long cmwq_cover_map[BITS_TO_LONGS(CMWQ_COVER_BITS)];
EXPORT_SYMBOL_GPL(cmwq_cover_map);

struct last_block {
	void *context;
	unsigned long ip;
};

static DEFINE_PER_CPU(struct last_block, last_block);

/* Anywhere, also in the scheduler: it calls nothing. */
void notrace __sanitizer_cov_trace_pc(void)
{
	unsigned long ip = (unsigned long)__builtin_return_address(0);
	struct last_block *last = raw_cpu_ptr(&last_block);
	void *context = in_task() ? (void *)current : last;
	unsigned long before = last->context == context ? last->ip : 0;
	unsigned int bit = hash_long(ip ^ (before << 1), CMWQ_COVER_ORDER);

	last->context = context;
	last->ip = ip;
	/* Not always an atomic operation: most have been here before. */
	if (!test_bit(bit, cmwq_cover_map))
		set_bit(bit, cmwq_cover_map);
}
