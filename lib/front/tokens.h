/* SPDX-License-Identifier: MIT */
#ifndef FRONT_TOKENS_H
#define FRONT_TOKENS_H

#include "front/body.h"

#define TOKENS_TTL_S      (90 * 86400)  /* when none is asked for, and the
					 * longest for who is no host bearer */
#define TOKENS_TTL_MAX_S  (365 * 86400)
#define TOKENS_TEXT_MAX   256           /* of a subject, an audience, a jti */
#define TOKENS_CLAIMS_MAX 4800          /* what was asked for, in the token:
					 * with the rest under TOKEN_MAX */
#define TOKENS_PAGE       50

/*
 * What POST /api/auth/mint-token asks for, as far as its form and the vaults
 * that there are decide; whether the bearer may give it away is
 * token_may_mint()'s. A bearer of no host scope mints in its own name, for
 * the audience that follows from the scopes, with its own permissions if it
 * has any, for TOKENS_TTL_S at most. Texts live in the arena.
 */
int tokens_read_mint(struct mint *, const struct json *body,
		     const struct claims *, const struct registry *,
		     struct arena *, struct refusal *);

/*
 * Where a page begins: after the row that the cursor names. It is opaque:
 * base64url of {"created_at","jti"}; standard base64 is read as well. False
 * for any other text.
 */
bool tokens_read_cursor(struct str cursor, struct arena *,
			struct store_filter *);
/* STR_NULL for lack of memory. */
struct str tokens_cursor(const struct store_token *, struct arena *);

/* One row of GET /api/auth/tokens. */
void tokens_write(struct jsonw *, const struct store_token *, struct arena *);

#endif
