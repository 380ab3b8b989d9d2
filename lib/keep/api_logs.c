/* SPDX-License-Identifier: MIT */
/*
 * GET /api/modules/<s>/logs: what there is, as the reference has it or as
 * records, or a stream of what comes, as text or as server-sent events.
 */
#include "keep/api_ask.h"

#include "base/fmt.h"
#include "wire/accept.h"
#include "wire/date.h"
#include "wire/url.h"

#define CURSOR_SIZE 48

static void cursor(uint64_t boot, uint64_t seq, char out[CURSOR_SIZE])
{
	fmt(out, CURSOR_SIZE, "%llu.%llu", (unsigned long long)boot,
	    (unsigned long long)seq);
}

/* Text: a line each, a gap too. */

static void put_text(const struct feed *f, const struct feed_item *i,
		     struct buf *out)
{
	if (i->is_gap && i->gap.count) {
		buf_printf(out, "[hub] gap: %llu lines missing\n",
			   (unsigned long long)i->gap.count);
	} else if (i->is_gap) {
		buf_put(out, STR("[hub] gap: an unknown number of lines "
				 "missing\n"));
	} else {
		buf_putc(out, '[');
		buf_put(out, str_of(f->name));
		buf_put(out, STR("] "));
		buf_put(out, i->line.text);
		buf_putc(out, '\n');
	}
}

static const struct feed_form as_text = {
	.type = "text/plain; charset=utf-8", .put = put_text,
};

/* JSON, in events and in records */

static void put_cursor(struct jsonw *w, const char *key, uint64_t boot,
		       uint64_t seq)
{
	char text[CURSOR_SIZE];

	cursor(boot, seq, text);
	jsonw_key(w, key);
	jsonw_cstr(w, seq ? text : NULL);
}

static void put_gap(struct jsonw *w, const struct feed *f,
		    const struct feed_gap *gap)
{
	jsonw_object(w);
	put_cursor(w, "from", gap->boot, gap->from);
	put_cursor(w, "to", f->feeds->boot, gap->to);
	jsonw_key(w, "count");
	if (gap->count)
		jsonw_int(w, (int64_t)gap->count);
	else
		jsonw_null(w);
	jsonw_end(w);
}

static void put_line(struct jsonw *w, const struct ring_line *line)
{
	char time[DATE_CRI_SIZE];

	date_cri(line->unix_ns, time);
	jsonw_key(w, "time");
	jsonw_cstr(w, time);
	jsonw_key(w, "stream");
	jsonw_cstr(w, line->stream == RING_ERR ? "stderr" : "stdout");
	jsonw_key(w, "partial");
	jsonw_bool(w, line->partial);
	jsonw_key(w, "text");
	jsonw_str(w, line->text);
}

static void put_event(const struct feed *f, const struct feed_item *i,
		      struct buf *out)
{
	char id[CURSOR_SIZE];
	struct jsonw w;

	cursor(f->feeds->boot, i->seq, id);
	buf_put(out, STR("id: "));
	buf_put(out, str_of(id));
	buf_put(out, i->is_gap ? STR("\nevent: gap\ndata: ") :
				 STR("\nevent: line\ndata: "));
	jsonw_init(&w, out, JSONW_COMPACT);
	if (i->is_gap) {
		put_gap(&w, f, &i->gap);
	} else {
		jsonw_object(&w);
		put_line(&w, &i->line);
		jsonw_end(&w);
	}
	buf_put(out, STR("\n\n"));
}

static const struct feed_form as_events = {
	.type = "text/event-stream", .put = put_event,
};

/* What there is */

static void put_records(const struct feed *f, const struct feed_from *from,
			struct buf *out)
{
	struct feed_at at = feed_begin(f, from);
	struct feed_item item;
	char next[CURSOR_SIZE];
	struct jsonw w;

	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "short");
	jsonw_cstr(&w, f->name);
	jsonw_key(&w, "records");
	jsonw_array(&w);
	while (feed_next(f, &at, &item)) {
		jsonw_object(&w);
		if (item.is_gap) {
			jsonw_key(&w, "gap");
			put_gap(&w, f, &item.gap);
		} else {
			put_cursor(&w, "seq", f->feeds->boot, item.seq);
			put_line(&w, &item.line);
		}
		jsonw_end(&w);
	}
	jsonw_end(&w);
	cursor(f->feeds->boot, at.at.seq - 1, next);
	jsonw_key(&w, "next");
	jsonw_cstr(&w, next);
	jsonw_end(&w);
}

/* lines[] and text hold the same, as the reference has it. */
static void put_log(const struct feed *f, const struct feed_from *from,
		    struct buf *out)
{
	struct feed_at at = feed_begin(f, from);
	struct feed_item item;
	struct str rest, line;
	struct jsonw w;
	struct buf text;

	buf_init(&text, 1024 * 1024);
	while (feed_next(f, &at, &item))
		put_text(f, &item, &text);
	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "short");
	jsonw_cstr(&w, f->name);
	jsonw_key(&w, "lines");
	jsonw_array(&w);
	rest = buf_str(&text);
	while (rest.n) {
		struct str all = rest;

		str_cut(rest, '\n', &line, &rest);
		jsonw_str(&w, str_take(all, line.n + 1));
	}
	jsonw_end(&w);
	jsonw_key(&w, "text");
	jsonw_str(&w, buf_str(&text));
	jsonw_end(&w);
	out->failed = out->failed || buf_failed(&text);
	buf_release(&text);
}

/* The request */

/* after=, or what a client of an event stream sends when it comes back. */
static int get_from(const struct api_ask *a, struct feed_from *from)
{
	struct str text;

	*from = (struct feed_from){ .newest = UINT64_MAX };
	if (api_number(a, "n", 1000000, &from->newest) < 0)
		return -1;
	if (!url_param(a->req->query, "after", a->req->arena, &text)) {
		text = http_field(a->req->head, "Last-Event-ID");
		if (!text.n)
			return 0;
	}
	if (feed_cursor(text, from))
		return 0;
	api_refuse(a, 400, "invalid_request",
	       "after must be a cursor from an earlier answer, like 3.1200");
	return -1;
}

static int get_format(const struct api_ask *a, bool *records)
{
	struct str word;

	*records = false;
	if (!url_param(a->req->query, "format", a->req->arena, &word))
		return 0;
	*records = str_is(word, "records");
	if (*records || str_is(word, "text"))
		return 0;
	api_refuse(a, 400, "invalid_request",
		   "format can be \"text\" or \"records\"");
	return -1;
}

static bool is_asked(const struct api_ask *a, const char *name)
{
	struct str word;

	return url_param(a->req->query, name, a->req->arena, &word) &&
	       (str_is(word, "1") || str_is(word, "true"));
}

static void follow(const struct api_ask *a, struct feed *f,
		   const struct feed_from *from, const struct feed_form *form)
{
	if (!api_is_crowded(a) && !feed_follow(f, from, form, a->conn))
		api_refuse(a, 503, "busy", "%d log streams are open; end one "
			   "first", FOLLOWERS_MAX);
}

void api_get_logs(const struct api_ask *a)
{
	struct source *s = logs_find(a->api->logs, a->short_name);
	struct feed_from from;
	bool records;
	struct buf b;

	if (!s) {
		api_not_supervised(a);
		return;
	}
	if (get_from(a, &from) < 0 || get_format(a, &records) < 0)
		return;
	if (http_accepts(a->req->head, "text/event-stream")) {
		follow(a, &s->feed, &from, &as_events);
		return;
	}
	if (is_asked(a, "follow")) {
		follow(a, &s->feed, &from, &as_text);
		return;
	}
	buf_init(&b, HTTPD_OUT_MAX);
	if (records)
		put_records(&s->feed, &from, &b);
	else
		put_log(&s->feed, &from, &b);
	api_reply(a, 200, &b);
}
