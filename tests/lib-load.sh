# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# More helpers, for the tests that put cmwq under load.  Source after lib.sh.

stress=cmwq_test_stress
# shellcheck disable=SC2034 # for the scripts
client=cmwq_test_client

# bounded SECONDS COMMAND... - its status, or 124 if it does not end in time.
# It is left behind then: what hangs in the kernel cannot be killed.
bounded()
{
	local left=$(($1 * 5)) flag status

	shift
	flag=$(mktemp)
	("$@"; echo $? >"$flag") &
	while [ ! -s "$flag" ]; do
		if [ $left -le 0 ]; then
			echo "took too long: $*"
			return 124
		fi
		left=$((left - 1))
		sleep 0.2
	done
	read -r status <"$flag"
	rm -f "$flag"
	return "$status"
}

parameter()
{
	cat "/sys/module/$1/parameters/$2"
}

param_equals()
{
	[ "$(parameter "$1" "$2")" = "$3" ]
}

unload_bounded()
{
	bounded 60 rmmod "$1"
}

# All threads of cmwq, or with "workers" its workers alone.
count_threads()
{
	local pattern='^cmwq/'

	[ "${1-}" != workers ] || pattern='^cmwq/[0-9u]'
	cat /proc/[0-9]*/comm 2>/dev/null | grep -c "$pattern"
}

nothing_left()
{
	! is_loaded cmwq || { echo "still loaded"; return 1; }
	[ ! -e "$CMWQ_VIEWS" ] || { echo "views are left"; return 1; }
	[ "$(count_threads)" = 0 ] || { echo "threads are left"; return 1; }
}

# What a look at the machine tells when something is stuck.
show_state()
{
	local view

	[ -d "$CMWQ_VIEWS" ] || return 0
	for view in pools workqueues workers stats hogs config; do
		timeout 10 cat "$CMWQ_VIEWS/$view" | head -n 25
	done
}

# run_stress SECONDS PARAMETER=VALUE... - load $stress, wait for its verdict.
# The module has a limit and a stall detector; SECONDS is its limit.  It stays
# loaded.
run_stress()
{
	local limit="$1" result

	shift
	load_test "$stress" "limit=$limit" "$@" || return 1
	if ! wait_until $((limit + 60)) param_equals "$stress" "done" 1; then
		echo "no verdict"
		show_state
		return 1
	fi
	result=$(parameter "$stress" result)
	echo "$result"
	parameter "$stress" report
	[ "$result" = pass ] && return 0
	dmesg | grep "$stress: " | tail -n 40
	[ "$stress" != cmwq_test_stress ] || show_state
	return 1
}

# At rest nobody runs, nothing waits, and the books of workers are right.
pools_at_rest()
{
	cmwq_table pools pool workers idle busy running waiting inactive \
			 created retired | awk '
		$4 || $5 || $6 || $7 || $2 != $3 || $8 - $9 != $2 {
			print "pool " $1 ": workers " $2 " idle " $3 \
			      " busy " $4 " running " $5 " waiting " $6 \
			      " inactive " $7 " created " $8 " retired " $9
			bad = 1
		}
		END {
			if (!NR)
				print "no pools"
			exit bad || !NR
		}'
}

queues_at_rest()
{
	cmwq_table workqueues name active inactive | awk '
		$2 || $3 { print $1 ": active " $2 " inactive " $3; bad = 1 }
		END { exit bad || !NR }'
}

# The threads there are are the workers that the pools count.
workers_are_threads()
{
	local threads workers listed

	workers=$(cmwq_table pools workers | awk '{ n += $1 } END { print n }')
	listed=$(cmwq_table workers pid | wc -l)
	threads=$(count_threads workers)
	echo "pools count $workers workers, $listed listed, $threads threads"
	[ "$workers" -gt 0 ] && [ "$workers" = "$listed" ] &&
		[ "$workers" = "$threads" ]
}

# eventually SECONDS COMMAND... - wait_until, then once more to hear why not
eventually()
{
	wait_until "$@" && return 0
	shift
	"$@"
}

# Lines in which the kernel complains, since log_mark.  Whose a data race is that KCSAN
# sees is for vm.sh to tell.
no_complaints()
{
	log_since "$1" >/tmp/log.complaints || { echo "log overrun"; return 1; }
	! grep -v 'BUG: KCSAN: ' /tmp/log.complaints |
		grep -E 'BUG: |WARNING: |Oops|general protection|INFO: task|(^|[^a-z])stall|list_(add|del) |refcount_t|cmwq: .*(leak|busy([^_]|$)|FAIL)'
}

# Numbers that must not grow, after everything deferred has happened.
measure()
{
	local cache

	sync
	sleep 2
	echo 3 >/proc/sys/vm/drop_caches
	for cache in /sys/kernel/slab/*/shrink; do
		echo 1 >"$cache"
	done 2>/dev/null
	awk '
		FILENAME ~ /meminfo/ { sub(":", "", $1); mem[$1] = $2 }
		FILENAME ~ /slabinfo/ && $1 ~ /^(kmalloc-|task_struct)/ {
			objects[$1] = $2
			bytes += $2 * $4
		}
		END {
			print mem["Percpu"], mem["KernelStack"], \
			      mem["VmallocUsed"], int(bytes / 1024), \
			      mem["MemFree"], objects["task_struct"] + 0
		}' /proc/meminfo /proc/slabinfo
}

kernel_threads()
{
	local count=0 stat

	for stat in /proc/[0-9]*/stat; do
		# Parent 2 is kthreadd; the kernel's own workers come and go.
		case "$(cat "$stat" 2>/dev/null)" in
		*"(kworker/"*) ;;
		*") "[A-Z]" 2 "*) count=$((count + 1)) ;;
		esac
	done
	echo "$count"
}
