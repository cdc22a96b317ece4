#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The part of the benchmark that runs on the measured kernel, in a directory
# with cmwq.ko, cmwq_bench.ko and cmwq_bench_switch.ko.  Prints raw results,
# which bench-report.awk makes a table of:
#
#	bench PHASE NAME STOCK CMWQ	ticks, both engines
#	switch PHASE TICKS		an unrelated context switch
#	info KEY VALUE...
#
# A phase is a state of cmwq.ko: before it was loaded, loaded with the default
# hooks (rest, then on: after the accelerator came on), with hooks=notifier,
# entry, tracepoint, after it was unloaded.  self is the stock workqueue in
# both places.

cd "$(dirname "$0")" || exit 1

debug=/sys/kernel/debug
bench=$debug/cmwq_bench
# Looks at the accelerator, with a chain of blocking items before each.
drive_looks=1000

cases="noop256 noop16 roundtrip asleep flush_idle cancel_idle queue_cancel
	queue_flush queue_flush_wq"

die()
{
	echo "bench-guest.sh: $*" >&2
	exit 1
}

# config KEY
config()
{
	awk -v key="$1" '$1 == key { print $2 }' $debug/cmwq/config
}

handovers()
{
	awk 'NR == 2 {
		for (i = 2; i <= NF; i++)
			if ($i == "handovers")
				col = i - 1
	}
	NR > 2 && col { sum += $col }
	END { print sum + 0 }' $debug/cmwq/pools
}

# Virtual milliseconds since boot.
now_ms()
{
	awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime
}

# measure PHASE CASE...
measure()
{
	local phase="$1" dir=$bench case

	shift
	[ "$phase" != self ] || dir=$bench/self
	for case in "$@"; do
		cat "$dir/$case" >result || die "$phase: $case failed"
		[ -s result ] || die "$phase: no result of $case"
		sed "s/^/bench $phase /" result
	done
}

# switch PHASE
switch()
{
	cat $debug/cmwq_bench_switch/switch >result ||
		die "$1: switch failed"
	[ -s result ] || die "$1: no result of switch"
	sed "s/^switch/switch $1/" result
}

# load [PARAMETER...]
load()
{
	insmod ./cmwq.ko "$@" || die "cmwq.ko does not load with $*"
	insmod ./cmwq_bench.ko || die "cmwq_bench.ko does not load"
}

unload()
{
	rmmod cmwq_bench || die "cmwq_bench.ko does not unload"
	rmmod cmwq || die "cmwq.ko does not unload"
}

# Hand-overs until the accelerator is on.
drive()
{
	local looks=0 start from

	from=$(handovers)
	start=$(now_ms)
	while [ "$(config accelerator)" = off ]; do
		if [ $looks = $drive_looks ]; then
			echo "info accelerator_on never"
			break
		fi
		echo 1 >$bench/drive || die "drive failed"
		looks=$((looks + 1))
	done
	echo "info drive_ms $(($(now_ms) - start))"
	echo "info drive_handovers $(($(handovers) - from))"
	echo "info drive_chains $looks"
}

echo "info kernel $(uname -r)"
insmod ./cmwq_bench_switch.ko || die "cmwq_bench_switch.ko does not load"
# The first one after boot is off by a few instructions.
switch warm-up >/dev/null
switch before

load
# shellcheck disable=SC2086 # a list of names
measure self $cases chain
switch rest
echo "info accounting $(config accounting)"
# shellcheck disable=SC2086
measure rest $cases
echo "info rest_accelerator $(config accelerator)"
drive
measure on chain
switch on
echo "info on_accelerator $(config accelerator)"
unload
switch after

for hooks in notifier entry tracepoint; do
	load hooks=$hooks
	# shellcheck disable=SC2086
	measure $hooks $cases chain
	switch $hooks
	unload
done
switch end
rmmod cmwq_bench_switch || die "cmwq_bench_switch does not unload"
echo "info end 1"
