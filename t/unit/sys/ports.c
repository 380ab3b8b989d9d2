/* SPDX-License-Identifier: MIT */
#include "sys/ports.h"

#include "sys/net.h"
#include "sys/ports_impl.h"
#include "sys/ptab.h"
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CROWD 400       /* more than one message of the kernel holds */

struct way {
	const char *name;
	int (*read)(struct ports *, struct err *);
};

static const struct way ways[] = {
	{ "sock_diag", ports_read_diag },
	{ "proc", ports_read_proc },
};

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

static const struct port_holder *by_inode(const struct ports *t, uint64_t ino)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->all[i].inode == ino)
			return &t->all[i];
	return NULL;
}

/* Whether the table has this listener, under its address, once. */
static bool has(const struct ports *t, int fd, const char *addr,
		uint16_t port)
{
	const struct port_holder *h = by_inode(t, inode_of(fd));
	uint8_t want[16] = { 0 };
	bool six = strchr(addr, ':') != NULL;

	inet_pton(six ? AF_INET6 : AF_INET, addr, want);
	return h && h->port == port && h->ipv6 == six &&
	       !memcmp(h->addr, want, six ? 16 : 4) && h->uid == geteuid() &&
	       !by_inode(&(struct ports){ .all = t->all + (h - t->all) + 1,
					  .n = t->n - (size_t)(h - t->all) -
					       1 }, h->inode);
}

static int listen_dual(const char *addr, uint16_t *port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET6, SOCK_STREAM, 0), off = 0;

	inet_pton(AF_INET6, addr, &a.sin6_addr);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) ||
	    listen(fd, 1) || getsockname(fd, (struct sockaddr *)&a, &len))
		return -1;
	*port = ntohs(a.sin6_port);
	return fd;
}

/* One listener, found by a way, before and after. */
static void finds(const struct way *w, const char *addr, bool dual,
		  bool reached)
{
	struct err e = { 0 };
	uint16_t port = 0;
	int fd = dual ? listen_dual(addr, &port) :
		 net_listen_tcp(addr, &port, &e);
	const struct port_holder *h;
	struct ports t;
	uint64_t ino;

	if (fd < 0) {
		tap_diag("%s is not here", addr);
		return;
	}
	ino = inode_of(fd);
	ports_init(&t);
	ok(!w->read(&t, &e) && has(&t, fd, addr, port), "%s: %s: %s", w->name,
	   addr, e.msg);
	ports_sort(&t);
	for (h = ports_first(&t, port); h && h->inode != ino;)
		h = ports_next(&t, h);
	ok(!h == !reached, "%s: %s: %s from 127.0.0.1", w->name, addr,
	   reached ? "reached" : "not reached");
	close(fd);
	t.n = 0;
	ok(!w->read(&t, &e) && !by_inode(&t, ino), "%s: %s: closed", w->name,
	   addr);
	ports_release(&t);
}

/* A connection is not a listener, and a bound socket neither. */
static void only_listeners(const struct way *w)
{
	struct err e = { 0 };
	uint16_t port = 0;
	int l = net_listen_tcp("127.0.0.1", &port, &e);
	int c = net_connect_tcp("127.0.0.1", port, &e), got, b;
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct ports t;

	ports_init(&t);
	while ((got = accept(l, NULL, NULL)) < 0 && errno == EAGAIN)
		;
	b = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(b, (struct sockaddr *)&a, sizeof a))
		tap_diag("%s", strerror(errno));
	ok(got >= 0 && !w->read(&t, &e) && by_inode(&t, inode_of(l)) &&
	   !by_inode(&t, inode_of(c)) && !by_inode(&t, inode_of(got)) &&
	   !by_inode(&t, inode_of(b)), "%s: listeners only", w->name);
	ports_release(&t);
	close(b);
	close(got);
	close(c);
	close(l);
}

static void crowd(void)
{
	static int fds[2 * CROWD];
	static uint16_t at[2 * CROWD];
	struct rlimit lim;
	struct err e = { 0 };
	struct ports t;
	bool sorted = true;
	size_t n;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	for (n = 0; n < 2 * CROWD; n++) {
		fds[n] = net_listen_tcp(n % 2 && n > 1 ? "::1" : "127.0.0.1",
					&at[n], &e);
		if (fds[n] < 0 && n % 2)
			fds[n] = net_listen_tcp("127.0.0.1", &at[n], &e);
	}
	ports_init(&t);
	for (size_t w = 0; w < LEN(ways); w++) {
		size_t found = 0;

		t.n = 0;
		if (ways[w].read(&t, &e) < 0)
			tap_diag("%s", e.msg);
		for (size_t i = 0; i < n; i++)
			found += by_inode(&t, inode_of(fds[i])) != NULL;
		ok(found == n, "%s: %zu of %zu listeners", ways[w].name,
		   found, n);
	}
	ok(!ports_read(&t, &e), "together: %zu", t.n);
	for (size_t i = 1; i < t.n; i++)
		sorted &= t.all[i - 1].port <= t.all[i].port;
	ok(sorted, "sorted by port");
	sorted = true;
	for (size_t i = 0; i < n; i += 2) {
		const struct port_holder *h = ports_first(&t, at[i]);

		sorted &= h && h->inode == inode_of(fds[i]) && !h->ipv6;
	}
	ok(sorted, "each found by its port");
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	ports_release(&t);
}

static void put(struct ports *t, uint16_t port, const char *addr,
		uint64_t inode)
{
	struct port_holder h = { .port = port, .inode = inode };

	h.ipv6 = strchr(addr, ':') != NULL;
	inet_pton(h.ipv6 ? AF_INET6 : AF_INET, addr, h.addr);
	ports_add(t, &h, NULL);
}

static void order(void)
{
	static const struct { const char *addr; uint64_t inode; } have[] = {
		{ "10.0.0.1", 90 }, { "::", 4 }, { "::1", 91 },
		{ "0.0.0.0", 3 }, { "::ffff:127.0.0.1", 2 },
		{ "fe80::1", 92 }, { "127.0.0.1", 1 }, { "127.0.0.2", 93 },
		{ "::", 5 }, { "::ffff:10.0.0.1", 94 },
	};
	const struct port_holder *h;
	struct ports t;
	uint64_t want = 1;

	ports_init(&t);
	ok(!ports_first(&t, 80), "an empty table");
	put(&t, 7, "0.0.0.0", 70);
	put(&t, 65535, "127.0.0.1", 71);
	put(&t, 81, "10.0.0.1", 72);
	put(&t, 82, "0.0.0.0", 0);
	for (size_t i = 0; i < LEN(have); i++)
		put(&t, 80, have[i].addr, have[i].inode);
	ports_sort(&t);
	for (h = ports_first(&t, 80); h && h->inode == want;
	     h = ports_next(&t, h))
		want++;
	ok(!h && want == 6, "those that serve 127.0.0.1, the closest first");
	h = ports_first(&t, 7);
	ok(h && h->inode == 70 && !ports_next(&t, h), "the lowest port");
	h = ports_first(&t, 65535);
	ok(h && h->inode == 71 && !ports_next(&t, h), "the highest port");
	ok(!ports_first(&t, 81), "held elsewhere is not held");
	ok(!ports_first(&t, 82), "what has no inode is not kept");
	ok(!ports_first(&t, 0) && !ports_first(&t, 79) &&
	   !ports_first(&t, 83), "free ones");
	ports_release(&t);
	ok(!t.n && !t.all, "released");
}

static void bound(void)
{
	struct port_holder h = { .port = 1, .inode = 1 };
	struct err e = { 0 };
	struct ports t;
	size_t n = 0;

	ports_init(&t);
	while (n <= PORTS_MAX && !ports_add(&t, &h, &e))
		n++;
	ok(n == PORTS_MAX && e.code == ERR_FULL, "not more than %d: %s",
	   PORTS_MAX, e.msg);
	ports_release(&t);
}

/* Who */

static int as_nobody(uint64_t inode)
{
	if (setgid(65534) || setuid(65534))
		return 77;
	return ports_holds(getppid(), inode) == -1 ? 0 : 1;
}

static void *wait_for_end(void *at)
{
	char c;

	_exit(read(*(int *)at, &c, 1) != 0);
}

/* The bug: a module whose first thread had ended was a stranger to itself. */
static void headless_holds(uint64_t ino)
{
	static int hold[2];     /* the stack goes with the first thread */
	int holds = -1;
	pthread_t other;
	struct proc p = { .state = '?' };
	pid_t pid;

	if (pipe(hold))
		tap_diag("%s", strerror(errno));
	pid = fork();
	if (!pid) {
		close(hold[1]);
		if (!pthread_create(&other, NULL, wait_for_end, &hold[0]))
			pthread_exit(NULL);
		_exit(1);
	}
	while (proc_read(pid, &p) == 0 && p.state != 'Z')
		poll(NULL, 0, 1);
	holds = ports_holds(pid, ino);
	ok(!p.dead && holds == 1, "a headless child does: %d%s", holds,
	   p.dead ? ", it is dead" : "");
	close(hold[0]);
	close(hold[1]);
	waitpid(pid, NULL, 0);
}

static void holders(void)
{
	struct err e = { 0 };
	uint16_t port = 0;
	int fd = net_listen_tcp("127.0.0.1", &port, &e), hold[2], told[2];
	uint64_t ino = inode_of(fd);
	int status = 0;
	pid_t pid;
	char c;

	ok(ports_holds(getpid(), ino) == 1, "we hold it");
	ok(ports_holds(getpid(), ino + 1000000000) == 0, "not another");
	ok(ports_holds(1 << 30, ino) == 0, "nobody holds nothing");
	ok(ports_owner(ino) == getpid(), "it is ours");
	ok(!ports_owner(ino + 1000000000), "nobody's");
	if (pipe(hold) || pipe(told))
		tap_diag("%s", strerror(errno));
	pid = fork();
	if (!pid) {
		close(fd);
		close(hold[1]);
		c = write(told[1], "", 1) < 0;
		_exit(read(hold[0], &c, 1) != 0);
	}
	if (read(told[0], &c, 1) != 1)
		tap_diag("%s", strerror(errno));
	ok(ports_holds(pid, ino) == 0, "a child that closed it does not");
	close(hold[1]);
	waitpid(pid, NULL, 0);
	close(hold[0]);
	close(told[0]);
	close(told[1]);
	headless_holds(ino);
	if (!geteuid()) {
		pid = fork();
		if (!pid)
			_exit(as_nobody(ino));
		waitpid(pid, &status, 0);
		ok(!status, "not ours to read is unknown");
	}
	close(fd);
}

/* Netlink refused, as in some containers: the other way is taken. */
struct bpf { uint16_t code; uint8_t yes, no; uint32_t k; };
struct bpf_prog { unsigned short n; struct bpf *p; };

static bool deny_netlink(void)
{
	struct bpf p[] = {
		{ 0x20, 0, 0, 0 },                      /* load the number */
		{ 0x15, 0, 3, SYS_socket },
		{ 0x20, 0, 0, 16 },                     /* load the family */
		{ 0x15, 0, 1, AF_NETLINK },
		{ 0x06, 0, 0, 0x00050000 | EPERM },
		{ 0x06, 0, 0, 0x7fff0000 },             /* allow */
	};
	struct bpf_prog prog = { LEN(p), p };

	prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
	return !prctl(PR_SET_SECCOMP, 2L, &prog);
}

static void refused(void)
{
	struct err e = { 0 };
	uint16_t port = 0;
	int fd = net_listen_tcp("127.0.0.1", &port, &e);
	const struct port_holder *h;
	struct ports t;

	ports_init(&t);
	if (!deny_netlink()) {
		tap_diag("system calls cannot be denied here");
	} else {
		ok(ports_read_diag(&t, &e) < 0 && e.code == ERR_DENIED,
		   "refused: %s", e.msg);
		ok(!ports_read(&t, &e), "read all the same");
		h = ports_first(&t, port);
		ok(h && h->inode == inode_of(fd), "and found");
	}
	ports_release(&t);
	close(fd);
}

/* By connecting: no view is needed. */
static void answers(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int held[8], fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof a;
	uint16_t port;

	if (bind(fd, (struct sockaddr *)(void *)&a, sizeof a) < 0 ||
	    getsockname(fd, (struct sockaddr *)(void *)&a, &len) < 0)
		tap_diag("%s", strerror(errno));
	port = ntohs(a.sin_port);
	ok(ports_answers(port) == 0, "bound is not listening");
	listen(fd, 0);
	ok(ports_answers(port) == 1, "somebody answers");
	for (size_t i = 0; i < LEN(held); i++)
		held[i] = net_connect_tcp("127.0.0.1", port, NULL);
	ok(ports_answers(port) == 1, "with a full queue, too");
	for (size_t i = 0; i < LEN(held); i++)
		close(held[i]);
	close(fd);
	ok(ports_answers(port) == 0, "nobody any more");
}

int main(void)
{
	alarm(60);
	for (size_t i = 0; i < LEN(ways); i++) {
		finds(&ways[i], "127.0.0.1", false, true);
		finds(&ways[i], "0.0.0.0", false, true);
		finds(&ways[i], "127.0.0.2", false, false);
		finds(&ways[i], "::1", false, false);
		finds(&ways[i], "::", false, true);
		finds(&ways[i], "::", true, true);
		finds(&ways[i], "::ffff:127.0.0.1", true, true);
		only_listeners(&ways[i]);
	}
	crowd();
	order();
	bound();
	holders();
	refused();
	answers();
	return tap_done();
}
