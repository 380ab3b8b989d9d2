#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# Nothing outlives the keeper: it is killed at random moments, and the next
# start ends or adopts what is left. Never two copies, never a stranger hurt;
# what was wanted and the crash budget are remembered.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-600}
. "${0%/*}/lib.sh"
rounds 60 1000

if [ -n "${killed_in-}" ]; then
	cgroup_make killed || skip_all 'no cgroup2 to be had here'
	cgroup_delegate "$killed_in" || skip_all "no xattr $killed_in here"
fi

# --- strangers, that have all but the evidence

own=$PARACHUTE_HOME
mkdir other
strange=''
stranger() {    # CMD...: it must live to the end
	"$@" >>strange.log 2>&1 &
	strange="$strange $!"
	others="$others $!"
}
# A hub of its own, with modules of the same names and commands.
PARACHUTE_HOME=$T/other
mkdir trees.other
for m in plain wild; do
	free_port
	module "$m" "$free" tree --depth 1 --width 2 --root setsid \
		--rest wash,setsid "$T/trees.other/$m"
done
mv mod mod.other
services '.services |= map(.installDir |= sub("/mod/"; "/mod.other/"))'
ok 'a second hub, same names'     hub_start
ok '  ready'                      exits 0 pc-status --wait=60
other_hub=$hub
others="$others $hub"
hub=''
PARACHUTE_HOME=$own
mkdir mod
alike() { tree --alive "$T/trees.other" | sort >"$1"; }

# --- the modules that get killed with it

tree_module plain --depth 1 --width 2
plain=$free
tree_module wild --seed 3 --depth 2 --ban daemonise,leave --bind root
tree_module wash --depth 2 --width 2 --root wash,setsid,deaf \
	--rest wash,setsid,orphan,closed
tree_module nobody --depth 1 --width 2 --root nobody,headless --rest nobody
tree_module loud --depth 1 --width 1 --root flood --rest endless
tree_module idle --depth 1 --width 1
names='plain wild wash nobody loud'
for m in $names idle; do
	manifest "$m" '.supervise = {stopTimeoutMs: 300}'
done

stranger tree --depth 1 --width 2 --bind never "$T/trees.other/vault"
stranger env PC_OWNER=x PARACHUTE_HOME="$own" setsid serv --no-bind
stranger sh -c 'cd mod/plain && exec tree --depth 0 --bind never "$1"' plain \
	"$T/trees.other/plain2"

trees_are() { alike alike.before && [ "$(wc -l <alike.before)" -eq "$1" ]; }
ok 'all strangers are there'      eventually trees_are 10

# What a moment is: the keeper boots, spawns, stops, restarts, or idles.
moment() {
	rand 7
	case $r in
	0) pc-restart plain wild ;;
	1) pc-stop wash plain && pc-start wash plain ;;
	2) # shellcheck disable=SC2086 # words
		pc-restart $names ;;
	3) kill -KILL "$(trees nobody | head -n 1 | cut -d ' ' -f 1)" ;;
	4) kill -HUP "$hub" ;;
	*) : ;;
	esac >>moments.log 2>&1 &
	mover=$!
	rand 120
	pause_ms "$r"
}

# A boot that is not waited for is killed in the middle.
start_some() {
	rand 3
	if [ "$r" = 0 ]; then
		# shellcheck disable=SC2086 # words
		env $hub_env pc-serve --home "$PARACHUTE_HOME" --no-front \
			>/dev/null 2>>hub.log &
		hub=$!
		rand 40
		pause_ms "$r"
		booting=yes
	else
		booting=''
		hub_start || echo "round $i: it does not start" >>bad
	fi
}

: >bad
hub_out=/dev/null booting=''
ok 'hub comes up'                 hub_start
ok 'idle is stopped by hand'      exits 0 pc-stop idle
mover='' i=0
while [ $i -lt "$rounds" ]; do
	[ -n "$booting" ] || moment
	hub_kill
	[ -z "$mover" ] || wait "$mover"
	mover=''
	start_some
	i=$((i + 1))
	no_doubles >>bad
	no_trees idle >>bad
	alike alike.after
	cmp -s alike.before alike.after || {
		echo 'a stranger was hurt' >>bad
		diff alike.before alike.after >>bad
	}
	[ ! -s bad ] || { diag "in round $i"; break; }
	# Of trees that are gone nobody needs the files.
	[ $((i % 50)) -ne 0 ] || find trees -type f -path '*/*/*' -mmin +1 -delete
done
is "$(head -n 20 bad)" '' "killed $rounds times: never two, no stranger hurt"
[ -z "$booting" ] || hub_kill
[ -z "$booting" ] || ok 'hub comes up' hub_start
# One that was killed between its stop and its start is stopped, rightly.
# shellcheck disable=SC2086 # words
pc-start $names >/dev/null 2>&1
# shellcheck disable=SC2086 # words
ok 'all that was wanted is up'    exits 0 pc-status --wait=60 $names
is "$(trees | cut -d ' ' -f 2 | sort -u | wc -l | tr -d ' ')" 5 \
	'  one tree each'
ok '  idle is still stopped'      mod_has idle '.state.status == "stopped"'
ok 'killed, and stopped at once'  hub_kill
ok '  starts'                     hub_start
ok '  stops'                      hub_stop
ok '  and nothing is left'        no_trees
ok '  the port is free'           port_free "$plain"
ok 'after a clean stop'           hub_start
ok '  what was stopped is started' exits 0 pc-status --wait=60 idle plain
ok 'stops'                        hub_stop
ok '  nothing left'               no_trees

unrow loud
unrow wild
hub_out=''

# --- a number is no proof

# What it leaves has no group, so that its number can be had again.
tree_module alone --depth 0
ok 'starts'                       hub_start
ok '  ready'                      exits 0 pc-status --wait=60 alone
pid=$(pid_of alone)
hub_kill
eventually gone "$pid"
at_pid() {      # as the first process of it
	atpid "$pid" true
	[ $? -ne 78 ]
}
eventually at_pid
if atpid "$pid" true; then
	stranger atpid "$pid" serv --no-bind --mark "$T/atpid.mark"
	waitfor lines 1 atpid.mark
	is "$(last_mark atpid.mark)" "$pid" \
		'the number of a module is a stranger by now'
	ok '  starts'             hub_start
	ok '  ready'              exits 0 pc-status --wait=60 alone
	ok '  the stranger lives' gone_none "$pid"
	ok '  stops'              hub_stop
	ok '  it still lives'     gone_none "$pid"
	strange="$strange $pid"
	others="$others $pid"
else
	skip 'the number of a module is a stranger by now' 'no clone3 set_tid'
fi

# --- the budget

free_port
module broken "$free" sh -c "echo \$\$ >>'$T/broken.mark'; exit 3"
ok 'starts'                       hub_start
ok 'one that always fails'        eventually mod_has broken \
	'.state.status == "crashed"'
is "$(marks broken.mark)" 3       '  was run three times'
for i in 1 2 3 4; do
	hub_kill
	hub_start
	api GET /api/modules
done
is "$(mod broken '.state | "\(.status) \(.restartsInWindow)"')" \
	'crashed 3'               'killed 4 times: still failed'
is "$(marks broken.mark)" 3       '  no new budget'
ok 'a start by hand'              exits 1 pc-start --wait=20 broken
ok '  works'                      waitfor lines 4 broken.mark
ok 'stops'                        hub_stop
rm -f broken.mark
ok 'after a clean stop'           hub_start
ok '  it has a new budget'        waitfor lines 3 broken.mark
ok 'stops'                        hub_stop
rm -f broken.mark
unrow broken

# --- the wish, at every moment of it

ok 'starts'                       hub_start
ok 'ready'                        exits 0 pc-status --wait=60 plain
ok 'stop by hand'                 exits 0 pc-stop plain
for i in 1 2 3; do
	hub_kill
	hub_start
done
ok 'killed 3 times: still stopped' mod_has plain \
	'.state.status == "stopped"'
ok '  nothing of it runs'         no_trees plain
ok 'start by hand'                exits 0 pc-start --wait plain
hub_kill
ok 'killed: starts'               hub_start
ok '  it is started'              exits 0 pc-status --wait=60 plain
ok 'stops'                        hub_stop

# --- a home that goes away

lost() {        # HOW: the home is away by then
	hub_wait
	is $? 1                   "$1: ends with 1"
	ok '  and nothing is left' no_trees
	ok '  said why'           grep -qiE 'home|lock' hub.log
}
for how in moved removed replaced lock; do
	: >hub.log
	ok 'starts'               hub_start
	ok 'ready'                exits 0 pc-status --wait=60 plain
	cp "$PARACHUTE_HOME/services.json" kept.json
	case $how in
	moved) mv home home.away ;;
	removed) rm -rf home ;;
	replaced) mv home home.away && mkdir -m 700 home &&
		cp kept.json home/services.json ;;
	lock) rm -f home/hub/run/keeper.lock &&
		: >home/hub/run/keeper.lock ;;
	esac
	lost "home $how"
	rm -rf home home.away
	mkdir -m 700 home
	cp kept.json home/services.json
done

alike alike.after
ok 'the second hub noticed nothing' cmp alike.before alike.after
# shellcheck disable=SC2086 # words
ok 'all strangers live'           gone_none $strange "$other_hub"
kill -TERM "$other_hub"
waitfor pid-gone "$other_hub"
for p in $(tree --alive "$T/trees.other" | cut -d ' ' -f 1); do
	kill -KILL "$p"
done
ok 'never two of a module'        no_doubles
if [ -n "$cgroup" ]; then
	is "$(find "$cgroup" -mindepth 1 -type d)" '' 'no cgroup of ours'
fi
done_testing
