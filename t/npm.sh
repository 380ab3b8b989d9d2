#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches a package that only tests use, by npm, and prints where it is:
#
#	t/npm.sh jose       -> $PC_BUILD/npm/jose-5.10.0
#
# Version and digest are pinned here. What was fetched once is used from then
# on without the network, and is checked again when it is unpacked. NPM_CACHE
# is a directory with the archives (jose-5.10.0.tgz) for machines without one.
set -eu

case ${1-} in
jose)
	version=5.10.0
	digest=s+3Al/p9g32Iq+oqXxkW//7jk2Vig6FF1CFqzVXoTUXt2qz89YWbL+OwS17NFYEvxC35n0FKeGO2LGYSxeM2Gg==
	;;
*)
	echo "t/npm.sh: no pin for '${1-}'" >&2
	exit 2 ;;
esac
name=$1-$version
place=${PC_BUILD:-build}/npm
cache=${NPM_CACHE:-$place}

[ ! -e "$place/$name/package.json" ] || { echo "$place/$name"; exit 0; }

mkdir -p "$place"
work=$(mktemp -d "$place/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# sha512 in base64, as registries and lock files write it.
intact() {
	[ -f "$1" ] && [ "$(node -e '
		const sum = require("crypto").createHash("sha512");
		sum.update(require("fs").readFileSync(process.argv[1]));
		process.stdout.write(sum.digest("base64"));
	' "$1")" = "$digest" ]
}

die() {
	echo "t/npm.sh: $1-$version.tgz: $2; put it into a directory and" \
		"name that in NPM_CACHE" >&2
	exit 1
}

archive=$cache/$name.tgz
if ! intact "$archive"; then
	command -v npm >/dev/null || die "$1" 'there is no npm to fetch it'
	npm pack --silent --loglevel error --fetch-retries 1 --ignore-scripts \
		--pack-destination "$work" "$1@$version" >"$work/log" 2>&1 || {
		tail -n 3 "$work/log" >&2
		die "$1" 'npm could not fetch it'
	}
	archive=$work/$name.tgz
	intact "$archive" || die "$1" 'what npm fetched has another digest'
	mv "$archive" "$place/$name.tgz"
	archive=$place/$name.tgz
fi
tar -xzf "$archive" -C "$work" ||
	die "$1" 'it cannot be unpacked'
# Another test may have done the same meanwhile: either is as good.
mv -T "$work/package" "$place/$name" 2>/dev/null ||
	[ -e "$place/$name/package.json" ] || die "$1" 'it cannot be unpacked'
echo "$place/$name"
