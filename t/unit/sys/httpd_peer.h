/* SPDX-License-Identifier: MIT */
#ifndef T_UNIT_SYS_HTTPD_PEER_H
#define T_UNIT_SYS_HTTPD_PEER_H

/*
 * A server, a handler with a route for each thing it can do, and clients, all
 * in one loop. Nothing waits but for an event; alarm() ends a test that hangs.
 */
#include "sys/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fd.h"
#include "sys/net.h"
#include "sys/os.h"
#include "tap.h"

#define GOT_MAX (12 * 1024 * 1024)
#define HOST    "Host: a\r\n"

static struct loop loop;
static struct httpd server;
static char dir[] = "/tmp/httpd-XXXXXX";
static int dirfd_;
static uint16_t port;

/* What the handler saw and holds. */
static struct {
	int requests, gone, drained, dirty;
	struct httpd_conn *held;
	char path[256], query[256], host[64], body[HTTPD_BODY_MAX + 1];
	size_t body_len;
	uid_t uid;
	size_t sent, total;     /* of the big stream */
} seen;

struct client {
	struct watch watch;
	char *got;
	size_t n;
	bool eof;
};

static inline void turn(int ms)
{
	struct err e;

	if (loop_turn(&loop, ms, &e) < 0) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
}

#define until(cond) \
	do { \
		while (!(cond)) \
			turn(-1); \
	} while (0)

/* All that can happen without anything new from outside. */
static inline void settle(void)
{
	for (int i = 0; i < 50; i++)
		turn(0);
}

static inline void on_answer(struct loop *l, struct watch *w, unsigned events)
{
	struct client *c = CONTAINER(w, struct client, watch);
	ssize_t n = read(w->fd, c->got + c->n, GOT_MAX - 1 - c->n);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		c->eof = true;
		loop_mask(l, w, 0);
		if (events & LOOP_HUP) {
			int fd = w->fd;

			loop_forget(l, w);
			close(fd);
		}
		return;
	}
	c->n += (size_t)n;
	c->got[c->n] = '\0';
}

static inline void client_on(struct client *c, int fd)
{
	struct err e;

	if (fd < 0 || loop_watch(&loop, &c->watch, fd, LOOP_READ, &e) < 0) {
		printf("Bail out! no connection\n");
		exit(1);
	}
}

static inline struct client *client(bool tcp)
{
	struct client *c = calloc(1, sizeof *c);
	struct err e;

	c->got = malloc(GOT_MAX);
	c->got[0] = '\0';
	c->watch = (struct watch)WATCH_INIT(on_answer);
	client_on(c, tcp ? net_connect_tcp("127.0.0.1", port, &e)
			 : net_connect_unix(dirfd_, "s", &e));
	return c;
}

static inline void hang_up(struct client *c)
{
	int fd = c->watch.fd;

	loop_forget(&loop, &c->watch);
	if (fd >= 0)
		close(fd);
	free(c->got);
	free(c);
	settle();
}

static inline void say(struct client *c, const char *text, size_t n)
{
	while (n) {
		ssize_t k = send(c->watch.fd, text, n, MSG_NOSIGNAL);

		if (k < 0 && errno != EAGAIN && errno != ENOTCONN)
			return;
		if (k > 0) {
			text += k;
			n -= (size_t)k;
		} else {
			turn(1);
		}
	}
}

static inline void ask(struct client *c, const char *text)
{
	say(c, text, strlen(text));
}

static inline int count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static inline bool ends(const struct client *c, const char *tail)
{
	return str_ends((struct str){ c->got, c->n }, str_of(tail));
}

/* Forgets what came, so that the next answer is looked at alone. */
static inline void clear(struct client *c)
{
	c->n = 0;
	c->got[0] = '\0';
}

static inline void on_time(struct loop *l, struct timer *t)
{
	(void)l;
	(void)t;
}

/* Turns of the loop until a timer of ours is due: few, unless it spins. */
static inline int turns_in(int ms)
{
	struct timer t = TIMER_INIT(on_time);
	int n = 0;

	for (loop_in(&loop, &t, ms); t.armed; n++)
		turn(-1);
	return n;
}

/* The handler */

static inline void on_gone(struct httpd_conn *c, void *user)
{
	if (user == &seen && httpd_user(c) == user)
		seen.gone++;
	if (seen.held == c)
		seen.held = NULL;
	/* The pointer is dead: this must do nothing. */
	httpd_write(c, STR("late"));
	httpd_reply(c, 200, "text/plain", STR_NULL, STR("late"));
}

static inline void hold(struct httpd_conn *c)
{
	seen.held = c;
	httpd_watch_gone(c, &seen, on_gone);
}

/* Numbers, so that what arrives can be checked. */
static inline void produce(struct httpd_conn *c)
{
	char piece[1001];

	while (seen.sent < seen.total) {
		snprintf(piece, sizeof piece, "%0999zu\n", seen.sent / 1000);
		seen.sent += 1000;
		if (!httpd_write(c, (struct str){ piece, 1000 }))
			return;
	}
	httpd_end(c);
	seen.held = NULL;
}

static inline void on_drain(struct httpd_conn *c, void *user)
{
	(void)user;
	seen.drained++;
	produce(c);
}

static inline void keep(char *out, size_t size, struct str s)
{
	snprintf(out, size, "%.*s", STR_ARG(s));
}

static inline void routes(struct httpd_conn *c, struct httpd_req *r)
{
	static char big[1024 * 1024];

	if (str_is(r->path, "/later")) {
		hold(c);
	} else if (str_is(r->path, "/stream")) {
		hold(c);
		httpd_stream(c, 200, "text/plain", NULL);
	} else if (str_is(r->path, "/produce")) {
		hold(c);
		seen.sent = 0;
		httpd_stream(c, 200, "text/plain", on_drain);
		produce(c);
	} else if (str_is(r->path, "/short")) {
		httpd_stream(c, 200, "text/plain", NULL);
		httpd_write(c, STR("one"));
		httpd_write(c, STR("two"));
		httpd_end(c);
	} else if (str_is(r->path, "/big")) {
		memset(big, 'b', sizeof big);
		httpd_reply(c, 200, NULL, STR_NULL,
			    (struct str){ big, sizeof big });
	} else if (str_is(r->path, "/huge")) {
		httpd_reply(c, 200, NULL, STR_NULL,
			    (struct str){ big, HTTPD_OUT_MAX + 1 });
	} else if (str_is(r->path, "/none")) {
		httpd_reply(c, 204, NULL, STR_NULL, STR("none"));
	} else if (str_is(r->path, "/echo")) {
		httpd_reply(c, 200, "text/plain", STR("X-Extra: 1\r\n"),
			    r->body);
	} else {
		httpd_reply(c, 200, "text/plain", STR_NULL, r->path);
	}
}

static inline void on_request(struct httpd_conn *c, struct httpd_req *r)
{
	seen.requests++;
	seen.uid = r->uid;
	keep(seen.path, sizeof seen.path, r->path);
	keep(seen.query, sizeof seen.query, r->query);
	keep(seen.host, sizeof seen.host, r->head->host);
	seen.body_len = r->body.n;
	if (r->body.n)
		memcpy(seen.body, r->body.p, r->body.n);
	/* What the arena gives must last until the answer is complete. */
	for (size_t n = 100; n < 6000; n += 4900) {
		char *p = arena_alloc(r->arena, n);

		seen.dirty += p[0] || p[n - 1];
		memset(p, 'x', n);
	}
	routes(c, r);
}

static bool admit_peer = true;

static inline bool may(struct httpd *d, uid_t uid, pid_t pid)
{
	return d == &server && uid == getuid() && pid == getpid() &&
	       admit_peer;
}

static inline void serve(size_t max_conns)
{
	struct err e = { 0 };
	int fd, tcp;

	memset(&seen, 0, sizeof seen);
	port = 0;
	fd = net_listen_unix(dirfd_, "s", &e);
	tcp = net_listen_tcp("127.0.0.1", &port, &e);
	if (fd < 0 || tcp < 0 || httpd_init(&server, &loop, max_conns, &e) ||
	    httpd_listen(&server, fd, &e) || httpd_listen(&server, tcp, &e)) {
		printf("Bail out! %s\n", e.msg);
		exit(1);
	}
	server.on_request = on_request;
	server.may = may;
	server.server = "test";
}

static inline void stop(void)
{
	httpd_release(&server);
	ok(fd_count(FD_CONN) == 0 && fd_count(FD_LISTEN) == 0,
	   "every descriptor is closed");
	ok(!seen.dirty, "requests were given clean memory");
}

static inline void start(void)
{
	struct err e;

	alarm(120);
	if (!mkdtemp(dir) || (dirfd_ = open(dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    loop_init(&loop, &e) < 0)
		tap_skip_all("no directory or loop");
}

static inline int finish(void)
{
	loop_release(&loop);
	unlinkat(dirfd_, "s", 0);
	rmdir(dir);
	return tap_done();
}

#endif
