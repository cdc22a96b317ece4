#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The packages, dkms and make install in fresh userlands of Debian 12 (dkms 3.0)
# and Debian 13 (dkms 3.2), then what Debian 12 has become, booted: its disk
# under each of its kernels, stock, in an emulated machine, and once more with
# Secure Boot.  Needs root.
#
# packages-root.sh does the work in the userlands, packages-vm.sh in the
# machine.  KTAP on stdout; the last line is "N passed, N failed".
#
# usage: packages.sh [SUITE...]		environment: V=1, FULL=1 (dkms builds
#					all of cmwq in the machine as well),
#					KEEP=1 (the disk stays)

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
# shellcheck source=tests/lib-roots.sh
. "$here/lib-roots.sh"
out=$root/build/test-packages
self=${BASH_SOURCE[0]}

# With the sources in it, and what is written to it apart.
mount_root()
{
	local run=$roots/run/$1

	rm -rf "$run"
	mkdir -p "$run/upper" "$run/work" "$run/merged" &&
		mount -t overlay cmwq \
			-o "lowerdir=$roots/$1,upperdir=$run/upper,workdir=$run/work" \
			"$run/merged" || return 1
	mkdir -p "$run/merged/src" "$run/merged/pkg"
	tar -c -C "$root" --exclude=./build --exclude=./.git . |
		tar -x -C "$run/merged/src" &&
		chown -R 0:0 "$run/merged/src"
}

# The disk of the machine, and the kernels it is booted with.
make_disk()
{
	local merged=$roots/run/$1/merged

	rm -rf "$out/disk"
	mkdir -p "$out/disk"
	install -m 755 "$here/packages-vm.sh" \
		"$merged/usr/local/sbin/cmwq-vm" || return 1
	echo "CMWQ_VERSION=$(cat "$merged/src-next/VERSION")" \
		>"$merged/etc/cmwq-vm"
	echo "SAMPLE_VERSION=$(cat "$merged/src/VERSION")" \
		>>"$merged/etc/cmwq-vm"
	echo "FULL=${FULL-}" >>"$merged/etc/cmwq-vm"
	cp "$merged"/boot/vmlinuz-* "$merged"/boot/initrd.img-* \
		"$merged/var/lib/dkms/mok.pub" "$out/disk/" || return 1
	# No need of these there.
	mount -t tmpfs tmpfs "$merged/var/cache" &&
		PATH=$PATH:/usr/sbin:/sbin mke2fs -q -t ext4 -d "$merged" \
			"$out/disk/image" 6G >"$out/mke2fs.log" 2>&1 &&
		umount "$merged/var/cache" &&
		rm "$merged/etc/cmwq-vm" "$merged/usr/local/sbin/cmwq-vm"
}

# In a mount namespace of its own.
in_suite()
{
	local suite=$1 merged=$roots/run/$1/merged

	mount --make-rprivate /
	mount_root "$suite" || { echo "not ok mount the userland"; return; }
	in_root "$merged" /src/tests/packages-root.sh build install
	# Debian 13 serves for its dkms; what make does is the same.
	in_root "$merged" /src/tests/packages-root.sh kernel unsupported upgrade
	if [ "$suite" = bookworm ]; then
		if make_disk "$suite"; then
			echo "ok a disk of it"
		else
			echo "not ok a disk of it"
		fi
		in_root "$merged" /src/tests/packages-root.sh purge make
	else
		in_root "$merged" /src/tests/packages-root.sh purge
	fi
	umount "$merged"
	rm -rf "${roots:?}/run/$suite"
	echo "# end of $suite"
}

# run_machine DIR KERNEL IMAGE WORDS [OPTION...]: its disk stays as it is
run_machine()
{
	local dir=$1 kernel=$2 image=$3 words=$4 bad

	shift 4
	mkdir -p "$dir"
	rm -f "$dir/out"
	timeout -k 5 "$((FULL ? 3000 : 900))" qemu-system-x86_64 -nodefaults \
		-no-user-config -display none -monitor none -no-reboot \
		-nic none -m 1024 -smp 2 -cpu max,la57=off \
		-accel tcg,thread=single -kernel "$image" \
		-initrd "$out/disk/initrd.img-$kernel" \
		-drive "file=$out/disk/image,format=raw,if=virtio,snapshot=on" \
		"$@" -serial "file:$dir/con" -serial "file:$dir/out" \
		-append "console=ttyS0 panic=-1 root=/dev/vda rw init=/usr/local/sbin/cmwq-vm $words" \
		>"$dir/qemu" 2>&1 </dev/null
	tr -d '\r' <"$dir/out" | grep -avE '^vm: '
	if ! grep -aq '^vm: end' "$dir/out"; then
		tr -d '\r' <"$dir/con" | tail -n 25 | sed 's/^/# /'
		sed 's/^/# qemu: /' "$dir/qemu"
		echo "not ok the machine was lost"
	fi
	bad=$(grep -Ev '^(#|!|$)' "$here/vm/badness.txt" | paste -sd'|')
	if tr -d '\r' <"$dir/con" | grep -aE "$bad" |
	   grep -avE "$(sed -n 's/^!//p' "$here/vm/badness.txt" |
			paste -sd'|')" | sed 's/^/# /' | grep .; then
		echo "not ok the console is clean"
	else
		echo "ok the console is clean"
	fi
}

boot()
{
	run_machine "$out/vm-$1" "$1" "$out/disk/vmlinuz-$1" ""
	echo "# end of $1"
}

# The firmware of a real machine, with Secure Boot on and a key that OVMF comes with,
# known to everybody.  The kernel is signed with it, too: there is no boot loader.
# The order that adds dkms's key to the firmware's is ready on the disk of the second
# drive; on a real machine the user gives it to the MOK manager at boot.
make_firmware()
{
	local dir=$out/secure source=/usr/share/ovmf/PkKek-1-snakeoil guid=11111111-2222-3333-4444-123456789abc

	rm -rf "$dir"
	mkdir -p "$dir"
	openssl rsa -in "$source.key" -passin pass:snakeoil \
		-out "$dir/key" 2>/dev/null &&
		cp "$source.pem" "$dir/pem" &&
		cp /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd "$dir/vars" &&
		sbsign --key "$dir/key" --cert "$dir/pem" \
			--output "$dir/vmlinuz" "$out/disk/vmlinuz-$1" &&
		openssl x509 -inform DER -in "$out/disk/mok.pub" \
			-out "$dir/mok.pem" &&
		cert-to-efi-sig-list -g "$guid" "$dir/mok.pem" "$dir/mok.esl" &&
		sign-efi-sig-list -a -g "$guid" -k "$dir/key" -c "$dir/pem" \
			db "$dir/mok.esl" "$dir/mok.auth"
}

# secure KERNEL: as long as the firmware does not know dkms's key, and then
secure()
{
	local dir=$out/secure words

	make_firmware "$1" >"$out/secure.log" 2>&1 || {
		sed 's/^/# /' "$out/secure.log"
		echo "not ok a firmware with Secure Boot"
	}
	for words in cmwq.secure=unknown cmwq.secure=known; do
		run_machine "$dir" "$1" "$dir/vmlinuz" \
			"$words cmwq.bytes=$(stat -c %s "$dir/mok.auth")" -machine q35 \
			-drive "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd" \
			-drive "if=pflash,unit=1,format=raw,file=$dir/vars" \
			-drive "if=virtio,format=raw,readonly=on,file=$dir/mok.auth"
	done
	echo "# end of secure $1"
}

# part NAME COMMAND...: its results, numbered; it has to come to an end
part()
{
	local name=$1 line file=$out/$1.log begun=$SECONDS

	shift
	echo "# $name"
	"$@" >"$file" 2>&1 &
	[ "${V:-0}" = 0 ] || tail -n +1 -s 0.5 -f --pid=$! "$file" | sed -u 's/^/    /'
	wait $!
	grep -q '^# end of ' "$file" || echo "not ok it comes to its end" >>"$file"
	while IFS= read -r line; do
		case "$line" in
		"ok "*)
			number=$((number + 1)) passed=$((passed + 1))
			echo "ok $number $name: ${line#ok }"
			;;
		"not ok "*)
			number=$((number + 1)) failed=$((failed + 1))
			echo "not ok $number $name: ${line#not ok }"
			;;
		*) echo "# ${line#\# }" ;;
		esac
	done <"$file"
	echo "# $name took $((SECONDS - begun)) s"
}

case "${1-}" in
--suite) in_suite "$2"; exit ;;
--boot) boot "$2"; exit ;;
--secure) secure "$2"; exit ;;
esac

if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
	exec sudo env V="${V:-0}" FULL="${FULL:-0}" KEEP="${KEEP-}" "$self" "$@"
fi
[ $# -gt 0 ] || set -- bookworm trixie
number=0 passed=0 failed=0
FULL=${FULL:-0}
[ "$FULL" != 0 ] || FULL=
export FULL
echo "KTAP version 1"
mkdir -p "$out" "$roots"
if ! roots_need; then
	echo "Bail out! no userlands"
	echo "0 passed, 1 failed"
	exit 1
fi
for suite; do
	if ! make_root "$suite"; then
		tail -n 20 "$roots/$suite.log" | sed 's/^/# /'
		echo "Bail out! no userland of $suite"
		echo "0 passed, 1 failed"
		exit 1
	fi
	part "$suite" unshare --mount "$self" --suite "$suite"
	[ "$suite" = bookworm ] || continue
	for image in "$out"/disk/vmlinuz-*; do
		[ -e "$image" ] || continue
		part "${image##*/vmlinuz-}" "$self" --boot \
			"${image##*/vmlinuz-}"
	done
	# Of both kernels the one that most people have.
	for image in "$out"/disk/vmlinuz-6.1.*; do
		[ -e "$image" ] || continue
		part "Secure Boot" "$self" --secure "${image##*/vmlinuz-}"
	done
	[ -n "${KEEP-}" ] || rm -rf "$out/disk"
done
# What is left is the caller's, not root's.
[ -z "${SUDO_UID-}" ] || chown -R "$SUDO_UID" "$out"
echo "1..$number"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
