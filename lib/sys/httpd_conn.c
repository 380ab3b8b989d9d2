/* SPDX-License-Identifier: MIT */
/*
 * One connection: reading requests, handing them over, and its end.
 *
 * The common request comes in one read into memory that all connections
 * share, is answered by one write, and leaves nothing behind; only what a
 * read does not complete is kept in the connection's own buffer. The mask of
 * the watch is changed when it must be: a connection that waits for its
 * owner goes on watching for input until some comes.
 */
#include "sys/httpd_conn.h"

#include "sys/fd.h"
#include "sys/os.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK 4080      /* a page less what malloc keeps for itself */
#define BURST 16        /* pipelined requests a turn */
#define ROOM  4096      /* read at once into a connection's own buffer */
#define IN_MAX (HTTP_HEAD_MAX + HTTPD_BODY_MAX + 2 * ROOM)

/* What has been read and not been taken yet; a chunked body is decoded in
 * its place. */
struct input {
	char *p;
	size_t n;
};

enum taken { TAKEN, WANTS_MORE, REFUSED };

static void settle(struct httpd_conn *);

void httpd_deadline(struct httpd_conn *c, int ms)
{
	c->deadline_ms = os_now_ms() + ms;
	if (!c->timer.armed || c->timer.at_ms > c->deadline_ms)
		loop_at(c->server->loop, &c->timer, c->deadline_ms);
}

/* For an answer, as long as it takes. */
static bool is_waiting(const struct httpd_conn *c)
{
	return c->state == HTTPD_DUE && c->deadline_ms == HTTPD_NEVER;
}

void httpd_mask(struct httpd_conn *c)
{
	unsigned events = 0;

	switch (c->state) {
	case HTTPD_READING:
		events = c->again ? c->watch.events : LOOP_READ;
		break;
	case HTTPD_LINGERING:
		events = LOOP_READ;
		break;
	case HTTPD_DUE:
	case HTTPD_STREAM:
		events = c->quiet ? 0 : LOOP_READ;
		break;
	default:
		break;
	}
	if (c->tcp && (c->state == HTTPD_STREAM || is_waiting(c)))
		events |= LOOP_END;
	if (c->blocked)
		events = (events & ~(unsigned)LOOP_READ) | LOOP_WRITE;
	loop_mask(c->server->loop, &c->watch, events);
}

/* One block goes from request to request: most need no more, and allocate
 * nothing. Without memory for it an arena does with what it gets. */
static void lend(struct httpd_conn *c)
{
	struct httpd_shared *s = c->server->shared;

	c->block = s->spare ? s->spare : calloc(1, BLOCK);
	s->spare = NULL;
	if (c->block)
		arena_init_in(&c->arena, HTTPD_ARENA_MAX, c->block, BLOCK);
}

static void take_back(struct httpd_conn *c)
{
	struct httpd_shared *s = c->server->shared;

	arena_reset(&c->arena);
	arena_init(&c->arena, HTTPD_ARENA_MAX);
	if (s->spare)
		free(c->block);
	else
		s->spare = c->block;
	c->block = NULL;
}

bool httpd_weigh(struct httpd_conn *c)
{
	struct httpd *d = c->server;

	d->held -= c->held;
	c->held = c->in.size + c->out.size;
	d->held += c->held;
	return d->held <= d->max_held || !c->held;
}

bool httpd_is_idle(const struct httpd_conn *c)
{
	return c->state == HTTPD_READING && !c->extra && !c->head_len &&
	       c->in.end == c->in.start;
}

void httpd_cut(struct httpd_conn *c)
{
	struct loop *l = c->server->loop;
	bool owed = c->state == HTTPD_DUE || c->state == HTTPD_STREAM;
	int fd = c->watch.fd;

	loop_cancel(l, &c->timer);
	later_cancel(&c->later);
	loop_forget(l, &c->watch);
	fd_close(&fd);
	c->state = HTTPD_FREE;
	if (owed && c->on_gone)
		c->on_gone(c, c->user);
	/* The handler may have called what asks for a later call. */
	later_cancel(&c->later);
	take_back(c);
	buf_release(&c->in);
	buf_release(&c->out);
	httpd_weigh(c);
	httpd_give_back(c);
}

void httpd_finished(struct httpd_conn *c)
{
	take_back(c);
	buf_release(&c->out);
	c->user = NULL;
	c->on_gone = NULL;
	c->on_drain = NULL;
	c->head_len = c->body_len = c->length = 0;
	c->begun = c->blocked = c->full = c->quiet = false;
	c->deadline_ms = HTTPD_NEVER;
	if (c->server->draining)
		c->keep_alive = false;
	c->state = c->keep_alive ? HTTPD_READING : HTTPD_ENDING;
	if (!c->inside)
		loop_later(c->server->loop, &c->later);
}

/* Splits what the request names; NULL, or what is wrong with it. */
static const char *target(struct http_head *h, struct httpd_req *r)
{
	static const char malformed[] = "malformed request target";
	struct str t = h->target, rest, said = h->host;
	size_t n = 0;

	if (str_eq_nocase(str_take(t, 7), STR("http://")))
		n = 7;
	else if (str_eq_nocase(str_take(t, 8), STR("https://")))
		n = 8;
	if (n) {
		t = rest = str_skip(t, n);
		for (n = 0; n < t.n && t.p[n] != '/' && t.p[n] != '?'; n++)
			;
		h->host = str_take(t, n);
		if (!h->host.n || !http_is_host(h->host))
			return malformed;
		if (said.n && !str_eq_nocase(said, h->host))
			return "Host is not that of the request target";
		t = str_skip(rest, n);
		if (!t.n || t.p[0] == '?') {
			r->path = STR("/");
			r->query = str_skip(t, 1);
			return NULL;
		}
	}
	str_cut(t, '?', &r->path, &r->query);
	if ((t.n && t.p[0] == '/') ||
	    (str_is(t, "*") && str_is(h->method, "OPTIONS")))
		return NULL;
	return malformed;
}

static enum taken refuse(struct httpd_conn *c, int status, const char *why)
{
	httpd_refuse(c, status, why);
	return REFUSED;
}

/* The head, once it is whole: how the body comes, and whether it may. */
static enum taken begin(struct httpd_conn *c, struct input *in)
{
	struct http_head *h = &c->server->shared->head;
	struct httpd_req r;
	const char *why = NULL;
	int n = http_request(h, (struct str){ in->p, in->n }, &why);

	if (n == HTTP_MORE)
		return WANTS_MORE;
	c->is_head = n > 0 && str_is(h->method, "HEAD");
	c->minor = n <= 0 || h->minor;
	if (n <= 0)
		return refuse(c, h->status, why);
	why = target(h, &r);
	if (why)
		return refuse(c, 400, why);
	if (h->minor && !h->expect_continue && http_field(h, "Expect").p)
		return refuse(c, 417, "unknown expectation");
	if (h->length > HTTPD_BODY_MAX)
		return refuse(c, 413, "body too large");
	c->head_len = (size_t)n;
	c->body = h->body;
	c->body_len = 0;
	c->length = (size_t)h->length;
	if (h->body == HTTP_BODY_CHUNKED)
		chunked_init(&c->chunked);
	if (h->expect_continue && in->n == c->head_len &&
	    (c->length || h->body == HTTP_BODY_CHUNKED))
		httpd_continue(c);
	return TAKEN;
}

/* Decodes what is there; *end is where the raw bytes go on. */
static enum taken chunks(struct httpd_conn *c, struct input *in, size_t *end)
{
	size_t to = c->head_len + c->body_len, from = to;
	struct str data;
	uint64_t left;
	int n;

	while (!chunked_done(&c->chunked)) {
		n = chunked_feed(&c->chunked,
				 (struct str){ in->p + from, in->n - from },
				 &data);
		if (n == HTTP_LONG)
			return refuse(c, 413, "chunk framing too long");
		if (n < 0)
			return refuse(c, 400, "malformed chunk");
		if (!n)
			break;
		/* As soon as it is announced, not when it has come. */
		left = chunked_left(&c->chunked);
		if (left > HTTPD_BODY_MAX ||
		    c->body_len + data.n + left > HTTPD_BODY_MAX)
			return refuse(c, 413, "body too large");
		if (data.n)
			memmove(in->p + to, data.p, data.n);
		c->body_len += data.n;
		to += data.n;
		from += (size_t)n;
	}
	*end = from;
	if (chunked_done(&c->chunked))
		return TAKEN;
	in->n = to;     /* the framing between is spent */
	return WANTS_MORE;
}

static enum taken body(struct httpd_conn *c, struct input *in, size_t *end)
{
	switch (c->body) {
	case HTTP_BODY_CHUNKED:
		return chunks(c, in, end);
	case HTTP_BODY_LENGTH:
		c->body_len = c->length;
		*end = c->head_len + c->length;
		return in->n < *end ? WANTS_MORE : TAKEN;
	default:
		c->body_len = 0;
		*end = c->head_len;
		return TAKEN;
	}
}

static void hand_over(struct httpd_conn *c, const struct input *in)
{
	struct httpd *d = c->server;
	struct http_head *h = &d->shared->head;
	struct httpd_req r = {
		.head = h,
		.body = { in->p + c->head_len, c->body_len },
		.arena = &c->arena,
		.uid = c->uid,
	};

	lend(c);
	target(h, &r);
	c->keep_alive = h->keep_alive;
	c->begun = false;
	c->used = true;
	c->deadline_ms = HTTPD_NEVER;
	c->state = HTTPD_DUE;
	c->inside = true;
	d->on_request(c, &r);
	c->inside = false;
}

/* One request off the front of the input, and handed over. */
static enum taken take(struct httpd_conn *c, struct input *in)
{
	bool fresh = !c->head_len;
	enum taken t = TAKEN;
	size_t end;

	if (fresh)
		t = begin(c, in);
	if (t == TAKEN)
		t = body(c, in, &end);
	if (t != TAKEN)
		return t;
	/* The shared head has served others since; it parsed before. */
	if (!fresh)
		http_request(&c->server->shared->head,
			     (struct str){ in->p, c->head_len }, NULL);
	hand_over(c, in);
	in->p += end;
	in->n -= end;
	return TAKEN;
}

static void serve(struct httpd_conn *c, struct input *in)
{
	c->again = false;
	for (int i = 0; in->n && c->state == HTTPD_READING; i++) {
		if (c->broken)
			return;
		if (i == BURST) {
			c->again = true;
			loop_later(c->server->loop, &c->later);
			return;
		}
		if (take(c, in) != TAKEN)
			return;
	}
}

static void serve_shared(struct httpd_conn *c, size_t n)
{
	struct input in = { c->server->shared->in, n };

	serve(c, &in);
	if (c->state == HTTPD_ENDING && in.n)
		c->linger = true;
	if (!in.n || c->state == HTTPD_ENDING || c->broken || c->linger)
		return;
	buf_put(&c->in, (struct str){ in.p, in.n });
	if (httpd_weigh(c) && !buf_failed(&c->in))
		return;
	if (c->state == HTTPD_READING)
		httpd_refuse(c, 503, "no memory");
	else
		c->keep_alive = false;  /* what came after is lost */
}

static void serve_own(struct httpd_conn *c)
{
	struct str had = buf_str(&c->in);
	struct input in = { c->in.p + c->in.start, had.n };

	serve(c, &in);
	buf_consume(&c->in, (size_t)(in.p - had.p));
	if (!in.n || c->state == HTTPD_ENDING) {
		c->linger = c->linger || in.n;
		buf_release(&c->in);
	} else {
		/* A chunked body may have shrunk where it stands. */
		c->in.end = c->in.start + in.n;
	}
}

static void linger(struct httpd_conn *c)
{
	shutdown(c->watch.fd, SHUT_WR);
	buf_release(&c->in);
	c->state = HTTPD_LINGERING;
	httpd_deadline(c, c->server->linger_ms);
}

/* After anything that may have changed the state, and only from the loop. */
static void settle(struct httpd_conn *c)
{
	if (!c->broken && c->state == HTTPD_STREAM)
		httpd_flush(c);
	if (c->state == HTTPD_ENDING && c->in.end > c->in.start)
		c->linger = true;
	if (c->broken || (c->state == HTTPD_ENDING && !c->linger)) {
		httpd_cut(c);
		return;
	}
	if (c->state == HTTPD_ENDING)
		linger(c);
	httpd_weigh(c);
	if (c->state == HTTPD_READING && !c->begun) {
		c->begun = c->in.end > c->in.start;
		httpd_deadline(c, c->begun ? c->server->head_ms :
			       c->server->idle_ms);
	}
	httpd_mask(c);
}

static void on_later(struct loop *l, struct later *la)
{
	struct httpd_conn *c = CONTAINER(la, struct httpd_conn, later);

	(void)l;
	if (c->state == HTTPD_READING && !c->broken && c->in.end > c->in.start)
		serve_own(c);
	settle(c);
}

/* Where the next bytes go: the shared memory unless some wait for them. */
static char *room(struct httpd_conn *c, size_t *size)
{
	size_t have = c->in.end - c->in.start;

	*size = sizeof c->server->shared->in;
	if (!have)
		return c->server->shared->in;
	*size = ROOM;
	if (c->head_len && c->body == HTTP_BODY_LENGTH)
		*size = c->head_len + c->length - have;
	return buf_room(&c->in, *size);
}

static void on_input(struct httpd_conn *c)
{
	bool own = c->in.end > c->in.start;
	size_t size;
	char *p = room(c, &size);
	ssize_t n;

	if (!p || !httpd_weigh(c)) {
		httpd_refuse(c, 503, "no memory");
		settle(c);
		return;
	}
	n = recv(c->watch.fd, p, size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
		      errno == EINTR))
		return;
	if (n <= 0) {
		httpd_cut(c);
		return;
	}
	if (!own) {
		serve_shared(c, (size_t)n);
		settle(c);
		return;
	}
	buf_commit(&c->in, (size_t)n);
	/* A head sent in crumbs is not parsed anew for each of them. */
	if (!c->head_len && c->in.end - c->in.start < HTTP_HEAD_MAX &&
	    !memchr(p, '\n', (size_t)n))
		return;
	serve_own(c);
	settle(c);
}

static void drop_input(struct httpd_conn *c)
{
	ssize_t n = recv(c->watch.fd, c->server->shared->in,
			 sizeof c->server->shared->in, 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK &&
		       errno != EINTR))
		httpd_cut(c);
}

static void on_event(struct loop *l, struct watch *w, unsigned events)
{
	struct httpd_conn *c = CONTAINER(w, struct httpd_conn, watch);

	(void)l;
	switch (c->state) {
	case HTTPD_READING:
		if (!c->again)
			on_input(c);
		return;
	case HTTPD_LINGERING:
		drop_input(c);
		return;
	default:
		break;
	}
	if ((events & LOOP_HUP) ||
	    ((events & LOOP_END) && c->state == HTTPD_STREAM)) {
		httpd_cut(c);
		return;
	}
	if ((events & LOOP_END) && is_waiting(c))
		httpd_deadline(c, c->server->left_ms);
	if (events & LOOP_READ)
		c->quiet = true;
	if (events & LOOP_WRITE) {
		c->blocked = false;
		httpd_flush(c);
	}
	settle(c);
}

static void on_timer(struct loop *l, struct timer *t)
{
	struct httpd_conn *c = CONTAINER(t, struct httpd_conn, timer);

	if (c->deadline_ms == HTTPD_NEVER)
		return;
	if (os_now_ms() < c->deadline_ms)
		loop_at(l, t, c->deadline_ms);
	else
		httpd_cut(c);
}

int httpd_conn_open(struct httpd_conn *c, int fd, struct err *e)
{
	c->watch = (struct watch)WATCH_INIT(on_event);
	c->timer = (struct timer)TIMER_INIT(on_timer);
	later_init(&c->later, on_later);
	buf_init(&c->in, IN_MAX);
	buf_init(&c->out, HTTPD_OUT_MAX + 2 * HTTP_HEAD_MAX);
	arena_init(&c->arena, HTTPD_ARENA_MAX);
	if (loop_watch(c->server->loop, &c->watch, fd, LOOP_READ, e) < 0)
		return -1;
	c->state = HTTPD_READING;
	c->begun = true;
	httpd_deadline(c, c->server->head_ms);
	return 0;
}
