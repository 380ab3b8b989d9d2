/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include "tap.h"

#include <string.h>

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_high(unsigned char c)
{
	return c >= 0x80;
}

static bool is(struct str s, const char *want)
{
	return s.n == strlen(want) && (!s.n || !memcmp(s.p, want, s.n));
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static const struct {
	const char *a, *b;
	bool eq, nocase, starts, ends;
	int cmp;
} pairs[] = {
	{ "",     "",     true,  true,  true,  true,  0 },
	{ "a",    "",     false, false, true,  true,  1 },
	{ "",     "a",    false, false, false, false, -1 },
	{ "abc",  "abc",  true,  true,  true,  true,  0 },
	{ "abc",  "ABC",  false, true,  false, false, 1 },
	{ "abc",  "ab",   false, false, true,  false, 1 },
	{ "abc",  "bc",   false, false, false, true,  -1 },
	{ "abc",  "abcd", false, false, false, false, -1 },
	{ "abca", "a",    false, false, true,  true,  1 },
	{ "@[`{", "@[`{", true,  true,  true,  true,  0 },
	{ "@",    "`",    false, false, false, false, -1 },
	{ "[",    "{",    false, false, false, false, -1 },
	/* Bytes are unsigned, and only ASCII has a case. */
	{ "\xc3", "a",    false, false, false, false, 1 },
	{ "\xc4", "\xe4", false, false, false, false, -1 },
};

static void compare(void)
{
	struct str ab0 = STR("ab\0x"), ab1 = STR("ab\0y");

	for (size_t i = 0; i < LEN(pairs); i++) {
		struct str a = guarded(0, str_of(pairs[i].a));
		struct str b = guarded(1, str_of(pairs[i].b));

		ok(str_eq(a, b) == pairs[i].eq &&
		   str_is(a, pairs[i].b) == pairs[i].eq &&
		   str_eq_nocase(a, b) == pairs[i].nocase &&
		   str_starts(a, b) == pairs[i].starts &&
		   str_ends(a, b) == pairs[i].ends &&
		   sign(str_cmp(a, b)) == pairs[i].cmp &&
		   sign(str_cmp(b, a)) == -pairs[i].cmp,
		   "\"%s\" beside \"%s\"", pairs[i].a, pairs[i].b);
	}
	ok(str_eq(STR_NULL, STR("")) && str_eq_nocase(STR(""), STR_NULL) &&
	   str_cmp(STR_NULL, STR("")) == 0 && str_starts(STR_NULL, STR_NULL) &&
	   str_ends(STR("x"), STR_NULL) && str_is(STR_NULL, "") &&
	   str_is(STR(""), NULL),
	   "nothing at all is an empty one");
	ok(str_of(NULL).n == 0 && str_of("").n == 0 && str_of("ab").n == 2,
	   "from C strings");
	ok(ab0.n == 4 && !str_eq(ab0, ab1) && str_cmp(ab0, ab1) < 0 &&
	   !str_is(ab0, "ab"), "NUL is a byte like any other");
}

static void parts(void)
{
	struct str s = guarded(0, STR("12ab"));

	for (size_t n = 0; n < 7; n++) {
		size_t k = n < 4 ? n : 4;
		struct str head = str_take(s, n), tail = str_skip(s, n);

		ok(head.p == s.p && head.n == k && tail.p == s.p + k &&
		   tail.n == 4 - k, "the first %zu and the rest", n);
	}
	ok(str_take(s, SIZE_MAX).n == 4 && str_skip(s, SIZE_MAX).n == 0 &&
	   !str_take(STR_NULL, 3).n && !str_skip(STR_NULL, 3).p,
	   "as much as there is");
	ok(is(str_span(s, is_digit), "12") && is(str_span(s, is_high), "") &&
	   is(str_span(STR("\xff\x80z"), is_high), "\xff\x80") &&
	   is(str_span(guarded(1, STR("99")), is_digit), "99") &&
	   is(str_span(STR_NULL, is_digit), ""), "longest prefix");
}

static void cut(void)
{
	static const struct {
		const char *in, *head, *rest;
		bool found;
	} cases[] = {
		{ "a:b",   "a",  "b",  true },
		{ "a:b:c", "a",  "b:c", true },
		{ ":b",    "",   "b",  true },
		{ "a:",    "a",  "",   true },
		{ ":",     "",   "",   true },
		{ "ab",    "ab", "",   false },
		{ "",      "",   "",   false },
	};
	struct str head, rest;

	for (size_t i = 0; i < LEN(cases); i++) {
		struct str in = guarded(0, str_of(cases[i].in));

		ok(str_cut(in, ':', &head, &rest) == cases[i].found &&
		   is(head, cases[i].head) && is(rest, cases[i].rest),
		   "\"%s\" cut at a colon", cases[i].in);
	}
	ok(!str_cut(STR_NULL, ':', &head, &rest) && !head.n && !rest.n,
	   "nothing, cut");
	head = STR("a:b");
	ok(str_cut(head, ':', &head, &rest) && is(head, "a") && is(rest, "b"),
	   "the result may be where the question was");
	ok(str_find(STR("abca"), 'a') == 0 && str_find(STR("abca"), 'c') == 2 &&
	   str_find(STR("abca"), 'x') == -1 && str_find(STR_NULL, 'x') == -1 &&
	   str_find(guarded(0, STR("ab")), '\0') == -1 &&
	   str_find(STR("a\0"), '\0') == 1, "where a byte is");
}

static void trim(void)
{
	static const struct { const char *in, *set, *out; } cases[] = {
		{ "  a b ", " ",   "a b" },
		{ "\r\n",   "\r\n", "" },
		{ "abc",    " ",   "abc" },
		{ " abc",   "",    " abc" },
		{ "",       " ",   "" },
		{ "xyx",    "xy",  "" },
	};

	for (size_t i = 0; i < LEN(cases); i++)
		ok(is(str_trim(guarded(0, str_of(cases[i].in)), cases[i].set),
		      cases[i].out), "trimmed: \"%s\"", cases[i].out);
	ok(str_trim(STR("\0 \0"), " ").n == 3 && !str_trim(STR_NULL, " ").n,
	   "NUL is never trimmed");
}

static void to_c(void)
{
	char out[4] = "???";

	ok(str_to_c(guarded(0, STR("abc")), out, sizeof out) &&
	   !strcmp(out, "abc"), "it just fits");
	ok(!str_to_c(STR("abcd"), out, sizeof out), "one too long");
	ok(!str_to_c(STR("a\0b"), out, sizeof out), "NUL within");
	ok(str_to_c(STR_NULL, out, 1) && !out[0], "empty in one byte");
	ok(!str_to_c(STR_NULL, out, 0), "no room at all");
}

static void numbers(void)
{
	static const struct {
		const char *in;
		uint64_t max;
		bool good;
		uint64_t want;
	} cases[] = {
		{ "0", 0, true, 0 },
		{ "1", 0, false, 0 },
		{ "0", UINT64_MAX, true, 0 },
		{ "007", 7, true, 7 },
		{ "8", 7, false, 0 },
		{ "65535", 65535, true, 65535 },
		{ "65536", 65535, false, 0 },
		{ "99", 100, true, 99 },
		{ "100", 100, true, 100 },
		{ "101", 100, false, 0 },
		{ "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, false, 0 },
		{ "18446744073709551620", UINT64_MAX, false, 0 },
		{ "99999999999999999999", UINT64_MAX, false, 0 },
		{ "100000000000000000000", UINT64_MAX, false, 0 },
		{ "", 10, false, 0 },
		{ "+1", 10, false, 0 },
		{ "-1", 10, false, 0 },
		{ " 1", 10, false, 0 },
		{ "1 ", 10, false, 0 },
		{ "1x", 10, false, 0 },
		{ "0x1", 10, false, 0 },
		{ "\xb1", 10, false, 0 },
		{ "/", 10, false, 0 },
		{ ":", 100, false, 0 },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		uint64_t got = 4711;
		bool good = str_to_u64(guarded(0, str_of(cases[i].in)),
				       cases[i].max, &got);

		ok(good == cases[i].good &&
		   got == (good ? cases[i].want : 4711),
		   "number \"%s\", at most %llu", cases[i].in,
		   (unsigned long long)cases[i].max);
	}
	ok(!str_to_u64(STR_NULL, 1, &(uint64_t){ 0 }), "no number at all");
}

static void wiped(void)
{
	unsigned char secret[] = "#secret#";
	bool clean = true;

	wipe(secret + 1, 6);
	for (int i = 1; i < 7; i++)
		clean = clean && !secret[i];
	ok(clean && secret[0] == '#' && secret[7] == '#', "wiped, no more");
	wipe(NULL, 0);
}

struct thing {
	int first, member;
};

int main(void)
{
	struct thing t = { 1, 2 };

	compare();
	parts();
	cut();
	trim();
	to_c();
	numbers();
	wiped();
	ok(CONTAINER(&t.member, struct thing, member) == &t, "container");
	return tap_done();
}
