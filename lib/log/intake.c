/* SPDX-License-Identifier: MIT */
#include "log/intake.h"

#include "sys/os.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define STALLS_MAX 7            /* 1, 2, 4 ... 64 ms: then it is taken */

/* A pipe that holds the longest frame and more, if that can be had. */
static size_t room_of(int fd)
{
	size_t room = os_pipe_room(fd);

	if (room && room < INTAKE_SIZE && os_pipe_size(fd, INTAKE_SIZE) == 0)
		room = os_pipe_room(fd);
	return room;
}

int intake_init(struct intake *in, int fd, struct err *e)
{
	size_t spare;

	*in = (struct intake){ .fd = fd, .spare = { -1, -1 } };
	in->buf = os_map(INTAKE_SIZE);
	if (!in->buf)
		return err_sys(e, "no memory for what comes in");
	in->room = room_of(fd);
	if (!in->room || os_pipe(in->spare) < 0)
		return 0;
	in->peeks = true;
	spare = room_of(in->spare[1]);
	if (spare < in->room)
		in->room = spare;
	return 0;
}

void intake_release(struct intake *in)
{
	for (int i = 0; i < 2; i++)
		if (in->spare[i] >= 0)
			close(in->spare[i]);
	os_unmap(in->buf, INTAKE_SIZE);
}

static bool may_read(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* More of what is not in buf, for good. */
static int take(struct intake *in, struct err *e)
{
	ssize_t n;

	if (in->taken == INTAKE_SIZE || !may_read(in->fd))
		return 0;
	n = read(in->fd, in->buf + in->taken, INTAKE_SIZE - in->taken);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 :
		       err_sys(e, "read what comes in");
	in->ended = n == 0;
	in->taken += (size_t)n;
	in->seen = in->taken;
	return n > 0;
}

static int peek(struct intake *in, struct err *e)
{
	size_t seen = in->seen;
	ssize_t n = os_pipe_peek(in->fd, in->spare, in->buf + in->taken,
				 INTAKE_SIZE - in->taken);

	if (n < 0 && errno == ENOSYS) {
		in->peeks = false;
		in->seen = in->taken;
		return take(in, e);
	}
	if (n < 0)
		return errno == EAGAIN ? 0 : err_sys(e, "look at what comes in");
	in->ended = n == 0;
	in->seen = in->taken + (size_t)n;
	if (!n || !in->stalls || in->seen != seen)
		return n > 0;
	in->stalls++;
	return 0;
}

int intake_fill(struct intake *in, struct err *e)
{
	return in->peeks && in->stalls <= STALLS_MAX ? peek(in, e)
						     : take(in, e);
}

struct str intake_seen(const struct intake *in)
{
	return (struct str){ in->buf, in->seen };
}

/*
 * They are there, and nobody else reads. One call, which no kill cuts, so that
 * what is left begins with a frame; buf holds nothing that is still wanted.
 */
static int drop(struct intake *in, size_t n, struct err *e)
{
	while (n) {
		ssize_t got = read(in->fd, in->buf, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_sys(e, "take what came in");
		n -= (size_t)got;
	}
	return 0;
}

int intake_done(struct intake *in, size_t n, struct err *e)
{
	size_t had = in->taken;

	if (!n) {
		/* A pipe that is full gets no more: no use in waiting. */
		in->stalls += in->seen - had < in->room ? 1 : STALLS_MAX + 1;
		return 0;
	}
	in->stalls = 0;
	in->seen -= n;
	if (n < had) {
		in->taken -= n;
		memmove(in->buf, in->buf + n, in->seen);
		return 0;
	}
	/* What is left was only looked at, and is looked at again. */
	in->taken = in->seen = 0;
	return drop(in, n - had, e);
}

int intake_pause_ms(const struct intake *in)
{
	if (!in->peeks || !in->stalls || in->stalls > STALLS_MAX)
		return -1;
	return 1 << (in->stalls - 1);
}
