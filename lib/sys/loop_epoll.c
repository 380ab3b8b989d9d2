/* SPDX-License-Identifier: MIT */
#include "sys/loop_backend.h"

#include "base/arena.h"
#include "sys/fd.h"

#include <errno.h>
#include <sys/epoll.h>

/*
 * Level-triggered, the watch itself in the event. The kernel moves what it
 * reported to the end of its ready list, so a batch starts where the one
 * before ended. What was added as exclusive (slot is 1 then) cannot be
 * modified, only removed and added again.
 */

#ifndef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE (1U << 28)
#endif

struct loop_backend {
	struct arena arena;     /* holds this struct */
	int fd;
	struct epoll_event got[LOOP_BATCH];
};

const char *loop_name(void)
{
	return "epoll";
}

struct loop_backend *backend_open(struct err *e)
{
	struct loop_backend *be;
	struct arena a;

	arena_init(&a, sizeof *be + 64);
	be = arena_alloc(&a, sizeof *be);
	if (!be) {
		err_set(e, ERR_NO_MEMORY, "event loop: no memory");
		return NULL;
	}
	be->arena = a;
	be->fd = fd_own(epoll_create1(EPOLL_CLOEXEC), FD_LOOP, 0);
	if (be->fd < 0) {
		err_sys(e, "epoll");
		arena_release(&a);
		return NULL;
	}
	return be;
}

void backend_close(struct loop_backend *be)
{
	struct arena a = be->arena;

	fd_close(&be->fd);
	arena_release(&a);
}

static int control(struct loop_backend *be, int op, struct watch *w)
{
	struct epoll_event ev = { .data.ptr = w };

	if (w->events & LOOP_READ)
		ev.events |= EPOLLIN;
	if (w->events & LOOP_WRITE)
		ev.events |= EPOLLOUT;
	if (w->events & LOOP_END)
		ev.events |= EPOLLRDHUP;
	if (w->events & LOOP_ONE)
		ev.events |= EPOLLEXCLUSIVE;
	if (op != EPOLL_CTL_DEL)
		w->slot = w->events & LOOP_ONE ? 1 : 0;
	return epoll_ctl(be->fd, op, w->fd, &ev);
}

int backend_add(struct loop_backend *be, struct watch *w, struct err *e)
{
	if (control(be, EPOLL_CTL_ADD, w) < 0)
		return err_sys(e, "watch descriptor %d", w->fd);
	return 0;
}

void backend_mask(struct loop_backend *be, struct watch *w)
{
	int op = EPOLL_CTL_MOD;

	if (w->slot == 1 || (w->events & LOOP_ONE)) {
		control(be, EPOLL_CTL_DEL, w);
		op = EPOLL_CTL_ADD;
	}
	control(be, op, w);
}

void backend_remove(struct loop_backend *be, struct watch *w)
{
	control(be, EPOLL_CTL_DEL, w);
}

static unsigned events_of(uint32_t got)
{
	unsigned events = 0;

	if (got & EPOLLIN)
		events |= LOOP_READ;
	if (got & EPOLLOUT)
		events |= LOOP_WRITE;
	if (got & EPOLLRDHUP)
		events |= LOOP_END;
	if (got & (EPOLLHUP | EPOLLERR))
		events |= LOOP_HUP;
	return events;
}

int backend_wait(struct loop_backend *be, struct loop_event *out, int max,
		 int timeout_ms)
{
	int n;

	if (max > LOOP_BATCH)
		max = LOOP_BATCH;
	n = epoll_wait(be->fd, be->got, max, timeout_ms);
	for (int i = 0; i < n; i++)
		out[i] = (struct loop_event){
			.watch = be->got[i].data.ptr,
			.events = events_of(be->got[i].events),
		};
	return n;
}
