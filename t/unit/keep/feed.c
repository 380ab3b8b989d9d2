/* SPDX-License-Identifier: MIT */
/*
 * Log streams over the socket. The modules never run: the test is what puts
 * lines into their rings.
 */
#include "client.h"

#define LOGS "/api/modules/a/logs"

static long lines_put;

static void put_lines(struct mod *m, int n)
{
	char text[64];

	while (n--) {
		int len = snprintf(text, sizeof text, "line %ld", ++lines_put);

		source_put(&m->log, lines_put % 2 ? RING_OUT : RING_ERR, false,
			   1000000000, (struct str){ text, (size_t)len });
		if (n % 50 == 0)
			turn(0);
	}
	settle();
}

/*
 * What a client got: lines from *next on, each in its place, or the number
 * of those that are gone. False when one is neither.
 */
static bool is_whole(const char *at, long *next, long *gaps)
{
	long k;

	*gaps = 0;
	for (const char *nl; (nl = strchr(at, '\n')); at = nl + 1) {
		if (sscanf(at, "[a] line %ld\n", &k) == 1 && k == *next)
			(*next)++;
		else if (sscanf(at, "[hub] gap: %ld lines missing", &k)
			 == 1 && k > 0)
			*next += k, (*gaps)++;
		else
			return false;
	}
	return !*at;
}

static void snapshots(struct mod *m)
{
	struct client *c = ask("GET", LOGS);

	until(c->eof);
	ok(answered(c, 200, "{\"short\":\"a\",\"lines\":[],\"text\":\"\"}"),
	   "no lines yet");
	hang_up(c);
	put_lines(m, 3);
	c = ask("GET", LOGS "?n=2");
	until(c->eof);
	ok(answered(c, 200, "{\"short\":\"a\",\"lines\":[\"[a] line 2\\n\","
		    "\"[a] line 3\\n\"],\"text\":\"[a] line 2\\n"
		    "[a] line 3\\n\"}"), "the newest two");
	hang_up(c);
}

static void records(void)
{
	struct client *c = ask("GET", LOGS "?format=records&after=5.2");

	until(c->eof);
	ok(answered(c, 200, "\r\n\r\n{\"short\":\"a\",\"records\":[{\"seq\":"
		    "\"5.3\",\"time\":\"1970-01-01T00:00:01.000000000Z\","
		    "\"stream\":\"stdout\",\"partial\":false,\"text\":"
		    "\"line 3\"}],\"next\":\"5.3\"}"), "records");
	hang_up(c);
	c = ask("GET", LOGS "?format=records&after=5.3");
	until(c->eof);
	ok(answered(c, 200, "\"records\":[],\"next\":\"5.3\"}"),
	   "no new ones: the same cursor again");
	hang_up(c);
	c = ask("GET", "/api/modules/b/logs?format=records");
	until(c->eof);
	ok(answered(c, 200, "\"records\":[],\"next\":\"5.0\"}"),
	   "none at all: one to begin with");
	hang_up(c);
	c = ask("GET", LOGS "?format=records&after=4.7&n=1");
	until(c->eof);
	ok(answered(c, 200, "\"records\":[{\"gap\":{\"from\":\"4.8\",\"to\":"
		    "\"5.2\",\"count\":null}},{\"seq\":\"5.3\""),
	   "a gap from another keeper's to what there is");
	hang_up(c);
	c = ask("GET", LOGS "?format=records&after=x");
	until(c->eof);
	ok(answered(c, 400, "after must be a cursor"), "no cursor");
	hang_up(c);
	c = ask("GET", LOGS "?format=records&after=5.99&n=1");
	until(c->eof);
	ok(answered(c, 200, "\"records\":[],\"next\":\"5.3\"}"),
	   "nothing after one that is to come");
	hang_up(c);
	c = ask("GET", LOGS "?format=xml");
	until(c->eof);
	ok(answered(c, 400, "format can be"), "no format");
	hang_up(c);
}

static void ask_events(const char *id)
{
	static char fields[200];

	snprintf(fields, sizeof fields, "Accept: text/html;q=0.1, "
		 "Text/Event-Stream;q=1\r\n%s%s", id, *id ? "\r\n" : "");
	ask_fields = fields;
}

static void events(struct mod *m)
{
	struct client *c, *h;

	ask_events("Last-Event-ID: 5.2");
	c = ask("GET", LOGS);
	ok(answered(c, 200, "text/event-stream") &&
	   answered(c, 200, "\r\n\r\nid: 5.3\nevent: line\ndata: {\"time\":"
		    "\"1970-01-01T00:00:01.000000000Z\",\"stream\":\"stdout\","
		    "\"partial\":false,\"text\":\"line 3\"}\n\n") && !c->eof,
	   "an event stream, from an id on");
	put_lines(m, 1);
	ok(answered(c, 200, "\n\nid: 5.4\nevent: line\ndata: "), "goes on");
	hang_up(c);
	ask_events("Last-Event-ID: 4.9");
	c = ask("GET", LOGS "?n=0");
	ok(answered(c, 200, "\r\n\r\nid: 5.4\nevent: gap\ndata: {\"from\":"
		    "\"4.10\",\"to\":\"5.4\",\"count\":null}\n\n"),
	   "from another keeper's id: a gap");
	hang_up(c);
	ask_events("");
	c = ask("GET", LOGS);
	h = ask("GET", "/api/modules/hub/logs");
	ok(answered(c, 200, "\r\n\r\nid: 5.1\n"), "without one: all");
	source_put(&rig.logs.hub, RING_OUT, false, 0, STR("by myself"));
	settle();
	ok(answered(h, 200, "\r\n\r\nid: 5.1\n") &&
	   answered(h, 200, "\"text\":\"by myself\"}\n\n"),
	   "the keeper's own lines");
	hang_up(c);
	hang_up(h);
	ask_fields = "";
	c = ask("GET", "/api/modules/front/logs");
	until(c->eof);
	ok(answered(c, 200, "{\"short\":\"front\",\"lines\":[]"),
	   "the front door's");
	hang_up(c);
	c = ask("GET", "/api/modules/hub/logs");
	until(c->eof);
	ok(answered(c, 200, "\"lines\":[\"[hub] by myself\\n\"]"),
	   "named as the log is");
	hang_up(c);
}

/* One whose gaps are told by all there is. */

static void put_word(const struct feed *f, const struct feed_item *i,
		     struct buf *out)
{
	buf_printf(out, "%d:", (int)i->seq);
	if (i->is_gap)
		buf_put(out, str_of(f->ctx));
	else
		buf_put(out, i->line.text);
	buf_putc(out, ' ');
}

static bool reads(const struct feed *f, struct feed_from from,
		  const char *want)
{
	struct feed_at at = feed_begin(f, &from);
	struct feed_item item;
	struct buf b;
	bool good;

	buf_init(&b, 4096);
	while (feed_next(f, &at, &item))
		put_word(f, &item, &b);
	good = str_is(buf_str(&b), want);
	if (!good)
		tap_diag("have: %.*s", STR_ARG(buf_str(&b)));
	buf_release(&b);
	return good;
}

static void resets(void)
{
	static _Alignas(8) char block[400];
	static char all[] = "ALL";
	struct feed_from none = { .newest = UINT64_MAX }, from = none;
	struct ring r;
	struct feed f;

	ring_init(&r, block, sizeof block);
	feed_init(&f, &rig.feeds, "events", &r);
	f.resets = true;
	f.ctx = all;
	ok(reads(&f, none, "0:ALL "), "a new reader begins with all there is");
	for (int i = 0; i < 3; i++)
		ring_put(&r, 0, false, 0, STR("x"));
	ok(reads(&f, none, "3:ALL "), "and what is new after it");
	ok(feed_cursor(STR("5.1"), &from) && reads(&f, from, "2:x 3:x "),
	   "one that comes back goes on");
	ok(feed_cursor(STR("5.4"), &from) && reads(&f, from, "3:ALL ") &&
	   feed_cursor(STR("6.1"), &from) && reads(&f, from, "3:ALL ") &&
	   feed_cursor(STR("4.1"), &from) && reads(&f, from, "3:ALL "),
	   "an id that was never given: all");
	for (int i = 0; i < 30; i++)
		ring_put(&r, 0, false, 0, STR("x"));
	ok(feed_cursor(STR("5.1"), &from) && reads(&f, from, "33:ALL "),
	   "an id that is too old: all");
	ok(feed_cursor(STR("5.33"), &from) && reads(&f, from, ""),
	   "up to date: nothing");
	ok(!feed_cursor(STR("5"), &from) && !feed_cursor(STR("5."), &from) &&
	   !feed_cursor(STR(".5"), &from) && !feed_cursor(STR("5.-1"), &from) &&
	   !feed_cursor(STR("5.18446744073709551615"), &from) &&
	   from.seq == 33, "what is no cursor");
}

static void pushed(struct mod *m)
{
	struct client *c = ask("GET", LOGS "?follow=1&n=1"), *j;
	long next = lines_put;
	long gaps;

	ask_events("");
	j = ask("GET", LOGS "?follow=true&n=0");
	ask_fields = "";
	until(c->n && j->n);
	put_lines(m, 500);
	ok(answered(c, 200, "text/plain") &&
	   is_whole(body(c), &next, &gaps) && next == lines_put + 1 && !gaps,
	   "followed: every line as it comes");
	ok(answered(j, 200, "text/event-stream") &&
	   strstr(j->got, "id: 5.504\n") && !strstr(j->got, "id: 5.4\n"),
	   "as events, new ones only");
	ok(!c->eof && !j->eof, "and on it goes");
	hang_up(c);
	hang_up(j);
	ok(!feed_is_followed(&m->log.feed), "gone, when they are gone");
}

/* One that does not read for a while, and what it then gets. */
static void stalled(struct mod *m)
{
	struct client *c, *other;
	long next, gaps;
	int fd;

	c = ask_deaf("GET", LOGS "?follow=1&n=0", &fd);
	other = ask("GET", LOGS "?follow=1&n=0");
	next = lines_put + 1;
	put_lines(m, 60000);
	ok(next + 60000 == lines_put + 1 && is_whole(body(other), &next, &gaps)
	   && next == lines_put + 1 && !gaps, "one that reads misses nothing");
	listen_to(c, fd);
	settle();
	put_lines(m, 10);
	settle();
	next = lines_put + 1 - 60010;
	ok(is_whole(body(c), &next, &gaps) && gaps >= 1 &&
	   next == lines_put + 1,
	   "one that stalled: every line, or how many are gone");
	hang_up(c);
	hang_up(other);
}

/* A cursor whose lines have left the ring. */
static void resumed(struct mod *m)
{
	struct client *c = ask("GET", LOGS "?follow=1&after=5.10");
	long next = 11, gaps, kept = (long)ring_lines(&m->log.ring);
	char gap[200];

	settle();
	ok(is_whole(body(c), &next, &gaps) && next == lines_put + 1 &&
	   gaps == 1, "resumed far behind: the gap is exact");
	hang_up(c);
	ask_events("Last-Event-ID: 5.10");
	c = ask("GET", LOGS);
	ask_fields = "";
	settle();
	snprintf(gap, sizeof gap, "id: 5.%ld\nevent: gap\ndata: {\"from\":"
		 "\"5.11\",\"to\":\"5.%ld\",\"count\":%ld}\n\nid: 5.%ld\n",
		 lines_put - kept, lines_put - kept, lines_put - kept - 10,
		 lines_put - kept + 1);
	ok(!strncmp(body(c), gap, strlen(gap)), "as an event, too");
	hang_up(c);
	c = ask("GET", LOGS "?follow=1&after=3.10&n=1");
	settle();
	ok(!strncmp(body(c), "[hub] gap: an unknown number of ", 32) &&
	   strstr(body(c), "[a] line "), "and across keepers: some gap");
	hang_up(c);
}

static void parts(struct mod *m)
{
	struct client *c;

	ask_events("");
	c = ask("GET", LOGS "?n=0");
	ask_fields = "";
	source_put(&m->log, RING_ERR, true, 0, STR("\"half\" \x01\\"));
	source_put(&m->log, RING_ERR, false, 0, STR("\xff the rest"));
	lines_put += 2;
	settle();
	ok(strstr(c->got, "\"stream\":\"stderr\",\"partial\":true,"
		  "\"text\":\"\\\"half\\\" \\u0001\\\\\"}\n\n") &&
	   strstr(c->got, "\"partial\":false,\"text\":\"\xef\xbf\xbd the rest"
		  "\"}\n"), "parts of lines, and bytes that are no text");
	hang_up(c);
}

static void as_many_as_may(struct mod *m)
{
	static struct client *c[FOLLOWERS_MAX + 1];
	bool all = true;

	for (size_t i = 0; i < LEN(c); i++)
		c[i] = ask("GET", LOGS "?follow=1&n=1");
	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		all = all && !c[i]->eof && strstr(c[i]->got, " 200 ");
	ok(all && c[FOLLOWERS_MAX]->eof &&
	   answered(c[FOLLOWERS_MAX], 503, "\"error\":\"busy\""),
	   "%d streams, and one too many", FOLLOWERS_MAX);
	hang_up(c[0]);
	c[0] = ask("GET", LOGS "?follow=1&n=1");
	ok(answered(c[0], 200, "text/plain"), "a place comes free");
	for (size_t i = 0; i < LEN(c); i++)
		hang_up(c[i]);
	ok(!feed_is_followed(&m->log.feed), "all free again");
}

/* Its row goes: the stream ends, in order, with the last line. */
static void ends(struct mod *m)
{
	struct client *c = ask("GET", LOGS "?follow=1&n=0");
	struct client *o = ask("GET", "/api/modules/b/logs?follow=1");

	source_put(&m->log, RING_OUT, false, 0, STR("last words"));
	rig.rows[0] = '\0';
	rig_row("b", "[\"up\"]", "");
	rig_rows();
	until(c->eof);
	ok(answered(c, 200, "[a] last words\n") && !o->eof,
	   "the module goes: its streams end, others do not");
	hang_up(c);
	hang_up(o);
}

/* The bug: its numbers began anew, and who had read to 500 missed 500. */
static void comes_back(uint64_t last)
{
	struct mod *m;

	rig_row("a", "[\"up\"]", "");
	rig_rows();
	m = rig_mod("a");
	ok(ring_last(&m->log.ring) == last, "the row is back: after %llu",
	   (unsigned long long)last);
	source_put(&m->log, RING_OUT, false, 0, STR("again"));
	ok(ring_last(&m->log.ring) == last + 1 &&
	   ring_lines(&m->log.ring) == 1, "  its numbers go on");
}

/* The bug: the stream of who came while the hub ended was cut. */
static void comes_late(void)
{
	struct client *c;

	feeds_end(&rig.feeds);
	c = ask("GET", LOGS "?follow=1&n=1");
	until(c->eof);
	ok(answered(c, 200, "[a] again\n") && !feeds_count(&rig.feeds, 0),
	   "who comes at the end is told what there is, and that it is all");
	hang_up(c);
}

int main(int argc, char **argv)
{
	struct mod *a;
	uint64_t last;

	play(argc, argv);
	rig_up();
	rig_row("a", "[\"up\"]", "");
	rig_row("b", "[\"up\"]", "");
	rig_rows();
	a = rig_mod("a");

	snapshots(a);
	records();
	events(a);
	resets();
	pushed(a);
	stalled(a);
	resumed(a);
	parts(a);
	as_many_as_may(a);
	last = ring_last(&a->log.ring) + 1;
	ends(a);
	comes_back(last);
	comes_late();
	httpd_release(&rig.httpd);
	return tap_done();
}
