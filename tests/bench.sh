#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# cmwq against the kernel's own workqueue: boots each stock kernel in an
# emulator that counts instructions, measures both in the same boot and prints
# a table of ratios.  See docs/bench.md.
#
# usage: bench.sh [KERNEL...]	(default: 6.1 6.12)
#
# KERNEL: 6.1, 6.12 or the directory of a kernel tree, as for tests/vm/vm.sh.
# The modules must have been built: make modules KERNEL=...  Raw results stay
# in build/bench/<kernel>/.  The exit status says whether everything could be
# measured, not whether the targets were met.

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
timeout=${BENCH_TIMEOUT:-900}

# bench KERNEL
bench()
{
	local kernel=$1 name=$1 build out file

	case "$kernel" in
	*/*) name=$(make -s -C "$kernel" kernelrelease | tail -n 1) ;;
	esac
	build=$root/build/$name
	out=$root/build/bench/$name
	rm -rf "$out"
	mkdir -p "$out/payload" || return 1
	for file in "$build/cmwq.ko" "$build/tests/cmwq_bench.ko" \
		    "$build/tests/cmwq_bench_switch.ko" \
		    "$here/bench-guest.sh"; do
		if ! cp "$file" "$out/payload/" 2>/dev/null; then
			echo "bench: no $file: run make modules first" >&2
			return 1
		fi
	done

	echo "bench: $name runs, which takes a few minutes"
	if ! "$here/vm/vm.sh" run --kernel "$kernel" --smp 1 --icount \
	     --timeout "$timeout" --payload "$out/payload" --out "$out" \
	     -- ./bench-guest.sh >"$out/log" 2>&1; then
		cat "$out/log"
		echo "bench: $kernel: the run failed"
		return 1
	fi
	awk -v unit="guest instructions" -v tolerance=0.005 \
	    -f "$here/bench-report.awk" "$out/out" | tee "$out/table"
	return "${PIPESTATUS[0]}"
}

[ $# -gt 0 ] || set -- 6.1 6.12
status=0
for kernel in "$@"; do
	bench "$kernel" || status=1
	echo
done
exit $status
