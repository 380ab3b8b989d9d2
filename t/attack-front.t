#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# What has once let somebody in at the front door, or kept somebody out: one
# check a fault.
. "${0%/*}/front.sh"
workers=2

# Both workers have been told, whoever is asked.
refused() {
	for _i in 1 2 3 4 5 6 7 8; do
		web_is 401 GET /api/modules --bearer "$1" || return 1
	done
}
# The operator's token is copied to FILE, and another takes its place; what
# goes with the log is not missed.
retire() {      # FILE
	cp home/operator.token "$1" && pc-auth rotate-operator &&
		python3 -c 'import sqlite3
sqlite3.connect("home/hub.db").execute("PRAGMA wal_checkpoint(TRUNCATE)")'
}
revoke() { pc-auth revoke-token -- "$(claim "$1" .jti)"; }

# hold N PATH: N requests of the operator's, up to the first byte of each
# answer, "busy" among them. Sets $held; end_other lets them go.
hold() {
	rm -f holds
	python3 - "$web_port" "$@" home/operator.token holds <<-'end' &
	import signal, socket, sys
	port, n, path, token, done = sys.argv[1:]
	request = f"GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer "
	request += open(token).read().strip() + "\r\n\r\n"
	every = [socket.create_connection(("127.0.0.1", int(port)))
	         for i in range(int(n))]
	for s in every:
	    s.sendall(request.encode())
	codes = [s.recv(12)[9:] for s in every]
	with open(done, "w") as f:
	    print(codes.count(b"200"), codes.count(b"503"), file=f)
	signal.pause()
	end
	held=$!
	others="$others $held"
	waitfor file holds && waitfor lines 1 holds
}

serv_module good --lines 3
ok 'hub comes up'               front_start
ok 'good is ready'              exits 0 pc-status --wait=60 good

# Workers read on from the old log: what was revoked stayed good.
for gone in '-wal -shm' -shm -wal; do
	ok "hub.db without $gone: an old token"  retire old.jwt
	ok '  is good'          web_is 200 GET /api/modules --bearer old.jwt
	for side in $gone; do rm "home/hub.db$side"; done
	ok '  others take over' eventually web_is 200 GET /api/modules \
		--bearer home/operator.token
	ok '  can be revoked'   eventually revoke old.jwt
	ok '  and is, at the door'      eventually refused old.jwt
	ok '  another is taken' web_is 200 GET /api/modules \
		--bearer home/operator.token
done

# With streams enough nobody without a token could wait or follow.
ok 'a client with 150 streams'  hold 150 /api/events
ok '  has some of them'         grep -qE '^[1-9][0-9]* [1-9]' holds
ok '  pc-restart --wait'        exits 0 pc-restart --wait good
other pc-logs --follow good
ok '  pc-logs --follow'         waitfor has 'line 3' other.log
ok '  pc-stop'                  exits 0 pc-stop good
ok '  pc-start --wait'          exits 0 pc-start --wait good
end_other "$held"

is "$(front_deaths)" 0          'no worker has died'
ok 'hub goes down'              hub_stop
done_testing
