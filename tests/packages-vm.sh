#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The first process on a disk that packages-root.sh left, under the stock kernel
# in an emulated machine: does what is installed load, in the right order, and
# is it what it says?  FULL in its environment: dkms builds it all here, again.
# One line "ok NAME" or "not ok NAME" each on the second serial port.

kernel=$(uname -r)
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LC_ALL=C.UTF-8

try()
{
	name=$1
	shift
	if "$@" >/run/log 2>&1; then
		echo "ok $name"
	else
		sed 's/^/# /' /run/log
		dmesg | tail -n 20 | sed 's/^/# dmesg: /'
		echo "not ok $name"
	fi
}

fresh()
{
	dkms status &&
	[ "$(cat /proc/sys/kernel/tainted)" = 0 ] &&
	! grep -q cmwq /proc/modules
}

loads()
{
	modprobe cmwq_sample || return 1
	grep '^cmwq .* cmwq_sample' /proc/modules &&
	[ "$(cat /sys/module/cmwq/version)" = "$CMWQ_VERSION" ] &&
	dmesg | grep "cmwq: $CMWQ_VERSION loaded on $kernel"
}

works()
{
	sleep 5
	dmesg | grep 'cmwq_sample: delayed item: ' &&
	dmesg | grep 'cmwq_sample: ordered item: step 3 ends' &&
	grep -q ' pools ' /sys/kernel/debug/cmwq/pools
}

# Out of tree, perhaps unsigned; and no complaint.
clean_log()
{
	tainted=$(cat /proc/sys/kernel/tainted)
	echo "tainted $tainted"
	[ $((tainted & ~(4096 | 8192))) = 0 ] &&
	! dmesg | grep -E 'disagrees|Unknown symbol|WARNING|BUG:|Oops'
}

held()
{
	! rmmod cmwq && [ -d /sys/module/cmwq ]
}

unloads()
{
	modprobe -r cmwq_sample && [ ! -d /sys/module/cmwq ] &&
	dmesg | grep 'cmwq: unloaded'
}

# A file of the sample is built here; all of cmwq takes long.
dkms_here()
{
	dkms uninstall "$1" -k "$kernel" && ! modinfo "$2" &&
	dkms unbuild "$1" -k "$kernel" &&
	dkms install "$1" -k "$kernel" && modinfo "$2"
}

main()
{
	# Clear of what the boot says.
	echo "vm: $kernel"
	try "boots, nothing is loaded" fresh
	[ -z "$FULL" ] ||
		try "dkms builds cmwq here" dkms_here "cmwq/$CMWQ_VERSION" cmwq
	try "dkms builds the client here" \
		dkms_here "cmwq-sample/$SAMPLE_VERSION" cmwq_sample
	try "modprobe of the client loads both" loads
	try "the client's items run" works
	try "it is in use and stays" held
	try "modprobe -r takes both out" unloads
	try "no complaint in the log, no other taint" clean_log
	echo "vm: end"
}

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -t debugfs debugfs /sys/kernel/debug
# shellcheck source=/dev/null
. /etc/cmwq-vm
main >/dev/ttyS1 2>&1
sync
echo o >/proc/sysrq-trigger
sleep 60
