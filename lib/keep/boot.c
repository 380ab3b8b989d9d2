/* SPDX-License-Identifier: MIT */
#include "keep/boot.h"

#include "hub/limits.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define PAUSE_MS     2          /* between two looks, at first */
#define PAUSE_MAX_MS 50

/* One look: the table, and to whom each of its processes belongs. */
struct look {
	struct ptab ptab;
	unsigned *ids;          /* beside ptab.all; 0: nobody's */
	struct claims claims;
};

static size_t index_of(const struct ptab *t, const struct proc *p)
{
	return (size_t)(p - t->all);
}

/* We, and what we come from, are nobody's. */
static void spare_ancestors(struct look *l)
{
	const struct proc *p = ptab_find(&l->ptab, getpid());

	for (size_t depth = 0; p && depth < l->ptab.n; depth++) {
		l->ids[index_of(&l->ptab, p)] = 0;
		p = ptab_find(&l->ptab, p->ppid);
	}
}

/* Own evidence first, once each; then what descends from it. */
static void judge(struct look *l)
{
	const struct ptab *t = &l->ptab;

	for (size_t i = 0; i < t->n; i++)
		l->ids[i] = t->all[i].dead ? 0 :
			owner_of(&l->claims, t, &t->all[i]);
	spare_ancestors(l);
	for (size_t i = 0; i < t->n; i++) {
		const struct proc *p = &t->all[i];

		for (size_t depth = 0; p && !l->ids[i] && depth < t->n &&
		     p->pid != getpid(); depth++) {
			p = ptab_find(t, p->ppid);
			if (p)
				l->ids[i] = l->ids[index_of(t, p)];
		}
	}
	spare_ancestors(l);
}

/* -1: it cannot be told. */
static int take_look(struct look *l)
{
	unsigned *ids;

	if (ptab_read(&l->ptab, NULL) < 0)
		return -1;
	ids = realloc(l->ids, (l->ptab.n + 1) * sizeof *ids);
	if (!ids)
		return -1;
	l->ids = ids;
	judge(l);
	return 0;
}

static struct record *of_id(struct records *r, unsigned id)
{
	for (size_t i = 0; i < r->nold; i++)
		if (r->old[i].id == id)
			return &r->old[i];
	return NULL;
}

static const char *name_of(struct records *r, unsigned id)
{
	const struct record *rec = of_id(r, id);

	return rec ? rec->name : "a module";
}

/* Signals what is left; how many there are. */
static size_t signal_left(struct look *l, struct records *r, int sig, bool say)
{
	char command[160];
	size_t n = 0;

	for (size_t i = 0; i < l->ptab.n; i++) {
		const struct proc *p = &l->ptab.all[i];

		if (!l->ids[i])
			continue;
		if (say) {
			proc_command(p->pid, command, sizeof command);
			log_say("%s: pid %d (%s) was left by a hub that was "
				"killed; ending it", name_of(r, l->ids[i]),
				(int)p->pid, command);
		}
		proc_signal(p, sig);
		n++;
	}
	return n;
}

/* Until two looks in a row find nothing; false when time is up. */
static bool end_with(struct look *l, struct records *r, int sig, int64_t ms)
{
	int64_t until = os_now_ms() + ms;
	int pause = PAUSE_MS, empty = 0;
	bool first = sig == SIGTERM;

	for (;;) {
		if (take_look(l) < 0)
			return false;
		empty = signal_left(l, r, first || sig == SIGKILL ? sig : 0,
				    first) ? 0 : empty + 1;
		first = false;
		if (empty == 2)
			return true;
		if (os_now_ms() >= until)
			return false;
		if (!empty)
			poll(NULL, 0, pause);
		pause = 2 * pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : 2 * pause;
	}
}

static void note_left(struct look *l, struct records *r)
{
	char command[160];

	for (size_t i = 0; i < l->ptab.n; i++) {
		struct record *rec = l->ids[i] ? of_id(r, l->ids[i]) : NULL;

		if (!l->ids[i])
			continue;
		if (rec)
			rec->left = true;
		proc_command(l->ptab.all[i].pid, command, sizeof command);
		log_say("%s: pid %d (%s) does not end by SIGKILL",
			name_of(r, l->ids[i]), (int)l->ptab.all[i].pid,
			command);
	}
}

/* A number without its start time may be anybody's by now. */
static size_t claim_all(const struct records *r, struct claim *out)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nold; i++)
		if (r->old[i].pid && r->old[i].start)
			out[n++] = (struct claim){ .id = r->old[i].id,
				.leader = r->old[i].pid,
				.start = r->old[i].start,
				.sid = r->old[i].pid };
	return n;
}

void boot_end_leftovers(struct records *r, struct cgroup *c)
{
	struct claim *claims = calloc(r->nold + 1, sizeof *claims);
	struct look l = { 0 };

	if (!r->killed || !r->nold || !claims) {
		free(claims);
		return;
	}
	ptab_init(&l.ptab);
	l.claims = (struct claims){ .owner = &r->owner, .all = claims,
		.n = claim_all(r, claims), .last_id = r->last_id,
		.groups = c->fd >= 0 };
	if (!end_with(&l, r, SIGTERM, STOP_TIMEOUT_MS)) {
		cgroup_kill_old(c);
		if (!end_with(&l, r, SIGKILL, KILL_TIMEOUT_MS))
			note_left(&l, r);
	}
	ptab_release(&l.ptab);
	free(l.ids);
	free(claims);
}
