/* SPDX-License-Identifier: MIT */
#include "keep/sweep.h"

#include "keep/listen.h"
#include "keep/spawn.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define CHILDREN_MAX 4096       /* more than that and the table is walked */
#define LOOK_AGAIN_MS 100       /* when there was no memory, no descriptor */

/* A module whose leader is gone and whose run is not known to be. */
static bool is_ending(const struct mod *m)
{
	return sm_has_run(m->state) && !m->pid && m->state != SM_EXECING;
}

static bool must_look(const struct mod *m)
{
	return is_ending(m) ||
	       (sm_has_run(m->state) && m->sweep_signal == SIGKILL);
}

static struct mod *led_by(struct sup *s, pid_t pid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->mods[i]->pid == pid)
			return s->mods[i];
	return NULL;
}

/* All our children are leaders we know: then nothing else is below us that
 * could be of a run whose leader is gone. */
static bool only_leaders(struct sup *s)
{
	static pid_t kids[CHILDREN_MAX];
	int n = os_children(kids, CHILDREN_MAX);

	if (n < 0 || n > CHILDREN_MAX || !s->subreaper)
		return false;
	for (int i = 0; i < n; i++)
		if (!led_by(s, kids[i]))
			return false;
	return true;
}

/*
 * A zombie is gone when it only waits for its own parent. One that is our
 * child was not there to be reaped a moment ago: it has threads that still
 * run, sockets and all, and SIGCHLD comes when the last of them ends.
 */
static bool is_gone(const struct proc *p)
{
	return p->pid == getpid() || (p->state == 'Z' && p->ppid != getpid());
}

/* Our child at the top of p's line of parents; NULL when not below us. */
static const struct proc *top_of(const struct ptab *t, const struct proc *p)
{
	pid_t self = getpid();

	for (size_t depth = 0; p && depth < t->n; depth++) {
		if (p->ppid == self)
			return p;
		p = ptab_find(t, p->ppid);
	}
	return NULL;
}

static bool has_mark(struct sup *s, const struct mod *m, pid_t pid)
{
	uint64_t limit = spawn_limit(s->spawn, m);
	char mark[64];

	spawn_mark(s->spawn, m, mark, sizeof mark);
	return proc_has_env(pid, mark) == 1 ||
	       (limit && proc_mark(pid) == limit);
}

/* The module a process below us belongs to, by evidence; NULL: unknown. */
static struct mod *owner_of(struct sup *s, const struct proc *p)
{
	const struct proc *top = top_of(&s->ptab, p);
	struct mod *m;

	if (!top)
		return NULL;
	m = led_by(s, top->pid);
	if (m)
		return m;
	for (size_t i = 0; i < s->n; i++) {
		m = s->mods[i];
		if (sm_has_run(m->state) && m->sid &&
		    (p->sid == m->sid || top->sid == m->sid))
			return m;
	}
	for (size_t i = 0; i < s->n; i++) {
		m = s->mods[i];
		if (sm_has_run(m->state) &&
		    (has_mark(s, m, p->pid) || has_mark(s, m, top->pid)))
			return m;
	}
	return NULL;
}

/* Signals what was found, and nothing that took its number since. */
static void signal_found(const struct proc *p, int sig)
{
	int fd = os_pidfd(p->pid);
	struct proc now;

	if (fd < 0 && errno != ENOSYS)
		return;
	if (proc_read(p->pid, &now) == 0 && now.start == p->start) {
		if (fd >= 0)
			os_pidfd_signal(fd, sig);
		else
			kill(p->pid, sig);
	}
	if (fd >= 0)
		close(fd);
}

/* A start command that went into the background is told so by name. */
static void name_daemon(struct sup *s, struct mod *m, const struct proc *p)
{
	char command[128];

	if (!m->sweep_first || m->exit_code != 0 ||
	    (m->state != SM_CLEARING && m->state != SM_FAILING) ||
	    !listen_is_held_by(s, m, p->pid))
		return;
	proc_command(p->pid, command, sizeof command);
	mod_fault(m, ERROR_DAEMONIZED, NULL,
		  "its start command exited and left pid %d (%s) listening on "
		  "port %u; it must stay in the foreground: look for a "
		  "no-daemon option", (int)p->pid, command,
		  (unsigned)m->port);
}

/*
 * One pass: who is left, of whom; each gets its module's signal. False: the
 * table could not be read, so nobody is known to be gone.
 */
static bool walk(struct sup *s)
{
	struct err e = { 0 };

	if (ptab_read(&s->ptab, &e) < 0) {
		log_say("cannot read the process table: %s; trying again",
			e.msg);
		return false;
	}
	for (size_t i = 0; i < s->ptab.n; i++) {
		const struct proc *p = &s->ptab.all[i];
		struct mod *m;

		if (is_gone(p))
			continue;
		m = owner_of(s, p);
		if (!m || !must_look(m))
			continue;
		m->marked = true;
		name_daemon(s, m, p);
		if (m->sweep_signal)
			signal_found(p, m->sweep_signal);
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->mods[i]->sweep_signal == SIGTERM && must_look(s->mods[i]))
			s->mods[i]->sweep_signal = 0;
	return true;
}

static void on_look(struct loop *l, struct later *later)
{
	struct sup *s = CONTAINER(later, struct sup, look);
	bool some = false;

	(void)l;
	for (size_t i = 0; i < s->n; i++)
		some = some || must_look(s->mods[i]);
	if (!some)
		return;
	for (size_t i = 0; i < s->n; i++)
		s->mods[i]->marked = false;
	/* Twice: what forks while the table is read may be behind the reader. */
	if (!only_leaders(s) && (!walk(s) || !walk(s))) {
		loop_in(s->loop, &s->look_again, LOOK_AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		if (!is_ending(m))
			continue;
		m->sweep_first = false;
		if (!m->marked) {
			m->sweep_signal = 0;
			sup_event(s, m, EV_GONE);
		}
	}
}

static void on_look_again(struct loop *l, struct timer *t)
{
	(void)l;
	sweep_later(CONTAINER(t, struct sup, look_again));
}

void sweep_later(struct sup *s)
{
	loop_later(s->loop, &s->look);
}

size_t sweep_left(struct sup *s, struct mod *m, struct left *out, size_t max)
{
	size_t n = 0;

	if (ptab_read(&s->ptab, NULL) < 0)
		return 0;
	for (size_t i = 0; i < s->ptab.n; i++) {
		const struct proc *p = &s->ptab.all[i];

		if (is_gone(p) || owner_of(s, p) != m)
			continue;
		if (n < max) {
			out[n].pid = p->pid;
			if (!proc_command(p->pid, out[n].command,
					  sizeof out[n].command))
				continue;
		}
		n++;
	}
	return n;
}

size_t sweep_kill_all(struct sup *s)
{
	size_t n = 0;

	if (ptab_read(&s->ptab, NULL) < 0)
		return 1;       /* not known is not none */
	for (size_t i = 0; i < s->ptab.n; i++) {
		const struct proc *p = &s->ptab.all[i];

		if (is_gone(p) || !top_of(&s->ptab, p))
			continue;
		signal_found(p, SIGKILL);
		n++;
	}
	return n;
}

void sweep_init(struct sup *s)
{
	later_init(&s->look, on_look);
	s->look_again = (struct timer)TIMER_INIT(on_look_again);
	ptab_init(&s->ptab);
}
