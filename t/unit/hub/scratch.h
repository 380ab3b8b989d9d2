/* SPDX-License-Identifier: MIT */
#ifndef T_SCRATCH_H
#define T_SCRATCH_H

/*
 * A directory of a test's own, gone when the test ends.
 *
 *	int home = scratch();
 *	put(home, "services.json", "{}");
 */

#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_path[256];
static pid_t scratch_owner;

static inline void scratch_remove(int dirfd, const char *name)
{
	struct dirent *f;
	DIR *d;
	int fd;

	if (unlinkat(dirfd, name, 0) == 0)
		return;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (f = readdir(d)))
		if (strcmp(f->d_name, ".") && strcmp(f->d_name, ".."))
			scratch_remove(fd, f->d_name);
	if (d)
		closedir(d);
	unlinkat(dirfd, name, AT_REMOVEDIR);
}

static inline void scratch_end(void)
{
	if (getpid() == scratch_owner)
		scratch_remove(AT_FDCWD, scratch_path);
}

static inline void scratch_bail(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static inline int scratch(void)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	snprintf(scratch_path, sizeof scratch_path, "%s/pc-test-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(scratch_path))
		scratch_bail("no scratch directory");
	scratch_owner = getpid();
	atexit(scratch_end);
	fd = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		scratch_bail("no scratch directory");
	return fd;
}

/* Writes in place, so that the file keeps its inode. */
static inline void put_str(int dirfd, const char *name, struct str text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0644);

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		scratch_bail(name);
	close(fd);
}

static inline void put(int dirfd, const char *name, const char *text)
{
	put_str(dirfd, name, str_of(text));
}

/* Valid until the next call; NULL when there is no such file. */
static inline const char *get(int dirfd, const char *name)
{
	static char text[1 << 22];
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return NULL;
	while ((got = read(fd, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	text[n] = '\0';
	return text;
}

static inline bool is_text(struct str s, const char *want)
{
	if (str_is(s, want))
		return true;
	tap_diag("have: %.*s", STR_ARG(s));
	tap_diag("want: %s", want);
	return false;
}

#endif
