/* SPDX-License-Identifier: MIT */
#include "unit/front/rig.h"

#include "sys/log.h"

/* The keeper answers at once, or when the test says so. */
static bool slow;
static int documents, hub_api = HUB_API;

static void give(struct httpd_conn *c)
{
	char text[120];
	int n = snprintf(text, sizeof text, "{\"n\":%d,\"api\":%d}",
			 ++documents, hub_api);

	rig.held = NULL;
	httpd_json(c, 200, (struct str){ text, (size_t)n });
}

static void keeper(struct httpd_conn *c, struct httpd_req *r)
{
	(void)r;
	hold(c);
	if (!slow)
		give(c);
}

/* The documents themselves: who may is another test's. */
static void serve(struct httpd_conn *c, struct httpd_req *r)
{
	struct front_ask a = { .front = &rig.front, .conn = c, .req = r };

	if (str_is(r->path, "/hub"))
		get_hub(&a);
	else if (str_is(r->path, "/ready"))
		get_ready(&a);
	else
		get_modules(&a);
}

static struct client *ask_slowly(const char *target)
{
	int before = rig.front.httpd.serving != 0 ?
		(int)rig.front.httpd.serving : 0;
	struct client *c = ask("GET", target, NULL);

	until((int)rig.front.httpd.serving > before);
	settle();
	return c;
}

static void test_targets(void)
{
	static const struct { const char *ask, *target; } all[] = {
		{ "/hub", "/api/hub" },
		{ "/ready", "/api/ready" },
		{ "/modules", "/api/modules" },
		{ "/modules?", "/api/modules" },
		{ "/modules?usage=0", "/api/modules" },
		{ "/modules?usage=1", "/api/modules?usage=1" },
		{ "/modules?view=status", "/api/modules?view=status" },
		{ "/modules?usage=1&view=status&x=y",
		  "/api/modules?view=status&usage=1" },
	};

	for (size_t i = 0; i < LEN(all); i++) {
		mirror_stale(&rig.front.mirror);
		ok(get_is("GET", all[i].ask, NULL, 200, "\"n\":") &&
		   !strcmp(rig.target, all[i].target) &&
		   !strcmp(rig.method, "GET"), "%s is %s", all[i].ask,
		   all[i].target);
	}
	rig.asked = 0;
	ok(get_is("GET", "/modules?view=other", NULL, 400,
		  "invalid_request") && !rig.asked,
	   "a view that is none is refused");
	ok(get_is("HEAD", "/modules", NULL, 200, "no-store"), "HEAD");
}

static void test_copy(void)
{
	char want[40];

	mirror_stale(&rig.front.mirror);
	ok(get_is("GET", "/modules", NULL, 200, "\"n\":"), "a document");
	snprintf(want, sizeof want, "\"n\":%d,", documents);
	rig.asked = 0;
	for (int i = 0; i < 10; i++)
		get_is("GET", "/modules", NULL, 200, want);
	/* On a slow machine it may have grown old in the meantime. */
	ok(rig.asked < 10, "a copy serves others");
	mirror_stale(&rig.front.mirror);
	ok(get_is("GET", "/modules", NULL, 200, "\"n\":") && rig.asked &&
	   documents > 0, "not after a change of our own");
	rig.front.mirror.copies[MIRROR_MODULES].at_ms -= FRONT_FRESH_MS;
	rig.asked = 0;
	ok(get_is("GET", "/modules", NULL, 200, "\"n\":") && rig.asked == 1,
	   "nor when it is old");
}

static void test_waited_for_what_grew_old(void)
{
	struct mirror_copy *copy = &rig.front.mirror.copies[MIRROR_MODULES];
	char want[40];
	bool good, late = true;
	int64_t at_ms;

	/* Too slow to ask in time: once more. */
	while (late) {
		get_is("GET", "/modules", NULL, 200, "\"n\":");
		until(!copy->busy);
		snprintf(want, sizeof want, "\"n\":%d,", documents);
		at_ms = os_now_ms() - FRONT_FRESH_MS + MIRROR_AHEAD_MS;
		copy->at_ms = copy->asked_ms = at_ms;
		rig.asked = 0;
		good = get_is("GET", "/modules", NULL, 200, want);
		late = os_now_ms() - at_ms >= FRONT_FRESH_MS;
	}
	ok(good, "a copy that is almost old is served");
	until(!copy->busy);
	ok(rig.asked == 1 && copy->at_ms > at_ms, "the next has come by then");
	mirror_stale(&rig.front.mirror);
	rig.asked = 0;
	ok(get_is("GET", "/modules", NULL, 200, "\"n\":") && rig.asked == 1,
	   "after a change it is not");
}

static void test_waiting(void)
{
	struct client *c[4];
	char first[40], second[40];

	mirror_stale(&rig.front.mirror);
	slow = true;
	rig.asked = 0;
	for (size_t i = 0; i < 3; i++)
		c[i] = ask_slowly("/modules");
	until(rig.held);
	ok(rig.asked == 1, "three ask, the keeper is asked once");
	hang_up(c[1]);
	mirror_stale(&rig.front.mirror);
	c[3] = ask_slowly("/modules");
	give(rig.held);
	until(c[0]->eof && c[2]->eof);
	snprintf(first, sizeof first, "\"n\":%d,", documents);
	ok(answered(c[0], 200, first) && answered(c[2], 200, first),
	   "who waited gets it; one left");
	until(rig.held);
	ok(!c[3]->n && rig.asked == 2,
	   "who came after a change waits for the next");
	give(rig.held);
	until(c[3]->eof);
	snprintf(second, sizeof second, "\"n\":%d,", documents);
	ok(answered(c[3], 200, second) && strcmp(first, second),
	   "and gets that");
	hang_up(c[0]);
	hang_up(c[2]);
	hang_up(c[3]);
	slow = false;
}

static void test_events(void)
{
	mirror_start(&rig.front.mirror);
	until(rig.events && rig.front.mirror.checked);
	ok(true, "the event stream is kept open, the version asked for");
	get_is("GET", "/modules", NULL, 200, "\"n\":");
	rig.front.mirror.copies[MIRROR_MODULES].at_ms = os_now_ms();
	rig.asked = 0;
	httpd_write(rig.events, STR("event: state\ndata: {}\n\n"));
	settle();
	ok(get_is("GET", "/modules", NULL, 200, "\"n\":") && rig.asked == 1,
	   "an event makes the copy an old one");
}

static void test_no_keeper(void)
{
	struct client *c;

	mirror_stale(&rig.front.mirror);
	slow = true;
	c = ask_slowly("/modules");
	until(rig.held);
	hub_down();
	until(c->eof);
	ok(answered(c, 503, "supervisor_unavailable"),
	   "the keeper goes while it is asked: 503");
	hang_up(c);
	slow = false;
	ok(get_is("GET", "/modules", NULL, 503, "supervisor_unavailable"),
	   "no hub.sock: 503");
	ok(get_is("GET", "/hub", NULL, 503, "supervisor_unavailable"),
	   "also where there was a copy");
	hub_up();
	ok(get_is("GET", "/modules", NULL, 200, "\"n\":"), "it is back: 200");
	until(rig.events);
	ok(true, "the event stream is opened again");
}

static void refuse(struct httpd_conn *c, struct httpd_req *r)
{
	(void)r;
	httpd_json(c, 500, STR("{\"error\":\"failed\"}"));
}

static void test_refusal(void)
{
	mirror_stale(&rig.front.mirror);
	on_hub = refuse;
	ok(get_is("GET", "/modules", NULL, 500, "\"failed\""),
	   "what the keeper refuses is passed on");
	on_hub = keeper;
	ok(get_is("GET", "/modules", NULL, 200, "\"n\":"), "and not kept");
}

static void test_version(void)
{
	ok(!rig.front.draining, "a keeper of our version is fine");
	hub_api = HUB_API + 1;
	rig.front.mirror.checked = false;
	mirror_stale(&rig.front.mirror);
	get_is("GET", "/hub", NULL, 200, "\"api\"");
	ok(rig.front.draining && rig.front.status == FRONT_EXIT_VERSION,
	   "with one of another version it leaves");
}

static void ignore(struct str line)
{
	(void)line;
}

int main(void)
{
	log_to(ignore);
	rig_up(keeper);
	rig.front.httpd.on_request = serve;
	test_targets();
	test_copy();
	test_waited_for_what_grew_old();
	test_waiting();
	test_events();
	test_no_keeper();
	test_refusal();
	test_version();
	rig_down();
	return tap_done();
}
