/* SPDX-License-Identifier: MIT */
#include "log/seek.h"

#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 65536     /* what seek_last() looks at, from the end */

/* Opening */

static int open_one(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		      O_NOCTTY | O_CLOEXEC);
}

/*
 * From the newest to the oldest. One that was met before was rotated just
 * now; what was found in between is newer than it, and was made just now.
 */
static int add(struct seek *s, struct stat *ids, int dir, const char *log,
	       int n)
{
	char name[LOG_NAME_SIZE], idx[LOG_NAME_SIZE];
	struct seek_file *f = &s->files[s->n];
	struct stat st;

	logfile_names(log, n, name, idx);
	f->fd = open_one(dir, name);
	if (f->fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(f->fd);
		return 0;
	}
	f->idx = open_one(dir, idx);
	f->size = (uint64_t)st.st_size;
	ids[s->n++] = st;
	for (int i = 0; i < s->n - 1; i++)
		if (ids[i].st_ino == st.st_ino && ids[i].st_dev == st.st_dev) {
			while (s->n > i + 1) {
				close(s->files[--s->n].fd);
				if (s->files[s->n].idx >= 0)
					close(s->files[s->n].idx);
			}
			break;
		}
	return 0;
}

static void stand(struct seek *s, int at, uint64_t offset);

int seek_open(struct seek *s, int homefd, struct str source, struct err *e)
{
	char dir_name[SHORT_SIZE + 8], log[LOG_NAME_SIZE];
	struct stat ids[LOG_ROTATIONS + 1];
	struct logfile f;
	int dir;

	s->n = s->at = 0;
	s->start = s->end = 0;
	if (homefd < 0)
		return 0;
	logfile_init(&f, source);
	memcpy(log, f.name, sizeof log);
	logfile_dir(source, dir_name);
	dir = dir_open(homefd, dir_name, e);
	if (dir < 0)
		return e->sys == ENOENT ? 0 : -1;
	for (int n = 0; n <= LOG_ROTATIONS; n++)
		if (add(s, ids, dir, log, n) < 0) {
			err_sys(e, "open %s/%s", dir_name, log);
			close(dir);
			return -1;
		}
	close(dir);
	for (int i = 0; i < s->n / 2; i++) {
		struct seek_file t = s->files[i];

		s->files[i] = s->files[s->n - 1 - i];
		s->files[s->n - 1 - i] = t;
	}
	if (s->n)
		stand(s, 0, 0);
	return s->n > 0;
}

void seek_close(struct seek *s)
{
	while (s->n > 0) {
		struct seek_file *f = &s->files[--s->n];

		close(f->fd);
		if (f->idx >= 0)
			close(f->idx);
	}
}

void seek_end(struct seek *s, struct log_end *end)
{
	*end = (struct log_end){ .known = false };
	for (int i = s->n; i-- > 0 && !end->unix_ns; )
		if (logidx_end(s->files[i].fd, s->files[i].size,
			       s->files[i].idx, end) < 0)
			*end = (struct log_end){ .known = false };
}

/* Lines */

/* The next line, without its newline; 1, 0 at the end of the file, -1. */
static int raw_line(struct seek *s, struct str *line)
{
	const struct seek_file *f = &s->files[s->at];

	for (;;) {
		size_t have = s->end - s->start;
		const char *p = s->buf + s->start;
		const char *eol = have ? memchr(p, '\n', have) : NULL;
		uint64_t from = s->offset + have;
		long n;

		if (eol) {
			*line = (struct str){ p, (size_t)(eol - p) };
			s->start += line->n + 1;
			s->offset += line->n + 1;
			return 1;
		}
		/* Too long to be ours: in parts. */
		if (have == SEEK_BUF) {
			*line = (struct str){ p, have };
			s->start = s->end = 0;
			s->offset += have;
			return 1;
		}
		if (from >= f->size)
			return 0;
		memmove(s->buf, p, have);
		s->start = 0;
		s->end = have;
		n = SEEK_BUF - have;
		if ((uint64_t)n > f->size - from)
			n = (long)(f->size - from);
		n = logidx_read(f->fd, s->buf + have, (size_t)n, from);
		if (n <= 0)
			return n < 0 ? -1 : 0;
		s->end += (size_t)n;
	}
}

static void to(struct seek *s, int at, uint64_t offset)
{
	s->at = at;
	s->offset = offset;
	s->start = s->end = 0;
}

static void parse(struct str line, struct seek_rec *r)
{
	struct cri_line l;

	*r = (struct seek_rec){ .text = line };
	r->timed = cri_take(line, &l);
	if (!r->timed)
		return;
	r->stream = l.stream;
	r->partial = l.partial;
	r->unix_ns = l.unix_ns;
	r->text = l.text;
}

/* Cursors */

/* The next entry, loaded once however many lines come before it. */
static int next_entry(struct seek *s)
{
	if (!s->loaded)
		s->rc = logidx_get(&s->index, s->entry, &s->next);
	s->loaded = true;
	return s->rc;
}

static void pass_entry(struct seek *s)
{
	s->entry++;
	s->loaded = false;
}

/*
 * Takes what the index says of the line at that offset; last is then what it
 * comes behind. Where entries are damaged nothing is known until the next.
 */
static bool apply(struct seek *s, uint64_t offset, const struct seek_rec *r,
		  struct logidx_entry *e)
{
	while (next_entry(s) >= 0 && !(s->rc && s->next.offset > offset)) {
		s->last.known = s->rc && s->next.offset == offset &&
				r->timed && s->next.unix_ns == r->unix_ns;
		*e = s->next;
		pass_entry(s);
		if (s->last.known)
			return true;
	}
	return false;
}

static void number(struct seek *s, uint64_t offset, struct seek_rec *r)
{
	struct logidx_entry e;

	if (apply(s, offset, r, &e)) {
		s->last.boot = e.boot;
		s->last.seq = e.seq - 1;
		r->gap = e.kind == LOGIDX_GAP;
		r->count = e.count;
	}
	if (!s->last.known)
		return;
	r->known = true;
	r->boot = s->last.boot;
	r->seq = ++s->last.seq;
	s->last.known = !r->gap && next_entry(s) != 0;
}

/* Goes to the line at offset, in a state to number it. */
static void stand(struct seek *s, int at, uint64_t offset)
{
	struct logidx_entry e;
	struct seek_rec r;
	struct str line = STR_NULL;
	uint64_t i;

	s->last.known = false;
	s->entry = 0;
	s->loaded = false;
	logidx_open(&s->index, s->files[at].idx);
	to(s, at, offset);
	if (!logidx_find(&s->index, offset, &i, &e))
		return;
	s->entry = i;
	to(s, at, e.offset);
	while (s->offset < offset) {
		uint64_t from = s->offset;

		if (raw_line(s, &line) <= 0)
			break;
		parse(line, &r);
		number(s, from, &r);
	}
	if (s->offset != offset)
		to(s, at, offset);
}

int seek_next(struct seek *s, struct seek_rec *r)
{
	struct str line;
	uint64_t from;
	int rc;

	if (!s->n)
		return 0;
	from = s->offset;
	while (!(rc = raw_line(s, &line))) {
		if (s->at + 1 >= s->n)
			return 0;
		stand(s, s->at + 1, 0);
		from = 0;
	}
	if (rc < 0)
		return -1;
	parse(line, r);
	number(s, from, r);
	return 1;
}

/* Where to begin */

/*
 * Of the lines that begin in a part of a file: how many are wanted; and with
 * skip the offset of the first after so many that are.
 */
static uint64_t scan(struct seek *s, int at, uint64_t from, uint64_t end,
		     uint64_t skip, uint64_t *offset, seek_want_fn *want,
		     void *ctx)
{
	struct seek_rec r;
	struct str line;
	uint64_t n = 0;

	to(s, at, from ? from - 1 : 0);
	if (from && raw_line(s, &line) <= 0)
		return 0;
	while (s->offset < end) {
		uint64_t begin = s->offset;

		if (raw_line(s, &line) <= 0)
			break;
		if (want) {
			parse(line, &r);
			if (!want(ctx, &r))
				continue;
		}
		if (n++ == skip && offset) {
			*offset = begin;
			break;
		}
	}
	return n;
}

void seek_last(struct seek *s, uint64_t n, seek_want_fn *want, void *ctx)
{
	uint64_t offset = 0, got;

	for (int i = s->n; n && i-- > 0; ) {
		uint64_t end = s->files[i].size;

		while (end) {
			uint64_t from = end > BLOCK ? end - BLOCK : 0;

			got = scan(s, i, from, end, 0, NULL, want, ctx);
			if (got >= n) {
				scan(s, i, from, end, got - n, &offset, want,
				     ctx);
				stand(s, i, offset);
				return;
			}
			n -= got;
			end = from;
		}
	}
	if (n && s->n)
		stand(s, 0, 0);
	else if (s->n)
		stand(s, s->n - 1, s->files[s->n - 1].size);
}

void seek_time(struct seek *s, int64_t unix_ns)
{
	struct logidx_entry e;
	struct seek_rec r;
	uint64_t offset = 0;
	int64_t first;
	int at = s->n - 1;

	if (!s->n)
		return;
	while (at > 0 && (!logidx_time(s->files[at].fd, 0, &first) ||
			  first >= unix_ns))
		at--;
	logidx_open(&s->index, s->files[at].idx);
	for (uint64_t i = 0; logidx_get(&s->index, i, &e) >= 0; i++)
		if (logidx_get(&s->index, i, &e) == 1 && e.unix_ns < unix_ns &&
		    logidx_time(s->files[at].fd, e.offset, &first) &&
		    first == e.unix_ns)
			offset = e.offset;
	stand(s, at, offset);
	do {
		at = s->at;
		offset = s->offset;
		if (seek_next(s, &r) <= 0)
			return;
		if (at != s->at)
			offset = 0;
		at = s->at;
	} while (!r.timed || r.unix_ns < unix_ns);
	stand(s, at, offset);
}

static bool is_after(uint64_t boot, uint64_t seq, uint64_t b, uint64_t q)
{
	return boot != b ? boot > b : seq > q;
}

/* The last entry that is not behind the cursor. */
static bool find_entry(struct seek *s, uint64_t boot, uint64_t seq, int *at,
		       uint64_t *offset)
{
	struct logidx_entry e;
	int64_t time;

	for (int i = s->n; i-- > 0; ) {
		logidx_open(&s->index, s->files[i].idx);
		for (uint64_t k = s->index.n; k-- > 0; ) {
			if (logidx_get(&s->index, k, &e) != 1 ||
			    is_after(e.boot, e.seq, boot, seq) ||
			    !logidx_time(s->files[i].fd, e.offset, &time) ||
			    time != e.unix_ns)
				continue;
			*at = i;
			*offset = e.offset;
			return true;
		}
	}
	return false;
}

bool seek_after(struct seek *s, uint64_t boot, uint64_t seq)
{
	uint64_t offset = 0;
	struct seek_rec r;
	int at = 0;

	if (!s->n)
		return false;
	if (!find_entry(s, boot, seq, &at, &offset)) {
		stand(s, 0, 0);
		return false;
	}
	stand(s, at, offset);
	do {
		at = s->at;
		offset = s->offset;
		if (seek_next(s, &r) <= 0)
			return true;
		if (at != s->at)
			offset = 0;
		at = s->at;
	} while (!r.known || !is_after(r.boot, r.gap ? r.seq + r.count - 1 :
				       r.seq, boot, seq));
	stand(s, at, offset);
	return true;
}
