#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# pc-serve as a process: options, ready line, signals, exit status, its files.
. "${0%/*}/lib.sh"

ok '--help'                       exits 0 pc-serve --help
ok '  names its options'          grep -q -e --ready-fd out
ok '--version'                    exits 0 pc-serve --version
ok '  is one line'                test "$(wc -l <out)" = 1

for bad in --nope 'argument' '--port 65536' '--port -1' '--port x' \
	'--port 1x' '--port=' '--port' '--ready-fd x' '--ready-fd -1' \
	'--workers x' '--home'; do
	# shellcheck disable=SC2086 # words
	ok "usage: $bad"          exits 2 pc-serve $bad
	ok '  in one line'        complains pc-serve
done
for bad in abc 0 65536 -5 ' '; do
	ok "PORT='$bad' is refused" \
		not env "PORT=$bad" pc-serve --home "$PARACHUTE_HOME"
	env "PORT=$bad" pc-serve --home "$PARACHUTE_HOME" >out 2>err
	ok '  naming the variable' complains pc-serve PORT
done
timeout 20 pc-serve --home "$T/x" --no-front --ready-fd 77 >out 2>err
st=$?
ok '--ready-fd that is not open'  test $st = 1 -o $st = 2

: >file
ok 'a home that is a file'        exits 1 pc-serve --home "$T/file" --no-front
ok '  is named'                   complains pc-serve "$T/file"
ok 'a home below a file'          exits 1 pc-serve --home "$T/file/x" --no-front
ok '  is named'                   complains pc-serve "$T/file"

PARACHUTE_HOME=$T/new
ok 'a home is made'               hub_start
ok '  for its owner alone'        test "$(stat -c %a new)" = 700
is "$port" 0                      'ready: 0, there is no TCP port'
is "$(stat -c '%a %F' new/hub.sock)" '600 socket' 'hub.sock is 0600'
ok 'the lock is there'            test -f new/hub/run/keeper.lock
ok 'no pid file'                  test -z "$(find new -name '*.pid')"
ok 'a second keeper is refused'   exits 1 pc-serve --home "$T/new" --no-front
ok '  and names the first'        complains pc-serve "$hub"
ok '  whose socket still answers' api_is 200 GET /health
cd new || exit 1
ok 'also by another name'         exits 1 pc-serve --home . --no-front
rm -f out err ok.out
cd "$T" || exit 1
ok 'the same after a restart'     exits 1 pc-serve --home "$T/new" --no-front
ok 'SIGTERM: 0'                   hub_stop
ok '  nobody answers'             exits 3 pc-status
ok 'a home is taken again'        hub_start
hub_kill
ok 'killed: nobody answers'       exits 3 pc-status
ok '  the socket is left'         test -S new/hub.sock
ok '  and no obstacle'            hub_start
is "$(stat -c %a new/hub.sock)" 600 'still 0600'
ok '  answers'                    exits 0 pc-status
ok 'SIGTERM: 0'                   hub_stop

hub_env=--default-signal=INT
ok 'once more'                    hub_start
kill -INT "$hub"
ok 'SIGINT: 0'                    hub_wait
hub_env=

# The ready descriptor is for one line; nobody inherits it.
mkfifo line
serv_module keep
pc-serve --home "$PARACHUTE_HOME" --no-front --ready-fd 9 9>line \
	>>hub.log 2>&1 &
hub=$!
cat <line >whole
is "$(cat whole)" 0               'one line, then end of file'
ok '  while the hub lives'        api_is 200 GET /health
ok 'SIGTERM: 0'                   hub_stop

PARACHUTE_HOME=$T/env
mkfifo line2
env PORT= PARACHUTE_HUB_ORIGIN= PARACHUTE_BIND_HOST= RENDER_EXTERNAL_URL= \
	PARACHUTE_HUB_SOCK= \
	pc-serve --no-front --ready-fd 9 9>line2 >>hub.log 2>&1 &
hub=$!
read -r port <line2
ok 'PARACHUTE_HOME; empty variables are unset ones' test -S env/hub.sock
ok 'SIGTERM: 0'                   hub_stop

mkdir user
rm -f line2 && mkfifo line2
env HOME="$T/user" PARACHUTE_HOME= pc-serve --no-front --ready-fd 9 9>line2 \
	>>hub.log 2>&1 &
hub=$!
read -r port <line2
ok 'no PARACHUTE_HOME: .parachute in HOME' test -S user/.parachute/hub.sock
ok '  and found there'            env HOME="$T/user" PARACHUTE_HOME= pc-status
ok 'SIGTERM: 0'                   hub_stop

hub_env="PARACHUTE_HUB_SOCK=$T/elsewhere.sock"
ok 'hub.sock elsewhere'           hub_start
ok '  is there'                   test -S elsewhere.sock
ok '  and found'                  env "PARACHUTE_HUB_SOCK=$T/elsewhere.sock" \
	pc-status
ok 'SIGTERM: 0'                   hub_stop
hub_env=

# --- TCP

free_port
hub_env="PORT=$free"
ok 'PORT is bound'                hub_run
is "$port" "$free"                '  and in the ready line'
ok '  takes connections'          port_open "$free"
is "$(cat env/hub/run/hub.port)" "$free" '  and stands in hub.port'
PARACHUTE_HOME=$T/third
mkdir third
serv_module other
ok 'a port that is taken'         exits 1 pc-serve --home "$T/third" \
	--port "$port"
ok '  is named'                   complains pc-serve "$port"
is "$(marks other.mark)" 0        '  and no module was started'
PARACHUTE_HOME=$T/env
ok 'SIGTERM: 0'                   hub_stop
ok '  the port is free'           port_free "$free"
ok '--port beats PORT'            hub_run --port 0
ok '  0 takes a free one'         test "$port" -gt 0
ok '  another'                    test "$port" -ne "$free"
ok '  takes connections'          port_open "$port"
ok 'SIGTERM: 0'                   hub_stop
hub_env=

# --- signals while modules start and stop

PARACHUTE_HOME=$T/signals
mkdir signals
i=0
while [ $i -lt 20 ]; do
	serv_module "m$i" --mark "$T/boot.mark"
	ports="${ports-} $free"
	i=$((i + 1))
done
mkfifo never boot
pc-serve --home "$PARACHUTE_HOME" --no-front >>hub.log 2>&1 &
hub=$!
waitfor lines 1 boot.mark
kill -TERM "$hub"
ok 'SIGTERM in the middle of boot: 0' hub_wait
# shellcheck disable=SC2046,SC2086 # words
ok '  and nothing is left'        gone $(mark_pids boot.mark)
# shellcheck disable=SC2086 # words
ok '  on no port'                 port_free $ports

rm -f "$PARACHUTE_HOME/services.json"
serv_module polite
serv_module deaf --ignore-term
ok 'one that ignores SIGTERM'     hub_start
ok '  is ready'                   exits 0 pc-status --wait=60
polite=$(pid_of polite) deaf=$(pid_of deaf)
kill -TERM "$hub"
waitfor pid-gone "$polite"
ok '  and alive when others went' alive "$deaf"
kill -TERM "$hub"
hub_wait
is $? 143                         'a second SIGTERM: 143'
ok '  and at once nothing is left' gone "$deaf"

ok 'again'                        hub_start
ok '  is ready'                   exits 0 pc-status --wait=60
deaf=$(pid_of deaf)
ok 'one SIGTERM is enough: 0'     hub_stop
ok '  nothing is left'            gone "$deaf"
done_testing
