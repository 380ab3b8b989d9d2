# shellcheck shell=sh disable=SC1091,SC2016,SC2034,SC2154
# SPDX-License-Identifier: MIT
#
# What the tests of the front door use, in the place of lib.sh:
#
#	. "${0%/*}/front.sh"
#	ok 'hub comes up'       front_start
#	ok 'a token'            mint jwt --scope scribe:transcribe
#	ok 'is not enough'      web_is 403 GET /api/modules --bearer jwt
#
# The port is chosen once, so that the hub can be started again on it. Tokens
# are in files: what is on a command line, everybody can read.

here=$(cd "${0%/*}" && pwd)
. "$here/lib.sh"
for _v in PARACHUTE_INSTALL_CHANNEL PARACHUTE_MODULE_CHANNEL \
	PARACHUTE_INITIAL_ADMIN_USERNAME PARACHUTE_INITIAL_ADMIN_PASSWORD \
	http_proxy HTTP_PROXY; do
	unset "$_v"
done
free_port
web_port=$free
web_origin=http://127.0.0.1:$web_port
workers=''

# The program itself: what is first in PATH may be a slow script about it.
PYTHON=$(python3 -c 'import sys; print(sys.executable)')
export PYTHON
refhome() { "$PYTHON" "$here/refhome.py" "$@"; }

# Returns once a worker answers: until there is one, connections are closed.
front_start() { # [ARG...]
	hub_run --port "$web_port" ${workers:+--workers "$workers"} "$@" &&
		[ "$port" = "$web_port" ] && eventually front_up
}
front_up() {
	curl -sS -m 10 -o health.json "$web_origin/health" 2>curl.err &&
		jq -e '.status == "ok"' health.json
}
front_pids() {  # of the workers that run
	api GET /api/hub
	jq -r '.crew[] | select(.name == "pc-front" and .pid) | .pid' body
}
front_deaths() {
	api GET /api/hub
	jq '[.crew[] | select(.name == "pc-front") | .deaths] | add' body
}

# web METHOD PATH [--bearer FILE] [CURL-ARG...]: sets $code; the answer is in
# body, its head in headers. 000: there was none.
web() {
	_m=$1 _path=$2
	shift 2
	[ "${1-}" != --bearer ] || {
		printf 'Authorization: Bearer %s\n' "$(cat "$2")" >bearer.head
		shift 2
		set -- -H @bearer.head "$@"
	}
	case $_m in
	HEAD) set -- -I "$@" ;;
	*) set -- -X "$_m" "$@" ;;
	esac
	: >body
	: >headers
	code=$(curl -sS -g --path-as-is -o body -D headers \
		-w '%{http_code}' "$@" "$web_origin$_path") || :
}

# web_is CODE METHOD PATH [ARG of web...] [-- JQ-EXPRESSION]
web_is() {
	_c=$1 _e=true
	shift
	_args=$#
	while [ "$_args" -gt 0 ]; do
		_a=$1
		shift
		_args=$((_args - 1))
		if [ "$_a" = -- ]; then
			_e=$1
			shift
			_args=$((_args - 1))
		else
			set -- "$@" "$_a"
		fi
	done
	web "$@"
	[ "$code" = "$_c" ] || {
		echo "$1 $2: $code, expected $_c"
		cat body
		return 1
	}
	[ "$_e" = true ] || jq -e "$_e" body || { cat body; return 1; }
}
has_head() {    # REGEX: a line of the last head
	tr -d '\r' <headers | grep -qiE "$1" || { cat headers; return 1; }
}

# mint FILE ARG...: a token by pc-auth, nothing else on its stdout
mint() {
	_f=$1
	shift
	pc-auth mint-token "$@" >"$_f" || return 1
	[ "$(wc -l <"$_f")" -eq 1 ] && grep -qE \
		'^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$' "$_f"
}

# A part of the token in a file: claim FILE JQ-EXPRESSION, of its head header.
_part() {       # FILE NUMBER JQ-EXPRESSION
	cut -d . -f "$2" "$1" | tr -- '-_' '+/' |
		jq -rR '. + "==="[:(4 - length % 4) % 4] | @base64d | fromjson |
			'"$3"
}
claim() { _part "$1" 2 "$2"; }
header() { _part "$1" 1 "$2"; }

# judge CMD...: CMD prints its results itself, as "ok NAME", "not ok NAME"
# and "# ...", then "end". They are counted here.
judge() {
	"$@" >judged 2>judged.err
	_st=$?
	awk -v n="$_count" '/^(not )?ok / { n++; sub(/ok /, "ok " n " - ") }
		!/^end$/' judged
	_count=$((_count + $(grep -cE '^(not )?ok ' judged)))
	_failed=$((_failed + $(grep -c '^not ok ' judged)))
	tail -n 1 judged | grep -qx end && [ "$_st" -eq 0 ]
	_result $? "  all of ${2##*/}" || {
		_diag_file judged.err
		_diag_file hub.log
	}
}
