/* SPDX-License-Identifier: MIT */
#ifndef FRONT_PUBLISHED_H
#define FRONT_PUBLISHED_H

/*
 * What the front door shows to everybody, kept as ready bytes: made anew only
 * when what it is made of has changed. The state is made when it is first
 * asked for and hangs on the struct front.
 *
 * A document is kept for each origin it was asked by, for a handful: the
 * origin may come from a Host that anybody can make up.
 */

#include "front/front.h"

enum published_kind {
	PUBLISHED_DISCOVERY,    /* /.well-known/parachute.json */
	PUBLISHED_RESOURCE,     /* /.well-known/oauth-protected-resource */
	PUBLISHED_PAGE,         /* "/" */
};

#define PUBLISHED_KEPT       8          /* documents */
#define PUBLISHED_KEPT_BYTES (1024 * 1024)      /* all of them */

/* Valid until the next call. */
int published_document(struct front *, enum published_kind, struct str origin,
		       struct str *out, struct err *);

/*
 * The revocation list. What others write is in it after FRONT_FRESH_MS, what
 * we revoke ourselves after published_revoke(); one that has expired may
 * stay for PUBLISHED_EXPIRED_MS more. Its generated_at is when it was read.
 * There must be a store.
 */
#define PUBLISHED_EXPIRED_MS 10000

int published_revoked(struct front *, struct str *out, struct err *);
void published_revoke(struct front *);

/* The rows and what modules say of themselves, as young as may be; NULL for
 * lack of memory. */
const struct listing *published_listing(struct front *, struct err *);

void published_free(struct front *);

#endif
