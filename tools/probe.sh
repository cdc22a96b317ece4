#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What does a kernel offer cmwq?  Reads its headers, configuration and exports;
# builds and loads nothing.
#
# usage: probe.sh KERNEL	KERNEL: as for build.sh; exit status 1: cmwq
#				cannot be built for it

set -u

root=$(cd "$(dirname "$0")/.." && pwd)
kernel=${1-}
status=0

die()
{
	echo "probe.sh: $*" >&2
	exit 2
}

case "$kernel" in
"") die "which kernel? make probe KDIR=/lib/modules/<release>/build" ;;
*/*) kdir=$kernel ;;
*) kdir=$root/build/kernels/$kernel/kdir ;;
esac
kdir=$(readlink -f "$kdir")
config=$kdir/include/config/auto.conf
[ -f "$config" ] || die "$kdir holds no configured kernel or its headers"

# What uname -r says there.
release=$(sed -n 's/^#define UTS_RELEASE "\(.*\)".*/\1/p' \
	"$kdir/include/generated/utsrelease.h" 2>/dev/null)
echo "kernel             ${release:-unknown}"
echo "compiler           $(sed -n 's/^CONFIG_CC_VERSION_TEXT="\(.*\)"/\1/p' \
	"$config" "$kdir/.config" 2>/dev/null | head -n 1)"

has()
{
	grep -q "^CONFIG_$1=y" "$config"
}

# option NAME WHY: has to be there
option()
{
	if has "$1"; then
		printf '%-18s %s\n' "$1" yes
	else
		printf '%-18s %s\n' "$1" "NO: $2"
		status=1
	fi
}

option 64BIT "the state word of an item needs 64 bits"
option SMP "there is no CPU to share"
option TRACEPOINTS "sleeping workers are noticed by them"
for name in PREEMPT_NOTIFIERS PREEMPT_RT PREEMPT_DYNAMIC PREEMPT_COUNT \
	    MODVERSIONS MODULE_SIG_FORCE LOCKDEP FREEZER NO_HZ_FULL NUMA; do
	printf '%-18s %s\n' "$name" "$(has $name && echo yes || echo no)"
done

# Kbuild itself says what its greps find.
prefix='' within=()
case "$kdir" in
"$root"/build/roots/*)		# headers in a build root want its tools
	prefix=${kdir#"$root"/build/roots/}
	prefix=$root/build/roots/${prefix%%/*}
	within=("$root/tests/vm/roots.sh" run "${prefix##*/}")
	;;
esac
work=$(mktemp -d ${prefix:+-p "$prefix/tmp"}) || die "no temporary directory"
trap 'rm -rf "$work"' EXIT
cp "$root/Kbuild" "$root/VERSION" "$root/KERNELS" "$work"
out=$("${within[@]}" make -s -C "${kdir#"$prefix"}" M="${work#"$prefix"}" \
	CMWQ_PROBE=1 modules 2>&1)
features=$(sed -n 's/^cmwq-feature //p' <<<"$out" | awk '!seen[$0]++')
if [ -z "$features" ]; then
	echo "$out"
	echo "Kbuild does not get along with this kernel (above)"
	status=1
fi
while IFS='=' read -r name value; do
	[ -z "$name" ] || printf 'HAVE_%-21s %s\n' "$name" "$value"
done <<<"$features"

hooks="sched_switch tracepoint"
! has PREEMPT_NOTIFIERS || hooks="preempt notifiers"
entry=rcu_utilization
! grep -q SCHED_ENTRY_TP=yes <<<"$features" || entry=sched_entry_tp
echo "hooks              $hooks, irq_work, $entry on demand"

# Each line of imports.list: a symbol, or names of which one will do.
missing=0
if [ -s "$kdir/Module.symvers" ]; then
	while read -r first others; do
		found=0
		for name in $first $others; do
			if grep -qw "$name" "$kdir/Module.symvers"; then
				found=1
				break
			fi
		done
		if [ $found = 0 ]; then
			echo "not exported       $first ${others:+(nor $others)}"
			missing=$((missing + 1))
		fi
	done < <(grep -v '^#' "$root/include/compat/imports.list")
	echo "exports            $missing of those that cmwq needs are missing"
	[ $missing = 0 ] || status=1
else
	echo "exports            unknown: no Module.symvers"
fi
exit $status
