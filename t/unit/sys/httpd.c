/* SPDX-License-Identifier: MIT */
/*
 * The server and its clients in one loop, over AF_UNIX and TCP. Nothing
 * waits but for an event; alarm() ends a test that hangs.
 */
#include "sys/httpd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
	int requests, gone, drained;
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

static void turn(int ms)
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
static void settle(void)
{
	for (int i = 0; i < 50; i++)
		turn(0);
}

static void on_answer(struct loop *l, struct watch *w, unsigned events)
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

static void client_on(struct client *c, int fd)
{
	struct err e;

	if (fd < 0 || loop_watch(&loop, &c->watch, fd, LOOP_READ, &e) < 0) {
		printf("Bail out! no connection\n");
		exit(1);
	}
}

static struct client *client(bool tcp)
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

static void hang_up(struct client *c)
{
	int fd = c->watch.fd;

	loop_forget(&loop, &c->watch);
	if (fd >= 0)
		close(fd);
	free(c->got);
	free(c);
	settle();
}

static void say(struct client *c, const char *text, size_t n)
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

static void ask(struct client *c, const char *text)
{
	say(c, text, strlen(text));
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static bool ends(const struct client *c, const char *tail)
{
	return str_ends((struct str){ c->got, c->n }, str_of(tail));
}

/* Forgets what came, so that the next answer is looked at alone. */
static void clear(struct client *c)
{
	c->n = 0;
	c->got[0] = '\0';
}

/* The handler */

static void on_gone(struct httpd_conn *c, void *user)
{
	if (user == &seen && httpd_user(c) == user)
		seen.gone++;
	if (seen.held == c)
		seen.held = NULL;
	/* The pointer is dead: this must do nothing. */
	httpd_write(c, STR("late"));
	httpd_reply(c, 200, "text/plain", STR_NULL, STR("late"));
}

static void hold(struct httpd_conn *c)
{
	seen.held = c;
	httpd_watch_gone(c, &seen, on_gone);
}

/* Numbers, so that what arrives can be checked. */
static void produce(struct httpd_conn *c)
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

static void on_drain(struct httpd_conn *c, void *user)
{
	(void)user;
	seen.drained++;
	produce(c);
}

static void keep(char *out, size_t size, struct str s)
{
	snprintf(out, size, "%.*s", STR_ARG(s));
}

static void routes(struct httpd_conn *c, struct httpd_req *r)
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

static void on_request(struct httpd_conn *c, struct httpd_req *r)
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
	memset(arena_alloc(r->arena, 5000), 'x', 5000);
	routes(c, r);
}

static bool admit_peer = true;

static bool may(struct httpd *d, uid_t uid, pid_t pid)
{
	return d == &server && uid == getuid() && pid == getpid() &&
	       admit_peer;
}

static void serve(size_t max_conns)
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

static void stop(void)
{
	httpd_release(&server);
	ok(fd_count(FD_CONN) == 0 && fd_count(FD_LISTEN) == 0,
	   "every descriptor is closed");
}

static void test_simple(bool tcp)
{
	const char *how = tcp ? "TCP" : "AF_UNIX";
	struct client *c = client(tcp);

	ask(c, "GET /hello?a=b HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c, "\r\n\r\n/hello"));
	ok(str_starts(str_of(c->got), STR("HTTP/1.1 200 OK\r\n")) &&
	   strstr(c->got, "\r\nContent-Length: 6\r\n") &&
	   strstr(c->got, "\r\nContent-Type: text/plain\r\n") &&
	   strstr(c->got, "\r\nServer: test\r\n") &&
	   strstr(c->got, " GMT\r\n") && strstr(c->got, "\r\nDate: ") &&
	   !strstr(c->got, "\r\nConnection:"), "%s: an answer", how);
	ok(!strcmp(seen.path, "/hello") && !strcmp(seen.query, "a=b") &&
	   !strcmp(seen.host, "a"), "%s: a request", how);
	ok(seen.uid == (tcp ? (uid_t)-1 : getuid()), "%s: its uid", how);
	clear(c);
	ask(c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nabcde");
	until(ends(c, "\r\n\r\nabcde"));
	ok(strstr(c->got, "X-Extra: 1\r\n") && !c->eof,
	   "%s: another on the same connection", how);
	clear(c);
	ask(c, "GET /end HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	until(c->eof);
	ok(ends(c, "/end") && strstr(c->got, "\r\nConnection: close\r\n"),
	   "%s: the last", how);
	ok(fd_count(FD_CONN) == 0, "%s: closed", how);
	hang_up(c);
}

static void test_pipelined(void)
{
	struct client *c = client(false);
	char text[8192] = "", want[32], *at;
	bool order = true;

	for (int i = 0; i < 10; i++)
		sprintf(text + strlen(text), "GET /%d HTTP/1.1\r\n%s\r\n", i,
			HOST);
	ask(c, text);
	until(ends(c, "\r\n\r\n/9"));
	ok(count(c->got, "HTTP/1.1 200 OK") == 10, "10 in one write");
	at = c->got;
	for (int i = 0; i < 10 && at; i++) {
		snprintf(want, sizeof want, "\r\n\r\n/%d", i);
		at = strstr(at, want);
		order = order && at;
	}
	ok(order, "answered in order");
	clear(c);
	text[0] = '\0';
	for (int i = 0; i < 50; i++)
		sprintf(text + strlen(text), "%s /echo HTTP/1.1\r\n%s"
			"Content-Length: 4\r\n\r\n%04d", i % 2 ? "PUT" : "POST",
			HOST, i);
	ask(c, text);
	until(ends(c, "\r\n\r\n0049"));
	ok(count(c->got, "HTTP/1.1 200 OK") == 50,
	   "50, which is more than a turn serves");
	hang_up(c);
}

static void test_crumbs(void)
{
	static const char *const all[] = {
		"POST /echo?x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
		"POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
		"\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: u\r\n\r\n",
	};
	struct client *c = client(false);

	for (size_t i = 0; i < LEN(all); i++) {
		size_t n = strlen(all[i]);

		clear(c);
		for (size_t at = 0; at < n; at++) {
			say(c, all[i] + at, 1);
			settle();
			if (at < n - 1 && c->n)
				break;
		}
		until(c->n);
		ok(ends(c, "\r\n\r\nabc"), "byte by byte, %zu", i);
		clear(c);
		for (size_t cut = 1; cut < n; cut++) {
			say(c, all[i], cut);
			settle();
			say(c, all[i] + cut, n - cut);
			say(c, all[i], n);
			until(count(c->got, "\r\n\r\nabc") == 2);
			clear(c);
		}
		ok(!c->eof, "cut anywhere, with one more behind it, %zu", i);
	}
	ok(seen.body_len == 3, "decoded");
	hang_up(c);
}

static void test_later(void)
{
	struct client *c = client(false);
	int before = seen.requests;

	ask(c, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	until(seen.held);
	ask(c, "GET /second HTTP/1.1\r\n" HOST "\r\n");
	settle();
	ok(seen.requests == before + 1 && !c->n, "the second waits");
	httpd_json(seen.held, 202, STR("{}"));
	until(ends(c, "/second"));
	ok(count(c->got, "HTTP/1.1 202 Accepted") == 1 &&
	   strstr(c->got, "application/json\r\n") && strstr(c->got, "{}HTTP"),
	   "answered later, then the second");
	clear(c);
	ask(c, "GET /later HTTP/1.1\r\n" HOST "\r\n"
	    "GET /third HTTP/1.1\r\n" HOST "\r\n");
	seen.held = NULL;
	until(seen.held);
	settle();
	httpd_json(seen.held, 200, STR("{}"));
	until(ends(c, "/third"));
	ok(true, "one that came along waits as well");
	httpd_json(seen.held, 200, STR("{}"));
	settle();
	ok(count(c->got, "HTTP/1.1") == 2, "a second reply is ignored");
	hang_up(c);
}

static void test_half_closed(bool tcp)
{
	struct client *c = client(tcp);

	ask(c, "GET /one HTTP/1.1\r\n" HOST "\r\n");
	shutdown(c->watch.fd, SHUT_WR);
	until(c->eof);
	ok(ends(c, "/one"), "half closed: answered, then closed, %d", tcp);
	hang_up(c);
	c = client(tcp);
	seen.held = NULL;
	ask(c, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	shutdown(c->watch.fd, SHUT_WR);
	until(seen.held);
	settle();
	ok(seen.held && !c->eof, "half closed: kept while due, %d", tcp);
	if (seen.held)
		httpd_json(seen.held, 200, STR("{\"late\":1}"));
	until(c->eof);
	ok(ends(c, "{\"late\":1}"), "half closed: answered later, %d", tcp);
	hang_up(c);
	c = client(tcp);
	ask(c, "GET /one HTTP/1.1\r\nHo");
	shutdown(c->watch.fd, SHUT_WR);
	until(c->eof);
	ok(!c->n, "half a request: closed, %d", tcp);
	hang_up(c);
}

static void test_gone(void)
{
	struct client *c = client(false);

	seen.gone = 0;
	seen.held = NULL;
	ask(c, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	until(seen.held);
	hang_up(c);
	until(seen.gone);
	settle();
	ok(seen.gone == 1 && !seen.held, "gone while due: told once");
	c = client(false);
	ask(c, "GET /later HTTP/1.1\r\n" HOST "\r\nGET /x HTTP/1.1\r\n");
	until(seen.held);
	settle();
	hang_up(c);
	until(seen.gone == 2);
	ok(true, "the same with input behind it");
	c = client(false);
	ask(c, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	until(seen.held && c->n);
	hang_up(c);
	until(seen.gone == 3);
	settle();
	ok(seen.gone == 3, "gone while streaming: told once");
	c = client(true);
	ask(c, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	until(seen.held && c->n);
	hang_up(c);
	while (seen.held) {     /* the first is answered by a reset */
		httpd_write(seen.held, STR("tick"));
		turn(1);
	}
	settle();
	ok(seen.gone == 4, "gone from a TCP stream: writing finds out");
	c = client(false);
	ask(c, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	until(seen.held);
	httpd_json(seen.held, 200, STR("{}"));
	hang_up(c);
	settle();
	ok(seen.gone == 4, "gone once answered: nobody is told");
	ok(fd_count(FD_CONN) == 0, "and nothing is left open");
}

static void test_head(void)
{
	struct client *c = client(false);

	ask(c, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n"
	    "HEAD /short HTTP/1.1\r\n" HOST "\r\n"
	    "GET /none HTTP/1.1\r\n" HOST "\r\n"
	    "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c, "\r\n\r\n/hello"));
	ok(count(c->got, "/hello") == 1 &&
	   count(c->got, "Content-Length: 6\r\n") == 2,
	   "HEAD: the length, no body");
	ok(!strstr(c->got, "one") && !strstr(c->got, "0\r\n\r\n") &&
	   count(c->got, "HTTP/1.1 ") == 4, "HEAD of a stream: no chunk");
	ok(strstr(c->got, "204 No Content\r\n") && !strstr(c->got, "none") &&
	   count(c->got, "Content-Length") == 2, "204: neither");
	hang_up(c);
}

static void test_continue(void)
{
	struct client *c = client(false);

	ask(c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n"
	    "Expect: 100-continue\r\n\r\n");
	until(ends(c, "\r\n\r\n"));
	ok(!strcmp(c->got, "HTTP/1.1 100 Continue\r\n\r\n"), "100 is sent");
	ask(c, "abc");
	until(ends(c, "\r\n\r\nabc"));
	ok(count(c->got, "HTTP/1.1 100") == 1, "once");
	clear(c);
	ask(c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n"
	    "Expect: 100-continue\r\n\r\nabc");
	until(ends(c, "abc"));
	ok(!strstr(c->got, "HTTP/1.1 100"), "not when the body is there");
	clear(c);
	ask(c, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 70000\r\n"
	    "Expect: 100-continue\r\n\r\n");
	until(c->eof);
	ok(str_starts(str_of(c->got), STR("HTTP/1.1 413 ")),
	   "nor for a body that will not be taken");
	hang_up(c);
}

/* Sends text and padding; what comes back before the end. */
static void refused(const char *name, const char *text, size_t padding,
		    int status)
{
	struct client *c = client(true);
	char want[32], *pad = malloc(padding + 1);
	int before = seen.requests;

	snprintf(want, sizeof want, "HTTP/1.1 %d ", status);
	memset(pad, 'x', padding);
	ask(c, text);
	say(c, pad, padding);
	until(c->eof);
	ok(str_starts(str_of(c->got), str_of(want)) &&
	   strstr(c->got, "\r\nConnection: close\r\n") &&
	   strstr(c->got, "\r\n\r\n{\"error\":\"") && ends(c, "\"}") &&
	   seen.requests == before, "refused: %s, %d", name, status);
	free(pad);
	hang_up(c);
}

static void test_refused(void)
{
	refused("not HTTP", "hello\r\n\r\n", 0, 400);
	refused("no Host", "GET / HTTP/1.1\r\n\r\n", 0, 400);
	refused("two lengths", "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n"
		"Content-Length: 1\r\n\r\n", 0, 400);
	refused("target", "GET x HTTP/1.1\r\n" HOST "\r\n", 0, 400);
	refused("asterisk", "GET * HTTP/1.1\r\n" HOST "\r\n", 0, 400);
	refused("user in the target", "GET http://u@h/ HTTP/1.1\r\n" HOST
		"\r\n", 0, 400);
	refused("CONNECT", "CONNECT a:1 HTTP/1.1\r\n" HOST "\r\n", 0, 400);
	refused("version", "GET / HTTP/2.0\r\n" HOST "\r\n", 0, 505);
	refused("coding", "GET / HTTP/1.1\r\n" HOST
		"Transfer-Encoding: gzip\r\n\r\n", 0, 501);
	refused("expectation", "GET / HTTP/1.1\r\n" HOST "Expect: more\r\n\r\n",
		0, 417);
	refused("long head", "GET / HTTP/1.1\r\n" HOST "X: ", 300000, 431);
	refused("long target", "GET /", 300000, 414);
	refused("long body", "POST / HTTP/1.1\r\n" HOST
		"Content-Length: 300000\r\n\r\n", 300000, 413);
	refused("longest length", "POST / HTTP/1.1\r\n" HOST
		"Content-Length: 9223372036854775807\r\n\r\n", 300000, 413);
	refused("long chunks", "POST / HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\n\r\n7\r\n1234567\r\nfffff\r\n",
		300000, 413);
	refused("bad chunk", "POST / HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\n\r\n1\r\nabc", 0, 400);
	refused("long extension", "POST / HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\n\r\n1;", 1000, 413);
}

static void test_bodies(void)
{
	struct client *c = client(false);
	static char body[HTTPD_BODY_MAX + 1];
	char chunk[64];
	size_t left = HTTPD_BODY_MAX;

	for (size_t i = 0; i < HTTPD_BODY_MAX; i++)
		body[i] = (char)('a' + i % 23);
	ask(c, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 65536\r\n\r\n");
	say(c, body, HTTPD_BODY_MAX);
	until(ends(c, "/x"));
	ok(seen.body_len == HTTPD_BODY_MAX &&
	   !memcmp(seen.body, body, HTTPD_BODY_MAX), "the longest body");
	clear(c);
	seen.body_len = 0;
	ask(c, "POST /y HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	    "\r\n");
	for (size_t n = 1; left; n = n % 97 + 1) {
		size_t k = n < left ? n : left;

		snprintf(chunk, sizeof chunk, "%zx;some=thing\r\n", k);
		ask(c, chunk);
		say(c, body + HTTPD_BODY_MAX - left, k);
		ask(c, "\r\n");
		left -= k;
		if (n == 50)
			turn(0);
	}
	ask(c, "0\r\n\r\n");
	until(ends(c, "/y"));
	ok(seen.body_len == HTTPD_BODY_MAX &&
	   !memcmp(seen.body, body, HTTPD_BODY_MAX), "in many chunks");
	hang_up(c);
}

static void test_targets(void)
{
	static const struct {
		const char *target, *path, *query, *host;
	} all[] = {
		{ "GET http://h:1/p?q", "/p", "q", "h:1" },
		{ "GET http://h", "/", "", "h" },
		{ "GET HTTPS://h?q?r", "/", "q?r", "h" },
		{ "GET //x/../%2e", "//x/../%2e", "", "a" },
		{ "OPTIONS *", "*", "", "a" },
		{ "GET /?", "/", "", "a" },
	};
	struct client *c = client(false);
	char text[256];

	for (size_t i = 0; i < LEN(all); i++) {
		int before = seen.requests;

		snprintf(text, sizeof text, "%s HTTP/1.1\r\n%s\r\n",
			 all[i].target, HOST);
		ask(c, text);
		until(seen.requests > before);
		ok(!strcmp(seen.path, all[i].path) &&
		   !strcmp(seen.query, all[i].query) &&
		   !strcmp(seen.host, all[i].host), "%s", all[i].target);
	}
	hang_up(c);
}

static void test_old_clients(void)
{
	struct client *c = client(false);

	ask(c, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
	    "GET /b HTTP/1.0\r\n\r\n");
	until(c->eof);
	ok(strstr(c->got, "Connection: keep-alive\r\n") && ends(c, "/b"),
	   "1.0: kept when asked");
	hang_up(c);
	c = client(false);
	ask(c, "GET /short HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	until(c->eof);
	ok(ends(c, "\r\n\r\nonetwo") && !strstr(c->got, "chunked") &&
	   strstr(c->got, "Connection: close\r\n"), "1.0: a stream ends it");
	hang_up(c);
}

static void test_streams(void)
{
	struct client *c = client(false);

	ask(c, "GET /short HTTP/1.1\r\n" HOST "\r\n"
	    "GET /after HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c, "/after"));
	ok(strstr(c->got, "Transfer-Encoding: chunked\r\n") &&
	   strstr(c->got, "\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\nHTTP/1.1"),
	   "a short stream, and what comes after it");
	clear(c);
	ask(c, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c, "\r\n\r\n"));
	ok(seen.held && !httpd_full(seen.held), "the head comes at once");
	ok(httpd_write(seen.held, STR("tick")) &&
	   httpd_write(seen.held, STR("")), "there is room");
	until(ends(c, "\r\n\r\n4\r\ntick\r\n"));
	httpd_end(seen.held);
	until(ends(c, "0\r\n\r\n"));
	clear(c);
	ask(c, "GET /kept HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c, "/kept"));
	ok(true, "and the connection is kept");
	hang_up(c);
}

/* Undoes the chunks; false when what came is not what was sent. */
static bool numbers(const struct client *c, size_t total)
{
	char *text = strstr(c->got, "\r\n\r\n"), want[1001];
	struct str in = str_skip((struct str){ c->got, c->n },
				 (size_t)(text + 4 - c->got)), data;
	char *out = malloc(total + 1);
	struct chunked ch;
	size_t n = 0, wrong = 0;
	int k;

	chunked_init(&ch);
	while ((k = chunked_feed(&ch, in, &data)) > 0 && n + data.n <= total) {
		if (data.n)
			memcpy(out + n, data.p, data.n);
		n += data.n;
		in = str_skip(in, (size_t)k);
	}
	wrong = n != total || !chunked_done(&ch) || in.n;
	for (size_t i = 0; i < n / 1000; i++) {
		snprintf(want, sizeof want, "%0999zu\n", i);
		wrong += memcmp(out + i * 1000, want, 1000) != 0;
	}
	free(out);
	return !wrong;
}

static void test_back_pressure(void)
{
	struct client *c = client(false);
	size_t stopped;

	seen.total = 8000000;
	seen.drained = 0;
	loop_mask(&loop, &c->watch, 0);
	ask(c, "GET /produce HTTP/1.1\r\n" HOST "\r\n");
	until(seen.held);
	settle();
	stopped = seen.sent;
	/* Kernel buffers are a few hundred KiB; without a stop it is all. */
	ok(stopped < seen.total / 2 && httpd_full(seen.held),
	   "a reader that stops, stops the writer (at %zu)", stopped);
	settle();
	ok(seen.sent == stopped, "as long as it reads nothing");
	loop_mask(&loop, &c->watch, LOOP_READ);
	until(!seen.held && ends(c, "\r\n0\r\n\r\n"));
	ok(seen.drained > 1 && numbers(c, seen.total),
	   "and gets everything in the end (%d times told to go on)",
	   seen.drained);
	clear(c);
	ask(c, "GET /big HTTP/1.1\r\n" HOST "\r\nGET /x HTTP/1.1\r\n" HOST
	    "\r\n");
	loop_mask(&loop, &c->watch, 0);
	settle();
	ok(strcmp(seen.path, "/big") == 0, "no request is taken meanwhile");
	loop_mask(&loop, &c->watch, LOOP_READ);
	until(ends(c, "\r\n\r\n/x"));
	ok(c->n > 1024 * 1024 && count(c->got, "Content-Length: 1048576") == 1,
	   "a big answer, then the next");
	clear(c);
	ask(c, "GET /huge HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c, "}"));
	ok(str_starts(str_of(c->got), STR("HTTP/1.1 500 ")) &&
	   strstr(c->got, "\"server_error\""), "too big an answer");
	hang_up(c);
}

static void test_peers(void)
{
	struct client *c;

	admit_peer = false;
	c = client(false);
	until(c->eof);
	ok(!c->n, "a peer that may not is closed");
	hang_up(c);
	c = client(true);
	ask(c, "GET /x HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c, "/x"));
	ok(true, "TCP is not asked");
	hang_up(c);
	admit_peer = true;
}

static void test_full_house(void)
{
	struct client *a, *b, *c[12];
	int good = 0;

	serve(2);
	a = client(false);
	b = client(true);
	ask(a, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	ask(b, "GET /b HTTP/1.1\r\n" HOST "\r\n");
	until(a->n && b->n);
	for (size_t i = 0; i < LEN(c); i++) {
		c[i] = client(i % 2);
		ask(c[i], "GET /c HTTP/1.1\r\n" HOST "\r\n");
	}
	for (size_t i = 0; i < LEN(c); i++) {
		until(c[i]->eof);
		good += str_starts(str_of(c[i]->got), STR("HTTP/1.1 503 ")) &&
			strstr(c[i]->got, "{\"error\":\"unavailable\"");
	}
	/* Beyond the slots for saying so they are only closed. */
	ok(good >= 8, "newcomers get 503 (%d)", good);
	ok(strcmp(seen.path, "/c") != 0, "and are not served");
	clear(a);
	ask(a, "GET /again HTTP/1.1\r\n" HOST "\r\n");
	until(ends(a, "/again"));
	ok(true, "nobody else notices");
	for (size_t i = 0; i < LEN(c); i++)
		hang_up(c[i]);
	hang_up(b);
	b = client(true);
	ask(b, "GET /new HTTP/1.1\r\n" HOST "\r\n");
	until(ends(b, "/new"));
	ok(true, "a place that became free is given again");
	hang_up(a);
	hang_up(b);
	stop();
}

static void test_times(void)
{
	struct client *c, *d;

	serve(8);
	server.head_ms = 30;
	c = client(false);
	d = client(true);
	ask(d, "GET / HTTP/1.1\r\n");
	until(c->eof && d->eof);
	ok(!c->n && !d->n, "no request in time: cut");
	hang_up(c);
	hang_up(d);

	server.head_ms = HTTPD_HEAD_MS;
	c = client(false);
	ask(c, "GET /x HTTP/1.1\r\n" HOST "\r\n");
	until(c->n);
	server.idle_ms = 30;
	ask(c, "GET /x HTTP/1.1\r\n" HOST "\r\n");
	until(c->eof);
	ok(count(c->got, "HTTP/1.1 200") == 2, "idle: cut");
	hang_up(c);

	server.idle_ms = HTTPD_IDLE_MS;
	server.head_ms = 30;
	seen.held = NULL;
	c = client(false);
	ask(c, "GET /later HTTP/1.1\r\n" HOST "\r\nGET /part HTTP");
	until(seen.held);
	for (int64_t end = os_now_ms() + 60; os_now_ms() < end;)
		turn((int)(end - os_now_ms()));
	ok(seen.held && !c->eof, "an owner may take its time");
	if (seen.held)
		httpd_json(seen.held, 200, STR("{}"));
	until(c->eof);
	ok(ends(c, "{}"), "half a second request: cut");
	hang_up(c);

	server.head_ms = HTTPD_HEAD_MS;
	server.stall_ms = 30;
	c = client(false);
	seen.gone = 0;
	seen.total = 8000000;
	loop_mask(&loop, &c->watch, 0);
	ask(c, "GET /produce HTTP/1.1\r\n" HOST "\r\n");
	until(seen.gone);
	ok(seen.gone == 1, "takes nothing of its answer: cut, and told");
	hang_up(c);
	stop();
}

static void test_release(void)
{
	struct client *c[5];

	serve(8);
	for (size_t i = 0; i < LEN(c); i++)
		c[i] = client(i % 2);
	ask(c[0], "GET /later HTTP/1.1\r\n" HOST "\r\n");
	until(seen.requests == 1);
	ask(c[1], "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	until(seen.requests == 2);
	ask(c[2], "GET /done HTTP/1.1\r\n" HOST "\r\n");
	until(seen.requests == 3);
	ask(c[3], "GET /part HTTP/1.1\r\n");
	settle();
	httpd_write(seen.held, STR("unsent"));
	httpd_release(&server);
	httpd_release(&server);
	ok(seen.gone == 2, "release: who waits is told, once");
	ok(fd_count(FD_CONN) == 0 && fd_count(FD_LISTEN) == 0,
	   "and all is closed");
	until(c[0]->eof && c[1]->eof && c[2]->eof && c[3]->eof && c[4]->eof);
	for (size_t i = 0; i < LEN(c); i++)
		hang_up(c[i]);
}

static bool freed;
static struct rlimit was;

static void on_relief(struct loop *l, struct timer *t)
{
	(void)l;
	(void)t;
	setrlimit(RLIMIT_NOFILE, &was);
	freed = true;
}

static void test_no_descriptors(void)
{
	struct timer relief = TIMER_INIT(on_relief);
	struct rlimit low;
	struct client *c;
	int fd, turns = 0;

	serve(8);
	c = client(true);
	fd = dup(0);
	close(fd);
	getrlimit(RLIMIT_NOFILE, &was);
	low = was;
	low.rlim_cur = (rlim_t)fd;
	setrlimit(RLIMIT_NOFILE, &low);
	ask(c, "GET /x HTTP/1.1\r\n" HOST "\r\n");
	loop_in(&loop, &relief, 150);
	for (; !freed; turns++)
		turn(-1);
	ok(!c->n && !c->eof, "without descriptors it waits");
	ok(turns < 50, "and does not spin (%d turns)", turns);
	until(ends(c, "/x"));
	ok(true, "then it accepts");
	hang_up(c);
	stop();
}

static void test_churn(void)
{
	struct client *c[40];
	unsigned seed = 1;
	int before;

	serve(64);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < LEN(c); i++) {
			c[i] = client(i % 2);
			ask(c[i], i % 5 ? "GET /x HTTP/1.1\r\n" HOST "\r\nGE"
			    : "GET /later HTTP/1.1\r\n" HOST "\r\n");
			seed = seed * 1103515245 + 12345;
			if (seed >> 16 & 1)
				turn(0);
		}
		settle();
		for (size_t i = 0; i < LEN(c); i++)
			hang_up(c[i]);
	}
	before = seen.requests;
	until(server.serving <= 80);
	c[0] = client(false);
	ask(c[0], "GET /last HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c[0], "/last"));
	ok(seen.requests > before, "800 connections that end anyhow");
	hang_up(c[0]);
	stop();
}

int main(void)
{
	struct err e;

	alarm(120);
	if (!mkdtemp(dir) || (dirfd_ = open(dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    loop_init(&loop, &e) < 0)
		tap_skip_all("no directory or loop");
	serve(16);
	test_simple(false);
	test_simple(true);
	test_pipelined();
	test_crumbs();
	test_later();
	test_half_closed(false);
	test_half_closed(true);
	test_gone();
	test_head();
	test_continue();
	test_refused();
	test_bodies();
	test_targets();
	test_old_clients();
	test_streams();
	test_back_pressure();
	test_peers();
	stop();
	test_full_house();
	test_times();
	test_release();
	test_no_descriptors();
	test_churn();
	loop_release(&loop);
	unlinkat(dirfd_, "s", 0);
	rmdir(dir);
	return tap_done();
}
