#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Many CPUs are possible, few are there: it loads, works, and goes away.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/lib-where.sh
. "$(dirname "$0")/lib-where.sh"

all=$(cat $cpus/possible)

# kB of memory that the kernel uses by itself
kernel_kb()
{
	awk '/^(Slab|Percpu|KernelStack|VmallocUsed):/ { n += $2 }
	     END { print n }' /proc/meminfo
}

loads()
{
	local before from to n

	n=$(cpus_of "$all" | wc -l)
	before=$(kernel_kb)
	from=$(cut -d' ' -f1 /proc/uptime)
	load_cmwq cpu_intensive_thresh_us=0 || return 1
	to=$(cut -d' ' -f1 /proc/uptime)
	# For information: an emulated machine proves nothing about time.
	echo "loaded in $(awk "BEGIN { print $to - $from }") s," \
	     "$((($(kernel_kb) - before) / n)) kB for each of $n possible CPUs"
	[ "$n" -gt "$(grep -c '^processor' /proc/cpuinfo)" ]
}

one_more_cpu()
{
	local cpu

	for cpu in $(cpus_of "$all"); do
		[ -d "$cpus/cpu$cpu" ] &&
			[ "$(cat "$cpus/cpu$cpu/online")" = 0 ] && break
	done 2>/dev/null
	echo 1 >"$cpus/cpu$cpu/online" || return 1
	echo "CPU $cpu is up"
	ask queue || return 1
	# Its pods are known now.
	set_attrs cpu 1 && ask queue && grep "^$cpu may $cpu ran $cpu\$" /tmp/where
}

queues_everywhere()
{
	where_load && ask queue && may_be "$all"
}

ktap_begin
ktap_test "loads" loads
engine_run api
ktap_test "unbound items" queues_everywhere
ktap_test "a CPU comes up for the first time" one_more_cpu
where_unload
engine_end
ktap_end
