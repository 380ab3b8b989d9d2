/* SPDX-License-Identifier: MIT */
#ifndef FRONT_GATE_H
#define FRONT_GATE_H

/*
 * Who may pass: the bearer token of a request, and what it must allow
 * (auth.md 6.1). The gates differ in how they refuse; all take the
 * scheme in any case.
 */

#include "front/ask.h"

enum gate {
	GATE_OPEN,
	GATE_A,         /* 401 unauthenticated */
	GATE_B,         /* 401 invalid_token, with WWW-Authenticate */
	GATE_MINT,      /* as A; a vault's own admin token is taken, too */
};

/*
 * scopes: any one of them suffices, ends with NULL; NULL itself: any token of
 * ours. True: the claims are in the request. False: it was refused.
 */
bool gate_pass(struct front_ask *, enum gate, const char *const *scopes);

/* The scheme and Host of the request as an origin; empty when the Host is none
 * that could be ours. In the arena. */
struct str gate_origin(const struct httpd_req *);

#endif
