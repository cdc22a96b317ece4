#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The guest's half of the demo: load the modules, print what they measured as
# plain lines for the host to draw.  Lines that begin with "@" are for a person
# to read at once, "section NAME" begins a block of data.
# Arguments go to cmwq.ko as module parameters.

set -u

demo=/sys/kernel/debug/cmwq_demo
views=/sys/kernel/debug/cmwq

say()
{
	echo "@ $*"
}

fail()
{
	say "failed: $*"
	dmesg | tail -n 5 | sed 's/^/@   /'
	exit 1
}

# One look at the crowd: where it is, and the pools' view.  No other program is
# started, as that would look when the CPU is free for one, not now.
look()
{
	for file in "$demo/sleepers" "$views/pools"; do
		while read -r line; do
			echo "$line"
		done <"$file"
	done >>/tmp/looks
}

# N items that sleep, and a look every 20 ms until they are done and a bit more
crowd()
{
	: >/tmp/looks
	look
	echo "$1" >"$demo/sleepers" || fail "the items were not queued"
	i=0
	after=0
	while [ $i -lt 500 ] && [ $after -lt 3 ]; do
		look
		sleep 0.02
		i=$((i + 1))
		read -r _ _ left _ <"$demo/sleepers"
		[ "$left" -gt 0 ] || after=$((after + 1))
	done
	look
	cat /tmp/looks
}

# Wait, 20 s at most, until the kernel's start-up tests leave the CPU alone: a
# tenth of a second in which it is idle (field 5, in ticks of 10 ms) throughout.
wait_idle()
{
	tries=0
	while [ $tries -lt 200 ]; do
		read -r _ _ _ _ idle _ </proc/stat
		sleep 0.1
		read -r _ _ _ _ idle_now _ </proc/stat
		[ $((idle_now - idle)) -lt 9 ] || return 0
		tries=$((tries + 1))
	done
}

say "Linux $(uname -r) is up"
[ -d /sys/kernel/debug/block ] || mount -t debugfs debug /sys/kernel/debug

wait_idle

insmod ./cmwq.ko "$@" || fail "cmwq.ko does not load"
say "cmwq.ko is loaded"

say "running the worked example, four times on each engine"
insmod ./cmwq_demo.ko || fail "cmwq_demo.ko does not load"
echo "section timeline"
cat "$demo/timeline"

say "queueing 100 items that sleep, all on CPU 0"
echo "section crowd1"
crowd 100
say "queueing 100 more"
echo "section crowd2"
crowd 100
rmmod cmwq_demo || fail "cmwq_demo.ko does not unload"

say "loading the sample module"
dmesg -c >/dev/null
insmod ./cmwq_sample.ko || fail "cmwq_sample.ko does not load"
sleep 0.5
rmmod cmwq_sample || fail "cmwq_sample.ko does not unload"
echo "section sample"
dmesg

rmmod cmwq || fail "cmwq.ko does not unload"
[ ! -e /sys/module/cmwq ] || fail "cmwq.ko is still there"
say "all modules are unloaded"
echo "section end"
