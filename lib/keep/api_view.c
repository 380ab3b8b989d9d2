/* SPDX-License-Identifier: MIT */
#include "keep/api_view.h"

#include "base/fmt.h"
#include "hub/view.h"
#include "keep/history.h"
#include "keep/sweep.h"
#include "sys/os.h"
#include "wire/date.h"

#include <stdlib.h>

/* A row of GET /api/modules and its place. */
struct entry {
	struct mod_view view;
	struct facts facts;
	struct mod *mod;
	enum focus focus;
	size_t order;           /* recommended; third parties last */
};

static struct entry entry_of(const struct known *k, const struct row *row,
			     struct str name, struct mod *m)
{
	return (struct entry){
		.view = {
			.short_name = name,
			.known = k,
			.row = row,
			.module = m ? &m->module : NULL,
			.port = m && m->pid && m->port ? m->port :
				row ? row->port : 0,
			.restarts = m && m->runs ? m->runs - 1 : 0,
			.status_text = m && m->notice.status[0] ?
				m->notice.status : NULL,
			.log_error = m ? source_fault(&m->log) : NULL,
			.usage = m ? usage_of(m) : NULL,
		},
		.mod = m,
		.focus = k ? k->focus : FOCUS_EXPERIMENTAL,
	};
}

static void put_entry(struct jsonw *w, struct entry *e,
		      void (*put)(struct jsonw *, const struct mod_view *))
{
	struct mod_state s;

	if (e->mod) {
		mod_state(e->mod, &s);
		mod_facts(e->mod, &e->facts);
		e->view.state = &s;
		e->view.facts = &e->facts;
		e->view.listening = e->facts.listening;
	}
	put(w, &e->view);
	e->view.state = NULL;
}

static int by_place(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->focus != b->focus)
		return a->focus < b->focus ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return str_cmp(a->view.short_name, b->view.short_name);
}

static size_t known_count(void)
{
	size_t n = 0;

	while (known_modules[n].short_name)
		n++;
	return n;
}

/* Known modules, rows, and what still runs although its row is gone. */
static size_t collect(struct api *api, struct entry *all)
{
	const struct registry *r = api->registry;
	size_t n = 0, nknown = known_count();

	for (size_t i = 0; i < nknown; i++) {
		const struct known *k = &known_modules[i];
		struct str name = str_of(k->short_name);

		all[n] = entry_of(k, registry_find(r, name), name,
				  sup_find(api->sup, name));
		all[n++].order = i;
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct row *row = &r->rows[i];

		if (row->instance || known_by_short(row->short_name))
			continue;
		all[n] = entry_of(NULL, row, row->short_name,
				  sup_find(api->sup, row->short_name));
		all[n++].order = nknown;
	}
	for (size_t i = 0; i < api->sup->n; i++) {
		struct str name = str_of(api->sup->mods[i]->short_name);

		if (api->sup->mods[i]->listed || known_by_short(name))
			continue;
		all[n] = entry_of(NULL, NULL, name, api->sup->mods[i]);
		all[n++].order = nknown;
	}
	qsort(all, n, sizeof *all, by_place);
	return n;
}

static const char *channel(void)
{
	struct str s = str_of(getenv("PARACHUTE_INSTALL_CHANNEL"));

	return str_is(s, "rc") ? "rc" : "latest";
}

static void copy_problems(struct problems *to, struct arena *a,
			  const struct problems *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct problem *p = &from->all[i];

		(p->note ? problem_note : problem_add)(to, a,
			arena_cstr(a, p->file), p->line, p->column, "%.*s",
			STR_ARG(p->text));
	}
}

/* Where the dependency is written down: the operator's word is the last. */
static const char *depend_file(struct arena *a, const struct mod *m,
			       const char *name)
{
	const struct supervise *s = &m->settings;

	for (size_t i = 0; s->from[SET_DEPENDS_ON] == FROM_OPERATOR &&
	     i < s->ndepends_on; i++)
		if (str_is(s->depends_on[i], name))
			return arena_printf(a, "%s/" SUPERVISE_FILE,
					    m->short_name);
	return arena_printf(a, "%s/.parachute/module.json", m->module.cwd ?
			    m->module.cwd : m->short_name);
}

static void depend_problems(struct problems *to, struct arena *a,
			    const struct mod *m)
{
	if (m->circle[0])
		problem_add(to, a, depend_file(a, m, m->circle), 0, 0, "%s depends on %s and %s on "
			    "%s: that dependency is ignored; remove one",
			    m->short_name, m->circle, m->circle,
			    m->short_name);
	if (m->lacks[0])
		problem_add(to, a, depend_file(a, m, m->lacks), 0, 0,
			    "%s depends on %s, which has "
			    "no row in services.json; it is started without",
			    m->short_name, m->lacks);
}

static void settings_problem(struct problems *to, struct arena *a,
			     const struct mod *m)
{
	if (m->settings_fault[0])
		problem_add(to, a, arena_printf(a, "%s/" SUPERVISE_FILE,
						m->short_name),
			    m->settings_at.line, m->settings_at.column, "%s",
			    m->settings_fault);
}

static void put_problems(struct jsonw *w, struct api *api)
{
	struct problems all = { 0 };
	struct arena a;

	arena_init(&a, 1024 * 1024);
	copy_problems(&all, &a, &api->registry->problems);
	for (size_t i = 0; i < api->sup->n; i++) {
		copy_problems(&all, &a, &api->sup->mods[i]->problems);
		depend_problems(&all, &a, api->sup->mods[i]);
		settings_problem(&all, &a, api->sup->mods[i]);
	}
	jsonw_key(w, "problems");
	problems_write(w, &all);
	arena_release(&a);
}

void view_modules(struct api *api, bool usage, struct buf *out)
{
	size_t max = known_count() + api->registry->n + api->sup->n;
	struct entry *all = calloc(max, sizeof *all);
	struct jsonw w;
	size_t n;

	if (!all) {
		out->failed = true;
		return;
	}
	n = collect(api, all);
	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "modules");
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++) {
		all[i].view.with_usage = usage;
		put_entry(&w, &all[i], mod_view_write);
	}
	jsonw_end(&w);
	jsonw_key(&w, "supervisor_available");
	jsonw_bool(&w, true);
	jsonw_key(&w, "module_install_channel");
	jsonw_cstr(&w, channel());
	jsonw_key(&w, "supervised");
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++)
		if (all[i].mod)
			put_entry(&w, &all[i], mod_view_write_short);
	jsonw_end(&w);
	put_problems(&w, api);
	jsonw_end(&w);
	free(all);
}

static void put_rows(struct api *api, bool usage, struct jsonw *w)
{
	for (size_t i = 0; i < api->sup->n; i++) {
		struct mod *m = api->sup->mods[i];
		struct str name = str_of(m->short_name);
		struct entry e = entry_of(m->module.known,
			registry_find(api->registry, name), name, m);

		e.view.with_usage = usage;
		put_entry(w, &e, mod_view_write_status);
	}
}

void view_rows(void *api, struct jsonw *w)
{
	put_rows(api, false, w);
}

/* For who only wants to know how it goes: the hub, and what has a row or
 * runs, each with what changes. One answer, a fifth of the whole. */
void view_status(struct api *api, bool usage, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "hub");
	view_hub_put(&w, api);
	jsonw_key(&w, "modules");
	jsonw_array(&w);
	put_rows(api, usage, &w);
	jsonw_end(&w);
	put_problems(&w, api);
	jsonw_end(&w);
}

/* One module */

static void put_time(struct jsonw *w, const char *key, int64_t unix_ms)
{
	char text[DATE_ISO_SIZE];

	jsonw_key(w, key);
	if (!unix_ms) {
		jsonw_null(w);
		return;
	}
	date_iso(unix_ms, text);
	jsonw_cstr(w, text);
}

static void put_number(struct jsonw *w, const char *key, int64_t n, bool known)
{
	jsonw_key(w, key);
	if (known)
		jsonw_int(w, n);
	else
		jsonw_null(w);
}

static void put_health(struct jsonw *w, const struct mod *m)
{
	static const char *const words[] = {
		[HEALTH_UNKNOWN] = "unknown", [HEALTH_OK] = "ok",
		[HEALTH_FAILING] = "failing",
	};
	const struct health *h = &m->health;
	struct str path = health_path(m);

	jsonw_key(w, "health");
	jsonw_object(w);
	jsonw_key(w, "path");
	if (path.n)
		jsonw_str(w, path);
	else
		jsonw_null(w);
	jsonw_key(w, "state");
	jsonw_cstr(w, words[h->state]);
	put_number(w, "http_status", h->http_status, h->http_status);
	put_time(w, "at", h->at_unix_ms);
	put_number(w, "took_ms", h->took_ms, h->at_ms);
	put_number(w, "failures", h->failures, true);
	jsonw_key(w, "error");
	jsonw_cstr(w, h->error[0] ? h->error : NULL);
	jsonw_end(w);
}

static void put_notice(struct jsonw *w, const struct mod *m)
{
	const struct notice *n = &m->notice;

	jsonw_key(w, "notified");
	jsonw_object(w);
	jsonw_key(w, "ready");
	jsonw_bool(w, n->ready);
	jsonw_key(w, "reloading");
	jsonw_bool(w, n->reloading);
	jsonw_key(w, "stopping");
	jsonw_bool(w, n->stopping);
	put_number(w, "watchdog_ms", n->watchdog_ms, n->watchdog_ms);
	jsonw_end(w);
}

static void put_processes(struct jsonw *w, struct api *api, struct mod *m)
{
	struct left all[PROCESSES_SHOWN];
	size_t n = sweep_left(api->sup, m, all, LEN(all));

	jsonw_key(w, "processes");
	jsonw_array(w);
	for (size_t i = 0; i < n && i < LEN(all); i++) {
		jsonw_object(w);
		jsonw_key(w, "pid");
		jsonw_int(w, all[i].pid);
		jsonw_key(w, "command");
		jsonw_cstr(w, all[i].command);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void put_command(struct jsonw *w, const struct mod *m)
{
	jsonw_key(w, "command");
	jsonw_array(w);
	for (size_t i = 0; m->module.argv[i]; i++)
		jsonw_cstr(w, m->module.argv[i]);
	jsonw_end(w);
}

static void put_group(struct jsonw *w, struct api *api, const struct mod *m)
{
	char path[512];

	jsonw_key(w, "cgroup");
	jsonw_cstr(w, cgroup_path(&api->sup->cgroup, m->id, path,
				  sizeof path) ? path : NULL);
}

/* When it is started again by itself. */
static void put_next_try(struct jsonw *w, const struct mod *m)
{
	bool waits = m->timer.armed && (m->state == SM_BACKOFF ||
		m->state == SM_CRASHED || m->state == SM_SQUATTED);

	put_time(w, "next_try_at", waits ? os_unix_ms() + m->timer.at_ms -
		 os_now_ms() : 0);
}

/* next: what `after` of the log takes, to have what comes from here on. */
static void put_log(struct jsonw *w, const struct api *api,
		    const struct mod *m)
{
	const struct source *s = &m->log;
	char text[4096 + 2 * SHORT_SIZE + 16];

	jsonw_key(w, "log");
	jsonw_object(w);
	fmt(text, sizeof text, "%llu.%llu",
	    (unsigned long long)api->feeds->boot,
	    (unsigned long long)ring_last(&s->ring));
	jsonw_key(w, "next");
	jsonw_cstr(w, text);
	put_number(w, "lines_total", (int64_t)s->lines_total, true);
	put_number(w, "dropped_total", (int64_t)s->dropped_total, true);
	fmt(text, sizeof text, "%s/%s/logs/%s.log",
	    api->spawn->home->path, m->short_name, m->short_name);
	jsonw_key(w, "file");
	jsonw_cstr(w, s->mode == LOG_MODE_MEMORY ? NULL : text);
	jsonw_key(w, "error");
	jsonw_cstr(w, source_fault(s));
	jsonw_end(w);
}

void view_module(struct api *api, struct mod *m, struct buf *out)
{
	struct str name = str_of(m->short_name);
	struct entry e = entry_of(known_by_short(name),
				  registry_find(api->registry, name), name, m);
	struct jsonw w;

	e.view.with_usage = true;
	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	put_entry(&w, &e, mod_view_put);
	put_health(&w, m);
	put_notice(&w, m);
	put_processes(&w, api, m);
	put_command(&w, m);
	jsonw_key(&w, "settings");
	supervise_write(&w, &m->settings);
	put_group(&w, api, m);
	put_next_try(&w, m);
	jsonw_key(&w, "exits");
	history_write(api->sup, m->short_name, &w);
	put_log(&w, api, m);
	jsonw_end(&w);
}

enum verdict { READY, TRANSIENT, PERSISTENT, IGNORED };

static enum verdict verdict_of(const struct mod *m)
{
	if (!m->listed || !sm_wanted(m->state))
		return IGNORED;
	if (mod_is_ready(m))
		return READY;
	return mod_is_failing(m) ? PERSISTENT : TRANSIENT;
}

static void put_verdicts(struct jsonw *w, struct sup *s, const char *key,
			 enum verdict which)
{

	jsonw_key(w, key);
	jsonw_array(w);
	for (size_t i = 0; i < s->n; i++) {
		if (verdict_of(s->mods[i]) != which)
			continue;
		jsonw_cstr(w, s->mods[i]->short_name);
	}
	jsonw_end(w);
}

void view_ready(struct sup *s, struct buf *out)
{
	bool ready = true;
	struct jsonw w;

	for (size_t i = 0; i < s->n; i++) {
		enum verdict v = verdict_of(s->mods[i]);

		ready = ready && v != TRANSIENT && v != PERSISTENT;
	}
	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "ready");
	jsonw_bool(&w, ready);
	put_verdicts(&w, s, "ready_modules", READY);
	put_verdicts(&w, s, "transient_modules", TRANSIENT);
	put_verdicts(&w, s, "persistent_modules", PERSISTENT);
	jsonw_end(&w);
}
