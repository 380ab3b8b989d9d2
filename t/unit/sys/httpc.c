/* SPDX-License-Identifier: MIT */
/*
 * The client against a scripted peer (the other end of a socket pair), and
 * against our own server over TCP.
 */
#include "sys/httpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fd.h"
#include "sys/httpd.h"
#include "sys/net.h"
#include "sys/os.h"
#include "tap.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static struct loop loop;

enum when { NEVER, AT_HEAD, AT_BODY };

/* What a request has told. */
static struct {
	int heads, dones, status, pieces;
	enum err_code code;
	char why[240];
	char body[65536];
	size_t n;
	enum when cancel;
	bool again, stream;
} got;

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

static void settle(void)
{
	for (int i = 0; i < 20; i++)
		turn(0);
}

static void on_head(struct httpc *, const struct http_head *);
static void on_body(struct httpc *, struct str);
static void on_done(struct httpc *, const struct err *);

static const struct httpc_ops ops = {
	.on_head = on_head, .on_body = on_body, .on_done = on_done,
};

/* As who frees the struct at once: nothing may look at it afterwards. */
static void cancel(struct httpc *h)
{
	httpc_cancel(h);
	httpc_cancel(h);
	memset(h, 0xee, sizeof *h);
	free(h);
	got.dones += 100;
}

static void on_head(struct httpc *h, const struct http_head *head)
{
	got.heads++;
	got.status = head->status;
	h->stream = got.stream;
	if (got.cancel == AT_HEAD)
		cancel(h);
}

static void on_body(struct httpc *h, struct str data)
{
	got.pieces++;
	memcpy(got.body + got.n, data.p, data.n);
	got.n += data.n;
	if (got.cancel == AT_BODY)
		cancel(h);
}

static void on_done(struct httpc *h, const struct err *e)
{
	got.dones++;
	got.code = e ? e->code : ERR_NONE;
	if (e)
		memcpy(got.why, e->msg, sizeof got.why);
	memset(h, 0xee, sizeof *h);
	free(h);
}

static const struct httpc_req get = {
	.method = "GET", .target = "/x", .host = "h",
};

/* Begins a request; returns the peer's end. */
static int begin(const struct httpc_req *r, struct httpc **out)
{
	struct httpc *h = malloc(sizeof *h);
	struct err e;
	int p[2];

	memset(&got, 0, sizeof got);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0 ||
	    os_set_nonblock(p[0]) < 0 ||
	    httpc_start(h, &loop, p[0], r, &ops, &got, &e) < 0) {
		printf("Bail out! no request\n");
		exit(1);
	}
	if (out)
		*out = h;
	return p[1];
}

/* The client may have had enough, and closed. */
static void say(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0)
			return;
		s = str_skip(s, (size_t)n);
	}
}

/* What the client has sent so far. */
static const char *heard(int fd)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static const struct {
	const char *name, *in, *method;
	bool close;             /* the peer closes after it */
	enum err_code code;
	int status;
	const char *body;
} cases[] = {
	{ "length", OK_HEAD "Content-Length: 5\r\n\r\nhello", "GET",
	  false, ERR_NONE, 200, "hello" },
	{ "length 0", OK_HEAD "Content-Length: 0\r\n\r\n", "GET",
	  false, ERR_NONE, 200, "" },
	{ "length, and more", OK_HEAD "Content-Length: 2\r\n\r\nhello", "GET",
	  false, ERR_NONE, 200, "he" },
	{ "chunked", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
	  "2\r\nhe\r\n3;x\r\nllo\r\n0\r\nT: u\r\n\r\n", "GET",
	  false, ERR_NONE, 200, "hello" },
	{ "until close", OK_HEAD "\r\nhello", "GET",
	  true, ERR_NONE, 200, "hello" },
	{ "until close, empty", OK_HEAD "\r\n", "GET",
	  true, ERR_NONE, 200, "" },
	{ "HEAD", OK_HEAD "Content-Length: 5\r\n\r\n", "HEAD",
	  false, ERR_NONE, 200, "" },
	{ "204", "HTTP/1.1 204 No Content\r\n\r\n", "POST",
	  false, ERR_NONE, 204, "" },
	{ "interim answers", "HTTP/1.1 100 Continue\r\n\r\n"
	  "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_HEAD
	  "Content-Length: 2\r\n\r\nhi", "GET", false, ERR_NONE, 200, "hi" },
	{ "an error status is an answer", "HTTP/1.1 503 No\r\n"
	  "Content-Length: 2\r\n\r\nno", "GET", false, ERR_NONE, 503, "no" },
	{ "nothing", "", "GET", true, ERR_UNREACHABLE, 0, "" },
	{ "half a head", OK_HEAD "Conte", "GET", true, ERR_UNREACHABLE, 0, "" },
	{ "only an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", "GET",
	  true, ERR_UNREACHABLE, 0, "" },
	{ "half a body", OK_HEAD "Content-Length: 5\r\n\r\nhel", "GET",
	  true, ERR_UNREACHABLE, 200, "hel" },
	{ "half a chunk", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
	  "5\r\nhel", "GET", true, ERR_UNREACHABLE, 200, "hel" },
	{ "no last chunk", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
	  "3\r\nhel\r\n", "GET", true, ERR_UNREACHABLE, 200, "hel" },
	{ "not HTTP", "SSH-2.0-x\r\n", "GET", false, ERR_INVALID, 0, "" },
	{ "bad chunk", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
	  "2\r\nhello", "GET", false, ERR_INVALID, 200, "he" },
	{ "two lengths", OK_HEAD "Content-Length: 1\r\n"
	  "Content-Length: 1\r\n\r\nx", "GET", false, ERR_INVALID, 0, "" },
	{ "switching unasked", "HTTP/1.1 101 S\r\n\r\n", "GET",
	  false, ERR_INVALID, 0, "" },
};

static bool as_wanted(size_t i)
{
	return got.dones == 1 && got.code == cases[i].code &&
	       got.heads == (cases[i].status != 0) &&
	       got.status == cases[i].status &&
	       str_is((struct str){ got.body, got.n }, cases[i].body);
}

static void test_answers(void)
{
	struct httpc_req r = get;

	for (size_t i = 0; i < LEN(cases); i++) {
		struct str in = str_of(cases[i].in);
		size_t wrong = 0;
		int fd;

		r.method = cases[i].method;
		fd = begin(&r, NULL);
		heard(fd);      /* unread, it would become a reset */
		say(fd, in);
		if (cases[i].close)
			close(fd);
		until(got.dones);
		settle();
		ok(as_wanted(i), "%s (%d %s)", cases[i].name, got.code,
		   got.why);
		if (!cases[i].close)
			close(fd);
		for (size_t cut = 0; cut <= in.n; cut++) {
			fd = begin(&r, NULL);
			say(fd, str_take(in, cut));
			turn(0);
			turn(0);
			say(fd, str_skip(in, cut));
			shutdown(fd, SHUT_WR);
			until(got.dones);
			wrong += !as_wanted(i);
			close(fd);
		}
		ok(!wrong, "cut anywhere: %s", cases[i].name);
	}
	ok(fd_count(FD_CONN) == 0, "every descriptor is closed");
}

static void test_crumbs(void)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD
		"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n"
		"0\r\n\r\n";
	int fd = begin(&get, NULL);

	for (size_t i = 0; i < sizeof text - 1; i++) {
		say(fd, (struct str){ text + i, 1 });
		turn(0);
	}
	until(got.dones);
	ok(got.code == ERR_NONE && got.heads == 1 && got.n == 5 &&
	   !memcmp(got.body, "hello", 5), "byte by byte");
	close(fd);
}

static void test_request(void)
{
	struct httpc_req r = {
		.method = "POST", .target = "/a?b", .host = "h:1",
		.type = "application/json", .body = STR("{}"),
	};
	struct httpc *h;
	int fd = begin(&r, &h);

	ok(!strcmp(heard(fd), "POST /a?b HTTP/1.1\r\nHost: h:1\r\n"
		   "Content-Type: application/json\r\nContent-Length: 2\r\n"
		   "Connection: close\r\n\r\n{}"), "a request with a body");
	httpc_cancel(h);
	settle();
	ok(!got.dones && fd_count(FD_CONN) == 0 && !heard(fd)[0],
	   "cancelled: closed, and no call");
	free(h);
	close(fd);
	fd = begin(&get, &h);
	ok(!strcmp(heard(fd), "GET /x HTTP/1.1\r\nHost: h\r\n"
		   "Connection: close\r\n\r\n"), "one without");
	httpc_cancel(h);
	free(h);
	close(fd);
	r = get;
	r.authorization = "Bearer x.y.z";
	fd = begin(&r, &h);
	ok(!strcmp(heard(fd), "GET /x HTTP/1.1\r\nHost: h\r\n"
		   "Authorization: Bearer x.y.z\r\n"
		   "Connection: close\r\n\r\n"), "one with a token");
	httpc_cancel(h);
	free(h);
	close(fd);
}

static void refuse(const char *name, const struct httpc_req *r)
{
	struct httpc h;
	struct err e = { 0 };
	int p[2];
	char c;

	memset(&got, 0, sizeof got);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0)
		return;
	ok(httpc_start(&h, &loop, p[0], r, &ops, NULL, &e) == -1 &&
	   e.code == ERR_INVALID && !got.dones &&
	   recv(p[1], &c, 1, 0) == 0, "%s: refused, closed, nothing sent",
	   name);
	close(p[1]);
}

static void test_injection(void)
{
	struct httpc_req r = get;

	r.method = "GET / HTTP/1.1\r\nX:";
	refuse("a method that is none", &r);
	r = get;
	r.target = "/ HTTP/1.1\r\nX: y";
	refuse("a target with a space", &r);
	r.target = "";
	refuse("no target", &r);
	r = get;
	r.host = "a\r\nX: y";
	refuse("a host of two lines", &r);
	r = get;
	r.type = "a\nX: y";
	refuse("a type of two lines", &r);
	r = get;
	r.authorization = "a\r\nX: y";
	refuse("a token of two lines", &r);
}

static void test_deadline(void)
{
	struct httpc_req r = get;
	int fd;

	r.deadline_ms = 20;
	fd = begin(&r, NULL);
	until(got.dones);
	ok(got.code == ERR_TIMEOUT && !got.heads, "no head in time");
	close(fd);
	fd = begin(&r, NULL);
	say(fd, STR(OK_HEAD "Content-Length: 5\r\n\r\nhel"));
	until(got.dones);
	ok(got.code == ERR_TIMEOUT && got.heads == 1 && got.n == 3,
	   "no whole body in time");
	close(fd);
	fd = begin(&r, NULL);
	got.stream = true;
	say(fd, STR(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"));
	for (int64_t end = os_now_ms() + 50; os_now_ms() < end;)
		turn((int)(end - os_now_ms()));
	ok(!got.dones && got.n == 1, "a stream may take longer");
	say(fd, STR("1\r\nb\r\n0\r\n\r\n"));
	until(got.dones);
	ok(got.code == ERR_NONE && got.n == 2, "and ends when it ends");
	close(fd);
}

static void test_cancel(void)
{
	static const char *const answers[] = {
		OK_HEAD "Content-Length: 5\r\n\r\nhello",
		OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
			"1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
		OK_HEAD "\r\nuntil close",
	};

	for (size_t i = 0; i < 2 * LEN(answers); i++) {
		struct str in = str_of(answers[i / 2]);
		/* Split once, so that its own buffer is in use as well. */
		for (size_t cut = 0; cut < 20; cut += 10) {
			int fd = begin(&get, NULL);

			got.cancel = i % 2 ? AT_BODY : AT_HEAD;
			say(fd, str_take(in, cut));
			turn(0);
			say(fd, str_skip(in, cut));
			close(fd);
			until(got.dones);
			settle();
			ok(got.dones == 100 && got.heads == 1 &&
			   got.pieces == (int)(i % 2) &&
			   fd_count(FD_CONN) == 0,
			   "cancelled within on_%s, %zu, %zu",
			   i % 2 ? "body" : "head", i / 2, cut);
		}
	}
}

/* A big request to a peer that answers early and reads nothing. */
static void test_early_answer(void)
{
	static char big[4 * 1024 * 1024];
	struct httpc_req r = {
		.method = "POST", .target = "/", .host = "h",
		.body = { big, sizeof big },
	};
	int fd = begin(&r, NULL);

	settle();
	say(fd, STR("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno"));
	close(fd);
	until(got.dones);
	ok(got.code == ERR_NONE && got.status == 413 && got.n == 2,
	   "an early answer is heard (%d %s)", got.code, got.why);
}

static void on_request(struct httpd_conn *c, struct httpd_req *r)
{
	httpd_reply(c, 200, "text/plain", STR_NULL, r->body);
}

static void test_with_server(void)
{
	static char big[50000];
	struct httpc_req r = {
		.method = "PUT", .target = "/", .host = "h",
		.body = { big, sizeof big }, .deadline_ms = 60000,
	};
	struct httpc *h = malloc(sizeof *h);
	struct httpd d;
	struct err e = { 0 };
	uint16_t port = 0;
	int fd = net_listen_tcp("127.0.0.1", &port, &e);

	memset(big, 'q', sizeof big);
	memset(&got, 0, sizeof got);
	if (httpd_init(&d, &loop, 4, &e) < 0 || httpd_listen(&d, fd, &e) < 0)
		tap_diag("%s", e.msg);
	d.on_request = on_request;
	fd = net_connect_tcp("127.0.0.1", port, &e);
	ok(httpc_start(h, &loop, fd, &r, &ops, NULL, &e) == 0, "over TCP");
	until(got.dones);
	ok(got.code == ERR_NONE && got.n == sizeof big &&
	   !memcmp(got.body, big, sizeof big), "there and back (%s)", got.why);
	httpd_release(&d);
	memset(&got, 0, sizeof got);
	h = malloc(sizeof *h);
	fd = net_connect_tcp("127.0.0.1", port, &e);
	if (fd < 0) {
		ok(e.code == ERR_UNREACHABLE, "nobody there, said at once");
		free(h);
		return;
	}
	if (!httpc_start(h, &loop, fd, &r, &ops, NULL, &e))
		until(got.dones);
	ok(got.dones == 1 && got.code == ERR_UNREACHABLE &&
	   str_starts(str_of(got.why), STR("send the request: ")),
	   "nobody there: %s", got.why);
}

int main(void)
{
	struct err e;

	alarm(120);
	if (loop_init(&loop, &e) < 0)
		tap_skip_all("no loop");
	test_answers();
	test_crumbs();
	test_request();
	test_injection();
	test_deadline();
	test_cancel();
	test_early_answer();
	test_with_server();
	ok(fd_count(FD_CONN) == 0, "nothing is left open");
	loop_release(&loop);
	return tap_done();
}
