/* SPDX-License-Identifier: MIT */
#include "hub/exits.h"

#include "base/le.h"
#include "hub/home.h"
#include "sys/file.h"
#include "wire/date.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x31584350u       /* "PCX1" */

/* Where each field of a slot stands. */
enum { AT_MAGIC = 0, AT_SUM = 4, AT_LENGTH = 8, AT_CAUSE = 10, AT_KNOWN = 11,
       AT_STATUS = 12, AT_LINES = 14, AT_NUMBER = 16, AT_PID = 24,
       AT_TIME = 32, AT_STARTED = 40, AT_UPTIME = 48, AT_TEXT = 56 };
enum { KNOWN_CODE = 1, KNOWN_SIGNAL = 2 };

static const char dots[] = "...";

const char *exit_cause_name(enum exit_cause cause)
{
	static const char *const names[] = {
#define X(id, name) [CAUSE_##id] = name,
		EXIT_CAUSES(X)
#undef X
	};

	return names[cause];
}

/* The bytes of all lines when none has more than cap. */
static size_t taken(const struct exit_rec *r, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nlines; i++)
		n += r->lines[i].n < cap ? r->lines[i].n : cap;
	return n;
}

/* The most that one line may have so that all of them fit. */
static size_t line_cap(const struct exit_rec *r)
{
	size_t high = EXIT_SLOT - AT_TEXT - 2 * r->nlines;
	size_t room = high, low = r->nlines ? room / r->nlines : room;

	while (low < high) {
		size_t mid = low + (high - low + 1) / 2;

		if (taken(r, mid) <= room)
			low = mid;
		else
			high = mid - 1;
	}
	return low;
}

/* Writes the line, cut where a character ends; its length. */
static size_t put_line(char *out, struct str line, size_t cap)
{
	size_t n = line.n;

	if (n > cap) {
		n = cap - (sizeof dots - 1);
		while (n && ((unsigned char)line.p[n] & 0xc0) == 0x80)
			n--;
	}
	if (n)
		memcpy(out, line.p, n);
	if (n == line.n)
		return n;
	memcpy(out + n, dots, sizeof dots - 1);
	return n + sizeof dots - 1;
}

size_t exit_encode(const struct exit_rec *r, char slot[EXIT_SLOT])
{
	size_t at = AT_TEXT, cap = line_cap(r);
	int known = r->signal >= 0 ? KNOWN_SIGNAL :
		    r->code >= 0 ? KNOWN_CODE : 0;
	int status = r->signal >= 0 ? r->signal : r->code;

	le_put(slot + AT_MAGIC, MAGIC, 4);
	le_put(slot + AT_CAUSE, (uint64_t)r->cause, 1);
	le_put(slot + AT_KNOWN, (uint64_t)known, 1);
	le_put(slot + AT_STATUS, known ? (uint64_t)status : 0, 2);
	le_put(slot + AT_LINES, r->nlines, 2);
	le_put(slot + AT_NUMBER, r->number, 8);
	le_put(slot + AT_PID, (uint64_t)r->pid, 8);
	le_put(slot + AT_TIME, (uint64_t)r->at_unix_ms, 8);
	le_put(slot + AT_STARTED, (uint64_t)r->started_unix_ms, 8);
	le_put(slot + AT_UPTIME, (uint64_t)r->uptime_ms, 8);
	for (size_t i = 0; i < r->nlines; i++) {
		size_t n = put_line(slot + at + 2, r->lines[i], cap);

		le_put(slot + at, n, 2);
		at += 2 + n;
	}
	le_put(slot + AT_LENGTH, at, 2);
	le_put(slot + AT_SUM, crc32((struct str){ slot + AT_LENGTH,
					       at - AT_LENGTH }), 4);
	return at;
}

static bool take_lines(struct exit_rec *r, struct str rest)
{
	for (size_t i = 0; i < r->nlines; i++) {
		size_t n;

		if (rest.n < 2)
			return false;
		n = le_get(rest.p, 2);
		rest = str_skip(rest, 2);
		if (rest.n < n)
			return false;
		r->lines[i] = str_take(rest, n);
		rest = str_skip(rest, n);
	}
	return !rest.n;
}

bool exit_decode(struct exit_rec *r, struct str slot)
{
	uint64_t known, status;
	struct str sum;
	size_t used;

	if (slot.n < AT_TEXT || le_get(slot.p + AT_MAGIC, 4) != MAGIC)
		return false;
	used = le_get(slot.p + AT_LENGTH, 2);
	if (used < AT_TEXT || used > slot.n || used > EXIT_SLOT)
		return false;
	sum = str_skip(str_take(slot, used), AT_LENGTH);
	if (le_get(slot.p + AT_SUM, 4) != crc32(sum))
		return false;
	known = le_get(slot.p + AT_KNOWN, 1);
	status = le_get(slot.p + AT_STATUS, 2);
	*r = (struct exit_rec){
		.number = le_get(slot.p + AT_NUMBER, 8),
		.cause = (enum exit_cause)le_get(slot.p + AT_CAUSE, 1),
		.code = known == KNOWN_CODE ? (int)status : -1,
		.signal = known == KNOWN_SIGNAL ? (int)status : -1,
		.pid = (pid_t)le_get(slot.p + AT_PID, 4),
		.at_unix_ms = (int64_t)le_get(slot.p + AT_TIME, 8),
		.started_unix_ms = (int64_t)le_get(slot.p + AT_STARTED, 8),
		.uptime_ms = (int64_t)le_get(slot.p + AT_UPTIME, 8),
		.nlines = le_get(slot.p + AT_LINES, 2),
	};
	return r->number && r->cause > CAUSE_NONE && r->cause < CAUSE_N &&
	       r->pid >= 0 && r->uptime_ms >= 0 && r->nlines <= EXIT_LINES &&
	       take_lines(r, str_skip(str_take(slot, used), AT_TEXT));
}

static void put_time(struct jsonw *w, const char *key, int64_t unix_ms)
{
	char text[DATE_ISO_SIZE];

	date_iso(unix_ms, text);
	jsonw_key(w, key);
	jsonw_cstr(w, unix_ms ? text : NULL);
}

static void put_known(struct jsonw *w, const char *key, int64_t n, bool known)
{
	jsonw_key(w, key);
	if (known)
		jsonw_int(w, n);
	else
		jsonw_null(w);
}

void exit_write_members(struct jsonw *w, const struct exit_rec *r)
{
	put_time(w, "at", r->at_unix_ms);
	put_known(w, "pid", r->pid, r->pid != 0);
	put_time(w, "started_at", r->started_unix_ms);
	put_known(w, "uptime_ms", r->uptime_ms, r->started_unix_ms != 0 &&
		  r->cause != CAUSE_KEEPER_KILLED);
	put_known(w, "code", r->code, r->code >= 0);
	put_known(w, "signal", r->signal, r->signal >= 0);
	jsonw_key(w, "cause");
	jsonw_cstr(w, exit_cause_name(r->cause));
	jsonw_key(w, "lines");
	jsonw_array(w);
	for (size_t i = 0; i < r->nlines; i++)
		jsonw_str(w, r->lines[i]);
	jsonw_end(w);
}

void exit_write(struct jsonw *w, const struct exit_rec *r)
{
	jsonw_object(w);
	exit_write_members(w, r);
	jsonw_end(w);
}

static enum exit_cause cause_of(struct str word)
{
	for (int c = CAUSE_NONE + 1; c < CAUSE_N; c++)
		if (str_is(word, exit_cause_name(c)))
			return c;
	return CAUSE_NONE;
}

static int64_t get_time(const struct json *j, const char *key)
{
	struct str text;
	int64_t ns;

	return json_str(json_get(j, key), &text) && date_parse(text, &ns) ?
		ns / 1000000 : 0;
}

bool exit_read(const struct json *j, struct exit_rec *r)
{
	int64_t pid = 0, code = -1, sig = -1;
	struct str word;

	*r = (struct exit_rec){ 0 };
	if (!json_str(json_get(j, "cause"), &word))
		return false;
	r->cause = cause_of(word);
	r->at_unix_ms = get_time(j, "at");
	r->started_unix_ms = get_time(j, "started_at");
	json_int(json_get(j, "pid"), 0, INT32_MAX, &pid);
	json_int(json_get(j, "code"), 0, 65535, &code);
	json_int(json_get(j, "signal"), 0, 65535, &sig);
	json_int(json_get(j, "uptime_ms"), 0, INT64_MAX, &r->uptime_ms);
	r->pid = (pid_t)pid;
	r->code = (int)code;
	r->signal = (int)sig;
	JSON_EACH(line, json_get(j, "lines"))
		if (r->nlines < EXIT_LINES &&
		    json_str(line, &r->lines[r->nlines]))
			r->nlines++;
	return true;
}

/* The file */

/* Nothing here may be waited for: what is no regular file is refused. */
static int open_file(int homefd, const char *name, int flags, struct err *e)
{
	struct stat st;
	int dir = flags & O_CREAT ? dir_make(homefd, HOME_EXITS, 0700, e) :
				    dir_open(homefd, HOME_EXITS, e);
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
		    O_NOCTTY, 0600);
	if (fd < 0)
		err_sys(e, HOME_EXITS "/%s", name);
	close(dir);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(e, ERR_INVALID, HOME_EXITS "/%s: not a regular file",
		       name);
}

/* The exit in that slot; one that belongs into another is none. */
static bool read_slot(int fd, size_t i, char slot[EXIT_SLOT],
		      struct exit_rec *r)
{
	ssize_t n = pread(fd, slot, EXIT_SLOT, (off_t)(i * EXIT_SLOT));

	return n > 0 && exit_decode(r, (struct str){ slot, (size_t)n }) &&
	       r->number % EXITS_KEPT == i;
}

static int newest_first(const void *pa, const void *pb)
{
	const struct exit_rec *a = pa, *b = pb;

	return a->number < b->number ? 1 : -1;
}

int exits_read(int homefd, const char *short_name, struct arena *a,
	       struct exits *out, struct err *e)
{
	struct err why = { 0 };
	int fd = open_file(homefd, short_name, O_RDONLY, &why);

	out->n = 0;
	if (fd < 0) {
		if (why.code == ERR_NOT_FOUND)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	for (size_t i = 0; i < EXITS_KEPT; i++) {
		struct exit_rec *r = &out->all[out->n];
		char slot[EXIT_SLOT];

		if (!read_slot(fd, i, slot, r))
			continue;
		for (size_t j = 0; j < r->nlines; j++)
			r->lines[j] = arena_str(a, r->lines[j]);
		out->n++;
	}
	close(fd);
	qsort(out->all, out->n, sizeof out->all[0], newest_first);
	if (arena_failed(a))
		return err_set(e, ERR_NO_MEMORY, "no memory for the exits");
	return 0;
}

static uint64_t last_number(int fd)
{
	char slot[EXIT_SLOT];
	struct exit_rec r;
	uint64_t last = 0;

	for (size_t i = 0; i < EXITS_KEPT; i++)
		if (read_slot(fd, i, slot, &r) && r.number > last)
			last = r.number;
	return last;
}

int exits_append(int homefd, const char *short_name, struct exit_rec *r,
		 uint64_t *last, struct err *e)
{
	int fd = open_file(homefd, short_name, O_RDWR | O_CREAT, e);
	char slot[EXIT_SLOT];
	ssize_t done;
	size_t n;

	if (fd < 0)
		return -1;
	if (!*last)
		*last = last_number(fd);
	r->number = ++*last;
	n = exit_encode(r, slot);
	done = pwrite(fd, slot, n, (off_t)(r->number % EXITS_KEPT *
					   EXIT_SLOT));
	if (done < 0)
		err_sys(e, HOME_EXITS "/%s", short_name);
	else if ((size_t)done < n)
		err_set(e, ERR_FULL, HOME_EXITS "/%s: the disk is full",
			short_name);
	close(fd);
	return done == (ssize_t)n ? 0 : -1;
}
