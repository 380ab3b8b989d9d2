/* SPDX-License-Identifier: MIT */
/* Whose token is believed, and for how long. */
#include "unit/auth/rig.h"

#define HEAD "{\"alg\":\"RS256\",\"kid\":\"KID\"}"
#define WHO "\"sub\":\"u1\",\"iss\":\"" LOCAL "\",\"aud\":\"operator\"," \
	    "\"scope\":\"parachute:host:auth\""
#define CLAIMS "{" WHO ",\"exp\":1800000600}"

static const struct str issuers[] = {
	{ LOCAL, sizeof LOCAL - 1 }, { PUBLIC, sizeof PUBLIC - 1 },
};
static struct auth *auth;
static const struct claims *claims;
static int64_t mono = 1000;

static struct auth_ask ask(struct str jwt)
{
	return (struct auth_ask){ .jwt = jwt, .issuers = issuers,
		.nissuers = LEN(issuers), .now_ms = NOW, .mono_ms = mono };
}

static enum auth_verdict check(struct str jwt)
{
	struct auth_ask q = ask(jwt);

	return auth_check(auth, &q, &claims);
}

static enum auth_verdict check_at(struct str jwt, int64_t now_ms)
{
	struct auth_ask q = ask(jwt);

	q.now_ms = now_ms;
	return auth_check(auth, &q, &claims);
}

static bool is(enum auth_verdict got, enum auth_verdict want)
{
	if (got != want)
		tap_diag("%s", auth_verdict_text(got));
	return got == want;
}

/* What our key has signed. */
static const struct {
	const char *name, *header, *claims;
	enum auth_verdict want;
} signed_by_us[] = {
	{ "as it should be", HEAD, CLAIMS, AUTH_OK },
	{ "typ and cty", "{\"typ\":\"JWT\",\"alg\":\"RS256\",\"kid\":\"KID\","
	  "\"cty\":\"x\"}", CLAIMS, AUTH_OK },
	{ "escapes in the header", "{\"\\u0061lg\":\"RS\\u003256\","
	  "\"kid\":\"KID\"}", CLAIMS, AUTH_OK },
	{ "no alg", "{\"kid\":\"KID\"}", CLAIMS, AUTH_ALGORITHM },
	{ "alg none", "{\"alg\":\"none\",\"kid\":\"KID\"}", CLAIMS,
	  AUTH_ALGORITHM },
	{ "alg None", "{\"alg\":\"None\",\"kid\":\"KID\"}", CLAIMS,
	  AUTH_ALGORITHM },
	{ "alg HS256", "{\"alg\":\"HS256\",\"kid\":\"KID\"}", CLAIMS,
	  AUTH_ALGORITHM },
	{ "alg rs256", "{\"alg\":\"rs256\",\"kid\":\"KID\"}", CLAIMS,
	  AUTH_ALGORITHM },
	{ "alg RS512", "{\"alg\":\"RS512\",\"kid\":\"KID\"}", CLAIMS,
	  AUTH_ALGORITHM },
	{ "alg RS256 and NUL", "{\"alg\":\"RS256\\u0000\",\"kid\":\"KID\"}",
	  CLAIMS, AUTH_ALGORITHM },
	{ "alg a list", "{\"alg\":[\"RS256\"],\"kid\":\"KID\"}", CLAIMS,
	  AUTH_ALGORITHM },
	{ "alg twice", "{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"KID\"}",
	  CLAIMS, AUTH_MALFORMED },
	{ "crit", "{\"alg\":\"RS256\",\"kid\":\"KID\",\"crit\":[\"b64\"],"
	  "\"b64\":false}", CLAIMS, AUTH_MALFORMED },
	{ "no kid", "{\"alg\":\"RS256\"}", CLAIMS, AUTH_KEY },
	{ "another kid", "{\"alg\":\"RS256\",\"kid\":\"KIDx\"}", CLAIMS,
	  AUTH_KEY },
	{ "an empty kid", "{\"alg\":\"RS256\",\"kid\":\"\"}", CLAIMS,
	  AUTH_KEY },
	{ "a kid and NUL", "{\"alg\":\"RS256\",\"kid\":\"KID\\u0000\"}",
	  CLAIMS, AUTH_KEY },
	{ "kid a number", "{\"alg\":\"RS256\",\"kid\":7}", CLAIMS, AUTH_KEY },
	{ "jku alone", "{\"alg\":\"RS256\",\"jku\":\"http://evil/\"}", CLAIMS,
	  AUTH_KEY },
	{ "header a list", "[\"RS256\"]", CLAIMS, AUTH_MALFORMED },
	{ "header no JSON", "{alg:RS256}", CLAIMS, AUTH_MALFORMED },
	{ "header empty", "", CLAIMS, AUTH_MALFORMED },
	{ "header and more", HEAD " x", CLAIMS, AUTH_MALFORMED },

	{ "claims a list", HEAD, "[1]", AUTH_MALFORMED },
	{ "claims no JSON", HEAD, "{", AUTH_MALFORMED },
	{ "claims empty", HEAD, "", AUTH_MALFORMED },
	{ "a name twice", HEAD, "{" WHO ",\"exp\":1800000600,"
	  "\"sub\":\"u2\"}", AUTH_MALFORMED },
	{ "bad UTF-8", HEAD, "{" WHO ",\"exp\":1800000600,\"x\":\"\xff\"}",
	  AUTH_MALFORMED },
	{ "no exp", HEAD, "{" WHO "}", AUTH_MALFORMED },
	{ "exp text", HEAD, "{" WHO ",\"exp\":\"1800000600\"}",
	  AUTH_MALFORMED },
	{ "exp a fraction", HEAD, "{" WHO ",\"exp\":1800000600.5}",
	  AUTH_MALFORMED },
	{ "exp 1e10", HEAD, "{" WHO ",\"exp\":1e10}", AUTH_MALFORMED },
	{ "exp huge", HEAD, "{" WHO ",\"exp\":9223372036854775807}",
	  AUTH_MALFORMED },
	{ "exp negative", HEAD, "{" WHO ",\"exp\":-1}", AUTH_MALFORMED },
	{ "exp null", HEAD, "{" WHO ",\"exp\":null}", AUTH_MALFORMED },
	{ "exp past", HEAD, "{" WHO ",\"exp\":1799999999}", AUTH_EXPIRED },
	{ "exp now", HEAD, "{" WHO ",\"exp\":1800000000}", AUTH_EXPIRED },
	{ "exp in a second", HEAD, "{" WHO ",\"exp\":1800000001}", AUTH_OK },
	{ "exp 0", HEAD, "{" WHO ",\"exp\":0}", AUTH_EXPIRED },
	{ "nbf now", HEAD, "{" WHO ",\"exp\":1800000600,\"nbf\":1800000000}",
	  AUTH_OK },
	{ "nbf in a second", HEAD, "{" WHO ",\"exp\":1800000600,"
	  "\"nbf\":1800000001}", AUTH_EARLY },
	{ "nbf text", HEAD, "{" WHO ",\"exp\":1800000600,\"nbf\":\"0\"}",
	  AUTH_MALFORMED },
	{ "iat text", HEAD, "{" WHO ",\"exp\":1800000600,\"iat\":\"0\"}",
	  AUTH_MALFORMED },
	{ "scope a list", HEAD, "{\"sub\":\"u1\",\"iss\":\"" LOCAL "\","
	  "\"aud\":\"operator\",\"exp\":1800000600,\"scope\":[\"x\"]}",
	  AUTH_MALFORMED },
	{ "no scope", HEAD, "{\"sub\":\"u1\",\"iss\":\"" LOCAL "\","
	  "\"aud\":\"operator\",\"exp\":1800000600}", AUTH_OK },

	{ "no iss", HEAD, "{\"sub\":\"u1\",\"aud\":\"hub\","
	  "\"exp\":1800000600}", AUTH_ISSUER },
	{ "iss empty", HEAD, "{\"sub\":\"u1\",\"aud\":\"hub\",\"iss\":\"\","
	  "\"exp\":1800000600}", AUTH_ISSUER },
	{ "iss with a slash", HEAD, "{\"sub\":\"u1\",\"aud\":\"hub\","
	  "\"iss\":\"" LOCAL "/\",\"exp\":1800000600}", AUTH_ISSUER },
	{ "iss a list", HEAD, "{\"sub\":\"u1\",\"aud\":\"hub\","
	  "\"iss\":[\"" LOCAL "\"],\"exp\":1800000600}", AUTH_ISSUER },
	{ "iss the other one", HEAD, "{\"sub\":\"u1\",\"aud\":\"hub\","
	  "\"iss\":\"" PUBLIC "\",\"exp\":1800000600}", AUTH_OK },
	{ "iss in capitals", HEAD, "{\"sub\":\"u1\",\"aud\":\"hub\","
	  "\"iss\":\"https://HUB.example\",\"exp\":1800000600}",
	  AUTH_ISSUER },
	{ "expired, and of another issuer", HEAD, "{\"sub\":\"u1\","
	  "\"aud\":\"hub\",\"iss\":\"x\",\"exp\":1}", AUTH_EXPIRED },

	{ "no sub", HEAD, "{\"iss\":\"" LOCAL "\",\"aud\":\"hub\","
	  "\"exp\":1800000600}", AUTH_SUBJECT },
	{ "sub empty", HEAD, "{\"sub\":\"\",\"iss\":\"" LOCAL "\","
	  "\"aud\":\"hub\",\"exp\":1800000600}", AUTH_SUBJECT },
	{ "sub a number", HEAD, "{\"sub\":1,\"iss\":\"" LOCAL "\","
	  "\"aud\":\"hub\",\"exp\":1800000600}", AUTH_SUBJECT },
	{ "no aud", HEAD, "{\"sub\":\"u1\",\"iss\":\"" LOCAL "\","
	  "\"exp\":1800000600}", AUTH_AUDIENCE },
	{ "aud a list", HEAD, "{\"sub\":\"u1\",\"iss\":\"" LOCAL "\","
	  "\"aud\":[\"operator\"],\"exp\":1800000600}", AUTH_AUDIENCE },
	{ "aud a vault", HEAD, "{\"sub\":\"u1\",\"iss\":\"" LOCAL "\","
	  "\"aud\":\"vault.a\",\"exp\":1800000600,"
	  "\"scope\":\"vault:a:admin\"}", AUTH_AUDIENCE },
	{ "aud a module", HEAD, "{\"sub\":\"u1\",\"iss\":\"" LOCAL "\","
	  "\"aud\":\"parachute\",\"exp\":1800000600,"
	  "\"scope\":\"parachute:host:admin\"}", AUTH_AUDIENCE },
	{ "aud Hub", HEAD, "{\"sub\":\"u1\",\"iss\":\"" LOCAL "\","
	  "\"aud\":\"Hub\",\"exp\":1800000600}", AUTH_AUDIENCE },
};

static void signed_tokens(void)
{
	for (size_t i = 0; i < LEN(signed_by_us); i++) {
		struct str jwt = forge(0, signed_by_us[i].header,
				       signed_by_us[i].claims);
		enum auth_verdict want = signed_by_us[i].want;

		ok(is(check(guarded(0, jwt)), want) &&
		   !claims == (want != AUTH_OK), "%s: %s",
		   signed_by_us[i].name, auth_verdict_text(want));
		ok(is(check(guarded(0, jwt)), want), "and again");
	}
}

/* What nobody has signed. */
static const struct {
	const char *name, *jwt;
	enum auth_verdict want;
} raw[] = {
	{ "none", "", AUTH_ABSENT },
	{ "a word", "secret", AUTH_MALFORMED },
	{ "a dot", ".", AUTH_MALFORMED },
	{ "two dots", "..", AUTH_MALFORMED },
	{ "three dots", "...", AUTH_MALFORMED },
	{ "two parts", "eyJhbGciOiJSUzI1NiJ9.e30", AUTH_MALFORMED },
	{ "no kid, no signature", "eyJhbGciOiJSUzI1NiJ9.e30.", AUTH_KEY },
	{ "alg none", "eyJhbGciOiJub25lIn0.e30.", AUTH_ALGORITHM },
	{ "four parts", "eyJhbGciOiJSUzI1NiJ9.e30.AA.AA", AUTH_MALFORMED },
	{ "five", "eyJhbGciOiJSUzI1NiJ9.e30.AA.AA.AA", AUTH_MALFORMED },
	{ "padding", "eyJhbGciOiJub25lIn0=.e30.", AUTH_MALFORMED },
	{ "white space", " eyJhbGciOiJub25lIn0.e30.", AUTH_MALFORMED },
	{ "a line end", "eyJhbGciOiJub25lIn0.e30.\n", AUTH_MALFORMED },
	{ "the other alphabet", "eyJhbGciOiJub25lIn0.e30.++++",
	  AUTH_MALFORMED },
	{ "bits left over", "eyJhbGciOiJub25lIn0.e31.", AUTH_MALFORMED },
};

static void raw_tokens(void)
{
	static char huge[TOKEN_MAX + 2];
	struct str good = forge(0, HEAD, CLAIMS), s;
	unsigned refused = 0, cut = 0;
	char *p;

	for (size_t i = 0; i < LEN(raw); i++)
		ok(is(check(guarded(0, str_of(raw[i].jwt))), raw[i].want),
		   "%s", raw[i].name);
	memset(huge, 'A', sizeof huge);
	huge[10] = huge[20] = '.';
	ok(is(check((struct str){ huge, TOKEN_MAX + 1 }), AUTH_MALFORMED) &&
	   is(check((struct str){ huge, TOKEN_MAX }), AUTH_MALFORMED),
	   "as large as can be, and larger");
	/* Each of its characters another, and in another case. */
	s = arena_str(&arena, good);
	p = (char *)(uintptr_t)s.p;
	for (size_t i = 0; i < s.n; i++) {
		char was = p[i];

		p[i] = was == 'A' ? 'B' : 'A';
		refused += check(s) != AUTH_OK;
		p[i] = was;
		cut += check(guarded(0, str_take(s, i))) != AUTH_OK;
	}
	ok(refused == s.n, "one character: %u of %zu refused", refused, s.n);
	ok(cut == s.n, "cut anywhere: %u of %zu refused", cut, s.n);
	/* 256 bytes end in two bits that mean nothing. */
	p[s.n - 1]++;
	ok(is(check(s), AUTH_MALFORMED), "a second spelling of a signature");
	ok(is(check(good), AUTH_OK), "the good one is good");
}

/* Other people's cryptography makes and checks them, too. */
static const char node_sign[] =
	"const c=require('crypto'),f=require('fs');"
	"const b=x=>Buffer.from(x).toString('base64url');"
	"const kid=f.readFileSync('kid','utf8'),"
	"key=f.readFileSync('key'),pub=f.readFileSync('pub');"
	"const cl=JSON.stringify({sub:'u1',iss:'" LOCAL "',aud:'hub',"
	"scope:'x',exp:1800000600});"
	"const t=h=>b(JSON.stringify(h))+'.'+b(cl);"
	"const r=t({alg:'RS256',kid});"
	"f.writeFileSync('rs',r+'.'+b(c.sign('sha256',r,key)));"
	"const h=t({alg:'HS256',kid});"
	"f.writeFileSync('hs',h+'.'+b(c.createHmac('sha256',pub).update(h)"
	".digest()));"
	"const o=c.generateKeyPairSync('rsa',{modulusLength:2048});"
	"const j=t({alg:'RS256',kid,jwk:o.publicKey.export({format:'jwk'})});"
	"f.writeFileSync('jwk',j+'.'+b(c.sign('sha256',j,o.privateKey)));"
	"const p=t({alg:'RS256',kid});"
	"f.writeFileSync('pss',p+'.'+b(c.sign('sha256',p,{key,padding:"
	"c.constants.RSA_PKCS1_PSS_PADDING})));"
	"f.writeFileSync('sha512',p+'.'+b(c.sign('sha512',p,key)));";
static const char node_verify[] =
	"const c=require('crypto'),f=require('fs');"
	"const t=f.readFileSync('jwt','utf8').split('.');"
	"const k=JSON.parse(f.readFileSync('jwks')).keys;"
	"const h=JSON.parse(Buffer.from(t[0],'base64url'));"
	"const key=c.createPublicKey({key:k.find(x=>x.kid==h.kid),"
	"format:'jwk'});"
	"if(!c.verify('sha256',t[0]+'.'+t[1],key,"
	"Buffer.from(t[2],'base64url')))throw 'bad signature';"
	"if(JSON.stringify(Object.keys(h))!='[\"alg\",\"kid\"]')"
	"throw 'header';";

static void with_node(void)
{
	struct store_key k = key_at(0);
	struct mint m = a_mint("scribe:transcribe");

	put_str(dir, "kid", k.kid);
	put_str(dir, "key", k.private_pem);
	put_str(dir, "pub", k.public_pem);
	put(dir, "sign.js", node_sign);
	put(dir, "verify.js", node_verify);
	ok(!sh("node sign.js"), "node signs: %s", said(dir));
	ok(is(check(text(get(dir, "rs"))), AUTH_OK), "RS256");
	ok(is(check(text(get(dir, "hs"))), AUTH_ALGORITHM),
	   "HS256 with the public key for a secret");
	ok(is(check(text(get(dir, "jwk"))), AUTH_SIGNATURE),
	   "a key that the token brings along");
	ok(is(check(text(get(dir, "pss"))), AUTH_SIGNATURE), "RSA-PSS");
	ok(is(check(text(get(dir, "sha512"))), AUTH_SIGNATURE), "SHA-512");

	put_str(dir, "jwks", auth_jwks(auth, NOW, mono));
	put_str(dir, "jwt", mint(&m).jwt);
	ok(!sh("node verify.js"), "node finds our key and verifies: %s",
	   said(dir));
	ok(!sh("jq -e '.keys | length == 1 and (.[0] | .kty == \"RSA\" and "
	       ".e == \"AQAB\" and .alg == \"RS256\" and .use == \"sig\" and "
	       "(.n | length) == 342 and .kid == \"%.*s\")' jwks",
	       STR_ARG(k.kid)), "one key: %s", get(dir, "jwks"));
}

/* Who asks, and for what */

static void the_question(void)
{
	struct str jwt = forge(0, HEAD, "{\"sub\":\"u1\",\"iss\":\"x\","
		"\"aud\":\"vault.a\",\"exp\":1800000600,"
		"\"scope\":\"vault:a:admin vault:b:read\",\"permissions\":"
		"{\"scoped_tags\": [\"t\"]},\"vault_scope\":[\"a\"]}");
	struct auth_ask q = ask(jwt);

	q.any_audience = true;
	ok(is(auth_check(auth, &q, &claims), AUTH_ISSUER), "any audience");
	q.nissuers = 0;
	ok(is(auth_check(auth, &q, &claims), AUTH_ISSUER), "an empty set");
	q.any_issuer = true;
	ok(is(auth_check(auth, &q, &claims), AUTH_OK), "any issuer");
	ok(str_is(claims->aud, "vault.a") && str_is(claims->iss, "x") &&
	   claims->exp_s == NOW_S + 600 && !claims->jti.n &&
	   str_is(claims->vault_scope, "[\"a\"]") &&
	   str_is(claims->permissions, "{\"scoped_tags\":[\"t\"]}"),
	   "and what it says");
	ok(claims_may(claims, "vault:b:read") &&
	   !claims_may(claims, "vault:b:rea") &&
	   !claims_may(claims, "vault:a:read") && !claims_may(claims, ""),
	   "scopes are those that stand there");
	q.any_audience = false;
	ok(is(auth_check(auth, &q, &claims), AUTH_AUDIENCE), "but for us");
	q.vault_admin = true;
	ok(is(auth_check(auth, &q, &claims), AUTH_OK), "a vault's own");
	q.jwt = forge(0, HEAD, "{\"sub\":\"u1\",\"aud\":\"vault.b\","
		"\"exp\":1800000600,\"scope\":\"vault:a:admin\"}");
	ok(is(auth_check(auth, &q, &claims), AUTH_AUDIENCE),
	   "another vault's");
	q.jwt = forge(0, HEAD, "{\"sub\":\"u1\",\"aud\":\"vault.a\","
		"\"exp\":1800000600,\"scope\":\"vault:a:write\"}");
	ok(is(auth_check(auth, &q, &claims), AUTH_AUDIENCE), "a writer's");
	q.jwt = forge(0, HEAD, "{\"sub\":\"u1\",\"aud\":\"vault.a\","
		"\"exp\":1800000600,\"scope\":\"vault:a:admin "
		"parachute:host:auth\"}");
	ok(is(auth_check(auth, &q, &claims), AUTH_AUDIENCE),
	   "with more than a vault's");
}

/* A set with an empty one in it lets nothing more in. */
static void no_issuer(void)
{
	const struct str odd[] = { STR_NULL, STR("") };
	struct auth_ask q = ask(forge(0, HEAD, "{\"sub\":\"u1\","
		"\"aud\":\"hub\",\"exp\":1800000600}"));

	q.issuers = odd;
	q.nissuers = LEN(odd);
	ok(is(auth_check(auth, &q, &claims), AUTH_ISSUER), "no issuer");
	q.jwt = forge(0, HEAD, "{\"sub\":\"u1\",\"aud\":\"hub\","
		      "\"iss\":\"\",\"exp\":1800000600}");
	ok(is(auth_check(auth, &q, &claims), AUTH_ISSUER), "an empty one");
}

/* The reference's API took host scopes, once: by the register. */
static void minted_for_us(void)
{
	struct mint m = a_mint("parachute:host:auth scribe:admin");
	struct str jwt;

	m.created_via = STR("cli_mint");
	ok(is(check(mint(&m).jwt), AUTH_OK) &&
	   str_is(claims->aud, "parachute"), "minted, with a host scope");
	m.created_via = STR_NULL;
	ok(is(check(mint(&m).jwt), AUTH_AUDIENCE), "not in the register");
	m.created_via = STR("oauth_refresh");
	ok(is(check(mint(&m).jwt), AUTH_AUDIENCE), "made in another way");
	m = a_mint("scribe:transcribe");
	m.created_via = STR("cli_mint");
	ok(is(check(mint(&m).jwt), AUTH_AUDIENCE), "no host scope");
	m = a_mint("parachute:host:auth");
	m.created_via = STR("cli_mint");
	m.aud = STR("scribe");
	jwt = mint(&m).jwt;
	ok(is(check(jwt), AUTH_AUDIENCE), "for another on purpose");
}

/* Remembering, and forgetting */

static void time_goes_by(void)
{
	struct mint m = a_mint("hub:x");
	struct str jwt = mint(&m).jwt;

	ok(is(check_at(jwt, NOW), AUTH_OK), "valid");
	ok(is(check_at(jwt, NOW + 599999), AUTH_OK), "to the last ms");
	ok(is(check_at(jwt, NOW + 600000), AUTH_EXPIRED), "not to the next");
	ok(is(check_at(jwt, NOW), AUTH_OK), "the clock was set back");
}

static void revoked_here(void)
{
	struct mint m = a_mint("hub:x");
	struct minted t;
	int64_t at = 0;

	m.created_via = STR("cli_mint");
	t = mint(&m);
	ok(is(check(t.jwt), AUTH_OK), "minted");
	ok(!store_token_revoke(db, t.jti, NOW, &at, NULL) && at == NOW,
	   "revoked by us");
	auth_forget(auth, t.jti);
	ok(is(check(t.jwt), AUTH_REVOKED), "told so: at once");
	ok(is(check_at(t.jwt, NOW + DAY_MS), AUTH_EXPIRED),
	   "expired counts before revoked");
}

static void revoked_there(void)
{
	struct mint m = a_mint("hub:x");
	struct minted t, fresh;

	m.created_via = STR("cli_mint");
	t = mint(&m);
	fresh = mint(&m);
	mono += 10000;
	ok(is(check(t.jwt), AUTH_OK), "valid, just asked");
	ok(other("revoke %.*s", STR_ARG(t.jti)), "revoked by another "
	   "process: %s", said(dir));
	mono += AUTH_FRESH_MS - 1;
	ok(is(check(t.jwt), AUTH_OK), "not asked again so soon");
	mono++;
	ok(is(check(t.jwt), AUTH_REVOKED), "then asked and seen");
	ok(is(check(t.jwt), AUTH_REVOKED), "and known");
	ok(is(check(fresh.jwt), AUTH_OK), "the other one stands");
	ok(other("revoke %.*s", STR_ARG(fresh.jti)), "that one, too");
	mono += AUTH_FRESH_MS;
	ok(is(check(fresh.jwt), AUTH_REVOKED), "seen at the next ask");
}

static void many(void)
{
	struct str all[AUTH_CACHED_MAX + 20];
	struct mint m = a_mint("hub:x");
	unsigned first = 0, again = 0;

	for (size_t i = 0; i < LEN(all); i++)
		all[i] = mint(&m).jwt;
	for (size_t i = 0; i < LEN(all); i++)
		first += check(all[i]) == AUTH_OK &&
			 str_is(claims->sub, "u1");
	for (size_t i = 0; i < LEN(all); i++)
		again += check(all[i]) == AUTH_OK &&
			 str_is(claims->scope, "hub:x");
	ok(first == LEN(all) && again == LEN(all),
	   "more than are remembered: %u, %u of %zu", first, again, LEN(all));
}

/* Keys come and go */

static bool in_jwks(struct str kid, int64_t now)
{
	put_str(dir, "jwks", auth_jwks(auth, now, mono));
	return !sh("jq -e '[.keys[].kid] | index(\"%.*s\")' jwks",
		   STR_ARG(kid));
}

static void rotated(void)
{
	struct mint m = a_mint("hub:x");
	struct str old_kid = key_at(0).kid, kid = STR_NULL, was, is_now, long_one;
	int64_t before, stranded = -1, late = NOW + DAY_MS;
	struct err e = { 0 };
	bool done;

	m.ttl_s = 86400 * 30;
	was = mint(&m).jwt;
	ok(is(check(was), AUTH_OK), "signed by the first key");
	ok(other("rotate"), "another process rotates: %s", said(dir));
	kid = key_at(0).kid;
	ok(!str_eq(kid, old_kid), "there is a new key");
	m.now_ms = NOW + 1;
	is_now = mint(&m).jwt;
	ok(is(check(is_now), AUTH_OK), "it is known at once, when asked for");
	ok(is(check(was), AUTH_OK), "so is the old one");
	ok(in_jwks(kid, NOW) && in_jwks(old_kid, NOW) &&
	   !sh("jq -e '.keys[0].kid == \"%.*s\"' jwks", STR_ARG(kid)),
	   "both are in the JWKS, the new one first");
	mono += AUTH_KEYS_MS;
	ok(is(check_at(was, late - 1), AUTH_OK) && in_jwks(old_kid, late - 1),
	   "for a day");
	ok(is(check_at(was, late), AUTH_KEY) && !in_jwks(old_kid, late) &&
	   in_jwks(kid, late), "and no longer");
	ok(is(check_at(is_now, late), AUTH_OK), "the new one stays");

	store_live_before(db, NOW + 10, NOW + 10, &before, &e);
	m.created_via = STR("cli_mint");
	long_one = mint(&m).jwt;
	done = !token_rotate_key(db, NOW + 10, &arena, &kid, &stranded, &e);
	ok(done && stranded == before + 1 && str_eq(kid, key_at(0).kid),
	   "rotated by us, %ld tokens need the old one: %s", (long)stranded,
	   e.msg);
	mono += AUTH_KEYS_MS;
	late = NOW + 20 * DAY_MS;
	ok(is(check_at(long_one, late), AUTH_OK) &&
	   in_jwks(key_at(1).kid, late) && !in_jwks(old_kid, late),
	   "a registered token keeps its key");
	mono += AUTH_KEYS_MS;
	late = NOW + 1 + 30 * DAY_MS;
	ok(check_at(long_one, late) != AUTH_OK &&
	   !in_jwks(key_at(1).kid, late), "until it expires");
}

static void asked_for_each_jwks(void)
{
	struct str was;

	mono += AUTH_JWKS_MS;
	was = arena_str(&arena, auth_jwks(auth, NOW, mono));
	ok(other("rotate"), "another process rotates: %s", said(dir));
	mono += AUTH_JWKS_MS - 1;
	ok(str_eq(was, auth_jwks(auth, NOW, mono)),
	   "hub.db is not asked for each JWKS");
	mono++;
	ok(!str_eq(was, auth_jwks(auth, NOW, mono)), "but %d ms later",
	   AUTH_JWKS_MS);
}

static bool set_public(struct str kid, const char *file)
{
	return !sh("python3 -c 'import sqlite3; "
		   "d = sqlite3.connect(\"hub.db\"); d.execute(\"update "
		   "signing_keys set public_key_pem = ? where kid = ?\", "
		   "(open(\"%s\").read(), \"%.*s\")); d.commit()'", file,
		   STR_ARG(kid));
}

/* Another key under the same name: what the old one signed is not believed
 * any longer, whether it was seen before or not. */
static void rekeyed(void)
{
	struct str jwt = forge(0, HEAD, CLAIMS), kid = key_at(0).kid;
	struct key_pair odd = { .kid = "" };

	ok(is(check(jwt), AUTH_OK), "believed");
	put_str(dir, "pub", key_at(0).public_pem);
	key_make(&odd, &arena, NULL);
	put_str(dir, "odd", odd.public_pem);
	ok(set_public(kid, "odd"), "another process changes the key: %s",
	   said(dir));
	mono += AUTH_FRESH_MS;
	ok(is(check(jwt), AUTH_SIGNATURE), "not believed");
	ok(set_public(kid, "pub"), "and back: %s", said(dir));
	mono += AUTH_FRESH_MS;
	ok(is(check(jwt), AUTH_OK), "believed");
}

/* Rows that are none of ours, or damaged, are passed over. */
static void odd_keys(void)
{
	struct store_key odd = { .kid = STR("odd"), .public_pem = STR("-"),
		.private_pem = STR("-"), .algorithm = STR("RS256"),
		.created_ms = NOW + 50 };
	struct mint m = a_mint("hub:x");
	struct minted t;
	struct err e = { 0 };
	struct str was = mint(&m).jwt;
	bool added;

	ok(!store_add_key(db, &odd, false, NOW + 50, &added, &e),
	   "a damaged row: %s", e.msg);
	ok(token_mint(db, &m, &arena, &t, &e) < 0 && e.code == ERR_INVALID &&
	   strstr(e.msg, "odd"), "does not sign: %s", e.msg);
	mono += AUTH_KEYS_MS;
	ok(is(check(was), AUTH_OK) && !in_jwks(STR("odd"), NOW),
	   "nor is it shown; the others serve");
	odd.kid = STR("es");
	odd.algorithm = STR("ES256");
	ok(!store_add_key(db, &odd, false, NOW + 51, &added, &e) &&
	   token_mint(db, &m, &arena, &t, &e) < 0 && e.code == ERR_NOT_FOUND,
	   "no active key of our kind: %s", e.msg);
}

static void without(void)
{
	struct auth *none = auth_new(NULL, NULL);
	struct str jwt = forge(2, HEAD, CLAIMS);
	struct auth_ask q = ask(jwt);
	struct home empty;
	struct store *s;

	ok(is(auth_check(none, &q, &claims), AUTH_UNAVAILABLE) && !claims,
	   "no database");
	ok(str_is(auth_jwks(none, NOW, mono), "{\"keys\":[]}"), "no keys");
	q.jwt = STR_NULL;
	ok(is(auth_check(none, &q, &claims), AUTH_ABSENT), "no token");
	q.jwt = STR("x");
	ok(is(auth_check(none, &q, &claims), AUTH_MALFORMED), "no form");
	auth_free(none);
	auth_free(NULL);

	if (mkdirat(dir, "empty", 0700) < 0 || chdir(scratch_path) < 0 ||
	    home_open(&empty, "empty", false, NULL) < 0)
		scratch_bail("no second home");
	s = store_open(&empty, STORE_MAKE, 0, NULL);
	none = auth_new(s, NULL);
	q.jwt = jwt;
	ok(s && is(auth_check(none, &q, &claims), AUTH_UNAVAILABLE),
	   "a database without a key");
	ok(str_is(auth_jwks(none, NOW, mono), "{\"keys\":[]}"), "no keys");
	auth_free(none);
	store_close(s);
	home_close(&empty);
}

/* argv: HOME revoke JTI, HOME rotate */
static int act(char **argv)
{
	struct err e = { 0 };
	int64_t at, stranded;
	struct str kid;
	int rc = -1;

	arena_init(&arena, 1 << 20);
	if (home_open(&home, argv[1], false, &e) == 0 &&
	    (db = store_open(&home, STORE_WRITE, 5000, &e)))
		rc = !strcmp(argv[2], "revoke") ?
		     store_token_revoke(db, str_of(argv[3]), NOW, &at, &e) :
		     token_rotate_key(db, NOW, &arena, &kid, &stranded, &e);
	if (rc < 0)
		puts(e.msg);
	rig_end();
	return rc < 0;
}

int main(int argc, char **argv)
{
	if (argc > 2)
		return act(argv);
	rig();
	auth = auth_new(db, NULL);
	signed_tokens();
	raw_tokens();
	with_node();
	the_question();
	no_issuer();
	minted_for_us();
	time_goes_by();
	revoked_here();
	revoked_there();
	many();
	rekeyed();
	rotated();
	asked_for_each_jwks();
	odd_keys();
	without();
	auth_free(auth);
	rig_end();
	return tap_done();
}
