#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# A home whose path is longer than a socket's may be.
. "${0%/*}/lib.sh"

part=$(printf '%0200d' 0)
PARACHUTE_HOME=$T/$part/$part/$part/$part/$part
mkdir -p "$PARACHUTE_HOME"
ok 'more than 900 characters'     test ${#PARACHUTE_HOME} -gt 900
serv_module a --cwd "$T/a.cwd" --env "$T/a.env"
ok 'hub comes up'                 hub_start
ok 'status'                       exits 0 pc-status --wait=60
ok '  answers'                    api_is 200 GET /health
ok '  mode of hub.sock'           test \
	"$(cd "$PARACHUTE_HOME" && stat -c %a hub.sock)" = 600
ok '  PARACHUTE_HOME whole'       \
	grep -qxF "PARACHUTE_HOME=$PARACHUTE_HOME" a.env
ok 'a second one is refused'      exits 1 pc-serve --home "$PARACHUTE_HOME" \
	--no-front
ok 'restart'                      exits 0 pc-restart --wait a
ok 'logs'                         exits 0 pc-logs a
ok 'stop'                         exits 0 pc-stop a
ok '--home'                       exits 0 env PARACHUTE_HOME=/nowhere \
	pc-status --home "$PARACHUTE_HOME"
cd "$PARACHUTE_HOME/.." || exit 1
ok 'a relative one' pc-status --home "$part"
rm -f ok.out
cd "$T" || exit 1
ln -s "$PARACHUTE_HOME" link
ok 'by a symbolic link'           exits 0 pc-status --home "$T/link"
ok 'hub goes down'                hub_stop
long=$T
while [ ${#long} -lt 4200 ]; do
	long=$long/$part
done
for p in 'pc-serve --no-front' pc-status; do
	# shellcheck disable=SC2086 # words
	ok "${p%% *}: longer than the system allows" not $p --home "$long"
done
done_testing
