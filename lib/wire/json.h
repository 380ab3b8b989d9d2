/* SPDX-License-Identifier: MIT */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

/*
 * JSON (RFC 8259), strictly: no comments, no trailing commas, one value and
 * nothing but white space around it, no byte order mark, no duplicate keys in
 * an object, no bad UTF-8, no lone surrogate, no control character in a
 * string. Depth and size are bounded.
 *
 * json_parse() builds a tree in the caller's arena; all text in the tree is
 * in that arena or points into the input, so both must outlive it. Numbers
 * keep their text: nothing is lost when a tree is written back.
 * On failure it returns NULL, the message starts "line L column C: ", and
 * *where (when not NULL) holds the same two numbers, from 1, columns in
 * bytes. Running out of the arena is ERR_NO_MEMORY, all else ERR_INVALID.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 64               /* nobody nests deeper by hand */
#define JSON_SIZE_MAX  (4 * 1024 * 1024)

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json {
	enum json_type type;
	bool truth;
	unsigned line, column;          /* where it starts */
	unsigned key_line, key_column;  /* in an object: where its name does */
	struct str key;                 /* in an object: its decoded name */
	struct str text;                /* string: decoded; number: verbatim */
	size_t count;                   /* children */
	struct json *child, *next;      /* first child; next sibling */
};

struct json_at {
	unsigned line, column;
};

struct json *json_parse(struct str text, struct arena *, struct json_at *where,
			struct err *);

/* All of these take NULL and answer NULL / false for it. Text may hold NUL. */
struct json *json_get(const struct json *object, const char *key);
bool json_str(const struct json *, struct str *out);
bool json_bool(const struct json *, bool *out);
/* An integer written without '.', 'e' or leading zero, within the limits. */
bool json_int(const struct json *, int64_t min, int64_t max, int64_t *out);

/* The length, 1 to 4, of the UTF-8 character that s starts with, or 0. */
size_t json_utf8(struct str);

#define JSON_EACH(c, parent) \
	for (struct json *c = (parent) ? (parent)->child : NULL; c; c = c->next)

/*
 * The writer. Commas, quotes and escapes are its business; it never emits
 * text that json_parse() refuses (bad UTF-8 becomes U+FFFD). It is sticky
 * through the buf it writes to: check buf_failed() once, at the end.
 * Calls that do not fit together (a key outside an object) are a BUG, but
 * nesting deeper than JSON_DEPTH_MAX, which may come from a tree that others
 * sent, fails the buf. Names are not compared: to give each once is up to the
 * caller, and two that differ only in bad UTF-8 become the same.
 *
 *	jsonw_init(&w, &out, JSONW_PRETTY);
 *	jsonw_object(&w);
 *	jsonw_key(&w, "port"); jsonw_int(&w, 1940);
 *	jsonw_end(&w);
 *
 * JSONW_PRETTY is what the reference hub writes: two spaces, empty
 * containers as {} and []; the caller adds the last newline.
 */
enum jsonw_style { JSONW_COMPACT, JSONW_PRETTY };

struct jsonw {
	struct buf *out;
	enum jsonw_style style;
	unsigned depth;
	struct { bool object, some, key; } level[JSON_DEPTH_MAX + 1];
};

void jsonw_init(struct jsonw *, struct buf *out, enum jsonw_style);
void jsonw_object(struct jsonw *);
void jsonw_array(struct jsonw *);
void jsonw_end(struct jsonw *);                 /* closes the innermost */
void jsonw_key(struct jsonw *, const char *);
void jsonw_keyn(struct jsonw *, struct str);
void jsonw_str(struct jsonw *, struct str);
void jsonw_cstr(struct jsonw *, const char *);  /* NULL writes null */
void jsonw_int(struct jsonw *, int64_t);
void jsonw_bool(struct jsonw *, bool);
void jsonw_null(struct jsonw *);
void jsonw_value(struct jsonw *, const struct json *);  /* a parsed tree */
/* A whole member, null when there is nothing to tell: an empty text, an
 * instant that is 0. Else it is in ISO form. */
void jsonw_text(struct jsonw *, const char *key, struct str);
void jsonw_time(struct jsonw *, const char *key, int64_t unix_ms);

#endif
