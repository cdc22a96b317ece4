#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Can the harness fail?  A guest that dies, hangs, says nothing or complains,
# and results that do not add up, must not pass.  usage: selftest.sh KERNEL

set -u

here=$(cd "$(dirname "$0")" && pwd)
kernel=${1:?which kernel?}
# shellcheck source=tests/lib-host.sh
. "$here/../lib-host.sh"
mkdir "$dir/payload"
echo "a payload" >"$dir/payload/file"

# guest NAME STATUS PATTERN COMMAND [TIMES]: vm.sh ends with STATUS and says
# PATTERN, after TIMES (1) boots
guest()
{
	"$here/vm.sh" run --kernel "$kernel" --payload "$dir/payload" \
		--timeout "$limit" -- "$4" >"$dir/log" 2>&1
	[ $? = "$2" ] && grep -aEq "$3" "$dir/log" &&
		[ "$(grep -c '; once more$' "$dir/log")" = $((${5:-1} - 1)) ]
	result "$1" $?
}

# machine CPUS COMMAND: a guest with these CPUs, in which COMMAND succeeds
machine()
{
	"$here/vm.sh" run --kernel "$kernel" --payload "$dir/payload" \
		--timeout "$limit" --smp "$1" -- "$2" >"$dir/log" 2>&1
	result "--smp $1" $?
}

# no_machine CPUS...: refused, with a usage error
no_machine()
{
	local spec bad=0

	for spec; do
		"$here/vm.sh" run --kernel "$kernel" --payload "$dir/payload" \
			--smp "$spec" -- true >"$dir/log" 2>&1
		if [ $? != 2 ] ||
		   ! grep -q "^vm.sh: --smp $spec: " "$dir/log"; then
			bad=1
			break
		fi
	done
	result "bad --smp values" $bad
}

# judged NAME STATUS EXPECT RESULT: run.sh counts stdin as RESULT
judged()
{
	local got

	cat >"$dir/ktap"
	got=$("$here/../run.sh" --judge "$2" "$3" "$dir/ktap")
	echo "got $got, wanted $4" >"$dir/log"
	[ "$got" = "$4" ]
	result "$1" $?
}

echo "KTAP version 1"
echo "1..29"
limit=120
guest "the payload is there, the status comes back" 7 '^a payload' \
	'cat file; exit 7'
guest "a panic is a lost guest" 124 'lost guest: ended without a verdict' \
	'echo c >/proc/sysrq-trigger; sleep 100'
# shellcheck disable=SC2016 # a script for the guest
guest "flags that no CPU can have are the emulator's fault" 124 \
	'the flags c18e1642' 'for line in "BUG: unable to handle page fault" "Oops: a" \
	"RSP: 0 EFLAGS: c18e1642" "WARNING: a"; do echo "$line" >/dev/kmsg; done
	echo c >/proc/sysrq-trigger; sleep 100' 3
guest "but not if the kernel complained before" 124 'WARNING: ' \
	'echo "WARNING: a" >/dev/kmsg; echo "RSP: 0 EFLAGS: c18e1642" >/dev/kmsg
	echo c >/proc/sysrq-trigger; sleep 100'
guest "what a test plants is expected" 0 'status=0' \
	'echo "vm-expect: begin planted" >/dev/kmsg; echo "BUG: a" >/dev/kmsg
	echo "vm-expect: end" >/dev/kmsg'
guest "but not a crash" 3 'Oops' \
	'echo "vm-expect: begin planted" >/dev/kmsg; echo "Oops: a" >/dev/kmsg
	echo "vm-expect: end" >/dev/kmsg'
# shellcheck disable=SC2016 # a script for the guest
guest "the kernel's data races are its own" 0 'status=0' \
	'for line in "BUG: KCSAN: data-race in a / b" "read to 0 by task 1 on cpu 1:" \
	"a+0x1/0x2" "b+0x1/0x2 [cmwq]"; do echo "$line" >/dev/kmsg; done'
# shellcheck disable=SC2016 # the same
guest "ours are not" 3 'data-race in a / b' \
	'for line in "BUG: KCSAN: data-race in a / b" "read to 0 by task 1 on cpu 1:" \
	"a+0x1/0x2 [cmwq]"; do echo "$line" >/dev/kmsg; done'
guest "power-off without a verdict is a lost guest" 124 'ended without' \
	'poweroff -f'
guest "a forged verdict does not count" 124 'ended without' \
	'echo "vm-verdict 1 status=0"; poweroff -f'
guest "a kernel complaint is seen" 3 'WARNING: ' \
	'echo "WARNING: CPU: 0 at nothing" >/dev/kmsg'
# shellcheck disable=SC2016 # for the guest's shell
guest "an announced one is not, another one is" 3 'BUG: ' \
	'for w in "vm-expect: begin" "WARNING: a" "BUG: b" "vm-expect: end"; do
		echo "$w" >/dev/kmsg; done'
cpus=/sys/devices/system/cpu
machine 2s2c2t "cat $cpus/cpu2/topology/core_cpus_list \
	$cpus/cpu2/topology/package_cpus_list \
	$cpus/cpu2/cache/index3/shared_cpu_list >/tmp/a
	printf '2-3\\n0-3\\n0-3\\n' | cmp - /tmp/a"
machine 4s2c1t,numa=2 "cat $cpus/cpu7/topology/core_cpus_list \
	$cpus/cpu7/cache/index3/shared_cpu_list $cpus/cpu7/node1/cpulist \
	>/tmp/a; printf '7\\n6-7\\n4-7\\n' | cmp - /tmp/a"
machine 2/33 "cat $cpus/online $cpus/possible >/tmp/a
	printf '0-1\\n0-32\\n' | cmp - /tmp/a"
no_machine 0 -1 x 5/4 4/ 2s2c 2s0c2t 2s2c4t 4/64/2 100 4,numa=0 4,numa=3 \
	2s2c2t,numa=x ,numa=2 "4 -s"
limit=15
guest "a hang is a lost guest" 124 'took longer than 15 s' 'sleep 1000'

plan=$'KTAP version 1\n1..2\n'
judged "two of two" 0 pass "2 0 0" <<<"${plan}ok 1 a"$'\n'"ok 2 b"
judged "one is missing" 0 pass "1 1 0" <<<"${plan}ok 1 a"
judged "no plan" 0 pass "1 1 0" <<<"ok 1 a"
judged "silence" 0 pass "0 1 0" </dev/null
judged "a number twice" 0 pass "2 1 0" <<<"${plan}ok 1 a"$'\n'"ok 1 b"
judged "status without a failed test" 1 pass "2 1 0" \
	<<<"${plan}ok 1 a"$'\n'"ok 2 b"
judged "lost after all passed" 124 pass "2 1 0" \
	<<<"${plan}ok 1 a"$'\n'"ok 2 b"
judged "broken on purpose, and shows" 1 fail:lost "1 0 0" \
	<<<"${plan}# an item was lost"$'\n'"not ok 1 a"$'\n'"ok 2 b"
judged "broken on purpose, but passes" 0 fail:lost "0 1 0" \
	<<<"${plan}# nothing is lost"$'\n'"ok 1 a"$'\n'"ok 2 b"
echo "INFO: task kswapd0:72 blocked" >"$dir/con"
judged "has to hang, and does" 124 hang:kswapd0.*blocked "1 0 0" \
	<<<"${plan}ok 1 a"
judged "has to hang, but ends" 0 hang:kswapd0.*blocked "0 1 0" \
	<<<"${plan}ok 1 a"$'\n'"ok 2 b"
judged "has to hang like that, but hangs otherwise" 124 hang:kcryptd "0 1 0" \
	<<<"${plan}ok 1 a"
exit $failed
