#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# hub.sock: shapes, codes, and requests that no client should send.
. "${0%/*}/lib.sh"

head_has() { tr -d '\r' <headers | grep -qiE "$1"; }
raw() {         # REQUEST for printf: sets $code; the answer is in body
	# shellcheck disable=SC2059 # that is what it is for
	printf "$1" | say "$PARACHUTE_HOME/hub.sock" >body 2>raw.err || return 1
	code=$(sed -n '1s/^HTTP\/1\.1 \([0-9]*\).*/\1/p' body)
}
raw_is() {      # CODE REQUEST
	raw "$2" || { cat raw.err body; return 1; }
	[ "$code" = "$1" ] || { echo "got $code"; cat body; return 1; }
}
error='(.error | type == "string") and (.error_description | type == "string")'

serv_module good
good=$free
serv_module gone
serv_module mute --no-bind
serv_module dead --exit 5
free_port; module missing "$free" no-such-program
mkdir -p mod/good
echo '{"name":"x","version":"9.8.7"}' >mod/good/package.json
manifest good '. + {managementUrl: "/admin/", uiUrl: "ui/"}'
ok 'hub comes up'                 hub_start
ok 'good is ready'                exits 0 pc-status --wait=60 good
ok 'gone is stopped'              exits 0 pc-stop gone
ok 'dead has crashed'             eventually mod_has dead \
	'.state.status == "crashed"'
ok 'mute is said not to listen'   eventually mod_has mute \
	'.state | has("startError")'

# --- reading

ok 'GET /health'                  api_is 200 GET /health '.status == "ok" and
	.service == "parachute-hub" and (.version | length > 0)'
ok '  is JSON'                    head_has '^content-type: application/json'
ok '  no-store'                   head_has '^cache-control:.*no-store'
ok 'HEAD /health'                 api_is 200 HEAD /health
ok 'POST /health'                 api_is 200 POST /health
ok 'GET /api/ready'               api_is 200 GET /api/ready '
	keys == ["persistent_modules", "ready", "ready_modules",
		"transient_modules"] and .ready == false and
	(.ready_modules == ["good"]) and
	(.persistent_modules | sort | contains(["dead", "missing"])) and
	([.ready_modules, .transient_modules, .persistent_modules] | flatten |
		index("gone") | not)'
ok '  no-store'                   head_has '^cache-control:.*no-store'
ok 'HEAD /api/ready'              api_is 200 HEAD /api/ready
ok 'GET /api/hub'                 api_is 200 GET /api/hub "
	.pid == $hub and (.version | type == \"string\") and
	(.started_at | test(\"Z\$\")) and .uptime_ms >= 0 and
	(.source | type == \"string\") and (.descriptors | type == \"object\")"
ok 'GET /api/modules'             api_is 200 GET /api/modules '
	(.modules | type == "array") and .supervisor_available == true and
	has("module_install_channel") and (.supervised | type == "array")'
ok '  no-store'                   head_has '^cache-control:.*no-store'
ok '  a row has every field'      jq -e '.modules[] |
	select(.short == "good") | . as $r |
	(["short", "package", "display_name", "tagline", "available",
	"installed", "installed_version", "latest_version",
	"supervisor_status", "pid", "supervisor_start_error", "install_dir",
	"uis", "management_url", "focus", "available_to_install",
	"upgrade_available", "config_ui_url", "state", "port", "listening",
	"restarts"] - ($r | keys)) == []' body
ok '  with these values'          jq -e --arg t "$T" --argjson p "$good" '
	.modules[] | select(.short == "good") | .installed == true and
	.available == true and .installed_version == "9.8.7" and
	.supervisor_status == "running" and .pid == .state.pid and
	.supervisor_start_error == null and .uis == [] and
	.install_dir == $t + "/mod/good" and .port == $p and
	.listening == "yes" and .restarts == 0 and
	.state.short == "good"' body
ok '  of a stopped one'           jq -e '.modules[] |
	select(.short == "gone") | .supervisor_status == "stopped" and
	.pid == null and .listening == null' body
ok '  of one with an error'       jq -e '.modules[] |
	select(.short == "missing") | .supervisor_status == "crashed" and
	.supervisor_start_error.error_type == "missing_dependency"' body
ok '  known ones that are not installed' jq -e '.modules[] |
	select(.short == "vault") | .installed == false and
	.supervisor_status == null and .installed_version == null' body
ok '  statuses are of the closed set' jq -e 'all(.modules[].state |
	select(. != null) | .status; . == "starting" or . == "running" or
	. == "stopped" or . == "crashed" or . == "restarting")' body
row good '. + {uis: {main: {displayName: "Main", path: "/good/ui"}}}'
ok '  uis'                        api_is 200 GET /api/modules '.modules[] |
	select(.short == "good") | .uis == [{name: "main",
	display_name: "Main", path: "/good/ui", tagline: null, icon_url: null,
	version: null, oauth_client_id: null, status: null}]'
ok '  management_url'             jq -e '.modules[] |
	select(.short == "good") | .management_url == "/admin/"' body

# --- operations

ok 'start of a running one'       api_is 200 POST /api/modules/good/start '
	keys == ["short", "state"] and .short == "good" and
	.state.status == "running"'
pid=$(jq .state.pid body)
ok 'restart'                      api_is 200 \
	POST '/api/modules/good/restart?wait=ready' \
	'.short == "good" and .waited == "ready" and .state.status == "running"'
ok '  another pid'                test "$(jq .state.pid body)" != "$pid"
ok 'stop'                         api_is 200 POST /api/modules/good/stop '
	. == {short: "good", stopped: true, state: .state} and
	.state.status == "stopped" and (.state | has("pid") | not)'
ok 'stop again'                   api_is 200 POST /api/modules/good/stop \
	'.short == "good" and (.stopped | type == "boolean")'
ok 'start?wait=ready&timeout=60'  api_is 200 \
	POST '/api/modules/good/start?wait=ready&timeout=60' \
	'.waited == "ready" and .state.status == "running"'
ok 'start of one that crashes'    api_is 200 \
	POST '/api/modules/dead/start?wait=ready&timeout=60' \
	'.waited == "crashed" and .state.lastExitCode == 5'
ok 'start of one that is missing' api_is 200 POST /api/modules/missing/start '
	.state.status == "crashed" and
	.state.startError.error_type == "missing_dependency"'
ok 'late: 504'                    api_is 504 \
	POST '/api/modules/mute/start?wait=ready&timeout=1' \
	'.error == "wait_timeout" and .state.status == "running"'
curl -sS --unix-socket home/hub.sock -X POST -o waiter.json \
	'http://hub/api/modules/mute/start?wait=ready&timeout=600' &
waiter=$!
others="$others $waiter"
api GET /health
ok 'stop while another waits'     api_is 200 POST /api/modules/mute/stop
wait "$waiter"
ok '  ends the waiting'           jq -e '.waited == "stopped" or
	(.state.status == "stopped")' waiter.json
ok 'ready?wait: crashed is an answer' api_is 200 \
	GET '/api/ready?wait=ready&timeout=600' '.ready == false'
for t in 0 601 -1 x 1x '' 99999999999999999999; do
	ok "timeout='$t': 400"    api_is 400 \
		POST "/api/modules/good/start?wait=ready&timeout=$t" "$error"
done
ok 'wait=nonsense: 400'           api_is 400 \
	POST '/api/modules/good/start?wait=nonsense' "$error"

ok 'no such row: start 400'       api_is 400 POST /api/modules/nobody/start \
	'.error == "not_installed"'
ok '  restart 404'                api_is 404 POST /api/modules/nobody/restart \
	'.error == "not_supervised"'
ok '  logs 404'                   api_is 404 GET /api/modules/nobody/logs \
	'.error == "not_supervised"'
ok '  stop 200'                   api_is 200 POST /api/modules/nobody/stop \
	'. == {short: "nobody", stopped: false}'

# --- logs

ask "$good" /lines/3
ok 'lines of a module are on stdout' waitfor has '[good] line 3' hub.log
ok 'logs'                         api_is 200 GET /api/modules/good/logs '
	keys == ["lines", "short", "text"] and
	.lines[-3:] == ["[good] line 1\n", "[good] line 2\n",
	"[good] line 3\n"] and (.text == (.lines | add))'
for f in 1 true; do
	_h=$T/fhead
	curl -sSN --unix-socket home/hub.sock -D "$_h" -o "follow.$f" \
		"http://hub/api/modules/good/logs?follow=$f" 2>curl.err &
	others="$others $!"
	ok "logs?follow=$f: what was there" \
		waitfor has '[good] line 3' "follow.$f"
	ok '  what comes'         ask "$good" "/say/pushed-$f"
	ok '  is pushed'          waitfor has "[good] pushed-$f" "follow.$f"
	is "$(grep -cxF "[good] pushed-$f" "follow.$f")" 1 '  once'
	cp fhead headers
	ok '  text'               head_has '^content-type: text/plain'
	ok '  no-store'           head_has '^cache-control:.*no-store'
done
ok 'n=2, format=records'          api_is 200 \
	GET '/api/modules/good/logs?format=records&n=2' \
	'[.records[].text] == ["pushed-1", "pushed-true"]'
for q in n=x n=-1 after=x after=1 after=1.x format=xml format=json; do
	ok "logs?$q: 400"         api_is 400 \
		GET "/api/modules/good/logs?$q" "$error"
done

# --- what is not there

for p in / /nothing /api /api/ /api/modules/ /api/modules/bad-one \
	/api/modules/good/ /api/modules/good/nothing /metrics/ \
	/api/modules/good/start/more //api/modules /api//modules \
	/API/modules /api/modules/good/..; do
	ok "GET $p: 404"          api_is 404 GET "$p" "$error"
done
for p in 'GET /api/modules/good/start' 'GET /api/modules/good/stop' \
	'GET /api/modules/good/restart' 'POST /api/modules/good/logs' \
	'POST /api/modules' 'DELETE /api/modules' 'POST /api/ready' \
	'PUT /api/hub' 'POST /metrics' 'DELETE /api/modules/good'; do
	ok "$p: 405"              api_is 405 "${p% *}" "${p#* }" "$error"
	ok '  says what is allowed' head_has '^allow: [A-Z]'
done
for s in '%2e%2e' '..' '.' '%00' 'a%00b' 'a%2fb' '%2e%2e%2f%2e%2e%2fetc' \
	'%20' 'a%0ab' "$(printf '%0200d' 0)" '-rf' '%e2%80%ae' '$(id)' \
	'%7f' 'hub' 'logs'; do
	for o in start restart stop; do
		api POST "/api/modules/$s/$o"
		ok "$o $s: $code" test "$code" = 400 -o "$code" = 404 -o \
			"$o$code" = stop200
		ok '  JSON'       jq -e 'type == "object"' body
	done
done
for p in '/api/modules/%zz/start' '/api/modules/good%/stop' \
	'/api/modules/%2/restart'; do
	ok "$p: 400"              api_is 400 POST "$p" "$error"
done

# --- what is no request

crlf='\r\nHost: x\r\nConnection: close\r\n\r\n'
ok 'plain'                        raw_is 200 "GET /health HTTP/1.1$crlf"
for bad in 'GET' 'GET /' 'GET  / HTTP/1.1' ' GET / HTTP/1.1' \
	'GET / HTTP/1.1 ' 'GET / HTTP/2.0' 'GET / XTTP/1.1' 'G@T / HTTP/1.1' \
	'GET health HTTP/1.1' 'GET /\001 HTTP/1.1' 'GET /\303\251 HTTP/1.1'; do
	ok "'$bad': 4xx or 505"   raw "$bad$crlf"
	ok "  $code"              test "$code" -ge 400 -a "$code" -ne 500
	ok '  JSON'               grep -q '"error"' body
done
q='POST /api/modules/nobody/stop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
ok 'two lengths'                  raw_is 400 \
	"${q}Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"
ok 'length with chunked'          raw_is 400 \
	"${q}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
ok 'bad length'                   raw_is 400 "${q}Content-Length: +1\r\n\r\nx"
ok 'space before the colon'       raw_is 400 "${q}X : y\r\n\r\n"
ok 'folded line'                  raw_is 400 "${q}X: y\r\n z\r\n\r\n"
ok 'bare LF'                      raw_is 400 'GET /health HTTP/1.1\nHost: x\n\n'
ok 'no Host'                      raw_is 400 'GET /health HTTP/1.1\r\n\r\n'
ok 'bad chunk'                    raw_is 400 \
	"${q}Transfer-Encoding: chunked\r\n\r\nzz\r\n"
ok 'NUL in a header'              raw_is 400 "${q}X: a\000b\r\n\r\n"
long=$(printf '%09000d' 0)
ok 'long target'                  raw "GET /$long$long HTTP/1.1$crlf"
ok "  $code"                      test "$code" = 414 -o "$code" = 431 -o \
	"$code" = 400
ok 'long header'                  raw \
	"${q}X: $long$long$long$long$long$long\r\n\r\n"
ok "  $code"                      test "$code" = 431 -o "$code" = 400
ok 'long body'                    raw "${q}Content-Length: 99999999999\r\n\r\n"
ok "  $code"                      test "$code" = 413 -o "$code" = 400
ok 'two requests in one write'    raw \
	"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /api/ready HTTP/1.1$crlf"
is "$(grep -o 'HTTP/1.1 200' body | wc -l)" 2 '  two answers'
ok 'a small body is no fault'     api POST /api/modules/nobody/stop -d '{}'
is "$code" 200                    '  '
curl -sS --unix-socket home/hub.sock -o keep.1 http://hub/health \
	--next -sS --unix-socket home/hub.sock -o keep.2 http://hub/api/ready \
	--next -sS --unix-socket home/hub.sock -o keep.3 http://hub/health
ok 'one connection, many requests' cmp keep.1 keep.3

# --- many connections

i=0
while [ $i -lt 100 ]; do
	curl -sSN --unix-socket home/hub.sock -o /dev/null \
		'http://hub/api/modules/good/logs?follow=1' 2>>curl.err &
	others="$others $!"
	i=$((i + 1))
done
ok 'a hundred followers: still there' eventually exits 0 pc-status good
ok '  a stop gets in'             exits 0 pc-stop good
ok 'the hub is the same'          api_is 200 GET /api/hub ".pid == $hub"
ok 'hub goes down'                hub_stop
done_testing
