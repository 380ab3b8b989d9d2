#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# Who follows a log gets every line, or is told exactly which he does not.
#
# PC_FOLLOW_LINES (default 200000) is how many there are; make soak has more.
. "${0%/*}/lib.sh"

total=${PC_FOLLOW_LINES:-200000}
quarter=$((total / 4))
logs=/api/modules/num/logs

# A module whose lines are the numbers from 1 on, over all its restarts, a
# thousand at a time: `go COUNT` has it print so many more, `go COUNT crash`
# ends it right after them.
echo 0 >count
mkfifo go
cat >num.sh <<'END'
while read -r n what <"$T/go"; do
	from=$(cat "$T/count")
	to=$((from + n))
	while [ "$from" -lt "$to" ]; do
		next=$((from + 1000 < to ? from + 1000 : to))
		seq $((from + 1)) "$next"
		from=$next
	done
	echo "$to" >"$T/count.new" && mv "$T/count.new" "$T/count"
	[ -z "$what" ] || exit 1
done
END
free_port
module num "$free" sh "$T/num.sh"

go() { echo "$@" >"$T/go"; }
counted() { [ "$(cat count)" = "$1" ]; }

# The newest line in the ring, and its cursor.
newest() {
	api GET "$logs?format=records&n=1"
	jq -r '.records[0].text, .next' body
}
heard() { [ "$(newest | head -n 1)" = "$1" ]; }

# Whole events only: what is cut off is sent again.
whole() {
	awk '{ event = event $0 "\n" } !$0 { printf "%s", event; event = "" }'
}
last_id() { awk '$1 == "id:" { id = $2 } END { print id }' "$1"; }

# follow FILE: all that is to come, as events.
follow() {
	curl -sSN -g --unix-socket "$PARACHUTE_HOME/hub.sock" -o "$1" \
		-H 'Accept: text/event-stream' "http://hub$logs?after=1.0" \
		2>>curl.err &
	others="$others $!"
}

# What a reader has: "LAST lines LINES, missing COUNT", or what is wrong.
cat >books.awk <<'END'
function field(name,  at, rest) {
	at = index($0, "\"" name "\":")
	rest = substr($0, at + length(name) + 3)
	if (substr(rest, 1, 1) == "\"") {
		rest = substr(rest, 2)
		sub(/".*/, "", rest)
	} else
		sub(/[,}].*/, "", rest)
	return rest
}
function wrong() {
	print FILENAME ":" FNR ": after " at ": " id " " $0
	bad = 1
	exit
}
$1 == "id:" { split($2, c, "."); boot = c[1]; id = c[2] + 0 }
$1 == "event:" { type = $2 }
$1 == "data:" && type == "line" {
	if (id != at + 1 || field("text") + 0 != id)
		wrong()
	lines++
	at = id
}
$1 == "data:" && type == "gap" {
	if (field("from") != boot "." at + 1 || field("to") != boot "." id ||
	    field("count") + 0 != id - at)
		wrong()
	missing += id - at
	at = id
	gaps++
}
END {
	if (!bad)
		print at + 0, "lines", lines + 0, "missing", missing + 0,
			(at == lines + missing && (missing > 0) == (gaps > 0))
}
END
books() { awk -f books.awk "$1"; }
right() {       # FILE [MISSING]: all is there, or accounted for
	_b=$(books "$1")
	echo "$_b"
	set -- $_b "${2-.*}"
	[ "$1" = "$total" ] && [ "$6" = 1 ] &&
		echo "$5" | grep -qx -e "$7"
}

ok 'hub comes up'                 hub_start

# --- readers, while it prints, crashes and is restarted

: >fast.out
follow fast.out
mkfifo stall
exec 8<>stall
follow stall
# One that is cut off again and again, and goes on from what it has.
: >cut.out
(
	while [ "$(last_id cut.out)" != "1.$total" ]; do
		curl -sSN -m 0.2 --unix-socket "$PARACHUTE_HOME/hub.sock" \
			-H 'Accept: text/event-stream' \
			-H "Last-Event-ID: $(last_id cut.out | grep . ||
			echo 1.0)" "http://hub$logs" 2>>cut.err |
			whole >>cut.out
	done
) 8<&- &
cutter=$!
others="$others $cutter"

ok 'a quarter of the lines'       go $quarter
ok '  are printed'                eventually counted $quarter
ok 'a quarter, then a crash'      go $quarter crash
ok '  are printed'                eventually counted $((2 * quarter))
ok '  it is back'                 go $quarter
ok '  has printed'                eventually counted $((3 * quarter))
ok 'restart'                      exits 0 pc-restart num
ok '  the last quarter'           go $quarter
ok '  is printed'                 eventually counted "$total"
ok '  and heard'                  eventually heard "$total"

waitfor has "\"text\":\"$total\"" fast.out
ok 'one that reads: every line, or a gap' right fast.out
wait $cutter
awk '!/"text"/ || ++n != 3' fast.out >damaged.out
ok '  one event less is noticed'  not right damaged.out
ok 'one that is cut off again and again' right cut.out
ok 'one that did not read goes on' waitfor -t 0 pause
cat <&8 >stalled.out &
others="$others $!"
waitfor has "\"text\":\"$total\"" stalled.out
ok '  every line, or a gap'       right stalled.out '[1-9].*'
diag "fast: $(books fast.out)"
diag "cut: $(books cut.out)"
diag "stalled: $(books stalled.out)"

# --- another keeper

ok 'the keeper is killed'         hub_kill
exec 8<&-
ok '  another one'                hub_start
go 3
eventually heard $((total + 3))
is "$(newest | tail -n 1)" 2.3    '  counts anew'
api GET "$logs?format=records&after=1.$total"
ok 'a cursor of the last one: a gap that nobody can count' jq -e '
	.records[0].gap == {from: $from, to: null, count: null} and
	[.records[1:][].seq] == ["2.1", "2.2", "2.3"] and .next == "2.3"' \
	--arg from "1.$((total + 1))" body
ok '  goes on from there'         api_is 200 GET \
	"$logs?format=records&after=2.3" '.records == [] and .next == "2.3"'
ok '  in text'                    api_is 200 GET "$logs?after=1.1" \
	'.lines[0] == "[hub] gap: an unknown number of lines missing\n"'
ok 'the keeper speaks, too'       api_is 200 GET \
	'/api/modules/hub/logs?format=records' \
	'.short == "hub" and any(.records[]; .text | test("pc-serve"))'
ok '  and the front door'         api_is 200 GET /api/modules/front/logs \
	'. == {short: "front", lines: [], text: ""}'
ok 'hub goes down'                hub_stop
done_testing
