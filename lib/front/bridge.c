/* SPDX-License-Identifier: MIT */
/*
 * What has an end and is small is collected and answered whole, with its
 * length; the rest is streamed. What the client does not take is not read
 * from the keeper: its kernel holds it, and the keeper counts it as a slow
 * reader's.
 */
#include "front/ask.h"

#include "base/fmt.h"
#include "wire/accept.h"
#include "wire/url.h"

#define WHOLE_MAX   65536       /* collected; operations answer with less */
#define TARGET_MAX  4096        /* cursors and a few hundred names */
#define HEAD_MS     10000       /* until what is no wait begins to answer */
#define BEAT_MS     25000       /* a quiet event stream says something: edges
				 * cut what is silent for a minute */

/* Lives in the arena of its request. */
struct bridged {
	struct list node;
	struct front *front;
	struct httpd_conn *conn;
	struct httpc http;
	struct buf body;
	struct timer beat;
	char type[64];
	int status;
	bool stream;            /* begun */
	bool endless;           /* counted as such */
	bool changes;           /* an operation: copies are old after it */
	bool line_end;          /* what went through so far is whole lines */
	bool head_only;
};

/* A request in the making. */
struct asking {
	struct buf target;
	const char *method, *accept;
	int deadline_ms;
	bool endless, changes;
};

/* The end */

static void leave(struct bridged *b)
{
	struct bridge *all = &b->front->bridge;

	loop_cancel(&b->front->loop, &b->beat);
	httpc_cancel(&b->http);
	buf_release(&b->body);
	list_remove(&b->node);
	all->n--;
	all->streams -= b->endless;
	if (b->changes)
		mirror_stale(&b->front->mirror);
}

static void on_gone(struct httpd_conn *c, void *user)
{
	(void)c;
	leave(user);
}

static void fail(struct bridged *b, const struct err *e)
{
	struct front_ask a = { .front = b->front, .conn = b->conn };
	struct err why = *e;

	leave(b);
	ask_refuse(&a, why.code == ERR_TIMEOUT ? 504 : 503,
		   "supervisor_unavailable", "the keeper does not answer on "
		   "hub.sock: %s", why.msg);
}

/* The keeper went away within it: nobody may take it for the whole. */
static void cut(struct bridged *b)
{
	struct httpd_conn *c = b->conn;

	leave(b);
	httpd_cut_stream(c);
}

/* The whole of it has come. */
static void finish(struct bridged *b)
{
	struct httpd_conn *c = b->conn;
	struct buf body = b->body;
	char type[sizeof b->type];
	int status = b->status;

	buf_init(&b->body, 0);
	if (b->stream) {
		leave(b);
		httpd_end(c);
		return;
	}
	fmt(type, sizeof type, "%s", b->type);
	leave(b);
	/* With the answer goes the arena, and all of this. */
	httpd_reply(c, status, type, STR(NO_STORE), buf_str(&body));
	buf_release(&body);
}

/* The answer of the keeper */

static void on_drain(struct httpd_conn *c, void *user)
{
	struct bridged *b = user;

	(void)c;
	loop_mask(&b->front->loop, &b->http.watch, LOOP_READ);
}

static void on_beat(struct loop *l, struct timer *t)
{
	struct bridged *b = CONTAINER(t, struct bridged, beat);

	/* A comment; within a line it would be part of that. */
	if (b->line_end && !httpd_full(b->conn))
		httpd_write(b->conn, STR(":\n"));
	loop_in(l, t, BEAT_MS);
}

static void begin_stream(struct bridged *b)
{
	b->stream = true;
	b->line_end = true;
	httpd_stream(b->conn, b->status, b->type, on_drain);
	if (str_starts(str_of(b->type), STR("text/event-stream")))
		loop_in(&b->front->loop, &b->beat, BEAT_MS);
}

static void on_head(struct httpc *h, const struct http_head *head)
{
	struct bridged *b = h->ctx;

	b->status = head->status;
	if (!str_to_c(http_field(head, "Content-Type"), b->type,
		      sizeof b->type))
		fmt(b->type, sizeof b->type, "application/octet-stream");
	h->stream = true;
	if (head->body == HTTP_BODY_CHUNKED ||
	    head->length > WHOLE_MAX) {
		begin_stream(b);
		if (b->head_only || (b->endless && b->front->draining))
			finish(b);
	}
}

static void on_body(struct httpc *h, struct str data)
{
	struct bridged *b = h->ctx;

	if (!b->stream) {
		buf_put(&b->body, data);
		return;
	}
	b->line_end = data.p[data.n - 1] == '\n';
	if (!httpd_write(b->conn, data))
		loop_mask(h->loop, &h->watch, 0);
}

static void on_done(struct httpc *h, const struct err *e)
{
	struct bridged *b = h->ctx;
	struct err full;

	if (!e && buf_failed(&b->body)) {
		err_set(&full, ERR_NO_MEMORY, "no memory for its answer");
		e = &full;
	}
	if (!e)
		finish(b);
	else if (b->stream)
		cut(b);
	else
		fail(b, e);
}

/* The request to the keeper */

static bool is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' ||
	       c == '~' || c == ',';
}

static void put_encoded(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_plain(c))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%c%c", "0123456789ABCDEF"[c >> 4],
				   "0123456789ABCDEF"[c & 15]);
	}
}

/* The parameter, if the client gave it, written anew. */
static void put_param(struct asking *to, const struct front_ask *a,
		      const char *name)
{
	struct str value;

	if (!url_param(a->req->query, name, a->req->arena, &value))
		return;
	buf_putc(&to->target, str_find(buf_str(&to->target), '?') < 0 ?
		 '?' : '&');
	buf_put(&to->target, str_of(name));
	buf_putc(&to->target, '=');
	put_encoded(&to->target, value);
}

/* What a client of an event stream says when it comes back. */
static void put_cursor(struct asking *to, const struct front_ask *a)
{
	struct str id = http_field(a->req->head, "Last-Event-ID"), value;

	if (url_param(a->req->query, "after", a->req->arena, &value)) {
		put_param(to, a, "after");
	} else if (id.n) {
		buf_put(&to->target, str_find(buf_str(&to->target), '?') < 0 ?
			STR("?after=") : STR("&after="));
		put_encoded(&to->target, id);
	}
}

static struct asking asking(const char *method, const char *path)
{
	struct asking to = { .method = method, .deadline_ms = HEAD_MS };

	buf_init(&to.target, TARGET_MAX);
	buf_put(&to.target, str_of(path));
	return to;
}

static struct asking asking_module(const struct front_ask *a,
				   const char *method, const char *verb)
{
	struct asking to = asking(method, "/api/modules/");

	put_encoded(&to.target, a->short_name);
	if (verb)
		buf_printf(&to.target, "/%s", verb);
	return to;
}

static bool is_crowded(const struct front_ask *a, const struct asking *to)
{
	const struct bridge *b = &a->front->bridge;

	if (b->n < FRONT_ASKS_MAX &&
	    (!to->endless || b->streams < BRIDGE_STREAMS_MAX))
		return false;
	ask_refuse_with(a, 503, STR("Retry-After: 1\r\n"), "busy",
			STR("too many requests are on their way to the "
			    "keeper; try again, or end a stream first"));
	return true;
}

static int start(const struct front_ask *a, struct bridged *b,
		 const struct asking *to, struct err *e)
{
	static const struct httpc_ops ops = { on_head, on_body, on_done };
	struct httpc_req req = {
		.method = to->method, .host = "hub", .accept = to->accept,
		.target = arena_cstr(a->req->arena, buf_str(&to->target)),
		.deadline_ms = to->deadline_ms,
	};
	int fd;

	if (!req.target)
		return err_set(e, ERR_NO_MEMORY, "no memory");
	fd = front_dial(a->front, e);
	if (fd < 0)
		return -1;
	return httpc_start(&b->http, &a->front->loop, fd, &req, &ops, b, e);
}

static void begin(const struct front_ask *a, const struct asking *to)
{
	struct bridge *all = &a->front->bridge;
	struct bridged *b = arena_alloc(a->req->arena, sizeof *b);
	struct err e = { 0 };

	if (!b) {
		ask_refuse(a, 503, "out_of_memory", "no memory");
		return;
	}
	*b = (struct bridged){
		.front = a->front, .conn = a->conn,
		.beat = TIMER_INIT(on_beat), .changes = to->changes,
		.endless = to->endless,
		.head_only = str_is(a->req->head->method, "HEAD"),
	};
	list_init(&b->node);
	buf_init(&b->body, WHOLE_MAX);
	list_append(&all->asks, &b->node);
	all->n++;
	all->streams += b->endless;
	if (start(a, b, to, &e) < 0) {
		fail(b, &e);
		return;
	}
	httpd_watch_gone(a->conn, b, on_gone);
	if (b->changes)
		mirror_stale(&a->front->mirror);
}

/* Releases what was composed. */
static void submit(const struct front_ask *a, struct asking *to)
{
	if (buf_failed(&to->target))
		ask_refuse(a, 414, "invalid_request",
			   "the path and its parameters are too long");
	else if (!is_crowded(a, to))
		begin(a, to);
	buf_release(&to->target);
}

void bridge_init(struct bridge *b)
{
	*b = (struct bridge){ 0 };
	list_init(&b->asks);
}

void bridge_drain(struct bridge *all)
{
	LIST_EACH(n, &all->asks) {
		struct bridged *b = CONTAINER(n, struct bridged, node);

		if (b->stream && b->endless)
			finish(b);
	}
}

/* Routes */

void get_module(struct front_ask *a)
{
	struct asking to = asking_module(a, "GET", NULL);

	submit(a, &to);
}

void get_logs(struct front_ask *a)
{
	static const char *const names[] = { "follow", "n", "format" };
	struct asking to = asking_module(a, "GET", "logs");
	struct str word;

	for (size_t i = 0; i < LEN(names); i++)
		put_param(&to, a, names[i]);
	put_cursor(&to, a);
	if (http_accepts(a->req->head, "text/event-stream"))
		to.accept = "text/event-stream";
	to.endless = to.accept || (url_param(a->req->query, "follow",
		a->req->arena, &word) && (str_is(word, "1") ||
					  str_is(word, "true")));
	submit(a, &to);
}

void get_events(struct front_ask *a)
{
	struct asking to = asking("GET", "/api/events");

	put_cursor(&to, a);
	to.accept = "text/event-stream";
	to.endless = true;
	submit(a, &to);
}

void get_metrics(struct front_ask *a)
{
	struct asking to = asking("GET", "/metrics");

	if (http_accepts(a->req->head, "application/openmetrics-text"))
		to.accept = "application/openmetrics-text";
	submit(a, &to);
}

/* The keeper says itself when it gives up waiting. */
static void put_wait(struct asking *to, const struct front_ask *a)
{
	put_param(to, a, "wait");
	put_param(to, a, "timeout");
	to->deadline_ms = 0;
}

void post_operation(struct front_ask *a)
{
	struct asking to = asking_module(a, "POST", a->word);

	put_wait(&to, a);
	to.changes = true;
	submit(a, &to);
}

void bridge_ready(struct front_ask *a)
{
	struct asking to = asking("GET", "/api/ready");

	put_wait(&to, a);
	put_param(&to, a, "modules");
	submit(a, &to);
}
