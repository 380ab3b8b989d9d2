/* SPDX-License-Identifier: MIT */
/* pc-logs - print the recent output of modules, and follow it */

#include "hub/client.h"
#include "hub/registry.h"
#include "hub/state.h"
#include "sys/cli.h"

#include <stdio.h>
#include <stdlib.h>

#define MODULES 32      /* as many streams as a hub lets one command have */
#define PATIENCE_MS 5000

static const char *home_dir;
static bool follow, as_json;
static long lines = 200;

static const struct opt opts[] = {
	OPT_FLAG('f', "follow", &follow, "go on as new lines come"),
	OPT_LONG('n', "lines", "NUM", &lines, 0, 100000,
		 "begin with the last NUM lines of each (200)"),
	OPT_FLAG(0, "json", &as_json,
		 "an object a line: time, stream, cursor, gaps"),
	OPT_STR(0, "home", "DIR", &home_dir,
		"state directory (PARACHUTE_HOME, else ~/.parachute)"),
	OPT_END
};

const struct prog prog = {
	.name = "pc-logs",
	.args = "MODULE...",
	.about = "print the recent output of modules, and follow it",
	.opts = opts,
	.nargs = { 1, MODULES },
	.complete = "module",
};

struct source;

/* A record of the log as the hub gave it, and what orders it. */
struct record {
	struct str raw, time;
	size_t place;           /* among those of one time */
	struct source *from;
	const struct json *json;
};

struct source {
	char name[SHORT_SIZE];
	char cursor[48];        /* of the last record printed; "" */
	struct client_stream stream;
};

static struct source sources[MODULES];
static size_t nsources, open_streams;
static bool over;
static int status;

/* Output */

static void print_gap(struct str name, const struct json *gap)
{
	int64_t n;

	if (json_int(gap, 1, INT64_MAX, &n))
		cli_say_error("%lld lines of %.*s are lost: they came faster "
			      "than they were read", (long long)n,
			      STR_ARG(name));
	else
		cli_say_error("lines of %.*s before the hub's last start are "
			      "not kept", STR_ARG(name));
}

static void note_cursor(struct source *from, const struct json *j)
{
	struct str cursor;

	if (from && json_str(json_get(j, "cursor"), &cursor))
		str_to_c(cursor, from->cursor, sizeof from->cursor);
}

static void print_record(struct source *from, const struct json *j,
			 struct str raw)
{
	struct str line;

	if (as_json) {
		cli_put(raw);
		cli_put(STR("\n"));
		return;
	}
	if (json_get(j, "gap")) {
		print_gap(str_of(from->name), json_get(j, "gap"));
		return;
	}
	if (!json_str(json_get(j, "line"), &line))
		return;
	if (nsources > 1)
		cli_printf("[%s] ", from->name);
	cli_put(line);
	cli_put(STR("\n"));
}

/* What is there already */

static struct source *source_of(struct str name)
{
	for (size_t i = 0; i < nsources; i++)
		if (str_is(name, sources[i].name))
			return &sources[i];
	return NULL;
}

static void fetch(struct client *hub, struct source *s, struct buf *all)
{
	char target[160];
	struct err e = { 0 };

	snprintf(target, sizeof target,
		 "/api/modules/%.64s/logs?format=json&n=%ld", s->name, lines);
	if (client_text(hub, target, PATIENCE_MS, all, &e) == 0)
		return;
	cli_warn(&e);
	if (cli_status(&e) > status)
		status = cli_status(&e);
	s->name[0] = '\0';
}

static int by_time(const void *pa, const void *pb)
{
	const struct record *a = pa, *b = pb;
	int d = str_cmp(a->time, b->time);

	return d ? d : a->place < b->place ? -1 : 1;
}

/* Takes the hub's lines apart, in the order in which they came. */
static struct record *take_apart(struct str all, struct arena *a, size_t *n)
{
	struct str rest = all, line;
	struct record *r;
	size_t count = 0;

	for (size_t i = 0; i < all.n; i++)
		count += all.p[i] == '\n';
	r = arena_array(a, count + 1, sizeof *r);
	for (*n = 0; r && str_cut(rest, '\n', &line, &rest); (*n)++) {
		struct str name = STR_NULL, time = STR_NULL;
		const struct json *j = json_parse(line, a, NULL, NULL);

		json_str(json_get(j, "short"), &name);
		json_str(json_get(j, "time"), &time);
		r[*n] = (struct record){ line, time, *n, source_of(name), j };
	}
	return arena_failed(a) ? NULL : r;
}

static void print_all(struct str text)
{
	struct record *r;
	struct arena a;
	size_t n;

	arena_init(&a, 64 * ANSWER_MAX);
	r = take_apart(text, &a, &n);
	if (!r) {
		cli_say_error("no memory for the log");
		status = EXIT_FAILED;
		arena_release(&a);
		return;
	}
	/* The wall clock may have been set back: the last that came is newest. */
	for (size_t i = 0; i < n; i++)
		note_cursor(r[i].from, r[i].json);
	if (nsources > 1)
		qsort(r, n, sizeof *r, by_time);
	for (size_t i = 0; i < n; i++)
		if (r[i].from)
			print_record(r[i].from, r[i].json, r[i].raw);
	arena_release(&a);
}

/* What comes */

static void on_line(struct client_stream *cs, struct str raw)
{
	struct source *s = cs->ctx;
	struct arena a;

	arena_init(&a, ANSWER_MAX);
	print_record(s, json_parse(raw, &a, NULL, NULL), raw);
	arena_release(&a);
	cli_flush();
}

static void on_end(struct client_stream *cs, const struct err *e)
{
	struct source *s = cs->ctx;

	/* It answered a moment ago: one that is gone before it answers again
	 * has ended, as one that ends a stream has. */
	if (e && e->code == ERR_UNREACHABLE && !cs->status)
		e = NULL;
	/* The hub's end is told once, however many streams it cuts. */
	if (e && e->code == ERR_UNREACHABLE && status == EXIT_NO_HUB)
		e = NULL;
	if (e) {
		if (e->code == ERR_UNREACHABLE)
			cli_say_error("the hub has ended");
		else
			cli_say_error("%s: %s", s->name, e->msg);
		if (cli_status(e) > status)
			status = cli_status(e);
	}
	over = --open_streams == 0;
}

static void follow_all(struct client *hub)
{
	char target[240];
	struct err e = { 0 };

	for (size_t i = 0; i < nsources; i++) {
		struct source *s = &sources[i];

		if (!s->name[0])
			continue;
		snprintf(target, sizeof target, "/api/modules/%.64s/logs?"
			 "format=json&follow=1%s%.47s", s->name,
			 s->cursor[0] ? "&after=" : lines ? "" : "&n=0",
			 s->cursor);
		s->stream = (struct client_stream){ .on_line = on_line,
			.on_end = on_end, .ctx = s };
		if (client_stream(hub, &s->stream, target, &e) == 0)
			open_streams++;
		else if (e.code != ERR_UNREACHABLE)
			cli_die(&e);
	}
	over = open_streams == 0;
	if (client_run(hub, &over, &e) < 0)
		cli_die(&e);
}

static void add_sources(char **names)
{
	for (; *names; names++) {
		struct str name = registry_short(str_of(*names));

		if (!home_short_ok(name)) {
			cli_say_error("\"%.64s\" is not the name of a module; "
				      "pc-status lists what there is", *names);
			status = EXIT_FAILED;
		} else if (!source_of(name)) {
			str_to_c(name, sources[nsources++].name, SHORT_SIZE);
		}
	}
}

int main(int argc, char **argv)
{
	struct client hub;
	struct home home;
	struct err e = { 0 };
	struct buf all;

	add_sources(cli_parse(argc, argv));
	if (client_home(&home, home_dir, &e) < 0)
		cli_die(&e);
	if (client_init(&hub, &home, &e) < 0)
		cli_die(&e);
	buf_init(&all, ANSWER_MAX);
	for (size_t i = 0; i < nsources; i++)
		fetch(&hub, &sources[i], &all);
	print_all(buf_str(&all));
	buf_release(&all);
	cli_flush();
	if (follow)
		follow_all(&hub);
	client_release(&hub);
	home_close(&home);
	return cli_finish(status);
}
