#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Is a debug kernel awake?  Each mistake that cmwq_test_planted.c makes has to be
# reported, or silence of such a kernel would say nothing.
#
# Environment: PLANTED=NAME,...: which; lockdep goes silent after its first report
# and after those of KASAN and of a task that is stuck, hence the order in "all_planted".

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

all_planted="rcu_without_lock sleep_in_atomic free_active_item init_active_item
	unannounced_on_stack free_active_timer shift_too_far lock_order stuck_task
	use_after_free out_of_bounds"

# report_of NAME: what the kernel has to say, a regular expression
report_of()
{
	case $1 in
	use_after_free) echo 'BUG: KASAN: (slab-)?use-after-free in look_at' ;;
	out_of_bounds) echo 'BUG: KASAN: slab-out-of-bounds in look_at' ;;
	lock_order) echo 'possible circular locking dependency' ;;
	sleep_in_atomic) echo 'BUG: sleeping function called from invalid' ;;
	rcu_without_lock) echo 'WARNING: suspicious RCU usage' ;;
	shift_too_far) echo 'UBSAN: shift-out-of-bounds' ;;
	free_active_item) echo 'ODEBUG: free active .*cmwq_work.* hint: nothing_fn' ;;
	init_active_item) echo 'ODEBUG: init active .*cmwq_work.* hint: nothing_fn' ;;
	unannounced_on_stack) echo 'ODEBUG: object .* is on stack .*, but NOT annotated' ;;
	free_active_timer) echo 'ODEBUG: free active .*timer_list' ;;
	race_of_two) echo 'BUG: KCSAN: data-race in race' ;;
	leak) echo 'unreferenced object' ;;
	stuck_task) echo 'INFO: task .* blocked for more than' ;;
	*) echo "nothing is known of $1" ;;
	esac
}

# Also what kmemleak has found.
reports()
{
	log_since "$mark"
	[ "$planted" != leak ] || cat /tmp/leaks
}

scan_leaks()
{
	# What is young may be on its way from hand to hand.
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >/sys/kernel/debug/kmemleak
	cat /sys/kernel/debug/kmemleak >/tmp/leaks
}

is_reported()
{
	reports | grep -E "$(report_of "$planted")"
}

ktap_begin
engine_begin
[ ! -w /proc/sys/kernel/hung_task_timeout_secs ] ||
	echo 5 >/proc/sys/kernel/hung_task_timeout_secs
for planted in $(echo "${PLANTED:-$all_planted}" | tr , ' '); do
	mark=$(log_mark)
	echo "vm-expect: begin planted" >/dev/kmsg
	if [ "$planted" = leak ]; then
		echo clear >/sys/kernel/debug/kmemleak
		engine_run planted "only=$planted"
		scan_leaks
	else
		engine_run planted "only=$planted"
	fi
	wait_until 10 is_reported
	echo "vm-expect: end" >/dev/kmsg
	diag "lockdep: $(grep -s debug_locks /proc/lockdep_stats)"
	ktap_test "$planted is reported" is_reported ||
		reports | tail -n 20 | diag_stdin
done
engine_end
ktap_end
