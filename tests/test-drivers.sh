#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Real work for the kernel's own drivers loop, dm-crypt and nbd: built with
# cmwq/dropin.h, or (ENGINE=stock, the control) as the kernel has them.
# tests/drivers.sh builds the payload: modules in drivers/, tools in guest/.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-drivers.sh
. "$(dirname "$0")/lib-drivers.sh"

rounds=${ROUNDS:-4}
uptime_cs()
{
	sed 's/\([0-9]*\)\.\([0-9]*\) .*/\1\2/' /proc/uptime
}

# throughput NAME KIB-PER-SECOND: said for tests/drivers.sh, which compares
throughput()
{
	echo "throughput $1 $2 KiB/s"
}

# run_fio NAME OPTION...: write and read back, and tell how fast (fields 7 and
# 48 are the bandwidths of reading and writing)
run_fio()
{
	local name="$1"

	shift
	fio --name="$name" --direct=1 --rw=randrw --ioengine=libaio \
		--group_reporting --verify_fatal=1 --thread \
		--output-format=terse --output=/tmp/fio "$@" ||
		{ tail -n 20 /tmp/fio; return 1; }
	throughput "$name" "$(awk -F';' '$1 == 3 { print $7 + $48 }' /tmp/fio)"
}

# ran QUEUE-PATTERN: a queue of that name has executed something, on cmwq
ran()
{
	local queue name executed

	[ "$ENGINE" = cmwq ] || return 0
	queue=$(cmwq_table workqueues name executed | grep -E "^$1 ") ||
		{ echo "no queue $1"; return 1; }
	echo "$queue" | while read -r name executed; do
		echo "queue $name: $executed items"
		[ "$executed" -gt 0 ] || exit 1
	done
}

# loop

loop_round()
{
	local file

	mkfs.ext4 -q -F /dev/loop0 || return 1
	mount -t ext4 /dev/loop0 /mnt || return 1
	for file in 1 2 3; do
		cp /tmp/data "/mnt/$file" || return 1
	done
	sync
	umount /mnt || return 1
	echo 3 >/proc/sys/vm/drop_caches
	mount -t ext4 -o ro /dev/loop0 /mnt || return 1
	for file in 1 2 3; do
		cmp /tmp/data "/mnt/$file" || return 1
	done
	umount /mnt
}

loop_rounds()
{
	local i=0 begin

	mkdir -p /mnt
	make_data || return 1
	truncate -s 32M /tmp/disk || return 1
	begin=$(uptime_cs)
	while [ "$i" -lt "$rounds" ]; do
		losetup /dev/loop0 /tmp/disk || return 1
		within loop_round || return 1
		ran 'loop[0-9]*' || return 1
		losetup -d /dev/loop0 || return 1
		i=$((i + 1))
	done
	throughput loop \
		$((rounds * 6 * 4096 * 100 / ($(uptime_cs) - begin + 1)))
}

# dm-crypt

# The scenarios of the kernel's Documentation/core-api/workqueue.rst, for four
# slow CPUs: issuers enough for all, a third of them, and fewer with so little
# under way that latency decides.  crypt_fio NAME ISSUERS DEPTH KIB-OF-EACH
crypt_fio()
{
	run_fio "dm-crypt-$1" --filename=/dev/mapper/crypt --bs=32k \
		--iodepth="$3" --numjobs="$2" --size="$4k" \
		--offset_increment="$4k" --verify=sha512
}

# What lies below is not what was written.
is_encrypted()
{
	dd if=/tmp/data of=/tmp/head bs=64k count=4 || return 1
	dd if=/tmp/head of=/dev/mapper/crypt bs=64k || return 1
	sync
	echo 3 >/proc/sys/vm/drop_caches
	dd if=/dev/mapper/crypt bs=64k count=4 of=/tmp/plain || return 1
	dd if=/dev/ram0 bs=64k count=4 of=/tmp/cipher || return 1
	cmp /tmp/head /tmp/plain || return 1
	! cmp -s /tmp/head /tmp/cipher
}

# nbd

nbd_serve()
{
	nbd-server -C /tmp/nbd.conf && wait_until 20 nbd_is_served
}

nbd_is_served()
{
	netstat -ltn | grep -q ':10809 '
}

nbd_is_not_served()
{
	! nbd_is_served
}

# Without a time-out requests wait for ever for a server that is gone.
nbd_connect()
{
	nbd-client -t 10 -N disk 127.0.0.1 /dev/nbd0 &&
		wait_until 20 nbd_is_up
}

nbd_is_up()
{
	[ "$(cat /sys/block/nbd0/size)" -gt 0 ] && [ -e /sys/block/nbd0/pid ]
}

nbd_is_down()
{
	[ ! -e /sys/block/nbd0/pid ]
}

nbd_setup()
{
	ip link set lo up || ifconfig lo 127.0.0.1 up
	truncate -s 16M /tmp/nbd.disk
	cat >/tmp/nbd.conf <<-CONF
		[generic]
		allowlist = true
		[disk]
		exportname = /tmp/nbd.disk
	CONF
	nbd_serve && nbd_connect
}

# nbd_verify [NAME]
nbd_verify()
{
	run_fio "${1-nbd}" --filename=/dev/nbd0 --bs=16k --iodepth=8 --size=8m \
		--verify=crc32c
}

nbd_traffic()
{
	while dd if=/tmp/data of=/dev/nbd0 bs=64k oflag=direct; do
		:
	done
}

nbd_writes()
{
	awk '{ print $7 }' /sys/block/nbd0/stat
}

nbd_wrote_more()
{
	[ "$(nbd_writes)" -gt "$1" ]
}

# Take the connection away under the traffic: it ends with an error, and the
# device works again when it is connected again.  nbd_lose HOW...
nbd_lose()
{
	local pid

	if [ -n "$stuck" ]; then
		echo "not run: $stuck is stuck"
		return 1
	fi
	nbd_traffic >/tmp/traffic 2>&1 &
	pid=$!
	wait_until 60 nbd_wrote_more "$(nbd_writes)" ||
		{ echo "no traffic"; return 1; }
	"$@"
	wait_until 100 test ! -d "/proc/$pid" ||
		{ stuck="I/O of a lost nbd"; echo "stuck: $stuck"; return 1; }
	grep -i error /tmp/traffic ||
		{ cat /tmp/traffic; echo "no I/O error"; return 1; }
	nbd-client -d /dev/nbd0 >/dev/null 2>&1
	wait_until 60 nbd_is_down || { echo "still connected"; return 1; }
	nbd_is_served || nbd_serve || return 1
	nbd_connect || return 1
	within nbd_verify nbd-again
}

# The server and what serves the connection.
nbd_kill()
{
	killall -KILL nbd-server
	wait_until 20 nbd_is_not_served
}

nbd_teardown()
{
	nbd-client -d /dev/nbd0 || return 1
	killall nbd-server
	wait_until 60 nbd_is_down
}

[ -d "$here/drivers" ] || ktap_skip_all "make test-drivers brings what it needs"
ktap_begin
drivers_begin "rd_nr=1 rd_size=20480"
if [ "$ENGINE" = cmwq ]; then
	load_cmwq || ktap_bail "cmwq.ko does not load"
fi

ktap_test "loop: loads" load_driver loop
ktap_test "loop: mkfs, mount, write, verify, detach" loop_rounds
ktap_test "loop: unloads" unload loop

ktap_test "dm-crypt: loads" load_driver dm-crypt
ktap_test "dm-crypt: opens" within crypt_open
ktap_test "dm-crypt: encrypts" within is_encrypted
ktap_test "dm-crypt: many issuers" within crypt_fio many 8 8 1024
ktap_test "dm-crypt: few issuers" within crypt_fio few 3 8 2048
ktap_test "dm-crypt: few issuers, little under way" \
	within crypt_fio little 2 2 2048
ktap_test "dm-crypt: its queues ran" ran 'kcryptd[-/].*'
[ -n "$stuck" ] || ktap_test "dm-crypt: closes" dmsetup remove crypt \
	--noudevsync --noudevrules
ktap_test "dm-crypt: unloads" unload dm_crypt

ktap_test "nbd: loads" load_driver nbd
ktap_test "nbd: connects" within nbd_setup
ktap_test "nbd: write, verify" within nbd_verify
ktap_test "nbd: the server dies" nbd_lose nbd_kill
ktap_test "nbd: disconnected under traffic" nbd_lose nbd-client -d /dev/nbd0
# An item receives as long as a connection lives.
ktap_test "nbd: its queue ran" ran 'nbd0-recv'
[ -n "$stuck" ] || ktap_test "nbd: disconnects" nbd_teardown
ktap_test "nbd: unloads" unload nbd

[ "$ENGINE" = stock ] || [ -n "$stuck" ] || ktap_test "cmwq unloads" unload_cmwq
# Nothing can be unloaded below what is stuck.
[ -z "$stuck" ] || trap - EXIT
ktap_end
