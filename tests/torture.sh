#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Torture for as long as wanted: one guest for each kernel and each word of
# TORTURE (test-torture.sh says what these are), all at once in it.  The last
# line is "N passed, N failed".
#
# usage: torture.sh [KERNEL...]	environment: MINUTES=N of each guest (default 30)
#		TORTURE="WORD..." (default all) SEED=N (default: a new one) PREEMPT=MODEL
#		and as for run.sh

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
minutes=${MINUTES:-30}
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
models=(none voluntary full)
preempt=${PREEMPT:-${models[seed % 3]}}
[ $# -gt 0 ] || set -- 6.1 6.12

if ! [[ $minutes =~ ^[1-9][0-9]{0,3}$ && $seed =~ ^[0-9]{1,10}$ ]]; then
	echo "torture.sh: MINUTES=$minutes SEED=$seed: give numbers" >&2
	echo "0 passed, 1 failed"
	exit 1
fi

# How many runs of the module a word stands for.
runs()
{
	case $1 in
	each) sed -n '/^each="/,/"$/p' "$here/test-torture.sh" |
		sed 's/each=//; s/"//g' | wc -w ;;
	busted) echo 11 ;;
	*) echo 1 ;;
	esac
}

mkdir -p "$root/build"
table=$root/build/torture.txt
for like in 6.1 6.12; do
	for word in ${TORTURE:-all}; do
		seconds=$((minutes * 60 / $(runs "$word")))
		# Emulated time may be slow; whoever hangs says so before.
		echo "$like $preempt 4 normal pass $((minutes * 90 + 900))" \
			"test-torture.sh TORTURE=$word FOR=$seconds SEED=$seed"
	done
done >"$table"

echo "# $minutes minutes each, seed $seed, preempt=$preempt"
SUITES=$table "$here/run.sh" "$@"
