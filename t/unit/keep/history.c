/* SPDX-License-Identifier: MIT */
/* Causes, as a table; what is kept of real runs; faults of the file. */
#include "keep/history.h"
#include "client.h"

static const struct {
	const char *name;
	struct ending in;
	enum exit_cause want;
} causes[] = {
	{ "an exit", { .state = SM_UP }, CAUSE_EXIT },
	{ "a signal", { .state = SM_UP, .signal = SIGSEGV }, CAUSE_SIGNAL },
	{ "SIGKILL by somebody", { .state = SM_UP, .signal = SIGKILL },
	  CAUSE_SIGNAL },
	{ "SIGKILL, and the kernel counts",
	  { .state = SM_UP, .signal = SIGKILL, .starved = true },
	  CAUSE_OUT_OF_MEMORY },
	{ "another signal, and it counts",
	  { .state = SM_UP, .signal = SIGTERM, .starved = true },
	  CAUSE_SIGNAL },
	{ "an exit, and it counts", { .state = SM_UP, .starved = true },
	  CAUSE_EXIT },
	{ "before it was up", { .state = SM_EXECING }, CAUSE_EXIT },
	{ "a stop", { .state = SM_STOPPING, .signal = SIGTERM }, CAUSE_STOP },
	{ "a stop that took SIGKILL",
	  { .state = SM_KILLING, .signal = SIGKILL, .starved = true },
	  CAUSE_STOP },
	{ "a restart", { .state = SM_CYCLING }, CAUSE_STOP },
	{ "a restart that took SIGKILL",
	  { .state = SM_CYCLE_KILLING, .signal = SIGKILL }, CAUSE_STOP },
	{ "its health check", { .told = END_UNHEALTHY, .state = SM_UP,
	  .signal = SIGTERM }, CAUSE_UNHEALTHY },
	{ "  and a stop after it", { .told = END_UNHEALTHY,
	  .state = SM_STOPPING }, CAUSE_UNHEALTHY },
	{ "its watchdog", { .told = END_WATCHDOG, .state = SM_UP,
	  .signal = SIGABRT }, CAUSE_WATCHDOG },
	{ "no exec", { .told = END_NO_EXEC, .state = SM_BACKOFF },
	  CAUSE_EXEC_FAILED },
};

static struct arena arena;
static struct exits exits;

static const struct exits *kept(const char *name)
{
	struct err e = { 0 };

	arena_reset(&arena);
	if (exits_read(rig.home.fd, name, &arena, &exits, &e) < 0)
		tap_diag("%s", e.msg);
	return &exits;
}

/* Up, says so, and is ended by that signal. */
static void run_and_kill(struct mod *m, int sig)
{
	uint64_t lines = m->log.lines_total;
	unsigned runs = m->runs;

	tell(m, EV_START);
	until(m->runs > runs && m->log.lines_total > lines);
	kill(m->pid, sig);
	until(m->state != SM_UP);
	tell(m, EV_STOP);
	until(m->state == SM_DOWN);
}

static void runs(void)
{
	struct mod *m = rig_mod("a");
	const struct exits *x;
	char want[32];
	pid_t pid;

	tell(m, EV_START);
	until(m->state == SM_UP && m->log.lines_total);
	pid = m->pid;
	tell(m, EV_STOP);
	until(m->state == SM_DOWN);
	x = kept("a");
	snprintf(want, sizeof want, "up %d", (int)pid);
	ok(x->n == 1 && x->all[0].cause == CAUSE_STOP &&
	   x->all[0].signal == SIGTERM && x->all[0].code == -1 &&
	   x->all[0].pid == pid && x->all[0].uptime_ms >= 0 &&
	   x->all[0].started_unix_ms <= x->all[0].at_unix_ms,
	   "a stop is kept");
	ok(x->all[0].nlines == 1 && is_text(x->all[0].lines[0], want),
	   "  with the line before it");
	run_and_kill(m, SIGUSR2);
	x = kept("a");
	ok(x->n >= 2 && x->all[x->n - 2].cause == CAUSE_SIGNAL &&
	   x->all[x->n - 2].signal == SIGUSR2, "a signal is kept");
	ok(x->all[x->n - 2].nlines == 1 &&
	   !is_text(x->all[x->n - 2].lines[0], want),
	   "  with lines of its own run only");
	m = rig_mod("b");
	tell(m, EV_START);
	until(m->state == SM_CRASHED);
	x = kept("b");
	ok(x->n == CRASH_MAX && x->all[0].cause == CAUSE_EXIT &&
	   x->all[0].code == 3 && x->all[0].signal == -1,
	   "each crash is kept");
	m = rig_mod("c");
	tell(m, EV_START);
	until(m->tries >= 1);
	x = kept("c");
	ok(x->n == 1 && x->all[0].cause == CAUSE_EXEC_FAILED &&
	   !x->all[0].pid && x->all[0].code == -1,
	   "a program that is not there: once");
	tell(m, EV_STOP);
	tell(m, EV_START);
	until(m->tries >= 2);
	ok(kept("c")->n == 1, "  and not again for the same");
}

/* The lines before an exit: the newest, and what has no newline. */
static void lines(void)
{
	struct mod *m = rig_mod("a");
	const struct exits *x;
	struct exit_rec r = { .cause = CAUSE_EXIT, .code = 0, .signal = -1,
			      .pid = 1 };
	char text[32];

	history_begin(&rig.sup, m);
	for (int i = 1; i <= 30; i++) {
		snprintf(text, sizeof text, "line %d", i);
		source_put(&m->log, RING_OUT, false, 0, str_of(text));
	}
	lines_feed(&m->out[0].lines, STR("out"), NULL, NULL);
	lines_feed(&m->out[1].lines, STR("err"), NULL, NULL);
	history_record(&rig.sup, m, &r);
	lines_init(&m->out[0].lines, m->out[0].lines.tail);
	lines_init(&m->out[1].lines, m->out[1].lines.tail);
	x = kept("a");
	ok(x->all[0].nlines == EXIT_LINES &&
	   is_text(x->all[0].lines[0], "line 13") &&
	   is_text(x->all[0].lines[17], "line 30") &&
	   is_text(x->all[0].lines[18], "out") &&
	   is_text(x->all[0].lines[19], "err"),
	   "twenty lines, what waits for its newline with them");
}

/* A directory that cannot be written to; then it can. */
static void faults(void)
{
	struct mod *m = rig_mod("a");
	struct exit_rec r = { .cause = CAUSE_EXIT, .code = 0, .signal = -1 };
	size_t n = kept("a")->n;
	uint64_t events = events_total(&rig.events);

	renameat(rig.home.fd, "hub/exits", rig.home.fd, "hub/away");
	put(rig.home.fd, "hub/exits", "no directory");
	history_record(&rig.sup, m, &r);
	ok(m->history.faulty, "a fault is survived");
	history_record(&rig.sup, m, &r);
	ok(events_total(&rig.events) == events + 2, "  and told all the same");
	unlinkat(rig.home.fd, "hub/exits", 0);
	renameat(rig.home.fd, "hub/away", rig.home.fd, "hub/exits");
	history_record(&rig.sup, m, &r);
	ok(!m->history.faulty && kept("a")->n == n + 1,
	   "  and forgotten when it is over");
}

/* The row goes and comes back: what was kept is there. */
static void rows(void)
{
	size_t n = kept("b")->n;

	tell(rig_mod("b"), EV_STOP);
	until(rig_mod("b")->state == SM_DOWN);
	rig.rows[0] = '\0';
	rig_row("a", "[\"up\"]", "");
	rig_rows();
	ok(!sup_find(&rig.sup, STR("b")) && kept("b")->n == n,
	   "a row that goes leaves its file");
}

int main(int argc, char **argv)
{
	play(argc, argv);
	for (size_t i = 0; i < LEN(causes); i++)
		ok(history_cause(&causes[i].in) == causes[i].want, "%s: %s",
		   causes[i].name, exit_cause_name(causes[i].want));
	rig_up();
	arena_init(&arena, 1 << 20);
	rig_row("a", "[\"up\"]", "");
	rig_row("b", "[\"exit\", \"3\"]", "");
	rig_row("c", "no-such-program", "");
	rig_rows();
	runs();
	lines();
	faults();
	rows();
	arena_release(&arena);
	httpd_release(&rig.httpd);
	return tap_done();
}
