/* SPDX-License-Identifier: MIT */
#include "keep/settings.h"

#include "base/fmt.h"
#include "sys/os.h"

#include <string.h>

static void identify(const struct spawn_ctx *c, const struct mod *m,
		     struct file_id *id)
{
	char name[SHORT_SIZE + sizeof SUPERVISE_FILE];

	fmt(name, sizeof name, "%s/" SUPERVISE_FILE, m->short_name);
	file_id(c->home->fd, name, id, NULL);
}

void settings_note(struct spawn_ctx *c, struct mod *m)
{
	identify(c, m, &m->settings_id);
	m->settings_fault[0] = '\0';
}

/* One place and one sentence, in memory that lasts as long as the module. */
static void check(struct spawn_ctx *c, struct mod *m)
{
	struct problems found = { 0 };
	struct arena a;

	m->settings_fault[0] = '\0';
	arena_init(&a, 8 * SUPERVISE_SIZE_MAX);
	if (supervise_check(c->home->fd, m->short_name, &found, &a) < 0 &&
	    found.n) {
		const struct problem *p = &found.all[0];

		m->settings_at = (struct json_at){ p->line, p->column };
		fmt(m->settings_fault, sizeof m->settings_fault,
		    "%.*s; %s goes on with what it was started with",
		    STR_ARG(p->text), m->short_name);
		mod_say(m, "%.*s:%u:%u: %s", STR_ARG(p->file), p->line,
			p->column, m->settings_fault);
	}
	arena_release(&a);
}

void settings_look(struct sup *s)
{
	int64_t now = os_now_ms();
	struct file_id id;

	if (s->settings_ms && now - s->settings_ms < LISTEN_FRESH_MS)
		return;
	s->settings_ms = now;
	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		identify(s->spawn, m, &id);
		if (file_same(&id, &m->settings_id))
			continue;
		m->settings_id = id;
		if (sm_has_run(m->state))
			check(s->spawn, m);
		else if (m->listed)
			sup_resolve(s, m);
	}
}

void settings_take(struct mod *m)
{
	const struct supervise *s = &m->settings;

	m->rules = (struct rules){
		.restart = s->restart,
		.critical = s->critical,
		.stop_signal = s->stop_signal,
		.stop_ms = s->stop_timeout_ms,
		.ready_ms = s->ready_timeout_ms,
	};
	m->log.mode = s->log_mode;
	m->health.opted = s->restart_on_unhealthy;
}
