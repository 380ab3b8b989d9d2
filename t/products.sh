#!/bin/sh
# Every product must be what it is said to be: static, small, and made of no
# more than its layers.
#
#	t/products.sh BUILD PROGRAM...
#
# Looks at the linked programs in BUILD/bin: what the linker dropped does not
# count, what it kept does.
set -eu

build=$1
shift
status=0
total=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

KIB=1024
SMALL=$((250 * KIB))            # neither SQLite nor TLS
LARGE=$((1536 * KIB))
ALL=$((5120 * KIB))

bad() {
	echo "products: $*" >&2
	status=1
}

lacks() {       # WHY: of $found nothing may be in the program $name
	[ ! -s "$tmp/found" ] ||
		bad "$name: holds $(head -5 "$tmp/found" | xargs): $1"
}

defined() {     # global names that an object, archive or program defines
	nm -g --defined-only "$1" 2>/dev/null | awk 'NF == 3 { print $3 }' |
		sort -u
}

# A check that reads no names finds no fault: nothing may be stripped here.
for layer in keep log auth front; do
	defined "$build/lib/$layer.a" >"$tmp/$layer"
	[ $# -eq 0 ] || [ -s "$tmp/$layer" ] || ! ls "lib/$layer"/*.c \
		>"$tmp/found" 2>&1 || bad "$build/lib/$layer.a names nothing"
done

for name in "$@"; do
	prog=$build/bin/$name
	defined "$prog" >"$tmp/names"
	grep -qx main "$tmp/names" || bad "$name: no symbols to check"

	readelf -lW "$prog" >"$tmp/segments"
	if grep -q INTERP "$tmp/segments"; then
		bad "$name: asks for an interpreter; it is not static"
	fi
	if grep -q DYNAMIC "$tmp/segments"; then
		bad "$name: has a dynamic section; it is not static"
	fi

	strip -o "$tmp/stripped" "$prog"
	: >"$tmp/found"
	size=$(wc -c <"$tmp/stripped")
	total=$((total + size))
	case $name in
	pc-front | pc-auth)
		budget=$LARGE ;;
	*)
		budget=$SMALL
		grep -E '^(sqlite3_|br_)' "$tmp/names" >"$tmp/found" || :
		lacks 'no database and no cryptography in it' ;;
	esac
	[ "$size" -le "$budget" ] ||
		bad "$name: $size bytes stripped, $budget are allowed"

	case $name in
	pc-serve | pc-logd)
		forbidden='^(fsync|fdatasync|pthread_create)$'
		grep -E "$forbidden" "$tmp/names" >"$tmp/found" || :
		lacks 'no waiting for a disk and no thread in it' ;;
	esac
	if [ "$name" != pc-serve ]; then
		comm -12 "$tmp/keep" "$tmp/names" >"$tmp/found"
		lacks 'lib/keep is for pc-serve alone'
	fi
	case $name in
	pc-logd | pc-logs) ;;
	*)
		comm -12 "$tmp/log" "$tmp/names" >"$tmp/found"
		lacks 'lib/log is for pc-logd and pc-logs alone' ;;
	esac
	case $name in
	pc-front | pc-auth) ;;
	*)
		comm -12 "$tmp/auth" "$tmp/names" >"$tmp/found"
		lacks 'lib/auth is for pc-front and pc-auth alone' ;;
	esac
	if [ "$name" != pc-front ]; then
		comm -12 "$tmp/front" "$tmp/names" >"$tmp/found"
		lacks 'lib/front is for pc-front alone'
	fi
done

[ "$total" -le "$ALL" ] ||
	bad "together $total bytes stripped, $ALL are allowed"
exit "$status"
