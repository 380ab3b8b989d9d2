#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2154
# Servers that nobody here wrote, kept up.
. "${0%/*}/lib.sh"

have=''
wanted() {      # NAME PROGRAM: true when it is installed
	command -v "$2" >/dev/null && { have="$have $1"; return; }
	skip "$1" "$2 is not installed"
	return 1
}
# Each says in NAME.mark that it starts; the program keeps the pid.
marked() {      # NAME CMD...
	_n=$1
	shift
	free_port
	module "$_n" "$free" sh -c 'echo $$ >>"$0"; exec "$@"' \
		"$T/$_n.mark" "$@"
	eval "port_$_n=\$free"
}

PATH=$PATH:/usr/sbin:/sbin
if wanted nginx nginx; then
	mkdir -p web
	echo hello >web/index.html
	marked nginx nginx -p "$T/web" -c "$T/web/nginx.conf" -e stderr \
		-g 'daemon off;'
	cat >web/nginx.conf <<-END
		worker_processes 2;
		pid $T/web/nginx.pid;
		error_log stderr;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $T/web/body;
			proxy_temp_path $T/web/proxy;
			fastcgi_temp_path $T/web/fastcgi;
			uwsgi_temp_path $T/web/uwsgi;
			scgi_temp_path $T/web/scgi;
			server {
				listen 127.0.0.1:$free;
				root $T/web;
			}
		}
	END
	chmod 755 "$T"
fi
if wanted redis redis-server; then
	free_port
	marked redis sh -c 'exec redis-server --port "$PORT" --bind 127.0.0.1 \
		--save "" --appendonly no --daemonize no'
fi
if wanted python python3; then
	mkdir -p files
	marked python sh -c 'exec python3 -m http.server "$PORT" \
		--bind 127.0.0.1 --directory "$0"' "$T/files"
fi
if wanted node node; then
	cat >server.js <<-'END'
		require('http').createServer((q, r) => r.end('hello\n'))
			.listen(process.env.PORT, '127.0.0.1',
				() => console.log('listening'));
	END
	marked node sh -c 'node "$0" & wait' "$T/server.js"
fi
[ -n "$have" ] || skip_all 'none of the servers is installed'

speaks() {      # NAME: it answers in its own protocol
	eval "_sp=\$port_$1"
	case $1 in
	redis)  [ "$(printf 'PING\r\nQUIT\r\n' | say "$_sp" | sed 1q |
		tr -d '\r')" = +PONG ] ;;
	*)      curl -sS -f -o speaks.out "http://127.0.0.1:$_sp/" ;;
	esac
}
ports_of() {
	for _m in $have; do
		eval "echo \$port_$_m"
	done
}

ok 'hub comes up'                 hub_start
ok 'all ready'                    exits 0 pc-status --wait=60
for m in $have; do
	ok "$m: answers"          speaks "$m"
	is "$(cell "$m" STATE)/$(cell "$m" LISTENING)" active/yes '  as shown'
	pid=$(pid_of "$m")
	is "$pid" "$(cat "$m.mark")" '  its pid'
done
for m in $have; do
	pid=$(pid_of "$m")
	kill -KILL "$pid"
	waitfor lines 2 "$m.mark"
	ok "$m: killed, comes back" exits 0 pc-status --wait=60 "$m"
	ok '  answers'            speaks "$m"
	ok '  another process'    test "$(pid_of "$m")" != "$pid"
	ok '  counted'            mod_has "$m" '.state.restartsInWindow == 1'
	ok '  restart'            exits 0 pc-restart --wait=60 "$m"
	ok '  answers'            speaks "$m"
	eval "p=\$port_$m"
	ok '  stop'               exits 0 pc-stop "$m"
	# shellcheck disable=SC2154 # eval
	ok '  the port is free'   port_free "$p"
	ok '  start'              exits 0 pc-start --wait=60 "$m"
	ok '  answers'            speaks "$m"
done
ok 'their output is kept'         exits 0 pc-logs -n 50 "${have##* }"
ok 'hub goes down'                hub_stop
# shellcheck disable=SC2046 # words
ok '  all ports are free'         port_free $(ports_of)
# shellcheck disable=SC2046 # words
ok '  all leaders are gone'       gone $(cat ./*.mark)
done_testing
