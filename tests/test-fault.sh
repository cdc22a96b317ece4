#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Each allocation fails once (cmwq_test_fault.c), on a kernel that can inject that.
# With kmemleak=on on its command line the kernel also looks for what was left.
#
# Environment: PART=calls (default), PART=load: while the module loads.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"

debug=/sys/kernel/debug

no_leaks()
{
	sleep 6
	echo scan >"$debug/kmemleak" || { echo "kmemleak=on is missing"; return 4; }
	sleep 6
	echo scan >"$debug/kmemleak"
	cat "$debug/kmemleak"
	! grep -q 'unreferenced object' "$debug/kmemleak"
}

# The n-th allocation of the module's init fails, and no other one of insmod's.
load_failing()
{
	# "exec": the count is the task's.
	# shellcheck disable=SC2016 # for the inner shell
	sh -c 'echo "$1" >/proc/self/task/$$/fail-nth && exec insmod "$2"' \
		sh "$1" "$(find_ko cmwq)"
}

only_inits_allocations()
{
	local what from to

	if [ ! -e "$debug/failslab/require-start" ]; then
		echo "needs CONFIG_FAULT_INJECTION_STACKTRACE_FILTER"
		return 4
	fi
	from=$(sed -n 's/ T do_one_initcall$//p' /proc/kallsyms)
	to=$(sort /proc/kallsyms | sed -n '/ do_one_initcall$/{ n; s/ .*//p; }')
	for what in "$debug/failslab" "$debug/fail_page_alloc"; do
		echo "0x$from" >"$what/require-start" &&
		echo "0x$to" >"$what/require-end" &&
		echo 32 >"$what/stacktrace-depth" &&
		# How it tells that it was here.
		echo 1 >"$what/verbose" || return 1
	done
}

# Some that it can do without fail without a word, but not so many in a row: then there
# were none left to fail.
each_allocation_of_loading()
{
	local nth=0 failed=0 quiet=0 mark

	only_inits_allocations || return
	while [ "$quiet" -lt 10 ]; do
		nth=$((nth + 1))
		[ "$nth" -lt 1000 ] || return 1
		mark=$(log_mark)
		load_failing "$nth" 2>/tmp/insmod
		log_since "$mark" >/tmp/log
		# Some insmod try twice.
		if grep -q 'cmwq: not loaded: step' /tmp/log; then
			quiet=0
			failed=$((failed + 1))
			grep -q 'cmwq: not loaded: step .* errno -12$' /tmp/log ||
				{ cat /tmp/log; return 1; }
		elif ! is_loaded cmwq; then
			cat /tmp/insmod /tmp/log
			return 1
		else
			quiet=$((quiet + 1))
			! grep -q 'FAULT_INJECTION: ' /tmp/log || quiet=0
		fi
		! is_loaded cmwq || unload_bounded cmwq || return 1
		eventually 20 nothing_left || { echo "after $nth"; return 1; }
	done
	echo "$((nth - quiet)) allocations, $failed of them it cannot do without"
	[ "$failed" -gt 10 ]
}

ktap_begin
[ -d $debug/failslab ] || ktap_skip_all "this kernel has no CONFIG_FAILSLAB"
for what in failslab fail_page_alloc; do
	# Those that may sleep as well; its own story of each is not of interest.
	echo N >$debug/$what/ignore-gfp-wait
	echo 0 >$debug/$what/verbose
done
if [ "${PART-}" = load ]; then
	[ ! -e "$debug/kmemleak" ] || echo clear >"$debug/kmemleak" 2>/dev/null
	ktap_test "each allocation of loading fails" each_allocation_of_loading
	ktap_test "nothing is left behind" no_leaks
	ktap_end
fi
engine_begin
[ ! -e "$debug/kmemleak" ] || echo clear >"$debug/kmemleak" 2>/dev/null
engine_run fault
ktap_test "nothing is left behind" no_leaks
engine_end
ktap_end
