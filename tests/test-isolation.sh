#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Where unbound items may run at all: not on isolated CPUs, and where the
# functions for it say.
#
# Environment: ISOLATED=LIST, what the kernel was booted with, in isolcpus= and
# nohz_full= together

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/lib-where.sh
. "$(dirname "$0")/lib-where.sh"

all=$(cat $cpus/possible)
isolated=${ISOLATED-}
# 5.10 takes nohz_full= only if isolcpus= is the same, and stock ones do not at all.
if dmesg | grep -q 'Housekeeping: nohz_full'; then
	isolated=$(cat $cpus/isolated)
fi

# without LIST LIST: the CPUs of the first that are not in the second
without()
{
	{ cpus_of "$1"; cpus_of "$2"; cpus_of "$2"; } |
		sort -n | uniq -u | list_of
}

kept=$(without "$all" "$isolated")

# runs_on LIST
runs_on()
{
	ask queue && may_be "$1"
}

fresh()
{
	engine_begin
	where_load "$@"
}

# A queue of each kind on a fresh module
by_default()
{
	fresh "kind=$1" && runs_on "$kept"
}

done_with()
{
	where_unload
	unload_bounded cmwq
}

# masked CPUS EXPECTED STRICT
masked()
{
	set_attrs system "$3" "$1" && runs_on "$2"
}

# global WORDS EXPECTED
global()
{
	echo "$1" >"$where/global" || { echo "$1: refused"; return 1; }
	echo "$1"
	runs_on "$2"
}

masks_of_all()
{
	global "set 0-1" 0-1 &&
		global "exclude 0" 1 &&
		global "exclude 2-3" 0-1 &&
		global "exclude $all" 0-1 &&
		global "exclude 1" 0 &&
		global "exclude" 0-1 &&
		global "housekeeping 1,3" 1 &&
		global "housekeeping $all" 0-1 &&
		global "set $all" "$all" &&
		global "housekeeping 0,2" 0,2
}

no_mask()
{
	! echo set 2>/dev/null >"$where/global" &&
		! echo "housekeeping" 2>/dev/null >"$where/global" &&
		runs_on 0,2
}

# The system queue has been there all the time.
of_kind()
{
	where_unload && where_load "kind=$1" && runs_on "$2"
}

attrs_and_all()
{
	where_unload && where_load && global "set 0-2" 0-2 &&
		set_attrs system 0 2-3 && runs_on 2 &&
		global "set 3" 3 && global "set 0" 0 &&
		global "set $all" 2-3
}

# While items flow
flow_moves()
{
	local round=0 list state

	set_attrs dfl 0 || return 1
	echo 20 >"$where/flow"
	while [ "$round" -lt 12 ]; do
		for list in 0-1 2 "$all"; do
			echo "set $list" >"$where/global" || return 1
		done
		round=$((round + 1))
	done
	cat "$where/flow" >/dev/null
	wait_until 30 flow_moved || { echo "an item is lost: $(cat "$where/flow")"
				      return 1; }
	state=$(cat "$where/flow")
	echo 0 >"$where/flow" || return 1
	[ "${state##* }" = 0 ] || { echo "overlaps: $state"; return 1; }
}

# All items have run since the last time.
flow_moved()
{
	awk '{ exit !($2 > 0) }' "$where/flow"
}

by_parameter()
{
	CMWQ_PARAMS=unbound_cpus=$1
	fresh && runs_on "$2"
}

# Workers that woke where none may run
strays()
{
	cmwq_value stats strays
}

none_strayed()
{
	[ "$(strays)" = 0 ] || { cmwq_table pools pool cpus strays
				 return 1; }
}

# All kinds of load, from all CPUs, and nobody is on an isolated one.
loaded()
{
	run_stress 120 items=20000 && unload_bounded "$stress" || return 1
	unbound_load && none_strayed
}

# Items that sleep and so need many workers
unbound_load()
{
	ask queue all && may_be "$kept" && ask on all && may_be "$kept"
}

# An item takes its worker there and leaves it: counted, and healed by its next
# wakeup, for items that follow are where they may be.
led_away()
{
	local before there

	there=$(cpus_of "${isolated:-3}" | head -n 1)
	before=$(strays)
	echo "0 $there bind" >"$where/away" || { echo "items are lost"
						 return 1; }
	echo "to $there, starts:" "$(cat "$where/away")"
	echo "$(($(strays) - before)) strays"
	[ $(($(strays) - before)) -ge 20 ] || return 1
	before=$(strays)
	runs_on "$1" && runs_on "$1" && [ "$(strays)" -le $((before + 1)) ]
}

# Nobody moves a worker from outside.
not_moved_by_root()
{
	local pid moved=0

	for pid in $(cmwq_table workers pid cpu | awk '$2 == "-" { print $1 }')
	do
		! taskset -p 1 "$pid" >/dev/null 2>&1 || moved=1
	done
	[ -n "$pid" ] && [ "$moved" = 0 ]
}

# is_one_of CPU LIST
is_one_of()
{
	echo "$2" | tr , '\n' | awk -v cpu="$1" -F- '
		cpu !~ /^[0-9]+$/ { exit }
		cpu >= $1 + 0 && cpu <= $NF + 0 { found = 1 }
		END { exit !found }'
}

# The module's own threads: the keeper is on all of these CPUs, the watchdog on one
own_threads_on()
{
	local dir n=0 list

	for dir in /proc/[0-9]*; do
		case $(cat "$dir/comm" 2>/dev/null) in
		cmwq/keeper|cmwq/watchdog) ;;
		*) continue ;;
		esac
		n=$((n + 1))
		list=$(awk '$1 == "Cpus_allowed_list:" { print $2 }' \
			"$dir/status")
		echo "$(cat "$dir/comm"): $list"
		case $(cat "$dir/comm") in
		cmwq/watchdog) is_one_of "$list" "$1" || return 1 ;;
		*) [ "$list" = "$1" ] || return 1 ;;
		esac
	done
	[ "$n" = 2 ]
}

own_threads_follow()
{
	own_threads_on "$kept" && echo "exclude 0" >"$where/global" &&
		own_threads_on "$(without "$all" 0)" &&
		echo "exclude $isolated" >"$where/global" &&
		own_threads_on "$kept"
}

ktap_begin
diag "possible $all, isolated ${isolated:-none}:" \
     "$(grep -o '\(isolcpus\|nohz_full\)=[^ ]*' /proc/cmdline | paste -sd' ')"
for kind in unbound ordered dfl; do
	ktap_test "kept off isolated CPUs: $kind" by_default $kind
	done_with
done
fresh
ktap_test "no worker strays under load" loaded
ktap_test "one that is led away is counted, and comes back" led_away "$kept"
ktap_test "root cannot move a worker" not_moved_by_root
ktap_test "keeper and watchdog keep off, too" own_threads_follow
if [ -n "$isolated" ]; then
	ktap_test "a cpumask of isolated CPUs alone" \
		masked "$isolated" "$kept" 0
	ktap_test "the same, strict" masked "$isolated" "$kept" 1
	ktap_test "a cpumask with isolated CPUs" \
		masked "3,$isolated" 3 0
fi
set_attrs dfl 0
ktap_test "the masks for all queues" masks_of_all
ktap_test "no mask" no_mask
ktap_test "the system queue" of_kind dfl 0,2
ktap_test "a new ordered queue" of_kind ordered 0,2
ktap_test "a cpumask of the queue, too" attrs_and_all
ktap_test "masks change while items flow" flow_moves
done_with
ktap_test "unbound_cpus=" by_parameter 0-2 "$(without 0-2 "$isolated")"
done_with
if [ -n "$isolated" ]; then
	ktap_test "unbound_cpus= of isolated CPUs alone" \
		by_parameter "$isolated" "$isolated"
	done_with
fi
ktap_end
