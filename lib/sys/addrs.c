/* SPDX-License-Identifier: MIT */
#include "sys/addrs.h"

#include "base/str.h"
#include "sys/net.h"
#include "sys/os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define EACH_MS 2000    /* while there are others to try */

static void add(struct addrs *a, const char *text)
{
	if (a->n < ADDRS_MAX && strlen(text) < sizeof a->text[0])
		memcpy(a->text[a->n++], text, strlen(text) + 1);
}

static bool is_numeric(const char *host)
{
	unsigned char ip[16];

	return inet_pton(AF_INET, host, ip) == 1 ||
	       inet_pton(AF_INET6, host, ip) == 1;
}

static int look_up(struct addrs *a, const char *host, struct err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all;
	char text[sizeof a->text[0]];
	int rc = getaddrinfo(host, NULL, &hints, &all);

	if (rc)
		return err_set(e, ERR_UNREACHABLE, "look up %.100s: %s", host,
			       rc == EAI_SYSTEM ? strerror(errno) :
			       gai_strerror(rc));
	for (const struct addrinfo *i = all; i; i = i->ai_next)
		if (!getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof text,
				 NULL, 0, NI_NUMERICHOST))
			add(a, text);
	freeaddrinfo(all);
	return a->n ? 0 : err_set(e, ERR_UNREACHABLE, "look up %.100s: it has "
				  "no address", host);
}

int addrs_find(struct addrs *a, const char *host, struct err *e)
{
	a->n = 0;
	if (is_numeric(host)) {
		add(a, host);
		return 0;
	}
	if (str_eq_nocase(str_of(host), STR("localhost"))) {
		add(a, "127.0.0.1");
		add(a, "::1");
		return 0;
	}
	return look_up(a, host, e);
}

/* Waits until the connection is there, or is not. */
static int settle(int fd, const char *addr, unsigned port, int64_t until,
		  struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int64_t left;
	int n;

	do {
		left = until - os_now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	errno = n < 0 ? errno : n ? net_error(fd) : ETIMEDOUT;
	return errno ? err_sys(e, "connect to %s port %u", addr, port) : 0;
}

static int try_one(const char *addr, uint16_t port, int64_t until,
		   struct err *e)
{
	int fd = net_connect_tcp(addr, port, e);

	if (fd >= 0 && settle(fd, addr, port, until, e) < 0) {
		close(fd);
		fd = -1;
	}
	/* Whatever the reason is: it is not reached. */
	if (fd < 0 && e && e->code != ERR_NO_MEMORY)
		e->code = ERR_UNREACHABLE;
	return fd;
}

static void put_first(struct addrs *a, size_t i)
{
	char text[sizeof a->text[0]];

	memcpy(text, a->text[i], sizeof text);
	memmove(a->text[1], a->text[0], i * sizeof text);
	memcpy(a->text[0], text, sizeof text);
}

int addrs_connect(struct addrs *a, uint16_t port, int timeout_ms,
		  struct err *e)
{
	int64_t end = os_now_ms() + timeout_ms, until;
	int fd = -1;

	for (size_t i = 0; i < a->n && fd < 0; i++) {
		until = os_now_ms() + EACH_MS;
		if (i + 1 == a->n || until > end)
			until = end;
		fd = try_one(a->text[i], port, until, e);
		if (fd >= 0)
			put_first(a, i);
	}
	return fd;
}
