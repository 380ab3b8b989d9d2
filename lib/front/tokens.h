/* SPDX-License-Identifier: MIT */
#ifndef FRONT_TOKENS_H
#define FRONT_TOKENS_H

#include "front/body.h"

#define TOKENS_TEXT_MAX   256           /* of a subject, an audience, a jti */
#define TOKENS_CLAIMS_MAX 4800          /* what was asked for, in the token:
					 * with the rest under TOKEN_MAX */
#define TOKENS_PAGE       50

/*
 * What POST /api/auth/mint-token asks for, as far as its form decides and the
 * vaults that there are; whether the bearer may give it away, and what holds
 * when nothing is said, is token_may_mint()'s. Texts live in the arena.
 */
int tokens_read_mint(struct mint *, const struct json *body,
		     const struct registry *, struct arena *,
		     struct refusal *);

/*
 * Where a page begins: after the row that the cursor names. It is opaque:
 * base64url of {"created_at","jti"}; standard base64 is read as well. False
 * for any other text.
 */
bool tokens_read_cursor(struct str cursor, struct arena *,
			struct store_filter *);
/* STR_NULL for lack of memory. */
struct str tokens_cursor(const struct store_token *, struct arena *);

#endif
