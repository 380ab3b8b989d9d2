/* SPDX-License-Identifier: MIT */
#include "sys/file.h"

#include "base/fmt.h"
#include "sys/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Directories on the way need not be readable, only passable. */
#ifndef O_SEARCH
#define O_SEARCH O_RDONLY
#endif

#define DIR_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define LOCK_PAUSE_MAX_MS 100

static void shut(int fd)
{
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
}

/* Directories */

static int step_error(struct err *e, const char *path, const char *name)
{
	if (errno == ELOOP || errno == ENOTDIR)
		return err_set(e, ERR_INVALID, "open directory %s: %s is a "
			       "symbolic link or no directory", path, name);
	return err_sys(e, "open directory %s: %s", path, name);
}

/* Into name below `at`, which is closed unless it is the caller's. */
static int step(int at, bool keep, const char *name, bool last, bool make,
		mode_t mode)
{
	int flags = (last ? O_RDONLY : O_SEARCH) | DIR_FLAGS;
	int fd = openat(at, name, flags);

	if (fd < 0 && errno == ENOENT && make &&
	    (!mkdirat(at, name, mode) || errno == EEXIST))
		fd = openat(at, name, flags);
	if (!keep)
		shut(at);
	return fd;
}

static int walk(int dirfd, const char *path, bool make, mode_t mode,
		struct err *e)
{
	struct str rest = str_of(path), head;
	char name[NAME_MAX + 1];
	bool keep = true;
	int at = dirfd;

	if (!rest.n)
		return err_set(e, ERR_INVALID, "open directory: no name");
	if (*rest.p == '/') {
		at = open("/", (str_trim(rest, "/").n ? O_SEARCH : O_RDONLY) |
			  DIR_FLAGS);
		keep = false;
	}
	rest = str_trim(rest, "/");
	while (rest.n && (at >= 0 || keep)) {
		str_cut(rest, '/', &head, &rest);
		rest = str_trim(rest, "/");
		if (str_is(head, ".") || str_is(head, "..") ||
		    !str_to_c(head, name, sizeof name)) {
			if (!keep)
				shut(at);
			return err_set(e, ERR_INVALID, "open directory %s: "
				       "bad component", path);
		}
		at = step(at, keep, name, !rest.n, make, mode);
		if (at < 0)
			return step_error(e, path, name);
		keep = false;
	}
	return at < 0 ? err_sys(e, "open directory %s", path) : at;
}

int dir_open(int dirfd, const char *path, struct err *e)
{
	return walk(dirfd, path, false, 0, e);
}

int dir_make(int dirfd, const char *path, mode_t mode, struct err *e)
{
	return walk(dirfd, path, true, mode, e);
}

/* Reading */

/* O_NONBLOCK: a fifo of that name must not hold us. */
static int open_regular(int dirfd, const char *name, int flags,
			struct stat *st, struct err *e)
{
	int fd = openat(dirfd, name, flags | O_RDONLY | O_NONBLOCK | O_NOCTTY |
			O_CLOEXEC);

	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_INVALID, "%s is a symbolic link", name);
	if (fd < 0 && errno == ENXIO)
		return err_set(e, ERR_INVALID, "%s is no regular file", name);
	if (fd < 0)
		return err_sys(e, "open %s", name);
	if (fstat(fd, st) < 0) {
		err_sys(e, "look at %s", name);
		shut(fd);
		return -1;
	}
	if (!S_ISREG(st->st_mode)) {
		shut(fd);
		return err_set(e, ERR_INVALID, "%s is no regular file", name);
	}
	return fd;
}

static ssize_t fill(int fd, char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, p + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/*
 * The size is only a hint: it may grow while we read, and files of /proc say
 * 0. One byte more than allowed is asked for, to see that it is not there.
 */
static int slurp(int fd, size_t hint, size_t max, struct arena *a,
		 struct str *out, struct err *e)
{
	size_t size = hint < 256 ? 256 : hint + 1, have = 0;
	char *text = NULL, *more;
	ssize_t got;

	for (;;) {
		if (size > max + 1)
			size = max + 1;
		more = arena_alloc(a, size);
		if (!more)
			return err_set(e, ERR_NO_MEMORY, "no memory");
		if (have)
			memcpy(more, text, have);
		text = more;
		got = fill(fd, text + have, size - have);
		if (got < 0)
			return err_sys(e, "read");
		have += (size_t)got;
		if (have < size)
			break;
		if (have > max)
			return err_set(e, ERR_FULL, "larger than %zu bytes",
				       max);
		size = size * 2;
	}
	*out = (struct str){ text, have };
	return 0;
}

static int read_open(int fd, const struct stat *st, const char *name,
		     size_t max, struct arena *a, struct str *out,
		     struct err *e)
{
	int rc;

	if ((uintmax_t)st->st_size > max)
		rc = err_set(e, ERR_FULL, "larger than %zu bytes", max);
	else
		rc = slurp(fd, (size_t)st->st_size, max, a, out, e);
	if (rc < 0)
		err_wrap(e, "%s", name);
	shut(fd);
	return rc;
}

int file_read(int dirfd, const char *name, size_t max, struct arena *a,
	      struct str *out, struct err *e)
{
	struct stat st = { 0 };
	int fd = open_regular(dirfd, name, O_NOFOLLOW, &st, e);

	return fd < 0 ? -1 : read_open(fd, &st, name, max, a, out, e);
}

int file_read_linked(int dirfd, const char *name, size_t max, struct arena *a,
		     struct str *out, struct err *e)
{
	struct stat st = { 0 };
	int fd = open_regular(dirfd, name, 0, &st, e);

	return fd < 0 ? -1 : read_open(fd, &st, name, max, a, out, e);
}

static bool is_trusted(uid_t owner)
{
	return owner == geteuid() || owner == 0;
}

/* Who may write the directory can put another file in its place. */
static bool is_open(const struct stat *dir)
{
	bool group = (dir->st_mode & S_IWGRP) && dir->st_gid != 0 &&
		     dir->st_gid != getegid();

	return !is_trusted(dir->st_uid) || group || (dir->st_mode & S_IWOTH);
}

static int check_private(int dirfd, const char *name, const struct stat *st,
			 struct err *e)
{
	struct stat dir;

	if (fstat(dirfd, &dir) < 0)
		return err_sys(e, "%s: look at its directory", name);
	if (is_open(&dir))
		return err_set(e, ERR_DENIED, "%s: its directory can be "
			       "changed by others than uid %u; chown it, and "
			       "chmod go-w it", name, (unsigned)geteuid());
	if (!is_trusted(st->st_uid))
		return err_set(e, ERR_DENIED, "%s: it belongs to uid %u; "
			       "chown it to uid %u", name,
			       (unsigned)st->st_uid, (unsigned)geteuid());
	if (st->st_mode & 077)
		return err_set(e, ERR_DENIED, "%s: its mode is %04o, and it "
			       "must be for its owner alone; chmod 600 it",
			       name, (unsigned)(st->st_mode & 07777));
	return 0;
}

int file_read_private(int dirfd, const char *name, size_t max,
		      struct arena *a, struct str *out, struct err *e)
{
	struct stat st = { 0 };
	int fd = open_regular(dirfd, name, O_NOFOLLOW, &st, e);

	if (fd < 0)
		return -1;
	if (check_private(dirfd, name, &st, e) < 0) {
		shut(fd);
		return -1;
	}
	return read_open(fd, &st, name, max, a, out, e);
}

static int64_t ns_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct file_id id_from(const struct stat *st)
{
	return (struct file_id){
		.exists = true,
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime_ns = ns_of(st->st_mtim),
		.ctime_ns = ns_of(st->st_ctim),
	};
}

int file_id(int dirfd, const char *name, struct file_id *id, struct err *e)
{
	struct stat st;

	*id = (struct file_id){ .exists = false };
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, "look at %s", name);
	}
	*id = id_from(&st);
	return 0;
}

int file_id_of(int fd, struct file_id *id, struct err *e)
{
	struct stat st;

	*id = (struct file_id){ .exists = false };
	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at an open file");
	*id = id_from(&st);
	return 0;
}

bool file_same(const struct file_id *a, const struct file_id *b)
{
	if (!a->exists || !b->exists)
		return a->exists == b->exists;
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* Writing */

int file_write_all(int fd, struct str s, struct err *e)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			poll(&pfd, 1, -1);
			continue;
		}
		if (n < 0)
			return err_sys(e, "write");
		s = str_skip(s, (size_t)n);
	}
	return 0;
}

static int sync_fd(int fd)
{
	int rc;

	do
		rc = fsync(fd);
	while (rc < 0 && errno == EINTR);
	return rc;
}

/* Some file systems cannot sync a directory and say EINVAL: they need not. */
static int sync_parent(int dirfd, const char *name)
{
	const char *slash = strrchr(name, '/');
	char dir[PATH_MAX] = ".";
	int fd, rc;

	if (slash && !str_to_c((struct str){ name, (size_t)(slash - name) + 1 },
			       dir, sizeof dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = sync_fd(fd);
	if (rc < 0 && errno == EINVAL)
		rc = 0;
	shut(fd);
	return rc;
}

static int new_temporary(int dirfd, const char *name, char *tmp, size_t size,
			 mode_t mode)
{
	int64_t ms = os_unix_ms();
	int fd, n;

	for (int tries = 0; tries < 100; tries++) {
		n = fmt(tmp, size, "%s.tmp-%ld-%lld", name,
			(long)getpid(), (long long)ms + tries);
		if (n < 0 || (size_t)n >= size) {
			errno = ENAMETOOLONG;
			return -1;
		}
		fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL |
			    O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static int write_temporary(int fd, struct str text, mode_t mode, struct err *e)
{
	/* The umask may have taken what was asked for. */
	if (fchmod(fd, mode) < 0)
		return err_sys(e, "set mode");
	return file_write_all(fd, text, e);
}

/* sync is passed in, so that who never waits for a disk does not link it. */
static int replace(int dirfd, const char *name, struct str text, mode_t mode,
		   int (*sync)(int fd), struct err *e)
{
	char tmp[PATH_MAX];
	int fd = new_temporary(dirfd, name, tmp, sizeof tmp, mode);
	int rc;

	if (fd < 0)
		return err_sys(e, "replace %s", name);
	rc = write_temporary(fd, text, mode, e);
	if (!rc && sync && sync(fd) < 0)
		rc = err_sys(e, "sync");
	shut(fd);
	if (!rc && renameat(dirfd, tmp, dirfd, name) < 0)
		rc = err_sys(e, "rename");
	if (rc < 0)
		unlinkat(dirfd, tmp, 0);
	return rc < 0 ? err_wrap(e, "replace %s", name) : 0;
}

int file_replace(int dirfd, const char *name, struct str text, mode_t mode,
		 struct err *e)
{
	if (replace(dirfd, name, text, mode, sync_fd, e) < 0)
		return -1;
	if (sync_parent(dirfd, name) < 0) {
		err_sys(e, "sync its directory");
		return err_wrap(e, "replace %s", name);
	}
	return 0;
}

int file_put(int dirfd, const char *name, struct str text, mode_t mode,
	     struct err *e)
{
	return replace(dirfd, name, text, mode, NULL, e);
}

/* Locking */

/* The name may have got another file while we waited for this one's lock. */
static bool still_names(int dirfd, const char *name, int fd)
{
	struct stat held, named;

	return !fstat(fd, &held) &&
	       !fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/* The descriptor, -1 with err, or -2: another has it. */
static int try_lock(int dirfd, const char *name, struct err *e)
{
	struct stat st;
	int fd;

	for (int tries = 0; tries < 100; tries++) {
		fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW |
			    O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_sys(e, "lock %s", name);
		if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
			shut(fd);
			return err_set(e, ERR_INVALID, "lock %s: "
				       "no regular file", name);
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK) {
				shut(fd);
				return -2;
			}
			err_sys(e, "lock %s", name);
			shut(fd);
			return -1;
		}
		if (still_names(dirfd, name, fd))
			return fd;
		shut(fd);
	}
	return err_set(e, ERR_FAILED, "lock %s: it is replaced all the time",
		       name);
}

int file_lock(int dirfd, const char *name, int wait_ms, struct err *e)
{
	int64_t end = os_now_ms() + wait_ms, left;
	int pause = 1, fd;

	for (;;) {
		fd = try_lock(dirfd, name, e);
		if (fd != -2)
			return fd;
		left = end - os_now_ms();
		if (left <= 0)
			return err_set(e, ERR_EXISTS, "%s is locked by another "
				       "process", name);
		if (pause > left)
			pause = (int)left;
		poll(NULL, 0, pause);
		pause *= 2;
		if (pause > LOCK_PAUSE_MAX_MS)
			pause = LOCK_PAUSE_MAX_MS;
	}
}
