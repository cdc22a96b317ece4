/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which CPUs are for everybody: neither isolated nor nohz_full.  And which take
 * timers that need no particular one?
 */
#ifndef _CMWQ_COMPAT_SCHED_ISOLATION_H
#define _CMWQ_COMPAT_SCHED_ISOLATION_H

#include_next <linux/sched/isolation.h>

#ifdef CMWQ_HAVE_HK_TYPE	/* 04d4e665a609, 5.18 */
#define CMWQ_HK_DOMAIN	HK_TYPE_DOMAIN
#define CMWQ_HK_WQ	HK_TYPE_WQ
#define CMWQ_HK_TIMER	HK_TYPE_TIMER
#else
#define CMWQ_HK_DOMAIN	HK_FLAG_DOMAIN
#define CMWQ_HK_WQ	HK_FLAG_WQ
#define CMWQ_HK_TIMER	HK_FLAG_TIMER
#endif

static inline void cmwq_housekeeping_cpus(struct cpumask *mask)
{
	/* The mask may be replaced at run time on the newest kernels. */
	rcu_read_lock();
	cpumask_and(mask, housekeeping_cpumask(CMWQ_HK_DOMAIN),
		    housekeeping_cpumask(CMWQ_HK_WQ));
	rcu_read_unlock();
	cpumask_and(mask, mask, cpu_possible_mask);
}

#endif /* _CMWQ_COMPAT_SCHED_ISOLATION_H */
