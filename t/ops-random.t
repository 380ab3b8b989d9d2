#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# Exactly one instance: random operations from four clients on five modules,
# each of them a tree of processes that holds a lock. SEED repeats a
# run (as far as processes can), ROUNDS sets its length.
. "${0%/*}/lib.sh"

rounds 400 100000
ops=$rounds

serv_module m0 --lock "$T/m0.lock"
serv_module m1 --lock "$T/m1.lock" --wrap
serv_module m2 --lock "$T/m2.lock" --wrap --child --orphan
serv_module m3 --lock "$T/m3.lock" --exit-after 100 --exit 1
free_port
module m4 "$free" env -i "$(command -v serv)" --listen "$free" --setsid \
	--wrap --lock "$T/m4.lock" --mark "$T/m4.mark"

script() {      # CLIENT: its operations
	awk -v seed="$seed" -v client="$1" -v n=$((ops / 4)) 'BEGIN {
		srand(seed * 4 + client)
		split("start start start stop stop stop restart restart " \
			"kill kill kill hup", op, " ")
		# m2 is the one that takes 5 s to stop.
		split("m0 m1 m3 m4 m0 m1 m3 m4 m0 m1 m3 m4 m2", m, " ")
		for (i = 0; i < n; i++)
			print op[int(rand() * 12) + 1], m[int(rand() * 13) + 1]
	}'
}

kill_module() {
	_pid=$(pc-status --json "$1" 2>/dev/null | jq -r .pid)
	case $_pid in
	'' | null) return ;;
	esac
	# It may be gone, and its number another's by now.
	case $(cat "/proc/$_pid/comm" 2>/dev/null) in
	serv | env) kill -KILL "$_pid" 2>/dev/null ;;
	esac
	return 0
}

client() {      # NUMBER
	script "$1" | while read -r op m; do
		case $op in
		kill)   kill_module "$m"; st=0 ;;
		hup)    kill -HUP "$hub"; st=$? ;;
		*)      "pc-$op" "$m" >"op.$1" 2>&1; st=$? ;;
		esac
		case $st in
		0) ;;
		1) [ "$op" = start ] || [ "$op" = restart ] ||
			echo "$op $m: $(cat "op.$1")" >>failed ;;
		*) echo "$op $m: exit status $st: $(cat "op.$1")" >>failed ;;
		esac
	done
}

: >failed
ok 'hub comes up'                 hub_start
ok 'ready'                        exits 0 pc-status --wait=60 m0 m1 m2 m4
for c in 0 1 2 3; do
	client $c &
	clients="${clients-} $!"
done
# shellcheck disable=SC2086 # words
wait $clients
is "$(cat failed)" ''             "$ops operations: none failed"
is "$(cat ./*.double 2>/dev/null)" '' 'never two instances'
ok 'hub is the same'              api_is 200 GET /api/hub ".pid == $hub"
diag "instances started: $(cat ./*.mark | wc -l)"

ok 'stop --all'                   exits 0 pc-stop --all
for m in m0 m1 m2 m3 m4; do
	ok "  $m: nobody holds its lock" flock -n "$m.lock" true
done
# shellcheck disable=SC2046 # words
ok '  no instance is left'        gone $(cut -d ' ' -f 1 ./*.mark)
api GET /api/hub
is "$(cat "/proc/$hub/task/$hub/children")" "$(jq '.crew[].pid' body) " \
	'  the hub has no children but its own programs'
ok 'all stopped'                  exits 0 pc-status m0 m1 m2 m3 m4
ok 'start: nothing is stuck'      exits 0 pc-start --wait=60 m0 m1 m2 m4
is "$(cat ./*.double 2>/dev/null)" '' 'never two instances'
ok 'hub goes down'                hub_stop
# shellcheck disable=SC2046 # words
ok '  and nothing is left'        gone $(cut -d ' ' -f 1 ./*.mark)
is "$(cat ./*.double 2>/dev/null)" '' 'never two instances'
done_testing
