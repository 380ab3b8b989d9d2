/* SPDX-License-Identifier: MIT */
#include "log/record.h"

#include "base/fmt.h"

bool cursor_read(struct str s, uint64_t *boot, uint64_t *seq)
{
	struct str b, q;

	return str_cut(s, '.', &b, &q) && str_to_u64(b, UINT64_MAX, boot) &&
	       str_to_u64(q, UINT64_MAX - 1, seq);
}

void cursor_write(uint64_t boot, uint64_t seq, char out[CURSOR_SIZE])
{
	fmt(out, CURSOR_SIZE, "%llu.%llu", (unsigned long long)boot,
	    (unsigned long long)seq);
}

bool record_read(const struct json *j, struct str id, struct seek_rec *r)
{
	struct str time = STR_NULL, stream = STR_NULL;

	*r = (struct seek_rec){ .gap = json_get(j, "gap") != NULL };
	if (r->gap)
		return true;
	if (!id.n)
		json_str(json_get(j, "seq"), &id);
	if (!json_str(json_get(j, "text"), &r->text))
		return false;
	json_str(json_get(j, "time"), &time);
	json_str(json_get(j, "stream"), &stream);
	json_bool(json_get(j, "partial"), &r->partial);
	r->stream = str_is(stream, "stderr");
	r->timed = date_parse(time, &r->unix_ns);
	r->known = cursor_read(id, &r->boot, &r->seq);
	return true;
}

static void put_cursor(struct jsonw *w, const char *key, bool known,
		       uint64_t boot, uint64_t seq)
{
	char text[CURSOR_SIZE];

	cursor_write(boot, seq, text);
	jsonw_key(w, key);
	jsonw_cstr(w, known ? text : NULL);
}

static void put_gap(struct jsonw *w, const struct seek_rec *r)
{
	jsonw_key(w, "gap");
	jsonw_object(w);
	put_cursor(w, "from", r->known, r->boot, r->seq);
	put_cursor(w, "to", r->known && r->count, r->boot,
		   r->seq + r->count - 1);
	jsonw_key(w, "count");
	if (r->count)
		jsonw_int(w, (int64_t)r->count);
	else
		jsonw_null(w);
	jsonw_end(w);
}

static void put_line(struct jsonw *w, const struct seek_rec *r)
{
	char time[DATE_CRI_SIZE];

	put_cursor(w, "seq", r->known, r->boot, r->seq);
	date_cri(r->unix_ns, time);
	jsonw_key(w, "time");
	jsonw_cstr(w, r->timed ? time : NULL);
	jsonw_key(w, "stream");
	jsonw_cstr(w, r->stream ? "stderr" : "stdout");
	jsonw_key(w, "partial");
	jsonw_bool(w, r->partial);
	jsonw_key(w, "text");
	jsonw_str(w, r->text);
}

void record_write(struct jsonw *w, const char *source, const struct seek_rec *r)
{
	jsonw_object(w);
	jsonw_key(w, "short");
	jsonw_cstr(w, source);
	if (r->gap)
		put_gap(w, r);
	else
		put_line(w, r);
	jsonw_end(w);
}

/* Since */

bool since_read(struct str s, int64_t now_ns, struct since *since)
{
	static const struct { char unit; int64_t s; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	uint64_t n;

	*since = (struct since){ .kind = SINCE_TIME };
	if (date_parse(s, &since->unix_ns))
		return true;
	for (size_t i = 0; s.n && i < LEN(units); i++)
		if (s.p[s.n - 1] == units[i].unit &&
		    str_to_u64(str_take(s, s.n - 1), 100000, &n)) {
			since->unix_ns = now_ns - (int64_t)n * units[i].s *
					 1000000000;
			return true;
		}
	since->kind = SINCE_CURSOR;
	return cursor_read(s, &since->boot, &since->seq);
}

bool since_has(const struct since *since, const struct seek_rec *r)
{
	if (since->kind == SINCE_TIME)
		return !r->timed || r->unix_ns >= since->unix_ns;
	if (since->kind == SINCE_CURSOR && r->known)
		return r->boot != since->boot ? r->boot > since->boot :
						r->seq > since->seq;
	return true;
}
