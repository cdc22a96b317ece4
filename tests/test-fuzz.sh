#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Random calls of the API against a model (modules/cmwq_test_fuzz.c), the same on
# the kernel's own workqueue, and random writes to every file that can be
# written, while every file is read.
#
# Environment:
#   PART	words of: calls stock busted files (default: all)
#   SEQUENCES, SEED, OPS	of the calls: how many, from which number on, how long
#   WRITES	how many random writes (default 300)
#   CMWQ_PARAMS	more for cmwq.ko
#   FUZZ_BUSTED	1..3: be wrong on purpose, and fail

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

sequences=${SEQUENCES:-200}
seed=${SEED:-1}
ops=${OPS:-60}
writes=${WRITES:-300}
test=cmwq_test_fuzz
bus=/sys/bus/cmwq/devices
root=/sys/devices/virtual/cmwq
parameters=/sys/module/cmwq/parameters

part()
{
	case " ${PART:-calls stock busted files} " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# fuzz MODULE PARAMETER...: results in /tmp/fuzz
fuzz()
{
	local module="$1" status

	shift
	load_test "$module" "seed=$seed" "ops=$ops" "$@" || return 1
	engine_wait "$module"
	status=$?
	cat "/sys/kernel/debug/$module/results" >/tmp/fuzz
	cat "/sys/kernel/debug/$module/state"
	[ "$status" = 0 ]
}

# What was lost holds everything else up.
give_up()
{
	loaded_tests=
	show_state | diag_stdin
	ktap_bail "$1: lost items, or stuck"
}

unload_fuzz()
{
	unload_bounded "$1" || give_up "$1"
}

calls()
{
	fuzz "$test" "sequences=$sequences" "busted=${FUZZ_BUSTED:-0}"
	sed 's/^# //' /tmp/fuzz
	grep -qx 'ok fuzz' /tmp/fuzz
}

digests()
{
	sed -n 's/^# digest //p' /tmp/fuzz >"$1"
	sed 's/^# //' /tmp/fuzz
	[ -s "$1" ] && grep -qx 'ok fuzz' /tmp/fuzz
}

# legally ENGINE MODULE: what both can do
legally()
{
	local release

	# What the kernel cannot do, cmwq is not asked for either.
	release=$(uname -r | awk -F'[.-]' '{ print $1 * 1000 + $2 }')
	set -- "$@" "sequences=$sequences" legal=1
	[ "$release" -ge 6010 ] || set -- "$@" disable=0
	[ "$release" -ge 6009 ] || set -- "$@" bh=0
	local engine="$1"
	shift
	fuzz "$@"
	digests "/tmp/digest.$engine"
}

same_digests()
{
	paste /tmp/digest.cmwq /tmp/digest.stock
	cmp /tmp/digest.cmwq /tmp/digest.stock
}

# found_out NUMBER OPERATIONS: it fails, and shrinks to no more than that
found_out()
{
	local n

	fuzz "$test" "sequences=50" "busted=$1" wait_ms=4000
	sed 's/^# //' /tmp/fuzz
	grep -qx 'not ok fuzz' /tmp/fuzz || return 1
	n=$(sed -n '/^# shrunk in/,$p' /tmp/fuzz | grep -c '^#   [0-9]*\. ')
	echo "$n operations are left"
	[ "$n" -ge 1 ] && [ "$n" -le "$2" ]
}

ktap_begin
mark=$(log_mark)
diag "sequences $seed.. $sequences of $ops operations"
engine_begin

if part calls; then
	ktap_test "calls return what the model says" calls
	unload_fuzz "$test"
fi
if part stock; then
	ktap_test "legal calls return what the model says" legally cmwq "$test"
	unload_fuzz "$test"
	ktap_test "those of the kernel's own, too" legally stock "${test}_stock"
	unload_fuzz "${test}_stock"
	ktap_test "and both the same" same_digests
fi
if part busted; then
	ktap_test "a wrong model is found out" found_out 1 3
	unload_fuzz "$test"
	ktap_test "a cancel that does nothing is found out" found_out 2 6
	unload_fuzz "$test"
fi
ktap_test "the kernel does not complain" no_complaints "$mark"
ktap_test "all is at rest" eventually 30 pools_at_rest
engine_end
ktap_end
