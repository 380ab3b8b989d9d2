/* SPDX-License-Identifier: MIT */
#include "log/logidx.h"

#include "base/le.h"
#include "log/cri.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x49434c31u       /* "1LCI" as bytes */

/* Where each field of an entry stands; little end first. */
enum { AT_MAGIC = 0, AT_SUM = 4, AT_OFFSET = 8, AT_BOOT = 16, AT_SEQ = 24,
       AT_COUNT = 32, AT_TIME = 40, AT_KIND = 48 };

/* Of what stands behind the sum. */
static uint32_t sum(const char *entry)
{
	return crc32((struct str){ entry + AT_OFFSET, LOGIDX_SIZE - AT_OFFSET });
}

void logidx_put(const struct logidx_entry *e, char out[LOGIDX_SIZE])
{
	memset(out, 0, LOGIDX_SIZE);
	le_put(out + AT_MAGIC, MAGIC, 4);
	le_put(out + AT_OFFSET, e->offset, 8);
	le_put(out + AT_BOOT, e->boot, 8);
	le_put(out + AT_SEQ, e->seq, 8);
	le_put(out + AT_COUNT, e->count, 8);
	le_put(out + AT_TIME, (uint64_t)e->unix_ns, 8);
	le_put(out + AT_KIND, (uint64_t)e->kind, 1);
	le_put(out + AT_SUM, sum(out), 4);
}

bool logidx_take(struct str s, struct logidx_entry *e)
{
	if (s.n < LOGIDX_SIZE || le_get(s.p + AT_MAGIC, 4) != MAGIC ||
	    le_get(s.p + AT_SUM, 4) != sum(s.p))
		return false;
	*e = (struct logidx_entry){
		.kind = (enum logidx_kind)le_get(s.p + AT_KIND, 1),
		.offset = le_get(s.p + AT_OFFSET, 8),
		.boot = le_get(s.p + AT_BOOT, 8),
		.seq = le_get(s.p + AT_SEQ, 8),
		.count = le_get(s.p + AT_COUNT, 8),
		.unix_ns = (int64_t)le_get(s.p + AT_TIME, 8),
	};
	return e->kind == LOGIDX_LINE || e->kind == LOGIDX_GAP;
}

bool logidx_starts(struct str s)
{
	return s.n >= 4 && le_get(s.p + AT_MAGIC, 4) == MAGIC;
}

/* Reading */

long logidx_read(int fd, char *p, size_t n, uint64_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, p + done, n - done,
				    (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (long)done;
}

void logidx_open(struct logidx *x, int fd)
{
	struct stat st;

	x->fd = fd;
	x->n = x->at = 0;
	x->have = 0;
	if (fd >= 0 && !fstat(fd, &st) && st.st_size > 0)
		x->n = (uint64_t)st.st_size / LOGIDX_SIZE;
}

/* Who goes backwards gets those before i, who goes on those behind it. */
static bool load(struct logidx *x, uint64_t i)
{
	const uint64_t many = sizeof x->buf / LOGIDX_SIZE;
	uint64_t from = x->have && i < x->at ? i - i % many : i;
	long got = logidx_read(x->fd, x->buf, sizeof x->buf,
			       from * LOGIDX_SIZE);

	x->at = from;
	x->have = got > 0 ? (size_t)got / LOGIDX_SIZE : 0;
	return i < x->at + x->have;
}

int logidx_get(struct logidx *x, uint64_t i, struct logidx_entry *e)
{
	if (i >= x->n)
		return -1;
	if ((i < x->at || i >= x->at + x->have) && !load(x, i))
		return -1;
	return logidx_take((struct str){ x->buf + (i - x->at) * LOGIDX_SIZE,
					 LOGIDX_SIZE }, e);
}

bool logidx_find(struct logidx *x, uint64_t offset, uint64_t *i,
		 struct logidx_entry *e)
{
	const uint64_t many = sizeof x->buf / LOGIDX_SIZE;

	/* So that the first load gets what comes before the end. */
	x->at = x->n > many ? x->n - many : 0;
	if (x->n && !load(x, x->at))
		return false;
	for (uint64_t k = x->n; k-- > 0; ) {
		if (logidx_get(x, k, e) != 1 || e->offset > offset)
			continue;
		*i = k;
		return true;
	}
	return false;
}

bool logidx_time(int log, uint64_t offset, int64_t *unix_ns)
{
	char head[CRI_HEAD];
	struct cri_line l;
	long n = logidx_read(log, head, sizeof head, offset);

	if (n != sizeof head ||
	    !cri_take((struct str){ head, sizeof head }, &l))
		return false;
	*unix_ns = l.unix_ns;
	return true;
}

/* How many lines there are in a part of the file, and where the last is. */
static int count_lines(int log, uint64_t from, uint64_t to, uint64_t *lines,
		       uint64_t *last)
{
	char buf[16384];

	*lines = 0;
	*last = from;
	for (uint64_t at = from; at < to; ) {
		size_t want = to - at < sizeof buf ? to - at : sizeof buf;
		long n = logidx_read(log, buf, want, at);

		if (n < 0)
			return -1;
		if (!n)
			break;
		for (char *p = buf; (p = memchr(p, '\n', (size_t)(buf + n - p)));
		     p++) {
			uint64_t next = at + (uint64_t)(p - buf) + 1;

			++*lines;
			if (next < to)
				*last = next;
		}
		at += (uint64_t)n;
	}
	return 0;
}

int logidx_end(int log, uint64_t size, int idx, struct log_end *end)
{
	struct logidx_entry e = { 0 }, next;
	struct logidx x;
	uint64_t i = 0, lines, last, from = size > 2 * LOGIDX_STEP ?
					    size - 2 * LOGIDX_STEP : 0;
	int64_t time;

	*end = (struct log_end){ .known = false };
	if (!size)
		return 0;
	logidx_open(&x, idx);
	if (logidx_find(&x, size - 1, &i, &e)) {
		/* One that is damaged may have been about a line behind it;
		 * a good one is about a line that was never written. */
		end->known = logidx_time(log, e.offset, &time) &&
			     time == e.unix_ns &&
			     logidx_get(&x, i + 1, &next) != 0;
		end->entries = i + 1;
		end->marked = from = e.offset;
	}
	if (count_lines(log, from, size, &lines, &last) < 0)
		return -1;
	end->boot = e.boot;
	end->seq = e.seq + (e.kind == LOGIDX_GAP ? e.count : lines) - 1;
	if (!lines || (end->known && e.kind == LOGIDX_GAP && lines != 1))
		end->known = false;
	if (!logidx_time(log, last, &end->unix_ns))
		end->unix_ns = 0;
	if (!end->known)
		end->boot = end->seq = 0;
	return 0;
}
