#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154
# Every route of the front door, with every kind of token.
. "${0%/*}/front.sh"

serv_module good --lines 3
# A vault has a row, so that its name may be in scopes.
free_port
module parachute-vault "$free" serv
row parachute-vault '. + {paths: ["/vault/default"]}'
ok 'hub comes up'               front_start
ok 'good is ready'              exits 0 pc-status --wait=60 good
judge env WEB_PORT="$web_port" node "$here/routes.mjs"
ok 'the same workers serve'     test "$(front_deaths)" = 0
ok 'good is well'               exits 0 pc-status --wait=60 good
ok 'hub goes down'              hub_stop
done_testing
