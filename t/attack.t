#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2046,SC2086,SC2154
# What has once brought the keeper down, held it up, or made it say what is
# not so: one check a fault.
. "${0%/*}/lib.sh"

fds() { find "/proc/$hub/fd" -mindepth 1 2>/dev/null | wc -l; }
is_up() { mod_has "$1" '.supervisor_status == "running"'; }
ticks() { sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'; }

# A keeper with few descriptors, then none: followers take what there is.
few() { hub_env='prlimit --nofile=28:28'; hub_start "$@"; hub_env=''; }
full() { [ "$(fds)" -ge 28 ]; }
take_all() {
	_n=0 held=''
	while [ $_n -lt 24 ]; do
		pc-logs -f keep >>held.log 2>&1 &
		held="$held $!"
		_n=$((_n + 1))
	done
	others="$others $held"
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
waitfor -t 5 pid-gone "$hub" && _dead=1 || _dead=0
is "$_dead" 0 'a file size limit on stdout does not end the keeper'
kill -TERM "$hub" 2>/dev/null
hub_wait
unrow chatty

# --- what an .env may cost

serv_module env
mkdir -p "$PARACHUTE_HOME/env"
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "%x=\n", i }' \
	>"$PARACHUTE_HOME/env/.env"
ok 'hub comes up'                 hub_start
before=$(ticks "$hub")
api POST /api/modules/env/restart
after=$(ticks "$hub")
# Linear work is a few ticks; what was found took hundreds.
ok '20,000 names in .env cost less than a second of work' \
	test $((after - before)) -lt "$(getconf CLK_TCK)"
ok 'SIGTERM: 0'                   hub_stop
unrow env

# --- strays of many against modules of many

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
free_port
module strays "$free" sh -c 'for i in $(seq 200); do
	(setsid sleep 1000 >/dev/null 2>&1 &); done
	echo >strays.ready; exec sleep 1000'
ok 'hub comes up'                 hub_start
waitfor file mod/strays/strays.ready
eventually is_up x99
before=$(ticks "$hub")
ok 'stop of 200 strays'           exits 0 pc-stop strays
after=$(ticks "$hub")
ok '  in less than 0.3 s of work, with 100 other modules' \
	test $((10 * (after - before))) -lt $((3 * $(getconf CLK_TCK)))
ok 'SIGTERM: 0'                   hub_stop
rm -f "$(_services)"

# --- the end is the end

free_port
module deaf "$free" sh -c 'echo >>starts; trap "" TERM; while :; do
	read -r x <never; done'
mkfifo mod/deaf/never
ok 'hub comes up'                 hub_start
waitfor lines 1 mod/deaf/starts
other pc-stop deaf
eventually mod_has deaf '.state.status == "running"'
waitfor -t 0.3 pause
other pc-start deaf
waitfor -t 0.3 pause
kill -TERM "$hub"
hub_wait
is $? 0                           'SIGTERM with a start behind a stop: 0'
is "$(wc -l <mod/deaf/starts)" 1  '  and nothing is started any more'
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
eventually grep -q hangup hub.log
waitfor -t 0.2 pause
cp both "$(_services)"
kill -HUP "$hub"
ok 'a row that came back is started' waitfor -t 12 lines 2 mod/back/starts
kill -TERM "$hub"
hub_wait
rm -f "$(_services)"

# --- who else there is

sh -c 'sleep 1000 & echo $! >stranger; exec pc-serve --home "$0" --no-front' \
	"$PARACHUTE_HOME" >>hub.log 2>&1 &
hub=$!
eventually api_is 200 GET /health >/dev/null 2>&1
hub_stop
stranger=$(cat stranger)
ok 'a child from before exec is no module: it lives' alive "$stranger"
others="$others $stranger"

serv_module once
ok 'hub comes up'                 hub_start
waitfor lines 1 once.mark
rm "$PARACHUTE_HOME/hub/run/keeper.lock"
timeout 20 pc-serve --home "$PARACHUTE_HOME" --no-front >second 2>&1 &
second=$!
others="$others $second"
waitfor -t 3 pid-gone "$second" && _two=1 || _two=2
is "$_two" 1                      'its lock removed, it is still the only one'
kill -TERM "$second" 2>/dev/null
wait "$second"
ok '  and still answers'          api_is 200 GET /health
rm -f "$PARACHUTE_HOME/hub.sock"
kill -HUP "$hub"
ok 'SIGHUP brings hub.sock back'  waitfor -t 3 file "$PARACHUTE_HOME/hub.sock"
kill -TERM "$hub" && hub_wait
unrow once

hub_env="PARACHUTE_HUB_SOCK=$T/one.sock"
ok 'hub comes up'                 hub_start
timeout 5 env "PARACHUTE_HUB_SOCK=$T/one.sock" pc-serve --home "$T/two" \
	--no-front >second 2>&1
is $? 1                           'a socket that another hub serves is refused'
hub_stop
hub_env=''

# --- a ready line that nobody reads

mkfifo clogged
exec 8<>clogged
timeout 1 sh -c 'cat /dev/zero >&8' 2>/dev/null
pc-serve --home "$PARACHUTE_HOME" --no-front \
	--ready-fd 8 >>hub.log 2>&1 &
slow=$!
others="$others $slow"
eventually test -S "$PARACHUTE_HOME/hub.sock"
api GET /health --max-time 3 2>/dev/null
is "$code" 200                    'a full ready descriptor does not hold it'
kill -TERM $slow
waitfor -t 2 pid-gone $slow 2>/dev/null || kill -KILL $slow
wait $slow 2>/dev/null
exec 8>&-

# --- no descriptors left

if command -v prlimit >/dev/null; then
serv_module keep
free_port
module warm "$free" sh -c 'setsid sleep 1000 & exec sleep 1000'
free_port
module twin "$free" sh -c 'setsid serv --no-bind --ignore-term \
	--mark "$0" & exec sleep 1000' "$T/twin.mark"
ok 'hub comes up, with 28 descriptors' few
ok '  keep is ready'              exits 0 pc-start --wait keep
waitfor lines 1 twin.mark
exits 0 pc-stop warm >/dev/null
pid=$(pid_of twin)
old=$(cut -d ' ' -f 1 twin.mark)
take_all
before=$(ticks "$hub")
waitfor -t 2 pause
after=$(ticks "$hub")
kill -KILL "$pid"
waitfor -t 1 pause
ok 'out of descriptors it does not spin' \
	test $((2 * (after - before))) -lt "$(getconf CLK_TCK)"
give_back
eventually api_is 200 GET /health >/dev/null 2>&1
ok 'what it could not see was not gone' \
	gone_or_ending twin "$old"
kill -KILL "$old" 2>/dev/null
kill -TERM "$hub" 2>/dev/null
hub_wait
else
	skip 'out of descriptors' 'no prlimit'
fi
done_testing
