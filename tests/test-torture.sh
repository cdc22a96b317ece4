#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Torture: everything at once, for some time (modules/cmwq_torture_main.c).
#
# Environment:
#   TORTURE	words; each is one run of the module and one or more types with
#		commas between them, or "all" (of cmwq) or "stock" (of the
#		kernel's own workqueue).  "each": those of cmwq one after the
#		other.  "busted", alone: those that are wrong on purpose, of which each
#		must be found out
#   FOR		seconds for each run
#   SEED	of all that is random
#   HOOKS	auto|notifier|entry|tracepoint, or random
#   SIDES	what happens to the machine meanwhile: parameters of the module,
#		or "none"
#   CMWQ_PARAMS, TEST_PARAMS	more for cmwq.ko, for the module

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"

module=cmwq_torture
seed=${SEED:-1}
run=0
words=
each="per-cpu few highpri intensive unbound unbound-few ordered bh bh-highpri
	delayed delayed-unbound rcu mem-reclaim mem-reclaim-unbound freezable"
sides="onoff_interval=1500 fail_interval=1500 mem_pressure=3000
	freezer_interval=5000"
# Not on a machine that somebody needs.
[ "$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)" -lt 4000000 ] ||
	sides=$(echo "$sides" | sed 's/mem_pressure=[0-9]*//')
[ "${SIDES:-$sides}" = none ] || sides=${SIDES:-$sides}
[ "${SIDES-}" != none ] || sides=
# There the kernel's own queues warn now and then when they are destroyed.
case "$(uname -r) ${TORTURE-}" in
5.10.*stock*) sides="$sides ndestroyers=0" ;;
esac

# TYPE: what tells it, in the reason that the module gives.
gives_away()
{
	case $1 in
	busted-drop) echo 'is lost|wrong CPU, queued on|not waited for|after cancel_sync: queued' ;;
	busted-twice) echo 'wrong CPU, queued on|although it was queued|times at once|ran too often|after (cancel|disable)_sync|while it was disabled|sync: queued' ;;
	busted-overlap) echo 'times at once' ;;
	busted-order) echo 'out of order|of its queue at once' ;;
	busted-flush) echo 'not waited for by a flush' ;;
	busted-cancel) echo 'after cancel_sync|waited for by cancel_sync' ;;
	busted-disable) echo 'after disable_sync|while it was disabled|by disable_sync' ;;
	busted-cpu) echo 'on the wrong CPU' ;;
	busted-limit) echo 'of its queue at once, limit 2' ;;
	busted-managed) echo 'others of its pool are runnable' ;;
	busted-rcu) echo 'before its grace period' ;;
	*) echo 'no such type' ;;
	esac
}

# One of the hook modes, as the seed and the number of the run want it.
hooks()
{
	local modes="auto notifier entry tracepoint"

	case ${HOOKS:-random} in
	random)
		# shellcheck disable=SC2086 # words
		set -- $modes
		shift $(((seed + run) % 4))
		echo "$1"
		;;
	*) echo "$HOOKS" ;;
	esac
}

# Emulated CPUs are slow: nothing is a hog here.
stock_hog=/sys/module/workqueue/parameters/cpu_intensive_thresh_us
[ ! -w $stock_hog ] || echo 0 >$stock_hog

# 6.12 stops the fair server of a CPU that goes down even if it is not active: the kernel
# warns, with the runqueue locked, and lockdep is off then.  Without a runtime it has none.
case "$(uname -r)" in
6.12.*)
	for server in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
		[ ! -w "$server" ] || echo 0 >"$server"
	done
	;;
esac

load()
{
	# shellcheck disable=SC2086 # several words
	load_cmwq "hooks=$(hooks)" cpu_intensive_thresh_us=0 ${CMWQ_PARAMS-} ||
		ktap_bail "cmwq.ko does not load"
}

# Wait for the verdict as long as anything moves.
verdict()
{
	local still=0 was='' now

	until param_equals $module "done" 1; do
		now=$(parameter $module progress)
		[ "$now" != "$was" ] || still=$((still + 1))
		[ "$now" = "$was" ] || still=0
		was=$now
		[ $still -lt 360 ] || return 1
		sleep 0.5
	done
}

# TYPES PARAMETER...: run them; the last lines of each are in /tmp/lines.
torture()
{
	local types="$1"

	shift
	run=$((run + 1))
	mark=$(log_mark)
	# shellcheck disable=SC2086 # several words
	load_test $module "torture_type=$types" "seed=$seed" "$@" \
		${TEST_PARAMS-} || return 1
	verdict || { diag "no verdict"; show_state | diag_stdin; return 1; }
	# If the log has overrun its buffer, earlier runs are gone as well.
	dmesg | awk -v mark="$mark" '
		index($0, mark) { lines = "" }
		sub(/.*cmwq_torture: /, "") { lines = lines $0 "\n" }
		END { printf "%s", lines }' >/tmp/lines
}

# Of a long run the log does not keep all: whoever has the console reads that.
kernel_is_quiet()
{
	log_since "$1" >/dev/null || { echo "the log is too long"; return 4; }
	no_complaints "$1"
}

# What was lost holds everything else up: nothing is unloaded then.
give_up()
{
	loaded_tests=
	show_state | diag_stdin
	ktap_bail "$1: no verdict, or something is lost"
}

# TYPES: one result for each of them
tortured()
{
	local line bad=0 n=0

	# shellcheck disable=SC2086 # several words
	torture "$1" "duration_s=${FOR:-30}" $sides || give_up "$1"
	grep -vE ' seed [0-9]+: (SUCCESS|FAILURE)' /tmp/lines | diag_stdin
	grep -E ' seed [0-9]+: (SUCCESS|FAILURE)' /tmp/lines >/tmp/ends
	while IFS= read -r line; do
		n=$((n + 1))
		diag "$line"
		case $line in
		*": SUCCESS") ktap_pass "${line%%:*}" ;;
		*) ktap_fail "${line%%:*}" "${line##*FAILURE: }"; bad=1 ;;
		esac
	done </tmp/ends
	[ $n != 0 ] || ktap_fail "$1" "no last line"
	# Still in use: its threads hang, or items are lost.
	[ "$(cat /sys/module/$module/refcnt)" = 0 ] || give_up "$1"
	ktap_test "the torture of $1 unloads" unload_bounded $module ||
		give_up "$1"
	[ $bad = 0 ] || show_state | diag_stdin
}

# TYPE: it must fail, for the right reason.
found_out()
{
	local why

	if [ "$1" = busted-rcu ] &&
	   ! grep -qw poll_state_synchronize_rcu_full /proc/kallsyms; then
		echo "this kernel cannot be asked whether a grace period is over"
		return 4
	fi
	torture "$1" "duration_s=${FOR:-60}" stall_s=5 nattrs=0 ||
		{ echo "no verdict"; return 1; }
	why=$(parameter "$module" result)
	echo "$1: $why"
	echo "$why" | grep -E "^FAILURE: $1: .*($(gives_away "$1"))"
}

at_rest()
{
	queues_at_rest && pools_at_rest && workers_are_threads
}

ktap_begin
for word in ${TORTURE:-all}; do
	case $word in
	each) words="$words $each" ;;
	busted) words="busted-twice busted-overlap busted-order busted-flush
			busted-cancel busted-disable busted-cpu busted-limit
			busted-managed busted-rcu busted-drop" ;;
	*) words="$words $word" ;;
	esac
done
diag "seed $seed, sides: ${sides:-none}"
for word in $words; do
	start=$(log_mark)
	load
	diag "hooks=$(hooks)"
	if [ "${TORTURE-}" = busted ]; then
		ktap_test "$word is found out" found_out "$word"
		! is_loaded $module ||
			ktap_test "$word unloads" unload_bounded $module ||
			give_up "$word"
		unload_bounded cmwq || give_up "$word"
		ktap_test "the kernel does not complain" \
			kernel_is_quiet "$start"
		continue
	fi
	tortured "$word"
	ktap_test "all is at rest" eventually 30 at_rest
	ktap_test "cmwq unloads" unload_bounded cmwq || give_up "$word"
	ktap_test "nothing is left" eventually 20 nothing_left
	ktap_test "the kernel does not complain" kernel_is_quiet "$start"
done
ktap_end
