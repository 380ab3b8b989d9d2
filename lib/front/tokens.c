/* SPDX-License-Identifier: MIT */
/*
 * Tokens over HTTP (auth.md 6.3). A request is read once; what it takes to do
 * it is kept in its arena, for the write may have to wait. No token is ever
 * logged, nor any part of a body.
 */
#include "front/tokens.h"

#include "base/b64.h"
#include "front/listing.h"
#include "front/published.h"
#include "hub/field.h"
#include "sys/os.h"
#include "wire/url.h"

#define CLIENT_ID   "parachute-hub"
#define CREATED_VIA "cli_mint"  /* the reference's word for this API, too */
#define CURSOR_MAX  2048

static int bad(struct refusal *no, const char *member, const char *rule)
{
	return refusal_set(no, 400, "invalid_request", "%s must be %s", member,
			   rule);
}

static int bad_scope(struct refusal *no, struct str scope, const char *why)
{
	return refusal_set(no, 400, "invalid_scope", "scope %.*s %s",
			   STR_ARG(str_take(scope, 80)), why);
}

static int no_memory(struct refusal *no)
{
	return refusal_set(no, 503, "out_of_memory", "no memory");
}

/* Scopes */

/* What is no question of form or of the bearer. */
static int check_scope(struct str scope, const struct registry *r,
		       struct refusal *no)
{
	struct str name, verb;

	if (str_is(scope, "vault:admin"))
		return bad_scope(no, scope, "means every vault; name one: "
				 "vault:<name>:admin");
	if (scope_is_vault(scope, &name, &verb) && str_is(verb, "admin") &&
	    !listing_has_vault(r, name))
		return bad_scope(no, scope, "names no vault of this hub");
	return 0;
}

static int take_scopes(struct mint *m, const struct json *body,
		       const struct registry *r, struct arena *a,
		       struct refusal *no)
{
	struct str text, one, rest;

	if (!json_str(json_get(body, "scope"), &text))
		return bad(no, "scope", "a string: one or more scopes with "
			   "spaces between them");
	rest = text;
	if (!scope_next(&rest, &one))
		return bad(no, "scope", "not empty");
	do {
		if (check_scope(one, r, no) < 0)
			return -1;
	} while (scope_next(&rest, &one));
	m->scope = arena_str(a, text);
	return 0;
}

/* The other members. What is absent leaves *out as it is. */

static int take_text(const struct json *body, const char *member,
		     struct arena *a, struct str *out, struct refusal *no)
{
	const struct json *v = json_get(body, member);
	struct str s;

	if (!v)
		return 0;
	if (!json_str(v, &s) || !s.n || s.n > TOKENS_TEXT_MAX ||
	    field_has_control(s))
		return bad(no, member, "a string of 1 to 256 bytes without "
			   "control characters");
	*out = arena_str(a, s);
	return 0;
}

static int take_ttl(struct mint *m, const struct json *body,
		    struct refusal *no)
{
	const struct json *v = json_get(body, "expires_in");

	if (v && !json_int(v, 1, MINT_TTL_MAX_S, &m->ttl_s))
		return bad(no, "expires_in", "an integer from 1 to 31536000 "
			   "(seconds)");
	return 0;
}

static int take_permissions(struct mint *m, const struct json *body,
			    struct arena *a, struct refusal *no)
{
	const struct json *v = json_get(body, "permissions");
	struct jsonw w;
	struct buf b;

	if (!v)
		return 0;
	if (v->type != JSON_OBJECT)
		return bad(no, "permissions", "an object");
	buf_init(&b, AUTH_BODY_MAX);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_value(&w, v);
	if (!buf_failed(&b))
		m->permissions = arena_str(a, buf_str(&b));
	buf_release(&b);
	return m->permissions.p ? 0 : no_memory(no);
}

int tokens_read_mint(struct mint *m, const struct json *body,
		     const struct registry *r, struct arena *a,
		     struct refusal *no)
{
	*m = (struct mint){
		.client_id = STR(CLIENT_ID),
		.created_via = STR(CREATED_VIA),
	};
	if (take_text(body, "audience", a, &m->aud, no) < 0 ||
	    take_text(body, "subject", a, &m->sub, no) < 0 ||
	    take_ttl(m, body, no) < 0 ||
	    take_permissions(m, body, a, no) < 0 ||
	    take_scopes(m, body, r, a, no) < 0)
		return -1;
	if (arena_failed(a))
		return no_memory(no);
	/* Names of vaults stand in the token once more. */
	if (2 * m->scope.n + m->sub.n + m->aud.n + m->permissions.n >
	    TOKENS_CLAIMS_MAX)
		return refusal_set(no, 400, "invalid_request", "scope, "
				   "subject, audience and permissions are too "
				   "long for a token");
	return 0;
}

/* Minting */

/* Who may mint nothing is refused before the body is looked at. */
static bool may_nothing(const struct front_ask *a)
{
	struct mint none = { .ttl_s = 0 };
	struct err e = { 0 };

	if (token_may_mint(a->claims, &none, a->req->arena, &e) == 0 ||
	    e.code != ERR_DENIED)
		return false;
	ask_refuse(a, 403, "insufficient_scope", "the token needs one of "
		   "parachute:host:auth, parachute:host:admin and "
		   "vault:<name>:admin");
	return true;
}

static void put_json(struct jsonw *w, struct str text, struct arena *a)
{
	const struct json *j = text.n ? json_parse(text, a, NULL, NULL) : NULL;

	if (j && j->type == JSON_OBJECT)
		jsonw_value(w, j);
	else
		jsonw_null(w);
}

static int mint(struct front *f, struct httpd_conn *c, struct arena *arena,
		void *ctx, struct err *e)
{
	const struct front_ask a = { .front = f, .conn = c };
	struct mint *m = ctx;
	struct minted got;
	struct jsonw w;
	struct buf b;

	m->now_ms = os_unix_ms();
	if (token_mint(f->store, m, arena, &got, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return body_fail(&a, e);
		ask_refuse(&a, 503, "service_unavailable", "%s", e->msg);
		return 0;
	}
	buf_init(&b, 4 * TOKEN_MAX);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "jti");
	jsonw_str(&w, got.jti);
	jsonw_key(&w, "token");
	jsonw_str(&w, got.jwt);
	jsonw_time(&w, "expires_at", got.exp_s * 1000);
	jsonw_key(&w, "scope");
	jsonw_str(&w, m->scope);
	if (m->permissions.n) {
		jsonw_key(&w, "permissions");
		put_json(&w, m->permissions, arena);
	}
	jsonw_end(&w);
	ask_reply(&a, 200, &b);
	return 0;
}

static void refuse_mint(const struct front_ask *a, const struct err *e)
{
	if (e->code == ERR_DENIED)
		ask_refuse(a, 403, "insufficient_scope", "%s", e->msg);
	else if (e->code == ERR_INVALID)
		ask_refuse(a, 400, "invalid_scope", "%s", e->msg);
	else
		ask_fail(a, e);
}

void post_mint(struct front_ask *a)
{
	struct arena *arena = a->req->arena;
	struct mint *m = arena_alloc(arena, sizeof *m);
	const struct json *body;
	struct err e = { 0 };
	struct refusal no;

	if (!m) {
		ask_refuse(a, 503, "out_of_memory", "no memory");
		return;
	}
	if (ask_no_store(a) || may_nothing(a))
		return;
	body = body_of(a);
	if (!body)
		return;
	registry_load(&a->front->registry, a->front->home.fd, NULL);
	if (tokens_read_mint(m, body, &a->front->registry, arena, &no) < 0) {
		ask_refuse(a, no.status, no.code, "%s", no.text);
		return;
	}
	if (token_may_mint(a->claims, m, arena, &e) < 0) {
		refuse_mint(a, &e);
		return;
	}
	m->iss = arena_str(arena, a->issuer);
	ask_write(a, mint, m);
}

/* Revoking */

struct revocation {
	struct claims bearer;           /* copied: the checker's are gone */
	struct str jti;
};

static int revoke(struct front *f, struct httpd_conn *c, struct arena *arena,
		  void *ctx, struct err *e)
{
	const struct front_ask a = { .front = f, .conn = c };
	const struct revocation *r = ctx;
	struct store_token row;
	int64_t at_ms;
	struct jsonw w;
	struct buf b;

	if (store_token(f->store, r->jti, arena, &row, e) < 0) {
		if (e->code != ERR_NOT_FOUND)
			return body_fail(&a, e);
		ask_refuse(&a, 404, "not_found", "no token of that jti is "
			   "registered");
		return 0;
	}
	if (!token_may_revoke(&r->bearer, &row)) {
		ask_refuse(&a, 403, "insufficient_scope", "the token must be "
			   "able to mint what it revokes");
		return 0;
	}
	if (store_token_revoke(f->store, r->jti, os_unix_ms(), &at_ms, e) < 0)
		return body_fail(&a, e);
	auth_forget(f->auth, r->jti);
	published_revoke(f);
	buf_init(&b, 8192);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "jti");
	jsonw_str(&w, r->jti);
	jsonw_time(&w, "revoked_at", at_ms);
	jsonw_end(&w);
	ask_reply(&a, 200, &b);
	return 0;
}

static struct claims copy(const struct claims *c, struct arena *a)
{
	return (struct claims){
		.scope = arena_str(a, c->scope),
		.sub = arena_str(a, c->sub),
		.iss = arena_str(a, c->iss),
		.aud = arena_str(a, c->aud),
		.jti = arena_str(a, c->jti),
		.client_id = arena_str(a, c->client_id),
		.scope_set = arena_str(a, c->scope_set),
		.vault_scope = arena_str(a, c->vault_scope),
		.permissions = arena_str(a, c->permissions),
		.iat_s = c->iat_s,
		.exp_s = c->exp_s,
	};
}

void post_revoke(struct front_ask *a)
{
	struct arena *arena = a->req->arena;
	struct revocation *r = arena_alloc(arena, sizeof *r);
	const struct json *body;
	struct refusal no;

	if (ask_no_store(a) || may_nothing(a))
		return;
	body = body_of(a);
	if (!body)
		return;
	if (!json_get(body, "jti")) {
		ask_refuse(a, 400, "invalid_request", "the body must have jti, "
			   "the identifier of the token");
		return;
	}
	if (r && take_text(body, "jti", arena, &r->jti, &no) < 0) {
		ask_refuse(a, no.status, no.code, "%s", no.text);
		return;
	}
	if (r)
		r->bearer = copy(a->claims, arena);
	if (arena_failed(arena))
		ask_refuse(a, 503, "out_of_memory", "no memory");
	else
		ask_write(a, revoke, r);
}

/* The register */

static bool decode(struct str text, char *out, size_t size, size_t *n)
{
	return b64u_read(text, out, size, n) || b64_read(text, out, size, n);
}

bool tokens_read_cursor(struct str cursor, struct arena *a,
			struct store_filter *f)
{
	struct str date, jti;
	const struct json *j;
	char *text = arena_alloc(a, CURSOR_MAX);
	size_t n;

	if (!text || !decode(cursor, text, CURSOR_MAX, &n))
		return false;
	j = json_parse((struct str){ text, n }, a, NULL, NULL);
	if (!json_str(json_get(j, "created_at"), &date) ||
	    !json_str(json_get(j, "jti"), &jti))
		return false;
	f->after_created_at = date;
	f->after_jti = jti;
	return true;
}

struct str tokens_cursor(const struct store_token *t, struct arena *a)
{
	struct str text = STR_NULL;
	struct jsonw w;
	struct buf b;
	char *out;

	buf_init(&b, CURSOR_MAX);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "created_at");
	jsonw_str(&w, t->created_at);
	jsonw_key(&w, "jti");
	jsonw_str(&w, t->jti);
	jsonw_end(&w);
	out = arena_alloc(a, B64U_SIZE(buf_str(&b).n));
	if (out && !buf_failed(&b))
		text = (struct str){ out, b64u_write(buf_str(&b), out,
						B64U_SIZE(buf_str(&b).n)) };
	buf_release(&b);
	return text;
}

static int read_filter(const struct front_ask *a, struct store_filter *f,
		       struct refusal *no)
{
	struct str q = a->req->query, word;
	struct arena *arena = a->req->arena;

	*f = (struct store_filter){ .revoked = -1, .limit = TOKENS_PAGE };
	if (!url_decode(q, true, arena, &word))
		return refusal_set(no, 400, "invalid_request", "a percent "
				   "escape in the query is malformed");
	if (url_param(q, "revoked", arena, &word)) {
		if (str_is(word, "true") || str_is(word, "false"))
			f->revoked = str_is(word, "true");
		else if (!str_is(word, "all"))
			return bad(no, "revoked", "true, false or all");
	}
	if (url_param(q, "subject", arena, &word) && word.n)
		f->subject = word;
	if (url_param(q, "created_via", arena, &word) && word.n)
		f->created_via = word;
	/* A cursor that is none begins at the beginning, as it always did. */
	if (url_param(q, "cursor", arena, &word))
		tokens_read_cursor(word, arena, f);
	return 0;
}

void get_tokens(struct front_ask *a)
{
	struct store_token *rows;
	struct store_filter f;
	struct refusal no;
	struct err e = { 0 };
	struct jsonw w;
	struct buf b;
	bool more;
	size_t n;

	if (ask_no_store(a))
		return;
	if (read_filter(a, &f, &no) < 0) {
		ask_refuse(a, no.status, no.code, "%s", no.text);
		return;
	}
	if (store_tokens(a->front->store, &f, a->req->arena, &rows, &n, &more,
			 &e) < 0) {
		ask_fail_store(a, &e);
		return;
	}
	buf_init(&b, HTTPD_OUT_MAX);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "tokens");
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++)
		token_row_write(&w, &rows[i]);
	jsonw_end(&w);
	jsonw_text(&w, "next_cursor", more && n ?
		 tokens_cursor(&rows[n - 1], a->req->arena) : STR_NULL);
	jsonw_end(&w);
	ask_reply(a, 200, &b);
}
