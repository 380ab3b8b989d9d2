/* SPDX-License-Identifier: MIT */
/*
 * Changes are counted. A copy knows of all up to the one that was the last
 * when it was asked for, and who waits for one says up to which it must.
 */
#include "front/gate.h"

#include "sys/log.h"
#include "sys/os.h"
#include "wire/url.h"

#define FETCH_MS     10000      /* the keeper answers in well under 0.1 s */
#define PAUSE_MS     500
#define PAUSE_MAX_MS 10000

static const char *const targets[] = {
	[MIRROR_HUB] = "/api/hub",
	[MIRROR_READY] = "/api/ready",
	[MIRROR_MODULES] = "/api/modules",
	[MIRROR_MODULES_USAGE] = "/api/modules?usage=1",
	[MIRROR_STATUS] = "/api/modules?view=status",
	[MIRROR_STATUS_USAGE] = "/api/modules?view=status&usage=1",
};

/* Lives in the arena of its request. */
struct waiter {
	struct list node;
	struct httpd_conn *conn;
	uint64_t change;        /* the last before it came */
};

static void fetch(struct mirror_copy *);

static void answer(struct httpd_conn *c, int status, struct str body)
{
	httpd_reply(c, status, "application/json", STR(NO_STORE), body);
}

/* Without an answer of the keeper. */
static void refuse(struct mirror *m, struct httpd_conn *c, const char *why)
{
	struct front_ask a = { .front = m->front, .conn = c };

	ask_refuse(&a, 503, "supervisor_unavailable", "the keeper does not "
		   "answer on hub.sock: %s", why);
}

/* Fetching */

/* Who can be served by what was asked for then, or must be told why not. */
static void serve(struct mirror_copy *m, struct str body, const char *why)
{
	struct waiter *w;

	LIST_EACH(n, &m->waiting) {
		w = CONTAINER(n, struct waiter, node);
		if (!why && w->change > m->asked)
			continue;
		list_remove(&w->node);
		/* With the answer goes the arena, and the waiter. */
		if (why)
			refuse(m->mirror, w->conn, why);
		else
			answer(w->conn, m->status, body);
	}
	if (!list_empty(&m->waiting))
		fetch(m);
}

/* The keeper says which API it speaks; one that says nothing, the first. */
static void check_api(struct mirror *m, struct str body)
{
	int64_t api = HUB_API;
	struct arena a;

	arena_init(&a, 1024 * 1024);
	json_int(json_get(json_parse(body, &a, NULL, NULL), "api"), INT64_MIN,
		 INT64_MAX, &api);
	arena_release(&a);
	m->checked = true;
	if (api == HUB_API)
		return;
	log_say("pc-front %s speaks version %d of hub.sock, the running "
		"pc-serve version %lld: restart the hub to finish the upgrade",
		PC_VERSION, HUB_API, (long long)api);
	front_leave(m->front, FRONT_EXIT_VERSION);
}

static void on_head(struct httpc *h, const struct http_head *head)
{
	struct mirror_copy *m = h->ctx;

	m->status = head->status;
}

static void on_body(struct httpc *h, struct str data)
{
	struct mirror_copy *m = h->ctx;

	buf_put(&m->coming, data);
}

static void on_done(struct httpc *h, const struct err *e)
{
	struct mirror_copy *m = h->ctx;
	struct buf body = m->coming;

	m->busy = false;
	buf_init(&m->coming, HTTPD_OUT_MAX);
	if (e || buf_failed(&body)) {
		buf_release(&body);
		serve(m, STR_NULL, e ? e->msg : "no memory for its answer");
		return;
	}
	if (m->status == 200) {
		buf_release(&m->body);
		m->body = body;
		m->at_ms = m->asked_ms;
		m->change = m->asked;
		if (!m->mirror->checked && m == &m->mirror->copies[MIRROR_HUB])
			check_api(m->mirror, buf_str(&body));
		serve(m, buf_str(&body), NULL);
		return;
	}
	serve(m, buf_str(&body), NULL);
	buf_release(&body);
}

static void fetch(struct mirror_copy *m)
{
	static const struct httpc_ops ops = { on_head, on_body, on_done };
	struct front *f = m->mirror->front;
	const struct httpc_req req = {
		.method = "GET", .host = "hub", .deadline_ms = FETCH_MS,
		.target = targets[m - m->mirror->copies],
	};
	struct err e = { 0 };
	int fd;

	m->asked = m->mirror->change;
	m->asked_ms = os_now_ms();
	fd = front_dial(f, &e);
	if (fd < 0 || httpc_start(&m->http, &f->loop, fd, &req, &ops, m,
				  &e) < 0)
		serve(m, STR_NULL, e.msg);
	else
		m->busy = true;
}

static bool is_fresh(const struct mirror_copy *m, int64_t now_ms)
{
	return m->at_ms && m->change == m->mirror->change &&
	       now_ms - m->at_ms < FRONT_FRESH_MS;
}

/* Not again before that time when the keeper did not answer. */
static bool is_aging(const struct mirror_copy *m, int64_t now_ms)
{
	return !m->busy &&
	       now_ms - m->asked_ms >= FRONT_FRESH_MS - MIRROR_AHEAD_MS;
}

static void on_gone(struct httpd_conn *c, void *user)
{
	struct waiter *w = user;

	(void)c;
	list_remove(&w->node);
}

void mirror_answer(const struct front_ask *a, enum mirror_doc doc)
{
	struct mirror *m = &a->front->mirror;
	struct mirror_copy *copy = &m->copies[doc];
	int64_t now_ms = os_now_ms();
	struct waiter *w;

	if (is_fresh(copy, now_ms)) {
		answer(a->conn, 200, buf_str(&copy->body));
		if (is_aging(copy, now_ms))
			fetch(copy);
		return;
	}
	w = arena_alloc(a->req->arena, sizeof *w);
	if (!w) {
		refuse(m, a->conn, "no memory");
		return;
	}
	*w = (struct waiter){ .conn = a->conn, .change = m->change };
	list_append(&copy->waiting, &w->node);
	httpd_watch_gone(a->conn, w, on_gone);
	if (!copy->busy)
		fetch(copy);
}

void mirror_stale(struct mirror *m)
{
	m->change++;
}

/* The event stream */

static void event_head(struct httpc *h, const struct http_head *head)
{
	struct mirror *m = h->ctx;
	struct mirror_copy *hub = &m->copies[MIRROR_HUB];

	if (head->status != 200)
		return;
	h->stream = true;
	m->pause_ms = PAUSE_MS;
	m->change++;
	/* It may be another keeper than before. */
	m->checked = false;
	if (!hub->busy)
		fetch(hub);
}

/* Whatever it is, something is not as it was. */
static void event_body(struct httpc *h, struct str data)
{
	struct mirror *m = h->ctx;

	(void)data;
	m->change++;
}

static void pause_events(struct mirror *m)
{
	m->open = false;
	loop_in(&m->front->loop, &m->again, m->pause_ms);
	m->pause_ms = m->pause_ms < PAUSE_MAX_MS / 2 ? 2 * m->pause_ms :
		      PAUSE_MAX_MS;
}

static void event_done(struct httpc *h, const struct err *e)
{
	struct mirror *m = h->ctx;

	(void)e;
	m->change++;
	pause_events(m);
}

static void open_events(struct mirror *m)
{
	static const struct httpc_ops ops = { event_head, event_body,
					      event_done };
	const struct httpc_req req = {
		.method = "GET", .target = "/api/events?quiet=1",
		.host = "hub", .accept = "text/event-stream",
		.deadline_ms = FETCH_MS,
	};
	int fd = front_dial(m->front, NULL);

	if (fd < 0 || httpc_start(&m->events, &m->front->loop, fd, &req, &ops,
				  m, NULL) < 0)
		pause_events(m);
	else
		m->open = true;
}

static void on_again(struct loop *l, struct timer *t)
{
	(void)l;
	open_events(CONTAINER(t, struct mirror, again));
}

void mirror_init(struct mirror *m, struct front *f)
{
	*m = (struct mirror){ .front = f, .again = TIMER_INIT(on_again),
			      .pause_ms = PAUSE_MS };
	for (size_t i = 0; i < MIRROR_NDOCS; i++) {
		m->copies[i].mirror = m;
		list_init(&m->copies[i].waiting);
		buf_init(&m->copies[i].body, HTTPD_OUT_MAX);
		buf_init(&m->copies[i].coming, HTTPD_OUT_MAX);
	}
}

void mirror_start(struct mirror *m)
{
	open_events(m);
}

void mirror_release(struct mirror *m)
{
	loop_cancel(&m->front->loop, &m->again);
	if (m->open)
		httpc_cancel(&m->events);
	for (size_t i = 0; i < MIRROR_NDOCS; i++) {
		if (m->copies[i].busy)
			httpc_cancel(&m->copies[i].http);
		buf_release(&m->copies[i].body);
		buf_release(&m->copies[i].coming);
	}
}

/* Routes */

static bool is_one(const struct front_ask *a, const char *name)
{
	struct str word;

	return url_param(a->req->query, name, a->req->arena, &word) &&
	       str_is(word, "1");
}

void get_hub(struct front_ask *a)
{
	mirror_answer(a, MIRROR_HUB);
}

/* To wait keeps a connection of the keeper busy: not for everybody. */
void get_ready(struct front_ask *a)
{
	static const char *const scopes[] = { "parachute:host:auth", NULL };
	struct str word;

	if (!url_param(a->req->query, "wait", a->req->arena, &word))
		mirror_answer(a, MIRROR_READY);
	else if (gate_pass(a, GATE_A, scopes))
		bridge_ready(a);
}

void get_modules(struct front_ask *a)
{
	bool usage = a->req->query.n && is_one(a, "usage");
	struct str view;

	if (!a->req->query.n ||
	    !url_param(a->req->query, "view", a->req->arena, &view))
		mirror_answer(a, usage ? MIRROR_MODULES_USAGE :
			      MIRROR_MODULES);
	else if (str_is(view, "status"))
		mirror_answer(a, usage ? MIRROR_STATUS_USAGE : MIRROR_STATUS);
	else
		ask_refuse(a, 400, "invalid_request",
			   "view can be \"status\"");
}
