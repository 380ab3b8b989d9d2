#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2086,SC2034,SC2154
# --url and --token-file: the same commands on a hub that asks for a token.
here=$(cd "${0%/*}" && pwd)
. "${0%/*}/lib.sh"
home=$PARACHUTE_HOME
command -v python3 >/dev/null || skip_all 'no python3'

# gate ADDRESS: one more way to the hub; sets $free to its port.
gate() {
	free_port
	rm -f listens && mkfifo listens || return 1
	python3 "$here/gate.py" "$home/hub.sock" "$T/tokens" "$T/asked" \
		"$1" "$free" >listens 2>>other.log &
	gate=$!
	others="$others $gate"
	read -r _ <listens
}
token() {       # FILE TEXT: for its owner alone
	(umask 077 && printf '%s\n' "$2" >"$1")
}
asked() { tail -n 1 asked; }
host=parachute:host
all=eyAll.one.x auth=eyAut.two.x start=eySta.thr.x
cat >tokens <<END
{"$all": "$host:admin $host:auth", "$auth": "$host:auth",
 "$start": "$host:start"}
END
token all.token "  $all  "
token auth.token "$auth"
token start.token "$start"
token other.token eyOth.fou.x

serv_module good
serv_module idle --lines 3
serv_module dead --exit 5
ok 'hub comes up'                 hub_start
ok 'a way to it over TCP'         gate 127.0.0.1
url=http://127.0.0.1:$free tcp=$free first=$gate
eventually mod_has dead '.state.status == "crashed"'
eventually mod_has idle '.listening == "yes"'
# Nothing of the home may be used from here on, but where a test says so.
PARACHUTE_HOME=$T/nowhere
far="--url $url --token-file all.token"
# --- pc-status


ok 'pc-status'                    exits 1 pc-status $far
is "$(sed -n '1s/  */ /gp' out)" \
	'SERVICE PORT VERSION STATE PID UPTIME RESTARTS LISTENING' '  heading'
is "$(awk '/^[a-z]/ { print $1 $4 }' out | sort | tr '\n' ' ')" \
	'deadfailing goodactive hubactive idleactive ' '  rows'
ok '  no guess about rows'        not grep -q 'row in services.json' out
ok '  with Host as in the URL'    grep -q \
	"^GET /api/modules?view=status 127.0.0.1:$tcp eyAll\$" asked
ok '  and a token'                not grep -q -- '-$' asked
ok 'a slash behind it'            exits 1 pc-status --url "$url/" \
	--token-file all.token
ok '--json'                       exits 1 pc-status --json $far
ok '  the shape it always has'    jq -e --argjson p "$hub" '.hub.reachable and
	.hub.pid == $p and (.hub.version | length > 0) and
	([.modules[].short] | sort == ["dead", "good", "idle"]) and
	all(.modules[]; .state.status != null and .install_dir != null) and
	(.problems | type == "array")' out
ok '--usage'                      exits 1 pc-status --usage $far
ok '  has it'                     grep -q 'MEM$' out
ok '--names'                      exits 0 pc-status --names $far
is "$(sort out | tr '\n' ' ')" 'dead good idle ' '  those there are'
ok 'one module'                   exits 1 pc-status dead $far
ok '  with its exits'             grep -q 'exit, status 5, pid' out
ok '  and JSON'                   exits 0 pc-status --json good $far
ok '  its own'                    jq -e '.short == "good" and
	(.exits | type == "array") and .state.status == "running"' out
ok 'no such module: 1'            exits 1 pc-status nope $far
ok '  says so'                    complains pc-status nope
ok '--wait'                       exits 0 pc-status --wait=60 good $far
ok 'through pc'                   exits 0 pc status good $far

# --- streams

pc-status --events --json $far >events.out 2>events.err &
events=$!
setsid pc-status --watch $far >watch.out 2>watch.err &
watch=$!
pc-logs -f $far idle >follow.out 2>follow.err &
follower=$!
others="$others $events $watch $follower"
eventually grep -q '"event":"reset"' events.out
eventually grep -q '^good ' watch.out
eventually grep -q 'line 3' follow.out

# --- steering

ok 'pc-stop'                      exits 0 pc-stop good $far
ok '  says so'                    grep -q 'good stopped' out
ok 'an event tells it'            eventually grep -q \
	'"short":"good".*"status":"stopped"' events.out
ok 'the table is drawn anew'      eventually grep -q '^good .*inactive' watch.out
ok 'pc-start --wait'              exits 0 pc-start --wait good $far
ok '  says so'                    grep -q 'good started and ready' out
ok 'pc-restart'                   exits 0 pc-restart good idle $far
is "$(wc -l <out)" 2              '  a line each'
ok '  followed'                   eventually sh -c \
	'test "$(grep -c "line 3" follow.out)" -eq 2'
ok '--all'                        exits 0 pc-stop --all $far
is "$(sort out | cut -d ' ' -f 2 | tr '\n' ' ')" 'dead good idle ' \
	'  those the hub has'
ok '--all'                        exits 0 pc-start --all $far
ok 'no such module: 1'            exits 1 pc-restart nope $far
kill -TERM $events $watch
ok 'streams end when told'        sh -c : "$(wait $events)" "$(wait $watch)"
ok '  in silence'                 not grep -q . events.err watch.err

# --- pc-logs

ok 'pc-logs'                      exits 0 pc-logs $far idle
ok '  has what the hub has'       grep -q 'line 1' out
ok '  says where the rest is'     complains pc-logs idle 'log files'
ok '-n, no more than there is'    exits 0 pc-logs -n 2 $far idle
is "$(wc -l <out)" 2              '  so many'
ok '  nothing to say'             not test -s err
ok '--json'                       exits 0 pc-logs --json -n 1 $far idle
ok '  objects'                    jq -e '.short == "idle"' out
ok 'no such module: 1'            exits 1 pc-logs $far nope
kill -TERM $follower

# --- tokens

ok 'no token: 1'                  exits 1 pc-status --url "$url"
ok '  what to do'                 complains pc-status token-file operator.token
ok '  nothing on stdout'          not test -s out
ok '  nor was any sent'           sh -c 'tail -n 1 asked | grep -q -- " -$"'
for c in 'pc-status --watch' 'pc-status --events' 'pc-status good' \
	'pc-status --names' 'pc-start good' 'pc-stop good' 'pc-stop --all' \
	'pc-restart good' 'pc-logs good' 'pc-logs -f good'; do
	ok "$c: 1"                exits 1 $c --url "$url"
	ok '  what to do'         complains "${c%% *}" token-file
	ok "$c, another's: 1"     exits 1 $c --url "$url" \
		--token-file other.token
	ok '  which, what to do'  complains "${c%% *}" other.token \
		rotate-operator
done
ok '--json: 1'                    exits 1 pc-status --json --url "$url"
ok '  says it is not reached'     jq -e '.hub.reachable == false and
	.modules == []' out
ok 'dead is put to rest'          exits 0 pc-stop dead $far
ok 'the reading scope reads'      exits 0 pc-status --url "$url" \
	--token-file auth.token
ok '  in JSON too'                exits 0 pc-status --json --url "$url" \
	--token-file auth.token
for c in 'pc-stop good' 'pc-logs good' 'pc-logs -f good'; do
	ok "$c with it: 1"        exits 1 $c --url "$url" \
		--token-file auth.token
	ok '  which, what lacks, what to do' complains "${c%% *}" \
		auth.token "$host:admin" --scope-set
done
ok 'the one for starting'         exits 0 pc-start good --url "$url" \
	--token-file start.token
ok '  reads nothing'              exits 1 pc-status --url "$url" \
	--token-file start.token
ok '  says what lacks'            complains pc-status "$host:auth" start.token
ok '  its --all neither'          exits 1 pc-start --all --url "$url" \
	--token-file start.token

ok 'no file: 1'                   exits 1 pc-status --url "$url" \
	--token-file nowhere
ok '  says so'                    complains pc-status nowhere
mkdir dir.token; mkfifo fifo.token; : >empty.token
for f in dir fifo empty; do
	ok "$f: 1"                exits 1 pc-status --url "$url" \
		--token-file $f.token
	ok '  says so'            complains pc-status $f.token
done
printf 'secret-one secret-two\n' >two.token
printf 'secret\177\n' >ctl.token
head -c 10000 /dev/zero | tr '\0' s >long.token
chmod 600 two.token ctl.token long.token empty.token
for f in two ctl long; do
	ok "$f: 1"                exits 1 pc-status --url "$url" \
		--token-file $f.token
	ok '  says so'            complains pc-status $f.token
	ok '  not what it holds'  not grep -q 'sss\|secret' err
done
cp all.token loose.token
chmod 644 loose.token
ok 'others may read it: goes on'  exits 0 pc-start good --url "$url" \
	--token-file loose.token
ok '  says so, once, with the remedy' complains pc-start loose.token 0644 \
	'chmod 0600'
ln -s all.token link.token
ok 'a link to one'                exits 0 pc-start good --url "$url" \
	--token-file link.token
ok '  is as good'                 not test -s err

# --- the home's own token

mkdir "$T/own"
token own/operator.token "$all"
ok 'operator.token of the home'   exits 0 pc-start good --url "$url" \
	--home "$T/own"
ok '  or of PARACHUTE_HOME'       exits 0 env PARACHUTE_HOME="$T/own" pc-start \
	good --url "http://LocalHost:$tcp"
ok '  nothing to say'             not test -s err
is "$(asked)" "POST /api/modules/good/start LocalHost:$tcp eyAll" '  was sent'
chmod 640 own/operator.token
ok '  that others may read'       exits 0 pc-start good --url "$url" \
	--home "$T/own"
ok '  is said'                    complains pc-start own/operator.token 0640
ok 'a given one comes first'      exits 1 pc-start good --url "$url" \
	--home "$T/own" --token-file auth.token
token own/operator.token ''
ok 'an empty one is none'         exits 1 pc-start good --url "$url" \
	--home "$T/own"
ok '  says so'                    complains pc-start token-file
token own/operator.token "$all"
away=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -v : | head -n 1)
if [ -n "$away" ] && gate "$away"; then
	ok 'elsewhere it is not sent' exits 1 pc-status --home "$T/own" \
		--url "http://$away:$free"
	is "$(asked)" "GET /api/modules?view=status $away:$free -" '  none'
	ok '  unless asked to'    exits 0 pc-start good \
		--url "http://$away:$free" --token-file own/operator.token
else
	skip 'elsewhere it is not sent' 'no address but loopback'
fi

# --- names and addresses

name=$(hostname)
if getent ahostsv4 "$name" 2>/dev/null | grep -q '^127\.0\.0\.1 '; then
	ok 'a name that is looked up' exits 0 pc-start good \
		--url "http://$name:$tcp" --token-file all.token
	is "$(asked)" "POST /api/modules/good/start $name:$tcp eyAll" '  '
else
	skip 'a name that is looked up' "$name is not 127.0.0.1"
fi
if gate ::1; then
	six=$free
	ok '[::1]'                exits 0 pc-start good --url "http://[::1]:$six" \
		--token-file all.token
	is "$(asked)" "POST /api/modules/good/start [::1]:$six eyAll" '  '
	ok 'the second address of a name' exits 0 pc-start good \
		--url "http://localhost:$six" --token-file all.token
else
	skip '[::1]' 'no IPv6'
fi
ok 'no such name: 3'              exits 3 pc-status --url http://no.such.invalid
ok '  says so'                    complains pc-status no.such.invalid

# --- nobody there

free_port
for c in pc-status 'pc-status --names' 'pc-status --events' 'pc-status good' \
	'pc-start good' 'pc-stop good' 'pc-stop --all' 'pc-restart good' \
	'pc-logs good' 'pc-logs -f good'; do
	ok "$c, nobody there: 3"  exits 3 $c --url "http://127.0.0.1:$free"
	ok '  says so'            complains "${c%% *}" "127.0.0.1:$free" refused
	ok '  and no more'        not test -s out
done
ok '--json: 3'                    exits 3 pc-status --json \
	--url "http://127.0.0.1:$free"
ok '  the same shape'             jq -e '.hub.reachable == false and
	.modules == [] and .problems == []' out

# --- usage

for u in https://127.0.0.1 HTTPS://x:1; do
	ok "$u: 2"                exits 2 pc-status --url "$u"
	ok '  what is missing'    complains pc-status pc-tls https
done
for u in x 127.0.0.1:1 ftp://x "$url/api" "$url?x" "$url//" http:// \
	http://x:0 http://x:99999 http://x:y 'http://a b' \
	http://me:hunter2@127.0.0.1 http://x#y; do
	ok "--url $u: 2"          exits 2 pc-start good --url "$u"
	ok '  says so'            complains pc-start url
	ok '  not the whole of it' not grep -q hunter2 err
done
ok '--token-file alone: 2'        exits 2 pc-status --token-file all.token
ok '  says so'                    complains pc-status --url
is "$(grep -c . asked)" "$(grep -cE ' (-|ey[A-Z][a-z]{2})$' asked)" \
	'every request has one token, or none'
kill -TERM $first
PARACHUTE_HOME=$home
ok 'hub ends'                     hub_stop

# --- the front door, as it is

serves() { curl -sS "$door/health" >health.json 2>curl.err; }
kept() { install -m 600 "$home/operator.token" "$1"; }
free_port
door=http://127.0.0.1:$free
ok 'hub with a front door'        hub_run --port "$free"
eventually serves
ok 'makes operator.token'         eventually test -s "$home/operator.token"
kept all.token
far="--url $door"
ok 'pc-stop'                      exits 0 pc-stop dead $far
ok 'pc-status --wait'             exits 0 pc-status --wait=60 $far
is "$(awk '/^[a-z]/ { print $1 $4 }' out | sort | tr '\n' ' ')" \
	'deadinactive goodactive hubactive idleactive ' '  rows'
ok '  nothing to say'             not test -s err
ok 'from another home'            exits 0 pc-status --home "$T/nowhere" $far \
	--token-file all.token
ok 'one module'                   exits 0 pc-status good $far
ok '  with what is known of it'   grep -q '^  command ' out
ok '--json'                       exits 0 pc-status --json --usage $far
ok '  the shape it always has'    jq -e --argjson p "$hub" '.hub.reachable and
	.hub.pid == $p and (.modules | length == 3) and
	all(.modules[]; .state.status != null and has("usage"))' out
pc-status --events --json $far >events.out 2>events.err &
events=$!
setsid pc-status --watch $far >watch.out 2>watch.err &
watch=$!
pc-logs -f $far idle >follow.out 2>follow.err &
follower=$!
others="$others $events $watch $follower"
eventually grep -q '"event":"reset"' events.out
eventually grep -q '^good ' watch.out
eventually grep -q 'line 3' follow.out
ok 'pc-restart --wait'            exits 0 pc-restart --wait good idle $far
is "$(grep -c 'restarted and ready' out)" 2 '  both'
ok '  as an event'                eventually grep -q \
	'"event":"exit".*"short":"good"' events.out
ok '  in the log'                 eventually sh -c \
	'test "$(grep -c "line 3" follow.out)" -eq 2'
ok 'pc-stop'                      exits 0 pc-stop good $far
ok '  in the table'               eventually grep -q '^good .*inactive' watch.out
ok 'pc-start --all'               exits 0 pc-start --all $far
ok 'pc-logs'                      exits 0 pc-logs -n 3 idle $far
is "$(wc -l <out)" 3              '  as many as were asked for'
kill -TERM $events $watch $follower
wait $events; wait $watch
ok 'nothing went wrong in streams' not grep -q . events.err watch.err

rm "$home/operator.token"
ok 'no token: 1'                  exits 1 pc-status $far
ok '  what to do'                 complains pc-status token-file
ok "another's: 1"                 exits 1 pc-status $far --token-file other.token
ok '  which, what to do'          complains pc-status other.token rotate-operator
for set in auth start; do
	pc-auth rotate-operator --scope-set $set >auth.out 2>&1
	kept $set.token
done
ok 'the set auth reads'           exits 0 pc-status good $far --token-file auth.token
ok '  JSON too'                   exits 0 pc-status --json good $far \
	--token-file auth.token
ok '  steers nothing: 1'          exits 1 pc-restart good $far \
	--token-file auth.token
ok '  which, what lacks, what to do' complains pc-restart auth.token \
	"$host:admin" --scope-set
ok 'the set start steers'         exits 0 pc-restart good $far \
	--token-file start.token
ok '  reads nothing: 1'           exits 1 pc-status $far --token-file start.token
ok '  which, what lacks'          complains pc-status start.token "$host:auth"
jti=$(cut -d . -f 2 all.token | tr -- -_ +/ | base64 -d 2>/dev/null | jq -r .jti)
pc-auth rotate-operator >auth.out 2>&1
ok 'one is revoked'               exits 0 pc-auth revoke-token -- "$jti"
ok '  and is good for nothing: 1' eventually exits 1 pc-status good $far \
	--token-file all.token
ok '  says so'                    complains pc-status all.token revoked
ok 'the new one is good'          exits 0 pc-status good $far
ok 'hub ends'                     hub_stop
done_testing
