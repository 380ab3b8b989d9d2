/* SPDX-License-Identifier: MIT */
#include "hub/client.h"

#define LINE_BUFFER ANSWER_MAX  /* an event that tells of all modules */

int client_init(struct client *c, struct reach *reach, struct err *e)
{
	c->reach = reach;
	arena_init(&c->arena, ANSWER_MAX * 4);
	return loop_init(&c->loop, e);
}

void client_release(struct client *c)
{
	arena_release(&c->arena);
	loop_release(&c->loop);
}

static void on_head(struct httpc *h, const struct http_head *head)
{
	struct client_request *r = h->ctx;

	r->status = head->status;
}

static void on_body(struct httpc *h, struct str data)
{
	struct client_request *r = h->ctx;

	buf_put(&r->body, data);
}

static void on_done(struct httpc *h, const struct err *e)
{
	struct client_request *r = h->ctx;

	r->done = true;
	r->failed = e || buf_failed(&r->body);
	if (e) {
		r->err = *e;
		err_wrap(&r->err, "hub");
	} else if (r->failed) {
		err_set(&r->err, ERR_NO_MEMORY, "hub: its answer does not fit "
			"in memory");
	}
	if (!r->on_done)
		return;
	r->on_done(r);
	buf_release(&r->body);
}

static const char *host_of(const struct client *c)
{
	return c->reach->remote ? c->reach->authority : "hub";
}

static const char *authorization_of(const struct client *c)
{
	return c->reach->token_name[0] ? c->reach->authorization : NULL;
}

int client_begin(struct client *c, struct client_request *r,
		 const char *method, const char *target, int timeout_ms,
		 struct err *e)
{
	static const struct httpc_ops ops = { on_head, on_body, on_done };
	const struct httpc_req req = { .method = method, .target = target,
		.host = host_of(c), .authorization = authorization_of(c),
		.deadline_ms = timeout_ms };
	int fd = reach_connect(c->reach, e);

	if (fd < 0)
		return -1;
	r->client = c;
	r->status = 0;
	r->done = r->failed = false;
	buf_init(&r->body, ANSWER_MAX);
	return httpc_start(&r->http, &c->loop, fd, &req, &ops, r, e);
}

/* One request to its end; the caller releases its body in any case. */
static int perform(struct client *c, struct client_request *r,
		   const char *method, const char *target, int timeout_ms,
		   struct err *e)
{
	*r = (struct client_request){ 0 };
	if (client_begin(c, r, method, target, timeout_ms, e) < 0)
		return -1;
	while (!r->done)
		if (loop_turn(&c->loop, -1, e) < 0)
			return -1;
	if (!r->failed)
		return 0;
	if (e)
		*e = r->err;
	return -1;
}

int client_call(struct client *c, const char *method, const char *target,
		int timeout_ms, struct answer *ans, struct err *e)
{
	struct client_request call;
	struct str text;
	int rc = perform(c, &call, method, target, timeout_ms, e);

	arena_reset(&c->arena);
	*ans = (struct answer){ .status = call.status };
	if (rc == 0) {
		text = arena_str(&c->arena, buf_str(&call.body));
		if (text.n)
			ans->body = json_parse(text, &c->arena, NULL, NULL);
	}
	buf_release(&call.body);
	return rc;
}

int client_ask(struct client *c, const char *method, const char *target,
	       int timeout_ms, struct answer *ans, struct err *e)
{
	if (client_call(c, method, target, timeout_ms, ans, e) < 0)
		return -1;
	if (ans->status >= 200 && ans->status < 300)
		return 0;
	return reach_refused(c->reach, ans->status, ans->body, e);
}

int client_text(struct client *c, const char *target, int timeout_ms,
		struct buf *out, struct err *e)
{
	struct client_request call;
	int rc = perform(c, &call, "GET", target, timeout_ms, e);

	arena_reset(&c->arena);
	if (rc == 0 && call.status != 200)
		rc = reach_refused(c->reach, call.status,
				   json_parse(buf_str(&call.body), &c->arena,
					      NULL, NULL), e);
	else if (rc == 0)
		buf_put(out, buf_str(&call.body));
	buf_release(&call.body);
	return rc;
}

/* Streams */

static void stream_head(struct httpc *h, const struct http_head *head)
{
	struct client_stream *s = h->ctx;

	s->status = head->status;
	h->stream = true;
}

static void stream_body(struct httpc *h, struct str data)
{
	struct client_stream *s = h->ctx;
	struct str all, line, rest;

	buf_put(&s->tail, data);
	if (s->status != 200)
		return;
	all = buf_str(&s->tail);
	while (str_cut(all, '\n', &line, &rest)) {
		all = rest;
		if (!s->on_event)
			s->on_line(s, line);
		else if (sse_line(&s->sse, line))
			s->on_event(s, &s->sse);
	}
	buf_consume(&s->tail, buf_str(&s->tail).n - all.n);
}

static void stream_done(struct httpc *h, const struct err *e)
{
	struct client_stream *s = h->ctx;
	struct err refused = { 0 };
	struct arena a;

	if (!e && s->status != 200) {
		arena_init(&a, 65536);
		reach_refused(s->client->reach, s->status,
			      json_parse(buf_str(&s->tail), &a, NULL, NULL),
			      &refused);
		arena_release(&a);
		e = &refused;
	} else if (!e && buf_failed(&s->tail)) {
		err_set(&refused, ERR_FULL, "a line of the hub is too long");
		e = &refused;
	}
	buf_release(&s->tail);
	sse_release(&s->sse);
	s->on_end(s, e);
}

int client_stream(struct client *c, struct client_stream *s,
		  const char *target, struct err *e)
{
	static const struct httpc_ops ops = { stream_head, stream_body,
					      stream_done };
	const struct httpc_req req = { .method = "GET", .target = target,
		.host = host_of(c), .authorization = authorization_of(c),
		.deadline_ms = HUB_PATIENCE_MS,
		.accept = s->on_event ? "text/event-stream" : NULL };
	int fd = reach_connect(c->reach, e);

	if (fd < 0)
		return -1;
	s->client = c;
	s->status = 0;
	buf_init(&s->tail, LINE_BUFFER);
	sse_init(&s->sse, LINE_BUFFER);
	return httpc_start(&s->http, &c->loop, fd, &req, &ops, s, e);
}

int client_run(struct client *c, const bool *stop, struct err *e)
{
	while (!*stop)
		if (loop_turn(&c->loop, -1, e) < 0)
			return -1;
	return 0;
}
