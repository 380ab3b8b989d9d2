/* SPDX-License-Identifier: MIT */
/* Files written by the writer, read back from every place. */
#include "log/seek.h"

#include "hub/logpipe.h"
#include "log/record.h"
#include "log/writer.h"

#include "../hub/scratch.h"

#define SECOND INT64_C(1000000000)

static struct writer *w;

static void say(void *unused, const char *source, const char *error)
{
	(void)unused;
	tap_diag("%s %s", source, error ? error : "ok");
}

/* Record n of BOOT 1: its time is n seconds. */
static void give(enum logpipe_kind kind, uint64_t n, uint64_t count,
		size_t length)
{
	static char frame[LOGPIPE_FRAME_MAX];
	struct logpipe_rec r = { .kind = kind, .boot = 1, .seq = n,
		.count = count, .unix_ns = (int64_t)n * SECOND,
		.stream = n % 2, .name = STR("s") };
	size_t head, skipped;
	char *text;

	r.text.n = kind == LOGPIPE_GAP ? 0 : length;
	head = logpipe_head(&r, frame);
	text = frame + head;
	memset(text, '.', length);
	if (kind == LOGPIPE_LINE)
		snprintf(text, 24, "line %llu", (unsigned long long)n);
	if (writer_put(w, (struct str){ frame, head + r.text.n }, &skipped) !=
	    head + r.text.n || skipped)
		scratch_bail("writer_put");
}

/* The numbers of the records from here on: all count on by one up to last. */
static uint64_t reads(struct seek *s, uint64_t last)
{
	struct seek_rec r;
	uint64_t first = 0, next = 0;

	while (seek_next(s, &r) > 0) {
		if (!r.known || r.boot != 1 || (first && r.seq != next) ||
		    r.unix_ns != (int64_t)r.seq * SECOND ||
		    r.stream != (r.gap ? 1 : (int)(r.seq % 2)))
			return 0;
		first = first ? first : r.seq;
		next = r.seq + (r.gap ? r.count : 1);
	}
	return next == last + 1 ? first : next == 0 ? last + 1 : 0;
}

static bool odd(void *unused, const struct seek_rec *r)
{
	(void)unused;
	return r->stream == 1;
}

static void everywhere(int home, uint64_t last)
{
	static struct seek s;
	struct log_end end;
	struct err e;
	uint64_t oldest, got;

	ok(seek_open(&s, home, STR("s"), &e) == 1, "opened");
	oldest = reads(&s, last);
	ok(oldest && oldest <= 2, "every record has its cursor");
	seek_end(&s, &end);
	ok(end.known && end.boot == 1 && end.seq == last, "and so has the end");
	for (uint64_t n = 0; n < 2000; n = n < 3 ? n + 1 : n * 2) {
		seek_last(&s, n, NULL, NULL);
		got = reads(&s, last);
		ok(got <= last + 1 - n && got + 110 > last + 1 - n,
		   "the last %llu", (unsigned long long)n);
	}
	seek_last(&s, 10, odd, NULL);
	got = reads(&s, last);
	ok(got == last - 19 || got == last - 18, "the last 10 of some");
	seek_last(&s, 100000, NULL, NULL);
	ok(reads(&s, last) == oldest, "more than there are");
	for (uint64_t n = 1; n <= last + 1; n += n < 5 ? 1 : last / 13) {
		ok(seek_after(&s, 1, n - 1) == (n > 1), "after 1.%llu",
		   (unsigned long long)n - 1);
		got = reads(&s, last);
		ok(got == n || (n > 100 && n < 300 && got <= n) ||
		   (n == 1 && got == oldest), "  is found");
		seek_time(&s, (int64_t)n * SECOND - 1);
		got = reads(&s, last);
		ok(got == n || (n > 100 && n <= 300 && got >= n &&
				got <= 201), "  its time too");
	}
	ok(seek_after(&s, 2, 1) && reads(&s, last) == last + 1,
	   "after a keeper to come: nothing");
	ok(!seek_after(&s, 0, 9) && reads(&s, last) == oldest,
	   "after one that is forgotten: all");
	seek_close(&s);
}

int main(void)
{
	int home = scratch();
	static struct seek s;
	struct err e = { 0 };
	uint64_t n;

	alarm(120);
	ok(seek_open(&s, home, STR("s"), &e) == 0, "no log, no error");
	seek_close(&s);
	w = writer_new(home, say, NULL, &e);
	if (!w)
		scratch_bail(e.msg);
	for (n = 1; n <= 100; n++)
		give(LOGPIPE_LINE, n, 0, 30);
	give(LOGPIPE_GAP, n, 100, 0);
	for (n += 100; n <= 4000; n++)
		give(LOGPIPE_LINE, n, 0, 100);
	everywhere(home, n - 1);
	for (; n <= 4300; n++)
		give(LOGPIPE_LINE, n, 0, LINE_MAX_BYTES);
	for (; n <= 5000; n++)
		give(LOGPIPE_LINE, n, 0, 24);
	everywhere(home, n - 1);
	writer_free(w);
	return tap_done();
}
