/* SPDX-License-Identifier: MIT */
#include "front/settings.h"

#include "front/published.h"
#include "hub/origin.h"
#include "sys/os.h"

#define ORIGIN_KEY  "hub_origin"
#define CHANNEL_KEY "module_install_channel"

/* The origin */

static int no_origin(struct refusal *no, const char *why)
{
	return refusal_set(no, 400, "invalid_hub_origin", "hub_origin %s; it "
			   "must be like https://hub.example", why);
}

int settings_origin(struct str in, struct arena *a, struct str *out,
		    struct refusal *no)
{
	struct err e = { 0 };

	if (origin_read(in, a, out, &e) < 0)
		return e.code == ERR_NO_MEMORY ?
			refusal_set(no, 503, "out_of_memory", "no memory") :
			no_origin(no, e.msg);
	if (!origin_is_public(*out))
		return no_origin(no, "is this machine whoever asks, which is "
				 "what holds without one (null)");
	return 0;
}

static const char *source_name(enum origin_source source)
{
	static const char *const names[] = {
		[ORIGIN_NONE] = "request",
		[ORIGIN_SETTINGS] = "settings",
		[ORIGIN_ENV] = "env",
		[ORIGIN_EXPOSE] = "expose",
	};

	return names[source];
}

void get_hub_origin(struct front_ask *a)
{
	struct err e = { 0 };
	struct str stored;
	struct jsonw w;
	struct buf b;

	if (ask_no_store(a))
		return;
	if (store_setting(a->front->store, ORIGIN_KEY, a->req->arena, &stored,
			  &e) < 0) {
		ask_fail_store(a, &e);
		return;
	}
	buf_init(&b, 65536);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_text(&w, ORIGIN_KEY, stored);
	jsonw_text(&w, "resolved_issuer", a->issuer);
	jsonw_key(&w, "source");
	jsonw_cstr(&w, source_name(a->front->origins.source));
	jsonw_end(&w);
	ask_reply(a, 200, &b);
}

/* Writing: one member, one setting. */

struct setting {
	const char *key, *member;
	struct str value;               /* empty: none */
	void (*after)(struct front *);  /* or NULL */
};

static int write_setting(struct front *f, struct httpd_conn *c,
			 struct arena *arena, void *ctx, struct err *e)
{
	const struct front_ask a = { .front = f, .conn = c };
	const struct setting *s = ctx;
	struct jsonw w;
	struct buf b;

	(void)arena;
	if (store_set(f->store, s->key, s->value.n ? s->value : STR_NULL,
		      os_unix_ms(), e) < 0)
		return body_fail(&a, e);
	if (s->after)
		s->after(f);
	buf_init(&b, 4096);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_text(&w, s->member, s->value);
	jsonw_end(&w);
	ask_reply(&a, 200, &b);
	return 0;
}

static void put_setting(struct front_ask *a, struct setting setting)
{
	struct setting *s = arena_alloc(a->req->arena, sizeof *s);

	if (!s) {
		ask_refuse(a, 503, "out_of_memory", "no memory");
		return;
	}
	*s = setting;
	ask_write(a, write_setting, s);
}

void put_hub_origin(struct front_ask *a)
{
	struct setting s = { ORIGIN_KEY, ORIGIN_KEY, STR_NULL, front_origins };
	const struct json *j, *member;
	struct refusal no;
	struct str text = STR_NULL;
	int rc = 0;

	if (ask_no_store(a))
		return;
	j = body_of(a);
	if (!j)
		return;
	member = json_get(j, ORIGIN_KEY);
	if (!member)
		rc = refusal_set(&no, 400, "invalid_request", "the body must "
				 "have hub_origin: a URL, or null to take it "
				 "back");
	else if (member->type != JSON_NULL && !json_str(member, &text))
		rc = no_origin(&no, "is neither a string nor null");
	else if (text.n)
		rc = settings_origin(text, a->req->arena, &s.value, &no);
	if (rc < 0)
		ask_refuse(a, no.status, no.code, "%s", no.text);
	else
		put_setting(a, s);
}

void put_channel(struct front_ask *a)
{
	struct setting s = { CHANNEL_KEY, "channel", STR_NULL, NULL };
	const struct json *j, *member;

	if (ask_no_store(a))
		return;
	j = body_of(a);
	if (!j)
		return;
	member = json_get(j, "channel");
	if (!json_str(member, &s.value)) {
		ask_refuse(a, 400, "invalid_request", "the body must have "
			   "channel: \"latest\" or \"rc\"");
		return;
	}
	if (!str_is(s.value, "latest") && !str_is(s.value, "rc")) {
		ask_refuse(a, 400, "invalid_channel", "channel must be "
			   "\"latest\" or \"rc\"");
		return;
	}
	s.value = arena_str(a->req->arena, s.value);
	put_setting(a, s);
}
