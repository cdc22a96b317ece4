#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build cmwq.ko for the running kernel and load it, or unload it.  Whatever is
# in the way is named in one sentence, with the remedy.
#
# usage: load.sh load [PARAMETER=VALUE...] | load.sh unload

set -u

root=$(cd "$(dirname "$0")/.." && pwd)
release=$(uname -r)
read -r oldest newest < <(sed -n 's/^range //p' "$root/KERNELS")
top=${CMWQ_TEST_ROOT-}		# tests show another machine's /lib and /sys
kdir=$top/lib/modules/$release/build
sysmod=$top/sys/module
views=$top/sys/kernel/debug/cmwq

die()
{
	echo "cmwq: $*" >&2
	exit 1
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root and there is no sudo: run it as root"
	fi
}

# What the module cannot be built or run without.
needed_configs="64BIT SMP MODULES TRACEPOINTS"

check_kernel()
{
	local series config

	series=$(sed -n 's/^\([0-9]*\.[0-9]*\).*/\1/p' <<<"$release")
	[ "$(printf '%s\n' "$oldest" "$series" | sort -V | tail -n 1)" = \
	  "$series" ] ||
		die "kernel $release is not supported; boot one of the series" \
		    "$oldest to $newest"
	[ "$(printf '%s\n' "$newest" "$series" | sort -V | tail -n 1)" = \
	  "$newest" ] || [[ " $* " == *" allow_untested=1 "* ]] ||
		die "kernel $release is newer than $newest, the newest that" \
		    "was tested; try it with: make load allow_untested=1"
	[ -f "$kdir/Makefile" ] ||
		die "the headers of the running kernel are missing; install" \
		    "them with: apt-get install linux-headers-$release"
	for config in $needed_configs; do
		grep -q "^CONFIG_$config=y" "$kdir/.config" ||
			die "kernel $release was built without CONFIG_$config;" \
			    "boot a distribution kernel or rebuild with it"
	done
}

# Does this kernel insist on signed modules?
wants_signature()
{
	grep -qE '\[(integrity|confidentiality)\]' \
		"$top/sys/kernel/security/lockdown" 2>/dev/null ||
		grep -qx Y "$sysmod/module/parameters/sig_enforce" 2>/dev/null
}

load()
{
	local ko=$root/build/$release/cmwq.ko said

	check_kernel "$@"
	if [ -d "$sysmod/cmwq" ]; then
		[ $# = 0 ] || die "already loaded; for other parameters end it" \
			"first with: make unload"
		echo "cmwq: already loaded, version" \
		     "$(cat "$sysmod/cmwq/version" 2>/dev/null)"
		return 0
	fi
	"$root/tests/vm/setup.sh" --build || exit 1
	"$root/tools/build.sh" --module "$kdir" ||
		die "the build failed (above)"
	if ! said=$(as_root insmod "$ko" "$@" 2>&1); then
		case "$said" in
		*"Key was rejected"*|*"Required key"*|*"not permitted"*)
			die "the kernel accepts signed modules only (Secure" \
			    "Boot); sign $ko with a key enrolled with" \
			    "mokutil --import, or turn Secure Boot off"
			;;
		*)
			as_root dmesg | grep 'cmwq: ' | tail -n 2 >&2
			! wants_signature ||
				die "loading failed and this kernel accepts" \
				    "signed modules only: sign $ko"
			die "loading failed: $said"
			;;
		esac
	fi
	as_root dmesg | grep 'cmwq: ' | tail -n 1
	echo "cmwq: loaded; look at $views, end with: make unload"
}

unload()
{
	local holders said queues

	[ -d "$sysmod/cmwq" ] || die "not loaded"
	said=$(as_root rmmod cmwq 2>&1) && { echo "cmwq: unloaded"; return 0; }
	holders=$(cd "$sysmod/cmwq/holders" 2>/dev/null && echo *)
	[ "$holders" != '*' ] || holders=
	# Queues of others; the module's own are destroyed with it.
	queues=$(as_root cat "$views/workqueues" 2>/dev/null | awk '
		NR == 2 {
			for (i = 2; i <= NF; i++)
				at[$i] = i - 1
		}
		NR > 2 && $at["owner"] != "cmwq" && $at["owner"] != "-" {
			printf "%s%s (of %s)", sep, $at["name"], $at["owner"]
			sep = ", "
		}')
	[ -z "$holders$queues" ] || die "in use by" \
		"${holders:+module ${holders// /, }}${holders:+${queues:+; }}${queues:+queue $queues};" \
		"unload these first"
	die "cannot be unloaded: $said"
}

case "${1-}" in
load) shift; load "$@" ;;
unload) unload ;;
*) echo "usage: load.sh load [PARAMETER=VALUE...] | unload" >&2; exit 2 ;;
esac
