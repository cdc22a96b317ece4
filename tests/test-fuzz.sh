#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Random calls of the API against a model (modules/cmwq_test_fuzz.c), the same on
# the kernel's own workqueue, and random writes to every file that can be
# written, while every file is read.
#
# Environment:
#   PART	words of: calls stock busted files (default: all), spaces or commas
#		between them
#   SEQUENCES, SEED, OPS, LANES	of the calls: how many, from which number on, how
#		long, how many at a time
#   WRITES	how many random writes (default 300)
#   GUIDED	1: make half of the sequences of earlier ones that took new ways (needs the
#		build of cmwq.ko that notes them)
#   REPLAY	the one sequence that a failure has printed so
#   CMWQ_PARAMS	more for cmwq.ko
#   FUZZ_BUSTED	1..3: be wrong on purpose, and fail

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/lib-load.sh
. "$(dirname "$0")/lib-load.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

sequences=${SEQUENCES:-200}
seed=${SEED:-1}
ops=${OPS:-60}
writes=${WRITES:-300}
test=cmwq_test_fuzz
bus=/sys/bus/cmwq/devices
root=/sys/devices/virtual/cmwq
parameters=/sys/module/cmwq/parameters

part()
{
	case ",$(echo "${PART:-calls stock busted files}" | tr ' ' ,)," in
	*",$1,"*) return 0 ;;
	esac
	return 1
}

# fuzz MODULE PARAMETER...: results in /tmp/fuzz
fuzz()
{
	local module="$1" status

	shift
	load_test "$module" "seed=$seed" "ops=$ops" "lanes=${LANES:-4}" "$@" ||
		return 1
	engine_wait "$module" 240	# one call alone may take a minute
	status=$?
	cat "/sys/kernel/debug/$module/results" >/tmp/fuzz
	cat "/sys/kernel/debug/$module/state"
	[ "$status" = 0 ]
}

# What was lost holds everything else up.
give_up()
{
	loaded_tests=
	show_state | diag_stdin
	ktap_bail "$1: lost items, or stuck"
}

unload_fuzz()
{
	unload_bounded "$1" || give_up "$1"
}

calls()
{
	fuzz "$test" "sequences=$sequences" "busted=${FUZZ_BUSTED:-0}" \
		"guided=${GUIDED:-0}" ${REPLAY:+"replay=$REPLAY"}
	sed 's/^# //' /tmp/fuzz
	grep -qx 'ok fuzz' /tmp/fuzz
}

digests()
{
	sed -n 's/^# \(digest .*\)/\1/p; s/^# \(.* sequences\),.*/\1/p' /tmp/fuzz >"$1"
	sed 's/^# //' /tmp/fuzz
	[ -s "$1" ] && grep -qx 'ok fuzz' /tmp/fuzz
}

# legally ENGINE MODULE: what both can do
legally()
{
	local release engine="$1"

	shift
	# What the kernel cannot do, cmwq is not asked for either.
	release=$(uname -r | awk -F'[.-]' '{ print $1 * 1000 + $2 }')
	set -- "$@" "sequences=$sequences" legal=1
	[ "$release" -ge 6010 ] || set -- "$@" disable=0
	[ "$release" -ge 6009 ] || set -- "$@" bh=0
	fuzz "$@"
	digests "/tmp/digest.$engine"
}

same_digests()
{
	paste /tmp/digest.cmwq /tmp/digest.stock
	cmp /tmp/digest.cmwq /tmp/digest.stock
}

# found_out NUMBER OPERATIONS: it fails, and shrinks to no more than that
found_out()
{
	local n

	fuzz "$test" "sequences=50" "busted=$1" wait_ms=4000
	sed 's/^# //' /tmp/fuzz
	grep -qx 'not ok fuzz' /tmp/fuzz || return 1
	n=$(sed -n '/^# shrunk in/,$p' /tmp/fuzz | grep -c '^#   [0-9]*\. ')
	echo "$n operations are left"
	[ "$n" -ge 1 ] && [ "$n" -le "$2" ]
}

# What found_out() printed last is wrong again, for busted=NUMBER alone.
wrong_again()
{
	local sequence

	sequence=$(sed -n 's/^# again with REPLAY=//p' /tmp/fuzz)
	echo "$sequence"
	[ -n "$sequence" ] || return 1
	fuzz "$test" "replay=$sequence" "busted=$1" wait_ms=4000
	sed 's/^# //' /tmp/fuzz
	grep -qx 'not ok fuzz' /tmp/fuzz || return 1
	unload_fuzz "$test"
	fuzz "$test" "replay=$sequence"
	sed 's/^# //' /tmp/fuzz
	grep -qx 'ok fuzz' /tmp/fuzz
}

# Files

# What root may write, and what can be read at all.
writable()
{
	find "$parameters" "$root" "$CMWQ_VIEWS" -type f -perm -200 | sort
}

readable()
{
	find "$parameters" "$root" "$CMWQ_VIEWS" -type f -perm -400 | sort
}

# Lines "number of a file, value with printf's escapes", from the seed.
values()
{
	awk -v n="$1" -v files="$2" -v seed="$seed" '
		function any(k) { return int(rand() * k) }
		function bytes(k,   s) {
			while (k--)
				s = s sprintf("\\%03o", any(256))
			return s
		}
		function times(s, k,   t) {
			while (k--)
				t = t s
			return t
		}
		BEGIN {
			srand(seed)
			words = split("0 1 -1 2 3 5 -20 19 20 2048 2049 4096 " \
				"65535 65536 4294967295 4294967296 -2147483648 " \
				"18446744073709551615 18446744073709551616 0x7 " \
				"1e9 ff 1,00000001 0-1 1-0 0-99999 , - y N on " \
				"normal fifo rr fifo_1 cpu smt cache numa system " \
				"cache_shard default auto none tracepoint", word)
			for (i = 0; i < n; i++) {
				f = any(files) + 1
				r = any(8)
				if (r < 4)
					v = word[any(words) + 1]
				else if (r == 4)
					v = bytes(1 + any(40))
				else if (r == 5)
					v = times(any(10), any(2) ? 5000 : 70)
				else if (r == 6)
					v = times(word[any(words) + 1], 2 + any(9))
				else
					v = any(2) ? "\\n" : any(100000) - 50000
				if (any(2))
					v = v "\\n"
				gsub("_", " ", v)
				print f " " v
			}
		}'
}

write_one()
{
	# shellcheck disable=SC2059 # with its escapes
	printf "$2" >/tmp/value
	timeout 60 dd if=/tmp/value of="$1" bs=64k 2>/dev/null
	[ $? -lt 124 ] || { echo "$1: the write hangs"; return 1; }
}

# Whatever was written, what is read makes sense.
reads_well()
{
	timeout 60 cat "$1" >/tmp/shown 2>/dev/null || return 0
	tr -d '\n\t -~' </tmp/shown >/tmp/odd
	[ -s /tmp/odd ] || [ "$(wc -l </tmp/shown)" -gt 1 ] || return 0
	echo "$1 shows:"
	head -c 200 /tmp/shown
	return 1
}

read_all_for_ever()
{
	while :; do
		readable | while IFS= read -r file; do
			cat "$file"
		done
	done >/dev/null 2>&1
}

more_rounds()
{
	[ "$(parameter "$client" rounds)" -gt "$1" ]
}

save()
{
	local file

	while IFS= read -r file; do
		printf '%s\t%s\n' "$file" "$(cat "$file" 2>/dev/null)"
	done </tmp/writable >/tmp/saved
}

restore()
{
	local file value

	while IFS='	' read -r file value; do
		[ -z "$value" ] || echo "${value%% (*}" >"$file" || true
	done </tmp/saved 2>/dev/null
}

random_writes()
{
	local number value file bad=0 reader n=0 rounds

	load_test cmwq_test_sysfs && load_test "$client" busy=4 churn=1 \
		sleepers=20 sleep_ms=50 || return 1
	# Those of the queues that stay.
	writable | grep -vE '/(client|churn)[^/]*/' >/tmp/writable
	echo "$(wc -l </tmp/writable) files that can be written"
	[ "$(wc -l </tmp/writable)" -ge 20 ] || return 1
	save
	values "$writes" "$(wc -l </tmp/writable)" >/tmp/values
	read_all_for_ever &
	reader=$!
	while read -r number value; do
		file=$(sed -n "${number}p" /tmp/writable)
		if ! write_one "$file" "$value" || ! reads_well "$file"; then
			echo "after '$value'"
			bad=1
		fi
		n=$((n + 1))
		case "$file" in
		*create*|*mayday) restore ;;	# no worker is made, or late
		esac
		[ $((n % 20)) != 0 ] || restore
	done </tmp/values
	restore
	kill "$reader"
	wait "$reader" 2>/dev/null
	rounds=$(parameter "$client" rounds)
	wait_until 120 more_rounds $((rounds + 20)) ||
		{ echo "the load does not go on"; show_state; bad=1; }
	echo "$n writes"
	[ "$n" = "$writes" ] || bad=1
	return "$bad"
}

# nobody: may write nothing, and see nothing of the views.
unprivileged()
{
	local what

	[ -e /etc/passwd ] || {
		mkdir -p /etc
		printf 'root::0:0::/:/bin/sh\nnobody::65534:65534::/:/bin/sh\n' \
			>/etc/passwd
	}
	[ "$(su nobody -s /bin/sh -c 'id -u')" = 65534 ] ||
		{ echo "needs su and a user nobody"; return 4; }
	cat >/tmp/unprivileged <<-'END'
		while IFS= read -r file; do
			true 2>/dev/null >>"$file" && echo "writes $file"
			case "$file" in
			/sys/kernel/debug/*)
				cat "$file" >/dev/null 2>&1 &&
					echo "reads $file" ;;
			esac
		done </tmp/all 2>/dev/null
		ls /sys/kernel/debug/cmwq >/dev/null 2>&1 && echo "lists the views"
		echo "end of it"
	END
	find "$parameters" "$root" "$bus" "$CMWQ_VIEWS" -type f >/tmp/all
	# Where root can, of course.
	grep -q "^$CMWQ_VIEWS/" /tmp/all && [ "$(wc -l </tmp/all)" -ge 40 ] ||
		return 1
	chmod 644 /tmp/all /tmp/unprivileged
	# The same as root: it sees what can be done.
	sh /tmp/unprivileged >/tmp/could
	for what in "writes $root" "writes $parameters" "reads $CMWQ_VIEWS" \
		    "lists the views"; do
		grep -q "^$what" /tmp/could || { echo "root: no $what"; return 1; }
	done
	su nobody -s /bin/sh -c 'sh /tmp/unprivileged' >/tmp/could
	cat /tmp/could
	[ "$(cat /tmp/could)" = "end of it" ]
}

# Of a long run the log does not keep all: whoever has the console reads that.
kernel_is_quiet()
{
	log_since "$1" >/dev/null || { echo "the log is too long"; return 4; }
	# That function is called as the filter of complaints does not like it.
	no_complaints "$1" >/tmp/complaints
	! grep -v 'cmwq: cmwq_work_busy, called from ' /tmp/complaints
}

ktap_begin
mark=$(log_mark)
diag "sequences $seed.. $sequences of $ops operations"
engine_begin

if part calls; then
	ktap_test "calls return what the model says" calls
	unload_fuzz "$test"
fi
if part stock; then
	ktap_test "legal calls return what the model says" legally cmwq "$test"
	unload_fuzz "$test"
	ktap_test "those of the kernel's own, too" legally stock "${test}_stock"
	unload_fuzz "${test}_stock"
	ktap_test "and both the same" same_digests
fi
if part busted; then
	ktap_test "a wrong model is found out" found_out 1 3
	unload_fuzz "$test"
	ktap_test "a cancel that does nothing is found out" found_out 2 6
	unload_fuzz "$test"
	ktap_test "by the operations that it printed, too" wrong_again 2
	unload_fuzz "$test"
fi
if part files; then
	ktap_test "random writes while all is read" random_writes
	ktap_test "nobody else can write, nor read the views" unprivileged
	unload_fuzz "$client"
	unload_fuzz cmwq_test_sysfs
fi
ktap_test "the kernel does not complain" \
	kernel_is_quiet "$mark"
ktap_test "all is at rest" eventually 30 pools_at_rest
engine_end
ktap_end
