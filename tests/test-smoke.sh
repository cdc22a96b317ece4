#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Does it load, show itself, and leave nothing behind?

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

taint()
{
	cat /proc/sys/kernel/tainted
}

# Only "out of tree" (4096) and "unsigned" (8192) may have been added.
taint_is_normal()
{
	echo "taint was $taint_before, is $(taint)"
	[ $(($(taint) & ~(taint_before | 4096 | 8192))) = 0 ]
}

views_have_headers()
{
	local view

	for view in pools workqueues workers stats config; do
		head -n 1 "$CMWQ_VIEWS/$view" | grep -qx "cmwq $view v[1-3]" ||
			{ echo "$view: wrong first line"; return 1; }
		[ "$(wc -l <"$CMWQ_VIEWS/$view")" -gt 1 ] ||
			{ echo "$view: empty"; return 1; }
	done
}

views_are_private()
{
	local view

	[ "$(stat -c %a "$CMWQ_VIEWS")" = 700 ] || return 1
	for view in pools workqueues workers stats config; do
		[ "$(stat -c %a "$CMWQ_VIEWS/$view")" = 400 ] || return 1
	done
}

# A normal and a high-priority pool for each possible CPU.
pools_per_cpu()
{
	local cpus

	cpus=$(sed 's/.*-//' /sys/devices/system/cpu/possible)
	cmwq_table pools cpu nice policy | grep -v softirq >/tmp/pools ||
		return 1
	for cpu in $(seq 0 "$cpus"); do
		for nice in 0 -20; do
			[ "$(grep -cx -e "$cpu $nice normal" /tmp/pools)" = 1 ] ||
				{ echo "cpu $cpu nice $nice"; return 1; }
		done
	done
}

# An idle worker waits in every pool of a CPU that is up.
idle_worker_ready()
{
	cmwq_table pools cpu idle policy | grep -v softirq | awk '
		$1 == "0" && $2 < 1 { bad = 1 }
		$1 == "0" { seen++ }
		END { exit bad || seen != 2 }'
}

threads()
{
	# shellcheck disable=SC2009 # busybox has no usable pgrep here
	ps -o comm | grep -c '^cmwq/'
}

threads_are_gone()
{
	[ "$(threads)" = 0 ] && [ ! -e "$CMWQ_VIEWS" ] && ! is_loaded cmwq
}

loads_again()
{
	local i=0

	while [ "$i" -lt 5 ]; do
		load_cmwq || return 1
		unload_cmwq || return 1
		i=$((i + 1))
	done
	threads_are_gone
}

refuses_bad_parameter()
{
	! load_cmwq "$1" && ! is_loaded cmwq && threads_are_gone
}

log_says()
{
	log_since "$mark" | tee /tmp/log | grep "$1"
}

taint_before=$(taint)
ktap_begin 13
mark=$(log_mark)
load_cmwq || { log_since "$mark" | diag_stdin; ktap_bail "does not load"; }
ktap_pass "loads"
ktap_test "the log says so in one line" log_says "cmwq: .*$(uname -r)"
ktap_test "views have a version and content" views_have_headers
ktap_test "views are root's" views_are_private
ktap_test "two pools for each CPU" pools_per_cpu
ktap_test "an idle worker is ready" wait_until 20 idle_worker_ready
ktap_test "workers have names of their own" test "$(threads)" -ge 2
ktap_test "unloads" unload_cmwq
ktap_test "leaves no thread or view" threads_are_gone
ktap_test "loads and unloads again" loads_again
ktap_test "refuses hooks=nonsense" refuses_bad_parameter hooks=nonsense
ktap_test "refuses fail_init=nonsense" refuses_bad_parameter fail_init=nonsense
ktap_test "taints as out of tree only" taint_is_normal
ktap_end
