/* SPDX-License-Identifier: MIT */
#include "keep/api.h"

#include "base/fmt.h"
#include "hub/apierr.h"
#include "keep/api_ask.h"
#include "keep/api_view.h"
#include "keep/listen.h"
#include "keep/metrics.h"
#include "keep/settings.h"
#include "sys/log.h"
#include "wire/accept.h"
#include "wire/url.h"

#include <string.h>

#define WAIT_DEFAULT_S 30
#define WAIT_MAX_S     600

/* Of a module that may take longer to become ready than most: as long. */
static int default_wait(const struct mod *m)
{
	int n = m ? (m->settings.ready_timeout_ms + 999) / 1000 : 0;

	return n < WAIT_DEFAULT_S ? WAIT_DEFAULT_S :
	       n < WAIT_MAX_S ? n : WAIT_MAX_S;
}

/* *seconds 0: no wait was asked for. m NULL: it is for several. */
static int get_wait(const struct api_ask *a, const struct mod *m, int *seconds)
{
	uint64_t n = (uint64_t)default_wait(m);
	struct str word;

	*seconds = 0;
	if (!url_param(a->req->query, "wait", a->req->arena, &word))
		return 0;
	if (!str_is(word, "ready")) {
		api_refuse(a, 400, "invalid_request",
		       "wait can only be \"ready\"");
		return -1;
	}
	if (api_number(a, "timeout", WAIT_MAX_S, &n) < 0)
		return -1;
	if (n == 0) {
		api_refuse(a, 400, "invalid_request",
		       "timeout must be a number from 1 to %d", WAIT_MAX_S);
		return -1;
	}
	if (api_is_crowded(a))
		return -1;
	*seconds = (int)n;
	return 0;
}

static void say_problems(const struct problems *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct problem *p = &all->all[i];

		if (p->line)
			log_say("%.*s:%u:%u: %.*s", STR_ARG(p->file), p->line,
				p->column, STR_ARG(p->text));
		else
			log_say("%.*s%s%.*s", STR_ARG(p->file),
				p->file.n ? ": " : "", STR_ARG(p->text));
	}
}

void api_refresh(struct api *api)
{
	struct err e = { 0 };
	int rc = registry_load(api->registry, api->spawn->home->fd, &e);

	if (rc == 0)
		return;
	if (rc > 0 || strcmp(e.msg, api->said.msg) != 0)
		say_problems(&api->registry->problems);
	api->said = e;
	if (rc > 0)
		sup_sync(api->sup);
	else
		sup_touch(api->sup);
}

/* Routes */

static void get_health(const struct api_ask *a)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "status");
	jsonw_cstr(&w, "ok");
	jsonw_key(&w, "service");
	jsonw_cstr(&w, "parachute-hub");
	jsonw_key(&w, "version");
	jsonw_cstr(&w, PC_VERSION);
	jsonw_end(&w);
	api_reply(a, 200, &b);
}

void api_tell_ready(struct httpd_conn *c, struct sup *s)
{
	const struct api_ask a = { .conn = c };
	struct buf b;

	buf_init(&b, HTTPD_OUT_MAX);
	view_ready(s, &b);
	api_reply(&a, 200, &b);
}

/* modules=a,b: only these are waited for. */
static int get_names(const struct api_ask *a, struct ready_set *set)
{
	struct str list, name;
	struct mod *m;

	set->n = 0;
	if (!url_param(a->req->query, "modules", a->req->arena, &list))
		return 0;
	while (list.n) {
		str_cut(list, ',', &name, &list);
		m = sup_find(a->api->sup, name);
		if (!m) {
			api_refuse(a, 404, "not_supervised", "%.*s has no row in "
			       "services.json", STR_ARG(str_take(name, 64)));
			return -1;
		}
		if (set->n == LEN(set->ids)) {
			api_refuse(a, 400, "invalid_request", "modules can name "
			       "%zu at most", LEN(set->ids));
			return -1;
		}
		set->ids[set->n++] = m->id;
	}
	return 0;
}

static void get_ready(const struct api_ask *a)
{
	struct ready_set set;
	int seconds;

	if (get_wait(a, NULL, &seconds) < 0 || get_names(a, &set) < 0)
		return;
	listen_look(a->api->sup);
	if (seconds)
		ops_wait_ready(a->api->ops, &set, seconds, a->conn);
	else
		api_tell_ready(a->conn, a->api->sup);
}

static void get_hub(const struct api_ask *a)
{
	struct buf b;

	buf_init(&b, 65536);
	view_hub(a->api, &b);
	api_reply(a, 200, &b);
}

/* What a reader is told is as young as this. */
static void look(const struct api_ask *a, bool usage, bool descriptors)
{
	listen_look(a->api->sup);
	health_look(a->api->sup);
	settings_look(a->api->sup);
	if (usage)
		usage_look(a->api->sup, descriptors);
}

static void get_modules(const struct api_ask *a)
{
	struct str view, word;
	bool usage = url_param(a->req->query, "usage", a->req->arena, &word) &&
		     str_is(word, "1");
	struct buf b;

	look(a, usage, false);
	buf_init(&b, HTTPD_OUT_MAX);
	if (!url_param(a->req->query, "view", a->req->arena, &view))
		view_modules(a->api, usage, &b);
	else if (str_is(view, "status"))
		view_status(a->api, usage, &b);
	else {
		api_refuse(a, 400, "invalid_request", "view can be \"status\"");
		return;
	}
	api_reply(a, 200, &b);
}

static void get_module(const struct api_ask *a)
{
	struct mod *m = sup_find(a->api->sup, a->short_name);
	struct buf b;

	if (!m) {
		api_not_supervised(a);
		return;
	}
	look(a, true, true);
	buf_init(&b, HTTPD_OUT_MAX);
	view_module(a->api, m, &b);
	api_reply(a, 200, &b);
}

static void get_metrics(const struct api_ask *a)
{
	bool open = http_accepts(a->req->head, "application/openmetrics-text");
	struct buf b;

	look(a, true, true);
	buf_init(&b, HTTPD_OUT_MAX);
	metrics_write(a->api, open, &b);
	if (!buf_failed(&b))
		httpd_reply(a->conn, 200, open ? METRICS_OPEN : METRICS_TEXT,
			    API_NO_STORE, buf_str(&b));
	else
		httpd_json(a->conn, 503, STR("{\"error\":\"out_of_memory\","
			"\"error_description\":\"no memory for the answer\"}"));
	buf_release(&b);
}

static void stopped_nothing(const struct api_ask *a)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "short");
	jsonw_str(&w, a->short_name);
	jsonw_key(&w, "stopped");
	jsonw_bool(&w, false);
	jsonw_end(&w);
	api_reply(a, 200, &b);
}

static void submit(const struct api_ask *a, struct mod *m, enum op_kind kind)
{
	int seconds;

	if (get_wait(a, m, &seconds) < 0)
		return;
	if (kind != OP_STOP && a->api->closing) {
		api_refuse(a, 503, "shutting_down", "the hub is being stopped");
		return;
	}
	if (kind != OP_STOP && !sm_has_run(m->state)) {
		sup_resolve(a->api->sup, m);
		if (!m->module.argv[0]) {
			api_refuse(a, 422, "no_start_cmd", "%s cannot be started: "
			       "%s", m->short_name, m->module.reason ?
			       m->module.reason : m->error.text);
			return;
		}
	}
	if (seconds)
		listen_look(a->api->sup);
	ops_submit(a->api->ops, m, kind, kind == OP_STOP ? 0 : seconds,
		   a->conn);
}

static void post_start(const struct api_ask *a)
{
	struct err e = { 0 };
	struct mod *m = sup_of_row(a->api->sup, a->short_name, &e);

	if (m)
		submit(a, m, OP_START);
	else if (e.code == ERR_NOT_FOUND)
		api_refuse(a, 400, "not_installed", "%.*s has no row in "
		       "services.json; install it first",
		       STR_ARG(str_take(a->short_name, 64)));
	else
		api_refuse(a, apierr_status(&e), apierr_code(&e), "%s", e.msg);
}

static void post_restart(const struct api_ask *a)
{
	struct mod *m = sup_find(a->api->sup, a->short_name);

	/* Without a row it could be ended, but never started again. */
	if (m && m->listed)
		submit(a, m, OP_RESTART);
	else
		api_not_supervised(a);
}

static void post_stop(const struct api_ask *a)
{
	struct mod *m = sup_find(a->api->sup, a->short_name);

	if (m)
		submit(a, m, OP_STOP);
	else
		stopped_nothing(a);
}

/* The front door: its workers are none of the modules. */
static void post_front(const struct api_ask *a, bool taken)
{
	struct buf b;

	if (!taken) {
		api_refuse(a, 404, "not_found", "no front door runs here; "
			   "pc-status front says why");
		return;
	}
	buf_init(&b, 4096);
	buf_put(&b, STR("{\"accepted\":true}"));
	api_reply(a, 202, &b);
}

static void post_prepare(const struct api_ask *a)
{
	post_front(a, workers_prepare(a->api->workers));
}

static void post_renew(const struct api_ask *a)
{
	post_front(a, workers_renew(a->api->workers));
}

/* A verb of NULL is the whole path; otherwise /api/modules/<short>/<verb>,
 * of which "" is /api/modules/<short> itself. */
static const struct route {
	const char *method, *path, *verb;
	void (*fn)(const struct api_ask *);
} routes[] = {
	{ NULL,   "/health",      NULL,      get_health },
	{ "GET",  "/api/ready",   NULL,      get_ready },
	{ "GET",  "/api/hub",     NULL,      get_hub },
	{ "GET",  "/api/modules", NULL,      get_modules },
	{ "GET",  "/api/events",  NULL,      api_get_events },
	{ "GET",  "/metrics",     NULL,      get_metrics },
	{ "POST", "/api/front/prepare", NULL, post_prepare },
	{ "POST", "/api/front/restart", NULL, post_renew },
	{ "GET",  NULL,           "",        get_module },
	{ "POST", NULL,           "start",   post_start },
	{ "POST", NULL,           "stop",    post_stop },
	{ "POST", NULL,           "restart", post_restart },
	{ "GET",  NULL,           "logs",    api_get_logs },
};

static void refuse_method(const struct api_ask *a, const struct route *r)
{
	const char *what = r->path ? r->path : *r->verb ? r->verb :
		"a module by itself";
	char allow[40], text[80];
	struct buf b;

	fmt(allow, sizeof allow, "Allow: %s%s\r\n", r->method,
	    str_is(str_of(r->method), "GET") ? ", HEAD" : "");
	fmt(text, sizeof text, "%s answers only %s", what, r->method);
	buf_init(&b, 4096);
	apierr_body(&b, "method_not_allowed", str_of(text));
	httpd_reply(a->conn, 405, "application/json", str_of(allow),
		    buf_str(&b));
	buf_release(&b);
}

/* /api/modules/<short>/<verb>; -1: an escape in it is malformed. */
static int module_path(struct api_ask *a, struct str *verb)
{
	struct str path = a->req->path, segment;

	*verb = STR_NULL;
	if (!str_starts(path, STR("/api/modules/")))
		return 0;
	path = str_skip(path, sizeof "/api/modules" - 1);
	url_segment(&path, &segment);
	if (!url_decode(segment, false, a->req->arena, &a->short_name))
		return -1;
	if (!url_segment(&path, &segment))
		*verb = STR("");
	else if (!path.n && segment.n)
		*verb = segment;
	return 0;
}

static bool matches(const struct route *r, struct str path, struct str verb)
{
	return r->path ? str_is(path, r->path) : verb.p && str_is(verb, r->verb);
}

void api_request(struct httpd_conn *c, struct httpd_req *req)
{
	struct api_ask a = { .api = httpd_of(c)->ctx, .conn = c, .req = req };
	const struct route *other = NULL;
	struct str verb, method = req->head->method;

	if (str_is(method, "HEAD"))
		method = STR("GET");
	if (module_path(&a, &verb) < 0) {
		api_refuse(&a, 400, "invalid_request",
		       "a percent escape in the path is malformed");
		return;
	}
	for (size_t i = 0; i < LEN(routes); i++) {
		if (!matches(&routes[i], req->path, verb))
			continue;
		if (routes[i].method && !str_is(method, routes[i].method)) {
			other = &routes[i];
			continue;
		}
		api_refresh(a.api);
		routes[i].fn(&a);
		return;
	}
	if (other)
		refuse_method(&a, other);
	else
		api_refuse(&a, 404, "not_found", "there is nothing at %.*s",
		       STR_ARG(str_take(req->path, 200)));
}
