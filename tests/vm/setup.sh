#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Make this machine able to build and test: install the tools that are missing,
# fetch the newest stock kernels 6.1 and 6.12 with their headers into
# build/kernels/ (downloaded and unpacked, never installed: the machine must
# not get a new kernel to boot).  Run again, it does nothing, quickly.
#
# usage: setup.sh [--upgrade] [--build|--vm|--checks|--drivers|--model|--debug|
#                 --coverage|--all] [KERNEL...]
#
# KERNEL: names from kernels.txt instead of 6.1 and 6.12, "all" for all of them.
# Those of other Debian releases get a build root, too: roots.sh.
# --drivers: what "make test-drivers" needs as well, all of it below build/: the
# stock kernels' own modules, the sources of the drivers, tools for the guest.
# --debug: instead of the kernels their sources, in build/kernels/source/KERNEL, and
# what builds a whole kernel, for debug-kernel.
# --coverage: also lcov, which adds up what "make coverage" counts.

set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build
here=$root/tests/vm
kernels=
suite=bookworm
upgrade=0
want=vm
guest_tools="fio mkfs.ext4 dmsetup nbd-server nbd-client"
driver_needs="ext4 crc32c_generic brd ecb xts aesni-intel"

for arg; do
	case "$arg" in
	--upgrade) upgrade=1 ;;
	--build|--vm|--checks|--drivers|--model|--debug|--coverage|--all)
		want=${arg#--}
		;;
	all) kernels=$(awk '/^[^#]/ { print $1 }' "$here/kernels.txt") ;;
	-*)
		echo "usage: setup.sh [--upgrade]" \
			"[--build|--vm|--checks|--drivers|--model|--debug|" \
			"--coverage|--all] [KERNEL...]" >&2
		exit 2
		;;
	*) kernels="$kernels $arg" ;;
	esac
done
kernels=${kernels:-6.1 6.12}
# Whether one of them is for arm64: a cross compiler, its emulator.
arm64=0
[[ "$kernels " != *-arm64[[:space:]]* ]] || arm64=1

say()
{
	echo "setup: $*"
}

die()
{
	echo "setup: $*" >&2
	exit 1
}

# row KERNEL: set suites, headers and kroot to what kernels.txt says of it
row()
{
	read -r suites headers kroot < <(awk -v k="$1" \
		'$1 == k { print $2, $3, $4 }' "$here/kernels.txt")
	[ -n "${kroot-}" ] || die "no kernel $1 in tests/vm/kernels.txt"
}

# The releases that the wanted kernels come from, and this machine's.
wanted_suites()
{
	local series

	echo "$suite"
	for series in $kernels; do
		row "$series"
		tr , '\n' <<<"$suites"
	done
}

# The build roots that the wanted kernels need.
wanted_roots()
{
	local series

	for series in $kernels; do
		row "$series"
		[ "$kroot" = - ] || echo "$kroot"
	done | sort -u
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
	for tool in gcc gcc-12; do
		[ $arm64 = 0 ] || command -v "aarch64-linux-gnu-$tool" \
			>/dev/null || echo "$tool-aarch64-linux-gnu"
	done
	# What the tools in the header packages are linked against.
	ldconfig=$(PATH=$PATH:/usr/sbin:/sbin command -v ldconfig)
	"${ldconfig:-ldconfig}" -p | grep -q 'libelf\.so\.1' || echo libelf1
	case "$want" in
	vm|drivers|debug|coverage|all)
		command -v qemu-system-x86_64 >/dev/null 2>&1 ||
			echo qemu-system-x86
		[ $arm64 = 0 ] || command -v qemu-system-aarch64 >/dev/null ||
			echo qemu-system-arm
		;;
	esac
	if [ -n "$(wanted_roots)" ]; then
		PATH=$PATH:/usr/sbin command -v debootstrap >/dev/null ||
			echo debootstrap
	fi
	case "$want" in
	model|all) command -v spin >/dev/null 2>&1 || echo spin ;;
	esac
	case "$want" in
	coverage|all) command -v lcov >/dev/null 2>&1 || echo lcov ;;
	debug)
		for tool in flex bison bc lz4 perl; do
			command -v "$tool" >/dev/null 2>&1 || echo "$tool"
		done
		[ -f /usr/include/libelf.h ] || echo libelf-dev
		;;
	esac
	case "$want" in
	checks|drivers|debug|all) command -v xz >/dev/null 2>&1 || echo xz-utils ;;
	esac
	case "$want" in
	checks|all)
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
	local tool=$1 foreign=()

	shift
	[ $arm64 = 0 ] || foreign=(-o APT::Architectures::=amd64
				   -o APT::Architectures::=arm64)
	"$tool" "${foreign[@]}" -o Dir::State="$build/apt/state" \
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

	[ $arm64 = 0 ] || options=$options,arm64
	[ ! -f "$keyring" ] || options="$options signed-by=$keyring"
	sed "s|^|deb [$options] |" "$1" >"$build/apt/sources.list"
	private_apt apt-get update --error-on=any >"$build/apt/log" 2>&1
}

# The machine's mirror of the release, and the archives next to it: other
# releases on the same mirror, the security archive where it uses to be.
find_sources()
{
	local mirror good=$build/apt/good more=$build/apt/more name

	mkdir -p "$build/apt/state/lists/partial" "$build/apt/cache/archives"
	: >"$build/apt/status"
	apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\([^/']*\)/InRelease'.*|\1 \2|p" |
		sort -u >"$build/apt/configured"
	awk -v s="$suite" '
		$2 == s || $2 == s "-updates" || $2 == s "-security" {
			print $1 "/", $2, "main" }' \
		"$build/apt/configured" >"$good"
	mirror=$(sed -n "s|^\(.*\)/ $suite main\$|\1|p" "$good" | head -n 1)
	[ -n "$mirror" ] || die "no $suite in this machine's apt sources; add" \
		"a line 'deb <mirror>/debian $suite main' to them"
	for name in $(wanted_suites | sort -u); do
		case "$name" in
		*-security) ;;
		"$suite") ;;
		*) echo "$mirror/ $name main" >>"$good" ;;
		esac
	done
	say "reading the package lists"
	try_sources "$good" || {
		cat "$build/apt/log" >&2
		die "cannot read the apt sources (above)"
	}
	# For guesses that fail, the package lists are read again.
	for name in $( (wanted_suites; echo "$suite-security") |
		      grep -e -security | sort -u); do
		! grep -q " $name " "$good" || continue
		while read -r uri; do
			{ cat "$good"; echo "$uri/ $name main"; } >"$more"
			if try_sources "$more"; then
				mv "$more" "$good"
				break
			fi
		done < <(sed -n 's|/ [^ ]*-security main$||p' "$good"
			 echo "${mirror%/debian}/debian-security"
			 echo "$mirror-security"
			 echo "${mirror%/*}/debian-security")
	done
	try_sources "$good" || die "cannot read the package lists"
}

# The newest header package of that name whose image is there, too.
newest()
{
	local version image

	private_apt apt-cache pkgnames linux-headers- |
		grep -xE "linux-headers-$1" |
		sed 's/^linux-headers-//' | sort -rV |
		while read -r version; do
			has_package "linux-headers-$version" || continue
			# Newer ones keep the image in a package of its own.
			for image in "linux-binary-$version" \
				     "linux-image-$version-unsigned" \
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
		compgen -G "${package%:*}_*.deb" >/dev/null ||
			private_apt apt-get download "$package" ||
			return 1
	done
}

# unpack DEB DIR [MEMBER]: links there that lead to directories are kept
unpack()
{
	local tar=(tar)

	[ -w "$2/usr" ] || [ ! -d "$2/usr" ] || tar=(as_root tar)
	dpkg-deb --fsys-tarfile "$1" |
		"${tar[@]}" -x --keep-directory-symlink -C "$2" ${3:+"$3"} ||
		die "cannot unpack $1; remove it and retry"
}

fetch_kernel()
{
	local series=$1 found version image dir header into suites headers kroot

	row "$series"
	found=$(newest "$headers")
	[ -n "$found" ] || die "no kernel $series (linux-headers-$headers) in" \
		"the apt sources; add the suites $suites of your mirror"
	read -r version image <<<"$found"
	dir=$build/kernels/$version
	if [ ! -f "$dir/ready" ]; then
		say "fetching kernel $version ($image and its headers)"
		mkdir -p "$dir/deb"
		cd "$dir/deb" || exit 1
		# shellcheck disable=SC2046 # package names
		download "$image" "linux-headers-$version" \
			$(depends "linux-headers-$version" \
			  '^linux-(headers-.*-common(-rt)?|kbuild-)') ||
			die "cannot download kernel $version"
		say "unpacking kernel $version"
		into=$dir
		if [ "$kroot" != - ]; then
			make_build_root "$kroot"
			into=$build/roots/$kroot
		fi
		for deb in *.deb; do
			case "$deb" in
			linux-image-*) unpack "$deb" "$dir" ./boot ;;
			linux-binary-*) unpack "$deb" "$dir" ./usr/lib/modules ;;
			*) unpack "$deb" "$into" ;;
			esac
		done
		header=usr/src/linux-headers-$version
		if [ "$kroot" = - ]; then
			# The headers believe to be in /usr/src.
			sed -i "s|/usr/src/|$dir/usr/src/|; s|$dir$dir|$dir|" \
				"$dir/$header/Makefile" ||
				die "no $dir/$header/Makefile"
			ln -sfn "$header" "$dir/kdir"
		else
			ln -sfn "../../roots/$kroot/$header" "$dir/kdir"
		fi
		ln -sfn "boot/vmlinuz-$version" "$dir/vmlinuz"
		[ -s "$dir/vmlinuz" ] ||
			ln -sfn "usr/lib/modules/$version/vmlinuz" "$dir/vmlinuz"
		[ -s "$dir/vmlinuz" ] || die "no image in $image"
		[ -f "$dir/kdir/Makefile" ] || die "no headers of $version"
		cd "$root" && rm -rf "$dir/deb"
		echo "$root" >"$dir/ready"
	fi
	rm -rf "$build/kernels/$series.new"
	ln -s "$version" "$build/kernels/$series.new"
	[ -L "$build/kernels/$series" ] || rm -rf "$build/kernels/$series"
	mv -T "$build/kernels/$series.new" "$build/kernels/$series"
	say "kernel $series is $version"
}

make_build_root()
{
	[ ! -f "$build/roots/$1/ready" ] || return 0
	say "making a build root of Debian $1 (some minutes)"
	"$here/roots.sh" make "$1" \
		"$(sed -n "s|^deb .*\] \(.*\)/ $suite main\$|\1|p" \
		   "$build/apt/sources.list" | head -n 1)" || exit 1
}

# fetch_busybox [-arm64]
fetch_busybox()
{
	local tmp=$build/tools/unpack tool=$build/tools/busybox${1-}

	say "fetching busybox-static${1-}"
	rm -rf "$tmp"
	mkdir -p "$tmp" && cd "$tmp" || exit 1
	download "busybox-static${1:+:${1#-}}" ||
		die "cannot download busybox-static${1-}"
	dpkg-deb -x busybox-static_*.deb . || exit 1
	cd "$root" || exit 1
	cp "$(find "$tmp" -path '*/bin/busybox' -type f | head -n 1)" \
		"$tool.new" || die "no busybox in the package"
	mv "$tool.new" "$tool"
	rm -rf "$tmp"
}

# linux_source SERIES: the kernel's sources, a .tar.xz, on stdout; the package is left
# in the current directory
linux_source()
{
	if [ -f "/usr/src/linux-source-$1.tar.xz" ]; then
		cat "/usr/src/linux-source-$1.tar.xz"
	else
		download "linux-source-$1" >&2 &&
			dpkg-deb --fsys-tarfile "linux-source-$1"_*.deb |
			tar -x --to-stdout --wildcards '*.tar.xz'
	fi
}

# All of them, to build a kernel from.
fetch_source()
{
	local dir=$build/kernels/source/$1

	say "fetching and unpacking the sources of kernel $1 (1.5 GB)"
	rm -rf "$dir.new"
	mkdir -p "$dir.new" && cd "$dir.new" || exit 1
	linux_source "$1" | tar -xJ --strip-components=1 ||
		die "cannot unpack linux-source-$1"
	rm -f "linux-source-$1"_*.deb
	[ -f Kconfig ] || die "no sources in linux-source-$1"
	cd "$root" && rm -rf "$dir" && mv -T "$dir.new" "$dir"
	: >"$dir/.fetched"
}

# checkpatch and kernel-doc come with the kernel's sources only.
fetch_checkpatch()
{
	local dir=$build/tools/checkpatch

	say "fetching checkpatch and kernel-doc (from linux-source, which takes" \
	    "a while)"
	rm -rf "$dir.new"
	mkdir -p "$dir.new" && cd "$dir.new" || exit 1
	linux_source 6.1 |
		tar -xJ --strip-components=2 --wildcards '*/scripts/checkpatch.pl' \
			'*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch' \
			'*/scripts/kernel-doc' ||
		die "no checkpatch or no kernel-doc in linux-source-6.1"
	rm -f linux-source-6.1_*.deb
	cd "$root" && rm -rf "$dir" && mv -T "$dir.new" "$dir"
}

# Programs for the guest, each with the libraries it is linked against.
fetch_guest()
{
	local dir=$build/tools/guest tmp=$build/tools/unpack deb tool

	say "fetching $guest_tools for the guest"
	rm -rf "$dir.new" "$tmp"
	mkdir -p "$dir.new/bin" "$dir.new/lib" "$tmp"
	# No package counts as installed there, so all they depend on comes, too.
	private_apt apt-get install -y --no-install-recommends --download-only \
		fio e2fsprogs dmsetup nbd-server nbd-client \
		>"$build/apt/log" 2>&1 || {
			cat "$build/apt/log" >&2
			die "cannot download the tools for the guest"
		}
	for deb in "$build"/apt/cache/archives/*.deb; do
		dpkg-deb -x "$deb" "$tmp" || die "cannot unpack $deb"
	done
	rm -f "$build"/apt/cache/archives/*.deb
	for tool in $guest_tools; do
		cp -L "$(find "$tmp"/{,usr/}{,s}bin -name "$tool" | head -n 1)" \
			"$dir.new/bin/" || die "no $tool in the packages"
	done
	copy_libraries "$tmp" "$dir.new" || die "cannot find the libraries of" \
		"$guest_tools"
	rm -rf "$dir" "$tmp"
	mv -T "$dir.new" "$dir"
}

# copy_libraries FROM TO: those of TO/bin/*, the loader among them
copy_libraries()
{
	local ld=$1/lib64/ld-linux-x86-64.so.2 path tool lib

	path=$1/lib/x86_64-linux-gnu:$1/usr/lib/x86_64-linux-gnu
	path=$path:$path/ceph
	for tool in "$2"/bin/*; do
		"$ld" --library-path "$path" --list "$tool" || return 1
	done | sed -n 's/.* => \(.*\) (0x.*/\1/p' | sort -u |
		while read -r lib; do
			# The machine's own would not do for another release.
			[[ $lib == "$1"/* ]] && cp -L "$lib" "$2/lib/" ||
				exit 1
		done
}

# The drivers' sources and the kernel's own modules, for a series.
fetch_drivers()
{
	local series=$1 version image dir tmp deb

	version=$(readlink "$build/kernels/$series")
	dir=$build/kernels/$version/drivers
	tmp=$dir.new
	say "fetching the modules and driver sources of kernel $version"
	rm -rf "$tmp"
	mkdir -p "$tmp/unpack" "$tmp/ko" && cd "$tmp/unpack" || exit 1
	for image in "linux-image-$version-unsigned" "linux-image-$version"; do
		! has_package "$image" || break
	done
	download "$image" || die "cannot download $image; if there is a newer" \
		"one, run: tests/vm/setup.sh --upgrade --drivers"
	dpkg-deb --fsys-tarfile "$image"_*.deb | tar -x ./lib/modules ||
		die "no modules in $image"
	: >"$tmp/order"
	for module in loop nbd dm-crypt $driver_needs; do
		copy_module "$tmp" "$module" ||
			die "no module $module in $image"
	done
	linux_source "$series" | tar -xJ -C "$tmp" --strip-components=1 --wildcards \
		'*/drivers/block/*' '*/drivers/md/*' ||
		die "no driver sources in linux-source-$series"
	cd "$root" && rm -rf "$tmp/unpack" "$dir"
	mv -T "$tmp" "$dir"
}

# copy_module DIR NAME: it and what it depends on, in the order of loading
copy_module()
{
	local dir=$1 name=$2 file dependency

	! grep -qx "$name" "$dir/order" || return 0
	! grep -q "/$name\.ko\$" "$dir"/unpack/lib/modules/*/modules.builtin ||
		return 0
	file=$(find "$dir/unpack/lib/modules" -name "$name.ko*" -o \
		-name "${name//_/-}.ko*" | head -n 1)
	case "$file" in
	*.ko) cp "$file" "$dir/ko/$name.ko" ;;
	*.ko.xz) xz -dc "$file" >"$dir/ko/$name.ko" ;;
	*) return 1 ;;
	esac || return 1
	for dependency in $(tr '\0' '\n' <"$dir/ko/$name.ko" |
			    sed -n 's/^depends=//p' | tr ',' ' '); do
		copy_module "$dir" "$dependency" || return 1
	done
	echo "$name" >>"$dir/order"
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
	case "$want" in
	build|model) return 0 ;;
	esac
	[ -x "$build/tools/busybox" ] || echo busybox
	[ $arm64 = 0 ] || [ -x "$build/tools/busybox-arm64" ] ||
		echo busybox-arm64
	case "$want" in
	drivers|all) [ -d "$build/tools/guest" ] || echo guest ;;
	coverage) return 0 ;;	# debug-kernel builds its kernels
	debug)
		for series in $kernels; do
			[ $upgrade = 0 ] &&
			[ -f "$build/kernels/source/$series/.fetched" ] ||
				echo "source-$series"
		done
		return 0
		;;
	esac
	for series in $kernels; do
		row "$series"
		if [ "$kroot" != - ] && [ ! -f "$build/roots/$kroot/ready" ]; then
			# The headers went with it.
			rm -f "$build/kernels/$series/ready"
			echo "$series"
			continue
		fi
		# The repository may have been moved since.
		at=$(cat "$build/kernels/$series/ready" 2>/dev/null)
		if [ $upgrade = 1 ] || [ ! -s "$build/kernels/$series/vmlinuz" ]; then
			echo "$series"
		elif [ -n "$at" ] && [ "$at" != "$root" ]; then
			rm -f "$build/kernels/$series/ready"
			[ "$kroot" != - ] ||
			sed -i "s|$at/build/|$build/|" \
				"$build/kernels/$series/kdir/Makefile"
			echo "$root" >"$build/kernels/$series/ready"
		fi
	done
	case "$want" in
	drivers|all)
		for series in $kernels; do
			[ $upgrade = 0 ] &&
			[ -f "$build/kernels/$series/drivers/order" ] ||
				echo "drivers-$series"
		done
		;;
	esac
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
		busybox*) fetch_busybox "${what#busybox}" ;;
		checkpatch) fetch_checkpatch ;;
		guest) fetch_guest ;;
		drivers-*) fetch_drivers "${what#drivers-}" ;;
		source-*) fetch_source "${what#source-}" ;;
		*) fetch_kernel "$what" ;;
		esac
	done
fi
say "done"
