#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Each allocation fails once, on a kernel that can inject that: those of calls
# (cmwq_test_fault.c), of loading, of writing to files, of reading the views.  With
# kmemleak=on on its command line the kernel also looks for what was left.
#
# Environment: PART=calls (default), load or files

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

# only_below START END: none fails but those that a function there leads to; each says so
only_below()
{
	local what

	if [ ! -e "$debug/failslab/require-start" ]; then
		echo "needs CONFIG_FAULT_INJECTION_STACKTRACE_FILTER"
		return 4
	fi
	for what in "$debug/failslab" "$debug/fail_page_alloc"; do
		echo "$1" >"$what/require-start" &&
		echo "$2" >"$what/require-end" &&
		echo 32 >"$what/stacktrace-depth" &&
		echo 0 >"$what/verbose_ratelimit_interval_ms" &&
		echo 1 >"$what/verbose" || return 1
	done
}

# The Nth allocation of the COMMAND fails.  "exec": the count is the task's.
with_nth()
{
	# shellcheck disable=SC2016 # for the inner shell
	sh -c 'echo "$1" >/proc/self/task/$$/fail-nth && shift && exec "$@"' \
		sh "$@"
}

# fail_each CHECK COMMAND...: CHECK STATUS after each time; /tmp/log has what the kernel
# said meanwhile.  Some that it can do without fail without a word, but not so many in a
# row: then there were none left to fail.  Status 2: there was not one.  $failed: how many
# it cannot do without.
fail_each()
{
	local nth=0 quiet=0 status check="$1"

	failed=0
	shift
	while [ "$quiet" -lt 10 ]; do
		nth=$((nth + 1))
		[ "$nth" -lt 1000 ] || return 1
		dmesg -c >/dev/null	# to read it all each time takes too long
		with_nth "$nth" "$@" >/tmp/command 2>&1
		status=$?
		dmesg >/tmp/log
		quiet=$((quiet + 1))
		! grep -q 'FAULT_INJECTION: ' /tmp/log || quiet=0
		[ "$status" = 0 ] || quiet=0 failed=$((failed + 1))
		if ! "$check" "$status"; then
			echo "after $nth, status $status:"
			cat /tmp/command /tmp/log
			return 1
		fi
	done
	echo "$*: $((nth - quiet)) allocations, $failed of them it cannot do without"
	[ "$nth" != "$quiet" ] || return 2
}

loaded_or_not()
{
	# Some insmod try twice.
	if grep -q 'cmwq: not loaded: step' /tmp/log; then
		grep -q 'cmwq: not loaded: step .* errno -12$' /tmp/log || return 1
	else
		[ "$1" = 0 ] || return 1
	fi
	! is_loaded cmwq || unload_bounded cmwq || return 1
	eventually 20 nothing_left
}

loading()
{
	local from to

	from=$(sed -n 's/ T do_one_initcall$//p' /proc/kallsyms)
	to=$(sort /proc/kallsyms | sed -n '/ do_one_initcall$/{ n; s/ .*//p; }')
	only_below "0x$from" "0x$to" || return
	fail_each loaded_or_not insmod "$(find_ko cmwq)" && [ "$failed" -gt 10 ]
}

below_cmwq()
{
	local size base

	read -r size base <<-END
		$(awk '$1 == "cmwq" { print $2, $6 }' /proc/modules)
	END
	only_below "$base" "$(printf '0x%x' $((base + size)))"
}

# What was written is there, or what was there before; as before in the end.
written_or_not()
{
	local now

	now=$(cat "$file")
	if [ "$1" = 0 ]; then
		[ "$now" != "$was" ] || { echo "still $was"; return 1; }
	else
		[ "$now" = "$was" ] || { echo "$now, not $was"; return 1; }
		grep -q 'Cannot allocate memory' /tmp/command || return 1
	fi
	echo "${was%% (*}" >"$file"
}

writing()
{
	local file value was bad=0

	below_cmwq || return
	while read -r file value; do
		file=/sys/devices/virtual/cmwq/$file
		was=$(cat "$file") || return 1
		echo "$value" >/tmp/value
		fail_each written_or_not dd if=/tmp/value "of=$file" || bad=1
	done <<-END
		cpumask 1
		t_unbound/cpumask 1
		t_unbound/nice -5
		t_unbound/policy fifo 1
		t_unbound/affinity_scope cpu
		t_unbound/affinity_strict 1
		t_percpu/nice -5
	END
	return "$bad"
}

read_or_not()
{
	[ "$1" = 0 ] || grep -q 'Cannot allocate memory' /tmp/command || return 1
	cat "$CMWQ_VIEWS"/* >/tmp/views && [ -s /tmp/views ]
}

reading()
{
	local view bad=0 hit=0

	below_cmwq || return
	for view in "$CMWQ_VIEWS"/*; do
		fail_each read_or_not cat "$view"
		case $? in
		0) hit=1 ;;
		2) ;;		# all that it needs is the kernel's own
		*) bad=1 ;;
		esac
	done
	[ "$hit" = 1 ] && return "$bad"
}

ktap_begin
[ -d $debug/failslab ] || ktap_skip_all "this kernel has no CONFIG_FAILSLAB"
for what in failslab fail_page_alloc; do
	# Those that may sleep as well; its own story of each is not of interest.
	echo N >$debug/$what/ignore-gfp-wait
	echo 0 >$debug/$what/verbose
done
[ ! -e "$debug/kmemleak" ] || echo clear >"$debug/kmemleak" 2>/dev/null
case ${PART:-calls} in
load)
	ktap_test "each allocation of loading" loading
	ktap_test "nothing is left behind" no_leaks
	;;
*)
	engine_begin
	if [ "${PART-}" = files ]; then
		load_test cmwq_test_sysfs
		ktap_test "each allocation of writing" writing
		ktap_test "each allocation of reading the views" reading
		unload_bounded cmwq_test_sysfs
	else
		engine_run fault
	fi
	ktap_test "nothing is left behind" no_leaks
	engine_end
	;;
esac
ktap_end
