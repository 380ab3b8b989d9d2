/* SPDX-License-Identifier: MIT */
#include "keep/api_ask.h"

#include "wire/url.h"

/* lines[] and text hold the same, as the reference has it. */
static void put_log(const struct api_ask *a, const struct mod *m,
		    const struct follow_from *from, struct buf *out)
{
	struct str rest, line;
	struct jsonw w;
	struct buf text;

	buf_init(&text, 1024 * 1024);
	follow_snapshot(a->api->follows, m, from, FOLLOW_TEXT, &text);
	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "short");
	jsonw_cstr(&w, m->short_name);
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

static int get_from(const struct api_ask *a, struct follow_from *from)
{
	struct str cursor, boot, seq;

	*from = (struct follow_from){ .newest = UINT64_MAX };
	if (api_number(a, "n", 1000000, &from->newest) < 0)
		return -1;
	if (!url_param(a->req->query, "after", a->req->arena, &cursor))
		return 0;
	from->after = true;
	if (str_cut(cursor, '.', &boot, &seq) &&
	    str_to_u64(boot, UINT64_MAX, &from->boot) &&
	    str_to_u64(seq, UINT64_MAX - 1, &from->seq))
		return 0;
	api_refuse(a, 400, "invalid_request",
	       "after must be a cursor from an earlier answer, like 3.1200");
	return -1;
}

void api_get_logs(const struct api_ask *a)
{
	struct mod *m = sup_find(a->api->sup, a->short_name);
	enum follow_format format = FOLLOW_TEXT;
	struct follow_from from;
	struct str word;
	struct buf b;

	if (!m) {
		api_not_supervised(a);
		return;
	}
	if (get_from(a, &from) < 0)
		return;
	if (url_param(a->req->query, "format", a->req->arena, &word)) {
		if (!str_is(word, "json") && !str_is(word, "text")) {
			api_refuse(a, 400, "invalid_request",
			       "format can be \"json\" or \"text\"");
			return;
		}
		if (str_is(word, "json"))
			format = FOLLOW_JSON;
	}
	if (url_param(a->req->query, "follow", a->req->arena, &word) &&
	    (str_is(word, "1") || str_is(word, "true"))) {
		if (!api_is_crowded(a) && !follow_start(a->api->follows, m, &from,
						    format, a->conn))
			api_refuse(a, 503, "busy", "%d log streams are open; "
			       "end one first", FOLLOWERS_MAX);
		return;
	}
	buf_init(&b, HTTPD_OUT_MAX);
	if (format == FOLLOW_JSON) {
		follow_snapshot(a->api->follows, m, &from, format, &b);
		if (!buf_failed(&b)) {
			httpd_reply(a->conn, 200, "application/x-ndjson",
				    API_NO_STORE, buf_str(&b));
			buf_release(&b);
			return;
		}
	} else {
		put_log(a, m, &from, &b);
	}
	api_reply(a, 200, &b);
}
