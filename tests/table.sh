#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# One table of a run of run.sh: kernel by test, results that passed, failed (F)
# and were skipped (s); what was skipped and why; which hooks were in force.
#
# usage: table.sh DIR	DIR: where run.sh keeps its logs, build/test by default

set -u

dir=${1:?which directory?}
here=$(cd "$(dirname "$0")" && pwd)

# kernel <tab> test <tab> passed failed skipped seconds <tab> directory
runs()
{
	local result kernel script counts

	for result in "$dir"/*/result; do
		read -r kernel script <"${result%result}suite" || continue
		counts=$(cat "$result")
		printf '%s\t%s\t%s\t%s\n' "$kernel" "$script" "$counts" \
			"${result%/result}"
	done
}

runs=$(runs)
[ -n "$runs" ] || { echo "table.sh: no results in $dir" >&2; exit 1; }

{
	# In the order of kernels.txt.
	awk '/^[^#]/ { print $1 }' "$here/vm/kernels.txt"
	echo --
	echo "$runs"
} | awk -F '\t' '
	!body { if ($1 == "--") body = 1; else order[++orders] = $1; next }
	{
		if (!($1 in kernel)) {
			kernel[$1]
			for (known = i = 1; i <= orders && order[i] != $1; i++)
				known = i < orders
			if (!known)
				order[++orders] = $1
		}
		if (!($2 in test)) {
			test[$2]
			tests[++nr] = $2
		}
		split($3, n, " ")
		passed[$1, $2] += n[1]; all_passed[$1] += n[1]
		failed[$1, $2] += n[2]; all_failed[$1] += n[2]
		skipped[$1, $2] += n[3]; all_skipped[$1] += n[3]
		guests[$1]++
	}
	function cell(p, f, s) {
		return p (f ? " " f "F" : "") (s ? " " s "s" : "")
	}
	function value(name, k) {
		if (name == "")
			return k
		if (name == "guests")
			return guests[k]
		if (name == "all")
			return cell(all_passed[k], all_failed[k], all_skipped[k])
		if (!((k SUBSEP name) in passed))
			return "-"
		return cell(passed[k, name], failed[k, name], skipped[k, name])
	}
	function line(name, i) {
		printf "# %-12s", name
		for (i = 1; i <= orders; i++)
			if (order[i] in kernel)
				printf " %12s", value(name, order[i])
		printf "\n"
	}
	END {
		line("")
		for (t = 1; t <= nr; t++)
			line(tests[t])
		line("all")
		line("guests")
	}'

echo "#"
echo "# skipped, and why (times, kernel):"
while IFS=$'\t' read -r kernel _ _ logs; do
	[ -f "$logs/out" ] || continue
	tr -d '\r' <"$logs/out" |
		sed -n "s/^ok [0-9]* .*# *SKIP *\(.*\)/$kernel: \1/p"
done <<<"$runs" | sort | uniq -c | sed 's/^/#  /'

echo "#"
echo "# hooks in force (guests, kernel):"
while IFS=$'\t' read -r kernel _ _ logs; do
	[ -f "$logs/con" ] || continue
	tr -d '\r' <"$logs/con" |
		sed -n "s/.* cmwq: .* loaded on .*, hooks: /$kernel: /p" |
		sort -u
done <<<"$runs" | sort | uniq -c | sed 's/^/#  /'
