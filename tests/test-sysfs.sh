#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The devices of queues in sysfs: what they show, that what is written takes
# effect or is refused whole, and that they go with their queues while they are
# in use.
#
# Environment: ENGINE=stock for the control

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

test=cmwq_test_sysfs
name=cmwq
if [ "$ENGINE" = stock ]; then
	test=${test}_stock
	name=workqueue
fi
bus=/sys/bus/$name/devices
root=/sys/devices/virtual/$name
percpu="$bus/t_percpu"
unbound="$bus/t_unbound"
tmp=/tmp/test-sysfs

is_cmwq()
{
	[ "$ENGINE" = cmwq ]
}

# shows FILE TEXT
shows()
{
	local text

	text=$(cat "$1") || return 1
	[ "$text" = "$2" ] || { echo "$1: '$text', not '$2'"; return 1; }
}

# tell PARAMETER VALUE: have the test module do something
tell()
{
	bounded 60 sh -c "echo '$2' >/sys/module/$test/parameters/$1"
}

# ran_as QUEUE NICE POLICY PRIORITY [CPUS]: as what its items run
ran_as()
{
	local queue="$1" ran

	shift
	tell probe "$queue" || return 1
	ran=$(parameter "$test" ran)
	case "$ran" in
	"$*"|"$* "*) ;;
	*) echo "$queue: ran as '$ran', not '$*'"; return 1 ;;
	esac
}

gone()
{
	[ ! -e "$bus/$1" ] && [ ! -e "$root/$1" ]
}

# What there is

mode_is()
{
	local mode

	mode=$(stat -c %a "$1")
	[ "$mode" = "$2" ] || { echo "$1: mode $mode"; return 1; }
}

has_files()
{
	local dir="$1" file bad=0

	shift
	for file; do
		case "$file" in
		per_cpu|cpumask_*) mode_is "$dir/$file" 444 || bad=1 ;;
		*) mode_is "$dir/$file" 644 || bad=1 ;;
		esac
	done
	# And nothing that nobody checks.
	! is_cmwq || [ "$(find "$dir/" -maxdepth 1 -type f ! -name uevent |
			  wc -l)" = $# ] || { ls "$dir/"; bad=1; }
	return "$bad"
}

files_of_queues()
{
	if is_cmwq; then
		has_files "$percpu" per_cpu max_active nice policy &&
			has_files "$unbound" per_cpu max_active nice policy \
				  cpumask affinity_scope affinity_strict \
				  min_active
	else
		has_files "$percpu" per_cpu max_active || return 1
		# shellcheck disable=SC2086 # several words
		has_files "$unbound" per_cpu max_active nice cpumask $affinity
	fi
}

files_of_all()
{
	set -- cpumask
	! is_cmwq || set -- "$@" cpumask_requested cpumask_isolated
	has_files "$root" "$@"
}

first_values()
{
	shows "$percpu/per_cpu" 1 && shows "$percpu/max_active" 5 &&
		shows "$unbound/per_cpu" 0 && shows "$unbound/max_active" 7 &&
		shows "$unbound/nice" 0 || return 1
	shows "$unbound/cpumask" "$(cat "$root/cpumask")" || return 1
	[ -z "$affinity" ] || {
		shows "$unbound/affinity_strict" 0 &&
			grep -qx 'default ([a-z_]*)' "$unbound/affinity_scope"
	} || return 1
	is_cmwq || return 0
	shows "$percpu/nice" 0 && shows "$percpu/policy" normal &&
		shows "$unbound/policy" normal && shows "$unbound/min_active" 7 &&
		shows "$bus/t_high/nice" -20 &&
		shows "$root/cpumask_requested" "$(cat "$root/cpumask")"
}

odd_names()
{
	shows "$bus/t_odd!name/max_active" 3 || return 1
	is_cmwq || return 0
	shows "$bus/_t_odd_name_/max_active" 1 && shows "$bus/-/max_active" 2
}

# The second one works and is not shown; nor does the driver core complain.
same_name()
{
	local what

	shows "$percpu/max_active" 5 || return 1
	[ ! -d "$root/cpumask" ] || return 1
	ran_as t_percpu 0 0 0 && ran_as cpumask 0 0 0 || return 1
	for what in t_percpu cpumask; do
		log_since "$mark" | grep "cmwq: .*errno -17; queue $what " ||
			{ echo "$what: no line in the log"; return 1; }
	done
	! log_since "$mark" | grep 'duplicate filename'
}

not_ordered()
{
	ran_as t_ordered 0 0 0 || return 1
	[ ! -e "$bus/t_ordered" ] || return 1
	tell register t_ordered && shows "/sys/module/$test/parameters/registered" -22 ||
		return 1
	log_since "$mark" |
		grep 'cmwq: cmwq_alloc_workqueue, .*errno -22; queue t_ordered '
}

late()
{
	local result=/sys/module/"$test/parameters/registered"

	[ ! -e "$bus/t_late" ] || return 1
	tell register t_late && shows "$result" 0 &&
		shows "$bus/t_late/max_active" 4 || return 1
	tell register t_late && shows "$result" -114 &&
		shows "$bus/t_late/max_active" 4 && tell misuse 1
}

late_against_destroy()
{
	tell race 300 || { show_state; return 1; }
	gone t_race || return 1
	echo "shown $(parameter "$test" raced) times of" \
	     "$(parameter "$test" raced_of) before it went"
	# Each outcome at least once, or nothing was tested.
	[ "$(parameter "$test" raced)" -gt 0 ] &&
		[ "$(parameter "$test" raced)" -lt "$(parameter "$test" raced_of)" ]
}

# What is written

# takes FILE VALUE [SHOWN]
takes()
{
	echo "$2" >"$1" || { echo "$1: '$2' was refused"; return 1; }
	shows "$1" "${3:-$2}"
}

good_values()
{
	takes "$percpu/max_active" 1 && takes "$percpu/max_active" 512 &&
		takes "$percpu/max_active" 5 &&
		takes "$unbound/max_active" 100 && takes "$unbound/max_active" 7 &&
		takes "$unbound/nice" -20 && takes "$unbound/nice" 19 &&
		takes "$unbound/nice" 0 && takes "$unbound/cpumask" 1 &&
		takes "$unbound/cpumask" 0003 3 &&
		takes "$unbound/cpumask" "$cpus" || return 1
	is_cmwq || return 0
	takes "$percpu/max_active" 2048 && takes "$percpu/max_active" 5 &&
		takes "$unbound/min_active" 1 && takes "$unbound/min_active" 7 &&
		takes "$percpu/nice" -20 && takes "$percpu/nice" 0 &&
		takes "$percpu/policy" 'fifo 1' && takes "$percpu/policy" normal &&
		takes "$percpu/policy" 'fifo 50' &&
		takes "$percpu/policy" normal || return 1
	if any_priority; then
		takes "$percpu/policy" 'fifo 99' &&
			takes "$percpu/policy" normal &&
			takes "$unbound/policy" 'rr 1' &&
			takes "$unbound/policy" normal
	else
		! echo rr 1 >"$unbound/policy" &&
			shows "$unbound/policy" normal
	fi
}

# Kernels before 5.16 let modules use SCHED_FIFO 1 and 50, nothing else.
any_priority()
{
	[ "$(uname -r | awk -F. '{ print $1 * 1000 + $2 }')" -ge 5016 ]
}

good_scopes()
{
	local scope

	# shellcheck disable=SC2046 # one word or none
	for scope in cpu smt cache $(! is_cmwq || echo cache_shard) numa \
		     system; do
		takes "$unbound/affinity_scope" "$scope" || return 1
	done
	echo default >"$unbound/affinity_scope" || return 1
	grep -x 'default ([a-z_]*)' "$unbound/affinity_scope" || return 1
	takes "$unbound/affinity_strict" 1 && takes "$unbound/affinity_strict" 0
}

# most_is QUEUE N: at once, of many sleeping items
most_is()
{
	tell peak "$1" || return 1
	[ "$(parameter "$test" most)" = "$2" ] ||
		{ echo "$1: $(parameter "$test" most) at once, not $2"; return 1; }
}

max_active_works()
{
	most_is t_high 24 && takes "$bus/t_high/max_active" 2 &&
		most_is t_high 2 && takes "$unbound/max_active" 1 &&
		most_is t_unbound 1 && takes "$unbound/max_active" 7 &&
		most_is t_unbound 7
}

nice_works()
{
	ran_as t_unbound 0 0 0 && takes "$unbound/nice" 5 &&
		ran_as t_unbound 5 0 0 && takes "$unbound/nice" 0 &&
		ran_as t_unbound 0 0 0 || return 1
	is_cmwq || return 0
	takes "$bus/t_odd!name/nice" -3 && ran_as t_odd/name -3 0 0 &&
		takes "$bus/t_odd!name/nice" 0 && ran_as t_odd/name 0 0 0
}

policy_works()
{
	local other='rr 3' as='2 3'

	any_priority || { other='fifo 1'; as='1 1'; }
	takes "$unbound/policy" 'fifo 50' && ran_as t_unbound 0 1 50 || return 1
	# It comes back with the nice value that it had to give up.
	# shellcheck disable=SC2086 # two words
	takes "$unbound/policy" normal && takes "$unbound/nice" 5 &&
		takes "$unbound/policy" "$other" && shows "$unbound/nice" 0 &&
		ran_as t_unbound 0 $as || return 1
	! echo 5 >"$unbound/nice" || { echo "nice with $other"; return 1; }
	shows "$unbound/nice" 0 && shows "$unbound/policy" "$other" &&
		takes "$unbound/policy" normal && ran_as t_unbound 0 0 0 &&
		takes "$bus/t_odd!name/policy" 'fifo 1' &&
		ran_as t_odd/name 0 1 1 &&
		takes "$bus/t_odd!name/policy" normal &&
		ran_as t_odd/name 0 0 0
}

cpumask_works()
{
	takes "$unbound/cpumask" 2 && ran_as t_unbound 0 0 0 1 &&
		takes "$unbound/cpumask" 3 && ran_as t_unbound 0 0 0 0-1 &&
		takes "$unbound/cpumask" "$cpus" || return 1
	[ -n "$affinity" ] || return 0
	takes "$unbound/affinity_scope" cpu &&
		takes "$unbound/affinity_strict" 1 || return 1
	tell probe t_unbound || return 1
	case "$(parameter "$test" ran)" in
	"0 0 0 "[0-9]) ;;
	*) echo "strict: $(parameter "$test" ran)"; return 1 ;;
	esac
	takes "$unbound/affinity_strict" 0 && echo default >"$unbound/affinity_scope"
}

mask_of_all_works()
{
	takes "$root/cpumask" 1 && ran_as t_unbound 0 0 0 0 || return 1
	if is_cmwq; then
		shows "$root/cpumask_requested" 1 && shows "$unbound/cpumask" "$cpus" ||
			return 1
	fi
	takes "$root/cpumask" "$cpus" && ran_as t_unbound 0 0 0
}

# A mode of 0644 may be changed; then it takes CAP_SYS_NICE still.
privilege()
{
	local user

	[ -e /etc/passwd ] || {
		mkdir -p /etc
		printf 'root::0:0::/:/bin/sh\nnobody::65534:65534::/:/bin/sh\n' \
			>/etc/passwd
	}
	user=$(su nobody -s /bin/sh -c 'id -u') ||
		{ echo "needs su and a user nobody"; return 4; }
	[ "$user" != 0 ] || return 1
	! su nobody -s /bin/sh -c "echo 5 >$unbound/nice" || return 1
	chown nobody "$unbound/nice" "$unbound/policy"
	su nobody -s /bin/sh -c "echo 5 >$unbound/nice" &&
		shows "$unbound/nice" 5 || return 1
	! su nobody -s /bin/sh -c "echo -5 >$unbound/nice" &&
		! su nobody -s /bin/sh -c "echo fifo 1 >$unbound/policy" ||
		return 1
	chown root "$unbound/nice" "$unbound/policy"
	shows "$unbound/nice" 5 && shows "$unbound/policy" normal &&
		takes "$unbound/nice" 0
}

# refuses FILE VALUE...: as printf has it; nothing changes
refuses()
{
	local file="$1" value before bad=0

	shift
	before=$(cat "$file") || return 1
	for value; do
		# shellcheck disable=SC2059 # with its escapes
		printf "$value" >"$tmp/value"
		if dd if="$tmp/value" of="$file" bs=64k 2>"$tmp/err"; then
			echo "${file##*/} took it: '$value'"
			bad=1
		elif ! grep -q 'Invalid argument' "$tmp/err"; then
			echo "${file##*/}: '$value': $(cat "$tmp/err")"
			bad=1
		fi
		shows "$file" "$before" || bad=1
	done
	return "$bad"
}

no_number='\n x -\n x5'

refuses_numbers()
{
	local file="$1" digits bad=0

	digits=$(awk 'BEGIN { for (i = 0; i < 6000; i++) printf "9" }')
	# shellcheck disable=SC2086 # several words
	refuses "$file" $no_number '  ' || bad=1
	shift
	is_cmwq || return "$bad"
	refuses "$file" 0x5 1e3 5x '5x\n' '5 6' '5 ' ' 5' 5.0 5,6 --5 '5\n6\n' '5\n\n' \
		'5\0' '5\0006' '\0005' 99999999999 -99999999999 \
		18446744073709551621 "$digits" '\001\377\200\033%%s%%n' \
		"$@" || bad=1
	return "$bad"
}

garbage()
{
	local bad=0 queue

	for queue in "$percpu" "$unbound"; do
		refuses_numbers "$queue/max_active" 2049 || bad=1
		refuses "$queue/max_active" 0 -1 || bad=1
		! is_cmwq || {
			refuses_numbers "$queue/nice" &&
				refuses "$queue/nice" -21 20 100 &&
				refuses "$queue/policy" '\n' fifo 'fifo \n' rr \
					'fifo 0' 'fifo 100' 'fifo -1' fifo10 \
					'fifo  10' 'fifo 10 1' 'fifo x' \
					'fifo 4294967306' 'normal 0' normalx \
					' normal' 'FIFO 1' batch idle 0 1 \
					'rr 10x' 'rr 1\0' 'normal\0'
		} || bad=1
	done
	refuses_numbers "$unbound/nice" || bad=1
	refuses "$unbound/nice" -21 20 || bad=1
	refuses "$unbound/cpumask" g x 0x1 1,,g || bad=1
	[ -z "$affinity" ] || {
		refuses "$unbound/affinity_scope" none x '\n' &&
			refuses_numbers "$unbound/affinity_strict" 2 -1 5 yes on
	} || bad=1
	is_cmwq || return "$bad"
	refuses_numbers "$unbound/min_active" 0 -1 8 || bad=1
	refuses "$unbound/affinity_scope" cachex cach 'cpu smt' ' cpu' 'cpu ' \
		'cpu\n\n' 'cpu\0' CPU 1 || bad=1
	for queue in "$unbound" "$root"; do
		refuses "$queue/cpumask" '\n' ' ' 0 '0,0\n' , 1x ' 1' '1 ' '1 2' -1 \
			'1\0' '1\n2' 1-2 0-1 100000000 1,00000000 \
			fffffffffffffffffffffffffffffffffffffffff \
			"$out_of_range" '\001\377' || bad=1
	done
	return "$bad"
}

# One line each: which file, what, the remedy; and no control characters.
refusal_is_logged()
{
	local at file lines

	at=$(log_mark)
	for file in $percpu/max_active $percpu/policy $unbound/nice \
		    "$unbound/cpumask" "$unbound/affinity_scope" \
		    "$unbound/affinity_strict" "$unbound/min_active" "$root/cpumask"; do
		# shellcheck disable=SC2059 # with its escapes
		! printf '\033junk%%s\n' 2>/dev/null >"$file" || return 1
		log_since "$at" | grep -F "cmwq: \"\\ejunk%s\" is refused by ${file#"${file%/*/*}/"} in sysfs (errno -22): write " ||
			{ echo "$file: no line in the log"; return 1; }
	done
	lines=$(log_since "$at" | grep -c 'cmwq: ')
	[ "$lines" = 8 ] || { echo "$lines lines for 8 writes"; return 1; }
}

# Coming and going

# Files opened before, used after the queue has gone.
open_files()
{
	local queue=t_high dir="$bus/t_high"

	# shellcheck disable=SC2094 # on purpose
	exec 5<"$dir/max_active" 6>"$dir/max_active"
	tell destroy "$queue" && gone "$queue" || return 1
	! cat <&5 2>"$tmp/err" || { echo "could be read"; return 1; }
	grep 'No such device' "$tmp/err" || return 1
	! echo 3 2>/dev/null >&6 || { echo "could be written"; return 1; }
	exec 5<&- 6>&-
}

param_says()
{
	[ "$(parameter "$test" "$1")" = "$2" ]
}

# A probe makes the write take longer than it takes to destroy the queue.
write_against_destroy()
{
	local writer

	tell stretch 1 || { echo "needs kretprobes"; return 4; }
	echo 3 >"$unbound/max_active" &
	writer=$!
	while ! param_says inside 1; do
		kill -0 "$writer" 2>/dev/null || break
	done
	param_says inside 1 || { echo "the write was over"; return 1; }
	tell destroy t_unbound || return 1
	wait "$writer" || { echo "the write failed"; return 1; }
	param_says left 1 || { echo "destroyed during a write"; return 1; }
	gone t_unbound
}

# A write changes one attribute: what the owner of the queue sets while the write
# is in progress stays.
write_against_owner()
{
	local writer

	tell stretch_change 1 || { echo "needs kretprobes"; return 4; }
	echo 1 >"$unbound/affinity_strict" &
	writer=$!
	while ! param_says inside 1; do
		kill -0 "$writer" 2>/dev/null || break
	done
	tell own t_unbound || return 1
	wait "$writer" || { echo "the write failed"; return 1; }
	param_says met Y || { echo "the write was over"; return 1; }
	shows "$unbound/nice" 7 && ran_as t_unbound 7 0 0 || return 1
	param_says ran_uid 4321 || { echo "without its credentials"; return 1; }
}

# Somebody who reads and writes everything, good and bad.
hammer()
{
	local n="$1" file value

	while [ -e "$tmp/hammer" ]; do
		n=$((n + 1))
		for file in "$bus"/t_*/* "$root"/cpumask*; do
			case "$file" in
			*/uevent|*/power|*/subsystem|*'*'*) continue ;;
			*/max_active|*/min_active) value=$((n % 4)) ;;
			*/nice) value=$((n % 41 - 20)) ;;
			*/policy) value="fifo $((n % 3))"
				  [ $((n % 2)) = 0 ] || value=normal ;;
			*/cpumask) value=$((n % 4)) ;;
			*/affinity_strict) value=$((n % 3)) ;;
			*/affinity_scope) value=cpu
				[ $((n % 2)) = 0 ] || value=default ;;
			*) value= ;;
			esac
			cat "$file"
			[ -z "$value" ] || echo "$value" >"$file"
		done >/dev/null 2>&1
	done
}

start_hammers()
{
	: >"$tmp/hammer"
	hammer 0 &
	hammers=$!
	hammer 1 &
	hammers="$hammers $!"
}

stop_hammers()
{
	rm -f "$tmp/hammer"
	# shellcheck disable=SC2086 # two words
	bounded 60 wait_for $hammers
}

wait_for()
{
	local pid

	for pid; do
		while kill -0 "$pid" 2>/dev/null; do
			sleep 0.2
		done
	done
}

churned_above()
{
	[ "$(parameter "$test" churned)" -gt "$1" ]
}

# As long as queues come and go it may take its time.
hammer_against_destroy()
{
	local at now status=0

	at=$(log_mark)
	load_test "$test" churn=1 || return 1
	start_hammers
	while ! churned_above 150; do
		now=$(parameter "$test" churned)
		wait_until 45 churned_above "$now" ||
			{ echo "no more queues after $now"; status=1; break; }
	done
	stop_hammers || { echo "a reader or writer is stuck"; return 1; }
	[ "$status" = 0 ] && unload_bounded "$test" || return 1
	gone t_churn && no_complaints "$at" &&
		! log_since "$at" | grep -E "$test: FAIL|duplicate filename"
}

hammer_against_unload()
{
	local at i=0

	at=$(log_mark)
	unload_bounded cmwq || return 1
	start_hammers
	while [ "$i" -lt 8 ]; do
		i=$((i + 1))
		if ! load_cmwq || ! load_test "$test" || ! sleep 0.5 ||
		   ! unload_bounded "$test" || ! unload_bounded cmwq; then
			i=failed
			break
		fi
	done
	stop_hammers || { echo "a reader or writer is stuck"; return 1; }
	echo "rounds: $i"
	[ "$i" = 8 ] && ! is_loaded cmwq && [ ! -e "$bus" ] && [ ! -e "$root" ] &&
		no_complaints "$at"
}

# Files of a module that goes: they do not hold it, and say so afterwards.
open_while_unloading()
{
	load_cmwq && load_test "$test" || return 1
	# shellcheck disable=SC2094 # on purpose
	exec 5<"$percpu/nice" 6<"$root/cpumask" 7>"$root/cpumask"
	unload_bounded "$test" && unload_bounded cmwq || return 1
	! cat <&5 2>/dev/null && ! cat <&6 2>/dev/null &&
		! echo 1 2>/dev/null >&7 || return 1
	exec 5<&- 6<&- 7>&-
	load_cmwq
}

mkdir -p "$tmp"
mark=$(log_mark)
ktap_begin
engine_begin
load_test "$test" || ktap_bail "$test does not load"
cpus=$(cat "$root/cpumask")
nr_cpus=$(grep -c '^processor' /proc/cpuinfo)
# The first CPU that cannot be.
out_of_range=$(printf '%x' $((1 << nr_cpus)))
affinity=
[ ! -e "$unbound/affinity_scope" ] || affinity='affinity_scope affinity_strict'

ktap_test "each queue has its files" files_of_queues
ktap_test "all queues together have theirs" files_of_all
ktap_test "they show what the queue was made with" first_values
ktap_test "odd names" odd_names
if is_cmwq; then
	ktap_test "names that are taken" same_name
	ktap_test "ordered queues are not shown" not_ordered
	ktap_test "a queue that is shown later" late
	ktap_test "a queue that is shown as it goes" late_against_destroy
fi
ktap_test "good values are taken" good_values
[ -z "$affinity" ] || ktap_test "good affinity scopes are taken" good_scopes
ktap_test "max_active takes effect" max_active_works
ktap_test "nice takes effect" nice_works
! is_cmwq || ktap_test "policy takes effect" policy_works
ktap_test "cpumask takes effect" cpumask_works
ktap_test "the cpumask of all takes effect" mask_of_all_works
! is_cmwq || ktap_test "it takes privilege" privilege
! is_cmwq || ktap_test "a refusal is logged" refusal_is_logged
ktap_test "what makes no sense is refused" garbage
ktap_test "open files do not outlive their queue" open_files
! is_cmwq || ktap_test "a write undoes no change" write_against_owner
ktap_test "destroying waits for a write" write_against_destroy
ktap_test "unloads" unload_bounded "$test" ||
	ktap_bail "cannot go on with $test loaded"
ktap_test "queues come and go in use" hammer_against_destroy
if is_cmwq && ! is_loaded "$test"; then
	ktap_test "cmwq comes and goes in use" hammer_against_unload
	ktap_test "open files do not outlive cmwq" open_while_unloading
fi
ktap_test "the kernel does not complain" no_complaints "$mark"
engine_end
ktap_end
