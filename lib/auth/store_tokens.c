/* SPDX-License-Identifier: MIT */
#include "auth/store.h"

#include "auth/store_db.h"
#include "base/fmt.h"

/* An access token that came with a refresh token lives so long; the row
 * stands for both and has the life of the other. */
#define ACCESS_MS (15 * 60 * 1000)

#define SQL_MAX 1024

#define COLUMNS "jti, user_id, client_id, scopes, subject, created_via," \
	" permissions, expires_at, revoked_at, created_at"

/* A schema before the register held more than refresh tokens. */
static const char *table(const struct store *s)
{
	if (STORE_HAS(s->have, 6))
		return "tokens";
	return "(SELECT jti, user_id, client_id, scopes, expires_at,"
		" revoked_at, created_at, NULL AS subject,"
		" NULL AS permissions, 'oauth_refresh' AS created_via"
		" FROM tokens)";
}

static struct store_token read_row(struct db_query *q, struct arena *arena)
{
	return (struct store_token){
		.jti = db_text(q, 0, arena),
		.user_id = db_text(q, 1, arena),
		.client_id = db_text(q, 2, arena),
		.scopes = db_text(q, 3, arena),
		.subject = db_text(q, 4, arena),
		.created_via = db_text(q, 5, arena),
		.permissions = db_text(q, 6, arena),
		.expires_ms = store_instant(q, 7),
		.revoked_ms = store_instant(q, 8),
		.created_ms = store_instant(q, 9),
		.created_at = db_text(q, 9, arena),
	};
}

static int no_such(struct str jti, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, STORE_FILE ": no token %.*s is "
		       "registered", jti.n > 64 ? 64 : (int)jti.n,
		       jti.p ? jti.p : "");
}

/* Writing */

static int insert(struct store *s, const struct store_token *t, struct err *e)
{
	char expires[DATE_ISO_SIZE], revoked[DATE_ISO_SIZE];
	char created[DATE_ISO_SIZE];
	struct db_query q;

	db_ask(&q, s->db, "INSERT INTO tokens (" COLUMNS ")"
	       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
	db_bind_text(&q, 1, t->jti);
	db_bind_opt(&q, 2, t->user_id);
	db_bind_text(&q, 3, t->client_id);
	db_bind_text(&q, 4, t->scopes);
	db_bind_opt(&q, 5, t->subject);
	db_bind_text(&q, 6, t->created_via);
	db_bind_opt(&q, 7, t->permissions);
	db_bind_text(&q, 8, store_iso(expires, t->expires_ms));
	db_bind_opt(&q, 9, t->revoked_ms ? store_iso(revoked, t->revoked_ms)
					 : STR_NULL);
	db_bind_text(&q, 10, store_iso(created, t->created_ms));
	return db_do(&q, e);
}

int store_token_add(struct store *s, const struct store_token *t,
		    struct err *e)
{
	if (db_begin(s->db, e) < 0)
		return -1;
	return db_finish(s->db, insert(s, t, e), e);
}

static int revoke(struct store *s, struct str jti, struct str now,
		  int64_t *at_ms, struct err *e)
{
	struct db_query q;
	int got;

	db_ask(&q, s->db, "UPDATE tokens SET revoked_at = ?2"
	       " WHERE jti = ?1 AND revoked_at IS NULL");
	db_bind_text(&q, 1, jti);
	db_bind_text(&q, 2, now);
	if (db_do(&q, e) < 0)
		return -1;
	db_ask(&q, s->db, "SELECT revoked_at FROM tokens WHERE jti = ?1");
	db_bind_text(&q, 1, jti);
	got = db_row(&q, e);
	if (got > 0)
		*at_ms = store_instant(&q, 0);
	else if (got == 0)
		got = no_such(jti, e);
	db_done(&q);
	return got < 0 ? -1 : 0;
}

int store_token_revoke(struct store *s, struct str jti, int64_t now_ms,
		       int64_t *at_ms, struct err *e)
{
	char now[DATE_ISO_SIZE];

	*at_ms = 0;
	if (db_begin(s->db, e) < 0)
		return -1;
	return db_finish(s->db, revoke(s, jti, store_iso(now, now_ms), at_ms,
				       e), e);
}

/* Reading */

int store_token(struct store *s, struct str jti, struct arena *arena,
		struct store_token *out, struct err *e)
{
	char sql[SQL_MAX];
	struct db_query q;
	int got;

	if (!STORE_HAS(s->have, 2))
		return no_such(jti, e);
	fmt(sql, sizeof sql, "SELECT " COLUMNS " FROM %s WHERE jti = ?1",
	    table(s));
	db_ask(&q, s->db, sql);
	db_bind_text(&q, 1, jti);
	got = db_row(&q, e);
	if (got > 0)
		*out = read_row(&q, arena);
	else if (got == 0)
		got = no_such(jti, e);
	db_done(&q);
	return got < 0 ? -1 : store_fits(arena, e);
}

/* Instants are text, which compares as they do; what is none has its place,
 * too. */
static void ask_tokens(struct db_query *q, struct store *s,
		       const struct store_filter *f)
{
	char sql[SQL_MAX];

	fmt(sql, sizeof sql, "SELECT " COLUMNS " FROM %s"
	    " WHERE (?1 < 0 OR (revoked_at IS NOT NULL) = ?1)"
	    " AND (?2 IS NULL OR subject = ?2)"
	    " AND (?3 IS NULL OR created_via = ?3)"
	    " AND (?4 IS NULL OR (created_at, jti) < (?4, ?5))"
	    " ORDER BY created_at DESC, jti DESC LIMIT ?6", table(s));
	db_ask(q, s->db, sql);
	db_bind_int(q, 1, f->revoked);
	db_bind_opt(q, 2, f->subject);
	db_bind_opt(q, 3, f->created_via);
	db_bind_opt(q, 4, f->after_created_at);
	db_bind_text(q, 5, f->after_jti);
	db_bind_int(q, 6, (int64_t)f->limit + 1);
}

int store_tokens(struct store *s, const struct store_filter *f,
		 struct arena *arena, struct store_token **out, size_t *n,
		 bool *more, struct err *e)
{
	struct db_query q;
	int got;

	*out = NULL;
	*n = 0;
	*more = false;
	if (!STORE_HAS(s->have, 2))
		return 0;
	ask_tokens(&q, s, f);
	while ((got = db_row(&q, e)) > 0) {
		*more = *n == f->limit;
		if (*more)
			break;
		*out = store_grow(arena, *out, *n, sizeof **out);
		if (!*out)
			break;
		(*out)[(*n)++] = read_row(&q, arena);
	}
	db_done(&q);
	return got < 0 ? -1 : store_fits(arena, e);
}

/* What has no form of an instant is no past one: where nobody can tell the end
 * of a row, its revocation counts. */
#define IS_PAST(column, at) "(" column " <= " at " AND " column \
	" GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T*')"

/* The plus keeps SQLite from walking all rows by the index of jti: those that
 * are revoked have an index of their own, and are few enough to be sorted. */
int store_revoked(struct store *s, int64_t now_ms, struct arena *arena,
		  struct str **jtis, size_t *n, struct err *e)
{
	char now[DATE_ISO_SIZE], access[DATE_ISO_SIZE], sql[SQL_MAX];
	struct db_query q;
	int got;

	*jtis = NULL;
	*n = 0;
	if (!STORE_HAS(s->have, 2))
		return 0;
	fmt(sql, sizeof sql, "SELECT jti FROM %s"
	    " WHERE revoked_at IS NOT NULL"
	    " AND NOT " IS_PAST("expires_at", "?1")
	    " AND NOT (created_via = 'oauth_refresh' AND "
	    IS_PAST("created_at", "?2") ")"
	    " ORDER BY +jti", table(s));
	db_ask(&q, s->db, sql);
	db_bind_text(&q, 1, store_iso(now, now_ms));
	db_bind_text(&q, 2, store_iso(access, now_ms - ACCESS_MS));
	while ((got = db_row(&q, e)) > 0) {
		*jtis = store_grow(arena, *jtis, *n, sizeof **jtis);
		if (!*jtis)
			break;
		(*jtis)[(*n)++] = db_text(&q, 0, arena);
	}
	db_done(&q);
	return got < 0 ? -1 : store_fits(arena, e);
}

/* What of the rows that live and were made before. */
struct live {
	char made[DATE_ISO_SIZE], now[DATE_ISO_SIZE], access[DATE_ISO_SIZE];
	struct db_query q;
};

static void ask_live(struct live *l, struct store *s, const char *what,
		     int64_t made_ms, int64_t now_ms)
{
	char sql[SQL_MAX];

	fmt(sql, sizeof sql, "SELECT %s FROM %s"
	    " WHERE revoked_at IS NULL AND created_at < ?1"
	    " AND expires_at > ?2"
	    " AND (created_via <> 'oauth_refresh' OR created_at > ?3)",
	    what, table(s));
	db_ask(&l->q, s->db, sql);
	db_bind_text(&l->q, 1, store_iso(l->made, made_ms));
	db_bind_text(&l->q, 2, store_iso(l->now, now_ms));
	db_bind_text(&l->q, 3, store_iso(l->access, now_ms - ACCESS_MS));
}

int store_live_before(struct store *s, int64_t made_ms, int64_t now_ms,
		      int64_t *n, struct err *e)
{
	struct live l;
	int got;

	*n = 0;
	if (!STORE_HAS(s->have, 2))
		return 0;
	ask_live(&l, s, "count(*)", made_ms, now_ms);
	got = db_row(&l.q, e);
	if (got > 0)
		*n = db_int(&l.q, 0);
	db_done(&l.q);
	return got > 0 ? 0 : -1;
}

int store_oldest_live(struct store *s, int64_t made_ms, int64_t now_ms,
		      int64_t *oldest_ms, struct err *e)
{
	struct live l;
	int got;

	*oldest_ms = INT64_MAX;
	if (!STORE_HAS(s->have, 2))
		return 0;
	ask_live(&l, s, "min(created_at)", made_ms, now_ms);
	got = db_row(&l.q, e);
	if (got > 0 && db_peek(&l.q, 0).p)
		*oldest_ms = store_instant(&l.q, 0);
	db_done(&l.q);
	return got > 0 ? 0 : -1;
}
