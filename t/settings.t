#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# The operator's and the author's settings of a module, on real processes.
. "${0%/*}/lib.sh"

# operator NAME TEXT: <home>/NAME/supervise.json, as it should be.
operator() {
	mkdir -p "$PARACHUTE_HOME/$1"
	(umask 077 && printf '%s\n' "$2" >"$PARACHUTE_HOME/$1/supervise.json")
}
author() { manifest "$1" ".supervise = $2"; }
var() { sed -n "s/^$2=//p" "$1.env"; }
# The fields of stat behind the command, which may hold anything.
nice_of() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 17; }
limit() { awk -v n="$2" 'index($0, n) == 1 {
	print $(NF - 2) "/" $(NF - 1) }' "/proc/$(pid_of "$1")/limits"; }
ids() { awk -v k="$2:" '$1 == k { $1 = ""; print }' \
	"/proc/$(pid_of "$1")/status" | sed 's/^ //'; }
problem() {     # FILE LINE COLUMN TEXT
	api GET /api/modules
	jq -e --arg f "$1" --argjson l "$2" --argjson c "$3" --arg t "$4" '
		.problems | any(.file == $f and .line == $l and .column == $c
		and (.text | startswith($t)))' body ||
		{ jq -c .problems body; return 1; }
}
exit_of() { mod "$1" .state.lastExitCode; }
root=no
[ "$(id -u)" != 0 ] || root=yes

# --- limits and environment, and who wins

serv_module a --env "$T/a.env"
author a '{"limits": {"nofile": 300, "core": 0, "nice": 3},
	"env": {"FROM": "author", "KEPT": "author", "LAYER": "author env"},
	"envFile": "conf/author.env", "stopSignal": "SIGHUP"}'
mkdir mod/a/conf
echo 'FILE=author' >mod/a/conf/author.env
operator a '{
  "limits": { "nofile": 256, "fsize": "unlimited", "nice": 5 },
  "env": { "FROM": "operator", "SECRET": "planted-secret", "PATH": "'"$PATH"'" },
  "stopSignal": "SIGINT"
}'
printf 'LAYER=dotenv\nFILE=dotenv\nDOT=dotenv\n' >"$PARACHUTE_HOME/a/.env"
ok 'hub comes up'                 hub_start
ok 'a is ready'                   exits 0 pc-status --wait=60
pid=$(pid_of a)
is "$(limit a 'Max open files')" 256/256 'nofile: the operator, soft and hard'
is "$(limit a 'Max core file size')" 0/0 'core: the author, key by key'
is "$(limit a 'Max file size')" unlimited/unlimited 'unlimited'
is "$(nice_of "$pid")" 5          'nice'
is "$(nice_of "$hub")" 0          '  the hub itself is as it was'
is "$(var a FROM)" operator       'env: the operator wins'
is "$(var a KEPT)" author         '  name by name'
is "$(var a LAYER)" 'author env'  '  env beats .env'
is "$(var a FILE)" author         '  envFile beats .env'
is "$(var a DOT)" dotenv          '  which is there'
ok 'no secret in the API'         not api_is 200 GET /api/modules \
	'tostring | contains("planted-secret")'
ok '  nor in the log'             not grep -q planted-secret hub.log
ok '  nor in argv'                not grep -q planted-secret \
	"/proc/$hub/cmdline" "/proc/$pid/cmdline"
mkdir "$T/secrets"
echo 'FILE=operator' >"$T/secrets/real.env"
ln -s real.env "$T/secrets/link.env"
operator a '{"envFile": "'"$T"'/secrets/link.env", "limits": {"nofile": 257}}'
is "$(limit a 'Max open files')" 256/256 'a change does nothing by itself'
ok 'stop'                         exits 0 pc-stop a
is "$(exit_of a)" 130             'stopSignal: that of the run, SIGINT'
ok 'start'                        exits 0 pc-start --wait=60 a
is "$(limit a 'Max open files')" 257/257 '  now it does'
is "$(var a FILE)" operator       'envFile: absolute, through a link'
is "$(var a FROM)" author         'a key taken away is the author'\''s again'
ok 'stop'                         exits 0 pc-stop a
is "$(exit_of a)" 129             '  stopSignal, too: SIGHUP'

# --- an operator's file that cannot be used

operator a '{
  "restart": "sometimes"
}'
ok 'a bad one: not started'       exits 1 pc-start a
ok '  and why'                    complains pc-start \
	'a/supervise.json: line 2 column 14: restart: must be "always"'
ok '  in its state'               mod_has a '.state.status == "crashed" and
	.state.startError.error_type == "invalid_settings"'
ok '  and as a problem'           problem a/supervise.json 2 14 \
	'restart: must be "always", "on-failure" or "never"'
ok '  which pc-status shows'      exits 1 pc-status a
is "$(marks a.mark)" 2            '  no process'
bad() {         # JSON WORDS...: one fault, named
	operator a "$1"
	shift
	ok "$1"                   exits 1 pc-start a
	ok '  said'               complains pc-start a/supervise.json "$@"
}
bad '{"stop": 1}' 'line 1 column 2' 'stop: there is no such setting'
bad '{"env": {"PORT": "1"}}' 'env.PORT: is set by the hub itself'
bad '{"env": {"PC_OWNER": "1"}}' 'env.PC_OWNER: is set by the hub itself'
bad '{"restart"' 'line 2 column 1'
bad '{"envFile": "gone.env"}' 'envFile: open gone.env: No such file'
operator a '{}'
chmod 644 "$PARACHUTE_HOME/a/supervise.json"
ok 'one that others can read'     exits 1 pc-start a
ok '  is refused with the remedy' complains pc-start 'chmod 600'
rm "$PARACHUTE_HOME/a/supervise.json"
ln -s "$T/secrets/real.env" "$PARACHUTE_HOME/a/supervise.json"
ok 'a link'                       exits 1 pc-start a
ok '  is refused'                 complains pc-start 'symbolic link'
rm "$PARACHUTE_HOME/a/supervise.json"
operator a '{"restart": "always"}'
ok 'mended'                       eventually api_is 200 GET /api/modules \
	'.problems == []'
ok '  and started'                exits 0 pc-start --wait=60 a
pid=$(pid_of a)
operator a '{"nothing": true}'
ok 'bad while it runs'            eventually problem a/supervise.json 1 2 \
	'nothing: there is no such setting'
is "$(pid_of a)" "$pid"           '  it goes on'
operator a '{"restart": "always"}'
ok '  mended'                     eventually api_is 200 GET /api/modules \
	'.problems == []'
ok 'the hub down'                 hub_stop
operator a '{"critical": 1}'
exits 3 pc-status
ok 'a fault is seen without a hub' grep -q \
	'a/supervise.json:1:14: critical: must be true or false' out err
operator a '{}'

# --- what an author may not say

author a '{"user": "nobody", "limits": {"oomScore": 500, "nofile": 300},
	"envFile": "../../secrets/real.env", "restart": 5, "mine": 1,
	"stopSignal": "SIGINT"}'
line() { awk -v k="\"$1\"" 'index($0, k) { print NR, index($0, k) }' \
	mod/a/.parachute/module.json; }
ok 'hub comes up'                 hub_start
ok 'a is ready all the same'      exits 0 pc-status --wait=60 a
# shellcheck disable=SC2046 # words
for k in user limits.oomScore envFile restart mine; do
	set -- $(line "${k##*.}")
	api GET /api/modules
	ok "$k: a problem, with its place" jq -e --argjson l "$1" --arg k \
		"supervise.$k: " '.problems | any(.line == $l and
		(.text | startswith($k)))' body
done
ok '  user names the place for it' jq -e '.problems | any(.text | contains(
	"can only be given by the operator"))' body
ok '  an unknown key is a note'   jq -e '[.problems[] | select(.note)] |
	length == 1' body
is "$(limit a 'Max open files')" 300/300 'the other keys hold'
is "$(cat "/proc/$(pid_of a)/oom_score_adj")" \
	"$(cat "/proc/$hub/oom_score_adj")" '  oomScore does not'
ok 'hub goes down'                hub_stop
author a null

# --- another user

if [ $root = yes ] && grep -q ^nobody: /etc/passwd; then
	chmod 711 "$T"
	chmod 755 mod mod/a "$PARACHUTE_HOME"
	cp "$(command -v serv)" "$T/serv"
	manifest a '.startCmd = ["'"$T"'/serv"]'
	# From before the hub falls back to what it had.
	operator a '{"user": "nobody", "limits": {"oomScore": 700, "nice": -3}}'
	id=$(id -u nobody) gid=$(id -g nobody)
	ok 'hub comes up'         hub_start
	ok 'as nobody'            exits 0 pc-status --wait=60 a
	is "$(ids a Uid)" "$id $id $id $id" '  uid'
	is "$(ids a Gid)" "$gid $gid $gid $gid" '  gid'
	is "$(ids a Groups | sed 's/ $//')" "$gid" '  groups'
	is "$(cat "/proc/$(pid_of a)/oom_score_adj")" 700 '  oomScore'
	is "$(nice_of "$(pid_of a)")" -3 '  nice, below what it may itself'
	tr '\0' '\n' <"/proc/$(pid_of a)/environ" >a.env
	is "$(var a USER)/$(var a LOGNAME)" nobody/nobody '  USER, LOGNAME'
	is "$(var a HOME)" "$(getent passwd nobody | cut -d : -f 6)" '  HOME'
	pid=$(pid_of a)
	hub_kill
	ok '  dies with the hub'  eventually gone "$pid"
	operator a '{"user": 4711, "env": {"HOME": "/x"}}'
	rm -f "$PARACHUTE_HOME/hub.sock"
	ok 'hub comes up'         hub_start
	ok 'as a number'          exits 0 pc-status --wait=60 a
	is "$(ids a Uid)" '4711 4711 4711 4711' '  uid'
	is "$(ids a Groups | sed 's/ $//')" '' '  no groups'
	tr '\0' '\n' <"/proc/$(pid_of a)/environ" >a.env
	is "$(var a HOME)" /x     '  env is above HOME'
	operator a '{"user": "no-such-user-4711"}'
	ok 'nobody of that name'  exits 1 pc-restart a
	ok '  is named'           complains pc-restart \
		'user: there is no user no-such-user-4711'
	operator a '{"user": "nobody"}'
	chmod 700 mod/a
	ok 'what he may not enter' exits 1 pc-start a
	ok '  is said with his name' complains pc-start "cannot enter $T/mod/a" \
		'as nobody'
	chmod 755 mod/a
	chgrp "$gid" "$PARACHUTE_HOME/a" && chmod 770 "$PARACHUTE_HOME/a"
	ok 'in a directory that his group can write' exits 1 pc-start a
	ok '  it is not his to take away' complains pc-start 'chmod go-w'
	chgrp 0 "$PARACHUTE_HOME/a" && chmod 700 "$PARACHUTE_HOME/a"
	manifest a '.startCmd = ["serv"]'
	operator a '{}'
	ok 'hub goes down'        hub_stop
elif [ $root = no ]; then
	operator a '{"user": 0}'
	ok 'hub comes up'         hub_start
	ok 'another user'         exits 1 pc-start a
	ok '  is for root to give' complains pc-start a/supervise.json \
		'user: to run it as root the hub must run as root'
	operator a '{"user": '"$(id -u)"'}'
	ok 'the same user'        exits 0 pc-start --wait=60 a
	ok '  is nothing to ask for' hub_stop
	operator a '{}'
else
	skip 'another user'       'needs a nobody'
fi

# --- how it is stopped

operator a '{"stopTimeoutMs": 20}'
manifest a '.startCmd = ["serv", "--ignore-term"]'
serv_module b --ignore-term
operator b '{"stopTimeoutMs": 400}'
ok 'hub comes up'                 hub_start
ok 'two that do not obey'         exits 0 pc-status --wait=60
ok 'stopped, side by side'        exits 0 pc-stop b a
is "$(sed -n 's/.*] \([ab]\): still there; SIGKILL$/\1/p' hub.log |
	tr '\n' ' ')" 'a b '      '  the one with less time is killed first'
is "$(exit_of a)" 137             '  by SIGKILL'
serv_module c --ignore-first-term
operator c '{"stopTimeoutMs": 60000}'
kill -HUP "$hub"
ok 'c, which takes its time'      eventually exits 0 pc-status --wait=60 c
pid=$(pid_of c)
kill -TERM "$hub"
# Longer than the hub waits for those that have no setting.
PORT=1 serv --no-bind --exit-after 7000
ok 'the hub waits for it'         gone_none "$hub" "$pid"
kill -TERM "$pid"
ok '  and is content'             hub_wait
ok '  c ended by itself'          grep -q 'c: pid .* ended by signal 15' \
	hub.log
unrow b
unrow c

# --- whether it runs again

operator a '{}'
manifest a '.startCmd = ["serv"]'
serv_module job --exit 0
author job '{"restart": "on-failure"}'
serv_module fails --exit 7
author fails '{"restart": "on-failure"}'
serv_module once --exit 9
author once '{"restart": "never"}'
serv_module ok --exit 0
author ok '{"restart": "never"}'
ok 'hub comes up'                 hub_start
ok 'on-failure, status 0: stopped' eventually mod_has job \
	'.state.status == "stopped" and .state.lastExitCode == 0'
is "$(marks job.mark)" 1          '  one spawn'
ok '  which is no fault'          exits 0 pc-status job
ok 'never, status 0: stopped'     eventually mod_has ok \
	'.state.status == "stopped" and .state.lastExitCode == 0'
is "$(marks ok.mark)" 1           '  one spawn'
ok 'never, status 9: crashed'     eventually mod_has once \
	'.state.status == "crashed" and .state.lastExitCode == 9'
is "$(marks once.mark)" 1         '  one spawn'
ok '  which is one'               exits 1 pc-status once
ok 'on-failure, status 7: three'  eventually mod_has fails \
	'.state.status == "crashed" and .state.restartsInWindow == 3'
is "$(marks fails.mark)" 3        '  spawns'
ok 'a job by hand'                exits 0 pc-start job
is "$(marks job.mark)" 2          '  one spawn more'
ok 'never, by hand'               exits 1 pc-start --wait=60 once
is "$(marks once.mark)" 2         '  one spawn more'
ok '  stopped'                    exits 0 pc-stop once
ok '  is stopped'                 mod_has once '.state.status == "stopped"'
ok 'the hub goes on'              exits 0 pc-status a
operator once '{"critical": true}'
ok 'critical, and it fails'       pc-start once
ok '  the hub ends with 1'        eval 'hub_wait; test $? = 1'
ok '  and says why'               grep -q \
	'once is critical and is not started again' hub.log
# shellcheck disable=SC2046 # words
ok '  nothing is left'            gone $(cut -d ' ' -f 1 ./*.mark)
unrow once
operator fails '{"critical": true, "restart": "always"}'
ok 'critical, its budget spent'   hub_start
ok '  the hub ends with 1'        eval 'hub_wait; test $? = 1'
is "$(marks fails.mark)" 6        '  after three spawns'
unrow fails
operator job '{"critical": true}'
ok 'critical, and done'           hub_start
ok '  stopped'                    eventually mod_has job \
	'.state.status == "stopped" and .state.lastExitCode == 0'
ok '  the hub goes on'            hub_stop

# --- readiness and dependencies

rm "$PARACHUTE_HOME/job/supervise.json"
unrow job
unrow ok
mkfifo bind
serv_module slow --late-fifo "$T/bind"
operator slow '{"readyTimeoutMs": 50}'
serv_module needs
operator needs '{"dependsOn": ["slow", "nobody"]}'
author needs '{"dependsOn": ["a"]}'
ok 'hub comes up'                 hub_start
ok 'a note after readyTimeoutMs'  eventually mod_has slow \
	'.state.startError.error_description | contains("within 50 ms")'
ok '  is what others wait for'    exits 0 pc-status --wait=60 needs
ok 'a dependency without a row'   problem needs/supervise.json 0 0 \
	'needs depends on nobody'
operator slow '{}'
operator needs '{"dependsOn": ["slow"]}'
pc-stop needs slow >out 2>err
pc-start slow needs >out 2>err &
others="$others $!"
ok 'held until it is ready'       eventually mod_has needs \
	'.state.status == "starting"'
echo >bind
ok '  and then not'               exits 0 pc-status --wait=60 needs slow
ok 'hub goes down'                hub_stop
done_testing
