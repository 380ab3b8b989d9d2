#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2012,SC2013,SC2016,SC2034,SC2094,SC2154
# A child gets 0, 1, 2 and what it was promised; the hub keeps none of what
# a run has cost, however many there are.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
. "${0%/*}/lib.sh"
rounds 300 10000

serv_module fds --fds "$T/fds" --env "$T/env"
tree_module quick --depth 1 --width 1
free_port
module fails "$free" sh -c 'exit 1'
free_port
module missing "$free" "$T/no such program"
hub_out=/dev/null
# What we have open, or were given, is nobody's business.
fds_of() {      # PID: "NUMBER -> WHAT"
	ls -l "/proc/$1/fd" | sed -n 's/.* \([0-9]* -> .*\)/\1/p'
}
exec 6<>"$T/stray" 7>>"$T/stray"
fds_of self | grep -v '^[012] ' >strays
ok 'hub comes up'                 hub_start
exec 6>&- 7>&-
ok 'ready'                        exits 0 pc-status --wait=60 fds quick
sort -n fds >got
is "$(cut -d ' ' -f 1 got | tr '\n' ' ')" '0 1 2 3 ' 'a child has 0, 1, 2, 3'
is "$(sed -n 's/^0 //p' got)" /dev/null '  0 is /dev/null'
for n in 1 2 3; do
	ok "  $n is a pipe"       grep -q "^$n pipe:" got
done
is "$(sed -n 's/^[123] //p' got | sort -u | wc -l | tr -d ' ')" 3 \
	'  each its own'
is "$(sed -n 's/^NOTIFY_FD=//p' env)" 3 '  3 is what NOTIFY_FD names'

own_fds() {     # of the hub: what each is, without its number
	fds_of "$hub" | grep -vxFf strays |
		sed -e 's/^[0-9]* -> //' -e 's/:\[[0-9]*\]$//' | sort
}
# By kind, without the connection that asks and those that come and go.
count() { api GET /api/hub; jq -cS '.descriptors | del(.conn)' body; }
kinds() { count | jq -cS 'del(.health)'; }
counted() {     # the connection before this may take a moment to go
	for _i in 1 2 3 4 5 6 7 8 9; do
		[ "$(count | jq add)" -ne "$(own_fds | wc -l)" ] || return 0
	done
	own_fds
	echo "says $(count), has $(own_fds | wc -l)"
	return 1
}

# Once over everything, so that what is kept for good is there.
exits 0 pc-restart --wait=60 fds quick
pc-start fails missing >/dev/null 2>&1
eventually mod_has fails '.state.status == "crashed"' >/dev/null
ok 'followed once'                exits 0 pc-logs quick
ok '  and asked'                  exits 0 pc-status quick
settled() {     # FILE: as many as in FILE
	own_fds | grep -v ^socket >now
	cmp -s now "$1"
}
own_fds | grep -v ^socket >before
n_before=$(kinds)
ok 'the hub knows all that it has' counted
i=0
while [ $i -lt "$rounds" ]; do
	rand 10
	case $r in
	0)      pid=$(pid_of quick)
		[ "$pid" = null ] || kill -KILL "$pid"
		eventually mod_has quick ".pid != $pid"
		pc-start quick ;;
	1) pc-stop quick && pc-start quick ;;
	2) pc-start fails missing ;;
	3) kill -HUP "$hub" ;;
	4) pc-restart quick fds ;;
	*) pc-restart quick ;;
	esac >>ops.out 2>&1
	i=$((i + 1))
done
ok "$rounds rounds: ready"        exits 0 pc-start --wait=60 quick fds
# What is open for a moment goes by itself, what leaks stays.
ok 'the hub has what it had'      eventually settled before
diff before now | head -n 20 | while read -r l; do diag "$l"; done
is "$(kinds)" "$n_before"         '  and says so'
ok '  knowing all of them'        counted
ok '  it is the same hub'         api_is 200 GET /api/hub ".pid == $hub"
sort -n fds >got
is "$(cut -d ' ' -f 1 got | tr '\n' ' ')" '0 1 2 3 ' \
	'a child still has 0, 1, 2, 3'
ok 'stops'                        hub_stop
ok '  and nothing is left'        no_trees
done_testing
