/* SPDX-License-Identifier: MIT */
#include "wire/json.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static struct arena arena;
static struct buf out;

/* The tree points into the guarded copy: a slot for each that is in use. */
static struct json *parse(int slot, struct str s)
{
	struct err e = { 0 };
	struct json *j = json_parse(guarded(slot, s), &arena, NULL, &e);

	if (!j)
		tap_diag("%s", e.msg);
	return j;
}

static struct str written(const struct json *j, enum jsonw_style style)
{
	struct jsonw w;

	buf_reset(&out);
	jsonw_init(&w, &out, style);
	jsonw_value(&w, j);
	return buf_str(&out);
}

static bool same(const struct json *a, const struct json *b)
{
	if (!a || !b || a->type != b->type || a->truth != b->truth ||
	    a->count != b->count || !str_eq(a->text, b->text) ||
	    !str_eq(a->key, b->key))
		return false;
	for (a = a->child, b = b->child; a && b; a = a->next, b = b->next)
		if (!same(a, b))
			return false;
	return !a && !b;
}

/* Left column in, right column out: what JSON.stringify() does. */
static const struct { const char *in, *compact, *pretty; } cases[] = {
	{ " null ", "null", "null" },
	{ "[ ]", "[]", "[]" },
	{ "{ }", "{}", "{}" },
	{ "[1,-2.50e+1]", "[1,-2.50e+1]", "[\n  1,\n  -2.50e+1\n]" },
	{ "{\"a\":true,\"b\":[false,{}],\"c\":{\"d\":[]}}",
	  "{\"a\":true,\"b\":[false,{}],\"c\":{\"d\":[]}}",
	  "{\n  \"a\": true,\n  \"b\": [\n    false,\n    {}\n  ],\n"
	  "  \"c\": {\n    \"d\": []\n  }\n}" },
	{ "[[[1]],2]", "[[[1]],2]",
	  "[\n  [\n    [\n      1\n    ]\n  ],\n  2\n]" },
	{ "\"\\u0008\\u0009\\u000a\\u000c\\u000d\"", "\"\\b\\t\\n\\f\\r\"",
	  "\"\\b\\t\\n\\f\\r\"" },
	{ "\"\\u0000\\u001F\\u000b\\u007f\"", "\"\\u0000\\u001f\\u000b\x7f\"",
	  "\"\\u0000\\u001f\\u000b\x7f\"" },
	{ "\"\\/\\\\\\\"'<\\u00e9\\ud83d\\ude00\"",
	  "\"/\\\\\\\"'<\xc3\xa9\xf0\x9f\x98\x80\"",
	  "\"/\\\\\\\"'<\xc3\xa9\xf0\x9f\x98\x80\"" },
	{ "{\"\\n\\\"\":0,\"\":1}", "{\"\\n\\\"\":0,\"\":1}",
	  "{\n  \"\\n\\\"\": 0,\n  \"\": 1\n}" },
};

static const struct { const char *in, *want; } repairs[] = {
	{ "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" },
	{ "\xc3", "\"\xef\xbf\xbd\"" },
	{ "\xc3\xa9\xc3", "\"\xc3\xa9\xef\xbf\xbd\"" },
	{ "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ "\xc0\x80\n", "\"\xef\xbf\xbd\xef\xbf\xbd\\n\"" },
	{ "\xf0\x9f\x98\"", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\\"\"" },
};

static void test_cases(void)
{
	for (size_t i = 0; i < LEN(cases); i++) {
		struct json *j = parse(0, str_of(cases[i].in));

		ok(str_is(written(j, JSONW_COMPACT), cases[i].compact),
		   "compact: %s", cases[i].compact);
		ok(str_is(written(j, JSONW_PRETTY), cases[i].pretty) &&
		   same(j, parse(1, buf_str(&out))),
		   "pretty, and the same again: %s", cases[i].compact);
	}
	for (size_t i = 0; i < LEN(repairs); i++) {
		struct jsonw w;

		buf_reset(&out);
		jsonw_init(&w, &out, JSONW_COMPACT);
		jsonw_str(&w, guarded(2, str_of(repairs[i].in)));
		ok(str_is(buf_str(&out), repairs[i].want) &&
		   parse(0, buf_str(&out)), "bad UTF-8 mended, case %zu", i);
	}
}

static void test_calls(void)
{
	struct jsonw w;

	buf_reset(&out);
	jsonw_init(&w, &out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "port");
	jsonw_int(&w, 1940);
	jsonw_keyn(&w, STR("a\0b"));
	jsonw_array(&w);
	jsonw_int(&w, INT64_MIN);
	jsonw_int(&w, INT64_MAX);
	jsonw_bool(&w, true);
	jsonw_bool(&w, false);
	jsonw_null(&w);
	jsonw_cstr(&w, "x");
	jsonw_cstr(&w, NULL);
	jsonw_str(&w, STR_NULL);
	jsonw_value(&w, NULL);
	jsonw_end(&w);
	jsonw_end(&w);
	ok(str_is(buf_str(&out), "{\"port\":1940,\"a\\u0000b\":["
		  "-9223372036854775808,9223372036854775807,true,false,null,"
		  "\"x\",null,\"\",null]}") && !buf_failed(&out),
	   "each call");
}

/* Behind some blanks, writing with room for 0, 1, 2 ... bytes. */
static void test_members(void)
{
	struct jsonw w;

	buf_reset(&out);
	jsonw_init(&w, &out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_text(&w, "a", STR("x\n"));
	jsonw_text(&w, "b", STR(""));
	jsonw_text(&w, "c", STR_NULL);
	jsonw_time(&w, "d", 1780377693123);
	jsonw_time(&w, "e", 0);
	jsonw_end(&w);
	ok(str_is(buf_str(&out), "{\"a\":\"x\\n\",\"b\":null,\"c\":null,"
		  "\"d\":\"2026-06-02T05:21:33.123Z\",\"e\":null}"),
	   "whole members: %.*s", STR_ARG(buf_str(&out)));
}

static void test_ceiling(void)
{
	static const char text[] =
		"{\"a\":[1,\"\\u0001\xc3\xa9\",{\"b\":null}],\"c\":\"\\n\"}";
	static const char blanks[300] = "";
	struct json *j = parse(0, str_of(text));
	size_t max = sizeof blanks, over = 0;
	struct jsonw w;
	struct buf b;

	for (;; max++) {
		buf_init(&b, max);
		buf_put(&b, (struct str){ blanks, sizeof blanks });
		jsonw_init(&w, &b, JSONW_PRETTY);
		jsonw_value(&w, j);
		over += buf_str(&b).n > max;
		if (!buf_failed(&b) || max > 1000)
			break;
		buf_release(&b);
	}
	max -= sizeof blanks;
	buf_consume(&b, sizeof blanks);
	ok(max > sizeof text && max < 200 && !over &&
	   same(j, parse(1, buf_str(&b))),
	   "fails, sticks, and is whole with %zu bytes", max);
	buf_release(&b);
}

static void test_depth(void)
{
	struct json *deep;
	struct jsonw w;
	int i;

	buf_reset(&out);
	jsonw_init(&w, &out, JSONW_PRETTY);
	for (i = 0; i < JSON_DEPTH_MAX; i++)
		jsonw_array(&w);
	for (i = 0; i < JSON_DEPTH_MAX; i++)
		jsonw_end(&w);
	ok(!buf_failed(&out) && parse(0, buf_str(&out)), "as deep as may be");
	written(parse(0, buf_str(&out)), JSONW_COMPACT);
	ok(!buf_failed(&out), "and as a tree");
	deep = parse(0, buf_str(&out));
	buf_reset(&out);
	jsonw_init(&w, &out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "x");
	jsonw_value(&w, deep);
	jsonw_key(&w, "y");
	jsonw_int(&w, 1);
	jsonw_end(&w);
	ok(buf_failed(&out) && !w.depth, "a tree too deep fails the buf");
	buf_reset(&out);
	jsonw_init(&w, &out, JSONW_COMPACT);
	for (i = 0; i < 1000; i++) {
		jsonw_object(&w);
		jsonw_key(&w, "x");
	}
	for (i = 0; i < 1000 - JSON_DEPTH_MAX; i++)
		jsonw_end(&w);
	jsonw_key(&w, "y");
	jsonw_int(&w, 1);
	for (i = 0; i < JSON_DEPTH_MAX; i++)
		jsonw_end(&w);
	ok(buf_failed(&out) && !w.depth, "so do calls");
}

static void misuse(int which)
{
	struct jsonw w;

	jsonw_init(&w, &out, JSONW_COMPACT);
	switch (which) {
	case 0:
		jsonw_end(&w);
		break;
	case 1:
		jsonw_key(&w, "x");
		break;
	case 2:
		jsonw_array(&w);
		jsonw_key(&w, "x");
		break;
	case 3:
		jsonw_object(&w);
		jsonw_int(&w, 1);
		break;
	case 4:
		jsonw_object(&w);
		jsonw_key(&w, "x");
		jsonw_end(&w);
		break;
	case 5:
		jsonw_object(&w);
		jsonw_key(&w, "x");
		jsonw_key(&w, "y");
		break;
	case 6:
		jsonw_null(&w);
		jsonw_null(&w);
		break;
	}
}

static void test_misuse(void)
{
	static const char *const names[] = {
		"an end too many", "a key at the top", "a key in an array",
		"a value without a key", "a key without a value",
		"a key after a key", "a second document",
	};
	const struct rlimit none = { 0, 0 };

	for (int i = 0; i < (int)LEN(names); i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			setrlimit(RLIMIT_CORE, &none);
			if (!freopen("/dev/null", "w", stderr))
				_exit(2);
			misuse(i);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		   "a BUG: %s", names[i]);
	}
}

static uint64_t seed = 0x2545f4914f6cdd1d;

static unsigned draw(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % below;
}

/* Mostly bytes that mean something to somebody. */
static struct str noise(char *to, size_t max)
{
	static const char likely[] =
		"\"\\/{}[]:,\0\n\x1f\x7f\x80\xbf\xc2\xc3\xe2\x82\xac\xed\xa0"
		"\xf0\x9f\x98\x80\xf4\x90\xff";
	size_t n = draw((unsigned)max + 1);

	for (size_t i = 0; i < n; i++)
		to[i] = draw(3) ? likely[draw(sizeof likely)]
				: (char)draw(256);
	return (struct str){ to, n };
}

static void random_value(struct jsonw *w, int depth, int *serial)
{
	char text[40];
	int kind = (int)draw(depth < 8 ? 7 : 5);

	if (kind == 0)
		jsonw_null(w);
	else if (kind == 1)
		jsonw_bool(w, draw(2));
	else if (kind == 2)
		jsonw_int(w, (int64_t)seed);
	else if (kind <= 4)
		jsonw_str(w, guarded(2, noise(text, 30)));
	else {
		kind == 5 ? jsonw_array(w) : jsonw_object(w);
		for (unsigned n = draw(5); n; n--) {
			int at = snprintf(text, sizeof text, "%d", ++*serial);

			if (kind == 6)
				jsonw_keyn(w, (struct str){ text, (size_t)at +
					   noise(text + at, 20).n });
			random_value(w, depth + 1, serial);
		}
		jsonw_end(w);
	}
}

static void test_random(void)
{
	int good = 0, strings = 0;
	const int rounds = 4000;

	for (int i = 0; i < rounds; i++) {
		struct jsonw w;
		struct json *j, *k;
		int serial = 0;
		char text[64];

		arena_reset(&arena);
		buf_reset(&out);
		jsonw_init(&w, &out, draw(2) ? JSONW_PRETTY : JSONW_COMPACT);
		random_value(&w, 0, &serial);
		j = parse(0, buf_str(&out));
		if (!j)
			break;
		k = parse(1, written(j, JSONW_COMPACT));
		good += same(j, k);
		buf_reset(&out);
		jsonw_init(&w, &out, JSONW_COMPACT);
		jsonw_str(&w, noise(text, sizeof text));
		strings += parse(0, buf_str(&out)) != NULL;
	}
	ok(good == rounds, "%d random documents are parsed, and again", good);
	ok(strings == rounds, "%d strings of noise are parsed", strings);
}

int main(void)
{
	alarm(300);
	arena_init(&arena, 16 << 20);
	buf_init(&out, 1 << 20);
	test_cases();
	test_calls();
	test_members();
	test_ceiling();
	test_depth();
	test_misuse();
	test_random();
	buf_release(&out);
	arena_release(&arena);
	return tap_done();
}
