#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2034,SC2154
# Workers of the front door are killed under load: nobody but those who were
# connected to them is the wiser.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
. "${0%/*}/front.sh"
rounds 60 1000
workers=3

# It speaks, so that those who follow its log see that they are served.
serv_module good --lines 10
serv_module other
ok 'hub comes up'               front_start
ok 'good is ready'              exits 0 pc-status --wait=60 good
is "$(front_pids | wc -l)" 3    'three workers'
judge env WEB_PORT="$web_port" node "$here/frontload.mjs" "$rounds" \
	"$PARACHUTE_HOME/operator.token"
ok 'a worker in status'         exits 0 pc-status --json
ok 'good is as it was'          exits 0 pc-status good
ok 'requests are served'        web_is 200 GET /api/modules \
	--bearer home/operator.token

# All at once, again and again: the door is closed for nobody.
for i in 1 2 3 4 5 6 7 8; do
	# shellcheck disable=SC2046 # words
	kill -KILL $(front_pids)
	ok "all killed, $i: still open"  web_is 200 GET /health
done
ok 'three workers again'        eventually sh -c \
	"cd home && test \$(curl -sS --unix-socket hub.sock http://hub/api/hub |
	jq '[.crew[] | select(.name == \"pc-front\" and .pid)] | length') = 3"
ok 'modules are as they were'   exits 0 pc-status good other
ok 'hub goes down'              hub_stop
done_testing
