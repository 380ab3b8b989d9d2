/* SPDX-License-Identifier: MIT */
#include "wire/sse.h"

static void begin(struct sse *s)
{
	buf_reset(&s->data);
	s->type[0] = '\0';
	s->some = s->done = s->lost = false;
}

void sse_init(struct sse *s, size_t max)
{
	*s = (struct sse){ .some = false };
	buf_init(&s->data, max);
}

void sse_release(struct sse *s)
{
	buf_release(&s->data);
}

static void field(struct sse *s, struct str name, struct str value)
{
	if (str_is(name, "data")) {
		if (s->some)
			buf_putc(&s->data, '\n');
		buf_put(&s->data, value);
		s->some = true;
	} else if (str_is(name, "event")) {
		s->lost |= !str_to_c(value, s->type, sizeof s->type);
	} else if (str_is(name, "id")) {
		s->lost |= !str_to_c(value, s->id, sizeof s->id);
	}
}

bool sse_line(struct sse *s, struct str line)
{
	struct str name, value;

	if (s->done)
		begin(s);
	if (str_ends(line, STR("\r")))
		line.n--;
	if (line.n) {
		str_cut(line, ':', &name, &value);
		if (str_starts(value, STR(" ")))
			value = str_skip(value, 1);
		field(s, name, value);
		return false;
	}
	s->done = true;
	s->lost = s->lost || buf_failed(&s->data);
	if (!s->type[0])
		str_to_c(STR("message"), s->type, sizeof s->type);
	return s->some && !s->lost;
}
