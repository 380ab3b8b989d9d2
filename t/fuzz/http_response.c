/* SPDX-License-Identifier: MIT */
/* A response head; the first byte of the input chooses the request's method. */
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

static void head(const struct http_head *h, struct str all, struct str method)
{
	inside(h->reason, all);
	check(h->status >= 100 && h->status <= 999);
	check(h->nfields <= HTTP_FIELDS_MAX);
	for (size_t i = 0; i < h->nfields; i++) {
		inside(h->fields[i].name, all);
		inside(h->fields[i].value, all);
		check(http_is_token(h->fields[i].name));
	}
	if (str_is(method, "HEAD") || h->status < 200 || h->status == 204 ||
	    h->status == 304)
		check(h->body == HTTP_BODY_NONE);
	check(h->body != HTTP_BODY_CLOSE || !h->keep_alive);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const methods[] = { "GET", "HEAD", "CONNECT", "X" };
	static struct http_head h, again;
	const char *why = NULL, *why_cut = NULL;
	struct str in, method;
	int rc, cut;

	if (!size)
		return 0;
	method = str_of(methods[data[0] % LEN(methods)]);
	in = (struct str){ (const char *)data + 1, --size };
	rc = http_response(&h, in, method, &why);
	check(rc > 0 || rc == HTTP_MORE || rc == HTTP_BAD || rc == HTTP_LONG);
	if (rc == HTTP_BAD || rc == HTTP_LONG)
		check(why != NULL);
	if (rc > 0) {
		check((size_t)rc <= size && rc <= HTTP_HEAD_MAX);
		head(&h, str_take(in, (size_t)rc), method);
	}
	for (size_t n = 0; n < size; n += 1 + size / 512) {
		cut = http_response(&again, str_take(in, n), method, &why_cut);
		if (rc > 0 && n >= (size_t)rc)
			check(cut == rc && again.body == h.body);
		else if (cut != HTTP_MORE)
			check(cut == rc && why_cut == why);
	}
	return 0;
}
