/* SPDX-License-Identifier: MIT */
/* Operations, asked for over the socket, in the order that they took. */
#include "client.h"

#define START   "/api/modules/stubborn/start"
#define STOP    "/api/modules/stubborn/stop"
#define RESTART "/api/modules/stubborn/restart"

static struct client *post(const char *target)
{
	return ask("POST", target);
}

static void one_by_one(void)
{
	struct mod *m = rig_mod("mild");
	struct client *c = post("/api/modules/mild/start");
	char pid[40];

	until(c->eof);
	snprintf(pid, sizeof pid, "\"pid\":%d,", (int)m->pid);
	ok(answered(c, 200, "{\"short\":\"mild\",\"state\":{") &&
	   strstr(c->got, "\"status\":\"running\"") && strstr(c->got, pid) &&
	   m->state == SM_UP && m->runs == 1, "start: when it is executed");
	hang_up(c);
	c = post("/api/modules/mild/start");
	until(c->eof);
	ok(answered(c, 200, pid) && m->runs == 1, "start again: as it is");
	hang_up(c);
	c = post("/api/modules/mild/restart");
	until(c->eof);
	ok(answered(c, 200, "\"status\":\"running\"") &&
	   !strstr(c->got, pid) && m->runs == 2, "restart: another process");
	hang_up(c);
	c = post("/api/modules/mild/stop");
	until(c->eof);
	ok(answered(c, 200, "{\"short\":\"mild\",\"stopped\":true,\"state\"") &&
	   strstr(c->got, "\"status\":\"stopped\"") && m->state == SM_DOWN,
	   "stop: when it is gone");
	hang_up(c);
	c = post("/api/modules/mild/stop");
	until(c->eof);
	ok(answered(c, 200, "\"stopped\":true"), "stop again");
	hang_up(c);
	c = post("/api/modules/mild/restart");
	until(c->eof);
	ok(answered(c, 200, "\"running\"") && m->runs == 3,
	   "restart of what is down starts it");
	hang_up(c);
	stop(m);
}

static void ends_in_failure(void)
{
	struct client *c = post("/api/modules/unfit/start");

	until(c->eof);
	ok(answered(c, 200, "\"status\":\"crashed\"") &&
	   strstr(c->got, "\"startError\":{\"error_type\":\"spawn_failed\""),
	   "exec failed: 200 with the state that says so");
	hang_up(c);
	stop(rig_mod("unfit"));
}

/* Restart, then stop: the restart is told what it came to. */
static void stop_comes_first(void)
{
	struct mod *m = rig_mod("stubborn");
	struct client *a, *b, *c;
	unsigned runs;

	start(m);
	runs = m->runs;
	a = post(RESTART);
	b = post(RESTART "?wait=ready&timeout=600");
	c = post(STOP);
	ok(m->state == SM_STOPPING && !a->eof && !b->eof && !c->eof,
	   "stop ends the restart before it");
	tell(m, EV_TIMER);
	until(a->eof && b->eof && c->eof);
	ok(answered(c, 200, "\"stopped\":true") &&
	   answered(a, 200, "\"status\":\"stopped\"") &&
	   answered(b, 200, "\"waited\":\"stopped\"") && m->runs == runs,
	   "all are told, and nothing was started");
	hang_up(a);
	hang_up(b);
	hang_up(c);
}

/* Behind a stop in the queue: a start that begins when it is done. */
static void in_order(void)
{
	struct mod *m = rig_mod("stubborn");
	struct client *a, *b;
	unsigned runs, downs;

	start(m);
	runs = m->runs;
	downs = m->downs;
	a = post(STOP);
	b = post(START);
	ok(m->state == SM_STOPPING && !a->eof && !b->eof,
	   "start waits for the stop before it");
	tell(m, EV_TIMER);
	until(a->eof && b->eof);
	ok(answered(a, 200, "\"stopped\":true") &&
	   answered(b, 200, "\"status\":\"running\"") &&
	   m->runs == runs + 1 && m->downs == downs + 1, "then it begins");
	hang_up(a);
	hang_up(b);

	until(said(m, "up ") == m->pid);
	runs = m->runs;
	a = post(STOP);
	b = post(START);
	hang_up(post(STOP));
	tell(m, EV_TIMER);
	until(a->eof && b->eof);
	ok(answered(a, 200, "\"stopped\":true") &&
	   answered(b, 200, "\"status\":\"stopped\"") &&
	   m->state == SM_DOWN && m->runs == runs,
	   "one stop more: the start never was; its own client is gone");
	hang_up(a);
	hang_up(b);
}

/*
 * Restart, stop, start. The restart is ended by the stop, so its client is
 * told, also when the module comes up again and never listens.
 */
static void nobody_is_forgotten(void)
{
	struct mod *m = rig_mod("stubborn");
	struct client *a, *b, *c;

	start(m);
	a = post(RESTART);
	b = post(STOP);
	c = post(START);
	tell(m, EV_TIMER);
	until(b->eof && c->eof);
	settle();
	ok(answered(b, 200, "\"stopped\":true") &&
	   answered(c, 200, "\"status\":\"running\""), "stop, and start");
	ok(answered(a, 200, "\"short\":\"stubborn\""),
	   "the restart before them is answered, too");
	hang_up(a);
	hang_up(b);
	hang_up(c);
	until(said(m, "up ") == m->pid);
	kill_off(m);
}

static void leaves_no_trace(void)
{
	struct mod *m = rig_mod("stubborn");
	struct client *c;

	start(m);
	c = post(STOP);
	hang_up(c);
	ok(m->state == SM_STOPPING, "a client that goes away");
	tell(m, EV_TIMER);
	until(m->state == SM_DOWN && list_empty(&m->ops));
	ok(m->state == SM_DOWN, "takes back its wait, not its operation");
}

/* SIGKILL, and a second time: what is left is named. */
static void stuck(void)
{
	struct mod *m = rig_mod("stubborn");
	struct client *a, *b;

	start(m);
	a = post(STOP);
	b = post(START);
	tell(m, EV_TIMER);
	tell(m, EV_TIMER);
	until(a->eof && b->eof);
	ok(answered(a, 500, "\"error\":\"stop_incomplete\"") &&
	   strstr(a->got, "\"left\":[") && strstr(a->got, "\"state\":{"),
	   "what SIGKILL did not end: 500");
	ok(answered(b, 500, "\"error\":\"stop_incomplete\""),
	   "who waits behind it is told, too");
	until(m->state == SM_UP && said(m, "up ") == m->pid);
	ok(true, "and the start was not forgotten");
	hang_up(a);
	hang_up(b);
	kill_off(m);
}

static void waits_for_ready(void)
{
	struct mod *m = rig_mod("server");
	struct client *c = post("/api/modules/server/start?wait=ready"), *d;

	until(c->eof);
	ok(answered(c, 200, "\"waited\":\"ready\"") && mod_is_ready(m),
	   "started, and waited until it listens");
	hang_up(c);
	c = ask("GET", "/api/ready?wait=ready&modules=server");
	until(c->eof);
	ok(answered(c, 200, "\"ready\":true"), "it is, already");
	hang_up(c);
	stop(m);

	c = ask("GET", "/api/ready?wait=ready&modules=server");
	until(c->eof);
	ok(answered(c, 200, "\"ready\":"), "what nobody wants is not awaited");
	hang_up(c);
	tell(m, EV_START);
	c = ask("GET", "/api/ready?wait=ready");
	d = ask("GET", "/api/ready?wait=ready&modules=server");
	until(c->eof && d->eof);
	ok(answered(c, 200, "\"ready\":true") &&
	   answered(d, 200, "\"ready\":true") && mod_is_ready(m),
	   "two that wait for it");
	hang_up(c);
	hang_up(d);
	stop(m);
}

static void waits_in_vain(void)
{
	struct mod *m = rig_mod("mild");
	struct client *c, *d;

	c = post("/api/modules/mild/start?wait=ready&timeout=1");
	d = ask("GET", "/api/ready?wait=ready&timeout=1&modules=mild");
	until(c->eof && d->eof);
	ok(answered(c, 504, "\"error\":\"wait_timeout\"") &&
	   strstr(c->got, "\"status\":\"running\""),
	   "too late: 504, its state");
	ok(answered(d, 504, "\"error\":\"wait_timeout\""), "both of them");
	ok(list_empty(&m->ops) && list_empty(&rig.ops.waits_busy),
	   "and nothing is left of it");
	hang_up(c);
	hang_up(d);
	stop(m);
	c = post("/api/modules/exits/start?wait=ready");
	until(c->eof);
	ok(answered(c, 200, "\"waited\":\"crashed\""), "crashed meanwhile");
	hang_up(c);
	stop(rig_mod("exits"));
}

/* As many as there may be, and one more. */
static void full(void)
{
	static struct client *c[OPS_MAX + 1];
	struct mod *m = rig_mod("stubborn");
	bool waits = true, told = true;

	start(m);
	for (size_t i = 0; i < LEN(c); i++)
		c[i] = post(i ? START : STOP);
	for (size_t i = 0; i < OPS_MAX; i++)
		waits = waits && !c[i]->eof;
	until(c[OPS_MAX]->eof);
	ok(waits && answered(c[OPS_MAX], 503, "\"error\":\"busy\""),
	   "%d operations wait; one more is refused", OPS_MAX);
	tell(m, EV_TIMER);
	for (size_t i = 0; i < OPS_MAX; i++) {
		until(c[i]->eof);
		told = told && answered(c[i], 200, i ? "\"running\"" :
					"\"stopped\":true");
	}
	ok(told, "all the others are answered");
	for (size_t i = 0; i < LEN(c); i++)
		hang_up(c[i]);
	until(said(m, "up ") == m->pid);
	kill_off(m);
}

static void at_the_end(void)
{
	struct mod *m = rig_mod("mild");
	struct client *c;

	start(m);
	rig.api.closing = true;
	c = post("/api/modules/mild/restart");
	until(c->eof);
	ok(answered(c, 503, "shutting_down"), "nothing starts at the end");
	hang_up(c);
	c = post("/api/modules/mild/stop");
	until(c->eof);
	ok(answered(c, 200, "\"stopped\":true"), "but stops are taken");
	hang_up(c);
	rig.api.closing = false;

	tell(m, EV_START);
	c = ask("GET", "/api/ready?wait=ready");
	hang_up(c);
	/* The module may hold a copy of its socket until it is executed. */
	until(m->state == SM_UP && list_empty(&rig.ops.waits_busy));
	ok(!mod_is_ready(m), "a wait that nobody waits for");
	stop(m);
}

static void refused(void)
{
	static const struct {
		const char *method, *target;
		int status;
		const char *words;
	} cases[] = {
		{ "POST", "/api/modules/nobody/start", 400, "not_installed" },
		{ "POST", "/api/modules/nobody/restart", 404,
		  "not_supervised" },
		{ "POST", "/api/modules/nobody/stop", 200,
		  "{\"short\":\"nobody\",\"stopped\":false}" },
		{ "GET", "/api/modules/nobody/logs", 404, "not_supervised" },
		{ "GET", "/api/modules/mild/start", 405,
		  "method_not_allowed" },
		{ "POST", "/api/modules/mild/eat", 404, "not_found" },
		{ "POST", "/api/modules/mild/start/now", 404, "not_found" },
		{ "POST", "/api/modules/%zz/start", 400, "invalid_request" },
		{ "POST", "/api/modules/%6dild/stop", 200, "\"mild\"" },
		{ "POST", "/api/modules/mild/start?wait=yes", 400, "wait" },
		{ "POST", "/api/modules/mild/start?wait=ready&timeout=0", 400,
		  "timeout" },
		{ "POST", "/api/modules/mild/start?wait=ready&timeout=601",
		  400, "timeout" },
		{ "GET", "/api/ready?modules=nobody", 404, "not_supervised" },
		{ "GET", "/api/modules/mild/logs?n=x", 400, "n must be" },
		{ "GET", "/api/modules/mild/logs?after=5", 400, "cursor" },
		{ "GET", "/api/modules/mild/logs?format=xml", 400, "format" },
		{ "GET", "/api/hub", 200, "\"started_at\":" },
		{ "HEAD", "/api/hub", 200, "Content-Length: " },
#define M8 "mild,mild,mild,mild,mild,mild,mild,mild,"
		{ "GET", "/api/ready?modules=" M8 M8 M8 M8 M8 M8 M8 M8 "mild",
		  400, "at most" },
#undef M8
		{ "GET", "/health", 200, "{\"status\":\"ok\"," },
		{ "GET", "/api/modules", 200, "\"short\":\"stubborn\"" },
		{ "POST", "/api/modules/empty/start", 422, "no_start_cmd" },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct client *c = ask(cases[i].method, cases[i].target);

		until(c->eof);
		ok(answered(c, cases[i].status, cases[i].words), "%s %s: %d",
		   cases[i].method, cases[i].target, cases[i].status);
		hang_up(c);
	}
	ok(!rig_mod("mild")->tries || rig_mod("mild")->state == SM_DOWN,
	   "and nothing was started");
}

int main(int argc, char **argv)
{
	play(argc, argv);
	rig_up();
	rig_row("mild", "[\"up\"]", "");
	rig_row("stubborn", "[\"stubborn\",\"up\"]", "");
	rig_row("exits", "[\"exit\",\"3\"]", "");
	rig_row("server", "[\"listen\",\"up\"]", "");
	rig_row("unfit", "./run", "");
	rig_row("empty", "[\"up\"]", "");
	put(rig.home.fd, "empty/.parachute/module.json", "{}");
	put(rig.home.fd, "unfit/run", "#!/no/such/interpreter\n");
	fchmodat(rig.home.fd, "unfit/run", 0755, 0);
	rig_rows();

	refused();
	one_by_one();
	ends_in_failure();
	stop_comes_first();
	in_order();
	nobody_is_forgotten();
	leaves_no_trace();
	stuck();
	waits_for_ready();
	waits_in_vain();
	full();
	at_the_end();
	httpd_release(&rig.httpd);
	return tap_done();
}
