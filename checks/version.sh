#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# VERSION is the one source of the version, KERNELS of the kernels it is for.
# Whatever else states them has to agree.  One line for each that does not.
# usage: version.sh [--control] [DIR]
#
# --control: with something changed in a copy of each of these files, the same
# has to complain.

set -u

here=$(cd "$(dirname "$0")" && pwd)
stating="VERSION KERNELS README.md CHANGELOG.md Kbuild dkms.conf cmwq_mod.c
	samples/dkms.conf packaging/debian/changelog packaging/debian/control
	tools/load.sh tools/cmwq-preflight tests/vm/kernels.txt"
bad=0

wrong()
{
	echo "$*"
	bad=1
}

# has FILE LINE: an extended regular expression
has()
{
	grep -qE "^$2\$" "$1" || wrong "$1: no line '$2'"
}

versions()
{
	local version found

	version=$(cat VERSION)
	[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
		wrong "VERSION: '$version' is not of the form 1.2.3"
	has dkms.conf "PACKAGE_VERSION=\"$version\""
	has samples/dkms.conf "PACKAGE_VERSION=\"$version\""
	has cmwq_mod.c 'MODULE_VERSION\(CMWQ_VERSION\);'
	has Kbuild "ccflags-y .*-DCMWQ_VERSION=.*cat .*VERSION .*"
	head -n 1 packaging/debian/changelog | grep -q "^cmwq ($version) " ||
		wrong "packaging/debian/changelog: its head is not at $version"
	grep '^## ' CHANGELOG.md | head -n 1 | grep -qE "^## $version( |\$)" ||
		wrong "CHANGELOG.md: its head is not at $version"
	# "cmwq 1.2.3" and the like
	while read -r found; do
		[ "$found" = "$version" ] ||
			wrong "README.md: speaks of cmwq $found, this is $version"
	done < <(grep -oE 'cmwq[a-z-]*[ /_-][0-9]+\.[0-9]+\.[0-9]+' README.md |
		sed 's/.*[^0-9.]//')
	grep -qE "cmwq[a-z-]*[ /_-]$version" README.md ||
		wrong "README.md: does not say which version it is"
}

# Every series from 3.0 to 99.0 that some kernel might have.
some_series()
{
	local major minor

	for major in 3 4 5 6 7 8 9 15 57 67 99; do
		for ((minor = 0; minor < 120; minor++)); do
			echo "$major.$minor"
		done
	done
}

# not_older A B
not_older()
{
	local a=${1%.*} b=${2%.*}

	[ "$a" -gt "$b" ] ||
		{ [ "$a" = "$b" ] && [ "${1#*.}" -ge "${2#*.}" ]; }
}

# Of 5.x and 6.x there were no more than 19.
exists()
{
	case "$1" in
	[3-6].[2-9][0-9]|[3-6].1[0-9][0-9]) return 1 ;;
	esac
}

# regex FILE: takes what is in the range, and nothing else
regex()
{
	local BUILD_EXCLUSIVE_KERNEL series inside

	eval "$(grep '^BUILD_EXCLUSIVE_KERNEL=' "$1")"
	while read -r series; do
		exists "$series" || continue
		inside=0
		! not_older "$series" "$oldest" ||
			! not_older "$newest" "$series" || inside=1
		for kernel in "$series.0-1-amd64" "$series" "$series-rc1"; do
			if [[ $kernel =~ $BUILD_EXCLUSIVE_KERNEL ]]; then
				[ $inside = 1 ] ||
					wrong "$1: takes kernel $kernel"
			else
				[ $inside = 0 ] ||
					wrong "$1: does not take kernel $kernel"
			fi
		done
	done < <(some_series)
}

kernels()
{
	local oldest newest tested file

	read -r oldest newest < <(sed -n 's/^range //p' KERNELS)
	tested=$(sed -n 's/^tested //p' KERNELS)
	if [ -z "$newest" ] || [ "${tested%% *}" != "$oldest" ] ||
	   [ "${tested##* }" != "$newest" ]; then
		wrong "KERNELS: the range is not from the first tested to the last"
		return
	fi
	regex dkms.conf
	regex samples/dkms.conf
	[ "$(sed -n 's/^| \([0-9]*\.[0-9]*\) |.*/\1/p' README.md | xargs)" = \
	  "$tested" ] || wrong "README.md: the table is not of $tested"
	for file in README.md packaging/debian/control; do
		tr '\n' ' ' <"$file" | tr -s ' ' |
			grep -qF "$oldest to $newest" ||
			wrong "$file: does not say '$oldest to $newest'"
		tr '\n' ' ' <"$file" | tr -s ' ' |
			grep -oE '[0-9]\.[0-9]+ to [0-9]\.[0-9]+' |
			grep -vxF "$oldest to $newest" |
			sed "s|^|$file: says |" | grep . && bad=1
	done
	tr '\n' ' ' <CHANGELOG.md | tr -s ' ' | grep -qF \
		"Kernels: $oldest to $newest, tested on $(sed \
			's/ /, /g; s/, \([^,]*\)$/ and \1/' <<<"$tested")" ||
		wrong "CHANGELOG.md: no 'Kernels: $oldest to $newest, tested on ...'"
	# "make test-all" runs on them.
	[ "$(awk '/^[0-9]/ { sub(/-.*/, "", $1); print $1 }' \
		tests/vm/kernels.txt | sort -uV | xargs)" = "$tested" ] ||
		wrong "tests/vm/kernels.txt: not the kernels $tested"
	# These read the file.
	for file in Kbuild tools/load.sh tools/cmwq-preflight; do
		grep -q "s/^range //p' .*KERNELS" "$file" ||
			wrong "$file: does not read KERNELS"
	done
}

# What Kbuild does not build without.
configs()
{
	local needed file

	# shellcheck disable=SC2016 # make's, not ours
	needed=$(sed -n 's/^ifneq (\$(CONFIG_\([A-Z0-9_]*\)),y)$/\1/p' Kbuild |
		sort | xargs)
	[ "$(sed -n 's/^BUILD_EXCLUSIVE_CONFIG="\(.*\)"/\1/p' dkms.conf |
		tr ' ' '\n' | sed 's/^CONFIG_//' | sort | xargs)" = \
	  "$needed" ] || wrong "dkms.conf: BUILD_EXCLUSIVE_CONFIG is not $needed"
	[ "$(sed -n 's/^needed_configs="\(.*\)"/\1/p' tools/load.sh |
		tr ' ' '\n' | grep -vx MODULES | sort | xargs)" = "$needed" ] ||
		wrong "tools/load.sh: needed_configs is not $needed"
}

# change FILE SED-SCRIPT
change()
{
	local copy

	copy=$(mktemp -d)
	# shellcheck disable=SC2086 # a list
	cp --parents $stating "$copy" && sed -i "$2" "$copy/$1"
	if cmp -s "$1" "$copy/$1"; then
		wrong "control: nothing changed in $1"
	elif "$here/version.sh" "$copy" >/dev/null; then
		wrong "control: a change of $1 goes unnoticed: $2"
	fi
	rm -rf "$copy"
}

control()
{
	change VERSION 's/$/1/'
	change KERNELS 's/^range [0-9.]*/range 4.9/'
	change KERNELS 's/\([0-9]*\)$/9\1/'
	change README.md 's/\(cmwq[a-z]*[ /_-][0-9]\)\.[0-9]/\1.99/'
	change README.md '/^| 6\.1 |/d'
	change README.md 's/\([0-9]\.[0-9]* to\) [0-9]\.[0-9]*/\1 9.9/'
	change CHANGELOG.md '0,/^## /s/^## /&9/'
	change CHANGELOG.md 's/, tested on/, not tested on/'
	change dkms.conf 's/^\(PACKAGE_VERSION="[0-9]*\)/\19/'
	change dkms.conf '/^BUILD_EXCLUSIVE_KERNEL=/s/(\[^0-9\]|\$)//'
	change dkms.conf '/^BUILD_EXCLUSIVE_KERNEL=/s/0-3/0-4/'
	change samples/dkms.conf '/^BUILD_EXCLUSIVE_KERNEL=/s/5/4/'
	change samples/dkms.conf 's/^\(PACKAGE_VERSION="[0-9]*\)/\19/'
	change packaging/debian/changelog '1s/(/(9/'
	change packaging/debian/control 's/ to 7/ to 8/'
	change cmwq_mod.c 's/^MODULE_VERSION(.*/MODULE_VERSION("0");/'
	change tools/load.sh 's/KERNELS/VERSION/'
	change tools/load.sh '/^needed_configs=/s/SMP//'
	change Kbuild '0,/CONFIG_SMP/s//CONFIG_KVM/'
	change tests/vm/kernels.txt '/^7\.3/d'
}

what=all
if [ "${1-}" = --control ]; then
	what=control
	shift
fi
cd "${1:-.}" || exit 1
case $what in
all) versions; kernels; configs ;;
control) control ;;
esac
exit $bad
