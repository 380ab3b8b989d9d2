#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# A worker of the front door by itself: what it makes, serves, passes on to a
# keeper, and how it ends.
. "${0%/*}/lib.sh"

# front_start [ARG...]: a worker with a socket of its own, up to "ready".
free_port
fport=$free front=''
front_start() {
	rm -f said && mkfifo said || return 1
	handover "$fport" pc-front --port "$fport" --instance one "$@" \
		>said 2>>front.err </dev/null &
	front=$!
	others="$others $front"
	exec 8<said
	: >front.said
	while read -r _line <&8; do
		echo "$_line" >>front.said
		[ "$_line" != ready ] || return 0
	done
	return 1
}
front_wait() {  # STATUS: how it ends
	wait "$front"
	_fs=$?
	[ "$_fs" -eq "$1" ] || { echo "ended with $_fs"; cat front.err
		return 1; }
}
front_end() {   # SIGNAL STATUS
	kill "-$1" "$front" && front_wait "$2"
}

# web METHOD PATH [CURL-ARG...], web_is CODE METHOD PATH [JQ-EXPRESSION]: as
# api and api_is, at the front door, as the operator.
web() {
	_m=$1 _path=$2
	shift 2
	case $_m in
	HEAD) set -- -I "$@" ;;
	*) set -- -X "$_m" "$@" ;;
	esac
	: >body
	code=$(curl -sS -g --path-as-is -o body -D headers -H @bearer \
		-w '%{http_code}' "$@" "http://127.0.0.1:$fport$_path")
}
web_is() {
	_c=$1 _am=$2 _ap=$3 _e=${4:-true}
	web "$_am" "$_ap"
	[ "$code" = "$_c" ] || { echo "$code, expected $_c"; cat body
		return 1; }
	[ "$_am" = HEAD ] || jq -e "$_e" body || { cat body; return 1; }
}
bearer() { printf 'Authorization: Bearer %s\n' \
	"$(cat "$PARACHUTE_HOME/operator.token")" >bearer; }
same() {        # PATH JQ-EXPRESSION: as hub.sock has it
	web GET "$1" && jq -S "$2" body >from-front &&
		api GET "$1" && jq -S "$2" body >from-hub &&
		cmp from-front from-hub
}

# --- what it makes

: >bearer
ok 'it is not started by hand'    exits 2 pc-front --instance x
ok '  which it says'              complains pc-front pc-serve
ok 'nor without --instance'       exits 2 env LISTEN_FDS=1 pc-front
ok 'no home, no worker'           exits 1 env LISTEN_FDS=1 pc-front \
	--instance x --home "$T/none"
ok '--prepare'                    exits 0 pc-front --prepare --instance one
ok '  makes these'                test -f home/hub.db -a \
	-f home/operator.token -a -f home/hub-instance.json
is "$(stat -c %a home/hub.db home/operator.token home/hub-instance.json |
	xargs)" '600 600 644' '  private, but for which boot it is'
ok '  and tells it'               grep -q 'signing key' err
cp home/operator.token token
ok '  again'                      exits 0 pc-front --prepare --instance one
ok '  without a word'             test ! -s err
ok '  the token stays'            cmp token home/operator.token
not_a_home() { echo x >file && exits 1 pc-front --prepare --home "$T/file"; }
ok '--prepare that cannot'        not_a_home
ok '  says so in a line'          complains pc-front file
bearer

# --- what it serves by itself

ok 'a worker, without a keeper'   front_start
ok '  says what it is locked in by' grep -q '^sandbox holds: ' front.said
ok '  and how hub.db is'          grep -q '^db ok$' front.said
ok '/health'                      web_is 200 GET /health '
	.status == "ok" and .db == "ok" and .instance == "one"'
ok 'the keys'                     web_is 200 GET /.well-known/jwks.json \
	'.keys | length == 1'
ok 'what the keeper knows is 503' web_is 503 GET /api/modules \
	'.error == "supervisor_unavailable"'
ok '  operations, too'            web_is 503 POST /api/modules/a/stop \
	'.error == "supervisor_unavailable"'
ok 'told to end, it ends'         front_end TERM 0

# --- with a keeper

serv_module a --lines 3
ok 'the keeper comes up'          hub_start
ok 'a is ready'                   exits 0 pc-status --wait=60 a
ok 'a worker'                     front_start
ok 'the list'                     same /api/modules .
ok '  short'                      same '/api/modules?view=status' .modules
ok '  ready'                      same /api/ready .
ok '  the hub'                    same /api/hub '.pid, .home'
ok '  one module'                 same /api/modules/a '.short, .state'
ok '  its log'                    same /api/modules/a/logs .
ok '  as records, after one'      same \
	'/api/modules/a/logs?format=records&n=1' .
web GET /metrics
ok 'metrics'                      grep -q '^# TYPE ' body
ok 'stop'                         web_is 200 POST /api/modules/a/stop \
	'.stopped and .state.status == "stopped"'
ok '  the list knows at once'     web_is 200 GET /api/modules '.modules[] |
	select(.short == "a") | .supervisor_status == "stopped"'
ok 'start, and wait'              web_is 200 POST \
	'/api/modules/a/start?wait=ready&timeout=60' '.waited == "ready"'
ok '  the list knows'             web_is 200 GET /api/modules '.modules[] |
	select(.short == "a") | .supervisor_status == "running"'
ok 'others start and stop it'     exits 0 pc-stop a
ok '  the list knows'             eventually web_is 200 GET /api/modules \
	'.modules[] | select(.short == "a") | .supervisor_status == "stopped"'
ok 'refusals are the keeper'"'"'s' web_is 400 POST /api/modules/no/start \
	'.error == "not_installed"'
ok '  of names that are none'     web_is 404 GET '/api/modules/%2e%2e%2fx' \
	'.error == "not_supervised"'
ok 'a wrong parameter'            web_is 400 GET \
	'/api/modules/a/logs?n=many' '.error == "invalid_request"'
ok 'wait for all'                 web_is 200 GET \
	'/api/ready?wait=ready&timeout=60' .ready

# --- streams

stream() {      # FILE PATH: in the background, with its pid in $stream
	curl -sSN -H @bearer "http://127.0.0.1:$fport$2" >"$1" &
	stream=$!
	others="$others $stream"
}
stream log.out '/api/modules/a/logs?follow=1'
log=$stream
stream events.out /api/events
events=$stream
ok 'events are followed'          eventually grep -q '^event: reset' events.out
ok 'and a log'                    exits 0 pc-start --wait=60 a
ok '  its lines come'             eventually grep -q '^\[a\] ' log.out
ok 'so do events'                 eventually grep -q '^event: ready' events.out
ok 'who leaves a stream'          kill "$log"
ok 'SIGTERM ends the others'      front_end TERM 0
ok '  in order'                   wait "$events"

# --- hub.db goes

ok 'a worker'                     front_start
ok 'hub.db is removed'            rm home/hub.db home/hub.db-wal \
	home/hub.db-shm
ok '  it leaves for that'         front_wait 75
ok '--prepare'                    exits 0 pc-front --prepare --instance one
ok 'a worker'                     front_start
cp home/hub.db home/other.db
ok 'hub.db is another'            mv home/other.db home/hub.db
ok '  it leaves for that'         front_wait 75
rm -f home/hub.db home/hub.db-wal home/hub.db-shm
ok 'a worker without hub.db'      front_start
ok '  says so'                    grep -q '^db unconfigured$' front.said
ok '  /health'                    web_is 200 GET /health \
	'.status == "ok" and .db == "unconfigured"'
ok '  what needs a key'           web_is 503 GET /api/modules \
	'.error == "service_unavailable" and
	(.error_description | startswith("hub.db: there is none"))'
ok 'hub.db comes'                 exits 0 pc-front --prepare --instance one
ok '  it leaves for that, when asked' eventually not web GET \
	/.well-known/jwks.json
ok '  with that status'           front_wait 75
rm -f home/hub.db home/hub.db-wal home/hub.db-shm
ok 'hub.db is there'              exits 0 pc-front --prepare --instance one
mkfifo let.go
python3 -c '
import sqlite3
db = sqlite3.connect("home/hub.db", isolation_level=None)
db.execute("PRAGMA locking_mode=EXCLUSIVE")
db.execute("BEGIN EXCLUSIVE")
db.execute("SELECT * FROM users").fetchall()
open("alone", "w").close()
open("let.go").read()
' &
others="$others $!"
# The broker is forked just before hub.db is opened.
broker_runs() { pgrep -P "$(pgrep -P $$ -x pc-front)" -x pc-front; }
let_go() { eventually broker_runs >pgrep.out 2>&1 && : >let.go; }
ok 'another has it for itself'    eventually test -f alone
let_go &
ok 'a worker waits for that'      front_start
ok '  and has hub.db'             grep -q '^db ok$' front.said
front_end TERM 0
echo 'this is no database' >home/hub.db
ok 'hub.db is none'               exits 1 pc-front --prepare --instance one
ok '  which is said'              complains pc-front hub.db
ok 'a worker'                     front_start
ok '  /health'                    web_is 200 GET /health \
	'.db == "error: fatal"'
front_end TERM 0

# --- secrets

secrets() { sed -n 's/^Authorization: Bearer //p' bearer; cat token; }
secrets >secret.words
ok 'no token was ever told'       not grep -qF -f secret.words \
	front.err front.said hub.log
ok 'the hub stops'                hub_stop
done_testing
