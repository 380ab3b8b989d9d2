/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/fmt.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 256       /* a small answer fits without growing twice */

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
	b->start = b->end = 0;
	b->failed = false;
}

/* Room for want bytes when all of it may be up to max. */
static char *room(struct buf *b, size_t want, size_t max)
{
	size_t used = b->end - b->start, size = b->size ? b->size : FIRST;
	char *p;

	if (b->failed)
		return NULL;
	if (want > max || used > max - want)
		goto full;
	if (b->size - b->end >= want && b->p)
		return b->p + b->end;
	if (b->start && b->p) {
		memmove(b->p, b->p + b->start, used);
		b->start = 0;
		b->end = used;
		if (b->size - used >= want)
			return b->p + used;
	}
	if (size > max)
		size = max;
	while (size < used + want)
		size = size > max / 2 ? max : size * 2;
	p = realloc(b->p, size);
	if (!p)
		goto full;
	b->p = p;
	b->size = size;
	return b->p + b->end;
full:
	b->failed = true;
	return NULL;
}

char *buf_room(struct buf *b, size_t want)
{
	return room(b, want, b->max);
}

void buf_commit(struct buf *b, size_t n)
{
	b->end += n;
}

void buf_put(struct buf *b, struct str s)
{
	char *at;

	if (!s.n)
		return;
	at = buf_room(b, s.n);
	if (!at)
		return;
	memcpy(at, s.p, s.n);
	b->end += s.n;
}

void buf_putc(struct buf *b, char c)
{
	char *at = buf_room(b, 1);

	if (!at)
		return;
	*at = c;
	b->end++;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int n;

	va_start(ap, fmt);
	n = fmt_va(NULL, 0, fmt, ap);
	va_end(ap);
	/* One more, for the NUL that fmt_va() cannot leave out. */
	at = n < 0 ? NULL : room(b, (size_t)n + 1, b->max + 1);
	if (!at) {
		b->failed = true;
		return;
	}
	va_start(ap, fmt);
	fmt_va(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->end += (size_t)n;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p ? b->p + b->start : NULL,
			     b->end - b->start };
}

bool buf_failed(const struct buf *b)
{
	return b->failed;
}

void buf_consume(struct buf *b, size_t n)
{
	b->start += n;
	if (b->start >= b->end)
		b->start = b->end = 0;
}
