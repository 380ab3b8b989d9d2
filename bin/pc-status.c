/* SPDX-License-Identifier: MIT */
/* pc-status - show what runs, where it listens, and what is wrong */

#include "base/fmt.h"
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

static bool is_wanted(const struct report_row *row)
{
	return show_wants(wanted, row->short_name);
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

static void print(const struct buf *b)
{
	if (buf_failed(b))
		cli_say_error("no memory for the report");
	else
		cli_put(buf_str(b));
}

/* One module: what the hub says of it, and what is kept of its exits. */

struct detail {
	struct client client;
	struct arena arena;
	const struct json *whole;       /* NULL: no hub, or it knows it not */
	struct exits exits;
};

/* Of a hub that is elsewhere the file is, too. */
static void take_exits(struct detail *d, const struct report *r,
		       const struct report_row *row)
{
	struct err e = { 0 };
	char name[SHORT_SIZE];

	if (r->client.reach->remote) {
		JSON_EACH(x, json_get(d->whole, "exits"))
			if (d->exits.n < EXITS_KEPT &&
			    exit_read(x, &d->exits.all[d->exits.n]))
				d->exits.n++;
		return;
	}
	if (str_to_c(row->short_name, name, sizeof name) &&
	    exits_read(r->client.reach->home.fd, name, &d->arena, &d->exits,
		       &e) < 0)
		cli_warn(&e);
}

static void ask(struct detail *d, const struct report *r,
		const struct report_row *row)
{
	char target[SHORT_SIZE + 32];
	struct err e = { 0 };
	struct answer a;

	fmt(target, sizeof target, "/api/modules/%.*s",
	    STR_ARG(row->short_name));
	if (r->hub && row->supervised &&
	    client_ask(&d->client, "GET", target, HUB_PATIENCE_MS, &a, &e) == 0)
		d->whole = a.body;
}

/* The hub's own object, as it stands; without one the same of it that the
 * files tell. */
static void write_module(struct buf *b, const struct detail *d,
			 const struct report_row *row)
{
	struct jsonw w;

	jsonw_init(&w, b, JSONW_PRETTY);
	if (d->whole) {
		jsonw_value(&w, d->whole);
	} else {
		jsonw_object(&w);
		jsonw_key(&w, "short");
		jsonw_str(&w, row->short_name);
		jsonw_key(&w, "port");
		jsonw_int(&w, row->port);
		jsonw_key(&w, "state");
		jsonw_null(&w);
		jsonw_key(&w, "exits");
		jsonw_array(&w);
		for (size_t i = 0; i < d->exits.n; i++)
			exit_write(&w, &d->exits.all[i]);
		jsonw_end(&w);
		jsonw_end(&w);
	}
	buf_putc(b, '\n');
}

static void print_module(const struct report *r, const struct report_row *row)
{
	static struct detail d;
	struct err e = { 0 };
	struct buf b;

	arena_init(&d.arena, 1024 * 1024);
	if (client_init(&d.client, r->client.reach, &e) < 0)
		cli_die(&e);
	ask(&d, r, row);
	take_exits(&d, r, row);
	buf_init(&b, ANSWER_MAX);
	if (as_json)
		write_module(&b, &d, row);
	else
		show_module(&b, r, row, d.whole, &d.exits);
	print(&b);
	buf_release(&b);
	arena_release(&d.arena);
	client_release(&d.client);
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
