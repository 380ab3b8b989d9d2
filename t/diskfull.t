#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2046,SC2154
# A disk that is full, hangs, or may not be written: modules, API and live
# logs go on, status says so, and when it is over it is over.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-200}
if [ -z "${PC_TEST_MOUNTS-}" ]; then
	PC_TEST_MOUNTS=own
	export PC_TEST_MOUNTS
	! unshare --mount true 2>/dev/null ||
		exec unshare --mount --propagation private "$0" "$@"
	PC_TEST_MOUNTS=none
fi
here=$(cd "${0%/*}" && pwd)
. "${0%/*}/lib.sh"
[ "$PC_TEST_MOUNTS" = own ] || skip_all 'unshare --mount does not work here'
rounds 2 20

cri() { python3 "$here/cricheck.py" "$@"; }
check() { python3 "$here/nodrop.py" "$@"; }
mount -t tmpfs -o size=24m tmpfs "$PARACHUTE_HOME" ||
	skip_all 'no tmpfs can be mounted here'
at_end="umount -l $PARACHUTE_HOME"
log=$PARACHUTE_HOME/num/logs/num.log
serv_module num --lines 1
num=$free
serv_module calm
hub_out=/dev/null
ok 'hub comes up'                 hub_start
ok 'ready'                        exits 0 pc-status --wait=60
ok 'a file is written'            waitfor has 'line 1' "$log"
pc-logs -f --json -n 10 num >live.json 2>live.err &
others="$others $!"
ok 'a follower'                   waitfor lines 1 live.json
boot=$(jq -r '.cursor // .seq' live.json)
boot=${boot%.*}
total=1

says() { mod_has num '.log_error != null'; }
says_nothing() { mod_has num '.log_error == null'; }
more() {        # LINES
	ask "$num" "/lines/$1" && total=$((total + $1)) &&
		waitfor has "\"line $total\"" live.json
}
in_file() { tail -n 1 "$log" | grep -qxE ".* line $total"; }

trouble() {     # WHAT: the disk is in trouble by now
	ok "$1: modules write on" more 20000
	ok '  status says so'     eventually says
	ok '  to people too'      sh -c 'pc-status | grep -qiE "log"'
	ok '  API goes on'        api_is 200 GET /health
	ok '  restart of another' exits 0 pc-restart --wait=60 calm
	ok '  stop of another'    exits 0 pc-stop calm
	ok '  start of another'   exits 0 pc-start --wait=60 calm
	ok '  follow goes on'     more 20000
}
over() {        # it is over
	_from=$(now_ms)
	ask "$num" /lines/1
	total=$((total + 1))
	ok '  over: it recovers'  eventually says_nothing
	diag "after $(($(now_ms) - _from)) ms"
	ok '  files go on'        more 10
	ok '  to the last line'   eventually in_file
	ok '  none is corrupt'    cri $(ls -r "$log" "$log".[1-9] 2>/dev/null)
}
i=0
while [ $i -lt "$rounds" ]; do
	dd if=/dev/zero of="$PARACHUTE_HOME/fill" bs=64k 2>/dev/null
	trouble 'disk full'
	rm -f "$PARACHUTE_HOME/fill"
	over
	i=$((i + 1))
done

rm -f "$log"
more 5
ok 'a file that vanishes'         waitfor file "$log"
ok '  is written anew'            eventually in_file

mv "${log%/*}" "${log%/*}.away"
: >"${log%/*}"
trouble 'no directory for it'
rm -f "${log%/*}"
over

rm -f "$log"
echo precious >precious
ln -s "$T/precious" "$log"
more 1000
is "$(cat precious)" precious     'a symlink is not followed'
ok '  and is told of'             eventually says
rm -f "$log"
over

# A log writer that hangs, as one does on a disk that hangs; then one that dies.
writer() {
	pgrep -P "$hub" -x pc-logd
}
if [ -n "$(writer)" ]; then
	kill -STOP "$(writer)"
	ok 'a hung disk: more than a pipe' more 60000
	trouble 'disk hangs'
	kill -CONT "$(writer)"
	over
	old=$(writer)
	kill -KILL "$old"
	ok 'a log writer that dies' more 1000
	ok '  loses nothing'      eventually in_file
	ok '  is another now'     test "$(writer)" != "$old"
else
	ok 'there is a log writer' false
fi

ok 'follow: all, or gaps'         check json live.json "$boot:$total"
diag "$(tail -n 1 ok.out)"
dd if=/dev/zero of="$PARACHUTE_HOME/fill" bs=64k 2>/dev/null
ok 'stops on a full disk'         hub_stop
ok '  starts on it'               hub_start
ok '  and all is up'              exits 0 pc-status --wait=60 num calm
ok '  stops'                      hub_stop
done_testing
