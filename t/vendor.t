#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016
# What vendor/fetch asks of package managers, takes from them, and refuses.
# The clients are stand-ins; nothing here needs a network.
top=$(cd "${0%/*}/.." && pwd)
. "${0%/*}/lib.sh"

# A recipe of our own, with small archives.
mkdir recipe served tools bin etc
cp "$top/vendor/fetch" recipe/
mkdir -p s/package/deps/sqlite3 s/package/src b/bearssl-0.6/inc b/bearssl-0.6/src
echo 'int lite;' >s/package/deps/sqlite3/sqlite3.c
echo 'extern int lite;' >s/package/deps/sqlite3/sqlite3.h
echo 'not wanted' >s/package/src/other.c
echo 'extern int bear;' >b/bearssl-0.6/inc/bearssl.h
echo 'int bear;' >b/bearssl-0.6/src/bear.c
(cd s && tar czf ../served/lite-1.0.tgz package)
(cd b && tar cf - bearssl-0.6) | xz >served/bear_1.orig.tar.xz

sum() { sha256sum <"$1" | cut -d ' ' -f 1; }
lite=$(sum served/lite-1.0.tgz)
bear=$(sum served/bear_1.orig.tar.xz)
lite_tree=$(recipe/fetch --tree s/package/deps/sqlite3)
bear_tree=$(recipe/fetch --tree b/bearssl-0.6)

lock() {        # [SED-EXPRESSION]
	sed "${1-}" >recipe/sources.lock <<-LOCK
		# comment
		sqlite  from     npm lite 1.0
		sqlite  archive  lite-1.0.tgz
		sqlite  sha256   $lite
		sqlite  part     package/deps/sqlite3
		sqlite  key      sqlite3.c
		sqlite  tree     $lite_tree
		bearssl from     apt bear 1
		bearssl archive  bear_1.orig.tar.xz
		bearssl sha256   $bear
		bearssl part     bearssl-0.6
		bearssl key      inc/bearssl.h
		bearssl tree     $bear_tree
	LOCK
}
lock

# Each says what it was asked. MOOD is what it does: good, or fail, silent,
# other (brings another archive).
cat >bin/npm <<'SH'
#!/bin/sh
echo "npm $*" >>"$T/asked"
while [ $# -gt 0 ]; do
	[ "$1" != --pack-destination ] || to=$2
	shift
done
case ${MOOD-good} in
good) cp "$T/served/lite-1.0.tgz" "$to" ;;
other) echo other >"$to/lite-1.0.tgz" ;;
fail) echo 'much ado'; echo 'network is down' >&2; exit 1 ;;
esac
SH
cat >bin/apt-get <<'SH'
#!/bin/sh
echo "apt-get $*" >>"$T/asked"
for a; do
	case $a in
	Dir::Etc::sourceparts=*) cat "${a#*=}"/* >"$T/lists" ;;
	esac
done
case "$*" in
*' update') exit 100 ;;         # a list of somebody else's is broken
esac
[ "${MOOD-good}" = good ] || exit 100
cp "$T/served/bear_1.orig.tar.xz" .
SH
chmod 755 bin/*
for t in awk cat cmp cp cut env find grep gzip head ls mkdir mktemp mv rm sed \
	sh sha256sum sort tail tar tr xargs xz dirname; do
	ln -s "$(command -v "$t")" "tools/$t"
done
mkdir -p etc/sources.list.d
printf 'Types: deb\nURIs: here\n' >etc/sources.list.d/a.sources
printf 'deb there main\n# deb nowhere main\n' >etc/sources.list

# fetch STATUS ARG...: with the stand-ins. Nothing of the host's is seen.
clients=$T/bin mood=good
unset SQLITE_DIR BEARSSL_DIR VENDOR_CACHE XDG_CACHE_HOME
fetch() {
	_st=$1
	shift
	: >asked
	PATH=$clients:$T/tools HOME=$T/user APT_ETC=$T/etc MOOD=$mood \
		exits "$_st" "$T/recipe/fetch" "$@"
}
cache=$T/user/.cache/pc-vendor
fresh() { rm -rf into "$cache"; }
no_litter() { ! find . -name '.fetch.*' | grep .; }
nobody_asked() { [ ! -s asked ] || { cat asked; return 1; }; }
whole() { cmp into/sqlite/sqlite3.c s/package/deps/sqlite3/sqlite3.c &&
	cmp into/bearssl/src/bear.c b/bearssl-0.6/src/bear.c; }
says() {        # WORD...: one line on stderr, with all of them
	complains vendor/fetch "$@"
}

# --- the way it goes

first() { fetch 0 into && whole; }
ok 'fetches what is pinned' first
is "$(cat out)" "sqlite into/sqlite $lite_tree
bearssl into/bearssl $bear_tree" 'and says where it is'
ok 'quietly' test ! -s err
ok 'no more than the part that is wanted' test ! -e into/sqlite/other.c \
	-a ! -e into/package
ok 'npm is asked for that version, and to run nothing of it' \
	grep -q '^npm pack .*--ignore-scripts.* lite@1\.0$' asked
ok 'and not to wait long' grep -q '^npm .*--fetch-retries 0 ' asked
ok 'apt-get is asked for the source alone' \
	grep -q '^apt-get .* source --download-only --tar-only bear$' asked
lists() { ! grep -v -F "Dir::State::lists=" asked | grep apt-get &&
	! grep -F 'Dir::State::lists=/var' asked; }
ok 'with lists of its own' lists
is "$(cat lists)" 'Types: deb-src
URIs: here
deb-src there main' 'made from those of the host, whatever their form'
ok 'a list that cannot be had is no failure' grep -q 'update$' asked
again() { fetch 0 into && nobody_asked && whole; }
ok 'once more: nobody is asked' again
ok 'it is kept for others' test -f "$cache/lite-1.0.tgz" \
	-a -f "$cache/bear_1.orig.tar.xz"
from_cache() { rm -rf into; fetch 0 into && nobody_asked && whole; }
ok 'another directory takes it from there' from_cache
clients=$T/none
ok 'also where there is no client' from_cache
clients=$T/bin
at_once() {
	rm -rf into into-*
	fresh
	for i in 1 2 3 4; do
		PATH=$clients:$T/tools HOME=$T/user APT_ETC=$T/etc MOOD=good \
			"$T/recipe/fetch" "into-$i" >"out-$i" 2>&1 &
		others="$others $!"
	done
	for p in $others; do
		wait "$p" || return 1
	done
	others=''
	for i in 1 2 3 4; do
		cmp "into-$i/sqlite/sqlite3.c" s/package/deps/sqlite3/sqlite3.c
	done
}
ok 'four at once share a cache' at_once
just_one() { rm -rf into; fetch 0 into sqlite && [ ! -e into/bearssl ]; }
ok 'one by name' just_one
elsewhere() { rm -rf into; VENDOR_CACHE=$T/mine; export VENDOR_CACHE
	fetch 0 into && [ -f mine/lite-1.0.tgz ]; }
ok 'VENDOR_CACHE is used' elsewhere
unset VENDOR_CACHE

# --- what was changed

edited() { echo 'int more;' >>into/sqlite/sqlite3.c; fetch 0 into && whole &&
	nobody_asked && says into/sqlite 'changed'; }
fresh
fetch 0 into
ok 'an edited file is noticed and mended' edited
added() { echo >into/bearssl/src/mine.c; fetch 0 into && whole &&
	[ ! -e into/bearssl/src/mine.c ]; }
ok 'so is a file too many' added
removed() { rm into/bearssl/inc/bearssl.h; fetch 0 into &&
	[ -e into/bearssl/inc/bearssl.h ]; }
ok 'and one too few' removed
repaired() { rm -rf into; echo junk >"$cache/lite-1.0.tgz"; fetch 0 into &&
	whole && [ "$(sum "$cache/lite-1.0.tgz")" = "$lite" ]; }
ok 'a damaged archive in the cache is fetched anew' repaired
damaged() {
	rm -rf into
	echo junk >"$cache/lite-1.0.tgz"
	fetch 1 into && says "$cache/lite-1.0.tgz is damaged" "$1" SQLITE_DIR \
		sqlite3.c && [ ! -e into/sqlite ] && no_litter
}
mood=fail
ok 'or said, with a way out' damaged 'network is down'
clients=$T/none
ok 'also where there is no client' damaged 'npm is missing'
clients=$T/bin

# --- what is refused

tries() { grep -c "$1" asked; }
offline() { fresh; fetch 1 into && says 'npm: network is down' SQLITE_DIR \
	"$cache" lite-1.0.tgz && [ "$(tries npm)" -eq 3 ] && no_litter &&
	[ ! -e into/sqlite ]; }
ok 'no network: three tries, and one line' offline
no_deb() { fetch 1 into bearssl && says apt-get BEARSSL_DIR && no_litter; }
ok 'apt-get without' no_deb
mood=silent
silent() { fetch 1 into && says 'brought no lite-1.0.tgz'; }
ok 'a client that says it has done it' silent
mood=other
wrong() { fetch 1 into && says "not $lite" && no_litter &&
	[ ! -e into/sqlite ] && [ ! -e "$cache/lite-1.0.tgz" ]; }
ok 'another archive than the pinned: nothing of it is unpacked or kept' wrong
mood=good
lock "s/$lite_tree/$bear_tree/"
wrong_tree() { fetch 1 into && says "not $bear_tree" && no_litter &&
	[ ! -e into/sqlite ]; }
ok 'other files in it than the pinned' wrong_tree
lock
fresh
clients=$T/none
missing() { fetch 1 into "$1" && says "$2 is missing" "$3" && no_litter; }
ok 'no npm' missing sqlite npm SQLITE_DIR
ok 'no apt-get' missing bearssl apt-get BEARSSL_DIR
clients=$T/bin
mv tools/xz tools/not-xz
ok 'no xz' missing bearssl xz BEARSSL_DIR
mv tools/not-xz tools/xz
ok 'a name that is not pinned' fetch 1 into zlib
ok 'no directory' fetch 2
ok 'an option that there is not' fetch 2 --help
no_cache() { rm -rf into; VENDOR_CACHE=$T/bin/npm/x; export VENDOR_CACHE
	fetch 0 into sqlite && says 'cannot keep' "$VENDOR_CACHE"; }
ok 'a cache that cannot be is said, and done without' no_cache
unset VENDOR_CACHE

# --- a directory of one's own

own() { rm -rf into; SQLITE_DIR=$T/s/package/deps/sqlite3; export SQLITE_DIR
	fetch 0 into sqlite && nobody_asked && [ ! -e into/sqlite ] &&
	[ "$(cat out)" = "sqlite $SQLITE_DIR" ]; }
ok 'it is taken as it is' own
bad_own() { SQLITE_DIR=$T/s; fetch 1 into sqlite && nobody_asked &&
	says "$T/s" 'no sqlite3.c' SQLITE_DIR; }
ok 'unless it is none' bad_own
unset SQLITE_DIR

# --- what a step would need

needs() { fetch 0 --needs into && nobody_asked && is_list "$*"; }
is_list() { [ "$(tr '\n' ' ' <out)" = "$1" ] || { cat out; return 1; }; }
fresh
ok 'everything, at first' needs 'npm apt-get xz '
fetch 0 into
ok 'nothing, when it is there' needs ''
rm -rf into
ok 'from the cache: what unpacks it' needs 'xz '
SQLITE_DIR=$T/s/package/deps/sqlite3
export SQLITE_DIR
rm -rf "$cache"
ok 'nothing for a directory of one'\''s own' needs 'apt-get xz '
unset SQLITE_DIR

# --- the recipe that is ours

ours() {
	cp "$top/vendor/sources.lock" recipe/
	rm -rf into "$cache"
	fetch 0 --needs into && is_list 'npm apt-get xz '
}
ok 'sources.lock is understood' ours
whole_lock() {
	for n in sqlite bearssl; do
		for w in from archive sha256 part key tree; do
			[ "$(awk -v n=$n -v w=$w '$1 == n && $2 == w' \
				recipe/sources.lock | wc -l)" -eq 1 ] ||
				{ echo "$n $w"; return 1; }
		done
	done
}
ok 'and says all there is to say, once' whole_lock
done_testing
