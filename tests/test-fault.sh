#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Each allocation fails once (cmwq_test_fault.c), on a kernel that can inject that.
# With kmemleak=on on its command line the kernel also looks for what was left.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

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

ktap_begin
[ -d $debug/failslab ] || ktap_skip_all "this kernel has no CONFIG_FAILSLAB"
for what in failslab fail_page_alloc; do
	# Those that may sleep as well; its own story of each is not of interest.
	echo N >$debug/$what/ignore-gfp-wait
	echo 0 >$debug/$what/verbose
done
engine_begin
[ ! -e "$debug/kmemleak" ] || echo clear >"$debug/kmemleak" 2>/dev/null
engine_run fault
ktap_test "nothing is left behind" no_leaks
engine_end
ktap_end
