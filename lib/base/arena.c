/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "base/err.h"
#include "base/fmt.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4000      /* a page less what malloc keeps for itself */

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	max_align_t data[];
};

void arena_init(struct arena *a, size_t cap)
{
	*a = (struct arena){ .cap = cap };
}

void arena_init_in(struct arena *a, size_t cap, void *block, size_t size)
{
	struct arena_block *b = block;

	if (size < sizeof *b)
		BUG("no room for a block");
	*b = (struct arena_block){ .size = size - sizeof *b };
	*a = (struct arena){ .cap = cap, .blocks = b, .given = b };
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->blocks, *next;

	for (; b; b = next) {
		next = b->next;
		if (b != a->given)
			free(b);
	}
	*a = (struct arena){ .cap = a->cap, .blocks = a->given,
			     .given = a->given };
	if (!a->given)
		return;
	/* What was used is given out again as zeros. */
	memset(a->given->data, 0, a->given->used);
	a->given->next = NULL;
	a->given->used = 0;
}

void arena_release(struct arena *a)
{
	arena_reset(a);
}

static struct arena_block *grow(struct arena *a, size_t n)
{
	size_t size = n > BLOCK ? n : BLOCK;
	struct arena_block *b;

	if (size > a->cap - a->used && n <= a->cap - a->used)
		size = a->cap - a->used;
	if (size > a->cap - a->used || size < n)
		return NULL;
	b = calloc(1, sizeof *b + size);
	if (!b)
		return NULL;
	*b = (struct arena_block){ .next = a->blocks, .size = size };
	a->blocks = b;
	a->used += size;
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_block *b = a->blocks;
	void *p;

	if (a->failed || n > a->cap) {
		a->failed = true;
		return NULL;
	}
	n = (n + align - 1) / align * align;
	if (!b || b->size - b->used < n)
		b = grow(a, n);
	if (!b) {
		a->failed = true;
		return NULL;
	}
	p = (char *)b->data + b->used;
	b->used += n;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t each)
{
	if (each && n > (size_t)-1 / 2 / each) {
		a->failed = true;
		return NULL;
	}
	return arena_alloc(a, n * each);
}

char *arena_cstr(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_cstr(a, s);

	return p ? (struct str){ p, s.n } : STR_NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = fmt_va(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	fmt_va(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

bool arena_failed(const struct arena *a)
{
	return a->failed;
}
