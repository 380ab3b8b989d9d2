/* SPDX-License-Identifier: MIT */
#include "keep/lines.h"

#include "hub/limits.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX LINE_MAX_BYTES

/* What came out, each record as its text and '|', or '+' when partial. */
static char got[4 * MAX], want[4 * MAX];
static size_t got_n;
static char *block;

static void take(void *ctx, struct str line, bool partial)
{
	if (ctx != got || got_n + line.n + 1 > sizeof got)
		abort();
	if (line.n)
		memcpy(got + got_n, line.p, line.n);
	got_n += line.n;
	got[got_n++] = partial ? '+' : '|';
}

/* In pieces that end at a, at b, and at the end. */
static void feed(struct str text, size_t a, size_t b)
{
	struct lines l;

	lines_init(&l, block);
	got_n = 0;
	lines_feed(&l, guarded(0, str_take(text, a)), take, got);
	lines_feed(&l, guarded(0, str_skip(str_take(text, b), a)), take, got);
	lines_feed(&l, guarded(0, str_skip(text, b)), take, got);
	lines_end(&l, take, got);
}

static bool is_want(struct str w)
{
	return got_n == w.n && !memcmp(got, w.p, w.n);
}

static void short_ones(void)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "", "" },
		{ "\n", "|" },
		{ "\n\n", "||" },
		{ "a\n", "a|" },
		{ "a", "a|" },
		{ "a\nb", "a|b|" },
		{ "a\nbc\n", "a|bc|" },
		{ "\na\n\nb\n", "|a||b|" },
		{ "a\r\nb\r\n", "a|b|" },
		{ "\r\n", "|" },
		{ "a\r\r\n", "a\r|" },
		{ "a\rb\n", "a\rb|" },
		{ "\n\r\n\n", "|||" },
		{ "one line\r\nand a tail", "one line|and a tail|" },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct str in = str_of(cases[i].in);
		bool same = true;

		for (size_t a = 0; a <= in.n; a++)
			for (size_t b = a; b <= in.n; b++) {
				feed(in, a, b);
				same = same && is_want(str_of(cases[i].out));
			}
		ok(same, "case %zu, however it is cut", i);
	}
	feed(STR("a\0b\n\0\n"), 2, 4);
	ok(is_want(STR("a\0b|\0|")), "NUL is a byte like any other");
}

/*
 * n bytes, then end. The answer: all records but the last are partial, and
 * one that is full is partial only when more comes, were it a CR.
 */
static void long_one(size_t n, const char *end)
{
	static char in[3 * MAX + 10];
	const size_t tail = strlen(end);
	size_t w = 0, len = n + tail, cuts[] = { 0, 1, n / 2, MAX - 1, MAX,
		MAX + 1, n - 1, n, n + 1, 2 * MAX, len };
	struct str text;
	bool same = true;

	memcpy(in + n, end, tail);
	for (size_t i = 0; i < n; i++)
		in[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < n; i++) {
		if (i && i % MAX == 0)
			want[w++] = '+';
		want[w++] = in[i];
	}
	if (*end == '\r' && n % MAX == 0)
		want[w++] = '+';
	want[w++] = '|';
	if (tail && end[tail - 1] == 'z') {
		want[w++] = 'z';
		want[w++] = '|';
	}
	text = (struct str){ in, len };
	for (size_t i = 0; i < LEN(cuts); i++)
		for (size_t k = i; k < LEN(cuts); k++) {
			size_t a = cuts[i] < len ? cuts[i] : len;
			size_t b = cuts[k] < len ? cuts[k] : len;

			feed(text, a < b ? a : b, a < b ? b : a);
			if (!is_want((struct str){ want, w }) && same) {
				tap_diag("cut at %zu and %zu: %zu bytes, not "
					 "%zu", a, b, got_n, w);
				same = false;
			}
		}
	ok(same, "%zu bytes and a %s, however they are cut", n,
	   !*end ? "tail" : *end == '\r' ? "CR LF" : "newline");
}

static void long_ones(void)
{
	static const size_t sizes[] = { MAX - 2, MAX - 1, MAX, MAX + 1,
		MAX + 2, 2 * MAX - 1, 2 * MAX, 2 * MAX + 1, 3 * MAX - 5 };
	static const char *const ends[] = { "\n", "\nz", "", "\r\n" };

	for (size_t i = 0; i < LEN(sizes); i++)
		for (size_t k = 0; k < LEN(ends); k++)
			long_one(sizes[i], ends[k]);
}

/* Two writers share no state, and one that ended starts anew. */
static void starts_anew(void)
{
	struct lines l;

	lines_init(&l, block);
	got_n = 0;
	lines_feed(&l, STR("half"), take, got);
	lines_end(&l, take, got);
	lines_end(&l, take, got);
	lines_feed(&l, STR(" another\n"), take, got);
	ok(is_want(STR("half| another|")), "after its end it starts anew");
}

int main(void)
{
	block = malloc(MAX);    /* exactly: a sanitizer sees one byte more */
	if (!block)
		return 1;
	short_ones();
	long_ones();
	starts_anew();
	free(block);
	return tap_done();
}
