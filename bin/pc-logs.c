/* SPDX-License-Identifier: MIT */
/* pc-logs - print the recent output of modules, and follow it */

#include "hub/client.h"
#include "hub/registry.h"
#include "log/tail.h"
#include "sys/cli.h"
#include "sys/os.h"

#define MODULES 32      /* as many streams as a hub lets one command have */

static struct reach_opts where;
static const char *since_text, *stream_text, *grep_text;
static bool follow, as_json, show_time;
static long lines = -1;

static const struct opt opts[] = {
	OPT_FLAG('f', "follow", &follow, "go on as new lines come"),
	OPT_LONG('n', "lines", "NUM", &lines, 0, 100000,
		 "begin with the last NUM lines of each (200)"),
	OPT_STR(0, "since", "WHEN", &since_text,
		"all since a time, 10m or 2h ago, or a cursor"),
	OPT_STR(0, "stream", "NAME", &stream_text, "stdout or stderr alone"),
	OPT_STR(0, "grep", "TEXT", &grep_text,
		"only lines that hold TEXT, to the letter"),
	OPT_FLAG(0, "time", &show_time, "each line with its time"),
	OPT_FLAG(0, "json", &as_json,
		 "an object a line: time, stream, cursor, gaps"),
	REACH_OPTS(where),
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

static struct tail tails[MODULES];
static struct client_stream streams[MODULES];
static size_t ntails, open_streams;
static struct tail_want want;
static bool over;
static int status;

static void worse(int code)
{
	if (code > status)
		status = code;
}

/* Output */

static void print_json(const struct tail *t, const struct seek_rec *r)
{
	static struct buf out = { .max = 8 * LINE_MAX_BYTES };
	struct jsonw w;

	buf_reset(&out);
	jsonw_init(&w, &out, JSONW_COMPACT);
	record_write(&w, t->name, r);
	buf_putc(&out, '\n');
	if (buf_failed(&out))
		cli_say_error("%s: no memory for a line", t->name);
	cli_put(buf_str(&out));
}

static void print(const struct tail *t, const struct seek_rec *r)
{
	char time[DATE_CRI_SIZE];

	if (as_json) {
		print_json(t, r);
		return;
	}
	date_cri(r->unix_ns, time);
	if (show_time)
		cli_printf("%s ", r->timed ? time : "-");
	if (ntails > 1)
		cli_printf("[%s] ", t->name);
	if (r->gap && r->count)
		cli_printf("[hub] gap: %llu lines missing",
			   (unsigned long long)r->count);
	else if (r->gap)
		cli_put(STR("[hub] gap: an unknown number of lines missing"));
	else
		cli_put(r->text);
	cli_put(STR("\n"));
}

/* What is there */

static void print_all(void)
{
	struct tail *first;

	for (size_t i = 0; i < ntails; i++)
		tail_next(&tails[i], &want);
	do {
		first = NULL;
		for (size_t i = 0; i < ntails; i++)
			if (tails[i].have && (!first || tails[i].rec.unix_ns <
					      first->rec.unix_ns))
				first = &tails[i];
		if (first) {
			print(first, &first->rec);
			tail_next(first, &want);
		}
	} while (first);
}

/* Nobody answers: what there are files of is shown all the same. */
static void without_hub(const struct err *e, size_t lacking)
{
	if (follow || lacking == ntails)
		worse(EXIT_NO_HUB);
	if (lacking == ntails) {
		cli_warn(e);
		return;
	}
	cli_say_error("%s; log files are read without it", e->msg);
	for (size_t i = 0; i < ntails; i++)
		if (!tails[i].files) {
			cli_say_error("%s has no log files", tails[i].name);
			worse(EXIT_FAILED);
		}
}

/* By URL there is the hub's memory alone: said where it is not enough. */
static void without_files(void)
{
	uint64_t asked = lines < 0 ? TAIL_LINES : (uint64_t)lines;
	bool since = want.since.kind == SINCE_TIME; /* else a gap says it */

	for (size_t i = 0; i < ntails; i++)
		if (tails[i].answered && (since || tails[i].nring < asked))
			cli_say_error("%s: by --url there are only the last "
				      "lines, that the hub itself remembers; "
				      "older ones are in the log files beside "
				      "it", tails[i].name);
}

static void ask_all(struct client *hub, struct arena *a)
{
	struct err e = { 0 };
	size_t lacking = 0;

	for (size_t i = 0; i < ntails && e.code != ERR_UNREACHABLE; i++)
		/* What was a module once needs no hub to be read. */
		if (tail_ask(&tails[i], hub, &want, a, &e) < 0 &&
		    e.code != ERR_UNREACHABLE && (e.code != ERR_NOT_FOUND ||
						  !tails[i].files || follow)) {
			cli_warn(&e);
			worse(cli_status(&e));
		}
	for (size_t i = 0; i < ntails; i++)
		lacking += !tails[i].files;
	if (e.code == ERR_UNREACHABLE)
		without_hub(&e, lacking);
	else if (hub->reach->remote)
		without_files();
}

/* What comes */

static void on_event(struct client_stream *cs, const struct sse *ev)
{
	struct tail *t = cs->ctx;

	tail_event(t, ev);
	for (tail_next(t, &want); t->have; tail_next(t, &want))
		print(t, &t->rec);
	cli_flush();
}

static void on_end(struct client_stream *cs, const struct err *e)
{
	struct tail *t = cs->ctx;

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
			cli_say_error("%s: %s", t->name, e->msg);
		worse(cli_status(e));
	}
	over = --open_streams == 0;
}

static void follow_all(struct client *hub)
{
	struct err e = { 0 };

	for (size_t i = 0; i < ntails; i++) {
		char target[TAIL_TARGET_SIZE];

		if (!tails[i].answered)
			continue;
		tail_target(&tails[i], target);
		streams[i] = (struct client_stream){ .on_event = on_event,
			.on_end = on_end, .ctx = &tails[i] };
		if (client_stream(hub, &streams[i], target, &e) == 0)
			open_streams++;
		else if (e.code != ERR_UNREACHABLE)
			cli_die(&e);
	}
	over = open_streams == 0;
	if (client_run(hub, &over, &e) < 0)
		cli_die(&e);
}

/* What was asked for */

static void add_tail(int homefd, const char *given)
{
	struct str name = registry_short(str_of(given));
	struct err e = { 0 };

	for (size_t i = 0; i < ntails; i++)
		if (str_is(name, tails[i].name))
			return;
	if (!logfile_source_ok(name)) {
		cli_say_error("\"%.64s\" is not the name of a module; "
			      "pc-status lists what there is", given);
		worse(EXIT_FAILED);
	} else if (tail_open(&tails[ntails++], homefd, name, &e) < 0) {
		cli_warn(&e);
		worse(EXIT_FAILED);
	}
}

static void read_options(void)
{
	want = (struct tail_want){ .lines = lines, .stream = -1,
				   .grep = str_of(grep_text) };
	if (since_text && !since_read(str_of(since_text), os_unix_ns(),
				      &want.since))
		cli_usage("--since %.64s: give a time as 2026-06-02T05:21:33Z, "
			  "how long ago as 10m, 2h or 1d, or a cursor as 3.1200",
			  since_text);
	if (stream_text && str_is(STR("stdout"), stream_text))
		want.stream = 0;
	else if (stream_text && str_is(STR("stderr"), stream_text))
		want.stream = 1;
	else if (stream_text)
		cli_usage("--stream can be stdout or stderr, not %.64s",
			  stream_text);
}

int main(int argc, char **argv)
{
	char **names = cli_parse(argc, argv);
	struct client hub;
	struct arena a;
	struct reach reach;
	struct err e = { 0 };

	read_options();
	if (reach_open(&reach, &where, &e) < 0)
		cli_die(&e);
	if (client_init(&hub, &reach, &e) < 0)
		cli_die(&e);
	arena_init(&a, 64 * ANSWER_MAX);
	for (; *names; names++)
		add_tail(reach.home.fd, *names);
	if (ntails)
		ask_all(&hub, &a);
	for (size_t i = 0; i < ntails; i++)
		tail_begin(&tails[i], &want);
	print_all();
	cli_flush();
	if (follow)
		follow_all(&hub);
	arena_release(&a);
	client_release(&hub);
	reach_close(&reach);
	return cli_finish(status);
}
