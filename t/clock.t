#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# The wall clock of the hub jumps ten years ahead and back: no module
# notices. t/seam/clock.c moves it, in a keeper that is built for this test.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
. "${0%/*}/lib.sh"
rounds 20 1000

year=31557600
clock() {       # YEARS from now; a file is changed in one write
	python3 -c 'import struct, sys
with open(sys.argv[1], "r+b", buffering=0) as f:
	f.write(struct.pack("=q", int(sys.argv[2])))' "$T/clock" \
		$(($1 * year))
}
PATH=$PC_BUILD/t/seam:$PATH
is "$(command -v pc-serve)" "$PC_BUILD/t/seam/pc-serve" 'the keeper with the seam'
printf '\0\0\0\0\0\0\0\0' >clock
hub_env="PC_TEST_CLOCK=$T/clock"

serv_module a
a=$free
serv_module deaf --ignore-term
manifest deaf ".supervise = {stopTimeoutMs: 500}"
free_port
module twice "$free" sh -c "echo \$\$ >>'$T/twice.mark'
	[ \"\$(wc -l <'$T/twice.mark')\" -gt 2 ] || exit 3
	exec serv --exit-fifo '$T/end' --exit 3"
mkfifo end
free_port
module broken "$free" sh -c "echo \$\$ >>'$T/broken.mark'; exit 3"
ok 'hub comes up'                 hub_start
ok 'ready'                        exits 0 pc-status --wait=60 a deaf
ok 'one has spent its budget'     eventually mod_has broken \
	'.state.status == "crashed" and .state.restartsInWindow == 3'
waitfor lines 3 twice.mark
ok 'one has a crash left'         eventually mod_has twice \
	'.state.status == "running" and .state.restartsInWindow == 2'
pid=$(pid_of a)

wall() {        # the year in which the hub lives
	api GET /api/hub -D headers
	sed -n 's/^[Dd]ate: .* \([0-9]\{4\}\) .*/\1/p' headers
}
say() { ask "$a" "/say/$1"; }
this=$(date -u +%Y)
sleeps() { awk '/^voluntary/ { print $2 }' "/proc/$hub/status"; }

jump() {        # YEARS
	clock "$1"
	ok "$1 years: it answers" api_is 200 GET /health
	ok "  a says so"          say "in_$1"
	ok '  which is kept'      eventually has_line "in_$1"
	ok '  a lives on'         mod_has a ".pid == $pid and .restarts == 0"
	ok '  broken stays so'    mod_has broken '.state.status == "crashed"'
	ok '  twice runs'         mod_has twice '.state.status == "running" and
		.state.restartsInWindow == 2'
}
has_line() { pc-logs a | grep -qxF "$1"; }

jump 10
is "$(pc-status --json | jq -r '.modules[] | select(.short == "a") |
	.state.startedAt' | cut -c 1-4)" "$this" '  started when it was started'
ok '  and is not ten years up'    test "$(cell a UPTIME |
	grep -c '[dwy]')" = 0
ok '  restart'                    exits 0 pc-restart --wait=60 deaf
ok '  which says when'            mod_has deaf \
	".state.startedAt[:4] | tonumber >= $this + 9"
ok '  stop of a deaf one'         exits 0 pc-stop deaf
jump -10
ok '  start'                      exits 0 pc-start --wait=60 deaf
jump 0
i=0
while [ $i -lt "$rounds" ]; do
	rand 21
	clock $((r - 10))
	say "round_$i" >/dev/null
	api GET /api/modules
	i=$((i + 1))
done
clock 0
ok "$rounds jumps: a lives on"    mod_has a ".pid == $pid and .restarts == 0"
is "$(marks broken.mark)" 3       '  none got a budget'
is "$(marks twice.mark)" 3        '  nor a run'
clock 10
echo >end
ok 'the third crash in a minute'  eventually mod_has twice \
	'.state.status == "crashed" and .state.restartsInWindow == 3'
is "$(marks twice.mark)" 3        '  was the last'
ok 'a start by hand works'        exits 0 pc-start --wait=60 twice

# At rest it must not spin on a deadline that is in the past.
clock -10
before=$(sleeps)
pause_ms 1000
after=$(sleeps)
ok 'it sleeps' test $((after - before)) -lt 50

ok 'the log keeps its order'      eventually has_line "round_$((rounds - 1))"
exits 0 pc-logs -n $((rounds + 3)) a
is "$(grep -x 'round_[0-9]*' out | awk -F _ '$2 != n++' | head -n 3)" '' \
	'  line after line'
api GET "/api/modules/a/logs?format=records&n=1000"
ok '  cursors only grow'          jq -e '[.records[] | select(has("seq")) |
	.seq | split(".")[1] | tonumber] | . == (sort | unique) and
	length > 3' body
ok '  times are what they were'   jq -e '[.records[].time[:4] | tonumber] |
	max - min >= 10' body
ok 'stops'                        hub_stop
# shellcheck disable=SC2046 # words
ok '  and nothing is left'        gone $(cut -d ' ' -f 1 ./*.mark)
done_testing
