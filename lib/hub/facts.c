/* SPDX-License-Identifier: MIT */
#include "hub/facts.h"

#include "base/fmt.h"

static const char *const ways[] = {
	[READY_BY_NONE] = NULL,         [READY_BY_PORT] = "port",
	[READY_BY_NOTIFY] = "notify",   [READY_BY_FD] = "fd",
};

const char *ready_by_name(enum ready_by by)
{
	return ways[by];
}

static void put_bool(struct jsonw *w, const char *key, bool yes)
{
	jsonw_key(w, key);
	jsonw_bool(w, yes);
}

static void put_int(struct jsonw *w, const char *key, uint64_t n)
{
	jsonw_key(w, key);
	jsonw_int(w, (int64_t)n);
}

void facts_write(struct jsonw *w, const struct facts *f)
{
	if (!f) {
		jsonw_null(w);
		return;
	}
	jsonw_object(w);
	put_bool(w, "alive", f->alive);
	jsonw_key(w, "listening");
	jsonw_cstr(w, f->listening == LISTEN_UNKNOWN ? NULL :
		   listening_name(f->listening));
	put_bool(w, "ready", f->ready);
	jsonw_key(w, "ready_by");
	jsonw_cstr(w, ways[f->by]);
	jsonw_key(w, "healthy");
	if (f->healthy == HEALTH_UNKNOWN)
		jsonw_null(w);
	else
		jsonw_bool(w, f->healthy == HEALTH_OK);
	jsonw_end(w);
}

void usage_write(struct jsonw *w, const struct usage_facts *u)
{
	struct json percent = { .type = JSON_NUMBER };
	char text[24];

	if (!u) {
		jsonw_null(w);
		return;
	}
	fmt(text, sizeof text, "%u.%u", u->cpu_permille / 10,
	    u->cpu_permille % 10);
	percent.text = str_of(text);
	jsonw_object(w);
	put_int(w, "cpu_ms", u->cpu_ms);
	jsonw_key(w, "cpu_percent");
	jsonw_value(w, &percent);
	put_int(w, "memory_bytes", u->memory_bytes);
	put_int(w, "processes", u->processes);
	if (u->descriptors >= 0)
		put_int(w, "descriptors", (uint64_t)u->descriptors);
	jsonw_end(w);
}

bool facts_read(const struct json *j, struct facts *f)
{
	bool healthy;
	struct str word;

	*f = (struct facts){ 0 };
	if (!json_bool(json_get(j, "alive"), &f->alive) ||
	    !json_bool(json_get(j, "ready"), &f->ready))
		return false;
	if (json_str(json_get(j, "listening"), &word))
		f->listening = listening_of(word);
	if (json_bool(json_get(j, "healthy"), &healthy))
		f->healthy = healthy ? HEALTH_OK : HEALTH_FAILING;
	if (json_str(json_get(j, "ready_by"), &word))
		for (size_t i = READY_BY_PORT; i < LEN(ways); i++)
			if (str_is(word, ways[i]))
				f->by = (enum ready_by)i;
	return true;
}

static bool get_int(const struct json *j, const char *key, int64_t max,
		    int64_t *n)
{
	return json_int(json_get(j, key), 0, max, n);
}

/* "12.5" as 125: one digit after the point, as it is written. */
static bool get_permille(const struct json *j, unsigned *out)
{
	struct str whole, tenth;
	uint64_t a, b = 0;

	if (!j || j->type != JSON_NUMBER)
		return false;
	str_cut(j->text, '.', &whole, &tenth);
	if (!str_to_u64(whole, 10000000, &a) ||
	    (tenth.n && !str_to_u64(str_take(tenth, 1), 9, &b)))
		return false;
	*out = (unsigned)(a * 10 + b);
	return true;
}

bool usage_facts_read(const struct json *j, struct usage_facts *u)
{
	int64_t cpu, memory, n;

	*u = (struct usage_facts){ .descriptors = -1 };
	if (!get_int(j, "cpu_ms", INT64_MAX, &cpu) ||
	    !get_int(j, "memory_bytes", INT64_MAX, &memory) ||
	    !get_int(j, "processes", INT32_MAX, &n) ||
	    !get_permille(json_get(j, "cpu_percent"), &u->cpu_permille))
		return false;
	u->cpu_ms = (uint64_t)cpu;
	u->memory_bytes = (uint64_t)memory;
	u->processes = (unsigned)n;
	if (get_int(j, "descriptors", INT32_MAX, &n))
		u->descriptors = (int)n;
	return true;
}
