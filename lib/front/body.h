/* SPDX-License-Identifier: MIT */
#ifndef FRONT_BODY_H
#define FRONT_BODY_H

/*
 * What clients post: a JSON object of AUTH_BODY_MAX bytes at most. What is
 * wrong with it is a refusal, with a code for programs and a text that names
 * the member and what it must be.
 */

#include "base/fmt.h"
#include "front/ask.h"

struct refusal {
	int status;
	const char *code;
	char text[240];
};

/* Returns -1. */
int refusal_set(struct refusal *, int status, const char *code,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The object, in the arena; NULL and the refusal. */
const struct json *body_read(struct str body, struct arena *,
			     struct refusal *);
/* The same for a request, refused already when there is none. */
const struct json *body_of(const struct front_ask *);

/* The end of a piece of work for ask_write() that failed: -1 when it is to be
 * tried again, else 0, answered. */
int body_fail(const struct front_ask *, const struct err *);

#endif
