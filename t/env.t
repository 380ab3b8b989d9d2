#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# What a module is given: environment, descriptors, directory, session.
. "${0%/*}/lib.sh"

var() { sed -n "s/^$1=//p" "a.env"; }           # its value
has_var() { grep -q "^$1=" a.env; }
fresh() {       # the module once more, with what there is now
	rm -f a.env
	exits 0 pc-restart --wait=60 a && test -f a.env
}

serv_module a --env "$T/a.env" --fds "$T/a.fds" --cwd "$T/a.cwd"
a=$free
mkdir -p "$PARACHUTE_HOME/a"
cat >"$PARACHUTE_HOME/a/.env" <<END
PLAIN=from file
QUOTED="with space"
SINGLE='one'
ODD="x'
PORT=9999
EQ=a=b=c
TWICE=1
TWICE=2
# HASH=1
OVER=file
no line
=empty
END
printf 'CR=value\r\nLAST=end' >>"$PARACHUTE_HOME/a/.env"
mkfifo held
exec 7<>held 9</dev/null
hub_env="PORT=5555 OVER=hub INHERITED=yes NOTIFY_SOCKET=$T/no.sock
	WATCHDOG_USEC=9000000 WATCHDOG_PID=1 LISTEN_FDS=1 LISTEN_PID=1
	LISTEN_FDNAMES=x INVOCATION_ID=abc JOURNAL_STREAM=8:9
	PARACHUTE_INITIAL_ADMIN_USERNAME=u PARACHUTE_INITIAL_ADMIN_PASSWORD=p
	PARACHUTE_HUB_ORIGIN=https://hub.example/"
ok 'hub comes up'                 hub_start
exec 7<&- 9<&-
ok 'a is ready'                   exits 0 pc-status --wait=60
is "$(var PORT)" "$a"             'PORT: the row, not the hub, not .env'
is "$(grep -c '^PORT=' a.env)" 1  '  once'
is "$(var INHERITED)" yes         'the environment of the hub'
is "$(var PLAIN)" 'from file'     '.env'
is "$(var OVER)" file             '  beats the hub'
is "$(var QUOTED)" 'with space'   '  one pair of quotes'
is "$(var SINGLE)" one            '  single ones'
is "$(var ODD)" "\"x'"            '  no pair'
is "$(var EQ)" a=b=c              '  = in a value'
is "$(var TWICE)" 2               '  the last one wins'
is "$(var CR)" value              '  no carriage return'
is "$(var LAST)" end              '  no newline at the end'
ok '  no comment'                 not grep -q HASH a.env
ok '  no empty name'              not grep -q '^=' a.env
is "$(var PARACHUTE_HOME)" "$PARACHUTE_HOME" 'PARACHUTE_HOME'
ok "NOTIFY_SOCKET: one for modules" not grep -q "^NOTIFY_SOCKET=$T" a.env
ok "  is given"                 has_var NOTIFY_SOCKET
is "$(var NOTIFY_FD)" 3           "NOTIFY_FD"
for v in WATCHDOG_USEC WATCHDOG_PID LISTEN_FDS LISTEN_PID \
	LISTEN_FDNAMES INVOCATION_ID JOURNAL_STREAM \
	PARACHUTE_INITIAL_ADMIN_USERNAME PARACHUTE_INITIAL_ADMIN_PASSWORD; do
	ok "no $v"                not has_var $v
done
is "$(sort -n a.fds | cut -d ' ' -f 1 | tr '\n' ' ')" '0 1 2 3 ' \
	'descriptors 0, 1, 2, 3'
is "$(sed -n 's/^0 //p' a.fds)" /dev/null '  0 is /dev/null'
ok '  1, 2 and 3 are pipes'       test "$(grep -c '^[123] pipe:' a.fds)" = 3
is "$(cat a.cwd)" "$T/mod/a"      'directory: installDir'
pid=$(pid_of a)
is "$(awk '{ print $5, $6 }' "/proc/$pid/stat")" "$pid $pid" \
	'own session and group'
sigs() { awk -v k="$1:" '$1 == k { print $2 }' "/proc/$pid/status"; }
is "$(sigs SigBlk)" 0000000000000000 'no signal is blocked'
is "$(sigs SigIgn)" 0000000000000000 '  or ignored'

# --- origin

is "$(var PARACHUTE_HUB_ORIGIN)" https://hub.example \
	'origin: of the hub, no slash at the end'
ok '  among the origins'          grep -q \
	'^PARACHUTE_HUB_ORIGINS=.*https://hub.example' a.env
echo 'PARACHUTE_HUB_ORIGIN=https://file.example' >>"$PARACHUTE_HOME/a/.env"
ok 'restart'                      fresh
is "$(var PARACHUTE_HUB_ORIGIN)" https://hub.example '  beats .env'
echo https://stored.example >"$PARACHUTE_HOME/hub/run/origin"
ok 'restart with a stored one'    fresh
is "$(var PARACHUTE_HUB_ORIGIN)" https://stored.example '  beats the variable'
rm "$PARACHUTE_HOME/hub/run/origin"
ok 'hub goes down'                hub_stop

origin() {      # ENV WANT NAME
	hub_env=$1
	rm -f a.env
	ok "$3"                   hub_start
	exits 0 pc-status --wait=60
	is "$(var PARACHUTE_HUB_ORIGIN)" "$2" "  $2"
	hub_stop
}
render=RENDER_EXTERNAL_URL=https://render.example
fly=FLY_APP_NAME=app
origin "PARACHUTE_HUB_ORIGIN= $render $fly" https://render.example \
	'an empty variable does not count'
origin "$fly" https://app.fly.dev 'Fly'
printf '{"hubOrigin":"https://exposed.example"}\n' \
	>"$PARACHUTE_HOME/expose-state.json"
origin "$render" https://render.example 'a variable beats the exposure'
origin FLY_APP_NAME=a/b https://exposed.example 'the exposure'
printf '{"hubOrigin":"http://127.0.0.1:1"}\n' \
	>"$PARACHUTE_HOME/expose-state.json"
hub_env=''
rm -f a.env
ok 'a loopback exposure'          hub_run --port 0
exits 0 pc-status --wait=60
is "$(var PARACHUTE_HUB_ORIGIN)" "http://127.0.0.1:$port" \
	'  does not count: our own address'
ok 'hub goes down'                hub_stop
done_testing
