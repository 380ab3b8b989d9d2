#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154
# What no HTTP client sends: each refused for what it is, and every request,
# cut or split anywhere, understood in one way.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
here=$(cd "${0%/*}" && pwd)
. "${0%/*}/lib.sh"

# raw WHERE NAME: its checks become ours.
raw() {
	python3 "$here/raw.py" "$1" >raw.out 2>&1
	while read -r _said _rest; do
		_text=${_rest#*- }
		case $_said in
		ok) _result 0 "$2: $_text" ;;
		not) _result 1 "$2: $_text" ;;
		'#') diag "$_rest" ;;
		esac
	done <raw.out
	ok "$2: all were tried" grep -q '^1\.\.' raw.out
}
answers() { curl -sSf -o body "http://127.0.0.1:$port/health"; }

ok 'hub comes up'               hub_start
raw "$PARACHUTE_HOME/hub.sock"  'hub.sock'
ok 'the hub is as it was'       api_is 200 GET /health
ok 'and ends'                   hub_stop

if command -v pc-front >/dev/null; then
	ok 'with a front door'  hub_run --port 0 --workers 1
	ok 'it answers'         eventually answers
	raw "127.0.0.1:$port"   'front'
	ok 'it is as it was'    answers
	ok 'no worker died'     not grep -q 'started again' hub.log
	ok 'and ends'           hub_stop
fi
done_testing
