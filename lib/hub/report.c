/* SPDX-License-Identifier: MIT */
#include "hub/report.h"

#include "hub/supervise.h"
#include "hub/view.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES (512 * 1024)        /* a report of 100 modules */

/* An answer of the hub, in the report's arena. */
static const struct json *ask(struct report *r, const char *target,
			      struct err *e)
{
	const struct json *answer;
	struct buf text;
	struct str copy;

	buf_init(&text, ANSWER_MAX);
	if (client_text(&r->client, target, HUB_PATIENCE_MS, &text, e) < 0) {
		buf_release(&text);
		return NULL;
	}
	copy = arena_str(&r->arena, buf_str(&text));
	buf_release(&text);
	answer = json_parse(copy, &r->arena, NULL, e);
	if (!answer)
		err_wrap(e, "hub: %s", target);
	return answer;
}

/* GET /api/hub asks for more than who may read the modules has to have. */
static const struct json *ask_about_hub(struct report *r)
{
	const struct json *answer;

	if (!r->client.reach->remote)
		return ask(r, "/api/hub", &r->why);
	answer = ask(r, "/api/modules?view=status", &r->why);
	return json_get(answer, "hub");
}

/* The hub's side of it; NULL modules: there is none. */
static const struct json *ask_hub(struct report *r, unsigned what)
{
	const struct json *answer;
	bool usage = what & REPORT_USAGE;

	if (!(what & REPORT_WHOLE)) {
		answer = ask(r, usage ? "/api/modules?view=status&usage=1" :
			     "/api/modules?view=status", &r->why);
		r->hub = json_get(answer, "hub");
		return answer;
	}
	r->hub = ask_about_hub(r);
	answer = !r->hub ? NULL : ask(r, usage ? "/api/modules?usage=1" :
				      "/api/modules", &r->why);
	if (!answer)
		r->hub = NULL;
	return answer;
}

static const struct json *find_in(const struct json *first,
				  const struct json *end, struct str short_name)
{
	struct str s;

	for (; first && first != end; first = first->next)
		if (json_str(json_get(first, "short"), &s) &&
		    str_eq(s, short_name))
			return first;
	return NULL;
}

/* The row of that name; *from, where the last one was, is looked at first:
 * the hub has its rows in nearly the same order. */
static const struct json *find_json(const struct json *modules,
				    const struct json **from,
				    struct str short_name)
{
	const struct json *first = modules ? modules->child : NULL;
	const struct json *found = find_in(*from, NULL, short_name);

	if (!found)
		found = find_in(first, *from, short_name);
	if (found)
		*from = found->next;
	return found;
}

static void take_state(struct report_row *row, const struct json *j)
{
	struct str word;
	int64_t n;

	row->json = j;
	row->supervised = state_read(json_get(j, "state"), &row->state);
	if (json_int(json_get(j, "port"), 1, 65535, &n))
		row->port = (uint16_t)n;
	if (json_int(json_get(j, "restarts"), 0, INT32_MAX, &n))
		row->restarts = (unsigned)n;
	row->listening = LISTEN_UNKNOWN;
	if (json_str(json_get(j, "listening"), &word))
		row->listening = listening_of(word);
	facts_read(json_get(j, "facts"), &row->facts);
	row->has_usage = usage_facts_read(json_get(j, "usage"), &row->usage);
	json_str(json_get(j, "status_text"), &row->status_text);
	json_str(json_get(j, "log_error"), &row->log_error);
}

/* As above: *from is looked at first. */
static bool is_listed(const struct report *r, size_t *from,
		      struct str short_name)
{
	for (size_t i = 0; i < r->n; i++) {
		size_t at = (*from + i) % r->n;

		if (str_eq(r->rows[at].short_name, short_name)) {
			*from = at + 1;
			return true;
		}
	}
	return false;
}

static void take_rows(struct report *r, const struct json *modules)
{
	const struct json *from = modules ? modules->child : NULL;
	struct str vault = STR("vault");
	bool remote = r->client.reach->remote;
	size_t at = 0;

	for (size_t i = 0; i < r->registry.n; i++) {
		const struct row *row = &r->registry.rows[i];
		/* Further vaults are served by the one vault module. */
		struct str module = row->instance ? vault : row->short_name;
		const struct json *j = find_json(modules, &from, module);
		struct report_row *out = &r->rows[r->n++];

		*out = (struct report_row){ .short_name = row->short_name,
			.version = row->version, .row = row,
			.port = row->port };
		if (j)
			take_state(out, j);
	}
	JSON_EACH(j, modules) {
		struct report_row row = { 0 };

		if (!json_str(json_get(j, "short"), &row.short_name) ||
		    is_listed(r, &at, row.short_name))
			continue;
		json_str(json_get(j, "installed_version"), &row.version);
		take_state(&row, j);
		/* Without one: a module that could be installed. */
		if (row.supervised || (remote && row.port))
			r->rows[r->n++] = row;
	}
}

static void take_problem(struct report *r, const struct json *j)
{
	struct str file = STR_NULL, text = STR_NULL;
	int64_t line = 0, column = 0;
	bool note = false;

	json_str(json_get(j, "file"), &file);
	json_str(json_get(j, "text"), &text);
	json_int(json_get(j, "line"), 0, INT32_MAX, &line);
	json_int(json_get(j, "column"), 0, INT32_MAX, &column);
	json_bool(json_get(j, "note"), &note);
	(note ? problem_note : problem_add)(&r->problems, &r->arena,
		arena_cstr(&r->arena, file), (unsigned)line, (unsigned)column,
		"%.*s", STR_ARG(text));
}

/* Without a hub: services.json, every module.json that it names, and the
 * operator's settings. */
static void find_problems(struct report *r, const struct home *home)
{
	struct module m;
	struct supervise s;

	r->problems = r->registry.problems;
	for (size_t i = 0; i < r->registry.n; i++)
		if (!r->registry.rows[i].instance &&
		    module_read(&m, &r->registry.rows[i], &r->arena,
				&r->problems, NULL) == 0)
			supervise_read(&s, home->fd, &m, &r->arena,
				       &r->problems, NULL);
}

int report_gather(struct report *r, struct reach *reach, unsigned what,
		  struct err *e)
{
	/* Pages that come with the program cost less than malloc's. */
	static max_align_t first[FIRST_BYTES / sizeof(max_align_t)];
	const struct json *answer, *modules;
	struct err unused = { 0 };

	*r = (struct report){ 0 };
	arena_init_in(&r->arena, ANSWER_MAX * 8, first, sizeof first);
	registry_init(&r->registry);
	if (client_init(&r->client, reach, e) < 0)
		return -1;
	if (!reach->remote)
		registry_load(&r->registry, reach->home.fd, &unused);
	answer = ask_hub(r, what);
	modules = json_get(answer, "modules");
	r->rows = arena_array(&r->arena, r->registry.n +
			      (modules ? modules->count : 0) + 1,
			      sizeof *r->rows);
	if (!r->rows)
		return err_set(e, ERR_NO_MEMORY, "no memory for the report");
	take_rows(r, modules);
	JSON_EACH(j, json_get(answer, "problems"))
		take_problem(r, j);
	if (!answer && !reach->remote)
		find_problems(r, &reach->home);
	return 0;
}

void report_release(struct report *r)
{
	client_release(&r->client);
	registry_release(&r->registry);
	arena_release(&r->arena);
}

bool report_is_refused(const struct report *r)
{
	return r->client.reach->remote && !r->hub &&
	       r->why.code == ERR_DENIED;
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {
		[VERDICT_INACTIVE] = "inactive", [VERDICT_PENDING] = "pending",
		[VERDICT_ACTIVE] = "active",     [VERDICT_FAILING] = "failing",
	};

	return names[v];
}

/* Up is not enough: it must be ready, and has some time to become so. When
 * that is over the hub says so; one that cannot tell is not believed for ever. */
static enum verdict of_running(const struct report_row *r, int64_t now)
{
	if (r->facts.ready)
		return VERDICT_ACTIVE;
	if (r->listening == LISTEN_UNKNOWN)
		return VERDICT_PENDING;         /* it is being stopped */
	if (r->state.error.type)
		return VERDICT_FAILING;
	return now - r->state.started_unix_ms < READY_TIMEOUT_MAX_MS ?
		VERDICT_PENDING : VERDICT_FAILING;
}

enum verdict report_verdict(const struct report_row *r, int64_t now)
{
	if (!r->supervised)
		return VERDICT_INACTIVE;
	switch (r->state.status) {
	case STATUS_RUNNING:
		return of_running(r, now);
	case STATUS_STARTING:
	case STATUS_RESTARTING:
		return VERDICT_PENDING;
	case STATUS_CRASHED:
		return VERDICT_FAILING;
	default:
		return VERDICT_INACTIVE;
	}
}

static void copy_key(struct jsonw *w, const char *as, const struct json *from,
		     const char *key)
{
	const struct json *value = json_get(from, key);

	jsonw_key(w, as);
	if (value)
		jsonw_value(w, value);
	else
		jsonw_null(w);
}

static void write_row(struct jsonw *w, struct report *r,
		      const struct report_row *row)
{
	struct module m = { 0 };
	struct mod_view v = {
		.short_name = row->short_name, .row = row->row,
		.known = known_by_short(row->short_name), .port = row->port,
	};

	if (row->json && !(row->row && row->row->instance)) {
		jsonw_value(w, row->json);
		return;
	}
	if (row->row && module_resolve(&m, row->row, getenv("PATH"), &r->arena,
				       NULL, NULL) == 0)
		v.module = &m;
	if (row->supervised) {
		v.state = &row->state;
		v.listening = row->listening;
		v.restarts = row->restarts;
		v.facts = &row->facts;
		if (row->status_text.n)
			v.status_text = arena_cstr(&r->arena,
						   row->status_text);
		if (row->log_error.n)
			v.log_error = arena_cstr(&r->arena, row->log_error);
	}
	mod_view_write(w, &v);
}

void report_write(struct jsonw *w, struct report *r,
		  bool (*keep)(const struct report_row *))
{
	jsonw_object(w);
	jsonw_key(w, "hub");
	jsonw_object(w);
	jsonw_key(w, "reachable");
	jsonw_bool(w, r->hub != NULL);
	copy_key(w, "version", r->hub, "version");
	copy_key(w, "pid", r->hub, "pid");
	copy_key(w, "startedAt", r->hub, "started_at");
	copy_key(w, "manager", r->hub, "manager");
	jsonw_end(w);
	jsonw_key(w, "modules");
	jsonw_array(w);
	for (size_t i = 0; i < r->n; i++)
		if (keep(&r->rows[i]))
			write_row(w, r, &r->rows[i]);
	jsonw_end(w);
	jsonw_key(w, "problems");
	problems_write(w, &r->problems);
	jsonw_end(w);
}
