# shellcheck shell=sh disable=SC2016,SC2034
# SPDX-License-Identifier: MIT
#
# What every test script in t/ uses:
#
#	. "${0%/*}/lib.sh"
#	ok 'hub comes up' hub_start
#	ok 'says so'      exits 0 pc-status
#	done_testing
#
# A script runs in a directory of its own (T), with a home of its own
# (PARACHUTE_HOME) and ports of its own, under one deadline for the whole of
# it (t/tools/deadline): whatever blocks may block. What is still running when
# it ends is killed, named, and a failure. Nothing here sleeps for a result.

if ! command -v serv >/dev/null; then
	PATH=$PATH:$(dirname "$(command -v pc-serve)")/../t/tools
	export PATH
fi
if [ -z "${PC_TEST_PORTS-}" ]; then
	exec deadline "${PC_TEST_DEADLINE:-120}" "$0" "$@"
fi

T=$PC_TEST_DIR
export T
cd "$T" || exit 1
PARACHUTE_HOME=$T/home
export PARACHUTE_HOME
mkdir "$PARACHUTE_HOME" mod || exit 1
for _v in PORT PARACHUTE_HUB_SOCK PARACHUTE_BIND_HOST PARACHUTE_HUB_ORIGIN \
	RENDER_EXTERNAL_URL FLY_APP_NAME NOTIFY_SOCKET LISTEN_FDS NO_COLOR; do
	unset "$_v"
done
hub='' port='' others='' code='' cgroup='' at_end='' _count=0 _failed=0

_end() {
	_status=$?
	trap - EXIT INT TERM HUP
	[ -z "$hub" ] || kill -TERM "$hub" 2>/dev/null
	for _p in $others; do
		kill -KILL "$_p" 2>/dev/null
	done
	wait
	[ -z "$cgroup" ] || cgroup_end
	[ -z "$at_end" ] || $at_end
	exit "$_status"
}
trap _end EXIT
trap 'exit 1' INT TERM HUP

# --- TAP

diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

_diag_file() {
	[ ! -s "$1" ] || { diag "$1:" && tail -n 20 "$1" | cut -c 1-500 |
		sed 's/^/#   /'; }
}

_result() {     # STATUS NAME
	_count=$((_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $_count - $2"
		return 0
	fi
	_failed=$((_failed + 1))
	echo "not ok $_count - $2"
	return 1
}

# ok NAME CMD...: CMD is run here, so a function may set variables.
ok() {
	_name=$1
	shift
	: >ok.out
	"$@" >ok.out 2>&1
	_result $? "$_name" && return
	diag "  $*"
	for _f in ok.out out err hub.log; do
		_diag_file "$_f"
	done
}

not() { ! "$@"; }

# is GOT WANT NAME
is() {
	if [ "$1" = "$2" ]; then
		_result 0 "$3"
	else
		_result 1 "$3"
		diag "  got  '$1'"
		diag "  want '$2'"
	fi
}

skip() {        # NAME WHY
	_count=$((_count + 1))
	echo "ok $_count - $1 # SKIP $2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

done_testing() {
	echo "1..$_count"
	[ "$_failed" -eq 0 ]
	exit
}

# exits STATUS CMD...: output in the files out and err.
exits() {
	_want=$1
	shift
	"$@" >out 2>err
	_got=$?
	[ "$_got" -eq "$_want" ] && return
	echo "exit status $_got, expected $_want"
	return 1
}

# One line on standard error, that names the program and has all the words.
complains() {   # PROGRAM WORD...
	_prog=$1
	shift
	[ "$(wc -l <err)" -eq 1 ] || { echo 'not one line'; return 1; }
	grep -q "^$_prog: " err || { echo "not '$_prog: ...'"; return 1; }
	for _w; do
		grep -qiF -e "$_w" err || { echo "no '$_w'"; return 1; }
	done
}

# --- waiting

# For facts that the product tells to whoever asks, but announces to nobody.
eventually() {
	until "$@"; do
		waitfor -t 0.05 pause
	done
}

# A test's own background process: ended with the test.
other() {
	"$@" >>other.log 2>&1 &
	others="$others $!"
}

end_other() {   # PID
	kill -KILL "$1"
	wait "$1" 2>/dev/null
	return 0
}

alive() {       # PID: not a zombie
	[ -r "/proc/$1/stat" ] &&
		! grep -q ') Z ' "/proc/$1/stat" 2>/dev/null
}

gone() {        # PID...: of them all nothing is left now
	for _p; do
		! alive "$_p" || { echo "$_p is alive"; return 1; }
	done
}

gone_none() {   # PID...: they all live
	for _p; do
		alive "$_p" || { echo "$_p is gone"; return 1; }
	done
}

marks() {       # FILE: how many instances have started
	if [ -f "$1" ]; then wc -l <"$1" | tr -d ' '; else echo 0; fi
}
mark_pids() { cut -d ' ' -f 1 "$1"; }
last_mark() { tail -n 1 "$1" | cut -d ' ' -f 1; }

# --- chance

# In make soak, tests are long, and judge what they only print in make check.
soak() { [ -n "${PC_TEST_SOAK-}" ]; }

# rounds CHECK SOAK: sets $rounds and $seed. SEED=N repeats a run (as far as
# processes can), ROUNDS=N sets its length.
rounds() {
	rounds=$1
	! soak || rounds=$2
	rounds=${ROUNDS:-$rounds}
	seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
	_rand=$seed
	diag "SEED=$seed ROUNDS=$rounds"
}

# Sets $r: below N, the next of the numbers that the seed stands for.
rand() {        # N
	_rand=$(((_rand * 1103515245 + 12345) % 2147483648))
	r=$((_rand / 64 % $1))
}

pause_ms() { waitfor -t "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))" \
	pause || :; }
now_ms() { date +%s%3N; }

# --- ports

_next_port=$PC_TEST_PORTS

# Sets $free: a port that is ours, and that nobody listens on.
free_port() {
	free=$(freeport -f "$_next_port")
	_next_port=$((free + 1))
}

port_free() { waitfor -t 0 port-free "$@"; }
port_open() { waitfor -t 0 port-open "$1"; }
ask() { curl -sS -o ask.out "http://127.0.0.1:$1${2:-/}"; }
# The request that ends a server has no answer.
tell() { ask "$@" 2>/dev/null || :; }

# --- modules

_services() { echo "$PARACHUTE_HOME/services.json"; }

services() {    # JQ-EXPRESSION [JQ-ARG...]: change services.json
	_s=$(_services) _e=$1
	shift
	[ -s "$_s" ] || echo '{"services":[]}' >"$_s"
	jq "$@" "$_e" "$_s" >"$_s.new" && mv "$_s.new" "$_s"
}

# The rows of a file that holds all sorts of things.
_is='(type == "object" and .name == $n)'
row() {         # NAME JQ-EXPRESSION: change its row
	services '.services |= map(if '"$_is"' then '"$2"' else . end)' \
		--arg n "$1"
}
unrow() { services '.services |= map(select('"$_is"' | not))' --arg n "$1"; }

manifest() {    # NAME JQ-EXPRESSION: change its module.json
	_m=mod/$1/.parachute/module.json
	jq "$2" "$_m" >"$_m.new" && mv "$_m.new" "$_m"
}

# module NAME PORT CMD...: a directory under mod/, and a row.
module() {
	_n=$1 _port=$2
	shift 2
	mkdir -p "mod/$_n/.parachute"
	jq -n --arg n "$_n" --argjson p "$_port" '{manifestName: $n,
		name: ($n | ascii_downcase | gsub("[^a-z0-9-]"; "-")), port: $p,
		paths: ["/" + $n], health: ("/" + $n + "/health"),
		startCmd: $ARGS.positional}' --args -- "$@" \
		>"mod/$_n/.parachute/module.json"
	services '.services |= map(select('"$_is"' | not)) + [{name: $n,
		port: $p, paths: ["/" + $n], health: ("/" + $n + "/health"),
		version: "0.0.1", installDir: $d}]' \
		--arg n "$_n" --argjson p "$_port" --arg d "$T/mod/$_n"
}

# serv_module NAME [OPTION...]: t/tools/serv, marking itself in NAME.mark.
# Sets $free to its port.
serv_module() {
	_sn=$1
	shift
	free_port
	module "$_sn" "$free" serv --mark "$T/$_sn.mark" "$@"
}

# Trees of processes that misbehave, t/tools/tree, known by their files below
# trees/NAME. tree_module NAME [OPTION...]; sets $free to its port.
tree_module() {
	_tn=$1
	shift
	mkdir -p trees
	free_port
	module "$_tn" "$free" tree "$@" "$T/trees/$_tn"
}

# "PID NAME/FILE TRAITS" of what is alive of the trees, or of these trees.
trees() {       # [NAME...]
	tree --alive "$T/trees" >trees.all || return 1
	[ $# -gt 0 ] || { cat trees.all; return 0; }
	for _t; do
		grep -e " $_t/" trees.all
	done
	return 0
}
no_trees() {    # [NAME...]
	trees "$@" >trees.left
	[ ! -s trees.left ] || { cat trees.left; return 1; }
}
no_doubles() {  # two instances of a module at a time, as they saw it
	cat ./*.double trees/*.double 2>/dev/null
	! ls ./*.double trees/*.double >/dev/null 2>&1
}

# --- the hub

# hub_run ARG...: from here to the ready line. The keeper's output goes to
# hub.log, its stdout elsewhere where hub_out says so (a flood fills a disk);
# hub_env is for env(1). False if it ended first.
hub_env='' hub_out=''
hub_run() {
	rm -f ready && mkfifo ready || return 1
	: >>hub.log
	# shellcheck disable=SC2086 # words
	env $hub_env pc-serve --home "$PARACHUTE_HOME" --ready-fd 3 "$@" \
		3>ready >>"${hub_out:-hub.log}" 2>>hub.log &
	hub=$!
	port=''
	read -r port <ready
}

hub_start() { hub_run --no-front "$@"; }

# cgroup_make NAME: a cgroup2 of our own in $cgroup; false where there is none.
# The hub runs in it from then on. It is delegated once its xattr says so.
cgroup_make() {
	_root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[ -n "$_root" ] && mkdir "$_root/pc-test.$$.$1" 2>/dev/null || return 1
	cgroup=$_root/pc-test.$$.$1
	printf '#!/bin/sh\necho $$ >%s/cgroup.procs && exec "$@"\n' \
		"'$cgroup'" >in-cgroup
	chmod 755 in-cgroup
	hub_env="$T/in-cgroup $hub_env"
}
cgroup_delegate() { # XATTR
	python3 -c 'import os, sys
os.setxattr(sys.argv[1], sys.argv[2], b"1")' "$cgroup" "$1"
}
cgroup_end() {
	echo 1 >"$cgroup/cgroup.kill"
	# Linux passes over a process whose first thread has ended.
	find "$cgroup" -name cgroup.procs -exec cat {} + |
		while read -r _p; do kill -KILL "$_p" 2>/dev/null; done
	eventually grep -q "populated 0" "$cgroup/cgroup.events"
	find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
	cgroup=''
}

# The exit status of the keeper.
hub_wait() {
	wait "$hub"
	_st=$?
	hub=''
	return $_st
}

hub_stop() {
	kill -TERM "$hub" && hub_wait
}

hub_kill() {    # as a crash would
	kill -KILL "$hub"
	wait "$hub" 2>/dev/null
	hub=''
}

# api METHOD PATH [CURL-ARG...]: sets $code; the answer is in body, its head
# in headers. A path is sent as it is. hub.sock is reached by its short name:
# a home may be longer than a socket's path can be.
api() {
	_m=$1 _path=$2
	shift 2
	case $_m in
	HEAD) set -- -I "$@" ;;
	*) set -- -X "$_m" "$@" ;;
	esac
	: >body
	code=$(_b=$T/body _h=$T/headers && cd "$PARACHUTE_HOME" &&
		curl -sS -g --path-as-is --unix-socket hub.sock -o "$_b" \
		-D "$_h" -w '%{http_code}' "$@" "http://hub$_path")
}

# api_is CODE METHOD PATH [JQ-EXPRESSION that must be true]
api_is() {
	_c=$1 _am=$2 _ap=$3 _e=${4:-true}
	api "$_am" "$_ap"
	[ "$code" = "$_c" ] || {
		echo "$_am $_ap: $code, expected $_c"
		cat body
		return 1
	}
	[ "$_am" = HEAD ] || jq -e "$_e" body || { cat body; return 1; }
}

# The row of a module in GET /api/modules; of its state in .state.
mod() {         # SHORT JQ-EXPRESSION
	api GET /api/modules
	jq -r --arg s "$1" ".modules[] | select(.short == \$s) | $2" body
}
mod_has() {     # SHORT JQ-EXPRESSION that must be true
	_r=$(mod "$1" "($2) == true")
	[ "$_r" = true ] || { echo "got '$_r' for $2"; jq -c --arg s "$1" \
		'.modules[] | select(.short == $s)' body; return 1; }
}
pid_of() { mod "$1" .pid; }

# A cell of the table of pc-status: cell SERVICE COLUMN. Columns are two or
# more spaces apart, an age may have one inside.
cell() {
	pc-status | awk -F '  +' -v s="$1" -v c="$2" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == c) n = i }
		$1 == s { print $n }'
}
