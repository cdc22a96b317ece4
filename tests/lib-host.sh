# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# For tests that run on this machine (host-*.sh, vm/selftest.sh): a directory of
# their own, and results.

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
number=0
failed=0

# result NAME STATUS: what $dir/log holds is the reason
result()
{
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number $1"
	else
		failed=1
		sed 's/^/# /' "$dir/log"
		echo "not ok $number $1"
	fi
}

# program NAME TEXT: what it is when it is called from $dir/bin
program()
{
	mkdir -p "$dir/bin"
	printf '#!/bin/sh\n%s\n' "$2" >"$dir/bin/$1"
	chmod 755 "$dir/bin/$1"
}
