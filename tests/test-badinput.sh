#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Misuse of the API: refused, nothing is harmed, and the log names the function,
# its caller, the errno and the remedy.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

# said PATTERN: a log line of cmwq about it
said()
{
	log_since "$mark" | grep -E "cmwq: $1" | head -n 1 | grep . && return 0
	echo "no line like: cmwq: $1"
	return 1
}

from='called from [a-z_]+\+0x[0-9a-f/x]+ \[cmwq_test_badinput\]: errno -[0-9]+; '

mark=$(log_mark)
ktap_begin
engine_begin
engine_run badinput
ktap_test "an uninitialised item is named" \
	said "cmwq_queue_work, ${from}not an initialised item"
ktap_test "cancelling one, too" \
	said "cmwq_cancel_work, ${from}not an initialised item"
ktap_test "a plain item queued as a delayed one" \
	said "cmwq_queue_delayed_work, ${from}not an initialised delayed item"
ktap_test "no queue" said "cmwq_queue_work, ${from}the queue is NULL"
ktap_test "no item" said "cmwq_queue_work, ${from}the item is NULL"
ktap_test "no such CPU" said "cmwq_queue_work, ${from}there is no CPU -1"
ktap_test "unknown flags" said "cmwq_alloc_workqueue, ${from}unknown flags"
ktap_test "flags that an ordered queue cannot have" \
	said "cmwq_alloc_workqueue, ${from}an ordered queue"
ktap_test "a BH queue with a max_active" \
	said "cmwq_alloc_workqueue, ${from}a BH queue takes only"
ktap_test "queueing on what is no queue" \
	said "cmwq_queue_work, ${from}not a workqueue"
ktap_test "waiting for what is no queue" \
	said "cmwq_flush_workqueue, ${from}not a workqueue"
ktap_test "reclaiming memory and waiting" \
	said "cmwq_flush_workqueue, ${from}[^ ]+, which reclaims memory, waits for"
ktap_test "no name" said "cmwq_alloc_workqueue, ${from}a queue needs a name"
ktap_test "two kinds at once" said "queue t_two_kinds of cmwq_test_badinput"
ktap_test "no kind" said "queue t_no_kind of cmwq_test_badinput"
ktap_test "a name that is too long" said 'queue name cut to "t_0000'
ktap_test "max_active too small" \
	said "queue t_max_neg: max_active -5 is out of range"
ktap_test "max_active too large" \
	said "queue t_max_neg: max_active 2147483647 is out of range"
ktap_test "max_active of an ordered queue" \
	said "cmwq_workqueue_set_max_active, ${from}an ordered queue"
ktap_test "enabling what is not disabled" \
	said "cmwq_enable_work, ${from}the item is not disabled"
ktap_test "an item that waits for itself" \
	said "cmwq_flush_work, ${from}an item cannot wait for itself"
ktap_test "disabling too often" \
	said "cmwq_disable_work, ${from}disabled 65535 times"
ktap_test "draining a queue that is stuck names the item" \
	said 'queue t_stuck of cmwq_test_badinput is not empty after [0-9]+ s: waiting for probe_fn'
for what in flush drain destroy; do
	ktap_test "an item that would $what its queue" \
		said "cmwq_${what}_workqueue, ${from}an item of queue t_self"
done
ktap_test "queueing on a destroyed queue" \
	said "cmwq_queue_work, ${from}queue t_gone has been destroyed"
ktap_test "destroying it again" \
	said "cmwq_destroy_workqueue, ${from}the queue has been destroyed"
ktap_test "a timer that survived its queue" \
	said "cmwq_queue_delayed_work, timer, .*queue t_gone_timer has been"
ktap_test "a grace period that survived its queue" \
	said "cmwq_queue_rcu_work, callback, .*queue t_gone_rcu (has|is) be"
for what in queue_rcu_work flush_rcu_work queue_work_node \
	    execute_in_process_context; do
	ktap_test "$what without an item" \
		said "cmwq_$what, ${from}the item is NULL"
done
for what in work_on_cpu work_on_cpu_safe schedule_on_each_cpu \
	    execute_in_process_context; do
	ktap_test "$what without a function" \
		said "cmwq_$what, ${from}the function is NULL"
done
ktap_test "a function for no such CPU" \
	said "cmwq_work_on_cpu, ${from}there is no CPU -1"
ktap_test "a function for no certain CPU" \
	said "cmwq_work_on_cpu, ${from}it takes a certain CPU"
ktap_test "no such node" said "cmwq_queue_work_node, ${from}there is no node -2"
ktap_test "a node for a per-CPU queue" \
	said "cmwq_queue_work_node, ${from}queue events is per-CPU"
ktap_test "a queue of no device" \
	said "cmwq_devm_alloc_workqueue, ${from}the device is NULL"
ktap_test "a dump of no queue" \
	said "cmwq_show_one_workqueue, ${from}the queue is NULL"
ktap_test "a dump of no task" \
	said "cmwq_print_worker_info, ${from}the task is NULL"
ktap_test "a dump at no level" \
	said "cmwq_print_worker_info, ${from}the log level is NULL"
ktap_test "the name of no task" \
	said "cmwq_wq_worker_comm, ${from}the task is NULL"
ktap_test "no room for a name" \
	said "cmwq_wq_worker_comm, ${from}no room for the name"
ktap_test "waiting for everybody's items" \
	said "cmwq_flush_scheduled_work, ${from}waits for everybody"
ktap_test "destroying a system queue" \
	said "cmwq_destroy_workqueue, ${from}events is a system queue"
ktap_test "queueing while the queue is drained" \
	said "cmwq_queue_work, ${from}queue t_drained is being drained"
ktap_test "queueing while the queue is destroyed" \
	said "cmwq_queue_work, ${from}queue t_destroyed is being drained"
engine_end
ktap_end
