#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The CPUs of a pod go and come back while unbound items flow.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/lib-where.sh
. "$(dirname "$0")/lib-where.sh"

all=$(cat $cpus/possible)
last=$(cpus_of "$all" | tail -n 1)
pod=$(pod_of cache "$last")

# All items of the flow have run since the last time.
flow_moved()
{
	awk '{ exit !($2 > 0) }' "$where/flow"
}

flows()
{
	cat "$where/flow" >/dev/null
	wait_until 30 flow_moved && return 0
	echo "an item is lost or stuck: $(cat "$where/flow")"
	return 1
}

pod_online()
{
	local cpu

	for cpu in $(cpus_of "$pod"); do
		echo "$1" >"$cpus/cpu$cpu/online" ||
			{ echo "CPU $cpu: cannot write $1"; return 1; }
		flows || return 1
	done
}

# SCOPE STRICT: pods that lose CPUs one by one, then all of them
off_and_on()
{
	set_attrs "$1" "$2" || return 1
	echo 16 >"$where/flow"
	flows && pod_online 0 && flows && ask queue && pod_online 1 && flows ||
		return 1
	echo 0 >"$where/flow" || { echo "an item is lost"; return 1; }
}

# As strict as before
healed()
{
	local cpu may

	ask queue all || return 1
	while read -r cpu _ may _ _; do
		[ "$may" = "$(pod_of "$1" "$cpu")" ] && continue
		echo "queued on CPU $cpu: may run on $may"
		return 1
	done </tmp/where
}

free_again()
{
	ask queue && may_be "$all"
}

ktap_begin
engine_begin
where_load || ktap_bail "cmwq_test_where does not load"
diag "the pod is $pod of $all"
[ "$pod" != "$all" ] || ktap_skip_all "all CPUs are one pod"
ktap_test "CPUs of strict pods go and come" off_and_on cache 1
ktap_test "strict again" healed cache
ktap_test "CPUs of one-CPU pods go and come" off_and_on cpu 1
ktap_test "strict again, each alone" healed cpu
ktap_test "CPUs of other pods go and come" off_and_on cache 0
ktap_test "free again" free_again
ktap_test "no worker is left over" eventually 20 workers_are_threads
where_unload
engine_end
ktap_end
