#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# "make demo" shows what it says.  With two runnable workers per CPU it must
# notice that it does not: the control.  usage: host-demo.sh KERNEL

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
kernel=${1:?which kernel?}
# shellcheck source=tests/lib-host.sh
. "$here/lib-host.sh"

echo "KTAP version 1"
echo "1..2"
"$root/demo/demo.sh" --kernel "$kernel" >"$dir/log" 2>&1 &&
	grep -q 'demo: all as documented' "$dir/log"
result "all as documented" $?
"$root/demo/demo.sh" --kernel "$kernel" concurrency=2 >"$dir/log" 2>&1
[ $? = 1 ] && grep -q 'demo: NOT as documented' "$dir/log"
result "not with concurrency=2" $?
exit $failed
