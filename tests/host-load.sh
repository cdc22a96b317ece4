#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# "make load" and "make unload" on machines where something is in the way: one
# sentence with the remedy each.  The machine is played by a directory with
# its /lib/modules and /sys, and by programs that answer as its own would.
# usage: host-load.sh KERNEL

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
kernel=$(readlink -f "$root/build/kernels/${1:?which kernel?}")
kdir=$kernel/kdir
release=${kernel##*/}		# as its package, and uname -r, have it
pattern=${release//[.+]/.}
# shellcheck source=tests/lib-host.sh
. "$here/lib-host.sh"

# machine RELEASE [KDIR]: a new one, with nothing loaded
machine()
{
	rm -rf "$dir/top"
	mkdir -p "$dir/top/lib/modules/$1" "$dir/top/sys/module"
	[ $# = 1 ] || ln -s "$2" "$dir/top/lib/modules/$1/build"
	program uname "echo $1"
	program sudo 'exec "$@"'
	program dmesg 'echo "cmwq: says the log"'
	program insmod "echo \"\$*\" >$dir/insmod"
	program rmmod "echo called >$dir/rmmod"
	rm -f "$dir/insmod" "$dir/rmmod"
}

# loaded MODULE...: cmwq is, and these hold it
loaded()
{
	local module

	mkdir -p "$dir/top/sys/module/cmwq/holders" \
		"$dir/top/sys/kernel/debug/cmwq"
	for module; do
		mkdir "$dir/top/sys/module/cmwq/holders/$module"
	done
}

# says NAME STATUS PATTERN load|unload [PARAMETER...]: exactly one sentence
says()
{
	local name=$1 status=$2 wanted=$3 got

	shift 3
	PATH=$dir/bin:$PATH CMWQ_TEST_ROOT=$dir/top \
		"$root/tools/load.sh" "$@" >"$dir/log" 2>&1
	got=$?
	number=$((number + 1))
	if [ $got = "$status" ] &&
	   [ "$(grep -cE "^cmwq: $wanted" "$dir/log")" = 1 ] && ${also:-:}; then
		echo "ok $number $name"
	else
		failed=1
		sed 's/^/# /' "$dir/log"
		echo "# status $got, wanted $status and: cmwq: $wanted"
		echo "not ok $number $name"
	fi
}

inserted()
{
	local ko

	read -r ko rest <"$dir/insmod" || return 1
	[ "$rest" = "hooks=tracepoint" ] &&
		modinfo_of "$ko" | grep -q "^vermagic=$pattern "
}

modinfo_of()
{
	tr '\0' '\n' <"$1" | grep -a '^vermagic='
}

not_inserted()
{
	[ ! -e "$dir/insmod" ]
}

echo "KTAP version 1"
echo "1..14"

also=not_inserted
machine 4.19.0-1-amd64
says "a kernel that is not supported" 1 \
	'kernel 4\.19\.0-1-amd64 is not supported; boot one of' load
machine 99.1.0-1-amd64
says "a kernel newer than those tested" 1 \
	'kernel 99\.1\.0-1-amd64 is newer than .*make load allow_untested=1' load
says "it may be tried, and has no headers" 1 \
	'the headers of the running kernel are missing' load allow_untested=1
machine "$release"
says "headers are missing" 1 \
	"the headers .* are missing; install .*apt-get install linux-headers-$pattern" load
mkdir "$dir/kdir"
touch "$dir/kdir/Makefile"
grep -v CONFIG_TRACEPOINTS "$kdir/.config" >"$dir/kdir/.config"
machine "$release" "$dir/kdir"
says "an option is missing" 1 \
	"kernel $pattern was built without CONFIG_TRACEPOINTS; boot" load
machine "$release" "$kdir"
loaded
says "it is loaded already" 0 'already loaded, version' load
says "it is, with other parameters" 1 'already loaded; .* make unload' \
	load hooks=tracepoint
also=inserted
machine "$release" "$kdir"
says "nothing is in the way" 0 'loaded; look at' load hooks=tracepoint
also=
machine "$release" "$kdir"
program insmod 'echo "insmod: ERROR: could not insert module: Key was rejected by service" >&2; exit 1'
says "Secure Boot says that the key is unknown" 1 \
	'the kernel accepts signed modules only .*mokutil' load
program insmod 'echo "insmod: ERROR: could not insert module: Operation not permitted" >&2; exit 1'
says "Secure Boot does not say why" 1 \
	'the kernel accepts signed modules only .*mokutil' load
program insmod 'echo "insmod: ERROR: could not insert module: Invalid argument" >&2; exit 1'
says "a bad parameter: the module's own words" 1 'says the log' load hooks=x
machine "$release" "$kdir"
says "unloading what is not loaded" 1 'not loaded' unload
loaded
also=
says "unloading" 0 'unloaded' unload
loaded some_driver
program rmmod 'echo "rmmod: ERROR: Module cmwq is in use" >&2; exit 1'
cat >"$dir/top/sys/kernel/debug/cmwq/workqueues" <<'VIEW'
cmwq workqueues v2
# name owner intake max_active
events cmwq open 1024
some_queue some_driver open 1
VIEW
says "unloading what is in use: by whom" 1 \
	'in use by module some_driver; queue some_queue \(of some_driver\); unload' \
	unload
exit $failed
