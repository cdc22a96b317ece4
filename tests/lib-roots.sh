# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Debian userlands below build/roots/packages/, for tests/packages.sh.  Wants $root, and
# to be root.
#
#	make_root bookworm	from the machine's own mirror, once
#	in_root DIR COMMAND...	with its own /proc and /sys
#
# What is mounted is mounted in a namespace that ends with the command, so that
# "rm -rf build" never meets a mount.

# shellcheck disable=SC2154 # of the caller
roots=$root/build/roots/packages

# For both: dkms, what it needs, what packages are built and checked with.
root_packages="dkms dh-dkms debhelper dpkg-dev gcc kmod lintian make mokutil openssl zstd"

roots_say()
{
	echo "# roots: $*"
}

roots_need()
{
	local missing='' tool package

	[ "$(id -u)" = 0 ] || { echo "needs root" >&2; return 1; }
	while read -r tool package; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null ||
			missing="$missing $package"
	done <<-TOOLS
		debootstrap debootstrap
		unshare util-linux
		mke2fs e2fsprogs
		sbsign sbsigntool
		sign-efi-sig-list efitools
	TOOLS
	[ -e /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd ] || missing="$missing ovmf"
	# shellcheck disable=SC2086 # one word per package
	if [ -n "$missing" ]; then
		roots_say "installing$missing"
		export DEBIAN_FRONTEND=noninteractive
		apt-get install -y --no-install-recommends $missing ||
			{ apt-get update && apt-get install -y \
			  --no-install-recommends $missing; } || return 1
	fi
	unshare --mount true 2>/dev/null ||
		{ echo "unshare --mount fails: no CAP_SYS_ADMIN?" >&2
		  return 1; }
}

in_root()
{
	local dir=$1

	shift
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --pid --fork --kill-child bash -c '
		dir=$1
		shift
		mount --make-rprivate / &&
			mount -t proc proc "$dir/proc" &&
			mount -t sysfs -o ro sysfs "$dir/sys" &&
			mount --rbind /dev "$dir/dev" || exit 125
		exec env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			DEBIAN_FRONTEND=noninteractive chroot "$dir" "$@"
		' - "$dir" "$@" </dev/null
}

# find_mirrors SUITE: "URI SUITE" of the release and of its security archive, as
# this machine has them for its own release.
find_mirrors()
{
	apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/\([^/']*\)/InRelease'.*|\1 \2|p" |
		awk -v suite="$1" -v own="$(
			sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" '
			$2 == own		{ print $1, suite }
			$2 == own "-security"	{ print $1, suite "-security" }
			' | sort -u
}

# The security archive is beside the other, if it is not configured.
find_security()
{
	local dir=$1 suite=$2 mirror=$3 uri

	for uri in "${mirror%/debian}/debian-security" "$mirror-security"; do
		echo "deb $uri $suite-security main" \
			>"$dir/etc/apt/sources.list.d/security.list"
		in_root "$dir" apt-get update --error-on=any >/dev/null 2>&1 &&
			return 0
	done
	return 1
}

make_root()
{
	local suite=$1 dir=$roots/$1 new=$roots/$1.new mirror

	# Made with the same list of packages.
	[ "$(cat "$dir/ready" 2>/dev/null)" != "$root_packages" ] || return 0
	rm -rf "$new" "$dir"
	mkdir -p "$new"
	mirror=$(find_mirrors "$suite" | awk -v s="$suite" '$2 == s {
		print $1; exit }')
	[ -n "$mirror" ] ||
		{ echo "no Debian mirror in this machine's apt sources" >&2
		  return 1; }
	roots_say "debootstrap $suite"
	debootstrap --variant=minbase "$suite" "$new" "$mirror" \
		>"$roots/$suite.log" 2>&1 || return 1
	# It leaves these mounted if it was interrupted.
	umount "$new/proc" "$new/sys" 2>/dev/null
	cp /etc/resolv.conf "$new/etc/" 2>/dev/null
	find_mirrors "$suite" | sed 's/^/deb /; s/$/ main/' \
		>"$new/etc/apt/sources.list"
	grep -q security "$new/etc/apt/sources.list" ||
		find_security "$new" "$suite" "$mirror" ||
		{ echo "no security archive of $suite" >&2; return 1; }
	roots_say "packages of $suite"
	{
		in_root "$new" apt-get update &&
			"fill_$suite" "$new" &&
			echo "$root_packages" >"$new/ready"
	} >>"$roots/$suite.log" 2>&1 || return 1
	mv "$new" "$dir"
}

root_install()
{
	local dir=$1

	shift
	in_root "$dir" apt-get install -y --no-install-recommends "$@"
}

# The kernels to be upgraded to are only downloaded.

fill_bookworm()
{
	mkdir -p "$1/etc/initramfs-tools/conf.d"
	echo MODULES=list >"$1/etc/initramfs-tools/conf.d/cmwq-test"
	printf '%s\n' virtio_pci virtio_blk ext4 \
		>"$1/etc/initramfs-tools/modules"
	# shellcheck disable=SC2086
	root_install "$1" $root_packages initramfs-tools linux-image-amd64 \
		linux-headers-amd64 &&
		in_root "$1" apt-get clean &&
		root_install "$1" --download-only linux-image-6.12-amd64 \
			linux-headers-6.12-amd64
}

fill_trixie()
{
	# shellcheck disable=SC2086
	root_install "$1" $root_packages linux-headers-amd64 &&
		in_root "$1" apt-get clean &&
		root_install "$1" --download-only linux-headers-cloud-amd64
}
