/* SPDX-License-Identifier: MIT */
#include "keep/sweep.h"

#include "keep/crew.h"
#include "keep/listen.h"
#include "keep/spawn.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define CHILDREN_MAX 4096       /* more than that and the table is walked */
#define FREEZES_MAX   64
#define DEPTH_MAX 256            /* parents above one process */
#define FREEZE_MS 2             /* for a SIGSTOP to take effect */
#define LOOK_AGAIN_MS 100       /* when there was no memory, no descriptor */
#define LOOK_FIRST_MS 8         /* where no SIGCHLD tells; doubled */
#define LOOK_LAST_MS  5000

/* What the modules are known by; as of the last reading of the table. */
static struct claim claimed[MODULES_MAX];
static pid_t kids[CHILDREN_MAX];        /* our children, as of now */

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
	int n = os_children(kids, INHERITED_MAX);

	s->ninherited = 0;
	for (int i = 0; i < n && i < INHERITED_MAX; i++)
		if (proc_read(kids[i], &s->inherited[s->ninherited]) == 0)
			s->ninherited++;
}

static bool is_known(struct sup *s, pid_t pid)
{
	return led_by(s, pid) || (s->crew && crew_has(s->crew, pid)) ||
	       is_inherited(s, pid);
}

/* All our children are leaders we know, or our own programs: then nothing else
 * is below us that could be of a run whose leader is gone. */
static bool only_leaders(struct sup *s)
{
	int n = os_children(kids, CHILDREN_MAX);

	if (n < 0 || n > CHILDREN_MAX || !s->subreaper || s->nleft)
		return false;
	for (int i = 0; i < n; i++)
		if (!is_known(s, kids[i]))
			return false;
	return true;
}

/*
 * What only waits for its own parent is gone. Our child was not there to be
 * reaped a moment ago; SIGCHLD comes when the last of its threads ends.
 */
static bool is_gone(const struct proc *p)
{
	return p->pid == getpid() || (p->dead && p->ppid != getpid());
}

static bool is_our_ancestor(const struct ptab *t, const struct proc *p)
{
	const struct proc *up = ptab_find(t, getpid());

	for (size_t depth = 0; up && depth < t->n; depth++) {
		if (up == p)
			return true;
		up = ptab_find(t, up->ppid);
	}
	return false;
}

/*
 * Outside of our subtree only marks are evidence. It is looked at where an
 * orphan does not come back to us, and while something that a killed keeper
 * left goes on: to read two files of every process costs.
 */
static unsigned stray_owner(struct sup *s, const struct proc *p)
{
	const struct claims marks = { .owner = s->spawn->owner,
		.last_id = s->last_id, .groups = s->cgroup.fd >= 0 };

	return is_our_ancestor(&s->ptab, p) ? 0 :
		owner_of(&marks, &s->ptab, p);
}

static void claim_all(struct sup *s)
{
	for (size_t i = 0; i < s->n; i++)
		claimed[i] = (struct claim){ .id = s->mods[i]->id,
			.leader = s->mods[i]->pid, .sid = s->mods[i]->sid };
}

static struct mod *owner_below(struct sup *s, const struct ptab *t,
			       const struct proc *p, const struct proc *top,
			       bool wary)
{
	const struct claims claims = { .owner = s->spawn->owner,
		.all = claimed, .n = s->n, .last_id = s->last_id, .wary = wary,
		.live = true, .groups = s->cgroup.fd >= 0 };

	/* The environment of our own programs is ours, with what was in it. */
	if (is_inherited(s, top->pid) || (s->crew && crew_has(s->crew, top->pid)))
		return NULL;
	return sup_by_id(s, owner_of_line(&claims, t, p, getpid()));
}

struct mod *sweep_owner(struct sup *s, const struct proc *p)
{
	bool torn = false;
	const struct proc *top = ptab_top(&s->ptab, p, getpid(), &torn);

	if (top)
		return owner_below(s, &s->ptab, p, top, false);
	if (s->subreaper && !s->nleft && !torn)
		return NULL;
	return sup_by_id(s, stray_owner(s, p));
}

struct mod *sweep_find(struct sup *s, pid_t pid, uid_t uid)
{
	static struct proc line[DEPTH_MAX];
	struct ptab t = { .all = line };
	struct proc p, top;

	if (proc_read(pid, &p) < 0)
		return led_by(s, pid);
	for (top = p; ; ) {
		line[t.n++] = top;
		if (top.ppid == getpid())
			break;
		if (t.n == DEPTH_MAX || top.ppid <= 1 ||
		    proc_read(top.ppid, &top) < 0)
			return NULL;
	}
	ptab_sort(&t);
	claim_all(s);
	/* What others than us and root can put on is no proof of who speaks. */
	return owner_below(s, &t, &p, &top, uid != 0 && uid != geteuid());
}

int sweep_table(struct sup *s, struct err *e)
{
	claim_all(s);
	return ptab_read(&s->ptab, e);
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

/* One look at the table: who is left, of whom. Each gets its module's signal,
 * or SIGSTOP instead of SIGKILL; the number of those that still moved. */
static size_t signal_left(struct sup *s, bool freeze)
{
	size_t moving = 0;

	for (size_t i = 0; i < s->ptab.n; i++) {
		const struct proc *p = &s->ptab.all[i];
		struct mod *m = is_gone(p) ? NULL : sweep_owner(s, p);

		if (!m || !must_look(m))
			continue;
		m->marked = true;
		if (!freeze)
			name_daemon(s, m, p);
		if (m->sweep_signal != SIGKILL) {
			if (m->sweep_signal)
				proc_signal(p, m->sweep_signal);
		} else if (!freeze) {
			proc_signal(p, SIGKILL);
		} else if (p->state == 'R' || p->state == 'S') {
			proc_signal(p, SIGSTOP);
			moving++;
		}
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->mods[i]->sweep_signal != SIGKILL && must_look(s->mods[i]))
			s->mods[i]->sweep_signal = 0;
	return moving;
}

/*
 * What is another process all the time is gone before a reading of the table
 * comes to its end. Once its parents are dead it is our child each time, and
 * children are read in no time: those of the runs to be killed are stopped.
 */
static size_t stop_children(struct sup *s)
{
	size_t moving = 0;
	struct proc p;
	int n = os_children(kids, CHILDREN_MAX);

	claim_all(s);
	for (int i = 0; i < n && i < CHILDREN_MAX; i++) {
		struct ptab alone = { .all = &p, .n = 1 };
		struct mod *m;

		if (is_known(s, kids[i]) || proc_read(kids[i], &p) < 0 ||
		    (p.state != 'R' && p.state != 'S'))
			continue;
		m = owner_below(s, &alone, &p, &p, false);
		if (!m || !must_look(m) || m->sweep_signal != SIGKILL)
			continue;
		proc_signal(&p, SIGSTOP);
		moving++;
	}
	return moving;
}

static bool table_is_read(struct sup *s)
{
	struct err e = { 0 };

	if (sweep_table(s, &e) == 0) {
		s->blind = false;
		return true;
	}
	if (!s->blind)
		log_say("cannot tell what is left of a run: %s; looking again "
			"every %d ms", e.msg, LOOK_AGAIN_MS);
	s->blind = true;
	return false;
}

static bool any_to_kill(const struct sup *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (must_look(s->mods[i]) &&
		    s->mods[i]->sweep_signal == SIGKILL)
			return true;
	return false;
}

/* Where there is no /proc the group is all that can be asked, and told. */
static void mark_groups(struct sup *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		m->marked = is_ending(m) && m->sid &&
			kill(-m->sid, m->sweep_signal) == 0;
		if (m->sweep_signal == SIGTERM)
			m->sweep_signal = 0;
	}
}

/* Whether each child of ours stood in the table that was last read. */
static bool all_seen(struct sup *s)
{
	int n = os_children(kids, CHILDREN_MAX);

	for (int i = 0; i < n && i < CHILDREN_MAX; i++)
		if (!is_known(s, kids[i]) && !ptab_find(&s->ptab, kids[i]))
			return false;
	return true;
}

enum walked {
	WALKED,
	MOVING,         /* some of it is about to stand still */
	UNSEEN,         /* a child of ours is not in the table */
	BLIND,          /* it could not be read */
};

/*
 * One look for all modules that are ending. What is to be killed is stopped
 * first, and looked for again until nothing of it moves: what forks faster
 * than it is killed stands still before the first of it dies, with its line
 * of parents whole. Never longer than a few readings of the table: who asks
 * the hub does not wait for what is being ended.
 *
 * What forks while the table is read may be behind the reader: two passes.
 * And what is another process each time it is looked for may be in neither:
 * until no child of ours is there that was not seen.
 */
static enum walked walk(struct sup *s)
{
	if (any_to_kill(s) && s->freezes < FREEZES_MAX) {
		size_t moving = stop_children(s);

		if (!table_is_read(s))
			return BLIND;
		if (signal_left(s, true) + moving) {
			s->freezes++;
			return MOVING;
		}
	}
	s->freezes = 0;
	for (int n = 0; n < 2; n++) {
		if (!table_is_read(s))
			return BLIND;
		if (n == 0)
			listen_refresh(s);
		signal_left(s, false);
	}
	return all_seen(s) ? WALKED : UNSEEN;
}

/* What a cgroup of its own says, and does. */
static void ask_groups(struct sup *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		m->marked = must_look(m) &&
			cgroup_populated(&s->cgroup, m->id) == 1;
		if (m->marked && m->sweep_signal == SIGKILL)
			cgroup_kill(&s->cgroup, m->id);
	}
}

static void look_in(struct sup *s, int ms)
{
	loop_in(s->loop, &s->look_again, ms);
}

/* Who has ended is told so. Whether somebody is left. */
static bool tell_gone(struct sup *s, bool unsure)
{
	bool left = false;

	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		if (!is_ending(m))
			continue;
		m->sweep_first = false;
		if (m->marked || unsure) {
			left = true;
			continue;
		}
		m->sweep_signal = 0;
		s->nleft -= m->left;
		m->left = false;
		sup_event(s, m, EV_GONE);
	}
	return left;
}

static void on_look(struct loop *l, struct later *later)
{
	struct sup *s = CONTAINER(later, struct sup, look);
	enum walked walked = WALKED;
	bool some = false;

	(void)l;
	for (size_t i = 0; i < s->n; i++)
		some = some || must_look(s->mods[i]);
	if (!some)
		return;
	ask_groups(s);
	if (!only_leaders(s))
		walked = walk(s);
	if (walked == MOVING) {
		look_in(s, FREEZE_MS);
		return;
	}
	if (walked == BLIND) {
		look_in(s, LOOK_AGAIN_MS);
		if (access("/proc/self", F_OK) == 0)
			return;
		mark_groups(s);
	}
	/* SIGCHLD may tell of the end of what is left, and may not. */
	if (tell_gone(s, walked == UNSEEN) && walked != BLIND) {
		look_in(s, s->look_ms);
		s->look_ms = 2 * s->look_ms > LOOK_LAST_MS ? LOOK_LAST_MS :
			2 * s->look_ms;
	}
}

static void on_look_again(struct loop *l, struct timer *t)
{
	loop_later(l, &CONTAINER(t, struct sup, look_again)->look);
}

void sweep_later(struct sup *s)
{
	s->look_ms = LOOK_FIRST_MS;
	loop_later(s->loop, &s->look);
}

bool sweep_end_stray(struct sup *s, const struct mod *m, pid_t pid)
{
	const struct proc *p;
	bool torn;

	if (sweep_table(s, NULL) < 0)
		return false;
	p = ptab_find(&s->ptab, pid);
	if (!p || ptab_top(&s->ptab, p, getpid(), &torn) ||
	    stray_owner(s, p) != m->id)
		return false;
	proc_signal(p, SIGKILL);
	return true;
}

size_t sweep_left(struct sup *s, struct mod *m, struct left *out, size_t max)
{
	size_t n = 0;

	if (sweep_table(s, NULL) < 0)
		return 0;
	for (size_t i = 0; i < s->ptab.n; i++) {
		const struct proc *p = &s->ptab.all[i];

		/* What is dead, and only waits for us to hear of it, is not. */
		if (p->dead || is_gone(p) || sweep_owner(s, p) != m)
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

static size_t kill_groups(struct sup *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->mods[i]->sid && kill(-s->mods[i]->sid, SIGKILL) == 0;
	return n;
}

size_t sweep_kill_all(struct sup *s)
{
	size_t n = 0;

	if (sweep_table(s, NULL) < 0)   /* not known is not none */
		return access("/proc/self", F_OK) == 0 ? 1 : kill_groups(s);
	for (size_t i = 0; i < s->ptab.n; i++) {
		const struct proc *p = &s->ptab.all[i];

		if (is_gone(p) || !sweep_owner(s, p))
			continue;
		proc_signal(p, SIGKILL);
		n++;
	}
	return n;
}

void sweep_init(struct sup *s)
{
	later_init(&s->look, on_look);
	s->look_ms = LOOK_FIRST_MS;
	s->freezes = 0;
	s->look_again = (struct timer)TIMER_INIT(on_look_again);
	ptab_init(&s->ptab);
	ptab_read(&s->ptab, NULL);      /* opens /proc while there is room */
	note_inherited(s);
}
