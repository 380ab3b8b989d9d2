/* SPDX-License-Identifier: MIT */
/* Frames are taken off a stream to its end; each is written as it was; cut
 * short it is no frame yet. */
#include "hub/logpipe.h"

#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str in, int n, const struct logpipe_rec *r)
{
	char head[LOGPIPE_HEAD + SHORT_SIZE];
	struct logpipe_rec cut, back;

	if ((size_t)n > in.n || r->name.p != in.p + LOGPIPE_HEAD ||
	    r->text.p != r->name.p + r->name.n ||
	    r->text.p + r->text.n != in.p + n)
		BUG("a part from elsewhere");
	if (logpipe_take(str_take(in, (size_t)n - 1), &cut) > 0)
		BUG("a frame that is not all there");
	if (logpipe_head(r, head) != LOGPIPE_HEAD + r->name.n)
		BUG("another length");
	if (r->text.n)
		return;
	if (logpipe_take((struct str){ head, LOGPIPE_HEAD + r->name.n },
			 &back) != n || back.boot != r->boot ||
	    back.seq != r->seq || back.count != r->count ||
	    back.unix_ns != r->unix_ns || back.kind != r->kind ||
	    back.stream != r->stream || back.partial != r->partial)
		BUG("another frame comes back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct logpipe_rec r;
	int n;

	while ((n = logpipe_take(rest, &r)) != 0) {
		size_t skip = n > 0 ? (size_t)n : logpipe_skip(rest);

		if (n > 0)
			check(rest, n, &r);
		if (!skip || skip > rest.n)
			BUG("no way on");
		rest = str_skip(rest, skip);
	}
	return 0;
}
