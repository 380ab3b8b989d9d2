#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# What cannot be started is told apart, and costs no spawn.
. "${0%/*}/lib.sh"

no_spawn() {    # NAME
	mod_has "$1" '.state.status == "crashed" and .pid == null and
		(.state | has("pid") | not) and .restarts == 0 and
		.state.restartsInWindow == 0'
}
fault() {       # NAME TYPE WORD-IN-DESCRIPTION
	ok "$1: $2"               eventually mod_has "$1" \
		".state.startError.error_type == \"$2\""
	ok "  names $3"           mod_has "$1" \
		".state.startError.error_description | contains(\"$3\")"
	ok '  when'               mod_has "$1" '.state.startError.at |
		test("^[0-9-]{10}T[0-9:.]{12}Z$")'
	ok '  no spawn'           no_spawn "$1"
	ok '  start: fails'       exits 1 pc-start "$1"
	ok '  and names it'       grep -qF -e "$3" err
	ok '  status: fails'      exits 1 pc-status "$1"
	ok '  and says why'       grep -qF -e "$3" out
}

mkdir bin
free_port; module absent "$free" no-such-program-anywhere --flag
free_port; module absrel "$free" ./no-such-file
free_port; module plain "$free" ./plain
echo 'echo no' >mod/plain/plain
free_port; module onpath "$free" only-half-installed
echo 'echo no' >bin/only-half-installed
free_port; module dir "$free" ./sub
mkdir mod/dir/sub
free_port; module shebang "$free" ./shebang
printf '#!/no/such/interpreter\n' >mod/shebang/shebang
chmod +x mod/shebang/shebang
free_port; module garbage "$free" ./garbage
printf '\001\002\003garbage\n' >mod/garbage/garbage
chmod +x mod/garbage/garbage
free_port; module nocmd "$free" x
manifest nocmd 'del(.startCmd)'
free_port; nodir=$free
services '.services += [{name: "parachute-scribe", port: $p, version: "1",
	paths: ["/scribe"], health: "/scribe/health",
	installDir: ($t + "/not/there")}]' --argjson p "$nodir" --arg t "$T"
printf '#!/bin/sh\nexec serv\n' >bin/parachute-scribe
chmod +x bin/parachute-scribe
free_port
services '.services += [{name: "parachute-vault", port: $p, version: "1",
	paths: ["/vault/default"], health: "/vault/default/health"}]' \
	--argjson p "$free"
serv_module good
hub_env="PATH=$T/bin:$PATH"
ok 'hub comes up'                 hub_start
ok 'the good one is ready'        exits 0 pc-status --wait=60 good

fault absent missing_dependency no-such-program-anywhere
ok '  wire form'                  mod_has absent '.state.startError |
	.binary == "no-such-program-anywhere" and .why == null and
	.docs_url == null and .install == {} and
	(.sysadmin_hint | type == "string")'
ok '  also in supervisor_start_error' mod_has absent \
	'.supervisor_start_error == .state.startError'
fault absrel missing_dependency no-such-file
fault plain non_executable plain
ok '  with the remedy'            mod_has plain \
	'.state.startError.error_description | contains("chmod +x")'
fault onpath non_executable only-half-installed
fault scribe missing_directory "$T/not/there"
if ! command -v parachute-vault >/dev/null; then
	fault vault missing_dependency parachute-vault
	ok '  with how to get it' mod_has vault '.state.startError.install |
		tostring | contains("parachute install vault")'
fi
for m in dir shebang garbage; do
	ok "$m: is a state, not a loop" eventually mod_has $m \
		'.state.status == "crashed" and
		(.state.startError.error_description | length > 0)'
	ok '  no budget spent'    mod_has $m '.state.restartsInWindow == 0'
	ok '  start: fails'       exits 1 pc-start $m
done
ok 'no start command: 422'        api_is 422 POST /api/modules/nocmd/start \
	'.error == "no_start_cmd"'
ok '  start: fails'               exits 1 pc-start nocmd
ok '  is listed, and should not run' exits 0 pc-status nocmd
ok '  and it says why'            grep -q startCmd out

# Mended without a restart of the hub.
printf '#!/bin/sh\nexec serv "$@"\n' >mod/plain/plain
chmod +x mod/plain/plain
ok 'mended: starts'               exits 0 pc-start --wait plain
ok '  clears the error'           mod_has plain \
	'.state.status == "running" and (.state | has("startError") | not)'
mkdir -p not/there
ok 'directory made: starts'       exits 0 pc-start --wait scribe
is "$(readlink "/proc/$(pid_of scribe)/cwd")" "$T/not/there" '  in it'
ok 'the good one never noticed'   mod_has good '.restarts == 0'
ok 'hub goes down'                hub_stop
done_testing
