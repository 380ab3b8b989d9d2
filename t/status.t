#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# pc-status: table, JSON, exit status, waiting; and pc.
. "${0%/*}/lib.sh"

serv_module good
serv_module dead --exit 5
serv_module still
mkfifo go
serv_module slow --late-fifo "$T/go"
row good '.version = "1.2.3-rc.4"'

# --- no hub

ok 'no hub: 3'                    exits 3 pc-status
ok '  still lists'                grep -q '^good ' out
ok '  and says it in one line'    complains pc-status hub
ok '--json'                       exits 3 pc-status --json
ok '  hub: not reachable'         jq -e '.hub.reachable == false' out
ok '  the same fields, no state'  jq -e '[.modules[] |
	select(.port != null) | .short] == ["good", "dead", "still", "slow"] and
	all(.modules[]; .state == null and .pid == null and
	.supervisor_status == null and has("listening") and has("restarts"))
	and (.problems | type == "array")' out
cp out down.json
ok '--wait'                       exits 3 pc-status --wait=1
ok 'a home that is not there'     exits 3 pc-status --home "$T/nowhere"
ok '  is not made'                not test -e nowhere

# --- with one

ok 'hub comes up'                 hub_start
exits 0 pc-stop still
eventually mod_has dead '.state.status == "crashed"'
ok 'one crashed: 1'               exits 1 pc-status
is "$(sed -n '1s/  */ /gp' out)" \
	'SERVICE PORT VERSION STATE PID UPTIME RESTARTS LISTENING' 'heading'
is "$(grep -v '^ ' out | tail -n 1 | cut -d ' ' -f 1)" hub 'the hub comes last'
is "$(grep -c '^good ' out)" 1    'a row for each'
ok '  no blanks at the end'       not grep -q ' $' out
ok '  no colour in a pipe'        not grep -q "$(printf '\033')" out
starts() { awk -v c="$1" 'NR == 1 { n = index($0, c) }
	NR > 1 && !/^ / { if (substr($0, n - 1, 1) != " " ||
		substr($0, n, 1) == " ") exit 1 }' out; }
for c in PORT VERSION STATE PID UPTIME RESTARTS LISTENING; do
	ok "column $c lines up"   starts $c
done
is "$(cell good VERSION)" 1.2.3-rc.4 'VERSION'
is "$(cell good STATE)" active    'STATE: active'
is "$(cell good PID)" "$(pid_of good)" 'PID'
ok 'UPTIME'                       expr \
	"$(cell good UPTIME)" : '[0-9][0-9]*s$'
is "$(cell good RESTARTS)" 0      'RESTARTS'
is "$(cell good LISTENING)" yes   'LISTENING'
is "$(cell dead STATE)" failing   'crashed: failing'
is "$(cell dead PID)" -           '  no PID'
is "$(cell dead LISTENING)" -     '  LISTENING: -'
is "$(cell still STATE)" inactive 'stopped: inactive'
is "$(cell still LISTENING)" -    '  LISTENING: -'
is "$(cell hub PID)" "$hub"       'the hub: PID'
is "$(cell hub STATE)" active     '  STATE'
pc-status >out 2>err
ok 'a note below the crashed one' test -n \
	"$(awk '/^dead / { on = 1; next } /^[^ ]/ { on = 0 } on' out)"

ok '--json: 1 as well'            exits 1 pc-status --json
ok '  hub'                        jq -e ".hub | .reachable == true and
	.pid == $hub and (.version | length > 0) and has(\"manager\") and
	(.startedAt | test(\"Z\$\"))" out
ok '  keys of the whole'          jq -e 'contains({hub: {}, modules: [],
	problems: []})' out
ok '  same rows as without a hub' jq -e --slurpfile d down.json '
	[.modules[] | [.short, (keys - ["state"])]] ==
	[$d[0].modules[] | [.short, (keys - ["state"])]]' out
ok '  state'                      jq -e '.modules[] |
	select(.short == "dead") | .state.status == "crashed" and
	.state.lastExitCode == 5 and .state.restartsInWindow == 3' out
api GET /api/modules
ok '  the rows of GET /api/modules' jq -e --slurpfile b body '
	def still: del(.state, .listening, .supervisor_start_error);
	[.modules[] | still] | . as $rows |
	[$b[0].modules[] | still |
		select(.short as $s | $rows | any(.short == $s))] |
	sort_by(.short) == ($rows | sort_by(.short))' out

ok 'one by name: 0'               exits 0 pc-status good
ok '  just that one'              not grep -q '^dead' out
ok 'by name, stopped: 0'          exits 0 pc-status good still
ok 'by name, crashed: 1'          exits 1 pc-status good dead
ok 'by name, --json'              exits 0 pc-status --json good
ok '  just that one, whole'        jq -e '.short == "good" and has("exits")' out
ok 'unknown: 1'                   exits 1 pc-status nobody
ok '  is named'                   complains pc-status nobody
ok '--names'                      exits 0 pc-status --names
for m in good dead still slow; do
	ok "  $m"                 grep -qx $m out
done
for bad in --nope --wait=x --wait=-1 --wait= --json=1 ''; do
	[ -n "$bad" ] || continue
	ok "usage: $bad"          exits 2 pc-status $bad
	ok '  in one line'        complains pc-status
done

# --- waiting

ok '--wait: crashed: 1 at once'   exits 1 pc-status --wait=600
ok '--wait of what is not ready: 4' exits 4 pc-status --wait=1 slow
ok '  says what'                  grep -q slow out err
pc-status --wait=60 slow >waited.out 2>&1 &
waiter=$!
others="$others $waiter"
echo >go
wait "$waiter"
is $? 0                           '--wait ends when it is'
ok '--wait of a stopped one: 0'   exits 0 pc-status --wait=60 still
ok 'NO_COLOR'                     env NO_COLOR=1 pc-status good

# --- pc

ok 'pc status'                    exits 0 pc status good
ok '  is pc-status'               grep -q '^good ' out
ok 'pc stop'                      exits 0 pc stop good
ok 'pc start --wait'              exits 0 pc start --wait good
ok 'pc restart'                   exits 0 pc restart --wait good
ok 'pc logs -n 1'                 exits 0 pc logs -n 1 good
ok 'pc --help'                    exits 0 pc --help
ok 'pc'                           exits 2 pc
ok '  in one line'                complains pc
ok 'pc nonsense'                  exits 2 pc nonsense
ok '  in one line'                complains pc nonsense
ok 'pc ../pc-status'              exits 2 pc ../pc-status
ok 'pc beside itself, not on PATH' exits 0 env PATH=/nonexistent \
	"$(command -v pc)" status good
ok 'hub goes down'                hub_stop
ok 'pc status: 3'                 exits 3 pc status
ok 'a full device is said'        sh -c 'pc-status >/dev/full; [ $? -ne 0 ]'
done_testing
