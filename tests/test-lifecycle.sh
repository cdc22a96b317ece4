#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Loading and unloading: in a loop and under load, refused while somebody needs
# the module, complete when a step of loading fails.
#
# Environment: LOOPS=N

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"

loops=${LOOPS:-30}
steps=

# Loading and failing to load

load_and_unload()
{
	load_cmwq && unload_bounded cmwq && eventually 20 nothing_left
}

load_twice()
{
	load_cmwq || return 1
	! load_cmwq || { echo "a second load was accepted"; return 1; }
	[ -r "$CMWQ_VIEWS/pools" ] && unload_bounded cmwq
}

list_steps()
{
	local mark

	# Sorted: some insmod try twice.
	mark=$(log_mark)
	! load_cmwq fail_init=nonsense || return 1
	steps=$(log_since "$mark" |
		sed -n 's/.*fail_init=nonsense.*the steps are: *//p' | sort -u)
	echo "steps: $steps"
	[ "$(echo "$steps" | wc -w)" -ge 3 ] && nothing_left
}

# What the machine knows of a module that has registered things.
footprint()
{
	cat /sys/devices/system/cpu/hotplug/states
	count_threads
	ls -d "$CMWQ_VIEWS" 2>/dev/null
	grep -c '\[cmwq\]' /proc/kallsyms
	grep '^cmwq ' /proc/modules
	find /sys/module/cmwq /sys/kernel/slab/*cmwq* 2>/dev/null
}

fail_step()
{
	local step="$1" errno mark before after

	before=$(footprint)
	mark=$(log_mark)
	if load_cmwq "fail_init=$step" 2>/tmp/insmod; then
		echo "loaded although step $step was to fail"
		unload_bounded cmwq
		return 1
	fi
	cat /tmp/insmod
	errno=$(log_since "$mark" | sed -n \
		"s/.*cmwq: not loaded: step $step failed with errno -//p" |
		sort -u)
	# insmod prints the name of that errno, busybox's and kmod's alike.
	case "$errno" in
	12) grep -q 'Cannot allocate memory' /tmp/insmod ;;
	*) false ;;
	esac || { echo "errno in the log: '$errno'"; return 1; }
	eventually 20 nothing_left || return 1
	after=$(footprint)
	[ "$before" = "$after" ] || { echo "left behind: $after"; return 1; }
	no_complaints "$mark" && load_and_unload
}

every_step_fails_cleanly()
{
	local step bad=0

	[ -n "$steps" ] || { echo "no list of steps"; return 1; }
	for step in $steps; do
		if ! fail_step "$step"; then
			echo "step $step"
			bad=1
		fi
	done
	return "$bad"
}

# The first worker of each pool in turn cannot be made.
every_worker_fails_cleanly()
{
	local n=1 before expected

	expected=$(grep -c '^processor' /proc/cpuinfo)
	expected=$((2 * expected + 2))
	before=$(footprint)
	while ! load_cmwq "fail_create=$n" 2>/tmp/insmod; do
		grep -q 'Cannot allocate memory' /tmp/insmod || return 1
		eventually 20 nothing_left || return 1
		[ "$before" = "$(footprint)" ] ||
			{ echo "$n: left behind: $(footprint)"; return 1; }
		n=$((n + 1))
		[ "$n" -le 100 ] || return 1
	done
	echo "$((n - 1)) creations failed, of $expected that loading needs"
	unload_bounded cmwq && [ "$((n - 1))" = "$expected" ]
}

client_is()
{
	[ "$(parameter "$client" "$1")" = "$2" ]
}

fail_create()
{
	echo "$1" >/sys/module/cmwq/parameters/fail_create
}

failures_above()
{
	[ "$(cmwq_value stats worker_creations_failed)" -gt "$1" ]
}

# No worker can be made any more: what is there does it all.
works_without_new_workers()
{
	load_cmwq fail_create=0 && fail_create -1 &&
		load_test "$client" sleepers=30 sleep_ms=20 busy=2 || return 1
	wait_until 60 client_is woken 30 || { show_state; return 1; }
	failures_above 0 || { echo "nothing failed"; return 1; }
	log_since "$mark" | grep -m 1 'cmwq: pool .* no new worker (errno -12)' ||
		{ echo "the log does not say so"; return 1; }
	unload_bounded "$client" && unload_bounded cmwq &&
		eventually 20 nothing_left
}

# All workers are asleep in items that wait for others, and none can be made:
# when that is over the pool gets going without anybody queueing anything.
recovers_from_failed_creation()
{
	local was

	load_cmwq fail_create=0 && fail_create -1 &&
		load_test "$client" sleepers=10 || return 1
	wait_until 30 failures_above 2 || { show_state; return 1; }
	was=$(parameter "$client" asleep)
	echo "$was of 10 items started"
	[ "$was" -lt 10 ] || return 1
	fail_create 0
	wait_until 60 client_is asleep 10 || { show_state; return 1; }
	echo 1 >"/sys/module/$client/parameters/release"
	wait_until 60 client_is woken 10 || { show_state; return 1; }
	unload_bounded "$client" && unload_bounded cmwq &&
		eventually 20 nothing_left
}

refuses()
{
	local mark

	mark=$(log_mark)
	if load_cmwq "$1" 2>/dev/null; then
		echo "$1 was accepted"
		unload_bounded cmwq
		return 1
	fi
	log_since "$mark" | grep "cmwq: .*${1%%=*}" ||
		{ echo "$1: no line in the log"; return 1; }
	nothing_left
}

bad_parameters()
{
	local param bad=0

	for param in concurrency=0 concurrency=65 concurrency=-1 \
		     concurrency=x pool_max_workers=0 pool_max_workers=1 \
		     pool_max_workers=-5 pool_max_workers=99999999999 \
		     total_max_workers=0 total_max_workers=many \
		     idle_timeout_ms=0 idle_timeout_ms=1e3 hooks=x hooks= \
		     cpu_intensive_thresh_us=-1 cpu_intensive_thresh_us=x \
		     cpu_intensive_thresh_us=1000001 \
		     cpu_intensive_warning_thresh=-1 \
		     cpu_intensive_warning_thresh=99999999999 \
		     watchdog_thresh=-1 watchdog_thresh=x \
		     watchdog_thresh=86401 \
		     fail_init=Pools; do
		refuses "$param" || bad=1
	done
	return "$bad"
}

# refuses_write PARAMETER FILE: the content of FILE, with an errno
refuses_write()
{
	local path="/sys/module/cmwq/parameters/$1" before after

	before=$(cat "$path")
	if LC_ALL=C dd if="$2" of="$path" bs=64k 2>/tmp/refused; then
		echo "$1 took it"
		return 1
	fi
	grep -q 'Invalid argument\|out of range\|too large' /tmp/refused ||
		{ echo "$1: no errno: $(cat /tmp/refused)"; return 1; }
	after=$(cat "$path")
	[ "$before" = "$after" ] ||
		{ echo "$1: $before became $after"; return 1; }
}

bad_writes()
{
	local file name value bad=0 mark files=0

	load_cmwq || return 1
	mark=$(log_mark)
	mkdir -p /tmp/bad-values
	for value in 0 1 -1 -2 99999999999 x 2x 0x ''; do
		echo "$value" >"/tmp/bad-values/${value:-empty}"
	done
	# Numbers and text of more than a page, bytes that are no text.
	awk 'BEGIN { for (i = 0; i < 6000; i++) printf "9" }' \
		>/tmp/bad-values/digits
	awk 'BEGIN { for (i = 0; i < 6000; i++) printf "x" }' \
		>/tmp/bad-values/letters
	printf '\001\377\200\033%%s%%n\n' >/tmp/bad-values/bytes
	head -c 2000 "$(find_ko cmwq)" >/tmp/bad-values/elf

	find /sys/module/cmwq/parameters -type f -perm -200 >/tmp/files
	while read -r file; do
		name=${file##*/}
		files=$((files + 1))
		for value in /tmp/bad-values/*; do
			# These mean something there.
			case "$name ${value##*/}" in
			"fail_create 0"|"fail_create 1"|"fail_create -"1)
				continue ;;
			"cpu_intensive_"*" 0"|"cpu_intensive_"*" 1")
				continue ;;
			"watchdog_thresh 0"|"watchdog_thresh 1")
				continue ;;
			"watchdog_evacuate "[01]*|"ignore_mayday "[01]*)
				continue ;;
			*_create_*" 0"|*_create_*" 1")
				continue ;;
			esac
			refuses_write "$name" "$value" ||
				{ echo "  value: ${value##*/}"; bad=1; }
		done
	done </tmp/files
	rm -r /tmp/bad-values
	echo "$files parameters can be written"
	[ "$files" -ge 3 ] || bad=1
	no_complaints "$mark" || bad=1
	unload_bounded cmwq && return "$bad"
}

# Unloading and not unloading

# The module stays, says by whom it is used, and still works.
unload_refused()
{
	local user="$1"

	if bounded 60 rmmod cmwq; then
		echo "unloaded although $user uses it"
		return 1
	fi
	grep '^cmwq ' /proc/modules
	[ -n "$user" ] || return 0
	awk -v user="$user" '
		$1 == "cmwq" && index("," $4, "," user ",") { found = 1 }
		END { exit !found }' /proc/modules
}

# references N: what /proc/modules counts
references()
{
	local count

	count=$(awk '$1 == "cmwq" { print $3 }' /proc/modules)
	[ "$count" = "$1" ] || { echo "$count references, not $1"; return 1; }
}

refused_for_link()
{
	load_cmwq && references 0 || return 1
	load_test "$client" queue=0 && references 1 || return 1
	unload_refused "$client" || return 1
	[ -r "$CMWQ_VIEWS/pools" ] || return 1
	unload_bounded "$client" && unload_bounded cmwq && nothing_left
}

# The client links cmwq as well, so what its queue holds shows in the count.
refused_for_queue()
{
	load_cmwq && load_test "$client" queue=1 busy=2 || return 1
	unload_refused "$client" && references 2 || return 1
	cmwq_table workqueues name owner | tee /dev/stderr |
		grep -q "^client $client\$" ||
		{ echo "the view does not name the owner"; return 1; }
	# It works on.
	before=$(parameter "$client" rounds)
	wait_until 30 more_rounds "$before" ||
		{ echo "the items stopped"; return 1; }
	unload_bounded "$client" && unload_bounded cmwq &&
		eventually 20 nothing_left
}

more_rounds()
{
	[ "$(parameter "$client" rounds)" -gt "$1" ]
}

# A client that forgets its queue: said by name, and nothing stays.
forgotten_queue()
{
	local mark

	mark=$(log_mark)
	load_cmwq && load_test "$client" leak=1 busy=2 || return 1
	wait_until 30 more_rounds 20 || return 1
	unload_bounded "$client" || return 1
	log_since "$mark" | grep "cmwq: .*$client.* queue client" ||
		{ echo "the log does not name module and queue"; return 1; }
	! cmwq_table workqueues name | grep -x client ||
		{ echo "the queue is still there"; return 1; }
	unload_bounded cmwq && eventually 20 nothing_left
}

# With items on it, and one on a system queue: they run before the code goes.
forgotten_items()
{
	local mark what

	mark=$(log_mark)
	load_cmwq && load_test "$client" leak=2 || return 1
	unload_bounded "$client" || return 1
	for what in "cmwq: .*$client goes away without destroying .* client " \
		    "cmwq: .*$client goes away while its item left_system_fn" \
		    "$client: left item 0 has run" \
		    "$client: left item 1 has run" \
		    "$client: left item 2 has run" \
		    "$client: left RCU item has run" \
		    "$client: left system item has run" \
		    "$client: left items have hopped" \
		    "$client: left last item has run"; do
		log_since "$mark" | grep "$what" ||
			{ echo "no line in the log: $what"; return 1; }
	done
	! log_since "$mark" | grep "$client: FAIL" || return 1
	! cmwq_table workqueues name | grep -x client ||
		{ echo "the queue is still there"; return 1; }
	queues_at_rest && references 0 && unload_bounded cmwq &&
		eventually 20 nothing_left && no_complaints "$mark"
}

# The loop

# Read all views until /tmp/no-views is there.
read_views()
{
	until [ -e /tmp/no-views ]; do
		cat "$CMWQ_VIEWS"/*
		sleep 0
	done
}

# A view that is open holds the module.
open_view_holds()
{
	! rmmod cmwq
} <"$CMWQ_VIEWS/pools"

# Every third time with a client at work until the moment before, every fifth
# with somebody reading the views until then.  Not longer: the kernel warns of
# a debugfs file that is opened just when its module's last reference goes, in
# the few instructions before the module is marked as going.
loop_once()
{
	local i="$1" reader=

	load_cmwq "hooks=$2" || return 1
	if [ $((i % 5)) = 0 ]; then
		rm -f /tmp/no-views
		read_views >/dev/null 2>&1 &
		reader=$!
	fi
	if [ $((i % 3)) = 0 ]; then
		load_test "$client" busy=4 churn=1 || return 1
		wait_until 30 more_rounds 200 ||
			{ echo "the load does not get going"; return 1; }
		unload_bounded "$client" || return 1
	fi
	if [ -n "$reader" ]; then
		touch /tmp/no-views
		wait "$reader"
		open_view_holds 2>/dev/null ||
			{ echo "unloaded under an open view"; return 1; }
	fi
	unload_bounded cmwq && eventually 20 nothing_left
}

loop()
{
	local i=0

	while [ "$i" -lt "$1" ]; do
		i=$((i + 1))
		case $((i % 4)) in
		0) set -- "$1" notifier ;;
		1) set -- "$1" auto ;;
		2) set -- "$1" entry ;;
		3) set -- "$1" tracepoint ;;
		esac
		loop_once "$i" "$2" || { echo "round $i, hooks=$2"; return 1; }
	done
}

loop_thrice()
{
	loop $((loops / 3)) || return 1
	first="$(measure)" threads_first=$(kernel_threads)
	loop $((loops / 3)) || return 1
	second="$(measure)"
	loop $((loops / 3)) || return 1
	third="$(measure)" threads_third=$(kernel_threads)
}

# A leak grows in both halves; noise rarely does, and not by this much: 2 KiB
# (4 of vmalloc: a page) per load.
no_growth()
{
	local names="Percpu KernelStack VmallocUsed kmalloc" n=$((loops / 3))

	[ -n "$third" ] || { echo "the loop did not end"; return 1; }
	echo "KiB: $names MemFree, task_structs"
	printf '%s\n%s\n%s\n' "$first" "$second" "$third"
	printf '%s\n%s\n%s\n' "$first" "$second" "$third" |
	awk -v n="$n" -v names="$names" '
		{ for (i = 1; i <= NF; i++) v[NR, i] = $i }
		END {
			split(names, name, " ")
			for (i = 1; i <= 4; i++) {
				limit = (i == 3 ? 4 : 2) * n
				if (v[2, i] - v[1, i] >= limit &&
				    v[3, i] - v[2, i] >= limit) {
					print name[i] " grows"
					bad = 1
				}
			}
			exit bad || NR != 3
		}'
}

# The first unbound queue cannot be made: those before it do not stay either.  They
# are small: twice as often as no_growth takes it for.
fail_some()
{
	local i=0 n

	n=$((2 * $(grep -c '^processor' /proc/cpuinfo) + 1))
	while [ "$i" -lt $((2 * (loops / 3))) ]; do
		i=$((i + 1))
		! load_cmwq "fail_create=$n" 2>/dev/null ||
			{ echo "loaded although creation $n was to fail"
			  return 1; }
		eventually 20 nothing_left || return 1
	done
}

failing_leaves_no_memory()
{
	local first second third='' mark

	mark=$(log_mark)
	fail_some && first="$(measure)" && fail_some &&
		second="$(measure)" && fail_some && third="$(measure)"
	log_since "$mark" | grep -m 1 'cmwq: not loaded: step queues ' &&
		no_growth
}

no_new_threads()
{
	echo "kernel threads: $threads_first, then $threads_third"
	[ -n "$threads_third" ] && [ "$threads_third" -le "$threads_first" ]
}

taint_is_normal()
{
	local taint

	taint=$(cat /proc/sys/kernel/tainted)
	echo "taint was $taint_before, is $taint"
	[ $((taint & ~(taint_before | 4096 | 8192))) = 0 ]
}

ktap_begin 19
taint_before=$(cat /proc/sys/kernel/tainted)
first='' second='' third='' threads_first='' threads_third=''
mark=$(log_mark)
ktap_test "loads and unloads" load_and_unload ||
	ktap_bail "cmwq.ko does not load and unload"
ktap_test "a second load is refused" load_twice
ktap_test "an unknown step of fail_init is refused with a list" list_steps
ktap_test "every step of loading fails cleanly" every_step_fails_cleanly
ktap_test "every first worker fails cleanly" every_worker_fails_cleanly
ktap_test "items run although no worker can be made" works_without_new_workers
ktap_test "a pool without workers recovers by itself" \
	recovers_from_failed_creation
ktap_test "bad parameters are refused with a sentence" bad_parameters
ktap_test "bad values written to parameters are refused" bad_writes
ktap_test "unloading is refused while a module links it" refused_for_link
ktap_test "unloading is refused while a queue exists" refused_for_queue
ktap_test "a forgotten queue is named and taken away" forgotten_queue
ktap_test "forgotten items run before their code goes" forgotten_items
ktap_test "loads and unloads $loops times, also under load" loop_thrice
ktap_test "no memory is lost in the loop" no_growth
ktap_test "no memory is lost in loads that fail" failing_leaves_no_memory
ktap_test "no thread is lost in the loop" no_new_threads
ktap_test "the kernel does not complain" no_complaints "$mark"
ktap_test "taint is out-of-tree and unsigned only" taint_is_normal
ktap_end
