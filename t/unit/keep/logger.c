/* SPDX-License-Identifier: MIT */
/*
 * The pipe to the log writer. The test is the writer: it takes frames when it
 * likes, and keeps the books of each source: every line is there once, in
 * order, or within a gap.
 */
#include "keep/logger.h"

#include "hub/logpipe.h"
#include "keep/out.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOURCES 4

static struct loop loop;
static struct out out;
static struct feeds feeds;
static struct logs logs;
static struct logger logger;
static _Alignas(8) char blocks[SOURCES + 2][RING_SIZE];
static struct source sources[SOURCES];

/* What the writer has of a source. */
static struct book {
	const char *name;
	uint64_t next;          /* seq it expects */
	uint64_t lines, missing;
	uint64_t told, told_to; /* missing, as on_gap had it */
	bool wrong;
	char text[128];
} books[SOURCES + 2] = {
	{ .name = "s0" }, { .name = "s1" }, { .name = "s2" }, { .name = "s3" },
	{ .name = "hub" }, { .name = "front" },
};

static struct book *book_of(struct str name)
{
	for (size_t i = 0; i < LEN(books); i++)
		if (str_is(name, books[i].name))
			return &books[i];
	return NULL;
}

static void on_gap(struct logs *l, const struct source *s,
		   const struct feed_gap *gap)
{
	struct book *b = book_of(str_of(s->name));

	if (l != &logs || gap->boot != 7 || gap->from <= b->told_to ||
	    gap->to - gap->from + 1 != gap->count)
		b->wrong = true;
	b->told_to = gap->to;
	b->told += gap->count;
}

static void enter(const struct logpipe_rec *r)
{
	struct book *b = book_of(r->name);

	if (!b || r->boot != 7 || r->seq != b->next + 1) {
		tap_diag("%.*s: %llu after %llu", STR_ARG(r->name),
			 (unsigned long long)r->seq,
			 b ? (unsigned long long)b->next : 0);
		if (b)
			b->wrong = true;
		return;
	}
	if (r->kind == LOGPIPE_GAP) {
		b->next += r->count;
		b->missing += r->count;
		return;
	}
	b->next++;
	b->lines++;
	str_to_c(str_take(r->text, 100), b->text, sizeof b->text);
}

/* Takes up to max bytes out of the pipe; false when there are none. */
static bool take(size_t max)
{
	static char in[LOGPIPE_SIZE + LOGPIPE_FRAME_MAX];
	static size_t have;
	size_t at = 0;
	ssize_t n = read(logger.in, in + have, max < LOGPIPE_SIZE ? max :
			 LOGPIPE_SIZE);

	if (n <= 0)
		return false;
	have += (size_t)n;
	for (;;) {
		struct logpipe_rec r;
		int got = logpipe_take((struct str){ in + at, have - at }, &r);

		if (got < 0)
			exit(9);
		if (!got)
			break;
		enter(&r);
		at += (size_t)got;
	}
	have -= at;
	memmove(in, in + at, have);
	return true;
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		loop_turn(&loop, 0, NULL);
}

/* All that there is. */
static void take_all(void)
{
	do
		turn();
	while (take(SIZE_MAX));
}

static void say(struct source *s, int n)
{
	char text[64];

	while (n--) {
		int len = snprintf(text, sizeof text, "%s line %llu", s->name,
			(unsigned long long)ring_last(&s->ring) + 1);

		source_put(s, n % 2, false, 5, (struct str){ text,
							     (size_t)len });
	}
}

/* Nothing lost, nothing twice: lines and gaps of a source are all it said. */
static bool adds_up(const struct source *s)
{
	const struct book *b = book_of(str_of(s->name));

	if (!b->wrong && b->next == s->lines_total &&
	    b->lines + b->missing == s->lines_total &&
	    b->missing == s->dropped_total && b->told == b->missing &&
	    !s->gap_count)
		return true;
	tap_diag("%s: said %llu, dropped %llu; lines %llu, missing %llu, told "
		 "%llu, owed %llu", s->name, (unsigned long long)s->lines_total,
		 (unsigned long long)s->dropped_total,
		 (unsigned long long)b->lines, (unsigned long long)b->missing,
		 (unsigned long long)b->told,
		 (unsigned long long)s->gap_count);
	return false;
}

static bool all_add_up(void)
{
	bool good = true;

	for (int i = 0; i < SOURCES; i++)
		good = good && adds_up(&sources[i]);
	return good && adds_up(&logs.hub);
}

static void log_line(struct str line)
{
	line.n--;
	source_put(&logs.hub, RING_OUT, false, 6, line);
}

static void flows(void)
{
	take_all();
	ok(books[4].lines == 1 && !strcmp(books[4].text, "early"),
	   "what was said before there was a pipe comes first");
	say(&sources[0], 3);
	say(&sources[1], 1);
	take_all();
	ok(books[0].lines == 3 && books[1].lines == 1 &&
	   !strcmp(books[0].text, "s0 line 3"), "lines come through");
	sources[2].mode = LOG_MODE_MEMORY;
	say(&sources[2], 5);
	take_all();
	ok(!books[2].next && sources[2].lines_total == 5 &&
	   !sources[2].dropped_total, "those for memory only do not");
	ok(!source_fault(&sources[2]) && !source_fault(&sources[0]),
	   "and nothing is wrong with that");
	books[2].next = books[2].lines = 5;     /* nobody's loss */
}

static int woken[3];
static int nwoken;
struct waiter { struct log_wait wait; int id; };

static void on_go(struct log_wait *w)
{
	woken[nwoken++] = CONTAINER(w, struct waiter, wait)->id;
}

static struct waiter waiters[3] = {
	{ { .go = on_go }, 0 }, { { .go = on_go }, 1 }, { { .go = on_go }, 2 },
};

static void all_wait(void)
{
	nwoken = 0;
	for (int i = 0; i < 3; i++) {
		list_init(&waiters[i].wait.node);
		logger_wait(&logger, &waiters[i].wait);
	}
	logger_wait(&logger, &waiters[0].wait);         /* to the end */
}

/* Until the pipe is full and LOG_MODE_FILE has to wait. */
static void fill(struct source *s)
{
	while (!logger_holds(&logger, s)) {
		say(s, 100);
		turn();
	}
}

static void waits(void)
{
	uint64_t dropped;

	fill(&sources[0]);
	ok(logger_holds(&logger, &sources[1]), "a full pipe holds every file");
	sources[3].mode = LOG_MODE_LOSSY;
	ok(!logger_holds(&logger, &sources[3]), "but none that may lose lines");
	say(&sources[3], 10);
	ok(sources[3].dropped_total == 10, "it loses them");
	ok(!sources[0].dropped_total, "the others do not");
	all_wait();
	turn();
	ok(!nwoken && logger.patience.armed, "who waits, waits");
	take(65536);
	turn();
	take_all();
	ok(nwoken == 3 && woken[0] == 1 && woken[1] == 2 && woken[2] == 0,
	   "who came first goes on first");
	ok(!logger.patience.armed && !logger.watch.events &&
	   logger_is_done(&logger), "then all is written");
	ok(sources[3].gap_count == 10, "what is lost is known");
	say(&sources[3], 1);
	take_all();
	ok(adds_up(&sources[3]) && books[3].missing == 10 &&
	   books[3].lines == 1, "and told before the next line");
	dropped = sources[0].dropped_total;
	ok(!dropped && adds_up(&sources[0]), "of the others none is missing");
}

/* As much as one read can bring, at the worst moment. */
static void worst(void)
{
	fill(&sources[1]);
	for (int i = 0; i < LOGGER_READ; i++)
		source_put(&sources[1], RING_OUT, false, 5, STR_NULL);
	ok(!sources[1].dropped_total, "a read of nothing but empty lines");
	take_all();
	ok(adds_up(&sources[1]), "comes through");
}

static void stalls(void)
{
	fill(&sources[0]);
	all_wait();
	say(&sources[3], 4);
	loop_cancel(&loop, &logger.patience);
	logger.patience.fn(&loop, &logger.patience);
	ok(nwoken == 3 && !logger_holds(&logger, &sources[0]),
	   "stalled: nobody waits any more");
	ok(source_fault(&sources[0]) && source_fault(&logs.hub) &&
	   !source_fault(&sources[2]), "who has a file is told that it lacks");
	say(&sources[0], 1000);
	turn();
	ok(sources[0].dropped_total == 1000 && sources[0].gap_count == 1000 &&
	   !logger.patience.armed, "lines are counted");
	take_all();
	ok(!logger.stalled && !source_fault(&sources[0]), "it goes on");
	ok(books[0].missing == 1000 && all_add_up(),
	   "the gaps are told, and exact");
	say(&sources[0], 1);
	take_all();
	ok(all_add_up(), "lines come again");
}

static void absent(void)
{
	fill(&sources[0]);
	all_wait();
	logger_writer(&logger, false);
	ok(nwoken == 3 && !logger_holds(&logger, &sources[0]) &&
	   logger_is_done(&logger), "no writer: nobody waits for it");
	ok(str_is(str_of(source_fault(&sources[1])), "log writer missing"),
	   "it is said");
	say(&sources[1], 20);
	turn();
	logger_writer(&logger, true);
	take_all();
	ok(books[1].missing == 20 && all_add_up(), "and back again");
}

static uint32_t state;

static uint32_t dice(uint32_t n)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % n;
}

/* One that reads as it likes, or not at all, and four that write. */
static void at_random(void)
{
	uint64_t missing = 0;

	sources[2].mode = LOG_MODE_FILE;
	os_random(&state, sizeof state);
	tap_diag("seed %lu", (unsigned long)state);
	for (int i = 0; i < 20000; i++) {
		struct source *s = &sources[dice(SOURCES)];

		if (!logger_holds(&logger, s))
			say(s, (int)dice(60));
		if (dice(3))
			turn();
		if (dice(6) == 0)
			take(1 + dice(dice(4) ? 40000 : 400000));
		if (dice(200) == 0 && logger.patience.armed) {
			loop_cancel(&loop, &logger.patience);
			logger.patience.fn(&loop, &logger.patience);
		}
		if (dice(2000) == 0) {
			logger_writer(&logger, false);
			say(s, 50);
			logger_writer(&logger, true);
		}
	}
	take_all();
	for (int i = 0; i < SOURCES; i++)
		missing += books[i].missing;
	ok(missing > 1030, "some were lost: %llu", (unsigned long long)missing);
	ok(all_add_up(), "every line, or a gap that counts it");
}

static void ends(void)
{
	char c;

	say(&sources[0], 3);
	turn();
	logger_close(&logger);
	say(&sources[0], 3);
	while (take(SIZE_MAX))
		;
	ok(read(logger.in, &c, 1) == 0, "the writer finds the end");
	ok(book_of(STR("s0"))->next == sources[0].lines_total - 3,
	   "behind all that was handed over");
	logger_release(&logger);
	ok(!logs.logger && fd_count(FD_LOGPIPE) == 0, "all closed");
}

int main(void)
{
	static const char *const names[] = { "s0", "s1", "s2", "s3" };
	struct err e = { 0 };

	if (loop_init(&loop, &e) < 0)
		return 9;
	out_init(&out, &loop, open("/dev/null", O_WRONLY));
	feeds_init(&feeds, &loop, 7);
	logs_init(&logs, &out, &feeds, blocks[4], blocks[5]);
	logs.on_gap = on_gap;
	for (int i = 0; i < SOURCES; i++)
		source_init(&sources[i], &logs, names[i], blocks[i]);
	log_to(log_line);
	log_say("early");
	ok(logger_open(&logger, &loop, &logs, &e) == 0, "open");
	os_set_nonblock(logger.in);

	flows();
	waits();
	worst();
	stalls();
	absent();
	at_random();
	ends();
	loop_release(&loop);
	return tap_done();
}
