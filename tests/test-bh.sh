#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# BH queues: items in softirq context, and those that do not belong there.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

# What cmwq says about items of BH queues, since $mark.
verdicts()
{
	log_since "$mark" | grep 'on BH queue'
}

good_items_are_not_named()
{
	! verdicts
}

dumped()
{
	log_since "$mark" | grep -A4 t_bh_dump | grep bh_fn
}

# named CASE PATTERN: the log names the item that CASE queues
named()
{
	local skipped

	mark=$(log_mark)
	# Debug kernels have more to say of it.
	echo "vm-expect: begin planted" >/dev/kmsg
	load_test cmwq_test_bh misbehave=1 "only=$1" &&
		engine_wait cmwq_test_bh
	skipped=$(sed -n "s/.*$1 # SKIP *//p" /sys/kernel/debug/cmwq_test_bh/results)
	unload_test cmwq_test_bh
	echo "vm-expect: end" >/dev/kmsg
	[ -z "$skipped" ] || { echo "$skipped"; return 4; }
	verdicts | grep -E "$2"
}

ktap_begin
engine_begin
mark=$(log_mark)
engine_run bh
if [ "$ENGINE" = cmwq ] && [ -z "$engine_stuck" ]; then
	ktap_test "items that behave are not named" good_items_are_not_named
	ktap_test "a running item is in the dump" dumped
	ktap_test "an item that leaks a preempt_disable() is named" \
		named item_that_leaks 'leaking_fn.* t_bad returned with preempt'
	ktap_test "an item that sleeps is named" \
		named item_that_sleeps 'sleeping_fn.* t_bad has slept'
fi
engine_end
ktap_end
