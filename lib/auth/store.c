/* SPDX-License-Identifier: MIT */
#include "auth/store.h"

#include "auth/store_db.h"
#include "sys/os.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_FIRST 16

/* What the parts share */

int64_t store_instant(struct db_query *q, int column)
{
	struct str text = db_peek(q, column);
	int64_t ns;

	if (!text.p)
		return 0;
	return date_parse(text, &ns) && ns / 1000000 ? ns / 1000000 :
						       STORE_LONG_AGO;
}

/* Full at ROWS_FIRST rows, and at every power of two from there on. */
void *store_grow(struct arena *a, void *rows, size_t n, size_t each)
{
	size_t room = n < ROWS_FIRST ? ROWS_FIRST : 2 * n;
	void *more;

	if (n < ROWS_FIRST ? n > 0 : n & (n - 1))
		return rows;
	more = arena_array(a, room, each);
	if (more && n)
		memcpy(more, rows, n * each);
	return more;
}

int store_fits(const struct arena *a, struct err *e)
{
	if (!arena_failed(a))
		return 0;
	return err_set(e, ERR_NO_MEMORY, STORE_FILE ": more rows than there is "
		       "memory for");
}

/* Opening */

static int check(struct store *s, enum store_mode mode, struct err *e)
{
	if (schema_read(s->db, &s->have, e) < 0)
		return -1;
	if (mode == STORE_READ || schema_complete(s->have))
		return 0;
	if (mode == STORE_WRITE)
		return err_set(e, ERR_INVALID, STORE_FILE ": was written by an "
			       "older hub; run pc-front --prepare, which "
			       "brings it up to date");
	if (schema_migrate(s->db, os_unix_ms(), e) < 0)
		return -1;
	return schema_read(s->db, &s->have, e);
}

struct store *store_open(const struct home *home, enum store_mode mode,
			 int busy_ms, struct err *e)
{
	static const enum db_mode modes[] = {
		[STORE_READ] = DB_READ,
		[STORE_WRITE] = DB_WRITE,
		[STORE_MAKE] = DB_MAKE,
	};
	struct err local = { 0 };
	struct store *s = calloc(1, sizeof *s);

	if (!s) {
		err_set(e, ERR_NO_MEMORY, STORE_FILE ": no memory");
		return NULL;
	}
	s->db = db_open(home->fd, home->path, STORE_FILE, modes[mode], busy_ms,
			&local);
	if (!s->db && local.code == ERR_NOT_FOUND)
		err_add(&local, "; pc-front --prepare makes one");
	if (!s->db || check(s, mode, &local) < 0) {
		store_close(s);
		if (e)
			*e = local;
		return NULL;
	}
	return s;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_close(s->db);
	free(s);
}

void store_wait(struct store *s, int busy_ms)
{
	db_wait(s->db, busy_ms);
}

int store_version(struct store *s, int64_t *out, struct err *e)
{
	return db_version(s->db, out, e);
}

enum store_place store_place(const struct store *s)
{
	switch (db_place(s->db)) {
	case DB_GONE:
		return STORE_GONE;
	case DB_REPLACED:
		return STORE_REPLACED;
	case DB_PARTED:
		return STORE_PARTED;
	default:
		return STORE_THERE;
	}
}

unsigned store_bits(const struct store *s)
{
	return db_bits(s->db);
}

const char *store_health(struct store *s)
{
	static const char *const elsewhere[] = {
		[STORE_GONE] = "error: path-gone",
		[STORE_REPLACED] = "error: path-replaced",
		[STORE_PARTED] = "error: path-replaced",
	};
	enum store_place place = store_place(s);
	struct err e = { 0 };
	uint32_t have;

	if (place != STORE_THERE)
		return elsewhere[place];
	if (schema_read(s->db, &have, &e) == 0)
		return "ok";
	return e.code == ERR_BUSY ? "error: transient" : "error: fatal";
}

/* Settings */

int store_setting(struct store *s, const char *key, struct arena *arena,
		  struct str *out, struct err *e)
{
	struct db_query q;
	int got;

	*out = STR_NULL;
	if (!STORE_HAS(s->have, 7))
		return 0;
	db_ask(&q, s->db, "SELECT value FROM hub_settings WHERE key = ?1");
	db_bind_text(&q, 1, str_of(key));
	got = db_row(&q, e);
	if (got > 0)
		*out = db_text(&q, 0, arena);
	db_done(&q);
	return got < 0 ? -1 : store_fits(arena, e);
}

static int set(struct store *s, const char *key, struct str value,
	       int64_t now_ms, struct err *e)
{
	char now[DATE_ISO_SIZE];
	struct db_query q;

	if (!value.p) {
		db_ask(&q, s->db, "DELETE FROM hub_settings WHERE key = ?1");
		db_bind_text(&q, 1, str_of(key));
		return db_do(&q, e);
	}
	db_ask(&q, s->db, "INSERT INTO hub_settings (key, value, updated_at)"
	       " VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET"
	       " value = excluded.value, updated_at = excluded.updated_at");
	db_bind_text(&q, 1, str_of(key));
	db_bind_text(&q, 2, value);
	db_bind_text(&q, 3, store_iso(now, now_ms));
	return db_do(&q, e);
}

int store_set(struct store *s, const char *key, struct str value,
	      int64_t now_ms, struct err *e)
{
	if (db_begin(s->db, e) < 0)
		return -1;
	return db_finish(s->db, set(s, key, value, now_ms, e), e);
}
