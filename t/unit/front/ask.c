/* SPDX-License-Identifier: MIT */
/* Writes that find another writer, and refusals. */
#include "unit/front/rig.h"

static int tries, busy_for;     /* so often another writes */
static char seen[100];          /* what the work found in its memory */

static int work(struct front *f, struct httpd_conn *c, struct arena *a,
		void *ctx, struct err *e)
{
	struct front_ask ask_ = { .front = f, .conn = c };
	struct buf b;

	tries++;
	if (tries <= busy_for)
		return err_set(e, ERR_BUSY, "another writes");
	snprintf(seen, sizeof seen, "%s", (char *)ctx);
	if (!arena_alloc(a, 100))
		return err_set(e, ERR_BUSY, "no memory");
	buf_init(&b, 100);
	buf_put(&b, STR("{\"done\":true}"));
	ask_reply(&ask_, 200, &b);
	return 0;
}

static int fails(struct front *f, struct httpd_conn *c, struct arena *a,
		 void *ctx, struct err *e)
{
	struct front_ask ask_ = { .front = f, .conn = c };

	(void)a;
	(void)ctx;
	tries++;
	err_set(e, ERR_FULL, "the disk is full");
	ask_fail(&ask_, e);
	return -1;
}

static void serve(struct httpd_conn *c, struct httpd_req *r)
{
	struct front_ask a = { .front = &rig.front, .conn = c, .req = r };
	char *ctx = arena_cstr(r->arena, r->path);

	if (str_is(r->path, "/fails"))
		ask_write(&a, fails, ctx);
	else if (str_is(r->path, "/none") && !ask_no_store(&a))
		httpd_json(c, 200, STR("{}"));
	else if (str_is(r->path, "/quote"))
		ask_refuse(&a, 400, "bad", "a \"quote\"\n");
	else if (!str_is(r->path, "/none"))
		ask_write(&a, work, ctx);
}

static bool busy(int times, int status, const char *what)
{
	tries = 0;
	seen[0] = '\0';
	busy_for = times;
	return get_is("POST", "/write", NULL, status, what);
}

static void keeper(struct httpd_conn *c, struct httpd_req *r)
{
	(void)r;
	httpd_json(c, 200, STR("{}"));
}

int main(void)
{
	struct client *c;

	rig_up(keeper);
	rig.front.httpd.on_request = serve;
	ok(busy(0, 200, "{\"done\":true}") && tries == 1 &&
	   !strcmp(seen, "/write"), "a write that finds nobody");
	ok(busy(4, 200, "{\"done\":true}") && tries == 5 &&
	   !strcmp(seen, "/write"), "one that finds another is tried again");
	tries = 0;
	ok(get_is("POST", "/fails", NULL, 503, "the disk is full") &&
	   tries == 1, "another failure is not");
	tries = 0;
	busy_for = 1000000;
	c = ask("POST", "/write", NULL);
	until(tries == 2);
	/* A reset tells at once that he is gone. */
	setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER,
		   &(struct linger){ 1, 0 }, sizeof(struct linger));
	hang_up(c);
	until(!rig.front.httpd.serving);
	tries = 0;
	settle();
	ok(!tries, "who leaves ends the work");
	ok(busy(1000000, 503, "Retry-After: 1\r\n"), "in the end it is "
	   "refused");
	ok(tries > 5 && tries < 20, "after some tries: %d", tries);
	rig_store();
	tries = 0;
	busy_for = 1000000;
	c = ask("POST", "/write", NULL);
	until(tries == 2);
	rig.front.store = NULL;
	until(c->eof);
	ok(answered(c, 503, "no hub.db here") && tries == 2,
	   "hub.db taken away while a write waits ends the wait");
	hang_up(c);
	ok(get_is("GET", "/none", NULL, 503, "{\"error\":"
		  "\"service_unavailable\",\"error_description\":"
		  "\"no hub.db here\"}"), "why there is no database is said");
	ok(get_is("GET", "/quote", NULL, 400,
		  "\"a \\\"quote\\\"\\n\""), "what is said is escaped");
	rig_down();
	return tap_done();
}
