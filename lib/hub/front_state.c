/* SPDX-License-Identifier: MIT */
#include "hub/front_state.h"

#include "base/fmt.h"
#include "sys/cli.h"

static void judge(struct front_state *s, enum verdict v, const char *what,
		  struct str text)
{
	s->verdict = v;
	fmt(s->why, sizeof s->why, "%s%.*s", what, STR_ARG(text));
	cli_clean(s->why);
}

/* Of all workers: how many serve, and the first complaint. */
struct tally {
	size_t ready;
	struct str db, error;
};

static void count(struct tally *t, const struct json *front)
{
	bool ready;
	struct str text;

	JSON_EACH(k, json_get(front, "workers")) {
		if (json_bool(json_get(k, "ready"), &ready) && ready)
			t->ready++;
		if (!t->db.n && json_str(json_get(k, "db"), &text) &&
		    !str_is(text, "ok"))
			t->db = text;
		if (!t->error.n)
			json_str(json_get(k, "error"), &t->error);
	}
}

void front_state_read(struct front_state *s, const struct json *hub)
{
	const struct json *front = json_get(hub, "front");
	struct tally all = { 0 };
	bool preparing = false;
	struct str text;

	*s = (struct front_state){ .verdict = VERDICT_INACTIVE };
	if (!front || front->type != JSON_OBJECT) {
		judge(s, VERDICT_INACTIVE, "this hub has no front door",
		      STR_NULL);
		return;
	}
	count(&all, front);
	json_bool(json_get(front, "preparing"), &preparing);
	if (json_str(json_get(front, "hijacked"), &text))
		judge(s, VERDICT_FAILING, "another answers on the hub's port: ",
		      text);
	else if (json_str(json_get(front, "prepare_error"), &text))
		judge(s, VERDICT_FAILING, "front door: ", text);
	else if (all.error.n && !all.ready)
		judge(s, VERDICT_FAILING, "front door: ", all.error);
	else if (all.db.n)
		judge(s, VERDICT_FAILING, "hub.db: ", all.db);
	else if (!all.ready)
		judge(s, VERDICT_PENDING, "front door: ", preparing ?
		      STR("being prepared") : STR("starting"));
	else
		s->verdict = VERDICT_ACTIVE;
}

static void put(struct buf *out, const char *label, struct str text)
{
	char line[256];

	fmt(line, sizeof line, "%.*s", STR_ARG(text));
	cli_clean(line);
	buf_printf(out, "  %-11s%s\n", label, line);
}

static void put_worker(struct buf *out, const struct json *k)
{
	struct str text;
	bool ready = false;
	int64_t pid = 0;

	json_int(json_get(k, "pid"), 0, INT32_MAX, &pid);
	json_bool(json_get(k, "ready"), &ready);
	if (pid)
		buf_printf(out, "  %-11spid %d, %s\n", "worker", (int)pid,
			   ready ? "ready" : "starting");
	else
		buf_printf(out, "  %-11snot running\n", "worker");
	if (json_str(json_get(k, "error"), &text))
		put(out, "  !", text);
	if (json_str(json_get(k, "db"), &text))
		put(out, "  hub.db", text);
	if (json_str(json_get(k, "sandbox"), &text))
		put(out, "  sandbox", text);
}

void show_front(struct buf *out, const struct json *hub)
{
	const struct json *front = json_get(hub, "front");
	struct front_state s;
	struct str text;
	int64_t port;

	front_state_read(&s, hub);
	buf_printf(out, "front  %s\n", verdict_name(s.verdict));
	if (s.why[0])
		buf_printf(out, "  ! %s\n", s.why);
	if (json_int(json_get(hub, "port"), 1, 65535, &port))
		buf_printf(out, "  %-11s%d\n", "port", (int)port);
	if (json_str(json_get(front, "instance"), &text))
		put(out, "instance", text);
	JSON_EACH(k, json_get(front, "workers"))
		put_worker(out, k);
}
