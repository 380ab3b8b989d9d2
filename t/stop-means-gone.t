#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# After a stop nothing of a module is left, whatever it did to itself.
. "${0%/*}/lib.sh"

serv_module wrap --wrap --child --orphan
wrap=$free
serv_module deaf --ignore-term
deaf=$free
serv_module away --wrap --setsid --ignore-term
away=$free
serv_module kin --child --orphan
kin=$free
free_port
module shell "$free" sh -c "serv --mark '$T/shell.mark' & wait"
shell=$free
free_port
module bare "$free" env -i "$(command -v serv)" --listen "$free" --wrap \
	--setsid --orphan --mark "$T/bare.mark"
bare=$free

ok 'hub comes up'                 hub_start
ok 'all ready'                    exits 0 pc-status --wait=60

stop_one() {    # NAME PORT PIDS-EXPECTED
	waitfor lines "$3" "$1.mark"
	pid=$(pid_of "$1")
	ok "$1: stop"             exits 0 pc-stop "$1"
	# shellcheck disable=SC2046 # words
	ok '  all of it is gone'  gone "$pid" $(mark_pids "$1.mark")
	ok '  the port is free'   port_free "$2"
	ok '  and it says so'     mod_has "$1" '.state.status == "stopped"'
}

stop_one wrap "$wrap" 3
stop_one kin "$kin" 3
stop_one shell "$shell" 1
stop_one bare "$bare" 2
stop_one away "$away" 1
stop_one deaf "$deaf" 1
ok 'start'                        exits 0 pc-start --wait=60 wrap kin shell bare
ok 'restart'                      exits 0 pc-restart --wait=60 wrap shell
ok '  rebinds the ports'          exits 0 pc-status wrap shell
is "$(marks shell.mark)" 3        '  with one instance a time'

# The leader dies, the rest of the tree is alive and has the port.
rm -f wrap.mark
ok 'start anew'                   exits 0 pc-restart --wait=60 wrap
waitfor lines 3 wrap.mark
old=$(mark_pids wrap.mark)
kill -KILL "$(pid_of wrap)"
waitfor lines 6 wrap.mark
ok 'leader killed: comes back'    exits 0 pc-status --wait=60 wrap
# shellcheck disable=SC2086 # words
ok '  only when the rest was gone' gone $old
ok '  no port was squatted'       mod_has wrap '.state.restartsInWindow == 1 and
	(.state | has("startError") | not)'

# A start command that leaves a daemon behind.
serv_module dmn --daemonise
dmn=$free
kill -HUP "$hub"
waitfor lines 1 dmn.mark
ok 'a daemon is named as one'     eventually mod_has dmn \
	'.state.status == "crashed" and
	.state.startError.error_type == "daemonized"'
ok '  which is a fault'           exits 1 pc-status dmn
ok '  that the table explains'    grep -qiE 'daemon|background' out
ok 'stop'                         exits 0 pc-stop dmn
# shellcheck disable=SC2046 # words
ok '  all of it is gone'          gone $(mark_pids dmn.mark)
ok '  the port is free'           port_free "$dmn"

ok 'hub goes down'                hub_stop
# shellcheck disable=SC2046 # words
ok '  and nothing is left'        gone $(cut -d ' ' -f 1 ./*.mark)
done_testing
