#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Install cmwq without a package manager, or lay its files out for one.
#
# usage: install.sh install|uninstall		the module and what clients need
#        install.sh dkms-install|dkms-uninstall	the same, by dkms
#        install.sh sources DIR			what dkms builds from
#        install.sh clients DIR			headers, client.mk, the sample
#
# Environment: KDIR=<the kernel's build directory, of the running one if unset>
# PREFIX=/usr/local DESTDIR=

set -u

root=$(cd "$(dirname "$0")/.." && pwd)
version=$(cat "$root/VERSION")
KDIR=${KDIR:-/lib/modules/$(uname -r)/build}
PREFIX=$(realpath -ms -- "${PREFIX:-/usr/local}")
DESTDIR=${DESTDIR-}

die()
{
	echo "cmwq: $*" >&2
	exit 1
}

# The release of KDIR, as uname -r says it there.
release()
{
	local file=$KDIR/include/generated/utsrelease.h name

	name=$(sed -n 's/^#define UTS_RELEASE "\(.*\)".*/\1/p' "$file" \
		2>/dev/null)
	[ -n "$name" ] || die "no headers in $KDIR; install them with: apt-get" \
		"install linux-headers-$(uname -r), or give KDIR=DIRECTORY"
	echo "$name"
}

writable()
{
	[ -n "$DESTDIR" ] || [ "$(id -u)" = 0 ] ||
		die "needs root: sudo make $1"
}

# put MODE FILE TO: what fails is said by install itself
put()
{
	install -D -m "$1" "$2" "$3" || exit 1
}

sources()
{
	local to=$1 file

	cd "$root" || exit 1
	for file in ./*.[ch] observe/*.[ch] Kbuild KERNELS VERSION dkms.conf; do
		put 644 "$file" "$to/$file"
	done
	find include -type f | while read -r file; do
		put 644 "$file" "$to/$file"
	done || exit 1
	for file in packaging/dkms-hook tools/cmwq-preflight; do
		put 755 "$file" "$to/$file"
	done
}

clients()
{
	local to=$1 file

	cd "$root" || exit 1
	put 644 include/cmwq.h "$to/include/cmwq.h"
	for file in include/cmwq/*.h; do
		put 644 "$file" "$to/$file"
	done
	put 644 packaging/client.mk "$to/client.mk"
	for file in Makefile README.md cmwq_sample.c dkms.conf; do
		put 644 "samples/$file" "$to/sample/$file"
	done
}

packaged()
{
	[ -z "$DESTDIR" ] && dpkg -S "$PREFIX/share/cmwq" >/dev/null 2>&1
}

# What clients need, for the module of any way to install it.
clients_put()
{
	! packaged ||
		die "$PREFIX/share/cmwq is a package's; give another PREFIX," \
		    "or remove that first: apt-get purge cmwq-dev"
	clients "$DESTDIR$PREFIX/share/cmwq"
}

# The last one takes it.
clients_remove()
{
	packaged ||
		compgen -G "$DESTDIR/lib/modules/*/updates/cmwq.ko" >/dev/null ||
		compgen -G "$DESTDIR/usr/src/cmwq-*/.dkms-install" \
			>/dev/null || rm -rf "$DESTDIR$PREFIX/share/cmwq"
}

run_depmod()
{
	[ -n "$DESTDIR" ] || PATH=$PATH:/usr/sbin:/sbin depmod "$1" ||
		die "depmod fails for $1"
}

module_install()
{
	local rel dir dkms

	writable install
	rel=$(release) || exit 1
	dir=$DESTDIR/lib/modules/$rel/updates
	dkms=$(compgen -G "$DESTDIR/lib/modules/$rel/*/dkms/cmwq.ko*")
	[ -z "$dkms" ] || die "$dkms is there already, from dkms; end that" \
		"first with: dkms remove cmwq/VERSION -k $rel"
	"$root/tools/build.sh" --module "$KDIR" || die "the build failed (above)"
	clients_put
	put 644 "$root/build/$rel/cmwq.ko" "$dir/cmwq.ko"
	strip --strip-debug "$dir/cmwq.ko" || die "cannot strip $dir/cmwq.ko"
	put 644 "$root/build/$rel/Module.symvers" "$dir/cmwq.symvers"
	run_depmod "$rel"
	echo "cmwq: $version installed for $rel; load it with: modprobe cmwq"
}

module_uninstall()
{
	local rel dir

	writable uninstall
	rel=$(release) || exit 1
	dir=$DESTDIR/lib/modules/$rel/updates
	[ -e "$dir/cmwq.ko" ] || die "not installed for $rel"
	rm -f "$dir/cmwq.ko" "$dir/cmwq.symvers" || exit 1
	rmdir --ignore-fail-on-non-empty "$dir"
	run_depmod "$rel"
	clients_remove
	echo "cmwq: uninstalled from $rel"
}

# What dkms_install has made
dkms_forget()
{
	local known

	if [ -z "$DESTDIR" ]; then
		known=$(dkms status -m cmwq -v "$version") ||
			die "dkms fails (above)"
		[ -z "$known" ] || dkms remove "cmwq/$version" --all ||
			die "dkms fails (above)"
	fi
	rm -rf "$DESTDIR/usr/src/cmwq-$version"
	clients_remove
}

dkms_install()
{
	local rel other to=$DESTDIR/usr/src/cmwq-$version

	writable dkms-install
	[ -n "$DESTDIR" ] || command -v dkms >/dev/null ||
		die "there is no dkms; install it with: apt-get install dkms"
	[ ! -e "$to" ] || die "$to is there already; end that first with:" \
		"make dkms-uninstall (or apt-get purge cmwq-dkms)"
	if [ -z "$DESTDIR" ]; then
		rel=$(release) || exit 1
		other=/lib/modules/$rel/updates/cmwq.ko
		[ ! -e "$other" ] || die "$other is there already; end that" \
			"first with: make uninstall"
		[ -z "$(dkms status -m cmwq -v "$version")" ] ||
			die "dkms has cmwq/$version already; end that first" \
			    "with: dkms remove cmwq/$version --all"
	fi
	clients_put
	mkdir -p "$to" || exit 1
	echo "made by: make dkms-install" >"$to/.dkms-install" || exit 1
	sources "$to"
	[ -z "$DESTDIR" ] || return 0
	dkms install "cmwq/$version" -k "$rel" && return
	# As it was before, so that it can be tried again.
	dkms_forget
	die "dkms fails (above)"
}

dkms_uninstall()
{
	local to=$DESTDIR/usr/src/cmwq-$version

	writable dkms-uninstall
	[ -e "$to" ] || die "no $to"
	# A package's files, or somebody's checkout.
	if [ ! -f "$to/.dkms-install" ] || [ "$to" -ef "$root" ] ||
	   { [ -z "$DESTDIR" ] && dpkg -S "$to/dkms.conf" >/dev/null 2>&1; }; then
		die "$to was not made by make dkms-install; remove it as it came," \
		    "a package with: apt-get purge cmwq-dkms"
	fi
	dkms_forget
}

case "${1-}" in
install|uninstall) "module_$1" ;;
dkms-install|dkms-uninstall) "${1/-/_}" ;;
sources|clients) "$1" "${2:?which directory?}" ;;
*)
	sed -n 's/^# usage: /usage: /p; s/^#        /       /p' "$0" >&2
	exit 2
	;;
esac
