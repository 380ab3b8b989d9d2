/* SPDX-License-Identifier: MIT */
/*
 * Checking a bearer token. What costs something is done once: the signature
 * (a fifth of a millisecond) until the token expires or the keys change, the
 * look into the register until somebody writes the database. All else is
 * asked each time.
 */
#include "auth/token.h"

#include "auth/token_keys.h"
#include "auth/token_seen.h"

#include <stdlib.h>

#define SCRATCH_MAX (2 << 20)   /* a tree of 8 KiB of JSON, all of it arrays */
#define TIME_MAX    253402300799        /* the last second of 9999 */

struct auth {
	struct store *store;
	struct keyset keys;
	struct seen seen;
	struct arena scratch;
	bool asked;                     /* the fields below are known */
	int64_t asked_ms, keys_ms, version;
	unsigned generation;            /* counts changes of the version */
};

static const char *const texts[] = {
	[AUTH_OK] = "the token is valid",
	[AUTH_ABSENT] = "there is no token",
	[AUTH_MALFORMED] = "the token is malformed",
	[AUTH_ALGORITHM] = "the token is not signed with RS256",
	[AUTH_KEY] = "the token names no signing key of this hub",
	[AUTH_SIGNATURE] = "the token's signature is not valid",
	[AUTH_EXPIRED] = "the token has expired",
	[AUTH_EARLY] = "the token is not valid yet",
	[AUTH_ISSUER] = "the token was not issued for this hub's address",
	[AUTH_REVOKED] = "the token has been revoked",
	[AUTH_SUBJECT] = "the token has no subject",
	[AUTH_AUDIENCE] = "the token is meant for another service",
	[AUTH_UNAVAILABLE] = "the hub has no database, or no signing key",
};

const char *auth_verdict_text(enum auth_verdict v)
{
	return texts[v];
}

struct auth *auth_new(struct store *store, struct err *e)
{
	struct auth *a = calloc(1, sizeof *a);

	if (!a) {
		err_set(e, ERR_NO_MEMORY, "no memory for tokens");
		return NULL;
	}
	a->store = store;
	arena_init(&a->scratch, SCRATCH_MAX);
	keyset_init(&a->keys);
	if (seen_init(&a->seen, e) == 0)
		return a;
	auth_free(a);
	return NULL;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	seen_clear(&a->seen);
	keyset_release(&a->keys);
	arena_release(&a->scratch);
	wipe(a, sizeof *a);
	free(a);
}

/* What is in memory is as the database has it. now: a kid is unknown, which
 * is no reason to read the keys on each request. */
static int refresh(struct auth *a, int64_t now_ms, int64_t mono_ms, bool now)
{
	int64_t version = 0, age = mono_ms - a->keys_ms;
	bool other = false, changed;

	if (!a->store)
		return -1;
	if (a->asked && !now && mono_ms - a->asked_ms < AUTH_FRESH_MS)
		return 0;
	if (store_version(a->store, &version, NULL) < 0)
		return -1;
	changed = !a->asked || version != a->version;
	if (changed)
		a->generation++;
	if (changed || age >= (now ? AUTH_FRESH_MS : AUTH_KEYS_MS)) {
		a->asked = false;
		if (keyset_load(&a->keys, a->store, now_ms, &other, NULL) < 0)
			return -1;
		a->keys_ms = mono_ms;
	}
	if (other)
		seen_clear(&a->seen);
	a->version = version;
	a->asked_ms = mono_ms;
	a->asked = true;
	return 0;
}

/* Claims */

/* Absent is 0; false for what is no time. */
static bool read_time(const struct json *j, const char *name, int64_t *out)
{
	const struct json *t = json_get(j, name);

	*out = 0;
	return !t || json_int(t, 0, TIME_MAX, out);
}

/* What is no string is as if it were absent. */
static struct str read_text(const struct json *j, const char *name)
{
	struct str s = STR_NULL;

	json_str(json_get(j, name), &s);
	return s;
}

static struct str read_json(const struct json *j, const char *name,
			    enum json_type type, struct arena *a)
{
	const struct json *v = json_get(j, name);
	struct str s = STR_NULL;
	struct jsonw w;
	struct buf b;

	if (!v || v->type != type)
		return s;
	buf_init(&b, TOKEN_MAX);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_value(&w, v);
	if (!buf_failed(&b))
		s = arena_str(a, buf_str(&b));
	else
		a->failed = true;
	buf_release(&b);
	return s;
}

static bool read_claims(const struct jwt *t, struct claims *c, int64_t *nbf_s,
			struct arena *a)
{
	const struct json *j = jwt_claims(t, a), *scope = json_get(j, "scope");

	if (!j || !json_get(j, "exp") || !read_time(j, "exp", &c->exp_s) ||
	    !read_time(j, "iat", &c->iat_s) || !read_time(j, "nbf", nbf_s) ||
	    (scope && scope->type != JSON_STRING))
		return false;
	c->scope = read_text(j, "scope");
	c->sub = read_text(j, "sub");
	c->iss = read_text(j, "iss");
	c->aud = read_text(j, "aud");
	c->jti = read_text(j, "jti");
	c->client_id = read_text(j, "client_id");
	c->scope_set = read_text(j, "pa_scope_set");
	c->vault_scope = read_json(j, "vault_scope", JSON_ARRAY, a);
	c->permissions = read_json(j, "permissions", JSON_OBJECT, a);
	return !arena_failed(a);
}

static enum auth_verdict check_time(const struct claims *c, int64_t nbf_s,
				    int64_t now_ms)
{
	if (c->exp_s * 1000 <= now_ms)
		return AUTH_EXPIRED;
	return nbf_s * 1000 > now_ms ? AUTH_EARLY : AUTH_OK;
}

/* Signature */

static enum auth_verdict find_key(struct auth *a, struct str kid,
				  const struct auth_ask *q,
				  const struct key_public **k)
{
	*k = keyset_find(&a->keys, kid, q->now_ms);
	if (!*k && refresh(a, q->now_ms, q->mono_ms, true) < 0)
		return AUTH_UNAVAILABLE;
	if (!*k)
		*k = keyset_find(&a->keys, kid, q->now_ms);
	if (!*k)
		return a->keys.n ? AUTH_KEY : AUTH_UNAVAILABLE;
	return AUTH_OK;
}

/* Of a token that is not among those seen. */
static enum auth_verdict verify(struct auth *a, const struct auth_ask *q,
				bool available, struct seen_token **out)
{
	static const enum auth_verdict forms[] = {
		[JWT_MALFORMED] = AUTH_MALFORMED,
		[JWT_ALGORITHM] = AUTH_ALGORITHM,
		[JWT_NO_KID] = AUTH_KEY,
	};
	const struct key_public *key;
	struct claims c = { .exp_s = 0 };
	enum auth_verdict v;
	enum jwt_form form;
	int64_t nbf_s = 0;
	struct jwt t;

	form = jwt_open(&t, q->jwt, &a->scratch);
	if (form != JWT_OK)
		return forms[form];
	if (!available)
		return AUTH_UNAVAILABLE;
	v = find_key(a, t.kid, q, &key);
	if (v != AUTH_OK)
		return v;
	if (!key_verify(key, t.text, t.signature))
		return AUTH_SIGNATURE;
	if (!read_claims(&t, &c, &nbf_s, &a->scratch))
		return AUTH_MALFORMED;
	v = check_time(&c, nbf_s, q->now_ms);
	if (v != AUTH_OK)
		return v;
	*out = seen_put(&a->seen, q->jwt, t.kid, &c, nbf_s, q->now_ms);
	return *out ? AUTH_OK : AUTH_UNAVAILABLE;
}

/* Register and audience */

static int look_up(struct auth *a, struct seen_token *t)
{
	struct store_token row;
	struct err e = { 0 };

	if (t->generation == a->generation)
		return 0;
	t->revoked = t->cli_mint = false;
	/* A token without a jti was not made by us, or long ago; there is no
	 * way to revoke it. */
	if (t->claims.jti.n &&
	    store_token(a->store, t->claims.jti, &a->scratch, &row, &e) == 0) {
		t->revoked = row.revoked_ms != 0;
		t->cli_mint = str_is(row.created_via, "cli_mint");
	} else if (t->claims.jti.n && e.code != ERR_NOT_FOUND) {
		return -1;
	}
	t->generation = a->generation;
	return 0;
}

static bool is_issuer(const struct auth_ask *q, struct str iss)
{
	for (size_t i = 0; i < q->nissuers; i++)
		if (iss.n && str_eq(q->issuers[i], iss))
			return true;
	return q->any_issuer;
}

static bool has_host_scope(const struct claims *c)
{
	struct str rest = c->scope, one;

	while (scope_next(&rest, &one))
		if (str_starts(one, STR("parachute:host:")))
			return true;
	return false;
}

/* vault.<N> with vault:<N>:admin, and nothing of the host's. */
static bool is_vault_admin(const struct claims *c)
{
	struct str rest = c->scope, one, name, verb;

	if (!str_starts(c->aud, STR("vault.")) || has_host_scope(c))
		return false;
	while (scope_next(&rest, &one))
		if (scope_is_vault(one, &name, &verb) &&
		    str_is(verb, "admin") &&
		    str_eq(name, str_skip(c->aud, 6)))
			return true;
	return false;
}

static bool is_for_us(struct auth *a, const struct auth_ask *q,
		      const struct seen_token *t)
{
	const struct claims *c = &t->claims;

	if (q->any_audience || str_is(c->aud, "hub") ||
	    str_is(c->aud, "operator"))
		return true;
	if (q->vault_admin && is_vault_admin(c))
		return true;
	return t->cli_mint && c->aud.n && has_host_scope(c) &&
	       str_eq(c->aud, token_audience(c->scope, &a->scratch));
}

/* One whose signature and times are right; NULL, and why not. */
static struct seen_token *find(struct auth *a, const struct auth_ask *q,
			       enum auth_verdict *v)
{
	bool available = refresh(a, q->now_ms, q->mono_ms, false) == 0;
	struct seen_token *t = available ? seen_find(&a->seen, q->jwt) : NULL;

	if (!t)
		*v = verify(a, q, available, &t);
	else if (!keyset_find(&a->keys, t->kid, q->now_ms))
		*v = AUTH_KEY;
	else
		*v = check_time(&t->claims, t->nbf_s, q->now_ms);
	return *v == AUTH_OK ? t : NULL;
}

enum auth_verdict auth_check(struct auth *a, const struct auth_ask *q,
			     const struct claims **out)
{
	enum auth_verdict v = AUTH_OK;
	struct seen_token *t;

	*out = NULL;
	if (!q->jwt.n)
		return AUTH_ABSENT;
	if (q->jwt.n > TOKEN_MAX)
		return AUTH_MALFORMED;
	arena_reset(&a->scratch);
	t = find(a, q, &v);
	if (!t)
		return v;
	if (!is_issuer(q, t->claims.iss))
		return AUTH_ISSUER;
	if (look_up(a, t) < 0)
		return AUTH_UNAVAILABLE;
	if (t->revoked)
		return AUTH_REVOKED;
	if (!t->claims.sub.n)
		return AUTH_SUBJECT;
	if (!is_for_us(a, q, t))
		return AUTH_AUDIENCE;
	*out = &t->claims;
	return AUTH_OK;
}

void auth_forget(struct auth *a, struct str jti)
{
	seen_forget(&a->seen, jti);
}

struct str auth_jwks(struct auth *a, int64_t now_ms, int64_t mono_ms)
{
	/* Asked almost each time: a module that has just met a new kid does
	 * not come again soon. Those known before are better than none. */
	if (!a->asked || mono_ms - a->asked_ms >= AUTH_JWKS_MS)
		(void)refresh(a, now_ms, mono_ms, true);
	return keyset_jwks(&a->keys, now_ms);
}
