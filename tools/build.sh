#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build cmwq.ko, its broken variant, the test modules and the samples for one
# kernel, in build/<kernel>/ (kbuild writes beside the sources, so these are
# copied there first).  usage: build.sh [--module] KERNEL [MAKE-ARGUMENT...]
#
# --module: cmwq.ko alone.
# KERNEL is 6.1, 6.12 or another name of tests/vm/kernels.txt (fetched by
# tests/vm/setup.sh) or the directory of a configured kernel
# (/lib/modules/<release>/build).

set -u

root=$(cd "$(dirname "$0")/.." && pwd)
what=all
if [ "${1-}" = --module ]; then
	what=module
	shift
fi
kernel=${1-}
shift

die()
{
	echo "build.sh: $*" >&2
	exit 1
}

case "$kernel" in
"") die "which kernel? one of kernels.txt, or the directory of one" ;;
*/*)
	kdir=$(cd "$kernel" 2>/dev/null && pwd) ||
		die "no directory $kernel"
	# What uname -r says there; Debian's "make kernelrelease" says less.
	name=$(sed -n 's/^#define UTS_RELEASE "\(.*\)".*/\1/p' \
		"$kdir/include/generated/utsrelease.h" 2>/dev/null)
	[ -n "$name" ] || die "$kdir is not a configured kernel"
	;;
*)
	kdir=$root/build/kernels/$kernel/kdir
	name=$kernel
	[ -e "$kdir" ] ||
		die "no headers of $kernel: run tests/vm/setup.sh $kernel first"
	kdir=$(cd "$kdir" && pwd -P)
	;;
esac
out=${OUT:-$root/build/$name}
case "$name" in
*-gcov) set -- CMWQ_GCOV=1 "$@" ;;	# of tests/vm/debug/kernels.txt
esac

# Headers in a build root want its compiler; sources and results lie in there,
# too, and $prefix is what the names of files have too much there.
prefix=
within=()
case "$kdir" in
"$root"/build/roots/*)
	prefix=${kdir#"$root"/build/roots/}
	prefix=$root/build/roots/${prefix%%/*}
	within=("$root/tests/vm/roots.sh" run "${prefix##*/}")
	inner=$prefix/cmwq/${out#"$root"/build/}
	mkdir -p "$inner" "$(dirname "$out")"
	if [ -e "$out" ] && [ ! -L "$out" ]; then
		[[ $out == "$root"/build/* ]] ||
			die "$out is there already; give OUT another name"
		rm -rf "$out"
	fi
	ln -sfn "$inner" "$out"
	out=$inner
	;;
esac

# sync FROM TO: copy what is newer, drop what is gone.
sync_sources()
{
	local from=$1 to=$2 file

	shift 2
	mkdir -p "$to"
	(cd "$from" && find "$@" -type f \( -name '*.[ch]' -o -name 'Kbuild*' \
		-o -name 'Makefile' -o -name VERSION -o -name KERNELS \)) |
		grep -v '\.mod\.c$' | sort >"$to/.sources.new"
	if [ -f "$to/.sources" ]; then
		comm -23 "$to/.sources" "$to/.sources.new" |
			while read -r file; do
				rm -f "${to:?}/$file"
			done
	fi
	mv "$to/.sources.new" "$to/.sources"
	(cd "$from" && xargs cp -pu --parents -t "$to") <"$to/.sources"
}

kbuild()
{
	local dir=$1 log

	shift
	log=$dir/build.log
	# No BTF: it wants a tool and the kernel's vmlinux, and nobody reads it.
	if ! "${within[@]}" make -C "${kdir#"$prefix"}" \
	     M="${dir#"$prefix"}" -j "$(nproc)" \
	     CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules >"$log" 2>&1; then
		cat "$log" >&2
		return 1
	fi
	grep -E 'warning:|WARNING:' "$log" | grep -v 'pahole version' >&2
	return 0
}

# Everything the results depend on; nothing newer, nothing to do.
cd "$root" || exit 1
core=''
for entry in *; do
	case "$entry" in
	build|tests|samples|demo|docs|checks|tools) continue ;;
	*.[ch]|Kbuild|VERSION|KERNELS) core="$core $entry" ;;
	*) [ ! -d "$entry" ] || core="$core $entry" ;;
	esac
done
stamp=$out/.built-$what
inputs=("$kdir/Module.symvers" tools/build.sh)
others="tests/modules samples demo"
[ $what = all ] || others=
for entry in $others; do
	[ ! -d "$entry" ] || inputs+=("$entry")
done
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$*" ]; then
	# shellcheck disable=SC2086 # a list of names without blanks
	changed=$(find $core "${inputs[@]}" -newer "$stamp" -print -quit)
	[ -n "$changed" ] || exit 0
	rm -f "$stamp"
fi

mkdir -p "$out"
exec 9>"$out/.lock"
flock 9
echo "$*" >"$stamp.new"
echo "  BUILD   $name: cmwq.ko"
# shellcheck disable=SC2086
sync_sources "$root" "$out" $core || exit 1
kbuild "$out" "$@" || exit 1

if [ $what = all ]; then
	echo "  BUILD   $name: cmwq.ko, deliberately broken"
	# shellcheck disable=SC2086
	sync_sources "$root" "$out/busted" $core || exit 1
	kbuild "$out/busted" CMWQ_BUSTED=1 "$@" || exit 1
fi

for entry in $others; do
	[ -f "$entry/Makefile" ] || [ -f "$entry/Kbuild" ] || continue
	to=$out/${entry%/modules}
	echo "  BUILD   $name: ${entry%/modules}"
	sync_sources "$root/$entry" "$to" . || exit 1
	# Older kernels' makefiles do not look at the symbols of others.
	[ "$to/Module.symvers" -nt "$out/Module.symvers" ] ||
		rm -f "$to/Module.symvers"
	kbuild "$to" "KBUILD_EXTRA_SYMBOLS=${out#"$prefix"}/Module.symvers" \
		CMWQ_DIR="${out#"$prefix"}" \
		CMWQ_INCLUDE="${out#"$prefix"}/include" "$@" || exit 1
done
# As old as the beginning: a source edited meanwhile counts as newer.
mv "$stamp.new" "$stamp"
