/* SPDX-License-Identifier: MIT */
#ifndef WIRE_SSE_H
#define WIRE_SSE_H

/*
 * Server-sent events (HTML Living Standard, 9.2), read line by line.
 *
 *	sse_init(&ev, max);
 *	for each line, without its newline
 *		if (sse_line(&ev, line))
 *			use(ev.id, ev.type, buf_str(&ev.data));
 *	sse_release(&ev);
 *
 * An event is complete at an empty line and valid until the next call.
 * Comments, fields that are not known, and events without data are skipped.
 * An id or a type that does not fit, or data of more than max bytes, makes
 * the whole event one that is skipped; *lost says so.
 */

#include "base/buf.h"

struct sse {
	char id[64];            /* of this event or the last that had one */
	char type[32];          /* "message" where there is none */
	struct buf data;        /* lines with a newline between */
	bool some, done, lost;
};

void sse_init(struct sse *, size_t max);
void sse_release(struct sse *);
bool sse_line(struct sse *, struct str line);

#endif
