#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# pc-serve as PID 1 of a pid namespace.
. "${0%/*}/lib.sh"

unshare --pid --fork --mount-proc true 2>/dev/null ||
	skip_all 'unshare --pid does not work here'

start() {
	rm -f ready && mkfifo ready
	unshare --pid --fork --mount-proc --kill-child pc-serve \
		--home "$PARACHUTE_HOME" --no-front --ready-fd 3 \
		3>ready >>hub.log 2>&1 &
	outer=$!
	others="$others $outer"
	read -r port <ready && inner=$(cat "/proc/$outer/task/$outer/children") &&
		inner=${inner% }
}
zombies() { # of the keeper
	for _c in $(cat "/proc/$inner/task/$inner/children"); do
		grep -q ') Z ' "/proc/$_c/stat" 2>/dev/null && echo "$_c"
	done
}
no_zombies() { [ -z "$(zombies)" ]; }

serv_module a
a=$free
serv_module wild --wrap --child --orphan
ok 'hub comes up'                 start
is "$(awk '$1 == "NSpid:" { print $NF }' "/proc/$inner/status")" 1 'as PID 1'
ok 'ready'                        exits 0 pc-status --wait=60
ok '  knows it'                   api_is 200 GET /api/hub '.pid == 1'
ok '500 orphans'                  ask "$a" /orphans/500
ok '  are reaped'                 eventually no_zombies
ok '  and no module noticed'      mod_has a '.restarts == 0'
ok 'restart'                      exits 0 pc-restart --wait=60 a wild
ok 'stop'                         exits 0 pc-stop wild
is "$(pc-status --json | jq -r '.modules[] | select(.short == "wild") |
	.state.status')" stopped  '  stopped'
kill -TERM "$inner"
wait "$outer"
is $? 0                           'SIGTERM: 0'
ok '  the port is free'           port_free "$a"
done_testing
