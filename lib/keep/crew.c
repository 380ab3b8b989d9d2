/* SPDX-License-Identifier: MIT */
#include "keep/crew.h"

#include "base/fmt.h"
#include "hub/limits.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"
#include "sys/run.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAKE_SIZE 4096  /* they say little */
#define DRAIN_MAX 64    /* reads: more than a pipe holds */

/* What it says */

struct speech {
	struct crew_member *m;
	int stream;
};

static void on_line(void *ctx, struct str line, bool partial)
{
	const struct speech *s = ctx;

	(void)partial;
	s->m->heard(s->m, s->stream, line);
}

static void shut(struct crew_out *o)
{
	struct speech s = { o->member, (int)(o - o->member->out) };

	loop_forget(o->member->crew->loop, &o->watch);
	fd_close(&o->fd);
	lines_end(&o->lines, on_line, &s);
}

/* True when there may be more. */
static bool take(struct crew_out *o)
{
	struct speech s = { o->member, (int)(o - o->member->out) };
	char bytes[TAKE_SIZE];
	ssize_t n;

	if (o->fd < 0)
		return false;
	n = read(o->fd, bytes, sizeof bytes);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0)
		shut(o);
	else
		lines_feed(&o->lines, (struct str){ bytes, (size_t)n },
			   on_line, &s);
	return n > 0;
}

static void on_readable(struct loop *l, struct watch *w, unsigned events)
{
	(void)l;
	(void)events;
	take(CONTAINER(w, struct crew_out, watch));
}

static int listen_to(struct crew_member *m, int i, int *far, struct err *e)
{
	struct crew_out *o = &m->out[i];
	int p[2];

	if (os_pipe(p) < 0)
		return err_sys(e, "no pipe for its output");
	o->fd = fd_own(p[0], FD_CREW, 0);
	*far = fd_own(p[1], FD_OTHER, 0);
	if (o->fd < 0 || *far < 0 || os_set_nonblock(o->fd) < 0)
		return err_sys(e, "no descriptor for its output");
	return loop_watch(m->crew->loop, &o->watch, o->fd, LOOP_READ, e);
}

/* Starting */

/* Said when it is new: it is tried again and again. */
static void fail(struct crew_member *m, const char *why)
{
	if (strncmp(m->error, why, sizeof m->error - 1) != 0)
		log_say("%s: %s", m->name, why);
	fmt(m->error, sizeof m->error, "%s", why);
}

/* Whether it was executed; false also while that is not known. */
static bool read_outcome(struct crew_member *m)
{
	struct run_failure why;
	int got;

	if (m->outcome < 0)
		return !m->error[0];
	got = run_outcome(m->outcome, &why);
	if (!got)
		return false;
	loop_forget(m->crew->loop, &m->outcome_watch);
	fd_close(&m->outcome);
	if (got < 0) {
		fail(m, strerror(why.sys));
		return false;
	}
	m->error[0] = '\0';
	if (m->turned)
		m->turned(m, true);
	return true;
}

static void on_outcome(struct loop *l, struct watch *w, unsigned events)
{
	(void)l;
	(void)events;
	read_outcome(CONTAINER(w, struct crew_member, outcome_watch));
}

static int launch(struct crew_member *m, const char *path, struct err *e)
{
	int far[2] = { -1, -1 };
	struct run_req req = {
		.path = path, .argv = m->argv,
		.envp = m->environ ? m->environ : m->crew->environ,
		.in = m->in, .extra = m->extra, .nextra = m->nextra,
		.die_with_parent = !m->outlives, .nofile = m->crew->nofile,
	};
	pid_t pid = -1;

	if (!m->tails)
		m->tails = os_map(2 * LINE_MAX_BYTES);
	if (!m->tails)
		return err_sys(e, "no memory for its output");
	for (int i = 0; i < 2; i++)
		lines_init(&m->out[i].lines,
			   m->tails + (size_t)i * LINE_MAX_BYTES);
	if (listen_to(m, 0, &far[0], e) == 0 &&
	    listen_to(m, 1, &far[1], e) == 0) {
		req.out = far[0];
		req.err = far[1];
		pid = run_start(&req, &m->outcome, e);
	}
	fd_close(&far[0]);
	fd_close(&far[1]);
	if (pid < 0) {
		shut(&m->out[0]);
		shut(&m->out[1]);
		return -1;
	}
	m->pid = pid;
	/* Without it, its end tells. */
	loop_watch(m->crew->loop, &m->outcome_watch, m->outcome, LOOP_READ,
		   NULL);
	return 0;
}

static void start(struct crew_member *m)
{
	struct crew *c = m->crew;
	const char *path = NULL;
	struct err e = { 0 };
	struct arena a;
	bool was = m->missing;

	arena_init(&a, 65536);
	path = arena_printf(&a, "%s/%s", c->dir, m->name);
	if (!c->dir[0])
		err_set(&e, ERR_NOT_FOUND, "the directory of pc-serve, where "
			"it would be, is not known");
	else if (!path)
		err_set(&e, ERR_NO_MEMORY, "no memory");
	else if (run_find(path, NULL, NULL, &a, &path, &e) == 0)
		launch(m, path, &e);
	m->missing = e.code == ERR_NOT_FOUND || e.code == ERR_DENIED;
	arena_release(&a);
	if (m->pid)
		return;
	fail(m, e.msg);
	if (!m->missing)
		loop_in(c->loop, &m->again, FORK_RETRY_MS);
	else if (m->turned && !was)
		m->turned(m, false);
}

static void on_again(struct loop *l, struct timer *t)
{
	(void)l;
	start(CONTAINER(t, struct crew_member, again));
}

/* Ending */

/* How long to wait after a death, the last of which is noted already. */
static int64_t pause_of(const struct crew_member *m)
{
	int64_t last = m->died_ms[(m->deaths - 1) % CREW_DEATHS];

	/* Of a full ring the oldest stands where the next will be. */
	if (m->deaths < CREW_DEATHS ||
	    last - m->died_ms[m->deaths % CREW_DEATHS] >= 1000)
		return 0;
	return CREW_PAUSE_MS;
}

static void say_death(struct crew_member *m, pid_t pid, int status,
		      bool hasty)
{
	if (hasty && m->hasty)
		return;
	log_say("%s: pid %d ended by %s %d; started again%s", m->name,
		(int)pid, WIFSIGNALED(status) ? "signal" : "itself, status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		hasty ? ", from now on every 0.1 s" : "");
}

static void died(struct crew_member *m, int status)
{
	pid_t pid = m->pid;
	bool ran = read_outcome(m);
	int64_t pause;

	loop_forget(m->crew->loop, &m->outcome_watch);
	fd_close(&m->outcome);
	m->pid = 0;
	for (int i = 0; i < 2; i++) {
		for (int n = 0; n < DRAIN_MAX && take(&m->out[i]); n++)
			;
		shut(&m->out[i]);
	}
	if (m->ended && m->ended(m, status) == CREW_REST)
		return;
	if (m->leaving && WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	m->died_ms[m->deaths++ % CREW_DEATHS] = os_now_ms();
	pause = pause_of(m);
	if (ran)        /* else why not was said */
		say_death(m, pid, status, pause > 0);
	m->hasty = pause > 0;
	/* By the timer at once, too: not from within a pass over children. */
	loop_in(m->crew->loop, &m->again, pause);
}

bool crew_reaped(struct crew *c, pid_t pid, int status)
{
	LIST_EACH(n, &c->members) {
		struct crew_member *m = CONTAINER(n, struct crew_member, node);

		if (m->pid != pid)
			continue;
		died(m, status);
		return true;
	}
	return false;
}

bool crew_has(const struct crew *c, pid_t pid)
{
	LIST_EACH(n, &c->members)
		if (CONTAINER(n, struct crew_member, node)->pid == pid)
			return true;
	return false;
}

void crew_retry(struct crew *c)
{
	LIST_EACH(n, &c->members) {
		struct crew_member *m = CONTAINER(n, struct crew_member, node);

		if (m->missing)
			start(m);
	}
}

void crew_dismiss(struct crew_member *m)
{
	m->leaving = true;
}

void crew_add(struct crew *c, struct crew_member *m)
{
	m->crew = c;
	m->pid = 0;
	m->outcome = -1;
	m->again = (struct timer)TIMER_INIT(on_again);
	m->outcome_watch = (struct watch)WATCH_INIT(on_outcome);
	for (int i = 0; i < 2; i++)
		m->out[i] = (struct crew_out){ .member = m, .fd = -1,
			.watch = WATCH_INIT(on_readable) };
	list_append(&c->members, &m->node);
}

void crew_start(struct crew *c, struct crew_member *m)
{
	crew_add(c, m);
	start(m);
}

/* By the timer: this may be asked from within a pass over children. */
void crew_go(struct crew_member *m)
{
	m->leaving = false;
	if (!m->pid && !m->again.armed)
		loop_in(m->crew->loop, &m->again, 0);
}

void crew_release(struct crew_member *m)
{
	if (!m->crew)
		return;
	loop_cancel(m->crew->loop, &m->again);
	for (int i = 0; i < 2; i++)
		shut(&m->out[i]);
	loop_forget(m->crew->loop, &m->outcome_watch);
	fd_close(&m->outcome);
	if (m->tails)
		os_unmap(m->tails, 2 * LINE_MAX_BYTES);
	m->tails = NULL;
	list_remove(&m->node);
	m->crew = NULL;
}

void crew_init(struct crew *c, struct loop *loop, const char *argv0,
	       char *const *environ)
{
	struct err e = { 0 };

	*c = (struct crew){ .loop = loop, .environ = environ };
	list_init(&c->members);
	if (run_own_dir(argv0, c->dir, sizeof c->dir, &e) < 0) {
		log_say("%s", e.msg);
		c->dir[0] = '\0';
	}
}
