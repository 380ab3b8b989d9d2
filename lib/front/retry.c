/* SPDX-License-Identifier: MIT */
/*
 * Writes that wait for their turn without anybody waiting for them: a timer
 * tries again. What is needed for it lives in the request's arena, which ends
 * with the answer; so nothing here is looked at after fn has answered.
 */
#include "front/ask.h"

#include "sys/os.h"

#define FIRST_MS   5
#define LONGEST_MS 160          /* another writer holds it for milliseconds */

struct retry {
	struct front_ask ask;           /* without the request */
	struct arena *arena;
	int (*fn)(struct front *, struct httpd_conn *, struct arena *,
		  void *ctx, struct err *);
	void *ctx;
	struct timer timer;
	int64_t until_ms;
	int delay_ms;
};

static void wait_for_it(struct retry *r)
{
	int64_t at_ms = os_now_ms() + r->delay_ms;

	if (at_ms > r->until_ms)
		at_ms = r->until_ms;
	loop_at(&r->ask.front->loop, &r->timer, at_ms);
	if (r->delay_ms < LONGEST_MS)
		r->delay_ms *= 2;
}

static void on_timer(struct loop *l, struct timer *t)
{
	struct retry *r = CONTAINER(t, struct retry, timer);
	struct err e = { 0 };

	(void)l;
	if (r->fn(r->ask.front, r->ask.conn, r->arena, r->ctx, &e) == 0)
		return;
	if (e.code == ERR_BUSY && os_now_ms() < r->until_ms)
		wait_for_it(r);
	else
		ask_fail(&r->ask, &e);
}

static void on_gone(struct httpd_conn *c, void *user)
{
	struct retry *r = user;

	(void)c;
	loop_cancel(&r->ask.front->loop, &r->timer);
}

void ask_write(const struct front_ask *a,
	       int (*fn)(struct front *, struct httpd_conn *, struct arena *,
			 void *ctx, struct err *), void *ctx)
{
	struct arena *arena = a->req->arena;
	struct err e = { 0 };
	struct retry *r;

	if (fn(a->front, a->conn, arena, ctx, &e) == 0)
		return;
	r = e.code == ERR_BUSY ? arena_alloc(arena, sizeof *r) : NULL;
	if (!r) {
		ask_fail(a, &e);
		return;
	}
	*r = (struct retry){
		.ask = { .front = a->front, .conn = a->conn },
		.arena = arena,
		.fn = fn,
		.ctx = ctx,
		.timer = TIMER_INIT(on_timer),
		.until_ms = os_now_ms() + FRONT_BUSY_MS,
		.delay_ms = FIRST_MS,
	};
	httpd_watch_gone(a->conn, r, on_gone);
	wait_for_it(r);
}
