/* SPDX-License-Identifier: MIT */
#ifndef T_FRONT_RIG_H
#define T_FRONT_RIG_H

/*
 * A worker of the front door, a keeper that is played, and clients, all in
 * one loop: the worker's own parts, a real broker, hub.sock, and TCP. Neither
 * hub.db nor a jail. Nothing waits but for an event; alarm() ends a test that
 * hangs.
 *
 *	rig_up(on_hub);                 the keeper's answers
 *	struct client *c = ask("GET", "/api/modules", NULL);
 *	until(c->eof);
 *	ok(answered(c, 200, "\"modules\""), "...");
 *	hang_up(c);
 */

#include "front/ask.h"
#include "front/route.h"
#include "sys/fd.h"
#include "sys/net.h"
#include "sys/os.h"
#include "unit/hub/scratch.h"

#include <errno.h>
#include <sys/socket.h>

#define GOT_MAX (24 << 20)

static struct rig {
	struct front front;
	struct httpd hub;
	int dir, told;          /* told: what the worker says to its keeper */
	/* What the keeper was asked. */
	int asked, gone;
	char target[8192], method[16], accept[128];
	struct httpd_conn *held;
	/* hub.sock refuses its quiet event stream, or holds it here. */
	struct httpd_conn *events;
	bool mute;
} rig;

static inline void turn(int ms)
{
	struct err e;

	if (loop_turn(&rig.front.loop, ms, &e) < 0)
		scratch_bail(e.msg);
}

#define until(cond) \
	do { \
		while (!(cond)) \
			turn(-1); \
	} while (0)

/* All that can happen without anything new from outside: the broker is a
 * process of its own, but it is waited for. */
static inline void settle(void)
{
	for (int i = 0; i < 50; i++)
		turn(0);
}

/* Clients */

struct client {
	struct watch watch;
	char *got;
	size_t n;
	bool eof;
};

static inline void on_answer(struct loop *l, struct watch *w, unsigned events)
{
	struct client *c = CONTAINER(w, struct client, watch);
	ssize_t n = read(w->fd, c->got + c->n, GOT_MAX - 1 - c->n);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->n += (size_t)n;
		c->got[c->n] = '\0';
		return;
	}
	c->eof = true;
	n = w->fd;
	loop_forget(l, w);
	close((int)n);
}

static inline void hear(struct client *c)
{
	int fd = c->watch.fd;

	c->watch.fd = -1;
	if (loop_watch(&rig.front.loop, &c->watch, fd, LOOP_READ, NULL) < 0)
		scratch_bail("no watch");
}

/* Sent whole; the answer is not read before hear(). */
static inline struct client *ask_in(const char *version, const char *method,
				    const char *target, const char *fields)
{
	struct client *c = calloc(1, sizeof *c);
	char *text = malloc(65536);
	struct err e;
	int n, fd = net_connect_tcp("127.0.0.1", rig.front.port, &e);

	n = snprintf(text, 65536, "%s %s HTTP/%s\r\nHost: hub.test\r\n%s\r\n",
		     method, target, version, fields ? fields : "");
	fcntl(fd, F_SETFL, 0);
	if (fd < 0 || send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		scratch_bail("no connection");
	os_set_nonblock(fd);
	free(text);
	c->got = malloc(GOT_MAX);
	c->got[0] = '\0';
	c->watch = (struct watch)WATCH_INIT(on_answer);
	c->watch.fd = fd;
	return c;
}

/* In HTTP/1.0: the answer ends with the connection. */
static inline struct client *ask_deaf(const char *method, const char *target,
				      const char *fields)
{
	return ask_in("1.0", method, target, fields);
}

static inline struct client *ask(const char *method, const char *target,
				 const char *fields)
{
	struct client *c = ask_deaf(method, target, fields);

	hear(c);
	return c;
}

static inline void hang_up(struct client *c)
{
	int fd = c->watch.fd;

	if (!c->eof) {
		loop_forget(&rig.front.loop, &c->watch);
		close(fd);
	}
	free(c->got);
	free(c);
	settle();
}

static inline int status_of_answer(const struct client *c)
{
	return c->n > 12 ? atoi(c->got + 9) : 0;
}

static inline const char *body_of(const struct client *c)
{
	const char *p = strstr(c->got, "\r\n\r\n");

	return p ? p + 4 : "";
}

static inline bool answered(const struct client *c, int status,
			    const char *what)
{
	if (status_of_answer(c) == status && strstr(c->got, what))
		return true;
	tap_diag("want %d with %s, have %.600s", status, what, c->got);
	return false;
}

/* One request to its end. */
static inline bool get_is(const char *method, const char *target,
			  const char *fields, int status, const char *what)
{
	struct client *c = ask(method, target, fields);
	bool good;

	until(c->eof);
	good = answered(c, status, what);
	hang_up(c);
	return good;
}

/* The keeper */

static void (*on_hub)(struct httpd_conn *, struct httpd_req *);

static inline void on_hub_gone(struct httpd_conn *c, void *user)
{
	(void)user;
	rig.gone++;
	if (rig.held == c)
		rig.held = NULL;
	if (rig.events == c)
		rig.events = NULL;
}

static inline void hold(struct httpd_conn *c)
{
	rig.held = c;
	httpd_watch_gone(c, NULL, on_hub_gone);
}

static inline void on_hub_request(struct httpd_conn *c, struct httpd_req *r)
{
	if (str_is(r->query, "quiet=1")) {
		httpd_watch_gone(c, NULL, on_hub_gone);
		rig.events = c;
		if (rig.mute)
			httpd_json(c, 503, STR("{}"));
		else
			httpd_stream(c, 200, "text/event-stream", NULL);
		return;
	}
	rig.asked++;
	snprintf(rig.target, sizeof rig.target, "%.*s",
		 STR_ARG(r->head->target));
	snprintf(rig.method, sizeof rig.method, "%.*s",
		 STR_ARG(r->head->method));
	snprintf(rig.accept, sizeof rig.accept, "%.*s",
		 STR_ARG(http_field(r->head, "Accept")));
	on_hub(c, r);
}

static inline void hub_up(void)
{
	struct err e = { 0 };
	int fd = net_listen_unix(rig.dir, HOME_SOCK, &e);

	if (fd < 0 || httpd_init(&rig.hub, &rig.front.loop, 256, &e) < 0 ||
	    httpd_listen(&rig.hub, fd, &e) < 0)
		scratch_bail(e.msg);
	rig.hub.on_request = on_hub_request;
}

static inline void hub_down(void)
{
	unlinkat(rig.dir, HOME_SOCK, 0);
	httpd_release(&rig.hub);
	rig.held = rig.events = NULL;
}

/* The worker */

static inline void rig_listen(struct front *f)
{
	struct err e = { 0 };
	int fd = net_listen_tcp("127.0.0.1", &f->port, &e);

	if (fd < 0 || httpd_init(&f->httpd, &f->loop, FRONT_CONNS_MAX,
				 &e) < 0 ||
	    httpd_listen(&f->httpd, fd, &e) < 0)
		scratch_bail(e.msg);
	f->httpd.ctx = f;
	f->httpd.on_request = route_request;
}

static inline void rig_up(void (*keeper)(struct httpd_conn *,
					 struct httpd_req *))
{
	static char *const environ[] = { NULL };
	struct front *f = &rig.front;
	struct dial_conf conf = { .sock_name = HOME_SOCK,
		.suffix = "/.parachute/module.json" };
	struct err e = { 0 };
	int p[2];

	alarm(120);
	rig.dir = scratch();
	if (os_pipe(p) < 0 || os_set_nonblock(p[0]) < 0)
		scratch_bail("no pipe");
	rig.told = p[0];
	unsetenv("PARACHUTE_HUB_SOCK");
	*f = (struct front){ .environ = environ, .gone_fd = -1,
			     .out = p[1], .instance = "of-the-rig" };
	if (home_open(&f->home, scratch_path, false, &e) < 0)
		scratch_bail(e.msg);
	conf.sock_dir = f->home.fd;
	if (dial_open(&f->dial, &conf, &e) < 0 || loop_init(&f->loop, &e) < 0)
		scratch_bail(e.msg);
	snprintf(f->store_error, sizeof f->store_error, "no hub.db here");
	registry_init(&f->registry);
	mirror_init(&f->mirror, f);
	bridge_init(&f->bridge);
	probe_init(&f->probe, f);
	on_hub = keeper;
	hub_up();
	rig_listen(f);
	front_origins(f);
	health_set_db(f, "unconfigured");
	/* Nobody looks at the disk by itself. */
	f->looked_ms = INT64_MAX / 2;
}

/* A hub.db with a key, and a worker that has it open. */
static inline void rig_store(void)
{
	struct front *f = &rig.front;
	struct store *s;
	struct err e = { 0 };
	bool made;

	s = store_open(&f->home, STORE_MAKE, 5000, &e);
	if (!s || token_ensure_key(s, os_unix_ms(), &made, &e) < 0)
		scratch_bail(e.msg);
	store_close(s);
	f->opened = f->store = store_open(&f->home, STORE_WRITE, 0, &e);
	f->auth = auth_new(f->store, &e);
	if (!f->store || !f->auth)
		scratch_bail(e.msg);
	health_set_db(f, store_health(f->store));
}

/* An Authorization field with a token of ours, for the next ttl_s. */
static inline const char *token_of(const char *scope, const char *iss,
				   int64_t ttl_s)
{
	static char field[8192];
	const struct mint m = {
		.scope = str_of(scope), .aud = STR("hub"), .sub = STR("me"),
		.client_id = STR("t"), .iss = str_of(iss),
		.now_ms = os_unix_ms() + (ttl_s < 0 ? ttl_s * 1000 : 0),
		.ttl_s = ttl_s < 0 ? -ttl_s / 2 : ttl_s,
	};
	struct arena a;
	struct minted out;
	struct err e = { 0 };

	arena_init(&a, 1 << 20);
	if (token_mint(rig.front.store, &m, &a, &out, &e) < 0)
		scratch_bail(e.msg);
	snprintf(field, sizeof field, "Authorization: Bearer %.*s\r\n",
		 STR_ARG(out.jwt));
	arena_release(&a);
	return field;
}

/* What the worker has told its keeper since the last call. */
static inline const char *told(void)
{
	static char text[8192];
	ssize_t n = read(rig.told, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Everything that was open is closed: no descriptor is left. */
static inline void rig_down(void)
{
	struct front *f = &rig.front;

	probe_release(&f->probe);
	httpd_release(&f->httpd);
	mirror_release(&f->mirror);
	settle();
	httpd_release(&rig.hub);
	ok(f->bridge.n == 0 && f->bridge.streams == 0,
	   "nothing is under way any more");
	ok(fd_count(FD_CONN) == 0 && fd_count(FD_LISTEN) == 0,
	   "every descriptor is closed");
	dial_close(&f->dial);
	auth_free(f->auth);
	store_close(f->opened);
	registry_release(&f->registry);
	arena_release(&f->origin_arena);
	loop_release(&f->loop);
	home_close(&f->home);
}

#endif
