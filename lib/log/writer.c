/* SPDX-License-Identifier: MIT */
/*
 * A batch is walked twice: once to chain the frames of each source, and once
 * source by source, so that each gets one write. What is written since the
 * last write that worked is a run; when its write fails, the frames from its
 * start on are kept.
 */
#include "log/writer.h"

#include "base/buf.h"
#include "base/fmt.h"
#include "base/list.h"
#include "hub/home.h"
#include "hub/limits.h"
#include "log/cri.h"
#include "log/intake.h"
#include "log/number.h"
#include "log/rotate.h"
#include "sys/file.h"
#include "sys/os.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define FRAMES    (INTAKE_SIZE / (LOGPIPE_HEAD + 1) + 1)
#define SLOTS     4096          /* of the hash; a power of two */
#define MARKS     64
#define MARKER    96            /* a gap's line */
#define ROOM      (LINE_MAX_BYTES + 2 * CRI_EXTRA + MARKER)  /* of a record */
#define OUT_SIZE  (INTAKE_SIZE + ROOM)
#define NONE      UINT32_MAX

struct source {
	struct list open;               /* in writer.open, or alone */
	char name[SHORT_SIZE];
	struct logfile file;
	struct log_end end;             /* last record that is in the file */
	bool fresh;                     /* the next needs an entry */
	uint32_t first, last;           /* its frames of this batch */
	uint64_t used;                  /* batch number */
	bool failing;
	char error[sizeof ((struct err *)0)->msg];
	struct buf kept;                /* frames, while failing */
	struct logpipe_rec lost;        /* a gap, behind them; or count 0 */
};

struct frame {
	uint32_t at, next;
};

struct writer {
	int homefd, lock;
	writer_say_fn *say;
	void *ctx;
	struct list open;               /* longest unused first */
	size_t nopen, open_max, nsources, nfailing, kept;
	uint64_t batch;
	uint16_t slots[SLOTS];          /* source number + 1; 0: free */
	uint16_t touched[LOG_SOURCES_MAX];
	size_t ntouched;
	struct frame frames[FRAMES];
	struct cri_clock clock;
	char out[OUT_SIZE];
	struct source sources[LOG_SOURCES_MAX];
};

/* A part of a batch that goes out in one write. */
struct run {
	struct writer *w;
	struct source *s;
	struct log_end end;             /* with what is in out */
	bool fresh;
	size_t n, nmarks;
	struct logmark marks[MARKS];
};

/* The home */

static int lock(struct writer *w, bool wait, struct err *e)
{
	int dir;

	if (w->lock >= 0)
		return 0;
	dir = dir_make(w->homefd, HOME_RUN, 0700, e);
	if (dir < 0)
		return -1;
	do
		w->lock = file_lock(dir, HOME_LOG_LOCK, wait ? INT_MAX : 0, e);
	while (w->lock < 0 && wait && e->code == ERR_EXISTS);
	close(dir);
	return w->lock < 0 ? -1 : 0;
}

struct writer *writer_new(int homefd, writer_say_fn *say, void *ctx,
			  struct err *e)
{
	struct writer *w = os_map(sizeof *w);
	struct err ignored;
	long fds = sysconf(_SC_OPEN_MAX);

	if (!w) {
		err_sys(e, "no memory for the log writer");
		return NULL;
	}
	w->homefd = homefd;
	w->lock = -1;
	w->say = say;
	w->ctx = ctx;
	list_init(&w->open);
	/* Two each, and some for directories and ourselves. */
	w->open_max = fds > 0 && fds < 2 * LOG_OPEN_MAX + 16 ?
		      (size_t)(fds > 20 ? (fds - 16) / 2 : 2) : LOG_OPEN_MAX;
	lock(w, true, &ignored);
	return w;
}

static void source_close(struct writer *w, struct source *s)
{
	if (!list_empty(&s->open)) {
		list_remove(&s->open);
		w->nopen--;
	}
	logfile_close(&s->file);
}

void writer_free(struct writer *w)
{
	for (size_t i = 0; i < w->nsources; i++) {
		source_close(w, &w->sources[i]);
		buf_release(&w->sources[i].kept);
	}
	if (w->lock >= 0)
		close(w->lock);
	os_unmap(w, sizeof *w);
}

/* Sources by name */

static size_t slot_of(struct str name)
{
	uint32_t h = 2166136261u;       /* FNV-1a */

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return h % SLOTS;
}

static void enter(struct writer *w, size_t i)
{
	size_t slot = slot_of(str_of(w->sources[i].name));

	while (w->slots[slot])
		slot = (slot + 1) % SLOTS;
	w->slots[slot] = (uint16_t)(i + 1);
}

/* The number of one that has waited longest for a line, made free. */
static size_t make_room(struct writer *w)
{
	size_t old = 0;
	uint64_t used = UINT64_MAX;

	for (size_t i = 0; i < w->nsources; i++)
		if (!w->sources[i].failing && w->sources[i].used < used) {
			old = i;
			used = w->sources[i].used;
		}
	/* All are written to or fail: no home has so many modules. */
	if (used == UINT64_MAX || used == w->batch)
		return LOG_SOURCES_MAX;
	source_close(w, &w->sources[old]);
	memset(w->slots, 0, sizeof w->slots);
	for (size_t i = 0; i < w->nsources; i++)
		if (i != old)
			enter(w, i);
	return old;
}

static struct source *source_new(struct writer *w, struct str name)
{
	size_t i = w->nsources < LOG_SOURCES_MAX ? w->nsources : make_room(w);
	struct source *s = &w->sources[i % LOG_SOURCES_MAX];

	if (i == LOG_SOURCES_MAX || !logfile_source_ok(name))
		return NULL;
	*s = (struct source){ .file = { .fd = -1, .idx = -1 }, .fresh = true,
			      .used = UINT64_MAX };
	str_to_c(name, s->name, sizeof s->name);
	logfile_init(&s->file, name);
	list_init(&s->open);
	buf_init(&s->kept, LOG_KEPT_EACH);
	w->nsources += i == w->nsources;
	enter(w, i);
	return s;
}

static struct source *source_get(struct writer *w, struct str name)
{
	size_t slot = slot_of(name);

	for (; w->slots[slot]; slot = (slot + 1) % SLOTS)
		if (str_is(name, w->sources[w->slots[slot] - 1].name))
			return &w->sources[w->slots[slot] - 1];
	return source_new(w, name);
}

/* Files */

static bool close_oldest(struct writer *w)
{
	if (list_empty(&w->open))
		return false;
	source_close(w, CONTAINER(w->open.next, struct source, open));
	return true;
}

/* What we wrote is known to us even if the file no longer says it. */
static void take_end(struct source *s)
{
	const struct log_end *found = &s->file.end;

	if (!s->end.known || (found->known && found->boot == s->end.boot &&
			      found->seq > s->end.seq))
		s->end = *found;
	s->fresh = !found->known || found->boot != s->end.boot ||
		   found->seq != s->end.seq;
}

static int ready(struct writer *w, struct source *s, struct err *e)
{
	if (lock(w, false, e) < 0)
		return -1;
	if (!logfile_stands(&s->file, w->homefd)) {
		source_close(w, s);
		while (w->nopen >= w->open_max)
			close_oldest(w);
		while (logfile_open(&s->file, w->homefd, e) < 0)
			if ((e->sys != EMFILE && e->sys != ENFILE) ||
			    !close_oldest(w))
				return -1;
		w->nopen++;
		take_end(s);
	}
	list_remove(&s->open);
	list_append(&w->open, &s->open);
	return 0;
}

/* Runs */

static void run_begin(struct run *r, struct writer *w, struct source *s)
{
	r->w = w;
	r->s = s;
	r->end = s->end;
	r->fresh = s->fresh;
	r->n = r->nmarks = 0;
}

static bool run_full(const struct run *r)
{
	return r->nmarks + 2 > MARKS || r->n + ROOM > OUT_SIZE;
}

static int run_write(struct run *r, struct err *e)
{
	struct source *s = r->s;

	if (!r->n)
		return 0;
	if (logfile_write(&s->file, r->w->homefd,
			  (struct str){ r->w->out, r->n }, r->marks, r->nmarks,
			  e) < 0) {
		source_close(r->w, s);
		return -1;
	}
	s->end = r->end;
	s->fresh = r->fresh;
	r->n = r->nmarks = 0;
	return 0;
}

static void run_mark(struct run *r, const struct logidx_entry *entry, bool must)
{
	const struct logmark *last = &r->marks[r->nmarks ? r->nmarks - 1 : 0];

	if (!must && r->nmarks && r->n - last->entry.offset < LOGIDX_STEP)
		return;
	r->marks[r->nmarks] = (struct logmark){ *entry, must };
	r->marks[r->nmarks++].entry.offset = r->n;
}

static void run_line(struct run *r, const struct logidx_entry *entry, bool must,
		     const struct cri_line *line)
{
	run_mark(r, entry, must);
	r->n += cri_put(&r->w->clock, line, r->w->out + r->n);
	r->end = (struct log_end){ .known = true, .boot = entry->boot,
		.seq = entry->seq + (entry->count ? entry->count - 1 : 0),
		.unix_ns = entry->unix_ns };
	r->fresh = entry->kind == LOGIDX_GAP;
}

/* A record; the run is not full. */
static void run_add(struct run *r, const struct logpipe_rec *rec)
{
	struct log_gap gap;
	enum log_step step = log_number(&r->end, rec, &gap);
	char text[MARKER];

	if (step == LOG_OLD)
		return;
	if (gap.count) {
		int n = fmt(text, sizeof text, "[hub] gap: %llu lines "
			    "missing", (unsigned long long)gap.count);

		run_line(r, &(struct logidx_entry){ LOGIDX_GAP, .boot = gap.boot,
			 .seq = gap.from, .count = gap.count,
			 .unix_ns = rec->unix_ns }, true,
			 &(struct cri_line){ rec->unix_ns, 1, false,
			 { text, (size_t)n } });
	}
	if (rec->kind == LOGPIPE_LINE)
		run_line(r, &(struct logidx_entry){ LOGIDX_LINE,
			 .boot = rec->boot, .seq = rec->seq,
			 .unix_ns = rec->unix_ns },
			 r->fresh || step != LOG_NEXT,
			 &(struct cri_line){ rec->unix_ns, rec->stream,
			 rec->partial, rec->text });
}

/* Sources that cannot be written */

static void fail(struct writer *w, struct source *s, const struct err *e)
{
	if (s->failing && strcmp(s->error, e->msg) == 0)
		return;
	w->nfailing += !s->failing;
	s->failing = true;
	memcpy(s->error, e->msg, sizeof s->error);
	w->say(w->ctx, s->name, s->error);
}

static void recover(struct writer *w, struct source *s)
{
	w->kept -= buf_str(&s->kept).n;
	buf_release(&s->kept);
	s->lost.count = 0;
	s->failing = false;
	w->nfailing--;
	w->say(w->ctx, s->name, NULL);
}

static void lose(struct source *s, const struct logpipe_rec *rec)
{
	uint64_t n = rec->kind == LOGPIPE_GAP ? rec->count : 1;

	if (!s->lost.count || s->lost.boot != rec->boot)
		s->lost = (struct logpipe_rec){ .kind = LOGPIPE_GAP,
			.boot = rec->boot, .seq = rec->seq };
	s->lost.count = rec->seq + n - s->lost.seq;
	s->lost.unix_ns = rec->unix_ns;
}

static void keep(struct writer *w, struct source *s, struct str frame)
{
	struct logpipe_rec rec;

	if (!s->lost.count && w->kept + frame.n <= LOG_KEPT_MAX) {
		buf_put(&s->kept, frame);
		if (!buf_failed(&s->kept)) {
			w->kept += frame.n;
			return;
		}
		s->kept.failed = false;
	}
	if (logpipe_take(frame, &rec) > 0)
		lose(s, &rec);
}

static int rewrite(struct writer *w, struct source *s, struct err *e)
{
	struct str rest = buf_str(&s->kept);
	struct logpipe_rec rec;
	struct run r;
	int n;

	if (ready(w, s, e) < 0)
		return -1;
	run_begin(&r, w, s);
	while ((n = logpipe_take(rest, &rec)) > 0) {
		if (run_full(&r) && run_write(&r, e) < 0)
			return -1;
		run_add(&r, &rec);
		rest = str_skip(rest, (size_t)n);
	}
	if (run_full(&r) && run_write(&r, e) < 0)
		return -1;
	run_add(&r, &s->lost);
	return run_write(&r, e);
}

bool writer_failing(const struct writer *w)
{
	return w->nfailing > 0;
}

void writer_retry(struct writer *w)
{
	struct err e;

	for (size_t i = 0; i < w->nsources && w->nfailing; i++) {
		struct source *s = &w->sources[i];

		e = (struct err){ 0 };
		if (!s->failing)
			continue;
		if (rewrite(w, s, &e) < 0)
			fail(w, s, &e);
		else
			recover(w, s);
	}
}

/* Batches */

static struct str frame_at(struct str batch, uint32_t at,
			   struct logpipe_rec *rec)
{
	struct str s = str_skip(batch, at);

	return str_take(s, (size_t)logpipe_take(s, rec));
}

/* The first frame that is not in the file, or NONE. */
static uint32_t write_source(struct writer *w, struct source *s,
			     struct str batch, struct err *e)
{
	uint32_t i = s->first, start = i;
	struct logpipe_rec rec;
	struct run r;

	if (ready(w, s, e) < 0)
		return start;
	run_begin(&r, w, s);
	for (; i != NONE; i = w->frames[i].next) {
		if (run_full(&r)) {
			if (run_write(&r, e) < 0)
				return start;
			start = i;
		}
		frame_at(batch, w->frames[i].at, &rec);
		run_add(&r, &rec);
	}
	return run_write(&r, e) < 0 ? start : NONE;
}

static void put_source(struct writer *w, struct source *s, struct str batch)
{
	struct logpipe_rec rec;
	struct err e = { 0 };
	uint32_t i = s->first;

	if (!s->failing) {
		i = write_source(w, s, batch, &e);
		if (i != NONE)
			fail(w, s, &e);
	}
	for (; i != NONE; i = w->frames[i].next)
		keep(w, s, frame_at(batch, w->frames[i].at, &rec));
}

static void chain(struct writer *w, struct source *s, uint32_t i)
{
	w->frames[i].next = NONE;
	if (s->used == w->batch) {
		w->frames[s->last].next = i;
	} else {
		s->used = w->batch;
		s->first = i;
		w->touched[w->ntouched++] = (uint16_t)(s - w->sources);
	}
	s->last = i;
}

size_t writer_put(struct writer *w, struct str batch, size_t *skipped)
{
	struct source *s = NULL;
	struct logpipe_rec rec;
	size_t at = 0;
	uint32_t n = 0;

	w->batch++;
	w->ntouched = 0;
	*skipped = 0;
	while (n < FRAMES) {
		struct str rest = str_skip(batch, at);
		int len = logpipe_take(rest, &rec);
		size_t step = len < 0 ? logpipe_skip(rest) : (size_t)len;

		if (!len)
			break;
		if (len > 0 && (!s || !str_is(rec.name, s->name)))
			s = source_get(w, rec.name);
		if (len > 0 && s) {
			w->frames[n].at = (uint32_t)at;
			chain(w, s, n++);
		} else {
			*skipped += step;
		}
		at += step;
	}
	for (size_t i = 0; i < w->ntouched; i++)
		put_source(w, &w->sources[w->touched[i]], batch);
	return at;
}
