#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Freezable queues stop before the machine is suspended or hibernated, and go on
# afterwards.  REAL=1 lets it really sleep: for a machine whose clock can wake
# it; ONLY=CASE runs that one alone.  IMAGE=1 hibernates into a RAM disk, which
# tests/drivers.sh brings.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

# shellcheck source=tests/lib-drivers.sh
[ -z "${IMAGE-}" ] || . "$(dirname "$0")/lib-drivers.sh"

image_space()
{
	drivers_begin "rd_nr=1 rd_size=400000" &&
		mkswap /dev/ram0 && swapon /dev/ram0
}

said()
{
	log_since "$mark" | grep -E "$1"
}

# The thread alone is frozen, with its control group, so that there is somebody
# to look.
freezer=/tmp/freezer

freezer_pid()
{
	grep -lx cmwq/freezer /proc/[0-9]*/comm | sed 's/[^0-9]//g'
}

freezer_cgroup()
{
	mkdir -p "$freezer"
	mount -t cgroup -o freezer none "$freezer" ||
		{ echo "no cgroup freezer"; return 4; }
	mkdir "$freezer/cmwq"
	freezer_pid >"$freezer/cmwq/cgroup.procs"
}

freezer_end()
{
	echo THAWED >"$freezer/cmwq/freezer.state"
	freezer_pid >"$freezer/cgroup.procs"
	rmdir "$freezer/cmwq"
	umount "$freezer"
}

# YES: each freezable queue, and no other, is shown as frozen, if YES is 1
shown_frozen()
{
	cmwq_table workqueues name flags | awk -v yes="$1" '
		{
			flags = "," $2 ","
			can = flags ~ /,freezable,/
			is = flags ~ /,frozen,/
			if (is != (can && yes)) {
				print $1 " is " $2
				bad = 1
			}
			n += can
		}
		END { exit bad || !n }'
}

# STATE YES
becomes()
{
	echo "$1" >"$freezer/cmwq/freezer.state" || return 1
	wait_until 10 shown_frozen "$2" || shown_frozen "$2"
}

views()
{
	local status

	freezer_cgroup || return
	shown_frozen 0 && becomes FROZEN 1 && becomes THAWED 0
	status=$?
	freezer_end
	return "$status"
}

ktap_begin
engine_begin
[ "$ENGINE" = stock ] || ktap_test "the views show what is frozen" views
[ -z "${IMAGE-}" ] || ktap_test "there is space for an image" image_space
mark=$(log_mark)
engine_run freezer "real=${REAL:-0}" "image=${IMAGE:-0}" ${ONLY:+"only=$ONLY"}
case $ENGINE in
stock)
	ktap_test "the log names the busy queue" said 'workqueue t_busy: '
	;;
*)
	ktap_test "the log names the busy queue while it waits" \
		said 'cmwq: queue t_busy of cmwq_test_freezer holds up the suspend: 1 items in execution, probe_fn .* for [0-9]+ ms'
	ktap_test "and when the suspend was given up" \
		said 'cmwq: queue t_busy of cmwq_test_freezer was busy when the suspend was given up: 1 items'
	;;
esac
engine_end
ktap_end
