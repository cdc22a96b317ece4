#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# On a kernel newer than those tested the module loads with allow_untested=1
# only.  Such a kernel is played by a build that takes 5.9 for the newest; the
# build that does not is the control, and has to fail what the other passes.
# usage: host-untested.sh KERNEL

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
kernel=${1:?which kernel?}
out=$root/build/untested/$kernel
# shellcheck source=tests/lib-host.sh
. "$here/lib-host.sh"

# guest KO: test-untested.sh with it in a guest; its output is in $dir/log
guest()
{
	rm -rf "$dir/t"
	mkdir "$dir/t"
	cp "$1" "$here/test-untested.sh" "$here/lib.sh" "$dir/t/" &&
		strip --strip-debug "$dir/t/cmwq.ko" || return 1
	timeout 300 "$here/vm/vm.sh" run --kernel "$kernel" --timeout 200 \
		--payload "$dir/t" -- sh ./test-untested.sh >"$dir/log" 2>&1
}

echo "KTAP version 1"
echo "1..3"
mkdir -p "$out"
OUT=$out "$root/tools/build.sh" --module "$kernel" \
	CMWQ_NEWEST_TESTED=5.9 >"$dir/log" 2>&1
result "builds for a kernel newer than 5.9" $?
guest "$out/cmwq.ko" && [ "$(grep -c '^ok ' "$dir/log")" = 3 ]
result "it loads when told to, and only then" $?
! guest "$root/build/$kernel/cmwq.ko" &&
	[ "$(grep -c '^not ok ' "$dir/log")" = 2 ] &&
	grep -q '^ok .* it unloads' "$dir/log"
result "a tested kernel is not asked about" $?
exit $failed
