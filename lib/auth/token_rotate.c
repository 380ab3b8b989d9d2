/* SPDX-License-Identifier: MIT */
/* Signing keys come into being here, and only on request: it takes a fifth of
 * a second, or a whole one. */
#include "auth/token_keys.h"

static int add_key(struct store *db, bool first, int64_t now_ms,
		   struct arena *a, struct str *kid, bool *added,
		   struct err *e)
{
	struct key_pair pair;
	struct store_key row;
	int rc;

	if (key_make(&pair, a, e) < 0)
		return -1;
	row = (struct store_key){ .kid = str_of(pair.kid),
		.public_pem = pair.public_pem,
		.private_pem = pair.private_pem, .algorithm = STR("RS256"),
		.created_ms = now_ms };
	rc = store_add_key(db, &row, first, now_ms, added, e);
	key_wipe(pair.private_pem);
	if (rc == 0 && kid)
		*kid = arena_str(a, row.kid);
	return rc;
}

/* Whether there is an active key: asked first, so that none is made only to
 * find that it is not needed. */
static int has_key(struct store *db, bool *has, struct err *e)
{
	struct store_key *rows = NULL;
	struct arena a;
	size_t n = 0;
	int rc;

	arena_init(&a, KEY_ROWS_MAX);
	rc = store_keys(db, &a, &rows, &n, e);
	*has = false;
	for (size_t i = 0; rc == 0 && i < n; i++)
		*has = *has || !rows[i].retired_ms;
	if (rc == 0)
		keyset_wipe(rows, n);
	arena_release(&a);
	return rc;
}

int token_ensure_key(struct store *db, int64_t now_ms, bool *made,
		     struct err *e)
{
	struct arena a;
	bool has;
	int rc;

	*made = false;
	if (has_key(db, &has, e) < 0)
		return -1;
	if (has)
		return 0;
	arena_init(&a, 1 << 16);
	rc = add_key(db, true, now_ms, &a, NULL, made, e);
	arena_release(&a);
	return rc;
}

int token_rotate_key(struct store *db, int64_t now_ms, struct arena *a,
		     struct str *kid, int64_t *stranded, struct err *e)
{
	bool added;

	if (add_key(db, false, now_ms, a, kid, &added, e) < 0)
		return -1;
	return store_live_before(db, now_ms, now_ms, stranded, e);
}
