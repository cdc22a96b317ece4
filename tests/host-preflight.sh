#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tools/cmwq-preflight on machines where something is in the way, and on one
# where nothing is.  The machine is a directory with its /lib/modules, /boot,
# /sys and /etc, and programs that answer as its own would.
# usage: host-preflight.sh KERNEL

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
kernel=$(readlink -f "$root/build/kernels/${1:?which kernel?}")
kdir=$kernel/kdir
release=${kernel##*/}
pattern=${release//[.+]/.}
# shellcheck source=tests/lib-host.sh
. "$here/lib-host.sh"

# machine RELEASE [KDIR]
machine()
{
	rm -rf "$dir/top"
	mkdir -p "$dir/top/lib/modules/$1" "$dir/top/boot" \
		"$dir/top/sys/kernel/security" "$dir/top/etc/dkms"
	[ $# = 1 ] || ln -s "$2" "$dir/top/lib/modules/$1/build"
	program uname "echo $1"
	program mokutil 'exit 1'
}

# kernel_dir SED-SCRIPT: the kernel's build directory with another .config
kernel_dir()
{
	rm -rf "$dir/kdir"
	mkdir -p "$dir/kdir/include"
	ln -s "$kdir/include/generated" "$dir/kdir/include/"
	ln -s "$kdir/Makefile" "$kdir/Module.symvers" "$dir/kdir/"
	sed "$1" "$kdir/.config" >"$dir/kdir/.config"
}

# says NAME STATUS PATTERN: as many problems as the status
says()
{
	local got

	PATH=$dir/bin:$PATH CMWQ_TEST_ROOT=$dir/top \
		${as:-} "$root/tools/cmwq-preflight" >"$dir/log" 2>&1
	got=$?
	number=$((number + 1))
	if [ $got = "$2" ] &&
	   [ "$(grep -c '^PROBLEM ' "$dir/log")" = "$2" ] &&
	   tr '\n' ' ' <"$dir/log" | grep -qE "$3"; then
		echo "ok $number $1"
	else
		failed=1
		sed 's/^/# /' "$dir/log"
		echo "# status $got, wanted $2 and: $3"
		echo "not ok $number $1"
	fi
}

echo "KTAP version 1"
echo "1..15"

machine "$release" "$kdir"
says "nothing is in the way" 0 'compiler: .*nothing is in the way'
chmod 755 "$dir"
if [ "$(id -u)" = 0 ]; then
	as="setpriv --reuid 65534 --regid 65534 --clear-groups"
fi
says "as a plain user" 0 'nothing is in the way'
as=
machine 4.19.0-1-amd64 "$kdir"
says "a kernel too old" 1 'PROBLEM +kernel 4\.19\S* is older than .* boot a'
machine 99.1.0-1-amd64 "$kdir"
says "a kernel too new" 1 'PROBLEM .* is newer than .* allow_untested=1'
machine 6.2.0-1-amd64 "$kdir"
says "a kernel between those tested" 0 'note .*6\.2 itself is not among'
machine "$release"
cp "$kdir/.config" "$dir/top/boot/config-$release"
says "headers are missing" 1 "apt-get install linux-headers-$pattern"
kernel_dir 's/^CONFIG_TRACEPOINTS=y/# it is not set/'
machine "$release" "$dir/kdir"
says "an option is missing" 1 'PROBLEM .*lacks CONFIG_TRACEPOINTS \('
kernel_dir 's/^CONFIG_PREEMPT_NOTIFIERS=y/# it is not set/'
machine "$release" "$dir/kdir"
says "an option is missing that only costs" 0 'note +no CONFIG_PREEMPT_NOTIFIERS'
kernel_dir 's/^CONFIG_CC_VERSION_TEXT=.*/CONFIG_CC_VERSION_TEXT="gcc-99 (Debian 99.1.0) 99.1.0"/; s/^CONFIG_GCC_VERSION=.*/CONFIG_GCC_VERSION=990100/'
machine "$release" "$dir/kdir"
says "the kernel's compiler is missing" 1 'PROBLEM .* apt-get install gcc-99 '
machine "$release" "$kdir"
echo 'none [integrity] confidentiality' >"$dir/top/sys/kernel/security/lockdown"
says "lockdown, and no key" 1 'PROBLEM .*lockdown is at "integrity".* there is no key .*install openssl mokutil'
mkdir -p "$dir/top/var/lib/dkms"
touch "$dir/top/var/lib/dkms/mok.pub"
says "lockdown, and a key that is not enrolled" 1 \
	'PROBLEM .*mok\.pub .* sudo mokutil --import /var/lib/dkms/mok\.pub'
# shellcheck disable=SC2016 # for the program
program mokutil '[ "$1" = --test-key ] && echo "$2 is already enrolled"'
says "lockdown, and a key that is" 0 'is enrolled .*nothing is in the way'
# shellcheck disable=SC2016
program mokutil '[ "$1" = --test-key ] && echo "$2 is already in db"'
says "lockdown, and a key that the firmware knows" 0 'is enrolled: in db .*nothing is in the way'
machine "$release" "$kdir"
program mokutil 'echo "SecureBoot enabled"'
says "Secure Boot, as mokutil says" 1 'PROBLEM .*Secure Boot is on'
machine "$release" "$kdir"
mkdir -p "$dir/top/sys/firmware/efi/efivars"
printf '\6\0\0\0\1' >"$dir/top/sys/firmware/efi/efivars/SecureBoot-8be4df61"
says "Secure Boot, as the firmware says" 1 'PROBLEM .*Secure Boot is on'
exit $failed
