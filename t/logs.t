#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# Output of modules: prefixed, kept, followed, bounded.
. "${0%/*}/lib.sh"

# follow FILE ARG...: pc-logs -f into FILE; returns at its first line.
follow() {
	_file=$1
	shift
	: >"$_file"
	pc-logs -f "$@" >"$_file" 2>"$_file.err" &
	follower=$!
	others="$others $follower"
	ok "$_file: followed" \
		waitfor lines 1 "$_file"
}
bare() { sed 's/^\[[^]]*\] //' "$1"; }  # a prefix is for several

# The keeper has read it: then it is on its stdout too.
said() { waitfor has "[$1] $2" hub.log; }

free_port
say=$free
module say "$say" sh -c "echo hello; echo oops >&2; printf 'two\\nlines\\n'
	exec serv --mark '$T/say.mark'"
serv_module num
num=$free
ok 'hub comes up'                 hub_start
ok 'ready'                        exits 0 pc-status --wait=60
for l in hello oops two lines; do
	ok "'$l' is heard"        said say "$l"
	is "$(grep -cxF "[say] $l" hub.log)" 1 "stdout of the hub: [say] $l"
done
ok 'pc-logs'                      exits 0 pc-logs say
is "$(bare out | sort | tr '\n' ' ')" 'hello lines oops two ' \
	'  both streams, whole lines'
ok 'by HTTP'                      api_is 200 GET /api/modules/say/logs \
	'.short == "say" and (.lines | length == 4) and
	(.lines[0] == "[say] hello\n" or .lines[0] == "[say] oops\n") and
	(.lines | join("")) as $j | $j == .text'
ok 'JSON'                         exits 0 pc-logs --json say
ok '  an object a line'           jq -se 'length == 4 and all(.[];
	.short == "say" and (.seq | test("^[0-9]+\\.[0-9]+$")) and
	(.time | test("^[0-9-]{10}T[0-9:]{8}\\.[0-9]+Z$")) and
	.partial == false and (.text | type == "string"))' out
ok '  with its stream'            jq -se '[.[] | select(.text == "oops") |
	.stream] == ["stderr"]' out
ok '--stream'                     exits 0 pc-logs --stream stderr say
is "$(cat out)" oops              '  that one alone'
ok '--grep'                       exits 0 pc-logs --grep hel say
is "$(cat out)" hello             '  lines that hold it'
ok '  to the letter'              exits 0 pc-logs --grep 'h.l' say
is "$(cat out)" ''                '  no pattern'
ok '  of those as many as -n'     exits 0 pc-logs -n 1 --grep o say
is "$(wc -l <out)" 1              '  '
ok '--time'                       exits 0 pc-logs --time --grep hello say
ok '  before the line'            grep -qE '^[0-9-]{10}T[^ ]{18}Z hello$' out
ok '--since: long ago'            exits 0 pc-logs --since 1d say
is "$(wc -l <out)" 4              '  all of it'
ok '--since: a time to come'      exits 0 pc-logs --since 2100-01-01T00:00:00Z \
	say
is "$(cat out)" ''                '  nothing'
ok '--since: a cursor'            exits 0 pc-logs --since 1.3 --json say
is "$(jq -r .seq out)" 1.4        '  what comes after it'
ok 'a tail without a newline'     ask "$say" /long/5
ok '  goes on'                    ask "$say" /say/-tail
ok '  is one line with what follows' said say xxxxx-tail
ok '  in the ring as well'        exits 0 pc-logs -n 1 say
is "$(bare out)" xxxxx-tail       '  '

# --- the ring

ok 'fifty lines'                  ask "$num" /lines/50
ok '  are heard'                  said num 'line 50'
ok '-n 3'                         exits 0 pc-logs -n 3 num
is "$(bare out | tr '\n' ,)" 'line 48,line 49,line 50,' '  the last three'
ok '-n 0'                         exits 0 pc-logs -n 0 num
is "$(cat out)" ''                '  none'
ok 'three hundred more'           ask "$num" /lines/300
ok '  are heard'                  said num 'line 350'
ok 'default'                      exits 0 pc-logs num
is "$(wc -l <out)" 200            '  200 lines'
ok 'restart'                      exits 0 pc-restart --wait num
tell "$num" /exit/1
ok '  and a crash'                waitfor lines 3 num.mark
ok '  it is back'                 exits 0 pc-status --wait=60 num
ok 'the ring survives a restart and a crash' exits 0 pc-logs -n 1000 num
is "$(bare out | tail -n 1)" 'line 350' '  '
ok 'stop'                         exits 0 pc-stop num
ok '  also a stop'                exits 0 pc-logs -n 1 num
is "$(bare out)" 'line 350'       '  '
ok 'start'                        exits 0 pc-start --wait num

# --- follow

follow f.out -n 1 num
ok 'follow: 1000 lines'           ask "$num" /lines/1000
ok '  come'                       waitfor has 'line 1000' f.out
is "$(bare f.out | sed 1d | awk '$0 == "line " NR { n++ } END { print n }')" \
	1000                      '  each, in order'
ok '  goes on over a restart'     exits 0 pc-restart --wait num
ok '  what it says then'          ask "$num" /say/again
ok '  comes'                      waitfor has again f.out
ok '  without doubling'           test "$(wc -l <f.out)" = 1002
kill "$follower"

follow j.out --json -n 1 num
ok 'follow --json: 200000 lines'  ask "$num" /lines/200000
ok '  the last one comes'         waitfor has '"line 200000"' j.out
jq -r 'if has("gap") then "gap \(.gap.count)" else .text end' j.out | sed 1d |
	awk '$1 == "gap" { at += $2; next }
	{ at++; if ($0 != "line " at) { print "at " at ": " $0; exit } }
	END { print at }' >sum
is "$(cat sum)" 200000            '  each of them, or a gap that counts them'
is "$(grep -c '"gap"' j.out)" 0   '  none is missing: they are in the file'
ok '  cursors count on'           jq -se '[.[].seq | split(".")[1] |
	tonumber] as $c | $c == [range($c[0]; $c[-1] + 1)]' j.out
kill "$follower"
cursor=$(jq -r 'select(.text == "line 199990") | .seq' j.out)
ok 'goes on after a cursor'       exits 0 pc-logs --since "$cursor" num
is "$(tr '\n' ' ' <out)" \
	"$(seq -s ' ' -f 'line %.0f' 199991 200000) " '  '

# --- a reader that stalls or goes

ok 'the module from its first line' exits 0 pc-restart --wait num
mkfifo slow
exec 8<>slow
pc-logs -f --json -n 1 num >slow 2>slow.err 8>&- &
slow=$!
others="$others $slow"
read -r line <&8                # the last one yet: it is there now
ok 'a follower'                   ask "$num" /say/begin
read -r line <&8
ok '  hears'                      test "${line%begin*}" != "$line"
ok '  and reads no more'          ask "$num" /lines/150000
ok '  while much is said'         said num 'line 150000'
ok '  and the module restarts'    exits 0 pc-restart --wait num
ok '  and more is said'           ask "$num" /lines/1000
ok '  to the end'                 ask "$num" /say/finish
{ echo "$line" && sed '/"finish"/q' <&8; } >slow.out
exec 8<&-
ok '  it misses nothing unsaid'   jq -se 'map(
		if .gap then .gap | [.from, .to] else [.seq, .seq] end |
		map(split(".")[1] | tonumber)) |
	. as $c | all(range(1; length); $c[.][0] == $c[. - 1][1] + 1)' slow.out
is "$(jq -s 'map(if .gap then .gap.count
	elif .text | startswith("line ") then 1 else 0 end) | add' slow.out)" \
	151000                    '  of all that was said'

mkfifo pipe
exec 8<>pipe
pc-logs -f -n 0 num >pipe 2>bg.err 8>&- &
others="$others $!"
ok 'a follower that does not read' ask "$num" /lines/200000
ok '  holds up nobody'            api_is 200 GET /health
exec 8<&-
pc-logs -f -n 5 num 2>bg.err | sed 1q >one &
goes=$!
ok 'a follower of five lines'     waitfor lines 1 one
ok '  of which one was read'      ask "$num" /say/more
wait "$goes"
ok 'a follower that goes'         test "$(wc -l <one)" = 1
ok '  is no harm'                 api_is 200 GET /health

# --- several

{
	pc-logs -f -n 1 say num >both.out 2>bg.err &
	others="$others $!"
}
ok 'several: the last line of each' waitfor lines 2 both.out
ok '  one speaks'                 ask "$say" /say/one
ok '  the other speaks'           ask "$num" /say/two
ok '  the one is heard'           waitfor has '[say] one' both.out
ok '  the other is heard'         waitfor has '[num] two' both.out
ok 'several interleave, with a prefix' not grep -qvE '^\[(say|num)\] ' both.out

# --- lines without an end

: >long.out
pc-logs -f --json -n 1 num >long.out 2>bg.err &
others="$others $!"
ok 'a follower of long lines'     waitfor lines 1 long.out
hwm() { awk '$1 == "VmHWM:" { print $2 }' "/proc/$hub/status"; }
before=$(hwm)
ok 'a line of 8 MiB'              ask "$num" /long/8388600
ok '  and its end'                ask "$num" /say/END
ok '  comes'                      waitfor has 'END"' long.out
ok '  is records, but the last partial' jq -se '
	[.[] | select(has("text") and (.text | startswith("x")))] |
	length > 1 and .[-1].partial == false and
	(.[-1].text | endswith("END")) and all(.[:-1][]; .partial) and
	all(.[]; .text | length <= 65536)' long.out
grown=$(($(hwm) - before))
if grep -q libasan "/proc/$hub/maps"; then
	skip '  and the hub stays small' 'a sanitizer keeps what was freed'
else
	ok "  and the hub stays small (+$grown kB)" test "$grown" -lt 2048
fi
ok '--json of it'                 exits 0 pc-logs --json -n 1 num

# --- faults

ok 'unknown module: 404'          api_is 404 GET /api/modules/nobody/logs \
	'.error == "not_supervised"'
ok '  with follow'                api_is 404 \
	GET '/api/modules/nobody/logs?follow=1' '.error == "not_supervised"'
ok 'pc-logs nobody'               exits 1 pc-logs nobody
ok '  is named'                   complains pc-logs nobody
for bad in '' '-n x say' '-n -1 say' '--nope say' '--since then say' \
	'--stream both say'; do
	# shellcheck disable=SC2086 # words
	ok "usage: '$bad'"        exits 2 pc-logs $bad
	ok '  in one line'        complains pc-logs
done
follow gone.out -n 1 num
ok 'hub goes down'                hub_stop
wait "$follower"
is $? 0                           'a follower ends with it, with 0'
ok 'no hub: the files'            exits 0 pc-logs -n 1 say num
ok '  are read'                   grep -q '^\[say\] one$' out
ok '  in one line'                complains pc-logs 'not running' files
ok '  following fails'            exits 3 pc-logs -f -n 0 say
ok '  one that has none'          exits 1 pc-logs say nobody
ok '  is named'                   grep -q 'nobody has no log files' err
ok '  none that has any'          exits 3 pc-logs nobody
ok '  in one line'                complains pc-logs 'not running'
ok 'the keeper has a log'         exits 0 pc-logs hub
ok '  with its lines'             grep -q 'say: started' out

# --- a hub that ends between its answer and the live stream

cat >half-hub.py <<'END'
import os, socket, sys
path, streams = sys.argv[1], int(sys.argv[2])
body = b'{"short":"say","records":[],"next":"1.0"}'
with socket.socket(socket.AF_UNIX) as s:
    s.bind(path)
    s.listen()
    print("ready", flush=True)
    c = s.accept()[0]
    c.recv(4096)
    if not streams:
        os.unlink(path)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
              b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
              + body)
    c.close()
    if streams:
        s.accept()[0].close()
END
for streams in 0 1; do
	rm -f half.sock
	: >half.out
	python3 half-hub.py half.sock "$streams" >half.out &
	others="$others $!"
	ok 'half a hub'           waitfor has ready half.out
	ok 'gone before the live stream begins: that is an end' exits 0 \
		env PARACHUTE_HUB_SOCK="$T/half.sock" pc-logs -f -n 1 say
	is "$(cat out)" one       '  after what there is'
done

# --- without a log writer: the ring alone

mkdir bin
for prog in pc-serve pc-status pc-stop; do
	ln "$(command -v "$prog")" bin/ 2>/dev/null ||
		cp "$(command -v "$prog")" bin/
done
rm -r "$PARACHUTE_HOME/num/logs"
_path=$PATH PATH=$T/bin:$PATH
ok 'a hub without a log writer'   hub_start
PATH=$_path
ok '  ready'                      exits 0 pc-status --wait=60
ok '  a line'                     ask "$num" /say/ringed
ok '  is heard'                   said num ringed
ok '  and shown'                  exits 0 pc-logs -n 1 num
is "$(cat out)" ringed            '  from the ring'
ok '  there is no file'           test ! -e "$PARACHUTE_HOME/num/logs"
ok 'hub goes down'                hub_stop

# --- the keeper's own stdout

mkfifo stdout hubready
exec 6<>stdout
pc-serve --home "$PARACHUTE_HOME" --no-front --ready-fd 3 3>hubready >stdout \
	2>>hub.log 6>&- &
hub=$!
read -r port <hubready
ok 'stdout that nobody reads'     exits 0 pc-status --wait=60
ok '  stops no module'            ask "$num" /lines/100000
ok '  nor the hub'                exits 0 pc-restart --wait num
ask "$num" /lines/10
ok '  what was dropped is said'   grep -m 1 \
	-iE '[0-9]+.*(dropped|lost|missed)' stdout
exec 6<&-
ask "$num" /lines/100
follow after.out -n 1 num
ok 'stdout whose reader went'     ask "$num" /say/after
ok '  what comes is told'         waitfor has after after.out
ok '  stops nothing'              exits 0 pc-status --wait=60
ok '  and the ring goes on'       exits 0 pc-logs -n 1 num
is "$(bare out)" after            '  '
ok 'hub goes down'                hub_stop
done_testing
