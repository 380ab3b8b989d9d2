/* SPDX-License-Identifier: MIT */
#include "hub/logpipe.h"

#include "base/le.h"

#include <string.h>

#define MAGIC 0x50434c31u       /* "PCL1" */

/* Where each field of the head stands. */
enum { AT_MAGIC = 0, AT_TEXT = 4, AT_NAME = 8, AT_KIND = 9, AT_STREAM = 10,
       AT_PARTIAL = 11, AT_BOOT = 16, AT_SEQ = 24, AT_COUNT = 32,
       AT_TIME = 40 };

size_t logpipe_head(const struct logpipe_rec *r, char *out)
{
	memset(out, 0, LOGPIPE_HEAD);
	le_put(out + AT_MAGIC, MAGIC, 4);
	le_put(out + AT_TEXT, r->text.n, 4);
	le_put(out + AT_NAME, r->name.n, 1);
	le_put(out + AT_KIND, (uint64_t)r->kind, 1);
	le_put(out + AT_STREAM, (uint64_t)r->stream, 1);
	le_put(out + AT_PARTIAL, r->partial, 1);
	le_put(out + AT_BOOT, r->boot, 8);
	le_put(out + AT_SEQ, r->seq, 8);
	le_put(out + AT_COUNT, r->count, 8);
	le_put(out + AT_TIME, (uint64_t)r->unix_ns, 8);
	if (r->name.n)
		memcpy(out + LOGPIPE_HEAD, r->name.p, r->name.n);
	return LOGPIPE_HEAD + r->name.n;
}

int logpipe_take(struct str in, struct logpipe_rec *r)
{
	size_t name, text, all;

	if (in.n < LOGPIPE_HEAD)
		return 0;
	name = le_get(in.p + AT_NAME, 1);
	text = le_get(in.p + AT_TEXT, 4);
	*r = (struct logpipe_rec){
		.kind = (enum logpipe_kind)le_get(in.p + AT_KIND, 1),
		.boot = le_get(in.p + AT_BOOT, 8),
		.seq = le_get(in.p + AT_SEQ, 8),
		.count = le_get(in.p + AT_COUNT, 8),
		.unix_ns = (int64_t)le_get(in.p + AT_TIME, 8),
		.stream = (int)le_get(in.p + AT_STREAM, 1),
		.partial = le_get(in.p + AT_PARTIAL, 1) != 0,
	};
	if (le_get(in.p + AT_MAGIC, 4) != MAGIC || !name || name >= SHORT_SIZE ||
	    text > LINE_MAX_BYTES || r->stream > 1 ||
	    (r->kind != LOGPIPE_LINE && r->kind != LOGPIPE_GAP))
		return -1;
	all = LOGPIPE_HEAD + name + text;
	if (in.n < all)
		return 0;
	r->name = (struct str){ in.p + LOGPIPE_HEAD, name };
	r->text = (struct str){ in.p + LOGPIPE_HEAD + name, text };
	return (int)all;
}

size_t logpipe_skip(struct str in)
{
	char magic[4];

	le_put(magic, MAGIC, 4);
	for (size_t i = 1; i < in.n; i++)
		if (str_starts((struct str){ magic, 4 },
			       str_take(str_skip(in, i), 4)))
			return i;
	return in.n;
}
