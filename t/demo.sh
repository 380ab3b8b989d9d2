#!/bin/sh
# A hub with real servers: whichever of nginx, redis, python and node are here.
#
#	t/demo.sh [BUILD]       the home is BUILD/demo
#
# Runs until ctrl-C or until the hub ends; the exit status is the hub's.
set -eu

build=${1-build}
home=$build/demo
PATH=$(cd "$build/bin" && pwd):$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
unset PARACHUTE_HUB_SOCK        # this hub, not one that runs here already

mkdir -p "$home"
pc-status --home "$home" >/dev/null 2>&1 && status=0 || status=$?
if [ "$status" -ne 3 ]; then    # 3: no hub
	echo "demo: a hub is already running on $home" >&2
	exit 1
fi
root=$(cd "$home" && pwd)
rows=$root/rows
: >"$rows"

have() {
	command -v "$1" >/dev/null 2>&1
}

version() {
	"$@" 2>&1 | grep -Eo '[0-9]+([.][0-9]+)+' | head -n 1
}

quoted() {      # text as a JSON string
	printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# The first port from the last one on that nothing listens on. The kernel
# lists ports in hexadecimal.
port=21939
next_port() {
	while :; do
		port=$((port + 1))
		hex=$(printf ':%04X$' "$port")
		cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
			awk '{ print $2 }' | grep -q "$hex" || return 0
	done
}

# module NAME VERSION ARGV...: its directory, its module.json, its row.
module() {
	name=$1 ver=$2
	shift 2
	dir=$root/$name
	mkdir -p "$dir/.parachute"
	argv=
	for word in "$@"; do
		argv="$argv${argv:+, }$(quoted "$word")"
	done
	place='"port": '$port', "paths": ["/'$name'"], "health": "/"'
	printf '{ "name": "%s", "manifestName": "%s", %s, "startCmd": [%s] }\n' \
		"$name" "$name" "$place" "$argv" \
		>"$dir/.parachute/module.json"
	printf '%s{ "name": "%s", %s, "version": "%s", "installDir": %s }\n' \
		"$([ ! -s "$rows" ] || echo ', ')" "$name" "$place" \
		"$ver" "$(quoted "$dir")" >>"$rows"
}

with_nginx() {
	next_port
	mkdir -p "$root/web/site/web"
	echo 'A page, served by nginx.' >"$root/web/site/web/index.html"
	cat >"$root/web/nginx.conf" <<-EOF
		daemon off;
		worker_processes 2;
		error_log stderr;
		pid nginx.run;
		events { }
		http {
			access_log /dev/stdout;
			client_body_temp_path tmp-body;
			proxy_temp_path tmp-proxy;
			fastcgi_temp_path tmp-fastcgi;
			uwsgi_temp_path tmp-uwsgi;
			scgi_temp_path tmp-scgi;
			server {
				listen 127.0.0.1:$port;
				root site;
			}
		}
	EOF
	module web "$(version nginx -v)" nginx -e stderr -p . -c nginx.conf
	talk="curl -L http://127.0.0.1:$port/$name"
}

with_redis() {
	next_port
	module cache "$(version redis-server --version)" \
		redis-server --port "$port" --bind 127.0.0.1 --save ''
	talk="redis-cli -p $port ping"
}

with_python() {
	next_port
	mkdir -p "$root/files/files"
	echo 'A file, served by python.' >"$root/files/files/hello.txt"
	module files "$(version python3 -V)" \
		python3 -m http.server --bind 127.0.0.1 "$port"
	talk="curl -L http://127.0.0.1:$port/$name"
}

# Behind a shell that forks: the port belongs to its child.
with_node() {
	next_port
	mkdir -p "$root/hello"
	cat >"$root/hello/serve.sh" <<-'EOF'
		node server.js &
		wait
	EOF
	cat >"$root/hello/server.js" <<-'EOF'
		const http = require("http");
		http.createServer((request, answer) => {
			console.log(request.method, request.url);
			answer.end("Hello from node.\n");
		}).listen(process.env.PORT, "127.0.0.1");
	EOF
	module hello "$(version node -v)" sh serve.sh
	talk="curl -L http://127.0.0.1:$port/$name"
}

! have redis-server || with_redis
! have nginx || with_nginx
! have python3 || with_python
! have node || with_node
if [ ! -s "$rows" ]; then
	echo 'demo: no nginx, redis-server, python3 or node to keep up' >&2
	exit 1
fi
{ echo '{ "services": [' && cat "$rows" && echo '] }'; } \
	>"$root/services.json"
last=$name
rm -f "$rows"

# A session of its own: ctrl-C reaches this script alone, which passes it on
# once. (A second signal makes the hub kill at once.)
ready=$root/ready
rm -f "$ready"
mkfifo "$ready"
setsid pc-serve --home "$home" --port 0 --ready-fd 3 3>"$ready" </dev/null &
hub=$!
again=1
trap 'again=1; kill -TERM "$hub" 2>/dev/null || :' INT TERM HUP

try_next() {
	cat <<-EOF

		The hub is up: http://127.0.0.1:$1/ shows it in a browser. In
		another terminal, from here:

		  export PARACHUTE_HOME=$root PATH=$build/bin:\$PATH
		  pc-status
		  pc-status --url http://127.0.0.1:$1     # over TCP, by token
		  pc-auth show
		  pc-logs -f $last
		  $talk
		  kill -9 \$(pc-status $last | awk '\$1 == "$last" { print \$5 }')
		  pc-status $last                    # it is up again
		  pc-stop $last
		  pc-start --wait $last

		ctrl-C here stops them all.

	EOF
}

if read -r answers <"$ready"; then
	echo
	pc-status --home "$home" --wait ||
		echo 'demo: not everything is ready (see above)'
	try_next "$answers" || :        # ctrl-C may end its cat
fi
rm -f "$ready" || :

status=0
while [ "$again" = 1 ]; do
	again=0
	wait "$hub" && status=0 || status=$?
done
exit "$status"
