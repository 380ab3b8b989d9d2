/* SPDX-License-Identifier: MIT */
#ifndef LOG_JOIN_H
#define LOG_JOIN_H

/*
 * The log of one source from both places it is in: what its files hold, then
 * what the hub gives, each record once. Where the hub's records leave some
 * out, since its ring had to make room, they are looked for in the files, and
 * a gap is what neither has.
 *
 *	join_open(&j, homefd, name, &e);        stands where j.seek is moved to
 *	j.ring = records; j.nring = n;          what the hub gave, if anything
 *	while (join_next(&j, &rec) > 0)
 *		show(&rec);
 *	j.ring = &one; j.nring = 1; ...         as records come
 */

#include "log/seek.h"

#define JOIN_PATIENCE_MS 2000   /* a writer that gets on in that time will
                                 * write what was said */

struct join {
	int homefd;
	char name[SHORT_SIZE];
	struct seek seek;
	bool reading;           /* the files */
	bool live;              /* a writer may be about to write */
	bool known;             /* boot and seq, of the last record given */
	bool filling;           /* the files are read for ring[0] */
	bool held;              /* rec is read and not given yet */
	struct seek_rec rec;
	uint64_t boot, seq;
	int64_t unix_ns;        /* of the last line of the files */
	int waited_ms, pause_ms;
	const struct seek_rec *ring;    /* the caller's */
	size_t nring;
};

/* 1, 0 when there are no files, -1 when they cannot be read. */
int  join_open(struct join *, int homefd, struct str name, struct err *);
void join_close(struct join *);

/* 1, or 0 when there is nothing more now. A record's text is valid until the
 * next call. */
int  join_next(struct join *, struct seek_rec *);

#endif
