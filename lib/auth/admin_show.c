/* SPDX-License-Identifier: MIT */
/* How users, keys, tokens and origin of a home stand: pc-auth show. */
#include "auth/admin.h"

#include "auth/keys.h"
#include "base/fmt.h"
#include "sys/cli.h"
#include "sys/os.h"
#include "wire/date.h"

#include <stdarg.h>

/* Gathering */

/* A key is served when its kid is in what the hub serves. */
static bool is_served(const struct json *jwks, struct str kid)
{
	struct str one;

	JSON_EACH(key, json_get(jwks, "keys"))
		if (json_str(json_get(key, "kid"), &one) && str_eq(one, kid))
			return true;
	return false;
}

static int look_at_keys(struct admin *a, struct admin_state *s,
			struct err *e)
{
	struct str served = auth_jwks(a->auth, a->now_ms, os_now_ms());
	const struct json *jwks = json_parse(arena_str(&a->arena, served),
					     &a->arena, NULL, NULL);
	struct store_key *keys;

	if (store_keys(a->store, &a->arena, &keys, &s->nkeys, e) < 0)
		return -1;
	s->keys = arena_array(&a->arena, s->nkeys + 1, sizeof *s->keys);
	for (size_t i = 0; i < s->nkeys; i++) {
		key_wipe(keys[i].private_pem);
		if (s->keys)
			s->keys[i] = (struct admin_key){
				.kid = keys[i].kid,
				.algorithm = keys[i].algorithm,
				.created_ms = keys[i].created_ms,
				.retired_ms = keys[i].retired_ms,
				.served = is_served(jwks, keys[i].kid),
			};
	}
	return s->keys ? 0 : err_set(e, ERR_NO_MEMORY, "no memory");
}

struct counting {
	struct admin_state *state;
	int64_t now_ms;
};

static int count(void *ctx, const struct store_token *t, struct err *e)
{
	struct counting *c = ctx;

	(void)e;
	if (t->revoked_ms)
		c->state->revoked++;
	else if (t->expires_ms > c->now_ms)
		c->state->live++;
	else
		c->state->expired++;
	return 0;
}

int admin_look(struct admin *a, struct admin_state *s, struct err *e)
{
	static const struct admin_rows everything = { .all = true };
	struct counting c = { s, a->now_ms };

	*s = (struct admin_state){ .nkeys = 0 };
	if (a->store && (store_users(a->store, &a->arena, &s->users,
				     &s->nusers, e) < 0 ||
			 look_at_keys(a, s, e) < 0 ||
			 admin_each(a, &everything, count, &c, e) < 0))
		return -1;
	/* Last: its claims are valid until the next check. */
	return admin_operator(a, &s->operator, e);
}

/* JSON */

static void put_bool(struct jsonw *w, const char *key, bool yes)
{
	jsonw_key(w, key);
	jsonw_bool(w, yes);
}

static const char *source_name(enum origin_source source)
{
	static const char *const names[] = {
		[ORIGIN_NONE] = "none",         [ORIGIN_ENV] = "env",
		[ORIGIN_SETTINGS] = "settings", [ORIGIN_EXPOSE] = "expose",
	};

	return names[source];
}

static void write_origin(struct jsonw *w, const struct admin *a)
{
	jsonw_key(w, "origin");
	jsonw_object(w);
	jsonw_text(w, "stored", a->stored);
	jsonw_text(w, "issuer", a->issuer);
	jsonw_key(w, "source");
	jsonw_cstr(w, source_name(a->origins.source));
	jsonw_end(w);
}

static void write_operator(struct jsonw *w, const struct admin *a,
			   const struct admin_operator *o)
{
	const struct claims none = { .exp_s = 0 };
	const struct claims *c = o->claims ? o->claims : &none;
	char mode[8] = "";

	jsonw_key(w, "operator_token");
	if (!o->present) {
		jsonw_null(w);
		return;
	}
	fmt(mode, sizeof mode, "%04o", o->mode & 07777);
	jsonw_object(w);
	jsonw_key(w, "path");
	jsonw_cstr(w, a->token_path);
	jsonw_key(w, "mode");
	jsonw_cstr(w, mode);
	put_bool(w, "loose", o->mode & 077);
	put_bool(w, "valid", o->verdict == AUTH_OK);
	jsonw_key(w, "reason");
	jsonw_cstr(w, o->verdict == AUTH_OK ? NULL :
		   auth_verdict_text(o->verdict));
	jsonw_text(w, "subject", c->sub);
	jsonw_text(w, "scope_set", c->scope_set);
	jsonw_text(w, "scope", c->scope);
	jsonw_text(w, "issuer", c->iss);
	jsonw_text(w, "jti", c->jti);
	jsonw_time(w, "issued_at", c->iat_s * 1000);
	jsonw_time(w, "expires_at", c->exp_s * 1000);
	jsonw_end(w);
}

void admin_user_write(struct jsonw *w, const struct store_user *u)
{
	jsonw_object(w);
	jsonw_text(w, "id", u->id);
	jsonw_text(w, "username", u->username);
	put_bool(w, "password", u->has_password);
	put_bool(w, "password_changed", u->password_changed);
	put_bool(w, "second_factor", u->has_totp);
	jsonw_time(w, "created_at", u->created_ms);
	jsonw_end(w);
}

static void write_key(struct jsonw *w, const struct admin_key *k)
{
	jsonw_object(w);
	jsonw_text(w, "kid", k->kid);
	jsonw_text(w, "algorithm", k->algorithm);
	put_bool(w, "active", !k->retired_ms);
	put_bool(w, "served", k->served);
	jsonw_time(w, "created_at", k->created_ms);
	jsonw_time(w, "retired_at", k->retired_ms);
	jsonw_end(w);
}

static void write_counts(struct jsonw *w, const struct admin_state *s)
{
	const struct { const char *name; uint64_t n; } counts[] = {
		{ "live", s->live }, { "expired", s->expired },
		{ "revoked", s->revoked },
	};

	jsonw_key(w, "tokens");
	jsonw_object(w);
	for (size_t i = 0; i < LEN(counts); i++) {
		jsonw_key(w, counts[i].name);
		jsonw_int(w, (int64_t)counts[i].n);
	}
	jsonw_end(w);
}

void admin_write(struct jsonw *w, const struct admin *a,
		 const struct admin_state *s)
{
	jsonw_key(w, "home");
	jsonw_cstr(w, a->home.path);
	put_bool(w, "database", a->store != NULL);
	write_origin(w, a);
	write_operator(w, a, &s->operator);
	jsonw_key(w, "users");
	jsonw_array(w);
	for (size_t i = 0; i < s->nusers; i++)
		admin_user_write(w, &s->users[i]);
	jsonw_end(w);
	jsonw_key(w, "keys");
	jsonw_array(w);
	for (size_t i = 0; i < s->nkeys; i++)
		write_key(w, &s->keys[i]);
	jsonw_end(w);
	write_counts(w, s);
}

/* Text. Names and subjects are anybody's. */

__attribute__((format(printf, 3, 4)))
static void line(struct buf *out, const char *name, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	fmt_va(text, sizeof text, format, ap);
	va_end(ap);
	cli_clean(text);
	buf_printf(out, "%-9s %s\n", name, text);
}

static void print_operator(struct buf *out, const struct admin *a,
			   const struct admin_operator *o)
{
	const struct claims *c = o->claims;
	const char *name = "operator";
	char at[DATE_ISO_SIZE], span[DATE_SPAN_SIZE];

	if (!o->present) {
		line(out, name, "no %s; pc-auth rotate-operator makes it",
		     a->token_path);
		return;
	}
	if (c) {
		date_iso(c->exp_s * 1000, at);
		date_span(c->exp_s * 1000 - a->now_ms, span);
		line(out, name, "scope set %.*s, subject %.*s, issuer %.*s",
		     c->scope_set.n ? (int)c->scope_set.n : 4,
		     c->scope_set.n ? c->scope_set.p : "none",
		     STR_ARG(c->sub), STR_ARG(c->iss));
		line(out, "", "until %s (%s)", at, span);
		name = "";
	}
	if (o->verdict != AUTH_OK) {
		line(out, name, "! not good: %s",
		     auth_verdict_text(o->verdict));
		name = "";
	}
	if (o->mode & 077)
		line(out, name, "! its mode is %04o, so others may use it; "
		     "chmod 0600 %s", o->mode & 07777, a->token_path);
}

static void print_users(struct buf *out, const struct admin_state *s)
{
	char at[DATE_ISO_SIZE];

	if (!s->nusers)
		line(out, "users", "none");
	for (size_t i = 0; i < s->nusers; i++) {
		const struct store_user *u = &s->users[i];

		date_iso(u->created_ms, at);
		line(out, i ? "" : "users", "%.*s (%s, %s) since %s",
		     STR_ARG(u->username),
		     u->has_password ? "password" : "no password",
		     u->has_totp ? "second factor" : "no second factor", at);
	}
}

static void print_keys(struct buf *out, const struct admin_state *s)
{
	char made[DATE_ISO_SIZE], retired[DATE_ISO_SIZE];

	if (!s->nkeys)
		line(out, "keys", "none");
	for (size_t i = 0; i < s->nkeys; i++) {
		const struct admin_key *k = &s->keys[i];

		date_iso(k->created_ms, made);
		date_iso(k->retired_ms, retired);
		if (!k->retired_ms)
			line(out, i ? "" : "keys", "%.*s active since %s",
			     STR_ARG(k->kid), made);
		else
			line(out, i ? "" : "keys", "%.*s retired %s, %s",
			     STR_ARG(k->kid), retired, k->served ?
			     "still served" : "served no more");
	}
}

void admin_print(struct buf *out, const struct admin *a,
		 const struct admin_state *s)
{
	line(out, "home", "%s%s", a->home.path, a->store ? "" :
	     " (no " STORE_FILE " yet)");
	line(out, "origin", "%.*s (%s)", STR_ARG(a->issuer),
	     a->origins.source == ORIGIN_NONE ? "nothing else is configured" :
	     source_name(a->origins.source));
	print_operator(out, a, &s->operator);
	print_users(out, s);
	print_keys(out, s);
	line(out, "tokens", "%llu live, %llu expired, %llu revoked",
	     (unsigned long long)s->live, (unsigned long long)s->expired,
	     (unsigned long long)s->revoked);
}
