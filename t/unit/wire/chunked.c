/* SPDX-License-Identifier: MIT */
/* Chunked bodies: each is decoded whole, cut in two anywhere, and bytewise. */
#include "wire/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define IN(lit) { (lit), sizeof(lit) - 1 }

static const struct {
	const char *name;
	struct str in;
	const char *data;
	size_t left;            /* bytes after the end */
} good[] = {
	{ "empty", IN("0\r\n\r\n"), "", 0 },
	{ "one chunk", IN("5\r\nhello\r\n0\r\n\r\n"), "hello", 0 },
	{ "three chunks", IN("1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n"),
	  "abcdef", 0 },
	{ "what follows is left", IN("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1"),
	  "a", 14 },
	{ "hexadecimal of both cases", IN("a\r\n0123456789\r\nB\r\n"
	  "0123456789A\r\n0\r\n\r\n"), "01234567890123456789A", 0 },
	{ "data that looks like framing", IN("7\r\n\r\n0\r\n\r\n\r\n"
	  "0\r\n\r\n"), "\r\n0\r\n\r\n", 0 },
	{ "leading zeros", IN("0000000000000001\r\na\r\n000\r\n\r\n"), "a", 0 },
	{ "extension", IN("1;a\r\na\r\n0;b=c;d=\"e f\"\r\n\r\n"), "a", 0 },
	{ "white space before an extension", IN("1 \t;a = b\r\na\r\n"
	  "0\r\n\r\n"), "a", 0 },
	{ "trailers", IN("1\r\na\r\n0\r\nX: y\r\nZ:\t\x80\r\n\r\n"), "a", 0 },
};

static const struct {
	const char *name;
	struct str in;
	const char *data;       /* what is good of it */
} bad[] = {
	{ "no size", IN("\r\n"), "" },
	{ "only an extension", IN(";a\r\na\r\n0\r\n\r\n"), "" },
	{ "negative", IN("-1\r\n"), "" },
	{ "with a plus", IN("+1\r\na\r\n"), "" },
	{ "0x", IN("0x1\r\na\r\n0\r\n\r\n"), "" },
	{ "leading space", IN(" 1\r\na\r\n"), "" },
	{ "trailing space", IN("1 \r\na\r\n"), "" },
	{ "no hexadecimal", IN("g\r\n"), "" },
	{ "17 digits", IN("00000000000000001\r\na\r\n"), "" },
	{ "64 bits and one", IN("10000000000000001\r\na\r\n"), "" },
	{ "bare LF after the size", IN("1\na\r\n0\r\n\r\n"), "" },
	{ "bare CR after the size", IN("1\ra\r\n0\r\n\r\n"), "" },
	{ "LF in an extension", IN("1;a\nb\r\na\r\n0\r\n\r\n"), "" },
	{ "CR in an extension", IN("1;a\rb\r\na\r\n0\r\n\r\n"), "" },
	{ "NUL in an extension", IN("1;\0\r\na\r\n"), "" },
	{ "data longer than said", IN("1\r\nab\r\n0\r\n\r\n"), "a" },
	{ "data shorter than said", IN("3\r\na\r\n0\r\n\r\n"), "a\r\n" },
	{ "bare LF after the data", IN("1\r\na\n0\r\n\r\n"), "a" },
	{ "bare CR after the data", IN("1\r\na\r0\r\n\r\n"), "a" },
	{ "nothing after the data", IN("1\r\na0\r\n\r\n"), "a" },
	{ "bare LF at the end", IN("0\r\n\n"), "" },
	{ "bare CR at the end", IN("0\r\n\rX"), "" },
	{ "trailer without colon", IN("0\r\nabc\r\n\r\n"), "" },
	{ "trailer with an empty name", IN("0\r\n: a\r\n\r\n"), "" },
	{ "trailer with a space before its colon", IN("0\r\na : b\r\n\r\n"),
	  "" },
	{ "folded trailer", IN("0\r\na: b\r\n c\r\n\r\n"), "" },
	{ "LF in a trailer", IN("0\r\na: b\nc: d\r\n\r\n"), "" },
	{ "CR in a trailer", IN("0\r\na: b\rc\r\n\r\n"), "" },
	{ "NUL in a trailer", IN("0\r\na: \0\r\n\r\n"), "" },
};

struct result {
	int rc;                 /* HTTP_MORE, HTTP_BAD, HTTP_LONG, or 0: done */
	size_t used, n;
	char data[256];
};

/* Feeds one piece as the header says; true while the next one is wanted. */
static bool feed(struct chunked *c, struct result *r, struct str piece)
{
	struct str in = guarded(0, piece), data;
	int n;

	while ((n = chunked_feed(c, in, &data)) > 0) {
		if (data.n > sizeof r->data - r->n)
			return false;
		if (data.n)
			memcpy(r->data + r->n, data.p, data.n);
		r->n += data.n;
		r->used += (size_t)n;
		in = str_skip(in, (size_t)n);
		if (chunked_done(c)) {
			r->rc = 0;
			return false;
		}
	}
	if (n < 0) {
		r->rc = n;
		/* For good, whatever comes. */
		if (chunked_feed(c, STR("0\r\n\r\n"), &data) != n ||
		    chunked_done(c))
			r->rc = 1;
	}
	return n == 0;
}

/* All of it, cut at `cut` and every `step` bytes before and after. */
static struct result decode(struct str in, size_t cut, size_t step)
{
	struct result r = { .rc = HTTP_MORE };
	struct str part[2] = { str_take(in, cut), str_skip(in, cut) };
	struct chunked c;

	chunked_init(&c);
	for (int i = 0; i < 2; i++) {
		for (; part[i].n; part[i] = str_skip(part[i], step)) {
			if (!feed(&c, &r, str_take(part[i], step)))
				return r;
		}
	}
	return r;
}

static bool same(const struct result *a, const struct result *b)
{
	return a->rc == b->rc && a->n == b->n && (a->rc || a->used == b->used)
	       && !memcmp(a->data, b->data, a->n);
}

static size_t differing(struct str in, const struct result *whole)
{
	size_t wrong = 0;
	struct result r;

	for (size_t cut = 0; cut <= in.n; cut++) {
		r = decode(in, cut, in.n);
		wrong += !same(&r, whole);
	}
	for (size_t step = 1; step < 4; step++) {
		r = decode(in, 0, step);
		wrong += !same(&r, whole);
	}
	return wrong;
}

static void test_good(void)
{
	for (size_t i = 0; i < LEN(good); i++) {
		struct str in = good[i].in;
		struct result r = decode(in, 0, in.n), cut;
		size_t wrong = 0, need = in.n - good[i].left;

		ok(r.rc == 0 && r.used == need &&
		   str_is((struct str){ r.data, r.n }, good[i].data), "%s",
		   good[i].name);
		ok(differing(in, &r) == 0, "however it is cut: %s",
		   good[i].name);
		for (size_t n = 0; n < need; n++) {
			cut = decode(str_take(in, n), 0, in.n);
			wrong += cut.rc != HTTP_MORE || cut.used != n;
		}
		ok(wrong == 0, "cut short, more is wanted: %s", good[i].name);
	}
}

static void test_bad(void)
{
	for (size_t i = 0; i < LEN(bad); i++) {
		struct str in = bad[i].in;
		struct result r = decode(in, 0, in.n);

		ok(r.rc == HTTP_BAD &&
		   str_is((struct str){ r.data, r.n }, bad[i].data),
		   "refused: %s (%d)", bad[i].name, r.rc);
		ok(differing(in, &r) == 0, "however it is cut: %s",
		   bad[i].name);
	}
}

static struct str filled(char *out, const char *before, size_t n,
			 const char *after)
{
	size_t b = strlen(before), a = strlen(after);

	memcpy(out, before, b);
	memset(out + b, 'x', n);
	memcpy(out + b + n, after, a);
	return (struct str){ out, b + n + a };
}

static void test_bounds(void)
{
	static char text[HTTP_HEAD_MAX + 64];
	struct chunked c;
	struct result r;
	struct str in, data;

	in = filled(text, "1;", 255, "\r\na\r\n0\r\n\r\n");
	r = decode(in, 0, in.n);
	ok(r.rc == 0 && r.n == 1, "the longest extension");
	in = filled(text, "1;", 256, "\r\na\r\n0\r\n\r\n");
	r = decode(in, 0, in.n);
	ok(r.rc == HTTP_LONG && differing(in, &r) == 0, "a longer one");
	in = filled(text, "0\r\nX:", HTTP_HEAD_MAX - 6, "\r\n\r\n");
	r = decode(in, 0, in.n);
	ok(r.rc == 0, "the longest trailer");
	in = filled(text, "0\r\nX:", HTTP_HEAD_MAX - 5, "\r\n\r\n");
	r = decode(in, 0, in.n);
	ok(r.rc == HTTP_LONG && r.n == 0, "a longer one");

	chunked_init(&c);
	in = STR("ffffffffffffffff\r\nabc");
	ok(chunked_feed(&c, in, &data) == (int)in.n &&
	   str_is(data, "abc") && c.left == UINT64_MAX - 3,
	   "a chunk of 64 bits is counted, not wrapped");
	ok(chunked_feed(&c, STR_NULL, &data) == 0 && !data.n,
	   "no input, no progress");
	chunked_init(&c);
	while ((in = STR("0\r\n\r\n"), !chunked_done(&c)))
		if (chunked_feed(&c, in, &data) <= 0)
			break;
	ok(chunked_done(&c) && chunked_feed(&c, STR("1\r\n"), &data) == 0,
	   "nothing is taken after the end");
}

int main(void)
{
	test_good();
	test_bad();
	test_bounds();
	return tap_done();
}
