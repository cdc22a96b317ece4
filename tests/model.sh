#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Check the models of models/ (its README.md tells what they are): every run
# listed in a model's head is searched through and holds, every NO_x variant
# listed there breaks, every LESS_x holds, the functions named exist, and the
# litmus tests come out as they say.  Needs spin and gcc; herd7 is used if it is
# there.  KTAP; the last line is "N passed, N failed, N skipped".
#
# usage: model.sh [MODEL...]
#   LKMM=DIR  tools/memory-model of a kernel's sources, for herd7

set -u

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1
command -v spin >/dev/null || tests/vm/setup.sh --model || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log=$work/log
number=0 passed=0 failed=0 skipped=0
megabytes=3500			# for one search
depth=1000000
optimise=-O1

# result NAME STATUS: what $log holds is the reason
result()
{
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		echo "ok $number $1"
	else
		failed=$((failed + 1))
		tail -n 25 "$log" | sed 's/^/# /'
		echo "not ok $number $1"
	fi
}

skip()
{
	number=$((number + 1))
	skipped=$((skipped + 1))
	echo "ok $number $1 # SKIP $2"
}

# runs FILE: "NAME FLAGS..." of each run listed in its head
runs()
{
	sed -n 's/^ \* run[ 	]\+\([^ 	]*[ 	].*-D\)/\1/p' "$1" | tr '\t' ' '
}

# variants FILE: "NO_x RUN", "LESS_x RUN" of each variant listed in its head
variants()
{
	sed -En 's/^ \* ((NO|LESS)_[A-Z0-9_]*)[ 	]+([a-z0-9]+).*/\1 \3/p' "$1"
}

# search FILE safety|loops FLAGS...: into $log; false if it is not complete or
# finds an error.  Sets $summary.
search()
{
	local file=$1 kind=$2 pan=() flags=() states memory seconds=$SECONDS

	shift 2
	case $kind in
	safety) flags=(-DSAFETY -DNOCLAIM) ;;
	loops) flags=(-DNP -DNOFAIR) pan=(-l) ;;
	fair) flags=(-DNP -DNFAIR=4) pan=(-l -f) ;;
	esac
	summary=
	rm -rf "$work/pan"
	mkdir "$work/pan" && cp "$file" "$work/pan/model.pml" || return 1
	(
		cd "$work/pan" &&
		spin -a "$@" model.pml &&
		gcc $optimise -w "${flags[@]}" -DCOLLAPSE -DMEMLIM=$megabytes \
			-DVECTORSZ=2048 -o pan pan.c &&
		nice -n 5 ./pan -m$depth -w24 -n "${pan[@]}"
	) >"$log" 2>&1 || return 1
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$log")
	memory=$(sed -n 's/^ *\([0-9]*\)[.0-9]*	total actual memory.*/\1/p' \
		"$log")
	summary="${states:-?} states, ${memory:-?} MB, $((SECONDS - seconds)) s"
	grep -q 'errors: 0$' "$log" && [ -n "$states" ] &&
		! grep -qE 'search depth too small|not completed|MEMLIM|out of memory' \
			"$log"
}

# An error that the checker has found, not one in the model's text.
found_error()
{
	grep -qE '^pan:[0-9]+: (invalid end state|assertion violated|non-progress cycle)' \
		"$log"
}

check_model()
{
	local file=$1 name run flags kind variant

	name=$(basename "$file" .pml)
	while read -r run flags; do
		for kind in safety loops fair; do
			[[ $kind = safety || " $flags " = *" $kind "* ]] ||
				continue
			# shellcheck disable=SC2046 # words
			search "$file" $kind $(words "$flags")
			result "$name, $run, $kind: $summary" $?
		done
	done < <(runs "$file")

	while read -r variant run; do
		flags=$(runs "$file" | sed -n "s/^$run\>[ 	]*//p")
		: >"$log"
		[[ $variant = LESS_* ]] || optimise=-O0	# soon found
		for kind in safety loops fair; do
			[[ $kind = safety || " $flags " = *" $kind "* ]] ||
				continue
			# shellcheck disable=SC2046
			search "$file" $kind $(words "$flags") "-D$variant" &&
				continue
			break
		done
		optimise=-O1
		if [[ $variant = LESS_* ]]; then
			grep -q 'errors: 0$' "$log"
			result "$name, $run, $variant: holds all the same" $?
			continue
		fi
		found_error
		result "$name, $run, $variant breaks it: $(sed -n \
			's/^pan:1: \(.*\) (at depth.*/\1/p' "$log")" $?
	done < <(variants "$file")

	# Each switch is listed, and each that is listed is one.
	diff <(variants "$file" | cut -d' ' -f1 | sort -u) \
		<(grep '^#' "$file" | grep -oE '\<(NO|LESS)_[A-Z0-9_]*' |
			sort -u) >"$log"
	result "$name: the switches are those in its head" $?
}

# The -D of a run, without the kinds of search.
words()
{
	tr ' ' '\n' <<<"$1" | grep '^-' | tr '\n' ' '
}

# What is named file.c:function is there.
check_functions()
{
	local file at name bad=0 count=0

	while IFS=: read -r file at name; do
		count=$((count + 1))
		# A definition, its name not indented.
		grep -qE "^([a-z#].*[^A-Za-z0-9_])?$name\(" "$at" 2>/dev/null ||
			{ echo "$file: no $name() in $at"; bad=1; }
	done < <(grep -oHE '\<[a-z_]+\.[ch]:[A-Za-z_][A-Za-z0-9_]*' \
			models/*.pml models/*.litmus models/README.md | sort -u)
	[ $count -gt 40 ] || { echo "only $count functions are named"; bad=1; }
	return $bad
}

# A litmus test ends with its expected result: "(* Result: Never *)".
check_litmus()
{
	local file expected

	for file in models/*.litmus; do
		expected=$(sed -n 's/^(\* Result: \([A-Za-z]*\) \*)$/\1/p' "$file")
		if [ -z "$expected" ]; then
			echo "no \"Result:\"" >"$log"
			result "$file" 1
		elif ! command -v herd7 >/dev/null || [ -z "${LKMM-}" ]; then
			skip "$file: $expected" "no herd7 or no LKMM"
		else
			(cd "$LKMM" && herd7 -conf linux-kernel.cfg \
				"$root/$file") >"$log" 2>&1
			grep -q "^Observation [^ ]* $expected " "$log"
			result "$file: $expected" $?
		fi
	done
}

echo "KTAP version 1"
[ $# -gt 0 ] || set -- models/*.pml
for model; do
	[ -f "$model" ] || model=models/$model.pml
	check_model "$model"
done
check_functions >"$log"
result "functions that are named exist" $?
check_litmus
echo "1..$number"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
