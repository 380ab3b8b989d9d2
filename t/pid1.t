#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2046,SC2154
# pc-serve as PID 1: in a pid namespace; then in a root that has nothing but
# our programs, read-only but for one directory, for another user, without
# /proc and /etc.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-240}
. "${0%/*}/lib.sh"
rounds 1000 10000

unshare --pid --fork --mount-proc true 2>/dev/null ||
	skip_all 'unshare --pid does not work here'

# start CMD...: that ends in pc-serve, below unshare
start() {
	rm -f ready && mkfifo ready
	# --kill-child: all of it goes with the test.
	unshare --pid --mount --fork --kill-child "$@" --no-front \
		--ready-fd 3 3>ready >>hub.log 2>&1 &
	outer=$!
	others="$others $outer"
	read -r port <ready && inner=$(cat "/proc/$outer/task/$outer/children") &&
		inner=${inner% }
}
zombies() { # of the keeper
	for _c in $(cat "/proc/$inner/task/$inner/children"); do
		grep -q ') Z ' "/proc/$_c/stat" 2>/dev/null && echo "$_c"
	done
}
no_zombies() { [ -z "$(zombies)" ]; }
end() {         # SIGNAL WANT NAME: the exit status, and how long it took
	_from=$(now_ms)
	[ "$1" = 0 ] || kill "-$1" "$inner"
	wait "$outer"
	is $? "$2" "$3"
	diag "took $(($(now_ms) - _from)) ms"
}
is_first() {
	is "$(awk '$1 == "NSpid:" { print $NF }' "/proc/$inner/status")" 1 \
		'  as PID 1'
	ok '  knows it'           api_is 200 GET /api/hub '.pid == 1'
}

# --- with the root of the host

serv_module a
a=$free
serv_module wild --wrap --child --orphan
ok 'hub comes up'                 start sh -c 'mount -t proc proc /proc &&
	exec pc-serve "$@"' sh --home "$PARACHUTE_HOME"
is_first
ok 'ready'                        exits 0 pc-status --wait=60
ok "$rounds orphans"              ask "$a" "/orphans/$rounds"
ok '  are reaped'                 eventually no_zombies
ok '  and no module noticed'      mod_has a '.restarts == 0'
ok 'restart'                      exits 0 pc-restart --wait=60 a wild
ok 'stop'                         exits 0 pc-stop wild
is "$(pc-status --json | jq -r '.modules[] | select(.short == "wild") |
	.state.status')" stopped  '  stopped'
end TERM 0 'SIGTERM: 0'
ok '  the port is free'           port_free "$a"

# --- with nothing

mkdir -m 755 root root/data root/mod
for p in pc-serve pc-logd serv tree; do
	_p=$(command -v $p) && cp "$_p" root/
done
if ldd root/pc-serve >ldd.out 2>&1; then
	skip 'an empty root' 'the programs are not static'
	done_testing
fi
PARACHUTE_HOME=$T/root/data
bare_module() { # NAME CMD...: paths as they are inside
	_bn=$1
	shift
	free_port
	module "$_bn" "$free" "$@"
	mkdir -p "root/mod/$_bn"
	cp -R "mod/$_bn/.parachute" "root/mod/$_bn/"
	row "$_bn" '.installDir = "/mod/'"$_bn"'"'
}
bare_module b /serv --mark /data/b.mark
b=$free
bare_module shy /tree --depth 2 --width 2 --root setsid --rest deaf /data/trees
chmod -R go+rX root
chown -R 65534:65534 root/data

start_bare() {
	start env -i sh -c 'PATH=$PATH:/sbin:/usr/sbin &&
		mount --make-rprivate / && cd "$0" &&
		mount --bind . . && cd "$0" && mount --bind data data &&
		mount -o remount,bind,ro . &&
		exec chroot --userspec=65534:65534 . /pc-serve "$@"' \
		"$T/root" --home /data
}
ok 'empty root: hub comes up'     start_bare
is_first
is "$(awk '$1 == "Uid:" { print $2 }' "/proc/$inner/status")" 65534 \
	'  not as root'
ok '  nothing can be written'     not touch "/proc/$inner/root/x"
ok '  there is no shell'          not test -e "/proc/$inner/root/bin"
ok '  ready'                      exits 0 pc-status --wait=60
ok '  listening is known'         mod_has b '.facts.listening != "no"'
ok "  $rounds orphans"            ask "$b" "/orphans/$rounds"
ok '  are reaped'                 eventually no_zombies
ok '  words'                      ask "$b" /say/hello
ok '  are kept'                   eventually sh -c 'pc-logs b | grep -q hello'
ok '  in a file'                  waitfor has hello \
	root/data/b/logs/b.log
ok '  restart'                    exits 0 pc-restart --wait=60 b shy
ok '  stop'                       exits 0 pc-stop shy
tell "$b" /exit/3
ok '  a crash'                    waitfor lines 3 root/data/b.mark
end TERM 0 '  SIGTERM: 0'
ok '  the port is free'           port_free "$b"

bare_module deaf /serv --mark /data/deaf.mark --ignore-term
chmod -R go+rX root/mod
ok 'again, with a deaf module'    start_bare
ok '  ready'                      exits 0 pc-status --wait=60 b deaf
kill -TERM "$inner"
ok '  which is told to stop'      eventually grep -q 'stop' hub.log
end TERM 143 '  a second SIGTERM: 143'
ok '  the port is free'           port_free "$b"
unrow deaf

bare_module key /serv --mark /data/key.mark
key=$free
jq '.supervise = {critical: true, restart: "never"}' mod/key/.parachute/module.json \
	>root/mod/key/.parachute/module.json
chmod -R go+rX root/mod
ok 'a critical module'            start_bare
ok '  ready'                      exits 0 pc-status --wait=60 b key
tell "$key" /exit/7
end 0 1 '  its crash ends the hub: 1'
ok '  which names it'             grep -qE 'key.*critical|critical.*key' hub.log
ok '  the port is free'           port_free "$b"
done_testing
