/* SPDX-License-Identifier: MIT */
#include "keep/usage.h"

#include "keep/sup.h"
#include "keep/sweep.h"
#include "sys/os.h"

static void add(struct mod *m, const struct proc *p, bool descriptors)
{
	struct usage_facts *u = &m->usage.now;
	int n;

	u->cpu_ms += p->cpu_ms;
	u->memory_bytes += proc_memory(p->thread);
	u->processes += !p->dead;
	m->usage.known = true;
	if (!descriptors)
		return;
	n = proc_descriptors(p->thread);
	if (n >= 0)
		u->descriptors = n + (u->descriptors < 0 ? 0 : u->descriptors);
}

static void rate(struct mod *m, int64_t now)
{
	struct usage *u = &m->usage;
	int64_t span = now - u->base_ms;
	uint64_t from = u->base_cpu_ms;

	if (u->now.cpu_ms < u->was_ms)  /* one ended that nobody waited for */
		u->now.cpu_ms = u->was_ms;
	if (u->base_ms && span < USAGE_SPAN_MIN_MS)
		return;
	if (!u->base_ms || span > USAGE_SPAN_MAX_MS) {
		span = now - m->started_ms;
		from = 0;
	}
	u->now.cpu_permille = span <= 0 ? 0 :
		(unsigned)((u->now.cpu_ms - from) * 1000 / (uint64_t)span);
	u->base_ms = now;
	u->base_cpu_ms = u->now.cpu_ms;
}

void usage_look(struct sup *s, bool descriptors)
{
	int64_t now = os_now_ms();

	if (s->used_ms && now - s->used_ms < USAGE_FRESH_MS &&
	    (s->used_whole || !descriptors))
		return;
	s->used_ms = now;
	s->used_whole = descriptors;
	for (size_t i = 0; i < s->n; i++) {
		struct usage *u = &s->mods[i]->usage;

		u->was_ms = u->now.cpu_ms;
		u->known = false;
		u->now = (struct usage_facts){ .descriptors = -1,
			.cpu_permille = u->now.cpu_permille };
	}
	if (sweep_table(s, NULL) < 0)
		return;
	for (size_t i = 0; i < s->ptab.n; i++) {
		struct mod *m = sweep_owner(s, &s->ptab.all[i]);

		if (m)
			add(m, &s->ptab.all[i], descriptors);
	}
	for (size_t i = 0; i < s->n; i++)
		rate(s->mods[i], now);
}

const struct usage_facts *usage_of(const struct mod *m)
{
	return m->pid && m->usage.known ? &m->usage.now : NULL;
}
