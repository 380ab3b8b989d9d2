/* SPDX-License-Identifier: MIT */
#ifndef AUTH_TOKEN_KEYS_H
#define AUTH_TOKEN_KEYS_H

/*
 * The public keys that still count (auth.md 2.1); private to auth/token. A
 * retired one counts for a day, so that what others remember of us stays
 * right, and as long as a registered token that it may have signed lives.
 */

#include "auth/jwt.h"
#include "auth/keys.h"
#include "auth/token.h"

#include "base/buf.h"

#define RETIRED_MS (24 * 3600 * 1000)

struct keyset_key {
	char kid[JWT_KID_MAX + 1];
	struct key_public key;
	int64_t until_ms;               /* INT64_MAX: as far as we know */
};

struct keyset {
	size_t n;
	struct keyset_key list[AUTH_KEYS_MAX];  /* newest first */
	struct buf jwks;
	int64_t jwks_until_ms;          /* 0: to be written anew */
};

void keyset_init(struct keyset *);
void keyset_release(struct keyset *);

/* Reads them again; *other: what is there is not what was there. On failure
 * the old ones stay. */
int keyset_load(struct keyset *, struct store *, int64_t now_ms, bool *other,
		struct err *);

const struct key_public *keyset_find(const struct keyset *, struct str kid,
				     int64_t now_ms);
struct str keyset_jwks(struct keyset *, int64_t now_ms);

/* All rows of the database; wipes what it read of the private keys. */
void keyset_wipe(const struct store_key *, size_t n);
#define KEY_ROWS_MAX (4 << 20)  /* bytes: a thousand rotations */

#endif
