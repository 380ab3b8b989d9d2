/* SPDX-License-Identifier: MIT */
/*
 * Slots and listeners. Beside the slots that serve there are a few that only
 * say 503: a connection closed at once, its request unread, would be reset
 * and lose the answer.
 */
#include "sys/httpd_conn.h"

#include "sys/fd.h"
#include "sys/os.h"

#include <errno.h>
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

int httpd_init(struct httpd *d, struct loop *l, size_t max_conns,
	       struct err *e)
{
	size_t slots = max_conns + EXTRA_SLOTS;

	*d = (struct httpd){
		.loop = l,
		.max_conns = max_conns,
		.head_ms = HTTPD_HEAD_MS,
		.idle_ms = HTTPD_IDLE_MS,
		.stall_ms = HTTPD_STALL_MS,
		.linger_ms = HTTPD_LINGER_MS,
	};
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
	buf_init(&d->shared->reply, 2 * HTTP_HEAD_MAX);
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
	if (d->drained && list_empty(&d->busy))
		d->drained(d);
}

static bool is_idle(const struct httpd_conn *c)
{
	return c->state == HTTPD_READING && !c->extra && !c->head_len &&
	       !buf_str(&c->in).n;
}

/* The oldest connection that has said nothing since its last answer. */
static struct httpd_conn *idle(struct httpd *d)
{
	LIST_EACH(n, &d->busy) {
		struct httpd_conn *c = CONTAINER(n, struct httpd_conn, node);

		if (is_idle(c))
			return c;
	}
	return NULL;
}

static void admit(struct httpd *d, int fd, uid_t uid)
{
	struct httpd_conn *c;

	if (d->serving == d->max_conns && (c = idle(d)))
		httpd_cut(c);
	c = slot(d);

	if (!c) {
		fd_close(&fd);
		return;
	}
	*c = (struct httpd_conn){
		.server = d,
		.uid = uid,
		.extra = d->serving == d->max_conns,
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
	if (c->extra)
		httpd_refuse(c, 503, "too many connections");
}

static bool welcome(struct listener *ln, int fd, uid_t *uid)
{
	struct httpd *d = ln->server;
	pid_t pid;

	*uid = (uid_t)-1;
	if (!ln->local)
		return true;
	if (os_peer(fd, uid, &pid) < 0)
		return false;
	return !d->may || d->may(d, *uid, pid);
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
	uid_t uid;
	int fd;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		fd = fd_own(os_accept(w->fd), FD_CONN, 0);
		if (fd >= 0) {
			if (welcome(ln, fd, &uid))
				admit(ln->server, fd, uid);
			else
				fd_close(&fd);
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

	loop_mask(l, &ln->watch, LOOP_READ);
}

static bool is_local(int fd)
{
	struct sockaddr_storage a;
	socklen_t n = sizeof a;

	return !getsockname(fd, (struct sockaddr *)(void *)&a, &n) &&
	       a.ss_family == AF_UNIX;
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
	if (loop_watch(d->loop, &ln->watch, own, LOOP_READ, e) < 0) {
		fd_close(&own);
		return err_wrap(e, "http server");
	}
	list_append(&d->listeners, &ln->node);
	return 0;
}

static void close_listeners(struct httpd *d)
{
	LIST_EACH(n, &d->listeners) {
		struct listener *ln = CONTAINER(n, struct listener, node);
		int fd = ln->watch.fd;

		loop_cancel(d->loop, &ln->timer);
		loop_forget(d->loop, &ln->watch);
		fd_close(&fd);
		list_remove(&ln->node);
	}
}

void httpd_drain(struct httpd *d, void (*drained)(struct httpd *))
{
	close_listeners(d);
	LIST_EACH(n, &d->busy) {
		struct httpd_conn *c = CONTAINER(n, struct httpd_conn, node);

		if (is_idle(c))
			httpd_cut(c);
		else
			c->keep_alive = false;
	}
	d->drained = drained;
	if (list_empty(&d->busy))
		drained(d);
}

void httpd_release(struct httpd *d)
{
	if (!d->shared)
		return;
	d->drained = NULL;
	close_listeners(d);
	while (!list_empty(&d->busy))
		httpd_cut(CONTAINER(d->busy.next, struct httpd_conn, node));
	buf_release(&d->shared->reply);
	arena_release(&d->arena);
	d->shared = NULL;
	d->conns = NULL;
}

struct httpd *httpd_of(struct httpd_conn *c)
{
	return c->server;
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
