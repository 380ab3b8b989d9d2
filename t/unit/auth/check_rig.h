/* SPDX-License-Identifier: MIT */
#ifndef T_AUTH_CHECK_RIG_H
#define T_AUTH_CHECK_RIG_H

/* A checker, and tokens that it is asked about. */

#include "unit/auth/rig.h"

#define HEAD "{\"alg\":\"RS256\",\"kid\":\"KID\"}"
#define WHO "\"sub\":\"u1\",\"iss\":\"" LOCAL "\",\"aud\":\"operator\"," \
	    "\"scope\":\"parachute:host:auth\""
#define CLAIMS "{" WHO ",\"exp\":1800000600}"

static const struct str issuers[] = {
	{ LOCAL, sizeof LOCAL - 1 }, { PUBLIC, sizeof PUBLIC - 1 },
};
static struct auth *auth;
static const struct claims *claims;
static int64_t mono = 1000;

static inline struct auth_ask ask(struct str jwt)
{
	return (struct auth_ask){ .jwt = jwt, .issuers = issuers,
		.nissuers = LEN(issuers), .now_ms = NOW, .mono_ms = mono };
}

static inline enum auth_verdict check(struct str jwt)
{
	struct auth_ask q = ask(jwt);

	return auth_check(auth, &q, &claims);
}

static inline bool is(enum auth_verdict got, enum auth_verdict want)
{
	if (got != want)
		tap_diag("%s", auth_verdict_text(got));
	return got == want;
}

#endif
