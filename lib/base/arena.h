/* SPDX-License-Identifier: MIT */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

/*
 * Memory that lives and dies together: a request, a parsed file, a command.
 *
 * Blocks come from malloc until `cap` bytes are out; then, or when malloc
 * fails, arena_alloc() returns NULL and arena_failed() stays true until the
 * reset. Nothing is freed singly. Results are zeroed and aligned for any type.
 */

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *blocks, *given;
	size_t cap, used;
	bool failed;
};

void arena_init(struct arena *, size_t cap);    /* allocates nothing */
/* The same with a first block that is the caller's: aligned for any type, as
 * long-lived as the arena, not counted in cap. */
void arena_init_in(struct arena *, size_t cap, void *block, size_t size);
void arena_reset(struct arena *);               /* frees all, usable again */
void arena_release(struct arena *);             /* same; the last call */

void *arena_alloc(struct arena *, size_t n);
void *arena_array(struct arena *, size_t n, size_t each);  /* overflow-safe */
struct str arena_str(struct arena *, struct str);       /* a copy */
char *arena_cstr(struct arena *, struct str);           /* with NUL */
char *arena_printf(struct arena *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

bool arena_failed(const struct arena *);

#endif
