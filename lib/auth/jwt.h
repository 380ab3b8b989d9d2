/* SPDX-License-Identifier: MIT */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

/*
 * A JSON Web Token in its compact form (RFC 7519, RFC 7515): three parts in
 * base64url with dots between them. Pure.
 *
 * Nothing that it says is true before its signature is verified. So it is
 * read in two steps: jwt_open() looks at form and header, and only when the
 * signature over `text` is right should jwt_claims() look at the rest.
 */

#include "auth/der.h"
#include "wire/json.h"

#define JWT_MAX         8192    /* bytes that are looked at; ours have 1,000 */
#define JWT_HEADER_MAX  1024    /* of them the header, read unverified: 100 */
#define JWT_KID_MAX     128     /* a SHA-256 in base64url has 43 */

enum jwt_form {
	JWT_OK,
	JWT_MALFORMED,
	JWT_ALGORITHM,          /* not RS256 */
	JWT_NO_KID,             /* or none that could be one */
};

struct jwt {
	struct str kid;
	struct str text;                /* what is signed, as it stands */
	struct str signature;           /* bytes */
	struct str payload;             /* JSON of the claims, not yet read */
};

/*
 * The parts are canonical base64url; the header is an object without "crit",
 * whose alg is RS256 and which has a kid; keys that it brings along are not
 * looked at. Text lies in the arena or in the input.
 */
enum jwt_form jwt_open(struct jwt *, struct str compact, struct arena *);

/* The claims as an object, or NULL: malformed, or no memory. */
struct json *jwt_claims(const struct jwt *, struct arena *);

/*
 * Making one: what is to be signed, {"alg":"RS256","kid":...} and the claims;
 * then the whole of it. STR_NULL: no memory, or it got longer than JWT_MAX.
 */
struct str jwt_text(struct str kid, struct str claims, struct arena *);
struct str jwt_seal(struct str text, struct str signature, struct arena *);

#endif
