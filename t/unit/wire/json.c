/* SPDX-License-Identifier: MIT */
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

#define ROOM (64u << 20)
#define T(lit) (lit), sizeof(lit) - 1

/* What a person reads who edited the file by hand. */
static const struct message {
	const char *in;
	size_t n;
	unsigned line, column;
	const char *text;
} messages[] = {
	{ T(""), 1, 1, "expected a value, found the end" },
	{ T("\n\n  "), 3, 3, "expected a value, found the end" },
	{ T("{\n  \"name\": \"vault\",\n  \"port\" 1940\n}"), 3, 10,
	  "expected ':' after the name \"port\", found '1'" },
	{ T("{\"a\": 1,\n\"b\": 2,\n}"), 3, 1,
	  "nothing between ',' and '}'" },
	{ T("[1,\n2,]"), 2, 3, "nothing between ',' and ']'" },
	{ T("{\"a\": 1\n \"b\": 2}"), 2, 2,
	  "expected ',' or '}', found '\"'" },
	{ T("[1 2]"), 1, 4, "expected ',' or ']', found '2'" },
	{ T("[1"), 1, 3, "expected ',' or ']', found the end" },
	{ T("[1\x1b"), 1, 3, "expected ',' or ']', found byte 0x1b" },
	{ T("{a: 1}"), 1, 2, "expected a name in double quotes, found 'a'" },
	{ T("{\r\n\t'a': 1}"), 2, 2,
	  "expected a name in double quotes, found '''" },
	{ T("[True]"), 1, 2, "unknown word True" },
	{ T("[abcdefghijklmnopqrstuvwxyz_0123456789_abcdefghijkl]"), 1, 2,
	  "unknown word abcdefghijklmnopqrstuvwxyz_012345678..." },
	{ T("['x']"), 1, 2,
	  "expected a value; a string stands in double quotes" },
	{ T("[ // x\n]"), 1, 3,
	  "expected a value, found '/'; comments are not allowed" },
	{ T("[ # x\n]"), 1, 3,
	  "expected a value, found '#'; comments are not allowed" },
	{ T("[01]"), 1, 3, "a number with a leading zero" },
	{ T("[-x]"), 1, 3, "expected a digit after '-', found 'x'" },
	{ T("[1.]"), 1, 4, "expected a digit after '.', found ']'" },
	{ T("[1e+"), 1, 5, "expected a digit in the exponent, found the end" },
	{ T("[\"abc\n\"]"), 1, 6, "expected '\"' to end the string that "
	  "starts in column 2, found a line break" },
	{ T("\n \"abc"), 2, 6, "expected '\"' to end the string that "
	  "starts in column 2, found the end" },
	{ T("[\"a\tb\"]"), 1, 4,
	  "control character in a string; write \\u0009" },
	{ T("[\"\\q\"]"), 1, 3, "a '\\' that escapes nothing" },
	{ T("[\"ab\\u12\"]"), 1, 5, "expected four hex digits after \\u" },
	{ T("[\"ab\\ud800x\"]"), 1, 5, "half a surrogate pair" },
	{ T("[\"ab\xff\"]"), 1, 5, "bad UTF-8, byte 0xff" },
	{ T("[1] x"), 1, 5, "expected nothing more, found 'x'" },
	{ T("\xef\xbb\xbf[]"), 1, 1, "starts with a byte order mark" },
	{ T("{\"a\": 1,\n \"b\": 2,\n \"a\": 3,\n \"b\": 4}"), 3, 2,
	  "the name \"a\" again; it was given on line 1" },
	{ T("{\"a\": 1,\n \"b\": 2,\n \"b\": 3, \"b\": 4, \"a\": 4}"), 3, 2,
	  "the name \"b\" again; it was given on line 2" },
	{ T("{\"\\u001b[31m\xc2\x9b\" 1}"), 1, 17,
	  "expected ':' after the name \"?[31m??\", found '1'" },
};

static const struct {
	const char *in;
	int64_t min, max, want;
	bool good;
} ints[] = {
	{ "0", 0, 10, 0, true },
	{ "-0", -1, 1, 0, true },
	{ "1940", 1, 65535, 1940, true },
	{ "65535", 1, 65535, 65535, true },
	{ "65536", 1, 65535, 0, false },
	{ "0", 1, 65535, 0, false },
	{ "-1", 0, 65535, 0, false },
	{ "-1", -1, 65535, -1, true },
	{ "1.0", 0, 10, 0, false },
	{ "1e1", 0, 100, 0, false },
	{ "9223372036854775807", INT64_MIN, INT64_MAX, INT64_MAX, true },
	{ "9223372036854775808", INT64_MIN, INT64_MAX, 0, false },
	{ "-9223372036854775808", INT64_MIN, INT64_MAX, INT64_MIN, true },
	{ "-9223372036854775809", INT64_MIN, INT64_MAX, 0, false },
	{ "18446744073709551617", INT64_MIN, INT64_MAX, 0, false },
	{ "\"1\"", 0, 10, 0, false },
	{ "true", 0, 10, 0, false },
	{ "[1]", 0, 10, 0, false },
};

static const char *const documents[] = {
	"{\"services\": [{\"name\": \"vault\", \"port\": 1940, \"paths\": "
	"[\"/vault/default\"], \"health\": \"/vault/default/health\",\n"
	"\"stripPrefix\": false, \"x\": null, \"t\": true, \"r\": -1.5e+10, "
	"\"u\": \"\\u00e9\\ud83d\\ude39 \\\"\\\\\\/\\b\\f\\n\\r\\t\"}]}",
	"[[],{},[{}],{\"\":[]},\"\xe2\x82\xac\",\"\xf0\x9f\x98\x80\"]",
	"\"lonely\\u0000\\ud834\\udd1e\"",
	"\r\n[ 0 , -0.0e-0 ]",
	"{\"\\n\":\"\\t\",\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,"
	"\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,"
	"\"p\":1,\"q\":1,\"r\":1}",
};

static struct arena arena;

static struct json *parse(struct str s, struct json_at *at, struct err *e)
{
	arena_reset(&arena);
	return json_parse(guarded(0, s), &arena, at, e);
}

static struct json *parse_c(const char *s)
{
	return parse(str_of(s), NULL, NULL);
}

static void test_messages(void)
{
	for (size_t i = 0; i < LEN(messages); i++) {
		const struct message *c = &messages[i];
		struct err e = { 0 };
		struct json_at at = { 0 };
		char want[240];

		snprintf(want, sizeof want, "line %u column %u: %s", c->line,
			 c->column, c->text);
		parse((struct str){ c->in, c->n }, &at, &e);
		if (!ok(strcmp(e.msg, want) == 0 && at.line == c->line &&
			at.column == c->column, "says: %s", want))
			tap_diag("got %u %u: %s", at.line, at.column, e.msg);
	}
}

static void test_tree(void)
{
	struct json *j = parse_c("{\"a\": [1, 22,\n  \"x\\u0000y\"],"
				 " \"b\\n\": true,\n\"c\": {}, \"d\": null}");
	struct json *a = json_get(j, "a"), *c = a ? a->child : NULL;
	struct str s = STR_NULL;
	int64_t n = 0;
	bool b = false;

	ok(j && j->type == JSON_OBJECT && j->count == 4, "an object of 4");
	ok(a && a->type == JSON_ARRAY && a->count == 3, "an array of 3");
	ok(a && a->line == 1 && a->column == 7 && a->key_column == 2,
	   "knows where it stands");
	ok(c && json_int(c, 0, 9, &n) && n == 1, "first element");
	ok(c && json_int(c->next, 0, 99, &n) && n == 22, "second element");
	c = c && c->next ? c->next->next : NULL;
	ok(c && json_str(c, &s) && str_eq(s, STR("x\0y")), "NUL in text");
	ok(c && !c->next && c->line == 2 && c->column == 3, "and its place");
	ok(json_bool(json_get(j, "b\n"), &b) && b, "decoded name");
	ok(json_get(j, "c") && !json_get(j, "c")->child, "empty object");
	ok(json_get(j, "d") && json_get(j, "d")->type == JSON_NULL, "null");
	ok(!json_get(j, "e") && !json_get(a, "a") && !json_get(NULL, "a"),
	   "absent");
	ok(!json_str(NULL, &s) && !json_bool(NULL, &b) &&
	   !json_int(NULL, 0, 1, &n), "NULL answers false");
	ok(!json_str(a, &s) && !json_bool(a, &b), "another type is no");
	ok(!json_get(parse_c("{\"a\\u0000\": 1}"), "a"), "NUL ends no name");
	j = parse_c("\"\\u00e9\\u20ac\\ud83d\\ude00\\u007f\\u0800\"");
	ok(json_str(j, &s) && str_is(s, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
				    "\x7f\xe0\xa0\x80"), "escapes to UTF-8");
	for (size_t i = 0; i < LEN(ints); i++) {
		n = -7;
		ok(json_int(parse_c(ints[i].in), ints[i].min, ints[i].max, &n)
		   == ints[i].good && n == (ints[i].good ? ints[i].want : -7),
		   "integer %s", ints[i].in);
	}
}

static void test_prefixes(void)
{
	for (size_t i = 0; i < LEN(documents); i++) {
		struct str s = str_of(documents[i]);
		size_t n = 0;
		struct err e;

		do
			e = (struct err){ 0 };
		while (n < s.n && !parse(str_take(s, n), NULL, &e) &&
		       e.code == ERR_INVALID && ++n);
		ok(n == s.n && parse(s, NULL, NULL),
		   "every prefix of document %zu is refused", i);
		if (n < s.n)
			tap_diag("not at %zu of %zu", n, s.n);
	}
}

static char *fill(char *to, const char *unit, size_t n)
{
	size_t each = strlen(unit);

	for (; n; n--, to += each)
		memcpy(to, unit, each);
	return to;
}

static void test_bounds(char *text)
{
	struct json_at at = { 0 };
	struct err e = { 0 };

	fill(fill(text, "[", JSON_DEPTH_MAX), "]", JSON_DEPTH_MAX);
	ok(parse((struct str){ text, 2 * JSON_DEPTH_MAX }, NULL, NULL),
	   "as deep as may be");
	fill(text, "{\"a\":", JSON_DEPTH_MAX + 1);
	ok(!parse((struct str){ text, 5 * (JSON_DEPTH_MAX + 1) }, &at, &e) &&
	   at.column == 5 * JSON_DEPTH_MAX + 1 && strstr(e.msg, "deep"),
	   "one deeper: %s", e.msg);
	fill(text, "[", 100000);
	ok(!parse((struct str){ text, 100000 }, NULL, NULL),
	   "100000 deep");
	memset(text, ' ', JSON_SIZE_MAX + 1);
	text[0] = '1';
	ok(parse((struct str){ text, JSON_SIZE_MAX }, NULL, NULL),
	   "as long as may be");
	ok(!parse((struct str){ text, JSON_SIZE_MAX + 1 }, NULL, &e) &&
	   strstr(e.msg, "longer"), "one byte longer: %s", e.msg);
}

/* Each allocation fails once. */
static void test_memory(void)
{
	for (size_t i = 0; i < LEN(documents); i++) {
		size_t cap = 0;
		struct json_at at;
		struct json *j;
		struct err e;

		do {
			arena_release(&arena);
			arena_init(&arena, cap += 16);
			at = (struct json_at){ 0 };
			e = (struct err){ 0 };
			j = parse(str_of(documents[i]), &at, &e);
		} while (!j && e.code == ERR_NO_MEMORY && at.line &&
			 cap < 100000);
		ok(j && cap > sizeof *j,
		   "document %zu: every arena under %zu bytes says so", i,
		   cap);
	}
	arena_release(&arena);
	arena_init(&arena, ROOM);
}

/* With each name compared to each, this would take minutes. */
static void test_many(char *text)
{
	static const struct { const char *what; unsigned step; } c[] = {
		{ "same length", 1 },
		{ "falling", 0xffffff },
		{ "scattered", 0x9e3779b1 },
	};
	const unsigned many = 250000;

	for (size_t i = 0; i < LEN(c); i++) {
		char *to = text;
		struct err e = { 0 };
		struct json_at at;
		struct json *j;

		*to++ = '{';
		for (unsigned k = 0; k < many; k++)
			to += sprintf(to, "\"%06x\":%u,",
				      k * c[i].step & 0xffffff, k % 10);
		to[-1] = '}';
		j = parse((struct str){ text, (size_t)(to - text) }, &at, &e);
		ok(j && j->count == many, "250000 names, %s", c[i].what);
		to += sprintf(to - 1, ",\n\"%06x\":0}",
			      7 * c[i].step & 0xffffff) - 1;
		j = parse((struct str){ text, (size_t)(to - text) }, &at, &e);
		ok(!j && at.line == 2 && at.column == 1,
		   "and one of them again: %s", e.msg);
	}
}

int main(void)
{
	char *text = malloc(JSON_SIZE_MAX + 4096);

	if (!text)
		return 1;
	alarm(300);
	arena_init(&arena, ROOM);
	test_messages();
	test_tree();
	test_prefixes();
	test_bounds(text);
	test_memory();
	test_many(text);
	arena_release(&arena);
	free(text);
	return tap_done();
}
