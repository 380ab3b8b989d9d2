#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# Stop means gone: random trees of processes are stopped, restarted and taken
# out of services.json. What then lives of them is looked for without asking
# the hub. An end with another status than 0 must name the module of whatever
# is left, and goes on until nothing is.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
. "${0%/*}/lib.sh"

many=20                         # trees a round
rounds 12 50
limit=700                       # stop timeout, ms
slack=500                       # judged in make soak, else printed
names=$(awk -v n=$many 'BEGIN { for (i = 1; i <= n; i++) print "m" i }')

case ${gone_in-} in
'') ;;
*)
	cgroup_make gone || skip_all 'no cgroup2 to be had here'
	cgroup_delegate "$gone_in" || skip_all "no xattr $gone_in here" ;;
esac

# plant NAME: its row is there, its tree is another than before.
plant() {
	rand 1000000
	printf '{"manifestName":"%s","name":"%s","port":%d,"paths":["/%s"],
		"health":"/health","supervise":{"stopTimeoutMs":%d},
		"startCmd":["tree","--seed","%d","--name","m%d",
		"%s"]}' "$1" "$1" "$(cat "$1.port")" "$1" "$limit" "$r" \
		$((r % many + 1)) "$T/trees/$1" \
		>"mod/$1/.parachute/module.json"
}

# The modules of the "PID MODULE/FILE TRAITS" lines of FILE, and those that an
# end did not end. Not the pids: what goes on may be others by now.
left_of() { cut -d ' ' -f 2 "$1" | cut -d / -f 1 | sort -u; }
told_of() {
	sed -n 's/.*: \(m[0-9]*\) was sent SIGKILL and .*/\1/p' "$1" | sort -u
}

# judge OP STATUS MS NAME...: the trees of NAMEs, as far as old.files has them.
judge() {
	_op=$1 _status=$2 _ms=$3
	shift 3
	trees "$@" | grep -Ff old.files >left || :
	[ "$_ms" -le "$worst" ] || worst=$_ms
	ends=$((ends + 1))
	! grep -q 'was sent SIGKILL' "$_op.err" || incomplete=$((incomplete + 1))
	if [ "$_status" -ne 0 ] && [ ! -s "$_op.err" ]; then
		echo "$_op: status $_status and not a word" >>bad
	elif [ "$_status" -eq 0 ] && [ -s left ]; then
		sed "s/^/$_op: status 0, left: /" left >>bad
	elif [ "$_status" -ne 0 ]; then
		told_of "$_op.err" >named
		left_of left >unnamed
		if [ -n "$(comm -13 named unnamed)" ]; then
			echo "$_op: status $_status, named:" \
				"$(tr '\n' ' ' <named), left:" >>bad
			cat left "$_op.err" >>bad
		fi
	fi
}

# Of a new tree whose root has gone into the background nothing is to be gone.
old_only() { grep -v 'its start command exited and left' "$1"; }

timed() {       # OP CMD...: its output in OP.err, its status in OP.st
	_o=$1
	shift
	_from=$(now_ms)
	"$@" >"$_o.out" 2>"$_o.err"
	echo "$? $(($(now_ms) - _from))" >"$_o.st"
}

# A stop is all that this may wait for; the trees of NAMEs that were before.
round() {
	stop='' restart='' remove=''
	for m in $names; do
		plant "$m"
		rand 5
		case $r in
		0 | 1) stop="$stop $m" ;;
		2 | 3) restart="$restart $m" ;;
		4) remove="$remove $m" ;;
		esac
	done
	# shellcheck disable=SC2086 # words
	pc-start $names >start.out 2>start.err || old_only start.err >>bad
	rand 300
	pause_ms "$r"
	trees >before
	cut -d ' ' -f 2 before | sort -u >old.files
	made=$((made + $(wc -l <old.files)))
	procs=$((procs + $(wc -l <before)))
	waiting=''
	for m in $remove; do unrow "$m"; done
	kill -HUP "$hub"
	if [ -n "$stop" ]; then
		# shellcheck disable=SC2086 # words
		timed stop pc-stop $stop &
		waiting="$waiting $!"
	fi
	if [ -n "$restart" ]; then
		# shellcheck disable=SC2086 # words
		timed restart pc-restart $restart &
		waiting="$waiting $!"
	fi
	# shellcheck disable=SC2086 # words
	wait $waiting
	# shellcheck disable=SC2046,SC2086 # words
	[ -z "$stop" ] || judge stop $(cat stop.st) $stop
	# shellcheck disable=SC2046,SC2086 # words
	[ -z "$restart" ] || judge restart $(cat restart.st) $restart
	# Nobody waits for a removal, so nobody can be told that it is done.
	# shellcheck disable=SC2086 # words
	[ -z "$remove" ] || eventually no_trees $remove
	for m in $remove; do
		unrow "$m"
		module_row "$m"
	done
	kill -HUP "$hub"
	echo / >old.files
	timed all pc-stop --all
	# shellcheck disable=SC2046,SC2086 # words
	judge all $(cat all.st) $names
	if [ -s left ]; then
		eventually no_trees || cat trees.left >>bad
	fi
	rm -rf trees/*/
}

# Its row again, after it was taken out.
module_row() {
	services '.services += [{name: $n, port: $p, paths: ["/" + $n],
		health: "/health", version: "0.0.1", installDir: $d}]' \
		--arg n "$1" --argjson p "$(cat "$1.port")" --arg d "$T/mod/$1"
}

for m in $names; do
	tree_module "$m" --seed 1
	echo "$free" >"$m.port"
	module "$m" "$free" false
done
services '.services = []'
hub_out=/dev/null
ok 'hub comes up'                 hub_start
for m in $names; do
	module_row "$m"
	manifest "$m" '.startCmd = ["false"]'
done
kill -HUP "$hub"
pc-stop --all >/dev/null 2>&1
: >bad
worst=0 made=0 procs=0 ends=0 incomplete=0 i=0
while [ $i -lt "$rounds" ]; do
	round
	i=$((i + 1))
	[ ! -s bad ] || { diag "in round $i"; break; }
done
is "$(head -n 20 bad)" ''     "$made trees, $procs processes: none left"
ok '  never two of a module'      no_doubles
# Only where others take the processor is one not over in time.
ok "  $incomplete of $ends incomplete: not most" \
	test $((2 * incomplete)) -lt "$ends"
diag "longest stop: $worst ms (timeout $limit ms)"
if soak; then
	ok "  no stop over $((limit + slack)) ms" \
		test "$worst" -le $((limit + slack))
fi
ok '  some were alive when told'  test "$procs" -gt "$made"
ok 'hub is the same'              api_is 200 GET /api/hub ".pid == $hub"
writer_alone() {
	for c in $(cat "/proc/$hub/task/$hub/children"); do
		cat "/proc/$c/comm"
	done >children
	! grep -vx pc-logd children
}
ok '  with no child but the log writer' eventually writer_alone
# shellcheck disable=SC2086 # words
pc-start $names >/dev/null 2>&1
ok 'hub goes down'                hub_stop
ok '  and nothing is left'        no_trees
if [ -n "$cgroup" ]; then
	is "$(find "$cgroup" -mindepth 1 -type d)" '' '  no cgroup of ours'
fi
done_testing
