#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# CPUs go and come back: what becomes of items, of workers, and who looks after
# them meanwhile.
#
# Environment: ENGINE=cmwq|stock, CMWQ_PARAMS, PART=cases|flap|trustee|races|
# cpuset (default: all), ROUNDS=N of flapping

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/lib-where.sh
. "$(dirname "$0")/lib-where.sh"

victim=$(cpus_of "$(cat $cpus/online)" | tail -n 1)
hotplug=cmwq_test_hotplug
[ "$ENGINE" = cmwq ] || hotplug=${hotplug}_$ENGINE
hold=/sys/module/$hotplug/parameters/hold
PART=${PART:-cases flap trustee races cpuset}

wants()
{
	case " $PART " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

set_online()
{
	echo "$2" >"$cpus/cpu$1/online" ||
		{ echo "CPU $1: cannot write $2"; return 1; }
}

# All CPUs are up, nothing runs: the books are right, all pools are managed.
all_is_well()
{
	pools_at_rest && queues_at_rest && workers_are_threads && no_trustee &&
		cmwq_table pools pool cpu policy workers flags | awk '
			$2 != "-" && $5 != "-" { print "pool " $1 ": " $5; bad = 1 }
			$2 != "-" && $3 != "softirq" && !$4 {
				print "pool " $1 " has no worker"
				bad = 1
			}
			END { exit bad }'
}

no_trustee()
{
	[ "$(cmwq_value stats trustees)" = 0 ] ||
		{ echo "a trustee is left"; return 1; }
	! cat /proc/[0-9]*/comm 2>/dev/null | grep '^cmwq/T'
}

check_books()
{
	[ "$ENGINE" = stock ] || [ -n "$engine_stuck" ] ||
		ktap_test "$1: the books are right" eventually 20 all_is_well
}

# The threads of the victim's pools: "workers flags manager" of each
orphans()
{
	cmwq_table pools cpu policy workers flags manager |
		awk -v cpu="$victim" '
			$1 == cpu && $2 != "softirq" { print $3, $4, $5 }'
}

# Nothing and nobody is left of a CPU that is down.
deserted()
{
	no_trustee && orphans | awk '
		$1 || $2 != "disassociated" || $3 != "-" { print; bad = 1 }
		END { exit bad || !NR }'
}

hold_items()
{
	echo "$1 $2" >"$hold" && wait_until 20 held "$2"
}

held()
{
	[ "$(cat "$hold")" = "$1" ]
}

not_held()
{
	! held "$1"
}

release()
{
	echo "0 0" >"$hold"
}

# One trustee, manager of all pools of the victim, with its name
has_trustee()
{
	[ "$(cmwq_value stats trustees)" = 1 ] || return 1
	orphans | awk '
		$2 != "disassociated,trustee" { bad = 1 }
		{ print $3 }
		END { exit bad || !NR }' >/tmp/managers || return 1
	[ "$(sort -u /tmp/managers | wc -l)" = 1 ] &&
		[ "$(cat "/proc/$(head -n 1 /tmp/managers)/comm")" = \
		  "cmwq/T$victim" ]
}

trustee_comes_and_goes()
{
	hold_items "$victim" 20 && set_online "$victim" 0 || return 1
	eventually 20 has_trustee || { orphans; return 1; }
	held 20 || { echo "the items did not stay"; return 1; }
	release || return 1
	eventually 20 deserted && set_online "$victim" 1 &&
		eventually 20 all_is_well
}

# Without items the CPU is left at once.
deserted_at_once()
{
	set_online "$victim" 0 && eventually 20 deserted &&
		set_online "$victim" 1 && eventually 20 all_is_well
}

# The trustee leaves what it has when the CPU is back.
hands_over()
{
	hold_items "$victim" 20 && set_online "$victim" 0 || return 1
	eventually 20 has_trustee && set_online "$victim" 1 &&
		eventually 20 no_trustee && held 20 || return 1
	release && eventually 20 all_is_well
}

displaced()
{
	cmwq_table workqueues name displaced |
		awk '$1 == "hp_hold" { print $2 }'
}

# What is queued for the CPU while it is down is counted.
counts_displaced()
{
	set_online "$victim" 0 && hold_items "$victim" 7 || return 1
	[ "$(displaced)" = 7 ] ||
		{ echo "displaced: $(displaced), not 7"; return 1; }
	release && set_online "$victim" 1 && hold_items "$victim" 7 || return 1
	[ "$(displaced)" = 0 ] ||
		{ echo "displaced: $(displaced), not 0"; return 1; }
	release && eventually 20 all_is_well
}

switches_of_keepers()
{
	local dir

	for dir in /proc/[0-9]*; do
		case "$(cat "$dir/comm" 2>/dev/null)" in
		cmwq/keeper|cmwq/T*) cat "$dir/status" ;;
		esac
	done | awk '/ctxt_switches/ { n += $2 } END { print n + 0 }'
}

one_trustee()
{
	[ "$(cmwq_value stats trustees)" = 1 ]
}

# No worker can be made for the CPU that is down: tried again, but now and then.
short_of_workers()
{
	local before now max=/sys/module/cmwq/parameters/pool_max_workers was n

	was=$(cat "$max")
	echo 4 >"$max"
	# It may have more than four from before: they stay.
	if ! { echo "$victim 100" >"$hold" && wait_until 20 not_held 0 &&
	       set_online "$victim" 0 && eventually 20 one_trustee; }; then
		echo "$was" >"$max"
		return 1
	fi
	sleep 1
	n=$(cat "$hold")
	before=$(switches_of_keepers)
	sleep 3
	now=$(switches_of_keepers)
	echo "$was" >"$max"
	echo "keeper and trustee: $((now - before)) switches in about 3 s"
	if [ "$n" -ge 100 ] || ! held "$n"; then
		echo "held: $n, then $(cat "$hold"), of 100"
		return 1
	fi
	release && eventually 20 deserted && set_online "$victim" 1 &&
		eventually 20 all_is_well || return 1
	[ $((now - before)) -gt 0 ] && [ $((now - before)) -lt 500 ]
}

# A trustee that cannot be made at first: tried again.
made_later()
{
	local mark bad=0

	mark=$(log_mark)
	hold_items "$victim" 5 || return 1
	echo 1 >/sys/module/cmwq/parameters/fail_create
	set_online "$victim" 0 || return 1
	eventually 20 has_trustee || bad=1
	log_since "$mark" | grep 'no trustee for CPU' ||
		{ echo "nothing failed"; bad=1; }
	echo 0 >/sys/module/cmwq/parameters/fail_create
	release && eventually 20 deserted && set_online "$victim" 1 &&
		eventually 20 all_is_well && return "$bad"
}

# None at all: the workers manage themselves, all items run.
never_made()
{
	hold_items "$victim" 5 || return 1
	echo -1 >/sys/module/cmwq/parameters/fail_create
	set_online "$victim" 0 || return 1
	sleep 0.5
	no_trustee && release || return 1
	no_trustee || return 1
	echo 0 >/sys/module/cmwq/parameters/fail_create
	eventually 20 deserted && set_online "$victim" 1 &&
		eventually 20 all_is_well
}

# Unloaded while a CPU is down, loaded while it is
unload_while_down()
{
	set_online "$victim" 0 && unload_bounded cmwq && nothing_left &&
		load_cmwq cpu_intensive_thresh_us=0 && eventually 20 deserted &&
		set_online "$victim" 1 && eventually 20 all_is_well
}

# At once when its last items have run: the trustee may not have noticed yet.
unload_against_trustee()
{
	local i=0

	while [ "$i" -lt 5 ]; do
		load_test cmwq_test_veto && load_test "$hotplug" only=none &&
			hold_items "$victim" 20 && set_online "$victim" 0 &&
			eventually 20 has_trustee || return 1
		release && unload_test "$hotplug" &&
			unload_test cmwq_test_veto &&
			unload_bounded cmwq && nothing_left &&
			set_online "$victim" 1 &&
			load_cmwq cpu_intensive_thresh_us=0 || return 1
		i=$((i + 1))
	done
	unload_bounded cmwq
}

flap_until_told()
{
	while [ ! -e /tmp/stop-flapping ]; do
		set_online "$victim" 0
		set_online "$victim" 1
	done
}

load_and_unload_against_flapping()
{
	local i=0 bad=0 flapper

	rm -f /tmp/stop-flapping
	flap_until_told &
	flapper=$!
	while [ "$i" -lt 8 ] && [ "$bad" = 0 ]; do
		load_cmwq && load_test cmwq_test_client &&
			unload_test cmwq_test_client &&
			unload_bounded cmwq && nothing_left || bad=1
		i=$((i + 1))
	done
	touch /tmp/stop-flapping
	wait "$flapper"
	return "$bad"
}

# cpuset partitions: on older kernels they take threads off their CPUs.
partition()
{
	local cg=/tmp/cgroup

	mkdir -p "$cg" && mount -t cgroup2 none "$cg" || return 4
	echo +cpuset >"$cg/cgroup.subtree_control" ||
		{ echo "no cpuset controller"; return 4; }
	mkdir "$cg/part" && echo "$victim" >"$cg/part/cpuset.cpus" &&
		echo "$1" >"$cg/part/cpuset.cpus.partition" &&
		[ "$(cat "$cg/part/cpuset.cpus.partition")" = "$1" ]
}

no_partition()
{
	local cg=/tmp/cgroup

	echo member >"$cg/part/cpuset.cpus.partition"
	rmdir "$cg/part" && umount "$cg"
}

# 5.10 takes its own kworkers off their CPUs as well, and its workqueue complains
# then.  Whoever else complains is named.
only_the_kernels_own()
{
	! log_since "$before_partition" | grep -E 'WARNING: |BUG: ' |
		grep -v -e ' at kernel/workqueue\.c:' -e 'BUG: KCSAN: '
}

# Unbound items may still run everywhere: what they shall not use is said in
# the mask of all unbound queues, which is obeyed.
unbound_mask_counts()
{
	local all rest

	all=$(cat "$cpus/possible")
	rest=$(cpus_of "$all" | grep -vx "$victim" | list_of)
	where_load || return 1
	ask queue && may_be "$all" && echo "exclude $victim" >"$where/global" &&
		ask queue && may_be "$rest" && echo "exclude" >"$where/global" &&
		ask queue && may_be "$all"
	where_unload
}

ktap_begin
# Before cmwq: this one is asked after it whether a CPU may go.
load_test cmwq_test_veto || ktap_bail "cmwq_test_veto does not load"
engine_begin
diag "the victim is CPU $victim"

if wants cases; then
	engine_run hotplug
	check_books "CPUs that go, stay or come"
fi
if wants flap; then
	engine_run flap ${ROUNDS:+"rounds=$ROUNDS"}
	check_books "CPUs under load"
fi
if wants trustee && [ "$ENGINE" = cmwq ] && [ -z "$engine_stuck" ]; then
	load_test "$hotplug" only=none
	ktap_test "an empty CPU is deserted" deserted_at_once
	ktap_test "a trustee comes and goes" trustee_comes_and_goes
	ktap_test "it hands over when the CPU is back" hands_over
	ktap_test "short of workers, nobody spins" short_of_workers
	ktap_test "items for a CPU that is down are counted" counts_displaced
	ktap_test "a trustee that could not be made comes later" made_later
	ktap_test "without one the workers manage themselves" never_made
	unload_test "$hotplug"
fi
if wants cpuset && [ -z "$engine_stuck" ]; then
	before_partition=$(log_mark)
	case $(uname -r) in
	5.*) echo "vm-expect: begin" >/dev/kmsg ;;
	esac
	load_test "$hotplug" only=none
	hold_items "$victim" 20
	ktap_test "a partition takes the victim" partition root
	partitioned=$?
	release
	unload_test "$hotplug"
	if [ $partitioned = 0 ]; then
		engine_run hotplug only=bound_now
		[ "$ENGINE" != cmwq ] ||
			ktap_test "the mask of unbound queues counts" \
				unbound_mask_counts
		ktap_test "the partition goes" no_partition
		engine_run hotplug only=bound_now
		ktap_test "nobody but the kernel's own workqueue complains" \
			only_the_kernels_own
	fi
	echo "vm-expect: end" >/dev/kmsg
	[ $partitioned != 0 ] || check_books "cpuset partitions"
fi
if wants races && [ "$ENGINE" = cmwq ] && [ -z "$engine_stuck" ]; then
	unload_test cmwq_test_veto
	ktap_test "unload while a CPU is down" unload_while_down
	ktap_test "unload against the trustee" unload_against_trustee
	ktap_test "load and unload while a CPU flaps" \
		load_and_unload_against_flapping
	load_cmwq
fi
engine_end
ktap_end
