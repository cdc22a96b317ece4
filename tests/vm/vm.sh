#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boot a kernel in QEMU with a busybox initramfs, run one command in it, and
# bring back its output and its exit status.

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

usage()
{
	cat <<USAGE
usage: vm.sh run --kernel NAME|DIR --payload DIR [options] -- COMMAND...

Copies DIR to /t of the guest and runs there: cd /t && sh -c COMMAND

  --kernel K      6.1, 6.12 or another NAME of kernels.txt: the stock kernel
                  fetched by setup.sh; NAME-arm64 runs on such a machine;
                  NAME of debug/kernels.txt: one that debug-kernel built;
                  DIR: a kernel tree with arch/x86/boot/bzImage in it
  --smp CPUS      CPUs (default 1): N; 4/64: 4 online of 64; 2s2c2t: 2 sockets
                  of 2 cores of 2 threads; any of these with ",numa=M": in M
                  nodes
  --mem MB        memory (default 512; 1024 for a debug kernel and a tree)
  --append ARGS   more words for the kernel line
  --without FLAG  a CPU that lacks a feature, as QEMU calls it
  --env K=V       set a variable for COMMAND (may be repeated)
  --icount        count instructions: same input, same result (one CPU unless
                  QEMU is version 10 or later)
  --thread T      single (default) or multi; multi wants QEMU 10 or later
  --gcov          bring back what the modules' code counted, in gcov.tar.gz of --out
  --accel A       tcg (default) or kvm
  --timeout SEC   when to give the guest up (default 300)
  --out DIR       keep out (the guest's output), con (its console), cmd there

Exit status: that of COMMAND; 3 if the console shows a kernel complaint; 124
if the guest was lost or took too long; 2 for a usage error.
USAGE
}

die()
{
	echo "vm.sh: $*" >&2
	exit 2
}

# machine SPEC MB: set smp to QEMU's arguments for a machine with the CPUs of
# SPEC and MB of memory; cpus, online and threads to what they say
machine()
{
	local spec=${1%,numa=*} nodes=0 node each

	[ "$spec" = "$1" ] || nodes=${1##*,numa=}
	threads=1
	if [[ $spec =~ ^([1-9][0-9]?)(/([1-9][0-9]?))?$ ]]; then
		online=${BASH_REMATCH[1]}
		cpus=${BASH_REMATCH[3]:-$online}
		smp=(-smp "$cpus,sockets=$cpus")
	elif [[ $spec =~ ^([1-9])s([1-9])c([12])t$ ]]; then
		threads=${BASH_REMATCH[3]}
		cpus=$((BASH_REMATCH[1] * BASH_REMATCH[2] * threads))
		online=$cpus
		smp=(-smp "$cpus,sockets=${BASH_REMATCH[1]},cores=${BASH_REMATCH[
		     2]},threads=$threads")
	else
		die "--smp $1: N, N/ALL or 1s2c2t, then perhaps ,numa=M"
	fi
	[ "$online" -le "$cpus" ] || die "--smp $1: $online of $cpus CPUs"
	[ "$spec" != "$1" ] || return 0

	if ! [[ $nodes =~ ^[1-9]$ ]] || [ $((cpus % nodes)) != 0 ]; then
		die "--smp $1: cannot share $cpus CPUs among $nodes nodes"
	fi
	each=$((cpus / nodes))
	for ((node = 0; node < nodes; node++)); do
		smp+=(-object "memory-backend-ram,id=m$node,size=$(($2 / nodes))M"
		      -numa "node,nodeid=$node,memdev=m$node,cpus=$((
			node * each))-$((node * each + each - 1))")
	done
}

# emulator KERNEL: set qemu, model and board to what emulates a machine with two
# serial ports for the kernel; console and port to what the guest calls these;
# arch to the end of the name of the guest's busybox
emulator()
{
	case "$1" in
	*-arm64)
		arch=-arm64
		qemu="qemu-system-aarch64"
		# Signed pointers make the emulator three times slower.
		model=max,pauth=off
		board=(-M "virt,gic-version=3"
		       -device "pci-serial,chardev=serial1")
		console=ttyAMA0
		port=ttyS0
		;;
	*)
		arch=
		qemu="qemu-system-x86_64"
		model=max,la57=off
		# An emulated AMD CPU does not tell 6.1 of its threads.
		[ "$threads" = 1 ] || model=$model,vendor=GenuineIntel
		board=()
		console=ttyS0
		port=ttyS1
		;;
	esac
	command -v "$qemu" >/dev/null ||
		die "no $qemu: run tests/vm/setup.sh first"
}

qemu_major()
{
	"$qemu" --version |
		sed -n '1s/^QEMU emulator version \([0-9]*\).*/\1/p'
}

# Complaints on the console, without those a test announced: between the lines
# "vm-expect: begin" and "vm-expect: end" a WARNING: is what the test asked for, and
# after "vm-expect: begin planted" everything but a crash is.  Of the data races that KCSAN sees
# those count where cmwq or a test of it is one of the two.
complaints()
{
	local bad ok

	bad=$(grep -Ev '^(#|!|$)' "$here/badness.txt" | paste -sd'|')
	ok=$(sed -n 's/^!//p' "$here/badness.txt" | paste -sd'|')
	tr -d '\r' <"$1" | awk '
		function frame() { return $0 ~ /\+0x[0-9a-f]+\/0x/ }
		/vm-expect: begin planted/ { planted = 1; next }
		/vm-expect: begin/ { expected = 1; next }
		/vm-expect: end/   { expected = planted = 0; next }
		planted && !/Oops|general protection|Kernel panic/ { next }
		expected && /WARNING: |BUG: scheduling while atomic/ { next }
		/BUG: KCSAN: / { race = $0; lists = 0; next }
		race && / by (task|interrupt)/ { lists = 1; next }
		race && lists && frame() && /\[cmwq/ { print race; race = "" }
		race && lists && frame() && !/ (__)?l?list_/ { lists = 0 }
		race && /Reported by Kernel Concurrency/ { race = "" }
		{ print }' |
		grep -aE "$bad" | grep -avE "${ok:-^\$}"
}

cmd_run()
{
	local kernel='' spec=1 mem='' append='' icount=0 thread=single accel=tcg
	local timeout=300 out='' payload='' cmd env='' self_built=0 debug=0 gcov=0
	local without=''

	while [ $# -gt 0 ]; do
		case "$1" in
		--icount) icount=1; shift; continue ;;
		--gcov) gcov=1; shift; continue ;;
		--) shift; break ;;
		--help) usage; exit 0 ;;
		esac
		[ $# -ge 2 ] || die "$1 needs a value"
		case "$1" in
		--kernel) kernel=$2 ;;
		--smp) spec=$2 ;;
		--mem) mem=$2 ;;
		--append) append="$append $2" ;;
		--without) without="$without,$2=off" ;;
		--env) env="${env}export ${2%%=*}='${2#*=}'"$'\n' ;;
		--thread) thread=$2 ;;
		--accel) accel=$2 ;;
		--timeout) timeout=$2 ;;
		--out) out=$2 ;;
		--payload) payload=$2 ;;
		*) die "unknown option $1; see vm.sh run --help" ;;
		esac
		shift 2
	done
	[ $# -gt 0 ] || die "no COMMAND; see vm.sh run --help"
	cmd="$*"
	[ -d "$payload" ] || die "--payload: no directory '$payload'"

	local image
	if [ -f "$kernel/arch/x86/boot/bzImage" ]; then
		image=$kernel/arch/x86/boot/bzImage
		self_built=1
	else
		image=$root/build/kernels/$kernel/vmlinuz
		! grep -qs "^$kernel " "$here/debug/kernels.txt" || debug=1
	fi
	if [ -z "$kernel" ] || [ ! -f "$image" ]; then
		die "no kernel '$kernel': run tests/vm/setup.sh first"
	fi
	[ -n "$mem" ] || mem=$((512 + 512 * (self_built | debug)))
	local cpus online threads smp
	machine "$spec" "$mem"
	local arch qemu model board console port
	emulator "$kernel"

	local busybox=$root/build/tools/busybox
	[ -x "$busybox" ] || busybox=$(command -v busybox) ||
		die "no busybox: run tests/vm/setup.sh first"

	tmp=$(mktemp -d) || exit 2
	trap 'stop_guest; rm -rf "$tmp"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if [ -z "$out" ]; then
		out=$tmp/result
	fi
	mkdir -p "$out" || exit 2
	: >"$out/out"
	: >"$out/con"
	printf '%s\n' "$cmd" >"$out/cmd"

	# The initramfs: busybox, init, the command, the payload as /t.
	local nonce=$$-$RANDOM$RANDOM
	mkdir -p "$tmp/fs/bin" "$tmp/fs/dev" "$tmp/fs/vm"
	cp "$busybox$arch" "$tmp/fs/bin/busybox" || exit 2
	cp "$here/init" "$tmp/fs/init"
	chmod 755 "$tmp/fs/init"
	printf '%s\n' "$cmd" >"$tmp/fs/vm/cmd"
	printf '%s' "$env" >"$tmp/fs/vm/env"
	echo "$nonce" >"$tmp/fs/vm/nonce"
	echo "$port" >"$tmp/fs/vm/port"
	if [ $gcov = 1 ]; then
		[ -z "$arch" ] || die "--gcov: not for $kernel"
		echo ttyS2 >"$tmp/fs/vm/gcov"
	fi
	cp -RL "$payload" "$tmp/fs/t" || exit 2
	(cd "$tmp/fs" && find . | "$busybox" cpio -o -H newc 2>/dev/null) \
		>"$tmp/initrd" || die "cannot make the initramfs"
	rm -rf "$tmp/fs"

	# A busy host is late with the interrupts that x86 kernels check at boot.
	local line="console=$console panic=-1 rdinit=/init no_timer_check"
	[ "$online" = "$cpus" ] || line="$line maxcpus=$online"
	local -a q=(-nodefaults -no-user-config -display none -monitor none
		    -no-reboot -nic none -m "$mem" "${smp[@]}"
		    -kernel "$image" -initrd "$tmp/initrd"
		    -serial "file:$out/con" -serial "file:$out/out"
		    "${board[@]}")
	[ $gcov = 0 ] || q+=(-serial "file:$out/gcov.tar.gz")
	case "$accel" in
	tcg)
		if [ "$thread" = multi ] && [ "$(qemu_major)" -lt 10 ]; then
			die "--thread multi: QEMU before 10 runs stale code"
		fi
		q+=(-cpu "$model$without" -accel "tcg,thread=$thread")
		;;
	kvm)
		# A broken /dev/kvm hangs rather than fails: ask first.
		timeout -k 2 10 "$qemu" -nodefaults -display none \
			-accel kvm -monitor stdio <<<quit >/dev/null 2>&1 ||
			die "--accel kvm does not work here; leave it out"
		q+=(-cpu host -accel kvm)
		;;
	*) die "--accel $accel: tcg or kvm" ;;
	esac
	if [ $icount = 1 ]; then
		if [ "$cpus" -gt 1 ] && [ "$(qemu_major)" -lt 10 ]; then
			die "--icount with --smp $spec hangs in QEMU before 10"
		fi
		q+=(-icount "shift=0,sleep=off"
		    -rtc "base=2020-01-01,clock=vm" -seed 1)
		line="$line nokaslr tsc=reliable"
	fi
	if [ $((self_built | debug)) = 1 ]; then
		local khz
		khz=$(awk -F: '/^cpu MHz/ { printf "%d", $2 * 1000; exit }' \
		      /proc/cpuinfo)
		line="$line tsc=reliable tsc_early_khz=${khz:-2000000}"
		line="$line kasan_multi_shot"
		[ $debug = 1 ] || [[ $spec == *numa=* ]] ||
			line="$line numa=fake=2"
		case "$append" in
		*kmemleak=*) ;;
		*) line="$line kmemleak=off" ;;
		esac
	fi
	q+=(-append "$line$append")

	local try status flags stopped
	local crash='Oops|general protection|Kernel panic|BUG: unable to handle|BUG: kernel NULL'
	for ((try = 1; ; try++)); do
		run_guest
		status=$?
		flags=$(impossible_flags "$out/con")
		case $status in
		3|124)
			[ -n "$flags$stopped" ] && [ $try -lt 3 ] ||
				return $status
			# What the kernel had to say before that counts.
			[ -z "$(complaints "$out/con" | sed -E "/$crash/,\$d")" ] ||
				return $status
			;;
		*)
			[ $gcov = 0 ] || has_counts "$out/gcov.tar.gz" || return 3
			return $status
			;;
		esac
		if [ -n "$flags" ]; then
			echo "# vm.sh: no CPU can have the flags $flags: the" \
			     "emulator has lost the guest's; once more"
		else
			echo "# vm.sh: nothing of ours was running: booting again"
		fi
		mv "$out/con" "$out/con.$try"
		: >"$out/con"
		: >"$out/out"
	done
}

# QEMU 7.2 to 10 may take another register for the flags when an interrupt comes
# at certain instructions; the guest then dies of it.  EFLAGS on the console with a
# bit that is zero by definition (3, 5, 15, 22-31) or without bit 1 are the mark.
impossible_flags()
{
	local flags

	tr -d '\r' <"$1" | sed -n 's/.*EFLAGS: \([0-9a-f]\{8\}\)$/\1/p' |
		while read -r flags; do
			if [ $((0x$flags & 0xffc0802a)) != 2 ]; then
				echo "$flags"
				break
			fi
		done
}

# has_counts FILE: whether it is whole and has anything in it
has_counts()
{
	local files

	if ! files=$(tar -tzf "$1" 2>&1) || ! grep -q '\.gcda$' <<<"$files"; then
		echo "# vm.sh: no coverage data came from the guest"
		return 1
	fi
}

# Now and then a guest stops before its first program and waits for ever, as 6.1-kasan
# did with two CPUs as long as it had no ACPI PM timer.
silent_at_boot()
{
	! grep -aq "^vm-up $nonce" "$out/out" &&
		[ $(($(date +%s) - $(stat -c %Y "$out/con"))) -ge 80 ]
}

# Boot what cmd_run has prepared, once.  Set stopped, if it has not booted.
run_guest()
{
	local started=$SECONDS lost=''
	local -a leash=()
	if setpriv --pdeathsig KILL true 2>/dev/null; then
		leash=(setpriv --pdeathsig KILL)
	fi
	"${leash[@]}" "$qemu" "${q[@]}" >"$out/qemu" 2>&1 </dev/null &
	guest=$!
	tail -n +1 -s 0.2 -f --pid="$guest" "$out/out" 2>/dev/null |
		grep --line-buffered -avE "^vm-(up|verdict) $nonce" &
	viewer=$!
	stopped=
	while kill -0 "$guest" 2>/dev/null; do
		if [ $(((SECONDS - started) % 20)) = 19 ] && silent_at_boot; then
			lost="said nothing more while it booted"
			stopped=1
			stop_guest
			break
		fi
		if [ $((SECONDS - started)) -ge "$timeout" ]; then
			lost="took longer than $timeout s"
			stop_guest
			break
		fi
		sleep 0.3
	done
	wait "$guest" 2>/dev/null
	guest=''
	wait "$viewer" 2>/dev/null

	local verdict status found
	verdict=$(grep -a "^vm-verdict $nonce status=" "$out/out" | tail -n 1)
	status=$(sed -n 's/.* status=\([0-9]*\).*/\1/p' <<<"$verdict")
	found=$(complaints "$out/con")
	if [ -z "$lost" ] && [ -z "$status" ]; then
		lost="ended without a verdict"
	fi
	if [ -n "$found" ]; then
		echo "# vm.sh: the kernel complains:"
		head -n 20 <<<"$found" | sed 's/^/#   /'
	fi
	if [ -n "$lost" ]; then
		[ -z "$status" ] || lost="$lost although the command ended"
		echo "# vm.sh: lost guest: $lost; its console ends:"
		tr -d '\r' <"$out/con" | tail -n 25 | sed 's/^/#   /'
		[ ! -s "$out/qemu" ] || sed 's/^/# qemu: /' "$out/qemu"
		return 124
	fi
	echo "# vm.sh: ${kernel##*/} ended after $((SECONDS - started)) s:" \
	     "${verdict#"vm-verdict $nonce "}"
	[ -z "$found" ] || return 3
	case "$verdict" in
	*locks=0*)
		! grep -aq 'vm-expect: begin planted' "$out/con" ||
			return "$status"
		echo "# vm.sh: lockdep was off at the end"
		return 3
		;;
	esac
	return "$status"
}

guest=''
tmp=''
stop_guest()
{
	[ -n "$guest" ] || return 0
	kill -9 "$guest" 2>/dev/null
}

case "${1-}" in
run) shift; cmd_run "$@" ;;
--help|-h|help) usage ;;
*) usage >&2; exit 2 ;;
esac
