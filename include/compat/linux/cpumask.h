/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a CPU up, and not on its way down?
 */
#ifndef _CMWQ_COMPAT_CPUMASK_H
#define _CMWQ_COMPAT_CPUMASK_H

#include_next <linux/cpumask.h>

static inline bool cmwq_cpu_stays(unsigned int cpu)
{
#ifdef cpu_dying_mask		/* e40f74c535b8, 5.13 */
	return cpu_online(cpu) && !cpu_dying(cpu);
#else
	return cpu_active(cpu);
#endif
}

#endif /* _CMWQ_COMPAT_CPUMASK_H */
