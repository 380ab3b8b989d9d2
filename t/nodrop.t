#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2046,SC2154
# Numbered lines across ring wrap, rotation, restart of the module, restart
# of the keeper, and readers that stall: each line comes, or a gap counts it.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
here=$(cd "${0%/*}" && pwd)
. "${0%/*}/lib.sh"
rounds 240000 1000000           # lines
part=$((rounds / 4))

check() { python3 "$here/nodrop.py" "$@"; }
cri() { python3 "$here/cricheck.py" "$@"; }
logs() {        # of num, oldest first
	ls -r home/num/logs/num.log home/num/logs/num.log.[1-9] 2>/dev/null
}

# stream FILE [CURL-ARG...]: server-sent events of num into FILE
stream() {
	_file=$1
	shift
	(cd "$PARACHUTE_HOME" && exec curl -sS -N --unix-socket hub.sock \
		-H 'Accept: text/event-stream' "$@" \
		http://hub/api/modules/num/logs) >>"$_file" 2>"$_file.err" &
	streamer=$!
	others="$others $streamer"
}
last_id() { sed -n 's/^id: *//p' "$1" | tail -n 1; }

serv_module num --lines 1
num=$free
hub_out=/dev/null
ok 'hub comes up'                 hub_start
ok 'ready'                        exits 0 pc-status --wait=60
stream live.sse
ok 'a reader of the API'          waitfor has 'line 1' live.sse
boot=$(last_id live.sse)
boot=${boot%.*}
ok '  knows the boot'             test -n "$boot"
pc-logs -f --json -n 10 num >live.json 2>live.err &
others="$others $!"
ok 'pc-logs -f'                   waitfor lines 1 live.json
stream slow.sse
slow=$streamer
ok 'one that will stall'          waitfor has 'line 1' slow.sse
kill -STOP "$slow"

ok "$part lines"                  ask "$num" "/lines/$part"
ok '  restart of the module'      exits 0 pc-restart --wait=60 num
ok "  $part lines"                ask "$num" "/lines/$part"
end=$((part + 1))
ok '  the last one comes'         waitfor -t 100 has "$boot.$((2 * end))" live.sse
ok '  and to pc-logs'             waitfor -t 100 has "$boot.$((2 * end))" live.json
kill -CONT "$slow"
ok '  and to who had stalled'     waitfor -t 100 has "$boot.$((2 * end))" slow.sse
for f in live slow; do
	ok "$f, API: all, or gaps" check sse $f.sse "$boot:$end" "$boot:$end"
	diag "$(tail -n 1 ok.out)"
done
ok 'pc-logs -f: all, or gaps'     check json live.json "$boot:$end" "$boot:$end"
diag "$(tail -n 1 ok.out)"

# A reader that goes and comes back with the cursor that it had.
kill "$slow"
at=$(last_id slow.sse)
ok 'lines that it misses'         ask "$num" /lines/50
cp slow.sse resumed.sse
stream resumed.sse -H "Last-Event-ID: $at"
ok '  it comes back'              waitfor has "$boot.$((2 * end + 50))" resumed.sse
ok '  and has them all'           check sse resumed.sse "$boot:$end" \
	"$boot:$((end + 50))"

# The keeper restarts, once told, once killed.
next=$((boot + 1))
ok 'stop'                         hub_stop
ok '  start'                      hub_start
ok '  ready'                      exits 0 pc-status --wait=60 num
cp resumed.sse again.sse
stream again.sse -H "Last-Event-ID: $(last_id resumed.sse)"
ok "  $part lines"                ask "$num" "/lines/$part"
ok '  come'                       waitfor -t 100 has "$next.$end" again.sse
ok '  all, or gaps'               check sse again.sse "$boot:$end" \
	"$boot:$((end + 50))" "$next:$end"
diag "$(tail -n 1 ok.out)"
hub_kill
ok 'killed'                       hub_start
ok '  ready'                      exits 0 pc-status --wait=60 num
third=$((next + 1))
ok "  $part lines"                ask "$num" "/lines/$part"
ok '  are in the ring'            eventually sh -c \
	'pc-logs -n 1 num | grep -q "line '"$end"'"'
ok '  cursor of the keeper before' api_is 200 GET \
	"/api/modules/num/logs?format=records&n=100000&after=$next.$end" \
	".short == \"num\" and .next == \"$third.$end\""
jq -c '.records[]' body >after.json
ok '  all, or gaps'               check json after.json "$third:$end"

# The files have what the keepers have handed over.
ok 'files'                        eventually sh -c \
	'tail -n 1 home/num/logs/num.log | grep -q "line '"$end"'"'
ok '  are CRI'                    cri $(logs)
ok '  were rotated'               test -f home/num/logs/num.log.1
cri --lines $(logs) >file.lines
ok '  the end of them'            sh -c 'tail -n '"$end"' file.lines |
	awk "\$0 != \"line \" NR { exit 1 }"'
ok 'pc-logs from a cursor'        exits 0 pc-logs --json \
	--since "$boot.0" num
if soak; then
	diag 'five files do not hold a million lines'
else
	ok '  all, or gaps'       check json out "$boot:$end" \
		"$boot:$((end + 50))" "$next:$end" "$third:$end"
	diag "$(tail -n 1 ok.out)"
fi
ok 'stops'                        hub_stop
ok 'without a hub too'            exits 0 pc-logs -n 1 --json num
is "$(jq -r '.line // .text' out)" "line $end" '  the last line'
done_testing
