/* SPDX-License-Identifier: MIT */
#ifndef KEEP_RING_H
#define KEEP_RING_H

/*
 * The last lines a module wrote, in memory.
 *
 * A ring lives in one flat block given to ring_init(); nothing in it is a
 * pointer and nothing after that allocates or fails, so logging goes on when
 * memory is short. A record is a line, or a part of one too long for a record
 * (partial: more of the same line follows). Each has a sequence number that
 * only grows, from 1. The oldest make room for the newest.
 *
 * A reader keeps a cursor; when the record it wants is gone, ring_next()
 * moves it to the oldest one kept and says how many were missed.
 *
 *	struct ring_cursor at = ring_oldest(r);
 *	while (ring_next(r, &at, &line, &missed))
 *		show(line, missed);
 */

#include "base/str.h"

enum { RING_OUT, RING_ERR };

struct ring_line {
	uint64_t seq;
	int64_t unix_ns;
	int stream;             /* RING_OUT, RING_ERR */
	bool partial;
	struct str text;        /* without newline; valid until ring_put */
};

struct ring_head;
struct ring {
	struct ring_head *head;         /* start of the block */
};

struct ring_cursor {
	uint64_t seq;           /* the record wanted next */
	uint32_t at;            /* where it is, when known; else 0 */
};

void ring_init(struct ring *, void *block, uint32_t size);
/* Of an empty one: the next record is the one after last. */
void ring_go_on(struct ring *, uint64_t last);
void ring_put(struct ring *, int stream, bool partial, int64_t unix_ns,
	      struct str text);         /* text longer than the ring is cut */

struct ring_cursor ring_oldest(const struct ring *);
struct ring_cursor ring_newest(const struct ring *, uint64_t lines);
struct ring_cursor ring_from(const struct ring *, uint64_t seq);
bool ring_next(const struct ring *, struct ring_cursor *, struct ring_line *,
	       uint64_t *missed);
uint64_t ring_last(const struct ring *);        /* newest seq; 0: none yet */
uint64_t ring_lines(const struct ring *);       /* records kept */

#endif
