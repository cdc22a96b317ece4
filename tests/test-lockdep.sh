#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What lockdep has to find on a kernel that has it.  It goes silent after its
# first report, so one case for each boot.
#
# Environment: CASE=NAME, one of tests/modules/cmwq_test_lockdep.c.  The kernel's
# own tells lockdep of an idle item on older kernels only: there ENGINE=stock is
# the control for the cases that wait for a queue.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

ktap_begin
[ -e /proc/lockdep ] || ktap_skip_all "this kernel has no lockdep"
engine_begin
mark=$(log_mark)
# shellcheck disable=SC2034 # read by lib.sh
expect_kind=planted
expect_warning engine_run lockdep "only=${CASE:-flush_work_under_lock}"
complained=$?
log_since "$mark" | grep -E 'WARNING|is trying|map|\(cmwq|\(wq' | diag_stdin
ktap_test "lockdep complains" [ $complained = 0 ]
ours='(cmwq'
[ "$ENGINE" = cmwq ] || ours='(wq\|(work'
names_it()
{
	log_since "$mark" | grep -- "$ours"
}
ktap_test "it names a queue or an item" names_it
engine_end
ktap_end
