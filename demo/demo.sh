#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Show the main job: boot a stock kernel in QEMU, load cmwq.ko there, and draw
# what happens.  "make demo" does the set-up and the builds, then calls this.
#
# Exit status: 0 if all was as documented, 1 if not, 2 if it did not run.

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
kernel=6.1
limit=240
params=''

usage()
{
	cat <<USAGE
usage: demo.sh [--kernel 6.1|6.12] [--timeout SEC] [PARAMETER=VALUE...]

Wants build/<kernel>/ as "make modules KERNEL=<kernel>" leaves it. Parameters are
those of cmwq.ko, for example hooks=tracepoint, or concurrency=2 to see the demo
fail.
USAGE
}

die()
{
	echo "demo: $*" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case "$1" in
	--help|-h) usage; exit 0 ;;
	--kernel) kernel=${2:?}; shift 2 ;;
	--timeout) limit=${2:?}; shift 2 ;;
	*[!a-z0-9_=]*) usage >&2; exit 2 ;;
	*=*) params="$params $1"; shift ;;
	*) usage >&2; exit 2 ;;
	esac
done

build=$root/build/$kernel
out=$build/demo-run

bold='' plain=''
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\033[1m' plain=$'\033[0m'
fi

heading()
{
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
	printf '%s\n\n' "${1//?/=}"
}

# section NAME... - those blocks of the guest's output
section()
{
	awk -v names=" $* " '$1 == "section" { on = index(names, " " $2 " ") }
			     on' "$out/out"
}

# Prints what the guest has to say to a person, and a sign of life each 10 s (on
# a terminal each second) while it says nothing.
progress()
{
	local line part='' started=$SECONDS silent=0 clear='' doing=booting

	[ ! -t 1 ] || clear=$'\r\033[K'
	while :; do
		if IFS= read -r -t 1 line; then
			line=$part$line
			part=''
		elif [ $? -gt 128 ]; then
			part=$part$line
			silent=$((silent + 1))
			if [ -n "$clear" ]; then
				printf '%s  %3d s  (%s)' "$clear" \
					$((SECONDS - started)) "$doing"
			elif [ $((silent % 10)) = 0 ]; then
				printf '  %3d s  (%s)\n' \
					$((SECONDS - started)) "$doing"
			fi
			continue
		else
			break
		fi
		silent=0
		case "$line" in
		"@ "*)
			doing="still busy"
			printf '%s  %3d s  %s\n' "$clear" \
				$((SECONDS - started)) "${line#@ }"
			;;
		"# vm.sh: the kernel complains"*|"# vm.sh: lost guest"*|"#   "*)
			printf '%s%s\n' "$clear" "$line"
			;;
		esac
	done
	printf '%s' "$clear"
}


modules="cmwq.ko demo/cmwq_demo.ko samples/cmwq_sample.ko"
for file in $modules; do
	[ -f "$build/$file" ] ||
		die "no build/$kernel/$file: run make modules KERNEL=$kernel"
done

rm -rf "$out"
mkdir -p "$out/payload" || exit 2
for file in $modules; do
	cp "$build/$file" "$out/payload/" || exit 2
done
cp "$here/guest.sh" "$out/payload/" || exit 2

heading "cmwq.ko on the stock Linux $kernel${params:+, with$params}"
cat <<INTRO
A virtual machine with one CPU boots Debian's unpatched kernel. It counts
instructions instead of seconds, so its clock is exact however slow this
machine is. Booting takes 10 s on a fast one and a minute on a slow one.

INTRO
"$root/tests/vm/vm.sh" run --kernel "$kernel" --icount --timeout "$limit" \
	--payload "$out/payload" --out "$out" -- "sh ./guest.sh$params" | progress
status=${PIPESTATUS[0]}
if [ "$status" != 0 ]; then
	echo "demo: FAILED, the guest ended with status $status" \
	     "(its console: ${out#"$root"/}/con)"
	exit 1
fi
[ -n "$(section end)" ] || die "the guest's output is incomplete: ${out#"$root"/}/out"

failed=0

heading "The worked example"
cat <<INTRO
Three work items are queued at once on one CPU. w0 burns CPU for 5 ms, sleeps
10 ms and burns 5 ms again; w1 and w2 burn 5 ms and sleep 10 ms. The kernel's
documentation (core-api/workqueue) lists what has to happen, and when, if
nothing else costs time: 50 ms for all three if nothing may overlap, 25 ms if
an item's sleep may be used by the next one. Here it happens on cmwq.ko and on
the kernel's own workqueue, in one boot.

   # burns CPU     . sleeps     (blank) waits for a slot or for the CPU

INTRO
section timeline | awk -f "$here/timeline.awk" || failed=$((failed + 1))

heading "100 sleeping items on one CPU"
cat <<INTRO
100 items are queued on CPU 0; each burns 1 ms, then sleeps 300 ms. Whenever one
falls asleep, an idle worker takes the next, and a new worker is made when the
last idle one is gone. This is what /sys/kernel/debug/cmwq/pools says meanwhile
about that CPU's pool:

INTRO
section crowd1 crowd2 | awk -f "$here/workers.awk" || failed=$((failed + 1))

heading "A module of your own"
cat <<INTRO
samples/cmwq_sample.ko is a second module that knows cmwq.ko only by its
header, include/cmwq.h, and its exported symbols. The kernel log while it was
loaded and unloaded:

INTRO
section sample | sed -n 's/.*\(cmwq_sample: \)/      \1/p'
section sample | awk -f "$here/sample.awk" || failed=$((failed + 1))

echo
if [ $failed = 0 ]; then
	echo "${bold}demo: all as documented${plain} on Linux $kernel: the worked" \
	     "example, the worker pool, the sample."
	exit 0
fi
echo "${bold}demo: NOT as documented${plain} on Linux $kernel: $failed of 3" \
     "parts, see NO and NOT above."
exit 1
