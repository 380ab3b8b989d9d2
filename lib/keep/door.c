/* SPDX-License-Identifier: MIT */
#include "keep/door.h"

#include "base/str.h"
#include "sys/fd.h"
#include "sys/net.h"
#include "sys/os.h"

#include <errno.h>
#include <unistd.h>

#define DOOR_PAUSE_MS 100       /* when there was no descriptor for a visitor */

static void on_pause_over(struct loop *l, struct timer *t)
{
	loop_mask(l, &CONTAINER(t, struct door, pause)->watch, LOOP_READ);
}

static void on_visitor(struct loop *l, struct watch *w, unsigned events)
{
	struct door *d = CONTAINER(w, struct door, watch);
	int fd;

	(void)events;
	for (int n = 0; n < 64; n++) {
		fd = os_accept(w->fd);
		if (fd < 0 && errno != EAGAIN && errno != EINTR &&
		    errno != ECONNABORTED) {
			/* No descriptor: asking at once again would not help. */
			loop_mask(l, w, 0);
			loop_in(l, &d->pause, DOOR_PAUSE_MS);
		}
		if (fd < 0)
			return;
		close(fd);
	}
}

static int open_door(struct door *d, const char *addr, uint16_t *port,
		     struct err *e)
{
	d->fd = fd_own(net_listen_tcp(addr, port, e), FD_LISTEN, 0);
	if (d->fd < 0 && e->code == ERR_EXISTS)
		return err_set(e, ERR_EXISTS, "port %u on %s is taken: another "
			       "hub or program runs there; stop it, or give "
			       "--port", (unsigned)*port, addr);
	if (d->fd < 0) {
		err_wrap(e, "port %u on %s", (unsigned)*port, addr);
		return err_add(e, "; --bind takes a numeric address of this "
			       "host");
	}
	return loop_watch(d->loop, &d->watch, d->fd, LOOP_READ, e);
}

void doors_answer(struct doors *d, bool on)
{
	for (size_t i = 0; i < LEN(d->all); i++) {
		if (d->all[i].fd < 0)
			continue;
		loop_cancel(d->all[i].loop, &d->all[i].pause);
		loop_mask(d->all[i].loop, &d->all[i].watch,
			  on ? LOOP_READ : 0);
	}
}

void doors_close(struct doors *d)
{
	for (size_t i = 0; i < LEN(d->all); i++) {
		loop_cancel(d->all[i].loop, &d->all[i].pause);
		loop_forget(d->all[i].loop, &d->all[i].watch);
		fd_close(&d->all[i].fd);
	}
}

/* 127.0.0.1, and ::1 where there is one. */
static int open_loopback(struct doors *d, uint16_t *port, struct err *e)
{
	bool any = *port == 0;
	struct err v6 = { 0 };

	for (int tries = 0; tries < 10; tries++) {
		if (open_door(&d->all[0], "127.0.0.1", port, e) < 0)
			return -1;
		if (open_door(&d->all[1], "::1", port, &v6) == 0 ||
		    v6.code != ERR_EXISTS)
			return 0;
		doors_close(d);
		if (!any)
			break;
		*port = 0;      /* free there, taken here: another one */
	}
	*e = v6;
	return -1;
}

int doors_open(struct doors *d, const char *bind, uint16_t *port,
	       struct err *e)
{
	if (bind)
		return open_door(&d->all[0], bind, port, e);
	return open_loopback(d, port, e);
}

void doors_init(struct doors *d, struct loop *loop)
{
	for (size_t i = 0; i < LEN(d->all); i++)
		d->all[i] = (struct door){ .loop = loop,
			.watch = WATCH_INIT(on_visitor),
			.pause = TIMER_INIT(on_pause_over), .fd = -1 };
}
