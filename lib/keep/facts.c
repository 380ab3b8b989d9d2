/* SPDX-License-Identifier: MIT */
/* What follows from the facts about a module; declared in sup.h. */
#include "keep/sup.h"

bool mod_is_ready(const struct mod *m)
{
	return m->state == SM_UP &&
	       (m->notice.ready || m->listening == LISTEN_YES);
}

bool mod_is_failing(const struct mod *m)
{
	switch (m->state) {
	case SM_UP:
		return !mod_is_ready(m) && m->error.type;
	case SM_CRASHED:
	case SM_FAILING:
	case SM_SQUATTED:
	case SM_ENDING:
	case SM_ENDED:
		return true;
	default:
		return false;
	}
}

void mod_facts(const struct mod *m, struct facts *f)
{
	*f = (struct facts){
		.alive = m->pid != 0,
		.listening = m->state == SM_UP || m->state == SM_SQUATTED ?
			m->listening : LISTEN_UNKNOWN,
		.ready = mod_is_ready(m),
		.healthy = m->state == SM_UP ? m->health.state : HEALTH_UNKNOWN,
	};
	if (f->ready)
		f->by = !m->notice.ready ? READY_BY_PORT :
			m->notice.by_fd ? READY_BY_FD : READY_BY_NOTIFY;
}

void sup_end(struct sup *s, struct mod *m, enum end_cause cause)
{
	if (m->state != SM_UP)
		return;
	m->end_cause = cause;
	mod_say(m, "ended by its %s", cause == END_WATCHDOG ? "watchdog" :
		"health check");
	sup_event(s, m, EV_FAULT);
}
