/* SPDX-License-Identifier: MIT */
#include "hub/show.h"

#include "base/fmt.h"
#include "hub/front_state.h"
#include "hub/known.h"
#include "sys/cli.h"
#include "sys/os.h"
#include "wire/date.h"

#include <string.h>

bool show_wants(char *const *wanted, struct str short_name)
{
	if (!*wanted)
		return true;
	for (; *wanted; wanted++)
		if (str_eq(registry_short(str_of(*wanted)), short_name))
			return true;
	return false;
}

/* Lines below a row */

typedef void note_fn(void *ctx, const char *text);

static void note_url(const struct report_row *r, note_fn *put, void *ctx)
{
	struct str path = STR_NULL;
	char text[512];
	const char *tail = "";

	if (!r->row)
		return;
	if (r->row->npaths)
		path = r->row->paths[0];
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	if (str_is(r->short_name, "vault") || r->row->instance)
		tail = "/mcp";
	else if (str_is(r->short_name, "scribe"))
		path = STR_NULL;
	fmt(text, sizeof text, "\342\206\222 http://127.0.0.1:%u%.*s%s",
	    (unsigned)r->port, STR_ARG(path), tail);
	put(ctx, text);
}

static void note_error(const struct report_row *r, note_fn *put, void *ctx)
{
	const struct start_error *e = &r->state.error;
	struct str line, rest;
	char text[600];

	if (!e->type)
		return;
	str_cut(str_of(e->text), '\n', &line, &rest);
	if (e->binary[0] && str_is(str_of(e->type), ERROR_MISSING))
		fmt(text, sizeof text, "! failed to start: %s not "
		    "installed", e->binary);
	else
		fmt(text, sizeof text, "! %s%.*s", r->state.pid ? "" :
		    "failed to start: ", STR_ARG(line));
	put(ctx, text);
}

/* What it says of itself, and what else is known of it. */
static void note_facts(const struct report_row *r, note_fn *put, void *ctx)
{
	char text[400];

	if (r->status_text.n) {
		fmt(text, sizeof text, "\"%.*s\"",
		    STR_ARG(r->status_text));
		put(ctx, text);
	}
	if (r->facts.healthy == HEALTH_FAILING)
		put(ctx, "! unhealthy: its health path does not answer as it "
		    "should");
	if (r->log_error.n) {
		fmt(text, sizeof text, "! log: %.*s",
		    STR_ARG(r->log_error));
		put(ctx, text);
	}
}

/* unseen: where the rows are cannot be looked at. */
static void put_notes(const struct report_row *r, enum verdict verdict,
		      bool unseen, note_fn *put, void *ctx)
{
	const struct known *k = known_by_short(r->short_name);
	char text[160];

	note_url(r, put, ctx);
	if (verdict == VERDICT_FAILING && r->state.status == STATUS_CRASHED)
		put(ctx, "! probe: supervisor: crashed");
	if (k && r->row && !r->row->instance && r->row->port != k->port) {
		fmt(text, sizeof text, "! canonical port is %u",
		    (unsigned)k->port);
		put(ctx, text);
	}
	if (!r->row && r->state.pid && !unseen)
		put(ctx, "! its row in services.json is gone; it runs until "
		    "pc-stop, or a reload of the hub");
	note_error(r, put, ctx);
	note_facts(r, put, ctx);
}

/* The table */

static void put_size(char out[16], uint64_t bytes)
{
	static const char units[] = "KMGT";
	size_t i = 0;
	uint64_t n = bytes / 1024 * 10; /* tenths of a KiB */

	for (; n >= 10240 && i + 1 < sizeof units - 1; i++)
		n /= 1024;
	if (n < 100 && i)
		fmt(out, 16, "%u.%u%c", (unsigned)(n / 10),
		    (unsigned)(n % 10), units[i]);
	else
		fmt(out, 16, "%u%c", (unsigned)(n / 10), units[i]);
}

static void to_table(void *t, const char *text)
{
	cli_table_note(t, text);
}

static char *put_number(char *out, uint64_t n)
{
	char digits[24], *p = digits + sizeof digits - 1;

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return memcpy(out, p, (size_t)(digits + sizeof digits - p));
}

static void put_row(struct cli_table *t, const struct report_row *r,
		    int64_t now, bool unseen)
{
	char name[SHORT_SIZE + 32], port[24], version[64], pid[24] = "-",
		restarts[24] = "-", up[DATE_SPAN_SIZE] = "-", cpu[16] = "-",
		mem[16] = "-";
	enum verdict verdict = report_verdict(r, now);
	const char *cells[] = { name, port, version, verdict_name(verdict),
		pid, up, restarts, listening_name(r->listening), cpu, mem };

	if (!str_to_c(r->short_name, name, sizeof name))
		memcpy(name, "?", 2);
	put_number(port, r->port);
	if (!r->version.n || !str_to_c(r->version, version, sizeof version))
		memcpy(version, "-", 2);
	if (r->state.pid) {
		put_number(pid, (uint64_t)r->state.pid);
		date_span(now - r->state.started_unix_ms, up);
	}
	if (r->supervised)
		put_number(restarts, r->restarts);
	if (r->has_usage) {
		fmt(cpu, sizeof cpu, "%u.%u%%",
		    r->usage.cpu_permille / 10,
		    r->usage.cpu_permille % 10);
		put_size(mem, r->usage.memory_bytes);
	}
	cli_table_row(t, cells);
	put_notes(r, verdict, unseen, to_table, t);
}

static void note_front(struct cli_table *t, const struct front_state *front)
{
	char text[256];

	fmt(text, sizeof text, "! %s", front->why);
	cli_table_note(t, text);
}

static void put_hub(struct cli_table *t, const struct report *r, int64_t now)
{
	char port[8] = "-", pid[16] = "-", up[DATE_SPAN_SIZE] = "-",
		version[64] = PC_VERSION;
	const char *cells[] = { "hub", port, version, NULL, pid, up, "-", "-",
		"-", "-" };
	struct front_state front;
	struct str text;
	int64_t n;

	front_state_read(&front, r->hub);
	cells[3] = verdict_name(!r->hub ? VERDICT_INACTIVE :
		front.verdict == VERDICT_INACTIVE ? VERDICT_ACTIVE :
		front.verdict);

	if (json_int(json_get(r->hub, "port"), 1, 65535, &n))
		fmt(port, sizeof port, "%d", (int)n);
	if (json_int(json_get(r->hub, "pid"), 1, INT32_MAX, &n))
		fmt(pid, sizeof pid, "%d", (int)n);
	if (json_str(json_get(r->hub, "version"), &text))
		fmt(version, sizeof version, "%.*s", STR_ARG(text));
	if (json_str(json_get(r->hub, "started_at"), &text) &&
	    date_parse(text, &n))
		date_span(now - n / 1000000, up);
	cli_table_row(t, cells);
	if (!r->hub)
		cli_table_note(t, r->why.code == ERR_UNREACHABLE ?
			       "! the hub is down" :
			       "! the hub is there but gives no answer");
	else if (front.verdict != VERDICT_INACTIVE && front.why[0])
		note_front(t, &front);
}

/* Anybody's text, harmless on a terminal. */
static void put_clean(struct buf *out, struct str text)
{
	char copy[1024];

	text = str_take(text, sizeof copy - 1);
	for (size_t i = 0; i < text.n; i++)
		copy[i] = text.p[i] ? text.p[i] : '?';
	copy[text.n] = '\0';
	cli_clean(copy);
	buf_put(out, str_of(copy));
}

static void put_problems(struct buf *out, const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct problem *one = &p->all[i];

		if (one->note)
			continue;
		buf_put(out, one->file);
		if (one->line)
			buf_printf(out, ":%u:%u", one->line, one->column);
		buf_put(out, STR(": "));
		put_clean(out, one->text);
		buf_putc(out, '\n');
	}
}

static bool rows_unseen(const struct report *r)
{
	return r->registry.broken || r->client.reach->remote;
}

void show_table(struct buf *out, const struct report *r, char *const *wanted,
		bool usage)
{
	static const char *const heads[] = { "SERVICE", "PORT", "VERSION",
		"STATE", "PID", "UPTIME", "RESTARTS", "LISTENING", "CPU",
		"MEM" };
	struct cli_table *t = cli_table_new(heads, LEN(heads) -
					    (usage ? 0 : 2));
	int64_t now = os_unix_ms();

	for (size_t i = 0; i < r->n; i++)
		if (show_wants(wanted, r->rows[i].short_name))
			put_row(t, &r->rows[i], now, rows_unseen(r));
	if (!*wanted)
		put_hub(t, r, now);
	cli_table_put(t, out);
	if (!*wanted)
		put_problems(out, &r->problems);
}

/* One module */

static void to_buf(void *out, const char *text)
{
	buf_put(out, STR("  "));
	put_clean(out, str_of(text));
	buf_putc(out, '\n');
}

static void label(struct buf *out, const char *name)
{
	buf_printf(out, "  %-10s ", name);
}

static void put_member(struct buf *out, const char *name,
		       const struct json *value)
{
	if (!value || value->type == JSON_NULL)
		return;
	label(out, name);
	put_clean(out, value->text);
	buf_putc(out, '\n');
}

/* Words of a command; quoted where a shell would take them apart. */
static void put_words(struct buf *out, const struct json *array)
{
	bool first = true;

	JSON_EACH(word, array) {
		bool plain = word->text.n && str_find(word->text, ' ') < 0 &&
			     str_find(word->text, '\n') < 0;

		buf_put(out, first ? STR("") : STR(" "));
		buf_put(out, plain ? STR("") : STR("'"));
		put_clean(out, word->text);
		buf_put(out, plain ? STR("") : STR("'"));
		first = false;
	}
	buf_putc(out, '\n');
}

static void put_facts(struct buf *out, const struct report_row *r,
		      const struct json *whole)
{
	const struct json *health = json_get(whole, "health");
	const struct facts *f = &r->facts;
	int64_t status;

	label(out, "listening");
	buf_printf(out, "%s, port %u\n", listening_name(r->listening),
		   (unsigned)r->port);
	label(out, "ready");
	buf_put(out, f->ready ? STR("yes") : STR("no"));
	if (f->by != READY_BY_NONE)
		buf_printf(out, " (%s)", ready_by_name(f->by));
	buf_putc(out, '\n');
	label(out, "healthy");
	buf_put(out, f->healthy == HEALTH_OK ? STR("yes") :
		f->healthy == HEALTH_FAILING ? STR("no") : STR("-"));
	if (json_int(json_get(health, "http_status"), 1, 999, &status))
		buf_printf(out, " (%d)", (int)status);
	buf_putc(out, '\n');
	put_member(out, "", json_get(health, "error"));
}

static void put_usage(struct buf *out, const struct json *usage)
{
	struct usage_facts u;
	char mem[16];

	if (!usage_facts_read(usage, &u))
		return;
	put_size(mem, u.memory_bytes);
	label(out, "usage");
	buf_printf(out, "%u.%u%% CPU, %s memory, %u processes\n",
		   u.cpu_permille / 10, u.cpu_permille % 10, mem, u.processes);
}

static bool is_default(const struct json *setting)
{
	static const struct { const char *key, *value; } usual[] = {
		{ "restart", "always" }, { "stop_signal", "SIGTERM" },
		{ "log_mode", "file" }, { "stop_timeout_ms", "5000" },
		{ "ready_timeout_ms", "4000" }, { "source", NULL },
	};

	for (size_t i = 0; i < LEN(usual); i++)
		if (str_is(setting->key, usual[i].key))
			return !usual[i].value ||
			       str_is(setting->text, usual[i].value);
	return setting->type == JSON_NULL ||
	       (setting->type == JSON_BOOL && !setting->truth) ||
	       ((setting->type == JSON_ARRAY ||
		 setting->type == JSON_OBJECT) && !setting->count);
}

static void put_settings(struct buf *out, const struct json *settings)
{
	JSON_EACH(one, settings) {
		struct jsonw w;

		if (is_default(one))
			continue;
		label(out, "setting");
		buf_put(out, one->key);
		buf_put(out, STR(" = "));
		jsonw_init(&w, out, JSONW_COMPACT);
		jsonw_value(&w, one);
		buf_putc(out, '\n');
	}
}

static void put_log(struct buf *out, const struct json *log)
{
	int64_t total, dropped = 0;

	put_member(out, "log", json_get(log, "file"));
	if (!json_int(json_get(log, "lines_total"), 0, INT64_MAX, &total))
		return;
	json_int(json_get(log, "dropped_total"), 0, INT64_MAX, &dropped);
	label(out, "");
	buf_printf(out, "%lld lines under this hub", (long long)total);
	if (dropped)
		buf_printf(out, ", %lld of them not in the file",
			   (long long)dropped);
	buf_putc(out, '\n');
}

static void put_next(struct buf *out, const struct json *at, int64_t now)
{
	char span[DATE_SPAN_SIZE];
	struct str text;
	int64_t ns;

	if (!json_str(at, &text) || !date_parse(text, &ns))
		return;
	date_span(ns / 1000000 - now, span);
	label(out, "next try");
	buf_printf(out, "in %s\n", span);
}

#define EXITS_SHOWN 10  /* the rest: --json */

static void put_exit(struct buf *out, const struct exit_rec *x)
{
	char at[DATE_ISO_SIZE], span[DATE_SPAN_SIZE];

	date_iso(x->at_unix_ms, at);
	buf_printf(out, "  %s  %s", at, exit_cause_name(x->cause));
	if (x->code >= 0)
		buf_printf(out, ", status %d", x->code);
	if (x->signal > 0)
		buf_printf(out, ", signal %d (%s)", x->signal,
			   strsignal(x->signal));
	if (x->pid)
		buf_printf(out, ", pid %d", (int)x->pid);
	/* When a keeper was killed nobody saw how long it ran. */
	if (x->pid && x->cause != CAUSE_KEEPER_KILLED) {
		date_span(x->uptime_ms, span);
		buf_printf(out, ", up %s", span);
	}
	buf_putc(out, '\n');
}

static void put_exits(struct buf *out, const struct exits *exits)
{
	if (!exits->n)
		return;
	buf_printf(out, "last exits%s\n", exits->n > EXITS_SHOWN ?
		   " (--json shows all that are kept)" : "");
	for (size_t i = 0; i < exits->n && i < EXITS_SHOWN; i++)
		put_exit(out, &exits->all[i]);
	if (!exits->all[0].nlines)
		return;
	buf_put(out, STR("last lines before the latest\n"));
	for (size_t i = 0; i < exits->all[0].nlines; i++) {
		buf_put(out, STR("  "));
		put_clean(out, exits->all[0].lines[i]);
		buf_putc(out, '\n');
	}
}

void show_module(struct buf *out, const struct report *rep,
		 const struct report_row *r, const struct json *whole,
		 const struct exits *exits)
{
	const struct json *command = json_get(whole, "command");
	int64_t now = os_unix_ms();
	enum verdict verdict = report_verdict(r, now);
	char up[DATE_SPAN_SIZE];

	put_clean(out, r->short_name);
	buf_printf(out, "  %s", verdict_name(verdict));
	if (r->supervised)
		buf_printf(out, " (%s)", status_name(r->state.status));
	if (r->state.pid) {
		date_span(now - r->state.started_unix_ms, up);
		buf_printf(out, ", pid %d, up %s, %u restarts",
			   (int)r->state.pid, up, r->restarts);
	}
	buf_putc(out, '\n');
	put_notes(r, verdict, rows_unseen(rep), to_buf, out);
	if (command && command->count) {
		label(out, "command");
		put_words(out, command);
	}
	put_member(out, "directory", json_get(whole, "install_dir"));
	put_member(out, "version", json_get(whole, "installed_version"));
	if (r->supervised)
		put_facts(out, r, whole);
	put_next(out, json_get(whole, "next_try_at"), now);
	put_usage(out, json_get(whole, "usage"));
	put_settings(out, json_get(whole, "settings"));
	put_log(out, json_get(whole, "log"));
	put_exits(out, exits);
}
