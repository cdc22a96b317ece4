#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Run the suites of suites.txt in virtual machines, two at a time, print KTAP
# and, last, "N passed, N failed".  A guest that is lost, a kernel that
# complains, a result that was planned but did not come: each is a failure.
#
# usage: run.sh [KERNEL...]	environment: SUITE=REGEX JOBS=N V=1 LOGS=DIR TABLE=1, and for
#		tests/drivers.sh and make test-all SUITES="FILE..." PAYLOAD=DIR MEM=MB,
#		for tests/coverage.sh GCOV=1, WITHOUT=FLAG of the CPU (default cx16)
#		(KERNEL: of vm/kernels.txt or vm/debug/kernels.txt, which says whose
#		rows it takes)
#        run.sh --judge STATUS EXPECT FILE	what a run of that result counts

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
logs=${LOGS:-$root/build/test}
jobs=${JOBS:-2}
start=$SECONDS
table=${SUITES:-suites.txt}
complaint='^not ok|^# .*: line [0-9]+|^# (run|vm)\.sh: |^vm\.sh: |Bail out|stuck'

[ $# -gt 0 ] || set -- 6.1 6.12
kernels=" $* "
child=

# payload KERNEL VARIANT: what the guest gets as /t
payload()
{
	local from=$root/build/$1 to=$root/build/$1/payload-$2 strip=strip

	[[ $1 != *-arm64 ]] || strip=aarch64-linux-gnu-strip
	rm -rf "$to"
	mkdir -p "$to"
	case $2 in
	busted) cp "$from/busted/cmwq.ko" "$to/" || return 1 ;;
	cover) cp "$from-cover/cmwq.ko" "$to/" || return 1 ;;
	*) cp "$from/cmwq.ko" "$to/" || return 1 ;;
	esac
	find "$from/tests" "$from/samples" -name '*.ko' \
		-exec cp -t "$to" {} + 2>/dev/null
	"$strip" --strip-debug "$to"/*.ko || return 1
	cp "$here"/*.sh "$to/"
	[ -z "${PAYLOAD-}" ] || cp -r "$from/$PAYLOAD/." "$to/"
}

# count FILE: "passed failed skipped", judging the plan as well
count()
{
	awk '
		function wrong(why) {
			print "# run.sh: " why >"/dev/stderr"
			failed++
		}
		{ sub(/\r$/, "") }
		/^1\.\.[0-9]+/ {
			if (planned++)
				wrong("two plans")
			plan = substr($1, 4) + 0
			next
		}
		/^(not )?ok [0-9]+/ {
			n++
			number = ($1 == "not" ? $3 : $2) + 0
			if (number != n)
				wrong("result " number " where " n " is due")
			if (/^ok/ && /# *SKIP/)
				skipped++
			else if (/^ok/)
				passed++
			else
				failed++
		}
		/^Bail out!/ { wrong($0) }
		END {
			if (!planned)
				wrong("no plan")
			else if (plan != n)
				wrong("planned " plan " results, got " n + 0)
			else if (n == 0)
				wrong("no results")
			print passed + 0, failed + 0, skipped + 0
		}' "$1" 2>>"$1.notes"
}

# judge STATUS EXPECT FILE: "passed failed skipped" of a run that ended with
# STATUS and printed FILE; FILE.notes says what is wrong.
judge()
{
	local status=$1 expect=$2 file=$3 passed failed skipped notes=$3.notes

	: >"$notes"
	read -r passed failed skipped <<<"$(count "$file")"
	case $status in
	0|1)
		if [ "$status" = 1 ] && [ "$failed" = 0 ]; then
			echo "# run.sh: status 1 without a failed test" >>"$notes"
			failed=1
		fi
		;;
	3|124) failed=$((failed + 1)) ;;	# vm.sh has said why
	4)
		echo "# run.sh: skipped, where everything should be there" \
			>>"$notes"
		failed=$((failed + 1))
		;;
	*)
		echo "# run.sh: status $status" >>"$notes"
		failed=$((failed + 1))
		;;
	esac

	case "$expect" in
	fail:*)
		if [ "$status" = 1 ] && grep -aq '^not ok ' "$file" &&
		   grep -aEq "${expect#fail:}" "$file"; then
			passed=1 failed=0
			echo "# run.sh: this build is broken on purpose, and" \
			     "it showed" >"$notes"
		else
			passed=0 failed=1
			echo "# run.sh: this build is broken on purpose, but" \
			     "'${expect#fail:}' did not show" >>"$notes"
		fi
		skipped=0
		;;
	hang:*)
		passed=0 failed=1 skipped=0
		if [ "$status" = 124 ] && grep -aEq "${expect#hang:}" \
		   "$(dirname "$file")/con"; then
			passed=1 failed=0
			echo "# run.sh: this run has to hang, and did" >"$notes"
		else
			echo "# run.sh: this run has to hang, with" \
			     "'${expect#hang:}' on the console" >>"$notes"
		fi
		;;
	esac
	echo "$passed $failed $skipped"
}

# run_suite DIR KERNEL PREEMPT SMP VARIANT EXPECT LIMIT SCRIPT [WORD...]
run_suite()
{
	local dir=$1 kernel=$2 preempt=$3 smp=$4 variant=$5 expect=$6 limit=$7
	local script=$8 env=() word begun=$SECONDS without=${WITHOUT-cx16} slow

	shift 8
	if [ "$variant" = host ]; then
		env "$@" timeout "$limit" "$here/$script" "$kernel" \
			>"$dir/out" 2>&1 &
		ln -s out "$dir/log"
	else
		for word; do
			case "$word" in
			+*) env+=(--append "${word#+}") ;;
			*) env+=(--env "$word") ;;
			esac
		done
		slow=$(slower "$kernel")
		[ -z "$slow" ] || env+=(--env "SLOWER=$slow")
		[ -z "${MEM-}" ] || env+=(--mem "$MEM")
		[ -z "${GCOV-}" ] || env+=(--gcov)
		# The emulator of Debian 12 now and then loses the flags, seen right
		# after this instruction, which the slab allocator uses: memory is
		# corrupted then, in any run.
		[[ -z $without || $kernel == *-arm64 ]] ||
			env+=(--without "$without")
		[ "$preempt" = - ] || env+=(--append "preempt=$preempt")
		"$here/vm/vm.sh" run --kernel "$kernel" --smp "$smp" \
			--timeout "$limit" \
			--payload "$root/build/$kernel/payload-$variant" \
			--out "$dir" "${env[@]}" -- "sh ./$script" \
			>"$dir/log" 2>&1 &
	fi
	child=$!
	trap 'kill "$child" 2>/dev/null' TERM
	wait "$child"
	echo "$(judge $? "$expect" "$dir/out") $((SECONDS - begun))" \
		>"$dir/result"
}

# One suite's result in the outer KTAP, its own KTAP indented below it.
report()
{
	local number=$1 name=$2 dir=$3 passed failed skipped seconds

	read -r passed failed skipped seconds <"$dir/result" ||
		{ passed=0 failed=1 skipped=0 seconds=0; }
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + skipped))
	echo "    # Subtest: $name"
	{
		[ "${V:-0}" = 1 ] || cat "$dir/log"
		cat "$dir/out.notes"
	} 2>/dev/null | tr -d '\r' | sed 's/^/    /'
	echo "# $name: pass:$passed fail:$failed skip:$skipped," \
	     "$seconds s, logs in ${dir#"$root/"}"
	if [ "$failed" = 0 ]; then
		echo "ok $number $name"
	else
		echo "not ok $number $name"
		failures+=("$name")
	fi
}

# Once more, below everything that passed: what failed, and its first words.
recall()
{
	local name

	for name in "${failures[@]}"; do
		echo "# failed: $name"
		cat "$logs/$name/"{out,out.notes,log} 2>/dev/null | tr -d '\r' |
			COMPLAINT=$complaint awk '
				{ indented = kernel && /^#   /; kernel = indented }
				# The next ones are what it says.
				/vm.sh: the kernel complains:/ { kernel = 1 }
				(indented || $0 ~ ENVIRON["COMPLAINT"]) && !seen[$0]++
			' | head -n 30 | sed 's/^[# ]*/# failed:   /'
	done
}

reap()
{
	local pid done_pid

	wait -n -p done_pid "${!running[@]}"
	pid=$done_pid
	reported=$((reported + 1))
	report "$reported" "${names[$pid]}" "${running[$pid]}"
	unset "running[$pid]"
}

stop()
{
	local pid

	trap - EXIT INT TERM
	for pid in "${!running[@]}"; do
		kill "$pid" 2>/dev/null
	done
	exit 130
}

if [ "$1" = --judge ]; then
	judge "$2" "$3" "$4"
	exit
fi

for kernel in $kernels; do
	if ! { "$root/tools/build.sh" "$kernel" &&
	       payload "$kernel" normal && payload "$kernel" busted; }; then
		echo "run.sh: cannot build for $kernel"
		echo "0 passed, 1 failed"
		exit 1
	fi
done

# cover KERNEL: build the variant that few rows want
cover()
{
	OUT=$root/build/$1-cover "$root/tools/build.sh" --module "$1" \
		CMWQ_COVER=1 && payload "$1" cover
}

# slower KERNEL: what its limits are multiplied by, if there is anything
slower()
{
	awk -v k="$1" '$1 == k { print $4 }' "$here/vm/debug/kernels.txt"
}

# rows KERNEL: its rows of the tables, in the preemption models that it has
rows()
{
	local like models slow

	read -r like models < <(awk -v k="$1" '$1 == k { print $5, $6 }' \
		"$here/vm/kernels.txt" "$here/vm/debug/kernels.txt")
	[ -n "${models-}" ] || { like=$1 models=any; }
	slow=$(slower "$1")
	# shellcheck disable=SC2086 # several files
	(cd "$here" && cat $table) | awk -v k="$1" -v like="$like" \
		-v models="$models" -v slower="${slow:-1}" '
		($1 != like && $1 != k && $1 != "=" k) || /^#/ { next }
		$4 == "host" && k != like { next }	# this machine is one
		{
			n = split(models, m, ",")
			found = models == "any" || $2 == "-"
			for (i = 1; i <= n; i++)
				found = found || m[i] == $2
			$1 = k
			if (!found)
				$2 = m[1]
			$6 *= slower
			if (!seen[$0]++)
				print
		}'
}

# Read the table first, so that a mistake in it stops the run at once.
suites=()
while read -r kernel preempt smp variant expect limit script env; do
	name=${script##*/}
	name=${name%.sh}
	if [ "$variant" = host ]; then
		name="$kernel-host-$name"
	elif [ "$preempt" = - ]; then
		name="$kernel-smp$smp-$variant-${name#test-}"
	else
		name="$kernel-$preempt-smp$smp-$variant-${name#test-}"
	fi
	[ -z "$env" ] || name="$name-$env"
	name=${name//[ \/]/-}
	[[ $name =~ ${SUITE:-.} ]] || continue
	if [ ! -f "$here/$script" ]; then
		echo "run.sh: $table: no tests/$script" >&2
		echo "0 passed, 1 failed"
		exit 1
	fi
	if [[ $variant = cover && " ${covered-} " != *" $kernel "* ]]; then
		covered="${covered-} $kernel"
		if ! cover "$kernel" >&2; then
			echo "run.sh: cannot build for $kernel" >&2
			echo "0 passed, 1 failed"
			exit 1
		fi
	fi
	suites+=("$name $kernel $preempt $smp $variant $expect $limit $script $env")
done < <(for kernel in $kernels; do rows "$kernel"; done)
[ ${#suites[@]} -gt 0 ] || { echo "run.sh: no such suite" >&2; exit 1; }

rm -rf "$logs"
echo "KTAP version 1"
echo "1..${#suites[@]}"
declare -A running=() names=()
total_passed=0 total_failed=0 total_skipped=0 reported=0 failures=()
trap stop INT TERM
for suite in "${suites[@]}"; do
	while [ ${#running[@]} -ge "$jobs" ]; do
		reap
	done
	read -r name rest <<<"$suite"
	dir=$logs/$name
	mkdir -p "$dir"
	echo "# running $name"
	read -r kernel _ _ _ _ _ script _ <<<"$rest"
	script=${script##*/}
	script=${script#test-}
	echo "$kernel ${script%.sh}" >"$dir/suite"
	# shellcheck disable=SC2086 # a row of words
	run_suite "$dir" $rest &
	running[$!]=$dir
	names[$!]=$name
	if [ "${V:-0}" = 1 ]; then
		tail -n +1 -s 0.5 -f --pid=$! "$dir/log" 2>/dev/null |
			sed -u "s/^/    $name| /" &
	fi
done
while [ ${#running[@]} -gt 0 ]; do
	reap
done
if [ "$reported" != ${#suites[@]} ]; then
	echo "# run.sh: $reported suites of ${#suites[@]} reported"
	total_failed=$((total_failed + 1))
fi
[ -z "${TABLE-}" ] || "$here/table.sh" "$logs"
again=$(grep -ls '^# vm.sh: .*; once more$' "$logs"/*/log | wc -l)
[ "$again" = 0 ] || echo "# $again guests were started again after the emulator" \
	"lost their flags"
# Now and then is the emulator's fault, often is not.
if [ "$again" -gt $((2 + ${#suites[@]} / 20)) ]; then
	echo "# run.sh: that is too many"
	total_failed=$((total_failed + 1))
fi
recall
echo "# ${#suites[@]} suites in $((SECONDS - start)) s," \
     "$total_skipped skipped"
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" = 0 ]
