/* SPDX-License-Identifier: MIT */
/*
 * Every step may be the last: a kill between two of them leaves a file whose
 * end, or an index whose fit, is looked at again when it is opened. So an
 * index is renamed with its file but not in one step, and is believed only
 * where its times are those of the lines.
 */
#include "log/rotate.h"

#include "base/fmt.h"
#include "hub/home.h"
#include "log/cri.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE_MAX  1000         /* files set aside under one name */
#define ASIDE_SIZE (LOG_NAME_SIZE + 16)
#define OPEN_FLAGS (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static void shut(int *fd)
{
	int err = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = err;
}

bool logfile_source_ok(struct str s)
{
	return str_is(s, "hub") || str_is(s, "front") || home_short_ok(s);
}

void logfile_dir(struct str source, char dir[SHORT_SIZE + 8])
{
	fmt(dir, SHORT_SIZE + 8, "%.*s/logs", STR_ARG(source));
}

void logfile_names(const char *log, int n, char name[LOG_NAME_SIZE],
		   char idx[LOG_NAME_SIZE])
{
	char dot[4] = "";

	if (n)
		fmt(dot, sizeof dot, ".%d", n % 10);
	fmt(name, LOG_NAME_SIZE, "%.*s%s", SHORT_SIZE + 3, log, dot);
	fmt(idx, LOG_NAME_SIZE, "%.*s%s.idx", SHORT_SIZE + 3, log, dot);
}

void logfile_init(struct logfile *f, struct str source)
{
	char dir[SHORT_SIZE + 8];

	*f = (struct logfile){ .fd = -1, .idx = -1 };
	logfile_dir(source, dir);
	fmt(f->name, sizeof f->name, "%.*s.log", STR_ARG(source));
	fmt(f->path, sizeof f->path, "%s/%s", dir, f->name);
}

void logfile_close(struct logfile *f)
{
	shut(&f->fd);
	shut(&f->idx);
}

static int open_dir(const struct logfile *f, int homefd, struct err *e)
{
	char dir[LOG_PATH_SIZE];

	str_to_c((struct str){ f->path, strlen(f->path) - strlen(f->name) - 1 },
		 dir, sizeof dir);
	return dir_make(homefd, dir, 0700, e);
}

/* What is not ours */

static bool exists(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
}

static int set_aside(int dir, const char *name, struct err *e)
{
	char to[ASIDE_SIZE];

	for (int i = 1; i < ASIDE_MAX; i++) {
		if (i == 1)
			fmt(to, sizeof to, "%s.before-pc", name);
		else
			fmt(to, sizeof to, "%s.before-pc.%d", name, i);
		if (exists(dir, to))
			continue;
		if (renameat(dir, name, dir, to) < 0)
			return err_sys(e, "set %s aside", name);
		return 0;
	}
	return err_set(e, ERR_FULL, "set %s aside: too many are; remove some "
		       "of %s.before-pc.*", name, name);
}

/* By its first bytes; an empty one is anybody's. */
static bool is_ours(int fd, bool idx)
{
	char head[128];
	long n = logidx_read(fd, head, sizeof head, 0);
	struct str s = { head, n > 0 ? (size_t)n : 0 };

	return n >= 0 && (!s.n || (idx ? logidx_starts(s) : cri_starts(s)));
}

/* The descriptor; -1 with errno. EINVAL: it is no regular file. */
static int open_file(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | OPEN_FLAGS, 0600);
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

static int open_error(const char *name, struct err *e)
{
	if (errno == ELOOP)
		return err_set(e, ERR_INVALID, "%s is a symbolic link; remove "
			       "it", name);
	if (errno == EINVAL || errno == EISDIR || errno == ENXIO)
		return err_set(e, ERR_INVALID, "%s is no regular file; remove "
			       "it", name);
	return err_sys(e, "open %s", name);
}

/* Opens or makes a file of ours; an alien of that name is set aside. */
static int open_ours(int dir, const char *name, bool idx, struct err *e)
{
	int flags = O_RDWR | O_CREAT | (idx ? 0 : O_APPEND);
	int fd = open_file(dir, name, flags);

	if (fd < 0)
		return open_error(name, e);
	if (is_ours(fd, idx))
		return fd;
	shut(&fd);
	if (set_aside(dir, name, e) < 0)
		return -1;
	fd = open_file(dir, name, flags | O_EXCL);
	return fd < 0 ? open_error(name, e) : fd;
}

/* Makes the name free: what was ours is removed, any other set aside. */
static int clear(int dir, const char *name, bool idx, struct err *e)
{
	int fd;

	if (!exists(dir, name))
		return 0;
	fd = open_file(dir, name, O_RDONLY);
	if (fd < 0 || !is_ours(fd, idx)) {
		shut(&fd);
		return set_aside(dir, name, e);
	}
	shut(&fd);
	return unlinkat(dir, name, 0) < 0 ? err_sys(e, "remove %s", name) : 0;
}

/* Opening */

/*
 * The end of the last whole line. False when there is none as far back as a
 * line of ours may be long.
 */
static bool last_newline(int fd, uint64_t size, uint64_t *end)
{
	static char tail[4096];
	const uint64_t far = LINE_MAX_BYTES + CRI_EXTRA;

	*end = size;
	for (uint64_t at = size; at && size - at <= far; ) {
		size_t n = at < sizeof tail ? at : sizeof tail;

		at -= n;
		if (logidx_read(fd, tail, n, at) != (long)n)
			return false;
		while (n && tail[n - 1] != '\n')
			n--;
		*end = at + n;
		if (n || !at)
			return true;
	}
	return !size;
}

static int repair(struct logfile *f, struct err *e)
{
	struct stat st;
	uint64_t end = 0;

	if (fstat(f->fd, &st) < 0)
		return err_sys(e, "look at %s", f->name);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->size = (uint64_t)st.st_size;
	if (!last_newline(f->fd, f->size, &end))
		return err_set(e, ERR_INVALID, "%s has no end of line; move "
			       "it away", f->name);
	if (end == f->size)
		return 0;
	if (ftruncate(f->fd, (off_t)end) < 0)
		return err_sys(e, "take the cut line off %s", f->name);
	f->size = end;
	return 0;
}

/* A rotation in which the log goes on before an empty file. */
static void end_before(struct logfile *f, int dir)
{
	char name[LOG_NAME_SIZE], idx[LOG_NAME_SIZE];
	struct stat st;
	int log_fd, idx_fd;
	uint64_t size;

	logfile_names(f->name, 1, name, idx);
	log_fd = open_file(dir, name, O_RDONLY);
	if (log_fd < 0)
		return;
	idx_fd = open_file(dir, idx, O_RDONLY);
	if (!fstat(log_fd, &st) &&
	    last_newline(log_fd, (uint64_t)st.st_size, &size) &&
	    logidx_end(log_fd, size, idx_fd, &f->end) == 0)
		f->end.entries = f->end.marked = 0;
	shut(&log_fd);
	shut(&idx_fd);
}

static int find_end(struct logfile *f, int dir, struct err *e)
{
	if (logidx_end(f->fd, f->size, f->idx, &f->end) < 0)
		return err_sys(e, "read %s", f->name);
	if (ftruncate(f->idx, (off_t)(f->end.entries * LOGIDX_SIZE)) < 0)
		return err_sys(e, "cut the index of %s", f->name);
	if (!f->size)
		end_before(f, dir);
	return 0;
}

static int open_in(struct logfile *f, int dir, struct err *e)
{
	char name[LOG_NAME_SIZE], idx[LOG_NAME_SIZE];

	logfile_names(f->name, 0, name, idx);
	f->fd = open_ours(dir, name, false, e);
	if (f->fd < 0)
		return -1;
	f->idx = open_ours(dir, idx, true, e);
	if (f->idx < 0 || repair(f, e) < 0 || find_end(f, dir, e) < 0) {
		logfile_close(f);
		return -1;
	}
	return 0;
}

int logfile_open(struct logfile *f, int homefd, struct err *e)
{
	int dir = open_dir(f, homefd, e), rc;

	logfile_close(f);
	if (dir < 0)
		return -1;
	rc = open_in(f, dir, e);
	shut(&dir);
	return rc;
}

bool logfile_stands(const struct logfile *f, int homefd)
{
	struct stat st;

	return f->fd >= 0 &&
	       !fstatat(homefd, f->path, &st, AT_SYMLINK_NOFOLLOW) &&
	       st.st_dev == f->dev && st.st_ino == f->ino &&
	       (uint64_t)st.st_size == f->size;
}

/* Rotation */

static int move_on(int dir, const char *log, int n, struct err *e)
{
	char name[LOG_NAME_SIZE], idx[LOG_NAME_SIZE];
	char to[LOG_NAME_SIZE], to_idx[LOG_NAME_SIZE];

	logfile_names(log, n, name, idx);
	logfile_names(log, n + 1, to, to_idx);
	if (clear(dir, to_idx, true, e) < 0)
		return -1;
	if (renameat(dir, name, dir, to) < 0 && errno != ENOENT)
		return err_sys(e, "rename %s", name);
	if (renameat(dir, idx, dir, to_idx) < 0 && errno != ENOENT)
		return err_sys(e, "rename %s", idx);
	return 0;
}

/* As many move on as there are before the first name that is free. */
static int rotate_in(struct logfile *f, int dir, struct err *e)
{
	char name[LOG_NAME_SIZE], idx[LOG_NAME_SIZE];
	int n = 1;

	for (; n < LOG_ROTATIONS; n++) {
		logfile_names(f->name, n, name, idx);
		if (!exists(dir, name))
			break;
	}
	logfile_names(f->name, n, name, idx);
	if (clear(dir, name, false, e) < 0)
		return -1;
	while (n-- > 0)
		if (move_on(dir, f->name, n, e) < 0)
			return -1;
	return open_in(f, dir, e);
}

static int rotate(struct logfile *f, int homefd, struct err *e)
{
	int dir = open_dir(f, homefd, e), rc;

	logfile_close(f);
	if (dir < 0)
		return -1;
	rc = rotate_in(f, dir, e);
	shut(&dir);
	return rc < 0 ? err_wrap(e, "rotate") : 0;
}

/* Writing */

static int put_marks(struct logfile *f, struct str entries, struct err *e)
{
	ssize_t n = pwrite(f->idx, entries.p, entries.n,
			   (off_t)(f->end.entries * LOGIDX_SIZE));

	if (n != (ssize_t)entries.n) {
		errno = n < 0 ? errno : ENOSPC;
		return err_sys(e, "write its index");
	}
	f->end.entries += entries.n / LOGIDX_SIZE;
	return 0;
}

static int write_marks(struct logfile *f, const struct logmark *m, size_t n,
		       struct err *e)
{
	char out[64 * LOGIDX_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		struct logidx_entry entry = m[i].entry;

		entry.offset += f->size;
		if (!m[i].must && entry.offset &&
		    entry.offset - f->end.marked < LOGIDX_STEP)
			continue;
		f->end.marked = entry.offset;
		logidx_put(&entry, out + len);
		len += LOGIDX_SIZE;
		if (len < sizeof out)
			continue;
		if (put_marks(f, (struct str){ out, len }, e) < 0)
			return -1;
		len = 0;
	}
	return len ? put_marks(f, (struct str){ out, len }, e) : 0;
}

/* A short write is a disk that is full: what is in is taken back. */
static int append(struct logfile *f, struct str lines, struct err *e)
{
	ssize_t n;

	do
		n = write(f->fd, lines.p, lines.n);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)lines.n) {
		f->size += lines.n;
		return 0;
	}
	if (n >= 0)
		errno = ENOSPC;
	err_sys(e, "write");
	if (n > 0 && ftruncate(f->fd, (off_t)f->size) < 0)
		err_add(e, "; a cut line is left");
	return -1;
}

int logfile_write(struct logfile *f, int homefd, struct str lines,
		  const struct logmark *marks, size_t nmarks, struct err *e)
{
	if (f->size && f->size + lines.n > LOG_FILE_MAX &&
	    rotate(f, homefd, e) < 0)
		return -1;
	if (write_marks(f, marks, nmarks, e) < 0 || append(f, lines, e) < 0) {
		logfile_close(f);
		return -1;
	}
	return 0;
}
