/* SPDX-License-Identifier: MIT */
/* pc-status - show what runs, where it listens, and what is wrong */

#include "hub/known.h"
#include "hub/report.h"
#include "sys/cli.h"
#include "sys/os.h"
#include "wire/date.h"

#include <stdio.h>

static const char *home_dir;
static bool as_json, wait_ready, names_only;
static long wait_s = 30;
static char **wanted;

static const struct opt opts[] = {
	OPT_FLAG(0, "json", &as_json, "everything, for programs"),
	OPT_MAYBE(0, "wait", "SEC", &wait_ready, &wait_s, 1, 600,
		  "first wait until what should run is ready (30 s)"),
	OPT_FLAG(0, "names", &names_only, "only the short names, one a line"),
	OPT_STR(0, "home", "DIR", &home_dir,
		"state directory (PARACHUTE_HOME, else ~/.parachute)"),
	OPT_END
};

const struct prog prog = {
	.name = "pc-status",
	.args = "[MODULE...]",
	.about = "show what runs, where it listens, and what is wrong",
	.opts = opts,
	.nargs = { 0, 64 },
	.complete = "module",
};

static bool is_wanted(const struct report_row *row)
{
	if (!*wanted)
		return true;
	for (char **w = wanted; *w; w++)
		if (str_eq(registry_short(str_of(*w)), row->short_name))
			return true;
	return false;
}

/* A name that is not there is an error of its own. */
static int check_wanted(const struct report *r)
{
	int status = EXIT_DONE;

	for (char **w = wanted; *w; w++) {
		bool found = false;

		for (size_t i = 0; i < r->n && !found; i++)
			found = str_eq(registry_short(str_of(*w)),
				       r->rows[i].short_name);
		if (found)
			continue;
		cli_say_error("no module \"%.64s\"; without names all are "
			      "listed", *w);
		status = EXIT_FAILED;
	}
	return status;
}

/* The table */

static void note_url(struct cli_table *t, const struct report_row *r)
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
	snprintf(text, sizeof text, "\342\206\222 http://127.0.0.1:%u%.*s%s",
		 (unsigned)r->port, STR_ARG(path), tail);
	cli_table_note(t, text);
}

static void note_error(struct cli_table *t, const struct report_row *r)
{
	const struct start_error *e = &r->state.error;
	struct str line, rest;
	char text[600];

	if (!e->type)
		return;
	str_cut(str_of(e->text), '\n', &line, &rest);
	if (e->binary[0] && str_is(str_of(e->type), ERROR_MISSING))
		snprintf(text, sizeof text, "! failed to start: %s not "
			 "installed", e->binary);
	else if (r->state.pid)
		snprintf(text, sizeof text, "! %.*s", STR_ARG(line));
	else
		snprintf(text, sizeof text, "! failed to start: %.*s",
			 STR_ARG(line));
	cli_table_note(t, text);
}

static void put_notes(struct cli_table *t, const struct report_row *r,
		      enum verdict verdict, bool broken)
{
	const struct known *k = known_by_short(r->short_name);
	char text[160];

	note_url(t, r);
	if (verdict == VERDICT_FAILING && r->state.status == STATUS_CRASHED)
		cli_table_note(t, "! probe: supervisor: crashed");
	if (k && r->row && !r->row->instance && r->row->port != k->port) {
		snprintf(text, sizeof text, "! canonical port is %u",
			 (unsigned)k->port);
		cli_table_note(t, text);
	}
	if (!r->row && r->state.pid && !broken)
		cli_table_note(t, "! its row in services.json is gone; it "
			       "runs until pc-stop, or a reload of the hub");
	note_error(t, r);
}

static void put_row(struct cli_table *t, const struct report_row *r,
		    int64_t now, bool broken)
{
	char name[SHORT_SIZE + 32], port[8], version[64], pid[16] = "-",
		restarts[16] = "-", up[DATE_SPAN_SIZE] = "-";
	enum verdict verdict = report_verdict(r, now);
	const char *cells[] = { name, port, version, verdict_name(verdict),
		pid, up, restarts, listening_name(r->listening) };

	snprintf(name, sizeof name, "%.*s", STR_ARG(r->short_name));
	snprintf(port, sizeof port, "%u", (unsigned)r->port);
	snprintf(version, sizeof version, "%.*s",
		 STR_ARG(r->version.n ? r->version : STR("-")));
	if (r->state.pid) {
		snprintf(pid, sizeof pid, "%d", (int)r->state.pid);
		date_span(now - r->state.started_unix_ms, up);
	}
	if (r->supervised)
		snprintf(restarts, sizeof restarts, "%u", r->restarts);
	cli_table_row(t, cells);
	put_notes(t, r, verdict, broken);
}

static void put_hub(struct cli_table *t, const struct report *r, int64_t now)
{
	char port[8] = "-", pid[16] = "-", up[DATE_SPAN_SIZE] = "-",
		version[64] = PC_VERSION;
	const char *cells[] = { "hub", port, version,
		r->hub ? "active" : "inactive", pid, up, "-", "-" };
	struct str text;
	int64_t n;

	if (json_int(json_get(r->hub, "port"), 1, 65535, &n))
		snprintf(port, sizeof port, "%d", (int)n);
	if (json_int(json_get(r->hub, "pid"), 1, INT32_MAX, &n))
		snprintf(pid, sizeof pid, "%d", (int)n);
	if (json_str(json_get(r->hub, "version"), &text))
		snprintf(version, sizeof version, "%.*s", STR_ARG(text));
	if (json_str(json_get(r->hub, "started_at"), &text) &&
	    date_parse(text, &n))
		date_span(now - n / 1000000, up);
	cli_table_row(t, cells);
	if (!r->hub)
		cli_table_note(t, r->why.code == ERR_UNREACHABLE ?
			       "! the hub is down" :
			       "! the hub is there but gives no answer");
}

static void put_problems(const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct problem *one = &p->all[i];

		if (one->note)
			continue;
		if (one->line)
			cli_printf("%.*s:%u:%u: %.*s\n", STR_ARG(one->file),
				   one->line, one->column, STR_ARG(one->text));
		else
			cli_printf("%.*s: %.*s\n", STR_ARG(one->file),
				   STR_ARG(one->text));
	}
}

static void print_table(const struct report *r)
{
	static const char *const heads[] = { "SERVICE", "PORT", "VERSION",
		"STATE", "PID", "UPTIME", "RESTARTS", "LISTENING" };
	struct cli_table *t = cli_table_new(heads, LEN(heads));
	int64_t now = os_unix_ms();

	for (size_t i = 0; i < r->n; i++)
		if (is_wanted(&r->rows[i]))
			put_row(t, &r->rows[i], now, r->registry.broken);
	if (!*wanted)
		put_hub(t, r, now);
	cli_table_print(t);
	if (!*wanted)
		put_problems(&r->problems);
}

static void print_json(struct report *r)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b, JSONW_PRETTY);
	report_write(&w, r, is_wanted);
	buf_putc(&b, '\n');
	if (buf_failed(&b))
		cli_say_error("no memory for the report");
	else
		cli_put(buf_str(&b));
	buf_release(&b);
}

static void print_names(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++)
		cli_printf("%.*s\n", STR_ARG(r->rows[i].short_name));
}

/* 0, or 4 when it took too long. No hub shows in the report; anything else
 * that went wrong is said here. Names that are not there are the report's. */
static int await(const struct home *home, const struct report *before)
{
	char target[8192];
	struct client hub;
	struct answer a;
	struct err e = { 0 };
	size_t n;
	int status = EXIT_DONE;
	bool first = true;

	n = (size_t)snprintf(target, sizeof target,
			     "/api/ready?wait=ready&timeout=%ld", wait_s);
	for (size_t i = 0; *wanted && i < before->n; i++) {
		struct str name = before->rows[i].short_name;

		if (!is_wanted(&before->rows[i]) ||
		    n + name.n + 16 > sizeof target)
			continue;
		n += (size_t)snprintf(target + n, sizeof target - n, "%s%.*s",
			first ? "&modules=" : ",", STR_ARG(name));
		first = false;
	}
	if (*wanted && first)
		return EXIT_DONE;
	if (client_init(&hub, home, &e) < 0)
		cli_die(&e);
	if (client_ask(&hub, "GET", target, (int)wait_s * 1000 + 5000, &a,
		       &e) < 0 && e.code != ERR_UNREACHABLE) {
		cli_warn(&e);
		status = cli_status(&e);
	}
	client_release(&hub);
	return status;
}

static int judge(const struct report *r)
{
	int64_t now = os_unix_ms();

	if (!r->hub)
		return r->why.code == ERR_UNREACHABLE ? EXIT_NO_HUB :
			EXIT_FAILED;
	for (size_t i = 0; i < r->n; i++)
		if (is_wanted(&r->rows[i]) &&
		    report_verdict(&r->rows[i], now) == VERDICT_FAILING)
			return EXIT_FAILED;
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	struct report r;
	struct home home;
	int status = EXIT_DONE, judged;

	wanted = cli_parse(argc, argv);
	if (client_home(&home, home_dir, &e) < 0)
		cli_die(&e);
	if (report_gather(&r, &home, as_json, &e) < 0)
		cli_die(&e);
	if (wait_ready && r.hub) {
		status = await(&home, &r);
		report_release(&r);
		if (report_gather(&r, &home, as_json, &e) < 0)
			cli_die(&e);
	}
	if (names_only)
		print_names(&r);
	else if (as_json)
		print_json(&r);
	else
		print_table(&r);
	judged = names_only ? EXIT_DONE : judge(&r);
	if (!r.hub && !names_only)
		cli_warn(&r.why);
	if (check_wanted(&r) != EXIT_DONE && judged == EXIT_DONE)
		judged = EXIT_FAILED;
	report_release(&r);
	home_close(&home);
	return cli_finish(status != EXIT_DONE ? status : judged);
}
