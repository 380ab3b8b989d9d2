#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# Who listens on a module's port, and what that means.
. "${0%/*}/lib.sh"

listening_is() { [ "$(mod "$1" .listening)" = "$2" ]; }

serv_module squat
squat=$free
other serv --listen "$squat"
stranger=$!
waitfor port-open "$squat"
serv_module mute --no-bind
mute=$free
mkfifo go
serv_module late --late-fifo "$T/go"
late=$free
serv_module good
good=$free
ok 'hub comes up'                 hub_start

# --- a stranger was first

ok 'port taken: named'            eventually mod_has squat \
	'.state.startError.error_type == "port_squatter"'
ok '  not running'                mod_has squat '.state.status == "crashed" and
	(.state | has("pid") | not)'
ok '  the stranger by pid'        mod_has squat \
	".state.startError.error_description | test(\"\\\\b$stranger\\\\b\")"
ok '  and by command'             mod_has squat \
	'.state.startError.error_description | contains("serv")'
ok '  and port'                   mod_has squat \
	".state.startError.error_description | contains(\"$squat\")"
ok '  listening: other'           mod_has squat '.listening == "other"'
is "$(cell squat LISTENING)" other '  also in the table'
is "$(cell squat STATE)" failing  '  failing'
ok '  and the exit status'        exits 1 pc-status squat
ok '  with the note'              grep -q "$stranger" out
ok '  start does not help'        exits 1 pc-start --wait squat
is "$(marks squat.mark)" 0        '  nothing was spawned'
ok '  the stranger lives'         alive "$stranger"
ok '  no budget was spent'        mod_has squat \
	'.state.restartsInWindow == 0 and .restarts == 0'
end_other "$stranger"
waitfor lines 1 squat.mark
ok 'free again: it starts'        exits 0 pc-status --wait=60 squat
ok '  with nothing held against it' mod_has squat '.listening == "yes" and
	.state.restartsInWindow == 0 and (.state | has("startError") | not)'
is "$(marks squat.mark)" 1        '  one spawn'

# --- never, and late

for m in mute late; do
	ok "$m: a note, alive"    eventually mod_has $m \
		'.state.startError.error_type == "started_but_unbound"'
	ok '  still running'      mod_has $m '.state.status == "running" and
		.listening == "no" and .state.restartsInWindow == 0'
	is "$(cell $m LISTENING)" no '  in the table'
	ok '  is a fault'         exits 1 pc-status $m
	is "$(marks $m.mark)" 1   '  one spawn'
done
ok '  names the port'             mod_has late \
	".state.startError.error_description | contains(\"$late\")"
echo >go
waitfor port-open "$late"
ok 'late: the note goes'          eventually mod_has late \
	'.listening == "yes" and (.state | has("startError") | not)'
is "$(cell late LISTENING)" yes   '  in the table'
ok '  well'                       exits 0 pc-status late
is "$(marks late.mark)" 1         '  still the first one'

# --- while it runs

other serv --listen "$mute"
stranger=$!
waitfor port-open "$mute"
ok 'a stranger takes the port'    eventually listening_is mute other
ok '  and is named'               exits 1 pc-status mute
ok '  by pid'                     grep -q "$stranger" out
end_other "$stranger"
ok '  and goes'                   eventually listening_is mute no
ok 'a lost listener'              ask "$good" /unbind
ok '  is told'                    eventually listening_is good no
ok '  is a fault'                 exits 1 pc-status good
ok '  but no crash'               mod_has good '.state.status == "running" and
	.state.restartsInWindow == 0'
ok 'stopped: nothing listens'     exits 0 pc-stop good
ok '  and nothing should'         exits 0 pc-status good
other serv --listen "$good"
stranger=$!
waitfor port-open "$good"
ok 'start: port taken'            exits 1 pc-start --wait good
ok '  named'                      mod_has good \
	'.state.startError.error_type == "port_squatter"'
ok 'stop ends the waiting'        exits 0 pc-stop good
end_other "$stranger"
ok 'hub goes down'                hub_stop
is "$(marks good.mark)" 1         'a stopped one does not start by itself'
done_testing
