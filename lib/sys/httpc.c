/* SPDX-License-Identifier: MIT */
/*
 * A callback may cancel the request and free the struct, so whoever calls
 * one looks at a flag on its own stack afterwards before touching it again.
 */
#include "sys/httpc.h"

#include "sys/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define READ_SIZE 16384

enum { IDLE, SENDING, HEAD, BODY };

/* There may be a secret in it. */
static void drop_request(struct httpc *h)
{
	if (h->out.p)
		wipe(h->out.p, h->out.size);
	buf_release(&h->out);
}

void httpc_cancel(struct httpc *h)
{
	if (h->state == IDLE)
		return;
	h->state = IDLE;
	if (h->cancelled)
		*h->cancelled = true;
	loop_cancel(h->loop, &h->timer);
	loop_forget(h->loop, &h->watch);
	fd_close(&h->fd);
	drop_request(h);
	buf_release(&h->in);
}

/* The last thing done with the struct. */
static void done(struct httpc *h, const struct err *e)
{
	httpc_cancel(h);
	h->ops->on_done(h, e);
}

static void fail(struct httpc *h, enum err_code code, const char *why)
{
	struct err e;

	err_set(&e, code, "%s", why);
	done(h, &e);
}

/* Where a cancel from within a callback is to be noted, or NULL. */
static void note_cancel(struct httpc *h, bool *flag)
{
	h->cancelled = flag;
}

/* False when the request is over: cancelled from within. */
static bool tell_head(struct httpc *h)
{
	bool over = false;

	note_cancel(h, &over);
	if (h->ops->on_head)
		h->ops->on_head(h, &h->head);
	if (!over) {
		note_cancel(h, NULL);
		if (h->stream)
			loop_cancel(h->loop, &h->timer);
	}
	return !over;
}

static bool tell_body(struct httpc *h, struct str data)
{
	bool over = false;

	if (!data.n || !h->ops->on_body)
		return true;
	note_cancel(h, &over);
	h->ops->on_body(h, data);
	if (!over)
		note_cancel(h, NULL);
	return !over;
}

static void feed_chunks(struct httpc *h, struct str in)
{
	struct str data;
	int n;

	while ((n = chunked_feed(&h->chunked, in, &data)) > 0) {
		if (!tell_body(h, data))
			return;
		if (chunked_done(&h->chunked)) {
			done(h, NULL);
			return;
		}
		in = str_skip(in, (size_t)n);
	}
	if (n < 0)
		fail(h, ERR_INVALID, "malformed chunk in the answer");
}

static void feed(struct httpc *h, struct str in)
{
	switch (h->head.body) {
	case HTTP_BODY_CHUNKED:
		feed_chunks(h, in);
		return;
	case HTTP_BODY_LENGTH:
		if (in.n > h->left)
			in = str_take(in, (size_t)h->left);
		h->left -= in.n;
		if (tell_body(h, in) && !h->left)
			done(h, NULL);
		return;
	case HTTP_BODY_CLOSE:
		tell_body(h, in);
		return;
	default:
		done(h, NULL);
		return;
	}
}

/* The final head, parsed from bytes that outlive the callbacks. */
static void begin_body(struct httpc *h, struct str rest)
{
	h->state = BODY;
	h->left = h->head.length;
	if (h->head.body == HTTP_BODY_CHUNKED)
		chunked_init(&h->chunked);
	if (tell_head(h))
		feed(h, rest);
}

/*
 * A head out of `in`, interim ones skipped. False: more of it is needed, and
 * *in is what is to be kept.
 */
static bool take_head(struct httpc *h, struct str *in)
{
	const char *why = NULL;
	int n;

	for (;;) {
		n = http_response(&h->head, *in, h->method, &why);
		if (n == HTTP_MORE)
			return false;
		if (n < 0) {
			fail(h, ERR_INVALID, why);
			return true;
		}
		*in = str_skip(*in, (size_t)n);
		if (h->head.status == 101) {
			fail(h, ERR_INVALID, "switched protocols unasked");
			return true;
		}
		if (h->head.status >= 200) {
			begin_body(h, *in);
			return true;
		}
	}
}

static void on_bytes(struct httpc *h, struct str in)
{
	size_t had = h->in.end - h->in.start;
	struct buf own = h->in;

	if (h->state == BODY) {
		feed(h, in);
		return;
	}
	if (had) {
		/* Crumbs are collected until they may be a head. */
		buf_put(&h->in, in);
		if (!buf_failed(&h->in) && had + in.n < HTTP_HEAD_MAX &&
		    !memchr(in.p, '\n', in.n))
			return;
		/* Callbacks may free the struct: the bytes are ours now. */
		own = h->in;
		buf_init(&h->in, own.max);
		in = buf_str(&own);
	}
	if (buf_failed(&own)) {
		fail(h, ERR_NO_MEMORY, "no memory");
	} else if (!take_head(h, &in)) {
		buf_put(&h->in, in);
		if (buf_failed(&h->in))
			fail(h, ERR_NO_MEMORY, "no memory");
	}
	if (had)
		buf_release(&own);
}

static void unreachable(struct httpc *h, int sys, const char *doing)
{
	struct err e;

	errno = sys;
	err_sys(&e, "%s", doing);
	e.code = ERR_UNREACHABLE;
	done(h, &e);
}

static void on_end(struct httpc *h)
{
	if (h->state == BODY && h->head.body == HTTP_BODY_CLOSE)
		done(h, NULL);
	else if (h->state == BODY)
		fail(h, ERR_UNREACHABLE, "closed within its answer");
	else if (h->sys)
		unreachable(h, h->sys, "send the request");
	else
		fail(h, ERR_UNREACHABLE, "closed without an answer");
}

static void receive(struct httpc *h)
{
	char bytes[READ_SIZE];
	ssize_t n = recv(h->fd, bytes, sizeof bytes, 0);

	if (n > 0)
		on_bytes(h, (struct str){ bytes, (size_t)n });
	else if (n == 0)
		on_end(h);
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		unreachable(h, errno, h->state == SENDING ?
			    "send the request" : "read the answer");
}

/*
 * Sends what the socket takes. A peer that takes no more may have answered
 * already, so that is left for the reading to find out.
 */
static void push(struct httpc *h)
{
	struct str s = buf_str(&h->out);
	ssize_t n = s.n ? send(h->fd, s.p, s.n, MSG_NOSIGNAL) : 0;

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
		      errno == EINTR || errno == ENOBUFS ||
		      errno == ENOTCONN))
		return;
	if (n < 0)
		h->sys = errno;
	else
		buf_consume(&h->out, (size_t)n);
	if (n < 0 || !buf_str(&h->out).n) {
		drop_request(h);
		if (h->state == SENDING)
			h->state = HEAD;
	}
}

static void on_event(struct loop *l, struct watch *w, unsigned events)
{
	struct httpc *h = CONTAINER(w, struct httpc, watch);

	/* Reading tells why, and first what was still said. */
	if ((events & LOOP_WRITE) && !(events & LOOP_HUP)) {
		push(h);
		if (!buf_str(&h->out).n)
			loop_mask(l, w, LOOP_READ);
	}
	if (events & (LOOP_READ | LOOP_HUP))
		receive(h);
}

static void on_timer(struct loop *l, struct timer *t)
{
	(void)l;
	fail(CONTAINER(t, struct httpc, timer), ERR_TIMEOUT,
	     "no answer in time");
}

static bool is_target(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
			return false;
	return true;
}

static int compose(struct buf *b, const struct httpc_req *r, struct err *e)
{
	bool bodied = r->body.n || r->type ||
		      (strcmp(r->method, "GET") && strcmp(r->method, "HEAD"));

	if (!http_is_token(str_of(r->method)) || !is_target(r->target))
		return err_set(e, ERR_INVALID, "malformed request line");
	if (r->authorization)           /* growing would leave copies */
		buf_room(b, b->max);
	buf_put(b, str_of(r->method));
	buf_putc(b, ' ');
	buf_put(b, str_of(r->target));
	buf_put(b, STR(" HTTP/1.1\r\n"));
	if (buf_failed(b))
		return err_set(e, ERR_NO_MEMORY, "no memory");
	http_put_field(b, "Host", str_of(r->host));
	if (r->accept)
		http_put_field(b, "Accept", str_of(r->accept));
	if (r->authorization)
		http_put_field(b, "Authorization", str_of(r->authorization));
	if (r->type)
		http_put_field(b, "Content-Type", str_of(r->type));
	if (bodied)
		buf_printf(b, "Content-Length: %zu\r\n", r->body.n);
	buf_put(b, STR("Connection: close\r\n\r\n"));
	buf_put(b, r->body);
	if (buf_failed(b))
		return err_set(e, ERR_INVALID, "request cannot be written");
	return 0;
}

/* Only these two change how an answer is read. */
static struct str kept_method(const char *method)
{
	if (!strcmp(method, "HEAD"))
		return STR("HEAD");
	return strcmp(method, "CONNECT") ? STR("GET") : STR("CONNECT");
}

int httpc_start(struct httpc *h, struct loop *l, int fd,
		const struct httpc_req *r, const struct httpc_ops *ops,
		void *ctx, struct err *e)
{
	*h = (struct httpc){
		.loop = l,
		.ops = ops,
		.ctx = ctx,
		.watch = WATCH_INIT(on_event),
		.timer = TIMER_INIT(on_timer),
		.method = kept_method(r->method),
		.state = SENDING,
		.fd = fd,
	};
	if (fd_kind_of(fd) == FD_FREE)
		h->fd = fd_own(fd, FD_CONN, 0);
	buf_init(&h->in, HTTP_HEAD_MAX + READ_SIZE);
	buf_init(&h->out, r->body.n + HTTP_HEAD_MAX);
	if (h->fd < 0)
		err_sys(e, "connection");
	if (h->fd < 0 || compose(&h->out, r, e) < 0) {
		httpc_cancel(h);
		return -1;
	}
	push(h);
	if (loop_watch(l, &h->watch, h->fd, buf_str(&h->out).n ?
		       LOOP_READ | LOOP_WRITE : LOOP_READ, e) < 0) {
		httpc_cancel(h);
		return -1;
	}
	if (r->deadline_ms)
		loop_in(l, &h->timer, r->deadline_ms);
	return 0;
}
