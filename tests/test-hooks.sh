#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Every way of noticing that a worker sleeps: what was asked for is in force,
# nothing is lost, and the accelerator comes when it pays and goes when not.
#
# Environment: ITEMS=N  LIMIT=SECONDS  MODES="auto notifier entry tracepoint"

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"

items=${ITEMS:-100000}
limit=${LIMIT:-200}
modes=${MODES:-auto notifier entry tracepoint}

config_is()
{
	local value

	value=$(cmwq_value config "$1") || { echo "no $1"; return 1; }
	echo "$1: $value"
	[ "$value" = "$2" ]
}

accelerator_is()
{
	local value

	value=$(cmwq_value config accelerator) || return 1
	case "$1 $value" in
	"off off"|"on rcu_utilization"|"on sched_entry_tp") return 0 ;;
	esac
	echo "accelerator: $value"
	return 1
}

switches_above()
{
	[ "$(cmwq_value config accelerator_switches)" -gt "$1" ]
}

# The load line names what the config view names.
in_force()
{
	local mode="$1" accounting=notifier accelerator=off say

	case "$mode" in
	auto) say='preempt notifiers.*on demand' ;;
	notifier) say='preempt notifiers' ;;
	entry) say='preempt notifiers.*\(rcu_utilization\|sched_entry_tp\)'
	       accelerator=on ;;
	tracepoint) say='sched_switch' accounting=tracepoint ;;
	esac
	log_since "$mark" | grep "cmwq: .*loaded on .*hooks: $say" ||
		{ echo "the log does not say so"; return 1; }
	config_is hooks_requested "$mode" &&
		config_is accounting "$accounting" &&
		config_is guarantee irq_work &&
		accelerator_is "$accelerator"
}

sum_of()
{
	cmwq_table pools "$1" | awk '{ n += $1 } END { print n + 0 }'
}

more_than()
{
	[ "$(sum_of "$1")" -gt "$2" ]
}

more_rounds()
{
	[ "$(parameter "$client" rounds)" -gt "$1" ]
}

# Items that block all the time: hand-overs happen, and only the modes that
# have an accelerator use it.
hands_over()
{
	local mode="$1" bad=0 before prewakes handovers

	handovers=$(sum_of handovers) prewakes=$(sum_of prewakes)
	load_test "$client" busy=12 busy_us=50 || return 1
	wait_until 60 more_rounds 2000 || { echo "stuck"; bad=1; }
	case "$mode" in
	auto)
		wait_until 120 accelerator_is on ||
			{ echo "the accelerator did not come on"; bad=1; }
		wait_until 120 more_than prewakes "$prewakes" ||
			{ echo "the accelerator did nothing"; bad=1; }
		;;
	entry)
		wait_until 60 more_than prewakes "$prewakes" ||
			{ echo "the accelerator did nothing"; bad=1; }
		;;
	*)
		wait_until 60 more_than handovers "$handovers" ||
			{ echo "no hand-overs"; bad=1; }
		# Long enough for auto mode to have come on many times over.
		before=$(parameter "$client" rounds)
		wait_until 60 more_rounds $((before + 20000)) ||
			{ echo "slow"; }
		accelerator_is off || bad=1
		[ "$(sum_of prewakes)" = 0 ] || { echo "prewakes"; bad=1; }
		;;
	esac
	echo "handovers $(sum_of handovers) prewakes $(sum_of prewakes)" \
	     "accelerator $(cmwq_value config accelerator)" \
	     "switches $(cmwq_value config accelerator_switches)"
	unload_bounded "$client" || bad=1
	case "$mode" in
	auto)
		eventually 120 accelerator_is off ||
			{ echo "the accelerator stays on"; bad=1; }
		;;
	entry)
		accelerator_is on || bad=1
		;;
	esac
	return "$bad"
}

# In auto mode it comes back when it is needed again.  Leaves it on, for the
# unloading that follows.
comes_back()
{
	local switches

	switches=$(cmwq_value config accelerator_switches)
	load_test "$client" busy=12 busy_us=50 || return 1
	# A back-off of up to a minute after fruitless trials is as designed.
	wait_until 180 switches_above "$switches" ||
		{ echo "stayed off"; return 1; }
	unload_bounded "$client"
}

stress_passes()
{
	run_stress "$limit" "items=$items" "seed=$1"
	status=$?
	unload_bounded "$stress" || return 1
	[ "$status" = 0 ] && eventually 20 pools_at_rest
}

unloads_cleanly()
{
	unload_bounded cmwq && eventually 20 nothing_left &&
		no_complaints "$mark"
}

refuses_unknown()
{
	local mark

	mark=$(log_mark)
	! load_cmwq "hooks=$1" || { unload_bounded cmwq; return 1; }
	log_since "$mark" | grep "cmwq: hooks=$1 .*use auto, notifier" ||
		{ echo "the log has no such sentence"; return 1; }
	nothing_left
}

seed=1
n=0
for mode in $modes; do
	n=$((n + 5))
	[ "$mode" != auto ] || n=$((n + 1))
done
ktap_begin $((n + 1))
for mode in $modes; do
	mark=$(log_mark)
	load_cmwq "hooks=$mode" || ktap_bail "hooks=$mode does not load"
	ktap_test "hooks=$mode is in force" in_force "$mode"
	ktap_test "hooks=$mode: $items items, none lost" stress_passes $seed
	ktap_test "hooks=$mode hands over as it should" hands_over "$mode"
	[ "$mode" != auto ] ||
		ktap_test "hooks=auto: the accelerator comes back" comes_back
	ktap_test "hooks=$mode: workers and threads agree" \
		eventually 20 workers_are_threads
	ktap_test "hooks=$mode unloads and leaves nothing" unloads_cleanly
	seed=$((seed + 1))
done
ktap_test "hooks=sometimes is refused with a sentence" refuses_unknown sometimes
ktap_end
