/* SPDX-License-Identifier: MIT */
#include "hub/show.h"

#include "base/fmt.h"
#include "sys/cli.h"
#include "wire/date.h"

/* A member as text: a string or number as it stands, else "". */
static struct str text_of(const struct json *data, const char *key)
{
	const struct json *j = json_get(data, key);

	return j && (j->type == JSON_STRING || j->type == JSON_NUMBER) ?
		j->text : STR_NULL;
}

static bool is_true(const struct json *data, const char *key)
{
	bool yes = false;

	return json_bool(json_get(data, key), &yes) && yes;
}

static void on_state(struct buf *b, const struct json *d)
{
	const struct json *state = json_get(d, "state");
	struct str from = text_of(d, "from"), pid = text_of(state, "pid");
	struct str status = text_of(state, "status");

	if (from.n && !str_eq(from, status))
		buf_printf(b, "%.*s -> ", STR_ARG(from));
	buf_put(b, status);
	if (pid.n)
		buf_printf(b, ", pid %.*s", STR_ARG(pid));
}

static void on_exit_event(struct buf *b, const struct json *d)
{
	struct str code = text_of(d, "code"), sig = text_of(d, "signal");
	struct str pid = text_of(d, "pid");

	buf_printf(b, "ended: %.*s", STR_ARG(text_of(d, "cause")));
	if (code.n)
		buf_printf(b, ", status %.*s", STR_ARG(code));
	if (sig.n)
		buf_printf(b, ", signal %.*s", STR_ARG(sig));
	if (pid.n)
		buf_printf(b, ", pid %.*s", STR_ARG(pid));
}

static void on_ready(struct buf *b, const struct json *d)
{
	if (is_true(d, "ready"))
		buf_printf(b, "ready (%.*s)", STR_ARG(text_of(d, "by")));
	else
		buf_put(b, STR("not ready"));
}

static void on_listening(struct buf *b, const struct json *d)
{
	buf_printf(b, "listening on port %.*s: %.*s",
		   STR_ARG(text_of(d, "port")),
		   STR_ARG(text_of(d, "listening")));
}

static void on_health(struct buf *b, const struct json *d)
{
	struct str status = text_of(d, "http_status");
	bool healthy;

	if (!json_bool(json_get(d, "healthy"), &healthy))
		buf_put(b, STR("health not known"));
	else
		buf_put(b, healthy ? STR("healthy") : STR("unhealthy"));
	if (status.n)
		buf_printf(b, " (%.*s)", STR_ARG(status));
}

static void on_gap(struct buf *b, const struct json *d)
{
	buf_printf(b, "%.*s lines are not in its log file",
		   STR_ARG(text_of(d, "count")));
}

static void put_names(struct buf *b, const char *what, const struct json *list)
{
	if (!list || !list->count)
		return;
	buf_printf(b, "%s", what);
	JSON_EACH(name, list)
		buf_printf(b, " %.*s", STR_ARG(name->text));
	buf_put(b, STR("; "));
}

static void on_registry(struct buf *b, const struct json *d)
{
	put_names(b, "added", json_get(d, "added"));
	put_names(b, "removed", json_get(d, "removed"));
	buf_printf(b, "%.*s problems in services.json",
		   STR_ARG(text_of(d, "problems")));
}

static void on_operation(struct buf *b, const struct json *d)
{
	struct str error = text_of(d, "error");

	buf_printf(b, "%.*s %.*s", STR_ARG(text_of(d, "kind")),
		   STR_ARG(text_of(d, "phase")));
	if (error.n)
		buf_printf(b, ": %.*s", STR_ARG(error));
}

static void on_reset(struct buf *b, const struct json *d)
{
	const struct json *modules = json_get(d, "modules");

	buf_printf(b, "from here on; %zu modules",
		   modules ? modules->count : 0);
}

static const struct {
	const char *type;
	void (*put)(struct buf *, const struct json *);
} types[] = {
	{ "state", on_state },          { "exit", on_exit_event },
	{ "ready", on_ready },          { "listening", on_listening },
	{ "health", on_health },        { "log-gap", on_gap },
	{ "registry", on_registry },    { "operation", on_operation },
	{ "reset", on_reset },
};

void show_event(struct buf *out, struct str type, const struct json *data)
{
	struct str who = text_of(data, "short");
	char text[1024];
	struct buf b;
	size_t i;

	buf_init(&b, 65536);
	buf_printf(&b, "%.*s  %.*s  ", STR_ARG(text_of(data, "at")),
		   STR_ARG(who.n ? who : STR("hub")));
	for (i = 0; i < LEN(types); i++)
		if (str_is(type, types[i].type))
			break;
	if (i < LEN(types))
		types[i].put(&b, data);
	else
		buf_put(&b, type);
	/* One line whatever is in it. */
	fmt(text, sizeof text, "%.*s", STR_ARG(buf_str(&b)));
	buf_release(&b);
	cli_clean(text);
	buf_put(out, str_of(text));
	buf_putc(out, '\n');
}
