/* SPDX-License-Identifier: MIT */
#include "auth/token_keys.h"

#include "base/b64.h"

#include <string.h>

void keyset_init(struct keyset *s)
{
	s->n = 0;
	s->jwks_until_ms = 0;
	buf_init(&s->jwks, AUTH_KEYS_MAX * 1024);
}

void keyset_release(struct keyset *s)
{
	buf_release(&s->jwks);
}

void keyset_wipe(const struct store_key *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		key_wipe(rows[i].private_pem);
}

/* Until when it counts; now or before: not any more. oldest: when the first
 * token was made that is still good. */
static int64_t until(const struct store_key *row, int64_t oldest_ms)
{
	return !row->retired_ms || oldest_ms < row->retired_ms ? INT64_MAX :
	       row->retired_ms + RETIRED_MS;
}

/* The register is read as a whole for this: once, and only if it matters. */
static int find_oldest(const struct store_key *rows, size_t n,
		       struct store *db, int64_t now_ms, int64_t *out,
		       struct err *e)
{
	int64_t last_ms = 0;

	for (size_t i = 0; i < n; i++)
		if (rows[i].retired_ms > last_ms)
			last_ms = rows[i].retired_ms;
	*out = INT64_MAX;
	return last_ms ? store_oldest_live(db, last_ms, now_ms, out, e) : 0;
}

/* What is no key of the kind that we know is left alone. */
static bool usable(const struct store_key *row, struct keyset_key *k)
{
	return str_is(row->algorithm, "RS256") && row->kid.n &&
	       str_to_c(row->kid, k->kid, sizeof k->kid) &&
	       key_read(&k->key, row->public_pem, NULL) == 0;
}

static int collect(struct keyset_key *list, size_t *n,
		   const struct store_key *rows, size_t nrows,
		   struct store *db, int64_t now_ms, struct err *e)
{
	int64_t oldest_ms;

	*n = 0;
	if (find_oldest(rows, nrows, db, now_ms, &oldest_ms, e) < 0)
		return -1;
	for (size_t i = 0; i < nrows && *n < AUTH_KEYS_MAX; i++) {
		struct keyset_key *k = &list[*n];

		k->until_ms = until(&rows[i], oldest_ms);
		if (k->until_ms > now_ms && usable(&rows[i], k))
			++*n;
	}
	return 0;
}

static bool same(const struct keyset *s, const struct keyset_key *list,
		 size_t n)
{
	if (s->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(s->list[i].kid, list[i].kid) != 0 ||
		    memcmp(&s->list[i].key, &list[i].key,
			   sizeof list[i].key) != 0)
			return false;
	return true;
}

int keyset_load(struct keyset *s, struct store *db, int64_t now_ms,
		bool *other, struct err *e)
{
	struct keyset_key list[AUTH_KEYS_MAX] = { 0 };
	struct store_key *rows = NULL;
	struct arena a;
	size_t nrows = 0, n = 0;
	int rc;

	arena_init(&a, KEY_ROWS_MAX);
	rc = store_keys(db, &a, &rows, &nrows, e);
	if (rc == 0) {
		rc = collect(list, &n, rows, nrows, db, now_ms, e);
		keyset_wipe(rows, nrows);
	}
	arena_release(&a);
	if (rc < 0)
		return rc;
	*other = !same(s, list, n);
	memcpy(s->list, list, sizeof list);
	s->n = n;
	s->jwks_until_ms = 0;
	return 0;
}

const struct key_public *keyset_find(const struct keyset *s, struct str kid,
				     int64_t now_ms)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_is(kid, s->list[i].kid))
			return s->list[i].until_ms > now_ms ?
			       &s->list[i].key : NULL;
	return NULL;
}

static void put_number(struct jsonw *w, const char *name,
		       const unsigned char *p, size_t n)
{
	char text[B64U_SIZE(RSA_BYTES_MAX)];

	b64u_write((struct str){ (const char *)p, n }, text, sizeof text);
	jsonw_key(w, name);
	jsonw_cstr(w, text);
}

static void put_key(struct jsonw *w, const struct keyset_key *k)
{
	jsonw_object(w);
	jsonw_key(w, "kty");
	jsonw_cstr(w, "RSA");
	put_number(w, "n", k->key.n, k->key.n_len);
	put_number(w, "e", k->key.e, k->key.e_len);
	jsonw_key(w, "kid");
	jsonw_cstr(w, k->kid);
	jsonw_key(w, "alg");
	jsonw_cstr(w, "RS256");
	jsonw_key(w, "use");
	jsonw_cstr(w, "sig");
	jsonw_end(w);
}

struct str keyset_jwks(struct keyset *s, int64_t now_ms)
{
	struct jsonw w;

	if (s->jwks_until_ms > now_ms)
		return buf_str(&s->jwks);
	s->jwks_until_ms = INT64_MAX;
	buf_reset(&s->jwks);
	jsonw_init(&w, &s->jwks, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "keys");
	jsonw_array(&w);
	for (size_t i = 0; i < s->n; i++) {
		if (s->list[i].until_ms <= now_ms)
			continue;
		put_key(&w, &s->list[i]);
		if (s->list[i].until_ms < s->jwks_until_ms)
			s->jwks_until_ms = s->list[i].until_ms;
	}
	jsonw_end(&w);
	jsonw_end(&w);
	if (!buf_failed(&s->jwks))
		return buf_str(&s->jwks);
	s->jwks_until_ms = 0;
	return STR("{\"keys\":[]}");
}
