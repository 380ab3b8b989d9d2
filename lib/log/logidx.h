/* SPDX-License-Identifier: MIT */
#ifndef LOG_LOGIDX_H
#define LOG_LOGIDX_H

/*
 * The index beside a log file, <short>.log.idx: which BOOT.SEQ its lines have.
 *
 * Entries of LOGIDX_SIZE bytes, each with a checksum, in the order of the
 * lines they are about. One stands for the first line of the file, for one
 * about every LOGIDX_STEP bytes, and for each at which the numbers do not go
 * on by one: the first of a keeper, and what follows a gap.
 *
 *	LINE   the line at offset is BOOT.SEQ; those behind it count on, up to
 *	       the next entry
 *	GAP    the line at offset is no line but says that count of them,
 *	       from BOOT.SEQ on, are missing
 *
 * An entry is written before the line it is about. It counts only if that
 * line is there and has the time the entry gives: so an index that belongs to
 * another file, or is ahead of its file after a kill, numbers nothing. Where
 * an entry is damaged the numbers are unknown from the entry before it to the
 * one behind it.
 */

#include "base/str.h"

#define LOGIDX_SIZE 56
#define LOGIDX_STEP (64 * 1024) /* what is read at most to number a line */

enum logidx_kind { LOGIDX_LINE = 1, LOGIDX_GAP };

struct logidx_entry {
	enum logidx_kind kind;
	uint64_t offset;
	uint64_t boot, seq;
	uint64_t count;         /* of a gap; else 0 */
	int64_t unix_ns;        /* of the line at offset */
};

void logidx_put(const struct logidx_entry *, char out[LOGIDX_SIZE]);
/* False when these bytes are no whole entry. */
bool logidx_take(struct str, struct logidx_entry *);
/* Whether the beginning of a file is that of an index, damaged or not. */
bool logidx_starts(struct str);

/* An index that is read, some entries at a time. fd is the caller's; with -1
 * there are no entries. */
struct logidx {
	int fd;
	uint64_t n;             /* whole entries there were when opened */
	uint64_t at;            /* of the first in buf */
	size_t have;
	char buf[64 * LOGIDX_SIZE];
};

void logidx_open(struct logidx *, int fd);
/* Entry i: 1, 0 when it is damaged, -1 when there is none. */
int  logidx_get(struct logidx *, uint64_t i, struct logidx_entry *);
/* The last good entry with an offset up to that one, as *i; or false. */
bool logidx_find(struct logidx *, uint64_t offset, uint64_t *i,
		 struct logidx_entry *);

/* Where a log ends. */
struct log_end {
	bool known;             /* boot and seq are */
	uint64_t boot, seq;     /* of the last line, or the last that a gap
				 * stands for */
	int64_t unix_ns;        /* of the last line; 0: there is none */
	uint64_t entries;       /* of the index, that are about lines */
	uint64_t marked;        /* offset of the last of these */
};

/*
 * Looks at the last lines of a log of size bytes, all of them whole lines.
 * -1 with errno when the log cannot be read; an index that cannot is none.
 */
int logidx_end(int log, uint64_t size, int idx, struct log_end *);

/* The time of the line at offset, by its first bytes. */
bool logidx_time(int log, uint64_t offset, int64_t *unix_ns);

/* pread() that goes on after signals; short only at the end of the file. */
long logidx_read(int fd, char *p, size_t n, uint64_t offset);

#endif
