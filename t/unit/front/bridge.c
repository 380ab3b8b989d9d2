/* SPDX-License-Identifier: MIT */
#include "unit/front/rig.h"

#include "sys/log.h"
#include "wire/url.h"

#include <signal.h>

#define BIG (7 * 1024 * 1024)   /* of one answer; the kernels hold less */

static size_t made;             /* of the big answers, by the keeper */
static char big[BIG + 1];

static void produce(struct httpd_conn *c, void *user)
{
	(void)user;
	while (made < BIG) {
		size_t n = BIG - made < 1000 ? BIG - made : 1000;

		made += n;
		if (!httpd_write(c, (struct str){ big + made - n, n }))
			return;
	}
	httpd_end(c);
}

static void keeper(struct httpd_conn *c, struct httpd_req *r)
{
	if (str_ends(r->path, STR("/big/logs"))) {
		httpd_reply(c, 200, "application/json", STR_NULL,
			    (struct str){ big, BIG });
	} else if (str_ends(r->path, STR("/flood/logs"))) {
		made = 0;
		hold(c);
		httpd_stream(c, 200, "text/plain; charset=utf-8", produce);
		produce(c, NULL);
	} else if (str_ends(r->path, STR("/held/logs")) ||
		   str_is(r->path, "/api/events")) {
		hold(c);
		httpd_stream(c, 200, "text/event-stream", NULL);
		httpd_write(c, STR("event: a\ndata: {}\n\n"));
	} else if (str_ends(r->path, STR("/slow/stop"))) {
		hold(c);
	} else if (str_ends(r->path, STR("/none/start"))) {
		httpd_json(c, 400, STR("{\"error\":\"not_installed\"}"));
	} else {
		httpd_json(c, 200, STR("{\"good\":true}"));
	}
}

/* Without the gate: who may is another test's. */
static void serve(struct httpd_conn *c, struct httpd_req *r)
{
	struct front_ask a = { .front = &rig.front, .conn = c, .req = r };
	struct str path = r->path, verb = STR_NULL;

	if (str_is(path, "/events")) {
		get_events(&a);
		return;
	}
	if (str_is(path, "/metrics")) {
		get_metrics(&a);
		return;
	}
	if (str_is(path, "/ready")) {
		bridge_ready(&a);
		return;
	}
	str_cut(str_skip(path, 1), '/', &path, &verb);
	url_decode(path, false, r->arena, &a.short_name);
	a.word = arena_cstr(r->arena, verb);
	if (!verb.n)
		get_module(&a);
	else if (str_is(verb, "logs"))
		get_logs(&a);
	else
		post_operation(&a);
}

static void test_new_requests(void)
{
	static const struct { const char *method, *ask, *want, *target; } all[]
	= {
		{ "GET", "/a", "GET", "/api/modules/a" },
		{ "GET", "/a?x=1", "GET", "/api/modules/a" },
		{ "POST", "/a/start", "POST", "/api/modules/a/start" },
		{ "POST", "/a/stop?timeout=3&wait=ready&evil=1", "POST",
		  "/api/modules/a/stop?wait=ready&timeout=3" },
		{ "POST", "/a%2F..%2fb/start", "POST",
		  "/api/modules/a%2F..%2Fb/start" },
		{ "POST", "/%c3%a9%20%3f/start?wait=%0d%0aX:1+2", "POST",
		  "/api/modules/%C3%A9%20%3F/start?wait=%0D%0AX%3A1%202" },
		{ "GET", "/a/logs?n=5&after=3.12&format=records&x", "GET",
		  "/api/modules/a/logs?n=5&format=records&after=3.12" },
		{ "GET", "/metrics?a=b", "GET", "/metrics" },
		{ "GET", "/ready?modules=a,b&wait=ready", "GET",
		  "/api/ready?wait=ready&modules=a,b" },
		{ "HEAD", "/a", "GET", "/api/modules/a" },
	};

	for (size_t i = 0; i < LEN(all); i++)
		ok(get_is(all[i].method, all[i].ask, NULL, 200, "no-store") &&
		   !strcmp(rig.target, all[i].target) &&
		   !strcmp(rig.method, all[i].want), "%s %s is %s",
		   all[i].method, all[i].ask, rig.target);
	ok(get_is("POST", "/none/start", NULL, 400, "{\"error\":\"not_ins"),
	   "status and body of the keeper");
	get_is("GET", "/a/logs", "Last-Event-ID: 4.9\r\n", 200, "good");
	ok(strstr(rig.target, "logs?after=4.9"), "Last-Event-ID is after=");
	get_is("GET", "/metrics", "Accept: application/openmetrics-text;"
	       "version=1, text/plain\r\nX-Evil: 1\r\n", 200, "good");
	ok(!strcmp(rig.accept, "application/openmetrics-text"),
	   "of Accept what is known");
}

static void test_too_long(void)
{
	char *path = calloc(1, 9000);

	memset(path, '%', 1);
	strcpy(path, "/a/logs?after=");
	memset(path + strlen(path), 'x', 8000);
	rig.asked = 0;
	ok(get_is("GET", path, NULL, 414, "invalid_request") && !rig.asked,
	   "what is too long is not passed on");
	free(path);
}

static void test_whole(void)
{
	struct client *c = ask("GET", "/big/logs", NULL);

	until(c->eof);
	ok(status_of_answer(c) == 200 && strlen(body_of(c)) == BIG &&
	   !strcmp(body_of(c), big), "a big answer is passed on");
	hang_up(c);
	ok(get_is("HEAD", "/big/logs", NULL, 200, "application/json"),
	   "its head alone");
}

static void test_slow_reader(void)
{
	struct client *c = ask_deaf("GET", "/flood/logs?follow=1", NULL);
	struct httpd_conn *before;
	size_t stuck;

	until(rig.held);
	/* All that kernels and queues take, until nothing moves. */
	do {
		stuck = made;
		settle();
	} while (made != stuck);
	ok(made < BIG, "who does not read holds the keeper up, at %zu", made);
	before = rig.held;
	hear(c);
	until(c->eof);
	ok(before && strlen(body_of(c)) == BIG && !strcmp(body_of(c), big),
	   "and gets every byte when he does");
	hang_up(c);
}

static void test_leaving(void)
{
	struct client *c = ask("GET", "/held/logs?follow=1", NULL);

	until(strstr(c->got, "data: {}"));
	ok(rig.front.bridge.streams == 1, "a stream is counted");
	rig.gone = 0;
	/* Over TCP only a write finds out. */
	hang_up(c);
	while (rig.front.bridge.n) {
		if (rig.held)
			httpd_write(rig.held, STR("event: b\ndata: {}\n\n"));
		turn(10);
	}
	until(!rig.held);
	ok(rig.gone == 1, "who leaves ends the request to the keeper");
}

static void test_operation(void)
{
	uint64_t before = rig.front.mirror.change;
	struct client *c = ask("POST", "/slow/stop", NULL);

	until(rig.held);
	ok(rig.front.mirror.change > before,
	   "an operation makes copies old when it begins");
	before = rig.front.mirror.change;
	httpd_json(rig.held, 200, STR("{\"stopped\":true}"));
	until(c->eof);
	ok(answered(c, 200, "\"stopped\":true") &&
	   rig.front.mirror.change > before, "and when it is done");
	hang_up(c);
}

static void test_crowd(void)
{
	struct client *c[BRIDGE_STREAMS_MAX];

	for (size_t i = 0; i < LEN(c); i++) {
		c[i] = ask("GET", "/events", NULL);
		until(strstr(c[i]->got, "data: {}"));
	}
	ok(get_is("GET", "/events", NULL, 503, "Retry-After: 1") &&
	   get_is("GET", "/events", NULL, 503, "\"busy\""),
	   "streams have a limit");
	ok(get_is("POST", "/a/stop", NULL, 200, "good"),
	   "an operation finds a place all the same");
	bridge_drain(&rig.front.bridge);
	for (size_t i = 0; i < LEN(c); i++) {
		until(c[i]->eof);
		hang_up(c[i]);
	}
	ok(!rig.front.bridge.n, "they are all ended in order");
	rig.front.draining = true;
	ok(get_is("GET", "/events", NULL, 200, "text/event-stream"),
	   "one that comes after that ends at once");
	rig.front.draining = false;
	settle();
}

static void test_no_keeper(void)
{
	struct client *c = ask("POST", "/slow/stop", NULL), *s;

	until(rig.held);
	s = ask("GET", "/held/logs?follow=1", NULL);
	until(strstr(s->got, "data: {}"));
	hub_down();
	until(c->eof && s->eof);
	ok(answered(c, 503, "supervisor_unavailable"),
	   "the keeper goes before it has answered: 503");
	ok(status_of_answer(s) == 200, "its streams end");
	hang_up(c);
	hang_up(s);
	ok(get_is("GET", "/a", NULL, 503, "supervisor_unavailable"),
	   "no hub.sock: 503");
}

/* Ended in order, a log that lacks its end would pass for the whole. */
static void test_cut_looked_whole(void)
{
	struct client *c;
	int before;

	hub_up();
	for (int cut = 0; cut < 2; cut++) {
		c = ask_in("1.1", "GET", "/held/logs?follow=1", NULL);
		hear(c);
		until(strstr(c->got, "data: {}"));
		if (cut)
			hub_down();
		else
			httpd_end(rig.held);
		until(c->eof || strstr(c->got, "\r\n0\r\n\r\n"));
		before = c->eof;
		ok(before == cut && status_of_answer(c) == 200,
		   cut ? "the keeper goes within a stream: the chunks are cut"
		       : "it ends one: the chunks are complete");
		hang_up(c);
	}
}

static void test_no_broker(void)
{
	hub_up();
	ok(get_is("GET", "/a", NULL, 200, "good") && !rig.front.draining,
	   "the keeper is back: 200");
	kill(rig.front.dial.pid, SIGKILL);
	ok(get_is("GET", "/a", NULL, 503, "supervisor_unavailable"),
	   "the broker is gone: 503");
	ok(rig.front.draining && rig.front.status == FRONT_EXIT_FAILED,
	   "and the worker leaves");
}

static void ignore(struct str line)
{
	(void)line;
}

int main(void)
{
	for (size_t i = 0; i < BIG; i++)
		big[i] = i % 64 == 63 ? '\n' : (char)('a' + i / 64 % 26);
	log_to(ignore);
	rig_up(keeper);
	rig.front.httpd.on_request = serve;
	test_new_requests();
	test_too_long();
	test_whole();
	test_slow_reader();
	test_leaving();
	test_operation();
	test_crowd();
	test_no_keeper();
	test_cut_looked_whole();
	test_no_broker();
	rig_down();
	return tap_done();
}
