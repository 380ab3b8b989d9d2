#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2154
# Homes that the reference has written: opened, used, and still readable and
# writable with its own statements.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
. "${0%/*}/front.sh"

home=$PARACHUTE_HOME
fact() { jq -r "$1" facts.json; }
reference() { refhome "$@" >refhome.out 2>refhome.err || {
	cat refhome.out refhome.err
	return 1
}; }
dump() { refhome dump "$home" >"$1"; }
rows() { refhome sql "$home" "$@"; }

# Both must hold the same, whoever did the migration; the time of it may
# differ.
same_data() {   # DUMP DUMP
	for _f in "$@"; do
		jq 'del(.schema_version)' "$_f" >"$_f.data"
	done
	reference kept "$1.data" "$2.data" && reference kept "$2.data" "$1.data"
}

# --- every older schema, migrated

for v in 0 1 2 3 4 5 6 7 8 9 10 11; do
	rm -rf "$home" twin
	mkdir "$home"
	[ "$v" = 0 ] || ok "schema $v" reference schema "$home" "$v"
	cp -R "$home" twin
	ok "schema $v: prepared"        exits 0 pc-front --prepare
	ok '  has the shape of 11'      reference shape "$home" 11
	[ "$v" != 0 ] || continue
	ok '  (the reference does it)'  reference newer twin 11
	refhome dump twin | jq 'del(.signing_keys)' >twin.dump
	# A key and its token are made at the first start, not by a migration.
	rows "DELETE FROM tokens WHERE created_via = 'operator_mint'" >deleted
	dump ours.dump
	jq 'del(.signing_keys)' ours.dump >ours.rest
	ok '  what it holds is the same' same_data twin.dump ours.rest
	is "$(rows 'SELECT count(*) FROM signing_keys')" '[[1]]' '  and one key'
done

# --- whole homes

# Lines of 64 characters, and a last one that may be shorter.
pem='-----
([A-Za-z0-9+/=]{64}
)*[A-Za-z0-9+/=]{1,64}
-----'

# served SCHEMA ARG...: a home in all its parts
served() {
	_schema=$1 _iss=$2
	shift 2
	what="schema $_schema"
	rm -rf "$home"
	refhome make "$home" --schema "$_schema" --port "$web_port" \
		--iss "$_iss" "$@" >facts.json
}

tokens_verify() {       # each with the status that it must have
	fact '.tokens[] | "\(.status) \(.jwt) \(.name)"' >list
	while read -r _s _jwt _n; do
		echo "$_jwt" >jwt
		web GET /api/modules --bearer jwt
		[ "$code" = "$_s" ] || echo "$_n: $code, expected $_s: $(cat body)"
	done <list >odd
	cat odd
	[ ! -s odd ]
}
keys_served() {
	web GET /.well-known/jwks.json
	jq -e --slurpfile f facts.json '.keys == $f[0].jwks' body || {
		jq -c '[.keys[].kid]' body
		fact '[.jwks[].kid] | tostring'
		return 1
	}
}
revoked_served() {      # [JTI...]: the list, and these
	web GET /.well-known/parachute-revocation.json
	jq -r '.jtis[]' body >got
	{ fact '.revoked[]'; [ $# -eq 0 ] || printf '%s\n' "$@"; } |
		LC_ALL=C sort >want
	diff want got >differ || { head -n 20 differ; return 1; }
}
# The register page by page, as the database has it; all of it or the first.
listed() {      # PAGES
	: >got
	_cursor='' _n=0
	while [ "$_n" -lt "$1" ]; do
		web GET "/api/auth/tokens${_cursor:+?cursor=$_cursor}" \
			--bearer home/operator.token
		[ "$code" = 200 ] || { cat body; return 1; }
		jq -r '.tokens[].jti' body >>got
		_cursor=$(jq -r '.next_cursor // empty | @uri' body)
		[ -n "$_cursor" ] || break
		_n=$((_n + 1))
	done
	rows 'SELECT jti FROM tokens ORDER BY created_at DESC, jti DESC LIMIT ?' \
		"$(($1 * 50))" | jq -r '.[][]' >want
	cmp want got
}

use_it() {
	ok "$what: comes up"            front_start
	ok '  the database is well'     jq -e '.db == "ok"' health.json
	ok '  operator.token is left as it was' cmp operator.was home/operator.token
	ok '  keys: newest first, kid of the row' keys_served
	ok '  revocation list'          revoked_served
	ok '    sorted, cacheable'      has_head '^cache-control: public, max-age=60'
	ok '  tokens of the reference'  tokens_verify
	dump after
	ok '  nothing is lost'          reference kept before after
	ok '  schema'                   reference shape "$home" \
		"$((_schema > 11 ? _schema : 11))"
	ok '  services.json is left as it was' cmp services.was home/services.json

	ok '  mint through HTTP'        web_is 200 POST /api/auth/mint-token \
		--bearer home/operator.token -H 'Content-Type: application/json' \
		-d '{"scope":"vault:work:read","expires_in":3600,"subject":"s"}' \
		-- '.token and .jti and .scope == "vault:work:read"'
	jti_http=$(jq -r .jti body)
	ok '  mint by pc-auth'          mint jwt --scope scribe:transcribe
	jti_auth=$(claim jwt .jti)
	is "$(rows 'SELECT created_via, user_id, scopes FROM tokens WHERE
		jti IN (?, ?) ORDER BY scopes' "$jti_http" "$jti_auth" | tr -d ' ')" \
		'[["cli_mint",null,"scribe:transcribe"],["cli_mint",null,"vault:work:read"]]' \
		'  both are in the register'
	is "$(rows 'SELECT subject FROM tokens WHERE jti = ?' "$jti_http")" \
		'[["s"]]' '  with the subject'
	is "$(claim jwt '[.iss, .aud, .client_id, .vault_scope] | tostring')" \
		"[\"$_iss\",\"scribe\",\"parachute-hub\",[]]" '  claims'
	ok '  pages of the register'    listed "$pages"
	ok '  revoke through HTTP'      web_is 200 POST /api/auth/revoke-token \
		--bearer home/operator.token -d "{\"jti\":\"$jti_auth\"}" -- .revoked_at
	ok '  revoke by pc-auth'        exits 0 pc-auth revoke-token -- \
		"$jti_http"
	ok '  both are listed'          eventually revoked_served "$jti_http" \
		"$jti_auth"
	ok '  users'                    exits 0 pc-auth list-users --json
	ok '    by name'                grep -q ada out

	ok '  statements of the reference' reference use "$home" --iss "$_iss"
	cp refhome.out used.json
	jq -r .good.jwt used.json >good
	jq -r .bad.jwt used.json >bad
	ok '    its token is taken'     eventually web_is 200 GET /api/modules \
		--bearer good
	ok '    the one it revoked is not' eventually web_is 401 GET \
		/api/modules --bearer bad
	ok '    its key comes first'    eventually web_is 200 GET \
		/.well-known/jwks.json -- ".keys[0].kid == $(jq .kid used.json) and
		.keys[1].kid == $(jq .before used.json)"
	ok '    what it revoked is listed' eventually web_is 200 GET \
		/.well-known/parachute-revocation.json -- \
		"$(jq -c .revoked used.json) - .jtis == []"
	ok '  we sign with its key'     mint jwt --scope scribe:transcribe
	is "$(header jwt .kid)" "$(jq -r .kid used.json)" '    by kid'
	ok '  rotate-key'               exits 0 pc-auth rotate-key
	refhome sql "$home" 'SELECT kid, public_key_pem, private_key_pem,
		algorithm FROM signing_keys WHERE retired_at IS NULL' >key.json
	ok '    one active, of the form of the reference' jq -e \
		--arg form "$pem" '
		length == 1 and .[0][3] == "RS256" and
		(.[0][1] | test("^-----BEGIN PUBLIC KEY" + $form +
			"END PUBLIC KEY-----\n$")) and
		(.[0][2] | test("^-----BEGIN PRIVATE KEY" + $form +
			"END PRIVATE KEY-----\n$"))
		' key.json
	jq -rj '.[0][1]' key.json >public.pem
	is "$(jq -r '.[0][0]' key.json)" "$(openssl dgst -sha256 -binary \
		public.pem | openssl base64 -A | tr '+/' '-_' | tr -d =)" \
		'    kid is the hash of its public PEM'
	ok '    the old one is served on' eventually web_is 200 GET \
		/.well-known/jwks.json -- ".keys[0].kid == $(jq '.[0][0]' key.json) and
		([.keys[].kid] | index($(jq .kid used.json)))"
	ok '    operator.token works'   eventually web_is 200 GET /api/modules \
		--bearer home/operator.token
	dump before
	ok '  a newer reference adds to it' reference newer "$home" 16
	ok '  which is no matter to us' web_is 200 POST /api/auth/mint-token \
		--bearer home/operator.token \
		-d '{"scope":"vault:work:read"}' -- .token
	ok '  goes down'                hub_stop
	ok '  comes up again'           front_start
	ok '  and works'                web_is 200 GET /api/modules \
		--bearer home/operator.token
	ok '  goes down'                hub_stop
	dump after
	ok '  nothing is lost'          reference kept before after
	ok '  schema'                   reference shape "$home" 16
	ok '  and its statements work'  reference use "$home" --iss "$_iss"
}

# home_is SCHEMA ISSUER ARG...
home_is() {
	ok "a home of schema $1"        served "$@"
	cp home/operator.token operator.was
	cp home/services.json services.was
	dump before
	use_it
}
public=https://box.tail1234.ts.net

pages=1000
home_is 6 "$web_origin" --keys pkcs1 --strange
pages=3
home_is 8 "$web_origin" --keys pkcs8 --long --loose
is "$(rows 'SELECT vault_name, role FROM user_vaults WHERE user_id = ?' \
	"$(fact .ada)")" '[["default", "write"]]' '  the assigned vault was moved'
ok '  loose modes were said'    grep -q 'operator\.token.*0*644' hub.log
home_is 11 "$public" --expose "$public" --strange --long --leave-wal
home_is 16 https://hub.example.org --origin https://hub.example.org \
	--keys pkcs1 --strange
ok '  the origin comes from the settings' grep -qx \
	https://hub.example.org home/hub/run/origin
is "$(rows 'SELECT count(*) FROM schema_version WHERE version IN (17, 23)')" \
	'[[2]]' '  versions that nobody knows stay'

# --- what is no database

for bad in 'no database at all' "SQLite format 3"; do
	rm -rf "$home"
	mkdir "$home"
	echo "$bad" >home/hub.db
	cp home/hub.db was
	ok "'$bad': prepare says so"    exits 1 pc-front --prepare
	ok '  and where'                grep -q 'hub\.db' err
	ok '  and leaves it'            cmp was home/hub.db
	ok '  the hub comes up'         front_start
	ok '  tells the truth'          jq -e '.db | test("^error")' \
		health.json
	for p in /.well-known/jwks.json /.well-known/parachute-revocation.json; do
		ok "  $p: 503"          web_is 503 GET "$p" -- .error
	done
	ok '  no token is taken'        web_is 503 GET /api/modules \
		--bearer good -- .error
	ok '  modules are looked after' api_is 200 GET /api/modules
	ok '  goes down'                hub_stop
	ok '  left as it was'           cmp was home/hub.db
done
done_testing
