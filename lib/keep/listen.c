/* SPDX-License-Identifier: MIT */
#include "keep/listen.h"

#include "keep/spawn.h"
#include "keep/sweep.h"
#include "sys/log.h"
#include "sys/os.h"

#include <unistd.h>

#define PROBE_FIRST_MS 5        /* then doubled */
#define PROBE_LATE_MS  1000     /* after that window, and for watchers */

static bool read_ports(struct sup *s)
{
	struct err e = { 0 };

	if (ports_read(&s->ports, &e) == 0) {
		s->deaf = false;
		return true;
	}
	if (!s->deaf)
		log_say("cannot tell who listens (%s): asking by connecting, "
			"and who answers is taken for the module", e.msg);
	s->deaf = true;
	return false;
}

/* Whether some process of the run has the socket open. */
static bool run_holds(struct sup *s, const struct mod *m, uint64_t inode,
		      bool *walked)
{
	int got = ports_holds(m->pid, inode);

	/* A module that runs as somebody we may not look into is believed. */
	if (got != 0)
		return true;
	if (!*walked && sweep_table(s, NULL) < 0)
		return true;
	*walked = true;
	for (size_t i = 0; i < s->ptab.n; i++) {
		const struct proc *p = &s->ptab.all[i];

		if (p->pid != m->pid && sweep_owner(s, p) == m &&
		    ports_holds(p->pid, inode) != 0)
			return true;
	}
	return false;
}

static bool is_known_stranger(const struct mod *m, uint64_t inode)
{
	return inode == m->other_inode && m->listen_other &&
	       ports_holds(m->listen_other, inode) == 1;
}

/* Who has a socket that is not the module's own. A walk of all descriptors
 * of all processes: only when it is not the stranger we know. */
static void find_stranger(struct mod *m, uint64_t inode)
{
	if (is_known_stranger(m, inode))
		return;
	m->other_inode = inode;
	m->listen_other = ports_owner(inode);
}

/* Without a view: by connecting, and the owner is believed. */
static enum listening believe(struct mod *m)
{
	int answers = m->port ? ports_answers(m->port) : 0;

	return answers < 0 ? m->listening : answers ? LISTEN_YES : LISTEN_NO;
}

static enum listening judge(struct sup *s, struct mod *m, bool *walked)
{
	const struct port_holder *h = ports_first(&s->ports, m->port);
	const struct port_holder *other = h;

	if (s->deaf)
		return believe(m);
	if (!h)
		return LISTEN_NO;
	for (; h; h = ports_next(&s->ports, h))
		if (h->inode == m->listen_inode)
			return LISTEN_YES;
	for (h = other; h; h = ports_next(&s->ports, h))
		if (!is_known_stranger(m, h->inode) &&
		    run_holds(s, m, h->inode, walked)) {
			m->listen_inode = h->inode;
			return LISTEN_YES;
		}
	m->listen_inode = 0;
	find_stranger(m, other->inode);
	/* The first thread of its holder was about to end when it was asked. */
	if (!m->listen_other || sweep_find(s, m->listen_other, 0) != m)
		return LISTEN_OTHER;
	m->listen_other = 0;
	m->listen_inode = other->inode;
	return LISTEN_YES;
}

static void note_unbound(struct mod *m, bool had_it)
{
	char command[128];

	if (m->listening == LISTEN_OTHER && m->listen_other) {
		proc_command(m->listen_other, command, sizeof command);
		mod_fault(m, ERROR_UNBOUND, NULL,
			  "pid %d runs but does not listen on port %u; pid %d "
			  "(%s) does", (int)m->pid, (unsigned)m->port,
			  (int)m->listen_other, command);
	} else if (m->listening == LISTEN_OTHER) {
		mod_fault(m, ERROR_UNBOUND, NULL,
			  "pid %d runs but does not listen on port %u; a "
			  "process we may not see does", (int)m->pid,
			  (unsigned)m->port);
	} else if (had_it) {
		mod_fault(m, ERROR_UNBOUND, NULL,
			  "pid %d runs but does not listen on port %u any "
			  "more; pc-restart %s starts it anew", (int)m->pid,
			  (unsigned)m->port, m->short_name);
	} else {
		int ms = m->rules.ready_ms;

		mod_fault(m, ERROR_UNBOUND, NULL,
			  "pid %d runs but did not listen on port %u within "
			  "%d %s; it must take its port from PORT (pc-logs %s "
			  "says more)", (int)m->pid, (unsigned)m->port,
			  ms % 1000 ? ms : ms / 1000, ms % 1000 ? "ms" : "s",
			  m->short_name);
	}
}

static int64_t next_probe(const struct mod *m, int64_t now)
{
	int64_t age = now - m->started_ms, step = PROBE_FIRST_MS;

	if (age >= m->rules.ready_ms + (LATE_WINDOW_MS - READY_WINDOW_MS))
		return 0;
	if (age >= m->rules.ready_ms)
		return now + PROBE_LATE_MS;
	while (step <= age)
		step *= 2;
	return m->started_ms + step < now + LISTEN_FRESH_MS ?
		m->started_ms + step : now + LISTEN_FRESH_MS;
}

static void update(struct sup *s, struct mod *m, int64_t now, bool *walked)
{
	enum listening was = m->listening;

	m->listening = judge(s, m, walked);
	if (m->listening == LISTEN_YES) {
		m->probe_ms = 0;
		m->listened = true;
		if (mod_has_fault(m, ERROR_UNBOUND))
			m->error = (struct start_error){ 0 };
		if (was != LISTEN_YES)
			mod_say(m, "listening on port %u after %d ms",
				(unsigned)m->port, (int)(now - m->started_ms));
	} else if (!m->notice.ready &&
		   now - m->started_ms >= m->rules.ready_ms &&
		   (!m->error.type || was != m->listening)) {
		note_unbound(m, was == LISTEN_YES);
		sup_touch(s);
	}
	if (was != m->listening)
		sup_touch(s);
	if (m->listening != LISTEN_YES && m->probe_ms && m->probe_ms <= now)
		m->probe_ms = next_probe(m, now);
}

static void arm_probe(struct sup *s)
{
	int64_t next = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct mod *m = s->mods[i];
		int64_t at = m->state == SM_UP ? m->probe_ms : 0;

		if (m->state == SM_UP && s->checks.watchers && !at)
			at = s->looked_ms + PROBE_LATE_MS;
		if (at && (!next || at < next))
			next = at;
	}
	if (next)
		loop_at(s->loop, &s->probe, next);
	else
		loop_cancel(s->loop, &s->probe);
}

static void look(struct sup *s)
{
	int64_t now = os_now_ms();
	bool walked = false;

	read_ports(s);
	s->looked_ms = now;
	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		if (m->state == SM_UP)
			update(s, m, now, &walked);
	}
	arm_probe(s);
}

static void on_probe(struct loop *l, struct timer *t)
{
	(void)l;
	look(CONTAINER(t, struct sup, probe));
}

void listen_watch(struct sup *s)
{
	arm_probe(s);
}

void listen_look(struct sup *s)
{
	if (!s->looked_ms || os_now_ms() - s->looked_ms >= LISTEN_FRESH_MS)
		look(s);
}

void listen_started(struct sup *s, struct mod *m)
{
	m->listening = LISTEN_NO;
	m->listened = false;
	m->listen_inode = 0;
	m->probe_ms = os_now_ms();
	arm_probe(s);
}

void listen_ended(struct sup *s, struct mod *m)
{
	m->listening = LISTEN_UNKNOWN;
	m->listen_inode = 0;
	m->probe_ms = 0;
	arm_probe(s);
}

bool listen_is_squatted(struct sup *s, struct mod *m, uint16_t port)
{
	const struct port_holder *h;
	char command[160] = "a process we may not see";
	pid_t pid;

	if (ports_is_free(port))
		return false;
	if (!read_ports(s)) {
		if (ports_answers(port) != 1)
			return false;
		m->listening = LISTEN_OTHER;
		mod_fault(m, ERROR_SQUATTER, NULL, "port %u is held by a "
			  "process we may not see; it starts when the port "
			  "comes free", (unsigned)port);
		return true;
	}
	h = ports_first(&s->ports, port);
	if (!h)
		return false;
	find_stranger(m, h->inode);
	pid = m->listen_other;
	m->listening = LISTEN_OTHER;
	if (pid)
		proc_command(pid, command, sizeof command);
	if (pid && pid != getpid() && sweep_end_stray(s, m, pid))
		mod_fault(m, ERROR_SQUATTER, NULL,
			  "port %u was held by pid %d (%s), left of this "
			  "module; it is ended", (unsigned)port, (int)pid,
			  command);
	else if (pid == getpid())
		mod_fault(m, ERROR_SQUATTER, NULL,
			  "port %u is the hub's own; give the module another "
			  "port in services.json", (unsigned)port);
	else if (pid)
		mod_fault(m, ERROR_SQUATTER, NULL,
			  "port %u is held by pid %d (%s); it starts when that "
			  "is gone: kill %d && pc-start %s", (unsigned)port,
			  (int)pid, command, (int)pid, m->short_name);
	else
		mod_fault(m, ERROR_SQUATTER, NULL,
			  "port %u is held by %s (user %u); it starts when the "
			  "port comes free", (unsigned)port, command,
			  (unsigned)h->uid);
	return true;
}

void listen_refresh(struct sup *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->mods[i]->sweep_first && !s->mods[i]->exit_code) {
			read_ports(s);
			return;
		}
}

bool listen_is_held_by(struct sup *s, const struct mod *m, pid_t pid)
{
	for (const struct port_holder *h = ports_first(&s->ports, m->port); h;
	     h = ports_next(&s->ports, h))
		if (ports_holds(pid, h->inode) == 1)
			return true;
	return false;
}

void listen_init(struct sup *s)
{
	ports_init(&s->ports);
	s->probe = (struct timer)TIMER_INIT(on_probe);
	s->looked_ms = 0;
	s->deaf = false;
}
