/* SPDX-License-Identifier: MIT */
/* The event stream: what is told, in which order, to whom, from where on. */
#include "keep/events.h"
#include "client.h"

#define EVENTS "/api/events"

static const char *last_id(const struct client *c)
{
	static char id[64];
	const char *at = body(c), *next;

	id[0] = '\0';
	while ((next = strstr(at, "id: "))) {
		sscanf(next + 4, "%60[0-9.]", id);
		at = next + 4;
	}
	return id;
}

static size_t count_of(const struct client *c, const char *word)
{
	size_t n = 0;

	for (const char *at = body(c); (at = strstr(at, word)); at++)
		n++;
	return n;
}

/* The words come one behind the other. */
static bool in_order(const struct client *c, const char *const *words)
{
	const char *at = body(c);

	for (; *words; words++) {
		at = strstr(at, *words);
		if (!at) {
			tap_diag("no %s in\n%s", *words, body(c));
			return false;
		}
	}
	return true;
}

static struct client *resume(const char *id)
{
	struct client *c;
	char fields[96];

	snprintf(fields, sizeof fields, "Last-Event-ID: %s\r\n", id);
	ask_fields = fields;
	c = ask("GET", EVENTS);
	ask_fields = "";
	return c;
}

static void one_life(struct client *c)
{
	static const char *const run[] = { "event: operation",
		"\"kind\":\"start\",\"phase\":\"begun\"", "event: state",
		"\"from\":\"stopped\"", "\"status\":\"running\"",
		"\"phase\":\"done\"", "event: listening",
		"\"listening\":\"yes\"", "event: ready", "\"ready\":true,"
		"\"by\":\"port\"", "event: health", "\"healthy\":true",
		"\"kind\":\"stop\",\"phase\":\"begun\"", "event: exit",
		"\"cause\":\"stop\"", "\"status\":\"stopped\"",
		"\"kind\":\"stop\",\"phase\":\"done\"", NULL };
	static const char *const not_ready[] = { "\"ready\":true",
		"\"listening\":\"-\"", "\"ready\":false,\"by\":null",
		"\"healthy\":null", NULL };
	struct mod *m = rig_mod("a");
	struct client *o = ask("POST", "/api/modules/a/start?wait=ready");

	until(o->eof);
	hang_up(o);
	until(m->health.state == HEALTH_OK);
	settle();
	o = ask("POST", "/api/modules/a/stop");
	until(o->eof);
	hang_up(o);
	until(strstr(body(c), "\"kind\":\"stop\",\"phase\":\"done\""));
	ok(in_order(c, run), "a life, in order");
	ok(in_order(c, not_ready), "  what is no more is told");
	ok(count_of(c, "event: exit") == 1, "  one exit");
}

static void crashes(struct client *c)
{
	struct mod *m = rig_mod("b");

	tell(m, EV_START);
	until(m->state == SM_CRASHED);
	settle();
	ok(count_of(c, "\"short\":\"b\",\"at\"") == CRASH_MAX,
	   "every crash is told");
	ok(strstr(body(c), "\"status\":\"crashed\""), "  and that it ends");
	tell(m, EV_STOP);
}

static void fails(struct client *c)
{
	static const char *const words[] = { "\"short\":\"none\",\"kind\":"
		"\"start\",\"phase\":\"begun\"", "\"exec_failed\"",
		"\"phase\":\"failed\",\"error\":\"", NULL };
	struct client *o = ask("POST", "/api/modules/none/start");

	until(o->eof);
	hang_up(o);
	settle();
	ok(in_order(c, words), "an operation that fails says why");
	tell(rig_mod("none"), EV_STOP);
}

static void registry(struct client *c)
{
	rig_row("new", "[\"up\"]", "");
	rig_rows();
	ok(strstr(body(c), "event: registry\ndata: {\"at\":") &&
	   strstr(body(c), "\"added\":[\"new\"],\"removed\":[],"
		  "\"problems\":0}"), "a row that came");
	rig.rows[0] = '\0';
	rig_row("a", "[\"listen\"]", "");
	rig_row("b", "[\"exit\", \"5\"]", "");
	rig_row("none", "no-such-program", "");
	rig_rows();
	ok(strstr(body(c), "\"added\":[],\"removed\":[\"new\"]"),
	   "  and went");
}

/* More names than one event takes. */
static void many(struct client *c)
{
	size_t before = count_of(c, "event: registry");
	char name[16];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof name, "m%d", i);
		rig_row(name, "[\"up\"]", "");
	}
	rig_rows();
	ok(count_of(c, "event: registry") == before + 2 &&
	   strstr(body(c), "\"m127\"]") && strstr(body(c), "\"m199\"]"),
	   "200 rows are two events");
}

static void gaps(struct client *c)
{
	struct feed_gap gap = { 5, 10, 19, 10 };

	events_log_gap(&rig.events, "a", &gap);
	settle();
	ok(strstr(body(c), "event: log-gap") && strstr(body(c), "\"short\":"
	   "\"a\",\"from\":\"5.10\",\"to\":\"5.19\",\"count\":10}"),
	   "lines that are not in the file");
}

static void resumes(void)
{
	struct client *c = ask("GET", EVENTS), *d;
	char id[64], target[96];

	ok(answered(c, 200, "text/event-stream") &&
	   !strncmp(body(c), "id: 5.", 6) &&
	   strstr(body(c), "event: reset\ndata: {\"at\":") &&
	   strstr(body(c), "\"modules\":[{\"short\":\"a\""),
	   "without an id: the whole");
	snprintf(id, sizeof id, "%s", last_id(c));
	events_operation(&rig.events, rig_mod("a"), "start", "begun", NULL);
	settle();
	d = resume(id);
	ok(!strstr(body(d), "reset") && count_of(d, "event: ") == 1 &&
	   strstr(body(d), "event: operation"), "from an id: what came since");
	ok(!strcmp(last_id(c), last_id(d)), "  the same to both");
	hang_up(d);
	snprintf(target, sizeof target, EVENTS "?after=%s", id);
	d = ask("GET", target);
	ok(!strstr(body(d), "reset") && count_of(d, "event: ") == 1,
	   "after= does the same");
	hang_up(d);
	d = resume(last_id(c));
	ok(!*body(d) && !d->eof, "nothing new: nothing yet");
	hang_up(d);
	hang_up(c);
}

static void unknown(void)
{
	static const char *const ids[] = { "4.1", "6.1", "5.999999",
		"x", "5", "5.-1", "99999999999999999999.1" };

	for (size_t i = 0; i < LEN(ids); i++) {
		struct client *c = resume(ids[i]);

		ok(answered(c, 200, "event: reset") &&
		   count_of(c, "event: ") == 1, "id %s: the whole", ids[i]);
		hang_up(c);
	}
}

/* So many that the ring has not kept those that were not read. */
static void slow(void)
{
	int fd;
	struct client *c = ask_deaf("GET", EVENTS, &fd);
	struct client *other = ask("GET", EVENTS);
	char id[64];

	snprintf(id, sizeof id, "%s", last_id(other));
	for (int i = 0; i < 10000; i++) {
		events_operation(&rig.events, rig_mod("a"), "start", "begun",
				 NULL);
		if (i % 100 == 0)
			settle();
	}
	settle();
	ok(count_of(other, "event: operation") == 10000 &&
	   count_of(other, "event: reset") == 1,
	   "one that reads misses nothing");
	listen_to(c, fd);
	settle();
	ok(count_of(c, "event: reset") >= 2 &&
	   !strcmp(last_id(c), last_id(other)),
	   "one that stalled gets the whole again");
	hang_up(c);
	c = resume(id);
	ok(count_of(c, "event: ") == 1 && strstr(body(c), "event: reset"),
	   "an id that is too old: the whole");
	hang_up(c);
	hang_up(other);
}

static void watchers(void)
{
	struct client *c = ask("GET", EVENTS), *d = ask("GET", EVENTS);

	ok(events_watchers(&rig.events) == 2 && rig.sup.checks.watchers == 2,
	   "two watch");
	ok(rig.events.look.armed, "  so listeners are looked at");
	hang_up(c);
	hang_up(d);
	ok(events_watchers(&rig.events) == 0, "nobody watches");
	until(!rig.events.look.armed);
	ok(rig.sup.checks.watchers == 0, "  and nothing wakes up for it");
}

int main(int argc, char **argv)
{
	struct client *c;

	play(argc, argv);
	rig_up();
	rig_row("a", "[\"answer\", \"HTTP/1.1 200 OK\"]", "");
	rig_row("b", "[\"exit\", \"5\"]", "");
	rig_row("none", "no-such-program", "");
	rig_rows();
	c = ask("GET", EVENTS);
	one_life(c);
	crashes(c);
	fails(c);
	registry(c);
	many(c);
	gaps(c);
	hang_up(c);
	resumes();
	unknown();
	slow();
	watchers();
	httpd_release(&rig.httpd);
	return tap_done();
}
