/* SPDX-License-Identifier: MIT */
#include "log/tail.h"

#include "base/fmt.h"


static bool holds(struct str text, struct str what)
{
	while (text.n >= what.n) {
		ptrdiff_t at = what.n ? str_find(text, *what.p) : 0;

		if (at < 0)
			return false;
		text = str_skip(text, (size_t)at);
		if (str_starts(text, what))
			return true;
		text = str_skip(text, 1);
	}
	return false;
}

static bool wanted(void *ctx, const struct seek_rec *r)
{
	const struct tail_want *want = ctx;

	return r->gap || ((want->stream < 0 || r->stream == want->stream) &&
			  holds(r->text, want->grep));
}

int tail_open(struct tail *t, int homefd, struct str name, struct err *e)
{
	int rc;

	*t = (struct tail){ .files = false };
	str_to_c(name, t->name, sizeof t->name);
	arena_init(&t->arena, ANSWER_MAX);
	rc = join_open(&t->join, homefd, name, e);
	t->files = rc > 0;
	return rc < 0 ? err_wrap(e, "%s", t->name) : 0;
}

static int take_answer(struct tail *t, struct str text,
		       const struct tail_want *want, struct arena *a,
		       struct err *e)
{
	const struct json *j = json_parse(text, a, NULL, e), *records;
	struct str next;

	if (!j)
		return err_wrap(e, "hub");
	records = json_get(j, "records");
	t->ring = arena_array(a, records ? records->count + 1 : 1,
			      sizeof *t->ring);
	if (!t->ring)
		return err_set(e, ERR_NO_MEMORY, "no memory for the log");
	JSON_EACH(r, records)
		if (record_read(r, STR_NULL, &t->ring[t->nring]) &&
		    since_has(&want->since, &t->ring[t->nring]))
			t->nring++;
	if (json_str(json_get(j, "next"), &next))
		str_to_c(next, t->cursor, sizeof t->cursor);
	return 0;
}

int tail_ask(struct tail *t, struct client *hub, const struct tail_want *want,
	     struct arena *a, struct err *e)
{
	char target[TAIL_TARGET_SIZE], cursor[CURSOR_SIZE];
	struct log_end end = { .known = false };
	struct buf text;
	int n, rc;

	n = fmt(target, sizeof target,
		"/api/modules/%.64s/logs?format=records", t->name);
	if (t->files)
		seek_end(&t->join.seek, &end);
	if (end.known) {
		cursor_write(end.boot, end.seq, cursor);
		fmt(target + n, sizeof target - (size_t)n, "&after=%s",
		    cursor);
	} else {
		t->join.unix_ns = end.unix_ns;
	}
	buf_init(&text, ANSWER_MAX);
	rc = client_text(hub, target, HUB_PATIENCE_MS, &text, e);
	if (rc == 0)
		rc = take_answer(t, arena_str(a, buf_str(&text)), want, a, e);
	buf_release(&text);
	t->answered = rc == 0;
	return rc;
}

/* So that as many are shown as were asked for, of both places together. */
void tail_begin(struct tail *t, const struct tail_want *want)
{
	uint64_t max = want->lines < 0 ? TAIL_LINES : (uint64_t)want->lines;
	struct tail_want copy = *want;
	bool filters = want->stream >= 0 || want->grep.n;
	uint64_t n = 0;
	size_t i = t->nring;

	if (want->lines < 0 && want->since.kind != SINCE_START)
		max = UINT64_MAX;
	while (i && n < max) {
		i--;
		n += !t->ring[i].gap && wanted(&copy, &t->ring[i]);
	}
	t->join.ring = t->ring + i;
	t->join.nring = t->nring - i;
	/* What is gone since is a gap. */
	if (max == UINT64_MAX && want->since.kind == SINCE_CURSOR) {
		t->join.known = true;
		t->join.boot = want->since.boot;
		t->join.seq = want->since.seq;
	}
	if (!t->files)
		return;
	if (max != UINT64_MAX)
		seek_last(&t->join.seek, max - n, filters ? wanted : NULL,
			  &copy);
	else if (want->since.kind == SINCE_TIME)
		seek_time(&t->join.seek, want->since.unix_ns);
	else
		seek_after(&t->join.seek, want->since.boot, want->since.seq);
}

void tail_next(struct tail *t, const struct tail_want *want)
{
	struct tail_want copy = *want;

	do
		t->have = join_next(&t->join, &t->rec) > 0;
	while (t->have && (!wanted(&copy, &t->rec) ||
			   !since_has(&want->since, &t->rec)));
}

void tail_target(const struct tail *t, char out[TAIL_TARGET_SIZE])
{
	char cursor[CURSOR_SIZE] = "";

	if (t->join.known)
		cursor_write(t->join.boot, t->join.seq, cursor);
	fmt(out, TAIL_TARGET_SIZE, "/api/modules/%.64s/logs?after=%s",
	    t->name, t->join.known ? cursor : t->cursor);
}

void tail_event(struct tail *t, const struct sse *ev)
{
	struct json *j;

	arena_reset(&t->arena);
	j = json_parse(arena_str(&t->arena, buf_str(&ev->data)), &t->arena,
		       NULL, NULL);
	t->join.nring = 0;
	if (!str_is(STR("line"), ev->type) ||
	    !record_read(j, str_of(ev->id), &t->event))
		return;
	t->join.ring = &t->event;
	t->join.nring = 1;
}
