/* SPDX-License-Identifier: MIT */
#include "hub/news.h"

#include "base/fmt.h"

void news_init(struct news *n)
{
	*n = (struct news){ 0 };
	buf_init(&n->data, ANSWER_MAX);
}

void news_release(struct news *n)
{
	buf_release(&n->data);
}

static void dispatch(struct news *n)
{
	if (buf_str(&n->data).n && !buf_failed(&n->data))
		n->on_event(n, str_of(n->type), buf_str(&n->data));
	buf_reset(&n->data);
	n->type[0] = '\0';
}

static void on_line(struct client_stream *s, struct str line)
{
	struct news *n = s->ctx;
	struct str field, value;

	if (!line.n) {
		dispatch(n);
		return;
	}
	str_cut(line, ':', &field, &value);
	if (str_starts(value, STR(" ")))
		value = str_skip(value, 1);
	if (str_is(field, "id"))
		str_to_c(value, n->id, sizeof n->id);
	else if (str_is(field, "event"))
		str_to_c(value, n->type, sizeof n->type);
	else if (str_is(field, "data"))
		buf_put(&n->data, value);
}

static void on_end(struct client_stream *s, const struct err *e)
{
	struct news *n = s->ctx;

	n->on_end(n, e);
}

int news_open(struct news *n, struct client *c, struct err *e)
{
	char target[96];

	fmt(target, sizeof target, "/api/events%s%s",
	    n->id[0] ? "?after=" : "", n->id);
	buf_reset(&n->data);
	n->type[0] = '\0';
	n->stream = (struct client_stream){ .on_line = on_line,
		.on_end = on_end, .ctx = n };
	return client_stream(c, &n->stream, target, e);
}
