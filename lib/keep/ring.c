/* SPDX-License-Identifier: MIT */
/*
 * Records lie one behind the other, each a header and its text, padded to
 * eight bytes. One that does not fit before the end of the block starts at
 * the beginning again; `wrap` says where the filled part ended then. Their
 * numbers follow each other, so none is written down.
 *
 *	| head | newest ... | free | oldest ... | wrap (unused) |
 */
#include "keep/ring.h"

#include "base/err.h"

#include <string.h>

#define RING_VERSION 1

struct ring_head {
	uint32_t version, size;
	uint32_t first, end;    /* offsets: oldest record, next free byte */
	uint32_t wrap;          /* end of the filled part, when end <= first */
	uint32_t unused;
	uint64_t first_seq, next_seq;
};

struct record {
	int64_t unix_ns;
	uint32_t len;
	uint8_t stream, partial;
	uint16_t unused;
};

#define START ((uint32_t)sizeof(struct ring_head))

static struct record *record_at(const struct ring_head *h, uint32_t at)
{
	return (struct record *)(void *)((char *)(uintptr_t)h + at);
}

static uint32_t footprint(size_t len)
{
	return (uint32_t)((sizeof(struct record) + len + 7) / 8 * 8);
}

static bool is_empty(const struct ring_head *h)
{
	return h->first_seq == h->next_seq;
}

/* Where the record behind the one at `at` is. */
static uint32_t behind(const struct ring_head *h, uint32_t at)
{
	at += footprint(record_at(h, at)->len);
	return at == h->wrap && h->end <= h->first ? START : at;
}

void ring_init(struct ring *r, void *block, uint32_t size)
{
	struct ring_head *h = block;

	if (size < START + 2 * footprint(1))
		BUG("a ring that holds nothing");
	*h = (struct ring_head){ .version = RING_VERSION, .size = size / 8 * 8,
				 .first = START, .end = START,
				 .first_seq = 1, .next_seq = 1 };
	r->head = h;
}

void ring_go_on(struct ring *r, uint64_t last)
{
	r->head->first_seq = r->head->next_seq = last + 1;
}

static void drop_oldest(struct ring_head *h)
{
	h->first = behind(h, h->first);
	if (++h->first_seq == h->next_seq)
		h->first = h->end = START;
}

/* Makes room for need bytes in one piece; returns their offset. */
static uint32_t make_room(struct ring_head *h, uint32_t need)
{
	for (;;) {
		bool wrapped = !is_empty(h) && h->end <= h->first;

		if (is_empty(h)) {
			h->first = h->end = START;
			return START;
		}
		if (wrapped && h->first - h->end >= need)
			return h->end;
		if (!wrapped && h->size - h->end >= need)
			return h->end;
		if (!wrapped && h->first - START >= need) {
			h->wrap = h->end;
			h->end = START;
			return START;
		}
		drop_oldest(h);
	}
}

void ring_put(struct ring *r, int stream, bool partial, int64_t unix_ns,
	      struct str text)
{
	struct ring_head *h = r->head;
	struct record *rec;
	uint32_t at;

	text = str_take(text, h->size - START - footprint(0));
	at = make_room(h, footprint(text.n));
	rec = record_at(h, at);
	*rec = (struct record){ .unix_ns = unix_ns, .len = (uint32_t)text.n,
				.stream = (uint8_t)stream,
				.partial = partial };
	if (text.n)
		memcpy(rec + 1, text.p, text.n);
	if (is_empty(h))
		h->first = at;
	h->end = at + footprint(text.n);
	h->next_seq++;
}

struct ring_cursor ring_oldest(const struct ring *r)
{
	return (struct ring_cursor){ r->head->first_seq, 0 };
}

struct ring_cursor ring_newest(const struct ring *r, uint64_t lines)
{
	uint64_t kept = ring_lines(r);

	return (struct ring_cursor){
		r->head->next_seq - (lines < kept ? lines : kept), 0 };
}

struct ring_cursor ring_from(const struct ring *r, uint64_t seq)
{
	uint64_t next = r->head->next_seq;

	return (struct ring_cursor){ seq >= next ? next : seq ? seq : 1, 0 };
}

/* The offset of a record that is kept, by walking from the oldest. */
static uint32_t locate(const struct ring_head *h, uint64_t seq)
{
	uint32_t at = h->first;

	for (uint64_t s = h->first_seq; s < seq; s++)
		at = behind(h, at);
	return at;
}

bool ring_next(const struct ring *r, struct ring_cursor *c,
	       struct ring_line *line, uint64_t *missed)
{
	const struct ring_head *h = r->head;
	const struct record *rec;

	*missed = 0;
	if (c->seq >= h->next_seq)
		return false;
	if (c->seq < h->first_seq) {
		*missed = h->first_seq - c->seq;
		*c = ring_oldest(r);
	}
	if (!c->at)     /* what is kept has never moved */
		c->at = locate(h, c->seq);
	rec = record_at(h, c->at);
	*line = (struct ring_line){ c->seq, rec->unix_ns, rec->stream,
				    rec->partial,
				    { (const char *)(rec + 1), rec->len } };
	c->seq++;
	c->at = c->seq < h->next_seq ? behind(h, c->at) : 0;
	return true;
}

uint64_t ring_last(const struct ring *r)
{
	return r->head->next_seq - 1;
}

uint64_t ring_lines(const struct ring *r)
{
	return r->head->next_seq - r->head->first_seq;
}
