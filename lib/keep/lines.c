/* SPDX-License-Identifier: MIT */
#include "keep/lines.h"

#include "hub/limits.h"

#include <string.h>

void lines_init(struct lines *l, char *block)
{
	*l = (struct lines){ .tail = block };
}

static struct str without_cr(struct str line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

/* Keeps bytes for later; a full tail goes out once more bytes follow it. */
static void keep(struct lines *l, struct str bytes, lines_fn *fn, void *ctx)
{
	while (bytes.n) {
		struct str part;

		if (l->n == LINE_MAX_BYTES) {
			fn(ctx, (struct str){ l->tail, l->n }, true);
			l->n = 0;
			l->middle = true;
		}
		part = str_take(bytes, LINE_MAX_BYTES - l->n);
		memcpy(l->tail + l->n, part.p, part.n);
		l->n += part.n;
		bytes = str_skip(bytes, part.n);
	}
}

void lines_feed(struct lines *l, struct str bytes, lines_fn *fn, void *ctx)
{
	struct str line, rest;

	while (str_cut(bytes, '\n', &line, &rest)) {
		if (l->n || l->middle || line.n > LINE_MAX_BYTES) {
			keep(l, line, fn, ctx);
			line = (struct str){ l->tail, l->n };
		}
		fn(ctx, without_cr(line), false);
		l->n = 0;
		l->middle = false;
		bytes = rest;
	}
	keep(l, bytes, fn, ctx);
}

void lines_end(struct lines *l, lines_fn *fn, void *ctx)
{
	if (l->n || l->middle)
		fn(ctx, without_cr((struct str){ l->tail, l->n }), false);
	l->n = 0;
	l->middle = false;
}
