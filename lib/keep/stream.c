/* SPDX-License-Identifier: MIT */
#include "keep/stream.h"

#include "sys/fd.h"
#include "sys/os.h"

#include <errno.h>
#include <unistd.h>

#define DRAIN_MAX  64           /* reads: a writer may outlive its leader */

/* One turn, one time: lines read together were written together. */
struct batch {
	struct stream *st;
	int64_t unix_ns;
};

static void on_line(void *ctx, struct str line, bool partial)
{
	const struct batch *b = ctx;

	source_put(&b->st->mod->log, b->st->which, partial, b->unix_ns, line);
}

static void unwatch(struct stream *st)
{
	list_remove(&st->wait.node);
	loop_forget(st->mod->sup->loop, &st->watch);
}

/* True when there may be more. */
static bool take(struct stream *st)
{
	static char bytes[LOGGER_READ];
	struct batch b = { st, os_unix_ns() };
	ssize_t n;

	if (st->fd < 0)
		return false;
	n = read(st->fd, bytes, sizeof bytes);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) {
		unwatch(st);
		fd_close(&st->fd);
		lines_end(&st->lines, on_line, &b);
	} else {
		lines_feed(&st->lines, (struct str){ bytes, (size_t)n },
			   on_line, &b);
	}
	return n > 0;
}

/*
 * One bufferful a wake-up: a chatty module must not keep the others out. When
 * nobody writes any more what is left is no more than a pipe holds, and to
 * wait with it would have the loop report it again and again.
 */
static void on_readable(struct loop *l, struct watch *w, unsigned events)
{
	struct stream *st = CONTAINER(w, struct stream, watch);
	struct source *s = &st->mod->log;

	if (!(events & LOOP_HUP) && s->logs->logger &&
	    logger_holds(s->logs->logger, s)) {
		loop_mask(l, w, 0);
		logger_wait(s->logs->logger, &st->wait);
		return;
	}
	take(st);
}

static void on_room(struct log_wait *wait)
{
	struct stream *st = CONTAINER(wait, struct stream, wait);

	loop_mask(st->mod->sup->loop, &st->watch, LOOP_READ);
	take(st);
}

void stream_init(struct mod *m, char *tails)
{
	for (int i = 0; i < 2; i++) {
		struct stream *st = &m->out[i];

		*st = (struct stream){ .watch = WATCH_INIT(on_readable),
				       .wait = { .go = on_room },
				       .which = i == 0 ? RING_OUT : RING_ERR,
				       .fd = -1, .mod = m };
		list_init(&st->wait.node);
		lines_init(&st->lines, tails + (size_t)i * LINE_MAX_BYTES);
	}
}

static int open_one(struct mod *m, int i, int *far, struct err *e)
{
	struct stream *st = &m->out[i];
	int p[2];

	if (os_pipe(p) < 0)
		return err_sys(e, "no pipe for its output");
	st->fd = fd_own(p[0], i == 0 ? FD_OUT : FD_ERR, m->id);
	*far = fd_own(p[1], FD_OTHER, m->id);
	if (st->fd < 0 || *far < 0)
		return err_sys(e, "no descriptor for its output");
	if (os_set_nonblock(st->fd) < 0)
		return err_sys(e, "pipe for its output");
	return loop_watch(m->sup->loop, &st->watch, st->fd, LOOP_READ, e);
}

int stream_open(struct mod *m, int far[2], struct err *e)
{
	stream_close(m);
	far[0] = far[1] = -1;
	for (int i = 0; i < 2; i++) {
		if (open_one(m, i, &far[i], e) == 0)
			continue;
		fd_close(&far[0]);
		fd_close(&far[1]);
		stream_close(m);
		return -1;
	}
	return 0;
}

void stream_drain(struct mod *m)
{
	for (int i = 0; i < 2; i++)
		for (int n = 0; n < DRAIN_MAX && take(&m->out[i]); n++)
			;
}

void stream_close(struct mod *m)
{
	struct batch b = { NULL, os_unix_ns() };

	stream_drain(m);
	for (int i = 0; i < 2; i++) {
		struct stream *st = &m->out[i];

		b.st = st;
		unwatch(st);
		fd_close(&st->fd);
		lines_end(&st->lines, on_line, &b);
		os_map_trim(st->lines.tail, LINE_MAX_BYTES);
	}
}
