/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE     /* POLLRDHUP, where there is one */
#include "sys/loop_backend.h"

#include "base/arena.h"
#include "sys/fd.h"

#include <errno.h>
#include <poll.h>

/*
 * Two arrays without holes, as poll() wants them; watch.slot is the place in
 * both, and the last one moves into the place of one that goes. They are as
 * large as the descriptor table and only touched as far as they are used.
 * Each scan begins after the last one reported, so that with more than one
 * batch ready all get their turn.
 */

struct loop_backend {
	struct arena arena;     /* holds this struct and the arrays */
	struct pollfd *fds;
	struct watch **watches;
	int n, from;
};

const char *loop_name(void)
{
	return "poll";
}

struct loop_backend *backend_open(struct err *e)
{
	const size_t size = sizeof(struct loop_backend) +
		FD_TABLE_MAX * (sizeof(struct pollfd) + sizeof(struct watch *));
	struct loop_backend *be;
	struct arena a;

	arena_init(&a, size + 8192);
	be = arena_alloc(&a, sizeof *be);
	if (be) {
		be->fds = arena_array(&a, FD_TABLE_MAX, sizeof *be->fds);
		be->watches = arena_array(&a, FD_TABLE_MAX,
					  sizeof(struct watch *));
	}
	if (!be || arena_failed(&a)) {
		arena_release(&a);
		err_set(e, ERR_NO_MEMORY, "event loop: no memory");
		return NULL;
	}
	be->arena = a;
	return be;
}

void backend_close(struct loop_backend *be)
{
	struct arena a = be->arena;

	arena_release(&a);
}

static short poll_events(unsigned events)
{
	short want = 0;

	if (events & LOOP_READ)
		want |= POLLIN;
	if (events & LOOP_WRITE)
		want |= POLLOUT;
#ifdef POLLRDHUP
	if (events & LOOP_END)
		want |= POLLRDHUP;
#endif
	return want;
}

int backend_add(struct loop_backend *be, struct watch *w, struct err *e)
{
	if (be->n >= FD_TABLE_MAX)
		return err_set(e, ERR_FULL, "watch descriptor %d: "
			       "%d are watched already", w->fd, be->n);
	w->slot = be->n++;
	be->watches[w->slot] = w;
	be->fds[w->slot] = (struct pollfd){
		.fd = w->fd,
		.events = poll_events(w->events),
	};
	return 0;
}

void backend_mask(struct loop_backend *be, struct watch *w)
{
	be->fds[w->slot].events = poll_events(w->events);
}

void backend_remove(struct loop_backend *be, struct watch *w)
{
	int last = --be->n;

	be->fds[w->slot] = be->fds[last];
	be->watches[w->slot] = be->watches[last];
	be->watches[w->slot]->slot = w->slot;
}

static unsigned events_of(short got)
{
	unsigned events = 0;

	if (got & POLLIN)
		events |= LOOP_READ;
	if (got & POLLOUT)
		events |= LOOP_WRITE;
#ifdef POLLRDHUP
	if (got & POLLRDHUP)
		events |= LOOP_END;
#endif
	if (got & (POLLHUP | POLLERR | POLLNVAL))
		events |= LOOP_HUP;
	return events;
}

int backend_wait(struct loop_backend *be, struct loop_event *out, int max,
		 int timeout_ms)
{
	int ready = poll(be->fds, (nfds_t)be->n, timeout_ms);
	int at = be->from < be->n ? be->from : 0;
	int n = 0;

	if (ready <= 0)
		return ready;
	if (ready > max)
		ready = max;
	for (int seen = 0; seen < be->n && n < ready; seen++) {
		if (be->fds[at].revents)
			out[n++] = (struct loop_event){
				.watch = be->watches[at],
				.events = events_of(be->fds[at].revents),
			};
		at = at + 1 < be->n ? at + 1 : 0;
	}
	be->from = at;
	return n;
}
