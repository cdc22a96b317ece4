#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What a module does that takes this kernel for newer than any it was tested on.
# Called by host-untested.sh.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"

said="cmwq: kernel $(uname -r) is newer than 5.9, the newest that was tested"

refuses()
{
	local mark

	mark=$(log_mark)
	! load_cmwq || { unload_cmwq; return 1; }
	log_since "$mark" | tee /dev/stderr | grep -qF "$said (errno -95): allow_untested=1"
}

obeys()
{
	local mark

	mark=$(log_mark)
	load_cmwq allow_untested=1 || return 1
	[ "$(log_since "$mark" | tee /dev/stderr | grep -cF "$said: tried")" = 1 ]
}

ktap_begin 3
ktap_test "refuses to load, and says why" refuses
ktap_test "loads with allow_untested=1, and says so once" obeys
ktap_test "it unloads" unload_cmwq
ktap_end
