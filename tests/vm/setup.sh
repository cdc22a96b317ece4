#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Make this machine able to build and test: install the tools that are missing,
# fetch the newest stock kernels 6.1 and 6.12 with their headers into
# build/kernels/ (downloaded and unpacked, never installed: the machine must
# not get a new kernel to boot).  Run again, it does nothing, quickly.
#
# usage: setup.sh [--upgrade] [--build|--vm|--checks|--all]

set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build
kernels="6.1 6.12"
suite=bookworm
upgrade=0
want=vm

for arg; do
	case "$arg" in
	--upgrade) upgrade=1 ;;
	--build|--vm|--checks|--all) want=${arg#--} ;;
	*)
		echo "usage: setup.sh [--upgrade] [--build|--vm|--checks|--all]" >&2
		exit 2
		;;
	esac
done

say()
{
	echo "setup: $*"
}

die()
{
	echo "setup: $*" >&2
	exit 1
}

# Packages whose tool is not there.
missing_packages()
{
	local tool package

	while read -r tool package; do
		command -v "$tool" >/dev/null 2>&1 || echo "$package"
	done <<-TOOLS
		make make
		gcc gcc
		gcc-12 gcc-12
		strip binutils
		x86_64-linux-gnu-gcc-12 gcc-12
	TOOLS
	# What the tools in the header packages are linked against.
	ldconfig=$(PATH=$PATH:/usr/sbin:/sbin command -v ldconfig)
	"${ldconfig:-ldconfig}" -p | grep -q 'libelf\.so\.1' || echo libelf1
	case "$want" in
	vm|all)
		command -v qemu-system-x86_64 >/dev/null 2>&1 ||
			echo qemu-system-x86
		;;
	esac
	case "$want" in
	checks|all)
		command -v xz >/dev/null 2>&1 || echo xz-utils
		for tool in sparse shellcheck perl; do
			command -v "$tool" >/dev/null 2>&1 || echo "$tool"
		done
		# perl-base is always there and lacks modules they use.
		perl -MPod::Usage -MTerm::ANSIColor -e 1 2>/dev/null ||
			echo perl
		;;
	esac
}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		DEBIAN_FRONTEND=noninteractive "$@"
	else
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	fi
}

by_hand()
{
	die "$1; install by hand: $(tr '\n' ' ' <<<"$missing")and put" \
	    "busybox-static's busybox at build/tools/busybox and the stock" \
	    "kernels at build/kernels/<6.1|6.12>/{vmlinuz,kdir}, where kdir" \
	    "holds the kernel's headers"
}

install_packages()
{
	[ -n "$missing" ] || return 0
	say "installing $(tr '\n' ' ' <<<"$missing")"
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		die "not root and no sudo; as root run: apt-get install" \
		    "--no-install-recommends $(tr '\n' ' ' <<<"$missing")"
	fi
	# shellcheck disable=SC2086 # one word per package
	as_root apt-get install -y --no-install-recommends $missing && return 0
	say "not found in the package lists at hand, refreshing them"
	as_root apt-get update || die "apt-get update fails"
	# shellcheck disable=SC2086
	as_root apt-get install -y --no-install-recommends $missing ||
		die "apt-get cannot install $(tr '\n' ' ' <<<"$missing")"
}

# apt with lists, cache and sources of its own below build/: sees the suites
# the kernels are in without touching the machine's configuration.
private_apt()
{
	local tool=$1

	shift
	"$tool" -o Dir::State="$build/apt/state" \
		-o Dir::State::status="$build/apt/status" \
		-o Dir::Cache="$build/apt/cache" \
		-o Dir::Etc::sourcelist="$build/apt/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Acquire::Languages=none -o Acquire::Retries=3 \
		-o APT::Architecture=amd64 -o APT::Sandbox::User=root \
		-o APT::Get::List-Cleanup=0 "$@"
}

try_sources()
{
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	local options="arch=amd64"

	[ ! -f "$keyring" ] || options="$options signed-by=$keyring"
	sed "s|^|deb [$options] |" "$1" >"$build/apt/sources.list"
	private_apt apt-get update --error-on=any >"$build/apt/log" 2>&1
}

# The machine's mirror of the release, and the security archive next to it.
find_sources()
{
	local mirror uri good=$build/apt/good more=$build/apt/more

	mkdir -p "$build/apt/state/lists/partial" "$build/apt/cache/archives"
	: >"$build/apt/status"
	apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\([^/']*\)/InRelease'.*|\1 \2|p" |
		sort -u >"$build/apt/configured"
	awk -v s="$suite" '
		$2 == s || $2 == s "-updates" || $2 == s "-security" {
			print $1 "/", $2, "main" }' \
		"$build/apt/configured" >"$good"
	[ -s "$good" ] || die "no $suite in this machine's apt sources; add a" \
		"line 'deb <mirror>/debian $suite main' to them"
	say "reading the package lists"
	try_sources "$good" || {
		cat "$build/apt/log" >&2
		die "cannot read the machine's own apt sources (above)"
	}
	! grep -q " $suite-security " "$good" || return 0
	while read -r mirror _; do
		mirror=${mirror%/}
		for uri in "${mirror%/debian}/debian-security" \
			   "$mirror-security" "${mirror%/*}/debian-security"; do
			{
				cat "$good"
				echo "$uri/ $suite-security main"
			} >"$more"
			try_sources "$more" && return 0
		done
	done < <(grep " $suite main" "$good")
	try_sources "$good" || die "cannot read the package lists"
}

# The newest header package of a series whose image is there, too.
newest()
{
	local series=${1//./\\.} version

	private_apt apt-cache pkgnames "linux-headers-$1." |
		grep -E "^linux-headers-$series\.[0-9]+(-[0-9]+)?(\+deb[0-9.]+)?-amd64$" |
		sed 's/^linux-headers-//' | sort -rV |
		while read -r version; do
			has_package "linux-headers-$version" || continue
			for image in "linux-image-$version-unsigned" \
				     "linux-image-$version"; do
				if has_package "$image"; then
					echo "$version $image"
					exit
				fi
			done
		done
}

has_package()
{
	private_apt apt-cache show --no-all-versions "$1" 2>/dev/null |
		grep -q '^Filename: '
}

depends()
{
	private_apt apt-cache show --no-all-versions "$1" |
		sed -n 's/^Depends: //p' | tr ',|' '\n' |
		sed 's/^ *\([^ ]*\).*/\1/' | grep -E "$2"
}

# Download packages into the current directory unless they are there.
download()
{
	local package

	for package; do
		compgen -G "${package}_*.deb" >/dev/null ||
			private_apt apt-get download "$package" ||
			return 1
	done
}

fetch_kernel()
{
	local series=$1 found version image dir header

	found=$(newest "$series")
	[ -n "$found" ] || die "no kernel $series for amd64 in the apt" \
		"sources; add the $suite-security suite of your mirror"
	read -r version image <<<"$found"
	dir=$build/kernels/$version
	if [ ! -f "$dir/ready" ]; then
		say "fetching kernel $version ($image and its headers)"
		mkdir -p "$dir/deb"
		cd "$dir/deb" || exit 1
		# shellcheck disable=SC2046 # package names
		download "$image" "linux-headers-$version" \
			$(depends "linux-headers-$version" \
			  '^linux-(headers-.*-common|kbuild-)') ||
			die "cannot download kernel $version"
		say "unpacking kernel $version"
		for deb in *.deb; do
			case "$deb" in
			linux-image-*)
				dpkg-deb --fsys-tarfile "$deb" |
					tar -x -C "$dir" ./boot
				;;
			*) dpkg-deb -x "$deb" "$dir" ;;
			esac || die "cannot unpack $deb; remove it and retry"
		done
		# The headers believe to be in /usr/src.
		header=$dir/usr/src/linux-headers-$version
		sed -i "s|/usr/src/|$dir/usr/src/|; s|$dir$dir|$dir|" \
			"$header/Makefile" || die "no $header/Makefile"
		ln -sfn "usr/src/linux-headers-$version" "$dir/kdir"
		ln -sfn "boot/vmlinuz-$version" "$dir/vmlinuz"
		[ -s "$dir/vmlinuz" ] || die "no image in $image"
		cd "$root" && rm -rf "$dir/deb"
		echo "$root" >"$dir/ready"
	fi
	rm -rf "$build/kernels/$series.new"
	ln -s "$version" "$build/kernels/$series.new"
	[ -L "$build/kernels/$series" ] || rm -rf "$build/kernels/$series"
	mv -T "$build/kernels/$series.new" "$build/kernels/$series"
	say "kernel $series is $version"
}


fetch_busybox()
{
	local tmp=$build/tools/unpack

	say "fetching busybox-static"
	rm -rf "$tmp"
	mkdir -p "$tmp" && cd "$tmp" || exit 1
	download busybox-static || die "cannot download busybox-static"
	dpkg-deb -x busybox-static_*.deb . || exit 1
	cd "$root" || exit 1
	cp "$(find "$tmp" -path '*/bin/busybox' -type f | head -n 1)" \
		"$build/tools/busybox.new" || die "no busybox in the package"
	mv "$build/tools/busybox.new" "$build/tools/busybox"
	rm -rf "$tmp"
}

# checkpatch and kernel-doc come with the kernel's sources only.
fetch_checkpatch()
{
	local dir=$build/tools/checkpatch

	say "fetching checkpatch and kernel-doc (from linux-source, which takes" \
	    "a while)"
	rm -rf "$dir.new"
	mkdir -p "$dir.new" && cd "$dir.new" || exit 1
	download linux-source-6.1 || die "cannot download linux-source-6.1"
	dpkg-deb --fsys-tarfile linux-source-6.1_*.deb |
		tar -x --to-stdout --wildcards '*.tar.xz' |
		tar -xJ --strip-components=2 --wildcards '*/scripts/checkpatch.pl' \
			'*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch' \
			'*/scripts/kernel-doc' ||
		die "no checkpatch or no kernel-doc in linux-source-6.1"
	rm -f linux-source-6.1_*.deb
	cd "$root" && rm -rf "$dir" && mv -T "$dir.new" "$dir"
}

# What is still to be fetched: "busybox" and kernel series.
to_fetch()
{
	local series at

	case "$want" in
	checks|all)
		# Those fetched before there was a check for it lack kernel-doc.
		[ -f "$build/tools/checkpatch/kernel-doc" ] || echo checkpatch
		;;
	esac
	[ "$want" != build ] || return 0
	[ -x "$build/tools/busybox" ] || echo busybox
	for series in $kernels; do
		# The repository may have been moved since.
		at=$(cat "$build/kernels/$series/ready" 2>/dev/null)
		if [ $upgrade = 1 ] || [ ! -s "$build/kernels/$series/vmlinuz" ]; then
			echo "$series"
		elif [ -n "$at" ] && [ "$at" != "$root" ]; then
			rm -f "$build/kernels/$series/ready"
			sed -i "s|$at/build/|$build/|" \
				"$build/kernels/$series/kdir/Makefile"
			echo "$root" >"$build/kernels/$series/ready"
		fi
	done
}

missing=$(missing_packages | sort -u)
fetch=$(to_fetch)
[ -n "$missing$fetch" ] || exit 0

id=$(sed -n 's/^ID=//p' /etc/os-release 2>/dev/null | tr -d '"')
[ "$id" = debian ] ||
	by_hand "this is ${id:-an unknown distribution}, not Debian"
command -v apt-get >/dev/null || by_hand "there is no apt-get"
[ "$(dpkg --print-architecture)" = amd64 ] ||
	by_hand "this machine is not amd64"

mkdir -p "$build"
exec 9>"$build/.setup-lock"
flock 9
fetch=$(to_fetch)
install_packages
if [ -n "$fetch" ]; then
	find_sources
	for what in $fetch; do
		case "$what" in
		busybox) fetch_busybox ;;
		checkpatch) fetch_checkpatch ;;
		*) fetch_kernel "$what" ;;
		esac
	done
fi
say "done"
