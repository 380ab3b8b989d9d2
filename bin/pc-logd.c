/* SPDX-License-Identifier: MIT */
/* pc-logd - write the log files of a home from a pipe of records */

#include "base/fmt.h"
#include "hub/home.h"
#include "log/intake.h"
#include "log/writer.h"
#include "sys/cli.h"
#include "sys/file.h"
#include "sys/os.h"

#include <signal.h>
#include <sys/select.h>
#include <unistd.h>

#define LAST_BATCHES 64         /* of what is there when told to end */

static const char *home_dir;

static const struct opt opts[] = {
	OPT_STR(0, "home", "DIR", &home_dir,
		"state directory (PARACHUTE_HOME, else ~/.parachute)"),
	OPT_END
};

const struct prog prog = {
	.name = "pc-logd",
	.about = "write the log files of a home; started by pc-serve",
	.opts = opts,
};

static volatile sig_atomic_t told;

static void on_term(int sig)
{
	(void)sig;
	told = 1;
}

/*
 * One line, at once: the keeper shows it in its status. A keeper that is gone
 * reads no more, but what it handed over is still to be written.
 */
static void say(void *unused, const char *source, const char *error)
{
	char line[400];
	int n = fmt(line, sizeof line, "%s %s%s\n", source,
		    error ? "error " : "ok", error ? error : "");

	(void)unused;
	file_write_all(STDOUT_FILENO, (struct str){ line, (size_t)n }, NULL);
}

/* The end of input ends us, not what a terminal sends to all. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGPIPE, SIGXFSZ };

	for (size_t i = 0; i < LEN(ignored); i++)
		os_ignore_signal(ignored[i]);
}

/* Only while we wait: a batch is not cut. */
static void catch_term(sigset_t *outside)
{
	struct sigaction act = { .sa_handler = on_term };
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, outside);
	sigdelset(outside, SIGTERM);
	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
}

/* Until something comes, is due, or we are told to end. */
static void pause_for(const struct intake *in, bool failing, int64_t retry_at,
		      const sigset_t *outside)
{
	int ms = intake_pause_ms(in), fd = ms < 0 ? in->fd : -1;
	int64_t left = retry_at - os_now_ms();
	struct timespec t;
	fd_set set;

	if (failing && (ms < 0 || left < ms))
		ms = left < 0 ? 0 : (int)left;
	t = (struct timespec){ ms / 1000, ms % 1000 * 1000000L };
	FD_ZERO(&set);
	if (fd >= 0)
		FD_SET(fd, &set);
	pselect(fd + 1, &set, NULL, NULL, ms < 0 ? NULL : &t, outside);
}

static void put(struct intake *in, struct writer *w)
{
	struct err e = { 0 };
	size_t skipped, done = writer_put(w, intake_seen(in), &skipped);

	if (skipped)
		cli_say_error("%zu bytes on standard input were no record; "
			      "skipped", skipped);
	if (intake_done(in, done, &e) < 0)
		cli_die(&e);
}

static void run(struct intake *in, struct writer *w, const sigset_t *outside)
{
	int64_t retry_at = 0;
	int left = LAST_BATCHES, some;
	bool failing = false;
	struct err e = { 0 };

	while (!in->ended && left) {
		some = intake_fill(in, &e);
		if (some < 0)
			cli_die(&e);
		if (some)
			put(in, w);
		if (failing && os_now_ms() >= retry_at) {
			writer_retry(w);
			failing = false;
		}
		if (!failing && writer_failing(w)) {
			failing = true;
			retry_at = os_now_ms() + WRITER_RETRY_MS;
		}
		if (told && !some)
			break;
		left -= told != 0;
		if (!some)
			pause_for(in, failing, retry_at, outside);
	}
	/* The last try to write what waits. */
	writer_retry(w);
}

int main(int argc, char **argv)
{
	struct writer *w;
	struct intake in;
	struct home home;
	struct err e = { 0 };
	sigset_t outside;
	size_t cut;

	cli_parse(argc, argv);
	ignore_signals();
	if (home_open(&home, home_dir, false, &e) < 0)
		cli_die(&e);
	w = writer_new(home.fd, say, NULL, &e);
	if (!w || intake_init(&in, STDIN_FILENO, &e) < 0)
		cli_die(&e);
	catch_term(&outside);
	run(&in, w, &outside);
	cut = in.ended ? intake_seen(&in).n : 0;
	if (cut)
		cli_say_error("standard input ends in a record: %zu bytes of "
			      "it are dropped", cut);
	intake_release(&in);
	writer_free(w);
	home_close(&home);
	return cli_finish(EXIT_DONE);
}
