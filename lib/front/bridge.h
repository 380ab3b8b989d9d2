/* SPDX-License-Identifier: MIT */
#ifndef FRONT_BRIDGE_H
#define FRONT_BRIDGE_H

/*
 * Requests that go on to the keeper: a new one is written from what was
 * parsed, no byte of the client's goes through, and its answer is passed on as
 * it comes, no faster than the client takes it. A client that leaves ends the
 * request.
 */

#include "base/list.h"
#include "base/str.h"

struct front;
struct front_ask;

/* Of FRONT_ASKS_MAX so many may be streams without an end: an operation finds
 * a place. */
#define BRIDGE_STREAMS_MAX 24

struct bridge {
	struct list asks;
	size_t n, streams;
};

void bridge_init(struct bridge *);
/* Ends the streams in order, so that only what has an end is waited for. */
void bridge_drain(struct bridge *);

/* GET /api/ready?wait=ready, which has a token already. */
void bridge_ready(struct front_ask *);

#endif
