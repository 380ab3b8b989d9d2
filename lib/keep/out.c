/* SPDX-License-Identifier: MIT */
#include "keep/out.h"

#include "base/fmt.h"
#include "sys/os.h"

#include <errno.h>
#include <string.h>

#define RETRY_MS     100        /* writable, it says, and takes nothing */
#define RETRY_MAX_MS 5000       /* a disk that stays full */

static bool append(struct out *o, struct str who, struct str text)
{
	size_t need = who.n + text.n + 4;
	char *p;

	if (OUT_SIZE - o->end < need && o->start) {
		memmove(o->bytes, o->bytes + o->start, o->end - o->start);
		o->end -= o->start;
		o->start = 0;
	}
	if (OUT_SIZE - o->end < need)
		return false;
	p = o->bytes + o->end;
	*p++ = '[';
	memcpy(p, who.p, who.n);
	p += who.n;
	*p++ = ']';
	*p++ = ' ';
	if (text.n)
		memcpy(p, text.p, text.n);
	p[text.n] = '\n';
	o->end += need;
	return true;
}

static void confess(struct out *o)
{
	char line[80];
	int n;

	if (!o->dropped)
		return;
	n = fmt(line, sizeof line,
		"%llu lines dropped: stdout was not read",
		(unsigned long long)o->dropped);
	if (append(o, STR("supervisor"), (struct str){ line, (size_t)n }))
		o->dropped = 0;
}

/* True when something was written. */
static bool push(struct out *o)
{
	bool some = false;

	while (o->fd >= 0 && o->start < o->end) {
		ssize_t n = os_write_nowait(o->fd, o->bytes + o->start,
					    o->end - o->start);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0 && errno != ENOSPC && errno != EFBIG &&
		    errno != EDQUOT) {
			loop_forget(o->loop, &o->watch);
			o->fd = -1;
			return some;
		}
		if (n <= 0)
			break;
		some = true;
		o->start += (size_t)n;
	}
	if (o->start == o->end)
		o->start = o->end = 0;
	return some;
}

/*
 * told: stdout said that it has room. When it then takes nothing, or cannot
 * be watched at all, it is tried again later instead of at once.
 */
static void write_out(struct out *o, bool told)
{
	bool wrote = push(o);

	confess(o);
	if (wrote)
		push(o);
	if (o->fd < 0 || o->start == o->end) {
		loop_forget(o->loop, &o->watch);
		return;
	}
	if (told && !wrote)
		loop_forget(o->loop, &o->watch);
	else if (o->watch.fd >= 0 ||
		 loop_watch(o->loop, &o->watch, o->fd, LOOP_WRITE, NULL) == 0)
		return;
	o->pause_ms = wrote || !o->pause_ms ? RETRY_MS : 2 * o->pause_ms;
	if (o->pause_ms > RETRY_MAX_MS)
		o->pause_ms = RETRY_MAX_MS;
	loop_in(o->loop, &o->retry, o->pause_ms);
}

static bool is_waiting(const struct out *o)
{
	return o->watch.fd >= 0 || o->retry.armed;
}

static void on_writable(struct loop *l, struct watch *w, unsigned events)
{
	(void)l;
	(void)events;
	write_out(CONTAINER(w, struct out, watch), true);
}

static void on_retry(struct loop *l, struct timer *t)
{
	(void)l;
	write_out(CONTAINER(t, struct out, retry), false);
}

static void on_flush(struct loop *l, struct later *later)
{
	struct out *o = CONTAINER(later, struct out, flush);

	(void)l;
	if (!is_waiting(o))
		write_out(o, false);
}

void out_init(struct out *o, struct loop *loop, int fd)
{
	o->loop = loop;
	o->fd = fd;
	o->start = o->end = 0;
	o->pause_ms = 0;
	o->dropped = o->dropped_total = 0;
	o->watch = (struct watch)WATCH_INIT(on_writable);
	o->retry = (struct timer)TIMER_INIT(on_retry);
	later_init(&o->flush, on_flush);
}

void out_line(struct out *o, struct str who, struct str text)
{
	if (o->fd < 0)
		return;
	if (!append(o, who, text)) {
		if (!is_waiting(o))
			write_out(o, false);
		if (o->fd < 0 || !append(o, who, text)) {
			o->dropped++;
			o->dropped_total++;
			return;
		}
	}
	loop_later(o->loop, &o->flush);
}

void out_flush(struct out *o)
{
	push(o);
	confess(o);
	push(o);
}
