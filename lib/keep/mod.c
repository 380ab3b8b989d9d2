/* SPDX-License-Identifier: MIT */
/* The modules themselves: their numbers, memory, rows and faults. What they
 * do is in keep/sup.c. */
#include "keep/sup.h"

#include "base/fmt.h"
#include "keep/history.h"
#include "keep/record.h"
#include "keep/spawn.h"
#include "keep/stream.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#define MODULE_ARENA_MAX (4 * 1024 * 1024)      /* a large module.json */

void mod_say(const struct mod *m, const char *fmt, ...)
{
	char text[640];
	va_list ap;

	va_start(ap, fmt);
	fmt_va(text, sizeof text, fmt, ap);
	va_end(ap);
	log_say("%s: %s", m->short_name, text);
}

bool mod_has_fault(const struct mod *m, const char *type)
{
	return m->error.type && strcmp(m->error.type, type) == 0;
}

void mod_fault(struct mod *m, const char *type, const char *binary,
	       const char *format, ...)
{
	bool same = mod_has_fault(m, type);
	char was[sizeof m->error.text];
	va_list ap;

	memcpy(was, m->error.text, sizeof was);
	m->error = (struct start_error){ .type = type,
					 .at_unix_ms = os_unix_ms() };
	if (binary)
		fmt(m->error.binary, sizeof m->error.binary, "%s", binary);
	va_start(ap, format);
	fmt_va(m->error.text, sizeof m->error.text, format, ap);
	va_end(ap);
	/* Said once, and its first line only: the rest is for pc-status. */
	if (!same || strcmp(was, m->error.text) != 0)
		mod_say(m, "%.*s", (int)strcspn(m->error.text, "\n"),
			m->error.text);
}

int64_t mod_alive_ms(const struct mod *m, int64_t now)
{
	return m->state == SM_UP || m->state == SM_ABORTING ?
		now - m->started_ms : 0;
}

void mod_state(const struct mod *m, struct mod_state *s)
{
	int64_t now = os_now_ms();

	*s = (struct mod_state){
		.status = status_of(str_of(sm_wire(m->state))),
		.pid = m->pid,
		.started_unix_ms = m->started_unix_ms,
		.restarts_in_window = budget_count(&m->budget, now,
						   mod_alive_ms(m, now)),
		.crashed_unix_ms = m->crashed_unix_ms,
		.exited = m->exited,
		.exit_code = m->exit_code,
		.error = m->error,
	};
	memcpy(s->short_name, m->short_name, sizeof s->short_name);
}

/* Modules */

/*
 * All of a module's memory, resident only where it is touched: two pages of a
 * silent one, which end within the head of its ring. Children do not inherit
 * it: a fork must not cost more for every module there is.
 */
#define FACTS (8192 - sizeof(struct mod) - 64)

struct block {
	char tails[2 * LINE_MAX_BYTES];
	struct mod mod;
	max_align_t facts[FACTS / sizeof(max_align_t)];
	_Alignas(8) char ring[RING_SIZE];
};

struct mod *sup_find(struct sup *s, struct str short_name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_is(short_name, s->mods[i]->short_name))
			return s->mods[i];
	return NULL;
}

/* They stand in the order of their ids. */
struct mod *sup_by_id(struct sup *s, unsigned id)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->mods[mid]->id == id)
			return s->mods[mid];
		if (s->mods[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static void on_timer(struct loop *l, struct timer *t)
{
	struct mod *m = CONTAINER(t, struct mod, timer);

	(void)l;
	if (m->state == SM_EXECING)     /* nobody tells */
		sup_read_outcome(m->sup, m);
	else
		sup_event(m->sup, m, EV_TIMER);
}

/* What a keeper that was killed knew of it goes on: its number, by which what
 * it left is known, what was wanted of it, and what it was forgiven. */
static void take_record(struct sup *s, struct mod *m)
{
	struct record *old = s->records ? record_old(s->records, RECORD_MODULE,
		str_of(m->short_name)) : NULL;

	m->slot = -1;
	if (!old) {
		m->id = ++s->last_id;
		if (s->records)
			m->slot = record_slot(s->records);
		return;
	}
	old->taken = m->recalled = true;
	m->id = old->id;
	m->slot = old->slot;
	m->rests = old->stopped;
	m->budget = old->budget;
	m->left = old->left;
	s->nleft += m->left;
	m->delay_ms = old->due_ms - os_now_ms();
	if (m->delay_ms < 0)
		m->delay_ms = 0;
	if (old->pid)
		history_record(s, m, &(struct exit_rec){
			.cause = CAUSE_KEEPER_KILLED, .pid = old->pid,
			.started_unix_ms = old->started_unix_ms,
			.code = -1, .signal = -1 });
}

static struct mod *mod_new(struct sup *s, struct str name)
{
	struct block *b = os_map(sizeof *b);
	struct mod *m;

	if (!b)
		return NULL;
	m = &b->mod;
	m->sup = s;
	str_to_c(name, m->short_name, sizeof m->short_name);
	m->timer = (struct timer)TIMER_INIT(on_timer);
	m->outcome = -1;
	m->outcome_watch = (struct watch)WATCH_INIT(NULL);
	notify_mod_init(m);
	health_mod_init(m);
	list_init(&m->ops);
	arena_init_in(&m->arena, MODULE_ARENA_MAX, b->facts, sizeof b->facts);
	source_init(&m->log, s->logs, m->short_name, b->ring);
	stream_init(m, b->tails);
	take_record(s, m);
	return m;
}

void mod_free(struct sup *s, struct mod *m)
{
	if (s->records)
		record_free(s->records, m->slot);
	cgroup_remove(&s->cgroup, m->id);
	loop_cancel(s->loop, &m->timer);
	loop_forget(s->loop, &m->outcome_watch);
	fd_close(&m->outcome);
	notify_ended(m);
	health_ended(m);
	stream_close(m);
	source_end(&m->log);
	arena_release(&m->arena);
	os_unmap(CONTAINER(m, struct block, mod), sizeof(struct block));
}

static void insert(struct sup *s, struct mod *m)
{
	size_t at = s->n++;

	for (; at > 0 && s->mods[at - 1]->id > m->id; at--)
		s->mods[at] = s->mods[at - 1];
	s->mods[at] = m;
}

void sup_resolve(struct sup *s, struct mod *m)
{
	if (!m->fresh)
		m->fresh = spawn_resolve(s->spawn, m) == 0;
	sup_touch(s);
}

struct mod *sup_of_row(struct sup *s, struct str name, struct err *e)
{
	struct mod *m = sup_find(s, name);

	if (!registry_find(s->spawn->registry, name)) {
		err_set(e, ERR_NOT_FOUND, "%.*s has no row in services.json",
			STR_ARG(name));
		return NULL;
	}
	if (m) {
		m->listed = true;
		return m;
	}
	if (s->n == MODULES_MAX) {
		err_set(e, ERR_FULL, "there are %d modules already",
			MODULES_MAX);
		return NULL;
	}
	m = mod_new(s, name);
	if (!m) {
		err_set(e, ERR_NO_MEMORY, "no memory for module %.*s",
			STR_ARG(name));
		return NULL;
	}
	m->listed = true;
	insert(s, m);
	sup_resolve(s, m);
	return m;
}

void sup_sync(struct sup *s)
{
	const struct registry *r = s->spawn->registry;
	struct err e = { 0 };

	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		m->listed = registry_find(r, str_of(m->short_name));
		m->fresh = false;       /* its row may be another */
		if (m->listed && !sm_has_run(m->state))
			sup_resolve(s, m);
	}
	for (size_t i = 0; i < r->n; i++)
		if (!r->rows[i].instance &&
		    !sup_of_row(s, r->rows[i].short_name, &e))
			log_say("%s", e.msg);
	sup_touch(s);
}

/* Rows that are gone take their module with them, once nothing of it runs. */
void sup_drop_unlisted(struct sup *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		if (m->listed || m->state != SM_DOWN || !list_empty(&m->ops))
			s->mods[kept++] = m;
		else
			mod_free(s, m);
	}
	s->n = kept;
}
