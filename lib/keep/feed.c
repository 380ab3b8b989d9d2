/* SPDX-License-Identifier: MIT */
#include "keep/feed.h"

#define PIECE 16384     /* written to a connection at once */

bool feed_cursor(struct str text, struct feed_from *from)
{
	struct str boot, seq;
	uint64_t b, s;

	if (!str_cut(text, '.', &boot, &seq) ||
	    !str_to_u64(boot, UINT64_MAX, &b) ||
	    !str_to_u64(seq, UINT64_MAX - 1, &s))
		return false;
	from->after = true;
	from->boot = b;
	from->seq = s;
	return true;
}

static uint64_t first_kept(const struct ring *r)
{
	return ring_last(r) - ring_lines(r) + 1;
}

struct feed_at feed_begin(const struct feed *f, const struct feed_from *from)
{
	const struct ring *r = f->ring;
	bool ours = from->after && from->boot == f->feeds->boot;
	struct feed_at at = { .at = ring_newest(r, from->newest) };

	if (f->resets) {
		ours = ours && from->seq <= ring_last(r);
		at.lost = !ours;
	} else if (from->after && !ours) {
		at.lost = true;
		at.boot = from->boot;
		at.seq = from->seq + 1;
	}
	if (ours)
		at.at = ring_from(r, from->seq + 1);
	return at;
}

/* The gap before the reader's place, when there is one. */
static bool next_gap(const struct feed *f, struct feed_at *at,
		     struct feed_gap *gap)
{
	uint64_t first = first_kept(f->ring);

	if (at->lost) {
		*gap = (struct feed_gap){ .boot = at->boot, .from = at->seq,
					  .to = at->at.seq - 1 };
		at->lost = false;
		return true;
	}
	if (at->at.seq >= first)
		return false;
	*gap = (struct feed_gap){ f->feeds->boot, at->at.seq, first - 1,
				  first - at->at.seq };
	at->at = ring_oldest(f->ring);
	return true;
}

bool feed_next(const struct feed *f, struct feed_at *at,
	       struct feed_item *item)
{
	uint64_t missed;

	item->is_gap = next_gap(f, at, &item->gap);
	if (item->is_gap && f->resets)
		at->at = ring_newest(f->ring, 0);
	if (!item->is_gap &&
	    !ring_next(f->ring, &at->at, &item->line, &missed))
		return false;
	item->seq = at->at.seq - 1;
	return true;
}

static void release(struct follower *fo)
{
	list_remove(&fo->node);
	list_append(&fo->feed->feeds->free, &fo->node);
	fo->conn = NULL;
	fo->feed = NULL;
}

/* Writes until caught up or the connection has enough. */
static void push(struct follower *fo)
{
	struct feed_item item;
	bool more = true;
	struct buf b;

	/* What one item can be at most: an escape is six bytes for one; the
	 * whole state of the hub where that stands for a gap. */
	buf_init(&b, HTTPD_OUT_MAX);
	while (more && !httpd_full(fo->conn)) {
		while (buf_str(&b).n < PIECE && !buf_failed(&b)) {
			more = feed_next(fo->feed, &fo->at, &item);
			if (!more)
				break;
			fo->form->put(fo->feed, &item, &b);
		}
		if (buf_failed(&b)) {   /* no memory: cut it, it can resume */
			struct httpd_conn *c = fo->conn;

			release(fo);
			httpd_cut_stream(c);
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

static void end(struct follower *fo)
{
	struct httpd_conn *c;

	push(fo);
	c = fo->conn;
	if (!c)
		return;
	release(fo);
	httpd_end(c);
}

bool feed_follow(struct feed *f, const struct feed_from *from,
		 const struct feed_form *form, struct httpd_conn *c)
{
	struct feeds *all = f->feeds;
	struct follower *fo;

	if (list_empty(&all->free))
		return false;
	fo = CONTAINER(all->free.next, struct follower, node);
	list_remove(&fo->node);
	list_append(&f->followers, &fo->node);
	fo->feed = f;
	fo->conn = c;
	fo->form = form;
	fo->at = feed_begin(f, from);
	httpd_watch_gone(c, fo, on_gone);
	httpd_stream(c, 200, form->type, on_drain);
	push(fo);
	if (all->ended && fo->conn)
		end(fo);
	return true;
}

static void on_push(struct loop *l, struct later *later)
{
	struct feeds *all = CONTAINER(later, struct feeds, push);

	(void)l;
	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (all->all[i].conn && !httpd_full(all->all[i].conn))
			push(&all->all[i]);
}

void feed_said(struct feed *f)
{
	if (feed_is_followed(f))
		loop_later(f->feeds->loop, &f->feeds->push);
}

void feed_end(struct feed *f)
{
	LIST_EACH(n, &f->followers)
		end(CONTAINER(n, struct follower, node));
}

void feeds_end(struct feeds *all)
{
	all->ended = true;
	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (all->all[i].conn)
			end(&all->all[i]);
}

size_t feeds_count(const struct feeds *all, uint64_t peer)
{
	size_t n = 0;

	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		n += httpd_is_of(all->all[i].conn, peer);
	return n;
}

void feed_init(struct feed *f, struct feeds *all, const char *name,
	       const struct ring *ring)
{
	*f = (struct feed){ .feeds = all, .name = name, .ring = ring };
	list_init(&f->followers);
}

void feeds_init(struct feeds *all, struct loop *loop, uint64_t boot)
{
	all->loop = loop;
	all->boot = boot;
	all->ended = false;
	list_init(&all->free);
	later_init(&all->push, on_push);
	for (size_t i = 0; i < FOLLOWERS_MAX; i++) {
		all->all[i] = (struct follower){ 0 };
		list_append(&all->free, &all->all[i].node);
	}
}
