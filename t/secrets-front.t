#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2002,SC2016,SC2154
# Secrets are planted, then everything is asked and much is asked wrongly:
# they are in no argument, answer, event, log or state file. The files they
# belong into are ours alone from the first byte, whatever the umask.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
. "${0%/*}/front.sh"

secrets() { "$PYTHON" "$here/planted.py" "$@"; }
plant() {       # NAME: standard input becomes needles
	cat >"planted.$1" && mv "planted.$1" "needles/$1"
}
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
mode() { stat -c %a "$1"; }
traced() {      # NAME CMD...
	_n=$1
	shift
	strace -f -qq -o "trace.$_n" -e trace="open,openat,creat,umask,clone,$(
		)fork,vfork,unlink,unlinkat,rename,renameat,renameat2" \
		"$@" >traced.out 2>traced.err
}

mkdir needles answers
umask 0

# --- the first byte

if strace -o /dev/null true 2>/dev/null; then
	ok 'prepare, watched'           traced prepare pc-front --prepare
	ok '  makes them for us alone'  secrets modes trace.prepare
	ok '  that was seen'            sh -c "'$PYTHON' '$here/planted.py' \
		modes trace.prepare | grep -q '^[2-9] made'"
	# shellcheck disable=SC2046 # names of ours
	set -- $(ls home)
	ok 'rotate-key, watched'        traced key pc-auth rotate-key
	ok '  as well'                  secrets modes trace.key "$@"
	ok 'rotate-operator, watched'   traced operator pc-auth rotate-operator
	ok '  as well'                  secrets modes trace.operator "$@"
	rm -rf home
	mkdir -m 700 home
else
	skip 'watched' 'strace cannot watch here'
fi

# --- the plants

for m in good vault; do
	mkdir -m 755 "home/$m"
	random >"env.$m"
	(umask 077 && printf 'API_KEY=%s\n' "$(cat "env.$m")" >"home/$m/.env")
	cat "env.$m" | plant "env.$m"
done
(random; echo; random) | plant body
printf 'Basic %s\n' "$(random)" | plant basic
random | plant cookie
random | plant query
echo "eyJhbGciOiJSUzI1NiJ9.$(random).$(random)" | plant garbage

"$PYTHON" "$here/planted.py" watch needles home >watched 2>&1 &
watcher=$!
others="$others $watcher"
ok 'a watcher'                  waitfor has watching watched

serv_module good --lines 5
serv_module dead --exit 3
free_port
module parachute-vault "$free" no-such-program
row parachute-vault '. + {paths: ["/vault/default"]}'
ok 'hub comes up'               front_start
ok 'good is ready'              exits 0 pc-status --wait=60 good
for f in hub.db hub.db-wal hub.db-shm operator.token; do
	is "$(mode home/$f)" 600        "$f: 0600"
done
refhome sql "$PARACHUTE_HOME" 'SELECT private_key_pem FROM signing_keys' |
	jq -r '.[][]' | plant keys
sed p home/operator.token | sed '1s/.*\.//' | plant operator
# Events, through both doors.
(cd home && exec curl -sSN --unix-socket hub.sock http://hub/api/events \
	>../answers/events.sock 2>&1) &
others="$others $!"
printf 'Authorization: Bearer %s\n' "$(cat home/operator.token)" >op.head
curl -sSN -H @op.head "$web_origin/api/events" >answers/events.web 2>&1 &
others="$others $!"
ok 'an event'                   waitfor has reset answers/events.web
ok 'and another'                waitfor has reset answers/events.sock

# --- everything that can be asked

n=0
keep() {        # what the last request got; never what has to be secret
	n=$((n + 1))
	cat headers body >"answers/$n" 2>/dev/null
}
# head FILE: one header, from a file
for m in 1 2 3; do
	mint "tok.$m" --scope scribe:transcribe --sub "s$m"
	sed p "tok.$m" | sed '1s/.*\.//' | plant "tok.$m"
done
ok 'tokens'                     test -s tok.3
web POST /api/auth/mint-token -H @op.head -d '{"scope":"vault:default:read"}'
ok 'minted through HTTP'        test "$code" = 200
jq -r .token body | sed p | sed '1s/.*\.//' | plant tok.http
jq 'del(.token)' body >answers/mint

printf 'Cookie: parachute_hub_session=%s\n' "$(cat needles/cookie)" >cookie.head
printf 'Authorization: %s\n' "$(cat needles/basic)" >basic.head
printf 'Authorization: Bearer %s\n' "$(cat needles/garbage)" >garbage.head
printf 'Authorization: Bearer %s\n' "$(cat tok.1)" >tok.head
sed 's/.$/A/;s/^/Authorization: Bearer /' tok.2 >bent.head
for p in /health /api/ready /api/hub /api/modules /api/modules/good \
	/api/modules/vault /api/modules/dead /api/modules/good/logs \
	/api/modules/hub/logs /api/modules/front/logs /metrics \
	/api/auth/tokens /api/settings/hub-origin / /hub.html /nothing \
	/.well-known/jwks.json /.well-known/parachute-revocation.json \
	/.well-known/parachute.json /.well-known/oauth-protected-resource \
	/login /oauth/token /admin /hub.db /operator.token /vault/.env; do
	for h in op cookie basic garbage tok bent; do
		web GET "$p" -H "@$h.head"
		keep
	done
	# What clients put into a URL ends up in no log.
	printf 'url = "%s%s?access_token=%s&token=%s"\n' "$web_origin" "$p" \
		"$(cat needles/query)" "$(cat tok.1)" >url.conf
	curl -sS -g -K url.conf -i -o "answers/url.$n" 2>/dev/null
done
{ printf '{"scope":"%s","password":"%s","jti":"%s"' "$(sed -n 1p needles/body)" \
	"$(sed -n 2p needles/body)" "$(cat tok.1)"; } >half.json
for p in /api/auth/mint-token /api/auth/revoke-token /login /oauth/token \
	/oauth/register /api/modules/good/start /admin/setup/account \
	/api/modules/channel /api/settings/hub-origin; do
	for m in POST PUT; do
		web $m "$p" -H @op.head --data-binary @half.json
		keep
		web $m "$p" -H @bent.head --data-binary @half.json
		keep
	done
done
ok 'requests were answered'     test "$n" -gt 150
for c in 'pc-status --json' 'pc-status front --json' 'pc-status' \
	'pc-logs -n 1000 good' 'pc-logs -n 1000 hub' 'pc-logs -n 1000 front' \
	'pc-auth show --json' 'pc-auth show' 'pc-auth list-users --json' \
	'pc-auth list-tokens --json' 'pc-auth list-tokens' \
	'pc-auth heal --origin https://hub.example'; do
	n=$((n + 1))
	$c >"answers/$n" 2>&1
done
sed p home/operator.token | sed '1s/.*\.//' | plant operator.healed
pc-auth rotate-operator >answers/rotate-operator 2>&1
sed p home/operator.token | sed '1s/.*\.//' | plant operator.new
pc-auth rotate-key >answers/rotate-key 2>&1
refhome sql "$PARACHUTE_HOME" 'SELECT private_key_pem FROM signing_keys
	WHERE retired_at IS NULL' | jq -r '.[][]' | plant keys.new
sed p home/operator.token | sed '1s/.*\.//' | plant operator.last
pc-auth revoke-token -- "$(claim tok.2 .jti)" >answers/revoke 2>&1
ok 'restart'                    exits 0 pc-restart --wait=60 good

# --- a crash of the front, and of what follows

for s in ABRT SEGV KILL; do
	# shellcheck disable=SC2046 # words
	kill -$s $(front_pids)
	ok "after $s: up again"         eventually front_up
done
ok 'all is told'                api_is 200 GET /api/hub
keep
for p in /api/modules /api/modules/good /api/modules/good/logs \
	/api/modules/front/logs /metrics '/api/modules?view=status&usage=1'; do
	api GET "$p"
	keep
done
for f in hub.db hub.db-wal hub.db-shm operator.token; do
	is "$(mode home/$f)" 600        "$f: 0600 still"
done
ok 'hub goes down'              hub_stop
is "$(mode home/hub.db)" 600    'hub.db: 0600 after it'

# --- where they must not be

kill -TERM "$watcher"
wait "$watcher"
ok 'the watcher looked'         grep -q '^looked [0-9]' watched
ok '  at no secret argument, and no loose file' not grep -vE \
	'^(watching|looked)' watched
ok 'no secret in an answer, an event, a report' secrets find needles answers
ok 'none in what the hub printed' secrets find needles hub.log
find home -type f ! -name 'hub.db*' ! -name operator.token ! -name .env \
	>files
ok 'there are other files'      test -s files
# shellcheck disable=SC2046 # names of ours
ok '  with no secret'           secrets find needles $(cat files)
find home ! -type l -perm /022 ! -name services.json >loose
ok 'nothing that others may write' not grep . loose
ok 'no core'                    sh -c '! ls home/core* core* 2>/dev/null'

# What is looked for is found where it is.
ok 'it would be seen'           not secrets find needles home/operator.token
ok '  in hub.db, too'           not secrets find needles home/hub.db
done_testing
