#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Affinity scopes: which CPUs run an item that was queued on one, compared with
# what sysfs says belongs together.
#
# Environment: SHARD=N, cache_shard_size of cmwq

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

# pods_are SCOPE [MASK]: of each line in /tmp/where, as far as in MASK
pods_are()
{
	local cpu may ran pod bad=0

	while read -r cpu _ may _ ran; do
		pod=$(common "$(pod_of "$1" "$cpu")" "${2:-$all}")
		[ -n "$pod" ] || pod=$2
		[ "$may" = "$pod" ] && continue
		echo "queued on CPU $cpu: may run on $may, the pod is $pod"
		bad=1
	done </tmp/where
	return "$bad"
}

ran_everywhere()
{
	awk '$3 != $5 { print "not on all of them: " $0; bad = 1 }
	     END { exit bad }' /tmp/where
}

strict()
{
	set_attrs "$1" 1 && ask queue all && pods_are "$1" && ran_everywhere
}

# The same from far away: the CPU that is named counts, not the caller's.
strict_on()
{
	set_attrs "$1" 1 && ask on && pods_are "$1" && may_run_where_allowed
}

may_run_where_allowed()
{
	local may ran bad=0

	while read -r _ _ may _ ran; do
		[ "$(common "$may" "$ran")" = "$ran" ] || bad=1
	done </tmp/where
	return "$bad"
}

loose()
{
	set_attrs "$1" 0 && ask queue && may_be "$all"
}

strict_in_mask()
{
	set_attrs "$1" 1 "$2" && ask queue all && pods_are "$1" "$2" &&
		ran_everywhere
}

loose_in_mask()
{
	set_attrs "$1" 0 "$2" && ask queue all && may_be "$2" && ran_everywhere
}

# starts_in LIST: so many items of "away" have started there, in $starts
starts_in()
{
	local cpu n

	starts=0
	while read -r cpu n; do
		[ -z "$(common "$cpu" "$1")" ] || starts=$((starts + n))
	done <"$where/away"
	echo "$starts of 40 started on $1"
}

# This shell goes where it keeps no CPU of LIST busy, but shares a cache with it: a
# pod is a hint, and the scheduler prefers another core that is idle.
keep_off()
{
	local cpu

	for cpu in $(cpus_of "$(pod_of cache 0)"); do
		[ -n "$(common "$cpu" "$1")" ] || break
	done
	taskset -p "$(printf %x $((1 << cpu)))" $$ >/dev/null
}

keep_off_none()
{
	taskset -p "$(printf %x $(((1 << (last + 1)) - 1)))" $$ >/dev/null
}

# A worker that was moved away starts in its pod the next time; without pods it
# stays where it was.
back_to_the_pod()
{
	local pod before attempt

	pod=$(pod_of "$1" 0)
	[ -z "$(common "$pod" "$last")" ] ||
		{ echo "CPU $last is in the pod of CPU 0"; return 4; }
	set_attrs "$1" 0 || return 1
	# Where the scheduler has other plans, it may have them for long.
	for attempt in 1 2 3; do
		before=$(repatriated)
		keep_off "$pod"
		echo "0 $last" >"$where/away"
		keep_off_none
		starts_in "$pod"
		echo "$(repatriated) repatriated, $before before"
		[ "$starts" -lt 30 ] || break
		echo "attempt $attempt, CPU and starts: $(xargs <"$where/away")"
	done
	[ "$starts" -ge 30 ] || return 1
	[ "$ENGINE" != cmwq ] || [ "$(repatriated)" -ge $((before + 20)) ]
}

stays_away()
{
	local pod

	pod=$(pod_of cache 0)
	[ -z "$(common "$pod" "$last")" ] ||
		{ echo "CPU $last is in the pod of CPU 0"; return 4; }
	set_attrs system 0 && echo "0 $last" >"$where/away" || return 1
	starts_in "$pod"
	[ "$starts" -le 20 ]
}

repatriated()
{
	[ "$ENGINE" = cmwq ] || { echo 0; return; }
	cmwq_table pools repatriated | awk '{ n += $1 } END { print n + 0 }'
}

# An item leaves its worker bound to a CPU outside: the next one is not there.
bound_elsewhere()
{
	set_attrs cache 1 && echo "0 $last bind" >"$where/away" || return 1
	starts_in "$(pod_of cache 0)"
	[ "$starts" = 40 ] && set_attrs cache 0 &&
		echo "0 $last bind" >"$where/away" && ask queue && may_be "$all"
}

# The default, of the parameter
default_is()
{
	set_attrs dfl 1 && ask queue && pods_are "$1"
}

default_changes()
{
	set_attrs dfl 1 || return 1
	for scope in numa smt system cache; do
		echo "$scope" >/sys/module/cmwq/parameters/default_affinity_scope
		grep -qx "$scope" /sys/module/cmwq/parameters/default_affinity_scope
		ask queue && pods_are "$scope" || return 1
	done
	for scope in x default "" 3; do
		! echo "$scope" 2>/dev/null \
			>/sys/module/cmwq/parameters/default_affinity_scope ||
			return 1
	done
	ask queue && pods_are cache
}

# online 0|1 CPU...
online()
{
	local state=$1 cpu

	shift
	for cpu; do
		echo "$state" >"$cpus/cpu$cpu/online" || return 1
	done
}

# CPU: it is with the others of its cache
found()
{
	ask queue >/dev/null &&
		awk -v cpu="$1" '$1 == cpu && $3 != cpu { found = 1 }
			END { exit !found }' /tmp/where
}

found_all()
{
	ask queue && pods_are "$1"
}

# The threads of a core have been down since before cmwq was loaded.
one_at_a_time()
{
	local cpu

	# shellcheck disable=SC2086 # several words
	set -- $siblings
	[ $# -gt 1 ] ||
		{ online 1 "$@"; echo "a core has one thread"; return 4; }
	set_attrs cache 1 || return 1
	for cpu; do
		online 1 "$cpu" && eventually 20 found "$cpu" &&
			online 0 "$cpu" || return 1
	done
	set_attrs smt 1 && online 1 "$@" && eventually 20 found_all smt &&
		set_attrs cache 1 && found_all cache
}

scopes="cpu smt cache numa system"
if [ "$ENGINE" = cmwq ]; then
	scopes="$scopes cache_shard"
	CMWQ_PARAMS="${CMWQ_PARAMS-} cache_shard_size=${SHARD:-8}"
fi
ktap_begin
engine_begin
where_load || ktap_bail "cmwq_test_where does not load"
for cpu in $(cpus_of "$all"); do
	diag "CPU $cpu: smt $(pod_of smt "$cpu") cache $(pod_of cache "$cpu")" \
	     "shard $(pod_of cache_shard "$cpu") numa $(pod_of numa "$cpu")"
done
for scope in $scopes; do
	ktap_test "$scope, strict" strict "$scope"
	ktap_test "$scope, strict, queued from elsewhere" strict_on "$scope"
	ktap_test "$scope, not strict" loose "$scope"
done
ktap_test "strict with a cpumask" strict_in_mask cache "0,$last"
ktap_test "strict with a cpumask outside of most pods" \
	strict_in_mask cpu "0-1"
ktap_test "not strict with a cpumask" loose_in_mask cache "1,$last"
ktap_test "a worker returns to its core" back_to_the_pod smt
ktap_test "a worker returns to its cache" back_to_the_pod cache
ktap_test "without pods it stays where it is" stays_away
if [ "$ENGINE" = cmwq ]; then
	ktap_test "a worker that was bound elsewhere" bound_elsewhere
	ktap_test "the default is cache_shard" default_is cache_shard
	ktap_test "the default changes, also at run time" default_changes
	where_unload
	unload_bounded cmwq
	CMWQ_PARAMS="default_affinity_scope=numa"
	engine_begin
	where_load
	ktap_test "the default can be given" default_is numa
	where_unload
	unload_bounded cmwq
	siblings=$(cpus_of "$(pod_of smt "$last")")
	# shellcheck disable=SC2086 # several words
	online 0 $siblings
	engine_begin
	where_load
	ktap_test "threads that come up one at a time" one_at_a_time
fi
where_unload
engine_end
ktap_end
