/* SPDX-License-Identifier: MIT */
#ifndef KEEP_LINES_H
#define KEEP_LINES_H

/*
 * Bytes from a pipe into lines. A tail without newline waits for its rest;
 * one that reaches LINE_MAX_BYTES goes out as a partial record. '\r' before
 * the newline is dropped. Owns no memory: the block for the waiting tail is
 * given to lines_init() and only touched when a line comes in pieces.
 */

#include "base/str.h"

typedef void lines_fn(void *ctx, struct str line, bool partial);

struct lines {
	char *tail;             /* LINE_MAX_BYTES */
	size_t n;
	bool middle;            /* the tail goes on a partial record */
};

void lines_init(struct lines *, char *block);
void lines_feed(struct lines *, struct str bytes, lines_fn *, void *ctx);
/* The writer is gone: what waits is a line. */
void lines_end(struct lines *, lines_fn *, void *ctx);

#endif
