/* SPDX-License-Identifier: MIT */
#include "hub/field.h"

#include "base/fmt.h"
#include "hub/problem.h"

#include <stdarg.h>
#include <string.h>

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != 0x7f;
}

bool field_has_control(struct str s)
{
	return str_span(s, is_plain).n != s.n;
}

void field_within(struct fields *f, const char *group, struct str name)
{
	char show[PROBLEM_SHOW];

	f->within[0] = '\0';
	if (group && name.n)
		fmt(f->within, sizeof f->within, "%s.%s.", group,
		    problem_show(show, name));
	else if (group)
		fmt(f->within, sizeof f->within, "%s.", group);
}

void field_fault(struct fields *f, const struct json *v, const char *key,
		 const char *format, ...)
{
	va_list ap;
	int n;

	if (f->bad)
		return;
	f->bad = true;
	if (v)
		f->at = (struct json_at){ v->line, v->column };
	n = fmt(f->text, sizeof f->text, "%s%s: ", f->within, key);
	if (n < 0 || (size_t)n >= sizeof f->text)
		return;
	va_start(ap, format);
	fmt_va(f->text + n, sizeof f->text - (size_t)n, format, ap);
	va_end(ap);
}

const struct json *field_get(struct fields *f, const struct json *object,
			     const char *key, unsigned flags,
			     const char *rule)
{
	const struct json *v = f->bad ? NULL : json_get(object, key);

	if (!v && !f->bad && (flags & FIELD_NEEDED))
		field_fault(f, object, key, "is missing; it must be %s", rule);
	return v;
}

void field_text(struct fields *f, const struct json *object, const char *key,
		unsigned flags, struct str *out)
{
	const char *rule = flags & FIELD_PATH ? "a path that starts with /"
			 : flags & FIELD_FULL ? "a string that is not empty"
					      : "a string";
	const struct json *v = field_get(f, object, key, flags, rule);
	struct str s;

	if (!v)
		return;
	if (!json_str(v, &s) || ((flags & FIELD_FULL) && !s.n) ||
	    ((flags & FIELD_PATH) && (!s.n || s.p[0] != '/'))) {
		field_fault(f, v, key, "must be %s", rule);
		return;
	}
	if ((flags & FIELD_PATH) && field_has_control(s)) {
		field_fault(f, v, key, "must not hold control characters");
		return;
	}
	*out = s;
}

void field_port(struct fields *f, const struct json *object, const char *key,
		unsigned flags, uint16_t *out)
{
	static const char rule[] = "an integer from 1 to 65535";
	const struct json *v = field_get(f, object, key, flags, rule);
	int64_t port;

	if (!v)
		return;
	if (!json_int(v, 1, 65535, &port)) {
		field_fault(f, v, key, "must be %s", rule);
		return;
	}
	*out = (uint16_t)port;
}

void field_flag(struct fields *f, const struct json *object, const char *key,
		int *out)
{
	const struct json *v = field_get(f, object, key, 0, "");
	bool b;

	if (!v)
		return;
	if (!json_bool(v, &b)) {
		field_fault(f, v, key, "must be true or false");
		return;
	}
	*out = b;
}

void field_texts(struct fields *f, const struct json *object, const char *key,
		 unsigned flags, struct str **out, size_t *n)
{
	const char *rule = flags & FIELD_FULL
			 ? "a list of strings that are not empty"
			 : "a list of strings";
	const struct json *v = field_get(f, object, key, flags, rule);
	struct str *all, s;
	size_t i = 0;

	if (!v)
		return;
	if (v->type != JSON_ARRAY) {
		field_fault(f, v, key, "must be %s", rule);
		return;
	}
	all = arena_array(f->arena, v->count, sizeof *all);
	JSON_EACH(c, v) {
		if (!json_str(c, &s) || ((flags & FIELD_FULL) && !s.n)) {
			field_fault(f, c, key, "must be %s", rule);
			return;
		}
		if (!all)
			return;
		all[i++] = s;
	}
	*out = all;
	*n = i;
}

const char *field_message(const struct err *e, const struct json_at *at)
{
	char place[64];
	int n;

	n = fmt(place, sizeof place, "line %u column %u: ", at->line,
		at->column);
	if (n > 0 && strncmp(e->msg, place, (size_t)n) == 0)
		return e->msg + n;
	return e->msg;
}
