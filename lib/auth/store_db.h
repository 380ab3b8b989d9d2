/* SPDX-License-Identifier: MIT */
#ifndef AUTH_STORE_DB_H
#define AUTH_STORE_DB_H

/*
 * What the files of the store share; nobody else includes it.
 */

#include "auth/store.h"
#include "sys/db.h"
#include "wire/date.h"

struct store {
	struct db *db;
	uint32_t have;          /* a bit for each migration it has had */
};

/* An instant as hub.db has it. The buffer must outlive the query. */
static inline struct str store_iso(char out[DATE_ISO_SIZE], int64_t ms)
{
	date_iso(ms, out);
	return (struct str){ out, DATE_ISO_SIZE - 1 };
}

/* Back from a column; NULL, and nothing else, is 0. */
int64_t store_instant(struct db_query *, int column);

/*
 * Room for one row more behind n of them: the array, or a larger copy of it.
 * NULL when the arena is full.
 */
void *store_grow(struct arena *, void *rows, size_t n, size_t each);
/* -1 and err when the arena is full: rows are missing. */
int store_fits(const struct arena *, struct err *);

/* Migrations (store_schema.c) */

#define STORE_HAS(have, version) ((have) >> (version) & 1)

/* Which it has had, and whether that is all of ours. */
int  schema_read(struct db *, uint32_t *have, struct err *);
bool schema_complete(uint32_t have);
/* Those that it lacks, all or none. */
int  schema_migrate(struct db *, int64_t now_ms, struct err *);

#endif
