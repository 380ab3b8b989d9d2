/* SPDX-License-Identifier: MIT */
/*
 * A request head: what a prefix is told must agree with the whole, results
 * lie within the input, and what was taken can be taken again from its own
 * bytes alone.
 */
#include "wire/http.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void inside(struct str part, struct str all)
{
	check(!part.n || (part.p >= all.p &&
			  part.p + part.n <= all.p + all.n));
}

static void lines(const struct http_head *h, struct str all)
{
	inside(h->method, all);
	inside(h->target, all);
	inside(h->host, all);
	check(http_is_token(h->method) && h->target.n);
	check(h->nfields <= HTTP_FIELDS_MAX);
	for (size_t i = 0; i < h->nfields; i++) {
		inside(h->fields[i].name, all);
		inside(h->fields[i].value, all);
		check(http_is_token(h->fields[i].name));
		check(str_find(h->fields[i].value, '\n') < 0);
		check(str_find(h->fields[i].value, '\r') < 0);
		check(str_find(h->fields[i].value, '\0') < 0);
	}
	check(h->body != HTTP_BODY_CLOSE);
	check(h->body != HTTP_BODY_CHUNKED ||
	      http_has_token(h, "transfer-encoding", "chunked"));
	check(h->minor == 0 || h->minor == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_head h, again;
	struct str in = { (const char *)data, size };
	const char *why = NULL, *why_cut = NULL;
	int rc = http_request(&h, in, &why), cut;

	check(rc > 0 || rc == HTTP_MORE || rc == HTTP_BAD || rc == HTTP_LONG);
	if (rc == HTTP_BAD || rc == HTTP_LONG)
		check(why && h.status >= 400 && h.status < 600);
	if (rc > 0) {
		check((size_t)rc <= size && rc <= HTTP_HEAD_MAX);
		lines(&h, str_take(in, (size_t)rc));
		check(http_request(&again, str_take(in, (size_t)rc), NULL) ==
		      rc && again.nfields == h.nfields);
	}
	/* Every cut of a short one, some of a long one. */
	for (size_t n = 0; n < size; n += 1 + size / 512) {
		cut = http_request(&again, str_take(in, n), &why_cut);
		if (rc > 0 && n >= (size_t)rc)
			check(cut == rc);
		else if (cut != HTTP_MORE)
			check(cut == rc && why_cut == why &&
			      again.status == h.status);
	}
	return 0;
}
