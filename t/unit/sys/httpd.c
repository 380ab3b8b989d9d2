/* SPDX-License-Identifier: MIT */
/* What a connection does: requests, answers, streams, ends. */
#include "httpd_peer.h"

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
	ask(c, "GET /second HTTP/1.1\r\n" HOST "\r\n");
	ok(seen.requests == before + 1 && !c->n && turns_in(20) < 10,
	   "the second waits, and the loop sleeps");
	httpd_json(seen.held, 202, STR("{}"));
	until(count(c->got, "/second") == 2);
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

/* It may also have closed: nothing is done for it for long. */
static void test_left(void)
{
	struct client *c = client(true);

	server.left_ms = 1;
	seen.held = NULL;
	seen.gone = 0;
	ask(c, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	until(seen.held);
	shutdown(c->watch.fd, SHUT_WR);
	until(seen.gone);
	ok(seen.gone == 1, "half closed, and its answer takes long: cut");
	hang_up(c);
	server.left_ms = HTTPD_LEFT_MS;
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

		snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: %s\r\n\r\n",
			 all[i].target, all[i].host);
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

static struct client *ask_stream(bool tcp, const char *request)
{
	struct client *c = client(tcp);

	seen.held = NULL;
	ask(c, request);
	until(seen.held);
	return c;
}

static void test_cut_looked_whole(void)
{
	struct client *c = ask_stream(true,
				      "GET /stream HTTP/1.1\r\n" HOST "\r\n"
				      "GET /after HTTP/1.1\r\n" HOST "\r\n");
	char piece[1001];

	httpd_write(seen.held, STR("tick"));
	seen.gone = 0;
	httpd_cut_stream(seen.held);
	until(c->eof);
	ok(ends(c, "\r\n\r\n4\r\ntick\r\n") && !strstr(c->got, "/after"),
	   "a stream is cut after what was written");
	ok(!seen.gone, "by its owner: nobody is told");
	hang_up(c);
	c = ask_stream(false, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	loop_mask(&loop, &c->watch, 0);
	for (int i = 0; i < 4000; i++) {
		snprintf(piece, sizeof piece, "%0999d\n", i);
		httpd_write(seen.held, (struct str){ piece, 1000 });
	}
	httpd_cut_stream(seen.held);
	settle();
	ok(fd_count(FD_CONN) == 1, "its reader is slow");
	loop_mask(&loop, &c->watch, LOOP_READ);
	until(c->eof);
	ok(count(c->got, "\r\n3e8\r\n") == 4000 && ends(c, "003999\n\r\n"),
	   "he gets all that was written");
	hang_up(c);
	c = ask_stream(false, "GET /stream HTTP/1.0\r\n\r\n");
	httpd_write(seen.held, STR("tick"));
	httpd_cut_stream(seen.held);
	until(c->eof);
	ok(ends(c, "\r\n\r\ntick"), "for 1.0 it ends as every stream");
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

int main(void)
{
	start();
	serve(16);
	test_simple(false);
	test_simple(true);
	test_pipelined();
	test_crumbs();
	test_later();
	test_half_closed(false);
	test_half_closed(true);
	test_left();
	test_gone();
	test_head();
	test_continue();
	test_targets();
	test_old_clients();
	test_streams();
	test_cut_looked_whole();
	test_peers();
	stop();
	test_release();
	return finish();
}
