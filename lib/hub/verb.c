/* SPDX-License-Identifier: MIT */
#include "hub/verb.h"

#include "hub/apierr.h"
#include "hub/client.h"
#include "hub/registry.h"
#include "hub/state.h"
#include "sys/cli.h"
#include "sys/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AT_ONCE  16     /* of the hub's connections, for one command */
#define PATIENCE_MS 5000        /* beyond what the hub itself may take */

struct job {
	struct httpc http;
	struct run *run;
	char name[SHORT_SIZE];
	struct buf body;
	int status;
};

struct run {
	const struct verb *verb;
	const struct verb_args *args;
	const struct home *home;
	struct loop loop;
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

static void on_head(struct httpc *h, const struct http_head *head)
{
	struct job *j = h->ctx;

	j->status = head->status;
}

static void on_body(struct httpc *h, struct str data)
{
	struct job *j = h->ctx;

	buf_put(&j->body, data);
}

static void on_done(struct httpc *h, const struct err *failure)
{
	struct job *j = h->ctx;
	const struct json *body;
	struct err e = { 0 };
	struct arena a;

	arena_init(&a, 4 * 1024 * 1024);
	body = json_parse(buf_str(&j->body), &a, NULL, NULL);
	if (failure) {
		e = *failure;
		err_wrap(&e, "hub");
		report_failure(j, &e, NULL);
	} else if (j->status != 200) {
		apierr_read(j->status, body, &e);
		report_failure(j, &e, body);
	} else {
		report_answer(j, body);
	}
	arena_release(&a);
	buf_release(&j->body);
	j->run->busy--;
	begin_next(j->run);
}

static int begin(struct run *r, struct job *j, struct err *e)
{
	static const struct httpc_ops ops = { on_head, on_body, on_done };
	char target[160];
	struct httpc_req req = { .method = "POST", .target = target,
				 .host = "hub" };
	const char *name;
	int dir, fd;

	snprintf(target, sizeof target, "/api/modules/%s/%s", j->name,
		 r->verb->name);
	if (r->args->wait && !r->verb->stops)
		snprintf(target, sizeof target,
			 "/api/modules/%s/%s?wait=ready&timeout=%ld", j->name,
			 r->verb->name, r->args->wait_s);
	req.deadline_ms = 2 * (STOP_TIMEOUT_MS + KILL_TIMEOUT_MS) +
		PATIENCE_MS + (int)r->args->wait_s * 1000;
	dir = home_sock(r->home, &name, e);
	if (dir < 0)
		return -1;
	fd = net_connect_unix(dir, name, e);
	close(dir);
	if (fd < 0)
		return -1;
	buf_init(&j->body, 1024 * 1024);
	return httpc_start(&j->http, &r->loop, fd, &req, &ops, j, e);
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

static void add_all(struct run *r, const struct registry *reg)
{
	for (size_t i = 0; i < reg->n; i++)
		if (!reg->rows[i].instance)
			add(r, reg->rows[i].short_name);
}

static void stopped_already(struct run *r)
{
	for (size_t i = 0; i < r->n; i++)
		cli_printf("\342\234\223 %s already stopped: the hub is not "
			   "running.\n", r->jobs[i].name);
}

static void operate(struct run *r)
{
	struct client hub;
	struct answer health;
	struct err e = { 0 };

	if (client_init(&hub, r->home, &e) < 0)
		cli_die(&e);
	if (client_call(&hub, "GET", "/health", PATIENCE_MS, &health, &e) < 0) {
		if (e.code != ERR_UNREACHABLE || !r->verb->stops)
			cli_die(&e);
		stopped_already(r);
		client_release(&hub);
		return;
	}
	client_release(&hub);
	if (loop_init(&r->loop, &e) < 0)
		cli_die(&e);
	begin_next(r);
	while (r->busy)
		if (loop_turn(&r->loop, -1, &e) < 0)
			cli_die(&e);
	loop_release(&r->loop);
}

int verb_run(const struct verb *verb, const struct verb_args *args)
{
	struct run r = { .verb = verb, .args = args };
	struct registry reg;
	struct home home;
	struct err e = { 0 };
	size_t named = 0;

	while (args->modules[named])
		named++;
	if (!named && !args->all)
		cli_usage("name the modules to %s, or give --all", verb->name);
	if (named && args->all)
		cli_usage("--all goes without names");
	registry_init(&reg);
	home.fd = -1;
	if (client_home(&home, args->home, &e) < 0 &&
	    (e.code != ERR_UNREACHABLE || !verb->stops))
		cli_die(&e);
	if (args->all && home.fd >= 0 && registry_load(&reg, home.fd, &e) < 0)
		cli_die(&e);
	r.home = &home;
	r.jobs = calloc(named + reg.n + 1, sizeof *r.jobs);
	if (!r.jobs) {
		err_set(&e, ERR_NO_MEMORY, "no memory");
		cli_die(&e);
	}
	add_named(&r, args->modules);
	if (args->all)
		add_all(&r, &reg);
	if (home.fd >= 0)
		operate(&r);
	else
		stopped_already(&r);
	free(r.jobs);
	registry_release(&reg);
	home_close(&home);
	return r.worst;
}
