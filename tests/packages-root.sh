#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs as root in a Debian userland made by lib-roots.sh, with the sources in
# /src: builds the packages, installs, upgrades and removes them for the kernels
# there.  One line "ok NAME" or "not ok NAME" each; packages.sh numbers them.
#
# usage: packages-root.sh PHASE...

set -u

arch=$(uname -m)
version=$(cat /src/VERSION)
next=${version%.*}.$((${version##*.} + 1))
tree=/var/lib/dkms
log=$(mktemp)
status=0

# try NAME COMMAND...
try()
{
	local name=$1 result

	shift
	# Not as a condition: there, "set -e" does nothing.
	(set -e; "$@") >"$log" 2>&1
	result=$?
	if [ "$result" = 0 ]; then
		echo "ok $name"
	else
		status=1
		tail -n 60 "$log" | sed 's/^/# /'
		echo "not ok $name"
	fi
}

# As they may stand after "!".
fails()
{
	! "$@"
}

# Kernels whose headers are installed, the oldest first.
kernels()
{
	local dir

	for dir in /lib/modules/*/build; do
		[ -e "$dir/include/generated/utsrelease.h" ] || continue
		dir=${dir%/build}
		echo "${dir##*/}"
	done | sort -V
}

oldest()
{
	kernels | head -n 1
}

newest()
{
	kernels | tail -n 1
}

symvers()
{
	echo "$tree/cmwq/kernel-$1-$arch/module/Module.symvers"
}

# is_installed VERSION KERNEL: module, version, kernel, symbols, dkms's word
is_installed()
{
	[ "$(modinfo -k "$2" -F version cmwq)" = "$1" ]
	modinfo -k "$2" -F filename cmwq | grep '/updates/dkms/cmwq\.ko'
	modinfo -k "$2" -F vermagic cmwq | grep "^${2//[.+]/.} "
	dkms status -m cmwq -v "$1" -k "$2" | grep installed
	grep cmwq_queue_work_on "$(symvers "$2")"
}

is_not_there()
{
	fails modinfo -k "$1" cmwq
	fails modinfo -k "$1" cmwq_sample
	fails grep cmwq "/lib/modules/$1/modules.dep"
}

# Every symbol of cmwq that the sample wants, with the checksum it wants.
# same_symbols KERNEL SYMVERS
same_symbols()
{
	local ko want

	grep -q '^CONFIG_MODVERSIONS=y' "/lib/modules/$1/build/.config" ||
		return 0
	ko=$(modinfo -k "$1" -F filename cmwq_sample) || return 1
	want=$(modprobe --dump-modversions "$ko" | awk '$2 ~ /^cmwq_/')
	[ "$(wc -l <<<"$want")" -gt 3 ] || return 1
	while read -r sum name; do
		awk -v s="$sum" -v n="$name" '
			$2 == n { found = $1 "" == s "" }
			END { exit !found }' "$2" || return 1
	done <<<"$want"
}

# Built for the cmwq that is there, and loaded after it.
sample_fits()
{
	[ "$(modinfo -k "$1" -F depends cmwq_sample)" = cmwq ]
	modprobe -S "$1" --show-depends cmwq_sample | awk '
		/cmwq\.ko/		{ core = NR }
		/cmwq_sample\.ko/	{ sample = NR }
		END			{ exit !(core && core < sample) }'
	same_symbols "$1" "$(symvers "$1")"
}

apt_install()
{
	apt-get install -y --no-install-recommends "$@"
}

# Building the packages

build_packages()
{
	(cd "$1" && OUT=/pkg/$2 make deb && ls /pkg/"$2"/*.deb)
}

# The next version, with another layout of a structure.
make_next()
{
	rm -rf /src-next
	cp -r /src /src-next
	cd /src-next
	echo "$next" >VERSION
	sed -i "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$next\"/" dkms.conf
	sed -i "1s/.*/cmwq ($next) unstable; urgency=medium/" \
		packaging/debian/changelog
	sed -i '/^struct cmwq_delayed_work {/,/^}/s/^\tint cpu;/&\n\tlong more;/' \
		include/cmwq.h
	grep -A 1 '^	int cpu;' include/cmwq.h | grep 'long more'
	build_packages /src-next next
}

# Its idea of the newest standards depends on its own age.
run_lintian()
{
	lintian --allow-root -I --fail-on error,warning,info \
		--suppress-tags out-of-date-standards-version "$@"
}

check_lintian()
{
	run_lintian /pkg/now/*.changes
}

# The control: a package that is wrong has to be noticed.
check_lintian_notices()
{
	rm -rf /src-wrong
	cp -r /src /src-wrong
	sed -i '/^Description: .*headers/s/.*/Description: headers./' \
		/src-wrong/packaging/debian/control
	build_packages /src-wrong wrong
	fails run_lintian /pkg/wrong/*.changes
}

phase_build()
{
	try "make deb" build_packages /src now
	try "lintian has nothing to say" check_lintian
	try "lintian notices a package that is wrong" check_lintian_notices
	try "the next version" make_next
}

# Installing

install_packages()
{
	# All kernels, not only the newest: there is no running one here.
	echo 'autoinstall_all_kernels="yes"' >>/etc/dkms/framework.conf
	apt_install /pkg/now/*.deb
	is_installed "$version" "$(oldest)"
}

no_noise()
{
	fails grep -iE 'deprecated|bad exit|warning' \
		"$tree/cmwq/$version/$(oldest)/$arch/log/make.log"
}

# With a key that dkms made: nobody's, as long as it is not enrolled.
is_signed()
{
	modinfo -k "$(oldest)" -F signer cmwq | grep .
	[ -s "$tree/mok.pub" ]
}

make_install_refuses()
{
	fails make -C /src install KDIR="/lib/modules/$(oldest)/build" \
		2>&1 | tee /dev/stderr | grep 'from dkms; end that first'
}

# With nothing but what the packages have installed.
sample_by_make()
{
	rm -rf /tmp/sample
	cp -r /usr/share/cmwq/sample /tmp/sample
	cd /tmp/sample
	make KDIR="/lib/modules/$(oldest)/build" >out 2>&1
	cat out
	fails grep -E 'WARNING|warning|undefined' out
	[ "$(modinfo -F depends ./cmwq_sample.ko)" = cmwq ]
	make KDIR="/lib/modules/$(oldest)/build" clean
	[ ! -e cmwq_sample.ko ]
}

sample_by_dkms()
{
	dkms add /usr/share/cmwq/sample
	dkms install "cmwq-sample/$version" -k "$(oldest)"
	sample_fits "$(oldest)"
}

phase_install()
{
	try "the packages install, dkms builds for $(oldest)" install_packages
	try "building says nothing that alarms" no_noise
	try "dkms has signed it" is_signed
	try "make install refuses where dkms was" make_install_refuses
	try "a client builds with the installed files alone" sample_by_make
	try "a client that is a dkms package" sample_by_dkms
}

# Another kernel

upgrade_kernel()
{
	local before deb

	before=$(kernels)
	for deb in /var/cache/apt/archives/linux-{headers,image}-*.deb; do
		[ ! -e "$deb" ] || echo "$deb"
	done | xargs apt-get install -y --no-install-recommends --no-download
	[ "$(kernels)" != "$before" ]
	is_installed "$version" "$(oldest)"
	is_installed "$version" "$(newest)"
}

phase_kernel()
{
	try "a new kernel is installed, dkms builds for it" upgrade_kernel
	try "and for the client after it: $(newest)" sample_fits "$(newest)"
}

# unsupported RELEASE: a package of a kernel that cmwq is not for, with the hook
# that a kernel's package calls.
unsupported()
{
	local release=$1 dir=/tmp/kernel-$1

	rm -rf "$dir"
	mkdir -p "$dir/DEBIAN" "$dir/lib/modules/$release"
	cp -rL "/usr/src/linux-headers-$(oldest)" "$dir/lib/modules/$release/build"
	cat >"$dir/DEBIAN/control" <<-CONTROL
		Package: linux-image-$release
		Version: 1
		Architecture: all
		Maintainer: nobody <nobody@localhost>
		Description: a kernel
	CONTROL
	cat >"$dir/DEBIAN/postinst" <<-POSTINST
		#!/bin/sh
		set -e
		exec /etc/kernel/postinst.d/dkms $release /boot/vmlinuz-$release
	POSTINST
	chmod 755 "$dir/DEBIAN/postinst"
	dpkg-deb -b "$dir" "$dir.deb" >/dev/null
	rm -rf "$dir"
}

skips()
{
	unsupported "$1"
	dpkg -i "/tmp/kernel-$1.deb"
	dpkg -s "linux-image-$1" | grep 'Status: install ok installed'
	is_not_there "$1"
	fails grep -F "$1" <(dkms status)
	dpkg -P "linux-image-$1"
	rm -rf "/lib/modules/$1"
}

# Without what dkms.conf does about it, dkms before 3.0.11 fails.
breaks()
{
	local conf broken

	unsupported "$1"
	for conf in "/usr/src/cmwq-$version/dkms.conf" \
		    "/usr/src/cmwq-sample-$version/dkms.conf"; do
		cp "$conf" "$conf.kept"
		sed -i '/^target=/,$d' "$conf"
	done
	broken=1
	dpkg -i "/tmp/kernel-$1.deb" || broken=0
	for conf in "/usr/src/cmwq-$version/dkms.conf" \
		    "/usr/src/cmwq-sample-$version/dkms.conf"; do
		mv "$conf.kept" "$conf"
	done
	dpkg -P "linux-image-$1"
	rm -rf "/lib/modules/$1"
	[ "$broken" = 0 ]
}

phase_unsupported()
{
	try "a kernel too old is skipped, its package installs" \
		skips 4.19.0-99-amd64
	try "a kernel too new is skipped, its package installs" \
		skips 99.1.0-99-amd64
	dpkg --compare-versions "$(dpkg-query -Wf '${Version}' dkms)" ge \
		3.0.11 ||
		try "without AUTOINSTALL= its package fails" \
			breaks 99.1.0-99-amd64
}

# An upgrade under the client

upgrade()
{
	local kernel

	cp "$(symvers "$(newest)")" /tmp/old-symvers
	apt_install /pkg/next/*.deb
	for kernel in $(kernels); do
		is_installed "$next" "$kernel"
	done
	[ ! -e "/usr/src/cmwq-$version" ]
	fails grep "^cmwq/$version" <(dkms status)
}

clients_follow()
{
	local kernel

	for kernel in $(kernels); do
		sample_fits "$kernel"
	done
}

# The control for it.
old_symbols_differ()
{
	grep -q '^CONFIG_MODVERSIONS=y' "/lib/modules/$(newest)/build/.config" ||
		return 0
	fails same_symbols "$(newest)" /tmp/old-symvers
}

client_is_taken_out()
{
	local header=/usr/share/cmwq/include/cmwq.h kernel

	kernel=$(newest)
	cp "$header" /tmp/cmwq.h
	echo '#error "another API"' >>"$header"
	"/usr/src/cmwq-$next/packaging/dkms-hook" installed "$tree" "$next" \
		"$kernel" "$arch" >/tmp/said 2>&1
	cp /tmp/cmwq.h "$header"
	cat /tmp/said
	grep 'does not build with cmwq .* and was taken out' /tmp/said
	fails modinfo -k "$kernel" cmwq_sample
	modinfo -k "$kernel" cmwq
	dkms install "cmwq-sample/$version" -k "$kernel"
	sample_fits "$kernel"
}

phase_upgrade()
{
	try "upgrade from $version to $next" upgrade
	try "the clients were rebuilt for it" clients_follow
	try "their old symbols would not have done" old_symbols_differ
	try "a client that cannot be rebuilt is taken out" client_is_taken_out
}

# Removing

leftovers()
{
	find / -xdev \( -path /src -o -path /src-next -o -path /src-wrong \
		-o -path /pkg -o -path /tmp -o -path /proc -o -path /sys \
		-o -path /dev -o -path /var/log -o -path /var/cache \
		-o -path /etc/initramfs-tools \) -prune \
		-o -name '*cmwq*' -print
	find /lib/modules/ -path '*/updates*' -print
	grep -l cmwq /lib/modules/*/modules.* 2>/dev/null
}

nothing_left()
{
	leftovers | grep . && return 1
	return 0
}

purge()
{
	dkms remove "cmwq-sample/$version" --all
	rm -rf "/usr/src/cmwq-sample-$version"
	[ "$(leftovers | wc -l)" -gt 10 ]	# the search can find something
	apt-get purge -y cmwq-dkms cmwq-dev
	nothing_left
}

phase_purge()
{
	try "purging leaves nothing" purge
}

# Without packages

by_make()
{
	local kernel kdir

	kernel=$(oldest)
	kdir=/lib/modules/$kernel/build
	make -C /src install KDIR="$kdir"
	[ "$(modinfo -k "$kernel" -F version cmwq)" = "$version" ]
	[ "$(modinfo -k "$kernel" -F filename cmwq)" = \
	  "/lib/modules/$kernel/updates/cmwq.ko" ]
	rm -rf /tmp/sample
	cp -r /usr/local/share/cmwq/sample /tmp/sample
	make -C /tmp/sample KDIR="$kdir"
	modinfo -F depends /tmp/sample/cmwq_sample.ko | grep '^cmwq$'
	make -C /src install KDIR="$kdir" DESTDIR=/tmp/dest PREFIX=/usr
	[ -f "/tmp/dest/lib/modules/$kernel/updates/cmwq.symvers" ]
	[ -f /tmp/dest/usr/share/cmwq/client.mk ]
	fails make -C /src dkms-install KDIR="$kdir"
	make -C /src uninstall KDIR="$kdir"
	nothing_left
	make -C /src uninstall KDIR="$kdir" DESTDIR=/tmp/dest PREFIX=/usr
	[ -z "$(find /tmp/dest -type f)" ]
	fails make -C /src uninstall KDIR="$kdir"
}

by_dkms()
{
	local kernel

	kernel=$(oldest)
	# What does not build leaves nothing behind.
	rm -rf /tmp/broken
	cp -r /src /tmp/broken
	echo '#error broken' >>/tmp/broken/wq.c
	fails make -C /tmp/broken dkms-install \
		KDIR="/lib/modules/$kernel/build"
	nothing_left
	make -C /src dkms-install KDIR="/lib/modules/$kernel/build"
	is_installed "$version" "$kernel"
	make -C /src dkms-uninstall
	nothing_left
}

phase_make()
{
	try "make install and make uninstall" by_make
	try "make dkms-install and make dkms-uninstall" by_dkms
}

for phase; do
	"phase_$phase"
done
exit $status
