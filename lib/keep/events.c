/* SPDX-License-Identifier: MIT */
#include "keep/events.h"

#include "base/fmt.h"
#include "keep/spawn.h"
#include "sys/os.h"
#include "wire/date.h"

#define NAMES_MAX 128   /* of one registry event */
#define RESET "reset"   /* a record of that text alone stands for the whole */

/* An event in the making: "TYPE {...}" in the ring. */
struct making {
	struct buf text;
	struct jsonw w;
};

static void put_at(struct jsonw *w)
{
	char at[DATE_ISO_SIZE];

	date_iso(os_unix_ms(), at);
	jsonw_key(w, "at");
	jsonw_cstr(w, at);
}

static void put_cstr(struct jsonw *w, const char *key, const char *value)
{
	jsonw_key(w, key);
	jsonw_cstr(w, value);
}

static struct jsonw *begin(struct making *m, const char *type)
{
	buf_init(&m->text, EVENT_MAX);
	buf_put(&m->text, str_of(type));
	buf_putc(&m->text, ' ');
	jsonw_init(&m->w, &m->text, JSONW_COMPACT);
	jsonw_object(&m->w);
	put_at(&m->w);
	return &m->w;
}

/* What there is no memory for is told by the whole. */
static void finish(struct events *ev, struct making *m)
{
	jsonw_end(&m->w);
	ring_put(&ev->ring, RING_OUT, false, os_unix_ns(),
		 buf_failed(&m->text) ? STR(RESET) : buf_str(&m->text));
	buf_release(&m->text);
	feed_said(&ev->feed);
	feed_said(&ev->quiet);
}

static void put_event(const struct feed *f, const struct feed_item *item,
		      struct buf *out)
{
	const struct events *ev = f->ctx;
	struct str type = STR(RESET), data = STR_NULL;
	struct jsonw w;

	if (!item->is_gap)
		str_cut(item->line.text, ' ', &type, &data);
	buf_printf(out, "id: %llu.%llu\nevent: %.*s\ndata: ",
		   (unsigned long long)f->feeds->boot,
		   (unsigned long long)item->seq, STR_ARG(type));
	if (data.n) {
		buf_put(out, data);
	} else {
		jsonw_init(&w, out, JSONW_COMPACT);
		jsonw_object(&w);
		put_at(&w);
		jsonw_key(&w, "modules");
		jsonw_array(&w);
		ev->put_rows(ev->ctx, &w);
		jsonw_end(&w);
		jsonw_end(&w);
	}
	buf_put(out, STR("\n\n"));
}

/* Differences */

static uint32_t sum_of(const char *text)
{
	uint32_t sum = 2166136261u;     /* FNV-1a */

	for (; *text; text++)
		sum = (sum ^ (unsigned char)*text) * 16777619u;
	return sum;
}

static struct told facts_of(const struct mod *m)
{
	struct told t = {
		.listed = m->listed,
		.status = status_of(str_of(sm_wire(m->state))),
		.pid = m->pid, .runs = m->runs, .downs = m->downs,
		.error = m->error.type,
		.error_sum = m->error.type ? sum_of(m->error.text) : 0,
	};

	mod_facts(m, &t.facts);
	return t;
}

static void tell_state(struct events *ev, const struct mod *m)
{
	struct mod_state state;
	struct making e;
	struct jsonw *w = begin(&e, "state");

	put_cstr(w, "short", m->short_name);
	put_cstr(w, "from", m->told.status == STATUS_UNKNOWN ? NULL :
		 status_name(m->told.status));
	mod_state(m, &state);
	jsonw_key(w, "state");
	state_write(w, &state);
	finish(ev, &e);
}

static void tell_listening(struct events *ev, const struct mod *m,
			   const struct told *now)
{
	struct making e;
	struct jsonw *w = begin(&e, "listening");

	put_cstr(w, "short", m->short_name);
	put_cstr(w, "listening", listening_name(now->facts.listening));
	jsonw_key(w, "port");
	jsonw_int(w, m->port);
	finish(ev, &e);
}

static void tell_ready(struct events *ev, const struct mod *m,
		       const struct told *now)
{
	struct making e;
	struct jsonw *w = begin(&e, "ready");

	put_cstr(w, "short", m->short_name);
	jsonw_key(w, "ready");
	jsonw_bool(w, now->facts.ready);
	put_cstr(w, "by", ready_by_name(now->facts.by));
	finish(ev, &e);
}

static void tell_health(struct events *ev, const struct mod *m,
			const struct told *now)
{
	enum healthy is = now->facts.healthy;
	struct making e;
	struct jsonw *w = begin(&e, "health");

	put_cstr(w, "short", m->short_name);
	jsonw_key(w, "healthy");
	if (is == HEALTH_UNKNOWN)
		jsonw_null(w);
	else
		jsonw_bool(w, is == HEALTH_OK);
	jsonw_key(w, "http_status");
	if (is != HEALTH_UNKNOWN && m->health.http_status)
		jsonw_int(w, m->health.http_status);
	else
		jsonw_null(w);
	finish(ev, &e);
}

static void tell_changes(struct events *ev, struct mod *m)
{
	struct told now = facts_of(m), *was = &m->told;

	if (now.status != was->status || now.pid != was->pid ||
	    now.runs != was->runs || now.downs != was->downs ||
	    now.error != was->error || now.error_sum != was->error_sum)
		tell_state(ev, m);
	if (now.facts.listening != was->facts.listening)
		tell_listening(ev, m, &now);
	if (now.facts.ready != was->facts.ready)
		tell_ready(ev, m, &now);
	if (now.facts.healthy != was->facts.healthy)
		tell_health(ev, m, &now);
	*was = now;
}

/* Names of those whose row came or went, from *at on, as many as one event
 * takes. */
static bool put_names(struct sup *s, struct jsonw *w, const char *key,
		      bool listed, size_t *at)
{
	size_t n = 0;

	jsonw_key(w, key);
	jsonw_array(w);
	for (; *at < s->n && n < NAMES_MAX; ++*at) {
		struct mod *m = s->mods[*at];

		if (m->listed != listed || m->told.listed == listed)
			continue;
		jsonw_cstr(w, m->short_name);
		n++;
	}
	jsonw_end(w);
	return *at < s->n;
}

static void tell_registry(struct events *ev)
{
	const struct problems *p = &ev->sup->spawn->registry->problems;
	size_t added = 0, removed = 0;
	bool changed = p->n + p->dropped != ev->problems, more = true;

	for (size_t i = 0; i < ev->sup->n && !changed; i++)
		changed = ev->sup->mods[i]->listed !=
			  ev->sup->mods[i]->told.listed;
	ev->problems = p->n + p->dropped;
	while (changed && more) {
		struct making e;
		struct jsonw *w = begin(&e, "registry");

		more = put_names(ev->sup, w, "added", true, &added);
		more = put_names(ev->sup, w, "removed", false, &removed) ||
		       more;
		jsonw_key(w, "problems");
		jsonw_int(w, (int64_t)ev->problems);
		finish(ev, &e);
	}
}

void events_settle(struct events *ev)
{
	if (!ev)
		return;
	tell_registry(ev);
	for (size_t i = 0; i < ev->sup->n; i++)
		tell_changes(ev, ev->sup->mods[i]);
}

/* What is told when it comes */

void events_exit(struct events *ev, const struct mod *m,
		 const struct exit_rec *r)
{
	struct making e;
	struct jsonw *w;

	if (!ev)
		return;
	/* Without "at": that is the exit's own. */
	buf_init(&e.text, EVENT_MAX);
	buf_put(&e.text, STR("exit "));
	w = &e.w;
	jsonw_init(w, &e.text, JSONW_COMPACT);
	jsonw_object(w);
	put_cstr(w, "short", m->short_name);
	exit_write_members(w, r);
	finish(ev, &e);
}

void events_operation(struct events *ev, const struct mod *m,
		      const char *kind, const char *phase, const char *error)
{
	struct making e;
	struct jsonw *w;

	if (!ev)
		return;
	w = begin(&e, "operation");
	put_cstr(w, "short", m->short_name);
	put_cstr(w, "kind", kind);
	put_cstr(w, "phase", phase);
	if (error)
		put_cstr(w, "error", error);
	finish(ev, &e);
}

static void put_cursor(struct jsonw *w, const char *key, uint64_t boot,
		       uint64_t seq)
{
	char text[48];

	fmt(text, sizeof text, "%llu.%llu", (unsigned long long)boot,
	    (unsigned long long)seq);
	put_cstr(w, key, text);
}

void events_log_gap(struct events *ev, const char *source,
		    const struct feed_gap *gap)
{
	struct making e;
	struct jsonw *w;

	if (!ev)
		return;
	w = begin(&e, "log-gap");
	put_cstr(w, "short", source);
	put_cursor(w, "from", gap->boot, gap->from);
	put_cursor(w, "to", gap->boot, gap->to);
	jsonw_key(w, "count");
	jsonw_int(w, (int64_t)gap->count);
	finish(ev, &e);
}

/* Who follows */

/* One who went away is missed here; a new one announces himself. */
static void on_look(struct loop *l, struct timer *t)
{
	struct events *ev = CONTAINER(t, struct events, look);

	if (ev->sup->checks.watchers != events_watchers(ev))
		health_watchers(ev->sup, (unsigned)events_watchers(ev));
	if (feed_is_followed(&ev->feed))
		loop_in(l, t, WATCH_LOOK_MS);
}

bool events_follow(struct events *ev, const struct feed_from *from,
		   bool quiet, struct httpd_conn *c)
{
	static const struct feed_form form = { "text/event-stream", put_event };

	if (quiet)
		return feed_follow(&ev->quiet, from, &form, c);
	if (!ev->look.armed)
		loop_in(ev->sup->loop, &ev->look, WATCH_LOOK_MS);
	if (!feed_follow(&ev->feed, from, &form, c))
		return false;
	health_watchers(ev->sup, (unsigned)events_watchers(ev));
	return true;
}

size_t events_watchers(const struct events *ev)
{
	size_t n = 0;

	if (!ev)
		return 0;
	for (const struct list *f = ev->feed.followers.next;
	     f != &ev->feed.followers; f = f->next)
		n++;
	return n;
}

uint64_t events_total(const struct events *ev)
{
	return ring_last(&ev->ring);
}

void events_init(struct events *ev, struct sup *s, struct feeds *feeds)
{
	ev->sup = s;
	ev->look = (struct timer)TIMER_INIT(on_look);
	ring_init(&ev->ring, ev->block, sizeof ev->block);
	feed_init(&ev->feed, feeds, "events", &ev->ring);
	feed_init(&ev->quiet, feeds, "events", &ev->ring);
	ev->feed.resets = ev->quiet.resets = true;
	ev->feed.ctx = ev->quiet.ctx = ev;
	s->events = ev;
}

void events_release(struct events *ev)
{
	loop_cancel(ev->sup->loop, &ev->look);
	ev->sup->events = NULL;
}
