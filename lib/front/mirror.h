/* SPDX-License-Identifier: MIT */
#ifndef FRONT_MIRROR_H
#define FRONT_MIRROR_H

/*
 * Copies of the keeper's documents, as the bytes that hub.sock answered with:
 * however many ask, the keeper is asked for each document once every
 * FRONT_FRESH_MS, or a little sooner, and not at all while nobody asks.
 *
 * A copy is served while it is younger than that and nothing has happened
 * since it was asked for: the keeper's event stream, kept open, tells at once
 * of what others do, mirror_stale() of what we do ourselves. Requests that
 * come while a copy is on its way wait for it; one that came after a change
 * never gets a copy that was asked for before it. Where many ask, the next
 * copy is on its way before this one is too old, and nobody waits.
 */

#include "base/buf.h"
#include "sys/httpc.h"

#define MIRROR_AHEAD_MS 100     /* the keeper answers in a few */

struct front;
struct front_ask;

enum mirror_doc {
	MIRROR_HUB,
	MIRROR_READY,
	MIRROR_MODULES,
	MIRROR_MODULES_USAGE,
	MIRROR_STATUS,
	MIRROR_STATUS_USAGE,
	MIRROR_NDOCS
};

struct mirror_copy {
	struct mirror *mirror;
	struct buf body;        /* what is served */
	int64_t at_ms;          /* asked for; 0: there is none */
	uint64_t change;        /* the last that it can know of */
	struct list waiting;
	struct httpc http;      /* the next one, on its way */
	struct buf coming;
	uint64_t asked;         /* the last change before it was asked for */
	int64_t asked_ms;
	int status;
	bool busy;
};

struct mirror {
	struct front *front;
	struct mirror_copy copies[MIRROR_NDOCS];
	uint64_t change;        /* counts what happened */
	struct httpc events;
	struct timer again;
	int pause_ms;           /* before the stream is opened again */
	bool open;
	bool checked;           /* the keeper speaks our API */
};

void mirror_init(struct mirror *, struct front *);
void mirror_release(struct mirror *);
/* Opens the event stream, and asks which API the keeper speaks. */
void mirror_start(struct mirror *);

/* Answers the request, now or when the copy has come. */
void mirror_answer(const struct front_ask *, enum mirror_doc);
/* Something has changed, or will. */
void mirror_stale(struct mirror *);

#endif
