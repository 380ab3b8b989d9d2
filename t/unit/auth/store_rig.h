/* SPDX-License-Identifier: MIT */
#ifndef T_STORE_RIG_H
#define T_STORE_RIG_H

/*
 * A home of a test's own, its hub.db, and that file seen without the store.
 */

#include "auth/store.h"
#include "sys/db.h"
#include "unit/hub/scratch.h"

static struct home home;
static struct arena arena;

static inline void rig_start(void)
{
	home.fd = scratch();
	snprintf(home.path, sizeof home.path, "%s", scratch_path);
	arena_init(&arena, 64 << 20);
}

static inline int rig_end(void)
{
	arena_release(&arena);
	close(home.fd);
	return tap_done();
}

static inline void rig_clean(void)
{
	arena_reset(&arena);
	scratch_remove(home.fd, STORE_FILE);
	scratch_remove(home.fd, STORE_FILE "-wal");
	scratch_remove(home.fd, STORE_FILE "-shm");
}

/* Must work. */
static inline struct store *rig_open(enum store_mode mode, int busy_ms)
{
	struct err e = { 0 };
	struct store *s = store_open(&home, mode, busy_ms, &e);

	if (!s)
		scratch_bail(e.msg);
	return s;
}

static inline struct db *rig_raw(void)
{
	struct err e = { 0 };
	struct db *db = db_open(home.fd, home.path, STORE_FILE, DB_MAKE, 5000,
				&e);

	if (!db)
		scratch_bail(e.msg);
	return db;
}

static inline void rig_sql(const char *sql)
{
	struct db *db = rig_raw();
	struct err e = { 0 };

	if (db_run(db, sql, &e) < 0)
		scratch_bail(e.msg);
	db_close(db);
}

/* The first column of the first row, as text; valid until the arena is
 * reset. "-" for NULL. */
static inline struct str rig_ask(const char *sql)
{
	struct db *db = rig_raw();
	struct err e = { 0 };
	struct db_query q;
	struct str s = STR("-");

	db_ask(&q, db, sql);
	if (db_row(&q, &e) < 0)
		s = str_of(arena_cstr(&arena, str_of(e.msg)));
	else if (db_peek(&q, 0).p)
		s = db_text(&q, 0, &arena);
	db_done(&q);
	db_close(db);
	return s;
}

static inline bool rig_is(const char *sql, const char *want)
{
	return is_text(rig_ask(sql), want);
}

static inline bool rig_intact(void)
{
	return rig_is("PRAGMA integrity_check", "ok") &&
	       rig_is("SELECT count(*) FROM pragma_foreign_key_check", "0");
}

#endif
