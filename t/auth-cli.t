#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2086,SC2119,SC2120,SC2154
# pc-auth, from outside: every verb, with hub.db and without, no hub running.
here=$(cd "${0%/*}" && pwd)
. "${0%/*}/lib.sh"
command -v python3 >/dev/null || skip_all 'no python3'
command -v openssl >/dev/null || skip_all 'no openssl'

home=$PARACHUTE_HOME file=$PARACHUTE_HOME/operator.token
local=http://127.0.0.1:1939 public=https://hub.example host=parachute:host
ref() { python3 "$here/refhome.py" "$@"; }
sql() { _t=$1; shift; ref sql "$home" "$_t" "$@" | jq -r '.[] | .[0]'; }
set_row() { ref sql "$home" "$1" >/dev/null; }

# part N of a JWT as bytes; its claims
part() {        # N JWT
	printf %s "$2" | cut -d . -f "$1" | tr -- -_ +/ |
		awk '{ n = length($0) % 4; printf "%s%s\n", $0,
			n == 2 ? "==" : n == 3 ? "=" : "" }' | base64 -d
}
claim() { part 2 "$1" | jq -c "$2"; }
# verified JWT: by openssl, with the key that its kid names
verified() {
	printf '%s' "$1" | grep -qE '^ey[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}$' ||
		{ echo "no JWT: $1"; return 1; }
	sql 'SELECT public_key_pem FROM signing_keys WHERE kid = ?' \
		"$(part 1 "$1" | jq -r .kid)" >key.pem
	part 3 "$1" >sig
	printf %s "${1%.*}" >signed
	openssl dgst -sha256 -verify key.pem -signature sig signed
}
# The one line of stdout, and it is a token; nothing on stderr but what is said
pure() {
	[ "$(wc -l <out)" -eq 1 ] || { echo 'not one line'; return 1; }
	verified "$(cat out)"
}
silent() { [ ! -s err ] || { cat err; return 1; }; }
has() { jq -e "$@" out; }
now=$(date +%s)
admin="$host:auth $host:admin"
signed() {      # JQ-EXPRESSION: changes to what is usual
	ref sign "$home" "$(jq -nc --arg s "$admin" --arg i "$local" \
		--argjson n "$now" '{scope: $s, client_id: "parachute-hub",
		vault_scope: [], sub: "operator", iss: $i, iat: ($n - 60),
		exp: ($n + 3600 * 24 * 30), aud: "operator", jti: "own-jti",
		pa_scope_set: "admin"} | '"$1")"
}
# puts a token that we sign ourselves in its place
operator() { (umask 077 && signed "$1" >"$file"); }
snapshot() { (cd "$home" && find . ! -name '*-shm' ! -name '*-wal' -type f \
	-exec cksum {} + | sort; find . | sort); }
unchanged() { snapshot >now.list; diff "$1" now.list; }
count() { sql 'SELECT count(*) FROM tokens'; }

# --- no hub.db: nothing is made by looking

for v in show 'show --json' list-tokens 'list-tokens --all --json' \
	list-users 'list-users --json'; do
	ok "no hub.db: $v"        exits 0 pc-auth $v
done
ok 'show --json'                  exits 0 pc-auth show --json
ok '  has nothing to tell'        has --arg h "$home" --arg i $local '
	.home == $h and .database == false and .operator_token == null and
	.users == [] and .keys == [] and .origin == {stored: null,
	issuer: $i, source: "none"} and
	.tokens == {live: 0, expired: 0, revoked: 0}'
ok 'mint-token: 1'                exits 1 pc-auth mint-token --scope a:b
ok '  says what to do'            complains pc-auth "$file" rotate-operator
ok 'revoke-token: 1'              exits 1 pc-auth revoke-token x
ok 'heal'                         exits 0 pc-auth heal --origin $public --json
ok '  there is none'              has '. == {outcome: "absent"}'
is "$(ls -A "$home")" ''          'nothing was made'
ok 'a home that is not there: 1'  exits 1 pc-auth rotate-operator --home nowhere
ok '  says so'                    complains pc-auth nowhere
ok '  is not made'                not test -e nowhere

# --- rotate-operator

ok 'rotate-operator'              exits 0 pc-auth rotate-operator
ok '  says where'                 grep -q "path  *$file\$" out
ok '  and that it made a key'     complains pc-auth 'signing key'
ok '  no token in it'             not grep -q eyJ out err
is "$(stat -c %a "$home/hub.db" "$file" | tr '\n' ' ')" '600 600 ' '  0600'
is "$(wc -l <"$file")" 1          '  a line'
ok '  that openssl verifies'      verified "$(cat "$file")"
is "$(claim "$(cat "$file")" '[.aud, .sub, .iss, .client_id, .pa_scope_set,
	.vault_scope, .exp - .iat == 90 * 86400, (.scope | split(" ") | length)]')" \
	'["operator","operator","http://127.0.0.1:1939","parachute-hub","admin",[],true,10]' \
	'  with the claims it should have'
ok 'again, as JSON'               exits 0 pc-auth rotate-operator --json \
	--scope-set admin
ok '  without a word'             silent
ok '  the object'                 has --arg p "$file" --arg i $local '
	.path == $p and .issuer == $i and .scope_set == "admin" and
	.subject == "operator" and (.expires_at | test("Z$")) and
	(keys | length == 5)'
is "$(sql 'SELECT count(*) FROM signing_keys')" 1 'still one key'

# --- show

snapshot >before.list
ok 'show'                         exits 0 pc-auth show
for w in "home  *$home" "origin  *$local" 'scope set admin' 'users  *none' \
	'active since' '2 live, 0 expired, 0 revoked'; do
	ok "  $w"                 grep -q "$w" out
done
ok 'show --json'                  exits 0 pc-auth show --json
ok '  the object'                 has --arg k \
	"$(sql 'SELECT kid FROM signing_keys')" '.database and
	.operator_token.valid and .operator_token.reason == null and
	.operator_token.mode == "0600" and (.operator_token.loose | not) and
	.operator_token.scope_set == "admin" and
	(.operator_token.scope | test("parachute:host:auth")) and
	.keys[0].kid == $k and .keys[0].active and .keys[0].served and
	.keys[0].retired_at == null and .tokens.live == 2'
ok '  changed nothing'            unchanged before.list
ok '  no secret in it'            not grep -qE 'eyJ|PRIVATE' out err

# --- mint-token

ok 'mint-token'                   exits 0 pc-auth mint-token --scope vault:work:read
ok '  only the token'             pure
ok '  not a word beside it'       silent
t=$(cat out)
is "$(claim "$t" '[.scope, .aud, .sub, .iss, .client_id, .vault_scope,
	.exp - .iat == 90 * 86400, has("pa_scope_set"), has("permissions")]')" \
	'["vault:work:read","vault.work","operator","http://127.0.0.1:1939","parachute-hub",[],true,false,false]' \
	'  with the claims it should have'
is "$(sql 'SELECT created_via || subject || scopes FROM tokens WHERE jti = ?' \
	"$(claim "$t" .jti | tr -d '"')")" 'cli_mintoperatorvault:work:read' \
	'  and a row in the register'
is "$(pc-auth mint-token --scope x:y | wc -l)" 1 'in a pipe, too'
minted() {      # NAME WANT JQ-EXPRESSION ARG...
	_mn=$1 _mw=$2 _mq=$3
	shift 3
	ok "$_mn"                 exits 0 pc-auth mint-token "$@"
	ok '  only the token'     pure
	is "$(claim "$(cat out)" "$_mq")" "$_mw" "  $_mw"
}
ttl='.exp - .iat'
minted 'two scopes' '["a:b c:d","a"]' '[.scope, .aud]' --scope '  a:b   c:d '
minted '--aud' '"me"' .aud --scope a:b --aud me
minted '--sub' '"bot"' .sub --scope a:b --sub=bot
minted '--ephemeral' 3600 "$ttl" --scope a:b --ephemeral
ok '  in silence' silent
minted '--expires-in' 60 "$ttl" --scope a:b --expires-in 60
minted '--expires-in, a year' 31536000 "$ttl" --scope a:b --expires-in 31536000
minted '--ttl' 7200 "$ttl" --scope a:b --ttl 2h
ok '  says how it is said now' complains pc-auth --expires-in 7200
minted '--ttl, a year' 31536000 "$ttl" --scope a:b --ttl 365d
minted '--permissions' '{"scoped_tags":["a","b"],"n":1}' .permissions \
	--scope a:b --permissions ' {"scoped_tags": ["a", "b"], "n": 1}'
ok '--json'                       exits 0 pc-auth mint-token --json --scope a:b \
	--permissions '{"k":[]}'
ok '  the object'                 has '(keys == ["audience", "expires_at",
	"jti", "permissions", "scope", "token"]) and .permissions == {k: []}
	and .scope == "a:b" and .audience == "a"'
ok '  with a good one'            verified "$(jq -r .token out)"
n=$(count)
for s in hub:admin scribe:admin $host:admin $host:auth $host:start \
	$host:install $host:expose $host:vault vault:a:b:c vault:x:all \
	Vault:x:read; do
	ok "$s: 1"                exits 1 pc-auth mint-token --scope "a:b $s"
	ok '  names it'           complains pc-auth "$s"
	ok '  and gives nothing'  not test -s out
done
is "$(count)" "$n"                'and made nothing'
ok 'a disk that is full: 1'       sh -c '! pc-auth mint-token --scope a:b \
	>/dev/full 2>err'
ok '  is said'                    complains pc-auth output

# --- list-tokens, list-users

ok 'list-tokens'                  exits 0 pc-auth list-tokens
is "$(sed -n '1s/  */ /gp' out)" 'JTI SUBJECT MADE BY EXPIRES STATE SCOPES' \
	'  heading'
is "$(($(wc -l <out) - 1))" "$(count)" '  all that live'
ok '--sub'                        exits 0 pc-auth list-tokens --sub bot --json
ok '  of that one'                has '[.tokens[] | .subject] == ["bot"]'
ok '  as the API has it'          has '.tokens[0] | keys == ["client_id",
	"created_at", "created_via", "expires_at", "jti", "permissions",
	"revoked_at", "scopes", "subject", "user_id"]'
ok 'list-users'                   exits 0 pc-auth list-users
ok '  there are none'             grep -qi 'no users' out

# --- revoke-token

jti=$(claim "$t" .jti | tr -d '"')
ok 'revoke-token'                 exits 0 pc-auth revoke-token "$jti"
is "$(wc -l <out)" 1              '  a line'
ok '  says which'                 grep -q "$jti.*operator.*vault:work:read" out
at=$(sql 'SELECT revoked_at FROM tokens WHERE jti = ?' "$jti")
ok 'again'                        exits 0 pc-auth revoke-token "$jti"
ok '  says since when'            grep -q "already.*$at" out
is "$(sql 'SELECT revoked_at FROM tokens WHERE jti = ?' "$jti")" "$at" \
	'  and leaves that'
ok '--json'                       exits 0 pc-auth revoke-token --json "$jti"
ok '  the object'                 has --arg j "$jti" --arg a "$at" '. == {jti: $j,
	subject: "operator", scope: "vault:work:read", revoked_at: $a,
	already: true}'
ok 'one that nobody knows: 1'     exits 1 pc-auth revoke-token nobody
ok '  says so'                    complains pc-auth nobody list-tokens
ok 'it is not listed'             sh -c "! pc-auth list-tokens | grep -q $jti"
ok '  unless asked for'           sh -c \
	"pc-auth list-tokens --all | grep -q '$jti.*revoked'"
set_row "UPDATE tokens SET jti = '-dash' WHERE subject = 'bot'"
ok 'a jti like an option'         exits 0 pc-auth revoke-token -- -dash

# --- rotate-key

before=$(pc-auth show --json | jq -r '.keys[0].kid')
old=$(pc-auth mint-token --scope a:b)
ok 'rotate-key'                   exits 0 pc-auth rotate-key
kid=$(sed -n 's/^  kid  *//p' out)
ok '  says that the old one stays' grep -q 'live tokens.*served' out
ok '  and of operator.token'      grep -q 'operator.token is new' out
is "$(sql 'SELECT kid FROM signing_keys WHERE retired_at IS NULL')" "$kid" \
	'  the new one alone is active'
is "$(part 1 "$(cat "$file")" | jq -r .kid)" "$kid" '  operator.token has it'
ok 'the old one is served'        sh -c "pc-auth show --json | jq -e --arg k '$before' \
	'any(.keys[]; .kid == \$k and .served and (.active | not))'"
set_row "UPDATE signing_keys SET retired_at = '2026-01-01T00:00:00.000Z',
	created_at = '2025-01-01T00:00:00.000Z' WHERE retired_at IS NOT NULL"
ok '  a day later no more'        sh -c "pc-auth show --json | jq -e --arg k '$before' \
	'any(.keys[]; .kid == \$k and (.served | not))'"
ok '--json'                       exits 0 pc-auth rotate-key --json
ok '  the object'                 has '(.kid | length == 43) and
	.operator_token_reissued and .tokens_of_old_key > 0 and
	(.created_at | test("Z$"))'
operator ".iss = \"$public\" | .sub = \"me\" | .scope = \"$host:auth\" |
	.pa_scope_set = \"auth\""
ok 'rotate-key, a public token'   exits 0 pc-auth rotate-key
is "$(claim "$(cat "$file")" '[.iss, .sub, .pa_scope_set]')" \
	"[\"$public\",\"me\",\"auth\"]"   '  is not made a local one'
is "$(part 1 "$(cat "$file")" | jq -r .kid)" \
	"$(sed -n 's/^  kid  *//p' out)"  '  and signed by the new key'
operator ".iss = \"$public\" | .sub = \"me\" | .exp = $now + 3 * 86400"
ok 'near its end, a public token' exits 0 pc-auth mint-token --scope a:b
is "$(claim "$(cat "$file")" "[.iss, .sub, .exp - $now > 80 * 86400]")" \
	"[\"$public\",\"me\",true]"     '  is not made a local one'
rm "$file"
ok 'no operator.token'            exits 0 pc-auth rotate-key --json
ok '  is not made'                has '.operator_token_reissued == false'
ok '  there is none'              not test -e "$file"

# --- who may

pc-auth rotate-operator >/dev/null
chmod 644 "$file"
ok 'others may read it: goes on'  exits 0 pc-auth mint-token --scope a:b
ok '  only the token'             pure
ok '  says so, with the remedy'   complains pc-auth "$file" 0644 'chmod 0600'
ok '  show too'                   sh -c 'pc-auth show | grep -q "0644.*chmod"'
for set in install start expose vault; do
	pc-auth rotate-operator --scope-set $set >out
	ok "$set: it may not: 1"  exits 1 pc-auth mint-token --scope a:b
	ok '  says what it lacks' complains pc-auth $host:auth --scope-set
	ok '  nor revoke: 1'      exits 1 pc-auth revoke-token "$jti"
done
pc-auth rotate-operator --scope-set auth >out
ok 'auth: it may'                 exits 0 pc-auth mint-token --scope a:b

operator '.exp = .iat + 1'
cp "$file" kept
ok 'expired: 1'                   exits 1 pc-auth mint-token --scope a:b
ok '  says so, and what to do'    complains pc-auth expired rotate-operator
ok '  is not made anew'           cmp "$file" kept
ok '  show says so'               sh -c 'pc-auth show --json | jq -e \
	".operator_token | .valid == false and (.reason | test(\"expired\"))"'
ok '  rotate-key leaves it'       exits 0 pc-auth rotate-key
ok '  and says so'                complains pc-auth "$file" rotate-operator
ok '  byte for byte'              cmp "$file" kept

operator ".exp = $now + 3 * 86400 | .sub = \"me\" | .scope = \"$host:auth\" |
	.pa_scope_set = \"auth\""
ok 'near its end: goes on'        exits 0 pc-auth mint-token --scope a:b
ok '  only the token'             pure
ok '  one notice'                 complains pc-auth operator.token new 'set auth'
is "$(claim "$(cat "$file")" "[.sub, .pa_scope_set, .scope, .aud,
	.exp - $now > 80 * 86400]")" "[\"me\",\"auth\",\"$host:auth\",\"operator\",true]" \
	'  the same, but for its end'
for c in 'del(.pa_scope_set)' '.pa_scope_set = "all"'; do
	operator ".exp = $now + 3 * 86400 | $c"
	cp "$file" kept
	ok "near its end, $c"     exits 0 pc-auth mint-token --scope a:b
	ok '  never becomes more' cmp "$file" kept
done

refused() {     # NAME WORD: the token in the file is
	cp "$file" kept
	ok "$1: 1"                exits 1 pc-auth mint-token --scope a:b
	ok '  says so'            complains pc-auth "$file" "$2"
	ok '  nor revoke: 1'      exits 1 pc-auth revoke-token "$jti"
	ok '  is left'            cmp "$file" kept
}
operator '.iss = "https://elsewhere.example"'
ok 'an origin that was taken back' exits 0 pc-auth mint-token --scope a:b
ok '  locks nobody out'           pure
is "$(claim "$(cat out)" .iss)" "\"$local\"" '  and goes no further'
operator '.iss = "https://elsewhere.example" | .aud = "hub"'
refused 'of another issuer and kind' rotate-operator
operator '.aud = "vault.work"'
refused 'another audience' rotate-operator
operator 'del(.sub)'
refused 'no subject' rotate-operator
operator '.nbf = .exp - 1'
refused 'not yet' rotate-operator
operator .
set_row "INSERT INTO tokens (jti, client_id, scopes, expires_at, revoked_at,
	created_at, created_via) VALUES ('own-jti', 'parachute-hub', '',
	'2099-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z',
	'2026-01-01T00:00:00.000Z', 'operator_mint')"
refused revoked revoked
set_row "DELETE FROM tokens WHERE jti = 'own-jti'"
operator .
sed -i 's/\.[^.]*$/.c2ln/' "$file"
refused 'another signature' rotate-operator
printf '%s.%s.\n' "$(printf '{"alg":"none"}' | base64 | tr -d =)" \
	"$(signed . | cut -d . -f 2)" >"$file"
refused 'no signature' rotate-operator
echo not a token >"$file"
refused garbage rotate-operator
head -c 20000 /dev/zero | tr '\0' x >"$file"
ok 'much too long: 1'             exits 1 pc-auth mint-token --scope a:b
ok '  says so'                    complains pc-auth operator.token
: >"$file"
ok 'an empty one is none: 1'      exits 1 pc-auth mint-token --scope a:b
ok '  says so'                    complains pc-auth rotate-operator

# --- heal

healed() {      # NAME STATUS JQ-EXPRESSION [ORIGIN]
	cp "$file" kept
	ok "heal, $1"             exits $2 pc-auth heal --json \
		--origin "${4:-$public}"
	ok "  $3"                 has "$3"
	[ "$2" -eq 0 ] || ok '  and a line that says so' complains pc-auth "$file"
}
operator '.sub = "me"'
healed 'another issuer' 0 '.outcome == "rotated" and .scope_set == "admin" and
	.issuer == "https://hub.example" and (.expires_at | test("Z$"))'
is "$(claim "$(cat "$file")" '[.iss, .sub, .pa_scope_set]')" \
	"[\"$public\",\"me\",\"admin\"]"  '  the same, but for its issuer'
healed 'the same' 0 '. == {outcome: "fresh"}' $public/
ok '  left as it is'              cmp "$file" kept
healed 'the same, spelled otherwise' 0 '. == {outcome: "fresh"}' \
	HTTPS://Hub.Example:443
ok '  left as it is'              cmp "$file" kept
for u in http://localhost:1 http://127.0.0.1 'http://[::1]:5' http://0.0.0.0; do
	healed $u 1 '.outcome == "skipped" and .reason == "issuer-loopback"' $u
	ok '  left as it is'      cmp "$file" kept
done
for c in '.exp = .iat + 1=unverifiable' '.aud = "x"=aud-mismatch' \
	'del(.sub)=no-sub' 'del(.pa_scope_set)=no-scope-set'; do
	operator "${c%=*}"
	healed "${c%=*}" 1 ".outcome == \"skipped\" and .reason == \"${c##*=}\""
	ok '  left as it is'      cmp "$file" kept
done
echo garbage >"$file"
healed garbage 1 '.reason == "unverifiable" and (.detail | length > 0)'
rm "$file"
ok 'heal, none'                   exits 0 pc-auth heal --origin $public
ok '  says so'                    grep -q 'absent' out

# --- origins

set_row "INSERT INTO hub_settings VALUES ('hub_origin', '$public',
	'2026-01-01T00:00:00.000Z')"
ok 'a stored origin'              exits 0 pc-auth show --json
ok '  is the issuer'              has --arg o $public '.origin == {stored: $o,
	issuer: $o, source: "settings"}'
ok '  looking writes nothing'     not test -e "$home/hub/run/origin"
pc-auth rotate-operator >out
is "$(claim "$(cat "$file")" .iss)" "\"$public\"" '  it is signed for'
is "$(cat "$home/hub/run/origin")" $public '  and the keeper is told'
ok '  it may'                     exits 0 pc-auth mint-token --scope a:b
is "$(claim "$(cat out)" .iss)" "\"$public\"" '  and what it makes, too'
set_row 'DELETE FROM hub_settings'
ok 'none is stored any more'      exits 0 pc-auth rotate-operator
ok '  and the keeper is told'     not test -e "$home/hub/run/origin"
ok 'one in the environment'       exits 0 env PARACHUTE_HUB_ORIGIN=$public \
	pc-auth rotate-operator
is "$(claim "$(cat "$file")" .iss)" "\"$public\"" '  counts'
mkdir -p "$home/hub/run"
echo 4711 >"$home/hub/run/hub.port"
pc-auth rotate-operator >out
is "$(claim "$(cat "$file")" .iss)" '"http://127.0.0.1:4711"' \
	'else where the hub listens'
rm "$home/hub/run/hub.port"

# --- a hub that runs is told

cat >sock.py <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("hub.sock")
s.listen()
print("listening", flush=True)
c = s.accept()[0]
print(c.recv(65536).decode().splitlines()[0], flush=True)
c.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
END
mkfifo told
for v in rotate-operator rotate-key; do
	rm -f "$home/hub.sock"
	(cd "$home" && exec python3 "$T/sock.py") >told 2>>other.log &
	exec 4<told
	read -r _ <&4
	ok "$v tells the hub"     exits 0 pc-auth $v
	read -r line <&4
	is "$line" 'POST /api/front/prepare HTTP/1.1' '  to prepare'
	exec 4<&-
	wait $!
done
rm -f "$home/hub.sock"

# --- several at once

PARACHUTE_HOME=$T/many home=$T/many file=$T/many/operator.token
mkdir many
for i in 1 2 3 4; do
	pc-auth rotate-operator --json >at.$i 2>>many.err &
	pids="${pids-} $!"
done
bad=0
for p in $pids; do wait $p || bad=$((bad + 1)); done
is "$bad" 0                       'four make the first token at once'
is "$(sql 'SELECT count(*) FROM signing_keys')" 1 '  one key'
ok '  a whole file'               verified "$(cat "$file")"
pids=''
for i in 1 2 3 4 5 6 7 8; do
	pc-auth mint-token --scope a:b >at.$i 2>>many.err &
	pids="$pids $!"
done
bad=0
for p in $pids; do wait $p || bad=$((bad + 1)); done
is "$bad" 0                       'eight mint at once'
is "$(cat at.? | sort -u | wc -l)" 8 '  one each'
is "$(count)" 12                  '  all in the register'
cat many.err

# --- a home of the reference

PARACHUTE_HOME=$T/ref home=$T/ref file=$T/ref/operator.token
ref make ref --schema 11 --revoked 700 >facts
ok 'of the reference: list-users' exits 0 pc-auth list-users
is "$(awk '{ print $1 }' out | tr '\n' ' ')" 'USERNAME owner ada ' '  both'
ok '  as JSON'                    exits 0 pc-auth list-users --json
ok '  with what they sign in by'  has '[.users[] | [.username, .password,
	.second_factor, .password_changed]] == [["owner", true, true, true],
	["ada", true, false, false]]'
ok 'show'                         exits 0 pc-auth show
ok '  who has a second factor'    grep -q 'owner (password, second factor)' out
ok '  and three keys'             sh -c 'pc-auth show --json | jq -e \
	"(.keys | length) == 3 and .keys[0].active"'
ok '  no secret of theirs'        not grep -qE 'argon|JBSWY|PRIVATE' out
ok 'list-tokens: all pages'       exits 0 pc-auth list-tokens --all --json
ok '  each once'                  has --argjson n "$(count)" '(.tokens |
	length) == $n and ([.tokens[].jti] | unique | length) == $n'
ok 'rotate-operator'              exits 0 pc-auth rotate-operator --json
is "$(jq -r .subject out)" "$(sql "SELECT id FROM users WHERE username = 'owner'")" \
	'  in the name of the first user'
for n in 6 16; do
	PARACHUTE_HOME=$T/v$n home=$T/v$n
	ref make v$n --schema $n --revoked 5 >facts
	ok "schema $n: show"      exits 0 pc-auth show
	ok '  mint-token'         exits 0 pc-auth mint-token --scope a:b
	ok '  only the token'     pure
done

# --- what is no hub.db

PARACHUTE_HOME=$T/bad
mkdir bad
echo 'this is not a database, and longer than a header of one would be' \
	>bad/hub.db
for v in show list-tokens list-users rotate-operator rotate-key \
	'heal --origin https://x.example'; do
	ok "no database, $v: 1"   exits 1 pc-auth $v
	ok '  says so'            complains pc-auth hub.db
	ok '  once'               not grep -q 'hub.db: hub.db' err
done
rm bad/hub.db
mkdir bad/hub.db
ok 'a directory: 1'               exits 1 pc-auth show
ok '  says so'                    complains pc-auth hub.db

# --- usage

PARACHUTE_HOME=$T/home
usage() {       # WORD ARG...
	_uw=$1
	shift
	ok "2: $*"                exits 2 pc-auth "$@"
	ok "  names $_uw"         complains pc-auth "$_uw"
}
usage VERB
usage nonsense nonsense
usage --frob --frob show
usage --scope mint-token
usage --all mint-token --scope a:b --all
usage --scope show --scope a:b
usage --scope-set rotate-operator --scope-set root
usage --origin heal
usage --origin heal --origin hub.example
usage --origin heal --origin https://hub.example/path
usage query heal --origin 'https://hub.example?x'
usage credentials heal --origin https://u:hunter2@hub.example
ok '  not the password'           not grep -q hunter2 err
usage JTI revoke-token
usage x list-users x
usage 256 revoke-token "$(head -c 257 /dev/zero | tr '\0' x)"
usage exclude mint-token --scope a:b --ephemeral --ttl 1d
usage exclude mint-token --scope a:b --expires-in 5 --ttl 1d
usage --expires-in mint-token --scope a:b --expires-in 0
usage --expires-in mint-token --scope a:b --expires-in 31536001
for v in 0d 366d 1y d 1 -1d 1.5h; do
	usage --ttl mint-token --scope a:b --ttl $v
done
usage --permissions mint-token --scope a:b --permissions '[1]'
usage --permissions mint-token --scope a:b --permissions '{"a":1'
usage --permissions mint-token --scope a:b --permissions '{"a":1,"a":2}'
ok 'pc auth'                      exits 0 pc auth --help
ok '  is it'                      grep -q '^Usage: pc-auth' out
done_testing
