/* SPDX-License-Identifier: MIT */
#include "keep/deps.h"

#include <string.h>

void deps_hold(struct sup *s, struct mod *m)
{
	m->nneeds = 0;
	m->circle[0] = m->lacks[0] = '\0';
	sup_resolve(s, m);
	for (size_t i = 0; i < m->module.manifest.nneeds; i++) {
		struct str name = m->module.manifest.needs[i];
		struct mod *dep = sup_find(s, name);

		if (dep) {
			m->needs[m->nneeds++] = dep->id;
			continue;
		}
		str_to_c(name, m->lacks, sizeof m->lacks);
		mod_say(m, "depends on %.*s, which has no row; starting "
			"without it", STR_ARG(name));
	}
}

/* Whether what others wait for has come as far as it will. */
static bool is_settled(const struct mod *m)
{
	switch (m->state) {
	case SM_UP:
		return mod_is_ready(m) || m->error.type;
	case SM_HELD:
	case SM_EXECING:
	case SM_ABORTING:
	case SM_CLEARING:
	case SM_BACKOFF:
	case SM_CYCLING:
	case SM_CYCLE_KILLING:
		return false;
	default:
		return true;
	}
}

/* Whether m, held, waits for target, directly or through others. */
static bool waits_for(struct sup *s, struct mod *m, const struct mod *target)
{
	if (m == target)
		return true;
	if (m->state != SM_HELD || m->marked)
		return false;
	m->marked = true;
	for (size_t i = 0; i < m->nneeds; i++) {
		struct mod *dep = sup_by_id(s, m->needs[i]);

		if (dep && waits_for(s, dep, target))
			return true;
	}
	return false;
}

bool deps_settled(struct sup *s, struct mod *m)
{
	for (size_t i = 0; i < m->nneeds; i++) {
		struct mod *dep = sup_by_id(s, m->needs[i]);

		if (!dep || is_settled(dep))
			continue;
		for (size_t k = 0; k < s->n; k++)
			s->mods[k]->marked = false;
		if (!waits_for(s, dep, m))
			return false;
		if (m->circle[0])       /* said */
			continue;
		memcpy(m->circle, dep->short_name, sizeof m->circle);
		mod_say(m, "its dependency on %s closes a circle and is "
			"ignored", dep->short_name);
	}
	return true;
}
