/* SPDX-License-Identifier: MIT */
#include "sys/ports.h"

#include "sys/net.h"
#include "sys/os.h"
#include "sys/ports_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void ports_init(struct ports *t)
{
	*t = (struct ports){ .n = 0 };
}

void ports_release(struct ports *t)
{
	os_unmap(t->all, t->size * sizeof *t->all);
	ports_init(t);
}

int ports_add(struct ports *t, const struct port_holder *h, struct err *e)
{
	size_t size = t->size ? t->size * 2 : 256;
	struct port_holder *all;

	if (!h->inode)          /* nobody's: it is about to be closed */
		return 0;
	if (t->n == t->size) {
		if (size > PORTS_MAX)
			return err_set(e, ERR_FULL, "more than %d listening "
				       "sockets", PORTS_MAX);
		all = os_map(size * sizeof *all);
		if (!all)
			return err_set(e, ERR_NO_MEMORY, "listening sockets: "
				       "no memory");
		if (t->n)
			memcpy(all, t->all, t->n * sizeof *all);
		os_unmap(t->all, t->size * sizeof *all);
		t->all = all;
		t->size = size;
	}
	t->all[t->n++] = *h;
	return 0;
}

/*
 * Which of several gets a connection to 127.0.0.1: the kernel prefers the
 * closer address, then IPv4.
 */
enum rank { LOCAL, MAPPED, ANY, ANY6, ELSEWHERE };

static enum rank rank_of(const struct port_holder *h)
{
	static const uint8_t local[4] = { 127, 0, 0, 1 };
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t any[16];

	if (!h->ipv6) {
		if (!memcmp(h->addr, local, 4))
			return LOCAL;
		return memcmp(h->addr, any, 4) ? ELSEWHERE : ANY;
	}
	if (!memcmp(h->addr, any, 16))
		return ANY6;
	if (memcmp(h->addr, mapped, 12))
		return ELSEWHERE;
	if (!memcmp(h->addr + 12, local, 4))
		return MAPPED;
	return memcmp(h->addr + 12, any, 4) ? ELSEWHERE : ANY;
}

static int by_port(const void *a, const void *b)
{
	const struct port_holder *x = a, *y = b;
	int d = (x->port > y->port) - (x->port < y->port);

	if (!d)
		d = (int)rank_of(x) - (int)rank_of(y);
	if (!d)
		d = (x->inode > y->inode) - (x->inode < y->inode);
	return d;
}

void ports_sort(struct ports *t)
{
	if (t->n)
		qsort(t->all, t->n, sizeof *t->all, by_port);
}

int ports_read(struct ports *t, struct err *e)
{
	t->n = 0;
	if (ports_read_diag(t, e) < 0) {
		t->n = 0;
		if (ports_read_proc(t, e) < 0) {
			t->n = 0;
			return -1;
		}
	}
	ports_sort(t);
	return 0;
}

/* By rank, those of no use to us come last within their port. */
static const struct port_holder *useful(const struct ports *t, size_t i,
					uint16_t port)
{
	if (i >= t->n || t->all[i].port != port ||
	    rank_of(&t->all[i]) == ELSEWHERE)
		return NULL;
	return &t->all[i];
}

const struct port_holder *ports_first(const struct ports *t, uint16_t port)
{
	size_t from = 0, to = t->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (t->all[mid].port < port)
			from = mid + 1;
		else
			to = mid;
	}
	return useful(t, from, port);
}

const struct port_holder *ports_next(const struct ports *t,
				     const struct port_holder *h)
{
	return useful(t, (size_t)(h - t->all) + 1, h->port);
}

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

int ports_answers(uint16_t port)
{
	struct err e = { 0 };
	int fd = net_connect_tcp("127.0.0.1", port, &e), sys;
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (fd < 0)
		return e.sys == ECONNREFUSED ? 0 : -1;
	sys = poll(&p, 1, 0) > 0 ? net_error(fd) : 0;
	close(fd);
	return sys == ECONNREFUSED ? 0 : 1;
}

bool ports_is_free(uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	bool is_free;

	if (fd < 0)
		return false;
	/* What only waits out an old connection is not in the way. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	is_free = bind(fd, (const struct sockaddr *)&a, sizeof a) == 0;
	close(fd);
	return is_free;
}
