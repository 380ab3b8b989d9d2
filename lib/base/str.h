/* SPDX-License-Identifier: MIT */
#ifndef BASE_STR_H
#define BASE_STR_H

/*
 * Spans of bytes that somebody else owns.
 *
 * A struct str points into a buffer, an arena or a literal; it is never
 * NUL-terminated by promise and never freed. It is the only string type that
 * crosses a unit. An empty str may have p == NULL.
 *
 * Parsers are built from str_span() and str_skip(): neither can step outside
 * the span, so no parser does pointer arithmetic of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit)  ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_NULL  ((struct str){ NULL, 0 })
#define LEN(a)    (sizeof(a) / sizeof((a)[0]))

/* printf: "%.*s", STR_ARG(s) */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

/* The object that embeds *ptr as its MEMBER. */
#define CONTAINER(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

struct str str_of(const char *cstr);            /* NULL gives an empty str */
bool str_eq(struct str, struct str);
bool str_is(struct str, const char *cstr);
bool str_eq_nocase(struct str, struct str);     /* ASCII letters only */
bool str_starts(struct str, struct str prefix);
bool str_ends(struct str, struct str suffix);
int  str_cmp(struct str, struct str);           /* bytewise, as memcmp */

/* The part before and after the first n bytes; n is clamped to the length. */
struct str str_take(struct str, size_t n);
struct str str_skip(struct str, size_t n);

/* The longest prefix whose bytes all satisfy the predicate. */
struct str str_span(struct str, bool (*is)(unsigned char));

/*
 * Splits at the first c: *head gets what is before it, *rest what is after.
 * False when there is no c; then *head is the whole and *rest is empty.
 */
bool str_cut(struct str, char c, struct str *head, struct str *rest);

ptrdiff_t str_find(struct str, char c);         /* index, or -1 */
struct str str_trim(struct str, const char *set);

/* NUL-terminated copy for the OS; false when it does not fit or holds NUL. */
bool str_to_c(struct str, char *out, size_t size);

/* Decimal, digits only, no sign, no leading '+', at most max; false if not. */
bool str_to_u64(struct str, uint64_t max, uint64_t *out);

/* Overwrites secrets; the compiler may not remove it. */
void wipe(void *p, size_t n);

/* FNV-1a: tells a torn or alien record from a whole one; no more. */
uint64_t str_sum(struct str);

#endif
