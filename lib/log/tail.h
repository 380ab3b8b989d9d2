/* SPDX-License-Identifier: MIT */
#ifndef LOG_TAIL_H
#define LOG_TAIL_H

/*
 * What pc-logs shows of one source: the last records of its files and of the
 * hub, those that are wanted, and then what comes.
 *
 *	tail_open(&t, homefd, name, &e);
 *	tail_ask(&t, &client, &want, &arena, &e);       if there is a hub
 *	tail_begin(&t, &want);
 *	for (tail_next(&t, &want); t.have; tail_next(&t, &want))
 *		show(&t.rec);
 *	tail_target(&t, target);                a stream of events; for each
 *		tail_event(&t, ev);             and tail_next() until !t.have
 */

#include "hub/client.h"
#include "log/join.h"
#include "log/record.h"

#define TAIL_LINES       200    /* when nothing else is asked for */
#define TAIL_TARGET_SIZE 200

struct tail_want {
	long lines;             /* so many; -1: TAIL_LINES, or all since */
	struct since since;
	int stream;             /* 0 stdout, 1 stderr, -1 both */
	struct str grep;        /* what a line holds; empty: anything */
};

struct tail {
	char name[SHORT_SIZE];
	struct join join;
	bool files;             /* there are some */
	bool answered;          /* by the hub */
	bool have;              /* rec is the next to show */
	struct seek_rec rec;
	struct seek_rec *ring;  /* what the hub has behind the files; in the
				 * arena */
	size_t nring;
	char cursor[CURSOR_SIZE];       /* where the hub goes on */
	struct arena arena;     /* of the event that came last */
	struct seek_rec event;
};

/* -1: there are files that cannot be read; the hub can still be asked. */
int  tail_open(struct tail *, int homefd, struct str name, struct err *);

/* ERR_UNREACHABLE: nobody answers. The answer is in the arena. */
int  tail_ask(struct tail *, struct client *, const struct tail_want *,
	      struct arena *, struct err *);

void tail_begin(struct tail *, const struct tail_want *);
void tail_next(struct tail *, const struct tail_want *);

void tail_target(const struct tail *, char out[TAIL_TARGET_SIZE]);
void tail_event(struct tail *, const struct sse *);

#endif
