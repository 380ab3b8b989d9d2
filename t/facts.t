#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# Facts about a running module: alive, listening, ready, healthy; what it
# says of itself, what it uses; and what our own service manager is told.
. "${0%/*}/lib.sh"

crlf=$(printf '\r')
serv_module port
port_=$free
serv_module told --no-bind --notify READY=1,STATUS=counting+sheep
serv_module child --no-bind --notify-child READY=1,STATUS=from+below
serv_module byte --no-bind --notify-fd
serv_module mute --no-bind --env "$T/mute.env"
mute=$free
serv_module silent --notify WATCHDOG_USEC=100000
serv_module depends
manifest depends '.dependencies = {told: {}}'
for h in ok door broken noise long hangs; do
	serv_module "h-$h" --health "$T/$h.answer"
	eval "h_$h=$free"
done
printf 'HTTP/1.1 200 OK\r\n\r\n' >ok.answer
printf 'HTTP/1.0 401 Unauthorized\r\n\r\n' >door.answer
printf 'HTTP/1.1 500 Oh no\r\n\r\n' >broken.answer
printf 'SSH-2.0-OpenSSH_9.2\r\n' >noise.answer
{ printf 'HTTP/1.1 204 '; head -c 8000 /dev/zero | tr '\0' x; } >long.answer

# --- our own service manager

cat >receiver.py <<'END'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
open(sys.argv[1] + ".there", "w").close()
while True:
    data = s.recv(4096).decode()
    with open(sys.argv[2], "a") as f:
        f.write(data + "\n")
END
: >manager.log
other python3 receiver.py "$T/manager" "$T/manager.log"
waitfor file "$T/manager.there"
hub_env="NOTIFY_SOCKET=$T/manager WATCHDOG_USEC=400000"
ok 'hub comes up'                 hub_start
hub_env=''
ok 'its manager: READY=1'         waitfor has READY=1 manager.log
ok '  WATCHDOG=1'                 waitfor has WATCHDOG=1 manager.log
ok '  STATUS=13 modules'          waitfor has 'STATUS=13 modules' manager.log

# --- ready

facts() { mod_has "$1" ".facts | $2"; }
ok 'by its port'                  exits 0 pc-status --wait=60 port
ok '  the facts'                  facts port '. == {alive: true,
	listening: "yes", ready: true, ready_by: "port", healthy: .healthy}'
ok 'by READY=1'                   exits 0 pc-status --wait=60 told
ok '  the facts'                  facts told '. == {alive: true,
	listening: "no", ready: true, ready_by: "notify", healthy: null}'
is "$(mod told .status_text)" 'counting sheep' '  its status'
ok '  no note that it does not listen' \
	mod_has told '.state | has("startError") | not'
ok '  who depends on it runs'     exits 0 pc-status --wait=60 depends
is "$(cell told STATE)" active    '  active'
is "$(cell told LISTENING)" no    '  though it does not listen'
ok 'by a grandchild elsewhere'    exits 0 pc-status --wait=60 child
is "$(mod child .status_text)" 'from below' '  its status'
ok 'by a byte'                    exits 0 pc-status --wait=60 byte
ok '  the facts'                  facts byte '.ready and .ready_by == "fd"'
ok '  another byte ends nothing'  mod_has byte '.restarts == 0'
ok 'restart waits for it'         exits 0 pc-restart --wait=60 told byte
ok '?wait=ready'                  api_is 200 \
	POST '/api/modules/told/restart?wait=ready' '.waited == "ready"'
ok 'GET /api/ready'               api_is 200 GET /api/ready \
	'(.ready_modules | contains(["told", "byte", "child", "port"])) and
	(.ready_modules | contains(["mute"]) | not)'
is "$(mod port .status_text)" null 'who says nothing has no status'

# --- who is heard

cat >stranger.py <<'END'
import array, os, socket, sys
name = sys.argv[1].replace("@", "\0", 1)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(sys.argv[2].replace(",", "\n").encode(), name)
r, w = os.pipe()
s.sendmsg([b"BARRIER=1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
    array.array("i", [w] * 3))], 0, name)
os.close(w)
with open("barrier.pipe", "w") as f:
    f.write("pipe:[%d]" % os.fstat(r).st_ino)
assert os.read(r, 1) == b""
END
name=$(sed -n 's/^NOTIFY_SOCKET=//p' mute.env)
ignored() { api GET /api/hub; jq .notifications_ignored body; }
kept() { find "/proc/$hub/fd" -lname "$(sed 's/[][]/\\&/g' "$1")" | grep .; }
had=$(ignored)
mpid=$(pid_of mute)
ok 'a stranger, and its barrier'  python3 stranger.py "$name" \
	"READY=1,STATUS=hello,MAINPID=$mpid"
is "$(ignored)" $((had + 2))      '  is counted'
ok '  not believed'               facts mute '.ready == false'
is "$(mod mute .status_text)" null '  nor shown'
ok '  its descriptors are not kept' not kept barrier.pipe
readlink "/proc/$hub/fd/1" >stdout.link
ok '    which would be seen'      kept stdout.link
ok 'the keeper says that it cannot be: note' eventually \
	mod_has mute '.state.startError.error_type == "started_but_unbound"'
is "$(mod mute '.facts.ready, .facts.alive' | tr '\n' ' ')" 'false true ' \
	'alive, and not ready'

# --- watchdog

ok 'silent for too long: ended, three times' eventually \
	mod_has silent '.state.status == "crashed"'
ok '  by SIGABRT'                 mod_has silent '.state.lastExitCode == 134'
is "$(marks silent.mark)" 3       '  as a crash'
ask "$port_" /notify/WATCHDOG_USEC=3600000000,STATUS=watched
ok 'one that is watched'          api_is 200 GET /api/modules/port \
	'.notified.watchdog_ms == 3600000 and .status_text == "watched"'
ask "$port_" /notify/WATCHDOG_USEC=0,STATUS=,STOPPING=1,RELOADING=1
ok '  not any more'               api_is 200 GET /api/modules/port \
	'.notified == {ready: false, reloading: true, stopping: true,
	watchdog_ms: null} and .status_text == null'

# --- health

health() { api_is 200 GET "/api/modules/h-$1" ".health | $2"; }
ok 'all have been asked'          eventually health hangs '.state != "unknown"'
ok '200'                          eventually health ok '.state == "ok" and
	.http_status == 200 and .failures == 0 and .error == null and
	.path == "/h-ok/health" and .took_ms >= 0 and (.at | test("Z$"))'
ok '  healthy'                    facts h-ok '.healthy == true'
ok '  was asked so'               grep -qx "GET /h-ok/health HTTP/1.1$crlf" \
	ok.answer.asked
ok '  of its own address'         grep -qx "Host: 127.0.0.1:$h_ok$crlf" \
	ok.answer.asked
ok '401 is alive'                 eventually health door '.state == "ok" and
	.http_status == 401'
ok '500 is not'                   eventually health broken \
	'.state == "failing" and .http_status == 500 and .failures >= 1 and
	(.error | test("500"))'
ok '  not healthy, but ready'     facts h-broken \
	'.healthy == false and .ready'
ok 'garbage'                      eventually health noise \
	'.state == "failing" and .http_status == null'
ok 'no more is read than 64 bytes' eventually health long \
	'.state == "ok" and .http_status == 204'
ok 'no answer'                    eventually health hangs \
	'.state == "failing" and (.error | test("1500 ms"))'
is "$(grep -c '^GET' ok.answer.asked)" 1 'asked once, however many look'

# --- listening

ok 'it listens'                   facts port '.listening == "yes"'
ask "$port_" /unbind
ok 'a lost listener shows'        eventually facts port '.listening == "no"
	and .ready == false and .alive'
other serv --listen "$mute"
ok "a stranger's is not the module's" eventually \
	facts mute '.listening == "other" and .ready == false'
ok '  and is named'               mod_has mute '.state.startError |
	.error_description | test("serv")'

# --- use

ok 'GET /api/modules/NAME'        api_is 200 GET /api/modules/child '
	.short == "child" and .state.status == "running" and
	.usage.processes == 2 and .usage.memory_bytes > 4096 and
	.usage.cpu_ms >= 0 and .usage.cpu_percent >= 0 and
	.usage.descriptors >= 6 and (.processes | length == 2) and
	([.processes[].pid] | contains(['"$(pid_of child)"'])) and
	all(.processes[]; .command | test("^serv")) and
	(.log.next | test("^1\\.[0-9]+$")) and .log.lines_total == 0'
api GET /api/modules
ok '  has all that a row has'     jq -e --slurpfile b body -n '
	[$b[0].modules[] | select(.short == "child") | keys[]]
	| contains(["facts", "status_text", "log_error", "state"])'
ok '  404'                        api_is 404 GET /api/modules/none \
	'.error == "not_supervised"'
for v in '' '&view=status'; do
	ok "?usage=1$v"           api_is 200 GET "/api/modules?usage=1$v" '
		[.modules[] | select(.short == "told")] | .[0].usage |
		.processes == 1 and .memory_bytes > 0'
done
ok 'not when it is not asked for' api_is 200 GET '/api/modules?view=status' \
	'all(.modules[]; has("usage") | not) and
	all(.modules[]; has("facts") and has("status_text") and
	has("log_error"))'
ok '  one that does not run uses nothing' api_is 200 \
	GET '/api/modules?view=status&usage=1' '[.modules[] |
	select(.short == "silent")] | .[0].usage == null'

# --- metrics

metrics() {     # ACCEPT FILE
	api GET /metrics -H "Accept: $1"
	cp body "$2"
	[ "$code" = 200 ]
}
ok 'GET /metrics'                 metrics '*/*' text
ok '  its type'                   grep -qi \
	"^content-type: text/plain; version=0.0.4; charset=utf-8$crlf" headers
ok '  OpenMetrics'                metrics \
	'application/openmetrics-text;version=1.0.0,*/*;q=0.1' open
ok '  its type'                   grep -qi "^content-type: \
application/openmetrics-text; version=1.0.0; charset=utf-8$crlf" headers
ok '  the end is marked'          test "$(tail -n 1 open)" = '# EOF'
has_line() { grep -qxF "$1" "$2"; }
for f in text open; do
	for l in '_up{module="told"} 1' '_ready{module="told"} 1' \
		'_listening{module="told"} 0' '_up{module="silent"} 0' \
		'_state{module="told",state="running"} 1' \
		'_state{module="told",state="crashed"} 0' \
		'_state{module="silent",state="crashed"} 1' \
		'_healthy{module="h-ok"} 1' '_healthy{module="h-broken"} 0' \
		'_restarts_total{module="silent"} 2' \
		'_processes{module="child"} 2'; do
		ok "$f: $l"       has_line "parachute_module$l" $f
	done
	ok "$f: what is not known is not there" not grep -q \
		'_healthy{module="told"}' $f
	ok "$f: the hub's own"    grep -Eq \
		'^parachute_hub_memory_bytes [1-9][0-9]+$' $f
	ok '  its time'           grep -Eq \
		'^parachute_hub_cpu_seconds_total [0-9]+\.[0-9]{3}$' $f
	ok '  its version'        grep -Eq \
		'^parachute_hub_info\{version="[0-9.]+"\} 1$' $f
done
cat >parse.py <<'END'
import sys
if sys.argv[1] == "open":
    from prometheus_client.openmetrics import parser
else:
    from prometheus_client import parser
text = open(sys.argv[1]).read()
found = {f.name: f for f in parser.text_string_to_metric_families(text)}
n = sum(len(f.samples) for f in found.values())
assert n == sum(1 for l in text.splitlines() if l[0] != "#"), n
assert found["parachute_module_restarts"].type == "counter"
assert found["parachute_module_state"].type == "gauge"
for f in found.values():
    assert f.documentation, f.name
if sys.argv[1] == "open":
    assert found["parachute_module_memory_bytes"].unit == "bytes"
    assert found["parachute_module_cpu_seconds"].unit == "seconds"
END
# The one that the package is for may not be the first in PATH.
for p in python3 /usr/bin/python3 ''; do
	[ -n "$p" ] || skip 'the client takes both' 'no python3-prometheus-client'
	"${p:-false}" -c 'import prometheus_client' 2>/dev/null || continue
	ok 'text: the client takes it' "$p" parse.py text
	ok 'open: the client takes it' "$p" parse.py open
	break
done
if command -v promtool >/dev/null; then
	ok 'promtool'             exits 0 promtool check metrics <text
	ok '  has nothing to say' test ! -s err
else
	skip 'promtool' 'no promtool'
fi

# --- reload and the end

: >manager.log
kill -HUP "$hub"
ok 'its manager: RELOADING=1'     waitfor has RELOADING=1 manager.log
ok '  since when'                 grep -Eq '^MONOTONIC_USEC=[0-9]+$' \
	manager.log
ok '  READY=1'                    waitfor has READY=1 manager.log
ok 'hub goes down'                hub_stop
ok '  STOPPING=1'                 waitfor has STOPPING=1 manager.log

# --- a system that does not tell

lacking() {     # WHAT[,WHAT...]
	rm -f ready && mkfifo ready
	without "$1" pc-serve --home "$PARACHUTE_HOME" --no-front \
		--ready-fd 3 3>ready >>hub.log 2>&1 &
	hub=$!
	read -r port <ready
}
services '.services |= map(select(.name == "port" or .name == "mute"))'
end_other "${others##* }"
waitfor port-free "$mute"
ok 'without sock_diag'            lacking sock_diag
ok '  ready'                      exits 0 pc-status --wait=60 port
ok '  proven by /proc/net/tcp'    api_is 200 GET /api/hub \
	'.listeners == "proven"'
ok 'hub goes down'                hub_stop
if without proc true 2>/dev/null; then
	ok 'without /proc, pidfd, too'   lacking sock_diag,proc,pidfd
	ok '  ready'              exits 0 pc-status --wait=60 port
	ok '  believed'           api_is 200 GET /api/hub \
		'.listeners == "believed"'
	ok '  and said so'        grep -q 'cannot tell who listens' hub.log
	ok '  not who does not listen' facts mute '.listening == "no"'
	ask "$port_" /unbind
	ok '  a lost one shows'   eventually facts port '.listening == "no"'
	# A sanitizer looks for leaks in /proc, and reads there how not to.
	stop_blind() { hub_stop || grep -q LeakSanitizer hub.log; }
	ok 'hub goes down'        stop_blind
else
	skip 'without /proc' 'not root'
fi
done_testing
