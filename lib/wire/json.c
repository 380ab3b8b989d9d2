/* SPDX-License-Identifier: MIT */
/*
 * The parser (RFC 8259). It does not recurse: containers that are open stand
 * on a stack of JSON_DEPTH_MAX entries, so no input decides how much of ours
 * is used.
 *
 * A line break can stand only between tokens, so an error is always on the
 * line that is being read. Only a name given twice is found later, when its
 * object closes: then the members are sorted by name, which takes n log n
 * whatever the names are. A hash table would need a secret to promise that.
 */
#include "wire/json.h"

#include "base/fmt.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct str in;
	size_t at, line_at;             /* here; where this line starts */
	unsigned line, depth;
	struct arena *arena;
	struct json_at *where;
	struct err *err;
	struct { struct json *node, **tail; } open[JSON_DEPTH_MAX];
	char found[16], shown[40];      /* for messages */
};

/* Messages */

static struct json_at here(const struct parser *p)
{
	return (struct json_at){
		.line = p->line,
		.column = (unsigned)(p->at - p->line_at) + 1,
	};
}

__attribute__((format(printf, 4, 5)))
static int fail(struct parser *p, struct json_at at, enum err_code code,
		const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	fmt_va(what, sizeof what, fmt, ap);
	va_end(ap);
	if (p->where)
		*p->where = at;
	return err_set(p->err, code, "line %u column %u: %s", at.line,
		       at.column, what);
}

#define BAD(p, ...) fail((p), here(p), ERR_INVALID, __VA_ARGS__)

static int no_memory(struct parser *p)
{
	return fail(p, here(p), ERR_NO_MEMORY, "no memory for what follows");
}

static int peek(const struct parser *p)
{
	return p->at < p->in.n ? (unsigned char)p->in.p[p->at] : -1;
}

static const char *found(struct parser *p)
{
	int c = peek(p);

	if (c < 0)
		return "the end";
	fmt(p->found, sizeof p->found,
	    c > ' ' && c < 0x7f ? "'%c'" : "byte 0x%02x", (unsigned)c);
	return p->found;
}

/* Messages go to terminals and logs: what a name may do there is bounded. */
static const char *show(struct parser *p, struct str s)
{
	size_t max = sizeof p->shown - sizeof "...", n = s.n < max ? s.n : max;

	for (size_t i = 0; i < n; i++)
		p->shown[i] = s.p[i] >= ' ' && s.p[i] < 0x7f ? s.p[i] : '?';
	memcpy(p->shown + n, n < s.n ? "..." : "\0\0\0", sizeof "...");
	return p->shown;
}

/* Tokens */

static void space(struct parser *p)
{
	for (;; p->at++) {
		switch (peek(p)) {
		case '\n':
			p->line++;
			p->line_at = p->at + 1;
			break;
		case ' ':
		case '\t':
		case '\r':
			break;
		default:
			return;
		}
	}
}

/* RFC 3629: the second byte is what keeps out long forms and surrogates. */
size_t json_utf8(struct str s)
{
	unsigned char c = s.n ? (unsigned char)s.p[0] : 0xff, low = 0x80,
		      high = 0xbf;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (n == 1)
		return 1;
	if (c < 0xc2 || c > 0xf4 || s.n < n)
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if ((unsigned char)s.p[i] < low || (unsigned char)s.p[i] > high)
			return 0;
	return n;
}

static size_t put_utf8(char *out, uint32_t cp)
{
	size_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n - 1; i; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)(lead[n] | cp);
	return n;
}

/* The number in "\uXXXX", or -1. */
static int32_t unit(struct str s)
{
	int32_t v = 0;

	if (s.n < 6 || s.p[0] != '\\' || s.p[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		char c = s.p[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* The length of the escape that s starts with; 0, with a reason, if it is
 * none. */
static size_t escape(struct str s, uint32_t *cp, const char **why)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int32_t high, low;

	*why = "a '\\' that escapes nothing";
	if (s.n < 2)
		return 0;
	at = memchr(from, s.p[1], sizeof from - 1);
	if (at) {
		*cp = (unsigned char)to[at - from];
		return 2;
	}
	if (s.p[1] != 'u')
		return 0;
	*why = "expected four hex digits after \\u";
	high = unit(s);
	if (high < 0)
		return 0;
	*cp = (uint32_t)high;
	if (high < 0xd800 || high > 0xdfff)
		return 6;
	*why = "half a surrogate pair";
	low = unit(str_skip(s, 6));
	if (high > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return 0;
	*cp = 0x10000 + ((uint32_t)(high - 0xd800) << 10) +
	      (uint32_t)(low - 0xdc00);
	return 12;
}

/* Decoded text is never longer than what was written. */
static int decode(struct parser *p, struct str raw, struct str *out)
{
	char *to = arena_alloc(p->arena, raw.n);
	const char *why;
	uint32_t cp = 0;
	size_t n = 0;

	if (!to)
		return no_memory(p);
	while (raw.n) {
		if (raw.p[0] == '\\') {
			raw = str_skip(raw, escape(raw, &cp, &why));
			n += put_utf8(to + n, cp);
		} else {
			to[n++] = raw.p[0];
			raw = str_skip(raw, 1);
		}
	}
	*out = (struct str){ to, n };
	return 0;
}

/* Skips what stands for itself, most of most strings; the byte behind it. */
static int plain(struct parser *p)
{
	const unsigned char *s = (const unsigned char *)p->in.p;
	size_t at = p->at;

	while (at < p->in.n && s[at] >= ' ' && s[at] < 0x80 &&
	       s[at] != '"' && s[at] != '\\')
		at++;
	p->at = at;
	return at < p->in.n ? s[at] : -1;
}

static int string(struct parser *p, struct str *out)
{
	size_t from = ++p->at, n = 1;
	bool escapes = false;
	const char *why;
	uint32_t cp;
	struct str raw;
	int c;

	for (; (c = plain(p)) != '"'; p->at += n) {
		if (c < 0 || c == '\n' || c == '\r')
			return BAD(p, "expected '\"' to end the string that "
				   "starts in column %zu, found %s",
				   from - p->line_at,
				   c < 0 ? "the end" : "a line break");
		if (c < ' ')
			return BAD(p, "control character in a string; "
				   "write \\u%04x", (unsigned)c);
		if (c == '\\') {
			n = escape(str_skip(p->in, p->at), &cp, &why);
			if (!n)
				return BAD(p, "%s", why);
			escapes = true;
		} else {
			n = json_utf8(str_skip(p->in, p->at));
			if (!n)
				return BAD(p, "bad UTF-8, byte 0x%02x",
					   (unsigned)c);
		}
	}
	raw = str_take(str_skip(p->in, from), p->at - from);
	p->at++;
	if (escapes)
		return decode(p, raw, out);
	*out = raw;
	return 0;
}

static bool digits(struct parser *p)
{
	size_t from = p->at;

	while (peek(p) >= '0' && peek(p) <= '9')
		p->at++;
	return p->at > from;
}

static int number(struct parser *p, struct str *out)
{
	size_t from = p->at;

	if (peek(p) == '-')
		p->at++;
	if (peek(p) == '0') {
		p->at++;
		if (peek(p) >= '0' && peek(p) <= '9')
			return BAD(p, "a number with a leading zero");
	} else if (!digits(p)) {
		return BAD(p, "expected a digit after '-', found %s", found(p));
	}
	if (peek(p) == '.') {
		p->at++;
		if (!digits(p))
			return BAD(p, "expected a digit after '.', found %s",
				   found(p));
	}
	if (peek(p) == 'e' || peek(p) == 'E') {
		p->at++;
		if (peek(p) == '+' || peek(p) == '-')
			p->at++;
		if (!digits(p))
			return BAD(p, "expected a digit in the exponent, "
				   "found %s", found(p));
	}
	*out = str_take(str_skip(p->in, from), p->at - from);
	return 0;
}

static bool is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || c == '_' ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static int word(struct parser *p, struct json *j)
{
	struct str w = str_span(str_skip(p->in, p->at), is_word);

	if (!w.n)
		return BAD(p, "expected a value, found %s", found(p));
	j->truth = str_is(w, "true");
	if (!j->truth && !str_is(w, "false") && !str_is(w, "null"))
		return BAD(p, "unknown word %s", show(p, w));
	j->type = w.p[0] == 'n' ? JSON_NULL : JSON_BOOL;
	p->at += w.n;
	return 0;
}

/* Structure */

/* By length, then bytes; equal names in the order of the text. */
static int by_name(const void *a, const void *b)
{
	const struct json *x = *(struct json *const *)a;
	const struct json *y = *(struct json *const *)b;
	int d;

	if (x->key.n != y->key.n)
		return x->key.n < y->key.n ? -1 : 1;
	d = memcmp(x->key.p, y->key.p, x->key.n);
	if (d)
		return d;
	if (x->key_line != y->key_line)
		return x->key_line < y->key_line ? -1 : 1;
	return x->key_column < y->key_column ? -1 : 1;
}

static bool before(const struct json *x, const struct json *y)
{
	return x->key_line < y->key_line ||
	       (x->key_line == y->key_line && x->key_column < y->key_column);
}

static bool has_twice(struct json *const *all, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (str_eq(all[i]->key, all[k]->key))
				return true;
	return false;
}

static int refuse_twice(struct parser *p, const struct json *object)
{
	struct json *few[32], **all = few, *first = NULL, *again = NULL;
	size_t n = 0;

	if (object->count > LEN(few))
		all = arena_array(p->arena, object->count, sizeof *all);
	if (!all)
		return no_memory(p);
	JSON_EACH(c, object)
		all[n++] = c;
	/* The usual object is small and right: no need to sort it. */
	if (all == few && !has_twice(all, n))
		return 0;
	qsort(all, n, sizeof *all, by_name);
	for (size_t i = 1; i < n; i++) {
		if (!str_eq(all[i - 1]->key, all[i]->key) ||
		    (again && !before(all[i], again)))
			continue;
		first = all[i - 1];
		again = all[i];
	}
	if (!again)
		return 0;
	return fail(p, (struct json_at){ again->key_line, again->key_column },
		    ERR_INVALID, "the name \"%s\" again; it was given on "
		    "line %u", show(p, again->key), first->key_line);
}

static int name(struct parser *p, struct json *j)
{
	struct json_at at = here(p);

	j->key_line = at.line;
	j->key_column = at.column;
	if (peek(p) != '"')
		return BAD(p, "expected a name in double quotes, found %s",
			   found(p));
	if (string(p, &j->key) < 0)
		return -1;
	space(p);
	if (peek(p) != ':')
		return BAD(p, "expected ':' after the name \"%s\", found %s",
			   show(p, j->key), found(p));
	p->at++;
	space(p);
	return 0;
}

static int open(struct parser *p, struct json *j, enum json_type type)
{
	if (p->depth == JSON_DEPTH_MAX)
		return BAD(p, "nested more than %d deep", JSON_DEPTH_MAX);
	p->open[p->depth].node = j;
	p->open[p->depth].tail = &j->child;
	p->depth++;
	p->at++;
	j->type = type;
	return 0;
}

static int value(struct parser *p, struct json *j)
{
	int c = peek(p);

	switch (c) {
	case '{':
		return open(p, j, JSON_OBJECT);
	case '[':
		return open(p, j, JSON_ARRAY);
	case '"':
		j->type = JSON_STRING;
		return string(p, &j->text);
	case '/':
	case '#':
		return BAD(p, "expected a value, found '%c'; "
			   "comments are not allowed", c);
	case '\'':
		return BAD(p, "expected a value; a string stands in "
			   "double quotes");
	default:
		if (c != '-' && (c < '0' || c > '9'))
			return word(p, j);
		j->type = JSON_NUMBER;
		return number(p, &j->text);
	}
}

/* One value, with its name when it is in an object. A container is only
 * opened. */
static struct json *item(struct parser *p)
{
	struct json *j = arena_alloc(p->arena, sizeof *j);
	unsigned top = p->depth - 1;
	struct json_at at;

	if (!j) {
		no_memory(p);
		return NULL;
	}
	if (p->depth) {
		if (p->open[top].node->type == JSON_OBJECT && name(p, j) < 0)
			return NULL;
		*p->open[top].tail = j;
		p->open[top].tail = &j->next;
		p->open[top].node->count++;
	}
	at = here(p);
	j->line = at.line;
	j->column = at.column;
	return value(p, j) < 0 ? NULL : j;
}

/* Closes what ends here, and stops where another item must follow, or at
 * depth 0. */
static int after_item(struct parser *p)
{
	while (p->depth) {
		struct json *in = p->open[p->depth - 1].node;
		int close = in->type == JSON_OBJECT ? '}' : ']';

		space(p);
		if (peek(p) == close) {
			p->at++;
			p->depth--;
			if (close == '}' && refuse_twice(p, in) < 0)
				return -1;
			continue;
		}
		if (!in->count)
			return 0;
		if (peek(p) != ',')
			return BAD(p, "expected ',' or '%c', found %s", close,
				   found(p));
		p->at++;
		space(p);
		if (peek(p) == close)
			return BAD(p, "nothing between ',' and '%c'", close);
		return 0;
	}
	return 0;
}

struct json *json_parse(struct str text, struct arena *a,
			struct json_at *where, struct err *e)
{
	struct parser p = {
		.in = text, .line = 1, .arena = a, .where = where, .err = e,
	};
	struct json *root = NULL, *j;

	if (text.n > JSON_SIZE_MAX) {
		BAD(&p, "longer than %d bytes", JSON_SIZE_MAX);
		return NULL;
	}
	if (str_starts(text, STR("\xef\xbb\xbf"))) {
		BAD(&p, "starts with a byte order mark");
		return NULL;
	}
	space(&p);
	do {
		j = item(&p);
		if (!j || after_item(&p) < 0)
			return NULL;
		if (!root)
			root = j;
	} while (p.depth);
	space(&p);
	if (peek(&p) >= 0) {
		BAD(&p, "expected nothing more, found %s", found(&p));
		return NULL;
	}
	return root;
}

/* The tree */

struct json *json_get(const struct json *object, const char *key)
{
	if (!object || object->type != JSON_OBJECT)
		return NULL;
	JSON_EACH(c, object)
		if (str_is(c->key, key))
			return c;
	return NULL;
}

bool json_str(const struct json *j, struct str *out)
{
	if (!j || j->type != JSON_STRING)
		return false;
	*out = j->text;
	return true;
}

bool json_bool(const struct json *j, bool *out)
{
	if (!j || j->type != JSON_BOOL)
		return false;
	*out = j->truth;
	return true;
}

bool json_int(const struct json *j, int64_t min, int64_t max, int64_t *out)
{
	uint64_t v;
	int64_t i;
	bool minus;

	if (!j || j->type != JSON_NUMBER)
		return false;
	minus = str_starts(j->text, STR("-"));
	if (!str_to_u64(str_skip(j->text, minus),
			(uint64_t)INT64_MAX + minus, &v))
		return false;
	i = minus && v ? -(int64_t)(v - 1) - 1 : (int64_t)v;
	if (i < min || i > max)
		return false;
	*out = i;
	return true;
}
