/* SPDX-License-Identifier: MIT */
#ifndef KEEP_SOURCE_H
#define KEEP_SOURCE_H

/*
 * Who writes lines: each module, the keeper itself ("hub") and the front door
 * ("front"). source_put() is the one way a line goes: into the ring, to who
 * follows it, to the keeper's stdout, and to the log writer. Nothing in it
 * allocates or fails.
 *
 * A source stands in struct logs, by which it is found by its name, from
 * source_init() to source_end().
 */

#include "hub/state.h"
#include "hub/supervise.h"
#include "keep/feed.h"

struct logger;
struct out;

struct source {
	struct list node;       /* in logs */
	struct logs *logs;
	const char *name;       /* of the log: a short name, hub or front */
	const char *prefix;     /* before its lines on stdout */
	struct ring ring;
	struct feed feed;
	enum log_mode mode;
	uint64_t lines_total;
	uint64_t dropped_total; /* never handed to the log writer */
	uint64_t gap_from;      /* the first of those that are owed ... */
	uint64_t gap_count;     /* ... a word to the writer; 0: none are */
	char log_error[160];    /* what the writer says of its file; "" */
};

/* A name comes back, its row was rewritten: its numbers go on. */
#define ENDED_MAX 64

struct logs {
	struct out *out;
	struct feeds *feeds;
	struct logger *logger;  /* NULL: there is none */
	struct list all;
	struct source hub, front;
	struct {
		char name[SHORT_SIZE];
		uint64_t last;
	} ended[ENDED_MAX];     /* the latest */
	size_t nended;          /* of all time */
	uint64_t ended_last;    /* the highest of those that made room */
	/* Lines that are not in the file, now that its writer knows. */
	void (*on_gap)(struct logs *, const struct source *,
		       const struct feed_gap *);
	void *ctx;              /* for on_gap */
};

/* hub and front with it; blocks of RING_SIZE for their rings. */
void logs_init(struct logs *, struct out *, struct feeds *, void *hub_block,
	       void *front_block);
struct source *logs_find(struct logs *, struct str name);

/* name outlives it; block: RING_SIZE bytes for its ring. */
void source_init(struct source *, struct logs *, const char *name,
		 void *block);
void source_put(struct source *, int stream, bool partial, int64_t unix_ns,
		struct str text);
/* Why its file lacks lines now; NULL: it does not, or has none to be. */
const char *source_fault(const struct source *);
void source_end(struct source *);       /* its streams end; twice is fine */

#endif
