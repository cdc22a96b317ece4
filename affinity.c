// SPDX-License-Identifier: GPL-2.0-only
/*
 * affinity.c - which CPUs belong together, for each affinity scope
 *
 * A scope divides the CPUs into pods.  What they are comes from what the kernel
 * exports to modules.  A CPU tells its place only while it is up, and names only
 * others that are up.  So pods are looked for whenever a CPU comes up, and what
 * was found is kept; until then it is alone.  All of it is protected by
 * cmwq_attrs_mutex.
 */
#include "cmwq_internal.h"

#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/topology.h>

static const char * const scope_names[] = {
	[CMWQ_AFFN_DFL] = "default", [CMWQ_AFFN_CPU] = "cpu",
	[CMWQ_AFFN_SMT] = "smt", [CMWQ_AFFN_CACHE] = "cache",
	[CMWQ_AFFN_CACHE_SHARD] = "cache_shard", [CMWQ_AFFN_NUMA] = "numa",
	[CMWQ_AFFN_SYSTEM] = "system",
};

enum cmwq_affn_scope cmwq_default_scope = CMWQ_AFFN_CACHE_SHARD; /* T */
unsigned int cmwq_cache_shard_size = 8;		/* I */

/* The first CPU of a CPU's pod; -1 if it is not known. */
static int *smt_of, *cache_of, *shard_of;	/* T */

/**
 * cmwq_scope_name - name of an affinity scope
 * @scope: the scope
 *
 * Return: a constant string.
 */
const char *cmwq_scope_name(enum cmwq_affn_scope scope)
{
	return scope_names[scope];
}

/**
 * cmwq_scope_by_name - affinity scope of a name
 * @name: the name; a final newline is no matter
 *
 * Return: the scope or -EINVAL.
 */
int cmwq_scope_by_name(const char *name)
{
	return sysfs_match_string(scope_names, name);
}

/* Do two CPUs that are up share their last-level cache? */
static bool share_cache(unsigned int a, unsigned int b)
{
	int id = cmwq_llc_id(a);

	if (id >= 0)
		return id == cmwq_llc_id(b);
	return cpumask_test_cpu(b, topology_core_cpumask(a));
}

static bool share_core(unsigned int a, unsigned int b)
{
	return cpumask_test_cpu(b, topology_sibling_cpumask(a));
}

/*
 * Find the pods of the CPUs that are up.  CPUs that belong together but were never
 * up at the same time have pods of their own until they are: then the lower stays.
 */
static bool find_pods(int *pod_of,
		      bool (*share)(unsigned int a, unsigned int b))
{
	unsigned int cpu, other, member;
	bool changed = false;
	int from, to;

	for_each_online_cpu(cpu) {
		if (pod_of[cpu] < 0) {
			pod_of[cpu] = cpu;
			changed = true;
		}
		for_each_online_cpu(other) {
			if (other == cpu)
				break;
			if (pod_of[other] == pod_of[cpu] || !share(cpu, other))
				continue;
			from = max(pod_of[other], pod_of[cpu]);
			to = min(pod_of[other], pod_of[cpu]);
			for_each_possible_cpu(member)
				if (pod_of[member] == from)
					pod_of[member] = to;
			changed = true;
		}
	}
	return changed;
}

/* Divide a cache's cores evenly, so that none of the shards is tiny. */
static void divide_cache(int cache)
{
	unsigned int cpu, nr_cores = 0, nr_shards, rank;
	int *first = smt_of;

	for_each_possible_cpu(cpu)
		nr_cores += cache_of[cpu] == cache && first[cpu] == cpu;
	nr_shards = DIV_ROUND_UP(nr_cores, cmwq_cache_shard_size);

	rank = 0;
	for_each_possible_cpu(cpu) {
		unsigned int other, shard;

		if (cache_of[cpu] != cache || first[cpu] != cpu)
			continue;
		shard = rank++ * nr_shards / nr_cores;
		for_each_possible_cpu(other)
			if (smt_of[other] == cpu)
				shard_of[other] = cache * nr_cpu_ids + shard;
	}
}

/**
 * cmwq_affinity_update - look where the CPUs that are up belong
 *
 * Context: cpus_read_lock() and cmwq_attrs_mutex are held.
 * Return: true if pods have changed.
 */
bool cmwq_affinity_update(void)
{
	unsigned int cpu;
	bool changed;

	lockdep_assert_held(&cmwq_attrs_mutex);
	changed = find_pods(smt_of, share_core);
	changed = find_pods(cache_of, share_cache) || changed;
	if (!changed)
		return false;
	for_each_possible_cpu(cpu)
		if (cache_of[cpu] == cpu)
			divide_cache(cpu);
	return true;
}

static void same_pod(const int *pod_of, unsigned int cpu, struct cpumask *pod)
{
	unsigned int other;

	cpumask_copy(pod, cpumask_of(cpu));
	if (pod_of[cpu] < 0)
		return;
	for_each_possible_cpu(other)
		if (pod_of[other] == pod_of[cpu])
			cpumask_set_cpu(other, pod);
}

/**
 * cmwq_pod_of - the CPUs that belong together with a CPU
 * @scope:	in which sense
 * @cpu:	a possible CPU
 * @pod:	where to put them
 *
 * Context: cmwq_attrs_mutex is held.
 */
void cmwq_pod_of(enum cmwq_affn_scope scope, unsigned int cpu,
		 struct cpumask *pod)
{
	unsigned int other;

	if (scope == CMWQ_AFFN_DFL)
		scope = cmwq_default_scope;
	switch (scope) {
	case CMWQ_AFFN_CPU:
		cpumask_copy(pod, cpumask_of(cpu));
		break;
	case CMWQ_AFFN_SMT:
		same_pod(smt_of, cpu, pod);
		break;
	case CMWQ_AFFN_CACHE:
		same_pod(cache_of, cpu, pod);
		break;
	case CMWQ_AFFN_CACHE_SHARD:
		same_pod(shard_of, cpu, pod);
		break;
	case CMWQ_AFFN_NUMA:
		cpumask_clear(pod);
		for_each_possible_cpu(other)
			if (cpu_to_node(other) == cpu_to_node(cpu))
				cpumask_set_cpu(other, pod);
		break;
	default:
		cpumask_copy(pod, cpu_possible_mask);
	}
}

int cmwq_affinity_init(void)
{
	size_t size = nr_cpu_ids * sizeof(int);

	smt_of = kvmalloc(3 * size, GFP_KERNEL);
	if (!smt_of)
		return -ENOMEM;
	memset(smt_of, 0xff, 3 * size);
	cache_of = smt_of + nr_cpu_ids;
	shard_of = cache_of + nr_cpu_ids;
	cpus_read_lock();
	mutex_lock(&cmwq_attrs_mutex);
	cmwq_affinity_update();
	mutex_unlock(&cmwq_attrs_mutex);
	cpus_read_unlock();
	return 0;
}

void cmwq_affinity_exit(void)
{
	kvfree(smt_of);
}
