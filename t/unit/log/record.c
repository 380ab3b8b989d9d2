/* SPDX-License-Identifier: MIT */
/* Records as JSON, cursors, and when --since is. */
#include "log/record.h"

#include "tap.h"

#define S INT64_C(1000000000)

static const struct {
	const char *text;
	int kind;
	int64_t a, b;           /* a time, or a cursor */
} whens[] = {
	{ "1970-01-01T00:00:05Z", SINCE_TIME, 5 * S, 0 },
	{ "1970-01-01T01:00:05+01:00", SINCE_TIME, 5 * S, 0 },
	{ "90s", SINCE_TIME, 1000000 * S - 90 * S, 0 },
	{ "10m", SINCE_TIME, 1000000 * S - 600 * S, 0 },
	{ "2h", SINCE_TIME, 1000000 * S - 7200 * S, 0 },
	{ "1d", SINCE_TIME, 1000000 * S - 86400 * S, 0 },
	{ "3.1200", SINCE_CURSOR, 3, 1200 },
	{ "0.0", SINCE_CURSOR, 0, 0 },
};

static const char *const never[] = {
	"", "m", "10", "10x", "-1m", "1.5h", "100001d", "1970-01-01", "3.",
	".3", "3.4.5", "yesterday", "18446744073709551616.1",
	"1.18446744073709551615",
};

static void since(void)
{
	struct since w;

	for (size_t i = 0; i < LEN(whens); i++)
		ok(since_read(guarded(0, str_of(whens[i].text)), 1000000 * S,
			      &w) && (int)w.kind == whens[i].kind &&
		   (w.kind == SINCE_TIME ? w.unix_ns == whens[i].a :
		    (int64_t)w.boot == whens[i].a &&
		    (int64_t)w.seq == whens[i].b), "%s", whens[i].text);
	for (size_t i = 0; i < LEN(never); i++)
		ok(!since_read(guarded(0, str_of(never[i])), 0, &w),
		   "no time: \"%s\"", never[i]);
	since_read(STR("3.7"), 0, &w);
	ok(!since_has(&w, &(struct seek_rec){ .known = true, .boot = 3,
					      .seq = 7 }) &&
	   !since_has(&w, &(struct seek_rec){ .known = true, .boot = 2,
					      .seq = 9 }) &&
	   since_has(&w, &(struct seek_rec){ .known = true, .boot = 3,
					     .seq = 8 }) &&
	   since_has(&w, &(struct seek_rec){ .known = true, .boot = 4,
					     .seq = 1 }), "after a cursor");
}

static bool comes_back(struct seek_rec r, const char *want)
{
	struct buf b;
	struct jsonw w;
	bool same;

	buf_init(&b, 4096);
	jsonw_init(&w, &b, JSONW_COMPACT);
	record_write(&w, "s", &r);
	same = str_is(buf_str(&b), want);
	if (!same)
		tap_diag("%.*s", STR_ARG(buf_str(&b)));
	buf_release(&b);
	return same;
}

int main(void)
{
	struct seek_rec r;
	struct arena a;
	static const char line[] = "{\"short\":\"s\",\"seq\":\"3.7\",\"time\":"
		"\"1970-01-01T00:00:05.000000001Z\",\"stream\":\"stderr\","
		"\"partial\":true,\"text\":\"a\\nb\"}";

	since();
	arena_init(&a, 65536);
	ok(record_read(json_parse(STR(line), &a, NULL, NULL), STR_NULL, &r) &&
	   comes_back(r, line), "a line comes back");
	ok(record_read(json_parse(STR(line), &a, NULL, NULL), STR("4.1"), &r) &&
	   r.boot == 4 && r.seq == 1, "an event's id is its cursor");
	ok(!record_read(json_parse(STR("{\"seq\":\"3.7\"}"), &a, NULL, NULL),
			STR_NULL, &r) && !record_read(NULL, STR_NULL, &r),
	   "what has no text is none");
	ok(record_read(json_parse(STR("{\"gap\":{}}"), &a, NULL, NULL),
		       STR_NULL, &r) && r.gap && !r.known, "a gap");
	ok(comes_back((struct seek_rec){ .text = STR("x") },
		      "{\"short\":\"s\",\"seq\":null,\"time\":null,\"stream\":"
		      "\"stdout\",\"partial\":false,\"text\":\"x\"}"),
	   "what is not known is null");
	ok(comes_back((struct seek_rec){ .gap = true, .known = true,
		.boot = 2, .seq = 5, .count = 3 }, "{\"short\":\"s\",\"gap\":"
		"{\"from\":\"2.5\",\"to\":\"2.7\",\"count\":3}}"),
	   "a gap of so many");
	ok(comes_back((struct seek_rec){ .gap = true }, "{\"short\":\"s\","
		"\"gap\":{\"from\":null,\"to\":null,\"count\":null}}"),
	   "a gap nobody knows of");
	arena_release(&a);
	return tap_done();
}
