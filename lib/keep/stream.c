/* SPDX-License-Identifier: MIT */
#include "keep/stream.h"

#include "sys/fd.h"
#include "sys/os.h"

#include <errno.h>
#include <unistd.h>

#define READ_SIZE  65536        /* a pipe holds no more */
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

/* True when there may be more. */
static bool take(struct stream *st)
{
	static char bytes[READ_SIZE];
	struct batch b = { st, os_unix_ns() };
	struct sup *s = st->mod->sup;
	ssize_t n;

	if (st->fd < 0)
		return false;
	n = read(st->fd, bytes, sizeof bytes);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) {
		loop_forget(s->loop, &st->watch);
		fd_close(&st->fd);
		lines_end(&st->lines, on_line, &b);
	} else {
		lines_feed(&st->lines, (struct str){ bytes, (size_t)n },
			   on_line, &b);
	}
	return n > 0;
}

/* One bufferful a wake-up: a chatty module must not keep the others out. */
static void on_readable(struct loop *l, struct watch *w, unsigned events)
{
	(void)l;
	(void)events;
	take(CONTAINER(w, struct stream, watch));
}

void stream_init(struct mod *m, char *tails)
{
	for (int i = 0; i < 2; i++) {
		struct stream *st = &m->out[i];

		*st = (struct stream){ .watch = WATCH_INIT(on_readable),
				       .which = i == 0 ? RING_OUT : RING_ERR,
				       .fd = -1, .mod = m };
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
		loop_forget(m->sup->loop, &st->watch);
		fd_close(&st->fd);
		lines_end(&st->lines, on_line, &b);
		os_map_trim(st->lines.tail, LINE_MAX_BYTES);
	}
}
