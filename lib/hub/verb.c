/* SPDX-License-Identifier: MIT */
#include "hub/verb.h"

#include "base/fmt.h"
#include "hub/client.h"
#include "hub/registry.h"
#include "hub/state.h"
#include "sys/cli.h"

#include <stdlib.h>

#define AT_ONCE  16     /* of the hub's connections, for one command */

struct job {
	struct client_request request;
	struct run *run;
	char name[SHORT_SIZE];
};

struct run {
	const struct verb *verb;
	const struct verb_args *args;
	struct client hub;
	struct job *jobs;
	size_t n, next, busy;
	int worst;
};

static void worse(struct run *r, int status)
{
	if (status > r->worst)
		r->worst = status;
}

static void put_left(const struct json *body)
{
	int64_t pid;
	struct str command;

	JSON_EACH(one, json_get(body, "left"))
		if (json_int(json_get(one, "pid"), 1, INT32_MAX, &pid) &&
		    json_str(json_get(one, "command"), &command))
			cli_say_error("  left: pid %d (%.*s)", (int)pid,
				      STR_ARG(command));
}

static void report_failure(struct job *j, const struct err *e,
			   const struct json *body)
{
	cli_say_error("%s: %s: %s", j->run->verb->name, j->name, e->msg);
	put_left(body);
	worse(j->run, cli_status(e));
}

/* 200 says what it came to, not that it came to good. */
static void report_answer(struct job *j, const struct json *body)
{
	const struct verb *v = j->run->verb;
	struct mod_state state;
	struct str waited;
	bool stopped = true;

	json_bool(json_get(body, "stopped"), &stopped);
	if (v->stops) {
		cli_printf("\342\234\223 %s %s.\n", j->name,
			   stopped ? v->done : "is not running");
		return;
	}
	if (state_read(json_get(body, "state"), &state) &&
	    (state.status == STATUS_CRASHED || state.error.type)) {
		cli_say_error("%s: %s: %s", v->name, j->name,
			      state.error.type ? state.error.text :
			      "it crashed; pc-logs shows its last words");
		worse(j->run, EXIT_FAILED);
		return;
	}
	if (json_str(json_get(body, "waited"), &waited) &&
	    !str_is(waited, "ready")) {
		cli_say_error("%s: %s: %.*s while waiting for it", v->name,
			      j->name, STR_ARG(waited));
		worse(j->run, EXIT_FAILED);
		return;
	}
	cli_printf("\342\234\223 %s %s%s.\n", j->name, v->done,
		   j->run->args->wait ? " and ready" : "");
}

static void begin_next(struct run *);

static void on_done(struct client_request *q)
{
	struct job *j = q->ctx;
	const struct json *body;
	struct err e = { 0 };
	struct arena a;

	arena_init(&a, 4 * 1024 * 1024);
	body = json_parse(buf_str(&q->body), &a, NULL, NULL);
	if (q->failed) {
		report_failure(j, &q->err, NULL);
	} else if (q->status != 200) {
		reach_refused(q->client->reach, q->status, body, &e);
		report_failure(j, &e, body);
	} else {
		report_answer(j, body);
	}
	arena_release(&a);
	j->run->busy--;
	begin_next(j->run);
}

static int begin(struct run *r, struct job *j, struct err *e)
{
	char target[160];
	/* As long as a module may take; the hub says when it gives up. */
	int patience = STOP_TIMEOUT_MAX_MS + 2 * KILL_TIMEOUT_MS +
		HUB_PATIENCE_MS + (int)r->args->wait_s * 1000;

	fmt(target, sizeof target, "/api/modules/%s/%s", j->name,
	    r->verb->name);
	if (r->args->wait && !r->verb->stops)
		fmt(target, sizeof target,
		    "/api/modules/%s/%s?wait=ready&timeout=%ld", j->name,
		    r->verb->name, r->args->wait_s);
	j->request.on_done = on_done;
	j->request.ctx = j;
	return client_begin(&r->hub, &j->request, "POST", target, patience, e);
}

static void begin_next(struct run *r)
{
	while (r->busy < AT_ONCE && r->next < r->n) {
		struct job *j = &r->jobs[r->next++];
		struct err e = { 0 };

		if (begin(r, j, &e) == 0)
			r->busy++;
		else
			report_failure(j, &e, NULL);
	}
}

/* Names */

static void make_jobs(struct run *r, size_t n)
{
	struct err e = { 0 };

	free(r->jobs);
	r->jobs = calloc(n + 1, sizeof *r->jobs);
	if (r->jobs)
		return;
	err_set(&e, ERR_NO_MEMORY, "no memory");
	cli_die(&e);
}

static struct job *add(struct run *r, struct str name)
{
	struct job *j;

	for (size_t i = 0; i < r->n; i++)
		if (str_is(name, r->jobs[i].name))
			return &r->jobs[i];
	j = &r->jobs[r->n++];
	j->run = r;
	str_to_c(name, j->name, sizeof j->name);
	return j;
}

/* Either name of a module will do: "vault" or "parachute-vault". */
static void add_named(struct run *r, char **names)
{
	for (; *names; names++) {
		struct str name = registry_short(str_of(*names));

		if (home_short_ok(name)) {
			add(r, name);
			continue;
		}
		cli_say_error("%s: \"%.64s\" is not the name of a module; "
			      "pc-status lists what there is", r->verb->name,
			      *names);
		worse(r, EXIT_FAILED);
	}
}

static void add_rows(struct run *r, const struct registry *reg)
{
	for (size_t i = 0; i < reg->n; i++)
		if (!reg->rows[i].instance)
			add(r, reg->rows[i].short_name);
}

/* The same rows, as a hub has them whose services.json is not at hand. */
static void ask_rows(struct run *r, struct err *e)
{
	const struct json *modules;
	struct answer a;
	struct str name;

	if (client_ask(&r->hub, "GET", "/api/modules?view=status",
		       HUB_PATIENCE_MS, &a, e) < 0)
		cli_die(e);
	modules = json_get(a.body, "modules");
	make_jobs(r, modules ? modules->count : 0);
	JSON_EACH(m, modules)
		if (json_str(json_get(m, "short"), &name) &&
		    home_short_ok(name))
			add(r, name);
}

static void stopped_already(struct run *r)
{
	for (size_t i = 0; i < r->n; i++)
		cli_printf("\342\234\223 %s already stopped: the hub is not "
			   "running.\n", r->jobs[i].name);
}

/* Whether there is a hub is asked once, not told once for each module. */
static void operate(struct run *r, struct reach *reach)
{
	struct answer health;
	struct err e = { 0 };

	if (client_init(&r->hub, reach, &e) < 0)
		cli_die(&e);
	if (client_call(&r->hub, "GET", "/health", HUB_PATIENCE_MS,
			&health, &e) < 0) {
		if (e.code != ERR_UNREACHABLE || !r->verb->stops ||
		    reach->remote)
			cli_die(&e);
		stopped_already(r);
	} else {
		if (r->args->all && reach->remote)
			ask_rows(r, &e);
		begin_next(r);
	}
	while (r->busy)
		if (loop_turn(&r->hub.loop, -1, &e) < 0)
			cli_die(&e);
	client_release(&r->hub);
}

/* Its workers are replaced by new ones while the hub goes on. */
static int renew_front(const struct verb_args *args)
{
	struct client hub;
	struct answer a;
	struct reach reach;
	struct err e = { 0 };

	if (args->wait)
		cli_usage("front is not waited for: it is there all the time; "
			  "pc-status front shows it");
	if (reach_open(&reach, &args->reach, &e) < 0 ||
	    client_init(&hub, &reach, &e) < 0 ||
	    client_ask(&hub, "POST", "/api/front/restart", HUB_PATIENCE_MS, &a,
		       &e) < 0)
		cli_die(&e);
	cli_printf("\342\234\223 front: new workers take over, one after the "
		   "other.\n");
	client_release(&hub);
	reach_close(&reach);
	return EXIT_DONE;
}

int verb_run(const struct verb *verb, const struct verb_args *args)
{
	struct run r = { .verb = verb, .args = args };
	struct registry reg;
	struct reach reach;
	struct err e = { 0 };
	size_t named = 0;

	while (args->modules[named])
		named++;
	if (!named && !args->all)
		cli_usage("name the modules to %s, or give --all", verb->name);
	if (named && args->all)
		cli_usage("--all goes without names");
	if (verb->renews && named == 1 &&
	    str_is(str_of(args->modules[0]), "front"))
		return renew_front(args);
	registry_init(&reg);
	if (reach_open(&reach, &args->reach, &e) < 0 &&
	    (e.code != ERR_UNREACHABLE || !verb->stops))
		cli_die(&e);
	if (args->all && reach.home.fd >= 0 &&
	    registry_load(&reg, reach.home.fd, &e) < 0)
		cli_die(&e);
	make_jobs(&r, named + reg.n);
	add_named(&r, args->modules);
	add_rows(&r, &reg);
	if (reach.remote || reach.home.fd >= 0)
		operate(&r, &reach);
	else
		stopped_already(&r);
	free(r.jobs);
	registry_release(&reg);
	reach_close(&reach);
	return r.worst;
}
