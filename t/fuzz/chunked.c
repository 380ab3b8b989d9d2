/* SPDX-License-Identifier: MIT */
/*
 * A chunked body, whole, bytewise and cut where its first two bytes say: the
 * same data, the same end. What was decoded and written again decodes to
 * itself.
 */
#include "wire/http.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEEP 65536

struct result {
	int rc;                 /* HTTP_MORE, HTTP_BAD, HTTP_LONG, or 0: done */
	size_t used, n;
	char data[KEEP];
};

static void check(bool good)
{
	if (!good)
		abort();
}

static bool feed(struct chunked *c, struct result *r, struct str in)
{
	struct str data;
	int n;

	while ((n = chunked_feed(c, in, &data)) > 0) {
		check((size_t)n <= in.n);
		if (data.n) {
			check(data.p >= in.p &&
			      data.p + data.n == in.p + n);
			check(r->n + data.n <= sizeof r->data);
			memcpy(r->data + r->n, data.p, data.n);
			r->n += data.n;
		}
		r->used += (size_t)n;
		in = str_skip(in, (size_t)n);
		if (chunked_done(c)) {
			r->rc = 0;
			return false;
		}
	}
	check(n == 0 || n == HTTP_BAD || n == HTTP_LONG);
	check(n < 0 || !in.n);
	if (n < 0)
		r->rc = n;
	return n == 0;
}

static void decode(struct result *r, struct str in, size_t first, size_t step)
{
	struct str part = str_take(in, first);
	struct chunked c;

	chunked_init(&c);
	r->rc = HTTP_MORE;
	r->used = r->n = 0;
	if (!feed(&c, r, part))
		return;
	for (in = str_skip(in, first); in.n; in = str_skip(in, step))
		if (!feed(&c, r, str_take(in, step)))
			return;
}

static void same(const struct result *a, const struct result *b)
{
	check(a->rc == b->rc && a->n == b->n);
	check(a->rc || a->used == b->used);
	check(!memcmp(a->data, b->data, a->n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, other;
	struct str in;
	struct buf b;
	size_t cut;

	if (size < 2 || size > KEEP)
		return 0;
	in = (struct str){ (const char *)data + 2, size - 2 };
	cut = (size_t)(data[0] << 8 | data[1]) % (in.n + 1);
	decode(&whole, in, in.n, 1);
	decode(&other, in, 0, 1);
	same(&whole, &other);
	decode(&other, in, cut, in.n);
	same(&whole, &other);
	decode(&other, in, cut, 7);
	same(&whole, &other);

	buf_init(&b, 4 * KEEP);
	http_put_chunk(&b, str_take((struct str){ whole.data, whole.n }, cut));
	http_put_chunk(&b, str_skip((struct str){ whole.data, whole.n }, cut));
	http_put_last_chunk(&b);
	check(!buf_failed(&b));
	decode(&other, buf_str(&b), buf_str(&b).n, 1);
	check(other.rc == 0 && other.n == whole.n &&
	      !memcmp(other.data, whole.data, whole.n));
	buf_release(&b);
	return 0;
}
