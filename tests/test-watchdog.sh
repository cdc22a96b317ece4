#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Pools that make no progress: named, with what holds them; others are not.
# What can is moved to other CPUs if that is asked for.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

module=cmwq_test_watchdog
results=/sys/kernel/debug/$module/results
spins=0
before_release=:
parameters=/sys/module/cmwq/parameters

# set_parameter NAME VALUE
set_parameter()
{
	echo "$2" >"$parameters/$1"
}

# Real-time tasks may keep a CPU for good.
no_throttling()
{
	local file

	echo -1 >/proc/sys/kernel/sched_rt_runtime_us
	for file in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
		[ ! -f "$file" ] || echo 0 >"$file"
	done
}

# said PATTERN - in the log since the case began
said()
{
	log_since "$mark" | grep -q "cmwq: $1"
}

says()
{
	eventually 30 said "$1" && return 0
	echo "not said: $1"
	return 1
}

# In a stack, say
said_raw()
{
	log_since "$mark" | grep "$1"
}

begin()
{
	mark=$(log_mark)
	stalls=$(cmwq_value stats stalls)
	load_test "$module" "only=$1" "held_cpu=$held" \
		"waiting_cpu=$waiting" "spins=$spins"
}

# end CASE STATUS
end()
{
	local bad=$2

	engine_wait "$module" || { engine_stuck=$module; engine_state "$module"; bad=1; }
	cat "$results"
	grep -q "^ok $1" "$results" || bad=1
	[ "$bad" = 0 ] || log_since "$mark" | grep 'cmwq: ' | head -n 40
	if [ -n "$engine_stuck" ]; then
		loaded_tests=
		return 1
	fi
	unload_bounded "$module" && return "$bad"
}

# hold_cpu HELD [WAITING] - from now on, while WAITING waits for it; keep off both
hold_cpu()
{
	local mask

	held=$1
	waiting=${2:--1}
	mask=$((((1 << $(grep -c '^processor' /proc/cpuinfo)) - 1) & ~(1 << held)))
	[ "$waiting" -lt 0 ] || mask=$((mask & ~(1 << waiting)))
	taskset -p "$(printf '%x' "$mask")" $$ >/dev/null
	# It may keep this shell's page tables still, and would have to be told, by an
	# interrupt, of each change: let it see others.
	for cpu in "$held" ${2:+"$2"}; do
		taskset "$(printf '%x' $((1 << cpu)))" true
	done
	cpu=$held
}

# With PREEMPT_RT, who has softirqs off may be preempted, and since 6.18 others have them
# on meanwhile (CONFIG_PREEMPT_RT_NEEDS_BH_LOCK).
softirqs_can_be_held()
{
	case "$(uname -v)" in
	*PREEMPT_RT*) ;;
	*) return 0 ;;
	esac
	[ "$(uname -r | awk -F'[.-]' '{ print $1 * 1000 + $2 }')" -lt 6018 ]
}

named_if_held()
{
	softirqs_can_be_held ||
		{ echo "nobody can hold softirqs up on this kernel"; return 4; }
	"$@"
}

watchdog_pid()
{
	local dir

	for dir in /proc/[0-9]*; do
		[ "$(cat "$dir/comm" 2>/dev/null)" != cmwq/watchdog ] ||
			echo "${dir#/proc/}"
	done
}

# The CPU where it ran last
cpu_of_watchdog()
{
	sed 's/.*) //' "/proc/$watchdog/stat" | cut -d' ' -f37
}

# Held before it could say so: it has to be taken away from there first.
named_all_the_same()
{
	hold_cpu "$(cpu_of_watchdog)"
	echo "the watchdog is on CPU $held"
	named "$1" "$2"
	set -- $?
	echo "and is now on CPU $(cpu_of_watchdog)"
	return "$1"
}

# The case holds still, and the watchdog is where?
is_elsewhere()
{
	local there

	there=$(cpu_of_watchdog)
	echo "it is on CPU $there now"
	[ "$there" != "$waiting" ] && [ "$there" != "$held" ]
}

# named_from_elsewhere SPINS CASE PATTERN... - the watchdog's CPU waits for the held one
named_from_elsewhere()
{
	local there status

	there=$(cpu_of_watchdog)
	# Where the first of the timers is that bring the watchdog elsewhere.
	hold_cpu $(((there + 1) % $(grep -c '^processor' /proc/cpuinfo))) "$there"
	spins=$1
	shift
	echo "the watchdog is on CPU $waiting, CPU $held is held"
	before_release=is_elsewhere
	named "$@"
	status=$?
	before_release=:
	spins=0
	return "$status"
}

# named CASE PATTERN... - it is stuck, the log says that, it goes on
named()
{
	local case=$1 bad=0 pattern

	shift
	begin "$case" || return 1
	for pattern in "pool [0-9]* cpu $cpu nice 0.* makes no progress for" "$@"
	do
		says "$pattern" || bad=1
	done
	[ "$(cmwq_value stats stalls)" -gt "$stalls" ] || { echo "not counted"
							   bad=1; }
	$before_release || bad=1
	echo 1 >/sys/module/"$module"/parameters/release
	says "pool [0-9]* goes on after" || bad=1
	end "$case" "$bad"
}

# Said at the threshold, at twice that, at four times
less_and_less_often()
{
	local bad=0 times

	begin cpu_is_held || return 1
	sleep 7
	echo 1 >/sys/module/"$module"/parameters/release
	says "pool [0-9]* goes on after" || bad=1
	times=$(log_since "$mark" | grep -c 'cmwq: pool .*makes no progress')
	echo "$times times in 7 s"
	[ "$times" -ge 2 ] && [ "$times" -le 3 ] || bad=1
	end cpu_is_held "$bad"
}

not_named()
{
	local bad=0

	begin "$1" || return 1
	end "$1" 0 || bad=1
	! log_since "$mark" | grep 'cmwq: pool .*makes no progress' || bad=1
	[ "$(cmwq_value stats stalls)" = "$stalls" ] ||
		{ echo "counted"; bad=1; }
	return "$bad"
}

# moved CASE NUMBER - of items, at least, says the log: a pool that is gone has taken
# its counters along
moved()
{
	local items

	begin "$1" || return 1
	end "$1" 0 || return 1
	items=$(log_since "$mark" |
		awk '/cmwq: pool .* items go to other CPUs/ {
			sub(/.*pool [0-9]*: /, ""); n += $1 } END { print n + 0 }')
	echo "$items items moved"
	[ "$items" -ge "$2" ]
}

counted()
{
	local items

	items=$(cmwq_value stats evacuated)
	echo "evacuated $items"
	[ "$items" -ge 200 ]
}

silent_if_off()
{
	local bad=0

	begin cpu_is_held || return 1
	sleep 4
	echo 1 >/sys/module/"$module"/parameters/release
	end cpu_is_held 0 || bad=1
	! said "pool .*makes no progress" || bad=1
	return "$bad"
}

# From a sleep without a timer: W8
named_if_on_again()
{
	hold_cpu 1
	set_parameter watchdog_thresh 1 && named cpu_is_held
}

kept_parameters()
{
	[ "$(cmwq_value config watchdog_thresh)" = 30 ] &&
		[ "$(cmwq_value config watchdog_evacuate)" = 0 ] &&
		! set_parameter watchdog_thresh 86401 2>/dev/null &&
		[ "$(cat "$parameters"/watchdog_thresh)" = 30 ] &&
		set_parameter watchdog_thresh 1 &&
		[ "$(cmwq_value config watchdog_thresh)" = 1 ]
}

ktap_begin
engine_begin
watchdog=$(watchdog_pid)
no_throttling
hold_cpu 1
ktap_test "the threshold" kept_parameters
for case in nothing_to_do busy_but_goes_on one_sleeps_long \
	    others_wait_for_max_active; do
	[ -n "$engine_stuck" ] || ktap_test "not named: $case" not_named $case
done

[ -n "$engine_stuck" ] ||
	ktap_test "a CPU held by a real-time task" named cpu_is_held \
		"  worker cmwq/1:[0-9]*, pid [0-9]*, has been woken" \
		"  waits: plain_fn .*of queue t_held" \
		"  CPU 1 is held by cmwq_test/0 in pid [0-9]*, fifo 50"
[ -n "$engine_stuck" ] ||
	ktap_test "with its stack" said_raw ' hold_the_cpu+0x'
[ -n "$engine_stuck" ] ||
	ktap_test "said less and less often" less_and_less_often
[ -n "$engine_stuck" ] ||
	ktap_test "softirqs held up" named_if_held named softirqs_are_held \
		"pool [0-9]* cpu 1 nice 0 bh makes no progress for" \
		"  its softirq does not run" \
		"  waits: plain_fn .*of queue t_held" \
		"  CPU 1 is held by cmwq_test/0 in pid"
[ -n "$engine_stuck" ] ||
	ktap_test "interrupts off" named interrupts_are_held \
		"  CPU 1 takes no interrupts"
[ -n "$engine_stuck" ] ||
	ktap_test "interrupts off where the watchdog is" \
		named_all_the_same interrupts_are_held \
			"  CPU [0-9] takes no interrupts"
[ -n "$engine_stuck" ] ||
	ktap_test "interrupts off, for which the watchdog's CPU waits" \
		named_from_elsewhere 0 interrupts_are_held \
			"  CPU [0-9] takes no interrupts"
[ -n "$engine_stuck" ] ||
	ktap_test "interrupts off, and off where the watchdog is" \
		named_from_elsewhere 1 interrupts_are_held \
			"  CPU [0-9] takes no interrupts"
[ -n "$engine_stuck" ] ||
	ktap_test "softirqs held up where the watchdog is" \
		named_if_held named_all_the_same softirqs_are_held \
			"  CPU [0-9] is held by cmwq_test/0 in pid"
hold_cpu 1
set_parameter pool_max_workers 4
cpu=0
[ -n "$engine_stuck" ] ||
	ktap_test "all workers asleep at the cap" named all_asleep_at_the_cap \
		"  all 4 workers are in items" \
		"  runs: sleeping_fn .*of queue t_capped in pid" \
		"  waits: sleeping_fn .*of queue t_capped"
[ -n "$engine_stuck" ] ||
	ktap_test "with their stacks" said_raw ' sleeping_fn+0x'
cpu=-1
[ -n "$engine_stuck" ] ||
	ktap_test "an unbound pool at the cap" named unbound_at_the_cap \
		"  all 4 workers are in items" \
		"  runs: sleeping_fn .*of queue t_capped in pid" \
		"  waits: sleeping_fn .*of queue t_capped"
set_parameter pool_max_workers 2048
set_parameter watchdog_evacuate 1
[ -n "$engine_stuck" ] ||
	ktap_test "what is not strict is moved, once" \
		moved moved_to_other_cpus 200
[ -n "$engine_stuck" ] || ktap_test "counted" counted
[ -n "$engine_stuck" ] ||
	ktap_test "moved while it is flushed and cancelled" \
		moved storm_while_moving 100
set_parameter watchdog_thresh 0
[ -n "$engine_stuck" ] || ktap_test "off" silent_if_off
[ -n "$engine_stuck" ] || ktap_test "on again" named_if_on_again
[ -n "$engine_stuck" ] || ktap_test "all at rest" eventually 20 pools_at_rest
engine_end
ktap_end
