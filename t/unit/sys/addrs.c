/* SPDX-License-Identifier: MIT */
#include "sys/addrs.h"

#include "sys/net.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is(const struct addrs *a, size_t i, const char *text)
{
	return i < a->n && !strcmp(a->text[i], text);
}

static void test_find(void)
{
	struct addrs a;
	struct err e = { 0 };

	ok(!addrs_find(&a, "192.0.2.7", &e) && a.n == 1 &&
	   is(&a, 0, "192.0.2.7"), "an address is itself");
	ok(!addrs_find(&a, "2001:db8::1", &e) && a.n == 1 &&
	   is(&a, 0, "2001:db8::1"), "of either kind");
	ok(!addrs_find(&a, "LOCALHOST", &e) && a.n == 2 &&
	   is(&a, 0, "127.0.0.1") && is(&a, 1, "::1"),
	   "localhost is no name to look up");
	ok(addrs_find(&a, "no.such.invalid", &e) < 0 && !a.n &&
	   e.code == ERR_UNREACHABLE && strstr(e.msg, "no.such.invalid"),
	   "a name that leads nowhere: %s", e.msg);
}

static void test_connect(void)
{
	struct addrs a = { .text = { "127.0.0.2", "127.0.0.1" }, .n = 2 };
	struct err e = { 0 };
	uint16_t port = 0;
	int l = net_listen_tcp("127.0.0.1", &port, &e), fd;

	fd = addrs_connect(&a, port, 10000, &e);
	ok(l >= 0 && fd >= 0, "the second answers: %s", e.msg);
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) &&
	   (fcntl(fd, F_GETFD) & FD_CLOEXEC), "as every socket is");
	ok(is(&a, 0, "127.0.0.1") && is(&a, 1, "127.0.0.2") && a.n == 2,
	   "and is the first from then on");
	close(fd);
	close(l);
	ok(addrs_connect(&a, port, 10000, &e) < 0 &&
	   e.code == ERR_UNREACHABLE && e.sys == ECONNREFUSED &&
	   strstr(e.msg, "127.0.0.2"), "nobody there: %s", e.msg);
}

/* A listener whose queue is full answers nobody. */
static void test_patience(void)
{
	struct addrs a = { .text = { "127.0.0.1" }, .n = 1 };
	int held[64], n = 0, fd = 0;
	struct err e = { 0 };
	uint16_t port = 0;
	int l = net_listen_tcp("127.0.0.1", &port, &e);

	listen(l, 0);
	while (n < (int)LEN(held) && fd >= 0) {
		fd = addrs_connect(&a, port, 50, &e);
		if (fd >= 0)
			held[n++] = fd;
	}
	if (fd >= 0)
		tap_diag("%d connections, and the queue is not full", n);
	ok(fd >= 0 || e.code == ERR_UNREACHABLE,
	   "who does not answer is not waited for: %s", e.msg);
	while (n)
		close(held[--n]);
	close(l);
}

int main(void)
{
	test_find();
	test_connect();
	test_patience();
	return tap_done();
}
