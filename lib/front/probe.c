/* SPDX-License-Identifier: MIT */
#include "front/front.h"

#include "base/fmt.h"
#include "sys/log.h"
#include "wire/json.h"

#define ANSWER_MAX 65536        /* of whoever it is */

static void say(struct probe *p, const char *who)
{
	char text[200];

	if (!who && p->hijacked)
		front_tell(p->front, "hijacked", NULL);
	if (who) {
		fmt(text, sizeof text, "%s answers on 127.0.0.1 port %u in "
		    "place of this hub", who, (unsigned)p->front->port);
		front_tell(p->front, "hijacked", text);
		if (!p->hijacked)
			log_say("%s: modules ask it for keys; stop it, or "
				"give the hub another port", text);
	}
	p->hijacked = who;
}

/* NULL: this hub, whichever worker. */
static const char *whose(const struct probe *p)
{
	const char *who = "another program";
	struct str service, instance;
	const struct json *j;
	struct arena a;

	arena_init(&a, 1024 * 1024);
	j = json_parse(buf_str(&p->body), &a, NULL, NULL);
	if (json_str(json_get(j, "service"), &service) &&
	    str_is(service, "parachute-hub"))
		who = "another hub";
	if (json_str(json_get(j, "instance"), &instance) &&
	    str_is(instance, p->front->instance))
		who = NULL;
	arena_release(&a);
	return who;
}

static void on_head(struct httpc *h, const struct http_head *head)
{
	struct probe *p = h->ctx;

	p->status = head->status;
	/* A worker with all the connections it takes does not say whose. */
	p->refused = head->status == 503 &&
		     str_starts(http_field(head, "Server"), STR("pc/"));
}

static void on_body(struct httpc *h, struct str data)
{
	struct probe *p = h->ctx;

	buf_put(&p->body, data);
}

static void on_done(struct httpc *h, const struct err *e)
{
	struct probe *p = h->ctx;

	p->busy = false;
	/* Who speaks no HTTP answers, too; who says nothing does not. */
	if (p->refused)
		;
	else if (!e || p->status)
		say(p, whose(p));
	else if (e->code == ERR_INVALID)
		say(p, "another program");
	buf_release(&p->body);
}

static void on_timer(struct loop *l, struct timer *t)
{
	static const struct httpc_ops ops = { on_head, on_body, on_done };
	struct probe *p = CONTAINER(t, struct probe, timer);
	struct front *f = p->front;
	char host[32];
	const struct httpc_req req = {
		.method = "GET", .target = "/health", .host = host,
		.deadline_ms = PROBE_TIMEOUT_MS,
	};
	int fd;

	loop_in(l, t, PROBE_EVERY_MS);
	if (p->busy)
		return;
	fmt(host, sizeof host, "127.0.0.1:%u", (unsigned)f->port);
	p->status = 0;
	p->refused = false;
	buf_init(&p->body, ANSWER_MAX);
	fd = dial_port(&f->dial, f->port, NULL);
	p->busy = fd >= 0 && httpc_start(&p->http, l, fd, &req, &ops, p,
					 NULL) == 0;
}

void probe_init(struct probe *p, struct front *f)
{
	*p = (struct probe){ .front = f, .timer = TIMER_INIT(on_timer) };
}

void probe_start(struct probe *p)
{
	loop_in(&p->front->loop, &p->timer, 0);
}

void probe_release(struct probe *p)
{
	loop_cancel(&p->front->loop, &p->timer);
	if (p->busy)
		httpc_cancel(&p->http);
	buf_release(&p->body);
}
