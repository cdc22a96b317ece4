#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build loop, nbd and dm-crypt from the kernel's own sources, with nothing
# changed but the one line that cmwq/dropin.h asks for, and run them over cmwq in
# virtual machines: drivers.txt lists the runs.  Sources are taken from what
# tests/vm/setup.sh --drivers has fetched and stay below build/.
#
# usage: drivers.sh [KERNEL...]		environment as for run.sh

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
[ $# -gt 0 ] || set -- 6.1 6.12
log=$root/build/test-drivers.log

die()
{
	echo "drivers.sh: $*" >&2
	echo "0 passed, 1 failed"
	exit 1
}

# with_dropin FROM TO: the line after the last #include, nothing else
with_dropin()
{
	awk -v line='#include <cmwq/dropin.h>' '
		NR == FNR { if (/^#[ \t]*include/) last = FNR; next }
		{ print }
		FNR == last { print line }' "$1" "$1" >"$2"
	[ "$(diff "$1" "$2" | grep -c '^[<>]')" = 1 ]
}

build()
{
	local kernel=$1 from=$root/build/kernels/$1/drivers out=$root/build/$1
	local src=$root/build/$1/drivers/src to=$root/build/$1/drivers/payload
	local file

	rm -rf "$out/drivers"
	mkdir -p "$src" "$to/drivers/ours"
	cp "$from"/drivers/md/*.h "$from"/drivers/block/nbd*.h "$src/" 2>/dev/null
	for file in block/loop.c block/nbd.c md/dm-crypt.c; do
		with_dropin "$from/drivers/$file" "$src/${file##*/}" ||
			die "$file: where does the line go?"
	done
	{
		echo "obj-m := loop.o nbd.o dm-crypt.o"
		echo "ccflags-y := -I$out/include"
	} >"$src/Kbuild"
	if ! make -C "$root/build/kernels/$kernel/kdir" M="$src" \
	     -j "$(nproc)" CONFIG_DEBUG_INFO_BTF_MODULES= \
	     "KBUILD_EXTRA_SYMBOLS=$out/Module.symvers" modules >"$log" 2>&1; then
		cat "$log" >&2
		die "the drivers do not build for $kernel"
	fi
	grep -E 'warning:|WARNING:' "$log" >&2
	cp "$src"/*.ko "$to/drivers/ours/" || exit 1
	cp -r "$from/ko" "$to/drivers/stock" || exit 1
	cp "$from/order" "$to/drivers/" || exit 1
	cp -r "$root/build/tools/guest" "$to/guest" || exit 1
	strip --strip-debug "$to"/drivers/*/*.ko || exit 1
}

# The figures of the two engines side by side.
ratios()
{
	local kernel=$1 dir=$root/build/test out

	for out in cmwq stock; do
		sed -n 's/^# throughput \([^ ]*\) \([0-9]*\) .*/\1 \2/p' \
			"$dir/$kernel"-*normal-drivers"$([ $out = cmwq ] ||
			echo -ENGINE=stock)"/out 2>/dev/null >"$dir/$out.figures"
	done
	[ -s "$dir/cmwq.figures" ] && [ -s "$dir/stock.figures" ] || return
	awk -v kernel="$kernel" '
		NR == FNR { stock[$1] = $2; next }
		stock[$1] > 0 {
			printf "# %s: %s: %d KiB/s, %.2f of the stock driver\n",
				kernel, $1, $2, $2 / stock[$1]
		}' "$dir/stock.figures" "$dir/cmwq.figures"
}

for kernel; do
	"$root/tools/build.sh" "$kernel" || die "cannot build for $kernel"
	echo "  BUILD   $kernel: loop, nbd, dm-crypt"
	build "$kernel"
done
export SUITES=drivers.txt PAYLOAD=drivers/payload MEM=${MEM:-1024}
"$here/run.sh" "$@" | tee "$log"
status=${PIPESTATUS[0]}
for kernel; do
	ratios "$kernel"
done
# The sum again, to be the last line.
tail -n 1 "$log"
exit "$status"
