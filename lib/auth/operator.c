/* SPDX-License-Identifier: MIT */
/*
 * operator.token, with which a person on this host steers the hub. It is
 * replaced only by what it already was: a token that this hub signed, still
 * alive, for the operator, of a set of scopes that is known; so nothing that
 * is put in its place becomes more than it is.
 */
#include "auth/token.h"

#include "hub/origin.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define AUDIENCE "operator"
#define CLIENT   "parachute-hub"
#define ROOM_MAX (1 << 20)      /* users, a token, its file */

static const char *const texts[] = {
	[OPERATOR_ABSENT] = "absent",
	[OPERATOR_FRESH] = "fresh",
	[OPERATOR_MADE] = "minted",
	[OPERATOR_ROTATED] = "rotated",
	[OPERATOR_LOOPBACK] = "issuer-loopback",
	[OPERATOR_UNVERIFIABLE] = "unverifiable",
	[OPERATOR_NOT_OPERATOR] = "aud-mismatch",
	[OPERATOR_NO_SUBJECT] = "no-sub",
	[OPERATOR_NO_SET] = "no-scope-set",
};

const char *operator_outcome_text(enum operator_outcome o)
{
	return texts[o];
}

int operator_read(const struct home *h, struct arena *a, struct str *jwt,
		  unsigned *mode, struct err *e)
{
	struct err why = { 0 };
	struct str text;
	struct stat st;

	*jwt = STR_NULL;
	*mode = 0;
	/* Through a link, as the reference: people keep secrets elsewhere. */
	if (file_read_linked(h->fd, OPERATOR_FILE, TOKEN_MAX + 16, a, &text,
			     &why) < 0) {
		if (why.code == ERR_NOT_FOUND)
			return 0;
		err_wrap(&why, "%.100s", h->path);
		err_add(&why, "; \"pc-auth rotate-operator\" makes a new one");
		if (e)
			*e = why;
		return -1;
	}
	if (fstatat(h->fd, OPERATOR_FILE, &st, 0) == 0)
		*mode = st.st_mode & 07777;
	text = str_trim(text, " \t\r\n\v\f");
	if (text.n)
		*jwt = text;
	return 0;
}

static int first_user(struct store *db, struct arena *a, struct str *sub,
		      struct err *e)
{
	struct store_user *users;
	size_t n = 0;

	if (store_users(db, a, &users, &n, e) < 0)
		return -1;
	*sub = n ? users[0].id : STR(AUDIENCE);
	return 0;
}

static void report(struct operator_report *r, struct str set, struct str sub,
		   int64_t exp_s)
{
	if (!str_to_c(set, r->set, sizeof r->set))
		r->set[0] = '\0';
	if (!str_to_c(sub, r->sub, sizeof r->sub))
		r->sub[0] = '\0';
	r->exp_s = exp_s;
}

static int mint_file(const struct home *h, struct store *db, struct str iss,
		     struct str set, struct str sub, int64_t now_ms,
		     struct arena *a, struct operator_report *r,
		     struct err *e)
{
	struct mint m = {
		.scope = str_of(scope_set_scopes(set)), .scope_set = set,
		.sub = sub, .iss = iss, .aud = STR(AUDIENCE),
		.client_id = STR(CLIENT), .created_via = STR("operator_mint"),
		.subject = STR(AUDIENCE), .now_ms = now_ms,
		.ttl_s = OPERATOR_TTL_S,
	};
	struct minted made;
	char *line;

	if (!m.scope.n)
		return err_set(e, ERR_USAGE, "no scope set %.*s; there are "
			       "install, start, expose, auth, vault, admin",
			       STR_ARG(str_take(set, 60)));
	if (token_mint(db, &m, a, &made, e) < 0)
		return err_wrap(e, OPERATOR_FILE);
	line = arena_printf(a, "%.*s\n", STR_ARG(made.jwt));
	if (!line)
		return err_set(e, ERR_NO_MEMORY, "no memory for "
			       OPERATOR_FILE);
	if (file_replace(h->fd, OPERATOR_FILE, str_of(line), 0600, e) < 0)
		return err_wrap(e, "%.150s/" OPERATOR_FILE, h->path);
	report(r, set, sub, made.exp_s);
	return 0;
}

int operator_issue(const struct home *h, struct store *db, struct str iss,
		   struct str set, int64_t now_ms, struct operator_report *r,
		   struct err *e)
{
	struct str sub, text = STR_NULL;
	struct arena a;
	unsigned mode;
	int rc;

	*r = (struct operator_report){ .outcome = OPERATOR_MADE };
	arena_init(&a, ROOM_MAX);
	/* What cannot be read is replaced all the same. */
	if (operator_read(h, &a, &text, &mode, NULL) < 0 || text.n)
		r->outcome = OPERATOR_ROTATED;
	rc = first_user(db, &a, &sub, e);
	if (rc == 0)
		rc = mint_file(h, db, iss, set.n ? set : STR("admin"), sub,
			       now_ms, &a, r, e);
	arena_release(&a);
	return rc;
}

/* Why what is in the file may not be made anew; FRESH: it may. */
static enum operator_outcome guard(const struct claims *c)
{
	if (!str_is(c->aud, AUDIENCE))
		return OPERATOR_NOT_OPERATOR;
	if (!c->sub.n)
		return OPERATOR_NO_SUBJECT;
	if (!scope_set_scopes(c->scope_set))
		return OPERATOR_NO_SET;
	return OPERATOR_FRESH;
}

typedef bool due_fn(const struct claims *, struct str iss, int64_t now_ms);

/* A token for everywhere does not become one for this machine alone because
 * whoever renews it was not told where the hub is reached. */
static struct str next_issuer(const struct claims *c, struct str iss)
{
	return origin_is_public(c->iss) && !origin_is_public(iss) ? c->iss :
								    iss;
}

/* Reads, verifies, and replaces what is due. */
static int renew(const struct home *h, struct store *db, struct auth *auth,
		 struct str iss, due_fn *due, int64_t now_ms, struct arena *a,
		 struct operator_report *r, struct err *e)
{
	struct auth_ask q = { .now_ms = now_ms, .any_issuer = true,
			      .any_audience = true };
	const struct claims *c;
	unsigned mode;

	if (operator_read(h, a, &q.jwt, &mode, e) < 0)
		return -1;
	r->outcome = OPERATOR_ABSENT;
	if (!q.jwt.n)
		return 0;
	r->outcome = OPERATOR_UNVERIFIABLE;
	r->verdict = auth_check(auth, &q, &c);
	if (r->verdict == AUTH_SUBJECT)
		r->outcome = OPERATOR_NO_SUBJECT;
	if (r->verdict != AUTH_OK)
		return 0;
	report(r, c->scope_set, c->sub, c->exp_s);
	r->outcome = OPERATOR_FRESH;
	if (!due(c, iss, now_ms))
		return 0;
	r->outcome = guard(c);
	if (r->outcome != OPERATOR_FRESH)
		return 0;
	r->outcome = OPERATOR_ROTATED;
	return mint_file(h, db, next_issuer(c, iss), c->scope_set, c->sub,
			 now_ms, a, r, e);
}

static int with_auth(const struct home *h, struct store *db, struct str iss,
		     due_fn *due, int64_t now_ms, struct operator_report *r,
		     struct err *e)
{
	struct auth *auth = auth_new(db, e);
	struct arena a;
	int rc;

	*r = (struct operator_report){ .outcome = OPERATOR_ABSENT };
	if (!auth)
		return -1;
	arena_init(&a, ROOM_MAX);
	rc = renew(h, db, auth, iss, due, now_ms, &a, r, e);
	arena_release(&a);
	auth_free(auth);
	return rc;
}

static bool is_ending(const struct claims *c, struct str iss, int64_t now_ms)
{
	(void)iss;
	return c->exp_s - now_ms / 1000 <= OPERATOR_ROTATE_S;
}

int operator_keep(const struct home *h, struct store *db, struct str iss,
		  int64_t now_ms, struct operator_report *r, struct err *e)
{
	if (with_auth(h, db, iss, is_ending, now_ms, r, e) < 0)
		return -1;
	if (r->outcome == OPERATOR_ABSENT)
		return operator_issue(h, db, iss, STR_NULL, now_ms, r, e);
	return 0;
}

static bool is_always(const struct claims *c, struct str iss, int64_t now_ms)
{
	(void)c;
	(void)iss;
	(void)now_ms;
	return true;
}

int operator_renew(const struct home *h, struct store *db, struct str iss,
		   int64_t now_ms, struct operator_report *r, struct err *e)
{
	return with_auth(h, db, iss, is_always, now_ms, r, e);
}

static bool is_of_another(const struct claims *c, struct str iss,
			  int64_t now_ms)
{
	(void)now_ms;
	return !str_eq(c->iss, iss);
}

int operator_heal(const struct home *h, struct store *db, struct str iss,
		  int64_t now_ms, struct operator_report *r, struct err *e)
{
	struct str jwt;
	struct arena a;
	unsigned mode;
	int rc;

	if (origin_is_public(iss))
		return with_auth(h, db, iss, is_of_another, now_ms, r, e);
	/* Nothing is healed towards this machine alone. */
	*r = (struct operator_report){ .outcome = OPERATOR_ABSENT };
	arena_init(&a, TOKEN_MAX * 4);
	rc = operator_read(h, &a, &jwt, &mode, e);
	if (rc == 0 && jwt.n)
		r->outcome = OPERATOR_LOOPBACK;
	arena_release(&a);
	return rc;
}
