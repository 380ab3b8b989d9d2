#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# Status cannot lie: alive, listening, ready and healthy are facts of their
# own, and who listens is proven.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-240}
. "${0%/*}/lib.sh"

facts() { mod "$1" '.facts | "\(.alive) \(.listening) \(.ready) \(.ready_by)"'; }
facts_are() {   # SHORT "ALIVE LISTENING READY BY"
	_f=$(facts "$1")
	[ "$_f" = "$2" ] || { echo "got '$_f', want '$2'"; return 1; }
}
soon_facts() { ok "$3" eventually facts_are "$1" "$2"; }

mkfifo bind
serv_module late --late-fifo "$T/bind"
late=$free
serv_module plain
plain=$free
tree_module deep --depth 2 --width 2 --rest setsid,orphan,wash --bind below
deep=$free
ok 'hub comes up'                 hub_start
ok 'ready'                        exits 0 pc-status --wait=60 plain deep

# A watcher, from the start.
(cd "$PARACHUTE_HOME" && exec curl -sS -N --unix-socket hub.sock \
	http://hub/api/events) >events 2>events.err &
others="$others $!"
ok 'a watcher'                    waitfor has 'event: reset' events

ok 'one that listens'             facts_are plain 'true yes true port'
ok '  also in a grandchild'       facts_are deep 'true yes true port'
ok 'one that does not yet'        facts_are late 'true no false null'
ok '  gets a note'                eventually mod_has late \
	'.state.startError.error_type == "started_but_unbound"'
ok '  that names its port'        mod_has late \
	".state.startError.error_description | contains(\"$late\")"
echo >bind
soon_facts late 'true yes true port' '  once it does, it is ready'
ok '  and the note is gone'       eventually mod_has late \
	'.state | has("startError") | not'

from=$(now_ms)
ok 'one that stops listening'     ask "$plain" /unbind
# An answer is half a second old at most.
ok '  an answer says it'          eventually mod_has plain \
	'.facts.alive and .facts.listening == "no" and .facts.ready == false'
listening_no() {
	grep -A1 '^event: listening' events | sed -n 's/^data: *//p' |
		jq -se 'any(.[]; .short == "plain" and .listening == "no")'
}
ok '  the watcher hears it'       eventually listening_no
diag "after $(($(now_ms) - from)) ms"
ok '  status says so'             exits 1 pc-status plain
ok '  in its own words'           grep -qiE 'listen|bound' out
ok '  it was no crash'            mod_has plain '.restarts == 0 and
	.state.restartsInWindow == 0 and .state.status == "running"'

# A stranger takes the port while the module is alive.
stranger() {    # a server that is none of ours; sets $stranger
	rm -f stranger.mark
	serv --mark "$T/stranger.mark" --listen "$plain" \
		>>other.log 2>&1 &
	stranger=$!
	others="$others $stranger"
	waitfor port-open "$plain"
}
stranger
ok 'a stranger has the port'      eventually mod_has plain \
	'.facts.listening == "other" and .facts.alive and
	.facts.ready == false'
ok '  is named'                   eventually mod_has plain \
	".state.startError | tostring | contains(\"$stranger\")"
ok '  to people too'              sh -c "pc-status plain | grep -q $stranger"
end_other "$stranger"
ok '  and gone again'             eventually mod_has plain \
	'.facts.listening == "no"'

# A stranger has the port when the module is to start.
ok 'stop'                         exits 0 pc-stop plain
ok '  says what is'               facts_are plain 'false null false null'
stranger
ok 'start beside a stranger'      exits 1 pc-start --wait=20 plain
ok '  names him'                  grep -q "$stranger" err
ok '  and his command'            grep -q serv err
ok '  in the state'               mod_has plain \
	".state.startError.error_type == \"port_squatter\" and
	(.state.startError.error_description | contains(\"$stranger\"))"
ok '  as facts'                   facts_are plain 'false other false null'
ok '  costs no budget'            mod_has plain '.state.restartsInWindow == 0'
ok '  and he lives'               gone_none "$stranger"
end_other "$stranger"
ok 'the port comes free: it starts' eventually facts_are plain \
	'true yes true port'
ok '  without a crash'            mod_has plain '.state.restartsInWindow == 0'

# A sibling is a stranger too.
free_port
module thief "$free" serv --listen "$plain" --mark "$T/thief.mark"
ok 'stop'                         exits 0 pc-stop plain
kill -HUP "$hub"
ok 'a sibling takes the port'     waitfor lines 1 thief.mark
ok '  which is not its own'       eventually facts_are thief \
	'true no false null'
ok 'start beside it'              exits 1 pc-start --wait=20 plain
ok '  names it'                   grep -q "$(pid_of thief)" err
ok '  it is not killed'           gone_none "$(last_mark thief.mark)"
ok 'stop of it'                   exits 0 pc-stop thief
ok '  and the other one starts'   eventually facts_are plain \
	'true yes true port'

# Ready is what the module says, where it says it.
cat >says.py <<'PY'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0"))
for line in sys.stdin if len(sys.argv) < 2 else open(sys.argv[1]):
	s.send(line.strip().replace(";", "\n").encode())
PY
mkfifo says
free_port
module tells "$free" python3 "$T/says.py" "$T/says"
exec 7<>says
kill -HUP "$hub"
ok 'one that will tell'           eventually mod_has tells '.facts.alive'
ok '  is not ready'               mod_has tells '.facts.ready == false'
echo 'READY=1;STATUS=all well' >&7
soon_facts tells 'true no true notify' '  until it says so'
ok '  with a status'              mod_has tells '.status_text == "all well"'
# A stranger who knows the socket does not count.
sock=$(tr '\0' '\n' <"/proc/$(pid_of tells)/environ" |
	sed -n 's/^NOTIFY_SOCKET=//p')
ok '  its socket is known'        test -n "$sock"
echo 'STATUS=lies' | NOTIFY_SOCKET=$sock python3 says.py
echo 'STATUS=still well' >&7
ok '  a stranger is not believed' eventually mod_has tells \
	'.status_text == "still well"'
free_port
module byte "$free" sh -c 'eval "echo >&$NOTIFY_FD"; exec serv --no-bind'
kill -HUP "$hub"
soon_facts byte 'true no true fd' 'one that writes a byte'

# Healthy is what its health path says, while somebody watches.
cat >health.py <<'PY'
import http.server, os, sys
class H(http.server.BaseHTTPRequestHandler):
	def do_GET(self):
		self.send_response(int(open(sys.argv[1]).read()))
		self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), H).serve_forever()
PY
for answer in 200 401 500; do
	echo $answer >"answer.$answer"
	free_port
	module "h$answer" "$free" python3 "$T/health.py" "$T/answer.$answer"
done
kill -HUP "$hub"
ok '200 is healthy'               eventually mod_has h200 '.facts.healthy == true'
ok '401 is healthy'               eventually mod_has h401 '.facts.healthy == true'
ok '500 is not'                   eventually mod_has h500 '.facts.healthy == false'
ok '  but ready'                  mod_has h500 '.facts.ready and .facts.alive'
ok '  with what it said'          api_is 200 GET /api/modules/h500 \
	'.health.http_status == 500'
ok 'stops'                        hub_stop
ok '  and nothing is left'        no_trees
done_testing
