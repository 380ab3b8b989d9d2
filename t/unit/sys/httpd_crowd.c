/* SPDX-License-Identifier: MIT */
/* Over TCP: too many of one address, slow ones, vanished ones, and the end of
 * a server that others go on for. */
#include "httpd_peer.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static char outside[INET6_ADDRSTRLEN];  /* an address of this machine */
static uint16_t outside_port;

static void find_outside(void)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_in *a = (struct sockaddr_in *)(void *)i->ifa_addr;

		if (a && a->sin_family == AF_INET &&
		    ntohl(a->sin_addr.s_addr) >> 24 != 127)
			inet_ntop(AF_INET, &a->sin_addr, outside,
				  sizeof outside);
	}
	freeifaddrs(all);
}

static struct client *client_at(const char *addr, uint16_t at)
{
	struct client *c = calloc(1, sizeof *c);
	struct err e;

	c->got = malloc(GOT_MAX);
	c->got[0] = '\0';
	c->watch = (struct watch)WATCH_INIT(on_answer);
	client_on(c, net_connect_tcp(addr, at, &e));
	return c;
}

static struct client *from_outside(const char *path)
{
	struct client *c = client_at(outside, outside_port);

	ask(c, "GET ");
	ask(c, path);
	ask(c, " HTTP/1.1\r\n" HOST "\r\n");
	return c;
}

static bool answered(const struct client *c, const char *status)
{
	return str_starts(str_skip((struct str){ c->got, c->n }, 9),
			  str_of(status));
}

static void test_peers(void)
{
	struct client *c[6], *d;
	struct err e = { 0 };
	size_t held = 0;
	int fd;

	find_outside();
	if (!outside[0]) {
		tap_diag("this machine has no address but loopback");
		return;
	}
	serve(16);
	outside_port = 0;
	fd = net_listen_tcp(outside, &outside_port, &e);
	if (fd < 0 || httpd_listen(&server, fd, &e) < 0) {
		ok(false, "listens on %s: %s", outside, e.msg);
		return;
	}
	server.max_per_peer = 3;
	/* In the middle of a request: none of them is idle. */
	for (size_t i = 0; i < 3; i++) {
		c[i] = client_at(outside, outside_port);
		ask(c[i], "GET /slow");
		until(server.held > held);
		held = server.held;
	}
	c[3] = from_outside("/x");
	until(c[3]->eof);
	ok(answered(c[3], "503") && strstr(c[3]->got, "one peer"),
	   "the fourth of one address is refused");
	hang_up(c[3]);
	d = client(true);
	ask(d, "GET /here HTTP/1.1\r\n" HOST "\r\n");
	until(ends(d, "/here"));
	ok(true, "nobody else is");
	hang_up(c[0]);
	until(server.serving == 3);
	c[0] = from_outside("/y");
	until(ends(c[0], "/y"));
	ok(answered(c[0], "200"), "one leaves: there is room");
	c[3] = from_outside("/z");
	until(ends(c[3], "/z"));
	until(c[0]->eof);
	ok(answered(c[3], "200") && !c[1]->eof && !c[2]->eof && !d->eof,
	   "one that is idle gives way");
	for (size_t i = 0; i < 4; i++)
		hang_up(c[i]);
	/* This machine's own are not counted: a proxy may be among them. */
	for (size_t i = 0; i < LEN(c); i++) {
		c[i] = client(true);
		ask(c[i], "GET /slow");
	}
	until(server.serving == LEN(c) + 1);
	ok(!c[0]->eof && !c[5]->eof, "from loopback any number");
	for (size_t i = 0; i < LEN(c); i++)
		hang_up(c[i]);
	hang_up(d);
	stop();
}

/* The options of what was accepted. */
static bool is_probed(void)
{
	int on = 0, idle = 0, n = 0, fd = 0;
	socklen_t len = sizeof on;

	while (fd < 1000 && (fd_kind_of(fd) != FD_CONN ||
			     getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle,
					&len) < 0))
		fd++;
	getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len);
	getsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n, &len);
	return on && idle == HTTPD_PROBE_S && n == HTTPD_PROBES;
}

/* A socket for both families names an IPv4 peer ::ffff:a.b.c.d. */
static int listen_both(uint16_t *at)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_ANY_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0), off = 0;
	socklen_t n = sizeof a;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0 ||
	    bind(fd, (struct sockaddr *)(void *)&a, n) < 0 ||
	    listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)(void *)&a, &n) < 0) {
		close(fd);
		return -1;
	}
	*at = ntohs(a.sin6_port);
	return fd;
}

static void test_mapped_peers_were_nobody(void)
{
	struct client *c[5];
	struct err e = { 0 };
	int fd = outside[0] ? listen_both(&outside_port) : -1;

	if (fd < 0) {
		tap_diag("this machine has no address, or no IPv6");
		return;
	}
	serve(16);
	server.max_per_peer = 3;
	if (httpd_listen(&server, fd, &e) < 0) {
		ok(false, "listens for both: %s", e.msg);
		return;
	}
	for (size_t i = 0; i < LEN(c); i++) {
		c[i] = client_at("127.0.0.1", outside_port);
		ask(c[i], "GET /slow");
		until(server.serving == i + 1);
		settle();
	}
	ok(!c[0]->eof && !c[4]->eof, "mapped: from loopback any number");
	for (size_t i = 0; i < LEN(c); i++)
		hang_up(c[i]);
	until(!server.serving);
	for (size_t i = 0; i < 3; i++) {
		c[i] = client_at(outside, outside_port);
		ask(c[i], "GET /slow");
		until(server.serving == i + 1);
		settle();
	}
	c[3] = from_outside("/x");
	until(c[3]->n);
	ok(answered(c[3], "503") && strstr(c[3]->got, "one peer"),
	   "the fourth of one address is refused");
	for (size_t i = 0; i < 4; i++)
		hang_up(c[i]);
	stop();
}

static void test_vanished(void)
{
	struct client *c;

	serve(8);
	c = client(true);
	ask(c, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	until(c->n);
	ok(is_probed(), "who is silent is probed");
	ok(!seen.gone, "a stream that says nothing");
	hang_up(c);
	until(seen.gone);
	ok(server.serving == 0, "its client closes: noticed");
	c = client(true);
	ask(c, "GET /stream HTTP/1.1\r\n" HOST "\r\nGET /next HTTP/1.1\r\n");
	until(c->n);
	seen.gone = 0;
	hang_up(c);
	until(seen.gone);
	ok(true, "also when there is more to read");
	c = client(true);
	ask(c, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	until(c->n);
	httpd_write(seen.held, STR("some"));
	until(strstr(c->got, "some"));
	ok(turns_in(30) < 5, "one that stays is no work");
	hang_up(c);
	stop();
}

#define MANY 64

/* Each holds what it can get; the server gives it a bounded part. */
static void test_held(void)
{
	struct client *c[MANY], *d;
	static char body[60000];
	int refused = 0, kept = 0;

	serve(MANY + 8);
	server.max_held = 1024 * 1024;
	memset(body, 'b', sizeof body);
	for (size_t i = 0; i < MANY; i++) {
		c[i] = client(true);
		ask(c[i], "POST /echo HTTP/1.1\r\n" HOST
		    "Content-Length: 65536\r\n\r\n");
		say(c[i], body, sizeof body);
		settle();
		if (server.held > server.max_held)
			break;
	}
	ok(server.held <= server.max_held, "64 slow bodies hold %zu",
	   server.held);
	for (size_t i = 0; i < MANY; i++) {
		refused += answered(c[i], "503");
		kept += !c[i]->n;
	}
	ok(refused > 0 && kept > 0 && refused + kept == MANY,
	   "%d are refused, %d kept", refused, kept);
	d = client(true);
	ask(d, "GET /small HTTP/1.1\r\n" HOST "\r\n");
	until(ends(d, "/small"));
	ok(true, "who needs little is served");
	server.stall_ms = 60000;
	for (size_t i = 0; i < MANY; i++)
		hang_up(c[i]);
	until(server.serving == 1);
	ok(server.held == 0, "all of it is given back");
	/* Answers nobody takes: a megabyte each. */
	for (size_t i = 0; i < 16; i++) {
		c[i] = client(true);
		loop_mask(&loop, &c[i]->watch, 0);
		for (int k = 0; k < 8; k++)
			ask(c[i], "GET /big HTTP/1.1\r\n" HOST "\r\n");
		settle();
	}
	ok(server.held <= server.max_held, "16 slow readers hold %zu",
	   server.held);
	clear(d);
	ask(d, "GET /small HTTP/1.1\r\n" HOST "\r\n");
	until(ends(d, "/small"));
	ok(true, "who takes his answer gets it");
	for (size_t i = 0; i < 16; i++)
		hang_up(c[i]);
	hang_up(d);
	stop();
}

static void test_slow(void)
{
	struct client *c, *d, *f;

	serve(8);
	server.head_ms = 60;
	c = client(true);
	d = client(true);
	f = client(true);
	ask(d, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\n");
	ask(f, "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
	/* Byte by byte, as long as they are let. */
	while (!c->eof || !d->eof || !f->eof) {
		if (!c->eof)
			say(c, "X", 1);
		if (!d->eof && d->watch.fd >= 0)
			turn(1);
		if (!f->eof)
			say(f, "1\r\nx\r\n", 6);
		turn(5);
	}
	ok(!seen.requests, "slow heads and bodies are cut");
	hang_up(c);
	hang_up(d);
	hang_up(f);
	server.head_ms = HTTPD_HEAD_MS;
	server.stall_ms = 30;
	c = client(true);
	seen.total = 32000000;
	loop_mask(&loop, &c->watch, 0);
	ask(c, "GET /produce HTTP/1.1\r\n" HOST "\r\n");
	until(seen.gone);
	ok(server.held == 0, "one that does not read is cut");
	hang_up(c);
	stop();
}

static int ended;

static void on_idle(struct httpd *d)
{
	ended++;
	ok(d == &server && list_empty(&d->busy), "told when the last is gone");
}

static void test_drain(void)
{
	struct client *idle, *fresh, *due, *half, *stream, *late;
	struct httpd_conn *due_conn;
	struct err e;

	serve(8);
	server.on_idle = on_idle;
	ended = 0;
	idle = client(true);
	ask(idle, "GET /x HTTP/1.1\r\n" HOST "\r\n");
	until(idle->n);
	fresh = client(true);
	due = client(true);
	ask(due, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	until(seen.held);
	due_conn = seen.held;
	half = client(true);
	ask(half, "GET /half HTTP/1.1\r\n");
	stream = client(false);
	ask(stream, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
	until(stream->n && seen.held != due_conn);
	late = client(true);
	ask(late, "GET /first HTTP/1.1\r\n" HOST "\r\n");
	until(ends(late, "/first"));
	clear(late);
	ask(late, "GET /second HTTP/1.1\r\n" HOST "\r\n");
	httpd_drain(&server);
	httpd_drain(&server);
	until(idle->eof);
	ok(count(idle->got, "HTTP/1.1") == 1, "idle: closed");
	ok(net_connect_tcp("127.0.0.1", port, &e) < 0 ||
	   fd_count(FD_LISTEN) == 0, "listens no more");
	until(late->eof);
	ok(ends(late, "/second") && strstr(late->got, "Connection: close\r\n"),
	   "a request that had come: answered, then closed");
	ask(fresh, "GET /fresh HTTP/1.1\r\n" HOST "\r\n");
	until(fresh->eof);
	ok(ends(fresh, "/fresh") && strstr(fresh->got, "Connection: close\r\n"),
	   "who had just come: the same");
	ask(half, HOST "\r\n");
	until(half->eof);
	ok(ends(half, "/half"), "half a request: the same");
	httpd_json(due_conn, 200, STR("{}"));
	until(due->eof);
	ok(ends(due, "{}") && strstr(due->got, "Connection: close\r\n"),
	   "one that was due: the same");
	ok(!ended, "a stream goes on");
	httpd_write(seen.held, STR("bye"));
	httpd_end(seen.held);
	until(stream->eof && ended);
	ok(strstr(stream->got, "bye\r\n0\r\n\r\n") && ended == 1,
	   "until its owner ends it");
	hang_up(idle);
	hang_up(fresh);
	hang_up(due);
	hang_up(half);
	hang_up(stream);
	hang_up(late);
	stop();
	serve(8);
	server.on_idle = on_idle;
	httpd_drain(&server);
	ok(ended == 1, "never from within the call");
	until(ended == 2);
	ok(true, "with nobody there: at once");
	stop();
}

int main(void)
{
	start();
	test_peers();
	test_mapped_peers_were_nobody();
	test_vanished();
	test_held();
	test_slow();
	test_drain();
	return finish();
}
