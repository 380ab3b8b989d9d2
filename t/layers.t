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
	"$dir/bin" "$dir/odd"

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
refuses sys/x.c '#include <sqlite3.h>' 'no file may' 'SQLite'
refuses keep/x.c '#include "bearssl_ssl.h"' 'no file may' 'BearSSL'
refuses bin/pc-x.c '#include "keep/sm.h"' 'for pc-serve.c alone' 'keep in a tool'
refuses bin/pc-x.c '#include "log/cri.h"' 'pc-logs.c alone' 'log in a tool'
refuses bin/pc-serve.c '#include "log/cri.h"' 'pc-logs.c alone' \
	'log in the keeper'
refuses keep/x.c '#include "log/cri.h"' 'must not include' 'keep to log'
refuses log/x.c '#include "keep/sm.h"' 'must not include' 'log to keep'
refuses hub/x.c '#include "log/cri.h"' 'must not include' 'hub to log'
refuses odd/x.c '#include <stdio.h>' 'in no layer' 'a folder nobody knows'
accepts bin/pc-serve.c '#include "keep/sm.h"' 'keep in pc-serve'
accepts bin/pc-logs.c '#include "log/cri.h"' 'log in pc-logs'
accepts log/x.c '#include "log/cri.h"' 'log to log'
accepts keep/x.c '#include "base/err.h"' 'keep to base'
accepts sys/x.c '#include <sys/stat.h>' 'the system folder sys'

echo "1..$n"
exit $status
