#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A kernel without preempt notifiers: the accounting comes from sched_switch,
# and whoever asks for notifiers is told.  Such a kernel is played by a build
# that does not use them; the build that does is the control.
# usage: host-notifiers.sh KERNEL

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
kernel=${1:?which kernel?}
out=$root/build/notifiers/$kernel
# shellcheck source=tests/lib-host.sh
. "$here/lib-host.sh"

# guest KO COMMAND: in a guest with that module; its output is in $dir/log
guest()
{
	rm -rf "$dir/t"
	mkdir "$dir/t"
	cp "$here"/*.sh "$root/build/$kernel"/tests/cmwq_test_{policy,order}.ko \
		"$1" "$dir/t/" &&
		strip --strip-debug "$dir/t"/*.ko || return 1
	timeout 400 "$here/vm/vm.sh" run --kernel "$kernel" --timeout 300 \
		--smp 4 --payload "$dir/t" --out "$dir/out" -- "$2" \
		>"$dir/log" 2>&1
}

refused='cmwq: hooks=notifier needs preempt notifiers, which this kernel lacks'

echo "KTAP version 1"
echo "1..4"
mkdir -p "$out"
OUT=$out "$root/tools/build.sh" --module "$kernel" CMWQ_NO_NOTIFIERS=1 \
	>"$dir/log" 2>&1
result "builds as for a kernel without them" $?
guest "$out/cmwq.ko" "sh ./test-policy.sh" &&
	grep -q 'cmwq: .* loaded on .* hooks: sched_switch + irq_work (+ ' \
		"$dir/out/con"
result "concurrency is managed by the tracepoint" $?
guest "$out/cmwq.ko" "! insmod cmwq.ko hooks=notifier && dmesg | grep '$refused'"
result "hooks=notifier is refused, with the reason" $?
guest "$root/build/$kernel/cmwq.ko" \
	"insmod cmwq.ko hooks=notifier && ! dmesg | grep '$refused'"
result "not where there are some" $?
exit $failed
