/* SPDX-License-Identifier: MIT */
/* What the server does not put up with: bad input, slow peers, too many. */
#include "httpd_peer.h"

#include <sys/resource.h>

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
	ok(fd_count(FD_CONN) == 1, "and read on for a moment");
	free(pad);
	hang_up(c);
}

static void test_refused(void)
{
	server.linger_ms = 60000;
	refused("not HTTP", "hello\r\n\r\n", 0, 400);
	refused("no Host", "GET / HTTP/1.1\r\n\r\n", 0, 400);
	refused("two lengths", "GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n"
		"Content-Length: 1\r\n\r\n", 0, 400);
	refused("target", "GET x HTTP/1.1\r\n" HOST "\r\n", 0, 400);
	refused("asterisk", "GET * HTTP/1.1\r\n" HOST "\r\n", 0, 400);
	refused("another host in the target", "GET http://b/ HTTP/1.1\r\n"
		HOST "\r\n", 0, 400);
	refused("user in the target", "GET http://u@h/ HTTP/1.1\r\n" HOST
		"\r\n", 0, 400);
	refused("no host in an old target", "GET http://a\"b/ HTTP/1.0\r\n"
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
	server.linger_ms = HTTPD_LINGER_MS;
}

static void test_bodies(void)
{
	struct client *c = client(false), *d;
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
	clear(c);
	d = client(true);
	ask(c, "PUT /mine?1 HTTP/1.1\r\nHost: c\r\nContent-Length: 2\r\n\r\na");
	settle();
	ask(d, "GET /other HTTP/1.1\r\nHost: d\r\n\r\n");
	until(ends(d, "/other"));
	ask(c, "b");
	until(ends(c, "/mine"));
	ok(!strcmp(seen.query, "1") && !strcmp(seen.host, "c") &&
	   seen.body_len == 2 && !memcmp(seen.body, "ab", 2),
	   "another's request between the parts of one");
	hang_up(d);
	hang_up(c);
}

/* One that goes out with its head, and one that is sent by itself. */
static void test_short(void)
{
	static const size_t sizes[] = { 0, 1, 32767, 32768, 32769, 65536 };
	static char body[HTTPD_BODY_MAX + 1];
	struct client *c = client(true);
	char text[128], *got;

	for (size_t i = 0; i < HTTPD_BODY_MAX; i++)
		body[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < LEN(sizes); i++) {
		snprintf(text, sizeof text, "POST /echo HTTP/1.1\r\n" HOST
			 "Content-Length: %zu\r\n\r\n", sizes[i]);
		clear(c);
		ask(c, text);
		say(c, body, sizes[i]);
		until((got = strstr(c->got, "\r\n\r\n")) &&
		      strlen(got + 4) >= sizes[i]);
		ok(strlen(got + 4) == sizes[i] &&
		   !memcmp(got + 4, body, sizes[i]),
		   "an answer of %zu bytes", sizes[i]);
	}
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
	/* In the middle of their next request: who is idle gives way. */
	clear(a);
	clear(b);
	ask(a, "GET /again HTT");
	ask(b, "GET /again HTT");
	for (int i = 0; i < 5; i++)
		loop_turn(&loop, 0, NULL);
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
	ask(a, "P/1.1\r\n" HOST "\r\n");
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

/* 64 that are silent must not keep out the one who wants something. */
static void test_idle_give_way(void)
{
	struct client *a, *b, *c;

	serve(2);
	a = client(false);
	b = client(true);
	ask(a, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	ask(b, "GET /b HTTP/1.1\r\n" HOST "\r\n");
	until(ends(a, "/a") && ends(b, "/b"));
	c = client(false);
	ask(c, "GET /c HTTP/1.1\r\n" HOST "\r\n");
	until(ends(c, "/c"));
	until(a->eof || b->eof);
	ok(!(a->eof && b->eof), "one idle connection gives way, one only");
	hang_up(a);
	hang_up(b);
	hang_up(c);
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
	server.linger_ms = 30;
	c = client(false);
	ask(c, "nonsense\r\n\r\n");
	until(c->eof);
	until(fd_count(FD_CONN) == 0);
	ok(c->n, "refused, and the peer stays: cut");
	hang_up(c);

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
	start();
	serve(16);
	test_refused();
	test_bodies();
	test_short();
	test_back_pressure();
	stop();
	test_full_house();
	test_idle_give_way();
	test_times();
	test_no_descriptors();
	test_churn();
	return finish();
}
