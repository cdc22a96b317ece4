#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Which lines of cmwq do the suites run?  Runs the rows of suites.txt that exercise it
# on the first kernel, and those of suites-coverage.txt, with a module that counts;
# adds up what the guests bring back; prints a line per file and, last, the verdict.
# build/coverage/html has the report, build/coverage/untested.txt what was not run.
#
# A guest whose counts are lost is a failure, as is less than FLOOR percent of all lines.
#
# usage: coverage.sh [KERNEL...]	names ending in -gcov of vm/debug/kernels.txt, by
#		default 6.12-gcov and 6.12-kasan-gcov
#		environment: FLOOR=PERCENT (default 90) SUITE=REGEX JOBS=N V=1 as for
#		run.sh; KEEP=1: add to what earlier runs of the same sources counted
#        coverage.sh --check	does it notice what is lost?  Needs no guest.

set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
floor=${FLOOR:-90}
dir=$root/build/coverage
failed=0

say()
{
	echo "# coverage.sh: $*"
}

die()
{
	say "$*" >&2
	exit 1
}

# The rows to run on the kernels.  Of a run on the kernel's own workqueue, of one that
# hangs and of the broken build the counts would say nothing, or not come.
rows()
{
	local kernel like first=1

	for kernel; do
		like=$(awk -v k="$kernel" '$1 == k { print $5 }' \
			"$here/vm/debug/kernels.txt")
		[[ -n $like && $kernel == *-gcov ]] ||
			die "$kernel: no name that ends in -gcov of" \
			    "tests/vm/debug/kernels.txt"
		[ $first = 0 ] ||
			awk -v k="$kernel" -v like="$like" '
				$1 == like && $4 == "normal" && $5 !~ /^hang:/ &&
				!/ENGINE=stock/ { $1 = k; print }' \
				"$here/suites.txt"
		first=0
		awk -v k="$kernel" '$1 == k' "$here/suites-coverage.txt"
	done
}

# counted OBJECTS: the names of what was built to count, or has counted: .gcno, .gcda
counted()
{
	(cd "$1" && find . -name "*.$2" ! -path './busted/*' ! -path './payload*') |
		sed "s/\.$2\$//" | sort
}

# collect RUN OBJECTS INFO NAME: what the guest of the directory RUN counted in the
# objects of the directory OBJECTS; INFO tells it per line of the sources at root
collect()
{
	local run=$1 objects=$2 info=$3 name=$4 tmp lost

	tmp=$dir/tmp
	rm -rf "$tmp"
	mkdir -p "$tmp/all" "$tmp/data"
	if ! tar -xzf "$run/gcov.tar.gz" -C "$tmp/all" 2>/dev/null; then
		say "$name: no data came from the guest"
		return 1
	fi
	[ ! -d "$tmp/all$objects" ] || cp -r "$tmp/all$objects/." "$tmp/data/"
	lost=$(comm -23 <(counted "$objects" gcno) <(counted "$tmp/data" gcda))
	if [ -n "$lost" ]; then
		say "$name: no data came from the guest of" \
		    "$(tr '\n' ' ' <<<"$lost")"
		return 1
	fi
	(cd "$objects" && counted . gcno | sed 's/$/.gcno/' |
		xargs cp --parents -t "$tmp/data") || return 1
	if ! lcov --quiet --capture --directory "$tmp/data" \
	     --output-file "$tmp/raw.info" >"$tmp/log" 2>&1; then
		say "$name: lcov says:"
		sed 's/^/#   /' "$tmp/log"
		return 1
	fi
	# The kernel's headers are not ours, and what was compiled are copies.
	awk -v from="SF:$objects/" -v to="SF:$root/" '
		/^TN:/ { next }
		/^SF:/ {
			ours = index($0, from) == 1
			if (ours) {
				print "TN:"
				print to substr($0, length(from) + 1)
			}
			next
		}
		ours' "$tmp/raw.info" >"$info.new"
	if ! grep -q '^DA:' "$info.new"; then
		say "$name: no lines of ours in its data"
		return 1
	fi
	mv "$info.new" "$info"
}

# summary INFO: a line per file, the total last; hit and found lines on fd 3
summary()
{
	awk -v root="SF:$root/" '
		function line(hit, found, what) {
			return sprintf("%5d of %5d lines  %5.1f %%  %s", hit,
				found, found ? 100 * hit / found : 0, what)
		}
		/^SF:/ { file = substr($0, length(root) + 1) }
		/^DA:/ {
			split(substr($0, 4), part, ",")
			found[file]++
			hit[file] += part[2] > 0
		}
		END {
			for (file in found) {
				print line(hit[file], found[file], file) | "sort -k 7"
				hits += hit[file]
				all += found[file]
			}
			close("sort -k 7")
			print line(hits, all, "all")
			print hits + 0, all + 0 >"/dev/fd/3"
		}' "$1"
}

# untested INFO: "file function: line line-line ..." of the lines that were not run
untested()
{
	awk -v root="SF:$root/" '
		function flush_range() {
			if (from)
				lines = lines " " from (to > from ? "-" to : "")
			from = 0
		}
		function flush_function() {
			flush_range()
			if (lines)
				print file " " name ":" lines
			lines = ""
		}
		/^SF:/ { file = substr($0, length(root) + 1); n = 0 }
		/^FN:/ {
			split(substr($0, 4), part, ",")
			start[++n] = part[1] + 0
			called[n] = part[2]
		}
		/^DA:/ {
			split(substr($0, 4), part, ",")
			at = 0
			for (i = 1; i <= n; i++)
				if (start[i] <= part[1] && (!at ||
				    start[i] > start[at]))
					at = i
			now = at ? called[at] : "-"
			if (now != name)
				flush_function()
			name = now
			if (part[2] > 0) {
				flush_range()
				next
			}
			if (!from)
				from = part[1]
			to = part[1]
		}
		/^end_of_record/ { flush_function(); name = "" }' "$1"
}

# verdict INFO: print the summary; status 1 below the floor
verdict()
{
	local hit all

	summary "$1" 3>"$dir/total"
	read -r hit all <"$dir/total"
	untested "$1" >"$dir/untested.txt"
	awk -v explained="$root/docs/coverage.md" '
		FILENAME == explained {
			while (match($0, /`[a-z_0-9]+\(\)`/)) {
				known[substr($0, RSTART + 1, RLENGTH - 4)] = 1
				$0 = substr($0, RSTART + RLENGTH)
			}
			next
		}
		{ name = substr($2, 1, length($2) - 1) }
		!(name in known) { print }' \
		"$root/docs/coverage.md" "$dir/untested.txt" >"$dir/unexplained.txt"
	say "functions with untested lines: $(wc -l <"$dir/untested.txt")," \
	    "of which docs/coverage.md does not explain" \
	    "$(wc -l <"$dir/unexplained.txt") (build/coverage/unexplained.txt)"
	if [ "$all" = 0 ] || [ $((hit * 100)) -lt $((floor * all)) ]; then
		say "less than $floor % of lines"
		return 1
	fi
}

# Data that is missing, wholly or in part, and lines that are: on a small program.
check()
{
	local sub bad=0

	dir=$root/build/coverage-check
	root=$dir/root
	rm -rf "$dir"
	mkdir -p "$root/docs" "$dir/objects/sub" "$dir/whole" "$dir/part" "$dir/none"
	: >"$root/docs/coverage.md"
	cat >"$dir/objects/one.c" <<-'SOURCE'
		int two(int a);
		int main(int argc, char **argv)
		{
			if (argc > 1)
				return two(argc);
			return 0;
		}
	SOURCE
	cat >"$dir/objects/sub/two.c" <<-'SOURCE'
		int two(int a);
		int two(int a)
		{
			return a - 2;
		}
	SOURCE
	cp -r "$dir/objects/." "$root/"
	for sub in one sub/two; do
		gcc --coverage -c "$dir/objects/$sub.c" -o "$dir/objects/$sub.o" ||
			exit 1
	done
	gcc --coverage "$dir/objects/one.o" "$dir/objects/sub/two.o" \
		-o "$dir/program" && "$dir/program" || exit 1
	tar -C / -czf "$dir/whole/gcov.tar.gz" \
		"${dir#/}"/objects/{one,sub/two}.gcda || exit 1
	tar -C / -czf "$dir/part/gcov.tar.gz" "${dir#/}/objects/one.gcda"
	: >"$dir/none/gcov.tar.gz"
	rm "$dir"/objects/{one,sub/two}.gcda

	expect()
	{
		local want=$1 words=$2

		shift 2
		"$@" >"$dir/log" 2>&1
		if [ $? != "$want" ] ||
		   { [ -n "$words" ] && ! grep -qE "$words" "$dir/log"; }; then
			sed 's/^/#   /' "$dir/log"
			say "not so: $words"
			bad=1
		fi
	}
	expect 1 'none: no data came from the guest$' \
		collect "$dir/none" "$dir/objects" "$dir/none.info" none
	expect 1 'part: .* guest of ./sub/two' \
		collect "$dir/part" "$dir/objects" "$dir/part.info" part
	expect 0 '' collect "$dir/whole" "$dir/objects" "$dir/whole.info" whole
	floor=50
	expect 0 ' 3 of  *6 lines  *50.0 %  all' verdict "$dir/whole.info"
	expect 0 '^2$' grep -c . "$dir/unexplained.txt"
	# shellcheck disable=SC2016 # a word in Markdown
	echo '`two()`: why' >"$root/docs/coverage.md"
	expect 0 'not explain 1' verdict "$dir/whole.info"
	expect 0 '^1$' grep -c '^one.c main: 5$' "$dir/untested.txt"
	floor=51
	expect 1 'less than 51 %' verdict "$dir/whole.info"
	[ $bad = 0 ] || die "--check: failed"
	say "--check: it notices what is lost"
}

[[ $floor =~ ^[0-9]{1,3}$ ]] || die "FLOOR=$floor: give a number of percent"
command -v lcov >/dev/null || die "no lcov: run tests/vm/setup.sh --coverage first"
if [ "${1-}" = --check ]; then
	check
	exit
fi
(check) || failed=1
[ $# -gt 0 ] || set -- 6.12-gcov 6.12-kasan-gcov

mkdir -p "$dir/rows"
rows "$@" >"$dir/table.txt" || exit 1
LOGS=$dir/logs GCOV=1 SUITES=$dir/table.txt "$here/run.sh" "$@" || failed=1

# Counts are of lines of these sources.
sources=$(cd "$root" && find ./*.[ch] include observe -name '*.[ch]' -print0 |
	sort -z | xargs -0 sha256sum | sha256sum)
if [ -z "${KEEP-}" ] || [ "$sources" != "$(cat "$dir/rows/sources" 2>/dev/null)" ]; then
	rm -f "$dir"/rows/*
	echo "$sources" >"$dir/rows/sources"
fi

for run in "$dir"/logs/*/; do
	name=$(basename "$run")
	read -r kernel _ <"$run/suite" || die "no run in build/coverage/logs"
	collect "${run%/}" "$root/build/$kernel" "$dir/rows/$name.info" "$name" ||
		failed=1
done
infos=()
for info in "$dir"/rows/*.info; do
	[ ! -f "$info" ] || infos+=(--add-tracefile "$info")
done
[ ${#infos[@]} -gt 0 ] || die "no data from any guest"
if ! { lcov --quiet "${infos[@]}" --output-file "$dir/total.info" &&
       genhtml --quiet --prefix "$root" --title "cmwq $(cat "$root/VERSION")" \
		--output-directory "$dir/html" "$dir/total.info"; } \
     >"$dir/log" 2>&1; then
	sed 's/^/#   /' "$dir/log"
	die "lcov fails"
fi

verdict "$dir/total.info" || failed=1
say "$((${#infos[@]} / 2)) runs; report in build/coverage/html/index.html"
read -r hit all <"$dir/total"
result=passed
[ $failed = 0 ] || result=failed
echo "coverage: $(awk "BEGIN { printf \"%.1f\", 100 * $hit / $all }") % of lines" \
     "($hit of $all), floor $floor %: $result"
[ $failed = 0 ]
