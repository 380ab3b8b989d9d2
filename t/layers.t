#!/bin/sh
# The direction of include lines, and that the check itself can fail.
cd "${0%/*}/.." || exit 1
n=0
status=0

ok() {          # ok STATUS WHAT: STATUS is that of the command before
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		status=1
	fi
}

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/base" "$dir/wire" "$dir/sys" "$dir/hub" "$dir/keep" "$dir/log" \
	"$dir/auth" "$dir/front" "$dir/bin" "$dir/odd"

found=$(t/layers.sh)
ok $? 'no include line goes up'
[ -z "$found" ] || printf '%s\n' "$found" | sed 's/^/# /'

refuses() {     # refuses FILE 'LINE' 'WORDS' WHAT
	printf '%s\n' "$2" >"$dir/$1"
	found=$(t/layers.sh "$dir/$1")
	[ $? -eq 1 ] && [ "${found#*"$1":1:*"$3"}" != "$found" ]
	ok $? "refused: $4"
	rm "$dir/$1"
}

accepts() {     # accepts FILE 'LINE' WHAT
	printf '%s\n' "$2" >"$dir/$1"
	t/layers.sh "$dir/$1" >"$dir/said" && [ ! -s "$dir/said" ]
	ok $? "accepted: $3"
	rm "$dir/$1"
}

refuses base/x.c '#include "wire/json.h"' 'must not include' 'base to wire'
refuses sys/x.h ' # include	"hub/home.h"' 'must not include' 'sys to hub'
refuses sys/x.c '#include "cli.h"' 'names folder' 'no folder named'
refuses sys/x.c '#include "../hub/home.h"' 'names folder' 'a path upwards'
refuses wire/x.c '#include "json.c"' 'source file' 'a source file'
refuses sys/x.c '#include "t/tap.h"' 'in no layer' 'a folder of no layer'
refuses sys/x.c '#include <hub/home.h>' 'quoted' 'ours in angle brackets'
refuses sys/x.c '#include <sqlite3.h>' 'for sys/db.c alone' 'SQLite'
refuses sys/db.h '#include <sqlite3.h>' 'for sys/db.c alone' \
	'SQLite in a header'
refuses auth/db.c '#include <sqlite3.h>' 'for sys/db.c alone' \
	'SQLite in a file named like the one that may'
refuses sys/db.c '#include "sqlite3.h"' 'so' 'SQLite in quotes'
refuses sys/db.c '#include <bearssl.h>' 'auth/keys.c alone' \
	'BearSSL where SQLite may'
refuses auth/jwt.c '#include <sqlite3.h>' 'for sys/db.c alone' \
	'SQLite where BearSSL may'
refuses auth/x.c '#include <bearssl.h>' 'auth/keys.c alone' 'BearSSL'
refuses keep/x.c '#include "bearssl_ssl.h"' 'no file may' 'part of BearSSL'
refuses bin/pc-x.c '#include "keep/sm.h"' 'for pc-serve.c alone' 'keep in a tool'
refuses bin/pc-x.c '#include "log/cri.h"' 'pc-logs.c alone' 'log in a tool'
refuses bin/pc-serve.c '#include "log/cri.h"' 'pc-logs.c alone' \
	'log in the keeper'
refuses keep/x.c '#include "log/cri.h"' 'must not include' 'keep to log'
refuses log/x.c '#include "keep/sm.h"' 'must not include' 'log to keep'
refuses hub/x.c '#include "log/cri.h"' 'must not include' 'hub to log'
refuses auth/x.c '#include "front/route.h"' 'must not include' 'auth to front'
refuses auth/x.c '#include "keep/sm.h"' 'must not include' 'auth to keep'
refuses front/x.c '#include "keep/sm.h"' 'must not include' 'front to keep'
refuses front/x.c '#include "log/cri.h"' 'must not include' 'front to log'
refuses keep/x.c '#include "auth/store.h"' 'must not include' 'keep to auth'
refuses log/x.c '#include "front/ask.h"' 'must not include' 'log to front'
refuses hub/x.c '#include "auth/store.h"' 'must not include' 'hub to auth'
refuses bin/pc-auth.c '#include "front/ask.h"' 'for pc-front.c alone' \
	'front in pc-auth'
refuses bin/pc-serve.c '#include "auth/store.h"' 'pc-auth.c alone' \
	'auth in the keeper'
refuses odd/x.c '#include <stdio.h>' 'in no layer' 'a folder nobody knows'
accepts bin/pc-serve.c '#include "keep/sm.h"' 'keep in pc-serve'
accepts bin/pc-logs.c '#include "log/cri.h"' 'log in pc-logs'
accepts bin/pc-auth.c '#include "auth/store.h"' 'auth in pc-auth'
accepts bin/pc-front.c '#include "auth/store.h"' 'auth in pc-front'
accepts bin/pc-front.c '#include "front/ask.h"' 'front in pc-front'
accepts front/x.c '#include "auth/token.h"' 'front to auth'
accepts auth/x.c '#include "hub/home.h"' 'auth to hub'
accepts sys/db.c '#include <sqlite3.h>' 'SQLite in sys/db.c'
accepts sys/tls.c '#include <bearssl.h>' 'BearSSL in sys/tls.c'
accepts auth/jwt.c '#include <bearssl.h>' 'BearSSL in auth/jwt.c'
accepts auth/keys.c '#include <bearssl.h>' 'BearSSL in auth/keys.c'
accepts log/x.c '#include "log/cri.h"' 'log to log'
accepts keep/x.c '#include "base/err.h"' 'keep to base'
accepts sys/x.c '#include <sys/stat.h>' 'the system folder sys'

echo "1..$n"
exit $status
