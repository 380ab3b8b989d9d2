/* SPDX-License-Identifier: MIT */
#ifndef AUTH_TOKEN_SEEN_H
#define AUTH_TOKEN_SEEN_H

/*
 * Tokens whose signature was verified; private to auth/token. A token is
 * found by a hash of its end, 48 bytes of the signature, under a key that
 * nobody knows, and then compared whole: who sends guesses learns nothing
 * from how long the answer takes. A full table gives up what expired, or else
 * was used longest ago.
 */

#include "auth/jwt.h"
#include "auth/token.h"

struct seen_token {
	struct claims claims;
	int64_t nbf_s;                  /* 0: none */
	struct str jwt, kid;
	/* What the register said when the database had this generation. */
	unsigned generation;            /* 0: not asked */
	bool revoked, cli_mint;
	uint64_t used;
	struct arena text;
};

struct seen {
	uint64_t key[2], clock;
	uint64_t hash[AUTH_CACHED_MAX]; /* beside each other, to be scanned */
	struct seen_token token[AUTH_CACHED_MAX];       /* jwt.n 0: free */
};

int  seen_init(struct seen *, struct err *);    /* of zeroed memory */
void seen_clear(struct seen *);                 /* wipes */

struct seen_token *seen_find(struct seen *, struct str jwt);
/* Copies all of it; NULL: no memory. */
struct seen_token *seen_put(struct seen *, struct str jwt, struct str kid,
			    const struct claims *, int64_t nbf_s,
			    int64_t now_ms);
void seen_forget(struct seen *, struct str jti);

/* SipHash-2-4 */
uint64_t seen_hash(const uint64_t key[2], struct str);

#endif
