/* SPDX-License-Identifier: MIT */
#include "front/ask.h"

#include "base/fmt.h"
#include "hub/apierr.h"
#include "sys/os.h"

#include <stdarg.h>

#define FIRST_PAUSE_MS 5        /* before a busy write is tried again */

/* Answers */

static void no_memory(const struct front_ask *a)
{
	httpd_reply(a->conn, 503, "application/json", STR(NO_STORE),
		    STR("{\"error\":\"out_of_memory\",\"error_description\":"
			"\"no memory for the answer\"}"));
}

void ask_reply(const struct front_ask *a, int status, struct buf *body)
{
	if (buf_failed(body))
		no_memory(a);
	else
		httpd_reply(a->conn, status, "application/json", STR(NO_STORE),
			    buf_str(body));
	buf_release(body);
}

void ask_refuse_with(const struct front_ask *a, int status, struct str fields,
		     const char *code, struct str text)
{
	struct buf head, body;

	buf_init(&head, HTTP_HEAD_MAX);
	buf_init(&body, 8192);
	buf_put(&head, STR(NO_STORE));
	buf_put(&head, fields);
	apierr_body(&body, code, text);
	if (buf_failed(&head) || buf_failed(&body))
		no_memory(a);
	else
		httpd_reply(a->conn, status, "application/json",
			    buf_str(&head), buf_str(&body));
	buf_release(&head);
	buf_release(&body);
}

void ask_refuse(const struct front_ask *a, int status, const char *code,
		const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	fmt_va(text, sizeof text, format, ap);
	va_end(ap);
	ask_refuse_with(a, status, STR_NULL, code, str_of(text));
}

void ask_fail(const struct front_ask *a, const struct err *e)
{
	ask_refuse_with(a, apierr_status(e), STR_NULL, apierr_code(e),
			str_of(e->msg));
}

void ask_fail_store(const struct front_ask *a, const struct err *e)
{
	if (e->code == ERR_BUSY || e->code == ERR_NO_MEMORY)
		ask_fail(a, e);
	else
		ask_refuse(a, 503, "service_unavailable", "%s", e->msg);
}

bool ask_no_store(const struct front_ask *a)
{
	front_look(a->front);
	if (a->front->store)
		return false;
	ask_refuse(a, 503, "service_unavailable", "%s", a->front->store_error);
	return true;
}

void ask_not_yet(const struct front_ask *a, const char *why)
{
	ask_refuse(a, 501, "not_implemented", "%s", why);
}

/* Writes that find another writer */

struct work {
	struct front *front;
	struct httpd_conn *conn;
	struct arena *arena;
	int (*fn)(struct front *, struct httpd_conn *, struct arena *, void *,
		  struct err *);
	void *ctx;
	const struct store *store;      /* that it was begun on */
	struct timer timer;
	int64_t until_ms;
	int pause_ms;
};

static void on_gone(struct httpd_conn *c, void *user)
{
	struct work *w = user;

	(void)c;
	loop_cancel(&w->front->loop, &w->timer);
}

/* Whether it has been answered. The work is gone with its answer. */
static bool attempt(struct work *w)
{
	struct err e = { 0 };

	return w->fn(w->front, w->conn, w->arena, w->ctx, &e) == 0 ||
	       e.code != ERR_BUSY;
}

static void on_timer(struct loop *l, struct timer *t)
{
	struct work *w = CONTAINER(t, struct work, timer);
	struct front_ask a = { .front = w->front, .conn = w->conn };
	int64_t left;

	if (w->front->store != w->store) {
		ask_refuse(&a, 503, "service_unavailable", "%s",
			   w->front->store_error);
		return;
	}
	if (attempt(w))
		return;
	left = w->until_ms - os_now_ms();
	if (left <= 0) {
		ask_refuse_with(&a, 503, STR("Retry-After: 1\r\n"), "try_again",
				STR("hub.db is being written by another "
				    "program for so long; try again"));
		return;
	}
	w->pause_ms *= 2;
	loop_in(l, t, w->pause_ms < left ? w->pause_ms : left);
}

void ask_write(const struct front_ask *a,
	       int (*fn)(struct front *, struct httpd_conn *, struct arena *,
			 void *ctx, struct err *), void *ctx)
{
	struct work *w = arena_alloc(a->req->arena, sizeof *w);

	if (!w) {
		no_memory(a);
		return;
	}
	*w = (struct work){
		.front = a->front, .conn = a->conn, .arena = a->req->arena,
		.fn = fn, .ctx = ctx, .store = a->front->store,
		.timer = TIMER_INIT(on_timer),
		.until_ms = os_now_ms() + FRONT_BUSY_MS,
		.pause_ms = FIRST_PAUSE_MS,
	};
	if (attempt(w))
		return;
	httpd_watch_gone(a->conn, w, on_gone);
	loop_in(&a->front->loop, &w->timer, w->pause_ms);
}
