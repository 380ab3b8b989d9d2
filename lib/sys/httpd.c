/* SPDX-License-Identifier: MIT */
/*
 * Slots and listeners. Beside the slots that serve there are a few that only
 * say 503: a connection closed at once, its request unread, would be reset
 * and lose the answer.
 */
#include "sys/httpd_conn.h"

#include "sys/fd.h"
#include "sys/os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define EXTRA_SLOTS 8
#define ACCEPTS     16          /* a turn, so that the others get theirs */
#define PAUSE_MS    100         /* when the host is out of descriptors */

struct listener {
	struct list node;
	struct httpd *server;
	struct watch watch;
	struct timer timer;
	bool local;             /* AF_UNIX: peers have a uid */
};

static void on_idle(struct loop *l, struct later *la)
{
	struct httpd *d = CONTAINER(la, struct httpd, idle);

	(void)l;
	if (d->on_idle)
		d->on_idle(d);
}

int httpd_init(struct httpd *d, struct loop *l, size_t max_conns,
	       struct err *e)
{
	size_t slots = max_conns + EXTRA_SLOTS;

	*d = (struct httpd){
		.loop = l,
		.server = "pc/" PC_VERSION,
		.max_conns = max_conns,
		.head_ms = HTTPD_HEAD_MS,
		.idle_ms = HTTPD_IDLE_MS,
		.stall_ms = HTTPD_STALL_MS,
		.left_ms = HTTPD_LEFT_MS,
		.linger_ms = HTTPD_LINGER_MS,
		.max_held = HTTPD_HELD_MAX,
	};
	later_init(&d->idle, on_idle);
	list_init(&d->free);
	list_init(&d->busy);
	list_init(&d->listeners);
	arena_init(&d->arena, SIZE_MAX / 2);
	d->conns = arena_array(&d->arena, slots, sizeof *d->conns);
	d->shared = arena_alloc(&d->arena, sizeof *d->shared);
	if (arena_failed(&d->arena)) {
		arena_release(&d->arena);
		return err_set(e, ERR_NO_MEMORY, "http server: no memory");
	}
	d->shared->date_s = -1;
	buf_init(&d->shared->reply, HTTPD_SHORT + 2 * HTTP_HEAD_MAX);
	return 0;
}

/* Slots are taken in order, so that memory for the last is not touched
 * before there are so many connections. */
static struct httpd_conn *slot(struct httpd *d)
{
	struct httpd_conn *c;

	if (!list_empty(&d->free)) {
		c = CONTAINER(d->free.next, struct httpd_conn, node);
		list_remove(&c->node);
		return c;
	}
	if (d->touched == d->max_conns + EXTRA_SLOTS)
		return NULL;
	return &d->conns[d->touched++];
}

void httpd_give_back(struct httpd_conn *c)
{
	struct httpd *d = c->server;

	if (!c->extra)
		d->serving--;
	c->state = HTTPD_FREE;
	list_remove(&c->node);
	list_append(&d->free, &c->node);
	if (d->draining && list_empty(&d->busy))
		loop_later(d->loop, &d->idle);
}

/* Who has connected. */
struct newcomer {
	int fd;
	bool tcp;
	uid_t uid;
	uint64_t peer;
};

/* The oldest idle connection; of this peer, if it is one. */
static struct httpd_conn *idle(struct httpd *d, uint64_t peer)
{
	LIST_EACH(n, &d->busy) {
		struct httpd_conn *c = CONTAINER(n, struct httpd_conn, node);

		if (httpd_is_idle(c) && (!peer || c->peer == peer))
			return c;
	}
	return NULL;
}

/* Whether it has as many connections as one may have. */
static bool has_enough(const struct httpd *d, uint64_t peer)
{
	size_t has = 0;

	if (!peer || !d->max_per_peer)
		return false;
	LIST_EACH(n, &d->busy) {
		struct httpd_conn *c = CONTAINER(n, struct httpd_conn, node);

		has += c->peer == peer && !c->extra;
	}
	return has >= d->max_per_peer;
}

/* Makes room; NULL, or why there is none. */
static const char *no_room(struct httpd *d, uint64_t peer)
{
	struct httpd_conn *c;

	if (has_enough(d, peer)) {
		c = idle(d, peer);
		if (!c)
			return "too many connections from one peer";
		httpd_cut(c);
	}
	if (d->serving == d->max_conns) {
		c = idle(d, 0);
		if (!c)
			return "too many connections";
		httpd_cut(c);
	}
	return NULL;
}

static void admit(struct httpd *d, const struct newcomer *who)
{
	const char *why = no_room(d, who->peer);
	struct httpd_conn *c = slot(d);
	int fd = who->fd;

	if (!c) {
		fd_close(&fd);
		return;
	}
	*c = (struct httpd_conn){
		.server = d,
		.uid = who->uid,
		.peer = who->peer,
		.tcp = who->tcp,
		.extra = why,
	};
	if (!c->extra)
		d->serving++;
	list_init(&c->node);
	list_append(&d->busy, &c->node);
	if (httpd_conn_open(c, fd, NULL) < 0) {
		fd_close(&fd);
		httpd_give_back(c);
		return;
	}
	if (why)
		httpd_refuse(c, 503, why);
}

static uint64_t of_v4(struct in_addr a)
{
	uint32_t net = ntohl(a.s_addr);

	return net >> 24 == 127 ? 0 : net;
}

/* What one customer of a network gets; of an IPv4 peer of a socket that
 * takes both, the address within. */
static uint64_t of_v6(const struct in6_addr *a)
{
	struct in_addr v4;
	uint64_t net;

	if (IN6_IS_ADDR_LOOPBACK(a))
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(a)) {
		memcpy(&v4, &a->s6_addr[12], sizeof v4);
		return of_v4(v4);
	}
	memcpy(&net, a, sizeof net);
	return net;
}

static uint64_t address_of(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;
	socklen_t n = sizeof a;

	if (getpeername(fd, &a.any, &n) < 0)
		return 0;
	if (a.any.sa_family == AF_INET)
		return of_v4(a.v4.sin_addr);
	return a.any.sa_family == AF_INET6 ? of_v6(&a.v6.sin6_addr) : 0;
}

static bool welcome(struct listener *ln, struct newcomer *who)
{
	struct httpd *d = ln->server;
	pid_t pid;

	who->uid = (uid_t)-1;
	who->tcp = !ln->local;
	who->peer = 0;
	if (!ln->local) {
		if (d->max_per_peer)
			who->peer = address_of(who->fd);
		return true;
	}
	if (os_peer(who->fd, &who->uid, &pid) < 0)
		return false;
	if (d->max_per_peer && pid > 0)
		who->peer = (uint64_t)pid;
	return !d->may || d->may(d, who->uid, pid);
}

/* Whether accept() may be tried again at once. */
static bool passing(int sys)
{
	switch (sys) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:             /* a firewall's word */
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

static void on_accept(struct loop *l, struct watch *w, unsigned events)
{
	struct listener *ln = CONTAINER(w, struct listener, watch);
	struct newcomer who;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		who.fd = fd_own(os_accept(w->fd), FD_CONN, 0);
		if (who.fd >= 0) {
			if (welcome(ln, &who))
				admit(ln->server, &who);
			else
				fd_close(&who.fd);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (!passing(errno)) {
			loop_mask(l, w, 0);
			loop_in(l, &ln->timer, PAUSE_MS);
			return;
		}
	}
}

static void on_pause_over(struct loop *l, struct timer *t)
{
	struct listener *ln = CONTAINER(t, struct listener, timer);

	loop_mask(l, &ln->watch, LOOP_READ | LOOP_ONE);
}

static bool is_local(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;

	return !getsockname(fd, (struct sockaddr *)(void *)&a, &n) &&
	       a.ss_family == AF_UNIX;
}

/* Accepted connections have what the listening socket has. */
static void probe(int fd)
{
	int on = 1, wait = HTTPD_PROBE_S, n = HTTPD_PROBES;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &wait, sizeof wait);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &wait, sizeof wait);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n, sizeof n);
}

int httpd_listen(struct httpd *d, int fd, struct err *e)
{
	struct listener *ln;
	int own = fd_own(fd, FD_LISTEN, 0);

	if (own < 0)
		return err_sys(e, "http server: listening descriptor");
	if (os_set_nonblock(own) < 0) {
		err_sys(e, "http server: listening descriptor");
		fd_close(&own);
		return -1;
	}
	ln = arena_alloc(&d->arena, sizeof *ln);
	if (!ln) {
		fd_close(&own);
		return err_set(e, ERR_NO_MEMORY, "http server: no memory");
	}
	*ln = (struct listener){
		.server = d,
		.watch = WATCH_INIT(on_accept),
		.timer = TIMER_INIT(on_pause_over),
		.local = is_local(own),
	};
	list_init(&ln->node);
	if (!ln->local)
		probe(own);
	if (loop_watch(d->loop, &ln->watch, own, LOOP_READ | LOOP_ONE, e) < 0) {
		fd_close(&own);
		return err_wrap(e, "http server");
	}
	list_append(&d->listeners, &ln->node);
	return 0;
}

static void stop_listening(struct httpd *d)
{
	struct listener *ln;
	int fd;

	while (!list_empty(&d->listeners)) {
		ln = CONTAINER(d->listeners.next, struct listener, node);
		fd = ln->watch.fd;
		loop_cancel(d->loop, &ln->timer);
		loop_forget(d->loop, &ln->watch);
		fd_close(&fd);
		list_remove(&ln->node);
	}
}

/* A request may have come that nobody has read. */
static bool has_input(const struct httpd_conn *c)
{
	char byte;

	return recv(c->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void httpd_drain(struct httpd *d)
{
	struct list *n, *next;

	if (d->draining)
		return;
	d->draining = true;
	stop_listening(d);
	for (n = d->busy.next; n != &d->busy; n = next) {
		struct httpd_conn *c = CONTAINER(n, struct httpd_conn, node);

		next = n->next;
		/* Who has just come is about to ask. */
		if (httpd_is_idle(c) && c->used && !has_input(c))
			httpd_cut(c);
	}
	if (list_empty(&d->busy))
		loop_later(d->loop, &d->idle);
}

void httpd_release(struct httpd *d)
{
	if (!d->shared)
		return;
	stop_listening(d);
	while (!list_empty(&d->busy))
		httpd_cut(CONTAINER(d->busy.next, struct httpd_conn, node));
	later_cancel(&d->idle);
	buf_release(&d->shared->reply);
	free(d->shared->spare);
	arena_release(&d->arena);
	d->shared = NULL;
	d->conns = NULL;
}

struct httpd *httpd_of(struct httpd_conn *c)
{
	return c->server;
}

uint64_t httpd_peer(const struct httpd_conn *c)
{
	return c->peer;
}

bool httpd_is_of(const struct httpd_conn *c, uint64_t peer)
{
	return c && (!peer || c->peer == peer);
}

void httpd_watch_gone(struct httpd_conn *c, void *user,
		      void (*on_gone)(struct httpd_conn *, void *user))
{
	c->user = user;
	c->on_gone = on_gone;
}

void *httpd_user(struct httpd_conn *c)
{
	return c->user;
}
