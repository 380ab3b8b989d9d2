#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2034,SC2154
# A worker of the front door that has been taken over cannot write another
# file, start a program or reach another address, and serves on. t/seam/taken.c
# is in it and tries what it is asked for over HTTP; in a worker that is not
# locked in the same attempts succeed.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
. "${0%/*}/front.sh"
workers=1

# The keeper takes the pc-front that is beside it.
mkdir bin
cp "$PC_BUILD/bin/pc-serve" "$PC_BUILD/bin/pc-logd" \
	"$PC_BUILD/t/seam/pc-front" bin
PATH=$T/bin:$PATH
chmod 711 "$T"

# furnish USER: what is tried on lies there, whatever the last attempt did.
furnish() {
	rm -rf home/new home/empty home/text outside
	mkdir home/empty
	echo text >home/text
	echo outside >outside
	ln -sf hub.db home/data
	ln -sf hub.sock home/s
	chown -h "$1" home/empty home/text home/data home/s outside
	[ ! -e home/hub.db ] || chmod 600 home/hub.db
}
new_home() {    # USER
	rm -rf home
	mkdir -m 700 home
	chown "$1" home
	furnish "$1"
}

# Not what it serves with, which it may write.
seen() {
	find home outside ! -path 'home/hub.db*' ! -path 'home/hub/*' \
		\( -type d -printf '%p %y %m %U\n' -o \
		-printf '%p %y %m %U %s %C@\n' \) | sort
}

# Every attempt, one request each, until there are no more.
attempts() {    # USER
	_i=0
	while web GET "/taken/$_i" && [ "$code" = 200 ]; do
		read -r got want name <body
		case $want in
		lacking) skip "  $name" 'this host has no lock against it' ;;
		left) ;;
		*) is "$got" "$want" "  $name: $want" ;;
		esac
		! $free_worker || furnish "$1"
		_i=$((_i + 1))
	done
	is "$code" 404          '  all were asked'
	ok '  they were many'   [ "$_i" -gt 100 ]
}

goes_on() {     # WORKER
	ok '/health is ok'              front_up
	ok 'a token is minted'          web_is 200 POST /api/auth/mint-token \
		--bearer home/operator.token -d '{"scope": "scribe:transcribe"}'
	jq -r .token body >jwt
	ok '  which hub.db holds'       web_is 200 GET /api/auth/tokens \
		--bearer home/operator.token -- "$(printf '%s' \
		".tokens | map(.jti) | index(\"$(claim jwt .jti)\")")"
	is "$(front_pids)" "$1"         'by the same worker'
}

taken() {       # USER
	free_worker=false
	new_home "$1"
	ok "as $1: hub comes up"        front_start
	worker=$(front_pids)
	ok 'status says what holds'     exits 0 pc-status front
	ok '  in a line of its own'     grep -q '^ *sandbox  *holds: ' out
	diag "$(grep sandbox out)"
	! grep -q '; lacks: ' out || skip 'all locks' "$(grep -o 'lacks: .*' out)"
	seen >before
	attempts "$1"
	seen >after
	ok 'no file is another'         cmp before after
	ok 'the keeper is there'        api_is 200 GET /health
	goes_on "$worker"
	ok 'hub goes down'              hub_stop
}

# Without the locks: attempts that fail by themselves prove nothing.
let_loose() {   # USER
	free_worker=true
	hub_env="PC_TEST_WITHOUT=15 $hub_env"
	new_home "$1"
	ok "as $1, free: hub comes up"  front_start
	worker=$(front_pids)
	ok 'status says what is missing' exits 0 pc-status front
	ok '  all'                      grep -q \
		'^ *sandbox  *holds: nothing; lacks: .*landlock, seccomp' out
	attempts "$1"
	ok 'hub goes down'              hub_stop
}

me=$(id -u) nobody=65534
taken "$me"
let_loose "$me"
if [ "$me" = 0 ]; then
	as_nobody="setpriv --reuid=$nobody --regid=$nobody --clear-groups"
	hub_env=$as_nobody
	taken "$nobody"
	hub_env=$as_nobody
	let_loose "$nobody"
else
	skip 'as another user' 'that takes root'
fi
done_testing
