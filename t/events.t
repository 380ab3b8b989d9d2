#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# GET /api/events and pc-status --events: every type, ids, resets, the end.
. "${0%/*}/lib.sh"

serv_module good
serv_module dead --exit 5
free_port
module none "$free" no-such-program
free_port
later=$free

# follow NAME CURL-ARG...: an event stream into the file NAME.
follow() {
	_f=$1
	shift
	(cd "$PARACHUTE_HOME" && exec curl -sSN --unix-socket hub.sock "$@" \
		http://hub/api/events) >"$_f" 2>>other.log &
	follower=$!
	others="$others $follower"
}
# As objects, one a line: the data, with event and id.
objects() {
	awk '/^id: / { id = substr($0, 5) } /^event: / { t = substr($0, 8) }
		/^data: / { printf "{\"event\":\"%s\",\"id\":\"%s\",%s\n", t,
		id, substr($0, 8) }' "$1" 2>/dev/null | jq -c .
}
# told FILE JQ-EXPRESSION: there is such an event
told() { objects "$1" | jq -e -s "any(.[]; $2)" >/dev/null; }
last_id() { sed -n 's/^id: //p' "$1" | tail -n 1; }

ok 'no hub: 3'                    exits 3 pc-status --events
ok '  in one line'                complains pc-status hub
ok '--watch and --events: 2'      exits 2 pc-status --events --watch
ok '--watch --json: 2'            exits 2 pc-status --json --watch

ok 'hub comes up'                 hub_start
follow one
eventually grep -q '^event: reset' one
ok 'a stream begins with reset'   sh -c 'sed -n "2p" one | grep -qx "event: reset"'
ok '  all modules, as in ?view=status' told one '.event == "reset" and
	([.modules[].short] | index("good") != null)
	and all(.modules[]; has("facts") and has("state"))'
follow two
pc-status --events >lines.out 2>lines.err &
lines=$!
pc-status --events --json >json.out 2>json.err &
json=$!
others="$others $lines $json"
eventually grep -q from lines.out
eventually grep -q reset json.out

# --- every type

eventually mod_has dead '.state.status == "crashed"'
pc-start --wait dead >out 2>err
eventually told one '.event == "exit" and .short == "dead" and .code == 5'
ok 'exit'                         told one '.event == "exit" and
	.short == "dead" and .cause == "exit" and has("lines")'
ok 'state'                        told one '.event == "state" and
	.short == "dead" and .state.status == "crashed" and has("from")'
pc-restart --wait good >out 2>err
eventually told one '.event == "ready" and .ready'
ok 'ready'                        told one '.event == "ready" and
	.short == "good" and .ready and .by == "port"'
ok 'listening'                    told one '.event == "listening" and
	.short == "good" and .listening == "yes" and .port > 0'
eventually told one '.event == "health" and .healthy == true'
ok 'health'                       told one '.event == "health" and
	.short == "good" and .http_status == 200'
ok 'operation: begun'             told one '.event == "operation" and
	.kind == "restart" and .phase == "begun"'
ok '  done'                       told one '.event == "operation" and
	.kind == "restart" and .phase == "done"'
pc-start none >out 2>err
ok '  failed, and why'            eventually told one \
	'.event == "operation" and .short == "none" and .phase == "failed" and
	(.error | test("no-such-program"))'
module new "$later" serv
kill -HUP "$hub"
eventually told one '.event == "registry" and .added == ["new"]'
ok 'registry: added'              told one '.event == "registry" and
	.removed == [] and .problems == 0'
unrow new
kill -HUP "$hub"
ok '  removed'                    eventually told one \
	'.event == "registry" and .removed == ["new"]'
ok 'every event has a time and an id' sh -c '! grep -c "^$" one >/dev/null ||
	[ "$(grep -c "^id: [0-9]*\.[0-9]*$" one)" -eq "$(grep -c ^data: one)" ]'
ok '  one higher each time'       sh -c 'sed -n "s/^id: [0-9]*\.//p" one |
	awk "NR > 1 && \$1 != p + 1 { exit 1 } { p = \$1 }"'

# --- a listener that is lost shows by itself

ask "$(mod good .port)" /unbind
ok 'a lost listener is told to who watches' eventually told one \
	'.event == "listening" and .short == "good" and .listening == "no"'

# --- two, the same

id=$(last_id one)
eventually grep -q "^id: $id" two
# Up to that one: the next may have come to one of them by now.
for f in one two; do
	awk -v id="id: $id" '{ print } $0 == id { last = 1 }
		last && $0 == "" { exit }' $f >$f.cut
	objects $f.cut | jq -s 'map(select(.event != "reset"))' >$f.json
done
ok 'two see the same'             jq -e -n --slurpfile a one.json \
	--slurpfile b two.json '$a[0] as $a | $b[0] as $b |
	($b | length) > 0 and ($a[-($b | length):] == $b)'

# --- ids

end_other "$follower"
two_id=$(last_id two)
pc-stop good >out 2>err
follow again -H "Last-Event-ID: $two_id"
eventually told again '.event == "operation" and .phase == "done"'
ok 'from an id: what came since'  not told again '.event == "reset"'
ok '  all of it'                  test "$(sed -n 's/^id: .*\.//p' again |
	head -n 1)" -eq "$((${two_id#*.} + 1))"
for bad in 1.999999 0.1 99.1 nonsense; do
	follow "bad-$bad" -H "Last-Event-ID: $bad"
	ok "id $bad: reset"       eventually told "bad-$bad" \
		'.event == "reset"'
	end_other "$follower"
done

# --- a reader that stalls

follow slow
eventually told slow '.event == "reset"'
kill -STOP "$follower"
slow=$follower
ok 'many events'                  sh -c 'for i in $(seq 150); do
	pc-start good && pc-stop good || exit; done >/dev/null'
follow late -H "Last-Event-ID: $two_id"
ok 'an id that is too old: reset' eventually told late '.event == "reset"'
kill -CONT "$slow"
end=$(last_id late)
eventually grep -q "^id: $end" slow
ok 'who stalled hears all, or has a reset' sh -c \
	'awk "/^id: / { n = substr(\$2, index(\$2, \".\") + 1) + 0 }
	/^event: / { if (seen && n != p + 1 && \$2 != \"reset\") exit 1
	p = n; seen = 1 }" slow'

# --- the program

kill -INT "$lines"
wait "$lines"
is $? 0                           'pc-status --events: SIGINT is 0'
ok '  lines for people'           grep -q '  good  ready (port)$' lines.out
ok '  nothing on stderr'          test ! -s lines.err
ok '--events --json: each an object' jq -e -s 'all(.[]; (.event | type ==
	"string") and (.id | test("^[0-9]+[.][0-9]+$")) and has("at"))' json.out
ok '  those of the stream'        jq -e -s 'any(.[]; .event == "exit" and
	.short == "dead")' json.out
pc-status --events --json good >named.out &
named=$!
others="$others $named"
eventually grep -q reset named.out
pc-start good dead >out 2>err
eventually jq -e -s 'any(.[]; .event == "state" and .short == "good")' \
	named.out
ok 'by name: only those'          jq -e -s 'all(.[]; .short == null or
	.short == "good")' named.out
ok 'a reader that goes away ends it' sh -c \
	'pc-status --events | head -n 1 >/dev/null'
ok 'hub goes down'                hub_stop
wait "$json"
is $? 0                           'a hub that ends in order: 0'
ok '  nothing on stderr'          test ! -s json.err
ok 'hub comes up'                 hub_start
pc-status --events >lines.out 2>err &
lines=$!
eventually grep -q from lines.out
hub_kill
wait "$lines"
is $? 3                           'a hub that is killed: 3'
ok '  in one line'                complains pc-status hub
ok 'hub comes up'                 hub_start
follow anew -H "Last-Event-ID: $id"
ok 'an id of the keeper before: reset' eventually told anew \
	'.event == "reset"'
done_testing
