/* SPDX-License-Identifier: MIT */
#ifndef KEEP_EVENTS_H
#define KEEP_EVENTS_H

/*
 * What happens, as it happens: GET /api/events, server-sent events
 * (pc-api(7) has every type and its members).
 *
 * Events stand in a ring, ready-made; who follows is a cursor into it
 * (keep/feed). State, listening, ready and healthy are told as differences,
 * once a turn (events_settle): what was passed through within one turn is
 * folded. Exits and operations are told when they come. A reader without a
 * cursor, or with one that is unknown or too old, gets "reset": the whole.
 *
 * While somebody follows, listeners and health are looked at (keep/listen,
 * keep/health); that nobody does any more is noticed in WATCH_LOOK_MS. Who
 * follows quietly gets the same events and causes no looking: the front door
 * keeps such a stream open for as long as it lives.
 *
 * All take NULL for the events: then nobody is told.
 */

#include "hub/exits.h"
#include "keep/feed.h"
#include "keep/sup.h"

struct events {
	struct sup *sup;
	struct feed feed, quiet;        /* of the one ring */
	struct ring ring;
	struct timer look;
	size_t problems;        /* of services.json, when last told */
	/* The rows of GET /api/modules?view=status; the API's. */
	void (*put_rows)(void *ctx, struct jsonw *);
	void *ctx;
	_Alignas(8) char block[EVENTS_RING_SIZE];
};

/* The owner then sets put_rows and ctx. */
void events_init(struct events *, struct sup *, struct feeds *);
void events_release(struct events *);

/* Takes the connection. False: no place left, nothing was answered. */
bool events_follow(struct events *, const struct feed_from *, bool quiet,
		   struct httpd_conn *);
size_t events_watchers(const struct events *);
uint64_t events_total(const struct events *);   /* of this keeper */

void events_settle(struct events *);    /* once a turn, when things changed */
void events_exit(struct events *, const struct mod *, const struct exit_rec *);
/* phase: "begun", "done", "failed" (error says why, else NULL). */
void events_operation(struct events *, const struct mod *, const char *kind,
		      const char *phase, const char *error);
/* Lines of a source that its log file does not have. */
void events_log_gap(struct events *, const char *source,
		    const struct feed_gap *);

#endif
