#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Items that run long without sleeping: let pass, counted by function, reported.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

hog=cmwq_test_hog
parameters=/sys/module/cmwq/parameters
[ "$ENGINE" = cmwq ] || parameters=/sys/module/workqueue/parameters

# threshold US
threshold()
{
	echo "$1" >"$parameters/cpu_intensive_thresh_us"
}

warn_after()
{
	echo "$1" >"$parameters/cpu_intensive_warning_thresh"
}

# hits FUNCTION - in the table
hits()
{
	cmwq_table hogs function hits | awk -v name="$1" '
		$1 == name || $1 == name "[cmwq_test_hog]" { n += $2 }
		END { print n + 0 }'
}

# run_case CASE CHECK... - run CASE; CHECK while its functions are still known
run_case()
{
	local case="$1" bad=0

	shift
	mark=$(log_mark)
	# shellcheck disable=SC2086 # several words
	load_test "$hog" "only=$case" ${TEST_PARAMS-} || return 1
	engine_wait "$hog" || { engine_stuck=$hog; engine_state "$hog"; bad=1; }
	cat "/sys/kernel/debug/$hog/results"
	grep -q "^ok $case" "/sys/kernel/debug/$hog/results" || bad=1
	"$@" || { cat "$CMWQ_VIEWS/hogs"; bad=1; }
	# What is stuck stays: removing it would hang, or worse.
	if [ -n "$engine_stuck" ]; then
		loaded_tests=
		return 1
	fi
	unload_bounded "$hog" && return "$bad"
}

# Two runs on each CPU, so many hits, and lines at the 4th, 5th, 7th, 11th...
counted()
{
	local cpus

	cpus=$(grep -c '^processor' /proc/cpuinfo)
	echo "$(hits hog_fn) hits on $cpus CPUs"
	[ "$(hits hog_fn)" = $((2 * cpus)) ]
}

reported()
{
	counted || return 1
	log_since "$mark" | sed -n \
		's/.*cmwq: hog_fn .*ran for more than 10000 us.* \([0-9]*\) times.*CMWQ_UNBOUND.*/\1/p' \
		>/tmp/said
	awk -v n="$(hits hog_fn)" 'BEGIN {
		for (step = 1; 3 + step <= n; step *= 2)
			print 3 + step
	}' >/tmp/expected
	echo "said at:" "$(cat /tmp/said)"
	[ -s /tmp/expected ] && cmp /tmp/said /tmp/expected
}

silent()
{
	counted || return 1
	! log_since "$mark" | grep 'cmwq: .*ran for more than'
}

times_are_plausible()
{
	silent && cmwq_table hogs function hits longest_us total_us | awk '
		$1 ~ /^hog_fn/ {
			print
			ok = $3 >= 10000 && $4 >= $3 && $4 <= $2 * $3
		}
		END { exit !ok }'
}

near_misses()
{
	local name bad=0

	for name in napper_fn intensive_fn unbound_fn pushed_fn; do
		[ "$(hits "$name")" = 0 ] || { echo "$name is listed"; bad=1; }
	done
	[ "$(hits burner_fn)" = 1 ] || { echo "burner_fn is not"; bad=1; }
	return "$bad"
}

table_is_full()
{
	cmwq_table hogs function hits | awk '
		$1 == "(others)" { others = $2; next }
		$1 ~ /^many_/ { many++; hits += $2 }
		{ rows++ }
		END {
			print rows " rows, " many " of many, " others " others"
			exit !(rows == 64 && many == hits &&
			       many + others >= 70)
		}'
}

# Its functions are gone: neither they nor what else is there now is named.
forgotten()
{
	! grep -E 'cmwq_test_hog|_fn|many_|0x' "$CMWQ_VIEWS/hogs"
}

default_is_sane()
{
	local us

	us=$(cmwq_value config cpu_intensive_thresh_us)
	echo "$us us"
	[ "$us" -ge 10000 ] && [ "$us" -le 1000000 ]
}

ktap_begin
engine_begin
if [ ! -w "$parameters/cpu_intensive_thresh_us" ]; then
	ktap_skip_all "this kernel does not look for hogs"
fi
if [ "$ENGINE" = cmwq ]; then
	warn_after 0
	ktap_test "0 is kept" \
		[ "$(cmwq_value config cpu_intensive_thresh_us)" = 0 ]
fi
threshold 10000
engine_run hog found=1
# On the same pools, so that a wrong count would show.
threshold 0
engine_run hog found=0

# The rest takes very long if hogs are not let pass.
if [ "$ENGINE" = cmwq ] && [ "$ktap_failed" = 0 ]; then
	ktap_test "nobody is counted any more" eventually 20 pools_at_rest
	threshold 10000
	ktap_test "each hit is counted once, with its time" \
		run_case hog_that_sleeps_later times_are_plausible
	ktap_test "the functions of a module that is gone are not listed" \
		forgotten
	warn_after 4
	ktap_test "repeated hits are reported, less and less often" \
		run_case hog_that_sleeps_later reported
	warn_after 0
	ktap_test "the table has an end" run_case many_functions table_is_full
	threshold 1000000
	ktap_test "only an item that runs long without sleeping is a hog" \
		run_case near_misses near_misses
	ktap_test "nothing is listed any more" forgotten
fi
engine_end

if [ "$ENGINE" = cmwq ] && [ -z "$engine_stuck" ]; then
	load_cmwq
	ktap_test "the default is 10 ms or more" default_is_sane
	ktap_test "it can be unloaded" unload_bounded cmwq
fi
ktap_end
