/* SPDX-License-Identifier: MIT */
#include "log/join.h"

#include <poll.h>

static bool same_or_older(const struct join *j, const struct seek_rec *r)
{
	uint64_t last = r->gap && r->count ? r->seq + r->count - 1 : r->seq;

	return j->known && r->known && r->boot == j->boot && last <= j->seq;
}

/* How many the hub left out before this one. */
static uint64_t missing(const struct join *j, const struct seek_rec *r)
{
	if (!j->known || !r->known || r->boot < j->boot)
		return 0;
	return r->boot == j->boot ? r->seq - j->seq - 1 : r->seq - 1;
}

static void note(struct join *j, const struct seek_rec *r)
{
	if (r->timed)
		j->unix_ns = r->unix_ns;
	j->known = r->known;
	if (!r->known)
		return;
	j->boot = r->boot;
	j->seq = r->gap && r->count ? r->seq + r->count - 1 : r->seq;
}

int join_open(struct join *j, int homefd, struct str name, struct err *e)
{
	int rc;

	*j = (struct join){ .homefd = homefd, .live = true, .pause_ms = 5 };
	str_to_c(name, j->name, sizeof j->name);
	rc = seek_open(&j->seek, homefd, name, e);
	j->reading = rc > 0;
	return rc;
}

void join_close(struct join *j)
{
	seek_close(&j->seek);
	j->reading = false;
}

/* The next record of the files that is wanted; false at their end. */
static bool from_files(struct join *j, struct seek_rec *r)
{
	const struct seek_rec *end = j->filling ? &j->ring[0] : NULL;

	while (seek_next(&j->seek, r) > 0) {
		if (end && r->known && (r->boot > end->boot ||
		    (r->boot == end->boot && r->seq >= end->seq)))
			return false;
		if ((end && !r->known) || same_or_older(j, r))
			continue;
		j->waited_ms = 0;
		j->pause_ms = 5;
		j->live |= j->filling;
		return true;
	}
	return false;
}

/* Reads the files for what comes before ring[0]; false: they have it not. */
static bool fill(struct join *j)
{
	struct err e = { 0 };

	if (j->filling) {
		/* What was said goes through a pipe before it is written. */
		if (!j->live || j->waited_ms >= JOIN_PATIENCE_MS) {
			j->live = false;
			return false;
		}
		poll(NULL, 0, j->pause_ms);
		j->waited_ms += j->pause_ms;
		j->pause_ms = j->pause_ms < 80 ? j->pause_ms * 2 : 100;
	}
	if (seek_open(&j->seek, j->homefd, str_of(j->name), &e) <= 0) {
		seek_close(&j->seek);
		return false;
	}
	seek_after(&j->seek, j->boot, j->seq);
	return j->filling = j->reading = true;
}

static void next_of_ring(struct join *j)
{
	j->filling = false;
	j->ring++;
	j->nring--;
}

/* What is missing before r, in its place. */
static void put_gap(struct join *j, struct seek_rec *r, uint64_t n)
{
	r->gap = true;
	r->count = n;
	r->seq -= n;
	note(j, r);
}

int join_next(struct join *j, struct seek_rec *r)
{
	uint64_t n;

	for (;;) {
		if (j->reading && !j->held)
			j->held = from_files(j, &j->rec);
		if (j->reading && j->held) {
			*r = j->rec;
			n = missing(j, r);
			j->held = n > 0;
			if (n)
				put_gap(j, r, n);
			else
				note(j, r);
			return 1;
		}
		if (j->reading)
			join_close(j);
		if (!j->nring)
			return 0;
		*r = j->ring[0];
		/* Of its gaps only their end counts. Without a cursor the
		 * time must tell what the files had. */
		if (r->gap || same_or_older(j, r) || (!j->known &&
		    j->unix_ns && r->timed && r->unix_ns <= j->unix_ns)) {
			next_of_ring(j);
			continue;
		}
		n = missing(j, r);
		if (n && fill(j))
			continue;
		if (n) {
			put_gap(j, r, n);
			return 1;
		}
		next_of_ring(j);
		note(j, r);
		return 1;
	}
}
