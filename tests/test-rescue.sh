#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Rescuers: what CMWQ_MEM_RECLAIM queues do while no worker can be made.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

tracing=/sys/kernel/tracing
[ -d $tracing/events ] || mount -t tracefs none $tracing 2>/dev/null

traced()
{
	grep -c ": $1: " /tmp/trace
}

# Read at once: functions have their names as long as their module is loaded.
trace_begin()
{
	echo 1 >$tracing/events/cmwq/enable
	cat $tracing/trace_pipe >/tmp/trace &
	tracer=$!
}

trace_end()
{
	# The reader is slow, and sorts by time: this comes last.
	echo 0 >$tracing/events/cmwq/enable
	echo "the end" >$tracing/trace_marker
	wait_until 100 grep -q ': the end$' /tmp/trace
	kill "$tracer"
}

# While the test's queues are there: each line is a queue with its rescuer.
rescuers_are_shown()
{
	local name flags rescuer comm

	cmwq_table workqueues name flags rescuer >/tmp/queues
	grep -q mem_reclaim /tmp/queues || { echo "no such queue"; return 1; }
	while read -r name flags rescuer; do
		case ,$flags, in
		*,mem_reclaim,*)
			comm=$(cat "/proc/$rescuer/comm") || return 1
			[ "$comm" = "$(echo "cmwq/R-$name" | cut -c1-15)" ] ||
				{ echo "$name: $comm"; return 1; }
			echo "$name: $comm, nice $(awk '{ print $19 }' \
				"/proc/$rescuer/stat")"
			;;
		*)
			[ "$rescuer" = 0 ] || return 1
			;;
		esac
	done </tmp/queues
}

no_rescuer_is_left()
{
	! grep -l '^cmwq/R-' /proc/[0-9]*/comm 2>/dev/null
}

events_say_so()
{
	local maydays rescues

	maydays=$(traced cmwq_mayday)
	rescues=$(traced cmwq_rescue)
	echo "$maydays maydays, $rescues items rescued"
	grep -m 1 'cmwq_mayday: queue=t_reclaim pool=[0-9]*$' /tmp/trace &&
		grep -m 1 'cmwq_rescue: queue=t_reclaim pool=[0-9]* function=item_fn' \
			/tmp/trace &&
		[ "$maydays" -gt 0 ] && [ "$rescues" -ge "$maydays" ]
}

# Each item of that run, at each station.
items_are_traced()
{
	local event n

	n=$(traced 'cmwq_queue_work')
	echo "$n items"
	grep -m 1 'cmwq_queue_work: .*function=item_fn .*queue=t_idle pool=[0-9]*$' \
		/tmp/trace || return 1
	for event in cmwq_activate_work cmwq_execute_start cmwq_execute_end; do
		grep -m 1 "$event: .*function=item_fn" /tmp/trace &&
			[ "$(traced "$event")" = "$n" ] || return 1
	done
}

nothing_in_vain()
{
	[ "$(traced cmwq_mayday)" = 0 ]
}

# said PATTERN: in the log, since $mark
said()
{
	log_since "$mark" | grep -E "$1"
}

ktap_begin
engine_begin
engine_run rescue only=not_called_in_vain
# There are idle workers everywhere now.
trace_begin
engine_run rescue only=not_called_in_vain
trace_end
ktap_test "no mayday while there are workers" nothing_in_vain
ktap_test "items are traced" items_are_traced
mark=$(log_mark)
if [ -z "$engine_stuck" ]; then
	trace_begin
	engine_run rescue
	trace_end
	ktap_test "maydays and rescues are traced" events_say_so
	ktap_test "who waits for a queue without a rescuer is told" said \
		'waits_for_plain_fn .*queue t_reclaim waits for queue t_plain.*give it CMWQ_MEM_RECLAIM'
fi
ktap_test "no rescuer without a queue" no_rescuer_is_left
if [ -z "$engine_stuck" ]; then
	load_test cmwq_test_client reclaim=1 sleepers=1
	ktap_test "queues show their rescuers" rescuers_are_shown
	echo 1 >/sys/module/cmwq_test_client/parameters/release
	unload_test cmwq_test_client
fi
engine_end
ktap_end
