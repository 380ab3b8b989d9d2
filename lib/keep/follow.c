/* SPDX-License-Identifier: MIT */
#include "keep/follow.h"

#include "sys/os.h"
#include "wire/date.h"
#include "wire/json.h"

#include <stdio.h>

#define PIECE 16384     /* written to a connection at once */

static void put_text(struct buf *out, const struct mod *m, struct str line)
{
	buf_putc(out, '[');
	buf_put(out, str_of(m->short_name));
	buf_put(out, STR("] "));
	buf_put(out, line);
	buf_putc(out, '\n');
}

static void put_json(struct buf *out, uint64_t boot, const struct mod *m,
		     const struct ring_line *line)
{
	char time[DATE_CRI_SIZE], cursor[48];
	struct jsonw w;

	date_cri(line->unix_ns, time);
	snprintf(cursor, sizeof cursor, "%llu.%llu", (unsigned long long)boot,
		 (unsigned long long)line->seq);
	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "short");
	jsonw_cstr(&w, m->short_name);
	jsonw_key(&w, "cursor");
	jsonw_cstr(&w, cursor);
	jsonw_key(&w, "time");
	jsonw_cstr(&w, time);
	jsonw_key(&w, "stream");
	jsonw_cstr(&w, line->stream == RING_ERR ? "stderr" : "stdout");
	jsonw_key(&w, "partial");
	jsonw_bool(&w, line->partial);
	jsonw_key(&w, "line");
	jsonw_str(&w, line->text);
	jsonw_end(&w);
	buf_putc(out, '\n');
}

static void put_json_gap(struct buf *out, const struct mod *m, uint64_t missed)
{
	struct jsonw w;

	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "short");
	jsonw_cstr(&w, m->short_name);
	jsonw_key(&w, "gap");
	if (missed)
		jsonw_int(&w, (int64_t)missed);
	else
		jsonw_null(&w);
	jsonw_end(&w);
	buf_putc(out, '\n');
}

/* missed 0: it is not known how many. */
static void put_gap(struct buf *out, const struct mod *m, uint64_t missed,
		    enum follow_format format)
{
	if (format == FOLLOW_JSON)
		put_json_gap(out, m, missed);
	else if (!missed)
		buf_printf(out, "[supervisor] lines of %s before the hub's "
			   "last start are not kept\n", m->short_name);
	else
		buf_printf(out, "[supervisor] %llu lines of %s lost\n",
			   (unsigned long long)missed, m->short_name);
}

static struct ring_cursor cursor_of(const struct follows *f,
				    const struct mod *m,
				    const struct follow_from *from)
{
	if (from->after && from->boot == f->boot)
		return ring_from(&m->ring, from->seq + 1);
	return ring_newest(&m->ring, from->newest);
}

/* One record, and the gap before it. False: caught up. */
static bool put_next(const struct follows *f, const struct mod *m,
		     struct ring_cursor *at, enum follow_format format,
		     struct buf *out)
{
	struct ring_line line;
	uint64_t missed;

	if (!ring_next(&m->ring, at, &line, &missed))
		return false;
	if (missed)
		put_gap(out, m, missed, format);
	if (format == FOLLOW_JSON)
		put_json(out, f->boot, m, &line);
	else
		put_text(out, m, line.text);
	return true;
}

void follow_snapshot(const struct follows *f, const struct mod *m,
		     const struct follow_from *from,
		     enum follow_format format, struct buf *out)
{
	struct ring_cursor at = cursor_of(f, m, from);

	if (from->after && from->boot != f->boot)
		put_gap(out, m, 0, format);
	while (put_next(f, m, &at, format, out))
		;
}

static void release(struct follower *fo)
{
	list_remove(&fo->node);
	list_append(&fo->follows->free, &fo->node);
	fo->conn = NULL;
	fo->mod = NULL;
}

/* Writes until caught up or the connection has enough. */
static void push(struct follower *fo)
{
	bool more = true;
	struct buf b;

	buf_init(&b, PIECE + 8 * LINE_MAX_BYTES);
	if (fo->unknown_gap)
		put_gap(&b, fo->mod, 0, fo->format);
	fo->unknown_gap = false;
	while (more && fo->conn && !httpd_full(fo->conn)) {
		while (more && buf_str(&b).n < PIECE && !buf_failed(&b))
			more = put_next(fo->follows, fo->mod, &fo->at,
					fo->format, &b);
		if (buf_failed(&b)) {   /* no memory: cut it, it can resume */
			struct httpd_conn *c = fo->conn;

			release(fo);
			httpd_end(c);
			break;
		}
		if (buf_str(&b).n)
			httpd_write(fo->conn, buf_str(&b));
		buf_reset(&b);
	}
	buf_release(&b);
}

static void on_drain(struct httpd_conn *c, void *user)
{
	(void)c;
	push(user);
}

static void on_gone(struct httpd_conn *c, void *user)
{
	(void)c;
	release(user);
}

bool follow_start(struct follows *f, struct mod *m,
		  const struct follow_from *from, enum follow_format format,
		  struct httpd_conn *c)
{
	struct follower *fo;

	if (list_empty(&f->free))
		return false;
	fo = CONTAINER(f->free.next, struct follower, node);
	list_remove(&fo->node);
	list_append(&m->followers, &fo->node);
	fo->mod = m;
	fo->conn = c;
	fo->format = format;
	fo->at = cursor_of(f, m, from);
	fo->unknown_gap = from->after && from->boot != f->boot;
	httpd_watch_gone(c, fo, on_gone);
	httpd_stream(c, 200, format == FOLLOW_JSON ?
		     "application/x-ndjson" : "text/plain; charset=utf-8",
		     on_drain);
	push(fo);
	return true;
}

static void on_push(struct loop *l, struct later *later)
{
	struct follows *f = CONTAINER(later, struct follows, push);

	(void)l;
	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (f->all[i].conn && !httpd_full(f->all[i].conn))
			push(&f->all[i]);
}

void follow_said(struct follows *f)
{
	loop_later(f->sup->loop, &f->push);
}

size_t follow_count(const struct follows *f)
{
	size_t n = 0;

	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		n += f->all[i].conn != NULL;
	return n;
}

void follow_end(struct follows *f, struct mod *m)
{
	(void)f;
	LIST_EACH(n, &m->followers) {
		struct follower *fo = CONTAINER(n, struct follower, node);
		struct httpd_conn *c;

		push(fo);
		c = fo->conn;
		if (!c)
			continue;
		release(fo);
		httpd_end(c);
	}
}

void follow_init(struct follows *f, struct sup *s, uint64_t boot)
{
	f->sup = s;
	f->boot = boot;
	list_init(&f->free);
	later_init(&f->push, on_push);
	for (size_t i = 0; i < FOLLOWERS_MAX; i++) {
		f->all[i] = (struct follower){ .follows = f };
		list_append(&f->free, &f->all[i].node);
	}
}
