/* SPDX-License-Identifier: MIT */
#ifndef LOG_INTAKE_H
#define LOG_INTAKE_H

/*
 * The bytes that come in, seen before they are taken: what the caller has not
 * called done is still in the pipe, and its next reader finds it there.
 *
 *	while (!in.ended)
 *		if (intake_fill(&in, &e) > 0)
 *			intake_done(&in, use(intake_seen(&in)));
 *		else
 *			wait_for(in.fd, intake_pause_ms(&in));
 *
 * Where that cannot be (no pipe, no tee(2)), or where a frame is larger than
 * its pipe, bytes are taken when they are read.
 */

#include "base/err.h"
#include "base/str.h"

#define INTAKE_SIZE (256 * 1024)        /* several of the longest frames */

struct intake {
	int fd;                 /* the caller's */
	bool ended;             /* nobody can write any more */
	bool peeks;
	int spare[2];
	size_t room;            /* what the pipe can hold */
	size_t taken;           /* of buf: is no longer in the pipe */
	size_t seen;            /* of buf: all that is there */
	unsigned stalls;        /* times in a row that nothing could be done */
	char *buf;
};

int  intake_init(struct intake *, int fd, struct err *);
void intake_release(struct intake *);

/* Looks at what there is, without waiting. 1: something new, 0: nothing now
 * (or ended), -1. */
int  intake_fill(struct intake *, struct err *);
struct str intake_seen(const struct intake *);
/* The first n of the bytes seen are done with. */
int  intake_done(struct intake *, size_t n, struct err *);

/*
 * What is in the pipe may be the beginning of a frame, and then waiting for
 * bytes to be there does not wait: so many ms must pass. -1: none.
 */
int  intake_pause_ms(const struct intake *);

#endif
