/* SPDX-License-Identifier: MIT */
#ifndef LOG_SEEK_H
#define LOG_SEEK_H

/*
 * The log of one source as its files hold it, the newest and its rotations as
 * one, read with bounded memory and without disturbing who writes.
 *
 *	if (seek_open(&s, homefd, name, &e) > 0) {
 *		seek_last(&s, 200, NULL, NULL);
 *		while (seek_next(&s, &rec) > 0)
 *			show(&rec);
 *	}
 *	seek_close(&s);
 *
 * It is the log as it was when opened: what is written later is not seen, a
 * rotation does no harm. Lines that are no CRI lines (of a file from before
 * the log writer) are text without a time. Without an index, or where it is
 * damaged, records have no cursor.
 */

#include "base/err.h"
#include "log/cri.h"
#include "log/rotate.h"

#define SEEK_BUF (2 * LINE_MAX_BYTES)   /* a line fits, and many short ones */

struct seek_rec {
	bool gap;               /* count records from boot.seq on are missing;
				 * count 0: nobody knows how many */
	bool known;             /* boot and seq are */
	bool timed;             /* unix_ns is */
	bool partial;           /* the line goes on in the next record */
	int stream;             /* 0 stdout, 1 stderr */
	uint64_t boot, seq, count;
	int64_t unix_ns;
	struct str text;        /* valid until the next call */
};

struct seek_file {
	int fd, idx;
	uint64_t size;
};

struct seek {
	struct seek_file files[LOG_ROTATIONS + 1];      /* oldest first */
	int n, at;              /* files; the one that is read */
	uint64_t offset;        /* of the next line in it */
	struct logidx index;
	uint64_t entry;         /* the next that is not used yet */
	bool loaded;            /* it is here: */
	int rc;                 /* as of logidx_get() */
	struct logidx_entry next;
	struct log_end last;    /* the last line that was read, as known */
	size_t start, end;      /* of buf: file bytes from offset on */
	char buf[SEEK_BUF];
};

/* 1, or 0 when there are no files (homefd -1: they are elsewhere), or -1.
 * Then stands at the oldest line. */
int  seek_open(struct seek *, int homefd, struct str source, struct err *);
void seek_close(struct seek *);         /* also after seek_open() < 1 */

/* Where the log ends; not known where there is nothing. */
void seek_end(struct seek *, struct log_end *);

/* What is counted; the record has neither cursor nor gap. NULL: all. */
typedef bool seek_want_fn(void *ctx, const struct seek_rec *);

/* Goes to where the last n records that are wanted begin. */
void seek_last(struct seek *, uint64_t n, seek_want_fn *, void *ctx);
/* Goes to the first record of that time or later. */
void seek_time(struct seek *, int64_t unix_ns);
/* Goes behind that record. False when the log no longer goes back as far;
 * then to the oldest. */
bool seek_after(struct seek *, uint64_t boot, uint64_t seq);

/* 1: *rec is the next record; 0: there is none; -1 with errno. */
int  seek_next(struct seek *, struct seek_rec *);

#endif
