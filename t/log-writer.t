#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# The log writer is killed, stopped and missing; the keeper goes on, and the
# files hold every line that they are not said to lack.
#
# PC_WRITER_LINES (default 200000): how many lines while it is killed.
. "${0%/*}/lib.sh"

total=${PC_WRITER_LINES:-200000}
bin=$(dirname "$(command -v pc-serve)")

# Numbered lines, a thousand at a time; `go COUNT` has it print so many.
echo 0 >count
mkfifo go
cat >num.sh <<'END'
while read -r n <"$T/go"; do
	from=$(cat "$T/count")
	to=$((from + n))
	while [ "$from" -lt "$to" ]; do
		next=$((from + 1000 < to ? from + 1000 : to))
		seq $((from + 1)) "$next"
		from=$next
	done
	echo "$to" >"$T/count.new" && mv "$T/count.new" "$T/count"
done
END
free_port
module num "$free" sh "$T/num.sh"
free_port
module quiet "$free" sh -c 'while read -r l <"$T/say"; do echo "$l"; done'
mkfifo say

go() { echo "$1" >go; }
counted() { [ "$(cat count)" = "$1" ]; }
writer() { api GET /api/hub; jq -r ".crew[] | select(.name == \"pc-logd\") |
	.$1" body; }
runs() { [ "$(writer pid)" != null ]; }
heard() {       # MODULE TEXT: it is the newest line of the ring
	api GET "/api/modules/$1/logs?format=records&n=1"
	jq -e '.records[0].text == $t' --arg t "$2" body >body.ok
}

# The lines of a module's files, oldest first.
filed() {
	for _f in .4 .3 .2 .1 ''; do
		_l=$PARACHUTE_HOME/$1/logs/$1.log$_f
		[ ! -f "$_l" ] || cut -d ' ' -f 4- "$_l"
	done
}
# Numbers from 1 on, and gaps: "LAST missing COUNT", or what is wrong.
books() {
	filed num | awk '
		/^\[hub\] gap: [0-9]+ lines missing$/ {
			at += $3; missing += $3; next }
		{ at++ }
		$0 != at { print "line " NR ": " at ": " $0; bad = 1; exit }
		END { if (!bad) print at + 0, "missing", missing + 0 }'
}
right() {       # LAST [MISSING]
	_b=$(books)
	echo "$_b"
	echo "$_b" | grep -qx "$1 missing ${2-.*}"
}
all_filed() { filed num | tail -n 1 | grep -qx "$1"; }

ok 'hub comes up'                 hub_start
ok 'the writer runs'              eventually runs
ok '  not as a module'            api_is 200 GET /api/modules \
	'all(.supervised[]; .short != "pc-logd")'
pipe=$(readlink "/proc/$(writer pid)/fd/0")
for p in "$hub" "$(pid_of num)" "$(pid_of quiet)"; do
	find "/proc/$p/fd" -type l -printf '%l\n' | grep -cxF "$pipe"
done >holders
is "$(tr '\n' ' ' <holders)" '2 0 0 ' \
	'  the keeper has both ends of its pipe, no module any'

# --- killed

go "$total" &
waiter=$!
n=0
until counted "$total"; do
	pid=$(writer pid)
	[ "$pid" = null ] || { kill -KILL "$pid" && n=$((n + 1)); }
done
wait $waiter
diag "killed $n times"
ok 'killed while lines come'      test "$n" -gt 0
ok '  the last one is filed'      eventually all_filed "$total"
ok '  and every one before it'    right "$total" 0
ok '  its deaths are counted'     test "$(writer deaths)" -ge "$n"
ok '  and it is back'             eventually runs

# --- stopped: the pipe fills, the module waits

pid=$(writer pid)
kill -STOP "$pid"
more=$((total + 60000))
go 60000 &
waiter=$!
ok 'stopped: lines do not get through' not waitfor -t 0.5 has "$more" count
ok '  but requests do'            api_is 200 GET /health
kill -CONT "$pid"
wait $waiter
ok '  it goes on'                 eventually all_filed "$more"
# Unless this machine stood still for two seconds.
ok '  none is lost'               right "$more" \
	"$(grep -q 'took nothing' hub.log && echo '.*' || echo 0)"

# --- for longer than it is waited for

: >hub.log
kill -STOP "$pid"
last=$((more + 60000))
go 60000
ok 'stopped for long: that is said' waitfor has \
	'the log writer took nothing for 2 s' hub.log
ok '  lines go to the ring'       eventually heard num "$last"
ok '  the quiet are not held up'  eval 'echo hush >say'
ok '  nor lost'                   eventually heard quiet hush
kill -CONT "$pid"
ok '  it goes on: that is said'   waitfor has 'lines again; ' hub.log
lost=$(sed -n 's/.*takes lines again; \([0-9]*\) are not.*/\1/p' hub.log)
last=$((last + 1))
go 1
ok '  lines go to the file again' eventually all_filed "$last"
ok '  every one, or it is counted' right "$last" '[1-9].*'
# Two are of others: the keeper said one itself, quiet another.
ok '  and that is how many were lost' test "$lost" -ge \
	"$(books | cut -d ' ' -f 3)"

# --- the end

echo 'last words' >say
eventually heard quiet 'last words'
ok 'hub goes down'                hub_stop
ok '  the writer ends with it'    waitfor pid-gone "$pid"
is "$(filed quiet | tail -n 1)" 'last words' '  the last lines are filed'
is "$(filed hub | tail -n 1)" stopped '  and those of the keeper'
ok 'up again'                     hub_start
pid=$(writer pid)
last=$((last + 1000))
go 1000
eventually counted "$last"
eventually heard num "$last"
ok 'the keeper is killed'         hub_kill
ok '  the writer ends by itself'  waitfor pid-gone "$pid"
ok '  with all that was handed over' right "$last" '[1-9].*'

# --- missing

mkdir bin
cp "$bin/pc-serve" bin
PATH=$T/bin:$PATH
: >hub.log
ok 'a hub without a writer'       hub_start
ok '  says so'                    waitfor has 'pc-logd: not found' hub.log
ok '  and in its state'           api_is 200 GET /api/hub \
	'.crew == [{name: "pc-logd", pid: null, deaths: 0,
	error: .crew[0].error}] and (.crew[0].error | test("not found"))'
go 1000
last=$((last + 1000))
ok '  lines go to the ring'       eventually heard num "$last"
kill -HUP "$hub"
ok '  looked for again'           waitfor has hangup hub.log
cp "$bin/pc-logd" bin
kill -HUP "$hub"
ok '  and found'                  eventually runs
is "$(grep -c 'not found' hub.log)" 1 '  it was said once'
go 1
last=$((last + 1))
ok '  lines are filed again'      eventually all_filed "$last"
ok '  with a gap for those before' right "$last" '[1-9].*'
ok 'hub goes down'                hub_stop
done_testing
