/* SPDX-License-Identifier: MIT */
/*
 * Answers. A short one goes out in one send(), with its head; of a long one
 * only what the kernel does not take is copied. Never sendmsg(), which a jail
 * forbids. MSG_NOSIGNAL: a peer that went away must not end the process,
 * whatever became of SIGPIPE.
 */
#include "sys/httpd_conn.h"

#include "base/fmt.h"
#include "sys/os.h"

#include <errno.h>
#include <sys/socket.h>

#define DRAINED (HTTPD_STREAM_MAX / 2)  /* the owner may go on */

static void broken(struct httpd_conn *c)
{
	c->broken = true;
	loop_later(c->server->loop, &c->later);
}

/* How much of it the kernel took; what it did not is for later. */
static size_t send_now(struct httpd_conn *c, struct str s, int flags)
{
	ssize_t n = send(c->watch.fd, s.p, s.n, MSG_NOSIGNAL | flags);

	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK &&
	    errno != EINTR && errno != ENOBUFS)
		broken(c);
	return n < 0 ? 0 : (size_t)n;
}

static void block(struct httpd_conn *c)
{
	c->blocked = true;
	httpd_deadline(c, c->server->stall_ms);
	httpd_mask(c);
}

void httpd_continue(struct httpd_conn *c)
{
	struct str line = STR("HTTP/1.1 100 Continue\r\n\r\n");

	/* Nothing else is under way, so it fits or there is nobody. */
	if (send_now(c, line, 0) < line.n)
		broken(c);
}

static void put_uint(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_put(b, (struct str){ digits + at, sizeof digits - at });
}

static void put_date(struct buf *b, struct httpd_shared *s)
{
	int64_t now_s = os_unix_ms() / 1000;

	if (now_s != s->date_s) {
		date_http(now_s * 1000, s->date);
		s->date_s = now_s;
	}
	buf_put(b, STR("Date: "));
	buf_put(b, (struct str){ s->date, DATE_HTTP_SIZE - 1 });
	buf_put(b, STR("\r\n"));
}

/* All but what says how long the body is. */
static struct buf *begin_head(struct httpd_conn *c, int status,
			      const char *type, struct str extra)
{
	struct httpd_shared *s = c->server->shared;
	struct buf *b = &s->reply;

	if (c->server->draining)
		c->keep_alive = false;
	buf_reset(b);
	buf_put(b, STR("HTTP/1.1 "));
	put_uint(b, (uint64_t)status);
	buf_putc(b, ' ');
	buf_put(b, str_of(http_reason(status)));
	buf_put(b, STR("\r\n"));
	put_date(b, s);
	if (c->server->server)
		http_put_field(b, "Server", str_of(c->server->server));
	if (type)
		http_put_field(b, "Content-Type", str_of(type));
	if (!c->keep_alive)
		buf_put(b, STR("Connection: close\r\n"));
	else if (!c->minor)
		buf_put(b, STR("Connection: keep-alive\r\n"));
	buf_put(b, extra);
	return b;
}

static bool has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* For when the kernel takes more. One growth to the size it needs. */
static void keep_rest(struct httpd_conn *c, struct str head, struct str body)
{
	if (!buf_room(&c->out, head.n + body.n) || !httpd_weigh(c)) {
		broken(c);
		return;
	}
	buf_put(&c->out, head);
	buf_put(&c->out, body);
	block(c);
}

/* The whole answer; the connection is the server's again. */
static void answer(struct httpd_conn *c, int status, const char *type,
		   struct str extra, struct str body)
{
	struct buf *b = begin_head(c, status, type, extra);
	struct str head;
	size_t n;

	if (has_body(status)) {
		buf_put(b, STR("Content-Length: "));
		put_uint(b, body.n);
		buf_put(b, STR("\r\n"));
	}
	buf_put(b, STR("\r\n"));
	if (c->is_head || !has_body(status))
		body = STR_NULL;
	if (body.n <= HTTPD_SHORT) {
		buf_put(b, body);
		body = STR_NULL;
	}
	c->state = HTTPD_FLUSHING;
	if (buf_failed(b)) {
		broken(c);
		return;
	}
	head = buf_str(b);
	n = send_now(c, head, body.n ? MSG_MORE : 0);
	if (n == head.n && body.n)
		n += send_now(c, body, 0);
	if (c->broken)
		return;
	if (n == head.n + body.n)
		httpd_finished(c);
	else
		keep_rest(c, str_skip(head, n),
			  str_skip(body, n > head.n ? n - head.n : 0));
}

static const char *name_of(int status)
{
	switch (status) {
	case 413:
		return "payload_too_large";
	case 500:
		return "server_error";
	case 501:
		return "not_implemented";
	case 503:
		return "unavailable";
	default:
		return "bad_request";
	}
}

/* why is ours and static: nothing in it needs an escape. */
static void answer_error(struct httpd_conn *c, int status, const char *why)
{
	char text[160];
	int n = fmt(text, sizeof text,
		    "{\"error\":\"%s\",\"error_description\":\"%s\"}",
		    name_of(status), why);

	answer(c, status, "application/json", STR_NULL,
	       (struct str){ text, (size_t)n });
}

void httpd_refuse(struct httpd_conn *c, int status, const char *why)
{
	c->keep_alive = false;
	c->linger = true;
	/* Nothing of what was read is looked at again. */
	c->head_len = 0;
	answer_error(c, status, why);
	if (!c->inside)
		loop_later(c->server->loop, &c->later);
}

void httpd_reply(struct httpd_conn *c, int status, const char *type,
		 struct str extra, struct str body)
{
	if (c->state != HTTPD_DUE)
		return;
	if (body.n > HTTPD_OUT_MAX)
		answer_error(c, 500, "answer too large");
	else
		answer(c, status, type, extra, body);
}

void httpd_json(struct httpd_conn *c, int status, struct str body)
{
	httpd_reply(c, status, "application/json", STR_NULL, body);
}

void httpd_stream(struct httpd_conn *c, int status, const char *type,
		  void (*on_drain)(struct httpd_conn *, void *user))
{
	struct buf *b;

	if (c->state != HTTPD_DUE)
		return;
	if (!c->minor)
		c->keep_alive = false;
	b = begin_head(c, status, type, STR("Cache-Control: no-store\r\n"));
	if (c->minor)
		buf_put(b, STR("Transfer-Encoding: chunked\r\n"));
	buf_put(b, STR("\r\n"));
	c->state = HTTPD_STREAM;
	c->on_drain = on_drain;
	if (buf_failed(b))
		broken(c);
	else
		buf_put(&c->out, buf_str(b));
	if (buf_failed(&c->out))
		broken(c);
	loop_later(c->server->loop, &c->later);
}

static size_t waiting(const struct httpd_conn *c)
{
	return c->out.end - c->out.start;
}

bool httpd_full(const struct httpd_conn *c)
{
	return waiting(c) > HTTPD_STREAM_MAX;
}

/* Sends what waits; true when nothing does any more. */
static bool push(struct httpd_conn *c)
{
	size_t n;

	if (c->broken || c->blocked)
		return false;
	if (waiting(c)) {
		n = send_now(c, buf_str(&c->out), 0);
		if (c->broken)
			return false;
		buf_consume(&c->out, n);
	}
	if (!waiting(c)) {
		buf_release(&c->out);
		c->deadline_ms = HTTPD_NEVER;
		return true;
	}
	block(c);
	return false;
}

bool httpd_write(struct httpd_conn *c, struct str s)
{
	if (c->state != HTTPD_STREAM || c->broken)
		return false;
	if (c->is_head)
		return true;
	if (c->minor)
		http_put_chunk(&c->out, s);
	else
		buf_put(&c->out, s);
	if (buf_failed(&c->out) || !httpd_weigh(c)) {
		broken(c);
		return false;
	}
	if (!c->blocked)
		loop_later(c->server->loop, &c->later);
	if (httpd_full(c))
		push(c);
	c->full = c->full || httpd_full(c);
	return !c->full;
}

static void end_stream(struct httpd_conn *c, bool whole)
{
	if (c->state != HTTPD_STREAM)
		return;
	if (!whole)
		c->keep_alive = false;
	else if (c->minor && !c->is_head)
		http_put_last_chunk(&c->out);
	if (buf_failed(&c->out))
		broken(c);
	c->state = HTTPD_FLUSHING;
	c->full = false;
	if (push(c))
		httpd_finished(c);
}

void httpd_end(struct httpd_conn *c)
{
	end_stream(c, true);
}

void httpd_cut_stream(struct httpd_conn *c)
{
	end_stream(c, false);
}

void httpd_flush(struct httpd_conn *c)
{
	bool empty = push(c);

	if (c->broken)
		return;
	if (c->state == HTTPD_FLUSHING && empty) {
		httpd_finished(c);
	} else if (c->full && waiting(c) <= DRAINED) {
		c->full = false;
		if (c->on_drain)
			c->on_drain(c, c->user);
	}
}
