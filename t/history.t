#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# How runs ended: causes, last lines, what is kept and for how long.
. "${0%/*}/lib.sh"

serv_module exits --lines 25 --exit 7
serv_module victim --lines 3
serv_module unended --long 5 --exit 3
serv_module squat
free_port
module missing "$free" no-such-program
free_port
module broken "$free" ./broken
printf '#!/no/such/interpreter\n' >mod/broken/broken
chmod 755 mod/broken/broken

# The exits of a module, newest first.
exit_of() {     # SHORT JQ-EXPRESSION on the array
	pc-status --json "$1" >status.json
	jq -e ".exits | $2" status.json
}
exit_has() { [ "$(exit_of "$1" "$2")" = true ]; }

other serv --listen "$(jq -r '.services[] | select(.name == "squat").port' \
	home/services.json)"
eventually port_open "$(jq -r '.services[] |
	select(.name == "squat").port' home/services.json)"
ok 'hub comes up'                 hub_start
eventually mod_has exits '.state.status == "crashed"'
eventually mod_has victim '.listening == "yes"'

ok 'an exit'                      exit_has exits 'length == 3 and all(.[];
	.cause == "exit" and .code == 7 and .signal == null and
	(.at | test("Z$")) and .pid > 0 and .uptime_ms >= 0)'
ok '  with the twenty lines before' exit_has exits 'all(.[];
	.lines == [range(6; 26) | "line \(.)"])'
ok '  newest first'               exit_has exits \
	'map(.at) == (map(.at) | sort | reverse)'
ok '  GET /api/modules/exits'     api_is 200 GET /api/modules/exits \
	'.exits | length == 3'
ok 'a line without its newline'   exit_has unended '.[0] | .code == 3 and
	(.lines | length == 1)'
kill -USR2 "$(pid_of victim)"
eventually exit_has victim '.[0].cause == "signal"'
ok 'a signal'                     exit_has victim '.[0] | .signal == 12 and
	.code == null and .lines == ["line 1", "line 2", "line 3"]'
eventually mod_has victim '.listening == "yes"'
kill -KILL "$(pid_of victim)"
eventually exit_has victim '.[0].signal == 9'
ok 'SIGKILL by somebody is just that' exit_has victim \
	'.[0].cause == "signal"'
eventually mod_has victim '.listening == "yes"'
pc-stop victim >out 2>err
ok 'a stop'                       exit_has victim '.[0] | .cause == "stop" and
	.signal == 15'
ok 'a program that is not there'  exit_has missing 'length == 1 and (.[0] |
	.cause == "exec_failed" and .pid == null and .lines == [])'
ok 'one that cannot be executed'  exit_has broken '.[0] |
	.cause == "exec_failed" and .pid > 0'
ok 'a port that is taken'         exit_has squat 'length == 1 and
	.[0].cause == "squatted"'

# --- as text

ok 'pc-status victim: 0'          exits 0 pc-status victim
ok '  says how it ended'          grep -q ' stop, signal 15 ' out
ok 'pc-status exits: 1'           exits 1 pc-status exits
ok '  three times'                test \
	"$(grep -c ' exit, status 7, pid ' out)" -eq 3
ok '  and the lines before'       grep -qx '  line 25' out
ok '  when it is tried again'     grep -q '^  next try  *in [0-9]' out
ok '  what runs'                  grep -q '^  command  *serv --mark' out
ok '  where its log is'           grep -q "^  log  *$T/home/exits/logs/" out
ok 'pc-status --json: the API'    api_is 200 GET /api/modules/victim
pc-status --json victim >out
ok '  verbatim'                   test \
	"$(jq -S 'del(.usage, .processes, .state, .health)' out)" = \
	"$(jq -S 'del(.usage, .processes, .state, .health)' body)"
ok 'several: the table'           exits 1 pc-status victim exits
ok '  with its heading'           grep -q '^SERVICE ' out
ok '--usage'                      exits 1 pc-status --usage
ok '  CPU and MEM'                sh -c 'head -1 out | grep -q "CPU *MEM$"'

# --- the keeper goes

before=$(exit_of victim 'map([.at, .cause, .lines])')
hub_kill
ok 'a killed keeper leaves them'  exits 3 pc-status --json victim
ok '  the same'                   test "$(jq '.exits |
	map([.at, .cause, .lines])' out)" = "$before"
ok '  as text'                    exits 3 pc-status victim
ok '  too'                        grep -q ' stop, signal 15 ' out
ok '  and says why it is just that' complains pc-status hub
ok 'the next keeper'              hub_start
is "$(mod victim .state.status)" stopped '  knows who was stopped by hand'
ok '  until it is started'        pc-start victim
eventually mod_has victim '.listening == "yes"'
kill -USR1 "$(pid_of victim)"
eventually exit_has victim '.[0].signal == 10'
ok '  knows them, and goes on'    exit_has victim \
	'(map(.cause) | index("stop")) != null'

# --- fifty

ok 'sixty stops'                  sh -c 'for i in $(seq 60); do
	pc-restart victim || exit; done'
ok '  fifty are kept'             exit_has victim 'length == 50 and
	all(.[]; .cause == "stop")'
ok '  in a small file, 0600'      sh -c \
	'[ "$(find home/hub/exits -type f -size -205k -perm 0600 |
	grep -c .)" -eq "$(find home/hub/exits -type f | grep -c .)" ]'
ok '  in a directory, 0700'       sh -c \
	'[ "$(stat -c %a home/hub/exits)" = 700 ]'

# --- the row goes

unrow victim
ok 'a reload'                     kill -HUP "$hub"
eventually not mod_has victim '.pid != null' >log 2>&1
ok '  the file stays'             test -s home/hub/exits/victim

# --- a file that cannot be written

eventually mod_has exits '.state.status == "crashed"'
mv home/hub/exits away && : >home/hub/exits
pc-start exits >out 2>err
eventually mod_has exits '.state.status == "crashed"'
eventually grep -q 'exits: how it ended cannot be kept' hub.log
is "$(grep -c 'exits: how it ended cannot be kept' hub.log)" 1 \
	'a file that cannot be written is said once'
rm home/hub/exits && mv away home/hub/exits
ok 'hub goes down'                hub_stop

# --- out of memory, where the kernel lets us see it

cg=/sys/fs/cgroup/memory/pc-test-$$
if mkdir "$cg" 2>/dev/null && echo 48M >"$cg/memory.limit_in_bytes"; then
	rm -rf home/hub/exits
	services '.services = []'
	free_port
	module hungry "$free" sh -c 'echo "about to eat"; exec tail /dev/zero'
	free_port
	module other "$free" serv
	cat >in-cgroup <<-END
		#!/bin/sh
		echo \$\$ >$cg/cgroup.procs
		exec pc-serve "\$@"
	END
	chmod 755 in-cgroup
	rm -f ready && mkfifo ready
	./in-cgroup --home "$PARACHUTE_HOME" --no-front --ready-fd 3 \
		3>ready >>hub.log 2>&1 &
	hub=$!
	read -r port <ready
	eventually exit_has hungry 'length > 0'
	ok 'out of memory'        exit_has hungry '.[0] |
		.cause == "out_of_memory" and .signal == 9 and
		.lines == ["about to eat"]'
	eventually mod_has hungry '.state.status == "crashed"'
	kill -KILL "$(pid_of other)"
	eventually exit_has other 'length > 0'
	ok '  another SIGKILL is none' exit_has other '.[0].cause == "signal"'
	ok 'hub goes down'        hub_stop
	eventually rmdir "$cg"
else
	rmdir "$cg" 2>/dev/null
	skip 'out of memory' 'no memory cgroup of ours here'
fi
done_testing
