/* SPDX-License-Identifier: MIT */
#include "keep/sweep.h"

#include "keep/listen.h"
#include "keep/spawn.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <limits.h>
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

/* Children we had before the first module: a shell's, handed on by exec. */
static bool is_inherited(const struct sup *s, pid_t pid)
{
	struct proc now;

	for (size_t i = 0; i < s->ninherited; i++)
		if (s->inherited[i].pid == pid)
			return proc_read(pid, &now) == 0 &&
			       now.start == s->inherited[i].start;
	return false;
}

static void note_inherited(struct sup *s)
{
	pid_t kids[INHERITED_MAX];
	int n = os_children(kids, INHERITED_MAX);

	s->ninherited = 0;
	for (int i = 0; i < n && i < INHERITED_MAX; i++)
		if (proc_read(kids[i], &s->inherited[s->ninherited]) == 0)
			s->ninherited++;
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
		if (!led_by(s, kids[i]) && !is_inherited(s, kids[i]))
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

/* The id after "PC_OWNER=<owner>." in its environment; 0: it has no such. */
static unsigned env_id(const struct sup *s, pid_t pid)
{
	char value[64];
	struct str owner, id;
	uint64_t n;

	if (proc_env(pid, "PC_OWNER", value, sizeof value) != 1 ||
	    !str_cut(str_of(value), '.', &owner, &id) ||
	    !str_is(owner, s->spawn->owner) || !str_to_u64(id, UINT_MAX, &n))
		return 0;
	return (unsigned)n;
}

/* The module whose mark it carries, by either kind. */
static struct mod *marked_by(struct sup *s, pid_t pid)
{
	unsigned id = spawn_limit_id(s->spawn, proc_mark(pid), s->last_id);

	return sup_by_id(s, id ? id : env_id(s, pid));
}

static struct mod *in_session(struct sup *s, pid_t sid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->mods[i]->sid == sid)
			return s->mods[i];
	return NULL;
}

struct mod *sweep_owner(struct sup *s, const struct proc *p)
{
	const struct proc *top = top_of(&s->ptab, p);
	struct mod *m;

	if (!top || is_inherited(s, top->pid))
		return NULL;
	m = led_by(s, top->pid);
	if (!m)
		m = in_session(s, p->sid);
	if (!m)
		m = in_session(s, top->sid);
	if (!m)
		m = marked_by(s, p->pid);
	if (!m && p != top)
		m = marked_by(s, top->pid);
	return m;
}

/* Signals what was found, and nothing that took its number since. */
static void signal_found(const struct proc *p, int sig)
{
	int fd = os_pidfd(p->pid);
	struct proc now;

	if (fd < 0 && errno == ESRCH)
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
	    m->error.type || !listen_is_held_by(s, m, p->pid))
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
		if (!s->blind)
			log_say("cannot tell what is left of a run: %s; "
				"looking again every %d ms", e.msg,
				LOOK_AGAIN_MS);
		s->blind = true;
		return false;
	}
	s->blind = false;
	listen_refresh(s);
	for (size_t i = 0; i < s->ptab.n; i++) {
		const struct proc *p = &s->ptab.all[i];
		struct mod *m;

		if (is_gone(p))
			continue;
		m = sweep_owner(s, p);
		if (!m || !must_look(m))
			continue;
		m->marked = true;
		name_daemon(s, m, p);
		if (m->sweep_signal)
			signal_found(p, m->sweep_signal);
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->mods[i]->sweep_signal != SIGKILL && must_look(s->mods[i]))
			s->mods[i]->sweep_signal = 0;
	return true;
}

/* Where there is no /proc the group is all that can be asked. */
static void mark_groups(struct sup *s)
{
	for (size_t i = 0; i < s->n; i++)
		s->mods[i]->marked = is_ending(s->mods[i]) &&
			s->mods[i]->sid && kill(-s->mods[i]->sid, 0) == 0;
}

/* What forks while the table is read may be behind the reader. */
static bool walk_twice(struct sup *s)
{
	if (!walk(s))
		return false;
	return walk(s);
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
	if (!only_leaders(s) && !walk_twice(s)) {
		loop_in(s->loop, &s->look_again, LOOK_AGAIN_MS);
		if (access("/proc/self", F_OK) == 0)
			return;
		mark_groups(s);
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

		if (is_gone(p) || sweep_owner(s, p) != m)
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

		if (is_gone(p) || !sweep_owner(s, p))
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
	ptab_read(&s->ptab, NULL);      /* opens /proc while there is room */
	note_inherited(s);
}
