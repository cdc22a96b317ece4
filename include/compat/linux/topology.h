/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which last-level cache a CPU has, as far as a module is told.
 */
#ifndef _CMWQ_COMPAT_TOPOLOGY_H
#define _CMWQ_COMPAT_TOPOLOGY_H

#include_next <linux/topology.h>

/* Return: an id that the CPUs of one cache share; -1 if it is unknown. */
static inline int cmwq_llc_id(unsigned int cpu)
{
#if defined(CMWQ_HAVE_PER_CPU_LLC_ID)	/* 6.7 */
	unsigned int id = per_cpu_llc_id(cpu);

	return id >= 0xffff ? -1 : id;
#elif defined(CMWQ_HAVE_GET_LLC_ID)	/* 6.1 */
	unsigned int id = get_llc_id(cpu);

	return id >= 0xffff ? -1 : id;
#else
	return -1;
#endif
}

#endif /* _CMWQ_COMPAT_TOPOLOGY_H */
