/* SPDX-License-Identifier: MIT */
#ifndef HUB_NEWS_H
#define HUB_NEWS_H

/*
 * The event stream of the hub, as a client reads it (GET /api/events;
 * server-sent events as the HTML standard has them, section 9.2).
 *
 *	news_open(&n, &client, &e);
 *	client_run(&client, &stop, &e);
 *
 * The struct must stay put until on_end, which comes once: e NULL when the
 * hub ended the stream in order. news_open() may then be called again: it
 * goes on behind the last event that was heard.
 */

#include "hub/client.h"

struct news {
	/* The owner's. */
	void (*on_event)(struct news *, struct str type, struct str data);
	void (*on_end)(struct news *, const struct err *);
	void *ctx;

	char id[64];            /* of the last event; "": none yet */
	char type[32];          /* of the one that comes in */
	struct buf data;
	struct client_stream stream;
};

void news_init(struct news *);
void news_release(struct news *);
int  news_open(struct news *, struct client *, struct err *);

#endif
