#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2046,SC2086,SC2154
# What has once gone wrong, seen from outside: one check a fault, named after
# it. What brought the keeper down or held it up is in attack.t.
. "${0%/*}/lib.sh"

refusal() {     # ARG...: pc-serve that must not come up. Sets $st.
	rm -f no.ready && mkfifo no.ready || return 1
	env $hub_env pc-serve --home "$PARACHUTE_HOME" --ready-fd 3 "$@" \
		3>no.ready >out 2>err &
	_pid=$!
	_up=1
	read -r _line <no.ready && _up=0
	[ $_up = 1 ] || kill -TERM $_pid
	wait $_pid
	st=$?
	[ $_up = 1 ] || echo 'it came up'
	[ $_up = 1 ]
}
is_port_file() { test -e "$PARACHUTE_HOME/hub/run/hub.port"; }
# A module that was told to end and does not: nothing says so in words.
is_ending() { mod_has "$1" '.state.status == "running" and
	.listening == null'; }
# Whatever it comes to: some modules here fail on purpose.
table() { pc-status "$@" >out 2>err || :; }

# --- a second signal, late

# Begun here, ended below: it takes the 5 s after which a module is killed.
# Who traces a process keeps it from being reaped, even when it was killed.
late_begin() {
	PARACHUTE_HOME=$T/late
	mkdir "$PARACHUTE_HOME"
	serv_module held --ignore-term
	hub_start || return 1
	late=$hub
	hub=''
	others="$others $late"
	mv hub.log late.log
	waitfor lines 1 held.mark
	held=$(last_mark held.mark)
	strace -qq -o strace.out -p "$held" 2>strace.err &
	tracer=$!
	others="$others $tracer"
	until grep -q "^TracerPid:[^0-9]*$tracer\$" "/proc/$held/status"; do
		alive "$tracer" || return 1
	done
	kill -STOP "$tracer"
	{
		waitfor has 'held: still there; SIGKILL' late.log &&
			kill -INT "$late"
	} &
	others="$others $!"
	kill -TERM "$late"
}
if command -v strace >/dev/null && late_begin >late.out 2>&1; then
	has_late=1
else
	has_late=''
fi
PARACHUTE_HOME=$T/home

# --- before there is a hub

ok 'pc-stop without a home directory: it is stopped' \
	exits 0 pc-stop --home "$T/none" x
ok '  and says why'               grep -q 'x already stopped.*not running' out
ok '  also with PARACHUTE_HOME'   env "PARACHUTE_HOME=$T/none" pc-stop x
ok 'pc-start without a home directory: no hub' \
	exits 3 pc-start --home "$T/none" x
ok '  in one line'                complains pc-start "$T/none"
ok '  and no home was made'       not test -e none

serv_module first
for bind in junk 192.0.2.77; do
	ok "--bind $bind does not come up" refusal --port 0 --bind "$bind"
	is "$st" 1                '  exit status 1'
	ok '  in one line that names --bind' complains pc-serve --bind "$bind"
	hub_env="PARACHUTE_BIND_HOST=$bind"
	ok "PARACHUTE_BIND_HOST=$bind does not come up" refusal --port 0
	is "$st" 1                '  exit status 1'
	ok '  in one line that names --bind' complains pc-serve --bind "$bind"
	hub_env=''
done
ok '  no hub.port is left'        not is_port_file
ok '  no hub.sock'                not test -e home/hub.sock
is "$(marks first.mark)" 0        '  no module was started'

ok 'hub comes up with a port'     hub_run --port 0
is "$(cat home/hub/run/hub.port)" "$port" '  hub.port is there while it runs'
ok 'SIGTERM: 0'                   hub_stop
ok '  and gone with it'           not is_port_file
rm -f first.mark
ok 'hub comes up with a port'     hub_run --port 0
ok '  and its module'             waitfor lines 1 first.mark
hub_kill
ok '  killed, it leaves hub.port' is_port_file
ok 'hub comes up without a port'  hub_start
ok '  hub.port does not tell of the one before' not is_port_file
ok 'SIGTERM: 0'                   hub_stop
ok '  nor after that'             not is_port_file
rm -f "$(_services)"

# --- many names

serv_module moved
serv_module lost
lost=$free
serv_module deaf --ignore-term
serv_module mute --no-bind
serv_module orphaned
free_port
module away "$free" sh -c '(setsid serv --mark "$0" &); exec sleep 1000' \
	"$T/away.mark"
serv_module blind
mkdir -p home/blind/.env
serv_module large --env "$T/large.env"
mkfifo go
serv_module slow --late-fifo "$T/go"
i=0 names=''
while [ $i -lt 39 ]; do
	serv_module "n$i" --mark "$T/n.mark"
	names="$names n$i"
	i=$((i + 1))
done
: >hub.log
ok 'hub comes up'                 hub_start
ok '39 of 40 names are ready'     exits 0 pc-status --wait=60 $names
ok 'pc-status --wait of 40 names waits for the last' \
	exits 4 pc-status --wait=1 $names slow
ok '  with an unknown one among them too' \
	exits 4 pc-status --wait=1 nobody $names slow
ok '  which it names'             grep -q '^pc-status: .*nobody' err
pc-status --wait=60 $names slow >waited.out 2>&1 &
waiter=$!
pc-status --wait=60 $names nobody slow >nobody.out 2>nobody.err &
other_waiter=$!
others="$others $waiter $other_waiter"
echo >go
wait $waiter
is $? 0                           '  until it is ready'
is "$(awk '$1 == "slow" { print $4, $NF }' waited.out)" 'active yes' \
	'  and shows it so'
wait $other_waiter
is $? 1                           '  an unknown one is a failure'
is "$(awk '$1 == "slow" { print $4, $NF }' nobody.out)" 'active yes' \
	'  after the rest was waited for'
cp nobody.err err
ok '  in one line that names it'  complains pc-status nobody
ok 'pc-stop --wait'               exits 0 pc-stop --wait $names
ok 'pc-stop --wait=5'             exits 0 pc-stop --wait=5 slow
ok '  they are gone'              gone $(mark_pids n.mark) \
	"$(last_mark slow.mark)"

# --- rows that change while their module runs

old=$free
free_port
new=$free
pid=$(pid_of moved)              # asking is reading: not after the change
row moved ".port = $new"
kill -KILL "$pid"
ok 'a crash restart reads services.json' waitfor lines 2 moved.mark
ok '  it comes back on the new port' waitfor port-open "$new"
ok '  and is reported there'      eventually mod_has moved \
	".port == $new and .listening == \"yes\""

pid=$(pid_of orphaned)
cp home/services.json whole.json
unrow orphaned
ok 'restart without a row: 404'   api_is 404 \
	POST /api/modules/orphaned/restart '.error == "not_supervised"'
ok '  pc-restart says so'         exits 1 pc-restart orphaned
ok '  and the module keeps running' alive "$pid"
is "$(marks orphaned.mark)" 1     '  as it was'
table
ok '  the table tells of its row' grep -q 'row in services.json is gone' out
cp whole.json home/services.json
ok '  which can come back'        api_is 200 GET /api/modules '.modules[] |
	select(.short == "orphaned") | .installed'

pids=$(cat ./*.mark)
for broken in '{"services":[{"name":"mov' directory; do
	rm -f home/services.json
	case $broken in
	directory) mkdir home/services.json ;;
	*) echo "$broken" >home/services.json ;;
	esac
	table
	ok "services.json unreadable ($broken): all are listed" \
		grep -q '^orphaned .* active ' out
	ok '  no row is called gone' not grep -q 'row in services.json' out
	ok '  it is said instead' grep -q '^[^ ]*services\.json' out
	kill -HUP "$hub"
	ok '  after a reload as well' api_is 200 GET /api/modules \
		'.modules[] | select(.short == "orphaned") |
		.state.status == "running"'
	is "$(cat ./*.mark)" "$pids" '  nothing was started anew'
	ok '  nothing was stopped' gone_none "$pid" "$(pid_of lost)"
	rm -rf home/services.json
done
cp whole.json home/services.json

# --- who listens

ok 'a worker in its own session, twice forked, is its own module' \
	eventually mod_has away '.listening == "yes"'
ok '  it is not the leader'       test "$(pid_of away)" != \
	"$(last_mark away.mark)"
ok '  nor below it'               test "$(awk '{ print $4 }' \
	"/proc/$(last_mark away.mark)/stat")" = "$hub"
is "$(cell away LISTENING)" yes   '  also in the table'

# From here on the modules are older than the time they have to bind.
ok 'one that never listened is said so' eventually mod_has mute \
	'.state.startError.error_description | test("did not listen on port")'
ok '  not as lost'                mod_has mute \
	'.state.startError.error_description | test("any more") | not'
ok 'a listener is lost'           ask "$lost" /unbind
ok '  it is said as such'         eventually mod_has lost '.listening == "no"
	and (.state.startError.error_description | test("any more"))'
ok '  which is a fault'           exits 1 pc-status lost
ok '  told in the table'          grep -q 'any more' out

pid=$(pid_of deaf)
pc-stop deaf >deaf.out 2>&1 &
stopper=$!
others="$others $stopper"
ok 'a module that ignores SIGTERM is stopped' eventually is_ending deaf
ok 'while it is, pc-status has no fault' exits 0 pc-status deaf
ok '  it is not yet gone'         alive "$pid"
is "$(awk '$1 == "deaf" { print $2 }' out)" pending \
	'  and does not call it failing'
kill -KILL "$pid"
wait $stopper
is $? 0                           '  until it is gone'

# --- logs

# It speaks while pc-logs goes from reading what there is to following: nothing
# may fall between. Ten have ten chances to.
seq 1000 | sed 's/^/line /' >all
quiet='' followers='' i=0
while [ $i -lt 10 ]; do
	q=quiet$i
	mkfifo "$q.go"
	free_port
	module "$q" "$free" sh -c 'read -r x <"$0"; i=0
		while [ $((i += 1)) -le 1000 ]; do echo "line $i"; done
		exec serv' "$T/$q.go"
	quiet="$quiet $q"
	i=$((i + 1))
done
ok 'ten modules that say nothing' exits 0 pc-start $quiet
for q in $quiet; do
	: >"$q.log"
	pc-logs -n 2000 -f "$q" >"$q.log" 2>"$q.err" &
	followers="$followers $!"
	echo >"$q.go"
done
others="$others $followers"
for q in $quiet; do
	ok "pc-logs -f of one that had said nothing: $q" \
		waitfor lines 1000 "$q.log"
	ok '  no line is lost'    cmp "$q.log" all
done

# --- .env

ok '.env that is a directory: not started without it' eventually mod_has \
	blind '.state.status == "crashed"'
is "$(marks blind.mark)" 0        '  not once'
ok '  the reason names .env'      mod_has blind \
	'.state.startError.error_description | test("\\.env")'
ok '  also on a start'            exits 1 pc-start blind
table blind
is "$(grep -c '\.env' out)" 1     '  also in the table'
is "$(marks blind.mark)" 0        '  and not started even so'
rmdir home/blind/.env
ok '  it starts when that is gone' exits 0 pc-start --wait blind

mkdir -p home/large
awk 'BEGIN { for (i = 0; i < 20000; i++) print "N" i "=a"
	print "N7=late"; print "N19999=late" }' >home/large/.env
rm -f large.env
ok '20,000 names in .env: restart answers' api_is 200 \
	POST '/api/modules/large/restart?wait=ready' '.waited == "ready"'
is "$(grep -c '^N[0-9]*=' large.env)" 20000 '  all names arrive'
is "$(grep '^N.*=late$' large.env | tr '\n' ' ')" 'N7=late N19999=late ' \
	'  later ones win'
ok '  the others are as they were' grep -qx 'N10000=a' large.env

# --- API

ok 'view=status'                  api_is 200 GET '/api/modules?view=status' \
	"(.hub.pid == $hub) and (.problems | type == \"array\") and
	([.modules[] | select(.short == \"away\")] | length == 1) and
	all(.modules[]; has(\"state\") and has(\"listening\"))"
ok 'view=nonsense: 400'           api_is 400 \
	GET '/api/modules?view=nonsense' '.error == "invalid_request"'

# --- the end

kill -TERM "$hub"
hub_wait
is $? 0                           'SIGTERM: 0'
for p in $followers; do
	wait "$p"
	is $? 0                   'a clean end of the hub is one of pc-logs -f'
done
rm -f "$(_services)"

serv_module deaf --ignore-term
serv_module polite
: >hub.log
ok 'hub comes up'                 hub_start
ok '  all are ready'              exits 0 pc-status --wait=60
deaf=$(pid_of deaf) polite=$(pid_of polite)
kill -TERM "$hub"
ok 'one module ends, one does not' waitfor pid-gone "$polite"
ok '  the hub waits for it'       alive "$deaf"
kill -INT "$hub"
hub_wait
is $? 130                         'SIGTERM, then SIGINT: 130'
ok '  at once: no patience ran out' not grep -qE \
	'still there; SIGKILL|not everything has stopped' hub.log
ok '  nothing is left'            gone "$deaf"

if [ -n "$has_late" ]; then
	wait "$late"
	is $? 130                 'a second signal after SIGKILL: 130'
	ok '  it was heard'       grep -q 'told again' late.log
	kill -KILL "$tracer"
	wait "$tracer" 2>/dev/null
	ok '  nothing is left'    waitfor pid-gone "$held"
else
	skip 'a second signal after SIGKILL' 'no strace, or it may not trace'
fi

# --- the lock of a keeper that was killed while it forked: its child has it

mkdir -p orphan/hub/run
mkfifo held release lockready
true &
wait $!
echo $! >orphan/hub/run/keeper.lock
other flock orphan/hub/run/keeper.lock sh -c 'echo >held; read -r _ <release'
read -r _ <held
pc-serve --home "$T/orphan" --no-front --ready-fd 3 3>lockready >orphan.log 2>&1 &
hub=$!
tried() {
	readlink "/proc/$hub/fd"/* 2>/dev/null | grep -q 'orphan/hub/run$' ||
		! grep -q '^State:.[RSD]' "/proc/$hub/status" 2>/dev/null
}
exec 4<lockready
eventually tried
ok 'a dead holder: waits for the lock' grep -qs '^State:.[RSD]' \
	"/proc/$hub/status"
echo >release
read -r line <&4
is "${line-}" 0                   '  and starts when it is free'
exec 4<&-
exits 1 pc-serve --home "$T/orphan" --no-front
ok '  a living one is not waited for' complains pc-serve 'already runs' "$hub"
ok 'hub goes down'                hub_stop
done_testing
