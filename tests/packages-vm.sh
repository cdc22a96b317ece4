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

# With Secure Boot

preflight()
{
	"/usr/src/cmwq-$CMWQ_VERSION/tools/cmwq-preflight"
}

secured()
{
	mokutil --sb-state | grep 'SecureBoot enabled' &&
	grep -F '[integrity]' /sys/kernel/security/lockdown
}

refused()
{
	! modprobe cmwq 2>/tmp/why || return 1
	cat /tmp/why
	grep -E 'Key was rejected|not permitted' /tmp/why && [ ! -d /sys/module/cmwq ]
}

preflight_tells()
{
	! preflight >/tmp/told || return 1
	cat /tmp/told
	grep 'PROBLEM .*Secure Boot is on.*mok.pub is not known to be enrolled' /tmp/told &&
	grep 'sudo mokutil --import /var/lib/dkms/mok.pub' /tmp/told &&
	[ "$(grep -c '^PROBLEM' /tmp/told)" = 1 ]
}

preflight_is_content()
{
	preflight | tee /dev/stderr | grep 'mok.pub is enrolled' &&
	preflight
}

# word NAME: what follows "cmwq.NAME=" on the kernel's command line
word()
{
	tr ' ' '\n' </proc/cmdline | sed -n "s/^cmwq\.$1=//p"
}

# Append to the firmware's keys what their owner has signed.  One write: what is to be
# done (append, authenticated by time), then that.
enrol()
{
	file=/sys/firmware/efi/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f
	chattr -i "$file" &&
	{ printf '\147\0\0\0'; head -c "$(word bytes)" /dev/vdb; } >/tmp/append &&
	dd if=/tmp/append of="$file" bs=64k
}

secure()
{
	echo "vm: $kernel, Secure Boot"
	modprobe efivarfs 2>/dev/null
	mount -t efivarfs efivarfs /sys/firmware/efi/efivars
	mount -t securityfs securityfs /sys/kernel/security
	try "Secure Boot is on" secured
	if [ "$1" = unknown ]; then
		try "the firmware does not know the key: not loaded" refused
		try "cmwq-preflight says so and what to type" preflight_tells
		try "the key is added" enrol
	else
		try "cmwq-preflight has nothing to say" preflight_is_content
		try "what dkms has signed loads" loads
		try "the client's items run" works
		try "modprobe -r takes both out" unloads
		try "no complaint in the log, no other taint" clean_log
	fi
	echo "vm: end"
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
case $(word secure) in
"") main ;;
*) secure "$(word secure)" ;;
esac >/dev/ttyS1 2>&1
sync
echo o >/proc/sysrq-trigger
sleep 60
