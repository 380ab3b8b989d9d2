/* SPDX-License-Identifier: MIT */
#include "auth/store.h"

#include "auth/store_db.h"

/* Signing keys */

int store_keys(struct store *s, struct arena *arena, struct store_key **out,
	       size_t *n, struct err *e)
{
	struct db_query q;
	int got;

	*out = NULL;
	*n = 0;
	if (!STORE_HAS(s->have, 1))
		return 0;
	db_ask(&q, s->db, "SELECT kid, public_key_pem, private_key_pem,"
	       " algorithm, created_at, retired_at FROM signing_keys"
	       " ORDER BY created_at DESC, rowid DESC");
	while ((got = db_row(&q, e)) > 0) {
		struct store_key *k;

		*out = store_grow(arena, *out, *n, sizeof **out);
		if (!*out)
			break;
		k = &(*out)[*n];
		*k = (struct store_key){
			.kid = db_text(&q, 0, arena),
			.public_pem = db_text(&q, 1, arena),
			.private_pem = db_text(&q, 2, arena),
			.algorithm = db_text(&q, 3, arena),
			.created_ms = store_instant(&q, 4),
			.retired_ms = store_instant(&q, 5),
		};
		++*n;
	}
	db_done(&q);
	return got < 0 ? -1 : store_fits(arena, e);
}

/* 1 when there is one. */
static int any_active(struct store *s, struct err *e)
{
	struct db_query q;
	int got;

	db_ask(&q, s->db, "SELECT 1 FROM signing_keys"
	       " WHERE retired_at IS NULL LIMIT 1");
	got = db_row(&q, e);
	db_done(&q);
	return got;
}

static int retire_all(struct store *s, struct str now, struct err *e)
{
	struct db_query q;

	db_ask(&q, s->db, "UPDATE signing_keys SET retired_at = ?1"
	       " WHERE retired_at IS NULL");
	db_bind_text(&q, 1, now);
	return db_do(&q, e);
}

static int insert(struct store *s, const struct store_key *k, struct err *e)
{
	char created[DATE_ISO_SIZE], retired[DATE_ISO_SIZE];
	struct db_query q;

	db_ask(&q, s->db, "INSERT INTO signing_keys (kid, public_key_pem,"
	       " private_key_pem, algorithm, created_at, retired_at)"
	       " VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
	db_bind_text(&q, 1, k->kid);
	db_bind_text(&q, 2, k->public_pem);
	db_bind_text(&q, 3, k->private_pem);
	db_bind_text(&q, 4, k->algorithm);
	db_bind_text(&q, 5, store_iso(created, k->created_ms));
	db_bind_opt(&q, 6, k->retired_ms ? store_iso(retired, k->retired_ms)
					 : STR_NULL);
	return db_do(&q, e);
}

static int add(struct store *s, const struct store_key *k, bool first,
	       int64_t now_ms, bool *added, struct err *e)
{
	char now[DATE_ISO_SIZE];
	int active = first ? any_active(s, e) : 0;

	*added = false;
	if (active != 0)
		return active < 0 ? -1 : 0;
	if (retire_all(s, store_iso(now, now_ms), e) < 0 ||
	    insert(s, k, e) < 0)
		return -1;
	*added = true;
	return 0;
}

int store_add_key(struct store *s, const struct store_key *k, bool first,
		  int64_t now_ms, bool *added, struct err *e)
{
	*added = false;
	if (db_begin(s->db, e) < 0)
		return -1;
	if (db_finish(s->db, add(s, k, first, now_ms, added, e), e) < 0) {
		*added = false;
		return -1;
	}
	return 0;
}

/* Users */

/* What an older schema lacks is as a migration would make it. */
static const char *users_sql(uint32_t have)
{
	if (STORE_HAS(have, 11))
		return "SELECT id, username, created_at, password_hash <> '',"
			" password_changed, coalesce(totp_secret, '') <> ''"
			" FROM users ORDER BY created_at, rowid";
	if (STORE_HAS(have, 8))
		return "SELECT id, username, created_at, password_hash <> '',"
			" password_changed, 0"
			" FROM users ORDER BY created_at, rowid";
	return "SELECT id, username, created_at, password_hash <> '', 1, 0"
		" FROM users ORDER BY created_at, rowid";
}

int store_users(struct store *s, struct arena *arena, struct store_user **out,
		size_t *n, struct err *e)
{
	struct db_query q;
	int got;

	*out = NULL;
	*n = 0;
	if (!STORE_HAS(s->have, 2))
		return 0;
	db_ask(&q, s->db, users_sql(s->have));
	while ((got = db_row(&q, e)) > 0) {
		struct store_user *u;

		*out = store_grow(arena, *out, *n, sizeof **out);
		if (!*out)
			break;
		u = &(*out)[*n];
		*u = (struct store_user){
			.id = db_text(&q, 0, arena),
			.username = db_text(&q, 1, arena),
			.has_password = db_int(&q, 3),
			.password_changed = db_int(&q, 4),
			.has_totp = db_int(&q, 5),
			.created_ms = store_instant(&q, 2),
		};
		++*n;
	}
	db_done(&q);
	return got < 0 ? -1 : store_fits(arena, e);
}
