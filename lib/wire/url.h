/* SPDX-License-Identifier: MIT */
#ifndef WIRE_URL_H
#define WIRE_URL_H

/* Request targets and http URLs (RFC 3986, RFC 9110 4.2, RFC 9112 3.2). */

#include "base/arena.h"
#include "base/err.h"

struct url {
	struct str scheme;              /* "http" or "https" */
	struct str host;                /* as written, without brackets */
	bool ipv6;                      /* it was in brackets */
	uint16_t port;                  /* given, else 80 or 443, else 0 */
	struct str path, query;         /* as written; query without '?' */
};

/*
 * An absolute http or https URL; no credentials, no fragment. The host is an
 * IP address or a name of letters, digits, '.', '-' and '_': what else RFC
 * 3986 lets stand there, no resolver takes. An empty port is none.
 */
int url_parse(struct url *, struct str, struct err *);

/*
 * Splits an origin-form target into its path and query (without '?').
 * False unless it starts with '/' and holds only what RFC 3986 allows there.
 */
bool url_target(struct str target, struct str *path, struct str *query);

/*
 * Percent-decodes a path segment or query value into the arena. NULL str and
 * false for a malformed escape, a NUL, or no memory (see arena_failed()).
 * plus: '+' means a space.
 */
bool url_decode(struct str, bool plus, struct arena *, struct str *out);

/* The decoded value of the first parameter of that name; false when absent
 * or malformed. "a" and "a=" both give an empty value; '+' is a space, and
 * the names in the query are decoded before they are compared. */
bool url_param(struct str query, const char *name, struct arena *,
	       struct str *out);

/*
 * Takes the next segment off a path: "/api/modules" gives "api", then
 * "modules", then false. Empty segments are returned as they stand.
 */
bool url_segment(struct str *path, struct str *segment);

/*
 * Whether the host, with or without brackets, means this machine whoever asks:
 * localhost, 127.0.0.0/8, ::1, and the same within ::ffff:0:0/96. So do the
 * unspecified 0.0.0.0 and ::, which nobody else can connect to either.
 */
bool url_host_is_loopback(struct str host);

#endif
