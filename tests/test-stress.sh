#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# A great many items of every kind on every kind of queue: none is lost, none
# runs twice, and at the end the module is as it was at the beginning.
#
# Environment: ENGINE=cmwq|stock  ITEMS=N  HOOKS=auto|...  CMWQ_PARAMS=...  FAIL_PERCENT=N  SEED=N  LIMIT=SECONDS (SLOWER: times that)
# (a minute less than the guest has, and a bit: a verdict is better than none)

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"

items=${ITEMS:-1000000}
limit=$((${LIMIT:-750} * ${SLOWER:-1}))

only_system_queues()
{
	cmwq_table workqueues name owner >/tmp/queues || return 1
	[ -s /tmp/queues ] && ! grep stress /tmp/queues
}

if [ "${ENGINE:-cmwq}" = stock ]; then
	stress=cmwq_test_stress_stock
	ktap_begin 3
	mark=$(log_mark)
	ktap_test "stress: $items items on the kernel's workqueues" \
		run_stress "$limit" "items=$items" "seed=${SEED:-1}"
	ktap_test "the test unloads" unload_bounded "$stress"
	ktap_test "the kernel does not complain" no_complaints "$mark"
	ktap_end
fi

ktap_begin 9
mark=$(log_mark)
# shellcheck disable=SC2086 # several words
load_cmwq "hooks=${HOOKS:-auto}" ${CMWQ_PARAMS-} || ktap_bail "cmwq.ko does not load"
if [ -n "${FAIL_PERCENT-}" ]; then
	# When the queues have their pools: these need their first workers.
	{
		wait_until 100 grep -q live "/sys/module/$stress/initstate" &&
			echo "$FAIL_PERCENT" \
				>/sys/module/cmwq/parameters/fail_create_percent
	} 2>/dev/null &
fi
# What was lost holds everything else up: unloading would hang with it.
ktap_test "stress: $items items run exactly as often as queued" \
	run_stress "$limit" "items=$items" "seed=${SEED:-1}" || {
	loaded_tests=
	ktap_bail "items were lost, the rest is not run"
}
ktap_test "queues are empty at rest" eventually 20 queues_at_rest
ktap_test "the test unloads" unload_bounded "$stress"
ktap_test "its queues are gone" only_system_queues
ktap_test "pools are at rest" eventually 20 pools_at_rest
ktap_test "each worker is a thread and is counted" \
	eventually 20 workers_are_threads
ktap_test "cmwq unloads" unload_bounded cmwq
ktap_test "nothing is left" eventually 20 nothing_left
ktap_test "the kernel does not complain" no_complaints "$mark"
ktap_end
