#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Attributes of queues: what workers are, what is refused and how the log puts
# it; changes while items flow; pools that queues share, made and dropped.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"

# said PATTERN: a log line of cmwq about it
said()
{
	log_since "$mark" | grep -E "cmwq: $1" | head -n 1 | grep . && return 0
	echo "no line like: cmwq: $1"
	return 1
}

from='called from [a-z_]+\+0x[0-9a-f/x]+ \[cmwq_test_attrs\]: errno -[0-9]+; '
apply="cmwq_apply_workqueue_attrs, ${from}queue t_refuse: "

nr_pools()
{
	cmwq_value stats pools
}

pools_are()
{
	[ "$(nr_pools)" = "$1" ] || { echo "$(nr_pools) pools, not $1"; return 1; }
}

# Attributes that no other queue has make pools; equal ones share them; they go
# with the last queue.
pools_come_and_go()
{
	local before cpus made

	before=$(nr_pools)
	cpus=$(grep -c '^processor' /proc/cpuinfo)
	load_test cmwq_test_client queue=1 unbound=1 || return 1
	pools_are "$before" || return 1
	load_test cmwq_test_where || return 1
	pools_are "$before" || { echo "a default queue made some"; return 1; }
	echo "cpu 1" >"$where/attrs" || return 1
	made=$(($(nr_pools) - before))
	echo "a pod per CPU, strictly: $made new pools on $cpus CPUs"
	[ "$made" = "$cpus" ] || return 1
	echo "cpu 1" >"$where/attrs" && pools_are $((before + made)) || return 1
	echo "cpu 0 0-1" >"$where/attrs" || return 1
	eventually 20 pools_are $((before + 2 + (cpus > 2))) || return 1
	echo "dfl 0" >"$where/attrs" && eventually 20 pools_are "$before" ||
		return 1
	echo "smt 1 0" >"$where/attrs" && pools_are $((before + 1)) || return 1
	unload_bounded cmwq_test_where && eventually 20 pools_are "$before" &&
		unload_bounded cmwq_test_client
}

# Their threads, too, and what they had done is not forgotten.
# A worker that was sent away still has to run once to go.
nothing_is_left_of_them()
{
	eventually 20 workers_are_threads && pools_at_rest && queues_at_rest
}

# refuses PARAMETER=VALUE
refuses()
{
	local mark

	mark=$(log_mark)
	if load_cmwq "$1" 2>/dev/null; then
		echo "$1 was accepted"
		unload_bounded cmwq
		return 1
	fi
	log_since "$mark" | grep "cmwq: .*${1%%=*}\|${1%%=*}: .*cmwq\|\`.*' invalid for parameter" ||
		{ echo "$1: no line in the log"; return 1; }
	nothing_left
}

bad_parameters()
{
	local param bad=0

	for param in unbound_cpus=x unbound_cpus=99999 unbound_cpus=3-1 \
		     unbound_cpus=0-1,z unbound_cpus= \
		     default_affinity_scope=x default_affinity_scope= \
		     default_affinity_scope=default \
		     default_affinity_scope=3 default_affinity_scope=cpux \
		     cache_shard_size=0 cache_shard_size=-1 \
		     cache_shard_size=x cache_shard_size=99999 \
		     power_efficient=perhaps; do
		refuses "$param" || bad=1
	done
	return "$bad"
}

power_efficient()
{
	CMWQ_PARAMS="${CMWQ_PARAMS-} power_efficient=1"
	engine_begin
	engine_run attrs only=power_efficient_queues power_efficient=1
}

where=/sys/module/cmwq_test_where/parameters
mark=$(log_mark)
ktap_begin
engine_begin
engine_run attrs
for what in "nice is out of range" "policy is none of" \
	    "priority goes with" "priority is out of range" \
	    "nice goes with SCHED_NORMAL" "there is no such affn_scope" \
	    "a per-CPU queue takes no" "ordered is a matter of" \
	    "no possible CPU" "negative nice and real-time" \
	    "other credentials take"; do
	ktap_test "refused with: $what" said "$apply$what"
done
ktap_test "attributes of no queue" \
	said "cmwq_apply_workqueue_attrs, ${from}the queue is NULL"
ktap_test "no attributes" \
	said "cmwq_apply_workqueue_attrs, ${from}the attributes are NULL"
ktap_test "attributes of a destroyed queue" \
	said "cmwq_get_workqueue_attrs, ${from}.*has been destroyed"
ktap_test "an empty unbound cpumask" \
	said "cmwq_workqueue_set_unbound_cpumask, ${from}no possible CPU"
ktap_test "min_active of a per-CPU queue" \
	said "cmwq_workqueue_set_min_active, ${from}queue t_refuse_percpu"
ktap_test "min_active of an ordered queue" \
	said "cmwq_workqueue_set_min_active, ${from}queue t_refuse_ordered"
ktap_test "min_active out of range" \
	said "queue t_min: min_active 6 is out of range"
ktap_test "credentials that an item leaves behind" \
	said ".*cred_fn.*credentials"
engine_run change
# Grace periods hold the changes up no longer: pools go slower than they come.
echo 1 >/sys/kernel/rcu_expedited
engine_run change only=ever_new_pools
echo 0 >/sys/kernel/rcu_expedited
if [ -z "$engine_stuck" ]; then
	ktap_test "pools come and go with queues" pools_come_and_go
	ktap_test "and leave nothing" nothing_is_left_of_them
fi
engine_end
if [ -z "$engine_stuck" ]; then
	ktap_test "bad parameters are refused" bad_parameters
	power_efficient
	engine_end
fi
ktap_end
