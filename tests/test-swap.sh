#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What rescuers are for: the machine swaps to an encrypted disk, dm-crypt's
# items run on cmwq, all workers are asleep and none can be made.  Memory is
# only got by running the items that write it out.  With WORKERS=scarce they
# can be made, but a hundred are wanted just when memory is short.
# tests/drivers.sh builds the payload.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-drivers.sh
. "$(dirname "$0")/lib-drivers.sh"

RD_SIZE=${RD_SIZE:-220000}	# KiB: the disk
FILL=${FILL:-250}		# MiB to be kept in memory, of which there is less
files=$((FILL / 4))

# The pages of the RAM disk are allocated now, not when memory is wanted.
swap_on()
{
	dd if=/dev/zero of=/dev/ram0 bs=1M count=$((RD_SIZE / 1024)) \
		conv=fsync || return 1
	echo 3 >/proc/sys/vm/drop_caches
	crypt_open && mkswap /dev/mapper/crypt && swapon /dev/mapper/crypt
}

hold=/sys/module/cmwq_test_hold/parameters/asleep

nothing_moves()
{
	local was

	was=$(cat "$hold")
	sleep 1
	[ "$was" = "$(cat "$hold")" ]
}

no_workers()
{
	echo -1 >/sys/module/cmwq/parameters/fail_create
	load_test cmwq_test_hold || return 1
	wait_until 20 nothing_moves || return 1
	echo "$(cat "$hold") items hold a worker"
	[ "$(cmwq_table pools idle cpu | awk '$2 != "-" { n += $1 } END { print n + 0 }')" = 0 ]
}

# Pages of a tmpfs are written out when memory is short, and read back.
fill()
{
	local i=0

	while [ "$i" -lt "$files" ]; do
		cp /tmp/data "/mnt/$i" || return 1
		i=$((i + 1))
	done
}

verify()
{
	local i=0

	while [ "$i" -lt "$files" ]; do
		cmp /tmp/data "/mnt/$i" || return 1
		i=$((i + 1))
	done
}

# While memory is being filled, a hundred items want a thread each.
fill_and_crowd()
{
	fill &
	filler=$!
	wait_until 300 is_swapping || { echo "it does not swap"; return 1; }
	load_test cmwq_test_hold || return 1
	wait "$filler"
}

is_swapping()
{
	[ "$(swapped pswpout)" -gt 1000 ]
}

crowd_is_served()
{
	local all

	all=$(sed 's/.* of //' "$hold")
	wait_until 300 grep -q "^$all of" "$hold" || { cat "$hold"; return 1; }
	echo "$all items have a thread"
	cmwq_table workqueues name maydays rescued | grep kcryptd
}

swapped()
{
	awk -v at="$1" '$1 == at { print $2 }' /proc/vmstat
}

it_swapped()
{
	local out in

	out=$(swapped pswpout) in=$(swapped pswpin)
	echo "$out pages written, $in read back"
	[ "$out" -gt 5000 ] && [ "$in" -gt 1000 ]
}

rescuers_did_it()
{
	cmwq_table workqueues name maydays rescued | grep kcryptd >/tmp/rescued
	cat /tmp/rescued
	awk '{ n += $3 } END { exit !(n > 0) }' /tmp/rescued
}

[ -d "$here/drivers" ] || ktap_skip_all "make test-drivers brings what it needs"
ktap_begin
drivers_begin "rd_nr=1 rd_size=$RD_SIZE"
load_cmwq cpu_intensive_thresh_us=0 ${CMWQ_PARAMS:+"$CMWQ_PARAMS"} ||
	ktap_bail "cmwq.ko does not load"
make_data
mkdir -p /mnt
ktap_test "dm-crypt loads" load_driver dm-crypt
ktap_test "swaps to it" swap_on
grep -q '^/dev' /proc/swaps || ktap_bail "there is nothing to swap to"
mount -t tmpfs -o "size=$((FILL + 8))m" none /mnt
if [ "${WORKERS-none}" = none ]; then
	ktap_test "no worker is left or can be made" no_workers
	ktap_test "more is kept than there is memory" within fill
else
	ktap_test "more is kept, and threads are made, than there is memory" \
		within fill_and_crowd
	[ -n "$stuck" ] || ktap_test "all items have a thread" crowd_is_served
fi
ktap_test "it is read back unchanged" within verify
if [ -z "$stuck" ]; then
	ktap_test "it was swapped" it_swapped
	[ "${WORKERS-none}" != none ] ||
		ktap_test "rescuers ran dm-crypt's items" rescuers_did_it
	umount /mnt
	ktap_test "swap goes" swapoff /dev/mapper/crypt
	echo 0 >/sys/module/cmwq/parameters/fail_create
	! is_loaded cmwq_test_hold || unload_test cmwq_test_hold
	ktap_test "dm-crypt closes" dmsetup remove crypt \
		--noudevsync --noudevrules
	ktap_test "dm-crypt unloads" unload dm_crypt
	ktap_test "cmwq unloads" unload_cmwq
fi
[ -z "$stuck" ] || trap - EXIT
ktap_end
