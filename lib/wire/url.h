/* SPDX-License-Identifier: MIT */
#ifndef WIRE_URL_H
#define WIRE_URL_H

/* Request targets and http URLs (RFC 3986, RFC 9110 4.2, RFC 9112 3.2). */

#include "base/arena.h"
#include "base/err.h"

struct url {
	struct str scheme, host;        /* host without brackets */
	bool ipv6;                      /* it was in brackets */
	uint16_t port;                  /* given, else 80 or 443, else 0 */
	struct str path, query;         /* as written; query without '?' */
};

/* An absolute http or https URL; no credentials, no fragment. */
int url_parse(struct url *, struct str, struct err *);

/*
 * Splits an origin-form target into its path and query (without '?').
 * False unless it starts with '/' and holds only what RFC 3986 allows there.
 */
bool url_target(struct str target, struct str *path, struct str *query);

/*
 * Percent-decodes a path segment or query value into the arena. NULL str and
 * false for a malformed escape or an encoded NUL. plus: '+' means a space.
 */
bool url_decode(struct str, bool plus, struct arena *, struct str *out);

/* The decoded value of the first parameter of that name; false when absent
 * or malformed. "a" and "a=" both give an empty value. */
bool url_param(struct str query, const char *name, struct arena *,
	       struct str *out);

/*
 * Takes the next segment off a path: "/api/modules" gives "api", then
 * "modules", then false. Empty segments are returned as they stand.
 */
bool url_segment(struct str *path, struct str *segment);

bool url_host_is_loopback(struct str host);

#endif
