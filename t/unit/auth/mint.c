/* SPDX-License-Identifier: MIT */
/* Scopes, what is in a token that we make, and who may have one made. */
#include "unit/auth/rig.h"

static const struct { const char *scopes, *aud; } audiences[] = {
	{ "", "hub" },
	{ "   ", "hub" },
	{ "read", "hub" },
	{ ":read", "hub" },
	{ "read vault:read", "vault" },
	{ "hub:admin", "hub" },
	{ "scribe:transcribe", "scribe" },
	{ "parachute:host:auth", "parachute" },
	{ "vault:work:read", "vault.work" },
	{ "scribe:admin vault:work:admin vault:home:read", "vault.work" },
	{ "vault:work:delete", "vault" },
	{ "vault::read", "vault" },
	{ "vault:a:b:read", "vault" },
	{ "Vault:work:read", "Vault" },
	{ "vault:w\xc3\xb6rk:read scribe:x", "vault" },
	{ "\tx\n\v\fvault:a_-9:write\r", "vault.a_-9" },
};

static const struct { const char *scope; bool requestable, malformed; }
	vocabulary[] = {
	{ "vault:read", true, false },
	{ "vault:admin", true, false },
	{ "vault:work:admin", true, false },
	{ "scribe:transcribe", true, false },
	{ "channel:send", true, false },
	{ "surface:admin", true, false },
	{ "scribe:admin", false, false },
	{ "hub:admin", false, false },
	{ "parachute:host:admin", false, false },
	{ "parachute:host:install", false, false },
	{ "parachute:host:start", false, false },
	{ "parachute:host:expose", false, false },
	{ "parachute:host:auth", false, false },
	{ "parachute:host:vault", false, false },
	{ "parachute:host:new", false, false },
	{ "vault:work:delete", true, true },
	{ "vault:work:Read", true, true },
	{ "VAULT:work:read", true, true },
	{ "vault::read", true, true },
	{ "vault:a b:read", true, true },
	{ "vault:a:read:x", true, true },
	{ "vault:a:", true, true },
	{ "vault", true, false },
	{ "vaults:a:read", true, false },
	{ "", true, false },
};

static void scopes(void)
{
	static const char *const sets[] = { "install", "start", "expose",
					    "auth", "vault", "admin" };
	struct str rest = STR(" \ta  b\n"), one;

	for (size_t i = 0; i < LEN(audiences); i++)
		ok(is_text(token_audience(guarded(0,
			   str_of(audiences[i].scopes)), &arena),
			   audiences[i].aud), "audience %s of %zu",
		   audiences[i].aud, i);
	for (size_t i = 0; i < LEN(vocabulary); i++) {
		struct str s = guarded(0, str_of(vocabulary[i].scope));

		ok(scope_is_requestable(s) == vocabulary[i].requestable &&
		   scope_is_malformed_vault(s) == vocabulary[i].malformed,
		   "'%s'", vocabulary[i].scope);
	}
	ok(scope_next(&rest, &one) && str_is(one, "a") &&
	   scope_next(&rest, &one) && str_is(one, "b") &&
	   !scope_next(&rest, &one) && !rest.n, "one after the other");
	for (size_t i = 0; i < LEN(sets); i++)
		ok(scope_set_scopes(str_of(sets[i])) != NULL, "set %s: %s",
		   sets[i], scope_set_scopes(str_of(sets[i])));
	ok(!scope_set_scopes(STR("Admin")) && !scope_set_scopes(STR_NULL) &&
	   !scope_set_scopes(STR("admin\0")), "no other");
}

/* The claims as they stand. */
static const char *claims_of(struct str jwt)
{
	static char json[TOKEN_MAX];
	struct str head, body, rest;
	size_t n = 0;

	str_cut(jwt, '.', &head, &rest);
	str_cut(rest, '.', &body, &rest);
	b64u_read(body, json, sizeof json - 1, &n);
	json[n] = '\0';
	return json;
}

static void contents(void)
{
	struct mint m = a_mint("vault:work:read");
	struct store_token row;
	struct minted t;
	char want[1000], head[300], jti[JTI_SIZE], more[JTI_SIZE];
	struct err e = { 0 };

	ok(!token_jti(jti, &e) && !token_jti(more, &e) &&
	   strlen(jti) == 22 && strcmp(jti, more) != 0, "jti %s", jti);
	m.vault_scope[m.nvault_scope++] = STR("work");
	m.permissions = STR("{ \"scoped_tags\": [\"a\", \"\\u00e9\"], "
			    "\"n\": 1.50 }");
	m.created_via = STR("cli_mint");
	t = mint(&m);
	snprintf(head, sizeof head, "{\"alg\":\"RS256\",\"kid\":\"%.*s\"}",
		 STR_ARG(key_at(0).kid));
	ok(str_starts(t.jwt, b64u(str_of(head))), "the header is %s", head);
	snprintf(want, sizeof want, "{\"scope\":\"vault:work:read\","
		 "\"client_id\":\"parachute-hub\",\"vault_scope\":[\"work\"],"
		 "\"sub\":\"u1\",\"iss\":\"" LOCAL "\",\"iat\":1800000000,"
		 "\"exp\":1800000600,\"aud\":\"vault.work\",\"jti\":\"%.*s\","
		 "\"permissions\":{\"scoped_tags\":[\"a\",\"\xc3\xa9\"],"
		 "\"n\":1.50}}", STR_ARG(t.jti));
	ok(is_text(str_of(claims_of(t.jwt)), want), "the claims, in order");
	ok(t.exp_s == NOW_S + 600 && t.jti.n == 22, "what is told");
	ok(!store_token(db, t.jti, &arena, &row, &e) &&
	   str_is(row.scopes, "vault:work:read") &&
	   str_is(row.subject, "u1") && !row.user_id.n &&
	   str_is(row.client_id, "parachute-hub") &&
	   str_is(row.created_via, "cli_mint") && !row.revoked_ms &&
	   row.expires_ms == NOW + 600000 && row.created_ms == NOW &&
	   strstr(row.permissions.p, "scoped_tags"), "the row: %s", e.msg);

	m = a_mint("a b");
	m.scope_set = STR("admin");
	m.aud = STR("operator");
	t = mint(&m);
	ok(strstr(claims_of(t.jwt), "\"vault_scope\":[]") &&
	   strstr(claims_of(t.jwt), "\"aud\":\"operator\"") &&
	   strstr(claims_of(t.jwt), "\",\"pa_scope_set\":\"admin\"}"),
	   "the set comes last");
	ok(store_token(db, t.jti, &arena, &row, &e) < 0 &&
	   e.code == ERR_NOT_FOUND, "no row unless asked for");
}

static void not_minted(void)
{
	struct mint m = a_mint("x");
	struct err e = { 0 };
	struct minted t;
	char *big = arena_alloc(&arena, 9000);

	m.permissions = STR("[]");
	ok(token_mint(db, &m, &arena, &t, &e) < 0 && e.code == ERR_USAGE,
	   "permissions: %s", e.msg);
	m.permissions = STR_NULL;
	memset(big, 'x', 8999);
	m.sub = str_of(big);
	ok(token_mint(db, &m, &arena, &t, &e) < 0 && e.code == ERR_FULL,
	   "too large: %s", e.msg);
	m.sub = str_take(str_of(big), 7000);
	ok(token_mint(db, &m, &arena, &t, &e) < 0 && e.code == ERR_FULL,
	   "as a token: %s", e.msg);
}

#define AUTH  "parachute:host:auth"
#define ADMIN "parachute:host:admin"

static const struct {
	const char *name, *bearer, *scope;
	enum err_code want;
	const char *pinned;     /* vault_scope, with single spaces */
} mints[] = {
	{ "nobody", "", "vault:a:read", ERR_DENIED, "" },
	{ "a writer", "vault:a:write vault:admin", "vault:a:read", ERR_DENIED,
	  "" },
	{ "another host scope", "parachute:host:start hub:admin",
	  "vault:a:read", ERR_DENIED, "" },

	{ "auth: a vault", AUTH, "vault:a:admin vault:b:read", ERR_NONE, "" },
	{ "auth: any module", AUTH, "scribe:transcribe x", ERR_NONE, "" },
	{ "auth: bare vault:admin", AUTH, "vault:admin", ERR_NONE, "" },
	{ "auth: itself", AUTH, AUTH, ERR_INVALID, "" },
	{ "auth: host:admin", AUTH, "vault:a:read " ADMIN, ERR_INVALID, "" },
	{ "auth: hub:admin", AUTH, "hub:admin", ERR_INVALID, "" },
	{ "auth: scribe:admin", AUTH, "scribe:admin", ERR_INVALID, "" },
	{ "auth: malformed", AUTH, "vault:a:delete", ERR_INVALID, "" },
	{ "auth: none", AUTH, "", ERR_USAGE, "" },
	{ "auth: blanks", AUTH, " \n", ERR_USAGE, "" },
	{ "auth: what others cut in two", AUTH,
	  "x\xc2\xa0parachute:host:admin", ERR_INVALID, "" },
	{ "auth: a quote", AUTH, "x\"y", ERR_INVALID, "" },
	{ "auth: a control", AUTH, "x\x01y", ERR_INVALID, "" },

	{ "admin: vault admin", ADMIN, "vault:a:admin vault:b:admin",
	  ERR_NONE, "a b" },
	{ "admin: the same twice", ADMIN, "vault:a:admin  vault:a:admin",
	  ERR_NONE, "a" },
	{ "admin: a reader", ADMIN, "vault:a:read", ERR_INVALID, "" },
	{ "admin: another", ADMIN, "scribe:transcribe", ERR_INVALID, "" },
	{ "admin: bare", ADMIN, "vault:admin", ERR_INVALID, "" },
	{ "both: the wider counts", ADMIN " " AUTH, "vault:a:admin",
	  ERR_NONE, "" },

	{ "vault: its verbs", "vault:a:admin",
	  "vault:a:read vault:a:write vault:a:admin", ERR_NONE, "a" },
	{ "vault: another's", "vault:a:admin", "vault:b:read", ERR_INVALID,
	  "" },
	{ "vault: one of two", "vault:a:admin", "vault:a:read vault:b:read",
	  ERR_INVALID, "" },
	{ "vault: of two", "vault:a:admin vault:b:admin",
	  "vault:b:read vault:a:read", ERR_NONE, "b a" },
	{ "vault: bare", "vault:a:admin", "vault:read", ERR_INVALID, "" },
	{ "vault: bare admin", "vault:a:admin", "vault:admin", ERR_INVALID,
	  "" },
	{ "vault: a prefix", "vault:ab:admin", "vault:a:read", ERR_INVALID,
	  "" },
	{ "vault: a module", "vault:a:admin", "scribe:transcribe",
	  ERR_INVALID, "" },
	{ "a set named vault", "parachute:host:vault", "vault:a:read",
	  ERR_DENIED, "" },
};

static struct claims bearer(const char *scope)
{
	return (struct claims){ .scope = str_of(scope), .sub = STR("me"),
				.aud = STR("operator") };
}

static void may_mint(void)
{
	for (size_t i = 0; i < LEN(mints); i++) {
		struct claims c = bearer(mints[i].bearer);
		struct mint m = { .scope = guarded(0,
					str_of(mints[i].scope)) };
		struct err e = { 0 };
		int rc = token_may_mint(&c, &m, &arena, &e);
		char pinned[100] = "";

		for (size_t j = 0; rc == 0 && j < m.nvault_scope; j++)
			sprintf(pinned + strlen(pinned), "%s%.*s",
				j ? " " : "", STR_ARG(m.vault_scope[j]));
		ok(rc == (mints[i].want ? -1 : 0) && e.code == mints[i].want &&
		   !strcmp(pinned, mints[i].pinned), "%s: %s", mints[i].name,
		   e.msg[0] ? e.msg : "granted");
	}
}

/* Who it is for, how long, with what limits. */
static const struct {
	const char *name, *bearer;
	struct { const char *sub, *aud, *permissions; int64_t ttl_s; } in;
	const char *own;        /* permissions of the bearer */
	enum err_code want;
} terms[] = {
	{ "host: another subject", AUTH, { "you", "", "", 0 }, "", ERR_NONE },
	{ "host: any audience", AUTH, { "", "x", "", 0 }, "", ERR_NONE },
	{ "host: a year", AUTH, { "", "", "", MINT_TTL_MAX_S }, "",
	  ERR_NONE },
	{ "host: a year and a second", AUTH,
	  { "", "", "", MINT_TTL_MAX_S + 1 }, "", ERR_USAGE },
	{ "host: before now", AUTH, { "", "", "", -1 }, "", ERR_USAGE },
	{ "host: no object", AUTH, { "", "", "[1]", 0 }, "", ERR_USAGE },
	{ "host: its own do not bind", AUTH, { "", "", "{\"x\":1}", 0 },
	  "{\"y\":1}", ERR_NONE },
	{ "vault: itself", "vault:a:admin", { "me", "vault.a", "", 60 }, "",
	  ERR_NONE },
	{ "vault: another subject", "vault:a:admin", { "you", "", "", 0 }, "",
	  ERR_DENIED },
	{ "vault: another audience", "vault:a:admin", { "", "hub", "", 0 },
	  "", ERR_USAGE },
	{ "vault: 90 days", "vault:a:admin", { "", "", "", MINT_TTL_S }, "",
	  ERR_NONE },
	{ "vault: longer", "vault:a:admin", { "", "", "", MINT_TTL_S + 1 },
	  "", ERR_USAGE },
	{ "vault: limits where there were none", "vault:a:admin",
	  { "", "", "{\"scoped_tags\":[\"t\"]}", 0 }, "", ERR_NONE },
	{ "vault: the same", "vault:a:admin",
	  { "", "", "{ \"scoped_tags\" : [\"t\", \"u\"] }", 0 },
	  "{\"scoped_tags\":[\"t\",\"u\"]}", ERR_NONE },
	{ "vault: fewer, and one of its own", "vault:a:admin",
	  { "", "", "{\"more\":1,\"scoped_tags\":[\"u\"]}", 0 },
	  "{\"scoped_tags\":[\"t\",\"u\"]}", ERR_NONE },
	{ "vault: others", "vault:a:admin",
	  { "", "", "{\"scoped_tags\":[\"u\",\"v\"]}", 0 },
	  "{\"scoped_tags\":[\"t\",\"u\"]}", ERR_USAGE },
	{ "vault: an empty list", "vault:a:admin",
	  { "", "", "{\"scoped_tags\":[]}", 0 },
	  "{\"scoped_tags\":[\"t\"]}", ERR_USAGE },
	{ "vault: without", "vault:a:admin", { "", "", "{\"x\":1}", 0 },
	  "{\"scoped_tags\":[\"t\"]}", ERR_USAGE },
	{ "vault: another value", "vault:a:admin",
	  { "", "", "{\"n\":2}", 0 }, "{\"n\":1}", ERR_USAGE },
};

static void on_terms(void)
{
	struct claims c = bearer("vault:a:admin");
	struct mint m = { .scope = STR(" vault:a:read\tvault:a:write ") };
	struct err e = { 0 };

	for (size_t i = 0; i < LEN(terms); i++) {
		struct claims b = bearer(terms[i].bearer);
		struct mint n = { .scope = STR("vault:a:read"),
			.sub = str_of(terms[i].in.sub),
			.aud = str_of(terms[i].in.aud),
			.permissions = str_of(terms[i].in.permissions),
			.ttl_s = terms[i].in.ttl_s };
		struct err why = { 0 };
		int rc;

		b.permissions = str_of(terms[i].own);
		rc = token_may_mint(&b, &n, &arena, &why);
		ok(rc == (terms[i].want ? -1 : 0) && why.code == terms[i].want,
		   "%s: %s", terms[i].name, why.msg);
	}
	c.permissions = STR("{\"scoped_tags\":[\"t\"]}");
	ok(!token_may_mint(&c, &m, &arena, &e) &&
	   str_is(m.scope, "vault:a:read vault:a:write") &&
	   str_is(m.sub, "me") && str_is(m.aud, "vault.a") &&
	   m.ttl_s == MINT_TTL_S && m.nvault_scope == 1 &&
	   str_is(m.vault_scope[0], "a") && str_eq(m.permissions,
						   c.permissions),
	   "what is not said follows from the bearer: %s", e.msg);
	ok(m.sub.p != c.sub.p && m.permissions.p != c.permissions.p,
	   "and outlives it");
}

static void vaults(void)
{
	char scope[1000] = "";
	struct claims c = bearer(ADMIN);
	struct mint m = { .ttl_s = 1 };
	struct err e = { 0 };

	for (int i = 0; i < 16; i++)
		sprintf(scope + strlen(scope), " vault:v%d:admin", i);
	m.scope = str_of(scope);
	ok(!token_may_mint(&c, &m, &arena, &e) && m.nvault_scope == 16,
	   "16 vaults: %s", e.msg);
	strcat(scope, " vault:one:admin");
	m.scope = str_of(scope);
	ok(token_may_mint(&c, &m, &arena, &e) < 0 && e.code == ERR_INVALID,
	   "17: %s", e.msg);
}

static const struct { const char *bearer, *row; bool may; } revokes[] = {
	{ AUTH, "", true },
	{ AUTH, ADMIN, true },
	{ ADMIN, "", false },
	{ ADMIN, "vault:a:admin", true },
	{ ADMIN, "vault:a:read", false },
	{ ADMIN, AUTH, false },
	{ "vault:a:admin", "vault:a:read vault:a:admin", true },
	{ "vault:a:admin", "vault:a:read vault:b:read", false },
	{ "vault:a:admin", "", false },
	{ "vault:a:admin", "vault:read", false },
	{ "vault:a:write", "vault:a:read", false },
	{ "", "", false },
};

static void may_revoke(void)
{
	for (size_t i = 0; i < LEN(revokes); i++) {
		struct claims c = bearer(revokes[i].bearer);
		struct store_token row = {
			.scopes = str_of(revokes[i].row) };

		ok(token_may_revoke(&c, &row) == revokes[i].may,
		   "'%s' %s '%s'", revokes[i].bearer,
		   revokes[i].may ? "revokes" : "does not revoke",
		   revokes[i].row);
	}
}

static void keys(void)
{
	struct str first = key_at(0).kid, kid = STR_NULL;
	struct err e = { 0 };
	int64_t stranded = 0;
	bool made = true, done;

	ok(!token_ensure_key(db, NOW, &made, &e) && !made &&
	   str_eq(key_at(0).kid, first), "there is one already: %s", e.msg);
	done = !token_rotate_key(db, NOW + 5, &arena, &kid, &stranded, &e);
	ok(done && kid.n == KID_SIZE - 1 && str_eq(key_at(0).kid, kid) &&
	   str_eq(key_at(1).kid, first) && key_at(1).retired_ms == NOW + 5 &&
	   !key_at(0).retired_ms && key_at(0).created_ms == NOW + 5,
	   "rotated: %s", e.msg);
	ok(stranded == 1, "one registered token: %ld", (long)stranded);
}

int main(void)
{
	rig();
	scopes();
	contents();
	not_minted();
	may_mint();
	on_terms();
	vaults();
	may_revoke();
	keys();
	rig_end();
	return tap_done();
}
