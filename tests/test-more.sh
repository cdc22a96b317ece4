#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The less common functions: items with a grace period, a deferrable timer or a
# node; functions called elsewhere; what a worker and the log tell.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

cpu1=/sys/devices/system/cpu/cpu1/online

# said PATTERN: a log line about it
said()
{
	log_since "$mark" | grep -E "$1" | head -n 1 | grep . && return 0
	echo "no line like: $1"
	return 1
}

silent_about()
{
	! log_since "$mark" | grep -E "$1"
}

# What cmwq_test_more had printed.
check_dumps()
{
	ktap_test "a queue of a device is the driver's" \
		said 'cmwq: queue t_devm_7 of cmwq_test_more: percpu'
	ktap_test "a dump names the queue" \
		said 'cmwq: queue t_dump of cmwq_test_more: unbound,freezable'
	ktap_test "what runs" \
		said 'cmwq:     runs: dumped_fn \[cmwq_test_more\] in pid [0-9]+ for'
	ktap_test "what waits" \
		said 'cmwq:     waits: probe_fn \[cmwq_test_more\]'
	ktap_test "the pool" said 'cmwq: pool [0-9]+ cpu -1 nice 0: [1-9]'
	ktap_test "a BH pool that runs its last item" \
		said 'cmwq: pool [0-9]+ cpu [0-9]+ nice -20: 1 workers, 0 idle, .* 0 items wait'
	ktap_test "but no resting one" \
		silent_about 'cmwq: pool .* [01] workers, 1 idle, .* 0 items wait'
	ktap_test "the freezable ones" said 'cmwq: busy freezable queues:'
	ktap_test "but no idle one" silent_about 't_dump_idle'
	ktap_test "a worker says what it runs" \
		said 'Workqueue: t_dump dumped_fn \[cmwq_test_more\]$'
	ktap_test "and how that is described" \
		said 'Workqueue: t_dump dumped_fn .*\(a-description\)$'
}

mark=$(log_mark)
ktap_begin
engine_begin
engine_run rcu
engine_run more
[ "$ENGINE" != cmwq ] || check_dumps
if [ -w $cpu1 ] && echo 0 >$cpu1; then
	engine_run more only=work_on_dead_cpu
	echo 1 >$cpu1
fi
engine_end
ktap_end
