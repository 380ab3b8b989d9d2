#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2154
# Real clients: jose, openssl, node's fetch, curl.
. "${0%/*}/front.sh"

documents='/health /api/ready / /hub.html /.well-known/jwks.json
	/.well-known/parachute-revocation.json /.well-known/parachute.json
	/.well-known/oauth-protected-resource'
key_of() {      # COLUMN FILE
	refhome sql "$PARACHUTE_HOME" "SELECT $1 FROM signing_keys WHERE
		retired_at IS NULL" | jq -rj '.[0][0]' >"$2"
}
signed_by() {   # PEM TOKEN-FILE: as openssl sees it
	_t=$(cat "$2")
	printf %s "${_t%.*}" >signed
	printf %s "${_t##*.}" | tr -- '-_' '+/' |
		jq -jrR '. + "==="[:(4 - length % 4) % 4]' |
		openssl base64 -d -A >mark
	openssl dgst -sha256 -verify "$1" -signature mark signed
}

ok 'jose is there'              sh -c "'$here/npm.sh' jose >jose.dir"
ok 'hub comes up'               front_start
ok 'mint-token'                 mint plain --scope scribe:transcribe
ok '  --ephemeral'              mint short --scope vault:default:read \
	--ephemeral
ok '  with all there is'        mint all --aud else --expires-in 777 \
	--scope 'vault:default:write scribe:transcribe' --sub 'cron job' \
	--permissions '{ "scoped_tags" : ["x"] }'
judge env WEB_PORT="$web_port" JOSE="$(cat jose.dir)" node "$here/jose.mjs"

key_of public_key_pem public.pem
key_of private_key_pem private.pem
for f in plain short all home/operator.token; do
	ok "openssl verifies $f"   signed_by public.pem "$f"
done
sed 's/^\(.\{40\}\)./\1_/' plain >bent
ok '  but not what was bent'    not signed_by public.pem bent
ok 'openssl reads the public PEM' sh -c 'openssl pkey -pubin -in public.pem \
	-noout -text | grep -q "2048 bit"'
ok '  which has its very form'  sh -c 'openssl pkey -pubin -in public.pem |
	cmp - public.pem'
ok 'openssl checks the private PEM' sh -c 'openssl pkey -in private.pem \
	-check -noout | grep -qi valid'
ok '  which has its very form'  sh -c 'openssl pkey -in private.pem |
	cmp - private.pem'
ok '  and belongs to the other' sh -c 'openssl pkey -in private.pem -pubout |
	cmp - public.pem'

for p in $documents; do
	ok "curl $p"            web_is 200 GET "$p"
	mv body curl.body
	ok '  with HTTP/1.0'    web_is 200 GET "$p" --http1.0
	case $p in
	*revocation*) jq .jtis body >b; jq .jtis curl.body >a ;;
	*) cp body b; cp curl.body a ;;
	esac
	[ "$p" = /api/ready ] || ok '    the same' cmp a b
	ok '  HEAD'             web_is 200 HEAD "$p"
	ok '  through localhost' curl -sSf -o body \
		"http://localhost:$web_port$p"
	ok '  gives its length' sh -c "curl -sSI '$web_origin$p' |
		grep -qi '^content-length: [1-9]'"
done
ok 'a connection is kept'       sh -c "curl -sS -o 1 -o 2 -o 3 -v \
	$web_origin/health $web_origin/health $web_origin/api/ready 2>verbose &&
	test \$(grep -c 'Re-using existing connection' verbose) = 2"
ok 'hub goes down'              hub_stop
done_testing
