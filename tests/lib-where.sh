# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Asking cmwq_test_where where items run, and what belongs together according to
# sysfs.  Source after lib.sh and engine.sh.

where_module=cmwq_test_where
[ "$ENGINE" = cmwq ] || where_module=${where_module}_$ENGINE
where=/sys/module/$where_module/parameters
where_stock=/sys/devices/virtual/workqueue/where
cpus=/sys/devices/system/cpu

# where_load [kind=KIND]
where_load()
{
	load_test "$where_module" "$@"
}

where_unload()
{
	unload_test "$where_module"
}

# set_attrs SCOPE STRICT [CPUS]
set_attrs()
{
	local scope=$1

	if [ "$ENGINE" = cmwq ]; then
		echo "$*" >"$where/attrs"
		return
	fi
	[ "$scope" != dfl ] || scope=default
	echo "$scope" >$where_stock/affinity_scope &&
		echo "$2" >$where_stock/affinity_strict &&
		mask_of "${3:-$(cat $cpus/possible)}" >$where_stock/cpumask
}

# The CPUs of a list like 0-2,5, one per line
cpus_of()
{
	echo "$1" | tr ',' '\n' | awk -F- '
		NF == 1 { print $1 }
		NF == 2 { for (i = $1; i <= $2; i++) print i }'
}

# Back to a list, as the kernel prints it; CPUs come in ascending order
list_of()
{
	awk '
		function out() {
			printf "%s%s", sep, first
			if (last > first)
				printf "-%s", last
			sep = ","
		}
		NR > 1 && $1 == last + 1 { last = $1; next }
		NR > 1 { out() }
		{ first = last = $1 }
		END { if (NR) out(); print "" }'
}

# The list as a hexadecimal mask
mask_of()
{
	local cpu mask=0

	for cpu in $(cpus_of "$1"); do
		mask=$((mask | 1 << cpu))
	done
	printf '%x\n' $mask
}

# common LIST LIST: the CPUs in both
common()
{
	{ cpus_of "$1"; cpus_of "$2"; } | sort -n | uniq -d | list_of
}

# pod_of SCOPE CPU: the CPUs that belong with CPU, by sysfs
pod_of()
{
	local dir=$cpus/cpu$2 shard=${SHARD:-8} cache last

	last=$(find "$dir"/cache/index* -maxdepth 0 2>/dev/null | sort | tail -n 1)
	case $1 in
	cpu) echo "$2" ;;
	smt) cat "$dir/topology/core_cpus_list" ;;
	cache)
		# As the scheduler has it: no cache spans sockets.  On arm64 sysfs takes
		# one that no firmware describes for the whole machine's.
		cache=$(cat "$dir/topology/package_cpus_list")
		[ -z "$last" ] ||
			cache=$(common "$cache" "$(cat "$last/shared_cpu_list")")
		echo "$cache"
		;;
	numa) cat "$dir"/node*/cpulist ;;
	system) cat $cpus/possible ;;
	cache_shard)
		# Its cores, divided into shards as even as can be.
		for cache in $(cpus_of "$(pod_of cache "$2")"); do
			echo "$(pod_of smt "$cache") $cache"
		done | awk -v cpu="$2" -v size="$shard" '
			!($1 in core) { core[$1] = n++ }
			{ of[$2] = core[$1]; order[++m] = $2 }
			END {
				shards = int((n + size - 1) / size)
				for (i = 1; i <= m; i++)
					if (int(of[order[i]] * shards / n) == \
					    int(of[cpu] * shards / n))
						print order[i]
			}' | list_of
		;;
	esac
}

# ask WORDS...: measure; the lines are in /tmp/where
ask()
{
	echo "$*" >"$where/where" || { echo "items are lost"; return 1; }
	cat "$where/where" >/tmp/where
	sort -u -k 2 /tmp/where | head -n 8
	[ -s /tmp/where ]
}

# may_be LIST: that is where all items may run, and have run nowhere else
may_be()
{
	local cpu list ran bad=0

	while read -r cpu _ list _ ran; do
		if [ "$list" != "$1" ] || [ "$(common "$list" "$ran")" != "$ran" ]
		then
			echo "CPU $cpu: may $list, not $1; ran $ran"
			bad=1
		fi
	done </tmp/where
	return "$bad"
}
