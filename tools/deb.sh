#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Build the Debian packages cmwq-dkms and cmwq-dev in build/deb/, from a copy of
# the sources with packaging/debian at its place.  usage: deb.sh

set -u

root=$(cd "$(dirname "$0")/.." && pwd)
out=${OUT:-$root/build/deb}
missing=

while read -r tool package; do
	command -v "$tool" >/dev/null || missing="$missing $package"
done <<TOOLS
dpkg-buildpackage dpkg-dev
dh debhelper
dh_dkms dh-dkms
TOOLS
if [ -n "$missing" ]; then
	echo "deb.sh: missing tools; install them with: apt-get install" \
	     "--no-install-recommends$missing" >&2
	exit 1
fi

src=$out/cmwq-$(cat "$root/VERSION")
rm -rf "$out"/cmwq-* "$out/log"
mkdir -p "$src"
cd "$root" || exit 1
cp -r ./*.[ch] Kbuild KERNELS VERSION LICENSE README.md CHANGELOG.md dkms.conf \
	include observe packaging samples tools "$src" || exit 1
mv "$src/packaging/debian" "$src/debian" && cd "$src" || exit 1
# -d: build-essential is for packages that compile.
if ! dpkg-buildpackage -d -us -uc >"$out/log" 2>&1; then
	cat "$out/log" >&2
	exit 1
fi
rm -rf "$src"
ls "$out"/*.deb
