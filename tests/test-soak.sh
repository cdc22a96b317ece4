#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Soak: in one boot, round after round, all kinds of work, half of each round on a
# cmwq that stays loaded.  In the end memory, threads and counters are what they
# were.
#
# Environment:
#   FOR		seconds (default 600); the round that is under way is finished, and
#		after the first, in which the machine warms up, there are three at least
#   SEED	of the order of the parts
#   PARTS	only those whose name this regular expression matches
#   SOAK_BUSTED	memory: leave some behind in each round; queue: leave one; and fail

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"

here=$(dirname "$0")
for=${FOR:-600}
seed=${SEED:-1}
round=0
parts_run=0
loads=0
broken=

# Lines "script VARIABLE=value...".  These use the cmwq that is there,
resident()
{
	cat <<-END
		api
		more
		bh
		active
		cpus
		rescue
		watchdog
		hotplug PART=cases
		hotplug PART=flap
		hotplug PART=cpuset
		freezer
		fuzz SEQUENCES=40 WRITES=100 PART=calls,files SEED=$((seed + round))
		stress-resident
		torture-resident
	END
}

# and these load it themselves, with parameters of their own.
alone()
{
	cat <<-END
		smoke
		stress ITEMS=20000 FAIL_PERCENT=20
		hooks ITEMS=20000
		lifecycle LOOPS=6
		debugfs
		policy
		sysfs
		hog
		attrs
		badinput
		hotplug PART=trustee CMWQ_PARAMS=hooks=tracepoint
		hotplug PART=races
		torture FOR=20 SEED=$((seed + round))
		torture FOR=20 SEED=$((seed + round)) TORTURE=bh,rcu,ordered
	END
}

# The lines of stdin in an order of this round.
shuffled()
{
	awk -v seed=$((seed + round)) 'BEGIN { srand(seed) }
		{ print rand() "\t" $0 }' | sort -n | cut -f 2-
}

now()
{
	cut -d. -f1 /proc/uptime
}

# On the cmwq that is there, not by a script: they go and come with it.
stress_resident()
{
	run_stress 300 items=20000 && unload_bounded "$stress"
}

torture_resident()
{
	load_test cmwq_torture torture_type=all duration_s=20 \
		"seed=$((seed + round))" onoff_interval=1500 || return 1
	wait_until 600 param_equals cmwq_torture "done" 1 || return 1
	parameter cmwq_torture result
	param_equals cmwq_torture result SUCCESS && unload_bounded cmwq_torture
}

run_part()
{
	local script="$1"

	shift
	case $script in
	*-resident) "${script%-resident}_resident" ;;
	*) timeout 1800 env "$@" sh "$here/test-$script.sh" ;;
	esac
}

# All parts of stdin; what one prints is kept only if it fails.
run_parts()
{
	local line status begun

	while IFS= read -r line; do
		echo "$line" | grep -qE "${PARTS:-.}" || continue
		begun=$(now)
		# shellcheck disable=SC2086 # words
		run_part $line >/tmp/part 2>&1 </dev/null
		status=$?
		parts_run=$((parts_run + 1))
		loads=$((loads + $(grep -c '^ok' /tmp/part) / 4 + 1))
		diag "round $round, $line: status $status," \
			"$(grep -c '^ok' /tmp/part) passed, $(($(now) - begun)) s"
		[ $status = 0 ] || [ $status = 4 ] && continue
		broken="$broken, $line in round $round"
		grep -v '^ok' /tmp/part | tail -n 60 | diag_stdin
		# What hangs or is lost holds everything else up.
		case $status in
		124|143) ktap_bail "$line hangs" ;;	# busybox says 143
		esac
	done
}

# What there is of cmwq's own, without what only ever grows.
counters()
{
	local key

	for key in pools trustees; do
		echo "$key $(cmwq_value stats $key)"
	done
	cmwq_table workqueues name owner | sort
	echo "threads that are no workers:" \
	     "$(($(count_threads) - $(count_threads workers)))"
	cat "$CMWQ_VIEWS/config"
	grep -H . /sys/module/cmwq/parameters/*
	awk '$1 == "cmwq" { print "references " $3 }' /proc/modules
}

# The same as before the parts.  Pools without a queue go after some time, workers
# without an item do, but for two of each pool.
counters_are_back()
{
	counters >/tmp/counters.now
	diff /tmp/counters.fresh /tmp/counters.now || return 1
	cmwq_table pools pool workers | awk '
		$2 > 2 { print "pool " $1 " has " $2 " workers"; bad = 1 }
		END { exit bad }'
}

at_rest()
{
	pools_at_rest && queues_at_rest && workers_are_threads &&
		counters_are_back
}

# One line for each round, of the machine without cmwq.
take_stock()
{
	echo "$round $loads $(measure) $(kernel_threads)" >>/tmp/stock
	diag "round $round: $(tail -n 1 /tmp/stock)"
}

leave_behind()
{
	case ${SOAK_BUSTED-} in
	memory) head -c 2097152 /dev/zero >"/tmp/left.$round" ;;
	queue) [ "$round" != 1 ] || load_test "$client" ;;
	esac
}

# Everything once.
one_round()
{
	load_cmwq cpu_intensive_thresh_us=0 idle_timeout_ms=2000 ||
		ktap_bail "cmwq.ko does not load"
	counters >/tmp/counters.fresh
	resident | shuffled >/tmp/parts
	run_parts </tmp/parts
	leave_behind
	eventually 60 at_rest >/tmp/rest 2>&1 || {
		broken="$broken, not at rest in round $round"
		diag_stdin </tmp/rest
	}
	[ "${SOAK_BUSTED-}" != queue ] || ! is_loaded "$client" ||
		unload_bounded "$client"
	if ! unload_bounded cmwq || ! eventually 20 nothing_left; then
		ktap_bail "cmwq stays"
	fi
	alone | shuffled >/tmp/parts
	run_parts </tmp/parts
	take_stock
}

all_parts_passed()
{
	echo "$parts_run parts in $((round + 1)) rounds${broken:-, all passed}"
	[ "$parts_run" -ge 6 ] && [ -z "$broken" ]
}

# Half of what has been measured against the other: a leak grows in both, noise
# rarely does, and not by this much: 2 KiB (4 of vmalloc) for each time a module was
# loaded.
memory_is_back()
{
	echo "round, loads; KiB of Percpu, KernelStack, VmallocUsed, kmalloc, MemFree;" \
	     "task_structs, kernel threads"
	cat /tmp/stock
	awk '
		$1 > 0 { n++; for (i = 1; i <= NF; i++) v[n, i] = $i }
		function grown(i, from, to,   by) {
			by = v[to, i] - v[from, i]
			if (i == 7)
				by = -by
			return by >= (i == 5 ? 4 : 2) * (v[to, 2] - v[from, 2])
		}
		END {
			split("- - Percpu KernelStack VmallocUsed kmalloc MemFree",
			      name, " ")
			half = int((n + 1) / 2)
			for (i = 3; i <= 7; i++)
				if (grown(i, 1, half) && grown(i, half, n)) {
					print name[i] (i < 7 ? " grows" : " shrinks")
					bad = 1
				}
			exit bad || n < 3
		}' /tmp/stock
}

threads_are_back()
{
	awk '
		$1 == 1 { first = $NF }
		{ last = $NF }
		END { exit !(first && last <= first) }' /tmp/stock
}

ktap_begin
diag "$for s, seed $seed"
begun=$(now)
: >/tmp/stock
while [ $round -le 3 ] || [ $(($(now) - begun)) -lt "$for" ]; do
	one_round
	round=$((round + 1))
done
round=$((round - 1))
diag "soak of $(($(now) - begun)) s, seed $seed: $parts_run parts, $round rounds"
ktap_test "all parts pass" all_parts_passed
ktap_test "memory is back" memory_is_back
ktap_test "threads are back" threads_are_back
ktap_end
