#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build roots: a small userland of another Debian release in build/roots/<name>,
# for kernels whose headers want that release's compiler.
#
# usage: roots.sh make NAME MIRROR	make it, unless it is there; as root
#        roots.sh run NAME COMMAND...	run COMMAND in it, as root, with /proc
#        roots.sh empty			remove what was built in them
#        roots.sh clean			remove them
#
# Nothing stays mounted: /proc is in a mount namespace of the command's own.

set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
roots=$root/build/roots

die()
{
	echo "roots.sh: $*" >&2
	exit 1
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null || die "not root and no sudo: run as root"
		sudo "$@"
	fi
}

# What compiles kernel modules of a release, and what the tools in its header
# packages are linked against.
packages()
{
	case "$1" in
	bullseye) echo make,gcc-10,libelf1 ;;
	trixie) echo make,gcc-14,libelf1t64,libssl3t64,zlib1g ;;
	*) die "no such build root: $1" ;;
	esac
}

make_root()
{
	local name=$1 mirror=$2 dir=$roots/$1 list check=()
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	[ ! -f "$dir/ready" ] || return 0
	list=$(packages "$name") || exit 1
	command -v debootstrap >/dev/null || PATH=$PATH:/usr/sbin
	command -v debootstrap >/dev/null ||
		die "no debootstrap: apt-get install debootstrap"
	mkdir -p "$roots"
	# A download that broke off is taken up again; a half-made root is not.
	mkdir -p "$roots/cache-$name"
	as_root rm -rf --one-file-system "$dir"
	[ ! -f "$keyring" ] ||
		check=(--force-check-gpg "--keyring=$keyring")
	if ! as_root debootstrap "${check[@]}" --variant=minbase --include="$list" \
	     --cache-dir="$roots/cache-$name" "$name" "$dir" "$mirror" \
	     >"$roots/$name.log" 2>&1; then
		tail -n 20 "$roots/$name.log" >&2
		die "cannot make the build root $name (log: $roots/$name.log)"
	fi
	as_root rm -rf "$roots/cache-$name" "$dir"/var/cache/apt/archives/*.deb
	# Sources and results belong to whoever builds.
	as_root install -d -o "$(id -u)" "$dir/cmwq"
	as_root touch "$dir/ready"
}

run_in()
{
	local dir=$roots/$1

	shift
	[ -f "$dir/ready" ] || die "no $dir: run tests/vm/setup.sh first"
	# shellcheck disable=SC2016 # for the shell in the namespace
	as_root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		unshare --mount sh -c '
			mount -t proc proc "$0/proc" && exec chroot "$0" "$@"
		' "$dir" "$@"
}

case "${1-}" in
make) [ $# = 3 ] || die "make NAME MIRROR"; make_root "$2" "$3" ;;
run) [ $# -ge 3 ] || die "run NAME COMMAND..."; shift; run_in "$@" ;;
empty) for dir in "$roots"/*/cmwq; do
		[ ! -d "$dir" ] || as_root rm -rf --one-file-system "$dir"
	done ;;
clean) [ ! -d "$roots" ] || as_root rm -rf --one-file-system "$roots" ;;
*) die "make NAME MIRROR, run NAME COMMAND..., empty or clean" ;;
esac
