/* SPDX-License-Identifier: MIT */
#include "keep/history.h"

#include "keep/events.h"
#include "keep/spawn.h"
#include "sys/os.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define EXITS_ARENA_MAX (512 * 1024)    /* fifty slots, and more */

enum exit_cause history_cause(const struct ending *e)
{
	static const enum exit_cause causes[] = {
		[END_UNHEALTHY] = CAUSE_UNHEALTHY,
		[END_WATCHDOG] = CAUSE_WATCHDOG,
		[END_NO_EXEC] = CAUSE_EXEC_FAILED,
	};

	if (e->told != END_NONE)
		return causes[e->told];
	switch (e->state) {
	case SM_STOPPING:
	case SM_KILLING:
	case SM_CYCLING:
	case SM_CYCLE_KILLING:
		return CAUSE_STOP;
	default:
		break;
	}
	if (e->signal == SIGKILL && e->starved)
		return CAUSE_OUT_OF_MEMORY;
	return e->signal ? CAUSE_SIGNAL : CAUSE_EXIT;
}

static const struct ring *ring_of(const struct mod *m)
{
	return &m->log.ring;
}

/* The last lines of this run, and what it left without a newline. The ring's
 * texts stay where they are until something is put there. */
static void take_lines(const struct mod *m, struct exit_rec *r)
{
	struct ring_cursor at = ring_newest(ring_of(m), EXIT_LINES);
	struct str tail[2];
	struct ring_line line;
	size_t tails = 0;
	uint64_t missed;

	for (int i = 0; i < 2; i++)
		if (m->out[i].lines.n)
			tail[tails++] = (struct str){ m->out[i].lines.tail,
						      m->out[i].lines.n };
	while (ring_next(ring_of(m), &at, &line, &missed)) {
		if (line.seq < m->history.first_line ||
		    line.seq + EXIT_LINES - tails <= ring_last(ring_of(m)))
			continue;
		r->lines[r->nlines++] = line.text;
	}
	for (size_t i = 0; i < tails; i++)
		r->lines[r->nlines++] = tail[i];
}

void history_record(struct sup *s, struct mod *m, struct exit_rec *r)
{
	struct err e = { 0 };
	char slot[EXIT_SLOT];
	struct exit_rec cut;
	size_t n;

	if (!r->at_unix_ms)
		r->at_unix_ms = os_unix_ms();
	if (r->pid)
		take_lines(m, r);
	if (exits_append(s->spawn->home->fd, m->short_name, r,
			 &m->history.last, &e) == 0) {
		m->history.faulty = false;
	} else if (!m->history.faulty) {
		m->history.faulty = true;
		mod_say(m, "how it ended cannot be kept: %s", e.msg);
	}
	/* With the lines cut as they are kept: an event has an end, too. */
	cut = *r;
	if (!cut.number)        /* it could not be kept */
		cut.number = 1;
	n = exit_encode(&cut, slot);
	if (exit_decode(&cut, (struct str){ slot, n }))
		events_exit(s->events, m, &cut);
}

void history_begin(struct sup *s, struct mod *m)
{
	m->history.first_line = ring_last(ring_of(m)) + 1;
	oom_forget(&s->oom);
}

void history_exit(struct sup *s, struct mod *m, int status)
{
	struct exit_rec r = {
		.code = WIFSIGNALED(status) ? -1 : WEXITSTATUS(status),
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : -1,
		.pid = m->sid,
		.started_unix_ms = m->started_unix_ms,
		.uptime_ms = os_now_ms() - m->started_ms,
	};
	struct ending ending = {
		.told = m->end_cause, .state = m->state,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	};

	if (ending.signal == SIGKILL)
		ending.starved = oom_take(&s->oom);
	r.cause = history_cause(&ending);
	if (r.cause == CAUSE_EXEC_FAILED && m->history.told == r.cause)
		return;
	m->history.told = r.cause;
	history_record(s, m, &r);
}

void history_failed(struct sup *s, struct mod *m, enum exit_cause cause)
{
	struct exit_rec r = { .cause = cause, .code = -1, .signal = -1 };

	if (m->history.told == cause)
		return;
	m->history.told = cause;
	history_record(s, m, &r);
}

void history_write(struct sup *s, const char *short_name, struct jsonw *w)
{
	struct exits exits;
	struct arena a;

	arena_init(&a, EXITS_ARENA_MAX);
	jsonw_array(w);
	if (exits_read(s->spawn->home->fd, short_name, &a, &exits, NULL) == 0)
		for (size_t i = 0; i < exits.n; i++)
			exit_write(w, &exits.all[i]);
	jsonw_end(w);
	arena_release(&a);
}

void history_init(struct sup *s)
{
	oom_open(&s->oom);
}

void history_release(struct sup *s)
{
	oom_close(&s->oom);
}
