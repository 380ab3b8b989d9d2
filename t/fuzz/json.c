/* SPDX-License-Identifier: MIT */
/*
 * What is parsed is written back, parsed again and the same; what is refused
 * is refused with a place. And whatever the bytes, as text they are written
 * so that they can be parsed.
 */
#include "wire/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct json *a, const struct json *b)
{
	if (a->type != b->type || a->truth != b->truth ||
	    a->count != b->count || !str_eq(a->text, b->text) ||
	    !str_eq(a->key, b->key))
		return false;
	for (a = a->child, b = b->child; a && b; a = a->next, b = b->next)
		if (!same(a, b))
			return false;
	return !a && !b;
}

static void again(const struct json *j, enum jsonw_style style,
		  struct arena *a)
{
	struct json *k;
	struct jsonw w;
	struct buf out;

	buf_init(&out, 64 << 20);
	jsonw_init(&w, &out, style);
	jsonw_value(&w, j);
	if (buf_failed(&out) || w.depth)
		BUG("not written");
	if (buf_str(&out).n <= JSON_SIZE_MAX) {
		k = json_parse(buf_str(&out), a, NULL, NULL);
		if (!k || !same(j, k))
			BUG("not read back as it was written");
	}
	buf_release(&out);
}

static void as_text(struct str s, struct arena *a)
{
	struct json *j;
	struct jsonw w;
	struct buf out;

	buf_init(&out, 64 << 20);
	jsonw_init(&w, &out, JSONW_PRETTY);
	jsonw_object(&w);
	jsonw_keyn(&w, s);
	jsonw_str(&w, s);
	jsonw_end(&w);
	j = json_parse(buf_str(&out), a, NULL, NULL);
	if (!j || !str_eq(j->child->key, j->child->text))
		BUG("text that is not read back");
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { (const char *)data, size };
	struct json_at at = { 0 };
	struct err e = { 0 };
	struct arena a;
	struct json *j;

	arena_init(&a, 256 << 20);
	j = json_parse(s, &a, &at, &e);
	if (j) {
		again(j, JSONW_COMPACT, &a);
		again(j, JSONW_PRETTY, &a);
	} else if (!at.line || !at.column || at.column > size + 1 ||
		   e.code == ERR_NONE || strncmp(e.msg, "line ", 5) != 0) {
		BUG("refused without a reason");
	}
	as_text(s, &a);
	arena_release(&a);
	return 0;
}
