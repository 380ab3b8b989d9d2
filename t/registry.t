#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# services.json as people and modules really leave it.
. "${0%/*}/lib.sh"

listed() {      # JQ-EXPRESSION about pc-status --json
	pc-status --json >out 2>err
	jq -e "$1" out
}
problem() {     # JQ-EXPRESSION about one problem
	listed "[.problems[] | select($1)] | length > 0" ||
		{ jq -c .problems out; return 1; }
}
absent() { listed "[.modules[] | select(.short == \"$1\" and .port != null)] |
	length == 0"; }
add() {         # ROW
	services '.services += [$r]' --argjson r "$1"
}
hup() {         # and the hub has seen it: the signal came before the requests
	kill -HUP "$hub"
	api GET /api/modules
	api GET /api/modules
}

serv_module one
one=$free
serv_module two
two=$free
add '{"name":"noport","paths":[],"health":"/","version":"1"}'
add '{"name":"badport","port":65536,"paths":[],"health":"/","version":"1"}'
add '{"name":"strport","port":"80","paths":[],"health":"/","version":"1"}'
add '{"name":"badpaths","port":80,"paths":"/x","health":"/","version":"1"}'
add '{"name":"badhealth","port":81,"paths":[],"health":"x","version":"1"}'
add '{"name":"","port":82,"paths":[],"health":"/","version":"1"}'
add '"string"'
add null
ok 'hub comes up with bad rows'   hub_start
ok 'the good rows run'            exits 0 pc-status --wait=60 one two
for n in noport badport strport badpaths badhealth; do
	ok "$n: named"            problem "(.file | test(\"services.json\"))
		and .line > 1 and (.text | contains(\"$n\"))"
	ok '  not listed'         absent "$n"
done
ok 'a problem for each bad row'   listed '.problems | length >= 8'
ok 'the table shows them'         exits 0 pc-status
ok '  '                           grep -q badport out
ok 'bad rows are left in the file' jq -e '.services | length == 10' \
	"$(_services)"
cp "$(_services)" good.json
kill_later=$(pid_of one)

# --- not JSON

printf '{\n  "services": [\n    {"name": }\n  ]\n}\n' >"$(_services)"
ok 'a file that is not JSON'      problem '.line == 3 and .column == 14 and
	(.file | test("services.json"))'
ok '  the last good view stays'   listed \
	'[.modules[].short] | contains(["one", "two"])'
hup
ok '  SIGHUP stops nothing'       gone_none "$kill_later"
ok '  nor does a restart fail'    exits 0 pc-restart --wait one
for text in '' '[]' '{"services":{}}' '{"services":[]' 'null' '{}'; do
	printf '%s' "$text" >"$(_services)"
	hup
	ok "'$text' stops nothing" mod_has two '.state.status == "running"'
	ok '  and is a problem'   problem '.file | test("services.json")'
done
cp good.json "$(_services)"
ok 'mended: no such problem'      listed '[.problems[] |
	select(.line == 3 and .column == 14)] | length == 0'
rm "$(_services)"
mkdir "$(_services)"
ok 'a directory in its place'     problem '.file | test("services.json")'
ok '  the view stays'             mod_has two '.state.status == "running"'
rmdir "$(_services)"
cp good.json "$(_services)"

# --- facts are read again, nothing starts or stops for them

two_pid=$(pid_of two)
row two '.version = "7.8.9"'
ok 'a new version shows'          mod_has two '.installed_version == "7.8.9"'
is "$(cell two VERSION)" 7.8.9    '  in the table'
serv_module three
ok 'a new row shows'              listed \
	'[.modules[].short] | contains(["three"])'
is "$(marks three.mark)" 0        '  and is not started'
unrow one
ok 'a row that went'              mod_has two '.state.status == "running"'
is "$(marks two.mark)" 1          '  stops nothing else'
ok '  not even itself'            gone_none "$(last_mark one.mark)"
hup
waitfor lines 1 three.mark
ok 'SIGHUP starts what is new'    exits 0 pc-status --wait=60 three
waitfor pid-gone "$(last_mark one.mark)"
ok '  stops what is gone'         port_free "$one"
ok '  which is not listed any more' absent one
is "$(pid_of two)/$(marks two.mark)" "$two_pid/1" '  leaves the rest alone'
pc-stop three >out 2>err
hup
api GET /api/modules
ok 'what was stopped stays so'    mod_has three '.state.status == "stopped"'
free_port
row two ".port = $free"
ok 'a new port'                   exits 0 pc-restart --wait=60 two
ok '  is used by the next spawn'  port_open "$free"
ok '  and not the old one'        port_free "$two"

# --- rows that may not run beside each other

two=$free
services '.services = []'
serv_module aaa
same=$free
module bbb "$same" serv --mark "$T/bbb.mark"
serv_module parachute-twin
twin=$free
module twin "$twin" serv --mark "$T/twin.mark"
serv_module parachute-agent
serv_module agent
hup
waitfor lines 1 aaa.mark
waitfor lines 1 parachute-twin.mark
ok 'two rows with one port'       problem '(.text | contains("bbb")) and
	(.text | contains("'"$same"'"))'
ok '  the first one runs'         exits 0 pc-status --wait=60 aaa
is "$(marks bbb.mark)" 0          '  the second does not'
ok 'X beside parachute-X'         problem '.text | test("(^|[^-])twin")'
is "$(marks twin.mark)" 0         '  X does not run'
ok 'retired'                      problem '.text | contains("agent")'
is "$(marks agent.mark)$(marks parachute-agent.mark)" 00 '  does not run'
ok '  start: no'                  exits 1 pc-start agent
services '.services = []'
hup
waitfor pid-gone "$(last_mark aaa.mark)"

# --- names that could be more than names

long=$(printf '%064d' 0)
fits=$(printf '%063d' 0)
n=0
for name in ../evil a/b .hidden ..  'a b' -x 'x%2e' "a$long" 'a\u0000b' \
	'a\nb' '\u202eabc' hub front operations channel well-known cloudflared \
	logs '$(id)' 'x;y' "'"; do
	n=$((n + 1))
	free_port
	add '{"name":"'"$name"'","port":'"$free"',"paths":[],"health":"/",
		"version":"1","installDir":"'"$T/mod/evil"'"}'
done
mkdir -p mod/evil/.parachute
jq -n --arg m "$T/evil.mark" '{name: "evil", manifestName: "evil", port: 1,
	paths: [], health: "/", startCmd: ["serv", "--mark", $m]}' \
	>mod/evil/.parachute/module.json
serv_module "a$fits"
serv_module Ok.name_1-2
hup
waitfor lines 1 Ok.name_1-2.mark
ok 'names of 64 and odd ones run' exits 0 pc-status --wait=60 Ok.name_1-2 \
	"a$fits"
ok 'hostile ones are problems'    listed ".problems | length >= $n"
ok '  not modules'                listed \
	'[.modules[] | select(.port != null)] | length == 2'
is "$(marks evil.mark)" 0         '  and were not started'
ok '  nothing lies outside'       test -z "$(find . -name 'evil' \
	-not -path './mod/*')"
ok '  their bytes do not reach a terminal' exits 0 pc-status
ok '  '                           not grep -q "$(printf '\342\200\256')" out

# --- many and large

jq -n '{services: [range(5000) | {name: "m\(.)", port: 1, paths: [],
	health: "/", version: "1"}]}' >"$(_services)"
hup
ok '5000 rows with one port'      problem '.file | test("services.json")'
ok '  the hub answers'            api_is 200 GET /health
rm "$(_services)"
ok 'no file: no modules'          exits 0 pc-status --wait=60
hup
ok 'hub goes down'                hub_stop

# --- order of the start

services '.services = []'
serv_module first --late-fifo "$T/go"
serv_module second
serv_module loop1
serv_module loop2
mkfifo go
manifest second '.dependencies = {first: {}, loop9: {optional: true}}'
manifest loop1 '.dependencies = {loop2: {}}'
manifest loop2 '.dependencies = {loop1: {}}'
ok 'hub comes up'                 hub_start
waitfor lines 1 loop1.mark
waitfor lines 1 loop2.mark
ok 'a cycle is no obstacle'       exits 0 pc-status --wait=60 loop1 loop2
ok '  and is named'               grep -q 'loop1.*loop2' hub.log
is "$(marks second.mark)" 0       'who depends waits'
echo >go
ok '  until the other is ready'   exits 0 pc-status --wait=60 first second
ok 'hub goes down'                hub_stop
done_testing
