#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Static checks, one KTAP result each; any warning fails.  The last line is
# "N passed, N failed".  usage: check.sh [KERNEL...]

set -u

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
[ $# -gt 0 ] || set -- 6.1 6.12
log=$(mktemp)
trap 'rm -f "$log"' EXIT
number=0 passed=0 failed=0

# result NAME STATUS: what $log holds is the reason
result()
{
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $number $1"
	else
		failed=$((failed + 1))
		sed 's/^/# /' "$log"
		echo "not ok $number $1"
	fi
}

# The repository's files, new ones included; from a tarball, what is there.
files()
{
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files --cached --others --exclude-standard
	else
		find . -path ./build -prune -o -type f -print | sed 's|^\./||'
	fi | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

c_files()
{
	files | grep -E '\.[ch]$'
}

sh_files()
{
	files | while read -r file; do
		case "$file" in
		*.sh) echo "$file" ;;
		*)
			head -n 1 "$file" | grep -Eq '^#!.*(sh|bash)( |$)' &&
				echo "$file"
			;;
		esac
	done
}

# Drop from stdin what checks/allow.txt allows: "TYPE PATH-REGEX why" lines.
not_allowed()
{
	awk '
		NR == FNR {
			if (!/^#/ && NF)
				{ type[++n] = ":" $1 ":"; path[n] = $2 }
			next
		}
		{
			file = $1
			sub(/:.*/, "", file)
			for (i = 1; i <= n; i++)
				if (index($0, type[i]) && file ~ path[i])
					next
			print
		}' checks/allow.txt -
}

check_checkpatch()
{
	local script=build/tools/checkpatch/checkpatch.pl

	[ -f "$script" ] || { echo "no $script"; return 1; }
	c_files | xargs perl "$script" --no-tree --strict --terse \
		--show-types --no-summary -f 2>&1 |
		grep -v '^Use of uninitialized value' | not_allowed |
		grep . && return 1
	return 0
}

# All that the script of 6.1 has to say (-v).  What it does not take for kernel-
# doc it passes over in silence: one-liners, and functions that have none.
check_kernel-doc()
{
	local script=build/tools/checkpatch/kernel-doc out bad=0

	[ -f "$script" ] || { echo "no $script"; return 1; }
	out=$(perl "$script" -none -v include/cmwq.h ./*.c observe/*.c 2>&1)
	grep -v ' info: Scanning doc for ' <<<"$out" | grep . && bad=1
	grep -HnE '^/\*\*.*\*/' include/cmwq.h && bad=1
	# The queues are variables, as what only the fuzzer's build exports.
	sed -n 's/^EXPORT_SYMBOL_GPL(\(.*\));$/\1/p' ./*.c observe/*.c |
		grep -vE '^cmwq_(system_.*wq|cover_map)$' | while read -r name; do
			grep -q "^include/cmwq.h:.* function $name\$" <<<"$out" ||
				echo "$name: exported without kernel-doc"
		done | grep . && bad=1
	return $bad
}

check_shellcheck()
{
	sh_files | xargs shellcheck
}

check_spdx()
{
	local file bad=0

	for file in $(files | grep -E '\.([chS]|sh|awk)$|Makefile$|Kbuild$'); do
		head -n 2 "$file" |
			grep -q 'SPDX-License-Identifier: GPL-2.0-only' ||
			{ echo "$file: no SPDX line"; bad=1; }
	done
	return $bad
}

check_whitespace()
{
	files | grep -vE '^(LICENSE|.*\.(png|svg|patch)|tests/vm/badness.txt)$' |
		xargs grep -nE '[ 	]+$' && return 1
	return 0
}

check_version()
{
	checks/version.sh
}

check_version-control()
{
	checks/version.sh --control
}

# docs/api.md: rows with a test name what is declared, and tests that exist.
check_api-table()
{
	local stock name test file bad=0 rows=0

	while IFS='|' read -r _ stock name _ test _; do
		test=$(sed 's/^ *//; s/ *$//' <<<"$test")
		case $test in
		-|test|---|'') continue ;;
		esac
		rows=$((rows + 1))
		file=${test%%:*}
		case $test in
		*.c:*) grep -q "CASE(${test#*: })" "tests/modules/$file" ;;
		*.sh:*) grep -qF "ktap_test \"${test#*: }\"" "tests/$file" ;;
		*.sh) [ -f "tests/$file" ] ;;
		*) false ;;
		esac || { echo "docs/api.md:$stock: no test \"$test\""; bad=1; }
		while read -r name; do
			grep -qE "(^|[^A-Za-z0-9_])$name([^A-Za-z0-9_]|$)" \
				include/cmwq.h ||
				{ echo "docs/api.md: $name is not in cmwq.h"
				  bad=1; }
		done < <(grep -oiE '\<cmwq_[a-z0-9_]+' <<<"$name")
	done < <(grep '^|' docs/api.md)
	[ $rows -gt 100 ] || { echo "docs/api.md: $rows rows"; bad=1; }
	# And the other way round: nothing exported that is not in it.
	sed -n 's/^EXPORT_SYMBOL_GPL(\(cmwq_.*\));$/\1/p' ./*.c observe/*.c |
		grep -vE '(_key|_cover_map)$' | while read -r name; do
			grep -q "\`$name\`" docs/api.md ||
				echo "docs/api.md: $name is missing"
		done | grep . && bad=1
	return $bad
}

# Build apart with W=1 and sparse; keep what is said about our own files.
# Diagnostics about the kernel's headers are the kernel's.
check_build()
{
	local kernel=$1 out=$root/build/check/$1

	rm -rf "$out"
	shift
	OUT=$out tools/build.sh "$kernel" "$@" >"$out.log" 2>&1 ||
		{ cat "$out.log"; return 1; }
	tr '\0' '\n' <"$out/cmwq.ko" | grep -qx "version=$(cat VERSION)" ||
		{ echo "cmwq.ko is not at $(cat VERSION)"; return 1; }
	find "$out" -name build.log -exec cat {} + |
		grep -E '(warning|error|WARNING|ERROR):' |
		grep -vE '^(\./|/[^:]*/linux-headers-|include/)' |
		sed "s|$out/||g" | grep -v '^busted/' | sort -u |
		not_allowed | grep . && return 1
	return 0
}

# include/compat/imports.list: names that are imported, and none is left out that
# is for GPL modules alone, but for what any module gets by the kernel's macros.
check_imports()
{
	local list=include/compat/imports.list bad=0 imports kernel names
	local macros='trace|rcu_read_|percpu|pcpu_|preempt_notifier|_creds$'

	macros+='|cpu_bit_bitmap|put_task_struct|get_device|llist_add|get_llc_id'
	imports=$(for kernel; do
		nm -u "build/check/$kernel/cmwq.ko" | awk '{ print $2 }'
	done | sort -u)
	while read -r names; do
		grep -qwE "${names// /|}" <<<"$imports" ||
			{ echo "$list: $names: not imported"; bad=1; }
	done < <(grep -v '^#' "$list")
	for kernel; do
		awk -v macros="$macros" '
			FILENAME == "-" { mine[$1]; next }
			FILENAME ~ /imports/ {
				for (i = 1; i <= NF; i++)
					delete mine[$i]
				next
			}
			$2 in mine && $4 == "EXPORT_SYMBOL_GPL" &&
			    $2 !~ macros { print $2 }
			' - "$list" "build/kernels/$kernel/kdir/Module.symvers" \
			<<<"$imports"
	done | sort -u | sed "s|^|$list: without |" | grep . && bad=1
	return $bad
}

mkdir -p build/check
echo "KTAP version 1"
echo "1..$((9 + 2 * $#))"
for check in checkpatch kernel-doc shellcheck spdx whitespace version \
	     version-control api-table; do
	"check_$check" >"$log" 2>&1
	result "$check" $?
done
for kernel; do
	check_build "$kernel" W=1 >"$log" 2>&1
	result "gcc W=1, $kernel" $?
	check_build "$kernel" C=2 >"$log" 2>&1
	result "sparse, $kernel" $?
done
check_imports "$@" >"$log" 2>&1
result imports $?
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
