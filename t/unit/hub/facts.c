/* SPDX-License-Identifier: MIT */
/* Written and read back. */
#include "hub/facts.h"

#include "tap.h"

#include <string.h>

static const struct json *parsed(struct arena *a, struct buf *b)
{
	const struct json *j = json_parse(buf_str(b), a, NULL, NULL);

	if (!j)
		tap_diag("no JSON: %.*s", STR_ARG(buf_str(b)));
	return j;
}

static void facts(const struct facts *f, const char *want)
{
	struct facts back;
	struct arena a;
	struct jsonw w;
	struct buf b;

	arena_init(&a, 65536);
	buf_init(&b, 65536);
	jsonw_init(&w, &b, JSONW_COMPACT);
	facts_write(&w, f);
	ok(str_is(buf_str(&b), want), "%s", want);
	ok(facts_read(parsed(&a, &b), &back) == (f != NULL),
	   "  read: %d", f != NULL);
	if (f)
		ok(!memcmp(&back, f, sizeof back), "  the same");
	buf_release(&b);
	arena_release(&a);
}

static void usage(const struct usage_facts *u, const char *want)
{
	struct usage_facts back;
	struct arena a;
	struct jsonw w;
	struct buf b;

	arena_init(&a, 65536);
	buf_init(&b, 65536);
	jsonw_init(&w, &b, JSONW_COMPACT);
	usage_write(&w, u);
	ok(str_is(buf_str(&b), want), "%s", want);
	ok(usage_facts_read(parsed(&a, &b), &back) == (u != NULL),
	   "  read: %d", u != NULL);
	if (u)
		ok(back.cpu_ms == u->cpu_ms &&
		   back.cpu_permille == u->cpu_permille &&
		   back.memory_bytes == u->memory_bytes &&
		   back.processes == u->processes &&
		   back.descriptors == u->descriptors, "  the same");
	buf_release(&b);
	arena_release(&a);
}

static void odd(const char *text)
{
	struct usage_facts u;
	struct facts f;
	struct arena a;
	const struct json *j;

	arena_init(&a, 65536);
	j = json_parse(str_of(text), &a, NULL, NULL);
	ok(!facts_read(j, &f) && !usage_facts_read(j, &u), "no facts: %s",
	   text);
	arena_release(&a);
}

int main(void)
{
	static struct facts f;
	static struct usage_facts u = { .descriptors = -1 };

	facts(NULL, "null");
	facts(&f, "{\"alive\":false,\"listening\":null,\"ready\":false,"
	      "\"ready_by\":null,\"healthy\":null}");
	f.alive = f.ready = true;
	f.listening = LISTEN_YES;
	f.by = READY_BY_PORT;
	f.healthy = HEALTH_OK;
	facts(&f, "{\"alive\":true,\"listening\":\"yes\",\"ready\":true,"
	      "\"ready_by\":\"port\",\"healthy\":true}");
	f.listening = LISTEN_OTHER;
	f.by = READY_BY_NOTIFY;
	f.healthy = HEALTH_FAILING;
	facts(&f, "{\"alive\":true,\"listening\":\"other\",\"ready\":true,"
	      "\"ready_by\":\"notify\",\"healthy\":false}");
	f.listening = LISTEN_NO;
	f.by = READY_BY_FD;
	facts(&f, "{\"alive\":true,\"listening\":\"no\",\"ready\":true,"
	      "\"ready_by\":\"fd\",\"healthy\":false}");
	usage(NULL, "null");
	usage(&u, "{\"cpu_ms\":0,\"cpu_percent\":0.0,\"memory_bytes\":0,"
	      "\"processes\":0}");
	u.cpu_ms = 1200;
	u.cpu_permille = 1234;
	u.memory_bytes = 1ULL << 40;
	u.processes = 3;
	u.descriptors = 17;
	usage(&u, "{\"cpu_ms\":1200,\"cpu_percent\":123.4,\"memory_bytes\":"
	      "1099511627776,\"processes\":3,\"descriptors\":17}");
	odd("{}");
	odd("[]");
	odd("{\"alive\":1,\"ready\":true,\"cpu_ms\":1,\"memory_bytes\":-1}");
	odd("{\"cpu_ms\":1,\"cpu_percent\":\"1\",\"memory_bytes\":1,"
	    "\"processes\":1}");
	return tap_done();
}
