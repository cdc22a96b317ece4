# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Helpers for tests/test-<topic>.sh: KTAP on stdout, loading and unloading,
# reading the views.  Source it first:
#
#	. "$(dirname "$0")/lib.sh"
#	ktap_begin 2
#	load_cmwq hooks=auto || ktap_bail "cmwq.ko does not load"
#	ktap_test "one worker per pool" check_workers
#	ktap_test "unloads" unload_cmwq
#	ktap_end
#
# Runs in busybox sh in the guest and in any POSIX shell with "local" on a real
# machine.  The exit status is 0 (passed), 1 (failed) or 4 (skipped).

CMWQ_VIEWS=/sys/kernel/debug/cmwq
export LC_ALL=C

ktap_planned=
ktap_number=0
ktap_passed=0
ktap_failed=0
ktap_skipped=0
loaded_tests=
cmwq_was_there=

# ktap_begin [PLAN] - without PLAN it is printed by ktap_end
ktap_begin()
{
	ktap_planned=${1-}
	echo "KTAP version 1"
	[ -z "$ktap_planned" ] || echo "1..$ktap_planned"
	! is_loaded cmwq || cmwq_was_there=1
	trap lib_cleanup EXIT
	trap 'exit 1' INT TERM HUP
	[ "$(id -u)" = 0 ] || ktap_skip_all "needs root"
}

diag()
{
	echo "# $*"
}

# Anything on stdin as diagnostics, so that it cannot be taken for a result.
diag_stdin()
{
	sed 's/^/# /'
}

ktap_pass()
{
	ktap_number=$((ktap_number + 1))
	ktap_passed=$((ktap_passed + 1))
	echo "ok $ktap_number $1"
}

# ktap_fail NAME [REASON...]
ktap_fail()
{
	local name="$1"

	shift
	ktap_number=$((ktap_number + 1))
	ktap_failed=$((ktap_failed + 1))
	[ $# = 0 ] || diag "$name: $*"
	echo "not ok $ktap_number $name"
}

# ktap_skip NAME REASON...
ktap_skip()
{
	local name="$1"

	shift
	ktap_number=$((ktap_number + 1))
	ktap_skipped=$((ktap_skipped + 1))
	echo "ok $ktap_number $name # SKIP $*"
}

# ktap_test NAME COMMAND... - one result: the status of COMMAND, whose output
# becomes diagnostics.  Status 4 is a skip.
ktap_test()
{
	local name="$1" status log

	shift
	log=$(mktemp)
	"$@" >"$log" 2>&1
	status=$?
	diag_stdin <"$log"
	case $status in
	0) ktap_pass "$name" ;;
	4) ktap_skip "$name" "$(tail -n 1 "$log")" ;;
	*) ktap_fail "$name" "status $status from $1" ;;
	esac
	rm -f "$log"
	return $status
}

# The results that a test module wrote, with numbers of our own: lines
# "ok NAME" and "not ok NAME" (KTAP numbers, if any, are dropped), the rest
# becomes diagnostics.  ktap_results FILE
ktap_results()
{
	local line

	while IFS= read -r line; do
		case "$line" in
		"ok "*"# SKIP"*)
			ktap_skip "$(lib_result_name "${line%%#*}")" \
				  "${line#*# SKIP}" ;;
		"ok "*) ktap_pass "$(lib_result_name "$line")" ;;
		"not ok "*) ktap_fail "$(lib_result_name "$line")" ;;
		*) diag "$line" ;;
		esac
	done <"$1"
}

lib_result_name()
{
	echo "$1" | sed -e 's/^not //' -e 's/^ok *//' \
		-e 's/^[0-9][0-9]* *//' -e 's/^- *//' -e 's/ *$//'
}

# Print the totals and leave.  A plan that was not kept is a failure.
ktap_end()
{
	if [ -z "$ktap_planned" ]; then
		echo "1..$ktap_number"
	elif [ "$ktap_planned" != "$ktap_number" ]; then
		diag "planned $ktap_planned results, got $ktap_number"
		ktap_failed=$((ktap_failed + 1))
	fi
	echo "# Totals: pass:$ktap_passed fail:$ktap_failed" \
	     "skip:$ktap_skipped"
	[ "$ktap_failed" = 0 ] || exit 1
	[ "$ktap_passed" != 0 ] || exit 4
	exit 0
}

ktap_skip_all()
{
	[ -n "$ktap_planned" ] || echo "1..0 # SKIP $*"
	diag "skipped: $*"
	exit 4
}

ktap_bail()
{
	echo "Bail out! $*"
	exit 1
}

# Where NAME.ko is: beside the script (guest) or in the build directory.
find_ko()
{
	local dir here

	here=$(dirname "$0")
	for dir in ${CMWQ_BUILD:+"$CMWQ_BUILD" "$CMWQ_BUILD/tests"} \
		   "$here" "$here/../build/$(uname -r)" \
		   "$here/../build/$(uname -r)/tests" \
		   "$here/../build/$(uname -r)/samples"; do
		if [ -f "$dir/$1.ko" ]; then
			echo "$dir/$1.ko"
			return 0
		fi
	done
	echo "no $1.ko; run make modules" >&2
	return 1
}

is_loaded()
{
	[ -d "/sys/module/$1" ] && [ -f "/sys/module/$1/refcnt" ]
}

# load_cmwq [PARAMETER=VALUE...]
load_cmwq()
{
	local ko

	ko=$(find_ko cmwq) || return 1
	insmod "$ko" "$@"
}

unload_cmwq()
{
	rmmod cmwq
}

# load_test NAME [PARAMETER=VALUE...] - NAME as in tests/modules, NAME.ko
load_test()
{
	local ko name="$1"

	shift
	ko=$(find_ko "$name") || return 1
	insmod "$ko" "$@" || return 1
	loaded_tests="$name $loaded_tests"
}

unload_test()
{
	rmmod "$1"
}

# Leave the machine as found even if the script stops half-way.
lib_cleanup()
{
	local status=$? name

	trap - EXIT
	for name in $loaded_tests; do
		! is_loaded "$name" || rmmod "$name"
	done
	[ -n "$cmwq_was_there" ] || ! is_loaded cmwq || rmmod cmwq || status=1
	exit $status
}

# cmwq_value FILE KEY - of the views with "key value" lines (stats, config)
cmwq_value()
{
	awk -v key="$2" '
		$1 == key { sub(/^[^ \t]+[ \t]+/, ""); print; found = 1 }
		END { exit !found }' "$CMWQ_VIEWS/$1"
}

# cmwq_table FILE COLUMN... - those columns of a table, found by name, one row
# per line; fails if a column does not exist.
cmwq_table()
{
	local file="$1"

	shift
	awk -v want="$*" '
		NR == 2 {
			for (i = 2; i <= NF; i++)
				at[$i] = i - 1
			n = split(want, name, " ")
			for (i = 1; i <= n; i++)
				if (!(name[i] in at)) {
					print "no column " name[i] > "/dev/stderr"
					exit 1
				}
			next
		}
		NR > 2 {
			row = ""
			for (i = 1; i <= n; i++)
				row = row (i > 1 ? " " : "") $at[name[i]]
			print row
		}' "$CMWQ_VIEWS/$file"
}

# wait_until SECONDS COMMAND... - poll until COMMAND succeeds
wait_until()
{
	local left=$(($1 * 5))

	shift
	while ! "$@" >/dev/null 2>&1; do
		[ $left -gt 0 ] || return 1
		left=$((left - 1))
		sleep 0.2
	done
}

# The kernel log from here on: mark=$(log_mark); ...; log_since "$mark"
log_mark()
{
	local mark

	mark="cmwq-mark-$$-$(cut -d' ' -f1 /proc/uptime)"
	echo "$mark" >/dev/kmsg
	echo "$mark"
}

log_since()
{
	dmesg | awk -v mark="$1" '
		found { print }
		index($0, mark) { found = 1 }
		END { exit !found }'
}

# A test that provokes a WARN on purpose says so, else the runner counts the
# console line as a failure: expect_warning COMMAND...  COMMAND must provoke
# one; its status is in $expect_status.  With expect_kind=planted all that the
# kernel says meanwhile is asked for, and lockdep may be off from then on.
expect_warning()
{
	local mark

	mark=$(log_mark)
	echo "vm-expect: begin${expect_kind:+ $expect_kind}" >/dev/kmsg
	"$@"
	# shellcheck disable=SC2034 # for the caller
	expect_status=$?
	echo "vm-expect: end" >/dev/kmsg
	log_since "$mark" | grep -q 'WARNING: '
}
