/* SPDX-License-Identifier: MIT */
/* pc-status - show what runs, where it listens, and what is wrong */

#include "base/fmt.h"
#include "hub/detail.h"
#include "hub/front_state.h"
#include "hub/show.h"
#include "hub/watch.h"
#include "sys/cli.h"
#include "sys/os.h"

static struct reach_opts where;
static bool as_json, wait_ready, names_only, usage, watch, events;
static long wait_s = 30;
static char **wanted;

static const struct opt opts[] = {
	OPT_FLAG(0, "json", &as_json, "everything, for programs"),
	OPT_FLAG(0, "usage", &usage, "and what the modules use: CPU, MEM"),
	OPT_FLAG(0, "watch", &watch, "stay, and show every change (q: quit)"),
	OPT_FLAG(0, "events", &events, "stay, and print what happens, a line "
		 "each"),
	OPT_MAYBE(0, "wait", "SEC", &wait_ready, &wait_s, 1, 600,
		  "first wait until what should run is ready (30 s)"),
	OPT_FLAG(0, "names", &names_only, "only the short names, one a line"),
	REACH_OPTS(where),
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

/* The front door is no module: it is shown by itself. */
static bool is_front(void)
{
	return wanted[0] && !wanted[1] && str_is(str_of(wanted[0]), "front");
}

static bool is_wanted(const struct report_row *row)
{
	return show_wants(wanted, row->short_name);
}

/* A name that is not there is an error of its own. */
static int check_wanted(const struct report *r)
{
	int status = EXIT_DONE;

	for (char **w = wanted; *w && !is_front(); w++) {
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

static void print(const struct buf *b)
{
	if (buf_failed(b))
		cli_say_error("no memory for the report");
	else
		cli_put(buf_str(b));
}

static void print_module(const struct report *r, const struct report_row *row)
{
	struct err e = { 0 };
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	if (detail_put(&b, r, row, as_json, &e) < 0)
		cli_die(&e);
	print(&b);
	buf_release(&b);
}

static void print_front(const struct report *r)
{
	const struct json *front = json_get(r->hub, "front");
	struct jsonw w;
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b, JSONW_PRETTY);
	if (!as_json) {
		show_front(&b, r->hub);
	} else if (front) {
		jsonw_value(&w, front);
		buf_putc(&b, '\n');
	} else {
		buf_put(&b, STR("null\n"));
	}
	print(&b);
	buf_release(&b);
}

/* All, or several */

static void print_json(struct report *r)
{
	struct jsonw w;
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	jsonw_init(&w, &b, JSONW_PRETTY);
	report_write(&w, r, is_wanted);
	buf_putc(&b, '\n');
	print(&b);
	buf_release(&b);
}

static void print_table(const struct report *r)
{
	struct buf b;

	buf_init(&b, ANSWER_MAX);
	buf_room(&b, r->n * 256);       /* so that it seldom moves */
	show_table(&b, r, wanted, usage);
	print(&b);
	buf_release(&b);
}

static void print_names(const struct report *r)
{
	for (size_t i = 0; i < r->n; i++)
		cli_printf("%.*s\n", STR_ARG(r->rows[i].short_name));
}

static void report(struct report *r)
{
	if (names_only) {
		print_names(r);
		return;
	}
	if (is_front()) {
		print_front(r);
		return;
	}
	for (size_t i = 0; i < r->n && wanted[0] && !wanted[1]; i++) {
		if (!is_wanted(&r->rows[i]))
			continue;
		print_module(r, &r->rows[i]);
		return;
	}
	if (as_json)
		print_json(r);
	else
		print_table(r);
}

/* 0, or 4 when it took too long. No hub shows in the report; anything else
 * that went wrong is said here. Names that are not there are the report's. */
static int await(struct reach *reach, const struct report *before)
{
	char target[8192];
	struct client hub;
	struct answer a;
	struct err e = { 0 };
	size_t n;
	int status = EXIT_DONE;
	bool first = true;

	n = (size_t)fmt(target, sizeof target,
			"/api/ready?wait=ready&timeout=%ld", wait_s);
	for (size_t i = 0; *wanted && i < before->n; i++) {
		struct str name = before->rows[i].short_name;

		if (!is_wanted(&before->rows[i]) ||
		    n + name.n + 16 > sizeof target)
			continue;
		n += (size_t)fmt(target + n, sizeof target - n, "%s%.*s",
			first ? "&modules=" : ",", STR_ARG(name));
		first = false;
	}
	if (*wanted && first)
		return EXIT_DONE;
	if (client_init(&hub, reach, &e) < 0)
		cli_die(&e);
	if (client_ask(&hub, "GET", target, (int)wait_s * 1000 + HUB_PATIENCE_MS, &a,
		       &e) < 0 && e.code != ERR_UNREACHABLE) {
		cli_warn(&e);
		status = cli_status(&e);
	}
	client_release(&hub);
	return status;
}

static int judge(const struct report *r)
{
	struct front_state front;
	int64_t now = os_unix_ms();

	if (!r->hub)
		return r->why.code == ERR_UNREACHABLE ? EXIT_NO_HUB :
			EXIT_FAILED;
	for (size_t i = 0; i < r->n; i++)
		if (is_wanted(&r->rows[i]) &&
		    report_verdict(&r->rows[i], now) == VERDICT_FAILING)
			return EXIT_FAILED;
	front_state_read(&front, r->hub);
	return (!*wanted || is_front()) && front.verdict == VERDICT_FAILING ?
		EXIT_FAILED : EXIT_DONE;
}

int main(int argc, char **argv)
{
	static struct report r; /* not released: the end is faster at that */
	struct watch_args args = { 0 };
	struct err e = { 0 };
	struct reach reach;
	unsigned what;
	int status = EXIT_DONE, judged;

	wanted = cli_parse(argc, argv);
	if (watch + events + names_only + wait_ready > 1)
		cli_usage("--watch, --events, --names and --wait exclude each "
			  "other");
	if (watch && as_json)
		cli_usage("--watch is for people; --events --json is for "
			  "programs");
	if (reach_open(&reach, &where, &e) < 0)
		cli_die(&e);
	args = (struct watch_args){ &reach, wanted, usage, as_json };
	if (watch || events)
		return cli_finish(watch ? watch_table(&args) :
				  watch_events(&args));
	what = (as_json ? REPORT_WHOLE : 0) | (usage ? REPORT_USAGE : 0);
	if (report_gather(&r, &reach, what, &e) < 0)
		cli_die(&e);
	if (wait_ready && r.hub) {
		status = await(&reach, &r);
		report_release(&r);
		if (report_gather(&r, &reach, what, &e) < 0)
			cli_die(&e);
	}
	if (reach.remote && !r.hub && !as_json) {
		cli_warn(&r.why);       /* no file has anything to show */
		return cli_finish(judge(&r));
	}
	report(&r);
	judged = names_only ? EXIT_DONE : judge(&r);
	if (!r.hub && !names_only)
		cli_warn(&r.why);
	if ((r.hub || !reach.remote) && check_wanted(&r) != EXIT_DONE &&
	    judged == EXIT_DONE)
		judged = EXIT_FAILED;
	return cli_finish(status != EXIT_DONE ? status : judged);
}
