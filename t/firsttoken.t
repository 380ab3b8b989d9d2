#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# What a module does with its first token, and with those that follow:
# t/firsttoken.mjs, kept by the hub and knowing of it what every module does.
. "${0%/*}/front.sh"

# check STATUS ERROR TOKEN-FILE [SCOPE [AUD]]; "" is success
check() {
	printf 'Authorization: Bearer %s\n' "$(cat "$3")" >check.head
	_got=$(curl -sS -G -o check.out -w '%{http_code}' -H @check.head \
		--data-urlencode "scope=${4:-scribe:transcribe}" \
		${5:+--data-urlencode "aud=$5"} "http://127.0.0.1:$guard/check")
	[ "$_got" = "$1" ] || { echo "$_got, not $1"; cat check.out; return 1; }
	[ "$(jq -r '.error // empty' check.out)" = "$2" ] || {
		cat check.out
		return 1
	}
}
later() { ask "$guard" "/clock?s=$1"; }
stats() {       # JQ-EXPRESSION that must be true
	ask "$guard" /stats || return 1
	jq -e "$1" ask.out || { cat ask.out; return 1; }
}
fetched() {     # NAME: how often
	ask "$guard" /stats && jq ".$1" ask.out
}
named_so() {
	mint named --scope scribe:transcribe &&
		[ "$(claim named .iss)" = https://hub.example ]
}

ok 'jose is there'              sh -c "'$here/npm.sh' jose >jose.dir"
free_port
scribe=$free
module parachute-scribe "$scribe" node "$here/firsttoken.mjs" "$(cat jose.dir)"
guard=$scribe
workers=2
ok 'hub comes up'               front_start
ok 'the module is ready'        exits 0 pc-status --wait=60 scribe

# --- the first one

ok 'it knows where the hub is'  stats ".issuers | index(\"$web_origin\") and
	index(\"http://localhost:$web_port\")"
ok 'and has asked nothing yet'  stats '.jwks == 0 and .revocation == 0'
ok 'a token'                    mint first --scope scribe:transcribe
ok '  is taken at once'         check 200 '' first
ok '  by one fetch of each'     stats '.jwks == 1 and .revocation == 1 and
	.failed == 0 and .listed == 0'
ok '  and again'                check 200 '' first
ok 'a second token'             mint second --scope scribe:transcribe
ok '  is taken'                 check 200 '' second
ok '  without a fetch'          stats '.jwks == 1 and .revocation == 1'
ok 'without the scope'          check 403 scope first scribe:admin
ok 'operator.token is none for modules' check 403 scope home/operator.token
ok 'a vault: read'              mint read --scope vault:default:read
ok '  to read'                  check 200 '' read vault:default:read \
	vault.default
ok '  not to write'             check 403 scope read vault:default:write \
	vault.default
ok '  not another vault'        check 401 audience read vault:other:read \
	vault.other
ok 'admin is more'              mint all --scope vault:default:admin
ok '  to write'                 check 200 '' all vault:default:write \
	vault.default
ok 'through HTTP'               web_is 200 POST /api/auth/mint-token \
	--bearer home/operator.token -d '{"scope":"scribe:transcribe"}'
jq -r .token body >third
ok '  is taken'                 check 200 '' third
ok '  all this without a fetch' stats '.jwks == 1 and .revocation == 1'

# --- revoked

ok 'revoked by pc-auth'         exits 0 pc-auth revoke-token -- \
	"$(claim first .jti)"
ok 'revoked through HTTP'       web_is 200 POST /api/auth/revoke-token \
	--bearer home/operator.token -d "{\"jti\":\"$(claim third .jti)\"}"
ok 'the list has both'          eventually web_is 200 GET \
	/.well-known/parachute-revocation.json -- '.jtis | length == 2'
ok '  59 s: the old list'       later 59
ok '    the first'              check 200 '' first
ok '  60 s: a new one'          later 1
ok '    the first'              check 401 revoked first
ok '    the third'              check 401 revoked third
ok '    the second'             check 200 '' second
ok '  by one fetch'             stats '.revocation == 2 and .listed == 2'

# --- another key

ok 'rotate-key'                 exits 0 pc-auth rotate-key
ok 'a token of the new key'     mint new --scope scribe:transcribe
ok 'the hub serves it'          eventually web_is 200 GET \
	/.well-known/jwks.json -- '.keys | length == 2'
ok '  is taken at once'         check 200 '' new
ok '  by one fetch'             stats '.jwks == 2'
ok '  the old one as well'      check 200 '' second
ok 'a token of nobody'          sh -c "{ printf %s \
	'{\"alg\":\"RS256\",\"kid\":\"nobody\"}' | base64 | tr -d '=\n'
	printf .; cut -d . -f 2,3 new; } >forged"
ok '  is refused'               check 401 ERR_JWKS_NO_MATCHING_KEY forged
ok '  the next key'             exits 0 pc-auth rotate-key
ok '  and its token'            mint newer --scope scribe:transcribe
ok '  after 10 s'               later 10
ok '    is taken'               check 200 '' newer
ok 'after 5 minutes'            later 300
for t in second new newer; do
	ok "  $t"               check 200 '' $t
done
ok '  revoked still'            check 401 revoked first

# --- workers die

was=$(fetched failed)
for i in 1 2 3 4 5 6 7 8 9 10; do
	# shellcheck disable=SC2046 # words
	kill -KILL $(front_pids) 2>/dev/null
	later 301
	ok "all workers killed, $i: is taken" check 200 '' newer
	ok '  revoked still'    check 401 revoked first
done
is "$(fetched failed)" "$was"   'no fetch failed'
ok 'workers are there'          eventually sh -c \
	"test \$(curl -sS --unix-socket home/hub.sock http://hub/api/hub |
	jq '[.crew[] | select(.name == \"pc-front\" and .pid)] | length') = 2"

# --- the hub is started anew: the module on its own is warm, its own is cold

free_port
alone=$free
other env PORT="$alone" PARACHUTE_HUB_ORIGIN="$web_origin" \
	PARACHUTE_HUB_JWKS_ORIGIN="$web_origin" \
	node "$here/firsttoken.mjs" "$(cat jose.dir)"
ok 'a module of nobody'         waitfor port-open "$alone"
guard=$alone
ok '  has its first token'      check 200 '' newer
ok 'hub goes down'              hub_stop
ok '  warm'                     check 200 '' newer
ok '  a minute later'           later 60
ok '    the last list holds'    check 200 '' newer
ok '    for the revoked too'    check 401 revoked first
ok '    and that was a failure' stats '.failed == 1'
free_port
cold=$free
other env PORT="$cold" PARACHUTE_HUB_ORIGIN="$web_origin" \
	PARACHUTE_HUB_JWKS_ORIGIN="$web_origin" \
	node "$here/firsttoken.mjs" "$(cat jose.dir)"
ok 'a cold one'                 waitfor port-open "$cold"
guard=$cold
ok '  takes nobody'             check 401 ECONNREFUSED newer
ok 'hub comes up'               front_start
ok '  the cold one, later'      later 10
ok '    takes it'               check 200 '' newer
ok '    not the revoked one'    check 401 revoked first
guard=$alone
ok '  the warm one, later'      later 60
ok '    takes it'               check 200 '' newer
ok '    by a new list'          stats '.failed == 1'
guard=$scribe
ok '  the hub'"'"'s own'        exits 0 pc-status --wait=60 scribe
ok '    is cold'                stats '.jwks == 0'
for t in second new newer; do
	ok "    takes $t"       check 200 '' $t
done
ok '    not the revoked one'    check 401 revoked first

# --- another origin

ok 'the hub gets a name'        web_is 200 PUT /api/settings/hub-origin \
	--bearer home/operator.token -d '{"hub_origin":"https://hub.example"}'
ok '  is written down'          eventually grep -qx https://hub.example \
	home/hub/run/origin
ok '  tokens bear it'           eventually named_so
ok '  the module starts anew'   exits 0 pc-restart --wait=60 scribe
ok '  knows both'               stats '.issuers | index("https://hub.example") and
	index("'"$web_origin"'")'
ok '  takes the new'            check 200 '' named
ok '  and the old'              check 200 '' newer
ok '  not the revoked one'      check 401 revoked first
ok 'operator.token works'       web_is 200 GET /api/modules \
	--bearer home/operator.token
ok 'the name is taken back'     web_is 200 PUT /api/settings/hub-origin \
	--bearer home/operator.token -d '{"hub_origin":""}' -- '.hub_origin == null'
ok 'hub goes down'              hub_stop
done_testing
