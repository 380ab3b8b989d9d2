/* SPDX-License-Identifier: MIT */
/*
 * The writer. level[] remembers, for each container that is open, what may
 * come next; level[0] is the document itself. Escapes are those of
 * JSON.stringify(), so that a file written back by either hub is the same.
 */
#include "wire/json.h"

#include "wire/date.h"

#include <inttypes.h>

void jsonw_init(struct jsonw *w, struct buf *out, enum jsonw_style style)
{
	*w = (struct jsonw){ .out = out, .style = style };
}

/* Too deep: the buf has failed, and only the depth is still kept. */
static bool lost(const struct jsonw *w)
{
	return w->depth > JSON_DEPTH_MAX;
}

static void newline(struct jsonw *w, unsigned depth)
{
	if (w->style != JSONW_PRETTY)
		return;
	buf_putc(w->out, '\n');
	while (depth--)
		buf_put(w->out, STR("  "));
}

/* What stands before a value, and whether one may stand here. */
static void begin(struct jsonw *w)
{
	bool some, key;

	if (lost(w))
		return;
	some = w->level[w->depth].some;
	key = w->level[w->depth].key;
	if (!w->depth && some)
		BUG("a second value after the document");
	if (w->level[w->depth].object && !key)
		BUG("a value without a key in an object");
	w->level[w->depth].some = true;
	w->level[w->depth].key = false;
	if (key || !w->depth)
		return;
	if (some)
		buf_putc(w->out, ',');
	newline(w, w->depth);
}

static void put_escape(struct jsonw *w, unsigned char c)
{
	static const char letters[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
		['\r'] = 'r',
	};

	if (c >= 0x80) {
		buf_put(w->out, STR("\xef\xbf\xbd"));
	} else if (c < 0x20 && !letters[c]) {
		buf_printf(w->out, "\\u%04x", (unsigned)c);
	} else {
		buf_putc(w->out, '\\');
		buf_putc(w->out, c < 0x20 ? letters[c] : (char)c);
	}
}

static void put_string(struct jsonw *w, struct str s)
{
	size_t i = 0, n;

	buf_putc(w->out, '"');
	while (i < s.n) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			i++;
			continue;
		}
		n = c < 0x20 || c == '"' || c == '\\' ?
		    0 : json_utf8(str_skip(s, i));
		i += n;
		if (n)
			continue;
		buf_put(w->out, str_take(s, i));
		put_escape(w, c);
		s = str_skip(s, i + 1);
		i = 0;
	}
	buf_put(w->out, s);
	buf_putc(w->out, '"');
}

static void open(struct jsonw *w, bool object)
{
	begin(w);
	w->depth++;
	if (lost(w)) {
		w->out->failed = true;
		return;
	}
	w->level[w->depth].object = object;
	w->level[w->depth].some = false;
	w->level[w->depth].key = false;
	buf_putc(w->out, object ? '{' : '[');
}

void jsonw_object(struct jsonw *w)
{
	open(w, true);
}

void jsonw_array(struct jsonw *w)
{
	open(w, false);
}

void jsonw_end(struct jsonw *w)
{
	if (!w->depth)
		BUG("an end with nothing open");
	if (!lost(w)) {
		if (w->level[w->depth].key)
			BUG("a key without a value");
		if (w->level[w->depth].some)
			newline(w, w->depth - 1);
		buf_putc(w->out, w->level[w->depth].object ? '}' : ']');
	}
	w->depth--;
}

void jsonw_key(struct jsonw *w, const char *key)
{
	jsonw_keyn(w, str_of(key));
}

void jsonw_keyn(struct jsonw *w, struct str key)
{
	if (lost(w))
		return;
	if (!w->level[w->depth].object)
		BUG("a key outside an object");
	if (w->level[w->depth].key)
		BUG("a key after a key");
	if (w->level[w->depth].some)
		buf_putc(w->out, ',');
	newline(w, w->depth);
	put_string(w, key);
	buf_put(w->out, w->style == JSONW_PRETTY ? STR(": ") : STR(":"));
	w->level[w->depth].key = true;
}

static void put_token(struct jsonw *w, struct str token)
{
	begin(w);
	buf_put(w->out, token);
}

void jsonw_str(struct jsonw *w, struct str s)
{
	begin(w);
	put_string(w, s);
}

void jsonw_cstr(struct jsonw *w, const char *s)
{
	if (s)
		jsonw_str(w, str_of(s));
	else
		jsonw_null(w);
}

void jsonw_int(struct jsonw *w, int64_t v)
{
	begin(w);
	buf_printf(w->out, "%" PRId64, v);
}

void jsonw_bool(struct jsonw *w, bool b)
{
	put_token(w, b ? STR("true") : STR("false"));
}

void jsonw_null(struct jsonw *w)
{
	put_token(w, STR("null"));
}

/* Recurses no deeper than it may write. */
void jsonw_value(struct jsonw *w, const struct json *j)
{
	switch (j ? j->type : JSON_NULL) {
	case JSON_NULL:
		jsonw_null(w);
		break;
	case JSON_BOOL:
		jsonw_bool(w, j->truth);
		break;
	case JSON_NUMBER:
		put_token(w, j->text);
		break;
	case JSON_STRING:
		jsonw_str(w, j->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		open(w, j->type == JSON_OBJECT);
		for (j = lost(w) ? NULL : j->child; j; j = j->next) {
			if (w->level[w->depth].object)
				jsonw_keyn(w, j->key);
			jsonw_value(w, j);
		}
		jsonw_end(w);
		break;
	}
}

void jsonw_text(struct jsonw *w, const char *key, struct str s)
{
	jsonw_key(w, key);
	if (s.n)
		jsonw_str(w, s);
	else
		jsonw_null(w);
}

void jsonw_time(struct jsonw *w, const char *key, int64_t unix_ms)
{
	char text[DATE_ISO_SIZE];

	date_iso(unix_ms, text);
	jsonw_key(w, key);
	jsonw_cstr(w, unix_ms ? text : NULL);
}
