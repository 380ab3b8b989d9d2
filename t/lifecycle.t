#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# A module's life: started, stopped, restarted, killed, given up.
. "${0%/*}/lib.sh"

iso='test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z$")'

serv_module a
a=$free
serv_module b --exit 7
serv_module c --exit 0
ok 'hub comes up'                 hub_start
ok 'a is ready'                   exits 0 pc-status --wait=60 a
pid=$(pid_of a)
is "$(last_mark a.mark)" "$pid"   'pid is the one that runs'
ok 'its state'                    mod_has a '.state.status == "running" and
	(.state.startedAt | '"$iso"') and .state.restartsInWindow == 0 and
	.restarts == 0 and .listening == "yes" and
	(.state | has("startError") | not)'
ok 'start again'                  exits 0 pc-start a
is "$(pid_of a)/$(marks a.mark)" "$pid/1" '  changes nothing'
ok 'stop'                         exits 0 pc-stop a
ok '  returns when it is gone'    gone "$pid"
ok '  and the port free'          port_free "$a"
ok '  and says so'                mod_has a '.state.status == "stopped" and
	(.state | has("pid") | not) and .pid == null'
ok 'stop again'                   exits 0 pc-stop a
ok 'a stopped module is no fault' exits 0 pc-status a
ok 'start --wait'                 exits 0 pc-start --wait a
ok '  returns when it listens'    port_open "$a"
pid=$(pid_of a)
ok 'restart --wait=S'             exits 0 pc-restart --wait=60 a
ok '  ends the old one'           gone "$pid"
is "$(marks a.mark)" 3            '  and starts one'
ok '  that listens'               port_open "$a"
ok '  with a clean budget'        mod_has a '.state.restartsInWindow == 0'
pc-stop a >out 2>err
ok 'restart of a stopped one'     exits 0 pc-restart --wait a
is "$(marks a.mark)" 4            '  starts it'

kill -KILL "$(pid_of a)"
waitfor lines 5 a.mark
ok 'killed: comes back'           exits 0 pc-status --wait=60 a
is "$(last_mark a.mark)" "$(pid_of a)" '  as another process'
ok '  counted'                    mod_has a '.state.restartsInWindow == 1 and
	(.state.lastCrashAt | '"$iso"') and .restarts >= 1'
tell "$a" /exit/7
waitfor lines 6 a.mark
ok 'exited: comes back'           exits 0 pc-status --wait=60 a
ok '  counted, with its status'   mod_has a '.state.restartsInWindow == 2 and
	.state.lastExitCode == 7'
tell "$a" /exit/9
ok 'the third time: given up'     eventually mod_has a \
	'.state.status == "crashed"'
ok '  with the facts'             mod_has a '.state.restartsInWindow == 3 and
	.state.lastExitCode == 9 and (.state | has("pid") | not)'
ok '  which is a fault'           exits 1 pc-status a
ok '  and ends a wait at once'    exits 1 pc-status --wait=600 a
is "$(marks a.mark)" 6            '  and nothing was started'
ok 'start by hand'                exits 0 pc-start --wait a
ok '  clears the budget'          mod_has a '.state.restartsInWindow == 0 and
	.state.status == "running"'

ok 'b exits at once: given up'    eventually mod_has b \
	'.state.status == "crashed"'
is "$(marks b.mark)" 3            '  after three spawns'
ok '  with its status'            mod_has b '.state.lastExitCode == 7 and
	.state.restartsInWindow == 3'
ok 'exit 0 is a crash too'        eventually mod_has c \
	'.state.status == "crashed" and .state.lastExitCode == 0'
is "$(marks c.mark)" 3            '  three spawns'
ok 'start of what cannot stay up' exits 1 pc-start --wait=60 b
is "$(marks b.mark)" 6            '  three more spawns'
manifest b '.startCmd = ["serv", "--mark", "'"$T"'/b.mark"]'
ok 'its command mended'           exits 0 pc-start --wait b
is "$(marks b.mark)" 7            '  one spawn'
ok '  and well'                   mod_has b '.state.status == "running" and
	.state.restartsInWindow == 0 and (.state | has("startError") | not)'
manifest c '.startCmd = ["serv", "--mark", "'"$T"'/c.mark"]'

ok 'several at once'              exits 0 pc-restart --wait a b c
ok '  all ready'                  exits 0 pc-status
ok 'stop --all'                   exits 0 pc-stop --all
# shellcheck disable=SC2046 # words
ok '  nothing is left'            gone $(cut -d ' ' -f 1 ./*.mark)
ok 'start --all'                  exits 0 pc-start --all --wait=60
ok '  all ready'                  exits 0 pc-status
ok 'restart --all'                exits 0 pc-restart --all --wait=60
ok '  all ready'                  exits 0 pc-status

for p in pc-start pc-stop pc-restart; do
	ok "$p: nothing named"    exits 2 $p
	ok '  in one line'        complains $p
	ok "$p: name and --all"   exits 2 $p --all a
	ok "$p: unknown option"   exits 2 $p --nope a
done
ok 'start of an unknown one'      exits 1 pc-start nobody
ok '  is named'                   complains pc-start nobody
ok 'restart of an unknown one'    exits 1 pc-restart nobody
ok '  is named'                   complains pc-restart nobody
ok 'one of two is unknown'        exits 1 pc-restart --wait a nobody
ok '  the other is done'          exits 0 pc-status --wait=60 a
ok 'hub goes down'                hub_stop
# shellcheck disable=SC2046 # words
ok '  with all its modules'       gone $(cut -d ' ' -f 1 ./*.mark)
ok 'stop without a hub is done'   exits 0 pc-stop a
ok '  and says so'                grep -qi 'hub' out err
ok 'start without a hub'          exits 3 pc-start a
ok '  in one line'                complains pc-start
ok 'restart without a hub'        exits 3 pc-restart a
done_testing
