/* SPDX-License-Identifier: MIT */
#include "keep/logger.h"

#include "hub/logpipe.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_AT (64 * 1024)    /* within a turn; the pipe takes it at once */

_Static_assert(LOGGER_LOW + LOGGER_READ * (LOGPIPE_HEAD + SHORT_SIZE + 1) +
	       LINE_MAX_BYTES <= LOGGER_STAGE, "a read finds room");

static size_t used(const struct logger *l)
{
	return l->end - l->start;
}

static bool is_deaf(const struct logger *l)
{
	return l->absent || l->stalled;
}

/* Writes what the pipe takes. Its two ends are ours: it cannot break. */
static void push(struct logger *l)
{
	l->full = false;
	while (l->out >= 0 && used(l) && !l->full) {
		ssize_t n = write(l->out, l->stage + l->start, used(l));

		if (n > 0) {
			l->start += (size_t)n;
			l->moved = true;
		} else if (errno != EINTR) {
			l->full = true;
		}
	}
	if (l->start == l->end) {
		if (l->end > LOGGER_LOW)
			os_map_trim(l->stage, LOGGER_STAGE);
		l->start = l->end = 0;
	}
}

static bool append(struct logger *l, const struct logpipe_rec *rec)
{
	size_t need = LOGPIPE_HEAD + rec->name.n + rec->text.n;
	char *to;

	if (LOGGER_STAGE - l->end < need && l->start) {
		memmove(l->stage, l->stage + l->start, used(l));
		l->end -= l->start;
		l->start = 0;
	}
	if (LOGGER_STAGE - l->end < need)
		return false;
	to = l->stage + l->end;
	to += logpipe_head(rec, to);
	if (rec->text.n)
		memcpy(to, rec->text.p, rec->text.n);
	l->end += need;
	loop_later(l->loop, &l->flush);
	return true;
}

/* Gaps */

static void owe(struct logger *l, struct source *s, uint64_t seq)
{
	if (!s->gap_count)
		s->gap_from = seq;
	s->gap_count++;
	s->dropped_total++;
	l->lost++;
}

/* True when the writer knows of every line it did not get. */
static bool settle(struct logger *l, struct source *s)
{
	struct feed_gap gap = { l->logs->feeds->boot, s->gap_from,
				s->gap_from + s->gap_count - 1, s->gap_count };
	const struct logpipe_rec rec = {
		.kind = LOGPIPE_GAP, .boot = gap.boot, .seq = gap.from,
		.count = gap.count, .unix_ns = os_unix_ns(),
		.name = str_of(s->name),
	};

	if (!s->gap_count)
		return true;
	if (!append(l, &rec))
		return false;
	s->gap_count = 0;
	if (l->logs->on_gap)
		l->logs->on_gap(l->logs, s, &gap);
	return true;
}

/* There is room again: before any new line the writer hears what is missing. */
static void settle_all(struct logger *l)
{
	LIST_EACH(n, &l->logs->all)
		settle(l, CONTAINER(n, struct source, node));
}

static void recover(struct logger *l)
{
	uint64_t lost = l->lost;

	l->stalled = false;
	l->lost = 0;
	settle_all(l);
	log_say("the log writer takes lines again; %llu are not in the log "
		"files", (unsigned long long)lost);
}

/* The pipe */

static bool is_full(const struct logger *l)
{
	return l->full && used(l) > LOGGER_LOW;
}

static void wake(struct logger *l)
{
	while (!list_empty(&l->waiting) && (is_deaf(l) || !is_full(l))) {
		struct log_wait *w = CONTAINER(l->waiting.next,
					       struct log_wait, node);

		list_remove(&w->node);
		w->go(w);
	}
}

/* Once a turn: what is written now, and what is to be waited for. */
static void attend(struct logger *l)
{
	if (l->out < 0 || l->absent)
		return;
	push(l);
	if (l->stalled && l->moved && !is_full(l))
		recover(l);
	wake(l);
	loop_mask(l->loop, &l->watch, used(l) ? LOOP_WRITE : 0);
	if (!l->full || l->stalled)
		loop_cancel(l->loop, &l->patience);
	else if (l->moved || !l->patience.armed)
		loop_in(l->loop, &l->patience, LOGPIPE_PATIENCE_MS);
	l->moved = false;
}

static void on_flush(struct loop *loop, struct later *later)
{
	(void)loop;
	attend(CONTAINER(later, struct logger, flush));
}

static void on_writable(struct loop *loop, struct watch *w, unsigned events)
{
	(void)loop;
	(void)events;
	attend(CONTAINER(w, struct logger, watch));
}

static void on_patience(struct loop *loop, struct timer *t)
{
	struct logger *l = CONTAINER(t, struct logger, patience);

	(void)loop;
	l->stalled = true;
	l->lost = 0;
	log_say("the log writer took nothing for %d s; until it does, lines "
		"are kept in memory only", LOGPIPE_PATIENCE_MS / 1000);
	wake(l);
}

/* Lines */

/* Who does not wait for the writer does not take the others' room either. */
static bool takes(struct logger *l, struct source *s)
{
	return !is_deaf(l) && (s->mode == LOG_MODE_FILE || !is_full(l)) &&
	       settle(l, s);
}

void logger_put(struct logger *l, struct source *s,
		const struct ring_line *line)
{
	const struct logpipe_rec rec = {
		.kind = LOGPIPE_LINE, .boot = l->logs->feeds->boot,
		.seq = line->seq, .unix_ns = line->unix_ns,
		.stream = line->stream == RING_ERR, .partial = line->partial,
		.name = str_of(s->name), .text = line->text,
	};

	if (l->out < 0 || (s->mode == LOG_MODE_MEMORY && !s->gap_count))
		return;
	if (s->mode == LOG_MODE_MEMORY || !takes(l, s) || !append(l, &rec))
		owe(l, s, line->seq);
	else if (used(l) > FLUSH_AT && !l->full)
		push(l);
}

bool logger_holds(const struct logger *l, const struct source *s)
{
	return s->mode == LOG_MODE_FILE && !is_deaf(l) && is_full(l);
}

void logger_wait(struct logger *l, struct log_wait *w)
{
	list_remove(&w->node);
	list_append(&l->waiting, &w->node);
}

const char *logger_fault(const struct logger *l)
{
	if (l->out < 0 || l->absent)
		return "log writer missing";
	return l->stalled ? "log writer does not take lines" : NULL;
}

void logger_writer(struct logger *l, bool there)
{
	if (l->absent == !there)
		return;
	l->absent = !there;
	if (there && !l->stalled)
		settle_all(l);
	if (there) {
		loop_later(l->loop, &l->flush);
		return;
	}
	loop_cancel(l->loop, &l->patience);
	loop_mask(l->loop, &l->watch, 0);
	wake(l);
}

static void catch_up(struct logger *l, struct source *s)
{
	struct ring_cursor at = ring_oldest(&s->ring);
	struct ring_line line;
	uint64_t missed;

	while (ring_next(&s->ring, &at, &line, &missed))
		logger_put(l, s, &line);
}

static int open_pipe(struct logger *l, struct err *e)
{
	int p[2];

	if (os_pipe(p) < 0)
		return err_sys(e, "no pipe for the log writer");
	l->in = fd_own(p[0], FD_LOGPIPE, 0);
	l->out = fd_own(p[1], FD_LOGPIPE, 0);
	if (l->in < 0 || l->out < 0 || os_set_nonblock(l->out) < 0)
		return err_sys(e, "no descriptor for the log writer");
	os_pipe_size(l->out, LOGPIPE_SIZE);     /* else it is a small one */
	return loop_watch(l->loop, &l->watch, l->out, 0, e);
}

int logger_open(struct logger *l, struct loop *loop, struct logs *logs,
		struct err *e)
{
	*l = (struct logger){ .loop = loop, .logs = logs, .in = -1, .out = -1,
		.watch = WATCH_INIT(on_writable),
		.patience = TIMER_INIT(on_patience) };
	later_init(&l->flush, on_flush);
	list_init(&l->waiting);
	l->stage = os_map(LOGGER_STAGE);
	if (!l->stage)
		return err_sys(e, "no memory for the log writer");
	if (open_pipe(l, e) < 0) {
		logger_release(l);
		return -1;
	}
	logs->logger = l;
	LIST_EACH(n, &logs->all)
		catch_up(l, CONTAINER(n, struct source, node));
	return 0;
}

bool logger_is_done(const struct logger *l)
{
	return !used(l) || l->absent;
}

void logger_close(struct logger *l)
{
	later_cancel(&l->flush);
	loop_cancel(l->loop, &l->patience);
	loop_forget(l->loop, &l->watch);
	fd_close(&l->out);
}

void logger_release(struct logger *l)
{
	if (l->logs && l->logs->logger == l)
		l->logs->logger = NULL;
	logger_close(l);
	fd_close(&l->in);
	if (l->stage)
		os_unmap(l->stage, LOGGER_STAGE);
	l->stage = NULL;
}
