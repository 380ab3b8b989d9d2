/* SPDX-License-Identifier: MIT */
/* Making tokens and the keys for them; what a bearer may pass on. */
#include "auth/token_keys.h"

#include "base/b64.h"
#include "sys/os.h"

#include <string.h>

#define HOST_AUTH  "parachute:host:auth"
#define HOST_ADMIN "parachute:host:admin"

/* As much of it as an error text has room for. */
#define SHOWN(s) STR_ARG(str_take((s), 80))

int token_jti(char out[JTI_SIZE], struct err *e)
{
	char bytes[16];

	/* One that looks like an option is no good on a command line. */
	do {
		if (os_random(bytes, sizeof bytes) < 0)
			return err_sys(e, "a random identifier");
		b64u_write((struct str){ bytes, sizeof bytes }, out, JTI_SIZE);
	} while (out[0] == '-');
	return 0;
}

/* The claims, in the reference's order. */

static void put(struct jsonw *w, const char *name, struct str value)
{
	jsonw_key(w, name);
	jsonw_str(w, value);
}

static void put_claims(struct jsonw *w, const struct mint *m, struct str aud,
		       const char *jti, const struct json *permissions)
{
	jsonw_object(w);
	put(w, "scope", m->scope);
	put(w, "client_id", m->client_id);
	jsonw_key(w, "vault_scope");
	jsonw_array(w);
	for (size_t i = 0; i < m->nvault_scope; i++)
		jsonw_str(w, m->vault_scope[i]);
	jsonw_end(w);
	put(w, "sub", m->sub);
	put(w, "iss", m->iss);
	jsonw_key(w, "iat");
	jsonw_int(w, m->now_ms / 1000);
	jsonw_key(w, "exp");
	jsonw_int(w, m->now_ms / 1000 + m->ttl_s);
	put(w, "aud", aud);
	put(w, "jti", str_of(jti));
	if (m->scope_set.n)
		put(w, "pa_scope_set", m->scope_set);
	if (permissions) {
		jsonw_key(w, "permissions");
		jsonw_value(w, permissions);
	}
	jsonw_end(w);
}

static const struct json *object(struct str text, struct arena *a)
{
	const struct json *j = json_parse(text, a, NULL, NULL);

	return j && j->type == JSON_OBJECT ? j : NULL;
}

static struct str claims_text(const struct mint *m, const char *jti,
			      struct arena *a, struct err *e)
{
	const struct json *permissions = NULL;
	struct str text = STR_NULL;
	struct jsonw w;
	struct buf b;

	if (m->permissions.n && !(permissions = object(m->permissions, a))) {
		err_set(e, ERR_USAGE, "permissions: not a JSON object");
		return text;
	}
	buf_init(&b, JWT_MAX);
	jsonw_init(&w, &b, JSONW_COMPACT);
	put_claims(&w, m, m->aud.n ? m->aud : token_audience(m->scope, a),
		   jti, permissions);
	if (!buf_failed(&b))
		text = arena_str(a, buf_str(&b));
	else
		err_set(e, ERR_FULL, "a token of more than %d bytes", JWT_MAX);
	buf_release(&b);
	return text;
}

static const struct store_key *active(const struct store_key *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!rows[i].retired_ms && str_is(rows[i].algorithm, "RS256"))
			return &rows[i];
	return NULL;
}

static int sign_with(const struct store_key *key, struct str claims,
		     struct arena *a, struct str *jwt, struct err *e)
{
	char signature[RSA_BYTES_MAX];
	struct str text;
	size_t n;

	if (!key)
		return err_set(e, ERR_NOT_FOUND, "there is no signing key yet; "
			       "pc-front --prepare makes it");
	text = jwt_text(key->kid, claims, a);
	if (key_sign(key->private_pem, text, signature, &n, e) < 0)
		return err_wrap(e, "signing key %.*s", SHOWN(key->kid));
	*jwt = jwt_seal(text, (struct str){ signature, n }, a);
	if (!text.n || !jwt->n || arena_failed(a))
		return err_set(e, ERR_FULL, "a token of more than %d bytes",
			       JWT_MAX);
	return 0;
}

static int sign(struct store *db, struct str claims, struct arena *out,
		struct str *jwt, struct err *e)
{
	struct store_key *rows = NULL;
	struct arena a;
	size_t n = 0;
	int rc;

	arena_init(&a, KEY_ROWS_MAX);
	rc = store_keys(db, &a, &rows, &n, e);
	if (rc == 0) {
		rc = sign_with(active(rows, n), claims, out, jwt, e);
		keyset_wipe(rows, n);
	}
	arena_release(&a);
	return rc;
}

int token_mint(struct store *db, const struct mint *m, struct arena *a,
	       struct minted *out, struct err *e)
{
	char jti[JTI_SIZE];
	struct str claims;
	struct store_token row = {
		.user_id = m->user_id, .client_id = m->client_id,
		.scopes = m->scope, .created_via = m->created_via,
		.subject = m->subject.n ? m->subject : m->sub,
		.permissions = m->permissions, .created_ms = m->now_ms,
	};

	if (token_jti(jti, e) < 0)
		return -1;
	claims = claims_text(m, jti, a, e);
	if (!claims.n || sign(db, claims, a, &out->jwt, e) < 0)
		return -1;
	out->jti = arena_str(a, str_of(jti));
	out->exp_s = m->now_ms / 1000 + m->ttl_s;
	if (arena_failed(a))
		return err_set(e, ERR_NO_MEMORY, "no memory for a token");
	row.jti = out->jti;
	row.expires_ms = out->exp_s * 1000;
	return m->created_via.n ? store_token_add(db, &row, e) : 0;
}

/* What a bearer may give away */

enum grant { GRANT_NONE, GRANT_FREE, GRANT_PINNED };

static bool has_vault_admin(const struct claims *c, struct str vault)
{
	struct str rest = c->scope, one, name, verb;

	while (scope_next(&rest, &one))
		if (scope_is_vault(one, &name, &verb) &&
		    str_is(verb, "admin") && (!vault.n || str_eq(name, vault)))
			return true;
	return false;
}

/* Pinned: only for that vault, which vault_scope says. */
static enum grant granted(const struct claims *c, struct str scope,
			  struct str *vault)
{
	struct str verb;

	if (scope_is_requestable(scope) && claims_may(c, HOST_AUTH))
		return GRANT_FREE;
	if (!scope_is_vault(scope, vault, &verb))
		return GRANT_NONE;
	if (str_is(verb, "admin") && claims_may(c, HOST_ADMIN))
		return GRANT_PINNED;
	return has_vault_admin(c, *vault) ? GRANT_PINNED : GRANT_NONE;
}

static bool is_host_bearer(const struct claims *c)
{
	return claims_may(c, HOST_AUTH) || claims_may(c, HOST_ADMIN);
}

/* RFC 6749 3.3. Others take more for white space than we do: what they would
 * cut in two is not handed out. */
static bool is_scope_char(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\';
}

static int pin(struct mint *m, struct str vault, struct arena *a,
	       struct err *e)
{
	for (size_t i = 0; i < m->nvault_scope; i++)
		if (str_eq(m->vault_scope[i], vault))
			return 0;
	if (m->nvault_scope == LEN(m->vault_scope))
		return err_set(e, ERR_INVALID, "scope: more than %zu vaults",
			       LEN(m->vault_scope));
	m->vault_scope[m->nvault_scope++] = arena_str(a, vault);
	return 0;
}

static int check_scope(const struct claims *c, struct mint *m,
		       struct str scope, struct arena *a, struct err *e)
{
	struct str vault;

	if (str_span(scope, is_scope_char).n != scope.n)
		return err_set(e, ERR_INVALID, "scope: a character that no "
			       "scope has");
	if (scope_is_malformed_vault(scope))
		return err_set(e, ERR_INVALID, "scope %.*s: not vault:<name>:"
			       "<read|write|admin>", SHOWN(scope));
	switch (granted(c, scope, &vault)) {
	case GRANT_FREE:
		return 0;
	case GRANT_PINNED:
		return pin(m, vault, a, e);
	case GRANT_NONE:
		break;
	}
	return err_set(e, ERR_INVALID, "scope %.*s: not the bearer's to give",
		       SHOWN(scope));
}

static int check_scopes(const struct claims *c, struct mint *m,
			struct arena *a, struct err *e)
{
	struct str rest = m->scope, one, all = STR_NULL;
	struct buf b;
	int rc = 0;

	m->nvault_scope = 0;
	buf_init(&b, JWT_MAX);
	while (rc == 0 && scope_next(&rest, &one)) {
		rc = check_scope(c, m, one, a, e);
		if (buf_str(&b).n)
			buf_putc(&b, ' ');
		buf_put(&b, one);
	}
	if (rc == 0 && buf_failed(&b))
		rc = err_set(e, ERR_USAGE, "scope: too long");
	if (rc == 0)
		all = arena_str(a, buf_str(&b));
	buf_release(&b);
	if (rc == 0 && !all.n)
		rc = err_set(e, ERR_USAGE, "scope: at least one is needed");
	m->scope = all;
	return rc;
}

static struct str compact(const struct json *j, struct buf *b)
{
	struct jsonw w;

	buf_reset(b);
	jsonw_init(&w, b, JSONW_COMPACT);
	jsonw_value(&w, j);
	return buf_str(b);
}

static bool same(const struct json *a, const struct json *b)
{
	struct buf x, y;
	bool yes;

	buf_init(&x, JWT_MAX);
	buf_init(&y, JWT_MAX);
	yes = str_eq(compact(a, &x), compact(b, &y)) && !buf_failed(&x) &&
	      !buf_failed(&y);
	buf_release(&x);
	buf_release(&y);
	return yes;
}

static bool holds(const struct json *list, const struct json *item)
{
	JSON_EACH(one, list)
		if (same(one, item))
			return true;
	return false;
}

/* The same, or of a list some, but not none: an empty one may mean all. */
static bool is_narrower(const struct json *child, const struct json *parent)
{
	if (!child || same(child, parent))
		return child != NULL;
	if (child->type != JSON_ARRAY || parent->type != JSON_ARRAY ||
	    !child->count)
		return false;
	JSON_EACH(item, child)
		if (!holds(parent, item))
			return false;
	return true;
}

/* What restricts the bearer restricts what it gives away. */
static int check_permissions(const struct claims *c, struct mint *m,
			     struct arena *a, struct err *e)
{
	const struct json *parent = NULL, *child;

	child = m->permissions.n ? object(m->permissions, a) : NULL;
	if (m->permissions.n && !child)
		return err_set(e, ERR_USAGE, "permissions: not a JSON object");
	if (is_host_bearer(c) || !c->permissions.n)
		return 0;
	parent = object(c->permissions, a);
	if (!parent)
		return err_set(e, ERR_NO_MEMORY, "no memory for permissions");
	if (!child) {
		m->permissions = arena_str(a, c->permissions);
		return 0;
	}
	JSON_EACH(one, parent) {
		const struct json *mine = NULL;

		JSON_EACH(other, child)
			if (str_eq(other->key, one->key))
				mine = other;
		if (!is_narrower(mine, one))
			return err_set(e, ERR_USAGE, "permissions.%.*s: wider "
				       "than the bearer's own",
				       SHOWN(one->key));
	}
	return 0;
}

static int check_terms(const struct claims *c, struct mint *m,
		       struct arena *a, struct err *e)
{
	bool host = is_host_bearer(c);
	int64_t most = host ? MINT_TTL_MAX_S : MINT_TTL_S;
	struct str aud = token_audience(m->scope, a);

	if (m->sub.n && !host && !str_eq(m->sub, c->sub))
		return err_set(e, ERR_DENIED, "subject: only a bearer with "
			       HOST_AUTH " or " HOST_ADMIN
			       " mints for another");
	if (!m->sub.n)
		m->sub = arena_str(a, c->sub);
	if (m->aud.n && !host && !str_eq(m->aud, aud))
		return err_set(e, ERR_USAGE, "audience: of these scopes it "
			       "is %.*s", SHOWN(aud));
	if (!m->aud.n)
		m->aud = aud;
	if (!m->ttl_s)
		m->ttl_s = MINT_TTL_S;
	if (m->ttl_s < 1 || m->ttl_s > most)
		return err_set(e, ERR_USAGE, "expires_in: 1 to %ld seconds",
			       (long)most);
	return 0;
}

int token_may_mint(const struct claims *c, struct mint *m, struct arena *a,
		   struct err *e)
{
	if (!is_host_bearer(c) && !has_vault_admin(c, STR_NULL))
		return err_set(e, ERR_DENIED, "minting takes " HOST_AUTH ", "
			       HOST_ADMIN " or vault:<name>:admin");
	if (check_scopes(c, m, a, e) < 0 || check_terms(c, m, a, e) < 0 ||
	    check_permissions(c, m, a, e) < 0)
		return -1;
	if (arena_failed(a))
		return err_set(e, ERR_NO_MEMORY, "no memory for a token");
	return 0;
}

bool token_may_revoke(const struct claims *c, const struct store_token *row)
{
	struct str rest = row->scopes, one, vault;
	bool some = false;

	if (claims_may(c, HOST_AUTH))
		return true;
	while (scope_next(&rest, &one)) {
		if (granted(c, one, &vault) == GRANT_NONE)
			return false;
		some = true;
	}
	return some;
}
