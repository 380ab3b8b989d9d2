/* SPDX-License-Identifier: MIT */
#ifndef KEEP_FOLLOW_H
#define KEEP_FOLLOW_H

/*
 * Log streams. A follower is a cursor into a module's ring, never a queue:
 * one that cannot keep up finds that records are gone and is told how many.
 * New lines are pushed at the end of the turn in which they came.
 *
 * Text: "[vault] line\n"; a gap is "[supervisor] N lines of vault lost\n".
 * JSON: one object a line, {"short","cursor":"BOOT.SEQ","time","stream",
 * "partial","line"} or {"short","gap":N}; N is null when a keeper before this one had them.
 */

#include "hub/limits.h"
#include "keep/sup.h"
#include "sys/httpd.h"

enum follow_format { FOLLOW_TEXT, FOLLOW_JSON };

struct follower {
	struct list node;       /* in its module, or free */
	struct follows *follows;
	struct mod *mod;
	struct httpd_conn *conn;
	struct ring_cursor at;
	enum follow_format format;
	bool unknown_gap;       /* the cursor was another keeper's */
};

struct follows {
	struct sup *sup;
	uint64_t boot;
	struct follower all[FOLLOWERS_MAX];
	struct list free;
	struct later push;
};

void follow_init(struct follows *, struct sup *, uint64_t boot);

/* What a request asks for: the newest n, or what came after a cursor. */
struct follow_from {
	uint64_t newest;
	bool after;
	uint64_t boot, seq;
};

/* Writes what there is to out, at most what buf takes. */
void follow_snapshot(const struct follows *, const struct mod *,
		     const struct follow_from *, enum follow_format,
		     struct buf *out);

/* Takes the connection. False: no place left, nothing was answered. */
bool follow_start(struct follows *, struct mod *, const struct follow_from *,
		  enum follow_format, struct httpd_conn *);

void follow_said(struct follows *);             /* some module has new lines */
size_t follow_count(const struct follows *);    /* streams that are open */
void follow_end(struct follows *, struct mod *);        /* it goes away */

#endif
