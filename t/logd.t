#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# pc-logd, fed by hand: what it writes, survives, refuses and sets aside.
. "${0%/*}/lib.sh"

H=$PARACHUTE_HOME
log() { echo "$H/$1/logs/$1.log"; }
logd() { pc-logd >said 2>err; }         # what comes in is in its files
feed() { frames "$@" >frames.bin && logd <frames.bin; }
texts() { cut -d ' ' -f 4- "$@"; }
# Lines 1 to N, each once and in order, whatever dots are behind the number.
counts() {      # N FILE...
	_n=$1
	shift
	cat "$@" | awk -v n="$_n" '{ sub(/\.+$/, "", $5) }
		$4 != "line" || $5 != NR { print NR ": " substr($0, 1, 99)
			bad = 1; exit }
		END { if (NR != n) print NR " lines"
			exit bad || NR != n }'
}
cursors() { pc-logs --json --since 0.0 "$1" 2>/dev/null |
	jq -r 'if .gap then "\(.gap.from)-\(.gap.to)" else .seq end' |
	paste -sd ' ' -; }
mode() { stat -c %a "$1"; }
nothing_new() { find "$H" -newer stamp ! -path '*/hub/run*' -type f; }

# --- the file

ok 'three lines'        feed -n 3 -t 1780377693123456789 -i 1 vault
is "$(cat "$(log vault)")" '2026-06-02T05:21:33.123456789Z stdout F line 1
2026-06-02T05:21:33.123456790Z stdout F line 2
2026-06-02T05:21:33.123456791Z stdout F line 3' '  are CRI lines'
is "$(mode "$(log vault)") $(mode "$(log vault).idx")" '600 600' '  for us alone'
is "$(cat said err)" '' '  and nothing to say'
ok 'standard error, a part, nothing' sh -c '{ frames -s 4 -e -m oops vault
	frames -s 5 -p -m "goes " vault; frames -s 6 -m on vault
	frames -s 7 -m "" vault; } >frames.bin'
ok '  are written'      logd <frames.bin
is "$(tail -n 4 "$(log vault)" | cut -d ' ' -f 2- | sed 's/$/|/')" \
	"stderr F oops|
stdout P goes |
stdout F on|
stdout F |" '  as such'
is "$(cursors vault)" '1.1 1.2 1.3 1.4 1.5 1.6 1.7' '  with their cursors'
ok 'the keeper and the front' feed -m said hub front
is "$(texts "$H/hub/logs/hub.log" "$H/front/logs/front.log")" "said
said" '  have files'
ok 'no source, no directory' test ! -e "$H/scribe"

# --- numbers

ok 'what is there already' sh -c '{ frames -n 7 -t 1 vault
	frames -s 8 vault; } >frames.bin'
cp "$(log vault)" before
ok '  is not doubled'   logd <frames.bin
is "$(head -n 7 "$(log vault)" | cmp - before)" '' '  what was there stands'
is "$(wc -l <"$(log vault)")" 8 '  what is new is written'
ok 'a number is left out' feed -s 11 vault
is "$(texts "$(log vault)" | tail -n 2)" "[hub] gap: 2 lines missing
line 11" '  is said'
ok 'a gap'              feed -s 12 -g 5 vault
ok '  and after it another keeper' feed -b 2 -n 2 vault
is "$(cursors vault | cut -d ' ' -f 8-)" \
	'1.8 1.9-1.10 1.11 1.12-1.16 2.1 2.2' '  have their cursors'
ok 'a keeper that lost its count' feed -b 1 vault
is "$(tail -n 1 "$(log vault)" | texts)" 'line 1' '  is written'

# --- kills

seed=${PC_SEED:-$$}
diag "PC_SEED=$seed"
ok '200 kills, four sources' frames -n 20000 -k 200 -r "$seed" a b c hub \
	-x pc-logd
rm -r "$H/hub/logs"
for s in a b c; do
	ok "  $s: every line once" counts 20000 "$(log $s)"
done
ok '200 kills over rotations' frames -n 60000 -l 450 -k 200 -r "$seed" turn \
	-x pc-logd
ok '  every line once'  counts 60000 "$(log turn).2" "$(log turn).1" \
	"$(log turn)"
is "$(cursors turn)" "$(seq -s ' ' -f '1.%.0f' 60000)" '  every cursor'
ok 'a pipe of one page, lines of 64 KiB' frames -n 40 -l 65536 -z 4096 page \
	-x pc-logd
ok '  every line once'  counts 40 "$(log page)"
mkfifo pipe pipe2
pc-logd <pipe >said 2>err &
first=$!
exec 7>pipe
frames both >&7
eventually test -s "$(log both)"
pc-logd <pipe2 >said2 2>err2 7>&- &
second=$!
others="$others $second"
exec 8>pipe2
frames -s 3 both >&8
exec 8>&-
frames -s 2 both >&7
exec 7>&-
wait "$first"
wait "$second"
is $? 0                 'a second writer of the home'
ok '  waits for the end of the first' counts 3 "$(log both)"
ok 'a thousand sources, forty descriptors' sh -c 'ulimit -n 40
	frames -n 3 $(seq -f m%.0f 1000) | pc-logd 2>err'
is "$(cat "$H"/m*/logs/m*.log | sort -s -k 5n | uniq -c -f 4 |
	awk '{ print $1 }' | xargs) $(cat err)" '1000 1000 1000 ' \
	'  have their lines'

# --- TERM and the end

pc-logd <pipe >said 2>err &
logd=$!
exec 7>pipe
frames -n 2000 term >&7
kill -TERM "$logd"
wait "$logd"
is $? 0                 'TERM: ends'
ok '  when all that came is written' counts 2000 "$(log term)"
exec 7>&-
pc-logd <pipe >said 2>err &
logd=$!
exec 7>pipe
frames int >&7
eventually test -s "$(log int)"
kill -INT "$logd"
kill -HUP "$logd"
frames -s 2 int >&7
exec 7>&-
wait "$logd"
is $? 0                 'INT and HUP: it stays to the end'
ok '  and writes'       counts 2 "$(log int)"
ok 'what is no record'  sh -c '{ echo rubbish; frames -s 3 int
	printf PCL; } | pc-logd 2>err'
ok '  is said'          grep -q '8 bytes.*no record' err
ok '  also a cut one'   grep -q 'ends in a record' err
is "$(tail -n 1 "$(log int)" | texts)" 'line 3' '  and the next is written'
ok 'names that are none' sh -c 'frames ../x .x logs | pc-logd 2>err'
ok '  are refused'      test ! -e "$H/../x" -a ! -e "$H/.x" -a ! -e "$H/logs"

# --- rotation

ok 'sixty megabytes'    frames -n 60000 -l 1000 big -x pc-logd
is "$(cd "$H/big/logs" && echo *)" 'big.log big.log.1 big.log.1.idx'\
' big.log.2 big.log.2.idx big.log.3 big.log.3.idx big.log.4 big.log.4.idx'\
' big.log.idx'          '  are five files'
ok '  of 10 MiB each'   sh -c 'for f; do
	[ "$(wc -c <"$f")" -le 10485760 ] || exit 1; done' - "$(log big)" \
	"$(log big).1" "$(log big).4"
tail -n 1 "$(log big).1" >end
ok '  the oldest lines are gone' not grep -qm 1 'line 1\.' "$(log big).4"
ok '  the newest is there' grep -q 'line 60000\.' "$(log big)"
rm "$(log big).4" "$(log big).4.idx"
mkdir "$(log big).4"
echo 'not ours' >"$(log big).3.idx.new"
ok 'what we did not make' frames -s 60001 -n 25000 -l 1000 big -x pc-logd
ok '  is set aside'     test -d "$(log big).4.before-pc"
ok '  or left alone'    test -f "$(log big).3.idx.new"
ok '  and rotation goes on' grep -q 'line 85000\.' "$(log big)"

# --- files of others

old() { mkdir -p "$H/$1/logs"; printf '%s\n' "$2" >"$(log "$1")"; }
old plain 'a plain line'
ok 'a file from before' feed plain
is "$(cat "$(log plain).before-pc")" 'a plain line' '  is set aside'
ok '  once'             counts 1 "$(log plain)"
printf 'another\n' >"$(log plain)"
ok '  a second one'     feed -s 2 plain
is "$(cat "$(log plain).before-pc" "$(log plain).before-pc.2")" \
	'a plain line
another' '  does not replace the first'

link() {        # NAME WHAT-IS-A-LINK
	ok "$2 that is a link" feed "$1"
	is "$(cut -d ' ' -f 1,2 said)" "$1 error" '  is an error'
	is "$(find elsewhere -type f | wc -l)" 0 '  and not followed'
}
mkdir elsewhere
ln -s "$T/elsewhere" "$H/dirlink"
link dirlink 'a directory'
mkdir "$H/loglink"
ln -s "$T/elsewhere" "$H/loglink/logs"
link loglink 'a directory in it'
mkdir -p "$H/filelink/logs"
ln -s "$T/elsewhere/x" "$(log filelink)"
link filelink 'a file'
ln -s "$T/elsewhere/none" "$H/dangle"
link dangle 'a directory that is not there'
ok 'the others go on'   feed -s 3 filelink plain
is "$(texts "$(log plain)" | tail -n 1)" 'line 3' '  '

# --- what is taken away

pc-logd <pipe >said 2>err &
logd=$!
exec 7>pipe
frames gone >&7
ok 'a file'             eventually test -s "$(log gone)"
rm "$(log gone)"
frames -s 2 gone >&7
ok '  that is removed'  eventually test -s "$(log gone)"
is "$(texts "$(log gone)")" 'line 2' '  is made again'
rm -r "$H/gone"
frames -s 3 gone >&7
ok '  with its directories' eventually test -s "$(log gone)"
mv "$(log gone)" moved
frames -s 4 gone >&7
ok '  that is moved'    eventually test -s "$(log gone)"
: >"$(log gone)"
frames -s 5 gone >&7
ok '  that is emptied'  waitfor has 'line 5' "$(log gone)"
exec 7>&-
wait "$logd"
is "$(cursors gone)" '1.1-1.4 1.5' '  has the right cursor'

# --- damage

cut_off() { head -c "-$1" "$2" >short && cat short >"$2"; }
ok 'a line that was cut' feed -n 3 torn
cut_off 4 "$(log torn)"
ok '  is written whole' feed -s 3 -n 2 torn
ok '  once'             counts 4 "$(log torn)"
is "$(cursors torn)" '1.1 1.2 1.3 1.4' '  '
ok 'an index that is gone' rm "$(log torn).idx"
ok '  the lines are there' exits 0 pc-logs torn
is "$(wc -l <out)" 4    '  all'
is "$(cursors torn | sort -u)" 'null null null null' '  without cursors'
ok '  it goes on'       feed -s 5 -n 2 torn
is "$(cursors torn)" 'null null null null 1.5 1.6' '  with cursors'
ok 'an index'           sh -c 'for i in 1 4 7; do frames -s $i torn2
	done | pc-logd'
is "$(cursors torn2)" '1.1 1.2-1.3 1.4 1.5-1.6 1.7' '  '
printf X | dd of="$(log torn2).idx" bs=1 seek=130 conv=notrunc 2>/dev/null
ok '  that is damaged in the middle' exits 0 pc-logs torn2
is "$(cursors torn2)" '1.1 1.2-1.3 null 1.5-1.6 1.7' '  lacks one'
printf X | dd of="$(log torn2).idx" bs=1 seek=270 conv=notrunc 2>/dev/null
ok '  at its end'       feed -s 8 torn2
is "$(cursors torn2)" '1.1 1.2-1.3 null 1.5-1.6 null 1.8' '  goes on'
echo 'no index at all' >"$(log torn2).idx"
ok 'a file in place of an index' feed -s 9 torn2
is "$(cat "$(log torn2).idx.before-pc")" 'no index at all' '  is set aside'
is "$(cursors torn2)" 'null null null null null null 1.9' '  '

# --- another reader: syslog-ng's parser of Kubernetes' files, where it is

scl=${PC_SYSLOG_NG_SCL:-/usr/share/syslog-ng/include/scl}
if command -v syslog-ng >/dev/null && [ -f "$scl/kubernetes/kubernetes.conf" ]
then
	ok 'parts, streams, a gap' sh -c '{ t=1780377693123456789
		frames -t $t -i 1 -n 2 read; frames -t $t -s 3 -p -m "a, " read
		frames -t $t -s 4 -p -m "b, " read
		frames -t $t -s 5 -m c read; frames -t $t -s 6 -e -m "d = e" read
		frames -t $t -s 9 read; } | pc-logd'
	pods=var/log/pods/default_read_0123abcd/read
	mkdir -p "$pods"
	cp "$(log read)" "$pods/0.log"
	cat >sng.conf <<END
@version: 3.38
@include "$scl/kubernetes/kubernetes.conf"
source s { file("$T/$pods/0.log" flags(no-parse)); };
log { source(s); parser { kubernetes-file-parser(); };
	destination { file("$T/sng.out"
	template("\$ISODATE|\${.k8s.stream}|\$MSG\n") frac-digits(6)); }; };
END
	syslog-ng -F -e --no-caps -f "$T/sng.conf" --persist-file "$T/persist" \
		--control "$T/control" --pidfile "$T/sng.pid" >sng.log 2>&1 &
	sng=$!
	others="$others $sng"
	eventually sh -c 'grep -q "line 9" sng.out 2>/dev/null || ! kill -0 $1' \
		- "$sng"
	ok '  are read by syslog-ng' alive "$sng"
	is "$(sed 's/^[^|]*[.]\([0-9]*\)[^|]*/\1/' sng.out)" \
		'123456|stdout|line 1
123456|stdout|line 2
123456|stdout|a, b, c
123456|stderr|d = e
123456|stderr|[hub] gap: 2 lines missing
123456|stdout|line 9' '  as what they are'
else
	skip 'another reader' 'no syslog-ng with its Kubernetes parser'
fi

# --- a home that cannot be written

if [ "$(id -u)" -ne 0 ]; then
	skip 'a disk that is full' 'not root'
	done_testing
fi
cat >full.sh <<'END'
set -e
mount -t tmpfs -o size=256k tmpfs "$PARACHUTE_HOME"
mkdir "$PARACHUTE_HOME/free"
pc-logd <pipe >said 2>err &
exec 7>pipe
frames -n 5000 -l 100 full >&7
waitfor has 'full error' said
dd if=/dev/zero of="$PARACHUTE_HOME/fill" bs=1k count=1024 2>/dev/null || :
frames -s 5001 -n 5 full >&7
cp "$PARACHUTE_HOME/full/logs/full.log" at-full 2>/dev/null || : >at-full
frames other >&7
waitfor has 'other error' said
rm "$PARACHUTE_HOME/fill"
mount -o remount,size=8m "$PARACHUTE_HOME"
waitfor has 'full ok' said
waitfor has 'other ok' said
frames -s 5006 full >&7
exec 7>&-
wait
cp -R "$PARACHUTE_HOME/full" "$PARACHUTE_HOME/other" "$T/"
pc-logs --json --since 0.0 full >full.json 2>/dev/null
mount -o remount,ro "$PARACHUTE_HOME"
frames readonly | pc-logd >said.ro
END
rm -rf "${H:?}"/*
ok 'a disk that is full, then read-only' unshare -m sh full.sh
is "$(grep -c . said)" 4 '  each error is said once, and that it is well'
ok '  why'              grep -q '^full error .*No space left on device' said
ok '  nothing is cut'   not grep -qvE '^[^ ]{30} std(out|err) F (line|\[hub)' \
	full/logs/full.log
ok '  a gap says what is missing' grep -q 'gap: [0-9]* lines missing' \
	full/logs/full.log
is "$(jq -s 'map(if .gap then .gap.count else 1 end) | add' full.json)" 5006 \
	'  every line or the gap it is in'
ok '  what was kept is written' counts 1 other/logs/other.log
is "$(cut -d ' ' -f 1,2 said.ro)" 'readonly error' '  read-only is an error'
done_testing
