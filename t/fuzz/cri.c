/* SPDX-License-Identifier: MIT */
/* A line that is read is written and read again as the same. */
#include "log/cri.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct cri_clock clock = { 0 };
	struct cri_line l, back;
	char *out;
	size_t n;

	cri_starts(in);
	if (!cri_take(in, &l))
		return 0;
	if (l.text.n && l.text.p + l.text.n != in.p + in.n)
		BUG("a text from elsewhere");
	out = malloc(CRI_EXTRA + l.text.n);
	if (!out)
		return 0;
	n = cri_put(&clock, &l, out);
	if (n != CRI_EXTRA + l.text.n || out[n - 1] != '\n' ||
	    memchr(out, '\n', n - 1))
		BUG("not one line");
	if (!cri_take((struct str){ out, n - 1 }, &back) ||
	    back.unix_ns != l.unix_ns || back.stream != l.stream ||
	    back.partial != l.partial || back.text.n != l.text.n)
		BUG("another line comes back");
	if (str_find(l.text, '\n') < 0 && !str_eq(back.text, l.text))
		BUG("another text comes back");
	free(out);
	return 0;
}
