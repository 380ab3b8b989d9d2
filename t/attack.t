#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2046,SC2086,SC2154
# What has once brought the keeper down, held it up, or made it say what is
# not so: one check a fault.
. "${0%/*}/lib.sh"

fds() { find "/proc/$hub/fd" -mindepth 1 2>/dev/null | wc -l; }
is_up() { mod_has "$1" '.supervisor_status == "running"'; }
# Processor time of the hub in ns. Only ever compared with its own for work
# of the same size, measured in the same minute.
spent() { cut -d ' ' -f 1 "/proc/$hub/schedstat"; }

# The hub sleeps, each time one looks. One that spins never does.
rests() {
	_asleep=0 _looks=0
	while [ $_asleep -lt 20 ]; do
		_looks=$((_looks + 1))
		[ $_looks -le 2000 ] || return 1
		if grep -q ') S ' "/proc/$hub/stat"; then
			_asleep=$((_asleep + 1))
		else
			_asleep=0
		fi
	done
}
# Told to end, it is not what it was; and nothing says so in words.
is_ending() { mod_has "$1" '.state.status == "running" and
	.listening == null'; }

# A request that has been sent when this returns: post FILE PATH.
post() {
	curl -sSv --unix-socket home/hub.sock -X POST -o "$1.body" \
		"http://hub$2" 2>"$1.sent" &
	others="$others $!"
	waitfor has '> POST' "$1.sent"
}
# A second keeper: false when it ended without a ready line. Sets $st.
second() {
	rm -f second.ready && mkfifo second.ready || return 1
	"$@" --no-front --ready-fd 3 3>second.ready >second.log 2>&1 &
	_second=$!
	_came=1
	read -r _line <second.ready && _came=0
	kill -TERM $_second 2>/dev/null
	wait $_second
	st=$?
	return $_came
}

# A keeper with few descriptors, then none: followers take what there is.
few() { hub_env='prlimit --nofile=40:40'; hub_start "$@"; hub_env=''; }
full() { [ "$(fds)" -ge 40 ]; }
take_all() {
	_n=0 held=''
	while [ $_n -lt 24 ]; do
		curl -sSNv --unix-socket home/hub.sock -o "held.$_n" \
			"http://hub/api/modules/keep/logs?follow=1" \
			2>"sent.$_n" &
		held="$held $!"
		others="$others $!"
		waitfor has '> GET' "sent.$_n" || return 1
		_n=$((_n + 1))
	done
	eventually full
}
# No new state before the old run is gone.
gone_or_ending() {
	gone "$2" || mod_has "$1" '.state.status == "restarting"'
}
give_back() { kill $held 2>/dev/null; wait $held 2>/dev/null; held=''; }

# --- signals that are nobody's business

for s in USR1 USR2 ALRM VTALRM PROF XFSZ XCPU IO RTMIN; do
	hub_start >/dev/null || continue
	kill -"$s" "$hub"
	ok "SIG$s does not end the keeper" api_is 200 GET /health
	kill -TERM "$hub" 2>/dev/null
	hub_wait
done

free_port
module chatty "$free" sh -c 'seq 2000; exec sleep 1000'
( ulimit -f 4 && exec pc-serve --home "$PARACHUTE_HOME" --no-front ) \
	>small.log 2>&1 &
hub=$!
eventually test -S "$PARACHUTE_HOME/hub.sock"
# Its last line was put there, then to stdout: an answer later it is over.
eventually api_is 200 GET /api/modules/chatty/logs \
	'.lines[-1] == "[chatty] 2000\n"' >/dev/null
ok 'a file size limit on stdout does not end the keeper' \
	api_is 200 GET /health
kill -TERM "$hub" 2>/dev/null
hub_wait
ok '  which was reached'          test "$(wc -c <small.log)" -le 4096
unrow chatty

# --- what an .env may cost

serv_module env
mkdir -p "$PARACHUTE_HOME/env"
ok 'hub comes up'                 hub_start
# Twice: what the first one pays for is not counted.
env_cost() {
	awk -v n="$1" 'BEGIN { for (i = 0; i < 20000; i++)
		printf "%x=\n", i % n }' >"$PARACHUTE_HOME/env/.env"
	api POST /api/modules/env/restart
	_before=$(spent)
	api POST /api/modules/env/restart
	cost=$(($(spent) - _before))
}
env_cost 10
ten=$cost
env_cost 20000
# What was found took a hundred times as much.
ok "20,000 lines of .env: as many names cost what ten do ($ten, $cost ns)" \
	test "$cost" -lt $((5 * ten))
ok 'SIGTERM: 0'                   hub_stop
unrow env

# --- strays of many against modules of many

strays() {
	free_port
	module strays "$free" sh -c 'rm -f ready; for i in $(seq 200); do
		(setsid sleep 1000 >/dev/null 2>&1 &); done
		echo >ready; exec sleep 1000'
}
stop_cost() {
	waitfor file mod/strays/ready
	_before=$(spent)
	exits 0 pc-stop strays || return 1
	cost=$(($(spent) - _before))
}
strays
ok 'hub comes up'                 hub_start
ok 'stop of 200 strays'           stop_cost
alone=$cost
ok 'SIGTERM: 0'                   hub_stop
rm -f "$(_services)" mod/strays/ready

i=0
while [ $i -lt 100 ]; do
	_rows="${_rows-}${_rows:+,}{\"name\":\"x$i\",\"port\":$((64000 + i)),
		\"paths\":[],\"health\":\"/\",\"version\":\"1\",
		\"installDir\":\"$T/mod/x\"}"
	i=$((i + 1))
done
mkdir -p mod/x/.parachute
jq -n '{manifestName: "x", name: "x", port: 1, paths: [], health: "/",
	startCmd: ["sleep", "1000"]}' >mod/x/.parachute/module.json
printf '{"services":[%s]}' "$_rows" >"$(_services)"
strays
ok 'hub comes up'                 hub_start
eventually is_up x99 >/dev/null
ok 'the same with 100 other modules' stop_cost
ok "  costs about the same ($alone, $cost ns)" \
	test "$cost" -lt $((5 * alone))
ok 'SIGTERM: 0'                   hub_stop
rm -f "$(_services)"

# --- the end is the end

free_port
module deaf "$free" sh -c 'echo >>starts; trap "" TERM; while :; do
	read -r x <never; done'
mkfifo mod/deaf/never
ok 'hub comes up'                 hub_start
waitfor lines 1 mod/deaf/starts
post stop /api/modules/deaf/stop
eventually is_ending deaf >/dev/null
post start /api/modules/deaf/start
ok '  the start waits behind the stop' api_is 200 GET /health
ok '  it has no answer yet'       not test -s start.body
: >hub.log
kill -TERM "$hub"
hub_wait
is $? 0                           'SIGTERM with a start behind a stop: 0'
is "$(wc -l <mod/deaf/starts)" 1  '  and nothing is started any more'
ok '  it was waited for no longer than it took' \
	not grep -q 'not everything has stopped' hub.log
rm -f "$(_services)"

# --- a row that comes back before its module is gone

free_port
module back "$free" sh -c 'echo >>starts; trap "" TERM; while :; do
	read -r x <never; done'
mkfifo mod/back/never
serv_module keep
cp "$(_services)" both
ok 'hub comes up'                 hub_start
waitfor lines 1 mod/back/starts
unrow back
kill -HUP "$hub"
ok 'a row that goes takes its module' eventually is_ending back
ok '  not at once: it is deaf'    test "$(wc -l <mod/back/starts)" = 1
cp both "$(_services)"
kill -HUP "$hub"
ok 'a row that came back is started' waitfor lines 2 mod/back/starts
kill -KILL "$(pid_of back)"
ok 'SIGTERM: 0'                   hub_stop
rm -f "$(_services)"

# --- who else there is

sh -c 'sleep 1000 & echo $! >stranger; exec pc-serve --home "$0" --no-front' \
	"$PARACHUTE_HOME" >>hub.log 2>&1 &
hub=$!
eventually api_is 200 GET /health >/dev/null 2>&1
ok 'SIGTERM: 0'                   hub_stop
stranger=$(cat stranger)
ok 'a child from before exec is no module: it lives' alive "$stranger"
kill -KILL "$stranger"
waitfor pid-gone "$stranger"

serv_module once
ok 'hub comes up'                 hub_start
waitfor lines 1 once.mark
rm -f "$PARACHUTE_HOME/hub.sock"
kill -HUP "$hub"
ok 'SIGHUP brings hub.sock back'  waitfor file "$PARACHUTE_HOME/hub.sock"
ok '  and what it is for'         exits 0 pc-restart --wait once
is "$(marks once.mark)" 2         '  one instance more, by this hub'
ok 'SIGTERM: 0'                   hub_stop
ok '  and it is gone'             not test -e "$PARACHUTE_HOME/hub.sock"
unrow once

hub_env="PARACHUTE_HUB_SOCK=$T/one.sock"
ok 'hub comes up'                 hub_start
ok 'a socket that another hub serves is refused' \
	not second env "PARACHUTE_HUB_SOCK=$T/one.sock" pc-serve --home "$T/two"
is "$st" 1                        '  with 1'
hub_stop
hub_env=''

# --- a ready line that nobody reads

mkfifo clogged
exec 8<>clogged
dd if=/dev/zero of=clogged bs=4096 oflag=nonblock 2>/dev/null
pc-serve --home "$PARACHUTE_HOME" --no-front \
	--ready-fd 8 >>hub.log 2>&1 &
hub=$!
eventually test -S "$PARACHUTE_HOME/hub.sock"
ok 'a full ready descriptor does not hold it' api_is 200 GET /health
ok 'SIGTERM: 0'                   hub_stop
exec 8>&-

# --- marks of another, put on by who is not his

cat >forger.py <<'PY'
import os, resource, socket, sys, time
token = os.environ["PC_OWNER"].split(".")[0]
if len(sys.argv) > 1:
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0"))
	s.send(b"STATUS=forged")
	open("sent", "w").close()
	time.sleep(1000)
while not os.path.exists("go"):
	time.sleep(.01)
if os.fork() == 0:
	os.setsid()
	limit, mark = open("go").read().split()
	if limit.isdigit():
		resource.setrlimit(12, (int(limit), int(limit)))
	os.environ["PC_OWNER"] = mark
	os.execv(sys.executable, [sys.executable, sys.argv[0], "child"])
time.sleep(1000)
PY
serv_module victim
free_port
module forger "$free" python3 "$T/forger.py"
ok 'hub comes up'                 hub_start
ok '  victim is ready'            exits 0 pc-status --wait=60 victim
pid=$(pid_of victim)
echo "$(awk '/^Max msgqueue/ { print $4 }' "/proc/$pid/limits")" \
	"$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^PC_OWNER=//p')" >marks
mv marks mod/forger/go
waitfor file mod/forger/sent
ok 'a child of one, with marks of another, is believed to be its own' \
	eventually mod_has forger '.status_text == "forged"'
ok '  victim did not say it'      mod_has victim '.status_text == null'
ok 'SIGTERM: 0'                   hub_stop
unrow victim
unrow forger

# --- a number that a run had which is over

cat >start_at.py <<'PY'
import socket, sys
name, pid = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.connect("hub.sock")
request = ("POST /api/modules/%s/start HTTP/1.1\r\nHost: h\r\n"
	"Connection: close\r\nContent-Length: 0\r\n\r\n" % name).encode()
s.sendall(request[:-1])
with open("/proc/sys/kernel/ns_last_pid", "w") as f:
	f.write(str(int(pid) - 1))
s.sendall(request[-1:])
while s.recv(4096):
	pass
PY
serv_module before
free_port
module behind "$free" sh -c '(trap "" TERM; echo >ready; exec sleep 1000) &
	wait'
start_at() {    # NAME PID: until its leader is that
	pc-stop "$1" >/dev/null 2>&1
	rm -f "mod/$1/ready"
	(cd "$PARACHUTE_HOME" && python3 "$T/start_at.py" "$1" "$2") || return 1
	waitfor file "mod/$1/ready"
	[ "$(pid_of "$1")" = "$2" ]
}
if [ -w /proc/sys/kernel/ns_last_pid ]; then
	ok 'hub comes up'         hub_start
	ok '  before is ready'    exits 0 pc-status --wait=60 before
	pid=$(pid_of before)
	exits 0 pc-stop before
	ok 'a module has the number of one that is stopped' \
		eventually start_at behind "$pid"
	left=$(cat "/proc/$pid/task/$pid/children")
	ok '  stop'               exits 0 pc-stop behind
	ok '  nothing is left'    gone $left
	ok 'SIGTERM: 0'           hub_stop
else
	skip 'the number of one that is stopped' 'cannot choose a pid'
fi
unrow before
unrow behind

# --- hub/run/boot is no file

rm -f "$PARACHUTE_HOME/hub/run/boot"
mkfifo "$PARACHUTE_HOME/hub/run/boot"
ok 'hub/run/boot is a fifo: the hub comes up' hub_start
ok '  and says that it is'        eventually \
	grep -q 'cannot write hub/run/boot' hub.log
ok 'SIGTERM: 0'                   hub_stop
rm -f "$PARACHUTE_HOME/hub/run/boot"

# --- no descriptors left

if command -v prlimit >/dev/null; then
serv_module keep
free_port
module warm "$free" sh -c 'setsid sleep 1000 & exec sleep 1000'
free_port
module twin "$free" sh -c 'setsid serv --no-bind --ignore-term \
	--mark "$0.mark" --lock "$0.lock" & exec sleep 1000' "$T/twin"
ok 'hub comes up, with 40 descriptors' few
ok '  keep is ready'              exits 0 pc-start --wait keep
waitfor lines 1 twin.mark
exits 0 pc-stop warm >/dev/null
pid=$(pid_of twin)
old=$(last_mark twin.mark)
: >hub.log
ok '  more follow than it has for them' take_all
ok 'out of descriptors it rests'  rests
kill -KILL "$pid"
ok '  it cannot see what is left' waitfor has 'cannot tell what is left' hub.log
ok '  and rests all the same'     rests
is "$(grep -c 'cannot tell what is left' hub.log)" 1 '  it says so once'
give_back
eventually api_is 200 GET /health >/dev/null 2>&1
ok '  what it did not see was not gone' gone_or_ending twin "$old"
kill -KILL "$old" 2>/dev/null
ok '  then it comes back'         waitfor lines 2 twin.mark
ok '  never two at a time'        not test -e twin.lock.double
kill -KILL "$(last_mark twin.mark)"
ok 'SIGTERM: 0'                   hub_stop
else
	skip 'out of descriptors' 'no prlimit'
fi
done_testing
