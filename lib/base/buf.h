/* SPDX-License-Identifier: MIT */
#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * A growing run of bytes with a ceiling.
 *
 * Failure is sticky: after the first put that did not fit (over max, or no
 * memory) the buffer ignores everything until buf_reset(), and buf_failed()
 * says so. So a writer puts all its parts and asks once, at the end.
 * The owner calls buf_release(). Bytes before the read position (moved by
 * buf_consume()) are gone; buf_str() is what is left, valid until the next
 * call that changes the buffer.
 */

#include "base/str.h"

struct buf {
	char *p;
	size_t start, end, size, max;
	bool failed;
};

void buf_init(struct buf *, size_t max);        /* allocates nothing */
void buf_release(struct buf *);
void buf_reset(struct buf *);                   /* empty, keeps the memory */

void buf_put(struct buf *, struct str);
void buf_putc(struct buf *, char);
void buf_printf(struct buf *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct str buf_str(const struct buf *);
bool buf_failed(const struct buf *);
void buf_consume(struct buf *, size_t n);

/*
 * Room for reading into: at least `want` bytes at the returned address, then
 * buf_commit(n) of them. NULL (and failed) when they cannot be had.
 */
char *buf_room(struct buf *, size_t want);
void buf_commit(struct buf *, size_t n);

#endif
