/* SPDX-License-Identifier: MIT */
#include "hub/owner.h"

#include "base/fmt.h"
#include "hub/limits.h"
#include "sys/os.h"

#include <limits.h>

#define MARKS (2 * MODULES_MAX) /* limits to mark modules with */

int owner_draw(struct owner *o, struct err *e)
{
	uint64_t max = proc_mark_max(), window = 2 * MARKS, dice;
	unsigned char raw[(OWNER_TOKEN - 1) / 2];

	if (os_random(raw, sizeof raw) < 0 || os_random(&dice, sizeof dice) < 0)
		return err_sys(e, "random numbers");
	for (size_t i = 0; i < sizeof raw; i++)
		fmt(o->token + 2 * i, 3, "%02x", raw[i]);
	o->limits = 0;
	if (max > 8 * window)
		o->limits = (max / 2 + dice % (max / 2 - window)) | 1;
	return 0;
}

void owner_take(struct owner *o, const char *token, uint64_t limits)
{
	uint64_t max = proc_mark_max();

	*o = (struct owner){ .limits = limits,
		.too_high = max && limits + 2 * MARKS > max };
	fmt(o->token, sizeof o->token, "%s", token);
}

uint64_t owner_limit(const struct owner *o, unsigned id)
{
	if (!o->limits || o->too_high)
		return 0;
	return o->limits + 2 * (id % MARKS);
}

void owner_value(const struct owner *o, unsigned id, char out[OWNER_VALUE])
{
	fmt(out, OWNER_VALUE, "%s.%u", o->token, id);
}

unsigned owner_of_limit(const struct owner *o, uint64_t limit, unsigned last)
{
	uint64_t slot;
	unsigned back;

	if (!o->limits || limit % 2 == 0 || limit < o->limits ||
	    limit >= o->limits + 2 * MARKS)
		return 0;
	slot = (limit - o->limits) / 2;
	back = (unsigned)((last % MARKS + MARKS - slot) % MARKS);
	return back < last ? last - back : 0;
}

unsigned owner_of_value(const struct owner *o, struct str value,
			unsigned last)
{
	struct str token, id;
	uint64_t n;

	if (!str_cut(value, '.', &token, &id) || !str_is(token, o->token) ||
	    !str_to_u64(id, last, &n))
		return 0;
	return (unsigned)n;
}

/* The group may have groups of its own in it. */
unsigned owner_of_group(const struct owner *o, struct str path, unsigned last)
{
	struct str part;
	unsigned id = 0;

	while (path.n && !id) {
		str_cut(path, '/', &part, &path);
		if (str_starts(part, STR(OWNER_GROUP)))
			id = owner_of_value(o, str_skip(part,
				sizeof OWNER_GROUP - 1), last);
	}
	return id;
}

static bool is_leader(const struct claim *c, const struct proc *p)
{
	return c->leader == p->pid && (!c->start || c->start == p->start);
}

/* In the run's session, whose number cannot be another's by now. */
static bool in_session(const struct claims *cs, const struct claim *c,
		       const struct ptab *t, const struct proc *p)
{
	const struct proc *leader;

	if (!c->sid || c->sid != p->sid)
		return false;
	if (cs->live)
		return true;
	leader = c->leader == c->sid ? ptab_find(t, c->sid) : NULL;
	return leader && is_leader(c, leader);
}

/* The cgroup first: only root can leave one. */
static unsigned marked(const struct claims *cs, const struct proc *p)
{
	char value[OWNER_VALUE], group[512];
	unsigned id = 0;

	if (cs->groups && proc_cgroup(p->thread, group, sizeof group))
		id = owner_of_group(cs->owner, str_of(group), cs->last_id);
	if (id || cs->wary)
		return id;
	id = owner_of_limit(cs->owner, proc_mark(p->pid), cs->last_id);
	if (!id && proc_env(p->thread, OWNER_ENV, value, sizeof value) == 1)
		id = owner_of_value(cs->owner, str_of(value), cs->last_id);
	return id;
}

/* By what no process can give to itself. */
static unsigned kin_of(const struct claims *cs, const struct ptab *t,
		       const struct proc *p)
{
	for (size_t i = 0; i < cs->n; i++)
		if (is_leader(&cs->all[i], p) ||
		    in_session(cs, &cs->all[i], t, p))
			return cs->all[i].id;
	return 0;
}

unsigned owner_of(const struct claims *cs, const struct ptab *t,
		  const struct proc *p)
{
	unsigned id = kin_of(cs, t, p);

	return id ? id : marked(cs, p);
}

/* The first in the line of parents; pids that were given anew while the table
 * was read could close a circle. */
static unsigned first_of(const struct claims *cs, const struct ptab *t,
			 const struct proc *p, pid_t root, bool kin)
{
	unsigned id = 0;

	for (size_t depth = 0; p && p->pid != root && depth < t->n && !id;
	     depth++) {
		id = kin ? kin_of(cs, t, p) : marked(cs, p);
		p = ptab_find(t, p->ppid);
	}
	return id;
}

/* Marks may be put on, parents not: they count where no parent is known. */
unsigned owner_of_line(const struct claims *cs, const struct ptab *t,
		       const struct proc *p, pid_t root)
{
	unsigned id = first_of(cs, t, p, root, true);

	return id ? id : first_of(cs, t, p, root, false);
}
