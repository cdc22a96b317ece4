#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The views: what they look like, that they can be read at any moment, and what
# they tell about workers: growing, shrinking, capped.
#
# Environment: SECONDS_READING=N, at most

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"

# An emulator that gives a CPU no time makes hogs of items that are none.
load_patient()
{
	load_cmwq cpu_intensive_thresh_us=0 "$@"
}

views="pools workqueues workers stats hogs config"

mode_is()
{
	local mode

	mode=$(stat -c %a "$1")
	[ "$mode" = "$2" ] || { echo "$1: mode $mode"; return 1; }
}

private()
{
	local view bad=0

	mode_is "$CMWQ_VIEWS" 700 || bad=1
	for view in $views; do
		mode_is "$CMWQ_VIEWS/$view" 400 || bad=1
	done
	# And nothing that nobody checks.
	[ "$(find "$CMWQ_VIEWS" -type f | wc -l)" = 6 ] || bad=1
	return "$bad"
}

# Tables: name and version, column names, rows with a field for each column.
table_is_sound()
{
	awk -v view="$1" -v want="$2" '
		NR == 1 { sound = ($0 == "cmwq " view (view == "pools" ? " v3" : view == "workqueues" ? " v2" : " v1")) }
		NR == 2 {
			if ($1 != "#")
				sound = 0
			n = NF - 1
			for (i = 2; i <= NF; i++) {
				if ($i in has)
					sound = 0
				has[$i] = 1
			}
			m = split(want, name, " ")
			for (i = 1; i <= m; i++)
				if (!(name[i] in has)) {
					print view ": no column " name[i]
					sound = 0
				}
		}
		NR > 2 && NF != n {
			print view ": " NF " fields, " n " columns: " $0
			sound = 0
		}
		END {
			# There need not be hogs.
			if (NR < (view == "hogs" ? 2 : 3))
				sound = 0
			if (!sound)
				print view ": unsound, " NR " lines"
			exit !sound
		}'
}

pairs_are_sound()
{
	awk -v view="$1" -v want="$2" '
		NR == 1 { sound = ($0 == "cmwq " view " v1") }
		NR > 1 {
			if (NF < 2 || $1 in has) {
				print view ": " $0
				sound = 0
			}
			has[$1] = 1
		}
		END {
			m = split(want, name, " ")
			for (i = 1; i <= m; i++)
				if (!(name[i] in has)) {
					print view ": no key " name[i]
					sound = 0
				}
			exit !sound || NR < 2
		}'
}

view_is_sound()
{
	local view="$1"

	set -- "$view"
	case "$view" in
	pools) set -- "$view" "pool cpu node cpus pod nice policy target \
		workers idle busy running waiting inactive manager created \
		retired failed capped handovers prewakes repatriated \
		strays stalls evacuated hook \
		flags" ;;
	workqueues) set -- "$view" "name owner flags max_active active \
		inactive queued" ;;
	workers) set -- "$view" "pid pool cpu id state ms queue function \
		desc" ;;
	config) set -- "$view" "hooks_requested accounting guarantee \
		accelerator accelerator_switches accelerator_mode" ;;
	stats) set -- "$view" "workers workers_created workers_retired" ;;
	hogs) set -- "$view" "hits longest_us total_us function" ;;
	esac
	cat "$CMWQ_VIEWS/$view" >"/tmp/view.$view" || return 1
	case "$view" in
	stats|config) pairs_are_sound "$@" <"/tmp/view.$view" ;;
	*) table_is_sound "$@" <"/tmp/view.$view" ;;
	esac
}

all_sound()
{
	local view bad=0

	for view in $views; do
		view_is_sound "$view" || bad=1
	done
	return "$bad"
}

# A reader with a small buffer gets the same text.
small_reads()
{
	cat "$CMWQ_VIEWS/config" >/tmp/whole
	dd if="$CMWQ_VIEWS/config" bs=7 2>/dev/null >/tmp/pieces
	cmp /tmp/whole /tmp/pieces && [ -s /tmp/whole ]
}

refuses_writes()
{
	local view bad=0

	for view in $views; do
		if echo 1 2>/dev/null >"$CMWQ_VIEWS/$view"; then
			echo "$view can be written"
			bad=1
		fi
		if rm "$CMWQ_VIEWS/$view" 2>/dev/null; then
			echo "$view can be removed"
			bad=1
		fi
	done 2>/dev/null
	if mkdir "$CMWQ_VIEWS/new" 2>/dev/null; then
		echo "a directory can be made"
		bad=1
	fi
	all_sound && return "$bad"
}

read_under_load()
{
	local until reads=0 bad=0 churned=0

	load_test "$client" busy=4 churn=1 sleepers=20 sleep_ms=50 || return 1
	while :; do cat "$CMWQ_VIEWS"/*; done >/dev/null 2>/tmp/reader &
	reader=$!
	until=$(($(cut -d. -f1 /proc/uptime) + ${SECONDS_READING:-120}))
	while [ "$reads" -lt 10 ] || [ "$churned" -lt 50 ]; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt "$until" ] || break
		all_sound || { bad=1; break; }
		reads=$((reads + 1))
		churned=$(parameter "$client" churned)
	done
	kill "$reader"
	wait "$reader" 2>/dev/null
	cat /tmp/reader
	echo "$reads times while $churned queues came and went"
	[ "$reads" -ge 3 ] && [ "$churned" -ge 20 ] || bad=1
	[ ! -s /tmp/reader ] || bad=1
	unload_bounded "$client" && return "$bad"
}

# pool0 COLUMN - of the normal pool of CPU 0
pool0()
{
	cmwq_table pools cpu nice policy "$1" |
		awk '$1 == "0" && $2 == 0 && $3 == "normal" { print $4 }'
}

pool0_above()
{
	[ "$(pool0 "$1")" -gt "$2" ]
}

pool0_below()
{
	[ "$(pool0 "$1")" -lt "$2" ]
}

asleep_is()
{
	[ "$(parameter "$client" asleep)" = "$1" ]
}

woken_is()
{
	[ "$(parameter "$client" woken)" = "$1" ]
}

sleepers_listed()
{
	cmwq_table workers cpu state function queue desc | awk '
		$1 == "0" && $2 == "sleeping" && $4 == "client" &&
		$3 ~ /^sleeper_fn/ && $5 ~ /sleeper/ && !seen[$5]++ { n++ }
		END { print n + 0 " sleepers are listed"; exit n != 100 }'
}

queue_counts()
{
	cmwq_table workqueues name owner max_active active inactive |
		awk -v owner="$client" '
		$1 == "client" {
			print
			ok = $2 == owner && $3 == 2048 && $4 == 100 && $5 == 0
		}
		END { exit !ok }'
}

# Workers grow while 100 items sleep on one CPU; at most one of them runs.
growth()
{
	local i=0 running bad=0

	load_test "$client" sleepers=100 || return 1
	wait_until 60 asleep_is 100 || { show_state; return 1; }
	wait_until 30 pool0_above workers 100 ||
		{ echo "$(pool0 workers) workers"; bad=1; }
	while [ "$i" -lt 20 ]; do
		running=$(pool0 running)
		[ "$running" -le 1 ] || { echo "$running running"; bad=1; }
		i=$((i + 1))
	done
	[ "$(pool0 busy)" = 100 ] || { echo "$(pool0 busy) busy"; bad=1; }
	wait_until 20 pool0_above idle 0 ||
		{ echo "no idle worker is kept ready"; bad=1; }
	eventually 10 sleepers_listed || bad=1
	queue_counts || bad=1
	workers_are_threads || bad=1
	return "$bad"
}

# Afterwards they are retired, down to the idle ones that are kept.
shrink()
{
	local created

	echo 1 >"/sys/module/$client/parameters/release"
	wait_until 60 woken_is 100 || { echo "sleepers stay"; return 1; }
	unload_bounded "$client" || return 1
	wait_until 120 pool0_below workers 10 ||
		{ echo "$(pool0 workers) workers stay"; return 1; }
	# Now wait many time-outs more: some stay, none comes.
	created=$(pool0 created)
	sleep 5
	echo "$(pool0 workers) workers, $(pool0 idle) idle," \
	     "$created created, $(pool0 retired) retired"
	[ "$(pool0 idle)" -ge 1 ] && [ "$(pool0 created)" = "$created" ] &&
		eventually 20 pools_at_rest && eventually 20 workers_are_threads
}

workers_of()
{
	case "$1" in
	pool) pool0 workers ;;
	all) cmwq_value stats workers ;;
	esac
}

# capped WHAT CAP - 60 items that sleep 100 ms need more workers than they get,
# and nevertheless all run.
capped()
{
	local what="$1" cap="$2" left=600 bad=0 now most=0

	load_test "$client" sleepers=60 sleep_ms=100 || return 1
	while ! woken_is 60; do
		now=$(workers_of "$what")
		[ "$now" -le "$most" ] || most=$now
		left=$((left - 1))
		if [ "$left" -le 0 ]; then
			echo "no progress"
			show_state
			bad=1
			break
		fi
		sleep 0.1
	done
	echo "at most $most workers, cap $cap," \
	     "$(cmwq_value stats worker_creations_capped) times capped"
	[ "$most" -le "$cap" ] && [ "$most" -ge 2 ] || bad=1
	[ "$(cmwq_value stats worker_creations_capped)" -gt 0 ] ||
		{ echo "the cap was never met"; bad=1; }
	unload_bounded "$client" && return "$bad"
}

pool_cap()
{
	load_patient pool_max_workers=6 && capped pool 6 && unload_bounded cmwq
}

total_cap()
{
	local rest

	load_patient || return 1
	wait_until 10 pools_at_rest
	rest=$(workers_of all)
	unload_bounded cmwq || return 1
	load_patient "total_max_workers=$((rest + 4))" &&
		capped all $((rest + 4)) && unload_bounded cmwq
}

# Lowered while workers are many: no more are made, the old ones may finish.
cap_lowered()
{
	local workers bad=0

	load_patient idle_timeout_ms=200 || return 1
	load_test "$client" sleepers=50 || return 1
	wait_until 60 asleep_is 50 || return 1
	echo 10 >/sys/module/cmwq/parameters/pool_max_workers || bad=1
	workers=$(pool0 workers)
	[ "$workers" -ge 50 ] || bad=1
	echo 1 >"/sys/module/$client/parameters/release"
	wait_until 60 woken_is 50 || { echo "sleepers stay"; bad=1; }
	unload_bounded "$client" || return 1
	wait_until 60 pool0_below workers 11 || bad=1
	echo "workers: $workers, later $(pool0 workers)"
	unload_bounded cmwq && return "$bad"
}

# Raised when all workers are asleep in items that wait for more of them.
cap_raised()
{
	local param="$1" cap="$2" bad=0 was

	load_patient "$param=$cap" || return 1
	load_test "$client" sleepers=10 || return 1
	sleep 1
	was=$(parameter "$client" asleep)
	echo "$param=$cap: $was of 10 started"
	[ "$was" -ge 1 ] && [ "$was" -lt 10 ] || bad=1
	echo $((cap + 20)) >"/sys/module/cmwq/parameters/$param"
	wait_until 30 asleep_is 10 || { show_state; bad=1; }
	echo 1 >"/sys/module/$client/parameters/release"
	wait_until 60 woken_is 10 || bad=1
	unload_bounded "$client" && unload_bounded cmwq && return "$bad"
}

caps_raised()
{
	local rest

	cap_raised pool_max_workers 3 || return 1
	load_patient && wait_until 10 pools_at_rest || return 1
	rest=$(workers_of all)
	unload_bounded cmwq && cap_raised total_max_workers "$rest"
}

each_cpu_goes_on()
{
	cmwq_table pools cpu nice policy workers |
		awk '$1 != "-" && $2 == 0 && $3 == "normal" && $4 < 1 { bad = 1 }
			END { exit bad }'
}

more_rounds()
{
	[ "$(parameter "$client" rounds)" -gt "$1" ]
}

# The smallest caps: every pool needs its first worker, so either they are not
# counted, or the module says that the cap is too small.
tiny_cap()
{
	local mark

	mark=$(log_mark)
	if ! load_patient "$@" 2>/dev/null; then
		log_since "$mark" | grep 'cmwq: .*total_max_workers' &&
			nothing_left
		return
	fi
	load_test "$client" busy=3 || return 1
	wait_until 60 more_rounds 500 || { show_state; return 1; }
	each_cpu_goes_on || return 1
	unload_bounded "$client" && unload_bounded cmwq
}

tiny_caps()
{
	tiny_cap pool_max_workers=2 && tiny_cap total_max_workers=2
}

no_views_left()
{
	unload_bounded cmwq && eventually 20 nothing_left
}

# A file that is open while the module shall go: it may hold the module, but no
# longer than it is open, and reading it is safe in either case.
open_while_unloading()
{
	load_patient || return 1
	exec 5<"$CMWQ_VIEWS/pools"
	bounded 60 rmmod cmwq
	cat <&5 | head -n 2
	exec 5<&-
	! is_loaded cmwq || unload_bounded cmwq || return 1
	eventually 20 nothing_left
}

ktap_begin 16
mark=$(log_mark)
load_patient idle_timeout_ms=300 || ktap_bail "cmwq.ko does not load"
ktap_test "directory and files are root's alone" private
ktap_test "version, columns and fields are as promised" all_sound
ktap_test "small reads give the same text" small_reads
ktap_test "the views cannot be written" refuses_writes
ktap_test "readable while items run and queues come and go" read_under_load
ktap_test "workers grow while 100 items sleep on one CPU" growth
ktap_test "they are retired afterwards, but for the idle ones kept" shrink
ktap_test "nothing is left after unloading" no_views_left
ktap_test "pool_max_workers is kept and the queue goes on" pool_cap
ktap_test "total_max_workers is kept and the queue goes on" total_cap
ktap_test "pool_max_workers can be lowered" cap_lowered
ktap_test "caps can be raised" caps_raised
ktap_test "the smallest caps leave every CPU a worker" tiny_caps
ktap_test "a view that is open is no danger to unloading" open_while_unloading
ktap_test "nothing is left" eventually 20 nothing_left
ktap_test "the kernel does not complain" no_complaints "$mark"
ktap_end
