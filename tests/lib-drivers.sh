# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# For tests with the kernel's own drivers, built with cmwq/dropin.h or, with
# ENGINE=stock, as the kernel has them.  Source it after lib.sh.

ENGINE=${ENGINE:-cmwq}
here=$(cd "$(dirname "$0")" && pwd)
stuck=

# Blocks done so far, on all devices.
blocks_done()
{
	cat /sys/block/*/stat | awk '{ n += $3 + $7 } END { print n + 0 }'
}

# within COMMAND...: its status; given up when no block has been done for 75 s.
# Programs take up to 30 s to start here, and the kernel complains after 120.
within()
{
	local pid before='' now still=0

	if [ -n "$stuck" ]; then
		echo "not run: $stuck is stuck"
		return 1
	fi
	"$@" &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.5
		now=$(blocks_done)
		if [ "$now" != "$before" ]; then
			before=$now
			still=0
		elif [ "$still" -ge 150 ]; then
			stuck="$*"
			echo "stuck: $*: nothing moved for 75 s"
			return 1
		else
			still=$((still + 1))
		fi
	done
	wait "$pid"
}

load_driver()
{
	local dir=$here/drivers/ours

	[ "$ENGINE" = cmwq ] || dir=$here/drivers/stock
	insmod "$dir/$1.ko" || return 1
	[ "$ENGINE" = stock ] || holders_have "$(echo "$1" | tr - _)"
}

holders_have()
{
	[ -d "/sys/module/cmwq/holders/$1" ] ||
		{ echo "$1 does not use cmwq.ko"; return 1; }
}

# Random once: the emulator is slow.
make_data()
{
	[ -f /tmp/data ] || dd if=/dev/urandom of=/tmp/data bs=64k count=64
}

# dm-crypt on the RAM disk
crypt_open()
{
	local key=0123456789abcdef0123456789abcdef

	dmsetup create --noudevsync --noudevrules crypt --table \
		"0 $(blockdev --getsz /dev/ram0) crypt aes-xts-plain64 $key$key 0 /dev/ram0 0"
}

# unload DRIVER: nothing of it is left on cmwq
unload()
{
	if [ -n "$stuck" ]; then
		echo "not run: $stuck is stuck"
		return 1
	fi
	rmmod "$1" || return 1
	[ "$ENGINE" = stock ] || ! cmwq_table workqueues owner | grep -x "$1"
}

# drivers_begin BRD-PARAMETERS: tools and the drivers' own needs
drivers_begin()
{
	local module parameters

	if [ ! -e /lib64/ld-linux-x86-64.so.2 ]; then
		mkdir -p /lib64
		ln -s "$here/guest/lib/ld-linux-x86-64.so.2" /lib64/
	fi
	export PATH="$here/guest/bin:$PATH" LD_LIBRARY_PATH="$here/guest/lib"
	export DM_DISABLE_UDEV=1

	while read -r module; do
		case $module in
		loop|nbd|dm-crypt) continue ;;
		esac
		case $module in
		brd) parameters=$1 ;;
		*) parameters= ;;
		esac
		# shellcheck disable=SC2086 # none or several words
		insmod "$here/drivers/stock/$module.ko" $parameters ||
			diag "$module.ko does not load"
	done <"$here/drivers/order"
}
