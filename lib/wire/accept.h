/* SPDX-License-Identifier: MIT */
#ifndef WIRE_ACCEPT_H
#define WIRE_ACCEPT_H

#include "wire/http.h"

/* Whether the client names this media type in Accept; ranges do not count,
 * nor what is said behind a semicolon. */
bool http_accepts(const struct http_head *, const char *type);

#endif
