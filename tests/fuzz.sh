#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Fuzz for as long as wanted: one guest for each kernel, with sequences of calls
# from SEED on, the same on the kernel's own workqueue, and writes to files
# (test-fuzz.sh).  The last line is "N passed, N failed".
#
# usage: fuzz.sh [KERNEL...]	environment: SEQUENCES=N (default 2000)
#		SEED=N (default: a new one) OPS=N of each (default 60) LANES=N at
#		a time (default 8) PREEMPT=MODEL PART="WORD..." GUIDED=1 (by the
#		ways that earlier ones took) REPLAY=WHAT-A-FAILURE-PRINTED
#		QUICK=1: four times as many a second, by 2 CPUs, 32 lanes, grace
#		periods that are hurried, and a console that shows no warnings
#		but ends with the first one of the kernel
#		and as for run.sh

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
sequences=${SEQUENCES:-2000}
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
smp=4 lanes=8 words=
if [ -n "${QUICK-}" ]; then
	smp=2 lanes=32
	words="+rcupdate.rcu_expedited=1 +loglevel=4 +panic_on_warn=1"
fi
models=(none voluntary full)
preempt=${PREEMPT:-${models[seed % 3]}}
[ $# -gt 0 ] || set -- 6.1 6.12

if ! [[ $sequences =~ ^[1-9][0-9]{0,6}$ && $seed =~ ^[0-9]{1,10}$ ]]; then
	echo "fuzz.sh: SEQUENCES=$sequences SEED=$seed: give numbers" >&2
	echo "0 passed, 1 failed"
	exit 1
fi

mkdir -p "$root/build"
table=$root/build/fuzz.txt
for like in 6.1 6.12; do
	for part in ${PART:-calls stock files}; do
		variant=normal how="LANES=${LANES:-$lanes}"
		if [ "$part" = calls ] && [ -n "${GUIDED-}${REPLAY-}" ]; then
			variant=cover
			how="$how GUIDED=${GUIDED:-0} REPLAY=${REPLAY-}"
		fi
		# Emulated time may be slow; whoever hangs says so before.
		echo "$like $preempt $smp $variant pass $((sequences * 10 + 900))" \
			"test-fuzz.sh PART=$part SEQUENCES=$sequences" \
			"SEED=$seed OPS=${OPS:-60} $how" \
			"WRITES=$((sequences < 5000 ? sequences : 5000)) $words"
	done
done >"$table"

echo "# $sequences sequences, seed $seed, preempt=$preempt"
SUITES=$table "$here/run.sh" "$@"
