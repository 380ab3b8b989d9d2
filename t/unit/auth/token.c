/* SPDX-License-Identifier: MIT */
/* Whose token is believed, for what, and as whose. */
#include "unit/auth/check_rig.h"

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

static void without(void)
{
	struct auth *none = auth_new(NULL, NULL);
	struct str jwt = forge(0, HEAD, CLAIMS);
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

int main(void)
{
	rig();
	auth = auth_new(db, NULL);
	signed_tokens();
	raw_tokens();
	with_node();
	the_question();
	no_issuer();
	minted_for_us();
	without();
	auth_free(auth);
	rig_end();
	return tap_done();
}
