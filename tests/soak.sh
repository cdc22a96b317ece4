#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Soak: everything in turn, in one boot of each kernel, for hours (test-soak.sh).
# The last line is "N passed, N failed".
#
# usage: soak.sh [KERNEL...]	environment: HOURS=N of each guest, also 0.5 (default 8)
#		SEED=N (default: a new one) PREEMPT=MODEL and as for run.sh

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
hours=${HOURS:-8}
seed=${SEED:-$((RANDOM * 32768 + RANDOM))}
models=(none voluntary full)
preempt=${PREEMPT:-${models[seed % 3]}}
[ $# -gt 0 ] || set -- 6.1 6.12

if ! [[ $hours =~ ^[0-9]{1,4}(\.[0-9]{1,3})?$ && $seed =~ ^[0-9]{1,9}$ ]]; then
	echo "soak.sh: HOURS=$hours SEED=$seed: give numbers" >&2
	echo "0 passed, 1 failed"
	exit 1
fi
seconds=$(awk -v h="$hours" 'BEGIN { print int(h * 3600) }')

mkdir -p "$root/build"
table=$root/build/soak.txt
for like in 6.1 6.12; do
	# The last round is finished, and there are four at least.
	echo "$like $preempt 4 normal pass $((seconds + seconds / 4 + 10000))" \
		"test-soak.sh FOR=$seconds SEED=$seed"
done >"$table"

echo "# $hours hours each, seed $seed, preempt=$preempt"
SUITES=$table "$here/run.sh" "$@"
