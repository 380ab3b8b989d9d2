#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# A hundred modules.
. "${0%/*}/lib.sh"

n=100 i=0
free_port
while [ $i -lt $n ]; do
	mkdir -p "mod/m$i/.parachute"
	ports="${ports-} $free"
	echo "m$i $free"
	free_port
	i=$((i + 1))
done >list
ports=$(cut -d ' ' -f 2 list)
while read -r m p; do
	printf '{"name":"%s","manifestName":"%s","port":%d,"paths":["/%s"],
		"health":"/%s/health","startCmd":["serv","--mark","%s"]}\n' \
		"$m" "$m" "$p" "$m" "$m" "$T/all.mark" \
		>"mod/$m/.parachute/module.json"
done <list
jq -R -n --arg t "$T" '{services: [inputs | split(" ") | {name: .[0],
	port: (.[1] | tonumber), paths: ["/" + .[0]], health: "/health",
	version: "1", installDir: ($t + "/mod/" + .[0])}]}' <list \
	>"$PARACHUTE_HOME/services.json"

ok 'hub comes up'                 hub_start
ok 'all are ready'                exits 0 pc-status --wait=100
is "$(marks all.mark)" $n         '  one process each'
ok '  all listed'                 exits 0 pc-status --json
ok '  '                           jq -e "
	[.modules[] | select(.listening == \"yes\")] | length == $n" out
# But connections, which come and go: the last client's, checks of health.
descriptors() { api GET /api/hub; jq -c '.descriptors | del(.conn, .health)' body; }
before=$(descriptors)
fds() { find "/proc/$hub/fd" -mindepth 1 | wc -l; }
few_fds() { [ "$(fds)" -le "$open" ]; }
open=$(fds)
ok 'restart --all'                exits 0 pc-restart --all --wait=100
is "$(marks all.mark)" $((2 * n)) '  one process each'
ok '  the hub holds as many descriptors' eventually few_fds
is "$(descriptors)" "$before"     '  and knows them all'
ok 'stop --all'                   exits 0 pc-stop --all
# shellcheck disable=SC2046 # words
ok '  nothing is left'            gone $(mark_pids all.mark)
# shellcheck disable=SC2086 # words
ok '  all ports are free'         port_free $ports
ok 'start --all'                  exits 0 pc-start --all --wait=100
ok 'hub goes down'                hub_stop
# shellcheck disable=SC2046 # words
ok '  and nothing is left'        gone $(mark_pids all.mark)
done_testing
