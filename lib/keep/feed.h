/* SPDX-License-Identifier: MIT */
#ifndef KEEP_FEED_H
#define KEEP_FEED_H

/*
 * A ring that is read as it grows: the log of a module, the events of the hub.
 *
 * A follower is a cursor into the ring, never a queue: one that cannot keep up
 * finds that records are gone and is told which. New records are pushed at the
 * end of the turn in which they came. A cursor is BOOT.SEQ: BOOT counts the
 * keepers of a home, SEQ the records of a feed within it, from 1; one of
 * another BOOT leaves a gap of unknown size.
 *
 * How items look is the business of a form, so a feed serves plain text and
 * server-sent events side by side. Nothing is said in between: over AF_UNIX
 * a peer that went away is noticed without, and an idle keeper sleeps.
 *
 *	feed_init(&f, &feeds, "vault", &ring);
 *	feed_follow(&f, &from, &form, conn);
 *	ring_put(&ring, ...); feed_said(&f);
 */

#include "hub/limits.h"
#include "keep/ring.h"
#include "sys/httpd.h"

struct feeds;

struct feed {
	struct feeds *feeds;
	const char *name;
	const struct ring *ring;
	struct list followers;
	/* What stands for a gap tells all there is: who reads on from there
	 * gets only what is new. A reader without a cursor begins with it. */
	bool resets;
	void *ctx;              /* for its forms */
};

/* What a reader asks for: the newest n, or what came after a cursor. */
struct feed_from {
	uint64_t newest;
	bool after;
	uint64_t boot, seq;
};

/* Records that the reader does not get; both ends belong to it. */
struct feed_gap {
	uint64_t boot;          /* of from */
	uint64_t from;          /* 0: where it begins is not known */
	uint64_t to;            /* of this boot; 0: nothing of it is missing */
	uint64_t count;         /* 0: not known */
};

struct feed_item {
	bool is_gap;
	struct feed_gap gap;
	struct ring_line line;
	uint64_t seq;           /* of the cursor that stands behind the item */
};

/* A reader's place. */
struct feed_at {
	struct ring_cursor at;
	bool lost;              /* a gap of unknown size is to be told first */
	uint64_t boot, seq;     /* the cursor it had; boot 0: none */
};

struct feed_form {
	const char *type;       /* Content-Type */
	void (*put)(const struct feed *, const struct feed_item *,
		    struct buf *);
};

struct follower {
	struct list node;       /* in its feed, or free */
	struct feed *feed;
	struct httpd_conn *conn;        /* NULL: free */
	struct feed_at at;
	const struct feed_form *form;
};

/* All feeds of a keeper, and the places of who follows one. */
struct feeds {
	struct loop *loop;
	uint64_t boot;
	bool ended;             /* who comes now is told what there is */
	struct follower all[FOLLOWERS_MAX];
	struct list free;
	struct later push;
};

void feeds_init(struct feeds *, struct loop *, uint64_t boot);
/* Streams that are open; of that peer, if it is not 0 (httpd_peer). */
size_t feeds_count(const struct feeds *, uint64_t peer);
void feeds_end(struct feeds *);         /* of every feed */

void feed_init(struct feed *, struct feeds *, const char *name,
	       const struct ring *);

/* BOOT.SEQ; false when it is none, *from is then as it was. */
bool feed_cursor(struct str text, struct feed_from *);

/* Where a reader begins, and one step of it. False: that was all. */
struct feed_at feed_begin(const struct feed *, const struct feed_from *);
bool feed_next(const struct feed *, struct feed_at *, struct feed_item *);

/* Takes the connection. False: no place left, nothing was answered. */
bool feed_follow(struct feed *, const struct feed_from *,
		 const struct feed_form *, struct httpd_conn *);

/* New records: whoever follows gets them at the end of the turn. */
static inline bool feed_is_followed(const struct feed *f)
{
	return !list_empty(&f->followers);
}
void feed_said(struct feed *);
/* It goes away: its streams get the last records and end in order. */
void feed_end(struct feed *);

#endif
