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

		ring_put(&m->ring, lines_put % 2 ? RING_OUT : RING_ERR, false,
			 1000000000, (struct str){ text, (size_t)len });
		if (n % 50 == 0) {
			rig_said(&rig.sup, m);
			turn(0);
		}
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
		else if (sscanf(at, "[supervisor] %ld lines of a lost", &k)
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
	c = ask("GET", LOGS "?format=json&after=5.2");
	until(c->eof);
	ok(answered(c, 200, "\r\n\r\n{\"short\":\"a\",\"cursor\":\"5.3\","
		    "\"time\":\"1970-01-01T00:00:01.000000000Z\",\"stream\":"
		    "\"stdout\",\"partial\":false,\"line\":\"line 3\"}\n"),
	   "after a cursor, as JSON");
	hang_up(c);
	c = ask("GET", LOGS "?format=json&after=4.2");
	until(c->eof);
	ok(answered(c, 200, "\r\n\r\n{\"short\":\"a\",\"gap\":null}\n"
		    "{\"short\":\"a\",\"cursor\":\"5.1\""),
	   "after another keeper's: a gap of unknown size");
	hang_up(c);
	c = ask("GET", LOGS "?format=json&after=5.3");
	until(c->eof);
	ok(answered(c, 200, "\r\n\r\n") && !*body(c), "nothing after the last");
	hang_up(c);
	c = ask("GET", LOGS "?format=json&after=5.99&n=1");
	until(c->eof);
	ok(!*body(c), "nor after one that is to come");
	hang_up(c);
}

static void pushed(struct mod *m)
{
	struct client *c = ask("GET", LOGS "?follow=1&n=1");
	struct client *j = ask("GET", LOGS "?follow=true&format=json&n=0");
	long next = lines_put;
	long gaps;

	until(c->n && j->n);
	put_lines(m, 500);
	ok(answered(c, 200, "text/plain") &&
	   is_whole(body(c), &next, &gaps) && next == lines_put + 1 && !gaps,
	   "followed: every line as it comes");
	ok(answered(j, 200, "application/x-ndjson") &&
	   strstr(j->got, "\"cursor\":\"5.503\"") &&
	   !strstr(j->got, "\"cursor\":\"5.3\""), "as JSON, new ones only");
	ok(!c->eof && !j->eof, "and on it goes");
	hang_up(c);
	hang_up(j);
	ok(list_empty(&m->followers), "gone, when they are gone");
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
	long next = 11, gaps;

	settle();
	ok(is_whole(body(c), &next, &gaps) && next == lines_put + 1 &&
	   gaps == 1, "resumed far behind: the gap is exact");
	hang_up(c);
	c = ask("GET", LOGS "?follow=1&format=json&after=5.10");
	settle();
	ok(!strncmp(body(c), "{\"short\":\"a\",\"gap\":", 19) &&
	   atol(body(c) + 19) == lines_put - 10 - (long)ring_lines(&m->ring),
	   "as JSON, too");
	hang_up(c);
	c = ask("GET", LOGS "?follow=1&after=3.10&n=1");
	settle();
	ok(!strncmp(body(c), "[supervisor] lines of a before ", 31) &&
	   strstr(body(c), "[a] line "), "and across keepers: some gap");
	hang_up(c);
}

static void parts(struct mod *m)
{
	struct client *c = ask("GET", LOGS "?follow=1&format=json&n=0");

	ring_put(&m->ring, RING_ERR, true, 0, STR("\"half\" \x01\\"));
	ring_put(&m->ring, RING_ERR, false, 0, STR("\xff the rest"));
	lines_put += 2;
	rig_said(&rig.sup, m);
	settle();
	ok(strstr(c->got, "\"stream\":\"stderr\",\"partial\":true,"
		  "\"line\":\"\\\"half\\\" \\u0001\\\\\"}\n") &&
	   strstr(c->got, "\"partial\":false,\"line\":\"\xef\xbf\xbd the rest"
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
	ok(list_empty(&m->followers), "all free again");
}

/* Its row goes: the stream ends, in order, with the last line. */
static void ends(struct mod *m)
{
	struct client *c = ask("GET", LOGS "?follow=1&n=0");
	struct client *o = ask("GET", "/api/modules/b/logs?follow=1");

	ring_put(&m->ring, RING_OUT, false, 0, STR("last words"));
	rig.rows[0] = '\0';
	rig_row("b", "[\"up\"]", "");
	rig_rows();
	until(c->eof);
	ok(answered(c, 200, "[a] last words\n") && !o->eof,
	   "the module goes: its streams end, others do not");
	hang_up(c);
	hang_up(o);
}

int main(int argc, char **argv)
{
	struct mod *a;

	play(argc, argv);
	rig_up();
	rig_row("a", "[\"up\"]", "");
	rig_row("b", "[\"up\"]", "");
	rig_rows();
	a = rig_mod("a");

	snapshots(a);
	pushed(a);
	stalled(a);
	resumed(a);
	parts(a);
	as_many_as_may(a);
	ends(a);
	httpd_release(&rig.httpd);
	return tap_done();
}
